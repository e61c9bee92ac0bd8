"""Indices and composites of the compiled engine are MetPy's, and missing for the same reasons."""

from __future__ import annotations

from itertools import product

import metpy.calc as mpcalc
import numpy as np
import pytest
from compiled_agreement import assert_agree, assert_same, batch, changed, examples, soundings
from compiled_cases import from_rows, season, season_by_metpy
from hypothesis import given
from metpy.units import units

from pipeline.calculations import GROUPS
from pipeline.engines.compiled import composites
from pipeline.engines.compiled.blocks import Rows
from pipeline.engines.compiled.indices import lifted_to_500, wind_direction

nan = float("nan")
INDICES = GROUPS["indices"]
#: MetPy's own solver is some 1e-5 K off on the way from 850 to 500 hPa.
KELVIN = 1e-4


def sounding(**at: dict[int, float]) -> Rows:
    """Return a sounding with levels on 850, 700 and 500 hPa, if unchanged."""
    rows = [
        (1000.0, 28.0, 22.0, 100.0, 1.0, 3.0),
        (950.0, 24.0, 20.0, 550.0, 3.0, 8.0),
        (850.0, 19.0, 16.0, 1500.0, 2.0, 15.0),
        (700.0, 9.0, 1.0, 3100.0, 12.0, 16.0),
        (500.0, -10.0, -25.0, 5800.0, 28.0, 17.0),
        (300.0, -40.0, -55.0, 9600.0, 38.0, 19.0),
    ]
    return changed(from_rows(rows), **at)


def without(levels: Rows, *places: int) -> Rows:
    return Rows(*(np.delete(values, places) for values in levels))


def test_on_the_season() -> None:
    assert_same(batch(season(), *INDICES), season_by_metpy(INDICES), *INDICES, atol=KELVIN)


@examples
@given(soundings())
def test_on_any_sounding(levels: Rows) -> None:
    assert_agree([levels], *INDICES, atol=KELVIN)


class TestLevels:
    def test_that_are_there(self) -> None:
        assert_agree([sounding()], *INDICES, atol=KELVIN)

    def test_between_others(self) -> None:
        assert_agree([without(sounding(), 1, 2, 3, 4)], *INDICES, atol=KELVIN)

    def test_that_are_the_ends(self) -> None:
        assert_agree([without(sounding(), 0, 5)], *INDICES, atol=KELVIN)
        assert_agree([without(sounding(), 0, 1, 5)], *INDICES, atol=KELVIN)

    @pytest.mark.parametrize(
        "levels",
        [
            without(sounding(pressure={2: 849.9}), 0, 1),
            without(sounding(pressure={1: 949.9}), 0),
            without(sounding(pressure={4: 500.1}), 5),
            without(sounding(), 4, 5),
        ],
        ids=["849.9", "949.9", "500.1", "700"],
    )
    def test_that_are_not_spanned(self, levels: Rows) -> None:
        assert_agree([levels], *INDICES, atol=KELVIN)

    @pytest.mark.parametrize(
        "levels",
        [
            sounding(temperature=dict.fromkeys(range(6), nan)),
            sounding(dewpoint=dict.fromkeys(range(1, 6), nan)),
            sounding(u_wind=dict.fromkeys(range(6), nan)),
            sounding(u_wind={0: nan, 1: nan, 2: nan}),
            sounding(v_wind={4: nan, 5: nan}),
            sounding(height=dict.fromkeys(range(6), nan)),
            Rows(*np.empty((6, 0))),
        ],
        ids=["temperature", "dewpoint", "wind", "low wind", "high wind", "height", "levels"],
    )
    def test_that_are_missing(self, levels: Rows) -> None:
        assert_agree([levels], *INDICES, atol=KELVIN)


class TestAir:
    @pytest.mark.parametrize("dewpoint", [19.0, 10.0, -10.0, -45.0, -80.0])
    def test_from_saturated_to_so_dry_that_the_lcl_is_above_500_hpa(self, dewpoint: float) -> None:
        assert_agree([sounding(dewpoint={2: dewpoint})], *INDICES, atol=KELVIN)

    def test_so_cold_that_nothing_happens(self) -> None:
        levels = sounding()
        assert_agree(
            [levels._replace(temperature=levels.temperature - 40, dewpoint=levels.dewpoint - 60)],
            *INDICES,
            atol=KELVIN,
        )

    def test_superadiabatic(self) -> None:
        assert_agree([sounding(temperature={0: 45.0, 1: 36.0})], *INDICES, atol=KELVIN)

    def test_a_lcl_just_below_500_hpa_ends_the_ascent_where_it_started(self) -> None:
        # MetPy takes the profile to end at the LCL and forgets 500 hPa: the last temperature left
        # is that at 850 hPa.
        low, high = -60.0, 0.0
        for _ in range(60):
            middle = (low + high) / 2.0
            lcl, _ = mpcalc.lcl(
                units.Quantity(850.0, "hPa"),
                units.Quantity(19.0, "degC"),
                units.Quantity(middle, "degC"),
            )
            low, high = (middle, high) if lcl.m < 500.002 else (low, middle)
        assert_agree([sounding(dewpoint={2: middle})], "showalter_index", atol=KELVIN)
        assert lifted_to_500(np.empty((0, 0)), 292.15, middle + 273.15) == 292.15


