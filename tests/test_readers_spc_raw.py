"""The %RAW% format of SPC and SHARPpy, against numbers copied by eye from the files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ReadError
from pipeline.readers import spc_raw
from pipeline.readers._text import time_from_two_digit_year

FIXTURE = Path(__file__).parent / "fixtures" / "spc_raw" / "14080112.P#T"
TEN_KNOTS = 5.144444  # m s-1, 1852 m an hour


def read_one(path: Path):
    (profile,) = spc_raw.read(path, {})
    return profile


def edited(tmp_path: Path, old: str, new: str) -> Path:
    text = FIXTURE.read_text()
    assert text.count(old) == 1
    path = tmp_path / "edited.P#T"
    path.write_text(text.replace(old, new))
    return path


def test_an_observed_sounding_has_the_numbers_printed_in_the_file(season_folder):
    profile = read_one(season_folder / "03050100.DNR")
    # the first row:  829.00,   1625.00,     13.49,      5.21,     60.00,      6.99
    assert (profile.pressure[0], profile.height[0]) == (829.0, 1625.0)
    assert (profile.temperature[0], profile.dewpoint[0]) == (13.49, 5.21)
    assert profile.u_wind[0] == pytest.approx(-3.1142, abs=1e-4)  # 6.99 kt are 3.5960 m s-1,
    assert profile.v_wind[0] == pytest.approx(-1.7980, abs=1e-4)  # from 60 degrees
    assert (profile.station_id, profile.time) == ("DNR", np.datetime64("2003-05-01T00:00:00"))


def test_missing_is_missing_whichever_way_it_is_written():
    profile = read_one(FIXTURE)
    assert np.isnan([profile.temperature[0], profile.dewpoint[0], profile.u_wind[0]]).all()  # -999
    assert np.isnan(profile.dewpoint[2])  # -9999
    assert profile.height[0] == 82.0


def test_wind_is_converted_from_knots():
    profile = read_one(FIXTURE)
    assert profile.u_wind[1:] == pytest.approx([TEN_KNOTS, 0, 0], abs=1e-6)  # 10 kt from 270
    assert profile.v_wind[1:] == pytest.approx([0, 2 * TEN_KNOTS, 0], abs=1e-6)  # 20 kt from 180


def test_title_gives_station_time_and_position_and_nothing_is_made_up(season_folder):
    profile = read_one(FIXTURE)
    assert (profile.station_id, str(profile.time)) == ("P#T", "2014-08-01T12:00:00")
    assert (profile.latitude, profile.longitude) == (36.25, -86.56)
    without = read_one(season_folder / "03050100.DNR")
    assert np.isnan([without.latitude, without.longitude, without.surface_altitude]).all()


def test_seventh_column_rides_along_as_omega():
    omega = read_one(FIXTURE).extras["omega"]
    assert omega.values[1:].tolist() == [0.0, -0.25, -0.5]
    assert np.isnan(omega.values[0])
    assert omega.units == "Pa s-1"


def test_text_after_the_end_is_not_data():
    assert read_one(FIXTURE).pressure.tolist() == [1000.0, 989.0, 925.0, 850.0]


def test_levels_stay_in_the_order_of_the_file(shared_data):
    profile = read_one(shared_data / "bad" / "spc_1000hPa_level_below_ground_out_of_order.SHV")
    assert profile.pressure[:3].tolist() == [994.0, 1000.0, 989.0]


def test_windows_line_ends_and_latin_1_change_nothing(tmp_path):
    path = tmp_path / "windows.txt"
    text = FIXTURE.read_text().replace("Parcel Information", "Température")
    path.write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    assert read_one(path).pressure.tolist() == read_one(FIXTURE).pressure.tolist()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  925.00,    777.00,", "  925.00    777.00,", "line 9: 6 columns where the rows above"),
        ("  925.00,    777.00,     27.00,", "", "line 9: 4 columns where 6 or 7 are expected"),
        ("27.00", "2x.00", "line 9: '2x.00' is not a number"),
        ("27.00", "2_7.0", "line 9: '2_7.0' is not a number"),
        ("%END%", "%EMD%", "line 11: 1 columns where 6 or 7 are expected"),
    ],
)
def test_a_damaged_row_costs_the_sounding_and_is_named(tmp_path, old, new, problem):
    profile = read_one(edited(tmp_path, old, new))
    assert profile.problem.startswith(problem)
    assert len(profile) == 0
    assert profile.station_id == "P#T"


def test_a_file_without_its_end_is_said_to_be_cut_short(tmp_path):
    path = tmp_path / "cut"
    path.write_text(FIXTURE.read_text().split("%END%")[0])
    assert "no %END%" in read_one(path).problem


def test_two_soundings_in_a_file_are_two_profiles(tmp_path):
    path = tmp_path / "two"
    path.write_text(FIXTURE.read_text() + FIXTURE.read_text().replace("140801", "140802"))
    times = [str(profile.time)[:10] for profile in spc_raw.read(path, {})]
    assert times == ["2014-08-01", "2014-08-02"]


@pytest.mark.parametrize(
    ("title", "note"),
    [
        ("sounding of yesterday", "does not name a station and a time"),
        ("P#T 141399/2560", "141399/2560 is not a date and time"),
        ("P#T 140801/1200 96.25,-86.56", "96.25,-86.56 is not a position"),
    ],
)
def test_what_a_title_does_not_say_is_missing_and_noted(tmp_path, title, note):
    profile = read_one(edited(tmp_path, "P#T   140801/1200 36.25,-86.56", title))
    assert any(note in text for text in profile.notes)
    assert np.isnan(profile.latitude)
    assert len(profile) == 4


@pytest.mark.parametrize(
    ("date", "year"),
    [("500101", 1950), ("990101", 1999), ("000101", 2000), ("260101", 2026), ("490101", 1949)],
)
def test_two_digit_years_are_1950_to_2049_but_not_in_the_future(date, year):
    time = time_from_two_digit_year(date, "1200", now=datetime(2026, 5, 1, tzinfo=UTC))
    assert time == np.datetime64(f"{year}-01-01T12:00:00")


def test_a_forecast_of_the_next_days_stays_in_this_century():
    time = time_from_two_digit_year("260504", "0000", now=datetime(2026, 5, 1, tzinfo=UTC))
    assert time == np.datetime64("2026-05-04T00:00:00")


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "other"
    path.write_text("pressure,temperature\n1000,20\n")
    assert spc_raw.sniff(path.read_bytes(), path) == "no %RAW% line"
    with pytest.raises(ReadError, match="no %RAW% line"):
        list(spc_raw.read(path, {}))
