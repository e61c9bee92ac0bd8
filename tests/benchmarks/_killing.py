"""Runs that are killed at any instant, and what must hold after each kill and at the end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from _place import CONFIG, OUTPUT, Place, Run, reports
from _same import differences, lost_or_doubled

#: How often a run is looked at: well below what its shortest phase takes.
LOOK_SECONDS = 0.004
LEFT_OVER = {CONFIG, OUTPUT, f".{OUTPUT}.lock", "runs"}
SHARED_MEMORY = Path("/dev/shm")
#: What Python and semaphores call theirs there; others of this machine put in what they like.
SEGMENTS = ("psm_", "sem.", "pym-", "pymp-")
#: So long others may keep theirs.
OTHERS_SECONDS = 30.0
#: No run of a benchmark takes so long.
ENDLESS_SECONDS = 1800.0


# Where a run is ----------------------------------------------------------------------------------


def being_written(folder: Path) -> bool:
    """Tell whether there is a half-written file of an output."""
    return any(folder.glob(".*.tmp-*"))


def work_folder(season: Path) -> Path:
    """Return where the batches of a season are kept until they are published."""
    return season / f".{OUTPUT}.work"


def to_publish(events: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a run has nothing left to calculate, with one sounding in each source."""
    waiting = [event["waiting"] for event in events if event["kind"] == "planned"]
    done = sum(event["profiles"] for event in events if event["kind"] == "batch")
    return bool(waiting) and done >= waiting[0]


def phase(run: Run, last_note: float) -> str:
    """Return what a run was at when it was killed, from what it left on the disk.

    Parameters
    ----------
    last_note : float
        When a calculation was last done, as `time.time`.
    """
    events = run.events()
    kinds = [event["kind"] for event in events]
    if not events:
        return "starting"
    if "planned" not in kinds:
        return "planning"
    if "published" in kinds:
        return "reporting"
    if to_publish(events):
        return "publishing"
    if being_written(work_folder(run.season)):
        return "committing"
    return "calculating" if last_note > _moment(events[-1]) else "reading"


