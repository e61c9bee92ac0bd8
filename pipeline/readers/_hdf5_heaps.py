"""Whether the global heaps of a netCDF-4 file make sense: the HDF5 library loops for ever in some.

A global heap holds values of varying length, such as text and references, one after the other. The
library goes from one to the next by its size, so with a size of nothing, or one that overflows to
nothing, it stays where it is. Source: HDF5 file format specification 3.0, section III.E.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ReadError

_MAGIC = b"\x89HDF\r\n\x1a\n"
_HEAP = re.compile(rb"GCOL\x01\0\0\0")  # signature, version, reserved
_OVERLAP = 7  # bytes of a signature that the next chunk may go on with
_HEADER = 16  # bytes, of a heap and of each value in it
_CHUNK = 1 << 22


def refuse_endless(path: Path) -> None:
    """Raise ReadError for a netCDF-4 file with a heap that has no end; pass all others.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ReadError
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return
        length = file.seek(0, os.SEEK_END)
        for place in list(_places(file)):
            if not _ends(file, place, length):
                raise ReadError(f"its heap at byte {place} is damaged; fetch it again")


def _places(file: BinaryIO) -> Iterator[int]:
    """Yield where heaps begin. (A file in memory would be simpler, and end us if it shrank.)"""
    file.seek(0)
    start, before = 0, b""
    while chunk := file.read(_CHUNK):
        content = before + chunk
        for found in _HEAP.finditer(content):
            yield start + found.start()
        before = content[-_OVERLAP:]
        start += len(content) - len(before)


def _ends(file: BinaryIO, start: int, length: int) -> bool:
    """Return whether each value of a heap leads to the next, up to the end."""
    end = start + _number(file, start + 8)
    if end > length:
        return False
    place = start + _HEADER
    while place + _HEADER <= end:
        # Index, references, and the size without this header, to be filled up to eight bytes;
        # what is free, at the end, has index 0 and counts its header.
        size = _number(file, place + 8)
        is_free = _number(file, place) % 2**16 == 0
        step = size if is_free else _HEADER + -(-size // 8) * 8
        if step < _HEADER or place + step > end:
            return False
        place += step
    return True


def _number(file: BinaryIO, place: int) -> int:
    """Return the eight bytes at a place; where the file ends before, more than any size."""
    file.seek(place)
    content = file.read(8)
    return int.from_bytes(content, "little") if len(content) == 8 else 2**64
