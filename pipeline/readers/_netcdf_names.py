"""Which variable of a netCDF file is what: by CF standard name, by ARM's names, or as told."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import NOT_A_TIME
from pipeline.readers import _netcdf_layout as layouts
from pipeline.readers._netcdf_layout import Array, Layout
from pipeline.readers._quantities import UNITS

#: As the config calls the reader that this module serves.
READER = "profile_netcdf"


class Names(NamedTuple):
    """How a variable is known: by standard names, the best first, or else by ARM's names.

    Among several variables with the same standard name, the one called `own` goes first, then one
    with ARM's name: ``alt`` before ``gpsalt``.
    """

    standard: tuple[str, ...]
    arm: tuple[str, ...] = ()
    own: str = ""


KNOWN = {
    "pressure": Names(("air_pressure",), ("pres",), "pressure"),
    "temperature": Names(("air_temperature",), ("tdry",), "temperature"),
    "dewpoint": Names(("dew_point_temperature",), ("dp",), "dewpoint"),
    "relative_humidity": Names(("relative_humidity",), ("rh",)),
    "specific_humidity": Names(("specific_humidity",)),
    "mixing_ratio": Names(("humidity_mixing_ratio",)),
    "height": Names(
        ("geopotential_height", "altitude", "height_above_mean_sea_level"), ("alt",), "height"
    ),
    "geopotential": Names(("geopotential",)),
    "height_above_ground": Names(("height",)),
    "u_wind": Names(("eastward_wind",), ("u_wind",), "u_wind"),
    "v_wind": Names(("northward_wind",), ("v_wind",), "v_wind"),
    "wind_speed": Names(("wind_speed",), ("wspd",)),
    "wind_direction": Names(("wind_from_direction",), ("deg",)),
    "latitude": Names(("latitude", "deployment_latitude"), ("lat",)),
    "longitude": Names(("longitude", "deployment_longitude"), ("lon",)),
    "surface_altitude": Names(("surface_altitude",)),
    "time": Names(("time",), ("launch_time", "time")),
    "station_id": Names(("platform_id",), ("station_id", "wmo_id")),
    "station_name": Names(("platform_name",), ("station_name",)),
}

HEIGHTS = frozenset({"height", "geopotential", "height_above_ground"})

#: Quantities that only stand in for another: where that one is there, they may be unclear.
STANDS_IN = {
    **dict.fromkeys(("relative_humidity", "specific_humidity", "mixing_ratio"), "dewpoint"),
    **dict.fromkeys(("geopotential", "height_above_ground"), "height"),
    **dict.fromkeys(("wind_speed", "wind_direction"), "u_wind"),
}


@dataclass(frozen=True)
class Contents:
    """What a file was found to hold: where its profiles lie, on which variables, and when."""

    layout: Layout
    levels: Mapping[str, Any]
    times: Array
    notes: tuple[str, ...]


def find(dataset: Any, chosen: Mapping[str, str]) -> Contents:
    """Find out what a file holds.

    Parameters
    ----------
    dataset : netCDF4.Dataset
    chosen : mapping of str to str
        The names of variables that the user told, by quantity.

    Returns
    -------
    Contents

    Raises
    ------
    ReadError
        With what is missing, unclear, or not a profile.
    """
    layouts.refuse_other_structures(dataset)
    layout = layouts.ragged_layout(dataset)
    if layout is None:
        pressure = _required(dataset, "pressure", chosen, None)
        temperature = _required(dataset, "temperature", chosen, None)
        layout = layouts.array_layout(dataset, pressure, temperature)
    levels = {
        name: _required(dataset, name, chosen, layout) for name in ("pressure", "temperature")
    }
    for quantity in UNITS:
        found = _on_levels(dataset, quantity, chosen, layout)
        if len(found) > 1 and STANDS_IN.get(quantity) not in levels:
            raise _unclear(quantity, found)
        if len(found) == 1:
            levels[quantity] = found[0]
    times = _time_variables(dataset, chosen, layout)
    if layout.instance is None and not HEIGHTS & levels.keys():
        _refuse_time_series(levels["pressure"], times, layout)
    return Contents(layout, levels, *_times(times, layout))


def single(dataset: Any, quantity: str, chosen: Mapping[str, str], layout: Layout) -> Any | None:
    """Return the variable with a profile's one value of a quantity, None where there is none.

    One value a profile goes before values on levels, as of a drifting balloon.
    """
    if quantity in chosen:
        return _by_name(dataset, chosen[quantity])
    for group in _known_as(dataset, KNOWN[quantity]):
        if group:
            return min(group, key=lambda variable: layout.level in variable.dimensions)
    return None


def values_of(variable: Any) -> tuple[Array, tuple[str, ...]]:
    """Return a variable's values and dimensions: numbers as float64 with NaN, or texts.

    Fill values, ``missing_value`` and what is outside ``valid_range`` are NaN.
    """
    layouts.refuse_large([variable])
    with np.errstate(invalid="ignore"):  # a missing_value that does not fit, of a damaged file
        values = variable[...]
    if variable.dtype is str:
        return np.asarray(values, dtype=object), variable.dimensions
    if variable.dtype.kind == "S":
        letters = np.ascontiguousarray(np.ma.filled(values, b"\0"))
        if letters.ndim == 0 or not letters.size:
            return np.asarray(letters.astype(str), dtype=object), variable.dimensions
        words = letters.view(f"S{letters.shape[-1]}")[..., 0]
        return np.char.decode(words, "utf-8", "replace"), variable.dimensions[:-1]
    try:
        numbers = np.ma.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:  # structures, or lists of varying length
        raise ReadError(f"{variable.name} holds neither numbers nor text") from error
    return np.ma.filled(numbers, np.nan), variable.dimensions


def one_each(variable: Any, layout: Layout) -> Array | None:
    """Return a variable's one value a profile, None where its dimensions are others."""
    values, left = layouts.along(*values_of(variable), layout)
    return layouts.one_each(values, left, layout)


