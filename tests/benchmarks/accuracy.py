"""How right the numbers are: our CAPE and CIN against SHARPlib, naive MetPy, and MetPy directly.

    python tests/benchmarks/accuracy.py [FOLDER] [--json PATH] [--every N]

Reads, cleans and computes every sounding of a folder (by default the 2142 of the SARS collection
in $PIPELINE_SHARED_DATA or ../shared/data, or else the season of this project), as a run does.
Exit code 1 if one of the criteria at the end fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _common import SEASON, all_soundings, machine, print_table, read_and_clean

if TYPE_CHECKING:
    import xarray as xr

#: SHARPlib's CAPE (J kg-1) from which on a CAPE of 0 is plainly wrong.
CLEARLY_UNSTABLE = 300.0
LEAST_CORRELATION = 0.999
PARCELS = ("sb", "ml", "mu")
COMPARED = tuple(f"{parcel}{what}" for parcel in PARCELS for what in ("cape", "cin"))

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass
class Sample:
    """All soundings of a folder, by everybody: one value a profile in each array."""

    dataset: xr.Dataset
    """Cleaned, computed and judged, as a run writes it."""
    raw: dict[str, FloatArray]
    """What our engine computed, before the post-conditions masked anything."""
    direct: dict[str, FloatArray]
    """What MetPy's functions return for the cleaned levels."""
    naive: FloatArray
    naive_errors: list[str]
    oracle: FloatArray

    @property
    def ok(self) -> BoolArray:
        """Where the verdict on the thermodynamics is ``ok``."""
        return self.dataset["status"].values == 0

    @property
    def usable(self) -> BoolArray:
        """Where the cleaning did not reject the profile."""
        return self.dataset["status"].values <= 1


def collect(folder: Path, every: int) -> Sample:
    """Compute everything that is compared, in worker processes."""
    from _truth import truth

    from pipeline.calculate import argument_tuples, calculate, merge
    from pipeline.calculations import GROUPS
    from pipeline.config import Quality
    from pipeline.crew import CALCULATING, READING
    from pipeline.executors import open_executor
    from pipeline.quality.results import needed_for

    names = list(GROUPS["parcels"])
    with open_executor("pool", preload=(*READING, *CALCULATING, "_truth")) as executor:
        dataset, as_read = read_and_clean(folder, executor, every)
        evaluations = list(calculate(dataset, names, (), Quality(), executor))
        arguments = (
            (*levels[:4], profile.pressure, profile.temperature, profile.dewpoint)
            for levels, profile in zip(argument_tuples(dataset), as_read, strict=True)
        )
        truths = [_result(found) for found in executor.starmap(truth, arguments)]
    table = np.array([_result(found).scalars for found in evaluations])
    columns = list(dict.fromkeys([*names, *needed_for(names)]))
    merge(dataset, evaluations, names)
    return Sample(
        dataset=dataset,
        raw={name: table[:, columns.index(name)] for name in COMPARED},
        direct={
            f"{parcel}{what}": np.array([one.direct[parcel][place] for one in truths])
            for parcel in PARCELS
            for place, what in enumerate(("cape", "cin"))
        },
        naive=np.array([one.naive[0] for one in truths]),
        naive_errors=[one.naive_error for one in truths],
        oracle=np.array([one.oracle for one in truths]),
    )


def _result(found: Any) -> Any:
    """Return what an item gave; one that failed ends this benchmark, which must miss nothing."""
    from pipeline.executors import Failure

    if isinstance(found, Failure):
        raise SystemExit(f"an item gave no result: {found}")
    return found


# What is found -----------------------------------------------------------------------------------


def verdicts(sample: Sample) -> dict[str, Any]:
    """Return how many profiles have which status, and which reasons."""
    from pipeline.flags import Status, from_mask

    status = Counter(Status(value).name.lower() for value in sample.dataset["status"].values)
    masks = sample.dataset["status_reasons"].values
    reasons = Counter(reason for mask in masks for reason in from_mask(mask))
    return {
        "profiles": len(masks),
        "status": {word.name.lower(): status[word.name.lower()] for word in Status},
        "reasons": {
            reason.label: (count, reason.status.name.lower())
            for reason, count in reasons.most_common()
        },
    }


def against_oracle(cape: FloatArray, oracle: FloatArray, where: BoolArray) -> dict[str, float]:
    """Return how a surface-based CAPE compares with SHARPlib's on some profiles."""
    both = where & np.isfinite(cape) & np.isfinite(oracle)
    difference = np.abs(cape[both] - oracle[both])
    unstable = where & (oracle > CLEARLY_UNSTABLE)
    return {
        "profiles": int(both.sum()),
        "correlation": float(np.corrcoef(cape[both], oracle[both])[0, 1]),
        "median_difference": float(np.median(difference)),
        "differ_by_more_than_100": int((difference > 100.0).sum()),
        "greatest_difference": float(difference.max(initial=0.0)),
        "no_value_where_unstable": int((unstable & ~np.isfinite(cape)).sum()),
        "zero_where_unstable": int((unstable & (cape == 0.0)).sum()),
    }


