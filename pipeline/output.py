"""The dataset as a netCDF file: CF on disk, the same bytes for the same content, never half a file.

A file is written next to its place, read back and compared with what was meant, and moved into
place: a reader sees the old file or the new one, also with the old one open in a notebook.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import discovery, schema
from pipeline.columns import texts
from pipeline.disk import clear_errors, replacing
from pipeline.errors import PipelineError
from pipeline.ragged import validate

if TYPE_CHECKING:
    import netCDF4
    import xarray as xr

TIME_ATTRIBUTES = {
    "units": "seconds since 1970-01-01 00:00:00",
    "calendar": "standard",
    # Sources give UTC to the minute or second and do not say how they treat leap seconds.
    "units_metadata": "leap_seconds: unknown",
}

#: Attributes that must have the type of their variable.
TYPED_ATTRIBUTES = ("valid_min", "valid_max", "valid_range", "actual_range")

#: One megabyte of float64: large enough to compress well, small enough to read one profile.
CHUNK_VALUES = 131072
#: What HDF5 takes for a variable besides its values, and for a text besides its letters, at most.
VARIABLE_BYTES, TEXT_BYTES = 6144, 48


#: Dimensions, values and attributes of a variable, as in memory.
Decoded = tuple[tuple[str, ...], NDArray[Any], Mapping[str, Any]]


class Encoded(NamedTuple):
    """A variable as it stands on disk."""

    dimensions: tuple[str, ...]
    values: NDArray[Any]
    attributes: dict[str, Any]
    has_fill_value: bool


def write(
    dataset: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    attributes: Mapping[str, Any],
    compression: int = 4,
    approved: Callable[[], Mapping[str, Any]] = dict,
) -> None:
    """Write a ragged dataset as netCDF-4, CF-1.11 and ACDD-1.3, and publish it at once.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged (:func:`pipeline.ragged.to_dataset`). Any further variable along ``profile`` or
        ``level`` is written with its attributes; NaN is missing.
    path : path
        Where to; folders are made. An existing file is replaced whole, also while others have it
        open; where it is a link, the file behind it is.
    attributes : mapping of str to str or number
        Global attributes; they win over those derived from the dataset. No time of creation is
        added: the same dataset and attributes give the same bytes.
    compression : int
        zlib level, 0 (none) to 9.
    approved : callable
        Called when the file is written, before it is published. Returns global attributes that
        are known only then, or raises what is against publishing it.

    Raises
    ------
    ValueError
        When the dataset is not a valid ragged one.
    PipelineError
        When the file cannot be written; what was there before is untouched.
    """
    validate(dataset)
    variables = _packed_recipes(_encode(dataset))
    sizes = {str(name): size for name, size in dataset.sizes.items()}
    sizes["recipe"] = len(variables["recipe"].values)
    wanted = discovery.global_attributes(dataset, attributes)
    with replacing(path, _most_bytes(variables)) as temporary:
        _write_netcdf(temporary, variables, sizes, wanted, compression)
        _set_attributes(temporary, approved())
        _verify(temporary, variables)


def demand_writable(path: str | os.PathLike[str]) -> None:
    """Raise PipelineError where a file could not be written: better now than after hours."""
    target = Path(os.path.realpath(path))
    probe = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    with clear_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()


def keep_beside(path: str | os.PathLike[str], suffix: str) -> None:
    """Keep a file that is about to be replaced under another name beside it."""
    target = Path(os.path.realpath(path))
    other = target.with_name(f"{target.name}.{suffix}")
    with clear_errors(target):
        try:
            os.link(target, other)
        except OSError:  # a file system without hard links
            shutil.copyfile(target, other)


def demand_no_loss(dataset: xr.Dataset, path: str | os.PathLike[str], count: int) -> None:
    """Raise PipelineError where a dataset without a profile would replace a file with `count`.

    A disk that is not mounted, or a changed format, must not cost last night's season.
    """
    if dataset.sizes["profile"] or not count:
        return
    messages = dataset["source_message"].values.tolist()
    raise PipelineError(
        f"none of the {dataset.sizes['source']} sources gave a sounding (the first: "
        f"{messages[0] if messages else 'there is none'}); {path} with its {count} profiles "
        "is kept. Remove it if that is what you want."
    )


def read(path: str | os.PathLike[str]) -> xr.Dataset:
    """Return a dataset that was written by :func:`write`, all of it in memory.

    Parameters
    ----------
    path : path
        The netCDF file.

    Returns
    -------
    xarray.Dataset
        Ragged, as it was handed to :func:`write`, with the global attributes of the file.

    Raises
    ------
    PipelineError
        When there is no such file, or it is damaged or not one of ours.
    """
    import xarray as xr

    with _opened(Path(path)) as file:
        if "row_size" not in file.variables:
            raise PipelineError(
                f"{path}: not an output of this pipeline (it has no variable row_size); "
                "use `convert` to bring other files into this form"
            )
        parts = {name: _decoded(variable) for name, variable in file.variables.items()}
        attributes = {name: file.getncattr(name) for name in file.ncattrs()}
    dataset = _with_what_is_new(xr.Dataset(_unpacked_recipes(parts), attrs=attributes))
    base = [*schema.PROFILE_COORDINATES, *schema.LEVEL_COORDINATES]
    named = {
        name
        for variable in dataset.variables.values()
        for name in variable.attrs.get("coordinates", "").split()
    }
    scalars = [name for name in named if name in dataset and dataset[name].ndim == 0]
    try:
        dataset = dataset.set_coords([*base, *scalars])
        validate(dataset)
    except ValueError as error:
        raise PipelineError(f"{path}: {error}; run the pipeline again to replace it") from error
    return dataset


def _with_what_is_new(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset of an earlier version with the variables that have come since."""
    count = dataset.sizes.get("profile", 0)
    lacking = {name: value for name, value in schema.ADDED_SINCE.items() if name not in dataset}
    return dataset.assign(
        {
            name: (("profile",), np.full(count, value), schema.PROFILE_ATTRIBUTES[name])
            for name, value in lacking.items()
        }
    )


