"""The formulas of moist air, one by one, are MetPy's to the last digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import metpy.calc as mpcalc
import metpy.constants.nounit as constants
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from metpy.units import units
from scipy.special import lambertw

from pipeline.engines.compiled import thermodynamics as air
from pipeline.engines.compiled.saturation import tabulated_vapor_pressure
from pipeline.engines.compiled.thermodynamics import saturation_vapor_pressure

CELSIUS = 273.15

#: Compilation takes its time; the same examples every time.
examples = settings(deadline=None, derandomize=True)

pressures = st.floats(5.0, 1100.0)
temperatures = st.floats(-100.0, 55.0)
depressions = st.one_of(st.just(0.0), st.floats(0.0, 60.0))


def hpa(value: float) -> Any:
    return units.Quantity(value, "hPa")


def degc(value: float) -> Any:
    return units.Quantity(value, "degC")


def close(value: float, rel: float = 1e-13) -> Any:
    return pytest.approx(value, rel=rel, abs=0.0, nan_ok=True)


@pytest.mark.parametrize(
    ("mine", "metpy"),
    [
        ("DRY_AIR_GAS_CONSTANT", "Rd"),
        ("VAPOR_GAS_CONSTANT", "Rv"),
        ("DRY_AIR_HEAT", "Cp_d"),
        ("VAPOR_HEAT", "Cp_v"),
        ("WATER_HEAT", "Cp_l"),
        ("LATENT_HEAT", "Lv"),
        ("EPSILON", "epsilon"),
        ("KAPPA", "kappa"),
        ("TRIPLE_POINT", "T0"),
        ("ZERO_CELSIUS", "zero_degc"),
        ("GRAVITY", "g"),
    ],
)
def test_constants_are_metpys(mine: str, metpy: str) -> None:
    assert getattr(air, mine) == getattr(constants, metpy)


class TestVapour:
    @examples
    @given(temperatures)
    def test_saturation_vapor_pressure(self, temperature: float) -> None:
        wanted = mpcalc.saturation_vapor_pressure(degc(temperature)).m_as("hPa")
        assert air.saturation_vapor_pressure(temperature + CELSIUS) == close(wanted)

    @pytest.mark.filterwarnings("ignore:Saturation mixing ratio is undefined")
    @examples
    @given(pressures, temperatures)
    def test_saturation_mixing_ratio(self, pressure: float, temperature: float) -> None:
        vapor = mpcalc.saturation_vapor_pressure(degc(temperature)).m_as("hPa")
        assume(abs(pressure / vapor - 1.0) > 1e-3)  # near boiling every digit counts
        wanted = mpcalc.saturation_mixing_ratio(hpa(pressure), degc(temperature)).m
        assert air.saturation_mixing_ratio(pressure, temperature + CELSIUS) == close(wanted, 1e-11)

    def test_there_is_no_saturation_where_water_boils(self) -> None:
        assert np.isnan(air.saturation_mixing_ratio(20.0, 20.0 + CELSIUS))
        assert np.isnan(air.equivalent_potential_temperature(20.0, 293.15, 293.15))

    @examples
    @given(temperatures, depressions)
    def test_relative_humidity(self, temperature: float, depression: float) -> None:
        dewpoint = temperature - depression
        wanted = mpcalc.relative_humidity_from_dewpoint(degc(temperature), degc(dewpoint)).m
        mine = air.relative_humidity(temperature + CELSIUS, dewpoint + CELSIUS)
        assert mine == close(wanted)

    @examples
    @given(st.floats(1e-4, 80.0))
    def test_dewpoint_is_boltons_not_the_inverse_of_saturation(self, vapor: float) -> None:
        wanted = mpcalc.dewpoint(hpa(vapor)).m_as("K")
        assert air.dewpoint(vapor) == close(wanted)

    @examples
    @given(pressures, st.floats(1e-9, 0.04))
    def test_vapor_pressure_and_specific_humidity(self, pressure: float, ratio: float) -> None:
        assert air.vapor_pressure(pressure, ratio) == close(
            mpcalc.vapor_pressure(hpa(pressure), ratio * units.dimensionless).m_as("hPa")
        )
        assert air.specific_humidity(ratio) == close(
            mpcalc.specific_humidity_from_mixing_ratio(ratio * units.dimensionless).m
        )


class TestTabulatedVapour:
    """The table that ascents read."""

    @pytest.mark.parametrize(("coldest", "error"), [(248.15, 6e-9), (208.15, 3e-8), (150.0, 1e-6)])
    def test_is_the_formula_within_what_it_says(self, coldest: float, error: float) -> None:
        for temperature in np.random.default_rng(4).uniform(coldest, 350.0, 20_000).tolist():
            formula = saturation_vapor_pressure(temperature)
            assert abs(tabulated_vapor_pressure(temperature) - formula) <= error * formula

    def test_has_the_very_values_of_the_formula_at_its_points_and_outside(self) -> None:
        for temperature in (*np.arange(150.0, 350.0, 0.5).tolist(), 149.9, 350.0, 400.0):
            expected = saturation_vapor_pressure(temperature)
            assert tabulated_vapor_pressure(temperature) == pytest.approx(expected, rel=1e-14)

    def test_rises_with_temperature(self) -> None:
        fine = np.arange(180.0, 340.0, 0.003).tolist()
        values = [tabulated_vapor_pressure(temperature) for temperature in fine]
        assert (np.diff(values) > 0).all()

    def test_does_not_know_what_is_not_known(self) -> None:
        assert np.isnan(tabulated_vapor_pressure(np.nan))


class TestTemperatures:
    @examples
    @given(pressures, temperatures)
    def test_potential_temperature(self, pressure: float, temperature: float) -> None:
        wanted = mpcalc.potential_temperature(hpa(pressure), degc(temperature)).m
        assert air.potential_temperature(pressure, temperature + CELSIUS) == close(wanted)

    @examples
    @given(pressures, pressures, temperatures)
    def test_dry_lapse(self, pressure: float, start: float, temperature: float) -> None:
        wanted = mpcalc.dry_lapse(hpa(pressure), degc(temperature).to("K"), hpa(start)).m
        assert air.dry_lapse(pressure, temperature + CELSIUS, start) == close(wanted)

    @pytest.mark.parametrize(
        ("mine", "metpy"),
        [
            (
                air.virtual_temperature_from_dewpoint,
                mpcalc.virtual_temperature_from_dewpoint,
            ),
            (
                air.equivalent_potential_temperature,
                mpcalc.equivalent_potential_temperature,
            ),
        ],
    )
    @examples
    @given(st.floats(100.0, 1100.0), st.floats(-90.0, 40.0), depressions)
    def test_of_moist_air(
        self,
        mine: Callable[..., float],
        metpy: Callable[..., Any],
        pressure: float,
        temperature: float,
        depression: float,
    ) -> None:
        dewpoint = temperature - depression
        wanted = metpy(hpa(pressure), degc(temperature), degc(dewpoint)).m_as("K")
        assert mine(pressure, temperature + CELSIUS, dewpoint + CELSIUS) == close(wanted)


class TestLiftingCondensationLevel:
    @examples
    @given(st.floats(100.0, 1100.0), st.floats(-90.0, 50.0), depressions)
    def test_is_metpys(self, pressure: float, temperature: float, depression: float) -> None:
        dewpoint = temperature - depression
        assume(air.saturation_vapor_pressure(dewpoint + CELSIUS) < 0.9 * pressure)
        wanted = mpcalc.lcl(hpa(pressure), degc(temperature), degc(dewpoint))
        mine = air.lifting_condensation_level(pressure, temperature + CELSIUS, dewpoint + CELSIUS)
        assert mine == (close(wanted[0].m_as("hPa")), close(wanted[1].m_as("K")))

    def test_lies_below_the_ground_where_dewpoint_is_above_temperature(self) -> None:
        wanted = mpcalc.lcl(hpa(1000.0), degc(20.0), degc(22.0))
        mine = air.lifting_condensation_level(1000.0, 293.15, 295.15)
        assert mine[0] == close(wanted[0].m_as("hPa"))
        assert mine[0] > 1000.0

    def test_of_what_is_missing_is_missing(self) -> None:
        assert np.isnan(air.lifting_condensation_level(1000.0, np.nan, 280.0)).all()

    @pytest.mark.parametrize("temperature", [180.0, 233.15, 293.15, 330.0])
    @pytest.mark.parametrize("depression", [-20.0, 0.0, 1e-9, 0.5, 20.0, 60.0, 100.0])
    def test_solves_romps_equation_to_the_last_digits(
        self, temperature: float, depression: float
    ) -> None:
        # By Lambert's function, from SciPy, for air that holds almost no water.
        dewpoint = temperature - depression
        a = air.DRY_AIR_HEAT / air.DRY_AIR_GAS_CONSTANT + air.HEAT_POWER
        c = -air.LATENT_TEMPERATURE / temperature / a
        root = air.relative_humidity(temperature, dewpoint) ** (1.0 / a)
        wanted = temperature * c / lambertw(root * c * np.exp(c), -1).real
        _, mine = air.lifting_condensation_level(1e18, temperature, dewpoint)
        assert mine == close(wanted, 1e-14)

    def test_of_the_driest_air_that_passes_cleaning_is_metpys(self) -> None:
        wanted = mpcalc.lcl(hpa(1000.0), degc(60.0), degc(-150.0))
        mine = air.lifting_condensation_level(1000.0, 60.0 + CELSIUS, -150.0 + CELSIUS)
        assert mine == (close(wanted[0].m_as("hPa")), close(wanted[1].m_as("K")))

    def test_of_what_is_no_air_is_metpys_or_missing(self) -> None:
        """With a range check switched off, such may come: nothing is made up for it."""
        random = np.random.default_rng(1)
        for celsius, dew in random.uniform(-200.0, 100.0, (2000, 2)).tolist():
            mine = air.lifting_condensation_level(1e4, celsius + CELSIUS, dew + CELSIUS)
            wanted = mpcalc.lcl(hpa(1e4), degc(celsius), degc(dew))
            assert np.isnan(mine).all() or mine[1] == close(wanted[1].m_as("K"), 1e-11)
