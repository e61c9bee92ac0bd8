"""What the columns and variables of a file may be, their units, and the six a profile needs.

Files say humidity and wind in several ways. Readers that meet any of them (`profile_netcdf`,
`table`) collect what is there by the names of `UNITS`, and :func:`build` makes a profile of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pipeline.profiles import (
    LEVEL_VARIABLES,
    Extra,
    FloatArray,
    Profile,
    as_floats,
    wind_components,
)
from pipeline.readers._riding import riding
from pipeline.readers._text import shorten

STANDARD_GRAVITY = 9.80665
"""m s-2, by which geopotential becomes geopotential height (WMO, and exact by definition)."""

#: What a value on a level may be, and the units in which the project holds it.
UNITS = {
    "pressure": "hPa",
    "temperature": "degC",
    "dewpoint": "degC",
    "height": "m",
    "u_wind": "m s-1",
    "v_wind": "m s-1",
    "relative_humidity": "%",
    "specific_humidity": "kg kg-1",
    "mixing_ratio": "kg kg-1",
    "geopotential": "m2 s-2",
    "height_above_ground": "m",
    "wind_speed": "m s-1",
    "wind_direction": "degree",
}

#: The same for the numbers that a profile has once.
PLACE_UNITS = {"latitude": "degree", "longitude": "degree", "surface_altitude": "m"}

# How files spell units, in lower case, where pint knows the spelling not at all or as something
# else: to pint "C" is coulomb and "mb" millibarn.
_SPELLINGS = {
    **dict.fromkeys(("hpa", "mb", "mbar", "mbars", "millibar", "millibars"), "hPa"),
    **dict.fromkeys(("pa", "pascal", "pascals"), "Pa"),
    "kpa": "kPa",
    **dict.fromkeys(("c", "degc", "deg c", "deg_c", "°c", "celsius", "degree celsius"), "degC"),
    **dict.fromkeys(("degrees c", "degrees celsius", "degree_c", "degrees_c"), "degC"),
    **dict.fromkeys(("degree_celsius", "degrees_celsius"), "degC"),
    **dict.fromkeys(("k", "kelvin", "kelvins", "degk", "deg k"), "kelvin"),
    **dict.fromkeys(("f", "degf", "deg f", "°f", "fahrenheit"), "degF"),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres", "gpm", "gp m"), "m"),
    **dict.fromkeys(("geopotential meter", "geopotential meters", "geopotential metres"), "m"),
    **dict.fromkeys(("m s-1", "m/s", "m.s-1", "ms-1", "mps", "m s^-1", "m s**-1"), "m s-1"),
    **dict.fromkeys(("knot", "knots", "kt", "kts", "kn"), "knot"),
    **dict.fromkeys(("%", "percent", "pct"), "%"),
    **dict.fromkeys(("1", "", "fraction"), "dimensionless"),
    **dict.fromkeys(("degree", "degrees", "deg", "°", "degree_true", "degrees_true"), "degree"),
    **dict.fromkeys(("degree true", "degrees true", "deg true", "deg_true"), "degree"),
    **dict.fromkeys(("degree_n", "degrees_n", "degree_north", "degrees_north"), "degree"),
    **dict.fromkeys(("degree_e", "degrees_e", "degree_east", "degrees_east"), "degree"),
    **dict.fromkeys(("g kg-1", "g/kg", "gram/kg", "1e-3", "0.001"), "g/kg"),
    **dict.fromkeys(("kg kg-1", "kg/kg", "kg kg**-1"), "kg kg-1"),
    **dict.fromkeys(("m2 s-2", "m**2 s**-2", "m2/s2", "m^2/s^2"), "m2 s-2"),
}
_SEA_LEVEL = re.compile(r"[\s_]*(?:above[\s_]mean[\s_]sea[\s_]level|a?m?sl)$", re.IGNORECASE)
_EXPONENT = re.compile(r"(?<=[A-Za-z])(?=-?\d)")
# pint computes what is written, and would work on 9**9**9 for days.
_LONGEST = 60
_POWER_OF_POWER = re.compile(
    r"(?:\*\*|\^)\s*[-+]*(?:\d{2}|\(|[\d.]+\s*(?:\*\*|\^))|\)\s*(?:\*\*|\^)"
)
_PRODUCT_DOT = re.compile(r"(?<=[A-Za-z\d])\.(?=[A-Za-z])")


def convert(values: ArrayLike, units: str, target: str) -> FloatArray:
    """Return values in other units, bit for bit unchanged where the units are the same.

    Parameters
    ----------
    values : array_like, shape (levels,)
        In `units`; masked entries become NaN.
    units : str
        As files spell them: ``C``, ``K``, ``mb``, ``m s-1``, ``knots``, ``gpm``, ``percent``.
    target : str
        One of the project's units (`UNITS`, `PLACE_UNITS`).

    Returns
    -------
    numpy.ndarray of float64, shape (levels,)

    Raises
    ------
    ValueError
        When the units are not known or measure something else; says which.

    Examples
    --------
    >>> convert([101325.0], "Pa", "hPa"), convert([0.0], "kelvin", "degC")
    (array([1013.25]), array([-273.15]))
    """
    plain = spell(units)
    if plain == target:
        return as_floats(values)
    source, goal = _unit(plain), _unit(spell(target))
    # To pint an angle has no dimension: a direction in "1" would pass for radians.
    angle_from_number = target == "degree" and plain in ("dimensionless", "%")
    if angle_from_number or not source.is_compatible_with(goal):
        raise ValueError(f"units {units!r} cannot be converted to {target}")
    return as_floats(_registry().Quantity(as_floats(values), source).to(goal).magnitude)


def spell(units: str) -> str:
    """Return units as the project or pint spells them, as far as their spelling is known here."""
    text = " ".join(str(units).split())
    text = _SEA_LEVEL.sub("", text) or text
    return _SPELLINGS.get(text.lower(), text)


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry()


@lru_cache(maxsize=256)
def _unit(text: str) -> Any:
    """Return pint's unit for a text; raises ValueError where it knows none."""
    plain = _EXPONENT.sub("**", _PRODUCT_DOT.sub("*", text))
    if len(plain) > _LONGEST or _POWER_OF_POWER.search(plain):
        raise ValueError(f"units {shorten(text)!r} are not known")
    try:
        return _registry().Unit(plain)
    except MemoryError:
        raise
    except Exception as error:  # what pint raises depends on where its parser gives up
        raise ValueError(f"units {text!r} are not known") from error


