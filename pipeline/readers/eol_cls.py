"""NCAR/EOL sounding composite (ESC): the ``.cls`` files of field campaigns, one or many soundings.

Fifteen lines of header (twelve of a label padded to 35 characters and its value, then names, units
and dashes) precede rows of 21 numbers: time (s), pressure (hPa), temperature and dewpoint (degC),
relative humidity (percent), u, v and speed (m s-1), direction (degrees), ascent rate (m s-1),
longitude and latitude (degrees), two angles or others that the names tell, altitude (m), and six
quality codes: 1 good, 2 maybe, 3 bad, 4 estimated, 9 missing, 99 unchecked. 9999 is missing for
time, pressure, u, v and longitude, 99999 for altitude, 999 for all others. Older files say
``Launch`` and ``GMT`` where newer ones say ``Release`` and ``UTC``; NCAR's CLASS, from which the
format comes, has uncertainties where the codes are.

Dropsondes (``/Descending``) are released at the altitude of the aircraft, and have rows of wind
between those with pressure. Pilot balloons have an altitude on every row, and no pressure.

Source: NCAR/EOL, "Detailed Format Description" of the ESC data sets (DYNAMO, DC3, CuPIDO, PREDICT),
and the files of its converters (``NCAR/eol-svn-repository``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, Extra, FloatArray, Profile
from pipeline.readers._dropsondes import from_the_surface_up, only_where
from pipeline.readers._quantities import build
from pipeline.readers._riding import riding
from pipeline.readers._text import decode, lines, numbers, shorten
from pipeline.readers.limits import refuse_levels
from pipeline.readers.refusals import NearMiss

NAME = "eol_cls"
DESCRIPTION = "NCAR/EOL sounding composite (.cls) and CLASS, one or many soundings a file"

#: The numbers of a row in their order, with what stands for missing. What is 999 elsewhere has
#: been seen for wind and longitude too, where it cannot be a value.
COLUMNS: dict[str, tuple[float, ...]] = {
    "elapsed_time": (9999.0,),
    "pressure": (9999.0,),
    "temperature": (999.0,),
    "dewpoint": (999.0,),
    "relative_humidity": (999.0,),
    "u_wind": (9999.0, 999.0),
    "v_wind": (9999.0, 999.0),
    "wind_speed": (999.0,),
    "wind_direction": (999.0,),
    "ascent_rate": (999.0, 99.0),
    "drift_longitude": (9999.0, 999.0),
    "drift_latitude": (999.0,),
    "first_other": (999.0,),
    "second_other": (999.0,),
    "height": (99999.0,),
    "pressure_quality": (99.0,),
    "temperature_quality": (99.0,),
    "humidity_quality": (99.0,),
    "u_wind_quality": (99.0,),
    "v_wind_quality": (99.0,),
    "ascent_rate_quality": (99.0,),
}
BAD = 3.0
#: What each quality code is about: dewpoint rests on temperature and humidity.
JUDGED = {
    "pressure_quality": ("pressure",),
    "temperature_quality": ("temperature", "dewpoint"),
    "humidity_quality": ("relative_humidity", "dewpoint"),
    "u_wind_quality": ("u_wind", "v_wind", "wind_speed", "wind_direction"),
    "v_wind_quality": ("u_wind", "v_wind", "wind_speed", "wind_direction"),
    "ascent_rate_quality": ("ascent_rate",),
}
FLAG_MEANING = "quality by NCAR/EOL: 1 good, 2 maybe, 3 bad, 4 estimated, 9 missing"
EXTRAS = ("elapsed_time", "ascent_rate", "drift_longitude", "drift_latitude")
#: What the two columns before the altitude hold, by their names in lower case, and the factor
#: that puts it into the units that it rides along in.
OTHERS = {
    "ele": ("elevation_angle", 1.0),
    **dict.fromkeys(("azi", "azim", "az", "ang"), ("azimuth_angle", 1.0)),
    "rng": ("range", 1000.0),  # km
    "mixrat": ("reported_mixing_ratio", 1.0),
    "virt": ("reported_virtual_temperature", 1.0),
}
MOST_HEADER_LINES = 40
#: degrees, by which degrees and minutes may differ from decimal degrees that are rounded to 0.1.
ROUNDING = 0.06

_START = "data type:"
_NAMES = re.compile(r"^ *Time +Press +Temp +Dewpt +RH +", re.MULTILINE | re.IGNORECASE)
_NUMBER = r"[-+]?\d*\.\d+"
_ROW = re.compile(rf"\s*(?:{_NUMBER}\s+){{{len(COLUMNS) - 1}}}{_NUMBER}\s*", re.ASCII)
_TIME = re.compile(r"(\d{4}), *(\d\d?), *(\d\d?), *(\d\d?):(\d\d?):(\d\d?)", re.ASCII)
_MINUTES = re.compile(r"(\d{1,4})\s+(\d{1,2}(?:\.\d*)?)' ?([EWNS]),?", re.ASCII)
_DECIMAL = re.compile(r"[-+]?\d+(?:\.\d*)?", re.ASCII)
_SITE_AT_END = re.compile(r"/ ?([A-Z\d]{2,12})$", re.ASCII)
_SITE_AT_START = re.compile(r"([A-Z\d]{2,6})(?: ?:| [^,]+,)", re.ASCII)


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if the file begins with such a header, otherwise what is missing."""
    text = decode(head[:16384]).lstrip()
    if text[: len(_START)].lower() != _START:
        return "the first line does not begin with 'Data Type:'"
    if _NAMES.search(text):
        return None
    return NearMiss("no line of names (Time Press Temp Dewpt RH ...)")


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of a ``.cls`` file.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels in the order of the file, those of dropsondes from the surface up. `time` is the
        nominal one, or that of the release where there is none. Values whose quality code says
        bad are missing, and counted in a note. Wind profiles have NaN for every pressure. A
        sounding that is damaged has its ``problem`` said, with the line, and no levels.

    Raises
    ------
    ReadError
        When the file does not begin with a header.
    """
    sounding: _Sounding | None = None
    for number, line in enumerate(lines(path), start=1):
        if line[: len(_START)].lower() == _START:
            if sounding is not None:
                yield sounding.profile()
            sounding = _Sounding(number)
        elif sounding is None and line.strip():
            raise ReadError(f"line {number}: a header ('Data Type:') is expected here")
        if sounding is not None:
            sounding.add(number, line)
    if sounding is not None:
        yield sounding.profile()


@dataclass
class _Sounding:
    """A sounding while its lines come in; the first damaged line is its problem."""

    start: int
    header: list[str] = field(default_factory=list)
    is_header: bool = True
    rows: list[str] = field(default_factory=list)
    problem: str = ""

    def add(self, number: int, line: str) -> None:
        """Take the next line."""
        if self.problem or not (self.is_header or line.strip(" \t\x1a")):
            return
        if self.is_header:
            self.is_header = not line.startswith("------")
            self.header.append(line)
            if len(self.header) > MOST_HEADER_LINES:
                self.problem = f"line {self.start}: a header without a line of dashes at its end"
            return
        try:
            refuse_levels(len(self.rows) + 1, f"line {number}: ")
            if not _ROW.fullmatch(line):
                _refuse(line, number)
        except ReadError as error:
            self.problem = str(error)
        self.rows.append(line)

    def profile(self) -> Profile:
        """Return what has come in."""
        labels = _labels(self.header)
        facts, notes = _facts(labels)
        names = self.header[-3] if len(self.header) > 3 else ""
        if self.is_header and not self.problem:
            self.problem = f"line {self.start}: the file ends in this header"
        if not self.problem and not (_NAMES.match(names) and len(names.split()) == len(COLUMNS)):
            self.problem = f"line {self.start}: no {len(COLUMNS)} names end this header"
        if self.problem:
            return Profile(problem=self.problem, notes=tuple(notes), **facts)
        return _profile(_table(self.rows), names.lower().split(), facts, notes, _is_drop(labels))


def _refuse(line: str, number: int) -> None:
    """Raise ReadError for what is wrong with a row."""
    fields = line.split()
    if len(fields) != len(COLUMNS):
        raise ReadError(
            f"line {number}: {len(fields)} columns where {len(COLUMNS)} are expected"
            + ("" if fields else ", or the file is cut short here")
        )
    numbers(fields, number)
    raise ReadError(f"line {number}: not a row of decimal numbers: {shorten(line.strip())!r}")


# --------------------------------------------------------------------------- numbers


def _table(rows: list[str]) -> dict[str, FloatArray]:
    """Return the numbers of rows, each of which was found to hold them all, by name."""
    table = np.fromstring(" ".join(rows), sep=" ").reshape(-1, len(COLUMNS)).T
    return {
        name: np.where(np.isin(values, missing) | ~np.isfinite(values), np.nan, values)
        for (name, missing), values in zip(COLUMNS.items(), table, strict=True)
    }


def _profile(
    columns: dict[str, FloatArray],
    names: list[str],
    facts: dict[str, Any],
    notes: list[str],
    is_drop: bool,
) -> Profile:
    """Build the profile from its numbers."""
    coded = names[-1] == "qdz"
    if coded:
        columns, bad = _without_bad(columns)
        notes += [f"{bad} values missing that NCAR/EOL calls bad"] if bad else []
    else:
        columns = {name: values for name, values in columns.items() if name not in JUDGED}
    placed = np.isfinite(columns["pressure"]) | np.isfinite(columns["height"])
    columns, left_out = only_where(columns, placed)
    if left_out:
        notes.append(f"{left_out} rows left out that have neither pressure nor altitude")
    if len(columns["height"]) and not np.isfinite(columns["pressure"]).any():
        notes.append("no row has a pressure: winds at altitudes")
    if is_drop:
        columns = from_the_surface_up(columns)
    extras = _extras(columns, names, coded)
    if not np.isfinite(columns["relative_humidity"]).any():
        del columns["relative_humidity"]
    return build(columns, tuple(notes), extras, **facts)


def _without_bad(columns: dict[str, FloatArray]) -> tuple[dict[str, FloatArray], int]:
    """Return columns without what is flagged bad, and how many values that were."""
    bad = {name: np.zeros(len(values), dtype=bool) for name, values in columns.items()}
    for flag, judged in JUDGED.items():
        for name in judged:
            bad[name] |= columns[flag] == BAD
    removed = {name: where & np.isfinite(columns[name]) for name, where in bad.items()}
    cleared = {name: np.where(bad[name], np.nan, values) for name, values in columns.items()}
    return cleared, sum(int(where.sum()) for where in removed.values())


def _extras(columns: Mapping[str, FloatArray], names: list[str], coded: bool) -> dict[str, Extra]:
    """Return what rides along: what is there at all, and the quality codes."""
    there = {name: columns[name] for name in EXTRAS}
    for position, name in ((12, "first_other"), (13, "second_other")):
        title, factor = OTHERS.get(names[position], ("", 1.0))
        if title:
            there[title] = columns[name] * factor
    found = riding({name: one for name, one in there.items() if np.isfinite(one).any()})
    if coded:
        for name in JUDGED:
            title = name.removesuffix("_quality").replace("_", " ")
            found[name] = Extra(columns[name], "1", f"{title}: {FLAG_MEANING}")
    return found


# --------------------------------------------------------------------------- facts


def _labels(header: list[str]) -> dict[str, str]:
    """Return the values of a header by their labels in lower case."""
    parts = (line.partition(":") for line in header[:MOST_HEADER_LINES])
    return {label.strip().lower(): value.strip() for label, colon, value in parts if colon}


def _value(labels: Mapping[str, str], *beginnings: str) -> str:
    """Return the value of the first label that begins with one of some words."""
    return next((text for label, text in labels.items() if label.startswith(beginnings)), "")


def _is_drop(labels: Mapping[str, str]) -> bool:
    return _value(labels, "data type").lower().endswith("descending")


def _facts(labels: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return site, time and position, and what had to be decided about them."""
    notes: list[str] = []
    site = _value(labels, "release site", "launch site")
    longitude, latitude, altitude = _place(
        _value(labels, "release location", "launch location"), notes
    )
    station = _station(site)
    if _is_drop(labels):
        sonde = _value(labels, "sonde id", "radiosonde serial").split("/")[0].strip()
        station, altitude = sonde or station, np.nan
        notes.append("a dropsonde: station_id is its number; released from an aircraft")
    return {
        "station_id": station,
        "station_name": site,
        "time": _times(labels, notes),
        "longitude": longitude,
        "latitude": latitude,
        "surface_altitude": altitude,
    }, notes


