"""Heights: filled in hydrostatically where a format leaves them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.flags import QC, Reason
from pipeline.profiles import FloatArray, Profile
from pipeline.quality.levels import Finding, Levels

if TYPE_CHECKING:
    from pipeline.config import Quality

GRAVITY = 9.80665  # m s-2
DRY_AIR_GAS_CONSTANT = 287.047  # J kg-1 K-1


def derive_height(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Fill missing heights from pressure, temperature and humidity.

    The hypsometric equation gives the shape of the profile, the heights that were reported give
    its place: between two of them the small difference is spread linearly in ln p. Where none was
    reported, the station's altitude is the height of the lowest level.
    """
    lacking = levels.has("pressure") & ~levels.has("height")
    if not lacking.any():
        return levels, []
    known = levels.has("height")
    anchored = known.any() or np.isfinite(profile.surface_altitude)
    if not (settings.derive_height and anchored and levels.has("temperature").any()):
        missing = Finding(Reason.HEIGHT_MISSING, int(lacking.sum()))
        return levels, [] if known.any() else [missing]
    if not known.any():
        known = np.arange(len(levels)) == 0
        levels = levels.put("height", known, profile.surface_altitude, QC.SUSPECT)
    thickness = hydrostatic_height(levels["pressure"], levels["temperature"], levels["dewpoint"])
    log_pressure = -np.log(levels["pressure"])
    offset = levels["height"][known] - thickness[known]
    derived = thickness + np.interp(log_pressure, log_pressure[known], offset)
    levels = levels.put("height", lacking & ~known & np.isfinite(derived), derived, QC.SUSPECT)
    return levels, [Finding(Reason.HEIGHT_DERIVED, int(lacking.sum()))]


def hydrostatic_height(
    pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> FloatArray:
    """Return height above the lowest level by the hypsometric equation.

    Parameters
    ----------
    pressure : numpy.ndarray, shape (levels,)
        hPa, strictly falling.
    temperature : numpy.ndarray, shape (levels,)
        degC; gaps are interpolated in ln p. At least one must be there.
    dewpoint : numpy.ndarray, shape (levels,)
        degC; where it is missing the air counts as dry.

    Returns
    -------
    numpy.ndarray, shape (levels,)
        m.

    References
    ----------
    Wallace and Hobbs 2006, eq. 3.29; vapour pressure by Bolton 1980, eq. 10.

    Examples
    --------
    >>> p = np.array([1000.0, 500.0])
    >>> hydrostatic_height(p, np.array([0.0, 0.0]), np.array([np.nan, np.nan])).round(1)
    array([   0. , 5541.9])
    """
    vapour_pressure = 6.112 * np.exp(17.67 * dewpoint / (dewpoint + 243.5))
    vapour_pressure = np.where(np.isfinite(dewpoint), vapour_pressure, 0.0)
    # A damaged dewpoint at a fraction of a hPa must not make air of negative weight.
    vapour_pressure = np.minimum(vapour_pressure, pressure)
    virtual = (temperature + 273.15) / (1.0 - 0.378 * vapour_pressure / pressure)
    log_pressure = -np.log(pressure)
    known = np.isfinite(virtual)
    virtual = np.interp(log_pressure, log_pressure[known], virtual[known])
    mean = (virtual[1:] + virtual[:-1]) / 2
    thickness = DRY_AIR_GAS_CONSTANT / GRAVITY * mean * np.diff(log_pressure)
    return np.append(0.0, np.cumsum(thickness))


def check_height(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Flag heights that do not increase while pressure falls; which one is wrong, nobody knows."""
    height = levels["height"]
    present = np.flatnonzero(np.isfinite(height))
    standing = np.zeros(len(levels), dtype=bool)
    standing[present[1:]] = np.diff(height[present]) <= 0
    if not standing.any():
        return levels, []
    pressure = levels["pressure"][standing][0]
    message = f"height does not increase at {pressure:g} hPa"
    levels = levels.put("height", standing, height, QC.SUSPECT)
    return levels, [Finding(Reason.HEIGHT_NOT_INCREASING, int(standing.sum()), message)]
