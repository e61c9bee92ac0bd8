"""Water in the column, and the heights at which it freezes, as MetPy computes them.

Pressures in hPa, temperatures in degC, heights in m above mean sea level.
"""

from __future__ import annotations

import math

import numpy as np

from pipeline.engines.compiled import missing
from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.adiabats import table
from pipeline.engines.compiled.layers import layer_between, mean
from pipeline.engines.compiled.levels import wet_bulb
from pipeline.engines.compiled.thermodynamics import (
    GRAVITY,
    WATER_DENSITY,
    ZERO_CELSIUS,
    mixing_ratio,
    saturation_mixing_ratio,
    saturation_vapor_pressure,
)
from pipeline.engines.compiled.types import FloatArray, Offsets, Scalars

#: Of the mixed layer, in hPa.
MIXED_LAYER_DEPTH = 100.0
#: From hPa of vapour mass a unit area to mm of liquid water.
_MILLIMETRES = 1000.0 * 100.0 / (GRAVITY * WATER_DENSITY)


@compiled
def column_water(pressure: FloatArray, dewpoint: FloatArray) -> float:
    """Return the water vapour between the lowest and the highest level in mm (Salby 1996, p. 28).

    The mixing ratio integrated over pressure by the trapezoidal rule.
    """
    total, ratio_below = 0.0, 0.0
    for level in range(len(pressure)):
        vapor_pressure = saturation_vapor_pressure(dewpoint[level] + ZERO_CELSIUS)
        ratio = mixing_ratio(vapor_pressure, pressure[level])
        if level > 0:
            total += (pressure[level - 1] - pressure[level]) * (ratio + ratio_below) / 2.0
        ratio_below = ratio
    return total * _MILLIMETRES


@kernel
def precipitable_water(starts: Offsets, pressure: FloatArray, dewpoint: FloatArray) -> Scalars:
    """Return the precipitable water of the whole sounding in mm."""
    count = len(starts) - 1
    values, codes = np.empty(count), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(starts[profile], starts[profile + 1])
        codes[profile], values[profile] = missing.NO_THERMODYNAMICS, np.nan
        if len(pressure[part]) >= 2:
            codes[profile] = missing.NOTHING
            values[profile] = column_water(pressure[part], dewpoint[part])
    return values, codes


@kernel
def mixed_layer_ratio(pressure: FloatArray, dewpoint: FloatArray) -> float:
    """Return the mean mixing ratio of the lowest 100 hPa in g kg-1."""
    layer = layer_between(pressure, pressure[0], pressure[0] - MIXED_LAYER_DEPTH)
    beyond = min(layer.last + 1, len(pressure))  # the top lies below this level
    ratio = np.empty(beyond)
    for level in range(beyond):
        ratio[level] = saturation_mixing_ratio(pressure[level], dewpoint[level] + ZERO_CELSIUS)
    return 1000.0 * mean(pressure, ratio, layer)


@kernel
def mixed_layer_mixing_ratio(
    starts: Offsets, pressure: FloatArray, dewpoint: FloatArray
) -> Scalars:
    """Return the mean mixing ratio of the lowest 100 hPa in g kg-1."""
    count = len(starts) - 1
    values, codes = np.empty(count), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(starts[profile], starts[profile + 1])
        levels = pressure[part]
        codes[profile], values[profile] = missing.NOTHING, np.nan
        if len(levels) < 2:
            codes[profile] = missing.NO_THERMODYNAMICS
        elif levels[0] - levels[-1] < MIXED_LAYER_DEPTH:
            codes[profile] = missing.SHALLOW
        else:
            values[profile] = mixed_layer_ratio(levels, dewpoint[part])
    return values, codes


@compiled
def next_with_height(height: FloatArray, level: int) -> int:
    """Return the first level from a level upwards that has a height (or the length)."""
    while level < len(height) and not math.isfinite(height[level]):
        level += 1
    return level


@compiled
def why_no_height(levels: int, ground_height: float) -> int:
    """Return why a profile of so many levels has no height above ground at all, if it has none."""
    if levels < 2:
        return missing.NO_THERMODYNAMICS
    return missing.NO_GROUND_HEIGHT if math.isnan(ground_height) else missing.NOTHING


