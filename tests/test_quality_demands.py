"""The least that a profile must have; thermodynamics and winds are judged apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sounding_rows import FAULTLESS, Row, cleaned, nan, profile, reasons, with_level

from pipeline.flags import Status, verdict
from pipeline.profiles import Profile

OK, SUSPECT, REJECTED = Status.OK, Status.SUSPECT, Status.REJECTED


def without_winds(*levels: int) -> list[Row]:
    """Return the faultless sounding with winds missing at some levels."""
    return [(*row[:4], nan, nan) if index in levels else row for index, row in enumerate(FAULTLESS)]


def judged(rows: list[Row] | Profile, **settings: Any) -> tuple[set[str], tuple[Status, Status]]:
    """Return reasons and verdicts of a sounding."""
    checked = cleaned(rows, **settings)
    return reasons(checked), verdict(checked.reasons)


class TestThermodynamics:
    def test_a_faultless_sounding_is_ok_and_there_is_nothing_to_say(self) -> None:
        checked = cleaned()
        assert verdict(checked.reasons) == (OK, OK)
        assert checked.message == ""
        assert set(checked.counts.values()) == {0}

    def test_no_levels(self) -> None:
        checked = cleaned([])
        assert reasons(checked) == {"no_levels"}
        assert verdict(checked.reasons) == (REJECTED, REJECTED)
        assert checked.message == "no usable level"

    def test_too_few_levels(self) -> None:
        rows = [FAULTLESS[i] for i in (0, 2, 3, 4)]
        checked = cleaned(rows)
        assert reasons(checked) >= {"too_few_levels"}
        assert verdict(checked.reasons)[0] == REJECTED
        assert "4 levels with pressure, temperature and dewpoint where at least 5" in (
            checked.message
        )
        assert judged(rows, min_levels=4)[1][0] == OK

    def test_levels_without_temperature_do_not_count(self) -> None:
        rows = [(*row[:1], nan, nan, *row[3:]) if i > 3 else row for i, row in enumerate(FAULTLESS)]
        assert "too_few_levels" in judged(rows)[0]

    def test_top_too_low(self) -> None:
        rows = [*FAULTLESS[:4], (600.0, -3.0, -15.0, 4300.0, 15.0, 6.0)]
        checked = cleaned(rows)
        assert reasons(checked) == {"top_too_low"}
        assert verdict(checked.reasons) == (REJECTED, OK)
        assert checked.message == "ends at 600 hPa, below the 500 hPa level"
        assert judged(rows, max_top_pressure=600.0)[1] == (OK, OK)

    def test_ending_at_500_hpa_is_just_enough(self) -> None:
        assert judged(FAULTLESS[:5])[1][0] == OK

    def test_humidity_that_begins_a_little_above_the_ground_makes_it_suspect(self) -> None:
        rows = [FAULTLESS[0], (975.0, 23.5, 19.0, 320.0, 3.0, 3.0), *FAULTLESS[1:]]
        rows[0] = (1000.0, 25.0, nan, 100.0, 1.0, 3.0)
        checked = cleaned(rows)
        assert reasons(checked) == {"surface_humidity_missing"}
        assert verdict(checked.reasons) == (SUSPECT, OK)
        assert checked.message == (
            "no temperature and dewpoint below 975 hPa, 25.0 hPa from the ground"
        )

    def test_humidity_that_begins_far_above_it_leaves_no_surface_parcel(self) -> None:
        rows = with_level(0, dewpoint=nan)
        assert judged(rows) == ({"no_surface_humidity"}, (REJECTED, OK))
        suspect = judged(rows, surface_humidity_gap=75.0)
        assert suspect == ({"surface_humidity_missing"}, (SUSPECT, OK))

    def test_a_rejected_sounding_keeps_its_levels(self) -> None:
        assert len(cleaned(FAULTLESS[:3]).profile) == 3

    def test_what_could_not_be_read_is_rejected_with_the_readers_words(self) -> None:
        checked = cleaned(Profile(station_id="06610", problem="line 17: 5 columns where 6 or 7"))
        assert {"unreadable", "no_levels"} <= reasons(checked)
        assert verdict(checked.reasons) == (REJECTED, REJECTED)
        assert "line 17: 5 columns where 6 or 7" in checked.message


class TestWinds:
    def test_a_sounding_without_wind_keeps_its_thermodynamics(self) -> None:
        assert judged(without_winds(*range(8))) == ({"no_wind"}, (OK, REJECTED))

    def test_a_sounding_without_humidity_keeps_its_winds(self) -> None:
        rows = [(p, t, nan, h, u, v) for p, t, _, h, u, v in FAULTLESS]
        assert judged(rows) == ({"too_few_levels"}, (REJECTED, OK))

    def test_one_level_of_wind_is_none(self) -> None:
        assert judged(without_winds(*range(1, 8)))[1] == (OK, REJECTED)

    def test_one_component_alone_is_no_wind(self) -> None:
        rows = [(p, t, d, h, u, nan) for p, t, d, h, u, _ in FAULTLESS]
        assert judged(rows)[1] == (OK, REJECTED)

    def test_a_missing_surface_wind_makes_them_suspect(self) -> None:
        checked = cleaned(without_winds(0))
        assert reasons(checked) == {"surface_wind_missing"}
        assert verdict(checked.reasons) == (OK, SUSPECT)
        assert checked.message == "the lowest wind is at 925 hPa, not at the surface"

    def test_a_deep_gap_makes_them_suspect(self) -> None:
        checked = cleaned(without_winds(2, 3))
        assert reasons(checked) == {"wind_gap"}
        assert verdict(checked.reasons) == (OK, SUSPECT)
        assert checked.message == "no wind for 5020 m above 680 m above ground"
        assert judged(without_winds(2, 3), wind_gap=5020.0)[1] == (OK, OK)

    def test_a_gap_that_begins_low_counts_however_high_it_ends(self) -> None:
        """Nashville 2003-05-05 has no wind from 7.7 to 22.7 km: Corfidi's layer ends in it."""
        checked = cleaned(without_winds(2, 3, 4, 5, 6))
        assert reasons(checked) == {"wind_gap"}
        assert checked.message == "no wind for 11520 m above 680 m above ground"

    def test_a_gap_high_up_matters_to_nothing(self) -> None:
        above = [
            (150.0, -60.0, -75.0, 14000.0, 30.0, 9.0),
            (50.0, -58.0, -80.0, 21000.0, 5.0, 0.0),
        ]
        assert judged([*FAULTLESS, *above])[1] == (OK, OK)

    def test_a_wind_at_a_wrong_height_does_not_count(self) -> None:
        checked = cleaned(with_level(4, height=50.0))
        assert "no wind for 4400 m above 3000 m above ground" in checked.message

    def test_without_heights_there_are_no_layers(self) -> None:
        rows = [(p, t, d, nan, u, v) for p, t, d, _, u, v in FAULTLESS]
        assert judged(rows) == ({"height_missing", "no_wind"}, (SUSPECT, REJECTED))


