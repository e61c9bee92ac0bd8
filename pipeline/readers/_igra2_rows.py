"""The rows of IGRA version 2 as numbers: those of one sounding with care, or of many at once.

Both ways give the same bits. The fast one looks up two characters at a time in a table that says
what they are worth and of what kind they are: digits, blanks, a sign. The kinds of its three pairs
tell whether a field is a number. A sounding with a row that is anything else is left to the careful
way, which says what is wrong with it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReadError
from pipeline.profiles import FloatArray, wind_components

Characters = NDArray[np.uint8]
Indices = NDArray[np.intp]

NOT_REPORTED, REMOVED = -9999.0, -8888.0

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

#: Column of the minor level type, and what stands there at the surface.
MINOR_TYPE, SURFACE = 1, ord("1")

#: What a flag is worth: blank is not checked, A passed the first tier of checks, B both tiers.
_GRADE = np.zeros(256)
_GRADE[ord("A")], _GRADE[ord("B")] = 1.0, 2.0


def new_block(levels: int) -> FloatArray:
    """Return room for what :func:`in_units` puts there, shape (11, levels)."""
    return np.empty((len(FIELDS) + len(FLAG_COLUMNS), levels))


def in_units(fields: FloatArray, rows: Characters, block: FloatArray) -> None:
    """Put numbers and flags of rows into the project's units.

    Parameters
    ----------
    fields : numpy.ndarray, shape (fields, levels)
        As :func:`carefully` gives them.
    rows : numpy.ndarray of uint8, shape (levels, ROW_LENGTH)
        Their characters.
    block : numpy.ndarray, shape (11, levels)
        Where to: the six level variables, elapsed time (s), relative humidity (percent), and the
        grades of `FLAG_COLUMNS`.
    """
    elapsed, pressure, height, temperature, humidity, depression, direction, speed = fields
    np.divide(pressure, 100.0, out=block[0])
    np.divide(temperature, 10.0, out=block[1])
    np.subtract(block[1], depression / 10.0, out=block[2])
    block[3] = height
    block[4], block[5] = wind_components(speed / 10.0, direction)
    # The sign of a NaN depends on where in an array it was computed; bits shall not.
    np.copyto(block[4:6], np.nan, where=np.isnan(block[4:6]))
    minutes = np.floor(elapsed / 100)
    np.add(minutes * 60, elapsed - minutes * 100, out=block[6])
    np.divide(humidity, 10.0, out=block[7])
    for grade, column in zip(block[8:], FLAG_COLUMNS.values(), strict=True):
        grade[:] = _GRADE[rows[:, column]]


# --------------------------------------------------------------------------- with care

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


def characters(rows: list[bytes], first_line: int) -> Characters:
    """Return rows as characters, shape (levels, `ROW_LENGTH`).

    Raises
    ------
    ReadError
        Naming the first line that is too short.
    """
    rows = [row.rstrip(b"\r\n")[:ROW_LENGTH] for row in rows]
    for index, row in enumerate(rows):
        if len(row) != ROW_LENGTH:
            raise ReadError(
                f"line {first_line + index}: {len(row)} characters where {ROW_LENGTH} are expected"
            )
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), ROW_LENGTH)


def carefully(rows: Characters, first_line: int) -> FloatArray:
    """Return the numbers of rows in the order of `FIELDS`, NaN where missing, (fields, levels).

    Raises
    ------
    ReadError
        Naming the first line that holds anything but numbers.
    """
    cells = rows[:, _COLUMNS]
    kinds = _KIND[cells]
    steps = np.diff(kinds, axis=1)
    doubled = (steps == 0) & (kinds[:, 1:] == _MINUS)
    wrong = (kinds == _OTHER).any(axis=1)
    wrong |= (((steps < 0) | doubled) & _SAME_FIELD).any(axis=1)  # blanks, one minus, digits
    wrong |= (kinds[:, [*np.flatnonzero(~_SAME_FIELD), -1]] == _MINUS).any(axis=1)
    if wrong.any():
        index = int(wrong.argmax())
        text = rows[index].tobytes().decode("latin-1")
        raise ReadError(f"line {first_line + index}: not a row of numbers: {text!r}")
    is_digit = kinds == _DIGIT
    values = np.where(is_digit, cells - ord("0"), 0).astype(np.float64) @ _WEIGHT
    negative = (kinds == _MINUS).astype(np.float64) @ _MEMBER > 0
    values[negative] *= -1.0
    blank = is_digit.astype(np.float64) @ _MEMBER == 0
    values[blank | (values == NOT_REPORTED) | (values == REMOVED)] = np.nan
    return values.T


# --------------------------------------------------------------------------- many, two by two

#: What two characters of a field can be, each with a letter.
_PAIR_KINDS = {"d": r"\d\d", "b": "  ", "m": " -", "s": r" \d", "n": r"-\d", "x": ".."}
#: A field has three pairs; where it has a column less, the one before it is taken as blank.
_PAIRS, _WIDTH = 3, 6
#: The letters of a field that is a number: blanks, a minus or none, digits.
_NUMBER = re.compile("b*(d+|sd*|nd*|md+)")
#: In a field's sum its digits stand below this bit, above it what its pairs are.
_DIGITS = 20
_NOT_A_NUMBER = 2.0


def _pair_table() -> NDArray[np.int32]:
    """Return what two characters add to the sum of their field, shape (places, pairs)."""
    kinds = list(_PAIR_KINDS)
    table = np.empty((_PAIRS, 256 * 256), dtype=np.int32)
    scales = [(len(kinds) ** place << _DIGITS, 100**place) for place in (2, 1, 0)]
    table[:] = [[kinds.index("x") * kind_scale] for kind_scale, _ in scales]
    for pair in map("".join, itertools.product(" -0123456789", repeat=2)):
        kind = next(kind for kind in kinds if re.fullmatch(_PAIR_KINDS[kind], pair))
        worth = int("0" + pair.strip(" -")) if kind in "dsn" else 0
        key = np.frombuffer(pair.encode(), dtype=np.uint16)[0]
        table[:, key] = [kinds.index(kind) * scale + worth * power for scale, power in scales]
    return table


def _factor_table() -> FloatArray:
    """Return the sign of a number by the kinds of its pairs; NaN where all of them are blank."""
    fields = map("".join, itertools.product(_PAIR_KINDS, repeat=_PAIRS))
    return np.array([_factor(field) for field in fields])


def _factor(field: str) -> float:
    if field == "b" * _PAIRS:
        return np.nan
    if not _NUMBER.fullmatch(field):
        return _NOT_A_NUMBER
    return -1.0 if {"m", "n"} & set(field) else 1.0


_PAIR, _FACTOR = _pair_table(), _factor_table()

#: Few enough for all that is computed of them to stay in the processor's cache.
ROWS_AT_ONCE = 4096


class Sounding(NamedTuple):
    """Where a sounding stands in its chunk.

    Parameters
    ----------
    header, body : int
        Where its header and its first row begin, bytes.
    line : int
        How many lines precede it.
    first, last : int
        Its columns of the block, the last one excluded.
    regular : bool
        Whether all of its rows are numbers.
    altitude : float
        m, height of its surface level; NaN where there is none.
    """

    header: int
    body: int
    line: int
    first: int
    last: int
    regular: bool
    altitude: float


class Chunk(NamedTuple):
    """All rows of a text as numbers.

    Parameters
    ----------
    soundings : iterator of Sounding
    block : numpy.ndarray, shape (11, rows)
        As :func:`in_units` gives it; it means nothing where a sounding is not regular.
    lines : int
        How many there are in the text.
    """

    soundings: Iterator[Sounding]
    block: FloatArray
    lines: int


def at_once(text: memoryview, longest: int) -> Chunk:
    """Return the numbers of all rows of a text.

    Parameters
    ----------
    text : memoryview
        One or more soundings, from a header on, all lines ended; longer than a row.
    longest : int
        Longest line; where one is longer, no sounding is called regular.
    """
    cells = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(cells == ord("\n")) + 1
    starts = np.concatenate([[0], ends[:-1]])
    lengths = ends - starts
    is_header = cells[starts] == ord("#")
    lines = np.flatnonzero(is_header)
    first = lines - np.arange(len(lines))
    last = np.append(first[1:], len(starts) - len(lines))
    windows = np.ndarray(len(text) - ROW_LENGTH + 1, f"V{ROW_LENGTH}", text, strides=(1,))
    row_starts = np.minimum(starts[~is_header], len(windows) - 1)  # the last may be cut short
    is_row = lengths[~is_header] > ROW_LENGTH
    block = new_block(len(row_starts))
    at_surface = np.empty(len(row_starts), dtype=np.bool_)
    for begin in range(0, len(row_starts), ROWS_AT_ONCE):
        part = slice(begin, begin + ROWS_AT_ONCE)
        rows = windows[row_starts[part]].view(np.uint8).reshape(-1, ROW_LENGTH)
        fields, are_numbers = _fields(rows)
        is_row[part] &= are_numbers & (rows[:, 0] > ord(" "))
        at_surface[part] = rows[:, MINOR_TYPE] == SURFACE
        in_units(fields, rows, block[:, part])
    regular = np.full(len(lines), lengths.max() <= longest)
    regular[np.searchsorted(first, np.flatnonzero(~is_row), side="right") - 1] = False
    altitudes = _altitudes(at_surface, block[3], first, last)
    about = (starts[lines], ends[lines], lines, first, last, regular)
    soundings = map(Sounding, *(each.tolist() for each in (*about, altitudes)))
    return Chunk(soundings, block, len(starts))


def _fields(rows: Characters) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the numbers of rows as :func:`carefully` does, and which rows are numbers at all."""
    cells = np.empty((len(rows), _WIDTH * len(FIELDS)), dtype=np.uint8)
    cells[:, :_WIDTH] = rows[:, 2:8]
    cells[:, _WIDTH:] = rows[:, 9:51]
    for place, (start, end) in enumerate(FIELDS.values()):
        if end - start < _WIDTH:
            cells[:, place * _WIDTH] = ord(" ")
    pairs = np.ascontiguousarray(cells.view(np.uint16).T).reshape(len(FIELDS), _PAIRS, -1)
    sums = _PAIR[0].take(pairs[:, 0])
    for place in range(1, _PAIRS):
        sums += _PAIR[place].take(pairs[:, place])
    values = _FACTOR.take(sums >> _DIGITS)
    regular = ~(values == _NOT_A_NUMBER).any(axis=0)
    values *= sums & ((1 << _DIGITS) - 1)
    values[(values == NOT_REPORTED) | (values == REMOVED)] = np.nan
    return values, regular


def _altitudes(
    at_surface: NDArray[np.bool_], height: FloatArray, first: Indices, last: Indices
) -> FloatArray:
    """Return the height of the first surface level of each sounding."""
    surface = np.append(np.flatnonzero(at_surface), len(at_surface))
    found = surface[np.searchsorted(surface, first)]
    return np.where(found < last, np.append(height, np.nan)[found], np.nan)