@compiled
def lowest_freezing_height(temperature: FloatArray, height: FloatArray) -> tuple[float, int]:
    """Return where temperature first falls through 0 degC, linear in height, and why if nowhere."""
    below = next_with_height(height, 0)
    above = next_with_height(height, below + 1)
    if above >= len(height):
        return math.nan, missing.NO_HEIGHTS
    while above < len(height):
        warm, cold = temperature[below], temperature[above]
        if warm >= 0.0 > cold:
            return (cold * height[below] - warm * height[above]) / (cold - warm), missing.NOTHING
        below, above = above, next_with_height(height, above + 1)
    return math.nan, missing.NEVER_FREEZES


@kernel
def freezing_level_height(
    starts: Offsets, temperature: FloatArray, height: FloatArray, ground_height: FloatArray
) -> Scalars:
    """Return the lowest height above ground where temperature falls through 0 degC."""
    count = len(starts) - 1
    values, codes = np.empty(count), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(starts[profile], starts[profile + 1])
        codes[profile] = why_no_height(len(height[part]), ground_height[profile])
        values[profile] = np.nan
        if codes[profile] == missing.NOTHING:
            metres, codes[profile] = lowest_freezing_height(temperature[part], height[part])
            values[profile] = max(metres - ground_height[profile], 0.0)
    return values, codes


@compiled
def has_warm_wet_bulb(
    adiabats: FloatArray, pressure: float, temperature: float, dewpoint: float
) -> bool:
    """Return whether wet-bulb temperature is above 0 degC.

    It lies between dewpoint and temperature, so their signs tell as a rule.
    """
    if dewpoint > 0.0 or temperature <= 0.0:
        return dewpoint > 0.0
    return wet_bulb(adiabats, pressure, temperature, dewpoint) > 0.0


@compiled
def lowest_wet_bulb_zero(
    adiabats: FloatArray,
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    height: FloatArray,
) -> tuple[float, int]:
    """Return where wet-bulb temperature first falls through 0 degC, and why if nowhere.

    Linear in height between the two levels around it.
    """
    below = next_with_height(height, 0)
    was_warm = below < len(height) and has_warm_wet_bulb(
        adiabats, pressure[below], temperature[below], dewpoint[below]
    )
    above = next_with_height(height, below + 1)
    while above < len(height):
        is_warm = has_warm_wet_bulb(adiabats, pressure[above], temperature[above], dewpoint[above])
        if was_warm and not is_warm:
            warm = wet_bulb(adiabats, pressure[below], temperature[below], dewpoint[below])
            cold = wet_bulb(adiabats, pressure[above], temperature[above], dewpoint[above])
            thickness = height[above] - height[below]
            return height[below] + thickness * warm / (warm - cold), missing.NOTHING
        below, was_warm = above, is_warm
        above = next_with_height(height, above + 1)
    return math.nan, missing.WET_BULB_NEVER_FREEZES


@kernel
def _wet_bulb_zero_height(
    adiabats: FloatArray,
    starts: Offsets,
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    height: FloatArray,
    ground_height: FloatArray,
) -> Scalars:
    count = len(starts) - 1
    values, codes = np.empty(count), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(starts[profile], starts[profile + 1])
        codes[profile] = why_no_height(len(pressure[part]), ground_height[profile])
        values[profile] = np.nan
        if codes[profile] == missing.NOTHING:
            metres, codes[profile] = lowest_wet_bulb_zero(
                adiabats, pressure[part], temperature[part], dewpoint[part], height[part]
            )
            values[profile] = max(metres - ground_height[profile], 0.0)
    return values, codes


def wet_bulb_zero_height(
    starts: Offsets,
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    height: FloatArray,
    ground_height: FloatArray,
) -> Scalars:
    """Return the lowest height above ground where wet-bulb temperature falls through 0 degC."""
    return _wet_bulb_zero_height(
        table(), starts, pressure, temperature, dewpoint, height, ground_height
    )
