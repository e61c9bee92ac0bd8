"""How much of a source is taken in before it is refused, and the limits in force just now.

Readers ask `current` for what holds while a source is read; outside of that the defaults do. The
numbers are those of ``limits:`` in a config, where each is explained.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from pipeline.errors import ReadError

MEGABYTE = 1_000_000

#: Most soundings in a file: the longest records of a station have half as many.
MOST_SOUNDINGS = 250_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How large a source may be.

    Parameters
    ----------
    file_size : float
        Largest file that is opened, MB.
    unpacked_size : float
        Most that an archive may unpack to, MB.
    unpacked_ratio : float
        Most that an archive may grow when unpacked, times.
    members : int
        Most files in an archive.
    levels : int
        Most levels of one sounding.
    line_length : int
        Longest line of a text file, bytes.
    """

    file_size: float = 4000.0
    unpacked_size: float = 4000.0
    unpacked_ratio: float = 200.0
    members: int = 1000
    levels: int = 1_000_000
    line_length: int = 1_000_000

    @property
    def file_bytes(self) -> int:
        """Largest file that is opened, bytes."""
        return int(self.file_size * MEGABYTE)

    @property
    def unpacked_bytes(self) -> int:
        """Most that an archive may unpack to, bytes."""
        return int(self.unpacked_size * MEGABYTE)


DEFAULT_LIMITS = Limits()
_CURRENT: ContextVar[Limits] = ContextVar("limits", default=DEFAULT_LIMITS)


def current() -> Limits:
    """Return the limits in force: those of the source that is being read, else the defaults.

    Examples
    --------
    >>> current().levels
    1000000
    """
    return _CURRENT.get()


@contextmanager
def in_force(limits: Limits) -> Iterator[None]:
    """Put limits in force within the block.

    Examples
    --------
    >>> with in_force(Limits(levels=7)):
    ...     current().levels
    7
    """
    token = _CURRENT.set(limits)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def refuse_levels(count: int, where: str = "") -> None:
    """Raise ReadError for more levels than one sounding may have.

    Parameters
    ----------
    count : int
    where : str
        Begins the message, for example ``line 17: ``.

    Examples
    --------
    >>> refuse_levels(6000)
    """
    most = current().levels
    if count > most:
        raise ReadError(
            f"{where}more than {most} levels in one sounding (limits: levels in the config)"
        )


def refuse_soundings(count: int) -> None:
    """Raise ReadError for more soundings than one file may have.

    Examples
    --------
    >>> refuse_soundings(340)
    """
    if count > MOST_SOUNDINGS:
        raise ReadError(f"more than {MOST_SOUNDINGS} soundings in one file; split it")
