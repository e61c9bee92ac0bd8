"""The promises of starmap, on every executor: in order, nothing lost, never hanging.

The crashes are real: workers are killed, exit, fault, sleep and hold the interpreter.
"""

from __future__ import annotations

import functools
import itertools
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import executor_jobs as jobs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.executors import Executor, Failure, open_executor, processes, usable_cores
from pipeline.executors import dask as dask_executor
from pipeline.executors import pool as pool_executor

TESTS = Path(__file__).parent
in_other_processes = pytest.mark.parametrize("shared_executor", ["pool", "dask"], indirect=True)
needs_signals = pytest.mark.skipif(os.name != "posix", reason="kills with signals")


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


def is_alive(process: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent to notice does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


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
    assert executor.workers == (1 if isinstance(executor, type(open_executor("serial"))) else 2)


def test_all_usable_cores_unless_told_otherwise():
    assert open_executor().workers == usable_cores() >= 1


def test_workers_stay_for_the_next_call(pool):
    first = set(pool.starmap(jobs.process_id, [(0.02,)] * 10))
    assert set(pool.starmap(jobs.process_id, [(0.02,)] * 10)) == first
    assert len(first) == 2
    assert os.getpid() not in first


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


def test_imports_do_not_count_as_time_of_an_item(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text(
        "import time\nif __name__ != '__main__':\n    time.sleep(1)\n"
        "def triple(value):\n    return 3 * value\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import slow_to_import

    with pool_executor.PoolExecutor(workers=1, timeout=0.5) as pool:
        assert list(pool.starmap(slow_to_import.triple, [(1,), (2,)])) == [3, 6]


def test_a_slow_consumer_is_not_held_against_the_items(pool):
    pool.timeout = 0.3
    results = pool.starmap(jobs.square_after, [(0.05, value) for value in range(12)])
    received = [next(results)]
    time.sleep(1)
    received += results
    assert received == [n * n for n in range(12)]


@in_other_processes
@needs_signals
@pytest.mark.parametrize("how", ["SIGKILL", "exit", "sleep"])
def test_an_item_that_fails_by_bad_luck_gets_a_second_chance(executor, tmp_path, how):
    executor.timeout = 1.0
    arguments = [(str(tmp_path / "other"), "nothing"), (str(tmp_path / "marker"), how)]
    assert list(executor.starmap(jobs.crash_once, arguments)) == ["second time lucky"] * 2


def test_serial_gives_a_slow_item_a_second_chance_too(tmp_path):
    with open_executor("serial", timeout=0.3) as serial:
        results = serial.starmap(jobs.crash_once, [(str(tmp_path / "marker"), "sleep")])
        assert list(results) == ["second time lucky"]


@in_other_processes
@needs_signals
def test_a_worker_killed_from_outside_costs_nothing(executor):
    results = executor.starmap(jobs.process_id, [(0.05,)] * 30)
    received = [next(results)]
    os.kill(received[0], signal.SIGKILL)
    received += results
    assert all(isinstance(process, int) for process in received)
    assert received.count(received[0]) < 30, "somebody else took over"


@needs_signals
def test_an_idle_worker_killed_from_outside_is_replaced(pool):
    for victim in set(pool.starmap(jobs.process_id, [(0.02,)] * 6)):
        os.kill(victim, signal.SIGKILL)
    assert list(pool.starmap(jobs.square, [(n,) for n in range(6)])) == [0, 1, 4, 9, 16, 25]


@needs_signals
def test_a_dead_fork_server_costs_nothing(pool):
    results = pool.starmap(jobs.square_after, [(0.05, n) for n in range(20)])
    received = [next(results)]
    if (server := processes._forkserver_pid()) is None:
        pytest.skip("workers were spawned")
    os.kill(server, signal.SIGKILL)
    received += results
    assert received == [n * n for n in range(20)]


@needs_signals
def test_a_worker_that_stands_still_in_mid_message_is_given_up(monkeypatch):
    monkeypatch.setattr(processes, "TRANSFER_SECONDS", 1)

    def arguments():
        yield b"", 0.2
        time.sleep(0.6)  # by now the worker has answered and was stopped
        yield bytes(5_000_000), 0.0

    with pool_executor.PoolExecutor(workers=1, timeout=5) as pool:
        assert list(pool.starmap(jobs.stop_soon, arguments())) == [0, 5_000_000]


# Endings -----------------------------------------------------------------------------------


@needs_signals
@pytest.mark.parametrize("ending", ["close", "forget", "leave", "raise"])
def test_workers_end_when_the_iteration_does(tmp_path, ending):
    pool = pool_executor.PoolExecutor(workers=2)
    results = pool.starmap(jobs.note_and_sleep, ((str(tmp_path), n, n * 1.0) for n in range(50)))
    assert next(results) == 0
    assert wait_until(lambda: len(list(tmp_path.iterdir())) > 1)
    workers = {int(path.suffix[1:]) for path in tmp_path.iterdir()}
    began = time.monotonic()
    if ending == "close":
        results.close()
    elif ending == "forget":
        del results
    elif ending == "leave":
        pool.close()
        with pytest.raises(RuntimeError, match="closed"):
            list(results)
    else:
        with pytest.raises(KeyboardInterrupt):
            results.throw(KeyboardInterrupt)
    assert wait_until(lambda: not any(map(is_alive, workers)), 3)
    assert time.monotonic() - began < 3
    pool.close()


@in_other_processes
def test_after_an_abandoned_iteration_the_next_one_works(executor):
    endless = executor.starmap(jobs.square_after, ((0.01, n) for n in itertools.count()))
    assert next(endless) == 0
    endless.close()
    assert list(executor.starmap(jobs.square, [(5,)])) == [25]


def test_two_iterations_at_once_are_refused(pool):
    first = pool.starmap(jobs.square, [(1,), (2,)])
    assert next(first) == 1
    with pytest.raises(RuntimeError, match="the other iteration"):
        next(pool.starmap(jobs.square, [(3,)]))
    assert list(first) == [4]


def test_an_error_of_the_arguments_themselves_is_the_callers(executor):
    def arguments():
        yield (1,)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(executor.starmap(jobs.square, arguments()))
    assert list(executor.starmap(jobs.square, [(5,)])) == [25]


def test_a_closed_pool_says_so():
    pool = pool_executor.PoolExecutor(workers=1)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(pool.starmap(jobs.square, [(1,)]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "cluster"}, "unknown kind 'cluster', choose one of serial, pool, dask"),
        ({"workers": 0}, "0 workers"),
        ({"timeout": 0.0}, "timeout of 0.0 s"),
    ],
)
def test_senseless_options_are_refused(options, message):
    with pytest.raises(PipelineError, match=message):
        open_executor(**options)


@needs_signals
def test_serial_gives_back_the_alarm_of_others():
    struck = []
    handler = signal.signal(signal.SIGALRM, lambda *_: struck.append(True))
    timer = signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with open_executor("serial", timeout=5) as serial:
            assert list(serial.starmap(jobs.square_after, [(0.1, 3)])) == [9]
        assert not struck
        assert wait_until(lambda: bool(struck), 3)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def test_serial_works_in_a_thread_without_a_limit():
    results = []

    def run():
        with open_executor("serial", timeout=0.05) as serial:
            results.extend(serial.starmap(jobs.square_after, [(0.2, 3)]))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert results == [9]


# Whole programs ----------------------------------------------------------------------------


def start_script(folder: Path, body: str, *, guard: bool = True) -> subprocess.Popen:
    """Run a script of a user's, with the package and the jobs at hand."""
    head = "import os, signal, sys, time\nimport executor_jobs as jobs\n"
    head += "from pipeline.executors import open_executor\n"
    body = textwrap.dedent(body)
    if guard:
        body = "if __name__ == '__main__':\n" + textwrap.indent(body, "    ")
    script = folder / "script.py"
    script.write_text(head + body)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(TESTS), str(TESTS.parent)]))
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=folder,
    )


