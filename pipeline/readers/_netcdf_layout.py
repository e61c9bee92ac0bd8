"""How profiles lie in a netCDF file: CF's layouts, and one profile's values in each of them.

CF knows one profile alone, ``(profile, level)`` with levels of its own or shared by all, and two
ragged forms, in which all profiles' levels lie along one dimension: contiguous (a count each) and
indexed (a profile's number at each level). Source: CF conventions, chapter 9 and appendix H.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReadError
from pipeline.readers._text import shorten
from pipeline.readers.limits import MEGABYTE, current, refuse_levels, refuse_soundings

Array = NDArray[Any]

#: Bytes of values that are read however small the file is: missing ones pack very well.
_HARMLESS = 64 * MEGABYTE


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the levels of each profile are.

    Parameters
    ----------
    level : str
        The dimension along which levels run.
    instance : str or None
        The dimension with one entry a profile; None where the file is one profile.
    count : int
        Profiles in the file.
    rows : tuple of slice or numpy.ndarray, optional
        Of each profile, its places along `level`: in the ragged forms only.
    outer : dict of str to numpy.ndarray, shape (count,)
        For dimensions such as ``station`` that several profiles share, each profile's place there.
    """

    level: str
    instance: str | None
    count: int
    rows: tuple[slice | Array, ...] | None = None
    outer: Mapping[str, Array] = field(default_factory=dict)


def refuse_other_structures(dataset: Any) -> None:
    """Raise ReadError for grids and time series, whose values are no profiles.

    Parameters
    ----------
    dataset : netCDF4.Dataset

    Raises
    ------
    ReadError
    """
    feature = attribute(dataset, "featureType").lower()
    if feature in ("timeseries", "point"):
        raise ReadError(f"featureType is {feature}: values of single levels, not profiles")
    axes = {"latitude": "", "longitude": ""}
    for name, variable in dataset.variables.items():
        standard_name = attribute(variable, "standard_name")
        if variable.dimensions == (name,) and standard_name in axes and variable.size > 1:
            axes[standard_name] = name
    grid = set(axes.values())
    if "" not in grid and any(grid <= set(v.dimensions) for v in dataset.variables.values()):
        raise ReadError(
            f"gridded columns (latitude {axes['latitude']!r}, longitude {axes['longitude']!r}), "
            "not profiles; cut columns out of it first"
        )


def ragged_layout(dataset: Any) -> Layout | None:
    """Return the layout of a ragged file, None where it is not ragged.

    Parameters
    ----------
    dataset : netCDF4.Dataset

    Returns
    -------
    Layout or None

    Raises
    ------
    ReadError
        When counts or indices do not fit the levels there are.
    """
    indices = {
        variable.dimensions[0]: variable
        for variable in dataset.variables.values()
        if "instance_dimension" in variable.ncattrs() and variable.ndim == 1
    }
    for variable in dataset.variables.values():
        if "sample_dimension" in variable.ncattrs() and variable.ndim == 1:
            return _contiguous(dataset, variable, indices.get(variable.dimensions[0]))
    if indices:
        return _indexed(dataset, next(iter(indices.values())))
    return None


def array_layout(dataset: Any, pressure: Any, temperature: Any) -> Layout:
    """Return the layout of a file that is not ragged, from two of its level variables.

    Parameters
    ----------
    dataset : netCDF4.Dataset
    pressure, temperature : netCDF4.Variable

    Returns
    -------
    Layout

    Raises
    ------
    ReadError
        When the dimensions of the two make no set of profiles.
    """
    own = {
        variable.dimensions[0]
        for variable in dataset.variables.values()
        if "cf_role" in variable.ncattrs() and variable.ndim
    }
    candidates = [name for name in pressure.dimensions if name not in own] or [""]
    # CF lets the levels vary fastest.
    level = candidates[-1]
    if level not in temperature.dimensions:
        raise ReadError(
            f"{pressure.name} {pressure.dimensions} and {temperature.name} "
            f"{temperature.dimensions} share no dimension of levels"
        )
    sizes = {name: len(dataset.dimensions[name]) for name in temperature.dimensions}
    others = [name for name, size in sizes.items() if name != level and size != 1]
    if len(others) > 1:
        raise ReadError(
            f"{temperature.name} runs along {', '.join(temperature.dimensions)}: profiles have "
            "one dimension beside their levels; pick one column or one station of it first"
        )
    refuse_levels(sizes[level], f"dimension {level} has {sizes[level]} entries: ")
    if not others:
        return Layout(level=level, instance=None, count=1)
    refuse_soundings(sizes[others[0]])
    return Layout(level=level, instance=others[0], count=sizes[others[0]])


def _contiguous(dataset: Any, counts: Any, index: Any | None) -> Layout:
    level = attribute(counts, "sample_dimension")
    refuse_soundings(prod(counts.shape))
    sizes = _integers(counts)
    available = len(dataset.dimensions[level]) if level in dataset.dimensions else 0
    # Each one alone too, since a sum of absurd counts can overflow to any number.
    if ((sizes < 0) | (sizes > available)).any() or sizes.sum() != available:
        raise ReadError(
            f"{counts.name} adds up to {sizes.sum()} levels, where dimension {level} has "
            f"{available}; the file is damaged or was cut"
        )
    refuse_levels(int(sizes.max(initial=0)))
    ends = np.cumsum(sizes)
    rows = tuple(slice(end - size, end) for size, end in zip(sizes, ends, strict=True))
    outer = (
        {} if index is None else {attribute(index, "instance_dimension"): _within(dataset, index)}
    )
    return Layout(
        level=level, instance=counts.dimensions[0], count=len(sizes), rows=rows, outer=outer
    )


