"""From a clean dataset to one with results: MetPy over all profiles, judged and merged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import messages, ragged
from pipeline.calculations import CATALOGUE, Calculation, resolve
from pipeline.engines.evaluation import Evaluation, ParcelRules, Request
from pipeline.engines.reference import evaluate
from pipeline.executors import Executor, Failure
from pipeline.flags import Reason, Status, verdicts, without_results
from pipeline.profiles import LEVEL_VARIABLES
from pipeline.quality import results

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.config import Config, Quality

#: Results that `parcel_rules: corrected` changes.
CORRECTED = re.compile(r"^(sb|ml|mu)(cape|cin|lfc_|el_)|^(supercell|significant)_")


def wanted(config: Config) -> tuple[list[str], tuple[Calculation, ...]]:
    """Return what the config wants computed: names in order, and the user's own declarations."""
    custom = tuple(
        Calculation(
            name=name,
            long_name=entry.long_name or name,
            units=entry.units,
            inputs=tuple(entry.inputs),
            function=entry.function,
            per_level=entry.per_level,
            group="custom",
        )
        for name, entry in config.custom.items()
    )
    requested = [*resolve(config.calculations), *custom]
    return [calculation.name for calculation in requested], custom


def calculate(
    dataset: xr.Dataset,
    names: Sequence[str],
    custom: tuple[Calculation, ...],
    settings: Quality,
    executor: Executor,
    *,
    engine: str = "metpy",
    parcel_rules: ParcelRules = "metpy",
) -> Iterator[Evaluation | Failure]:
    """Compute over all profiles, and yield what came of each.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged and clean.
    names : sequence of str
        What is wanted; what the post-conditions need is computed too.
    custom : tuple of Calculation
        The user's own declarations.
    settings : Quality
    executor : Executor
        Runs MetPy: one tuple of plain arrays a profile, through ``starmap``.
    engine : {"metpy", "compiled"}
        The compiled one leaves to MetPy what it has no kernel for.
    parcel_rules : {"metpy", "corrected"}
        How the compiled engine finds LFC and EL.
    """
    needed = results.needed_for(names) if settings.post_conditions else []
    request = Request(tuple(dict.fromkeys([*names, *needed])), custom)
    if engine == "compiled":
        return _compiled(dataset, request, executor, parcel_rules)
    return executor.starmap(partial(evaluate, request=request), argument_tuples(dataset))


def _compiled(
    dataset: xr.Dataset, request: Request, executor: Executor, parcel_rules: ParcelRules
) -> Iterator[Evaluation | Failure]:
    """Compute with machine code, and with MetPy what there is none for."""
    from pipeline.engines.compiled.engine import evaluate_batch

    offsets = ragged.offsets(dataset)
    # MetPy knows its own rules only: a user's calculations are given what others have led to.
    inputs = [name for calculation in request.custom for name in calculation.inputs]
    given = [name for name in inputs if parcel_rules != "metpy" and CORRECTED.search(name)]
    batch = evaluate_batch(
        offsets,
        usable_levels(dataset),
        [*request.names, *given],
        request.custom,
        parcel_rules=parcel_rules,
    )
    declarations = CATALOGUE | {calculation.name: calculation for calculation in request.custom}
    scalars = [name for name in request.names if not declarations[name].per_level]
    levels = [name for name in request.names if declarations[name].per_level]
    nothing = np.full(len(offsets) - 1, np.nan)
    table = np.column_stack([batch.scalars.get(name, nothing) for name in scalars] or [nothing])
    why, left = batch.missing(), _left(batch.for_metpy(), request.names)
    known = {
        index: {
            name: why.get(index, {}).get(name, float(batch.scalars[name][index]))
            for name in given
            if batch.is_told(name, index)
        }
        for index in left
    }
    by_metpy = _by_metpy(dataset, left, request.custom, known, executor)
    for index in range(len(offsets) - 1):
        rows = slice(offsets[index], offsets[index + 1])
        evaluation = Evaluation(
            table[index, : len(scalars)],
            {name: batch.levels[name][rows] for name in levels if name in batch.levels},
            {},
            why.get(index, {}),
            (),
        )
        if index not in left:
            yield evaluation
            continue
        more = next(by_metpy)
        if isinstance(more, Failure):
            yield more
        else:
            yield _put_together(evaluation, more, scalars, left[index], declarations)


