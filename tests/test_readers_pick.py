"""Picking the reader of a file, and reading whatever a file holds without ever raising."""

from __future__ import annotations

import os
import pickle
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline import readers
from pipeline.errors import ConfigError, ReadError
from pipeline.flags import SourceStatus
from pipeline.profiles import LEVEL_VARIABLES

FIXTURES = Path(__file__).parent / "fixtures"
TEXT_FIXTURES = {
    "spc_raw/14080112.P#T": ("spc_raw", 1),
    "igra2/cases-data.txt": ("igra2", 7),
    "wyoming_text/03005-two-soundings.txt": ("wyoming_text", 2),
    "wyoming_html/old-layout-two-soundings.html": ("wyoming_html", 2),
    "wyoming_html/new-layout.html": ("wyoming_html", 1),
    "wyoming_csv/drifting.csv": ("wyoming_csv", 1),
    "eol_cls/five-soundings.cls": ("eol_cls", 5),
    "avaps/D20190905_235955.2": ("avaps", 1),
    "bufkit/two-hours.buf": ("bufkit", 2),
    "gsd_text/observed-and-forecast.txt": ("gsd_text", 2),
    "gsd_text/original-format.txt": ("gsd_text", 1),
    "iem_json/three-stations.json": ("iem_json", 3),
}
TEXT_FORMATS = (
    *("spc_raw", "igra2", "wyoming_text", "wyoming_html", "wyoming_csv"),
    *("eol_cls", "avaps", "bufkit", "gsd_text", "iem_json"),
)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


# --------------------------------------------------------------------------------------- picking


@pytest.mark.parametrize("name", TEXT_FIXTURES)
def test_each_format_is_known_by_its_content(name, tmp_path):
    reader, soundings = TEXT_FIXTURES[name]
    without_suffix = write(tmp_path, "data", (FIXTURES / name).read_bytes())
    source = readers.read_source(str(without_suffix))
    assert (source.row.reader, len(source.profiles)) == (reader, soundings)


def test_every_file_of_the_season_is_a_sounding(season_folder):
    files = [path for path in files_of(season_folder) if path.name != "README.md"]
    sources = [readers.read_source(str(path)) for path in files]
    assert len(sources) == 340
    assert {source.row.reader for source in sources} == {"spc_raw"}
    assert {source.row.status for source in sources} == {SourceStatus.READ}
    assert all(len(source.profiles) == 1 for source in sources)
    assert {source.row.message for source in sources} == {""}
    assert len({source.row.fingerprint for source in sources}) == 340


def test_the_words_of_a_site_without_data_reach_the_user(tmp_path):
    reply = b"Unable to retrieve the data for BOI at 2010-12-09 01:00:00.\n"
    source = readers.read_source(str(write(tmp_path, "boise.csv", reply)))
    assert source.row.status is SourceStatus.UNREADABLE
    assert reply.decode().strip() in source.row.message


def test_a_reader_that_fails_to_sniff_has_declined(tmp_path, monkeypatch):
    def fail(head, path):
        raise KeyError("lat")

    monkeypatch.setattr(readers.get("spc_raw"), "sniff", fail)
    with pytest.raises(ReadError, match=r"spc_raw: its sniff failed with KeyError: 'lat' \(test_r"):
        readers.pick(write(tmp_path, "letter", b"Dear Sir"))
    assert readers.pick(FIXTURES / "igra2" / "cases-data.txt").NAME == "igra2"


def test_a_reader_that_cannot_be_loaded_does_not_stop_the_others(monkeypatch):
    monkeypatch.setitem(sys.modules, "pipeline.readers.spc_raw", None)  # importing it now fails
    assert readers.pick(FIXTURES / "igra2" / "cases-data.txt").NAME == "igra2"
    with pytest.raises(ReadError, match="the reader spc_raw cannot be loaded: ModuleNotFoundError"):
        readers.get("spc_raw")


def test_where_two_readers_accept_the_first_built_in_one_is_taken(monkeypatch):
    monkeypatch.setattr(readers.get("wyoming_csv"), "sniff", lambda head, path: None)
    assert readers.pick(FIXTURES / "igra2" / "cases-data.txt").NAME == "igra2"


def test_an_unknown_format_is_answered_with_the_nearest_name():
    with pytest.raises(ConfigError, match="'igra': no such reader, did you mean 'igra2'"):
        readers.get("igra")


# ------------------------------------------------------------------------- readers of third parties

