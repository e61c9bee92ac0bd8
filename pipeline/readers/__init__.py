"""Reading any known format into profiles: one module a format, and picking the right one.

A reader is a module (or any object) with

``NAME``
    what a config says, for example ``igra2``;
``DESCRIPTION``
    one line for ``python -m pipeline formats``;
``sniff(head, path)``
    ``None`` if the file is of this format, otherwise, in a few words, why it is not.
    `head` is the first 64 KiB; `path` may be opened where they say too little (netCDF, zip).
    Must not raise;
``read(path, options)``
    the file's soundings as :class:`~pipeline.profiles.Profile`, one by one, in the file's order.
    Raises :class:`~pipeline.errors.ReadError` where the file as a whole makes no sense; one bad
    sounding among good ones is a profile with its ``problem`` said.

An installed package adds its own through the entry-point group ``pipeline.readers``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from pipeline.profiles import Profile

HEAD_BYTES = 65536
ENTRY_POINT_GROUP = "pipeline.readers"
BUILT_IN = (
    "spc_raw",
    "igra2",
    "wyoming_text",
    "wyoming_html",
    "wyoming_csv",
    "profile_netcdf",
    "table",
)


class Reader(Protocol):
    """What a reader module offers."""

    NAME: str
    DESCRIPTION: str

    def sniff(self, head: bytes, path: Path) -> str | None:
        """Return None if the file is of this format, otherwise why it is not."""

    def read(self, path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
        """Yield the file's soundings."""
