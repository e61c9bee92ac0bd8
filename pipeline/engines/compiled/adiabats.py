"""The pseudoadiabats of MetPy's ``moist_lapse``: a table of them all, and how to read it.

A pseudoadiabat is told by one number, here its temperature at 1000 hPa, so all of them make a
table of temperature by that label and by ln p. It is made once a process, by integrating MetPy's
equation, and read with cubic interpolation both ways (4 x 4 points): within 2e-5 K of the equation
everywhere, 4e-6 K as a rule, where MetPy's own solver is within 1.5e-4 K. A parcel that is not in
the table (hotter than any on Earth) is lifted step by step.

Pressures are in hPa, temperatures in K.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.compiled._numba import compiled, kernel
from pipeline.engines.compiled.saturation import tabulated_vapor_pressure
from pipeline.engines.compiled.thermodynamics import (
    DRY_AIR_GAS_CONSTANT,
    DRY_AIR_HEAT,
    EPSILON,
    LATENT_HEAT,
    mixing_ratio,
)

FloatArray = NDArray[np.float64]

#: The labels: temperature at 1000 hPa.
COLDEST, LABEL_STEP, LABELS = 190.0, 0.25, 501
#: The levels, in ln p, from 1120 hPa up to 0.8 hPa.
LOWEST, LEVEL_STEP, LEVELS = math.log(1120.0), 1.0 / 32.0, 232
#: Steps of the integration are no longer than this in ln p: errors are some 1e-7 K at most.
LONGEST_STEP = 1.0 / 64.0
_REFERENCE = math.log(1000.0)
_SIXTH = 1.0 / 6.0  # multiplying is much faster than dividing


@compiled
def moist_lapse_rate(pressure: float, temperature: float) -> float:
    """Return dT/d(ln p) on a pseudoadiabat in K (Bakhshaii and Stull 2013, eq. 5).

    As in MetPy, the latent heat does not depend on temperature. NaN where water boils.
    """
    vapor = tabulated_vapor_pressure(temperature)
    if vapor >= pressure:
        return math.nan
    ratio = mixing_ratio(vapor, pressure)
    warming = DRY_AIR_GAS_CONSTANT * temperature + LATENT_HEAT * ratio
    heat = DRY_AIR_HEAT + LATENT_HEAT * LATENT_HEAT * ratio * EPSILON / (
        DRY_AIR_GAS_CONSTANT * temperature * temperature
    )
    return warming / heat


@compiled
def integrated(temperature: float, log_from: float, log_to: float) -> float:
    """Return the temperature of a saturated parcel brought from a level (ln p) to another.

    By the classical Runge-Kutta method.
    """
    steps = int(abs(log_to - log_from) / LONGEST_STEP - 1e-6) + 1
    step = (log_to - log_from) / steps
    half_a_step_on = math.exp(step / 2.0)
    here = math.exp(log_from)
    for _ in range(steps):
        middle = here * half_a_step_on
        there = middle * half_a_step_on
        first = moist_lapse_rate(here, temperature)
        second = moist_lapse_rate(middle, temperature + step / 2.0 * first)
        third = moist_lapse_rate(middle, temperature + step / 2.0 * second)
        fourth = moist_lapse_rate(there, temperature + step * third)
        temperature += step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)
        here = there
    return temperature


@kernel
def _integrated_table() -> FloatArray:
    """Return temperature by label and level."""
    table = np.empty((LABELS, LEVELS))
    reference = int((LOWEST - _REFERENCE) / LEVEL_STEP) + 1  # the first level above 1000 hPa
    for first, last, step in ((reference, LEVELS, 1), (reference - 1, -1, -1)):
        here = _REFERENCE
        for level in range(first, last, step):
            there = LOWEST - level * LEVEL_STEP
            # Adiabats do not wait for each other: the processor works on several at a time.
            for label in range(LABELS):
                before = COLDEST + label * LABEL_STEP
                if level != first:
                    before = table[label, level - step]
                table[label, level] = integrated(before, here, there)
            here = there
    return table


@cache
def table() -> FloatArray:
    """Return the table of all pseudoadiabats, made when first asked for (some 0.05 s).

    Returns
    -------
    numpy.ndarray, shape (LABELS, LEVELS)
        Temperature in K; read only.
    """
    made = _integrated_table()
    made.flags.writeable = False
    return made


@compiled
def _place(position: float, size: int) -> tuple[int, float]:
    """Return the second of the four points around a position, and how far on from it that is."""
    index = min(max(int(position), 1), size - 3)
    return index, position - index


@compiled
def _weights(t: float) -> tuple[float, float, float, float]:
    """Return the weights of points at -1, 0, 1 and 2 for the cubic through them, at `t`."""
    before, after, far = t + 1.0, t - 1.0, t - 2.0
    return (
        -_SIXTH * t * after * far,
        0.5 * before * after * far,
        -0.5 * before * t * far,
        _SIXTH * before * t * after,
    )


@compiled
def _in_row(row: FloatArray, level: int, weights: tuple[float, float, float, float]) -> float:
    """Return a row of the table (a pseudoadiabat) interpolated between its levels."""
    return (
        weights[0] * row[level - 1]
        + weights[1] * row[level]
        + weights[2] * row[level + 1]
        + weights[3] * row[level + 2]
    )


@compiled
def adiabat_label(adiabats: FloatArray, log_pressure: float, temperature: float) -> float:
    """Return on which row of the table a saturated parcel is, between two as a rule.

    Returns
    -------
    float
        NaN for a parcel outside the table.
    """
    position = (LOWEST - log_pressure) / LEVEL_STEP
    if not 0.0 <= position <= LEVELS - 1:
        return math.nan
    level, t = _place(position, LEVELS)
    weights = _weights(t)
    low, high = 0, LABELS - 1
    if not (
        _in_row(adiabats[low], level, weights)
        <= temperature
        <= _in_row(adiabats[high], level, weights)
    ):
        return math.nan
    while high - low > 1:
        middle = (low + high) // 2
        if _in_row(adiabats[middle], level, weights) <= temperature:
            low = middle
        else:
            high = middle
    index = min(max(low, 1), LABELS - 3)
    return index + _solved(
        _in_row(adiabats[index - 1], level, weights),
        _in_row(adiabats[index], level, weights),
        _in_row(adiabats[index + 1], level, weights),
        _in_row(adiabats[index + 2], level, weights),
        temperature,
    )


@compiled
def _solved(before: float, first: float, second: float, far: float, wanted: float) -> float:
    """Return where the cubic through values at -1, 0, 1 and 2 has a value, by Newton's method."""
    square = (second + before) / 2.0 - first
    cube = ((far - before) / 3.0 - (second - first)) / 2.0
    slope = (second - before) / 2.0 - cube
    t = (wanted - first) / (second - first)
    for _ in range(3):  # nearly linear: the first step is within 1e-4 of the end
        value = first + t * (slope + t * (square + t * cube))
        t -= (value - wanted) / (slope + t * (2.0 * square + t * 3.0 * cube))
    return t


