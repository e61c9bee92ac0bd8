"""IGRA by the chunk: whatever is wrong with a file, many soundings at once are as one by one."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import ReadError
from pipeline.profiles import LEVEL_VARIABLES, Profile
from pipeline.readers import _igra2_rows as rows
from pipeline.readers import igra2
from pipeline.readers._igra2_text import Text
from pipeline.readers.limits import Limits, in_force

FIXTURE = Path(__file__).parent / "fixtures" / "igra2" / "cases-data.txt"
HEADER = b"#GMM00010393 1999 05 03 12 1045 %4d ncdc-gts ncdc-gts  522167   141167\n"
ROW = b"10   130  92500   790A  150 -9999 -8888    90    52 \n"

#: What a line or its end may be in a file that went through many hands.
LINE_ENDS = (b"\r\n", b"\r\r\n", b"\n\n", b" \n", b"\n" + b" " * 60 + b"\n")
FIELDS = (b"-9999", b"-8888", b"    -", b"   -0", b"-0   ", b"-----", b"     ", b" 1 23", b"00000")
CHARACTERS = b" -#\n\r0123456789ABx\t\x00\xff"


def damaged(text: bytes, chance: random.Random) -> bytes:
    """Return a sounding as it is, or with up to three kinds of damage."""
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        place = chance.randrange(len(text) + 1)
        before, after = text[:place], text[place:]
        text = chance.choice(
            (
                before + bytes([chance.choice(CHARACTERS)]) + after[1:],
                before + bytes(chance.choices(CHARACTERS, k=3)) + after,
                before + after[chance.randrange(60) :],
                before + chance.choice(FIELDS) + after[5:],
                text.replace(b"\n", chance.choice(LINE_ENDS), chance.choice((1, 3, -1))),
                text.lower(),
                before,
            )
        )
    return text


def some_text(chance: random.Random) -> bytes:
    lines = FIXTURE.read_bytes().splitlines(keepends=True)
    starts = [index for index, line in enumerate(lines) if line.startswith(b"#")]
    spans = zip(starts, [*starts[1:], len(lines)], strict=True)
    soundings = [b"".join(lines[start:end]) for start, end in spans]
    soundings += [HEADER % count + ROW * count for count in (0, 1, 30)]
    text = b"".join(damaged(chance.choice(soundings), chance) for _ in range(8))
    return text.rstrip(b"\n") if chance.random() < 0.2 else text


def one_by_one(stream: io.BufferedReader) -> Iterator[Profile]:
    text = Text(stream)
    while text.fill():
        yield igra2._sounding(*igra2._next_block(text))


def outcome(soundings: Iterator[Profile]) -> list[Any]:
    """Return everything that soundings say, floats as bytes, and how they end."""
    found: list[Any] = []
    try:
        for profile in soundings:
            levels = {name: values.tobytes() for name, values in profile.levels().items()}
            extras = {
                name: (*extra[1:], extra[0].tobytes()) for name, extra in profile.extras.items()
            }
            place = (profile.latitude, profile.longitude, profile.surface_altitude)
            facts = (profile.station_id, str(profile.time), np.array(place).tobytes())
            found.append((facts, profile.notes, profile.problem, profile.derived, levels, extras))
    except ReadError as error:
        found.append(str(error))
    return found


def stream_of(text: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(text), 64)


@pytest.mark.parametrize("seed", range(150))
def test_many_at_once_are_as_one_by_one(seed: int) -> None:
    chance = random.Random(seed)
    text = some_text(chance)
    limits = Limits(
        line_length=chance.choice((1_000_000, 1_000_000, 72, 54, 53, 52)),
        levels=chance.choice((1_000_000, 4)),
    )
    with in_force(limits):
        expected = outcome(one_by_one(stream_of(text)))
        for chunk in (1, chance.randrange(1, 2000), 1 << 20):
            assert outcome(igra2._soundings(stream_of(text), chunk)) == expected


def test_most_of_them_are_indeed_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    regular = HEADER % 30 + ROW * 30
    blocks: list[int] = []
    real: Callable[..., Any] = igra2._next_block

    def counted(text: Text) -> Any:
        blocks.append(text.line)
        return real(text)

    monkeypatch.setattr(igra2, "_next_block", counted)
    text = regular * 5 + regular.replace(b"92500", b"9x500", 1) + regular * 5
    found = list(igra2._soundings(stream_of(text)))
    assert [bool(profile.problem) for profile in found] == [False] * 5 + [True] + [False] * 5
    assert blocks == [5 * 31 + 1]  # the damaged one alone, by its line


def numbers_of(field: str) -> float | None:
    """Return what six characters are after the rules of the format, None where no number."""
    bare = field.lstrip(" ")
    if not bare:
        return np.nan
    digits = bare.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    return np.nan if int(bare) in (-9999, -8888) else float(int(bare))


def test_each_field_of_six_characters_is_the_number_that_python_sees() -> None:
    chance = random.Random(7)
    fields = [
        "".join(chance.choices(" -0123456789x", (6, 3, *[1] * 11), k=6)) for _ in range(20000)
    ]
    fields += ["  -999", " -9999", "-09999", "    -0", "999999", "-99999", "      ", " -8888"]
    table = np.frombuffer(
        "".join(
            f"10     0 {field}   790   150   640    71    90    52" for field in fields
        ).encode(),
        np.uint8,
    ).reshape(len(fields), rows.ROW_LENGTH)
    values, regular = rows._fields(table)
    expected = [numbers_of(field) for field in fields]
    assert regular.tolist() == [number is not None for number in expected]
    found = values[list(rows.FIELDS).index("pressure")][regular]
    np.testing.assert_array_equal(found, [number for number in expected if number is not None])


def test_a_sounding_that_is_kept_keeps_nothing_else_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "long-data.txt"
    path.write_bytes((HEADER % 60 + ROW * 60) * 3000)  # 10 MB
    list(igra2.read(path, {}))
    tracemalloc.start()
    kept = [profile for number, profile in enumerate(igra2.read(path, {})) if number % 100 == 0]
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept) == 30
    assert held < 30 * 60 * 11 * 8 * 2
    assert peak < 10_000_000  # a chunk and its numbers, not the file's
    for profile in kept:
        for name in LEVEL_VARIABLES:
            assert getattr(profile, name).flags.c_contiguous


def test_a_sounding_longer_than_a_chunk_is_read_all_the_same() -> None:
    text = HEADER % 9999 + ROW * 9999 + HEADER % 1 + ROW
    first, second = igra2._soundings(stream_of(text), 4096)
    assert (len(first), len(second)) == (9999, 1)


def test_rows_without_end_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "endless-data.txt"
    path.write_bytes(HEADER % 9999 + ROW * 200_000 + HEADER % 1 + ROW)
    tracemalloc.start()
    first, second = igra2.read(path, {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "announces 9999 levels and 200000 follow" in first.problem
    assert len(second) == 1
    assert peak < 8_000_000


def test_what_precedes_a_break_of_the_stream_is_read() -> None:
    text = (HEADER % 2 + ROW * 2) * 3

    class Breaking(io.RawIOBase):
        content = io.BytesIO(text[:-30])

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any, /) -> int:
            piece = self.content.read(len(buffer))
            if not piece:
                raise ReadError("it breaks off")
            buffer[: len(piece)] = piece
            return len(piece)

    for chunk in (1, 1 << 20):
        Breaking.content.seek(0)
        found = outcome(igra2._soundings(io.BufferedReader(Breaking(), 50), chunk))
        assert found[2:] == ["it breaks off"]
