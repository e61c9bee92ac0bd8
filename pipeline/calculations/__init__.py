"""The catalogue: one declaration for everything that can be computed from a profile.

A declaration (:class:`Calculation`) names what is needed, the function that computes it, and what
the output file says about it; the engines evaluate it. Declarations are plain data: this package
imports neither MetPy nor numpy, so a config can be checked against it at once. To add a
calculation, add a declaration to the module of its subject.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.calculations import composites, indices, levels, moisture, parcels, winds
from pipeline.calculations.declaration import BASE_INPUTS, Calculation

__all__ = [
    "BASE_INPUTS",
    "CATALOGUE",
    "DEFAULT_GROUPS",
    "GROUPS",
    "Calculation",
    "names_and_groups",
    "resolve",
]

_MODULES = {
    "parcels": parcels.CALCULATIONS,
    "indices": indices.CALCULATIONS,
    "moisture": moisture.CALCULATIONS,
    "winds": winds.CALCULATIONS,
    "composites": composites.CALCULATIONS,
    "levels": levels.CALCULATIONS,
    "diagnostics": parcels.DIAGNOSTICS,
    "": (*parcels.SHARED, *winds.SHARED),
}

#: Every declaration by name, shared steps included.
CATALOGUE: dict[str, Calculation] = {
    calculation.name: replace(calculation, group=group)
    for group, calculations in _MODULES.items()
    for calculation in calculations
}

#: The names in each group, in the order of the catalogue.
GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(calculation.name for calculation in calculations)
    for group, calculations in _MODULES.items()
    if group
}

#: What a config that says nothing gets: everything that is one number a profile.
DEFAULT_GROUPS = ("parcels", "indices", "moisture", "winds", "composites")


def names_and_groups() -> set[str]:
    """Return every word that a config may use under ``calculations``."""
    return set(GROUPS) | {name for name, c in CATALOGUE.items() if c.units}


def resolve(requests: Iterable[str]) -> list[Calculation]:
    """Return the declarations of names and groups, each once, in the order of the catalogue.

    Parameters
    ----------
    requests : iterable of str
        Names of calculations or of groups.

    Raises
    ------
    KeyError
        For a word that is neither.

    Examples
    --------
    >>> [calculation.name for calculation in resolve(["sbcin", "sbcape", "sbcape"])]
    ['sbcape', 'sbcin']
    """
    wanted: set[str] = set()
    for request in requests:
        if request not in names_and_groups():
            raise KeyError(request)
        wanted.update(GROUPS.get(request, (request,)))
    return [calculation for name, calculation in CATALOGUE.items() if name in wanted]
