"""The catalogue: every declaration says what it must, and says the truth."""

from __future__ import annotations

import ast
import importlib
import inspect
import math
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.calculations import (
    BASE_INPUTS,
    CATALOGUE,
    DEFAULT_GROUPS,
    GROUPS,
    Calculation,
    names_and_groups,
    resolve,
)

#: Section 5 of the issue that asked for the catalogue, written out.
PARCELS = [
    *("sbcape", "sbcin", "sblcl_pressure", "sblfc_pressure", "sbel_pressure"),
    *("sblcl_temperature", "sblcl_height", "sblfc_height", "sbel_height", "sb_lifted_index"),
    *("mlcape", "mlcin", "mllcl_pressure", "mllfc_pressure", "mlel_pressure"),
    *("mllcl_temperature", "mllcl_height", "mllfc_height", "mlel_height", "ml_lifted_index"),
    *("mucape", "mucin", "mulcl_pressure", "mulfc_pressure", "muel_pressure"),
    *("mulcl_temperature", "mulcl_height", "mulfc_height", "muel_height", "mu_lifted_index"),
    *("mu_parcel_pressure", "dcape"),
]
INDICES = [
    *("k_index", "total_totals_index", "cross_totals", "vertical_totals"),
    *("showalter_index", "sweat_index", "galvez_davison_index"),
]
MOISTURE = [
    *("precipitable_water", "ml_mixing_ratio", "freezing_level_height", "wet_bulb_zero_height"),
]
WINDS = [
    *("bulk_shear_0_1km", "bulk_shear_0_3km", "bulk_shear_0_6km", "srh_0_1km", "srh_0_3km"),
    *("bunkers_right_u", "bunkers_right_v", "bunkers_left_u", "bunkers_left_v"),
    *("bunkers_mean_u", "bunkers_mean_v", "corfidi_upwind_u", "corfidi_upwind_v"),
    *("corfidi_downwind_u", "corfidi_downwind_v", "critical_angle"),
]
COMPOSITES = ["supercell_composite", "significant_tornado"]
LEVELS = [
    *("relative_humidity", "mixing_ratio", "virtual_temperature", "potential_temperature"),
    *("equivalent_potential_temperature", "wet_bulb_temperature"),
    *("sb_parcel_temperature", "ml_parcel_temperature", "mu_parcel_temperature"),
]
UNITS = {
    "sbcape": "J kg-1",
    "mlcin": "J kg-1",
    "mulfc_pressure": "hPa",
    "sblcl_temperature": "degC",
    "mlel_height": "m",
    "mu_lifted_index": "K",
    "precipitable_water": "mm",
    "ml_mixing_ratio": "g kg-1",
    "bulk_shear_0_6km": "m s-1",
    "srh_0_1km": "m2 s-2",
    "bunkers_right_u": "m s-1",
    "critical_angle": "degree",
}

every_one = pytest.mark.parametrize("name", CATALOGUE)
every_result = pytest.mark.parametrize("name", [n for n, c in CATALOGUE.items() if c.units])


class TestWhatThereIs:
    @pytest.mark.parametrize(
        ("group", "names"),
        [
            ("parcels", PARCELS),
            ("indices", INDICES),
            ("moisture", MOISTURE),
            ("winds", WINDS),
            ("composites", COMPOSITES),
            ("levels", LEVELS),
        ],
    )
    def test_each_group_holds_what_was_asked_for(self, group: str, names: list[str]) -> None:
        assert sorted(GROUPS[group]) == sorted(names)
        assert {CATALOGUE[name].group for name in names} == {group}

    def test_by_default_all_that_is_one_number_a_profile(self) -> None:
        asked_for = [*PARCELS, *INDICES, *MOISTURE, *WINDS, *COMPOSITES]
        assert sorted(c.name for c in resolve(DEFAULT_GROUPS)) == sorted(asked_for)
        assert not any(CATALOGUE[name].per_level for name in asked_for)
        assert all(CATALOGUE[name].per_level for name in LEVELS)

    @pytest.mark.parametrize(("name", "units"), UNITS.items())
    def test_the_units_are_those_asked_for(self, name: str, units: str) -> None:
        assert CATALOGUE[name].units == units

    def test_no_name_is_declared_twice_nor_is_a_group_or_an_input(self) -> None:
        declared: list[str] = []
        for module in ("parcels", "indices", "moisture", "winds", "composites", "levels"):
            contents = vars(importlib.import_module(f"pipeline.calculations.{module}"))
            for name in ("CALCULATIONS", "SHARED", "DIAGNOSTICS"):
                declared += [calculation.name for calculation in contents.get(name, ())]
        assert len(declared) == len(set(declared))
        assert set(declared) == set(CATALOGUE)
        assert not set(declared) & (set(GROUPS) | set(BASE_INPUTS))


