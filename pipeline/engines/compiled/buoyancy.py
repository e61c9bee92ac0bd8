"""LFC, EL, CAPE and CIN of an ascent, as MetPy's ``cape_cin``, ``lfc`` and ``el`` find them.

All work with virtual temperatures, bottom LFC and top EL, on one parcel's nodes from the start up.

`corrected` asks for something else than MetPy 1.7.1's rules. MetPy hands virtual temperatures to
``lcl`` to find the LCL that LFC and EL must be above, which puts it some 20 to 40 hPa too high
(MetPy issue 3857), and where it makes that the LFC, integrates only from the first node above it.
Corrected, the LCL is the parcel's, which is a node, as every crossing of the curves is.

That shows what MetPy's LCL hides: a thin warm layer just above the LCL, below a cap. It would be
the bottom LFC, and the cap would count against CAPE: -307 J/kg instead of 104 in one sounding, and
a CIN of 0 under caps of 180 J/kg. So where a parcel has several LFCs, the corrected one is that
with the most CAPE, which is never negative then (MetPy's ``which_lfc="most_cape"``, and SHARPlib's
choice; Doswell and Rasmussen 1994 leave it open). What is below it counts as CIN.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.compiled import missing
from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.ascent import Ascents
from pipeline.engines.compiled.closeness import is_close, tolerance
from pipeline.engines.compiled.thermodynamics import (
    DRY_AIR_GAS_CONSTANT,
    ZERO_CELSIUS,
    lifting_condensation_level,
)

FloatArray = NDArray[np.float64]

#: Nodes nearer to the next lower one than this (hPa) do not count in MetPy's integrals.
NEAREST_NODES = 1e-6
#: A parcel that differs from its surroundings by less than this (K) may not differ at all, or be
#: the colder one: MetPy's own solver is no nearer to the pseudoadiabat.
UNCERTAIN = 1e-4
#: LFC and EL are the same if they are as near as this (hPa) to each other.
SAME_LEVEL = 5e-3


class Buoyancy(NamedTuple):
    """One parcel's nodes that have surroundings, from the lowest up: slices of the ascents."""

    pressure: FloatArray
    log_pressure: FloatArray
    surroundings: FloatArray
    """Virtual temperature, K; of the parcel next."""
    parcel: FloatArray
    start_dewpoint: float
    """K."""
    lcl_pressure: float
    """Of the parcel, hPa."""


@kernel
def buoyancy_of(ascents: Ascents, profile: int) -> Buoyancy:
    """Return a parcel's nodes; an LCL below the ground, without surroundings, is left out."""
    first = ascents.first_node[profile]
    end = first + ascents.node_count[profile]
    if math.isnan(ascents.virtual_temperature[first]):
        first += 1
    return Buoyancy(
        ascents.pressure[first:end],
        ascents.log_pressure[first:end],
        ascents.virtual_temperature[first:end],
        ascents.parcel_virtual_temperature[first:end],
        ascents.start_dewpoint[profile] + ZERO_CELSIUS,
        ascents.lcl_pressure[profile],
    )


@compiled
def excess(nodes: Buoyancy, node: int) -> float:
    """Return by how much the parcel is warmer than its surroundings, in K."""
    return nodes.parcel[node] - nodes.surroundings[node]


@compiled
def log_crossing(nodes: Buoyancy, node: int, below: float, above: float) -> float:
    """Return ln p where the excess is zero, between its values at a node and at the next."""
    return (above * nodes.log_pressure[node] - below * nodes.log_pressure[node + 1]) / (
        above - below
    )


@compiled
def _virtual_lcl(nodes: Buoyancy, virtual_temperature: float) -> float:
    """Return the pressure of the LCL that MetPy gets from a virtual temperature."""
    pressure, _ = lifting_condensation_level(
        nodes.pressure[0], virtual_temperature, nodes.start_dewpoint
    )
    return pressure


@compiled
def _is_warmer(nodes: Buoyancy, node: int) -> bool:
    """Tell whether the parcel is warmer than its surroundings by more than MetPy calls close."""
    is_equal = is_close(nodes.parcel[node], nodes.surroundings[node])
    return excess(nodes, node) > 0.0 and not is_equal


