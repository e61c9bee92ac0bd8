"""One season of what is kept from the last output and what was finished since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline import joining, messages, ragged
from pipeline.calculate import place_in_output
from pipeline.flags import SourceStatus
from pipeline.plan import Action, Item, Plan
from pipeline.schema import DIMENSIONS, GLOBAL_ATTRIBUTES, SOURCE_ATTRIBUTES

if TYPE_CHECKING:
    import xarray as xr


#: What tells one state of a source, as it was worked on, from another.
STATE = ("source_path", "source_fingerprint", "source_recipe", "source_stations")


def assemble(
    plan: Plan,
    published: xr.Dataset | None,
    batches: Iterable[xr.Dataset],
    names: Sequence[str],
    *,
    left_out: Iterable[str] = (),
    keep_gone: bool = True,
) -> xr.Dataset:
    """Return the season as it is to be published.

    Parameters
    ----------
    plan : Plan
    published : xarray.Dataset or None
        The last output; None where there is none to take anything from.
    batches : iterable of xarray.Dataset
        What was finished since, in the order in which it was.
    names : sequence of str
        The results, in the order wanted.
    left_out : iterable of str
        Paths of sources that are to stay out.
    keep_gone : bool
        Whether profiles stay whose source is no longer there.

    Returns
    -------
    xarray.Dataset
        Ragged. It does not depend on which night or batch computed what.
    """
    work = {item.path for item in plan.items if item.is_work} - set(left_out)
    fresh = [_only_wanted(part, names) for part in _finished([*batches], work)]
    _agree(fresh)
    old: list[xr.Dataset] = []
    if published is not None:
        kept = _kept(plan.kept, keep_gone=keep_gone)
        old = [_marked(part, kept) for part in _taken_over(published, kept, names)]
    whole = joining.concatenate([*fresh, *(_fitting(part, fresh) for part in old)])
    whole.attrs = dict(GLOBAL_ATTRIBUTES)  # what the parts say of themselves holds for none else
    return joining.in_canonical_order(whole, names)


def _finished(batches: Sequence[xr.Dataset], paths: Collection[str]) -> list[xr.Dataset]:
    """Return what batches hold of some sources, each profile once.

    Where a source has changed between two interrupted runs, the last batch has the word.
    """
    last: dict[str, tuple[str, ...]] = {}
    seen: set[tuple[str, int]] = set()
    parts = []
    for batch in reversed(batches):
        states = zip(*(batch[name].values for name in STATE), strict=True)
        rows = {
            index: state[0]
            for index, state in enumerate(states)
            if state[0] in paths and last.setdefault(state[0], state) == state
        }
        of_profiles = batch["source_index"].values.tolist(), batch["source_position"].values
        places = [(rows.get(row, ""), int(place)) for row, place in zip(*of_profiles, strict=True)]
        new = [bool(place[0]) and place not in seen for place in places]
        seen |= set(places)
        if rows:
            parts.append(ragged.select(batch, new, sources=[*rows]))
    return parts[::-1]


def _kept(items: Iterable[Item], *, keep_gone: bool) -> dict[str, Item]:
    """Return the sources that stay, by the path they had; of gone ones those with profiles."""
    return {
        item.known.path if item.known else item.path: item
        for item in items
        if item.action is not Action.GONE
        or (item.known and item.known.positions and (keep_gone or item.source))
    }


def _taken_over(
    published: xr.Dataset, kept: Mapping[str, Item], names: Sequence[str]
) -> Iterator[xr.Dataset]:
    """Yield what stays of the last output, without results that are no longer wanted.

    Those of sources that nobody has looked at tonight stay as they are: their recipes say so.
    """
    looked_at = {path for path, item in kept.items() if item.recipe or item.action is Action.GONE}
    for paths in (looked_at, kept.keys() - looked_at):
        rows, profiles = ragged.of_sources(published, paths)
        part = ragged.select(published, profiles, sources=rows)
        if part.sizes["source"]:
            yield _only_wanted(part, names) if paths is looked_at else part


def _only_wanted(dataset: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Return a dataset without results other than these."""
    known = {*DIMENSIONS, "calculation_message", *names}
    variables = dataset.variables.items()
    others = [str(n) for n, one in variables if n not in known and not joining.is_extra(one)]
    return _without(dataset, others)


def _fitting(part: xr.Dataset, fresh: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return a part of the last output without results that are something else tonight.

    A user's own calculation may have other units now, or one value a level. What is kept then has
    none: of a source that is gone for ever, else until it is worked on with the new one.
    """
    other = {
        str(name)
        for new in fresh
        for name, variable in new.variables.items()
        if name in part.variables and not joining.is_extra(variable)
        if _kind(variable) != _kind(part.variables[name])
    }
    return _without(part, other)


def _kind(variable: xr.Variable) -> tuple[Any, ...]:
    return variable.dims, variable.attrs.get("units")


def _agree(parts: Sequence[xr.Dataset]) -> None:
    """Let the last batch have the word where several hold the row of one source."""
    rows: dict[str, tuple[Any, ...]] = {}
    for part in parts:
        rows |= zip(part["source_path"].values, _source_table(part), strict=True)
    for part in parts:
        agreed = zip(*(rows[path] for path in part["source_path"].values), strict=True)
        for name, values in zip(SOURCE_ATTRIBUTES, agreed, strict=False):  # none without a source
            part[name].values[:] = values


def _source_table(part: xr.Dataset) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a dataset's source table."""
    return zip(*(part[name].values.tolist() for name in SOURCE_ATTRIBUTES), strict=True)


def _without(dataset: xr.Dataset, removed: Collection[str]) -> xr.Dataset:
    """Return a dataset without some results, and without a word about them."""
    if not removed:
        return dataset
    there = [name for name in removed if name in dataset.variables]
    dataset = dataset.drop_vars([n for n in there if not joining.is_extra(dataset.variables[n])])
    texts = dataset["calculation_message"].values.copy()
    for place, text in enumerate(texts):
        missing, warnings = messages.taken_apart(text)
        left = sorted(set(missing) - set(removed), key=place_in_output)
        texts[place] = messages.about_results(missing, warnings, left)
    return dataset.assign(calculation_message=dataset["calculation_message"].copy(data=texts))


def _marked(dataset: xr.Dataset, kept: Mapping[str, Item]) -> xr.Dataset:
    """Return a dataset whose source table says what is gone, and what holds for the rest."""
    recipes = dataset["source_recipe"].values.copy()
    statuses = dataset["source_status"].values.copy()
    paths = dataset["source_path"].values.copy()
    for place, path in enumerate(dataset["source_path"].values):
        item = kept[path]
        paths[place] = item.path
        if item.action is Action.GONE:
            statuses[place] = SourceStatus.GONE
        elif item.recipe:
            recipes[place] = item.recipe
    return dataset.assign(
        source_path=dataset["source_path"].copy(data=paths),
        source_recipe=dataset["source_recipe"].copy(data=recipes),
        source_status=dataset["source_status"].copy(data=statuses),
    )