class TestResolve:
    def test_names_and_groups_mix_and_come_once_in_the_order_of_the_catalogue(self) -> None:
        found = [c.name for c in resolve(["composites", "sbcin", "sbcape", "significant_tornado"])]
        assert found == ["sbcape", "sbcin", "supercell_composite", "significant_tornado"]

    def test_an_unknown_word_is_refused(self) -> None:
        with pytest.raises(KeyError, match="sbcapes"):
            resolve(["sbcape", "sbcapes"])

    def test_shared_steps_cannot_be_asked_for(self) -> None:
        shared = {name for name, calculation in CATALOGUE.items() if not calculation.units}
        assert "sb_ascent" in shared
        assert not shared & names_and_groups()

    def test_no_request_gives_nothing(self) -> None:
        assert resolve([]) == []


class TestEveryDeclaration:
    @every_one
    def test_stands_under_its_name(self, name: str) -> None:
        assert CATALOGUE[name].name == name
        assert name.isidentifier()

    @every_one
    def test_takes_inputs_that_there_are(self, name: str) -> None:
        assert CATALOGUE[name].inputs
        assert set(CATALOGUE[name].inputs) <= set(BASE_INPUTS) | set(CATALOGUE)

    @every_one
    def test_does_not_depend_on_itself(self, name: str) -> None:
        waiting, seen = list(CATALOGUE[name].inputs), set()
        while waiting:
            needed = waiting.pop()
            assert needed != name
            if needed in CATALOGUE and needed not in seen:
                seen.add(needed)
                waiting += CATALOGUE[needed].inputs

    @every_one
    def test_names_a_function_that_takes_its_inputs_and_options(self, name: str) -> None:
        calculation = CATALOGUE[name]
        module, _, function = calculation.function.partition(":")
        found = getattr(importlib.import_module(module), function)
        inspect.signature(found).bind(*calculation.inputs, **dict(calculation.options))

    @every_one
    def test_names_a_public_function_of_metpy(self, name: str) -> None:
        import metpy.calc

        if CATALOGUE[name].metpy:
            assert CATALOGUE[name].metpy in metpy.calc.__all__

    @every_result
    def test_has_units_that_pint_knows(self, name: str) -> None:
        from metpy.units import units

        units.Unit(CATALOGUE[name].units)

    @every_result
    def test_says_of_a_temperature_whether_it_is_a_difference(self, name: str) -> None:
        calculation = CATALOGUE[name]
        is_temperature = calculation.units in ("K", "degC")
        assert (calculation.temperature_kind in ("on_scale", "difference")) is is_temperature
        if calculation.units == "degC":
            assert calculation.temperature_kind == "on_scale"

    @every_result
    def test_has_a_name_for_people_without_units(self, name: str) -> None:
        calculation = CATALOGUE[name]
        assert len(calculation.long_name) > 5
        assert f"[{calculation.units}]" not in calculation.long_name

    @every_result
    def test_has_a_valid_range_the_right_way_round(self, name: str) -> None:
        low, high = CATALOGUE[name].valid_range
        assert low < high

    @every_result
    def test_says_a_valid_range_in_the_output_only_where_there_is_one(self, name: str) -> None:
        calculation = CATALOGUE[name]
        low, high = calculation.valid_range
        attributes = calculation.attributes
        assert attributes.get("valid_min", -math.inf) == low
        assert attributes.get("valid_max", math.inf) == high
        assert attributes["units"] == calculation.units
        assert attributes["long_name"] == calculation.long_name
        assert "" not in attributes.values()

    @pytest.mark.parametrize("name", [*PARCELS, *INDICES, *MOISTURE, *WINDS, *COMPOSITES])
    def test_one_that_is_a_number_a_profile_masks_what_cannot_be(self, name: str) -> None:
        low, high = CATALOGUE[name].valid_range
        assert math.isfinite(low)
        assert math.isfinite(high)

    @pytest.mark.parametrize("name", [*PARCELS, *INDICES, *WINDS, *COMPOSITES])
    def test_says_where_it_is_defined(self, name: str) -> None:
        assert CATALOGUE[name].reference


