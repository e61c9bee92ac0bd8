"""The cleaning, first half: which values and levels there are, and pressure strictly falling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression
from sounding_rows import (
    FAULTLESS,
    cleaned,
    column,
    flags,
    nan,
    profile,
    reasons,
    rows_of,
    same_values,
    touched,
    with_level,
)

from pipeline.flags import Status, verdict
from pipeline.profiles import CheckedProfile, Extra, Profile
from pipeline.readers import read_source


def read(path: Path) -> Profile:
    """Return the one sounding in a file."""
    (found,) = read_source(str(path)).profiles
    return found


class TestImplausibleValues:
    def test_a_value_outside_physical_limits_is_removed_and_its_level_stays(self) -> None:
        checked = cleaned(with_level(2, temperature=99.9))
        assert column(checked, "pressure") == [row[0] for row in FAULTLESS]
        assert flags(checked, "temperature")[2] == "fail"
        assert np.isnan(checked.profile.temperature[2])
        assert touched(checked) == {"implausible_values_removed": 1}
        assert checked.message == "1 implausible values removed (temperature 99.9)"

    @pytest.mark.parametrize(
        ("name", "inside", "outside"),
        [
            ("temperature", [-120.0, 60.0], [-120.1, 60.1, -9999.0, 9.97e36]),
            ("dewpoint", [-150.0], [-150.1, -9999.0, 999.0]),
            ("height", [-500.0, 70000.0], [-500.1, 70000.1, -9999.0, 99999.0]),
            ("u_wind", [-150.0, 150.0], [-150.1, 150.1, -9999.0, float("inf")]),
            ("v_wind", [-150.0, 150.0], [-150.1, 150.1, -9999.0, float("-inf")]),
        ],
    )
    def test_the_limits_themselves_are_plausible(
        self, name: str, inside: list[float], outside: list[float]
    ) -> None:
        for value in inside:
            assert value in column(cleaned(with_level(4, **{name: value})), name)
        for value in outside:
            checked = cleaned(
                with_level(4, **{name: value}), humidity_gaps="keep", derive_height=False
            )
            assert np.isnan(getattr(checked.profile, name)[4])
            assert flags(checked, name)[4] == "fail"

    def test_a_level_whose_pressure_is_removed_goes_where_its_height_puts_it(self) -> None:
        checked = cleaned(with_level(3, pressure=7000.0))
        # ln p halfway in height between 850 hPa at 1500 m and 500 hPa at 5800 m, 1600/4300 of it
        expected = 850.0 * (500.0 / 850.0) ** (1600.0 / 4300.0)
        assert column(checked, "pressure")[3] == pytest.approx(expected)
        assert {"implausible_values_removed", "pressure_derived"} == set(touched(checked))

    def test_several_are_counted_one_by_one(self) -> None:
        rows = [(p, -9999.0, -9999.0, h, u, v) for p, _, _, h, u, v in FAULTLESS[:3]]
        checked = cleaned([*rows, *FAULTLESS[3:]])
        assert checked.counts["implausible_values_removed"] == 6

    @pytest.mark.parametrize(("name", "other"), [("u_wind", "v_wind"), ("v_wind", "u_wind")])
    def test_half_a_wind_is_removed(self, name: str, other: str) -> None:
        checked = cleaned(with_level(2, **{other: nan}))
        assert np.isnan(getattr(checked.profile, name)[2])
        assert (flags(checked, name)[2], flags(checked, other)[2]) == ("fail", "missing")
        assert touched(checked) == {"implausible_values_removed": 1}
        assert checked.message == f"1 implausible values removed ({name} without {other})"
        kept = cleaned(with_level(2, **{other: nan}), gross_range=False)
        assert column(kept, name)[2] == column(cleaned(FAULTLESS), name)[2]

    def test_halves_of_two_winds_do_not_make_a_third(self) -> None:
        """Found by hypothesis: merged, they were a wind that nobody had measured."""
        rows = with_level(2, u_wind=nan)
        checked = cleaned([*rows[:3], with_level(2, v_wind=nan)[2], *rows[3:]])
        assert np.isnan(checked.profile.u_wind[2])
        assert np.isnan(checked.profile.v_wind[2])

    def test_switched_off_leaves_them_but_for_infinity_which_is_no_number(self) -> None:
        checked = cleaned(with_level(2, temperature=99.9), gross_range=False)
        assert column(checked, "temperature")[2] == 99.9
        assert touched(checked) == {}
        checked = cleaned(with_level(2, temperature=float("inf")), gross_range=False)
        assert np.isnan(checked.profile.temperature[2])
        assert touched(checked) == {"implausible_values_removed": 1}


class TestTopDown:
    def test_is_turned_and_nothing_is_held_against_it(self) -> None:
        checked = cleaned(FAULTLESS[::-1])
        assert rows_of(checked) == FAULTLESS
        assert reasons(checked) == set()

    def test_with_small_bumps_is_no_disorder(self) -> None:
        """A dropsonde of many levels a second falls, but its pressure now and then does not."""
        dropsonde = [*FAULTLESS[:3], (849.9, 15.0, 10.0, 1501.0, 8.0, 5.0), *FAULTLESS[3:]][::-1]
        dropsonde[5], dropsonde[6] = dropsonde[6], dropsonde[5]
        assert [row[0] for row in dropsonde[4:8]] == [700.0, 850.0, 849.9, 925.0]
        checked = cleaned(dropsonde)
        assert column(checked, "pressure")[:4] == [1000.0, 925.0, 849.95, 700.0]
        assert reasons(checked) == {"pressure_smoothed"}

    def test_duplicates_and_levels_without_pressure_do_not_hide_that_it_is_one(self) -> None:
        rows = [*FAULTLESS[:4], FAULTLESS[3], (nan, nan, nan, 4000.0, 15.0, 6.0), *FAULTLESS[4:]]
        assert same_values(cleaned(rows[::-1]), cleaned(rows))


class TestDuplicates:
    def test_become_one_level_with_the_mean_of_what_they_report(self) -> None:
        rows = [*FAULTLESS[:3], (850.0, 16.0, nan, 1510.0, 9.0, 6.0), *FAULTLESS[3:]]
        checked = cleaned(rows)
        assert rows_of(checked)[2] == (850.0, 15.5, 10.0, 1505.0, 8.5, 5.5)
        assert {flags(checked, name)[2] for name in checked.qc} == {"suspect"}
        assert touched(checked) == {"duplicate_levels_merged": 1}
        assert verdict(checked.reasons) == (Status.OK, Status.OK)

    @pytest.mark.parametrize("beside", [1e-7, -1e-7])
    def test_differ_by_less_than_any_barometer_tells(self, beside: float) -> None:
        rows = [*FAULTLESS[:3], (850.0 + beside, *FAULTLESS[2][1:]), *FAULTLESS[3:]]
        checked = cleaned(rows)
        assert column(checked, "pressure") == pytest.approx([row[0] for row in FAULTLESS])
        assert touched(checked) == {"duplicate_levels_merged": 1}

    def test_what_all_lack_stays_missing(self) -> None:
        rows = with_level(2, u_wind=nan, v_wind=nan)
        checked = cleaned([*rows[:3], rows[2], *rows[3:]])
        assert np.isnan(checked.profile.u_wind[2])
        assert flags(checked, "u_wind")[2] == "missing"

    def test_what_was_removed_from_all_stays_so_flagged(self) -> None:
        rows = with_level(2, u_wind=999.0)
        checked = cleaned([*rows[:3], rows[2], *rows[3:]])
        assert flags(checked, "u_wind")[2] == "fail"

    @pytest.mark.parametrize("times", [2, 3, 4, 7, 19])
    def test_equal_ones_keep_their_values_to_the_last_bit(self, times: int) -> None:
        odd = (850.1, 15.1, 10.1, 1500.1, 8.1, -5.1)  # 3 * 0.1 / 3 is not 0.1
        checked = cleaned([*FAULTLESS[:2], *[odd] * times, *FAULTLESS[3:]])
        assert rows_of(checked)[2] == odd
        assert touched(checked) == {"duplicate_levels_merged": times - 1}

    def test_other_levels_stay_as_they_are(self) -> None:
        checked = cleaned([*FAULTLESS[:3], FAULTLESS[2], *FAULTLESS[3:]])
        assert rows_of(checked) == FAULTLESS
        assert flags(checked, "temperature").count("suspect") == 1

    def test_real_ones(self, season_folder: Path) -> None:
        """Midland 2003-06-21: see that the file repeats a pressure, and that it is there once."""
        raw = read(season_folder / "03062100.MAF")
        pressures = raw.pressure.tolist()
        twice = {value for value in pressures if pressures.count(value) > 1}
        checked = cleaned(raw)
        assert twice
        assert all(column(checked, "pressure").count(value) == 1 for value in twice)


class TestBumps:
    """1 Hz data: the balloon swings, and pressure now and then stands still or rises."""

    def one_second_data(self, *pressures: float) -> CheckedProfile:
        start = [(p, 25.0 - 0.1 * i, 20.0, 100.0 + i, 1.0, i) for i, p in enumerate(pressures)]
        return cleaned([*start, *FAULTLESS[1:]])

    def test_a_level_and_the_next_one_that_is_not_above_it_become_one(self) -> None:
        checked = self.one_second_data(1000.0, 999.9, 1000.0, 999.8)
        # 999.9 and 1000.0 are out of order: 999.95, which falls below 1000.0
        assert column(checked, "pressure")[:4] == [1000.0, 999.95, 999.8, 925.0]
        assert column(checked, "temperature")[:3] == pytest.approx([25.0, 24.85, 24.7])
        assert column(checked, "height")[:3] == pytest.approx([100.0, 101.5, 103.0])
        assert column(checked, "v_wind")[:3] == [0.0, 1.5, 3.0]
        assert flags(checked, "pressure")[:3] == ["good", "suspect", "good"]
        assert touched(checked) == {"pressure_smoothed": 1}

    def test_pooling_goes_on_until_the_means_fall(self) -> None:
        checked = self.one_second_data(999.9, 999.8, 1000.3, 999.7)
        # 999.8 and 1000.3 make 1000.05, still above 999.9: all three make 1000.0
        assert column(checked, "pressure")[:2] == pytest.approx([1000.0, 999.7])
        assert touched(checked) == {"pressure_smoothed": 1}

    def test_bumps_and_duplicates_are_counted_apart(self) -> None:
        checked = self.one_second_data(1000.0, 1000.0, 999.8, 999.9, 999.7)
        assert touched(checked) == {"duplicate_levels_merged": 1, "pressure_smoothed": 1}

    @given(st.lists(st.integers(-9, 9), min_size=2, max_size=60))
    def test_the_means_are_those_of_isotonic_regression(self, noise: list[int]) -> None:
        """SciPy's isotonic regression is the same least-squares problem, solved by others."""
        pressures = 1000.0 - 0.5 * np.arange(len(noise)) + 0.05 * np.array(noise)
        expected = isotonic_regression(pressures, increasing=False).x
        checked = self.one_second_data(*pressures)
        found = checked.profile.pressure[checked.profile.pressure > 930.0]
        assert len(found) == len(np.unique(expected.round(9)))
        np.testing.assert_allclose(found, np.unique(expected.round(9))[::-1], atol=1e-8)

    def test_are_no_fault_of_the_sounding(self) -> None:
        checked = self.one_second_data(1000.0, 999.9, 1000.0, 999.8)
        assert verdict(checked.reasons) == (Status.OK, Status.OK)

    @pytest.mark.parametrize(
        ("rise", "limit", "told"),
        [
            (1.0, 1.0, "pressure_smoothed"),
            (1.1, 1.0, "pressure_disorder_sorted"),
            (1.1, 2.0, "pressure_smoothed"),
            (0.1, 0.0, "pressure_disorder_sorted"),
        ],
    )
    def test_the_limit_says_what_is_a_bump(self, rise: float, limit: float, told: str) -> None:
        rows = [*FAULTLESS[:2], (925.0 + rise, 19.0, 15.0, 790.0, 5.0, 4.0), *FAULTLESS[2:]]
        steps = {"pressure_smoothed", "pressure_disorder_sorted"}
        assert reasons(cleaned(rows, pressure_bump=limit)) & steps == {told}

    def test_many_small_ones_that_add_up_are_disorder(self) -> None:
        checked = self.one_second_data(1000.0, 990.0, 990.6, 991.2, 991.8, 980.0)
        assert "pressure_disorder_sorted" in reasons(checked)


