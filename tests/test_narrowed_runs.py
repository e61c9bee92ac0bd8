"""Runs narrowed to some sources, or widened to what failed: nothing else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nights import (
    DNR,
    GGW,
    SHV,
    Nights,
    assert_as_from_scratch,
    count_evaluations,
    profiles,
    sources,
)
from small_season import custom

KEY = {name: ("../in/" + name, 0) for name in (SHV, DNR, GGW)}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    nights = Nights(tmp_path_factory.mktemp("first"), {"calculations": ["k_index"]})
    nights.put(SHV, DNR, GGW)
    nights.night()
    return nights


@pytest.fixture
def season(first: Nights, tmp_path: Path) -> Nights:
    """A season after its first night: soundings of March, April and June."""
    return first.copy(tmp_path / "season")


@pytest.fixture(scope="module")
def first_struck(first: Nights, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    nights = first.copy(tmp_path_factory.mktemp("struck") / "season")
    nights.settings["custom"] = custom("sleep_at_victim")
    nights.settings["executor"] = {"kind": "serial", "timeout": 0.5}
    nights.night()
    assert nights.results().counts.quarantined == 1
    return nights


class TestNarrowed:
    @pytest.mark.parametrize(
        "words", [{"station_ids": ["GGW", "none"]}, {"since": "2003-06-20"}, {"since": "2003-05"}]
    )
    def test_only_what_was_asked_for_is_of_today(
        self, season: Nights, words: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = profiles(season.output, gone=False)
        season.settings |= {"quality": {"humidity_aloft": "reject"}, "calculations": ["sbcape"]}
        asked = count_evaluations(monkeypatch)
        season.night(**words)
        assert len(asked) == 1
        after = profiles(season.output, gone=False)
        today = profiles(season.from_scratch(), gone=False)
        assert after[KEY[GGW]].items() >= today[KEY[GGW]].items()
        for name in (SHV, DNR):
            assert after[KEY[name]].items() >= before[KEY[name]].items()
            assert np.isnan(np.frombuffer(after[KEY[name]]["sbcape"])).all()

    def test_the_next_whole_run_does_the_rest(self, season: Nights) -> None:
        season.settings |= {"quality": {"humidity_aloft": "reject"}, "calculations": ["sbcape"]}
        season.night(station_ids=["GGW"])
        season.night()
        assert_as_from_scratch(season)

    def test_a_removed_result_stays_with_what_was_not_asked_for(self, season: Nights) -> None:
        """Else a later run with it would find it computed, and it would be missing."""
        before = profiles(season.output, gone=False)
        season.settings["calculations"] = ["total_totals_index"]
        season.night(station_ids=["GGW"])
        after = profiles(season.output, gone=False)
        assert after[KEY[SHV]]["k_index"] == before[KEY[SHV]]["k_index"]
        season.settings["calculations"] = ["k_index"]
        season.night()
        assert_as_from_scratch(season)

    def test_nothing_asked_for_is_nothing_done(self, season: Nights) -> None:
        season.file(SHV).write_bytes(season.file(SHV).read_bytes() + b"\n")
        assert season.night(station_ids=["GGW"]).dataset is None
        season.settings["calculations"] = ["k_index", "sbcape"]
        report = season.night(station_ids=["nobody's"])  # the config is written all the same
        assert report.plan.to_do == []
        season.night()
        assert_as_from_scratch(season)

    def test_a_new_source_without_what_was_asked_for_stays_new(self, season: Nights) -> None:
        season.put("03031400.TLH", "03031500.BMX")
        season.night(station_ids=["BMX"])
        assert {Path(path).name for path in sources(season.output)} == {
            *(SHV, DNR, GGW),
            "03031500.BMX",
        }
        assert season.results().waiting == 1
        season.night()
        assert_as_from_scratch(season)

    def test_a_first_night_may_be_narrowed(self, tmp_path: Path) -> None:
        nights = Nights(tmp_path, {"calculations": ["k_index"]})
        nights.put(SHV, DNR)
        nights.night(station_ids=["DNR"])
        assert [Path(path).name for path in sources(nights.output)] == [DNR]
        nights.night()
        assert_as_from_scratch(nights)


class TestQuarantine:
    """A calculation that never ends for one sounding."""

    @pytest.fixture
    def struck(self, first_struck: Nights, tmp_path: Path) -> Nights:
        return first_struck.copy(tmp_path / "season")

    def test_is_not_tried_every_night(self, struck: Nights) -> None:
        report = struck.night()
        assert (report.dataset, report.exit_code) == (None, 0)
        assert struck.results().counts.unchanged == 3

    def test_is_not_tried_for_other_files(self, struck: Nights) -> None:
        struck.put("03031400.TLH")
        struck.night()
        assert [source.path for source in struck.results().sources if source.worked_on] == [
            "../in/03031400.TLH"
        ]

    @pytest.mark.parametrize("reason", ["asked", "limit", "content", "settings"])
    def test_is_tried_again_for_a_reason(self, struck: Nights, reason: str) -> None:
        words: dict[str, Any] = {}
        if reason == "asked":
            words = {"retry_failed": True}
        elif reason == "limit":
            struck.settings["executor"]["timeout"] = 0.6
        elif reason == "content":
            struck.file(GGW).write_bytes(struck.file(GGW).read_bytes() + b"\n")
        else:
            struck.settings["quality"] = {"wind_gap": 2900.0}
        (item,) = [item for item in struck.plan(**words).to_do if item.path == KEY[GGW][0]]
        assert (
            item.why
            == {
                "asked": "asked for",
                "limit": "config changed: executor.timeout",
                "content": "content changed",
                "settings": "config changed: quality.wind_gap",
            }[reason]
        )
        others = {Path(one.path).name for one in struck.plan(**words).to_do} - {GGW}
        assert others == ({SHV, DNR} if reason == "settings" else set())
        struck.night(**words)
        assert struck.results().counts.quarantined == 1

    def test_ends_when_the_cause_is_gone(self, struck: Nights) -> None:
        struck.settings["custom"] = custom("surface_pressure")
        struck.night()
        assert struck.results().counts.quarantined == 0
        assert_as_from_scratch(struck)

    def test_of_what_kills_its_worker_lasts_too(self, season: Nights) -> None:
        season.settings |= {
            "custom": custom("kill_at_victim"),
            "executor": {"kind": "pool", "workers": 1},
        }
        season.night()
        quarantined = [one for one in season.results().sources if one.outcome == "quarantined"]
        assert [one.path for one in quarantined] == [KEY[GGW][0]]
        assert season.night().dataset is None
        assert [item.why for item in season.plan(retry_failed=True).to_do] == ["asked for"]
