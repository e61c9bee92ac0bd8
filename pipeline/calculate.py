"""From a clean dataset to one with results: MetPy over all profiles, judged and merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import ragged
from pipeline.calculations import CATALOGUE, Calculation, resolve
from pipeline.executors import Executor, Failure
from pipeline.flags import Reason, Status, from_mask, verdict
from pipeline.profiles import LEVEL_VARIABLES
from pipeline.quality import results
from pipeline.report.progress import Progress, silent

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.config import Config, Quality
    from pipeline.engines.metpy import Evaluation


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
    progress: Progress = silent,
) -> list[Evaluation | Failure]:
    """Run MetPy over all profiles: one tuple of plain arrays a profile, through ``starmap``."""
    from pipeline.engines.metpy import Request, evaluate

    needed = results.needed_for(names) if settings.post_conditions else []
    request = Request(tuple(dict.fromkeys([*names, *needed])), custom)
    tuples = argument_tuples(dataset)
    found = executor.starmap(partial(evaluate, request=request), tuples)
    return list(progress(found, dataset.sizes["profile"], "calculating"))


def argument_tuples(dataset: xr.Dataset) -> Iterator[tuple[np.ndarray[Any, Any], ...]]:
    """Yield ``(pressure, temperature, dewpoint, height, u_wind, v_wind)`` of each profile.

    What the cleaning rejected is missing in it, so that nothing is computed from it: temperature
    and dewpoint of a rejected profile, the winds of one whose winds were.
    """
    levels = [dataset[name].values for name in LEVEL_VARIABLES]
    bounds = ragged.offsets(dataset)
    for index, mask in enumerate(dataset["status_reasons"].values):
        part = slice(bounds[index], bounds[index + 1])
        pressure, temperature, dewpoint, height, u_wind, v_wind = (each[part] for each in levels)
        missing = np.full(len(pressure), np.nan)
        status, wind_status = verdict(from_mask(mask))
        if status >= Status.REJECTED:
            temperature, dewpoint = missing, missing
        if wind_status >= Status.REJECTED:
            u_wind, v_wind = missing, missing
        yield pressure, temperature, dewpoint, height, u_wind, v_wind


def merge(
    dataset: xr.Dataset,
    evaluations: Sequence[Evaluation | Failure],
    names: Sequence[str],
    custom: tuple[Calculation, ...] = (),
    *,
    judged: bool = True,
) -> Counter[str]:
    """Put results into the dataset, judged by the post-conditions, and the verdicts with them.

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
    messages: list[list[str]] = [[text] if text else [] for text in dataset.status_message.values]
    values = _scalars(evaluations, scalars)
    _note_failures(evaluations, reasons, messages)
    if judged:
        ranges = {name: declarations[name].valid_range for name in scalars}
        judgement = results.judge(values, ranges, names)
        values, reasons = judgement.values, reasons | judgement.reasons
        messages = [old + new for old, new in zip(messages, judgement.messages, strict=True)]
    _make_room(dataset, names)
    for name in names:
        attributes, valid_range = declarations[name].attributes, declarations[name].valid_range
        if declarations[name].per_level:
            joined, bounds = _joined(dataset, evaluations, name), ragged.offsets(dataset)
            if judged:
                joined, found = results.judge_levels(name, joined, valid_range, bounds)
                for index, message in found.items():
                    reasons[index] |= Reason.VALUE_OUT_OF_RANGE.mask
                    messages[index].append(message)
            dataset[name] = ("level", joined, attributes)
        else:
            linked = attributes | {"ancillary_variables": "status wind_status status_reasons"}
            dataset[name] = ("profile", values[name], linked)
    _set_verdicts(dataset, reasons, ["; ".join(texts) for texts in messages])
    told = np.array([_told(result, names) for result in evaluations], dtype=object)
    dataset["calculation_message"] = ("profile", told, dict(_TOLD_ATTRIBUTES))
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
    messages: Sequence[list[str]],
) -> None:
    """Add to reasons and messages what went wrong in the calculation."""
    for index, result in enumerate(evaluations):
        if isinstance(result, Failure):
            raised = result.kind not in ("died", "timed_out")
            reasons[index] |= (Reason.CALCULATION_FAILED if raised else Reason.WORKER_LOST).mask
            messages[index].append(str(result))
        elif result.errors:
            reasons[index] |= Reason.CALCULATION_FAILED.mask
            messages[index] += [f"{name}: {error}" for name, error in result.errors.items()]


def _told(result: Evaluation | Failure, names: Sequence[str]) -> str:
    """Return why results of a profile are missing, and what MetPy warned of, in one line."""
    if isinstance(result, Failure):
        return ""
    by_reason: dict[str, list[str]] = {}
    for name, why in result.missing.items():
        if name in names:
            by_reason.setdefault(why, []).append(name)
    parts = [f"no {', '.join(lacking)}: {why}" for why, lacking in by_reason.items()]
    return "; ".join([*parts, *(f"MetPy warned: {text}" for text in result.warnings)])


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
    dataset: xr.Dataset, reasons: np.ndarray[Any, Any], messages: Sequence[str]
) -> None:
    """Write reasons, and what follows from them, over what the cleaning alone had said."""
    verdicts = [verdict(from_mask(mask)) for mask in reasons]
    dataset["status_reasons"].values[:] = reasons
    dataset["status"].values[:] = [status for status, _ in verdicts]
    dataset["wind_status"].values[:] = [wind_status for _, wind_status in verdicts]
    dataset["status_message"].values[:] = messages


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
