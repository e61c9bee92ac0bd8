"""The levels of model columns: hybrid ones and fields of pressure, by hand; the ground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metpy.calc
import numpy as np
import pytest
from metpy.units import units
from model_files import (
    DIMENSIONS,
    GROUND,
    KELVIN,
    KILOGRAM,
    PRESSURES,
    columns_of,
    on_pressure,
    varied,
    why_not,
    without,
)
from netcdf_files import Variables, write

from pipeline.errors import ReadError


class TestGround:
    def test_levels_below_it_are_left_out_with_a_note(self, tmp_path: Path) -> None:
        ground = np.full((2, 4, 5), 101300.0)
        ground[0, 0, 0] = 84000.0
        altitude = {"standard_name": "surface_altitude", "units": "m"}
        made = on_pressure() | {
            "sp": (("time", "latitude", "longitude"), ground, GROUND),
            "orog": (("latitude", "longitude"), varied(0, 2000, (4, 5)), altitude),
        }
        profiles = columns_of(write(tmp_path / "model.nc", made))
        assert profiles[0].pressure.tolist() == [700, 500, 300]
        assert profiles[0].notes[-1] == "2 levels below the ground (840.0 hPa) were left out"
        t = np.asarray(made["t"][1])
        np.testing.assert_allclose(profiles[0].temperature, t[0, 2::-1, 0, 0] - 273.15)
        assert profiles[0].surface_altitude == varied(0, 2000, (4, 5))[0, 0]
        assert profiles[20].pressure.tolist() == PRESSURES[::-1]
        assert not [note for note in profiles[20].notes if "below the ground" in note]

    def test_an_axis_that_does_not_say_that_it_is_pressure_may_be_named(
        self, tmp_path: Path
    ) -> None:
        made = on_pressure() | {"level": (("level",), PRESSURES, {"units": "mbars"})}
        path = write(tmp_path / "known.nc", made)
        assert columns_of(path)[0].pressure.tolist() == PRESSURES[::-1]
        inches = {"units": "inHg", "long_name": "level"}
        path = write(
            tmp_path / "odd.nc", made | {"level": (("level",), [10.0, 15, 20, 25, 29], inches)}
        )
        assert "t (time, level, latitude, longitude) has no levels of pressure" in why_not(path)
        profile = columns_of(path, variables={"pressure": "level"})[0]
        # One inch of mercury at 0 degC is 33.8639 hPa.
        np.testing.assert_allclose(
            profile.pressure, [982.05, 846.60, 677.28, 507.96, 338.64], atol=0.01
        )

    def test_is_known_by_grib_numbers_too_as_thredds_writes_them(self, tmp_path: Path) -> None:
        def numbers(category: int, number: int, level: int, units: str) -> dict[str, Any]:
            # int32, as the netCDF library gives back what THREDDS writes
            parameter = np.array([0, category, number], dtype=np.int32)
            return {"Grib2_Parameter": parameter, "Grib2_Level_Type": level, "units": units}

        flat = ("time", "latitude", "longitude")
        ground, height = varied(8e4, 1.1e5, (2, 4, 5)), varied(0, 900, (2, 4, 5))
        made = without(on_pressure(), "t", "q", "z", "u", "v") | {
            "any": (DIMENSIONS, varied(250, 300), numbers(0, 0, 100, "K")),
            "wet": (DIMENSIONS, varied(5, 99), numbers(1, 1, 100, "%")),
            "high": (DIMENSIONS, varied(100, 9000), numbers(3, 5, 100, "gpm")),
            "on_one": (flat, varied(250, 300, (2, 4, 5)), numbers(0, 0, 103, "K")),
            "msl": (flat, varied(9e4, 1e5, (2, 4, 5)), numbers(3, 1, 101, "Pa")),
            "ground": (flat, ground, numbers(3, 0, 1, "Pa")),
            "relief": (flat, height, numbers(3, 5, 1, "gpm")),
        }
        profiles = columns_of(write(tmp_path / "model.nc", made))
        profile = profiles[20 + 7]
        levels = [one for one in PRESSURES[::-1] if one <= ground[1, 1, 2] / 100]
        assert profile.pressure.tolist() == levels
        assert profile.surface_altitude == height[1, 1, 2]
        truth = varied(100, 9000)[1, ::-1, 1, 2][-len(levels) :]
        np.testing.assert_array_equal(profile.height, truth)
        assert {len(profile) for profile in profiles} == {3, 4, 5}


class TestHybridLevels:
    """p = a + b ps, by hand: a 5 and 20 hPa, b 0.99 and 0.2, ps 1000 hPa less 10 a column."""

    GROUND_VALUES = 1e5 - 1e3 * np.arange(20.0).reshape(4, 5)
    DIMENSIONS = ("lev", "latitude", "longitude")

    def made(self, terms: str, coefficients: Variables, name: str = "ps") -> Variables:
        axis = {
            "standard_name": "atmosphere_hybrid_sigma_pressure_coordinate",
            "formula_terms": terms,
            "positive": "down",
        }
        places = without(on_pressure(), "t", "q", "z", "u", "v", "time", "level")
        return {
            **places,
            "lev": (("lev",), [1.0, 2.0], axis),
            "ta": (self.DIMENSIONS, varied(220, 300, (2, 4, 5)), KELVIN),
            "hus": (self.DIMENSIONS, varied(1e-4, 1e-2, (2, 4, 5)), KILOGRAM),
            name: (("latitude", "longitude"), self.GROUND_VALUES, {"units": "Pa"}),
            **coefficients,
        }

    @pytest.mark.parametrize(
        ("terms", "first", "more"),
        [
            ("a: A b: B ps: ps", ([2000.0, 500.0], "Pa"), {}),
            ("ap: A b: B ps: ps", ([20.0, 5.0], "hPa"), {}),
            ("a: A b: B p0: P0 ps: ps", ([0.02, 0.005], "1"), {"P0": ((), 1e5, {"units": "Pa"})}),
        ],
    )
    def test_of_cf(
        self, tmp_path: Path, terms: str, first: tuple[list[float], str], more: Variables
    ) -> None:
        made = self.made(
            terms,
            {
                "A": (("lev",), first[0], {"units": first[1]}),
                "B": (("lev",), [0.2, 0.99], {"units": "1"}),
                **more,
            },
        )
        profiles = columns_of(write(tmp_path / "model.nc", made))
        np.testing.assert_allclose(profiles[0].pressure, [995.0, 220.0])
        np.testing.assert_allclose(profiles[19].pressure, [806.9, 182.0])
        temperature = np.asarray(made["ta"][1])[::-1, 3, 4] - 273.15
        np.testing.assert_allclose(profiles[19].temperature, temperature)
        truth = metpy.calc.dewpoint_from_specific_humidity(
            units.Quantity(np.array([806.9, 182.0]), "hPa"),
            units.Quantity(np.asarray(made["hus"][1])[::-1, 3, 4], "kg/kg"),
        )
        np.testing.assert_allclose(profiles[19].dewpoint, truth.m_as("degC"))

    def test_of_ecmwf_with_the_logarithm_of_surface_pressure(self, tmp_path: Path) -> None:
        made = self.made(
            "",
            {
                "hyam": (("nhym",), [2000.0, 500.0], {"units": "Pa"}),
                "hybm": (("nhym",), [0.2, 0.99], {"units": "1"}),
            },
            name="lnsp",
        )
        made["lnsp"] = (made["lnsp"][0], np.log(self.GROUND_VALUES), {"units": "1"})
        profiles = columns_of(write(tmp_path / "model.nc", made))
        np.testing.assert_allclose(profiles[19].pressure, [806.9, 182.0])

    def test_coefficients_of_half_levels_are_refused_in_words(self, tmp_path: Path) -> None:
        made = self.made(
            "ap: hyai b: hybi ps: ps",
            {
                "hyai": (("ilev",), [0.0, 4000.0, 0.0], {"units": "Pa"}),
                "hybi": (("ilev",), [0.0, 0.4, 1.0], {"units": "1"}),
            },
        )
        with pytest.raises(ReadError, match="those of half levels"):
            columns_of(write(tmp_path / "model.nc", made))

    def test_what_is_missing_for_pressure_is_said(self, tmp_path: Path) -> None:
        coefficients: Variables = {
            "A": (("lev",), [2000.0, 500.0], {"units": "Pa"}),
            "B": (("lev",), [0.2, 0.99], {"units": "1"}),
        }
        made = self.made("a: A b: B ps: ps", coefficients)
        path = write(tmp_path / "ps.nc", without(made, "ps"))
        with pytest.raises(ReadError, match="there is no surface pressure to compute"):
            columns_of(path)
        with pytest.raises(ReadError, match="whose coefficients are not in the file"):
            columns_of(write(tmp_path / "b.nc", without(made, "B")))

    def test_a_column_without_surface_pressure_is_a_profile_with_a_problem(
        self, tmp_path: Path
    ) -> None:
        made = self.made(
            "a: A b: B ps: ps",
            {
                "A": (("lev",), [2000.0, 500.0], {"units": "Pa"}),
                "B": (("lev",), [0.2, 0.99], {"units": "1"}),
            },
        )
        values = self.GROUND_VALUES.copy()
        values[0, 1] = np.nan
        made["ps"] = (made["ps"][0], values, made["ps"][2])
        profiles = columns_of(write(tmp_path / "model.nc", made))
        assert [bool(profile.problem) for profile in profiles] == [False, True] + [False] * 18
        assert "surface pressure" in profiles[1].problem
        assert profiles[1].station_id == "grid_52.00N_359.50E"

    def test_a_field_of_pressure_serves_too(self, tmp_path: Path) -> None:
        made = without(on_pressure(), "level")
        field = np.broadcast_to(np.array(PRESSURES)[:, None, None], (2, 5, 4, 5)) + varied(0, 50)
        made["pfull"] = (DIMENSIONS, field * 100, {"standard_name": "air_pressure", "units": "Pa"})
        profile = columns_of(write(tmp_path / "model.nc", made))[23]
        np.testing.assert_allclose(profile.pressure, field[1, ::-1, 0, 3])
        t = np.asarray(made["t"][1])
        np.testing.assert_allclose(profile.temperature, t[1, ::-1, 0, 3] - 273.15)
