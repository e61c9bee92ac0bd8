"""The folder that a run leaves: its log, its events, its results; and what is kept of old ones."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from executor_watch import needs_signals
from made_results import results

from pipeline.errors import PipelineError
from pipeline.report import night as night_module
from pipeline.report.night import Night, last_nights, run_folders

LOG = logging.getLogger("pipeline")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out" / "season.nc"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Let it be a certain time, which a test may change."""
    times = [datetime(2026, 11, 22, 2, 30, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return times[0]

    monkeypatch.setattr(night_module, "datetime", Clock)
    return times


def lines(night: Night, name: str) -> list[str]:
    assert night.folder is not None
    return (night.folder / name).read_text().splitlines()


def events(night: Night) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(night, "events.jsonl")]


def made_run(output: Path, day: int, *, finished: bool = True) -> Path:
    """Make the folder of a run of some day as a run makes it."""
    night = Night(output)
    night.run_id = f"202611{day:02}T023000Z"
    with night:
        if finished:
            night.finish(results(run_id=night.run_id, output=str(output)))
    assert night.folder is not None
    return night.folder


class TestFolder:
    def test_is_named_after_the_start_in_utc(self, output: Path, clock: list[datetime]) -> None:
        with Night(output) as night:
            pass
        assert night.folder == output.parent / "runs" / "20261122T023000Z"
        assert night.run_id == "20261122T023000Z"
        assert night.started == clock[0]

    def test_is_never_that_of_another_run(self, output: Path, clock: list[datetime]) -> None:
        with Night(output) as one, Night(output) as two, Night(output) as three:
            pass
        assert [one.run_id, two.run_id, three.run_id] == [
            "20261122T023000Z", "20261122T023000Z-2", "20261122T023000Z-3",
        ]  # fmt: skip
        assert [folder.name for folder in run_folders(output)] == [
            three.run_id, two.run_id, one.run_id,
        ]  # fmt: skip


class TestLog:
    def test_has_what_the_run_says_with_time_and_level(
        self, output: Path, clock: list[datetime]
    ) -> None:
        with Night(output) as night:
            LOG.debug("not this")
            LOG.info("plan: 3 %s", "new")
            logging.getLogger("pipeline.readers").warning("a.txt: broken")
            logging.getLogger("distributed").warning("nor this")
        texts = [line.split(" ", 1) for line in lines(night, "run.log")]
        assert [text for _, text in texts] == ["INFO plan: 3 new", "WARNING a.txt: broken"]
        assert all(datetime.strptime(when, "%Y-%m-%dT%H:%M:%SZ") for when, _ in texts)

    def test_is_in_utc_wherever_the_machine_stands(self) -> None:
        handler = night_module._LogHandler(print)
        record = LOG.makeRecord("pipeline", logging.INFO, "f", 1, "x", (), None)
        record.created = 0.0
        assert handler.format(record) == "1970-01-01T00:00:00Z INFO x"

    def test_leaves_the_logger_as_it_was(self, output: Path) -> None:
        before = (LOG.level, list(LOG.handlers))
        with Night(output):
            assert LOG.getEffectiveLevel() == logging.INFO
            assert len(LOG.handlers) > len(before[1])
        assert (LOG.level, list(LOG.handlers)) == before

    def test_has_the_traceback_of_a_bug_and_one_line_of_a_users_error(self, output: Path) -> None:
        for error in (ZeroDivisionError("a bug"), PipelineError("no workers")):
            with pytest.raises(type(error)), Night(output) as night:
                raise error
            said = lines(night, "run.log")
            assert ("Traceback" in said[0]) == (not isinstance(error, PipelineError))
            assert str(error) in said[-1]
            assert events(night)[-1]["kind"] == "failed"
            assert events(night)[-1]["message"] == str(error)

    def test_takes_nothing_from_the_terminal(self, output: Path) -> None:
        """Without a handler of anybody's, logging itself shows warnings: that must stay so."""
        script = (
            "import logging, sys; from pathlib import Path\n"
            "from pipeline.report.night import Night\n"
            "with Night(Path(sys.argv[1])):\n"
            "    log = logging.getLogger('pipeline'); log.info('quiet'); log.warning('aloud')"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(output)], capture_output=True, text=True, check=True
        )
        assert done.stderr == "aloud\n"


