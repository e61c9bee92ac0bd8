"""The run itself: the way of the data, from input files to one published netCDF.

``plan -> read -> check -> calculate -> judge -> commit -> publish -> report``. What is there
already is kept, the rest is worked on batch by batch (:mod:`pipeline.work`), each batch is on the
disk before the next begins, and the whole appears in one step. Data goes forward only. Work in
parallel always goes through ``executor.starmap``.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import __version__, output, stations
from pipeline.calculate import wanted
from pipeline.config_checks import nothing_there
from pipeline.crew import Crew, open_crew
from pipeline.errors import BusyError, NoInputError, PipelineError
from pipeline.flags import SourceStatus
from pipeline.interrupts import finish_first
from pipeline.journal import Journal
from pipeline.lock import only_run
from pipeline.plan import Action, Plan, Selection, make_plan, settled
from pipeline.publish import assemble
from pipeline.recipe import PACKAGES
from pipeline.report.account import account, worked_on
from pipeline.report.night import Night
from pipeline.report.progress import Progress, silent
from pipeline.report.summary import describe_plan, summarize
from pipeline.sources import Source, demand_apart, find_files, sources_of
from pipeline.state import State, read_state
from pipeline.work import Tally, Work

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.config import Config
    from pipeline.interrupts import Interrupt
    from pipeline.stations import Station
    from pipeline.verify import Verification
    from pipeline.witness import Witness

log = logging.getLogger("pipeline")

#: Attributes of the output that differ between two runs that otherwise give the same bytes.
VOLATILE_ATTRIBUTES = ("date_created", "history", "run_id", "verification")
#: So large a part of the sources gone at once is worth a warning.
MANY_GONE = 0.25
#: The output's history goes so many runs back.
HISTORY_LINES = 30

EVERYTHING = Selection()


@dataclass
class Report:
    """What a run did, for the summary at its end and for ``results.json``."""

    config: Config
    names: list[str]
    selection: Selection = EVERYTHING
    plan: Plan = field(default_factory=Plan)
    published: State = field(default_factory=State)
    tally: Tally = field(default_factory=Tally)
    dataset: xr.Dataset | None = None
    """As it was written; None where nothing was."""
    verification: Verification | None = None
    is_damaged: bool = False
    """The last output cannot be read: it is kept under another name."""
    workers: int = 0
    exit_code: int = 0
    warnings: list[str] = field(default_factory=list)
    """What a person should look at: too much has failed, or is unlike the last nights."""

    @property
    def path(self) -> Path:
        """The output."""
        return self.config.output_path

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage."""
        return self.tally.seconds


def run(
    config: Config,
    progress: Progress = silent,
    *,
    selection: Selection = EVERYTHING,
    command: str = "",
) -> Report:
    """Run a season: find out what has changed, work on that, and publish one netCDF.

    Parameters
    ----------
    config : Config
        What to read, compute and write.
    progress : callable
        Wraps the results of each stage to show how far it is.
    selection : Selection
        What the run is narrowed or widened to.
    command : str
        As it was typed, for the report.

    Returns
    -------
    Report
        The dataset as it was written, and what it took.

    Raises
    ------
    PipelineError
        Where the run as a whole cannot go on: another run has the output, nothing to read, no
        workers, a full disk, a signal. A bad file, profile or calculation never is such a case;
        it is in the output with its reason.
    """
    path = config.output_path
    kept = config.keep_runs
    with only_run(path), Night(path, command=command, keep=kept) as night, finish_first() as stop:
        report = Report(config, wanted(config)[0], selection)
        try:
            _run(report, progress, night, stop)
        except BaseException as error:
            with _told_only():  # whatever goes wrong with the report, this error is what counts
                night.finish(account(report, night, error))
            raise
        with _told_only():  # reports are worth less than the run
            results = account(report, night)
            report.exit_code = results.exit_code
            report.warnings += [*filter(None, [results.message]), *results.warnings]
            for line in summarize(report).splitlines():
                log.info("%s", line)
            night.finish(results)
        return report


