"""The netCDF file keeps CF-1.11, and opens in xarray as it stands, whatever is in it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from made_profiles import made, made_season, same_bits

from pipeline import output
from pipeline.profiles import LEVEL_VARIABLES, Extra, SourceRow
from pipeline.ragged import select, to_dataset


def write(dataset: xr.Dataset, path: Path) -> Path:
    output.write(dataset, path, attributes={"title": "A test"})
    return path


def checked_strictly(path: Path) -> tuple[bool, str]:
    """Run the IOOS compliance checker over a file; return its verdict and its report."""
    from compliance_checker.runner import CheckSuite, ComplianceChecker

    CheckSuite.load_all_available_checkers()
    report = path.with_suffix(".txt")
    passed, _ = ComplianceChecker.run_checker(
        str(path), ["cf:1.11"], 1, "strict", output_filename=str(report), output_format="text"
    )
    return passed, report.read_text()


def nowhere() -> xr.Dataset:
    """A dataset of which no position and no time is known."""
    return to_dataset([made(2), made(0)], [])


def with_drift() -> xr.Dataset:
    """A dataset with a format's own variables that look like coordinates."""
    extras = {
        "drift_latitude": Extra(np.array([46.0, 46.1]), "degrees_north", "balloon's latitude"),
        "drift_longitude": Extra(np.array([7.0, 7.1]), "degrees_east", "balloon's longitude"),
        "elapsed_time": Extra(np.array([0.0, 60.0]), "s", "time since release"),
        "omega": Extra(np.array([0.1, np.nan]), "Pa s-1"),
    }
    return to_dataset([made(2, extras=extras, latitude=46.0, longitude=7.0)], [])


def per_level_temperature() -> xr.Dataset:
    """A dataset with a temperature and a scalar coordinate among its results."""
    dataset = made_season()
    dataset = dataset.assign_coords(
        mixed_layer_depth=((), 100.0, {"long_name": "depth of the mixed layer", "units": "hPa"})
    )
    dataset["wet_bulb_temperature"] = ("level", np.full(6, np.nan), {
        "standard_name": "wet_bulb_temperature", "long_name": "wet-bulb temperature",
        "units": "degC", "units_metadata": "temperature: on_scale",
        "coordinates": "mixed_layer_depth",
    })  # fmt: skip
    return dataset


DATASETS: list[Callable[[], xr.Dataset]] = [
    made_season,
    nowhere,
    with_drift,
    per_level_temperature,
    lambda: select(made_season(), [0], sources=[1]),
    lambda: to_dataset([made(2, derived=frozenset(LEVEL_VARIABLES))], []),
    lambda: to_dataset([], []),
    lambda: to_dataset([], [SourceRow(path="empty.txt")]),
]


@pytest.mark.parametrize("build", DATASETS)
class TestConventions:
    def test_pass_the_strict_check_of_cf(
        self, tmp_path: Path, build: Callable[[], xr.Dataset]
    ) -> None:
        passed, report = checked_strictly(write(build(), tmp_path / "o.nc"))
        assert passed, report
        assert "All tests passed!" in report

    def test_let_xarray_open_it_without_a_warning(
        self, tmp_path: Path, build: Callable[[], xr.Dataset]
    ) -> None:
        path = write(build(), tmp_path / "o.nc")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with xr.open_dataset(path) as opened:
                found = opened.load()
        expected = output.read(path)
        assert {"time", "latitude", "longitude", "pressure"} <= set(found.coords)
        for name in ("time", "pressure", "dewpoint", "profile_id", "status", "source_path"):
            np.testing.assert_array_equal(found[name].values, expected[name].values)
        assert found["dewpoint_qc"].dtype == np.int8

    def test_round_trip(self, tmp_path: Path, build: Callable[[], xr.Dataset]) -> None:
        dataset = build()
        for variable in dataset.variables.values():
            if variable.attrs.get("comment") == "":
                del variable.attrs["comment"]
        same_bits(output.read(write(dataset, tmp_path / "o.nc")), dataset)


def test_the_check_does_notice_a_fault(tmp_path: Path) -> None:
    dataset = made_season()
    dataset["sbcape"].attrs["units"] = "K"
    passed, report = checked_strictly(write(dataset, tmp_path / "o.nc"))
    assert not passed
    assert "sbcape" in report
