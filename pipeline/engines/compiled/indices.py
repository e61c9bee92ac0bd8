"""Stability indices from fixed levels, as MetPy computes them.

Pressures in hPa, temperatures in degC, winds in m s-1; all interpolated linearly in p.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pipeline.engines.compiled import missing
from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.adiabats import moist_lapse, table
from pipeline.engines.compiled.closeness import tolerance
from pipeline.engines.compiled.composites import first_reason
from pipeline.engines.compiled.layers import first_below, place_in_pressure, value_at
from pipeline.engines.compiled.thermodynamics import (
    DRY_AIR_HEAT,
    ZERO_CELSIUS,
    dry_lapse,
    lifting_condensation_level,
    potential_temperature,
    saturation_mixing_ratio,
)
from pipeline.engines.compiled.types import Codes, FloatArray, Offsets, Scalars

#: Knots in a metre a second.
KNOTS = 1.9438444924406049


class StandardLevels(NamedTuple):
    """Temperature and dewpoint of all profiles on the levels of the indices, in degC."""

    t850: FloatArray
    t700: FloatArray
    t500: FloatArray
    td850: FloatArray
    td700: FloatArray
    codes: Codes


@compiled
def why_not_spanned(pressure: FloatArray, low: float, high: float, otherwise: int) -> int:
    """Return why a profile has no levels on both sides of two pressures; 0 where it has."""
    if len(pressure) < 2:
        return missing.NO_THERMODYNAMICS
    if pressure[0] < low or pressure[-1] > high:
        return otherwise
    return missing.NOTHING


@kernel
def standard_levels(
    starts: Offsets, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> StandardLevels:
    """Return temperature and dewpoint on 850, 700 and 500 hPa."""
    count = len(starts) - 1
    t850, t700, t500 = np.empty(count), np.empty(count), np.empty(count)
    td850, td700, codes = np.empty(count), np.empty(count), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(starts[profile], starts[profile + 1])
        levels, warmth, dew = pressure[part], temperature[part], dewpoint[part]
        codes[profile] = why_not_spanned(levels, 850.0, 500.0, missing.NOT_850_TO_500)
        t850[profile] = t700[profile] = t500[profile] = np.nan
        td850[profile] = td700[profile] = np.nan
        if codes[profile] == missing.NOTHING:
            low = place_in_pressure(levels, 850.0)
            middle = place_in_pressure(levels, 700.0)
            t850[profile], td850[profile] = value_at(warmth, low), value_at(dew, low)
            t700[profile], td700[profile] = value_at(warmth, middle), value_at(dew, middle)
            t500[profile] = value_at(warmth, place_in_pressure(levels, 500.0))
    return StandardLevels(t850, t700, t500, td850, td700, codes)


def k_index(
    starts: Offsets, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Scalars:
    """Return the K index in degC (George 1960)."""
    at = standard_levels(starts, pressure, temperature, dewpoint)
    return (at.t850 - at.t500) + at.td850 - (at.t700 - at.td700), at.codes


def total_totals_index(
    starts: Offsets, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Scalars:
    """Return the total totals index in K (Miller 1972)."""
    at = standard_levels(starts, pressure, temperature, dewpoint)
    return (at.t850 - at.t500) + (at.td850 - at.t500), at.codes


def cross_totals(
    starts: Offsets, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Scalars:
    """Return the cross totals in K (Miller 1972)."""
    at = standard_levels(starts, pressure, temperature, dewpoint)
    return at.td850 - at.t500, at.codes


def vertical_totals(starts: Offsets, pressure: FloatArray, temperature: FloatArray) -> Scalars:
    """Return the vertical totals in K (Miller 1972)."""
    at = standard_levels(starts, pressure, temperature, temperature)
    return at.t850 - at.t500, at.codes


@compiled
def lifted_to_500(adiabats: FloatArray, temperature: float, dewpoint: float) -> float:
    """Return the temperature at 500 hPa of a parcel from 850 hPa, all in K.

    As MetPy's ``parcel_profile`` lifts it: where the LCL lies above 500 hPa or within a relative
    1e-5 below, it ends below, in the latter case with the parcel's own temperature at 850 hPa.
    """
    lcl, _ = lifting_condensation_level(850.0, temperature, dewpoint)
    if lcl <= 500.0:
        return dry_lapse(500.0, temperature, 850.0)
    if lcl - 500.0 <= tolerance(lcl):
        return temperature
    at_lcl = temperature if lcl > 850.0 else dry_lapse(lcl, temperature, 850.0)
    return moist_lapse(adiabats, 500.0, at_lcl, lcl)


@kernel
def _showalter_index(adiabats: FloatArray, at: StandardLevels) -> FloatArray:
    count = len(at.codes)
    values = np.empty(count)
    for profile in range(count):
        values[profile] = np.nan
        if at.codes[profile] == missing.NOTHING:
            warmth, dew = at.t850[profile] + ZERO_CELSIUS, at.td850[profile] + ZERO_CELSIUS
            lifted = lifted_to_500(adiabats, warmth, dew)
            values[profile] = at.t500[profile] + ZERO_CELSIUS - lifted
    return values


def showalter_index(
    starts: Offsets, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Scalars:
    """Return the Showalter index in K: surroundings minus a parcel from 850 hPa at 500 hPa."""
    at = standard_levels(starts, pressure, temperature, dewpoint)
    return _showalter_index(table(), at), at.codes


class StandardWinds(NamedTuple):
    """Wind of all profiles on two levels, in m s-1."""

    u850: FloatArray
    v850: FloatArray
    u500: FloatArray
    v500: FloatArray
    codes: Codes


@compiled
def numpy_interpolated(pressure: FloatArray, values: FloatArray, at: float) -> float:
    """Return the value at a pressure, linear in p, to the last bit as ``numpy.interp`` has it."""
    upper = min(first_below(pressure, at), len(pressure) - 1)
    slope = (values[upper] - values[upper - 1]) / (pressure[upper - 1] - pressure[upper])
    return slope * (pressure[upper - 1] - at) + values[upper - 1]


@kernel
def standard_winds(
    wind_starts: Offsets, wind_pressure: FloatArray, u_wind: FloatArray, v_wind: FloatArray
) -> StandardWinds:
    """Return the wind on 850 and 500 hPa."""
    count = len(wind_starts) - 1
    u850, v850 = np.empty(count), np.empty(count)
    u500, v500, codes = np.empty(count), np.empty(count), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(wind_starts[profile], wind_starts[profile + 1])
        levels, u, v = wind_pressure[part], u_wind[part], v_wind[part]
        codes[profile] = missing.NOTHING
        u850[profile] = v850[profile] = u500[profile] = v500[profile] = np.nan
        if len(levels) < 2:
            codes[profile] = missing.NO_WINDS
        elif levels[0] < 850.0 or levels[-1] > 500.0:
            codes[profile] = missing.WINDS_NOT_850_TO_500
        else:
            u850[profile] = numpy_interpolated(levels, u, 850.0)
            v850[profile] = numpy_interpolated(levels, v, 850.0)
            u500[profile] = numpy_interpolated(levels, u, 500.0)
            v500[profile] = numpy_interpolated(levels, v, 500.0)
    return StandardWinds(u850, v850, u500, v500, codes)


def wind_direction(u: FloatArray, v: FloatArray) -> FloatArray:
    """Return where winds come from, in degrees clockwise from north; 0 for calm."""
    direction = 90.0 - np.degrees(np.arctan2(-v, -u))
    direction = np.where(direction <= 0.0, direction + 360.0, direction)
    return np.where((u == 0.0) & (v == 0.0), 0.0, direction)


def sweat_index(
    starts: Offsets,
    wind_starts: Offsets,
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    wind_pressure: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
) -> Scalars:
    """Return the SWEAT index (Miller 1972), winds interpolated by component.

    Its shear term comes in at 15 knots and at whole degrees, as which winds are reported: so speed
    and direction are computed to the last bit as MetPy computes them, by numpy and with the
    rounding of one more interpolation.
    """
    at = standard_levels(starts, pressure, temperature, dewpoint)
    winds = standard_winds(wind_starts, wind_pressure, u_wind, v_wind)
    speed_500 = np.hypot(winds.u500, winds.v500) * KNOTS
    speed_850 = speed_500 + (np.hypot(winds.u850, winds.v850) * KNOTS - speed_500)
    direction_500 = wind_direction(winds.u500, winds.v500)
    direction_850 = direction_500 + (wind_direction(winds.u850, winds.v850) - direction_500)
    veers_in_warm_sector = (
        (direction_850 >= 130.0)
        & (direction_850 <= 250.0)
        & (direction_500 >= 210.0)
        & (direction_500 <= 310.0)
        & (direction_500 > direction_850)
        & (speed_850 >= 15.0)
        & (speed_500 >= 15.0)
    )
    veering = np.radians(direction_500 - direction_850)
    shear = np.where(veers_in_warm_sector, 125.0 * (np.sin(veering) + 0.2), 0.0)
    moisture = 12.0 * np.maximum(at.td850, 0.0)
    instability = 20.0 * np.maximum((at.t850 - at.t500) + (at.td850 - at.t500) - 49.0, 0.0)
    values = moisture + instability + 2.0 * speed_850 + speed_500 + shear
    return values, first_reason(at.codes, winds.codes)


@compiled
def humid_level(
    pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray, at: float
) -> tuple[float, float, float]:
    """Return temperature (K), mixing ratio and potential temperature (K) at a pressure.

    Each computed on the levels around and interpolated linearly in p.
    """
    place = place_in_pressure(pressure, at)
    above, below = place.upper, place.upper - 1
    kelvin_above, kelvin_below = (
        temperature[above] + ZERO_CELSIUS,
        temperature[below] + ZERO_CELSIUS,
    )
    ratio_above = saturation_mixing_ratio(pressure[above], dewpoint[above] + ZERO_CELSIUS)
    ratio_below = saturation_mixing_ratio(pressure[below], dewpoint[below] + ZERO_CELSIUS)
    theta_above = potential_temperature(pressure[above], kelvin_above)
    theta_below = potential_temperature(pressure[below], kelvin_below)
    return (
        kelvin_above + (kelvin_below - kelvin_above) * place.weight,
        ratio_above + (ratio_below - ratio_above) * place.weight,
        theta_above + (theta_below - theta_above) * place.weight,
    )


@compiled
def galvez_davison(pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray) -> float:
    """Return the Galvez-Davison index of a profile that spans 950 to 500 hPa (their 2015 paper).

    The sum of column buoyancy, mid-level warming, inversion and terrain; with the paper's own
    latent heat.
    """
    t950, r950, theta_950 = humid_level(pressure, temperature, dewpoint, 950.0)
    t850, r850, theta_850 = humid_level(pressure, temperature, dewpoint, 850.0)
    t700, r700, theta_700 = humid_level(pressure, temperature, dewpoint, 700.0)
    t500, r500, theta_500 = humid_level(pressure, temperature, dewpoint, 500.0)
    latent = 2.69e6 / (DRY_AIR_HEAT * t850)
    low = theta_950 * math.exp(latent * r950)
    middle = (theta_850 + theta_700) / 2.0 * math.exp(latent * (r850 + r700) / 2.0) - 10.0
    high = theta_500 * math.exp(latent * r500) - 10.0
    column_buoyancy = 0.0 if low <= 303.0 else 6.5e-2 * (low - 303.0) * (high - 303.0)
    warming = 0.0 if t500 <= 263.15 else -7.0 * (t500 - 263.15)
    stability = t950 - t700 + (middle - low)
    inversion = 0.0 if stability >= 0.0 else 1.5 * stability
    terrain = 18.0 - 9000.0 / (pressure[0] - 500.0)
    return column_buoyancy + warming + inversion + terrain


@kernel
def galvez_davison_index(
    starts: Offsets, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Scalars:
    """Return the Galvez-Davison index."""
    count = len(starts) - 1
    values, codes = np.empty(count), np.empty(count, np.uint8)
    for profile in range(count):
        part = slice(starts[profile], starts[profile + 1])
        levels = pressure[part]
        codes[profile] = why_not_spanned(levels, 950.0, 500.0, missing.NOT_950_TO_500)
        values[profile] = np.nan
        if codes[profile] == missing.NOTHING:
            values[profile] = galvez_davison(levels, temperature[part], dewpoint[part])
    return values, codes
