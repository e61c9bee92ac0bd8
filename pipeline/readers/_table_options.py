"""What a config may say of a table: the options of the reader `table`, checked."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.readers._quantities import PLACE_UNITS, UNITS, convert

#: What a column can be, with the project's units of those that are numbers.
ROLE_UNITS = UNITS | PLACE_UNITS
ROLES = (*ROLE_UNITS, "time", "level_time", "station_id", "station_name")

#: What can be said once for a whole file.
FACTS = ("station_id", "station_name", "time", *PLACE_UNITS)

OPTIONS = (
    "columns",
    "units",
    "missing",
    "delimiter",
    "header",
    "first_line",
    "comment",
    "time_format",
    *FACTS,
)

#: Texts that no file means as a number; what a config lists comes on top.
MISSING_TEXTS = ("", "na", "n/a", "nan", "null", "none", "-", "--", "---", "/", "//", "///")

DELIMITERS = {"whitespace": "", "comma": ",", "semicolon": ";", "tab": "\t"}


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """The options of a table.

    Parameters
    ----------
    columns : mapping of str to str or int
        What is where: a column's name in the header, or its number counted from 0. Without it,
        the header's own words are recognised.
    units : mapping of str to str
        By the same words as `columns`; what the header says need not be repeated.
    missing_texts : frozenset of str
        In lower case.
    missing_numbers : frozenset of float
        So that -9999 also stands for ``-9999.00``.
    delimiter : str or None
        One character; empty for white space; None to find it out.
    header : bool or int
        True for the first line that is not a comment, False for none, or its line number.
    first_line : int or None
        Line number of the first row, where it does not follow the header.
    comment : str
        How lines start that are skipped.
    time_format : str or None
        As of :meth:`datetime.datetime.strptime`; None for ISO 8601.
    facts : mapping of str to object
        What is the same for the whole file.
    """

    columns: Mapping[str, str | int] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    missing_texts: frozenset[str] = frozenset(MISSING_TEXTS)
    missing_numbers: frozenset[float] = frozenset()
    delimiter: str | None = None
    header: bool | int = True
    first_line: int | None = None
    comment: str = "#"
    time_format: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def parse(options: Mapping[str, Any]) -> TableOptions:
    """Return options after checking them.

    Parameters
    ----------
    options : mapping
        As in the config.

    Returns
    -------
    TableOptions

    Raises
    ------
    ReadError
        With every problem found.

    Examples
    --------
    >>> parse({"header": 3, "missing": [-9999]}).missing_numbers
    frozenset({-9999.0})
    """
    problems = [_unknown(key, OPTIONS, "option") for key in options if key not in OPTIONS]
    missing = _missing(options.get("missing", ()), problems)
    parsed = TableOptions(
        columns=_columns(options, problems),
        units=_units(options.get("units") or {}, problems),
        missing_texts=frozenset(MISSING_TEXTS) | {str(one).strip().lower() for one in missing},
        missing_numbers=frozenset(float(one) for one in missing if _is_number(one)),
        delimiter=_delimiter(options.get("delimiter"), problems),
        header=_header(options.get("header", True), problems),
        first_line=_line(options, "first_line", problems),
        comment=_text(options, "comment", problems) if "comment" in options else "#",
        time_format=_text(options, "time_format", problems) or None,
        facts=_facts(options, problems),
    )
    if problems:
        raise ReadError(f"options: {'; '.join(problems)}")
    return parsed


def to_time(value: Any, time_format: str | None = None) -> np.datetime64:
    """Return a date or text as a time in UTC.

    Parameters
    ----------
    value : str, datetime.date or datetime.datetime
    time_format : str, optional
        As of :meth:`datetime.datetime.strptime`; ISO 8601 without it.

    Raises
    ------
    ValueError
        When the text is no such time.

    Examples
    --------
    >>> to_time("1999-05-04T01:00+02:00"), to_time("990503/2300", "%y%m%d/%H%M")
    (np.datetime64('1999-05-03T23:00:00'), np.datetime64('1999-05-03T23:00:00'))
    """
    if isinstance(value, str):
        text = value.strip().removesuffix("UTC").rstrip()
        moment = (
            datetime.strptime(value.strip(), time_format)
            if time_format
            else datetime.fromisoformat(text)
        )
    elif isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    else:
        raise ValueError(f"{value!r} is no time")
    if offset := moment.utcoffset():
        moment -= offset
    return np.datetime64(moment.replace(tzinfo=None), "s")


def check_units(role: str, units: str) -> str:
    """Return what is wrong with the units of a column, empty if nothing is."""
    try:
        convert(np.empty(0), units, ROLE_UNITS[role])
    except ValueError as error:
        return str(error)
    return ""


def _unknown(key: Any, known: Collection[str], what: str) -> str:
    near = difflib.get_close_matches(str(key), known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return f"{key!r} is no {what}, {hint}"


def _is_number(value: Any) -> bool:
    """Return whether a value, or what a text says, is a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, bool)


