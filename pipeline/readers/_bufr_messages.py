"""Messages in a BUFR file: where each begins and ends, and what can be told without decoding it.

A message is ``BUFR``, its length, its edition, sections 1 to 4 (section 2 may lack) and ``7777``.
Between messages stand headings of bulletins, line ends, or nothing. What a decoder would stumble
over is told here, before a decoder sees it.

Source: WMO Manual on Codes (WMO-No. 306), volume I.2, FM 94 BUFR.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAGIC, END = b"BUFR", b"7777"
EDITIONS = (2, 3, 4)
#: Without a length in its section 0, or not there yet.
OTHER_EDITIONS = (0, 1, 5)

#: Vertical soundings other than by satellite.
SOUNDINGS = 2

#: What a message is about (table A).
CATEGORIES = {
    0: "surface data, land",
    1: "surface data, sea",
    2: "vertical soundings",
    3: "vertical soundings by satellite",
    4: "single-level upper-air data",
    5: "single-level upper-air data by satellite",
    6: "radar data",
    7: "synoptic features",
    8: "physical or chemical constituents",
    9: "dispersal and transport",
    10: "radiological data",
    11: "tables of BUFR",
    12: "surface data by satellite",
    13: "forecasts",
    14: "warnings",
    20: "status information",
    21: "radiances by satellite",
    22: "radar by satellite",
    23: "lidar",
    24: "scatterometry",
    25: "altimetry",
    26: "spectrometry",
    31: "oceanographic data",
    101: "image data",
}

#: What brings words about values given before: 222000, 223000, 224000, 225000, 232000, 235000.
ABOUT_VALUES = frozenset(bytes([0x80 + x, 0]) for x in (22, 23, 24, 25, 32, 35))

#: Bytes that section 0 and the part of section 1 take that is looked at.
_START = 20
#: Least bytes of sections 1, 3 and 4.
_LEAST = {2: (17, 7, 4), 3: (17, 7, 4), 4: (22, 7, 4)}
#: Where the flags and the category stand in a message.
_PLACES = {2: (15, 16), 3: (15, 16), 4: (17, 18)}
#: Section 1 has some 20 bytes, and perhaps some for local use.
_LONGEST_SECTION_1 = 1000
#: Most that compressed values may unpack to: a thousand times what a message of soundings has.
_MOST_VALUES = 100_000_000
#: A compressed value takes at least the six bits that say how many bits it takes.
_LEAST_BITS = 6
_CHUNKS = (256, 65536)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, or what is left of one.

    Parameters
    ----------
    number : int
        In the file, from 1.
    category : int
        What it is about (`CATEGORIES`); -1 where that cannot be told.
    subsets : int
        How many reports are in it.
    content : bytes
        From ``BUFR`` to ``7777``, without words about the quality of values; empty where there
        is a problem.
    size : int
        Bytes of it in the file.
    problem : str
        Why it cannot be decoded, for a person; else empty.
    """

    number: int
    category: int = -1
    subsets: int = 0
    content: bytes = b""
    size: int = 0
    problem: str = ""


def messages(stream: BinaryIO) -> Iterator[Message]:
    """Yield the messages of a file, damaged ones with their ``problem`` said.

    Parameters
    ----------
    stream : binary file
        Can seek.

    Yields
    ------
    Message

    Examples
    --------
    >>> from io import BytesIO
    >>> list(messages(BytesIO(b"BUFRxyz, a word in a text")))
    []
    """
    number, done, was_whole = 0, 0, True
    while True:
        start = _find(stream, done)
        if was_whole and _ends_a_message(stream, done, start):
            number += 1
            yield Message(number=number, problem=f"damaged: no BUFR after byte {done}, but 7777")
        if start is None:
            return
        stream.seek(start)
        head = stream.read(_START)
        if not _begins_a_message(head):
            done = start + len(MAGIC)
            continue
        number += 1
        stream.seek(start)
        message = _message(number, start, stream.read(int.from_bytes(head[4:7])), head)
        was_whole = not message.problem
        done = start + (message.size or len(MAGIC))
        yield message


def _find(stream: BinaryIO, place: int) -> int | None:
    """Return where the next ``BUFR`` stands, by a short look and then by longer ones."""
    size = _CHUNKS[0]
    while True:
        stream.seek(place)
        chunk = stream.read(size)
        found = chunk.find(MAGIC)
        if found >= 0:
            return place + found
        if len(chunk) < size:
            return None
        place += size - len(MAGIC) + 1
        size = _CHUNKS[1]


