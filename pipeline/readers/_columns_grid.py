"""How columns lie in model output: which variables make them, along which dimensions.

All from names, dimensions and attributes, without a value read, so that it serves for sniffing too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.errors import ReadError
from pipeline.readers import _columns_names as names
from pipeline.readers._columns_names import AT_SURFACE, ON_LEVELS, READER
from pipeline.readers._netcdf_summary import Described, VariableSummary
from pipeline.readers._text import shorten

Variables = Mapping[str, VariableSummary]

#: From the standard name of a time to how sure it is that the values are valid then.
_TIMES = {"time": 0, "": 1, "forecast_reference_time": 2}


class Axis(NamedTuple):
    """The levels: pressures, a hybrid of sigma and pressure, or a field of pressures.

    `variable` says them, `dimension` they run along.
    """

    kind: str
    dimension: str
    variable: str


class Place(NamedTuple):
    """Where a variable's columns stand: the variables of their position, and its dimensions."""

    latitude: str
    longitude: str
    dimensions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What makes the columns of a file.

    Parameters
    ----------
    place : Place
    axis : Axis
        Of temperature.
    records : tuple of str
        The other dimensions of temperature: times, mostly.
    levels : mapping of str to str
        The variables on levels, by quantity.
    axes : mapping of str to Axis
        Of each of them: humidity often has fewer levels, on a dimension of its own.
    once : mapping of str to str
        The variables with one value a column, by quantity.
    time : str
        The variable of the times; empty where there is none.
    notes : tuple of str
    """

    place: Place
    axis: Axis
    records: tuple[str, ...]
    levels: Mapping[str, str]
    axes: Mapping[str, Axis]
    once: Mapping[str, str]
    time: str
    notes: tuple[str, ...] = ()


def find(variables: Variables, about: Described, chosen: Mapping[str, str]) -> Grid:
    """Find out how the columns of a file lie.

    Parameters
    ----------
    variables : mapping of str to VariableSummary
    about : Described
        The file's own attributes.
    chosen : mapping of str to str
        The names of variables that the user told, by quantity.

    Returns
    -------
    Grid

    Raises
    ------
    ReadError
        When there are no columns, or it is unclear which variable is what.
    """
    _refuse_profiles(variables, about)
    for name in chosen.values():
        if name not in variables:
            raise ReadError(
                f"options: variables: there is no variable {name!r} in the file, only "
                f"{shorten(', '.join(variables), 300)}"
            )
    temperature, place, axis = _temperature(variables, chosen)
    records = tuple(
        name for name in temperature.dimensions if name not in (*place.dimensions, axis.dimension)
    )
    found = {"temperature": (temperature.name, axis)}
    notes: list[str] = []
    for quantity in ON_LEVELS:
        if quantity not in ("temperature", "pressure"):
            one = _other(variables, quantity, chosen, (temperature, place, axis), notes)
            found |= {} if one is None else {quantity: one}
    return Grid(
        place=place,
        axis=axis,
        records=records,
        levels={quantity: name for quantity, (name, _) in found.items()},
        axes={quantity: axis for quantity, (_, axis) in found.items()},
        once=_once(variables, chosen, place, temperature) | _of_formula(variables, chosen, axis),
        time=_time(variables, chosen, records),
        notes=tuple(notes),
    )


def _refuse_profiles(variables: Variables, about: Described) -> None:
    feature = about.text("featureType")
    if feature and feature.lower() != "grid":
        raise ReadError(f"featureType is {feature}: no grid of columns")
    for variable in variables.values():
        if {"cf_role", "sample_dimension", "instance_dimension"} & variable.attributes.keys():
            raise ReadError(f"{variable.name} tells profiles apart one by one: no grid of columns")


def _candidates(
    variables: Variables, quantity: str, chosen: Mapping[str, str]
) -> Iterator[tuple[int, VariableSummary]]:
    """Yield the variables that may be a quantity on levels, each with how sure it is."""
    for variable in variables.values():
        if quantity in chosen:
            sure = 0 if variable.name == chosen[quantity] else None
        else:
            sure = names.rank(variable, ON_LEVELS[quantity])
        if sure is not None and variable.kind in "fiu":
            yield sure, variable


def _temperature(
    variables: Variables, chosen: Mapping[str, str]
) -> tuple[VariableSummary, Place, Axis]:
    """Return the temperature of the columns, and how it lies; on the most levels if on several."""
    placed = []
    why = "no variable is known as air temperature by standard_name, GRIB number or name"
    for sure, variable in _candidates(variables, "temperature", chosen):
        place = _place(variables, variable, chosen)
        axis = place and _axis(variables, variable, place, chosen)
        if place and axis:
            placed.append((sure, -_size(variable, axis.dimension), variable, place, axis))
        elif len(variable.dimensions) > 1:
            why = f"{variable.name} ({', '.join(variable.dimensions)}) has no "
            why += "levels of pressure or hybrid levels" if place else "latitudes and longitudes"
    placed.sort(key=lambda one: one[:2])
    if not placed:
        raise ReadError(
            f"no columns of a grid: {why}; if there are, use format: {READER} with options: "
            "{variables: {temperature: its name}}"
        )
    if len(placed) > 1 and placed[0][:2] == placed[1][:2]:
        raise _unclear("temperature", [one[2] for one in placed if one[:2] == placed[0][:2]])
    return placed[0][2:]


def _other(
    variables: Variables,
    quantity: str,
    chosen: Mapping[str, str],
    known: tuple[VariableSummary, Place, Axis],
    notes: list[str],
) -> tuple[str, Axis] | None:
    """Return the variable that is a quantity on the columns of temperature, and its levels."""
    temperature, place, axis = known
    placed, elsewhere = [], []
    for sure, variable in _candidates(variables, quantity, chosen):
        its_axis = None
        if _place(variables, variable, chosen) == place:
            its_axis = _axis(variables, variable, place, chosen)
        same_records = _long(temperature, place, axis) == _long(variable, place, its_axis)
        if its_axis and its_axis.kind == axis.kind and same_records:
            levels = 0 if its_axis == axis else -_size(variable, its_axis.dimension)
            placed.append((sure, its_axis != axis, levels, variable, its_axis))
        elif len(variable.dimensions) > len(place.dimensions) and its_axis is None:
            elsewhere.append(variable)
    placed.sort(key=lambda one: one[:3])
    if not placed:
        if quantity in chosen:
            raise ReadError(f"{chosen[quantity]} does not lie as {temperature.name} does")
        notes += [
            f"{one.name} ({', '.join(one.dimensions)}) was left out: it does not lie as "
            f"{temperature.name} does"
            for one in elsewhere
            if {axis.dimension, *place.dimensions} & set(one.dimensions)
        ]
        return None
    if len(placed) > 1 and placed[0][:3] == placed[1][:3]:
        raise _unclear(quantity, [one[3] for one in placed if one[:3] == placed[0][:3]])
    return placed[0][3].name, placed[0][4]


def _long(variable: VariableSummary, place: Place, axis: Axis | None) -> set[str]:
    """Return the dimensions of more than one entry beside levels and place."""
    own = {*place.dimensions, axis.dimension if axis else ""}
    sizes = zip(variable.dimensions, variable.shape, strict=True)
    return {name for name, size in sizes if size > 1} - own


def _unclear(quantity: str, found: list[VariableSummary]) -> ReadError:
    return ReadError(
        f"{quantity} may be any of {', '.join(one.name for one in found)}; say which with "
        f"format: {READER} and options: {{variables: {{{quantity}: {found[0].name}}}}}"
    )


def _size(variable: VariableSummary, dimension: str) -> int:
    return variable.shape[variable.dimensions.index(dimension)]


def _place(
    variables: Variables, variable: VariableSummary, chosen: Mapping[str, str]
) -> Place | None:
    """Return where a variable's columns stand, None where it has no latitudes and longitudes."""
    sides: dict[str, list[VariableSummary]] = {}
    for side in names.PLACES:
        sides[side] = [
            one
            for one in variables.values()
            if one.kind in "fiu"
            and one.dimensions
            and set(one.dimensions) <= set(variable.dimensions)
            and (one.name == chosen[side] if side in chosen else names.is_place(one, side))
        ]
    for latitude in sides["latitude"]:
        for longitude in sides["longitude"]:
            is_regular = len(latitude.dimensions) == len(longitude.dimensions) == 1
            along = {*latitude.dimensions, *longitude.dimensions}
            if latitude.dimensions == longitude.dimensions or (is_regular and len(along) == 2):
                dimensions = tuple(name for name in variable.dimensions if name in along)
                return Place(latitude.name, longitude.name, dimensions)
    return None


