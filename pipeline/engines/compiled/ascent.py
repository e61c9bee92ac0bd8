"""A parcel's ascent: dry to its LCL, saturated above, as ``parcel_profile_with_lcl`` makes it.

MetPy's ways are kept: the dry ascent ends at the pressure of the LCL by Romps (2017) with dry
air's kappa, the saturated one goes on from that temperature, and the LCL itself has Romps'
temperature, which is a little higher.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.compiled import missing
from pipeline.engines.compiled._numba import compiled
from pipeline.engines.compiled.adiabats import (
    LEVEL_STEP,
    LEVELS,
    LOWEST,
    adiabat_label,
    follow_adiabat,
    integrated,
    on_adiabat,
)
from pipeline.engines.compiled.thermodynamics import (
    EPSILON,
    KAPPA,
    ZERO_CELSIUS,
    dry_lapse,
    saturation_mixing_ratio,
    saturation_vapor_pressure,
    virtual_temperature,
)

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]


class Starts(NamedTuple):
    """Where the parcels of a block start, and the levels that they are lifted through."""

    pressure: FloatArray
    """Of all levels, hPa; the next two are too, in degC."""
    temperature: FloatArray
    dewpoint: FloatArray
    start_pressure: FloatArray
    """Of each parcel, hPa; the next two are too, in degC."""
    start_temperature: FloatArray
    start_dewpoint: FloatArray
    above: IndexArray
    """The first level above each parcel's start."""
    lcl_pressure: FloatArray
    """Of each parcel, hPa."""
    lcl_temperature: FloatArray
    """Of each parcel, degC."""
    codes: NDArray[np.uint8]


class Ascents(NamedTuple):
    """The lifted parcels of a block, on nodes: the start, the levels above it, and the LCL."""

    first: IndexArray
    """The first node of each parcel."""
    count: IndexArray
    """How many nodes each parcel has."""
    pressure: FloatArray
    """Of all nodes, hPa."""
    log_pressure: FloatArray
    """Of all nodes: of the pressure in hPa."""
    temperature: FloatArray
    """Of the surroundings, K; NaN at an LCL below the ground."""
    parcel_temperature: FloatArray
    """K."""
    virtual_temperature: FloatArray
    """Of the surroundings, K; NaN at an LCL below the ground."""
    parcel_virtual_temperature: FloatArray
    """K."""
    start_dewpoint: FloatArray
    """Of each parcel, degC."""
    lcl_pressure: FloatArray
    """Of each parcel, hPa."""
    codes: NDArray[np.uint8]


@compiled
def is_close(value: float, other: float) -> bool:
    """Tell whether ``numpy.isclose`` calls a value close to another, by its defaults."""
    return abs(value - other) <= 1e-8 + 1e-5 * abs(other)


@compiled
def why_no_ascent(starts: Starts, profile: int, end: int) -> int:
    """Return the code of what keeps a parcel from being lifted, 0 where nothing does."""
    lcl = starts.lcl_pressure[profile]
    top = starts.pressure[end - 1]
    if starts.above[profile] >= end:
        return missing.STARTS_AT_TOP
    if lcl <= top:
        return missing.ENDS_BELOW_LCL
    if is_close(top, lcl) or not math.isfinite(lcl):  # MetPy fails
        return missing.ERROR
    return missing.NOTHING


class Lift(NamedTuple):
    """A parcel, ready to be asked for its temperature anywhere above its start."""

    lcl_pressure: float
    """hPa."""
    dry_temperature: float
    """K, at `log_dry_pressure`: from there dry up to the LCL."""
    log_dry_pressure: float
    moist_temperature: float
    """K, of the dry ascent at the LCL: from there saturated."""
    in_table: bool
    """Whether the pseudoadiabat is one of the table."""


@compiled
def lift(
    adiabats: FloatArray,
    pressure: float,
    temperature: float,
    lcl_pressure: float,
    adiabat: FloatArray,
) -> Lift:
    """Return a parcel as a `Lift`; its pseudoadiabat is written into `adiabat`.

    Parameters
    ----------
    pressure, temperature : float
        Of the start, hPa and K. With an LCL below it, the saturated ascent has the temperature of
        the start at that LCL, as in MetPy.
    """
    dry_pressure = max(pressure, lcl_pressure)
    moist = dry_lapse(lcl_pressure, temperature, dry_pressure)
    label = adiabat_label(adiabats, math.log(lcl_pressure), moist)
    in_table = math.isfinite(label)
    if in_table:
        follow_adiabat(adiabats, label, adiabat)
    return Lift(lcl_pressure, temperature, math.log(dry_pressure), moist, in_table)


