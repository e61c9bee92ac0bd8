"""Which levels there are and in what order: pressure strictly falling, from the ground up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.flags import QC, Reason
from pipeline.profiles import FloatArray, Profile
from pipeline.quality.levels import Finding, Levels

if TYPE_CHECKING:
    from pipeline.config import Quality

#: Physical limits of what a balloon can meet, in the units of the data model.
GROSS_RANGE = {
    "pressure": (0.1, 1100.0),
    "temperature": (-120.0, 60.0),
    "dewpoint": (-150.0, 45.0),
    "height": (-500.0, 70000.0),
    "u_wind": (-150.0, 150.0),
    "v_wind": (-150.0, 150.0),
}

#: What must hold with that check switched off too: no infinities, and a logarithm of pressure.
_LARGEST = float(np.finfo(np.float64).max)
ARITHMETIC_RANGE = dict.fromkeys(GROSS_RANGE, (-_LARGEST, _LARGEST)) | {
    "pressure": (float(np.finfo(np.float64).tiny), _LARGEST)
}

#: Levels closer than this (hPa) have the same pressure: it absorbs rounding, and no more.
SAME_PRESSURE = 1e-6

#: A surface level may lie this far (m) below the altitude its source states: rounding, terrain.
ALTITUDE_TOLERANCE = 10.0


def remove_implausible(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Remove values outside physical limits: forgotten sentinels, wrong units, broken digits.

    So is one component of a wind without the other: it tells nothing, and makes a wind that nobody
    has measured where levels are merged.
    """
    count, worst = 0, []
    limits = GROSS_RANGE if settings.gross_range else ARITHMETIC_RANGE
    for name, (low, high) in limits.items():
        bad = (levels[name] < low) | (levels[name] > high)
        if bad.any():
            worst.append(f"{name} {levels[name][bad][0]:g}")
            count += int(bad.sum())
            levels = levels.put(name, bad, np.nan, QC.FAIL)
    for name, other in (("u_wind", "v_wind"), ("v_wind", "u_wind")):
        alone = levels.has(name) & ~levels.has(other)
        if settings.gross_range and alone.any():
            worst.append(f"{name} without {other}")
            count += int(alone.sum())
            levels = levels.put(name, alone, np.nan, QC.FAIL)
    if not count:
        return levels, []
    message = f"{count} implausible values removed ({', '.join(worst)})"
    return levels, [Finding(Reason.IMPLAUSIBLE_VALUES_REMOVED, count, message)]


