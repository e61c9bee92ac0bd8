"""Profiles out of netCDF: units, quality, what is derived, times, names, and what is refused.

Truth is a calculation by hand, MetPy called directly, or xarray's own decoding of the real files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metpy.calc
import netCDF4
import numpy as np
import pytest
from metpy.units import units
from netcdf_files import (
    HOUR_0,
    NAN,
    ONE,
    TEMPERATURE,
    TIME,
    Variables,
    assert_levels,
    read_one,
    reason,
    write,
)

from pipeline.errors import ReadError
from pipeline.readers.profile_netcdf import read

#: Level variables of the season's kind, so that a file is one profile and nothing is derived.
CORE: Variables = {name: ONE[name] for name in ("p", "ta")}


def with_units(about: dict[str, Any], text: str) -> dict[str, Any]:
    return {**about, "units": text}


# Units --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "standard_name", "written", "value", "expected"),
    [
        ("pressure", "air_pressure", "Pa", 85000.0, 850.0),
        ("pressure", "air_pressure", "mb", 850.0, 850.0),
        ("pressure", "air_pressure", "kPa", 85.0, 850.0),
        ("temperature", "air_temperature", "K", 283.15, 10.0),
        ("temperature", "air_temperature", "kelvin", 283.15, 10.0),
        ("temperature", "air_temperature", "C", 10.0, 10.0),
        ("temperature", "air_temperature", "degrees_Celsius", 10.0, 10.0),
        ("temperature", "air_temperature", "degF", 50.0, 10.0),
        ("dewpoint", "dew_point_temperature", "K", 273.15, 0.0),
        ("height", "altitude", "meters above Mean Sea Level", 1500.0, 1500.0),
        ("height", "geopotential_height", "gpm", 1500.0, 1500.0),
        ("height", "altitude", "km", 1.5, 1500.0),
        ("height", "geopotential", "m2 s-2", 9806.65, 1000.0),
        ("u_wind", "eastward_wind", "knots", 10.0, 18520.0 / 3600.0),
        ("u_wind", "eastward_wind", "m/s", 10.0, 10.0),
        ("u_wind", "eastward_wind", "km h-1", 36.0, 10.0),
    ],
)
def test_units_are_those_that_the_variable_states(
    tmp_path: Path, field: str, standard_name: str, written: str, value: float, expected: float
) -> None:
    same = [name for name, part in ONE.items() if part[2].get("standard_name") == standard_name]
    variables = {name: part for name, part in ONE.items() if name not in (*same, "h")}
    variables["x"] = (("z",), [value] * 3, {"standard_name": standard_name, "units": written})
    profile = read_one(write(tmp_path / "units.nc", variables))
    assert_levels(profile, **{field: [expected] * 3})


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"standard_name": "air_temperature"}, "ta has no attribute units"),
        (with_units(TEMPERATURE, "warmth"), "ta: units 'warmth' are not known; correct"),
        (with_units(TEMPERATURE, "hPa"), "ta: units 'hPa' cannot be converted to degC"),
    ],
)
def test_units_that_make_no_sense_are_refused_by_name(
    tmp_path: Path, about: dict[str, Any], said: str
) -> None:
    path = write(tmp_path / "units.nc", {**CORE, "ta": (("z",), [20.0, 15.0, 10.0], about)})
    with pytest.raises(ReadError, match=said):
        list(read(path, {}))


def test_a_direction_without_angle_units_is_not_taken_for_radians(tmp_path: Path) -> None:
    direction = {"standard_name": "wind_from_direction", "units": "1"}
    path = write(tmp_path / "radians.nc", {**CORE, "d": (("z",), [1.0, 2.0, 3.0], direction)})
    with pytest.raises(ReadError, match="d: units '1' cannot be converted to degree"):
        list(read(path, {}))


# Missing and bad values ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark",
    [
        {"_FillValue": -99.0},
        {"missing_value": -99.0},
        {"valid_min": -90.0},
        {"valid_range": np.array([-90.0, 60.0])},
    ],
)
def test_what_a_variable_calls_missing_is_missing(tmp_path: Path, mark: dict[str, Any]) -> None:
    values = np.array([20.0, -99.0, 10.0])
    path = write(tmp_path / "m.nc", {**CORE, "ta": (("z",), values, {**TEMPERATURE, **mark})})
    assert_levels(read_one(path), temperature=[20, NAN, 10], pressure=[1000, 925, 850])


def test_packed_values_are_unpacked(tmp_path: Path) -> None:
    packed = {**TEMPERATURE, "scale_factor": 0.5, "add_offset": 5.0, "_FillValue": np.int16(-1)}
    with netCDF4.Dataset(write(tmp_path / "packed.nc", {"p": ONE["p"]}), "a") as dataset:
        variable = dataset.createVariable("ta", "i2", ("z",), fill_value=packed.pop("_FillValue"))
        variable.setncatts(packed)
        variable.set_auto_scale(False)
        variable[:] = [30, -1, 10]
    assert_levels(read_one(tmp_path / "packed.nc"), temperature=[20, NAN, 10])


@pytest.mark.parametrize(
    "assessments",
    [
        {"bit_1_assessment": "Bad", "bit_2_assessment": "Indeterminate", "bit_3_assessment": "Bad"},
        {
            "flag_masks": np.array([1, 2, 4], "i4"),
            "flag_assessments": "Bad Indeterminate Bad",
        },
    ],
)
def test_values_whose_quality_bits_say_bad_are_missing_and_noted(
    tmp_path: Path, assessments: dict[str, Any]
) -> None:
    bits = np.array([2, 6, 0], "i4")  # Indeterminate; Indeterminate and Bad; good
    path = write(tmp_path / "qc.nc", {**CORE, "qc_ta": (("z",), bits, assessments)})
    profile = read_one(path)
    assert_levels(profile, temperature=[20, NAN, 10], pressure=[1000, 925, 850])
    assert profile.notes == ("1 values of ta that qc_ta calls Bad were set missing",)


def test_quality_numbers_that_mean_bad_count_too_also_under_another_name(tmp_path: Path) -> None:
    said = {"flag_values": np.array([1, 2, 3], "i4"), "flag_assessments": "Good Bad Indeterminate"}
    linked = {**TEMPERATURE, "ancillary_variables": "quality"}
    path = write(
        tmp_path / "qc.nc",
        {
            **CORE,
            "ta": (("z",), [20.0, 15.0, 10.0], linked),
            "quality": (("z",), np.array([3, 1, 2], "i4"), said),
        },
    )
    assert_levels(read_one(path), temperature=[20, 15, NAN])


def test_quality_bits_may_be_assessed_once_for_the_whole_file(tmp_path: Path) -> None:
    bits = np.array([1, 2, 0], "i4")
    variables = {**CORE, "qc_ta": (("z",), bits, {})}
    said = {"qc_bit_1_assessment": "Indeterminate", "qc_bit_2_assessment": "Bad"}
    assert_levels(read_one(write(tmp_path / "qc.nc", variables, **said)), temperature=[20, NAN, 10])


def test_quality_without_assessments_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "qc.nc", {**CORE, "qc_ta": (("z",), np.array([1, 2, 4], "i4"), {})})
    assert_levels(read_one(path), temperature=[20, 15, 10])


# What is derived ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("written", "values"), [("%", [70.0, 0.0, 100.0]), ("1", [0.7, 0.0, 1.0])])
def test_dewpoint_comes_from_relative_humidity_where_there_is_none(
    tmp_path: Path, written: str, values: list[float]
) -> None:
    about = {"standard_name": "relative_humidity", "units": written}
    profile = read_one(write(tmp_path / "rh.nc", {**CORE, "rh": (("z",), values, about)}))
    warm, cool = metpy.calc.dewpoint_from_relative_humidity(
        units.Quantity(np.array([20.0, 10.0]), "degC"), units.Quantity(np.array([0.7, 1.0]), "")
    ).m_as("degC")
    assert_levels(profile, dewpoint=[warm, NAN, cool])
    np.testing.assert_allclose(
        profile.extras["reported_relative_humidity"].values, [70, 0, 100], rtol=1e-12
    )
    assert profile.notes == ("dewpoint from relative humidity",)


def test_dewpoint_comes_from_specific_humidity_or_mixing_ratio(tmp_path: Path) -> None:
    pressure = units.Quantity(np.array([1000.0, 925.0, 850.0]), "hPa")
    amount = units.Quantity(np.array([12.0, 8.0, 5.0]), "g/kg")
    by_specific = metpy.calc.dewpoint_from_specific_humidity(pressure, amount)
    by_mixing = metpy.calc.dewpoint(metpy.calc.vapor_pressure(pressure, amount))
    for name, truth in (("specific_humidity", by_specific), ("humidity_mixing_ratio", by_mixing)):
        about = {"standard_name": name, "units": "g kg-1"}
        path = write(tmp_path / f"{name}.nc", {**CORE, "q": (("z",), amount.magnitude, about)})
        assert_levels(read_one(path), dewpoint=truth.m_as("degC"))


def test_a_reported_dewpoint_is_never_replaced(tmp_path: Path) -> None:
    about = {"standard_name": "relative_humidity", "units": "%"}
    path = write(tmp_path / "both.nc", {**ONE, "rh": (("z",), [10.0, 10.0, 10.0], about)})
    assert_levels(read_one(path), dewpoint=[15, 12, 5])


def test_winds_come_from_speed_and_direction_where_there_are_no_components(tmp_path: Path) -> None:
    speed = {"standard_name": "wind_speed", "units": "knot"}
    direction = {"standard_name": "wind_from_direction", "units": "degree"}
    path = write(
        tmp_path / "wind.nc",
        {
            **CORE,
            "s": (("z",), [10.0, 20.0, 0.0], speed),
            "d": (("z",), [270.0, 180.0, NAN], direction),
        },
    )
    profile = read_one(path)
    knot = 1852.0 / 3600.0  # m s-1
    np.testing.assert_allclose(profile.u_wind, [10 * knot, 0, 0], atol=1e-12)
    np.testing.assert_allclose(profile.v_wind, [0, 20 * knot, 0], atol=1e-12)
    assert profile.notes == ("winds from speed and direction",)


def test_geopotential_height_goes_before_geometric_altitude(tmp_path: Path) -> None:
    """At 30 km they are 140 m apart."""
    variables = {
        **CORE,
        "z_gps": (("z",), [500.0, 1500.0, 30140.0], {"standard_name": "altitude", "units": "m"}),
        "gph": (
            ("z",),
            [500.0, 1499.6, 30000.0],
            {"standard_name": "geopotential_height", "units": "m"},
        ),
    }
    profile = read_one(write(tmp_path / "both.nc", variables))
    assert_levels(profile, height=[500.0, 1499.6, 30000.0])


def test_height_above_ground_needs_the_altitude_of_the_ground(tmp_path: Path) -> None:
    above = {"standard_name": "height", "units": "m"}
    ground = {"standard_name": "surface_altitude", "units": "m"}
    variables = {**CORE, "agl": (("z",), [2.0, 700.0, 1400.0], above)}
    without = read_one(write(tmp_path / "without.nc", variables))
    assert_levels(without, height=[NAN, NAN, NAN])
    assert without.notes == (
        "heights are above ground and left out: the surface's altitude is missing",
    )
    variables["zs"] = ((), 491.0, ground)
    assert_levels(read_one(write(tmp_path / "with.nc", variables)), height=[493, 1191, 1891])


@pytest.mark.parametrize("kind", ["lists", "structures"])
def test_what_is_neither_numbers_nor_text_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "odd.nc", {name: ONE[name] for name in ("ta", "h")})
    with netCDF4.Dataset(path, "a") as dataset:
        if kind == "lists":
            of_pressure = dataset.createVLType(np.float64, "pressures")
        else:
            of_pressure = dataset.createCompoundType(np.dtype([("p", "f8"), ("q", "f8")]), "two")
        dataset.createVariable("p", of_pressure, ("z",)).setncatts(ONE["p"][2])
    with pytest.raises(ReadError, match="p holds neither numbers nor text"):
        list(read(path, {}))


# Times and names ----------------------------------------------------------------------------------


def test_the_launch_goes_before_the_times_of_levels(tmp_path: Path) -> None:
    path = write(
        tmp_path / "launch.nc",
        {
            **CORE,
            "launch_time": ((), 1.0, {"units": "hours since 2003-05-04 00:00:00 UTC"}),
            "seconds": (
                ("z",),
                [7200.0, 7201.0, 7202.0],
                with_units(TIME, "seconds since 2003-05-04"),
            ),
        },
    )
    assert read_one(path).time == HOUR_0 + np.timedelta64(1, "h")


def test_times_are_rounded_to_the_nearest_second(tmp_path: Path) -> None:
    # 12 h in days is no exact number: 0.1 d = 8640 s, stored as 0.1 exactly nowhere.
    day = with_units(TIME, "days since 2003-05-04")
    path = write(tmp_path / "t.nc", {**CORE, "t": ((), np.nextafter(0.1, 0), day)})
    assert read_one(path).time == HOUR_0 + np.timedelta64(8640, "s")


@pytest.mark.parametrize(
    "about",
    [
        with_units(TIME, "seconds since launchtime"),
        with_units(TIME, "s"),
        {**TIME, "calendar": "360_day"},
    ],
)
def test_a_time_that_cannot_be_known_is_refused_with_its_units(
    tmp_path: Path, about: dict[str, Any]
) -> None:
    path = write(
        tmp_path / "t.nc", {**CORE, "flight_time": (("z",), [0.0, 1.0, 2.0], about), "h": ONE["h"]}
    )
    said = reason(path)
    assert f"flight_time has units {about['units']!r}, which name no date" in said
    assert "ncatted -a units,flight_time,o,c," in said
    with pytest.raises(ReadError, match="its time cannot be known"):
        list(read(path, {}))


def test_a_file_without_time_and_place_has_none(tmp_path: Path) -> None:
    profile = read_one(write(tmp_path / "bare.nc", CORE))
    assert np.isnat(profile.time)
    assert np.isnan([profile.latitude, profile.longitude, profile.surface_altitude]).all()
    assert (profile.station_id, profile.station_name) == ("", "")


def test_stations_are_text_however_the_file_keeps_them(tmp_path: Path) -> None:
    letters = np.array([list("06610")], dtype="S1")
    about = {"standard_name": "platform_id"}
    for values, dimensions in ((np.array([6610]), ("n",)), (letters, ("n", "letters"))):
        path = write(tmp_path / "id.nc", {**CORE, "id": (dimensions, values, about)})
        expected = "6610" if values.dtype.kind == "i" else "06610"
        assert read_one(path).station_id == expected


# What is unclear or refused -----------------------------------------------------------------------


def test_two_variables_of_one_name_are_not_chosen_between_unless_told(tmp_path: Path) -> None:
    path = write(tmp_path / "two.nc", {**CORE, "tb": (("z",), [1.0, 2.0, 3.0], TEMPERATURE)})
    assert (
        "temperature may be any of ta, tb, which all have standard_name air_temperature"
        in reason(path)
    )
    assert_levels(read_one(path, variables={"temperature": "tb"}), temperature=[1, 2, 3])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"variables": {"temperature": "tt"}},
            "there is no variable 'tt' in the file; did you mean 'tta'",
        ),
        (
            {"variables": {"temprature": "ta"}},
            "variables: 'temprature' is none of pressure, temperature",
        ),
        ({"columns": {}}, "there is no 'columns', only variables"),
        ({"variables": "ta"}, "variables: 'ta' is no mapping"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    path = write(tmp_path / "one.nc", {**CORE, "tta": ONE["ta"]})
    with pytest.raises(ReadError, match=said):
        list(read(path, options))