class TestDisorder:
    def test_is_sorted_and_makes_the_sounding_suspect(self) -> None:
        rows = [FAULTLESS[i] for i in (0, 1, 3, 2, 4, 5, 6, 7)]
        checked = cleaned(rows)
        assert rows_of(checked) == FAULTLESS
        assert verdict(checked.reasons) == (Status.SUSPECT, Status.SUSPECT)
        assert touched(checked) == {"pressure_disorder_sorted": 1}
        assert checked.message == "pressure rises by up to 150 hPa; levels sorted"

    def test_variables_of_the_formats_own_are_sorted_along(self) -> None:
        order = [0, 1, 3, 2, 4, 5, 6, 7]
        given_profile = profile([FAULTLESS[i] for i in order])
        given_profile.extras["ascent_rate"] = Extra(np.array(order, dtype=float), "m s-1", "ascent")
        extra = cleaned(given_profile).profile.extras["ascent_rate"]
        assert extra.values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
        assert (extra.units, extra.long_name) == ("m s-1", "ascent")

    def test_levels_that_meet_by_sorting_are_merged(self) -> None:
        checked = cleaned([*FAULTLESS, (925.0, 22.0, 16.0, 780.0, 5.0, 4.0)])
        assert rows_of(checked)[1] == (925.0, 21.0, 16.0, 780.0, 5.0, 4.0)
        assert set(touched(checked)) == {"pressure_disorder_sorted", "duplicate_levels_merged"}

    def test_switched_off_leaves_the_order(self) -> None:
        rows = [FAULTLESS[i] for i in (0, 1, 3, 2, 2, 4, 5, 6, 7)]
        checked = cleaned(rows, pressure_order=False)
        assert rows_of(checked) == rows
        assert set(touched(checked)) == {"height_not_increasing"}


