"""What a run tells on its way and at its end."""

from __future__ import annotations

import io
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_profiles import made

from pipeline import ragged
from pipeline.config import Config
from pipeline.flags import Reason, SourceStatus
from pipeline.plan import Action, Item, Plan
from pipeline.profiles import SourceRow
from pipeline.report import progress
from pipeline.report.summary import summarize, summarize_conversion
from pipeline.run import Report
from pipeline.work import Tally


class Terminal(io.StringIO):
    """What looks like a terminal."""

    def isatty(self) -> bool:
        return True


def numbers(taken: list[int]) -> Iterator[int]:
    """Yield numbers and note which were asked for."""
    for number in range(3):
        taken.append(number)
        yield number


class TestProgress:
    @pytest.mark.parametrize("terminal", [True, False])
    def test_hands_on_results_one_by_one_as_they_come(
        self, terminal: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
        taken: list[int] = []
        results = iter(progress.shown(numbers(taken), 3, "reading"))
        assert next(results) == 0
        assert taken == [0]
        assert list(results) == [1, 2]

    def test_is_a_bar_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        assert list(progress.shown(iter("abc"), 3, "reading")) == ["a", "b", "c"]
        assert "reading" in terminal.getvalue()
        assert "3/3" in terminal.getvalue()

    def test_is_a_plain_line_otherwise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        list(progress.shown(iter("abc"), 3, "reading"))
        (line,) = stream.getvalue().splitlines()
        assert line.startswith("reading      3/3 in ")
        assert "\x1b" not in stream.getvalue()

    def test_and_one_every_few_seconds_in_long_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream, clock = io.StringIO(), iter(range(0, 1000, 6))
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
        list(progress.shown(iter("abcd"), 4, "reading"))
        assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["2/4", "4/4", "4/4"]

    def test_silent_is_silent(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert list(progress.silent(iter("abc"), 3, "reading")) == ["a", "b", "c"]
        assert capsys.readouterr() == ("", "")


def test_seconds_of_a_stage_within_another_count_once() -> None:
    tally = Tally()
    with tally.stage("plan"):
        time.sleep(0.02)
    with tally.stage("publish"):
        time.sleep(0.02)
        for _ in range(2):
            with tally.stage("verify"):
                time.sleep(0.1)
    assert set(tally.seconds) == {"plan", "publish", "verify"}
    assert tally.seconds["publish"] < 0.1
    assert tally.seconds["verify"] >= 0.2


class TestSummary:
    def report(self, tmp_path: Path, sbcape: list[float], **warnings: int) -> Report:
        path = tmp_path / "out.nc"
        path.write_bytes(bytes(1_500_000))
        checked = [
            made(3, station_id=name, reasons={Reason.TOP_TOO_LOW} if name == "B" else set())
            for name in "ABC"
        ]
        rows = [
            SourceRow(path="a", profiles=3),
            SourceRow(path="b", status=SourceStatus.UNREADABLE),
        ]
        dataset = ragged.to_dataset(checked, rows)
        dataset["sbcape"] = ("profile", sbcape)
        seconds = {"read": 1.0, "calculate": 2.5}
        plan = Plan([Item("a", Action.NEW), Item("b", Action.CHANGED, "content changed")])
        tally = Tally(seconds=seconds, warnings=Counter(warnings))
        config = Config(input=["in/*"], output=str(path))
        return Report(config, ["sbcape"], plan=plan, tally=tally, dataset=dataset, workers=2)

    def test_counts_verdicts_reasons_and_results(self, tmp_path: Path) -> None:
        lines = summarize(self.report(tmp_path, [100.0, np.nan, 900.0])).splitlines()
        assert lines[:4] == [
            "plan      2 sources: 1 new, 1 changed",
            "              1 changed: content changed",
            "sources   2: 1 read, 1 unreadable",
            "profiles  3: 2 ok, 1 rejected",
        ]
        assert "              1 top_too_low" in lines
        assert "          sbcape median 500, highest 900 J/kg (C_no-time)" in lines
        assert "seconds   3.5 with 2 workers (read 1.0, calculate 2.5)" in lines
        assert lines[-1].endswith("out.nc (1.5 MB)")

    def test_without_a_single_value(self, tmp_path: Path) -> None:
        text = summarize(self.report(tmp_path, [np.nan] * 3))
        assert "median" not in text
        assert "results   1 a profile" in text

    def test_names_metpys_most_frequent_warning(self, tmp_path: Path) -> None:
        text = summarize(self.report(tmp_path, [1.0, 2.0, 3.0], often=5, once=1))
        assert "MetPy     warned 6 times, most often: often" in text

    def test_of_a_conversion(self, tmp_path: Path) -> None:
        report = self.report(tmp_path, [1.0, 2.0, 3.0])
        assert report.dataset is not None
        lines = summarize_conversion(report.dataset, report.path).splitlines()
        assert lines[0] == "sources   2: 1 read, 1 unreadable"
        assert lines[-1].startswith("written   ")
