"""The two decorators of this package, and a cache of machine code that notices every change.

numba keeps machine code beside the source (``__pycache__``) or, where that folder is read-only,
in the user's cache folder; where neither can be written, every process compiles anew. On its own
it looks only at the file that a function is in, though the machine code of a kernel contains that
of the functions it calls: here everything is compiled again when any file of this folder changes.
(`_cache` says what else it does not look at.)
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core import event

from pipeline.engines.compiled._cache import Cache

Function = TypeVar("Function", bound=Callable[..., Any])


def _fingerprint() -> bytes:
    """Return a digest of all sources of this folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


_SOURCES = _fingerprint()


#: Without Python's lock, dividing as numpy does, and not to be called from C, which nobody does.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def _cached(function: Function, options: dict[str, Any]) -> Function:
    dispatcher = njit(**options)(function)
    if hasattr(dispatcher, "_cache"):  # not with NUMBA_DISABLE_JIT, which debuggers want
        with suppress(RuntimeError):  # no folder for the cache
            dispatcher._cache = Cache(function, _SOURCES)
    return dispatcher


def compiled(function: Function) -> Function:
    """Compile a function of plain numbers and of one profile's slices, to be called by kernels.

    It takes no part in counting who holds an array, which costs more than the arithmetic of a
    level (an ascent takes half the time without). So it may neither make an array, which does not
    compile, nor hand one back, which would be freed under its caller's hands, nor have a kernel
    make one, which would never be freed.

    Examples
    --------
    >>> @compiled
    ... def kelvin(celsius: float) -> float:
    ...     return celsius + 273.15
    >>> kelvin(0.0)
    273.15
    """
    return _cached(function, _OPTIONS | {"_nrt": False})


def kernel(function: Function) -> Function:
    """Compile a function that makes arrays or hands them on: mostly, over all profiles of a block.

    It lets other threads run meanwhile, and keeps to one itself: whoever wants more gives each its
    own blocks, so that what a block's kernels hand to each other stays in one core's cache.
    (numba's own threads, ``parallel=True``, cost twice the time to compile, do not survive a fork,
    and do not take tuples in tuples.)
    """
    return _cached(function, _OPTIONS)


class _Announcement(event.Listener):
    """Says, when something begins to be compiled, that this takes its time."""

    def __init__(self) -> None:
        self.is_made = False

    def on_start(self, event: event.Event) -> None:
        if not self.is_made:
            self.is_made = True
            logging.getLogger("pipeline").warning(
                "the kernels of the compiled engine are being compiled, once for this machine and "
                "version; for all of them that takes half a minute"
            )

    def on_end(self, event: event.Event) -> None:
        pass


@contextmanager
def announced() -> Iterator[None]:
    """Log it if something is compiled in the block, for which there is no machine code yet."""
    with event.install_listener("numba:compile", _Announcement()):
        yield