def against_direct(sample: Sample, name: str) -> dict[str, int]:
    """Return on how many profiles a result has the very bits of MetPy's own function."""
    ours, theirs = sample.raw[name], sample.direct[name]
    judged = sample.dataset[name].values
    both = np.isfinite(ours) & np.isfinite(theirs)
    kept = np.isfinite(judged)
    return {
        "direct": int(np.isfinite(theirs).sum()),
        "compared": int(both.sum()),
        "equal": int((ours[both] == theirs[both]).sum()),
        "only_direct": int((np.isfinite(theirs) & ~np.isfinite(ours)).sum()),
        "only_ours": int((np.isfinite(ours) & ~np.isfinite(theirs)).sum()),
        "masked": int((np.isfinite(ours) & ~kept).sum()),
        "written": int(kept.sum()),
        "written_equal": int((judged[kept] == theirs[kept]).sum()),
    }


def findings(sample: Sample) -> dict[str, Any]:
    """Return everything that is printed, as plain data."""
    sbcape = sample.dataset["sbcape"].values
    errors = Counter(error for error in sample.naive_errors if error)
    lost = sample.raw["sbcape"] - sample.naive
    return {
        "verdicts": verdicts(sample),
        "oracle": {
            "ours, status ok": against_oracle(sbcape, sample.oracle, sample.ok),
            "ours, ok or suspect": against_oracle(sbcape, sample.oracle, sample.usable),
            "naive MetPy, same ok": against_oracle(sample.naive, sample.oracle, sample.ok),
            "naive MetPy, same all": against_oracle(sample.naive, sample.oracle, sample.usable),
        },
        "naive_errors": dict(errors.most_common()),
        "naive_loses_more_than_100": int((lost > 100.0).sum()),
        "direct": {name: against_direct(sample, name) for name in COMPARED},
    }


def criteria(found: dict[str, Any]) -> dict[str, bool]:
    """Return what must hold, and whether it does."""
    ok = found["oracle"]["ours, status ok"]
    direct = found["direct"].values()
    return {
        f"no profile is ok with CAPE 0 where SHARPlib finds > {CLEARLY_UNSTABLE:.0f} J/kg": (
            ok["zero_where_unstable"] == 0
        ),
        f"correlation of sbcape with SHARPlib >= {LEAST_CORRELATION} on ok profiles": (
            ok["correlation"] >= LEAST_CORRELATION
        ),
        "CAPE and CIN equal to a direct MetPy call to the last bit, wherever both are": all(
            0 < one["compared"] == one["equal"] for one in direct
        ),
        "no CAPE or CIN in the output that MetPy does not return": all(
            one["written"] == one["written_equal"] and one["only_ours"] == 0 for one in direct
        ),
    }


# What is printed ---------------------------------------------------------------------------------


def show(found: dict[str, Any]) -> None:
    """Print the tables."""
    verdict = found["verdicts"]
    print_table(("status", "profiles"), verdict["status"].items())
    reasons = ((name, *pair) for name, pair in verdict["reasons"].items())
    print_table(("reason", "profiles", "makes it"), reasons)

    print("Surface-based CAPE against SHARPlib's on the cleaned levels (J/kg). Unstable: SHARPlib")
    print(f"finds more than {CLEARLY_UNSTABLE:.0f} J/kg.")
    header = ("", "both", "correl.", "median", "> 100", "greatest", "0, unstable", "none, unstable")
    rows = [
        (
            name,
            one["profiles"],
            f"{one['correlation']:.6f}",
            f"{one['median_difference']:.1f}",
            one["differ_by_more_than_100"],
            f"{one['greatest_difference']:.0f}",
            one["zero_where_unstable"],
            one["no_value_where_unstable"],
        )
        for name, one in found["oracle"].items()
    ]
    print_table(header, rows)
    errors = ", ".join(f"{count} {name}" for name, count in found["naive_errors"].items())
    print("Naive MetPy is surface_based_cape_cin on the levels as read. It falls short of ours by")
    print(f"more than 100 J/kg on {found['naive_loses_more_than_100']} profiles.")
    print(f"It raised: {errors or 'nothing'}\n")

    print("Against MetPy's own function on the cleaned levels, to the last bit:")
    header = ("", "MetPy", "ours", "equal", "not computed", "masked", "written", "equal")
    rows = [
        (
            name,
            *(one[key] for key in ("direct", "compared", "equal", "only_direct", "masked")),
            *(one[key] for key in ("written", "written_equal")),
        )
        for name, one in found["direct"].items()
    ]
    print_table(header, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="soundings, of any known format")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth file")
    options = parser.parse_args(arguments)
    folder = (options.folder or all_soundings()).resolve()
    if options.folder is None and folder == SEASON:
        print("Note: the 2142 SARS soundings are not here (PIPELINE_SHARED_DATA); the season is.\n")

    for line in machine():
        print(line)
    began = time.perf_counter()
    found = findings(collect(folder, options.every))
    seconds = time.perf_counter() - began
    print(f"soundings {found['verdicts']['profiles']} in {folder}, {seconds:.0f} s\n")
    show(found)
    held = criteria(found)
    for text, holds in held.items():
        print(f"{'holds ' if holds else 'FAILS '} {text}")
    if options.json:
        options.json.write_text(json.dumps(found | {"criteria": held}, indent=1) + "\n")
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
