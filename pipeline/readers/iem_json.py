"""Iowa Environmental Mesonet soundings as its web service replies: JSON, one or many stations.

``{"profiles": [{"station": "KOUN", "valid": "1999-05-04T00:00:00Z", "profile": [{"pres": 959.0,
"hght": 362.0, "tmpc": 22.3, "dwpc": 19.1, "drct": 160.0, "sknt": 18.0}, ...]}, ...]}``: pressure in
hPa, height in m, temperatures in degC, wind in degrees and knots. ``null`` and ``NaN`` are missing,
and so is a pressure of 9999.9, which stands on wind levels known by their height alone. The first
levels may lie below the ground. There is no position, and no altitude of the station.

Source: https://mesonet.agron.iastate.edu/json/raob.py; siphon's recorded replies.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, FloatArray, Profile
from pipeline.readers._quantities import build
from pipeline.readers._table_options import to_time
from pipeline.readers._text import KNOT, decode, shorten
from pipeline.readers.limits import MEGABYTE, refuse_levels

NAME = "iem_json"
DESCRIPTION = "Iowa Environmental Mesonet JSON (mesonet.agron.iastate.edu/json/raob.py), wind in kt"

#: Of a level: what it says by which of our names, and what makes it the project's unit.
KEYS = {
    "pres": ("pressure", 1.0),
    "hght": ("height", 1.0),
    "tmpc": ("temperature", 1.0),
    "dwpc": ("dewpoint", 1.0),
    "drct": ("wind_direction", 1.0),
    "sknt": ("wind_speed", KNOT),
}

#: What stands for a pressure that is not known.
NO_PRESSURE = 9999.9

#: JSON takes twenty times its size in memory. All stations of a day are 3 MB, a station's year 10.
LARGEST = 100 * MEGABYTE

_BEGINS = re.compile(r'\s*\{\s*"')
_PROFILES = re.compile(r'"profiles"\s*:\s*\[\s*(?:(\])|\{)')


def sniff(head: bytes, path: Path) -> str | None:
    """Return None for JSON with the service's list of profiles, or why it is not.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    path : Path
        Not opened.

    Returns
    -------
    str or None

    Examples
    --------
    >>> sniff(b'{"profiles": []}', Path("a.json")) is None
    True
    >>> sniff(b'{"type": "FeatureCollection"}', Path("a.json"))
    'JSON, but without a list "profiles" of levels with "pres"'
    """
    text = decode(head)
    if not _BEGINS.match(text):
        return "no JSON object"
    found = _PROFILES.search(text)
    if found and (found[1] or '"pres"' in text or ('"station"' in text and '"valid"' in text)):
        return None
    return 'JSON, but without a list "profiles" of levels with "pres"'


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of a reply; none where the service had no data.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels as they stand in the file, those below the ground too. One with something else
        than numbers in it, or without levels among others with some, has its ``problem`` said.

    Raises
    ------
    ReadError
        When the file is not JSON, is cut short, or has no list of profiles.

    Examples
    --------
    >>> soundings = list(read(Path("raob.json"), {}))  # doctest: +SKIP
    """
    entries = _entries(path)
    if all(isinstance(entry, dict) and entry.get("profile") == [] for entry in entries):
        return
    for number, entry in enumerate(entries, 1):
        yield _profile(entry, f"profile {number} of {len(entries)}")


def _entries(path: Path) -> list[Any]:
    """Return the list of profiles, whatever is in it."""
    size = path.stat().st_size
    if size > LARGEST:
        raise ReadError(
            f"has {size / MEGABYTE:.0f} MB where JSON may have {LARGEST / MEGABYTE:.0f} MB; ask "
            "the service for shorter periods"
        )
    try:
        reply = json.loads(decode(path.read_bytes()))
    except json.JSONDecodeError as error:
        raise ReadError(f"is no whole JSON: {error}; perhaps cut short, fetch it again") from error
    except ValueError as error:  # an integer of thousands of digits
        raise ReadError(f"is no JSON of soundings: {error}") from error
    except RecursionError as error:
        raise ReadError("is no JSON of soundings: nested too deeply") from error
    entries = reply.get("profiles") if isinstance(reply, dict) else None
    if not isinstance(entries, list):
        raise ReadError('has no list "profiles": not a reply of the service raob.py')
    return entries


def _profile(entry: Any, where: str) -> Profile:
    """Return one sounding, or say in its `problem` what is wrong with it."""
    facts: dict[str, Any] = {}
    try:
        if not isinstance(entry, dict):
            raise ReadError(f"{where}: {_tell(entry)} is no sounding")
        facts, notes = _facts(entry)
        levels = entry.get("profile")
        if not isinstance(levels, list):
            raise ReadError(f'{where}: no list "profile" of levels')
        if not levels:
            raise ReadError(f"{where}: no levels, so the service has no data of it")
        refuse_levels(len(levels), f"{where}: ")
        quantities = {
            name: _column(levels, key, where) * factor for key, (name, factor) in KEYS.items()
        }
    except ReadError as error:
        return Profile(problem=str(error), **facts)
    unknown = quantities["pressure"] == NO_PRESSURE
    if unknown.any():
        quantities["pressure"][unknown] = np.nan
        notes += (f"levels without pressure ({NO_PRESSURE:g}): {unknown.sum()}",)
    return build(quantities, notes, **facts)


def _facts(entry: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return station and time, and notes on what is not there."""
    station, valid = entry.get("station"), entry.get("valid")
    notes: tuple[str, ...] = ()
    if not isinstance(station, str):
        station, notes = "", (f"{_tell(station)} is no station",)
    try:
        time = to_time(valid) if isinstance(valid, str) else NOT_A_TIME
    except (ValueError, OverflowError):
        time = NOT_A_TIME
    if np.isnat(time):
        notes += (f"{_tell(valid)} is not a time",)
    return {"station_id": station, "time": time}, notes


def _column(levels: list[Any], key: str, where: str) -> FloatArray:
    """Return a quantity of all levels, NaN where it is missing."""
    return np.array([_number(level, key, where, at) for at, level in enumerate(levels, 1)])


def _number(level: Any, key: str, where: str, at: int) -> float:
    if not isinstance(level, dict) or key not in level:
        raise ReadError(f"{where}, level {at}: no {key!r}")
    value = level[key]
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ReadError(f"{where}, level {at}: {key}: {_tell(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond 1e308
        return math.nan
    return number if math.isfinite(number) else math.nan


def _tell(value: Any) -> str:
    """Return what a value of JSON is, short whatever it holds."""
    if isinstance(value, list | dict):
        return f"a {'list' if isinstance(value, list) else 'object'} of {len(value)}"
    return shorten(json.dumps(value))
