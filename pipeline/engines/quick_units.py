"""Quantities without pint's detours, on which MetPy spends a quarter of its time for a profile.

No bit of any result changes, and nothing that pint refuses is let through. It holds for all
quantities of MetPy's registry in this process. None of it is needed: where another pint is arranged
differently, or MetPy was loaded before, what cannot be made quicker stays as it is.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import MethodType
from typing import Any

import numpy as np
import pint
from pint.util import UnitsContainer

from pipeline.engines.quick_signatures import signature

#: What is replaced by what is made of it, and where: MetPy's decorators look at the arguments of
#: functions that are loaded afterwards, pint at those of NumPy's; the other answers depend on
#: nothing but the argument.
_REPLACED: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("metpy.units", "signature", lambda _: signature),
    ("metpy.xarray", "signature", lambda _: signature),
    ("pint.facets.numpy.numpy_func", "signature", lambda _: cache(signature)),
    ("pint.facets.numpy.numpy_func", "is_upcast_type", cache),
    ("pint.facets.plain.quantity", "is_upcast_type", cache),
)
#: Methods of the registry that MetPy calls some hundred times a profile, with the same few texts
#: and units: what a text means, and whether a unit has an offset. The answers are always the same,
#: as long as nobody gives a known text another meaning or changes the registry's settings.
_REMEMBERED = ("parse_units_as_container", "_validate_and_extract")
#: Values that pint takes as they are.
_PLAIN = (np.ndarray, float, np.float64)


def make_quick() -> None:
    """Let quantities of the registry that MetPy uses be made and looked through without detours."""
    registry = pint.application_registry.get()
    registry.Quantity.__new__ = _maker(registry, registry.Quantity.__new__)
    registry.Quantity.__contains__ = _holds
    for name in _REMEMBERED:
        with suppress(AttributeError):
            # A method, so that a copy of the registry has one of its own.
            setattr(registry, name, MethodType(cache(getattr(type(registry), name)), registry))
    for place, name, by in _REPLACED:
        with suppress(ImportError, AttributeError):
            module = importlib.import_module(place)
            setattr(module, name, by(getattr(module, name)))


def _maker(registry: pint.UnitRegistry, by_pint: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes a quantity; pint looks into all that value and units could be first.

    MetPy makes some three thousand a profile, most of them from values and units that pint itself
    has just worked out.
    """

    def make(cls: Any, value: Any, units: Any = None) -> Any:
        plain = type(units) is UnitsContainer and type(value) in _PLAIN
        if plain and not (registry.force_ndarray or registry.force_ndarray_like):
            quantity = object.__new__(cls)
            quantity._magnitude, quantity._units = value, units
            return quantity
        return by_pint(cls, value, units)

    return staticmethod(make)


def _holds(levels: Any, value: Any) -> bool:
    """Tell whether ``value in levels``, as pint would, without making a quantity of each level.

    MetPy's layers ask this some thirty times a profile: of one with 5000 levels half of all time.
    """
    iter(levels.m)  # raises, where it is a scalar, what it always has
    if np.ndim(levels.m) != 1:
        return any(level == value for level in levels)
    return bool(np.any(levels == value))
