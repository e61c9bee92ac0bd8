"""What a run did, source by source and profile by profile, for ``results.json``."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import ragged
from pipeline.flags import SourceStatus, Status, from_mask
from pipeline.report.drift import drift_warnings, parameters_of
from pipeline.report.memory import peak_memory
from pipeline.report.night import Night, last_nights
from pipeline.report.results import (
    FailedProfile,
    Results,
    SourceResult,
    Verdicts,
    build_results,
    ended_by,
    outcome_of,
    with_warnings,
)

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.plan import Item, Plan
    from pipeline.run import Report

_OF_PROFILE = ("profile_id", "source_index", "status", "status_reasons", "status_message")
#: What is gone, and stays in the output, was not worked on.
WORKED_ON = frozenset(SourceStatus) - {SourceStatus.GONE}


def account(report: Report, night: Night, error: BaseException | None = None) -> Results:
    """Return the results of a run that is over, whatever ended it.

    Parameters
    ----------
    report : pipeline.run.Report
    night : Night
    error : BaseException, optional
        What ended it before its time.
    """
    config, plan = report.config, report.plan
    dataset = report.dataset if error is None else None
    sources = [*_sources(report, dataset)]
    facts: dict[str, Any] = {
        "run_id": night.run_id,
        "command": night.command,
        "config": {"path": str(config.path or ""), "digest": _digest(config.model_dump_json())},
        "output": str(config.output_path),
        "started": night.started,
        "stages": [
            {"name": name, "seconds": seconds, "count": _count(name, report)}
            for name, seconds in report.tally.seconds.items()
        ],
        "waiting": len(plan.items) - len(sources),
        "metpy_warnings": dict(report.tally.warnings),
        "workers": report.workers,
        "peak_memory_mb": peak_memory(report.tally.memory),
    }
    if dataset is not None:
        tonight = worked_on(plan, dataset)
        facts["profiles"] = Verdicts.of(dataset["status"].values.tolist())
        facts["worked_on"] = Verdicts.of(dataset["status"].values[tonight].tolist())
        facts["failed_profiles"] = [*_failed_profiles(dataset, tonight)]
        facts["parameters"] = parameters_of(_results(dataset, report.names, tonight))
    else:
        facts["profiles"] = Verdicts.of(report.published.statuses)
    if report.verification is not None:
        facts["verification"] = {
            "profiles": report.verification.profiles,
            "largest_difference": report.verification.largest,
            "mismatches": [str(one) for one in report.verification.mismatches],
            "within_noise": [str(one) for one in report.verification.within_noise],
            "left_out": report.verification.left_out,
        }
    ended, exit_code = ("nothing to do" if plan.is_idle else "done", 0)
    if error is not None:
        ended, exit_code = ended_by(error)
        facts["message"] = str(error) or type(error).__name__
    results = build_results(sources, ended=ended, exit_code=exit_code, **facts)
    if error is not None:
        return results
    if results.failed_fraction > config.max_failed_fraction:
        results = results.model_copy(
            update={"ended": "failed fraction", "exit_code": 1, "message": _too_many(results)}
        )
    nights = [night.results for night in last_nights(config.output_path, config.keep_runs)]
    return with_warnings(results, drift_warnings(results, [each for each in nights if each]))


def _sources(report: Report, dataset: xr.Dataset | None) -> Iterator[SourceResult]:
    """Yield what became of each source; of those still to be worked on nothing is known."""
    outcomes: Mapping[str, tuple[str, str, str, int]] = {}
    if dataset is not None:
        outcomes = _outcomes(dataset)
    for item in report.plan.items:
        known = item.known
        if not item.is_work:
            yield _result(
                item,
                item.action.value,
                known.message if known else "",
                known.reader if known else "",
                len(known.positions) if known else 0,
            )
        elif item.path in outcomes:
            yield _result(item, *outcomes[item.path])


def _result(item: Item, outcome: str, message: str, reader: str, profiles: int) -> SourceResult:
    return SourceResult(
        path=item.path,
        action=item.action.value,
        why=item.why,
        outcome=outcome,  # type: ignore[arg-type]
        message=message,
        profiles=profiles,
        fingerprint=item.fingerprint or (item.known.fingerprint if item.known else ""),
        reader=reader,
    )


def _outcomes(dataset: xr.Dataset) -> dict[str, tuple[str, str, str, int]]:
    """Return outcome, message, reader and number of profiles of each source, by path."""
    statuses: dict[int, list[int]] = defaultdict(list)
    of_profiles = dataset["source_index"].values.tolist(), dataset["status"].values.tolist()
    for source, status in zip(*of_profiles, strict=True):
        statuses[source].append(status)
    names = ("path", "status", "message", "reader")
    rows = zip(*(dataset[f"source_{name}"].values.tolist() for name in names), strict=True)
    found: dict[str, tuple[str, str, str, int]] = {}
    for index, (path, status, message, reader) in enumerate(rows):
        if status in WORKED_ON:
            outcome = outcome_of(status, statuses[index])
            found[path] = (outcome, message, reader, len(statuses[index]))
    return found


def worked_on(plan: Plan, dataset: xr.Dataset) -> np.ndarray[Any, Any]:
    """Return which profiles are of sources that were worked on tonight."""
    return ragged.of_sources(dataset, [item.path for item in plan.items if item.is_work])[1]


def _failed_profiles(dataset: xr.Dataset, tonight: np.ndarray[Any, Any]) -> Iterator[FailedProfile]:
    """Yield the profiles of tonight that were rejected or failed."""
    bad = np.isin(dataset["status"].values, [Status.REJECTED, Status.FAILED])
    for index in np.flatnonzero(bad & tonight).tolist():
        one = {name: dataset[name].values[index] for name in _OF_PROFILE}
        yield FailedProfile(
            profile_id=str(one["profile_id"]),
            source=str(dataset["source_path"].values[one["source_index"]]),
            status="failed" if one["status"] == Status.FAILED else "rejected",
            reasons=[reason.label for reason in from_mask(int(one["status_reasons"]))],
            message=str(one["status_message"]),
        )


def _count(stage: str, report: Report) -> int:
    """Return how many sources or profiles went through a stage."""
    if stage == "plan":
        return len(report.plan.items)
    if stage == "read":
        return len(report.plan.to_read)
    if stage == "publish":
        return report.dataset.sizes["profile"] if report.dataset is not None else 0
    return report.tally.profiles


def _results(
    dataset: xr.Dataset, names: list[str], which: np.ndarray[Any, Any]
) -> dict[str, np.ndarray[Any, Any]]:
    """Return the results that are one number a profile, of those that were to have them."""
    which = which & (dataset["status"].values < Status.REJECTED)
    # A narrowed run that had nothing to compute leaves a result out that no source has yet.
    there = [name for name in names if name in dataset]
    scalars = [name for name in there if dataset[name].dims == ("profile",)]
    return {name: dataset[name].values[which] for name in scalars}


def _too_many(results: Results) -> str:
    counts = results.counts
    return (
        f"{counts.bad} of the {counts.worked_on} sources worked on could not be read or were "
        "given up, more than max_failed_fraction allows"
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
