"""One run at a time for each output: who is let in, who is sent away, and what they are told."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from pipeline import lock
from pipeline.errors import DiskError, LockedError
from pipeline.lock import Owner, only_run, owner

HOLD = """
from pathlib import Path
from pipeline.lock import only_run
with only_run(Path("season.nc")):
    print("held", flush=True)
    input()
"""

#: Not `fork`, as everywhere: the child of a fork server, as the workers of a run are.
HOLD_WITH_A_CHILD = """
import multiprocessing, time
from pathlib import Path
from pipeline.lock import only_run
if __name__ == "__main__":
    with only_run(Path("season.nc")):
        child = multiprocessing.get_context("forkserver").Process(target=time.sleep, args=(60,))
        child.start()
        print(child.pid, flush=True)
        child.join()
"""

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "season.nc"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start scripts in the folder of the output; they are gone after the test."""
    started = []

    def starts(script: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", textwrap.dedent(script)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=tmp_path, text=True, stdin=pipe, stdout=pipe)
        started.append(process)
        return process

    yield starts
    for process in started:
        process.kill()
        process.communicate()


def lock_file(output: Path) -> Path:
    return output.with_name(f".{output.name}.lock")


def owner_file(output: Path) -> Path:
    return output.with_name(f".{output.name}.owner")


def refusal(output: Path) -> str:
    """Return what a run is told that does not get the output."""
    with pytest.raises(LockedError) as caught, only_run(output):
        pytest.fail("two runs have one output")
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_a_second_run_is_told_who_has_the_output(output, start):
    process = start(HOLD)
    assert process.stdout.readline() == "held\n"
    told = refusal(output)
    assert told.startswith(f"{output}: another run has it: process {process.pid} of ")
    assert f" on {socket.gethostname()} since " in told
    assert re.search(r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(", told)
    assert sys.executable in told
    assert told.endswith("; wait for it, or end it: it can be resumed")
    assert "\n" not in told  # though the command line of this one has many


def test_an_output_is_free_after_a_run(output):
    with only_run(output):
        assert owner(output) is not None
    assert owner(output) is None
    assert not owner_file(output).exists()
    with only_run(output):
        pass


def test_an_output_is_free_after_a_run_that_failed(output):
    with pytest.raises(ZeroDivisionError), only_run(output):
        raise ZeroDivisionError
    assert owner(output) is None
    with only_run(output):
        pass


def test_an_output_is_free_at_once_when_its_run_is_killed(output, start):
    process = start(HOLD)
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.wait()
    assert owner_file(output).exists()  # nobody was left to remove it
    assert owner(output) is None
    with only_run(output):
        assert owner(output).process == os.getpid()


@pytest.mark.skipif(os.name != "posix", reason="has a fork server")
def test_a_worker_that_outlives_its_run_does_not_hold_the_output(output, start):
    process = start(HOLD_WITH_A_CHILD)
    child = int(process.stdout.readline())
    try:
        assert str(process.pid) in refusal(output)
        process.kill()
        process.wait()
        os.kill(child, 0)  # still there
        with only_run(output):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


def test_of_runs_that_start_together_exactly_one_gets_the_output(start):
    script = """
    from pathlib import Path
    from pipeline.errors import LockedError
    from pipeline.lock import only_run
    input()
    try:
        with only_run(Path("season.nc")):
            print("got it", flush=True)
            input()
    except LockedError:
        print("sent away", flush=True)
    """
    processes = [start(script) for _ in range(4)]
    for process in processes:
        print(file=process.stdin, flush=True)
    answers = [process.stdout.readline().strip() for process in processes]
    assert sorted(answers) == ["got it", "sent away", "sent away", "sent away"]


def test_two_runs_in_one_process_exclude_each_other(output):
    told = []
    with only_run(output):
        told.append(refusal(output))
        thread = threading.Thread(target=lambda: told.append(refusal(output)))
        thread.start()
        thread.join()
    assert len(told) == 2
    assert all(f"process {os.getpid()} of" in line for line in told)


def test_other_outputs_of_the_folder_are_not_held(output):
    other = output.with_name("other.nc")
    with only_run(output), only_run(other):
        assert owner(output).process == owner(other).process == os.getpid()


def test_links_to_one_file_share_its_lock(tmp_path, output):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "latest.nc"
    link.symlink_to(output)
    with only_run(link):
        assert "another run has it" in refusal(output)
        assert lock_file(output).exists()
    assert os.listdir(link.parent) == ["latest.nc"]


def test_the_folder_is_made(output):
    deep = output.parent / "new" / "folder" / "season.nc"
    with only_run(deep):
        assert deep.parent.is_dir()


def test_the_lock_file_stays_and_anyone_may_take_it_over(output):
    """Removed on release, it would let in a second run beside one that has just opened it."""
    with only_run(output):
        before = lock_file(output).stat()
    assert lock_file(output).stat().st_ino == before.st_ino
    assert before.st_mode & 0o777 == 0o666
    assert os.listdir(output.parent) == [lock_file(output).name]


RECORD = Owner("ws12", 4711, "2026-11-22T02:30:00Z", "me", "python -m pipeline run a.yaml")


def written(**changes: object) -> bytes:
    return json.dumps(vars(RECORD) | changes).encode()


def ended_process() -> int:
    """Return the id of a process of this machine that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def held(output: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An output that is held by something that has not written down who it is."""
    monkeypatch.setattr(lock, "GRACE_SECONDS", 0.01)
    with FileLock(lock_file(output)):
        yield output


def test_the_message_in_full(held):
    owner_file(held).write_bytes(written())
    assert refusal(held) == (
        f"{held}: another run has it: process 4711 of me on ws12 since 2026-11-22T02:30:00Z "
        "(python -m pipeline run a.yaml); wait for it, or end it: it can be resumed"
    )


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        written()[:40],
        b"\xff\xfe\x00",
        b"[]",
        b"17",
        b'{"process": 5}',
        written(process=None),
        written(process=-1),
        written(process=10**30, host=socket.gethostname()),
        b"[" * 100_000,
    ],
    ids=lambda content: "missing" if content is None else content[:20].decode("latin-1"),
)
def test_a_run_is_sent_away_well_also_where_nobody_has_left_a_name(held, content):
    if content is not None:
        owner_file(held).write_bytes(content)
    assert refusal(held) == (
        f"{held}: another run has it: a process that has not left its name; "
        f"wait for it, or find it with: fuser {lock_file(held)}"
    )
    assert owner(held) == (None if content is None else Owner())


def test_nobody_is_told_to_end_a_process_that_is_no_more(held):
    owner_file(held).write_bytes(written(process=ended_process(), host=socket.gethostname()))
    assert "a process that has not left its name" in refusal(held)


def test_a_name_cannot_write_to_the_terminal_or_fill_it(held):
    command = "python \x1b[2J\n" + "x " * 5000 + "\udcff"
    owner_file(held).write_bytes(written(command=command))
    told = refusal(held)
    assert told.isprintable()
    assert len(told) < 600


def test_an_output_that_nobody_holds_has_no_owner_whatever_lies_around(output):
    assert owner(output) is None
    assert os.listdir(output.parent) == []  # asking makes nothing
    assert owner(output.parent / "no" / "such" / "folder.nc") is None
    owner_file(output).write_bytes(written())
    assert owner(output) is None
    lock_file(output).touch()
    assert owner(output) is None
    with only_run(output):
        assert owner(output).process == os.getpid()


def test_asking_who_has_it_leaves_a_run_undisturbed(output, start):
    process = start(HOLD)
    assert process.stdout.readline() == "held\n"
    record = owner_file(output).read_bytes()
    assert [owner(output).process for _ in range(3)] == [process.pid] * 3
    assert owner_file(output).read_bytes() == record
    assert str(process.pid) in refusal(output)


def test_a_run_that_starts_while_somebody_asks_is_let_in(output, monkeypatch):
    """To ask is to hold the lock for an instant, where a killed run has left its name."""
    monkeypatch.setattr(lock, "GRACE_SECONDS", 5)
    asking = FileLock(lock_file(output), thread_local=False)
    asking.acquire()
    answered = threading.Timer(0.05, asking.release)
    answered.start()
    with only_run(output):
        assert not asking.is_locked


def test_what_the_holder_wrote_is_believed_where_the_lock_cannot_be_asked(output, monkeypatch):
    def not_yours(*arguments: object, **options: object) -> None:
        raise PermissionError

    with only_run(output):
        monkeypatch.setattr(FileLock, "acquire", not_yours)
        assert owner(output).process == os.getpid()


def test_a_place_that_cannot_be_written_to_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DiskError) as caught, only_run(tmp_path / "file" / "season.nc"):
        pytest.fail("there is no such folder")
    assert caught.value.exit_code == 5
    told = str(caught.value)
    assert told.startswith(f"{tmp_path}/file/.season.nc.lock: cannot be written: ")
    assert "choose another place for the output" in told


def test_a_full_disk_is_said_and_leaves_nothing_held(output):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(DiskError) as caught, only_run(output):
            pytest.fail("its owner cannot have been written")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert re.search(r"make room \(\d+ bytes are free in ", str(caught.value))
    assert os.listdir(output.parent) == [lock_file(output).name]
    with only_run(output):
        pass


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_a_file_system_without_locks_is_refused(output, monkeypatch):
    """filelock would put a file there that a killed run leaves behind for ever."""
    fcntl = pytest.importorskip("fcntl")

    def no_such_call(*arguments: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", no_such_call)
    refused = pytest.raises(DiskError, match="its file system has no locks; choose another place")
    with refused, only_run(output):
        pytest.fail("without a lock")
