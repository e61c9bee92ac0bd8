"""The University of Wyoming's list of levels, as it stands in saved text and in its pages.

A table in right-aligned columns of 7 characters, blank where missing, so it is parsed by position.
The names in its first line say what a column is: wind speed is ``SKNT`` in knots in the old list
and ``SPED`` in m s-1 in the new one. A line with station and time may precede the table; station
indices, among them the position, may follow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, WINDS, FloatArray, Profile, wind_components
from pipeline.readers._riding import riding
from pipeline.readers._text import KNOT, numbers, shorten, time_from_two_digit_year
from pipeline.readers.limits import refuse_levels

#: A line with its number in the file.
Line = tuple[int, str]

WIDTH = 7
UNITS = {
    "PRES": "hPa",
    "HGHT": "m",
    "TEMP": "C",
    "DWPT": "C",
    "RELH": "%",
    "MIXR": "g/kg",
    "DRCT": "deg",
    "SKNT": "knot",
    "SPED": "m/s",
}
REQUIRED = ("PRES", "HGHT", "TEMP", "DWPT", "DRCT")
WIND_SPEED = {"SKNT": KNOT, "SPED": 1.0}
#: What rides along.
EXTRAS = {"reported_relative_humidity": "RELH", "reported_mixing_ratio": "MIXR"}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

#: What says that a file holds such a table, within its first bytes.
TABLE = re.compile(rb"PRES {1,9}HGHT {1,9}TEMP {1,9}DWPT")

_WHEN = re.compile(
    r"(?:for Station\s+(\S+)\s+)?at\s+(\d{1,2})\s*(?:Z|UTC)\s+(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})"
)
_INDICES = {
    "number": re.compile(r"Station number:\s*(\S+)"),
    "identifier": re.compile(r"Station identifier:\s*(\S+)"),
    "time": re.compile(r"Observation time:\s*(\d{6}/\d{4})"),
    "latitude": re.compile(r"Station latitude:?\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE),
    "longitude": re.compile(r"Station longitude:?\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE),
    "elevation": re.compile(r"Station elevation:?\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE),
}


#: Most characters from one table to the next: a table of as many levels as there may be has fewer.
MOST_CHARACTERS = 100_000_000


def soundings(lines: Iterable[Line], cut_short: bool = False) -> Iterator[Profile]:
    """Yield the sounding of each table.

    Parameters
    ----------
    lines : iterable of (int, str)
        The text with line numbers.
    cut_short : bool
        The text is known to end inside its last table.

    Yields
    ------
    Profile
        With its ``problem`` said, and no levels, where a table is damaged.

    Raises
    ------
    ReadError
        When a table, or what stands before the first one, is too long to be one.
    """
    blocks = _blocks(lines)
    before, table = next(blocks), next(blocks, None)
    while table is not None:
        following = next(blocks, None)
        facts = _facts(before, table)
        try:
            if cut_short and following is None:
                raise ReadError(f"line {table[-1][0]}: the page ends inside the table")
            levels = _levels(table)
        except ReadError as error:
            yield Profile(problem=str(error), **facts)
        else:
            yield Profile(**levels, **facts)
        before, table = table, following


def _blocks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield the lines before the first table, then from each table's head to the next."""
    block: list[Line] = []
    characters = 0
    for number, text in lines:
        if _is_head(text):
            yield block
            block, characters = [], 0
        refuse_levels(len(block), f"line {number}: ")
        characters += len(text)
        if characters > MOST_CHARACTERS:
            raise ReadError(f"line {number}: too much text to be one sounding")
        block.append((number, text))
    yield block


def _is_head(text: str) -> bool:
    return "PRES" in text and text.split()[:4] == ["PRES", "HGHT", "TEMP", "DWPT"]


# --------------------------------------------------------------------------- station and time


def _facts(before: Sequence[Line], after: Sequence[Line]) -> dict[str, Any]:
    """Return what the lines around a table say about its station, position and time."""
    facts = _from_title([text for _, text in before])
    indices = _from_indices("\n".join(text for _, text in after))
    if "station_id" in facts:
        indices.pop("station_name", None)
    facts = indices | facts
    unknown = [word for word, key in _WORDS.items() if key not in facts]
    if unknown:
        facts["notes"] = (f"the file does not say the {', the '.join(unknown)}",)
    return facts


_WORDS = {"station": "station_id", "time": "time", "position": "latitude"}


