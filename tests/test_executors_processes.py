"""How the pool starts, keeps, replaces and ends its workers, and how serial keeps time.

Killed workers, killed parents and whole scripts of users, as they happen.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import executor_jobs as jobs
import pytest
from executor_watch import is_alive, needs_signals, start_script, wait_until

from pipeline.errors import PipelineError
from pipeline.executors import (
    open_executor,
    processes,
)
from pipeline.executors import pool as pool_executor


@pytest.fixture
def pool() -> Iterator[pool_executor.PoolExecutor]:
    with pool_executor.PoolExecutor(workers=2) as executor:
        yield executor


@needs_signals
def test_an_idle_worker_killed_from_outside_is_replaced(pool):
    for victim in set(pool.starmap(jobs.process_id, [(0.02,)] * 6)):
        os.kill(victim, signal.SIGKILL)
    assert list(pool.starmap(jobs.square, [(n,) for n in range(6)])) == [0, 1, 4, 9, 16, 25]


@needs_signals
def test_a_dead_fork_server_costs_nothing(pool):
    results = pool.starmap(jobs.square_after, [(0.05, n) for n in range(20)])
    received = [next(results)]
    if (server := processes.fork_server(pool.preload)._forkserver_pid) is None:
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


@needs_signals
def test_a_child_that_an_item_forks_answers_for_nobody(pool):
    assert list(pool.starmap(jobs.fork_and_run_on, [(n,) for n in range(40)])) == [*range(40)]


def test_workers_stay_for_the_next_call(pool):
    first = set(pool.starmap(jobs.process_id, [(0.02,)] * 10))
    assert set(pool.starmap(jobs.process_id, [(0.02,)] * 10)) == first
    assert len(first) == 2
    assert os.getpid() not in first


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


def test_serial_gives_a_slow_item_a_second_chance_too(tmp_path):
    with open_executor("serial", timeout=0.3) as serial:
        results = serial.starmap(jobs.crash_once, [(str(tmp_path / "marker"), "sleep")])
        assert list(results) == ["second time lucky"]


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


@needs_signals
def test_busy_workers_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(processes, "LEAVING_SECONDS", 60)
    with pool_executor.PoolExecutor(workers=2) as pool:
        results = pool.starmap(jobs.square_after, [(0.0, 3), (60.0, 4), (60.0, 5)])
        assert next(results) == 9
        began = time.monotonic()
        results.close()
        assert time.monotonic() - began < 30


def test_two_iterations_at_once_are_refused(pool):
    first = pool.starmap(jobs.square, [(1,), (2,)])
    assert next(first) == 1
    with pytest.raises(RuntimeError, match="the other iteration"):
        next(pool.starmap(jobs.square, [(3,)]))
    assert list(first) == [4]


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
        ({"memory": 0.0}, "memory of 0.0 GiB"),
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


@pytest.mark.parametrize("timeout", [1e7, 1e308])
@pytest.mark.parametrize("kind", ["serial", "pool"])
def test_a_limit_longer_than_the_system_can_wait_is_no_limit(kind, timeout):
    with open_executor(kind, workers=1, timeout=timeout) as executor:
        assert list(executor.starmap(jobs.square, [(3,)])) == [9]


@needs_signals
def test_serial_takes_its_alarm_back_also_where_that_strikes_at_once():
    struck = []
    timer = signal.setitimer(signal.ITIMER_REAL, 0.0)
    handler = signal.signal(signal.SIGALRM, lambda *_: struck.append(True))
    ours = signal.getsignal(signal.SIGALRM)
    try:
        with open_executor("serial", timeout=1e-6) as serial:
            for _ in range(200):  # it strikes anywhere, also while it is set and taken back
                list(serial.starmap(jobs.square, [(3,)]))
                assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
                assert signal.getsignal(signal.SIGALRM) is ours
        assert not struck
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


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
