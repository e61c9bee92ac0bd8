"""Water in the column, and the heights at which it freezes."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import metpy.calc as mpcalc
import numpy as np
from metpy.units import units

from pipeline.engines.adapters.common import METRE, MIXED_LAYER_DEPTH, Missing, Quantity


def mixed_layer_mixing_ratio(pressure: Quantity, dewpoint: Quantity) -> Quantity:
    """Return the mean mixing ratio of the lowest 100 hPa."""
    if pressure[0] - pressure[-1] < MIXED_LAYER_DEPTH:
        raise Missing("the profile is less than 100 hPa deep")
    mixing_ratio = mpcalc.saturation_mixing_ratio(pressure, dewpoint)
    return mpcalc.mixed_layer(pressure, mixing_ratio, depth=MIXED_LAYER_DEPTH)[0]


def _not_below_ground(height: Quantity) -> Quantity:
    """Return a height above ground, 0 where rounding has put it a hair below."""
    return max(height, units.Quantity(0.0, METRE))


def freezing_level_height(
    temperature: Quantity, height: Quantity, ground_height: Quantity
) -> Quantity:
    """Return the lowest height above ground where temperature falls through 0 degC."""
    known = np.isfinite(height.m)
    zero = units.Quantity(np.zeros(int(known.sum())), units.degC)
    if len(zero) < 2:
        raise Missing("no heights")
    crossings, _ = mpcalc.find_intersections(
        height[known], temperature[known], zero, direction="decreasing"
    )
    if not len(crossings):
        raise Missing("temperature does not fall through 0 degC")
    return _not_below_ground(crossings[0] - ground_height)


def wet_bulb_zero_height(
    pressure: Quantity,
    temperature: Quantity,
    dewpoint: Quantity,
    height: Quantity,
    ground_height: Quantity,
) -> Quantity:
    """Return the lowest height above ground where wet-bulb temperature falls through 0 degC.

    Wet-bulb temperature lies between dewpoint and temperature: where those have the same sign, its
    sign is known. MetPy integrates a differential equation a level, so only the others, and the
    two levels around the zero, are computed, each once.
    """
    celsius, dew = temperature.m_as(units.degC), dewpoint.m_as(units.degC)

    @cache
    def wet_bulb(index: int) -> float:
        value = mpcalc.wet_bulb_temperature(pressure[index], temperature[index], dewpoint[index])
        return float(value.m_as(units.degC))

    def is_positive(index: int) -> bool:
        if dew[index] > 0.0 or celsius[index] <= 0.0:
            return bool(dew[index] > 0.0)
        return wet_bulb(index) > 0.0

    levels = np.flatnonzero(np.isfinite(height.m)).tolist()
    for below, above in pairwise(levels):
        if not is_positive(above) and is_positive(below):
            pair = height.m_as(METRE)[[below, above]]
            warm, cold = wet_bulb(below), wet_bulb(above)
            metres = pair[0] + (pair[1] - pair[0]) * warm / (warm - cold)
            return _not_below_ground(units.Quantity(metres, METRE) - ground_height)
    raise Missing("wet-bulb temperature does not fall through 0 degC")
