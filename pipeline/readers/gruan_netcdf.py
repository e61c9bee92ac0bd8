"""Radiosondes of GRUAN, the reference upper-air network: its data products (GDP), in netCDF.

One ascent a file, every second of it along ``time``. RS92-GDP version 2 has ``press`` (hPa),
``temp`` (K), ``rh`` (0 to 1), ``wdir`` (degree), ``wspeed``, ``u`` and ``v`` (m s-1), ``geopot``
(geopotential height) and ``alt`` (m), with uncertainties ``u_temp``, ``u_rh``, ``u_press`` and so
on. RS41-GDP version 1, and the products of other sondes since, have ``rh`` in %, ``dp`` (K),
``wzon``, ``wmeri`` and ``alt_gph``, with uncertainties ``temp_uc``, ``rh_uc`` and so on, and name
the site and the launch by other global attributes. Units are those that each variable states; NaN
is missing. Uncertainties ride along under the product's names; the factor k of their coverage is
not the same in all products, and stands in their descriptions only.

Source: Dirksen et al. 2014 (doi:10.5194/amt-7-4463-2014); GRUAN-TD-8 (RS41); what others read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.profiles import NOT_A_TIME, Profile
from pipeline.readers import _netcdf_layout as layouts
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
from pipeline.readers._netcdf_layout import Layout
from pipeline.readers._netcdf_summary import opened
from pipeline.readers._quantities import build
from pipeline.readers._riding import VOCABULARY, riding

NAME = "gruan_netcdf"
DESCRIPTION = "GRUAN radiosonde products (RS92-GDP, RS41-GDP and others), with uncertainties"

KNOWN = Known(
    format="GRUAN product",
    alone=True,
    quantities={
        "pressure": ("press",),
        "temperature": ("temp",),
        "dewpoint": ("dp",),
        "relative_humidity": ("rh",),
        "height": ("alt_gph", "geopot", "alt"),
        "u_wind": ("wzon", "u"),
        "v_wind": ("wmeri", "v"),
        "wind_speed": ("wspeed",),
        "wind_direction": ("wdir",),
    },
    required=("relative_humidity",),
    riding={
        "geometric_altitude": Riding("alt", *VOCABULARY["geometric_altitude"]),
        "drift_latitude": Riding("lat", *VOCABULARY["drift_latitude"]),
        "drift_longitude": Riding("lon", *VOCABULARY["drift_longitude"]),
    },
)

#: An uncertainty, in the first way of naming it or the second, and of what it is one.
_UNCERTAINTY = re.compile(r"u_(?:std_|cor_)?(\w+)|(\w+?)_uc(?:_\w+)?")
#: Units in which the uncertainty of a variable rides along, as the project has the variable;
#: a difference of temperatures is the same in K and in degC.
_UNITS = {"press": "hPa", "rh": "percent"}

_SITE = ("g.Site.Key", "g.General.SiteCode")
_SITE_NAME = ("g.Site.Name", "g.General.SiteName")
_START = ("g.Measurement.StartTime", "g.Ascent.StartTime")
_STANDARD = ("g.Measurement.StandardTime", "g.Ascent.StandardTime")
_SOUTH_OR_WEST = re.compile(r"(?:south|west|[SW])\s*$")


def sniff(head: bytes, path: Path) -> str | None:
    """Return None for products of GRUAN, otherwise why it is none.

    Examples
    --------
    >>> sniff(b"%TITLE%", Path("14061619.OAX"))
    'not netCDF'
    """
    return why_not(NAME, head, path)


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the one ascent of a GRUAN product.

    Parameters
    ----------
    path : Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        In the project's units, levels as they stand in the file; uncertainties ride along.

    Raises
    ------
    ReadError
        When the file is damaged, or a variable is missing (says which) or has no known units.
    """
    with opened(path) as dataset:
        table = read_table(dataset, _with_uncertainties(dataset))
        variables = set(dataset.variables)
        time, notes = _launch(dataset, table.layout)
        since = elapsed(dataset, table.layout, time)
        facts = {**_place(dataset, table.layout), **_site(dataset)}
    quantities, along = table.profile(0)
    if not {"alt_gph", "geopot"} & variables:
        notes += ("heights are not geopotential ones",)
    along |= riding({"elapsed_time": since})
    yield build(quantities, notes, with_values(along), time=time, **facts)


def _with_uncertainties(dataset: Any) -> Known:
    """Return what is known, with the uncertainties that this product has."""
    found = {}
    for name in dataset.variables:
        if match := _UNCERTAINTY.fullmatch(name):
            found[name] = Riding(name, _UNITS.get(match[1] or match[2], ""))
    return replace(KNOWN, riding={**KNOWN.riding, **found})


def _launch(dataset: Any, layout: Layout) -> tuple[np.datetime64, tuple[str, ...]]:
    """Return when the sonde was released, or what is nearest to it."""
    if not np.isnat(start := _time(_first(dataset, _START))):
        return start, ()
    if not np.isnat(standard := _time(_first(dataset, _STANDARD))):
        return standard, ("the time is the nominal one, the file does not say the release",)
    times, notes = launch_times(dataset, layout, "time")
    return times[0], notes


def _time(text: str) -> np.datetime64:
    """Return a time such as ``2018-01-10T11:02:15.000Z`` to the second, NaT for what is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return NOT_A_TIME
    if time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return (np.datetime64(time, "us") + np.timedelta64(500, "ms")).astype("datetime64[s]")


def _place(dataset: Any, layout: Layout) -> dict[str, float]:
    """Return position and altitude of the launch: of the sonde's first fix, or as the site says."""
    position = places(dataset, layout, {"latitude": "lat", "longitude": "lon"})
    found = {name: float(values[0]) for name, values in position.items()}
    if np.isnan([*found.values()]).any():
        found = {name: _angle(_first(dataset, _of_site(name))) for name in found}
    return {**found, "surface_altitude": number_in(_first(dataset, _of_site("altitude")))}


def _of_site(name: str) -> tuple[str, ...]:
    return tuple(f"g.{holder}.{name.capitalize()}" for holder in ("MeasuringSystem", "Site"))


def _angle(text: str) -> float:
    """Return degrees north or east by a text such as ``71.32 °``, ``45.04 °S`` or ``169.7 °W``."""
    number = number_in(text)
    return -number if _SOUTH_OR_WEST.search(text) else number


def _site(dataset: Any) -> dict[str, str]:
    return {"station_id": _first(dataset, _SITE), "station_name": _first(dataset, _SITE_NAME)}


def _first(dataset: Any, names: tuple[str, ...]) -> str:
    """Return the first of some global attributes that says something."""
    said = (layouts.attribute(dataset, name).strip() for name in names)
    return next((text for text in said if text), "")
