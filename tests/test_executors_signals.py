"""Signals to a whole run: the main process decides, and nothing is left behind, however it ends.

A terminal (Ctrl-C) and systemd send theirs to every process of a run; so do these tests.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from subprocess import Popen

import executor_jobs as jobs
import pytest
from executor_watch import living, needs_signals, start_script, wait_until, zombies

from pipeline.executors import open_executor, processes

pytestmark = needs_signals

DEAF = """
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: None)
"""
TO_ALL = """
import os, signal
for number in (signal.SIGINT, signal.SIGTERM):
    os.killpg(0, number)
"""
BUSY = """
with open_executor("pool", workers=2) as pool:
    print(*pool.starmap(jobs.process_id, [(0.1,)] * 4), flush=True)
    list(pool.starmap(jobs.note_and_crash, [("{folder}", n, "{how}") for n in range(2)]))
"""


def busy(folder: Path, how: str) -> Popen:
    """Start a script whose two workers are both in the middle of an endless item."""
    notes = folder / "notes"
    notes.mkdir()
    program = start_script(folder, BUSY.format(folder=notes, how=how))
    assert wait_until(lambda: len(list(notes.iterdir())) == 2)
    assert len(living(program.pid)) >= 4, "main process, resource tracker, fork server, workers"
    return program


@pytest.mark.parametrize("kind", ["pool", "dask"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_costs_no_item(tmp_path, kind, number):
    body = f"""
    {DEAF.replace(chr(10), chr(10) + "    ")}
    with open_executor("{kind}", workers=2) as executor:
        results = executor.starmap(jobs.process_id, [(0.05,)] * 30)
        first = next(results)
        print("begun", flush=True)
        print(len({{first, *results}}))
    """
    program = start_script(tmp_path, body)
    assert program.stdout.readline() == "begun\n"
    os.killpg(program.pid, number)
    assert program.communicate(timeout=60) == ("2\n", ""), "the same two workers did it all"
    assert program.returncode == 0


def test_a_signal_while_the_fork_server_starts_costs_nothing(tmp_path):
    (tmp_path / "signalling.py").write_text(TO_ALL)
    body = f"""
    {DEAF.replace(chr(10), chr(10) + "    ")}
    with open_executor("pool", workers=2, preload=["signalling"]) as pool:
        print(list(pool.starmap(jobs.square, [(2,), (3,)])))
    """
    program = start_script(tmp_path, body)
    assert program.communicate(timeout=30) == ("[4, 9]\n", "")


def test_a_signal_while_workers_start_costs_nothing(tmp_path):
    top = "if __name__ == '__mp_main__':" + TO_ALL.replace("\n", "\n    ") + "\n"
    body = f"""
    {DEAF.replace(chr(10), chr(10) + "    ")}
    with open_executor("pool", workers=2) as pool:
        print(list(pool.starmap(jobs.square, [(2,), (3,)])))
    """
    program = start_script(tmp_path, body, top=top)
    assert program.communicate(timeout=30) == ("[4, 9]\n", "")


def test_the_main_process_gets_its_signals_as_before():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with open_executor("pool", workers=1) as pool:
        assert list(pool.starmap(jobs.square, [(2,)])) == [4]
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


@pytest.mark.parametrize("how", ["sleep", "hold the GIL"])
def test_an_interrupt_ends_busy_workers_at_once_and_without_a_word(tmp_path, how):
    program = busy(tmp_path, how)
    began = time.monotonic()
    os.killpg(program.pid, signal.SIGINT)
    _, errors = program.communicate(timeout=10)
    assert program.returncode == -signal.SIGINT
    assert errors.count("Traceback") == 1, "that of the main process"
    assert wait_until(lambda: not living(program.pid), 3)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("how", ["sleep", "hold the GIL"])
def test_workers_leave_when_the_main_process_is_killed(tmp_path, how):
    program = busy(tmp_path, how)
    program.kill()
    assert program.communicate(timeout=10)[1] == ""
    assert wait_until(lambda: not living(program.pid), 5)


def test_a_group_that_is_killed_had_nothing_that_could_be_left_behind(tmp_path):
    program = busy(tmp_path, "sleep")
    everybody = living(program.pid)
    maps = [Path(f"/proc/{process}/maps").read_text() for process in everybody]
    os.killpg(program.pid, signal.SIGKILL)
    program.communicate(timeout=10)
    assert wait_until(lambda: not living(program.pid), 3)
    assert not [text for text in maps if "/dev/shm" in text]


def test_workers_that_died_leave_no_zombies():
    with open_executor("pool", workers=2) as pool:
        list(pool.starmap(jobs.crash, [("SIGKILL",)] * 3))
        server = processes.fork_server(pool.preload)._forkserver_pid or os.getpid()
        assert wait_until(lambda: not zombies(server), 3)


def test_a_script_that_forgets_to_close_ends_all_the_same(tmp_path):
    body = """
    idle, busy = open_executor("pool", workers=1), open_executor("pool", workers=2)
    print(list(idle.starmap(jobs.square, [(2,)])), flush=True)
    results = busy.starmap(jobs.square_after, [(0.0, 3), (60.0, 4)])
    print(next(results), flush=True)
    """
    program = start_script(tmp_path, body)
    began = time.monotonic()
    assert program.communicate(timeout=30) == ("[4]\n9\n", "")
    assert time.monotonic() - began < 15
    assert wait_until(lambda: not living(program.pid), 3)
