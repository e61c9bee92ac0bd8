"""Water and values a level of the compiled engine are MetPy's, missing for the same reasons."""

from __future__ import annotations

import numpy as np
import pytest
from compiled_agreement import assert_agree, assert_same, batch, changed, examples, soundings
from compiled_cases import by_metpy, from_rows, season, season_by_metpy
from hypothesis import given, settings

from pipeline.calculations import GROUPS
from pipeline.engines.compiled.blocks import Rows

nan = float("nan")
MOISTURE = GROUPS["moisture"]
FORMULAS = (
    "relative_humidity",
    "mixing_ratio",
    "virtual_temperature",
    "potential_temperature",
    "equivalent_potential_temperature",
)
#: MetPy's own solver gives wet-bulb temperatures that are some 1e-4 K off, 2 cm in height.
METRES, KELVIN = 0.05, 3e-4


def sounding(**at: dict[int, float]) -> Rows:
    """Return a sounding with a level 100 hPa above its ground, if unchanged."""
    rows = [
        (1000.0, 28.0, 22.0, 100.0, 1.0, 3.0),
        (900.0, 24.0, 20.0, 950.0, 3.0, 8.0),
        (850.0, 19.0, 16.0, 1500.0, 2.0, 15.0),
        (700.0, 9.0, 1.0, 3100.0, 12.0, 16.0),
        (600.0, 2.0, -7.0, 4300.0, 12.0, 16.0),
        (500.0, -10.0, -25.0, 5800.0, 28.0, 17.0),
        (300.0, -40.0, -55.0, 9600.0, 38.0, 19.0),
        (100.0, -60.0, -85.0, 16600.0, 18.0, 19.0),
    ]
    return changed(from_rows(rows), **at)


def test_on_the_season() -> None:
    scalars = [name for name in MOISTURE if name != "wet_bulb_zero_height"]
    results, expected = batch(season(), *MOISTURE), season_by_metpy(MOISTURE)
    assert MOISTURE[:-1] == tuple(scalars)
    assert_same(results, expected, *MOISTURE, atol=METRES)
    np.testing.assert_allclose(
        [results.scalars[name] for name in scalars],
        np.array([each.scalars[:-1] for each in expected]).T,
        rtol=1e-12,
    )


def test_levels_on_the_season() -> None:
    soundings = season(33)
    expected = season_by_metpy(FORMULAS, 33)
    assert_same(batch(soundings, *FORMULAS), expected, *FORMULAS, rtol=1e-11, atol=1e-11)


def test_wet_bulb_on_the_season() -> None:
    names = ("wet_bulb_temperature",)
    expected = season_by_metpy(names, 110)
    assert_same(batch(season(110), *names), expected, *names, rtol=0.0, atol=KELVIN)


@examples
@given(soundings())
def test_moisture_on_any_sounding(levels: Rows) -> None:
    assert_agree([levels], *MOISTURE, atol=METRES)


@examples
@given(soundings())
def test_formulas_on_any_sounding(levels: Rows) -> None:
    assert_agree([levels], *FORMULAS)


@settings(examples, max_examples=15)
@given(soundings())
def test_wet_bulb_on_any_sounding(levels: Rows) -> None:
    assert_agree([levels], "wet_bulb_temperature", rtol=0.0, atol=KELVIN)


class TestLevels:
    def test_stay_where_they_are(self) -> None:
        levels = sounding(temperature={2: nan}, dewpoint={5: nan})
        assert_agree([levels, sounding()], *FORMULAS)
        humidity = batch([levels], "relative_humidity").levels["relative_humidity"]
        assert np.flatnonzero(np.isnan(humidity)).tolist() == [2, 5]

    def test_saturated_very_dry_and_very_cold(self) -> None:
        levels = sounding(dewpoint={0: 28.0, 3: -70.0, 7: -110.0}, temperature={7: -95.0})
        assert_agree([levels], *FORMULAS)
        assert_agree([levels], "wet_bulb_temperature", rtol=0.0, atol=KELVIN)

    def test_a_profile_of_one_level_has_none(self) -> None:
        levels = sounding(temperature=dict.fromkeys(range(1, 8), nan))
        assert_agree([levels, sounding()], *FORMULAS)


