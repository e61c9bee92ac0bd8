"""An independent oracle: surface-based CAPE by SHARPlib (NOAA Storm Prediction Center)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from nwsspc.sharp.calc import parcel, thermo


def sharplib_sbcape(
    pressure: NDArray[np.float64],
    temperature: NDArray[np.float64],
    dewpoint: NDArray[np.float64],
    height: NDArray[np.float64],
) -> float:
    """Return surface-based CAPE (J kg-1) of levels in hPa, degC and m, from the surface up.

    SHARPlib's own way through: pseudoadiabatic ascent after Bryan and Fritsch 2004 (as in CM1),
    virtual temperature, the pair of LFC and EL with the most CAPE, integrated in height.
    """
    pascal = np.asarray(pressure * 100.0, dtype=np.float32)
    kelvin = np.asarray(temperature + 273.15, dtype=np.float32)
    dew = np.asarray(dewpoint + 273.15, dtype=np.float32)
    metres = np.asarray(height, dtype=np.float32)
    mixing_ratio = np.asarray(thermo.mixratio(pascal, dew), dtype=np.float32)
    environment = np.asarray(thermo.virtual_temperature(kelvin, mixing_ratio), dtype=np.float32)
    lifter = parcel.lifter_cm1()
    lifter.ma_type = thermo.adiabat.pseudo_liq
    lifted = parcel.Parcel.surface_parcel(pascal[0], kelvin[0], dew[0])
    virtual = np.asarray(lifted.lift_parcel(lifter, pascal), dtype=np.float32)
    buoyancy = np.asarray(thermo.buoyancy(virtual, environment), dtype=np.float32)
    lifted.find_lfc_el(pascal, metres, buoyancy)
    cape, _ = lifted.cape_cinh(pascal, metres, buoyancy)
    return float(cape)
