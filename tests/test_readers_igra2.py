"""IGRA version 2, against numbers copied by eye from the files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ReadError
from pipeline.readers import igra2

FIXTURE = Path(__file__).parent / "fixtures" / "igra2" / "cases-data.txt"


@pytest.fixture(scope="module")
def cases():
    return list(igra2.read(FIXTURE, {}))


def zipped(folder: Path, content: bytes, *others: str) -> Path:
    path = folder / "GMM00010393-data.txt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in others:
            archive.writestr(name, "not a sounding")
        archive.writestr("GMM00010393-data.txt", content)
    return path


def test_header_gives_station_nominal_time_and_position(cases):
    first = cases[0]
    assert first.station_id == "GMM00010393"
    assert str(first.time) == "1999-05-03T12:00:00"  # not 10:45, when it was released
    assert (first.latitude, first.longitude) == (52.2167, 14.1167)
    assert first.surface_altitude == 112.0  # the height of the surface level


def test_columns_are_put_into_our_units(cases):
    first = cases[0]
    assert first.pressure[:3].tolist() == [1013.0, 925.0, 850.0]  # 101300 Pa
    assert first.height[:2].tolist() == [112.0, 790.0]
    assert first.temperature[:2] == pytest.approx([20.1, 15.0])
    assert first.dewpoint[0] == pytest.approx(20.1 - 7.1)
    assert first.u_wind[:2] == pytest.approx([10.0, -5.2])  # 10.0 m/s from 270, 5.2 from 90
    assert first.extras["reported_relative_humidity"].values[0] == 64.0
    assert first.extras["elapsed_time"].values[1] == 90.0  # MMMSS: 1 minute 30 seconds


def test_values_missing_or_removed_by_quality_assurance_are_missing(cases):
    first = cases[0]
    assert np.isnan(first.dewpoint[1])  # -8888
    assert np.isnan(first.height[2])  # -8888
    assert np.isnan(first.u_wind[2])  # -9999
    assert np.isnan(first.extras["elapsed_time"].values[2])


def test_wind_only_levels_keep_their_height_and_have_no_pressure(cases):
    first = cases[0]
    assert np.isnan(first.pressure[3:]).all()
    assert first.height[3:].tolist() == [2000.0, 3000.0]
    assert first.v_wind[3:] == pytest.approx([-3.0, 0.0])  # 3.0 m/s from 360, and calm


def test_flags_ride_along(cases):
    extras = cases[0].extras
    assert extras["pressure_flag"].values.tolist() == [2, 0, 0, 0, 0]
    assert extras["height_flag"].values.tolist() == [2, 1, 0, 0, 0]  # B, A, blank
    assert extras["temperature_flag"].values.tolist() == [2, 0, 2, 0, 0]


def test_where_the_hour_is_missing_the_release_time_is_taken_and_said(cases):
    assert str(cases[1].time) == "1999-05-04T05:42:00"
    assert "release, 05:42" in cases[1].notes[0]
    assert str(cases[2].time) == "1999-05-05T06:00:00"  # 0699: only the hour of release is known


def test_where_the_release_time_is_missing_too_there_is_no_time_but_the_date_is_noted(cases):
    assert np.isnat(cases[3].time)
    assert "1999-05-06" in cases[3].notes[0]


def test_codes_for_an_unknown_position_are_missing(cases):
    assert np.isnan([cases[3].latitude, cases[3].longitude]).all()


def test_a_damaged_sounding_is_named_and_its_neighbours_are_read(cases):
    assert len(cases) == 7
    assert cases[4].problem.startswith("line 15: not a row of numbers: '10   130  9x500")
    assert cases[5].problem.startswith("line 16: the header announces 3 levels and 1 follow")
    assert [len(case) for case in cases[4:]] == [0, 0, 1]
    assert cases[6].dewpoint == pytest.approx([17.7 - 5.2])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b" 101300B", b" 10 300B"),  # a gap
        (b" 101300B", b" 10-300B"),  # a minus within
        (b" 101300B", b"10130--B"),  # a minus at the end
        (b" 101300B", b"--1300 B"),  # two of them
        (b" 101300B", b"       B"),  # a blank is a missing value, not damage
    ],
)
def test_only_whole_numbers_are_numbers(tmp_path, old, new):
    path = tmp_path / "damaged-data.txt"
    path.write_bytes(FIXTURE.read_bytes().replace(old, new, 1))
    first = next(igra2.read(path, {}))
    if new.strip() == b"B":
        assert np.isnan(first.pressure[0])
    else:
        assert first.problem.startswith("line 2: not a row of numbers")


def test_a_damaged_header_is_a_profile_with_a_problem(tmp_path):
    path = tmp_path / "damaged-data.txt"
    path.write_bytes(FIXTURE.read_bytes().replace(b"1999 05 04", b"1999 0x 04"))
    profiles = list(igra2.read(path, {}))
    assert len(profiles) == 7
    assert profiles[1].problem.startswith("line 7: not an IGRA 2 header")


def test_a_date_that_does_not_exist_leaves_the_time_missing(tmp_path):
    path = tmp_path / "date-data.txt"
    path.write_bytes(FIXTURE.read_bytes().replace(b"1999 05 03", b"1999 02 30"))
    first = next(igra2.read(path, {}))
    assert np.isnat(first.time)
    assert first.notes == ("'1999 02 30' is not a date",)


def test_the_zip_gives_what_the_text_gives(tmp_path, cases):
    path = zipped(tmp_path, FIXTURE.read_bytes(), "readme.txt")
    assert igra2.sniff(path.read_bytes(), path) is None
    from_zip = list(igra2.read(path, {}))
    assert [profile.problem for profile in from_zip] == [case.problem for case in cases]
    for profile, case in zip(from_zip, cases, strict=True):
        for name, values in case.levels().items():
            np.testing.assert_array_equal(getattr(profile, name), values)


def test_windows_line_ends_and_stripped_rows_change_nothing(tmp_path, cases):
    path = tmp_path / "windows-data.txt"
    lines = FIXTURE.read_bytes().split(b"\n")
    path.write_bytes(b"\r\n".join(line.rstrip() for line in lines))
    first = next(igra2.read(path, {}))
    np.testing.assert_array_equal(first.pressure, cases[0].pressure)


def test_a_row_cut_short_is_named(tmp_path):
    path = tmp_path / "cut-data.txt"
    path.write_bytes(FIXTURE.read_bytes().rstrip()[:-2])
    *_, last = igra2.read(path, {})
    assert last.problem == "line 19: 49 characters where 51 are expected"


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_zip_cut_short_is_refused(tmp_path, keep):
    path = zipped(tmp_path, FIXTURE.read_bytes())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    assert "zip archive is broken" in igra2.sniff(path.read_bytes(), path)
    with pytest.raises(ReadError, match="fetch it again"):
        list(igra2.read(path, {}))


def test_derived_parameters_are_not_taken_for_soundings(tmp_path):
    header = b"#USM00070026 2010 06 01 00 2303   58" + b" 99999" * 20 + b"\n"
    assert "derived parameters" in igra2.sniff(header, tmp_path / "USM00070026-drvd.txt")


def test_text_that_does_not_begin_with_a_header_is_refused(tmp_path):
    path = tmp_path / "rows-data.txt"
    path.write_bytes(FIXTURE.read_bytes().split(b"\n", 1)[1])
    with pytest.raises(ReadError, match=r"line 1: a header .* is expected"):
        list(igra2.read(path, {}))


def test_real_soundings_of_barrow_have_the_numbers_printed_in_the_file(shared_data):
    first, second, third = igra2.read(shared_data / "igra2" / "USM00070026-data.txt", {})
    # 10  2530  40000  6991B -376B  156   165   210   273
    level = list(first.pressure).index(400.0)
    assert first.height[level] == 6991.0
    assert first.temperature[level] == pytest.approx(-37.6)
    assert first.dewpoint[level] == pytest.approx(-37.6 - 16.5)
    assert np.hypot(first.u_wind[level], first.v_wind[level]) == pytest.approx(27.3)
    assert (len(first), len(second)) == (158, 157)
    assert str(second.time) == "2010-06-01T12:00:00"
    assert third.problem.startswith("line 318: the header announces 147 levels and 0 follow")
