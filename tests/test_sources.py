"""Which files a season is made of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline import config
from pipeline.config import Config
from pipeline.errors import PipelineError, ReadError
from pipeline.readers._files import fingerprint, opened, version
from pipeline.readers.limits import Limits
from pipeline.run import run
from pipeline.sources import Source, find_sources, matching_files

NAMES = (
    "a.txt",
    "b one.txt",
    "c#1.p#0",
    "d[1].txt",
    ".hidden.txt",
    "README.md",
    "deep/e.txt",
    "deep/deeper/f.TXT",
    "deep/.secret/g.txt",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with names of every kind."""
    for name in NAMES:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path


def found(folder: Path, pattern: str, exclude=("README*", "*.md")) -> list[str]:
    """Return what an entry finds, relative to the data."""
    paths = matching_files(pattern, folder, exclude)
    return [path.relative_to(folder / "data").as_posix() for path in paths]


def test_the_season_has_340_sources(season_folder):
    season = config.load(season_folder.parent.parent / "configs" / "season.yaml")
    sources = find_sources(season)
    assert len(sources) == 340
    assert {source.path.name for source in sources} == {
        name for name in os.listdir(season_folder) if name != "README.md"
    }
    assert sources[0] == Source(season_folder / "03031218i_n.fpr")


def test_a_pattern_finds_files_but_no_dot_files_and_nothing_excluded(folder):
    assert found(folder, "data/*.txt") == ["a.txt", "b one.txt", "d[1].txt"]
    assert found(folder, "data/*.md", exclude=()) == ["README.md"]
    assert found(folder, "data/*.md") == []


def test_exclude_does_not_care_for_case(folder):
    assert found(folder, "data/deep/deeper/*", exclude=["*.txt"]) == []


def test_a_folder_is_all_files_in_it_and_below(folder):
    everything = ["a.txt", "b one.txt", "c#1.p#0", "d[1].txt", "deep/deeper/f.TXT", "deep/e.txt"]
    assert found(folder, "data") == everything
    assert found(folder, "data/**") == everything
    assert found(folder, "data/*") == everything


def test_two_stars_reach_any_depth(folder):
    assert found(folder, "data/**/*.txt") == ["a.txt", "b one.txt", "d[1].txt", "deep/e.txt"]


@pytest.mark.parametrize("name", ["b one.txt", "c#1.p#0", "d[1].txt", ".hidden.txt", "README.md"])
def test_a_file_named_in_full_is_taken_whatever_its_name(folder, name):
    assert found(folder, f"data/{name}") == [name]


def test_brackets_in_a_folder_that_exists_are_no_pattern(folder):
    odd = folder / "data" / "[2003] season"
    odd.mkdir()
    (odd / "x1.txt").write_text("x")
    assert found(folder, "data/[2003] season/x[0-9].txt") == ["[2003] season/x1.txt"]
    assert matching_files("x?.txt", odd) == [odd / "x1.txt"]


def test_home_and_variables_are_not_expanded(folder, monkeypatch):
    monkeypatch.setenv("DATA", "data")
    assert found(folder, "$DATA/*") == []
    assert found(folder, "~/*") == []


def test_what_is_not_there_is_found_empty(folder):
    assert found(folder, "data/nothing.txt") == []
    assert found(folder, "nowhere/*") == []


def test_a_link_that_leads_nowhere_is_kept_for_its_reader_to_refuse(folder):
    (folder / "data" / "lost.txt").symlink_to("gone.txt")
    assert "lost.txt" in found(folder, "data")
    assert "lost.txt" in found(folder, "data/*.txt")


def test_linked_folders_are_followed_and_circles_end(folder):
    (folder / "data" / "deep" / "circle").symlink_to("..")
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "h.txt").write_text("x")
    (folder / "data" / "linked").symlink_to(folder / "elsewhere")
    names = found(folder, "data")
    assert "linked/h.txt" in names
    assert len([name for name in names if name.endswith("a.txt")]) == 1


def test_a_folder_that_may_not_be_opened_is_kept_for_its_reader_to_refuse(folder, monkeypatch):
    closed = folder / "data" / "deep"
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path) == os.fspath(closed):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert found(folder, "data") == ["a.txt", "b one.txt", "c#1.p#0", "d[1].txt", "deep"]


def test_sources_come_once_in_order_and_the_first_entry_says_how_to_read(folder):
    (folder / "season.yaml").write_text(
        "input:\n"
        "  - {path: data/c*, format: table, options: {delimiter: ';'}}\n"
        "  - data\n"
        "  - {path: data/a.txt, format: igra2}\n"
        "output: out.nc\n"
    )
    sources = find_sources(config.load(folder / "season.yaml"))
    assert [source.path for source in sources] == matching_files("data", folder, ["*.md"])
    assert {source.path.name: source.format for source in sources if source.format != "auto"} == {
        "c#1.p#0": "table"
    }
    assert sources[2].options == {"delimiter": ";"}


