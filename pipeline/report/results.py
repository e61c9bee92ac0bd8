"""What a run did, for machines: the models behind ``results.json``, and how they are filled.

The published schema is made from them, ``results.schema.json`` beside this file. Whoever changes
a model remakes the schema (`schema_text`), and counts `schema_version` up where a reader of old
files would stumble.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    field_validator,
    model_validator,
)

from pipeline.columns import clean_text
from pipeline.errors import DiskError, InterruptedRunError, NoInputError, PipelineError
from pipeline.flags import SourceStatus, Status
from pipeline.report.memory import Memory

SCHEMA_PATH = Path(__file__).with_name("results.schema.json")

#: Distributions whose versions shape the numbers.
PACKAGES = ("metpy", "netCDF4", "numpy", "pint", "scipy", "xarray")

Action = Literal["new", "changed", "retried", "unchanged", "gone"]
Outcome = Literal["ok", "suspect", "rejected", "unreadable", "quarantined", "unchanged", "gone"]
Ended = Literal[
    "done", "nothing to do", "failed fraction", "no input", "interrupted", "disk", "error"
]
#: Text that can be written: file names may hold bytes that are no UTF-8.
Text = Annotated[str, BeforeValidator(lambda text: clean_text(str(text)))]

_STRICT = ConfigDict(
    extra="forbid", frozen=True, allow_inf_nan=False, revalidate_instances="always"
)


class _Model(BaseModel):
    model_config = _STRICT


@dataclass(frozen=True, slots=True)
class SourceResult:
    """A source of the season, and what became of it tonight."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    path: Annotated[Text, Field(description="as in source_path, relative to the output's folder")]
    action: Annotated[Action, Field(description="what the plan wanted of it")]
    why: Annotated[Text, Field(description="why, for example 'metpy 1.7.1 -> 1.8.0'")]
    outcome: Annotated[
        Outcome,
        Field(description="the worst of its profiles; or why nothing was done, or could be"),
    ]
    message: Annotated[Text, Field(description="the reason, for a person; empty where none")]
    profiles: Annotated[NonNegativeInt, Field(description="how many it has in the output")]
    fingerprint: Annotated[str, Field(description="BLAKE2b digest of its content")]
    reader: Annotated[str, Field(description="who read it; empty where nobody could")]

    @property
    def worked_on(self) -> bool:
        """Whether anything was done for it tonight."""
        return self.outcome not in ("unchanged", "gone")


class ConfigUsed(_Model):
    """The config of the run."""

    path: Text = Field(description="the file, absolute; empty for a config made in a program")
    digest: str = Field(description="of all settings, defaults too")


class Stage(_Model):
    """A stage of the run."""

    name: str = Field(description="plan, read, check, calculate, write and the like")
    seconds: NonNegativeFloat = Field(description="by the wall clock")
    count: NonNegativeInt = Field(description="of sources or profiles that went through it")


class Counts(_Model):
    """Sources by what became of them: found is the sum of all others."""

    found: NonNegativeInt = Field(description="all that the run has an answer for")
    ok: NonNegativeInt = 0
    suspect: NonNegativeInt = 0
    rejected: NonNegativeInt = 0
    unreadable: NonNegativeInt = Field(default=0, description="or without a sounding in them")
    quarantined: NonNegativeInt = Field(
        default=0, description="killed a worker, took too long, or met an error in a calculation"
    )
    unchanged: NonNegativeInt = Field(default=0, description="taken over from the last output")
    gone: NonNegativeInt = Field(default=0, description="no longer there")

    @model_validator(mode="after")
    def _all_are_accounted_for(self) -> Counts:
        accounted = sum(getattr(self, name) for name in get_args(Outcome))
        if accounted != self.found:
            raise ValueError(f"{self.found} sources were found, {accounted} are accounted for")
        return self

    @property
    def worked_on(self) -> int:
        """How many were neither unchanged nor gone."""
        return self.found - self.unchanged - self.gone

    @property
    def bad(self) -> int:
        """How many could not be read or are in quarantine."""
        return self.unreadable + self.quarantined


