"""The pressure of model levels: given, from hybrid coefficients, or a field of its own.

On hybrid levels ``p = a + b ps``; CF writes it with ``a`` or ``ap`` in Pa, or with ``a`` as a
number times ``p0``. GRIB carries the coefficients of half levels (``pv``), between which the levels
lie half way. Sources: CF conventions 1.11, appendix D; ECMWF, IFS documentation, part III, 2.2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReadError
from pipeline.profiles import FloatArray
from pipeline.readers._columns_grid import Axis, Grid
from pipeline.readers._columns_names import formula_terms
from pipeline.readers._columns_open import Contents
from pipeline.readers._quantities import convert

#: hPa, to order hybrid levels by, and how far the same level may be given differently.
_SEA_LEVEL = 1013.25
_SAME_LEVEL = 1e-5


@dataclass(frozen=True)
class Levels:
    """The levels of columns, from the surface up.

    Parameters
    ----------
    order : numpy.ndarray of int, shape (levels,)
        The place of each in the file.
    pressure : numpy.ndarray, shape (levels,), or None
        hPa, where it is the same in every column.
    a, b : numpy.ndarray, shape (levels,), or None
        hPa and 1: of hybrid levels.
    """

    order: NDArray[np.intp]
    pressure: FloatArray | None = None
    a: FloatArray | None = None
    b: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.order)


def levels_of(contents: Contents, grid: Grid) -> Levels:
    """Return the levels of a grid's columns.

    Parameters
    ----------
    contents : Contents
    grid : Grid

    Returns
    -------
    Levels
        Of fields of pressure, in the file's order.

    Raises
    ------
    ReadError
        When pressures or coefficients are missing or make no sense.
    """
    axis = grid.axis
    if axis.kind == "field":
        size = contents.raw[axis.variable].sizes[axis.dimension]
        return Levels(np.arange(size))
    if axis.kind == "pressure":
        pressure = axis_pressure(contents, axis)
        order = np.argsort(-pressure, kind="stable")
        return Levels(order, pressure=pressure[order])
    a, b = _coefficients(contents, grid)
    if not {"surface_pressure", "log_surface_pressure"} & grid.once.keys():
        raise ReadError(
            f"{axis.variable} are hybrid levels, and there is no surface pressure to compute "
            "their pressure with (surface_air_pressure, sp, ps or lnsp)"
        )
    order = np.argsort(-(a + b * _SEA_LEVEL), kind="stable")
    return Levels(order, a=a[order], b=b[order])


def axis_pressure(contents: Contents, axis: Axis) -> FloatArray:
    """Return the pressures of levels in hPa, in the file's order."""
    pressure = in_units(
        contents, axis.variable, contents.values(axis.variable, (axis.dimension,)), "hPa"
    )
    if not (np.isfinite(pressure) & (pressure > 0)).all():
        raise ReadError(f"{axis.variable} holds {pressure.tolist()[:5]}... which are no pressures")
    return pressure


def in_units(contents: Contents, name: str, values: FloatArray, target: str) -> FloatArray:
    """Return values of a variable in other units; raises ReadError where its own do not fit."""
    attributes = contents.variables[name].attributes
    if "units" not in attributes:
        raise ReadError(f"{name} has no attribute units; add it, for example {target!r}")
    try:
        return convert(values, str(attributes["units"]), target)
    except ValueError as error:
        raise ReadError(f"{name}: {error}; correct the attribute units") from error


