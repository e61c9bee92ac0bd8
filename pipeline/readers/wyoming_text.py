"""University of Wyoming lists saved as text: by column position, wind in knots or m s-1.

Source: https://weather.uwyo.edu/upperair/sounding.html, text list; saved with or without its
title line and its station indices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ReadError
from pipeline.profiles import Profile
from pipeline.readers._text import lines
from pipeline.readers._wyoming import TABLE, soundings

NAME = "wyoming_text"
DESCRIPTION = "University of Wyoming list (PRES HGHT TEMP ...) saved as text"

_TAG = re.compile(rb"<(?:!doctype|html|head|body|pre|h\d)\b", re.IGNORECASE)


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if there is a Wyoming table and no HTML around it."""
    if not TABLE.search(head):
        return "no line PRES HGHT TEMP DWPT ..."
    return "an HTML page, not text" if _TAG.search(head) else None


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of a Wyoming text list, one for each table.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels as they stand in the file. Station, time and position as far as the file says
        them. A table with a damaged row has its ``problem`` said and no levels.

    Raises
    ------
    ReadError
        When there is no table.
    """
    found = False
    for profile in soundings(enumerate(lines(path), start=1)):
        found = True
        yield profile
    if not found:
        raise ReadError("no line PRES HGHT TEMP DWPT ...: not a Wyoming list")