class TestWater:
    @pytest.mark.parametrize("pressure", [900.0, 899.995, 900.005, 899.0, 901.0])
    def test_of_the_lowest_100_hpa(self, pressure: float) -> None:
        # Half a hundredth of a hPa from the layer's top a level stands for it in MetPy.
        assert_agree([sounding(pressure={1: pressure})], "ml_mixing_ratio", rtol=1e-12)

    @pytest.mark.parametrize("top", [900.0, 900.5])
    def test_of_a_shallow_profile(self, top: float) -> None:
        levels = Rows(*(values[:2] for values in sounding(pressure={1: top})))
        assert_agree([levels], *MOISTURE)

    def test_of_two_levels_that_lie_far_apart(self) -> None:
        levels = Rows(*(values[[0, 6]] for values in sounding()))
        assert_agree([levels], *MOISTURE, atol=METRES)

    def test_saturated_and_very_dry(self) -> None:
        saturated = sounding()._replace(dewpoint=sounding().temperature)
        dry = sounding()._replace(dewpoint=sounding().temperature - 60.0)
        assert_agree([saturated, dry], *MOISTURE, atol=METRES)

    @pytest.mark.parametrize(
        "levels",
        [
            sounding(temperature=dict.fromkeys(range(8), nan)),
            sounding(height={0: nan}),
            sounding(height=dict.fromkeys(range(8), nan)),
            sounding(height=dict.fromkeys(range(1, 8), nan)),
            Rows(*np.empty((6, 0))),
            Rows(*np.ones((6, 1))),
        ],
        ids=["temperature", "ground", "heights", "all heights but one", "levels", "more levels"],
    )
    def test_says_why_it_is_missing(self, levels: Rows) -> None:
        assert_agree([levels], *MOISTURE)


class TestFreezing:
    @pytest.mark.parametrize(
        "temperature",
        [
            {3: 0.0},
            {3: 0.0, 4: 0.0},
            {3: 0.0, 4: 1.0},
            {0: 0.0, 1: -1.0},
            {0: -1.0, 1: 0.0, 2: -1.0},
            {1: -1.0, 2: 3.0},
            dict.fromkeys(range(5), -1.0),
            {5: 1.0, 6: 1.0, 7: 1.0},
            {5: 1.0, 6: 1.0, 7: 0.0},
        ],
        ids=str,
    )
    def test_the_lowest_fall_through_0_degc_counts(self, temperature: dict[int, float]) -> None:
        levels = sounding(temperature=temperature)
        levels = levels._replace(dewpoint=np.minimum(levels.dewpoint, levels.temperature))
        assert_agree([levels], "freezing_level_height", "wet_bulb_zero_height", atol=METRES)

    def test_levels_without_height_are_passed_over(self) -> None:
        levels = sounding(height={4: nan, 5: nan})
        assert_agree([levels], "freezing_level_height", "wet_bulb_zero_height", atol=METRES)

    def test_is_not_below_ground(self) -> None:
        levels = sounding(temperature={0: 0.0}, dewpoint={0: -3.0})
        levels = levels._replace(temperature=np.minimum(levels.temperature, -np.arange(8.0)))
        levels = levels._replace(dewpoint=np.minimum(levels.dewpoint, levels.temperature - 1.0))
        assert_agree([levels], "freezing_level_height", "wet_bulb_zero_height", atol=METRES)
        assert by_metpy(levels, "freezing_level_height").scalars[0] == 0.0

    def test_wet_bulb_lies_between_a_warm_and_a_dry_level(self) -> None:
        levels = sounding(dewpoint={2: -20.0, 3: -20.0})
        assert_agree([levels], "wet_bulb_zero_height", atol=METRES)
