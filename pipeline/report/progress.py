"""How far a run is: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

#: Wraps results as they come: ``progress(results, how_many, what)``.
Progress = Callable[[Iterable[Item], int, str], Iterable[Item]]

#: Between two lines, where there is no terminal to draw a bar on (seconds).
LINE_INTERVAL = 10.0


def silent(results: Iterable[Item], total: int, what: str) -> Iterable[Item]:
    """Show nothing."""
    return results


def shown(results: Iterable[Item], total: int, what: str) -> Iterable[Item]:
    """Show how many results there are: a bar on a terminal, a line every few seconds otherwise."""
    return _bar(results, total, what) if sys.stderr.isatty() else _lines(results, total, what)


def _bar(results: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield from bar.track(results, total=total, description=what)


def _lines(results: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    began = last = time.monotonic()
    count = 0
    for result in results:
        yield result
        count += 1
        now = time.monotonic()
        if now - last >= LINE_INTERVAL:
            last = now
            print(f"{what:<12} {count}/{total}", file=sys.stderr, flush=True)  # noqa: T201
    seconds = time.monotonic() - began
    print(f"{what:<12} {count}/{total} in {seconds:.1f} s", file=sys.stderr, flush=True)  # noqa: T201
