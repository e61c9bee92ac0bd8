"""How fast: the compiled engine, the MetPy engine and peers in turn, on the same soundings.

All take turns in each round, since the speed of a shared machine changes from one second to the
next. A time is CPU time on one core, so that what other programs take does not count; only what
a second thread gains is told by the clock, in moments in which others left both cores alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from statistics import median
from typing import NamedTuple

from _engines import SCALARS, Soundings, by_kernels
from _peers import Peer, whole_levels
from _usage import busy_seconds

from pipeline.engines.metpy import Request, evaluate

SBCAPE_SBCIN = ("sbcape", "sbcin")
#: What is timed, by name: outputs.
OUTPUTS = {"SBCAPE and SBCIN": SBCAPE_SBCIN, "whole catalogue": SCALARS}
#: Of MetPy and the peers, so many profiles a round; others in each round.
METPY_PROFILES = {"SBCAPE and SBCIN": 60, "whole catalogue": 20}
PEER_PROFILES = 200

#: One thread against two: so many profiles, until so many slices were quiet, or so many were not.
SLICE, LEAST_QUIET, MOST_SLICES = 10_000, 41, 200
#: In a quiet moment, others keep no more than so many cores busy.
QUIET = 0.15

Work = Callable[[int], int]
"""Does its part of a round, told its number; returns how many profiles that were."""


class Gain(NamedTuple):
    """What a second thread gains."""

    quiet: float
    """The median of the quietest slices."""
    everywhere: float
    slices: int
    """How many slices those were."""
    others: float
    """How many cores others kept busy in them, at most."""
    control: float
    """What a second thread gains there at a work that shares nothing: what the machine allows."""


@dataclass(frozen=True)
class Times:
    """What something took a profile, in microseconds, one value a round."""

    cpu: list[float]
    clock: list[float]

    @property
    def typical(self) -> float:
        """The median CPU time."""
        return median(self.cpu)


@contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """Keep this thread, and those that it starts, to some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def some_cores(count: int) -> list[int]:
    """Return so many of the cores that this process may use."""
    return sorted(os.sched_getaffinity(0))[:count]


def all_ways(these: Soundings, many: Soundings, peers: Sequence[Peer]) -> dict[str, Work]:
    """Return everything that is timed, by name."""
    ways: dict[str, Work] = {}
    for what, names in OUTPUTS.items():
        ways[f"compiled, {what}"] = _compiled(many, names)
        ways[f"MetPy engine, {what}"] = _metpy(these, names, METPY_PROFILES[what])
    whole = whole_levels(these)
    for peer in peers:
        ways[f"{peer.name}, SBCAPE and CIN"] = _peer(peer, whole)
    return ways


def _compiled(many: Soundings, names: Sequence[str]) -> Work:
    def work(_round: int) -> int:
        by_kernels(many, names)
        return len(many.profiles)

    return work


def _metpy(these: Soundings, names: tuple[str, ...], count: int) -> Work:
    def work(turn: int) -> int:
        part = these.profiles[turn :: max(1, len(these.profiles) // count)]
        for levels in part:
            evaluate(*levels, request=Request(names))
        return len(part)

    return work


def _peer(peer: Peer, whole: Sequence[tuple[object, ...]]) -> Work:
    prepared = peer.prepared(whole)  # type: ignore[arg-type]

    def work(turn: int) -> int:
        part = prepared[turn :: max(1, len(prepared) // PEER_PROFILES)]
        peer.all_sbcape(part)
        return len(part)

    return work


def timed(ways: dict[str, Work], rounds: int) -> dict[str, Times]:
    """Return what each way takes on one core; the first round, not counted, warms the caches."""
    times = {name: Times([], []) for name in ways}
    with on(set(some_cores(1))):
        for turn in range(rounds + 1):
            for name, work in ways.items():
                cpu, clock = time.process_time(), time.perf_counter()
                profiles = work(turn)
                seconds = (time.process_time() - cpu, time.perf_counter() - clock)
                if turn:
                    times[name].cpu.append(1e6 * seconds[0] / profiles)
                    times[name].clock.append(1e6 * seconds[1] / profiles)
    return times


def threads_gain(these: Soundings) -> Gain:
    """Return how many times as fast the whole catalogue is by two threads as by one."""
    part = these.repeated(SLICE)
    works = [partial(by_kernels, part, SCALARS, threads=threads) for threads in (1, 2)]
    controls = [partial(_hashed_twice, threads) for threads in (1, 2)]
    slices: list[tuple[float, float, float]] = []
    while sum(others <= QUIET for others, *_ in slices) < LEAST_QUIET:
        if len(slices) == MOST_SLICES:
            break
        busy, own, began = busy_seconds(), time.process_time(), time.perf_counter()
        gain, control = _gain(*works), _gain(*controls)
        ours, all_of_it = time.process_time() - own, time.perf_counter() - began
        slices.append((max(0.0, busy_seconds() - busy - ours) / all_of_it, gain, control))
    quiet = sorted(slices)[:LEAST_QUIET]
    gains = [median(gain for _, gain, _ in some) for some in (quiet, slices)]
    control = median(control for *_, control in quiet)
    return Gain(gains[0], gains[1], len(quiet), quiet[-1][0], control)


def _gain(by_one: Callable[[], object], by_two: Callable[[], object]) -> float:
    """Return how many times as fast a work by two threads is as one by one, on the same two cores.

    What one thread does is the mean of what it does on each: others on the same machine can make
    either slower than the other.
    """
    cores = some_cores(2)
    speeds = [1.0 / _clock(by_one, {core}) for core in cores]
    return len(speeds) / (sum(speeds) * _clock(by_two, set(cores)))


def _clock(work: Callable[[], object], cores: set[int]) -> float:
    """Return the seconds of a work on some cores."""
    with on(cores):
        began = time.perf_counter()
        work()
        return time.perf_counter() - began


def _hashed_twice(threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(sha256, (_HASHED, _HASHED)))


#: Some megabytes.
_HASHED = bytes(100_000_000)
