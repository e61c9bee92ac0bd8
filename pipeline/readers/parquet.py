"""Soundings in Parquet: tables of one row a level, as for `table`, or of decoded BUFR.

Columns are recognised by their names or named in the config, with the options of `table`
(``columns``, ``units``, ``missing``, ``time_format`` and what holds for the whole file). Units
stand in the name, in the column's metadata under ``units`` or ``unit``, or in the config; they are
never guessed. What decoders of BUFR write needs no options: columns named for its elements
(``WMO_BLOCK``, ``LAUNCH_YEAR``, ``PRESSURE``, ...), and in its units: Pa, K, m/s.

Source: https://parquet.apache.org; SHARPlib's decoded high-resolution BUFR. Needs pyarrow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, FloatArray, Profile
from pipeline.readers._parquet_layout import ELEMENTS, LAUNCH, STATION, Layout, find_layout
from pipeline.readers._quantities import PLACE_UNITS, UNITS, build, convert
from pipeline.readers._riding import drifted, riding
from pipeline.readers._table_options import ROLE_UNITS, TableOptions, parse, to_time
from pipeline.readers._text import shorten
from pipeline.readers.limits import (
    MEGABYTE,
    MOST_SOUNDINGS,
    current,
    refuse_levels,
    refuse_soundings,
)
from pipeline.readers.refusals import NearMiss

NAME = "parquet"
DESCRIPTION = "Parquet: tables with the options of `table`, or decoded BUFR (extra: parquet)"

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
BATCH_ROWS = 65536
#: Options of `table` that say how a text is laid out.
TEXT_OPTIONS = ("delimiter", "header", "first_line", "comment")

BUFR_NOTE = "columns are named for elements of BUFR, and taken to be in its units"

_ASKED_FOR = re.compile(r"size (\d+)")


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if it is Parquet, otherwise that it is not; what it holds is not looked at.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    path : Path
        Not opened.

    Returns
    -------
    str or None

    Examples
    --------
    >>> sniff(b"PAR1", Path("a.pq")) is None
    True
    """
    if head.startswith(ENCRYPTED):
        return NearMiss("encrypted Parquet: decrypt it first")
    return None if head.startswith(MAGIC) else "does not begin with PAR1"


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ReadError, with every problem found, where these options make no sense."""
    _settings(options)


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield a file's soundings; each change of station or time starts another.

    Parameters
    ----------
    path : Path
    options : mapping
        As of `table`, without those that say how a text is laid out.

    Yields
    ------
    Profile
        In the project's units; levels in the file's order. One whose time cannot be read has its
        ``problem`` said.

    Raises
    ------
    ReadError
        When pyarrow is not installed, the file is damaged, or it lacks what is needed.

    Examples
    --------
    >>> options = {"units": {"pressure": "hPa", "temperature": "degC"}, "station_id": "06610"}
    >>> profiles = list(read(Path("tower.parquet"), options))  # doctest: +SKIP
    """
    settings = _settings(options)
    with _told():
        file = _opened(path)
        layout = find_layout(file.schema_arrow, settings)
        _refuse_size(file, layout)
        starts = _starts(file, layout)
    for table in _soundings(file, layout, starts):
        yield _profile(table, layout, settings)


def _settings(options: Mapping[str, Any]) -> TableOptions:
    for name in TEXT_OPTIONS:
        if name in options:
            raise ReadError(f"options: {name}: is for text; Parquet says itself how it is laid out")
    return parse(options)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what pyarrow raises into ReadError."""
    try:
        import pyarrow
    except ImportError as error:
        raise ReadError(
            "Parquet needs pyarrow: pip install 'sounding-pipeline[parquet]'"
        ) from error
    try:
        yield
    except pyarrow.ArrowMemoryError as error:
        asked = _ASKED_FOR.search(str(error))
        if asked and int(asked[1]) > current().unpacked_bytes:  # no lack of memory, but damage
            raise ReadError(f"the Parquet file is damaged: {error}") from error
        raise
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        text = shorten(" ".join(str(error).split()), 200)
        raise ReadError(f"the Parquet file is damaged or cut short: {text}") from error


def _opened(path: Path) -> Any:
    from pyarrow.parquet import ParquetFile

    return ParquetFile(str(path), page_checksum_verification=True)


def _refuse_size(file: Any, layout: Layout) -> None:
    """Raise ReadError for columns that unpack to more than a file may."""
    groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
    wanted = set(layout.wanted())
    total = sum(
        chunk.total_uncompressed_size
        for group in groups
        for chunk in (group.column(index) for index in range(group.num_columns))
        if chunk.path_in_schema in wanted
    )
    if total > current().unpacked_bytes:
        raise ReadError(
            f"unpacks to {total / MEGABYTE:.0f} MB where a file may unpack to "
            f"{current().unpacked_size:g} MB (limits: unpacked_size in the config)"
        )


def _batches(file: Any, names: Sequence[str]) -> Iterator[Any]:
    return iter(file.iter_batches(BATCH_ROWS, columns=list(names), use_threads=False))


def _starts(file: Any, layout: Layout) -> list[int]:
    """Return the row in which each sounding starts; a blank means as before."""
    starts, rows = [0], 0
    before: dict[str, Any] = dict.fromkeys(layout.keys)
    for batch in _batches(file, layout.keys) if layout.keys else ():
        changes = np.zeros(batch.num_rows, dtype=bool)
        for key in layout.keys if batch.num_rows else ():
            values = _filled(batch.column(key), before[key])
            changes[1:] |= values[1:] != values[:-1]
            changes[0] |= rows > 0 and values[0] != before[key]
            before[key] = values[-1]
        starts += (np.flatnonzero(changes) + rows).tolist()
        rows += batch.num_rows
        if len(starts) > MOST_SOUNDINGS:
            break
    alone = int((np.diff([*starts, rows]) == 1).sum())
    if len(starts) > 1 and 2 * alone > len(starts) and "time" in layout.columns:
        name = layout.name("time")
        raise ReadError(
            f"{name!r} changes from row to row, which would make a sounding of each level; if it "
            f"is the time of each level, say so: options: {{columns: {{level_time: {name}, ...}}}}"
        )
    refuse_soundings(len(starts))
    return starts


def _filled(column: Any, before: Any) -> Any:
    """Return a column's values, the ones before in place of blanks."""
    known = ~np.asarray(column.is_null(nan_is_null=True))
    values = np.concatenate([[None], _objects(column)])
    values[0] = before
    return values[np.maximum.accumulate(np.where(known, np.arange(1, len(values)), 0))]


