"""A run from end to end: real files and bad ones in, one file out, and nothing lost on the way."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_season
from made_profiles import same_bits
from season_sample import evaluated
from small_season import BAD, REAL, config, custom
from sounding_rows import cleaned

import pipeline
from pipeline.calculations import DEFAULT_GROUPS, resolve
from pipeline.flags import Status, from_mask
from pipeline.profiles import LEVEL_VARIABLES
from pipeline.readers import read_source
from pipeline.run import Report, run
from pipeline.season import Season

STRUCK = "GGW_20030620T0000"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("season")
    small_season.make_files(place)
    return place


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return run(config(folder, calculations=[*DEFAULT_GROUPS, "relative_humidity"]))


@pytest.fixture(scope="module")
def season(report: Report) -> Season:
    return pipeline.open_season(report.path)


def labels(season: Season, key: str) -> set[str]:
    """Return the reasons that a profile was given."""
    mask = int(season.dataset["status_reasons"].values[season.position(key)])
    return {reason.label for reason in from_mask(mask)}


def message(season: Season, key: str) -> str:
    return str(season.sounding[key]["status_message"].values)


class TestNothingIsLost:
    def test_every_file_is_a_row_of_the_source_table(self, season: Season) -> None:
        names = {Path(path).name for path in season.sources.path}
        assert names == {*REAL, *BAD, "vanished.txt"}
        assert len(season.sources) == len(REAL) + len(BAD) + 1

    def test_every_sounding_is_a_profile_with_its_source(self, season: Season) -> None:
        assert len(season) == len(REAL)
        assert {season.source_of(index).name for index in range(len(season))} == set(REAL)
        rows = season.sources
        assert rows.profiles.tolist() == [int(status == "read") for status in rows.status]

    def test_its_levels_are_those_of_that_source(self, season: Season) -> None:
        for sounding in season:
            name = Path(str(sounding.source_path.values)).name
            assert sounding.pressure.values[0] == REAL[name]

    def test_bad_files_say_why(self, season: Season) -> None:
        told = {Path(row.path).name: row for row in season.sources.itertuples()}
        for name in (*BAD, "vanished.txt"):
            assert told[name].status == "unreadable"
        assert told["empty.txt"].message == "the file is empty (0 bytes)"
        assert told["vanished.txt"].message == "cannot be read: No such file or directory"
        for name in ("page.html", "notes.txt", "picture.png"):
            assert told[name].message.startswith("no reader knows this file")
            assert "spc_raw: no %RAW% line" in told[name].message

    def test_good_files_say_who_read_them(self, season: Season) -> None:
        read = season.sources[season.sources.status == "read"]
        assert set(read.reader) == {"spc_raw"}
        assert all(len(fingerprint) == 32 for fingerprint in read.fingerprint)
        assert read.fingerprint.is_unique

    def test_the_paths_lead_from_the_output_to_the_files(self, season: Season) -> None:
        assert all(season.source_of(index).is_file() for index in range(len(season)))


class TestVerdicts:
    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            ("SHV_20030313T0000", set()),
            ("DNR_20030418T0000", {"below_station_levels_removed"}),
            ("FFC_20030502T0000", {"below_station_levels_removed"}),
            ("GGW_20030620T0000", {"below_station_levels_removed"}),
            ("MAF_20030621T0000", {"below_station_levels_removed", "duplicate_levels_merged"}),
            ("KBRL_20030926T1900", {"dewpoint_above_temperature"}),
        ],
    )
    def test_of_what_the_files_are_known_for(
        self, season: Season, key: str, expected: set[str]
    ) -> None:
        found = labels(season, key) - {"position_missing", "humidity_extended_aloft"}
        assert found - {"humidity_gap_interpolated"} == expected
        assert int(season.sounding[key].status) == Status.OK

    def test_of_a_negative_cape(self, season: Season) -> None:
        sounding = season.sounding["MBS_20030328T2100"]
        assert int(sounding.status) == Status.SUSPECT
        assert np.isnan(sounding.sbcape)
        assert np.isnan(sounding.significant_tornado)
        assert np.isfinite(sounding.mucape)
        assert "negative_cape" in labels(season, "MBS_20030328T2100")
        assert "is masked" in message(season, "MBS_20030328T2100")

    def test_of_winds_apart(self, season: Season) -> None:
        sounding = season.sounding["BNA_20030505T1800"]
        assert (int(sounding.status), int(sounding.wind_status)) == (Status.OK, Status.SUSPECT)
        assert "no wind for 14935 m" in message(season, "BNA_20030505T1800")

    def test_the_cleaning_is_counted(self, season: Season) -> None:
        assert int(season.sounding["DNR_20030418T0000"].below_station_levels_removed_count) == 3
        assert int(season.sounding["SHV_20030313T0000"].below_station_levels_removed_count) == 0

    def test_switched_off_post_conditions_mask_nothing(self, folder: Path) -> None:
        settings = config(
            folder,
            "unjudged",
            input=["in/03032821m_n.mbs"],
            calculations=["sbcape"],
            quality={"post_conditions": False},
        )
        sounding = pipeline.open_season(run(settings).path).sounding[0]
        assert float(sounding.sbcape) < 0.0
        assert int(sounding.status) == Status.OK


class TestResults:
    def test_are_those_of_the_engine_on_the_cleaned_levels(self, season: Season) -> None:
        names = tuple(c.name for c in resolve(DEFAULT_GROUPS))
        for index, sounding in enumerate(season):
            (raw,) = read_source(str(season.source_of(index))).profiles
            checked = cleaned(raw)
            for name in LEVEL_VARIABLES:
                np.testing.assert_array_equal(sounding[name], getattr(checked.profile, name))
                np.testing.assert_array_equal(sounding[f"{name}_qc"], checked.qc[name])
            expected = evaluated(checked, names).scalars
            for name, number in zip(names, expected, strict=True):
                found = float(sounding[name])
                if not np.isnan(found):  # masked by the post-conditions
                    assert found == number, (sounding.profile_id.values, name)

    def test_all_that_was_asked_for_is_there_and_nothing_else(self, season: Season) -> None:
        wanted = {c.name for c in resolve([*DEFAULT_GROUPS, "relative_humidity"])}
        units = {c.name: c.units for c in resolve([*DEFAULT_GROUPS, "relative_humidity"])}
        assert wanted <= set(season.dataset.data_vars)
        assert not {"sb_positive_area", "sb_top_buoyancy"} & set(season.dataset.variables)
        for name in wanted:
            assert season.dataset[name].attrs["units"] == units[name]

    def test_one_value_a_level_is_where_its_level_is(self, season: Season) -> None:
        for sounding in season:
            saturated = sounding.dewpoint == sounding.temperature
            humidity = sounding.relative_humidity
            assert np.all((humidity > 0) & (humidity < 100.01) | np.isnan(sounding.dewpoint))
            np.testing.assert_allclose(humidity[saturated], 100.0)

    def test_what_is_in_the_file_is_what_the_run_had_in_hand(
        self, report: Report, season: Season
    ) -> None:
        for name, variable in report.dataset.variables.items():
            found = season.dataset[name].values
            if variable.dtype.kind == "f":
                np.testing.assert_array_equal(found, variable.values, err_msg=str(name))
            else:
                assert found.tolist() == variable.values.tolist(), name


class TestTheReport:
    def test_says_what_was_done(self, report: Report) -> None:
        assert report.workers == 1
        stages = ["plan", "read", "check", "calculate", "commit", "publish"]
        assert list(report.seconds) == stages
        assert "sbcape" in report.names
        assert report.path.is_file()

    def test_the_file_says_what_made_it(self, season: Season) -> None:
        import metpy

        attributes = season.dataset.attrs
        assert attributes["metpy_version"] == metpy.__version__
        assert attributes["engine"] == "metpy"
        assert attributes["title"] == "season"
        assert "python -m pipeline run season.yaml" in attributes["history"]
        settings = json.loads(attributes["configuration"])
        assert settings["quality"]["humidity_aloft"] == "extend"

    def test_every_file_that_could_not_be_read_is_logged(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, "pipeline"):
            run(config(folder, "logged", input=["in/empty.txt", "in/notes.txt"]))
        assert len(caplog.records) == 2
        assert "empty.txt: the file is empty (0 bytes)" in caplog.text

    def test_a_season_of_bad_files_only_is_still_a_season(self, folder: Path) -> None:
        done = run(config(folder, "bad", input=[f"in/{name}" for name in BAD]))
        season = pipeline.open_season(done.path)
        assert (len(season), len(season.sources)) == (0, len(BAD))

    def test_positions_come_from_the_table_of_stations(self, folder: Path) -> None:
        (folder / "stations.csv").write_text(
            "station_id,latitude,longitude,elevation_m\nSHV,32.45,-93.84,84\n"
        )
        settings = config(
            folder,
            "located",
            input=["in/03031300.SHV", "in/03041800.DNR"],
            stations="stations.csv",
            calculations=["k_index"],
        )
        season = pipeline.open_season(run(settings).path)
        there, elsewhere = season.sounding["SHV_20030313T0000"], season.sounding[1]
        assert (float(there.latitude), float(there.longitude)) == (32.45, -93.84)
        assert np.isnan(elsewhere.latitude)
        assert "position_missing" in labels(season, str(elsewhere.profile_id.values))
        assert "position_missing" not in labels(season, "SHV_20030313T0000")
        assert float(there.surface_altitude) == 79.0  # the sounding's own, not the table's


def struck_run(folder: Path, name: str, function: str, **executor: Any) -> Season:
    """Return the season with a custom calculation, and little else."""
    settings = config(
        folder,
        name,
        calculations=["sbcape", "k_index", "bulk_shear_0_6km"],
        custom=custom(function),
        executor=executor,
    )
    return pipeline.open_season(run(settings).path)


class TestABadCalculation:
    """The custom calculations strike one profile; the run without them is the witness."""

    @pytest.mark.parametrize(
        ("function", "limit", "told"),
        [
            ("exit_at_victim", 60.0, "died: "),
            ("kill_at_victim", 60.0, "died: killed by SIGKILL"),
            ("sleep_at_victim", 4.0, "timed_out: no result after 4 s"),
        ],
    )
    def test_that_takes_its_worker_along_costs_one_profile(
        self, folder: Path, season: Season, function: str, limit: float, told: str
    ) -> None:
        struck = struck_run(folder, function, function, kind="pool", workers=2, timeout=limit)
        assert told in message(struck, STRUCK)
        assert "worker_lost" in labels(struck, STRUCK)
        victim = struck.sounding[STRUCK]
        assert (int(victim.status), int(victim.wind_status)) == (Status.FAILED, Status.FAILED)
        assert np.isnan(victim.sbcape)
        assert np.isnan(victim.struck)
        np.testing.assert_array_equal(victim.pressure, season.sounding[STRUCK].pressure)
        self.assert_others_are_unharmed(struck, season)

    @pytest.mark.parametrize("kind", ["pool", "serial"])
    def test_that_raises_costs_only_its_own_value(
        self, folder: Path, season: Season, kind: str
    ) -> None:
        struck = struck_run(folder, f"raised-{kind}", "raise_at_victim", kind=kind)
        assert "struck: ValueError: no luck in Glasgow" in message(struck, STRUCK)
        assert "calculation_failed" in labels(struck, STRUCK)
        victim = struck.sounding[STRUCK]
        assert (int(victim.status), int(victim.wind_status)) == (Status.FAILED, Status.OK)
        assert np.isnan(victim.struck)
        assert float(victim.sbcape) == float(season.sounding[STRUCK].sbcape)
        self.assert_others_are_unharmed(struck, season)

    def assert_others_are_unharmed(self, struck: Season, season: Season) -> None:
        whole = season.scalars.set_index(profile="profile_id")
        found = struck.scalars.set_index(profile="profile_id")
        others = [key for key in whole.profile.values if key != STRUCK]
        assert len(others) == len(REAL) - 1
        for name in ("sbcape", "k_index", "bulk_shear_0_6km", "row_size"):
            here, there = (each[name].sel(profile=others).values for each in (found, whole))
            assert here.tobytes() == there.tobytes(), name
        assert "worker_lost" not in {label for key in others for label in labels(struck, key)}
        surface = [REAL[struck.source_of(key).name] for key in others]
        assert found["struck"].sel(profile=others).values.tolist() == surface
        assert struck.dataset["struck"].attrs["units"] == "hPa"


class TestWhoeverRunsIt:
    @pytest.mark.parametrize("kind", ["pool", "dask"])
    def test_the_numbers_are_the_same_to_the_last_bit(
        self, folder: Path, season: Season, kind: str
    ) -> None:
        settings = config(
            folder,
            kind,
            calculations=[*DEFAULT_GROUPS, "relative_humidity"],
            executor={"kind": kind, "workers": 2},
        )
        report = run(settings)
        assert report.workers == 2
        same_bits(pipeline.open_season(report.path).dataset, season.dataset)
