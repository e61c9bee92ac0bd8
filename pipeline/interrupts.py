"""A signal lets the batch in hand be finished; a second one does not wait.

Ctrl-C at a terminal (SIGINT) and the end of a service or of the machine (SIGTERM) come at any
line. What they ask for is done where it costs nothing: between two batches.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from types import FrameType

from pipeline.errors import InterruptedRunError

logger = logging.getLogger("pipeline")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: A second signal within so many seconds is the echo of the first.
ECHO_SECONDS = 1.0
ANNOUNCEMENT = (
    "%s: the batch in hand is finished and kept, then the run ends; once more ends it at once"
)


@dataclass
class Interrupt:
    """Whether a signal has come.

    Attributes
    ----------
    signal_number : int
        That of the first signal, 0 while none has come.
    """

    signal_number: int = 0

    def demand_none(self, done: str) -> None:
        """Raise InterruptedRunError where a signal has come.

        Parameters
        ----------
        done : str
            What is kept, for the message.

        Examples
        --------
        >>> Interrupt().demand_none("3 of 7 batches are kept")
        >>> Interrupt(15).demand_none("3 of 7 batches are kept")
        Traceback (most recent call last):
        pipeline.errors.InterruptedRunError: SIGTERM ended the run: 3 of 7 batches are kept
        """
        if self.signal_number:
            name = signal.Signals(self.signal_number).name
            raise InterruptedRunError(f"{name} ended the run: {done}", self.signal_number)


@contextmanager
def finish_first() -> Iterator[Interrupt]:
    """Note SIGINT and SIGTERM instead of ending at them; a second one raises KeyboardInterrupt.

    Signals that are ignored (``nohup``, jobs in the background) stay ignored. Outside the main
    thread, where Python hands out no signals, nothing is changed.

    Yields
    ------
    Interrupt
        Look at it between two batches.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    first = 0.0

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if interrupt.signal_number:
            # `timeout` and others signal a process and then its group: that is one signal.
            if time.monotonic() - first < ECHO_SECONDS:
                return
            raise KeyboardInterrupt
        first = time.monotonic()
        interrupt.signal_number = number
        announced.put(number)

    with _announcer() as announced, _handled(note):
        yield interrupt


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have signals handled within the block, but for those that are ignored."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # None: set by something other than Python, which could not be put back
    ours = [number for number, old in before.items() if old not in (signal.SIG_IGN, None)]
    try:
        for number in ours:
            signal.signal(number, handler)
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


@contextmanager
def end_at_once(what: str) -> Iterator[None]:
    """Raise InterruptedRunError at SIGINT or SIGTERM, wherever the block is just then.

    For work that may end at any line, since it waits for others most of the time and keeps what it
    has as it goes. What is said of signals in :func:`finish_first` holds here too.

    Parameters
    ----------
    what : str
        Is ended, and what is kept, for the message.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first = 0.0

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if first:
            if now - first < ECHO_SECONDS:
                return
            raise KeyboardInterrupt
        first = now
        raise InterruptedRunError(f"{signal.Signals(number).name} ended {what}", number)

    with _handled(end):
        yield


@contextmanager
def _announcer() -> Iterator[SimpleQueue[int]]:
    """Log the signals that are put in, from a thread of its own.

    The line that a signal interrupts may be writing to the log itself: logging right there would
    write within that write, or wait for ever for a lock of its own thread. This queue may be
    filled from anywhere.
    """
    signals: SimpleQueue[int] = SimpleQueue()

    def announce() -> None:
        while number := signals.get():
            logger.warning(ANNOUNCEMENT, signal.Signals(number).name)

    thread = threading.Thread(target=announce, name="pipeline-interrupts", daemon=True)
    thread.start()
    try:
        yield signals
    finally:
        signals.put(0)
        thread.join()
