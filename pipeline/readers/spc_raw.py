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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import WINDS, Extra, Profile, wind_components
from pipeline.readers._text import (
    KNOT,
    decode,
    lines,
    numbers,
    shorten,
    time_from_two_digit_year,
)
from pipeline.readers.limits import refuse_levels

NAME = "spc_raw"
DESCRIPTION = "SPC and SHARPpy text (%RAW%), observed or from a model, winds in knots"

MISSING = (-9999.0, -999.0)

_RAW_LINE = re.compile(r"^[ \t]*%RAW%[ \t]*$", re.MULTILINE)
_TITLE = re.compile(r"(\S+)\s+(\d{6})/(\d{4})(?:\s+([-+.\d]+)\s*,\s*([-+.\d]+))?\s*$", re.ASCII)
_OMEGA_NOTE = "the seventh column is taken as omega in Pa s-1; the format does not say"


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if there is a ``%RAW%`` line, otherwise that there is none."""
    return None if _RAW_LINE.search(decode(head)) else "no %RAW% line"


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
    title, title_follows = "", False
    sounding: _Sounding | None = None
    number = 0
    for number, line in enumerate(lines(path), start=1):
        text = line.strip()
        if text == "%RAW%":
            if sounding is not None:
                yield sounding.profile(number - 1)
            sounding, title = _Sounding(title), ""
            continue
        if text == "%TITLE%":
            title, title_follows = "", True
        elif title_follows and text:
            title, title_follows = text, False
        if sounding is not None:
            sounding.add(number, text)
    if sounding is None:
        raise ReadError("no %RAW% line: not an SPC sounding")
    yield sounding.profile(number)


@dataclass
class _Sounding:
    """A sounding while its rows come in; the first damaged row is its problem."""

    title: str
    rows: list[list[float]] = field(default_factory=list)
    problem: str = ""
    ended: bool = False

    def add(self, number: int, text: str) -> None:
        """Take the next line after ``%RAW%``, stripped; what follows ``%END%`` is not ours."""
        if text == "%END%":
            self.ended = True
        if self.ended or self.problem or not text:
            return
        try:
            refuse_levels(len(self.rows) + 1, f"line {number}: ")
            self.rows.append(_row(text, number, len(self.rows[0]) if self.rows else 0))
        except ReadError as error:
            self.problem = str(error)
            self.rows.clear()

    def profile(self, last_line: int) -> Profile:
        """Return the profile; `last_line` is the last before the next sounding."""
        facts = _facts(self.title)
        if not self.problem and not self.ended:
            self.problem = (
                f"line {last_line}: no %END% after the rows, so the file seems to be cut short"
            )
        if self.problem:
            return Profile(problem=self.problem, **facts)
        columns = len(self.rows[0]) if self.rows else 6
        values = np.array(self.rows, dtype=np.float64).reshape(-1, columns)
        values[np.isin(values, MISSING)] = np.nan
        u_wind, v_wind = wind_components(values[:, 5] * KNOT, values[:, 4])
        if columns == 7:
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
            derived=WINDS,
            **facts,
        )


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


def _row(line: str, number: int, expected: int) -> list[float]:
    fields = line.split(",")
    if len(fields) not in (6, 7):
        raise ReadError(f"line {number}: {len(fields)} columns where 6 or 7 are expected")
    if expected and len(fields) != expected:
        raise ReadError(
            f"line {number}: {len(fields)} columns where the rows above have {expected}"
        )
    return numbers(fields, number)
