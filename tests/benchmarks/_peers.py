"""Peers that compute surface-based CAPE and CIN, as their documentation says: those installed here.

Each is given one profile's levels in the types and units that it wants, prepared beforehand: what
is timed is the calculation.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from _engines import FloatArray, Soundings

Work = Callable[..., float]


@dataclass(frozen=True)
class Peer:
    """A program that computes surface-based CAPE and CIN of one profile."""

    name: str
    prepare: Callable[..., tuple[Any, ...]]
    """From pressure, temperature, dewpoint and height in hPa, degC and m, as plain arrays."""
    sbcape: Work
    """From what that returned; CIN is computed along with it."""

    def prepared(self, profiles: Sequence[tuple[FloatArray, ...]]) -> list[tuple[Any, ...]]:
        """Return profiles as the peer takes them."""
        return [self.prepare(*levels) for levels in profiles]

    def all_sbcape(self, prepared: Sequence[tuple[Any, ...]]) -> FloatArray:
        """Return the CAPE of prepared profiles; NaN where it raises."""
        found = np.full(len(prepared), np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for place, arguments in enumerate(prepared):
                try:
                    found[place] = self.sbcape(*arguments)
                except Exception:  # a peer's failure is its result
                    continue
        return found


def whole_levels(these: Soundings) -> list[tuple[FloatArray, ...]]:
    """Return the levels of each profile that have pressure, temperature, dewpoint and height."""
    whole = []
    for levels in these.profiles:
        where = np.isfinite(levels[:4]).all(axis=0)
        whole.append(tuple(values[where] for values in levels[:4]))
    return whole


def peers() -> list[Peer]:
    """Return the peers that are installed."""
    found: list[Peer] = []
    for of_package in (_sharplib, _metrust):
        try:
            found += of_package()
        except ImportError as error:
            print(f"Left out, since it is not installed: {error.name}")
    return found


def _sharplib() -> list[Peer]:
    """Return SHARPlib with its look-up table, and with the solver that fills that."""
    from nwsspc.sharp.calc import parcel, thermo

    def prepare(*levels: FloatArray) -> tuple[Any, ...]:
        pressure, temperature, dewpoint, height = levels
        kelvin = (temperature + 273.15, dewpoint + 273.15)
        return tuple(values.astype(np.float32) for values in (100.0 * pressure, *kelvin, height))

    def with_lifter(lifter: Any) -> Work:
        def sbcape(pressure: Any, temperature: Any, dewpoint: Any, height: Any) -> float:
            ratio = thermo.mixratio(pressure, dewpoint)
            surroundings = thermo.virtual_temperature(temperature, ratio)
            lifted = parcel.Parcel.surface_parcel(pressure[0], temperature[0], dewpoint[0])
            virtual = lifted.lift_parcel(lifter, pressure)
            buoyancy = thermo.buoyancy(virtual, surroundings)
            lifted.find_lfc_el(pressure, height, buoyancy)
            return float(lifted.cape_cinh(pressure, height, buoyancy)[0])

        return sbcape

    solver = parcel.lifter_cm1()
    solver.ma_type = thermo.adiabat.pseudo_liq
    table = parcel.lifter_lut(parcel.lut_data_cm1(solver))
    name = f"SHARPlib {version('SHARPlib')}"
    return [
        Peer(f"{name}, look-up table", prepare, with_lifter(table)),
        Peer(f"{name}, cm1", prepare, with_lifter(solver)),
    ]


def _metrust() -> list[Peer]:
    """Return metrust's function of MetPy's name, given quantities as MetPy's is."""
    from metrust import calc
    from metrust.units import units

    def prepare(*levels: FloatArray) -> tuple[Any, ...]:
        pressure, temperature, dewpoint, _ = levels
        return (
            units.Quantity(pressure, "hPa"),
            units.Quantity(temperature, "degC"),
            units.Quantity(dewpoint, "degC"),
        )

    def sbcape(*quantities: Any) -> float:
        cape, _ = calc.surface_based_cape_cin(*quantities)
        return float(cape.magnitude)

    return [Peer(f"metrust {version('metrust')}, as MetPy", prepare, sbcape)]
