"""One night after the other on real files: what is computed, what is written, what is kept."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
from nights import (
    DNR,
    GGW,
    SEASON,
    SHV,
    Killed,
    Nights,
    assert_as_from_scratch,
    assert_same,
    count_evaluations,
    interrupt_after,
    kill_after_commit,
    kill_before_clearing,
    profiles,
    small_batches,
    sources,
    spoil,
    stamp,
    whys,
)
from small_season import custom

from pipeline import recipe
from pipeline.engines import metpy
from pipeline.errors import InterruptedRunError, NoInputError
from pipeline.flags import SourceStatus
from pipeline.messages import taken_apart

TWO = Path(__file__).parent / "fixtures" / "wyoming_text" / "03005-two-soundings.txt"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    nights = Nights(tmp_path_factory.mktemp("first"))
    nights.settings["calculations"] = ["k_index", "bulk_shear_0_6km"]
    nights.put(SHV, DNR, GGW)
    nights.file("two.txt").write_bytes(TWO.read_bytes())
    nights.file("broken.txt").write_text("The sounding of Tuesday is missing.\n")
    nights.night()
    return nights


@pytest.fixture
def season(first: Nights, tmp_path: Path) -> Nights:
    """A season after its first night: three soundings, a file of two, and a broken one."""
    return first.copy(tmp_path / "season")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, season: Nights) -> list[tuple[str, ...]]:
    """What is computed from now on, one entry a profile."""
    return count_evaluations(monkeypatch)


def statuses(season: Nights) -> dict[str, SourceStatus]:
    table = sources(season.output)
    return {Path(path).name: SourceStatus(row["source_status"]) for path, row in table.items()}


class TestANightWithNothingToDo:
    def test_leaves_everything_as_it_is(self, season: Nights, asked: list[Any]) -> None:
        before = stamp(season.output)
        report = season.night()
        assert (report.dataset, report.exit_code, asked) == (None, 0, [])
        assert stamp(season.output) == before
        results = season.results()
        assert (results.ended, results.counts.unchanged) == ("nothing to do", 5)

    def test_whatever_the_time_stamps_say(self, season: Nights, asked: list[Any]) -> None:
        season.put(SHV, DNR, GGW)
        before = stamp(season.output)
        season.night()
        assert (stamp(season.output), asked) == (before, [])


class TestOnlyWhatChanged:
    def test_three_new_files_are_three_soundings_to_compute(
        self, season: Nights, asked: list[Any]
    ) -> None:
        season.put("03031400.TLH", "03031500.BMX", "03031500.OTX")
        season.night()
        assert len(asked) == 3
        assert_as_from_scratch(season)

    def test_a_changed_file_is_computed_whole(self, season: Nights, asked: list[Any]) -> None:
        file = season.file("two.txt")
        file.write_bytes(file.read_bytes().replace(b"03005", b"03006"))
        season.night()
        assert len(asked) == 2
        assert_as_from_scratch(season)

    def test_a_file_that_breaks_loses_its_profile_and_one_that_is_mended_has_it(
        self, season: Nights, asked: list[Any]
    ) -> None:
        season.file(SHV).write_text("gone bad")
        season.file("broken.txt").write_bytes((SEASON / "03031400.TLH").read_bytes())
        season.night()
        assert len(asked) == 1
        assert statuses(season)[SHV] == SourceStatus.UNREADABLE
        assert_as_from_scratch(season)

    def test_other_settings_are_for_all(self, season: Nights, asked: list[Any]) -> None:
        season.settings["quality"] = {"humidity_aloft": "keep"}
        season.night()
        assert len(asked) == 5
        assert_as_from_scratch(season)

    def test_force_computes_all_and_changes_nothing(
        self, season: Nights, asked: list[Any], tmp_path: Path
    ) -> None:
        before = tmp_path / "before.nc"
        before.write_bytes(season.output.read_bytes())
        season.night(force=True)
        assert len(asked) == 5
        assert_same(season.output, before)

    def test_titles_attributes_and_compression_are_written_without_computing(
        self, season: Nights, asked: list[Any]
    ) -> None:
        season.settings["title"] = "Three soundings"
        season.settings["output"] |= {"attributes": {"institution": "ours"}, "compression": 9}
        season.night()
        assert_as_from_scratch_without(season, asked)
        del season.settings["title"], season.settings["output"]["attributes"]
        season.night()  # and what is no longer said is no longer there
        assert_as_from_scratch_without(season, asked)


def assert_as_from_scratch_without(season: Nights, asked: list[Any]) -> None:
    """Assert the law, and that nothing was computed for it until now."""
    assert asked == []
    assert_as_from_scratch(season)
    asked.clear()


class TestCalculations:
    @pytest.mark.parametrize("added", [["sbcape"], ["mixing_ratio"], ["sbcape", "mixing_ratio"]])
    def test_that_come_are_computed_alone(
        self, season: Nights, asked: list[Any], added: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        season.settings["calculations"] = [*season.settings["calculations"], *added]
        monkeypatch.setattr("pipeline.load.read", None)  # no file is read
        season.night()
        monkeypatch.undo()
        assert len(asked) == 5
        assert not {"k_index", "bulk_shear_0_6km"} & {name for names in asked for name in names}
        assert_as_from_scratch(season)

    def test_that_go_cost_nothing(self, season: Nights, asked: list[Any]) -> None:
        season.settings["calculations"] = ["bulk_shear_0_6km"]
        season.night()
        assert_as_from_scratch_without(season, asked)

    def test_that_go_take_their_words_along(self, season: Nights, asked: list[Any]) -> None:
        """Denver's ground is above 850 hPa: several indices have no value, for two reasons."""
        season.settings["calculations"] = ["indices", "moisture", "winds"]
        season.night()
        whole = season.settings["calculations"] = missing_results(season)
        for name in whole[:6:2]:
            season.settings["calculations"] = [other for other in whole if other != name]
            season.night()
            assert_as_from_scratch(season)

    def test_a_custom_function_is_computed_again_when_its_file_is_edited(
        self, season: Nights, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        file = tmp_path / "own_science.py"
        file.write_text("def f(pressure):\n    return 1.0\n")
        monkeypatch.syspath_prepend(tmp_path)
        season.settings["custom"] = {"mine": {"function": "own_science:f", "inputs": ["pressure"]}}
        season.night()
        file.write_text("def f(pressure):\n    return 22.0\n")
        sys.modules.pop("own_science")  # as in the process of the next night
        importlib.invalidate_caches()
        metpy._function.cache_clear()
        assert set(whys(season.plan()).values()) == {"the code of custom.mine changed"}
        season.night()
        with netCDF4.Dataset(season.output) as output:
            assert set(output["mine"][...].compressed()) == {22.0}

    @pytest.mark.parametrize("change", [{"units": "Pa"}, {"per_level": True}])
    def test_of_the_user_may_become_something_else_while_a_source_is_gone(
        self, season: Nights, change: dict[str, Any]
    ) -> None:
        season.settings["custom"] = custom("surface_pressure")
        season.night()
        season.file(SHV).unlink()
        entry = custom("surface_pressure", **change)
        if "per_level" in change:
            entry = custom("warming", inputs=["temperature"], units="kelvin", per_level=True)
        season.settings["custom"] = entry
        season.night()
        (gone,) = profiles(season.output, gone=True).values()
        assert np.isnan(np.frombuffer(gone["struck"])).all()
        assert profiles(season.output, gone=False) == profiles(season.from_scratch(), gone=False)


def missing_results(season: Nights) -> list[str]:
    """Return the results that a profile lacks, and another one."""
    with netCDF4.Dataset(season.output) as output:
        told = [taken_apart(text)[0] for text in output["calculation_message"][...]]
    names = {name: why for missing in told for name, why in missing.items()}
    assert len(set(names.values())) > 2
    return [*names, "precipitable_water"]


class TestGone:
    def test_profiles_stay_and_say_so(self, season: Nights, asked: list[Any]) -> None:
        before = profiles(season.output, gone=False)
        season.file(SHV).unlink()
        season.night()
        assert asked == []
        assert statuses(season)[SHV] == SourceStatus.GONE
        gone = profiles(season.output, gone=True)
        assert gone == {("../in/" + SHV, 0): before["../in/" + SHV, 0]}
        assert profiles(season.output, gone=False) == profiles(season.from_scratch(), gone=False)
        assert season.results().counts.gone == 1
        assert season.night().dataset is None

    def test_or_go_where_the_config_says_so(self, season: Nights, asked: list[Any]) -> None:
        season.settings["gone_sources"] = "remove"
        season.file(SHV).unlink()
        season.night()
        assert_as_from_scratch_without(season, asked)

    def test_a_broken_file_that_goes_leaves_nothing(self, season: Nights) -> None:
        season.file("broken.txt").unlink()
        season.night()
        assert_as_from_scratch(season)

    @pytest.mark.parametrize("gone_sources", ["keep", "remove"])
    def test_a_file_that_cannot_be_opened_tonight_keeps_its_profiles(
        self, season: Nights, gone_sources: str
    ) -> None:
        before = profiles(season.output, gone=False)
        season.settings["gone_sources"] = gone_sources
        content = season.file(SHV).read_bytes()
        season.file(SHV).unlink()
        season.file(SHV).symlink_to("nowhere")
        season.night()
        assert profiles(season.output, gone=True) == {
            ("../in/" + SHV, 0): before["../in/" + SHV, 0]
        }
        season.file(SHV).unlink()
        season.file(SHV).write_bytes(content)
        season.night()
        assert_as_from_scratch(season)

    def test_an_empty_folder_is_told_and_costs_nothing(self, season: Nights) -> None:
        before = stamp(season.output)
        for file in season.file("").iterdir():
            file.unlink()
        with pytest.raises(NoInputError):
            season.night()
        assert stamp(season.output) == before
        assert season.results().exit_code == 3


class TestDamage:
    @pytest.mark.parametrize("what", ["cut", "spoilt", "theirs"])
    def test_of_the_output_is_told_and_everything_computed_anew(
        self, season: Nights, what: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        if what == "cut":
            season.output.write_bytes(season.output.read_bytes()[:5000])
        elif what == "spoilt":
            spoil(season.output, "temperature")
        else:
            netCDF4.Dataset(season.output, "w").close()
        season.put("03031400.TLH")
        with caplog.at_level(logging.WARNING, "pipeline"):
            season.night()
        assert "season.nc: " in caplog.text
        assert "everything is computed anew" in caplog.text
        assert season.results().counts.unchanged == 0
        assert_as_from_scratch(season)


class TestKills:
    def test_a_run_goes_on_from_its_last_batch(
        self, season: Nights, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        season.settings["quality"] = {"humidity_aloft": "keep"}
        before = stamp(season.output)
        with monkeypatch.context() as patch:
            small_batches(patch, 1)
            kill_after_commit(patch, 2)
            with pytest.raises(Killed):
                season.night()
        assert (stamp(season.output), len(asked)) == (before, 3)  # the last one is lost
        season.night()
        assert len(asked) == 3 + 3
        assert_as_from_scratch(season)
        assert not [*season.output.parent.glob(".*.work")]

    def test_a_signal_lets_the_batch_be_finished(
        self, season: Nights, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        season.settings["calculations"] = ["k_index", "bulk_shear_0_6km", "total_totals_index"]
        with monkeypatch.context() as patch:
            small_batches(patch, 2)
            interrupt_after(patch, 1)
            with pytest.raises(InterruptedRunError):
                season.night()
        season.night()
        assert len(asked) == 5
        assert_as_from_scratch(season)

    def test_a_source_that_changes_between_two_kills_is_there_once(
        self, season: Nights, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file, whole = season.file("late.txt"), (SEASON / "03031400.TLH").read_bytes()
        for content in (whole, whole + b"\n", whole):
            file.write_bytes(content)
            with monkeypatch.context() as patch:
                interrupt_after(patch, 1)
                with pytest.raises(InterruptedRunError):
                    season.night()
        season.night()
        assert_as_from_scratch(season)

    def test_between_publishing_and_tidying_up_nothing_is_lost_or_done_twice(
        self, season: Nights, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        season.put("03031400.TLH")
        with monkeypatch.context() as patch:
            kill_before_clearing(patch)
            with pytest.raises(Killed):
                season.night()
        season.night()
        assert len(asked) == 1
        assert_as_from_scratch(season)
        assert season.night().dataset is None


def test_a_new_version_computes_everything(
    season: Nights, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = recipe.versions()
    monkeypatch.setattr(recipe, "versions", lambda engine: now | {"metpy": "9.9.9"})
    season.night()
    assert len(asked) == 5
    assert season.results().sources[0].why == f"metpy {now['metpy']} -> 9.9.9"
