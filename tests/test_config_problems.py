"""What is said of a wrong config: one line a problem, with file, line, column, key and advice."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipeline import config
from pipeline.errors import ConfigError

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
def problems(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Return the lines that a wrong config of the given text gives."""
    monkeypatch.chdir(folder)

    def problems_of(text: str) -> list[str]:
        Path("season.yaml").write_text(text)
        with pytest.raises(ConfigError) as raised:
            config.load("season.yaml")
        assert "pydantic" not in str(raised.value)
        assert "Extra inputs" not in str(raised.value)
        return list(raised.value.problems)

    return problems_of


ONE_PROBLEM = {
    "unknown key": (
        MINIMAL + "executor: {kind: pool, wokers: 2}\n",
        "season.yaml:3:24 executor.wokers: unknown key, did you mean 'workers'?",
    ),
    "unknown key in a list": (
        "input:\n  - path: soundings/*\n    formt: auto\noutput: out.nc\n",
        "season.yaml:3:5 input[0].formt: unknown key, did you mean 'format'?",
    ),
    "an option that the reader does not have": (
        "input:\n  - path: soundings/*\n    format: table\n    options: {colums: {pressure: P}}\n"
        "output: out.nc\n",
        "season.yaml:4:14 input[0].options: 'colums' is no option, did you mean 'columns'?",
    ),
    "options for no reader in particular": (
        "input:\n  - {path: soundings/*, options: {missing: [-9]}}\noutput: out.nc\n",
        "season.yaml:2:34 input[0].options: they are for one reader, so name it: 'format: table', "
        "for example",
    ),
    "options for a reader that takes none": (
        "input:\n  - {path: soundings/*, format: igra2, options: {a: 1}}\noutput: out.nc\n",
        "season.yaml:2:49 input[0].options: the reader 'igra2' takes none",
    ),
    "an attribute that the run writes": (
        MINIMAL.replace("out.nc", "{path: out.nc, attributes: {metpy_version: '9'}}"),
        "season.yaml:2:37 output.attributes.metpy_version: cannot be given here: the run writes it",
    ),
    "key in the wrong section": (
        MINIMAL + "humidity_aloft: keep\n",
        "season.yaml:3:1 humidity_aloft: unknown key here; it belongs under 'quality'",
    ),
    "key of the top, indented": (
        MINIMAL + "quality:\n  engine: metpy\n",
        "season.yaml:4:3 quality.engine: unknown key here; it belongs at the top of the file, "
        "not indented",
    ),
    "number where text belongs": (
        "title: 2003\n" + MINIMAL,
        'season.yaml:1:8 title: 2003 is not text to YAML; quote it: "2003"',
    ),
    "date where text belongs": (
        "title: 2003-05-04\n" + MINIMAL,
        'season.yaml:1:8 title: 2003-05-04 is not text to YAML; quote it: "2003-05-04"',
    ),
    "station number with a leading zero": (
        "input: [{path: soundings, format: table, options: {station_id: 06610}}]\noutput: out.nc\n",
        "season.yaml:1:64 input[0].options.station_id: 06610 is the number 6610 to YAML; "
        'quote it: "06610"',
    ),
    "station number": (
        "input: [{path: soundings, format: table, options: {station_id: 72357}}]\noutput: out.nc\n",
        "season.yaml:1:64 input[0].options.station_id: 72357 is not text to YAML; "
        'quote it: "72357"',
    ),
    "text where a number belongs": (
        MINIMAL + "quality: {min_levels: five}\n",
        "season.yaml:3:23 quality.min_levels: it must be a whole number, not 'five' "
        "(levels with temperature and dewpoint that a profile needs)",
    ),
    "a number with its unit": (
        MINIMAL + "quality:\n  max_top_pressure: 300 hPa\n",
        "season.yaml:4:21 quality.max_top_pressure: it must be a number, not '300 hPa' "
        "(a sounding that ends below this level is rejected, hPa)",
    ),
    "yes for true": (
        MINIMAL + "quality: {gross_range: yes}\n",
        "season.yaml:3:24 quality.gross_range: it must be true or false, not 'yes' "
        "(remove values outside physical limits, and half winds)",
    ),
    "number out of range": (
        MINIMAL + "executor: {workers: 0}\n",
        "season.yaml:3:21 executor.workers: it must be at least 1, not 0 "
        "(processes; all cores where not given)",
    ),
    "number that may not be zero": (
        MINIMAL + "executor: {timeout: 0}\n",
        "season.yaml:3:21 executor.timeout: it must be more than 0, not 0 "
        "(longest time for one profile, s)",
    ),
    "compression": (
        "input: [soundings]\noutput: {path: out.nc, compression: 11}\n",
        "season.yaml:2:37 output.compression: it must be at most 9, not 11 "
        "(0 is none, 9 the smallest file; never loses a digit)",
    ),
    "executor that does not exist": (
        MINIMAL + "executor: dusk\n",
        "season.yaml:3:11 executor: it is 'pool' or 'serial' or 'dask', not 'dusk', "
        "did you mean 'dask'?",
    ),
    "engine that does not exist": (
        MINIMAL + "engine: metpi\n",
        "season.yaml:3:9 engine: it is 'metpy' or 'compiled', not 'metpi', did you mean 'metpy'?",
    ),
    "address without dask": (
        MINIMAL + "executor: {address: tcp://host:8786}\n",
        "season.yaml:3:21 executor.address: only 'kind: dask' has an address, this is 'pool'",
    ),
    "calculation that does not exist": (
        MINIMAL + "calculations: [parcels, sbcap]\n",
        "season.yaml:3:25 calculations[1]: there is no calculation or group 'sbcap', "
        "did you mean 'sbcape'?",
    ),
    "calculations not in a list": (
        MINIMAL + "calculations: indices\n",
        "season.yaml:3:15 calculations: it must be a list; write [indices], not 'indices' "
        "(a list of what to compute, names or groups)",
    ),
    "custom name among the calculations": (
        MINIMAL + "custom: {my_one: math:hypot}\ncalculations: [my_one]\n",
        "season.yaml:4:16 calculations[0]: what 'custom' defines is always computed; "
        "leave it out here",
    ),
    "format that does not exist": (
        "input: [{path: soundings, format: igra}]\noutput: out.nc\n",
        "season.yaml:1:35 input[0].format: there is no format 'igra', did you mean 'igra2'?",
    ),
    "key given twice": (
        MINIMAL + "title: A\ntitle: B\n",
        "season.yaml:4:1 title: given twice, first on line 3; keep one of them",
    ),
    "missing output": (
        "input: [soundings]\n",
        "season.yaml:1:1 output: this key is missing (the netCDF file to write)",
    ),
    "missing path": (
        "input:\n  - format: auto\noutput: out.nc\n",
        "season.yaml:2:5 input[0].path: this key is missing "
        "(a file, a folder or a pattern such as ../data/*.txt)",
    ),
    "output left empty": (
        "input: [soundings]\noutput:\n",
        "season.yaml:2:1 output: nothing is given (the netCDF file to write)",
    ),
    "input empty": (
        "input: []\noutput: out.nc\n",
        "season.yaml:1:8 input: it is an empty list "
        "(the soundings to read, a list of files, folders or patterns)",
    ),
    "output is a folder": (
        "input: [soundings]\noutput: soundings/\n",
        "season.yaml:2:9 output: 'soundings/' is a folder; name a file in it, such as season.nc",
    ),
    "output would be an input": (
        "input: [soundings]\noutput: {path: soundings/out.nc}\n",
        "season.yaml:2:16 output.path: it would be read as an input, for 'soundings' finds it; "
        "write it elsewhere",
    ),
    "attribute that the config has elsewhere": (
        "input: [soundings]\noutput: {path: out.nc, attributes: {title: A}}\n",
        "season.yaml:2:37 output.attributes.title: cannot be given here: "
        "the key 'title' of the config says it",
    ),
    "custom function that is not there": (
        MINIMAL + "custom: {my_one: math:hypott}\n",
        "season.yaml:3:18 custom.my_one: 'math' has no function 'hypott', did you mean 'hypot'?",
    ),
    "custom module that is not there": (
        MINIMAL + "custom: {my_one: no_such_module:f}\n",
        "season.yaml:3:18 custom.my_one: 'no_such_module' cannot be imported "
        "(ModuleNotFoundError: No module named 'no_such_module'); "
        "install its package, or name its folder in PYTHONPATH",
    ),
    "custom function not in the form": (
        MINIMAL + "custom: {my_one: math.hypot}\n",
        "season.yaml:3:18 custom.my_one: 'math.hypot' is not of the form package.module:function",
    ),
    "custom name that is taken": (
        MINIMAL + "custom: {sbcape: math:hypot}\n",
        "season.yaml:3:10 custom.sbcape: the catalogue has this name; choose another, "
        "with 'my_' before it perhaps",
    ),
    "custom name of a variable of every output": (
        MINIMAL + "custom: {Status: math:hypot}\n",
        "season.yaml:3:10 custom.Status: the data have this name; choose another, "
        "with 'my_' before it perhaps",
    ),
    "custom input that is not there": (
        MINIMAL + "custom: {my_one: {function: math:hypot, inputs: [presure]}}\n",
        "season.yaml:3:50 custom.my_one.inputs[0]: there is no input 'presure', "
        "did you mean 'pressure'?",
    ),
    "tab": (
        "input: [soundings]\n\toutput: out.nc\n",
        "season.yaml:2:1: a tab: YAML is indented with spaces, put spaces in its place",
    ),
    "unclosed list": (
        "input: [soundings\noutput: out.nc\n",
        "season.yaml:2:7: a list that starts with '[' lacks a ',' or its closing ']' "
        "(it began on line 1)",
    ),
    "unquoted pattern": (
        "input:\n  - path: *.txt\noutput: out.nc\n",
        "season.yaml:2:11: '*' starts a reference in YAML; put the text in quotes",
    ),
    "empty file": (
        "",
        "season.yaml:1:1: the file is empty; a config needs at least 'input:' and 'output:'",
    ),
    "only comments": (
        "# nothing yet\n",
        "season.yaml:1:1: the file is empty; a config needs at least 'input:' and 'output:'",
    ),
    "a list": (
        "- soundings\n",
        "season.yaml:1:1: a config is keys with values, at least 'input:' and 'output:'; "
        "this is a list",
    ),
    "two documents": (
        MINIMAL + "---\n" + MINIMAL,
        "season.yaml:3:1: the document ends before this; remove what is too much "
        "(it began on line 1)",
    ),
    "a section that contains itself": (
        "&a\ninput: [soundings]\noutput: out.nc\nquality: *a\n",
        "season.yaml:4:1 quality: this reference points at the section it stands in",
    ),
}