MY_READER = """
import numpy as np
from pipeline.profiles import Profile

NAME = "my_format"
DESCRIPTION = "an instrument of our own"


def sniff(head, path):
    return None if head.startswith(b"MINE") else "does not begin with MINE"


def read(path, options):
    first = np.array([1000.0, 900.0]) * options.get("factor", 1)
    yield Profile(pressure=first, station_id="mine")
    if b"broken" in path.read_bytes():
        raise IndexError("row 7 of 6")
    if b"wrong" in path.read_bytes():
        yield {"pressure": first}
"""


@pytest.fixture
def installed_reader(tmp_path, monkeypatch):
    """A package with an entry point, as pip would have installed it."""
    site = tmp_path / "site-packages"
    information = site / "my_reader-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "my_reader.py").write_text(MY_READER)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-reader\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[pipeline.readers]\nmy_format = my_reader\nigra2 = my_reader\nabsent = no_such_module\n"
    )
    monkeypatch.syspath_prepend(str(site))
    readers._third_party.cache_clear()
    yield
    readers._third_party.cache_clear()
    sys.modules.pop("my_reader", None)


def test_an_installed_package_adds_its_reader(installed_reader, tmp_path):
    assert readers.names()[-2:] == ("my_format", "absent")
    path = write(tmp_path, "a.mine", b"MINE")
    source = readers.read_source(str(path), options={"factor": 0.5})
    assert source.row.reader == "my_format"
    assert source.profiles[0].pressure.tolist() == [500.0, 450.0]


def test_no_package_takes_the_name_of_a_built_in_reader(installed_reader):
    assert readers.get("igra2").DESCRIPTION.startswith("IGRA")
    assert readers.names().count("igra2") == 1


def test_an_installed_reader_that_is_not_there_has_declined(installed_reader, tmp_path):
    with pytest.raises(ReadError, match="absent: the reader absent cannot be loaded"):
        readers.pick(write(tmp_path, "letter", b"Dear Sir"))


def test_an_error_of_a_readers_author_fails_the_file_and_says_where(installed_reader, tmp_path):
    source = readers.read_source(str(write(tmp_path, "a.mine", b"MINE broken")))
    assert source.row.status is SourceStatus.QUARANTINED
    line = MY_READER.split("\n").index('        raise IndexError("row 7 of 6")') + 1
    assert f"IndexError: row 7 of 6 (my_reader.py, line {line})" in source.row.message
    assert "after 1 sounding" in source.row.message
    assert source.row.profiles == len(source.profiles) == 1


def test_a_reader_that_gives_something_else_than_profiles_fails_the_file(
    installed_reader, tmp_path
):
    source = readers.read_source(str(write(tmp_path, "a.mine", b"MINE wrong")))
    assert source.row.status is SourceStatus.QUARANTINED
    assert "it gave a dict where a Profile is expected" in source.row.message


# --------------------------------------------------------------------------------- reading a source


def test_source_and_result_travel_between_processes():
    function, path = pickle.loads(
        pickle.dumps((readers.read_source, str(FIXTURES / "igra2" / "cases-data.txt")))
    )
    source = pickle.loads(pickle.dumps(function(path)))
    assert source.row.profiles == len(source.profiles) == 7


def test_fingerprint_follows_content_not_name(tmp_path):
    one = readers.read_source(str(write(tmp_path, "one", b"MINE")))
    same = readers.read_source(str(write(tmp_path, "same", b"MINE")))
    other = readers.read_source(str(write(tmp_path, "other", b"mine")))
    # b2sum --length=128 on a file that holds the four letters
    assert one.row.fingerprint == same.row.fingerprint == "750cc48eddb78d3e4d396dbf0208e4c5"
    assert other.row.fingerprint != one.row.fingerprint


def test_a_file_with_a_damaged_sounding_is_read_and_says_so():
    row = readers.read_source(str(FIXTURES / "igra2" / "cases-data.txt")).row
    assert row.status is SourceStatus.READ
    assert row.message.startswith("2 of 7 soundings could not be read: line 15: ")


def test_a_file_without_a_sounding_is_empty(tmp_path):
    header = (FIXTURES / "wyoming_csv" / "drifting.csv").read_text().split("\n")[0]
    row = readers.read_source(str(write(tmp_path, "header.csv", header.encode()))).row
    assert row.status is SourceStatus.EMPTY
    assert row.message == "a file of the format wyoming_csv without a sounding in it"


