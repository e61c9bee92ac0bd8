"""The compiled engine as a whole: every number MetPy's, whatever block, thread or storage."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled_agreement import batch, changed, examples, soundings
from compiled_cases import block, from_rows, season, season_by_metpy
from hypothesis import given
from hypothesis import strategies as st
from sounding_rows import FAULTLESS

from pipeline.calculations import CATALOGUE, Calculation
from pipeline.engines.compiled import missing
from pipeline.engines.compiled.blocks import WINDS, Block, Rows, compact
from pipeline.engines.compiled.engine import (
    BLOCK_ROWS,
    Results,
    _parts,
    evaluate_batch,
    plan,
)
from pipeline.engines.metpy import Request, evaluate

nan = float("nan")
EVERYTHING = tuple(name for name, each in CATALOGUE.items() if each.units)
#: Without MetPy's slowest, of which the tests of the levels are.
SCALARS = tuple(name for name in EVERYTHING if not CATALOGUE[name].per_level)


def tolerance(calculation: Calculation) -> float:
    """Return by how much results may differ, for what MetPy's own solver leaves open."""
    if calculation.name.endswith("cin"):
        return 0.01
    by_units = {"J kg-1": 0.05, "hPa": 0.01, "m": 0.25, "degC": 1e-3, "K": 1e-3}
    if calculation.group == "composites":
        return 2e-3
    return by_units.get(calculation.units, 1e-9)


def gappy(levels: Rows) -> Rows:
    """Return a sounding with each input missing somewhere."""
    return changed(
        levels, temperature={1: nan}, dewpoint={2: nan}, height={3: nan}, u_wind={1: nan, 4: nan}
    )


class TestResults:
    def test_of_the_whole_catalogue_are_metpys(self) -> None:
        results, expected = batch(season(), *SCALARS), season_by_metpy(SCALARS)
        for place, name in enumerate(SCALARS):
            wanted = np.array([each.scalars[place] for each in expected])
            is_told = results.codes[name] != missing.ERROR
            np.testing.assert_allclose(
                results.scalars[name][is_told],
                wanted[is_told],
                rtol=1e-6,
                atol=tolerance(CATALOGUE[name]),
                err_msg=name,
            )

    def test_lack_what_metpys_lack_for_the_reasons_that_it_gives(self) -> None:
        assert batch(season(), *SCALARS).missing() == {
            index: each.missing
            for index, each in enumerate(season_by_metpy(SCALARS))
            if each.missing
        }

    def test_hold_nothing_but_what_was_wanted(self) -> None:
        results = batch(season()[:2], "supercell_composite", "mixing_ratio")
        assert set(results.scalars) == {"supercell_composite"}
        assert set(results.levels) == {"mixing_ratio"}
        assert set(results.codes) == {"supercell_composite", "mixing_ratio"}

    def test_of_no_profile_and_of_no_level(self) -> None:
        assert batch([Rows(*np.empty((6, 0)))], "k_index").missing() == {
            0: {"k_index": "fewer than two levels have temperature and dewpoint"}
        }
        none = evaluate_batch(np.zeros(1, np.int64), [np.empty(0)] * 6, ["k_index", "mixing_ratio"])
        assert none.scalars["k_index"].shape == none.levels["mixing_ratio"].shape == (0,)

    def test_of_a_word_that_is_no_calculation(self) -> None:
        with pytest.raises(KeyError, match="kindex"):
            batch(season()[:1], "kindex")


def assert_identical(one: Results, other: Results, order: Sequence[int] | None = None) -> None:
    """Assert that scalars are the same to the last bit."""
    for name, values in other.scalars.items():
        left = one.scalars[name] if order is None else one.scalars[name][list(order)]
        np.testing.assert_array_equal(left, values, err_msg=name)


