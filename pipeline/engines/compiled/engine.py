"""The compiled engine: evaluates the catalogue for all profiles of a dataset at once.

What is asked for is turned into a list of calls of kernels (`plan`), each function with each input
once, which is then gone through for one block of profiles after the other, so that what a call
leaves is still in the processor's cache for the next. Blocks are shared out among threads; kernels
run without Python's lock, and no result depends on the others of its block.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from pipeline.calculations import BASE_INPUTS, CATALOGUE, Calculation
from pipeline.engines.compiled import missing
from pipeline.engines.compiled._numba import announced
from pipeline.engines.compiled.blocks import WINDS, Block, Rows, compact
from pipeline.engines.compiled.types import Codes, FloatArray, Offsets
from pipeline.engines.evaluation import ParcelRules
from pipeline.executors import usable_cores

#: Rows that are gone through together, some 1000 profiles: measured, where less costs calls and
#: waiting for Python's lock, and more gains nothing.
BLOCK_ROWS = 61440
#: Fewer towards the end, so that all threads end together; so many at least.
LEAST_ROWS = 8192
#: What the C library keeps of freed memory, in bytes: see `_keep_freed_memory`.
KEPT_MEMORY = 30 * 2**20


#: Where something is found that a call takes: the name of a field of a `Block`, or the place among
#: the calls of the one it comes from.
Place = str | int


class Call(NamedTuple):
    """One call: of a kernel, or of what picks one of its results."""

    function: Callable[..., Any]
    inputs: tuple[Place, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """The calls that lead to what is wanted, in an order in which each finds its inputs."""

    calls: list[Call]
    """Each kernel with each options and inputs once."""
    places: dict[str, Place]
    """Of each wanted calculation that has a kernel: where its result comes from."""

    @property
    def takes_winds(self) -> bool:
        """Whether any call takes what only winds have."""
        return any(not WINDS.isdisjoint(call.inputs) for call in self.calls)


@dataclass(frozen=True)
class Results:
    """What came of many profiles: the columns of what `Evaluation` holds of one."""

    scalars: dict[str, FloatArray]
    """One value a profile for each scalar calculation that has a kernel; NaN: missing."""
    levels: dict[str, FloatArray]
    """One value a row of the dataset for each per-level calculation that has a kernel."""
    codes: dict[str, Codes]
    """By calculation, why each profile has no value (`pipeline.engines.compiled.missing`)."""
    lowest_wind: FloatArray
    """The lowest wind's height above the ground in m, of each profile; NaN where nobody asked for
    anything that takes winds. The next is so, too."""
    highest_wind: FloatArray
    """The highest wind's height above the lowest in m, of each profile."""
    without_kernel: tuple[str, ...]
    """The wanted calculations that the MetPy engine is to compute for all profiles."""

    def missing(self) -> dict[int, dict[str, str]]:
        """Return why results are missing: by profile, by calculation, in MetPy engine's words."""
        return {
            profile: {
                name: missing.text(
                    code, bottom=self.lowest_wind[profile], top=self.highest_wind[profile]
                )
                for name, code in why.items()
            }
            for profile, why in self._by_profile(_is_missing).items()
        }

    def for_metpy(self) -> dict[int, tuple[str, ...]]:
        """Return what the MetPy engine is to compute: by profile, the names of calculations.

        These are the ones without a kernel, for every profile, and those of which a kernel has
        found that only MetPy can tell: where it raises an error, or the last bit decides.
        """
        told = self._by_profile(lambda codes: codes == missing.ERROR)
        profiles = range(len(self.lowest_wind)) if self.without_kernel else told
        return {profile: (*told.get(profile, ()), *self.without_kernel) for profile in profiles}

    def is_told(self, name: str, profile: int) -> bool:
        """Tell whether a calculation has a kernel, and that a value (or why there is none)."""
        return name in self.codes and bool(self.codes[name][profile] != missing.ERROR)

    def _by_profile(self, chosen: Callable[[Codes], Any]) -> dict[int, dict[str, int]]:
        """Return the codes chosen, by profile (in order) and by calculation."""
        found: dict[int, dict[str, int]] = {}
        for name, codes in self.codes.items():
            for profile in np.flatnonzero(chosen(codes)).tolist():
                found.setdefault(profile, {})[name] = int(codes[profile])
        return dict(sorted(found.items()))


