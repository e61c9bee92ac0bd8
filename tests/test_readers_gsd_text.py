"""NOAA's FSL and GSD text soundings, against the numbers printed in the files.

The files are sliced here once more, into fields of seven characters; that the units are taken
rightly is seen in the heights, which follow from pressure, temperature and humidity.
"""

from __future__ import annotations

import re
from pathlib import Path

import metpy.calc
import numpy as np
import pytest
from metpy.units import units

from pipeline.errors import ReadError
from pipeline.profiles import WINDS, Profile
from pipeline.readers import gsd_text, read_source
from pipeline.readers.limits import Limits

FIXTURES = Path(__file__).parent / "fixtures" / "gsd_text"
FIXTURE = FIXTURES / "observed-and-forecast.txt"
ORIGINAL = FIXTURES / "original-format.txt"
TEN_KNOTS = 5.144444  # m s-1, 1852 m an hour
KNOT = 1852 / 3600

OUT_OF_BOUNDS = "bad/gsd_out_of_bounds_stationname_latlon.txt"
LISTING = "bad/gsd_station_listing_not_a_sounding.txt"

#: Soundings, levels of each, and the surface level (9) as printed, of the first sounding.
FILES = {
    "gsd_text/iad-nam-1.txt": (1, 39, "      9  10000    104    101     -1    106      3"),
    "gsd_text/nkx-raob-1.txt": (1, 231, "      9   9970    137    160    138    355      3"),
    "gsd_text/san-op40-1.txt": (1, 62, "      9  10031    146    138    -50    287      7"),
    "gsd_text/san-op40-4.txt": (4, 62, "      9  10031    146    138    -50    287      7"),
    "gsd_text/sgu-rap-eighteen-hours.txt": (
        18,
        62,
        "      9   8640   1359    317    -64    299      4",
    ),
    OUT_OF_BOUNDS: (1, 62, "      9   9953    146    157    157    316      3"),
}

#: The same in the project's units: hPa, m, degC, degC; knots and degrees stay.
SURFACE = {
    "gsd_text/iad-nam-1.txt": (1000.0, 104, 10.1, -0.1, 3, 106),
    "gsd_text/nkx-raob-1.txt": (997.0, 137, 16.0, 13.8, 3, 355),
    "gsd_text/san-op40-1.txt": (1003.1, 146, 13.8, -5.0, 7, 287),
    "gsd_text/san-op40-4.txt": (1003.1, 146, 13.8, -5.0, 7, 287),
    "gsd_text/sgu-rap-eighteen-hours.txt": (864.0, 1359, 31.7, -6.4, 4, 299),
    OUT_OF_BOUNDS: (995.3, 146, 15.7, 15.7, 3, 316),
}

#: Station, time and position of the first, as printed; in a model's file west is positive.
FACTS = {
    "gsd_text/iad-nam-1.txt": ("IAD", "2023-02-23T00", 39.11, -77.58),
    "gsd_text/nkx-raob-1.txt": ("NKX", "2023-06-30T12", 32.85, -117.12),
    "gsd_text/san-op40-1.txt": ("SAN", "2023-02-15T22", 32.78, -117.06),
    "gsd_text/san-op40-4.txt": ("SAN", "2023-02-15T22", 32.78, -117.06),
    "gsd_text/sgu-rap-eighteen-hours.txt": ("SGU", "2024-06-13T04", 37.22, -113.43),
    OUT_OF_BOUNDS: ("32.82,-117.14", "2023-07-03T14", 32.78, -117.06),
}


def read(path: Path) -> list[Profile]:
    return list(gsd_text.read(path, {}))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "edited.txt"
    path.write_bytes(text.encode())
    return path


def edited(tmp_path: Path, old: str, new: str, fixture: Path = FIXTURE) -> list[Profile]:
    text = fixture.read_text()
    assert text.count(old) == 1
    return read(written(tmp_path, text.replace(old, new)))


