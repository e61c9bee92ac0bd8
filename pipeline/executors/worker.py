"""What a worker process of the pool does: listen, call, answer, and leave in good time."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path

from pipeline.executors.calls import call_packed, unpack_function

READY = b"ready"
OUT_OF_MEMORY = b"out of memory"
#: A worker without work leaves by itself, so that nothing is left behind on a cluster whose
#: client was killed. The pool starts another one when there is work again.
IDLE_SECONDS = 600.0


def work(pipe: Connection, preload: Sequence[str], memory: float | None = None) -> None:
    """Answer messages until the supervisor closes its end of the pipe.

    A pair ``(packed function, its name)`` is answered with READY once the function is imported;
    a list of packed arguments with one packed outcome each, sent as soon as it is there. A
    MemoryError is answered with OUT_OF_MEMORY, and ends this process.

    Parameters
    ----------
    pipe : multiprocessing.connection.Connection
    preload : sequence of str
        Modules to import before the first message is read.
    memory : float, optional
        GiB that items may take in addition to what their function's import has taken.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)  # they are for the supervisor to act on
    gc.freeze()  # what the fork server has loaded stays, and stays shared with it
    gc.enable()
    _leave_with_parent()
    for module in preload:
        importlib.import_module(module)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # nobody listens any more
        pipe.send_bytes(READY)
        try:
            _answer(pipe, memory)
        except MemoryError:
            pipe.send_bytes(OUT_OF_MEMORY)


def _answer(pipe: Connection, memory: float | None) -> None:
    us = os.getpid()
    while pipe.poll(IDLE_SECONDS):
        message = pipe.recv()
        if isinstance(message, tuple):
            packed_function, name = message
            _limit_memory(None)
            function = unpack_function(packed_function, name)
            _limit_memory(memory)
            pipe.send_bytes(READY)
        else:
            for packed_arguments in message:
                outcome = call_packed(function, packed_arguments, name)
                if os.getpid() != us:
                    os._exit(0)  # a child that the function has forked and left to run on
                pipe.send_bytes(outcome)


def _limit_memory(gibibytes: float | None) -> None:
    """Let this process take so much more memory than it has; None for all there is.

    Limited is what it may write to and shares with nobody (RLIMIT_DATA): not libraries, files
    that it maps to read, and address space that it reserves and does not use, as RLIMIT_AS would.
    """
    if sys.platform != "linux":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = float("inf")
    if gibibytes is not None:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        limit = pages * resource.getpagesize() + gibibytes * 2**30
    if limit >= (2**62 if most == resource.RLIM_INFINITY else most):
        limit = most
    resource.setrlimit(resource.RLIMIT_DATA, (int(limit), most))


def _leave_with_parent() -> None:
    """See to it that this process ends when its supervisor is gone, in whatever call it is."""
    parent = parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def leave() -> None:
        wait([sentinel])
        os._exit(0)

    if sys.platform == "linux":
        import fcntl

        # A call that never lets go of the interpreter keeps the thread below from its turn; the
        # kernel asks nobody: when the pipe ends it sends SIGIO, which ends a process.
        fcntl.fcntl(sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(sentinel, fcntl.F_SETFL, fcntl.fcntl(sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=leave, daemon=True).start()
