"""A reader in a package of its own: installed by pip, found by its entry point, and used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import output

PACKAGE = Path(__file__).parent / "packages" / "lab_sonde"

ASCENT = "LAB SONDE 06610 2003-05-04T12:00\n955 20.5 12.0\n850 11.0 6.5\n500 -15.0 -30.0\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed in, as pip does it."""
    folder = tmp_path_factory.mktemp("lab")
    source = shutil.copytree(PACKAGE, folder / "source")
    options = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    command = (sys.executable, "-m", "pip", "install", *options, "--target", str(folder / "site"))
    subprocess.run([*command, str(source)], check=True)
    return folder / "site"


def pipeline(installed: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment that has the package."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_among_the_formats(installed: Path) -> None:
    done = pipeline(installed, "formats")
    assert "lab_sonde" in done.stdout
    assert "the lab's own sonde" in done.stdout


def test_its_files_are_known_by_their_content_and_read_in_workers(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.dat").write_text(ASCENT)
    (tmp_path / "b.dat").write_text(ASCENT.replace("12.0", "dry"))
    done = pipeline(installed, "convert", tmp_path, "-o", tmp_path / "out.nc")
    assert done.returncode == 0, done.stderr
    dataset = output.read(tmp_path / "out.nc")
    assert dataset["source_reader"].values.tolist() == ["lab_sonde", "lab_sonde"]
    np.testing.assert_array_equal(dataset["pressure"], [955, 850, 500])
    np.testing.assert_array_equal(dataset["temperature"], [20.5, 11, -15])
    assert dataset["station_id"].values.tolist() == ["06610"]
    assert dataset["time"].values[0] == np.datetime64("2003-05-04T12:00")
    assert "a damaged file of the lab's sonde" in str(dataset["source_message"].values[1])


def test_what_it_has_against_a_file_is_told_first(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test.dat").write_text("LAB SONDE TEST\n")
    done = pipeline(installed, "convert", tmp_path / "test.dat", "-o", tmp_path / "out.nc")
    message = str(output.read(tmp_path / "out.nc")["source_message"].values[0])
    assert message.startswith("no reader knows this file; lab_sonde: a test on the ground, not an")
    assert "a test on the ground" in done.stderr
