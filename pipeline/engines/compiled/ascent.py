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
    follow_adiabat,
    on_adiabat,
)
from pipeline.engines.compiled.closeness import is_close, is_too_close_to_call
from pipeline.engines.compiled.saturation import tabulated_vapor_pressure
from pipeline.engines.compiled.thermodynamics import (
    EPSILON,
    KAPPA,
    ZERO_CELSIUS,
    dry_lapse,
    mixing_ratio,
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

    first_node: IndexArray
    """The first node of each parcel."""
    node_count: IndexArray
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
def why_no_ascent(starts: Starts, profile: int, end: int) -> int:
    """Return the code of what keeps a parcel from being lifted, 0 where nothing does."""
    lcl = starts.lcl_pressure[profile]
    top = starts.pressure[end - 1]
    if starts.above[profile] >= end:
        return missing.STARTS_AT_TOP
    if is_too_close_to_call(lcl, top):
        return missing.ERROR
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


@compiled
def lift(
    adiabats: FloatArray,
    pressure: float,
    temperature: float,
    lcl_pressure: float,
    top: float,
    adiabat: FloatArray,
) -> Lift:
    """Return a parcel as a `Lift`; its pseudoadiabat is written into `adiabat`, up to the top.

    Parameters
    ----------
    pressure, temperature : float
        Of the start, hPa and K. With an LCL below it, the saturated ascent has the temperature of
        the start at that LCL, as in MetPy.
    top : float
        The lowest pressure at which the parcel's temperature will be asked for.
    """
    dry_pressure = max(pressure, lcl_pressure)
    moist = dry_lapse(lcl_pressure, temperature, dry_pressure)
    follow_adiabat(adiabats, lcl_pressure, moist, top, adiabat)
    return Lift(lcl_pressure, temperature, math.log(dry_pressure), moist)


@compiled
def lifted_temperature(
    parcel: Lift, adiabat: FloatArray, pressure: float, log_pressure: float
) -> float:
    """Return the temperature in K of a parcel at a level (which is not its LCL node)."""
    if pressure >= parcel.lcl_pressure:
        return parcel.dry_temperature * math.exp(KAPPA * (log_pressure - parcel.log_dry_pressure))
    return on_adiabat(
        adiabat, log_pressure, pressure, parcel.moist_temperature, parcel.lcl_pressure
    )


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
    vapor = tabulated_vapor_pressure(dewpoint)
    if vapor >= pressure:
        return math.nan
    return temperature * pressure / (pressure - (1.0 - EPSILON) * vapor)


@compiled
def _put_node(ascents: Ascents, node: int, state: tuple[float, float, float]) -> None:
    """Write the surroundings at a node."""
    pressure, temperature, dewpoint = state
    ascents.pressure[node] = pressure
    ascents.log_pressure[node] = math.log(pressure)
    ascents.temperature[node] = temperature
    ascents.virtual_temperature[node] = _virtual(pressure, temperature, dewpoint)


@compiled
def _put_nodes(starts: Starts, first: int, end: int, ascents: Ascents, node: int) -> None:
    """Write the surroundings at nodes that are levels, from one to another, not included."""
    # Plain arrays: a call with all of a tuple's costs more than a level's arithmetic.
    pressure, temperature = ascents.pressure, ascents.temperature
    log_pressure, virtual = ascents.log_pressure, ascents.virtual_temperature
    levels, celsius, dewpoint = starts.pressure, starts.temperature, starts.dewpoint
    for level in range(first, end):
        kelvin = celsius[level] + ZERO_CELSIUS
        pressure[node] = levels[level]
        log_pressure[node] = math.log(levels[level])
        temperature[node] = kelvin
        virtual[node] = _virtual(levels[level], kelvin, dewpoint[level] + ZERO_CELSIUS)
        node += 1


@compiled
def _put_surroundings(starts: Starts, profile: int, end: int, ascents: Ascents) -> int:
    """Write a parcel's surroundings at all its nodes; return which node is the LCL."""
    lcl, above, node = (
        starts.lcl_pressure[profile],
        starts.above[profile],
        ascents.first_node[profile],
    )
    ascents.node_count[profile] = end - above + 2
    start = _state(starts, profile, above - 1)
    if start[0] < lcl:
        _put_node(ascents, node, _at_lcl(starts, profile, above - 1))
        _put_node(ascents, node + 1, start)
        _put_nodes(starts, above, end, ascents, node + 2)
        return node
    split = above
    while starts.pressure[split] >= lcl:
        split += 1
    lcl_node = node + 1 + split - above
    _put_node(ascents, node, start)
    _put_nodes(starts, above, split, ascents, node + 1)
    _put_node(ascents, lcl_node, _at_lcl(starts, profile, split))
    _put_nodes(starts, split, end, ascents, lcl_node + 1)
    return lcl_node


@compiled
def _put_parcel(
    parcel: Lift,
    adiabat: FloatArray,
    start_ratio: float,
    pressure: FloatArray,
    log_pressure: FloatArray,
    temperature: FloatArray,
    virtual: FloatArray,
) -> None:
    """Write a parcel's temperature and virtual temperature at nodes other than its LCL.

    The virtual temperatures are those of ``cape_cin``: below the LCL the parcel has the mixing
    ratio of its start, from the LCL on it is saturated.
    """
    warming = virtual_temperature(1.0, start_ratio)
    for node in range(len(pressure)):
        lifted = lifted_temperature(parcel, adiabat, pressure[node], log_pressure[node])
        temperature[node] = lifted
        if pressure[node] > parcel.lcl_pressure:
            virtual[node] = lifted * warming
        else:
            virtual[node] = _virtual(pressure[node], lifted, lifted)


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

    Where a virtual temperature is NaN (water boils there) the code says `ERROR`.
    """
    lcl, lcl_temperature = starts.lcl_pressure[profile], starts.lcl_temperature[profile]
    pressure, temperature, dewpoint = _state(starts, profile, starts.above[profile] - 1)
    parcel = lift(adiabats, pressure, temperature, lcl, starts.pressure[end - 1], adiabat)
    lcl_node = _put_surroundings(starts, profile, end, ascents)
    nodes = slice(
        ascents.first_node[profile], ascents.first_node[profile] + ascents.node_count[profile]
    )
    surroundings = ascents.virtual_temperature[nodes]
    virtual = ascents.parcel_virtual_temperature[nodes]
    _put_parcel(
        parcel,
        adiabat,
        mixing_ratio(tabulated_vapor_pressure(dewpoint), pressure),
        ascents.pressure[nodes],
        ascents.log_pressure[nodes],
        ascents.parcel_temperature[nodes],
        virtual,
    )
    lcl_temperature += ZERO_CELSIUS
    ascents.parcel_temperature[lcl_node] = lcl_temperature
    ascents.parcel_virtual_temperature[lcl_node] = _virtual(lcl, lcl_temperature, lcl_temperature)
    ascents.codes[profile] = missing.NOTHING
    for node in range(len(virtual)):
        is_below_ground = node == 0 and lcl > pressure
        if not (is_below_ground or math.isfinite(virtual[node] - surroundings[node])):
            ascents.codes[profile] = missing.ERROR
