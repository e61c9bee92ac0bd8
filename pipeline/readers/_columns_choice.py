"""Which columns of a grid are read, and when: the nearest to points, those in a box, or all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, FloatArray
from pipeline.readers._columns_grid import Grid
from pipeline.readers._columns_open import Contents
from pipeline.readers._columns_options import Box, Options, Point
from pipeline.readers._netcdf_names import decode_times
from pipeline.readers.limits import MOST_SOUNDINGS

EARTH_RADIUS = 6371.0
"""km, mean."""

Cells = tuple[NDArray[np.intp], ...]

# The nearest column may be half a diagonal of the grid away, and a little for rounding.
_HALF_DIAGONAL = 0.72
_ALONE = 1.0


@dataclass(frozen=True)
class Columns:
    """The columns to read.

    Parameters
    ----------
    cells : tuple of numpy.ndarray of int, shape (columns,)
        Their place along each of the grid's dimensions.
    latitude, longitude : numpy.ndarray, shape (columns,)
        degrees north and east, as the file has them.
    points : tuple of Point
        What each column was chosen for, where they were chosen by points.
    decimals : int
        Of degrees that tell the columns of this grid apart.
    """

    cells: Cells
    latitude: FloatArray
    longitude: FloatArray
    points: tuple[Point, ...] = ()
    decimals: int = 2

    def __len__(self) -> int:
        return len(self.latitude)

    def part(self, start: int, stop: int) -> Columns:
        """Return some columns that follow each other."""
        some = slice(start, stop)
        cells = tuple(one[some] for one in self.cells)
        latitude, longitude = self.latitude[some], self.longitude[some]
        return Columns(cells, latitude, longitude, self.points[some], self.decimals)


@dataclass(frozen=True)
class _Positions:
    """Latitudes and longitudes of a grid: each along its own dimension, or of every cell.

    `side` is the place of latitude and longitude among the grid's dimensions; None where both
    have all of them.
    """

    latitude: FloatArray
    longitude: FloatArray
    shape: tuple[int, ...]
    side: tuple[int, int] | None

    def at(self, cells: Cells) -> tuple[FloatArray, FloatArray]:
        if self.side is None:
            return self.latitude[cells], self.longitude[cells]
        return self.latitude[cells[self.side[0]]], self.longitude[cells[self.side[1]]]


def refuse_many(columns: int, times: int = 1) -> None:
    """Raise ReadError for more columns and times than a source may have.

    Examples
    --------
    >>> refuse_many(46 * 101)
    """
    if columns * times > MOST_SOUNDINGS:
        raise ReadError(
            f"{columns} columns at {times} times are more than the {MOST_SOUNDINGS} soundings of "
            "one source; choose some with the options points, box or times"
        )


def choose(contents: Contents, grid: Grid, options: Options) -> Columns:
    """Return the columns that the options ask for.

    Parameters
    ----------
    contents : Contents
    grid : Grid
    options : Options

    Returns
    -------
    Columns
        In the order of the points, else of the file.

    Raises
    ------
    ReadError
        When a point is outside the grid, or no column is in the box.
    """
    positions = _positions(contents, grid)
    if options.points:
        places = [_nearest(positions, point) for point in options.points]
        cells: Cells = tuple(np.array(one, dtype=np.intp) for one in zip(*places, strict=True))
    else:
        cells = _inside(positions, options.box)
    return Columns(cells, *positions.at(cells), options.points, _decimals(positions))


def _positions(contents: Contents, grid: Grid) -> _Positions:
    place = grid.place
    values = []
    for name, most in ((place.latitude, 90.0), (place.longitude, 720.0)):
        described = contents.variables[name]
        contents.refuse_much(prod(described.shape), f"{name} has")
        along = tuple(one for one in place.dimensions if one in described.dimensions)
        values.append(contents.values(name, along))
        if not (np.abs(values[-1]) <= most).all():
            raise ReadError(f"{name} holds missing values, or others that are no position")
    sides = [contents.variables[name].dimensions for name in (place.latitude, place.longitude)]
    temperature = contents.raw[grid.levels["temperature"]]
    shape = tuple(temperature.sizes[one] for one in place.dimensions)
    if sides[0] == sides[1]:
        return _Positions(values[0], values[1], shape, None)
    latitude, longitude = (place.dimensions.index(one) for (one,) in sides)
    return _Positions(values[0], values[1], shape, (latitude, longitude))


def _inside(positions: _Positions, box: Box | None) -> Cells:
    latitude, longitude = positions.latitude, positions.longitude
    if box is None:
        north, east = np.full(latitude.shape, True), np.full(longitude.shape, True)
    else:
        north = (latitude >= box.south) & (latitude <= box.north)
        width = 360.0 if box.east - box.west >= 360 else (box.east - box.west) % 360
        east = (longitude - box.west) % 360 <= width
    if positions.side is None:
        inside = north & east
        refuse_many(int(inside.sum()))
        cells: Cells = np.nonzero(inside)
    else:
        refuse_many(int(north.sum()) * int(east.sum()))
        by_side = dict(zip(positions.side, (north, east), strict=True))
        along = [np.flatnonzero(by_side[number]) for number in range(len(positions.shape))]
        cells = tuple(one.ravel() for one in np.meshgrid(*along, indexing="ij"))
    if not len(cells[0]):
        raise ReadError(f"options: box: no column lies in it; the grid covers {_extent(positions)}")
    return cells


def _nearest(positions: _Positions, point: Point) -> tuple[int, ...]:
    """Return the cell nearest to a point; raises ReadError where it is outside the grid."""
    if positions.side is None:
        found = _nearest_of_all(positions, point)
    else:
        north = np.abs(positions.latitude - point.latitude)
        east = np.abs((positions.longitude - point.longitude + 180) % 360 - 180)
        nearest = {positions.side[0]: int(north.argmin()), positions.side[1]: int(east.argmin())}
        found = tuple(nearest[number] for number in range(2))
        for apart, values in ((north, positions.latitude), (east, positions.longitude)):
            if apart.min() > 0.5001 * _spacing(values):
                found = ()
    if not found:
        called = point.name or point.station_id
        raise ReadError(
            f"options: points: {called + ' at ' if called else ''}{point.latitude:g} N, "
            f"{point.longitude:g} E is outside the grid, which covers {_extent(positions)}"
        )
    return found


def _spacing(values: FloatArray) -> float:
    """Return the widest step between neighbours, across the dateline as well; degrees."""
    steps = np.abs((np.diff(values) + 180) % 360 - 180)
    return float(steps.max()) if len(steps) else _ALONE


def _nearest_of_all(positions: _Positions, point: Point) -> tuple[int, ...]:
    apart = distance(positions.latitude, positions.longitude, point.latitude, point.longitude)
    cell = tuple(int(one) for one in np.unravel_index(apart.argmin(), apart.shape))
    latitude, longitude = positions.at(tuple(np.array([one]) for one in cell))
    if apart.ndim == 1:
        between = distance(positions.latitude, positions.longitude, latitude, longitude)
        step = float(np.partition(between, 1)[1]) if len(between) > 1 else 111.0
    else:
        around = tuple(
            slice(max(one - 1, 0), min(one + 2, size))
            for one, size in zip(cell, apart.shape, strict=True)
        )
        near = positions.latitude[around], positions.longitude[around]
        step = float(distance(*near, latitude, longitude).max()) / 2**0.5
    return cell if apart.min() <= 2 * _HALF_DIAGONAL * step else ()


def distance(
    latitude: FloatArray,
    longitude: FloatArray,
    to_latitude: FloatArray | float,
    to_longitude: FloatArray | float,
) -> FloatArray:
    """Return great-circle distances in km.

    Examples
    --------
    >>> distance(np.array([0.0, 90.0]), np.array([90.0, 0.0]), 0.0, 0.0).round(1)
    array([10007.5, 10007.5])
    """
    north, to_north = np.radians(latitude), np.radians(to_latitude)
    east = np.radians(longitude - to_longitude)
    half = np.sin((north - to_north) / 2) ** 2
    half = half + np.cos(north) * np.cos(to_north) * np.sin(east / 2) ** 2
    result: FloatArray = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return result


def _extent(positions: _Positions) -> str:
    latitude, longitude = positions.latitude, positions.longitude
    return (
        f"{latitude.min():g} to {latitude.max():g} N, {longitude.min():g} to {longitude.max():g} E"
    )


def _decimals(positions: _Positions) -> int:
    """Return how many decimals of degrees tell the columns of a grid apart."""
    if positions.side is None:
        steps = [
            np.abs(np.diff(one, axis=-1)).max(initial=0)
            for one in (positions.latitude, positions.longitude)
        ]
        finest = max(steps)
    else:
        both = (positions.latitude, positions.longitude)
        finest = min((np.abs(np.diff(one)).min() for one in both if len(one) > 1), default=1.0)
    return 2 if finest >= 0.01 else 5


def moments(
    contents: Contents, grid: Grid, options: Options
) -> Iterator[tuple[np.datetime64, Mapping[str, int]]]:
    """Return the times wanted, each with its place along the grid's other dimensions.

    Parameters
    ----------
    contents : Contents
    grid : Grid
    options : Options

    Returns
    -------
    iterator of (numpy.datetime64, mapping of str to int)

    Raises
    ------
    ReadError
        When times cannot be known, or columns run along something else than times.
    """
    shape = _record_shape(contents, grid)
    along = contents.variables[grid.time].dimensions if grid.time else ()
    for name, size in zip(grid.records, shape, strict=True):
        if size > 1 and name not in along:
            raise ReadError(
                f"{grid.levels['temperature']} runs along {name} ({size} entries), which is no "
                "time; take one of them out first, for example with ncks or xarray's isel"
            )
    contents.refuse_much(prod(shape), "the times have")
    times = np.broadcast_to(_times(contents, grid), shape)
    wanted = options.wants(times)
    for place, time in np.ndenumerate(times):
        if wanted[place]:
            yield time, dict(zip(grid.records, place, strict=True))


def _times(contents: Contents, grid: Grid) -> NDArray[np.datetime64]:
    """Return when columns are valid, along the records that times have, 1 along others."""
    if not grid.time:
        return np.array(NOT_A_TIME)
    described = contents.variables[grid.time]
    along = tuple(one for one in grid.records if one in described.dimensions)
    numbers = contents.values(grid.time, along)
    about = SimpleNamespace(units=described.text("units"), calendar=described.text("calendar"))
    try:
        times = decode_times(about, numbers.ravel()).reshape(numbers.shape)
    except (ValueError, TypeError, OverflowError) as error:  # cftime raises any of them
        raise ReadError(
            f"its times cannot be known: {grid.time} has units {about.units!r} and calendar "
            f"{about.calendar!r}, which name no dates of ours; correct its attributes"
        ) from error
    shape = [
        size if one in along else 1
        for one, size in zip(grid.records, _record_shape(contents, grid), strict=True)
    ]
    return times.reshape(shape)


def _record_shape(contents: Contents, grid: Grid) -> tuple[int, ...]:
    sizes = contents.raw[grid.levels["temperature"]].sizes
    return tuple(sizes[one] for one in grid.records)
