"""The table of pseudoadiabats against MetPy's moist_lapse, its solver made exact."""

from __future__ import annotations

import math
from typing import Any

import metpy.calc as mpcalc
import numpy as np
import pytest
import scipy.integrate
from metpy.units import units

from pipeline.engines.compiled.adiabats import (
    COLDEST,
    LABEL_STEP,
    LABELS,
    LEVELS,
    adiabat_label,
    follow_adiabat,
    integrated,
    moist_lapse,
    on_adiabat,
    table,
)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give MetPy a solver that is exact to 1e-9 K, in place of one to 1e-4 K."""
    solve = scipy.integrate.solve_ivp

    def exactly(**arguments: Any) -> Any:
        return solve(**(arguments | {"method": "DOP853", "rtol": 1e-11, "atol": 1e-11}))

    monkeypatch.setattr(mpcalc.thermo.si, "solve_ivp", exactly)


def by_metpy(pressures: list[float], kelvin: float, reference: float) -> list[float]:
    return [
        float(
            mpcalc.moist_lapse(
                units.Quantity(pressure, "hPa"),
                units.Quantity(kelvin, "K"),
                units.Quantity(reference, "hPa"),
            ).m_as("K")
        )
        for pressure in pressures
    ]


def by_table(pressures: list[float], kelvin: float, reference: float) -> list[float]:
    return [moist_lapse(table(), pressure, kelvin, reference) for pressure in pressures]


UP = [700.0, 500.0, 300.0, 200.0, 100.0, 30.0, 5.0, 1.0]


@pytest.mark.usefixtures("exact")
class TestMoistLapse:
    @pytest.mark.parametrize("celsius", [-40.0, -10.0, 5.0, 20.0])
    def test_up_from_900_hpa(self, celsius: float) -> None:
        found = by_table(UP, celsius + 273.15, 900.0)
        assert found == pytest.approx(by_metpy(UP, celsius + 273.15, 900.0), abs=5e-6)

    def test_the_hottest_air_that_rises_on_earth(self) -> None:
        found = by_table(UP, 273.15 + 33.0, 950.0)
        assert found == pytest.approx(by_metpy(UP, 273.15 + 33.0, 950.0), abs=3e-5)

    @pytest.mark.parametrize("celsius", [-35.0, -10.0, 5.0, 12.0])
    def test_down_from_600_hpa(self, celsius: float) -> None:
        down = [650.0, 850.0, 1000.0, 1085.0]
        found = by_table(down, celsius + 273.15, 600.0)
        assert found == pytest.approx(by_metpy(down, celsius + 273.15, 600.0), abs=1e-5)

    def test_a_level_close_to_the_first_has_its_temperature(self) -> None:
        assert by_table([900.008, 899.992], 280.0, 900.0) == [280.0, 280.0]
        assert by_metpy([900.008, 899.992], 280.0, 900.0) == [280.0, 280.0]
        assert by_table([899.9], 280.0, 900.0)[0] < 280.0

    @pytest.mark.parametrize(
        ("kelvin", "reference", "there"),
        [(325.0, 900.0, 300.0), (170.0, 900.0, 700.0), (290.0, 1150.0, 900.0),
         (290.0, 900.0, 1150.0), (200.0, 2.0, 0.5)],
    )  # fmt: skip
    def test_outside_the_table(self, kelvin: float, reference: float, there: float) -> None:
        found = by_table([there], kelvin, reference)
        assert found == pytest.approx(by_metpy([there], kelvin, reference), abs=1e-6)


class TestTable:
    def test_is_temperature_by_label_and_level(self) -> None:
        assert table().shape == (LABELS, LEVELS)
        assert table() is table()
        assert not table().flags.writeable
        for row in (0, 200, 500):
            at_1000 = moist_lapse(table(), 1000.0, table()[row, 4], math.exp(LOG_PRESSURES[4]))
            assert at_1000 == pytest.approx(COLDEST + row * LABEL_STEP, abs=1e-5)

    def test_warmer_adiabats_are_warmer_everywhere(self) -> None:
        assert (np.diff(table(), axis=0) > 0.0).all()

    def test_parcels_between_its_points_are_where_integration_puts_them(self) -> None:
        """Everywhere: the bound on what interpolation can do to any ascent."""
        random = np.random.default_rng(1)
        worst = 0.0
        for _ in range(300):
            pressure, kelvin = random.uniform(400.0, 1050.0), random.uniform(230.0, 300.0)
            if math.isnan(adiabat_label(table(), math.log(pressure), kelvin)):
                continue
            for there in (1100.0, 900.0, 620.0, 333.0, 150.0, 20.0):
                expected = integrated(kelvin, math.log(pressure), math.log(there))
                worst = max(worst, abs(followed(pressure, kelvin, there) - expected))
        assert worst < 2e-5

    @pytest.mark.parametrize("until", [1100.0, 850.0, 300.0, 1.0])
    def test_an_adiabat_is_followed_all_the_way_to_where_it_is_wanted(self, until: float) -> None:
        for there in np.geomspace(880.0, until, 50)[1:].tolist():
            expected = moist_lapse(table(), there, 288.0, 880.0)
            assert followed(880.0, 288.0, there, until) == pytest.approx(expected, abs=1e-9)

    @pytest.mark.parametrize(
        ("kelvin", "pressure", "until"),
        [(325.0, 900.0, 300.0), (170.0, 900.0, 700.0), (290.0, 1150.0, 900.0),
         (290.0, 900.0, 1150.0), (200.0, 2.0, 0.5), (290.0, 1150.0, 1140.0)],
    )  # fmt: skip
    def test_an_adiabat_outside_is_integrated(
        self, kelvin: float, pressure: float, until: float
    ) -> None:
        for there in np.geomspace(pressure, until, 7)[1:].tolist():
            expected = moist_lapse(table(), there, kelvin, pressure)
            assert followed(pressure, kelvin, there, until) == pytest.approx(expected, abs=1e-9)


def followed(pressure: float, kelvin: float, there: float, until: float | None = None) -> float:
    """Return a parcel's temperature at a level, by its pseudoadiabat as far as `until` or there."""
    adiabat = np.full(LEVELS, 1e30)  # what nothing was written to shows
    follow_adiabat(table(), pressure, kelvin, until or there, adiabat)
    return on_adiabat(adiabat, math.log(there), there, kelvin, pressure)


LOG_PRESSURES = math.log(1120.0) - np.arange(LEVELS) / 32.0