def build(
    quantities: Mapping[str, FloatArray],
    notes: tuple[str, ...] = (),
    extras: Mapping[str, Extra] | None = None,
    **facts: Any,
) -> Profile:
    """Return the profile that follows from what a file gives, derived where it gives it otherwise.

    Dewpoint comes from relative humidity, specific humidity or mixing ratio, winds from speed and
    direction, height from geopotential or height above ground; each only where the file does not
    give the thing itself, and with a note.

    Parameters
    ----------
    quantities : dict of str to numpy.ndarray, shape (levels,)
        By the names of `UNITS` and in those units, in the file's order; at least `pressure`.
    notes : tuple of str
        What the reader has to say already.
    extras : dict of str to Extra, optional
        Level variables that ride along.
    **facts
        The other fields of :class:`~pipeline.profiles.Profile`: `station_id`, `time` and so on.

    Returns
    -------
    Profile

    Examples
    --------
    >>> profile = build({"pressure": np.array([1000.0]), "geopotential": np.array([980.665])})
    >>> profile.height, profile.notes
    (array([100.]), ('height from geopotential',))
    """
    levels: dict[str, Any] = {
        name: quantities[name] for name in LEVEL_VARIABLES if name in quantities
    }
    added: list[str] = []
    _add_dewpoint(levels, quantities, added)
    _add_height(levels, quantities, facts.get("surface_altitude", np.nan), added)
    _add_wind(levels, quantities, added)
    derived = {name for name in levels if levels[name] is not quantities.get(name)}
    along = {}
    if "relative_humidity" in quantities:
        along = riding({"reported_relative_humidity": quantities["relative_humidity"]})
    along |= extras or {}
    return Profile(
        **levels, **facts, extras=along, derived=frozenset(derived), notes=(*notes, *added)
    )


