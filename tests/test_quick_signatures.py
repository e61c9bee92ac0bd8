"""Arguments are bound as Python binds them, and MetPy's decorators bind them so."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.quick_signatures import QuickSignature, signature


def three(pressure: Any, temperature: Any = 20.0, dewpoint: Any = None) -> None: ...


def none() -> None: ...


FUNCTIONS = (three, none, np.isclose, np.interp)


@st.composite
def calls(draw: st.DrawFn) -> tuple[Any, list[int], dict[str, int]]:
    """Draw a function and arguments by place and by name, that fit as a rule."""
    function = draw(st.sampled_from(FUNCTIONS))
    parameters = [*inspect.signature(function).parameters]
    args = draw(st.lists(st.integers(), max_size=len(parameters) + 1))
    others = [
        *parameters[len(args) :],
        *draw(st.sampled_from([[], ["no_parameter"], parameters[:1]])),
    ]
    names = draw(st.permutations(others))[: draw(st.integers(0, len(others)))]
    return function, args, {name: place for place, name in enumerate(names)}


def told(bind: Callable[..., inspect.BoundArguments], args: Any, kwargs: Any) -> Any:
    """Return all that is known of bound arguments, also once changed; or why there are none."""
    try:
        bound = bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    before = (list(bound.arguments.items()), bound.args, bound.kwargs)
    for name in [*bound.arguments][:1]:
        bound.arguments[name] = "changed"
    changed = (list(bound.arguments.items()), bound.args, bound.kwargs)
    bound.apply_defaults()
    return before, changed, list(bound.arguments.items()), bound.args, bound.kwargs


@given(calls())
def test_any_call_is_bound_as_by_python(call: tuple[Any, list[int], dict[str, int]]) -> None:
    function, args, kwargs = call
    expected = told(inspect.signature(function).bind, args, kwargs)
    quick = signature(function)
    for _ in range(2):  # the second time it knows how
        assert told(quick.bind, args, kwargs) == expected


def test_other_values_are_not_those_of_the_call_before() -> None:
    quick = signature(three)
    first, second = quick.bind(1, dewpoint=2), quick.bind(3, dewpoint=4)
    assert (first.arguments, second.arguments) == (
        {"pressure": 1, "dewpoint": 2},
        {"pressure": 3, "dewpoint": 4},
    )


@pytest.mark.parametrize("function", [three, none, np.isclose, np.median, inspect.signature])
def test_a_signature_is_equal_to_pythons(function: Any) -> None:
    assert signature(function) == inspect.signature(function)
    assert str(signature(function)) == str(inspect.signature(function))


def test_what_has_none_has_none() -> None:
    with pytest.raises(ValueError, match="no signature found"):
        signature(type)


def test_others_are_left_to_python() -> None:
    def many(*values: float, by_name: bool = False) -> None: ...

    def by_place(value: float, /) -> None: ...

    for function in (many, by_place):
        assert type(signature(function)) is inspect.Signature
    assert type(signature(three)) is QuickSignature


def test_a_changed_one_is_pythons() -> None:
    def many(pressure: float, *others: float) -> None: ...

    changed = signature(three).replace(parameters=[*signature(many).parameters.values()])
    assert type(changed) is inspect.Signature
    assert changed.bind(1, 2, 3).args == (1, 2, 3)


def test_of_what_cannot_be_hashed() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, pressure: float) -> None: ...

    assert signature(Unhashable()).bind(1.0).arguments == {"pressure": 1.0}
    assert str(signature(three, follow_wrapped=False)) == str(inspect.signature(three))


EVALUATED = """
import sys
if sys.argv[1] == "metpy first":
    import metpy.calc
else:
    import pipeline.engines.metpy
from season_sample import evaluated, soundings
from pipeline.calculations import CATALOGUE
from pipeline.engines.quick_signatures import QuickSignature
import metpy.calc as mpcalc
cells = [cell.cell_contents for cell in mpcalc.lcl.__closure__]
cells += [cell.cell_contents for cell in mpcalc.lcl.__wrapped__.__closure__ or ()]
print(any(isinstance(each, QuickSignature) for each in cells))
for one in [*soundings().values()][:3]:
    found = evaluated(one, tuple(CATALOGUE))
    print(found.scalars.tobytes().hex(), [each.tobytes().hex() for each in found.levels.values()])
    print(found[2:])
"""


def test_metpys_decorators_bind_quickly_and_find_the_same() -> None:
    first, ours = (
        subprocess.run(
            [sys.executable, "-c", EVALUATED, which],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for which in ("metpy first", "pipeline first")
    )
    assert (first[0], ours[0]) == ("False", "True")
    assert first[1:] == ours[1:]
    assert len(ours) == 7
