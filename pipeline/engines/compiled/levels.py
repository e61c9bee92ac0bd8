"""One value a level, as MetPy computes it. Pressures in hPa, temperatures in degC.

A profile without two levels has none, so each value here stands for itself.
"""

from __future__ import annotations

import numpy as np

from pipeline.engines.compiled import missing
from pipeline.engines.compiled import thermodynamics as air
from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.adiabats import moist_lapse, table
from pipeline.engines.compiled.thermodynamics import ZERO_CELSIUS
from pipeline.engines.compiled.types import Codes, FloatArray, Levels, Offsets


def codes_of_levels(starts: Offsets) -> Codes:
    """Return why each profile has no levels; 0 where it has."""
    has_none = np.diff(starts) < 2
    return np.where(has_none, missing.NO_THERMODYNAMICS, missing.NOTHING).astype(np.uint8)


@compiled
def wet_bulb(adiabats: FloatArray, pressure: float, temperature: float, dewpoint: float) -> float:
    """Return wet-bulb temperature in degC by Normand's rule: up to the LCL and saturated down."""
    lcl_pressure, lcl_temperature = air.lifting_condensation_level(
        pressure, temperature + ZERO_CELSIUS, dewpoint + ZERO_CELSIUS
    )
    return moist_lapse(adiabats, pressure, lcl_temperature, lcl_pressure) - ZERO_CELSIUS


@kernel
def _relative_humidity(temperature: FloatArray, dewpoint: FloatArray) -> FloatArray:
    values = np.empty(len(temperature))
    for level in range(len(values)):
        values[level] = 100.0 * air.relative_humidity(
            temperature[level] + ZERO_CELSIUS, dewpoint[level] + ZERO_CELSIUS
        )
    return values


def relative_humidity(starts: Offsets, temperature: FloatArray, dewpoint: FloatArray) -> Levels:
    """Return relative humidity over liquid water in percent."""
    return _relative_humidity(temperature, dewpoint), codes_of_levels(starts)


@kernel
def _mixing_ratio(pressure: FloatArray, dewpoint: FloatArray) -> FloatArray:
    values = np.empty(len(pressure))
    for level in range(len(values)):
        ratio = air.saturation_mixing_ratio(pressure[level], dewpoint[level] + ZERO_CELSIUS)
        values[level] = 1000.0 * ratio
    return values


def mixing_ratio(starts: Offsets, pressure: FloatArray, dewpoint: FloatArray) -> Levels:
    """Return the mixing ratio of water vapour in g kg-1."""
    return _mixing_ratio(pressure, dewpoint), codes_of_levels(starts)


@kernel
def _virtual_temperature(
    pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> FloatArray:
    values = np.empty(len(pressure))
    for level in range(len(values)):
        kelvin = air.virtual_temperature_from_dewpoint(
            pressure[level], temperature[level] + ZERO_CELSIUS, dewpoint[level] + ZERO_CELSIUS
        )
        values[level] = kelvin - ZERO_CELSIUS
    return values


def virtual_temperature(
    starts: Offsets, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Levels:
    """Return virtual temperature in degC."""
    return _virtual_temperature(pressure, temperature, dewpoint), codes_of_levels(starts)


@kernel
def _potential_temperature(pressure: FloatArray, temperature: FloatArray) -> FloatArray:
    values = np.empty(len(pressure))
    for level in range(len(values)):
        kelvin = temperature[level] + ZERO_CELSIUS
        values[level] = air.potential_temperature(pressure[level], kelvin)
    return values


def potential_temperature(starts: Offsets, pressure: FloatArray, temperature: FloatArray) -> Levels:
    """Return potential temperature in K."""
    return _potential_temperature(pressure, temperature), codes_of_levels(starts)


@kernel
def _equivalent_potential_temperature(
    pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> FloatArray:
    values = np.empty(len(pressure))
    for level in range(len(values)):
        values[level] = air.equivalent_potential_temperature(
            pressure[level], temperature[level] + ZERO_CELSIUS, dewpoint[level] + ZERO_CELSIUS
        )
    return values


def equivalent_potential_temperature(
    starts: Offsets, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Levels:
    """Return equivalent potential temperature in K (Bolton 1980)."""
    values = _equivalent_potential_temperature(pressure, temperature, dewpoint)
    return values, codes_of_levels(starts)


@kernel
def _wet_bulb_temperature(
    adiabats: FloatArray, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> FloatArray:
    values = np.empty(len(pressure))
    for level in range(len(values)):
        values[level] = wet_bulb(adiabats, pressure[level], temperature[level], dewpoint[level])
    return values


def wet_bulb_temperature(
    starts: Offsets, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Levels:
    """Return wet-bulb temperature in degC."""
    return _wet_bulb_temperature(table(), pressure, temperature, dewpoint), codes_of_levels(starts)
