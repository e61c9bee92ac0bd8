"""The state of a season and of its last nights, in a few lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import numpy as np

from pipeline.flags import SourceStatus, Status
from pipeline.report.night import PastNight, last_nights
from pipeline.report.results import Action

_ACTIONS: tuple[Action, ...] = get_args(Action)
_HEADINGS = ("started (UTC)", "seconds", "ended", "exit", *_ACTIONS, "bad", "warnings")
_ENDED_WELL = ("done", "nothing to do")


def describe_status(
    output: Path, config_path: Path, *, owner: str = "", waiting: int = 0, nights: int = 7
) -> str:
    """Return what ``python -m pipeline status`` prints.

    Parameters
    ----------
    output : Path
        The netCDF file of the season; it need not be there.
    config_path : Path
        Its config.
    owner : str
        Who is at work on the output now; empty where nobody is.
    waiting : int
        Profiles of an unfinished run that the next one takes over.
    nights : int
        How many of the last runs to tell of.

    Returns
    -------
    str
        Several lines. Nothing is raised for a file that is missing or damaged: that is said.
    """
    past = last_nights(output, nights)
    lines = [
        f"season    {os.path.relpath(config_path)}",
        *_output_lines(output),
        f"running   {owner or 'no'}",
    ]
    if waiting:
        lines.append(
            f"waiting   {waiting} profiles of an unfinished run; the next run goes on there"
        )
    if not past:
        return "\n".join([*lines, "nights    no run has left a report"])
    at_work = past[0] if owner and past[0].unfinished else None
    rows = [_row(night, "at work" if night is at_work else "killed") for night in past]
    troubles = _last_troubles([night for night in past if night is not at_work])
    return "\n".join([*lines, "", *_table([_HEADINGS, *rows]), *troubles])


def _output_lines(output: Path) -> list[str]:
    """Return size, age and counts of the output; or what is wrong with it."""
    name = os.path.relpath(output)
    try:
        about = output.stat()
        statuses, sources = _read_statuses(output)
    except FileNotFoundError:
        return [f"output    {name} is not there yet"]
    except KeyError as error:
        return [f"output    {name} is not an output of this pipeline: it has no variable {error}"]
    except (OSError, RuntimeError) as error:
        return [f"output    {name} cannot be read: {error}"]
    written = datetime.fromtimestamp(about.st_mtime, UTC)
    return [
        f"output    {name} ({about.st_size / 1e6:.1f} MB), written {written:%Y-%m-%d %H:%M} UTC",
        f"sources   {_counted(sources, SourceStatus)}",
        f"profiles  {_counted(statuses, Status)}",
    ]


def _read_statuses(output: Path) -> tuple[list[int], list[int]]:
    """Return ``status`` of all profiles and ``source_status`` of all sources."""
    import netCDF4

    with netCDF4.Dataset(output) as file:
        file.set_auto_maskandscale(False)
        status, source_status = (
            np.asarray(file.variables[name][...]).tolist() for name in ("status", "source_status")
        )
    return status, source_status


def _counted(values: Sequence[int], meanings: type[Status] | type[SourceStatus]) -> str:
    """Return how many there are, and of what.

    Examples
    --------
    >>> _counted([0, 0, 2], Status)
    '3: 2 ok, 1 rejected'
    """
    counts = Counter(values)
    known = [(meaning.name.lower(), counts.pop(meaning, 0)) for meaning in meanings]
    known += [(f"status {value}", count) for value, count in counts.items()]
    words = ", ".join(f"{count} {word}" for word, count in known if count)
    return f"{len(values)}: {words}" if words else "none"


def _row(night: PastNight, unfinished: str) -> tuple[str, ...]:
    """Return a run's line of the table; `unfinished` is the word for one without results."""
    started = f"{night.started:%Y-%m-%d %H:%M}"
    results = night.results
    if results is None:
        word = unfinished if night.unfinished else "damaged report"
        return (started, "", word, *[""] * (len(_HEADINGS) - 3))
    actions = Counter(source.action for source in results.sources)
    return (
        started,
        f"{(results.finished - results.started).total_seconds():.0f}",
        results.ended,
        str(results.exit_code),
        *(str(actions[action]) for action in _ACTIONS),
        str(results.counts.bad),
        str(len(results.warnings)),
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return lines with aligned columns: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    to_the_left = ("started (UTC)", "ended")
    return [
        "  ".join(
            text.ljust(width) if heading in to_the_left else text.rjust(width)
            for text, width, heading in zip(row, widths, rows[0], strict=True)
        ).rstrip()
        for row in rows
    ]


def _last_troubles(past: Sequence[PastNight]) -> list[str]:
    """Return what the last run that did not end well said, and the warnings of the last one."""
    lines = []
    failures = ((night, _what_went_wrong(night)) for night in past)
    night, said = next(((night, said) for night, said in failures if said), (None, ""))
    if night is not None:
        lines = ["", f"last failure, {night.started:%Y-%m-%d %H:%M}: {said}", f"  {night.folder}"]
    last = next((night.results for night in past if night.results is not None), None)
    if last is not None and last.warnings:
        lines += ["", "warnings of the last run", *(f"  {text}" for text in last.warnings)]
    return lines


def _what_went_wrong(night: PastNight) -> str:
    """Return why a run did not end well; empty if it did."""
    if night.unfinished:
        return f"killed, or the power failed: {night.problem}"
    if night.results is None:
        return night.problem
    if night.results.ended in _ENDED_WELL:
        return ""
    return night.results.message or night.results.ended
