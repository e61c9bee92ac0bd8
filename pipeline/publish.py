"""One season of what is kept from the last output and what was finished since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import joining, messages, ragged
from pipeline.flags import SourceStatus
from pipeline.plan import Action, Item, Plan
from pipeline.schema import SOURCE_ATTRIBUTES

if TYPE_CHECKING:
    import xarray as xr


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
    parts = [_of_sources(batch, work) for batch in batches]
    _agree(parts)
    if published is not None:
        kept = _kept(plan.kept, keep_gone=keep_gone)
        parts.append(_marked(_without(_of_sources(published, kept), plan.removed), kept))
    whole = joining.concatenate(parts)
    return joining.in_canonical_order(whole, names)


def _kept(items: Iterable[Item], *, keep_gone: bool) -> dict[str, Item]:
    """Return the sources that stay as they are; of gone ones those that have profiles."""
    return {
        item.path: item
        for item in items
        if item.action is not Action.GONE or (keep_gone and item.known and item.known.positions)
    }


def _of_sources(dataset: xr.Dataset, paths: Iterable[str]) -> xr.Dataset:
    """Return the rows of some sources, with their profiles."""
    rows = np.isin(dataset["source_path"].values.astype(str), np.array([*paths], dtype=str))
    profiles = np.append(rows, False)[dataset["source_index"].values]
    return ragged.select(dataset, profiles, sources=rows)


def _agree(parts: Sequence[xr.Dataset]) -> None:
    """Let the last batch have the word where several hold the row of one source."""
    rows: dict[str, tuple[Any, ...]] = {}
    for part in parts:
        values = zip(*(part[name].values for name in SOURCE_ATTRIBUTES), strict=True)
        rows |= dict(zip(part["source_path"].values, values, strict=True))
    for part in parts:
        for place, path in enumerate(part["source_path"].values):
            for name, value in zip(SOURCE_ATTRIBUTES, rows[path], strict=True):
                part[name].values[place] = value


def _without(dataset: xr.Dataset, removed: Sequence[str]) -> xr.Dataset:
    """Return a dataset without some results, and without a word about them."""
    if not removed:
        return dataset
    dataset = dataset.drop_vars([name for name in removed if name in dataset.variables])
    texts = dataset["calculation_message"].values.copy()
    for place, text in enumerate(texts):
        missing, warnings = messages.taken_apart(text)
        left = [name for name in missing if name not in removed]
        texts[place] = messages.about_results(missing, warnings, left)
    return dataset.assign(calculation_message=dataset["calculation_message"].copy(data=texts))


def _marked(dataset: xr.Dataset, kept: Mapping[str, Item]) -> xr.Dataset:
    """Return a dataset whose source table says what is gone, and what holds for the rest."""
    recipes = dataset["source_recipe"].values.copy()
    statuses = dataset["source_status"].values.copy()
    for place, path in enumerate(dataset["source_path"].values):
        item = kept[path]
        if item.action is Action.GONE:
            statuses[place] = SourceStatus.GONE
        elif item.recipe:
            recipes[place] = item.recipe
    return dataset.assign(
        source_recipe=dataset["source_recipe"].copy(data=recipes),
        source_status=dataset["source_status"].copy(data=statuses),
    )
