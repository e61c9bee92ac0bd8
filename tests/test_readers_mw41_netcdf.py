"""Vaisala MW41 in netCDF, whose times no decoder understands: a real file, and made ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from netcdf_formats import assert_damage_is_told, mw41

from pipeline import readers
from pipeline.flags import SourceStatus
from pipeline.profiles import Profile
from pipeline.readers import profile_netcdf
from pipeline.readers.mw41_netcdf import read, sniff

NAN = np.nan
NO_DATE = "seconds since launchtime"

#: The same file twice: once as an example, once among the bad ones.
FILES = ("mw41_netcdf/example_mw41.nc", "bad/netcdf_time_units_undecodable.nc")

LEVELS = {
    "pressure": "pressure",
    "temperature": "temperature",
    "dewpoint": "dewPoint",
    "height": "altitude",
}
RIDING = {
    "ascent_rate": ("ascentRate", "m s-1"),
    "reported_relative_humidity": ("humidity", "percent"),
    "drift_latitude": ("latitude", "degrees_north"),
    "drift_longitude": ("longitude", "degrees_east"),
    "elapsed_time": ("flight_time", "s"),
}


def read_one(path: Path) -> Profile:
    (profile,) = read(path, {})
    return profile


@pytest.mark.parametrize("name", FILES)
def test_the_real_file_says_what_ncdump_shows(shared_data: Path, name: str) -> None:
    source = readers.read_source(str(shared_data / name))
    assert (source.row.reader, source.row.status) == ("mw41_netcdf", SourceStatus.READ)
    (profile,) = source.profiles
    assert len(profile) == 5783
    ends = [(profile.pressure[i], profile.temperature[i], profile.height[i]) for i in (0, -1)]
    np.testing.assert_allclose(ends, [(1013.9, 26.4, 25.0), (29.3, -57.4, 23863.0)], rtol=1e-6)
    assert profile.time == np.datetime64("2019-02-18T20:41:24")
    np.testing.assert_allclose((profile.latitude, profile.longitude), (13.163, -59.429), rtol=1e-6)
    assert profile.surface_altitude == 20.0
    assert profile.station_id == "BCO"
    assert profile.station_name == "Barbados Cloud Observatory (BCO)"


def test_the_real_file_holds_what_xarray_reads_in_it(shared_data: Path) -> None:
    path = shared_data / FILES[0]
    profile = read_one(path)
    with xr.open_dataset(path, decode_times=False) as truth:
        one = truth.isel(trajectory=0)
        for field, variable in LEVELS.items():
            values = one[variable].values.astype(np.float64)
            np.testing.assert_array_equal(getattr(profile, field), values, err_msg=field)
        for field, (variable, units) in RIDING.items():
            values = one[variable].values.astype(np.float64)
            np.testing.assert_array_equal(profile.extras[field].values, values, err_msg=field)
            assert profile.extras[field].units == units
        toward = np.radians(one.windDirection.values.astype(float) + 180.0)
        speed = one.windSpeed.values.astype(float)
        np.testing.assert_allclose(profile.u_wind, speed * np.sin(toward), atol=1e-9)
        np.testing.assert_allclose(profile.v_wind, speed * np.cos(toward), atol=1e-9)
    assert profile.derived == {"u_wind", "v_wind"}


def test_the_made_file_is_like_the_real_one(tmp_path: Path) -> None:
    profile = read_one(mw41(tmp_path / "mw41.nc"))
    assert profile.pressure.tolist() == [1013.5, 1013.0, 1012.5]
    assert profile.temperature.tolist() == [26.5, 25.75, 25.5]
    assert profile.dewpoint.tolist() == [21.0, 21.25, 21.5]
    assert profile.height.tolist() == [25.0, 29.0, 33.0]
    np.testing.assert_allclose(profile.u_wind, [-5.0, 0.0, 10.0], atol=1e-12)
    np.testing.assert_allclose(profile.v_wind, [0.0, 4.0, 0.0], atol=1e-12)
    assert profile.extras.keys() == RIDING.keys(), "the empty mixing ratio is left out"
    assert profile.time == np.datetime64("2019-02-18T20:41:24")
    assert (profile.latitude, profile.longitude) == (13.125, -59.5)


HALF_PAST_8 = (("trajectory",), [5400.0], {"units": "seconds since 2019-02-18 19:00:00 UTC"})


@pytest.mark.parametrize(
    ("change", "attributes", "time", "words"),
    [
        ({"launch_time": HALF_PAST_8}, {}, "2019-02-18T20:30:00", ""),
        ({}, {}, "2019-02-18T20:41:24", "launch_time holds no value; the launch is from"),
        ({}, {"launch_unixtime": "soon"}, "2019-02-18T20:41:24", "date_YYYYMMDD and time_of"),
        ({}, {"launch_unixtime": 9e99}, "2019-02-18T20:41:24", "date_YYYYMMDD and time_of"),
        (
            {"launch_time": (("trajectory",), [0.0], {"units": NO_DATE})},
            {},
            "2019-02-18T20:41:24",
            f"launch_time has units {NO_DATE!r}, which name no date of our calendar; the launch",
        ),
        ({}, {"launch_unixtime": "", "date_YYYYMMDD": "20191341"}, "NaT", "holds no value"),
    ],
)
def test_the_launch_is_where_the_file_says_it(
    tmp_path: Path, change: Any, attributes: Any, time: str, words: str
) -> None:
    profile = read_one(mw41(tmp_path / "mw41.nc", change, **attributes))
    np.testing.assert_array_equal(profile.time, np.datetime64(time, "s"))
    assert words in "; ".join(profile.notes)


def test_seconds_of_other_units_are_not_taken_for_seconds_of_flight(tmp_path: Path) -> None:
    minutes = (("trajectory", "levels"), [[0.0, 1.0, 2.0]], {"units": "minutes since launchtime"})
    profile = read_one(mw41(tmp_path / "mw41.nc", {"flight_time": minutes}))
    assert "elapsed_time" not in profile.extras


def test_several_soundings_lose_their_padding(tmp_path: Path) -> None:
    def two(first: list[float], second: list[float], units: str) -> Any:
        return (("trajectory", "levels"), [first, second], {"units": units})

    hours = {"units": "hours since 2019-02-18 00:00:00 UTC"}
    path = mw41(
        tmp_path / "two.nc",
        {
            "trajectory": (
                ("trajectory", "str_dim"),
                np.array([list("A__1"), list("B__2")], "S1"),
                {},
            ),
            "launch_time": (("trajectory",), [11.0, 23.0], hours),
            "pressure": two([1000.0, 900.0, 800.0], [1010.0, 910.0, NAN], "hPa"),
            "temperature": two([20.0, 15.0, 10.0], [21.0, 16.0, NAN], "degC"),
            "dewPoint": two([15.0, 10.0, 5.0], [14.0, 9.0, NAN], "degC"),
            "humidity": two([70.0, 60.0, 50.0], [71.0, 61.0, NAN], "%"),
            "altitude": two([25.0, 900.0, 1900.0], [26.0, 910.0, NAN], "m"),
            "windSpeed": two([5.0, 6.0, 7.0], [8.0, 9.0, NAN], "m/s"),
            "windDirection": two([90.0, 90.0, 90.0], [90.0, 90.0, NAN], "degrees"),
            "flight_time": two([0.0, 200.0, 400.0], [0.0, 210.0, 420.0], NO_DATE),
            "ascentRate": two([5.0, 5.0, 5.0], [4.0, 4.0, NAN], "m/s"),
            "mixingRatio": two([9.0, 8.0, 7.0], [6.0, 5.0, NAN], "g/kg"),
            "latitude": two([13.0, 13.1, 13.2], [14.0, 14.1, NAN], "degrees_north"),
            "longitude": two([-59.0, -59.1, -59.2], [-60.0, -60.1, NAN], "degrees_east"),
        },
    )
    first, second = read(path, {})
    assert (len(first), len(second)) == (3, 2)
    assert second.pressure.tolist() == [1010.0, 910.0]
    assert second.extras["elapsed_time"].values.tolist() == [0.0, 210.0]
    assert (first.time, second.time) == (
        np.datetime64("2019-02-18T11:00:00"),
        np.datetime64("2019-02-18T23:00:00"),
    )
    assert (first.latitude, second.latitude) == (13.0, 14.0)
    assert (first.station_id, second.station_id) == ("A", "B")


def test_the_general_reader_points_here(tmp_path: Path) -> None:
    path = mw41(tmp_path / "mw41.nc")
    head = path.read_bytes()[:65536]
    assert sniff(head, path) is None
    assert profile_netcdf.sniff(head, path) == "Vaisala MW41 sounding: read by mw41_netcdf"


@pytest.mark.parametrize("seed", range(30))
def test_damage_ends_in_a_profile_or_a_reason(tmp_path: Path, seed: int) -> None:
    assert_damage_is_told(mw41(tmp_path / "whole.nc"), "mw41_netcdf", seed)
