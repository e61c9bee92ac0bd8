"""Dropsondes after ASPEN: seven real ones against xarray, and a made one with each oddity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
from netcdf_formats import aspen, assert_damage_is_told, pydropsonde

from pipeline import readers
from pipeline.errors import ReadError
from pipeline.flags import SourceStatus
from pipeline.profiles import Profile
from pipeline.readers import profile_netcdf
from pipeline.readers.aspen_netcdf import read, sniff

NAN = np.nan
DROPSONDE = "a dropsonde: station_id is its number; time and position are those of the release"

LEVELS = {
    "pressure": "pres",
    "temperature": "tdry",
    "dewpoint": "dp",
    "height": "alt",
    "u_wind": "u_wind",
    "v_wind": "v_wind",
}
RIDING = {
    "gps_altitude": ("gpsalt", "m"),
    "reported_relative_humidity": ("rh", "percent"),
    "ascent_rate": ("dz", "m s-1"),
    "upward_air_velocity": ("w_wind", "m s-1"),
    "drift_latitude": ("lat", "degrees_north"),
    "drift_longitude": ("lon", "degrees_east"),
}

#: As ncdump shows them: records, records with pressure; pressure (hPa) and temperature (degC) at
#: the surface and at the highest such record; launch; aircraft's position at the launch; sonde.
FILES: dict[str, tuple[Any, ...]] = {
    "D20240831_125902QC.nc": (
        (3836, 1803), (1012.2603, 26.822470), (165.86206, -59.956753),
        "2024-08-31T12:59:02", (6.77407, -22.96602), "233814536",
    ),
    "D20240831_130430QC.nc": (
        (3753, 1742), (1012.6183, 24.320997), (166.68355, -60.032959),
        "2024-08-31T13:04:30", (7.258629, -22.56544), "234020757",
    ),
    "D20240831_130923QC.nc": (
        (3935, 1839), (1011.6944, 25.634253), (166.69183, -61.050690),
        "2024-08-31T13:09:23", (7.863967, -22.46391), "234141211",
    ),
    "D20240831_131352QC.nc": (
        (3927, 1821), (1011.9537, 27.335806), (165.81227, -60.202732),
        "2024-08-31T13:13:51", (8.441405, -22.67916), "234030937",
    ),
    "D20240831_132051QC.nc": (
        (3670, 1655), (1010.2760, 27.300581), (166.08742, -59.521618),
        "2024-08-31T13:20:51", (8.943371, -23.54649), "234030643",
    ),
    "D20240831_132516QC.nc": (
        (3889, 1746), (1010.8886, 27.536226), (166.21410, -59.659821),
        "2024-08-31T13:25:15", (8.838742, -24.17807), "233521077",
    ),
    "D20240921_152912QC.nc": (
        (4155, 1870), (1009.4014, 29.124811), (170.58810, -59.344376),
        "2024-09-21T15:29:18", (8.625545, -46.86638), "233211701",
    ),
}  # fmt: skip


def read_one(path: Path) -> Profile:
    (profile,) = read(path, {})
    return profile


def assert_levels(profile: Profile, **expected: list[float]) -> None:
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(profile, name), values, rtol=1e-6, err_msg=name)


# --------------------------------------------------------------------------------- the real files


def test_the_table_names_every_shared_file(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "aspen_netcdf").iterdir()} == FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_real_files_say_what_ncdump_shows(shared_data: Path, name: str) -> None:
    (records, with_pressure), surface, top, time, position, sonde = FILES[name]
    source = readers.read_source(str(shared_data / "aspen_netcdf" / name))
    assert (source.row.reader, source.row.status) == ("aspen_netcdf", SourceStatus.READ)
    (profile,) = source.profiles
    there = np.flatnonzero(np.isfinite(profile.pressure))
    assert (len(profile), len(there)) == (records, with_pressure)
    for place, expected in ((there[0], surface), (there[-1], top)):
        found = profile.pressure[place], profile.temperature[place]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert profile.time == np.datetime64(time)
    np.testing.assert_allclose((profile.latitude, profile.longitude), position, rtol=1e-6)
    assert (profile.station_id, profile.station_name) == (sonde, "HALO D ADLR")
    assert profile.surface_altitude == 0.0
    assert profile.notes == (DROPSONDE,)


@pytest.mark.parametrize("name", FILES)
def test_real_files_hold_what_xarray_reads_in_them(shared_data: Path, name: str) -> None:
    path = shared_data / "aspen_netcdf" / name
    profile = read_one(path)
    with xr.open_dataset(path) as truth:
        for field, variable in LEVELS.items():
            values = truth[variable].values.astype(np.float64)
            np.testing.assert_array_equal(getattr(profile, field), values, err_msg=field)
        for field, (variable, units) in RIDING.items():
            values = truth[variable].values.astype(np.float64)
            if np.isfinite(values).any():
                np.testing.assert_array_equal(profile.extras[field].values, values, err_msg=field)
                assert profile.extras[field].units == units
            else:
                assert field not in profile.extras
        since = (truth.time - truth.launch_time).values / np.timedelta64(1, "s")
        np.testing.assert_allclose(profile.extras["elapsed_time"].values, since, atol=2e-6)
    assert profile.derived == frozenset()


# -------------------------------------------------------------------------------- the made file


def test_what_was_recorded_before_the_launch_is_left_out_and_counted(tmp_path: Path) -> None:
    profile = read_one(aspen(tmp_path / "a.nc"))
    assert_levels(
        profile,
        pressure=[1012.25, NAN, 300.5],
        temperature=[26.5, NAN, -40.0],
        dewpoint=[24.0, NAN, -55.5],
        height=[0.0, NAN, 9700.0],
        u_wind=[NAN, -8.5, 10.0],
        v_wind=[NAN, 2.5, 5.0],
    )
    assert profile.extras["elapsed_time"].values.tolist() == [958.5, 500.25, 3.0]
    assert profile.notes == (DROPSONDE, "records from before the launch left out: 1")


def test_a_file_from_the_top_down_is_turned_with_all_that_rides_along(tmp_path: Path) -> None:
    upright = read_one(aspen(tmp_path / "up.nc"))
    with netCDF4.Dataset(aspen(tmp_path / "down.nc"), "a") as dataset:
        dataset.set_auto_maskandscale(False)
        for variable in dataset.variables.values():
            if variable.dimensions == ("time",):
                variable[:] = variable[::-1]
    turned = read_one(tmp_path / "down.nc")
    assert_levels(turned, **{name: getattr(upright, name) for name in LEVELS})
    assert turned.extras.keys() == upright.extras.keys() != set()
    for name, extra in upright.extras.items():
        np.testing.assert_array_equal(turned.extras[name].values, extra.values, err_msg=name)


def test_the_position_is_that_of_the_release(tmp_path: Path) -> None:
    profile = read_one(aspen(tmp_path / "a.nc"))
    assert (profile.latitude, profile.longitude) == (6.375, -22.375)


def test_where_the_aircraft_was_is_not_said_the_highest_fix_counts(tmp_path: Path) -> None:
    unknown = (("obs",), np.array([-999.0], "f4"), {"units": "degrees", "_FillValue": -999.0})
    profile = read_one(aspen(tmp_path / "a.nc", {"reference_lat": unknown}))
    assert (profile.latitude, profile.longitude) == (6.5, -22.5)  # of 3 s after the launch


@pytest.mark.parametrize(
    ("said", "altitude"),
    [
        ({"SfcAltitude": "12.5"}, 12.5),
        ({"SfcAltUnknown": "1"}, NAN),
        ({"DropsondeHitSfc": "0"}, NAN),  # the default stands there then
        ({"SfcAltitude": ""}, NAN),
    ],
)
def test_the_altitude_of_the_surface_where_it_is_known(
    tmp_path: Path, said: dict[str, str], altitude: float
) -> None:
    found = read_one(aspen(tmp_path / "a.nc", **said)).surface_altitude
    np.testing.assert_equal(found, altitude)


def test_a_launch_that_is_not_known_leaves_time_out_and_cuts_nothing(tmp_path: Path) -> None:
    nonsense = ((), np.int32(0), {"units": "seconds since the launch"})
    profile = read_one(aspen(tmp_path / "a.nc", {"launch_time": nonsense}))
    assert len(profile) == 4
    assert np.isnat(profile.time)
    assert (
        "launch_time has units 'seconds since the launch', which name no date" in (profile.notes[0])
    )
    assert "elapsed_time" not in profile.extras


def test_what_aspen_computes_from_the_rest_is_left_out(tmp_path: Path) -> None:
    extras = read_one(aspen(tmp_path / "a.nc")).extras
    assert extras.keys() == {*RIDING, "elapsed_time"}


def test_the_general_reader_points_here_and_still_reads_when_named(tmp_path: Path) -> None:
    path = aspen(tmp_path / "a.nc")
    assert sniff(path.read_bytes()[:65536], path) is None
    declined = profile_netcdf.sniff(path.read_bytes()[:65536], path)
    assert declined == "ASPEN dropsonde: read by aspen_netcdf"
    (profile,) = profile_netcdf.read(path, {})
    assert len(profile) == 4


def test_units_that_make_no_sense_are_refused_by_name(tmp_path: Path) -> None:
    wrong = (("time",), [1000.0, 900.0, 300.0, 100.0], {"units": "degC"})
    with pytest.raises(ReadError, match="pres: units 'degC' cannot be converted to hPa"):
        read_one(aspen(tmp_path / "a.nc", {"pres": wrong}))


def test_level_2_of_pydropsonde_is_cf_and_read_by_the_general_reader(tmp_path: Path) -> None:
    """Two variables are altitudes by standard name: the one called alt is the height."""
    path = pydropsonde(tmp_path / "level_2.nc")
    assert "without the attribute AspenVersion" in (sniff(path.read_bytes()[:65536], path) or "")
    source = readers.read_source(str(path))
    assert source.row.reader == "profile_netcdf"
    (profile,) = source.profiles
    assert_levels(
        profile,
        pressure=[300.5, 700.0, 1012.25],
        temperature=[-40.0, 10.0, 26.5],
        height=[9700.0, 3150.0, 10.0],
        u_wind=[10.0, -5.0, -8.5],
        v_wind=[5.0, 1.0, 2.5],
    )
    np.testing.assert_allclose(
        profile.extras["reported_relative_humidity"].values, [25.0, 50.0, 75.0]
    )
    assert profile.derived == {"dewpoint"}
    assert profile.time == np.datetime64("2024-08-31T12:59:02")


@pytest.mark.parametrize("seed", range(30))
def test_damage_ends_in_a_profile_or_a_reason(tmp_path: Path, seed: int) -> None:
    assert_damage_is_told(aspen(tmp_path / "whole.nc"), "aspen_netcdf", seed)
