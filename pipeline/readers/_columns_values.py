"""What a block of columns holds: read, aligned to the levels, and derived, all at once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.profiles import WINDS, FloatArray, wind_components
from pipeline.readers import _columns_names as names
from pipeline.readers._columns_choice import Columns
from pipeline.readers._columns_grid import Grid
from pipeline.readers._columns_open import Contents, Places
from pipeline.readers._columns_vertical import (
    Levels,
    in_units,
    levels_of,
    rows_of,
    surface_pressure,
)
from pipeline.readers._netcdf_summary import VariableSummary
from pipeline.readers._quantities import STANDARD_GRAVITY, UNITS, convert, dewpoint_from

#: Humidities in the order in which dewpoint is taken from them, each with what else it takes.
_HUMIDITY = {
    "specific_humidity": "pressure",
    "mixing_ratio": "pressure",
    "relative_humidity": "temperature",
}
_SPEED_AND_DIRECTION = {"wind_speed", "wind_direction"}
#: ECMWF's is over ice below -23 degC, NCEP's GFS's below -20 degC, and mixed up to 0 degC.
_OVER_ICE = (
    "dewpoint from relative humidity taken as over water; most models' is over ice where it is "
    "cold, and dewpoint then too high there"
)


class Cone(NamedTuple):
    """A Lambert projection: its meridian that runs straight up, and how fast others lean."""

    meridian: float
    constant: float

    def turn(
        self, longitude: FloatArray, u_wind: FloatArray, v_wind: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return winds to east and north from those along the axes of the grid."""
        apart = (longitude - self.meridian + 180) % 360 - 180
        lean = np.radians(self.constant * apart)
        cosine, sine = np.cos(lean), np.sin(lean)
        return cosine * u_wind + sine * v_wind, cosine * v_wind - sine * u_wind


@dataclass(frozen=True)
class Layout:
    """What is to be known about a file to read any of its columns.

    Parameters
    ----------
    contents : Contents
    grid : Grid
    levels : Levels
    rows : mapping of str to numpy.ndarray of int, shape (levels,)
        By quantity, the place of each level on the variable's own levels; -1 where it has it not.
    humidity : str
        What dewpoint is computed from; empty where it is given, or there is no humidity.
    cone : Cone or None
        The projection along whose axes the winds are; None where they are east and north.
    derived : frozenset of str
    notes : tuple of str
    """

    contents: Contents
    grid: Grid
    levels: Levels
    rows: Mapping[str, NDArray[np.intp]]
    humidity: str = ""
    cone: Cone | None = None
    derived: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """Some columns at a time, read and derived.

    Parameters
    ----------
    columns : Columns
    levels : mapping of str to numpy.ndarray, shape (columns, levels)
        Pressure and what is along it, from the surface up, in the project's units.
    surface_pressure, surface_altitude : numpy.ndarray, shape (columns,)
        hPa and m; NaN where not known.
    """

    columns: Columns
    levels: Mapping[str, FloatArray]
    surface_pressure: FloatArray
    surface_altitude: FloatArray


def layout_of(contents: Contents, grid: Grid) -> Layout:
    """Find out what is read of a file and what is computed from it; the same in every column.

    Parameters
    ----------
    contents : Contents
    grid : Grid

    Returns
    -------
    Layout

    Raises
    ------
    ReadError
        When the pressure of its levels cannot be known.
    """
    levels = levels_of(contents, grid)
    notes = [*contents.notes, *grid.notes]
    derived: set[str] = set()
    turned = _turned_winds(contents, grid)
    cone = _cone(contents.variables[grid.levels["u_wind"]]) if turned >= WINDS else None
    if cone:
        derived |= WINDS
        notes.append("winds turned from the axes of a Lambert grid to east and north")
    elif turned:
        notes.append("winds were left out: they are along the axes of the grid, not east and north")
    used = set(grid.levels) - (set() if cone else turned)
    humidity = "" if "dewpoint" in used else next((one for one in _HUMIDITY if one in used), "")
    used -= _HUMIDITY.keys() - {humidity, "relative_humidity"}
    if humidity:
        derived.add("dewpoint")
        is_relative = humidity == "relative_humidity"
        notes.append(_OVER_ICE if is_relative else f"dewpoint from {humidity.replace('_', ' ')}")
    used -= {"geopotential"} if "height" in used else set()
    if any(_is_geopotential(contents, grid, one) for one in used & {"height", "geopotential"}):
        derived.add("height")
        notes.append("height from geopotential")
    if {"u_wind", "v_wind"} <= used:
        used -= _SPEED_AND_DIRECTION
    elif used >= _SPEED_AND_DIRECTION:
        derived |= WINDS
        notes.append("winds from speed and direction")
    if not {"surface_pressure", "log_surface_pressure"} & grid.once.keys():
        notes.append("without surface pressure, levels below the ground cannot be told")
    rows = {one: rows_of(contents, grid.axes[one], grid, levels) for one in sorted(used)}
    return Layout(contents, grid, levels, rows, humidity, cone, frozenset(derived), tuple(notes))


