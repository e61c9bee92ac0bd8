"""IGRA version 2 soundings: ``-data.txt`` files, plain or zipped, of one station and many years.

A header (``#``, station, date, hour, release time, number of levels, position) precedes fixed
columns: level type, elapsed time (MMMSS), pressure (Pa), geopotential height (m), temperature
(0.1 degC), relative humidity (0.1 percent), dewpoint depression (0.1 K), wind direction (degrees)
and speed (0.1 m s-1). -9999 is missing, -8888 was removed by the archive's quality assurance.
Wind-only levels have a height and no pressure, and stand at the end of their sounding.

Source: NOAA NCEI, ``igra2-data-format.txt``. Text is taken a chunk at a time, so that memory does
not grow with the file: soundings that are as they should be many at once, others line by line.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, WINDS, Extra, FloatArray, Profile
from pipeline.readers import _archive
from pipeline.readers._igra2_rows import (
    FLAG_COLUMNS,
    MINOR_TYPE,
    ROW_LENGTH,
    SURFACE,
    at_once,
    carefully,
    characters,
    in_units,
    new_block,
)
from pipeline.readers._igra2_text import CHUNK, Text
from pipeline.readers._riding import VOCABULARY
from pipeline.readers._text import shorten
from pipeline.readers.limits import current, refuse_levels

NAME = "igra2"
DESCRIPTION = "IGRA version 2 (-data.txt or its zip), one or many soundings of a station"

EPOCH = datetime(1970, 1, 1)
HOUR, MINUTE = 3600, 60  # seconds

FLAG_MEANING = "quality assurance passed: 0 not checked, 1 (A) first tier, 2 (B) both tiers"

#: What rides along beside the six level variables, with units and what it is.
EXTRAS = {name: VOCABULARY[name] for name in ("elapsed_time", "reported_relative_humidity")} | {
    name: ("1", f"{name.removesuffix('_flag')} {FLAG_MEANING}") for name in FLAG_COLUMNS
}

_HEADER = re.compile(
    rb"#(?P<station>[\w-]{11}) (?P<date>\d{4} [ \d]\d [ \d]\d) (?P<hour>[ \d]\d)"
    rb" (?P<release> {3}\d| {2}\d\d| \d{3}|\d{4}) (?P<levels> {3}\d| {2}\d\d| \d{3}|\d{4})"
    rb" .{8} .{8}"
    rb" (?P<latitude>[ \d-]{7}) (?P<longitude>[ \d-]{8})[ \r\n]*"
)

#: The most levels that a header has room to announce.
MOST_ANNOUNCED = 9999


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if the file, or a file in the zip, begins with an IGRA 2 header."""
    if not head.startswith(_archive.MAGIC):
        return _sniff_text(head)
    reason = "a zip archive without IGRA 2 data"
    try:
        for stream in _archive.members(path):
            first = stream.read(200)
            if _sniff_text(first) is None:
                return None
            if first.startswith(_archive.MAGIC):
                reason = "a zip archive with another one in it; unpack it first"
    except ReadError as error:
        return str(error)
    return reason