class Verdicts(_Model):
    """Profiles by their status."""

    total: NonNegativeInt = 0
    ok: NonNegativeInt = 0
    suspect: NonNegativeInt = 0
    rejected: NonNegativeInt = 0
    failed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _every_profile_has_one(self) -> Verdicts:
        judged = self.ok + self.suspect + self.rejected + self.failed
        if judged != self.total:
            raise ValueError(f"of {self.total} profiles {judged} have a status")
        return self

    @classmethod
    def of(cls, statuses: Sequence[int]) -> Verdicts:
        """Count numbers of :class:`pipeline.flags.Status`.

        Examples
        --------
        >>> Verdicts.of([0, 0, 2]).rejected
        1
        """
        counted = Counter(Status(int(status)).name.lower() for status in statuses)
        return cls.model_validate({"total": len(statuses)} | counted)


class FailedProfile(_Model):
    """A profile of tonight that has no results, or not all."""

    profile_id: Text
    source: Text = Field(description="path of its source, as in sources")
    status: Literal["rejected", "failed"]
    reasons: list[str] = Field(description="labels, as in status_reasons")
    message: Text = Field(description="status_message: the same for a person, with figures")


class Parameter(_Model):
    """The distribution of a result over the profiles worked on tonight."""

    count: NonNegativeInt = Field(description="profiles that were asked for it")
    missing: NonNegativeInt = Field(description="those of them without a value")
    p10: float | None = Field(description="10th percentile of the values; null without any")
    p50: float | None = Field(description="median")
    p90: float | None = Field(description="90th percentile")


class Compared(_Model):
    """What MetPy found when it computed profiles of a compiled run again."""

    profiles: NonNegativeInt = Field(description="how many, chosen at random")
    largest_difference: dict[str, NonNegativeFloat] = Field(
        description="by result, in its units, where both have a value"
    )
    mismatches: list[Text] = Field(description="beyond tolerance, or missing in one of the two")
    within_noise: list[Text] = Field(
        default_factory=list,
        description="the same, where MetPy finds it too for levels moved by 0.0001 K at most",
    )
    left_out: NonNegativeInt = Field(
        default=0, description="chosen, and not compared: MetPy's work on them was lost"
    )


class Results(_Model):
    """What one run did: every source accounted for, whatever became of it."""

    schema_version: Literal[1] = 1
    run_id: str = Field(description="name of the folder of this file")
    command: Text = Field(default="", description="as it was typed")
    config: ConfigUsed
    output: Text = Field(description="the netCDF file, absolute")
    host: str
    pid: int
    user: Text
    started: AwareDatetime = Field(description="UTC")
    finished: AwareDatetime = Field(description="UTC")
    exit_code: NonNegativeInt
    ended: Ended
    message: Text = Field(default="", description="why it ended so; empty where all is well")
    stages: list[Stage] = []
    counts: Counts
    waiting: NonNegativeInt = Field(
        default=0,
        description="sources that an ended run had still to work on; not among counts and sources",
    )
    profiles: Verdicts = Field(default=Verdicts(), description="all that the output holds")
    worked_on: Verdicts = Field(default=Verdicts(), description="those worked on tonight")
    failed_fraction: float = Field(
        ge=0, le=1, description="unreadable and quarantined among the sources worked on"
    )
    sources: list[SourceResult] = Field(default=[], description="every one")
    failed_profiles: list[FailedProfile] = Field(
        default=[], description="rejected and failed ones among those worked on tonight"
    )
    parameters: dict[str, Parameter] = Field(
        default={}, description="results that are one number a profile, of those worked on tonight"
    )
    verification: Compared | None = Field(default=None, description="null where there was none")
    warnings: list[Text] = Field(default=[], description="what a person should look at")
    metpy_warnings: dict[Text, NonNegativeInt] = Field(
        default={}, description="what MetPy warned of, and for how many profiles"
    )
    versions: dict[str, str] = Field(description="of Python, of this package and of others")
    workers: NonNegativeInt = 0
    peak_memory_mb: Memory

    @field_validator("started", "finished")
    @classmethod
    def _in_utc(cls, moment: datetime) -> datetime:
        return moment.astimezone(UTC)

    @model_validator(mode="after")
    def _counts_are_those_of_the_sources(self) -> Results:
        if self.counts != count_sources(self.sources):
            raise ValueError(f"the counts are not those of the {len(self.sources)} sources")
        return self