def _axis(
    variables: Variables, variable: VariableSummary, place: Place, chosen: Mapping[str, str]
) -> Axis | None:
    """Return the levels of a variable, None where there are not several, of a kind known here."""
    left = [
        name
        for name, size in zip(variable.dimensions, variable.shape, strict=True)
        if name not in place.dimensions and size > 1
    ]
    if field := _pressure_field(variables, variable, left, place, chosen):
        return field
    for name in left:
        beside = [one for one in variables.values() if one.dimensions == (name,)]
        for one in sorted(beside, key=lambda one: one.name != name):
            if names.is_hybrid_axis(one):
                return Axis("hybrid", name, one.name)
            if one.name == chosen.get("pressure") or names.is_pressure_axis(one):
                return Axis("pressure", name, one.name)
    for name in left:
        if name in variables and _coefficients(variables, _size(variable, name)):
            return Axis("hybrid", name, name)
    return None


def _coefficients(variables: Variables, size: int) -> bool:
    """Return whether there are hybrid coefficients by ECMWF's names for so many levels."""
    return all(name in variables and variables[name].shape == (size,) for name in ("hyam", "hybm"))


def _pressure_field(
    variables: Variables,
    variable: VariableSummary,
    left: list[str],
    place: Place,
    chosen: Mapping[str, str],
) -> Axis | None:
    """Return the levels where pressure is a field as temperature is, of the same dimensions."""
    for _, one in sorted(_candidates(variables, "pressure", chosen), key=lambda found: found[0]):
        if one.dimensions != variable.dimensions and not (
            set(place.dimensions) < set(one.dimensions) <= set(variable.dimensions)
        ):
            continue
        along = [name for name in left if name in one.dimensions]
        if along:
            # Times come before levels in every convention.
            return Axis("field", along[-1], one.name)
    return None


