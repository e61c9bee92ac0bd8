"""Which netCDF files have a reader of their own, told by a summary of what they hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import ReadError
from pipeline.readers._netcdf_summary import NOT_NETCDF, Summary, is_netcdf, summary


class Kind(NamedTuple):
    """A kind of file: what it is, what it is known by, in words, and whether a file is of it."""

    what: str
    known_by: str
    fits: Callable[[Summary], bool]


def _is_aspen(found: Summary) -> bool:
    return "AspenVersion" in found.attributes and found.has("pres", "tdry", "time")


def _is_mw41(found: Summary) -> bool:
    return found.has("flight_time", "pressure", "temperature", "dewPoint", "windSpeed")


def _is_gruan(found: Summary) -> bool:
    return any(name.startswith("g.Product.") for name in found.attributes)


#: By the reader that takes them.
KINDS = {
    "aspen_netcdf": Kind(
        "ASPEN dropsonde", "the attribute AspenVersion and variables pres, tdry and time", _is_aspen
    ),
    "mw41_netcdf": Kind(
        "Vaisala MW41 sounding", "the variables flight_time, dewPoint and windSpeed", _is_mw41
    ),
    "gruan_netcdf": Kind("GRUAN product", "attributes g.Product.*", _is_gruan),
}


def why_not(reader: str, head: bytes, path: Path) -> str | None:
    """Return None for a file of a reader's own kind, otherwise why it is not.

    Parameters
    ----------
    reader : str
        A key of `KINDS`.
    head : bytes
        The file's first bytes.
    path : Path
        Opened where `head` starts as netCDF does.

    Returns
    -------
    str or None
    """
    if not is_netcdf(head):
        return NOT_NETCDF
    try:
        found = summary(path)
    except ReadError as error:
        return str(error)
    return None if KINDS[reader].fits(found) else f"netCDF without {KINDS[reader].known_by}"


def other_reader(found: Summary) -> str:
    """Return what a file is and who reads it, empty where it has no reader of its own."""
    for reader, kind in KINDS.items():
        if kind.fits(found):
            return f"{kind.what}: read by {reader}"
    return ""
