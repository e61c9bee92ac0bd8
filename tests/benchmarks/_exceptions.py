"""Why the engines differ where they do: forks that MetPy's own solver takes by chance.

A crossing that a parcel just reaches or just misses is there or not by a ten-thousandth of a
kelvin, which is what MetPy's solver (LSODA) is off by. So MetPy is asked again about levels moved
by as little: where it then says what the kernel says, neither is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from _engines import Column, FloatArray, Soundings, difference

from pipeline.calculations import CATALOGUE
from pipeline.engines.metpy import Evaluation, Request, evaluate
from pipeline.executors import Executor
from pipeline.noise import from_solver, moved

#: So many profiles are looked into; more are too many anyway.
MOST_EXPLAINED = 60


class Difference(NamedTuple):
    """An output of a profile in which the engines differ beyond tolerance; the worst level's."""

    profile: int
    name: str
    metpy: float
    compiled: float
    nearest: float
    """What MetPy's engine says nearest to the kernel on levels moved a little."""
    explained: bool


def look_into(
    these: Soundings, found: Mapping[str, Column], executor: Executor
) -> list[Difference]:
    """Return all outputs of profiles in which the engines differ, looked into with MetPy's."""
    by_profile: dict[int, list[str]] = {}
    for name, column in found.items():
        for profile in np.unique(column.owner[column.exceptions]).tolist():
            by_profile.setdefault(profile, []).append(name)
    differences = []
    for number, (profile, names) in enumerate(sorted(by_profile.items())):
        evaluations: list[Any] = []
        noisy = tuple(name for name in names if from_solver(name))
        if noisy and number < MOST_EXPLAINED:
            work = partial(evaluate, request=Request(noisy))
            pressure, temperature, dewpoint, *others = these.profiles[profile]
            levels = ((pressure, *pair, *others) for pair in moved(temperature, dewpoint))
            evaluations = list(executor.starmap(work, levels))
        for name in names:
            again = [_result(one, noisy, name) for one in evaluations if name in noisy]
            differences.append(_judged(found[name], profile, name, again))
    return differences


def _result(evaluation: Evaluation, names: Sequence[str], name: str) -> FloatArray:
    """Return one output of a profile as an array of its values."""
    if CATALOGUE[name].per_level:
        return evaluation.levels[name]
    scalars = [each for each in names if not CATALOGUE[each].per_level]
    return evaluation.scalars[[scalars.index(name)]]


def _judged(column: Column, profile: int, name: str, others: Sequence[FloatArray]) -> Difference:
    """Return a difference, explained if MetPy's engine says the same of levels moved a little."""
    places = np.flatnonzero(column.owner == profile)
    amiss = np.intersect1d(places, column.exceptions)
    ours, theirs = column.compiled[amiss], column.metpy[amiss]
    apart = np.array([_apart(column, other[amiss - places[0]], ours) for other in others])
    worst = int(np.nanargmax(np.where(column.only_one[amiss], np.inf, column.difference[amiss])))
    nearest, explained = np.nan, False
    if len(apart):
        closest = apart.argmin(axis=0)
        nearest = float(others[closest[worst]][amiss - places[0]][worst])
        explained = bool((apart.min(axis=0) <= column.tolerance.most).all())
    return Difference(profile, name, float(theirs[worst]), float(ours[worst]), nearest, explained)


def _apart(column: Column, others: FloatArray, ours: FloatArray) -> FloatArray:
    """Return how far apart values are; missing ones are equal, and far from all others."""
    neither = np.isnan(others) & np.isnan(ours)
    apart = np.where(neither, 0.0, difference(others, ours, column.tolerance))
    return np.where(np.isnan(apart), np.inf, apart)
