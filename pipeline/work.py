"""The work of a run, batch by batch: read, check, calculate, judge, commit.

A batch is some profiles, whatever sources they come from: each is committed whole before the next
one begins, so a run that is killed loses the batch in hand and no more.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from pipeline import ragged, stations
from pipeline.calculate import calculate, merge, wanted
from pipeline.columns import clean_text
from pipeline.load import Found, check, locate, read
from pipeline.plan import Item, Plan, limits_of
from pipeline.report.memory import Memory, peak_memory

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.calculations import Calculation
    from pipeline.config import Config
    from pipeline.crew import Crew
    from pipeline.engines.evaluation import Evaluation
    from pipeline.executors import Failure
    from pipeline.interrupts import Interrupt
    from pipeline.journal import Journal
    from pipeline.plan import Selection
    from pipeline.profiles import SourceRow
    from pipeline.stations import Station

log = logging.getLogger("pipeline")

#: A batch is to last so long: what a kill can cost. The first one has so many profiles a worker.
BATCH_SECONDS = 10.0
FIRST_BATCH = 8
LARGEST_BATCH = 4000
#: Files of so many bytes are read before anything is computed from them.
READ_BYTES = 64_000_000


@dataclass
class Tally:
    """What the work has come to so far."""

    seconds: dict[str, float] = field(default_factory=dict)
    profiles: int = 0
    batches: int = 0
    warnings: Counter[str] = field(default_factory=Counter)
    memory: Memory | None = None
    left_out: set[str] = field(default_factory=set)
    """New sources without a sounding that was asked for; they stay new."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the seconds of the block to a stage, without those of stages within it."""
        began, before = time.perf_counter(), sum(self.seconds.values())
        try:
            yield
        finally:
            within = sum(self.seconds.values()) - before
            spent = time.perf_counter() - began - within
            self.seconds[name] = self.seconds.get(name, 0.0) + spent


