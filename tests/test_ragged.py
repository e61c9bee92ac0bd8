"""Many profiles in one dataset: nothing is lost, mixed or reordered on the way."""

from __future__ import annotations

import random
import time as clock
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from made_profiles import made, made_season, same_bits, time

from pipeline import joining, ragged
from pipeline.flags import QC, Reason, SourceStatus
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Extra, SourceRow


def ids(dataset: xr.Dataset) -> list[str]:
    return dataset["profile_id"].values.tolist()


def words(variable: xr.DataArray, value: int) -> list[str]:
    """Return the meanings of a value, as CF says to read ``flag_masks``."""
    masks = variable.attrs["flag_masks"].tolist()
    meanings = variable.attrs["flag_meanings"].split()
    return [word for mask, word in zip(masks, meanings, strict=True) if value & mask]


class TestLevels:
    def test_stand_end_to_end_in_the_order_of_the_profiles(self) -> None:
        first = made(2, station_id="A", temperature=[20.0, -0.0])
        second = made(3, station_id="B", temperature=[1 / 3, np.nan, -60.0])
        dataset = ragged.to_dataset([second, first], [])
        assert dataset["row_size"].values.tolist() == [2, 3]
        assert ragged.offsets(dataset).tolist() == [0, 2, 5]
        expected = np.array([20.0, -0.0, 1 / 3, np.nan, -60.0])
        assert dataset["temperature"].values.tobytes() == expected.tobytes()

    def test_carry_their_flags(self) -> None:
        checked = made(3)
        checked.qc["dewpoint"][:] = [QC.GOOD, QC.SUSPECT, QC.MISSING]
        dataset = ragged.to_dataset([checked], [])
        assert dataset["dewpoint_qc"].values.tolist() == [1, 3, 9]
        assert dataset["dewpoint_qc"].dtype == np.int8
        assert dataset["dewpoint"].attrs["ancillary_variables"] == "dewpoint_qc"

    @pytest.mark.parametrize("name", LEVEL_VARIABLES)
    def test_say_their_units(self, name: str) -> None:
        units = ragged.to_dataset([], [])[name].attrs["units"]
        expected = {"pressure": "hPa", "height": "m", "u_wind": "m s-1", "v_wind": "m s-1"}
        assert units == expected.get(name, "degC")


class TestOrder:
    def test_is_by_time_station_path_and_place_in_the_source(self) -> None:
        sources = [SourceRow(path="b"), SourceRow(path="a")]
        noon, later = time("2003-05-08T12:00"), time("2003-05-08T12:01")
        checked = [
            made(station_id="Z", station_name="no time", source_index=0),
            made(station_id="A", station_name="later", time=later, source_index=0),
            made(station_id="B", station_name="station B", time=noon, source_index=0),
            made(station_id="A", station_name="b first", time=noon, source_index=0),
            made(station_id="A", station_name="b second", time=noon, source_index=0),
            made(station_id="A", station_name="a", time=noon, source_index=1),
        ]
        dataset = ragged.to_dataset(checked, sources)
        assert dataset["station_name"].values.tolist() == [
            "a", "b first", "b second", "station B", "later", "no time",
        ]  # fmt: skip

    def test_does_not_depend_on_who_came_first(self) -> None:
        def built(order: list[int]) -> xr.Dataset:
            sources = [SourceRow(path=f"{place}.txt", profiles=1) for place in order]
            checked = [
                made(2 + place % 3, station_id=f"{place % 2}", source_index=index,
                     time=time(f"2003-05-0{1 + place % 4}"),
                     extras={"rate": Extra(np.ones(2 + place % 3), ["m s-1", "ft/s"][place % 2])})
                for index, place in enumerate(order)
            ]  # fmt: skip
            return ragged.to_dataset(checked, sources)

        shuffled = random.Random(1).sample(range(9), 9)
        same_bits(built(list(range(9))), built(shuffled))


