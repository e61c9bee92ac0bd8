"""The process pool: a supervisor of its own, because the standard ones fail where it matters.

``multiprocessing.Pool.starmap`` waits for ever when a worker is killed;
``concurrent.futures.ProcessPoolExecutor`` breaks as a whole. Here each worker has its own pipe and
shares no lock or queue that could die with it, and answers item by item, so that the supervisor
knows which item a worker died of. It sends only to workers that have answered everything, so that
the two never wait for each other.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Self, TypeVar

from pipeline.errors import PipelineError
from pipeline.executors import usable_cores
from pipeline.executors.calls import (
    Failure,
    Loss,
    LossKind,
    lost_twice,
    name_of,
    pack_arguments,
    pack_function,
    unpack_outcome,
)
from pipeline.executors.processes import (
    START_SECONDS,
    Worker,
    end_fork_server,
    end_workers,
    prepare,
)
from pipeline.executors.worker import OUT_OF_MEMORY

#: At most so many items go to a worker in one message, and no more than last about so long:
#: short items would otherwise wait for messages, long ones for the worker that has most of them.
LARGEST_CHUNK = 8
CHUNK_SECONDS = 0.05
CHUNK_BYTES = 1 << 20
#: So far, items a worker and bytes in all, results may pile up behind one that is not there yet.
LOOK_AHEAD = 256
LOOK_AHEAD_BYTES = 1 << 26
#: After so many starts in a row that failed there is no use in trying once more.
FAILED_STARTS = 3
#: To wait longer at a time is more than some systems can; waiting again costs nothing.
LONGEST_WAIT = 3600.0

Result = TypeVar("Result")
Outcome = bytes | Failure


class PoolExecutor:
    """Runs items in worker processes on this machine, which are started when first needed.

    Workers are started by ``forkserver`` (``spawn`` where that is not to be had), never by
    ``fork``, which deadlocks with threads that read netCDF. So a script that uses it needs
    ``if __name__ == "__main__":``. Each computes with one thread.

    Parameters
    ----------
    workers : int, optional
        All usable cores if not given.
    timeout : float, optional
        Seconds that one item may take; None for no limit.
    memory : float, optional
        GiB that a worker may take in addition to what it has once it has imported the function;
        what wants more gets a MemoryError, or dies. None for no limit. Linux alone has such a
        limit, elsewhere this is without effect.
    preload : sequence of str
        Modules to import before the first item, once for all workers where that is possible.

    Examples
    --------
    >>> with PoolExecutor(workers=2) as executor:
    ...     list(executor.starmap(divmod, [(7, 2), (9, 4)]))
    [(3, 1), (2, 1)]
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        timeout: float | None = 60.0,
        memory: float | None = None,
        preload: Sequence[str] = (),
    ) -> None:
        self.workers = workers or usable_cores()
        self.timeout = timeout
        self.memory = memory
        self.preload = tuple(preload)
        self.staff: list[Worker] = []
        self.failed_starts = 0
        self.closed = False
        self._running = False

    def prepare(self) -> None:
        """Begin to load, in the background, what workers need before their first item."""
        with suppress(OSError):  # the first start of a worker tells what the matter is
            prepare(self.preload)

    def starmap(
        self, function: Callable[..., Result], argument_tuples: Iterable[tuple[Any, ...]]
    ) -> Iterator[Result | Failure]:
        """Yield ``function(*arguments)`` or a Failure for each tuple; see `Executor`.

        Leaving the iteration early ends the workers; the next call starts new ones.

        Raises
        ------
        PipelineError
            If the function cannot be imported by name, or workers do not start.
        RuntimeError
            If another iteration of this executor is still going on, or it was closed.
        """
        name = name_of(function)
        payloads = (pack_arguments(arguments, name) for arguments in argument_tuples)
        return self._unpacked(self.starmap_packed(pack_function(function), name, payloads), name)

    def _unpacked(self, outcomes: Generator[Outcome], name: str) -> Generator[Any]:
        with closing(outcomes):
            for outcome in outcomes:
                yield unpack_outcome(outcome, name)

    def starmap_packed(
        self, function: bytes, name: str, payloads: Iterable[Outcome]
    ) -> Generator[Outcome]:
        """Do what `starmap` does, from pickles to pickles, which are opened only in the worker."""
        self.demand_open()
        if self._running:
            raise RuntimeError("finish or close the other iteration of this executor first")
        self._running, finished = True, False
        try:
            yield from _Supervision(self, function, name, payloads).outcomes()
            finished = True
        finally:
            self._running = False
            if not finished:
                end_workers(self.staff)

    def demand_open(self) -> None:
        """Raise RuntimeError if this executor was closed."""
        if self.closed:
            raise RuntimeError("this executor is closed")

    def close(self) -> None:
        """End the workers."""
        self.closed = True
        end_workers(self.staff)

    def interrupt(self) -> None:
        """Make an iteration in another thread end, with an exception, and its workers with it."""
        self.closed = True
        end_fork_server(self.preload)  # it may be waiting for that one to have loaded
        for worker in list(self.staff):
            with suppress(ValueError):  # that one has just been ended by the other thread
                worker.process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(slots=True)
