"""Profiles as kernels take them: their levels end to end, each input on the levels that have it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.types import FloatArray, Offsets


class Rows(NamedTuple):
    """The levels of many profiles as the dataset has them; NaN for what is missing."""

    pressure: FloatArray
    temperature: FloatArray
    dewpoint: FloatArray
    height: FloatArray
    u_wind: FloatArray
    v_wind: FloatArray


class Block(NamedTuple):
    """Some profiles' inputs, under the names that the catalogue gives them."""

    starts: Offsets
    """Where each profile's levels with temperature and dewpoint begin, and the last one's end."""
    pressure: FloatArray
    temperature: FloatArray
    dewpoint: FloatArray
    height: FloatArray
    wind_starts: Offsets
    """The same for the levels with wind and height."""
    wind_pressure: FloatArray
    wind_height: FloatArray
    u_wind: FloatArray
    v_wind: FloatArray
    ground_height: FloatArray
    """Of each profile's lowest level; NaN where it has none."""
    source: NDArray[np.int64]
    """Of each level with temperature and dewpoint: which row of the dataset it is."""


#: What only calculations of wind take.
WINDS = frozenset({"wind_starts", "wind_pressure", "wind_height", "u_wind", "v_wind"})


@compiled
def _put_thermodynamics(
    rows: Rows, block: Block, first: int, end: int, place: int, levels: NDArray[np.int64]
) -> int:
    """Write a profile's levels with temperature and dewpoint; return where the next one's begin."""
    began = place
    for row in range(first, end):
        pressure, temperature = rows.pressure[row], rows.temperature[row]
        dewpoint = rows.dewpoint[row]
        if math.isfinite(pressure) and math.isfinite(temperature) and math.isfinite(dewpoint):
            block.pressure[place], block.temperature[place] = pressure, temperature
            block.dewpoint[place], block.height[place] = dewpoint, rows.height[row]
            levels[place] = row
            place += 1
    return place if place - began >= 2 else began


@compiled
def _put_winds(rows: Rows, block: Block, first: int, end: int, place: int) -> int:
    """Write a profile's levels with wind and rising height; return where the next one's begin."""
    began, highest = place, -math.inf
    for row in range(first, end):
        pressure, height = rows.pressure[row], rows.height[row]
        u_wind, v_wind = rows.u_wind[row], rows.v_wind[row]
        if math.isfinite(pressure) and math.isfinite(height) and math.isfinite(u_wind + v_wind):
            # MetPy's layers need heights that rise; a wind whose height does not is left out.
            if height > highest:
                block.wind_pressure[place], block.wind_height[place] = pressure, height
                block.u_wind[place], block.v_wind[place] = u_wind, v_wind
                place += 1
            highest = max(highest, height)
    return place if place - began >= 2 else began


@kernel
def compact(offsets: Offsets, rows: Rows, with_winds: bool = True) -> Block:
    """Return profiles on the levels that have what is needed, as the MetPy engine picks them.

    A profile with fewer than two levels of a kind has none.

    Parameters
    ----------
    offsets : numpy.ndarray, shape (profiles + 1,)
        Where in `rows` each profile begins, and the last one ends.
    rows : Rows
        May hold other profiles too, before and after.
    with_winds : bool
        False to leave them out, where nobody asks for them.
    """
    profiles, size = len(offsets) - 1, offsets[-1] - offsets[0]
    winds = size if with_winds else 0
    block = Block(
        np.zeros(profiles + 1, np.int64),
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.zeros(profiles + 1, np.int64),
        np.empty(winds),
        np.empty(winds),
        np.empty(winds),
        np.empty(winds),
        np.empty(profiles),
        np.empty(size, np.int64),
    )
    level, wind = 0, 0
    for profile in range(profiles):
        first, end = offsets[profile], offsets[profile + 1]
        level = _put_thermodynamics(rows, block, first, end, level, block.source)
        if with_winds:
            wind = _put_winds(rows, block, first, end, wind)
        block.starts[profile + 1], block.wind_starts[profile + 1] = level, wind
        ground = rows.height[first] if end > first else math.nan
        block.ground_height[profile] = ground if math.isfinite(ground) else math.nan
    return Block(
        block.starts,
        block.pressure[:level],
        block.temperature[:level],
        block.dewpoint[:level],
        block.height[:level],
        block.wind_starts,
        block.wind_pressure[:wind],
        block.wind_height[:wind],
        block.u_wind[:wind],
        block.v_wind[:wind],
        block.ground_height,
        block.source[:level],
    )