class TestIds:
    def test_are_station_and_time(self) -> None:
        dataset = ragged.to_dataset(
            [made(station_id="03005", time=time("2003-05-08T22:05:59"))], []
        )
        assert ids(dataset) == ["03005_20030508T2205"]

    @pytest.mark.parametrize(
        ("station", "expected"),
        [
            ("", "unknown_no-time"),
            ("p#0", "p_0_no-time"),
            ("K\u00f6ln/Bonn 2", "K_ln_Bonn_2_no-time"),
        ],
    )
    def test_have_only_plain_characters(self, station: str, expected: str) -> None:
        assert ids(ragged.to_dataset([made(station_id=station)], [])) == [expected]

    def test_are_numbered_where_they_would_be_the_same(self) -> None:
        checked = [made(station_id=name) for name in ("p#0", "p_0", "p 0", "p_0_no-time_2"[:3])]
        assert ids(ragged.to_dataset(checked, [])) == [
            "p_0_no-time", "p_0_no-time_2", "p_0_no-time_3", "p_0_no-time_4",
        ]  # fmt: skip

    def test_stay_unique_against_a_number_that_is_a_station(self) -> None:
        day = time("2003-05-08")
        checked = [made(station_id="A", time=day), made(station_id="A", time=day)]
        checked.append(made(station_id="A_20030508T0000_2"))
        found = ids(ragged.to_dataset(checked, []))
        assert len(set(found)) == 3

    def test_are_made_fast_for_many_that_are_the_same(self) -> None:
        start = clock.process_time()
        dataset = ragged.to_dataset([made(1)] * 20000, [])
        assert clock.process_time() - start < 5
        assert ids(dataset)[-1] == "unknown_no-time_20000"


class TestVerdicts:
    def test_follow_from_the_reasons(self) -> None:
        reasons = {Reason.HEIGHT_DERIVED, Reason.TOP_TOO_LOW, Reason.SURFACE_WIND_MISSING}
        dataset = ragged.to_dataset([made(reasons=reasons)], [])
        assert dataset["status"].values.tolist() == [2]  # rejected: the top is too low
        assert dataset["wind_status"].values.tolist() == [1]  # suspect: no surface wind
        assert words(dataset["status_reasons"], int(dataset["status_reasons"][0])) == [
            "height_derived", "top_too_low", "surface_wind_missing",
        ]  # fmt: skip

    def test_come_with_the_counts_of_every_step(self) -> None:
        dataset = ragged.to_dataset([made(counts={"height_derived": 7}), made()], [])
        names = dataset["cleaning_step_name"].values.tolist()
        counts = dataset["cleaning_count"]
        assert counts.dims == ("profile", "cleaning_step")
        assert counts.values[0, names.index("height_derived")] == 7
        assert counts.values.sum() == 7

    def test_refuse_a_step_that_does_not_exist(self) -> None:
        with pytest.raises(ValueError, match="'polishing' is not a cleaning step"):
            ragged.to_dataset([made(counts={"polishing": 1})], [])


class TestSources:
    def test_are_all_in_the_table_also_those_without_a_profile(self) -> None:
        sources = [
            SourceRow(path="good", fingerprint="f", reader="igra2", profiles=1),
            SourceRow(path="bad", status=SourceStatus.UNREADABLE, message="no reader knows it"),
        ]
        dataset = ragged.to_dataset([made(source_index=0)], sources)
        assert dataset["source_path"].values.tolist() == ["bad", "good"]
        assert dataset["source_status"].values.tolist() == [2, 0]
        assert dataset["source_message"].values.tolist() == ["no reader knows it", ""]
        assert dataset["source_index"].values.tolist() == [1]

    @pytest.mark.parametrize("index", [1, -2])
    def test_are_there_for_every_profile(self, index: int) -> None:
        with pytest.raises(ValueError, match=f"source_index {index} .* 1 rows"):
            ragged.to_dataset([made(source_index=index)], [SourceRow(path="a")])

    def test_may_have_names_that_are_no_text(self) -> None:
        name = b"na\xefve\x00.txt".decode("utf-8", "surrogateescape")
        dataset = ragged.to_dataset([], [SourceRow(path=name)])
        assert dataset["source_path"].values.tolist() == ["na\\udcefve.txt"]


