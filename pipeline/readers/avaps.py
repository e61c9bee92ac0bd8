"""AVAPS dropsondes: the D-file that the aircraft's data system writes while a sonde falls.

Lines ``AVAPS-Dnn`` hold, every 0.25 or 0.5 s, the kind of record (A aircraft, P before the
release, S after it), the sonde's number, date (yymmdd) and time (hhmmss.ss, UTC), pressure (hPa),
temperature (degC), relative humidity (percent; of two sensors the one that AVAPS took), wind
direction (degrees) and speed (m s-1), vertical velocity (m s-1), longitude and latitude (degrees),
geopotential altitude (m), satellites, both humidity sensors, satellites, wind error (m s-1), and
GPS altitude (m). Two digits after the kind tell whether telemetry failed its check: the first for
pressure, temperature and humidity, the second for wind and position; such values are not used.
9999 is missing for pressure, 99 for temperature, vertical velocity, latitude and wind error, 999
for humidity, wind and longitude, 99999 for altitudes. ``AVAPS-Tnn`` lines hold the release (LAU)
and, at the end of a drop, what was known about it, ended by END. The same facts stand in the
A-file beside it, whose name differs in the first letter only.

Source: the files of ATOMIC (NOAA 1.7); NCAR/EOL's R package eolsonde for the codes and checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, FloatArray, Profile
from pipeline.readers._dropsondes import from_the_surface_up, only_where
from pipeline.readers._quantities import build
from pipeline.readers._riding import riding
from pipeline.readers._text import decode, lines, numbers, shorten, time_from_two_digit_year
from pipeline.readers.limits import refuse_levels
from pipeline.readers.refusals import NearMiss

NAME = "avaps"
DESCRIPTION = "AVAPS dropsondes, raw (D-files; the A-file beside one is used), from the surface up"

#: The numbers of a record in their order, after kind, sonde, date and time; with what is missing.
#: Old files end after the altitude.
COLUMNS: dict[str, tuple[float, ...]] = {
    "pressure": (9999.0,),
    "temperature": (99.0,),
    "relative_humidity": (999.0,),
    "wind_direction": (999.0,),
    "wind_speed": (999.0,),
    "ascent_rate": (99.0,),
    "drift_longitude": (999.0,),
    "drift_latitude": (99.0,),
    "height": (99999.0, 9999.0),
    "wind_satellites": (999.0,),
    "relative_humidity_1": (999.0,),
    "reported_relative_humidity_2": (999.0,),
    "satellites": (999.0,),
    "wind_error": (99.0,),
    "gps_altitude": (99999.0,),
}
FEWEST = 9
#: What the check of pressure, temperature and humidity concerns, and that of wind and position.
SENSORS = (
    "pressure",
    "temperature",
    "relative_humidity",
    "height",
    "relative_humidity_1",
    "reported_relative_humidity_2",
)
GPS = (
    "wind_direction",
    "wind_speed",
    "ascent_rate",
    "drift_longitude",
    "drift_latitude",
    "wind_error",
    "gps_altitude",
)

#: What rides along.
EXTRAS = (
    "elapsed_time",
    "drift_longitude",
    "drift_latitude",
    "ascent_rate",
    "gps_altitude",
    "wind_error",
    "reported_relative_humidity_2",
)

#: s after the release, in which the parachute opens; until then the wind is the aircraft's speed
#: and the receiver may even say that the sonde rises.
SETTLES_WITHIN = 10.0

_DATA = re.compile(r"^AVAPS-D\d\d [APS]\d\d ", re.MULTILINE)
_KIND = re.compile(r"AVAPS-([DT])\d\d ([A-Z]{3}|[APS][01][01]) ?(.*)")
_FACT = re.compile(r"\s*([^:]{3,40}):\s+(\S.*)")
_DATE = re.compile(r"(\d{4})[-/](\d\d?)[-/](\d\d?),\s*(\d\d?):(\d\d?):(\d\d?)", re.ASCII)
_CLOCK = re.compile(r"\d{6}(\.\d*)?", re.ASCII)
_POSITION = re.compile(r"([-+.\d]+) deg,\s*([-+.\d]+) deg", re.ASCII)
_A_FILE = "*** Sounding Attributes File ***"
_A_FILE_LINES = 400
_MOST_FACTS = 500


def sniff(head: bytes, path: Path) -> str | None:
    """Return None for a D-file, otherwise what it is instead."""
    text = decode(head[:8192]).lstrip()
    if text.startswith(_A_FILE):
        return NearMiss(
            "an A-file holds the header of a drop and no levels; those are in its D-file"
        )
    if not text.startswith("AVAPS-"):
        return "the first line does not begin with AVAPS-"
    return None if _DATA.search(text) else NearMiss("no line of data (AVAPS-D.. with A, P or S)")


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the drop of an AVAPS D-file.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        From the surface up, without what was measured before the release or in the seconds until
        the parachute opened. Position and time are those of the release; `station_id` is the
        number of the sonde; the altitude of the surface is not known. A drop that was never
        released, or whose file is damaged or cut short, has its ``problem`` said and no levels.

    Raises
    ------
    ReadError
        When there is no line of AVAPS in it.
    """
    drop = _Drop()
    for number, line in enumerate(lines(path), start=1):
        drop.add(number, line)
    if not drop.known:
        raise ReadError("no line begins with AVAPS-: not an AVAPS D-file")
    if not _fact(drop.facts, "Launch Time"):
        drop.facts = _beside(path) | drop.facts
    yield drop.profile()


