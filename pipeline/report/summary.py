"""What a run did, in a few lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from pipeline.flags import SourceStatus, Status, from_mask

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.plan import Plan
    from pipeline.run import Report


def summarize(report: Report) -> str:
    """Return the closing lines of a run."""
    lines = describe_plan(report.plan)
    if report.dataset is not None:
        lines += [*_sources_and_profiles(report.dataset), *_figures(report.dataset, report.names)]
    if report.tally.warnings:
        text, _ = report.tally.warnings.most_common(1)[0]
        total = report.tally.warnings.total()
        lines.append(f"MetPy     warned {total} times, most often: {text}")
    lines += [f"warning   {text}" for text in report.warnings]
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in report.seconds.items())
    workers = f" with {report.workers} worker{'s' * (report.workers != 1)}" * bool(report.workers)
    lines.append(f"seconds   {sum(report.seconds.values()):.1f}{workers} ({stages})")
    if report.dataset is not None:
        lines.append(_written(report.path))
    elif report.published.sources:
        since = report.published.attributes.get("date_created", "before")
        lines.append(f"unchanged {os.path.relpath(report.path)}, written {since}")
    return "\n".join(lines)


def describe_plan(plan: Plan) -> list[str]:
    """Return what there is to do, and why, a line for each reason."""
    counts = ", ".join(f"{count} {word}" for word, count in plan.counts.items() if count)
    lines = [f"plan      {len(plan.items)} sources: {counts or 'none'}"]
    lines += [f"          {count:>5} {action}: {why}" for action, why, count in plan.reasons]
    begun = sum(item.finished or bool(item.done) for item in plan.items)
    if begun:
        lines.append(f"          {begun:>5} taken up from an interrupted run")
    if plan.is_idle:
        lines.append("          nothing to do")
    elif not plan.to_do and plan.rewrite:
        lines.append(f"          to be written anew: {plan.rewrite}")
    return lines


def summarize_conversion(
    dataset: xr.Dataset, path: Path, losses: Mapping[str, int] = MappingProxyType({})
) -> str:
    """Return the closing lines of a conversion, with what the format could not hold."""
    lost = [f"{count:>7} {what}" for what, count in losses.items()]
    told = [f"not kept  {lost[0]}", *(f"          {line}" for line in lost[1:])] if lost else []
    return "\n".join([*_sources_and_profiles(dataset), *told, _written(path)])


def _sources_and_profiles(dataset: xr.Dataset) -> list[str]:
    sources = _words(dataset["source_status"].values, SourceStatus)
    profiles = _words(dataset["status"].values, Status)
    reasons = Counter(
        reason.label for mask in dataset["status_reasons"].values for reason in from_mask(mask)
    )
    lines = [
        f"sources   {dataset.sizes['source']}: {sources}",
        f"profiles  {dataset.sizes['profile']}: {profiles}",
    ]
    lines += [f"          {count:>5} {label}" for label, count in reasons.most_common()]
    return lines


def _words(values: np.ndarray, meanings: type[Status] | type[SourceStatus]) -> str:
    counts = ((int((values == meaning).sum()), meaning.name.lower()) for meaning in meanings)
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "none"


def _figures(dataset: xr.Dataset, names: Sequence[str]) -> list[str]:
    """Return how many results there are, and the strongest case as a check by eye."""
    names = [name for name in names if name in dataset]  # a narrowed run may add none
    scalars = [name for name in names if dataset[name].dims == ("profile",)]
    counts = {"a profile": len(scalars), "a level": len(names) - len(scalars)}
    lines = ["results   " + ", ".join(f"{n} {what}" for what, n in counts.items() if n)]
    for name in ("sbcape", "mucape", "mlcape"):
        if name in scalars and np.isfinite(dataset[name].values).any():
            values = dataset[name].values
            best = int(np.nanargmax(values))
            lines.append(
                f"          {name} median {np.nanmedian(values):.0f}, highest {values[best]:.0f} "
                f"J/kg ({dataset['profile_id'].values[best]})"
            )
            break
    return lines


def _written(path: Path) -> str:
    return f"written   {os.path.relpath(path)} ({path.stat().st_size / 1e6:.1f} MB)"
