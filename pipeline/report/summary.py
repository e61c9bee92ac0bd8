"""What a run did, in a few lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.flags import SourceStatus, Status, from_mask

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.run import Report


def summarize(report: Report) -> str:
    """Return the closing lines of a run."""
    dataset = report.dataset
    total = sum(report.seconds.values())
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in report.seconds.items())
    workers = f"{report.workers} worker{'s' * (report.workers != 1)}"
    lines = [
        *_sources_and_profiles(dataset),
        *_figures(dataset, report.names),
        f"seconds   {total:.1f} with {workers} ({stages})",
        _written(report.path),
    ]
    if report.warnings:
        text, _ = report.warnings.most_common(1)[0]
        lines.insert(-2, f"MetPy     warned {report.warnings.total()} times, most often: {text}")
    return "\n".join(lines)


def summarize_conversion(dataset: xr.Dataset, path: Path) -> str:
    """Return the closing lines of a conversion."""
    return "\n".join([*_sources_and_profiles(dataset), _written(path)])


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
