"""Radiosondes of Vaisala's MW41, as eurec4a_snd first wrote them to netCDF.

One or more ``trajectory`` of ``levels``: ``pressure`` (hPa), ``temperature`` and ``dewPoint``
(degrees_Celsius), ``humidity`` (%), ``altitude`` (m), ``windSpeed`` (m/s) and ``windDirection``
(degrees), every second of the flight. Their times cannot be decoded: ``flight_time`` has units
``seconds since launchtime``, and ``launch_time`` is empty in some versions, which say the launch in
global attributes only (``launch_unixtime``, or ``date_YYYYMMDD`` and ``time_of_launch_HHmmss``).

Source: the files; eurec4a_snd 0.0.21, ``L1_rs41.py``. Later versions write CF: `profile_netcdf`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.profiles import NOT_A_TIME, Profile
from pipeline.readers import _netcdf_layout as layouts
from pipeline.readers import _netcdf_names as names
from pipeline.readers._netcdf_columns import (
    Known,
    Riding,
    launch_times,
    level_values,
    number_in,
    places,
    read_table,
    with_values,
)
from pipeline.readers._netcdf_kinds import why_not
from pipeline.readers._netcdf_layout import Array, Layout
from pipeline.readers._netcdf_summary import opened
from pipeline.readers._quantities import build
from pipeline.readers._riding import VOCABULARY, riding

NAME = "mw41_netcdf"
DESCRIPTION = "Vaisala MW41 radiosondes, netCDF of eurec4a_snd with undecodable times"

KNOWN = Known(
    format="sounding of MW41",
    quantities={
        "pressure": ("pressure",),
        "temperature": ("temperature",),
        "dewpoint": ("dewPoint",),
        "relative_humidity": ("humidity",),
        "height": ("altitude",),
        "wind_speed": ("windSpeed",),
        "wind_direction": ("windDirection",),
    },
    riding={
        "ascent_rate": Riding("ascentRate", *VOCABULARY["ascent_rate"]),
        "drift_latitude": Riding("latitude", *VOCABULARY["drift_latitude"]),
        "drift_longitude": Riding("longitude", *VOCABULARY["drift_longitude"]),
    },
)

#: s since 1970: no sonde flew before 1930, and none will after 2200.
_LAUNCHES = (-1.3e9, 7.3e9)
_SINCE_LAUNCH = "seconds since launchtime"


def sniff(head: bytes, path: Path) -> str | None:
    """Return None for such files, otherwise why it is none.

    Examples
    --------
    >>> sniff(b"%TITLE%", Path("14061619.OAX"))
    'not netCDF'
    """
    return why_not(NAME, head, path)


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of such a file, levels as they stand in it.

    Parameters
    ----------
    path : Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        In the project's units.

    Raises
    ------
    ReadError
        When the file is damaged, or a variable or its units make no sense.
    """
    with opened(path) as dataset:
        table = read_table(dataset, KNOWN)
        layout = table.layout
        times, notes = _launches(dataset, layout)
        stations = _stations(dataset, layout)
        position = places(dataset, layout, {"latitude": "latitude", "longitude": "longitude"})
        name = layouts.attribute(dataset, "platform_name").strip()
        altitude = number_in(layouts.attribute(dataset, "surface_altitude"))
        elapsed = _elapsed(dataset, layout)
    for number in range(layout.count):
        quantities, along = table.profile(number)
        if elapsed is not None:
            since = layouts.levels_of(elapsed, layout, number)[: len(quantities["pressure"])]
            along |= riding({"elapsed_time": since})
        yield build(
            quantities,
            notes,
            with_values(along),
            time=times[number],
            station_id=stations[number],
            station_name=name,
            surface_altitude=altitude,
            **{quantity: float(values[number]) for quantity, values in position.items()},
        )


def _launches(dataset: Any, layout: Layout) -> tuple[Array, tuple[str, ...]]:
    """Return each launch: by the variable, else by the global attributes of a file of one."""
    times, notes = launch_times(dataset, layout, "launch_time")
    if not np.isnat(times).all() or layout.count != 1:
        return times, notes
    for source, time in (
        ("launch_unixtime", _by_seconds(getattr(dataset, "launch_unixtime", None))),
        ("date_YYYYMMDD and time_of_launch_HHmmss", _by_words(dataset)),
    ):
        if not np.isnat(time):
            note = f"{notes[0]}; the launch is from the global attribute {source}"
            return np.array([time], dtype="datetime64[s]"), (note,)
    return times, notes


def _by_seconds(seconds: Any) -> np.datetime64:
    """Return a time by seconds since 1970, NaT for what makes no sense."""
    try:
        number = float(seconds)
    except (TypeError, ValueError):
        return NOT_A_TIME
    if not _LAUNCHES[0] < number < _LAUNCHES[1]:
        return NOT_A_TIME
    return np.datetime64(round(number), "s")


def _by_words(dataset: Any) -> np.datetime64:
    day, clock = (
        layouts.attribute(dataset, name) for name in ("date_YYYYMMDD", "time_of_launch_HHmmss")
    )
    try:
        return np.datetime64(datetime.strptime(f"{day} {clock}", "%Y%m%d %H%M%S"), "s")
    except ValueError:
        return NOT_A_TIME


def _elapsed(dataset: Any, layout: Layout) -> Array | None:
    """Return the seconds since launch at each level, where they are what their units say."""
    variable = dataset.variables.get("flight_time")
    if variable is None or layouts.attribute(variable, "units") != _SINCE_LAUNCH:
        return None
    return level_values(variable, layout)


def _stations(dataset: Any, layout: Layout) -> list[str]:
    """Return each sounding's station: what its identifier begins with, ``BCO__13.163_...``."""
    variable = dataset.variables.get("trajectory")
    found = None if variable is None else names.one_each(variable, layout)
    if found is None:
        return [""] * layout.count
    return [str(text).strip("\0 ").partition("__")[0] for text in found]