def test_a_config_made_in_a_program_starts_at_the_current_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    made = Config.model_validate({"input": ["data/a.txt"], "output": "out.nc"})
    assert [source.path for source in find_sources(made)] == [folder / "data" / "a.txt"]


@pytest.mark.parametrize("output", ["season.yaml", "stations.csv", "elsewhere/a.txt"])
def test_a_run_never_writes_over_what_it_is_made_from(folder, output):
    (folder / "stations.csv").write_text("station_id,latitude,longitude\n")
    (folder / "elsewhere").symlink_to("data")
    text = f"input: [data/*.txt]\nstations: stations.csv\noutput: {output}\nexecutor: serial\n"
    (folder / "season.yaml").write_text(text)
    before = (folder / output).read_bytes()
    with pytest.raises(PipelineError, match=r"would be read as an input|would destroy"):
        run(config.load(folder / "season.yaml"))
    assert (folder / output).read_bytes() == before


class TestZarrStores:
    """A Zarr store is a folder of many files, and one source."""

    @pytest.fixture(params=["zarr.json", ".zgroup"])
    def store(self, folder: Path, request) -> Path:
        store = folder / "data" / "deep" / "model.zarr"
        (store / "t" / "c").mkdir(parents=True)
        (store / request.param).write_text("{}")
        (store / "t" / "c" / "0").write_bytes(b"chunk")
        return store

    @pytest.mark.parametrize(
        "pattern", ["data/deep/model.zarr", "data/deep/*.zarr", "data/**/*.zarr", "data/*/*"]
    )
    def test_is_found_as_one_source(self, folder: Path, store: Path, pattern: str) -> None:
        assert "deep/model.zarr" in found(folder, pattern)
        assert not [name for name in found(folder, pattern) if "model.zarr/" in name]

    @pytest.mark.parametrize("pattern", ["data", "data/**", "data/**/*"])
    def test_stands_among_the_files_of_a_folder(
        self, folder: Path, store: Path, pattern: str
    ) -> None:
        inside = [name for name in found(folder, pattern) if name.startswith("deep")]
        assert inside == ["deep/deeper/f.TXT", "deep/e.txt", "deep/model.zarr"]

    def test_no_file_in_it_is_found_by_its_own_name(self, folder: Path, store: Path) -> None:
        assert found(folder, "data/**/0") == []

    def test_can_be_left_out_by_name(self, folder: Path, store: Path) -> None:
        assert "deep/model.zarr" not in found(folder, "data", exclude=["*.zarr"])

    def test_its_fingerprint_follows_names_and_contents_not_times_or_place(
        self, store: Path
    ) -> None:
        first = fingerprint(store)
        assert len(first) == 32
        os.utime(store / "t" / "c" / "0", (0, 0))
        moved = store.rename(store.with_name("moved.zarr"))
        assert fingerprint(moved) == first
        (moved / "t" / "c" / "0").write_bytes(b"CHUNK")
        changed = fingerprint(moved)
        (moved / "t" / "c" / "0").rename(moved / "t" / "c" / "1")
        assert len({first, changed, fingerprint(moved)}) == 3

    def test_its_version_follows_every_write(self, store: Path) -> None:
        before = version(store)
        assert version(store) == before
        (store / "t" / "c" / "0").write_bytes(b"CHUNK!")
        assert version(store) != before

    def test_what_is_larger_than_a_source_may_be_is_not_read(self, store: Path) -> None:
        small = Limits(file_size=6e-6)
        assert fingerprint(store, small) == "size:7"
        too_large = pytest.raises(ReadError, match="where a Zarr store may have 6e-06 MB")
        with too_large, opened(store, small):
            pass

    def test_a_pipe_or_a_linked_folder_in_it_is_refused(self, store: Path) -> None:
        os.mkfifo(store / "t" / "c" / "1")
        assert fingerprint(store) == ""
        refused = pytest.raises(ReadError, match="t/c/1 in this Zarr store is a pipe")
        with refused, opened(store, Limits()):
            pass
        (store / "t" / "c" / "1").unlink()
        (store / "t" / "b").symlink_to(store)
        refused = pytest.raises(ReadError, match="t/b in this Zarr store is a folder")
        with refused, opened(store, Limits()):
            pass

    def test_its_metadata_are_its_first_bytes(self, store: Path) -> None:
        with opened(store, Limits()) as stream:
            assert stream.read() == b"{}"
