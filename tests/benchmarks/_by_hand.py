"""The same catalogue by hand: MetPy's functions called one by one, as their documentation says.

A competent user: quantities are built once, storm motion is computed once, each parcel's start is
found once, and whatever a function returns is used. What such a user does not do is to lift a
parcel once and carry its ascent to every function that takes one; `careful` does that too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import metpy.calc as mpcalc
import numpy as np
from metpy.interpolate import log_interpolate_1d
from metpy.units import units

Quantity = Any
Results = dict[str, Any]
MIXED_LAYER_DEPTH = units.Quantity(100.0, "hPa")


class Sounding(NamedTuple):
    """The level variables of a profile as quantities, by the letters of MetPy's documentation."""

    p: Quantity
    T: Quantity
    Td: Quantity
    z: Quantity
    u: Quantity
    v: Quantity


def sounding(*arrays: np.ndarray) -> Sounding:
    """Return plain arrays in hPa, degC, degC, m, m s-1, m s-1 as quantities."""
    names = ("hPa", "degC", "degC", "m", "m/s", "m/s")
    return Sounding(*map(units.Quantity, arrays, names))


# One by one --------------------------------------------------------------------------------------


def catalogue(s: Sounding) -> Results:
    """Return the whole catalogue, every function called once for each output group."""
    results: Results = {}
    for group in GROUPS:
        results |= group(s)
    return results | composites(results)


def parcels(s: Sounding) -> Results:
    """Return everything about the three parcels, and DCAPE."""
    p, T, Td = s[:3]
    start = mpcalc.most_unstable_parcel(p, T, Td)[3]
    return {
        "sb": mpcalc.surface_based_cape_cin(p, T, Td),
        "sb_levels": levels(s, p, T, Td),
        "ml": mpcalc.mixed_layer_cape_cin(p, T, Td),
        "ml_levels": levels(s, *mixed_sounding(s)),
        "mu": mpcalc.most_unstable_cape_cin(p, T, Td),
        "mu_levels": levels(s, p[start:], T[start:], Td[start:]),
        "dcape": mpcalc.downdraft_cape(p, T, Td)[0],
    }


def mixed_sounding(s: Sounding) -> list[Quantity]:
    """Return the mixed-layer parcel at the surface, and the levels above the layer."""
    start = mpcalc.mixed_parcel(*s[:3], depth=MIXED_LAYER_DEPTH)
    above = s.p < s.p[0] - MIXED_LAYER_DEPTH
    return [
        np.concatenate([first[None], rest[above]]) for first, rest in zip(start, s[:3], strict=True)
    ]


def levels(s: Sounding, p: Quantity, T: Quantity, Td: Quantity) -> Results:
    """Return LCL, LFC, EL with heights, and the lifted index: each function lifts the parcel."""
    lcl, lcl_temperature = mpcalc.lcl(p[0], T[0], Td[0])
    lfc, _ = mpcalc.lfc(p, T, Td, which="bottom")
    el, _ = mpcalc.el(p, T, Td, which="top")
    lifted_index = mpcalc.lifted_index(p, T, mpcalc.parcel_profile(p, T[0], Td[0]))
    return {
        "lcl": (lcl, lcl_temperature),
        "lfc": lfc,
        "el": el,
        "lifted_index": lifted_index,
        "heights": heights(s, lcl, lfc, el),
    }


def heights(s: Sounding, *pressures: Quantity) -> list[Quantity]:
    """Return heights above ground of pressure levels."""
    return [log_interpolate_1d(pressure, s.p, s.z)[0] - s.z[0] for pressure in pressures]


def indices(s: Sounding) -> Results:
    """Return the indices from fixed levels."""
    p, T, Td, _, u, v = s
    speed = mpcalc.wind_speed(u, v).to("knot")
    direction = mpcalc.wind_direction(u, v)
    mixing_ratio = mpcalc.saturation_mixing_ratio(p, Td)
    return {
        "k_index": mpcalc.k_index(p, T, Td),
        "total_totals_index": mpcalc.total_totals_index(p, T, Td),
        "cross_totals": mpcalc.cross_totals(p, T, Td),
        "vertical_totals": mpcalc.vertical_totals(p, T),
        "showalter_index": mpcalc.showalter_index(p, T, Td),
        "sweat_index": mpcalc.sweat_index(p, T, Td, speed, direction),
        "galvez_davison_index": mpcalc.galvez_davison_index(p, T, mixing_ratio, p[0]),
    }


