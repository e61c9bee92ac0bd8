"""The commands, as a user types them: what they print, what they write, how they end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_season
from click.testing import Result
from commands import command
from small_season import BAD, REAL, write_config
from sounding_rows import cleaned

import pipeline
from pipeline.profiles import LEVEL_VARIABLES
from pipeline.readers import read_source

FIXTURES = Path(__file__).parent / "fixtures"
TWO_SOUNDINGS = FIXTURES / "wyoming_text" / "03005-two-soundings.txt"
IGRA = FIXTURES / "igra2" / "cases-data.txt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("commands")
    small_season.make_files(place)
    return place


@pytest.fixture(scope="module")
def done(folder: Path) -> Result:
    """The run of the small season."""
    return command("run", write_config(folder, "typed", calculations=["sbcape", "k_index"]))


class TestRun:
    def test_ends_well_although_some_files_are_bad(self, done: Result, folder: Path) -> None:
        assert done.exit_code == 0
        assert (folder / "typed.nc").is_file()

    def test_says_how_far_it_is_in_plain_lines_without_a_terminal(self, done: Result) -> None:
        files = len(REAL) + len(BAD) + 1
        assert f"working      {files}/{files} in " in done.stderr

    def test_names_every_file_that_could_not_be_read(self, done: Result, folder: Path) -> None:
        for name in (*BAD, "vanished.txt"):
            assert f"WARNING: {folder}/in/{name}: " in done.stderr

    def test_sums_up(self, done: Result) -> None:
        lines = done.stdout.splitlines()
        files = len(REAL) + len(BAD) + 1
        assert lines[0] == f"plan      {files} sources: {files} new"
        assert lines[1] == f"sources   {files}: 8 read, 5 unreadable"
        assert lines[2] == "profiles  8: 7 ok, 1 suspect"
        assert "              1 negative_cape" in lines
        assert any(line.startswith("results   2 a profile") for line in lines)
        assert any("highest" in line and "J/kg (" in line for line in lines)
        assert any(line.startswith("seconds   ") and "1 worker (" in line for line in lines)
        assert lines[-1].startswith("written   ")
        assert "typed.nc" in lines[-1]

    def test_the_figures_are_those_of_the_file(self, done: Result, folder: Path) -> None:
        frame = pipeline.open_season(folder / "typed.nc").to_dataframe()
        median, best = frame.sbcape.median(), frame.sbcape.idxmax()
        expected = f"sbcape median {median:.0f}, highest {frame.sbcape[best]:.0f} J/kg ({best})"
        assert expected in done.stdout

    def test_quietly(self, folder: Path) -> None:
        path = write_config(folder, "quiet", input=["in/03031300.SHV"], calculations=["k_index"])
        done = command("run", "--quiet", path)
        assert (done.exit_code, done.output) == (0, "")
        assert (folder / "quiet.nc").is_file()


class TestUserErrors:
    def test_a_config_that_is_not_there(self, tmp_path: Path) -> None:
        done = command("run", tmp_path / "season.yaml")
        assert done.exit_code == 2
        assert "season.yaml" in done.stderr
        assert done.stdout == ""

    def test_every_problem_of_a_config_at_once_with_its_place(self, folder: Path) -> None:
        path = folder / "wrong.yaml"
        path.write_text(
            "input: [in]\n"
            "output: wrong.nc\n"
            "calculations: [sbcap]\n"
            "executor: {kind: pool, wokers: 2}\n"
        )
        done = command("run", path)
        assert done.exit_code == 2
        first, second = done.stderr.splitlines()
        assert first.startswith(f"{path}:3:")
        assert "did you mean 'sbcape'?" in first
        assert second.startswith(f"{path}:4:")
        assert "did you mean 'workers'?" in second
        assert not (folder / "wrong.nc").exists()

    def test_an_output_that_cannot_be_written_is_one_line(self, folder: Path) -> None:
        (folder / "a-file").write_text("")
        path = write_config(
            folder,
            "nowhere",
            input=["in/03031300.SHV"],
            calculations=["k_index"],
            output="a-file/out.nc",
        )
        done = command("run", "-q", path)
        assert done.exit_code == 5
        assert len(done.stderr.strip().splitlines()) == 1
        assert "a-file" in done.stderr

    def test_a_table_of_stations_with_a_mistake(self, folder: Path) -> None:
        (folder / "bad-stations.csv").write_text("station_id,latitude\nSHV,32.45\n")
        path = write_config(folder, "lost", stations="bad-stations.csv")
        done = command("run", path)
        assert done.exit_code == 2
        assert "the column 'longitude' is missing" in done.stderr


class TestConvert:
    def test_the_values_are_those_of_the_files(self, folder: Path) -> None:
        names = ["03041800.DNR", "03092619m_n.brl"]
        done = command(
            "convert", *(folder / "in" / name for name in names), "-o", folder / "as-read.nc"
        )
        assert done.exit_code == 0
        season = pipeline.open_season(folder / "as-read.nc")
        assert len(season) == 2
        for index, sounding in enumerate(season):
            (raw,) = read_source(str(season.source_of(index))).profiles
            for name in LEVEL_VARIABLES:
                np.testing.assert_array_equal(sounding[name], getattr(raw, name))
                expected = np.where(np.isfinite(getattr(raw, name)), 2, 9)  # not evaluated, missing
                np.testing.assert_array_equal(sounding[f"{name}_qc"], expected)
        first = season.sounding[0]
        assert first.pressure.values[:4].tolist() == [1000.0, 925.0, 850.0, 826.0]
        assert float(first.temperature[3]) == 19.07  # as it stands in the file
        assert "sbcape" not in season.dataset

    def test_cleaned_they_are_what_a_run_calculates_from(self, folder: Path) -> None:
        source = folder / "in" / "03041800.DNR"
        assert command("convert", source, "--clean", "-o", folder / "clean.nc").exit_code == 0
        sounding = pipeline.open_season(folder / "clean.nc").sounding[0]
        checked = cleaned(read_source(str(source)).profiles[0])
        for name in LEVEL_VARIABLES:
            np.testing.assert_array_equal(sounding[name], getattr(checked.profile, name))
        assert sounding.pressure.values[0] == 826.0

    def test_any_mix_of_files_and_folders(self, folder: Path) -> None:
        done = command("convert", folder / "in", TWO_SOUNDINGS, IGRA, "-o", folder / "mix.nc")
        assert done.exit_code == 0
        season = pipeline.open_season(folder / "mix.nc")
        counts = {Path(row.path).name: row.profiles for row in season.sources.itertuples()}
        assert counts[TWO_SOUNDINGS.name] == 2
        assert counts[IGRA.name] == IGRA.read_text().count("#")
        assert counts["empty.txt"] == 0
        assert len(season) == sum(counts.values())
        assert f"profiles  {len(season)}: " in done.stdout

    def test_with_positions(self, folder: Path) -> None:
        (folder / "dnr.csv").write_text("station_id,latitude,longitude\nDNR,39.77,-104.88\n")
        source = folder / "in" / "03041800.DNR"
        command("convert", source, "--stations", folder / "dnr.csv", "-o", folder / "located.nc")
        assert float(pipeline.open_season(folder / "located.nc").sounding[0].latitude) == 39.77

    def test_quietly(self, folder: Path) -> None:
        done = command("convert", "-q", folder / "in" / "03041800.DNR", "-o", folder / "q.nc")
        assert (done.exit_code, done.output) == (0, "")

    def test_never_writes_over_what_it_reads(self, folder: Path) -> None:
        source, table = folder / "03041800.DNR", folder / "positions.csv"
        shutil.copy(folder / "in" / source.name, source)
        table.write_text("station_id,latitude,longitude\n")
        link = folder / "link.nc"
        link.symlink_to(source)
        before = source.read_bytes(), table.read_bytes()
        for output, lost in ((source, source), (link, source), (table, table)):
            done = command("convert", source, "--stations", table, "-o", output)
            assert done.exit_code == 1
            assert f"writing it would destroy {lost}, which is read" in done.stderr
        done = command("show", source, "--plot", source)
        assert done.exit_code == 1
        assert "write it elsewhere" in done.stderr
        assert (source.read_bytes(), table.read_bytes()) == before

    def test_of_nothing(self, tmp_path: Path) -> None:
        done = command("convert", tmp_path / "no-*", "-o", tmp_path / "out.nc")
        assert done.exit_code == 1
        assert "no files found" in done.stderr
        assert not (tmp_path / "out.nc").exists()

    def test_with_a_format_that_is_another_tells_so_in_the_file(self, folder: Path) -> None:
        source = folder / "in" / "03041800.DNR"
        done = command("convert", source, "--format", "igra2", "-o", folder / "other.nc")
        assert done.exit_code == 0
        (row,) = pipeline.open_season(folder / "other.nc").sources.itertuples()
        assert (row.reader, row.status) == ("igra2", "unreadable")
        assert row.message.startswith("line 1: a header (#, station, date, ...) is expected")

    def test_with_a_format_that_there_is_not(self, folder: Path) -> None:
        source = folder / "in" / "03041800.DNR"
        done = command("convert", source, "--format", "igar2", "-o", folder / "none.nc")
        assert done.exit_code == 2
        assert "'igar2': no such reader, did you mean 'igra2'?" in done.stderr
        assert not (folder / "none.nc").exists()


class TestShow:
    def test_a_sounding_before_and_after_why_and_its_parameters(self, folder: Path) -> None:
        done = command("show", folder / "in" / "03032821m_n.mbs")
        assert done.exit_code == 0
        lines = done.stdout.splitlines()
        assert lines[0] == "MBS, 2003-03-28T21:00:00 UTC, position not known"
        assert lines[1].endswith("03032821m_n.mbs, sounding 1 of 1, read as spc_raw")
        (level,) = [line for line in lines if line.startswith("  130.70")]
        assert level.split()[:4] == ["130.70", "14405", "-57.9", "-"]  # the file says -9999
        assert "dewpoint -75.7 degC (suspect)" in level
        assert "verdict   suspect, winds ok" in lines
        assert "          MetPy's CAPE was negative and is masked" in lines
        assert any(line.startswith("          > sbcape was -") for line in lines)
        assert any(line.split()[:2] == ["sbcape", "-"] for line in lines)
        (mucape,) = [line for line in lines if line.split()[:1] == ["mucape"]]
        assert mucape.split()[2:] == ["J", "kg-1"]

    def test_levels_that_go_are_marked(self, folder: Path) -> None:
        lines = command("show", folder / "in" / "03041800.DNR").stdout.splitlines()
        gone = [line.split()[0] for line in lines if line.endswith("removed or merged")]
        assert gone == ["1000.00", "925.00", "850.00"]

    def test_every_level_of_the_file_is_there_once(self, folder: Path) -> None:
        source = folder / "in" / "03062100.MAF"
        lines = command("show", source).stdout.splitlines()
        begin = next(i for i, line in enumerate(lines) if line.split()[:1] == ["hPa"]) + 1
        shown = [float(line.split()[0]) for line in lines[begin : lines.index("", begin)]]
        (raw,) = read_source(str(source)).profiles
        assert shown[: len(raw)] == [pytest.approx(p, abs=0.006) for p in raw.pressure]

    def test_what_could_not_be_computed_says_why(self, folder: Path) -> None:
        lines = command("show", folder / "in" / "03041800.DNR").stdout.splitlines()
        (k_index,) = [line for line in lines if line.split()[:1] == ["k_index"]]
        assert "(the levels do not span 850 to 500 hPa)" in k_index

    def test_the_parameters_are_those_of_a_run(self, folder: Path) -> None:
        path = write_config(folder, "one", input=["in/03031300.SHV"])
        command("run", "-q", path)
        season = pipeline.open_season(folder / "one.nc")
        lines = command("show", folder / "in" / "03031300.SHV").stdout.splitlines()
        shown = {line.split()[0]: line.split()[1] for line in lines if line.startswith("  ")}
        for name in ("sbcape", "mlcin", "muel_height", "srh_0_3km", "precipitable_water"):
            assert shown[name] == f"{float(season.sounding[0][name]):.2f}"

    def test_another_sounding_of_the_file(self) -> None:
        done = command("show", TWO_SOUNDINGS, "--number", "2")
        assert done.exit_code == 0
        assert "03005 Lerwick, 2015-01-01T12:00:00 UTC" in done.stdout
        assert "sounding 2 of 2, read as wyoming_text" in done.stdout
        assert "1008.00" in done.stdout

    def test_a_rejected_one_says_why_there_are_no_numbers(self) -> None:
        done = command("show", IGRA, "-n", "2")
        assert "verdict   rejected, winds rejected" in done.stdout
        assert "(fewer than two levels have temperature and dewpoint)" in done.stdout

    @pytest.mark.parametrize("number", ["0", "3", "-1"])
    def test_one_that_is_not_there(self, number: str) -> None:
        done = command("show", TWO_SOUNDINGS, "--number", number)
        assert done.exit_code == 1
        assert done.stderr.strip().endswith(f"holds 2 soundings, so no number {number}")

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("no-such-file.txt", "cannot be read: No such file or directory"),
            ("empty.txt", "the file is empty (0 bytes)"),
            ("notes.txt", "no reader knows this file"),
        ],
    )
    def test_a_file_that_cannot_be_shown(self, folder: Path, name: str, told: str) -> None:
        done = command("show", folder / "in" / name)
        assert done.exit_code == 1
        assert name in done.stderr
        assert told in done.stderr

    def test_as_a_config_says(self, folder: Path) -> None:
        path = write_config(
            folder,
            "cut",
            calculations=["k_index"],
            quality={"humidity_aloft": "reject"},
            stations=str(FIXTURES.parent.parent / "data" / "stations.csv"),
        )
        source = folder / "in" / "03032821m_n.mbs"
        done = command("show", source, "--config", path)
        assert "verdict   rejected, winds ok" in done.stdout
        assert "position not known" not in done.stdout
        assert "sbcape" not in done.stdout

    def test_with_a_picture(self, folder: Path) -> None:
        picture = folder / "sounding.png"
        done = command("show", folder / "in" / "03031300.SHV", "--plot", picture)
        assert done.exit_code == 0
        assert done.stdout.rstrip().endswith(f"drawn into {picture}")
        assert picture.read_bytes().startswith(b"\x89PNG")


LEAVING = """
import atexit, sys
from pipeline import cli

class Kept:
    def __del__(self):
        print("freed one by one")

kept = Kept()

def main(prog_name):
    atexit.register(print, prog_name, "is over")
    ENDING

cli.main = main
cli.program("it")
"""


@pytest.mark.parametrize(
    ("ending", "code", "last"),
    [
        ("sys.exit(3)", 3, "it is over\n"),
        ("sys.exit(0)", 0, "it is over\n"),
        ("raise KeyError(1)", 1, "it is over\nfreed one by one\n"),
    ],
)
def test_the_program_ends_in_order_and_at_once(ending: str, code: int, last: str) -> None:
    """What is to be done at its end is done, and only freeing what the system frees is left out."""
    script = LEAVING.replace("ENDING", ending)
    buffered = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=buffered, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (code, last)
    assert ("KeyError: 1" in done.stderr) == (code == 1)


def test_the_program_ends_well_where_nobody_reads_what_it_prints() -> None:
    closed = f"exec >&- ; exec {sys.executable} -m pipeline calculations sbcape"
    done = subprocess.run(["sh", "-c", closed], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
