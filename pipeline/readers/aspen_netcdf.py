"""Dropsondes after ASPEN's quality control: the netCDF files that NCAR's ASPEN writes.

One sonde a file. Records on ``time``: ``pres`` (hPa), ``tdry`` and ``dp`` (degC), ``rh`` (percent),
``u_wind`` and ``v_wind`` (m/s), ``alt`` (m above sea level, by ASPEN from pressure, temperature and
humidity), ``gpsalt`` (m); -999 is missing. PTU comes twice a second and wind four times, so about
half of the records lack pressure. ``launch_time`` and ``reference_*`` tell when and where the
aircraft let the sonde go; the global attribute ``SondeId`` is its serial number.

Levels come from the surface up; what was recorded before the launch is left out. The profile's
position is where the sonde was released, as its time is when; where it drifted to rides along. What
ASPEN computes from the rest (mixing ratio, potential temperatures) is left out.

Source: the files; Martin and Suhr, Atmospheric Sounding Processing ENvironment (ASPEN), NCAR/EOL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.profiles import Profile
from pipeline.readers import _netcdf_layout as layouts
from pipeline.readers._dropsondes import after_release, from_the_surface_up, only_where
from pipeline.readers._netcdf_columns import (
    Known,
    Riding,
    elapsed,
    launch_times,
    number_in,
    places,
    read_table,
    with_values,
)
from pipeline.readers._netcdf_kinds import why_not
from pipeline.readers._netcdf_layout import Array
from pipeline.readers._netcdf_summary import opened
from pipeline.readers._quantities import build
from pipeline.readers._riding import VOCABULARY, riding

NAME = "aspen_netcdf"
DESCRIPTION = "dropsondes after ASPEN quality control, netCDF; from the surface up"

KNOWN = Known(
    format="dropsonde of ASPEN",
    alone=True,
    quantities={
        "pressure": ("pres",),
        "temperature": ("tdry",),
        "dewpoint": ("dp",),
        "relative_humidity": ("rh",),
        "height": ("alt",),
        "u_wind": ("u_wind",),
        "v_wind": ("v_wind",),
        "wind_speed": ("wspd",),
        "wind_direction": ("wdir",),
    },
    riding={
        "gps_altitude": Riding("gpsalt", *VOCABULARY["gps_altitude"]),
        "ascent_rate": Riding("dz", *VOCABULARY["ascent_rate"]),
        "upward_air_velocity": Riding("w_wind", *VOCABULARY["upward_air_velocity"]),
        "drift_latitude": Riding("lat", *VOCABULARY["drift_latitude"]),
        "drift_longitude": Riding("lon", *VOCABULARY["drift_longitude"]),
    },
)

DROPSONDE = "a dropsonde: station_id is its number; time and position are those of the release"

#: Where the aircraft was at the launch.
RELEASE = {"latitude": "reference_lat", "longitude": "reference_lon"}


def sniff(head: bytes, path: Path) -> str | None:
    """Return None for ASPEN's files, otherwise why it is none.

    Examples
    --------
    >>> sniff(b"%TITLE%", Path("14061619.OAX"))
    'not netCDF'
    """
    return why_not(NAME, head, path)


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the one sounding of an ASPEN file, from the surface up.

    Parameters
    ----------
    path : Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        In the project's units, without records from before the launch.

    Raises
    ------
    ReadError
        When the file is damaged, or a variable or its units make no sense.
    """
    with opened(path) as dataset:
        table = read_table(dataset, KNOWN)
        times, notes = launch_times(dataset, table.layout, "launch_time")
        since = elapsed(dataset, table.layout, times[0])
        released = places(dataset, table.layout, RELEASE)
        facts = {"surface_altitude": _surface(dataset), **_station(dataset)}
    quantities, along = table.profile(0)
    along |= riding({"elapsed_time": since})
    columns = {**quantities, **{name: extra.values for name, extra in along.items()}}
    columns, left_out = only_where(columns, after_release(since, 0.0))
    notes += (DROPSONDE,)
    if left_out:
        notes += (f"records from before the launch left out: {left_out}",)
    columns = from_the_surface_up(columns)
    facts |= _position(released, columns)
    along = {name: extra._replace(values=columns[name]) for name, extra in along.items()}
    yield build(
        {name: columns[name] for name in quantities},
        notes,
        with_values(along),
        time=times[0],
        **facts,
    )


def _position(released: Mapping[str, Array], columns: Mapping[str, Array]) -> dict[str, float]:
    """Return where the sonde was released; where that is not said, its fix furthest up."""
    position = {name: float(values[0]) for name, values in released.items()}
    if not np.isnan([*position.values()]).any():
        return position
    fixes = {name: columns.get(f"drift_{name}", np.empty(0)) for name in position}
    there = np.flatnonzero(np.isfinite(fixes["latitude"]) & np.isfinite(fixes["longitude"]))
    return {name: float(fixes[name][there[-1]]) if len(there) else np.nan for name in fixes}


def _surface(dataset: Any) -> float:
    """Return the altitude of the surface, where the sonde reached it and ASPEN knew it."""
    reached = layouts.attribute(dataset, "DropsondeHitSfc").strip() == "1"
    known = layouts.attribute(dataset, "SfcAltUnknown").strip() != "1"
    return number_in(layouts.attribute(dataset, "SfcAltitude")) if reached and known else np.nan


def _station(dataset: Any) -> dict[str, str]:
    """Return the sonde's serial number, and the aircraft."""
    aircraft = [layouts.attribute(dataset, name) for name in ("PlatformType", "PlatformId")]
    return {
        "station_id": layouts.attribute(dataset, "SondeId").strip(),
        "station_name": " ".join(text.strip() for text in aircraft if text.strip()),
    }
