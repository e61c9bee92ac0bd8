"""Post-conditions: what must hold between results, whoever computed them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from season_sample import evaluated
from sounding_rows import cleaned

from pipeline.calculations import CATALOGUE
from pipeline.flags import Reason, Status, from_mask, verdict
from pipeline.quality.results import CONDITIONS, Judgement, judge, judge_levels, needed_for
from pipeline.readers import read_source

#: Results of one good profile, for one parcel; LCL, LFC and EL one above the other.
GOOD = {
    "cape": 1500.0,
    "cin": -20.0,
    "lcl_pressure": 900.0,
    "lfc_pressure": 850.0,
    "el_pressure": 200.0,
    "lcl_height": 900.0,
    "lfc_height": 1400.0,
    "el_height": 12000.0,
    "_positive_area": 1520.0,
    "_top_buoyancy": -8.0,
}
OTHERS = {"supercell_composite": 3.0, "significant_tornado": 1.0, "k_index": 30.0}
WANTED = [f"{parcel}{name}" for parcel in ("sb", "ml", "mu") for name in GOOD] + [*OTHERS]
NO_RANGES: dict[str, tuple[float, float]] = {}

parcels = pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])


def profiles(**broken: float) -> dict[str, np.ndarray]:
    """Return results of a good profile, and of a second one with other values of some."""
    good = {f"{parcel}{name}": x for parcel in ("sb", "ml", "mu") for name, x in GOOD.items()}
    return {name: np.array([x, broken.get(name, x)]) for name, x in (good | OTHERS).items()}


def judged(wanted: list[str] = WANTED, **broken: float) -> Judgement:
    return judge(profiles(**broken), NO_RANGES, wanted)


def masked(judgement: Judgement, **broken: float) -> set[str]:
    """Return what the post-conditions masked in the second profile."""
    given = profiles(**broken)
    return {
        name
        for name, values in judgement.values.items()
        if np.isnan(values[1]) and not np.isnan(given[name][1])
    }


def told(judgement: Judgement) -> set[str]:
    """Return the labels of the reasons that the second profile was given."""
    return {reason.label for reason in from_mask(int(judgement.reasons[1]))}


def assert_first_is_untouched(judgement: Judgement) -> None:
    assert judgement.reasons[0] == 0
    assert judgement.messages[0] == []
    assert all(values[0] == profiles()[name][0] for name, values in judgement.values.items())


class TestEachCondition:
    def test_good_results_pass(self) -> None:
        judgement = judged()
        assert_first_is_untouched(judgement)
        assert told(judgement) == set()
        assert masked(judgement) == set()

    @parcels
    def test_without_an_lfc_cin_and_el_mean_nothing(self, parcel: str) -> None:
        """MetPy's CIN of 0 would read as "not capped at all"."""
        broken = {f"{parcel}lfc_pressure": np.nan, f"{parcel}cin": 0.0, f"{parcel}cape": 0.0}
        broken[f"{parcel}_positive_area"] = 0.0
        if parcel == "mu":
            broken |= {"sbcape": 0.0, "sb_positive_area": 0.0}
        judgement = judged(**broken)
        expected = {f"{parcel}cin", f"{parcel}el_pressure", f"{parcel}el_height"}
        assert masked(judgement, **broken) == expected
        assert told(judgement) == set()
        assert_first_is_untouched(judgement)

    @pytest.mark.parametrize(
        ("parcel", "composite"),
        [("sb", "significant_tornado"), ("ml", None), ("mu", "supercell_composite")],
    )
    def test_negative_cape_is_masked_and_what_is_made_of_it(
        self, parcel: str, composite: str | None
    ) -> None:
        broken = {f"{parcel}cape": -0.5, f"{parcel}_positive_area": 0.0}
        if parcel == "mu":
            broken |= {"sbcape": 0.0, "sb_positive_area": 0.0}
        judgement = judged(**broken)
        expected = {f"{parcel}cape"} | ({composite} if composite else set())
        assert masked(judgement, **broken) == expected
        assert told(judgement) == {"negative_cape"}
        assert judgement.messages[1] == [f"{parcel}cape was -0.5 J/kg and is masked"]
        assert_first_is_untouched(judgement)

    @pytest.mark.parametrize(
        ("cape", "area", "missed"),
        [
            (0.0, 51.0, True),  # CAPE of exactly 0 for a parcel that is plainly buoyant
            (0.0, 50.0, False),
            (900.0, 1000.0, False),  # 100 J/kg are tolerated
            (899.0, 1000.0, True),
            (4500.0, 5000.0, False),  # and a tenth of much
            (4499.0, 5000.0, True),
            (2000.0, 1500.0, False),  # CAPE above the area is no loss
        ],
    )
    @parcels
    def test_cape_must_not_miss_the_buoyancy(
        self, parcel: str, cape: float, area: float, missed: bool
    ) -> None:
        both = {f"{parcel}cape": cape, f"{parcel}_positive_area": area}
        everywhere = {f"{p}cape": cape for p in ("sb", "ml", "mu")}
        everywhere |= {f"{p}_positive_area": cape for p in ("sb", "ml", "mu")}
        judgement = judged(**(everywhere | both))
        assert told(judgement) == ({"cape_misses_buoyancy"} if missed else set())
        assert masked(judgement, **(everywhere | both)) == set()  # kept, but flagged
        if missed:
            (message,) = judgement.messages[1]
            assert f"{parcel}cape is {cape:.0f} J/kg" in message
            assert f"hold {area:.0f}" in message

    @parcels
    def test_a_parcel_still_buoyant_at_the_top_is_told(self, parcel: str) -> None:
        judgement = judged(**{f"{parcel}_top_buoyancy": 0.4})
        assert told(judgement) == {"top_below_equilibrium_level"}
        assert judgement.messages[1] == [
            f"the {parcel} parcel is 0.4 K warmer at the top of the data"
        ]
        assert masked(judgement) == set()

    @parcels
    @pytest.mark.parametrize(
        ("lcl", "lfc", "el", "ordered"),
        [
            (900.0, 900.05, 200.0, True),  # rounding
            (900.0, 900.2, 200.0, False),
            (900.0, 850.0, 850.05, True),
            (900.0, 850.0, 860.0, False),
            (900.0, np.nan, np.nan, True),
        ],
    )
    def test_lcl_lfc_and_el_come_one_above_the_other(
        self, parcel: str, lcl: float, lfc: float, el: float, ordered: bool
    ) -> None:
        broken = {
            f"{parcel}lcl_pressure": lcl,
            f"{parcel}lfc_pressure": lfc,
            f"{parcel}el_pressure": el,
        }
        judgement = judged(**broken)
        assert told(judgement) == (set() if ordered else {"parcel_levels_disordered"})
        if not ordered:
            assert judgement.messages[1] == [
                f"{parcel} LCL {lcl:.0f}, LFC {lfc:.0f}, EL {el:.0f} hPa"
            ]

    @pytest.mark.parametrize(
        ("mucape", "sbcape", "short"),
        [
            (1475.0, 1500.0, False),
            (1424.0, 1500.0, True),  # more than 5 %
            (380.0, 400.0, False),
            (374.0, 400.0, True),  # more than 25 J/kg
            (2000.0, 1500.0, False),
        ],
    )
    def test_the_most_unstable_cape_is_not_below_the_surface_based_one(
        self, mucape: float, sbcape: float, short: bool
    ) -> None:
        broken = {"mucape": mucape, "mu_positive_area": mucape}
        broken |= {"sbcape": sbcape, "sb_positive_area": sbcape}
        judgement = judged(**broken)
        assert told(judgement) == ({"mucape_below_sbcape"} if short else set())
        assert masked(judgement, **broken) == set()

    def test_missing_values_break_nothing(self) -> None:
        judgement = judged(**dict.fromkeys(WANTED, np.nan))
        assert judgement.reasons.tolist() == [0, 0]
        assert judgement.messages == [[], []]

    def test_several_can_be_broken_at_once(self) -> None:
        judgement = judged(sbcape=-10.0, sb_top_buoyancy=1.0, mu_top_buoyancy=2.0)
        assert {"negative_cape", "top_below_equilibrium_level"} <= told(judgement)
        assert len(judgement.messages[1]) == 3 + ("cape_misses_buoyancy" in told(judgement))