def _mapping(value: Any, name: str, problems: list[str]) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    problems.append(f"{name}: {value!r} is not a mapping such as {{pressure: ...}}")
    return {}


def _columns(options: Mapping[str, Any], problems: list[str]) -> dict[str, str | int]:
    columns = _mapping(options.get("columns") or {}, "columns", problems)
    for role, column in columns.items():
        if role not in ROLES:
            problems.append(_unknown(role, ROLES, "column (of `columns`)"))
        elif isinstance(column, bool) or not isinstance(column, str | int):
            problems.append(f"columns: {role}: {column!r} is neither a name nor a number")
        elif isinstance(column, int) and column < 0:
            problems.append(f"columns: {role}: {column} is negative; columns count from 0")
        elif isinstance(column, str) and options.get("header") is False:
            problems.append(f"columns: {role}: without a header, {column!r} must be a number")
        if role in FACTS and role in options:
            problems.append(f"{role} is given twice: as a column and for the whole file")
    if columns and "pressure" not in columns:
        problems.append("columns: pressure is not among them")
    if options.get("header") is False and not columns:
        problems.append("columns: without a header they must be given, by number")
    return {role: column for role, column in columns.items() if role in ROLES}


def _units(value: Any, problems: list[str]) -> dict[str, str]:
    units = {}
    for role, text in _mapping(value, "units", problems).items():
        if role not in ROLE_UNITS:
            problems.append(_unknown(role, tuple(ROLE_UNITS), "quantity (of `units`)"))
        elif wrong := check_units(role, str(text)):
            problems.append(f"units: {role}: {wrong}")
        else:
            units[role] = str(text)
    return units


def _missing(value: Any, problems: list[str]) -> list[Any]:
    values = value if isinstance(value, list | tuple) else [value]
    for one in values:
        if one is not None and (isinstance(one, bool) or not isinstance(one, str | int | float)):
            problems.append(f"missing: {one!r} is neither a number nor a text")
            return []
    return ["null" if one is None else one for one in values]


def _delimiter(value: Any, problems: list[str]) -> str | None:
    if value is None:
        return None
    if value in DELIMITERS:
        return DELIMITERS[value]
    if isinstance(value, str) and len(value) == 1 and value not in '"\n\r':
        return "" if value == " " else value
    problems.append(f"delimiter: {value!r} is neither one character nor {', '.join(DELIMITERS)}")
    return None


def _header(value: Any, problems: list[str]) -> bool | int:
    if isinstance(value, bool) or (isinstance(value, int) and value >= 1):
        return value
    problems.append(f"header: {value!r} is neither true, false, nor a line number from 1")
    return True


def _line(options: Mapping[str, Any], name: str, problems: list[str]) -> int | None:
    value = options.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    problems.append(f"{name}: {value!r} is no line number from 1")
    return None


def _text(options: Mapping[str, Any], name: str, problems: list[str]) -> str:
    value = options.get(name)
    if value is not None and not isinstance(value, str):
        problems.append(f"{name}: {value!r} is not a text; put it in quotes")
    return value if isinstance(value, str) else ""


def _facts(options: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Return what the config says for the whole file, as fields of a profile."""
    facts: dict[str, Any] = {}
    for name in FACTS:
        value = options.get(name)
        if value is None:
            continue
        if name in PLACE_UNITS:
            if isinstance(value, bool) or not isinstance(value, int | float):
                problems.append(f"{name}: {value!r} is not a number, in {PLACE_UNITS[name]}")
            else:
                facts[name] = float(value)
        elif name == "time":
            try:
                facts[name] = to_time(value)
            except ValueError:
                problems.append(f"time: {value!r} is not such as 1999-05-03T23:00")
        else:
            facts[name] = _text(options, name, problems)
    return facts
