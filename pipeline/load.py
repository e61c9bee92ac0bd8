"""From input files to one clean ragged dataset: reading in workers, positions, cleaning."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import quality, ragged, readers, stations
from pipeline.executors import Executor, Failure, open_executor
from pipeline.flags import Reason, SourceStatus
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Profile, SourceRow
from pipeline.report.progress import Progress, silent
from pipeline.sources import Source

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.config import Quality

log = logging.getLogger("pipeline")


def read(
    sources: Sequence[Source], executor: Executor, base: Path, progress: Progress = silent
) -> tuple[list[SourceRow], list[tuple[int, Profile]]]:
    """Read every source, in workers, since broken files can crash a library.

    Returns
    -------
    rows : list of SourceRow
        One a source, in their order, whatever became of it; paths are relative to `base`.
    profiles : list of (int, Profile)
        Every sounding found, with the row that it came from.
    """
    arguments = ((str(source.path), source.format, dict(source.options)) for source in sources)
    found = progress(executor.starmap(readers.read_source, arguments), len(sources), "reading")
    rows: list[SourceRow] = []
    profiles: list[tuple[int, Profile]] = []
    for index, (source, result) in enumerate(zip(sources, found, strict=True)):
        if isinstance(result, Failure):
            row = SourceRow(path="", status=SourceStatus.FAILED, message=str(result))
        else:
            row = result.row
            profiles += [(index, profile) for profile in result.profiles]
        row.path = Path(os.path.relpath(source.path, base)).as_posix()
        if row.status != SourceStatus.READ:
            # What each reader had against a file stands in the source table.
            log.warning("%s: %s", source.path, row.message.partition(" Tried ")[0])
        rows.append(row)
    return rows, profiles


def locate(
    profiles: Iterable[tuple[int, Profile]], positions: Mapping[str, stations.Station]
) -> None:
    """Fill in the positions of profiles whose format carries none."""
    for _, profile in profiles:
        stations.locate(profile, positions)


def check(
    rows: Sequence[SourceRow],
    profiles: Sequence[tuple[int, Profile]],
    settings: Quality,
    progress: Progress = silent,
) -> xr.Dataset:
    """Clean every profile and put all of them into one ragged dataset."""
    with open_executor("serial") as here:  # a bug of ours must not cost the other profiles either
        arguments = ((profile, settings, index) for index, profile in profiles)
        cleaned = progress(here.starmap(quality.clean, arguments), len(profiles), "checking")
        checked = [
            _not_cleaned(profile, index, result) if isinstance(result, Failure) else result
            for (index, profile), result in zip(profiles, cleaned, strict=True)
        ]
    return ragged.to_dataset(checked, rows)


def _not_cleaned(profile: Profile, index: int, failure: Failure) -> CheckedProfile:
    """Return a profile that could not even be cleaned: kept by name, without its levels."""
    return CheckedProfile(
        profile=Profile(
            pressure=np.empty(0),
            station_id=profile.station_id,
            station_name=profile.station_name,
            time=profile.time,
            latitude=profile.latitude,
            longitude=profile.longitude,
        ),
        qc={name: np.empty(0, np.int8) for name in LEVEL_VARIABLES},
        reasons={Reason.UNREADABLE},
        counts={},
        message=f"cleaning: {failure}",
        source_index=index,
    )
