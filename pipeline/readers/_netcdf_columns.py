"""Level variables of a netCDF file in the project's units: what its readers have in common.

Formats with a reader of their own (ASPEN, MW41, GRUAN) name their variables always alike: their
readers say which name is what (`Known`), and :func:`read_table` does the rest.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME, Extra
from pipeline.readers import _netcdf_layout as layouts
from pipeline.readers import _netcdf_names as names
from pipeline.readers._netcdf_layout import Array, Layout
from pipeline.readers._quantities import PLACE_UNITS, UNITS, convert

# What the output calls percent or degrees_north is % and degree to the converter.
_CONVERTIBLE = {"percent": "%", "degrees_north": "degree", "degrees_east": "degree"}
_NUMBER = re.compile(r"[-+]?(?:\d{1,9}(?:\.\d{0,30})?|\.\d{1,30})", re.ASCII)


class Riding(NamedTuple):
    """A variable that rides along: its name in the file, and units and long name for the output.

    Without units it keeps those that it states.
    """

    variable: str
    units: str = ""
    long_name: str = ""


@dataclass(frozen=True, kw_only=True)
class Known:
    """The names that a format gives its level variables.

    Parameters
    ----------
    format : str
        As errors call it.
    quantities : mapping of str to tuple of str
        By quantity (of `_quantities.UNITS`) the names it may have, the best first.
    riding : mapping of str to Riding
        By the name in the output.
    required : tuple of str
        Quantities without which a file makes no sense, besides pressure and temperature.
    alone : bool
        Whether a file holds one profile, always.
    """

    format: str
    quantities: Mapping[str, tuple[str, ...]]
    riding: Mapping[str, Riding] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    alone: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """The level variables of all profiles of a file, read."""

    layout: Layout
    quantities: Mapping[str, Array]
    riding: Mapping[str, Extra]

    def profile(self, number: int) -> tuple[dict[str, Array], dict[str, Extra]]:
        """Return one profile's quantities and what rides along, without padding."""
        quantities = {
            name: layouts.levels_of(values, self.layout, number)
            for name, values in self.quantities.items()
        }
        riding = {
            name: extra._replace(values=layouts.levels_of(extra.values, self.layout, number))
            for name, extra in self.riding.items()
        }
        if self.layout.instance is None:
            return quantities, riding
        return without_padding(quantities, riding)


def read_table(dataset: Any, known: Known) -> Table:
    """Read what a format is known to have, as far as it is there and has values.

    Parameters
    ----------
    dataset : netCDF4.Dataset
    known : Known

    Returns
    -------
    Table

    Raises
    ------
    ReadError
        When a variable is missing that must be there, or does not lie along the levels.
    """
    found = _required(dataset, known)
    layout = layouts.array_layout(dataset, found["pressure"], found["temperature"])
    if known.alone and layout.count != 1:
        raise ReadError(f"{layout.count} profiles, where a {known.format} is one; it is damaged")
    for quantity, candidates in known.quantities.items():
        if on_levels := _on_levels(dataset, layout, candidates):
            found[quantity] = on_levels[0]
    riding = {
        name: (one, _on_levels(dataset, layout, [one.variable]))
        for name, one in known.riding.items()
    }
    layouts.refuse_large([*found.values(), *(one for _, there in riding.values() for one in there)])
    return Table(
        layout=layout,
        quantities={
            quantity: in_units(level_values(variable, layout), variable, UNITS[quantity])
            for quantity, variable in found.items()
        },
        riding={
            name: _riding(there[0], one, layout) for name, (one, there) in riding.items() if there
        },
    )


def _on_levels(dataset: Any, layout: Layout, candidates: Iterable[str]) -> list[Any]:
    """Return those of some variables that are there and hold a number at each level."""
    there = [dataset.variables[name] for name in candidates if name in dataset.variables]
    return [
        one
        for one in there
        if one.dtype is not str
        and one.dtype.kind in "fiu"
        and layout.level in one.dimensions
        and all(
            name in (layout.level, layout.instance) or size == 1
            for name, size in zip(one.dimensions, one.shape, strict=True)
        )
    ]


def _required(dataset: Any, known: Known) -> dict[str, Any]:
    """Return the variables that must be there; raises ReadError with all that are not."""
    found, missing = {}, []
    for quantity in ("pressure", "temperature", *known.required):
        there = [name for name in known.quantities[quantity] if name in dataset.variables]
        if there:
            found[quantity] = dataset.variables[there[0]]
        else:
            missing.append(f"{quantity.replace('_', ' ')} ({known.quantities[quantity][0]})")
    if missing:
        raise ReadError(
            f"a {known.format} without {', '.join(missing)}; its variables are "
            f"{', '.join(list(dataset.variables)[:20]) or 'none'}"
        )
    return found


