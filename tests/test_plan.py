"""What a run has to do, and why: decided by content and by recipe, never by a time stamp."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from nights import DNR, GGW, SHV, Nights, actions, kill_after_commit, small_batches, whys
from nights import Killed as KilledRun
from small_season import custom

from pipeline import readers, recipe
from pipeline.errors import NoInputError
from pipeline.plan import Action

STATIONS = "station_id,latitude,longitude\nSHV,32.45,-93.84\nZZZ,1.0,1.0\n"


SETTINGS = {"calculations": ["k_index"], "stations": "stations.csv"}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    nights = Nights(tmp_path_factory.mktemp("first"), SETTINGS)
    (nights.folder / "stations.csv").write_text(STATIONS)
    nights.put(SHV, DNR)
    nights.file("empty.txt").touch()
    nights.night()
    return nights


@pytest.fixture
def season(first: Nights, tmp_path: Path) -> Nights:
    """A night after the first: two good files, an empty one, and positions for one of them."""
    return first.copy(tmp_path / "season")


class TestWhatIsThere:
    def test_all_is_new_where_there_is_no_output(self, tmp_path: Path) -> None:
        nights = Nights(tmp_path)
        nights.put(SHV, DNR)
        plan = nights.plan()
        assert actions(plan) == {SHV: "new", DNR: "new"}
        assert plan.counts == {"new": 2, "changed": 0, "retried": 0, "unchanged": 0, "gone": 0}
        assert plan.rewrite == "there is no output yet"
        assert not nights.output.parent.exists()  # a plan touches nothing

    def test_the_night_after_there_is_nothing_to_do(self, season: Nights) -> None:
        plan = season.plan()
        assert plan.is_idle
        assert set(actions(plan).values()) == {"unchanged"}

    def test_a_file_that_comes_is_the_only_work(self, season: Nights) -> None:
        season.put(GGW)
        assert whys(season.plan()) == {GGW: ""}
        assert actions(season.plan())[GGW] == "new"

    def test_a_time_stamp_says_nothing(self, season: Nights) -> None:
        os.utime(season.file(SHV), (0, 0))
        season.put(DNR)
        assert season.plan().is_idle

    def test_content_says_all_also_under_the_old_time_stamp(self, season: Nights) -> None:
        file = season.file(SHV)
        before = file.stat()
        content = file.read_bytes()
        file.write_bytes(content.replace(b"1003.00", b"1002.00"))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert file.stat().st_size == before.st_size
        assert whys(season.plan()) == {SHV: "content changed"}

    def test_a_file_that_goes_is_gone_and_one_that_is_renamed_keeps_its_soundings(
        self, season: Nights
    ) -> None:
        season.file(SHV).unlink()
        season.file(DNR).rename(season.file("denver.txt"))
        plan = season.plan()
        expected = {SHV: "gone", "denver.txt": "unchanged", "empty.txt": "unchanged"}
        assert actions(plan) == expected
        assert ("gone", "no longer among the input", 1) in plan.reasons
        (renamed,) = [item for item in plan.items if item.path.endswith("denver.txt")]
        assert renamed.why.startswith("renamed from ")
        assert renamed.why.endswith(DNR)

    def test_a_renamed_folder_is_no_second_season(self, season: Nights) -> None:
        season.file(DNR).rename(season.file("denver.txt"))
        season.night()
        assert season.plan().is_idle

    def test_gone_is_told_once_and_a_file_that_comes_back_is_read_again(
        self, season: Nights
    ) -> None:
        content = season.file(SHV).read_bytes()
        season.file(SHV).unlink()
        season.night()
        assert season.plan().is_idle
        season.file(SHV).write_bytes(content)
        assert whys(season.plan()) == {SHV: "it is back"}

    def test_what_cannot_be_opened_tonight_is_not_taken_for_changed(self, season: Nights) -> None:
        content = season.file(SHV).read_bytes()
        season.file(SHV).unlink()
        season.file(SHV).symlink_to("nowhere")
        plan = season.plan()
        assert (actions(plan)[SHV], whys(plan)) == ("gone", {})
        assert ("gone", "cannot be opened now", 1) in plan.reasons
        season.night()
        assert season.plan().is_idle
        season.file(SHV).unlink()
        season.file(SHV).write_bytes(content)
        assert whys(season.plan()) == {SHV: "it is back"}

    def test_a_season_without_a_file_is_an_error_that_leaves_the_output(
        self, season: Nights
    ) -> None:
        for file in season.file("").iterdir():
            file.unlink()
        with pytest.raises(NoInputError) as caught:
            season.plan()
        assert caught.value.exit_code == 3


class TestWhatItWasMadeWith:
    @pytest.mark.parametrize(
        ("settings", "why"),
        [
            ({"quality": {"humidity_aloft": "keep"}}, "config changed: quality.humidity_aloft"),
            ({"input": [{"path": "in", "format": "spc_raw"}]}, "config changed: input.format"),
        ],
    )
    def test_everything_is_worked_on_again_when_settings_change(
        self, season: Nights, settings: dict[str, Any], why: str
    ) -> None:
        season.settings |= settings
        plan = season.plan()
        assert whys(plan) == dict.fromkeys([SHV, DNR, "empty.txt"], why)
        assert actions(plan) == {SHV: "changed", DNR: "changed", "empty.txt": "retried"}
        assert all(not item.added for item in plan.items)

    def test_and_when_metpy_or_our_code_does(
        self, season: Nights, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = recipe.versions()
        monkeypatch.setattr(recipe, "versions", lambda engine: now | {"metpy": "9.9.9"})
        monkeypatch.setattr(recipe, "code_digest", lambda: "another")
        why = f"metpy {now['metpy']} -> 9.9.9; the code of pipeline {now['pipeline']} changed"
        assert set(whys(season.plan()).values()) == {why}

    def test_calculations_that_come_are_computed_alone(self, season: Nights) -> None:
        season.settings["calculations"] = ["k_index", "mucape", "sbcape"]
        plan = season.plan()
        assert whys(plan) == dict.fromkeys([SHV, DNR], "calculations added: sbcape, mucape")
        assert {item.added for item in plan.to_extend} == {("sbcape", "mucape")}
        assert plan.to_read == []
        assert actions(plan)["empty.txt"] == "unchanged"  # there is nothing to compute from it

    def test_calculations_that_go_need_no_work(self, season: Nights) -> None:
        season.settings["calculations"] = ["total_totals_index", "k_index"]
        season.night()
        season.settings["calculations"] = ["k_index"]
        plan = season.plan()
        assert whys(plan) == {}
        assert plan.rewrite == "calculations removed: total_totals_index"

    def test_where_a_result_has_left_its_mark_its_removal_needs_work(self, season: Nights) -> None:
        """One cannot tell which of the results a verdict or a warning came from."""
        season.settings["custom"] = custom("raise_at_victim")
        season.put(GGW)
        season.night()
        season.settings["custom"] = {}
        assert whys(season.plan()) == {GGW: "calculations removed: struck"}

    def test_limits_matter_to_what_could_not_be_read(self, season: Nights) -> None:
        season.settings["limits"] = {"file_size": 8000.0}
        assert whys(season.plan()) == {"empty.txt": "config changed: limits.file_size"}
        assert actions(season.plan())["empty.txt"] == "retried"

    @pytest.mark.parametrize(
        "settings",
        [
            {"executor": {"kind": "pool", "workers": 2}},
            {"keep_runs": 9, "max_failed_fraction": 1.0, "gone_sources": "remove"},
        ],
    )
    def test_who_computes_and_what_is_kept_of_reports_is_no_reason(
        self, season: Nights, settings: dict[str, Any]
    ) -> None:
        season.settings |= settings
        assert season.plan().is_idle

    def test_words_and_compression_are_written_and_nothing_computed(self, season: Nights) -> None:
        season.settings["title"] = "Another"
        plan = season.plan()
        assert whys(plan) == {}
        assert plan.rewrite == "the config changed, in nothing that is computed"


class TestStations:
    def test_a_row_that_is_in_use_matters(self, season: Nights) -> None:
        table = season.folder / "stations.csv"
        table.write_text(STATIONS.replace("32.45", "32.5"))
        assert whys(season.plan()) == {SHV: "the table of stations changed"}

    def test_a_row_that_comes_into_use_matters(self, season: Nights) -> None:
        (season.folder / "stations.csv").write_text(STATIONS + "DNR,39.77,-104.88\n")
        assert whys(season.plan()) == {DNR: "the table of stations changed"}

    def test_other_rows_and_other_columns_do_not(self, season: Nights) -> None:
        lines = ["latitude,station_id,longitude,remark", "32.45,SHV,-93.84,ours", "9,YYY,9,"]
        (season.folder / "stations.csv").write_text("\n".join(lines))
        assert season.plan().is_idle

    def test_a_new_position_is_not_lost_when_calculations_come_with_it(
        self, season: Nights
    ) -> None:
        (season.folder / "stations.csv").write_text(STATIONS.replace("32.45", "32.5"))
        season.settings["calculations"] = ["k_index", "sbcape"]
        plan = season.plan()
        assert [Path(item.path).name for item in plan.to_read] == [SHV]
        assert [Path(item.path).name for item in plan.to_extend] == [DNR]


class TestOnDemand:
    def test_force_is_for_everything(self, season: Nights) -> None:
        names = [SHV, DNR, "empty.txt"]
        assert whys(season.plan(force=True)) == dict.fromkeys(names, "forced")

    def test_retry_is_for_what_failed(self, season: Nights) -> None:
        plan = season.plan(retry_failed=True)
        assert whys(plan) == {"empty.txt": "asked for"}
        assert actions(plan)["empty.txt"] == "retried"

    def test_what_was_not_asked_for_is_not_even_opened(
        self, season: Nights, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[str] = []

        def fingerprint(path: Path, limits: Any) -> str:
            opened.append(path.name)
            return "another"

        monkeypatch.setattr(readers, "fingerprint", fingerprint)
        assert whys(season.plan(station_ids=["DNR"])) == {DNR: "content changed"}
        assert whys(season.plan(since="2003-04-18")) == {DNR: "content changed"}
        assert whys(season.plan(since="2003-04-18T00:00:01")) == {}
        assert opened == [DNR, DNR]


class TestAfterAKill:
    def test_what_is_finished_is_taken_up(
        self, season: Nights, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        season.put(GGW, "03031400.TLH")
        self.kill(season, monkeypatch)
        (item,) = [item for item in season.plan().items if item.finished]
        assert (item.action, item.done) == (Action.NEW, frozenset({0}))
        assert len(season.plan().to_do) == 1

    @pytest.mark.parametrize("change", ["content", "settings", "stations"])
    def test_unless_it_has_changed_since(
        self, season: Nights, monkeypatch: pytest.MonkeyPatch, change: str
    ) -> None:
        season.put(GGW)
        self.kill(season, monkeypatch)
        assert season.plan().to_do == []
        if change == "content":
            file = season.file(GGW)
            file.write_bytes(file.read_bytes() + b"\n")
        elif change == "settings":
            season.settings["quality"] = {"wind_gap": 1000.0}
        else:
            (season.folder / "stations.csv").write_text(STATIONS + "GGW,48.2,-106.6\n")
        assert GGW in {Path(item.path).name for item in season.plan().to_read}

    def kill(self, season: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
        """End a run after its first batch of one profile."""
        with monkeypatch.context() as patch:
            small_batches(patch, 1)
            kill_after_commit(patch, 1)
            if len(season.plan().to_do) > 1:
                with pytest.raises(KilledRun):
                    season.night()
                return
        with monkeypatch.context() as patch:
            patch.setattr("pipeline.run._publish", kill)
            with pytest.raises(KilledRun):
                season.night()


def kill(*arguments: Any) -> Any:
    raise KilledRun
