"""What a netCDF file holds, at a glance: one opening for all the readers that sniff at it.

Five readers take netCDF. Each asks for dimensions, variables and attributes before it knows whether
a file is its own, and opening a file is most of the work. So the last file's summary is kept, until
the file changes. Files that the netCDF library would take for something else, or never finish, are
refused before it sees them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.readers._files import version
from pipeline.readers._hdf5_heaps import refuse_endless
from pipeline.readers._netcdf_classic import refuse_cut

#: The first bytes of a file: classic netCDF of three kinds, and HDF5.
MAGIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF\r\n\x1a\n")
NOT_NETCDF = "not netCDF"


@dataclass(frozen=True, kw_only=True)
class Described:
    """What has attributes: a file, or a variable in it."""

    attributes: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return an attribute as text; empty where there is none, or it is a list of numbers."""
        value = self.attributes.get(name, "")
        return str(value).strip() if np.ndim(value) == 0 else ""


@dataclass(frozen=True, kw_only=True)
class VariableSummary(Described):
    """A variable without its values: name, dimensions and their sizes, type, attributes."""

    name: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    kind: str
    """Of its type as numpy has it: ``f``, ``i``, ``u``, ``S``; ``O`` for texts, ``V`` for more."""


@dataclass(frozen=True, kw_only=True)
class Summary(Described):
    """A file without its values; what is in groups is not described, only that there are some."""

    dimensions: Mapping[str, int]
    variables: Mapping[str, VariableSummary]
    groups: tuple[str, ...]

    def has(self, *names: str) -> bool:
        """Return whether there are variables of all these names."""
        return all(name in self.variables for name in names)


def is_netcdf(head: bytes) -> bool:
    """Return whether a file begins as netCDF does (or HDF5, which may be netCDF)."""
    return head.startswith(MAGIC)


def summary(path: Path) -> Summary:
    """Return what a netCDF file holds; kept for the last file, until it changes.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Summary

    Raises
    ------
    ReadError
        When the file is damaged, or cannot be opened.
    """
    found = _summary(path, _version(path))
    if isinstance(found, str):
        raise ReadError(found)
    return found


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file, and say in a ReadError what the netCDF library finds wrong with it.

    Parameters
    ----------
    path : Path

    Yields
    ------
    netCDF4.Dataset

    Raises
    ------
    ReadError
    """
    import netCDF4

    if damage := _damage(path, _version(path)):
        raise ReadError(damage)
    try:
        with netCDF4.Dataset(path) as dataset:
            yield dataset
    except (OSError, RuntimeError, UnicodeDecodeError, AttributeError) as error:
        if isinstance(error, AttributeError) and not str(error).startswith("NetCDF: "):
            raise  # ours; the library's own are attributes that it finds and cannot open
        raise ReadError(f"the netCDF library cannot read it: {error}; it is damaged") from error


def _version(path: Path) -> tuple[int, ...]:
    try:
        return version(path)
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror or error}") from error


@lru_cache(maxsize=1)
def _damage(path: Path, version: tuple[int, ...]) -> str:
    """Return why a file may not be given to the netCDF library; looks through all of it."""
    try:
        refuse_cut(path)
        refuse_endless(path)
    except ReadError as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return ""


@lru_cache(maxsize=1)
def _summary(path: Path, version: tuple[int, ...]) -> Summary | str:
    """Return a file's summary, or why there is none."""
    try:
        with opened(path) as dataset:
            return Summary(
                attributes=_attributes(dataset),
                dimensions={name: len(one) for name, one in dataset.dimensions.items()},
                variables={name: _described(name, one) for name, one in dataset.variables.items()},
                groups=tuple(dataset.groups),
            )
    except ReadError as error:
        return str(error)


def _described(name: str, variable: Any) -> VariableSummary:
    return VariableSummary(
        name=name,
        dimensions=variable.dimensions,
        shape=tuple(variable.shape),
        kind="O" if variable.dtype is str else getattr(variable.dtype, "kind", "V"),
        attributes=_attributes(variable),
    )


def _attributes(holder: Any) -> dict[str, Any]:
    """Return what attributes there are; one that cannot be read is as good as none."""
    found = {}
    for name in holder.ncattrs():
        with contextlib.suppress(AttributeError, KeyError, UnicodeDecodeError):
            found[name] = holder.getncattr(name)
    return found
