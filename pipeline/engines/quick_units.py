"""Quantities without what pint finds out anew each time: a third of what MetPy takes for a profile.

No bit of any result changes. Nothing here is needed either: where another pint is arranged
differently, what cannot be made quicker stays as it is.
"""

from __future__ import annotations

import importlib
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
import pint
from metpy.units import units
from pint.util import SharedRegistryObject, UnitsContainer

#: Functions whose answer depends on nothing but their arguments, and where pint calls them from.
_ASKED_AGAIN = (
    ("pint.facets.numpy.numpy_func", "signature"),  # of a function of NumPy
    ("pint.facets.numpy.numpy_func", "is_upcast_type"),
    ("pint.facets.plain.quantity", "is_upcast_type"),
)
#: The same for methods of a registry: what a text means, and whether a unit has an offset.
_ASKED_OF_THE_REGISTRY = ("parse_units", "_validate_and_extract")
#: Values that pint takes as they are.
_PLAIN = (np.ndarray, float, np.float64)


def _holds(levels: Any, value: Any) -> bool:
    """Tell whether ``value in levels``, as pint would, without making a quantity of each level.

    MetPy's layers ask this some thirty times a profile: of one with 5000 levels half of all time.
    """
    iter(levels.m)  # raises, where it is a scalar, what it always has
    return bool(np.any(levels == value))


def _quantity(cls: Any, value: Any, unit: Any = None) -> Any:
    """Return a new quantity; pint looks into all else that value and unit could be first.

    MetPy makes some three thousand a profile, most of them from values and units that pint itself
    has just worked out.
    """
    if type(unit) is UnitsContainer and type(value) in _PLAIN:
        quantity = object.__new__(cls)
        quantity._magnitude, quantity._units = value, unit
        return quantity
    return super(units.Quantity, cls).__new__(cls, value, unit)


def make_quick() -> None:
    """Let MetPy's quantities be made, converted and compared without detours."""
    registry = pint.application_registry.get()
    units.Quantity.__contains__ = _holds
    if not (registry.force_ndarray or registry.force_ndarray_like):
        units.Quantity.__new__ = staticmethod(_quantity)
    for place, name in _ASKED_AGAIN:
        with suppress(ImportError, AttributeError):
            module = importlib.import_module(place)
            setattr(module, name, cache(getattr(module, name)))
    for name in _ASKED_OF_THE_REGISTRY:
        with suppress(AttributeError):
            setattr(registry, name, cache(getattr(registry, name)))
    # For each quantity pint makes one of these, which belongs to no registry, and looks up the
    # application's for it.
    SharedRegistryObject._REGISTRY = registry