def _required(dataset: Any, quantity: str, chosen: Mapping[str, str], layout: Layout | None) -> Any:
    """Return the one variable that is a quantity, or raise ReadError."""
    found = _on_levels(dataset, quantity, chosen, layout)
    if len(found) == 1:
        return found[0]
    if found:
        raise _unclear(quantity, found)
    known = KNOWN[quantity]
    inside = f"; its groups ({', '.join(dataset.groups)}) are not searched" * bool(dataset.groups)
    raise ReadError(
        f"no variable on levels has standard_name {known.standard[0]} or is ARM's "
        f"{known.arm[0]}{inside}; if there is one under another name, use format: {READER} "
        f"with options: {{variables: {{{quantity}: its name}}}}"
    )


def _unclear(quantity: str, found: list[Any]) -> ReadError:
    names = ", ".join(variable.name for variable in found)
    return ReadError(
        f"{quantity} may be any of {names}, which all have standard_name "
        f"{layouts.attribute(found[0], 'standard_name')}; say which with format: {READER} and "
        f"options: {{variables: {{{quantity}: {found[0].name}}}}}"
    )


def _on_levels(
    dataset: Any, quantity: str, chosen: Mapping[str, str], layout: Layout | None
) -> list[Any]:
    """Return the variables on levels that may be a quantity: one where it is clear."""
    if quantity in chosen:
        return [_by_name(dataset, chosen[quantity])]
    for group in _known_as(dataset, KNOWN[quantity]):
        found = [
            variable
            for variable in group
            if variable.ndim and (layout is None or layout.level in variable.dimensions)
        ]
        if found:
            usual = [own for own in (KNOWN[quantity].own, *KNOWN[quantity].arm) if own]
            called = {one.name: one for one in found}
            return [called[name] for name in usual if name in called][:1] or found
    return []


def _known_as(dataset: Any, known: Names) -> Iterator[list[Any]]:
    """Yield groups of variables that may be meant, the surest first."""
    variables = list(dataset.variables.values())
    for standard_name in known.standard:
        yield [one for one in variables if layouts.attribute(one, "standard_name") == standard_name]
    for name in known.arm:
        yield [one for one in variables if one.name == name and not hasattr(one, "standard_name")]


def _by_name(dataset: Any, name: str) -> Any:
    if name in dataset.variables:
        return dataset.variables[name]
    near = difflib.get_close_matches(name, dataset.variables, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ReadError(f"options: variables: there is no variable {name!r} in the file{hint}")


def _time_variables(dataset: Any, chosen: Mapping[str, str], layout: Layout) -> list[Any]:
    """Return the variables that may say when a profile was, the surest first."""
    if "time" in chosen:
        return [_by_name(dataset, chosen["time"])]
    found = {one.name: one for group in _known_as(dataset, KNOWN["time"]) for one in group}
    return sorted(
        found.values(), key=lambda one: (one.name != "launch_time", layout.level in one.dimensions)
    )


def _refuse_time_series(pressure: Any, times: list[Any], layout: Layout) -> None:
    if any(variable.dimensions == (layout.level,) == (variable.name,) for variable in times):
        raise ReadError(
            f"{pressure.name} runs along time and no height runs beside it: a time series at one "
            "place, not a profile"
        )


def _times(variables: list[Any], layout: Layout) -> tuple[Array, tuple[str, ...]]:
    """Return each profile's time from the first variable that says it, and why not from others."""
    notes: list[str] = []
    undecodable: list[str] = []
    for variable in variables:
        numbers = one_each(variable, layout)
        if numbers is None:
            continue
        if not layout.count or (numbers.dtype.kind == "f" and not np.isfinite(numbers).any()):
            notes.append(f"{variable.name} holds no value")
            continue
        try:
            return decode_times(variable, numbers), tuple(notes)
        except (ValueError, TypeError, OverflowError):  # cftime raises any of them
            units = layouts.attribute(variable, "units")
            notes.append(f"{variable.name} has units {units!r}, which name no date of our calendar")
            undecodable.append(variable.name)
    if undecodable:
        raise ReadError(
            f"its time cannot be known: {'; '.join(notes)}; correct the units, for example with "
            f"ncatted -a units,{undecodable[0]},o,c,'seconds since 2019-02-18 20:41:24' FILE"
        )
    return np.full(layout.count, NOT_A_TIME), tuple(notes)


def decode_times(variable: Any, numbers: Array) -> Array:
    """Return times as datetime64[s], to the nearest second, NaT for NaN.

    Raises
    ------
    ValueError
        When units or calendar do not lead to dates of the real calendar.
    """
    half_second = np.timedelta64(500, "ms")
    return (decode_dates(variable, numbers) + half_second).astype("datetime64[s]")


def decode_dates(variable: Any, numbers: Array) -> Array:
    """Return times as datetime64[us], NaT for NaN.

    Raises
    ------
    ValueError
        When units or calendar do not lead to dates of the real calendar.
    """
    import netCDF4

    if numbers.dtype.kind != "f":
        raise ValueError("text is no time")
    times = np.full(len(numbers), NOT_A_TIME, "datetime64[us]")
    there = np.isfinite(numbers)
    times[there] = netCDF4.num2date(
        numbers[there],
        layouts.attribute(variable, "units"),
        layouts.attribute(variable, "calendar") or "standard",
        only_use_cftime_datetimes=False,
        only_use_python_datetimes=True,
    )
    return times
