"""Files named for what is wrong with them: each ends with words that a person understands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from ruamel.yaml import YAML

import pipeline
from pipeline.cli import main
from pipeline.flags import from_mask
from pipeline.season import Season

#: Files that are no sounding, or none that is read: what their row of the source table must say.
UNREADABLE = {
    "avaps_empty_afile.1": ["the file is empty (0 bytes)"],
    "btem_111.bufr": ["message 1: damaged: its section 3 names no elements"],
    "gsd_station_listing_not_a_sounding.txt": ["a list of stations and their latest dates"],
    "iem_zero_bytes.json": ["the file is empty (0 bytes)"],
    "igra_404_html_instead_of_zip.zip": ["a web page titled '404 Not Found': fetch the file again"],
    "multi_invalid_messages.bufr": [
        "BUFR of category 0 (surface data, land), no soundings",
        "message 2: BUFR of category 2 (vertical soundings), but no block of levels in it",
    ],
    "two_levels_only_300_500hPa.csv": ["not the units of pressure", "state them in the config"],
    "wyoming_csv_no_data_plain_error_text.csv": [
        "the site answered: Unable to retrieve the data for BOI at 2010-12-09 01:00:00"
    ],
}

#: Files of a known format without a sounding in them.
EMPTY = {"iem_profile_empty.json": ["a file of the format iem_json without a sounding in it"]}

#: Files with a sounding in it that has something wrong: verdict, reasons, words of the message.
FLAGGED = {
    "gsd_out_of_bounds_stationname_latlon.txt": (
        "ok",
        {"below_station_levels_removed"},
        "Op40 11 h forecast valid for grid point 5.0 nm / 121 deg from 32.82,-117.14",
    ),
    "arm_short_flight.cdf": ("rejected", {"top_too_low"}, "below the 500 hPa level"),
    "netcdf_time_units_undecodable.nc": (
        "suspect",
        {"duplicate_levels_merged", "height_not_increasing"},
        "launch_time holds no value; the launch is from the global attribute launch_unixtime",
    ),
    "spc_1000hPa_level_below_ground_out_of_order.SHV": (
        "ok",
        {"below_station_levels_removed"},
        "",
    ),
    "spc_hash_in_filename_and_td_gt_t.p#t": ("ok", {"dewpoint_above_temperature"}, ""),
    "spc_missing_is_-999_not_-9999.ove": ("ok", {"below_station_levels_removed"}, ""),
    "wyoming_dup_pressure_height_decrease.txt": (
        "ok",
        {"duplicate_levels_merged", "time_missing", "position_missing"},
        "the file does not say the station, the time, the position",
    ),
}


@pytest.fixture(scope="module")
def season(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Season:
    """All of them in one run, which none of them stops."""
    folder = tmp_path_factory.mktemp("bad")
    settings = {
        "input": [{"path": str(shared_data / "bad")}],
        "output": "bad.nc",
        "executor": "serial",
        "calculations": ["sbcape", "bulk_shear_0_1km"],
    }
    with (folder / "bad.yaml").open("w") as stream:
        YAML().dump(settings, stream)
    done = CliRunner().invoke(main, ["run", str(folder / "bad.yaml")])
    assert done.exit_code == 0, done.output
    assert "sources   16: 7 read, 1 empty, 8 unreadable" in done.output
    return pipeline.open_season(folder / "bad.nc")


def test_this_table_names_all_of_them(season: Season, shared_data: Path) -> None:
    named = {*UNREADABLE, *EMPTY, *FLAGGED}
    assert {path.name for path in (shared_data / "bad").iterdir()} == named
    assert {Path(path).name for path in season.sources.path} == named


@pytest.mark.parametrize(("name", "words"), (UNREADABLE | EMPTY).items())
def test_a_file_without_a_sounding_is_a_row_that_says_why(
    season: Season, name: str, words: list[str]
) -> None:
    (row,) = [row for row in season.sources.itertuples() if Path(row.path).name == name]
    assert row.status == ("empty" if name in EMPTY else "unreadable")
    assert row.profiles == 0
    for word in words:
        assert word in row.message.partition(" Tried ")[0]  # what each reader said comes after


@pytest.mark.parametrize(("name", "expected"), FLAGGED.items())
def test_a_sounding_with_something_wrong_is_a_profile_that_says_what(
    season: Season, name: str, expected: tuple[str, set[str], str]
) -> None:
    status, reasons, words = expected
    (index,) = [i for i in range(len(season)) if season.source_of(i).name == name]
    told = {reason.label for reason in from_mask(int(season.dataset["status_reasons"][index]))}
    assert reasons <= told
    assert season.to_dataframe().status.iloc[index] == status
    assert words in str(season.dataset["status_message"].values[index])
    assert all(sentence for sentence in season.reasons(index))


class TestWhatIsGoodInThem:
    """A fault costs what is faulty, and no more."""

    def sounding(self, season: Season, name: str) -> xr.Dataset:
        (index,) = [i for i in range(len(season)) if season.source_of(i).name == name]
        return season.sounding[index]

    def test_sentinels_of_another_kind_are_no_values(self, season: Season) -> None:
        """The format's sentinel is -9999, this file says -999."""
        sounding = self.sounding(season, "spc_missing_is_-999_not_-9999.ove")
        assert sounding.pressure.values[0] == 975.0
        assert sounding.temperature.values[0] == 20.87
        assert float(np.nanmin(sounding.temperature)) > -120

    def test_a_rejected_sounding_keeps_its_levels_and_its_winds_their_shear(
        self, season: Season
    ) -> None:
        sounding = self.sounding(season, "arm_short_flight.cdf")
        assert sounding.sizes["level"] > 500
        assert np.isnan(sounding.sbcape)
        assert np.isfinite(sounding.bulk_shear_0_1km)

    def test_a_level_below_the_ground_does_not_become_the_surface(self, season: Season) -> None:
        name = "spc_1000hPa_level_below_ground_out_of_order.SHV"
        sounding = self.sounding(season, name)
        assert sounding.pressure.values[0] == 994.0
        assert float(sounding.sbcape) == pytest.approx(3548.0, rel=0.1)  # NSHARP prints it below
