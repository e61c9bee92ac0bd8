"""Items that take more memory than they may: each costs itself, and nobody else anything."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import executor_jobs as jobs
import numpy as np
import pytest

from pipeline.calculations import Calculation
from pipeline.executors import Executor, Failure, open_executor

limited = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a worker's memory")
HOGS = [
    "one large array",
    "a list that grows",
    "small things held for ever",
    "a buffer in steps",
]


@pytest.fixture(scope="module", params=["pool", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with open_executor(request.param, workers=2, memory=0.1) as executor:
        yield executor


@pytest.fixture
def one_worker() -> Iterator[Executor]:
    with open_executor("pool", workers=1, memory=0.1) as executor:
        yield executor


@limited
@pytest.mark.parametrize("how", HOGS)
def test_an_item_that_swells_costs_only_itself(executor, how):
    results = list(executor.starmap(jobs.swell_at, [(n, 7, how) for n in range(20)]))
    why = "needs more than 0.1 GiB, twice"
    assert results.pop(7) == Failure("out_of_memory", "executor_jobs.swell_at", why)
    assert results == [n for n in range(20) if n != 7]


@limited
def test_items_that_all_swell_are_all_told(executor):
    results = list(executor.starmap(jobs.swell, [("one large array",)] * 6))
    assert {(result.kind, result.why) for result in results} == {
        ("out_of_memory", "needs more than 0.1 GiB, twice")
    }


@limited
def test_results_and_arguments_that_are_too_large_count_as_well(executor):
    arguments = [("nothing",), ("its result",), ("nothing",)]
    results = list(executor.starmap(jobs.swell, arguments))
    assert (results[0], results[1].kind, results[2]) == (None, "out_of_memory", None)
    arguments = [(0,), (jobs.BreaksOnArrival("swell"),), (2,), (bytes(110 << 20),), (4,)]
    results = list(executor.starmap(jobs.echo, arguments))
    assert results[::2] == [0, 2, 4]
    assert [results[1].kind, results[3].kind] == ["out_of_memory"] * 2


@limited
def test_a_library_that_does_not_look_what_malloc_gave_it_dies(executor):
    results = list(executor.starmap(jobs.swell_at, [(n, 2, "unchecked malloc") for n in range(6)]))
    assert (results[2].kind, results[2].why) == ("died", "killed by SIGSEGV, twice")
    assert results[:2] + results[3:] == [0, 1, 3, 4, 5]


@limited
def test_code_that_swallows_every_error_swallows_this_one(executor):
    results = executor.starmap(jobs.swell_carelessly, [("one large array",), ("nothing",)])
    assert list(results) == ["swallowed", "enough"]


@limited
def test_an_item_that_swells_by_bad_luck_gets_a_second_chance(executor, tmp_path):
    arguments = [(str(tmp_path / "marker"), "a buffer in steps"), (str(tmp_path), "nothing")]
    assert list(executor.starmap(jobs.swell_once, arguments)) == ["second time lucky"] * 2


@limited
def test_a_worker_that_has_swollen_is_replaced(one_worker, tmp_path):
    (before,) = one_worker.starmap(jobs.process_id, [()])
    list(one_worker.starmap(jobs.swell_once, [(str(tmp_path / "marker"), "one large array")]))
    (after,) = one_worker.starmap(jobs.process_id, [()])
    assert after != before


@limited
def test_the_limit_is_what_an_item_may_take_itself(one_worker):
    results = list(one_worker.starmap(jobs.fill, [(80,), (120,), (80,), (80,)]))
    assert results.pop(1).kind == "out_of_memory"
    assert results == [80 << 20] * 3


@limited
def test_what_imports_take_does_not_count(tmp_path, monkeypatch):
    (tmp_path / "large_to_import.py").write_text(
        "data = bytearray(200 << 20)\ndef fill(mebibytes):\n    return len(bytes(mebibytes << 20))"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import large_to_import

    with open_executor("pool", workers=1, memory=0.1) as pool:
        assert list(pool.starmap(jobs.fill, [(80,)])) == [80 << 20]
        assert list(pool.starmap(large_to_import.fill, [(80,)])) == [80 << 20]


@pytest.mark.parametrize("memory", [1e300, math.inf])
def test_a_limit_beyond_all_memory_is_no_limit(memory):
    with open_executor("pool", workers=1, memory=memory) as pool:
        assert list(pool.starmap(jobs.fill, [(10,)])) == [10 << 20]


@pytest.mark.parametrize("kind", ["serial", "pool"])
def test_more_than_there_is_needs_no_limit_to_be_refused(kind):
    petabyte = (np.float64, 125_000_000_000_000)
    with open_executor(kind, workers=1) as executor:
        results = list(executor.starmap(jobs.zeros, [(np.float64, 1), petabyte, (np.int8, 2)]))
    why = "needs more memory than there is, twice"
    assert results == [8, Failure("out_of_memory", "executor_jobs.zeros", why), 2]


def test_serial_takes_a_limit_and_has_none():
    with open_executor("serial", memory=0.001) as serial:
        assert list(serial.starmap(jobs.fill, [(10,)])) == [10 << 20]


def test_the_engine_lets_the_executor_know():
    metpy = pytest.importorskip("pipeline.engines.metpy")
    custom = Calculation(
        name="hungry",
        long_name="hungry",
        units="K",
        inputs=("pressure",),
        function="executor_jobs:swell_in_calculation",
        group="custom",
    )
    levels = np.linspace(1000.0, 200.0, 9)
    profile = (levels, levels / 50, levels / 60, 16 * (1000 - levels), levels, levels)
    with pytest.raises(MemoryError):
        metpy.evaluate(*profile, metpy.Request(("hungry",), (custom,)))


@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        ("died", True),
        ("timed_out", True),
        ("out_of_memory", True),
        ("raised", False),
        ("unpicklable", False),
    ],
)
def test_a_failure_says_whether_its_work_was_lost(kind, lost):
    assert Failure(kind, "module.function", "why").lost is lost