def _packed_recipes(variables: dict[str, Encoded]) -> dict[str, Encoded]:
    """Return variables with each recipe once, and its number in place of it at each source."""
    texts_of_sources = variables["source_recipe"].values.astype(str)
    recipes, numbers = np.unique(texts_of_sources, return_inverse=True)
    about = {"long_name": "what the source was worked on with: place along recipe", "units": "1"}
    each = texts(recipes.tolist())
    return variables | {
        "source_recipe": Encoded(("source",), numbers.astype(np.int32), about, False),
        "recipe": Encoded(("recipe",), each, dict(schema.RECIPE_ATTRIBUTES), False),
    }


def _unpacked_recipes(parts: dict[str, Decoded]) -> dict[str, Decoded]:
    """Return variables as they were before :func:`_packed_recipes`."""
    if "recipe" not in parts:
        return parts
    recipes = parts["recipe"][1][parts["source_recipe"][1].astype(np.int64)]
    about = schema.SOURCE_ATTRIBUTES["source_recipe"]
    unpacked = parts | {"source_recipe": (("source",), recipes, about)}
    del unpacked["recipe"]
    return unpacked


def _encode(dataset: xr.Dataset) -> dict[str, Encoded]:
    """Return the dataset's variables as they stand on disk, by name."""
    return {
        str(name): _encoded(str(name), variable, is_coordinate=name in dataset.coords)
        for name, variable in dataset.variables.items()
    }


def _encoded(name: str, variable: xr.Variable, *, is_coordinate: bool) -> Encoded:
    values = variable.values
    attributes = dict(variable.attrs)
    if values.dtype.kind == "M":
        seconds = values.astype("datetime64[s]")
        values = np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64).astype(np.float64))
        attributes |= TIME_ATTRIBUTES
    elif values.dtype.kind == "b":
        values = values.astype(np.int8)
    elif values.dtype.kind in "OUT":
        values = texts([str(value) for value in values.ravel()]).reshape(values.shape)
    is_float = values.dtype.kind == "f"
    # CF wants no fill value on coordinates that have nothing missing.
    has_fill_value = is_float and not (is_coordinate and np.isfinite(values).all())
    if not is_coordinate and values.dtype.kind in "fi" and "sample_dimension" not in attributes:
        attributes["coordinates"] = _coordinates(name, variable)
    for typed in set(TYPED_ATTRIBUTES) & set(attributes):
        attributes[typed] = np.asarray(attributes[typed], values.dtype)
    attributes = {key: value for key, value in attributes.items() if np.size(value) and str(value)}
    return Encoded(tuple(map(str, variable.dims)), values, attributes, has_fill_value)


def _coordinates(name: str, variable: xr.Variable) -> str:
    """Return what locates a variable: the profile, the level, and what its attributes add."""
    located: tuple[str, ...] = ()
    if {"profile", "level"} & set(variable.dims):
        located = schema.PROFILE_COORDINATES
    if "level" in variable.dims:
        located += schema.LEVEL_COORDINATES
    if "cleaning_step" in variable.dims:
        located += tuple(schema.STEP_ATTRIBUTES)
    own = [other for other in variable.attrs.get("coordinates", "").split() if other != name]
    return " ".join(dict.fromkeys([*located, *own]))