def _sniff_text(head: bytes) -> str | None:
    first = head.split(b"\n", 1)[0]
    if _HEADER.fullmatch(first):
        return None
    if first.startswith(b"#") and len(first.rstrip()) > 100:
        return "the header is that of IGRA's derived parameters, which are not soundings"
    return "the first line is not an IGRA 2 header (#, station, date, ...)"


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of an IGRA 2 file, plain or zipped.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels as they stand in the file, wind-only levels without pressure at the end. `time` is
        the nominal hour; where that is missing the release time, and where both are, no time. A
        sounding that is damaged has its ``problem`` said, with the line, and no levels.

    Raises
    ------
    ReadError
        When the file does not begin with a header, or the archive is broken.
    """
    with _opened(path) as stream:
        if stream.read(len(_archive.MAGIC)) != _archive.MAGIC:
            stream.seek(0)
            yield from _soundings(stream)
            return
    for member in _archive.members(path):
        if member.peek(1).startswith(b"#"):
            yield from _soundings(member)


def _opened(path: Path) -> io.BufferedReader:
    """Open a file that is to be read in large pieces."""
    return io.BufferedReader(io.FileIO(path), CHUNK)


def _soundings(stream: io.BufferedReader, chunk: int = CHUNK) -> Iterator[Profile]:
    """Yield the soundings of a text, regular ones many at once, the others one by one."""
    text = Text(stream, chunk)
    while text.fill():
        content = text.soundings()
        if content[:1] == b"#" and len(content) > ROW_LENGTH:
            yield from _whole_soundings(text, content)
        else:  # no header where one is expected, the last few bytes, or a sounding without end
            yield _sounding(*_next_block(text))


def _whole_soundings(text: Text, content: memoryview) -> Iterator[Profile]:
    """Yield the soundings of `content`, which are the next ones of a text."""
    chunk = at_once(content, text.longest)
    place, line, most = text.place, text.line, current().levels
    for sounding in chunk.soundings:
        count = sounding.last - sounding.first
        match = _HEADER.fullmatch(content, sounding.header, sounding.body)
        if sounding.regular and match and count == int(match["levels"]) <= most:
            # A copy, so that a sounding that is kept does not keep the chunk.
            own = chunk.block[:, sounding.first : sounding.last].copy()
            yield _profile(own, sounding.altitude, _facts(match))
        else:
            text.place, text.line = place + sounding.header, line + sounding.line
            yield _sounding(*_next_block(text))
    text.place, text.line = place + len(content), line + chunk.lines


def _next_block(text: Text) -> tuple[int, bytes, list[bytes], int]:
    """Return the next header with its line number, the rows that follow, and how many there are.

    Rows beyond those that a header can announce are counted, not kept.
    """
    start, header = text.line, text.take_line()
    if not header.startswith(b"#"):
        raise ReadError(f"line {start}: a header (#, station, date, ...) is expected here")
    rows, count, blank = list[bytes](), 0, 0
    while row := text.take_line():
        if row.startswith(b"#"):
            text.take_back(row)
            break
        if not row.strip():
            blank += 1  # no row, unless another one follows
        else:
            count += blank + 1
            if count <= MOST_ANNOUNCED:
                rows += [b""] * blank
                rows.append(row)
            blank = 0
    return start, header, rows, count


def _sounding(line: int, header: bytes, rows: list[bytes], count: int) -> Profile:
    """Build the sounding whose header is at `line`."""
    match = _HEADER.fullmatch(header)
    if match is None:
        text = shorten(header.decode("latin-1").rstrip())
        station = header[1:12].decode("latin-1").strip()
        return Profile(station_id=station, problem=f"line {line}: not an IGRA 2 header: {text!r}")
    facts = _facts(match)
    try:
        _check_count(int(match["levels"]), line, count)
        cells = characters(rows, line + 1)
        fields = carefully(cells, line + 1)
    except ReadError as error:
        return Profile(problem=str(error), **facts)
    block = new_block(count)
    in_units(fields, cells, block)
    surface = np.flatnonzero(cells[:, MINOR_TYPE] == SURFACE)
    return _profile(block, float(block[3, surface[0]]) if surface.size else np.nan, facts)


def _check_count(announced: int, line: int, count: int) -> None:
    if count != announced:
        raise ReadError(
            f"line {line}: the header announces {announced} levels and {count} follow, so the "
            "file is cut short or damaged here"
        )
    refuse_levels(count, f"line {line}: ")


def _facts(match: re.Match[bytes]) -> dict[str, Any]:
    """Return station, time and position from a header."""
    station, date, hour, release, _, latitude, longitude = match.groups()
    time, notes = _time(date, int(hour), int(release))
    north, east = _position(latitude, longitude)
    return {
        "station_id": station.decode("ascii"),
        "time": time,
        "latitude": north,
        "longitude": east,
        "notes": notes,
    }


def _time(date: bytes, hour: int, release: int) -> tuple[np.datetime64, tuple[str, ...]]:
    """Return the time of a sounding, and what had to be decided about it."""
    day = _day(date)
    if day is None:
        return NOT_A_TIME, (f"{date.decode()!r} is not a date",)
    if hour < 24:
        return np.datetime64(day + hour * HOUR, "s"), ()
    hour, minute = divmod(release, 100)
    if hour >= 24:
        known = np.datetime64(day, "s").astype("datetime64[D]")
        return NOT_A_TIME, (f"of its time only the date is known: {known}",)
    minute = minute if minute < 60 else 0  # 99 where only the hour of release is known
    note = f"the nominal hour is missing; the time is that of the release, {hour:02}:{minute:02}"
    return np.datetime64(day + hour * HOUR + minute * MINUTE, "s"), (note,)


@functools.lru_cache(maxsize=16)  # soundings of the same day follow each other
def _day(date: bytes) -> int | None:
    """Return the begin of a day in seconds since 1970, None where there is no such day."""
    try:
        year, month, day = map(int, date.split())
        return (datetime(year, month, day) - EPOCH).days * 24 * HOUR
    except ValueError:
        return None


@functools.lru_cache(maxsize=16)  # a station seldom moves
def _position(latitude: bytes, longitude: bytes) -> tuple[float, float]:
    """Return degrees north and east, NaN for both where one is not known."""
    north, east = _degrees(latitude, 90), _degrees(longitude, 180)
    return (np.nan, np.nan) if np.isnan(north) or np.isnan(east) else (north, east)


def _degrees(field: bytes, limit: float) -> float:
    """Return degrees from 1/10000 degrees; what lies outside the limit is a code for missing."""
    try:
        degrees = int(field) / 10000.0
    except ValueError:
        return np.nan
    return degrees if abs(degrees) <= limit else np.nan


def _profile(block: FloatArray, altitude: float, facts: dict[str, Any]) -> Profile:
    """Return the sounding whose levels :func:`in_units` gave."""
    pressure, temperature, dewpoint, height, u_wind, v_wind, *others = block
    return Profile(
        pressure=pressure,
        temperature=temperature,
        dewpoint=dewpoint,
        height=height,
        u_wind=u_wind,
        v_wind=v_wind,
        derived=WINDS,
        surface_altitude=altitude,
        extras={
            name: Extra(values, units, long_name)
            for values, (name, (units, long_name)) in zip(others, EXTRAS.items(), strict=True)
        },
        **facts,
    )
