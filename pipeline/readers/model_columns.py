"""Columns of model output on pressure or hybrid levels, as profiles: netCDF, GRIB, Zarr.

Each column of the grid, at each time, is a profile, from the surface up. Variables are known by CF
standard name, GRIB number or name (`_columns_names`); units are those that each variable states.
Dewpoint comes from specific humidity or mixing ratio where there is no dewpoint, and from relative
humidity where there is nothing else: a model's relative humidity may be over ice. Levels below the
ground are left out where the file has surface pressure. Winds along the axes of a Lambert grid are
turned to east and north, those of other projections left out. What stands at one height above the
ground (2 m, 10 m) is not taken. Read block by block, so memory does not grow with the file.

Sources: CF conventions 1.11; WMO manual on codes, FM 92 GRIB; the files of NCEP and ECMWF.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import LEVEL_VARIABLES, Profile
from pipeline.readers import _columns_choice as choice
from pipeline.readers import _columns_names as names
from pipeline.readers._columns_choice import Columns
from pipeline.readers._columns_grid import find
from pipeline.readers._columns_open import open_columns
from pipeline.readers._columns_options import parse
from pipeline.readers._columns_values import Block, Layout, layout_of, read_block
from pipeline.readers._files import is_store, opened
from pipeline.readers._grib_messages import MAGIC as GRIB_MAGIC
from pipeline.readers._netcdf_kinds import other_reader
from pipeline.readers._netcdf_summary import is_netcdf, summary
from pipeline.readers._riding import riding
from pipeline.readers.limits import current, refuse_levels

NAME = names.READER
DESCRIPTION = "columns of model output in netCDF, GRIB or Zarr: at points, in a box, or all"

#: Most values of a variable that are in memory at a time: 8 MB of each.
BLOCK_VALUES = 1_000_000


def sniff(head: bytes, path: Path) -> str | None:
    """Return None for GRIB, Zarr and netCDF with a grid of columns, otherwise why it is not.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    path : Path
        Looked at where `head` starts as netCDF does.

    Returns
    -------
    str or None

    Examples
    --------
    >>> sniff(b"%TITLE%", Path("14061619.OAX"))
    'neither netCDF, GRIB nor Zarr'
    """
    if head.startswith(GRIB_MAGIC) or (head.lstrip().startswith(b"{") and is_store(path)):
        return None
    if not is_netcdf(head):
        return "neither netCDF, GRIB nor Zarr"
    from pipeline.readers import profile_netcdf

    try:
        found = summary(path)
        if reader := other_reader(found):
            return reader
        find(found.variables, found, {})
    except ReadError as error:
        return str(error)
    # A single column may be read either way: as a profile it needs no grid.
    return None if profile_netcdf.sniff(head, path) else "a profile: read by profile_netcdf"


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ReadError, with every problem found, where these options make no sense."""
    parse(options)


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the columns of model output, time by time.

    Parameters
    ----------
    path : Path
    options : mapping
        All are optional. ``points``: a list of ``{latitude, longitude, station_id, name}``, of
        which the nearest column each is read; or ``box``: ``{north, south, west, east}`` in
        degrees, across the dateline where west is east of east. ``times``: a list of times (UTC),
        or ``{start, end}``. ``variables``: which variable is what, for example
        ``{temperature: T}``; the keys are those of `pipeline.readers._columns_names.CHOOSABLE`.

    Yields
    ------
    Profile
        In the project's units, from the surface up, in the order of the points or of the file.

    Raises
    ------
    ReadError
        When the file is damaged, holds no columns, or a point or box lies outside of them.
    """
    chosen = parse(options)
    with opened(path, current()) as stream:
        head = stream.read(8)
    with open_columns(path, head) as contents:
        grid = find(contents.variables, contents.about, chosen.variables)
        size = contents.raw[grid.levels["temperature"]].sizes[grid.axis.dimension]
        refuse_levels(size, f"dimension {grid.axis.dimension} has {size} entries: ")
        layout = layout_of(contents, grid)
        columns = choice.choose(contents, grid, chosen)
        moments = list(choice.moments(contents, grid, chosen))
        _refuse_much(layout, columns, len(moments))
        for time, record in moments:
            for part in _blocks(columns, len(layout.levels)):
                block = read_block(layout, part, record)
                for number in range(len(part)):
                    yield _profile(layout, block, number, time)


def _refuse_much(layout: Layout, columns: Columns, times: int) -> None:
    """Raise ReadError for more than a source may hold."""
    choice.refuse_many(len(columns), times)
    values = len(columns) * times * len(layout.levels) * len(layout.rows)
    layout.contents.refuse_much(values, f"{len(columns)} columns at {times} times have")


def _blocks(columns: Columns, levels: int) -> Iterator[Columns]:
    """Yield columns in parts whose surroundings, which are read with them, are not too many."""
    area = prod(len(np.unique(one)) for one in columns.cells)
    if len(columns) > 1 and area * levels > BLOCK_VALUES:
        middle = len(columns) // 2
        yield from _blocks(columns.part(0, middle), levels)
        yield from _blocks(columns.part(middle, len(columns)), levels)
    elif len(columns):
        yield columns


def _profile(layout: Layout, block: Block, number: int, time: np.datetime64) -> Profile:
    """Build the profile of one column of a block, without its levels below the ground."""
    facts = _facts(block.columns, number)
    facts |= {"time": time, "surface_altitude": float(block.surface_altitude[number])}
    notes = [*layout.notes]
    if block.columns.points:
        notes.append(_about_point(block.columns, number))
    pressure, ground = block.levels["pressure"][number], block.surface_pressure[number]
    if not np.isfinite(pressure).any():
        problem = "the pressure of its levels is missing, or the surface pressure to compute it"
        return Profile(problem=problem, notes=tuple(notes), **facts)
    below = int((pressure > ground).sum())
    if below:
        notes.append(f"{below} levels below the ground ({ground:.1f} hPa) were left out")
    mine = {name: one[number, below:].copy() for name, one in block.levels.items()}
    extras = {}
    if "relative_humidity" in mine:
        extras = riding({"reported_relative_humidity": mine["relative_humidity"]})
    facts |= {name: mine[name] for name in LEVEL_VARIABLES if name in mine}
    return Profile(**facts, extras=extras, derived=layout.derived, notes=tuple(notes))


def _facts(columns: Columns, number: int) -> dict[str, Any]:
    """Return where a column is and what it is called, by its point or else by its place."""
    latitude, longitude = float(columns.latitude[number]), float(columns.longitude[number])
    decimals = columns.decimals
    side = "S" if round(latitude, decimals) < 0 else "N"
    east = round(longitude % 360, decimals) % 360
    place = f"grid_{abs(latitude):.{decimals}f}{side}_{east:.{decimals}f}E"
    if abs(longitude) > 180:
        longitude -= math.copysign(360, longitude)
    facts = {"station_id": place, "latitude": latitude, "longitude": longitude}
    if columns.points:
        point = columns.points[number]
        facts |= {"station_id": point.station_id or point.name or place, "station_name": point.name}
    return facts


def _about_point(columns: Columns, number: int) -> str:
    point = columns.points[number]
    latitude, longitude = columns.latitude[number], columns.longitude[number]
    apart = choice.distance(latitude, longitude, point.latitude, point.longitude)
    return f"the column at {latitude:g} N, {longitude:g} E, {apart:.0f} km from the point"
