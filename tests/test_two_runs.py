"""Two runs of one season at once, as real processes: one works, the other leaves and says why."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))

from _place import CONFIG, OUTPUT, Place, Run, events, reports

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
    pytest.mark.timeout(180),
]

SOUNDINGS = 20
#: The first batch of one worker.
FIRST_BATCH = 8


@pytest.fixture
def place(tmp_path: Path, season_folder: Path) -> Place:
    made = Place.made(tmp_path / "place")
    made.put(sorted(season_folder.glob("03*"))[:SOUNDINGS], season_folder)
    return made


@pytest.fixture
def working(place: Place) -> Iterator[Run]:
    """A run that has committed its first batch, and takes for ever over the second."""
    season = place.season("season", workers=1, calculations=["k_index"])
    place.hold_from(FIRST_BATCH + 2)
    run = place.start(season)
    try:
        while place.noted() < FIRST_BATCH + 2:
            assert run.process.poll() is None, place.said()
            time.sleep(0.01)
        yield run
    finally:
        run.kill()


def command(place: Place, word: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", word, CONFIG],
        cwd=place.folder / "season", env=place.environment(), text=True, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip


def undisturbed_seconds(place: Place, code: int) -> float:
    """Return how long a run takes, without the time for which other programs had the cores."""
    began = time.monotonic()
    process = place.start(place.folder / "season").process
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its figures stay till it is reaped
    seconds = time.monotonic() - began
    waited = int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[1]) / 1e9
    assert process.wait() == code, place.said()
    return seconds - waited


def test_the_second_run_leaves_within_a_second_and_says_who_is_at_work(
    place: Place, working: Run
) -> None:
    assert min(undisturbed_seconds(place, 4) for _ in range(3)) < 1
    second = command(place, "run")
    assert second.returncode == 4
    [started] = [event["time"] for event in working.events() if event["kind"] == "started"]
    assert f"process {working.process.pid} of " in second.stderr
    assert f" on {socket.gethostname()} since {started[:16]}" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert working.process.poll() is None
    assert len(reports(working.season)) == 1  # a run that does not run reports nothing


def test_the_first_one_is_not_disturbed_by_it(place: Place, working: Run) -> None:
    assert command(place, "run").returncode == 4
    place.let_go()
    assert working.process.wait(60) == 0
    assert place.noted() == SOUNDINGS
    assert (working.season / OUTPUT).is_file()


def test_the_output_is_free_at_once_when_its_run_is_killed_and_the_next_goes_on(
    place: Place, working: Run
) -> None:
    os.killpg(working.process.pid, signal.SIGKILL)
    working.process.wait()
    place.let_go()
    next_one = command(place, "run")
    assert next_one.returncode == 0, next_one.stderr
    planned = next(e for e in events(reports(working.season)[-1]) if e["kind"] == "planned")
    assert planned["new"] == SOUNDINGS
    assert planned["waiting"] == SOUNDINGS - FIRST_BATCH
    # Two of the second batch were under way; nothing that was committed was done again.
    assert place.noted() == SOUNDINGS + 2


def test_plan_and_status_are_told_beside_a_run_and_change_nothing(
    place: Place, working: Run
) -> None:
    before = sorted(path.name for path in working.season.iterdir())
    plan, status = command(place, "plan"), command(place, "status")
    assert (plan.returncode, status.returncode) == (0, 0), plan.stderr + status.stderr
    assert f"{SOUNDINGS} sources: {SOUNDINGS} new" in plan.stdout
    assert str(working.process.pid) in status.stdout
    assert sorted(path.name for path in working.season.iterdir()) == before
    place.let_go()
    assert working.process.wait(60) == 0


def test_a_config_with_a_calculation_of_ones_own_is_known_without_metpy(place: Place) -> None:
    """MetPy knows units and takes seconds to come; who is sent away must not wait for it."""
    season = place.season("season", workers=1)
    script = (
        "import sys; from pipeline.config import load; "
        f"print(load({str(season / CONFIG)!r}).custom['noted'].units, 'metpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=place.environment(), text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "hPa False\n", done.stderr
