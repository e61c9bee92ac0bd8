"""The cleaning of heights: filled in hydrostatically where a format leaves them out."""

from __future__ import annotations

import numpy as np
import pytest
from sounding_rows import (
    FAULTLESS,
    Row,
    cleaned,
    column,
    flags,
    nan,
    profile,
    reasons,
    rows_of,
    touched,
    with_level,
)

from pipeline.flags import Status, verdict
from pipeline.quality.heights import hydrostatic_height


def without_heights(*but: int) -> list[Row]:
    """Return the faultless sounding with height only at some levels."""
    return [
        (p, t, d, h if index in but else nan, u, v)
        for index, (p, t, d, h, u, v) in enumerate(FAULTLESS)
    ]


#: Dry and 0 degC throughout: a thickness is 287.047 * 273.15 / 9.80665 * ln(p / p).
SCALE_HEIGHT = 7995.27
ISOTHERMAL = [(p, 0.0, nan) for p in (1000.0, 900.0, 800.0, 700.0, 600.0, 500.0)]


def isothermal(heights: list[float], **settings: bool) -> list[float]:
    """Return the cleaned heights of a dry isothermal sounding."""
    rows = [(*row, h, 5.0, 5.0) for row, h in zip(ISOTHERMAL, heights, strict=True)]
    return column(cleaned(rows, **settings), "height")


class TestHypsometricEquation:
    def test_air_cannot_hold_more_vapour_than_there_is_air(self) -> None:
        """Fuzzing damaged a dewpoint aloft, and heights came out at 1001 km."""
        pressure = np.array([1000.0, 500.0, 0.19, 0.1])
        temperature = np.array([20.0, -10.0, -20.0, -20.0])
        dewpoint = np.array([15.0, -15.0, -20.0, -20.0])  # 1.2 hPa of vapour in 0.19 hPa of air
        height = hydrostatic_height(pressure, temperature, dewpoint)
        assert np.all(np.diff(height) > 0)
        assert height[-1] < 100_000.0

    def test_dry_and_isothermal_by_hand(self) -> None:
        pressure = np.array([row[0] for row in ISOTHERMAL])
        found = hydrostatic_height(pressure, np.zeros(6), np.full(6, nan))
        np.testing.assert_allclose(found, SCALE_HEIGHT * np.log(1000.0 / pressure), atol=0.05)

    def test_moist_as_metpy_has_it(self) -> None:
        """MetPy integrates Tv over ln p as we do; its saturation formula is another one."""
        import metpy.calc as mpcalc
        from metpy.units import units

        p, t, d = np.array(FAULTLESS)[:, :3].T
        found = hydrostatic_height(p, t, d)
        mixing_ratio = mpcalc.saturation_mixing_ratio(p * units.hPa, d * units.degC)
        for top in range(1, len(p)):
            part = slice(0, top + 1)
            thickness = mpcalc.thickness_hydrostatic(
                p[part] * units.hPa, t[part] * units.degC, mixing_ratio=mixing_ratio[part]
            )
            assert found[top] == pytest.approx(thickness.m_as("m"), rel=2e-5)

    def test_temperature_gaps_are_bridged(self) -> None:
        pressure = np.array([1000.0, 700.0, 500.0])
        whole = hydrostatic_height(pressure[[0, 2]], np.array([10.0, 10.0]), np.full(2, nan))
        bridged = hydrostatic_height(pressure, np.array([10.0, nan, 10.0]), np.full(3, nan))
        assert bridged[2] == pytest.approx(whole[1])


