"""MetPy's functions where the catalogue needs more than a plain call.

Each takes and returns pint quantities, in the units of the catalogue, and calls only MetPy's
public functions. `Missing` says that the profile does not hold what is needed; the result is then
missing in the output, which is no error.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import metpy.calc as mpcalc
import numpy as np
from metpy.constants import Rd
from metpy.units import units

Quantity = Any  # a pint Quantity: pint's own type says nothing more

HPA, KELVIN, METRE, KNOT = units.hPa, units.kelvin, units.meter, units.knot
_MIXED_LAYER_DEPTH = units.Quantity(100.0, HPA)

#: The lowest wind may be this far (m) above the ground and still count as the surface wind.
SURFACE_WIND_TOLERANCE = 50.0


class Missing(Exception):  # noqa: N818 - nothing is wrong
    """The profile does not hold what a calculation needs."""


# Parcels -----------------------------------------------------------------------------------------


class Start(NamedTuple):
    """Where a parcel starts (the first level) and the sounding it is lifted through."""

    pressure: Quantity
    temperature: Quantity
    dewpoint: Quantity


class Ascent(NamedTuple):
    """A lifted parcel and its surroundings, on the sounding's levels and at the LCL."""

    pressure: Quantity
    temperature: Quantity
    dewpoint: Quantity
    parcel_temperature: Quantity


def sb_start(pressure: Quantity, temperature: Quantity, dewpoint: Quantity) -> Start:
    """Return the surface-based parcel's sounding: the profile as it is."""
    return Start(pressure, temperature, dewpoint)


def ml_start(pressure: Quantity, temperature: Quantity, dewpoint: Quantity) -> Start:
    """Return the mixed-layer parcel's sounding, as ``mixed_layer_cape_cin`` builds it.

    The mean parcel of the lowest 100 hPa at the surface pressure, then the levels above the layer.
    """
    if pressure[0] - pressure[-1] < _MIXED_LAYER_DEPTH:
        raise Missing("the profile is less than 100 hPa deep")
    start = mpcalc.mixed_parcel(pressure, temperature, dewpoint)
    above = pressure < pressure[0] - _MIXED_LAYER_DEPTH
    profile = (pressure[above], temperature[above], dewpoint[above])
    return Start(*(_put_first(first, rest) for first, rest in zip(start, profile, strict=True)))


def _put_first(first: Quantity, rest: Quantity) -> Quantity:
    """Return a scalar put before an array of the same units."""
    return units.Quantity(np.append(first.m, rest.m), rest.units)


def mu_start(surface_based: Start) -> Start:
    """Return the most unstable parcel's sounding: the profile from its level upwards.

    Where that is the surface, it is the surface-based parcel's very start, and its ascent too.
    """
    *_, index = mpcalc.most_unstable_parcel(*surface_based)
    if index == 0:
        return surface_based
    return Start(*(values[index:] for values in surface_based))


def start_pressure(start: Start) -> Quantity:
    """Return the pressure at which a parcel starts."""
    return start.pressure[0]


def lifting_condensation_level(start: Start) -> tuple[Quantity, Quantity]:
    """Return pressure and temperature of a parcel's LCL."""
    return mpcalc.lcl(start.pressure[0], start.temperature[0], start.dewpoint[0])


def lcl_pressure(lcl: tuple[Quantity, Quantity]) -> Quantity:
    """Return the pressure of an LCL."""
    return lcl[0]


def lcl_temperature(lcl: tuple[Quantity, Quantity]) -> Quantity:
    """Return the temperature of an LCL."""
    return lcl[1]


def ascent(start: Start) -> Ascent:
    """Lift a parcel, once for everything that needs it."""
    if len(start.pressure) < 2:
        raise Missing("the parcel starts at the top of the profile")
    if (
        mpcalc.lcl(start.pressure[0], start.temperature[0], start.dewpoint[0])[0]
        <= start.pressure[-1]
    ):
        raise Missing("the profile ends below the parcel's LCL")
    return Ascent(*mpcalc.parcel_profile_with_lcl(*start))


def cape_cin(ascent: Ascent) -> tuple[Quantity, Quantity]:
    """Return CAPE and CIN of an ascent, as ``surface_based_cape_cin`` and its sisters do."""
    return mpcalc.cape_cin(*ascent)


def virtual_ascent(ascent: Ascent) -> Ascent:
    """Return an ascent with virtual temperatures, made as ``cape_cin`` makes them inside."""
    pressure, temperature, dewpoint, parcel = ascent
    lcl, _ = mpcalc.lcl(pressure[0], temperature[0], dewpoint[0])
    mixing_ratio = np.where(
        pressure > lcl,
        mpcalc.saturation_mixing_ratio(pressure[0], dewpoint[0]),
        mpcalc.saturation_mixing_ratio(pressure, parcel),
    )
    surroundings = mpcalc.virtual_temperature_from_dewpoint(pressure, temperature, dewpoint)
    return Ascent(
        pressure, surroundings, dewpoint, mpcalc.virtual_temperature(parcel, mixing_ratio)
    )


