"""Files that are replaced whole or not at all; what to do about a disk that is full or closed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import DiskError, PipelineError

#: There is no room: on the disk, in a quota, or for so large a file.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: Nobody, or not this user, may write there.
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def clear_errors(path: Path, needed: int = 0, *, unusable: str = "") -> Iterator[None]:
    """Turn errors of the file system into what a user can do about them.

    Parameters
    ----------
    path : pathlib.Path
        The file that the block writes.
    needed : int
        How many bytes it may take, where that is known.
    unusable : str
        What to advise where anything but room is lacking. Without it only a disk that may not be
        written to is the disk's fault.

    Raises
    ------
    DiskError
        When the disk is full, or may not be written to.
    PipelineError
        When it fails otherwise.

    Examples
    --------
    >>> with clear_errors(Path("season.nc")):
    ...     raise PermissionError(errno.EACCES, "Permission denied")
    Traceback (most recent call last):
    pipeline.errors.DiskError: season.nc: cannot be written: Permission denied; choose another \
folder or get the right to write to this one; what was there before is untouched
    """
    try:
        yield
    except OSError as error:
        kind: type[PipelineError] = PipelineError
        advice = ["what was there before is untouched"]
        if error.errno in FULL:
            kind = DiskError
            amount = f" for up to {needed} bytes" if needed else ""
            advice.insert(0, f"make room{amount}{_free(path.parent)}")
        elif unusable or error.errno in CLOSED:
            kind = DiskError
            otherwise = "choose another folder or get the right to write to this one"
            advice.insert(0, unusable or otherwise)
        reason = error.strerror or str(error)
        raise kind(f"{path}: cannot be written: {reason}; {'; '.join(advice)}") from error


@contextmanager
def replacing(path: str | os.PathLike[str], needed: int = 0) -> Iterator[Path]:
    """Yield a path to write to; what is there takes the place of a file when the block ends well.

    Parameters
    ----------
    path : path
        Where to; folders are made. An existing file is replaced whole, also while others have it
        open; where it is a link, the file behind it is.
    needed : int
        How many bytes it may take, where that is known.

    Raises
    ------
    PipelineError
        When the file cannot be written; what was there before is untouched.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    with clear_errors(target, needed):
        if target.exists() and not (target.is_file() or target.is_dir()):
            raise PipelineError(f"{target}: is a device or a pipe, not a file; name a file")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            make_durable(temporary)
            os.replace(temporary, target)
            make_durable(target.parent)
        finally:
            _discard(temporary)


def make_durable(path: Path) -> None:
    """Have a file or folder on the disk itself before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # Not every file system can.
            raise
    finally:
        os.close(descriptor)


def _discard(path: Path) -> None:
    """Remove a half-written file, if there is one, and free its room.

    The library may still have it open after an error: to remove its name alone frees nothing.
    """
    with suppress(FileNotFoundError):
        os.truncate(path, 0)
        path.unlink()


def _free(folder: Path) -> str:
    """Say how much room there is, where that can be known."""
    try:
        return f" ({shutil.disk_usage(folder).free} bytes are free in {folder})"
    except OSError:
        return ""