def _station(site: str) -> str:
    """Return the identifier in a site such as ``PTYA Yap, WCI / 91413``, else all of it."""
    for pattern, search in ((_SITE_AT_END, re.search), (_SITE_AT_START, re.match)):
        match = search(pattern, site)
        if match:
            return match[1]
    return site


def _times(labels: Mapping[str, str], notes: list[str]) -> np.datetime64:
    """Return the nominal time, or that of the release where there is none."""
    nominal = _time(_value(labels, "nominal"))
    release = _time(
        _value(labels, "utc release", "gmt launch", "utc launch", "gmt release", "launch time")
    )
    if np.isnat(nominal):
        notes.append("the time is that of the release" if not np.isnat(release) else "no time")
        return release
    if nominal != release and not np.isnat(release):
        notes.append(f"the time is the nominal one; released at {release}")
    return nominal


def _time(text: str) -> np.datetime64:
    match = _TIME.match(text)
    if match is None:
        return NOT_A_TIME
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return np.datetime64(datetime(year, month, day, hour, minute, second), "s")
    except ValueError:
        return NOT_A_TIME


def _place(text: str, notes: list[str]) -> tuple[float, float, float]:
    """Return longitude, latitude and altitude, NaN where not known.

    They are written ``097 29.40'W, 36 36.60'N, -97.490, 36.610, 315.0``: degrees and minutes,
    decimal degrees (in old files rounded to 0.1), altitude.
    """
    decimals = [float(number) for number in _DECIMAL.findall(_MINUTES.sub(" ", text))[:3]]
    if len(decimals) < 3:
        notes.append(f"{shorten(text)!r} is not a position" if text else "no position")
        return np.nan, np.nan, np.nan
    longitude, latitude, altitude = decimals
    altitude = np.nan if altitude in (99999.0, 99999.9) else altitude
    if abs(longitude) > 360 or abs(latitude) > 90:
        return np.nan, np.nan, altitude
    finer = {
        letter in "EW": (int(degrees) + float(minutes) / 60) * (-1 if letter in "WS" else 1)
        for degrees, minutes, letter in _MINUTES.findall(text)
    }
    if len(finer) == 2:
        if abs(finer[True] - longitude) < ROUNDING and abs(finer[False] - latitude) < ROUNDING:
            longitude, latitude = finer[True], finer[False]
        else:
            notes.append("degrees and minutes differ from the decimal degrees, which are used")
    return longitude - 360 * round(longitude / 360), latitude, altitude
