"""Results of runs made by hand, for tests of what is done with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.report.memory import Memory
from pipeline.report.results import Results, SourceResult, build_results

STARTED = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


def source(path: str = "../in/a.txt", outcome: str = "ok", **changes: Any) -> SourceResult:
    """Return what became of a source."""
    action = outcome if outcome in ("unchanged", "gone") else "new"
    facts: dict[str, Any] = {
        "path": path,
        "action": action,
        "why": "",
        "outcome": outcome,
        "message": "",
        "profiles": 1,
        "fingerprint": "00ff",
        "reader": "spc_raw",
    }
    return SourceResult(**(facts | changes))


def sources(**outcomes: int) -> list[SourceResult]:
    """Return so many sources of each outcome."""
    return [
        source(f"../in/{outcome}-{number}.txt", outcome)
        for outcome, count in outcomes.items()
        for number in range(count)
    ]


def results(**facts: Any) -> Results:
    """Return the results of a run; `facts` are fields of it."""
    usual: dict[str, Any] = {
        "sources": [],
        "run_id": "20261122T023000Z",
        "config": {"path": "/home/me/season.yaml", "digest": "00ff"},
        "output": "/home/me/season.nc",
        "started": STARTED,
        "finished": STARTED.replace(minute=31),
        "exit_code": 0,
        "ended": "done",
        "peak_memory_mb": Memory(main=100.0, largest_child=200.0),
    }
    return build_results(**(usual | facts))