@dataclass
class Work:
    """The work of one run.

    Parameters
    ----------
    config : Config
    crew : Crew
        Who reads, and who runs MetPy.
    journal : Journal
        Where finished batches go.
    positions : mapping of str to Station
        The table of stations.
    selection : Selection
        What the run is narrowed to.
    interrupt : Interrupt
        Asked after each batch whether to go on.
    tally : Tally
        Where it is counted.
    event : callable
        Told of each batch.
    """

    config: Config
    crew: Crew
    journal: Journal
    positions: Mapping[str, Station]
    selection: Selection
    interrupt: Interrupt
    tally: Tally
    event: Callable[..., None]
    names: list[str] = field(init=False)
    custom: tuple[Calculation, ...] = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.names, self.custom = wanted(self.config)
        first = {"metpy": self._fewest, "compiled": LARGEST_BATCH}
        self.size = first[self.config.engine]

    @property
    def _fewest(self) -> int:
        """The profiles of the smallest batch."""
        return FIRST_BATCH * self.crew.calculating.workers

    def of(self, plan: Plan, published: xr.Dataset | None) -> Iterator[None]:
        """Do all of it.

        Yields
        ------
        None
            For each source that is done.
        """
        yield from self.from_sources(plan)
        if published is not None:
            yield from self.from_output(plan, published)

    def from_sources(self, plan: Plan) -> Iterator[None]:
        """Read what the plan says, and compute everything from it."""
        waiting = deque(plan.to_read)
        while items := self._next(waiting):
            with self.tally.stage("read"):
                rows, found = self._read(items)
            done = {row.path: _still_done(row, item) for row, item in zip(rows, items, strict=True)}
            rows, found = self._wanted(rows, found, items)
            yield from (None for item in items if item.path in self.tally.left_out)
            yield from (None for row in rows if not row.profiles)
            todo = [one for one in found if one.position not in done[rows[one.source].path]]
            while True:  # once at least: what holds no sounding is committed too
                part, todo = todo[: self.size], todo[self.size :]
                with self.tally.stage("check"):
                    dataset = check(rows, part, self.config.quality)
                yield from self._finish(dataset, self.names)
                if not todo:
                    break

    def _next(self, waiting: deque[Item]) -> list[Item]:
        """Take the sources to read next: so many, or so large, as are held in memory together."""
        items: list[Item] = []
        room = READ_BYTES
        while waiting and len(items) < self.size and room > 0:
            items.append(waiting.popleft())
            room -= _size_of(items[-1])
        return items

    def from_output(self, plan: Plan, published: xr.Dataset) -> Iterator[None]:
        """Compute what is only lacking, from the cleaned levels in the output."""
        for added in dict.fromkeys(item.added for item in plan.to_extend):
            waiting = iter([item for item in plan.to_extend if item.added == added])
            while items := list(islice(waiting, self.size)):
                dataset = profiles_of(published, items)
                names = [name for name in self.names if name in added]
                yield from self._finish(dataset, names)

    def _read(self, items: Sequence[Item]) -> tuple[list[SourceRow], list[Found]]:
        """Read some sources, and say in their rows what they are worked on with."""
        rows, found = read(
            [item.source for item in items if item.source],
            self.crew.reading,
            self.config.output_path.parent,
            limits=limits_of(self.config),
            fingerprints=[item.fingerprint for item in items],
        )
        station_ids: list[list[str]] = [[] for _ in rows]
        for one in found:
            station_ids[one.source].append(clean_text(one.profile.station_id))
        for row, item, names in zip(rows, items, station_ids, strict=True):
            row.recipe = item.recipe
            row.stations = stations.fingerprint(names, self.positions)
        locate(found, self.positions)
        return rows, found

    def _wanted(
        self, rows: list[SourceRow], found: list[Found], items: Sequence[Item]
    ) -> tuple[list[SourceRow], list[Found]]:
        """Leave out new sources that have nothing of what was asked for: they stay new."""
        if not self.selection.narrows:
            return rows, found
        has = {
            one.source
            for one in found
            if self.selection.has([one.profile.station_id], one.profile.time)
        }
        kept = [index for index, item in enumerate(items) if item.known or index in has]
        self.tally.left_out |= {rows[index].path for index in set(range(len(rows))) - set(kept)}
        place = {old: new for new, old in enumerate(kept)}
        return [rows[index] for index in kept], [
            one._replace(source=place[one.source]) for one in found if one.source in place
        ]

    def _finish(self, dataset: xr.Dataset, names: Sequence[str]) -> Iterator[None]:
        """Calculate, judge and commit a batch; yield for each source whose last profile it has."""
        began = time.perf_counter()
        last = dataset["source_profiles"].values[dataset["source_index"].values] - 1
        ends = dataset["source_position"].values == last
        evaluations: list[Evaluation | Failure] = []
        if self.crew.witness:
            self.crew.witness.begin(dataset)
        with self.tally.stage("calculate"):
            found = calculate(
                dataset,
                names,
                self.custom,
                self.config.quality,
                self.crew.calculating,
                engine=self.config.engine,
                parcel_rules=self.config.parcel_rules,
            )
            for is_last, evaluation in zip(ends, found, strict=True):
                evaluations.append(evaluation)
                if is_last:
                    yield None
            judged = self.config.quality.post_conditions
            self.tally.warnings += merge(dataset, evaluations, names, self.custom, judged=judged)
        with self.tally.stage("commit"):
            self.journal.commit(dataset, self.selection.asked_for)
        self.tally.batches += 1
        self.tally.profiles += len(evaluations)
        self.tally.memory = peak_memory(self.tally.memory)
        log.info("batch %d: %d profiles", self.tally.batches, len(evaluations))
        self.event("batch", number=self.tally.batches, profiles=len(evaluations))
        self._choose_size(len(evaluations), time.perf_counter() - began)
        self.interrupt.demand_none(
            f"{self.tally.profiles} profiles of tonight are finished and kept; run the same again "
            "to go on from there"
        )

    def _choose_size(self, profiles: int, seconds: float) -> None:
        """Make the next batch last as long as it should, in no more than double steps."""
        if profiles >= self.size:
            wanted_size = int(profiles * BATCH_SECONDS / max(seconds, 0.01))
            self.size = max(self._fewest, min(wanted_size, 2 * self.size, LARGEST_BATCH))


def _still_done(row: SourceRow, item: Item) -> frozenset[int]:
    """Return which profiles of a source an interrupted run has finished, as it is read now."""
    then, now = (item.fingerprint, item.done_stations), (row.fingerprint, row.stations)
    return item.done if then == now else frozenset()


def _size_of(item: Item) -> int:
    """Return the size of a source's file in bytes, as far as that can be known."""
    try:
        return item.source.path.stat().st_size if item.source else 0
    except OSError:
        return 0


def profiles_of(published: xr.Dataset, items: Sequence[Item]) -> xr.Dataset:
    """Return the profiles of some sources that are not finished, for results to be added."""
    rows = {path: row for row, path in enumerate(published["source_path"].values)}
    chosen = np.array([rows[item.path] for item in items])
    of_row = dict(zip(chosen.tolist(), items, strict=True))
    places = zip(
        published["source_index"].values.tolist(),
        published["source_position"].values.tolist(),
        strict=True,
    )
    wanted_here = [
        source in of_row and position not in of_row[source].done for source, position in places
    ]
    dataset = ragged.select(published, wanted_here, sources=chosen)
    recipes = np.array([of_row[row].recipe for row in chosen.tolist()], dtype=object)
    dataset["source_recipe"] = dataset["source_recipe"].copy(data=recipes)
    return dataset
