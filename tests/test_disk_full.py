"""A disk that is full, or may not be written to, in the middle of a run, as real processes have it.

What was published before stays to the last byte, and the next run goes on from the last batch. The
disk is a small one in memory, which only root can make; a limit on the size of files, which anybody
can set, gives the same errors.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))

from _place import CONFIG, OUTPUT, Place, events, reports, results
from _same import differences

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts and limits of Linux"),
    pytest.mark.timeout(300),
]

OLD, ALL = 6, 26
FIRST_BATCH = 8
SETTINGS = {"calculations": ["k_index"]}

LIMITED = """
import os, resource, sys
size = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, season_folder: Path
) -> tuple[Place, bytes, Path]:
    """A place with all soundings, an output of the first of them, and one of all of them."""
    place = Place.made(tmp_path_factory.mktemp("disk") / "place")
    files = sorted(season_folder.glob("03*"))[:ALL]
    place.put(files[:OLD], season_folder)
    earlier = place.season("earlier", workers=1, **SETTINGS)
    place.finish(earlier)
    place.put(files, season_folder)
    whole = place.season("undisturbed", workers=1, **SETTINGS)
    place.finish(whole)
    return place, (earlier / OUTPUT).read_bytes(), whole / OUTPUT


@pytest.fixture
def place(undisturbed: tuple[Place, bytes, Path]) -> Iterator[Place]:
    made = undisturbed[0]
    (made.folder / "notes" / "noted").unlink(missing_ok=True)
    yield made
    made.let_go()
    assert not made.outliving()


@pytest.fixture
def old(undisturbed: tuple[Place, bytes, Path]) -> bytes:
    return undisturbed[1]


@pytest.fixture
def reference(undisturbed: tuple[Place, bytes, Path]) -> Path:
    return undisturbed[2]


@pytest.fixture
def disk(place: Place, old: bytes, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder of a season, with the old output: a small disk of its own."""
    folder = place.folder / request.node.name
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={8 * len(old)}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode
    except OSError:
        done = 1
    if done:
        pytest.skip("only root can make a small disk")
    try:
        yield with_old_output(place, folder.name, old)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def with_old_output(place: Place, name: str, old: bytes) -> Path:
    season = place.season(name, workers=1, **SETTINGS)
    (season / OUTPUT).write_bytes(old)
    return season


def fill(folder: Path, free: int) -> Path:
    """Fill a disk until so many bytes are free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(1 << 16))
        except OSError:
            size = stream.tell()
        stream.truncate(max(0, size - free))
    return ballast


def ended(place: Place, season: Path, *within: str) -> tuple[int, str]:
    """Return exit code and stderr of a run."""
    run = place.start(season, within=within)
    try:
        return run.process.wait(120), place.said()
    finally:
        run.kill()


def assert_told(said: str, season: Path, file: str, needed: int) -> None:
    """The message has the path, bytes that are enough for the file, and those that are free."""
    last = said.splitlines()[-1]
    assert last.startswith(str(season)), said
    assert file in last
    told = re.search(r"make room for up to (\d+) bytes \(\d+ bytes are free in /", last)
    assert told, last
    assert needed <= int(told[1]) < 3 * needed
    assert "what was there before is untouched" in last
    assert "Traceback" not in said


def assert_goes_on(place: Place, season: Path, reference: Path, waiting: int) -> None:
    """The next run with space calculates only what is not committed, and makes the same output."""
    before = place.noted()
    code, said = ended(place, season)
    assert (code, said) == (0, "")
    planned = next(e for e in events(reports(season)[-1]) if e["kind"] == "planned")
    assert (planned["new"], planned["waiting"]) == (ALL - OLD, waiting)
    assert place.noted() - before == waiting
    assert differences(season / OUTPUT, reference) == []
    left = {path.name for path in season.iterdir()} - {"ballast"}
    assert left == {"season.yaml", OUTPUT, f".{OUTPUT}.lock", "runs"}


def interrupted_before_publishing(place: Place, season: Path) -> None:
    """Have a run finish its last batch, and leave before it publishes, as SIGTERM asks it to."""
    place.hold_from(ALL - OLD)
    run = place.start(season)
    try:
        while place.noted() < ALL - OLD:
            assert run.process.poll() is None, place.said()
            time.sleep(0.01)
        run.process.send_signal(signal.SIGTERM)
        while "SIGTERM" not in place.said():
            time.sleep(0.01)
        place.let_go()
        assert run.process.wait(60) == 143
    finally:
        run.kill()


