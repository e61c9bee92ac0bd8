"""One sounding looked at closely: read, cleaned, calculated, without a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import ragged, readers, stations
from pipeline.calculate import calculate, merge, wanted
from pipeline.calculations import DEFAULT_GROUPS, Calculation, resolve
from pipeline.errors import ReadError
from pipeline.executors import Failure, open_executor
from pipeline.load import Found, check, locate
from pipeline.profiles import Profile, SourceRow

if TYPE_CHECKING:
    import xarray as xr

#: On the levels of every sounding that is looked at: the picture draws it.
_PARCEL_PATH = "sb_parcel_temperature"


@dataclass
class Look:
    """A sounding looked at closely.

    Parameters
    ----------
    path : Path
        Where it came from.
    number, count : int
        Which sounding of the file, from 1, and how many it holds.
    source : SourceRow
        How the file was read.
    profile : Profile
        As it was read.
    sounding : xarray.Dataset
        As it is after cleaning and calculation.
    results : list of str
        The calculations.
    missing : dict of str to str
        By calculation: why it has no value.
    """

    path: Path
    number: int
    count: int
    source: SourceRow
    profile: Profile
    sounding: xr.Dataset
    results: list[str]
    missing: dict[str, str]


def look_at(
    path: Path, *, number: int = 1, format_name: str = "auto", config_path: Path | None = None
) -> Look:
    """Read, clean and calculate one sounding of a file.

    Parameters
    ----------
    path : Path
        A source file.
    number : int
        Which of its soundings, from 1.
    format_name : str
        A reader, or ``auto``.
    config_path : Path, optional
        Its cleaning, calculations and stations apply, and its options for this file.

    Raises
    ------
    ReadError
        When the file cannot be read or holds no such sounding.
    """
    from pipeline.config import Quality, load
    from pipeline.sources import find_sources

    settings, positions, options = Quality(), {}, {}
    names = [entry.name for entry in resolve(DEFAULT_GROUPS)]
    custom: tuple[Calculation, ...] = ()
    if config_path is not None:
        config = load(config_path)
        settings = config.quality
        positions = stations.load(config.stations_path)
        names, custom = wanted(config)
        for source in find_sources(config):
            if source.path == path.absolute():
                format_name, options = source.format, dict(source.options)
    found = readers.read_source(str(path), format_name, options)
    if not found.profiles:
        raise ReadError(f"{path}: {found.row.message or 'holds no sounding'}")
    if not 1 <= number <= len(found.profiles):
        count = len(found.profiles)
        held = "one sounding" if count == 1 else f"{count} soundings"
        raise ReadError(f"{path}: holds {held}, so no number {number}")
    chosen = [Found(0, found.profiles[number - 1], number - 1)]
    locate(chosen, positions)
    names = list(dict.fromkeys([*names, _PARCEL_PATH]))
    dataset = check([found.row], chosen, settings)
    with open_executor("serial", timeout=None) as executor:
        evaluations = list(calculate(dataset, names, custom, settings, executor))
    merge(dataset, evaluations, names, custom, judged=settings.post_conditions)
    missing = {} if isinstance(evaluations[0], Failure) else evaluations[0].missing
    return Look(
        path=path,
        number=number,
        count=len(found.profiles),
        source=found.row,
        profile=found.profiles[number - 1],
        sounding=ragged.sounding(dataset, 0),
        results=names,
        missing=missing,
    )
