"""What a fetch did: a table for people, and a line for machines in ``runs/fetch.jsonl``."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.errors import PipelineError
from pipeline.fetch.place import Status
from pipeline.report.night import RUNS

if TYPE_CHECKING:
    from pipeline.fetch import Report

FILE = "fetch.jsonl"
#: So many of those that could not be had are named, in the line and as warnings of an entry.
MOST_NAMED = 20
MEGABYTE = 1e6

log = logging.getLogger("pipeline")


def describe_fetch(report: Report) -> str:
    """Return a table of what became of what was asked for: a line for each station."""
    heads = ["archive", "station", *(status.value for status in Status), "MB"]
    rows = [heads]
    kinds = dict.fromkeys((outcome.archive, outcome.station) for outcome in report.outcomes)
    for kind in kinds:
        mine = [each for each in report.outcomes if (each.archive, each.station) == kind]
        counts = Counter(outcome.status for outcome in mine)
        received = sum(outcome.received for outcome in mine) / MEGABYTE
        rows.append([*kind, *(str(counts[status]) for status in Status), f"{received:.1f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(lines if len(rows) > 1 else ["nothing to ask for"])


@contextmanager
def note(report: Report, seconds: Callable[[], float]) -> Iterator[None]:
    """Add a line about the block to the log of fetches, however it ends.

    Parameters
    ----------
    report : Report
        As it is when the block ends.
    seconds : callable
        A clock.
    """
    began, ended, error = seconds(), "done", ""
    try:
        yield
    except BaseException as raised:
        ended = type(raised).__name__
        error = str(raised) if isinstance(raised, PipelineError) else repr(raised)
        raise
    finally:
        line = json.dumps(_facts(report, ended, error, seconds() - began), ensure_ascii=False)
        log.info("fetch %s", line)
        _add(report, line)


def _facts(report: Report, ended: str, error: str, seconds: float) -> dict[str, Any]:
    counts = Counter(outcome.status for outcome in report.outcomes)
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z",
        "kind": "fetch",
        "config": str(report.config.path or ""),
        "ended": ended,
        "error": error,
        **{status.name.lower(): counts[status] for status in Status},
        "bytes": sum(outcome.received for outcome in report.outcomes),
        "seconds": round(seconds, 1),
        "not_had": [
            {
                name: str(getattr(outcome, name))
                for name in ("archive", "station", "what", "message")
            }
            for outcome in report.failed[:MOST_NAMED]
        ],
    }


def _add(report: Report, line: str) -> None:
    """Add a line to the log; where that is not possible, say so: it is not worth the fetch."""
    path = report.config.output_path.parent / RUNS / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, f"{line}\n".encode("utf-8", "backslashreplace"))
        finally:
            os.close(descriptor)
    except OSError as error:
        log.warning("%s: cannot be written: %s", path, error.strerror)
