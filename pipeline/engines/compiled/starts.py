"""Where parcels start: at the surface, mixed in the lowest 100 hPa, or where most unstable."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.compiled import missing
from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.ascent import Starts
from pipeline.engines.compiled.closeness import is_close, is_too_close_to_call
from pipeline.engines.compiled.thermodynamics import (
    ZERO_CELSIUS,
    dewpoint,
    equivalent_potential_temperature,
    exner_function,
    lifting_condensation_level,
    potential_temperature,
    saturation_mixing_ratio,
    vapor_pressure,
)

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]

#: The mixed layer's depth, and how far up the most unstable parcel is sought, in hPa.
MIXED_LAYER_DEPTH = 100.0
MOST_UNSTABLE_DEPTH = 300.0


@kernel
def _empty_starts(
    profiles: int, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Starts:
    """Return starts to be filled in."""
    return Starts(
        pressure,
        temperature,
        dewpoint,
        np.empty(profiles),
        np.empty(profiles),
        np.empty(profiles),
        np.empty(profiles, np.int64),
        np.empty(profiles),
        np.empty(profiles),
        np.empty(profiles, np.uint8),
    )


@compiled
def _put_none(parcels: Starts, profile: int, code: int) -> None:
    """Write why a profile has no such parcel."""
    parcels.start_pressure[profile] = math.nan
    parcels.start_temperature[profile] = math.nan
    parcels.start_dewpoint[profile] = math.nan
    parcels.lcl_pressure[profile] = math.nan
    parcels.lcl_temperature[profile] = math.nan
    parcels.above[profile] = 0
    parcels.codes[profile] = code


@compiled
def _put(
    parcels: Starts,
    profile: int,
    above: int,
    pressure: float,
    temperature: float,
    dewpoint: float,
) -> None:
    """Write a start (hPa and degC), with its LCL."""
    parcels.start_pressure[profile] = pressure
    parcels.start_temperature[profile] = temperature
    parcels.start_dewpoint[profile] = dewpoint
    parcels.above[profile] = above
    parcels.codes[profile] = missing.NOTHING
    lcl_pressure, lcl_temperature = lifting_condensation_level(
        pressure, temperature + ZERO_CELSIUS, dewpoint + ZERO_CELSIUS
    )
    if is_too_close_to_call(lcl_pressure, pressure):  # saturated: not below the ground by rounding
        lcl_pressure = pressure
    parcels.lcl_pressure[profile] = lcl_pressure
    parcels.lcl_temperature[profile] = lcl_temperature - ZERO_CELSIUS


@compiled
def _put_level(parcels: Starts, profile: int, level: int) -> None:
    """Write a start at a level."""
    _put(
        parcels,
        profile,
        level + 1,
        parcels.pressure[level],
        parcels.temperature[level],
        parcels.dewpoint[level],
    )


@kernel
def sb_start(
    starts: IndexArray, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Starts:
    """Return the surface-based parcels: they start at the lowest level."""
    profiles = len(starts) - 1
    parcels = _empty_starts(profiles, pressure, temperature, dewpoint)
    for profile in range(profiles):
        if starts[profile + 1] - starts[profile] < 2:
            _put_none(parcels, profile, missing.NO_THERMODYNAMICS)
        else:
            _put_level(parcels, profile, starts[profile])
    return parcels


class _Mean(NamedTuple):
    """Integrals in p over the layer so far, with the integrands at its top."""

    pressure: float
    potential_temperature: float
    mixing_ratio: float
    potential_temperature_integral: float
    mixing_ratio_integral: float


@compiled
def _extended(mean: _Mean, pressure: float, theta: float, ratio: float) -> _Mean:
    """Return the integrals, by the trapezoidal rule, up to a lower pressure."""
    depth = mean.pressure - pressure
    return _Mean(
        pressure,
        theta,
        ratio,
        mean.potential_temperature_integral + depth * (mean.potential_temperature + theta) / 2.0,
        mean.mixing_ratio_integral + depth * (mean.mixing_ratio + ratio) / 2.0,
    )


@compiled
def mixed_layer(
    pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray, depth: float
) -> tuple[float, float]:
    """Return mean potential temperature (K) and mixing ratio of a layer from the lowest level.

    As MetPy's ``mixed_layer``: means in p; a top between levels is interpolated in ln p.
    """
    top = pressure[0] - depth
    mean = _Mean(pressure[0], 0.0, 0.0, 0.0, 0.0)
    for level in range(len(pressure)):
        theta = potential_temperature(pressure[level], temperature[level] + ZERO_CELSIUS)
        ratio = saturation_mixing_ratio(pressure[level], dewpoint[level] + ZERO_CELSIUS)
        if pressure[level] < top and not is_close(pressure[level], top):
            if not is_close(top, mean.pressure):
                share = math.log(top / pressure[level]) / math.log(mean.pressure / pressure[level])
                theta += (mean.potential_temperature - theta) * share
                ratio += (mean.mixing_ratio - ratio) * share
                mean = _extended(mean, top, theta, ratio)
            break
        mean = _extended(mean, pressure[level], theta, ratio)
    actual_depth = pressure[0] - mean.pressure
    return (
        mean.potential_temperature_integral / actual_depth,
        mean.mixing_ratio_integral / actual_depth,
    )


@kernel
def ml_start(
    starts: IndexArray, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> Starts:
    """Return the mixed-layer parcels: the mean of the lowest 100 hPa, started at the surface.

    As ``mixed_layer_cape_cin`` has it, levels inside the layer are left out of the ascent.
    """
    profiles = len(starts) - 1
    parcels = _empty_starts(profiles, pressure, temperature, dewpoint)
    for profile in range(profiles):
        first, end = starts[profile], starts[profile + 1]
        if end - first < 2:
            _put_none(parcels, profile, missing.NO_THERMODYNAMICS)
        elif pressure[first] - pressure[end - 1] < MIXED_LAYER_DEPTH:
            _put_none(parcels, profile, missing.SHALLOW)
        else:
            theta, ratio = mixed_layer(
                pressure[first:end], temperature[first:end], dewpoint[first:end], MIXED_LAYER_DEPTH
            )
            above = first
            while above < end and pressure[above] >= pressure[first] - MIXED_LAYER_DEPTH:
                above += 1
            _put(
                parcels,
                profile,
                above,
                pressure[first],
                theta * exner_function(pressure[first]) - ZERO_CELSIUS,
                _dewpoint(vapor_pressure(pressure[first], ratio)) - ZERO_CELSIUS,
            )
    return parcels


#: The formula, where a dewpoint is called `dewpoint`.
_dewpoint = dewpoint


@compiled
def most_unstable_level(
    pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray, depth: float
) -> int:
    """Return the level of highest equivalent potential temperature in a layer from the lowest.

    As MetPy's ``most_unstable_parcel``: the layer ends at the level nearest to its top.

    Returns
    -------
    int
        -1 where an equivalent potential temperature is NaN.
    """
    top = nearest_level(pressure, pressure[0] - depth)
    best, highest = -1, -math.inf
    for level in range(len(pressure)):
        if pressure[level] < pressure[top] and not is_close(pressure[level], pressure[top]):
            break
        theta_e = equivalent_potential_temperature(
            pressure[level], temperature[level] + ZERO_CELSIUS, dewpoint[level] + ZERO_CELSIUS
        )
        if math.isnan(theta_e):
            return -1
        if theta_e > highest:
            best, highest = level, theta_e
    return best


@compiled
def nearest_level(pressure: FloatArray, wanted: float) -> int:
    """Return the level whose pressure is nearest to one, the lower of two as near."""
    nearest = 0
    for level in range(1, len(pressure)):
        if abs(pressure[level] - wanted) < abs(pressure[nearest] - wanted):
            nearest = level
        if pressure[level] < wanted:
            break
    return nearest


@kernel
def mu_start(starts: IndexArray, surface_based: Starts) -> Starts:
    """Return the most unstable parcels: they start at the level that `most_unstable_level` says."""
    profiles = len(starts) - 1
    pressure, temperature = surface_based.pressure, surface_based.temperature
    dewpoint = surface_based.dewpoint
    parcels = _empty_starts(profiles, pressure, temperature, dewpoint)
    for profile in range(profiles):
        first, end = starts[profile], starts[profile + 1]
        if surface_based.codes[profile] != missing.NOTHING:
            _put_none(parcels, profile, surface_based.codes[profile])
        else:
            level = most_unstable_level(
                pressure[first:end],
                temperature[first:end],
                dewpoint[first:end],
                MOST_UNSTABLE_DEPTH,
            )
            if level < 0:
                _put_none(parcels, profile, missing.ERROR)
            else:
                _put_level(parcels, profile, first + level)
    return parcels
