"""What a config may say."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from pipeline import config, yaml_file
from pipeline.config import Config, Input, Output, Quality

MINIMAL = "input: [soundings/*]\noutput: out.nc\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with something to read, and where a config can be written."""
    soundings = tmp_path / "soundings"
    soundings.mkdir()
    for name in ("one.txt", "two.txt", "README.md"):
        (soundings / name).write_text("x")
    (tmp_path / "stations.csv").write_text("station_id,latitude,longitude\n")
    return tmp_path


@pytest.fixture
def load(folder: Path):
    """Load a config of the given text."""

    def load_text(text: str) -> Config:
        (folder / "season.yaml").write_text(text)
        return config.load(folder / "season.yaml")

    return load_text


@pytest.mark.parametrize("name", ["season.yaml", "minimal.yaml"])
def test_configs_of_the_project_load(name, season_folder):
    loaded = config.load(season_folder.parent.parent / "configs" / name)
    assert [entry.path for entry in loaded.input] == ["../data/season-2003/*"]
    assert loaded.output_path.parent == season_folder.parent.parent / "output"


def test_the_season_writes_out_the_defaults(season_folder):
    configs = season_folder.parent.parent / "configs"
    season, minimal = config.load(configs / "season.yaml"), config.load(configs / "minimal.yaml")
    for key in ("quality", "calculations", "engine", "executor", "input"):
        assert getattr(season, key) == getattr(minimal, key)
    assert season.output.compression == minimal.output.compression


def test_every_line_of_the_season_has_a_comment_before_it(season_folder):
    text = (season_folder.parent.parent / "configs" / "season.yaml").read_text()
    document = yaml_file.parse(text, "season.yaml")
    lines = text.splitlines()
    uncommented = [
        path
        for path, place in document.keys.items()
        if not lines[place.line - 2].lstrip().startswith("#")
        and not lines[place.line - 3].lstrip().startswith(("#", "input"))
    ]
    assert uncommented == []
    assert set(config.Quality.model_fields) <= {path[-1] for path in document.keys}


def test_short_forms_mean_the_long_ones(load):
    short = load("input: [soundings/*]\nexecutor: serial\noutput: out.nc\n")
    long = load(
        "input: [{path: soundings/*}]\nexecutor: {kind: serial}\noutput: {path: out.nc}\n"
        "quality: {}\n"
    )
    assert short.normalized() == long.normalized()
    assert (short.executor.kind, short.executor.workers, short.executor.timeout) == (
        "serial",
        None,
        60.0,
    )


def test_an_empty_key_is_a_default(load):
    loaded = load(MINIMAL + "quality:\nstations:\nexecutor: {workers: }\n")
    assert loaded.quality == Quality()
    assert loaded.stations is None
    assert loaded.executor.workers is None


def test_relative_paths_start_at_the_config(load, folder, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    loaded = load("input: [soundings]\nstations: stations.csv\noutput: ../up/out.nc\n")
    assert loaded.path == folder / "season.yaml"
    assert loaded.folder == folder
    assert loaded.stations_path == folder / "stations.csv"
    assert loaded.output_path == folder.parent / "up" / "out.nc"


def test_the_text_is_kept_as_it_stands(load):
    text = "# why\n" + MINIMAL
    assert load(text).text == text


def test_normalized_is_the_same_for_the_same_settings_and_names_defaults(load):
    one = load(MINIMAL + "engine: metpy\ntitle: A\n")
    other = load("title: A # comment\n" + MINIMAL)
    assert one.normalized() == other.normalized()
    assert json.loads(one.normalized())["quality"]["humidity_aloft_depression"] == 30.0
    assert one.normalized() != load(MINIMAL + "title: B\n").normalized()


def test_a_config_can_be_made_in_a_program_and_sent_to_a_worker():
    made = Config(input=[Input(path="soundings/*")], output=Output(path="out.nc"))
    assert made.path is None
    assert made.folder == Path.cwd()
    assert pickle.loads(pickle.dumps(made)) == made


def test_a_loaded_config_keeps_its_place_when_sent_to_a_worker(load):
    loaded = load(MINIMAL)
    assert pickle.loads(pickle.dumps(loaded)).folder == loaded.folder


def test_a_config_cannot_be_changed(load):
    with pytest.raises(ValueError, match="frozen"):
        load(MINIMAL).title = "other"


def test_custom_calculations_in_both_forms(load):
    loaded = load(
        MINIMAL + "custom:\n  my_one: math:hypot\n"
        "  my_two: {function: math:hypot, inputs: [sbcape, u_wind], units: J kg-1}\n"
    )
    assert loaded.custom["my_one"].inputs == ["pressure", "temperature", "dewpoint"]
    assert loaded.custom["my_one"].units == "1"
    assert loaded.custom["my_two"].inputs == ["sbcape", "u_wind"]


def test_a_byte_order_mark_and_windows_line_ends_are_fine(folder):
    (folder / "season.yaml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert config.load(folder / "season.yaml").output.path == "out.nc"
