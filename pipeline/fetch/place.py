"""Where an entry of ``fetch`` brings its files, and what became of each thing it asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pipeline.errors import DiskError, InterruptedRunError, PipelineError
from pipeline.fetch.download import Arrival, Download
from pipeline.fetch.http import Client, NoDataError
from pipeline.fetch.ledger import Ledger

#: A text, which is looked into as a whole, is not larger (bytes).
MOST_TEXT = 20_000_000

log = logging.getLogger("pipeline")


class Status(StrEnum):
    """What became of something that was to be had, in the order of the table at the end."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    THERE = "there"
    """It was not asked for: it is here, or the archive said long ago that it has nothing."""
    NO_DATA = "no data"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one thing that a config asks an archive for.

    Parameters
    ----------
    archive, station : str
        As in the config.
    what : str
        Which of its files: a period, or an hour.
    status : Status
    message : str
        Why it could not be had.
    path : Path or None
        The file, where it is here.
    received : int
        Bytes that have come.
    """

    archive: str
    station: str
    what: str
    status: Status
    message: str = ""
    path: Path | None = None
    received: int = 0

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.archive} {self.station} {self.what}: {self.message or self.status}"


@dataclass(frozen=True)
class Place:
    """A folder that files are brought to.

    Parameters
    ----------
    folder : Path
    client : Client
        Who asks.
    ledger : Ledger
        Of the folder.
    now : datetime.datetime
        UTC.
    most_bytes : int
        No file is larger.
    refresh : bool
        Ask for everything, also for what is here.
    """

    folder: Path
    client: Client
    ledger: Ledger
    now: datetime
    most_bytes: int
    refresh: bool = False

    def download(
        self,
        url: str,
        name: str,
        check: Callable[[Path], object],
        *,
        most_bytes: int | None = None,
        keeps_half: bool = True,
    ) -> Download:
        """Return the bringing of a file to this place, not yet begun."""
        return Download(
            self.client,
            self.ledger,
            url,
            name,
            check,
            min(most_bytes or self.most_bytes, self.most_bytes),
            keeps_half=keeps_half,
            refresh=self.refresh,
        )


def brought(
    archive: str, station: str, what: str, bring: Callable[[], tuple[Arrival, Download]]
) -> Outcome:
    """Return what became of a file; what only concerns this file is no reason to stop.

    Raises
    ------
    DiskError, InterruptedRunError
        Which concern all of them.
    """
    try:
        arrival, download = bring()
    except (DiskError, InterruptedRunError):
        raise
    except NoDataError:
        return Outcome(archive, station, what, Status.NO_DATA)
    except PipelineError as error:
        url = getattr(error, "url", "")
        return Outcome(archive, station, what, Status.FAILED, f"{error}{url and ': '}{url}")
    except Exception as error:  # a fault of ours; it must not cost the others their turn
        log.info("%s %s %s", archive, station, what, exc_info=True)
        text = f"unexpected {type(error).__name__}: {error}"
        return Outcome(archive, station, what, Status.FAILED, text)
    status = Status(arrival.value)
    return Outcome(archive, station, what, status, path=download.target, received=download.received)