@dataclass
class _Drop:
    """A drop while its lines come in; the first damaged line is its problem."""

    known: bool = False
    facts: dict[str, str] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    clocks: list[str] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    sonde: str = ""
    problem: str = ""
    ended: bool = False

    def add(self, number: int, line: str) -> None:
        """Take the next line of the file."""
        match = _KIND.match(line)
        if match is None:
            if line.startswith("AVAPS-"):
                self._fail(f"line {number}: not an AVAPS line: {shorten(line)!r}")
            return
        self.known = True
        letter, kind, rest = match.groups()
        if letter == "D" and kind[0] == "S":
            self._record(number, kind, rest.split())
        elif letter == "T" and kind == "COM":
            self.facts = _with_fact(self.facts, rest)
        elif letter == "T" and kind == "LAU":
            self.released = rest.split()[1:3]
        elif letter == "T" and kind == "END":
            self.ended = True

    def _record(self, number: int, kind: str, fields: list[str]) -> None:
        if self.problem:
            return
        try:
            refuse_levels(len(self.rows) + 1, f"line {number}: ")
            count = len(self.rows[0]) if self.rows else max(len(fields) - 3, FEWEST)
            if len(fields) - 3 != count:
                raise ReadError(
                    f"line {number}: {len(fields) + 2} columns where {count + 5} are expected"
                )
            self.rows.append(numbers(fields[3:], number))
        except ReadError as error:
            self._fail(str(error))
            return
        self.sonde = self.sonde or fields[0]
        self.released = self.released or fields[1:3]
        self.kinds.append(kind)
        self.clocks.append(fields[2])

    def _fail(self, problem: str) -> None:
        self.problem = self.problem or problem

    def profile(self) -> Profile:
        """Return what has come in."""
        if not self.ended:
            self._fail("no END line: the file is cut short, and the levels near the ground with it")
        if not self.rows:
            self._fail("no record after the release (S): not released, or that was not noticed")
        facts, notes = _facts(self.facts, self.released, self.sonde)
        if self.problem:
            return Profile(problem=self.problem, notes=tuple(notes), **facts)
        columns, changed = _columns(self)
        if np.isnan(facts["latitude"]):
            facts |= _first_position(columns)
        columns = from_the_surface_up(columns)
        there = {
            name: columns[name]
            for name in EXTRAS
            if name in columns and np.isfinite(columns[name]).any()
        }
        return build(columns, notes=(*notes, *changed), extras=riding(there), **facts)


# --------------------------------------------------------------------------- numbers


def _columns(drop: _Drop) -> tuple[dict[str, FloatArray], list[str]]:
    """Return what the sonde measured while it fell, by name, and what was left out of it."""
    table = np.array(drop.rows, dtype=np.float64).T
    columns = {
        name: np.where(np.isin(values, missing), np.nan, values)
        for (name, missing), values in zip(COLUMNS.items(), table, strict=False)
    }
    notes = []
    for digit, names, words in (
        (1, SENSORS, "pressure, temperature and humidity"),
        (2, GPS, "wind and position"),
    ):
        failed = np.array([kind[digit] == "1" for kind in drop.kinds])
        given = np.zeros(len(failed), dtype=bool)
        for name in columns.keys() & set(names):
            given |= failed & np.isfinite(columns[name])
            columns[name] = np.where(failed, np.nan, columns[name])
        if given.any():
            notes.append(f"{words} of {given.sum()} records not used: telemetry failed its check")
    columns["elapsed_time"] = _elapsed(drop.clocks, drop.released)
    columns, early = only_where(columns, ~_settling(columns))
    if early:
        notes.append(f"{early} records left out in which the parachute was not yet open")
    placed = np.isfinite(columns["pressure"]) | np.isfinite(columns["height"])
    columns, between = only_where(columns, placed)
    if between:
        notes.append(f"{between} records left out that have neither pressure nor altitude")
    return columns, notes


