"""What `parcel_rules: corrected` changes, and what is left of a CAPE of 0 that SHARPlib denies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from _engines import FloatArray, Soundings, by_kernels, tolerance
from _peers import whole_levels
from nwsspc.sharp.calc import layer, parcel, thermo

PARCELS = ("sb", "ml", "mu")
OUTPUTS = tuple(
    f"{name}{what}" for name in PARCELS for what in ("cape", "cin", "lfc_pressure", "el_pressure")
)
#: What says that a parcel is buoyant, whatever its LFC and EL are.
WITNESSES = tuple(f"{name}_positive_area" for name in PARCELS)
NAMES = (*OUTPUTS, *WITNESSES)

#: CAPE (J kg-1) from which on the other's 0 is plainly wrong; 0 is less than so much of it.
CLEARLY_UNSTABLE = 300.0
NEXT_TO_NONE = 0.1

Values = dict[str, FloatArray]


class Case(NamedTuple):
    """A profile with next to no CAPE by one, and a large one by the other."""

    profile: int
    parcel: str
    ours: float
    sharplib: float
    positive_area: float
    """What the parcel has by MetPy's adiabat in all layers above the LCL, whatever its LFC."""
    explained: str
    """Why; empty where nothing explains it."""


def both_rules(these: Soundings) -> dict[str, Values]:
    """Return the parcels' results by MetPy's rules and by the corrected ones."""
    return {
        rules: by_kernels(these, NAMES, rules=rules).scalars for rules in ("metpy", "corrected")
    }


def changes(metpy: Values, corrected: Values) -> dict[str, dict[str, Any]]:
    """Return for each output how many profiles have another number, and by how much."""
    found = {}
    for name in OUTPUTS:
        before, after = metpy[name], corrected[name]
        change = after - before
        some = np.abs(change) > tolerance(name).most
        found[name] = {
            "changed": int(some.sum()),
            "appear": int((np.isnan(before) & ~np.isnan(after)).sum()),
            "vanish": int((~np.isnan(before) & np.isnan(after)).sum()),
            "median": float(np.median(np.abs(change[some]))) if some.any() else 0.0,
            "least": float(np.nanmin(change, initial=0.0)),
            "most": float(np.nanmax(change, initial=0.0)),
            "negative": [int((each < 0.0).sum()) for each in (before, after)],
        }
    return found


def changed_profiles(metpy: Values, corrected: Values) -> int:
    """Return how many profiles have another number, or one more or less, in any output."""
    some = np.zeros(len(metpy["sbcape"]), dtype=bool)
    for name in OUTPUTS:
        some |= np.abs(corrected[name] - metpy[name]) > tolerance(name).most
        some |= np.isnan(corrected[name]) != np.isnan(metpy[name])
    return int(some.sum())


def largest(metpy: Values, corrected: Values, count: int = 10) -> list[int]:
    """Return the profiles whose CAPE changes most, of any of the parcels."""
    change = [np.nan_to_num(corrected[f"{p}cape"] - metpy[f"{p}cape"]) for p in PARCELS]
    return np.argsort(-np.abs(change).max(axis=0), kind="stable")[:count].tolist()


def by_sharplib(these: Soundings) -> Values:
    """Return SHARPlib's CAPE of each parcel and profile; NaN where levels are too few."""
    found = {name: np.full(len(these.profiles), np.nan) for name in PARCELS}
    lifter = parcel.lifter_cm1()
    lifter.ma_type = thermo.adiabat.pseudo_liq
    for profile, levels in enumerate(whole_levels(these)):
        if len(levels[0]) >= 2:
            for name, cape in _sharplib_capes(levels, lifter).items():
                found[name][profile] = cape
    return found


def _sharplib_capes(levels: Sequence[FloatArray], lifter: Any) -> dict[str, float]:
    """Return SHARPlib's CAPE (J kg-1) of each parcel from levels in hPa, degC, degC and m.

    Its own way through: pseudoadiabatic ascent after Bryan and Fritsch 2004 (as in CM1), virtual
    temperature, the pair of LFC and EL with the most CAPE, integrated in height. Its most unstable
    parcel is the one with the most CAPE, not with the highest equivalent potential temperature.
    """
    pressure, temperature, dewpoint, height = levels
    in_si = (100.0 * pressure, temperature + 273.15, dewpoint + 273.15, height)
    pressure, temperature, dewpoint, height = (each.astype(np.float32) for each in in_si)
    ratio = thermo.mixratio(pressure, dewpoint)
    surroundings = thermo.virtual_temperature(temperature, ratio)
    theta = thermo.theta(pressure, temperature)
    ground = float(pressure[0])
    mixed, lowest = (layer.PressureLayer(ground, ground - 1e2 * depth) for depth in (100, 300))
    start = parcel.Parcel
    starts = {
        "sb": start.surface_parcel(ground, temperature[0], dewpoint[0]),
        "ml": start.mixed_layer_parcel(mixed, pressure, theta, ratio),
        "mu": start.most_unstable_parcel(
            lowest, lifter, pressure, height, temperature, surroundings, dewpoint
        ),
    }
    capes = {}
    for name, one in starts.items():
        buoyancy = thermo.buoyancy(one.lift_parcel(lifter, pressure), surroundings)
        one.find_lfc_el(pressure, height, buoyancy)
        capes[name] = float(one.cape_cinh(pressure, height, buoyancy)[0])
    return capes


def contradictions(values: Values, sharplib: Values) -> Iterator[Case]:
    """Yield where one finds more than 300 J/kg of CAPE, and the other not a tenth of it."""
    for name in PARCELS:
        ours, theirs = np.nan_to_num(values[f"{name}cape"]), sharplib[name]
        area = values[f"{name}_positive_area"]
        none = (theirs > CLEARLY_UNSTABLE) & (ours < NEXT_TO_NONE * theirs)
        only_ours = (ours > CLEARLY_UNSTABLE) & (theirs < NEXT_TO_NONE * ours)
        for profile in np.flatnonzero(none | only_ours).tolist():
            why = _why(area[profile]) if none[profile] else ""
            yield Case(profile, name, ours[profile], theirs[profile], area[profile], why)


def _why(positive_area: float) -> str:
    """Return why a CAPE of 0 is right, if MetPy's own ascent has next to no buoyancy at all."""
    return "not buoyant by MetPy's adiabat" if positive_area < CLEARLY_UNSTABLE / 10 else ""
