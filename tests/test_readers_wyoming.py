"""The University of Wyoming's text, pages and CSV, against numbers copied by eye from the files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ReadError
from pipeline.fetch.wyoming import file_name
from pipeline.readers import wyoming_csv, wyoming_html, wyoming_text

FIXTURES = Path(__file__).parent / "fixtures"
TEXT = FIXTURES / "wyoming_text" / "03005-two-soundings.txt"
OLD_PAGE = FIXTURES / "wyoming_html" / "old-layout-two-soundings.html"
NEW_PAGE = FIXTURES / "wyoming_html" / "new-layout.html"
CSV = FIXTURES / "wyoming_csv" / "drifting.csv"
TEN_KNOTS = 5.144444  # m s-1


def edited(tmp_path: Path, original: Path, old: str, new: str) -> Path:
    text = original.read_text()
    assert old in text
    path = tmp_path / original.name
    path.write_text(text.replace(old, new, 1))
    return path


# ------------------------------------------------------------------------------------------ text


def test_text_is_read_by_column_so_that_blanks_are_missing():
    first, _ = wyoming_text.read(TEXT, {})
    assert first.pressure.tolist() == [1012.0, 1000.0, 925.0, 850.0]
    assert first.height.tolist() == [84.0, 184.0, 834.0, 1521.0]
    np.testing.assert_array_equal(first.temperature, [8.4, np.nan, 3.0, -0.7])
    np.testing.assert_array_equal(first.dewpoint, [6.1, np.nan, np.nan, -9.7])
    humidity = first.extras["reported_relative_humidity"]
    np.testing.assert_array_equal(humidity.values, [86.0, np.nan, 0.0, 51.0])
    assert humidity.units == "percent"
    mixing_ratio = first.extras["reported_mixing_ratio"]
    np.testing.assert_array_equal(mixing_ratio.values, [5.90, np.nan, np.nan, 2.15])


def test_text_wind_is_in_knots_in_the_old_list_and_in_metres_per_second_in_the_new():
    old, new = wyoming_text.read(TEXT, {})
    assert old.u_wind[0] == pytest.approx(TEN_KNOTS)  # SKNT 10 from 270
    assert old.v_wind[2] == pytest.approx(2 * TEN_KNOTS)  # SKNT 20 from 180
    assert np.isnan([old.u_wind[1], old.u_wind[3]]).all()
    assert new.u_wind[0] == pytest.approx(-10.0)  # SPED 10.0 from 90


def test_text_title_and_indices_give_station_time_and_position():
    first, second = wyoming_text.read(TEXT, {})
    assert (first.station_id, first.station_name) == ("03005", "Lerwick")  # not the number 3005
    assert str(first.time) == "2015-01-01T00:00:00"
    assert (first.latitude, first.longitude, first.surface_altitude) == (60.13, -1.18, 84.0)
    assert str(second.time) == "2015-01-01T12:00:00"
    assert np.isnan(second.latitude)  # its indices are not there, and those above are not its own


def test_text_without_a_title_has_the_station_of_its_indices(tmp_path):
    path = edited(tmp_path, TEXT, "03005 Lerwick Observations at 00Z 01 Jan 2015", "")
    first, _ = wyoming_text.read(path, {})
    assert (first.station_id, str(first.time)) == ("03005", "2015-01-01T00:00:00")


def test_text_without_title_and_indices_says_what_is_not_known(tmp_path):
    table = TEXT.read_text().split("\n\n")[1]
    path = tmp_path / "table.txt"
    path.write_text(table)
    (profile,) = wyoming_text.read(path, {})
    assert profile.station_id == ""
    assert np.isnat(profile.time)
    assert profile.notes == ("the file does not say the station, the time, the position",)
    assert len(profile) == 4


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    834    3.0", "    8x4    3.0", "line 9: '8x4' is not a number"),
        ("    834    3.0", "    834   3.0 ", "line 9: not in 11 right-aligned columns"),
        ("  925.0    834", " 925.0     834", "line 9: not in 11 right-aligned columns"),
        ("  925.0    834", "  xyz.0    834", "line 10: a row after the end of the table; line 9"),
        ("   DRCT   SKNT", "   DRCT   SXXX", "line 4: no column SKNT or SPED"),
        ("   deg   knot", "   deg    m/s", "line 5: SKNT is in m/s where knot is expected"),
        ("   PRES   HGHT", "  PRES   HGHT", "line 4: not in 11 right-aligned columns"),
    ],
)
def test_text_damage_costs_its_sounding_and_is_named(tmp_path, old, new, problem):
    first, second = wyoming_text.read(edited(tmp_path, TEXT, old, new), {})
    assert first.problem.startswith(problem)
    assert (len(first), len(second)) == (0, 2)


def test_real_text_without_trailing_blanks(shared_data):
    (profile,) = wyoming_text.read(shared_data / "wyoming_text" / "nov11_sounding.txt", {})
    # "  485.0   5893  -12.9  -29.9     23   0.66                320.0 ..."
    level = list(profile.pressure).index(485.0)
    assert (profile.height[level], profile.dewpoint[level]) == (5893.0, -29.9)
    assert np.isnan(profile.u_wind[level])
    assert np.isnan(profile.temperature[0])


def test_real_text_with_windows_line_ends(shared_data):
    (profile,) = wyoming_text.read(shared_data / "wyoming_text" / "bna_day1.txt", {})
    assert (profile.station_id, profile.station_name) == ("72327", "BNA Nashville")
    assert str(profile.time) == "2014-02-20T12:00:00"
    assert (profile.pressure[1], profile.temperature[1], profile.dewpoint[1]) == (990.0, 15.4, 12.7)
    assert profile.v_wind[1] == pytest.approx(TEN_KNOTS)  # 180 degrees, 10 kt


# ----------------------------------------------------------------------------------------- pages


def test_old_page_gives_each_table_its_own_station_and_time():
    first, second = wyoming_html.read(OLD_PAGE, {})
    assert (first.station_id, first.station_name) == ("72357", "OUN Norman")
    assert str(first.time) == "2018-12-22T00:00:00"
    assert (first.latitude, first.longitude, first.surface_altitude) == (35.18, -97.44, 345.0)
    np.testing.assert_array_equal(first.dewpoint, [-1.2, np.nan, -2.8])
    assert first.u_wind[0] == pytest.approx(TEN_KNOTS)
    assert str(second.time) == "2018-12-22T12:00:00"


def test_a_damaged_table_in_a_page_is_named_by_its_line():
    _, second = wyoming_html.read(OLD_PAGE, {})
    lines = OLD_PAGE.read_text().split("\n")
    assert second.problem == "line 29: '9x5.0' is not a number"
    assert "9x5.0" in lines[29 - 1]


def test_new_page_is_in_metres_per_second_with_its_position_in_a_table():
    (profile,) = wyoming_html.read(NEW_PAGE, {})
    assert (profile.station_id, profile.station_name) == ("47646", "TATENO, JAPAN")
    assert str(profile.time) == "2026-08-18T12:00:00"
    assert (profile.latitude, profile.longitude, profile.surface_altitude) == (36.06, 140.13, 25.2)
    assert profile.u_wind[0] == pytest.approx(5.0)
    np.testing.assert_array_equal(profile.dewpoint, [21.7, 18.0, np.nan])


def test_a_page_that_breaks_off_in_its_table_is_said_to_be_cut_short(tmp_path):
    path = tmp_path / "cut.html"
    path.write_text(NEW_PAGE.read_text().split("   69.0")[0])
    (profile,) = wyoming_html.read(path, {})
    assert profile.problem.endswith("the page ends inside the table")
    assert (len(profile), profile.station_id) == (0, "47646")


def test_a_row_before_the_closing_tag_on_its_line_is_kept(tmp_path):
    (profile,) = wyoming_html.read(edited(tmp_path, NEW_PAGE, "447.9\n</PRE>", "447.9</PRE>"), {})
    assert profile.pressure.tolist() == [1008.0, 925.0, 69.0]


def test_real_page(shared_data):
    (profile,) = wyoming_html.read(shared_data / "wyoming_html" / "sharppy_oun_uwyo.html", {})
    # "  722.1   2743    6.0  -18.3     16   1.26    255     24  306.4 ..."
    level = list(profile.pressure).index(722.1)
    assert (profile.temperature[level], profile.dewpoint[level]) == (6.0, -18.3)
    assert np.hypot(profile.u_wind[level], profile.v_wind[level]) == pytest.approx(24 * 0.514444)
    assert (profile.station_id, profile.latitude) == ("72357", 35.18)


def test_text_and_pages_are_told_apart():
    text, page = TEXT.read_bytes(), OLD_PAGE.read_bytes()
    assert wyoming_text.sniff(text, TEXT) is None
    assert wyoming_html.sniff(text, TEXT) == "no HTML tags"
    assert wyoming_html.sniff(page, OLD_PAGE) is None
    assert wyoming_text.sniff(page, OLD_PAGE) == "an HTML page, not text"


def test_a_page_without_data_gives_the_words_of_the_site():
    page = b"<HTML><TITLE>Wyoming</TITLE>Can't get 72357 Observations at 12Z 22 Dec 2018.</HTML>"
    reason = wyoming_html.sniff(page, OLD_PAGE)
    assert reason == "the site answered: Can't get 72357 Observations at 12Z 22 Dec 2018."


@pytest.mark.parametrize("reader", [wyoming_text, wyoming_html, wyoming_csv])
def test_a_file_without_a_table_is_refused(tmp_path, reader):
    path = tmp_path / "letter"
    path.write_text("Dear Sir,\nthe weather is fine.\n")
    assert reader.sniff(path.read_bytes(), path) is not None
    with pytest.raises(ReadError):
        list(reader.read(path, {}))


# ------------------------------------------------------------------------------------------- CSV


def test_csv_is_in_metres_per_second():
    (profile,) = wyoming_csv.read(CSV, {})
    assert profile.pressure.tolist() == [966.0, 925.0, 850.0]
    assert profile.u_wind[0] == pytest.approx(10.0)  # 10.0 m/s from 270
    assert profile.v_wind[1] == pytest.approx(5.0)  # 5.0 m/s from 180
    assert np.isnan([profile.u_wind[2], profile.dewpoint[2]]).all()
    assert profile.extras["reported_mixing_ratio"].values[1] == 13.81


def test_csv_has_the_time_and_position_of_its_first_level_and_the_drift_as_extras():
    (profile,) = wyoming_csv.read(CSV, {})
    assert str(profile.time) == "2025-06-01T11:02:00"
    assert (profile.longitude, profile.latitude) == (-99.99, 35.18)
    assert profile.extras["drift_longitude"].values.tolist() == [-99.99, -99.985, -99.97]
    assert profile.extras["drift_latitude"].units == "degrees_north"
    assert profile.station_id == ""
    assert "does not carry the station" in profile.notes[0]


def test_csv_has_its_station_from_the_name_that_fetch_gives_a_file(tmp_path):
    path = tmp_path / file_name("0-20000-06610", datetime(2025, 6, 1, 12))
    path.write_bytes(CSV.read_bytes())
    (profile,) = wyoming_csv.read(path, {})
    assert profile.station_id == "0-20000-06610"
    assert "name of the file" in profile.notes[0]


def test_csv_knows_a_missing_position_by_its_latitude(tmp_path):
    path = edited(tmp_path, CSV, "-99.9900,35.1800", "-99.9900,-99.9900")
    (profile,) = wyoming_csv.read(path, {})
    assert np.isnan([profile.longitude, profile.latitude]).all()


def test_csv_without_rows_holds_no_sounding(tmp_path):
    path = tmp_path / "header.csv"
    path.write_text(CSV.read_text().split("\n")[0] + "\n")
    assert list(wyoming_csv.read(path, {})) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("721, 20.0", "721; 20.0", "line 3: 12 columns where 13 are expected"),
        ("721, 20.0", "7z1, 20.0", "line 3: '7z1' is not a number"),
        ("temperature_C", "temperature_K", "line 1: no column temperature_C"),
        (",     ,   ,    \n", ",     ,   , ", "line 4: the file seems to be cut short"),
    ],
)
def test_csv_damage_is_named(tmp_path, old, new, problem):
    (profile,) = wyoming_csv.read(edited(tmp_path, CSV, old, new), {})
    assert profile.problem.startswith(problem)
    assert len(profile) == 0


def test_csv_with_a_strange_time_is_read_without_one(tmp_path):
    (profile,) = wyoming_csv.read(edited(tmp_path, CSV, "2025-06-01", "2025-13-01"), {})
    assert np.isnat(profile.time)
    assert "'2025-13-01 11:02:00' is not a time" in profile.notes


def test_real_csv_has_the_numbers_printed_in_the_file(shared_data):
    (profile,) = wyoming_csv.read(shared_data / "wyoming_csv" / "wyoming_sounding_1.csv", {})
    # 1999-05-03 23:02:00,-97.4400,35.1800, 268.6,10058,-49.1,-53.2,-49.1, 62,100, 0.10,250,36.0
    level = list(profile.pressure).index(268.6)
    assert (profile.temperature[level], profile.dewpoint[level]) == (-49.1, -53.2)
    assert np.hypot(profile.u_wind[level], profile.v_wind[level]) == pytest.approx(36.0)
    assert (profile.longitude, profile.latitude) == (-97.44, 35.18)
    assert "drift_longitude" not in profile.extras


def test_reply_without_data_is_declined_in_its_own_words(shared_data):
    path = shared_data / "wyoming_csv" / "wyoming_no_data_1.csv"
    reason = wyoming_csv.sniff(path.read_bytes(), path)
    assert reason.endswith("Unable to retrieve the data for BOI at 2010-12-09 01:00:00.")
