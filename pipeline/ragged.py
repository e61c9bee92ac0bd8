"""Many profiles in one dataset: CF's contiguous ragged form, the same in memory and on disk.

All profiles' levels lie end to end along ``level``; ``row_size`` says how many belong to each
``profile``. A mix of 30-level and 6000-level profiles costs what it holds. Every input is a row of
the source table (dimension ``source``), also one without a profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline import columns, schema
from pipeline.flags import QC, Status
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, SourceRow

if TYPE_CHECKING:
    import xarray as xr

Indices = NDArray[np.int64]


def to_dataset(checked: Sequence[CheckedProfile], sources: Sequence[SourceRow]) -> xr.Dataset:
    """Return profiles and the sources they came from as one ragged dataset.

    Parameters
    ----------
    checked : sequence of CheckedProfile
        In any order, but those of one source in the order of that source. Levels from the
        surface up.
    sources : sequence of SourceRow
        Every input, also those without a profile, each path once. The profiles'
        ``source_index`` counts into it; -1 where a profile has none.

    Returns
    -------
    xarray.Dataset
        Dimensions ``profile``, ``level``, ``source`` and ``cleaning_step``. Profiles are sorted by
        time (missing ones last), station, source path and position in the source, sources by
        path: the same content gives the same dataset, in whatever order it comes.

    Raises
    ------
    ValueError
        When indices, counts or lengths contradict each other.

    Examples
    --------
    >>> from pipeline.profiles import LEVEL_VARIABLES, Profile
    >>> profile = Profile(pressure=[1000.0, 925.0], station_id="06610")
    >>> qc = {name: np.full(2, QC.GOOD, np.int8) for name in LEVEL_VARIABLES}
    >>> dataset = to_dataset([CheckedProfile(profile=profile, qc=qc, reasons=set(), counts={})], [])
    >>> dataset.profile_id.values.tolist(), dataset.sizes["level"]
    (['06610_no-time'], 2)
    """
    import xarray as xr

    for one in checked:
        if not -1 <= one.source_index < len(sources):
            raise ValueError(
                f"profile {one.profile.station_id!r} says source_index {one.source_index} where "
                f"the source table has {len(sources)} rows"
            )
    dataset = xr.Dataset(
        columns.profile_variables(checked)
        | columns.cleaning_variables(checked)
        | columns.level_variables(checked)
        | columns.extra_variables(checked)
        | columns.source_variables(sources),
        attrs=dict(schema.GLOBAL_ATTRIBUTES),
    ).set_coords([*schema.PROFILE_COORDINATES, *schema.LEVEL_COORDINATES])
    return in_order(dataset)


def in_order(dataset: xr.Dataset) -> xr.Dataset:
    """Return a ragged dataset with profiles and sources sorted, ids given, and validated."""
    paths = dataset["source_path"].values
    times = dataset["time"].values.astype("datetime64[s]")
    missing = np.isnat(times)
    keys = zip(
        missing.tolist(),
        np.where(missing, np.datetime64(0, "s"), times).astype(np.int64).tolist(),
        dataset["station_id"].values,
        np.append(paths, "")[dataset["source_index"].values],
        dataset["source_position"].values.tolist(),
        strict=True,
    )
    order = [index for _, index in sorted(zip(keys, range(len(times)), strict=True))]
    dataset = select(dataset, order, sources=np.argsort(paths, kind="stable"))
    ids = columns.profile_ids(
        dataset["station_id"].values, dataset["time"].values.astype("datetime64[s]")
    )
    dataset["profile_id"] = dataset["profile_id"].copy(data=ids)
    validate(dataset)
    return dataset


def offsets(dataset: xr.Dataset) -> Indices:
    """Return where each profile's levels begin, and after the last one where they end.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged.

    Returns
    -------
    numpy.ndarray of int64, shape (profiles + 1,)
        Profile ``i`` has the levels ``offsets[i]:offsets[i + 1]``.
    """
    return np.concatenate([[0], np.cumsum(dataset["row_size"].values, dtype=np.int64)])


def sounding(dataset: xr.Dataset, index: int) -> xr.Dataset:
    """Return one profile as a plain dataset: dimension ``level``, all else scalar.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged.
    index : int
        Position along ``profile``; negative ones count from the end.

    Returns
    -------
    xarray.Dataset
        A copy: its levels from the surface up, its flags, results and verdicts, its row of the
        source table (``source_path`` and so on), and what each step of the cleaning touched
        (``<step>_count``).

    Raises
    ------
    IndexError
        When there is no such profile.
    """
    count = dataset.sizes["profile"]
    if not -count <= index < count:
        raise IndexError(f"there is no profile {index}: the dataset has {count}")
    index %= count
    starts = offsets(dataset)
    one = dataset.isel(profile=index, level=slice(starts[index], starts[index + 1]))
    source = int(one["source_index"])
    one = one.isel(source=source) if source >= 0 else one.drop_dims("source")
    attributes = {
        name: value for name, value in dataset.attrs.items() if not schema.is_derived(name)
    }
    return unpacked_counts(one.drop_vars("row_size")).copy(deep=True).assign_attrs(attributes)


def unpacked_counts(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset with a variable ``<step>_count`` in place of each cleaning step."""
    counts = dataset["cleaning_count"]
    unpacked = {
        f"{label}_count": counts.isel(cleaning_step=step).assign_attrs(
            long_name=f"cleaning: {label.replace('_', ' ')}"
        )
        for step, label in enumerate(dataset["cleaning_step_name"].values)
    }
    return dataset.drop_dims("cleaning_step").assign(unpacked)


