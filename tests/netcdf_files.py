"""Small netCDF files for tests, and how CF writes their variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from pipeline.profiles import Profile
from pipeline.readers.profile_netcdf import read, sniff

NAN = np.nan
HOUR_0 = np.datetime64("2003-05-04T00:00", "s")

PRESSURE = {"standard_name": "air_pressure", "units": "hPa"}
TEMPERATURE = {"standard_name": "air_temperature", "units": "degC"}
DEWPOINT = {"standard_name": "dew_point_temperature", "units": "degC"}
ALTITUDE = {"standard_name": "altitude", "units": "m"}
EAST = {"standard_name": "eastward_wind", "units": "m s-1"}
NORTH = {"standard_name": "northward_wind", "units": "m s-1"}
TIME = {"standard_name": "time", "units": "hours since 2003-05-04 00:00:00"}
LATITUDE = {"standard_name": "latitude", "units": "degrees_north"}
LONGITUDE = {"standard_name": "longitude", "units": "degrees_east"}

Variables = dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]]

#: One sounding of three levels, as a file of its own would hold it.
ONE: Variables = {
    "p": (("z",), [1000.0, 925.0, 850.0], PRESSURE),
    "ta": (("z",), [20.0, 15.0, 10.0], TEMPERATURE),
    "td": (("z",), [15.0, 12.0, 5.0], DEWPOINT),
    "h": (("z",), [100.0, 780.0, 1500.0], ALTITUDE),
    "u": (("z",), [1.0, 2.0, 3.0], EAST),
    "v": (("z",), [-1.0, -2.0, -3.0], NORTH),
    "t": ((), 12.0, TIME),
    "lat": ((), 46.8, LATITUDE),
    "lon": ((), 6.9, LONGITUDE),
}


def write(
    path: Path,
    variables: Variables,
    *,
    sizes: dict[str, int | None] | None = None,
    format: Any = "NETCDF4",
    **attributes: Any,
) -> Path:
    """Write a netCDF file; dimensions take their size from the variables, or from `sizes`."""
    with netCDF4.Dataset(path, "w", format=format) as dataset:
        dataset.setncatts(attributes)
        for name, (dimensions, values, about) in variables.items():
            values = np.ma.asarray(values)
            for dimension, size in zip(dimensions, values.shape, strict=True):
                if dimension not in dataset.dimensions:
                    dataset.createDimension(dimension, (sizes or {}).get(dimension, size))
            kind = str if values.dtype.kind in "UO" else values.dtype
            about = dict(about)
            fill = about.pop("_FillValue", None)
            variable = dataset.createVariable(name, kind, dimensions, fill_value=fill)
            variable.setncatts(about)
            variable[...] = values.astype(object) if kind is str else values
    return path


def read_one(path: Path, **options: Any) -> Profile:
    (profile,) = read(path, options)
    return profile


def reason(path: Path) -> str:
    """Return why the reader declines a file, after checking that it does and does not raise."""
    declined = sniff(path.read_bytes()[:65536], path)
    assert declined is not None
    return declined


def assert_levels(profile: Profile, **expected: list[float]) -> None:
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(profile, name), values, rtol=1e-12, err_msg=name)