def _turned_winds(contents: Contents, grid: Grid) -> set[str]:
    """Return which winds run along the axes of a projected grid."""
    sides = (grid.place.latitude, grid.place.longitude)
    latitude, longitude = (contents.variables[one].dimensions for one in sides)
    return {
        one
        for one in WINDS & grid.levels.keys()
        if names.along_grid(contents.variables[grid.levels[one]], latitude == longitude)
    }


def _cone(wind: VariableSummary) -> Cone | None:
    """Return the Lambert projection that GRIB says a wind is on, None for other grids."""
    keys = ("GRIB_LoVInDegrees", "GRIB_Latin1InDegrees", "GRIB_Latin2InDegrees")
    said = [wind.attributes.get(key) for key in keys]
    numbers = [float(one) for one in said if isinstance(one, int | float | np.number)]
    if wind.text("GRIB_gridType") != "lambert" or len(numbers) < len(keys):
        return None
    meridian, *parallels = numbers
    first, second = np.radians(parallels)
    if np.isclose(first, second):
        return Cone(meridian, float(np.sin(first)))
    up = [np.log(np.tan(np.pi / 4 + one / 2)) for one in (first, second)]
    return Cone(meridian, float(np.log(np.cos(first) / np.cos(second)) / (up[1] - up[0])))


def _is_geopotential(contents: Contents, grid: Grid, quantity: str) -> bool:
    """Return whether heights are geopotentials, by their units."""
    return _has_units(contents, grid.levels[quantity], "m2 s-2")


def _has_units(contents: Contents, name: str, target: str) -> bool:
    try:
        convert(np.empty(0), contents.variables[name].text("units"), target)
    except ValueError:
        return False
    return True


@np.errstate(all="ignore")  # what is missing or damaged is NaN or far off: the cleaning judges
def read_block(layout: Layout, columns: Columns, record: Mapping[str, int]) -> Block:
    """Read some columns at one time.

    Parameters
    ----------
    layout : Layout
    columns : Columns
    record : mapping of str to int
        The place along the grid's other dimensions.

    Returns
    -------
    Block
    """
    values = _level_values(layout, columns, record)
    ground = surface_pressure(
        layout.grid, layout.contents, lambda name: _read(layout, columns, record, name)
    )
    pressure = _pressure(layout, columns, record, ground)
    if layout.grid.axis.kind == "field" and _is_downward(pressure):
        values = {name: one[::-1] for name, one in values.items()}
        pressure = pressure[::-1]
    levels = _derive(layout, values, pressure)
    if layout.cone:
        winds = layout.cone.turn(columns.longitude, levels["u_wind"], levels["v_wind"])
        levels["u_wind"], levels["v_wind"] = winds
    return Block(
        columns,
        # One row a column, so that a column lies in one piece.
        {name: np.ascontiguousarray(one.T) for name, one in levels.items()},
        np.full(len(columns), np.nan) if ground is None else ground,
        _surface_altitude(layout, columns, record),
    )


