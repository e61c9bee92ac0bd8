"""What a run has to do: which sources are new, changed, unchanged, to be tried again or gone.

The last output says itself what it was made from (:mod:`pipeline.state`), by content and by
recipe, never by the time of a file. Each source that is worked on has its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from pipeline import readers, stations
from pipeline.errors import PipelineError
from pipeline.flags import SourceStatus
from pipeline.readers.limits import Limits
from pipeline.recipe import Change, compare, recipes
from pipeline.sources import Source, relative_path
from pipeline.state import Known, State

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.stations import Station


CANNOT_BE_OPENED = "cannot be opened now"


class Action(StrEnum):
    """What a run does about a source."""

    NEW = "new"
    CHANGED = "changed"
    RETRIED = "retried"
    UNCHANGED = "unchanged"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user narrows or widens a run to.

    Parameters
    ----------
    force : bool
        Work on every source, changed or not.
    retry_failed : bool
        Work again on what was quarantined, unreadable or failed.
    since : numpy.datetime64, optional
        Only sources with a sounding at or after this time.
    station_ids : frozenset of str
        Only sources with a sounding of one of these stations; empty for all.
    """

    force: bool = False
    retry_failed: bool = False
    since: np.datetime64 | None = None
    station_ids: frozenset[str] = frozenset()

    @property
    def asked_for(self) -> str:
        """The option to work on what nothing has changed about; empty without one."""
        return "force" if self.force else "retry-failed" if self.retry_failed else ""

    @property
    def narrows(self) -> bool:
        """Whether it leaves out anything."""
        return self.since is not None or bool(self.station_ids)

    def has(self, station_ids: Iterable[str], last_time: np.datetime64) -> bool:
        """Tell whether soundings of these stations, the last one at this time, are wanted."""
        late = self.since is None or bool(last_time >= self.since)
        return late and (not self.station_ids or not self.station_ids.isdisjoint(station_ids))


@dataclass(frozen=True, slots=True)
class Item:
    """A source in the plan.

    Parameters
    ----------
    path : str
        As in the source table, relative to the folder of the output.
    action : Action
    why : str
        For a person; empty where the action says enough.
    source : Source or None
        Where it is and how to read it; None where it is gone.
    fingerprint, recipe : str
        Of today.
    added : tuple of str
        The only calculations to compute, from the cleaned levels in the output; empty where the
        source is read anew.
    known : Known or None
        What the output says of it.
    done : frozenset of int
        The places of those of its profiles that an interrupted run has finished.
    done_stations : str
        What the table of stations said about the source in that run.
    finished : bool
        That run has finished all of them.
    """

    path: str
    action: Action
    why: str = ""
    source: Source | None = None
    fingerprint: str = ""
    recipe: str = ""
    added: tuple[str, ...] = ()
    known: Known | None = None
    done: frozenset[int] = frozenset()
    done_stations: str = ""
    finished: bool = False

    @property
    def is_work(self) -> bool:
        """Whether anything is to be read or computed for it."""
        return self.action in (Action.NEW, Action.CHANGED, Action.RETRIED)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run has to do."""

    items: list[Item] = field(default_factory=list)
    rewrite: str = ""
    """Why the output is to be written although no source needs work; empty where it is not."""

    @property
    def to_read(self) -> list[Item]:
        """The sources to read, other than those that are finished."""
        return [item for item in self.items if item.is_work and not (item.added or item.finished)]

    @property
    def to_extend(self) -> list[Item]:
        """The sources whose profiles only lack some calculations."""
        return [item for item in self.items if item.added and not item.finished]

    @property
    def to_do(self) -> list[Item]:
        """The sources that there is still something to do for."""
        return [*self.to_read, *self.to_extend]

    @property
    def kept(self) -> list[Item]:
        """The sources whose profiles are taken over from the last output."""
        return [item for item in self.items if not item.is_work]

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do, and nothing to write."""
        return not self.rewrite and not any(item.is_work for item in self.items)

    @property
    def counts(self) -> dict[str, int]:
        """How many sources there are for each action."""
        found = Counter(item.action for item in self.items)
        return {action.value: found[action] for action in Action}

    @property
    def reasons(self) -> list[tuple[str, str, int]]:
        """What is done why for how many sources, the most frequent first."""
        found = Counter((item.action.value, item.why) for item in self.items if item.why)
        return [(action, why, count) for (action, why), count in found.most_common()]


def make_plan(
    published: State,
    config: Config,
    sources: Sequence[Source],
    committed: Mapping[str, Known] | None = None,
    positions: Mapping[str, Station] | None = None,
    selection: Selection = Selection(),
) -> Plan:
    """Return what a run has to do.

    Parameters
    ----------
    published : State
        What the last output says.
    config : Config
    sources : sequence of Source
        What is there today.
    committed : mapping of str to Known
        What an interrupted run has finished since, by path.
    positions : mapping of str to Station
        The table of stations.
    selection : Selection
        What the user narrows or widens the run to.
    """
    base, limits = config.output_path.parent, limits_of(config)
    paths = [relative_path(source.path, base) for source in sources]
    lost = _by_fingerprint(published, set(paths))
    items: dict[str, Item] = {}
    for path, source, recipe in zip(paths, sources, recipes(config, sources), strict=True):
        known = published.sources.get(path)
        if known and not selection.has(known.station_ids, known.last_time):
            items[path] = Item(path, Action.UNCHANGED, "not selected", known=known)
            continue
        fingerprint = readers.fingerprint(source.path, limits)
        known = known or lost.pop(fingerprint, None)
        item = Item(
            path, Action.NEW, source=source, fingerprint=fingerprint, recipe=recipe, known=known
        )
        if known:
            item = _judged(item, known, positions or {}, selection)
        items[path] = _taken_up(item, (committed or {}).get(path), positions or {}, selection)
    moved = {item.known.path for item in items.values() if item.known}
    for path, known in published.sources.items():
        if path not in items and path not in moved:
            items[path] = Item(path, Action.GONE, "no longer among the input", known=known)
    plan = Plan([items[path] for path in sorted(items)])
    return replace(plan, rewrite=_why_rewrite(plan, config, published))


