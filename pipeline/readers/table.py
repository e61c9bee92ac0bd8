"""Soundings in tables: CSV or white space, with columns, units and missing values as told.

What a table means stands in the config, or in its header where that names known quantities with
their units: ``pressure (hPa)``, ``temperature [K]``, ``wind_speed_m/s``. Units are never guessed.

Example of a config::

    input:
      - path: tower/*.txt
        format: table
        options:
          columns: {pressure: PRES, temperature: TEMP, dewpoint: DWPT, height: HGHT,
                    wind_speed: SKNT, wind_direction: DRCT}
          units: {pressure: hPa, temperature: degC, dewpoint: degC, height: m, wind_speed: knot}
          missing: [-9999]
          station_id: "06610"
          time: 1999-05-03T23:00
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, FloatArray, Profile
from pipeline.readers._quantities import PLACE_UNITS, UNITS, build, convert
from pipeline.readers._table_layout import (
    Column,
    Table,
    find_delimiter,
    find_table,
    is_content,
    lacks_units,
    recognised,
    split,
    split_lines,
)
from pipeline.readers._table_options import ROLE_UNITS, TableOptions, parse, to_time
from pipeline.readers._text import decode, lines, shorten
from pipeline.readers.limits import refuse_levels
from pipeline.readers.refusals import NearMiss

NAME = "table"
DESCRIPTION = "CSV or white space, with columns and units named in the config or in the header"

WYOMING_HEADER = "time,longitude,latitude,pressure_hPa,geopotential height_m"

Row = tuple[int, list[str]]


def sniff(head: bytes, path: Path) -> str | None:
    """Return None for a CSV whose header names known quantities with their units, or why not.

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
    >>> sniff(b"pressure (hPa),temperature (K)", Path("a.csv")) is None
    True
    >>> sniff(b"station,elevation", Path("a.csv"))
    'its first line names no columns of pressure and temperature'
    """
    if b"\0" in head:
        return "not text"
    header = next((line for line in decode(head).split("\n") if is_content(line, "#")), "")
    if header.startswith(WYOMING_HEADER):
        return "the University of Wyoming's CSV, which wyoming_csv reads"
    delimiter = find_delimiter(header)
    if not delimiter:
        return "its first line is no CSV header"
    try:
        fields = split(header, delimiter)
    except ReadError as error:
        return f"its first line is no header: {error}"
    try:
        columns = recognised(fields)
    except ReadError as error:
        return str(error)
    if not {"pressure", "temperature"} <= columns.keys():
        return "its first line names no columns of pressure and temperature"
    unstated = [role for role, column in columns.items() if lacks_units(role, column)]
    if unstated:
        return NearMiss(
            f"its first line names columns, but not the units of {', '.join(unstated)}; state them "
            f"in the config: format: table, options: {{units: {{{unstated[0]}: ...}}}}"
        )
    return None


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ReadError, with every problem found, where these options make no sense."""
    parse(options)


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield a table's soundings; each change of station or time starts another.

    Parameters
    ----------
    path : Path
    options : mapping
        See :class:`pipeline.readers._table_options.TableOptions`; besides, what is the same for
        the whole file: ``station_id``, ``station_name``, ``time``, ``latitude``, ``longitude``
        (degrees) and ``surface_altitude`` (m). A column ``level_time`` holds the time of each
        level, of which the first is the sounding's; it starts no other sounding.

    Yields
    ------
    Profile
        In the project's units; levels in the file's order. One with a row that cannot be read
        has no levels, and says which row.

    Raises
    ------
    ReadError
        When options and file do not fit each other.

    Examples
    --------
    >>> options = {"units": {"pressure": "hPa", "temperature": "degC"}, "station_id": "06610"}
    >>> profiles = list(read(Path("tower.csv"), options))  # doctest: +SKIP
    """
    settings = parse(options)
    table = find_table(lines(path), settings)
    if "time" in table.columns:
        _refuse_level_times(_soundings(_rows(path, table, settings), table), table)
    for sounding in _soundings(_rows(path, table, settings), table):
        yield _profile(sounding, table, settings)


def _rows(path: Path, table: Table, settings: TableOptions) -> Iterator[Row]:
    """Yield the number of each line with data, and its fields."""
    data = (
        line if is_content(line, settings.comment) else ""
        for line in islice(lines(path), table.first_line - 1, None)
    )
    for number, fields in split_lines(data, table.delimiter, table.first_line):
        if any(fields):
            yield number, fields


def _soundings(rows: Iterator[Row], table: Table) -> Iterator[list[Row]]:
    """Yield rows by sounding: a change of station or time starts another.

    A blank, or a row too short to have the field, means as before.
    """
    places = [table.columns[role].index for role in ("station_id", "time") if role in table.columns]
    sounding: list[Row] = []
    key: list[str] = []
    for row in rows:
        found = [row[1][place] if place < len(row[1]) else "" for place in places]
        now = [new or old for new, old in zip(found, key or found, strict=True)]
        if sounding and now != key:
            yield sounding
            sounding = []
        refuse_levels(len(sounding) + 1, f"line {row[0]}: ")
        sounding.append(row)
        key = now
    if sounding:
        yield sounding


def _refuse_level_times(soundings: Iterable[list[Row]], table: Table) -> None:
    """Raise ReadError where most soundings would be one level, because time runs with them."""
    count = alone = first_line = 0
    for rows in soundings:
        count += 1
        if len(rows) == 1:
            alone += 1
            first_line = first_line or rows[0][0]
    if count > 1 and 2 * alone > count:
        name = table.columns["time"].name
        raise ReadError(
            f"line {first_line}: {name!r} changes from row to row, which would make a sounding "
            "of each level; if it is the time of each level, say so: "
            f"options: {{columns: {{level_time: {name}, ...}}}}"
        )


def _profile(rows: Sequence[Row], table: Table, settings: TableOptions) -> Profile:
    """Build one sounding out of its rows, or say in its `problem` which row is wrong."""
    facts = dict(settings.facts)
    for role in ("station_id", "station_name"):
        if role in table.columns:
            facts[role] = _first_text(rows, table.columns[role])[1]
    try:
        facts |= _time(rows, table, settings)
        for line, fields in rows:
            _check_width(line, fields, table)
        numbers = {
            role: convert(_numbers(rows, column, settings), str(column.units), ROLE_UNITS[role])
            for role, column in table.columns.items()
            if role in ROLE_UNITS
        }
    except ReadError as error:
        return Profile(problem=str(error), **facts)
    for role in PLACE_UNITS:
        if role in numbers:
            known = numbers[role][np.isfinite(numbers[role])]
            facts[role] = float(known[0]) if len(known) else np.nan
    return build({role: numbers[role] for role in UNITS if role in numbers}, **facts)


def _first_text(rows: Sequence[Row], column: Column) -> tuple[int, str]:
    """Return the first field of a column that is not blank, with its line."""
    for line, fields in rows:
        if column.index < len(fields) and fields[column.index]:
            return line, fields[column.index]
    return rows[0][0], ""


def _time(rows: Sequence[Row], table: Table, settings: TableOptions) -> dict[str, np.datetime64]:
    """Return the sounding's time as the field of a profile, nothing where no column holds it."""
    column = table.columns.get("time") or table.columns.get("level_time")
    if column is None:
        return {}
    line, text = _first_text(rows, column)
    if text.lower() in settings.missing_texts:
        return {"time": NOT_A_TIME}
    try:
        return {"time": to_time(text, settings.time_format)}
    except ValueError as error:
        expected = settings.time_format or "ISO 8601, such as 1999-05-03T23:00"
        raise ReadError(
            f"line {line}: column {column.name!r}: {shorten(text)!r} is no time ({expected}); "
            "say how it is written with time_format"
        ) from error


def _check_width(line: int, fields: Sequence[str], table: Table) -> None:
    """Raise ReadError for a row with fields too few, or too many that are not blank."""
    width = table.width or max(column.index for column in table.columns.values()) + 1
    if len(fields) < width or (table.width and any(fields[width:])):
        more = "" if table.delimiter else "; where fields can be blank, white space cannot separate"
        raise ReadError(f"line {line}: {len(fields)} fields where {width} are expected{more}")


def _numbers(rows: Sequence[Row], column: Column, settings: TableOptions) -> FloatArray:
    """Return a column's numbers, NaN for what means missing."""
    values = np.full(len(rows), np.nan)
    for place, (line, fields) in enumerate(rows):
        text = fields[column.index]
        if text.lower() in settings.missing_texts:
            continue
        try:
            value = float(text)
        except ValueError:
            value = None
        if value is None or "_" in text:  # Python reads 1_5 as 15
            raise ReadError(
                f"line {line}: column {column.name!r}: {shorten(text)!r} is not a number; if it "
                "means that there is none, add it to missing"
            )
        if value not in settings.missing_numbers and np.isfinite(value):
            values[place] = value
    return values
