"""The cleaning contract: what is done to a profile before any number is computed from it.

MetPy trusts what it is given and is silently wrong on ordinary data: a sounding whose humidity
ends aloft is cut there, a level below the ground becomes the surface, a fill value is a
temperature. So every profile goes through `STEPS`, in this order. Each step is a small pure
function from levels to levels that says what it found; each can be switched off in the config
(``quality:``), and none is silent: it flags the values (``*_qc``), counts them
(``cleaning_count``) and gives the profile a reason (``status_reasons``). What can only be judged
from the results, after the calculation, is in :mod:`pipeline.quality.results`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.flags import CLEANING_STEPS, Reason
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Extra, Profile
from pipeline.quality.demands import demand_ground, demand_thermodynamics, demand_winds
from pipeline.quality.heights import check_height, derive_height
from pipeline.quality.humidity import clip_dewpoint, extend_humidity, interpolate_humidity_gaps
from pipeline.quality.levels import Finding, Levels, Step
from pipeline.quality.pressure import (
    derive_pressure,
    order_pressure,
    put_surface_first,
    remove_below_station,
    remove_implausible,
)

if TYPE_CHECKING:
    from pipeline.config import Quality

STEPS: tuple[Step, ...] = (
    remove_implausible,
    put_surface_first,
    derive_pressure,
    remove_below_station,
    order_pressure,
    clip_dewpoint,
    interpolate_humidity_gaps,
    extend_humidity,
    derive_height,
    check_height,
    demand_ground,
    demand_thermodynamics,
    demand_winds,
)


def clean(profile: Profile, settings: Quality, source_index: int = -1) -> CheckedProfile:
    """Clean one profile and say everything that was done to it and found in it.

    Parameters
    ----------
    profile : Profile
        As a reader gave it; not changed.
    settings : pipeline.config.Quality
        Which steps to take, and their limits.
    source_index : int
        Row of the source table that the profile came from.

    Returns
    -------
    CheckedProfile
        Levels from the surface up with pressure strictly falling, flags, reasons and counts. A
        rejected profile keeps what levels it has.

    Examples
    --------
    >>> from pipeline.config import Quality
    >>> profile = Profile(
    ...     pressure=[1000, 980, 850, 700, 500, 300, 200],
    ...     temperature=[np.nan, 25, 16, 6, -12, -40, -55],
    ...     dewpoint=[np.nan, 20, 12, 0, -25, np.nan, np.nan],
    ... )
    >>> checked = clean(profile, Quality())
    >>> checked.profile.pressure
    array([980., 850., 700., 500., 300., 200.])
    >>> checked.profile.dewpoint
    array([ 20.,  12.,   0., -25., -70., -85.])
    """
    levels = Levels.of(profile)
    findings: list[Finding] = []
    for step in STEPS:
        levels, found = step(levels, profile, settings)
        findings += found
    if profile.problem:
        findings.append(Finding(Reason.UNREADABLE, 1, profile.problem))
    if not (np.isfinite(profile.latitude) and np.isfinite(profile.longitude)):
        findings.append(Finding(Reason.POSITION_MISSING, 1))
    if np.isnat(profile.time):
        findings.append(Finding(Reason.TIME_MISSING, 1))
    counts = {reason.label: 0 for reason in CLEANING_STEPS}
    for finding in findings:
        if finding.reason in CLEANING_STEPS:
            counts[finding.reason.label] += finding.count
    return CheckedProfile(
        profile=_with_levels(profile, levels),
        qc=levels.qc,
        reasons={finding.reason for finding in findings},
        counts=counts,
        message="; ".join([*(f.message for f in findings if f.message), *profile.notes]),
        source_index=source_index,
    )


def _with_levels(profile: Profile, levels: Levels) -> Profile:
    """Return a profile with other levels; the ground is the lowest one where nothing else says."""
    height = levels["height"]
    altitude = profile.surface_altitude
    if not np.isfinite(altitude) and len(height):
        altitude = float(height[0])
    extras = {
        name: Extra(levels[name], extra.units, extra.long_name)
        for name, extra in profile.extras.items()
    }
    values = {name: levels[name] for name in LEVEL_VARIABLES}
    return replace(profile, **values, extras=extras, surface_altitude=altitude)  # type: ignore[arg-type]
