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
from pipeline.convert import convert
from pipeline.errors import PipelineError
from pipeline.executors import Failure, open_executor
from pipeline.flags import Reason, SourceStatus, Status, from_mask
from pipeline.profiles import SourceRow
from pipeline.readers import read_source
from pipeline.run import run
from pipeline.sources import Source


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
    found = [load.Found(0, profile(station_id="A"), 0), load.Found(1, profile(station_id="B"), 0)]
    rows = [SourceRow(path="a"), SourceRow(path="b")]
    dataset = load.check(rows, found, Quality())
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
    assert rows[0].status == SourceStatus.QUARANTINED
    assert "killed by SIGSEGV, twice" in rows[0].message


def test_the_content_of_a_source_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is read: a conversion of gigabytes must not read all of them twice."""
    path = small_season.SEASON / "03031300.SHV"
    original, looked_at = readers.fingerprint, []

    def counted(place: Path, *limits: Any) -> str:
        looked_at.append(place)
        return original(place, *limits)

    monkeypatch.setattr(readers, "fingerprint", counted)
    with open_executor("serial") as executor:
        rows, _ = load.read([Source(path)], executor, path.parent)
    assert looked_at == [path]
    assert rows[0].fingerprint == original(path)


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
    assert row.status == SourceStatus.QUARANTINED
    assert "KeyError" in row.message


def test_heights_above_ground_need_a_height_at_the_ground() -> None:
    """Interpolation would put the LCL on the lowest known height, and call it 0 m."""
    rows = [(*row[:3], np.nan, *row[4:]) if row[0] > 600 else row for row in FAULTLESS]
    checked = cleaned(profile(rows), derive_height=False)
    found = evaluated(checked, ("sblcl_height", "bulk_shear_0_3km", "sblcl_pressure"))
    assert np.isnan(found.scalars[:2]).all()
    assert np.isfinite(found.scalars[2])
    assert found.missing["sblcl_height"] == "the lowest level has no height"


def test_why_a_result_is_missing_stands_in_the_dataset(tmp_path: Path) -> None:
    small_season.make_files(tmp_path)
    report = run(small_season.config(tmp_path, calculations=["indices"]))
    told = dict(
        zip(
            report.dataset["station_id"].values.tolist(),
            report.dataset["calculation_message"].values.tolist(),
            strict=True,
        )
    )
    assert "k_index" in told["DNR"]  # Denver's ground is at 826 hPa
    assert "the levels do not span 850 to 500 hPa" in told["DNR"]
    assert told["SHV"] == ""


def test_a_night_without_a_sounding_does_not_replace_a_season(tmp_path: Path) -> None:
    small_season.make_files(tmp_path)
    made = run(small_season.config(tmp_path, calculations=["moisture"])).path
    before = made.read_bytes()
    for file in (tmp_path / "in").iterdir():
        file.unlink()
        file.write_text("the disk was not mounted")
    with pytest.raises(PipelineError, match=r"none of the .* sources gave a sounding .* is kept"):
        run(small_season.config(tmp_path, calculations=["moisture"]))
    assert made.read_bytes() == before


def test_an_output_that_cannot_be_written_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_season.make_files(tmp_path)
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setattr(readers, "read_source", lambda *_: pytest.fail("it was read"))
    with pytest.raises(PipelineError, match="cannot be written"):
        run(small_season.config(tmp_path, output="file/season.nc"))


def test_what_convert_gives_nobody_has_judged(tmp_path: Path) -> None:
    """A sounding that a run rejects must not be called ok for want of a look at it."""
    file = small_season.SEASON / "03031300.SHV"
    raw = convert([file], tmp_path / "raw.nc")
    assert raw["status"].values.tolist() == [Status.NOT_EVALUATED]
    assert raw["wind_status"].values.tolist() == [Status.NOT_EVALUATED]
    clean = convert([file], tmp_path / "clean.nc", clean=True)
    assert clean["status"].values.tolist() == [Status.OK]
