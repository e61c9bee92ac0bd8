"""A night that is killed at random instants, and ends as if it had not been.

    python tests/benchmarks/kill.py [--kills 50] [--every 1] [--seed 0] [--workers 2]

Half of the soundings are an earlier day's output, the old one; all of them, run undisturbed in an
empty folder, are what must come out. Then the night from the one to the other is run, its whole
process group killed with SIGKILL, and taken up again, until it is done; and another such night,
until all kills are used up. After each kill the published output must open, and be the old one to
the last byte or the new one to the last bit. Needs Linux. Exit code 1 if anything is violated.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from statistics import median

from _common import all_soundings, machine, print_table
from _killing import Aim, Kill, Killing, aims, put_earlier
from _place import OUTPUT, Place, events, reports, results

KILLS_A_NIGHT = 25
PHASES = (
    "starting",
    "planning",
    "reading",
    "calculating",
    "committing",
    "publishing",
    "reporting",
)


def prepare(place: Place, every: int, workers: int) -> tuple[Killing, int]:
    """Make the old output and, undisturbed, the new one; count what each night has to calculate."""
    base = all_soundings()
    names = (path for path in base.rglob("*") if path.is_file())
    files = sorted(path for path in names if not path.name.startswith("README"))[::every]
    unchanged = put_earlier(place, files, base)
    season = place.season("killed", workers)
    place.finish(season)
    place.put(files, base)
    whole = place.season("undisturbed", workers)
    began = time.monotonic()
    place.finish(whole)
    print(f"soundings {len(files)}, of which {len(files[::2])} are in the old output")
    print(f"undisturbed run of all of them in {time.monotonic() - began:.0f} s\n", flush=True)
    return Killing(place, season, whole / OUTPUT), len(files) - unchanged


def aims_of_night(killing: Killing, count: int, random: Random) -> list[Aim]:
    """Return the kills of a night, their times taken from the undisturbed run."""
    whole = killing.reference.parent
    moments = {
        event["kind"]: datetime.fromisoformat(event["time"])
        for event in reversed(events(reports(whole)[-1]))  # the first of each kind stays
    }
    first_batch = (moments["batch"] - moments["started"]).total_seconds()
    stages = {stage["name"]: stage["seconds"] for stage in results(whole)["stages"]}
    return aims(count, random, span=4 * first_batch, publishing=1.2 * stages["publish"])


def kill_all(killing: Killing, count: int, random: Random) -> float:
    """Kill so many times, in as many nights as that takes; return the seconds."""
    began = time.monotonic()
    waiting: list[Aim] = []
    left = count
    while left or waiting:
        if not waiting:
            waiting = aims_of_night(killing, min(KILLS_A_NIGHT, left), random)
            left -= len(waiting)
        for kill in killing.night(waiting):
            print(f"  {len(killing.kills)}: {kill}", file=sys.stderr, flush=True)
        if killing.violations:
            break
    return time.monotonic() - began


def show(kills: Sequence[Kill]) -> None:
    """Print what the kills hit, and what was published after them."""
    rows = []
    for name in PHASES:
        hit = [kill for kill in kills if kill.phase == name]
        outputs = Counter(kill.output for kill in hit)
        seconds = f"{median(kill.seconds for kill in hit):.1f}" if hit else ""
        rows.append((name, len(hit), outputs["old"], outputs["new"], seconds))
    outputs = Counter(kill.output for kill in kills)
    rows.append(("all", len(kills), outputs["old"], outputs["new"], ""))
    print_table(["killed while", "kills", "then old", "then new", "after s, median"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="how many")
    parser.add_argument("--every", type=int, default=1, help="take only the first of so many files")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    parser.add_argument("--workers", type=int, default=2, help="of each run")
    options = parser.parse_args(arguments)
    for line in machine():
        print(line)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and clear up before
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        place = Place.made(Path(folder) / "place")
        sys.path.insert(0, str(place.code))  # what looks at the outputs is what made them
        killing, waiting = prepare(place, options.every, options.workers)
        before = place.noted()
        seconds = kill_all(killing, options.kills, Random(options.seed))
        done = place.noted() - before
    show(killing.kills)
    print(
        f"{killing.nights} nights in {seconds:.0f} s; calculated {done} soundings where "
        f"{killing.nights * waiting} would do undisturbed"
    )
    if killing.violations:
        print("VIOLATED", *killing.violations, sep="\n  ")
        return 1
    print(
        "After every kill the output opened and was the old or the new one; after every night it\n"
        "was the undisturbed one to the last bit, with every sounding once, nothing left over in\n"
        "the folder, and no process or shared memory."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