@compiled
def _is_warmer_above(nodes: Buoyancy, lcl: float) -> bool:
    """Tell whether the parcel is warmer than its surroundings anywhere above a level."""
    for node in range(len(nodes.pressure)):
        if nodes.pressure[node] < lcl and _is_warmer(nodes, node):
            return True
    return False


@compiled
def convection_levels(nodes: Buoyancy, corrected: bool) -> tuple[float, float, int]:
    """Return the pressures in hPa of the bottom LFC and the top EL, and a code.

    They are NaN where there is none; the EL also where the data end below it. Where the parcel is
    as warm as its surroundings but for rounding, or for what MetPy's solver leaves open, MetPy may
    find a crossing or not: as in saturated air at its start, which is its LCL, in a well-mixed
    layer, or in air on the parcel's own pseudoadiabat. Where a level depends on that, the code
    says `ERROR`: only MetPy can tell.
    """
    if corrected:
        return _corrected_lfc(nodes), _el(nodes, nodes.lcl_pressure, 0, 0.0, 0.0), missing.NOTHING
    lfc_above = _virtual_lcl(nodes, nodes.parcel[0])
    el_above = _virtual_lcl(nodes, nodes.surroundings[0])
    lfc, el = _metpy_lfc(nodes, lfc_above, 0.0, 0.0), _el(nodes, el_above, 1, 0.0, 0.0)
    if _is_close_call(nodes):
        for even in (-UNCERTAIN, UNCERTAIN):
            for odd in (-UNCERTAIN, UNCERTAIN):
                is_same = _are_same(lfc, _metpy_lfc(nodes, lfc_above, even, odd))
                if not (is_same and _are_same(el, _el(nodes, el_above, 1, even, odd))):
                    return lfc, el, missing.ERROR
    return lfc, el, missing.NOTHING


@compiled
def _is_close_call(nodes: Buoyancy) -> bool:
    """Tell whether the parcel may be as warm as its surroundings anywhere above its start."""
    least = math.inf
    for node in range(1, len(nodes.pressure)):
        least = min(least, abs(excess(nodes, node)))
    return least < UNCERTAIN


@compiled
def _are_same(level: float, other: float) -> bool:
    """Tell whether two pressures are the same level, or both none."""
    return abs(level - other) < SAME_LEVEL or (math.isnan(level) and math.isnan(other))


@compiled
def _excess_or(nodes: Buoyancy, node: int, even: float, odd: float) -> float:
    """Return by how much the parcel is warmer; where that is uncertain, what is to be assumed.

    Parameters
    ----------
    even, odd : float
        At every other node, in K; 0 to assume nothing.
    """
    warmer = excess(nodes, node)
    assumed = odd if node % 2 else even
    return assumed if assumed != 0.0 and abs(warmer) < UNCERTAIN else warmer


@compiled
def _metpy_lfc(nodes: Buoyancy, lcl: float, even: float, odd: float) -> float:
    """Return the LFC as MetPy's ``lfc`` finds it, case by case, above what it takes for the LCL."""
    parcel, surroundings = nodes.parcel[0] - ZERO_CELSIUS, nodes.surroundings[0] - ZERO_CELSIUS
    first = 1 if is_close(parcel, surroundings) else 0
    any_warming, any_cooling, highest_cooling = False, False, math.inf
    below = _excess_or(nodes, 0, even, odd)
    for node in range(len(nodes.pressure) - 1):
        above = _excess_or(nodes, node + 1, even, odd)
        if node >= first and below <= 0.0 < above:
            any_warming = True
            crossing = math.exp(log_crossing(nodes, node, below, above))
            if crossing < lcl:
                return crossing
        if node >= 1 and above < 0.0 <= below:
            any_cooling = True
            highest_cooling = math.exp(log_crossing(nodes, node, below, above))
        below = above
    if any_warming:
        return math.nan if any_cooling and highest_cooling > lcl else lcl
    return lcl if _is_warmer_above(nodes, lcl) else math.nan