class TestExtras:
    def test_are_missing_where_a_profile_lacks_them(self) -> None:
        has = made(2, station_id="A", extras={"rate": Extra(np.array([5.0, 4.0]), "m s-1", "rise")})
        dataset = ragged.to_dataset([made(1, station_id="B"), has], [])
        np.testing.assert_array_equal(dataset["rate"].values, [5.0, 4.0, np.nan])
        assert dataset["rate"].attrs["units"] == "m s-1"
        assert dataset["rate"].attrs["long_name"] == "rise"

    def test_with_different_units_are_kept_apart(self) -> None:
        metric = made(1, station_id="A", extras={"rate": Extra(np.array([5.0]), "m s-1")})
        other = made(1, station_id="B", extras={"rate": Extra(np.array([900.0]), "ft/min")})
        dataset = ragged.to_dataset([metric, other], [])
        assert "rate" not in dataset
        np.testing.assert_array_equal(dataset["rate_m_s_1"].values, [5.0, np.nan])
        np.testing.assert_array_equal(dataset["rate_ft_min"].values, [np.nan, 900.0])

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("Temperature", "reported_Temperature"), ("2m-dew", "reported_2m_dew"), ("a b", "a_b")],
    )
    def test_do_not_take_the_names_of_others(self, name: str, expected: str) -> None:
        dataset = ragged.to_dataset([made(1, extras={name: Extra(np.array([1.0]))})], [])
        assert dataset[expected].values.tolist() == [1.0]
        assert dataset["temperature"].values.tolist() == [25.0]

    def test_that_differ_only_in_case_are_kept_apart(self) -> None:
        extras = {"rate": Extra(np.array([1.0])), "Rate": Extra(np.array([2.0]))}
        dataset = ragged.to_dataset([made(1, extras=extras)], [])
        assert (dataset["Rate"].item(), dataset["rate_2"].item()) == (2.0, 1.0)


def test_nothing_at_all_is_a_dataset_too() -> None:
    dataset = ragged.to_dataset([], [])
    assert {name: dataset.sizes[name] for name in ("profile", "level", "source")} == {
        "profile": 0, "level": 0, "source": 0,
    }  # fmt: skip
    assert ragged.offsets(dataset).tolist() == [0]
    assert ragged.padded(dataset)["pressure"].shape == (0, 0)
    same_bits(joining.concatenate([dataset, dataset]), dataset)
    same_bits(joining.concatenate([]), dataset)


def test_a_season_of_2142_profiles_takes_well_under_a_second() -> None:
    checked = [made(100, station_id=str(index % 90)) for index in range(2142)]
    start = clock.process_time()
    dataset = ragged.to_dataset(checked, [])
    assert clock.process_time() - start < 1
    assert dataset.sizes["level"] == 214200