@pytest.mark.parametrize("case", ONE_PROBLEM)
def test_one_problem_is_one_line(case, problems):
    text, line = ONE_PROBLEM[case]
    assert problems(text) == [line]


def test_a_path_that_is_not_there_names_the_nearest(problems, folder):
    assert problems("input: [sounding/*]\noutput: out.nc\n") == [
        f"season.yaml:1:9 input[0]: 'sounding/*' does not exist: {folder} holds no 'sounding', "
        "did you mean 'soundings'?"
    ]
    assert problems("input: [nowhere/at/all]\noutput: out.nc\n") == [
        f"season.yaml:1:9 input[0]: 'nowhere/at/all' does not exist: {folder} holds no 'nowhere'"
    ]
    assert problems(MINIMAL + "stations: stations.cvs\n") == [
        f"season.yaml:3:11 stations: 'stations.cvs' does not exist: {folder} holds no "
        "'stations.cvs', did you mean 'stations.csv'?"
    ]


def test_a_path_longer_than_any_file_system_has_is_told(problems):
    (line,) = problems(f"input: [{'x' * 5000}/*]\noutput: out.nc\n")
    assert line.startswith("season.yaml:1:9 input[0]: ")
    assert "does not exist" in line


def test_a_unit_that_is_none_is_told(problems):
    (line,) = problems(MINIMAL + "custom: {my_one: {function: math:hypot, units: J kkg-1}}\n")
    assert line.startswith("season.yaml:3:48 custom.my_one.units: 'J kkg-1' is not a unit: 'kkg'")