def _by_fingerprint(published: State, there: Container[str]) -> dict[str, Known]:
    """Return the sources that are not where they were, by their content: one may be renamed."""
    return {
        known.fingerprint: known
        for path, known in published.sources.items()
        if path not in there and known.fingerprint
    }


def limits_of(config: Config) -> Limits:
    """Return the limits of a config as readers take them."""
    return Limits(**config.limits.model_dump())


def _judged(
    item: Item, known: Known, positions: Mapping[str, Station], selection: Selection
) -> Item:
    """Return the item of a source that the output knows, with what is to be done about it."""
    change = compare(known.recipe, item.recipe, failed=known.is_bad, reader=known.reader)
    if not item.fingerprint and known.positions:
        # It is there and cannot be opened: what was read from it before is not lost for that.
        return replace(item, action=Action.GONE, why=CANNOT_BE_OPENED)
    if selection.force:
        return replace(item, action=Action.CHANGED, why="forced")
    if known.status == SourceStatus.GONE:
        return replace(item, action=Action.CHANGED, why="it is back")
    if item.fingerprint != known.fingerprint:
        return replace(item, action=Action.CHANGED, why="content changed")
    located = stations.fingerprint(known.station_ids, positions) == known.stations
    if change.why and not _is_enough(change, known):
        only_added = change.only_calculations and not change.removed and located
        added = change.added if only_added and known.path == item.path else ()
        action = Action.RETRIED if known.is_bad else Action.CHANGED
        return replace(item, action=action, why="; ".join(change.why), added=added)
    if not located:
        return replace(item, action=Action.CHANGED, why="the table of stations changed")
    if selection.retry_failed and known.is_bad:
        return replace(item, action=Action.RETRIED, why="asked for")
    renamed = f"renamed from {known.path}" * (known.path != item.path)
    return replace(item, action=Action.UNCHANGED, why=renamed)


def _is_enough(change: Change, known: Known) -> bool:
    """Tell whether what the output has of a source will do, with some results left out."""
    if not change.only_calculations:
        return False
    # A verdict or warning may come from a result that is no longer wanted: one cannot tell.
    only_dropped = bool(change.removed) and not change.added and not known.said
    return only_dropped or not known.positions


def _taken_up(
    item: Item,
    committed: Known | None,
    positions: Mapping[str, Station],
    selection: Selection,
) -> Item:
    """Return an item with what an interrupted run has done of it, if that is still right.

    Who asks for all to be done again, or for what failed, is not content with what a run has done
    that was not asked this.
    """
    if committed is None or not item.is_work:
        return item
    answers = selection.asked_for in ("", committed.asked_for)
    if not answers and (selection.force or committed.is_bad):
        return item
    if (committed.fingerprint, committed.recipe) != (item.fingerprint, item.recipe):
        return item
    finished = len(committed.positions) == committed.profiles
    located = stations.fingerprint(committed.station_ids, positions) == committed.stations
    if finished and not located:
        return item
    return replace(
        item,
        done=frozenset(committed.positions),
        done_stations=committed.stations,
        finished=finished,
    )


def settled(plan: Plan, committed: Mapping[str, Known], left_out: Container[str]) -> Plan:
    """Return a plan as the work has left it, which is done.

    Parameters
    ----------
    plan : Plan
    committed : mapping of str to Known
        What the batches hold, by path.
    left_out : container of str
        Paths of new sources that had nothing of what was asked for.

    Returns
    -------
    Plan
        A source that could not be opened when its turn came keeps what the last output has of it.

    Raises
    ------
    PipelineError
        When anything that was to be done is not there.
    """
    items = []
    for item in plan.items:
        found = committed.get(item.path)
        if not item.is_work or item.path in left_out:
            items.append(item)
        elif found is None or found.positions != tuple(range(found.profiles)):
            raise PipelineError(
                f"{item.path}: what was computed from it is no longer among the finished batches; "
                "somebody has removed some. Nothing was published; run again"
            )
        elif not found.fingerprint and not found.positions and item.known and item.known.positions:
            items.append(replace(item, action=Action.GONE, why=CANNOT_BE_OPENED, added=()))
        else:
            items.append(item)
    return replace(plan, items=items)


def _removed(items: Iterable[Item]) -> tuple[str, ...]:
    """Return the calculations that kept profiles have and the config does not want any more."""
    gone: dict[str, None] = {}
    kept = [item for item in items if item.known and item.action is not Action.GONE]
    for recipe, new in {(item.known.recipe, item.recipe) for item in kept if item.known}:
        if recipe and new:
            gone |= dict.fromkeys(compare(recipe, new, failed=False).removed)
    return tuple(gone)


def _why_rewrite(plan: Plan, config: Config, published: State) -> str:
    """Return why the output is to be written even if no source needs work."""
    for item in plan.items:
        if item.action is Action.GONE and item.known:
            leaves = item.source is None and config.gone_sources == "remove"
            leaves |= not item.known.positions
            if leaves or item.known.status != SourceStatus.GONE:
                return "sources are gone"
        elif item.known and item.known.path != item.path:
            return "sources are renamed"
    if removed := _removed(plan.items):
        return f"calculations removed: {', '.join(removed)}"
    if not published.sources:
        return "there is no output yet"
    if published.attributes.get("configuration") != config.normalized():
        return "the config changed, in nothing that is computed"
    return ""
