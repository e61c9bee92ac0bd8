"""Fetches as real processes: killed, told to end, two at once, on a full disk, and before a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from archive_server import CSV, Reply, Server, igra_zip, running, versioned
from commands import command
from ruamel.yaml import YAML

import pipeline

STATION = "USM00072451"
POR = f"{STATION}-data.txt.zip"
LARGE = igra_zip(STATION, 40)

LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running() as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, server: Server) -> Path:
    """A folder with a config that fetches the record of a station, not yet read by anything."""
    return configured(tmp_path, server, [STATION])


def configured(folder: Path, server: Server, stations: list[str], **more: Any) -> Path:
    entry = {"archive": "igra2", "stations": stations, "period": "por", "into": "data"}
    settings = {
        "input": ["data"],
        "output": "season.nc",
        "executor": "serial",
        "calculations": ["k_index", "sbcape"],
        "fetch": [entry | {"url": server.url, "pause": 0, "timeout": 20}],
    }
    with (folder / "season.yaml").open("w") as stream:
        YAML().dump(settings | more, stream)
    return folder


def started(place: Path, *before: str) -> subprocess.Popen[str]:
    words = [sys.executable, *before, "-m", "pipeline", "fetch", "season.yaml"]
    return subprocess.Popen(
        words, cwd=place, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def stalled(place: Path, server: Server) -> subprocess.Popen[str]:
    """Return a fetch that has half of the file and waits for more."""
    server.serve(f"/access/data-por/{POR}", versioned(LARGE, stall_after=500), versioned(LARGE))
    process = started(place)
    half = place / "data" / f".{POR}.part"
    until(lambda: half.exists() and half.stat().st_size == 500)
    return process


def last_line(place: Path) -> dict[str, Any]:
    return json.loads((place / "runs" / "fetch.jsonl").read_text().splitlines()[-1])


def files(place: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in (place / "data").iterdir()
        if not path.name.startswith(".") or path.suffix == ".part"
    }


class TestEnds:
    def test_a_killed_fetch_is_gone_on_with(self, place: Path, server: Server) -> None:
        process = stalled(place, server)
        process.kill()
        process.communicate()
        assert files(place) == {f".{POR}.part": LARGE[:500]}
        done = command("fetch", place / "season.yaml")
        assert done.exit_code == 0
        assert files(place) == {POR: LARGE}
        assert server.asked[-1].headers["Range"] == "bytes=500-"
        assert last_line(place)["bytes"] == len(LARGE) - 500

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_at_once_and_keeps_the_half(
        self, place: Path, server: Server, number: signal.Signals
    ) -> None:
        process = stalled(place, server)
        began = time.monotonic()
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
        assert time.monotonic() - began < 5
        assert process.returncode == 128 + number
        assert said.splitlines()[-1] == (
            f"{number.name} ended the fetch: what has arrived is kept, and the next fetch goes on "
            "from there"
        )
        assert files(place) == {f".{POR}.part": LARGE[:500]}
        assert last_line(place)["ended"] == "InterruptedRunError"
        assert command("fetch", place / "season.yaml").exit_code == 0
        assert files(place) == {POR: LARGE}

    def test_a_second_one_leaves_and_says_who_is_there(self, place: Path, server: Server) -> None:
        process = stalled(place, server)
        try:
            done = command("fetch", place / "season.yaml")
            assert done.exit_code == 4
            assert f"process {process.pid} " in done.stderr
            assert len(server.asked) == 1
        finally:
            process.kill()
            process.communicate()

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a limit of Linux")
    def test_a_full_disk_is_exit_code_5(self, place: Path, server: Server) -> None:
        server.serve(f"/access/data-por/{POR}", versioned(LARGE))
        process = started(place, "-c", LIMITED)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 5, said
        assert "make room" in said
        assert "Traceback" not in said
        assert files(place) == {}

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_may_not_be_written_to_is_exit_code_5(
        self, place: Path, server: Server
    ) -> None:
        (place / "data").mkdir(mode=0o500)
        assert command("fetch", place / "season.yaml").exit_code == 5


class TestCommand:
    def test_shows_a_table(self, place: Path, server: Server) -> None:
        server.serve(f"/access/data-por/{POR}", versioned(LARGE))
        done = command("fetch", place / "season.yaml")
        heads, row = (line.split() for line in done.stdout.splitlines())
        assert dict(zip(heads, row, strict=False))["new"] == "1"
        assert row[:2] == ["igra2", STATION]
        assert command("fetch", "--quiet", place / "season.yaml").output == ""

    def test_is_1_where_something_could_not_be_had(self, place: Path, server: Server) -> None:
        done = command("fetch", "-q", place / "season.yaml")
        assert done.exit_code == 1
        assert "WARNING: igra2 USM00072451 por: HTTP 404 Not Found: http://127" in done.stderr

    def test_is_2_without_anything_to_fetch(self, place: Path, server: Server) -> None:
        configured(place, server, [STATION], fetch=[])
        (place / "data").mkdir()
        done = command("fetch", place / "season.yaml")
        assert done.exit_code == 2
        assert "no section 'fetch'" in done.stderr

    def test_imports_nothing_heavy_and_others_do_not_import_it(self) -> None:
        program = (
            "import sys, pipeline.cli, pipeline.config;"
            "print(sorted({'requests', 'tenacity', 'urllib3'} & set(sys.modules)));"
            "import pipeline.fetch, pipeline.fetch.report;"
            "heavy = {'metpy', 'xarray', 'netCDF4', 'pandas', 'matplotlib', 'pint', 'scipy'};"
            "print(sorted(heavy & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines() == ["[]", "[]"]


class TestBeforeARun:
    def test_a_run_works_with_what_was_fetched(self, tmp_path: Path, server: Server) -> None:
        gone = "GMM00010393"
        both = [
            {
                "archive": "igra2", "stations": [STATION, gone], "period": "por",
                "into": "data", "url": server.url, "pause": 0,
            },
            {
                "archive": "wyoming", "stations": ["72357"], "into": "data/wyoming", "pause": 0,
                "days": {"since": "2025-06-01", "until": "2025-06-01"}, "hours": [0, 12],
                "url": f"{server.url}/sounding",
            },
        ]  # fmt: skip
        place = configured(tmp_path, server, [], fetch=both)
        text = (place / "season.yaml").read_text().replace("'2025-06-01'", "2025-06-01")
        (place / "season.yaml").write_text(text)
        server.serve(f"/access/data-por/{POR}", versioned(igra_zip(STATION, 4)))
        server.serve("/sounding?72357 2025-06-01 12:00:00", CSV)
        refusal = b"Unable to retrieve the data for 72357 at 2025-06-01 00:00:00."
        server.serve("/sounding?72357 2025-06-01 00:00:00", Reply(refusal, 400))

        fetched = command("fetch", place / "season.yaml")
        assert fetched.exit_code == 1  # one station is not there
        done = command("run", "-q", place / "season.yaml")
        assert done.exit_code == 0
        season = pipeline.open_season(place / "season.nc")
        assert sorted(season.dataset["profile_id"].values) == [
            "72357_20250601T1102",
            "USM00072451_20260101T0000",
            "USM00072451_20260101T1200",
            "USM00072451_20260102T0000",
            "USM00072451_20260102T1200",
        ]
        frame = season.to_dataframe()
        # K index by hand from the levels: (T850 - T500) + Td850 - (T700 - Td700), wind-free
        assert frame.loc["USM00072451_20260101T0000", "k_index"] == pytest.approx(
            (20.0 + 8.0) + (20.0 - 8.0) - 12.0, abs=0.2
        )

        again = command("fetch", place / "season.yaml")
        assert again.exit_code == 1
        assert last_line(place)["there"] == 2
        assert last_line(place)["bytes"] == 0
        planned = command("plan", place / "season.yaml").stdout
        assert "2 sources: 2 unchanged" in planned
