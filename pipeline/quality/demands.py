"""The least that a profile must have; winds and thermodynamics are judged apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.flags import Reason
from pipeline.profiles import Profile
from pipeline.quality.levels import Finding, Levels

if TYPE_CHECKING:
    from pipeline.config import Quality

#: Gaps in wind that begin higher (m above ground) matter to no layer: the highest is up to 300 hPa.
WIND_MATTERS_BELOW = 10000.0


#: The lowest level may lie this far (m) above the ground that the source states.
START_TOLERANCE = 100.0

#: Between two levels of a sounding of mandatory levels alone lie 200 hPa; more is a hole (hPa).
DEEPEST_LAYER = 250.0


def demand_ground(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Judge whether the profile begins at the ground, where its source says where that is."""
    if not len(levels):
        return levels, []
    above = levels["height"][0] - profile.surface_altitude
    if not above > START_TOLERANCE:
        return levels, []
    message = f"the lowest level is {above:.0f} m above the ground"
    return levels, [Finding(Reason.STARTS_ABOVE_GROUND, 1, message)]


def demand_thermodynamics(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Judge whether there is enough pressure, temperature and dewpoint for a parcel's ascent."""
    usable = levels.has("pressure", "temperature", "dewpoint")
    count = int(usable.sum())
    if not len(levels):
        return levels, [Finding(Reason.NO_LEVELS, 0, "no usable level")]
    if count < max(settings.min_levels, 2):
        message = (
            f"{count} levels with pressure, temperature and dewpoint where at least "
            f"{max(settings.min_levels, 2)} are needed"
        )
        return levels, [Finding(Reason.TOO_FEW_LEVELS, count, message)]
    findings = []
    pressure = levels["pressure"][usable]
    if pressure[-1] > settings.max_top_pressure:
        message = f"ends at {pressure[-1]:g} hPa, below the {settings.max_top_pressure:g} hPa level"
        findings.append(Finding(Reason.TOP_TOO_LOW, 1, message))
    layers = -np.diff(pressure)
    if layers.max() > DEEPEST_LAYER:
        bottom, top = pressure[np.argmax(layers)], pressure[np.argmax(layers) + 1]
        message = f"no temperature and dewpoint between {bottom:g} and {top:g} hPa"
        findings.append(Finding(Reason.LAYER_MISSING, 1, message))
    gap = levels["pressure"][0] - pressure[0]
    if gap > 0:
        message = (
            f"no temperature and dewpoint below {pressure[0]:g} hPa, {gap:.1f} hPa from the ground"
        )
        too_far = gap > settings.surface_humidity_gap
        reason = Reason.NO_SURFACE_HUMIDITY if too_far else Reason.SURFACE_HUMIDITY_MISSING
        findings.append(Finding(reason, 1, message))
    return levels, findings


def demand_winds(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Judge whether there are winds to compute shear and storm motion from."""
    reported = levels.has("pressure", "height", "u_wind", "v_wind")
    if reported.sum() < 2:
        blown = levels.has("u_wind", "v_wind").sum() >= 2
        message = "winds need heights, and there are none" if blown else ""
        found = Finding(Reason.NO_WIND, int(reported.sum()), message)
        return levels, [found] if len(levels) else []
    findings = []
    if not reported[0]:
        pressure = levels["pressure"][reported][0]
        message = f"the lowest wind is at {pressure:g} hPa, not at the surface"
        findings.append(Finding(Reason.SURFACE_WIND_MISSING, 1, message))
    # A wind at a height that does not rise is left out by the engine too.
    height = np.maximum.accumulate(levels["height"][reported])
    height = height - height[0]
    gaps = np.diff(height)[height[:-1] < WIND_MATTERS_BELOW]
    if gaps.max() > settings.wind_gap:
        bottom = height[int(np.argmax(gaps))]
        message = f"no wind for {gaps.max():.0f} m above {bottom:.0f} m above ground"
        findings.append(Finding(Reason.WIND_GAP, 1, message))
    return levels, findings
