"""One file, from an address into its place: only if it is new, from where it broke off, or not.

It grows in a dot file beside its place. That is gone on with after whatever ended it, is looked
into when it is whole, and only then takes the place of what was there before.
"""

from __future__ import annotations

import filecmp
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import requests

from pipeline.disk import clear_errors, make_durable
from pipeline.errors import DiskError
from pipeline.fetch.http import Client, FetchError, PassingError, is_packed
from pipeline.fetch.ledger import Ledger, Version

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
MEGABYTE = 1_000_000


class Arrival(StrEnum):
    """What has become of a file that was asked for."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass
class Download:
    """A file to be had.

    Parameters
    ----------
    client : Client
    ledger : Ledger
        Of the folder that it goes to.
    url, name : str
        Where it is, and what it is called in the folder.
    check : callable
        Is given the path of the whole file before anybody sees it; raises FetchError where it is
        not what was asked for.
    most_bytes : int
        It is not larger than this.
    keeps_half : bool
        What is made anew for each request cannot be gone on with.
    refresh : bool
        Ask for all of it, also where it is here.

    Attributes
    ----------
    received : int
        Bytes that have come.
    """

    client: Client
    ledger: Ledger
    url: str
    name: str
    check: Callable[[Path], object]
    most_bytes: int
    keeps_half: bool = True
    refresh: bool = False
    received: int = field(default=0, init=False)
    _half: Version | None = field(default=None, init=False)
    _has_begun: bool = field(default=False, init=False)

    @property
    def target(self) -> Path:
        """Its place."""
        return self.ledger.folder / self.name

    @property
    def part(self) -> Path:
        """Where it grows."""
        return self.ledger.folder / f".{self.name}.part"

    def run(self) -> Arrival:
        """Bring the file.

        Raises
        ------
        FetchError
            When it cannot be had; what was there before is untouched, and a half is kept.
        DiskError
            When there is no room for it; its half is thrown away, for others may need the room.
        """
        try:
            return self.client.persist(self.url, self._attempt)
        except FetchError as error:
            error.url = self.url
            raise
        except DiskError:
            self._throw_away()
            raise
        finally:
            if not self.keeps_half:
                self.part.unlink(missing_ok=True)

    def _attempt(self) -> Arrival:
        """Ask once."""
        headers, start = self._asked_for()
        with self.client.reply(self.url, headers) as response:
            status = response.status_code
            if status == 304 and self.ledger.version_of(self.name, self.url):
                return Arrival.UNCHANGED
            if status == 206 and start:
                start, total = self._range(response, start)
            elif status == 200:
                start, total = 0, _length(response)
            else:  # no such part of it, or an answer to another question
                self._throw_away()
                raise PassingError(f"HTTP {status} where it does not fit")
            self._demand_small(total)
            version = self._begun(response, start)
            size = self._taken_in(response, start)
        if total not in (None, size):
            raise PassingError(f"the reply broke off after {size} of {total} bytes")
        self._look_into(start > 0)
        return self._put_in_place(version, size)

    def _asked_for(self) -> tuple[dict[str, str], int]:
        """Return the headers of a request, and how much of the file is here already."""
        if self.keeps_half and (self._has_begun or not self.refresh):
            self._half = self.ledger.half_of(self.name, self.url)
            size = self.part.stat().st_size if self._half and self.part.is_file() else 0
            if self._half and size:
                return {"Range": f"bytes={size}-", "If-Range": self._half.strong}, size
        known = None if self.refresh else self.ledger.version_of(self.name, self.url)
        return (known.conditions if known else {}), 0

    def _begun(self, response: requests.Response, start: int) -> Version:
        """Return the version that comes; what comes from its beginning is noted."""
        if start and self._half:  # a part need not say again what it is a part of
            return self._half
        headers = response.headers
        version = Version(self.url, headers.get("ETag", ""), headers.get("Last-Modified", ""))
        if self.keeps_half:
            with clear_errors(self.part):  # first, so that no old half passes for one of this
                self.part.unlink(missing_ok=True)
            self.ledger.begin(self.name, version)
            self._has_begun = True
        return version

    def _range(self, response: requests.Response, start: int) -> tuple[int, int | None]:
        """Return where a part of the file begins, which is where ours ends, and the whole size."""
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not match or int(match[1]) != start:
            self._throw_away()
            raise PassingError("the server sent another part than was asked for")
        return start, None if match[3] == "*" else int(match[3])

    def _demand_small(self, size: int | None) -> None:
        if size is not None and size > self.most_bytes:
            self._throw_away()
            raise FetchError(
                f"it is larger than {self.most_bytes / MEGABYTE:g} MB, and refused (limits: "
                "file_size in the config; texts have a smaller limit)"
            )

    def _taken_in(self, response: requests.Response, start: int) -> int:
        """Append the body of a reply to what is here; return how much that is now."""
        size = start
        with clear_errors(self.part), open(self.part, "ab" if start else "wb") as stream:
            for chunk in self.client.chunks(response):
                stream.write(chunk)
                stream.flush()  # it stays also if we are killed
                size += len(chunk)
                self.received += len(chunk)
                self._demand_small(size)
        return size

    def _look_into(self, is_joined: bool) -> None:
        """Check the whole file; what was put together of two may be asked for once more."""
        try:
            self.check(self.part)
        except FetchError as error:
            self._throw_away()
            if is_joined:
                raise PassingError(f"{error} (put together from two parts)") from error
            raise

    def _put_in_place(self, version: Version, size: int) -> Arrival:
        """Have the file take its place, unless the same bytes are there."""
        arrival = Arrival.NEW
        with clear_errors(self.target):
            if self.target.is_file():
                is_same = filecmp.cmp(self.part, self.target, shallow=False)
                arrival = Arrival.UNCHANGED if is_same else Arrival.CHANGED
            if arrival is Arrival.UNCHANGED:
                self.part.unlink()
            else:
                make_durable(self.part)
                os.replace(self.part, self.target)
                make_durable(self.target.parent)
        if self.keeps_half:
            self.ledger.finish(self.name, replace(version, size=size))
        return arrival

    def _throw_away(self) -> None:
        """Remove the half, and free its room."""
        with suppress(OSError):
            os.truncate(self.part, 0)
        with suppress(OSError):
            self.part.unlink()
        with suppress(OSError, DiskError):
            self.ledger.throw_away(self.name)


def _length(response: requests.Response) -> int | None:
    """Return how many bytes a reply announces; None where it does not, or packs them."""
    text = response.headers.get("Content-Length", "").strip()
    if is_packed(response) or not (text.isascii() and text.isdigit()):
        return None
    return int(text[:18])
