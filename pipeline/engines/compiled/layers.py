"""Values at a pressure, and layers of one profile, cut exactly as MetPy's ``get_layer`` cuts them.

All functions take the levels of one profile from the surface up: pressure strictly falling, height
strictly rising. MetPy interpolates linearly in p to single levels (``interpolate_1d``), and
linearly in ln p to the bounds of a layer (``get_layer``), which it adds unless a level is close.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pipeline.engines.compiled._numba import compiled
from pipeline.engines.compiled.closeness import tolerance
from pipeline.engines.compiled.types import FloatArray


class Place(NamedTuple):
    """Where a value lies between two levels: at `weight` of the way down from `upper`."""

    upper: int
    weight: float


class Layer(NamedTuple):
    """Levels ``first`` to ``last - 1``, and nodes between levels at its bottom and top if added."""

    first: int
    last: int
    adds_bottom: bool
    bottom: float
    bottom_place: Place
    adds_top: bool
    top: float
    top_place: Place


@compiled
def first_below(pressure: FloatArray, limit: float) -> int:
    """Return the index of the lowest level whose pressure is below a limit (or the length)."""
    low, high = 0, len(pressure)
    while low < high:
        middle = (low + high) // 2
        if pressure[middle] < limit:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def place_in_pressure(pressure: FloatArray, at: float) -> Place:
    """Return where a pressure lies between levels, linear in p; weight NaN outside them."""
    last = len(pressure) - 1
    if not pressure[last] <= at <= pressure[0]:
        return Place(last, math.nan)
    upper = min(first_below(pressure, at), last)
    return Place(upper, (at - pressure[upper]) / (pressure[upper - 1] - pressure[upper]))


@compiled
def place_in_log_pressure(pressure: FloatArray, at: float) -> Place:
    """Return where a pressure lies between levels, linear in ln p; weight NaN outside them."""
    last = len(pressure) - 1
    if not pressure[last] <= at <= pressure[0]:
        return Place(last, math.nan)
    upper = min(first_below(pressure, at), last)
    above, below = math.log(pressure[upper]), math.log(pressure[upper - 1])
    return Place(upper, (math.log(at) - above) / (below - above))


@compiled
def value_at(values: FloatArray, place: Place) -> float:
    """Return the value at a place between two levels."""
    above = values[place.upper]
    return above + (values[place.upper - 1] - above) * place.weight


@compiled
def pressure_at_height(height: FloatArray, pressure: FloatArray, at: float) -> float:
    """Return the pressure at a height, linear in height; the end's beyond the ends."""
    last = len(height) - 1
    if at >= height[last]:
        return pressure[last]
    if at <= height[0]:
        return pressure[0]
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        if height[middle] <= at:
            low = middle
        else:
            high = middle
    slope = (pressure[high] - pressure[low]) / (height[high] - height[low])
    return slope * (at - height[low]) + pressure[low]


@compiled
def layer_between(pressure: FloatArray, bottom: float, top: float) -> Layer:
    """Return the layer between two pressures that the profile spans.

    Levels within a relative 1e-5 of a bound belong to the layer, and stand for that bound.
    """
    first = first_below(pressure, bottom + tolerance(bottom))
    last = first_below(pressure, top - tolerance(top))
    is_empty = first >= last
    adds_top = is_empty or pressure[last - 1] > top + tolerance(pressure[last - 1])
    lowest = top if is_empty else pressure[first]
    adds_bottom = lowest < bottom - tolerance(lowest)
    nowhere = Place(1, math.nan)
    bottom_place = place_in_log_pressure(pressure, bottom) if adds_bottom else nowhere
    top_place = place_in_log_pressure(pressure, top) if adds_top else nowhere
    return Layer(first, last, adds_bottom, bottom, bottom_place, adds_top, top, top_place)


@compiled
def layer_between_heights(
    pressure: FloatArray, height: FloatArray, bottom: float, depth: float
) -> Layer:
    """Return the layer of a depth in m above a height in m, which the profile spans."""
    bottom_pressure = pressure_at_height(height, pressure, bottom)
    top_pressure = pressure_at_height(height, pressure, bottom + depth)
    return layer_between(pressure, bottom_pressure, top_pressure)


@compiled
def value_at_bottom(values: FloatArray, layer: Layer) -> float:
    """Return the value at the bottom of a layer."""
    return value_at(values, layer.bottom_place) if layer.adds_bottom else values[layer.first]


@compiled
def value_at_top(values: FloatArray, layer: Layer) -> float:
    """Return the value at the top of a layer."""
    return value_at(values, layer.top_place) if layer.adds_top else values[layer.last - 1]


@compiled
def pressure_bounds(pressure: FloatArray, layer: Layer) -> tuple[float, float]:
    """Return the pressures of a layer's lowest and highest node."""
    bottom = layer.bottom if layer.adds_bottom else pressure[layer.first]
    top = layer.top if layer.adds_top else pressure[layer.last - 1]
    return bottom, top


@compiled
def integral(pressure: FloatArray, values: FloatArray, layer: Layer) -> float:
    """Return the integral of values over pressure, from bottom to top, by the trapezoidal rule."""
    below, top = pressure_bounds(pressure, layer)
    value_below = value_at_bottom(values, layer)
    total = 0.0
    for level in range(layer.first, layer.last):
        total += (pressure[level] - below) * (values[level] + value_below) / 2.0
        below, value_below = pressure[level], values[level]
    return total + (top - below) * (value_at_top(values, layer) + value_below) / 2.0


@compiled
def pressure_weighted_integral(pressure: FloatArray, values: FloatArray, layer: Layer) -> float:
    """Return the integral of values times pressure over pressure, from bottom to top."""
    below, top = pressure_bounds(pressure, layer)
    product_below = value_at_bottom(values, layer) * below
    total = 0.0
    for level in range(layer.first, layer.last):
        product = values[level] * pressure[level]
        total += (pressure[level] - below) * (product + product_below) / 2.0
        below, product_below = pressure[level], product
    return total + (top - below) * (value_at_top(values, layer) * top + product_below) / 2.0


@compiled
def mean(pressure: FloatArray, values: FloatArray, layer: Layer) -> float:
    """Return the mean over pressure (MetPy's ``weighted_continuous_average``)."""
    bottom, top = pressure_bounds(pressure, layer)
    return integral(pressure, values, layer) / (top - bottom)


@compiled
def pressure_weighted_mean(pressure: FloatArray, values: FloatArray, layer: Layer) -> float:
    """Return the mean weighted with pressure (MetPy's ``mean_pressure_weighted``)."""
    bottom, top = pressure_bounds(pressure, layer)
    weights = 0.5 * (top**2 - bottom**2)
    return pressure_weighted_integral(pressure, values, layer) / weights
