"""Runs with the compiled engine: MetPy's season, in a fraction of the time, and looked after."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_season
from commands import command
from small_season import REAL, config, custom, write_config

import pipeline
from pipeline.calculations import CATALOGUE, DEFAULT_GROUPS
from pipeline.engines.compiled import engine
from pipeline.errors import ConfigError, PipelineError
from pipeline.run import run
from pipeline.season import Season
from pipeline.verify import Verification, differ, tolerance_of

WANTED = [*DEFAULT_GROUPS, "levels"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("season")
    small_season.make_files(place)
    return place


@pytest.fixture(scope="module")
def by_metpy(folder: Path) -> Season:
    return pipeline.open_season(run(config(folder, "metpy", calculations=WANTED)).path)


@pytest.fixture(scope="module")
def compiled(folder: Path) -> Season:
    settings = config(folder, "compiled", calculations=WANTED, engine="compiled")
    return pipeline.open_season(run(settings).path)


class TestTheSameSeason:
    def test_has_the_same_data_flags_and_verdicts(self, by_metpy: Season, compiled: Season) -> None:
        for name, variable in by_metpy.dataset.variables.items():
            if name in CATALOGUE or name in ("source_recipe", "calculation_message"):
                continue
            found = compiled.dataset[name].values
            assert found.tolist() == variable.values.tolist() or np.array_equal(
                found, variable.values, equal_nan=True
            ), name

    def test_has_metpys_numbers(self, by_metpy: Season, compiled: Season) -> None:
        for name in (name for name in by_metpy.dataset.variables if name in CATALOGUE):
            here, there = compiled.dataset[name].values, by_metpy.dataset[name].values
            assert not differ(here, there, *tolerance_of(CATALOGUE[name])).any(), name

    def test_has_the_same_variables_with_the_same_attributes(
        self, by_metpy: Season, compiled: Season
    ) -> None:
        assert list(compiled.dataset.variables) == list(by_metpy.dataset.variables)
        for name, variable in by_metpy.dataset.variables.items():
            assert str(compiled.dataset[name].attrs) == str(variable.attrs), name

    def test_says_for_the_same_reasons_what_is_missing(
        self, by_metpy: Season, compiled: Season
    ) -> None:
        messages = (each.dataset["calculation_message"].values for each in (compiled, by_metpy))
        for here, there in zip(*messages, strict=True):
            parts = [part for part in there.split("; ") if part and "MetPy warned" not in part]
            assert [part for part in here.split("; ") if part] == parts

    def test_says_who_computed_it_and_by_what_rules(self, compiled: Season) -> None:
        attributes = compiled.dataset.attrs
        assert (attributes["engine"], attributes["parcel_rules"]) == ("compiled", "metpy")
        recipe = json.loads(compiled.dataset["source_recipe"].values[0])
        assert recipe["engine"] == "compiled"
        assert {"numba", "llvmlite"} <= set(recipe["versions"])


class TestVerification:
    def test_stands_in_the_output_and_in_the_report(self, compiled: Season, folder: Path) -> None:
        told = json.loads(compiled.dataset.attrs["verification"])
        assert told["profiles"] == len(REAL)
        assert told["largest_difference"]["sbcape"] < 0.05
        assert set(told["largest_difference"]) >= {"mucin", "dcape", "wet_bulb_temperature"}
        reports = [json.loads(path.read_text()) for path in folder.glob("runs/*/results.json")]
        (report,) = [one for one in reports if one["output"].endswith("compiled.nc")]
        assert report["verification"]["profiles"] == len(REAL)
        assert report["verification"]["mismatches"] == []

    @pytest.mark.parametrize("error", [1.0, np.nan], ids=["wrong", "missing"])
    def test_of_a_wrong_number_ends_the_run_and_keeps_the_old_output(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, error: float
    ) -> None:
        original = engine.evaluate_batch

        def wrong(*arguments: Any, **options: Any) -> Any:
            found = original(*arguments, **options)
            return replace(
                found, scalars=found.scalars | {"mlcape": found.scalars["mlcape"] + error}
            )

        settings = config(folder, "wrong", calculations=["mlcape"], engine="compiled")
        before = run(settings).path.read_bytes()
        monkeypatch.setattr(engine, "evaluate_batch", wrong)
        monkeypatch.setattr("pipeline.verify.MOST_LOOKED_INTO", 1)  # one is as wrong as the next
        from pipeline.plan import Selection

        with pytest.raises(PipelineError, match=r"are not MetPy's: mlcape of .* by MetPy"):
            run(settings, selection=Selection(force=True))
        assert settings.output_path.read_bytes() == before
        assert not [path for path in folder.iterdir() if ".tmp-" in path.name]
        monkeypatch.undo()
        assert run(settings).exit_code == 0  # nothing of the wrong numbers is taken up
        assert settings.output_path.read_bytes() == before

    def test_on_demand(self, folder: Path, compiled: Season) -> None:
        done = command("verify", folder / "compiled.nc", "--all")
        assert done.exit_code == 0
        assert f"{len(REAL)} profiles computed again by MetPy" in done.stdout
        assert "all within tolerance" in done.stdout

    def test_on_demand_finds_a_changed_number(self, folder: Path, compiled: Season) -> None:
        import shutil

        import netCDF4

        shutil.copy(folder / "compiled.nc", folder / "changed.nc")
        with netCDF4.Dataset(folder / "changed.nc", "a") as file:
            values = np.asarray(file["sbcape"][...].filled(np.nan))
            strongest = int(np.nanargmax(values))
            file["sbcape"][strongest] = values[strongest] * 1.001
        done = command("verify", folder / "changed.nc", "--all")
        assert done.exit_code == 1
        assert "1 beyond tolerance" in done.stdout
        assert "sbcape of" in done.stdout

    def test_leaves_out_your_own_which_need_not_be_the_same_twice(self, folder: Path) -> None:
        own = custom("another_each_time")
        settings = config(folder, "own", calculations=["k_index"], custom=own, engine="compiled")
        told = json.loads(pipeline.open_season(run(settings).path).dataset.attrs["verification"])
        assert set(told["largest_difference"]) == {"k_index"}

    def test_leaves_out_what_has_lost_its_worker(self, folder: Path) -> None:
        """It has no results to compare, and said before that they are not MetPy's."""
        settings = config(
            folder,
            "lost",
            calculations=["k_index"],
            custom=custom("kill_at_victim"),
            engine="compiled",
            executor="pool",
        )
        season = pipeline.open_season(run(settings).path)
        told = json.loads(season.dataset.attrs["verification"])
        assert told["profiles"] == len(REAL) - 1
        done = command("verify", folder / "lost.nc", "--all")
        assert (done.exit_code, "all within tolerance" in done.stdout) == (0, True)
        assert "warning: 1 of the profiles chosen" in done.stdout
        done = command("verify", folder / "lost.nc", "--count", str(len(REAL)))
        assert f"{len(REAL) - 1} profiles computed again" in done.stdout, "none draws for the lost"
        assert "warning" not in done.stdout

    def test_on_demand_of_nothing_is_not_taken_for_agreement(
        self, folder: Path, compiled: Season, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lost = Verification(left_out=2).with_more(Verification(left_out=1))
        monkeypatch.setattr("pipeline.verify.verify_output", lambda *_: lost)
        done = command("verify", folder / "compiled.nc")
        assert done.exit_code == 1
        assert done.stdout.splitlines() == [
            "0 profiles computed again by MetPy",
            "there was nothing to compare",
            "warning: 3 of the profiles chosen for verification could not be compared with MetPy: "
            "the work on them was lost",
        ]

    def test_is_left_out_where_it_is_not_wanted(self, folder: Path) -> None:
        settings = config(
            folder, "unverified", calculations=["k_index"], engine="compiled", verify=0
        )
        assert "verification" not in pipeline.open_season(run(settings).path).dataset.attrs


class TestWhatHasNoKernel:
    def test_is_computed_by_metpy_in_the_same_run(self, folder: Path, compiled: Season) -> None:
        own = {"mine": {"function": "custom_calculations:mean_temperature",
                        "inputs": ["pressure", "temperature"], "units": "degC"}}  # fmt: skip
        settings = config(folder, "mixed", calculations=["sbcape"], custom=own, engine="compiled")
        season = pipeline.open_season(run(settings).path)
        assert season.dataset["sbcape"].values.tolist() == pytest.approx(
            compiled.dataset["sbcape"].values.tolist(), abs=0, nan_ok=True
        )
        for sounding in season:
            whole = np.isfinite(sounding.dewpoint) & np.isfinite(sounding.temperature)
            expected = float(sounding.temperature[whole].mean())
            assert float(sounding.mine) == pytest.approx(expected, abs=1e-9)

    def test_that_raises_costs_its_own_value(self, folder: Path) -> None:
        settings = config(
            folder,
            "struck",
            calculations=["sbcape"],
            custom=custom("raise_at_victim"),
            engine="compiled",
        )
        season = pipeline.open_season(run(settings).path)
        victim = season.sounding["GGW_20030620T0000"]
        assert "no luck in Glasgow" in str(victim.status_message.values)
        assert np.isfinite(victim.sbcape)
        assert np.isnan(victim.struck)


class TestRules:
    def test_corrected_is_for_the_compiled_engine(self, folder: Path) -> None:
        with pytest.raises(ConfigError, match="only 'engine: compiled' has other rules"):
            config(folder, "rules", parcel_rules="corrected")

    def test_corrected_stands_in_the_file_and_is_a_reason_to_compute(self, folder: Path) -> None:
        changes = {"calculations": ["sbcape", "k_index"], "engine": "compiled"}
        run(config(folder, "rules", **changes))
        path = write_config(folder, "rules", parcel_rules="corrected", **changes)
        assert "config changed: parcel_rules" in command("plan", path).stdout
        assert command("run", "-q", path).exit_code == 0
        attributes = pipeline.open_season(folder / "rules.nc").dataset.attrs
        assert attributes["parcel_rules"] == "corrected"
        assert set(json.loads(attributes["verification"])["largest_difference"]) == {"k_index"}

    def test_your_own_calculations_are_given_what_the_rules_have_led_to(self, folder: Path) -> None:
        own = custom("twice", inputs=["sbcape"], units="J/kg") | {
            "depth": custom("twice", inputs=["mllfc_height"], units="m")["struck"]
        }
        changes = {"calculations": ["sbcape", "mllfc_height"], "custom": own, "engine": "compiled"}
        settings = config(folder, "fed", parcel_rules="corrected", **changes)
        data = pipeline.open_season(run(settings).path).dataset
        by_metpys = pipeline.open_season(run(config(folder, "fed-metpy", **changes)).path).dataset
        assert np.nanmax(np.abs(data["sbcape"].values - by_metpys["sbcape"].values)) > 1.0
        for name, source in (("struck", "sbcape"), ("depth", "mllfc_height")):
            wanted = 2.0 * data[source].values
            is_there = np.isfinite(wanted)  # a negative CAPE is masked, though not what it led to
            assert data[name].values[is_there].tolist() == pytest.approx(wanted[is_there].tolist())


def test_another_engine_is_a_reason_to_compute(folder: Path) -> None:
    run(config(folder, "engines", calculations=["k_index"]))
    path = write_config(folder, "engines", calculations=["k_index"], engine="compiled")
    assert "config changed: engine" in command("plan", path).stdout


@pytest.mark.parametrize(
    "words",
    [["run", "metpy.yaml"], ["plan", "compiled.yaml"], ["status", "compiled.yaml"], ["formats"]],
    ids=" ".join,
)
def test_other_commands_do_not_import_numba(
    folder: Path, by_metpy: Season, compiled: Season, words: list[str]
) -> None:
    code = (
        "import sys; from pipeline.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('numba' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "False"
