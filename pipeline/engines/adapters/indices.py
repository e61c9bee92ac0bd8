"""Indices whose functions want other inputs than the catalogue has."""

from __future__ import annotations

import metpy.calc as mpcalc
import numpy as np
from metpy.units import units

from pipeline.engines.adapters.common import HPA, Missing, Quantity


def sweat_index(
    pressure: Quantity,
    temperature: Quantity,
    dewpoint: Quantity,
    wind_pressure: Quantity,
    u_wind: Quantity,
    v_wind: Quantity,
) -> Quantity:
    """Return the SWEAT index, with winds in knots.

    MetPy uses the bare number of the speed, so it must be in knots, and interpolates direction in
    degrees, which goes wrong across north. So everything is first interpolated to the two levels
    that matter (linearly in p, as MetPy does), the wind by its components.
    """
    if wind_pressure[0].m < 850.0 or wind_pressure[-1].m > 500.0:
        raise Missing("the winds do not span 850 to 500 hPa")
    levels = units.Quantity(np.array([850.0, 500.0]), HPA)

    def at_levels(values: Quantity, at: Quantity) -> Quantity:
        return units.Quantity(np.interp(-levels.m, -at.m_as(HPA), values.m), values.units)

    u, v = at_levels(u_wind, wind_pressure), at_levels(v_wind, wind_pressure)
    return mpcalc.sweat_index(
        levels,
        at_levels(temperature, pressure),
        at_levels(dewpoint, pressure),
        mpcalc.wind_speed(u, v).to(units.knot),
        mpcalc.wind_direction(u, v),
    )


def galvez_davison_index(pressure: Quantity, temperature: Quantity, dewpoint: Quantity) -> Quantity:
    """Return the Galvez-Davison index."""
    mixing_ratio = mpcalc.saturation_mixing_ratio(pressure, dewpoint)
    return mpcalc.galvez_davison_index(pressure, temperature, mixing_ratio, pressure[0])
