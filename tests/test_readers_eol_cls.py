"""NCAR/EOL's sounding composite, against the numbers in the fixture and the documented columns."""

from __future__ import annotations

import time
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config import Quality
from pipeline.errors import ReadError
from pipeline.flags import Reason
from pipeline.profiles import Profile
from pipeline.quality import clean
from pipeline.readers import eol_cls

FIXTURE = Path(__file__).parent / "fixtures" / "eol_cls" / "five-soundings.cls"
ASCENT, PIBAL, DROP, OLD, CLASS = range(5)

#: Widths of the 21 fields as NCAR/EOL documents them, each but the first after a space.
WIDTHS = [6, 6, 5, 5, 5, 6, 6, 5, 5, 5, 8, 7, 5, 5, 7, 4, 4, 4, 4, 4, 4]


def soundings(path: Path = FIXTURE) -> list[Profile]:
    return list(eol_cls.read(path, {}))


def edited(tmp_path: Path, old: str, new: str) -> Path:
    text = FIXTURE.read_text()
    assert text.count(old) == 1
    path = tmp_path / "edited.cls"
    path.write_text(text.replace(old, new))
    return path


def rows(index: int) -> pd.DataFrame:
    """The rows of a sounding by the documented widths; nothing of ours is involved."""
    block = FIXTURE.read_text().split("Data Type:")[index + 1].split("----\n")[-1]
    widths = [WIDTHS[0], *(width + 1 for width in WIDTHS[1:])]
    return pd.read_fwf(StringIO(block), widths=widths, header=None)


def test_rows_of_the_fixture_are_as_long_as_documented() -> None:
    assert sum(WIDTHS) + len(WIDTHS) - 1 == 130
    numbers = [line for line in FIXTURE.read_text().splitlines() if line[:7].strip()[:1].isdigit()]
    assert len(numbers) == 7 + 3 + 4 + 2 + 2
    assert {len(line) for line in numbers} == {130}


class TestAnAscent:
    def test_has_the_numbers_of_its_columns(self) -> None:
        profile, table = soundings()[ASCENT], rows(ASCENT)
        assert profile.height.tolist() == table[14].tolist()
        assert profile.extras["elapsed_time"].values.tolist() == table[0].tolist()
        good = table[15] != 3
        assert profile.pressure[good].tolist() == table[1][good].tolist()
        good = table[16] != 3
        assert profile.temperature[good].tolist() == table[2][good].tolist()
        assert profile.extras["reported_relative_humidity"].values[:3].tolist() == [58, 58.1, 57.7]
        assert profile.u_wind[[0, 1, 6]].tolist() == [0.0, 0.5, 9.0]
        assert profile.v_wind[[0, 1, 6]].tolist() == [5.0, 6.0, 12.0]
        assert profile.derived == frozenset()

    def test_what_is_missing_is_missing(self) -> None:
        profile = soundings()[ASCENT]
        assert np.isnan([profile.u_wind[2], profile.v_wind[2]]).all()  # 9999.0
        drift = [profile.extras[f"drift_{name}itude"].values[2] for name in ("long", "lat")]
        assert np.isnan(drift).all()  # 9999.000 and 999.000
        assert np.isnan(profile.extras["ascent_rate"].values[0])  # 999.0
        assert profile.extras["azimuth_angle"].values[1] == 200.0

    def test_what_is_called_bad_is_missing_and_counted(self) -> None:
        profile = soundings()[ASCENT]
        assert np.isnan([profile.temperature[1], profile.dewpoint[1]]).all()
        assert np.isnan(profile.dewpoint[3])
        assert np.isnan([profile.u_wind[4], profile.v_wind[4]]).all()  # one of them is bad
        assert np.isnan(profile.pressure[5])
        # 2 and 2 (dewpoint rests on both), 4 (u, v, speed, direction), 1
        assert "9 values missing that NCAR/EOL calls bad" in profile.notes

    def test_what_is_doubtful_or_estimated_stays_and_its_code_rides_along(self) -> None:
        profile = soundings()[ASCENT]
        assert (profile.pressure[6], profile.temperature[6]) == (700.0, 6.0)
        flags = [
            profile.extras[f"{name}_quality"].values[6] for name in ("pressure", "temperature")
        ]
        assert flags == [2.0, 4.0]
        assert np.isnan(profile.extras["humidity_quality"].values[6])  # 99 is unchecked
        assert "3 bad" in profile.extras["pressure_quality"].long_name

    def test_facts_come_from_the_header(self) -> None:
        profile = soundings()[ASCENT]
        assert (profile.station_id, profile.station_name) == ("72999", "KXYZ Xyzville, TX / 72999")
        assert str(profile.time) == "2011-05-21T00:00:00"
        assert "the time is the nominal one; released at 2011-05-20T23:05:30" in profile.notes
        assert profile.longitude == pytest.approx(-97.49)  # 97 degrees 29.40 minutes west
        assert (profile.latitude, profile.surface_altitude) == (pytest.approx(36.61), 315.0)

    def test_a_level_whose_pressure_is_bad_is_placed_by_its_height(self) -> None:
        checked = clean(soundings()[ASCENT], Quality())
        pressure = checked.profile.pressure[checked.profile.height == 1590.0]
        assert pressure.item() == pytest.approx(840.0, abs=1.5)
        assert Reason.PRESSURE_DERIVED in checked.reasons


