"""What a profile's CAPE and CIN are without our engine: by MetPy called directly, by SHARPlib.

`truth` runs in worker processes: plain arrays in, plain floats out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import metpy.calc as mpcalc
import numpy as np
from metpy.units import units
from numpy.typing import NDArray
from oracle import sharplib_sbcape

FloatArray = NDArray[np.float64]

#: MetPy's function for each parcel, by the prefix of our names.
CAPE_CIN = {
    "sb": mpcalc.surface_based_cape_cin,
    "ml": mpcalc.mixed_layer_cape_cin,
    "mu": mpcalc.most_unstable_cape_cin,
}
MISSING = (np.nan, np.nan)


class Truth(NamedTuple):
    """CAPE and CIN (J kg-1) of one profile from other hands; NaN where there are none."""

    direct: dict[str, tuple[float, float]]
    """By parcel: MetPy's own function on the cleaned levels."""
    naive: tuple[float, float]
    """MetPy's ``surface_based_cape_cin`` on the levels as they were read."""
    naive_error: str
    """What that raised, if it did."""
    oracle: float
    """SHARPlib's surface-based CAPE on the cleaned levels."""


def truth(
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    height: FloatArray,
    read_pressure: FloatArray,
    read_temperature: FloatArray,
    read_dewpoint: FloatArray,
) -> Truth:
    """Return what others make of a profile, given cleaned and as it was read."""
    warnings.simplefilter("ignore")  # a worker process of this benchmark alone
    whole = np.isfinite(pressure) & np.isfinite(temperature) & np.isfinite(dewpoint)
    levels = (pressure[whole], temperature[whole], dewpoint[whole])
    direct = {name: _cape_cin(function, *levels)[0] for name, function in CAPE_CIN.items()}
    as_read = (read_pressure, read_temperature, read_dewpoint)
    naive, naive_error = _cape_cin(mpcalc.surface_based_cape_cin, *as_read)
    with_height = whole & np.isfinite(height)
    oracle = np.nan
    if with_height.sum() >= 2:
        each = (values[with_height] for values in (pressure, temperature, dewpoint, height))
        oracle = sharplib_sbcape(*each)
    return Truth(direct, naive, naive_error, oracle)


def _cape_cin(
    function: Callable[..., Any],
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
) -> tuple[tuple[float, float], str]:
    """Return CAPE and CIN, and the name of what MetPy raised instead."""
    try:
        cape, cin = function(
            units.Quantity(pressure, "hPa"),
            units.Quantity(temperature, "degC"),
            units.Quantity(dewpoint, "degC"),
        )
    except Exception as error:  # how often and what is one of the things this benchmark counts
        return MISSING, type(error).__name__
    return (float(cape.m_as("J/kg")), float(cin.m_as("J/kg"))), ""