def _objects(column: Any) -> Any:
    """Return a column's values as numpy's or Python's own, times in UTC."""
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values = column.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "M":
        values = values.astype("datetime64[s]").astype(object)
    return values.astype(object)


def _soundings(file: Any, layout: Layout, starts: Sequence[int]) -> Iterator[Any]:
    """Yield the rows of each sounding as a table of pyarrow."""
    import pyarrow

    ends = iter(starts[1:])
    end, first, at = next(ends, None), 0, 0
    pieces: list[Any] = []
    batches = _batches(file, layout.wanted())
    while True:
        with _told():
            batch = next(batches, None)
        if batch is None:
            break
        while end is not None and end < at + batch.num_rows:
            yield pyarrow.Table.from_batches([*pieces, batch.slice(0, end - at)])
            batch, pieces = batch.slice(end - at), []
            at = first = end
            end = next(ends, None)
        pieces.append(batch)
        at += batch.num_rows
        refuse_levels(at - first, f"row {first + 1}: ")
    if at > first:
        yield pyarrow.Table.from_batches(pieces)


def _profile(table: Any, layout: Layout, settings: TableOptions) -> Profile:
    """Build one sounding out of its rows, or say in its `problem` what is wrong."""
    said = dict(settings.facts)
    facts: dict[str, Any] = {}
    notes = (BUFR_NOTE,) if layout.is_bufr else ()
    try:
        with _told():
            facts = _bufr_facts(table, layout) if layout.is_bufr else _facts(table, layout)
            facts |= {"time": _time(facts["time"], settings)} if "time" in facts else {}
            numbers = {
                role: _numbers(table.column(layout.name(role)), str(column.units), role, settings)
                for role, column in layout.columns.items()
                if role in ROLE_UNITS or role in ELEMENTS
            }
    except ReadError as error:
        facts.pop("time", None)
        return Profile(problem=str(error), **(facts | said))
    for role in PLACE_UNITS:
        if role in numbers:
            known = numbers[role][np.isfinite(numbers[role])]
            facts[role] = float(known[0]) if len(known) else np.nan
    steps = {
        name: numbers[f"drift_{name}"]
        for name in ("latitude", "longitude")
        if f"drift_{name}" in numbers and name in facts
    }
    quantities = {role: numbers[role] for role in UNITS if role in numbers}
    return build(quantities, notes, riding(drifted(facts, steps)), **(facts | said))


def _numbers(values: Any, units: str, role: str, settings: TableOptions) -> FloatArray:
    """Return a column's numbers in the project's units, NaN for what means missing."""
    from pyarrow import float64, types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    found = np.array(values.cast(float64(), safe=False).to_numpy(), dtype=np.float64)
    found[~np.isfinite(found) | np.isin(found, list(settings.missing_numbers))] = np.nan
    return convert(found, units, ROLE_UNITS.get(role, "degree"))


def _facts(table: Any, layout: Layout) -> dict[str, Any]:
    """Return station and time of a table, the time as the file has it."""
    facts: dict[str, Any] = {}
    for role in ("station_id", "station_name"):
        if role in layout.columns:
            facts[role] = _text(_first(table, layout, role))
    for role in ("time", "level_time"):
        if role in layout.columns and "time" not in facts:
            facts["time"] = _first(table, layout, role)
    return facts


def _first(table: Any, layout: Layout, role: str) -> Any:
    """Return the first value of a column that is not blank, None where there is none."""
    column = table.column(layout.name(role)).drop_null()
    return _objects(column.slice(0, 1).combine_chunks())[0] if len(column) else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1").strip()
    if isinstance(value, float) and value.is_integer():  # numbers beside blanks, in pandas
        value = int(value)
    return "" if value is None else str(value).strip()


def _time(value: Any, settings: TableOptions) -> np.datetime64:
    if value is None or _text(value).lower() in settings.missing_texts:
        return NOT_A_TIME
    try:
        return to_time(value if isinstance(value, date) else _text(value), settings.time_format)
    except (ValueError, OverflowError) as error:
        expected = settings.time_format or "ISO 8601, such as 1999-05-03T23:00"
        raise ReadError(
            f"{shorten(_text(value))!r} is no time ({expected}); say how it is written with "
            "time_format"
        ) from error


def _bufr_facts(table: Any, layout: Layout) -> dict[str, Any]:
    """Return station and time of decoded BUFR, as fields of a profile."""
    found = {key: _whole(table.column(key)[0].as_py()) for key in layout.keys}
    block, number = (found[key] for key in STATION)
    is_known = block is not None and number is not None and 0 <= block < 100 and 0 <= number < 1000
    station = f"{block:02d}{number:03d}" if is_known else ""
    launch: list[Any] = [found[key] for key in LAUNCH[:4]]
    launch += [found.get(key) or 0 for key in LAUNCH[4:]]
    try:
        return {"station_id": station, "time": datetime(*launch)}
    except (TypeError, ValueError, OverflowError):
        return {"station_id": station, "time": None}


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
