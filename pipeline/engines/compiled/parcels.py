"""Lifted parcels: their ascents, and what is read off them; the kernels of the group ``parcels``.

The diagnostics of the post-conditions and the parcels' temperatures level by level are here too,
the starts in `starts`, the downdraft in `downdraft`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.compiled import missing
from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.adiabats import LEVELS, table
from pipeline.engines.compiled.ascent import (
    Ascents,
    Starts,
    ascend,
    lift,
    lifted_temperature,
    why_no_ascent,
)
from pipeline.engines.compiled.buoyancy import (
    buoyancy_of,
    cape_and_cin,
    convection_levels,
    excess,
)
from pipeline.engines.compiled.closeness import is_close, is_too_close_to_call
from pipeline.engines.compiled.downdraft import dcape
from pipeline.engines.compiled.starts import ml_start, mu_start, sb_start
from pipeline.engines.compiled.thermodynamics import DRY_AIR_GAS_CONSTANT, ZERO_CELSIUS

__all__ = [
    "ascent",
    "cape_cin",
    "dcape",
    "el_pressure",
    "height_above_ground",
    "lcl_pressure",
    "lcl_temperature",
    "lfc_pressure",
    "lifted_index",
    "lifting_condensation_level",
    "ml_start",
    "mu_start",
    "parcel_temperature",
    "positive_area",
    "sb_start",
    "start_pressure",
    "top_buoyancy",
    "virtual_ascent",
]

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]
Codes = NDArray[np.uint8]
Entry = tuple[FloatArray, Codes]


class Energies(NamedTuple):
    """CAPE and CIN of the parcels of a block, in J kg-1."""

    cape: FloatArray
    cin: FloatArray
    codes: Codes


class CondensationLevels(NamedTuple):
    """The LCLs of the parcels of a block."""

    pressure: FloatArray
    """hPa."""
    temperature: FloatArray
    """degC."""
    codes: Codes


# What a shared step holds already: nothing to compile --------------------------------------------


def start_pressure(starts: IndexArray, parcels: Starts) -> Entry:
    """Return the pressures in hPa at which parcels start."""
    return parcels.start_pressure, parcels.codes


def lifting_condensation_level(starts: IndexArray, parcels: Starts) -> CondensationLevels:
    """Return the parcels' LCLs (Romps 2017)."""
    return CondensationLevels(parcels.lcl_pressure, parcels.lcl_temperature, parcels.codes)


def lcl_pressure(starts: IndexArray, lcl: CondensationLevels) -> Entry:
    """Return the pressures of LCLs in hPa."""
    return lcl.pressure, lcl.codes


def lcl_temperature(starts: IndexArray, lcl: CondensationLevels) -> Entry:
    """Return the temperatures of LCLs in degC."""
    return lcl.temperature, lcl.codes


def virtual_ascent(starts: IndexArray, ascents: Ascents) -> Ascents:
    """Return the ascents, which have their virtual temperatures already."""
    return ascents


# Ascents -----------------------------------------------------------------------------------------


def ascent(starts: IndexArray, parcels: Starts) -> Ascents:
    """Lift the parcels, once for everything that needs it."""
    return _ascents(starts, parcels, table())


@kernel
def _ascents(starts: IndexArray, parcels: Starts, adiabats: FloatArray) -> Ascents:
    profiles = len(starts) - 1
    nodes = starts[-1] + 2 * profiles
    ascents = Ascents(
        np.empty(profiles, np.int64),
        np.empty(profiles, np.int64),
        np.empty(nodes),
        np.empty(nodes),
        np.empty(nodes),
        np.empty(nodes),
        np.empty(nodes),
        np.empty(nodes),
        parcels.start_dewpoint,
        parcels.lcl_pressure,
        np.empty(profiles, np.uint8),
    )
    adiabat = np.empty(LEVELS)
    for profile in range(profiles):
        end = starts[profile + 1]
        ascents.first_node[profile], ascents.node_count[profile] = starts[profile] + 2 * profile, 0
        ascents.codes[profile] = parcels.codes[profile]
        if ascents.codes[profile] == missing.NOTHING:
            ascents.codes[profile] = why_no_ascent(parcels, profile, end)
            if ascents.codes[profile] == missing.NOTHING:
                ascend(parcels, profile, end, adiabats, adiabat, ascents)
    return ascents


