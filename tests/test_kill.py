"""A night killed again and again ends as if it had not been: `tests/benchmarks/kill.py`, small."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from random import Random

import netCDF4
import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))

from _killing import Killing, aims, put_earlier
from _place import OUTPUT, Place
from _same import differences, lost_or_doubled

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
    pytest.mark.timeout(600),
]

SOUNDINGS = 40
KILLS = 5


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory, season_folder: Path) -> Killing:
    """A season of which half is published, and beside it an undisturbed output of the whole."""
    place = Place.made(tmp_path_factory.mktemp("kill") / "place")
    files = sorted(season_folder.glob("03*"))[:SOUNDINGS]
    settings = {"calculations": ["k_index", "sbcape"]}
    put_earlier(place, files, season_folder)
    season = place.season("killed", workers=2, **settings)
    place.finish(season)
    place.put(files, season_folder)
    whole = place.season("undisturbed", workers=2, **settings)
    place.finish(whole)
    return Killing(place, season, whole / OUTPUT)


def test_runs_killed_at_any_instant_lose_nothing_and_spoil_nothing(killing: Killing) -> None:
    waiting = aims(KILLS, Random(3), span=3.0, publishing=0.1)
    while waiting and killing.nights < 3 * KILLS:
        for _ in killing.night(waiting):
            pass
    assert killing.violations == []
    assert len(killing.kills) == KILLS
    assert {"old"} <= {kill.output for kill in killing.kills} <= {"old", "new"}


class TestWhatLooksForDifferences:
    """It would have to see them: each is made here, and found."""

    @pytest.fixture
    def copy(self, killing: Killing, tmp_path: Path) -> Path:
        return Path(shutil.copy(killing.reference, tmp_path / OUTPUT))

    def test_finds_none_between_a_file_and_itself(self, killing: Killing, copy: Path) -> None:
        assert differences(copy, killing.reference) == []
        assert lost_or_doubled(copy, killing.inputs) == []

    def test_leaves_out_what_says_when_it_was_made(self, killing: Killing, copy: Path) -> None:
        with netCDF4.Dataset(copy, "a") as file:
            file.date_created = "2001-01-01T00:00:00Z"
            file.history = "x" * len(file.history)  # of one length, or its place changes
        assert differences(copy, killing.reference) == []

    def test_finds_one_bit(self, killing: Killing, copy: Path) -> None:
        with netCDF4.Dataset(copy, "a") as file:
            file["pressure"][3] *= 1 + 2.0**-52
        assert differences(copy, killing.reference) == ["variable pressure: values"]

    def test_finds_attributes(self, killing: Killing, copy: Path) -> None:
        with netCDF4.Dataset(copy, "a") as file:
            file["sbcape"].long_name += "."
        assert differences(copy, killing.reference) == ["variable sbcape: attributes"]

    def test_finds_a_sounding_that_is_lost_and_one_that_is_twice(
        self, killing: Killing, copy: Path
    ) -> None:
        with netCDF4.Dataset(copy, "a") as file:
            rows = file["source_index"][...]
            file["source_index"][0] = rows[1]
            names = file["source_path"][...]
        assert sorted(lost_or_doubled(copy, killing.inputs)) == sorted(
            [f"{names[rows[0]]}: 0 profiles of 1", f"{names[rows[1]]}: 2 profiles of 1"]
        )
