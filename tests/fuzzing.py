"""Fuzzing: real files of every format, damaged in every way, and what must hold of each.

A case is a real file, a mutation and a number; from the three its content can be made again, in
any process. `read_case` reads it, in a worker since it may crash; `violations` says what is wrong
with what came, which must be nothing: every case is a clean dataset or a named reason.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import quality, ragged, readers
from pipeline.config import Quality
from pipeline.executors import Failure
from pipeline.flags import QC, SourceStatus
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Profile, SourceRow
from pipeline.quality.pressure import GROSS_RANGE
from pipeline.readers import ReadSource

HDF5 = b"\x89HDF"
LONGEST = 5.0  # s that a case may take, read once
LARGEST_FILE = 600_000

Random = np.random.Generator
Mutation = Callable[[bytes, bytes, Random], bytes]

HUGE = (
    b"1e400", b"-1e400", b"9" * 400, b"9" * 5000, b"nan", b"inf", b"-Infinity", b"-9999",
    b"999999999", b"1e-320", b"0", b"-0.0", b"1_5", "٣".encode(), b"", b"0x10", b"1e308",
)  # fmt: skip
WORDS = (b"\xff" * 4, b"\x7f" + b"\xff" * 3, b"\xff" * 8, b"\x00" * 4, b"\x00\x00\x00\x01")
LINE_ENDS = (b"\r", b"\r\n", b"\n\r", b"\f\n", b"\0", b"\x0b", b"\xe2\x80\xa8", b"\n\n", b"")
_NUMBER = re.compile(rb"-?\d+(?:\.\d*)?")


# --------------------------------------------------------------------------------------- mutations


def span(content: bytes, random: Random) -> slice:
    """Return a random part: often small, sometimes nearly all."""
    start = int(random.integers(len(content) + 1))
    length = int(len(content) ** random.random())
    return slice(start, min(start + length, len(content)))


def flip_bits(content: bytes, other: bytes, random: Random) -> bytes:
    values = bytearray(content)
    for place in random.integers(len(values), size=random.integers(1, 33)):
        values[place] ^= 1 << int(random.integers(8))
    return bytes(values)


def random_bytes(content: bytes, other: bytes, random: Random) -> bytes:
    part = span(content, random)
    return content[: part.start] + random.bytes(part.stop - part.start) + content[part.stop :]


def truncate(content: bytes, other: bytes, random: Random) -> bytes:
    return content[: random.integers(1, len(content) + 1)]


def cut_block(content: bytes, other: bytes, random: Random) -> bytes:
    part = span(content, random)
    return content[: part.start] + content[part.stop :]


def duplicate_block(content: bytes, other: bytes, random: Random) -> bytes:
    part = span(content, random)
    times = min(int(random.integers(1, 4)), 1 + 1_000_000 // (part.stop - part.start + 1))
    return content[: part.stop] + content[part] * times + content[part.stop :]


def splice_block(content: bytes, other: bytes, random: Random) -> bytes:
    part = span(content, random)
    return content[: part.start] + other[span(other, random)] + content[part.stop :]


def splice_files(content: bytes, other: bytes, random: Random) -> bytes:
    return content[: random.integers(len(content))] + other[random.integers(len(other)) :]


def shuffle_lines(content: bytes, other: bytes, random: Random) -> bytes:
    lines = content.splitlines(keepends=True)
    start, stop = sorted(random.integers(len(lines) + 1, size=2).tolist())
    order = random.permutation(np.arange(start, stop))
    return b"".join([*lines[:start], *(lines[place] for place in order), *lines[stop:]])


def repeat_and_drop_lines(content: bytes, other: bytes, random: Random) -> bytes:
    lines = content.splitlines(keepends=True)
    times = random.choice([0, 1, 2, 50], size=len(lines), p=[0.03, 0.93, 0.035, 0.005])
    return b"".join(line * int(count) for line, count in zip(lines, times, strict=True))


def huge_numbers(content: bytes, other: bytes, random: Random) -> bytes:
    share = random.choice([0.001, 0.02, 1.0], p=[0.5, 0.4, 0.1])
    keep_width = random.random() < 0.5

    def replace(number: re.Match[bytes]) -> bytes:
        if random.random() >= share:
            return number[0]
        new = HUGE[int(random.integers(len(HUGE)))]
        return new[: len(number[0])].rjust(len(number[0])) if keep_width else new

    return _NUMBER.sub(replace, content[:50_000]) + content[50_000:]


def absurd_words(content: bytes, other: bytes, random: Random) -> bytes:
    """Overwrite words in the first bytes, where binary formats have their counts."""
    values = bytearray(content)
    for _ in range(int(random.integers(1, 5))):
        word = WORDS[int(random.integers(len(WORDS)))]
        reach = max(min(len(values), int(random.choice([200, 4000, 100_000]))) - len(word), 1)
        place = int(random.integers(reach))
        values[place : place + len(word)] = word
    return bytes(values)


def swap_line_ends(content: bytes, other: bytes, random: Random) -> bytes:
    end = LINE_ENDS[int(random.integers(len(LINE_ENDS)))]
    share = random.choice([0.02, 1.0])
    lines = content.splitlines()
    swapped = random.random(len(lines)) < share
    return b"".join(
        line + (end if new else b"\n") for line, new in zip(lines, swapped, strict=True)
    )


def put_nuls(content: bytes, other: bytes, random: Random) -> bytes:
    values = bytearray(content)
    for place in random.integers(len(values), size=random.integers(1, 9)):
        values[place : place + int(random.integers(2))] = b"\0" * int(random.integers(1, 9))
    return bytes(values)


MUTATIONS: dict[str, Mutation] = {
    one.__name__: one
    for one in (
        flip_bits, random_bytes, truncate, cut_block, duplicate_block, splice_block, splice_files,
        shuffle_lines, repeat_and_drop_lines, huge_numbers, absurd_words, swap_line_ends, put_nuls,
    )
}  # fmt: skip


# ------------------------------------------------------------------------------------------- cases


@dataclass(frozen=True)
class Original:
    """A real file, and the reader that takes it (``""`` where none does)."""

    reader: str
    path: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A damaged file."""

    seed: int
    number: int
    original: Original
    other: str
    mutation: str

    def content(self) -> bytes:
        """Return the damaged content, the same each time."""
        random = np.random.default_rng([self.seed, self.number])
        content, other = _content(self.original.path), _content(self.other)
        names = [self.mutation]
        if random.random() < 0.25:
            names.append(str(random.choice(list(MUTATIONS))))
        for name in names:
            content = MUTATIONS[name](content or b"\n", other, random)
        return content