class TestRealFiles:
    def test_all_of_them_are_in_the_tables(self, shared_data: Path) -> None:
        paths = [*(shared_data / "gsd_text").iterdir(), *(shared_data / "bad").glob("gsd_*")]
        names = {str(path.relative_to(shared_data)) for path in paths}
        assert names == {*FILES, LISTING}
        assert set(FILES) == set(SURFACE) == set(FACTS)

    @pytest.mark.parametrize("name", FILES)
    def test_soundings_levels_and_the_surface_level(self, shared_data: Path, name: str) -> None:
        soundings, levels, printed = FILES[name]
        assert printed in (shared_data / name).read_text()
        profiles = read(shared_data / name)
        assert [len(one) for one in profiles] == [levels] * soundings
        one = profiles[0]
        (surface,) = np.flatnonzero(one.extras["level_kind"].values == 9)
        pressure, height, temperature, dewpoint, knots, direction = SURFACE[name]
        assert (one.pressure[surface], one.height[surface]) == (pressure, height)
        assert (one.temperature[surface], one.dewpoint[surface]) == (temperature, dewpoint)
        angle = np.radians(direction)
        assert one.u_wind[surface] == pytest.approx(-knots * KNOT * np.sin(angle), abs=1e-9)
        assert one.v_wind[surface] == pytest.approx(-knots * KNOT * np.cos(angle), abs=1e-9)
        assert one.surface_altitude == height
        assert one.derived == WINDS

    @pytest.mark.parametrize("name", FACTS)
    def test_station_time_and_position(self, shared_data: Path, name: str) -> None:
        station, time, latitude, longitude = FACTS[name]
        one = read(shared_data / name)[0]
        assert (one.station_id, one.time) == (station, np.datetime64(time, "s"))
        assert (one.latitude, one.longitude) == (latitude, pytest.approx(longitude))

    @pytest.mark.parametrize("name", FILES)
    def test_every_level_is_the_one_printed(self, shared_data: Path, name: str) -> None:
        rows = [
            [int(line[start : start + 7]) for start in range(0, 49, 7)]
            for line in (shared_data / name).read_text().splitlines()
            if line[:7].strip() in set("456789")
        ]
        printed = np.array(rows, dtype=float)
        printed[printed >= 99999] = np.nan
        profiles = read(shared_data / name)
        joined = {
            quantity: np.concatenate([getattr(one, quantity) for one in profiles])
            for quantity in ("pressure", "height", "temperature", "dewpoint", "u_wind", "v_wind")
        }
        np.testing.assert_allclose(joined["pressure"], printed[:, 1] / 10)
        np.testing.assert_array_equal(joined["height"], printed[:, 2])
        np.testing.assert_allclose(joined["temperature"], printed[:, 3] / 10)
        np.testing.assert_allclose(joined["dewpoint"], printed[:, 4] / 10)
        speed = np.hypot(joined["u_wind"], joined["v_wind"])
        np.testing.assert_allclose(speed * 3600 / 1852, printed[:, 6], atol=1e-9)

    @pytest.mark.parametrize("name", FILES)
    def test_the_heights_are_those_of_the_pressures_and_temperatures(
        self, shared_data: Path, name: str
    ) -> None:
        """A level a tenth as high or as warm as it is would be far out of this."""
        one = read(shared_data / name)[0]
        known = np.isfinite([one.height, one.temperature, one.dewpoint]).all(axis=0)
        pressure = units.Quantity(one.pressure[known], "hPa")
        temperature = units.Quantity(one.temperature[known], "degC")
        dewpoint = units.Quantity(one.dewpoint[known], "degC")
        vapour = metpy.calc.mixing_ratio_from_relative_humidity(
            pressure, temperature, metpy.calc.relative_humidity_from_dewpoint(temperature, dewpoint)
        )
        computed = metpy.calc.thickness_hydrostatic(pressure, temperature, mixing_ratio=vapour)
        printed = one.height[known][-1] - one.height[known][0]
        assert computed.m_as("m") == pytest.approx(printed, rel=0.005)

    def test_forecasts_run_on_hour_by_hour_and_say_what_they_are(self, shared_data: Path) -> None:
        profiles = read(shared_data / "gsd_text" / "sgu-rap-eighteen-hours.txt")
        hours = np.diff([one.time for one in profiles]) / np.timedelta64(1, "h")
        assert hours.tolist() == [1.0] * 17
        assert profiles[0].notes[:2] == (
            "Op40 analysis valid for grid point 11.8 nm / 43 deg from SGU",
            "the surface level is at 1359 m, the station at 896 m",
        )
        assert profiles[17].notes[0].startswith("Op40 17 h forecast valid for grid point")

    def test_the_flight_of_a_radiosonde_rides_along(self, shared_data: Path) -> None:
        """The last line: ``5 73 33517 -389 -799 100 48 1253 236 15``; the report is that of 12."""
        (one,) = read(shared_data / "gsd_text" / "nkx-raob-1.txt")
        assert (one.pressure[-1], one.height[-1]) == (7.3, 33517.0)
        assert one.extras["elapsed_time"].values[-1] == (60 + 51) * 60  # from 1102 to 1253
        assert one.extras["elapsed_time"].values[0] == 0
        assert "the first of its levels is of 2023-06-30T11:02:00" in one.notes
        assert one.extras["azimuth_angle"].values[-1] == 236
        assert one.extras["range"].values[-1] == 15 * 1852
        assert [one.extras[name].units for name in ("elapsed_time", "range")] == ["s", "m"]

    def test_a_place_that_is_no_station_is_known_by_its_coordinates(
        self, shared_data: Path
    ) -> None:
        """Its name reaches into the next columns, its elevation is missing: still a sounding.

        It was asked for at 32.82 N, 117.14 W, and is that of a grid point nearby.
        """
        (one,) = read(shared_data / OUT_OF_BOUNDS)
        assert one.station_id == "32.82,-117.14"
        assert one.surface_altitude == 146  # of the surface level
        assert one.notes[0] == (
            "Op40 11 h forecast valid for grid point 5.0 nm / 121 deg from 32.82,-117.14"
        )

    def test_a_list_of_stations_is_declined_as_one(self, shared_data: Path) -> None:
        path = shared_data / LISTING
        reason = "a list of stations and their latest dates, without a sounding"
        assert gsd_text.sniff(path.read_bytes()[:65536], path) == reason
        with pytest.raises(ReadError, match="no line with type, hour, day, month and year"):
            read(path)


