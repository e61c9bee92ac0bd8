"""Every reader, fed real files that were damaged: a clean dataset or a named reason each time.

Prints what became of the cases by reader and by mutation, and the slowest; exit code 1, and the
input in a folder, if one broke what must hold (``tests/fuzzing.py``).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from _common import PROJECT, SEASON  # makes the tests' modules importable
from fuzz_originals import originals
from fuzzing import Case, Outcome, cases, dataset_violations, read_case, violations

from pipeline.executors import Failure, open_executor

STATUSES = ("READ", "EMPTY", "UNREADABLE", "FAILED")
BATCH = 100


@dataclass
class Tally:
    """What became of the cases so far."""

    folder: Path
    by_reader: dict[str, Counter[str]] = field(default_factory=dict)
    by_mutation: dict[str, Counter[str]] = field(default_factory=dict)
    slowest: tuple[float, Case | None] = (0.0, None)
    violations: int = 0

    def add(self, case: Case, outcome: Outcome | Failure) -> None:
        counts = Counter({"cases": 1})
        if isinstance(outcome, Outcome):
            counts += Counter(source.row.status.name for source in outcome.sources)
            counts["soundings"] = sum(len(source.profiles) for source in outcome.sources)
            if outcome.seconds > self.slowest[0]:
                self.slowest = (outcome.seconds, case)
        else:
            counts["lost"] += 1
        reader = case.original.reader or "(none)"
        self.by_reader.setdefault(reader, Counter()).update(counts)
        self.by_mutation.setdefault(case.mutation, Counter()).update(counts)
        for said in violations(case, outcome):
            self.accuse(case, said)

    def accuse(self, case: Case, said: str) -> None:
        """Tell a violation and keep the input."""
        self.violations += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{case.seed}-{case.number}-{case.original.reader or 'none'}-{case.mutation}"
        (self.folder / name).write_bytes(case.content())
        print(f"VIOLATION {name} (of {case.original.path}): {said[:500]}", flush=True)


def main() -> int:
    """Run the cases and print the tables; see the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20260722)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz")
    given = parser.parse_args()
    shared = Path(os.environ.get("PIPELINE_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    started = time.monotonic()
    tally = Tally(given.keep)
    with tempfile.TemporaryDirectory() as folder:
        files = originals(SEASON, Path(folder), shared if shared.is_dir() else None)
        drawn = list(cases(files, given.cases, given.seed))
        run(drawn, tally, folder, given.workers)
    print(f"{given.cases} cases from {len(files)} real files, seed {given.seed}")
    print_table("reader", tally.by_reader)
    print_table("mutation", tally.by_mutation)
    seconds, slowest = tally.slowest
    if slowest is not None:
        print(
            f"slowest case {seconds:.2f} s: {slowest.mutation}, number {slowest.number}, "
            f"of {slowest.original.path}"
        )
    print(f"{tally.violations} violations, {time.monotonic() - started:.0f} s")
    return 1 if tally.violations else 0


def run(drawn: Sequence[Case], tally: Tally, folder: str, workers: int | None) -> None:
    """Read every case in workers, and check here what came."""
    waiting: list[Outcome] = []
    with open_executor(
        "pool", workers=workers, timeout=30, memory=3, preload=("fuzzing", "netCDF4", "metpy.calc")
    ) as executor:
        outcomes = executor.starmap(read_case, ((case, folder) for case in drawn))
        for case, outcome in zip(drawn, outcomes, strict=True):
            tally.add(case, outcome)
            if isinstance(outcome, Outcome):
                waiting.append(outcome)
            if len(waiting) >= BATCH:
                put_together(waiting, tally)
                waiting.clear()
    if waiting:
        put_together(waiting, tally)


def put_together(outcomes: Iterable[Outcome], tally: Tally) -> None:
    for outcome, said in dataset_violations(list(outcomes)):
        tally.accuse(outcome.case, said)


def print_table(word: str, counts: dict[str, Counter[str]]) -> None:
    """Print what became of the readings: two of each case."""
    columns = ("cases", *STATUSES, "soundings", "lost")
    print(f"\n{word:<22}" + "".join(f"{name.lower():>12}" for name in columns))
    total: Counter[str] = Counter()
    for name in sorted(counts):
        total.update(counts[name])
        print(f"{name:<22}" + "".join(f"{counts[name][column]:>12}" for column in columns))
    print(f"{'all':<22}" + "".join(f"{total[column]:>12}" for column in columns) + "\n")


if __name__ == "__main__":
    sys.exit(main())
