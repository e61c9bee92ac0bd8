"""Soundings brought from archives into the folders that a season reads: ``fetch`` of a config.

``lock -> for each entry: ask, look into, put in place -> report``. Whatever could not be had is
told and costs nothing else: the run after it works with what is there, and the next fetch asks
again. What is here and unchanged is not sent again, what broke off is gone on with.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.disk import clear_errors
from pipeline.errors import ConfigError
from pipeline.fetch import igra2, wyoming
from pipeline.fetch.http import Client, Clock, Host, Manners
from pipeline.fetch.ledger import Ledger
from pipeline.fetch.place import Outcome, Place, Status
from pipeline.fetch.report import MOST_NAMED, note
from pipeline.interrupts import end_at_once
from pipeline.lock import only_run
from pipeline.readers.limits import Limits, in_force
from pipeline.report.progress import Progress, silent
from pipeline.sources import find_files

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.config_fetch import Fetch

log = logging.getLogger("pipeline")

ARCHIVES = {"igra2": igra2, "wyoming": wyoming}
#: What is locked in a folder: no file, but a name for it.
LOCKED = "fetch"
KEPT = "what has arrived is kept, and the next fetch goes on from there"


@dataclass
class Report:
    """What a fetch did."""

    config: Config
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def failed(self) -> list[Outcome]:
        """What could not be had."""
        return [outcome for outcome in self.outcomes if outcome.status is Status.FAILED]

    @property
    def exit_code(self) -> int:
        """1 where something could not be had, else 0."""
        return 1 if self.failed else 0


def fetch(
    config: Config,
    progress: Progress = silent,
    *,
    refresh: bool = False,
    manners: Manners | None = None,
    clock: Clock | None = None,
) -> Report:
    """Bring what a config names from its archives into its folders.

    Parameters
    ----------
    config : Config
        Its section ``fetch`` says what.
    progress : callable
        Wraps the outcomes of each entry to show how far it is.
    refresh : bool
        Ask for everything again, also for what is here.
    manners : Manners, optional
        How servers are treated, in place of what each entry says.
    clock : Clock, optional
        Where the time comes from.

    Returns
    -------
    Report
        What became of everything that was to be had.

    Raises
    ------
    ConfigError
        Where the config has nothing to fetch.
    LockedError
        Where another fetch has one of the folders.
    DiskError
        Where the disk is full or may not be written to.
    InterruptedRunError
        When SIGINT or SIGTERM came; a half file is kept for the next fetch.
    """
    if not config.fetch:
        text = "there is nothing to fetch: the config has no section 'fetch' (see the README)"
        raise ConfigError([f"{config.path or 'config'}: {text}"])
    clock = clock or Clock()
    report = Report(config)
    hosts: dict[str, Host] = {}
    with note(report, clock.seconds), _folders(config), end_at_once(f"the fetch: {KEPT}"):
        for entry in config.fetch:
            client = Client(manners or _manners(entry), clock, hosts)
            folder = config.resolve(entry.into)
            place = Place(
                folder, client, Ledger.of(folder), clock.now(), _most_bytes(config), refresh
            )
            with in_force(Limits(**config.limits.model_dump())), client:
                _bring(entry, place, report, progress)
        _warn_of_unread(report)
    return report


def _bring(entry: Fetch, place: Place, report: Report, progress: Progress) -> None:
    """Bring what one entry names."""
    archive, count = ARCHIVES[entry.archive], 0
    outcomes: Iterable[Outcome] = archive.fetch(entry, place)
    for outcome in progress(outcomes, archive.count(entry, place), "fetching"):
        report.outcomes.append(outcome)
        if outcome.status is Status.FAILED:
            count += 1
            if count <= MOST_NAMED:
                log.warning("%s", outcome)
    if count > MOST_NAMED:
        log.warning("%s: %d more could not be had", entry.archive, count - MOST_NAMED)


def _manners(entry: Fetch) -> Manners:
    return Manners(pause=entry.pause, timeout=entry.timeout, contact=entry.contact or "")


def _most_bytes(config: Config) -> int:
    return Limits(**config.limits.model_dump()).file_bytes


@contextmanager
def _folders(config: Config) -> Iterator[None]:
    """Make the folders that are fetched into, and hold them for this fetch alone."""
    folders = sorted({Path(os.path.realpath(config.resolve(each.into))) for each in config.fetch})
    with ExitStack() as held:
        for folder in folders:
            with clear_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(only_run(folder / LOCKED))
        yield


def _warn_of_unread(report: Report) -> None:
    """Warn where no entry of ``input`` reads what was brought into a folder."""
    config = report.config
    read = {path for _, paths in find_files(config) for path in paths}
    for index, entry in enumerate(config.fetch):
        folder = config.resolve(entry.into)
        here = [
            outcome.path
            for outcome in report.outcomes
            if outcome.path is not None and outcome.path.parent == folder
        ]
        if here and not read.intersection(here):
            log.warning(
                "%s fetch[%d].into: no entry of 'input' reads the files in %s, so that no run "
                "will use them; add its path there",
                config.path or "config",
                index,
                folder,
            )
