"""What a run says of itself for machines: every source accounted for, by a published schema."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import small_season
from executor_watch import needs_signals
from jsonschema import Draft202012Validator, FormatChecker
from made_results import results, source, sources
from pydantic import ValidationError

from pipeline.errors import (
    ConfigError,
    DiskError,
    InterruptedRunError,
    NoInputError,
    PipelineError,
)
from pipeline.executors import open_executor
from pipeline.flags import SourceStatus, Status
from pipeline.report.memory import Memory, peak_memory
from pipeline.report.results import (
    SCHEMA_PATH,
    Counts,
    Results,
    Verdicts,
    ended_by,
    failed_fraction,
    outcome_of,
    schema_text,
    with_warnings,
)
from pipeline.run import run

REMAKE = (
    "the models have changed: remake the published schema with\n"
    '  python -c "from pipeline.report import results as r; r.SCHEMA_PATH.write_text('
    'r.schema_text())"'
)
OUTCOMES = ("ok", "suspect", "rejected", "unreadable", "quarantined", "unchanged", "gone")


def problems(document: Any) -> list[str]:
    """Return what a document has against the published schema."""
    schema = json.loads(SCHEMA_PATH.read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def as_read(some: Results) -> dict[str, Any]:
    """Return results as whoever opens the file finds them."""
    document: dict[str, Any] = json.loads(some.model_dump_json())
    return document


class TestOutcome:
    @pytest.mark.parametrize(
        ("source_status", "statuses", "outcome"),
        [
            (SourceStatus.READ, [Status.OK, Status.OK], "ok"),
            (SourceStatus.READ, [Status.SUSPECT, Status.OK], "suspect"),
            (SourceStatus.READ, [Status.OK, Status.REJECTED, Status.SUSPECT], "rejected"),
            (SourceStatus.READ, [Status.OK, Status.FAILED, Status.REJECTED], "quarantined"),
            (SourceStatus.QUARANTINED, [], "quarantined"),
            (SourceStatus.QUARANTINED, [Status.OK], "quarantined"),
            (SourceStatus.UNREADABLE, [], "unreadable"),
            (SourceStatus.EMPTY, [], "unreadable"),
        ],
    )
    def test_is_the_worst_that_happened(
        self, source_status: SourceStatus, statuses: list[Status], outcome: str
    ) -> None:
        assert outcome_of(source_status, statuses) == outcome

    @pytest.mark.parametrize(
        ("source_status", "statuses"),
        [(SourceStatus.GONE, [Status.OK]), (SourceStatus.READ, [Status.NOT_EVALUATED])],
    )
    def test_what_was_not_worked_on_has_none(
        self, source_status: SourceStatus, statuses: list[Status]
    ) -> None:
        with pytest.raises(ValueError, match="not worked on"):
            outcome_of(source_status, statuses)


class TestAccounting:
    def test_found_is_the_sum_of_all_outcomes(self) -> None:
        each = {outcome: number for number, outcome in enumerate(OUTCOMES, 1)}
        counts = results(sources=sources(**each)).counts
        assert counts.model_dump() == {"found": 28, **each}

    def test_a_source_too_many_or_too_few_is_an_error(self) -> None:
        with pytest.raises(ValidationError, match="3 sources were found, 2 are accounted for"):
            Counts(found=3, ok=1, gone=1)
        with pytest.raises(ValidationError, match="not those of the 1 sources"):
            results(sources=sources(ok=1), counts={"found": 1, "suspect": 1})

    def test_an_outcome_or_action_that_there_is_not_is_an_error(self) -> None:
        for wrong in ({"outcome": "fine"}, {"action": "forced"}):
            with pytest.raises(ValidationError):
                results(sources=[source(**wrong)])

    def test_a_profile_has_one_status(self) -> None:
        verdicts = Verdicts.of([Status.OK, Status.FAILED, Status.OK])
        assert verdicts.model_dump() == {
            "total": 3, "ok": 2, "suspect": 0, "rejected": 0, "failed": 1,
        }  # fmt: skip
        with pytest.raises(ValidationError, match="of 3 profiles 2 have a status"):
            Verdicts(total=3, ok=2)

    def test_the_failed_fraction_is_of_what_was_worked_on(self) -> None:
        made = results(sources=sources(ok=2, unreadable=1, quarantined=1, unchanged=90, gone=6))
        assert made.failed_fraction == 0.5
        assert failed_fraction(Counts(found=9, unchanged=9)) == 0.0


class TestEnding:
    @pytest.mark.parametrize(
        ("error", "ended", "exit_code"),
        [
            (NoInputError("nothing"), "no input", 3),
            (DiskError("full"), "disk", 5),
            (InterruptedRunError("stopped", 15), "interrupted", 143),
            (KeyboardInterrupt(), "interrupted", 130),
            (PipelineError("no workers"), "error", 1),
            (ConfigError(["a.yaml:1:1 no"]), "error", 2),
            (ZeroDivisionError("a bug"), "error", 1),
        ],
    )
    def test_has_a_word_and_the_exit_code(
        self, error: BaseException, ended: str, exit_code: int
    ) -> None:
        assert ended_by(error) == (ended, exit_code)


class TestResults:
    def test_say_where_when_and_with_what(self) -> None:
        made = results(finished=datetime.now(UTC))
        assert made.pid == os.getpid()
        assert made.host
        assert made.user
        assert {"pipeline", "python", "metpy", "numpy"} <= made.versions.keys()
        assert all(version[0].isdigit() for version in made.versions.values())

    def test_are_in_utc(self) -> None:
        summer = timezone(timedelta(hours=2))
        made = results(started=datetime(2026, 7, 1, 2, 30, tzinfo=summer))
        assert as_read(made)["started"] == "2026-07-01T00:30:00Z"

    def test_survive_being_written_and_read(self) -> None:
        made = results(sources=sources(ok=1, gone=2), metpy_warnings={"Interpolation": 3})
        assert Results.model_validate_json(made.model_dump_json()) == made

    def test_take_names_that_are_no_text(self) -> None:
        """A file name may hold any bytes; Python carries those as lone surrogates."""
        name = os.fsdecode(b"../in/\xff.txt")
        made = results(sources=[source(name)])
        assert as_read(made)["sources"][0]["path"] == "../in/\\udcff.txt"

    def test_warnings_are_added_at_the_end(self) -> None:
        made = with_warnings(results(warnings=["first"]), ["second"])
        assert made.warnings == ["first", "second"]


class TestSchema:
    def test_is_that_of_the_models(self) -> None:
        assert SCHEMA_PATH.read_text() == schema_text(), REMAKE

    @pytest.mark.parametrize(
        "made",
        [
            results(),
            results(
                sources=sources(**dict.fromkeys(OUTCOMES, 2)),
                ended="interrupted",
                exit_code=143,
                waiting=12,
                stages=[{"name": "read", "seconds": 1.5, "count": 3}],
                profiles={"total": 2, "ok": 1, "failed": 1},
                worked_on={"total": 1, "failed": 1},
                failed_profiles=[
                    {"profile_id": "A", "source": "a", "status": "failed",
                     "reasons": ["worker_lost"], "message": "killed by SIGSEGV"}
                ],
                parameters={
                    "sbcape": {"count": 3, "missing": 3, "p10": None, "p50": None, "p90": None}
                },
                warnings=["look"],
            ),
        ],
        ids=["least", "most"],
    )  # fmt: skip
    def test_fits_what_is_written(self, made: Results) -> None:
        assert problems(as_read(made)) == []

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"schema_version": 2}, "$.schema_version"),
            ({"ended": "well"}, "$.ended"),
            ({"extra": 1}, "$: Additional properties"),
            ({"counts": {"found": -1}}, "$.counts"),
            ({"sources": [{"path": "a"}]}, "$.sources[0]"),
        ],
    )
    def test_and_nothing_else(self, change: dict[str, Any], said: str) -> None:
        assert any(problem.startswith(said) for problem in problems(as_read(results()) | change))

    def test_says_what_each_number_of_memory_covers(self) -> None:
        memory = json.loads(SCHEMA_PATH.read_text())["$defs"]["Memory"]["properties"]
        assert "not seen" in memory["largest_child"]["description"]


def test_results_of_real_runs_fit_the_schema_and_account_for_every_file(tmp_path: Path) -> None:
    """Two nights: good and bad files; then one file gone, one changed, one new."""
    files = small_season.make_files(tmp_path)
    config = small_season.config(tmp_path, calculations=["moisture"])
    run(config)
    names = set(small_season.REAL) | set(small_season.BAD) | {"vanished.txt"}
    (first,) = reports(tmp_path)
    assert problems(first) == []
    assert {Path(one["path"]).name for one in first["sources"]} == names
    assert first["counts"]["found"] == len(names)
    assert first["counts"]["unreadable"] == len(small_season.BAD) + 1
    (files / "03031300.SHV").unlink()
    (files / "03041800.DNR").write_bytes((files / "03050200.FFC").read_bytes())
    (files / "late.DNR").write_bytes((small_season.SEASON / "03041800.DNR").read_bytes())
    run(config)
    second = reports(tmp_path)[-1]
    assert problems(second) == []
    by_name = {Path(one["path"]).name: one for one in second["sources"]}
    assert by_name.keys() == names | {"late.DNR"}
    assert by_name["03031300.SHV"]["outcome"] == "gone"
    assert by_name["03041800.DNR"]["action"] == "changed"
    assert by_name["late.DNR"]["action"] == "new"
    counts = second["counts"]
    assert counts["found"] == sum(counts[outcome] for outcome in OUTCOMES) == len(by_name)
    assert second["worked_on"]["total"] == 2


def reports(folder: Path) -> list[dict[str, Any]]:
    """Return what the runs of a folder wrote, in their order."""
    found = [json.loads(path.read_text()) for path in folder.glob("runs/*/results.json")]
    return sorted(found, key=lambda document: (document["started"], document["finished"]))


class TestMemory:
    def test_of_this_process_is_what_the_kernel_says(self) -> None:
        memory = peak_memory()
        status = Path("/proc/self/status")
        if not status.exists():
            pytest.skip("no /proc to compare with")
        (line,) = (text for text in status.read_text().splitlines() if "VmHWM" in text)
        assert memory.main == pytest.approx(int(line.split()[1]) * 1024 / 1e6, rel=0.05)

    @needs_signals
    def test_of_a_worker_of_the_pool_is_seen_while_it_lives(self) -> None:
        """The fork server is its parent: the kernel's account of our children leaves it out."""
        with open_executor("pool", workers=1) as executor:
            assert list(executor.starmap(bytearray_of, [(400_000_000,)])) == [400_000_000]
            memory = peak_memory()
        assert 400 < memory.largest_child < max(1000, 1.1 * memory.main)

    def test_the_larger_look_is_kept(self) -> None:
        before = Memory(main=1e6, largest_child=2e6)
        assert peak_memory(before) == before


def bytearray_of(size: int) -> int:
    """Take so much memory that is really there, and give it back."""
    return len(bytearray(b"x") * size)
