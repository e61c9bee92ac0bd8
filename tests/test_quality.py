"""The cleaning contract as a whole: what holds for every profile that can be imagined."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sounding_rows import (
    FAULTLESS,
    cleaned,
    column,
    flags,
    nan,
    profile,
    reasons,
    rows_of,
    same_values,
    touched,
)

from pipeline.config import Quality
from pipeline.flags import CLEANING_STEPS, QC, Reason, Status, from_mask, to_mask, verdict
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Extra, Profile
from pipeline.quality import clean
from pipeline.readers import read_source

ALL_OFF = Quality(
    gross_range=False,
    below_station=False,
    pressure_order=False,
    clip_dewpoint=False,
    humidity_gaps="keep",
    humidity_aloft="keep",
    derive_height=False,
    derive_pressure=False,
)

any_float = st.floats(width=64) | st.sampled_from([nan, -9999.0, 0.0, -0.0, 1e-320, 9.97e36])


def anything(plausible: st.SearchStrategy[float]) -> st.SearchStrategy[float]:
    """Return mostly plausible values, now and then anything a float can be."""
    return st.one_of(plausible, plausible, plausible, plausible, any_float)


def profiles(wild: bool = True) -> st.SearchStrategy[Profile]:
    """Return profiles: in no order, with gaps, and if `wild` with any value at all.

    Tame ones state no altitude either, which could contradict their heights.
    """
    plausible = {
        "pressure": st.floats(100.0, 1050.0) | st.sampled_from([850.0, 850.05, 849.95, 500.0]),
        "temperature": st.floats(-80.0, 40.0),
        "dewpoint": st.floats(-100.0, 35.0),
        "height": st.floats(0.0, 20000.0) | st.sampled_from([100.0, 1500.0]),
        "u_wind": st.floats(-100.0, 100.0),
        "v_wind": st.floats(-100.0, 100.0),
    }
    values = {
        name: anything(strategy) if wild else strategy | st.just(nan)
        for name, strategy in plausible.items()
    }
    row = st.tuples(*(values[name] for name in LEVEL_VARIABLES))

    def make(rows: list[tuple[float, ...]], order: str, altitude: float) -> Profile:
        if order != "any":
            rows = sorted(rows, key=lambda row: row[0], reverse=order == "falling")
        columns = np.array(rows, dtype=float).reshape(len(rows), 6).T
        return Profile(
            **dict(zip(LEVEL_VARIABLES, columns, strict=True)),
            surface_altitude=altitude,
            extras={"place": Extra(np.arange(len(rows), dtype=float))},
        )

    altitudes = st.just(nan) | any_float if wild else st.just(nan)
    orders = st.sampled_from(["any", "falling", "falling", "rising"])
    return st.builds(make, st.lists(row, max_size=12), orders, altitudes)


settings_of_all_kinds = st.builds(
    Quality,
    gross_range=st.booleans(),
    below_station=st.booleans(),
    pressure_order=st.just(True),
    clip_dewpoint=st.booleans(),
    humidity_gaps=st.sampled_from(["interpolate", "keep"]),
    humidity_aloft=st.sampled_from(["extend", "keep", "reject"]),
    derive_height=st.booleans(),
    derive_pressure=st.booleans(),
)


def assert_consistent(checked: CheckedProfile) -> None:
    """Assert what the rest of the house relies on."""
    levels = len(checked.profile)
    assert set(checked.qc) == set(LEVEL_VARIABLES)
    for name in LEVEL_VARIABLES:
        values, qc = getattr(checked.profile, name), checked.qc[name]
        assert values.shape == qc.shape == (levels,)
        assert (values.dtype, qc.dtype) == (np.float64, np.int8)
        missing = np.isin(qc, [QC.FAIL, QC.MISSING])
        np.testing.assert_array_equal(np.isfinite(values), ~missing, err_msg=name)
    for extra in checked.profile.extras.values():
        assert extra.values.shape == (levels,)
    assert set(checked.counts) == {step.label for step in CLEANING_STEPS}
    assert {r.label for r in checked.reasons if r in CLEANING_STEPS} == set(touched(checked))
    assert all(count >= 0 for count in checked.counts.values())


class TestWhateverComes:
    @settings(max_examples=300, deadline=None)
    @given(profiles(), settings_of_all_kinds)
    def test_it_is_cleaned_and_said_so_and_never_raises(
        self, raw: Profile, quality: Quality
    ) -> None:
        with np.errstate(all="ignore"):
            checked = clean(raw, quality)
        assert_consistent(checked)
        pressure = checked.profile.pressure
        assert np.all(pressure > 0)
        if quality.gross_range:  # 1e300 hPa has no room for small differences
            assert np.all(np.diff(pressure) < 0)

    @settings(max_examples=100, deadline=None)
    @given(profiles())
    def test_even_with_every_step_switched_off(self, raw: Profile) -> None:
        with np.errstate(all="ignore"):
            assert_consistent(clean(raw, ALL_OFF))

    @settings(max_examples=200, deadline=None)
    @given(profiles())
    def test_dewpoint_is_never_above_temperature(self, raw: Profile) -> None:
        levels = clean(raw, Quality()).profile
        assert not np.any(levels.dewpoint > levels.temperature)

    def test_pressure_derived_between_equal_heights_stays_between_its_neighbours(self) -> None:
        """Found by hypothesis: heights of 1e-320 and 2e-313 m led to a pressure of 0."""
        rows = [(100.0, 0.0, 0.0, 2.2250738585e-313, 0.0, 0.0),
                (102.0, 0.0, 0.0, 0.0, 0.0, 0.0),
                (np.nan, 0.0, 0.0, 1e-320, 0.0, 0.0)]  # fmt: skip
        pressure = clean(profile(rows), Quality()).profile.pressure
        assert np.all((pressure >= 100.0) & (pressure <= 102.0))

    @settings(max_examples=200, deadline=None)
    @given(profiles())
    def test_what_was_given_is_not_changed(self, raw: Profile) -> None:
        before = {name: getattr(raw, name).tobytes() for name in LEVEL_VARIABLES}
        altitude, extra = raw.surface_altitude, raw.extras["place"].values.tobytes()
        clean(raw, Quality())
        assert {name: getattr(raw, name).tobytes() for name in LEVEL_VARIABLES} == before
        assert raw.extras["place"].values.tobytes() == extra
        np.testing.assert_equal(raw.surface_altitude, altitude)

    @settings(max_examples=300, deadline=None)
    @given(profiles(wild=False))
    def test_a_second_time_changes_no_value(self, raw: Profile) -> None:
        once = clean(raw, Quality())
        twice = clean(once.profile, Quality())
        assert same_values(once, twice)

    @settings(max_examples=100, deadline=None)
    @given(profiles())
    def test_a_value_flagged_good_is_the_one_that_was_reported(self, raw: Profile) -> None:
        checked = clean(raw, Quality())
        for name in LEVEL_VARIABLES:
            good = getattr(checked.profile, name)[checked.qc[name] == QC.GOOD]
            assert set(good) <= set(getattr(raw, name)), name

    @settings(max_examples=100, deadline=None)
    @given(profiles(wild=False))
    def test_the_same_profile_from_the_top_down_is_the_same(self, raw: Profile) -> None:
        checked = clean(raw, Quality())
        falling = checked.profile
        values = {name: getattr(falling, name)[::-1] for name in LEVEL_VARIABLES}
        turned = Profile(**values, surface_altitude=falling.surface_altitude)
        assert same_values(clean(turned, Quality()), clean(falling, Quality()))


class TestSwitchedOff:
    def test_altogether_leaves_every_value_of_a_faulty_sounding_alone(self) -> None:
        rows = [
            (1000.0, nan, nan, 99.0, nan, nan),
            (983.0, 99.9, 18.0, 244.0, 1.0, 4.0),
            (925.0, 20.0, 21.0, nan, 5.0, 4.0),
            (850.0, 15.0, nan, nan, 8.0, 5.0),
            (850.0, 14.0, 9.0, nan, 8.0, 5.0),
            (900.0, 5.0, -5.0, nan, 12.0, 6.0),
            (400.0, -25.0, nan, nan, 22.0, 8.0),
        ]
        checked = clean(profile(rows), ALL_OFF)
        np.testing.assert_array_equal(rows_of(checked), rows)
        assert touched(checked) == {}
        good_or_missing = {flag for name in LEVEL_VARIABLES for flag in flags(checked, name)}
        assert good_or_missing == {"good", "missing"}

    def test_each_step_touches_its_own_kind_of_fault_only(self) -> None:
        faults = {
            "gross_range": (2, "temperature", 99.9),
            "clip_dewpoint": (2, "dewpoint", 15.5),
            "humidity_gaps": (5, "dewpoint", nan),
            "humidity_aloft": (7, "dewpoint", nan),
            "derive_height": (2, "height", nan),
        }
        on = Quality().model_dump()
        for switch, (level, name, value) in faults.items():
            rows = [list(row) for row in FAULTLESS]
            rows[level][LEVEL_VARIABLES.index(name)] = value
            alone = ALL_OFF.model_copy(update={switch: on[switch]})
            changed = clean(profile([tuple(row) for row in rows]), alone)  # type: ignore[misc]
            kept = clean(profile([tuple(row) for row in rows]), ALL_OFF)  # type: ignore[misc]
            np.testing.assert_equal(column(kept, name)[level], value)
            assert touched(kept) == {}, switch
            assert not np.array_equal(column(changed, name)[level], value, equal_nan=True), switch
            assert len(touched(changed)) == 1, switch


class TestWords:
    """The flags go into every file, so their numbers are for ever."""

    def test_reasons_have_a_bit_each_that_fits_an_int64(self) -> None:
        masks = [reason.mask for reason in Reason]
        assert masks == [1 << bit for bit in range(len(masks))]
        assert len(masks) < 63

    def test_the_numbers_are_the_published_ones(self) -> None:
        assert (QC.GOOD, QC.NOT_EVALUATED, QC.SUSPECT, QC.FAIL, QC.MISSING) == (1, 2, 3, 4, 9)
        assert (Status.OK, Status.SUSPECT, Status.REJECTED, Status.FAILED) == (0, 1, 2, 3)
        assert Reason.PRESSURE_DISORDER_SORTED.mask == 1 << 4
        assert Reason.TOO_FEW_LEVELS.mask == 1 << 19
        assert Reason.WORKER_LOST.mask == 1 << 35

    @given(st.sets(st.sampled_from(list(Reason))))
    def test_a_mask_holds_its_reasons(self, some: set[Reason]) -> None:
        assert set(from_mask(to_mask(some))) == some

    @given(st.sets(st.sampled_from(list(Reason))), st.sampled_from(list(Reason)))
    def test_another_reason_never_makes_a_verdict_better(
        self, some: set[Reason], another: Reason
    ) -> None:
        before, after = verdict(some), verdict({*some, another})
        assert after[0] >= before[0]
        assert after[1] >= before[1]
        assert after[0] >= another.status
        assert after[1] >= another.wind_status

    def test_each_has_a_sentence_of_its_own(self) -> None:
        sentences = Counter(reason.sentence for reason in Reason)
        assert set(sentences.values()) == {1}


class TestMessage:
    def test_says_what_happened_with_figures_in_the_order_it_happened(self) -> None:
        rows: list[Any] = [list(row) for row in FAULTLESS]
        rows[1][1] = -9999.0
        rows[2][2] = 19.0
        checked = cleaned([tuple(row) for row in rows])
        assert checked.message == (
            "1 implausible values removed (temperature -9999); "
            "dewpoint 4.0 K above temperature at 850 hPa"
        )


class TestRealSoundings:
    def test_the_2142_of_sars_each_end_with_a_verdict(self, shared_data: Path) -> None:
        files = [path for path in (shared_data / "spc_raw/sars").rglob("*") if path.is_file()]
        assert len(files) == 2142
        verdicts: Counter[Status] = Counter()
        told: Counter[str] = Counter()
        for path in files:
            (raw,) = read_source(str(path)).profiles
            checked = cleaned(raw)
            assert_consistent(checked)
            assert np.all(np.diff(checked.profile.pressure) < 0), path.name
            assert same_values(cleaned(checked.profile), checked), path.name
            verdicts[verdict(checked.reasons)[0]] += 1
            told.update(reasons(checked))
        assert set(verdicts) <= {Status.OK, Status.SUSPECT, Status.REJECTED}
        assert verdicts[Status.OK] > 2100
        # Counted in the files by others: ../shared/data/README.md.
        assert told["duplicate_levels_merged"] == 246
        assert told["dewpoint_above_temperature"] == 54
        assert told["below_station_levels_removed"] > 774  # underground level first; or later on
