"""The witness of a compiled run: chooses by lot, begins early, and is heard before anything else.

Whether MetPy was asked early or late, about batches or about all at once, it is asked about the
same profiles and says the same.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_season
from executor_watch import is_alive, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import SHV, Killed, Nights

import pipeline
from pipeline import output, ragged, verify, witness
from pipeline.config import Quality
from pipeline.crew import CALCULATING, READING
from pipeline.engines.reference import evaluate
from pipeline.errors import PipelineError
from pipeline.executors import Failure, open_executor
from pipeline.executors.pool import PoolExecutor
from pipeline.run import run
from pipeline.witness import Witness

NAMES = ["sbcape", "k_index"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a compiled season of eight real soundings that nobody has verified."""
    folder = tmp_path_factory.mktemp("season")
    small_season.make_files(folder)
    changes = {"calculations": NAMES, "engine": "compiled", "verify": 0}
    return output.read(run(small_season.config(folder, **changes)).path)


def two_workers() -> PoolExecutor:
    return PoolExecutor(workers=2, preload=CALCULATING)


class Idle(PoolExecutor):
    """A pool that notes how many items it is given, and loses them all."""

    def __init__(self) -> None:
        super().__init__(workers=1)
        self.items = 0

    def starmap(self, function: Any, argument_tuples: Any) -> Iterator[Any]:
        assert getattr(function, "func", function) is evaluate
        for _ in argument_tuples:
            self.items += 1
            yield Failure("died", "evaluate", "killed by a test, twice")


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 3), min_size=8, max_size=8),
    count=st.integers(1, 9),
    seed=st.text(max_size=5),
)
def test_whatever_the_batches_the_chosen_were_begun_with(
    dataset: Any, cuts: list[int], count: int, seed: str
) -> None:
    idle = Idle()
    with Witness(idle, NAMES, Quality(), count, seed) as one:
        for batch in range(4):
            one.begin(ragged.select(dataset, np.array(cuts) == batch))
        begun = {place for part, _ in one._begun for place in verify.places(part)}
        where, which = verify.places(dataset), verify.chosen(dataset, range(8), count, seed)
        assert {where[index] for index in which} <= begun
        assert len(which) == min(count, 8)
        assert one.verify(dataset, range(8)).profiles == 0, "all are lost, and asked for once more"
    assert idle.items == len(begun) + len(which)


def test_mostly_no_more_is_begun_with_than_was_wanted(dataset: Any) -> None:
    idle = Idle()
    with Witness(idle, NAMES, Quality(), 3, "tonight") as one:
        one.begin(dataset)
    assert idle.items == 3


def test_the_chosen_are_other_ones_each_night_and_each_is_as_likely(dataset: Any) -> None:
    nights = [verify.chosen(dataset, range(8), 2, f"night {number}") for number in range(400)]
    assert len({tuple(night) for night in nights}) == 28, "all pairs of eight"
    times = np.bincount(np.concatenate(nights), minlength=8)
    assert times.sum() == 800
    assert np.abs(times - 100).max() < 45  # five standard deviations


def test_only_some_can_be_chosen_from(dataset: Any) -> None:
    assert verify.chosen(dataset, [2, 5], 20, "tonight") == [2, 5]


def test_it_says_the_same_early_and_late(dataset: Any) -> None:
    with two_workers() as pool, Witness(pool, NAMES, Quality(), 5, "tonight") as early:
        early.begin(ragged.select(dataset, [0, 1, 2]))
        early.begin(ragged.select(dataset, [3, 4, 5, 6]))  # the last one it has not seen
        heard = early.verify(dataset, range(8))
    with open_executor("serial") as serial, Witness(serial, NAMES, Quality(), 5, "tonight") as late:
        late.begin(dataset)
        assert late.verify(dataset, range(8)) == heard
    assert heard.profiles == 5
    assert not heard.mismatches


def test_it_finds_a_wrong_number(dataset: Any) -> None:
    wrong = dataset.assign(sbcape=dataset["sbcape"] + 1.0)
    with two_workers() as pool, Witness(pool, NAMES, Quality(), 8, "tonight") as one:
        one.begin(wrong)
        found = one.verify(wrong, range(8))
    assert {mismatch.name for mismatch in found.mismatches} == {"sbcape"}
    assert found.largest["sbcape"] == pytest.approx(1.0, abs=0.05)


def test_what_keeps_it_from_working_is_told_in_the_end(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: Any) -> Iterator[Any]:
        raise PipelineError("worker processes do not start")

    monkeypatch.setattr(witness, "calculate", fails)
    with Witness(Idle(), NAMES, Quality(), 3, "tonight") as one:
        one.begin(dataset)
        with pytest.raises(PipelineError, match="do not start"):
            one.verify(dataset, range(8))


