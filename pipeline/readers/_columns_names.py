"""By what names model output calls its variables: CF's, GRIB's numbers, those of the centres.

CF's standard names go first; then GRIB's own numbers and short names, which cfgrib and the
netCDF-Java library of THREDDS write into attributes; then what files without either call their
variables: NCEP's through THREDDS (``Temperature_isobaric``), ECMWF's (``t``, ``lnsp``), CMIP's
(``ta``, ``hus``). Sources: the CF standard name table 90; WMO manual on codes, GRIB2 code table
4.2; ECMWF's parameter database; netCDF-Java's ``Grib2_Parameter`` and files of both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipeline.readers._netcdf_summary import VariableSummary
from pipeline.readers._quantities import spell

_COMPONENT = "component_of_wind"

#: As the config calls the reader that this module serves.
READER = "model_columns"


class Names(NamedTuple):
    """How a quantity is known: by standard names, GRIB2 numbers, GRIB short names, other names."""

    standard: tuple[str, ...] = ()
    grib2: str = ""
    grib: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


#: What is looked for on levels. Geopotential and its height also go by each other's names: which
#: it is, its units say.
ON_LEVELS = {
    "temperature": Names(("air_temperature",), "0-0-0", ("t",), ("t", "ta", "temperature", "tmp")),
    "dewpoint": Names(("dew_point_temperature",), "0-0-6", ("dpt",), ("dewpoint", "td")),
    "specific_humidity": Names(("specific_humidity",), "0-1-0", ("q",), ("q", "hus", "spfh")),
    "mixing_ratio": Names(("humidity_mixing_ratio",), "0-1-2", ("mixr",), ("mixing_ratio",)),
    "relative_humidity": Names(
        ("relative_humidity",), "0-1-1", ("r",), ("r", "hur", "rh", "relhum", "relative_humidity")
    ),
    "height": Names(
        ("geopotential_height", "altitude", "height_above_mean_sea_level"),
        "0-3-5",
        ("gh",),
        ("gh", "zg", "z3", "hgt", "geopotential_height"),
    ),
    "geopotential": Names(("geopotential",), "0-3-4", ("z",), ("z", "geopotential")),
    "u_wind": Names(("eastward_wind",), "0-2-2", ("u",), ("u", "ua", "ugrd", f"u-{_COMPONENT}")),
    "v_wind": Names(("northward_wind",), "0-2-3", ("v",), ("v", "va", "vgrd", f"v-{_COMPONENT}")),
    "wind_speed": Names(("wind_speed",), "0-2-1", ("ws",)),
    "wind_direction": Names(("wind_from_direction",), "0-2-0", ("wdir",)),
    "pressure": Names(("air_pressure",), "", (), ("pressure", "pres", "p", "pfull")),
}

#: What is looked for once a column.
AT_SURFACE = {
    "surface_pressure": Names(
        ("surface_air_pressure",), "0-3-0", ("sp",), ("sp", "ps", "aps", "psfc", "pressure_surface")
    ),
    "log_surface_pressure": Names((), "", ("lnsp",), ("lnsp",)),
    "surface_altitude": Names(
        ("surface_altitude",), "0-3-5", ("orog",), ("orog", "geopotential_height_surface")
    ),
    "surface_geopotential": Names(("surface_geopotential",), "0-3-4", ("z",), ("phis",)),
}

PLACES = {"latitude": ("lat",), "longitude": ("lon",)}

#: What the option ``variables`` may name.
CHOOSABLE = (*ON_LEVELS, *AT_SURFACE, *PLACES, "time")

#: In what a variable is called at length: then its short name means something else, as in WRF.
_OTHER_THAN_IT_SEEMS = re.compile(r"\b(?:potential|perturbation|virtual|soil|tendency)\b")
_TEMPERATURES = ("kelvin", "degC", "degF")
_KIND_OF_LEVEL = re.compile(r"_(isobaric|hybrid|hybridlevel|pressure_levels?)$")
_SURFACE_OF_GRIB2 = 1


def rank(variable: VariableSummary, known: Names) -> int | None:
    """Return how surely a variable goes by names: 0 surest; None where it does not.

    Parameters
    ----------
    variable : VariableSummary
    known : Names

    Returns
    -------
    int or None
    """
    standard_name = variable.text("standard_name")
    units = variable.text("units")
    if known is ON_LEVELS["temperature"] and units and spell(units) not in _TEMPERATURES:
        return None
    if standard_name in known.standard:
        return known.standard.index(standard_name)
    after = len(known.standard)
    if known.grib2 and _grib2_number(variable) == known.grib2:
        return after
    if variable.text("GRIB_shortName") in known.grib:
        return after + 1
    at_length = f"{variable.text('long_name')} {variable.text('description')}".lower()
    if standard_name not in ("", "unknown") or _OTHER_THAN_IT_SEEMS.search(at_length):
        return None  # it says itself that it is something else
    name = _KIND_OF_LEVEL.sub("", variable.name.lower())
    return after + 2 if name in known.other else None


def is_of_surface(variable: VariableSummary) -> bool:
    """Return whether a variable's GRIB level, where it says one, is the surface."""
    level = variable.attributes.get("Grib2_Level_Type", _SURFACE_OF_GRIB2)
    surface = variable.text("GRIB_typeOfLevel") in ("", "surface", "hybrid")
    return surface and bool(np.all(level == _SURFACE_OF_GRIB2))


