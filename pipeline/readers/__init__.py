"""Reading any known format into profiles: one module a format, and picking the right one.

A reader is a module (or any object) with

``NAME``
    what a config says, for example ``igra2``;
``DESCRIPTION``
    one line for ``python -m pipeline formats``;
``sniff(head, path)``
    ``None`` if the file is of this format, otherwise, in a few words, why it is not.
    `head` is the first 64 KiB; `path` may be opened where they say too little (netCDF, zip).
    A reason that says what is amiss with a file of this kind is a :class:`NearMiss`, and told
    first. Must not raise;
``read(path, options)``
    the file's soundings as :class:`~pipeline.profiles.Profile`, one by one, in the file's order.
    Raises :class:`~pipeline.errors.ReadError` where the file as a whole makes no sense; one bad
    sounding among good ones is a profile with its ``problem`` said.
``check_options(options)``
    if it takes any: raises :class:`~pipeline.errors.ReadError` for options that make no sense, so
    that a config with them is refused before the run.

An installed package adds its own through the entry-point group ``pipeline.readers``.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
import math
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from pipeline.errors import ConfigError, PipelineError, ReadError
from pipeline.flags import SourceStatus
from pipeline.profiles import Profile, SourceRow
from pipeline.readers import _files as files
from pipeline.readers._files import fingerprint as fingerprint
from pipeline.readers.limits import DEFAULT_LIMITS, Limits, current, in_force, refuse_soundings
from pipeline.readers.refusals import NearMiss as NearMiss
from pipeline.readers.refusals import explain

HEAD_BYTES = 65536
#: m, below the Dead Sea and above Everest.
LOWEST_GROUND, HIGHEST_GROUND = -500.0, 9000.0
#: degrees, by which decoders miss a pole: ecCodes has the South Pole at -90.00000000000001.
AT_A_POLE = 1e-6
ENTRY_POINT_GROUP = "pipeline.readers"
BUILT_IN = (
    "spc_raw",
    "igra2",
    "wyoming_text",
    "wyoming_html",
    "wyoming_csv",
    "eol_cls",
    "avaps",
    "aspen_netcdf",
    "mw41_netcdf",
    "gruan_netcdf",
    "bufkit",
    "gsd_text",
    "gempak",
    "iem_json",
    "parquet",
    "bufr",
    "model_columns",
    "profile_netcdf",
    "table",
)


class Reader(Protocol):
    """What a reader module offers."""

    NAME: str
    DESCRIPTION: str

    def sniff(self, head: bytes, path: Path) -> str | None:
        """Return None if the file is of this format, otherwise why it is not."""

    def read(self, path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
        """Yield the file's soundings."""


@dataclass(slots=True, kw_only=True)
class ReadSource:
    """What reading an input file gave: its row of the source table, and its soundings."""

    row: SourceRow
    profiles: list[Profile] = field(default_factory=list)


def names() -> tuple[str, ...]:
    """Return the names of all readers, built-in ones first, in the order they are tried."""
    return (*BUILT_IN, *_third_party())


@functools.cache
def _third_party() -> dict[str, importlib.metadata.EntryPoint]:
    """Return the readers of installed packages; none can take the name of a built-in one."""
    points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: point for point in points if point.name not in BUILT_IN}