def _elapsed(clocks: list[str], released: list[str]) -> FloatArray:
    """Return seconds since the release, over midnight too; NaN for what is no time."""
    seconds = np.array([_seconds(clock) for clock in clocks])
    start = _seconds(released[1]) if len(released) == 2 else np.nan
    start = seconds[0] if np.isnan(start) else start
    half_a_day = 43200.0
    return np.asarray((seconds - start + half_a_day) % (2 * half_a_day) - half_a_day)


def _seconds(clock: str) -> float:
    """Return the seconds of the day of ``hhmmss.ss``."""
    if not _CLOCK.fullmatch(clock):
        return np.nan
    return int(clock[:2]) * 3600.0 + int(clock[2:4]) * 60.0 + float(clock[4:])


def _settling(columns: Mapping[str, FloatArray]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which records come before the sonde falls, as its vertical velocity tells."""
    elapsed = columns["elapsed_time"]
    rising = (columns["ascent_rate"] >= 0) & (elapsed <= SETTLES_WITHIN)
    last = elapsed[rising].max(initial=-1.0)
    return np.asarray(elapsed <= last)


def _first_position(columns: Mapping[str, FloatArray]) -> dict[str, float]:
    """Return where the sonde was when it was first located."""
    longitude, latitude = columns["drift_longitude"], columns["drift_latitude"]
    known = np.isfinite(longitude) & np.isfinite(latitude)
    if not known.any():
        return {}
    first = int(known.argmax())
    return {"longitude": float(longitude[first]), "latitude": float(latitude[first])}


# --------------------------------------------------------------------------- facts


def _with_fact(facts: dict[str, str], line: str) -> dict[str, str]:
    """Return facts with that of a line ``Launch Time (y,m,d,h,m,s):  ...``; the first one stays."""
    match = _FACT.match(line)
    if match is None or len(facts) >= _MOST_FACTS:
        return facts
    return {match[1]: match[2].strip()} | facts


def _fact(facts: Mapping[str, str], beginning: str) -> str:
    """Return the fact whose label begins so; empty where there is none."""
    return next((text for label, text in facts.items() if label.startswith(beginning)), "")


def _beside(path: Path) -> dict[str, str]:
    """Return what the A-file beside a D-file says, if there is one."""
    companion = path.with_name("A" + path.name[1:])
    found: dict[str, str] = {}
    if not (path.name.startswith("D") and companion.is_file()):
        return found
    try:
        for line in islice(lines(companion), _A_FILE_LINES):
            found = _with_fact(found, line)
    except (OSError, ReadError):
        return {}
    return found


def _facts(
    facts: Mapping[str, str], released: list[str], sonde: str
) -> tuple[dict[str, Any], list[str]]:
    """Return sonde, aircraft, time and position of the release, and what to say about them."""
    names = (_fact(facts, label) for label in ("Aircraft Type", "Sounding Name", "Drop Name"))
    longitude, latitude = _position(_fact(facts, "Pre-launch Obs (lon"))
    return {
        "station_id": sonde or _fact(facts, "Sonde ID").split(",")[0].strip(),
        "station_name": ", ".join(name for name in names if name),
        "time": _time(_fact(facts, "Launch Time"), released),
        "longitude": longitude,
        "latitude": latitude,
    }, ["a dropsonde: station_id is its number; time and position are those of the release"]


def _time(text: str, released: list[str]) -> np.datetime64:
    """Return the time of release as the facts give it, else as the line LAU does."""
    match = _DATE.match(text)
    try:
        if match:
            year, month, day, hour, minute, second = map(int, match.groups())
            return np.datetime64(datetime(year, month, day, hour, minute, second), "s")
    except ValueError:
        pass
    if len(released) == 2 and released[0].isdecimal() and _CLOCK.fullmatch(released[1]):
        whole_minute = time_from_two_digit_year(released[0], released[1])
        return whole_minute + np.timedelta64(int(released[1][4:6]), "s")
    return NOT_A_TIME


def _position(text: str) -> tuple[float, float]:
    """Return longitude and latitude of the aircraft at the release, NaN where not known."""
    match = _POSITION.match(text)
    try:
        longitude, latitude = (float(match[1]), float(match[2])) if match else (np.nan, np.nan)
    except ValueError:
        return np.nan, np.nan
    known = abs(longitude) <= 180 and abs(latitude) <= 90
    return (longitude, latitude) if known else (np.nan, np.nan)
