"""The run itself: the way of the data, from input files to one published netCDF.

``plan -> read -> check -> calculate -> judge -> write -> report``. Data goes forward only; each
line of `run` is a room of its own. Work in parallel always goes through ``executor.starmap``.
"""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import __version__, output, stations
from pipeline.calculate import calculate, merge, wanted
from pipeline.executors import open_executor
from pipeline.load import check, locate, read
from pipeline.report.progress import Progress, silent
from pipeline.sources import demand_apart, find_sources

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.config import Config

#: What workers import before their first item, once for all of them.
PRELOAD = ("pipeline.engines.metpy", "pipeline.readers")


@dataclass
class Report:
    """What a run did, for the summary at its end."""

    dataset: xr.Dataset
    path: Path
    names: list[str]
    workers: int
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: Counter[str] = field(default_factory=Counter)


def run(config: Config, progress: Progress = silent) -> Report:
    """Run a season: read, check, calculate, judge, and publish one netCDF.

    Parameters
    ----------
    config : Config
        What to read, compute and write.
    progress : callable
        Wraps the results of each stage to show how far it is.

    Returns
    -------
    Report
        The dataset as it was written, and what it took.

    Raises
    ------
    PipelineError
        Where the run as a whole cannot go on: no workers, a full disk, nothing read that could
        replace what is there. A bad file, profile or calculation never is such a case; it is in
        the output with its reason.
    """
    clock = _Clock()
    sources = find_sources(config)
    others = filter(None, [config.path, config.stations_path])
    demand_apart(config.output_path, [*(source.path for source in sources), *others])
    output.demand_writable(config.output_path)
    positions = stations.load(config.stations_path) if config.stations_path else {}
    settings = config.executor
    with open_executor(
        settings.kind,
        workers=settings.workers,
        timeout=settings.timeout,
        address=settings.address,
        preload=PRELOAD,
    ) as executor:
        workers = executor.workers
        rows, profiles = read(sources, executor, config.output_path.parent, progress)
        clock.stop("read")
        locate(profiles, positions)
        dataset = check(rows, profiles, config.quality, progress)
        output.demand_no_loss(dataset, config.output_path)
        clock.stop("check")
        names, custom = wanted(config)
        evaluations = calculate(dataset, names, custom, config.quality, executor, progress)
        clock.stop("calculate")
    warnings = merge(dataset, evaluations, names, custom, judged=config.quality.post_conditions)
    output.write(
        dataset,
        config.output_path,
        attributes=provenance(config, dataset),
        compression=config.output.compression,
    )
    clock.stop("write")
    return Report(dataset, config.output_path, names, workers, clock.seconds, warnings)


def provenance(config: Config, dataset: xr.Dataset) -> dict[str, str]:
    """Return the global attributes that say what made the file, and when."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    version = importlib.metadata.version
    return {
        "title": config.title or config.output_path.stem,
        **({"summary": config.summary} if config.summary else {}),
        "source": f"{dataset.sizes['source']} files of soundings and profiles",
        "processing_level": "cleaned, with derived parameters",
        "date_created": now,
        "history": f"{now} python -m pipeline run {config.path.name if config.path else ''}",
        "product_version": __version__,
        "engine": config.engine,
        "metpy_version": version("metpy"),
        "numpy_version": version("numpy"),
        "scipy_version": version("scipy"),
        "pint_version": version("pint"),
        "python_version": platform.python_version(),
        "configuration": config.normalized(),
        **config.output.attributes,
    }


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def stop(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = now - self._last
        self._last = now
