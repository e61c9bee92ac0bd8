"""What a night takes: the first one, one with three new files, one with nothing new, and others.

    python tests/benchmarks/nights.py [--every 1] [--rounds 3] [--workers 2]

Whole commands, from start to end, over the 2142 soundings. What was calculated is counted twice: in
``results.json``, and by custom calculations that leave a note each time they are called. Exit code
1 if a night with three new files takes 10 s or an unchanged one 3 s (medians), if an unchanged one
imports MetPy, or if any night calculates more or less than it has to.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from _common import all_soundings, machine, print_table
from _killing import without_last_level
from _place import ADDED, CONFIG, NOTED, OUTPUT, Place, results

#: Seconds that a whole command may take.
LIMITS = {"3 new files": 10.0, "unchanged": 3.0}
HEAVY = ("metpy", "xarray", "scipy", "pandas", "pint")
BEFORE = ["indices", "moisture", "winds", "composites", "sbcape"]
AFTER = [*BEFORE, "mlcape"]


@dataclass
class Nights:
    """Nights of one season, each timed, and what it worked on."""

    place: Place
    season: Path
    seconds: dict[str, list[float]] = field(default_factory=dict)
    rows: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def night(self, name: str, sources: int, noted: int, added: int = 0) -> None:
        """Run one, and check that it works on so many sources and calls calculations so often."""
        before = [self.place.noted(), self.place.noted("added")]
        began = time.monotonic()
        self.place.finish(self.season)
        self.seconds.setdefault(name, []).append(time.monotonic() - began)
        after = [self.place.noted(), self.place.noted("added")]
        counts = results(self.season)["counts"]
        worked_on = counts["found"] - counts["unchanged"] - counts["gone"]
        found = (worked_on, after[0] - before[0], after[1] - before[1])
        self.rows[name] = found
        self.demand(
            found == (sources, noted, added), f"{name}: {found}, not {(sources, noted, added)}"
        )
        print(f"  {name}: {self.seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)

    def demand(self, holds: bool, what: str) -> None:
        """Note what is broken."""
        if not holds:
            self.broken.append(what)


def run_all(nights: Nights, files: Sequence[Path], base: Path, rounds: int, workers: int) -> None:
    """Run the nights one after the other."""
    place, news = nights.place, 3 * rounds
    place.put(files[:-news], base)
    nights.night("first", len(files) - news, len(files) - news)
    for number in range(rounds):
        place.put(files[len(files) - news + 3 * number :][:3], base)
        nights.night("3 new files", 3, 3)
    before = (nights.season / OUTPUT).stat()
    for _ in range(rounds):
        nights.night("unchanged", 0, 0)
    nights.demand(imported(place, nights.season) == [], "an unchanged night imports too much")
    after = (nights.season / OUTPUT).stat()
    same = (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    nights.demand(same, "an unchanged night rewrites the output")

    changed, gone = (place.files / file.relative_to(base) for file in (files[0], files[1]))
    changed.write_text(without_last_level(changed.read_text()))
    nights.night("1 changed file", 1, 1)
    gone.unlink()
    nights.night("1 file gone", 0, 0)
    left = len(files) - 1
    place.season(nights.season.name, workers, custom=NOTED | ADDED, calculations=AFTER)
    nights.night("2 calculations added", left, 0, left)


def imported(place: Place, season: Path) -> list[str]:
    """Return which heavy packages a run imports, as Python itself tells."""
    command = [sys.executable, "-X", "importtime", "-m", "pipeline", "run", CONFIG, "--quiet"]
    told = subprocess.run(
        command, cwd=season, env=place.environment(), text=True, capture_output=True, check=True
    ).stderr
    names = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    if "pipeline.run" not in names:
        raise SystemExit("Python does not tell what it imports")
    return [name for name in HEAVY if name in names]


def show(nights: Nights) -> None:
    """Print what the nights took, and check the limits."""
    rows: list[tuple[Any, ...]] = []
    for name, seconds in nights.seconds.items():
        middle, limit = median(seconds), LIMITS.get(name)
        rows.append((name, *nights.rows[name], f"{middle:.1f}", f"< {limit:.0f}" if limit else ""))
        nights.demand(limit is None or middle < limit, f"{name}: {middle:.1f} s, limit {limit} s")
    header = ["night", "sources", "calls of the old", "of the added", "s, median", "limit"]
    print_table(header, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="take only the first of so many files")
    parser.add_argument("--rounds", type=int, default=3, help="of the nights that have limits")
    parser.add_argument("--workers", type=int, default=2, help="of each run")
    options = parser.parse_args(arguments)
    for line in machine():
        print(line)
    base = all_soundings()
    names = (path for path in base.rglob("*") if path.is_file())
    files = sorted(path for path in names if not path.name.startswith("README"))[:: options.every]
    print(f"soundings {len(files)}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="nights-") as folder:
        place = Place.made(Path(folder) / "place")
        season = place.season("season", options.workers, calculations=BEFORE)
        nights = Nights(place, season)
        run_all(nights, files, base, options.rounds, options.workers)
    show(nights)
    if nights.broken:
        print("BROKEN", *nights.broken, sep="\n  ")
        return 1
    print(
        f"An unchanged night imports none of {', '.join(HEAVY)}, and does not rewrite the output."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
