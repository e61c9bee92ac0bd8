"""Quantities are made and looked through without pint's detours, and are what they always were."""

from __future__ import annotations

import inspect
from copy import deepcopy
from typing import Any

import numpy as np
import pint
import pytest
from metpy.units import units
from pint.facets.numpy import numpy_func
from pint.facets.plain import quantity
from pint.util import UnitsContainer
from season_sample import evaluated, soundings

from pipeline.calculations import CATALOGUE
from pipeline.engines import quick_units


class TestAskingWhetherLevelsHoldAValue:
    """MetPy's layers ask it; pint by itself makes a quantity of each level for that."""

    LEVELS = units.Quantity(np.array([1000.0, 925.0, 850.0, np.nan, 273.15]), "hPa")

    @pytest.mark.parametrize(
        "value",
        [
            units.Quantity(925.0, "hPa"),
            units.Quantity(92500.0, "Pa"),
            units.Quantity(925.0000000001, "hPa"),
            units.Quantity(np.nan, "hPa"),
            units.Quantity(850.0, "m"),
            units.Quantity(0.0, "degC"),
            850.0,
            "hPa",
            None,
        ],
        ids=str,
    )
    @pytest.mark.parametrize("unit", ["hPa", "m", "K", "degC", ""])
    def test_is_answered_as_by_looking_at_each(self, unit: str, value: Any) -> None:
        levels = units.Quantity(self.LEVELS.m, unit)
        one_by_one = any(bool(np.all(level == value)) for level in list(levels))
        assert (value in levels) == one_by_one

    def test_of_a_table_is_refused_as_always(self) -> None:
        with pytest.raises(ValueError, match="ambiguous"):
            assert units.Quantity(925.0, "hPa") in units.Quantity(np.full((2, 2), 925.0), "hPa")

    def test_a_single_number_holds_none(self) -> None:
        with pytest.raises(TypeError):
            assert units.Quantity(925.0, "hPa") in units.Quantity(925.0, "hPa")


def as_pint_has_it(patch: pytest.MonkeyPatch) -> None:
    """Undo all that `quick_units` has done."""
    for name in ("__contains__", "__new__"):
        patch.delattr(units.Quantity, name)
    for name in quick_units._REMEMBERED:
        patch.delattr(pint.application_registry.get(), name)
    for module in (numpy_func, quantity):
        patch.setattr(module, "is_upcast_type", pint.compat.is_upcast_type)
    patch.setattr(numpy_func, "signature", inspect.signature)


def test_no_bit_of_any_result_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = [*soundings().values()][:6]
    quick = [evaluated(one, tuple(CATALOGUE)) for one in checked]
    as_pint_has_it(monkeypatch)
    for one, ours in zip(checked, quick, strict=True):
        theirs = evaluated(one, tuple(CATALOGUE))
        assert np.isfinite(ours.scalars).sum() > 40
        assert ours.scalars.tobytes() == theirs.scalars.tobytes()
        assert ours.levels
        for name, values in ours.levels.items():
            assert values.tobytes() == theirs.levels[name].tobytes()
        assert ours[2:] == theirs[2:]


