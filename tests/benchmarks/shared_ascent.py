"""What lifting each parcel only once saves: our engine against MetPy's functions one by one.

    python tests/benchmarks/shared_ascent.py [--profiles 20] [--rounds 5]

One process; CPU time a profile, since other programs may run; all ways in turn on each profile, so
that a slow moment slows all of them; medians over rounds. The profiles are a mix of the season's,
of those for which every function of the catalogue has an answer. Exit code 1 if our engine takes
more than half the time that the functions take one by one.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before NumPy is loaded: as in a worker, one thread.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
from _common import SEASON, machine, print_table, read_and_clean

if TYPE_CHECKING:
    from pipeline.engines.metpy import Request

MOST = 0.5
ASCENTS = ("parcel_profile", "parcel_profile_with_lcl")

Levels = tuple[np.ndarray[Any, np.dtype[np.float64]], ...]
Way = Callable[[Levels], Any]


def whole_profiles(count: int) -> list[Levels]:
    """Return the level variables of profiles for which every function has an answer."""
    import _by_hand as by_hand

    from pipeline.calculate import argument_tuples
    from pipeline.executors import open_executor

    def has_answers(levels: Levels) -> bool:
        """Tell whether all can be called by hand: 950 hPa is there, winds reach 6 km, ..."""
        try:
            by_hand.catalogue(by_hand.sounding(*levels))
        except (ValueError, IndexError):
            return False
        return True

    with open_executor("serial") as executor:
        dataset, _ = read_and_clean(SEASON, executor)
    found: list[Levels] = []
    for levels in spread(list(argument_tuples(dataset))):
        whole = np.isfinite(levels).all(axis=0)
        part = tuple(values[whole] for values in levels)
        if has_answers(part):
            found.append(part)
        if len(found) == count:
            break
    return found


def spread(items: list[Levels]) -> Iterator[Levels]:
    """Yield all items in an order that is mixed, and always the same."""
    for index in np.random.default_rng(2003).permutation(len(items)):
        yield items[index]


def request(*groups: str, judged: bool = False) -> Request:
    """Return what a config with these groups asks of our engine, post-conditions or not."""
    from pipeline.calculations import resolve
    from pipeline.engines.metpy import Request
    from pipeline.quality.results import needed_for

    names = [calculation.name for calculation in resolve(groups)]
    return Request(tuple(dict.fromkeys([*names, *(needed_for(names) if judged else ())])))


def ways() -> dict[str, Way]:
    """Return everything that is timed, by name."""
    import _by_hand as by_hand

    from pipeline.calculations import DEFAULT_GROUPS
    from pipeline.engines.metpy import evaluate

    def hand(function: Callable[..., Any]) -> Way:
        """Return a call that starts from plain arrays, as ours does."""
        return lambda levels: function(by_hand.sounding(*levels))

    def ours(wanted: Request) -> Way:
        evaluate_wanted = partial(evaluate, request=wanted)
        return lambda levels: evaluate_wanted(*levels)

    return {
        "parcels one by one": hand(by_hand.parcels),
        "parcels with care": hand(by_hand.careful_parcels),
        "parcels ours": ours(request("parcels")),
        "catalogue one by one": hand(by_hand.catalogue),
        "catalogue ours": ours(request(*DEFAULT_GROUPS)),
        "catalogue ours, judged": ours(request(*DEFAULT_GROUPS, judged=True)),
        "wet-bulb zero one by one": hand(by_hand.wet_bulb_zero),
        "wet-bulb zero ours": ours(request("wet_bulb_zero_height")),
        "winds one by one": hand(by_hand.winds),
        "winds ours": ours(request("winds")),
    }


def timed(every: dict[str, Way], profiles: Sequence[Levels], rounds: int) -> dict[str, float]:
    """Return the CPU milliseconds that each way takes a profile: the mean of medians.

    The ways take turns on every single profile, since the speed of a shared machine changes from
    one second to the next.
    """
    seconds = np.empty((rounds, len(profiles), len(every)))
    for turn in np.ndindex(rounds, len(profiles)):
        for place, way in enumerate(every.values()):
            began = time.process_time()
            way(profiles[turn[1]])
            seconds[*turn, place] = time.process_time() - began
    typical = 1000.0 * np.median(seconds, axis=0).mean(axis=0)
    return dict(zip(every, typical.tolist(), strict=True))


def profiled(way: Way, profiles: Sequence[Levels]) -> pstats.Stats:
    """Return what a way calls, as the interpreter itself sees it: nothing is replaced."""
    profiler = cProfile.Profile()
    profiler.enable()
    for levels in profiles:
        way(levels)
    profiler.disable()
    return pstats.Stats(profiler)


def calls(stats: pstats.Stats, name: str) -> int:
    """Return how often MetPy's function of that name ran."""
    entries: dict[tuple[str, int, str], Any] = stats.stats  # type: ignore[attr-defined]
    return sum(
        entry[1]
        for (file, _, function), entry in entries.items()
        if function == name and Path(file).match("metpy/calc/*.py")
    )


