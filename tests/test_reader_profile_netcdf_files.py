"""netCDF files as they come: ARM's and others' real ones, damaged ones, and what is no profile.

Truth for the real files is xarray's own decoding of them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from netcdf_files import (
    ALTITUDE,
    LATITUDE,
    LONGITUDE,
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
from pipeline.readers.profile_netcdf import read, sniff

ARM_NAMES = {
    "pressure": "pres",
    "temperature": "tdry",
    "dewpoint": "dp",
    "height": "alt",
    "u_wind": "u_wind",
    "v_wind": "v_wind",
}
ARM_OLD_FILES = 8


def assert_as_xarray(path: Path, names: dict[str, str]) -> None:
    """Compare all levels and the time with what xarray reads, in units that are the project's."""
    assert sniff(path.read_bytes()[:65536], path) is None
    profile = read_one(path)
    with xr.open_dataset(path) as truth:
        for field, name in names.items():
            values = truth[name].values.astype(np.float64)
            np.testing.assert_array_equal(getattr(profile, field), values, err_msg=name)
        assert profile.time == truth.time.values.min().astype("datetime64[s]")
        first = {key: truth[key].dropna("time").values[0] for key in ("lat", "lon")}
    assert (profile.latitude, profile.longitude) == (first["lat"], first["lon"])


# Real files ---------------------------------------------------------------------------------------


def test_new_arm_files_are_read_as_xarray_reads_them(shared_data: Path) -> None:
    path = shared_data / "arm_netcdf" / "bnfsondewnpnM1.b1.20250619.053000.cdf"
    assert_as_xarray(path, ARM_NAMES)
    profile = read_one(path)
    assert (len(profile), profile.station_id) == (4998, "bnfM1")
    assert "Bankhead National Forest" in profile.station_name


def test_old_arm_files_without_standard_names_are_read_too(shared_data: Path) -> None:
    paths = sorted((shared_data / "arm_netcdf").glob("twpsondewnpnC3*"))
    assert len(paths) == ARM_OLD_FILES
    for path in [*paths, shared_data / "bad" / "arm_short_flight.cdf"]:
        assert_as_xarray(path, ARM_NAMES)
        profile = read_one(path)
        assert (profile.station_id, profile.station_name) == ("twpC3", "Darwin, Australia")


def test_dropsondes_of_aspen_have_all_that_cf_asks_for(shared_data: Path) -> None:
    """They have a reader of their own; whoever names this one gets the levels as they stand."""
    paths = sorted((shared_data / "aspen_netcdf").glob("*.nc"))
    assert len(paths) == 7
    for path in paths:
        assert reason(path) == "ASPEN dropsonde: read by aspen_netcdf"
        profile = read_one(path)
        with xr.open_dataset(path) as truth:
            for field, name in ARM_NAMES.items():
                values = truth[name].values.astype(np.float64)
                np.testing.assert_array_equal(getattr(profile, field), values, err_msg=name)
            assert profile.time == truth.launch_time.values.astype("datetime64[s]")
        pressure = profile.pressure[np.isfinite(profile.pressure)]
        assert pressure[0] > pressure[-1], "the surface comes first"


@pytest.mark.parametrize(
    "name", ["mw41_netcdf/example_mw41.nc", "bad/netcdf_time_units_undecodable.nc"]
)
def test_vaisala_mw41_is_declined_and_refused_for_its_time(shared_data: Path, name: str) -> None:
    assert reason(shared_data / name) == "Vaisala MW41 sounding: read by mw41_netcdf"
    with pytest.raises(ReadError) as caught:
        read_one(shared_data / name)
    assert "launch_time holds no value" in str(caught.value)
    assert "flight_time has units 'seconds since launchtime', which name no date" in str(
        caught.value
    )


def test_gridded_columns_are_declined(shared_data: Path) -> None:
    said = reason(shared_data / "model_columns" / "GFS_test.nc")
    assert said.startswith("gridded columns (latitude 'lat', longitude 'lon'), not profiles")


def test_a_hundred_one_hertz_soundings_take_less_than_two_seconds(tmp_path: Path) -> None:
    profiles, levels = 100, 6000
    values = np.linspace(1000.0, 10.0, profiles * levels, dtype=np.float32)
    path = write(
        tmp_path / "big.nc",
        {
            "n": (("profile",), np.full(profiles, levels), {"sample_dimension": "obs"}),
            "p": (("obs",), values, {**PRESSURE, "units": "Pa"}),
            "ta": (("obs",), values, {**TEMPERATURE, "units": "K"}),
            "h": (("obs",), values, ALTITUDE),
        },
    )
    start = time.process_time()
    lengths = {len(profile) for profile in read(path, {})}
    assert lengths == {levels}
    assert time.process_time() - start < 2.0


# What is no profile -------------------------------------------------------------------------------


def test_other_files_are_declined_at_their_first_bytes(tmp_path: Path) -> None:
    assert sniff(b"%TITLE%\n", tmp_path / "no such file") == "not netCDF"


@pytest.mark.parametrize("feature", ["timeSeries", "point"])
def test_files_that_say_they_are_no_profiles_are_believed(tmp_path: Path, feature: str) -> None:
    path = write(tmp_path / "series.nc", ONE, featureType=feature)
    assert reason(path).startswith(f"featureType is {feature.lower()}")


