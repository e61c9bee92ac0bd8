"""Trouble that passes: a mount that goes away, a notebook that writes, a batch that is removed.

None of it may cost a sounding, and the night after it all is as if it had never been.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import netCDF4
import pytest
from nights import Killed, Nights, kill_after_commit, small_batches
from small_season import SEASON

import pipeline
from pipeline import load, work
from pipeline.errors import BusyError, PipelineError

SHV, DNR, FFC = "03031300.SHV", "03041800.DNR", "03050200.FFC"


@pytest.fixture
def season(tmp_path: Path) -> Nights:
    made = Nights(tmp_path)
    made.put(SHV, DNR, FFC)
    return made


@pytest.fixture
def before_reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Let something happen between the plan and the reading of the next run."""
    original = work.read

    def happening(what: Callable[[], None]) -> None:
        def read(*arguments: Any, **options: Any) -> Any:
            monkeypatch.setattr(work, "read", original)
            what()
            return load.read(*arguments, **options)

        monkeypatch.setattr(work, "read", read)

    return happening


def ids(season: Nights) -> list[str]:
    return sorted(pipeline.open_season(season.output).dataset["station_id"].values.tolist())


def test_a_file_that_is_away_when_its_turn_comes_keeps_its_sounding(
    season: Nights, before_reading: Callable[[Any], None]
) -> None:
    season.night()
    content = season.file(DNR).read_bytes()
    before_reading(lambda: season.file(DNR).unlink())
    season.night(force=True)
    assert len(ids(season)) == 3
    season.file(DNR).write_bytes(content)
    (item,) = [item for item in season.plan().items if item.is_work]
    assert (item.path.endswith(DNR), item.why) == (True, "it is back")
    season.night()
    assert season.plan().is_idle


def test_a_mount_that_is_away_for_all_of_them_does_not_spoil_the_next_night(
    season: Nights, before_reading: Callable[[Any], None]
) -> None:
    away = season.file(SHV).parent.with_name("away")

    def unmount() -> None:
        season.file(SHV).parent.rename(away)
        season.file(SHV).parent.mkdir()

    before_reading(unmount)
    season.night()  # the very first: rows without soundings, each with its reason
    assert ids(season) == []
    season.file(SHV).parent.rmdir()
    away.rename(season.file(SHV).parent)
    season.night()
    assert len(ids(season)) == 3


def test_the_fingerprint_is_that_of_what_was_read(
    season: Nights, before_reading: Callable[[Any], None]
) -> None:
    content, other = season.file(DNR).read_bytes(), (SEASON / "03062100.MAF").read_bytes()
    before_reading(lambda: season.file(DNR).write_bytes(other))
    season.night()
    assert "MAF" in ids(season)
    season.file(DNR).write_bytes(content)
    (item,) = [item for item in season.plan().items if item.is_work]
    assert item.why == "content changed"


def test_an_output_that_is_being_written_to_is_left_alone(season: Nights) -> None:
    season.night()
    season.file(DNR).unlink()
    season.night()
    before = season.output.read_bytes()
    with netCDF4.Dataset(season.output, "a"):
        season.put("03062100.MAF")
        with pytest.raises(BusyError, match="another program is writing to it"):
            season.night()
    assert season.output.read_bytes() == before
    season.night()
    assert len(ids(season)) == 4  # with the one whose file is gone


def test_a_damaged_output_is_kept_beside_the_new_one(season: Nights) -> None:
    season.night()
    damaged = season.output.read_bytes()[:5000]
    season.output.write_bytes(damaged)
    season.night()
    assert len(ids(season)) == 3
    (kept,) = season.output.parent.glob(f"{season.output.name}.damaged-*")
    assert kept.read_bytes() == damaged


def test_batches_that_somebody_removes_are_missed(
    season: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_batches(monkeypatch, 1)
    commit = work.Work._finish

    def removing(self: Any, *arguments: Any) -> Iterator[None]:
        yield from commit(self, *arguments)
        for batch in self.journal.batches[:1]:
            batch.unlink()

    monkeypatch.setattr(work.Work, "_finish", removing)
    with pytest.raises(PipelineError, match="no longer among the finished batches"):
        season.night()
    assert not season.output.exists()
    monkeypatch.undo()
    season.night()
    assert len(ids(season)) == 3


def test_a_narrowed_first_night_without_anything_publishes_nothing(season: Nights) -> None:
    report = season.night(station_ids=["NOPE"])
    assert not season.output.exists()
    assert report.warnings == ["no source has a sounding of what was asked for"]


def test_a_narrowed_night_does_not_throw_away_an_interrupted_one(
    season: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    season.night()
    season.settings["quality"] = {"wind_gap": 2900.0}
    small_batches(monkeypatch, 1)
    kill_after_commit(monkeypatch, 2)
    with pytest.raises(Killed):
        season.night()
    monkeypatch.undo()
    assert sum(item.finished for item in season.plan().items) == 2
    season.night(station_ids=["NOPE"])
    assert sum(item.finished for item in season.plan().items) == 2


def test_most_of_the_sources_gone_at_once_is_worth_a_warning(season: Nights) -> None:
    season.night()
    for name in (SHV, DNR):
        season.file(name).unlink()
    report = season.night()
    assert any("2 of 3 sources are no longer among the input" in text for text in report.warnings)
    assert len(ids(season)) == 3


def test_forced_means_all_of_it(season: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an interrupted run has done unasked is done again; what could not be opened is kept."""
    season.night()
    season.settings["quality"] = {"wind_gap": 2900.0}
    small_batches(monkeypatch, 1)
    kill_after_commit(monkeypatch, 1)
    with pytest.raises(Killed):
        season.night()
    monkeypatch.undo()
    plan = season.plan(force=True)
    assert not any(item.finished for item in plan.items)
    season.file(DNR).unlink()
    os.symlink("nowhere", season.file(DNR))
    season.night(force=True)
    assert len(ids(season)) == 3
