"""Profiles in netCDF: any CF file with standard names, and ARM's radiosondes, old and new.

Level variables are known by their ``standard_name``; ARM's ``sondewnpn`` files of old have none
and are known by ARM's own names. Units are those that each variable states. Values that ARM's
``qc_*`` variables call Bad are missing.

Sources: CF conventions 1.11, chapter 9 and appendix H; ARM data file standards 1.2; the files.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import Extra, Profile
from pipeline.readers import _netcdf_layout as layouts
from pipeline.readers import _netcdf_names as names
from pipeline.readers._netcdf_columns import in_units, level_values, to_180, without_padding
from pipeline.readers._netcdf_kinds import other_reader
from pipeline.readers._netcdf_layout import Array, Layout
from pipeline.readers._netcdf_names import Contents
from pipeline.readers._netcdf_summary import NOT_NETCDF, is_netcdf, opened, summary
from pipeline.readers._quantities import PLACE_UNITS, UNITS, build
from pipeline.readers.refusals import NearMiss

NAME = names.READER
DESCRIPTION = "netCDF with CF standard names, one or many profiles; ARM sondewnpn, old and new"

_BIT_ASSESSMENT = re.compile(r"bit_([1-9]|[1-5]\d|6[0-3])_assessment", re.ASCII)
_LARGEST_FLAG = 2**62


def sniff(head: bytes, path: Path) -> str | None:
    """Return None for netCDF files whose variables make profiles, otherwise why they do not.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    path : Path
        Opened where `head` starts as netCDF does.

    Returns
    -------
    str or None

    Examples
    --------
    >>> sniff(b"%TITLE%", Path("14061619.OAX"))
    'not netCDF'
    """
    if not is_netcdf(head):
        return NOT_NETCDF
    try:
        if reader := other_reader(summary(path)):
            return reader
        with opened(path) as dataset:
            names.find(dataset, {})
    except ReadError as error:
        return NearMiss(error)
    return None


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ReadError, with every problem found, where these options make no sense."""
    _chosen(options)


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield a netCDF file's profiles, in the file's order.

    Parameters
    ----------
    path : Path
    options : mapping
        ``variables``: where the file leaves it open, which variable is what, for example
        ``{temperature: ta, time: launch}``; the keys are those of
        `pipeline.readers._netcdf_names.KNOWN`.

    Yields
    ------
    Profile
        In the project's units; levels in the file's order.

    Raises
    ------
    ReadError
        When the file is damaged, or a variable's place, units or time make no sense.
    """
    chosen = _chosen(options)
    with opened(path) as dataset:
        contents = names.find(dataset, chosen)
        columns = _columns(dataset, contents)
        facts = {"time": contents.times, **_places(dataset, chosen, contents.layout)}
        facts |= _stations(dataset, chosen, contents.layout)
    for number in range(contents.layout.count):
        yield _profile(columns, contents, facts, number)


@dataclass(frozen=True)
class Column:
    """A level variable, read: its values in the project's units and what is bad among them."""

    quantity: str
    values: Array
    bad: Array | None = None
    about_bad: str = ""
    extra: Extra | None = None


