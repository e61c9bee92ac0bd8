"""The names of what rides along with a sounding: one for the same thing, whatever the format.

A level variable that is none of the six goes into a profile's `extras` by a name from here, in
these units, so that an output of many formats has one variable for it. Prefixed ``reported_`` is
what could be computed from the six as well. Verdicts on quality mean something else in every
format, and have names of their own: IGRA's ``*_flag``, NCAR/EOL's ``*_quality``; so have the
uncertainties of GRUAN, which go by the product's names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.profiles import Extra, FloatArray

#: By name: units, and what it is.
VOCABULARY = {
    # the flight
    "elapsed_time": ("s", "time since launch"),
    "drift_latitude": ("degrees_north", "latitude of the sonde"),
    "drift_longitude": ("degrees_east", "longitude of the sonde"),
    "ascent_rate": ("m s-1", "vertical velocity of the sonde, upwards"),
    "elevation_angle": ("degree", "elevation of the sonde as seen from the station"),
    "azimuth_angle": ("degree", "direction of the sonde as seen from the station"),
    "range": ("m", "distance of the sonde from the station"),
    "gps_altitude": ("m", "altitude by GPS"),
    "geometric_altitude": ("m", "geometric altitude above mean sea level"),
    "wind_error": ("m s-1", "uncertainty of the wind as the receiver gives it"),
    # the air
    "upward_air_velocity": ("m s-1", "vertical component of the wind"),
    "omega": ("Pa s-1", "vertical velocity in pressure coordinates"),
    "cloud_fraction": ("percent", "fraction of the sky covered by cloud"),
    "reported_relative_humidity": ("percent", "relative humidity as reported"),
    "reported_relative_humidity_2": ("percent", "relative humidity of the second sensor"),
    "reported_mixing_ratio": ("g kg-1", "humidity mixing ratio as reported"),
    "reported_wet_bulb_temperature": ("degC", "wet-bulb temperature as reported"),
    "reported_virtual_temperature": ("K", "virtual temperature as reported"),
    "reported_equivalent_potential_temperature": (
        "K",
        "equivalent potential temperature as reported",
    ),
    # why there is a level
    "vertical_significance": ("1", "vertical sounding significance (008001)"),
    "extended_vertical_significance": (
        "1",
        "extended vertical sounding significance (008042)",
    ),
    "level_kind": (
        "1",
        "kind of level: 4 mandatory, 5 significant, 6 wind, 7 tropopause, 8 maximum wind, "
        "9 surface",
    ),
}


def riding(columns: Mapping[str, FloatArray]) -> dict[str, Extra]:
    """Return level variables as they ride along.

    Parameters
    ----------
    columns : dict of str to numpy.ndarray, shape (levels,)
        By names of `VOCABULARY` and in its units.

    Examples
    --------
    >>> import numpy as np
    >>> riding({"gps_altitude": np.array([12.0])})["gps_altitude"].units
    'm'
    """
    return {name: Extra(values, *VOCABULARY[name]) for name, values in columns.items()}


def drifted(start: Mapping[str, float], steps: Mapping[Any, FloatArray]) -> dict[str, FloatArray]:
    """Return where a sonde was, by how far it had drifted; across the date line too.

    Parameters
    ----------
    start : dict of str to float
        `latitude` and `longitude` of the launch, degrees north and east.
    steps : dict of str to numpy.ndarray, shape (levels,)
        The same of the drift from there, or one of them.

    Returns
    -------
    dict of str to numpy.ndarray, shape (levels,)
        By names of `VOCABULARY`; longitudes from -180 to 180.

    Examples
    --------
    >>> drifted({"longitude": 179.5}, {"longitude": np.array([0.0, 1.0])})
    {'drift_longitude': array([ 179.5, -179.5])}
    """
    places = {f"drift_{name}": start[name] + values for name, values in steps.items()}
    if "drift_longitude" in places:
        east = places["drift_longitude"]
        places["drift_longitude"] = np.where(np.abs(east) > 180, (east + 180) % 360 - 180, east)
    return places