def _from_title(lines: list[str]) -> dict[str, Any]:
    """Return the facts of the last title, ``72327 BNA Nashville Observations at 12Z ...``."""
    titles = [index for index, text in enumerate(lines) if "Observations " in text]
    if not titles:
        return {}
    station, _, when = lines[titles[-1]].partition("Observations ")
    match = _WHEN.match(when)
    if match is None:
        return {}
    number, hour, day, month, year = match.groups()
    if number:  # the new pages say the name in a line of its own
        names = (text.strip() for text in lines[titles[-1] + 1 :])
        name = next((name for name in names if name.strip("- ")), "")
    else:
        number, _, name = station.strip().partition(" ")
    time = _time(hour, day, month, year)
    facts: dict[str, Any] = {} if np.isnat(time) else {"time": time}
    return facts | ({"station_id": number, "station_name": name.strip()} if number else {})


def _time(hour: str, day: str, month: str, year: str) -> np.datetime64:
    try:
        number = MONTHS.index(month.lower()) + 1
        return np.datetime64(datetime(int(year), number, int(day), int(hour)), "s")
    except ValueError:
        return NOT_A_TIME


def _from_indices(text: str) -> dict[str, Any]:
    """Return the facts among the station indices that follow a table."""
    found = {key: match[1] for key, rule in _INDICES.items() if (match := rule.search(text))}
    facts: dict[str, Any] = {}
    if "number" in found or "identifier" in found:
        facts["station_id"] = found.get("number", found.get("identifier"))
        facts["station_name"] = found.get("identifier", "")
    if "time" in found:
        time = time_from_two_digit_year(*found["time"].split("/"))
        facts |= {} if np.isnat(time) else {"time": time}
    if "latitude" in found and "longitude" in found:
        latitude, longitude = float(found["latitude"]), float(found["longitude"])
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            facts |= {"latitude": latitude, "longitude": longitude}
    if "elevation" in found:
        facts["surface_altitude"] = float(found["elevation"])
    return facts


# --------------------------------------------------------------------------- the table


def _levels(table: Sequence[Line]) -> dict[str, Any]:
    """Return the level variables of a table that begins with its column names."""
    names = _names(*table[0])
    rows = _rows(table[1:], names)
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    column: dict[str, FloatArray] = dict(zip(names, values.T, strict=True))
    speed = next(name for name in names if name in WIND_SPEED)
    u_wind, v_wind = wind_components(column[speed] * WIND_SPEED[speed], column["DRCT"])
    extras = riding({name: column[title] for name, title in EXTRAS.items() if title in column})
    return {
        "pressure": column["PRES"],
        "height": column["HGHT"],
        "temperature": column["TEMP"],
        "dewpoint": column["DWPT"],
        "u_wind": u_wind,
        "v_wind": v_wind,
        "derived": WINDS,
        "extras": extras,
    }


def _names(number: int, text: str) -> list[str]:
    """Return the column names, each at the end of its 7 characters."""
    names = text.split()
    if [field.strip() for field in _fields(text, number, len(names))] != names:
        raise ReadError(f"line {number}: the columns are not {WIDTH} characters wide")
    lacking = [name for name in REQUIRED if name not in names]
    if not set(WIND_SPEED) & set(names):
        lacking.append("SKNT or SPED")
    if lacking:
        raise ReadError(f"line {number}: no column {', '.join(lacking)}")
    return names


def _rows(lines: Sequence[Line], names: list[str]) -> list[list[float]]:
    """Return the numbers of the rows; text ends the table, and no row may follow it."""
    rows: list[list[float]] = []
    text_at = 0
    for number, text in lines:
        is_text = sum(map(str.isalpha, text)) >= 3
        if not rows and text.split()[:1] == [UNITS["PRES"]]:
            _check_units(number, text, names)
        elif not text.strip("- \t"):
            continue
        elif is_text:
            text_at = text_at or number
        elif not text_at:
            rows.append(numbers(_fields(text, number, len(names)), number))
        elif _is_row(text):
            raise ReadError(
                f"line {number}: a row after the end of the table; line {text_at} is damaged"
            )
    return rows


def _is_row(text: str) -> bool:
    return not text.strip("0123456789+-. \t") and len(text.split()) >= 4


def _fields(text: str, number: int, count: int) -> list[str]:
    """Return a row's fields, checked to be aligned to the right."""
    text = text.rstrip()
    fields = [text[start : start + WIDTH] for start in range(0, WIDTH * count, WIDTH)]
    ragged = any(field.strip() and (len(field) < WIDTH or field[-1] == " ") for field in fields)
    if ragged or len(text) > WIDTH * count:
        raise ReadError(
            f"line {number}: not in {count} right-aligned columns of {WIDTH} characters: "
            f"{shorten(text.strip())!r}"
        )
    return fields


def _check_units(number: int, text: str, names: list[str]) -> None:
    units = text.split()
    for name, unit in zip(names, units, strict=False):
        if unit != UNITS.get(name, unit):
            raise ReadError(f"line {number}: {name} is in {unit} where {UNITS[name]} is expected")