def _run(report: Report, progress: Progress, night: Night, interrupt: Interrupt) -> None:
    """Do what `run` does, within its lock and its report."""
    config, tally = report.config, report.tally
    journal = Journal(config.output_path)
    journal.tidy()
    with tally.stage("plan"):
        positions = stations.load(config.stations_path)
        last = _take_stock(report, journal, positions)
    for line in describe_plan(report.plan):
        log.info("%s", line)
    night.event("planned", **report.plan.counts, waiting=len(report.plan.to_do))
    _warn_of_many_gone(report)
    interrupt.demand_none("nothing was begun")
    if report.plan.is_idle:
        _tidy_up(report, journal)
        return
    output.demand_writable(config.output_path)
    with _crew(report, night.run_id) as crew:
        if crew and report.plan.to_do:
            report.workers = crew.calculating.workers
            work = Work(
                config,
                crew,
                journal,
                positions,
                report.selection,
                interrupt,
                tally,
                night.event,
            )
            for _ in progress(work.of(report.plan, last), len(report.plan.to_do), "working"):
                pass
        with tally.stage("publish"):
            report.plan = settled(report.plan, journal.look(), tally.left_out)
            dataset = assemble(
                report.plan,
                last,
                journal.datasets(),
                report.names,
                left_out=tally.left_out,
                keep_gone=config.gone_sources == "keep",
            )
        if not (dataset.sizes["source"] or report.published.sources):
            report.warnings.append("no source has a sounding of what was asked for")
            journal.clear()
            return
        with tally.stage("publish"):
            _publish(report, dataset, journal, night.run_id, crew.witness if crew else None)
    _tidy_up(report, journal)
    night.event("published", profiles=dataset.sizes["profile"])


def _tidy_up(report: Report, journal: Journal) -> None:
    """Remove the batches; after a run of a part of the season only those of that part."""
    if report.selection.narrows:
        journal.forget(read_state(report.path).sources)
    else:
        journal.clear()


def _warn_of_many_gone(report: Report) -> None:
    """Warn where so much is gone that a disk may be missing rather than files."""
    gone = [item for item in report.plan.items if item.action is Action.GONE and not item.source]
    new = [item for item in gone if item.known and item.known.status != SourceStatus.GONE]
    if len(new) > 1 and len(new) >= MANY_GONE * len(report.published.sources):
        fate = "their soundings are kept"
        if report.config.gone_sources == "remove":
            fate = "their soundings leave the output (gone_sources: remove)"
        text = (
            f"{len(new)} of {len(report.published.sources)} sources are no longer among the "
            f"input; {fate}. Is a disk missing, or the config changed?"
        )
        log.warning("%s", text)
        report.warnings.append(text)


@contextmanager
def _told_only() -> Iterator[None]:
    """Log an error of the block instead of raising it."""
    try:
        yield
    except Exception as error:
        log.warning("the report of this run could not be made: %s", error)


def _take_stock(
    report: Report, journal: Journal, positions: Mapping[str, Station]
) -> xr.Dataset | None:
    """Make the plan; return the last output, if anything is taken over from it."""
    config = report.config
    sources, committed = demand_sources(config), journal.committed()
    report.published = _last_state(report)
    given = config, sources, committed, positions, report.selection
    report.plan = make_plan(report.published, *given)
    if report.plan.is_idle or not report.published.sources:
        return None  # else: also what is to be read anew may be away when its turn comes
    try:
        return output.read(config.output_path)
    except PipelineError as error:
        log.warning("%s; everything is computed anew", error)
        report.published, report.is_damaged = State(), True
        report.plan = make_plan(report.published, *given)
        return None


def plan_of(config: Config, selection: Selection = EVERYTHING) -> Plan:
    """Return what a run would do, and touch nothing."""
    committed = Journal(config.output_path).look()
    positions = stations.load(config.stations_path)
    published = _last_state(Report(config, []))
    return make_plan(published, config, demand_sources(config), committed, positions, selection)


def demand_sources(config: Config) -> list[Source]:
    """Return the sources that there are, none of which the output would overwrite.

    Raises
    ------
    NoInputError
        When no input entry finds anything. One that finds nothing while others do is warned of.
    """
    entries = find_files(config)
    sources = sources_of(entries)
    lacking = [
        f"{config.path or 'config'} input[{index}].path: "
        + nothing_there(entry.path, config.folder, entry.exclude)
        for index, (entry, files) in enumerate(entries)
        if not files
    ]
    if not sources:
        raise NoInputError("\n".join(lacking))
    for line in lacking:
        log.warning("%s", line)
    others = filter(None, [config.path, config.stations_path])
    demand_apart(config.output_path, [*(source.path for source in sources), *others])
    return sources


