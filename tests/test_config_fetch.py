"""What the section ``fetch`` of a config may say, and how it is told what it may not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pipeline import config as configs
from pipeline.config import Config
from pipeline.config_fetch import Days
from pipeline.errors import ConfigError

HEAD = "input: [data/igra, 'data/wyoming/*.csv']\noutput: out.nc\nfetch:\n"
IGRA = "  - {archive: igra2, stations: [USM00072451, '06610'], into: data/igra%s}\n"
WYOMING = "  - {archive: wyoming, stations: ['72451', OUN], into: data/wyoming%s}\n"
TODAY = date(2026, 11, 22)

Load = Callable[[str], Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_text(text: str) -> Config:
        (tmp_path / "season.yaml").write_text(text)
        return configs.load(tmp_path / "season.yaml")

    return load_text


def test_the_defaults(load: Load) -> None:
    igra, wyoming = load(HEAD + IGRA % "" + WYOMING % ", days: {last: 3}").fetch
    assert (igra.period, igra.pause, igra.timeout, igra.url) == ("y2d", 1.0, 30.0, None)
    assert igra.stations == ["USM00072451", "06610"]
    assert wyoming.hours == [0, 12]


def test_the_one_that_the_season_shows_is_right(load: Load, season_folder: Path) -> None:
    text = (season_folder.parent.parent / "configs" / "season.yaml").read_text()
    shown = text[text.index("# fetch:") : text.index("# Positions by station")]
    lines = [line.removeprefix("# ").rstrip("#") for line in shown.splitlines()]
    igra, wyoming = load("input: ['*.txt']\noutput: out.nc\n" + "\n".join(lines)).fetch
    assert wyoming.contact == "me@example.org"
    defaults = ("hours", "pause", "timeout", "url")
    assert [getattr(igra, name) for name in defaults] == [
        getattr(wyoming, name) for name in defaults
    ]


def test_there_is_none_by_default(tmp_path: Path) -> None:
    assert Config(input=["a"], output="b.nc").fetch == []


def test_input_may_name_what_is_not_fetched_yet(load: Load, tmp_path: Path) -> None:
    assert not (tmp_path / "data").exists()
    load(HEAD + IGRA % "" + WYOMING % ", days: {last: 3}")
    with pytest.raises(ConfigError, match=r"input\[1\]: .* does not exist"):
        load(HEAD + IGRA % "")


def test_what_is_fetched_changes_nothing_in_the_output(load: Load) -> None:
    one = load(HEAD + IGRA % "" + WYOMING % ", days: {last: 3}")
    other = load(HEAD + IGRA % ", period: por" + WYOMING % ", days: {last: 4}")
    assert one.normalized() == other.normalized()


@pytest.mark.parametrize(
    ("days", "first", "last", "count"),
    [
        (Days(last=1), TODAY, TODAY, 1),
        (Days(last=3), date(2026, 11, 20), TODAY, 3),
        (Days(since=date(2003, 5, 1), until=date(2003, 5, 10)), date(2003, 5, 1), None, 10),
        (Days(since=date(2026, 11, 21)), date(2026, 11, 21), TODAY, 2),
        (Days(since=date(2026, 11, 21), until=date(2030, 1, 1)), date(2026, 11, 21), TODAY, 2),
        (Days(since=date(2027, 1, 1)), None, None, 0),
    ],
)
def test_days(days: Days, first: date | None, last: date | None, count: int) -> None:
    found = days.until_today(TODAY)
    assert len(found) == count
    assert first in (None, *found[:1])
    assert last in (None, *found[-1:])


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (IGRA % ", days: {last: 3}", ".days: 'igra2' has no 'days'; remove it"),
        (IGRA % ", perod: por", ".perod: unknown key, did you mean 'period'?"),
        (IGRA.replace("'06610'", "06610") % "", 'quote it: "06610"'),
        (IGRA.replace("'06610'", "KDDC") % "", "'KDDC' is no station of igra2; write USM00072451"),
        (IGRA.replace("igra2", "igra") % "", "it is 'igra2' or 'wyoming', not 'igra'"),
        (IGRA % ", url: ftp://here", "'ftp://here' is no address; write https://..."),
        (IGRA % ", url: 'https://[::1'", "is no address"),
        (IGRA % r', contact: "a\r\nHost: b"', "on one line"),
        (IGRA % ", timeout: 0", "it must be more than 0"),
        (IGRA % ", pause: .inf", "it must be a finite number"),
        (IGRA.replace("data/igra", "season.yaml") % "", "'season.yaml' is a file; name a folder"),
        (IGRA.replace("data/igra", r'"a\0b"') % "", "a folder needs a name"),
        (WYOMING % "", "'wyoming' needs days, such as 'days: {last: 3}'"),
        (WYOMING % ", days: {}", "say either the first day"),
        (WYOMING % ", days: {last: 3, since: 2003-05-01}", "say either the first day"),
        (WYOMING % ", days: {last: 3, until: 2003-05-01}", "'last' ends today"),
        (WYOMING % ", days: {last: 0}", "it must be at least 1"),
        (WYOMING % ", days: {since: '2003-05-01'}", "it must be a day, such as 2003-05-01"),
        (WYOMING % ", days: {since: 2003-05-02, until: 2003-05-01}", "not after 'until'"),
        (WYOMING % ", days: {since: 0003-05-01}", "from 1900-01-01 on"),
        (WYOMING % ", days: {last: 3}, hours: [24]", "it must be at most 23, not 24"),
        (WYOMING % ", days: {last: 3}, hours: []", "it is an empty list"),
        (WYOMING % ", days: {last: 3}, period: por", "'wyoming' has no 'period'; remove it"),
        (WYOMING.replace("OUN", "../../x") % ", days: {last: 3}", "is no station of wyoming"),
        ("  igra2\n", "it must be a list"),
        ("  - igra2\n", "it must be keys with values"),
        ("  - {archive: igra2, into: 7, stations: [USM00072451]}\n", "not text to YAML"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(load: Load, entry: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        load(HEAD.replace("input: [data/igra, 'data/wyoming/*.csv']", "input: ['*.txt']") + entry)
    (line,) = told.value.problems
    assert "season.yaml:4:" in line
    assert said in line
