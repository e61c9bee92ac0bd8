"""The compiled engine: MetPy's numbers, how fast, and what its corrected rules change.

    python tests/benchmarks/compiled.py [FOLDER] [--cache FILE] [--json FILE] [--rounds 7]

Reads and cleans every sounding of a folder (by default the 2142 of the SARS collection in
$PIPELINE_SHARED_DATA or ../shared/data, or else the season of this project). MetPy takes some
minutes for the whole catalogue of them all, unless its results are in the cache already. Exit
code 1 if one of the criteria at the end fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

# Before NumPy is loaded: one core is one core.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np
from _common import SEASON, all_soundings, machine, print_table

if TYPE_CHECKING:
    from _engines import Column, Soundings
    from _peers import Peer


LEAST_PROFILES = 50_000
MOST_EXCEPTIONS = 0.001
MOST_MICROSECONDS = {"SBCAPE and SBCIN": 6.0, "whole catalogue": 60.0}
LEAST_TIMES_METPY = 1000.0
LEAST_THREADS_GAIN = 1.8
MOST_SEASON_SECONDS = 4.0

Findings = dict[str, Any]


class Criterion(NamedTuple):
    """A row of the last table."""

    what: str
    wanted: str
    found: str
    ok: bool


# Exactness ---------------------------------------------------------------------------------------


def exactness(folder: Path, every: int, cache: Path | None) -> tuple[Soundings, Findings, Any]:
    """Return the soundings, how the engines' numbers compare, and MetPy's SBCAPE."""
    import _engines
    import _exceptions

    from pipeline.crew import CALCULATING, READING
    from pipeline.executors import open_executor

    with open_executor("pool", preload=READING + CALCULATING) as executor:
        these = _engines.soundings(folder, executor, every)
        print(f"soundings {len(these.ids)} in {folder}, {these.offsets[-1]} levels", flush=True)
        metpy = _engines.by_metpy(these, executor, cache)
        began = time.perf_counter()
        compiled = _engines.by_kernels(these)
        first = time.perf_counter() - began
        left = _engines.left_to_metpy(these, metpy, compiled)
        found = _engines.columns(these, metpy, compiled)
        differences = _exceptions.look_into(these, found, executor)
    reasons = list(_engines.other_reasons(metpy, compiled))
    return (
        these,
        {
            "profiles": len(these.ids),
            "levels": int(these.offsets[-1]),
            "first_call_seconds": first,
            "outputs": {name: statistics(column) for name, column in found.items()},
            "exceptions": [each._asdict() for each in differences],
            "other_reasons": reasons,
            "left_to_metpy": left,
            "without_kernel": compiled.without_kernel,
        },
        found["sbcape"].metpy,
    )


def statistics(column: Column) -> Findings:
    """Return how far apart the engines are in one output."""
    there = column.difference[~np.isnan(column.difference)]
    median, high, worst = np.percentile(there, [50, 99, 100]) if len(there) else [np.nan] * 3
    most, relative, why = column.tolerance
    return {
        "values": len(there),
        "median": float(median),
        "percentile_99": float(high),
        "worst": float(worst),
        "tolerance": most,
        "relative": relative,
        "why": why,
        "only_one": int(column.only_one.sum()),
        "beyond": len(column.exceptions),
    }


def show_exactness(found: Findings, ids: Sequence[str]) -> None:
    """Print what differs, and by how much."""
    print("\nCompiled against MetPy engine. r: relative to the value; beyond: values out of")
    print("tolerance, those that one engine alone has (only one) included.")
    header = ("", "values", "median", "99 %", "worst", "allowed", "only one", "beyond")
    rows = [
        (
            name,
            one["values"],
            *(f"{one[key]:.1e}" for key in ("median", "percentile_99", "worst")),
            f"{one['tolerance']:g}{' r' if one['relative'] else '  '}",
            one["only_one"],
            one["beyond"],
        )
        for name, one in found["outputs"].items()
    ]
    print_table(header, rows)
    whys = {one["why"]: one["tolerance"] for one in found["outputs"].values()}
    print_table(("tolerance", ""), ((why, f"{most:g}") for why, most in whys.items()))
    if found["exceptions"]:
        print("Exceptions. Nearest: what MetPy's engine says nearest to the kernel on levels moved")
        print("by at most 1e-4 K; explained if within tolerance of the kernel.")
        header = ("profile", "output", "MetPy", "compiled", "nearest", "")
        rows = [
            (
                ids[one["profile"]],
                one["name"],
                *(f"{one[key]:.6g}" for key in ("metpy", "compiled", "nearest")),
                "explained" if one["explained"] else "NOT EXPLAINED",
            )
            for one in found["exceptions"]
        ]
        print_table(header, rows)
    for profile, name, what in found["other_reasons"][:40]:
        print(f"other reason  {ids[profile]}  {name}: {what}")
    for profile, names in found["left_to_metpy"].items():
        print(f"left to MetPy  {ids[profile]}: {', '.join(names)}")
    print(f"First call, whole catalogue: {found['first_call_seconds']:.1f} s\n")


def exactness_criteria(found: Findings) -> Iterator[Criterion]:
    """Yield what must hold between the engines."""
    exceptions = found["exceptions"]
    profiles = {one["profile"] for one in exceptions}
    unexplained = [one for one in exceptions if not one["explained"]]
    only_one = [one for one in unexplained if np.isnan(one["metpy"]) != np.isnan(one["compiled"])]
    most = MOST_EXCEPTIONS * found["profiles"]
    rows = (
        ("profiles with an exception", f"<= {most:.1f}", len(profiles), len(profiles) <= most),
        ("exceptions not explained", "0", len(unexplained), not unexplained),
        ("of these, in one engine only", "0", len(only_one), not only_one),
        ("missing for another reason", "0", len(reasons := found["other_reasons"]), not reasons),
        (
            "profiles left to MetPy",
            f"<= {most:.1f}",
            len(left := found["left_to_metpy"]),
            len(left) <= most,
        ),
        ("outputs without a kernel", "0", len(none := found["without_kernel"]), not none),
    )
    for what, wanted, value, ok in rows:
        yield Criterion(what, wanted, str(value), ok)


# Speed -------------------------------------------------------------------------------------------


def speed(these: Soundings, metpy_sbcape: Any, rounds: int) -> Findings:
    """Return what everybody takes, and how far the peers are from MetPy."""
    import _peers
    import _speed

    peers = _peers.peers()
    many = these.repeated(LEAST_PROFILES)
    times = _speed.timed(_speed.all_ways(these, many, peers), rounds)
    whole = _peers.whole_levels(these)
    return {
        "profiles": len(many.profiles),
        "rounds": rounds,
        "ways": {
            name: {"cpu": one.cpu, "clock": one.clock, "typical": one.typical}
            for name, one in times.items()
        },
        "threads": _speed.threads_gain(these)._asdict(),
        "peers": {peer.name: off(peer, whole, metpy_sbcape) for peer in peers},
    }


def off(peer: Peer, whole: Sequence[Any], metpy: Any) -> Findings:
    """Return how far a peer's surface-based CAPE is from MetPy's."""
    apart = np.abs(peer.all_sbcape(peer.prepared(whole)) - metpy)
    there = apart[~np.isnan(apart)]
    return {
        "compared": len(there),
        "median": float(np.median(there)),
        "worst": float(there.max()),
        "within_1": float((there <= 1.0).mean()),
    }


def show_speed(found: Findings) -> None:
    """Print what everybody takes."""
    ways, threads = found["ways"], found["threads"]
    print(
        f"One core, microseconds a profile, medians of {found['rounds']} rounds in turn; compiled:"
    )
    print(f"{found['profiles']} profiles a round, MetPy and peers: a sample of the same.")
    rows = []
    for name, one in ways.items():
        base = "SBCAPE and SBCIN" if "catalogue" not in name else "whole catalogue"
        gain = ways[f"MetPy engine, {base}"]["typical"] / one["typical"]
        spread = f"{min(one['cpu']):.4g}-{max(one['cpu']):.4g}"
        rows.append(
            (name, f"{one['typical']:.4g}", spread, f"{np.median(one['clock']):.4g}", f"{gain:.4g}")
        )
    print_table(("", "CPU", "lowest-highest", "clock", "MetPy / this"), rows)
    print(f"Two threads are {threads['quiet']:.2f} times as fast as one in the {threads['slices']}")
    print(f"quietest slices, in which others kept at most {threads['others']:.2f} cores busy, and")
    print(
        f"{threads['everywhere']:.2f} times in all; hashing gains {threads['control']:.2f} there.\n"
    )
    print("Peers: surface-based CAPE against the MetPy engine's, J/kg.")
    rows = [
        (
            name,
            one["compared"],
            *(f"{one[key]:.4g}" for key in ("median", "worst")),
            f"{one['within_1']:.1%}",
        )
        for name, one in found["peers"].items()
    ]
    print_table(("", "profiles", "median", "worst", "within 1"), rows)


def speed_criteria(found: Findings) -> Iterator[Criterion]:
    """Yield what must hold of times."""
    ways = found["ways"]
    for what, most in MOST_MICROSECONDS.items():
        typical = ways[f"compiled, {what}"]["typical"]
        gain = ways[f"MetPy engine, {what}"]["typical"] / typical
        yield Criterion(f"us, {what}", f"<= {most:g}", f"{typical:.2f}", typical <= most)
        enough = gain >= LEAST_TIMES_METPY
        yield Criterion(f"times MetPy, {what}", f">= {LEAST_TIMES_METPY:g}", f"{gain:.0f}", enough)
    gain = found["threads"]["quiet"]
    enough = gain >= LEAST_THREADS_GAIN
    yield Criterion("two threads against one", f">= {LEAST_THREADS_GAIN}", f"{gain:.2f}", enough)


# Corrected rules ---------------------------------------------------------------------------------


def corrected(these: Soundings) -> Findings:
    """Return what the corrected rules change, and what they leave."""
    import _corrected

    rules = _corrected.both_rules(these)
    sharplib = _corrected.by_sharplib(these)
    return {
        "profiles": _corrected.changed_profiles(**rules),
        "outputs": _corrected.changes(**rules),
        "largest": [
            {"profile": profile}
            | {
                f"{parcel}cape": [float(rules[each][f"{parcel}cape"][profile]) for each in rules]
                for parcel in _corrected.PARCELS
            }
            | {"sharplib": [float(sharplib[parcel][profile]) for parcel in _corrected.PARCELS]}
            for profile in _corrected.largest(**rules)
        ],
        "contradictions": {
            each: [case._asdict() for case in _corrected.contradictions(values, sharplib)]
            for each, values in rules.items()
        },
    }


def show_corrected(found: Findings, ids: Sequence[str]) -> None:
    """Print what the corrected rules change, and what they leave."""
    print(f"Corrected rules change {found['profiles']} profiles. By output (J/kg, hPa):")
    header = ("", "changed", "appear", "vanish", "median", "least", "most", "negative")
    rows = [
        (
            name,
            *(one[key] for key in ("changed", "appear", "vanish")),
            *(f"{one[key]:.4g}" for key in ("median", "least", "most")),
            "{} > {}".format(*one["negative"]) if name.endswith("cape") else "",
        )
        for name, one in found["outputs"].items()
    ]
    print_table(header, rows)
    print("The ten whose CAPE they change most (J/kg, MetPy's rules > corrected):")
    rows = [
        (
            ids[one["profile"]],
            *("{:.0f} > {:.0f}".format(*one[f"{parcel}cape"]) for parcel in ("sb", "ml", "mu")),
            *(f"{cape:.0f}" for cape in one["sharplib"]),
        )
        for one in found["largest"]
    ]
    print_table(("", "SBCAPE", "MLCAPE", "MUCAPE", "SHARPlib", "ML", "MU"), rows)
    for rules, cases in found["contradictions"].items():
        print(f"CAPE of 0 (less than a tenth) against > 300 J/kg, {rules} rules: {len(cases)}")
        if cases:
            rows = [
                (
                    f"{ids[one['profile']]} {one['parcel']}",
                    *(f"{one[key]:.0f}" for key in ("ours", "sharplib", "positive_area")),
                    one["explained"] or "-",
                )
                for one in cases
            ]
            print_table(("", "ours", "SHARPlib", "positive area", "explained"), rows)
    print()


def corrected_criteria(found: Findings) -> Iterator[Criterion]:
    """Yield what must hold of the corrected rules."""
    left = [one for one in found["contradictions"]["corrected"] if not one["explained"]]
    what = "corrected: 0 against > 300 J/kg, not explained"
    yield Criterion(what, "0", str(len(left)), not left)


# The season --------------------------------------------------------------------------------------


def show_season(found: Findings) -> None:
    """Print what the season takes."""
    import _season

    print(
        "The season of 340, whole commands, machine code in the cache, medians of rounds in turn;"
    )
    print("CPU is that of the whole machine meanwhile.")
    print_table(("", "seconds", "lowest-highest", "CPU"), _season.rows(found))


def season_criteria(found: Findings) -> Iterator[Criterion]:
    """Yield what must hold of whole commands."""
    for name, one in found.items():
        enough = one["typical"] < MOST_SEASON_SECONDS
        what = f"s, season of 340, {name}"
        yield Criterion(what, f"< {MOST_SEASON_SECONDS:g}", f"{one['typical']:.2f}", enough)


# All of it ---------------------------------------------------------------------------------------


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="soundings, of any known format")
    parser.add_argument("--cache", type=Path, metavar="FILE", help="keep MetPy's results there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth file")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="how often all is timed")
    parser.add_argument("--no-speed", action="store_true", help="leave the times out")
    parser.add_argument("--only-season", action="store_true", help="time the season, nothing else")
    parser.add_argument(
        "--python", default=sys.executable, metavar="PATH", help="the Python that runs the season"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    options = parsed(arguments)
    folder = (options.folder or all_soundings()).resolve()
    if options.folder is None and folder == SEASON:
        print("Note: the 2142 SARS soundings are not here (PIPELINE_SHARED_DATA); the season is.\n")
    about = list(machine())
    print("\n".join(about))
    found: Findings = {"machine": about}
    criteria: list[Criterion] = []
    if not options.only_season:
        these, exact, metpy_sbcape = exactness(folder, options.every, options.cache)
        found["exactness"] = exact
        show_exactness(exact, these.ids)
        found["corrected"] = corrected(these)
        show_corrected(found["corrected"], these.ids)
        criteria += [*exactness_criteria(exact), *corrected_criteria(found["corrected"])]
        if not options.no_speed:
            found["speed"] = speed(these, metpy_sbcape, options.rounds)
            show_speed(found["speed"])
            criteria += speed_criteria(found["speed"])
    if not options.no_speed:
        import _season

        found["season"] = _season.season(options.python)
        show_season(found["season"])
        criteria += season_criteria(found["season"])
    print_table(
        ("criterion", "wanted", "found", "ok"),
        ((*one[:3], "ok" if one.ok else "FAILS") for one in criteria),
    )
    found["criteria"] = [one._asdict() for one in criteria]
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(one.ok for one in criteria) else 1


if __name__ == "__main__":
    sys.exit(main())