def put_surface_first(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Turn a profile that is told from the top down; nothing is lost, so nothing is flagged.

    Dropsondes come so, with small bumps of their own.
    """
    pressure = levels["pressure"][levels.has("pressure")]
    told_downwards = len(pressure) > 1 and pressure[-1] > pressure[0]
    if told_downwards and _rise(pressure[::-1]) <= settings.pressure_bump:
        return levels.take(slice(None, None, -1)), []
    return levels, []


def _rise(pressure: FloatArray) -> float:
    """Return by how much any level lies above an earlier one in pressure; 0 where none does."""
    lowest_before = np.minimum.accumulate(pressure)
    return float(np.max(pressure - lowest_before, initial=0.0))


def derive_pressure(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Place levels that carry only a height between those that carry pressure too.

    Wind-only levels of pilot balloons and IGRA come so. ln p is interpolated in height; a level
    outside the known heights cannot be placed and is removed.
    """
    findings = []
    lacking = ~levels.has("pressure")
    if settings.derive_pressure and lacking.any():
        in_order = bool(np.all(np.diff(levels["pressure"][~lacking]) <= 0))
        at_height = _pressure_at_height(levels)
        place = lacking & np.isfinite(at_height)
        if place.any():
            findings.append(Finding(Reason.PRESSURE_DERIVED, int(place.sum())))
            levels = levels.put("pressure", place, at_height, QC.SUSPECT)
            if in_order:  # otherwise sorting here would hide the disorder from the check for it
                levels = levels.take(np.argsort(-levels["pressure"], kind="stable"))
            lacking = ~levels.has("pressure")
    if lacking.any():
        count = int(lacking.sum())
        message = f"{count} levels without pressure removed"
        findings.append(Finding(Reason.LEVELS_WITHOUT_PRESSURE_REMOVED, count, message))
        levels = levels.take(~lacking)
    return levels, findings


def _pressure_at_height(levels: Levels) -> FloatArray:
    """Return pressure interpolated to every level's height; NaN outside the known heights."""
    known = np.flatnonzero(levels.has("pressure", "height"))
    known = known[np.argsort(levels["height"][known], kind="stable")]
    pressure, height = levels["pressure"][known], levels["height"][known]
    if len(known):  # only levels where pressure falls as height rises tell anything
        falls = np.append(True, pressure[1:] < np.minimum.accumulate(pressure)[:-1])
        rises = np.append(True, np.diff(height) > 0)
        pressure, height = pressure[falls & rises], height[falls & rises]
    if len(pressure) < 2:
        return np.full(len(levels), np.nan)
    log_pressure = np.log(pressure)
    found = np.exp(np.interp(levels["height"], height, log_pressure, left=np.nan, right=np.nan))
    # Between heights that are next to equal, rounding leads anywhere.
    return np.clip(found, pressure[-1], pressure[0])


def remove_below_station(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Remove levels that lie below the ground.

    Mandatory levels (1000, 925 hPa) are reported for high stations too, with a height and nothing
    else, before the surface level or after it. Where the source states the station's altitude,
    levels below that go as well; but not one that lies above the surface level in pressure, where
    it is the height that is wrong.
    """
    measured = levels.has("temperature") | levels.has("dewpoint") | levels.has("u_wind", "v_wind")
    if not settings.below_station or not measured.any():
        return levels, []
    below = levels["height"] < profile.surface_altitude - ALTITUDE_TOLERANCE
    usable = measured & ~below
    if usable.any():
        surface = int(np.argmax(usable))
        deeper = levels["pressure"] > levels["pressure"][surface]
        below = deeper & (below | ~levels.has("temperature"))
        below[:surface] = True
    if not below.any():
        return levels, []
    count = int(below.sum())
    return levels.take(~below), [Finding(Reason.BELOW_STATION_LEVELS_REMOVED, count)]


def order_pressure(
    levels: Levels, profile: Profile, settings: Quality
) -> tuple[Levels, list[Finding]]:
    """Make pressure strictly falling: sort real disorder, smooth small bumps, merge duplicates.

    Neighbouring levels whose pressure does not fall are pooled into one with the mean of their
    values: the least-squares way to a falling sequence (isotonic regression, pool adjacent
    violators), of which merging duplicates is the simplest case. 1 Hz data need it for bumps of
    0.1 hPa. A rise above ``pressure_bump`` is no noise: such levels are sorted first.
    """
    pressure = levels["pressure"]
    rises = np.diff(pressure)
    if not settings.pressure_order or not (rises > -SAME_PRESSURE).any():
        return levels, []
    findings = []
    if _rise(pressure) > settings.pressure_bump:
        count = int((rises > settings.pressure_bump).sum()) or 1
        message = f"pressure rises by up to {rises.max():g} hPa; levels sorted"
        findings.append(Finding(Reason.PRESSURE_DISORDER_SORTED, count, message))
        levels = levels.take(np.argsort(-pressure, kind="stable"))
    elif (rises >= SAME_PRESSURE).any():
        findings.append(Finding(Reason.PRESSURE_SMOOTHED, int((rises >= SAME_PRESSURE).sum())))
    duplicates = int((np.abs(np.diff(levels["pressure"])) < SAME_PRESSURE).sum())
    if duplicates:
        findings.append(Finding(Reason.DUPLICATE_LEVELS_MERGED, duplicates))
    return _pool(levels, _blocks(levels["pressure"])), findings


def _blocks(pressure: FloatArray) -> NDArray[np.intp]:
    """Return the first level of each block to pool so that block means fall strictly."""
    starts: list[int] = []
    sums: list[float] = []
    sizes: list[int] = []
    for index, value in enumerate(pressure):
        starts.append(index)
        sums.append(float(value))
        sizes.append(1)
        while len(starts) > 1 and sums[-1] / sizes[-1] > sums[-2] / sizes[-2] - SAME_PRESSURE:
            total, size = sums.pop(), sizes.pop()
            starts.pop()
            sums[-1] += total
            sizes[-1] += size
    return np.array(starts, dtype=np.intp)


def _pool(levels: Levels, starts: NDArray[np.intp]) -> Levels:
    """Return levels with each block replaced by the mean of what its members report."""
    if len(starts) == len(levels):
        return levels
    sizes = np.diff(np.append(starts, len(levels)))
    pooled = np.repeat(sizes > 1, sizes)[starts]
    values, qc = {}, {}
    for name, array in levels.values.items():
        present = np.isfinite(array)
        number = np.add.reduceat(present.astype(np.int64), starts)
        total = np.add.reduceat(np.where(present, array, 0.0), starts)
        mean = np.divide(total, number, out=np.full(len(starts), np.nan), where=number > 0)
        # A single report, or equal ones, stay as they are to the last bit.
        low, high = np.fmin.reduceat(array, starts), np.fmax.reduceat(array, starts)
        values[name] = np.clip(mean, low, high)
        if name in levels.qc:
            flags = np.minimum.reduceat(levels.qc[name], starts)
            merged = pooled & (number > 0)
            qc[name] = np.where(merged, np.int8(QC.SUSPECT), flags).astype(np.int8)
    return Levels(values, qc)