@lru_cache(maxsize=300)
def _content(path: str) -> bytes:
    return Path(path).read_bytes()


def cases(originals: Sequence[Original], count: int, seed: int) -> Iterator[Case]:
    """Yield damaged files: all readers and mutations alike, whatever files there are."""
    by_reader: dict[str, list[Original]] = {}
    for original in originals:
        by_reader.setdefault(original.reader, []).append(original)
    random = np.random.default_rng(seed)
    names, mutations = sorted(by_reader), list(MUTATIONS)
    for number in range(count):
        mine = by_reader[names[number % len(names)]]
        # A splice is nastiest from a file of the same format.
        others = mine if random.random() < 0.7 else originals
        yield Case(
            seed,
            number,
            mine[int(random.integers(len(mine)))],
            others[int(random.integers(len(others)))].path,
            mutations[number // len(names) % len(mutations)],
        )


# -------------------------------------------------------------------------------- what must hold


@dataclass(frozen=True)
class Outcome:
    """What a case gave: once picked by content and once with its reader named; and how long."""

    case: Case
    sources: tuple[ReadSource, ...]
    seconds: float
    """Of this process: what a busy machine adds is not the reader's."""


def read_case(case: Case, folder: str) -> Outcome:
    """Read a case in the ways a config can ask for."""
    path = Path(folder) / f"{case.number}-damaged"
    path.write_bytes(case.content())
    sources, seconds = [], 0.0
    any_reader = readers.BUILT_IN[case.number % len(readers.BUILT_IN)]
    formats = ("auto", case.original.reader or any_reader)
    try:
        for name in formats:
            options = case.original.options if name != "auto" else {}
            started = time.process_time()
            sources.append(readers.read_source(str(path), name, options))
            seconds = max(seconds, time.process_time() - started)
    finally:
        path.unlink()
    return Outcome(case, tuple(sources), seconds)


def violations(case: Case, outcome: Outcome | Failure) -> list[str]:
    """Return what is wrong with what a case gave; nothing, if all is well."""
    if isinstance(outcome, Failure):
        # On some damage the HDF5 library loops for ever or ends the process, which only the
        # executor can stop: the file is quarantined, and its row says so.
        stopped = outcome.lost and case.content().startswith(HDF5)
        return [] if stopped else [f"the worker: {outcome}"]
    found = []
    if outcome.seconds > LONGEST:
        found.append(f"reading took {outcome.seconds:.1f} s")
    for source in outcome.sources:
        if source.row.status == SourceStatus.QUARANTINED:
            found.append(source.row.message)
        elif not source.profiles and not source.row.message:
            found.append("neither a sounding nor a reason")
        started = time.process_time()
        try:
            found += _wrong_values(checked(source))
        except Exception as error:
            found.append(f"cleaning: {type(error).__name__}: {error}")
        if time.process_time() - started > LONGEST:
            found.append(f"cleaning took {time.process_time() - started:.1f} s")
    return found


def checked(source: ReadSource, index: int = 0) -> list[CheckedProfile]:
    """Return the soundings of a source, cleaned."""
    cleaned = [quality.clean(profile, Quality(), index) for profile in source.profiles]
    for position, one in enumerate(cleaned):
        one.source_position = position
    return cleaned


def _wrong_values(cleaned: Iterable[CheckedProfile]) -> Iterator[str]:
    """Yield the numbers that no clean profile may hold."""
    for one in cleaned:
        profile = one.profile
        for name in LEVEL_VARIABLES:
            values = getattr(profile, name)
            if np.isinf(values).any():
                yield f"{name} is infinite"
            good = values[one.qc[name] == QC.GOOD]
            lowest, highest = GROSS_RANGE[name]
            if not ((good >= lowest) & (good <= highest)).all():
                yield f"{name} from {good.min()} to {good.max()} is called good"
        if (np.diff(profile.pressure) >= 0).any():
            yield "pressure does not fall"
        yield from _wrong_facts(profile)


def _wrong_facts(profile: Profile) -> Iterator[str]:
    limits = {"latitude": 90, "longitude": 360, "surface_altitude": 1e5}
    for name, limit in limits.items():
        if abs(getattr(profile, name)) > limit:
            yield f"{name} is {getattr(profile, name)}"
    for name, extra in profile.extras.items():
        if np.isinf(extra.values).any():
            yield f"{name} is infinite"


def dataset_violations(outcomes: Sequence[Outcome]) -> list[tuple[Outcome, str]]:
    """Return the cases that make no valid dataset: all at once, then apart if that fails."""
    sources = [source for outcome in outcomes for source in outcome.sources]
    try:
        rows = [_row(source, index) for index, source in enumerate(sources)]
        cleaned = [one for index, source in enumerate(sources) for one in checked(source, index)]
        ragged.validate(ragged.to_dataset(cleaned, rows))
    except Exception as error:
        if len(outcomes) == 1:
            return [(outcomes[0], f"dataset: {type(error).__name__}: {error}")]
        half = len(outcomes) // 2
        return dataset_violations(outcomes[:half]) + dataset_violations(outcomes[half:])
    return []


def _row(source: ReadSource, index: int) -> SourceRow:
    source.row.path = f"{index:06}"
    return source.row
