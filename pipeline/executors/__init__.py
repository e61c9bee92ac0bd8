"""Who runs a function over many items, and where: this process, a pool of them, or Dask.

Every executor has the one method ``starmap(function, argument_tuples)``. It yields, in the order
of the arguments and as they are asked for, a value or a :class:`Failure` an item, and holds to
three promises: one bad item never costs another its result, it never hangs, and its memory does
not grow with the number of items.

An exception is a Failure at once. An item whose worker died, ran out of memory or overran the
time limit gets a second chance, alone on a fresh worker, because it may have been an innocent
victim (of a full memory, or of a busy machine); if it happens again, it is a Failure.

SIGINT and SIGTERM, which a terminal and systemd send to all processes of a run, are for the main
process alone: workers go on, so that it can finish what it is at, and end when it ends them.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType, TracebackType
from typing import Any, Protocol, Self, TypeVar

from pipeline.errors import PipelineError
from pipeline.executors.calls import Failure, Loss, OverrunError, attempt, lost_twice, name_of

__all__ = ["KINDS", "Executor", "Failure", "SerialExecutor", "open_executor", "usable_cores"]

#: The longest time (s) that every system's timer can be set to; some 30 years.
LONGEST_TIMER = 1e9

KINDS = ("serial", "pool", "dask")

Result = TypeVar("Result")


class Executor(Protocol):
    """What every executor offers; a context manager that ends its workers when left."""

    @property
    def workers(self) -> int:
        """How many items it works on at the same time."""

    def prepare(self) -> None:
        """Begin to load in the background what workers need first, where there is a background."""

    def starmap(
        self, function: Callable[..., Result], argument_tuples: Iterable[tuple[Any, ...]]
    ) -> Iterator[Result | Failure]:
        """Yield ``function(*arguments)`` or a Failure for each tuple, in their order.

        Parameters
        ----------
        function : callable
            Importable by name, by every worker.
        argument_tuples : iterable of tuple
            May be a generator, of any length: it is read only a little ahead of the results.
        """

    def close(self) -> None:
        """End the workers."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_executor(
    kind: str = "pool",
    *,
    workers: int | None = None,
    timeout: float | None = 60.0,
    memory: float | None = None,
    address: str | None = None,
    preload: Sequence[str] = (),
) -> Executor:
    """Return the executor of this kind, to be used in a ``with`` statement.

    Parameters
    ----------
    kind : {"pool", "serial", "dask"}
    workers : int, optional
        Worker processes; all usable cores if not given. No effect on ``serial`` and on a Dask
        cluster that is there already.
    timeout : float, optional
        Seconds that one item may take; None for no limit. Start-up and imports do not count.
    memory : float, optional
        GiB that a worker may take in addition to what it has before its first item; None for no
        limit. Linux alone has such a limit. No effect on ``serial``, where it would be one on
        this process.
    address : str, optional
        A Dask scheduler, such as ``tcp://host:8786``; without it ``dask`` starts a local cluster.
    preload : sequence of str
        Modules that workers import before their first item. The pool imports them once for all
        of its workers, which saves time and memory.

    Raises
    ------
    PipelineError
        For an unknown kind, a count or limit that is not positive, or no cluster to be had.

    Examples
    --------
    >>> with open_executor("serial") as executor:
    ...     list(executor.starmap(divmod, [(7, 2), (9, 4)]))
    [(3, 1), (2, 1)]
    """
    if workers is not None and workers < 1:
        raise PipelineError(f"executor: {workers} workers, where at least 1 is needed")
    if timeout is not None and not timeout > 0:
        raise PipelineError(f"executor: a timeout of {timeout} s, where more than 0 is needed")
    if memory is not None and not memory > 0:
        raise PipelineError(f"executor: a memory of {memory} GiB, where more than 0 is needed")
    if kind == "serial":
        return SerialExecutor(timeout=timeout, preload=preload)
    if kind == "pool":
        from pipeline.executors.pool import PoolExecutor

        return PoolExecutor(workers=workers, timeout=timeout, memory=memory, preload=preload)
    if kind == "dask":
        from pipeline.executors.dask import DaskExecutor

        return DaskExecutor(
            workers=workers, timeout=timeout, memory=memory, address=address, preload=preload
        )
    raise PipelineError(f"executor: unknown kind {kind!r}, choose one of {', '.join(KINDS)}")


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class SerialExecutor:
    """Runs everything in this process: for debugging, and where other processes are no gain.

    A crash of the function is a crash of this process. The time limit holds in the main thread
    of systems that have ``signal.setitimer``, for calls that return to Python now and then;
    elsewhere there is none. There is no memory limit, but a MemoryError costs only its item.
    Nothing is pickled, so here even a lambda will do.

    Parameters
    ----------
    timeout : float, optional
        Seconds that one item may take; None for no limit.
    preload : sequence of str
        Modules to import before the first item.
    """

    workers = 1

    def __init__(self, *, timeout: float | None = 60.0, preload: Sequence[str] = ()) -> None:
        self.timeout = timeout
        self.preload = preload

    def prepare(self) -> None:
        """Do nothing: this process has no background."""

    def starmap(
        self, function: Callable[..., Result], argument_tuples: Iterable[tuple[Any, ...]]
    ) -> Iterator[Result | Failure]:
        """Yield ``function(*arguments)`` or a Failure for each tuple; see :class:`Executor`."""
        for module in self.preload:
            import_module(module)
        for arguments in argument_tuples:
            yield self._call(function, arguments)

    def _call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        losses: list[Loss] = []
        for _chance in ("first", "second"):
            try:
                with _time_limit(self.timeout):
                    return attempt(function, arguments)
            except OverrunError:
                loss = Loss("timed_out", f"no result after {self.timeout:g} s")
            except MemoryError:
                loss = Loss("out_of_memory", "needs more memory than there is")
            losses.append(loss)
        return lost_twice(name_of(function), *losses)

    def close(self) -> None:
        """Do nothing: there are no workers to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    """Raise OverrunError within the block after some seconds, where the system can."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if seconds is None or not in_main_thread or not hasattr(signal, "setitimer"):
        yield
        return
    armed = True

    def strike(number: int, frame: FrameType | None) -> None:
        if armed:
            raise OverrunError

    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, strike)
    remaining = interval = 0.0
    try:
        try:
            # Again every second, in case that the function has swallowed the first one.
            limit = min(seconds, LONGEST_TIMER)
            remaining, interval = signal.setitimer(signal.ITIMER_REAL, limit, 1.0)
            yield
        finally:
            armed = False
    finally:  # apart, since the last strike may come before `armed` is taken back
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, handler)
        if remaining:  # somebody else's alarm, put off by ours
            left = max(remaining - (time.monotonic() - began), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left, interval)
