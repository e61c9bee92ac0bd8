"""What a source does not give and its reader computed is said of each profile, to the last file."""

from __future__ import annotations

import shutil
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from made_profiles import made
from netcdf_files import ONE, Variables, write
from nights import DNR, GGW, SEASON, SHV, Nights, assert_as_from_scratch

from pipeline import joining, output, ragged, readers
from pipeline.convert import convert
from pipeline.profiles import LEVEL_VARIABLES, WINDS, Profile, SourceRow

#: ARM's names; its files before 2010 have no standard names, and this one no dewpoint.
ARM: Variables = {
    "pres": (("time",), [1000.0, 925.0, 850.0, 700.0, 500.0, 400.0], {"units": "hPa"}),
    "tdry": (("time",), [20.0, 15.0, 10.0, 0.0, -15.0, -28.0], {"units": "C"}),
    "rh": (("time",), [70.0, 75.0, 80.0, 60.0, 50.0, 40.0], {"units": "%"}),
    "alt": (("time",), [100.0, 780.0, 1500.0, 3050.0, 5650.0, 7300.0], {"units": "m"}),
    "u_wind": (("time",), [1.0, 2.0, 3.0, 5.0, 8.0, 9.0], {"units": "m/s"}),
    "v_wind": (("time",), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], {"units": "m/s"}),
    "time": (
        ("time",),
        [0.0, 60.0, 120.0, 300.0, 600.0, 800.0],
        {"units": "seconds since 2003-05-04 12:00:00"},
    ),
}

#: By the names of the files, what their readers have to compute.
EXPECTED = {SHV: {"u_wind", "v_wind"}, DNR: {"u_wind", "v_wind"}, "arm.cdf": {"dewpoint"}}


def read_one(path: Path) -> Profile:
    (profile,) = readers.read_source(str(path)).profiles
    return profile


def arm(path: Path) -> Path:
    return write(path, ARM, station_id="SGP")


def said(dataset: xr.Dataset) -> dict[str, set[str]]:
    """Return what is said of the profile of each file, by CF's rule for ``flag_masks``."""
    about = dataset["derived_on_reading"]
    words = [*zip(about.attrs["flag_masks"], about.attrs["flag_meanings"].split(), strict=True)]
    files = dataset["source_path"].values[dataset["source_index"].values]
    return {
        Path(file).name: {word for mask, word in words if value & mask}
        for file, value in zip(files, about.values.tolist(), strict=True)
    }


@pytest.fixture
def season(tmp_path: Path) -> Nights:
    nights = Nights(tmp_path, {"calculations": ["k_index"]})
    nights.put(SHV, DNR)
    arm(nights.file("arm.cdf"))
    return nights


class TestProfiles:
    def test_of_speed_and_direction_have_winds_derived(self) -> None:
        assert read_one(SEASON / SHV).derived == {"u_wind", "v_wind"}

    def test_of_another_humidity_have_dewpoint_derived(self, tmp_path: Path) -> None:
        profile = read_one(arm(tmp_path / "arm.cdf"))
        assert profile.derived == {"dewpoint"}
        assert np.isfinite(profile.dewpoint).all()

    def test_that_are_given_whole_have_nothing_derived(self, tmp_path: Path) -> None:
        rh = (("z",), [70.0, 80.0, 90.0], {"standard_name": "relative_humidity", "units": "%"})
        assert read_one(write(tmp_path / "whole.nc", {**ONE, "rh": rh})).derived == frozenset()

    def test_refuse_what_is_no_level_variable(self) -> None:
        with pytest.raises(ValueError, match="derived: no level variables: sbcape"):
            Profile(pressure=[1000.0], derived=frozenset({"sbcape", "dewpoint"}))


@pytest.mark.parametrize("clean", [False, True])
def test_a_conversion_says_it(season: Nights, tmp_path: Path, clean: bool) -> None:
    convert([tmp_path / "in"], tmp_path / "out.nc", clean=clean)
    assert said(output.read(tmp_path / "out.nc")) == EXPECTED


def test_a_run_says_it_and_so_does_the_night_that_takes_it_over(season: Nights) -> None:
    season.night()
    assert said(output.read(season.output)) == EXPECTED
    season.put(GGW)
    season.file("arm.cdf").rename(season.file("renamed.cdf"))
    season.night()
    expected = {SHV: WINDS, DNR: WINDS, GGW: WINDS, "renamed.cdf": {"dewpoint"}}
    assert said(output.read(season.output)) == expected
    assert_as_from_scratch(season)
    for name in ("renamed.cdf", DNR):
        season.file(name).unlink()
    season.night()
    assert said(output.read(season.output)) == expected


def every_variable() -> xr.Dataset:
    """Return a dataset of a profile for each level variable, in their order: it was derived."""
    checked = [
        made(2, source_index=index, derived=frozenset({name}), station_id=f"S{index}")
        for index, name in enumerate(LEVEL_VARIABLES)
    ]
    return ragged.to_dataset(checked, [SourceRow(path=name) for name in LEVEL_VARIABLES])


def test_each_level_variable_has_a_bit_of_its_own() -> None:
    dataset = every_variable()
    assert said(dataset) == {name: {name} for name in LEVEL_VARIABLES}
    assert sorted(dataset["derived_on_reading"].values.tolist()) == [1, 2, 4, 8, 16, 32]


def test_it_stays_with_its_profile_when_datasets_are_cut_and_joined() -> None:
    dataset = every_variable()
    part = ragged.select(dataset, [5, 2, 0])
    assert said(part) == {name: {name} for name in ("v_wind", "dewpoint", "pressure")}
    parts = [
        ragged.select(dataset, [place], sources=dataset["source_index"].values[[place]])
        for place in (5, 2, 0, 1, 4, 3)
    ]
    assert said(joining.concatenate(parts)) == said(dataset)


def test_one_sounding_carries_it(tmp_path: Path) -> None:
    shutil.copy(SEASON / SHV, tmp_path / SHV)
    dataset = convert([tmp_path / SHV], tmp_path / "out.nc")
    about = ragged.sounding(dataset, 0)["derived_on_reading"]
    assert int(about) == 16 + 32  # the fifth and sixth of the level variables
    assert about.attrs["flag_meanings"].split()[4:] == ["u_wind", "v_wind"]


def test_a_night_takes_over_an_output_from_before_there_was_such_a_thing(season: Nights) -> None:
    season.night()
    with netCDF4.Dataset(season.output, "a") as file:
        file.renameVariable("derived_on_reading", "of_another_time")
    assert not any(said(output.read(season.output)).values())
    season.file(SHV).unlink()
    season.put(GGW)
    season.night()
    assert set(said(output.read(season.output))) == {SHV, DNR, GGW, "arm.cdf"}
