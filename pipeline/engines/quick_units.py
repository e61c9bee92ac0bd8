"""Quantities without what pint finds out anew each time: a fifth of what MetPy takes for a profile.

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

#: Functions whose answer depends on nothing but their argument, and where pint calls them from.
_ASKED_AGAIN = (
    ("pint.facets.numpy.numpy_func", "signature"),  # of a function of NumPy
    ("pint.facets.numpy.numpy_func", "is_upcast_type"),
    ("pint.facets.plain.quantity", "is_upcast_type"),
)


def _holds(levels: Any, value: Any) -> bool:
    """Tell whether ``value in levels``, as pint would, without making a quantity of each level.

    MetPy's layers ask this some thirty times a profile: of one with 5000 levels half of all time.
    """
    iter(levels.m)  # raises, where it is a scalar, what it always has
    return bool(np.any(levels == value))


def make_quick() -> None:
    """Have pint remember what it would find out again for each quantity."""
    units.Quantity.__contains__ = _holds
    for place, name in _ASKED_AGAIN:
        with suppress(ImportError, AttributeError):
            module = importlib.import_module(place)
            setattr(module, name, cache(getattr(module, name)))
    with suppress(ImportError, AttributeError):
        from pint.util import SharedRegistryObject

        # For each quantity pint makes one of these, which belongs to no registry, and looks up the
        # application's for it.
        SharedRegistryObject._REGISTRY = pint.application_registry.get()