def _indexed(dataset: Any, index: Any) -> Layout:
    places = _within(dataset, index)
    instance = attribute(index, "instance_dimension")
    count = len(dataset.dimensions[instance]) if instance in dataset.dimensions else 0
    refuse_soundings(count)
    refuse_levels(int(np.unique(places, return_counts=True)[1].max(initial=0)))
    order = np.argsort(places, kind="stable")
    bounds = np.searchsorted(places[order], np.arange(count + 1))
    rows = tuple(order[start:stop] for start, stop in pairwise(bounds))
    return Layout(level=index.dimensions[0], instance=instance, count=count, rows=rows)


def _within(dataset: Any, index: Any) -> Array:
    """Return an index variable's values, none of them outside the dimension it points into."""
    name = attribute(index, "instance_dimension")
    size = len(dataset.dimensions[name]) if name in dataset.dimensions else 0
    places = _integers(index)
    if len(places) and not (places.min() >= 0 and places.max() < size):
        raise ReadError(
            f"{index.name} runs from {places.min()} to {places.max()}, where dimension {name} has "
            f"{size} entries, counted from 0"
        )
    return places


def refuse_large(variables: Iterable[Any]) -> None:
    """Raise ReadError for variables that claim more values than can be meant.

    A file of a few bytes can announce any number of values, all of them missing.

    Parameters
    ----------
    variables : iterable of netCDF4.Variable
        Of one file.

    Raises
    ------
    ReadError
    """
    variables = list(variables)
    size = sum(prod(variable.shape) for variable in variables) * np.dtype(float).itemsize
    if size <= _HARMLESS:
        return
    limits = current()
    file_size = os.stat(variables[0].group().filepath()).st_size
    if size > min(limits.unpacked_bytes, max(file_size * limits.unpacked_ratio, _HARMLESS)):
        raise ReadError(
            f"its variables ({shorten(', '.join(variable.name for variable in variables))}) "
            f"announce {size / MEGABYTE:.0f} MB of values in a file of {file_size} bytes, more "
            "than is read (limits: unpacked_size and unpacked_ratio in the config)"
        )


def _integers(variable: Any) -> Array:
    """Return counts or indices; -1 for what is none."""
    if variable.dtype is str or variable.dtype.kind not in "iuf":
        raise ReadError(f"{variable.name} should hold whole numbers, and does not")
    refuse_large([variable])
    numbers = np.ma.filled(np.ma.asarray(variable[...], dtype=np.float64), -1.0)
    return np.where(np.abs(numbers) < 2.0**53, numbers, -1.0).astype(np.int64)


def attribute(holder: Any, name: str) -> str:
    """Return an attribute as text; empty where there is none, or it is a list of numbers."""
    value = getattr(holder, name, "")
    return str(value) if np.ndim(value) == 0 else ""


def along(values: Array, dimensions: tuple[str, ...], layout: Layout) -> tuple[Array, list[str]]:
    """Return values without dimensions of size 1, instance before level, and what is left.

    Parameters
    ----------
    values : numpy.ndarray
    dimensions : tuple of str
        Of `values`.
    layout : Layout

    Returns
    -------
    tuple of (numpy.ndarray, list of str)
        The array and its dimensions.
    """
    wanted = (layout.instance, layout.level)
    drop = tuple(
        axis
        for axis, name in enumerate(dimensions)
        if name not in wanted and values.shape[axis] == 1
    )
    left = [name for axis, name in enumerate(dimensions) if axis not in drop]
    values = np.squeeze(values, axis=drop)
    if left == [layout.level, layout.instance]:
        return values.T, left[::-1]
    return values, left


def levels_of(values: Array, layout: Layout, number: int) -> Array:
    """Return one profile's levels out of an array that came through :func:`along`."""
    if layout.rows is not None:
        return values[layout.rows[number]]
    return values[number] if values.ndim == 2 else values


def one_each(values: Array, left: list[str], layout: Layout) -> Array | None:
    """Return one value a profile: its own, its station's, or the first on its levels.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers, missing ones NaN, or texts.
    left : list of str
        Its dimensions, both as :func:`along` gives them.
    layout : Layout

    Returns
    -------
    numpy.ndarray, shape (layout.count,), or None
        None where the dimensions say nothing of profiles.
    """
    if not left:
        return np.repeat(values[np.newaxis], layout.count, axis=0)
    if left == [layout.instance]:
        return values
    if len(left) == 1 and left[0] in layout.outer:
        return values[layout.outer[left[0]]]
    if values.dtype.kind != "f" or left not in ([layout.level], [layout.instance, layout.level]):
        return None
    firsts = np.full(layout.count, np.nan)
    for number in range(layout.count):
        levels = levels_of(values, layout, number)
        there = np.flatnonzero(np.isfinite(levels))
        if len(there):
            firsts[number] = levels[there[0]]
    return firsts
