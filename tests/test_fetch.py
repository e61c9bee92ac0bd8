"""Files from archives: what a server may reply, and what stands in the folder after it."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import json
import logging
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from archive_server import (
    CSV,
    NO_DATA,
    NOW,
    PAGE,
    STATION_LIST,
    Reply,
    Server,
    Ticks,
    igra_zip,
    running,
    versioned,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pipeline import config as configs
from pipeline.errors import ConfigError, DiskError, LockedError
from pipeline.fetch import Report, fetch, igra2
from pipeline.fetch.http import FetchError, Manners
from pipeline.fetch.igra2 import check
from pipeline.fetch.place import Status
from pipeline.fetch.report import describe_fetch
from pipeline.lock import only_run

STATION = "USM00072451"
Y2D, POR = f"{STATION}-data-beg2026.txt.zip", f"{STATION}-data.txt.zip"
SMALL, LARGE = igra_zip(STATION, 1), igra_zip(STATION, 40)
MANNERS = Manners(pause=1.0, timeout=0.3, attempts=4, contact="me@example.org")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running() as made:
        yield made


@pytest.fixture
def ticks() -> Ticks:
    return Ticks(NOW)


class Season:
    """A config that fetches from the server, and the folder that it fetches into."""

    def __init__(self, folder: Path, server: Server, ticks: Ticks) -> None:
        self.place, self.server, self.ticks = folder, server, ticks
        self.folder = folder / "data"

    def config(self, *entries: dict[str, Any], **more: Any) -> configs.Config:
        settings = {"input": ["data"], "output": "out/season.nc", "fetch": list(entries)} | more
        with (self.place / "season.yaml").open("w") as stream:
            YAML().dump(settings, stream)
        return configs.load(self.place / "season.yaml")

    def igra(self, *stations: str, **more: Any) -> dict[str, Any]:
        names = list(stations or [STATION])
        return {
            "archive": "igra2",
            "stations": names,
            "into": "data",
            "url": self.server.url,
        } | more

    def wyoming(self, *stations: str, **more: Any) -> dict[str, Any]:
        return {
            "archive": "wyoming",
            "stations": list(stations or ["72451"]),
            "into": "data",
            "url": f"{self.server.url}/wsgi/sounding",
            "days": {"since": datetime(2003, 5, 1).date(), "until": datetime(2003, 5, 1).date()},
        } | more

    def fetch(self, *entries: dict[str, Any], manners: Manners = MANNERS, **more: Any) -> Report:
        return fetch(self.config(*entries), manners=manners, clock=self.ticks.clock, **more)

    def y2d(self, *replies: Reply | bytes) -> None:
        self.server.serve(f"/access/data-y2d/{Y2D}", *replies)

    def por(self, *replies: Reply | bytes) -> None:
        self.server.serve(f"/access/data-por/{POR}", *replies)

    def hour(self, station: str, time: str, *replies: Reply | bytes) -> None:
        self.server.serve(f"/wsgi/sounding?{station} {time}", *replies)

    def here(self) -> dict[str, bytes]:
        """Return the files that a run would see, and the halves."""
        return {
            path.name: path.read_bytes()
            for path in self.folder.iterdir()
            if not path.name.startswith(".") or path.name.endswith((".part", ".tmp"))
        }


@pytest.fixture
def season(tmp_path: Path, server: Server, ticks: Ticks) -> Season:
    return Season(tmp_path, server, ticks)


def statuses(report: Report) -> list[str]:
    return [outcome.status.value for outcome in report.outcomes]


def the_message(report: Report) -> str:
    (outcome,) = report.failed
    return outcome.message


class TestWhatIsNew:
    def test_comes_whole_and_as_it_is(self, season: Season) -> None:
        season.y2d(versioned(SMALL))
        report = season.fetch(season.igra())
        assert statuses(report) == ["new"]
        assert report.exit_code == 0
        assert season.here() == {Y2D: SMALL}

    def test_is_not_sent_again_by_its_etag(self, season: Season) -> None:
        season.y2d(versioned(SMALL))
        season.fetch(season.igra())
        again = season.fetch(season.igra())
        assert statuses(again) == ["unchanged"]
        assert again.outcomes[0].received == 0
        assert season.server.asked[-1].headers["If-None-Match"] == '"one"'
        assert season.here() == {Y2D: SMALL}

    def test_is_not_sent_again_by_its_date(self, season: Season) -> None:
        date = "Sat, 21 Nov 2026 06:00:00 GMT"
        season.y2d(Reply(SMALL, headers={"Last-Modified": date}))
        season.fetch(season.igra())
        again = season.fetch(season.igra())
        assert (statuses(again), again.outcomes[0].received) == (["unchanged"], 0)
        assert season.server.asked[-1].headers["If-Modified-Since"] == date

    def test_replaces_what_was_there(self, season: Season) -> None:
        season.y2d(versioned(SMALL))
        season.fetch(season.igra())
        season.y2d(versioned(LARGE, '"two"'))
        assert statuses(season.fetch(season.igra())) == ["changed"]
        assert season.here() == {Y2D: LARGE}

    def test_is_asked_for_whole_where_the_file_here_is_another_one(self, season: Season) -> None:
        season.y2d(versioned(SMALL))
        season.fetch(season.igra())
        (season.folder / Y2D).write_bytes(b"half of it")
        assert statuses(season.fetch(season.igra())) == ["changed"]
        assert "If-None-Match" not in season.server.asked[-1].headers
        assert season.here() == {Y2D: SMALL}

    def test_the_same_bytes_without_a_version_leave_the_file_alone(self, season: Season) -> None:
        season.y2d(SMALL)
        season.fetch(season.igra())
        before = (season.folder / Y2D).stat()
        assert statuses(season.fetch(season.igra())) == ["unchanged"]
        assert (season.folder / Y2D).stat().st_mtime_ns == before.st_mtime_ns

    def test_refresh_asks_for_all_of_it(self, season: Season) -> None:
        season.y2d(versioned(SMALL))
        season.fetch(season.igra())
        again = season.fetch(season.igra(), refresh=True)
        assert (statuses(again), again.outcomes[0].received) == (["unchanged"], len(SMALL))

    @pytest.mark.parametrize("damage", [b"", b"{}", b"[" * 100_000, b'{"files": {"a": 1}}'])
    def test_a_damaged_ledger_only_costs_a_download(self, season: Season, damage: bytes) -> None:
        season.y2d(versioned(SMALL))
        season.fetch(season.igra())
        (season.folder / ".fetch.json").write_bytes(damage)
        assert statuses(season.fetch(season.igra())) == ["unchanged"]
        assert "If-None-Match" not in season.server.asked[-1].headers
        assert season.here() == {Y2D: SMALL}

    @pytest.mark.parametrize("announce", [-1, -2])
    def test_may_come_without_a_length(self, season: Season, announce: int) -> None:
        season.y2d(versioned(LARGE, announce=announce))
        assert statuses(season.fetch(season.igra())) == ["new"]
        assert season.here() == {Y2D: LARGE}

    def test_may_be_elsewhere(self, season: Season) -> None:
        season.y2d(Reply(b"", 302, {"Location": "/moved/it.zip"}))
        season.server.serve("/moved/it.zip", SMALL)
        assert statuses(season.fetch(season.igra())) == ["new"]
        assert season.here() == {Y2D: SMALL}

    def test_circles_end(self, season: Season) -> None:
        season.y2d(Reply(b"", 302, {"Location": f"/access/data-y2d/{Y2D}"}))
        assert "redirects" in the_message(season.fetch(season.igra()))
        assert len(season.server.asked) == 6

    @pytest.mark.parametrize("place", ["ftp://127.0.0.1/x.zip", "file:///etc/passwd", "http://["])
    def test_is_only_taken_from_where_it_can_be(self, season: Season, place: str) -> None:
        season.y2d(Reply(b"", 302, {"Location": place}))
        assert statuses(season.fetch(season.igra())) == ["failed"]
        assert season.here() == {}


class TestWhatBreaksOff:
    def test_is_gone_on_with_in_the_same_fetch(self, season: Season) -> None:
        season.por(versioned(LARGE, cut_after=500), versioned(LARGE))
        report = season.fetch(season.igra(period="por"))
        assert statuses(report) == ["new"]
        assert season.here() == {POR: LARGE}
        assert season.server.asked[1].headers["Range"] == "bytes=500-"
        assert season.server.asked[1].headers["If-Range"] == '"one"'
        assert report.outcomes[0].received == len(LARGE)

    def test_is_gone_on_with_in_the_next_fetch(self, season: Season) -> None:
        season.por(versioned(LARGE, cut_after=500))
        report = season.fetch(season.igra(period="por"), manners=Manners(attempts=1))
        assert "broke off" in the_message(report)
        assert report.exit_code == 1
        assert season.here() == {f".{POR}.part": LARGE[:500]}
        season.por(versioned(LARGE))
        report = season.fetch(season.igra(period="por"))
        assert (statuses(report), report.outcomes[0].received) == (["new"], len(LARGE) - 500)
        assert season.here() == {POR: LARGE}

    def test_keeps_the_old_file_until_it_is_whole(self, season: Season) -> None:
        season.por(versioned(SMALL))
        season.fetch(season.igra(period="por"))
        season.por(versioned(LARGE, '"two"', cut_after=500))
        season.fetch(season.igra(period="por"), manners=Manners(attempts=1))
        assert season.here() == {POR: SMALL, f".{POR}.part": LARGE[:500]}

    def test_begins_anew_where_it_has_changed_meanwhile(self, season: Season) -> None:
        other = igra_zip(STATION, 41)
        season.por(versioned(LARGE, cut_after=500), versioned(other, '"two"'))
        assert statuses(season.fetch(season.igra(period="por"))) == ["new"]
        assert season.here() == {POR: other}

    def test_begins_anew_where_the_server_knows_no_parts(self, season: Season) -> None:
        season.por(versioned(LARGE, cut_after=500), versioned(LARGE, ranges=False))
        report = season.fetch(season.igra(period="por"))
        assert statuses(report) == ["new"]
        assert season.here() == {POR: LARGE}
        assert report.outcomes[0].received == 500 + len(LARGE)

    def test_begins_anew_where_nothing_names_the_version(self, season: Season) -> None:
        season.por(Reply(LARGE, cut_after=500), LARGE)
        assert statuses(season.fetch(season.igra(period="por"))) == ["new"]
        assert "Range" not in season.server.asked[1].headers
        assert season.here() == {POR: LARGE}

    def test_a_weak_etag_names_no_bytes(self, season: Season) -> None:
        season.por(versioned(LARGE, 'W/"one"', cut_after=500), versioned(LARGE, 'W/"one"'))
        season.fetch(season.igra(period="por"))
        assert "Range" not in season.server.asked[1].headers
        assert season.here() == {POR: LARGE}

    def test_a_wrong_part_is_not_put_to_ours(self, season: Season) -> None:
        wrong = Reply(
            LARGE[400:], 206, {"Content-Range": f"bytes 400-{len(LARGE) - 1}/{len(LARGE)}"}
        )
        season.por(versioned(LARGE, cut_after=500), wrong, versioned(LARGE))
        assert statuses(season.fetch(season.igra(period="por"))) == ["new"]
        assert "Range" not in season.server.asked[2].headers
        assert season.here() == {POR: LARGE}

    def test_a_half_that_is_longer_than_the_file_is_thrown_away(self, season: Season) -> None:
        season.por(versioned(LARGE, cut_after=500), versioned(SMALL[:400]), versioned(LARGE))
        season.fetch(season.igra(period="por"))
        assert len(season.server.asked) == 3
        assert season.here() == {POR: LARGE}

    def test_two_parts_that_do_not_belong_together_are_asked_for_anew(self, season: Season) -> None:
        damaged = bytes(200) + LARGE[200:]
        season.por(versioned(damaged, cut_after=500), versioned(LARGE))
        report = season.fetch(season.igra(period="por"))
        assert statuses(report) == ["new"]
        assert [("Range" in request.headers) for request in season.server.asked] == [
            False,
            True,
            False,
        ]
        assert season.here() == {POR: LARGE}

    def test_a_stall_is_noticed_and_gone_on_from(self, season: Season) -> None:
        season.por(versioned(LARGE, stall_after=300), versioned(LARGE))
        assert statuses(season.fetch(season.igra(period="por"))) == ["new"]
        assert season.server.asked[1].headers["Range"] == "bytes=300-"
        assert season.here() == {POR: LARGE}

    def test_a_stall_for_ever_costs_only_its_own_file(self, season: Season) -> None:
        season.por(versioned(LARGE, stall_after=300), versioned(LARGE, stall_after=0))
        other = "GMM00010393"
        season.server.serve(f"/access/data-por/{other}-data.txt.zip", igra_zip(other))
        report = season.fetch(season.igra(STATION, other, period="por"))
        assert statuses(report) == ["failed", "new"]
        assert "nothing more came for 0.3 s; asked 4 times" in the_message(report)
        assert season.here()[f".{POR}.part"] == LARGE[:300]

    def test_a_server_that_drips_for_ever_is_given_up(self, season: Season) -> None:
        season.por(versioned(LARGE, announce=-1))
        season.ticks.clock = type(season.ticks.clock)(
            season.ticks.clock.now, iter(range(0, 10**9, 700)).__next__, season.ticks.nap
        )
        report = season.fetch(season.igra(period="por"), manners=Manners(pause=0, timeout=5))
        assert "takes longer than 1800 s" in the_message(report)


class TestWhatIsNoData:
    def test_a_page_in_place_of_a_zip(self, season: Season) -> None:
        season.y2d(PAGE)
        message = the_message(season.fetch(season.igra()))
        assert "no zip archive; it begins with '<!DOCTYPE html>" in message
        assert message.endswith(f"{season.server.url}/access/data-y2d/{Y2D}")
        assert len(season.server.asked) == 1
        assert season.here() == {}

    def test_a_real_page_in_place_of_a_zip(self, season: Season, shared_data: Path) -> None:
        season.y2d((shared_data / "bad" / "igra_404_html_instead_of_zip.zip").read_bytes())
        assert "no zip archive" in the_message(season.fetch(season.igra()))

    def test_a_real_zip_is_fine(self, season: Season, shared_data: Path) -> None:
        name = "USM00070026-data.txt.zip"
        content = (shared_data / "igra2" / name).read_bytes()
        season.server.serve(f"/access/data-por/{name}", content)
        report = season.fetch(season.igra("USM00070026", period="por"))
        assert statuses(report) == ["new"]
        assert season.here() == {name: content}

    def test_a_zip_of_megabytes_is_fine(self, season: Season) -> None:
        content = igra_zip(STATION, 9000, method=zipfile.ZIP_STORED)
        assert len(content) > 2_500_000
        season.y2d(content)
        assert statuses(season.fetch(season.igra())) == ["new"]
        assert season.here() == {Y2D: content}

    def test_a_zip_cut_short_with_the_right_length(self, season: Season) -> None:
        season.y2d(LARGE[:-100])
        assert "broken" in the_message(season.fetch(season.igra()))
        assert season.here() == {}

    def test_a_zip_whose_checksum_is_wrong(self, season: Season) -> None:
        content = bytearray(igra_zip(STATION, 9, method=zipfile.ZIP_STORED))
        content[len(content) // 2] ^= 1  # another digit, in a file of the right length
        season.y2d(bytes(content))
        assert "Bad CRC-32" in the_message(season.fetch(season.igra()))
        assert season.here() == {}

    def test_the_soundings_of_another_station(self, season: Season) -> None:
        season.y2d(igra_zip("GMM00010393"))
        assert f"something else than soundings of {STATION}" in the_message(
            season.fetch(season.igra())
        )

    def test_a_zip_bomb(self, season: Season) -> None:
        season.y2d(igra_zip(STATION, text=f"#{STATION}" + " " * 50_000_000))
        assert "unpacks to more than" in the_message(season.fetch(season.igra()))

    @pytest.mark.parametrize("announce", [None, -1])
    def test_what_is_larger_than_anything(self, season: Season, announce: int | None) -> None:
        season.y2d(Reply(LARGE, announce=announce))
        config = season.config(season.igra(), limits={"file_size": 0.0001})
        report = fetch(config, manners=MANNERS, clock=season.ticks.clock)
        assert "larger than 0.0001 MB" in the_message(report)
        assert season.here() == {}

    def test_a_text_that_is_larger_than_any(self, season: Season) -> None:
        season.hour("72451", "2003-05-01 00:00:00", Reply(b"", announce=20_000_001))
        assert "larger than 20 MB" in the_message(season.fetch(season.wyoming(hours=[0])))

    @settings(max_examples=200, deadline=None)
    @given(places=st.lists(st.integers(0, len(LARGE) - 1), max_size=9), end=st.integers(0, 5000))
    def test_of_any_damage_to_a_zip_only_one_kind_of_error_comes(
        self, tmp_path_factory: pytest.TempPathFactory, places: list[int], end: int
    ) -> None:
        damaged = bytearray(LARGE)
        for place in places:
            damaged[place] ^= 1 + place % 255
        path = tmp_path_factory.getbasetemp() / "damaged.zip"
        path.write_bytes(damaged[:end])
        with contextlib.suppress(FetchError):
            check(path, STATION)
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None

    def test_keeps_what_was_there(self, season: Season) -> None:
        season.y2d(versioned(SMALL))
        season.fetch(season.igra())
        season.y2d(PAGE)
        assert statuses(season.fetch(season.igra())) == ["failed"]
        assert season.here() == {Y2D: SMALL}


class TestStations:
    def test_the_file_that_begins_later_is_preferred(self, season: Season) -> None:
        older = f"{STATION}-data-beg2025.txt.zip"
        season.server.serve(f"/access/data-y2d/{older}", SMALL)
        assert statuses(season.fetch(season.igra())) == ["new"]
        assert season.server.names() == [Y2D, older]
        season.y2d(LARGE)
        assert statuses(season.fetch(season.igra())) == ["new"]
        assert season.here() == {older: SMALL, Y2D: LARGE}

    def test_soundings_that_are_there_twice_are_told(
        self, season: Season, caplog: pytest.LogCaptureFixture
    ) -> None:
        season.y2d(SMALL)
        season.folder.mkdir()
        (season.folder / f"{STATION}-data-beg2025.txt.zip").write_bytes(SMALL)
        season.fetch(season.igra())
        assert "beg2025" in caplog.text
        assert "twice" in caplog.text

    def test_the_year_of_one_station_is_tried_first_for_the_next(self, season: Season) -> None:
        names = [f"GMM0001039{digit}" for digit in "345"]
        for name in names:
            path = f"/access/data-y2d/{name}-data-beg2025.txt.zip"
            season.server.serve(path, igra_zip(name))
        assert statuses(season.fetch(season.igra(*names))) == ["new"] * 3
        assert len(season.server.asked) == 4

    def test_a_station_that_is_not_there(self, season: Season) -> None:
        message = the_message(season.fetch(season.igra()))
        assert "HTTP 404" in message
        assert "2025 or 2026" in message
        assert len(season.server.asked) == 2  # 404 is not asked again

    def test_a_number_is_looked_up(self, season: Season) -> None:
        season.server.serve("/doc/igra2-station-list.txt", versioned(STATION_LIST))
        name = "SZM00006610-data-beg2026.txt.zip"
        season.server.serve(f"/access/data-y2d/{name}", igra_zip("SZM00006610"))
        report = season.fetch(season.igra("06610", "99999"))
        assert statuses(report) == ["new", "failed"]
        assert "no WMO number 99999" in the_message(report)
        assert list(season.here()) == [name]
        assert season.server.names() == ["igra2-station-list.txt", name]

    def test_a_list_that_cannot_be_had_costs_only_numbers(self, season: Season) -> None:
        season.y2d(SMALL)
        report = season.fetch(season.igra("06610", "10393", STATION))
        assert statuses(report) == ["failed", "failed", "new"]
        assert season.server.names() == ["igra2-station-list.txt", Y2D]

    def test_the_list_of_an_earlier_fetch_will_do(
        self, season: Season, caplog: pytest.LogCaptureFixture
    ) -> None:
        season.server.serve("/doc/igra2-station-list.txt", STATION_LIST, Reply(b"", 403))
        season.y2d(SMALL)
        assert statuses(season.fetch(season.igra("72451"))) == ["new"]
        assert statuses(season.fetch(season.igra("72451"))) == ["unchanged"]
        assert "list of an earlier fetch" in caplog.text


class TestWyoming:
    def test_an_hour_at_a_time(self, season: Season) -> None:
        season.hour("72451", "2003-05-01 00:00:00", CSV)
        season.hour("72451", "2003-05-01 12:00:00", CSV)
        assert statuses(season.fetch(season.wyoming())) == ["new", "new"]
        assert season.here() == {
            "wyoming-72451-20030501T00.csv": CSV,
            "wyoming-72451-20030501T12.csv": CSV,
        }
        assert season.server.asked[0].query == {
            "type": "TEXT:CSV",
            "datetime": "2003-05-01 00:00:00",
            "id": "72451",
        }

    def test_what_is_here_is_not_asked_for(self, season: Season) -> None:
        season.hour("72451", "2003-05-01 00:00:00", CSV)
        entry = season.wyoming(hours=[0])
        season.fetch(entry)
        assert statuses(season.fetch(entry)) == ["there"]
        assert len(season.server.asked) == 1
        assert statuses(season.fetch(entry, refresh=True)) == ["unchanged"]
        assert len(season.server.asked) == 2

    @pytest.mark.parametrize("status", [200, 400, 404])
    def test_no_data_under_any_code_is_remembered(self, season: Season, status: int) -> None:
        season.hour("72451", "2003-05-01 00:00:00", Reply(NO_DATA, status))
        entry = season.wyoming(hours=[0])
        report = season.fetch(entry)
        assert (statuses(report), report.exit_code) == (["no data"], 0)
        assert season.here() == {}
        assert statuses(season.fetch(entry)) == ["there"]
        assert len(season.server.asked) == 1
        season.hour("72451", "2003-05-01 00:00:00", CSV)
        assert statuses(season.fetch(entry, refresh=True)) == ["new"]

    def test_no_data_of_late_is_asked_for_again(self, season: Season) -> None:
        """Now is 22 November, 02:30: what is younger than two days may still come."""
        for day in (19, 20, 21, 22):
            season.hour("72451", f"2026-11-{day} 00:00:00", Reply(NO_DATA, 400))
        entry = season.wyoming(days={"last": 4}, hours=[0])
        assert statuses(season.fetch(entry)) == ["no data"] * 4
        assert statuses(season.fetch(entry)) == ["there"] * 2 + ["no data"] * 2

    def test_an_hour_to_come_or_not_yet_whole_is_not_asked_for(self, season: Season) -> None:
        season.hour("72451", "2026-11-22 00:00:00", CSV)
        report = season.fetch(season.wyoming(days={"last": 1}, hours=[0, 1, 3, 12]))
        assert [outcome.what for outcome in report.outcomes] == ["2026-11-22 00 UTC"]

    def test_too_busy_is_asked_again(self, season: Season) -> None:
        busy = b"Sorry, the server is too busy to process your request.\nPlease try again later.\n"
        season.hour("72451", "2003-05-01 00:00:00", busy, CSV)
        assert statuses(season.fetch(season.wyoming(hours=[0]))) == ["new"]

    def test_a_page_is_no_sounding(self, season: Season) -> None:
        season.hour("72451", "2003-05-01 00:00:00", PAGE)
        assert "no CSV of a sounding" in the_message(season.fetch(season.wyoming(hours=[0])))
        assert season.here() == {}

    @pytest.mark.parametrize("announce", [None, -1])
    def test_half_a_sounding_is_none(self, season: Season, announce: int | None) -> None:
        reply = Reply(CSV, announce=announce, cut_after=400)
        season.hour("72451", "2003-05-01 00:00:00", reply)
        assert "broke off" in the_message(season.fetch(season.wyoming(hours=[0])))
        assert season.here() == {}

    def test_half_a_sounding_without_a_length_is_none(self, season: Season) -> None:
        season.hour("72451", "2003-05-01 00:00:00", Reply(CSV[:-3], announce=-2), CSV)
        assert statuses(season.fetch(season.wyoming(hours=[0]))) == ["new"]
        assert season.here() == {"wyoming-72451-20030501T00.csv": CSV}

    def test_may_come_packed_although_not_asked_for_so(self, season: Season) -> None:
        packed = Reply(gzip.compress(CSV), headers={"Content-Encoding": "gzip"})
        season.hour("72451", "2003-05-01 00:00:00", packed)
        assert statuses(season.fetch(season.wyoming(hours=[0]))) == ["new"]
        assert season.here() == {"wyoming-72451-20030501T00.csv": CSV}

    def test_a_real_reply_without_data(self, season: Season, shared_data: Path) -> None:
        content = (shared_data / "bad" / "wyoming_csv_no_data_plain_error_text.csv").read_bytes()
        season.hour("72451", "2003-05-01 00:00:00", content)
        assert statuses(season.fetch(season.wyoming(hours=[0]))) == ["no data"]


class TestManners:
    def test_say_who_asks_and_what_for(self, season: Season) -> None:
        season.y2d(SMALL)
        season.fetch(season.igra())
        agent = season.server.asked[0].headers["User-Agent"]
        assert agent.startswith("sounding-pipeline/")
        assert "me@example.org" in agent

    def test_pause_between_requests(self, season: Season) -> None:
        for hour in ("00", "12"):
            season.hour("72451", f"2003-05-01 {hour}:00:00", CSV)
        season.y2d(SMALL)
        season.fetch(season.wyoming(), season.igra())
        assert season.ticks.naps == [1.0, 1.0]
        assert season.server.most_at_once == 1

    def test_what_fails_is_asked_again_with_growing_waits(self, season: Season) -> None:
        season.y2d(Reply(b"", 500), Reply(b"", 502), Reply(b"", 504), SMALL)
        manners = Manners(pause=0, first_wait=2.0)
        assert statuses(season.fetch(season.igra(), manners=manners)) == ["new"]
        first, second, third = season.ticks.naps
        assert (2 <= first <= 4, 4 <= second <= 6, 8 <= third <= 10) == (True, True, True)

    def test_but_not_for_ever(self, season: Season) -> None:
        season.y2d(Reply(b"", 500))
        message = the_message(season.fetch(season.igra()))
        assert message.startswith("HTTP 500 Internal Server Error; asked 4 times: http://")
        assert len(season.server.asked) == 4

    def test_and_not_for_longer_than_the_patience(self, season: Season) -> None:
        season.y2d(Reply(b"", 503, {"Retry-After": "100"}))
        season.fetch(season.igra(), manners=Manners(attempts=99, patience=250))
        assert len(season.server.asked) == 4
        assert season.ticks.passed < 400

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    def test_no_is_no(self, season: Season, status: int) -> None:
        season.por(Reply(b"", status))
        assert f"HTTP {status}" in the_message(season.fetch(season.igra(period="por")))
        assert len(season.server.asked) == 1

    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize("form", ["seconds", "date"])
    def test_come_back_later_is_obeyed(self, season: Season, status: int, form: str) -> None:
        later = email.utils.format_datetime(NOW + timedelta(seconds=90), usegmt=True)
        season.y2d(Reply(b"", status, {"Retry-After": "90" if form == "seconds" else later}), SMALL)
        assert statuses(season.fetch(season.igra())) == ["new"]
        assert season.ticks.passed == pytest.approx(90, abs=1)

    @pytest.mark.parametrize("text", ["", "soon", "-5", "٣", "1e9", "Sat, 99 Nov 2026"])
    def test_nonsense_is_not(self, season: Season, text: str) -> None:
        season.y2d(Reply(b"", 429, {"Retry-After": text.encode().decode("latin-1")}), SMALL)
        assert statuses(season.fetch(season.igra())) == ["new"]
        assert season.ticks.passed < 10

    def test_come_back_tomorrow_ends_all_requests_to_this_server(self, season: Season) -> None:
        season.hour("72451", "2003-05-01 00:00:00", Reply(b"", 429, {"Retry-After": "86400"}))
        report = season.fetch(season.wyoming())
        assert statuses(report) == ["failed", "failed"]
        assert "asks to wait for 86400 s" in report.failed[0].message
        assert report.failed[1].message.startswith("not asked for: ")
        assert len(season.server.asked) == 1
        assert season.ticks.passed < 10

    def test_too_many_requests_to_the_end_ends_them_too(self, season: Season) -> None:
        hours = range(6)
        for hour in hours:
            season.hour("72451", f"2003-05-01 {hour:02d}:00:00", Reply(b"", 429))
        report = season.fetch(season.wyoming(hours=list(hours)))
        assert statuses(report) == ["failed"] * 6
        assert len(season.server.asked) == 5  # four, one more, and no more

    def test_the_errors_of_one_station_end_nothing(self, season: Season) -> None:
        hours = range(12)
        for hour in hours:
            season.hour("72451", f"2003-05-01 {hour:02d}:00:00", Reply(b"", 500))
            season.hour("OUN", f"2003-05-01 {hour:02d}:00:00", CSV)
        report = season.fetch(season.wyoming("72451", "OUN", hours=list(hours)))
        assert statuses(report) == ["failed"] * 12 + ["new"] * 12
        assert len(season.server.asked) == 4 + 11 + 12  # persistence only where it may help

    def test_a_server_that_is_not_there_is_soon_left_alone(self, season: Season) -> None:
        season.y2d(SMALL)
        gone = "http://127.0.0.1:9"
        report = season.fetch(
            season.igra(*(f"GMM000103{number}" for number in range(10, 40)), url=gone),
            season.igra(),
        )
        assert statuses(report) == ["failed"] * 30 + ["new"]
        assert "no connection to 127.0.0.1 (Connection refused)" in report.failed[0].message
        assert "not asked for" in report.failed[-1].message
        assert season.ticks.passed < 60

    def test_a_host_that_has_no_address(self, season: Season) -> None:
        report = season.fetch(season.igra(url="http://no-such-host.invalid"))
        assert "no connection to no-such-host.invalid" in the_message(report)

    @pytest.mark.parametrize("reply", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
    def test_what_is_no_http(self, season: Season, reply: bytes) -> None:
        import socket
        import threading

        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                with contextlib.suppress(OSError):  # closed, where it is not asked twice
                    for _ in range(2):
                        connection, _address = listener.accept()
                        with connection:
                            connection.recv(1000)
                            connection.sendall(reply)

            threading.Thread(target=serve, daemon=True).start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            manners = Manners(pause=0, timeout=2, attempts=2)
            report = season.fetch(season.igra(url=url, period="por"), manners=manners)
        assert statuses(report) == ["failed"]


class TestAround:
    def test_a_failure_is_told_at_once_and_in_the_table(
        self, season: Season, caplog: pytest.LogCaptureFixture
    ) -> None:
        season.y2d(SMALL)
        report = season.fetch(season.igra(STATION, "GMM00010393"))
        assert "igra2 GMM00010393 y2d: HTTP 404" in caplog.text
        lines = [line.split() for line in describe_fetch(report).splitlines()]
        assert lines[0][:5] == ["archive", "station", "new", "changed", "unchanged"]
        assert lines[1] == ["igra2", STATION, "1", *"00000", "0.0"]
        assert lines[2] == ["igra2", "GMM00010393", *"00000", "1", "0.0"]

    def test_each_fetch_adds_a_line_for_machines(
        self, season: Season, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "pipeline")
        season.y2d(SMALL)
        season.fetch(season.igra(STATION, "GMM00010393"))
        season.fetch(season.igra())
        path = season.place / "out" / "runs" / "fetch.jsonl"
        first, second = map(json.loads, path.read_text().splitlines())
        assert (first["kind"], first["ended"], first["new"], first["failed"]) == (
            "fetch",
            "done",
            1,
            1,
        )
        assert first["bytes"] == len(SMALL)
        assert first["not_had"][0]["station"] == "GMM00010393"
        assert (second["unchanged"], second["failed"]) == (1, 0)
        assert json.loads(caplog.messages[-1].removeprefix("fetch "))["unchanged"] == 1

    def test_a_config_without_anything_to_fetch(self, season: Season) -> None:
        season.folder.mkdir()
        with pytest.raises(ConfigError, match="no section 'fetch'"):
            season.fetch()

    def test_a_folder_that_is_not_read_is_told(
        self, season: Season, caplog: pytest.LogCaptureFixture
    ) -> None:
        season.y2d(SMALL)
        season.folder.mkdir()
        season.fetch(season.igra(into="elsewhere"))
        assert "fetch[0].into: no entry of 'input' reads the files in" in caplog.text

    def test_a_folder_that_is_read_is_not_told(
        self, season: Season, caplog: pytest.LogCaptureFixture
    ) -> None:
        season.y2d(SMALL)
        season.fetch(season.igra())
        assert "no entry of 'input'" not in caplog.text

    def test_one_fetch_at_a_time_into_a_folder(self, season: Season) -> None:
        season.y2d(SMALL)
        season.folder.mkdir()
        with only_run(season.folder / "fetch"), pytest.raises(LockedError, match="has it"):
            season.fetch(season.igra())
        assert season.server.asked == []

    def test_two_names_of_one_folder_are_one(self, season: Season) -> None:
        season.folder.mkdir()
        (season.place / "link").symlink_to(season.folder)
        season.y2d(SMALL)
        report = season.fetch(season.igra(), season.igra(into="link"))
        assert statuses(report) == ["new", "unchanged"]

    def test_a_fault_of_ours_costs_only_its_own_file(
        self, season: Season, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def faulty(path: Path, name: str) -> None:
            if name == STATION:
                raise KeyError(name)

        monkeypatch.setattr(igra2, "check", faulty)
        season.y2d(SMALL)
        other = "GMM00010393"
        season.server.serve(f"/access/data-y2d/{other}-data-beg2026.txt.zip", igra_zip(other))
        report = season.fetch(season.igra(STATION, other))
        assert statuses(report) == ["failed", "new"]
        assert "unexpected KeyError" in the_message(report)

    def test_a_full_disk_ends_it_and_frees_the_room(
        self, season: Season, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import errno

        from pipeline.fetch import download

        def full(path: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        season.y2d(versioned(SMALL))
        monkeypatch.setattr(download, "make_durable", full)
        with pytest.raises(DiskError, match="make room") as told:
            season.fetch(season.igra(STATION, "GMM00010393"))
        assert told.value.exit_code == 5
        assert season.here() == {}
        assert len(season.server.asked) == 1
        line = json.loads((season.place / "out" / "runs" / "fetch.jsonl").read_text())
        assert line["ended"] == "DiskError"

    def test_a_folder_in_the_place_of_a_file_costs_only_it(self, season: Season) -> None:
        season.y2d(SMALL)
        (season.folder / Y2D).mkdir(parents=True)
        other = "GMM00010393"
        season.server.serve(f"/access/data-y2d/{other}-data-beg2026.txt.zip", igra_zip(other))
        report = season.fetch(season.igra(STATION, other))
        assert statuses(report) == ["failed", "new"]

    def test_every_status_is_told_by_one_word_or_two(self) -> None:
        assert [status.value for status in Status] == [
            "new", "changed", "unchanged", "there", "no data", "failed",
        ]  # fmt: skip
