"""A sample of the season, cleaned, with what the engine finds in it: for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import metpy.calc as mpcalc
import numpy as np
from metpy.units import units
from sounding_rows import cleaned

from pipeline.calculations import GROUPS, Calculation, resolve
from pipeline.engines.metpy import Evaluation, Request, evaluate
from pipeline.profiles import CheckedProfile
from pipeline.readers import read_source

SEASON = Path(__file__).resolve().parent.parent / "data" / "season-2003"

SCALARS = tuple(c.name for c in resolve([g for g in GROUPS if g != "levels"]))


class Sounding(NamedTuple):
    """Cleaned levels of a real sounding, with units; winds on the levels that have them."""

    p: Any
    t: Any
    td: Any
    z: Any
    wind_p: Any
    wind_z: Any
    u: Any
    v: Any


def with_units(checked: CheckedProfile) -> Sounding:
    p, t, td, z, u, v = checked.profile.levels().values()
    whole = np.isfinite(t) & np.isfinite(td)
    windy = np.isfinite(u) & np.isfinite(v)
    return Sounding(
        p[whole] * units.hPa,
        units.Quantity(t[whole], "degC"),
        units.Quantity(td[whole], "degC"),
        z[whole] * units.m,
        p[windy] * units.hPa,
        z[windy] * units.m,
        u[windy] * units("m/s"),
        v[windy] * units("m/s"),
    )


def evaluated(
    checked: CheckedProfile, names: tuple[str, ...] = SCALARS, *custom: Calculation
) -> Evaluation:
    return evaluate(*checked.profile.levels().values(), request=Request(names, custom))


def value(checked: CheckedProfile, name: str) -> float:
    return float(evaluated(checked, (name,)).scalars[0])


@cache
def soundings() -> dict[str, CheckedProfile]:
    """Return every eleventh sounding of the season, observed and analysed ones, cleaned."""
    files = sorted(SEASON.glob("03*"))[::11]
    return {path.name: cleaned(read_source(str(path)).profiles[0]) for path in files}


@cache
def by_hand() -> dict[str, Sounding]:
    """Return the same soundings with units, to call MetPy with."""
    return {name: with_units(checked) for name, checked in soundings().items()}


@cache
def results() -> dict[str, dict[str, float]]:
    """Return what the engine finds for each sounding, by name of sounding and calculation."""
    return {
        name: dict(zip(SCALARS, evaluated(checked).scalars.tolist(), strict=True))
        for name, checked in soundings().items()
    }


def start(parcel: str, s: Sounding) -> tuple[Any, Any, Any]:
    """Return where a parcel starts, by MetPy."""
    if parcel == "ml":
        return mpcalc.mixed_parcel(s.p, s.t, s.td)
    if parcel == "mu":
        return mpcalc.most_unstable_parcel(s.p, s.t, s.td)[:3]
    return s.p[0], s.t[0], s.td[0]


def mixing_ratio(s: Sounding) -> Any:
    return mpcalc.saturation_mixing_ratio(s.p, s.td)


def spans(low: float, high: float) -> Callable[[Sounding], bool]:
    return lambda s: bool(s.p[0].m >= low and s.p[-1].m <= high)
