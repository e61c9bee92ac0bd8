"""Lifted parcels: where they start, their ascents, and what is read off them."""

from __future__ import annotations

from typing import NamedTuple

import metpy.calc as mpcalc
import numpy as np
from metpy.constants import Rd
from metpy.units import units

from pipeline.engines.adapters.common import (
    HPA,
    KELVIN,
    METRE,
    MIXED_LAYER_DEPTH,
    Missing,
    Quantity,
)


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
    if pressure[0] - pressure[-1] < MIXED_LAYER_DEPTH:
        raise Missing("the profile is less than 100 hPa deep")
    start = mpcalc.mixed_parcel(pressure, temperature, dewpoint)
    above = pressure < pressure[0] - MIXED_LAYER_DEPTH
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


def height_above_ground(
    level: Quantity, pressure: Quantity, height: Quantity, ground_height: Quantity
) -> Quantity:
    """Return the height above ground of a pressure level, by the profile's heights in ln p."""
    known = np.isfinite(height.m)
    log_pressure = -np.log(pressure.m_as(HPA)[known])
    target = -np.log(level.m_as(HPA))
    if not known.any() or not np.isfinite(target) or target > log_pressure[-1]:
        raise Missing("no height there")
    if not known[0]:  # interpolation would put whatever lies below it on the lowest known height
        raise Missing("the lowest level has no height")
    metres = np.interp(target, log_pressure, height.m_as(METRE)[known])
    return units.Quantity(metres - ground_height.m_as(METRE), METRE)
