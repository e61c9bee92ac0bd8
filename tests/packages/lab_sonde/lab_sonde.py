"""The lab's own sonde: LAB SONDE, station and time, then rows of p (hPa), T and Td (degC)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import Profile
from pipeline.readers import NearMiss

NAME = "lab_sonde"
DESCRIPTION = "the lab's own sonde"


def sniff(head: bytes, path: Path) -> str | None:
    """Return None for files of the lab's sonde, otherwise why it is none."""
    if head.startswith(b"LAB SONDE TEST"):
        return NearMiss("a test on the ground, not an ascent")
    return None if head.startswith(b"LAB SONDE ") else "does not begin with LAB SONDE"


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the one sounding of a file."""
    header, *rows = path.read_text().splitlines()
    try:
        _, _, station, time = header.split()
        values = np.array([row.split() for row in rows], dtype=float).reshape(-1, 3)
    except ValueError as error:
        raise ReadError(f"a damaged file of the lab's sonde: {error}") from error
    yield Profile(
        pressure=values[:, 0],
        temperature=values[:, 1],
        dewpoint=values[:, 2],
        station_id=station,
        time=np.datetime64(time, "s"),
    )
