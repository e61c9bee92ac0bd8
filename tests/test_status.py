"""What ``pipeline status`` tells: the season, and its last nights, whatever became of them."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import netCDF4
import pytest
from made_profiles import made_season
from made_results import STARTED, results, sources

from pipeline import output as output_file
from pipeline.report.night import Night
from pipeline.report.status import describe_status


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out" / "season.nc"


def a_night(output: Path, day: int, *, seconds: float = 12.4, **facts: Any) -> None:
    """Let a run have been on some day; without facts, one that was killed."""
    night = Night(output)
    started = STARTED.replace(day=day)
    night.run_id = f"{started:%Y%m%dT%H%M%SZ}"
    with night:
        if facts:
            ended = started + timedelta(seconds=seconds)
            night.finish(results(started=started, finished=ended, **facts))


def status(output: Path, **facts: Any) -> str:
    return describe_status(output, output.parent.parent / "season.yaml", **facts)


def table(text: str) -> list[list[str]]:
    """Return the words of the table's lines, its heading first; columns stand two spaces apart."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("started (UTC)"))
    last = next((at for at in range(first, len(lines)) if not lines[at]), len(lines))
    return [[word.strip() for word in line.split("  ") if word] for line in lines[first:last]]


class TestSeason:
    def test_before_the_first_run(self, output: Path) -> None:
        assert status(output).splitlines() == [
            "season    season.yaml",
            "output    out/season.nc is not there yet",
            "running   no",
            "nights    no run has left a report",
        ]

    def test_counts_what_the_output_holds(self, output: Path) -> None:
        output_file.write(made_season(), output, attributes={})
        lines = status(output).splitlines()
        assert lines[1].startswith("output    out/season.nc (0.")
        assert lines[1].endswith(" UTC")
        assert lines[2:4] == ["sources   4: 3 read, 1 unreadable", "profiles  3: 2 ok, 1 rejected"]

    def test_of_a_damaged_output(self, output: Path) -> None:
        output.parent.mkdir()
        output.write_bytes(b"CDF but no more")
        assert "output    out/season.nc cannot be read: " in status(output)

    def test_of_a_file_of_somebody_else(self, output: Path) -> None:
        output.parent.mkdir()
        netCDF4.Dataset(output, "w").close()
        assert "is not an output of this pipeline: it has no variable 'status'" in status(output)

    def test_says_who_is_at_work_and_what_is_waiting(self, output: Path) -> None:
        text = status(output, owner="process 4711 on ws12", waiting=120)
        assert "running   process 4711 on ws12" in text
        assert "waiting   120 profiles of an unfinished run" in text


class TestNights:
    def test_are_a_table_newest_first(self, output: Path) -> None:
        a_night(output, 20, sources=sources(ok=340))
        a_night(output, 21, seconds=0.8, sources=sources(unchanged=340), ended="nothing to do")
        last = sources(ok=2, unreadable=1, unchanged=338, gone=1)
        a_night(output, 22, sources=last, warnings=["a", "b"])
        heading, *rows = table(status(output))
        assert heading == [
            "started (UTC)", "seconds", "ended", "exit", "new", "changed", "retried", "unchanged",
            "gone", "bad", "warnings",
        ]  # fmt: skip
        assert rows == [
            ["2026-11-22 02:30", "12", "done", "0", "3", "0", "0", "338", "1", "1", "2"],
            ["2026-11-21 02:30", "1", "nothing to do", "0", "0", "0", "0", "340", "0", "0", "0"],
            ["2026-11-20 02:30", "12", "done", "0", "340", "0", "0", "0", "0", "0", "0"],
        ]

    def test_columns_stand_under_their_headings(self, output: Path) -> None:
        a_night(output, 22, sources=sources(ok=340))
        heading, row = status(output).splitlines()[-2:]
        assert heading.index("new") + len("new") == row.index("340") + len("340")

    def test_are_as_many_as_asked_for(self, output: Path) -> None:
        for day in range(1, 10):
            a_night(output, day, ended="done")
        assert len(table(status(output))) == 1 + 7
        assert len(table(status(output, nights=2))) == 1 + 2

    def test_one_that_was_killed_is_told_as_such(self, output: Path) -> None:
        a_night(output, 21)
        a_night(output, 22, ended="done")
        text = status(output)
        assert table(text)[2] == ["2026-11-21 02:30", "killed"]
        assert (
            "last failure, 2026-11-21 02:30: killed, or the power failed: no results.json" in text
        )
        assert "(last event: started, " in text

    def test_the_one_at_work_is_no_failure(self, output: Path) -> None:
        a_night(output, 21, ended="done")
        a_night(output, 22)
        text = status(output, owner="process 4711 on ws12")
        assert table(text)[1] == ["2026-11-22 02:30", "at work"]
        assert "failure" not in text

    def test_a_report_that_cannot_be_read_is_told_as_such(self, output: Path) -> None:
        a_night(output, 22, ended="done")
        (output.parent / "runs" / "20261122T023000Z" / "results.json").write_text("{}")
        text = status(output)
        assert table(text)[1] == ["2026-11-22 02:30", "damaged report"]
        assert "results.json is damaged" in text


class TestTrouble:
    def test_the_last_failure_is_told_though_later_nights_were_well(self, output: Path) -> None:
        a_night(output, 19, ended="error", exit_code=1, message="no workers")
        a_night(output, 20, ended="disk", exit_code=5, message="out/season.nc: the disk is full")
        a_night(output, 21, ended="done")
        text = status(output)
        assert "last failure, 2026-11-20 02:30: out/season.nc: the disk is full" in text
        assert str(output.parent / "runs" / "20261120T023000Z") in text
        assert "no workers" not in text

    @pytest.mark.parametrize("ended", ["done", "nothing to do"])
    def test_there_is_none_where_all_is_well(self, output: Path, ended: str) -> None:
        a_night(output, 21, ended=ended)
        assert "failure" not in status(output)

    def test_warnings_are_those_of_the_last_run(self, output: Path) -> None:
        a_night(output, 20, ended="done", warnings=["old"])
        a_night(output, 21, ended="done", warnings=["profiles rejected 9 of 20"])
        lines = status(output).splitlines()
        assert lines[-2:] == ["warnings of the last run", "  profiles rejected 9 of 20"]
        assert "  old" not in lines


def test_nothing_heavy_is_imported(output: Path) -> None:
    """Neither for a status, nor for the reports of a night with nothing to do."""
    script = (
        "import sys; from pathlib import Path\n"
        "from pipeline.report import drift, night, results, status\n"
        "print(status.describe_status(Path(sys.argv[1]), Path('season.yaml')))\n"
        "print(*sorted({'xarray', 'pandas', 'metpy', 'matplotlib'} & set(sys.modules)))"
    )
    output_file.write(made_season(), output, attributes={})
    done = subprocess.run(
        [sys.executable, "-c", script, str(output)], capture_output=True, text=True, check=True
    )
    assert "profiles  3: 2 ok, 1 rejected" in done.stdout
    assert done.stdout.splitlines()[-1] == ""
