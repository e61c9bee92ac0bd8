"""BUFKIT's forecast soundings, against the numbers and the indices that are printed in the files.

The indices are GEMPAK's, so they are another program's view of the same levels: units that were
taken wrongly would not give its precipitable water, its condensation level, its wet bulb.
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
from pipeline.readers import bufkit, read_source
from pipeline.readers.limits import Limits

FIXTURE = Path(__file__).parent / "fixtures" / "bufkit" / "two-hours.buf"
TEN_KNOTS = 5.144444  # m s-1, 1852 m an hour

#: Soundings and levels; of the first level hPa, degC, degC, degrees, knots and m, as printed.
FILES = {
    "gfs3_kdsm.buf": (141, 64, (964.80, 17.64, 5.99, 243.43, 14.34, 316.99)),
    "gfsm_kdsm.buf": (141, 64, (974.60, 3.14, -1.85, 275.71, 11.71, 315.59)),
    "hrrr_kdsm.buf": (19, 50, (984.60, 2.24, -1.47, 285.26, 11.07, 288.20)),
    "hrrr_klax.buf": (49, 50, (1022.10, 15.04, 0.38, 45.00, 3.03, 20.27)),
    "nam4km_klga.buf": (61, 60, (1014.30, 6.34, -0.53, 330.95, 6.00, 29.38)),
    "nam_kdsm.buf": (85, 60, (983.20, 1.54, -0.84, 267.06, 7.60, 289.01)),
    "namm_kdsm.buf": (85, 60, (979.80, 23.34, 12.81, 289.21, 13.58, 290.58)),
    "rap_kdsm.buf": (22, 50, (986.10, 2.24, -1.61, 278.30, 9.42, 280.46)),
    "rap_oun.buf": (22, 50, (971.60, 7.14, 4.78, 147.26, 6.47, 358.46)),
}

#: Station, time, position and altitude of the first, as printed: STID, or STNM where that is empty.
FACTS = {
    "gfs3_kdsm.buf": ("725460", "2021-03-11T00", 41.53, -93.65, 294.0),
    "gfsm_kdsm.buf": ("725460", "2021-03-11T06", 41.53, -93.65, 294.0),
    "hrrr_kdsm.buf": ("KDSM", "2021-03-11T13", 41.53, -93.65, 280.0),
    "hrrr_klax.buf": ("KLAX", "2020-12-30T18", 33.93, -118.40, 12.0),
    "nam4km_klga.buf": ("KLGA", "2023-11-08T12", 40.76, -73.90, 10.0),
    "nam_kdsm.buf": ("KDSM", "2021-03-11T12", 41.52, -93.68, 271.0),
    "namm_kdsm.buf": ("KDSM", "2019-08-27T18", 41.52, -93.68, 271.0),
    "rap_kdsm.buf": ("KDSM", "2021-03-11T14", 41.53, -93.65, 269.0),
    "rap_oun.buf": ("OUN", "2018-12-19T04", 35.23, -97.47, 350.0),
}


def read(path: Path) -> list[Profile]:
    return list(bufkit.read(path, {}))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "edited.buf"
    path.write_bytes(text.encode())
    return path


def edited(tmp_path: Path, old: str, new: str) -> list[Profile]:
    text = FIXTURE.read_text()
    assert text.count(old) == 1
    return read(written(tmp_path, text.replace(old, new)))


class TestRealFiles:
    def test_all_of_them_are_in_the_tables(self, shared_data: Path) -> None:
        names = {path.name for path in (shared_data / "bufkit").iterdir()}
        assert names == set(FILES) == set(FACTS)

    @pytest.mark.parametrize("name", FILES)
    def test_soundings_levels_and_first_level(self, shared_data: Path, name: str) -> None:
        soundings, levels, first = FILES[name]
        profiles = read(shared_data / "bufkit" / name)
        assert len(profiles) == soundings
        assert {len(one) for one in profiles if not one.problem} == {levels}
        pressure, temperature, dewpoint, direction, knots, height = first
        one = profiles[0]
        assert (one.pressure[0], one.temperature[0]) == (pressure, temperature)
        assert (one.dewpoint[0], one.height[0]) == (dewpoint, height)
        angle = np.radians(direction)
        speed = knots * 1852 / 3600
        assert one.u_wind[0] == pytest.approx(-speed * np.sin(angle), abs=1e-9)
        assert one.v_wind[0] == pytest.approx(-speed * np.cos(angle), abs=1e-9)
        assert one.derived == WINDS

    @pytest.mark.parametrize("name", FACTS)
    def test_station_time_and_position(self, shared_data: Path, name: str) -> None:
        station, time, latitude, longitude, altitude = FACTS[name]
        one = read(shared_data / "bufkit" / name)[0]
        assert (one.station_id, one.time) == (station, np.datetime64(time, "s"))
        assert (one.latitude, one.longitude) == (latitude, longitude)
        assert one.surface_altitude == altitude

    @pytest.mark.parametrize("name", FILES)
    def test_every_level_is_the_one_printed(self, shared_data: Path, name: str) -> None:
        """All the numbers between HGHT and the next header, in one stream."""
        path = shared_data / "bufkit" / name
        streams = re.findall(r"HGHT\s+((?:-?\d+\.\d\d\s+)+)", path.read_text())
        profiles = [one for one in read(path) if not one.problem]
        assert len(streams) == len(profiles)
        for stream, one in zip(streams, profiles, strict=True):
            printed = np.array(stream.split(), dtype=float).reshape(len(one), -1)
            printed[printed == -9999] = np.nan
            np.testing.assert_array_equal(one.pressure, printed[:, 0])
            np.testing.assert_array_equal(one.temperature, printed[:, 1])
            np.testing.assert_array_equal(one.dewpoint, printed[:, 3])
            np.testing.assert_array_equal(one.height, printed[:, -1])
            np.testing.assert_array_equal(one.extras["omega"].values, printed[:, 7])
            assert ("cloud_fraction" in one.extras) == (printed.shape[1] == 10)
            np.testing.assert_allclose(
                np.hypot(one.u_wind, one.v_wind) * 3600, printed[:, 6] * 1852
            )

    @pytest.mark.parametrize("name", FILES)
    def test_water_and_condensation_level_are_those_of_the_indices(
        self, shared_data: Path, name: str
    ) -> None:
        path = shared_data / "bufkit" / name
        text = path.read_text()
        water, condensation = (
            [float(value) for value in re.findall(rf"\b{index} = (\S+)", text)]
            for index in ("PWAT", "LCLP")
        )
        profiles = read(path)
        assert len(water) == len(condensation) == len(profiles)
        for index in (0, len(profiles) // 2, len(profiles) - 1):
            pressure, temperature, dewpoint = quantities(profiles[index])
            computed = metpy.calc.precipitable_water(pressure, dewpoint).m_as("mm")
            assert computed == pytest.approx(water[index], abs=0.3)
            level, _ = metpy.calc.lcl(pressure[0], temperature[0], dewpoint[0])
            assert level.m_as("hPa") == pytest.approx(condensation[index], abs=1)

    @pytest.mark.parametrize("name", FILES)
    def test_what_rides_along_is_what_its_name_says(self, shared_data: Path, name: str) -> None:
        one = read(shared_data / "bufkit" / name)[0]
        pressure, temperature, dewpoint = (values[:5] for values in quantities(one))
        wet_bulb = metpy.calc.wet_bulb_temperature(pressure, temperature, dewpoint)
        potential = metpy.calc.equivalent_potential_temperature(pressure, temperature, dewpoint)
        extra = one.extras["reported_wet_bulb_temperature"]
        np.testing.assert_allclose(extra.values[:5], wet_bulb.m_as(extra.units), atol=0.5)
        extra = one.extras["reported_equivalent_potential_temperature"]
        np.testing.assert_allclose(extra.values[:5], potential.m_as(extra.units), atol=0.5)
        assert one.extras["omega"].units == "Pa s-1"

    def test_hours_run_on_and_say_how_far_ahead_they_look(self, shared_data: Path) -> None:
        profiles = read(shared_data / "bufkit" / "rap_oun.buf")
        hours = np.diff([one.time for one in profiles]) / np.timedelta64(1, "h")
        assert set(hours) == {1.0}
        assert profiles[0].notes[0] == "forecast hour 0"
        assert profiles[21].notes[0] == "forecast hour 21"

    def test_surface_values_among_the_hours_are_no_levels(self, shared_data: Path) -> None:
        """In this file they stand after the 30th hour, the others follow."""
        profiles = read(shared_data / "bufkit" / "hrrr_klax.buf")
        assert (profiles[29].time, profiles[30].time) == (
            np.datetime64("2020-12-31T23:00"),
            np.datetime64("2021-01-01T00:00"),
        )
        assert len(profiles[29]) == len(profiles[30]) == 50

    def test_an_hour_without_levels_is_one_that_could_not_be_read(self, shared_data: Path) -> None:
        """Hour 46 of this run is a header, and then the header of hour 47."""
        source = read_source(str(shared_data / "bufkit" / "nam4km_klga.buf"), "bufkit")
        empty = source.profiles[46]
        assert empty.problem == "line 6085: no levels follow the header of this sounding"
        assert (empty.station_id, empty.time) == ("KLGA", np.datetime64("2023-11-10T10:00"))
        assert source.row.message.startswith("1 of 61 soundings could not be read: line 6085")


def quantities(one: Profile) -> tuple[units.Quantity, units.Quantity, units.Quantity]:
    """Return pressure, temperature and dewpoint of the levels that have them all."""
    known = np.isfinite(one.dewpoint)
    return (
        units.Quantity(one.pressure[known], "hPa"),
        units.Quantity(one.temperature[known], "degC"),
        units.Quantity(one.dewpoint[known], "degC"),
    )


class TestTheFormat:
    def test_a_level_is_wrapped_over_two_lines(self) -> None:
        one, _ = read(FIXTURE)
        assert one.pressure.tolist() == [970.0, 900.0, 100.0]
        assert one.height.tolist() == [358.5, 1010.25, 16300.0]
        assert one.temperature.tolist() == [20.5, 16.0, -65.0]
        assert one.u_wind == pytest.approx([0, 2 * TEN_KNOTS, 0], abs=1e-6)  # from 180, 270, calm
        assert one.v_wind == pytest.approx([TEN_KNOTS, 0, 0], abs=1e-6)
        assert one.extras["cloud_fraction"].values.tolist() == [5.0, 50.0, 0.0]
        assert one.extras["cloud_fraction"].units == "percent"
        assert one.extras["omega"].values.tolist() == [-0.1, 0.25, 0.0]

    def test_missing_is_missing(self) -> None:
        one, _ = read(FIXTURE)
        assert one.dewpoint[:2].tolist() == [13.5, 11.0]
        assert np.isnan(one.dewpoint[2])
        assert np.isnan(one.extras["reported_wet_bulb_temperature"].values[2])

    def test_years_have_two_digits(self) -> None:
        assert [str(one.time) for one in read(FIXTURE)] == [
            "1999-12-31T23:00:00",
            "2000-01-01T00:00:00",
        ]

    def test_windows_line_ends_change_nothing(self, tmp_path: Path) -> None:
        windows = read(written(tmp_path, FIXTURE.read_text().replace("\n", "\r\n")))
        for one, other in zip(windows, read(FIXTURE), strict=True):
            np.testing.assert_array_equal(
                list(one.levels().values()), list(other.levels().values())
            )
            assert one.notes == other.notes

    def test_the_columns_are_those_of_snparm_in_its_order(self, tmp_path: Path) -> None:
        """Three columns in one line, heights first."""
        text = (
            "SNPARM = HGHT;PRES;TMPC\nSTID = STNM = 725460 TIME = 210311/0000\n"
            "SLAT = 41.53 SLON = -93.65 SELV = 294.0\nSTIM = 0\n\nHGHT PRES TMPC\n"
            "300.00 960.00 10.00\n900.00 900.00 5.00\n"
        )
        (one,) = read(written(tmp_path, text))
        assert one.pressure.tolist() == [960.0, 900.0]
        assert one.height.tolist() == [300.0, 900.0]
        assert one.station_id == "725460"
        assert np.isnan(one.dewpoint).all()
        assert np.isnan(one.u_wind).all()
        assert not one.derived

    def test_a_column_that_is_not_known_is_left_out_and_told(self, tmp_path: Path) -> None:
        profiles = read(written(tmp_path, FIXTURE.read_text().replace("CFRL", "XYZW")))
        assert "cloud_fraction" not in profiles[0].extras
        assert "columns that are not known are left out: XYZW" in profiles[0].notes
        assert profiles[0].height.tolist() == [358.5, 1010.25, 16300.0]

    @pytest.mark.parametrize(
        ("old", "new", "note"),
        [
            ("991231/2300\nSLAT", "991331/2300\nSLAT", "TIME = '991331/2300' is not a time"),
            ("991231/2300\nSLAT", "xx/2300\nSLAT", "TIME = 'xx/2300' is not a time"),
        ],
    )
    def test_what_a_header_does_not_say_is_missing_and_noted(
        self, tmp_path: Path, old: str, new: str, note: str
    ) -> None:
        one, _ = edited(tmp_path, old, new)
        assert note in one.notes
        assert np.isnat(one.time)
        assert len(one) == 3

    def test_a_position_that_is_none_is_missing_and_noted(self, tmp_path: Path) -> None:
        text = FIXTURE.read_text().replace("SLAT = 35.25", "SLAT = -9999.00")
        one, _ = read(written(tmp_path, text))
        assert np.isnan([one.latitude, one.longitude]).all()
        assert "SLAT and SLON do not say a position" in one.notes


class TestDamage:
    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("16.00 13.00", "1x.00 13.00", "line 16: '1x.00' is not a number"),
            ("900.00 16.00", "900.0016.00", "line 16: 7 values where 8 are expected"),
            ("50.00 1010.25\n", "", "line 17: 8 values where 2 are expected"),
        ],
    )
    def test_a_damaged_level_costs_its_hour_and_is_named(
        self, tmp_path: Path, old: str, new: str, problem: str
    ) -> None:
        one, other = edited(tmp_path, old, new)
        assert one.problem.startswith(problem)
        assert len(one) == 0
        assert (one.station_id, str(one.time)) == ("TST", "1999-12-31T23:00:00")
        assert (other.problem, len(other)) == ("", 3)

    def test_columns_that_are_not_those_of_snparm_are_refused(self, tmp_path: Path) -> None:
        text = FIXTURE.read_text().replace("PRES TMPC TMWC DWPC", "PRES TMPC DWPC TMWC", 1)
        one, other = read(written(tmp_path, text))
        assert "where the columns of SNPARM are expected (PRES TMPC TMWC DWPC" in one.problem
        assert other.problem == ""

    @pytest.mark.parametrize(
        "ending",
        ["16310.0", "30.00 0.00\n", "1009.00\n", "STIM = 12"],
        ids=["in its last number", "in a level", "after a level", "in a header"],
    )
    def test_a_file_that_breaks_off_is_said_to_be_cut_short(
        self, tmp_path: Path, ending: str
    ) -> None:
        text = FIXTURE.read_text()
        text = text[: text.rindex(ending) + len(ending)]
        one, other = read(written(tmp_path, text))
        assert (one.problem, len(one)) == ("", 3)
        assert "seems to be cut short" in other.problem
        assert len(other) == 0

    def test_more_levels_than_the_limit_are_refused(self) -> None:
        source = read_source(str(FIXTURE), "bufkit", limits=Limits(levels=2))
        assert "more than 2 levels in one sounding" in source.profiles[0].problem

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "no line SNPARM"),
            ("PRES TMPC\n1000 20\n", "no line SNPARM"),
            ("SNPARM = TMPC;DWPC\n", "line 1: SNPARM = 'TMPC;DWPC' does not name each column once"),
            ("SNPARM = PRES;PRES\n", "line 1: SNPARM = 'PRES;PRES' does not name each column once"),
            ("SNPARM = PRES;TMPC\n", "line 1: the file ends before its first sounding"),
        ],
    )
    def test_a_file_of_another_kind_is_refused(
        self, tmp_path: Path, text: str, message: str
    ) -> None:
        with pytest.raises(ReadError, match=re.escape(message)):
            read(written(tmp_path, text))

    def test_it_is_known_by_its_first_lines(self, tmp_path: Path) -> None:
        assert bufkit.sniff(FIXTURE.read_bytes(), FIXTURE) is None
        assert bufkit.sniff(b"%RAW%\n", FIXTURE) == "no line SNPARM = ..."
