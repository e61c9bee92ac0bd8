"""Soundings in the formats of others: one module a format.

A writer has ``NAME`` and ``write(dataset, path)``, which returns what the format could not hold.
"""

from __future__ import annotations

import importlib
from collections import Counter
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import os

    import xarray as xr

NAMES = ("igra2",)


class Writer(Protocol):
    """What a writer module offers."""

    NAME: str

    def write(self, dataset: xr.Dataset, path: str | os.PathLike[str]) -> Counter[str]:
        """Write a ragged dataset; return how much of what was lost."""


def get(name: str) -> Writer:
    """Return the writer of that name, one of `NAMES`."""
    return cast(Writer, importlib.import_module(f"{__name__}.{name}"))
