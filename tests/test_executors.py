"""The promises of starmap, on every executor: in order, nothing lost, never hanging.

The crashes are real: workers are killed, exit, fault, sleep and hold the interpreter.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import executor_jobs as jobs
import numpy as np
import pytest
from executor_watch import needs_signals
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.executors import (
    Executor,
    Failure,
    SerialExecutor,
    open_executor,
    usable_cores,
)
from pipeline.executors import dask as dask_executor
from pipeline.executors import pool as pool_executor

in_other_processes = pytest.mark.parametrize("shared_executor", ["pool", "dask"], indirect=True)


@pytest.fixture(scope="module", params=["serial", "pool", "dask"])
def shared_executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with open_executor(request.param, workers=2) as executor:
        yield executor


@pytest.fixture
def executor(shared_executor: Executor) -> Iterator[Executor]:
    """Each of the three; the same one for many tests, so every test also is one of reuse."""
    shared_executor.timeout = 60.0
    return shared_executor


@pytest.fixture
def pool() -> Iterator[pool_executor.PoolExecutor]:
    with pool_executor.PoolExecutor(workers=2) as executor:
        yield executor


# Results -----------------------------------------------------------------------------------


def test_results_come_in_the_order_of_the_arguments(executor):
    seconds = [0.03, 0.0, 0.01, 0.02] * 5
    arguments = [(pause, value) for value, pause in enumerate(seconds)]
    assert list(executor.starmap(jobs.square_after, arguments)) == [n * n for n in range(20)]


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(pauses=st.lists(st.floats(0, 0.01), max_size=40))
def test_order_does_not_depend_on_who_is_faster(pool, pauses):
    arguments = [(pause, value) for value, pause in enumerate(pauses)]
    expected = [n * n for n in range(len(pauses))]
    assert list(pool.starmap(jobs.square_after, arguments)) == expected


def test_no_arguments_no_results(executor):
    assert list(executor.starmap(jobs.square, [])) == []


def test_every_item_comes_back_once_when_there_are_many(executor):
    count = 500 if isinstance(executor, dask_executor.DaskExecutor) else 3000
    results = executor.starmap(jobs.square, ((n,) for n in range(count)))
    assert list(results) == [n * n for n in range(count)]


def test_another_function_on_the_same_executor(executor):
    assert list(executor.starmap(jobs.square, [(3,)])) == [9]
    assert list(executor.starmap(jobs.divide, [(1, 4)])) == [0.25]
    assert list(executor.starmap(functools.partial(jobs.divide, 1), [(2,)])) == [0.5]


def test_numbers_are_those_of_a_direct_call_to_the_last_bit(executor):
    generator = np.random.default_rng(2003)
    arguments = [tuple(generator.uniform(200, 310, (2, 50))) for _ in range(20)]
    for (total, array), pair in zip(
        executor.starmap(jobs.buoyancy, arguments), arguments, strict=True
    ):
        expected_total, expected_array = jobs.buoyancy(*pair)
        assert total == expected_total
        assert array.tobytes() == expected_array.tobytes()


def test_arguments_are_taken_only_a_little_ahead(executor):
    taken = 0

    def arguments():
        nonlocal taken
        for taken in range(1, 100_001):
            yield (taken,)

    results = executor.starmap(jobs.square, arguments())
    assert taken == 0, "nothing is taken before somebody asks for a result"
    assert next(results) == 1
    assert taken < 200
    results.close()


@pytest.mark.parametrize("megabytes", [50])
def test_huge_arguments_and_results_pass(executor, megabytes):
    block = np.arange(megabytes * 131_072, dtype=np.float64)
    for result in executor.starmap(jobs.echo, [(block,), (block,), (block,)]):
        assert np.array_equal(result, block)


def test_workers_says_how_many_work_at_once(executor):
    assert executor.workers == (1 if isinstance(executor, SerialExecutor) else 2)


def test_all_usable_cores_unless_told_otherwise():
    assert open_executor().workers == usable_cores() >= 1


# Failures ----------------------------------------------------------------------------------


def test_an_exception_is_a_failure_that_says_what_and_where(executor):
    results = list(executor.starmap(jobs.divide, [(1, 1), (1, 0), (1, 2)]))
    assert results[::2] == [1, 0.5]
    line = next(
        number
        for number, text in enumerate(Path(jobs.__file__).read_text().splitlines(), 1)
        if "return one / other" in text
    )
    where = f"{jobs.__file__}:{line}"
    assert results[1] == Failure("raised", where, "ZeroDivisionError: division by zero")


def test_wrong_arguments_are_a_failure_named_after_the_function(executor):
    (failure,) = executor.starmap(jobs.divide, [(1,)])
    assert (failure.kind, failure.where) == ("raised", "executor_jobs.divide")
    assert "missing 1 required positional argument: 'other'" in failure.why


def test_exceptions_that_cannot_be_sent_or_said_cost_only_their_item(executor):
    results = list(executor.starmap(jobs.raise_oddly, [(n,) for n in range(5)]))
    assert [results[0], results[4]] == [0, 4]
    assert [failure.kind for failure in results[1:4]] == ["raised"] * 3
    assert results[1].why == "UnpicklableError: cannot be sent"
    assert results[2].why == "UnspeakableError: its message cannot be read (RuntimeError)"
    assert results[3].why == "NeedsTwoError: this and that"


def test_sys_exit_is_a_failure_and_no_exit(executor):
    results = list(executor.starmap(jobs.leave_politely, [(n,) for n in range(5)]))
    assert results[:3] + results[4:] == [0, 1, 2, 4]
    assert (results[3].kind, results[3].why) == ("raised", "SystemExit: I would rather not")


@in_other_processes
def test_results_that_cannot_be_sent_cost_only_their_item(executor):
    results = list(executor.starmap(jobs.return_oddly, [(n,) for n in range(5)]))
    assert [results[0], results[4]] == [0, 4]
    assert [failure.kind for failure in results[1:4]] == ["unpicklable"] * 3
    assert "its result cannot be pickled" in results[1].why
    assert "cannot pickle '_thread.lock' object" in results[2].why
    assert "its result cannot be unpickled: TypeError" in results[3].why
    assert {failure.where for failure in results[1:4]} == {"executor_jobs.return_oddly"}


@in_other_processes
def test_arguments_that_cannot_be_sent_cost_only_their_item(executor):
    arguments = [(0,), (threading.Lock(),), (2,), (jobs.BreaksOnArrival("raise"),), (4,)]
    results = list(executor.starmap(jobs.echo, arguments))
    assert results[::2] == [0, 2, 4]
    assert [results[1].kind, results[3].kind] == ["unpicklable", "unpicklable"]
    assert "its arguments cannot be pickled: TypeError: cannot pickle" in results[1].why
    assert results[3].why == "its arguments cannot be unpickled: ValueError: broken on arrival"


@in_other_processes
def test_arguments_that_kill_whoever_unpickles_them_cost_only_their_item(executor):
    results = list(executor.starmap(jobs.echo, [(0,), (jobs.BreaksOnArrival("exit"),), (2,)]))
    assert results[::2] == [0, 2]
    why = "its worker ended with exit code 7, twice"
    assert results[1] == Failure("died", "executor_jobs.echo", why)


@in_other_processes
def test_a_function_that_cannot_be_imported_is_refused_with_advice(executor):
    with pytest.raises(PipelineError, match="top level of a module"):
        executor.starmap(lambda value: value, [(1,)])


@in_other_processes
def test_a_function_that_workers_do_not_find_fails_every_item(executor, monkeypatch):
    def vanished(value):
        return value

    vanished.__qualname__ = "vanished"
    monkeypatch.setattr(jobs, "vanished", vanished, raising=False)
    vanished.__module__ = "executor_jobs"
    first, second = executor.starmap(vanished, [(1,), (2,)])
    assert first == second
    assert (first.kind, first.where) == ("unpicklable", "executor_jobs.vanished")
    assert "a worker cannot import it: AttributeError: Can't get attribute" in first.why


@in_other_processes
@needs_signals
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("SIGKILL", "killed by SIGKILL, twice"),
        ("exit", "its worker ended with exit code 3, twice"),
        ("segfault", "killed by SIGSEGV, twice"),
    ],
)
def test_an_item_that_kills_its_worker_costs_only_itself(executor, how, why):
    results = list(executor.starmap(jobs.crash_at, [(n, 7, how) for n in range(20)]))
    assert results.pop(7) == Failure("died", "executor_jobs.crash_at", why)
    assert results == [n for n in range(20) if n != 7]


@needs_signals
def test_items_that_all_kill_their_workers_are_all_told(pool):
    results = list(pool.starmap(jobs.crash, [("exit",)] * 6))
    why = "its worker ended with exit code 3, twice"
    assert results == [Failure("died", "executor_jobs.crash", why)] * 6


def test_an_item_that_sleeps_costs_only_itself(executor):
    executor.timeout = 0.5
    began = time.monotonic()
    results = list(executor.starmap(jobs.crash_at, [(n, 7, "sleep") for n in range(20)]))
    assert time.monotonic() - began < 10
    why = "no result after 0.5 s, twice"
    assert results.pop(7) == Failure("timed_out", "executor_jobs.crash_at", why)
    assert results == [n for n in range(20) if n != 7]


@in_other_processes
@needs_signals
def test_an_item_that_never_lets_go_of_the_interpreter_is_ended_too(executor):
    executor.timeout = 0.5
    results = list(executor.starmap(jobs.crash_at, [(n, 3, "hold the GIL") for n in range(6)]))
    assert results.pop(3).kind == "timed_out"
    assert results == [0, 1, 2, 4, 5]


def test_the_limit_is_for_one_item_and_not_for_all(executor):
    executor.timeout = 0.5
    arguments = [(0.1, value) for value in range(16)]
    assert list(executor.starmap(jobs.square_after, arguments)) == [n * n for n in range(16)]


@in_other_processes
@needs_signals
@pytest.mark.parametrize("how", ["SIGKILL", "exit", "sleep"])
def test_an_item_that_fails_by_bad_luck_gets_a_second_chance(executor, tmp_path, how):
    executor.timeout = 1.0
    arguments = [(str(tmp_path / "other"), "nothing"), (str(tmp_path / "marker"), how)]
    assert list(executor.starmap(jobs.crash_once, arguments)) == ["second time lucky"] * 2


@in_other_processes
@needs_signals
def test_a_worker_killed_from_outside_costs_nothing(executor):
    results = executor.starmap(jobs.process_id, [(0.05,)] * 30)
    received = [next(results)]
    os.kill(received[0], signal.SIGKILL)
    received += results
    assert all(isinstance(process, int) for process in received)
    assert received.count(received[0]) < 30, "somebody else took over"


@in_other_processes
def test_after_an_abandoned_iteration_the_next_one_works(executor):
    endless = executor.starmap(jobs.square_after, ((0.01, n) for n in itertools.count()))
    assert next(endless) == 0
    endless.close()
    assert list(executor.starmap(jobs.square, [(5,)])) == [25]


def test_an_error_of_the_arguments_themselves_is_the_callers(executor):
    def arguments():
        yield (1,)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(executor.starmap(jobs.square, arguments()))
    assert list(executor.starmap(jobs.square, [(5,)])) == [25]


@in_other_processes
def test_workers_compute_with_one_thread_each(executor):
    (threads,) = executor.starmap(jobs.blas_threads, [()])
    assert threads
    assert set(threads) == {1}
