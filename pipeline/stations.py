"""Positions of stations, for formats that carry none.

A table is a CSV file with a header: ``station_id``, ``latitude`` and ``longitude``, and if wanted
``name`` and ``elevation_m``; other columns are for people.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ConfigError, nearest
from pipeline.profiles import Profile

REQUIRED = ("station_id", "latitude", "longitude")

#: What a position may be: degrees north, degrees east (both ways of counting), metres.
LIMITS = {"latitude": (-90.0, 90.0), "longitude": (-180.0, 360.0), "elevation_m": (-500.0, 9000.0)}


@dataclass(frozen=True, slots=True)
class Station:
    """A place that soundings are made at.

    Parameters
    ----------
    station_id : str
        As the soundings name it.
    name : str
        For people; may be empty.
    latitude, longitude : float
        degrees north and east, the longitude from -180 to 180.
    elevation : float
        m above mean sea level; NaN where not known.
    """

    station_id: str
    name: str
    latitude: float
    longitude: float
    elevation: float = math.nan


def load(path: Path | None) -> dict[str, Station]:
    """Return the stations of a table, by id.

    Parameters
    ----------
    path : Path or None
        A CSV file in UTF-8; without one there are none.

    Raises
    ------
    ConfigError
        With everything that is wrong in it, one line each: a missing column, a number that is
        none or out of range, an id that is empty or given twice.
    """
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([f"{path}: the table of stations cannot be read: {why}"]) from error
    rows = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        _require_columns(rows, path)
        return _stations(rows, path)
    except csv.Error as error:
        where = f"{path}:{rows.reader.line_num}"
        raise ConfigError([f"{where}: this is not a CSV table: {error}"]) from error


def locate(profile: Profile, stations: Mapping[str, Station]) -> bool:
    """Give a profile the position and the name of its station, where it has none of its own.

    What the profile states itself is never changed, and a position is one thing: where only one
    of latitude and longitude is missing, nothing is filled in. The altitude of the ground is left
    alone on purpose: a profile's own lowest height says it better than the station's elevation,
    which for model profiles differs from it by up to hundreds of metres.

    Parameters
    ----------
    profile : Profile
        Changed in place.
    stations : mapping of str to Station
        As from `load`.

    Returns
    -------
    bool
        Whether the profile has a position now.

    Examples
    --------
    >>> profile = Profile(pressure=[1000.0], station_id="OAX")
    >>> locate(profile, {"OAX": Station("OAX", "Omaha", 41.32, -96.37)})
    True
    >>> profile.latitude, profile.longitude, profile.station_name
    (41.32, -96.37, 'Omaha')
    """
    station = stations.get(profile.station_id)
    if station is not None:
        profile.station_name = profile.station_name or station.name
        if math.isnan(profile.latitude) and math.isnan(profile.longitude):
            profile.latitude, profile.longitude = station.latitude, station.longitude
    return math.isfinite(profile.latitude) and math.isfinite(profile.longitude)


def _require_columns(rows: csv.DictReader[str], path: Path) -> None:
    found = [name.strip() for name in rows.fieldnames or ()]
    rows.fieldnames = found
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        has = ", ".join(found) or "nothing"
        raise ConfigError(
            [
                f"{path}:1: the column '{name}' is missing{nearest(name, found)} (there is: {has})"
                for name in missing
            ]
        )


def _stations(rows: csv.DictReader[str], path: Path) -> dict[str, Station]:
    stations: dict[str, Station] = {}
    first_line: dict[str, int] = {}
    problems: list[str] = []
    for row in rows:
        where = f"{path}:{rows.line_num}"
        faults = list(_faults(row, first_line))
        problems += [f"{where}: {fault}" for fault in faults]
        if not faults:
            station = _station(row)
            stations[station.station_id] = station
            first_line[station.station_id] = rows.line_num
    if problems:
        raise ConfigError(problems)
    return stations


def _faults(row: Mapping[str, str | None], first_line: Mapping[str, int]) -> Iterator[str]:
    """Yield what is wrong with a row of the table."""
    station_id = _text(row, "station_id")
    if not station_id:
        yield "the station_id is empty"
    if station_id in first_line:
        yield f"'{station_id}' is given twice, first on line {first_line[station_id]}"
    if None in row:
        yield "more values than columns; quote a name that holds a comma"
    for column, (low, high) in LIMITS.items():
        text = _text(row, column)
        if not text:
            if column in REQUIRED:
                yield f"the {column} of '{station_id}' is empty"
            continue
        if not low <= _number(text) <= high:
            yield f"the {column} '{text}' is not a number from {low:g} to {high:g}"


def _station(row: Mapping[str, str | None]) -> Station:
    latitude, longitude = float(_text(row, "latitude")), float(_text(row, "longitude"))
    return Station(
        station_id=_text(row, "station_id"),
        name=_text(row, "name"),
        latitude=latitude,
        longitude=longitude - 360.0 if longitude > 180.0 else longitude,
        elevation=_number(_text(row, "elevation_m")),
    )


def _text(row: Mapping[str, str | None], column: str) -> str:
    return (row.get(column) or "").strip()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan  # which is within no limits, and is told there


def fingerprint(station_ids: Iterable[str], stations: Mapping[str, Station]) -> str:
    """Return what tells one state of the table's rows for some stations from another.

    Parameters
    ----------
    station_ids : iterable of str
        Of the profiles of one source.
    stations : mapping of str to Station
        As from `load`.

    Returns
    -------
    str
        Empty where the table has none of them.
    """
    rows = [repr(stations[name]) for name in sorted(set(station_ids)) if name in stations]
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=8).hexdigest() if rows else ""