def same_numbers(profiles: Sequence[Levels]) -> int:
    """Return for how many profiles CAPE and CIN of all parcels are the same, to the last bit."""
    import _by_hand as by_hand

    from pipeline.engines.metpy import evaluate

    parcels = ("sb", "ml", "mu")
    wanted = request(*(f"{parcel}{what}" for parcel in parcels for what in ("cape", "cin")))
    compute = partial(evaluate, request=wanted)
    count = 0
    for levels in profiles:
        results = by_hand.parcels(by_hand.sounding(*levels))
        theirs = [value.m_as("J/kg") for parcel in parcels for value in results[parcel]]
        ours = dict(zip(wanted.names, compute(*levels).scalars, strict=True))
        names = [f"{parcel}{what}" for parcel in parcels for what in ("cape", "cin")]
        count += [ours[name] for name in names] == theirs
    return count


def busiest(stats: pstats.Stats, count: int, profiles: int) -> Iterator[tuple[str, str, str, str]]:
    """Yield where the time of our engine goes: calls, own and total milliseconds a profile."""
    entries: dict[tuple[str, int, str], Any] = stats.stats  # type: ignore[attr-defined]
    by_total = sorted(entries.items(), key=lambda entry: entry[1][3], reverse=True)
    for (file, _, function), (_, number, own, total, _) in by_total[:count]:
        place = f"{Path(file).parent.name}/{Path(file).name}:{function}"
        figures = (number / profiles, 1000.0 * own / profiles, 1000.0 * total / profiles)
        yield place[-60:], *(f"{figure:.1f}" for figure in figures)  # type: ignore[misc]


def show_times(times: dict[str, float], stats: dict[str, pstats.Stats], profiles: int) -> None:
    """Print what each way takes, and its share of the functions one by one."""
    rows = []
    for name, milliseconds in times.items():
        subject = next(
            word for word in ("parcels", "catalogue", "wet-bulb zero", "winds") if word in name
        )
        ratio = milliseconds / times[f"{subject} one by one"]
        numbers = (f"{calls(stats[name], ascent) / profiles:.1f}" for ascent in ASCENTS)
        rows.append((name, f"{milliseconds:.1f}", f"{ratio:.2f}", *numbers))
    print_table(("", "CPU ms a profile", "of one by one", *ASCENTS), rows)
    rest = {
        who: times[f"catalogue {who}"] - times[f"wet-bulb zero {who}"]
        for who in ("one by one", "ours")
    }
    print(
        f"Without wet-bulb zero: {rest['one by one']:.1f} ms one by one, {rest['ours']:.1f} ours, "
        f"ratio {rest['ours'] / rest['one by one']:.2f}\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profiles", type=int, default=20, help="how many profiles")
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds")
    parser.add_argument("--functions", type=int, default=0, metavar="N", help="show the N busiest")
    options = parser.parse_args(arguments)
    for line in machine():
        print(line)
    warnings.simplefilter("ignore")  # MetPy's; ours collects them
    profiles = whole_profiles(options.profiles)
    levels = [len(one[0]) for one in profiles]
    print(f"soundings {len(profiles)} of {SEASON.name}, {min(levels)} to {max(levels)} levels")
    print(f"same CAPE and CIN, to the last bit, on {same_numbers(profiles)} of them\n")

    every = ways()
    times = timed(every, profiles, options.rounds)
    stats = {name: profiled(way, profiles) for name, way in every.items()}
    show_times(times, stats, len(profiles))
    if options.functions:
        rows = busiest(stats["catalogue ours"], options.functions, len(profiles))
        print_table(("catalogue ours (under the profiler)", "calls", "own ms", "total ms"), rows)

    ratios = {
        name: times[f"{name} ours"] / times[f"{name} one by one"]
        for name in ("parcels", "catalogue")
    }
    for name, ratio in ratios.items():
        print(f"{'holds ' if ratio <= MOST else 'FAILS '} {name}: {ratio:.2f} <= {MOST}")
    return 0 if max(ratios.values()) <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
