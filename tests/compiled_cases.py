"""Cleaned soundings for tests of the compiled engine: as MetPy's engine and as kernels want them.

The MetPy engine takes one profile's levels; a kernel takes the levels of many profiles, one after
the other, with the offsets at which they begin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sounding_rows import Row, cleaned

from pipeline.engines.compiled.blocks import Block, Rows
from pipeline.engines.metpy import Evaluation, Request, _base_inputs, evaluate
from pipeline.readers import read_source

FloatArray = NDArray[np.float64]
SEASON = Path(__file__).resolve().parent.parent / "data" / "season-2003"


def from_rows(rows: Sequence[Row]) -> Rows:
    """Return levels written as rows, as they are: not cleaned."""
    return Rows(*np.array(rows, dtype=float).reshape(len(rows), 6).T.copy())


@cache
def season(every: int = 11) -> tuple[Rows, ...]:
    """Return the cleaned soundings of every so-many-th file of the season."""
    files = sorted(SEASON.glob("03*"))[::every]
    return tuple(
        Rows(*cleaned(profile).profile.levels().values())
        for path in files
        for profile in read_source(str(path)).profiles
    )


def block(profiles: Sequence[Rows]) -> Block:
    """Return profiles one after the other, each on the levels that have what is needed.

    MetPy's engine itself says which these are, and so no fault there is hidden here. (It leaves
    out an input with fewer than two levels: such a profile has none.)
    """
    each = [_base_inputs(*levels) for levels in profiles]

    def joined(name: str) -> FloatArray:
        parts = [inputs[name].m if name in inputs else np.empty(0) for inputs in each]
        return np.concatenate([np.empty(0), *parts])

    def offsets(name: str) -> NDArray[np.int64]:
        sizes = [len(inputs[name].m) if name in inputs else 0 for inputs in each]
        return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)

    ground = [inputs["ground_height"].m if "ground_height" in inputs else np.nan for inputs in each]
    return Block(
        offsets("pressure"),
        *(joined(name) for name in ("pressure", "temperature", "dewpoint", "height")),
        offsets("wind_pressure"),
        *(joined(name) for name in ("wind_pressure", "wind_height", "u_wind", "v_wind")),
        np.array(ground, dtype=float),
        np.concatenate([np.empty(0, np.int64), *_whole(profiles)]),
    )


def _whole(profiles: Sequence[Rows]) -> Iterator[NDArray[np.int64]]:
    """Yield the rows, counted through all profiles, of each one's levels without a gap."""
    first = 0
    for levels in profiles:
        known = np.isfinite([levels.pressure, levels.temperature, levels.dewpoint]).all(axis=0)
        yield first + np.flatnonzero(known if known.sum() >= 2 else [])
        first += len(known)


def by_metpy(levels: Rows, *names: str) -> Evaluation:
    """Return what MetPy's engine makes of a profile."""
    return evaluate(*levels, request=Request(names))


@cache
def season_by_metpy(names: tuple[str, ...], every: int = 11) -> tuple[Evaluation, ...]:
    """Return what MetPy's engine makes of the soundings of `season`, which takes a while."""
    return tuple(by_metpy(levels, *names) for levels in season(every))


def column(evaluations: Sequence[Evaluation], place: int) -> Any:
    """Return one scalar of many evaluations, by its place in the request."""
    return np.array([evaluation.scalars[place] for evaluation in evaluations])
