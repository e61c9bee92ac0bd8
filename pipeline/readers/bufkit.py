"""BUFKIT forecast soundings (``.buf``): the hours of a model's run at a station, one after another.

``SNPARM = PRES;TMPC;...`` names the columns of the levels. Each hour has a header of ``NAME =
value`` (``STID``, ``STNM``, ``TIME``, ``SLAT``, ``SLON``, ``SELV``, ``STIM``, then the model's
indices, those of ``STNPRM``), the names of the columns and the levels, a level wrapped over as
many lines as its names are: hPa, degC, knots, m, and what `EXTRAS` says. -9999 is missing.
``TIME`` is the hour that is forecast, ``STIM`` how far ahead. A block of surface values (``STN``)
follows the last hour, or stands somewhere among them; it is no sounding and is left out, as are
the indices.

Source: Penn State, ``bufkit_parameters.txt``, and GEMPAK's parameters, appendix A.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, Extra, FloatArray, Profile
from pipeline.readers._quantities import build
from pipeline.readers._riding import riding
from pipeline.readers._text import (
    KNOT,
    decode,
    lines,
    numbers,
    shorten,
    time_from_two_digit_year,
)
from pipeline.readers.limits import refuse_levels

NAME = "bufkit"
DESCRIPTION = "BUFKIT forecast soundings (.buf), one sounding an hour, winds in knots"

MISSING = -9999.0

#: Columns that a profile is made of, each with the factor that puts it into the project's units.
QUANTITIES = {
    "PRES": ("pressure", 1.0),
    "TMPC": ("temperature", 1.0),
    "DWPC": ("dewpoint", 1.0),
    "HGHT": ("height", 1.0),
    "DRCT": ("wind_direction", 1.0),
    "SKNT": ("wind_speed", KNOT),
}

#: Columns that ride along, in the units of their name there.
EXTRAS = {
    "OMEG": "omega",
    "CFRL": "cloud_fraction",
    "TMWC": "reported_wet_bulb_temperature",
    "THTE": "reported_equivalent_potential_temperature",
}

_COLUMNS_LINE = re.compile(r"^[ \t]*SNPARM[ \t]*=", re.MULTILINE)
_HEADER_LINE = re.compile(r"[A-Z][A-Z0-9]{3}\s*=")
# A value may be empty: STID = STNM = 725460.
_PAIR = re.compile(r"([A-Z][A-Z0-9]{3})\s*=\s*((?![A-Z0-9]{4}\s*=)\S*)")
_TIME = re.compile(r"(\d{6})/(\d{4})", re.ASCII)
_SURFACE_BLOCK = "STN "
#: A header of a sounding is a few hundred characters.
_LONGEST_HEADER = 10_000


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if a line begins with ``SNPARM =``, otherwise that none does."""
    return None if _COLUMNS_LINE.search(decode(head)) else "no line SNPARM = ..."


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of a BUFKIT file, one for each forecast hour.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels as they stand in the file. `time` is the hour that the sounding is valid for; how
        far ahead that was is in `notes`. `surface_altitude` is that of the model's ground. A
        sounding that is damaged or cut short has its ``problem`` said and no levels.

    Raises
    ------
    ReadError
        When there is no line ``SNPARM = ...`` with a column ``PRES``, or no sounding after it.
    """
    columns: tuple[str, ...] = ()
    sounding: _Sounding | None = None
    before = number = 0
    for number, line in enumerate(lines(path), start=1):
        text = line.strip()
        if _COLUMNS_LINE.match(text):
            columns = _columns(text, number)
        elif text.startswith("STNPRM"):
            continue
        elif columns and _HEADER_LINE.match(text) and _begins(text, sounding):
            if sounding is not None:
                sounding.ended = True
                yield sounding.profile(before, number - 1)
                before = len(sounding.rows) or before
            sounding = _Sounding(columns, text)
        elif sounding is not None:
            sounding.add(number, text)
    if not columns:
        raise ReadError("no line SNPARM = ...: not a BUFKIT file")
    if sounding is None:
        raise ReadError(f"line {number}: the file ends before its first sounding (STID = ...)")
    yield sounding.profile(before, number)


def _begins(text: str, sounding: _Sounding | None) -> bool:
    """Return whether a line of a header is the first of the next sounding."""
    return sounding is None or sounding.has_names or text.startswith("STID")


def _columns(text: str, number: int) -> tuple[str, ...]:
    """Return the columns that a line ``SNPARM = PRES;TMPC;...`` names."""
    names = tuple(name.strip() for name in text.partition("=")[2].split(";") if name.strip())
    if "PRES" not in names or len(set(names)) < len(names):
        raise ReadError(
            f"line {number}: SNPARM = {shorten(';'.join(names))!r} does not name each column "
            "once, PRES among them"
        )
    return names


@dataclass
class _Sounding:
    """A sounding while its lines come in; the first damaged line is its problem."""

    columns: tuple[str, ...]
    header: str
    #: How many names stand on each line before the levels; levels are wrapped like them.
    wrap: list[int] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    row: list[float] = field(default_factory=list)
    lines_of_row: int = 0
    #: The last values of the last two levels as they are written.
    last_fields: tuple[str, str] = ("", "")
    problem: str = ""
    ended: bool = False

    @property
    def has_names(self) -> bool:
        """Whether the header is over."""
        return bool(self.wrap or self.problem or self.ended)

    def add(self, number: int, text: str) -> None:
        """Take the next line after the first of the header, stripped."""
        if text.startswith(_SURFACE_BLOCK):
            self.ended = True
        if self.ended or self.problem or not text:
            return
        try:
            if sum(self.wrap) == len(self.columns):
                self._add_values(number, text.split())
            elif _HEADER_LINE.match(text) and len(self.header) < _LONGEST_HEADER:
                self.header += f" {text}"
            else:
                self._add_names(number, text.split())
        except ReadError as error:
            self.problem = str(error)
            self.rows.clear()

    def _add_names(self, number: int, names: list[str]) -> None:
        done = sum(self.wrap)
        if tuple(names) != self.columns[done : done + len(names)]:
            raise ReadError(
                f"line {number}: {shorten(' '.join(names))!r} where the columns of SNPARM are "
                f"expected ({' '.join(self.columns[done:])})"
            )
        self.wrap.append(len(names))

    def _add_values(self, number: int, fields: list[str]) -> None:
        expected = self.wrap[self.lines_of_row]
        if len(fields) != expected:
            raise ReadError(
                f"line {number}: {len(fields)} values where {expected} are expected, as many as "
                "there are names in that line of the columns"
            )
        self.row += numbers(fields, number)
        self.lines_of_row += 1
        if self.lines_of_row == len(self.wrap):
            refuse_levels(len(self.rows) + 1, f"line {number}: ")
            self.rows.append(self.row)
            self.row, self.lines_of_row = [], 0
            self.last_fields = (self.last_fields[1], fields[-1])

    def profile(self, levels_before: int, last_line: int) -> Profile:
        """Return the profile.

        Parameters
        ----------
        levels_before : int
            How many levels the sounding before it has; 0 where there is none.
        last_line : int
            The last before the next sounding.
        """
        facts = _facts(self.header)
        if not self.problem and self._is_cut_short(levels_before):
            self.problem = f"line {last_line}: the file seems to be cut short in this sounding"
        elif not self.problem and not self.rows:
            self.problem = f"line {last_line}: no levels follow the header of this sounding"
        if self.problem:
            return Profile(problem=self.problem, **facts)
        values = np.array(self.rows, dtype=np.float64)
        values[values == MISSING] = np.nan
        column = dict(zip(self.columns, values.T, strict=True))
        unknown = [name for name in self.columns if name not in QUANTITIES | EXTRAS]
        if unknown:
            note = f"columns that are not known are left out: {shorten(', '.join(unknown))}"
            facts["notes"] = (*facts["notes"], note)
        return build(_quantities(column), extras=_extras(column), **facts)

    def _is_cut_short(self, levels_before: int) -> bool:
        """Return whether the lines end in the midst of things: all hours have as many levels."""
        decimals = [len(text.partition(".")[2]) for text in self.last_fields if text]
        halved = bool(decimals) and decimals[-1] < decimals[0]
        fewer = len(self.rows) < max(levels_before, 2)
        return bool(self.row) or (not self.ended and (halved or fewer))


def _quantities(column: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    return {
        quantity: column[name] * factor
        for name, (quantity, factor) in QUANTITIES.items()
        if name in column
    }


def _extras(column: Mapping[str, FloatArray]) -> dict[str, Extra]:
    return riding({name: column[source] for source, name in EXTRAS.items() if source in column})


def _facts(header: str) -> dict[str, Any]:
    """Return station, time, position and forecast hour from a header."""
    value = dict(_PAIR.findall(header))
    notes = []
    if value.get("STIM", "").isdecimal():
        notes.append(f"forecast hour {shorten(value['STIM'])}")
    match = _TIME.fullmatch(value.get("TIME", ""))
    time = time_from_two_digit_year(match[1], match[2]) if match else NOT_A_TIME
    if np.isnat(time):
        notes.append(f"TIME = {shorten(value.get('TIME', ''))!r} is not a time")
    latitude, longitude, altitude = (
        _number(value.get(name, "")) for name in ("SLAT", "SLON", "SELV")
    )
    if math.isnan(latitude) or math.isnan(longitude):
        latitude = longitude = math.nan
        notes.append("SLAT and SLON do not say a position")
    return {
        "station_id": shorten(value.get("STID", "") or value.get("STNM", "")),
        "time": time,
        "latitude": latitude,
        "longitude": longitude,
        "surface_altitude": altitude,
        "notes": tuple(notes),
    }


def _number(text: str) -> float:
    """Return a number of a header, NaN where it is none or missing."""
    try:
        (value,) = numbers([text], 0)
    except ReadError:
        return math.nan
    return math.nan if value == MISSING else value
