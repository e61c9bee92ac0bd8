"""AVAPS D-files, against the file read by pandas alone, and numbers printed in it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import ReadError
from pipeline.profiles import Profile
from pipeline.readers import _dropsondes, avaps

FIXTURE = Path(__file__).parent / "fixtures" / "avaps" / "D20190905_235955.2"
REAL = "avaps/D20200117_143249.1"

#: The columns of the header of a D-file.
NAMES = [
    *("line", "kind", "sonde", "date", "clock", "pressure", "temperature", "humidity"),
    *("direction", "speed", "fall", "longitude", "latitude", "height", "satellites"),
    *("humidity1", "humidity2", "satellites2", "error", "gps_height"),
]


def read_one(path: Path) -> Profile:
    (profile,) = avaps.read(path, {})
    return profile


def edited(tmp_path: Path, old: str, new: str, count: int = 1) -> Path:
    text = FIXTURE.read_text()
    assert text.count(old) == count
    path = tmp_path / FIXTURE.name
    path.write_text(text.replace(old, new))
    return path


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Profile:
    return read_one(shared_data / REAL)


@pytest.fixture(scope="module")
def table(shared_data: Path) -> pd.DataFrame:
    """Every record after the release, as it stands in the file; nothing of ours is involved."""
    records = [
        line.split()
        for line in (shared_data / REAL).read_text().splitlines()
        if line.startswith("AVAPS-D01 S")
    ]
    frame = pd.DataFrame(records, columns=NAMES)
    numbers = frame.columns[5:]
    frame[numbers] = frame[numbers].astype(float)
    return frame


class TestARealDrop:
    def test_has_the_numbers_printed_in_the_last_record_before_the_sea(self, real: Profile) -> None:
        """S00 ... 1016.62  26.10  77.38  82.88   8.21 -10.74 ... 4.55 ... -10.29"""
        assert (real.pressure[0], real.temperature[0], real.height[0]) == (1016.62, 26.10, 4.55)
        assert real.extras["reported_relative_humidity"].values[0] == 77.38
        assert real.extras["gps_altitude"].values[0] == -10.29
        # Magnus (Alduchov and Eskridge 1996): 26.1 degC at 77.38 % has its dewpoint at 21.82 degC
        assert real.dewpoint[0] == pytest.approx(21.82, abs=0.03)
        assert real.u_wind[0] == pytest.approx(-8.1467, abs=1e-4)  # 8.21 m/s from 82.88 degrees
        assert real.v_wind[0] == pytest.approx(-1.0176, abs=1e-4)

    def test_has_every_good_record_of_the_fall_from_the_surface_up(
        self, real: Profile, table: pd.DataFrame
    ) -> None:
        good = table[table.kind.isin(["S00", "S01"])]  # pressure, temperature and humidity passed
        falling = good[good.clock >= "143252.75"]  # the receiver says 0.82 m/s upwards until then
        expected = falling[::-1]
        assert len(expected) == 1081
        np.testing.assert_array_equal(real.pressure, expected.pressure)
        np.testing.assert_array_equal(
            real.temperature, expected.temperature.where(expected.temperature != 99)
        )
        np.testing.assert_array_equal(real.height, expected.height.where(expected.height < 99999))
        assert real.pressure[0] > real.pressure[-1]

    def test_has_no_wind_where_its_check_failed(self, real: Profile, table: pd.DataFrame) -> None:
        """One such record has the sonde at 23874 m, 4204 m up by its pressure."""
        failed = table[(table.kind == "S01") & (table.gps_height == 23874.09)]
        (level,) = np.flatnonzero(real.pressure == failed.pressure.item())
        assert np.isnan([real.u_wind[level], real.extras["gps_altitude"].values[level]]).all()
        assert real.height[level] == 4204.01
        assert np.nanmax(real.extras["gps_altitude"].values) < 7000

    def test_has_no_wind_of_the_aircraft(self, real: Profile, table: pd.DataFrame) -> None:
        """It flew at 167 m/s, and the sonde says so for three seconds after its release."""
        assert table.speed.where(table.speed < 999).max() > 160
        assert np.nanmax(np.hypot(real.u_wind, real.v_wind)) < 20

    def test_is_named_by_its_sonde_and_placed_where_it_was_released(self, real: Profile) -> None:
        assert real.station_id == "193130663"
        assert real.station_name == "WP-3D, N43RF, Drop 1"
        assert str(real.time) == "2020-01-17T14:32:49"
        assert (real.longitude, real.latitude) == (-56.9601, 13.6276)
        assert np.isnan(real.surface_altitude)

    def test_heights_follow_from_its_own_pressure_and_temperature(self, real: Profile) -> None:
        """The thickness of all layers by the hypsometric equation, from virtual temperature."""
        known = (
            np.isfinite(real.height) & np.isfinite(real.dewpoint) & np.isfinite(real.temperature)
        )
        p, height = real.pressure[known], real.height[known]
        vapour = 6.112 * np.exp(17.67 * real.dewpoint[known] / (real.dewpoint[known] + 243.5))
        mixing = 0.622 * vapour / (p - vapour)
        virtual = (real.temperature[known] + 273.15) * (1 + 0.608 * mixing)
        layers = 287.05 / 9.80665 * (virtual[1:] + virtual[:-1]) / 2 * np.log(p[:-1] / p[1:])
        assert height[-1] - height[0] == pytest.approx(layers.sum(), abs=15)

    def test_says_what_was_left_out(self, real: Profile, table: pd.DataFrame) -> None:
        text = "; ".join(real.notes)
        assert "16 records left out in which the parachute was not yet open" in text
        between = len(table) - 16 - len(real)
        assert f"{between} records left out that have neither pressure nor altitude" in text
        assert "dewpoint from relative humidity" in text
        assert real.derived == {"dewpoint", "u_wind", "v_wind"}

    def test_takes_a_fraction_of_a_second(self, shared_data: Path) -> None:
        start = time.process_time()
        read_one(shared_data / REAL)
        assert time.process_time() - start < 0.5


class TestAMadeDrop:
    """Twelve records over midnight, each with one thing to it."""

    def test_comes_from_the_surface_up_without_aircraft_and_cabin(self) -> None:
        profile = read_one(FIXTURE)
        assert profile.pressure.tolist() == [
            1009.5, 1000.0, 925.0, 850.0, 750.0, 707.0, 706.5, 706.0,
        ]  # fmt: skip
        assert profile.extras["elapsed_time"].values.tolist() == [
            250.25, 245.25, 185.25, 125.25, 5.25, 2.25, 1.75, 1.25,
        ]  # fmt: skip

    def test_has_its_values_and_what_is_missing_is_missing(self) -> None:
        profile = read_one(FIXTURE)
        assert profile.temperature[:3].tolist() == [26.5, 26.0, 22.0]
        assert profile.dewpoint[0] == pytest.approx(26.5, abs=0.1)  # saturated
        assert np.isnan([profile.dewpoint[2], profile.height[2]]).all()
        assert profile.u_wind == pytest.approx([0, 24, 30, 30, 0, -20, np.nan, -10], nan_ok=True)
        assert profile.v_wind == pytest.approx([-16, 0, 0, 0, 20, 0, np.nan, 0], nan_ok=True)
        assert profile.extras["drift_longitude"].values[0] == -75.007

    def test_a_pressure_that_failed_its_check_is_not_used_and_counted(self) -> None:
        profile = read_one(FIXTURE)
        assert 800.0 not in profile.pressure
        text = "; ".join(profile.notes)
        assert "pressure, temperature and humidity of 1 records not used" in text
        assert "wind and position of 2 records not used" in text

    def test_facts_come_from_its_end(self) -> None:
        profile = read_one(FIXTURE)
        assert (profile.station_id, profile.station_name) == ("201234567", "WP-3D, N42RF, Drop 7")
        assert str(profile.time) == "2019-09-05T23:59:55"
        assert (profile.longitude, profile.latitude) == (-75.0, 26.0)

    def test_without_them_they_come_from_the_a_file_beside_it(self, tmp_path: Path) -> None:
        path = tmp_path / FIXTURE.name
        text = FIXTURE.read_text()
        facts = [line for line in text.splitlines() if "COM" in line and ": " in line]
        path.write_text("".join(f"{line}\n" for line in text.splitlines() if line not in facts))
        alone = read_one(path)
        assert str(alone.time) == "2019-09-05T23:59:55"  # the line LAU
        assert (alone.longitude, alone.latitude) == (-75.0, 26.0)  # where it was first located
        assert alone.station_name == ""

        companion = tmp_path / "A20190905_235955.2"
        header = [line.removeprefix("AVAPS-T02 COM ") for line in facts]
        companion.write_text("\n".join(["*** Sounding Attributes File ***", "", *header]))
        both = read_one(path)
        assert both.station_name == "WP-3D, N42RF, Drop 7"
        assert len(both) == len(alone) == 8
        assert avaps.sniff(companion.read_bytes(), companion) == (
            "an A-file holds the header of a drop and no levels; those are in its D-file"
        )

    def test_old_files_without_gps_altitude_are_read_too(self, tmp_path: Path) -> None:
        lines = FIXTURE.read_text().splitlines()
        short = [" ".join(line.split()[:14]) if "-D02" in line else line for line in lines]
        path = tmp_path / "D1"
        path.write_text("\n".join(short))
        assert read_one(path).pressure.tolist() == read_one(FIXTURE).pressure.tolist()


class TestWhatIsNoDrop:
    def test_the_a_file_alone_is_declined_for_that_reason(self, shared_data: Path) -> None:
        path = shared_data / "avaps" / "A20200117_143249.1"
        assert "those are in its D-file" in str(avaps.sniff(path.read_bytes(), path))

    @pytest.mark.parametrize("head", [b"", b"pressure,temperature\n", b"AVAPS-T01 STA 1 200101\n"])
    def test_other_files_are_declined(self, head: bytes) -> None:
        assert avaps.sniff(head, Path("x"))

    def test_a_file_without_a_line_of_it_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other"
        path.write_text("pressure,temperature\n1000,20\n")
        with pytest.raises(ReadError, match="not an AVAPS D-file"):
            list(avaps.read(path, {}))

    def test_a_sonde_that_was_never_released_is_a_profile_that_says_so(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "D1"
        kept = [line for line in FIXTURE.read_text().splitlines() if " S" not in line[9:12]]
        path.write_text("\n".join(kept))
        profile = read_one(path)
        assert "no record after the release" in profile.problem
        assert profile.station_id == "201234567"

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("850.00  17.00", "850.00  1x.00", "line 20: '1x.00' is not a number"),
            ("850.00  17.00", "850.00", "line 20: 19 columns where 20 are expected"),
            ("S00 201234567 190906 000200.25", "S0", "line 20: "),
            ("AVAPS-D02 S00 201234567 190906 000200.25", "AVAPS-D02 ?", "line 20: not an AVAPS"),
            ("AVAPS-T02 END", "AVAPS-T02 COM", "no END line: the file is cut short"),
        ],
    )
    def test_a_damaged_record_costs_the_drop_and_is_named(
        self, tmp_path: Path, old: str, new: str, problem: str
    ) -> None:
        profile = read_one(edited(tmp_path, old, new))
        assert profile.problem.startswith(problem)
        assert len(profile) == 0
        assert profile.station_id == "201234567"

    def test_cut_anywhere_it_is_said_to_be_cut_or_refused(self, tmp_path: Path) -> None:
        content = FIXTURE.read_bytes()
        path = tmp_path / "cut"
        for size in range(0, content.index(b"AVAPS-T02 END"), 97):
            path.write_bytes(content[:size])
            try:
                profile = read_one(path)
            except ReadError:
                continue
            assert profile.problem, size


class TestWhatDropsondesShare:
    def test_a_wild_end_does_not_turn_a_profile(self) -> None:
        pressure = np.array([1013.0, 300.0, 500.0, 700.0, 900.0, 1010.0, 2.0])
        turned = _dropsondes.from_the_surface_up({"pressure": pressure})
        assert turned["pressure"].tolist() == pressure[::-1].tolist()

    def test_height_decides_where_there_is_no_pressure(self) -> None:
        nothing = np.full(3, np.nan)
        columns = {"pressure": nothing, "height": np.array([900.0, np.nan, 10.0])}
        assert _dropsondes.from_the_surface_up(columns)["height"][0] == 10.0

    def test_what_comes_from_the_surface_up_stays_so(self) -> None:
        columns = {"pressure": np.array([1000.0, 500.0]), "height": np.array([np.nan, 5500.0])}
        assert _dropsondes.from_the_surface_up(columns)["pressure"].tolist() == [1000.0, 500.0]

    def test_a_release_that_is_not_known_cuts_nothing(self) -> None:
        assert _dropsondes.after_release([np.nan, -1.0, 1.0], np.nan).all()
        times = np.array(["2020-01-01T00:00:01", "2020-01-01T00:00:03"], dtype="datetime64[s]")
        kept = _dropsondes.after_release(times, np.datetime64("2020-01-01T00:00:02"))
        assert kept.tolist() == [False, True]
