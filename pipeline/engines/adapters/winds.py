"""Shear, helicity and storm motion, from the ground up or not at all."""

from __future__ import annotations

import metpy.calc as mpcalc
from metpy.units import units

from pipeline.engines.adapters.common import METRE, Missing, Quantity

#: The lowest wind may be this far (m) above the ground and still count as the surface wind.
SURFACE_WIND_TOLERANCE = 50.0


def _demand_layer(height: Quantity, ground_height: Quantity, depth: float) -> None:
    """Raise `Missing` unless the winds reach from the ground to a depth in metres."""
    bottom = (height[0] - ground_height).m_as(METRE)
    top = (height[-1] - height[0]).m_as(METRE)
    if bottom > SURFACE_WIND_TOLERANCE:
        raise Missing(f"the lowest wind is {bottom:.0f} m above ground")
    if top < depth:
        raise Missing(f"the winds end {top:.0f} m above ground")


def bulk_shear(
    pressure: Quantity,
    height: Quantity,
    u_wind: Quantity,
    v_wind: Quantity,
    ground_height: Quantity,
    *,
    depth: float,
) -> Quantity:
    """Return the magnitude of the shear between the ground and a height above it in metres."""
    _demand_layer(height, ground_height, depth)
    layer = units.Quantity(depth, METRE)
    return mpcalc.wind_speed(*mpcalc.bulk_shear(pressure, u_wind, v_wind, height, depth=layer))


def bunkers_storm_motion(
    pressure: Quantity,
    height: Quantity,
    u_wind: Quantity,
    v_wind: Quantity,
    ground_height: Quantity,
) -> tuple[Quantity, ...]:
    """Return u and v of the right mover, the left mover and the mean wind."""
    _demand_layer(height, ground_height, 6000.0)
    right, left, mean = mpcalc.bunkers_storm_motion(pressure, u_wind, v_wind, height)
    return (*right, *left, *mean)


def corfidi_storm_motion(
    pressure: Quantity, u_wind: Quantity, v_wind: Quantity
) -> tuple[Quantity, ...]:
    """Return u and v of the upwind and the downwind vector, for a cloud layer of 850-300 hPa."""
    if pressure[0].m < 850.0 or pressure[-1].m > 300.0:
        raise Missing("the winds do not span 850 to 300 hPa")
    upwind, downwind = mpcalc.corfidi_storm_motion(pressure, u_wind, v_wind)
    return (*upwind, *downwind)


def component(motions: tuple[Quantity, ...], *, index: int) -> Quantity:
    """Return one of the components that a shared step computed together."""
    return motions[index]


def storm_relative_helicity(
    height: Quantity,
    u_wind: Quantity,
    v_wind: Quantity,
    ground_height: Quantity,
    storm_motion: tuple[Quantity, ...],
    *,
    depth: float,
) -> Quantity:
    """Return the total storm-relative helicity of a layer from the ground, for the right mover."""
    _demand_layer(height, ground_height, depth)
    layer = units.Quantity(depth, METRE)
    storm_u, storm_v = storm_motion[:2]
    return mpcalc.storm_relative_helicity(
        height, u_wind, v_wind, layer, storm_u=storm_u, storm_v=storm_v
    )[2]


def critical_angle(
    pressure: Quantity,
    height: Quantity,
    u_wind: Quantity,
    v_wind: Quantity,
    ground_height: Quantity,
    storm_motion: tuple[Quantity, ...],
) -> Quantity:
    """Return the critical angle for the right mover."""
    _demand_layer(height, ground_height, 500.0)
    return mpcalc.critical_angle(pressure, u_wind, v_wind, height, *storm_motion[:2])