ENDLESS = """
with open_executor("pool", workers=2) as pool:
    print(*pool.starmap(jobs.process_id, [(0.1,)] * 4), flush=True)
    list(pool.starmap(time.sleep, [(60,), (60,)]))
"""


@needs_signals
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_leave_when_their_parent_does(tmp_path, how):
    program = start_script(tmp_path, ENDLESS)
    workers = {int(word) for word in program.stdout.readline().split()}
    assert len(workers) == 2
    time.sleep(0.2)  # now they sleep, each in its item
    program.send_signal(how)
    _, errors = program.communicate(timeout=10)
    assert program.returncode == -how
    assert errors.count("Traceback") == (1 if how == signal.SIGINT else 0)
    assert wait_until(lambda: not any(map(is_alive, workers)), 5)


def test_a_script_without_main_guard_ends_with_advice(tmp_path):
    body = """
    with open_executor("pool", workers=2) as pool:
        print(list(pool.starmap(jobs.square, [(2,), (3,)])))
    """
    output, errors = start_script(tmp_path, body, guard=False).communicate(timeout=30)
    assert output == ""
    assert "worker processes do not start: 3 in a row" in errors
    assert '`if __name__ == "__main__":`' in errors


def test_a_preload_that_cannot_be_imported_is_told(tmp_path):
    body = """
    with open_executor("pool", workers=1, preload=["no_such_module"]) as pool:
        print(list(pool.starmap(jobs.square, [(1,)])))
    """
    output, errors = start_script(tmp_path, body).communicate(timeout=30)
    assert output == ""
    assert "No module named 'no_such_module'" in errors
    assert "Workers print the cause above" in errors


