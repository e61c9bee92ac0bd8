"""SPC and SHARPpy soundings: the text files with ``%TITLE%``, ``%RAW%`` and ``%END%``.

Rows between ``%RAW%`` and ``%END%`` hold pressure (hPa), height (m), temperature and dewpoint
(degC), wind direction (degrees) and speed (knots), with or without omega as a seventh column;
-9999 is missing, in some files -999. The line after ``%TITLE%`` names station and time, with or
without a position. What follows ``%END%`` is the output of an analysis program.

Source: SHARPpy, ``sharppy/io/spc_decoder.py``, and the files of its analogue archive (SARS). Other
than there, a position that is not given stays missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import Extra, FloatArray, Profile, wind_components
from pipeline.readers._text import (
    KNOT,
    numbers,
    read_lines,
    shorten,
    time_from_two_digit_year,
)

NAME = "spc_raw"
DESCRIPTION = "SPC and SHARPpy text (%RAW%), observed or from a model, winds in knots"

MISSING = (-9999.0, -999.0)

_RAW_LINE = re.compile(rb"^[ \t]*%RAW%[ \t\r]*$", re.MULTILINE)
_TITLE = re.compile(r"(\S+)\s+(\d{6})/(\d{4})(?:\s+([-+.\d]+)\s*,\s*([-+.\d]+))?\s*$", re.ASCII)
_OMEGA_NOTE = "the seventh column is taken as omega in Pa s-1; the format does not say"


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if there is a ``%RAW%`` line, otherwise that there is none."""
    return None if _RAW_LINE.search(head) else "no %RAW% line"


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of a ``%RAW%`` file, one for each ``%RAW%``.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels as they stand in the file: the cleaning puts them in order. A sounding with a
        damaged row, or without ``%END%``, has its ``problem`` said and no levels.

    Raises
    ------
    ReadError
        When there is no ``%RAW%`` line.
    """
    lines = read_lines(path)
    starts = [index for index, line in enumerate(lines) if line.strip() == "%RAW%"]
    if not starts:
        raise ReadError("no %RAW% line: not an SPC sounding")
    ends = [*starts[1:], len(lines)]
    for previous, start, end in zip([0, *starts], starts, ends, strict=False):
        yield _sounding(lines, previous, start, end)


def _sounding(lines: list[str], previous: int, start: int, end: int) -> Profile:
    """Build the sounding whose ``%RAW%`` is at `start`, its title after `previous`."""
    facts = _facts(_title(lines[previous:start]))
    try:
        values = _rows(lines, start + 1, end)
    except ReadError as error:
        return Profile(problem=str(error), **facts)
    u_wind, v_wind = wind_components(values[:, 5] * KNOT, values[:, 4])
    if values.shape[1] == 7:
        facts["extras"] = {
            "omega": Extra(values[:, 6], "Pa s-1", "vertical velocity in pressure coordinates")
        }
        facts["notes"] = (*facts["notes"], _OMEGA_NOTE)
    return Profile(
        pressure=values[:, 0],
        height=values[:, 1],
        temperature=values[:, 2],
        dewpoint=values[:, 3],
        u_wind=u_wind,
        v_wind=v_wind,
        **facts,
    )


def _title(lines: list[str]) -> str:
    """Return the first line with something in it after the last ``%TITLE%``."""
    titles = [index for index, line in enumerate(lines) if line.strip() == "%TITLE%"]
    if not titles:
        return ""
    return next((line.strip() for line in lines[titles[-1] + 1 :] if line.strip()), "")


def _facts(title: str) -> dict[str, Any]:
    """Return station, time and position from a title such as ``BNA 140728/0000 36.25,-86.56``."""
    match = _TITLE.match(title)
    if match is None:
        note = f"the title {shorten(title)!r} does not name a station and a time"
        return {"notes": (note,)}
    station, date, clock, latitude, longitude = match.groups()
    time = time_from_two_digit_year(date, clock)
    notes = [f"{date}/{clock} is not a date and time"] if np.isnat(time) else []
    facts: dict[str, Any] = {"station_id": station, "time": time}
    if latitude is not None:
        position = _position(latitude, longitude)
        facts |= position
        if not position:
            notes.append(f"{latitude},{longitude} is not a position")
    return facts | {"notes": tuple(notes)}


def _position(latitude: str, longitude: str) -> dict[str, float]:
    """Return a position that is one, otherwise nothing."""
    try:
        north, east = float(latitude), float(longitude)
    except ValueError:
        return {}
    if abs(north) > 90 or abs(east) > 180:
        return {}
    return {"latitude": north, "longitude": east}


def _rows(lines: list[str], start: int, end: int) -> FloatArray:
    """Return the rows from line index `start` up to ``%END%``, shape (levels, 6 or 7)."""
    rows: list[list[float]] = []
    for index in range(start, end):
        line = lines[index].strip()
        if line == "%END%":
            values = np.array(rows, dtype=np.float64).reshape(
                len(rows), len(rows[0]) if rows else 6
            )
            values[np.isin(values, MISSING)] = np.nan
            return values
        if line:
            rows.append(_row(line, index + 1, expected=len(rows[0]) if rows else 0))
    raise ReadError(f"line {end}: no %END% after the rows, so the file seems to be cut short")


def _row(line: str, number: int, expected: int) -> list[float]:
    fields = line.split(",")
    if len(fields) not in (6, 7):
        raise ReadError(f"line {number}: {len(fields)} columns where 6 or 7 are expected")
    if expected and len(fields) != expected:
        raise ReadError(
            f"line {number}: {len(fields)} columns where the rows above have {expected}"
        )
    return numbers(fields, number)
