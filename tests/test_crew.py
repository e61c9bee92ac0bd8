"""Who works on a run: each loads what it needs, and the main process not what others need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import small_season
from small_season import config, write_config

from pipeline.crew import CALCULATING, open_crew
from pipeline.executors import usable_cores

#: Modules that take seconds to load, and what they are for.
HEAVY = ("metpy.calc", "scipy.integrate")


@pytest.mark.parametrize("engine", ["metpy", "compiled"])
def test_the_main_process_never_loads_metpy(tmp_path: Path, engine: str) -> None:
    small_season.make_files(tmp_path)
    write_config(tmp_path, executor="pool", engine=engine, calculations=["k_index", "sbcape"])
    code = (
        "import sys\n"
        "if __name__ == '__main__':\n"
        "    from pipeline.cli import main\n"
        "    try: main(['run', '-q', 'season.yaml'])\n"
        f"    finally: print([name for name in {HEAVY} if name in sys.modules])\n"
    )
    (tmp_path / "program.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("changes", "verifies", "is_loaded"),
    [
        ({"engine": "metpy"}, False, True),
        ({"engine": "compiled"}, True, True),
        ({"engine": "compiled", "custom": small_season.custom("twice")}, False, True),
        ({"engine": "compiled"}, False, False),
    ],
    ids=["metpy", "verified", "custom", "compiled alone"],
)
def test_metpy_is_loaded_early_where_it_will_be_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, object],
    verifies: bool,
    is_loaded: bool,
) -> None:
    small_season.make_files(tmp_path)
    begun: list[tuple[str, ...]] = []
    monkeypatch.setattr("pipeline.executors.pool.prepare", lambda preload: begun.append(preload))
    settings = config(tmp_path, executor="pool", **changes)
    with open_crew(settings, ["sbcape"], "tonight", reads=False, verifies=verifies) as crew:
        assert (CALCULATING in begun) == is_loaded
        assert (crew.witness is not None) == verifies
        assert crew.calculating.workers == usable_cores()


def test_the_witness_of_corrected_rules_compares_what_they_leave_alone(tmp_path: Path) -> None:
    small_season.make_files(tmp_path)
    settings = config(tmp_path, engine="compiled", parcel_rules="corrected")
    names = ["sbcape", "sblcl_pressure", "k_index"]
    with open_crew(settings, names, "tonight", reads=True, verifies=True) as crew:
        assert crew.witness
        assert crew.witness.names == ["sblcl_pressure", "k_index"]