def test_a_normal_run_leaves_no_word_on_the_terminal(tmp_path):
    body = """
    for kind in ("serial", "pool", "dask"):
        with open_executor(kind, workers=2) as executor:
            print(list(executor.starmap(jobs.square, [(2,), (3,)])))
    """
    program = start_script(tmp_path, body)
    assert program.communicate(timeout=60) == ("[4, 9]\n" * 3, "")
    assert program.returncode == 0


def test_what_an_item_prints_is_not_lost(tmp_path):
    body = """
    with open_executor("pool", workers=1) as pool:
        list(pool.starmap(print, [("printed by a worker",)]))
    """
    assert start_script(tmp_path, body).communicate(timeout=30) == ("printed by a worker\n", "")


# One thread a worker -----------------------------------------------------------------------


@in_other_processes
def test_workers_compute_with_one_thread_each(executor):
    (threads,) = executor.starmap(jobs.blas_threads, [()])
    assert threads
    assert set(threads) == {1}


@pytest.mark.skipif(usable_cores() < 2, reason="one core has no libraries with many threads")
def test_one_thread_also_with_a_fork_server_that_others_started_with_many(tmp_path):
    body = """
    import multiprocessing
    for name in list(os.environ):
        if name.endswith("_NUM_THREADS"):
            del os.environ[name]
    os.environ["OMP_NUM_THREADS"] = "3"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["numpy", "scipy.linalg"])
    with context.Pool(1) as theirs:
        print(set(theirs.apply(jobs.blas_threads)))
    with open_executor("pool", workers=2) as pool:
        print({n for threads in pool.starmap(jobs.blas_threads, [()] * 6) for n in threads})
        print(len(pool.staff))
    print({name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")})
    """
    output, errors = start_script(tmp_path, body).communicate(timeout=60)
    assert errors == ""
    theirs, ours, workers, environment = output.splitlines()
    assert theirs != "{1}", "the other fork server has many threads, or this shows nothing"
    assert (ours, workers) == ("{1}", "2")
    assert environment == "{'OMP_NUM_THREADS': '3'}", "ours is as it was"


# Dask --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[dask_executor.DaskExecutor]:
    with dask_executor.DaskExecutor(workers=2, timeout=30) as executor:
        yield executor


@needs_signals
def test_a_dask_worker_killed_from_outside_costs_nothing(cluster, caplog):
    caplog.set_level(logging.CRITICAL, logger="distributed")
    results = cluster.starmap(jobs.square_after, [(0.05, n) for n in range(30)])
    received = [next(results)]
    os.kill(next(iter(cluster._client.run(os.getpid).values())), signal.SIGKILL)
    received += results
    assert received == [n * n for n in range(30)]


@needs_signals
def test_an_item_whose_dask_workers_are_all_lost_is_a_failure(cluster, caplog):
    caplog.set_level(logging.CRITICAL, logger="distributed")
    cluster._cluster.scheduler.allowed_failures = 0
    results = list(cluster.starmap(jobs.kill_dask_worker, [(n, n == 2) for n in range(6)]))
    cluster._cluster.scheduler.allowed_failures = 3
    failure = results.pop(2)
    assert (failure.kind, failure.where) == ("died", "executor_jobs.kill_dask_worker")
    assert "no result from Dask, KilledWorker" in failure.why
    assert results == [0, 1, 3, 4, 5]


def test_children_of_dask_workers_end_with_the_executor(cluster):
    with dask_executor.DaskExecutor(address=cluster._client.scheduler.address) as other:
        children = set(other.starmap(jobs.process_id, [(0.05,)] * 6))
        assert all(map(is_alive, children))
    assert wait_until(lambda: not any(map(is_alive, children)), 5)
    assert list(cluster.starmap(jobs.square, [(4,)])) == [16], "the cluster itself goes on"


def test_an_address_without_a_scheduler_is_told(monkeypatch):
    monkeypatch.setattr(dask_executor, "START_SECONDS", 1.0)
    with pytest.raises(PipelineError, match="no Dask scheduler answers at tcp"):
        open_executor("dask", address="tcp://127.0.0.1:9")


def test_a_cluster_without_workers_is_told(monkeypatch):
    import distributed

    monkeypatch.setattr(dask_executor, "START_SECONDS", 1.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(PipelineError, match="has had no worker for 1 s"),
    ):
        open_executor("dask", address=empty.scheduler_address)


def test_a_cluster_that_loses_all_its_workers_is_told(monkeypatch):
    import distributed

    monkeypatch.setattr(dask_executor, "START_SECONDS", 2.0)
    monkeypatch.setattr(dask_executor, "PATROL_SECONDS", 0.5)
    with (
        distributed.LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0") as shrinking,
        open_executor("dask", address=shrinking.scheduler_address) as executor,
    ):
        results = executor.starmap(jobs.square_after, [(0.05, n) for n in range(100)])
        assert next(results) == 0
        shrinking.scale(0)
        with pytest.raises(PipelineError, match="has had no worker for 2 s"):
            list(results)