def test_a_series_along_time_without_height_is_no_sounding(tmp_path: Path) -> None:
    variables: dict[str, Any] = {
        "p": (("time",), [1000.0, 999.0], PRESSURE),
        "ta": (("time",), [20.0, 19.0], TEMPERATURE),
        "time": (("time",), [0.0, 1.0], TIME),
    }
    series = write(tmp_path / "series.nc", variables)
    assert "p runs along time and no height runs beside it" in reason(series)
    variables["alt"] = (("time",), [100.0, 110.0], ALTITUDE)
    sounding = write(tmp_path / "sounding.nc", variables)
    assert sniff(sounding.read_bytes(), sounding) is None


def test_a_hand_made_grid_is_declined(tmp_path: Path) -> None:
    field = np.full((2, 2, 3), 280.0)
    path = write(
        tmp_path / "grid.nc",
        {
            "lat": (("lat",), [46.0, 47.0], LATITUDE),
            "lon": (("lon",), [6.0, 7.0, 8.0], LONGITUDE),
            "p": (("lev",), [1000.0, 900.0], PRESSURE),
            "ta": (("lev", "lat", "lon"), field, {**TEMPERATURE, "units": "K"}),
        },
    )
    assert reason(path).startswith("gridded columns (latitude 'lat', longitude 'lon')")


def test_one_column_cut_out_of_a_grid_is_a_profile(tmp_path: Path) -> None:
    path = write(
        tmp_path / "column.nc",
        {
            "lat": (("lat",), [46.0], LATITUDE),
            "lon": (("lon",), [6.0], LONGITUDE),
            "time": (("time",), [12.0], TIME),
            "p": (("lev",), [1000.0, 900.0], PRESSURE),
            "ta": (("time", "lev", "lat", "lon"), [[[[20.0]], [[10.0]]]], TEMPERATURE),
        },
    )
    profile = read_one(path)
    assert_levels(profile, pressure=[1000, 900], temperature=[20, 10])
    assert (profile.latitude, profile.longitude) == (46.0, 6.0)


def test_profiles_in_two_directions_are_declined(tmp_path: Path) -> None:
    path = write(
        tmp_path / "cube.nc",
        {
            "p": (("z",), [1000.0, 900.0], PRESSURE),
            "ta": (("station", "time", "z"), np.zeros((2, 3, 2)), TEMPERATURE),
        },
    )
    assert reason(path).startswith("ta runs along station, time, z: profiles have one dimension")


def test_a_file_without_pressure_says_how_to_name_it(tmp_path: Path) -> None:
    plain = {"units": "hPa"}
    path = write(tmp_path / "plain.nc", {**ONE, "p": (("z",), [1000.0, 925.0, 850.0], plain)})
    said = reason(path)
    assert "no variable on levels has standard_name air_pressure or is ARM's pres" in said
    assert "options: {variables: {pressure: its name}}" in said
    assert_levels(read_one(path, variables={"pressure": "p"}), pressure=[1000, 925, 850])


# Damage -------------------------------------------------------------------------------------------


def test_a_cut_netcdf4_file_is_declined(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.nc", ONE).read_bytes()
    path = tmp_path / "cut.nc"
    path.write_bytes(whole[: len(whole) // 2])
    assert reason(path).startswith("the netCDF library cannot read it")


@pytest.mark.parametrize(
    "format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]
)
@pytest.mark.parametrize("records", [False, True])
def test_a_cut_classic_file_is_refused_where_the_library_reads_zeros(
    tmp_path: Path, format: str, records: bool
) -> None:
    values = np.linspace(1000.0, 100.0, 999)
    long = {name: (("z",), values, ONE[name][2]) for name in ("p", "ta", "h")}
    whole = write(
        tmp_path / "whole.nc", long, format=format, sizes={"z": None} if records else None
    )
    assert_levels(read_one(whole), pressure=values)
    size = whole.stat().st_size
    cut = tmp_path / "cut.nc"
    for lost in (1, 8, 40):
        cut.write_bytes(whole.read_bytes()[:-lost])
        with pytest.raises(ReadError, match=f"it has {size - lost} bytes of {size}, it was cut"):
            list(read(cut, {}))


def read_in_spite(path: Path) -> str:
    """Return why a file cannot be read; empty if it can, in whatever form."""
    try:
        profiles = list(read(path, {}))
    except ReadError as error:
        return str(error) or "no reason"
    assert all(len(profile.temperature) == len(profile.pressure) for profile in profiles)
    return ""


@pytest.mark.parametrize("format", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_damage_anywhere_ends_in_a_profile_or_a_reason(tmp_path: Path, format: str) -> None:
    whole = write(tmp_path / "whole.nc", ONE, format=format).read_bytes()
    path = tmp_path / "damaged.nc"
    said = set()
    for seed in range(40):
        random = np.random.default_rng(seed)
        content = np.frombuffer(whole, np.uint8).copy()
        content[random.integers(8, len(whole), 20)] = random.integers(0, 256, 20)
        path.write_bytes(content.tobytes())
        said |= {read_in_spite(path), sniff(content.tobytes(), path) or ""}
    assert len(said) > 1
    assert "no reason" not in said
