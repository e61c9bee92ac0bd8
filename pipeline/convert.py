"""Any mix of files into the canonical dataset, or a format of others, without calculations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import __version__, output, ragged, readers, stations, writers
from pipeline.crew import READING
from pipeline.errors import PipelineError
from pipeline.executors import open_executor
from pipeline.flags import QC, Reason
from pipeline.load import check, locate, read
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Profile
from pipeline.report.progress import Progress, silent
from pipeline.sources import Source, demand_apart, matching_files

if TYPE_CHECKING:
    import xarray as xr

#: GiB that the reading of one file may take, as in a config that says nothing.
WORKER_MEMORY = 4.0


def convert(
    files: Sequence[Path],
    path: Path,
    *,
    format_name: str = "auto",
    stations_table: Path | None = None,
    clean: bool = False,
    progress: Progress = silent,
) -> xr.Dataset:
    """Read files into one ragged dataset and write it as netCDF.

    Parameters
    ----------
    files : sequence of Path
        Files, or folders for all files in them.
    path : Path
        The file to write.
    format_name : str
        A reader, or ``auto``.
    stations_table : Path, optional
        Positions for formats that carry none.
    clean : bool
        Clean the profiles with the default settings. Otherwise values are as they were read,
        flagged ``not_evaluated``.

    Returns
    -------
    xarray.Dataset
        As written. A file that cannot be read is in its source table, with the reason.

    Raises
    ------
    PipelineError
        When nothing is found, there is no such format, or the output cannot be written or
        would take the place of an input.
    """
    dataset = _gathered(files, path, format_name, stations_table, clean, progress)
    output.write(dataset, path, attributes=_provenance(path, clean=clean))
    return dataset


def convert_to(
    writer: str,
    files: Sequence[Path],
    path: Path,
    *,
    format_name: str = "auto",
    stations_table: Path | None = None,
    clean: bool = False,
    progress: Progress = silent,
) -> tuple[xr.Dataset, Counter[str]]:
    """Read files and write their soundings in a format of others.

    Parameters
    ----------
    writer : str
        One of :data:`pipeline.writers.NAMES`.
    files, path, format_name, stations_table, clean, progress
        As for :func:`convert`.

    Returns
    -------
    dataset : xarray.Dataset
        What was read.
    losses : collections.Counter
        How much of it the format could not hold, by what became of it.

    Raises
    ------
    PipelineError
        As for :func:`convert`, and when none of the soundings can be written.
    """
    dataset = _gathered(files, path, format_name, stations_table, clean, progress)
    return dataset, writers.get(writer).write(dataset, path)


def _gathered(
    files: Sequence[Path],
    path: Path,
    format_name: str,
    stations_table: Path | None,
    clean: bool,
    progress: Progress,
) -> xr.Dataset:
    """Return everything that is in some files, to be written to a path that is none of them."""
    if format_name != "auto":
        readers.get(format_name)
    found = dict.fromkeys(
        match for file in files for match in matching_files(str(file), Path.cwd())
    )
    if not found:
        raise PipelineError(f"no files found: {', '.join(map(str, files))}")
    demand_apart(path, [*found, *([stations_table] if stations_table else [])])
    positions = stations.load(stations_table)
    sources = [Source(match, format_name) for match in found]
    with open_executor("pool", memory=WORKER_MEMORY, preload=READING) as executor:
        rows, found_profiles = read(sources, executor, path.absolute().parent, progress)
    locate(found_profiles, positions)
    if clean:
        from pipeline.config import Quality

        return check(rows, found_profiles, Quality(), progress)
    return ragged.to_dataset([as_read(*one) for one in found_profiles], rows)


def as_read(source_index: int, profile: Profile, position: int) -> CheckedProfile:
    """Return a profile that nobody has judged: its flags say so."""
    reasons = {Reason.NOT_CLEANED}
    if profile.problem:
        reasons.add(Reason.UNREADABLE)
    if not (np.isfinite(profile.latitude) and np.isfinite(profile.longitude)):
        reasons.add(Reason.POSITION_MISSING)
    if np.isnat(profile.time):
        reasons.add(Reason.TIME_MISSING)
    flags = {
        name: np.where(np.isfinite(getattr(profile, name)), QC.NOT_EVALUATED, QC.MISSING).astype(
            np.int8
        )
        for name in LEVEL_VARIABLES
    }
    return CheckedProfile(
        profile=profile,
        qc=flags,
        reasons=reasons,
        counts={},
        message="; ".join(filter(None, [profile.problem, *profile.notes])),
        source_index=source_index,
        source_position=position,
    )


def _provenance(path: Path, *, clean: bool) -> dict[str, str]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "title": path.stem,
        "processing_level": "cleaned" if clean else "as read, not cleaned",
        "date_created": now,
        "history": f"{now} python -m pipeline convert{' --clean' * clean}",
        "product_version": __version__,
    }