class TestBelowTheStation:
    """Mandatory levels are reported below the ground too, with a height and nothing else."""

    UNDERGROUND = (1000.0, nan, nan, 99.0, nan, nan)
    SURFACE = (983.0, 24.0, 18.0, 244.0, 1.0, 4.0)

    def test_before_the_surface_level(self) -> None:
        checked = cleaned([self.UNDERGROUND, self.SURFACE, *FAULTLESS[1:]])
        assert rows_of(checked) == [self.SURFACE, *FAULTLESS[1:]]
        assert reasons(checked) == {"below_station_levels_removed"}
        assert touched(checked) == {"below_station_levels_removed": 1}
        assert verdict(checked.reasons) == (Status.OK, Status.OK)

    def test_after_the_surface_level_is_no_disorder(self) -> None:
        checked = cleaned([self.SURFACE, self.UNDERGROUND, *FAULTLESS[1:]])
        assert rows_of(checked) == [self.SURFACE, *FAULTLESS[1:]]
        assert reasons(checked) == {"below_station_levels_removed"}

    @pytest.mark.parametrize(
        ("name", "surface", "below"),
        [
            ("03062000.GGW", 921.0, [1000.0, 925.0]),  # two before it
            ("03041800.DNR", 826.0, [1000.0, 925.0, 850.0]),  # three before it
            ("03050200.FFC", 983.0, [1000.0]),  # one after it
            ("03050100.DNR", 829.0, [1000.0, 925.0, 850.0]),  # three after it
        ],
    )
    def test_real_ones(
        self, season_folder: Path, name: str, surface: float, below: list[float]
    ) -> None:
        raw = read(season_folder / name)
        checked = cleaned(raw)
        assert checked.profile.pressure[0] == surface
        assert checked.counts["below_station_levels_removed"] == len(below)
        assert len(checked.profile) == len(raw) - len(below)
        assert not set(below) & set(checked.profile.pressure)
        assert "pressure_disorder_sorted" not in reasons(checked)

    def test_the_example_that_is_named_for_it(self, shared_data: Path) -> None:
        raw = read(shared_data / "bad" / "spc_1000hPa_level_below_ground_out_of_order.SHV")
        checked = cleaned(raw)
        assert raw.pressure[:3].tolist() == [994.0, 1000.0, 989.0]
        assert checked.profile.pressure[:3].tolist() == [994.0, 989.0, 982.0]
        assert (checked.profile.temperature[0], checked.profile.dewpoint[0]) == (23.6, 20.4)

    def test_a_level_without_temperature_above_the_surface_stays(self) -> None:
        rows = with_level(1, temperature=nan, dewpoint=nan)
        assert len(rows_of(cleaned(rows))) == len(rows)

    def test_where_the_source_states_the_altitude_lower_levels_go_whatever_they_report(
        self,
    ) -> None:
        checked = cleaned(profile(surface_altitude=700.0))
        assert rows_of(checked) == FAULTLESS[1:]
        assert touched(checked) == {"below_station_levels_removed": 1}

    def test_a_stated_altitude_is_rounded_now_and_then(self) -> None:
        checked = cleaned(profile(surface_altitude=110.0))
        assert rows_of(checked) == FAULTLESS

    def test_a_level_above_the_surface_by_pressure_is_not_underground_if_its_height_is_wrong(
        self,
    ) -> None:
        checked = cleaned(profile(with_level(4, height=58.0), surface_altitude=100.0))
        assert len(rows_of(checked)) == len(FAULTLESS)
        assert "height_not_increasing" in reasons(checked)
        assert "below_station_levels_removed" not in reasons(checked)

    def test_switched_off_leaves_them(self) -> None:
        rows = [self.UNDERGROUND, self.SURFACE, *FAULTLESS[1:]]
        checked = cleaned(rows, below_station=False)
        np.testing.assert_array_equal(rows_of(checked), rows)
        assert "below_station_levels_removed" not in reasons(checked)