def outcome_of(source_status: int, statuses: Sequence[int]) -> Outcome:
    """Return what became of a source that was worked on.

    Parameters
    ----------
    source_status : int
        A :class:`pipeline.flags.SourceStatus`.
    statuses : sequence of int
        The :class:`pipeline.flags.Status` of each of its profiles.

    Returns
    -------
    str
        ``unreadable``, ``quarantined``, or the worst status of its profiles.

    Raises
    ------
    ValueError
        Where it was not worked on: it is gone, or nobody has judged a profile of it.

    Examples
    --------
    >>> outcome_of(SourceStatus.READ, [Status.OK, Status.SUSPECT])
    'suspect'
    """
    if source_status in (SourceStatus.UNREADABLE, SourceStatus.EMPTY):
        return "unreadable"
    worst = max(statuses, default=Status.OK)
    if source_status == SourceStatus.QUARANTINED or worst == Status.FAILED:
        return "quarantined"
    words: dict[int, Outcome] = {0: "ok", 1: "suspect", 2: "rejected"}
    if source_status != SourceStatus.READ or worst not in words:
        raise ValueError(f"source status {source_status}, profile status {worst}: not worked on")
    return words[worst]


def count_sources(sources: Sequence[SourceResult]) -> Counts:
    """Return how many sources ended in each way."""
    counted = Counter(source.outcome for source in sources)
    return Counts.model_validate({"found": len(sources)} | counted)


def failed_fraction(counts: Counts) -> float:
    """Return the share of unreadable and quarantined sources in those worked on.

    Examples
    --------
    >>> failed_fraction(Counts(found=10, ok=3, unreadable=1, unchanged=6))
    0.25
    """
    return counts.bad / counts.worked_on if counts.worked_on else 0.0


def ended_by(error: BaseException) -> tuple[Ended, int]:
    """Return how a run ends that an error ends, and its exit code.

    Examples
    --------
    >>> ended_by(DiskError("full")), ended_by(ValueError("a bug"))
    (('disk', 5), ('error', 1))
    """
    words: dict[type[PipelineError], Ended] = {
        InterruptedRunError: "interrupted", DiskError: "disk", NoInputError: "no input",
    }  # fmt: skip
    if isinstance(error, PipelineError):
        return words.get(type(error), "error"), error.exit_code
    return ("interrupted", 130) if isinstance(error, KeyboardInterrupt) else ("error", 1)


def build_results(sources: Sequence[SourceResult], **facts: Any) -> Results:
    """Return the results of a run; what follows from the sources and this process is filled in.

    Parameters
    ----------
    sources : sequence of SourceResult
        Every source that the run has an answer for, the unchanged and gone ones too.
    **facts
        The other fields of `Results`. `host`, `pid`, `user`, `finished` and `versions` are those
        of here and now if they are not given.

    Raises
    ------
    pydantic.ValidationError
        When something is not accounted for.
    """
    counts = count_sources(sources)
    found = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "user": _user(),
        "finished": datetime.now(UTC),
        "versions": versions(),
        "counts": counts,
        "failed_fraction": failed_fraction(counts),
        "sources": list(sources),
    }
    return Results.model_validate(found | facts)


def with_warnings(results: Results, warnings: Sequence[str]) -> Results:
    """Return the same results with more warnings."""
    return results.model_copy(update={"warnings": [*results.warnings, *warnings]})


def versions() -> dict[str, str]:
    """Return the versions of all that shapes the numbers, without importing it."""
    import platform

    from pipeline import __version__

    found = {"pipeline": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def schema_text() -> str:
    """Return the published JSON schema of ``results.json``, draft 2020-12."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema = Results.model_json_schema(mode="serialization")
    return json.dumps(dialect | schema, indent=2) + "\n"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
