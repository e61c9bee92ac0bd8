"""The catalogue of many soundings by both engines, and where these differ.

MetPy's results are computed once for the same soundings, versions and declarations, and kept.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _common import PROJECT, STATIONS

from pipeline import stations
from pipeline.calculate import argument_tuples
from pipeline.calculations import CATALOGUE
from pipeline.config import Quality
from pipeline.engines.compiled.engine import Results, evaluate_batch
from pipeline.engines.metpy import Evaluation, Request, evaluate
from pipeline.executors import Executor, Failure
from pipeline.load import check, locate, read
from pipeline.sources import Source, matching_files

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IndexArray = np.ndarray[Any, np.dtype[np.int64]]

#: Everything that can be asked for, values of levels included.
NAMES = tuple(name for name, calculation in CATALOGUE.items() if calculation.units)
SCALARS = tuple(name for name in NAMES if not CATALOGUE[name].per_level)


class Tolerance(NamedTuple):
    """How far apart two numbers may be, and why so far."""

    most: float
    relative: bool
    why: str


#: Below this size, differences are relative to it: a wind of 1e-14 m s-1 is calm.
SMALL = 1e-3

#: By name, the first that fits. The first four and the last are the criteria of the engine.
TOLERANCES = {
    "*cape": Tolerance(0.05, False, "J kg-1; MetPy's solver is this far from its own equation"),
    "*cin": Tolerance(0.01, False, "J kg-1; as above, over fewer levels"),
    "*_pressure": Tolerance(0.01, False, "hPa"),
    "*temperature": Tolerance(1e-3, False, "K"),
    "*_positive_area": Tolerance(0.05, False, "J kg-1, as CAPE"),
    "*_lifted_index": Tolerance(1e-3, False, "K, as temperatures: of a lifted parcel"),
    "showalter_index": Tolerance(1e-3, False, "K, as temperatures: of a lifted parcel"),
    "*_top_buoyancy": Tolerance(1e-3, False, "K, as temperatures: of a lifted parcel"),
    "*_height": Tolerance(0.5, False, "m; 0.01 hPa is 0.1 m near the ground, 0.6 m at 100 hPa"),
    "supercell_composite": Tolerance(1e-3, False, "1; of a CAPE that may be off by 0.05 J kg-1"),
    "significant_tornado": Tolerance(1e-3, False, "1; of a CAPE that may be off by 0.05 J kg-1"),
    "*": Tolerance(1e-6, True, f"of the value (of {SMALL:g} if that is more)"),
}


def tolerance(name: str) -> Tolerance:
    """Return how far apart a result of both engines may be."""
    return next(found for pattern, found in TOLERANCES.items() if fnmatch(name, pattern))


@dataclass(frozen=True)
class Soundings:
    """Cleaned profiles as a run computes them."""

    ids: list[str]
    profiles: list[tuple[FloatArray, ...]]
    """Of each: pressure, temperature, dewpoint, height, u and v wind, as `evaluate` takes them."""

    @cached_property
    def offsets(self) -> IndexArray:
        """Where each profile's rows begin, and the last one's end."""
        return np.cumsum([0, *(len(levels[0]) for levels in self.profiles)], dtype=np.int64)

    @cached_property
    def rows(self) -> tuple[FloatArray, ...]:
        """The levels of all profiles end to end."""
        return tuple(np.concatenate(each) for each in zip(*self.profiles, strict=True))

    def repeated(self, least: int) -> Soundings:
        """Return these again and again, until there are enough."""
        times = -(-least // len(self.profiles))
        return Soundings(self.ids * times, self.profiles * times)


def soundings(folder: Path, executor: Executor, every: int) -> Soundings:
    """Return the cleaned soundings of a folder."""
    files = matching_files(str(folder), Path.cwd(), ("README*", "*.md"))[::every]
    rows, found = read([Source(path) for path in files], executor, folder)
    locate(found, stations.load(STATIONS))
    dataset = check(rows, found, Quality())
    return Soundings(dataset["profile_id"].values.tolist(), list(argument_tuples(dataset)))


def by_metpy(these: Soundings, executor: Executor, cache: Path | None) -> list[Evaluation]:
    """Return MetPy engine's results, from the cache if it is of these soundings and versions."""
    key = _key(these)
    if cache and cache.is_file():
        found_key, evaluations = pickle.loads(cache.read_bytes())
        if found_key == key:
            return evaluations
    work = partial(evaluate, request=Request(NAMES))
    evaluations = list(executor.starmap(work, these.profiles))
    lost = [one for one in evaluations if isinstance(one, Failure)]
    if lost:
        raise SystemExit(f"MetPy gave no result for {len(lost)} profiles, such as: {lost[0]}")
    if cache:
        cache.write_bytes(pickle.dumps((key, evaluations)))
    return evaluations


