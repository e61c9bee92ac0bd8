"""Where MetPy's own solver decides by chance: a night must not fail for that, and for nothing less.

At 40 N, 85 W of the GFS analysis of 26 October 2010 the mixed-layer parcel runs along its
surroundings at 310 hPa, and the equilibrium level hangs on a ten-thousandth of a kelvin.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from pipeline import readers
from pipeline.calculate import calculate, merge
from pipeline.config import Quality
from pipeline.executors import Failure, open_executor
from pipeline.load import Found, check
from pipeline.noise import MOVES, from_solver, moved
from pipeline.profiles import SourceRow
from pipeline.verify import Verification, verify

NAMES = ["mlcape", "mlel_pressure", "mlel_height", "k_index"]
POINT = {"latitude": 40.0, "longitude": 275.0}


@pytest.fixture(scope="module")
def columns(shared_data: Path) -> xr.Dataset:
    """The column, computed by kernels."""
    path = shared_data / "model_columns" / "GFS_test.nc"
    source = readers.read_source(str(path), "model_columns", {"points": [POINT]})
    found = [Found(0, profile, 0) for profile in source.profiles]
    dataset = check([SourceRow(path="GFS_test.nc", profiles=1)], found, Quality())
    with open_executor("serial") as here:
        results = list(calculate(dataset, NAMES, (), Quality(), here, engine="compiled"))
    merge(dataset, results, NAMES)
    return dataset


def verified(dataset: xr.Dataset) -> Verification:
    with open_executor("serial") as here:
        return verify(dataset, [0], NAMES, Quality(), here)


def with_more(dataset: xr.Dataset, name: str, more: float) -> xr.Dataset:
    return dataset.assign({name: dataset[name] + more})


def test_a_level_that_hangs_on_the_solver_is_no_mismatch(columns: xr.Dataset) -> None:
    found = verified(columns)
    assert found.mismatches == []
    assert [one.name for one in found.within_noise] == ["mlel_pressure"]
    assert found.largest["mlel_pressure"] > 0.01  # the tolerance


@pytest.mark.parametrize(
    ("name", "error"), [("mlel_pressure", 1.0), ("mlel_height", 100.0), ("mlcape", 1.0)]
)
def test_a_wrong_number_is_one(columns: xr.Dataset, name: str, error: float) -> None:
    found = verified(with_more(columns, name, error))
    assert [one.name for one in found.mismatches] == [name]


def test_what_metpy_does_not_answer_is_no_excuse(
    columns: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was lost over levels moved a little has not said that there is no value."""

    def losing_one(dataset: xr.Dataset, *arguments: Any) -> Iterator[Any]:
        evaluations = list(calculate(dataset, *arguments))
        lost = Failure("died", "evaluate", "killed by a test, twice")
        yield from evaluations if len(evaluations) == 1 else [lost, *evaluations[1:]]

    monkeypatch.setattr("pipeline.verify.calculate", losing_one)
    found = verified(with_more(columns, "mlcape", np.nan))
    assert "mlcape" in [one.name for one in found.mismatches]


def test_what_the_solver_has_no_part_in_is_not_excused(columns: xr.Dataset) -> None:
    found = verified(with_more(columns, "k_index", 1.05e-3))
    assert [one.name for one in found.mismatches] == ["k_index"]


def test_the_solver_has_a_part_in_what_comes_of_lifted_parcels() -> None:
    assert all(map(from_solver, ("sbcape", "mulfc_height", "dcape", "wet_bulb_zero_height")))
    assert not any(map(from_solver, ("sblcl_pressure", "total_totals_index", "srh_0_3km")))


def test_levels_are_moved_by_no_more_than_the_noise_and_stay_air() -> None:
    temperature, dewpoint = np.array([20.0, 10.0, -60.0]), np.array([20.0, 5.0, -60.0])
    for warmer, moister in moved(temperature, dewpoint):
        assert np.abs(warmer - temperature).max() <= max(MOVES) * (1 + 1e-6)
        assert np.abs(moister - dewpoint).max() <= max(MOVES) * (1 + 1e-6)
        assert (moister <= warmer).all()