def lfc_pressure(virtual: Ascent) -> Quantity:
    """Return the LFC that bounds CAPE: bottom LFC with virtual temperature."""
    pressure, temperature, dewpoint, parcel = virtual
    return mpcalc.lfc(pressure, temperature, dewpoint, parcel, which="bottom")[0]


def el_pressure(virtual: Ascent) -> Quantity:
    """Return the EL that bounds CAPE: top EL with virtual temperature; missing without an LFC."""
    pressure, temperature, dewpoint, parcel = virtual
    return mpcalc.el(pressure, temperature, dewpoint, parcel, which="top")[0]


def lifted_index(ascent: Ascent) -> Quantity:
    """Return surroundings minus parcel at 500 hPa."""
    if ascent.pressure[0].m_as(HPA) < 500.0 or ascent.pressure[-1].m_as(HPA) > 500.0:
        raise Missing("the ascent does not cross 500 hPa")
    return mpcalc.lifted_index(ascent.pressure, ascent.temperature, ascent.parcel_temperature)


def positive_area(virtual: Ascent, lcl: Quantity) -> Quantity:
    """Return the energy of all layers above the LCL where the parcel is warmer, in J kg-1."""
    excess = (virtual.parcel_temperature - virtual.temperature).m_as(KELVIN)
    above = (virtual.pressure <= lcl) & np.isfinite(excess)
    log_pressure = np.log(virtual.pressure.m_as(HPA)[above])
    energy = -np.trapezoid(np.maximum(excess[above], 0.0), log_pressure)
    return Rd * units.Quantity(float(energy), KELVIN)


def top_buoyancy(virtual: Ascent) -> Quantity:
    """Return parcel minus surroundings at the top level."""
    return (virtual.parcel_temperature[-1] - virtual.temperature[-1]).to("delta_degC")


def parcel_temperature(ascent: Ascent, start: Start, pressure: Quantity) -> Quantity:
    """Return the parcel's temperature on the profile's levels; NaN below its start.

    The levels inside a mixed layer are not part of the ascent (MetPy leaves them out), so the
    mean parcel is lifted through them apart.
    """
    temperature = np.full(len(pressure), np.nan)
    levels = pressure.m_as(HPA)
    nodes, values = ascent.pressure.m_as(HPA), ascent.parcel_temperature.m_as(units.degC)
    # The LCL was inserted into the ascent; a level of the profile may lie on it exactly.
    place = {float(node): value for node, value in zip(nodes, values, strict=True)}
    for index, level in enumerate(levels):
        temperature[index] = place.get(float(level), np.nan)
    inside = np.isnan(temperature) & (levels <= nodes[0])
    if inside.any():
        path = np.append(nodes[0], levels[inside])
        lifted = mpcalc.parcel_profile(
            units.Quantity(path, HPA), start.temperature[0], start.dewpoint[0]
        )
        temperature[inside] = lifted.m_as(units.degC)[1:]
    return units.Quantity(temperature, units.degC)


# Heights -----------------------------------------------------------------------------------------


def height_above_ground(
    level: Quantity, pressure: Quantity, height: Quantity, ground_height: Quantity
) -> Quantity:
    """Return the height above ground of a pressure level, by the profile's heights in ln p."""
    known = np.isfinite(height.m)
    log_pressure = -np.log(pressure.m_as(HPA)[known])
    target = -np.log(level.m_as(HPA))
    if not known.any() or not np.isfinite(target) or target > log_pressure[-1]:
        raise Missing("no height there")
    metres = np.interp(target, log_pressure, height.m_as(METRE)[known])
    return units.Quantity(metres - ground_height.m_as(METRE), METRE)


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


# Moisture and indices ----------------------------------------------------------------------------


def mixed_layer_mixing_ratio(pressure: Quantity, dewpoint: Quantity) -> Quantity:
    """Return the mean mixing ratio of the lowest 100 hPa."""
    if pressure[0] - pressure[-1] < _MIXED_LAYER_DEPTH:
        raise Missing("the profile is less than 100 hPa deep")
    mixing_ratio = mpcalc.saturation_mixing_ratio(pressure, dewpoint)
    return mpcalc.mixed_layer(pressure, mixing_ratio, depth=_MIXED_LAYER_DEPTH)[0]


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
        mpcalc.wind_speed(u, v).to(KNOT),
        mpcalc.wind_direction(u, v),
    )


def galvez_davison_index(pressure: Quantity, temperature: Quantity, dewpoint: Quantity) -> Quantity:
    """Return the Galvez-Davison index."""
    mixing_ratio = mpcalc.saturation_mixing_ratio(pressure, dewpoint)
    return mpcalc.galvez_davison_index(pressure, temperature, mixing_ratio, pressure[0])


# Winds -------------------------------------------------------------------------------------------


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


# Composites --------------------------------------------------------------------------------------


def supercell_composite(mucape: Quantity, helicity: Quantity, shear: Quantity) -> Quantity:
    """Return the supercell composite parameter."""
    return mpcalc.supercell_composite(mucape, helicity, shear)


def significant_tornado(
    sbcape: Quantity, lcl_height: Quantity, helicity: Quantity, shear: Quantity
) -> Quantity:
    """Return the significant tornado parameter."""
    return mpcalc.significant_tornado(sbcape, lcl_height, helicity, shear).to("dimensionless")
