"""GRUAN's radiosonde products, RS92 version 2 and RS41 version 1: hand-made after the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metpy.calc
import netCDF4
import numpy as np
import pytest
from metpy.units import units
from netcdf_files import write
from netcdf_formats import RS92_HEADER, assert_damage_is_told, gruan_rs41, gruan_rs92

from pipeline import readers
from pipeline.errors import ReadError
from pipeline.flags import SourceStatus
from pipeline.profiles import Profile
from pipeline.readers import gruan_netcdf, profile_netcdf
from pipeline.readers.gruan_netcdf import read

NAN = np.nan


def read_one(path: Path) -> Profile:
    (profile,) = read(path, {})
    return profile


def said(path: Path, reader: Any = gruan_netcdf) -> str | None:
    reason: str | None = reader.sniff(path.read_bytes()[:65536], path)
    return reason


def assert_levels(profile: Profile, **expected: list[float]) -> None:
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(profile, name), values, atol=1e-4, err_msg=name)


def test_rs92_comes_in_the_projects_units(tmp_path: Path) -> None:
    profile = read_one(gruan_rs92(tmp_path / "rs92.nc"))
    assert_levels(
        profile,
        pressure=[1010.5, 1009.75, 1009.25],
        temperature=[-22.9, -22.65, -22.15],
        height=[8.0, 13.0, 18.0],  # geopotential height, not the altitude beside it
        u_wind=[-5.0, -6.0, 0.0],
        v_wind=[0.0, 0.0, 7.0],
    )
    assert profile.time == np.datetime64("2011-03-05T11:02:15")  # 14.6 s, to the nearest
    assert (profile.station_id, profile.station_name) == ("BAR", "Barrow")
    assert (profile.latitude, profile.longitude) == (71.25, -156.5)
    assert profile.surface_altitude == 8.0


def test_rs92_has_no_dewpoint_and_gets_it_by_metpy_which_is_said(tmp_path: Path) -> None:
    profile = read_one(gruan_rs92(tmp_path / "rs92.nc"))
    temperature = units.Quantity(np.array([250.25, 250.5]), "K")
    humidity = units.Quantity(np.array([0.75, 0.5]), "")
    truth = metpy.calc.dewpoint_from_relative_humidity(temperature, humidity).m_as("degC")
    np.testing.assert_allclose(profile.dewpoint[:2], truth, atol=1e-9)
    assert np.isnan(profile.dewpoint[2])
    assert profile.derived == {"dewpoint"}
    assert "dewpoint from relative humidity" in profile.notes


def test_rs41_says_dewpoint_and_wind_itself(tmp_path: Path) -> None:
    profile = read_one(gruan_rs41(tmp_path / "rs41.nc"))
    assert_levels(
        profile,
        pressure=[950.5, 949.75, 949.25],
        temperature=[2.1, 2.35, 2.85],
        dewpoint=[-1.9, -7.15, -9.65],
        height=[491.0, 496.0, 501.0],
        u_wind=[-5.0, -6.0, 0.0],
        v_wind=[0.0, 0.0, 7.0],
    )
    assert profile.derived == frozenset()
    assert profile.notes == ()
    assert profile.time == np.datetime64("2018-01-10T11:02:15")
    assert (profile.station_id, profile.station_name) == ("PAY", "Payerne")
    assert (profile.latitude, profile.longitude) == (46.75, 6.875)
    assert profile.surface_altitude == 491.0


@pytest.mark.parametrize(
    ("make", "name", "values", "unit"),
    [
        (gruan_rs92, "u_temp", [0.125, 0.125, 0.25], "K"),
        (gruan_rs92, "u_std_temp", [0.0625, 0.0625, 0.125], "K"),
        (gruan_rs92, "u_cor_temp", [0.03125, 0.0625, 0.125], "K"),
        (gruan_rs92, "u_press", [0.5, 0.5, 0.25], "hPa"),
        (gruan_rs92, "u_rh", [3.125, 6.25, NAN], "percent"),  # 0.03125, as the humidity itself
        (gruan_rs92, "u_alt", [10.0, 10.0, 10.0], "m"),
        (gruan_rs92, "u_wspeed", [0.5, 0.5, 0.5], "m s-1"),
        (gruan_rs92, "u_wdir", [5.0, 5.0, 5.0], "degree"),
        (gruan_rs92, "reported_relative_humidity", [75.0, 50.0, NAN], "percent"),
        (gruan_rs92, "geometric_altitude", [8.5, 13.5, 18.5], "m"),
        (gruan_rs92, "drift_latitude", [71.25, 71.5, 71.75], "degrees_north"),
        (gruan_rs92, "elapsed_time", [-1.0, 0.0, 1.0], "s"),  # the launch was at 14.6 s
        (gruan_rs41, "temp_uc", [0.25, 0.25, 0.5], "K"),
        (gruan_rs41, "temp_uc_ucor", [0.125, 0.125, 0.25], "K"),
        (gruan_rs41, "press_uc", [0.5, 0.5, 0.25], "hPa"),
        (gruan_rs41, "rh_uc", [2.0, 2.5, 3.0], "percent"),
        (gruan_rs41, "wzon_uc", [0.5, 0.5, 0.5], "m s-1"),
        (gruan_rs41, "geometric_altitude", [491.5, 496.5, 501.5], "m"),
    ],
)
def test_uncertainties_ride_along(
    tmp_path: Path, make: Any, name: str, values: list[float], unit: str
) -> None:
    extra = read_one(make(tmp_path / "product.nc")).extras[name]
    np.testing.assert_allclose(extra.values, values, rtol=1e-6)
    assert extra.units == unit
    assert extra.long_name


def test_altitude_stands_in_for_geopotential_height_with_a_note(tmp_path: Path) -> None:
    whole = gruan_rs92(tmp_path / "whole.nc")
    assert "heights are not geopotential ones" not in read_one(whole).notes
    path = gruan_rs92(tmp_path / "without.nc")
    with netCDF4.Dataset(path, "a") as dataset:
        dataset.renameVariable("geopot", "something_else")
        altitude = dataset["alt"][:].tolist()
    profile = read_one(path)
    assert profile.height.tolist() == altitude
    assert "heights are not geopotential ones" in profile.notes


def test_components_of_the_wind_are_not_taken_for_uncertainties(tmp_path: Path) -> None:
    extras = read_one(gruan_rs92(tmp_path / "rs92.nc")).extras
    assert not {"u", "v", "press", "FP", "WVMR"} & extras.keys()


def test_pressure_in_pa_is_converted_with_its_uncertainty(tmp_path: Path) -> None:
    pascal = {"units": "Pa", "long_name": "Pressure"}
    change = {
        "press": (("time",), [101050.0, 100975.0, 100925.0], pascal),
        "u_press": (("time",), [50.0, 50.0, 25.0], pascal),
    }
    profile = read_one(gruan_rs92(tmp_path / "pa.nc", change))
    assert_levels(profile, pressure=[1010.5, 1009.75, 1009.25])
    np.testing.assert_allclose(profile.extras["u_press"].values, [0.5, 0.5, 0.25])


def test_a_sounding_is_not_lost_for_what_rides_along_with_it(tmp_path: Path) -> None:
    change = {
        "u_press": (("time",), [0.5, 0.5, 0.25], {"units": "some"}),
        "u_rh": (("time",), [0.5, 0.5, 0.25], {}),
        "u_note": (("time",), np.array(["a", "b", "c"]), {}),
        "u_matrix": (("time", "other"), np.ones((3, 2)), {"units": "1"}),
    }
    profile = read_one(gruan_rs92(tmp_path / "odd.nc", change))
    assert_levels(profile, pressure=[1010.5, 1009.75, 1009.25])
    assert (profile.extras["u_press"].units, profile.extras["u_rh"].units) == ("some", "1")
    assert not {"u_note", "u_matrix"} & profile.extras.keys()


def test_geopotential_in_joules_is_no_height(tmp_path: Path) -> None:
    change = {"geopot": (("time",), [80.0, 130.0, 180.0], {"units": "m2 s-2"})}
    with pytest.raises(ReadError, match="geopot: units 'm2 s-2' cannot be converted to m"):
        read_one(gruan_rs92(tmp_path / "joules.nc", change))


def without(path: Path, *names: str) -> Path:
    """Write an RS92 product that lacks some variables."""

    whole = gruan_rs92(path.with_suffix(".whole"))
    with netCDF4.Dataset(whole) as dataset:
        kept = {
            name: (one.dimensions, one[...], {key: one.getncattr(key) for key in one.ncattrs()})
            for name, one in dataset.variables.items()
            if name not in names
        }
    return write(path, kept, **RS92_HEADER)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (["rh"], "a GRUAN product without relative humidity (rh); its variables are time, press"),
        (["press", "temp"], "without pressure (press), temperature (temp); its variables"),
    ],
)
def test_a_product_that_lacks_a_variable_is_one_and_says_what_is_missing(
    tmp_path: Path, missing: list[str], words: str
) -> None:
    path = without(tmp_path / "poor.nc", *missing)
    assert said(path) is None
    source = readers.read_source(str(path), format="gruan_netcdf")
    assert source.row.status == SourceStatus.UNREADABLE
    assert words in source.row.message


def test_winds_come_from_speed_and_direction_where_there_are_no_components(tmp_path: Path) -> None:
    profile = read_one(without(tmp_path / "polar.nc", "u", "v"))
    assert_levels(profile, u_wind=[-5.0, -6.0, 0.0], v_wind=[0.0, 0.0, 7.0])
    assert {"u_wind", "v_wind"} <= profile.derived


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("71.32 \N{DEGREE SIGN}", "-156.61 \N{DEGREE SIGN}", (71.32, -156.61)),
        ("71.32 \N{DEGREE SIGN}N", "156.61 \N{DEGREE SIGN}W", (71.32, -156.61)),
        ("45.04 degree south", "169.68 degree east", (-45.04, 169.68)),
        ("N/A", "", (NAN, NAN)),
    ],
)
def test_without_a_fix_the_site_says_where(
    tmp_path: Path, latitude: str, longitude: str, expected: tuple[float, float]
) -> None:
    nothing = (("time",), [NAN, NAN, NAN], {"units": "degree_north"})
    path = gruan_rs92(
        tmp_path / "no-fix.nc",
        {"lat": nothing},
        **{"g.MeasuringSystem.Latitude": latitude, "g.MeasuringSystem.Longitude": longitude},
    )
    profile = read_one(path)
    np.testing.assert_array_equal((profile.latitude, profile.longitude), expected)


@pytest.mark.parametrize(
    ("start", "standard", "expected"),
    [
        ("2018-01-10T13:02:15+02:00", "2018-01-10T12:00:00", "2018-01-10T11:02:15"),
        ("", "2018-01-10T12:00:00", "2018-01-10T12:00:00"),
        ("soon", "later", "2011-03-05T11:02:14"),  # then the first record
    ],
)
def test_the_launch_is_the_start_or_what_is_nearest(
    tmp_path: Path, start: str, standard: str, expected: str
) -> None:
    times = {"g.Ascent.StartTime": start, "g.Ascent.StandardTime": standard}
    profile = read_one(gruan_rs92(tmp_path / "time.nc", **times))
    assert profile.time == np.datetime64(expected)
    assert any("nominal" in note for note in profile.notes) == (start == "")


def test_only_this_reader_takes_them(tmp_path: Path) -> None:
    for make in (gruan_rs92, gruan_rs41):
        path = make(tmp_path / f"{make.__name__}.nc")
        assert said(path) is None
        assert said(path, profile_netcdf) == "GRUAN product: read by gruan_netcdf"


def test_whoever_names_the_general_reader_gets_what_it_can(tmp_path: Path) -> None:
    """With two heights by standard name it takes the altitude first."""
    (profile,) = profile_netcdf.read(gruan_rs41(tmp_path / "rs41.nc"), {})
    assert_levels(profile, pressure=[950.5, 949.75, 949.25], dewpoint=[-1.9, -7.15, -9.65])


@pytest.mark.parametrize("seed", range(30))
def test_damage_ends_in_a_profile_or_a_reason(tmp_path: Path, seed: int) -> None:
    assert_damage_is_told(gruan_rs41(tmp_path / "whole.nc"), "gruan_netcdf", seed)