def _grib2_number(variable: VariableSummary) -> str:
    """Return discipline, category and number as netCDF-Java writes them: ``0-0-0``."""
    numbers = variable.attributes.get("Grib2_Parameter", ())
    return "-".join(str(number) for number in np.ravel(numbers))


def is_place(variable: VariableSummary, quantity: str) -> bool:
    """Return whether a variable is latitude or longitude: by standard name, units, axis or name."""
    standard_name = variable.text("standard_name")
    if standard_name:
        return standard_name == quantity
    units = variable.text("units").lower()
    compass = {"latitude": "north", "longitude": "east"}[quantity]
    if units in (f"degrees_{compass}", f"degree_{compass}", f"degrees{compass[0]}"):
        return True
    axis = variable.text("_CoordinateAxisType").lower()
    return axis == PLACES[quantity][0] or variable.name.lower() in (quantity, *PLACES[quantity])


def is_pressure_axis(variable: VariableSummary) -> bool:
    """Return whether a coordinate is the pressure of levels (not of layers between two)."""
    if "layer" in variable.name.lower() or "difference" in variable.name.lower():
        return False
    grib_level = variable.attributes.get("Grib_level_type", 100)
    if not np.all(grib_level == 100):
        return False
    return variable.text("standard_name") == "air_pressure" or (
        bool(variable.text("units")) and spell(variable.text("units")) in ("Pa", "hPa", "kPa")
    )


def is_hybrid_axis(variable: VariableSummary) -> bool:
    """Return whether a coordinate is a hybrid of sigma and pressure."""
    standard_name = variable.text("standard_name")
    return (
        standard_name
        in (
            "atmosphere_hybrid_sigma_pressure_coordinate",
            "hybrid_sigma_pressure",
        )
        or {"b", "ps"} <= formula_terms(variable).keys()
    )


def formula_terms(variable: VariableSummary) -> Mapping[str, str]:
    """Return CF's ``formula_terms``: which variable is which term.

    Examples
    --------
    >>> terms = VariableSummary(name="lev", dimensions=("lev",), shape=(60,), kind="f",
    ...                         attributes={"formula_terms": "a: hyam b: hybm ps: PS"})
    >>> formula_terms(terms)
    {'a': 'hyam', 'b': 'hybm', 'ps': 'PS'}
    """
    return dict(re.findall(r"(\w+)\s*:\s*([\w.+-]+)", variable.text("formula_terms")))


def along_grid(variable: VariableSummary, is_turned: bool) -> bool:
    """Return whether a wind component is along the grid's axes, not east or north.

    Parameters
    ----------
    variable : VariableSummary
    is_turned : bool
        Whether the axes of the grid can be others than east and north.
    """
    if not is_turned:
        return False
    if "GRIB_uvRelativeToGrid" in variable.attributes:
        return bool(np.all(variable.attributes["GRIB_uvRelativeToGrid"] == 1))
    return variable.text("standard_name") not in ("eastward_wind", "northward_wind")
