"""Opening model output lazily: netCDF, Zarr and GRIB as the same variables, read part by part.

The stores of xarray are used below its datasets, which would load every coordinate, and would ask
every backend that is installed first. GRIB is indexed in memory: no index file is left beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReadError
from pipeline.profiles import FloatArray
from pipeline.readers._columns_names import AT_SURFACE, ON_LEVELS
from pipeline.readers._eccodes import library
from pipeline.readers._files import is_store, size
from pipeline.readers._grib_messages import MAGIC as GRIB_MAGIC
from pipeline.readers._grib_messages import refuse_damaged
from pipeline.readers._netcdf_summary import Described, VariableSummary, is_netcdf, opened
from pipeline.readers._text import shorten
from pipeline.readers.limits import MEGABYTE, current

if TYPE_CHECKING:
    import xarray as xr

Places = int | slice | NDArray[np.int64]

#: GRIB's words for the levels that columns are made of, and for the surface.
GRIB_LEVELS = ("isobaricInhPa", "hybrid", "surface")

#: Bytes of values that are read however small the file is: constant ones pack very well.
_HARMLESS = 64 * MEGABYTE
_LARGEST_METADATA = 16 * MEGABYTE


@dataclass(frozen=True)
class Contents:
    """What a file holds: its variables, described; their values are read when asked for.

    Parameters
    ----------
    path : pathlib.Path
    about : Described
        The file's own attributes.
    variables : mapping of str to VariableSummary
    raw : mapping of str to xarray.Variable
        The same, as the file has them.
    by_field : bool
        Whether a field of one level is the least that can be read, so levels come one by one.
    notes : tuple of str
    """

    path: Path
    about: Described
    variables: Mapping[str, VariableSummary]
    raw: Mapping[str, xr.Variable] = field(repr=False)
    by_field: bool = False
    notes: tuple[str, ...] = ()

    def values(
        self, name: str, along: tuple[str, ...] = (), at: Mapping[str, Places] | None = None
    ) -> FloatArray:
        """Return a part of a variable, what is missing in it as NaN.

        Parameters
        ----------
        name : str
        along : tuple of str
            The dimensions that the result is to have, in this order.
        at : mapping of str to int, slice or array
            Where along them; along other dimensions the first entry is taken unless told here.

        Returns
        -------
        numpy.ndarray of float64

        Raises
        ------
        ReadError
            When it cannot be read, or holds no numbers.
        """
        if self.variables[name].kind not in "fiu":
            raise ReadError(f"{name} holds no numbers")
        at = {one: 0 for one in self.variables[name].dimensions if one not in along} | dict(
            at or {}
        )
        at = {one: where for one, where in at.items() if one in self.variables[name].dimensions}
        if self.by_field and len(along) > 1 and along[0] not in at:
            levels = range(self.raw[name].sizes[along[0]])
            return np.stack([self.values(name, along[1:], at | {along[0]: one}) for one in levels])
        self._refuse_large_chunks(name)
        try:
            return self._part(name, along, at)
        except MemoryError:
            raise
        except Exception as error:  # whatever the libraries raise for damage
            raise ReadError(
                f"{name} cannot be read: {shorten(str(error), 200)}; the file is damaged"
            ) from error

    def _part(self, name: str, along: tuple[str, ...], at: Mapping[str, Places]) -> FloatArray:
        import xarray as xr

        decoded = xr.conventions.decode_cf_variable(
            name, self.raw[name], decode_times=False, decode_timedelta=False
        )
        part = decoded.isel(at).transpose(*along)
        return np.asarray(part.values, dtype=np.float64)

    def _refuse_large_chunks(self, name: str) -> None:
        chunks = self.raw[name].encoding.get("chunks") or self.raw[name].encoding.get("chunksizes")
        self.refuse_much(prod(chunks or ()), f"a chunk of {name} has")

    def refuse_much(self, count: int, what: str) -> None:
        """Raise ReadError for more values than can be meant, in a file of this size.

        Parameters
        ----------
        count : int
        what : str
            Begins the message: ``the columns have``.
        """
        _refuse_much(self.path, count, what)


def _refuse_much(path: Path, count: int, what: str) -> None:
    volume = 8 * count
    if volume <= _HARMLESS:
        return
    limits, here = current(), size(path)
    if volume > max(_HARMLESS, min(limits.unpacked_bytes, here * limits.unpacked_ratio)):
        raise ReadError(
            f"{what} {volume / MEGABYTE:.0f} MB of values, in a file of {here} bytes, more than is "
            "read (limits: unpacked_size and unpacked_ratio in the config)"
        )


@contextmanager
def open_columns(path: Path, head: bytes) -> Iterator[Contents]:
    """Open a netCDF file, a GRIB file or a Zarr store.

    Parameters
    ----------
    path : pathlib.Path
    head : bytes
        Its first bytes.

    Yields
    ------
    Contents

    Raises
    ------
    ReadError
        When it is none of them, damaged, or the library for it is not installed.
    """
    if is_store(path):
        yield _zarr(path)
    elif is_netcdf(head):
        with opened(path) as dataset:
            yield _contents(path, *_netcdf_store(dataset).load())
    elif head.startswith(GRIB_MAGIC):
        yield _grib(path)
    else:
        raise ReadError("neither netCDF, GRIB nor Zarr")


def _netcdf_store(dataset: Any) -> Any:
    from xarray.backends import NetCDF4DataStore

    return NetCDF4DataStore(dataset)


def _contents(
    path: Path, raw: Mapping[Any, xr.Variable], attributes: Mapping[Any, Any], **more: Any
) -> Contents:
    variables = {
        str(name): VariableSummary(
            name=str(name),
            dimensions=tuple(str(one) for one in variable.dims),
            shape=variable.shape,
            kind=variable.dtype.kind,
            attributes=variable.attrs,
        )
        for name, variable in raw.items()
    }
    raw = {str(name): variable for name, variable in raw.items()}
    return Contents(path, Described(attributes=dict(attributes)), variables, raw, **more)


def _zarr(path: Path) -> Contents:
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise ReadError(
            "a Zarr store, and zarr is not installed: pip install 'sounding-pipeline[zarr]'"
        ) from error
    from xarray.backends import ZarrStore

    _refuse_pickles(path)
    try:
        store = ZarrStore.open_group(str(path), mode="r", consolidated=False)
        return _contents(path, *store.load())
    except MemoryError:
        raise
    except Exception as error:  # zarr raises whatever its parts do
        raise ReadError(
            f"zarr cannot open it: {type(error).__name__}: {shorten(str(error), 200)}; "
            "it is damaged or was not copied whole"
        ) from error


def _refuse_pickles(store: Path) -> None:
    """Raise ReadError where arrays hold Python objects: reading them may run any program."""
    for place, _, files in os.walk(store):
        for name in files:
            if name not in ("zarr.json", ".zarray", ".zmetadata"):
                continue
            path = Path(place, name)
            if path.stat().st_size > _LARGEST_METADATA:
                raise ReadError(f"{name} in it has {path.stat().st_size} bytes, it is damaged")
            if b"pickle" in path.read_bytes().lower():
                raise ReadError(
                    f"{path.relative_to(store)} stores pickled Python objects, which can run "
                    "anything when they are read; store plain numbers"
                )


def _grib(path: Path) -> Contents:
    library("GRIB", "grib")
    try:
        from cfgrib import dataset as cfgrib
        from cfgrib.messages import FileStream
    except ImportError as error:
        raise ReadError(
            "GRIB, and cfgrib is not installed: pip install 'sounding-pipeline[grib]'"
        ) from error
    refuse_damaged(path)
    keys = [*cfgrib.compute_index_keys(), "shortName"]
    try:
        index = cfgrib.open_fileindex(FileStream(str(path), errors="raise"), "", keys)
        return _grib_contents(path, index)
    except (MemoryError, ReadError):
        raise
    except Exception as error:  # cfgrib and ecCodes raise all kinds for damage
        raise ReadError(
            f"ecCodes cannot read it: {type(error).__name__}: {shorten(str(error), 200)}; it is "
            "damaged or was cut, fetch it again"
        ) from error


def _grib_contents(path: Path, index: Any) -> Contents:
    """Put the parameters of a GRIB file together, each with its own levels."""
    raw: dict[str, xr.Variable] = {}
    notes = []
    known = {*ON_LEVELS.values(), *AT_SURFACE.values()}
    wanted = {name for one in known for name in one.grib}
    there = {(values["shortName"], values["typeOfLevel"]) for values in _headers(index)}
    for name, level in sorted(there):
        if name in wanted and level in GRIB_LEVELS:
            part = index.subindex({"shortName": name, "typeOfLevel": level})
            try:
                _add_parameter(path, raw, part, f"{name}_{level}")
            except ValueError as error:  # of cfgrib: fields that make no one array
                notes.append(f"{name} on {level} was left out: {shorten(str(error), 120)}")
    return _contents(path, raw, {}, by_field=True, notes=tuple(notes))


def _headers(index: Any) -> Iterator[dict[str, Any]]:
    for values, _ in index.iter_index():
        yield dict(zip(index.index_keys, values, strict=True))


def _add_parameter(path: Path, raw: dict[str, xr.Variable], index: Any, name: str) -> None:
    """Add a parameter and its coordinates; those that others have differently get a new name."""
    from types import SimpleNamespace

    import xarray as xr
    from cfgrib import dataset as cfgrib
    from cfgrib.xarray_plugin import ECCODES_LOCK, CfGribArrayWrapper
    from xarray.core.indexing import LazilyIndexedArray

    for points in index["numberOfPoints"]:
        _refuse_much(path, int(points), f"a field of {name} has")
    _, found, coordinates = cfgrib.build_variable_components(
        index,
        encode_cf=("parameter", "time", "geography", "vertical"),
        errors="raise",
        read_keys=["pv"],
        values_dtype=np.dtype(np.float64),
    )
    renamed: dict[str, str] = {}
    for own, one in coordinates.items():
        data = np.asarray(one.data)
        renamed[own] = _shared_name(raw, own, data)
        dimensions = tuple(renamed.get(each, each) for each in one.dimensions)
        raw[renamed[own]] = xr.Variable(dimensions, data, one.attributes)
    lazy = CfGribArrayWrapper(SimpleNamespace(lock=ECCODES_LOCK), found.data)
    dimensions = tuple(renamed.get(one, one) for one in found.dimensions)
    raw[name] = xr.Variable(dimensions, LazilyIndexedArray(lazy), found.attributes)


def _shared_name(raw: Mapping[str, xr.Variable], name: str, data: NDArray[Any]) -> str:
    """Return the name under which a coordinate of just these values is, or may be, kept."""
    free, number = name, 1
    while free in raw and not np.array_equal(raw[free].values, data):
        number += 1
        free = f"{name}_{number}"
    return free