def _is_missing(codes: Codes) -> Any:
    return (codes != missing.NOTHING) & (codes != missing.ERROR)


def evaluate_batch(
    offsets: Offsets,
    rows: Iterable[FloatArray],
    names: Sequence[str],
    custom: tuple[Calculation, ...] = (),
    *,
    parcel_rules: ParcelRules = "metpy",
    threads: int | None = None,
    block_rows: int = BLOCK_ROWS,
) -> Results:
    """Compute what is requested from cleaned profiles.

    Parameters
    ----------
    offsets : numpy.ndarray, shape (profiles + 1,)
        Where each profile's rows begin, and the last one's end.
    rows : iterable of numpy.ndarray, shape (rows,)
        Pressure, temperature, dewpoint, height, u and v wind of all profiles, in hPa, degC, m and
        m s-1; of each from the surface up, pressure strictly falling; NaN where missing.
    names : sequence of str
        What to compute: names of the catalogue or of `custom`.
    custom : tuple of Calculation
        Declarations of a user's own; the MetPy engine computes them.
    parcel_rules : {"metpy", "corrected"}
        Whether LFC, EL and CAPE are MetPy's, or found with the parcel's true LCL.
    threads : int, optional
        One a processor unless given; results are the same for any number.
    block_rows : int
        Profiles are gone through together up to this many rows.

    Returns
    -------
    Results
        In the order of the profiles.
    """
    offsets = np.ascontiguousarray(offsets, dtype=np.int64)
    table = Rows(*(np.ascontiguousarray(each, dtype=np.float64) for each in rows))
    declarations = CATALOGUE | {calculation.name: calculation for calculation in custom}
    scheme = plan(names, declarations, corrected=parcel_rules == "corrected")
    results = _room_for(scheme, declarations, names, len(offsets) - 1, len(table.pressure))
    with_winds = scheme.takes_winds

    def go_through(part: slice) -> None:
        block = compact(offsets[part.start : part.stop + 1], table, with_winds)
        _fill(results, part, block, scheme)

    threads = threads or usable_cores()
    parts = _parts(offsets, threads, block_rows)
    _keep_freed_memory()
    with announced():
        for part in parts[:1]:  # one profile alone, as it may have to compile
            go_through(part)
    _share_out(parts[1:], go_through, threads)
    return results


@cache
def _keep_freed_memory() -> None:
    """Have the C library keep what arrays of a block have used, for those of the next.

    Else it gives larger arrays back to the system one by one, to ask for them anew, all zeros, in
    the next call: a fifth of the time. glibc keeps pieces up to the size of the largest that it
    has seen freed, of at most 32 MiB (mallopt(3), M_MMAP_THRESHOLD); no page of this one is used.
    That holds for all of this process, which may keep some tens of megabytes more.
    """
    np.empty(KEPT_MEMORY, np.uint8)


def _parts(offsets: Offsets, threads: int, most: int) -> list[slice]:
    """Return the first profile, then all others in parts of at most so many rows, or of one.

    Each is at most half a thread's share of what is left, unless that is too little.
    """
    count = len(offsets) - 1
    first = min(1, count)
    parts = [slice(0, first)] if first else []
    while first < count:
        share = (offsets[-1] - offsets[first]) // (2 * threads)
        rows = min(most, max(share, LEAST_ROWS))
        end = int(np.searchsorted(offsets, offsets[first] + rows, side="right")) - 1
        end = min(max(end, first + 1), count)
        parts.append(slice(first, end))
        first = end
    return parts


def _share_out(parts: Sequence[slice], go_through: Callable[[slice], None], threads: int) -> None:
    """Go through all parts, each by the thread that is free for it; raise what went wrong in any.

    This thread works too: one that only waits wakes up for every part, in the way of the others.
    """
    left = iter(parts)

    def work() -> None:
        try:
            for part in left:  # Python's lock lets one thread at a time take one
                go_through(part)
        except BaseException:
            list(left)  # so that nobody begins with another
            raise

    with ThreadPoolExecutor(max(threads - 1, 1), thread_name_prefix="compiled") as pool:
        others = [pool.submit(work) for _ in range(threads - 1)]
        work()
        for each in others:
            each.result()