def test_a_run_that_ends_does_not_wait_for_it(
    dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = PoolExecutor(workers=2)
    monkeypatch.setattr(witness, "calculate", lambda *_: pool.starmap(time.sleep, [(60.0,)] * 4))
    with pool, Witness(pool, NAMES, Quality(), 3, "") as one:
        one.begin(dataset)
        one.begin(ragged.select(dataset, [1, 2, 3]))
        assert wait_until(lambda: len(pool.staff) == 2 and all(w.items for w in pool.staff), 30)
        workers = [worker.process.pid for worker in pool.staff]
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert wait_until(lambda: not any(is_alive(worker) for worker in workers), 5)


def test_in_a_run_it_begins_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left to be asked when all is there; and readers were loaded early too."""
    small_season.make_files(tmp_path)
    later: list[int] = []
    by_metpy = verify._by_metpy

    def noting(cleaned: Any, *arguments: Any) -> Any:
        known = arguments[-1]
        later.extend(place not in known for place in verify.places(cleaned))
        return by_metpy(cleaned, *arguments)

    prepared: list[tuple[str, ...]] = []
    monkeypatch.setattr(verify, "_by_metpy", noting)
    monkeypatch.setattr("pipeline.executors.pool.prepare", prepared.append)
    changes = {"engine": "compiled", "calculations": NAMES, "executor": "pool", "verify": 5}
    report = run(small_season.config(tmp_path, **changes))
    assert report.verification
    assert report.verification.profiles == 5
    assert later == [False] * 5
    assert prepared == [READING, CALCULATING]


def test_a_warning_where_it_could_not_look_at_as_many_as_it_should(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_season.make_files(tmp_path)
    lost = Failure("died", "evaluate", "killed by a test, twice")

    def calculate(dataset: Any, *_arguments: Any) -> Iterator[Any]:
        yield from [lost] * dataset.sizes["profile"]

    monkeypatch.setattr(verify, "calculate", calculate)
    report = run(small_season.config(tmp_path, engine="compiled", calculations=NAMES))
    assert report.exit_code == 0
    assert any("8 of the profiles chosen" in warning for warning in report.warnings)
    (results,) = tmp_path.glob("runs/*/results.json")
    assert json.loads(results.read_text())["verification"]["left_out"] == 8


def test_in_a_run_it_works_while_the_output_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the run waits for it there is nothing else to wait for; but nothing is published."""
    small_season.make_files(tmp_path)
    config = small_season.config(tmp_path, engine="compiled", calculations=NAMES, verify=2)
    asked = []
    verify_them = Witness.verify

    def asking(*arguments: Any) -> Any:
        (written,) = tmp_path.glob(".*.nc.tmp-*")
        asked.append(output.read(written).sizes["profile"])
        assert not config.output_path.exists()
        return verify_them(*arguments)

    monkeypatch.setattr(Witness, "verify", asking)
    report = run(config)
    assert list(report.seconds)[-2:] == ["publish", "verify"]
    assert asked == [output.read(config.output_path).sizes["profile"]]


def test_that_cannot_be_asked_is_not_told_as_trouble_with_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster that is gone, or a disk of the workers' own that is full, are OSErrors too."""
    small_season.make_files(tmp_path)
    config = small_season.config(tmp_path, engine="compiled", calculations=NAMES)

    def gone(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "no room in the workers' folder")

    monkeypatch.setattr(Witness, "verify", gone)
    with pytest.raises(PipelineError, match=r"MetPy could not be asked .*workers' folder") as told:
        run(config)
    assert told.value.exit_code == 1
    assert not [*tmp_path.glob("*.nc"), *tmp_path.glob(".*.nc.tmp-*")]
    monkeypatch.undo()
    assert run(config).tally.batches == 0, "what was finished is taken up"
    assert output.read(config.output_path).sizes["profile"]


def test_profiles_of_no_source_are_looked_at_too(dataset: Any) -> None:
    """A dataset of a user's own may say of none where it is from."""
    bare = dataset.assign(
        source_index=dataset["source_index"].copy(data=np.full(8, -1, np.int32)),
        source_position=dataset["source_position"].copy(data=np.arange(8, dtype=np.int32)),
    )
    with open_executor("serial") as serial:
        found = verify.verify(bare, [1, 2, 5], NAMES, Quality(), serial)
    assert found.profiles == 3
    assert not found.mismatches


def test_what_a_killed_run_had_finished_is_verified_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between its last batch and the output, it has left nothing to compute."""
    nights = Nights(tmp_path, {"engine": "compiled", "calculations": NAMES})
    nights.put(SHV)

    def killed(*_arguments: Any, **_options: Any) -> None:
        raise Killed

    monkeypatch.setattr("pipeline.run.assemble", killed)
    with pytest.raises(Killed):
        nights.night()
    monkeypatch.undo()
    assert not nights.plan().to_do
    nights.night()
    told = json.loads(pipeline.open_season(nights.output).dataset.attrs["verification"])
    assert told["profiles"] == 1
    assert set(told["largest_difference"]) == set(NAMES)