class TestSameResults:
    """What a profile gets depends on nothing but the profile."""

    @pytest.mark.parametrize("rows", [1, 500, 10**6])
    def test_in_blocks_of_any_size(self, rows: int) -> None:
        assert_identical(batch(season(), *SCALARS), batch(season(), *SCALARS, block_rows=rows))

    def test_in_blocks_with_profiles_that_have_no_level(self) -> None:
        none = Rows(*np.empty((6, 0)))
        profiles = [none, none, season()[0], none, season()[1], none]
        results = batch(profiles, "k_index", block_rows=1)
        assert_identical(results, batch(profiles, "k_index"))
        has_one = np.isfinite(results.scalars["k_index"])
        assert has_one.tolist() == [False, False, True, False, True, False]

    @pytest.mark.parametrize("name", ["sbcape", "k_index", "srh_0_3km", "supercell_composite"])
    def test_asked_for_alone(self, name: str) -> None:
        alone, among_all = batch(season(), name), batch(season(), *SCALARS)
        np.testing.assert_array_equal(alone.scalars[name], among_all.scalars[name])
        missing_alone = {profile: why for profile, why in alone.missing().items() if name in why}
        assert missing_alone == {
            profile: {name: why[name]}
            for profile, why in among_all.missing().items()
            if name in why
        }

    def test_after_one_whose_downdraft_is_unknown(self) -> None:
        """What is left of a profile in the kernels' memory is in no other's result."""
        rows = [
            [900.0, 850.0, 750.0, 700.0, 600.0, 500.0],
            [30.0, 15.0, 0.0, -15.0, -30.0, -45.0],
            [20.0, 2.0, -16.0, -34.0, -52.0, -70.0],
            [0.0, 1400.0, 2800.0, 4200.0, 5600.0, 7000.0],
            [5.0] * 6,
            [0.0, 2.0, 4.0, 6.0, 8.0, 10.0],
        ]
        good = Rows(*map(np.array, rows))
        impossible = good._replace(temperature=np.full(6, -999.0))
        alone, among = (
            batch(profiles, "dcape") for profiles in ([impossible], [impossible, good, impossible])
        )
        assert alone.codes["dcape"].tolist() == [missing.ERROR]
        assert among.codes["dcape"].tolist() == [missing.ERROR, missing.NOTHING, missing.ERROR]

    @pytest.mark.parametrize("threads", [2, 5])
    def test_on_any_number_of_threads(self, threads: int) -> None:
        alone = batch(season(), *SCALARS, threads=1, block_rows=100)
        assert_identical(alone, batch(season(), *SCALARS, threads=threads, block_rows=100))

    @pytest.mark.parametrize("threads", [1, 2, 3])
    def test_none_where_one_thread_fails_and_the_others_end(
        self, threads: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun: list[int] = []

        def fail(*_arguments: Any) -> None:
            begun.append(len(begun))
            time.sleep(0.02)
            if begun[-1] >= 3:
                raise MemoryError("of the fourth")

        monkeypatch.setattr("pipeline.engines.compiled.engine._fill", fail)
        with pytest.raises(MemoryError, match="of the fourth"):
            batch(season(), "k_index", threads=threads, block_rows=100)
        assert len(begun) <= 4 + threads

    def test_in_any_order(self) -> None:
        backwards = range(len(season()) - 1, -1, -1)
        turned = batch([season()[index] for index in backwards], *SCALARS)
        assert_identical(batch(season(), *SCALARS), turned, backwards)

    @examples
    @given(st.lists(soundings(), max_size=4), soundings())
    def test_beside_any_others(self, others: list[Rows], levels: Rows) -> None:
        names = [name for name in EVERYTHING if CATALOGUE[name].group != "diagnostics"]
        alone, together = batch([levels], *names), batch([*others, levels], *names)
        for name in alone.scalars:
            assert np.array_equal(
                alone.scalars[name], together.scalars[name][-1:], equal_nan=True
            ), name
        own = slice(len(together.levels["mixing_ratio"]) - len(levels.pressure), None)
        for name in alone.levels:
            assert np.array_equal(alone.levels[name], together.levels[name][own], equal_nan=True), (
                name
            )

    def test_from_read_only_and_strided_arrays(self) -> None:
        levels = season()[0]
        wide = np.array(levels).T.copy()
        wide.flags.writeable = False
        offsets = np.array([0, len(wide)], np.int32)
        assert_identical(
            batch([levels], *SCALARS), evaluate_batch(offsets, list(wide.T), list(SCALARS))
        )

    def test_from_rows_before_and_after_which_nobody_asks_for(self) -> None:
        levels = season()[0]
        rows = [np.concatenate([[1.0, 2.0], values, [3.0]]) for values in levels]
        offsets = np.array([2, 2 + len(levels.pressure)])
        assert_identical(batch([levels], *SCALARS), evaluate_batch(offsets, rows, list(SCALARS)))


ONE_INDEX = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
from pipeline.engines.compiled.engine import evaluate_batch
rows = [[1000, 850, 700, 500], [20, 10, 0, -20], [15, 5, -9, -30], [0, 1500, 3000, 5500]]
evaluate_batch([0, 4], [*rows, [0] * 4, [0] * 4], ["k_index"])
"""


def test_the_first_compilation_is_announced_and_no_other(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", ONE_INDEX], env=environment, capture_output=True, check=True
        ).stderr.decode()
        for _ in range(2)
    ]
    assert "are being compiled, once for this machine and version" in said[0]
    assert said[1] == ""


#: Pages asked of the system by one thread for profiles that were gone through once before.
PAGES = """
import resource
import numpy as np
from pipeline.engines.compiled.engine import BLOCK_ROWS, evaluate_batch

sounding = [[1000, 850, 700, 500], [20, 10, 0, -20], [15, 5, -9, -30], [0, 1500, 3000, 5500]]
count = 2 * BLOCK_ROWS // 4
rows = [np.tile(np.array(row, float), count) for row in [*sounding, [5] * 4, [5] * 4]]

def evaluate():
    evaluate_batch(np.arange(count + 1) * 4, rows, ["sbcape"], threads=1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

before = evaluate()
print(evaluate() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="how glibc keeps memory")
def test_blocks_use_the_memory_of_those_before() -> None:
    """An array of a block has 120 pages, and some thirty are made."""
    pages = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, check=True).stdout
    assert int(pages) < 300


class TestParts:
    """How profiles are shared out among threads."""

    def sizes(self, profiles: int, threads: int) -> list[int]:
        offsets = np.arange(profiles + 1) * 1000
        parts = _parts(offsets, threads, BLOCK_ROWS)
        ends = [part.stop for part in parts]
        assert [part.start for part in parts] == [0, *ends[:-1]]
        assert ends[-1] == profiles
        return [part.stop - part.start for part in parts]

    def test_begin_with_one_profile_alone_and_end_small(self) -> None:
        """Half a thread's share of what is left, from 61 down to 8 profiles."""
        sizes = self.sizes(600, threads=2)
        assert sizes[:3] == [1, 61, 61]
        assert sizes[1:-1] == sorted(sizes[1:-1], reverse=True)
        assert max(sizes[-4:]) == 8

    def test_of_few_profiles_are_few(self) -> None:
        assert self.sizes(20, threads=8) == [1, 8, 8, 3]


class TestLevelsOfABlock:
    """The compiled engine picks the levels that MetPy's picks."""

    def compacted(self, profiles: Sequence[Rows], *, with_winds: bool) -> Block:
        sizes = [len(levels.pressure) for levels in profiles]
        rows = [np.concatenate([np.empty(0), *each]) for each in zip(*profiles, strict=True)]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return compact(offsets, Rows(*rows), with_winds)

    def check(self, profiles: Sequence[Rows]) -> None:
        found, wanted = self.compacted(profiles, with_winds=True), block(profiles)
        for name in Block._fields:
            np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)

    def test_on_the_season(self) -> None:
        self.check(season())

    @examples
    @given(st.lists(soundings(), min_size=1, max_size=4))
    def test_of_any_soundings(self, profiles: list[Rows]) -> None:
        self.check(profiles)

    def test_with_gaps_and_with_heights_that_fall(self) -> None:
        levels = from_rows(FAULTLESS)
        self.check([gappy(levels), changed(levels, height={4: 900.0, 5: 800.0}), levels])

    def test_are_looked_for_winds_only_where_somebody_asks_for_them(self) -> None:
        assert not plan(["sbcape", "k_index", "precipitable_water"], CATALOGUE).takes_winds
        assert plan(["srh_0_3km"], CATALOGUE).takes_winds
        assert plan(["supercell_composite"], CATALOGUE).takes_winds

    def test_without_winds_where_nobody_asks_for_them(self) -> None:
        without, wanted = self.compacted(season(), with_winds=False), block(season())
        for name in set(Block._fields) - WINDS:
            np.testing.assert_array_equal(getattr(without, name), getattr(wanted, name))
        assert not any(np.any(getattr(without, name)) for name in WINDS)

    def test_with_infinities(self) -> None:
        levels = from_rows(FAULTLESS)
        self.check([changed(levels, height={0: np.inf}, u_wind={2: np.inf}, dewpoint={3: -np.inf})])


