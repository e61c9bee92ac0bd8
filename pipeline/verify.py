"""Trust, every night: results computed again by MetPy itself, profile by profile, and compared.

The compiled engine is MetPy's algorithm in another form. That the two agree is not believed but
looked at: after each compiled run on some profiles, chosen anew each night, and on demand on all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import ragged
from pipeline.calculate import CORRECTED, calculate, merge
from pipeline.calculations import CATALOGUE, Calculation
from pipeline.errors import PipelineError
from pipeline.executors import Failure
from pipeline.flags import Reason, verdicts, without_results
from pipeline.noise import from_solver, moved

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.config import Quality
    from pipeline.engines.evaluation import Evaluation
    from pipeline.executors import Executor

#: How far a result may be from MetPy's, (absolute, relative), by its units: MetPy's own solver is
#: no closer to itself than this.
TOLERANCES = {
    "J kg-1": (0.05, 1e-4),
    "hPa": (0.01, 0.0),
    "degC": (1e-3, 0.0),
    "K": (1e-3, 0.0),
    "m": (0.5, 0.0),
}
OTHERWISE = (1e-6, 1e-6)
#: Of so many mismatches the profiles are looked into again, at some seconds each.
MOST_LOOKED_INTO = 40
#: Those whose tolerance their units do not say: CIN is a smaller number than CAPE; composites are
#: as exact as the CAPE in them, fixed-level indices as exact as arithmetic is.
OF_ITS_OWN = {
    **{f"{parcel}cin": (0.01, 1e-4) for parcel in ("sb", "ml", "mu")},
    "supercell_composite": (1e-3, 1e-3),
    "significant_tornado": (1e-3, 1e-3),
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A result that is not MetPy's.

    Parameters
    ----------
    profile_id, name : str
    value, expected : float
        NaN where there is none.
    """

    profile_id: str
    name: str
    value: float
    expected: float

    def __str__(self) -> str:
        return f"{self.name} of {self.profile_id} is {self.value:.6g}, by MetPy {self.expected:.6g}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What comparing some profiles with MetPy has found."""

    profiles: int = 0
    largest: dict[str, float] = field(default_factory=dict)
    """The largest difference of each output, in its units."""
    mismatches: list[Mismatch] = field(default_factory=list)
    within_noise: list[Mismatch] = field(default_factory=list)
    """What MetPy itself computes otherwise for levels moved by less than can be measured."""
    left_out: int = 0
    """Profiles that were to be compared, and could not be: the work on them was lost."""

    @property
    def warning(self) -> str:
        """What was not looked at, for a person; empty where everything was."""
        if not self.left_out:
            return ""
        return (
            f"{self.left_out} of the profiles chosen for verification could not be compared with "
            "MetPy: the work on them was lost"
        )

    @property
    def problem(self) -> str:
        """What does not agree, for a person; empty where all does."""
        if not self.mismatches:
            return ""
        first = "; ".join(map(str, self.mismatches[:3]))
        more = f" and {len(self.mismatches) - 3} more" if len(self.mismatches) > 3 else ""
        return f"{len(self.mismatches)} results are not MetPy's: {first}{more}"

    def with_more(self, other: Verification) -> Verification:
        """Return what two comparisons have found together."""
        names = self.largest | other.largest
        largest = {n: max(self.largest.get(n, 0.0), other.largest.get(n, 0.0)) for n in names}
        return Verification(
            self.profiles + other.profiles,
            largest,
            self.mismatches + other.mismatches,
            self.within_noise + other.within_noise,
            self.left_out + other.left_out,
        )

    def as_json(self) -> str:
        """Return profiles and largest differences as JSON, for the output's attribute."""
        rounded = {name: float(f"{value:.3g}") for name, value in self.largest.items()}
        return json.dumps({"profiles": self.profiles, "largest_difference": rounded})


#: Where a profile is from: the path of its source, and its place there.
Place = tuple[str, int]
#: What a profile draws, and where it is from.
Lot = tuple[bytes, Place]


def places(dataset: xr.Dataset, among: Sequence[int] | None = None) -> list[Place]:
    """Return where each profile of a ragged dataset, or each of some, is from."""
    which = slice(None) if among is None else np.array(among, np.int64)
    paths = np.append(dataset["source_path"].values, "")[dataset["source_index"].values[which]]
    return list(zip(paths.tolist(), dataset["source_position"].values[which].tolist(), strict=True))


def lots(dataset: xr.Dataset, seed: str, among: Sequence[int] | None = None) -> list[Lot]:
    """Return what each profile of a ragged dataset, or each of some, draws by a seed."""
    return [
        (sha256(f"{seed} {position} {path}".encode()).digest(), (path, position))
        for path, position in places(dataset, among)
    ]