def has_values(quantities: Mapping[str, FloatArray], *names: str) -> bool:
    """Return whether all of some quantities are there, each with a value on some level."""
    return all(name in quantities and np.isfinite(quantities[name]).any() for name in names)


def _add_dewpoint(
    levels: dict[str, FloatArray], quantities: Mapping[str, FloatArray], notes: list[str]
) -> None:
    if has_values(levels, "dewpoint"):
        return
    for source, partner in _HUMIDITY.items():
        if has_values(quantities, source, partner):
            levels["dewpoint"] = dewpoint_from(source, quantities[source], quantities[partner])
            notes.append(f"dewpoint from {source.replace('_', ' ')}")
            return


#: Humidities from which dewpoint follows, the nearest to what a sonde measures first, each with
#: what else it takes.
_HUMIDITY = {
    "relative_humidity": "temperature",
    "specific_humidity": "pressure",
    "mixing_ratio": "pressure",
}


def dewpoint_from(source: str, humidity: FloatArray, partner: FloatArray) -> FloatArray:
    """Return dewpoint in degC by MetPy; humidity that is not above zero gives none.

    Parameters
    ----------
    source : {"relative_humidity", "specific_humidity", "mixing_ratio"}
    humidity : numpy.ndarray, shape (levels,)
        % for relative humidity, else kg kg-1.
    partner : numpy.ndarray, shape (levels,)
        Temperature in degC for relative humidity, else pressure in hPa.

    Returns
    -------
    numpy.ndarray, shape (levels,)

    Examples
    --------
    >>> dewpoint_from("relative_humidity", np.array([100.0, 0.0]), np.array([20.0, 20.0])).round(2)
    array([19.98,   nan])
    """
    import metpy.calc
    from metpy.units import units

    wet = units.Quantity(np.where(humidity > 0, humidity, np.nan), "%")
    if source == "relative_humidity":
        result = metpy.calc.dewpoint_from_relative_humidity(units.Quantity(partner, "degC"), wet)
        return as_floats(result.m_as("degC"))
    wet = units.Quantity(wet.magnitude, "kg/kg")
    pressure = units.Quantity(partner, "hPa")
    if source == "specific_humidity":
        return as_floats(metpy.calc.dewpoint_from_specific_humidity(pressure, wet).m_as("degC"))
    return as_floats(metpy.calc.dewpoint(metpy.calc.vapor_pressure(pressure, wet)).m_as("degC"))


def _add_height(
    levels: dict[str, FloatArray],
    quantities: Mapping[str, FloatArray],
    surface_altitude: float,
    notes: list[str],
) -> None:
    if has_values(levels, "height"):
        return
    if has_values(quantities, "geopotential"):
        levels["height"] = quantities["geopotential"] / STANDARD_GRAVITY
        notes.append("height from geopotential")
    elif has_values(quantities, "height_above_ground"):
        if np.isfinite(surface_altitude):
            levels["height"] = quantities["height_above_ground"] + surface_altitude
            notes.append("height from height above ground and the surface's altitude")
        else:
            notes.append("heights are above ground and left out: the surface's altitude is missing")


def _add_wind(
    levels: dict[str, FloatArray], quantities: Mapping[str, FloatArray], notes: list[str]
) -> None:
    if has_values(levels, "u_wind", "v_wind"):
        return
    if has_values(quantities, "wind_speed", "wind_direction"):
        speed, direction = quantities["wind_speed"], quantities["wind_direction"]
        levels["u_wind"], levels["v_wind"] = wind_components(speed, direction)
        notes.append("winds from speed and direction")
