"""Decoding a BUFR message by ecCodes (extra ``bufr``): values, descriptors, texts and the time.

ecCodes writes what it has to complain of to the terminal; here it goes into a file of its own, and
from there into the problem of the message.
"""

from __future__ import annotations

import functools
import importlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, FloatArray
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
        is NaN. That of a text is its place in `texts`, from 1, times a thousand and more.
    texts : tuple of str
    problem : str
        Why it could not be decoded, else empty.
    """

    time: np.datetime64 = NOT_A_TIME
    descriptors: tuple[int, ...] = ()
    values: FloatArray = field(default_factory=_no_values)
    texts: tuple[str, ...] = ()
    problem: str = ""


@functools.cache
def library() -> Any:
    """Return ecCodes, which does not write to the terminal any more.

    Raises
    ------
    ReadError
        When it is not installed.
    """
    try:
        # ecCodes brings a PROJ of its own; loaded before pyproj's, it corrupts the memory of both.
        importlib.import_module("pyproj")
        import eccodes
    except (ImportError, RuntimeError) as error:  # RuntimeError: its library is not found
        raise ReadError(
            "BUFR, and ecCodes is not installed: pip install 'sounding-pipeline[bufr]'"
        ) from error
    eccodes.codes_context_set_logging(_log())
    return eccodes


@functools.cache
def _log() -> IO[bytes]:
    """Return the file for complaints, open as long as the process: ecCodes holds on to it."""
    return tempfile.TemporaryFile("w+b", buffering=0)


def _complaint() -> str:
    """Return what ecCodes complained of first since the last time, and forget it all."""
    _log().seek(0)
    lines = _log().read(1000).decode("latin-1").splitlines()
    _log().seek(0)
    _log().truncate()
    return lines[0].partition(":")[2].strip() if lines else ""


def decode(content: bytes) -> Decoded:
    """Return what is in a message, or why it cannot be decoded.

    Parameters
    ----------
    content : bytes
        From ``BUFR`` to ``7777``.

    Raises
    ------
    ReadError
        When ecCodes is not installed.
    """
    eccodes, decoded, handle = library(), Decoded(), None
    _complaint()
    try:
        handle = eccodes.codes_new_from_message(content)
        decoded.time = _time_in_head(eccodes, handle)
        eccodes.codes_set(handle, "unpack", 1)
        values = eccodes.codes_get_array(handle, "numericValues")
        decoded.values = np.where(values < _MISSING, np.nan, values)
        decoded.descriptors = tuple(eccodes.codes_get_array(handle, "expandedDescriptors").tolist())
        decoded.texts = tuple(eccodes.codes_get_string_array(handle, "stringValues"))
    except MemoryError:
        raise
    except Exception as error:  # ecCodes raises all kinds for damage
        why = _complaint() or f"{type(error).__name__}: {error}"
        decoded.problem = f"ecCodes cannot decode it: {shorten(why, 200)}"
    finally:
        if handle is not None:
            eccodes.codes_release(handle)
    return decoded


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