def _left(
    for_metpy: Mapping[int, Sequence[str]], wanted: Sequence[str]
) -> dict[int, tuple[str, ...]]:
    """Return what of the wanted is left to MetPy, for each profile of which something is."""
    left = {
        index: tuple(name for name in names if name in wanted) for index, names in for_metpy.items()
    }
    return {index: names for index, names in left.items() if names}


def _by_metpy(
    dataset: xr.Dataset,
    left: Mapping[int, Sequence[str]],
    custom: tuple[Calculation, ...],
    known: Mapping[int, Mapping[str, float | str]],
    executor: Executor,
) -> Iterator[Evaluation | Failure]:
    """Yield what MetPy computes of some profiles, for each other calculations."""
    if not left:
        return iter(())
    arguments = (
        (*levels, Request(tuple(left[index]), custom, known[index]))
        for index, levels in enumerate(argument_tuples(dataset))
        if index in left
    )
    return executor.starmap(evaluate, arguments)


def _put_together(
    evaluation: Evaluation,
    more: Evaluation,
    scalars: Sequence[str],
    names: Sequence[str],
    declarations: Mapping[str, Calculation],
) -> Evaluation:
    """Return what both engines have computed of one profile; of `names` MetPy has the word."""
    values = evaluation.scalars.copy()
    computed = [name for name in names if not declarations[name].per_level]
    values[[scalars.index(name) for name in computed]] = more.scalars
    return Evaluation(
        values,
        evaluation.levels | more.levels,
        more.errors,
        evaluation.missing | more.missing,
        more.warnings,
    )


def usable_levels(dataset: xr.Dataset) -> list[np.ndarray[Any, Any]]:
    """Return pressure, temperature, dewpoint, height, u and v wind of all profiles end to end.

    What the cleaning rejected is missing in it, so that nothing is computed from it: temperature
    and dewpoint of a rejected profile, the winds of one whose winds were. What other results have
    led to does not count: a profile may have some already.
    """
    found = verdicts(without_results(dataset["status_reasons"].values))
    sizes = dataset["row_size"].values
    thermodynamics, winds = (np.repeat(each >= Status.REJECTED, sizes) for each in found)
    refused = {"temperature": thermodynamics, "dewpoint": thermodynamics}
    refused |= {"u_wind": winds, "v_wind": winds}
    return [
        np.where(refused[name], np.nan, dataset[name].values)
        if name in refused
        else dataset[name].values
        for name in LEVEL_VARIABLES
    ]


def argument_tuples(dataset: xr.Dataset) -> Iterator[tuple[np.ndarray[Any, Any], ...]]:
    """Yield ``(pressure, temperature, dewpoint, height, u_wind, v_wind)`` of each profile."""
    levels, bounds = usable_levels(dataset), ragged.offsets(dataset)
    for start, end in pairwise(bounds.tolist()):
        yield tuple(each[start:end] for each in levels)


def merge(
    dataset: xr.Dataset,
    evaluations: Sequence[Evaluation | Failure],
    names: Sequence[str],
    custom: tuple[Calculation, ...] = (),
    *,
    judged: bool = True,
) -> Counter[str]:
    """Put results into the dataset, judged by the post-conditions, and the verdicts with them.

    Parameters
    ----------
    dataset : xarray.Dataset
        Changed in place. It may have other results already; what these led to stays.
    evaluations : sequence of Evaluation or Failure
        One a profile.
    names : sequence of str
        What was wanted of them.
    custom : tuple of Calculation
        The user's own declarations.
    judged : bool
        Whether post-conditions are looked at.

    Returns
    -------
    Counter of str
        What MetPy warned of, and for how many profiles.
    """
    declarations = CATALOGUE | {calculation.name: calculation for calculation in custom}
    needed = results.needed_for(names) if judged else []
    scalars = [
        name for name in dict.fromkeys([*names, *needed]) if not declarations[name].per_level
    ]
    reasons = dataset["status_reasons"].values.copy()
    findings: list[list[str]] = [[] for _ in evaluations]
    values = _scalars(evaluations, scalars)
    _note_failures(evaluations, reasons, findings)
    if judged and scalars:
        ranges = {name: declarations[name].valid_range for name in scalars}
        judgement = results.judge(values, ranges, names)
        values, reasons = judgement.values, reasons | judgement.reasons
        findings = [old + new for old, new in zip(findings, judgement.messages, strict=True)]
    _make_room(dataset, names)
    added: dict[str, tuple[str, np.ndarray[Any, Any], dict[str, Any]]] = {}
    for name in names:
        attributes, valid_range = declarations[name].attributes, declarations[name].valid_range
        if declarations[name].per_level:
            joined, bounds = _joined(dataset, evaluations, name), ragged.offsets(dataset)
            if judged:
                joined, found = results.judge_levels(name, joined, valid_range, bounds)
                for index, message in found.items():
                    reasons[index] |= Reason.VALUE_OUT_OF_RANGE.mask
                    findings[index].append(message)
            added[name] = ("level", joined, attributes)
        else:
            linked = attributes | {"ancillary_variables": "status wind_status status_reasons"}
            added[name] = ("profile", values[name], linked)
    dataset.update(added)  # all at once: each time everything is looked through
    _set_verdicts(dataset, reasons, findings)
    _tell(dataset, evaluations, names)
    done = [result for result in evaluations if not isinstance(result, Failure)]
    return Counter(text for result in done for text in result.warnings)