class TestMissingHeights:
    def test_start_at_the_altitude_that_the_source_states(self) -> None:
        checked = cleaned(profile(without_heights(), surface_altitude=491.0))
        found = checked.profile.height
        assert found[0] == 491.0
        p, t, d = np.array(FAULTLESS)[:, :3].T
        np.testing.assert_allclose(found - 491.0, hydrostatic_height(p, t, d))
        assert set(flags(checked, "height")) == {"suspect"}
        assert touched(checked) == {"height_derived": 8}
        assert verdict(checked.reasons) == (Status.OK, Status.OK)

    def test_go_through_those_that_are_reported(self) -> None:
        checked = cleaned(without_heights(0, 3, 7))
        found = column(checked, "height")
        assert [found[i] for i in (0, 3, 7)] == [100.0, 3100.0, 12300.0]
        assert flags(checked, "height") == [
            *("good", "suspect", "suspect", "good"),
            *("suspect", "suspect", "suspect", "good"),
        ]
        assert np.all(np.diff(found) > 0)
        assert touched(checked) == {"height_derived": 5}

    def test_the_difference_is_spread_linearly_in_the_logarithm_of_pressure(self) -> None:
        top = 100.0 + SCALE_HEIGHT * np.log(2.0) + 60.0  # 60 m more than hydrostatic
        found = isothermal([100.0, nan, nan, nan, nan, top])
        for pressure, height in zip((900.0, 800.0, 700.0, 600.0), found[1:5], strict=True):
            share = np.log(1000.0 / pressure) / np.log(2.0)
            expected = 100.0 + SCALE_HEIGHT * np.log(1000.0 / pressure) + 60.0 * share
            assert height == pytest.approx(expected, abs=0.1)

    def test_above_and_below_the_reported_ones_too(self) -> None:
        found = isothermal([nan, nan, 2000.0, nan, nan, nan])
        expected = [2000.0 + SCALE_HEIGHT * np.log(800.0 / row[0]) for row in ISOTHERMAL]
        np.testing.assert_allclose(found, expected, atol=0.1)

    def test_the_ground_is_the_lowest_level_where_the_source_does_not_say(self) -> None:
        assert cleaned(with_level(0, height=77.0)).profile.surface_altitude == 77.0
        stated = cleaned(profile(with_level(0, height=77.0), surface_altitude=80.0))
        assert stated.profile.surface_altitude == 80.0

    def test_without_any_height_there_is_no_way(self) -> None:
        checked = cleaned(without_heights())
        assert np.isnan(checked.profile.height).all()
        assert reasons(checked) == {"height_missing", "no_wind"}
        assert verdict(checked.reasons) == (Status.SUSPECT, Status.REJECTED)

    def test_without_any_temperature_there_is_none_either_and_none_is_made_up(self) -> None:
        rows = [(p, nan, nan, nan, u, v) for p, _, _, _, u, v in FAULTLESS]
        checked = cleaned(profile(rows, surface_altitude=100.0))
        assert np.isnan(checked.profile.height).all()
        assert "height_missing" in reasons(checked)


class TestSwitchedOff:
    def test_leaves_gaps(self) -> None:
        checked = cleaned(without_heights(0, 3), derive_height=False)
        assert np.isnan(checked.profile.height).sum() == 6
        assert touched(checked) == {}

    def test_leaves_all_missing_even_where_the_altitude_is_stated(self) -> None:
        given = profile(without_heights(), surface_altitude=100.0)
        checked = cleaned(given, derive_height=False)
        assert np.isnan(checked.profile.height).all()
        assert flags(checked, "height") == ["missing"] * 8
        assert "height_missing" in reasons(checked)


class TestHeightsThatDoNotIncrease:
    def test_are_flagged_and_kept_since_nobody_knows_which_is_wrong(self) -> None:
        checked = cleaned(with_level(4, height=3000.0))
        assert rows_of(checked)[4][3] == 3000.0
        assert flags(checked, "height")[4] == "suspect"
        assert touched(checked) == {"height_not_increasing": 1}
        assert "height does not increase at 500 hPa" in checked.message
        assert verdict(checked.reasons)[0] == Status.OK

    def test_standing_still_counts(self) -> None:
        assert touched(cleaned(with_level(2, height=780.0))) == {"height_not_increasing": 1}