class TestTheFormat:
    def test_an_observed_sounding(self) -> None:
        one, _ = read(FIXTURE)
        assert (one.station_id, str(one.time)) == ("TST", "2024-01-01T00:00:00")
        assert (one.latitude, one.longitude, one.surface_altitude) == (35.25, -97.5, 358.0)
        assert one.pressure.tolist() == [1000.0, 970.0, 900.0, 850.0, 7.0]
        assert one.extras["level_kind"].values.tolist() == [4, 9, 5, 6, 4]
        np.testing.assert_array_equal(one.height, [110, 358, 1010, np.nan, 32767])
        np.testing.assert_array_equal(one.temperature, [np.nan, 20.5, -0.5, np.nan, -45.0])
        np.testing.assert_array_equal(one.dewpoint, [np.nan, 13.5, -10.5, np.nan, np.nan])
        np.testing.assert_allclose(
            one.u_wind, [np.nan, 0, np.nan, 2 * TEN_KNOTS, 0], atol=1e-6
        )  # from 180, 270 and 360 degrees
        np.testing.assert_allclose(
            one.v_wind, [np.nan, TEN_KNOTS, np.nan, 0, -4 * TEN_KNOTS], atol=1e-6
        )

    def test_times_of_levels_pass_midnight(self) -> None:
        one, _ = read(FIXTURE)
        since = one.extras["elapsed_time"].values
        assert since.tolist() == [60, 0, 180, 300, 63 * 60]  # 2359, 2358, 0001, 0003, 0101
        assert "the first of its levels is of 2023-12-31T23:58:00" in one.notes

    def test_a_forecast(self) -> None:
        """A longitude without a letter is positive to the west, so this one is in Australia."""
        _, one = read(FIXTURE)
        assert (one.station_id, str(one.time)) == ("TST", "2024-01-01T03:00:00")
        assert (one.latitude, one.longitude, one.surface_altitude) == (-25.0, 135.0, 1359.0)
        assert one.pressure.tolist() == [864.0, 1000.0, 861.4]
        np.testing.assert_array_equal(one.dewpoint, [-6.4, np.nan, np.nan])  # 997259 is no dewpoint
        assert set(one.extras) == {"level_kind"}

    def test_the_original_format(self) -> None:
        """Whole hPa, 32767 for missing, tenths of m/s."""
        (one,) = read(ORIGINAL)
        assert (one.station_id, str(one.time)) == ("OUN", "1999-05-03T12:00:00")
        assert (one.latitude, one.longitude) == (35.23, -97.47)
        assert one.pressure.tolist() == [966.0, 850.0, 700.0, 500.0, 200.0]
        assert one.temperature.tolist() == [24.0, 16.0, 2.5, -13.0, -56.0]
        np.testing.assert_array_equal(one.dewpoint, [18.0, 10.0, -11.5, np.nan, np.nan])
        speed = np.hypot(one.u_wind, one.v_wind)
        np.testing.assert_allclose(speed, [10.0, 20.5, np.nan, 30.0, np.nan])
        assert "pressures are in whole hPa, as in the original format" in one.notes

    def test_letters_say_the_hemisphere(self, tmp_path: Path) -> None:
        one, _ = edited(tmp_path, "35.25N 97.50W", "35.25S 97.50E")
        assert (one.latitude, one.longitude) == (-35.25, 97.5)

    def test_a_station_without_an_identifier_goes_by_its_number(self, tmp_path: Path) -> None:
        one, _ = edited(
            tmp_path, "TST                99999     kt", "                   99999     kt"
        )
        assert one.station_id == "01234"
        assert np.isfinite(one.u_wind[1])

    def test_windows_line_ends_and_names_of_the_later_columns_change_nothing(
        self, tmp_path: Path
    ) -> None:
        text = FIXTURE.read_text().replace("99999     kt", "99999     kt   HHMM bearing  range")
        for one, other in zip(
            read(written(tmp_path, text.replace("\n", "\r\n"))), read(FIXTURE), strict=True
        ):
            np.testing.assert_array_equal(
                list(one.levels().values()), list(other.levels().values())
            )
            assert one.notes == other.notes

    def test_messages_between_soundings_are_no_harm(self, tmp_path: Path) -> None:
        """The site puts its own errors there."""
        profiles = edited(tmp_path, "\n\nOp40 03", "\n\ntimeout\nBad eval: 1 at line 9.\n\nOp40 03")
        assert [len(one) for one in profiles] == [5, 3]

    @pytest.mark.parametrize(
        ("old", "new", "note"),
        [
            ("1    JAN   2024", "32    JAN   2024", "does not say a time"),
            ("1    JAN   2024", "1    XYZ   2024", "does not say a time"),
            ("35.25N 97.50W", "999.00-999.00", "line 1 does not say a position"),
            ("99999     kt", "99999     mh", "winds left out: line 3 does not say kt or ms"),
        ],
    )
    def test_what_a_header_does_not_say_is_missing_and_noted(
        self, tmp_path: Path, old: str, new: str, note: str
    ) -> None:
        one, _ = edited(tmp_path, old, new)
        assert any(note in text for text in one.notes)
        assert len(one) == 5
        assert np.isnat(one.time) == ("time" in note)
        assert np.isnan(one.latitude) == ("position" in note)
        assert np.isnan(one.u_wind).all() == ("winds" in note)