def _key(these: Soundings) -> str:
    """Return what MetPy engine's results hang on, as a digest."""
    digest = hashlib.sha256()
    for package in ("metpy", "numpy", "scipy", "pint"):
        digest.update(f"{package} {version(package)}\n".encode())
    engines = PROJECT / "pipeline" / "engines"
    for path in sorted([engines / "metpy.py", *(engines / "adapters").glob("*.py")]):
        digest.update(path.read_bytes())
    for calculation in CATALOGUE.values():
        digest.update(repr(replace(calculation, kernel="")).encode())
    for values in (these.offsets, *these.rows):
        digest.update(values.tobytes())
    return digest.hexdigest()


def by_kernels(
    these: Soundings, names: Sequence[str] = NAMES, *, rules: str = "metpy", threads: int = 1
) -> Results:
    """Return the compiled engine's results."""
    return evaluate_batch(these.offsets, these.rows, names, parcel_rules=rules, threads=threads)


def left_to_metpy(
    these: Soundings, metpy: Sequence[Evaluation], compiled: Results
) -> dict[int, tuple[str, ...]]:
    """Return what kernels leave to the MetPy engine, by profile, and put its results in there.

    The same happens in a run: where MetPy raises an error, or where rounding decides.
    """
    left = compiled.for_metpy()
    for profile, names in left.items():
        rows = slice(these.offsets[profile], these.offsets[profile + 1])
        for name in names:
            if CATALOGUE[name].per_level:
                compiled.levels[name][rows] = metpy[profile].levels[name]
            else:
                compiled.scalars[name][profile] = metpy[profile].scalars[SCALARS.index(name)]
    return left


# Where they differ -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """One output of all profiles, by both engines."""

    metpy: FloatArray
    compiled: FloatArray
    owner: IndexArray
    """Which profile each value belongs to."""
    tolerance: Tolerance

    @cached_property
    def difference(self) -> FloatArray:
        """How far apart the engines are, as the tolerance says it; NaN where one has no value."""
        return difference(self.compiled, self.metpy, self.tolerance)

    @cached_property
    def only_one(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Where one engine has a value and the other has none."""
        return np.isnan(self.metpy) != np.isnan(self.compiled)

    @cached_property
    def exceptions(self) -> IndexArray:
        """The places of values that are not the same within tolerance, or are in one only."""
        beyond = self.difference > self.tolerance.most
        return np.flatnonzero(beyond | self.only_one)


def difference(values: Any, expected: Any, allowed: Tolerance) -> Any:
    """Return how far values are from the expected ones, as the tolerance says it."""
    apart = np.abs(values - expected)
    same = values == expected  # infinite ones, too
    scale = np.maximum(np.abs(expected), SMALL) if allowed.relative else 1.0
    return np.where(same, 0.0, apart / scale)


def columns(these: Soundings, metpy: Sequence[Evaluation], compiled: Results) -> dict[str, Column]:
    """Return every output by both engines."""
    found = {}
    for name in NAMES:
        if CATALOGUE[name].per_level:
            theirs = np.concatenate([one.levels[name] for one in metpy])
            owner = np.repeat(np.arange(len(metpy)), np.diff(these.offsets))
            found[name] = Column(theirs, compiled.levels[name], owner, tolerance(name))
        else:
            theirs = np.array([one.scalars[SCALARS.index(name)] for one in metpy])
            owner = np.arange(len(metpy))
            found[name] = Column(theirs, compiled.scalars[name], owner, tolerance(name))
    return found


def other_reasons(metpy: Sequence[Evaluation], compiled: Results) -> Iterator[tuple[int, str, str]]:
    """Yield where the engines say other things of a missing result: profile, name, what."""
    missing, raised = compiled.missing(), compiled.for_metpy()
    for profile, one in enumerate(metpy):
        left = {name: one.missing[name] for name in raised.get(profile, ()) if name in one.missing}
        ours = missing.get(profile, {}) | left
        for name in sorted(ours.keys() | one.missing.keys()):
            texts = (ours.get(name, "nothing"), one.missing.get(name, "nothing"))
            if texts[0] != texts[1]:
                yield profile, name, f"compiled: {texts[0]}; MetPy: {texts[1]}"
        for name in sorted(one.errors.keys() - set(raised.get(profile, ()))):
            yield profile, name, f"raised by MetPy, not noticed by a kernel: {one.errors[name]}"
