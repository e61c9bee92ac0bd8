"""IGRA version 2 soundings: ``-data.txt`` files, plain or zipped, of one station and many years.

A header (``#``, station, date, hour, release time, number of levels, position) precedes fixed
columns: level type, elapsed time (MMMSS), pressure (Pa), geopotential height (m), temperature
(0.1 degC), relative humidity (0.1 percent), dewpoint depression (0.1 K), wind direction (degrees)
and speed (0.1 m s-1). -9999 is missing, -8888 was removed by the archive's quality assurance.
Wind-only levels have a height and no pressure, and stand at the end of their sounding.

Source: NOAA NCEI, ``igra2-data-format.txt``. Read sounding by sounding, each block of rows by
numpy at once, so memory does not grow with the file.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, WINDS, Extra, FloatArray, Profile, wind_components
from pipeline.readers import _archive
from pipeline.readers._text import refuse_line, shorten
from pipeline.readers.limits import current, refuse_levels

NAME = "igra2"
DESCRIPTION = "IGRA version 2 (-data.txt or its zip), one or many soundings of a station"

NOT_REPORTED, REMOVED = -9999.0, -8888.0
SURFACE = ord("1")
FLAG_MEANING = "quality assurance passed: 0 not checked, 1 (A) first tier, 2 (B) both tiers"

#: First and last column of each number in a row, counted from 0, the last one excluded.
FIELDS = {
    "elapsed_time": (3, 8),
    "pressure": (9, 15),
    "height": (16, 21),
    "temperature": (22, 27),
    "relative_humidity": (28, 33),
    "dewpoint_depression": (34, 39),
    "wind_direction": (40, 45),
    "wind_speed": (46, 51),
}
FLAG_COLUMNS = {"pressure_flag": 15, "height_flag": 21, "temperature_flag": 27}
ROW_LENGTH = 51

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
    with path.open("rb") as stream:
        if stream.read(len(_archive.MAGIC)) != _archive.MAGIC:
            stream.seek(0)
            yield from _soundings(stream)
            return
    for member in _archive.members(path):
        if member.peek(1).startswith(b"#"):
            yield from _soundings(member)


def _soundings(stream: BinaryIO) -> Iterator[Profile]:
    for line, header, rows, count in _blocks(stream):
        yield _sounding(line, header, rows, count)


def _blocks(stream: BinaryIO) -> Iterator[tuple[int, bytes, list[bytes], int]]:
    """Yield each header with its line number, the rows up to the next, and how many there are.

    Rows beyond those that a header can announce are counted, not kept.
    """
    start, header, rows, count, blank = 0, b"", list[bytes](), 0, 0
    for line, row in enumerate(_lines(stream), start=1):
        if row.startswith(b"#"):
            if header:
                yield start, header, rows, count
            start, header, rows, count, blank = line, row, [], 0, 0
        elif not header:
            raise ReadError(f"line {line}: a header (#, station, date, ...) is expected here")
        elif not row.strip():
            blank += 1  # no row, unless another one follows
        else:
            count += blank + 1
            if count <= MOST_ANNOUNCED:
                rows += [b""] * blank
                rows.append(row)
            blank = 0
    if header:
        yield start, header, rows, count


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    longest = current().line_length
    for number in itertools.count(1):
        line = stream.readline(longest + 1)
        if not line:
            return
        refuse_line(line, longest, number)
        yield line


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
        block = _block(rows, line + 1)
        values = _values(block, line + 1)
    except ReadError as error:
        return Profile(problem=str(error), **facts)
    return _profile(values, block, facts)


def _check_count(announced: int, line: int, count: int) -> None:
    if count != announced:
        raise ReadError(
            f"line {line}: the header announces {announced} levels and {count} follow, so the "
            "file is cut short or damaged here"
        )
    refuse_levels(count, f"line {line}: ")


def _facts(match: re.Match[bytes]) -> dict[str, Any]:
    """Return station, time and position from a header."""
    time, notes = _time(match)
    latitude, longitude = _degrees(match["latitude"], 90), _degrees(match["longitude"], 180)
    if np.isnan(latitude) or np.isnan(longitude):
        latitude = longitude = np.nan
    return {
        "station_id": match["station"].decode("ascii"),
        "time": time,
        "latitude": latitude,
        "longitude": longitude,
        "notes": notes,
    }


def _time(match: re.Match[bytes]) -> tuple[np.datetime64, tuple[str, ...]]:
    """Return the time of a sounding, and what had to be decided about it."""
    date, hour, release = match["date"].decode(), int(match["hour"]), int(match["release"])
    try:
        year, month, day_of_month = map(int, date.split())
        day = np.datetime64(datetime(year, month, day_of_month), "s")
    except ValueError:
        return NOT_A_TIME, (f"{date!r} is not a date",)
    if hour < 24:
        return day + np.timedelta64(hour, "h"), ()
    hour, minute = divmod(release, 100)
    if hour >= 24:
        return NOT_A_TIME, (f"of its time only the date is known: {day.astype('datetime64[D]')}",)
    minute = minute if minute < 60 else 0  # 99 where only the hour of release is known
    note = f"the nominal hour is missing; the time is that of the release, {hour:02}:{minute:02}"
    return day + np.timedelta64(hour * 60 + minute, "m"), (note,)


def _degrees(field: bytes, limit: float) -> float:
    """Return degrees from 1/10000 degrees; what lies outside the limit is a code for missing."""
    try:
        degrees = int(field) / 10000.0
    except ValueError:
        return np.nan
    return degrees if abs(degrees) <= limit else np.nan


# --------------------------------------------------------------------------- rows, all at once

_COLUMNS = np.concatenate([np.arange(*span) for span in FIELDS.values()])
_FIELD_OF = np.repeat(np.arange(len(FIELDS)), [end - start for start, end in FIELDS.values()])
_SAME_FIELD = np.diff(_FIELD_OF) == 0
_MEMBER = (_FIELD_OF[:, None] == np.arange(len(FIELDS))).astype(np.float64)
_ENDS = np.array([end for _, end in FIELDS.values()])
_WEIGHT = _MEMBER * 10.0 ** (_ENDS[_FIELD_OF] - 1 - _COLUMNS)[:, None]

_BLANK, _MINUS, _DIGIT, _OTHER = range(4)
_KIND = np.full(256, _OTHER, dtype=np.int8)
_KIND[ord(" ")], _KIND[ord("-")] = _BLANK, _MINUS
_KIND[ord("0") : ord("9") + 1] = _DIGIT


def _block(rows: list[bytes], first_line: int) -> NDArray[np.uint8]:
    """Return rows as characters, shape (levels, `ROW_LENGTH`)."""
    rows = [row.rstrip(b"\r\n")[:ROW_LENGTH] for row in rows]
    for index, row in enumerate(rows):
        if len(row) != ROW_LENGTH:
            raise ReadError(
                f"line {first_line + index}: {len(row)} characters where {ROW_LENGTH} are expected"
            )
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), ROW_LENGTH)


def _values(block: NDArray[np.uint8], first_line: int) -> FloatArray:
    """Return the numbers of a block in the order of `FIELDS`, shape (levels, fields)."""
    cells = block[:, _COLUMNS]
    kinds = _KIND[cells]
    steps = np.diff(kinds, axis=1)
    doubled = (steps == 0) & (kinds[:, 1:] == _MINUS)
    wrong = (kinds == _OTHER).any(axis=1)
    wrong |= (((steps < 0) | doubled) & _SAME_FIELD).any(axis=1)  # blanks, one minus, digits
    wrong |= (kinds[:, [*np.flatnonzero(~_SAME_FIELD), -1]] == _MINUS).any(axis=1)
    if wrong.any():
        index = int(wrong.argmax())
        text = block[index].tobytes().decode("latin-1")
        raise ReadError(f"line {first_line + index}: not a row of numbers: {text!r}")
    is_digit = kinds == _DIGIT
    values = np.where(is_digit, cells - ord("0"), 0).astype(np.float64) @ _WEIGHT
    negative = (kinds == _MINUS).astype(np.float64) @ _MEMBER > 0
    values[negative] *= -1.0
    blank = is_digit.astype(np.float64) @ _MEMBER == 0
    values[blank | (values == NOT_REPORTED) | (values == REMOVED)] = np.nan
    return values


def _profile(values: FloatArray, block: NDArray[np.uint8], facts: dict[str, Any]) -> Profile:
    """Put numbers into the project's units."""
    fields = dict(zip(FIELDS, values.T, strict=True))
    temperature = fields["temperature"] / 10.0
    u_wind, v_wind = wind_components(fields["wind_speed"] / 10.0, fields["wind_direction"])
    surface = np.flatnonzero(block[:, 1] == SURFACE)
    return Profile(
        pressure=fields["pressure"] / 100.0,
        temperature=temperature,
        dewpoint=temperature - fields["dewpoint_depression"] / 10.0,
        height=fields["height"],
        u_wind=u_wind,
        v_wind=v_wind,
        derived=WINDS,
        surface_altitude=float(fields["height"][surface[0]]) if surface.size else np.nan,
        extras=_extras(fields, block),
        **facts,
    )


def _extras(fields: dict[str, FloatArray], block: NDArray[np.uint8]) -> dict[str, Extra]:
    minutes, seconds = np.divmod(fields["elapsed_time"], 100)
    humidity = fields["relative_humidity"] / 10.0
    extras = {
        "elapsed_time": Extra(minutes * 60 + seconds, "s", "time since release"),
        "reported_relative_humidity": Extra(humidity, "percent", "relative humidity as reported"),
    }
    for name, column in FLAG_COLUMNS.items():
        grade = (block[:, column] == ord("A")) + 2.0 * (block[:, column] == ord("B"))
        extras[name] = Extra(grade, "1", f"{name.removesuffix('_flag')} {FLAG_MEANING}")
    return extras