class TestSounding:
    def test_is_one_profile_with_all_else_scalar(self) -> None:
        dataset = made_season()
        one = ragged.sounding(dataset, 0)
        assert dict(one.sizes) == {"level": 4}
        np.testing.assert_array_equal(one["pressure"], dataset["pressure"][:4])
        np.testing.assert_allclose(one["relative_humidity"], [0.9, 0.74, 0.58, 0.42])
        assert one["sbcape"].item() == 1 / 3
        assert one["profile_id"].item() == "06610_19691231T2359"
        assert one["temperature"].attrs["units"] == "degC"

    def test_says_where_it_came_from_and_what_was_done_to_it(self) -> None:
        one = ragged.sounding(made_season(), -1)
        assert one["source_path"].item() == "../data/b.txt"
        assert one["source_reader"].item() == "igra2"
        assert one["height_derived_count"].item() == 2
        assert one["pressure_smoothed_count"].item() == 0
        assert one["status_message"].item() == "1 of 3: \u00dcberlauf"
        assert one["dewpoint_qc"].values.tolist() == [1, 1]

    def test_may_have_no_levels_or_no_source(self) -> None:
        one = ragged.sounding(ragged.to_dataset([made(0)], []), 0)
        assert one.sizes["level"] == 0
        assert "source_path" not in one

    def test_is_a_copy(self) -> None:
        dataset = made_season()
        ragged.sounding(dataset, 0)["temperature"].values[:] = 99.0
        assert dataset["temperature"].values.max() == 25.0

    @pytest.mark.parametrize("index", [3, -4])
    def test_that_does_not_exist_is_an_error(self, index: int) -> None:
        with pytest.raises(IndexError, match=f"no profile {index}: the dataset has 3"):
            ragged.sounding(made_season(), index)


class TestSelect:
    def test_takes_levels_along(self) -> None:
        dataset = made_season()
        part = ragged.select(dataset, [2, 0])
        assert ids(part) == ["OUN_no-time", "06610_19691231T2359"]
        assert part["row_size"].values.tolist() == [2, 4]
        assert part["height"].values.tobytes() == (
            dataset["height"].values[[4, 5, 0, 1, 2, 3]].tobytes()
        )

    def test_takes_sources_along_where_they_are_named(self) -> None:
        part = ragged.select(made_season(), [True, False, True], sources=[1, 2])
        assert part["source_path"].values.tolist() == ["../data/a.txt", "../data/b.txt"]
        assert part["source_index"].values.tolist() == [0, 1]

    def test_of_nothing_is_empty(self) -> None:
        part = ragged.select(made_season(), [], sources=[])
        assert (part.sizes["profile"], part.sizes["level"], part.sizes["source"]) == (0, 0, 0)

    def test_never_leaves_a_profile_without_its_source(self) -> None:
        with pytest.raises(ValueError, match="without their source: 06610_19691231T2359"):
            ragged.select(made_season(), [0], sources=[0])


value = st.floats(allow_infinity=False, width=64)
profile = st.integers(0, 4).flatmap(
    lambda levels: st.builds(
        made,
        st.just(levels),
        station_id=st.sampled_from(["", "A", "a", "p#0", "p_0"]),
        time=st.sampled_from([time("NaT"), time("2003-05-08T22:00"), time("1931-01-01")]),
        latitude=value,
        dewpoint=st.lists(value, min_size=levels, max_size=levels),
        reasons=st.sets(st.sampled_from(Reason)),
        source_index=st.integers(-1, 2),
        extras=st.dictionaries(
            st.sampled_from(["rate", "Rate", "status"]),
            st.builds(
                Extra,
                st.just(np.arange(float(levels))),
                st.sampled_from(["1", "m s-1"]),
            ),
        ),
    )
)