class _Item:
    """One item under way, and how workers were lost over it."""

    index: int
    payload: bytes
    losses: list[Loss] = field(default_factory=list)


class _Supervision:
    """One starmap under way."""

    def __init__(
        self, pool: PoolExecutor, function: bytes, name: str, payloads: Iterable[Outcome]
    ) -> None:
        self.pool = pool
        self.task = (function, name)
        self.payloads = enumerate(payloads)
        self.queue: deque[_Item] = deque()
        self.suspects: deque[_Item] = deque()
        self.results: dict[int, Outcome] = {}
        self.results_bytes = 0
        self.taken = self.given = 0
        self.exhausted = False
        self.seconds_an_item = CHUNK_SECONDS

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcomes in order: the whole course of a starmap."""
        while True:
            self._hand_out()  # first, so that nobody is idle while the consumer has its turn
            if self.given in self.results:
                outcome = self.results.pop(self.given)
                self.results_bytes -= _size(outcome)
                self.given += 1
                yield outcome
            elif self.exhausted and self.given == self.taken:
                return
            else:
                self._start_workers()
                self.pool.demand_open()
                self._listen()

    # Handing out ---------------------------------------------------------------------------

    def _hand_out(self) -> None:
        """Give every idle worker something to do, as long as there is something."""
        for worker in [worker for worker in self.pool.staff if worker.idle]:
            if worker.task != self.task:
                self._send(worker, self.task)
            elif chunk := self._next_chunk(worker):
                worker.items.extend(chunk)
                self._send(worker, [item.payload for item in chunk])

    def _next_chunk(self, worker: Worker) -> list[_Item]:
        """Return what this worker should do next: a suspect alone if it is fresh, else a few."""
        if self.suspects and worker.fresh:
            return [self.suspects.popleft()]
        size = min(LARGEST_CHUNK, max(1, int(CHUNK_SECONDS / self.seconds_an_item)))
        chunk: list[_Item] = []
        while len(chunk) < size and sum(len(item.payload) for item in chunk) < CHUNK_BYTES:
            self._fill_queue(1)
            if not self.queue:
                break
            chunk.append(self.queue.popleft())
        return chunk

    def _fill_queue(self, count: int) -> None:
        """Take items from the source until so many are waiting, within the look-ahead."""
        while len(self.queue) < count and not self.exhausted:
            if self.taken - self.given >= LOOK_AHEAD * self.pool.workers:
                return
            if self.results_bytes >= LOOK_AHEAD_BYTES:
                return
            index, payload = next(self.payloads, (-1, b""))
            if index < 0:
                self.exhausted = True
            elif isinstance(payload, Failure):
                self.taken += 1
                self.results[index] = payload
            else:
                self.taken += 1
                self.queue.append(_Item(index, payload))

    def _send(self, worker: Worker, message: Any) -> None:
        try:
            worker.send(message)
        except OSError:
            self._hear(worker, died=True)  # it may have said before that it has no memory for it

    def _start_workers(self) -> None:
        """Start as many workers as find something to do, up to the size of the pool."""
        pool = self.pool
        vacant = pool.workers - len(pool.staff)
        if not vacant:
            return
        starting = sum(not worker.ready for worker in pool.staff)
        self._fill_queue(vacant + starting)
        wanted = len(self.queue) + len(self.suspects) - starting
        for _ in range(min(vacant, wanted)):
            try:
                pool.staff.append(Worker(pool.preload, pool.memory, pool.demand_open))
            except (OSError, EOFError) as error:
                self._count_failed_start(f"{type(error).__name__}: {error}")
                time.sleep(0.2)  # a fork server that was killed is not gone at once

    # Listening -----------------------------------------------------------------------------

    def _listen(self) -> None:
        """Wait until workers answer, die, swell or overrun their time, and see to those."""
        staff = list(self.pool.staff)
        deadlines = [self._deadline(worker) for worker in staff if not worker.idle]
        patience = max(0.0, min(deadlines, default=0.0) - time.monotonic())
        heard = wait(
            itertools.chain.from_iterable(
                (worker.pipe, worker.process.sentinel) for worker in staff
            ),
            None if patience == math.inf else min(patience, LONGEST_WAIT),
        )
        for worker in staff:
            died = worker.process.sentinel in heard
            if worker.pipe in heard or died:
                self._hear(worker, died=died)
            elif time.monotonic() >= self._deadline(worker) and not worker.pipe.poll():
                self._lose(worker, "timed_out")

    def _hear(self, worker: Worker, *, died: bool) -> None:
        """Take what a worker has to say, and part with it if those were its last words."""
        try:
            self._take_answers(worker)
        except (OSError, EOFError):
            died = True
        if worker.swollen:
            self._lose(worker, "out_of_memory")
        elif died:
            self._lose(worker, "died")

    def _deadline(self, worker: Worker) -> float:
        if not worker.ready:
            return worker.clock + START_SECONDS
        if worker.items and self.pool.timeout is not None:
            return worker.clock + self.pool.timeout
        return math.inf

    def _take_answers(self, worker: Worker) -> None:
        while not worker.swollen and worker.pipe.poll():
            answer = worker.pipe.recv_bytes()
            seconds = worker.restart_clock()
            if answer == OUT_OF_MEMORY:
                worker.swollen = True
                return
            if not worker.ready:
                worker.ready = True
                self.pool.failed_starts = 0
                continue
            item = worker.items.popleft()
            self.results[item.index] = answer
            self.results_bytes += len(answer)
            self.seconds_an_item += 0.2 * (max(seconds, 1e-4) - self.seconds_an_item)

    # Losses --------------------------------------------------------------------------------

    def _lose(self, worker: Worker, kind: LossKind) -> None:
        """Part with a worker: its item becomes a suspect, or a Failure; the others lose nothing."""
        self.pool.staff.remove(worker)
        ended_by = worker.end(patience=1.0 if kind == "died" else 0.0)
        if not worker.ready:
            late = f"it was not ready after {START_SECONDS:g} s"
            self._count_failed_start(late if kind == "timed_out" else ended_by)
        if not worker.items:
            return
        culprit = worker.items.popleft()
        self.queue.extendleft(reversed(worker.items))
        culprit.losses.append(Loss(kind, self._why(kind, ended_by)))
        if len(culprit.losses) == 1:
            self.suspects.append(culprit)
        else:
            self.results[culprit.index] = lost_twice(self.task[1], *culprit.losses)

    def _why(self, kind: LossKind, ended_by: str) -> str:
        if kind == "timed_out":
            return f"no result after {self.pool.timeout:g} s"
        if kind == "out_of_memory":
            limit, too_much = self.pool.memory, "needs more memory than there is"
            return too_much if limit is None else f"needs more than {limit:g} GiB"
        return ended_by

    def _count_failed_start(self, reason: str) -> None:
        self.pool.failed_starts += 1
        if self.pool.failed_starts >= FAILED_STARTS:
            raise PipelineError(
                f"worker processes do not start: {FAILED_STARTS} in a row ended before their "
                f"first item, the last one because: {reason}. Workers print the cause above. "
                "Most often it is a script that does its work without "
                '`if __name__ == "__main__":`, which every worker then does again; '
                "put that line before it, or use the serial executor."
            )


def _size(outcome: Outcome) -> int:
    return len(outcome) if isinstance(outcome, bytes) else 0