def select(
    dataset: xr.Dataset, profiles: ArrayLike, *, sources: ArrayLike | None = None
) -> xr.Dataset:
    """Return some profiles of a ragged dataset, with their levels.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged.
    profiles : array_like of int or of bool
        Positions along ``profile`` in the order wanted, or which to take.
    sources : array_like of int or of bool, optional
        The same for the source table; all by default.

    Returns
    -------
    xarray.Dataset
        Ragged; ids stay as they are.

    Raises
    ------
    ValueError
        When the source of a profile is not among the sources.
    """
    chosen = _positions(profiles, dataset.sizes["profile"])
    sizes = dataset["row_size"].values[chosen].astype(np.int64)
    shift = offsets(dataset)[chosen] - (np.cumsum(sizes) - sizes)
    levels = np.arange(sizes.sum()) + np.repeat(shift, sizes)
    part = dataset.isel(profile=chosen, level=levels)
    if sources is None:
        return part
    kept = _positions(sources, dataset.sizes["source"])
    new_index = np.full(dataset.sizes["source"] + 1, -2, np.int32)
    new_index[kept] = np.arange(len(kept))
    new_index[-1] = -1
    renumbered = new_index[part["source_index"].values]
    if (renumbered == -2).any():
        lost = part["profile_id"].values[renumbered == -2]
        raise ValueError(f"profiles without their source: {', '.join(lost[:5])}")
    part = part.isel(source=kept)
    part["source_index"] = part["source_index"].copy(data=renumbered)
    return part


def of_sources(
    dataset: xr.Dataset, paths: Iterable[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows of the source table, and which profiles, are of some sources.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged.
    paths : iterable of str
        As in ``source_path``; those that it does not have count for nothing.

    Returns
    -------
    rows : numpy.ndarray of bool, shape (sources,)
    profiles : numpy.ndarray of bool, shape (profiles,)
        False for those without a source.
    """
    rows = np.isin(dataset["source_path"].values.astype(str), np.array([*paths], dtype=str))
    return rows, np.append(rows, False)[dataset["source_index"].values]


def _positions(which: ArrayLike, count: int) -> Indices:
    which = np.asarray(which)
    return np.arange(count)[which if which.size else which.astype(np.int64)]


def padded(dataset: xr.Dataset) -> xr.Dataset:
    """Return a ragged dataset as ``(profile, level)`` arrays, missing above each profile's top.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged.

    Returns
    -------
    xarray.Dataset
        As many levels as the longest profile has, from the surface up. Values are padded with
        NaN, flags with ``missing``.
    """
    import xarray as xr

    sizes = dataset["row_size"].values
    width = int(sizes.max(initial=0))
    filled = np.arange(width) < sizes[:, None]
    variables = {}
    for name, variable in dataset.variables.items():
        if variable.dims == ("level",):
            empty = np.nan if variable.dtype.kind == "f" else QC.MISSING
            values = np.full(filled.shape, empty, variable.dtype)
            values[filled] = variable.values
            variable = xr.Variable(("profile", "level"), values, variable.attrs)
        variables[name] = variable
    wide = xr.Dataset(variables, attrs=dataset.attrs).set_coords(dataset.coords)
    del wide["row_size"].attrs["sample_dimension"]
    return wide


def validate(dataset: xr.Dataset) -> None:
    """Check that a dataset keeps the rules of the ragged form.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged.

    Raises
    ------
    ValueError
        Naming every rule that is broken.
    """
    problems = list(_wrong_shapes(dataset)) or list(_wrong_contents(dataset))
    if problems:
        raise ValueError("not a valid dataset of profiles: " + "; ".join(problems))


def _wrong_shapes(dataset: xr.Dataset) -> Iterator[str]:
    for name, dimensions in schema.DIMENSIONS.items():
        if name not in dataset.variables:
            yield f"{name} is missing"
        elif dataset[name].dims != dimensions:
            yield f"{name} has the dimensions {dataset[name].dims}, not {dimensions}"
    for name in LEVEL_VARIABLES:
        if name in dataset.variables and dataset[name].dtype != np.float64:
            yield f"{name} is {dataset[name].dtype}, not float64"


def _wrong_contents(dataset: xr.Dataset) -> Iterator[str]:
    sizes = dataset["row_size"].values
    if (sizes < 0).any() or sizes.sum() != dataset.sizes["level"]:
        yield f"row_size adds up to {sizes.sum()} where there are {dataset.sizes['level']} levels"
    for name in ("profile_id", "source_path"):
        values = dataset[name].values.tolist()
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            yield f"{name} is not unique: {twice!r}"
    indices, sources = dataset["source_index"].values, dataset.sizes["source"]
    if ((indices < -1) | (indices >= sources)).any():
        yield f"source_index points outside the source table, which has {sources} rows"
    times = dataset["time"].values
    known = times[~np.isnat(times)]
    if np.isnat(times[: len(known)]).any() or (known[1:] < known[:-1]).any():
        yield "profiles are not in order of time with missing times last"
    for name in ("status", "wind_status"):
        if not np.isin(dataset[name].values, list(Status)).all():
            yield f"{name} holds a value that has no meaning"