def chosen(dataset: xr.Dataset, among: Sequence[int], count: int, seed: str) -> list[int]:
    """Return which of some profiles to look at: those that draw the lowest lots.

    Whether a profile is one of them hangs on the seed, and on where it and the others are from.
    One whose work was lost has nothing to look at, and does not take part.
    """
    was_lost = _was_lost(dataset)
    among = [index for index in among if not was_lost[index]]
    drawn = lots(dataset, seed, among)
    return sorted(index for _, index in nsmallest(count, zip(drawn, among, strict=True)))


def _was_lost(dataset: xr.Dataset) -> Any:
    """Return which profiles have no results because the work on them was lost."""
    return dataset["status_reasons"].values & Reason.WORKER_LOST.mask != 0


def verify(
    dataset: xr.Dataset,
    which: Sequence[int],
    names: Sequence[str],
    settings: Quality,
    executor: Executor,
    *,
    known: Mapping[Place, Evaluation | Failure] | None = None,
) -> Verification:
    """Compute some profiles again with MetPy, from their cleaned levels, and compare.

    Profiles whose work was lost, then or now, have nothing to compare and are left out; how many
    those are is said.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged, with results.
    which : sequence of int
        Positions along ``profile``.
    names : sequence of str
        Results to compare, of the catalogue: a user's own are computed by MetPy anyway, and need
        not be the same twice.
    settings : Quality
    executor : Executor
        Runs MetPy.
    known : mapping of Place to Evaluation or Failure, optional
        What MetPy has computed of these levels already.

    Returns
    -------
    Verification
        Values that the post-conditions masked must be masked for both.
    """
    was_lost = _was_lost(dataset)
    profiles = np.array([index for index in which if not was_lost[index]], np.int64)
    again = as_cleaned(ragged.select(dataset, profiles), names)
    evaluations = _by_metpy(again, names, settings, executor, known or {})
    done = [place for place, one in enumerate(evaluations) if not isinstance(one, Failure)]
    kept = np.array(done, np.int64)
    found, expected = ragged.select(dataset, profiles[kept]), ragged.select(again, kept)
    merge(expected, [evaluations[place] for place in done], names, judged=settings.post_conditions)
    compared = names if done else ()
    largest = {name: _largest_difference(found, expected, name) for name in compared}
    mismatches = list(_mismatches(found, expected, names))
    within_noise: list[Mismatch] = []
    for profile in dict.fromkeys(one.profile_id for one in mismatches[:MOST_LOOKED_INTO]):
        here = [one for one in mismatches if one.profile_id == profile]
        doubtful = [name for name in dict.fromkeys(one.name for one in here) if from_solver(name)]
        noisy = [*_within_noise(found, again, profile, doubtful, settings, executor)]
        within_noise += [one for one in here if one.name in noisy]
    left = [one for one in mismatches if one not in within_noise]
    return Verification(len(done), largest, left, within_noise, len(which) - len(done))


def _by_metpy(
    cleaned: xr.Dataset,
    names: Sequence[str],
    settings: Quality,
    executor: Executor,
    known: Mapping[Place, Evaluation | Failure],
) -> list[Evaluation | Failure]:
    """Return what MetPy computes of each profile, or has computed already."""
    where = places(cleaned)
    new = np.array([index for index, place in enumerate(where) if place not in known], np.int64)
    # All at once: an executor is free for more when what it was given is at its end.
    computed = iter([*calculate(ragged.select(cleaned, new), names, (), settings, executor)])
    return [known[place] if place in known else next(computed) for place in where]


def _largest_difference(found: xr.Dataset, expected: xr.Dataset, name: str) -> float:
    apart = np.abs(found[name].values - expected[name].values)
    return float(apart[np.isfinite(apart)].max(initial=0.0))


def _mismatches(
    found: xr.Dataset, expected: xr.Dataset, names: Sequence[str]
) -> Iterator[Mismatch]:
    """Yield what differs beyond tolerance."""
    for name in names:
        here, there = found[name].values, expected[name].values
        wrong = differ(here, there, *tolerance_of(CATALOGUE[name]))
        ids = found["profile_id"].values[_profiles_of(found, name)]
        for at in np.flatnonzero(wrong).tolist():
            yield Mismatch(str(ids[at]), name, here[at], there[at])


