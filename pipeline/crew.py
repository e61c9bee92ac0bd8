"""Who works on a run: those that read, those that run MetPy, and the witness of a compiled run.

Each is started for what it has to do and no more: readers need little and do not wait until MetPy
is loaded, and this process never loads MetPy, unless it does all the work itself (serial).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pipeline.executors import Executor, open_executor

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.witness import Witness

#: What workers import before their first item, once for all of them.
READING = ("pipeline.readers",)
CALCULATING = ("pipeline.engines.metpy",)


class Crew(NamedTuple):
    """Who works on a run.

    Parameters
    ----------
    reading, calculating : Executor
        Run the readers, and MetPy; of a cluster it is the same one.
    witness : Witness or None
        Has MetPy look at some profiles again, where that is wanted.
    """

    reading: Executor
    calculating: Executor
    witness: Witness | None = None


@contextmanager
def open_crew(
    config: Config, names: Sequence[str], seed: str, *, reads: bool, verifies: bool
) -> Iterator[Crew]:
    """Open who works on a run; what they need is loaded in the background from now on.

    Parameters
    ----------
    config : Config
    names : sequence of str
        The results wanted.
    seed : str
        Which profiles the witness chooses; other ones for another seed.
    reads : bool
        Whether there is anything to read.
    verifies : bool
        Whether there are results for a witness.
    """
    settings = config.executor
    opened = partial(
        open_executor,
        settings.kind,
        workers=settings.workers,
        timeout=settings.timeout,
        memory=settings.memory,
        address=settings.address,
    )
    with ExitStack() as stack:
        if settings.kind == "dask":
            reading = calculating = verifying = stack.enter_context(
                opened(preload=READING + CALCULATING)
            )
        else:
            reading = stack.enter_context(opened(preload=READING))
            calculating = stack.enter_context(opened(preload=CALCULATING))
            verifying = stack.enter_context(opened(preload=CALCULATING))
        if reads:
            reading.prepare()
        if config.engine == "metpy" or config.custom or verifies:
            calculating.prepare()
        witness = None
        if verifies:
            from pipeline.verify import comparable
            from pipeline.witness import Witness

            wanted = comparable(names, config.parcel_rules)
            witness = stack.enter_context(
                Witness(verifying, wanted, config.quality, config.verify, seed)
            )
        import xarray  # noqa: F401  # what this process needs, while workers load what they need

        yield Crew(reading, calculating, witness)
