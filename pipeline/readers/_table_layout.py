"""How a table is laid out: its header's words and units, and the columns that a config names."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import ReadError
from pipeline.readers._table_options import ROLE_UNITS, ROLES, TableOptions, check_units
from pipeline.readers._text import shorten

#: More columns than any table of soundings has.
MOST_COLUMNS = 1000

#: Characters of a column's name with its units; longer ones name no quantity.
LONGEST_NAME = 200

#: Units that need not be stated, because nothing else is in use.
USUAL_UNITS = {"wind_direction": "degree", "latitude": "degree", "longitude": "degree"}

#: Words of headers, in lower case and with underscores, besides the roles themselves.
WORDS = {
    **{role: role for role in ROLES},
    **dict.fromkeys(("pres", "press", "prs", "p", "air_pressure"), "pressure"),
    **dict.fromkeys(("temp", "tmpc", "tdry", "t", "air_temperature"), "temperature"),
    **dict.fromkeys(("dew_point", "dwpt", "dwpc", "td", "dewp"), "dewpoint"),
    **dict.fromkeys(("dewpoint_temperature", "dew_point_temperature"), "dewpoint"),
    **dict.fromkeys(("rh", "relh", "humidity"), "relative_humidity"),
    **dict.fromkeys(("hght", "hgt", "gph", "alt", "altitude"), "height"),
    "geopotential_height": "height",
    **dict.fromkeys(("speed", "wspd", "sknt", "sped", "smps"), "wind_speed"),
    **dict.fromkeys(("direction", "wdir", "drct"), "wind_direction"),
    **dict.fromkeys(("u", "eastward_wind"), "u_wind"),
    **dict.fromkeys(("v", "northward_wind"), "v_wind"),
    **dict.fromkeys(("datetime", "date"), "time"),
    **dict.fromkeys(("station", "stid", "stn", "platform_id"), "station_id"),
    "lat": "latitude",
    "lon": "longitude",
    "elevation": "surface_altitude",
}
_BRACKETED = re.compile(r"(.+?)[\s_]*[(\[](.*)[)\]]")


@dataclass(frozen=True)
class Column:
    """A column of the table: where it is, its name in messages, and its units if stated."""

    index: int
    name: str
    units: str | None


@dataclass(frozen=True)
class Table:
    """How a file is laid out."""

    delimiter: str
    width: int | None
    first_line: int
    columns: Mapping[str, Column]


def is_content(line: str, comment: str) -> bool:
    """Tell whether a line is neither blank nor a comment."""
    text = line.strip()
    return bool(text) and not (comment and text.startswith(comment))


def find_delimiter(line: str) -> str:
    """Return what separates the fields of a line most often, empty for white space."""
    best = max(",;\t|", key=line.count)
    return best if best in line else ""


def split(line: str, delimiter: str) -> list[str]:
    """Return the fields of one line, without the blanks around them."""
    return next(split_lines([line], delimiter, 1))[1]


def split_lines(
    lines: Iterable[str], delimiter: str, first_line: int
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line and its fields, without the blanks around them."""
    if not delimiter:
        for number, line in enumerate(lines, first_line):
            yield number, _few_enough(line.split(), number)
        return
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for fields in reader:
            number = first_line + reader.line_num - 1
            yield number, [field.strip() for field in _few_enough(fields, number)]
    except csv.Error as error:
        raise ReadError(f"line {first_line + reader.line_num - 1}: {error}") from error


def _few_enough(fields: list[str], number: int) -> list[str]:
    if len(fields) > MOST_COLUMNS:
        raise ReadError(
            f"line {number}: {len(fields)} fields, more than {MOST_COLUMNS}: no table of soundings"
        )
    return fields


def recognised(fields: Sequence[str]) -> dict[str, Column]:
    """Return the columns whose names are known, by what they are."""
    columns: dict[str, Column] = {}
    for index, text in enumerate(fields):
        name, units = _name_and_units(text)
        role = WORDS.get(_plain(name))
        if role is None:
            continue
        if role in columns:
            raise ReadError(
                f"columns {columns[role].name!r} and {text!r} both may be the {role}; say which "
                "in the config: format: table, options: {columns: ...}"
            )
        columns[role] = Column(index, text, units)
    return columns


def _plain(name: str) -> str:
    return re.sub(r"[\s_.-]+", "_", name.strip().lower()).strip("_")


def _name_and_units(text: str) -> tuple[str, str | None]:
    """Return the two parts of ``pressure (hPa)``, ``pressure [hPa]`` or ``pressure_hPa``."""
    if len(text) > LONGEST_NAME:  # to look for the parts takes the square of its length
        return text, None
    if found := _BRACKETED.fullmatch(text.strip()):
        return found[1], found[2].strip() or None
    if _plain(text) in WORDS:
        return text, None
    for place in reversed([match.start() for match in re.finditer(r"[\s_]", text)]):
        name, units = text[:place], text[place + 1 :].strip()
        role = WORDS.get(_plain(name))
        if role in ROLE_UNITS and units and not check_units(role, units):
            return name, units
    return text, None


