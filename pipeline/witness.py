"""MetPy beside a compiled run: what is verified at its end is computed again from its start.

Loading MetPy and asking it takes longer than all else in a night of machine code; beside the rest,
on another core, it takes hardly any time of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from heapq import nsmallest
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from pipeline import ragged
from pipeline.calculate import calculate
from pipeline.executors import Executor, Failure
from pipeline.executors.pool import PoolExecutor
from pipeline.verify import Lot, Verification, as_cleaned, chosen, lots, places, verify

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.config import Quality
    from pipeline.engines.evaluation import Evaluation

    Evaluations = list[Evaluation | Failure]


class Witness:
    """Chooses profiles by lot, and has MetPy compute them again.

    Which profiles have the lowest lots of all is known when all are there. Those that have the
    lowest so far are begun with: mostly, all that is needed is there in the end.

    Parameters
    ----------
    executor : Executor
        Runs MetPy, for nobody else. A pool begins early, others when they are asked.
    names : sequence of str
        Results to compare.
    settings : Quality
    count : int
        How many profiles to look at.
    seed : str
        Other ones for another seed.
    """

    def __init__(
        self, executor: Executor, names: Sequence[str], settings: Quality, count: int, seed: str
    ) -> None:
        self.executor = executor
        self.names = names
        self.settings = settings
        self.count = count
        self.seed = seed
        self._background = ThreadPoolExecutor(1, thread_name_prefix="witness")
        self._lowest: list[Lot] = []
        self._begun: list[tuple[xr.Dataset, Future[Evaluations]]] = []

    def begin(self, batch: xr.Dataset) -> None:
        """Begin with profiles of a batch, which is clean, if they may be among the chosen."""
        if not isinstance(self.executor, PoolExecutor):
            return
        drawn = lots(batch, self.seed)
        self._lowest = nsmallest(self.count, {*self._lowest, *drawn})
        lowest = set(self._lowest)
        candidates = [index for index, lot in enumerate(drawn) if lot in lowest]
        if candidates:
            part = ragged.select(batch, np.array(candidates, np.int64))
            part = as_cleaned(part, self.names)
            self._begun.append((part, self._background.submit(self._compute, part)))

    def _compute(self, part: xr.Dataset) -> Evaluations:
        return list(calculate(part, self.names, (), self.settings, self.executor))

    def verify(self, dataset: xr.Dataset, among: Sequence[int]) -> Verification:
        """Compare what was found with what MetPy finds.

        Parameters
        ----------
        dataset : xarray.Dataset
            Ragged, with results.
        among : sequence of int
            The profiles to choose from.
        """
        known = {
            place: evaluation
            for part, future in self._begun
            for place, evaluation in zip(places(part), future.result(), strict=True)
            if not isinstance(evaluation, Failure)  # asked once more, now that it is quiet
        }
        which = chosen(dataset, among, self.count, self.seed)
        return verify(dataset, which, self.names, self.settings, self.executor, known=known)

    def close(self) -> None:
        """End what is still under way."""
        self._background.shutdown(wait=False, cancel_futures=True)
        if isinstance(self.executor, PoolExecutor) and not all(f.done() for _, f in self._begun):
            self.executor.interrupt()
        self._background.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
