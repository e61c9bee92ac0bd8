"""A season in a notebook: found, read and understood without knowing how it is stored."""

from __future__ import annotations

import datetime
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from made_profiles import made, made_season, same_bits, time

import pipeline
from pipeline import output
from pipeline.errors import PipelineError
from pipeline.flags import Reason
from pipeline.profiles import SourceRow
from pipeline.ragged import to_dataset
from pipeline.season import Season


@pytest.fixture
def season(tmp_path: Path) -> Season:
    path = tmp_path / "output" / "season.nc"
    output.write(made_season(), path, attributes={"title": "A test"})
    return pipeline.open_season(path)


@pytest.fixture
def week(tmp_path: Path) -> Season:
    """Two stations, twice a day; OUN has two soundings at one time."""
    times = ["2003-05-08T00", "2003-05-08T12", "2003-05-09T00", "2003-05-09T00"]
    checked = [made(2, station_id="OUN", time=time(text)) for text in times]
    checked += [made(2, station_id="03005", time=time(text)) for text in times[:3]]
    output.write(to_dataset(checked, []), tmp_path / "week.nc", attributes={})
    return pipeline.open_season(str(tmp_path / "week.nc"))


class TestSounding:
    def test_is_found_by_position(self, season: Season) -> None:
        assert season.sounding[0]["station_id"].item() == "06610"
        assert season.sounding[-1]["profile_id"].item() == "OUN_no-time"
        assert season.sounding[np.int64(1)].sizes["level"] == 0

    def test_is_found_by_id(self, season: Season) -> None:
        assert season.sounding["06610_19691231T2359"].sizes["level"] == 4

    @pytest.mark.parametrize(
        "when",
        [
            "2003-05-08T12",
            "2003-05-08 12:00",
            "2003-05-08T12:00:00Z",
            np.datetime64("2003-05-08T12:00"),
            datetime.datetime(2003, 5, 8, 12),
            datetime.datetime(
                2003, 5, 8, 7, tzinfo=datetime.timezone(datetime.timedelta(hours=-5))
            ),
        ],
    )
    def test_is_found_by_station_and_time(self, week: Season, when: str) -> None:
        assert week.sounding["OUN", when]["profile_id"].item() == "OUN_20030508T1200"
        assert week.sounding["03005", when]["profile_id"].item() == "03005_20030508T1200"

    def test_comes_one_after_the_other(self, week: Season) -> None:
        found = [one["profile_id"].item() for one in week]
        assert found == week.dataset["profile_id"].values.tolist()
        assert len(found) == len(week) == len(week.sounding) == 7

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("OUN_20030508T1300", "no sounding 'OUN_20030508T1300'; did you mean 'OUN_20030508T"),
            (("OUN", "2003-05-08T13"), "nearest in time is 'OUN_20030508T1200'"),
            (("OUM", "2003-05-08T12"), "no sounding of station 'OUM'; did you mean 'OUN'"),
            (("OUN", "2003-05-09"), "2 soundings of 'OUN' at 2003-05-09: OUN_20030509T0000, OUN_"),
        ],
    )
    def test_that_is_not_there_is_an_error_with_the_nearest(
        self, week: Season, key: str, message: str
    ) -> None:
        with pytest.raises(KeyError) as caught:
            week.sounding[key]
        assert message in str(caught.value)

    def test_beyond_the_end_is_an_error(self, week: Season) -> None:
        with pytest.raises(IndexError, match="no sounding 7: the season has 7"):
            week.sounding[7]

    def test_is_what_metpy_takes(self, season: Season) -> None:
        import metpy.calc as mpcalc
        from metpy.units import units

        one = season.sounding[0]
        cape, cin = mpcalc.surface_based_cape_cin(one.pressure, one.temperature, one.dewpoint)
        profile = made(4).profile
        direct_cape, direct_cin = mpcalc.surface_based_cape_cin(
            profile.pressure * units.hPa,
            units.Quantity(profile.temperature, "degC"),
            units.Quantity(profile.dewpoint, "degC"),
        )
        assert direct_cape.magnitude > 100
        assert (cape, cin) == (direct_cape, direct_cin)
        assert one.pressure.metpy.quantify().metpy.units == units.hPa
        assert one.u_wind.metpy.convert_units("knot").metpy.units == units.knot


class TestFind:
    def test_by_station_and_stretch_of_time(self, week: Season) -> None:
        def ids(**what: str) -> list[str]:
            return week.dataset["profile_id"].values[week.find(**what)].tolist()

        assert ids(station="03005") == [
            "03005_20030508T0000", "03005_20030508T1200", "03005_20030509T0000",
        ]  # fmt: skip
        assert ids(time="2003-05-08T00") == ["03005_20030508T0000", "OUN_20030508T0000"]
        assert len(week.find(time="2003-05")) == len(week.find()) == 7
        assert ids(station="OUN", time="2003-05-08") == ["OUN_20030508T0000", "OUN_20030508T1200"]
        assert week.find(time="2004") == []

    def test_says_that_a_time_is_none(self, week: Season) -> None:
        with pytest.raises(ValueError, match=r"'8 May' is not a time; write 2003-05-09"):
            week.find(time="8 May")