def get(name: str) -> Reader:
    """Return the reader of that name.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    Reader

    Raises
    ------
    ConfigError
        When there is no reader of that name; says the nearest one.
    ReadError
        When there is, and it cannot be loaded.

    Examples
    --------
    >>> get("igra2").NAME
    'igra2'
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise ConfigError([f"format {name!r}: no such reader{hint} (known: {', '.join(names())})"])
    try:
        if name in BUILT_IN:
            return cast(Reader, importlib.import_module(f"{__name__}.{name}"))
        return cast(Reader, _third_party()[name].load())
    except MemoryError:
        raise
    except Exception as error:  # a reader that cannot be loaded must not stop the others
        raise ReadError(f"the reader {name} cannot be loaded: {_describe(error)}") from error


def pick(path: str | Path) -> Reader:
    """Return the first reader that knows a file by its content.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    Reader

    Raises
    ------
    ReadError
        When the file cannot be opened, is empty, or no reader knows it: then each one tried is
        named, with the reason why it declined.
    """
    return _pick(Path(path), _head(Path(path)))


def _pick(path: Path, head: bytes) -> Reader:
    declined = {}
    for name in names():
        reason = _reason_to_decline(name, head, path)
        if reason is None:
            return get(name)
        declined[name] = reason
    raise ReadError(explain(declined, head))


def _head(path: Path) -> bytes:
    """Return the first bytes of a file that can be read and is not too large."""
    with files.opened(path, current()) as stream:
        return stream.read(HEAD_BYTES)


def _reason_to_decline(name: str, head: bytes, path: Path) -> str | None:
    try:
        return get(name).sniff(head, path)
    except PipelineError as error:
        return str(error)
    except MemoryError:
        raise
    except Exception as error:  # whatever a reader of others does, the rest are still asked
        return f"its sniff failed with {_describe(error)}"


def read_source(
    path: str,
    format: str = "auto",
    options: Mapping[str, Any] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    fingerprint: str | None = None,
) -> ReadSource:
    """Read an input file, whatever it holds: never raises for what is in a file.

    Parameters
    ----------
    path : str
    format : str
        The name of a reader, or ``auto`` to pick one by content.
    options : mapping, optional
        For the reader, from the config.
    limits : Limits
        How large the file, and what it unpacks to, may be.
    fingerprint : str, optional
        Of the file, where it is known already.

    Returns
    -------
    ReadSource
        The row of the source table, which says what became of the file and why, and the soundings
        in the file's order. Where a file breaks off, those before stay; the row tells.

    Raises
    ------
    MemoryError
        When the memory of this process is used up: that is for its executor to judge.

    Examples
    --------
    >>> read_source("no/such/file").row.message
    'cannot be read: No such file or directory'
    """
    source = ReadSource(row=SourceRow(path=str(path)))
    try:
        with in_force(limits):
            _read_into(source, Path(path), format, options or {}, fingerprint)
    except MemoryError:
        raise
    except PipelineError as error:
        _fail(source, SourceStatus.UNREADABLE, str(error))
    except OSError as error:
        _fail(source, SourceStatus.UNREADABLE, f"cannot be read: {error.strerror or error}")
        # Nobody has seen its content: a moment later, or the next night, it may be readable.
        source.row.fingerprint = ""
    except Exception as error:  # an error of a reader's author costs its file, not the run
        message = f"the reader failed with {_describe(error)}; please report this"
        _fail(source, SourceStatus.QUARANTINED, message)
    source.row.profiles = len(source.profiles)
    return source


def _read_into(
    source: ReadSource,
    path: Path,
    format: str,
    options: Mapping[str, Any],
    known_fingerprint: str | None,
) -> None:
    """Fill in a source as far as it can be read."""
    before = files.version(path)
    source.row.fingerprint = (
        fingerprint(path, current()) if known_fingerprint is None else known_fingerprint
    )
    head = _head(path)
    reader = _pick(path, head) if format == "auto" else get(format)
    source.row.reader = reader.NAME
    for profile in reader.read(path, options):
        if not isinstance(profile, Profile):
            raise TypeError(f"it gave a {type(profile).__name__} where a Profile is expected")
        refuse_soundings(len(source.profiles) + 1)
        source.profiles.append(_on_earth(profile))
    _tell(source)
    if files.version(path) != before:
        # Without a fingerprint the next run reads it again, whatever it has become by then.
        source.row.fingerprint = ""
        raise ReadError("the file changed while it was read; the next run reads it again")


def _on_earth(profile: Profile) -> Profile:
    """Return a profile, east from -180 to 180, without a position or altitude that no place has."""
    if 0 < abs(profile.latitude) - 90 < AT_A_POLE:
        profile.latitude = math.copysign(90.0, profile.latitude)
    position, altitude = (profile.latitude, profile.longitude), profile.surface_altitude
    if abs(position[0]) > 90 or abs(position[1]) > 360:
        profile.latitude = profile.longitude = math.nan
        profile.notes += (f"{position[0]:g}, {position[1]:g} is not a position",)
    elif abs(profile.longitude) > 180:
        profile.longitude -= math.copysign(360.0, profile.longitude)
    if not LOWEST_GROUND <= altitude <= HIGHEST_GROUND and not math.isnan(altitude):
        profile.surface_altitude = math.nan
        profile.notes += (f"{altitude:g} m is not the altitude of a place",)
    return profile


def _tell(source: ReadSource) -> None:
    """Say in the row of a source that was read whole what was in it."""
    if not source.profiles:
        source.row.status = SourceStatus.EMPTY
        source.row.message = f"a file of the format {source.row.reader} without a sounding in it"
        return
    problems = [profile.problem for profile in source.profiles if profile.problem]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        source.row.message = (
            f"{len(problems)} of {len(source.profiles)} soundings could not be read: "
            f"{problems[0]}{more}"
        )


def _fail(source: ReadSource, status: SourceStatus, message: str) -> None:
    count = len(source.profiles)
    after = f" (after {count} sounding{'s' if count > 1 else ''})" if count else ""
    source.row.status = status
    source.row.message = message + after


def _describe(error: Exception) -> str:
    """Return type, message and place of an error: the innermost line of the reader's module."""
    frames = traceback.extract_tb(error.__traceback__)
    others = [frame for frame in frames if frame.filename != __file__]
    inner = [frame for frame in others if frame.filename == others[0].filename]
    place = f" ({Path(inner[-1].filename).name}, line {inner[-1].lineno})" if inner else ""
    return f"{type(error).__name__}: {error}{place}"