@pytest.mark.parametrize("format", ["auto", "igra2"])
def test_what_is_no_file_with_something_in_it_gives_a_reason(tmp_path, format):
    os.mkfifo(tmp_path / "pipe")
    reasons = {
        write(tmp_path, "empty", b""): "the file is empty (0 bytes)",
        tmp_path: "is a folder, not a file",
        tmp_path / "absent": "cannot be read: No such file or directory",
        tmp_path / "pipe": "is a pipe, not a regular file",
    }
    for path, reason in reasons.items():
        row = readers.read_source(str(path), format=format).row
        assert row.status is SourceStatus.UNREADABLE
        assert row.message.startswith(reason)


def test_a_file_that_may_not_be_read_gives_a_reason(tmp_path, monkeypatch):
    path = write(tmp_path, "secret", b"MINE")

    system_open = os.open

    def refuse(name, *arguments, **keywords):
        if name == str(path):
            raise PermissionError(13, "Permission denied")
        return system_open(name, *arguments, **keywords)

    monkeypatch.setattr(os, "open", refuse)  # chmod does not stop root, who runs many containers
    row = readers.read_source(str(path)).row
    assert (row.status, row.message) == (
        SourceStatus.UNREADABLE,
        "cannot be read: Permission denied",
    )


@pytest.mark.parametrize("format", ["spc_raw", "igra2", "wyoming_text", "wyoming_html"])
def test_a_format_named_wrongly_gives_a_reason(format):
    row = readers.read_source(str(FIXTURES / "wyoming_csv" / "drifting.csv"), format=format).row
    assert row.status is SourceStatus.UNREADABLE
    assert row.reader == format
    assert row.message


def test_an_unknown_format_does_not_raise_in_a_worker(tmp_path):
    row = readers.read_source(str(write(tmp_path, "data", b"MINE")), format="igra").row
    assert row.status is SourceStatus.UNREADABLE
    assert "did you mean 'igra2'" in row.message


def test_small_files_are_read_quickly(season_folder):
    paths = [str(path) for path in files_of(season_folder)]
    readers.read_source(paths[0])  # imports every reader
    start = time.process_time()
    for path in paths:
        readers.read_source(path)
    assert (time.process_time() - start) / len(paths) < 0.005  # s; 2000 files in less than 10 s


# ------------------------------------------------------------------------------------ damaged files


def damaged(content: bytes, generator: np.random.Generator) -> bytes:
    """Return content cut short, with some bytes changed, or both."""
    kind = generator.integers(3)
    values = bytearray(content)
    if kind in (0, 2):
        values = values[: generator.integers(1, len(values))]
    if kind in (1, 2):
        for place in generator.integers(len(values), size=generator.integers(1, 9)):
            values[place] = generator.integers(256)
    return bytes(values)


@pytest.fixture(scope="module")
def real_texts(season_folder) -> list[bytes]:
    season = [path for path in files_of(season_folder) if path.name != "README.md"]
    return [path.read_bytes() for path in season[::60]] + [
        (FIXTURES / name).read_bytes() for name in TEXT_FIXTURES
    ]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_never_raise_and_never_vanish(tmp_path, real_texts, seed):
    generator = np.random.default_rng(seed)
    for case in range(50):
        content = damaged(real_texts[generator.integers(len(real_texts))], generator)
        for format in ("auto", *TEXT_FORMATS) if case % 5 == 0 else ("auto",):
            source = readers.read_source(str(write(tmp_path, "damaged", content)), format)
            assert source.row.status is not SourceStatus.QUARANTINED, source.row.message
            assert source.profiles or source.row.message
            for profile in source.profiles:
                assert not (profile.problem and len(profile))


@pytest.mark.parametrize("name", TEXT_FIXTURES)
def test_a_file_cut_anywhere_gives_no_value_that_is_not_in_it(tmp_path, name):
    content = (FIXTURES / name).read_bytes()
    whole = readers.read_source(str(FIXTURES / name)).profiles
    for length in range(1, len(content), 3):
        source = readers.read_source(str(write(tmp_path, "cut", content[:length])))
        for profile, original in zip(source.profiles, whole, strict=False):
            for variable in LEVEL_VARIABLES:
                values = getattr(profile, variable)
                same = values == getattr(original, variable)[: len(values)]
                assert (same | np.isnan(values)).all(), (length, variable)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", [b"<", b" ", b"-", b"#", b"1", b"Observations ", b"%RAW%\n", b"\0"]
)
def test_monotonous_files_do_not_hang(tmp_path, text):
    heads = [b"", *((FIXTURES / name).read_bytes() for name in TEXT_FIXTURES)]
    for head in heads:
        path = write(tmp_path, "monotonous", head + text * (60_000 // len(text)))
        for format in ("auto", *TEXT_FORMATS):
            assert readers.read_source(str(path), format).row.status is not SourceStatus.QUARANTINED
