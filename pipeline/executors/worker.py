"""What a worker process of the pool does: listen, call, answer, and leave in good time."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

from pipeline.executors.calls import call_packed, unpack_function

READY = b"ready"
#: A worker without work leaves by itself, so that nothing is left behind on a cluster whose
#: client was killed. The pool starts another one when there is work again.
IDLE_SECONDS = 600.0


def work(pipe: Connection, preload: Sequence[str]) -> None:
    """Answer messages until the supervisor closes its end of the pipe.

    A pair ``(packed function, its name)`` is answered with READY once the function is imported;
    a list of packed arguments with one packed outcome each, sent as soon as it is there.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor to handle
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    for module in preload:
        importlib.import_module(module)
    try:
        pipe.send_bytes(READY)
        _answer(pipe)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the supervisor has closed its end: nobody wants the answer any more


def _answer(pipe: Connection) -> None:
    us = os.getpid()
    while pipe.poll(IDLE_SECONDS):
        message = pipe.recv()
        if isinstance(message, tuple):
            packed_function, name = message
            function = unpack_function(packed_function, name)
            pipe.send_bytes(READY)
        else:
            for packed_arguments in message:
                outcome = call_packed(function, packed_arguments, name)
                if os.getpid() != us:
                    os._exit(0)  # a child that the function has forked and left to run on
                pipe.send_bytes(outcome)


def _leave_with_parent() -> None:
    """End this process when its supervisor is gone, even in the middle of a long call."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