def moisture(s: Sounding) -> Results:
    """Return water in the column, and where the temperature falls through 0 degC."""
    p, T, Td, z = s[:4]
    mixing_ratio = mpcalc.saturation_mixing_ratio(p, Td)
    zero = units.Quantity(np.zeros(len(z)), "degC")
    return {
        "precipitable_water": mpcalc.precipitable_water(p, Td),
        "ml_mixing_ratio": mpcalc.mixed_layer(p, mixing_ratio, depth=MIXED_LAYER_DEPTH),
        "freezing": mpcalc.find_intersections(z, T, zero, direction="decreasing")[0] - z[0],
    }


def wet_bulb_zero(s: Sounding) -> Results:
    """Return where wet-bulb temperature falls through 0 degC: it is computed on every level."""
    p, T, Td, z = s[:4]
    wet_bulb = mpcalc.wet_bulb_temperature(p, T, Td)
    zero = units.Quantity(np.zeros(len(z)), "degC")
    crossings, _ = mpcalc.find_intersections(z, wet_bulb, zero, direction="decreasing")
    return {"wet_bulb_zero": crossings - z[0]}


def winds(s: Sounding) -> Results:
    """Return shear, helicity and storm motion."""
    p, _, _, z, u, v = s
    depths = {km: units.Quantity(1000.0 * km, "m") for km in (1, 3, 6)}
    right, left, mean = mpcalc.bunkers_storm_motion(p, u, v, z)
    results = {"bunkers": (right, left, mean), "corfidi": mpcalc.corfidi_storm_motion(p, u, v)}
    for km, depth in depths.items():
        shear = mpcalc.bulk_shear(p, u, v, height=z, depth=depth)
        results[f"shear_{km}km"] = mpcalc.wind_speed(*shear)
    for km in (1, 3):
        results[f"helicity_{km}km"] = mpcalc.storm_relative_helicity(
            z, u, v, depths[km], storm_u=right[0], storm_v=right[1]
        )[2]
    results["critical_angle"] = mpcalc.critical_angle(p, u, v, z, *right)
    return results


def composites(results: Results) -> Results:
    """Return the composite parameters out of what is there."""
    lcl_height = results["sb_levels"]["heights"][0]
    shear, helicity = results["shear_6km"], (results["helicity_1km"], results["helicity_3km"])
    return {
        "supercell": mpcalc.supercell_composite(results["mu"][0], helicity[1], shear),
        "tornado": mpcalc.significant_tornado(results["sb"][0], lcl_height, helicity[0], shear),
    }


#: What needs nothing but the sounding.
GROUPS = (parcels, indices, moisture, wet_bulb_zero, winds)


# With care ---------------------------------------------------------------------------------------


def careful_parcels(s: Sounding) -> Results:
    """Return the same about the parcels, each lifted once and its path carried along by hand."""
    p, T, Td = s[:3]
    start = mpcalc.most_unstable_parcel(p, T, Td)[3]
    starts = {"sb": (p, T, Td), "ml": mixed_sounding(s)}
    starts["mu"] = (p[start:], T[start:], Td[start:])
    results: Results = {"dcape": mpcalc.downdraft_cape(p, T, Td)[0]}
    for name, start_levels in starts.items():
        path = mpcalc.parcel_profile_with_lcl(*start_levels)
        lcl, lcl_temperature = mpcalc.lcl(*(values[0] for values in start_levels))
        lfc, _ = mpcalc.lfc(*path, which="bottom")
        el, _ = mpcalc.el(*path, which="top")
        results[name] = mpcalc.cape_cin(*path)
        results[f"{name}_levels"] = {
            "lcl": (lcl, lcl_temperature),
            "lfc": lfc,
            "el": el,
            "lifted_index": mpcalc.lifted_index(path[0], path[1], path[3]),
            "heights": heights(s, lcl, lfc, el),
        }
    return results
