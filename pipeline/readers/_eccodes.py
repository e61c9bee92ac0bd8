"""ecCodes, of the extras ``bufr`` and ``grib``: loaded in one place, where it can do no harm.

Its wheels bring a PROJ of their own; loaded before pyproj's, it corrupts the memory of both. What
ecCodes has to complain of it writes to the terminal; here that goes into a file, and from there
into the problem of a message.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import tempfile
from typing import IO, Any

from pipeline.errors import ReadError


@functools.cache
def library(what: str = "BUFR", extra: str = "bufr") -> Any:
    """Return ecCodes, loaded after pyproj and silent.

    Parameters
    ----------
    what, extra : str
        What cannot be read without it, and the extra that brings it.

    Raises
    ------
    ReadError
        When it is not installed.
    """
    try:
        importlib.import_module("pyproj")  # first, see above
        import eccodes
    except (ImportError, RuntimeError) as error:  # RuntimeError: its library is not found
        raise ReadError(
            f"{what}, and ecCodes is not installed: pip install 'sounding-pipeline[{extra}]'"
        ) from error
    eccodes.codes_context_set_logging(_log())
    return eccodes


@functools.cache
def _log() -> IO[bytes]:
    """Return the file for complaints, open as long as the process: ecCodes holds on to it."""
    log = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115
    atexit.register(log.close)
    return log


def complaint() -> str:
    """Return what ecCodes complained of first since the last time, and forget it all."""
    _log().seek(0)
    lines = _log().read(1000).decode("latin-1").splitlines()
    _log().seek(0)
    _log().truncate()
    return lines[0].partition(":")[2].strip() if lines else ""
