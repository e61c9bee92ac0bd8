"""Whether a GRIB file is whole: ecCodes passes over messages that are not, or frees memory twice.

A message begins with GRIB, says its length, and ends with 7777; in edition 2 its sections say
theirs too. Source: WMO manual on codes, volume I.2, FM 92 GRIB editions 1 and 2.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ReadError

MAGIC = b"GRIB"
END = b"7777"

#: Bytes between messages: bulletins have a line there.
_LARGEST_GAP = 1 << 16
#: Grids of edition 2 that say how many points lie along each of their sides, at the same place.
_SIDED_GRIDS = (0, 1, 2, 3, 10, 20, 30, 31, 40, 41, 42, 43)
_NOT_SAID = 2**32 - 1
_SECTIONS = tuple(range(1, 8))


def refuse_damaged(path: Path) -> None:
    """Raise ReadError for a GRIB file with a message that is cut, or whose parts do not fit.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ReadError
    """
    size = path.stat().st_size
    done = 0
    with path.open("rb") as stream:
        while done < size:
            stream.seek(done)
            between = stream.read(_LARGEST_GAP)
            start = between.find(MAGIC)
            gap = between if start < 0 else between[:start]
            if END in gap or len(gap) == _LARGEST_GAP:
                raise _damaged(done, "it does not begin with GRIB")
            if start < 0:
                return
            stream.seek(done + start)
            try:
                length = _length(stream, size - done - start)
            except (struct.error, IndexError, ValueError) as error:
                raise _damaged(done + start, str(error)) from error
            if not length:
                return
            done += start + length


def _damaged(place: int, why: str) -> ReadError:
    return ReadError(
        f"the GRIB message at byte {place} is damaged or was cut ({why}); fetch the file again"
    )


def _length(stream: BinaryIO, left: int) -> int:
    """Return the length of the message that begins here, 0 where only ecCodes knows it."""
    begin = stream.tell()
    head = stream.read(16)
    edition = head[7]
    if edition == 1:
        (length,) = struct.unpack(">I", b"\0" + head[4:7])
        if length >= 2**23:  # a way of ECMWF's to write more than there is room for
            return 0
    elif edition == 2:
        (length,) = struct.unpack(">Q", head[8:16])
    else:
        raise ValueError(f"there is no edition {edition}")
    if not 16 + len(END) <= length <= left:
        raise ValueError(f"it announces {length} bytes where {left} are left")
    stream.seek(begin + length - len(END))
    if stream.read(len(END)) != END:
        raise ValueError("it does not end with 7777")
    if edition == 2:
        _check_sections(stream, begin + 16, begin + length - len(END))
    return length


def _check_sections(stream: BinaryIO, start: int, end: int) -> None:
    """Raise ValueError where the sections of a message do not fill it, or disagree."""
    points = None
    packing: tuple[int, int] | None = None
    while start < end:
        stream.seek(start)
        length, number = struct.unpack(">IB", stream.read(5))
        if number not in _SECTIONS or not 5 <= length <= end - start:
            raise ValueError(f"section {number} of {length} bytes")
        if number == 3:
            points = _points(stream.read(33))
        elif number == 5:
            count, template = struct.unpack(">IH", stream.read(6))
            if points is not None and count > points:
                raise ValueError(f"{count} values for {points} points")
            bits = stream.read(9)[8] if template == 0 else 0
            packing = count, bits
        elif number == 7 and packing and 8 * (length - 5) < packing[0] * packing[1]:
            raise ValueError(f"{length} bytes for {packing[0]} values of {packing[1]} bits")
        start += length


def _points(grid: bytes) -> int:
    """Return how many points a grid has, from its section after number and length."""
    (points,) = struct.unpack(">I", grid[1:5])
    (template,) = struct.unpack(">H", grid[7:9])
    if template in _SIDED_GRIDS:
        along, down = struct.unpack(">II", grid[25:33])
        if _NOT_SAID not in (along, down) and along * down != points:
            raise ValueError(f"{points} points on a grid of {along} x {down}")
    return int(points)
