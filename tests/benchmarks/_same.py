"""Whether two outputs are the same to the last bit, and whether one has every sounding once."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np


def differences(first: Path, second: Path) -> list[str]:
    """Return what two outputs differ in, apart from the attributes that are declared to.

    They are compared twice: bit by bit as netCDF4 gives them, by nothing of ours, and byte by byte
    as files, written anew with one value for those attributes.
    """
    with netCDF4.Dataset(first) as one, netCDF4.Dataset(second) as other:
        for file in (one, other):
            file.set_auto_maskandscale(False)
        found = [*_in_frame(one, other)]
        if not found:
            found += [
                f"variable {name}: {what}"
                for name in one.variables
                for what in _in_variable(one.variables[name], other.variables[name])
            ]
    if not found and written_anew(first) != written_anew(second):
        found.append("the bytes of the files, written anew with one time of creation")
    return found


def _in_frame(one: netCDF4.Dataset, other: netCDF4.Dataset) -> Iterator[str]:
    """Yield how dimensions, global attributes and the names of variables differ."""
    from pipeline.run import VOLATILE_ATTRIBUTES

    sizes = [[(name, len(each)) for name, each in file.dimensions.items()] for file in (one, other)]
    if sizes[0] != sizes[1]:
        yield f"dimensions: {sizes[0]}, {sizes[1]}"
    if list(one.variables) != list(other.variables):
        yield "the variables or their order"
    if one.ncattrs() != other.ncattrs():
        yield "the global attributes or their order"
    for name in set(one.ncattrs()) & set(other.ncattrs()) - set(VOLATILE_ATTRIBUTES):
        if _exactly(one.getncattr(name)) != _exactly(other.getncattr(name)):
            yield f"global attribute {name}"


def _in_variable(one: netCDF4.Variable, other: netCDF4.Variable) -> Iterator[str]:
    """Yield how two variables differ."""
    if (one.dtype, one.dimensions, one.chunking()) != (
        other.dtype,
        other.dimensions,
        other.chunking(),
    ):
        yield "type, dimensions or chunks"
    elif one.filters() != other.filters():
        yield "compression"
    attributes = [
        [(name, _exactly(variable.getncattr(name))) for name in variable.ncattrs()]
        for variable in (one, other)
    ]
    if attributes[0] != attributes[1]:
        yield "attributes"
    if _exactly(one[...]) != _exactly(other[...]):
        yield "values"


def _exactly(values: Any) -> tuple[Any, ...]:
    """Return what is equal only where type and every bit are."""
    array = np.asarray(values)
    bits = array.tolist() if array.dtype.kind in "OU" else array.tobytes()
    return type(values).__name__, array.dtype.str, array.shape, bits


def written_anew(path: Path) -> bytes:
    """Return the bytes of an output, written with no times of creation in it."""
    from pipeline import output
    from pipeline.run import VOLATILE_ATTRIBUTES

    dataset = output.read(path)
    attributes = dataset.attrs | dict.fromkeys(VOLATILE_ATTRIBUTES, "of no run")
    with tempfile.TemporaryDirectory() as folder:
        anew = Path(folder) / "season.nc"
        output.write(dataset, anew, attributes=attributes)
        return anew.read_bytes()


def lost_or_doubled(path: Path, files: Iterable[Path]) -> list[str]:
    """Return what is wrong where each input file holds one sounding: nothing may be, none twice."""
    with netCDF4.Dataset(path) as file:
        sources = file["source_path"][...].tolist()
        of_profile = file["source_index"][...].tolist()
        ids = file["profile_id"][...].tolist()
    found = []
    wanted = Counter(str(Path("..", "files", each)) for each in files)
    if Counter(sources) != wanted:
        found.append(f"sources: {len(sources)} rows for {wanted.total()} files")
    times = Counter(sources[row] for row in of_profile)
    found += [f"{name}: {times[name]} profiles of 1" for name in wanted if times[name] != 1]
    if len(ids) != wanted.total() or len(set(ids)) != len(ids):
        found.append(f"{len(ids)} profiles with {len(set(ids))} ids for {wanted.total()} files")
    return found
