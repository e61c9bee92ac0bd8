"""What `parcel_rules: corrected` changes, and what is left of a CAPE of 0 that SHARPlib denies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from _engines import FloatArray, Soundings, by_kernels, tolerance
from _peers import whole_levels
from oracle import sharplib_sbcape

PARCELS = ("sb", "ml", "mu")
OUTPUTS = tuple(
    f"{parcel}{what}"
    for parcel in PARCELS
    for what in ("cape", "cin", "lfc_pressure", "el_pressure")
)
#: What says that a parcel is buoyant, whatever its LFC and EL are.
WITNESSES = ("sb_positive_area", "sb_top_buoyancy", "sblcl_pressure")
NAMES = (*OUTPUTS, *WITNESSES)

#: CAPE (J kg-1) from which on the other's 0 is plainly wrong.
CLEARLY_UNSTABLE = 300.0

Values = dict[str, FloatArray]


class Case(NamedTuple):
    """A profile with a surface-based CAPE of 0, or none, by one, and a large one by the other."""

    profile: int
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


def by_sharplib(these: Soundings) -> FloatArray:
    """Return SHARPlib's surface-based CAPE of each profile; NaN where levels are too few."""
    whole = whole_levels(these)
    return np.array([sharplib_sbcape(*one) if len(one[0]) >= 2 else np.nan for one in whole])


def contradictions(values: Values, sharplib: FloatArray) -> Iterator[Case]:
    """Yield where one finds a CAPE of 0, or none, and the other more than 300 J/kg."""
    ours, area = values["sbcape"], values["sb_positive_area"]
    none = ~(np.nan_to_num(ours) > 0.0) & (sharplib > CLEARLY_UNSTABLE)
    only_ours = (ours > CLEARLY_UNSTABLE) & ~(sharplib > 0.0)
    for profile in np.flatnonzero(none | only_ours).tolist():
        why = _why(area[profile]) if none[profile] else ""
        yield Case(profile, ours[profile], sharplib[profile], area[profile], why)


def _why(positive_area: float) -> str:
    """Return why a CAPE of 0 is right, if MetPy's own ascent has next to no buoyancy at all."""
    return "not buoyant by MetPy's adiabat" if positive_area < CLEARLY_UNSTABLE / 10 else ""
