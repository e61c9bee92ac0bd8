"""What a run ends with: an exit code for whoever started it, and one line that says why.

Code 4 is in test_two_runs.py, 5 in test_disk_full.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_season
from commands import command
from small_season import BAD, REAL, custom, write_config

import pipeline
from pipeline.flags import SourceStatus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_season.make_files(tmp_path)
    return tmp_path


def results(folder: Path) -> list[dict[str, object]]:
    """Return what the runs of a folder have reported, the last one last."""
    import json

    found = sorted((folder / "runs").glob("*/results.json"))
    return [json.loads(path.read_text()) for path in found]


class TestDone:
    def test_is_0_with_bad_files_too(self, folder: Path) -> None:
        done = command("run", "-q", write_config(folder, calculations=["k_index"]))
        assert done.exit_code == 0
        (night,) = results(folder)
        assert (night["ended"], night["exit_code"]) == ("done", 0)

    def test_is_0_with_nothing_to_do(self, folder: Path) -> None:
        config = write_config(folder, calculations=["k_index"])
        command("run", "-q", config)
        done = command("run", config)
        assert done.exit_code == 0
        assert "nothing to do" in done.stdout
        assert results(folder)[-1]["ended"] == "nothing to do"


class TestTooManyFailed:
    def test_is_1_and_the_output_is_there_with_the_reasons(self, folder: Path) -> None:
        config = write_config(folder, calculations=["k_index"], max_failed_fraction=0.25)
        done = command("run", config)
        assert done.exit_code == 1
        bad = len(BAD) + 1
        assert f"{bad} of the {bad + len(REAL)} sources" in done.output
        season = pipeline.open_season(folder / "season.nc")
        assert (season.sources.status == "unreadable").sum() == bad
        assert results(folder)[-1]["ended"] == "failed fraction"

    def test_is_about_tonights_sources_only(self, folder: Path) -> None:
        config = write_config(folder, calculations=["k_index"], max_failed_fraction=0.25)
        command("run", "-q", config)
        assert command("run", "-q", config).exit_code == 0  # nothing new has failed
        (folder / "in" / "more.txt").write_text("nothing\n")
        assert command("run", "-q", config).exit_code == 1  # all that is new


class TestNoInput:
    @pytest.mark.parametrize(
        ("entry", "told"),
        [
            ("in/*.raw", "no file fits 'in/*.raw'"),
            ("hollow", "there is no file in the folder 'hollow'"),
            ("hollw", "holds no 'hollw', did you mean 'hollow'?"),
            ("hollow/*", "no file fits 'hollow/*'"),
        ],
    )
    def test_is_3_and_says_what_was_looked_for(self, folder: Path, entry: str, told: str) -> None:
        (folder / "hollow").mkdir()
        done = command("run", write_config(folder, input=[entry]))
        assert done.exit_code == 3
        assert told in done.stderr
        assert "input[0].path" in done.stderr
        assert results(folder)[-1]["ended"] == "no input"

    def test_is_3_where_all_is_left_out(self, folder: Path) -> None:
        done = command("run", write_config(folder, input=[{"path": "in/*", "exclude": ["*"]}]))
        assert done.exit_code == 3
        assert "is left out by 'exclude' (*)" in done.stderr

    def test_leaves_the_output_alone(self, folder: Path) -> None:
        """A disk that is not mounted must not mark a whole season as gone."""
        config = write_config(folder, calculations=["k_index"])
        command("run", "-q", config)
        before = (folder / "season.nc").read_bytes()
        for path in (folder / "in").iterdir():
            path.unlink()
        assert command("run", config).exit_code == 3
        assert (folder / "season.nc").read_bytes() == before

    def test_an_entry_without_files_among_others_is_a_warning(self, folder: Path) -> None:
        (folder / "hollow").mkdir()
        config = write_config(folder, input=["in", "hollow"], calculations=["k_index"])
        done = command("run", config)
        assert done.exit_code == 0
        assert "input[1].path: there is no file in the folder 'hollow'" in done.stderr


def test_a_wrong_time_is_2(folder: Path) -> None:
    done = command("plan", write_config(folder), "--since", "yesterday")
    assert done.exit_code == 2
    assert "'yesterday' is not a time such as" in done.output


class TestInterrupted:
    """Real signals to a real run, which is slow because of a calculation that sleeps."""

    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
    )
    def test_is_130_or_143_and_the_next_run_goes_on(
        self, folder: Path, number: signal.Signals, code: int
    ) -> None:
        slow = custom("nap")
        config = write_config(folder, calculations=["k_index"], custom=slow)
        run = start(config)
        committed = folder / ".season.nc.work" / "000001.nc"
        wait_for(lambda: committed.exists(), run)
        os.killpg(run.pid, number)  # as a terminal and as systemd send it: to all of them
        _, told = run.communicate(timeout=60)
        assert run.returncode == code, told
        assert "run the same again to go on from there" in told
        assert "Traceback" not in told
        assert not (folder / "season.nc").exists()
        assert results(folder)[-1]["ended"] == "interrupted"

        done = command("plan", config)
        assert "taken up from an interrupted run" in done.stdout
        assert command("run", "-q", config).exit_code == 0
        season = pipeline.open_season(folder / "season.nc")
        assert len(season) == len(REAL)
        assert sorted(season.dataset.source_status.values)[0] == SourceStatus.READ
        assert not committed.parent.exists()

    def test_a_second_signal_does_not_wait(self, folder: Path) -> None:
        config = write_config(folder, calculations=["k_index"], custom=custom("long_nap"))
        run = start(config)
        events = wait_for(lambda: [*(folder / "runs").glob("*/events.jsonl")], run)
        wait_for(lambda: '"planned"' in events[0].read_text(), run)
        time.sleep(0.3)  # into the batch; a little earlier would do too
        run.send_signal(signal.SIGTERM)
        time.sleep(1.2)  # a second one at once would be taken for the echo of the first
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        _, told = run.communicate(timeout=60)
        assert run.returncode == 130, told
        assert time.monotonic() - began < 10
        assert "Traceback" not in told


def start(config: Path) -> subprocess.Popen[str]:
    """Start a run in a session of its own, with batches of one profile."""
    code = (
        "import sys; from pipeline import cli, work;"
        "work.FIRST_BATCH, work.BATCH_SECONDS = 1, 0.001;"
        "sys.argv = ['pipeline', 'run', '-q', sys.argv[1]]; cli.main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
    )


def wait_for(condition, run: subprocess.Popen[str]):  # type: ignore[no-untyped-def]
    """Return what a condition gives once it is something, while a run goes on."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := condition():
            return found
        assert run.poll() is None, run.communicate()
        time.sleep(0.01)
    raise AssertionError("it took too long")
