"""The reference engine: nothing is computed twice, and a fault costs only what needs it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import custom_calculations
import metpy.calc as mpcalc
import numpy as np
import pytest
from season_sample import (
    SCALARS,
    evaluated,
    results,
    soundings,
    value,
)
from sounding_rows import FAULTLESS, cleaned, nan

from pipeline.calculations import CATALOGUE, GROUPS, Calculation
from pipeline.engines import adapters
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile


class TestOneAscentForAll:
    def calls(
        self, monkeypatch: pytest.MonkeyPatch, name: str, checked: CheckedProfile
    ) -> tuple[int, dict[str, float]]:
        """Return how often a function of MetPy is called for everything, and the results."""
        count = 0
        original = getattr(mpcalc, name)

        def counting(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            return original(*arguments, **options)

        monkeypatch.setattr(mpcalc, name, counting)
        found = dict(zip(SCALARS, evaluated(checked).scalars.tolist(), strict=True))
        return count, found

    def test_each_parcel_is_lifted_once_and_one_at_the_surface_not_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = set()
        for name, checked in list(soundings().items())[:12]:
            with monkeypatch.context() as patch:
                count, found = self.calls(patch, "parcel_profile_with_lcl", checked)
            at_surface = found["mu_parcel_pressure"] == checked.profile.pressure[0]
            assert count == (2 if at_surface else 3), name
            seen.add(at_surface)
        assert seen == {True, False}

    @pytest.mark.parametrize(
        ("function", "most"),
        [
            ("mixed_parcel", 1),
            ("most_unstable_parcel", 1),
            ("cape_cin", 3),
            ("lfc", 3),
            ("el", 3),
            ("bunkers_storm_motion", 1),
            ("corfidi_storm_motion", 1),
        ],
    )
    def test_each_shared_step_is_taken_once(
        self,
        function: str,
        most: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        checked = next(iter(soundings().values()))
        count, _ = self.calls(monkeypatch, function, checked)
        assert 1 <= count <= most

    def test_results_do_not_depend_on_what_else_is_asked_for(self) -> None:
        name, checked = list(soundings().items())[7]
        for calculation in SCALARS:
            alone = value(checked, calculation)
            np.testing.assert_array_equal(alone, results()[name][calculation], err_msg=calculation)
        backwards = evaluated(checked, SCALARS[::-1]).scalars[::-1]
        np.testing.assert_array_equal(backwards, list(results()[name].values()))

    def test_inputs_are_not_changed(self) -> None:
        checked = next(iter(soundings().values()))
        before = {name: getattr(checked.profile, name).copy() for name in LEVEL_VARIABLES}
        evaluated(checked)
        for name, values in before.items():
            np.testing.assert_array_equal(getattr(checked.profile, name), values)


class TestFaults:
    def test_a_calculation_that_raises_costs_itself_and_what_needs_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = dict(zip(SCALARS, evaluated(cleaned()).scalars, strict=True))

        def broken(*arguments: Any, **options: Any) -> Any:
            raise RuntimeError("the wind has dropped")

        monkeypatch.setattr(mpcalc, "bunkers_storm_motion", broken)
        found = evaluated(cleaned())
        struck = {
            *(f"bunkers_{which}_{c}" for which in ("right", "left", "mean") for c in "uv"),
            *("srh_0_1km", "srh_0_3km", "critical_angle"),
            *("supercell_composite", "significant_tornado"),
        }
        assert set(found.errors) == struck
        assert set(found.errors.values()) == {"RuntimeError: the wind has dropped"}
        for name, number in zip(SCALARS, found.scalars, strict=True):
            if name in struck:
                assert np.isnan(number)
            else:
                np.testing.assert_array_equal(number, whole[name], err_msg=name)

    def test_a_shared_step_that_raises_is_tried_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tries = []

        def broken(*arguments: Any, **options: Any) -> Any:
            tries.append(1)
            raise RuntimeError("no lift")

        monkeypatch.setattr(mpcalc, "mixed_parcel", broken)
        found = evaluated(cleaned())
        assert len(tries) == 1
        assert {name for name in GROUPS["parcels"] if name.startswith("ml")} <= set(found.errors)

    def test_what_metpy_warns_of_is_told_once_a_text(self) -> None:
        found = evaluated(cleaned(FAULTLESS[:5]), ("sbcape", "mucape", "sbel_pressure"))
        assert len(found.warnings) == len(set(found.warnings))
        assert all("\n" not in text for text in found.warnings)

    @pytest.mark.parametrize("rows", [[], FAULTLESS[:1], FAULTLESS[:2], FAULTLESS[:3]])
    def test_hardly_any_levels_give_missing_values_and_no_error(self, rows: list[Any]) -> None:
        found = evaluated(cleaned(rows))
        assert found.scalars.shape == (len(SCALARS),)
        assert found.errors == {}

    def test_nothing_whole_gives_nothing_and_says_why(self) -> None:
        rows = [(p, nan, nan, z, nan, nan) for p, _, _, z, _, _ in FAULTLESS]
        found = evaluated(cleaned(rows))
        assert np.isnan(found.scalars).all()
        assert found.missing["sbcape"] == "fewer than two levels have temperature and dewpoint"
        assert found.missing["bulk_shear_0_6km"] == "fewer than two levels have wind and height"
        assert found.errors == {}

    def test_a_profile_too_shallow_for_a_mixed_layer_has_the_other_parcels(self) -> None:
        rows = [(p, 5.0 - (700 - p) / 10, -1.0 - (700 - p) / 10, 3100.0 + 12 * (700 - p), 1.0, 1.0)
                for p in (700.0, 680.0, 660.0, 640.0, 620.0, 601.0)]  # fmt: skip
        found = evaluated(cleaned(rows), ("mlcape", "ml_mixing_ratio", "sbcape"))
        assert found.missing["mlcape"] == "the profile is less than 100 hPa deep"
        assert found.missing["ml_mixing_ratio"] == "the profile is less than 100 hPa deep"
        assert np.isfinite(found.scalars[2])

    def test_a_saturated_surface_has_its_lcl_there(self) -> None:
        rows = [(*FAULTLESS[0][:2], 25.0, *FAULTLESS[0][3:]), *FAULTLESS[1:]]
        found = evaluated(cleaned(rows), ("sblcl_pressure", "sblcl_height", "sbcape"))
        assert found.scalars[0] == pytest.approx(1000.0, abs=1e-6)
        assert found.scalars[1] == pytest.approx(0.0, abs=1e-3)
        assert found.scalars[2] > 1000.0

    def test_a_profile_that_ends_below_the_lcl_has_no_ascent(self) -> None:
        rows = [
            (1000.0 - 20 * i, 40.0 - 2.0 * i, -20.0 - 2.0 * i, 100.0 + 180 * i, 1.0, 1.0)
            for i in range(8)
        ]
        found = evaluated(cleaned(rows), ("sbcape", "sbcin", "sblcl_pressure"))
        assert np.isnan(found.scalars[:2]).all()
        assert found.missing["sbcape"] == "the profile ends below the parcel's LCL"
        assert found.scalars[2] < 860.0


def custom(
    name: str, function: str, inputs: tuple[str, ...], units: str = "1", *, per_level: bool = False
) -> Calculation:
    return Calculation(
        name=name,
        units=units,
        inputs=inputs,
        per_level=per_level,
        function=f"{custom_calculations.__name__}:{function}",
        group="custom",
    )


class TestCustomCalculations:
    def test_are_given_quantities_and_converted_to_their_units(self) -> None:
        mine = custom("mean_t", "mean_temperature", ("pressure", "temperature"), "degC")
        found = evaluated(cleaned(), ("mean_t",), mine)
        assert found.scalars[0] == pytest.approx(np.mean([row[1] for row in FAULTLESS]))

    def test_may_build_on_the_catalogue(self) -> None:
        inputs = ("sbcape", "sbel_height", "sblfc_height")
        mine = custom("ncape", "normalized_cape", inputs, "m s-2")
        cape, el, lfc, ncape = evaluated(cleaned(), (*inputs, "ncape"), mine).scalars
        assert ncape == pytest.approx(cape / (el - lfc))

    def test_may_build_on_each_other(self) -> None:
        first = custom("surface", "a_pressure", ("pressure",), "hPa")
        second = custom("again", "surface_pressure", ("pressure",), "hPa")
        third = custom("ratio", "normalized_cape", ("again", "surface", "sblcl_pressure"))
        found = evaluated(cleaned(), ("again",), first, second, third)
        assert found.scalars.tolist() == [1000.0]

    def test_a_plain_number_is_taken_to_be_in_the_units_declared(self) -> None:
        mine = custom("surface", "surface_pressure", ("pressure",), "Pa")
        assert evaluated(cleaned(), ("surface",), mine).scalars.tolist() == [1000.0]

    def test_may_be_one_value_a_level_on_the_levels_that_are_whole(self) -> None:
        rows = [(p, t, nan if p == 850.0 else d, z, u, v) for p, t, d, z, u, v in FAULTLESS]
        checked = cleaned(rows, humidity_gaps="keep")
        mine = custom("warming", "warming", ("temperature",), "delta_degC", per_level=True)
        found = evaluated(checked, ("warming",), mine).levels["warming"]
        expected = [0.0, -5.0, nan, -20.0, -37.0, -50.0, -65.0, -80.0]
        np.testing.assert_allclose(found, expected)

    @pytest.mark.parametrize(
        ("function", "count"), [("half", 4), ("surface_pressure", 1)], ids=["half", "one"]
    )
    def test_of_another_number_of_levels_costs_itself_and_is_told(
        self, function: str, count: int
    ) -> None:
        mine = custom("mine", function, ("pressure",), "hPa", per_level=True)
        found = evaluated(cleaned(), ("sbcape", "mine"), mine)
        told = f"ValueError: it gave {count} values for 8 levels with temperature and dewpoint"
        assert found.errors == {"mine": told}
        assert np.isnan(found.levels["mine"]).all()
        assert found.scalars[0] == value(cleaned(), "sbcape")

    def test_may_change_what_they_are_given_and_harm_nobody(self) -> None:
        whole = evaluated(cleaned(), SCALARS).scalars
        mine = custom("mine", "change_what_it_is_given", ("pressure", "temperature"), "hPa")
        found = evaluated(cleaned(), ("mine", *SCALARS), mine)
        assert found.scalars[0] == 1000.0
        np.testing.assert_array_equal(found.scalars[1:], whole)

    @pytest.mark.parametrize(
        ("function", "error"),
        [
            ("raise_always", "ValueError: this never works"),
            ("text", "TypeError: it gave 'many' where a real number is expected"),
            ("complex_number", "TypeError: it gave np.complex128(1+2j) where a real number"),
            ("leave", "SystemExit: enough"),
            ("raise_without_words", "UnspeakableError: its message cannot be read"),
            ("a_pressure", "DimensionalityError: Cannot convert from 'hectopascal'"),
        ],
    )
    def test_a_bad_one_costs_itself_and_is_named(self, function: str, error: str) -> None:
        mine = custom("mine", function, ("pressure",), "K")
        found = evaluated(cleaned(), ("sbcape", "mine"), mine)
        assert np.isnan(found.scalars[1])
        assert found.scalars[0] == value(cleaned(), "sbcape")
        assert list(found.errors) == ["mine"]
        assert found.errors["mine"].startswith(error)

    def test_a_masked_result_is_missing_whatever_is_beneath_the_mask(self) -> None:
        mine = custom("mine", "masked_number", ("pressure",))
        found = evaluated(cleaned(), ("mine",), mine)
        assert np.isnan(found.scalars).all()
        assert not found.errors

    def test_may_change_settings_of_numpy_and_warnings_for_themselves_alone(self) -> None:
        before = np.geterr()
        mine = custom("mine", "make_numpy_strict", ("pressure",))
        # Calm winds: MetPy divides zero by zero, which is a warning of numpy's, not an error.
        rows = [(*row[:4], 0.0, 0.0) for row in FAULTLESS]
        names = ("mine", "bunkers_right_u", "srh_0_3km")
        found = evaluated(cleaned(rows), names, mine)
        assert found.errors == {}
        assert found.warnings
        assert np.geterr() == before


def test_every_adapter_of_the_catalogue_is_used() -> None:
    """What stands in the adapters and is not named in the catalogue would be dead."""
    modules = [
        importlib.import_module(f"{adapters.__name__}.{found.name}")
        for found in pkgutil.iter_modules(adapters.__path__)
    ]
    own = {
        f"{module.__name__}:{name}"
        for module in modules
        for name, thing in vars(module).items()
        if callable(thing)
        and getattr(thing, "__module__", "") == module.__name__
        and not name.startswith("_")
        and name.islower()
    }
    assert len(own) > 20
    assert own <= {c.function for c in CATALOGUE.values()}