def own_calculation(*inputs: str, name: str = "own", kernel: str = "") -> Calculation:
    return Calculation(name=name, units="1", inputs=inputs, function="m:f", kernel=kernel)


class TestWhatIsLeftToMetpy:
    def test_is_what_has_no_kernel_for_every_profile(self) -> None:
        custom = (own_calculation("pressure"),)
        results = batch(season()[:2], "k_index", "own", custom=custom)
        assert results.without_kernel == ("own",)
        assert results.for_metpy() == {0: ("own",), 1: ("own",)}
        assert set(results.codes) == {"k_index"}

    def test_is_also_what_is_computed_from_that(self) -> None:
        custom = (
            own_calculation("pressure"),
            own_calculation("k_index", "own", name="more", kernel="indices:k_index"),
        )
        results = batch(season()[:1], "more", custom=custom)
        assert results.for_metpy() == {0: ("more",)}

    @pytest.mark.parametrize(
        ("known", "value", "why"),
        [(250.0, 500.0, {}), ("no reason", nan, {"double": "no reason"})],
        ids=["a value", "why there is none"],
    )
    def test_is_computed_from_what_is_known(
        self, known: float | str, value: float, why: dict[str, str]
    ) -> None:
        double = Calculation(
            name="double",
            units="J kg-1",
            inputs=("sbcape",),
            function="custom_calculations:twice",
            group="custom",
        )
        request = Request(("double",), (double,), {"sbcape": known})
        found = evaluate(*season()[0], request=request)
        np.testing.assert_array_equal(found.scalars, [value])
        assert (found.missing, found.errors) == (why, {})

    def test_is_what_only_metpy_can_tell(self) -> None:
        column = np.array([1.0, nan, nan])
        codes = np.array([missing.NOTHING, missing.ERROR, missing.WINDS_TOO_LOW], np.uint8)
        winds = np.array([0.0, 0.0, 12.0])
        results = Results({"srh_0_1km": column}, {}, {"srh_0_1km": codes}, winds, 10 * winds, ())
        assert results.for_metpy() == {1: ("srh_0_1km",)}
        assert results.missing() == {2: {"srh_0_1km": "the winds end 120 m above ground"}}


