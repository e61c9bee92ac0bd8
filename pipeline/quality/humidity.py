"""Humidity: never above saturation, no gaps, and no sounding cut where its reports end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.flags import QC, Reason
from pipeline.profiles import FloatArray, Profile
from pipeline.quality.levels import Finding, Levels

if TYPE_CHECKING:
    from pipeline.config import Quality

#: Dewpoint above temperature by more than this (K) below 500 hPa is an error, not noise.
DEWPOINT_EXCESS = 1.0

#: A layer without dewpoint deeper than this (hPa) that begins below 500 hPa is too deep to trust.
DEEP_HUMIDITY_GAP = 100.0


def clip_dewpoint(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Set dewpoint that exceeds temperature to it: air does not hold more."""
    excess = levels["dewpoint"] - levels["temperature"]
    above = excess > 0
    if not settings.clip_dewpoint or not above.any():
        return levels, []
    findings = [Finding(Reason.DEWPOINT_ABOVE_TEMPERATURE, int(above.sum()))]
    far = above & (excess > DEWPOINT_EXCESS) & (levels["pressure"] > 500.0)
    if far.any():
        worst = int(np.argmax(np.where(far, excess, -np.inf)))
        message = (
            f"dewpoint {excess[worst]:.1f} K above temperature at {levels['pressure'][worst]:g} hPa"
        )
        findings.append(Finding(Reason.DEWPOINT_FAR_ABOVE_TEMPERATURE, int(far.sum()), message))
    return levels.put("dewpoint", above, levels["temperature"], QC.SUSPECT), findings


def interpolate_humidity_gaps(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Fill inner gaps of dewpoint, linearly in ln p, never above temperature."""
    reported = levels.has("temperature", "dewpoint")
    gap = levels.has("temperature") & ~levels.has("dewpoint")
    if settings.humidity_gaps == "keep" or reported.sum() < 2:
        return levels, []
    first, last = np.flatnonzero(reported)[[0, -1]]
    gap[: first + 1] = False
    gap[last:] = False
    if not gap.any():
        return levels, []
    findings = [Finding(Reason.HUMIDITY_GAP_INTERPOLATED, int(gap.sum()))]
    pressure = levels["pressure"]
    bottom, top = _gap_bounds(pressure, reported, gap)
    deep = (bottom > 500.0) & (bottom - top > DEEP_HUMIDITY_GAP)
    if deep.any():
        worst = int(np.argmax(np.where(deep, bottom - top, 0.0)))
        message = f"no dewpoint between {bottom[worst]:g} and {top[worst]:g} hPa; interpolated"
        findings.append(Finding(Reason.HUMIDITY_GAP_DEEP, int(deep.sum()), message))
    log_p = -np.log(pressure)
    filled = np.interp(log_p, log_p[reported], levels["dewpoint"][reported])
    filled = np.minimum(filled, levels["temperature"])
    return levels.put("dewpoint", gap, filled, QC.SUSPECT), findings


def _gap_bounds(
    pressure: FloatArray, reported: NDArray[np.bool_], gap: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Return for each level in a gap the pressures of the reports below and above it."""
    known = pressure[reported]
    above = np.searchsorted(-known, -pressure[gap])
    return known[above - 1], known[np.minimum(above, len(known) - 1)]


def extend_humidity(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Go on above the last dewpoint report with a fixed depression, instead of cutting there.

    Radiosondes stop reporting humidity in cold dry air. MetPy drops the levels without it, and
    with them most of the CAPE: on 2142 real soundings it loses more than 100 J/kg in 471, and
    gives exactly 0 for 80 strongly unstable ones.
    """
    reported = levels.has("temperature", "dewpoint")
    lacking = levels.has("temperature") & ~levels.has("dewpoint")
    if not reported.any():
        return levels, []
    last = int(np.flatnonzero(reported)[-1])
    lacking[:last] = False
    if not lacking.any():
        return levels, []
    end = levels["pressure"][last]
    findings = []
    if end > settings.humidity_suspect_below or settings.humidity_aloft != "extend":
        reason = Reason.HUMIDITY_ENDS_EARLY
        if settings.humidity_aloft == "reject":
            reason = Reason.HUMIDITY_ALOFT_MISSING
        message = f"dewpoint ends at {end:g} hPa, temperature goes on"
        findings.append(Finding(reason, int(lacking.sum()), message))
    if settings.humidity_aloft == "extend":
        findings.append(Finding(Reason.HUMIDITY_EXTENDED_ALOFT, int(lacking.sum())))
        filled = levels["temperature"] - settings.humidity_aloft_depression
        levels = levels.put("dewpoint", lacking, filled, QC.SUSPECT)
    return levels, findings