def test_a_module_that_fails_when_imported_says_how(problems, folder, monkeypatch):
    (folder / "broken_index.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(folder)
    (line,) = problems(MINIMAL + "custom: {my_one: broken_index:f}\n")
    assert "cannot be imported (ZeroDivisionError: division by zero)" in line


def test_all_problems_are_told_at_once_in_the_order_of_the_file(problems):
    lines = problems(
        "title: 2003\n"
        "input:\n"
        "  - path: nothing/*\n"
        "    formt: auto\n"
        "  - path: soundings\n"
        "    format: table\n"
        "    options: {station_id: 06610}\n"
        "quality: {humidity_aloft: extent, min_levels: 5.5}\n"
        "calculations: [parcls, sbcap]\n"
        "custom: {my_one: no_such_module:f}\n"
        "engine: fast\n"
        "title: again\n"
        "executor: {kind: pol, wokers: 2}\n"
        "output: {compression: fast}\n"
    )
    places = [line.split(":", 3)[1:3] for line in lines]
    assert [int(line) for line, _ in places] == [1, 3, 4, 7, 8, 8, 9, 9, 10, 11, 12, 13, 13, 14, 14]
    assert all(line.startswith("season.yaml:") for line in lines)


def test_a_config_that_is_not_there_names_the_nearest(folder):
    (folder / "season.yaml").write_text(MINIMAL)
    with pytest.raises(ConfigError, match=r"seasn\.yaml: there is no such file, did you mean"):
        config.load(folder / "seasn.yaml")


def test_a_folder_is_no_config(folder):
    with pytest.raises(ConfigError, match="cannot be opened: Is a directory"):
        config.load(folder)


def test_a_config_that_is_not_text_is_refused_with_its_line(folder):
    (folder / "season.yaml").write_bytes(MINIMAL.encode() + b"title: M\xfcnchen\n")
    with pytest.raises(ConfigError, match=r"season\.yaml:3:1: not UTF-8 text"):
        config.load(folder / "season.yaml")


def test_a_wrong_config_ends_the_program_with_2(problems):
    assert ConfigError.exit_code == 2
    assert pickle.loads(pickle.dumps(ConfigError(["a", "b"]))).problems == ("a", "b")


@pytest.mark.parametrize("character", "\t[}:*&-\x07\x00'")
def test_a_damaged_config_never_raises_anything_else(character, folder):
    text = (
        "input:\n  - {path: soundings, options: {a: 1}}\nquality:\n  min_levels: 5\n"
        "custom: {my_one: math:hypot}\nexecutor: pool\noutput: {path: out.nc}\n"
    )
    told: list[str] = []
    for cut in range(0, len(text), 3):
        (folder / "season.yaml").write_text(text[:cut] + character + text[cut + 1 :])
        try:
            config.load(folder / "season.yaml")
        except ConfigError as error:
            told += error.problems
    assert len(told) > len(text) / 12
    assert all(line.startswith(f"{folder}/season.yaml:") for line in told)