class TestSweat:
    @pytest.mark.parametrize("low", [0, 129, 130, 200, 250, 251])
    @pytest.mark.parametrize("high", [209, 240, 311])
    def test_counts_shear_only_where_winds_veer_in_the_warm_sector(
        self, low: float, high: float
    ) -> None:
        u, v = _components(np.array([low, high]), np.array([24.0, 50.0]))
        assert_agree(
            [sounding(u_wind={2: u[0], 4: u[1]}, v_wind={2: v[0], 4: v[1]})], "sweat_index"
        )

    @pytest.mark.parametrize("speed", [0.0, 7.716, 7.718])
    def test_counts_shear_only_of_15_knots_and_more(self, speed: float) -> None:
        assert_agree([sounding(u_wind={2: 0.0}, v_wind={2: speed})], "sweat_index")

    def test_in_whole_knots_and_degrees_as_winds_are_reported(self) -> None:
        # 15 knots are 15.000000000000002 or 14.999999999999998, and count or do not as in MetPy.
        profiles = []
        for low, high, speed in product(range(125, 256), [230, 310], [15, 25]):
            u, v = _components(np.array([low, high]), np.array([15.0, speed]))
            profiles.append(sounding(u_wind={2: u[0], 4: u[1]}, v_wind={2: v[0], 4: v[1]}))
        assert_agree(profiles, "sweat_index")

    def test_wind_direction(self) -> None:
        u, v = np.array([(0, 0), (0, -1), (0, 1), (1, 0), (-1, 0), (3, 4), (-3, 4), (3, -4.0)]).T
        wanted = mpcalc.wind_direction(units.Quantity(u, "m/s"), units.Quantity(v, "m/s")).m
        assert wind_direction(u, v).tolist() == wanted.tolist()


def _components(direction: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wind = mpcalc.wind_components(
        units.Quantity(knots * (1852.0 / 3600.0), "m/s"), units.Quantity(direction, "degree")
    )
    return wind[0].m, wind[1].m


class TestComposites:
    """On numbers around each threshold; on soundings they are in the tests of the engine."""

    def test_supercell(self) -> None:
        cape, helicity, shear = np.array(
            list(product([-5.0, 0.0, 2500.0, nan], [-80.0, 0.0, 200.0], [0.0, 9.99, 10.0, 20, 45]))
        ).T
        wanted = mpcalc.supercell_composite(
            units.Quantity(cape, "J/kg"),
            units.Quantity(helicity, "m^2/s^2"),
            units.Quantity(shear, "m/s"),
        ).m
        codes = np.zeros(len(cape), np.uint8)
        values, _ = composites.supercell_composite((cape, codes), (helicity, codes), (shear, codes))
        np.testing.assert_allclose(values, wanted, rtol=1e-14)

    def test_significant_tornado(self) -> None:
        cape, height, helicity, shear = np.array(
            list(
                product(
                    [0.0, 2500.0],
                    [0.0, 1000.0, 1500.0, 2000.0, 4000.0, nan],
                    [-80.0, 200.0],
                    [0.0, 12.49, 12.5, 30.0, 45.0],
                )
            )
        ).T
        wanted = mpcalc.significant_tornado(
            units.Quantity(cape, "J/kg"),
            units.Quantity(height, "m"),
            units.Quantity(helicity, "m^2/s^2"),
            units.Quantity(shear, "m/s"),
        ).m_as("dimensionless")
        codes = np.zeros(len(cape), np.uint8)
        values, _ = composites.significant_tornado(
            (cape, codes), (height, codes), (helicity, codes), (shear, codes)
        )
        np.testing.assert_allclose(values, wanted, rtol=1e-14)

    def test_the_first_reason_counts(self) -> None:
        one, other = np.array([0, 5, 0, 5], np.uint8), np.array([0, 0, 7, 7], np.uint8)
        assert composites.first_reason(one, other).tolist() == [0, 5, 7, 5]
