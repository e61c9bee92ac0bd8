"""Zip archives that others made: unpacked as a stream, counted, and refused when they play tricks.

Nothing is ever unpacked to disk, and nothing that an archive says about its sizes is believed.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import IO, Any

from pipeline.errors import ReadError
from pipeline.readers._text import shorten
from pipeline.readers.limits import MEGABYTE, current

MAGIC = b"PK\x03\x04"

#: Bytes that may come out of however small an archive.
_HARMLESS = MEGABYTE
#: Bytes of the table of contents for each file that there may be: many times what a name takes.
_CONTENTS_ENTRY = 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


def members(path: Path) -> Iterator[io.BufferedReader]:
    """Yield a stream of the content of each file in an archive, valid until the next.

    Parameters
    ----------
    path : pathlib.Path
        A zip archive.

    Raises
    ------
    ReadError
        When it is broken, holds what cannot be meant (see :func:`_refuse_tricks`), or, while a
        stream is read, when more comes out of it than the limits allow.
    """
    budget = _Budget(path)
    with _breakage_told(), _Contents(path) as file, zipfile.ZipFile(file) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _refuse_tricks(entries)
        for entry in entries:
            with archive.open(entry) as packed:
                yield io.BufferedReader(_Counted(packed, budget))


@contextmanager
def _breakage_told() -> Iterator[None]:
    """Say in a ReadError that an archive is broken, wherever that shows."""
    try:
        yield
    except _BROKEN as error:
        raise ReadError(f"the zip archive is broken ({error}): fetch it again") from error


def _refuse_tricks(entries: list[zipfile.ZipInfo]) -> None:
    """Raise ReadError for an archive that no honest program makes."""
    most = current().members
    if len(entries) > most:
        raise ReadError(
            f"the zip archive holds {len(entries)} files, more than {most} "
            "(limits: members in the config)"
        )
    names = set()
    for entry in entries:
        name = shorten(entry.filename)
        parts = PureWindowsPath(entry.filename)  # knows / and \ and drives
        if parts.anchor or ".." in parts.parts:
            raise ReadError(f"a file in the zip archive has the name {name!r}, which leads outside")
        if entry.filename in names:
            raise ReadError(f"two files in the zip archive have the name {name!r}")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ReadError(f"{name!r} in the zip archive is a link, not a file")
        if entry.flag_bits & _ENCRYPTED:
            raise ReadError(f"{name!r} in the zip archive is encrypted; unpack it first")
        if entry.compress_type not in _METHODS:
            raise ReadError(
                f"{name!r} in the zip archive is packed by another method than deflate; unpack it"
            )
        names.add(entry.filename)


class _Contents(io.BufferedReader):
    """A zip file that refuses to be read in one piece larger than a table of contents may be."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._largest = max(current().members * _CONTENTS_ENTRY, _HARMLESS)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._largest:
            raise ReadError(
                f"the zip archive's table of contents has {size} bytes, more than the names of "
                f"{current().members} files take (limits: members in the config)"
            )
        return super().read(size)


class _Budget:
    """How much may still come out of an archive."""

    def __init__(self, path: Path) -> None:
        limits = current()
        by_ratio = max(int(path.stat().st_size * limits.unpacked_ratio), _HARMLESS)
        self.left = min(limits.unpacked_bytes, by_ratio)
        self.refusal = (
            f"the zip archive unpacks to more than {limits.unpacked_size:g} MB "
            "(limits: unpacked_size in the config)"
            if self.left == limits.unpacked_bytes
            else f"the zip archive unpacks to more than {limits.unpacked_ratio:g} times its size "
            "(limits: unpacked_ratio in the config)"
        )

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ReadError(self.refusal)


class _Counted(io.RawIOBase):
    """The content of a file in an archive, counted as it comes out."""

    def __init__(self, packed: IO[bytes], budget: _Budget) -> None:
        self._packed, self._budget = packed, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with _breakage_told():
            content = self._packed.read(len(buffer))
        self._budget.take(len(content))
        buffer[: len(content)] = content
        return len(content)