class TestValidRanges:
    RANGES = {"k_index": (-120.0, 70.0), "sbcape": (0.0, 12000.0)}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("value", "kept"), [(70.0, True), (-120.0, True), (70.1, False), (np.inf, False)]
    )
    def test_a_value_outside_is_masked_and_told(self, value: float, kept: bool) -> None:
        judgement = judge(profiles(k_index=value), self.RANGES, WANTED)
        assert np.isnan(judgement.values["k_index"][1]) == (not kept)
        assert told(judgement) == (set() if kept else {"value_out_of_range"})
        if not kept:
            expected = f"k_index was {value:g}, outside -120 to 70, and is masked"
            assert judgement.messages[1] == [expected]
        assert_first_is_untouched(judgement)

    def test_an_infinite_value_is_outside_of_every_range(self) -> None:
        ranges = {"k_index": (-np.inf, np.inf)}
        judgement = judge(profiles(k_index=-np.inf), ranges, WANTED)
        assert np.isnan(judgement.values["k_index"][1])
        assert told(judgement) == {"value_out_of_range"}

    def test_values_at_levels_are_masked_and_told_by_profile(self) -> None:
        # Air of 55 degC and saturated at 150 hPa: more vapour than there is air, so theta-e is
        # infinite. Between two faultless profiles and one without a level.
        fine = [10.0, 320.0, np.nan]
        theta_e = np.array([*fine, 350.0, np.inf, np.inf, *fine])
        bounds = np.array([0, 3, 6, 6, 9])
        values, messages = judge_levels("theta_e", theta_e, (-np.inf, np.inf), bounds)
        nan = np.nan
        np.testing.assert_array_equal(values, [*fine, 350.0, nan, nan, *fine])
        assert messages == {
            1: "theta_e was inf at 2 of 3 levels, outside -inf to inf, and is masked"
        }
        assert np.isinf(theta_e[4]), "what is given is not changed"

    def test_what_another_condition_masked_is_not_told_twice(self) -> None:
        broken = profiles(sbcape=-3.0, sb_positive_area=0.0)
        judgement = judge(broken, self.RANGES, WANTED)
        assert told(judgement) == {"negative_cape"}