def standard_names() -> dict[str, str]:
    """Return CF's standard names with their canonical units, as compliance-checker has them."""
    spec = find_spec("compliance_checker")
    if spec is None or spec.origin is None:
        pytest.skip("compliance-checker is not installed")
    table = ElementTree.parse(Path(spec.origin).parent / "data" / "cf-standard-name-table.xml")
    return {
        entry.attrib["id"]: entry.findtext("canonical_units", "") for entry in table.iter("entry")
    }


class TestStandardNames:
    def test_are_cfs_and_fit_the_units(self) -> None:
        from metpy.units import units

        known = standard_names()
        assert len(known) > 4000
        for calculation in CATALOGUE.values():
            if calculation.standard_name:
                assert calculation.standard_name in known, calculation.name
                canonical = units.Unit(known[calculation.standard_name])
                assert units.Unit(calculation.units).is_compatible_with(canonical), calculation.name

    def test_are_there_where_cf_has_one(self) -> None:
        """Those that the project's notes on CF list (model code bases, section 8)."""
        expected = {
            "sbcape": "atmosphere_convective_available_potential_energy_wrt_surface",
            "mlcape": "atmosphere_convective_available_potential_energy",
            "sbcin": "atmosphere_convective_inhibition_wrt_surface",
            "mucin": "atmosphere_convective_inhibition",
            "sblcl_height": "atmosphere_lifting_condensation_level_wrt_surface",
            "mllfc_height": "atmosphere_level_of_free_convection",
            "mulcl_pressure": "air_pressure",
            "k_index": "atmosphere_stability_k_index",
            "total_totals_index": "atmosphere_stability_total_totals_index",
            "showalter_index": "atmosphere_stability_showalter_index",
            "precipitable_water": "lwe_thickness_of_atmosphere_mass_content_of_water_vapor",
            "relative_humidity": "relative_humidity",
        }
        assert {name: CATALOGUE[name].standard_name for name in expected} == expected

    def test_no_two_of_a_parcel_share_one_that_tells_them_apart(self) -> None:
        """``air_pressure`` may stand for three levels; CAPE may stand for one CAPE a parcel."""
        for prefix in ("sb", "ml", "mu"):
            names = [
                c.standard_name
                for c in CATALOGUE.values()
                if c.name.startswith(prefix) and c.standard_name.startswith("atmosphere_")
            ]
            assert len(names) == len(set(names))


class TestItIsPlainData:
    def test_importing_it_imports_neither_metpy_nor_numpy(self) -> None:
        program = (
            "import sys, pipeline.calculations;"
            "print([m for m in ('metpy', 'numpy', 'xarray', 'pint') if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"

    def test_declarations_can_be_hashed_and_not_changed(self) -> None:
        assert len({hash(calculation) for calculation in CATALOGUE.values()}) > 1
        with pytest.raises(AttributeError):
            CATALOGUE["sbcape"].units = "J/g"  # type: ignore[misc]


FUTURE = "from __future__ import annotations"


def test_only_public_functions_of_metpy_are_called() -> None:
    """Walk the adapters' code: what is taken from metpy stands in its list of public names."""
    import metpy.calc

    from pipeline.engines import adapters

    files = Path(str(adapters.__file__)).parent.glob("*.py")
    tree = ast.parse("".join(file.read_text() for file in files).replace(FUTURE, ""))
    called = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "mpcalc"
    }
    assert "parcel_profile_with_lcl" in called
    assert called <= set(metpy.calc.__all__)
    imported = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("metpy")
    }
    assert imported == {"metpy.constants", "metpy.units"}


def test_a_declaration_needs_its_name_inputs_and_function() -> None:
    with pytest.raises(TypeError):
        Calculation(name="mine")  # type: ignore[call-arg]