_TOLD_ATTRIBUTES = {
    "long_name": "why results are missing, and what MetPy warned of",
    "coverage_content_type": "qualityInformation",
}


def _scalars(
    evaluations: Sequence[Evaluation | Failure], names: Sequence[str]
) -> dict[str, np.ndarray[Any, Any]]:
    """Return the results that are one value a profile, by name; NaN where there is none."""
    table = np.full((len(evaluations), len(names)), np.nan)
    for index, result in enumerate(evaluations):
        if not isinstance(result, Failure):
            table[index] = result.scalars
    return dict(zip(names, table.T, strict=True))


def _note_failures(
    evaluations: Sequence[Evaluation | Failure],
    reasons: np.ndarray[Any, Any],
    findings: Sequence[list[str]],
) -> None:
    """Add to reasons and findings what went wrong in the calculation."""
    for index, result in enumerate(evaluations):
        if isinstance(result, Failure):
            reasons[index] |= (
                Reason.WORKER_LOST if result.lost else Reason.CALCULATION_FAILED
            ).mask
            findings[index].append(str(result))
        elif result.errors:
            reasons[index] |= Reason.CALCULATION_FAILED.mask
            findings[index] += [f"{name}: {error}" for name, error in result.errors.items()]


def _tell(
    dataset: xr.Dataset, evaluations: Sequence[Evaluation | Failure], names: Sequence[str]
) -> None:
    """Write why results are missing, and what MetPy warned of, beside what is said already."""
    told = np.full(len(evaluations), "", dtype=object)
    if "calculation_message" in dataset:
        told[:] = dataset["calculation_message"].values
    for index, result in enumerate(evaluations):
        if not isinstance(result, Failure):
            missing, warnings = messages.taken_apart(told[index])
            missing |= {name: why for name, why in result.missing.items() if name in names}
            order = sorted(missing, key=place_in_output)
            told[index] = messages.about_results(missing, [*warnings, *result.warnings], order)
    dataset["calculation_message"] = ("profile", told, dict(_TOLD_ATTRIBUTES))


def place_in_output(name: str) -> tuple[int, str]:
    """Return what orders results as they stand in the output: the user's own come last."""
    return (_PLACES.get(name, len(_PLACES)), name)


_PLACES = {name: place for place, name in enumerate(CATALOGUE)}


def _make_room(dataset: xr.Dataset, names: Sequence[str]) -> None:
    """Rename what a format brought under the name of a result: ``reported_`` is put before it."""
    for name in names:
        if name in dataset:
            other = f"reported_{name}"
            while other in dataset:
                other += "_"
            dataset[other] = dataset[name]
            del dataset[name]


def _set_verdicts(
    dataset: xr.Dataset, reasons: np.ndarray[Any, Any], findings: Sequence[list[str]]
) -> None:
    """Write reasons, and what follows from them, over what the cleaning alone had said."""
    status, wind_status = verdicts(reasons)
    said = zip(
        dataset["cleaning_message"].values, dataset["status_message"].values, findings, strict=True
    )
    dataset["status_reasons"].values[:] = reasons
    dataset["status"].values[:] = status
    dataset["wind_status"].values[:] = wind_status
    dataset["status_message"].values[:] = [messages.with_findings(*each) for each in said]


def _joined(
    dataset: xr.Dataset, evaluations: Sequence[Evaluation | Failure], name: str
) -> np.ndarray[Any, Any]:
    """Return a per-level result of all profiles end to end."""
    values = np.full(dataset.sizes["level"], np.nan)
    bounds = ragged.offsets(dataset)
    for index, result in enumerate(evaluations):
        if not isinstance(result, Failure):
            values[bounds[index] : bounds[index + 1]] = result.levels[name]
    return values