class TestDamage:
    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("      5   9000", "      5   9x00", "line 8: '9x00' is not a number"),
            ("   1010     -5", "  1010     -5", "line 8: 69 characters where a level has 70"),
            ("      5   9000", "      x   9000", "line 8: 'x   9000   1010"),
            ("      5   9000   1010     -5   -105  99999  99999      1     90      1\n", "",
             "line 2: the header announces 9 lines and 8 are here"),
        ],
    )  # fmt: skip
    def test_a_damaged_level_costs_its_sounding_and_is_named(
        self, tmp_path: Path, old: str, new: str, problem: str
    ) -> None:
        one, other = edited(tmp_path, old, new)
        assert one.problem.startswith(problem)
        assert len(one) == 0
        assert (one.station_id, str(one.time)) == ("TST", "2024-01-01T00:00:00")
        assert (other.problem, len(other)) == ("", 3)

    def test_a_sounding_whose_first_line_is_damaged_is_not_added_to_the_one_before(
        self, tmp_path: Path
    ) -> None:
        one, other = edited(tmp_path, "Op40         3     01", "Op40         3  ?  01")
        assert (one.problem, len(one)) == ("", 5)
        assert other.problem == "line 15: no line with type and time before this station"
        assert other.station_id == "TST"

    def test_a_sounding_that_breaks_off_is_a_problem(self, tmp_path: Path) -> None:
        text = FIXTURE.read_text()
        text = text[: text.rindex("     90     20") + len("     90     2")]
        one, other = read(written(tmp_path, text))
        assert (one.problem, len(one)) == ("", 5)
        assert other.problem.startswith("line 20: 48 characters where a level has 49")

    def test_a_header_without_levels_is_a_problem(self, tmp_path: Path) -> None:
        text = FIXTURE.read_text()
        one, other = read(written(tmp_path, text[: text.index("      9   8640")]))
        assert (len(one), other.problem) == (5, "line 13: no levels follow this header")

    def test_mandatory_levels_alone_are_a_sounding_whatever_the_header_counts(
        self, tmp_path: Path
    ) -> None:
        rows = [line for line in FIXTURE.read_text().splitlines() if line[6:7] not in ("5", "6")]
        one, other = read(written(tmp_path, "\n".join(rows)))
        assert [one.problem, other.problem] == ["", ""]
        assert [len(one), len(other)] == [3, 2]
        assert "line 2: the header announces 9 lines and 7 are here: only mandatory levels" in (
            one.notes
        )

    def test_more_levels_than_the_limit_are_refused(self) -> None:
        source = read_source(str(FIXTURE), "gsd_text", limits=Limits(levels=4))
        assert "more than 4 levels in one sounding" in source.profiles[0].problem
        assert len(source.profiles[1]) == 3

    @pytest.mark.parametrize(
        "text",
        ["", "RAOB sounding valid at:\n", "      4  10000    110  99999  99999  99999  99999\n"],
    )
    def test_a_file_of_another_kind_is_refused(self, tmp_path: Path, text: str) -> None:
        path = written(tmp_path, text)
        message = "no line with type, hour, day, month and year"
        assert gsd_text.sniff(path.read_bytes(), path) is not None
        with pytest.raises(ReadError, match=re.escape(message)):
            read(path)

    def test_it_is_known_by_its_first_lines(self) -> None:
        for path in (FIXTURE, ORIGINAL):
            assert gsd_text.sniff(path.read_bytes(), path) is None