def _once(
    variables: Variables, chosen: Mapping[str, str], place: Place, temperature: VariableSummary
) -> dict[str, str]:
    """Return the variables with one value a column, by quantity; the surest of each."""
    found = {}
    for quantity, known in AT_SURFACE.items():
        ranked = []
        for variable in variables.values():
            if quantity in chosen:
                sure = 0 if variable.name == chosen[quantity] else None
            else:
                sure = names.rank(variable, known) if names.is_of_surface(variable) else None
            fits = set(place.dimensions) <= set(variable.dimensions)
            extra = _long(variable, place, None) - set(temperature.dimensions)
            on_levels = _axis(variables, variable, place, {}) if fits else None
            if sure is not None and fits and not extra and not on_levels:
                ranked.append((sure, variable.name))
        if ranked:
            found[quantity] = min(ranked)[1]
    return found


def _of_formula(variables: Variables, chosen: Mapping[str, str], axis: Axis) -> dict[str, str]:
    """Return the surface pressure that the levels themselves name."""
    name = names.formula_terms(variables[axis.variable]).get("ps", "")
    return (
        {"surface_pressure": name} if name in variables and not chosen.keys() & AT_SURFACE else {}
    )


def _time(variables: Variables, chosen: Mapping[str, str], records: tuple[str, ...]) -> str:
    """Return the variable that says when the columns are valid, empty where none does."""
    if "time" in chosen:
        return chosen["time"]
    found = []
    for one in variables.values():
        standard_name = one.text("standard_name")
        long = {name for name, size in zip(one.dimensions, one.shape, strict=True) if size > 1}
        if " since " in one.text("units") and standard_name in _TIMES and long <= set(records):
            is_named = one.name.lower() in ("valid_time", "time", *records)
            # Of several of the same kind, the one that runs along what the columns run along.
            order = (_TIMES[standard_name], not is_named, -len(long), one.name)
            if standard_name or is_named:
                found.append((order, one.name))
    return min(found)[1] if found else ""
