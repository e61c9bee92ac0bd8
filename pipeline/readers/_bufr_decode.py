"""Decoding a BUFR message by ecCodes (extra ``bufr``): values, descriptors, texts, the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from pipeline.profiles import NOT_A_TIME, FloatArray
from pipeline.readers._eccodes import complaint, library
from pipeline.readers._text import shorten

#: Below it, a value of ecCodes is missing.
_MISSING = -1e99


def _no_values() -> FloatArray:
    return np.empty(0)


@dataclass(slots=True, kw_only=True)
class Decoded:
    """A message as ecCodes gives it.

    Parameters
    ----------
    time : numpy.datetime64
        In the head of the message.
    descriptors : tuple of int
        Elements, replications and operators, all sequences expanded.
    values : numpy.ndarray
        One for each descriptor, replicated ones as often as they come, subset by subset; missing
        is NaN. That of a text says where :meth:`text` finds it.
    problem : str
        Why it could not be decoded, else empty.
    handle : int
        By which ecCodes knows the message.
    """

    time: np.datetime64 = NOT_A_TIME
    descriptors: tuple[int, ...] = ()
    values: FloatArray = field(default_factory=_no_values)
    problem: str = ""
    handle: int = 0
    _texts: tuple[str, ...] | None = None

    def text(self, value: float) -> str:
        """Return a text by its value: a thousand times its place among the texts, from 1."""
        if self._texts is None:
            self._texts = _texts(self.handle)
        place = 0 if np.isnan(value) else int(value) // 1000
        text = self._texts[place - 1] if 0 < place <= len(self._texts) else ""
        return " ".join("".join(one for one in text if one.isprintable()).split())


@contextmanager
def decoded(content: bytes) -> Iterator[Decoded]:
    """Give what is in a message, or why it cannot be decoded, within the block.

    Parameters
    ----------
    content : bytes
        From ``BUFR`` to ``7777``.

    Raises
    ------
    ReadError
        When ecCodes is not installed.
    """
    eccodes, message = library(), Decoded()
    complaint()
    try:
        _decode(eccodes, content, message)
        yield message
    finally:
        if message.handle:
            eccodes.codes_release(message.handle)


def _decode(eccodes: Any, content: bytes, message: Decoded) -> None:
    try:
        message.handle = handle = eccodes.codes_new_from_message(content)
        message.time = _time_in_head(eccodes, handle)
        eccodes.codes_set(handle, "skipExtraKeyAttributes", 1)  # names, units: it saves time
        eccodes.codes_set(handle, "unpack", 1)
        values = eccodes.codes_get_array(handle, "numericValues")
        message.values = np.where(values < _MISSING, np.nan, values)
        message.descriptors = tuple(eccodes.codes_get_array(handle, "expandedDescriptors").tolist())
    except MemoryError:
        raise
    except Exception as error:  # ecCodes raises all kinds for damage
        why = complaint() or f"{type(error).__name__}: {error}"
        message.problem = f"ecCodes cannot decode it: {shorten(why, 200)}"


def _texts(handle: int) -> tuple[str, ...]:
    """Return a message's texts; ecCodes takes long over it, and few messages need it."""
    eccodes = library()
    try:
        return tuple(eccodes.codes_get_string_array(handle, "stringValues"))
    except (eccodes.CodesInternalError, UnicodeDecodeError):  # damage
        return ()


def _time_in_head(eccodes: Any, handle: int) -> np.datetime64:
    date, clock = (int(eccodes.codes_get(handle, f"typical{one}")) for one in ("Date", "Time"))
    numbers = (date // 10000, date // 100 % 100, date % 100)
    return time_of([*numbers, clock // 10000, clock // 100 % 100, clock % 100])


def time_of(numbers: Sequence[float]) -> np.datetime64:
    """Return the time of year, month, day, hour, minute and second; NaT where it is none.

    Examples
    --------
    >>> time_of([2016, 4, 3, 23, 15, 38]), time_of([2016, 4, np.nan, 23, 15, 38])
    (np.datetime64('2016-04-03T23:15:38'), np.datetime64('NaT','s'))
    """
    try:
        year, month, day, hour, minute, second = (int(number) for number in numbers)
        return np.datetime64(datetime(year, month, day, hour, minute, second), "s")
    except (ValueError, OverflowError):  # missing, or not in the calendar
        return NOT_A_TIME
