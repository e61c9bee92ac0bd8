"""What a process and all its children use, looked at from outside, in Linux's ``/proc``."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

#: Looking takes a few milliseconds, of which the runs should not notice anything.
LOOK_SECONDS = 1.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """Memory and time that a tree of processes took, as far as looking now and then can see."""

    seconds: float = 0.0
    """From start to end, by the wall clock."""
    peaks: dict[int, float] = field(default_factory=dict)
    """By process: the most memory it ever held (MB), with what it shares with others."""
    parents: dict[int, int] = field(default_factory=dict)
    together: float = 0.0
    """The most that all held at one time (MB), what they share counted once."""
    cpu: dict[int, float] = field(default_factory=dict)
    """By process: CPU seconds."""
    others: float = 0.0
    """How many cores programs other than these and this one kept busy, on average."""

    def peak(self, generation: int) -> float:
        """Return the highest peak (MB) among children (1), grandchildren (2) and so on."""
        of_age = [peak for pid, peak in self.peaks.items() if self._generation(pid) == generation]
        return max(of_age, default=float("nan"))

    def _generation(self, pid: int) -> int:
        return 1 + self._generation(self.parents[pid]) if pid in self.parents else 0


def watch(process: subprocess.Popen[str]) -> Usage:
    """Wait for a process to end, looking at it and its children meanwhile."""
    usage = Usage()
    began, busy, own = time.perf_counter(), busy_seconds(), time.process_time()
    while process.returncode is None:
        _look(process.pid, usage)
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
    usage.seconds = time.perf_counter() - began
    ours = sum(usage.cpu.values()) + time.process_time() - own
    usage.others = max(0.0, (busy_seconds() - busy - ours) / usage.seconds)
    return usage


def _look(root: int, usage: Usage) -> None:
    held = 0.0
    for pid, parent in _tree(root):
        try:
            folder = Path("/proc") / str(pid)
            status = _fields(folder / "status")
            held += _fields(folder / "smaps_rollup")["Pss"] / 1024
            times = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError, KeyError):  # it has just ended
            continue
        usage.peaks[pid] = status["VmHWM"] / 1024
        usage.cpu[pid] = (int(times[11]) + int(times[12])) / TICKS
        if pid != root:
            usage.parents[pid] = parent
    usage.together = max(usage.together, held)


def _tree(root: int) -> Iterator[tuple[int, int]]:
    """Yield a process and all that came of it, each with its parent."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    waiting = [(root, 0)]
    while waiting:
        pid, parent = waiting.pop()
        yield pid, parent
        waiting += [(child, pid) for child in children.get(pid, [])]


def cpu_seconds(root: int) -> float:
    """Return the CPU seconds of a process and of all that came of it and still live."""
    ticks = 0
    for pid, _ in _tree(root):
        with suppress(FileNotFoundError, ProcessLookupError):
            times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(times[11]) + int(times[12])
    return ticks / TICKS


def _fields(path: Path) -> dict[str, int]:
    """Return the numbers of a file of ``name: number kB`` lines."""
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    values = ((name, value.split()) for name, _, value in pairs)
    return {name: int(value[0]) for name, value in values if value and value[0].isdigit()}


def busy_seconds() -> float:
    """Return the CPU seconds that all programs together have used since the machine started."""
    user, nice, system, _, _, interrupt, soft, steal, *_ = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + interrupt + soft + steal) / TICKS
