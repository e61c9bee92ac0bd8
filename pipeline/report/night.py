"""The folder of one run: ``run.log`` for people; ``events.jsonl``, ``results.json`` for machines.

It lies in ``runs`` beside the output and is named after the time the run began. Reports are worth
less than the run: where they cannot be written, a warning says so once, and nothing is raised.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from pipeline.errors import PipelineError
from pipeline.report.results import Results

RUNS, LOG, EVENTS, RESULTS = "runs", "run.log", "events.jsonl", "results.json"
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?")
_TEMPORARY = f".{RESULTS}.tmp-"
#: The first event is far shorter, and the last one hardly longer.
_LINE_BYTES = 65536

log = logging.getLogger("pipeline")


class Night:
    """One run's folder, to be used in a ``with`` statement around the whole run.

    What the logger ``pipeline`` is told meanwhile, from INFO up, goes into ``run.log``.

    Parameters
    ----------
    output : Path
        The netCDF file that the run makes; the folder ``runs`` is made beside it.
    command : str
        As it was typed.
    keep : int
        So many folders of runs for this output are left when the run has finished.

    Attributes
    ----------
    run_id : str
        Name of the folder: when the run began, with ``-2`` and so on where that is taken.
    started : datetime.datetime
        UTC, to the second.
    folder : Path or None
        None where it could not be made.

    Examples
    --------
    >>> with Night(Path("output/season.nc")) as night:  # doctest: +SKIP
    ...     night.event("batch", profiles=50)
    ...     night.finish(results)
    """

    def __init__(self, output: Path, *, command: str = "", keep: int = 30) -> None:
        self.output = output
        self.command = command
        self.keep = keep
        self.started = datetime.now(UTC).replace(microsecond=0)
        self.run_id = self.started.strftime(_TIME_FORMAT)
        self.folder: Path | None = None
        self._files: dict[str, _Lines] = {}
        self._handlers: list[logging.Handler] = []
        self._level = logging.NOTSET
        self._warned = False

    def __enter__(self) -> Night:
        with self._or_warn():
            self._make_folder()
        self._level = log.level
        # With a handler of ours, logging no longer brings warnings to the terminal by itself.
        last_resort = [] if log.hasHandlers() or not logging.lastResort else [logging.lastResort]
        self._handlers = [_LogHandler(lambda line: self._add(LOG, line)), *last_resort]
        for handler in self._handlers:
            log.addHandler(handler)
        if log.getEffectiveLevel() > logging.INFO:
            log.setLevel(logging.INFO)
        self.event(
            "started",
            run_id=self.run_id,
            output=self.output.name,  # says whose folder this is, see `run_folders`
            command=self.command,
            host=socket.gethostname(),
            pid=os.getpid(),
        )
        with self._or_warn():  # so that the folder is known for ours also after a power cut
            for file in self._files.values():
                file.sync()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and not isinstance(error, SystemExit):
            expected = isinstance(error, PipelineError)
            said = [str(error)] if expected else traceback.format_exception(error)
            self._add(LOG, f"{_now('seconds')} ERROR {''.join(said).rstrip()}")
            self.event("failed", error=type(error).__name__, message=str(error))
        log.setLevel(self._level)
        for handler in self._handlers:
            log.removeHandler(handler)
        for file in self._files.values():
            with self._or_warn():
                file.close()
        self._files.clear()

    def event(self, kind: str, /, **facts: Any) -> None:
        """Add an event to ``events.jsonl``; it is there also if the run is killed right after.

        Parameters
        ----------
        kind : str
            One word, such as ``batch``.
        **facts
            Text, numbers, lists and dicts; anything else is written as text.
        """
        with self._or_warn():
            line = {"time": _now("milliseconds"), "kind": kind}
            self._add(EVENTS, json.dumps(line | facts | line, default=_plain, allow_nan=False))

    def finish(self, results: Results) -> None:
        """Write ``results.json``, at once and whole, and remove the oldest folders."""
        self.event("ended", ended=results.ended, exit_code=results.exit_code)
        if self.folder is not None:
            with self._or_warn():
                _replace(self.folder / RESULTS, results.model_dump_json(indent=1) + "\n")
        with self._or_warn():
            for folder in run_folders(self.output)[self.keep :]:
                if folder != self.folder:
                    _remove(folder)

    def _make_folder(self) -> None:
        """Make the folder and open its files."""
        runs = self.output.parent / RUNS
        runs.mkdir(parents=True, exist_ok=True)
        number, name = 1, self.run_id
        while True:
            try:
                (runs / name).mkdir()
                break
            except FileExistsError:
                number += 1
                name = f"{self.run_id}-{number}"
        self.run_id, self.folder = name, runs / name
        for file in (LOG, EVENTS):
            self._files[file] = _Lines(self.folder / file)

    def _add(self, file: str, line: str) -> None:
        with self._or_warn():
            if file in self._files:
                self._files[file].add(line)

    @contextmanager
    def _or_warn(self) -> Iterator[None]:
        """Warn once of whatever goes wrong, and go on."""
        try:
            yield
        except Exception as error:  # no report is worth the run
            if not self._warned:
                self._warned = True
                place = self.folder or self.output.parent / RUNS
                why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
                log.warning(
                    "%s: reports of this run cannot be written: %s; the run goes on", place, why
                )


@dataclass(frozen=True, slots=True)
class PastNight:
    """A run as its folder tells of it.

    Parameters
    ----------
    folder : Path
    started : datetime.datetime
        UTC.
    results : Results or None
        None where there are none, or they cannot be read.
    problem : str
        Why not; empty where there are some.
    unfinished : bool
        There is no ``results.json``: the run was killed, or is still at work.
    """

    folder: Path
    started: datetime
    results: Results | None
    problem: str = ""
    unfinished: bool = False


def last_nights(output: Path, count: int) -> list[PastNight]:
    """Return the last runs for an output, newest first, whatever became of them.

    Parameters
    ----------
    output : Path
        The netCDF file.
    count : int
        How many at most.

    Returns
    -------
    list of PastNight
        Empty where there is none. A run at work is among them, still without results.
    """
    return [_past_night(folder) for folder in run_folders(output)[:count]]


def run_folders(output: Path) -> list[Path]:
    """Return the folders of runs for an output, newest first; of others in ``runs``, none.

    A folder is one of them if it is named as such, is no link, and says itself whose it is: in
    the first line of ``events.jsonl``, or, where there is none, in ``results.json``.
    """
    found = []
    with suppress(OSError), os.scandir(output.parent / RUNS) as entries:
        for entry in entries:
            age = _age(entry.name)
            if age and entry.is_dir(follow_symlinks=False):
                found.append((age, Path(entry.path)))
    return [folder for _, folder in sorted(found, reverse=True) if _whose(folder) == output.name]


def _age(name: str) -> tuple[datetime, int] | None:
    """Return what a folder's name says of its age; None if it is not the name of a run."""
    match = _NAME.fullmatch(name)
    if match:
        with suppress(ValueError):  # digits, but no date
            moment = datetime.strptime(match[1], _TIME_FORMAT).replace(tzinfo=UTC)
            return moment, int(match[2] or 1)
    return None