def _within_noise(
    found: xr.Dataset,
    cleaned: xr.Dataset,
    profile_id: str,
    names: Sequence[str],
    settings: Quality,
    executor: Executor,
) -> Iterator[str]:
    """Yield which results of a profile MetPy finds too, on levels moved by its solver's noise."""
    if not names:
        return
    here = ragged.select(found, found["profile_id"].values == profile_id)
    bare = ragged.select(cleaned, cleaned["profile_id"].values == profile_id)
    pairs = list(moved(bare["temperature"].values, bare["dewpoint"].values))
    again = ragged.select(bare, np.zeros(len(pairs), np.int64))
    for name, values in zip(("temperature", "dewpoint"), zip(*pairs, strict=True), strict=True):
        again[name] = again[name].copy(data=np.concatenate(values))
    evaluations = list(calculate(again, names, (), settings, executor))
    merge(again, evaluations, names, judged=settings.post_conditions)
    for name in names:
        # What was lost, or ended in an error, says nothing; least of all that there is no value.
        says = [not isinstance(one, Failure) and name not in one.errors for one in evaluations]
        others = again[name].values.reshape(len(pairs), -1)[says]
        apart = differ(here[name].values, others, *tolerance_of(CATALOGUE[name]))
        if not apart.all(axis=0).any():
            yield name


def comparable(names: Sequence[str], parcel_rules: str) -> list[str]:
    """Return the results that are to be MetPy's: of the catalogue, and not of corrected rules.

    Examples
    --------
    >>> comparable(["sbcape", "sblcl_pressure", "significant_tornado"], "corrected")
    ['sblcl_pressure']
    """
    ours = [name for name in names if name in CATALOGUE]
    return [name for name in ours if parcel_rules == "metpy" or not CORRECTED.search(name)]


def verify_output(
    dataset: xr.Dataset, executor: Executor, count: int | None, seed: str = "verify"
) -> Verification:
    """Compute profiles of an output again with MetPy, each as its recipe says, and compare.

    Parameters
    ----------
    dataset : xarray.Dataset
        As read from an output.
    executor : Executor
        Runs MetPy.
    count : int or None
        How many profiles, chosen by `seed`; None for all.
    seed : str

    Returns
    -------
    Verification
        Of the catalogue. Custom calculations are left out: a file is data, and no function that
        it names is run.

    Raises
    ------
    PipelineError
        When the file does not say how it was made.
    """
    from pipeline.config import Quality

    total = range(dataset.sizes["profile"])
    which = np.array(total if count is None else chosen(dataset, total, count, seed), np.int64)
    recipes = dataset["source_recipe"].values[dataset["source_index"].values[which]]
    whole = Verification()
    for recipe in dict.fromkeys(recipes.tolist()):
        try:
            made = json.loads(recipe)
            settings = Quality.model_validate(made["quality"])
            names = comparable(made["calculations"], made.get("parcel_rules", "metpy"))
        except (ValueError, KeyError, TypeError) as error:
            raise PipelineError(
                "the output does not say how it was made; only the output of a run can be verified"
            ) from error
        group = which[recipes == recipe].tolist()
        whole = whole.with_more(verify(dataset, group, names, settings, executor))
    return whole


def tolerance_of(calculation: Calculation) -> tuple[float, float]:
    """Return how far a result may be from MetPy's: (absolute, relative)."""
    own = OF_ITS_OWN.get(calculation.name)
    return own or TOLERANCES.get(calculation.units, OTHERWISE)


def differ(here: Any, there: Any, absolute: float, relative: float) -> Any:
    """Return where two results differ: too far apart, or one of them missing.

    Examples
    --------
    >>> differ(np.array([1.0, np.nan]), np.array([1.001, 2.0]), 0.01, 0.0)
    array([False,  True])
    """
    far = np.abs(here - there) > absolute + relative * np.abs(there)
    return far | (np.isnan(here) != np.isnan(there))


def as_cleaned(dataset: xr.Dataset, results: Iterable[str]) -> xr.Dataset:
    """Return a dataset as it was before anything was computed: levels, flags, and no results."""
    there = [name for name in [*results, "calculation_message"] if name in dataset]
    bare = dataset.drop_vars(there)
    masks = without_results(bare["status_reasons"].values)
    status, wind_status = verdicts(masks)
    columns = {
        "status_reasons": masks,
        "status": status,
        "wind_status": wind_status,
        "status_message": bare["cleaning_message"].values.copy(),
    }
    return bare.assign({name: bare[name].copy(data=data) for name, data in columns.items()})


def _profiles_of(dataset: xr.Dataset, name: str) -> Any:
    """Return the profile that each value of a result belongs to."""
    count = dataset.sizes["profile"]
    if dataset[name].dims == ("profile",):
        return np.arange(count)
    return np.repeat(np.arange(count), dataset["row_size"].values)