def lacks_units(role: str, column: Column) -> bool:
    """Tell whether a column of numbers states no units, where there are several in use."""
    return role in ROLE_UNITS and column.units is None and role not in USUAL_UNITS


def find_table(lines: Iterable[str], settings: TableOptions) -> Table:
    """Find out how a file is laid out, with the config's help."""
    header_line, sample = _header(lines, settings)
    fields: list[str] = []
    if header_line and settings.comment and sample.startswith(settings.comment):
        sample = sample.removeprefix(settings.comment).strip()
    delimiter = find_delimiter(sample) if settings.delimiter is None else settings.delimiter
    if header_line:
        fields = split(sample, delimiter)
    columns = find_columns(fields, settings)
    first_line = settings.first_line or header_line + 1
    return Table(delimiter, len(fields) or None, first_line, columns)


def _header(lines: Iterable[str], settings: TableOptions) -> tuple[int, str]:
    """Return number and text of the line that names the columns, or 0 and the first row."""
    wanted = int(settings.header) if settings.header is not True else 0
    first_row = settings.first_line or 1
    number = 0
    for number, line in enumerate(lines, 1):
        if number == wanted:
            return number, line.strip()
        if wanted or not is_content(line, settings.comment):
            continue
        if settings.header is True:
            return number, line.strip()
        if number >= first_row:
            return 0, line
    if wanted:
        raise ReadError(f"header: there is no line {wanted}, only {number}")
    if settings.header is True:
        raise ReadError("there is no line but blank ones and comments, so no header")
    return 0, ""


def find_columns(fields: Sequence[str], settings: TableOptions) -> dict[str, Column]:
    """Return the columns to read, by what they are, each number's with its units.

    Parameters
    ----------
    fields : sequence of str
        As in a header: ``PRES``, ``pressure (hPa)``, ``temperature_K``.
    settings : TableOptions

    Raises
    ------
    ReadError
        When columns that the config names are not there, pressure is not known, or units are not
        stated.
    """
    return _with_units(_wanted(fields, settings), settings)


def _wanted(fields: Sequence[str], settings: TableOptions) -> dict[str, Column]:
    """Return the columns to read: those the config names, else those known by their names."""
    if settings.columns:
        return {role: _column(column, fields) for role, column in settings.columns.items()}
    columns = recognised(fields)
    if "pressure" not in columns:
        raise ReadError(
            f"no column is known as pressure among {shorten(', '.join(fields), 200)}; name the "
            "columns in the config: options: {columns: {pressure: ...}}"
        )
    return {role: column for role, column in columns.items() if role not in settings.facts}


def _column(wanted: str | int, fields: Sequence[str]) -> Column:
    """Return the column that the config means."""
    if isinstance(wanted, int):
        if fields and wanted >= len(fields):
            raise ReadError(f"columns: there is no column {wanted}; {len(fields)} count from 0")
        name = fields[wanted] if fields else f"number {wanted}"
        return Column(wanted, name, _name_and_units(name)[1])
    parts = [_name_and_units(text) for text in fields]
    for names in (list(fields), [name.strip() for name, _ in parts]):
        if names.count(wanted) > 1:
            raise ReadError(
                f"columns: {wanted!r} is there {names.count(wanted)} times; give its number, "
                "counted from 0"
            )
        if wanted in names:
            index = names.index(wanted)
            return Column(index, wanted, parts[index][1])
    near = difflib.get_close_matches(wanted, fields, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(fields)}"
    raise ReadError(f"columns: there is no column {wanted!r}, {hint}")


def _with_units(columns: Mapping[str, Column], settings: TableOptions) -> dict[str, Column]:
    """Return the columns, each number's with its units, or raise ReadError with what lacks."""
    complete: dict[str, Column] = {}
    unstated, wrong = [], []
    for role, column in columns.items():
        units = settings.units.get(role) or column.units or USUAL_UNITS.get(role)
        complete[role] = Column(column.index, column.name, units)
        if role in ROLE_UNITS and units is None:
            unstated.append(role)
        elif role in ROLE_UNITS and (problem := check_units(role, str(units))):
            wrong.append(f"{role} (column {column.name!r}): {problem}")
    if unstated:
        wrong.append(
            f"the units of {', '.join(unstated)} are not stated; add them to units, or list in "
            "columns only those that are to be read"
        )
    if wrong:
        raise ReadError(f"options: {'; '.join(wrong)}")
    return complete
