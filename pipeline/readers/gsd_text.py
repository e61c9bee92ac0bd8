"""NOAA FSL and GSD soundings: observed (``254``, ``RAOB``) or of a model (``Op40``, ``NAM``, ...).

A line with the type of sounding, hour, day, month and year, and three numbered lines: 1 station,
position, elevation; 2 checks and the number of lines; 3 station identifier and units of wind
speed (``kt``: knots, ``ms``: tenths of m/s). Then the levels, fields of seven characters: kind
(4 mandatory, 5 significant, 6 wind, 7 tropopause, 8 maximum wind, 9 surface), pressure (tenths of
hPa; whole hPa in the original format), height (m), temperature and dewpoint (tenths of degC), wind
direction and speed; in later observed ones also the time (HHMM), and bearing (degrees) and range
(nautical miles) from the station. 99999 is missing, 32767 in the original format. Longitudes
without a letter are positive to the west. GSD's line of CAPE, CIN, helicity and PW is left out.

Source: NOAA, ``raob_format.html`` (rucsoundings.noaa.gov).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, FloatArray, Profile
from pipeline.readers._quantities import build
from pipeline.readers._riding import riding
from pipeline.readers._text import KNOT, decode, lines, numbers, shorten
from pipeline.readers._wyoming import MONTHS
from pipeline.readers.limits import refuse_levels
from pipeline.readers.refusals import NearMiss

NAME = "gsd_text"
DESCRIPTION = "NOAA FSL/GSD text (254, RAOB, Op40, NAM, GFS), observed or of a model, many a file"

MISSING, MISSING_IN_ORIGINAL = 99999.0, 32767.0
SPEED_FACTORS = {"kt": KNOT, "ms": 0.1}
NAUTICAL_MILE = 1852.0

FIELDS = ("pressure", "height", "temperature", "dewpoint", "wind_direction", "wind_speed")
FIELD_WIDTH = 7
#: Characters of a level without and with time, bearing and range.
LEVEL_WIDTHS = (49, 70)
LEVEL_KINDS = "456789"
MANDATORY, SURFACE = 4, 9

#: hPa, above any surface pressure: larger numbers are tenths.
HIGHEST_PRESSURE = 1100.0
#: Lines that the header counts too.
HEADER_LINES = 4
#: m; by less than that a station's elevation and the surface level differ for any reason.
SAME_ALTITUDE = 10.0

_TYPE = re.compile(
    r"\s*(?P<type>\S+)\s+(?P<hour>\d{1,2})\s+(?P<day>\d{1,2})\s+(?P<month>[A-Za-z]{3})"
    r"\s+(?P<year>\d{4})(?:\s.*)?",
    re.ASCII,
)
# Latitude and longitude may touch: 32.85N117.12W, -25.00-135.00.
_STATION = re.compile(
    r"\s*1\s+\d+\s+(?P<wmo>\d+)\s+(?P<latitude>-?\d{1,5}(?:\.\d\d?)?)\s?(?P<north>[NS]?)"
    r"\s*(?P<longitude>-?\d{1,5}(?:\.\d\d?)?)\s?(?P<east>[EW]?)\s+(?P<elevation>-?\d+)(?:\s.*)?",
    re.ASCII,
)
_UNITS = re.compile(
    r"\s*3\s+(?:(?P<station>\S+)\s+)?\d+\s+(?P<units>[A-Za-z]\S*)(?:\s.*)?", re.ASCII
)
_LONGEST_HEADER = 200
_INDICES_LINE = "CAPE"
_STATION_LIST = "WMOID Name"


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if a line with type and time is followed by one with the station."""
    rows = decode(head).lstrip().split("\n")
    if rows[0].startswith(_STATION_LIST):
        return NearMiss("a list of stations and their latest dates, without a sounding")
    for index, row in enumerate(rows):
        if _matches(_TYPE, row) and any(_matches(_STATION, one) for one in rows[index + 1 :][:3]):
            return None
    return "no line with type, hour, day, month and year before a line 1 with the station"


