"""What pint finds out anew for each quantity, found out once (`pipeline.engines.quick_units`)."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pint
import pytest
from metpy.units import units
from pint.facets.numpy import numpy_func
from pint.facets.plain import quantity
from pint.util import SharedRegistryObject
from season_sample import evaluated, soundings

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

    def test_a_single_number_holds_none(self) -> None:
        with pytest.raises(TypeError):
            assert units.Quantity(925.0, "hPa") in units.Quantity(925.0, "hPa")


class TestWhatPintRemembers:
    def test_changes_no_bit_of_any_result(self, monkeypatch: pytest.MonkeyPatch) -> None:
        checked = [*soundings().values()][:6]
        ours = [evaluated(one).scalars.tobytes() for one in checked]
        for owner, name in (
            (units.Quantity, "__contains__"),
            (units.Quantity, "__new__"),
            (SharedRegistryObject, "_REGISTRY"),
            (pint.application_registry.get(), "parse_units"),
            (pint.application_registry.get(), "_validate_and_extract"),
        ):
            monkeypatch.delattr(owner, name)
        for module in (numpy_func, quantity):
            monkeypatch.setattr(module, "is_upcast_type", pint.compat.is_upcast_type)
        monkeypatch.setattr(numpy_func, "signature", inspect.signature)
        assert [evaluated(one).scalars.tobytes() for one in checked] == ours

    @pytest.mark.parametrize(
        ("owner", "name"),
        [
            (numpy_func, "signature"),
            (numpy_func, "is_upcast_type"),
            (quantity, "is_upcast_type"),
            (pint.application_registry.get(), "parse_units"),
            (pint.application_registry.get(), "_validate_and_extract"),
        ],
    )
    def test_is_asked_for_by_the_pint_that_is_installed(self, owner: Any, name: str) -> None:
        before = getattr(owner, name).cache_info().hits
        np.isclose(units.Quantity(1.0, "m"), units.Quantity("100 cm").to("mm"))
        assert getattr(owner, name).cache_info().hits > before

    @pytest.mark.parametrize("value", [1.0, np.float64(1.0), np.array([1.0, np.nan])], ids=repr)
    def test_a_quantity_made_quickly_is_like_any_other(
        self, value: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unit = units.Unit("hPa")._units
        quick = units.Quantity(value, unit)
        monkeypatch.delattr(units.Quantity, "__new__")
        slow = units.Quantity(value, unit)
        assert type(quick) is type(slow)
        assert quick.__dict__.keys() == slow.__dict__.keys()
        assert quick.magnitude is slow.magnitude is value
        assert quick.units == slow.units

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
    def test_all_else_is_left_to_pint(
        self, value: Any, unit: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours = units.Quantity(value, unit)
        monkeypatch.delattr(units.Quantity, "__new__")
        assert np.all(ours == units.Quantity(value, unit))
        assert type(ours.magnitude) is type(units.Quantity(value, unit).magnitude)

    @pytest.mark.parametrize("value", [True, None, {}], ids=repr)
    def test_what_is_no_magnitude_is_refused(self, value: Any) -> None:
        with pytest.raises(TypeError):
            units.Quantity(value, units.Unit("m")._units)

    def test_is_left_alone_where_it_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        elsewhere = (("pint.no_such_module", "signature"), ("pint.util", "no_such_function"))
        monkeypatch.setattr(quick_units, "_ASKED_AGAIN", elsewhere)
        monkeypatch.setattr(quick_units, "_ASKED_OF_THE_REGISTRY", ("no_such_method",))
        quick_units.make_quick()
        assert not hasattr(pint.util, "no_such_function")

    def test_leaves_the_quantities_of_other_registries_theirs(self) -> None:
        other = pint.UnitRegistry()
        length = other.Quantity(2.0, "furlong") + other.Quantity(1.0, "furlong")
        assert length._REGISTRY is other
        with pytest.raises(ValueError, match="registries"):
            length + units.Quantity(1.0, "m")
