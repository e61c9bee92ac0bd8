"""What the benchmarks share: the soundings they take, the machine they ran on, their tables."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

PROJECT = Path(__file__).resolve().parents[2]
SEASON = PROJECT / "data" / "season-2003"
STATIONS = PROJECT / "data" / "stations.csv"

# Workers inherit this, and so find the helpers here and the tests' oracle by name.
sys.path.extend([str(PROJECT), str(PROJECT / "tests")])

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.executors import Executor
    from pipeline.profiles import Profile


def all_soundings() -> Path:
    """Return the folder of the 2142 SARS soundings, or the season where those are not here."""
    shared = Path(os.environ.get("PIPELINE_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    folder = shared / "spc_raw" / "sars"
    return folder if folder.is_dir() else SEASON


def read_and_clean(
    folder: Path, executor: Executor, every: int = 1
) -> tuple[xr.Dataset, list[Profile]]:
    """Return the cleaned dataset of a folder, and each of its profiles as it was read.

    Parameters
    ----------
    every : int
        Take only the first of so many files, for a quick look.
    """
    from pipeline import stations
    from pipeline.config import Quality
    from pipeline.load import check, locate, read
    from pipeline.sources import Source, matching_files

    files = matching_files(str(folder), Path.cwd(), ("README*", "*.md"))[::every]
    rows, found = read([Source(path) for path in files], executor, folder)
    locate(found, stations.load(STATIONS))
    dataset = check(rows, found, Quality())
    as_read: dict[tuple[str, str, str], list[Profile]] = {}
    for index, profile, _ in found:
        key = (rows[index].path, profile.station_id, str(profile.time))
        as_read.setdefault(key, []).append(profile)
    paths = dataset["source_path"].values[dataset["source_index"].values]
    times = dataset["time"].values.astype("datetime64[s]").astype(str)
    keys = zip(paths, dataset["station_id"].values, times, strict=True)
    return dataset, [as_read[str(path), str(station), time].pop(0) for path, station, time in keys]


def machine() -> Iterator[str]:
    """Yield the lines that say when and where something was measured, and how busy that was."""
    version = importlib.metadata.version
    packages = ("metpy", "numpy", "scipy", "pint")
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    yield f"date      {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    cores = len(os.sched_getaffinity(0))
    yield f"machine   {_processor()}, {cores} cores, load {load} (1, 5, 15 min)"
    yield f"versions  Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in packages
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: the first column to the left, the others to the right, at most 100 wide."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())
        if not number:
            print("-" * min(100, sum(widths) + 2 * (len(widths) - 1)))
    print()