class TestAPilotBalloon:
    def test_is_a_wind_profile_by_altitude(self) -> None:
        profile = soundings()[PIBAL]
        assert profile.height.tolist() == [437.0, 617.0, 797.0]
        assert np.isnan([profile.pressure, profile.temperature, profile.dewpoint]).all()
        assert profile.u_wind[:2].tolist() == [-2.0, -4.0]
        assert "no row has a pressure: winds at altitudes" in profile.notes
        assert "reported_relative_humidity" not in profile.extras

    def test_lies_south_and_west(self) -> None:
        profile = soundings()[PIBAL]
        assert (profile.longitude, profile.latitude) == (-63.5, pytest.approx(-17.8))

    def test_is_rejected_for_having_no_pressure_not_for_being_broken(self) -> None:
        checked = clean(soundings()[PIBAL], Quality())
        assert Reason.LEVELS_WITHOUT_PRESSURE_REMOVED in checked.reasons
        assert "3 levels without pressure removed" in checked.message


class TestADropsonde:
    def test_its_aircraft_is_not_the_ground(self) -> None:
        profile = soundings()[DROP]
        assert np.isnan(profile.surface_altitude)
        assert profile.height[0] == 0.0
        assert profile.station_id == "100215015"

    def test_rows_of_wind_without_a_place_are_left_out_and_counted(self) -> None:
        profile = soundings()[DROP]
        assert profile.pressure.tolist() == [1005.0, 1004.3, 850.0]
        assert "1 rows left out that have neither pressure nor altitude" in profile.notes

    def test_comes_from_the_surface_up_also_where_the_file_was_not_turned(
        self, tmp_path: Path
    ) -> None:
        text = FIXTURE.read_text()
        block = text[text.index("Data Type:                         AVAPS") :]
        head, body = block.split("----\n", 1)
        records = body.split("Data Type:")[0].splitlines()
        path = tmp_path / "falling.cls"
        path.write_text(head + "----\n" + "\n".join(records[::-1]) + "\n")
        (profile,) = soundings(path)
        assert profile.pressure.tolist() == [1005.0, 1004.3, 850.0]
        assert profile.extras["elapsed_time"].values.tolist() == [700.5, 700.0, 400.0]


class TestOldFiles:
    def test_launch_and_gmt_are_release_and_utc(self) -> None:
        profile = soundings()[OLD]
        assert (profile.station_id, str(profile.time)) == ("B1", "1994-05-30T17:31:00")
        assert "the time is that of the release" in profile.notes

    def test_minutes_are_finer_than_degrees_rounded_to_a_tenth(self) -> None:
        profile = soundings()[OLD]
        assert (profile.longitude, profile.latitude) == (-97.3, pytest.approx(38.31))

    def test_wind_is_derived_where_only_speed_and_direction_are_given(self) -> None:
        profile = soundings()[OLD]
        assert profile.u_wind == pytest.approx([-4, 0], abs=1e-9)  # 4 m/s from the east
        assert profile.v_wind == pytest.approx([0, 6], abs=1e-9)
        assert profile.derived == {"u_wind", "v_wind"}

    def test_a_column_is_what_its_name_says(self) -> None:
        mixing_ratio = soundings()[OLD].extras["reported_mixing_ratio"]
        assert (mixing_ratio.values[1], mixing_ratio.units) == (12.5, "g kg-1")

    def test_uncertainties_of_class_files_are_no_quality_codes(self) -> None:
        """A wind uncertain by 3.0 m/s is not bad; 99.0 is no ascent rate."""
        profile = soundings()[CLASS]
        assert profile.u_wind.tolist() == [3.0, 3.0]
        assert profile.temperature.tolist() == [28.0, 27.0]
        assert "temperature_quality" not in profile.extras
        assert np.isnan(profile.extras["ascent_rate"].values[0])

    def test_a_position_that_is_missing_is_missing(self) -> None:
        profile = soundings()[CLASS]
        assert np.isnan([profile.longitude, profile.latitude, profile.surface_altitude]).all()
        assert profile.station_id == "WTEC"


