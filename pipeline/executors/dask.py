"""Dask, for when one machine is too small: the same items, the same pickles, on its workers.

A Dask worker does not call the function itself. It keeps a supervised child process for each of
its threads (a :class:`~pipeline.executors.pool.PoolExecutor` of one), which does. So an item that
crashes or sleeps costs its child and never the Dask worker, its neighbours or their time; what
becomes of it is told in the same words as by the pool; and each child computes with one thread,
however the cluster was started. Left to Dask is the loss of a machine.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from pipeline.errors import PipelineError
from pipeline.executors import usable_cores
from pipeline.executors.calls import (
    Failure,
    describe,
    name_of,
    pack_arguments,
    pack_function,
    unpack_outcome,
)
from pipeline.executors.pool import PoolExecutor
from pipeline.executors.processes import without_signals

#: So many items a worker, and bytes of arguments in all, are on their way ahead of the results.
LOOK_AHEAD = 16
LOOK_AHEAD_BYTES = 1 << 26
#: So long a scheduler may take to answer, and a cluster may be without any worker.
START_SECONDS = 60.0
PATROL_SECONDS = 5.0
ENDING_SECONDS = 10.0

Result = TypeVar("Result")
Outcome = bytes | Failure


# On the workers ----------------------------------------------------------------------------

_lock = threading.Lock()
#: The children of this Dask worker, each with the token of the executor that it works for.
_idle: list[tuple[str, PoolExecutor]] = []
_busy: list[tuple[str, PoolExecutor]] = []


def run_in_child(
    token: str,
    task: tuple[bytes, str],
    payload: bytes,
    timeout: float | None,
    memory: float | None,
    preload: tuple[str, ...],
) -> Outcome:
    """Call a packed function with packed arguments in a child process of this Dask worker."""
    with _lock:
        child = next((child for owner, child in _idle if owner == token), None)
        if child is None:
            child = PoolExecutor(workers=1, timeout=timeout, memory=memory, preload=preload)
        else:
            _idle.remove((token, child))
        _busy.append((token, child))
    child.timeout = timeout
    try:
        (outcome,) = child.starmap_packed(*task, [payload])
    finally:
        with _lock:
            _busy.remove((token, child))
            if not child.closed:
                _idle.append((token, child))
    return outcome


def end_children(token: str) -> None:
    """End the children that this Dask worker keeps for one executor."""
    with _lock:
        leaving = [child for owner, child in _idle if owner == token]
        _idle[:] = [(owner, child) for owner, child in _idle if owner != token]
        for owner, child in _busy:
            if owner == token:
                child.interrupt()
    for child in leaving:
        child.close()


# At the client -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Item:
    """One item under way: first the future of its outcome, then the outcome."""

    payload: bytes = b""
    future: Any = None
    outcome: Outcome | None = None
    again: bool = False


class DaskExecutor:
    """Runs items on a Dask cluster: yours, or one on this machine that ends with this executor.

    Parameters
    ----------
    workers : int, optional
        Processes of the local cluster, all usable cores if not given; without effect on yours.
    timeout : float, optional
        Seconds that one item may take; None for no limit.
    memory : float, optional
        GiB that an item may take, as in :class:`~pipeline.executors.pool.PoolExecutor`.
    address : str, optional
        The scheduler of your cluster, such as ``tcp://host:8786``. Its workers need this package,
        and the modules of the functions that they are to run. They may have many threads: each
        has a child process of its own.
    preload : sequence of str
        Modules that the workers import before their first item.

    Raises
    ------
    PipelineError
        If `distributed` is not installed, the scheduler does not answer, there are no workers,
        or they lack this package.

    Notes
    -----
    An item whose Dask worker is lost is run again by Dask (up to ``allowed-failures`` times, 3 by
    default), then once more by us, when the items around it are done; then it is a Failure.

    Examples
    --------
    >>> with DaskExecutor(workers=2) as executor:  # doctest: +SKIP
    ...     list(executor.starmap(divmod, [(7, 2), (9, 4)]))
    [(3, 1), (2, 1)]
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        timeout: float | None = 60.0,
        memory: float | None = None,
        address: str | None = None,
        preload: Sequence[str] = (),
    ) -> None:
        self.timeout = timeout
        self.memory = memory
        self.preload = tuple(preload)
        self._token = uuid.uuid4().hex
        self._cluster = None if address else _local_cluster(workers or usable_cores())
        try:
            self._client = _connect(address or self._cluster)
        except BaseException:
            if self._cluster is not None:
                self._cluster.close()
            raise

    @property
    def workers(self) -> int:
        """How many items the cluster works on at the same time: the threads of its workers."""
        return sum(self._client.nthreads().values())

    def prepare(self) -> None:
        """Do nothing: what is loaded on another machine takes none of this one's time."""

    def starmap(
        self, function: Callable[..., Result], argument_tuples: Iterable[tuple[Any, ...]]
    ) -> Iterator[Result | Failure]:
        """Yield ``function(*arguments)`` or a Failure for each tuple; see `Executor`.

        Raises
        ------
        PipelineError
            If the function cannot be imported by name, the cluster goes away or loses all of
            its workers, or their child processes do not start.
        """
        name = name_of(function)
        payloads = (pack_arguments(arguments, name) for arguments in argument_tuples)
        return self._outcomes((pack_function(function), name), payloads)

    def _outcomes(self, task: tuple[bytes, str], payloads: Iterator[Outcome]) -> Generator[Any]:
        window: deque[_Item] = deque()
        size = LOOK_AHEAD * max(1, self.workers)
        finished = False
        try:
            while self._fill(window, size, task, payloads):
                while window[0].outcome is None:
                    self._wait(window[0].future)
                    self._fetch(window)
                    if window[0].outcome is None:
                        self._see_to_failed(window, task)
                yield unpack_outcome(window.popleft().outcome or b"", task[1])
            finished = True
        finally:
            if not finished:
                self._abandon(window)

    def _fill(
        self,
        window: deque[_Item],
        size: int,
        task: tuple[bytes, str],
        payloads: Iterator[Outcome],
    ) -> bool:
        """Send items until so many are under way, within the look-ahead; return whether any is."""
        held = sum(len(item.payload) for item in window)
        while len(window) < size and held < LOOK_AHEAD_BYTES:
            payload = next(payloads, None)
            if payload is None:
                break
            if isinstance(payload, Failure):
                window.append(_Item(outcome=payload))
            else:
                window.append(_Item(payload, self._submit(task, payload)))
                held += len(payload)
        return bool(window)

    def _submit(self, task: tuple[bytes, str], payload: bytes) -> Any:
        import dask

        # Dask warns of large arguments; ours are what they are, and bounded by the look-ahead.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            limits = (self.timeout, self.memory)
            return self._client.submit(
                run_in_child, self._token, task, payload, *limits, self.preload, pure=False
            )

    def _wait(self, future: Any) -> None:
        """Wait until Dask is done with an item, one way or another, as long as it has workers."""
        last_seen = time.monotonic()
        while future.status not in ("finished", "error", "cancelled"):
            try:
                future.exception(timeout=PATROL_SECONDS)
            except TimeoutError:
                if self.workers:
                    last_seen = time.monotonic()
            if time.monotonic() - last_seen > START_SECONDS:
                raise PipelineError(
                    f"the Dask cluster has had no worker for {START_SECONDS:g} s. Look at the "
                    "logs of its workers, or use the pool executor."
                )

    def _fetch(self, window: deque[_Item]) -> None:
        """Fetch, in one request, all outcomes that are there."""
        there = {
            index: item.future
            for index, item in enumerate(window)
            if item.future is not None and item.future.status == "finished"
        }

        async def gather() -> dict[int, Outcome | None]:
            return await self._client.gather(there, errors="skip", asynchronous=True)

        try:
            outcomes = self._client.sync(gather, callback_timeout=START_SECONDS)
        except TimeoutError:
            return  # its worker was lost since; Dask will notice, and run the item again
        for index, outcome in outcomes.items():
            if outcome is not None:
                window[index].outcome = outcome
                window[index].future = None
                window[index].payload = b""

    def _see_to_failed(self, window: deque[_Item], task: tuple[bytes, str]) -> None:
        """Run the first item again if Dask gave it up, alone: it may be what kills the workers."""
        first = window[0]
        if first.future.status == "cancelled":
            raise PipelineError(
                "the connection to the Dask scheduler was lost. Look at its log, and run again."
            )
        if first.future.status != "error":
            return  # Dask is running it again by itself
        error = first.future.exception()
        if isinstance(error, PipelineError):
            raise error
        if first.again:
            first.outcome = Failure("died", task[1], f"no result from Dask, {describe(error)}")
            return
        for item in itertools.islice(window, 1, None):
            if item.future is not None:
                self._wait(item.future)
        first.future, first.again = self._submit(task, first.payload), True

    def _abandon(self, window: deque[_Item]) -> None:
        """Leave nothing running that nobody waits for."""
        futures = [item.future for item in window if item.future is not None]
        if futures and self._client.status == "running":
            self._client.cancel(futures)
            self._end_children()

    def _end_children(self) -> None:
        with suppress(TimeoutError):  # those of a worker that does not answer leave when it goes
            self._client.run(
                end_children, self._token, on_error="ignore", callback_timeout=ENDING_SECONDS
            )

    def close(self) -> None:
        """End our processes on the cluster, and the cluster if it is ours."""
        if self._client.status == "running":
            self._end_children()
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _local_cluster(workers: int) -> Any:
    """Start a Dask cluster on this machine, one thread a worker."""
    _demand_distributed()
    import distributed

    try:
        with without_signals():  # Dask's thread keeps them out, and with it all workers it starts
            return distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # any free one, without a warning of taken ones
            )
    except (OSError, RuntimeError, TimeoutError) as error:
        raise PipelineError(
            f"a local Dask cluster does not start: {describe(error)}. In a script of your own, "
            'put what it does behind `if __name__ == "__main__":`; otherwise use the pool executor.'
        ) from error


def _connect(cluster: Any) -> Any:
    """Return a client of a cluster that has workers, and those this package."""
    _demand_distributed()
    import distributed

    try:
        client = distributed.Client(cluster, timeout=START_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"no Dask scheduler answers at {cluster}: {describe(error)}. Start one with "
            "`dask scheduler`, or leave the address away for a cluster on this machine."
        ) from error
    try:
        client.wait_for_workers(1, timeout=START_SECONDS)
        client.run(end_children, "nobody's")
    except BaseException as error:
        client.close()
        if isinstance(error, TimeoutError):
            raise PipelineError(
                f"the Dask scheduler at {cluster} has had no worker for {START_SECONDS:g} s. "
                "Start some with `dask worker`."
            ) from error
        if isinstance(error, ImportError):
            raise PipelineError(
                f"the Dask workers of {cluster} cannot import this package: {describe(error)}. "
                "Install the same version there."
            ) from error
        raise
    return client


def _demand_distributed() -> None:
    """Raise PipelineError where Dask is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise PipelineError(
            f"the dask executor needs the package `distributed` ({error}). Install it with "
            "`pip install -e '.[dask]'` in the project's folder, or use the pool executor."
        ) from error
