"""From input files to one clean ragged dataset: reading in workers, positions, cleaning."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline import quality, ragged, readers, stations
from pipeline.executors import Executor, Failure, open_executor
from pipeline.flags import Reason, SourceStatus
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Profile, SourceRow
from pipeline.readers.limits import DEFAULT_LIMITS, Limits
from pipeline.report.progress import Progress, silent
from pipeline.sources import Source, relative_path

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.config import Quality

log = logging.getLogger("pipeline")


class Found(NamedTuple):
    """A sounding that was found in a source.

    Parameters
    ----------
    source : int
        Which row of the source table it came from.
    profile : Profile
    position : int
        Its place among the soundings of that source, from 0.
    """

    source: int
    profile: Profile
    position: int


def read(
    sources: Sequence[Source],
    executor: Executor,
    base: Path,
    progress: Progress = silent,
    *,
    limits: Limits = DEFAULT_LIMITS,
    fingerprints: Sequence[str] | None = None,
) -> tuple[list[SourceRow], list[Found]]:
    """Read every source, in workers, since broken files can crash a library.

    Parameters
    ----------
    sources : sequence of Source
    executor : Executor
    base : pathlib.Path
        What paths in the rows are relative to.
    progress : callable
        Shows how far it is.
    limits : Limits
        How large a source may be.
    fingerprints : sequence of str, optional
        Of the sources' content when the run was planned: they stand in the rows of sources whose
        reading fails (without this, as they are then). The others are fingerprinted when they
        are read, which may be hours later.

    Returns
    -------
    rows : list of SourceRow
        One a source, in their order, whatever became of it.
    found : list of Found
        Every sounding.
    """
    arguments = (
        (str(source.path), source.format, dict(source.options), limits) for source in sources
    )
    results = progress(executor.starmap(readers.read_source, arguments), len(sources), "reading")
    rows: list[SourceRow] = []
    found: list[Found] = []
    for index, (source, result) in enumerate(zip(sources, results, strict=True)):
        if isinstance(result, Failure):
            row = SourceRow(path="", status=SourceStatus.QUARANTINED, message=str(result))
            row.fingerprint = (
                fingerprints[index] if fingerprints else readers.fingerprint(source.path, limits)
            )
        else:
            row = result.row
            found += [Found(index, each, place) for place, each in enumerate(result.profiles)]
        row.path = relative_path(source.path, base)
        if row.status != SourceStatus.READ:
            # What each reader had against a file stands in the source table.
            log.warning("%s: %s", source.path, row.message.partition(" Tried ")[0])
        rows.append(row)
    return rows, found


def locate(found: Iterable[Found], positions: Mapping[str, stations.Station]) -> None:
    """Fill in the positions of profiles whose format carries none."""
    for one in found:
        stations.locate(one.profile, positions)


def check(
    rows: Sequence[SourceRow],
    found: Sequence[Found],
    settings: Quality,
    progress: Progress = silent,
) -> xr.Dataset:
    """Clean every profile and put all of them into one ragged dataset."""
    with open_executor("serial") as here:  # a bug of ours must not cost the other profiles either
        arguments = ((one.profile, settings, one.source) for one in found)
        cleaned = progress(here.starmap(quality.clean, arguments), len(found), "checking")
        checked = [
            _not_cleaned(one, result) if isinstance(result, Failure) else result
            for one, result in zip(found, cleaned, strict=True)
        ]
    for one, result in zip(found, checked, strict=True):
        result.source_position = one.position
    return ragged.to_dataset(checked, rows)


def _not_cleaned(found: Found, failure: Failure) -> CheckedProfile:
    """Return a profile that could not even be cleaned: kept by name, without its levels."""
    profile = found.profile
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
        source_index=found.source,
    )