class TestQuantities:
    UNIT = units.Unit("hPa")._units

    @pytest.mark.parametrize("value", [1.0, np.float64(1.0), np.array([1.0, np.nan])], ids=repr)
    @pytest.mark.parametrize(
        ("unit", "keywords"), [((UNIT,), {}), ((), {"units": UNIT})], ids=["by place", "by name"]
    )
    def test_made_quickly_are_like_any_other(
        self, value: Any, unit: Any, keywords: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        quick = units.Quantity(value, *unit, **keywords)
        as_pint_has_it(monkeypatch)
        slow = units.Quantity(value, *unit, **keywords)
        assert type(quick) is type(slow)
        assert quick.__dict__ == slow.__dict__
        assert quick.magnitude is slow.magnitude is value

    @pytest.mark.parametrize(
        ("value", "unit"),
        [
            (1, "m"),
            ("1 km", None),
            ([1.0, 2.0], "m"),
            (units.Quantity(3.0, "km"), "m"),
            (units.Quantity(3.0, "km"), None),
            (np.ma.masked_array([1.0, 2.0], [False, True]), "m"),
        ],
        ids=repr,
    )
    def test_of_all_else_are_left_to_pint(
        self, value: Any, unit: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        quick = units.Quantity(value, units=unit)
        as_pint_has_it(monkeypatch)
        slow = units.Quantity(value, units=unit)
        assert np.all(quick == slow)
        assert type(quick.magnitude) is type(slow.magnitude)

    @pytest.mark.parametrize("value", [True, None, {}], ids=repr)
    def test_of_nothing_that_can_be_measured_are_refused(self, value: Any) -> None:
        with pytest.raises(TypeError):
            units.Quantity(value, self.UNIT)

    def test_are_arrays_where_the_registry_is_told_so_later(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pint.application_registry.get(), "force_ndarray_like", True)
        assert isinstance(units.Quantity(1.0, self.UNIT).magnitude, np.ndarray)

    def test_survive_another_application_registry(self) -> None:
        ours, other = pint.application_registry.get(), pint.UnitRegistry()
        other.define("smoot = 1.7 m")
        pint.set_application_registry(other)
        try:
            assert ours.Quantity(1, "km").to("m").magnitude == 1000
            assert pint.Quantity("3 smoot").to("m").magnitude == pytest.approx(5.1)
        finally:
            pint.set_application_registry(ours)

    def test_of_other_registries_stay_theirs(self) -> None:
        other = pint.UnitRegistry()
        length = other.Quantity(2.0, "furlong") + other.Quantity(1.0, "furlong")
        assert length._REGISTRY is other
        with pytest.raises(ValueError, match="registries"):
            length + units.Quantity(1.0, "m")

    def test_of_a_copied_registry_know_its_units(self) -> None:
        other = deepcopy(pint.application_registry.get())
        other.define("smoot = 1.7 m")
        assert other.Quantity(1.0, "smoot").to("m").magnitude == pytest.approx(1.7)


class TestWhatPintRemembers:
    @pytest.mark.parametrize(
        ("module", "name"),
        [
            (numpy_func, "signature"),
            (numpy_func, "is_upcast_type"),
            (quantity, "is_upcast_type"),
        ],
    )
    def test_is_asked_for_by_the_pint_that_is_installed(self, module: Any, name: str) -> None:
        def ask() -> None:
            np.isclose(units.Quantity(1.0, "m"), units.Quantity("100 cm"))

        ask()
        before = getattr(module, name).cache_info().hits
        ask()
        assert getattr(module, name).cache_info().hits > before

    @pytest.mark.parametrize("name", ["parse_units_as_container", "_validate_and_extract"])
    def test_is_asked_for_by_the_registry_that_is_installed(self, name: str) -> None:
        def ask() -> None:
            units.Quantity(units.Quantity(1.0, "km / hour"), "m / s")

        ask()
        remembered = getattr(pint.application_registry.get(), name).__func__
        before = remembered.cache_info().hits
        ask()
        assert remembered.cache_info().hits > before

    def test_is_no_answer_that_was_refused(self) -> None:
        other = deepcopy(pint.application_registry.get())
        with pytest.raises(pint.UndefinedUnitError):
            other.Quantity(1.0, "smoot / s")
        other.define("smoot = 1.7 m")
        assert other.Quantity(1.0, "smoot / s").to("m / s").magnitude == pytest.approx(1.7)
        squares = UnitsContainer(degree_Celsius=2), UnitsContainer(kelvin=2)
        for _ in range(2):
            with pytest.raises(pint.DimensionalityError, match="offset units in higher order"):
                other.convert(1.0, *squares)

    def test_is_another_where_units_differ_in_whether_they_are_differences(self) -> None:
        registry = pint.application_registry.get()
        text = "degC / km"
        as_difference = registry.parse_units_as_container(text)
        assert dict(as_difference) == {"delta_degree_Celsius": 1, "kilometer": -1}
        as_it_is = registry.parse_units_as_container(text, as_delta=False)
        assert dict(as_it_is) == {"degree_Celsius": 1, "kilometer": -1}
        assert registry.parse_units_as_container(text) == as_difference

    def test_is_left_alone_where_it_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        elsewhere = (
            ("pint.no_such_module", "signature", abs),
            ("pint.util", "no_such_function", abs),
        )
        monkeypatch.setattr(quick_units, "_REPLACED", elsewhere)
        quick_units.make_quick()
        assert not hasattr(pint.util, "no_such_function")