@kernel
def cape_cin(starts: IndexArray, ascents: Ascents, corrected: bool = False) -> Energies:
    """Return CAPE and CIN of ascents, by MetPy's rules or by the corrected ones (`buoyancy`)."""
    profiles = len(starts) - 1
    cape, cin, codes = np.empty(profiles), np.empty(profiles), np.empty(profiles, np.uint8)
    for profile in range(profiles):
        cape[profile] = cin[profile] = math.nan
        codes[profile] = ascents.codes[profile]
        if codes[profile] == missing.NOTHING:
            nodes = buoyancy_of(ascents, profile)
            lfc, el, codes[profile] = convection_levels(nodes, corrected)
            cape[profile], cin[profile] = cape_and_cin(nodes, lfc, el, corrected)
    return Energies(cape, cin, codes)


@kernel
def lfc_pressure(starts: IndexArray, ascents: Ascents, corrected: bool = False) -> Entry:
    """Return the pressures in hPa of the LFCs that bound CAPE."""
    profiles = len(starts) - 1
    values, codes = np.empty(profiles), np.empty(profiles, np.uint8)
    for profile in range(profiles):
        values[profile], codes[profile] = math.nan, ascents.codes[profile]
        if codes[profile] == missing.NOTHING:
            nodes = buoyancy_of(ascents, profile)
            values[profile], _, codes[profile] = convection_levels(nodes, corrected)
    return values, codes


@kernel
def el_pressure(starts: IndexArray, ascents: Ascents, corrected: bool = False) -> Entry:
    """Return the pressures in hPa of the ELs that bound CAPE."""
    profiles = len(starts) - 1
    values, codes = np.empty(profiles), np.empty(profiles, np.uint8)
    for profile in range(profiles):
        values[profile], codes[profile] = math.nan, ascents.codes[profile]
        if codes[profile] == missing.NOTHING:
            nodes = buoyancy_of(ascents, profile)
            _, values[profile], codes[profile] = convection_levels(nodes, corrected)
    return values, codes


@kernel
def lifted_index(starts: IndexArray, ascents: Ascents) -> Entry:
    """Return surroundings minus parcel at 500 hPa in K (Galway 1956), interpolated in p."""
    profiles = len(starts) - 1
    values, codes = np.empty(profiles), np.empty(profiles, np.uint8)
    for profile in range(profiles):
        values[profile], codes[profile] = math.nan, ascents.codes[profile]
        if codes[profile] != missing.NOTHING:
            continue
        first = ascents.first_node[profile]
        last = first + ascents.node_count[profile] - 1
        if ascents.pressure[first] < 500.0 or ascents.pressure[last] > 500.0:
            codes[profile] = missing.ASCENT_NOT_AT_500
            continue
        above = first + 1
        while above < last and ascents.pressure[above] >= 500.0:
            above += 1
        below = above - 1
        pressure, depth = ascents.pressure[above], ascents.pressure[below] - ascents.pressure[above]
        cooler = ascents.temperature[above] - ascents.parcel_temperature[above]
        cooler_below = ascents.temperature[below] - ascents.parcel_temperature[below]
        values[profile] = cooler + (cooler_below - cooler) * (500.0 - pressure) / depth
    return values, codes


# Diagnostics -------------------------------------------------------------------------------------


@kernel
def positive_area(starts: IndexArray, ascents: Ascents, lcl: Entry) -> Entry:
    """Return the energy in J kg-1 of all layers above the LCL in which the parcel is warmer."""
    profiles = len(starts) - 1
    values, codes = np.empty(profiles), np.empty(profiles, np.uint8)
    for profile in range(profiles):
        values[profile] = math.nan
        codes[profile] = ascents.codes[profile] or lcl[1][profile]
        if codes[profile] == missing.NOTHING:
            nodes = buoyancy_of(ascents, profile)
            area = 0.0
            for node in range(1, len(nodes.pressure)):
                if nodes.pressure[node - 1] <= lcl[0][profile]:
                    warmer = max(excess(nodes, node - 1), 0.0) + max(excess(nodes, node), 0.0)
                    area += warmer / 2.0 * (nodes.log_pressure[node - 1] - nodes.log_pressure[node])
            values[profile] = DRY_AIR_GAS_CONSTANT * area
    return values, codes


