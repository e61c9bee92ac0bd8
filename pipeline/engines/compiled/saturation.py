"""Saturation vapour pressure read from a table: a third of the time of the formula.

Parcels and their surroundings need it twice a level, so their ascents read it here, all of them:
air that is the same in both has the same virtual temperature to the last bit, whichever it is.

Pressures are in hPa, temperatures in K.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.compiled._numba import compiled
from pipeline.engines.compiled.thermodynamics import (
    HEAT_POWER,
    LATENT_TEMPERATURE,
    saturation_vapor_pressure,
)

#: The table's temperatures; outside of it the formula is asked.
COLDEST, STEP, STEPS = 150.0, 0.5, 400


def _cubics() -> NDArray[np.float64]:
    """Return, for each step, the cubic with the formula's values and slopes at both ends.

    Relative errors are below 6e-9 above -25 degC and 3e-8 above -65 degC (Hermite interpolation:
    a fourth derivative times ``STEP ** 4 / 384``): in a virtual temperature less than 1e-8 K.

    Returns
    -------
    numpy.ndarray, shape (STEPS, 4)
        hPa: of the powers 0, 1, 2 and 3 of the share of a step.
    """
    formula = getattr(saturation_vapor_pressure, "py_func", saturation_vapor_pressure)
    temperature = COLDEST + STEP * np.arange(STEPS + 1)
    value = np.array([formula(each) for each in temperature.tolist()])
    slope = STEP * value * (LATENT_TEMPERATURE / temperature - HEAT_POWER) / temperature
    rise, first, last = np.diff(value), slope[:-1], slope[1:]
    powers = (value[:-1], first, 3.0 * rise - 2.0 * first - last, first + last - 2.0 * rise)
    return np.ascontiguousarray(np.stack(powers, axis=1))


_CUBICS = _cubics()


@compiled
def tabulated_vapor_pressure(temperature: float) -> float:
    """Return saturation vapour pressure in hPa, as `saturation_vapor_pressure` does."""
    position = (temperature - COLDEST) / STEP
    if not 0.0 <= position < STEPS:  # NaN too
        return saturation_vapor_pressure(temperature)
    step = int(position)
    t = position - step
    cubic = _CUBICS[step]
    return cubic[0] + t * (cubic[1] + t * (cubic[2] + t * cubic[3]))
