"""The commands that only tell: help, version, formats, calculations."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from commands import command

import pipeline
from pipeline import readers
from pipeline.calculations import CATALOGUE, GROUPS


class TestHelp:
    def test_is_there_at_once(self) -> None:
        """Under 0.3 s of CPU, so nothing heavy is imported."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "--help"], capture_output=True, text=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert "Usage: python -m pipeline" in done.stdout
        assert seconds < 0.3

    def test_importing_the_commands_imports_nothing_heavy(self) -> None:
        program = (
            "import sys, pipeline, pipeline.cli;"
            "heavy = {'metpy', 'xarray', 'netCDF4', 'numpy', 'pandas', 'pydantic', 'matplotlib',"
            " 'distributed', 'rich', 'pint'};"
            "print(sorted(heavy & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"

    @pytest.mark.parametrize("name", ["run", "convert", "show", "formats", "calculations"])
    def test_tells_of_every_command(self, name: str) -> None:
        assert f"\n  {name} " in command("--help").output
        assert command(name, "-h").exit_code == 0

    def test_the_version_is_the_packages(self) -> None:
        assert command("--version").output.strip().endswith(pipeline.__version__)

    def test_a_word_that_is_no_command_is_told(self) -> None:
        done = command("rum")
        assert done.exit_code == 2
        assert "No such command 'rum'" in done.output


class TestLists:
    def test_every_format_with_its_description(self) -> None:
        lines = command("formats").output.splitlines()
        assert [line.split()[0] for line in lines] == list(readers.names())
        assert all(readers.get(line.split()[0]).DESCRIPTION in line for line in lines)

    def test_every_calculation_under_its_group(self) -> None:
        text = command("calculations").output
        for group, names in GROUPS.items():
            block = text.split(f"{group}\n", 1)[1].split("\n\n", 1)[0]
            assert [line.split()[0] for line in block.splitlines()] == list(names)
        assert "convective inhibition" in text

    def test_everything_about_one(self) -> None:
        text = command("calculations", "sbcape").output
        calculation = CATALOGUE["sbcape"]
        for fact in (
            calculation.long_name,
            calculation.standard_name,
            calculation.reference,
            "J kg-1",
            "metpy.calc.cape_cin",
            "0 to 12000",
        ):
            assert fact in text

    def test_a_group_stands_for_its_members(self) -> None:
        text = command("calculations", "composites").output
        assert "supercell_composite\n" in text
        assert "significant_tornado\n" in text

    def test_a_word_that_is_neither(self) -> None:
        done = command("calculations", "sbcap")
        assert done.exit_code == 2
        assert done.stderr == "no calculation or group is called 'sbcap', did you mean 'sbcape'?\n"


def test_the_installed_command_is_the_same() -> None:
    program = Path(sys.executable).parent / "pipeline"
    if not program.exists():
        pytest.skip("the package is not installed with its command")
    done = subprocess.run(
        [program, "formats"], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout == command("formats").output
