"""The two decorators of this package, and a cache of machine code that notices every change.

numba keeps machine code beside the source (``__pycache__``) or, where that folder is read-only,
in the user's cache folder; where neither can be written, every process compiles anew. On its own
it looks only at the file that a function is in, though the machine code of a kernel contains that
of the functions it calls: here everything is compiled again when any file of this folder changes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def _fingerprint() -> bytes:
    """Return a digest of all sources of this folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


_SOURCES = _fingerprint()


def _cached(function: Function, **options: Any) -> Function:
    try:
        dispatcher = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache
        return njit(**options)(function)
    dispatcher._cache._cache_file._source_stamp = _SOURCES
    return dispatcher


def compiled(function: Function) -> Function:
    """Compile a function of plain numbers and of one profile's slices, to be called by kernels.

    Examples
    --------
    >>> @compiled
    ... def kelvin(celsius: float) -> float:
    ...     return celsius + 273.15
    >>> kelvin(0.0)
    273.15
    """
    return _cached(function, nogil=True, error_model="numpy")


def kernel(function: Function) -> Function:
    """Compile a function over all profiles of a block, which lets other threads run meanwhile.

    It keeps to one thread: whoever wants more gives each its own blocks, so that what a block's
    kernels hand to each other stays in one core's cache. (numba's own threads, ``parallel=True``,
    cost twice the time to compile, do not survive a fork, and do not take tuples in tuples.)
    """
    return _cached(function, nogil=True, error_model="numpy")


def announce(kernels: Iterable[Callable[..., Any]]) -> None:
    """Log that compiling will take its time, where machine code of some kernels is not there."""
    if not all(_is_compiled(each) for each in kernels if hasattr(each, "py_func")):
        logging.getLogger("pipeline").warning(
            "the kernels of the compiled engine are being compiled, once for this machine and "
            "version; it takes half a minute"
        )


def _is_compiled(dispatcher: Any) -> bool:
    """Return whether there is machine code, in memory or in the cache."""
    if dispatcher.signatures:
        return True
    try:
        return bool(dispatcher._cache._cache_file._load_index())
    except (AttributeError, OSError, ValueError):  # numba's own matter, or a damaged cache
        return False
