"""NOAA's IGRA version 2: a zip for each station, of its whole record or of what is new.

``access/data-por`` has the whole records, ``access/data-y2d`` what has come since January of this
year or of the last: the year stands in the name, and changes some time in the course of a year.
A WMO number is looked up in the archive's own list of stations.

Source: NOAA NCEI, ``igra2-readme.txt``, ``igra2-data-format.txt``, ``igra2-list-format.txt``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipeline.errors import ReadError
from pipeline.fetch.download import Arrival, Download
from pipeline.fetch.http import FetchError, RefusedError
from pipeline.fetch.place import MOST_TEXT, Outcome, Place, brought
from pipeline.readers import _archive
from pipeline.readers._text import shorten

if TYPE_CHECKING:
    from pipeline.config_fetch import Fetch

log = logging.getLogger("pipeline")

URL = "https://www.ncei.noaa.gov/data/integrated-global-radiosonde-archive"
LIST, LIST_NAME = "doc/igra2-station-list.txt", ".igra2-station-list.txt"
NAME_LENGTH, NUMBER_LENGTH = 11, 5
#: The third letter of a station's name where its end is a WMO number.
BY_WMO_NUMBER = "M"
CHUNK = 1 << 18


def count(entry: Fetch, place: Place) -> int:
    """Return how many outcomes there will be."""
    return len(entry.stations)


def fetch(entry: Fetch, place: Place) -> Iterator[Outcome]:
    """Bring the files of an entry; yield what became of each.

    Parameters
    ----------
    entry : Fetch
    place : Place

    Yields
    ------
    Outcome
        One a station.
    """
    base = (entry.url or URL).rstrip("/")
    # The newest name first; what one station has is what the next is asked for first.
    years = [place.now.year, place.now.year - 1]
    stations = _Stations(place, base)
    overlapping: list[str] = []
    for station in entry.stations:

        def bring(station: str = station) -> tuple[Arrival, Download]:
            name = stations.name_of(station)
            if entry.period == "por":
                return _whole(place, base, name)
            return _newest(place, base, name, years)

        outcome = brought(entry.archive, station, entry.period, bring)
        if outcome.path is not None:
            overlapping += _others(outcome.path)
        yield outcome
    if overlapping:
        log.warning(
            "%s: some stations have several files with the same soundings, which are in the "
            "season twice: keep one file of each, or fetch 'period: por' (there are also %s)",
            place.folder,
            shorten(", ".join(sorted(overlapping))),
        )


def _whole(place: Place, base: str, name: str) -> tuple[Arrival, Download]:
    file = f"{name}-data.txt.zip"
    return _bring(place, f"{base}/access/data-por/{quote(file)}", name, file)


def _newest(place: Place, base: str, name: str, years: list[int]) -> tuple[Arrival, Download]:
    """Bring the file that begins latest; its year is put first among the years."""
    for year in list(years):
        file = f"{name}-data-beg{year}.txt.zip"
        try:
            done = _bring(place, f"{base}/access/data-y2d/{quote(file)}", name, file)
        except RefusedError as error:
            if error.status == 404:
                continue
            raise
        years.remove(year)
        years.insert(0, year)
        return done
    begins = " or ".join(map(str, sorted(years)))
    raise FetchError(f"HTTP 404: {base} has no file of {name} that begins with {begins}")


def _bring(place: Place, url: str, name: str, file: str) -> tuple[Arrival, Download]:
    download = place.download(url, file, lambda path: check(path, name))
    return download.run(), download


def check(path: Path, name: str) -> None:
    """Raise FetchError unless a file is a whole zip archive of a station's soundings.

    Parameters
    ----------
    path : path
    name : str
        Of the station, 11 letters and digits.
    """
    with path.open("rb") as stream:
        head = stream.read(200)
    if not head.startswith(_archive.MAGIC):
        begins = shorten(head.decode("utf-8", "replace").strip())
        raise FetchError(f"the reply is no zip archive; it begins with {begins!r}")
    expected = f"#{name}".encode()
    found = 0
    try:
        for member in _archive.members(path):
            first = member.read(len(expected))
            if first != expected:
                raise FetchError(f"the archive holds something else than soundings of {name}")
            while member.read(CHUNK):  # to the end, where its checksum is compared
                pass
            found += 1
    except ReadError as error:
        raise FetchError(str(error)) from error
    if not found:
        raise FetchError("the archive is empty")


def _others(path: Path) -> list[str]:
    """Return other files of the same station, which have some of its soundings too."""
    station = path.name[:NAME_LENGTH]
    return [other.name for other in path.parent.glob(f"{station}-data*.txt.zip") if other != path]


class _Stations:
    """The archive's list of stations, asked for when a WMO number must be looked up."""

    def __init__(self, place: Place, base: str) -> None:
        self._place, self._url = place, f"{base}/{LIST}"
        self._names: dict[str, str] | None = None
        self._problem: FetchError | None = None

    def name_of(self, station: str) -> str:
        """Return what the archive calls a station."""
        if len(station) == NAME_LENGTH:
            return station
        if self._problem:
            raise self._problem
        if self._names is None:
            self._names = self._fetched()
        if station not in self._names:
            raise FetchError(f"the archive's list of stations has no WMO number {station}")
        return self._names[station]

    def _fetched(self) -> dict[str, str]:
        download = self._place.download(self._url, LIST_NAME, _check_list, most_bytes=MOST_TEXT)
        try:
            download.run()
        except FetchError as error:
            if not download.target.is_file():
                self._problem = error
                raise
            log.warning("%s: %s; the list of an earlier fetch is used", self._url, error)
        return _by_number(download.target)


def _check_list(path: Path) -> None:
    if not _by_number(path):
        raise FetchError("the reply is no list of stations")


def _by_number(path: Path) -> dict[str, str]:
    """Return the names of stations in a list, by WMO number."""
    names = (line[:NAME_LENGTH] for line in path.read_text("ascii", "replace").splitlines())
    return {
        name[-NUMBER_LENGTH:]: name
        for name in names
        if len(name) == NAME_LENGTH and name[2] == BY_WMO_NUMBER and name.isalnum()
    }