def _decoded(variable: netCDF4.Variable) -> Decoded:
    """Return dimensions, values and attributes of a variable on disk as they are in memory."""
    values = np.asarray(variable[...])
    attributes = {name: variable.getncattr(name) for name in variable.ncattrs()}
    attributes.pop("_FillValue", None)
    if attributes.get("units") == TIME_ATTRIBUTES["units"]:
        known = np.isfinite(values)
        seconds = np.where(known, values, 0).astype(np.int64).astype("datetime64[s]")
        values = np.where(known, seconds, np.datetime64("NaT", "s"))
        attributes = {key: attributes[key] for key in attributes if key not in TIME_ATTRIBUTES}
    implied = {*schema.PROFILE_COORDINATES, *schema.LEVEL_COORDINATES, *schema.STEP_ATTRIBUTES}
    own = [name for name in attributes.pop("coordinates", "").split() if name not in implied]
    if own:
        attributes["coordinates"] = " ".join(own)
    return variable.dimensions, values, attributes


def _most_bytes(variables: Mapping[str, Encoded]) -> int:
    """Return how much room a file of these variables can take; compressed, mostly less."""
    values = [encoded.values for encoded in variables.values()]
    letters = [
        len(str(text).encode()) + TEXT_BYTES
        for each in values
        if each.dtype == object
        for text in each.ravel()
    ]
    return sum(each.nbytes + VARIABLE_BYTES for each in values) + sum(letters)


def _write_netcdf(
    path: Path,
    variables: Mapping[str, Encoded],
    sizes: Mapping[str, int],
    attributes: Mapping[str, Any],
    compression: int,
) -> None:
    """Write a netCDF-4 file."""
    with _changing(path, "w") as file:
        file.setncatts(attributes)
        for name, size in sizes.items():
            file.createDimension(name, size)
        for name, encoded in variables.items():
            _add_variable(file, name, encoded, compression)


def _set_attributes(path: Path, attributes: Mapping[str, Any]) -> None:
    """Set global attributes of a netCDF file that is there."""
    if attributes:
        with _changing(path, "a") as file:
            file.setncatts(attributes)


@contextmanager
def _changing(path: Path, mode: Literal["w", "a"]) -> Iterator[netCDF4.Dataset]:
    """Open a netCDF-4 file to write to it; raise an OSError that says what went wrong."""
    import netCDF4

    try:
        with netCDF4.Dataset(path, mode, format="NETCDF4") as file:
            yield file
    except (OSError, RuntimeError) as error:
        # The library says no more than "HDF error", and "permission denied" of any file that it
        # cannot make; plain writing says what the matter is.
        with open(path, "ab") as probe:
            probe.write(bytes(CHUNK_VALUES))
            probe.flush()
            os.fsync(probe.fileno())
        if isinstance(error, OSError):
            raise
        raise OSError(errno.EIO, str(error)) from error


def _add_variable(file: netCDF4.Dataset, name: str, encoded: Encoded, compression: int) -> None:
    values = encoded.values
    options: dict[str, Any] = {}
    if values.dtype != object:
        options["fill_value"] = values.dtype.type(np.nan) if encoded.has_fill_value else False
        if compression and values.ndim and values.size:
            options |= {"compression": "zlib", "complevel": compression, "shuffle": True}
            options["chunksizes"] = [min(size, CHUNK_VALUES) for size in values.shape]
    kind = str if values.dtype == object else values.dtype
    variable = file.createVariable(name, kind, encoded.dimensions, **options)
    variable.set_auto_maskandscale(False)
    variable.setncatts(encoded.attributes)
    if values.size:
        variable[...] = values


@contextmanager
def _opened(path: Path) -> Iterator[netCDF4.Dataset]:
    """Open a netCDF file to read it as it is; say clearly what is wrong with it."""
    import netCDF4

    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            yield file
    except FileNotFoundError as error:
        raise PipelineError(f"{path}: there is no such file") from error
    except (OSError, RuntimeError) as error:
        raise PipelineError(f"{path}: not a netCDF file, or a damaged one ({error})") from error


def _verify(path: Path, variables: Mapping[str, Encoded]) -> None:
    """Check that a file holds every value that was meant, to the last bit."""
    with _opened(path) as file:
        if set(file.variables) != set(variables):
            raise PipelineError(f"{path}: reading it back gives other variables; nothing replaced")
        for name, encoded in variables.items():
            found = np.asarray(file.variables[name][...])
            same = found.shape == encoded.values.shape and (
                found.tolist() == encoded.values.tolist()
                if encoded.values.dtype == object
                else found.tobytes() == encoded.values.tobytes()
            )
            if not same:
                raise PipelineError(
                    f"{path}: {name} reads back differently from what was written; the disk or "
                    "the netCDF library is at fault, nothing was replaced"
                )
