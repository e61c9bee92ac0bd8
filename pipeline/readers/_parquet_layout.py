"""Which columns of a Parquet file hold what: named for elements of BUFR, or as in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ReadError
from pipeline.readers._table_layout import MOST_COLUMNS, Column, find_columns
from pipeline.readers._table_options import TableOptions

#: Where the metadata of a column say its units.
UNITS_KEYS = (b"units", b"unit")

#: The elements of decoded BUFR, with the units that BUFR gives them.
ELEMENTS = {
    "pressure": ("PRESSURE", "Pa"),
    "temperature": ("TEMPERATURE", "K"),
    "dewpoint": ("DEWPOINT", "K"),
    "height": ("GEOPOTENTIAL_HEIGHT", "m"),
    "wind_direction": ("WIND_DIRECTION", "degree"),
    "wind_speed": ("WIND_SPEED", "m s-1"),
    "latitude": ("STATION_LATITUDE", "degree"),
    "longitude": ("STATION_LONGITUDE", "degree"),
    "surface_altitude": ("STATION_HEIGHT_ABOVE_SEA_LEVEL", "m"),
    "drift_latitude": ("DELTA_LATITUDE", "degree"),
    "drift_longitude": ("DELTA_LONGITUDE", "degree"),
}
STATION = ("WMO_BLOCK", "WMO_STATION_NUMBER")
LAUNCH = tuple(f"LAUNCH_{part}" for part in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"))


@dataclass(frozen=True)
class Layout:
    """Which columns of a file are read.

    Parameters
    ----------
    columns : mapping of str to Column
        By what they are.
    names : sequence of str
        Of all columns of the file.
    keys : tuple of str
        Columns whose change starts another sounding.
    is_bufr : bool
    """

    columns: Mapping[str, Column]
    names: Sequence[str]
    keys: tuple[str, ...]
    is_bufr: bool = False

    def name(self, role: str) -> str:
        """Return the name of the column that is of a role."""
        return self.names[self.columns[role].index]

    def wanted(self) -> tuple[str, ...]:
        """Return the names of all columns to read, each once."""
        return tuple(dict.fromkeys((*map(self.name, self.columns), *self.keys)))


def find_layout(schema: Any, settings: TableOptions) -> Layout:
    """Return which columns to read, and as what.

    Parameters
    ----------
    schema : pyarrow.Schema
    settings : TableOptions

    Raises
    ------
    ReadError
        With what lacks: columns, their units, or a type that can be what it should.
    """
    names = [str(name) for name in schema.names]
    if len(names) > MOST_COLUMNS:
        raise ReadError(f"{len(names)} columns, more than {MOST_COLUMNS}: no table of soundings")
    is_bufr = not settings.columns and {*STATION, *LAUNCH[:4], "PRESSURE"} <= set(names)
    if is_bufr:
        columns = {
            role: Column(names.index(name), name, settings.units.get(role, units))
            for role, (name, units) in ELEMENTS.items()
            if name in names
        }
        keys = tuple(name for name in (*STATION, *LAUNCH) if name in names)
    else:
        columns = find_columns([_header(one) for one in schema], settings)
        keys = tuple(names[columns[key].index] for key in ("station_id", "time") if key in columns)
    layout = Layout(columns, names, keys, is_bufr)
    for name in layout.wanted():
        if names.count(name) > 1:
            raise ReadError(f"the column {name!r} is there {names.count(name)} times")
    for role, column in columns.items():
        _refuse_type(role, schema.field(column.index), settings)
    for name in keys if is_bufr else ():
        _refuse_type("", schema.field(name), settings)
    return layout


def _header(one: Any) -> str:
    """Return a column's name, with the units that its metadata state."""
    about = one.metadata or {}
    units = next((about[key].decode("utf-8", "replace") for key in UNITS_KEYS if key in about), "")
    return f"{one.name} ({units})" if units.strip() else str(one.name)


def _refuse_type(role: str, one: Any, settings: TableOptions) -> None:
    """Raise ReadError for a column that holds something else than it should."""
    from pyarrow import types

    kind = one.type.value_type if types.is_dictionary(one.type) else one.type
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    hint = ""
    if types.is_nested(kind):
        hint = "one row a level is expected (pandas: DataFrame.explode)"
    elif role in ("time", "level_time"):
        if is_number and not settings.time_format:
            hint = "times or text are expected, or say how it is written with time_format"
    elif role not in ("station_id", "station_name") and not (is_number or types.is_null(kind)):
        hint = "numbers are expected"
    if hint:
        what = f", which is the {role}," if role else ""
        raise ReadError(f"column {one.name!r}{what} holds {one.type}: {hint}")