class TestEvents:
    def test_are_lines_of_json_with_time_and_kind(
        self, output: Path, clock: list[datetime]
    ) -> None:
        with Night(output, command="pipeline run season.yaml") as night:
            night.event("batch", number=np.int64(3), worst=np.float64(0.5), path=Path("a.txt"))
        first, second = events(night)
        assert first["kind"] == "started"
        assert first["output"] == "season.nc"
        assert first["command"] == "pipeline run season.yaml"
        assert first["pid"] == os.getpid()
        assert second == {
            "time": "2026-11-22T02:30:00.000Z", "kind": "batch",
            "number": 3, "worst": 0.5, "path": "a.txt",
        }  # fmt: skip

    def test_keep_their_kind_whatever_the_facts_are_called(self, output: Path) -> None:
        with Night(output) as night:
            night.event("batch", kind="other", time="late")
        assert events(night)[-1]["kind"] == "batch"
        assert events(night)[-1]["time"].endswith("Z")

    def test_are_there_at_once(self, output: Path) -> None:
        with Night(output) as night:
            night.event("batch")
            assert events(night)[-1]["kind"] == "batch"


@needs_signals
def test_a_killed_run_leaves_its_log_and_events(output: Path) -> None:
    script = (
        "import logging, os, signal, sys; from pathlib import Path\n"
        "from pipeline.report.night import Night\n"
        "with Night(Path(sys.argv[1])) as night:\n"
        "    logging.getLogger('pipeline').warning('one file is broken')\n"
        "    night.event('batch', number=7)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(output)], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    (night,) = last_nights(output, 5)
    assert night.unfinished
    assert night.results is None
    assert "last event: batch" in night.problem
    assert "one file is broken" in (night.folder / "run.log").read_text()


class TestLastNights:
    def test_are_the_newest_first(self, output: Path) -> None:
        for day in (3, 1, 2):
            made_run(output, day)
        found = last_nights(output, 2)
        assert [night.started.day for night in found] == [3, 2]
        assert found[0].results is not None
        assert found[0].results.run_id == "20261103T023000Z"

    def test_there_may_be_none(self, output: Path) -> None:
        assert last_nights(output, 5) == []

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema_version": 2}', b"\xff\0"])
    def test_damaged_results_are_told_as_such(self, output: Path, content: bytes) -> None:
        (made_run(output, 1) / "results.json").write_bytes(content)
        (night,) = last_nights(output, 5)
        assert night.results is None
        assert not night.unfinished
        assert "results.json is damaged or of another version" in night.problem

    def test_a_line_cut_off_by_a_crash_is_passed_over(self, output: Path) -> None:
        folder = made_run(output, 1, finished=False)
        with (folder / "events.jsonl").open("a") as stream:
            stream.write('{"time": "T1", "kind": "batch"}\n{"time": "T2", "ki')
        assert "last event: batch, T1" in last_nights(output, 1)[0].problem


class TestKeeping:
    def test_the_last_so_many_are_kept(self, output: Path) -> None:
        folders = [made_run(output, day) for day in (1, 2, 3, 4)]
        folders.append(made_run(output, 5, finished=False))
        with Night(output, keep=3) as night:
            night.finish(results())
        assert [folder.exists() for folder in folders] == [False, False, False, True, True]
        assert night.folder is not None
        assert night.folder.exists()

    def test_those_of_another_season_are_not_touched(self, output: Path) -> None:
        other = made_run(output.with_name("other.nc"), 1)
        mine = made_run(output, 2)
        with Night(output, keep=1) as night:
            night.finish(results())
        assert other.exists()
        assert not mine.exists()

    def test_nor_is_anything_that_is_not_clearly_a_run(self, output: Path, tmp_path: Path) -> None:
        runs = output.parent / "runs"
        notes = made_run(output, 1)
        (notes / "my notes.txt").write_text("keep this")
        elsewhere = made_run(tmp_path / "b" / "season.nc", 1)
        (runs / "20261102T023000Z").symlink_to(elsewhere)
        for name in ("20261103T023000Z", "20269999T999999Z", "archive", "20261104T023000Z-old"):
            (runs / name).mkdir()
        (runs / "20261105T023000Z").write_text("a file")
        (runs / "archive" / "events.jsonl").write_text('{"kind": "started", "output": "season.nc"}')
        before = sorted(runs.rglob("*"))
        with Night(output, keep=1) as night:
            night.finish(results())
        new = {night.folder, *(night.folder or runs).iterdir()}
        assert sorted(set(runs.rglob("*")) - new) == before
        assert (elsewhere / "results.json").exists()

    def test_a_run_whose_events_are_lost_is_known_by_its_results(self, output: Path) -> None:
        folder = made_run(output, 1)
        (folder / "events.jsonl").unlink()
        with Night(output, keep=1) as night:
            night.finish(results())
        assert not folder.exists()

    def test_what_a_crash_left_of_writing_goes_with_its_run(self, output: Path) -> None:
        folder = made_run(output, 1, finished=False)
        (folder / ".results.json.tmp-4711").write_text("{")
        with Night(output, keep=1) as night:
            night.finish(results())
        assert not folder.exists()


def run_that_fails(night: Night) -> None:
    with night:
        night.event("batch")
        LOG.warning("a.txt: broken")
        night.finish(results())
        raise PipelineError("its own")


class TestTrouble:
    """Where reports cannot be written the run goes on, and its own error is the one that shows."""

    def test_with_the_folder_is_warned_of_once(
        self, output: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        output.parent.mkdir()
        (output.parent / "runs").write_text("in the way")
        night = Night(output)
        with pytest.raises(PipelineError, match="its own"):
            run_that_fails(night)
        assert night.folder is None
        warned = [record.getMessage() for record in caplog.records]
        assert len(warned) == 2
        assert "reports of this run cannot be written: File exists; the run goes on" in warned[0]

    def test_with_a_disk_that_fills_is_warned_of_once(
        self, output: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        real, full = os.write, [True]

        def write(descriptor: int, data: bytes) -> int:
            if full[0] and b"batch" in data:
                return real(descriptor, data[:5])
            return real(descriptor, data)

        monkeypatch.setattr(night_module.os, "write", write)
        with Night(output) as night:
            night.event("batch", number=1)
            night.event("batch", number=2)
            full[0] = False  # room again
            night.event("batch", number=3)
        assert caplog.text.count("cannot be written") == 1
        assert os.strerror(errno.ENOSPC) in caplog.text
        assert json.loads(lines(night, "events.jsonl")[-1])["number"] == 3  # on a line of its own

    @needs_signals
    def test_with_a_real_limit_leaves_no_half_results(self, output: Path) -> None:
        """The kernel lets no file of this process grow beyond 2 kB: results need more."""
        script = (
            "import resource, sys; sys.path.insert(0, 'tests'); from pathlib import Path\n"
            "from made_results import results, sources; from pipeline.report.night import Night\n"
            "with Night(Path(sys.argv[1])) as night:\n"
            "    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
            "    night.finish(results(sources=sources(ok=50)))\n"
            "    raise SystemExit(7)"
        )
        project = Path(__file__).resolve().parent.parent
        done = subprocess.run(
            [sys.executable, "-c", script, str(output)], cwd=project, capture_output=True, text=True
        )
        assert done.returncode == 7, done.stderr
        assert "cannot be written: File too large; the run goes on" in done.stderr
        (folder,) = run_folders(output)
        assert sorted(path.name for path in folder.iterdir()) == ["events.jsonl", "run.log"]

    def test_with_facts_that_are_no_json_is_no_error(self, output: Path) -> None:
        endless: list[Any] = []
        endless.append(endless)
        with Night(output) as night:
            night.event("batch", facts=endless)
            night.event("batch", seconds=float("nan"))  # a word that JSON does not have
            night.event("next")
        assert [event["kind"] for event in events(night)] == ["started", "next"]