class TestTables:
    def test_have_one_row_a_profile(self, season: Season) -> None:
        frame = season.to_dataframe()
        assert frame.index.tolist() == ["06610_19691231T2359", "OUN_20030509T0000", "OUN_no-time"]
        assert frame["status"].tolist() == ["ok", "rejected", "ok"]
        assert frame["wind_status"].tolist() == ["ok", "rejected", "ok"]
        assert frame["status_reasons"].tolist() == ["", "unreadable", "time_missing"]
        assert frame["sbcape"].iloc[0] == 1 / 3
        assert frame["height_derived_count"].tolist() == [0, 0, 2]
        assert frame["source_path"].tolist()[0] == "../data/a.txt"
        assert frame["time"].isna().tolist() == [False, False, True]
        assert frame["row_size"].tolist() == [4, 0, 2]

    def test_of_scalars_have_one_dimension(self, season: Season) -> None:
        assert dict(season.scalars.sizes) == {"profile": 3}
        assert season.scalars["sbcape"].attrs["units"] == "J kg-1"
        assert season.scalars["mu_parcel_pressure"].values[0] == 900.0

    def test_of_sources_have_one_row_a_file(self, season: Season) -> None:
        sources = season.sources
        assert sources["path"].tolist() == [
            "../data/0.bin", "../data/a.txt", "../data/b.txt", "../data/c.txt",
        ]  # fmt: skip
        assert sources["status"].tolist() == ["unreadable", "read", "read", "read"]
        assert sources["message"][0] == "no reader knows it"
        assert sources["profiles"].tolist() == [0, 1, 1, 1]

    def test_padded_has_missing_above_the_top(self, season: Season) -> None:
        wide = season.padded()
        assert wide["temperature"].shape == (3, 4)
        assert wide["temperature"].notnull().sum("level").values.tolist() == [4, 0, 2]


class TestWhy:
    def test_a_sounding_is_what_it_is_in_sentences(self, season: Season) -> None:
        assert season.reasons("OUN_no-time") == [
            "the time is not known", "1 of 3: \u00dcberlauf",
        ]  # fmt: skip
        assert season.reasons(1) == ["the sounding could not be read"]
        assert season.reasons(0) == []

    def test_and_where_it_came_from(self, season: Season, tmp_path: Path) -> None:
        assert season.source_of(-1) == tmp_path / "data" / "b.txt"

    def test_or_that_it_came_from_no_file(self, week: Season) -> None:
        with pytest.raises(LookupError, match="'03005_20030508T0000' came from no file"):
            week.source_of(0)


class TestAtAGlance:
    def test_shows_what_matters(self, season: Season) -> None:
        assert repr(season).splitlines()[0] == "Season"
        assert "3 of 2 stations" in repr(season)
        assert "1969-12-31 to 2003-05-09" in repr(season)
        assert "2 ok, 1 rejected" in repr(season)
        assert "3 read, 1 unreadable" in repr(season)

    def test_escapes_what_it_shows(self, season: Season) -> None:
        shown = Season(season.dataset, Path("<b>.nc"))._repr_html_()
        assert "&lt;b&gt;.nc" in shown
        assert "<b>" not in shown

    def test_works_without_profiles(self, tmp_path: Path) -> None:
        output.write(
            to_dataset([], [SourceRow(path="a")]), tmp_path / "o.nc", attributes={"title": "t"}
        )
        empty = pipeline.open_season(tmp_path / "o.nc")
        assert "not known" in repr(empty)
        assert len(empty.to_dataframe()) == 0
        assert list(empty) == []


class TestOpening:
    def test_reads_what_was_written(self, season: Season) -> None:
        expected = made_season()
        del expected["relative_humidity"].attrs["comment"]
        same_bits(season.dataset, expected)

    def test_says_what_is_wrong(self, tmp_path: Path) -> None:
        with pytest.raises(PipelineError, match="there is no such file"):
            pipeline.open_season(tmp_path / "none.nc")

    def test_lets_soundings_be_saved(self, season: Season, tmp_path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            season.sounding[0].to_netcdf(tmp_path / "one.nc")
            with xr.open_dataset(tmp_path / "one.nc") as back:
                np.testing.assert_array_equal(back["dewpoint"], season.sounding[0]["dewpoint"])

    def test_costs_nothing_before_it_is_asked_for(self) -> None:
        script = (
            "import sys, pipeline; pipeline.__version__; dir(pipeline);"
            "print([name for name in ('numpy', 'xarray', 'netCDF4') if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True,
            cwd=Path(pipeline.__file__).parent.parent,
        )  # fmt: skip
        assert done.stdout.strip() == "[]"

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'open_seasons'"):
            _ = pipeline.open_seasons  # type: ignore[attr-defined]


def test_reasons_are_words_from_the_file_and_sentences_from_the_code() -> None:
    assert {reason.label for reason in Reason} == set(
        made_season()["status_reasons"].attrs["flag_meanings"].split()
    )