@compiled
def _corrected_lfc(nodes: Buoyancy) -> float:
    """Return the LFC above the parcel's true LCL from which it gains the most energy up to its EL.

    Where it gets warmer than its surroundings, or the LCL itself, where it is warmer already.
    """
    if not _is_warmer_above(nodes, nodes.lcl_pressure):
        return math.nan
    gained, most, lfc = 0.0, -math.inf, nodes.lcl_pressure
    node = len(nodes.pressure) - 2
    while node >= 0 and nodes.pressure[node] <= nodes.lcl_pressure:
        below, above = excess(nodes, node), excess(nodes, node + 1)
        log_below, log_above = nodes.log_pressure[node], nodes.log_pressure[node + 1]
        if below <= 0.0 < above:
            log_lfc = log_crossing(nodes, node, below, above)
            energy = gained + above / 2.0 * (log_lfc - log_above)
            if energy >= most:
                most, lfc = energy, math.exp(log_lfc)
        gained += (below + above) / 2.0 * (log_below - log_above)
        node -= 1
    is_warmer_at_lcl = excess(nodes, node + 1) > 0.0
    return nodes.lcl_pressure if is_warmer_at_lcl and gained >= most else lfc


@compiled
def _el(nodes: Buoyancy, lcl: float, first: int, even: float, odd: float) -> float:
    """Return the highest level in hPa where the parcel gets colder, if that is above an LCL.

    NaN where the data end below it. It is sought from node `first` on: MetPy leaves out the lowest.
    """
    above = _excess_or(nodes, len(nodes.pressure) - 1, even, odd)
    if above > 0.0:
        return math.nan
    for node in range(len(nodes.pressure) - 2, first - 1, -1):
        below = _excess_or(nodes, node, even, odd)
        if above < 0.0 <= below:
            crossing = math.exp(log_crossing(nodes, node, below, above))
            return crossing if crossing < lcl else math.nan
        above = below
    return math.nan


class _Point(NamedTuple):
    """A point of the curve that CAPE and CIN are the areas of."""

    log_pressure: float
    excess: float
    in_cape: bool
    in_cin: bool


class _Bounds(NamedTuple):
    """The pressures in hPa that bound CAPE and CIN, widened by what MetPy calls close."""

    highest_cin: float
    lowest_cape: float
    highest_cape: float


@compiled
def _bounds(lfc: float, el: float) -> _Bounds:
    """Return what bounds CAPE and CIN: a point close to LFC or EL is inside."""
    return _Bounds(lfc - tolerance(lfc), lfc + tolerance(lfc), el - tolerance(el))


@compiled
def _point(pressure: float, log_pressure: float, excess: float, bounds: _Bounds) -> _Point:
    """Return a point with what it belongs to."""
    return _Point(
        log_pressure,
        excess,
        bounds.highest_cape <= pressure <= bounds.lowest_cape,
        pressure >= bounds.highest_cin,
    )


@compiled
def cape_and_cin(nodes: Buoyancy, lfc: float, el: float, corrected: bool) -> tuple[float, float]:
    """Return CAPE and CIN in J kg-1 between levels: the areas by the trapezoidal rule in ln p.

    Without an LFC both are 0; without an EL, CAPE ends with the data. CIN is the net area from the
    start to the LFC, and never positive. Zero crossings are points of the curve too, those between
    the two lowest nodes excepted, in MetPy.
    """
    if math.isnan(lfc):
        return 0.0, 0.0
    if math.isnan(el):
        el = nodes.pressure[-1]
    bounds = _bounds(lfc, el)
    cape = cin = 0.0
    previous = nodes.pressure[0]
    last = _point(previous, nodes.log_pressure[0], excess(nodes, 0), bounds)
    for node in range(1, len(nodes.pressure)):
        below, above = excess(nodes, node - 1), excess(nodes, node)
        crosses = below * above < 0.0
        for is_node in range(0 if crosses and (node > 1 or corrected) else 1, 2):
            if is_node:
                pressure, log_pressure = nodes.pressure[node], nodes.log_pressure[node]
                here = _point(pressure, log_pressure, above, bounds)
            else:
                log_pressure = log_crossing(nodes, node - 1, below, above)
                pressure = math.exp(log_pressure)
                here = _point(pressure, log_pressure, 0.0, bounds)
            if previous - pressure > NEAREST_NODES:
                area = (last.excess + here.excess) / 2.0 * (last.log_pressure - log_pressure)
                cape += area if last.in_cape and here.in_cape else 0.0
                cin += area if last.in_cin and here.in_cin else 0.0
                last = here
            previous = pressure
    return DRY_AIR_GAS_CONSTANT * cape, min(DRY_AIR_GAS_CONSTANT * cin, 0.0)
