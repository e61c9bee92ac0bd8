"""How fast an archive of IGRA 2 text is read, in how much memory, and whether it is read right.

    python tests/benchmarks/igra.py [--size 500] [--rounds 5] [--json FILE]

The 2142 soundings are written as IGRA 2 text (`convert --to igra2`) and repeated, a day later each
time, until the file is as large as wanted. It is read as text and as zip, each time by a process of
its own that reads soundings and keeps none; CPU and wall seconds are those of the reading alone.
Then every sounding is compared with the one that it repeats, read line by line. Exit code 1 if text
is read at less than 100 MB a CPU second, if the memory grows with the file, or if anything differs.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _common import STATIONS, all_soundings, machine, print_table

from pipeline.convert import convert_to
from pipeline.profiles import Profile
from pipeline.readers import igra2
from pipeline.readers._igra2_text import Text

MEGABYTE = 1_000_000
#: MB of text a CPU second, and how many MB more the large file may take than one of a tenth.
FASTEST_MISSED, GROWTH = 100.0, 10.0
HEADER_DATE = re.compile(rb"(?m)^(#.{11} )(\d{4}) (\d\d) (\d\d)")


def written(folder: Path, size: float) -> tuple[Path, Path, Path]:
    """Return the soundings once, repeated to a tenth of a size (MB), and to all of it."""
    paths = folder / "once.txt", folder / "tenth.txt", folder / "all.txt"
    convert_to("igra2", [all_soundings()], paths[0], stations_table=STATIONS)
    for path, wanted in zip(paths[1:], (size / 10, size), strict=True):
        with path.open("wb") as file:
            for text in repetitions(paths[0].read_bytes()):
                file.write(text)
                if file.tell() >= wanted * MEGABYTE:
                    break
    return paths


def repetitions(text: bytes) -> Iterator[bytes]:
    """Yield a text, each time with its soundings a day later."""
    days = 0

    def later(match: re.Match[bytes]) -> bytes:
        day = date(*map(int, match.groups()[1:])) + timedelta(days)
        return match[1] + day.strftime("%Y %m %d").encode()

    while True:
        yield HEADER_DATE.sub(later, text)
        days += 1


def zipped(path: Path) -> Path:
    """Return a file in a zip archive, packed as the archive packs it."""
    archive = path.with_name(path.name + ".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(path, path.name)
    return archive


def by_lines(path: Path) -> Iterator[Profile]:
    """Yield the soundings of a file line by line, as damaged ones are read."""
    with path.open("rb") as stream:
        text = Text(stream)
        while text.fill():
            yield igra2._sounding(*igra2._next_block(text))


def read_here(path: Path, slowly: bool) -> dict[str, float]:
    """Return what it takes to read a file in this process."""
    soundings = by_lines(path) if slowly else igra2.read(path, {})
    wall, cpu = time.perf_counter(), time.process_time()
    count = sum(1 for _ in soundings)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"soundings": count, "cpu_s": cpu, "wall_s": wall, "peak_mb": peak_memory()}


def peak_memory() -> float:
    """Return the most memory that this process held, MB, since it began to run this program."""
    try:
        # What resource says holds for the process that started this one, too.
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / MEGABYTE
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE


def read_apart(path: Path, rounds: int, slowly: bool = False) -> dict[str, float]:
    """Return the medians of what it takes to read a file in a fresh process."""
    command = [sys.executable, __file__, "--read", str(path), *["--slowly"] * slowly]
    told = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(rounds)
    ]
    return {name: median(one[name] for one in told) for name in told[0]}


def different(path: Path, once: Path) -> int:
    """Return how many soundings of a file are not those that they repeat, but for the day."""
    originals = list(by_lines(once))
    if any(original.problem for original in originals):
        raise SystemExit(f"{once}: a sounding is damaged")
    expected = [content(original) for original in originals]
    wrong = 0
    for number, (profile, original, bits) in enumerate(
        zip(igra2.read(path, {}), cycle(originals), cycle(expected), strict=False)
    ):
        days = np.timedelta64(number // len(originals), "D")
        wrong += profile.time != original.time + days or content(profile) != bits
    return wrong + (number + 1) % len(originals)


def content(profile: Profile) -> tuple[Any, ...]:
    """Return everything but the time of a sounding, numbers to the last bit."""
    extras = ((name, *extra[1:], extra[0].tobytes()) for name, extra in profile.extras.items())
    levels = (values.tobytes() for values in profile.levels().values())
    place = (profile.latitude, profile.longitude, profile.surface_altitude)
    facts = (profile.station_id, np.array(place).tobytes(), profile.notes, profile.problem)
    return (*facts, *levels, *extras)


def measured(folder: Path, size: float, rounds: int) -> dict[str, Any]:
    """Return all figures: what reading takes, by file and way, and how many soundings differ."""
    once, tenth, everything = written(folder, size)
    ways = {
        "text": (everything, rounds, False),
        "text, a tenth": (tenth, rounds, False),
        "zip, a tenth": (zipped(tenth), rounds, False),
        "text, a tenth, line by line": (tenth, 1, True),
    }
    found: dict[str, Any] = {}
    for name, (path, times, slowly) in ways.items():
        figures = read_apart(path, times, slowly)
        text = path.with_name(path.name.removesuffix(".zip")).stat().st_size / MEGABYTE
        figures |= {"mb": text, "cpu_mb_s": text / figures["cpu_s"]}
        found[name] = figures | {"wall_mb_s": text / figures["wall_s"]}
        print(f"  {name}: {figures['cpu_mb_s']:.0f} MB/s", file=sys.stderr, flush=True)
    return {"ways": found, "different": different(everything, once)}


def show(found: dict[str, Any]) -> list[tuple[str, bool]]:
    """Print the figures; return the criteria, and whether they hold."""
    ways = found["ways"]
    rows = [
        (
            name,
            f"{one['mb']:.0f}",
            f"{one['soundings']:.0f}",
            f"{one['cpu_mb_s']:.0f}",
            f"{one['wall_mb_s']:.0f}",
            f"{one['cpu_s'] / one['soundings'] * 1e6:.1f}",
            f"{one['peak_mb']:.0f}",
        )
        for name, one in ways.items()
    ]
    header = [
        "read",
        "MB of text",
        "soundings",
        "MB/s of CPU",
        "of wall clock",
        "us each",
        "peak MB",
    ]
    print_table(header, rows)
    speed = ways["text"]["cpu_mb_s"]
    growth = ways["text"]["peak_mb"] - ways["text, a tenth"]["peak_mb"]
    return [
        (f"text is read at {speed:.0f} MB a CPU second, at least {FASTEST_MISSED:.0f}",
         speed >= FASTEST_MISSED),
        (f"ten times the file takes {growth:.1f} MB more memory, at most {GROWTH:.0f}",
         growth <= GROWTH),
        (f"{found['different']} soundings differ from what they repeat, read line by line",
         found["different"] == 0),
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=float, default=500.0, help="of the file, MB")
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken of so many")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--slowly", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.read:
        print(json.dumps(read_here(options.read, options.slowly)))
        return 0
    for line in machine():
        print(line)
    print(f"soundings {all_soundings()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="igra-") as folder:
        found = measured(Path(folder), options.size, options.rounds)
    criteria = show(found)
    for what, holds in criteria:
        print(f"{'holds' if holds else 'FAILS':6} {what}")
    if options.json:
        found["criteria"] = {what: bool(holds) for what, holds in criteria}
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(holds for _, holds in criteria) else 1


if __name__ == "__main__":
    sys.exit(main())
