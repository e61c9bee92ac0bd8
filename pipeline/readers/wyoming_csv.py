"""University of Wyoming CSV, as the site serves it since 2024: wind in m s-1, padded values.

The format carries no station; the names of files that `python -m pipeline fetch` brings do. Time
and position stand in every row and may follow the drift of the balloon. A latitude of -99.99 means
that the position is not known.

Source: https://weather.uwyo.edu/wsgi/sounding, type ``TEXT:CSV``; siphon's recorded replies.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, WINDS, FloatArray, Profile, wind_components
from pipeline.readers._riding import riding
from pipeline.readers._text import decode, lines, numbers, shorten
from pipeline.readers.limits import refuse_levels
from pipeline.readers.refusals import NearMiss

NAME = "wyoming_csv"
DESCRIPTION = "University of Wyoming CSV (time,longitude,latitude,pressure_hPa,...), wind in m/s"

START = "time,longitude,latitude,pressure_hPa,"
REFUSAL = "Unable to retrieve the data for"
COLUMNS = {
    "longitude": "longitude",
    "latitude": "latitude",
    "pressure": "pressure_hPa",
    "height": "geopotential height_m",
    "temperature": "temperature_C",
    "dewpoint": "dew point temperature_C",
    "wind_direction": "wind direction_degree",
    "wind_speed": "wind speed_m/s",
}
EXTRAS = {
    "reported_relative_humidity": "relative humidity_%",
    "reported_mixing_ratio": "mixing ratio_g/kg",
}

#: A line with its number in the file.
Line = tuple[int, str]

_NO_STATION = "the format does not carry the station"
_STATION_OF_NAME = "the station is from the name of the file"
#: What `fetch` calls a file: station, day and hour.
_FETCHED = re.compile(r"wyoming-([A-Z0-9-]+)-\d{8}T\d{2}\.csv")


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if the first line holds the column names, otherwise what it is instead."""
    first = decode(head[:400]).lstrip().split("\n", 1)[0].strip()
    if first.startswith(REFUSAL):
        return NearMiss(f"the site answered: {first}")
    return None if first.startswith(START) else f"the first line does not begin with {START}..."


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the sounding of a Wyoming CSV file, if there are rows in it.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels as they stand in the file, time and position of the first; the station where the
        name of the file is one that `fetch` gives. Where the position follows the balloon,
        `drift_longitude` and `drift_latitude` ride along. A damaged row makes it a profile with
        its ``problem`` said and no levels.

    Raises
    ------
    ReadError
        When the first line does not hold the column names.
    """
    numbered = ((number, line) for number, line in enumerate(lines(path), 1) if line.strip())
    header = next(numbered, (1, ""))
    reason = sniff(header[1][:400].encode(), path)
    if reason is not None:
        raise ReadError(reason)
    match = _FETCHED.fullmatch(path.name)
    station, notes = (match[1], [_STATION_OF_NAME]) if match else ("", [_NO_STATION])
    try:
        names = _names(*header)
        time, column = _columns(names, _rows(numbered, len(names), _ends_in_a_line_end(path)))
    except ReadError as error:
        yield Profile(station_id=station, problem=str(error), notes=tuple(notes))
        return
    if len(column["pressure_hPa"]):
        yield _profile(column, time, station, notes)


def _names(number: int, line: str) -> list[str]:
    names = [name.strip() for name in line.split(",")]
    lacking = [name for name in COLUMNS.values() if name not in names]
    if lacking:
        raise ReadError(f"line {number}: no column {', '.join(lacking)}")
    return names


def _ends_in_a_line_end(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() in (b"\n", b"\r")


def _rows(lines: Iterable[Line], count: int, is_whole: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's number and fields.

    A file may break off in a row, which could halve its last number unseen: that row is refused
    where it has no line end and is shorter than the one before.
    """
    length = sys.maxsize
    for (number, line), following in pairwise(chain(lines, [(0, "")])):
        if not (is_whole or following[0]) and len(line) < length:
            raise ReadError(f"line {number}: the file seems to be cut short in this row")
        fields = line.split(",")
        if len(fields) != count:
            raise ReadError(f"line {number}: {len(fields)} columns where {count} are expected")
        length = len(line)
        yield number, fields


def _columns(
    names: list[str], rows: Iterable[tuple[int, list[str]]]
) -> tuple[str, dict[str, FloatArray]]:
    """Return the time in the first row, and the numbers by column name."""
    wanted = [*COLUMNS.values(), *(column for column in EXTRAS.values() if column in names)]
    places = [names.index(name) for name in wanted]
    time_place, time = names.index("time"), ""
    values: list[list[float]] = []
    for number, fields in rows:
        refuse_levels(len(values) + 1, f"line {number}: ")
        time = time if values else fields[time_place].strip()
        values.append(numbers([fields[place] for place in places], number))
    table = np.array(values, dtype=np.float64).reshape(-1, len(wanted))
    return time, dict(zip(wanted, table.T, strict=True))


def _profile(
    column: dict[str, FloatArray], time_text: str, station: str, notes: list[str]
) -> Profile:
    level = {name: column[source] for name, source in COLUMNS.items()}
    time = _time(time_text)
    if np.isnat(time):
        notes.append(f"{shorten(time_text)!r} is not a time")
    longitude, latitude = _positions(level["longitude"], level["latitude"])
    along = {name: column[source] for name, source in EXTRAS.items() if source in column}
    if np.unique(longitude).size > 1 or np.unique(latitude).size > 1:
        along |= {"drift_longitude": longitude, "drift_latitude": latitude}
    u_wind, v_wind = wind_components(level["wind_speed"], level["wind_direction"])
    return Profile(
        pressure=level["pressure"],
        height=level["height"],
        temperature=level["temperature"],
        dewpoint=level["dewpoint"],
        u_wind=u_wind,
        v_wind=v_wind,
        derived=WINDS,
        station_id=station,
        time=time,
        longitude=float(longitude[0]),
        latitude=float(latitude[0]),
        extras=riding(along),
        notes=tuple(notes),
    )


def _time(text: str) -> np.datetime64:
    try:
        return np.datetime64(datetime.strptime(text, "%Y-%m-%d %H:%M:%S"), "s")
    except ValueError:
        return NOT_A_TIME


def _positions(longitude: FloatArray, latitude: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return positions, NaN where not known.

    Only the latitude tells: -99.99 is a longitude in Texas, and no latitude anywhere.
    """
    known = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    return np.where(known, longitude, np.nan), np.where(known, latitude, np.nan)