def _matches(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    return pattern.fullmatch(line) if len(line) < _LONGEST_HEADER else None


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of a GSD or FSL file.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels as they stand in the file. `time` is that of the report, or what a forecast is for;
        `surface_altitude` that of the surface level, which in a model is not the station's. A
        sounding that is damaged or cut short has its ``problem`` said and no levels.

    Raises
    ------
    ReadError
        When there is no sounding in it.
    """
    sounding: _Sounding | None = None
    title = ""
    for number, line in enumerate(lines(path), start=1):
        text = line.rstrip()
        kind = text[:FIELD_WIDTH].strip()
        match = _matches(_TYPE, text)
        # A second station without a line of type and time: that line was damaged.
        lost = kind == "1" and (sounding is None or "1" in sounding.header)
        if match or lost:
            if sounding is not None:
                yield sounding.profile()
            sounding, title = _Sounding(title, match, number), ""
        elif text and not kind.isdecimal():
            title = text.strip()
        if sounding is not None and not match:
            sounding.add(number, kind, text)
    if sounding is None:
        raise ReadError("no line with type, hour, day, month and year of a sounding")
    yield sounding.profile()


@dataclass
class _Sounding:
    """A sounding while its lines come in; the first damaged line is its problem."""

    title: str
    type: re.Match[str] | None
    number: int
    #: The lines 1, 2 and 3.
    header: dict[str, str] = field(default_factory=dict)
    rows: list[list[float]] = field(default_factory=list)
    width: int = 0
    #: A line that is neither header nor level, which may turn out to stand among levels.
    stray: str = ""
    problem: str = ""

    def __post_init__(self) -> None:
        if self.type is None:
            self.problem = f"line {self.number}: no line with type and time before this station"

    def add(self, number: int, kind: str, text: str) -> None:
        """Take the next line, of that kind: its first field."""
        if kind in ("1", "2", "3"):
            self.header[kind] = text
        if self.problem or not text or kind in ("1", "2", "3", _INDICES_LINE):
            return
        if kind not in LEVEL_KINDS:
            self.stray = self.stray or f"line {number}: {shorten(text.strip())!r} is not a level"
            return
        try:
            self._add_level(number, text)
        except ReadError as error:
            self.problem = str(error)
            self.rows.clear()

    def _add_level(self, number: int, text: str) -> None:
        if self.rows and self.stray:
            raise ReadError(self.stray)
        expected = (self.width,) if self.width else LEVEL_WIDTHS
        if len(text) not in expected:
            raise ReadError(
                f"line {number}: {len(text)} characters where a level has "
                f"{' or '.join(map(str, expected))} (fields of {FIELD_WIDTH})"
            )
        self.width, self.stray = len(text), ""
        refuse_levels(len(self.rows) + 1, f"line {number}: ")
        starts = range(0, len(text), FIELD_WIDTH)
        self.rows.append(numbers([text[start : start + FIELD_WIDTH] for start in starts], number))

    def profile(self) -> Profile:
        """Return the profile."""
        facts = self._facts()
        announced = _integer(self.header.get("2", "")[4 * FIELD_WIDTH : 5 * FIELD_WIDTH])
        notes = list(facts.pop("notes"))
        if not self.problem and not self.rows:
            self.problem = f"line {self.number}: no levels follow this header"
        elif not self.problem and len(self.rows) + HEADER_LINES < announced:
            found = (
                f"line {self.number}: the header announces {announced:.0f} lines and "
                f"{len(self.rows) + HEADER_LINES} are here"
            )
            if {row[0] for row in self.rows} <= {MANDATORY, SURFACE}:
                notes.append(f"{found}: only mandatory levels")
            else:
                self.problem = f"{found}, so the file is cut short or damaged"
        if self.problem:
            return Profile(problem=self.problem, **facts, notes=tuple(notes))
        return self._build(facts, notes)

    def _build(self, facts: dict[str, Any], notes: list[str]) -> Profile:
        values = np.array(self.rows, dtype=np.float64)
        level = dict(zip(FIELDS, _without_missing(values[:, 1:], notes).T, strict=False))
        factor = self._speed_factor(notes)
        quantities = level | {"wind_speed": level["wind_speed"] * factor}
        surface = level["height"][values[:, 0] == SURFACE]
        elevation = facts["surface_altitude"]
        if surface.size and not math.isnan(surface[0]):
            facts["surface_altitude"] = float(surface[0])
            if abs(surface[0] - elevation) > SAME_ALTITUDE:
                notes.append(
                    f"the surface level is at {surface[0]:g} m, the station at {elevation:g} m"
                )
        along = {"level_kind": values[:, 0]}
        if self.width == LEVEL_WIDTHS[1]:
            along |= _flight(values[:, 7:], facts["time"], notes)
        return build(quantities, tuple(notes), riding(along), **facts)

    def _speed_factor(self, notes: list[str]) -> float:
        """Return what makes m s-1 of the speeds; NaN where that is not known."""
        match = _matches(_UNITS, self.header.get("3", ""))
        units = match["units"].lower() if match else ""
        if units not in SPEED_FACTORS:
            notes.append("winds left out: line 3 does not say kt or ms, the units of their speed")
        return SPEED_FACTORS.get(units, math.nan)

    def _facts(self) -> dict[str, Any]:
        """Return station, time and position from the lines of the header."""
        notes = []
        if "analysis" in self.title or "forecast" in self.title:
            notes.append(shorten(self.title.rstrip(":"), 120))
        time = _time(self.type)
        if self.type and np.isnat(time):
            notes.append(f"{shorten(self.type[0].strip())!r} does not say a time")
        place = _matches(_STATION, self.header.get("1", ""))
        latitude, longitude = _position(place)
        if math.isnan(latitude):
            notes.append("line 1 does not say a position")
        return {
            "station_id": self._station(place),
            "time": time,
            "latitude": latitude,
            "longitude": longitude,
            "surface_altitude": _integer(place["elevation"]) if place else math.nan,
            "notes": tuple(notes),
        }

    def _station(self, place: re.Match[str] | None) -> str:
        """Return the identifier, or where there is none the number of the WMO."""
        match = _matches(_UNITS, self.header.get("3", ""))
        if match and match["station"]:
            return shorten(match["station"])
        number = _integer(place["wmo"]) if place else math.nan
        return f"{number:05.0f}" if number > 0 else ""


def _without_missing(values: FloatArray, notes: list[str]) -> FloatArray:
    """Return the fields of levels in the project's units but for wind speed, NaN where missing."""
    # Nothing is as large: what is was a number that had no room in its field.
    values = np.where(values >= MISSING, np.nan, values)
    coded = values == MISSING_IN_ORIGINAL
    height = FIELDS.index("height")
    original = bool(np.delete(coded, height, axis=1).any())
    original |= not (values[:, 0] > HIGHEST_PRESSURE).any()
    if not original:
        coded[:, height] = False  # m, where a balloon may well be
    else:
        notes.append("pressures are in whole hPa, as in the original format")
    values = np.where(coded, np.nan, values)
    values[:, [FIELDS.index("temperature"), FIELDS.index("dewpoint")]] /= 10.0
    values[:, 0] /= 1.0 if original else 10.0
    return values


def _flight(values: FloatArray, time: np.datetime64, notes: list[str]) -> dict[str, FloatArray]:
    """Return when after the first of them and where levels were observed; note when that was."""
    clock, bearing, distance = np.where(values >= MISSING, np.nan, values).T
    hours, minutes = np.divmod(np.where(clock < 2400, clock, np.nan), 100.0)
    day = 24 * 60.0
    nominal = (time - time.astype("datetime64[D]")) / np.timedelta64(1, "m")
    # Counted from the time of the sounding, by half a day at most, it passes midnight unharmed.
    since = (hours * 60.0 + minutes - nominal + day / 2) % day - day / 2
    if np.isfinite(since).any():
        launch = float(np.nanmin(since))
        since -= launch
        notes.append(f"the first of its levels is of {time + np.timedelta64(round(launch), 'm')}")
    return {
        "elapsed_time": since * 60.0,
        "azimuth_angle": bearing,
        "range": distance * NAUTICAL_MILE,
    }


def _time(match: re.Match[str] | None) -> np.datetime64:
    if match is None:
        return NOT_A_TIME
    try:
        month = MONTHS.index(match["month"].lower()) + 1
        day = datetime(int(match["year"]), month, int(match["day"]), int(match["hour"]))
    except ValueError:
        return NOT_A_TIME
    return np.datetime64(day, "s")


def _position(match: re.Match[str] | None) -> tuple[float, float]:
    """Return latitude and longitude, NaN where they are none."""
    if match is None:
        return math.nan, math.nan
    north, west = float(match["latitude"]), float(match["longitude"])
    if abs(north) > 90 or abs(west) > 360:
        return math.nan, math.nan
    north = -north if match["north"] == "S" else north
    east = west if match["east"] == "E" else -west
    return north, (east + 180.0) % 360.0 - 180.0


def _integer(text: str) -> float:
    """Return a number of a header, NaN where it is none or missing."""
    try:
        value = float(int(text))
    except ValueError:
        return math.nan
    return math.nan if value in (MISSING, MISSING_IN_ORIGINAL) else value