class TestWhatDoesNotMakeItWorse:
    @pytest.mark.parametrize(
        ("facts", "told"),
        [
            ({"latitude": nan}, "position_missing"),
            ({"longitude": nan}, "position_missing"),
            ({"time": np.datetime64("NaT")}, "time_missing"),
        ],
    )
    def test_place_and_time(self, facts: dict[str, Any], told: str) -> None:
        assert judged(profile(**facts)) == ({told}, (OK, OK))

    def test_what_the_reader_noted_is_passed_on(self) -> None:
        checked = cleaned(profile(notes=("the year has two digits",)))
        assert checked.message == "the year has two digits"
        assert verdict(checked.reasons) == (OK, OK)


class TestWhereItBeginsAndWhatIsBetween:
    def test_a_sounding_that_begins_far_above_its_ground_is_suspect(self) -> None:
        """Its surface parcel is none: the lowest 900 m, which hold the energy, are not there."""
        raw = profile(FAULTLESS[1:], surface_altitude=-120.0)
        found, verdicts = judged(raw)
        assert "starts_above_ground" in found
        assert verdicts == (SUSPECT, SUSPECT)
        assert "the lowest level is 900 m above the ground" in cleaned(raw).message

    def test_a_source_that_does_not_say_its_ground_is_taken_at_its_word(self) -> None:
        assert "starts_above_ground" not in judged(FAULTLESS[1:])[0]

    @pytest.mark.parametrize("missing", ["levels", "temperature"])
    def test_a_deep_hole_is_suspect(self, missing: str) -> None:
        if missing == "levels":
            rows = [row for row in FAULTLESS if not 400 < row[0] < 925]
        else:
            rows = [(row[0], nan, *row[2:]) if 400 < row[0] < 925 else row for row in FAULTLESS]
        found, verdicts = judged(rows)
        assert "layer_missing" in found
        assert verdicts[0] == SUSPECT
        assert "between 925 and 400 hPa" in cleaned(rows).message

    def test_a_sounding_of_mandatory_levels_alone_has_no_hole(self) -> None:
        assert judged(FAULTLESS) == (set(), (OK, OK))

    def test_winds_are_suspect_where_a_height_is_wrong(self) -> None:
        """Heights place the winds: those up to a height that is too high are left out."""
        found, verdicts = judged(with_level(1, height=3000.0))
        assert "height_not_increasing" in found
        assert verdicts == (OK, SUSPECT)

    def test_winds_without_heights_are_told_as_such(self) -> None:
        rows = [(*row[:3], nan, *row[4:]) for row in FAULTLESS]
        checked = cleaned(rows)
        assert verdict(checked.reasons)[1] == REJECTED
        assert "winds need heights, and there are none" in checked.message
