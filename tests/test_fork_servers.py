"""The fork servers that workers come from: one a preload, loaded beforehand, waited for in vain.

What a thread that waits for one may not do to others, and who ends it.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

import executor_jobs as jobs
import pytest
from executor_watch import is_alive, needs_signals, start_script, wait_until

from pipeline.errors import PipelineError
from pipeline.executors import open_executor, processes, usable_cores
from pipeline.executors.pool import PoolExecutor

#: So long `slow_to_load` takes, so that a busy machine is not taken for one that waits for it.
SLOW_SECONDS = 4


@pytest.fixture
def slow_to_load(tmp_path, monkeypatch):
    """Return the name of a module that takes seconds to load, and that nobody has loaded."""
    name = f"slow_to_load_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(f"import time\ntime.sleep({SLOW_SECONDS})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_who_needs_little_does_not_wait_for_what_others_load(slow_to_load):
    with (
        open_executor("pool", workers=1, preload=[slow_to_load]) as heavy,
        open_executor("pool", workers=1, preload=["executor_jobs"]) as light,
    ):
        heavy.prepare()
        began = time.monotonic()
        assert list(light.starmap(jobs.square, [(3,)])) == [9]
        assert time.monotonic() - began < SLOW_SECONDS - 1
        assert list(heavy.starmap(jobs.square, [(4,)])) == [16]


def test_what_was_prepared_is_there_when_it_is_needed(slow_to_load):
    with open_executor("pool", workers=2, preload=[slow_to_load, "executor_jobs"]) as pool:
        began = time.monotonic()
        pool.prepare()
        assert time.monotonic() - began < 1, "in the background"
        assert not pool.staff
        time.sleep(SLOW_SECONDS + 1)
        began = time.monotonic()
        assert list(pool.starmap(jobs.square, [(3,), (4,)])) == [9, 16]
        assert time.monotonic() - began < SLOW_SECONDS - 1


def test_nobody_notices_that_another_thread_waits_for_a_worker(slow_to_load):
    """Neither other pools nor what this process loads meanwhile, which may look at its threads."""
    environment = dict(os.environ)
    with (
        open_executor("pool", workers=1, preload=[slow_to_load]) as heavy,
        open_executor("pool", workers=1, preload=["executor_jobs"]) as light,
    ):
        found: list[int] = []
        waiting = threading.Thread(target=lambda: found.extend(heavy.starmap(jobs.square, [(4,)])))
        began = time.monotonic()
        waiting.start()
        time.sleep(0.5)  # by now it waits
        assert list(light.starmap(jobs.square, [(3,)])) == [9]
        assert dict(os.environ) == environment
        assert time.monotonic() - began < SLOW_SECONDS - 1
        assert not found
        waiting.join()
        assert found == [16]


@needs_signals
def test_who_waits_for_a_worker_can_be_interrupted(slow_to_load):
    with open_executor("pool", workers=1, preload=[slow_to_load]) as pool:
        ended: list[BaseException] = []

        def ask() -> None:
            try:
                list(pool.starmap(jobs.square, [(4,)]))
            except BaseException as error:
                ended.append(error)

        server = processes.fork_server(pool.preload)
        waiting = threading.Thread(target=ask)
        waiting.start()
        assert wait_until(lambda: server._forkserver_pid, 30)
        began = time.monotonic()
        pool.interrupt()
        waiting.join()
        assert time.monotonic() - began < SLOW_SECONDS - 1
        assert ended


def assert_ends_without_a_server(pool: PoolExecutor) -> None:
    """What a pool that is interrupted on its way to a worker does at once."""
    server = server_of(pool)
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="closed"):
        list(pool.starmap(jobs.square, [(4,)]))
    assert time.monotonic() - began < SLOW_SECONDS - 1
    assert wait_until(lambda: not is_alive(server._forkserver_pid), 10)


def server_of(pool: PoolExecutor) -> Any:
    if not processes._has_forkserver():
        pytest.skip("workers are spawned")
    return processes.fork_server(pool.preload)


def test_who_is_interrupted_before_it_asks_for_a_worker_does_not_ask(slow_to_load, monkeypatch):
    """Asking would start a server in the place of the one that is killed."""
    with PoolExecutor(workers=1, preload=[slow_to_load]) as pool:
        prepare = processes.prepare

        def interrupted(preload: Sequence[str]) -> None:
            prepare(preload)
            pool.interrupt()

        monkeypatch.setattr(processes, "prepare", interrupted)
        assert_ends_without_a_server(pool)


def test_who_is_interrupted_as_it_asks_does_not_wait_for_the_next_server(slow_to_load, monkeypatch):
    with PoolExecutor(workers=1, preload=[slow_to_load]) as pool:
        server = server_of(pool)
        ask = server.connect_to_new_process

        def interrupted(fds: Any) -> Any:
            pool.interrupt()
            assert wait_until(lambda: not is_alive(server._forkserver_pid), 10)
            return ask(fds)

        monkeypatch.setattr(server, "connect_to_new_process", interrupted)
        assert_ends_without_a_server(pool)


def test_what_is_never_loaded_is_not_waited_for_for_ever(slow_to_load, monkeypatch):
    monkeypatch.setattr(processes, "START_SECONDS", 0.5)
    with open_executor("pool", workers=1, preload=[slow_to_load]) as pool:
        if not processes._has_forkserver():
            pytest.skip("workers are spawned")
        with pytest.raises(PipelineError, match=r"slow_to_load\w+ not loaded after 0\.5 s"):
            list(pool.starmap(jobs.square, [(4,)]))


@pytest.mark.parametrize("kind", ["serial", "pool"])
def test_preparing_is_never_needed_and_never_harms(kind):
    with open_executor(kind, workers=1) as executor:
        executor.prepare()
        executor.prepare()
        assert list(executor.starmap(jobs.square, [(3,)])) == [9]
        executor.prepare()


def test_serial_loads_what_it_is_told_before_the_time_of_its_first_item(tmp_path, monkeypatch):
    (tmp_path / "loaded_by_serial.py").write_text("import time\ntime.sleep(0.6)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with open_executor("serial", timeout=0.3, preload=["loaded_by_serial"]) as serial:
        assert list(serial.starmap(jobs.square, [(3,)])) == [9]
    assert "loaded_by_serial" in sys.modules


def test_workers_look_for_garbage_but_not_among_what_was_loaded_before_them():
    with open_executor("pool", workers=2) as pool:
        assert [*pool.starmap(jobs.garbage, [()])] == [(True, True)]
    assert jobs.garbage()[0], "nothing has changed here"


def test_a_fork_server_of_somebody_else_goes_on_as_it_was(tmp_path):
    body = """
    import multiprocessing
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["executor_jobs"])
    with context.Pool(1) as theirs, open_executor("pool", workers=1) as ours:
        print(theirs.apply(jobs.square, (3,)))
        print(list(ours.starmap(jobs.square, [(4,)])))
        parents = {theirs.apply(os.getppid), *ours.starmap(os.getppid, [()])}
        print(len(parents), theirs.apply(jobs.square, (5,)))
    with context.Pool(1) as new:
        print(new.apply(os.getppid) in parents)
    """
    output, errors = start_script(tmp_path, body).communicate(timeout=60)
    assert (output.split("\n"), errors) == (["9", "[16]", "2 25", "True", ""], "")


def test_a_daemon_may_start_workers_in_several_threads_and_stays_one(monkeypatch):
    config = multiprocessing.current_process()._config
    monkeypatch.setitem(config, "daemon", True)
    first, second = processes._may_have_children(), processes._may_have_children()
    with first:
        second.__enter__()
    assert not config["daemon"], "the second is still about it"
    second.__exit__(None, None, None)
    assert config["daemon"]


# One thread a worker -----------------------------------------------------------------------


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
