"""Opening files that others left there: pipes, devices and giants are refused, nothing waits.

A Zarr store is a folder and one source all the same: its metadata stand for its first bytes, the
digest of all its files for its fingerprint.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ReadError
from pipeline.readers.limits import DEFAULT_LIMITS, MEGABYTE, Limits

#: What a path can be besides a regular file.
KINDS = {
    stat.S_IFDIR: "is a folder, not a file: name the files in it, for example FOLDER/*",
    stat.S_IFIFO: "is a pipe, not a regular file",
    stat.S_IFSOCK: "is a socket, not a regular file",
    stat.S_IFCHR: "is a device, not a regular file",
    stat.S_IFBLK: "is a device, not a regular file",
}

#: A folder that holds one of these is a Zarr store, of version 3 or 2.
STORE_MARKS = ("zarr.json", ".zgroup")

_CHUNK = 1 << 20
# Without it, opening a pipe that nobody writes to waits for ever; Windows has no such thing.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[BinaryIO]:
    """Open a file for reading, after checking that it is one and not too large.

    Parameters
    ----------
    path : pathlib.Path
        Of a Zarr store, its metadata are opened.
    limits : Limits

    Yields
    ------
    binary file

    Raises
    ------
    ReadError
        When it is no regular file, empty or too large.
    OSError
        When it cannot be opened.
    """
    found = os.stat(path)  # first, since opening can already do something to a device
    if stat.S_ISDIR(found.st_mode):
        _refuse_closed(path)
        if is_store(path):
            _refuse_large_store(path, limits)
            path = next(path / mark for mark in STORE_MARKS if (path / mark).is_file())
            found = os.stat(path)
    _refuse_kind(found)
    with open(path, "rb", opener=_without_waiting) as stream:
        found = os.fstat(stream.fileno())
        _refuse_kind(found)
        if found.st_size == 0:  # also what the system invents, as in /proc, and may wait
            raise ReadError("the file is empty (0 bytes)")
        if found.st_size > limits.file_bytes:
            raise ReadError(
                f"has {found.st_size / MEGABYTE:.1f} MB where a file may have "
                f"{limits.file_size:g} MB (limits: file_size in the config)"
            )
        yield stream


def _refuse_closed(folder: Path) -> None:
    """Raise ReadError for a folder that cannot be looked into: its files were not found."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise ReadError(f"is a folder that cannot be opened: {error.strerror}") from error


def _refuse_kind(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ReadError(KINDS.get(stat.S_IFMT(found.st_mode), "is not a regular file"))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_WAIT)


def is_store(path: str | Path) -> bool:
    """Return whether a path is a Zarr store: a folder that is one source, not many.

    Examples
    --------
    >>> is_store("/dev")
    False
    """
    return any(os.path.isfile(os.path.join(path, mark)) for mark in STORE_MARKS)


def _entries(store: str | Path) -> list[tuple[str, os.stat_result]]:
    """Return what is in a store, by relative name and in its order; links to folders as such."""
    found = {}
    for place, folders, names in os.walk(store, onerror=_raise):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in names + links:
            path = os.path.join(place, name)
            found[Path(os.path.relpath(path, store)).as_posix()] = os.stat(path)
    return sorted(found.items())


def _raise(error: OSError) -> None:
    raise error


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files of a Zarr store."""
    if not is_store(path):
        return os.stat(path).st_size
    return sum(found.st_size for _, found in _entries(path))


def _refuse_large_store(store: Path, limits: Limits) -> None:
    total = 0
    for name, found in _entries(store):
        if not stat.S_ISREG(found.st_mode):
            kind = KINDS.get(stat.S_IFMT(found.st_mode), "is not a regular file").partition(":")[0]
            raise ReadError(f"{name} in this Zarr store {kind}")
        total += found.st_size
    if total > limits.file_bytes:
        raise ReadError(
            f"its files have {total / MEGABYTE:.1f} MB where a Zarr store may have "
            f"{limits.file_size:g} MB (limits: file_size in the config)"
        )


def version(path: Path) -> tuple[int, ...]:
    """Return what changes when somebody writes to a file or puts another in its place."""
    if not is_store(path):
        return _version(os.stat(path))
    files = [(name, *_version(found)) for name, found in _entries(path)]
    digest = hashlib.blake2b(repr(files).encode("utf-8", "surrogateescape"), digest_size=16)
    return (int.from_bytes(digest.digest()),)


def _version(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def fingerprint(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """Return what tells one content of a file from another; never raises and never waits.

    Parameters
    ----------
    path : str or pathlib.Path
    limits : Limits
        More than its ``file_size`` is not read.

    Returns
    -------
    str
        32 hexadecimal digits (BLAKE2b), of a Zarr store over the names and digests of its files;
        ``size:`` and the bytes of a file or store that is too large; nothing for what is neither
        or cannot be read.

    Examples
    --------
    >>> fingerprint("/dev/null"), fingerprint("no/such/file")
    ('', '')
    """
    try:
        return _of_store(path, limits) if is_store(path) else _of_file(path, limits)
    except (OSError, ValueError):  # a NUL in the path is a ValueError
        return ""


def _of_file(path: str | Path, limits: Limits) -> str:
    if not stat.S_ISREG(os.stat(path).st_mode):
        return ""
    with open(path, "rb", buffering=0, opener=_without_waiting) as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode):
            return ""
        if found.st_size > limits.file_bytes:
            return f"size:{found.st_size}"
        digest = hashlib.blake2b(digest_size=16)
        left = found.st_size  # a file that grows meanwhile is not followed
        while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
        return digest.hexdigest()


def _of_store(store: str | Path, limits: Limits) -> str:
    """Return the fingerprint of a store: of the names of its files and what is in them."""
    entries = _entries(store)
    total = sum(found.st_size for _, found in entries)
    if total > limits.file_bytes:
        return f"size:{total}"
    digest = hashlib.blake2b(digest_size=16)
    for name, _ in entries:
        of_file = _of_file(os.path.join(store, name), limits)
        if not of_file:
            return ""
        digest.update(f"{name}\0{of_file}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
