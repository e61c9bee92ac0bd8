"""Tonight against the last nights: silent on weather, loud on wrong units, sensors, software."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from made_results import results, sources
from season_sample import SEASON, evaluated
from sounding_rows import cleaned

from pipeline.flags import Status, verdict
from pipeline.profiles import Profile
from pipeline.readers import read_source
from pipeline.report.drift import UNLIKE, drift_warnings, parameters_of
from pipeline.report.results import Parameter, Results, with_warnings

NAMES = (
    "precipitable_water", "ml_mixing_ratio", "freezing_level_height", "k_index",
    "total_totals_index", "vertical_totals", "cross_totals",
    "bulk_shear_0_1km", "bulk_shear_0_3km", "bulk_shear_0_6km",
)  # fmt: skip
NIGHT = 12  # soundings


def as_it_is(profile: Profile) -> None:
    """Change nothing."""


def ten_degrees_warmer(profile: Profile) -> None:
    """Take degrees of one scale for those of another."""
    profile.temperature = profile.temperature + 10.0


def knots_as_metres_per_second(profile: Profile) -> None:
    profile.u_wind, profile.v_wind = profile.u_wind / 0.514444, profile.v_wind / 0.514444


def without_dewpoint(profile: Profile) -> None:
    profile.dewpoint = np.full_like(profile.dewpoint, np.nan)


def real_night(files: list[Path], harm: Callable[[Profile], None] = as_it_is) -> Results:
    """Return the results of a night with these soundings."""
    statuses, scalars = [], []
    for file in files:
        profile = read_source(str(file)).profiles[0]
        harm(profile)
        checked = cleaned(profile)
        statuses.append(verdict(checked.reasons)[0])
        if statuses[-1] < Status.REJECTED:
            scalars.append(evaluated(checked, NAMES).scalars)
    table = np.array(scalars).reshape(-1, len(NAMES))
    return made(statuses, dict(zip(NAMES, table.T, strict=True)))


def made(statuses: list[int], values: dict[str, np.ndarray]) -> Results:
    """Return the results of a night with these profiles, a source each."""
    counted = {status.name.lower(): statuses.count(status) for status in Status}
    given = {
        "ok": counted["ok"],
        "suspect": counted["suspect"],
        "rejected": counted["rejected"],
        "quarantined": counted["failed"],
    }
    return results(
        sources=sources(**given),
        worked_on={"total": len(statuses)}
        | {k: counted[k] for k in ("ok", "suspect", "rejected", "failed")},
        parameters=parameters_of(values),
    )


@cache
def files() -> list[list[Path]]:
    """Return files of the season, in order of time, a night's worth each."""
    some = sorted(SEASON.glob("03*"))[::4]
    return [some[at : at + NIGHT] for at in range(0, len(some) - NIGHT + 1, NIGHT)]


@cache
def nights() -> list[Results]:
    """Return what these nights gave, in order of time."""
    return [real_night(some) for some in files()]


class TestOnRealSoundings:
    def test_weather_gives_no_warning(self) -> None:
        assert len(nights()) == 7
        for place in range(3, 7):
            assert drift_warnings(nights()[place], nights()[:place][::-1]) == []

    @pytest.mark.parametrize(
        ("harm", "places", "said"),
        [
            (ten_degrees_warmer, [3, 6], "medians outside the usual range"),
            (without_dewpoint, [3, 6], f"profiles rejected or failed {NIGHT} of {NIGHT}"),
            # On other nights twice the wind is still a wind of the season: 4 and 6 stay silent.
            (knots_as_metres_per_second, [3, 5], "bulk_shear"),
        ],
    )
    def test_a_wrong_unit_or_sensor_does(
        self, harm: Callable[[Profile], None], places: list[int], said: str
    ) -> None:
        for place in places:
            warnings = drift_warnings(real_night(files()[place], harm), nights()[:place][::-1])
            assert any(said in text for text in warnings), (place, warnings)
            assert all(text.startswith(UNLIKE) for text in warnings)


def plain(good: int = 20, bad: int = 0, **values: float) -> Results:
    """Return a night of so many profiles; each value is the middle of those of a parameter."""
    spread = np.linspace(-10.0, 10.0, good)
    return made(
        [Status.OK] * good + [Status.REJECTED] * bad,
        {name: middle + spread for name, middle in values.items()},
    )


class TestRates:
    def test_of_rejection_far_above_the_last_nights(self) -> None:
        (text,) = drift_warnings(plain(14, bad=6), [plain(19, bad=1)] * 3)
        assert text == f"{UNLIKE}profiles rejected or failed 6 of 20, before 3 of 60"

    @pytest.mark.parametrize("bad", [0, 1, 4])
    def test_a_few_more_are_chance(self, bad: int) -> None:
        """With 5 % expected one of 20 is usual, and four come about by chance."""
        assert drift_warnings(plain(20 - bad, bad=bad), [plain(19, bad=1)] * 3) == []

    def test_a_large_night_needs_a_rise_of_a_tenth_all_the_same(self) -> None:
        usual = [plain(1900, bad=100)] * 3
        assert drift_warnings(plain(1720, bad=280), usual) == []
        assert len(drift_warnings(plain(1680, bad=320), usual)) == 1

    def test_fewer_than_usual_are_no_trouble(self) -> None:
        assert drift_warnings(plain(20), [plain(10, bad=10)] * 3) == []

    def test_of_sources_that_could_not_be_read(self) -> None:
        tonight = results(sources=sources(ok=4, unreadable=5, quarantined=3, unchanged=100))
        usual = [results(sources=sources(ok=20, unreadable=1))] * 3
        (text,) = drift_warnings(tonight, usual)
        assert text == f"{UNLIKE}sources unreadable or given up 8 of 12, before 3 of 63"