class TestWhoIsAsked:
    def test_only_what_is_wanted_is_judged(self) -> None:
        judgement = judged(["k_index"], sbcape=-10.0, mu_top_buoyancy=3.0)
        assert judgement.reasons.tolist() == [0, 0]
        assert judgement.values["sbcape"][1] == -10.0

    def test_what_the_judging_needs_is_said_beforehand(self) -> None:
        assert set(needed_for(["mucape"])) == {
            *("mucape", "sbcape", "mu_positive_area", "mu_top_buoyancy")
        }
        assert set(needed_for(["significant_tornado"])) == {
            *("sbcape", "sb_positive_area", "sb_top_buoyancy")
        }
        assert needed_for(["k_index", "bulk_shear_0_6km"]) == []

    @pytest.mark.parametrize("wanted", [*CATALOGUE])
    def test_for_any_one_request_that_is_enough(self, wanted: str) -> None:
        names = [wanted, *needed_for([wanted])]
        judge({name: np.array([1.0]) for name in names}, NO_RANGES, [wanted])

    def test_every_condition_speaks_of_what_is_in_the_catalogue(self) -> None:
        for condition in CONDITIONS:
            assert {*condition.about, *condition.needs, *condition.masks} <= set(CATALOGUE)
            # What is masked for it must be what it is about: it is looked at when that is wanted.
            assert set(condition.masks) <= set(condition.about)

    def test_what_is_given_is_not_changed(self) -> None:
        given = profiles(sbcape=-10.0, k_index=99.0)
        before = {name: values.copy() for name, values in given.items()}
        judge(given, TestValidRanges.RANGES, WANTED)
        for name, values in before.items():
            np.testing.assert_array_equal(given[name], values)

    def test_no_profiles_are_no_problem(self) -> None:
        judgement = judge({name: np.empty(0) for name in WANTED}, NO_RANGES, WANTED)
        assert judgement.messages == []


class TestReal:
    """Of the 2142 soundings of SARS one has a negative CAPE, and it is in the season."""

    def results(self, path: Path, names: list[str]) -> dict[str, Any]:
        (raw,) = read_source(str(path)).profiles
        found = evaluated(cleaned(raw), tuple(names))
        return dict(zip(names, found.scalars.reshape(-1, 1), strict=True))

    def test_columbus_2003_03_28(self, season_folder: Path) -> None:
        wanted = ["sbcape", "mlcape", "mucape", "significant_tornado", "supercell_composite"]
        names = list(dict.fromkeys([*wanted, *needed_for(wanted)]))
        values = self.results(season_folder / "03032821m_n.mbs", names)
        assert values["sbcape"][0] < 0.0  # MetPy's
        ranges = {name: CATALOGUE[name].valid_range for name in names}
        judgement = judge(values, ranges, wanted)
        assert from_mask(int(judgement.reasons[0])) == [Reason.NEGATIVE_CAPE]
        gone = {name for name in wanted if np.isnan(judgement.values[name][0])}
        assert gone == {"sbcape", "significant_tornado"}
        assert judgement.values["mucape"][0] == values["mucape"][0] > 100.0
        assert verdict(from_mask(int(judgement.reasons[0])))[0] == Status.SUSPECT

    def test_why_humidity_is_extended(self, season_folder: Path) -> None:
        """Without it, MetPy ends many an ascent where humidity ends, far below the EL."""
        wanted = ["sbcape"]
        names = list(dict.fromkeys([*wanted, *needed_for(wanted)]))
        caught = 0
        for path in sorted(season_folder.glob("03*"))[::4]:
            (raw,) = read_source(str(path)).profiles
            kept = cleaned(raw, humidity_aloft="keep", humidity_gaps="keep")
            whole = cleaned(raw)
            if Reason.HUMIDITY_EXTENDED_ALOFT not in whole.reasons:
                continue
            values = dict(
                zip(names, evaluated(kept, tuple(names)).scalars.reshape(-1, 1), strict=True)
            )
            extended = evaluated(whole, ("sbcape",)).scalars[0]
            if extended - values["sbcape"][0] > 150.0:
                judgement = judge(values, NO_RANGES, wanted)
                reasons = {reason.label for reason in from_mask(int(judgement.reasons[0]))}
                told = {*reasons, *(reason.label for reason in kept.reasons)}
                assert told & {"top_below_equilibrium_level", "humidity_ends_early"}, path.name
                caught += 1
        assert caught >= 1