def _whose(folder: Path) -> str:
    """Return the name of the output that a run was for; empty where that cannot be known."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        with open(folder / EVENTS, "rb") as stream:
            first = json.loads(stream.readline(_LINE_BYTES))
        if first["kind"] == "started":
            return str(first["output"])
    with suppress(OSError, ValueError, TypeError, KeyError):
        return Path(json.loads((folder / RESULTS).read_bytes())["output"]).name
    return ""


def _past_night(folder: Path) -> PastNight:
    age = _age(folder.name)
    started = age[0] if age else datetime.fromtimestamp(0, UTC)
    try:
        return PastNight(
            folder, started, Results.model_validate_json((folder / RESULTS).read_bytes())
        )
    except FileNotFoundError:
        problem = f"no {RESULTS}{_last_event(folder)}"
        return PastNight(folder, started, None, problem, unfinished=True)
    except OSError as error:
        problem = f"{RESULTS} cannot be read: {error.strerror}"
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"{RESULTS} is damaged or of another version: {place} {first['msg']}"
    return PastNight(folder, started, None, problem)


def _last_event(folder: Path) -> str:
    """Say what the last whole line of ``events.jsonl`` is about; nothing where there is none."""
    with suppress(OSError), open(folder / EVENTS, "rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - _LINE_BYTES))
        for line in reversed(stream.read().splitlines()):
            with suppress(ValueError, TypeError, KeyError):  # cut off in the middle
                event = json.loads(line)
                return f" (last event: {event['kind']}, {event['time']})"
    return ""


def _remove(folder: Path) -> None:
    """Remove a run's folder, unless somebody has put something into it."""
    names = set(os.listdir(folder))
    if any(
        name not in (LOG, EVENTS, RESULTS) and not name.startswith(_TEMPORARY) for name in names
    ):
        return
    for name in sorted(names, key=lambda name: name == EVENTS):  # what says whose it is, last
        (folder / name).unlink()
    folder.rmdir()


def _replace(path: Path, text: str) -> None:
    """Write a file aside, have it on the disk, and put it into its place."""
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}")
    try:
        with open(temporary, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


class _Lines:
    """A file that lines are added to, each handed to the kernel at once."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._torn = False

    def add(self, line: str) -> None:
        data = ("\n" * self._torn + line + "\n").encode("utf-8", "backslashreplace")
        written = os.write(self._descriptor, data)
        self._torn = 0 < written < len(data)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class _LogHandler(logging.Handler):
    """Hands on records as lines: UTC time, level, text."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record))
        except Exception:  # as the handlers of the standard library do
            self.handleError(record)


def _now(precision: str) -> str:
    return datetime.now(UTC).isoformat(timespec=precision).removesuffix("+00:00") + "Z"


def _plain(value: Any) -> Any:
    """Return what JSON knows for a number of numpy, and text for all else."""
    return value.item() if hasattr(value, "item") else str(value)