def _chosen(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the option ``variables``, checked."""
    chosen = options.get("variables", {})
    if not isinstance(chosen, Mapping):
        raise ReadError(f"options: variables: {chosen!r} is no mapping such as {{pressure: p}}")
    problems = [f"there is no {key!r}, only variables" for key in options if key != "variables"]
    problems += [
        f"variables: {key!r} is none of {', '.join(names.KNOWN)}"
        for key in chosen
        if key not in names.KNOWN
    ]
    if problems:
        raise ReadError(f"options: {'; '.join(problems)}")
    return {key: str(name) for key, name in chosen.items()}


def _columns(dataset: Any, contents: Contents) -> list[Column]:
    """Read the level variables, in the project's units, and what rides along."""
    # The project's own files keep what formats reported beyond the six.
    riding = [
        variable
        for variable in dataset.variables.values()
        if layouts.attribute(variable, "reported_name")
        and contents.layout.level in variable.dimensions
    ]
    layouts.refuse_large([*contents.levels.values(), *riding])
    columns = []
    for quantity, variable in contents.levels.items():
        values = level_values(variable, contents.layout)
        bad, about = _bad_values(dataset, variable, contents.layout)
        columns.append(Column(quantity, in_units(values, variable, UNITS[quantity]), bad, about))
    for variable in riding:
        values = level_values(variable, contents.layout)
        units, long_name = (layouts.attribute(variable, key) for key in ("units", "long_name"))
        extra = Extra(np.empty(0), units, long_name)
        columns.append(Column(layouts.attribute(variable, "reported_name"), values, extra=extra))
    return columns


def _bad_values(dataset: Any, variable: Any, layout: Layout) -> tuple[Array | None, str]:
    """Return which values ARM's quality checks call Bad, and in which variable they say so."""
    linked = layouts.attribute(variable, "ancillary_variables").split()
    for name in dict.fromkeys([*linked, f"qc_{variable.name}"]):
        flags = dataset.variables.get(name)
        if flags is None or flags.dimensions != variable.dimensions or flags.dtype.kind not in "iu":
            continue
        bits, numbers = _bad_flags(dataset, flags)
        if bits or numbers:
            said = np.ma.filled(flags[...], 0).astype(np.int64)
            bad = (said & bits != 0) | np.isin(said, numbers)
            about = f"values of {variable.name} that {name} calls Bad were set missing"
            return layouts.along(bad, flags.dimensions, layout)[0], about
    return None, ""


def _bad_flags(dataset: Any, flags: Any) -> tuple[int, list[int]]:
    """Return the bits and the numbers that mean Bad."""
    if bits := _bad_bits(flags, ""):
        return bits, []
    words = layouts.attribute(flags, "flag_assessments").split()
    is_bad = [word.lower() == "bad" for word in words]
    for key in ("flag_masks", "flag_values"):
        if any(is_bad) and key in flags.ncattrs():
            meant = np.atleast_1d(flags.getncattr(key)).tolist()
            numbers = [
                number
                for number, bad in zip(meant, is_bad, strict=False)
                if bad and isinstance(number, int) and abs(number) <= _LARGEST_FLAG
            ]
            return (_all_bits(numbers), []) if key == "flag_masks" else (0, numbers)
    # ARM's older files say it once for all.
    return _bad_bits(dataset, "qc_"), []


def _all_bits(numbers: list[int]) -> int:
    return functools.reduce(operator.or_, numbers, 0)


def _bad_bits(holder: Any, prefix: str) -> int:
    """Return the bits whose attribute ``bit_N_assessment`` is Bad."""
    bits = 0
    for key in holder.ncattrs():
        found = _BIT_ASSESSMENT.fullmatch(key.removeprefix(prefix))
        if found and layouts.attribute(holder, key).lower() == "bad":
            bits |= 1 << (int(found[1]) - 1)
    return bits


def _places(dataset: Any, chosen: Mapping[str, str], layout: Layout) -> dict[str, Array]:
    """Return latitude, longitude and surface altitude of each profile, NaN where not known."""
    places = {}
    for quantity, target in PLACE_UNITS.items():
        variable = names.single(dataset, quantity, chosen, layout)
        values = None if variable is None else names.one_each(variable, layout)
        if values is None or values.dtype.kind != "f":
            places[quantity] = np.full(layout.count, np.nan)
        else:
            places[quantity] = in_units(values, variable, target)
    places["longitude"] = to_180(places["longitude"])
    return places


def _stations(dataset: Any, chosen: Mapping[str, str], layout: Layout) -> dict[str, Array]:
    """Return id and name of each profile's station, empty where not known."""
    found = _global_station(dataset)
    stations = {}
    for quantity, text in zip(("station_id", "station_name"), found, strict=True):
        variable = names.single(dataset, quantity, chosen, layout)
        values = None if variable is None else names.one_each(variable, layout)
        if values is None:
            values = np.full(layout.count, text, dtype=object)
        stations[quantity] = np.array([_plain_text(value) for value in values], dtype=object)
    return stations


def _global_station(dataset: Any) -> tuple[str, str]:
    """Return id and name of the station by global attributes, ARM's or the usual ones."""
    said = {key: layouts.attribute(dataset, key) for key in dataset.ncattrs()}
    if "site_id" in said and "facility_id" in said:
        facility, _, place = said["facility_id"].partition(":")
        name = place.strip() or said.get("location_description", "")
        return said["site_id"] + facility.strip(), name
    station_id = said.get("station_id") or said.get("wmo_id") or ""
    return station_id, said.get("station_name") or said.get("platform_name") or ""


def _plain_text(value: Any) -> str:
    """Return an identifier as text; one stored as a number (06610 never is) without decimals."""
    if isinstance(value, float):
        return str(int(value)) if np.isfinite(value) else ""
    return str(value).strip("\0 ")


def _profile(
    columns: list[Column], contents: Contents, facts: Mapping[str, Array], number: int
) -> Profile:
    """Build one profile out of the file's columns."""
    layout = contents.layout
    quantities, extras, notes = {}, {}, list(contents.notes)
    for column in columns:
        values = layouts.levels_of(column.values, layout, number)
        if column.bad is not None:
            bad = layouts.levels_of(column.bad, layout, number) & np.isfinite(values)
            if bad.any():
                values = np.where(bad, np.nan, values)
                notes.append(f"{bad.sum()} {column.about_bad}")
        if column.extra is None:
            quantities[column.quantity] = values
        else:
            extras[column.quantity] = column.extra._replace(values=values)
    if layout.rows is None and layout.instance is not None:
        quantities, extras = without_padding(quantities, extras)
    mine = {name: values[number] for name, values in facts.items()}
    return build(quantities, tuple(notes), extras, **mine)
