"""Small files of model output for tests: grids of columns in netCDF, GRIB and Zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from netcdf_files import EAST, LATITUDE, LONGITUDE, NORTH, TIME, Variables
from numpy.typing import NDArray

from pipeline.profiles import Profile
from pipeline.readers.model_columns import read, sniff

LATITUDES = [52.0, 51.5, 51.0, 50.5]  # from north to south, as models have them
LONGITUDES = [-1.0, -0.5, 0.0, 0.5, 1.0]
PRESSURES = [300.0, 500.0, 700.0, 850.0, 1000.0]  # from the top down
HOURS = [0.0, 6.0]
DIMENSIONS = ("time", "level", "latitude", "longitude")
SHAPE = (2, 5, 4, 5)

KELVIN = {"standard_name": "air_temperature", "units": "K"}
KILOGRAM = {"standard_name": "specific_humidity", "units": "kg kg-1"}
GEOPOTENTIAL = {"standard_name": "geopotential", "units": "m2 s-2"}
HPA = {"standard_name": "air_pressure", "units": "hPa"}
GROUND = {"standard_name": "surface_air_pressure", "units": "Pa"}


def varied(least: float, most: float, shape: tuple[int, ...] = SHAPE) -> NDArray[np.float64]:
    """Return values that are all different, so that none can be taken for another."""
    size = int(np.prod(shape))
    return np.linspace(least, most, size)[np.random.default_rng(7).permutation(size)].reshape(shape)


def on_pressure() -> Variables:
    """What ECMWF's archive gives: temperature, humidity, geopotential and wind."""
    return {
        "time": (("time",), HOURS, TIME),
        "level": (("level",), PRESSURES, HPA),
        "latitude": (("latitude",), LATITUDES, LATITUDE),
        "longitude": (("longitude",), LONGITUDES, LONGITUDE),
        "t": (DIMENSIONS, varied(250, 300), KELVIN),
        "q": (DIMENSIONS, varied(1e-4, 2e-2), KILOGRAM),
        "z": (DIMENSIONS, varied(1e3, 9e4), GEOPOTENTIAL),
        "u": (DIMENSIONS, varied(-30, 30), EAST),
        "v": (DIMENSIONS, varied(-20, 40), NORTH),
    }


def columns_of(path: Path, **options: Any) -> list[Profile]:
    return list(read(path, options))


def write_zarr(path: Path, variables: Variables, version: int) -> Path:
    """Write the variables as a Zarr store of version 2 or 3."""
    arrays = {
        name: (dims, np.asarray(values), about) for name, (dims, values, about) in variables.items()
    }
    made = xr.Dataset(arrays)
    made.to_zarr(path, zarr_format=version, consolidated=False)
    return path


def write_grib(
    path: Path, fields: list[dict[str, Any]], grid: dict[str, Any] | None = None
) -> Path:
    """Write GRIB2 messages on the grid of this module; `values` and keys of ecCodes make each."""
    import pyproj  # noqa: F401  (before ecCodes, which brings another PROJ)
    import eccodes  # isort: skip

    regular = {
        "Ni": len(LONGITUDES), "Nj": len(LATITUDES),
        "latitudeOfFirstGridPointInDegrees": LATITUDES[0],
        "latitudeOfLastGridPointInDegrees": LATITUDES[-1],
        "longitudeOfFirstGridPointInDegrees": 359.0, "longitudeOfLastGridPointInDegrees": 1.0,
        "iDirectionIncrementInDegrees": 0.5, "jDirectionIncrementInDegrees": 0.5,
    }  # fmt: skip
    always = {"dataDate": 20200501, "dataTime": 1200, "bitsPerValue": 24}
    with path.open("wb") as stream:
        for field in fields:
            message = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
            for key, value in {**(grid or regular), **always, **field}.items():
                if key == "pv":
                    eccodes.codes_set(message, "PVPresent", 1)
                    eccodes.codes_set_array(message, "pv", value)
                elif key != "values":
                    eccodes.codes_set(message, key, value)
            eccodes.codes_set_values(message, np.ravel(field["values"]))
            eccodes.codes_write(message, stream)
            eccodes.codes_release(message)
    return path


def without(variables: Variables, *names: str) -> Variables:
    return {name: one for name, one in variables.items() if name not in names}


def why_not(path: Path) -> str:
    declined = sniff(path.read_bytes()[:65536], path)
    assert declined is not None
    return declined


PROJECTED_LATITUDES = 50 + 0.1 * np.add.outer(np.arange(4.0), 0.2 * np.arange(5.0))
PROJECTED_LONGITUDES = 10 + 0.15 * np.add.outer(-0.2 * np.arange(4.0), np.arange(5.0))


def projected(along_axes: bool = True) -> Variables:
    """A grid with axes of its own: latitude and longitude of every cell."""
    across = ("time", "level", "y", "x")
    made = {
        name: (across if dimensions == DIMENSIONS else dimensions, values, about)
        for name, (dimensions, values, about) in on_pressure().items()
    }
    made["latitude"] = (("y", "x"), PROJECTED_LATITUDES, LATITUDE)
    made["longitude"] = (("y", "x"), PROJECTED_LONGITUDES, LONGITUDE)
    made["time"] = (("time",), [0.0, 6.0], TIME)
    if along_axes:  # winds that do not say that they blow east and north
        made["u"] = (across, made["u"][1], {"units": "m/s"})
        made["v"] = (across, made["v"][1], {"units": "m/s"})
    return made
