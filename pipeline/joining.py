"""Putting ragged datasets together: what nights and batches have made becomes one season.

Whatever the parts, the whole is the same: cut a dataset into parts, in time or in the middle of a
source, put them together in any order, and every bit is where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import columns, schema
from pipeline.ragged import Indices, in_order, to_dataset

if TYPE_CHECKING:
    import xarray as xr


def concatenate(datasets: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return several ragged datasets as one.

    Parameters
    ----------
    datasets : sequence of xarray.Dataset
        Ragged. Results and extras that only some of them have are missing in the others.
        A source may stand in several of them, with the same row.

    Returns
    -------
    xarray.Dataset
        In the order of :func:`to_dataset`, ids given anew: cutting a dataset into parts and
        putting these together gives it back.

    Raises
    ------
    ValueError
        When the datasets disagree about a source, about units, or about what is in them.
    """
    import xarray as xr

    if not datasets:
        return to_dataset([], [])
    datasets = [_with_steps_of_today(dataset) for dataset in datasets]
    table, moved = _merged_sources(datasets)
    parts = [_without_empty_extras(dataset.drop_dims("source")) for dataset in datasets]
    parts = _with_common_names(parts)
    names = dict.fromkeys(str(name) for part in parts for name in part.variables)
    joined = xr.Dataset({name: _joined(name, parts) for name in names}, attrs=datasets[0].attrs)
    joined = joined.set_coords({name for part in parts for name in part.coords}).assign(table)
    joined["source_index"] = joined["source_index"].copy(data=np.concatenate(moved))
    return in_order(joined)


def _merged_sources(
    datasets: Sequence[xr.Dataset],
) -> tuple[dict[str, columns.Parts], list[Indices]]:
    """Return one source table for all datasets, and each one's ``source_index`` into it."""
    rows: dict[str, tuple[Any, ...]] = {}
    for dataset in datasets:
        table = (dataset[name].values.tolist() for name in schema.SOURCE_ATTRIBUTES)
        for row in zip(*table, strict=True):
            if rows.setdefault(row[0], row) != row:
                raise ValueError(f"two datasets disagree about the source {row[0]!r}")
    position = {path: index for index, path in enumerate(rows)}
    moved = []
    for dataset in datasets:
        places = [position[path] for path in dataset["source_path"].values]
        moved.append(np.array([*places, -1], np.int32)[dataset["source_index"].values])
    merged: dict[str, columns.Parts] = {}
    for column, name in enumerate(schema.SOURCE_ATTRIBUTES):
        variable = datasets[0].variables[name]
        values = np.array([rows[path][column] for path in position], variable.dtype)
        merged[name] = (("source",), values, variable.attrs)
    return merged, moved


def _without_empty_extras(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset without the extras of profiles that are no longer in it."""
    variables = dataset.variables.items()
    empty = [name for name, one in variables if is_extra(one) and np.isnan(one.values).all()]
    return dataset.drop_vars(empty)


def _with_common_names(datasets: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Return datasets whose extras are named as if all profiles had come together."""
    own = [
        {
            str(name): (variable.attrs["reported_name"], variable.attrs["units"])
            for name, variable in dataset.variables.items()
            if is_extra(variable)
        }
        for dataset in datasets
    ]
    # What is an extra in one of them may be the name of a result in another.
    results = {
        str(name)
        for dataset, extras in zip(datasets, own, strict=True)
        for name in dataset.variables
        if name not in extras and name not in schema.DIMENSIONS
    }
    names = columns.extra_names((extra for extras in own for extra in extras.values()), results)
    return [
        dataset.rename({name: names[extra] for name, extra in extras.items()})
        for dataset, extras in zip(datasets, own, strict=True)
    ]


def _joined(name: str, parts: Sequence[xr.Dataset]) -> xr.Variable:
    """Return a variable of several datasets end to end, missing where one lacks it."""
    import xarray as xr

    found = [part.variables[name] for part in parts if name in part.variables]
    first = found[0]
    if any(other.attrs.get("units") != first.attrs.get("units") for other in found):
        raise ValueError(f"the datasets have {name} in different units")
    if not {"profile", "level"} & set(first.dims):
        if not all(other.equals(first) for other in found):
            raise ValueError(f"the datasets disagree about {name}")
        return first
    attributes = first.attrs
    if is_extra(first):
        attributes = min((other.attrs for other in found), key=_preference)
    pieces = []
    for part in parts:
        if name in part.variables:
            pieces.append(part.variables[name].values)
            continue
        shape = [part.sizes[dimension] for dimension in first.dims]
        if first.dtype.kind != "f" and 0 not in shape:
            raise ValueError(f"only some of the datasets have {name}")
        pieces.append(np.full(shape, np.nan if first.dtype.kind == "f" else "", first.dtype))
    return xr.Variable(first.dims, np.concatenate(pieces), attributes)


def _preference(attributes: schema.Attributes) -> tuple[bool, str]:
    """Return what orders the descriptions of an extra, as if all profiles had come together."""
    long_name = str(attributes.get("long_name", ""))
    return long_name == attributes.get("reported_name"), long_name


def _with_steps_of_today(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset whose cleaning is counted by the steps that there are now."""
    old = dataset["cleaning_step_name"].values.tolist()
    if old == list(schema.STEP_LABELS):
        return dataset
    counts = np.zeros((dataset.sizes["profile"], len(schema.STEP_LABELS)), np.int32)
    for column, label in enumerate(schema.STEP_LABELS):
        if label in old:
            counts[:, column] = dataset["cleaning_count"].values[:, old.index(label)]
    about = dataset["cleaning_count"].attrs, dataset["cleaning_step_name"].attrs
    return dataset.drop_dims("cleaning_step").assign(
        cleaning_count=(("profile", "cleaning_step"), counts, about[0]),
        cleaning_step_name=(("cleaning_step",), columns.texts(schema.STEP_LABELS), about[1]),
    )


def in_canonical_order(dataset: xr.Dataset, results: Iterable[str]) -> xr.Dataset:
    """Return a dataset with its variables in the one order: data, extras, results.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged.
    results : iterable of str
        The names of what was computed, in the order wanted.
    """
    wanted = list(results)
    base = [str(name) for name in to_dataset([], []).variables]
    extras = sorted(
        (str(name) for name, variable in dataset.variables.items() if is_extra(variable)),
        key=lambda name: (dataset[name].attrs["reported_name"], dataset[name].attrs["units"]),
    )
    known = [name for name in [*base, *extras, *wanted] if name in dataset.variables]
    rest = [str(name) for name in dataset.variables if name not in set(known)]
    coordinates = set(dataset.coords)
    ordered = {name: dataset.variables[name] for name in [*known, *rest]}
    whole = type(dataset)(ordered, attrs=dataset.attrs)
    return whole.set_coords([name for name in ordered if name in coordinates])


def is_extra(variable: xr.Variable) -> bool:
    """Tell whether a variable is one that a format brought beyond the six."""
    return "reported_name" in variable.attrs
