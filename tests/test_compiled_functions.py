"""What `compiled` asks of a function, which numba does not look at: it hands back no array."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, get_args, get_type_hints

import numba
import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from pipeline.engines import compiled as package
from pipeline.engines.compiled._numba import compiled
from pipeline.engines.compiled.ascent import Ascents, Lift
from pipeline.engines.compiled.layers import Layer
from pipeline.engines.compiled.types import FloatArray, Scalars


def hold_arrays(what: Any) -> bool:
    """Tell whether values of a type are arrays, or hold some."""
    fields = get_type_hints(what).values() if hasattr(what, "_fields") else ()
    parts = get_args(what)
    return "ndarray" in str(what) or any(hold_arrays(part) for part in (*fields, *parts))


def of_the_engine() -> dict[str, Dispatcher]:
    """Return everything of the engine that numba compiles."""
    prefix = f"{package.__name__}."
    names = [module.name for module in pkgutil.iter_modules(package.__path__, prefix)]
    return {
        f"{name}.{attribute}": value
        for name in names
        for attribute, value in vars(importlib.import_module(name)).items()
        if isinstance(value, Dispatcher) and value.py_func.__module__ == name
    }


def counts(function: Dispatcher) -> bool:
    """Tell whether a function counts who holds an array."""
    return bool(function.targetoptions.get("_nrt", True))


FUNCTIONS = {
    name: function.py_func for name, function in of_the_engine().items() if not counts(function)
}


def test_types_that_hold_arrays_are_told_from_others() -> None:
    assert hold_arrays(FloatArray)
    assert hold_arrays(Scalars)
    assert hold_arrays(Ascents)
    assert hold_arrays(tuple[int, Ascents])
    assert not hold_arrays(float)
    assert not hold_arrays(Lift)
    assert not hold_arrays(tuple[float, Layer])


def test_some_functions_do_not_count_who_holds_an_array() -> None:
    assert len(FUNCTIONS) > 50


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_does_not_count_them_hands_back_none(name: str) -> None:
    returns = get_type_hints(FUNCTIONS[name])["return"]
    assert not hold_arrays(returns), "make it a kernel: its caller would free what it does not own"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_does_not_count_them_has_no_kernel_make_one(name: str) -> None:
    function = FUNCTIONS[name]
    called = [function.__globals__.get(each) for each in function.__code__.co_names]
    assert not [each for each in called if isinstance(each, Dispatcher) and counts(each)]


def test_a_function_that_does_not_count_them_cannot_make_one() -> None:
    @compiled
    def mean_of_squares(values: FloatArray) -> float:
        squares = np.empty(len(values))
        for index in range(len(values)):
            squares[index] = values[index] ** 2
        return squares.sum()  # type: ignore[no-any-return]

    with pytest.raises(numba.core.errors.NumbaError, match="empty"):
        mean_of_squares(np.ones(3))
