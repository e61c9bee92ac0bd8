"""The section ``fetch`` of a config: which soundings are brought from which archive, and where."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from pipeline import config_checks as checks
from pipeline.config_sections import Section

#: What a station may be called, by archive, and how that is said.
STATIONS = {
    "igra2": (re.compile(r"[A-Z0-9]{11}|\d{5}"), "USM00072451, or 72451 in quotes"),
    "wyoming": (re.compile(r"[A-Z0-9-]{3,20}"), "72451 in quotes, or OUN"),
}
#: Where days begin that some archive may have.
FIRST_DAY = date(1900, 1, 1)


class Days(Section):
    """Which days are asked for: from one to another, or the last few."""

    since: date | None = Field(default=None, description="the first day, such as 2003-05-01")
    until: date | None = Field(
        default=None, description="the last day; today, where only the first is given"
    )
    last: int | None = Field(
        default=None, ge=1, le=36600, description="so many days until today, today among them"
    )

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if (self.since is None) == (self.last is None):
            raise checks.problem("say either the first day, 'since: 2003-05-01', or 'last: 3'")
        if self.since is None:
            if self.until is not None:
                raise checks.problem("'last' ends today; with 'until' goes 'since'", "until")
        elif not FIRST_DAY <= self.since <= (self.until or self.since):
            raise checks.problem(f"it must be from {FIRST_DAY} on and not after 'until'", "since")
        return self

    def until_today(self, today: date) -> list[date]:
        """Return the days, none of which is after today.

        Examples
        --------
        >>> [str(day) for day in Days(last=2).until_today(date(2026, 3, 1))]
        ['2026-02-28', '2026-03-01']
        """
        first = self.since or today - timedelta(days=(self.last or 1) - 1)
        last = min(self.until or today, today)
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _station(name: str, info: ValidationInfo) -> str:
    """Return what may be the name of a station in the archive."""
    archive = info.data.get("archive")
    if archive in STATIONS:
        pattern, examples = STATIONS[archive]
        if not pattern.fullmatch(name):
            raise checks.problem(f"'{name}' is no station of {archive}; write {examples}")
    return name


class Fetch(Section):
    """What `python -m pipeline fetch` brings from one archive into one folder."""

    archive: Literal["igra2", "wyoming"] = Field(
        description="igra2 (NOAA, whole records) or wyoming (University of Wyoming, hour by hour)"
    )
    stations: list[Annotated[str, AfterValidator(_station)]] = Field(
        min_length=1, description="the stations, as the archive calls them; WMO numbers in quotes"
    )
    into: str = Field(description="the folder for the files; it is made if it is not there")
    period: Literal["y2d", "por"] = Field(
        default="y2d",
        description="igra2: what is new, since last or this January (y2d), or the whole record "
        "(por: up to 80 MB a station, so not what a night should ask for)",
    )
    days: Days | None = Field(
        default=None, description="wyoming: the days, such as {last: 3} or {since: 2003-05-01}"
    )
    hours: list[Annotated[int, Field(ge=0, le=23)]] = Field(
        default=[0, 12],
        min_length=1,
        description="wyoming: hours of the day, UTC; those at which most stations launch",
    )
    url: str | None = Field(
        default=None, description="another address of the archive: a mirror that has it too"
    )
    contact: str | None = Field(
        default=None, description="an address for the archive's people, sent with each request"
    )
    pause: float = Field(
        default=1.0,
        ge=0,
        le=3600,
        description="seconds between two requests: archives serve many, and shut out who hurries",
    )
    timeout: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="seconds in which a connection must stand, or the next piece of a reply come",
    )

    @field_validator("into")
    @classmethod
    def _into_is_no_file(cls, into: str, info: ValidationInfo) -> str:
        if not into.isprintable() or not into.strip():
            raise checks.problem("a folder needs a name that can be printed")
        folder = checks.folder_of(info)
        place = None if folder is None else folder / into
        if place and os.path.lexists(place) and not os.path.isdir(place):
            raise checks.problem(f"'{into}' is a file; name a folder")
        return into

    @field_validator("url")
    @classmethod
    def _url_is_one(cls, url: str | None) -> str | None:
        if url is not None:
            try:
                parts = urlsplit(url)
                is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
            except ValueError:
                is_url = False
            if not is_url:
                raise checks.problem(f"'{url}' is no address; write https://...")
        return url

    @field_validator("contact")
    @classmethod
    def _contact_is_a_line(cls, contact: str | None) -> str | None:
        if contact is not None and not (contact.isascii() and contact.isprintable()):
            raise checks.problem("it is sent in a header: plain letters only, on one line")
        return contact

    @model_validator(mode="after")
    def _keys_belong_to_the_archive(self) -> Self:
        others = {"igra2": ("days", "hours"), "wyoming": ("period",)}[self.archive]
        for key in others:
            if key in self.model_fields_set:
                raise checks.problem(f"'{self.archive}' has no '{key}'; remove it", key)
        if self.archive == "wyoming" and self.days is None:
            raise checks.problem("'wyoming' needs days, such as 'days: {last: 3}'")
        return self


def fetched_folders(data: Any, folder: Path) -> frozenset[Path]:
    """Return the folders that a config, not yet checked, has filled by ``fetch``.

    Before the first fetch they need not be there, although ``input`` names them.
    """
    entries = data.get("fetch") if isinstance(data, Mapping) else None
    named = [
        entry["into"]
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, Mapping) and isinstance(entry.get("into"), str)
    ]
    return frozenset(Path(os.path.abspath(folder / into)) for into in named if "\0" not in into)