@kernel
def top_buoyancy(starts: IndexArray, ascents: Ascents) -> Entry:
    """Return parcel minus surroundings at the top level in K, virtual temperatures."""
    profiles = len(starts) - 1
    values = np.empty(profiles)
    for profile in range(profiles):
        values[profile] = math.nan
        if ascents.codes[profile] == missing.NOTHING:
            nodes = buoyancy_of(ascents, profile)
            values[profile] = excess(nodes, len(nodes.pressure) - 1)
    return values, ascents.codes


# On the profile's levels -------------------------------------------------------------------------


def parcel_temperature(
    starts: IndexArray, ascents: Ascents, parcels: Starts, pressure: FloatArray
) -> Entry:
    """Return the parcels' temperatures in degC on the profiles' levels; NaN below their starts."""
    return _parcel_temperatures(starts, ascents, parcels, pressure, table())


@kernel
def _parcel_temperatures(
    starts: IndexArray,
    ascents: Ascents,
    parcels: Starts,
    pressure: FloatArray,
    adiabats: FloatArray,
) -> Entry:
    profiles = len(starts) - 1
    values, codes = np.empty(len(pressure)), np.empty(profiles, np.uint8)
    adiabat = np.empty(LEVELS)
    for profile in range(profiles):
        codes[profile] = ascents.codes[profile]
        for level in range(starts[profile], starts[profile + 1]):
            values[level] = math.nan
        if codes[profile] != missing.NOTHING:
            continue
        lcl = parcels.lcl_pressure[profile]
        start, kelvin = parcels.start_pressure[profile], parcels.start_temperature[profile]
        top = pressure[starts[profile + 1] - 1]
        parcel = lift(adiabats, start, kelvin + ZERO_CELSIUS, lcl, top, adiabat)
        # A mixed layer's own levels are lifted through apart, which MetPy cannot at their LCL.
        highest_inside = parcels.above[profile] - 1
        for level in range(starts[profile], starts[profile + 1]):
            if pressure[level] <= start:
                log_pressure = math.log(pressure[level])
                lifted = lifted_temperature(parcel, adiabat, pressure[level], log_pressure)
                if pressure[level] == lcl:
                    lifted = parcels.lcl_temperature[profile] + ZERO_CELSIUS
                values[level] = lifted - ZERO_CELSIUS
        inside = pressure[highest_inside]
        if inside < start and inside < lcl and is_close(inside, lcl):
            codes[profile] = missing.ERROR
    return values, codes


@kernel
def height_above_ground(
    starts: IndexArray,
    level: Entry,
    pressure: FloatArray,
    height: FloatArray,
    ground_height: FloatArray,
) -> Entry:
    """Return the heights above ground in m of pressure levels, by the profile's heights in ln p."""
    profiles = len(starts) - 1
    values, codes = np.empty(profiles), np.empty(profiles, np.uint8)
    for profile in range(profiles):
        values[profile], codes[profile] = math.nan, level[1][profile]
        if codes[profile] != missing.NOTHING:
            continue
        first, end = starts[profile], starts[profile + 1]
        if end - first < 2:
            codes[profile] = missing.NO_THERMODYNAMICS
        elif math.isnan(ground_height[profile]):
            codes[profile] = missing.NO_GROUND_HEIGHT
        else:
            metres, codes[profile] = _height_at(
                level[0][profile], pressure[first:end], height[first:end]
            )
            values[profile] = metres - ground_height[profile]
    return values, codes


@compiled
def _height_at(wanted: float, pressure: FloatArray, height: FloatArray) -> tuple[float, int]:
    """Return the height of a pressure level and 0, or NaN and why there is none."""
    highest = len(pressure) - 1
    while highest >= 0 and not math.isfinite(height[highest]):
        highest -= 1
    if highest < 0 or not math.isfinite(wanted):
        return math.nan, missing.NO_HEIGHT_THERE
    if is_too_close_to_call(wanted, pressure[highest]):
        return math.nan, missing.ERROR
    if wanted < pressure[highest]:
        return math.nan, missing.NO_HEIGHT_THERE
    if not math.isfinite(height[0]):
        return math.nan, missing.NO_GROUND_HEIGHT
    below = 0
    for level in range(1, highest + 1):
        if math.isfinite(height[level]):
            if pressure[level] <= wanted:
                depth = math.log(pressure[level] / pressure[below])
                share = max(math.log(wanted / pressure[below]) / depth, 0.0)
                return height[below] + (height[level] - height[below]) * share, missing.NOTHING
            below = level
    return height[below], missing.NOTHING