@compiled
def follow_adiabat(
    adiabats: FloatArray,
    pressure: float,
    temperature: float,
    until: float,
    adiabat: FloatArray,
) -> None:
    """Write the pseudoadiabat of a parcel into `adiabat`, from a pressure up or down to another.

    All of it is NaN for a parcel outside the table.
    """
    log_from, log_until = math.log(pressure), math.log(until)
    label = adiabat_label(adiabats, log_from, temperature)
    if math.isnan(label):
        adiabat[:] = math.nan
        return
    index, t = _place(label, LABELS)
    before, first, second, far = _weights(t)
    lowest, _ = _place((LOWEST - max(log_from, log_until)) / LEVEL_STEP, LEVELS)
    highest, _ = _place((LOWEST - min(log_from, log_until)) / LEVEL_STEP, LEVELS)
    for level in range(lowest - 1, highest + 3):
        adiabat[level] = (
            before * adiabats[index - 1, level]
            + first * adiabats[index, level]
            + second * adiabats[index + 1, level]
            + far * adiabats[index + 2, level]
        )


@compiled
def _is_reference(pressure: float, reference_pressure: float) -> bool:
    """Tell whether MetPy's ``moist_lapse`` gives a level the temperature it starts from."""
    return abs(pressure - reference_pressure) <= 1e-10 + 1e-5 * reference_pressure


@compiled
def on_adiabat(
    adiabat: FloatArray, log_pressure: float, pressure: float, temperature: float, reference: float
) -> float:
    """Return the temperature in K of a saturated parcel on the pseudoadiabat it follows.

    Parameters
    ----------
    adiabat : numpy.ndarray, shape (LEVELS,)
        As `follow_adiabat` gives it: as far as to this level, and NaN for a parcel outside the
        table.
    log_pressure, pressure : float
        Of the level.
    temperature, reference : float
        Where it starts: K and hPa.
    """
    if _is_reference(pressure, reference):
        return temperature
    position = (LOWEST - log_pressure) / LEVEL_STEP
    level, t = _place(position, LEVELS)
    lifted = _in_row(adiabat, level, _weights(t))
    if math.isnan(lifted) or not 0.0 <= position <= LEVELS - 1:
        return integrated(temperature, math.log(reference), log_pressure)
    return lifted


@compiled
def moist_lapse(
    adiabats: FloatArray, pressure: float, temperature: float, reference_pressure: float
) -> float:
    """Return the temperature in K of a saturated parcel brought from a pressure to another.

    As MetPy's ``moist_lapse`` does: a level as close to the first as ``numpy.isclose`` calls close
    has its temperature.
    """
    if _is_reference(pressure, reference_pressure):
        return temperature
    log_from, log_to = math.log(reference_pressure), math.log(pressure)
    label = adiabat_label(adiabats, log_from, temperature)
    position = (LOWEST - log_to) / LEVEL_STEP
    if not (math.isfinite(label) and 0.0 <= position <= LEVELS - 1):
        return integrated(temperature, log_from, log_to)
    index, across = _place(label, LABELS)
    level, along = _place(position, LEVELS)
    before, first, second, far = _weights(across)
    weights = _weights(along)
    return (
        before * _in_row(adiabats[index - 1], level, weights)
        + first * _in_row(adiabats[index], level, weights)
        + second * _in_row(adiabats[index + 1], level, weights)
        + far * _in_row(adiabats[index + 2], level, weights)
    )
