"""Whether a classic netCDF file is whole: the netCDF library reads what was cut off as zeros.

The header says where each variable begins and how long it is, so where the data end. Source: the
classic format specification in the NetCDF User's Guide, appendix B.
"""

from __future__ import annotations

import struct
from math import prod
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pipeline.errors import ReadError

#: Bytes of a value, by the number of its type: from NC_BYTE to NC_UINT64.
TYPE_BYTES = dict(enumerate((1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8), start=1))

#: How counts and offsets are written, by the version in the magic number.
VERSIONS = {1: (">I", ">I"), 2: (">I", ">Q"), 5: (">Q", ">Q")}

# Beyond these a header is damaged, not large.
_MOST_ENTRIES = 1_000_000
_LONGEST_TEXT = 2**31
_LONGEST_HEADER = 2**26
_MOST_DIMENSIONS = 1024


class _Variable(NamedTuple):
    begin: int
    size: int
    is_record: bool


def refuse_cut(path: Path) -> None:
    """Raise ReadError for a classic netCDF file that ends before its data; pass all others.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ReadError
    """
    with path.open("rb") as file:
        magic = file.read(4)
        if magic[:3] != b"CDF" or magic[3] not in VERSIONS:
            return
        try:
            promised = _end_of_data(file, *VERSIONS[magic[3]])
        except (struct.error, KeyError, IndexError) as error:
            raise ReadError("its header makes no sense, it is damaged; fetch it again") from error
    size = path.stat().st_size
    if size < promised:
        raise ReadError(f"it has {size} bytes of {promised}, it was cut; fetch it again")


def _end_of_data(file: BinaryIO, count: str, offset: str) -> int:
    records = _number(file, count)
    sizes = []
    for _ in range(_entries(file, count)):
        _skip_text(file, count)
        sizes.append(_number(file, count))
    _skip_attributes(file, count)
    variables = [_variable(file, count, offset, sizes) for _ in range(_entries(file, count))]
    of_records = [one.size for one in variables if one.is_record]
    # Each variable's part of a record is filled up to four bytes, unless it is the only one.
    stride = sum(of_records) if len(of_records) == 1 else sum(map(_padded, of_records))
    streaming = records == 2 ** (8 * struct.calcsize(count)) - 1
    ends = [one.begin + one.size for one in variables if not one.is_record]
    if records and not streaming:
        ends += [
            one.begin + (records - 1) * stride + one.size for one in variables if one.is_record
        ]
    return max(ends, default=0)


def _variable(file: BinaryIO, count: str, offset: str, sizes: list[int]) -> _Variable:
    _skip_text(file, count)
    dimensions = _length(file, count)
    if dimensions > _MOST_DIMENSIONS:
        raise IndexError(dimensions)
    shape = [sizes[_number(file, count)] for _ in range(dimensions)]
    _skip_attributes(file, count)
    value_bytes = TYPE_BYTES[_number(file, ">I")]
    _number(file, count)  # the size in bytes, which overflows in large files
    begin = _number(file, offset)
    is_record = bool(shape) and shape[0] == 0
    return _Variable(begin, value_bytes * prod(shape[1:] if is_record else shape), is_record)


def _skip_attributes(file: BinaryIO, count: str) -> None:
    for _ in range(_entries(file, count)):
        _skip_text(file, count)
        value_bytes = TYPE_BYTES[_number(file, ">I")]
        _skip(file, value_bytes * _number(file, count))


def _skip_text(file: BinaryIO, count: str) -> None:
    _skip(file, _number(file, count))


def _skip(file: BinaryIO, size: int) -> None:
    if size > _LONGEST_TEXT:
        raise IndexError(size)
    file.seek(_padded(size), 1)


def _entries(file: BinaryIO, count: str) -> int:
    """Return how many entries a list has, after its tag."""
    _number(file, ">I")
    if file.tell() > _LONGEST_HEADER:
        raise IndexError(file.tell())
    return _length(file, count)


def _length(file: BinaryIO, count: str) -> int:
    length = _number(file, count)
    if length > _MOST_ENTRIES:
        raise IndexError(length)
    return length


def _number(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])


def _padded(size: int) -> int:
    return -(-size // 4) * 4
