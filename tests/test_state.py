"""What an output says about its own making, read without anything heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from nights import DNR, SHV, Nights

from pipeline.errors import PipelineError
from pipeline.flags import SourceStatus, Status
from pipeline.state import Known, State, read_state

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """A season of a good file, one of two soundings, an empty one and one that fails."""
    nights = Nights(tmp_path_factory.mktemp("season"))
    nights.put(SHV, DNR)
    two = FIXTURES / "wyoming_text" / "03005-two-soundings.txt"
    nights.file("two.txt").write_bytes(two.read_bytes())
    nights.file("empty.txt").touch()
    entry = {"function": "custom_calculations:raise_always", "inputs": ["pressure"]}
    nights.settings |= {"calculations": ["k_index"], "custom": {"struck": entry}}
    nights.night()
    return nights


@pytest.fixture(scope="module")
def known(season: Nights) -> dict[str, Known]:
    return {Path(path).name: known for path, known in read_state(season.output).sources.items()}


def test_every_source_is_known_with_its_soundings(known: dict[str, Known]) -> None:
    assert {name: (one.profiles, one.positions) for name, one in known.items()} == {
        SHV: (1, (0,)),
        DNR: (1, (0,)),
        "two.txt": (2, (0, 1)),
        "empty.txt": (0, ()),
    }
    assert {name: one.station_ids for name, one in known.items()} == {
        SHV: {"SHV"},
        DNR: {"DNR"},
        "two.txt": {"03005"},
        "empty.txt": set(),
    }


def test_the_last_sounding_of_a_source_says_how_late_it_is(known: dict[str, Known]) -> None:
    assert known[SHV].last_time == np.datetime64("2003-03-13T00:00:00")
    assert known["two.txt"].last_time == np.datetime64("2015-01-01T12:00:00")
    assert np.isnat(known["empty.txt"].last_time)


def test_what_failed_is_bad_and_what_was_read_says_who_read_it(known: dict[str, Known]) -> None:
    assert known["empty.txt"].status == SourceStatus.UNREADABLE
    assert known["empty.txt"].is_bad
    assert not known["empty.txt"].failed
    assert known["empty.txt"].message == "the file is empty (0 bytes)"
    assert (known[SHV].reader, known["two.txt"].reader) == ("spc_raw", "wyoming_text")
    assert known[SHV].failed  # its custom calculation raises
    assert known[SHV].is_bad
    assert known[SHV].said


def test_the_file_as_a_whole_says_what_came_of_it(season: Nights) -> None:
    state = read_state(season.output)
    assert state.profiles == 4
    assert set(state.statuses) <= {Status.REJECTED, Status.FAILED}
    assert state.attributes["configuration"] == season.config().normalized()


def test_where_there_is_no_file_nothing_is_known(tmp_path: Path) -> None:
    assert read_state(tmp_path / "none.nc") == State()


def test_a_file_of_somebody_else_says_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "theirs.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("profile", 1)
    with pytest.raises(PipelineError, match=r"theirs.nc: does not say how it was made .*source_"):
        read_state(path)


@pytest.mark.parametrize("content", [b"", b"no netCDF", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.nc"
    path.write_bytes(content)
    with pytest.raises(PipelineError, match=r"damaged.nc: not a netCDF file, or a damaged one"):
        read_state(path)


def test_a_file_that_ends_too_early_is_named(season: Nights, tmp_path: Path) -> None:
    whole = season.output.read_bytes()
    path = tmp_path / "short.nc"
    for part in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(PipelineError, match=r"short.nc: not a netCDF file, or a damaged one"):
            read_state(path)


def test_reading_it_imports_nothing_heavy(season: Nights) -> None:
    """A night with nothing to do is to be over at once."""
    code = (
        "import sys; from pathlib import Path; from pipeline.state import read_state; "
        f"assert len(read_state(Path({str(season.output)!r})).sources) == 4; "
        "print({'metpy', 'pint', 'scipy', 'xarray', 'pandas'} & {*sys.modules} or 'nothing')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "nothing"
