"""Worker processes as their supervisor sees them: how they are started, asked and ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any

from pipeline.executors.worker import work

if TYPE_CHECKING:
    from multiprocessing.forkserver import ForkServer

#: Libraries read these once, when they are loaded. One thread a worker: as many workers as cores
#: with as many threads each only get in each other's way.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
#: A worker that stands still in the middle of a message is given up after so many seconds.
TRANSFER_SECONDS = 30
#: So long a worker may take to leave when asked to, before it is killed.
LEAVING_SECONDS = 2.0
#: What is not loaded and ready after so many seconds never will be; imports over a slow network
#: disk take long.
START_SECONDS = 120.0

WORKER_NAME = "pipeline-worker"

#: Held by the thread that starts something: what it changes for that is everybody's.
_start_lock = threading.Lock()
#: One entry for each process that is being started: whether this one was a daemon before. The
#: first one counts; the last to be done restores it.
_was_daemon: list[bool] = []
_daemon_lock = threading.Lock()


class Worker:
    """A worker process, started, with our end of its pipe and what it is doing.

    Attributes
    ----------
    ready : bool
        It has imported what it was last told to.
    swollen : bool
        It has had a MemoryError, and is of no more use.
    fresh : bool
        It has not worked on any item yet.
    items : collections.deque
        What it has not answered yet, the one in work first.
    clock : float
        Since when it does what it does now (``time.monotonic``), or a little later: the clock of
        an item starts when the answer before it is read.
    task : tuple of (bytes, str), optional
        The packed function it works with, and its name.
    """

    def __init__(
        self, preload: Sequence[str], memory: float | None, permit: Callable[[], None]
    ) -> None:
        self.ready = False
        self.swollen = False
        self.fresh = True
        self.items: deque[Any] = deque()
        self.task: tuple[bytes, str] | None = None
        self.process, self.pipe = _start(preload, memory, permit)
        self.clock = time.monotonic()

    @property
    def idle(self) -> bool:
        """Whether it waits for a message, and may therefore be sent one."""
        return self.ready and not self.items

    def send(self, message: tuple[bytes, str] | list[bytes]) -> None:
        """Send a task (to be imported) or a chunk of packed arguments (already in `items`)."""
        if isinstance(message, tuple):
            self.task, self.ready = message, False
        else:
            self.fresh = False
        self.pipe.send(message)
        self.clock = time.monotonic()

    def restart_clock(self) -> float:
        """Return the seconds since the clock was started, and start it again."""
        began, self.clock = self.clock, time.monotonic()
        return self.clock - began

    def end(self, patience: float) -> str:
        """Kill it, unless it is dead within some seconds; return what it died of."""
        self.process.join(patience)
        reason = describe_exit(self.process.exitcode)
        self.process.kill()
        self.bury()
        return reason

    def bury(self) -> None:
        """Give back what this process holds of a worker that has been killed or has left."""
        self.pipe.close()
        self.process.join(LEAVING_SECONDS)
        with suppress(ValueError):  # killed, but held up in the kernel: it goes when it can
            self.process.close()


def end_workers(staff: list[Worker]) -> None:
    """End all of them within a few seconds, and empty the list."""
    leaving, staff[:] = list(staff), []
    for worker in leaving:
        if worker.idle:
            worker.pipe.close()  # it leaves by itself, and gets to print what it has to say
        else:
            worker.process.kill()
    deadline = time.monotonic() + LEAVING_SECONDS
    for worker in leaving:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        worker.process.kill()
        worker.bury()


def describe_exit(code: int | None) -> str:
    """Return what a process died of, for example ``killed by SIGKILL``.

    Examples
    --------
    >>> describe_exit(-11), describe_exit(3)
    ('killed by SIGSEGV', 'its worker ended with exit code 3')
    """
    if code is None:
        return "its worker stopped in the middle of a message"
    if code >= 0:
        return f"its worker ended with exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _end_forgotten() -> None:
    """Kill, when this process ends, workers that nobody has ended.

    multiprocessing would send them a SIGTERM, which they do not hear, and wait for them.
    """
    for process in multiprocessing.active_children():
        if process.name == WORKER_NAME:
            process.kill()


Finalize(None, _end_forgotten, exitpriority=10)


def prepare(preload: Sequence[str]) -> None:
    """Have modules loaded, in the background, that workers will import before their first item.

    The fork server loads them once for all workers, which are quickly there then. Where workers
    are spawned, each loads them for itself, and nothing can be done beforehand.
    """
    if _has_forkserver():
        with _start_lock, _one_thread_environment(), _may_have_children(), without_signals():
            _redirect()
            fork_server(tuple(preload)).ensure_running()


def _start(
    preload: Sequence[str], memory: float | None, permit: Callable[[], None]
) -> tuple[BaseProcess, Connection]:
    """Start a process that runs `work`; return it and our end of its pipe.

    The lock and the environment, which are everybody's, are not held while a server loads.
    `permit` raises when the worker is no longer wanted. It is asked until a fork server loads for
    us; from then on it is `end_fork_server` that ends the wait.
    """
    permit()
    ours, theirs = multiprocessing.Pipe()
    try:
        _limit_transfers(ours)
        context = multiprocessing.get_context("forkserver" if _has_forkserver() else "spawn")
        process = context.Process(  # type: ignore[attr-defined]
            target=work, args=(theirs, tuple(preload), memory), name=WORKER_NAME, daemon=True
        )
        if _has_forkserver():
            prepare(preload)
            asking = _our_own(preload, permit)
            with _may_have_children(), without_signals(), _patience(preload), asking:
                process.start()
        else:
            with _start_lock, _one_thread_environment(), _may_have_children(), without_signals():
                process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()  # held by the worker alone, so that the pipe ends when it does
    return process, ours


def _has_forkserver() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


@cache
def fork_server(preload: tuple[str, ...]) -> ForkServer:
    """Return the fork server whose children have these modules loaded; it runs when needed.

    The standard library has one for all of a process: what reads files would wait until MetPy is
    loaded, and one that somebody else has started may have loaded its libraries with many threads,
    which no child of it could change. Each ends by itself when this process has ended.
    """
    from multiprocessing.forkserver import ForkServer

    server = ForkServer()
    server.set_forkserver_preload(
        ["pipeline.executors.quiet", "pipeline.executors.worker", *preload]
    )
    return server


def end_fork_server(preload: Sequence[str]) -> None:
    """Kill the fork server of a preload, which frees who waits for it to have loaded."""
    if not _has_forkserver():
        return
    server = getattr(fork_server(tuple(preload)), "_forkserver_pid", None)
    if server:
        with suppress(ProcessLookupError):
            os.kill(server, signal.SIGKILL)


@contextmanager
def _patience(preload: Sequence[str]) -> Iterator[None]:
    """Wait within the block for a fork server to have loaded, but not for ever: then kill it.

    Raises
    ------
    TimeoutError
        When it was killed.
    """
    lost = threading.Event()

    def lose() -> None:
        lost.set()
        end_fork_server(preload)

    timer = threading.Timer(START_SECONDS, lose)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, EOFError) as error:
        if not lost.is_set():
            raise
        late = f"{', '.join(preload) or 'a worker'} not loaded after {START_SECONDS:g} s"
        raise TimeoutError(late) from error
    finally:
        timer.cancel()


#: Which fork server the process that a thread starts comes from.
_here = threading.local()


@contextmanager
def _our_own(preload: Sequence[str], permit: Callable[[], None]) -> Iterator[None]:
    """Let processes that this thread starts within the block come from a preload's fork server.

    `permit` is asked before and after: who was interrupted meanwhile has had the server killed,
    and asking for a worker has started another one, which nobody is to wait for.
    """

    def connect(fds: Any) -> Any:
        permit()
        ours = fork_server(tuple(preload)).connect_to_new_process(fds)
        try:
            permit()
        except BaseException:
            end_fork_server(preload)
            for each in ours:
                os.close(each)
            raise
        return ours

    _here.connect = connect
    try:
        yield
    finally:
        _here.connect = None


@cache
def _redirect() -> None:
    """Have the standard library ask `_our_own`, once; others keep their fork server.

    There is no public way to say which one a process is to come from.
    """
    from multiprocessing import forkserver

    standard = forkserver.connect_to_new_process

    def connect(fds: Any) -> Any:
        return (getattr(_here, "connect", None) or standard)(fds)

    forkserver.connect_to_new_process = connect


@contextmanager
def _one_thread_environment() -> Iterator[None]:
    """Set the environment that a worker inherits, and restore that of this process after."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def without_signals() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM; processes and threads that are started here never get them.

    A terminal and systemd send them to all processes at once; only the main one is to act on them.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield  # Windows: workers ignore Ctrl-C once they have started
        return
    resource_tracker.ensure_running()  # before, since starting it lets these signals in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _may_have_children() -> Iterator[None]:
    """Let a daemon process, such as a Dask worker, start a worker.

    multiprocessing forbids it because children of a daemon that is ended would be left behind;
    ours leave by themselves when their parent is gone. There is no public way to say so.
    """
    config: dict[str, Any] = getattr(multiprocessing.current_process(), "_config", {})
    with _daemon_lock:
        _was_daemon.append(config.get("daemon", False))
        config["daemon"] = False
    try:
        yield
    finally:
        with _daemon_lock:
            if len(_was_daemon) == 1:
                config["daemon"] = _was_daemon[0]
            _was_daemon.pop()


def _limit_transfers(pipe: Connection) -> None:
    """Let sending and receiving fail, rather than wait for ever, when the worker stands still."""
    if os.name != "posix":
        return  # a pipe of Windows is not a socket and has no such limit
    limit = struct.pack("ll", TRANSFER_SECONDS, 0)
    with socket.socket(fileno=os.dup(pipe.fileno())) as duplicate:
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