class TestConcatenate:
    @given(st.lists(profile, max_size=6), st.data())
    @settings(max_examples=60, deadline=None)
    def test_gives_back_what_was_cut(self, checked: list[CheckedProfile], data: Any) -> None:
        dataset = ragged.to_dataset(checked, [SourceRow(path=path) for path in "cab"])
        count = len(checked)
        owner = np.array(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
        parts = [ragged.select(dataset, np.flatnonzero(owner == part)) for part in range(3)]
        same_bits(joining.concatenate(parts), dataset)

    def test_gives_what_all_profiles_at_once_would_have_given(self) -> None:
        def built(*units: str) -> xr.Dataset:
            checked = [
                made(2, source_index=index, extras={"rate": Extra(np.ones(2), unit)})
                for index, unit in enumerate(units)
            ]
            return ragged.to_dataset(checked, [SourceRow(path=unit) for unit in units])

        together = built("K", "degC", "m")
        for parts in ([["K"], ["degC", "m"]], [["m", "K"], ["degC"]], [["m"], ["K"], ["degC"]]):
            same_bits(joining.concatenate([built(*units) for units in parts]), together)

    def test_joins_source_tables(self) -> None:
        first = ragged.to_dataset([made(source_index=0)], [SourceRow(path="b")])
        second = ragged.to_dataset(
            [made(source_index=1)], [SourceRow(path="b"), SourceRow(path="a")]
        )
        dataset = joining.concatenate([first, second])
        assert dataset["source_path"].values.tolist() == ["a", "b"]
        assert dataset["source_index"].values.tolist() == [0, 1]

    def test_leaves_results_missing_that_one_lacks(self) -> None:
        other = ragged.to_dataset([made(1, station_id="X", time=time("2010-01-01"))], [])
        dataset = joining.concatenate([other, made_season()])
        assert dataset["sbcape"].sel(profile=dataset.station_id == "X").isnull().all()
        assert dataset["sbcape"].values[0] == 1 / 3
        assert dataset["relative_humidity"].isnull().sum() == 1

    def test_refuses_to_mix_units(self) -> None:
        other = made_season()
        other["sbcape"].attrs["units"] = "kJ kg-1"
        with pytest.raises(ValueError, match="sbcape in different units"):
            joining.concatenate([made_season(), other])

    def test_refuses_sources_that_contradict_each_other(self) -> None:
        one = ragged.to_dataset([], [SourceRow(path="a", fingerprint="1")])
        other = ragged.to_dataset([], [SourceRow(path="a", fingerprint="2")])
        with pytest.raises(ValueError, match="disagree about the source 'a'"):
            joining.concatenate([one, other])


def test_padded_fills_up_with_missing() -> None:
    first = made(1, station_id="A", temperature=[20.0])
    second = made(2, station_id="B", temperature=[10.0, 5.0])
    wide = ragged.padded(ragged.to_dataset([first, second], []))
    np.testing.assert_array_equal(wide["temperature"], [[20.0, np.nan], [10.0, 5.0]])
    np.testing.assert_array_equal(wide["temperature_qc"], [[1, 9], [1, 1]])
    assert wide["temperature"].dims == ("profile", "level")
    assert wide["station_id"].values.tolist() == ["A", "B"]
    assert "sample_dimension" not in wide["row_size"].attrs


def _set(name: str, values: list[Any]) -> Callable[[xr.Dataset], xr.Dataset]:
    def broken(dataset: xr.Dataset) -> xr.Dataset:
        dataset[name].values[:] = values
        return dataset

    return broken


@pytest.mark.parametrize(
    ("break_it", "rule"),
    [
        (_set("row_size", [4, 2, 1]), "row_size adds up to 7 where there are 6 levels"),
        (_set("row_size", [8, -2, 0]), "row_size adds up to 6"),
        (_set("profile_id", ["a", "b", "a"]), "profile_id is not unique: 'a'"),
        (_set("source_path", ["a", "a", "b", "c"]), "source_path is not unique: 'a'"),
        (_set("source_index", [0, 1, 4]), "source_index points outside the source table"),
        (_set("status", [0, 1, 7]), "status holds a value that has no meaning"),
        (_set("time", ["NaT", "2003-01-01", "NaT"]), "not in order of time"),
        (_set("time", ["2003-01-02", "2003-01-01", "NaT"]), "not in order of time"),
        (lambda dataset: dataset.drop_vars("height_qc"), "height_qc is missing"),
        (lambda dataset: dataset.rename_dims(profile="station"), "has the dimensions"),
        (lambda dataset: dataset.assign(height=dataset.height.astype("f4")), "height is float32"),
    ],
)
def test_validate_names_the_rule_that_is_broken(
    break_it: Callable[[xr.Dataset], xr.Dataset], rule: str
) -> None:
    ragged.validate(made_season())
    with pytest.raises(ValueError, match=rule):
        ragged.validate(break_it(made_season()))
