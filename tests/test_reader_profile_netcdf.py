"""Profiles out of netCDF, in each of CF's layouts: what was written by hand comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from netcdf_files import (
    DEWPOINT,
    EAST,
    HOUR_0,
    LATITUDE,
    LONGITUDE,
    NAN,
    NORTH,
    ONE,
    PRESSURE,
    TEMPERATURE,
    TIME,
    assert_levels,
    read_one,
    reason,
    write,
)

from pipeline.errors import ReadError
from pipeline.profiles import LEVEL_VARIABLES
from pipeline.readers.profile_netcdf import read, sniff


@pytest.mark.parametrize("format", ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET"])
def test_a_profile_alone_is_read_with_its_time_and_place(tmp_path: Path, format: str) -> None:
    path = write(tmp_path / "one.nc", ONE, format=format)
    assert sniff(path.read_bytes(), path) is None
    profile = read_one(path)
    assert_levels(
        profile,
        pressure=[1000, 925, 850],
        temperature=[20, 15, 10],
        dewpoint=[15, 12, 5],
        height=[100, 780, 1500],
        u_wind=[1, 2, 3],
        v_wind=[-1, -2, -3],
    )
    assert profile.time == HOUR_0 + np.timedelta64(12, "h")
    assert (profile.latitude, profile.longitude) == (46.8, 6.9)
    assert profile.notes == ()


def test_profiles_side_by_side_lose_their_padding(tmp_path: Path) -> None:
    path = write(
        tmp_path / "padded.nc",
        {
            "p": (("profile", "z"), [[1000.0, 900.0, NAN], [990.0, 850.0, 700.0]], PRESSURE),
            "ta": (("profile", "z"), [[20.0, 15.0, NAN], [19.0, NAN, NAN]], TEMPERATURE),
            "t": (("profile",), [0.0, 12.0], TIME),
            "lat": (("profile",), [46.8, 10.0], LATITUDE),
            "lon": (("profile",), [6.9, 350.0], LONGITUDE),
        },
    )
    first, second = read(path, {})
    assert_levels(first, pressure=[1000, 900], temperature=[20, 15], dewpoint=[NAN, NAN])
    assert_levels(second, pressure=[990, 850, 700], temperature=[19, NAN, NAN])
    assert second.time - first.time == np.timedelta64(12, "h")
    assert (second.latitude, second.longitude) == (10.0, -10.0)


def test_levels_that_all_profiles_share_belong_to_each(tmp_path: Path) -> None:
    path = write(
        tmp_path / "orthogonal.nc",
        {
            "p": (("z",), [1000.0, 925.0], PRESSURE),
            "ta": (("time", "z"), [[20.0, 15.0], [10.0, NAN]], TEMPERATURE),
            "time": (("time",), [0.0, 6.0], TIME),
            "lat": ((), 46.8, LATITUDE),
        },
    )
    first, second = read(path, {})
    assert_levels(first, pressure=[1000, 925], temperature=[20, 15])
    assert_levels(second, pressure=[1000, 925], temperature=[10, NAN])
    assert first.latitude == second.latitude == 46.8


def test_a_trajectory_of_one_is_one_profile_at_the_place_of_its_first_level(tmp_path: Path) -> None:
    path = write(
        tmp_path / "trajectory.nc",
        {
            "p": (("trajectory", "levels"), [[1000.0, 900.0]], PRESSURE),
            "ta": (("trajectory", "levels"), [[20.0, 15.0]], TEMPERATURE),
            "flight": (("trajectory", "levels"), [[1.0, 2.0]], TIME),
            "lat": (("trajectory", "levels"), [[NAN, 46.9]], LATITUDE),
        },
        featureType="trajectory",
    )
    profile = read_one(path)
    assert_levels(profile, pressure=[1000, 900], temperature=[20, 15])
    assert profile.latitude == 46.9
    assert profile.time == HOUR_0 + np.timedelta64(1, "h")


def test_levels_before_profiles_are_known_by_the_profiles_id(tmp_path: Path) -> None:
    path = write(
        tmp_path / "transposed.nc",
        {
            "id": (("profile",), ["a", "b"], {"cf_role": "profile_id"}),
            "p": (("z", "profile"), [[1000.0, 990.0], [900.0, 890.0], [800.0, 790.0]], PRESSURE),
            "ta": (("z", "profile"), [[20.0, 19.0], [15.0, 14.0], [10.0, 9.0]], TEMPERATURE),
        },
    )
    _, second = read(path, {})
    assert_levels(second, pressure=[990, 890, 790], temperature=[19, 14, 9])


def test_contiguous_ragged_profiles_are_cut_by_their_counts(tmp_path: Path) -> None:
    path = write(
        tmp_path / "contiguous.nc",
        {
            "row_size": (("profile",), np.array([2, 0, 1]), {"sample_dimension": "obs"}),
            "p": (("obs",), [1000.0, 900.0, 950.0], PRESSURE),
            "ta": (("obs",), [20.0, 15.0, 18.0], TEMPERATURE),
            "t": (("profile",), [0.0, 6.0, 12.0], TIME),
        },
    )
    first, empty, last = read(path, {})
    assert_levels(first, pressure=[1000, 900], temperature=[20, 15])
    assert len(empty) == 0
    assert empty.time == HOUR_0 + np.timedelta64(6, "h")
    assert_levels(last, pressure=[950], temperature=[18])


def test_profiles_of_stations_take_place_and_name_from_their_station(tmp_path: Path) -> None:
    path = write(
        tmp_path / "stations.nc",
        {
            "row_size": (("profile",), np.array([1, 1, 1]), {"sample_dimension": "obs"}),
            "station": (("profile",), np.array([1, 0, 1]), {"instance_dimension": "site"}),
            "name": (("site",), ["06610", "03005"], {"standard_name": "platform_id"}),
            "lat": (("site",), [46.8, 60.1], LATITUDE),
            "p": (("obs",), [1000.0, 900.0, 950.0], PRESSURE),
            "ta": (("obs",), [20.0, 15.0, 18.0], TEMPERATURE),
        },
        featureType="timeSeriesProfile",
    )
    profiles = list(read(path, {}))
    assert [profile.station_id for profile in profiles] == ["03005", "06610", "03005"]
    assert [profile.latitude for profile in profiles] == [60.1, 46.8, 60.1]


def test_indexed_ragged_profiles_gather_their_levels_in_order(tmp_path: Path) -> None:
    path = write(
        tmp_path / "indexed.nc",
        {
            "which": (("obs",), np.array([1, 0, 1, 0, 1]), {"instance_dimension": "profile"}),
            "p": (("obs",), [1000.0, 990.0, 900.0, 890.0, 800.0], PRESSURE),
            "ta": (("obs",), [20.0, 19.0, 15.0, 14.0, 10.0], TEMPERATURE),
            "t": (("profile",), [0.0, 12.0, 18.0], TIME),
        },
    )
    first, second, empty = read(path, {})
    assert_levels(first, pressure=[990, 890], temperature=[19, 14])
    assert_levels(second, pressure=[1000, 900, 800], temperature=[20, 15, 10])
    assert len(empty) == 0


@pytest.mark.parametrize(
    ("name", "values", "attribute", "dimension", "said"),
    [
        ("row_size", [2, 2], "sample_dimension", "profile", "row_size adds up to 4 levels, where"),
        ("which", [0, 1, 7], "instance_dimension", "obs", "which runs from 0 to 7, where"),
    ],
)
def test_counts_and_indices_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, values: list[int], attribute: str, dimension: str, said: str
) -> None:
    pointed = "obs" if attribute == "sample_dimension" else "profile"
    path = write(
        tmp_path / "broken.nc",
        {
            name: ((dimension,), np.array(values), {attribute: pointed}),
            "p": (("obs",), [1000.0, 990.0, 900.0], PRESSURE),
            "ta": (("obs",), [20.0, 19.0, 15.0], TEMPERATURE),
            "t": (("profile",), [0.0, 12.0], TIME),
        },
    )
    assert said in reason(path)
    with pytest.raises(ReadError, match=said):
        list(read(path, {}))


def test_this_projects_own_form_comes_back_as_it_went(tmp_path: Path) -> None:
    level = ("level",)
    levels = {name: np.arange(3.0) + index for index, name in enumerate(LEVEL_VARIABLES)}
    known_as = dict(zip(LEVEL_VARIABLES, (PRESSURE, TEMPERATURE, DEWPOINT), strict=False)) | {
        "height": {"standard_name": "geopotential_height", "units": "m"},
        "u_wind": EAST,
        "v_wind": NORTH,
    }
    seconds = {"standard_name": "time", "units": "seconds since 1970-01-01", "axis": "T"}
    path = write(
        tmp_path / "season.nc",
        {
            "row_size": (("profile",), np.array([1, 2]), {"sample_dimension": "level"}),
            "profile_id": (("profile",), ["a", "b"], {"cf_role": "profile_id"}),
            "station_id": (("profile",), ["03005", "OUN"], {"standard_name": "platform_id"}),
            "station_name": (("profile",), ["Lerwick", ""], {"standard_name": "platform_name"}),
            "time": (("profile",), np.array([1052006400, 1052049600]), seconds),
            "latitude": (("profile",), [60.13, NAN], LATITUDE),
            "longitude": (("profile",), [-1.18, NAN], LONGITUDE),
            "surface_altitude": (
                ("profile",),
                [82.0, NAN],
                {"standard_name": "surface_altitude", "units": "m"},
            ),
            **{name: (level, levels[name], known_as[name]) for name in LEVEL_VARIABLES},
            "sblcl_pressure": (("profile",), [900.0, 890.0], PRESSURE),
            "sb_parcel_temperature": (level, [7.0, 8.0, 9.0], TEMPERATURE),
            "omega": (level, [0.1, 0.2, 0.3], {"units": "Pa s-1", "reported_name": "omega"}),
        },
    )
    first, second = read(path, {})
    for name in LEVEL_VARIABLES:
        np.testing.assert_array_equal(getattr(first, name), levels[name][:1], err_msg=name)
        np.testing.assert_array_equal(getattr(second, name), levels[name][1:], err_msg=name)
    assert (first.station_id, first.station_name) == ("03005", "Lerwick")
    assert (first.latitude, first.longitude, first.surface_altitude) == (60.13, -1.18, 82.0)
    assert first.time == HOUR_0
    assert np.isnan([second.latitude, second.longitude, second.surface_altitude]).all()
    np.testing.assert_array_equal(second.extras["omega"].values, [0.2, 0.3])
    assert second.extras["omega"].units == "Pa s-1"
