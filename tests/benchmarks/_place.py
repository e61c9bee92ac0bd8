"""A folder in which a benchmark has the command line run seasons, as a user or a timer does.

The code is copied into it first: whoever edits the project meanwhile would otherwise change the
recipe, and with it what there is to do.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _common import PROJECT
from _noting import HOLD, NOTES

CONFIG, OUTPUT = "season.yaml", "season.nc"
#: Notes are left by custom calculations, which are to tell how often they were called.
NOTED = {"noted": {"function": "_noting:noted", "inputs": ["pressure"], "units": "hPa"}}
ADDED = {"added": {"function": "_noting:added", "inputs": ["pressure"], "units": "hPa"}}


@dataclass(frozen=True, slots=True)
class Run:
    """A run under way in a season's folder, the leader of a session of its own."""

    process: subprocess.Popen[str]
    season: Path
    before: frozenset[str]
    """The reports that were there already."""

    def kill(self) -> None:
        """Kill it with all its processes, if it is still there."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def events(self) -> list[dict[str, Any]]:
        """Return what it has reported so far."""
        return next((events(folder) for folder in reports(self.season, self.before)), [])


@dataclass(frozen=True, slots=True)
class Place:
    """Input files, the code as it was at the start, and one folder a season.

    Parameters
    ----------
    folder : Path
        Absolute.
    """

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Place:
        """Return a new one."""
        place = cls(folder.resolve())
        for name in ("files", "code", "notes"):
            (place.folder / name).mkdir(parents=True)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / "pipeline", place.folder / "code" / "pipeline", ignore=ignored)
        shutil.copy(Path(__file__).with_name("_noting.py"), place.folder / "code")
        return place

    @property
    def files(self) -> Path:
        """The folder of the input files."""
        return self.folder / "files"

    @property
    def code(self) -> Path:
        """The folder of the code that runs."""
        return self.folder / "code"

    def put(self, files: Iterable[Path], base: Path) -> None:
        """Copy input files into the place, under their paths relative to `base`."""
        for file in files:
            target = self.files / file.relative_to(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)

    def season(self, name: str, workers: int, **settings: Any) -> Path:
        """Return the folder of a season of all input files, with its config (JSON is YAML)."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        config = {
            "input": ["../files"],
            "output": OUTPUT,
            "executor": {"kind": "pool", "workers": workers},
            "custom": NOTED,
        }
        (folder / CONFIG).write_text(json.dumps(config | settings, indent=1) + "\n")
        return folder

    def start(
        self, season: Path, *words: str, python: Sequence[str] = (), within: Sequence[str] = ()
    ) -> Run:
        """Start ``python -m pipeline run`` in a session of its own.

        Parameters
        ----------
        season : Path
        *words : str
            Options of the run.
        python : sequence of str
            Options of Python.
        within : sequence of str
            A command that starts another one, for example with less of something.
        """
        before = frozenset(folder.name for folder in reports(season))
        options = ["-m", "pipeline", "run", CONFIG, "--quiet", *words]
        command = [*within, sys.executable, *python, *options]
        with open(self.folder / "stderr.txt", "w") as stderr:
            process = subprocess.Popen(
                command,
                cwd=season,
                env=self.environment(),
                text=True,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        return Run(process, season, before)

    def environment(self) -> dict[str, str]:
        """Return the environment of runs: the copied code, and where notes go."""
        places = {"PYTHONPATH": "code", NOTES: "notes"}
        return os.environ | {name: str(self.folder / place) for name, place in places.items()}

    def said(self) -> str:
        """Return what the last run has written to stderr."""
        return (self.folder / "stderr.txt").read_text()

    def finish(self, season: Path, *words: str) -> None:
        """Run a season and leave it in peace; raise SystemExit if it fails."""
        run = self.start(season, *words)
        try:
            code = run.process.wait()
        finally:
            run.kill()
        if code:
            raise SystemExit(f"the run of {season} ended with exit code {code}: {self.said()}")

    def hold_from(self, count: int) -> None:
        """Have calculations wait, from the count-th on."""
        aside = self.folder / "notes" / "aside"
        aside.write_text(str(count))
        aside.replace(self.folder / "notes" / HOLD)

    def let_go(self) -> None:
        """Have them wait no longer."""
        (self.folder / "notes" / HOLD).unlink(missing_ok=True)

    def noted(self, name: str = "noted") -> int:
        """Return how many times a calculation was done, in all runs together."""
        notes = self.folder / "notes" / name
        return notes.stat().st_size if notes.exists() else 0

    def outliving(self, seconds: float = 10.0) -> list[int]:
        """Return the processes that still live so long after their run (Linux only).

        A fork server ends by itself, when it notices that its run has ended.
        """
        until = time.monotonic() + seconds
        while (alive := self._alive()) and time.monotonic() < until:
            time.sleep(0.01)
        return alive

    def _alive(self) -> list[int]:
        mark = f"{NOTES}={self.folder / 'notes'}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:  # the environment of a zombie is empty
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
            except OSError:  # it has just ended, or is somebody else's
                continue
        return found


def reports(season: Path, but: Iterable[str] = ()) -> list[Path]:
    """Return the folders of the reports of a season, in the order of their runs."""
    if not (season / "runs").is_dir():
        return []
    return sorted(folder for folder in (season / "runs").iterdir() if folder.name not in but)


def events(report: Path) -> list[dict[str, Any]]:
    """Return the events of a report; a last line that is cut off is left out."""
    path = report / "events.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def results(season: Path) -> dict[str, Any]:
    """Return the results of the last run of a season."""
    found: dict[str, Any] = json.loads((reports(season)[-1] / "results.json").read_text())
    return found