def rows_of(contents: Contents, axis: Axis, grid: Grid, levels: Levels) -> NDArray[np.intp]:
    """Return where on its own levels a variable has those of the columns; -1 where it has not.

    Parameters
    ----------
    contents : Contents
    axis : Axis
        Of the variable.
    grid : Grid
    levels : Levels

    Returns
    -------
    numpy.ndarray of int, shape (levels,)
    """
    if axis == grid.axis:
        return levels.order
    if axis.kind == "pressure" and levels.pressure is not None:
        wanted, there = levels.pressure, axis_pressure(contents, axis)
    else:  # numbers of model levels
        wanted = contents.values(grid.axis.variable, (grid.axis.dimension,))[levels.order]
        there = contents.values(axis.variable, (axis.dimension,))
    apart = np.abs(there[np.newaxis] - wanted[:, np.newaxis])
    nearest = apart.argmin(axis=1)
    is_same = apart[np.arange(len(wanted)), nearest] <= _SAME_LEVEL * np.abs(wanted)
    return np.where(is_same, nearest, -1)


def _coefficients(contents: Contents, grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Return a in hPa and b of each level, in the file's order."""
    terms = formula_terms(contents.variables[grid.axis.variable])
    size = contents.raw[grid.axis.variable].sizes[grid.axis.dimension]
    attributes = contents.variables[grid.levels["temperature"]].attributes
    pv = np.asarray(attributes.get("GRIB_pv", ""))
    if pv.dtype.kind in "fiu" and pv.ndim == 1:
        return _from_half_levels(contents, grid, pv.astype(np.float64))
    if not terms and {"hyam", "hybm"} <= contents.variables.keys():
        terms = {"ap": "hyam", "b": "hybm"}
    names = [terms.get("ap") or terms.get("a", ""), terms.get("b", "")]
    for name in names:
        if name not in contents.variables:
            raise ReadError(
                f"{grid.axis.variable} are hybrid levels whose coefficients are not in the file "
                f"({name or 'formula_terms with a and b'}); p = a + b ps cannot be computed"
            )
        shape = contents.variables[name].shape
        if shape != (size,):
            half = "they are those of half levels; " if shape == (size + 1,) else ""
            raise ReadError(
                f"{name} has {shape} coefficients for {size} levels of {grid.axis.variable}: "
                f"{half}formula_terms must name those of the levels themselves"
            )
    a, b = (contents.values(name, contents.variables[name].dimensions) for name in names)
    if "p0" in terms and "ap" not in terms:
        reference = terms["p0"]
        if reference not in contents.variables:
            raise ReadError(f"formula_terms: there is no variable {reference} in the file")
        a = a * in_units(contents, reference, contents.values(reference), "hPa")
    else:
        a = in_units(contents, names[0], a, "hPa")
    _refuse_missing(a, b)
    return a, b


def _from_half_levels(
    contents: Contents, grid: Grid, pv: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return coefficients of the levels from GRIB's of the half levels around them, in Pa."""
    half = len(pv) // 2
    numbers = contents.values(grid.axis.variable, (grid.axis.dimension,)).astype(int)
    if not (len(pv) == 2 * half and numbers.min() >= 1 and numbers.max() < half):
        raise ReadError(
            f"hybrid levels {numbers.min()} to {numbers.max()} with {len(pv)} coefficients (pv): "
            "there should be two for each half level, one half level more than levels"
        )
    a, b = pv[:half] / 100, pv[half:]
    return (a[numbers - 1] + a[numbers]) / 2, (b[numbers - 1] + b[numbers]) / 2


def _refuse_missing(*coefficients: FloatArray) -> None:
    if not all(np.isfinite(one).all() for one in coefficients):
        raise ReadError("hybrid coefficients are missing; p = a + b ps cannot be computed")


def surface_pressure(
    grid: Grid, contents: Contents, read: Callable[[str], FloatArray]
) -> FloatArray | None:
    """Return surface pressure in hPa, None where the file has none.

    Parameters
    ----------
    grid : Grid
    contents : Contents
    read : callable
        Reads a variable in the columns wanted.
    """
    if name := grid.once.get("surface_pressure"):
        return in_units(contents, name, read(name), "hPa")
    if name := grid.once.get("log_surface_pressure"):  # of Pa, by definition
        with np.errstate(over="ignore"):
            return np.exp(read(name)) / 100
    return None
