"""The stages of a run one by one: what each does with a fault of another or of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_season
import xarray as xr
from season_sample import evaluated
from sounding_rows import FAULTLESS, cleaned, profile

from pipeline import calculate, load, quality, ragged, readers
from pipeline.config import Quality
from pipeline.executors import Failure
from pipeline.flags import Reason, SourceStatus, Status, from_mask
from pipeline.plan import Source
from pipeline.profiles import SourceRow
from pipeline.readers import read_source


def dataset_of(*checked: Any) -> xr.Dataset:
    return ragged.to_dataset(list(checked), [])


def test_nothing_is_computed_from_what_the_cleaning_rejected() -> None:
    one_wind = [FAULTLESS[0], *((*row[:4], np.nan, np.nan) for row in FAULTLESS[1:])]
    dataset = dataset_of(
        cleaned(profile(FAULTLESS, station_id="A")),
        cleaned(profile(FAULTLESS[:4], station_id="B")),  # ends at 700 hPa
        cleaned(profile(one_wind, station_id="C")),
    )
    good, low, calm = calculate.argument_tuples(dataset)
    np.testing.assert_array_equal(np.array(good).T, FAULTLESS)
    assert np.isnan(low[1]).all()
    assert np.isnan(low[2]).all()
    assert np.isfinite(low[4]).all()  # its winds are judged apart
    assert np.isfinite(calm[1]).all()
    assert np.isnan(calm[4]).all()


def test_a_profile_that_cannot_be_cleaned_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours: it is told as such."""
    original = quality.clean

    def broken(raw: Any, *arguments: Any) -> Any:
        if raw.station_id == "B":
            raise ZeroDivisionError("a bug")
        return original(raw, *arguments)

    monkeypatch.setattr(quality, "clean", broken)
    profiles = [(0, profile(station_id="A")), (1, profile(station_id="B"))]
    rows = [SourceRow(path="a"), SourceRow(path="b")]
    dataset = load.check(rows, profiles, Quality())
    assert dataset["row_size"].values.tolist() == [len(FAULTLESS), 0]
    assert dataset["status"].values.tolist() == [Status.OK, Status.REJECTED]
    assert "ZeroDivisionError: a bug" in str(dataset["status_message"].values[1])
    assert dataset["time"].values[1] == dataset["time"].values[0]


def test_reading_that_kills_its_worker_is_a_row_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying:
        workers = 1

        def starmap(self, function: Any, arguments: Any) -> Any:
            for path, *_ in arguments:
                yield Failure("died", path, "killed by SIGSEGV, twice")

    rows, profiles = load.read(
        [Source(tmp_path / "broken.nc")],
        Dying(),
        tmp_path,  # type: ignore[arg-type]
    )
    assert profiles == []
    assert rows[0].path == "broken.nc"
    assert rows[0].status == SourceStatus.FAILED
    assert "killed by SIGSEGV, twice" in rows[0].message


def test_a_failure_is_told_by_its_kind() -> None:
    dataset = dataset_of(*(cleaned(profile(station_id=name)) for name in "ABC"))
    evaluations: list[Any] = [
        Failure("raised", "engine.py:1", "ValueError: odd"),
        Failure("timed_out", "evaluate", "no result after 60 s, twice"),
        evaluated(cleaned(), ("k_index",)),
    ]
    calculate.merge(dataset, evaluations, ["k_index"])
    masks = dataset["status_reasons"].values
    assert from_mask(masks[0]) == [Reason.CALCULATION_FAILED]
    assert from_mask(masks[1]) == [Reason.WORKER_LOST]
    assert from_mask(masks[2]) == []
    assert np.isnan(dataset["k_index"].values).tolist() == [True, True, False]
    assert dataset["status"].values.tolist() == [Status.FAILED, Status.FAILED, Status.OK]
    assert dataset["wind_status"].values.tolist() == [Status.OK, Status.FAILED, Status.OK]


def test_readers_never_raise_into_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> Any:
        raise KeyError("a bug in a reader")

    path = small_season.SEASON / "03031300.SHV"
    monkeypatch.setattr(readers.get("spc_raw"), "read", broken)
    row = read_source(str(path)).row
    assert row.status == SourceStatus.FAILED
    assert "KeyError" in row.message
