"""What the text readers share: decoding, lines, numbers, two-digit years."""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME
from pipeline.readers.limits import current

#: m s-1 in a knot, which is one nautical mile of 1852 m an hour.
KNOT = 1852.0 / 3600.0

#: How far ahead a two-digit year may lie: no weather model forecasts a sounding later than that.
LONGEST_FORECAST = timedelta(days=16)


#: How the marks of UTF-16 look when they are taken as Latin-1.
UTF_16_MARKS = ("\xff\xfe", "\xfe\xff")


def decode(content: bytes) -> str:
    """Return text with Unix line ends, from UTF-8 (with or without its mark) or else Latin-1."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _latin_1(error: UnicodeError) -> tuple[str, int]:
    """Return the bytes that are not UTF-8 as Latin-1, and where to go on: an error handler."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("pipeline.latin-1", _latin_1)


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file without their ends, however the file ends them.

    Parameters
    ----------
    path : pathlib.Path
        UTF-8, with or without its mark; what is not UTF-8 is taken as Latin-1.

    Raises
    ------
    ReadError
        When a line is too long to be one, or the file is UTF-16.
    """
    longest = current().line_length
    with path.open(encoding="utf-8-sig", errors="pipeline.latin-1") as stream:
        number = 0
        while line := stream.readline(longest + 1):
            number += 1
            if number == 1 and line.startswith(UTF_16_MARKS):
                raise ReadError("its text is in UTF-16; save it as UTF-8")
            refuse_line(line, longest, number)
            yield line.removesuffix("\n")


def refuse_line(line: str | bytes, longest: int, number: int) -> None:
    """Raise ReadError for a line that is too long."""
    if len(line) > longest:
        raise ReadError(
            f"line {number}: longer than {longest} characters (limits: line_length in the config)"
        )


def numbers(fields: Sequence[str], line: int) -> list[float]:
    """Return fields as numbers, NaN for blank ones.

    Raises
    ------
    ReadError
        Naming the line and the field that is no number.
    """
    return [_number(field, line) for field in fields]


def _number(field: str, line: int) -> float:
    field = field.strip()
    if not field:
        return math.nan
    try:
        value = float(field)
    except ValueError:
        raise ReadError(f"line {line}: {shorten(field)!r} is not a number") from None
    if "_" in field:  # Python reads 1_5 as 15; in a data file it is damage
        raise ReadError(f"line {line}: {shorten(field)!r} is not a number")
    return value if math.isfinite(value) else math.nan


def time_from_two_digit_year(date: str, clock: str, now: datetime | None = None) -> np.datetime64:
    """Return the time of ``YYMMDD`` and ``HHMM``: 1950 to 2049, but never far in the future.

    Parameters
    ----------
    date, clock : str
        Six and four digits, UTC.
    now : datetime, optional
        With time zone; by default the present.

    Returns
    -------
    numpy.datetime64
        NaT where there is no such date.

    Examples
    --------
    >>> time_from_two_digit_year("990503", "2300"), time_from_two_digit_year("140728", "0000")
    (np.datetime64('1999-05-03T23:00:00'), np.datetime64('2014-07-28T00:00:00'))
    """
    latest = (now or datetime.now(UTC)) + LONGEST_FORECAST
    year = int(date[:2])
    try:
        recent = datetime(2000 + year if year < 50 else 1900 + year, 1, 1)
        month, day = int(date[2:4]), int(date[4:6])
        time = recent.replace(month=month, day=day, hour=int(clock[:2]), minute=int(clock[2:4]))
        if time > latest.replace(tzinfo=None):
            time = time.replace(year=1900 + year)
    except ValueError:
        return NOT_A_TIME
    return np.datetime64(time, "s")


def shorten(text: str, length: int = 60) -> str:
    """Return text that fits into a message."""
    return text if len(text) <= length else text[: length - 3] + "..."
