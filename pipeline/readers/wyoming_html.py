"""University of Wyoming pages as the site serves them: the list within HTML, old and new layout.

The old pages say the position in ``Station latitude: 35.18``, the new ones in a table; the old
list gives wind in knots, the new one in m s-1.

Source: https://weather.uwyo.edu/upperair/sounding.html, text list.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ReadError
from pipeline.profiles import Profile
from pipeline.readers._text import decode
from pipeline.readers._wyoming import TABLE, Line, soundings
from pipeline.readers.refusals import NearMiss

NAME = "wyoming_html"
DESCRIPTION = "University of Wyoming page (HTML), one or many soundings"

# No "<" inside a tag: otherwise a damaged page would be searched to its end again and again.
_TAG = re.compile(r"<[^<>]*>")
# A character's number that names none, and too long for Python to read.
_ENDLESS_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")
_PRE = re.compile(r"<pre[^<>]*>", re.IGNORECASE)
_PRE_END = re.compile(r"</pre[^<>]*>", re.IGNORECASE)
_BYTE_TAG = re.compile(rb"<(?:html|head|body|title|pre|h\d)\b", re.IGNORECASE)
_REFUSAL = re.compile(rb"(?:Can't get|Unable to retrieve the data for|Sorry, )[^\r\n<]{0,200}")
_BREAK = "\f"

#: Bytes: a page of a month of soundings has a twentieth of it.
LARGEST_PAGE = 20_000_000


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if there is a Wyoming table within HTML."""
    if not _BYTE_TAG.search(head):
        return "no HTML tags"
    if TABLE.search(head):
        return None
    refusal = _REFUSAL.search(head)
    if refusal:
        return NearMiss(f"the site answered: {decode(refusal[0]).strip()}")
    return "an HTML page without a line PRES HGHT TEMP DWPT ..."


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of a Wyoming page, one for each table.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels as they stand in the page; station, time and position from its title and its
        station indices. A table that is damaged, or at whose end the page breaks off, has its
        ``problem`` said and no levels.

    Raises
    ------
    ReadError
        When there is no table.
    """
    with path.open("rb") as stream:  # tags can span lines, so a page is read whole
        content = stream.read(LARGEST_PAGE + 1)
    if len(content) > LARGEST_PAGE:
        raise ReadError(f"has more than the {LARGEST_PAGE} bytes that a page may have; split it")
    page = decode(content)
    tables = [match.start() for match in TABLE.finditer(content)]
    if not tables:
        raise ReadError("no line PRES HGHT TEMP DWPT ...: not a Wyoming page")
    cut_short = not _PRE_END.search(decode(content[tables[-1] :]))
    yield from soundings(_numbered_text(page), cut_short)


def _numbered_text(page: str) -> Iterator[Line]:
    """Yield what a page shows, with the line numbers of its source.

    A tag that spans lines keeps their ends, and what follows ``</PRE>`` on a line begins a new
    one, so that rows stay rows.
    """
    page = _PRE_END.sub(_BREAK, _PRE.sub(_line_ends, page))
    page = _ENDLESS_NUMBER.sub("", page)
    page = html.unescape(_TAG.sub(lambda tag: _line_ends(tag) or " ", page))
    for number, line in enumerate(page.split("\n"), start=1):
        for part in line.split(_BREAK):
            yield number, part


def _line_ends(tag: re.Match[str]) -> str:
    return "\n" * tag[0].count("\n")