class TestDistributions:
    def test_many_medians_outside_all_the_last_nights(self) -> None:
        usual = [plain(a=0.0, b=0.0), plain(a=5.0, b=0.0), plain(a=-5.0, b=0.0)]
        (text,) = drift_warnings(plain(a=14.0, b=7.0), usual)
        assert "1 of 2 parameters: a 14 (before -13 to 13)" in text

    def test_inside_one_of_them_is_usual(self) -> None:
        usual = [plain(a=0.0), plain(a=5.0), plain(a=-5.0)]
        assert drift_warnings(plain(a=12.0), usual) == []

    def test_one_of_many_is_chance_unless_it_is_far_out(self) -> None:
        others = {f"x{number}": 0.0 for number in range(30)}
        usual = [plain(a=0.0, **others)] * 3
        assert drift_warnings(plain(a=12.0, **others), usual) == []
        (text,) = drift_warnings(plain(a=40.0, **others), usual)
        assert "1 of 31 parameters: a 40" in text

    def test_the_worst_three_are_named(self) -> None:
        usual = [plain(a=0.0, b=0.0, c=0.0, d=0.0)] * 3
        (text,) = drift_warnings(plain(a=20.0, b=-40.0, c=30.0, d=9.0), usual)
        assert [word for word in text.split() if word in "abcd"] == ["b", "c", "a"]
        (text,) = drift_warnings(plain(a=20.0, b=-40.0, c=30.0, d=19.0), usual)
        assert text.endswith(", ...")


class TestMissingResults:
    def night(self, lacking: int, others: int = 0) -> Results:
        values = {f"x{number}": np.arange(20.0) for number in range(others)}
        values["a"] = np.where(np.arange(20) < lacking, np.nan, 5.0)
        return made([Status.OK] * 20, values)

    def test_of_many_parameters(self) -> None:
        (text,) = drift_warnings(self.night(10), [self.night(1)] * 3)
        assert "results missing more often, 1 of 1 parameters: a 10 of 20 (before 3 of 60)" in text

    def test_one_of_many_is_chance_unless_it_is_nearly_all(self) -> None:
        usual = [self.night(1, others=30)] * 3
        assert drift_warnings(self.night(10, others=30), usual) == []
        assert len(drift_warnings(self.night(20, others=30), usual)) == 1


class TestComparedWith:
    wrong = plain(a=1000.0, bad=20)

    def test_nothing_while_there_are_too_few_nights(self) -> None:
        assert drift_warnings(self.wrong, [plain(a=0.0)] * 2) == []
        assert drift_warnings(self.wrong, [plain(a=0.0)] * 2 + [plain(9, a=0.0)] * 5) == []

    def test_nothing_with_few_profiles_tonight(self) -> None:
        assert drift_warnings(plain(5, bad=4, a=1000.0), [plain(a=0.0)] * 3) == []

    def test_idle_nights_do_not_count_and_do_not_push_others_out(self) -> None:
        idle = [results(sources=sources(unchanged=340), ended="nothing to do")] * 20
        assert len(drift_warnings(self.wrong, [*idle, *[plain(a=0.0)] * 3])) == 2

    def test_the_last_fourteen_that_worked(self) -> None:
        assert drift_warnings(self.wrong, [self.wrong] * 14 + [plain(a=0.0)] * 3) == []

    def test_a_change_that_stays_is_told_on_four_nights(self) -> None:
        """The first night must not hide the second; nor must a new network be told for ever."""
        nights = [plain(a=0.0)] * 5
        told = []
        for _ in range(8):
            tonight = plain(a=100.0)
            warnings = drift_warnings(tonight, nights)
            told.append(bool(warnings))
            nights.insert(0, with_warnings(tonight, warnings))
        assert told == [True] * 4 + [False] * 4

    def test_a_new_parameter_has_no_past(self) -> None:
        assert drift_warnings(plain(b=1000.0), [plain(a=0.0)] * 3) == []


def test_parameters_are_counts_and_percentiles() -> None:
    found = parameters_of({"a": [*range(11), np.nan], "b": [np.nan, np.inf], "c": []})
    assert found["a"] == Parameter(count=12, missing=1, p10=1.0, p50=5.0, p90=9.0)
    assert found["b"] == Parameter(count=2, missing=2, p10=None, p50=None, p90=None)
    assert found["c"].count == 0
