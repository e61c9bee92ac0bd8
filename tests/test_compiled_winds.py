"""Winds of the compiled engine are MetPy's, layer for layer, and missing for the same reasons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled_agreement import assert_agree, assert_same, batch, changed, examples, soundings
from compiled_cases import by_metpy, from_rows, season, season_by_metpy
from hypothesis import given

from pipeline.calculations import GROUPS
from pipeline.engines.compiled.blocks import Rows

nan = float("nan")
WINDS = GROUPS["winds"]


def sounding(**at: dict[int, float]) -> Rows:
    """Return a sounding with levels on 500 m, 1, 3, 5.5 and 6 km above its ground, if unchanged."""
    rows = [
        (1000.0, 25.0, 20.0, 100.0, 1.0, 3.0),
        (944.0, 22.0, 18.0, 600.0, 3.0, 5.0),
        (890.0, 19.0, 15.0, 1100.0, 6.0, 6.0),
        (850.0, 15.0, 10.0, 1500.0, 8.0, 5.0),
        (697.0, 5.0, -5.0, 3100.0, 12.0, 6.0),
        (505.0, -12.0, -25.0, 5600.0, 18.0, 7.0),
        (472.0, -15.0, -30.0, 6100.0, 19.0, 9.0),
        (300.0, -40.0, -55.0, 9600.0, 28.0, 9.0),
        (200.0, -55.0, -70.0, 12300.0, 35.0, 10.0),
    ]
    return changed(from_rows(rows), **at)


def without(levels: Rows, *places: int) -> Rows:
    """Return a sounding without some of its levels."""
    return Rows(*(np.delete(values, places) for values in levels))


def of_winds_only(levels: Rows, **values: Any) -> Rows:
    return levels._replace(**{name: np.asarray(given, float) for name, given in values.items()})


def test_on_the_season() -> None:
    assert_same(batch(season(), *WINDS), season_by_metpy(WINDS), *WINDS)


@examples
@given(soundings())
def test_on_any_sounding(levels: Rows) -> None:
    assert_agree([levels], *WINDS, atol=1e-5)


class TestLayers:
    def test_that_end_on_levels(self) -> None:
        assert_agree([sounding()], *WINDS)

    def test_that_end_between_levels(self) -> None:
        assert_agree([without(sounding(), 1, 2, 4, 5, 6)], *WINDS)

    @pytest.mark.parametrize("metres", [0.02, -0.02, 0.5, -0.5])
    def test_that_end_close_to_levels(self, metres: float) -> None:
        # 2 cm from the bound a level stands for it in MetPy; 50 cm away it does not.
        heights = {1: 600.0, 2: 1100.0, 4: 3100.0, 5: 5600.0, 6: 6100.0}
        moved = {place: height + metres for place, height in heights.items()}
        assert_agree([sounding(height=moved)], *WINDS)

    def test_helicity_goes_on_to_a_level_a_hair_above_the_top(self) -> None:
        levels = sounding(height={2: 1100.005}, u_wind={2: 30.0})
        beyond = sounding(height={2: 1101.0}, u_wind={2: 30.0})
        assert_agree([levels, beyond], "srh_0_1km")
        near, far = batch([levels, beyond], "srh_0_1km").scalars["srh_0_1km"]
        assert near != pytest.approx(far, rel=1e-4)

    def test_of_two_winds(self) -> None:
        assert_agree([without(sounding(), *range(1, 8))], *WINDS)


class TestMissing:
    @pytest.mark.parametrize("ground", [50.0, 49.9])
    def test_the_lowest_wind_may_be_50_m_above_ground(self, ground: float) -> None:
        levels = sounding(height={0: ground}, u_wind={0: nan})
        levels.height[1] = 100.0
        assert_agree([levels], *WINDS)

    @pytest.mark.parametrize("top", [6100.0, 6099.9, 3100.0, 3099.0, 1099.0, 599.0])
    def test_winds_must_reach_the_top_of_the_layer(self, top: float) -> None:
        levels = sounding()
        above = levels.height > top
        levels.u_wind[above] = nan
        levels.height[np.flatnonzero(~above)[-1]] = top
        assert_agree([levels], *WINDS)

    @pytest.mark.parametrize(
        "levels",
        [
            sounding(u_wind=dict.fromkeys(range(9), nan)),
            sounding(u_wind=dict.fromkeys(range(1, 9), nan)),
            sounding(height={0: nan}),
            sounding(height=dict.fromkeys(range(9), nan)),
            sounding(temperature=dict.fromkeys(range(9), nan)),
            Rows(*np.empty((6, 0))),
            Rows(*np.ones((6, 1))),
        ],
        ids=["no wind", "one wind", "ground", "heights", "temperatures", "levels", "more levels"],
    )
    def test_says_why(self, levels: Rows) -> None:
        assert_agree([levels], *WINDS)

    def test_winds_whose_height_does_not_rise_are_left_out(self) -> None:
        assert_agree([sounding(height={4: 1400.0, 5: 1500.0})], *WINDS)

    @pytest.mark.parametrize("pressure", [850.0, 849.9])
    def test_corfidi_needs_winds_at_850_hpa(self, pressure: float) -> None:
        levels = without(sounding(), 0, 1, 2)
        levels.pressure[0] = pressure
        assert_agree([levels], "corfidi_upwind_u", "corfidi_downwind_v")

    @pytest.mark.parametrize("pressure", [300.0, 300.1])
    def test_corfidi_needs_winds_at_300_hpa(self, pressure: float) -> None:
        levels = without(sounding(pressure={7: pressure}), 8)
        assert_agree([levels], "corfidi_upwind_u", "corfidi_downwind_v")


class TestStorms:
    def test_there_is_no_mover_without_shear_and_no_helicity(self) -> None:
        calm = of_winds_only(sounding(), u_wind=np.zeros(9), v_wind=np.zeros(9))
        assert_agree([calm], *WINDS)
        # MetPy drops what is NaN from the sum.
        assert batch([calm], "srh_0_3km").scalars["srh_0_3km"][0] == 0.0

    def test_the_lowest_of_equal_jets_counts(self) -> None:
        levels = sounding(u_wind={1: 8.0, 3: 6.0}, v_wind={1: 6.0, 3: 8.0})
        assert_agree([levels], "corfidi_upwind_u", "corfidi_upwind_v")

    def test_a_jet_above_850_hpa_does_not_count(self) -> None:
        assert_agree([sounding(u_wind={4: 60.0})], "corfidi_upwind_u", "corfidi_upwind_v")

    def test_critical_angle_is_nan_without_shear_near_the_ground(self) -> None:
        levels = sounding(u_wind={1: 1.0}, v_wind={1: 3.0})
        assert_agree([levels], "critical_angle")
        assert np.isnan(by_metpy(levels, "critical_angle").scalars[0])
