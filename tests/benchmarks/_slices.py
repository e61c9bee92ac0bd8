"""The calculate stage slice by slice, by few workers and by many in turn: what more workers gain.

A whole run takes so long that the machine is another one in the next: other programs come and go,
and neighbours that a virtual machine cannot see take their share of its cores, or its two cores
are threads of one. A slice takes seconds. Beside each stands what the same workers gain on a loop
that shares nothing and waits for nothing: more than that the machine does not give.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from _common import SEASON, print_table, read_and_clean
from _usage import busy_seconds, cpu_seconds

if TYPE_CHECKING:
    from pipeline.executors import Executor

AIM = 1.8
#: What other programs may keep busy, in cores, while nothing counts as disturbed.
QUIET = 0.1
#: Profiles in a slice: some seconds, many times what the last one of a slice may keep waiting.
SLICE = 42
PASSES = 2
SPINS = 16

#: What is measured of some work: seconds, cores that the workers kept busy, and others.
Taken = tuple[float, float, float]


def spin(count: int) -> int:
    """Keep a core busy for about 50 ms, with Python and a little memory, like MetPy's units."""
    table: dict[int, tuple[int, str]] = {}
    for number in range(count):
        table[number & 1023] = (number, str(number & 7))
    return len(table)


def taken(executor: Executor, function: Callable[..., Any], items: list[Any]) -> Taken:
    """Return what it takes to call a function with all items."""
    me = os.getpid()
    busy, tree, own = busy_seconds(), cpu_seconds(me), time.process_time()
    began = time.perf_counter()
    for _ in executor.starmap(function, items):
        pass
    seconds = time.perf_counter() - began
    tree, own, busy = cpu_seconds(me) - tree, time.process_time() - own, busy_seconds() - busy
    return seconds, (tree - own) / seconds, (busy - tree) / seconds


def run_slices(workers: Sequence[int]) -> list[dict[str, list[Taken]]]:
    """Return what each slice of the season, and the loop beside it, took by few and by many."""
    from pipeline.calculate import argument_tuples
    from pipeline.calculations import DEFAULT_GROUPS, resolve
    from pipeline.crew import CALCULATING, READING
    from pipeline.engines.metpy import Request, evaluate
    from pipeline.executors import open_executor

    preload = READING + CALCULATING
    work = partial(evaluate, request=Request(tuple(c.name for c in resolve(DEFAULT_GROUPS))))
    with (
        open_executor("pool", workers=workers[0], preload=preload) as few,
        open_executor("pool", workers=workers[-1], preload=preload) as many,
    ):
        dataset, _ = read_and_clean(SEASON, few)
        items = list(argument_tuples(dataset))
        taken(many, work, items[:8])  # starts the workers
        starts = [*range(0, len(items) - SLICE + 1, SLICE)] * PASSES
        spins = [(300_000,)] * SPINS
        return [
            {
                "season": [taken(each, work, items[start : start + SLICE]) for each in (few, many)],
                "loop": [taken(each, spin, spins) for each in (few, many)],
            }
            for start in starts
        ]


def show_slices(slices: Sequence[dict[str, list[Taken]]], workers: Sequence[int]) -> bool:
    """Print what more workers gain; return False if it misses the aim."""
    quiet = [one for one in slices if max(part[2] for part in one["season"]) < QUIET]
    print(f"The calculate stage in slices of {SLICE} profiles, {workers[0]} against {workers[-1]}")
    print("workers, medians. The last column is the gain if each core were one of its own, by the")
    print("cores that the workers keep busy.")
    busy = [f"{count} keep{'s' * (count == 1)} busy" for count in (workers[0], workers[-1])]
    header = ("", "slices", "gain", "a loop's gain", *busy, "own cores")
    rows = [
        (name, len(some), *(f"{figure:.2f}" for figure in figures(some)))
        for name, some in (("all", slices), (f"others below {QUIET} cores", quiet))
        if some
    ]
    print_table(header, rows)
    if not quiet:
        print("Other programs disturbed every slice, so none counts: measure again.")
        return True
    gain = figures(quiet)[-1]
    print(f"{'holds' if gain >= AIM else 'FAILS'}  {gain:.2f} >= {AIM} on cores of their own")
    return gain >= AIM


def figures(slices: Sequence[dict[str, list[Taken]]]) -> tuple[float, ...]:
    """Return gain by the clock, that of the loop, cores kept busy by few and many, their ratio."""
    gain, of_loop = (
        median(few[0] / many[0] for few, many in (one[what] for one in slices))
        for what in ("season", "loop")
    )
    few_busy, many_busy = (median(one["season"][who][1] for one in slices) for who in (0, 1))
    return gain, of_loop, few_busy, many_busy, many_busy / few_busy
