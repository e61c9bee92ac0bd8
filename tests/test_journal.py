"""Finished batches next to the output: what a killed run leaves for the next one."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import xarray as xr
from made_profiles import made, same_bits, time
from nights import spoil

from pipeline.journal import Journal
from pipeline.profiles import CheckedProfile, SourceRow
from pipeline.ragged import to_dataset


def batch(
    *positions: int, path: str = "a", fingerprint: str = "1", recipe: str = "{}"
) -> xr.Dataset:
    """Return some of the five profiles of a source, as one batch."""
    row = SourceRow(path=path, fingerprint=fingerprint, profiles=5, recipe=recipe)
    dataset = to_dataset([of_source(place) for place in positions], [row])
    words = xr.Variable("profile", [""] * len(positions))
    return dataset.assign(calculation_message=words.astype(object))


def of_source(place: int) -> CheckedProfile:
    one = made(3, station_id="OUN", source_index=0, time=time(f"2003-05-0{place + 1}"))
    one.source_position = place
    return one


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "season.nc")


def test_nothing_is_there_before_the_first_batch(journal: Journal) -> None:
    assert (journal.batches, journal.committed(), [*journal.datasets()]) == ([], {}, [])
    assert not journal.folder.exists()


def test_batches_come_back_bit_for_bit_in_their_order(journal: Journal) -> None:
    batches = [batch(0, 1), batch(2), batch(path="empty")]
    for one in batches:
        journal.commit(one)
    assert [path.name for path in journal.batches] == ["000001.nc", "000002.nc", "000003.nc"]
    for one, again in zip(batches, journal.datasets(), strict=True):
        same_bits(one, again)


def test_they_lie_hidden_beside_the_output_and_their_order_outlives_the_run(
    journal: Journal, tmp_path: Path
) -> None:
    assert journal.commit(batch(0)).parent == tmp_path / ".season.nc.work"
    journal.batches[0].rename(journal.folder / "000009.nc")
    assert Journal(journal.target).commit(batch(1)).name == "000010.nc"


def test_a_link_to_the_output_leads_to_the_same_batches(journal: Journal, tmp_path: Path) -> None:
    journal.target.touch()
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / "link.nc"
    link.symlink_to(journal.target)
    journal.commit(batch(0))
    assert Journal(link).batches == journal.batches


def test_what_several_batches_hold_of_a_source_is_added_up(journal: Journal) -> None:
    for one in (batch(0, 1), batch(0, path="b"), batch(3)):
        journal.commit(one)
    known = journal.committed()
    assert {path: one.positions for path, one in known.items()} == {"a": (0, 1, 3), "b": (0,)}
    assert known["a"].profiles == 5
    assert journal.look() == known


@pytest.mark.parametrize("other", [{"fingerprint": "2"}, {"recipe": '{"engine": "other"}'}])
def test_what_was_made_of_something_else_does_not_count(
    journal: Journal, other: dict[str, str]
) -> None:
    journal.commit(batch(0, 1))
    journal.commit(batch(2, **other))
    assert journal.committed()["a"].positions == (2,)
    journal.commit(batch(3))  # and back again
    assert journal.committed()["a"].positions == (3,)


def test_a_damaged_batch_is_told_and_removed_by_the_run_and_left_alone_by_a_look(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    for place in range(3):
        journal.commit(batch(place))
    second = journal.batches[1]
    second.write_bytes(second.read_bytes()[:2000])
    assert journal.look()["a"].positions == (0, 2)
    assert second.exists()
    with caplog.at_level(logging.WARNING, "pipeline"):
        assert journal.committed()["a"].positions == (0, 2)
    assert not second.exists()
    assert "000002.nc: not a netCDF file, or a damaged one" in caplog.text
    assert "it is computed again" in caplog.text
    assert len([*journal.datasets()]) == 2


def test_a_batch_damaged_within_its_data_is_found_out_before_the_work_begins(
    journal: Journal,
) -> None:
    journal.commit(batch(0))
    spoil(journal.commit(batch(1, 2)), "temperature")
    assert journal.committed()["a"].positions == (0,)
    assert len([*journal.datasets()]) == 1


def test_clearing_leaves_nothing_and_tidying_only_what_is_finished(
    journal: Journal, tmp_path: Path
) -> None:
    journal.commit(batch(0))
    half = [tmp_path / ".season.nc.tmp-4711", journal.folder / ".000002.nc.tmp-4711"]
    other = tmp_path / ".other.nc.tmp-4711"
    for path in (*half, other):
        path.touch()
    journal.tidy()
    assert [path.exists() for path in (*half, other)] == [False, False, True]
    assert len(journal.batches) == 1
    journal.clear()
    assert not journal.folder.exists()
    assert other.exists()