def _ends_a_message(stream: BinaryIO, done: int, start: int | None) -> bool:
    """Return whether what lies between two messages has the end of another one."""
    stream.seek(done)
    between = _CHUNKS[1] if start is None else min(start - done, _CHUNKS[1])
    return END in stream.read(between)


def _begins_a_message(head: bytes) -> bool:
    """Return whether it is more than the four letters in a text."""
    if len(head) < _START or head[7] not in EDITIONS:
        return len(head) >= 8 and head[7] in OTHER_EDITIONS
    return _LEAST[head[7]][0] <= int.from_bytes(head[8:11]) <= _LONGEST_SECTION_1


def _message(number: int, start: int, content: bytes, head: bytes) -> Message:
    """Return a message, with its problem if it has one."""
    edition, length = head[7], int.from_bytes(head[4:7])
    if edition not in EDITIONS:
        return Message(
            number=number,
            problem=f"BUFR edition {edition}, only {', '.join(map(str, EDITIONS))} are read",
        )
    category = head[_PLACES[edition][1]]
    if len(content) < length:
        problem = f"cut short at byte {start + len(content)}: has {len(content)} of {length} bytes"
        return Message(number=number, category=category, problem=problem)
    if not content.endswith(END):
        problem = f"damaged: does not end in 7777 at byte {start + length}"
        return Message(number=number, category=category, problem=problem)
    sections = _sections(content, edition)
    if problem := _problem(content, sections, edition):
        return Message(number=number, category=category, problem=problem)
    return Message(
        number=number,
        category=category,
        subsets=sections.subsets,
        size=length,
        content=_without_quality(content, sections),
    )


@dataclass(frozen=True, slots=True)
class _Sections:
    """Where sections 3 and 4 of a message begin, and what the former says."""

    third: int
    fourth: int
    subsets: int
    is_compressed: bool


def _sections(content: bytes, edition: int) -> _Sections:
    third = 8 + int.from_bytes(content[8:11])
    if content[_PLACES[edition][0]] & 0x80:  # there is a section 2
        third += max(int.from_bytes(content[third : third + 3]), 4)
    fourth = third + int.from_bytes(content[third : third + 3])
    subsets, flags = content[third + 4 : third + 6], content[third + 6 : third + 7]
    return _Sections(third, fourth, int.from_bytes(subsets), bool(int.from_bytes(flags) & 0x40))


def _problem(content: bytes, sections: _Sections, edition: int) -> str:
    """Return why a message cannot be decoded, as far as its sections tell."""
    _, least_3, least_4 = _LEAST[edition]
    end = len(content) - len(END)
    data = int.from_bytes(content[sections.fourth : sections.fourth + 3])
    if sections.fourth < sections.third + least_3 or sections.fourth + max(data, least_4) > end:
        return "damaged: its sections do not fit into its length"
    if sections.fourth < sections.third + least_3 + 2:
        return "damaged: its section 3 names no elements, so that nothing can be decoded"
    if not sections.subsets:
        return "damaged: it has no subset"
    values = 8 * data // _LEAST_BITS * sections.subsets
    if sections.is_compressed and values > _MOST_VALUES:
        return f"damaged: {sections.subsets} compressed subsets could have {values} values"
    return ""


def _without_quality(content: bytes, sections: _Sections) -> bytes:
    """Return a message whose list of elements ends where the words about them begin.

    What 222000 and its like bring comes last, is no part of a sounding, takes ecCodes most of
    its time, and after damage makes it crash. The data stay: their end is not looked at. Where
    another subset follows in them, all stays.
    """
    if sections.subsets > 1 and not sections.is_compressed:
        return content
    first = sections.third + 7
    for place in range(first + 2, sections.fourth - 1, 2):
        if content[place : place + 2] in ABOUT_VALUES:
            break
    else:
        return content
    length = int.to_bytes(place - sections.third, 3)
    total = int.to_bytes(len(content) - (sections.fourth - place), 3)
    begin = MAGIC + total + content[7 : sections.third]
    return begin + length + content[sections.third + 3 : place] + content[sections.fourth :]


def describe(category: int) -> str:
    """Return what a category of messages is, for a person.

    Examples
    --------
    >>> describe(0)
    'BUFR of category 0 (surface data, land)'
    """
    return f"BUFR of category {category} ({CATEGORIES.get(category, 'not known')})"