def plan(
    names: Iterable[str], declarations: Mapping[str, Calculation], *, corrected: bool = False
) -> Plan:
    """Return the calls of kernels that lead to what is wanted.

    Parameters
    ----------
    names : iterable of str
        What is wanted; what has no kernel, or is computed from what has none, is left out.
    declarations : mapping of str to Calculation
        Of these and of all that they are computed from.
    corrected : bool
        For kernels that know other rules than MetPy's.
    """
    calls: list[Call] = []
    known: dict[Hashable, int] = {}

    def once(key: Hashable, make: Callable[[], Call]) -> int:
        if key not in known:
            known[key] = len(calls)
            calls.append(make())
        return known[key]

    def place_of(name: str) -> Place:
        if name in BASE_INPUTS:
            return name
        calculation = declarations[name]
        kernel, options, pick = calculation.kernel, calculation.options, calculation.pick
        inputs = tuple(map(place_of, calculation.inputs))
        place = once((kernel, options, inputs), lambda: _call(calculation, inputs, corrected))
        if pick is None:
            return place
        return once((place, pick), lambda: Call(_picked, (place,), {"index": pick}))

    wanted = [name for name in dict.fromkeys(names) if has_kernel(name, declarations)]
    return Plan(calls, places={name: place_of(name) for name in wanted})


def has_kernel(name: str, declarations: Mapping[str, Calculation]) -> bool:
    """Return whether a calculation has a kernel, and everything that it is computed from."""
    if name in BASE_INPUTS:
        return True
    calculation = declarations[name]
    inputs = calculation.inputs
    return bool(calculation.kernel) and all(has_kernel(each, declarations) for each in inputs)


def _call(calculation: Calculation, inputs: tuple[Place, ...], corrected: bool) -> Call:
    """Return the call of a declaration's kernel, with the offsets and rules that it asks for."""
    kernel, asked = _kernel(calculation.kernel)
    offsets = tuple(name for name in ("starts", "wind_starts") if name in asked)
    options = dict(calculation.options)
    if "corrected" in asked:
        options["corrected"] = corrected
    return Call(kernel, (*offsets, *inputs), options)


@cache
def _kernel(name: str) -> tuple[Callable[..., Any], frozenset[str]]:
    """Return the kernel of a name in a declaration, and the names of what it takes."""
    module, _, function = name.partition(":")
    kernel = getattr(importlib.import_module(f"pipeline.engines.compiled.{module}"), function)
    return kernel, frozenset(signature(getattr(kernel, "py_func", kernel)).parameters)


def _picked(result: tuple[Any, ...], index: int) -> tuple[FloatArray, Codes]:
    """Return one of several results of a kernel, with their codes."""
    return result[index], result[-1]


def _room_for(
    scheme: Plan,
    declarations: Mapping[str, Calculation],
    names: Sequence[str],
    profiles: int,
    rows: int,
) -> Results:
    """Return results that are all missing, to be filled in."""
    per_level = [name for name in scheme.places if declarations[name].per_level]
    scalars = [name for name in scheme.places if name not in per_level]
    return Results(
        scalars={name: np.full(profiles, np.nan) for name in scalars},
        levels={name: np.full(rows, np.nan) for name in per_level},
        codes={name: np.zeros(profiles, np.uint8) for name in scheme.places},
        lowest_wind=np.full(profiles, np.nan),
        highest_wind=np.full(profiles, np.nan),
        without_kernel=tuple(name for name in dict.fromkeys(names) if name not in scheme.places),
    )


def _fill(results: Results, part: slice, block: Block, scheme: Plan) -> None:
    """Go through the calls for one block of profiles, and write what is wanted of them."""
    values: dict[Place, Any] = dict(zip(block._fields, block, strict=True))
    # Numbered, since what is done here under Python's lock keeps other threads waiting.
    for place, call in enumerate(scheme.calls):
        values[place] = call.function(*[values[each] for each in call.inputs], **call.options)
    for name, origin in scheme.places.items():
        result, codes = values[origin]
        results.codes[name][part] = codes
        if name in results.scalars:
            results.scalars[name][part] = result
        else:
            results.levels[name][block.source] = result
    has_winds = np.flatnonzero(np.diff(block.wind_starts))
    lowest = block.wind_height[block.wind_starts[has_winds]]
    highest = block.wind_height[block.wind_starts[has_winds + 1] - 1]
    results.lowest_wind[part][has_winds] = lowest - block.ground_height[has_winds]
    results.highest_wind[part][has_winds] = highest - lowest