def _last_state(report: Report) -> State:
    """Return what the last output says; a damaged one says nothing, which is warned of."""
    try:
        return read_state(report.path)
    except BusyError:
        raise
    except PipelineError as error:
        log.warning("%s; everything is computed anew, and this file is kept beside it", error)
        report.is_damaged = True
        return State()


@contextmanager
def _crew(report: Report, seed: str) -> Iterator[Crew | None]:
    """Open who works on a run, if there is something to do, or to verify: that of a killed run."""
    config, plan = report.config, report.plan
    tonight = any(item.is_work for item in plan.items)
    verifies = tonight and config.engine == "compiled" and config.verify > 0
    if not (plan.to_do or verifies):
        yield None
        return
    reads = bool(plan.to_read)
    with open_crew(config, report.names, seed, reads=reads, verifies=verifies) as crew:
        yield crew


def _demand_agreement(
    report: Report, dataset: xr.Dataset, witness: Witness, journal: Journal
) -> None:
    """Raise where MetPy finds anything else in profiles of tonight."""
    tonight = np.flatnonzero(worked_on(report.plan, dataset)).tolist()
    try:
        report.verification = witness.verify(dataset, tonight)
    except OSError as error:  # of workers, or of a cluster that is gone: not of the output's disk
        raise PipelineError(
            f"MetPy could not be asked ({error}), so that nothing is verified; {report.path} is "
            "left as it was. What is finished is kept: start the run again."
        ) from error
    if report.verification.warning:
        report.warnings.append(report.verification.warning)
    if report.verification.mismatches:
        journal.clear()  # what is not to be trusted is not to be taken up either
        raise PipelineError(
            f"{report.verification.problem}; {report.path} is left as it was. Report this, "
            "and use 'engine: metpy' until it is mended."
        )


def _publish(
    report: Report, dataset: xr.Dataset, journal: Journal, run_id: str, witness: Witness | None
) -> None:
    """Publish the season at once, if MetPy has nothing against it.

    It is asked when the file is written, so that its last answers are worked on meanwhile.
    """
    config = report.config
    try:
        output.demand_no_loss(dataset, config.output_path, report.published.profiles)
    except PipelineError:
        journal.clear()  # else the next run would take up the same nothing
        raise

    def approved() -> dict[str, str]:
        if witness:
            with report.tally.stage("verify"):
                _demand_agreement(report, dataset, witness, journal)
        if report.is_damaged:
            output.keep_beside(config.output_path, f"damaged-{run_id}")
        return {"verification": report.verification.as_json()} if report.verification else {}

    output.write(
        dataset,
        config.output_path,
        attributes=provenance(report, dataset, run_id),
        compression=config.output.compression,
        approved=approved,
    )
    report.dataset = dataset


def provenance(report: Report, dataset: xr.Dataset, run_id: str = "") -> dict[str, str]:
    """Return the global attributes that say what made the file, and when."""
    config = report.config
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    counts = ", ".join(f"{count} {word}" for word, count in report.plan.counts.items() if count)
    line = f"{now} python -m pipeline run {config.path.name if config.path else ''}: {counts}"
    before = str(report.published.attributes.get("history", "")).splitlines()
    return {
        "title": config.title or config.output_path.stem,
        **({"summary": config.summary} if config.summary else {}),
        "source": f"{dataset.sizes['source']} files of soundings and profiles",
        "processing_level": "cleaned, with derived parameters",
        "date_created": now,
        "run_id": run_id,
        "history": "\n".join([*before, line][-HISTORY_LINES:]),
        "product_version": __version__,
        "engine": config.engine,
        "parcel_rules": config.parcel_rules,
        "verification": "",  # until MetPy has had its say
        **{f"{name}_version": version(name) for name in PACKAGES},
        "python_version": platform.python_version(),
        "configuration": config.normalized(),
        **config.output.attributes,
    }
