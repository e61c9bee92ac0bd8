"""What the file says about itself as a whole: global attributes after CF-1.11 and ACDD-1.3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import pipeline
from pipeline import schema

if TYPE_CHECKING:
    import xarray as xr

VOCABULARY = "CF Standard Name Table v93"

#: The first lines a reader sees; the rest follows by name.
ORDER = ("Conventions", "featureType", "title", "summary", "keywords", "id", "history", "source")


def global_attributes(dataset: xr.Dataset, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the global attributes of a file.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged; its own attributes win over the defaults, what follows from its data over them.
    attributes : mapping of str to str or number
        These win over everything; empty ones leave an attribute out.

    Returns
    -------
    dict
        In an order that does not depend on that of `attributes`.
    """
    own = {str(name): value for name, value in dataset.attrs.items()}
    found = _defaults(str(attributes.get("title") or own.get("title") or "Atmospheric soundings"))
    found |= {name: value for name, value in own.items() if not schema.is_derived(name)}
    found |= schema.GLOBAL_ATTRIBUTES | _extent(dataset) | dict(attributes)
    names = [*ORDER, *sorted(found.keys() - set(ORDER))]
    return {name: found[name] for name in names if name in found and str(found[name]) != ""}


def _defaults(title: str) -> dict[str, Any]:
    """Return what is true of every file and said better by whoever makes it."""
    version = str(pipeline.__version__)
    return {
        "title": title,
        "summary": (
            "Vertical profiles of the atmosphere, checked and flagged. Every input is in the "
            "source table, every profile found in it is here, also those that were rejected, "
            "with the reasons."
        ),
        "keywords": "atmosphere, vertical profile, sounding, temperature, humidity, wind, CAPE",
        "id": re.sub(r"\W+", "-", title).strip("-").lower(),
        "history": f"written by {pipeline.DISTRIBUTION} {version}",
        "source": "soundings, listed in the variable source_path",
        "processing_level": "quality controlled; see status and the variables ending in _qc",
        "license": "not stated",
        "standard_name_vocabulary": VOCABULARY,
        "product_version": version,
        "cdm_data_type": "Profile",
    }


def _extent(dataset: xr.Dataset) -> dict[str, Any]:
    """Return where and when the data are, as far as that is known."""
    extent: dict[str, Any] = {}
    latitude, longitude = dataset["latitude"].values, dataset["longitude"].values
    known = np.isfinite(latitude) & np.isfinite(longitude)
    if known.any():
        extent |= _area(latitude[known], longitude[known])
    pressure = dataset["pressure"].values[np.isfinite(dataset["pressure"].values)]
    if len(pressure):
        extent |= {
            "geospatial_vertical_min": float(pressure.min()),
            "geospatial_vertical_max": float(pressure.max()),
            "geospatial_vertical_units": "hPa",
            "geospatial_vertical_positive": "down",
        }
    times = dataset["time"].values.astype("datetime64[s]")
    times = times[~np.isnat(times)]
    if len(times):
        start, end = times.min(), times.max()
        extent |= {
            "time_coverage_start": f"{start}Z",
            "time_coverage_end": f"{end}Z",
            "time_coverage_duration": _duration(int((end - start) / np.timedelta64(1, "s"))),
        }
    return extent


def _area(latitude: np.ndarray, longitude: np.ndarray) -> dict[str, Any]:
    """Return the box around some points; one across the date line goes round the globe."""
    south, north = float(latitude.min()), float(latitude.max())
    west, east = float(longitude.min()), float(longitude.max())
    corners = [(south, west), (north, west), (north, east), (south, east), (south, west)]
    ring = ", ".join(f"{y!r} {x!r}" for y, x in corners)
    is_point = south == north and west == east
    return {
        "geospatial_lat_min": south,
        "geospatial_lat_max": north,
        "geospatial_lat_units": "degrees_north",
        "geospatial_lon_min": west,
        "geospatial_lon_max": east,
        "geospatial_lon_units": "degrees_east",
        "geospatial_bounds": f"POINT ({south!r} {west!r})" if is_point else f"POLYGON (({ring}))",
        "geospatial_bounds_crs": "EPSG:4326",
    }


def _duration(seconds: int) -> str:
    """Return a length of time after ISO 8601.

    >>> _duration(90061)
    'P1DT1H1M1S'
    """
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"P{day}DT{hour}H{minute}M{second}S"
