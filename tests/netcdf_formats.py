"""Small files as the writers of netCDF soundings make them: ASPEN, MW41, GRUAN, pydropsonde.

ASPEN's and MW41's names, units, attributes and oddities are those of real files. No file of GRUAN
is at hand that may be kept here: names, units and attributes are those that programs reading the
products rely on. The numbers are made up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from netcdf_files import ALTITUDE, Variables, write

from pipeline import readers
from pipeline.flags import SourceStatus

NAN = np.nan


def aspen(path: Path, change: Variables | None = None, **attributes: Any) -> Path:
    """Write a dropsonde of four records, the last of them from before the launch.

    The file begins at the surface, as ASPEN's do; each second record has wind only.
    """
    about = {"missing_value": -999.0, "_FillValue": -999.0, "coordinates": "lat lon gpsalt"}
    second = "seconds since 2024-08-31 12:59:02 UTC"
    missing = -999.0

    def on_time(values: list[float], units: str, standard_name: str = "") -> Any:
        named = {"standard_name": standard_name} if standard_name else {}
        return (("time",), np.array(values, "f4"), {**about, "units": units, **named})

    def reference(value: float, units: str) -> Any:
        return (("obs",), np.array([value], "f4"), {"units": units, "_FillValue": -999.0})

    variables: Variables = {
        "launch_time": ((), np.int32(0), {"units": second}),
        "time": (("time",), [958.5, 500.25, 3.0, -2.0], {"units": second, "calendar": "standard"}),
        "pres": on_time([1012.25, missing, 300.5, 170.0], "hPa", "air_pressure"),
        "tdry": on_time([26.5, missing, -40.0, 25.0], "degC", "air_temperature"),
        "dp": on_time([24.0, missing, -55.5, 1.0], "degC", "dew_point_temperature"),
        "rh": on_time([86.25, missing, 17.5, 20.0], "percent", "relative_humidity"),
        "u_wind": on_time([missing, -8.5, 10.0, 200.0], "m/s", "eastward_wind"),
        "v_wind": on_time([missing, 2.5, 5.0, 100.0], "m/s", "northward_wind"),
        "w_wind": on_time([missing, 0.25, -0.5, 0.0], "m/s", "upward_air_velocity"),
        "dz": on_time([-10.5, -12.0, -20.0, 0.0], "m/s"),
        "mr": on_time([18.75, missing, 0.25, 1.0], "gram/kg"),
        "theta": on_time([299.0, missing, 330.0, 480.0], "K", "air_potential_temperature"),
        "lat": on_time([missing, 6.75, 6.5, 6.25], "degree", "latitude"),
        "lon": on_time([missing, -22.75, -22.5, -22.25], "degree", "longitude"),
        "alt": on_time([0.0, missing, 9700.0, 13400.0], "meters"),
        "gpsalt": on_time([missing, 5000.0, 9800.0, 13800.0], "meters"),
        "reference_lat": reference(6.375, "degrees"),
        "reference_lon": reference(-22.375, "degrees"),
    }
    header: dict[str, Any] = {
        "Conventions": "CF-1.6",
        "featureType": "trajectory",
        "AspenVersion": "Aspen V4.0.4",
        "DropsondeHitSfc": "1",
        "SfcAltUnknown": "0",
        "SfcAltitude": "0",
        "SondeId": "233814536",
        "PlatformType": "HALO",
        "PlatformId": "D ADLR",
    }
    return write(path, variables | (change or {}), **header | attributes)


def mw41(path: Path, change: Variables | None = None, **attributes: Any) -> Path:
    """Write two seconds of a radiosonde whose launch is in the global attributes only."""

    def on_levels(values: list[float], units: str, standard_name: str = "") -> Any:
        named = {"standard_name": standard_name} if standard_name else {}
        about = {"_FillValue": np.float32(9.96921e36), "units": units, **named}
        return (("trajectory", "levels"), np.array([values], "f4"), about)

    identifier = list("BCO__13.163_-59.429__1550522484")
    launch_units = {"units": "seconds since 1970-01-01 00:00:00 UTC", "calendar": "gregorian"}
    variables: Variables = {
        "trajectory": (
            ("trajectory", "str_dim"),
            np.array([identifier], "S1"),
            {"cf_role": "trajectory_id"},
        ),
        "launch_time": (("trajectory",), np.ma.masked_all(1), launch_units),
        "flight_time": on_levels([0.0, 1.0, 2.0], "seconds since launchtime", "time"),
        "ascentRate": on_levels([0.0, 3.5, 4.5], "m/s"),
        "altitude": on_levels([25.0, 29.0, 33.0], "m", "altitude"),
        "pressure": on_levels([1013.5, 1013.0, 1012.5], "hPa", "air_pressure"),
        "temperature": on_levels([26.5, 25.75, 25.5], "degrees_Celsius", "air_temperature"),
        "humidity": on_levels([72.0, 76.0, 77.0], "%", "relative_humidity"),
        "dewPoint": on_levels([21.0, 21.25, 21.5], "degrees_Celsius", "dew_point_temperature"),
        "mixingRatio": on_levels([9.96921e36] * 3, "g/kg", "humidity_mixing_ratio"),
        "windSpeed": on_levels([5.0, 4.0, 10.0], "m/s", "wind_speed"),
        "windDirection": on_levels([90.0, 180.0, 270.0], "degrees", "wind_from_direction"),
        "latitude": on_levels([13.125, 13.25, 13.5], "degrees_north", "latitude"),
        "longitude": on_levels([-59.5, -59.25, -59.125], "degrees_east", "longitude"),
    }
    variables["flight_time"][2]["calendar"] = "gregorian"
    header: dict[str, Any] = {
        "platform_name": "Barbados Cloud Observatory (BCO)",
        "surface_altitude": "20 m",
        "date_YYYYMMDD": "20190218",
        "time_of_launch_HHmmss": "204124",
        "launch_unixtime": np.int64(1550522484),
        "featureType": "trajectory",
        "Conventions": "CF-1.7",
    }
    return write(path, variables | (change or {}), **header | attributes)


def _gruan(units: str, values: list[float], standard_name: str = "", long_name: str = "") -> Any:
    about = {"units": units, "long_name": long_name, "g_format_type": "FLT"}
    named = {"standard_name": standard_name} if standard_name else {}
    return (("time",), np.array(values, "f4"), {**about, **named})


RS92_HEADER = {
    "Conventions": "CF-1.4",
    "title": "RS92 GRUAN Data Product (Version 2)",
    "g.Product.Code": "RS92-GDP",
    "g.Product.Version": "002",
    "g.General.SiteCode": "BAR",
    "g.General.SiteName": "Barrow",
    "g.General.SiteWmoId": "70026",
    "g.Ascent.StandardTime": "2011-03-05T12:00:00",
    "g.Ascent.StartTime": "2011-03-05T11:02:14.6",
    "g.MeasuringSystem.Latitude": "71.32 \N{DEGREE SIGN}",
    "g.MeasuringSystem.Longitude": "-156.61 \N{DEGREE SIGN}",
    "g.MeasuringSystem.Altitude": "8.0 m",
}


def gruan_rs92(path: Path, change: Variables | None = None, **attributes: Any) -> Path:
    """Write three seconds of an RS92-GDP version 2: humidity from 0 to 1, no dewpoint."""
    since = "seconds since 2011-03-05T11:02:14"
    variables: Variables = {
        "time": _gruan(since, [0.0, 1.0, 2.0], "time", "Time"),
        "press": _gruan("hPa", [1010.5, 1009.75, 1009.25], "air_pressure", "Pressure"),
        "temp": _gruan("K", [250.25, 250.5, 251.0], "air_temperature", "Temperature"),
        "rh": _gruan("1", [0.75, 0.5, NAN], "relative_humidity", "Relative Humidity"),
        "wdir": _gruan("degree", [90.0, 90.0, 180.0], "wind_from_direction", "Wind Direction"),
        "wspeed": _gruan("m s-1", [5.0, 6.0, 7.0], "wind_speed", "Wind Speed"),
        "geopot": _gruan("m", [8.0, 13.0, 18.0], "geopotential_height", "Geopotential Height"),
        "lon": _gruan("degree_east", [-156.5, -156.25, -156.0], "longitude", "Longitude"),
        "lat": _gruan("degree_north", [71.25, 71.5, 71.75], "latitude", "Latitude"),
        "alt": _gruan("m", [8.5, 13.5, 18.5], "altitude", "Altitude"),
        "u": _gruan("m s-1", [-5.0, -6.0, 0.0], "eastward_wind", "Zonal Wind"),
        "v": _gruan("m s-1", [0.0, 0.0, 7.0], "northward_wind", "Meridional Wind"),
        "FP": _gruan("K", [246.0, 242.0, NAN], "", "Frostpoint"),
        "WVMR": _gruan("1", [0.0005, 0.0004, NAN], "", "Water Vapor Volume Mixing Ratio"),
        "asc": _gruan("m s-1", [5.0, 5.0, 5.0], "", "Ascent/Descent Speed"),
        "SWrad": _gruan("W m-2", [10.0, 10.0, 10.0], "", "Short Wave Radiation"),
        "u_press": _gruan("hPa", [0.5, 0.5, 0.25], "", "Uncertainty of Pressure"),
        "u_temp": _gruan("K", [0.125, 0.125, 0.25], "", "Uncertainty of Temperature"),
        "u_std_temp": _gruan("K", [0.0625, 0.0625, 0.125], "", "Statistical uncertainty"),
        "u_cor_temp": _gruan("K", [0.03125, 0.0625, 0.125], "", "Correlated uncertainty"),
        "u_rh": _gruan("1", [0.03125, 0.0625, NAN], "", "Uncertainty of Relative Humidity"),
        "u_alt": _gruan("m", [10.0, 10.0, 10.0], "", "Uncertainty of Altitude"),
        "u_wspeed": _gruan("m s-1", [0.5, 0.5, 0.5], "", "Uncertainty of Wind Speed"),
        "u_wdir": _gruan("degree", [5.0, 5.0, 5.0], "", "Uncertainty of Wind Direction"),
    }
    return write(path, variables | (change or {}), **RS92_HEADER | attributes)


RS41_HEADER = {
    "Conventions": "CF-1.7",
    "title": "RS41 GRUAN Data Product (Version 1)",
    "g.Product.Code": "RS41-GDP",
    "g.Product.Version": "001",
    "g.Site.Key": "PAY",
    "g.Site.Name": "Payerne",
    "g.Measurement.StandardTime": "2018-01-10T12:00:00.000Z",
    "g.Measurement.StartTime": "2018-01-10T11:02:15.400Z",
    "g.Site.Latitude": "46.8130 \N{DEGREE SIGN}N",
    "g.Site.Longitude": "6.9440 \N{DEGREE SIGN}E",
    "g.Site.Altitude": "491.0 m",
}


def gruan_rs41(path: Path, change: Variables | None = None, **attributes: Any) -> Path:
    """Write three seconds of an RS41-GDP version 1: humidity in percent, dewpoint in K."""
    since = "seconds since 2018-01-10T11:02:15"
    variables: Variables = {
        "time": _gruan(since, [0.0, 1.0, 2.0], "time", "Time"),
        "press": _gruan("hPa", [950.5, 949.75, 949.25], "air_pressure", "Pressure"),
        "press_uc": _gruan("hPa", [0.5, 0.5, 0.25], "", "Uncertainty of pressure"),
        "temp": _gruan("K", [275.25, 275.5, 276.0], "air_temperature", "Temperature"),
        "temp_uc": _gruan("K", [0.25, 0.25, 0.5], "", "Uncertainty of temperature"),
        "temp_uc_ucor": _gruan("K", [0.125, 0.125, 0.25], "", "Uncorrelated uncertainty"),
        "rh": _gruan("%", [75.0, 50.0, 40.0], "relative_humidity", "Relative humidity"),
        "rh_uc": _gruan("%", [2.0, 2.5, 3.0], "", "Uncertainty of relative humidity"),
        "dp": _gruan("K", [271.25, 266.0, 263.5], "dew_point_temperature", "Dewpoint"),
        "wdir": _gruan("degree", [90.0, 90.0, 180.0], "wind_from_direction", "Wind direction"),
        "wspeed": _gruan("m s-1", [5.0, 6.0, 7.0], "wind_speed", "Wind speed"),
        "wzon": _gruan("m s-1", [-5.0, -6.0, 0.0], "eastward_wind", "Zonal wind"),
        "wmeri": _gruan("m s-1", [0.0, 0.0, 7.0], "northward_wind", "Meridional wind"),
        "wzon_uc": _gruan("m s-1", [0.5, 0.5, 0.5], "", "Uncertainty of zonal wind"),
        "alt": _gruan("m", [491.5, 496.5, 501.5], "altitude", "Altitude"),
        "alt_gph": _gruan("m", [491.0, 496.0, 501.0], "geopotential_height", "Geopotential"),
        "lat": _gruan("degree_north", [46.75, 46.5, 46.25], "latitude", "Latitude"),
        "lon": _gruan("degree_east", [6.875, 6.75, 6.5], "longitude", "Longitude"),
    }
    return write(path, variables | (change or {}), **RS41_HEADER | attributes)


def pydropsonde(path: Path) -> Path:
    """Write a level 2 dropsonde of pydropsonde: SI units, two altitudes of one standard name."""

    def on_time(values: list[float], standard_name: str, units: str) -> Any:
        return (("time",), np.array(values), {"standard_name": standard_name, "units": units})

    variables: Variables = {
        "sonde_id": ((), "233814536", {"cf_role": "trajectory_id"}),
        "launch_time": ((), np.int64(0), {"units": "seconds since 2024-08-31 12:59:02"}),
        "time": on_time([3.0, 500.0, 950.0], "time", "seconds since 2024-08-31 12:59:02"),
        "p": on_time([30050.0, 70000.0, 101225.0], "air_pressure", "Pa"),
        "ta": on_time([233.15, 283.15, 299.65], "air_temperature", "K"),
        "rh": on_time([0.25, 0.5, 0.75], "relative_humidity", ""),
        "u": on_time([10.0, -5.0, -8.5], "eastward_wind", "m s-1"),
        "v": on_time([5.0, 1.0, 2.5], "northward_wind", "m s-1"),
        "gpsalt": (("time",), [9800.0, 3200.0, 20.0], ALTITUDE),
        "alt": (("time",), [9700.0, 3150.0, 10.0], ALTITUDE),
        "lat": on_time([6.5, 6.625, 6.75], "latitude", "degree_north"),
        "lon": on_time([-22.5, -22.625, -22.75], "longitude", "degree_east"),
    }
    return write(path, variables, featureType="trajectory", platform_id="HALO")


def assert_damage_is_told(whole: Path, reader: str, seed: int) -> None:
    """Assert that a file, damaged at 20 places and cut a third of the time, is read or refused."""
    random = np.random.default_rng(seed)
    content = bytearray(whole.read_bytes())
    for place in random.integers(8, len(content), 20):
        content[place] = random.integers(256)
    if seed % 3 == 0:
        content = content[: random.integers(100, len(content))]
    damaged = whole.with_name("damaged.nc")
    damaged.write_bytes(content)
    source = readers.read_source(str(damaged), format=reader)
    assert source.row.status in (SourceStatus.READ, SourceStatus.UNREADABLE), source.row.message
    assert source.profiles or source.row.message