@compiled
def lifted_temperature(
    parcel: Lift, adiabat: FloatArray, pressure: float, log_pressure: float
) -> float:
    """Return the temperature in K of a parcel at a level (which is not its LCL node)."""
    if pressure >= parcel.lcl_pressure:
        return parcel.dry_temperature * math.exp(KAPPA * (log_pressure - parcel.log_dry_pressure))
    if is_close(pressure, parcel.lcl_pressure):
        return parcel.moist_temperature
    if parcel.in_table and log_pressure >= LOWEST - (LEVELS - 1) * LEVEL_STEP:
        return on_adiabat(adiabat, log_pressure)
    return integrated(parcel.moist_temperature, math.log(parcel.lcl_pressure), log_pressure)


@compiled
def _state(starts: Starts, profile: int, level: int) -> tuple[float, float, float]:
    """Return pressure (hPa), temperature and dewpoint (K) at a level, or where a parcel starts."""
    if level < starts.above[profile]:
        return (
            starts.start_pressure[profile],
            starts.start_temperature[profile] + ZERO_CELSIUS,
            starts.start_dewpoint[profile] + ZERO_CELSIUS,
        )
    return (
        starts.pressure[level],
        starts.temperature[level] + ZERO_CELSIUS,
        starts.dewpoint[level] + ZERO_CELSIUS,
    )


@compiled
def _at_lcl(starts: Starts, profile: int, level: int) -> tuple[float, float, float]:
    """Return the surroundings at the LCL, which lies below a level; as `_state` does.

    They are interpolated linearly in p; NaN at an LCL below the start, as in MetPy.
    """
    lcl = starts.lcl_pressure[profile]
    if level < starts.above[profile]:
        return lcl, math.nan, math.nan
    pressure_below, temperature_below, dewpoint_below = _state(starts, profile, level - 1)
    pressure, temperature, dewpoint = _state(starts, profile, level)
    share = (lcl - pressure) / (pressure_below - pressure)
    return (
        lcl,
        temperature + (temperature_below - temperature) * share,
        dewpoint + (dewpoint_below - dewpoint) * share,
    )


@compiled
def _virtual(pressure: float, temperature: float, dewpoint: float) -> float:
    """Return virtual temperature in K; NaN where water boils at the dewpoint.

    ``T (w + eps) / (eps (1 + w))``, as MetPy has it, with the mixing ratio written out.
    """
    vapor = saturation_vapor_pressure(dewpoint)
    if vapor >= pressure:
        return math.nan
    return temperature * pressure / (pressure - (1.0 - EPSILON) * vapor)


@compiled
def _put_node(
    ascents: Ascents,
    node: int,
    state: tuple[float, float, float],
    log_pressure: float,
    parcel_temperature: float,
    parcel_virtual_temperature: float,
) -> None:
    """Write a node."""
    pressure, temperature, dewpoint = state
    ascents.pressure[node] = pressure
    ascents.log_pressure[node] = log_pressure
    ascents.temperature[node] = temperature
    ascents.parcel_temperature[node] = parcel_temperature
    ascents.virtual_temperature[node] = _virtual(pressure, temperature, dewpoint)
    ascents.parcel_virtual_temperature[node] = parcel_virtual_temperature


@compiled
def ascend(
    starts: Starts,
    profile: int,
    end: int,
    adiabats: FloatArray,
    adiabat: FloatArray,
    ascents: Ascents,
) -> None:
    """Write the nodes of a parcel's ascent up to a level (`end`, not included), and how many.

    The virtual temperatures are those of ``cape_cin``: below the LCL the parcel has the mixing
    ratio of its start, from the LCL on it is saturated. Where one is NaN (water boils there) the
    code says `ERROR`.
    """
    lcl, lcl_temperature = starts.lcl_pressure[profile], starts.lcl_temperature[profile]
    lcl_temperature += ZERO_CELSIUS
    lowest = starts.above[profile] - 1
    pressure, temperature, dewpoint = _state(starts, profile, lowest)
    warming = virtual_temperature(1.0, saturation_mixing_ratio(pressure, dewpoint))
    parcel = lift(adiabats, pressure, temperature, lcl, adiabat)
    node, is_below, finite = ascents.first[profile], True, True
    for level in range(lowest, end):
        state = _state(starts, profile, level)
        pressure = state[0]
        if pressure < lcl and is_below:
            is_below = False
            virtual = _virtual(lcl, lcl_temperature, lcl_temperature)
            at_lcl = _at_lcl(starts, profile, level)
            _put_node(ascents, node, at_lcl, math.log(lcl), lcl_temperature, virtual)
            node += 1
        log_pressure = math.log(pressure)
        kelvin = lifted_temperature(parcel, adiabat, pressure, log_pressure)
        virtual = kelvin * warming if pressure > lcl else _virtual(pressure, kelvin, kelvin)
        _put_node(ascents, node, state, log_pressure, kelvin, virtual)
        finite &= math.isfinite(virtual - ascents.virtual_temperature[node])
        node += 1
    ascents.count[profile] = node - ascents.first[profile]
    ascents.codes[profile] = missing.NOTHING if finite else missing.ERROR