@pytest.mark.parametrize(
    ("site", "station"),
    [
        ("Reese Center, TX/72267", "72267"),
        ("Andenes_Andoya_Norway / 01010", "01010"),
        ("OAK Oakland, CA", "OAK"),
        ("C1: Lamont, Oklahoma", "C1"),
        ("OU/NSSL CLAMPS Mobile", "OU/NSSL CLAMPS Mobile"),
        ("Lauder, New Zealand", "Lauder, New Zealand"),
        ("IOP 15", "IOP 15"),
    ],
)
def test_the_station_is_what_the_site_names_as_its_identifier(
    tmp_path: Path, site: str, station: str
) -> None:
    path = edited(tmp_path, "KXYZ Xyzville, TX / 72999", site)
    assert soundings(path)[ASCENT].station_id == station


def test_places_that_differ_are_noted_and_decimal_degrees_count(tmp_path: Path) -> None:
    path = edited(tmp_path, "063 30.00'W, 17 48.00'S", "063 30.00'W, 17 48.00'N")
    profile = soundings(path)[PIBAL]
    assert (profile.longitude, profile.latitude) == (-63.5, -17.8)
    assert any("differ from the decimal degrees" in note for note in profile.notes)


class TestDamage:
    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("  6.0  965.1", "  6.0  9x5.1", "line 17: '9x5.1' is not a number"),
            ("  6.0  965.1", "  6.0  9_5.1", "line 17: '9_5.1' is not a number"),
            ("  6.0  965.1", "  6.0", "line 17: 20 columns where 21 are expected"),
            ("  6.0  965.1", "  6.0    965", "line 17: not a row of decimal numbers"),
        ],
    )
    def test_a_bad_row_costs_its_sounding_only(
        self, tmp_path: Path, old: str, new: str, problem: str
    ) -> None:
        found = soundings(edited(tmp_path, old, new))
        assert found[ASCENT].problem.startswith(problem)
        assert (len(found[ASCENT]), found[ASCENT].station_id) == (0, "72999")
        assert [len(profile) for profile in found[1:]] == [3, 3, 2, 2]

    def test_a_header_without_names_or_dashes_costs_its_sounding_only(self, tmp_path: Path) -> None:
        text = FIXTURE.read_text()
        path = tmp_path / "header.cls"
        path.write_text(text.replace(" Time  Press ", " Time  Xress ", 1))
        assert "no 21 names" in soundings(path)[ASCENT].problem
        path.write_text(text.replace("------ ------", "++++++ ++++++", 1) + "\n")
        found = soundings(path)
        assert found[ASCENT].problem
        assert len(found[PIBAL]) == 3
        path.write_text("Data Type:\n------\n")
        assert soundings(path)[0].problem

    def test_cut_anywhere_no_number_is_halved(self, tmp_path: Path) -> None:
        """What is left is the beginning of the file, or said to be damaged."""
        content, whole = FIXTURE.read_bytes(), soundings()
        path = tmp_path / "cut.cls"
        for size in range(11, len(content), 61):
            path.write_bytes(content[:size])
            found = soundings(path)
            for profile, complete in zip(found, whole, strict=False):
                if not profile.problem:
                    np.testing.assert_array_equal(
                        profile.pressure, complete.pressure[: len(profile)]
                    )
            assert all(not profile.problem for profile in found[:-1])

    def test_a_giant_number_is_no_value(self, tmp_path: Path) -> None:
        path = edited(tmp_path, "  6.0  965.1", f"  6.0  {'9' * 400}.1")
        assert np.isnan(soundings(path)[ASCENT].pressure[1])

    def test_other_files_are_declined(self, tmp_path: Path) -> None:
        path = tmp_path / "other"
        path.write_text("pressure,temperature\n1000,20\n")
        assert eol_cls.sniff(path.read_bytes(), path)
        assert eol_cls.sniff(b"Data Type: of another kind\n", path) == (
            "no line of names (Time Press Temp Dewpt RH ...)"
        )
        with pytest.raises(ReadError, match="line 1: a header"):
            soundings(path)


def test_a_day_of_soundings_of_3_mb_takes_a_moment(tmp_path: Path) -> None:
    head, row = FIXTURE.read_text().split("----\n")[0], FIXTURE.read_text().splitlines()[15]
    sounding = head + "----\n" + f"{row}\n" * 5000
    path = tmp_path / "day.cls"
    path.write_text(sounding * 5)
    start = time.process_time()
    assert [len(profile) for profile in soundings(path)] == [5000] * 5
    assert time.process_time() - start < 1.5
