"""Why nobody reads a file, in the words of a person: what it nearly is, or what it is instead."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from pipeline.readers._text import UTF_16_MARKS, decode, shorten

#: How other files begin.
_MAGIC = {
    b"\x1f\x8b": "packed by gzip: unpack it first",
    b"BZh": "packed by bzip2: unpack it first",
    b"\xfd7zXZ": "packed by xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "packed by zstd: unpack it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"PK\x03\x04": "a zip archive, or a document such as Excel's: unpack it first",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"%!PS": "a PostScript document",
    b"\x7fELF": "a program",
    b"GRIB": "GRIB, model output",
    b"BUFR": "BUFR",
    b"PAR1": "Parquet",
    b"CDF": "netCDF",
    b"\x89HDF": "netCDF-4 or HDF5",
    b"SQLite format 3": "a SQLite database",
}
_TAR = (b"ustar", 257, "a tar archive: unpack it first")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


class NearMiss(str):
    """A reason to decline a file that says more than that it is of another format.

    It looks like this format, and something is amiss: a list of stations where soundings should
    be, an error message of the site that sent it. A person is told this reason first.

    Examples
    --------
    >>> explain({"igra2": "no header", "gsd_text": NearMiss("a list of stations")}, b"")
    'no reader knows this file; gsd_text: a list of stations. Tried igra2: no header; \
gsd_text: a list of stations'
    """

    __slots__ = ()


def explain(declined: Mapping[str, str], head: bytes) -> str:
    """Return why no reader knows a file: first what a person wants to know, then all reasons.

    Parameters
    ----------
    declined : dict of str to str
        By reader, why it declined.
    head : bytes
        The file's first ones.

    Examples
    --------
    >>> explain({"igra2": "no header"}, b"%PDF-1.4")
    'no reader knows this file, a PDF document. Tried igra2: no header'
    """
    near = [
        f"{name}: {reason.rstrip('.')}"
        for name, reason in declined.items()
        if isinstance(reason, NearMiss)
    ]
    tried = "; ".join(f"{name}: {reason}" for name, reason in declined.items())
    if near:
        return f"no reader knows this file; {'; '.join(near)}. Tried {tried}"
    return f"no reader knows this file, {describe(head)}. Tried {tried}"


def describe(head: bytes) -> str:
    """Return in a few words what a file is that is no sounding.

    Examples
    --------
    >>> describe(b"<html><title>404 Not Found</title>")
    "a web page titled '404 Not Found': fetch the file again"
    >>> describe(b"to do: buy milk")
    "text that begins with 'to do: buy milk'"
    """
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head[_TAR[1] :].startswith(_TAR[0]):
        return _TAR[2]
    text = decode(head)
    if text.startswith(UTF_16_MARKS):
        return "text in UTF-16: save it as UTF-8"
    start = text.lstrip()
    if re.match(r"<(!doctype html|html|head|body)", start, re.IGNORECASE):
        return _web_page(start)
    if _is_binary(head):
        return f"binary data that begin with {shorten(repr(head[:12]))}"
    kinds = {"<": "XML", "{": "JSON", "[": "JSON"}
    first_line = shorten(start.partition("\n")[0].rstrip())
    return f"{kinds.get(start[:1], 'text')} that begins with {first_line!r}"


def _web_page(text: str) -> str:
    title = _TITLE.search(text)
    words = " ".join(html.unescape(title[1]).split()) if title else ""
    return f"a web page{f' titled {shorten(words)!r}' if words else ''}: fetch the file again"


def _is_binary(head: bytes) -> bool:
    """Return whether bytes are no text: too many that no text has."""
    strange = sum(byte < 32 and byte not in b"\t\n\r\f\x1a" for byte in head[:4096])
    return strange > len(head[:4096]) / 100