def _cells(layout: Layout, columns: Columns) -> tuple[dict[str, Places], tuple[Any, ...]]:
    """Return which part of the grid to read for some columns, and where in it these are."""
    parts: dict[str, Places] = {}
    inside = []
    for dimension, cells in zip(layout.grid.place.dimensions, columns.cells, strict=True):
        there, places = np.unique(cells, return_inverse=True)
        is_run = there[-1] - there[0] + 1 == len(there)
        parts[dimension] = slice(int(there[0]), int(there[-1]) + 1) if is_run else there
        inside.append(places)
    return parts, tuple(inside)


def _level_values(
    layout: Layout, columns: Columns, record: Mapping[str, int]
) -> dict[str, FloatArray]:
    """Read what columns hold, in the project's units, (levels, columns)."""
    found = {}
    for quantity, rows in layout.rows.items():
        name, axis = layout.grid.levels[quantity], layout.grid.axes[quantity]
        values = _read(layout, columns, record, name, (axis.dimension,))
        values = np.where((rows >= 0)[:, np.newaxis], values[rows], np.nan)
        target = UNITS[quantity]
        if quantity in ("height", "geopotential"):
            is_geopotential = _is_geopotential(layout.contents, layout.grid, quantity)
            target = "m2 s-2" if is_geopotential else "m"
        values = in_units(layout.contents, name, values, target)
        found[quantity] = values / STANDARD_GRAVITY if target == "m2 s-2" else values
    return found


def _read(
    layout: Layout,
    columns: Columns,
    record: Mapping[str, int],
    name: str,
    along: tuple[str, ...] = (),
) -> FloatArray:
    """Read a variable in some columns: (..., columns)."""
    parts, inside = _cells(layout, columns)
    values = layout.contents.values(
        name, (*along, *layout.grid.place.dimensions), {**record, **parts}
    )
    return values[(..., *inside)]


def _pressure(
    layout: Layout, columns: Columns, record: Mapping[str, int], ground: FloatArray | None
) -> FloatArray:
    """Return the pressure of every level, (levels, columns)."""
    levels, axis = layout.levels, layout.grid.axis
    if levels.pressure is not None:
        return np.repeat(levels.pressure[:, np.newaxis], len(columns), axis=1)
    if levels.a is not None and levels.b is not None and ground is not None:
        return levels.a[:, np.newaxis] + levels.b[:, np.newaxis] * ground
    values = _read(layout, columns, record, axis.variable, (axis.dimension,))
    return in_units(layout.contents, axis.variable, values, "hPa")


def _is_downward(pressure: FloatArray) -> bool:
    """Return whether levels come from the top down, as they do in most of some columns."""
    return bool((pressure[0] < pressure[-1]).sum() > (pressure[0] > pressure[-1]).sum())


def _surface_altitude(layout: Layout, columns: Columns, record: Mapping[str, int]) -> FloatArray:
    for quantity in ("surface_altitude", "surface_geopotential"):
        if name := layout.grid.once.get(quantity):
            values = _read(layout, columns, record, name)
            if _has_units(layout.contents, name, "m2 s-2"):
                values = in_units(layout.contents, name, values, "m2 s-2")
                return values / STANDARD_GRAVITY
            return in_units(layout.contents, name, values, "m")
    return np.full(len(columns), np.nan)


def _derive(
    layout: Layout, values: dict[str, FloatArray], pressure: FloatArray
) -> dict[str, FloatArray]:
    """Return the variables of profiles, derived where the file has others."""
    levels = {"pressure": pressure, **values}
    if "geopotential" in levels:
        levels["height"] = levels.pop("geopotential")
    with warnings.catch_warnings():
        # Of humidities that no air has: the cleaning judges what becomes of them.
        warnings.simplefilter("ignore")
        if layout.humidity:
            partner = levels[_HUMIDITY[layout.humidity]]
            levels["dewpoint"] = dewpoint_from(layout.humidity, levels[layout.humidity], partner)
        if "u_wind" in layout.derived and not layout.cone:
            speed, direction = levels["wind_speed"], levels["wind_direction"]
            levels["u_wind"], levels["v_wind"] = wind_components(speed, direction)
    return levels
