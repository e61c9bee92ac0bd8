"""The energy of a downdraft, as MetPy's ``downdraft_cape`` has it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.compiled import missing
from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.adiabats import (
    LEVELS,
    follow_adiabat,
    moist_lapse,
    on_adiabat,
    table,
)
from pipeline.engines.compiled.closeness import is_close
from pipeline.engines.compiled.thermodynamics import (
    DRY_AIR_GAS_CONSTANT,
    ZERO_CELSIUS,
    equivalent_potential_temperature,
    lifting_condensation_level,
    virtual_temperature_from_dewpoint,
)

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]

#: The layer in which the downdraft starts, in hPa.
BOTTOM, TOP = 700.0, 500.0

State = tuple[float, float, float]


@compiled
def wet_bulb_temperature(
    adiabats: FloatArray, pressure: float, temperature: float, dewpoint: float
) -> float:
    """Return wet-bulb temperature in K by Normand's rule (Knox et al. 2017).

    From the LCL down the pseudoadiabat.
    """
    lcl_pressure, lcl_temperature = lifting_condensation_level(pressure, temperature, dewpoint)
    return moist_lapse(adiabats, pressure, lcl_temperature, lcl_pressure)


@compiled
def _state(
    pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray, level: int
) -> State:
    """Return pressure (hPa), temperature and dewpoint (K) of a level."""
    return pressure[level], temperature[level] + ZERO_CELSIUS, dewpoint[level] + ZERO_CELSIUS


@compiled
def _between(below: State, above: State, pressure: float) -> State:
    """Return the state at a pressure between two others, interpolated in ln p."""
    share = math.log(pressure / above[0]) / math.log(below[0] / above[0])
    return (
        pressure,
        above[1] + (below[1] - above[1]) * share,
        above[2] + (below[2] - above[2]) * share,
    )


@compiled
def _theta_e(state: State) -> float:
    return equivalent_potential_temperature(state[0], state[1], state[2])


@compiled
def downdraft_start(pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray) -> State:
    """Return where equivalent potential temperature is lowest between 700 and 500 hPa.

    At the levels there and, by interpolation in ln p, at its bounds; the lower one of equals.
    """
    lowest, start = math.inf, (math.nan, math.nan, math.nan)
    below, last = start, math.inf
    for level in range(len(pressure)):
        here = _state(pressure, temperature, dewpoint, level)
        for bound in (BOTTOM, TOP):
            is_passed = last > bound > here[0]
            if is_passed and not is_close(bound, last) and not is_close(bound, here[0]):
                at_bound = _between(below, here, bound)
                if _theta_e(at_bound) < lowest:
                    lowest, start = _theta_e(at_bound), at_bound
        is_below_top = here[0] > TOP or is_close(here[0], TOP)
        is_above_bottom = here[0] < BOTTOM or is_close(here[0], BOTTOM)
        if is_below_top and is_above_bottom and _theta_e(here) < lowest:
            lowest, start = _theta_e(here), here
        if not is_below_top:
            break
        below, last = here, here[0]
    return start


@compiled
def downdraft_energy(
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    adiabats: FloatArray,
    adiabat: FloatArray,
) -> float:
    """Return the DCAPE in J kg-1 of one profile, which spans 700 to 500 hPa.

    A saturated parcel of the start's wet-bulb temperature descends to the lowest level; the
    integral is over levels, not from the start where that is none, as in MetPy. Its pseudoadiabat
    is written into `adiabat`.
    """
    start = downdraft_start(pressure, temperature, dewpoint)
    wet_bulb = wet_bulb_temperature(adiabats, start[0], start[1], start[2])
    if math.isnan(wet_bulb):
        return math.nan
    follow_adiabat(adiabats, start[0], wet_bulb, pressure[0], adiabat)
    energy, last_colder, last_log = 0.0, math.nan, math.nan
    for level in range(len(pressure)):
        here, kelvin, dew = _state(pressure, temperature, dewpoint, level)
        if here < start[0]:
            break
        log_pressure = math.log(here)
        parcel = on_adiabat(adiabat, log_pressure, here, wet_bulb, start[0])
        parcel = virtual_temperature_from_dewpoint(here, parcel, parcel)
        colder = virtual_temperature_from_dewpoint(here, kelvin, dew) - parcel
        if level > 0:
            energy += (colder + last_colder) / 2.0 * (last_log - log_pressure)
        last_colder, last_log = colder, log_pressure
    return DRY_AIR_GAS_CONSTANT * energy


def dcape(
    starts: IndexArray, pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Return the energy in J kg-1 of downdrafts (Gilmore and Wicker 1998)."""
    return _dcapes(starts, pressure, temperature, dewpoint, table())


@kernel
def _dcapes(
    starts: IndexArray,
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    adiabats: FloatArray,
) -> tuple[FloatArray, NDArray[np.uint8]]:
    profiles = len(starts) - 1
    values, codes = np.empty(profiles), np.empty(profiles, np.uint8)
    adiabat = np.empty(LEVELS)
    for profile in range(profiles):
        values[profile], codes[profile] = math.nan, missing.NOTHING
        first, end = starts[profile], starts[profile + 1]
        if end - first < 2:
            codes[profile] = missing.NO_THERMODYNAMICS
        elif pressure[first] < BOTTOM or pressure[end - 1] > TOP:
            codes[profile] = missing.NOT_700_TO_500
        else:
            values[profile] = downdraft_energy(
                pressure[first:end], temperature[first:end], dewpoint[first:end], adiabats, adiabat
            )
            if math.isnan(values[profile]):
                codes[profile] = missing.ERROR
    return values, codes
