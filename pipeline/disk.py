"""What a user can do about a disk that is full or may not be written to."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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


def _free(folder: Path) -> str:
    """Say how much room there is, where that can be known."""
    try:
        return f" ({shutil.disk_usage(folder).free} bytes are free in {folder})"
    except OSError:
        return ""
