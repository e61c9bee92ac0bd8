"""Machine code on disk is what was compiled, from the sources of today; or it is not used."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest

from pipeline.engines.compiled._cache import MachineCode
from pipeline.engines.compiled._numba import compiled

KEY = ("float64", "a processor")
CODE = ("machine code", b"\x90" * 5000)

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[:3000],
    "cut in its digest": lambda data: data[:10],
    "one bit wrong": lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:],
    "something else": lambda data: b"no machine code",
}


class TestMachineCode:
    def test_is_found_again(self, tmp_path: Path) -> None:
        MachineCode(tmp_path / "kernel", b"today's").save(KEY, CODE)
        assert MachineCode(tmp_path / "kernel", b"today's").load(KEY) == CODE

    def test_of_other_types_is_another(self, tmp_path: Path) -> None:
        files = MachineCode(tmp_path / "kernel", b"today's")
        files.save(KEY, CODE)
        files.save(("int64",), "other code")
        assert (files.load(KEY), files.load(("bool",))) == (CODE, None)

    def test_of_older_sources_is_not_used_and_replaced(self, tmp_path: Path) -> None:
        """A kill between writing and pointing to it cannot let old code pass for new."""
        MachineCode(tmp_path / "kernel", b"yesterday's").save(KEY, CODE)
        files = MachineCode(tmp_path / "kernel", b"today's")
        assert files.load(KEY) is None
        files.save(KEY, "new code")
        assert files.load(KEY) == "new code"
        assert len(list(tmp_path.iterdir())) == 1

    @pytest.mark.parametrize("damage", DAMAGE)
    def test_that_is_damaged_is_not_used(self, tmp_path: Path, damage: str) -> None:
        files = MachineCode(tmp_path / "kernel", b"today's")
        files.save(KEY, CODE)
        (path,) = tmp_path.iterdir()
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
        assert files.load(KEY) is None


def squared(number: float) -> float:
    return number * number


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


class TestFunctions:
    def test_come_from_disk_the_second_time(self, folder: Path) -> None:
        first, second = compiled(squared), compiled(squared)
        assert first(3.0) == second(3.0) == 9.0
        assert sum(second._cache_hits.values()) == 1  # type: ignore[attr-defined]

    @pytest.mark.parametrize("damage", DAMAGE)
    def test_are_compiled_anew_where_their_file_is_damaged(self, folder: Path, damage: str) -> None:
        assert compiled(squared)(3.0) == 9.0
        (path,) = folder.rglob("*.nbc")
        whole = path.read_bytes()
        path.write_bytes(DAMAGE[damage](whole))
        assert compiled(squared)(3.0) == 9.0
        assert len(path.read_bytes()) == pytest.approx(len(whole), rel=0.1)

    @pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
    def test_work_where_nothing_can_be_written(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, error: int
    ) -> None:
        def refuse(*_: Any) -> None:
            raise OSError(error, "no")

        monkeypatch.setattr(Path, "write_bytes", refuse)
        assert compiled(squared)(3.0) == 9.0
        assert list(folder.rglob("*.*")) == []

    def test_are_plain_ones_for_a_debugger(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
        assert compiled(squared) is squared


PROJECT = Path(__file__).resolve().parent.parent
PROGRAM = """
import sys
import numpy as np
from pipeline.engines.compiled._numba import compiled, kernel

@compiled
def twice(number):
    return 2.0 * number

@kernel
def all_twice(numbers):
    doubled = np.empty_like(numbers)
    for index in range(numbers.size):
        doubled[index] = twice(numbers[index])
    return doubled

print(all_twice(np.arange(4.0))[1:].tolist(), "numba.np.linalg" in sys.modules)
"""


class TestProcesses:
    def test_load_no_compiler_where_nothing_is_compiled(self, tmp_path: Path) -> None:
        program, cache = tmp_path / "program.py", tmp_path / "cache"
        program.write_text(PROGRAM)

        def told() -> str:
            done = subprocess.run(
                [sys.executable, str(program)],
                env=os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(PROJECT)},
                capture_output=True,
                text=True,
                check=True,
            )
            return done.stdout.strip()

        def forget(name: str) -> None:
            (path,) = cache.rglob(f"*.{name}-*.nbc")
            path.unlink()

        assert told() == "[2.0, 4.0, 6.0] True"
        assert told() == "[2.0, 4.0, 6.0] False"
        forget("twice")
        assert told() == "[2.0, 4.0, 6.0] False", "its code is part of the other's too"
        forget("all_twice")
        assert told() == "[2.0, 4.0, 6.0] True"
        forget("all_twice")
        assert told() == "[2.0, 4.0, 6.0] True", "one from disk, which the other is compiled with"
