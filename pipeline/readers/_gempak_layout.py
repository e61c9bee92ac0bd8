"""How a GEMPAK file is laid out, looked at before anything of it is believed.

A GEMPAK file is an array of words of four bytes, in the byte order of the machine that wrote it,
with pointers that count words from 1. After 28 letters come 24 words that say how many times
(rows), stations (columns) and parts of soundings there are, and where; then, for each time, station
and part, a pointer to its data, 0 where there is none. MetPy believes all of these numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReadError

START = b"GEMPAK DATA MANAGEMENT FILE "
KINDS = {1: "surface", 2: "sounding", 3: "grid"}
#: The words after the letters, by their place; those in between are not needed here.
PLACES = {
    "file_headers": 1,
    "rows": 3,
    "row_keys": 4,
    "row_headers": 6,
    "columns": 7,
    "column_keys": 8,
    "column_headers": 10,
    "parts": 11,
    "part_names": 12,
    "data": 15,
    "kind": 16,
}
WORDS = 24
MISSING = -9999.0
USED = 9999
PACKED = 4  # the data type of numbers packed into bits

# GEMPAK itself has room for fewer keys, parts and parameters (gemprm.h), and no file of soundings
# for more places.
MOST_KEYS = 50
MOST_PARTS = 50
MOST_PARAMETERS = 100
MOST_PLACES = 1_000_000
LARGEST_SCALE = 20  # powers of ten
WORD_BITS = 32

Words = NDArray[np.int32]


@dataclass(frozen=True)
class Layout:
    """What a file of soundings holds, as far as it was checked.

    Parameters
    ----------
    sizes : numpy.ndarray of int64, shape (rows, columns, parts)
        Words of data; 0 where there are none, or where they would lie outside of the file.
    parts : numpy.ndarray of bool, shape (rows, columns, parts)
        Whether there is such a part.
    parameters : numpy.ndarray of int64, shape (parts,)
        How many numbers a level of each part has.
    """

    sizes: NDArray[np.int64]
    parts: NDArray[np.bool_]
    parameters: NDArray[np.int64]


def kind_of(head: bytes) -> str | None:
    """Return what a file is: ``surface``, ``sounding``, ``grid``, ``damaged``; None for no GEMPAK.

    Parameters
    ----------
    head : bytes
        The file's first bytes.

    Examples
    --------
    >>> kind_of(b"%TITLE%") is None
    True
    """
    if not head.startswith(START):
        return None
    words = _words(head[: len(START) + 4 * WORDS])
    at = len(START) // 4 + PLACES["kind"]
    return KINDS.get(int(words[at]), "damaged") if words.size > at else "damaged"


def _words(content: bytes) -> Words:
    """Return a file as numbers, in its own byte order: its version is always 1."""
    length = len(content) // 4 * 4
    at = len(START) // 4
    words = np.frombuffer(content[:length], dtype="<i4")
    if words.size > at and words[at] != 1:
        words = np.frombuffer(content[:length], dtype=">i4")
    return words


def look(content: bytes) -> Layout:
    """Return what a file of soundings holds.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    Layout

    Raises
    ------
    ReadError
        When a number in it cannot be: then it is damaged, or cut short.
    """
    words = _words(content)
    first = len(START) // 4
    if words.size < first + WORDS:
        raise ReadError("the GEMPAK file is cut short in its header")
    header = {name: int(words[first + place]) for name, place in PLACES.items()}
    missing = float(words[first + WORDS - 1 :][:1].view(words.dtype.str.replace("i", "f"))[0])
    _refuse(missing != MISSING, f"{missing:g} for missing values instead of {MISSING:g}")
    for name, most in (
        ("file_headers", MOST_KEYS),
        ("row_keys", MOST_KEYS),
        ("column_keys", MOST_KEYS),
        ("parts", MOST_PARTS),
    ):
        _refuse(not 0 <= header[name] <= most, f"{header[name]} {name.replace('_', ' ')}")
    rows, columns, parts = header["rows"], header["columns"], header["parts"]
    _refuse(min(rows, columns, parts) < 1, f"{rows} times, {columns} stations, {parts} parts")
    _refuse(rows * columns * parts > MOST_PLACES, f"{rows} times {columns} stations")
    for name in ("row", "column"):
        _refuse_gaps(words, header, name)
    pointers = _block(words, header["data"], rows * columns * parts, "pointers to the data")
    parameters = _parameters(words, header["part_names"], parts)
    sizes = _sizes(words, pointers.astype(np.int64)).reshape(rows, columns, parts)
    return Layout(sizes, (pointers != 0).reshape(rows, columns, parts), parameters)


def _refuse(wrong: Any, what: str) -> None:
    if wrong:
        raise ReadError(f"the header of the GEMPAK file is damaged: it says {what}")


def _block(words: Words, pointer: int, count: int, what: str) -> Words:
    """Return words that a pointer points to, all of which must be there."""
    if pointer < 1 or pointer - 1 + count > words.size:
        raise ReadError(f"the GEMPAK file is damaged or cut short: its {what} lie outside of it")
    return words[pointer - 1 : pointer - 1 + count]


def _refuse_gaps(words: Words, header: dict[str, int], name: str) -> None:
    """Raise ReadError where a time or station in use follows one that is not.

    MetPy 1.7.1 steps by one word over a header that is not in use instead of over all of it, and
    would give the soundings after it to others.
    """
    length = header[f"{name}_keys"] + 1
    block = _block(words, header[f"{name}_headers"], header[f"{name}s"] * length, f"{name} headers")
    used = block[::length] == USED
    if (used[1:] > used[:-1]).any():
        what = "time" if name == "row" else "station"
        raise ReadError(
            f"a {what} was deleted from the GEMPAK file, and MetPy would mix up those after it; "
            "copy its soundings into a new file"
        )


def _parameters(words: Words, pointer: int, parts: int) -> NDArray[np.int64]:
    """Return how many numbers a level of each part has, after a look at how they are packed."""
    # Names of the parts, lengths of their headers, data types, numbers of parameters
    block = _block(words, pointer, 4 * parts, "parts").reshape(4, parts).astype(np.int64)
    lengths, types, counts = block[1:]
    for what, values, most in (
        ("words of a part's header", lengths, MOST_PARAMETERS),
        ("parameters of a part", counts, MOST_PARAMETERS),
    ):
        wrong = (values < 0) | (values > most)
        _refuse(wrong.any(), f"{values[wrong][:1]} {what}")
    total = int(counts.sum())
    # Of all parameters their names, scales, offsets and bits
    about = _block(words, pointer + 4 * parts, 4 * total, "parameters").reshape(4, total)
    packed = np.repeat(types == PACKED, counts)
    scales, bits = about[1][packed].astype(np.int64), about[3][packed]
    _refuse((np.abs(scales) > LARGEST_SCALE).any(), "scales beyond all numbers")
    _refuse(((bits < 1) | (bits > WORD_BITS)).any(), "numbers of no or more than 32 bits")
    return counts


def _sizes(words: Words, pointers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many words of data there are behind each pointer."""
    inside = (pointers > 0) & (pointers <= words.size)
    sizes = np.zeros(pointers.shape, dtype=np.int64)
    sizes[inside] = words[pointers[inside] - 1]
    sizes[(sizes < 0) | (pointers + sizes > words.size)] = 0
    if sizes.sum() > words.size:
        raise ReadError("the GEMPAK file is damaged: soundings overlap")
    return sizes