class TestPlan:
    def test_every_calculation_has_a_kernel(self) -> None:
        for calculation in CATALOGUE.values():
            module, _, function = calculation.kernel.partition(":")
            home = importlib.import_module(f"pipeline.engines.compiled.{module}")
            assert callable(getattr(home, function)), calculation.name

    def test_calls_each_kernel_with_each_input_once(self) -> None:
        calls = plan(["mlcape", "mlcin", "mlel_pressure", "ml_lifted_index"], CATALOGUE).calls
        kernels = [call.function.__name__ for call in calls]
        assert kernels.count("ml_start") == kernels.count("ascent") == 1
        assert kernels.count("cape_cin") == 1

    def test_calls_nothing_that_is_not_needed(self) -> None:
        calls = plan(["bulk_shear_0_1km"], CATALOGUE).calls
        assert [call.function.__name__ for call in calls] == ["bulk_shear"]

    @pytest.mark.parametrize("corrected", [False, True])
    def test_hands_the_rules_on_to_kernels_that_know_them(self, corrected: bool) -> None:
        def options(name: str) -> list[Any]:
            calls = plan([name], CATALOGUE, corrected=corrected).calls
            return [call.options["corrected"] for call in calls if "corrected" in call.options]

        assert options("sbcape") == [corrected]
        assert options("k_index") == []