class TestLevelsWithoutPressure:
    """Winds of pilot balloons come with a height and no pressure."""

    WIND = (nan, nan, nan, 2300.0, 10.0, 5.5)

    def between(self, *rows: tuple[float, ...], **settings: object) -> CheckedProfile:
        return cleaned([*FAULTLESS[:3], *rows, *FAULTLESS[3:]], **settings)  # type: ignore[list-item]

    def test_get_theirs_from_their_height_linearly_in_its_logarithm(self) -> None:
        checked = self.between(self.WIND)
        # 2300 m is halfway between 1500 m (850 hPa) and 3100 m (700 hPa)
        assert column(checked, "pressure")[3] == pytest.approx(np.sqrt(850.0 * 700.0))
        assert rows_of(checked)[3][3:] == (2300.0, 10.0, 5.5)
        assert flags(checked, "pressure")[3] == "suspect"
        assert flags(checked, "u_wind")[3] == "good"
        assert touched(checked) == {"pressure_derived": 1}
        assert verdict(checked.reasons) == (Status.OK, Status.OK)

    def test_are_put_where_they_belong_wherever_they_stand(self) -> None:
        at_the_end = cleaned([*FAULTLESS, self.WIND])
        assert same_values(at_the_end, self.between(self.WIND))
        assert reasons(at_the_end) == {"pressure_derived"}

    def test_at_the_very_height_of_another_level_is_merged_with_it(self) -> None:
        checked = self.between((nan, nan, nan, 1500.0, 10.0, 7.0))
        assert column(checked, "pressure") == pytest.approx([row[0] for row in FAULTLESS])
        assert rows_of(checked)[2][1:] == (15.0, 10.0, 1500.0, 9.0, 6.0)
        assert touched(checked) == {"pressure_derived": 1, "duplicate_levels_merged": 1}

    def test_two_levels_at_one_height_elsewhere_do_not_keep_them_from_it(self) -> None:
        level = (849.9, 15.0, 10.0, 1500.0, 8.0, 5.0)  # heights are whole metres
        checked = cleaned([*FAULTLESS[:3], level, self.WIND, *FAULTLESS[3:]])
        assert column(checked, "pressure")[4] == pytest.approx(np.sqrt(850.0 * 700.0))
        assert checked.counts["levels_without_pressure_removed"] == 0

    @pytest.mark.parametrize("height", [50.0, 15000.0, nan])
    def test_outside_the_known_heights_are_removed(self, height: float) -> None:
        checked = self.between((nan, nan, nan, height, 10.0, 5.5))
        assert rows_of(checked) == FAULTLESS
        assert touched(checked) == {"levels_without_pressure_removed": 1}
        assert checked.message == "1 levels without pressure removed"

    def test_a_level_in_disorder_is_still_found_out(self) -> None:
        rows = [FAULTLESS[i] for i in (0, 1, 3, 2, 4, 5, 6, 7)]
        checked = cleaned([*rows, self.WIND])
        assert {"pressure_derived", "pressure_disorder_sorted"} == reasons(checked)
        assert np.all(np.diff(checked.profile.pressure) < 0)

    def test_switched_off_removes_them_since_a_level_needs_a_place(self) -> None:
        checked = self.between(self.WIND, derive_pressure=False)
        assert rows_of(checked) == FAULTLESS
        assert touched(checked) == {"levels_without_pressure_removed": 1}