def _riding(variable: Any, one: Riding, layout: Layout) -> Extra:
    """Return what rides along, in the units of the output, or its own where those do not fit."""
    values = level_values(variable, layout)
    stated = layouts.attribute(variable, "units").strip()
    long_name = one.long_name or layouts.attribute(variable, "long_name")
    if one.units:
        with contextlib.suppress(ReadError):  # a sounding is not lost for what rides along with it
            target = _CONVERTIBLE.get(one.units, one.units)
            return Extra(in_units(values, variable, target), one.units, long_name)
    return Extra(values, stated or "1", long_name)


def level_values(variable: Any, layout: Layout) -> Array:
    """Return a level variable's numbers, instance before level, missing ones NaN.

    Raises
    ------
    ReadError
        When it holds no numbers, or does not lie along the levels.
    """
    values, left = layouts.along(*names.values_of(variable), layout)
    if values.dtype.kind != "f" or left not in ([layout.level], [layout.instance, layout.level]):
        raise ReadError(
            f"{variable.name} {variable.dimensions} does not lie along the levels "
            f"({layout.level}) as numbers"
        )
    return values


def in_units(values: Array, variable: Any, target: str) -> Array:
    """Return values of a variable, in its stated units, in other units.

    Raises
    ------
    ReadError
        When it states no units, or none that can be converted.
    """
    if "units" not in variable.ncattrs():
        raise ReadError(f"{variable.name} has no attribute units; add it, for example {target!r}")
    try:
        return convert(values, layouts.attribute(variable, "units"), target)
    except ValueError as error:
        raise ReadError(f"{variable.name}: {error}; correct the attribute units") from error


def places(dataset: Any, layout: Layout, named: Mapping[str, str]) -> dict[str, Array]:
    """Return latitude and so on of each profile by variables of these names, NaN where none is.

    Parameters
    ----------
    dataset : netCDF4.Dataset
    layout : Layout
    named : mapping of str to str
        Names of variables by quantity (of `_quantities.PLACE_UNITS`); of values on levels the
        first that is there counts.
    """
    found = {}
    for quantity, name in named.items():
        variable = dataset.variables.get(name)
        values = None if variable is None else names.one_each(variable, layout)
        if variable is None or values is None or values.dtype.kind != "f":
            found[quantity] = np.full(layout.count, np.nan)
        else:
            found[quantity] = in_units(values, variable, PLACE_UNITS[quantity])
    if "longitude" in found:
        found["longitude"] = to_180(found["longitude"])
    return found


def to_180(longitude: Array) -> Array:
    """Return longitudes of 0 to 360 degrees as -180 to 180."""
    return np.where(longitude > 180, longitude - 360, longitude)


def without_padding(
    quantities: Mapping[str, Array], extras: Mapping[str, Extra]
) -> tuple[dict[str, Array], dict[str, Extra]]:
    """Drop what fills a short profile up to the length of the longest: no value in any variable."""
    there = np.any([np.isfinite(values) for values in quantities.values()], axis=0)
    end = int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0
    cut = {name: values[:end] for name, values in quantities.items()}
    return cut, {name: extra._replace(values=extra.values[:end]) for name, extra in extras.items()}


def with_values(extras: Mapping[str, Extra]) -> dict[str, Extra]:
    """Return what rides along and has a value on some level."""
    return {name: one for name, one in extras.items() if np.isfinite(one.values).any()}


def launch_times(dataset: Any, layout: Layout, name: str) -> tuple[Array, tuple[str, ...]]:
    """Return each profile's time by a variable, to the second, and why it has none.

    Parameters
    ----------
    dataset : netCDF4.Dataset
    layout : Layout
    name : str
        Of the variable, with one time a profile.
    """
    unknown = np.full(layout.count, NOT_A_TIME)
    variable = dataset.variables.get(name)
    numbers = None if variable is None else names.one_each(variable, layout)
    if variable is None or numbers is None:
        return unknown, (f"there is no {name} of the sounding",)
    try:
        times = names.decode_times(variable, numbers)
    except (ValueError, TypeError, OverflowError):  # cftime raises any of them
        units = layouts.attribute(variable, "units")
        return unknown, (f"{name} has units {units!r}, which name no date of our calendar",)
    return times, (f"{name} holds no value",) if np.isnat(times).all() else ()


def elapsed(dataset: Any, layout: Layout, launch: np.datetime64) -> Array:
    """Return the seconds since launch of a file of one, by ``time``, NaN where it does not tell."""
    variable = dataset.variables.get("time")
    if variable is None:
        return np.full(len(dataset.dimensions[layout.level]), np.nan)
    numbers = level_values(variable, layout)
    try:
        if " since " not in layouts.attribute(variable, "units"):
            return in_units(numbers, variable, "s")
        dates = names.decode_dates(variable, numbers)
    except (ReadError, ValueError, TypeError, OverflowError):  # cftime raises any of the last
        return np.full(len(numbers), np.nan)
    return (dates - launch) / np.timedelta64(1, "s")


def number_in(text: str) -> float:
    """Return the number that a text such as ``20 m`` begins with, NaN where it does not."""
    found = _NUMBER.match(text.strip())
    return float(found[0]) if found else np.nan
