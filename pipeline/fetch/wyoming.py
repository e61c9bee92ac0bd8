"""The University of Wyoming's archive: one request for each station and hour, as CSV.

What is not there is said in words, under various HTTP codes. An hour that is here is never asked
for again, and neither is one that the archive did not have when it was no longer new.

Source: https://weather.uwyo.edu/upperair/sounding.shtml; the address is the one that siphon 0.11
asks (https, ``type=TEXT:CSV``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from pipeline.fetch.download import Arrival, Download
from pipeline.fetch.http import FetchError, NoDataError, PassingError, RefusedError
from pipeline.fetch.place import MOST_TEXT, Outcome, Place, Status, brought
from pipeline.readers._text import shorten
from pipeline.readers.wyoming_csv import REFUSAL, START

if TYPE_CHECKING:
    from pipeline.config_fetch import Fetch

URL = "https://weather.uwyo.edu/wsgi/sounding"
#: What the server says, with whatever code, when it is to be asked again.
TOO_BUSY = "too busy"
#: An ascent takes two hours; what is asked for before could be half of one.
COMPLETE_AFTER = timedelta(hours=2)
#: What is not there then will not come any more.
SETTLED_AFTER = timedelta(days=2)


def count(entry: Fetch, place: Place) -> int:
    """Return how many outcomes there will be."""
    return len(entry.stations) * len(_hours(entry, place))


def fetch(entry: Fetch, place: Place) -> Iterator[Outcome]:
    """Bring the soundings of an entry; yield what became of each.

    Parameters
    ----------
    entry : Fetch
    place : Place

    Yields
    ------
    Outcome
        One a station and hour that may have a whole ascent by now.
    """
    for station in entry.stations:
        for hour in _hours(entry, place):
            yield _outcome(entry, place, station, hour)


def _hours(entry: Fetch, place: Place) -> list[datetime]:
    """Return the hours that are asked for, none of which is still to come."""
    days = entry.days.until_today(place.now.date()) if entry.days else []
    hours = (
        datetime.combine(day, time(hour), UTC) for day in days for hour in sorted({*entry.hours})
    )
    return [hour for hour in hours if hour + COMPLETE_AFTER <= place.now]


def _outcome(entry: Fetch, place: Place, station: str, hour: datetime) -> Outcome:
    name = file_name(station, hour)
    what = f"{hour:%Y-%m-%d %H} UTC"
    target = place.folder / name
    if not place.refresh and (target.is_file() or name in place.ledger.nothing):
        path = target if target.is_file() else None
        return Outcome(entry.archive, station, what, Status.THERE, path=path)

    def bring() -> tuple[Arrival, Download]:
        url = address(entry.url or URL, station, hour)
        download = place.download(url, name, check, most_bytes=MOST_TEXT, keeps_half=False)
        try:
            return download.run(), download
        except RefusedError as error:
            if REFUSAL in error.text:
                raise NoDataError(error.text) from error
            raise

    outcome = brought(entry.archive, station, what, bring)
    if outcome.status is Status.NO_DATA and place.now - hour > SETTLED_AFTER:
        place.ledger.has_nothing(name, f"{place.now:%Y-%m-%dT%H:%M:%SZ}")
    return outcome


def file_name(station: str, hour: datetime) -> str:
    """Return what the file of a sounding is called here.

    Examples
    --------
    >>> file_name("72451", datetime(2003, 5, 1, 12))
    'wyoming-72451-20030501T12.csv'
    """
    return f"wyoming-{station}-{hour:%Y%m%dT%H}.csv"


def address(base: str, station: str, hour: datetime) -> str:
    """Return where a sounding is.

    Examples
    --------
    >>> address("https://example.org/sounding", "OUN", datetime(2003, 5, 1, 12))
    'https://example.org/sounding?type=TEXT%3ACSV&datetime=2003-05-01%2012%3A00%3A00&id=OUN'
    """
    asked = {"type": "TEXT:CSV", "datetime": f"{hour:%Y-%m-%d %H:%M:%S}", "id": station}
    return f"{base}{'&' if '?' in base else '?'}{urlencode(asked, quote_via=quote)}"


def check(path: Path) -> None:
    """Raise FetchError unless a file is a sounding.

    Raises
    ------
    NoDataError
        Where it says that there is none.
    PassingError
        Where it asks to come again, or breaks off in a row.
    """
    content = path.read_bytes()
    said = content[:400].decode("utf-8", "replace").strip()
    if REFUSAL in said:
        raise NoDataError(said)
    if TOO_BUSY in said:
        raise PassingError(f"the server answered: {shorten(said)}")
    if not said.startswith(START):
        raise FetchError(f"the reply is no CSV of a sounding; it begins with {shorten(said)!r}")
    if not content.endswith(b"\n"):
        raise PassingError("the reply breaks off in a row")
