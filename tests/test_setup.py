"""The project as a newcomer finds it: its top level, its speed to start, its ways to install."""

from __future__ import annotations

import ast
import os
import re
import resource
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent

TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "Makefile",
    "constraints.txt",
    "pipeline",
    "configs",
    "data",
    "tests",
    "notebooks",
}

#: What a run, an installation or a tool leaves behind; git ignores it.
LEFT_BEHIND = {"output", "build", "dist", "__pycache__", "sounding_pipeline.egg-info"}


def run(*command: str, **options) -> subprocess.CompletedProcess[str]:
    """Run a command in the project, its output kept."""
    return subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=100, **options
    )


def test_the_top_level_holds_what_belongs_there_and_nothing_else():
    tracked = run("git", "ls-files").stdout.splitlines()
    if not tracked:  # an archive, not a checkout
        pytest.skip("not a git checkout")
    names = {name.split("/")[0] for name in tracked}
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL


def test_help_takes_less_than_0_3_seconds_of_cpu():
    def cpu_seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        finished = run(sys.executable, "-m", "pipeline", "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert finished.returncode == 0, finished.stderr
        assert "run" in finished.stdout
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_seconds() for _ in range(3)) < 0.3


@pytest.mark.parametrize("module", ["pipeline", "pipeline.cli", "pipeline.config"])
def test_importing_does_not_bring_in_what_is_slow(module):
    slow = "{'metpy', 'xarray', 'netCDF4', 'pandas', 'pint', 'scipy', 'matplotlib', 'distributed'}"
    code = f"import sys, {module}; print(sorted({slow} & set(sys.modules)))"
    assert run(sys.executable, "-c", code).stdout == "[]\n"


def requirements() -> dict[str, Requirement]:
    """Return everything that the project and its extras ask for, by name."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


def constraints() -> dict[str, str]:
    """Return the releases that constraints.txt fixes, by name."""
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def test_constraints_fix_everything_that_the_project_asks_for():
    pins = constraints()
    for name, requirement in requirements().items():
        assert requirement.specifier.contains(pins[name]), name


def test_constraints_name_no_place_of_the_machine_they_were_made_on():
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    pin = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+")
    assert [line for line in lines if not line.startswith("#") and not pin.fullmatch(line)] == []


def imported_by(path: Path) -> set[str]:
    """Return the top-level packages that a file imports anywhere in it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    parts = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.split(".")[0] for name in plain + parts}


def test_what_is_imported_is_asked_for():
    """A package that comes only behind another could go away with it."""
    distributions = {"ruamel": "ruamel-yaml", "pydantic_core": "pydantic", "dask": "distributed"}
    imported = set().union(*map(imported_by, (PROJECT / "pipeline").rglob("*.py")))
    third_party = imported - set(sys.stdlib_module_names) - {"pipeline"}
    named = {canonicalize_name(distributions.get(name, name)) for name in third_party}
    assert named - set(requirements()) == set()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what `make` reads, so that nothing is made in the project itself."""
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, apart from the make that may be running this test."""
    given = ("MAKE", "PYTEST_ARGS", "CONFIG", "PYTHON", "VENV")  # to a make that runs this test
    clean = {name: value for name, value in os.environ.items() if not name.startswith(given)}
    return run("make", "-C", str(folder), "--no-print-directory", *arguments, env=clean)


def test_make_says_what_to_do_where_python_is_too_old(copy):
    old = copy / "python3.8"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.18 || exit 1\n')
    old.chmod(0o755)
    finished = make(copy, "run", f"PYTHON={old}")
    assert finished.returncode != 0
    assert finished.stderr.splitlines()[0] == (
        f"Python 3.11 or newer is needed, and '{old}' is Python 3.8.18. "
        "Name a newer one: make run PYTHON=python3.12"
    )
    assert not (copy / ".venv").exists()


def test_make_says_what_to_do_where_there_is_no_python(copy):
    finished = make(copy, "test", "PYTHON=no-such-python")
    assert finished.returncode != 0
    assert finished.stderr.splitlines()[0] == (
        "There is no 'no-such-python' here. "
        "Name a Python of 3.11 or newer: make run PYTHON=python3.12"
    )


def test_make_installs_once_and_then_goes_straight_to_the_task(copy):
    bin_folder = copy / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").write_text(f'#!/bin/sh\necho "python $@" >> {copy}/calls\n')
    (bin_folder / "python").chmod(0o755)
    (copy / ".venv" / "made").touch()

    def calls(*arguments: str) -> list[str]:
        (copy / "calls").write_text("")
        finished = make(copy, *arguments)
        assert finished.returncode == 0, finished.stderr
        return (copy / "calls").read_text().splitlines()

    first = calls("run")
    assert len(first) == 2
    assert first[0].endswith("install -c constraints.txt -e .")
    assert first[1] == "python -m pipeline run configs/season.yaml"
    assert calls("run") == first[1:]
    assert calls("test", "PYTEST_ARGS=-x")[1:] == ["python -m pytest -x"]
    assert calls("test") == ["python -m pytest -n 2 --dist worksteal"]
    os.utime(copy / "pyproject.toml", (2**32, 2**32))
    assert len(calls("run")) == 2


def test_the_check_of_a_change_ends_with_the_tests():
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    commands = [line for line in script.read_text().splitlines() if not line.startswith("#")]
    assert commands[-1] == "make test"
    assert "make lint" in commands