class TestASmallDisk:
    def test_that_fills_while_a_batch_is_committed(
        self, place: Place, disk: Path, old: bytes, reference: Path
    ) -> None:
        place.hold_from(FIRST_BATCH + 2)
        run = place.start(disk)
        try:
            while place.noted() < FIRST_BATCH + 2:
                assert run.process.poll() is None, place.said()
                time.sleep(0.01)
            ballast = fill(disk, free=0)
            place.let_go()
            assert run.process.wait(60) == 5, place.said()
        finally:
            run.kill()
        said = place.said()
        assert_told(said, disk, ".work/000002.nc", len(old))
        assert len(said.splitlines()) == 2  # no report can be written either: told once
        assert "reports of this run cannot be written" in said.splitlines()[0]
        assert (disk / OUTPUT).read_bytes() == old
        ballast.unlink()
        assert_goes_on(place, disk, reference, waiting=ALL - OLD - FIRST_BATCH)

    def test_that_fills_while_the_output_is_published(
        self, place: Place, disk: Path, old: bytes, reference: Path
    ) -> None:
        interrupted_before_publishing(place, disk)
        ballast = fill(disk, free=len(old) // 2)
        code, said = ended(place, disk)
        assert code == 5, said
        assert_told(said, disk, OUTPUT, reference.stat().st_size)
        assert len(said.splitlines()) == 1
        assert (disk / OUTPUT).read_bytes() == old
        assert not list(disk.glob("*.tmp-*"))
        report = results(disk)
        assert (report["ended"], report["exit_code"]) == ("disk", 5)
        assert report["message"] == said.strip()
        ballast.unlink()
        assert_goes_on(place, disk, reference, waiting=0)

    def test_that_is_full_from_the_start(
        self, place: Place, disk: Path, old: bytes, reference: Path
    ) -> None:
        ballast = fill(disk, free=0)
        code, said = ended(place, disk)
        assert code == 5, said
        assert "make room (0 bytes are free in" in said.splitlines()[-1]
        assert "Traceback" not in said
        assert (disk / OUTPUT).read_bytes() == old
        assert place.noted() == 0
        ballast.unlink()
        assert_goes_on(place, disk, reference, waiting=ALL - OLD)

    def test_that_may_only_be_read(self, place: Place, disk: Path, old: bytes) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        code, said = ended(place, disk)
        assert code == 5, said
        assert said.startswith(str(disk))
        assert "Read-only file system" in said
        assert len(said.splitlines()) == 1
        assert (disk / OUTPUT).read_bytes() == old
        assert place.noted() == 0


class TestALimitOnFiles:
    """As ``ulimit -f`` sets one; quotas end in the same way."""

    @pytest.fixture
    def season(self, place: Place, old: bytes, request: pytest.FixtureRequest) -> Path:
        return with_old_output(place, request.node.name, old)

    def limited(self, place: Place, season: Path, size: int) -> tuple[int, str]:
        return ended(place, season, sys.executable, "-c", LIMITED, str(size))

    def test_that_no_batch_fits_into(
        self, place: Place, season: Path, old: bytes, reference: Path
    ) -> None:
        code, said = self.limited(place, season, len(old) // 4)
        assert code == 5, said
        assert_told(said, season, ".work/000001.nc", len(old))
        assert (season / OUTPUT).read_bytes() == old
        assert results(season)["ended"] == "disk"
        assert_goes_on(place, season, reference, waiting=ALL - OLD)

    def test_that_the_output_does_not_fit_into(
        self, place: Place, season: Path, old: bytes, reference: Path
    ) -> None:
        interrupted_before_publishing(place, season)
        code, said = self.limited(place, season, reference.stat().st_size - 1)
        assert code == 5, said
        assert_told(said, season, OUTPUT, reference.stat().st_size)
        assert (season / OUTPUT).read_bytes() == old
        assert_goes_on(place, season, reference, waiting=0)

    def test_without_any_room_for_reports_the_reason_is_still_told(
        self, place: Place, season: Path, old: bytes
    ) -> None:
        """Not even the name of who has the lock fits in, and no line of a report."""
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, "1", sys.executable, "-m", "pipeline", "run", CONFIG],
            cwd=season, env=place.environment(), text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 5, done.stderr
        assert done.stderr.startswith(str(season))
        assert "File too large" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert (season / OUTPUT).read_bytes() == old