def _moment(event: dict[str, Any]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(event["time"]).timestamp()


# When it is killed -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Aim:
    """An instant to kill a run at: so many seconds after something can be seen of it."""

    name: str
    seen: Callable[[Run], bool]
    seconds: float


def aims(count: int, random: Random, span: float, publishing: float) -> list[Aim]:
    """Return at which instants the runs of one night are killed, those at its end last.

    Parameters
    ----------
    span : float
        Seconds: most kills fall anywhere from the start of a run to there.
    publishing : float
        Seconds that publishing takes.
    """
    last = max(1, count // 5)
    each = max(1, count // 12)
    chosen = [
        *[Aim("planning", _has("started"), random.uniform(0, 0.3)) for _ in range(each)],
        *[Aim("reading", _has("planned"), random.uniform(0, 0.3 * span)) for _ in range(each)],
        *[
            Aim(
                "committing",
                lambda run: being_written(work_folder(run.season)),
                random.uniform(0, 0.05),
            )
            for _ in range(each)
        ],
    ][: count - last]
    anywhere = count - last - len(chosen)
    chosen += [Aim("any", lambda run: True, random.uniform(0, span)) for _ in range(anywhere)]
    random.shuffle(chosen)
    return chosen + [
        Aim("publishing", lambda run: to_publish(run.events()), random.uniform(0, publishing))
        for _ in range(last)
    ]


def _has(kind: str) -> Callable[[Run], bool]:
    return lambda run: any(event["kind"] == kind for event in run.events())


def killed(run: Run, aim: Aim) -> float | None:
    """Kill a run and all its processes at an instant; return after how many seconds.

    None where it had ended before.
    """
    began = time.monotonic()
    instant = float("inf")
    try:
        while run.process.poll() is None and time.monotonic() < instant:
            if instant == float("inf") and aim.seen(run):
                instant = time.monotonic() + aim.seconds
            if time.monotonic() > began + ENDLESS_SECONDS:
                break
            time.sleep(max(0.0, min(LOOK_SECONDS, instant - time.monotonic())))
    finally:  # also where this benchmark itself is ended
        run.kill()
    return time.monotonic() - began if run.process.wait() == -signal.SIGKILL else None


# What must hold ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kill:
    """What a kill found and left."""

    night: int
    aim: str
    seconds: float
    phase: str
    output: str
    """Which one is published after it: ``old`` or ``new``."""
    kept: int
    """Profiles in finished batches."""


@dataclass
class Killing:
    """Nights from one old output to the new one, in which runs are killed and taken up again.

    Parameters
    ----------
    place : Place
        With all input files, one sounding each.
    season : Path
        Its output is the old one.
    reference : Path
        The output of an undisturbed run from nothing.
    seed : int
    """

    place: Place
    season: Path
    reference: Path
    seed: int = 0
    kills: list[Kill] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    nights: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.output = self.season / OUTPUT
        self.old = self.output.read_bytes()
        self.found_new = b""
        self.segments = _segments()
        files = self.place.files
        self.inputs = [path.relative_to(files) for path in files.rglob("*") if path.is_file()]

    def night(self, waiting: list[Aim]) -> Iterator[Kill]:
        """Run one night to its end, with kills; take from `waiting` those that it came to."""
        self.nights += 1
        self.output.write_bytes(self.old)
        self.found_new = b""
        kept = 0
        while True:
            run = self.place.start(self.season)
            aim = waiting[0] if waiting else Aim("none", lambda run: False, 0.0)
            seconds = killed(run, aim)
            if alive := self.place.outliving():
                self._violated(f"processes outlive their run: {alive}")
            if seconds is None:
                waiting.extend(waiting[:1])  # it was done before; another run may be slower
                del waiting[:1]
                break
            waiting.pop(0)
            at, output = self._phase(run), self._published()
            kill = Kill(self.nights, aim.name, seconds, at, output, self._kept())
            if kill.output == "old" and kill.kept < kept:
                self._violated(f"{kept} profiles were kept before, {kill.kept} are now")
            kept = kill.kept
            self.kills.append(kill)
            yield kill
        if run.process.returncode:
            self._violated(f"exit code {run.process.returncode}: {self.place.said()}")
            waiting.clear()
        self._demand_all_is_well()

    def _violated(self, what: str) -> None:
        self.violations.append(f"night {self.nights}, after {len(self.kills)} kills: {what}")

    def _phase(self, run: Run) -> str:
        notes = self.place.folder / "notes" / "noted"
        return phase(run, notes.stat().st_mtime if notes.exists() else 0.0)

    def _published(self) -> str:
        """Return which output is published, and check that it opens, and is what it is."""
        import pipeline

        content = self.output.read_bytes()
        pipeline.open_season(self.output)
        if content == self.old:
            if self.found_new:
                self._violated("the old output is back")
            return "old"
        if content != self.found_new:
            found = differences(self.output, self.reference)
            if found:
                self._violated(f"the output is neither the old nor the new one: {found}")
                return "neither"
            self.found_new = content
        return "new"

    def _kept(self) -> int:
        from pipeline.journal import Journal

        return sum(len(known.positions) for known in Journal(self.output).look().values())

    def _demand_all_is_well(self) -> None:
        """Check the end of a night."""
        if self._published() == "old":
            self._violated("the output is still the old one")
        for what in lost_or_doubled(self.output, self.inputs)[:5]:
            self._violated(what)
        left = set(os.listdir(self.season)) - LEFT_OVER
        if left:
            self._violated(f"left in the folder: {sorted(left)}")
        last = reports(self.season)[-1]
        if not (last / "results.json").is_file():
            self._violated(f"{last} has no results.json")
        segments = _segments() - self.segments
        deadline = time.monotonic() + OTHERS_SECONDS
        while segments and time.monotonic() < deadline:  # other programs' come and go
            time.sleep(0.2)
            segments &= _segments()
        if segments:
            self._violated(f"left in {SHARED_MEMORY}: {sorted(segments)}")


def _segments() -> set[str]:
    """Return the names of the shared memory of all processes of this machine."""
    names = os.listdir(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else []
    return {name for name in names if name.startswith(SEGMENTS)}


def put_earlier(place: Place, files: Sequence[Path], base: Path) -> int:
    """Put in the files of an earlier day: every other one, of these every 20th not yet whole.

    Returns
    -------
    int
        How many are already as they stay.
    """
    earlier = files[::2]
    place.put(earlier, base)
    cut = earlier[::20]
    for file in cut:
        copy = place.files / file.relative_to(base)
        copy.write_text(without_last_level(copy.read_text()))
    return len(earlier) - len(cut)


def without_last_level(text: str) -> str:
    """Return an ``%RAW%`` sounding without its highest level."""
    before, end, after = text.partition("%END%")
    return before.rstrip("\n").rpartition("\n")[0] + "\n" + end + after
