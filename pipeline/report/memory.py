"""The most memory that a run took: its own process, and the largest of those that it started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

#: What ``ru_maxrss`` counts in: bytes on macOS, kB elsewhere.
_UNITS_OF_A_MB = 1e6 if sys.platform == "darwin" else 1e6 / 1024


class Memory(BaseModel):
    """The most memory that was resident at one time (MB), with what is shared with others."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    main: NonNegativeFloat = Field(description="the run's own process; 0 where it is not known")
    largest_child: NonNegativeFloat = Field(
        description="the largest of the processes it started: those that ended and were waited "
        "for, and on Linux those alive at one of the looks, which are taken while the run goes "
        "on. A worker that was started and died between two looks is not seen, nor is one on "
        "another machine; outside Linux no worker of a fork server is. 0 where nothing was seen."
    )


def peak_memory(before: Memory | None = None) -> Memory:
    """Look at the memory of this process and of all that it started.

    A worker that the fork server starts is no child of this process, so the kernel's account of
    children (``RUSAGE_CHILDREN``) leaves it out. It is looked at in ``/proc``, where its own
    highest mark stands as long as it lives: look at least once before a pool is closed.

    Parameters
    ----------
    before : Memory, optional
        What the last look gave; the larger numbers are kept.

    Examples
    --------
    >>> memory = peak_memory()
    >>> peak_memory(memory).main >= memory.main
    True
    """
    main = children = 0.0
    if resource is not None:
        main = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_OF_A_MB
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNITS_OF_A_MB
    largest = max([children, *(_highest_mark(pid) for pid in _descendants())])
    if before is not None:
        main, largest = max(main, before.main), max(largest, before.largest_child)
    return Memory(main=round(main, 1), largest_child=round(largest, 1))


def _descendants() -> Iterator[int]:
    """Yield all processes that came of this one and live; none where there is no ``/proc``."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):  # it has just ended
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    waiting = list(children.get(os.getpid(), []))
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, [])


def _highest_mark(pid: int) -> float:
    """Return the most memory that a process has held (MB); 0 if it has just ended."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0
