"""Soundings in tables: what the config or the header says is done; nothing is guessed."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import metpy.calc
import numpy as np
import pytest
from metpy.units import units

from pipeline.errors import ReadError
from pipeline.profiles import Profile
from pipeline.readers.table import read, sniff

NAN = np.nan
KNOT = 1852.0 / 3600.0  # m s-1

UNITS = {"pressure": "hPa", "temperature": "degC", "dewpoint": "degC", "height": "m"}


def read_text(folder: Path, text: str | bytes, **options: Any) -> list[Profile]:
    path = folder / "table.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read(path, options))


def read_one(folder: Path, text: str | bytes, **options: Any) -> Profile:
    (profile,) = read_text(folder, text, **options)
    return profile


def refusal(folder: Path, text: str, **options: Any) -> str:
    with pytest.raises(ReadError) as caught:
        read_text(folder, text, **options)
    return str(caught.value)


def declined(header: str) -> str | None:
    return sniff(header.encode(), Path("table.csv"))


def assert_levels(profile: Profile, **expected: list[float]) -> None:
    assert profile.problem == ""
    for name, values in expected.items():
        np.testing.assert_allclose(
            getattr(profile, name), values, rtol=1e-12, atol=1e-12, err_msg=name
        )


# What columns are ---------------------------------------------------------------------------------


def test_columns_are_those_the_config_names_in_the_units_it_says(tmp_path: Path) -> None:
    profile = read_one(
        tmp_path,
        "HGHT,PRES,TEMP,DWPT,SKNT,DRCT,OTHER\n100,100000,293.15,59,10,270,x\n780,92500,288.15,50,20,180,y\n",
        columns={
            "pressure": "PRES",
            "temperature": "TEMP",
            "dewpoint": "DWPT",
            "height": "HGHT",
            "wind_speed": "SKNT",
            "wind_direction": "DRCT",
        },
        units={
            "pressure": "Pa",
            "temperature": "K",
            "dewpoint": "degF",
            "height": "m",
            "wind_speed": "knot",
        },
    )
    assert_levels(
        profile,
        pressure=[1000, 925],
        temperature=[20, 15],
        dewpoint=[15, 10],
        height=[100, 780],
        u_wind=[10 * KNOT, 0],
        v_wind=[0, 20 * KNOT],
    )


def test_columns_without_a_header_are_numbers_from_0(tmp_path: Path) -> None:
    profile = read_one(
        tmp_path,
        "1  1000.0  20.0\n2   925.0  15.0\n",
        header=False,
        columns={"pressure": 1, "temperature": 2},
        units=UNITS,
    )
    assert_levels(profile, pressure=[1000, 925], temperature=[20, 15])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "   "])
def test_separators_are_found_out(tmp_path: Path, separator: str) -> None:
    rows = (("pres", "temp"), ("1000", "20"), ("925", "15"))
    text = "\n".join(separator.join(row) for row in rows)
    profile = read_one(tmp_path, text, units=UNITS)
    assert_levels(profile, pressure=[1000, 925], temperature=[20, 15])


@pytest.mark.parametrize(
    ("delimiter", "text"),
    [
        ("whitespace", "pres temp,C\n1000 20\n"),
        ("tab", "pres\ttemp,C\n1000\t20\n"),
        ("semicolon", "pres;temp,C\n1000;20\n"),
        ("!", "pres!temp,C\n1000!20\n"),
    ],
)
def test_separators_can_be_said(tmp_path: Path, delimiter: str, text: str) -> None:
    columns = {"pressure": "pres", "temperature": "temp,C"}
    profile = read_one(tmp_path, text, delimiter=delimiter, columns=columns, units=UNITS)
    assert_levels(profile, pressure=[1000], temperature=[20])


def test_a_header_further_down_and_rows_below_its_units_are_found_by_line(tmp_path: Path) -> None:
    text = "Station 06610\n# p  T\n  hPa  C\n# a remark\n 1000 20\n\n  925 15\n"
    profile = read_one(tmp_path, text, header=2, first_line=4, units=UNITS)
    assert_levels(profile, pressure=[1000, 925], temperature=[20, 15])


def test_comments_start_as_the_config_says(tmp_path: Path) -> None:
    text = "! made by hand\npres,temp\n1000,20\n! the end\n"
    assert_levels(read_one(tmp_path, text, comment="!", units=UNITS), pressure=[1000])


def test_files_of_windows_and_old_encodings_are_read(tmp_path: Path) -> None:
    text = "Pressure [hPa],Temperature [°C]\r\n1000,20\r\n"
    for encoding in ("latin-1", "utf-8", "utf-8-sig"):
        profile = read_one(tmp_path, text.encode(encoding))
        assert_levels(profile, pressure=[1000], temperature=[20])


# Headers with units, without a config -------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "pressure (hPa),temperature (degC)",
        "Pressure [hPa];Temperature [°C]",
        "pressure_hPa,temperature_C",
        "air_pressure (hPa),air temperature (C),station,wind direction",
        "PRES_mb,TEMP_C,dew point temperature_C,wind speed_m/s,u_wind_knots",
        "# made by hand\npressure (hPa),temperature (degC)",
    ],
)
def test_a_header_with_units_is_enough(header: str) -> None:
    assert declined(header + "\n") is None


def test_what_a_header_says_is_done(tmp_path: Path) -> None:
    text = (
        "station,time,pressure_Pa,temperature (K),wind speed [knots],wind direction,altitude_km\n"
        "06610,2003-05-04 12:00:00,100000,293.15,10,270,0.1\n"
    )
    profile = read_one(tmp_path, text)
    assert_levels(
        profile, pressure=[1000], temperature=[20], u_wind=[10 * KNOT], v_wind=[0], height=[100]
    )
    assert profile.station_id == "06610"
    assert profile.time == np.datetime64("2003-05-04T12:00:00")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "its first line is no CSV header"),
        ("%TITLE%", "its first line is no CSV header"),
        ("pressure (hPa) temperature (C)", "its first line is no CSV header"),
        ("station_id,name,latitude", "names no columns of pressure and temperature"),
        ("pressure (hPa),dewpoint (C)", "names no columns of pressure and temperature"),
        ("PRES,TEMP,DWPT", "but not the units of pressure, temperature, dewpoint; state them"),
        ("pressure_hPa,temperature", "but not the units of temperature; state them"),
        (
            "p_hPa,temperature_C,t_K",
            "columns 'temperature_C' and 't_K' both may be the temperature",
        ),
        ("time,longitude,latitude,pressure_hPa,geopotential height_m", "which wyoming_csv reads"),
        ("pressure (hPa),temperature (C)\n\0", "not text"),
    ],
)
def test_other_headers_are_declined_with_the_reason(header: str, said: str) -> None:
    assert said in (declined(header) or "")


def test_a_header_that_says_less_is_completed_by_the_config(tmp_path: Path) -> None:
    text = "p,t_K\n1000,293.15\n"
    assert_levels(
        read_one(tmp_path, text, units={"pressure": "hPa"}), pressure=[1000], temperature=[20]
    )
    assert "the units of pressure are not stated; add them to units" in refusal(tmp_path, text)


# Missing values -----------------------------------------------------------------------------------


def test_missing_values_are_those_the_config_says_however_written(tmp_path: Path) -> None:
    text = "p,t,td,z\n1000,-9999,-9999.00,none\n925,15,***,\n850,null,5,NaN\n"
    profile = read_one(tmp_path, text, units={**UNITS, "height": "m"}, columns={
        "pressure": "p", "temperature": "t", "dewpoint": "td", "height": "z",
    }, missing=[-9999, "***"])  # fmt: skip
    assert_levels(
        profile,
        temperature=[NAN, 15, NAN],
        dewpoint=[NAN, NAN, 5],
        height=[NAN, NAN, NAN],
    )


def test_what_is_neither_number_nor_missing_costs_only_its_sounding(tmp_path: Path) -> None:
    text = "stn,p,t\nA,1000,20\nA,925,warm\nB,1000,20\n"
    spoiled, good = read_text(tmp_path, text, units=UNITS)
    assert spoiled.problem == (
        "line 3: column 't': 'warm' is not a number; if it means that there is none, add it to "
        "missing"
    )
    assert (spoiled.station_id, len(spoiled)) == ("A", 0)
    assert_levels(good, pressure=[1000])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p,t\n1000,20\n925\n", "line 3: 1 fields where 2 are expected"),
        ("p,t\n1000,20,7\n", "line 2: 3 fields where 2 are expected"),
        ("p t\n1000 20\n925\n", "line 3: 1 fields where 2 are expected; where fields can be blank"),
        ("p,t\n1_000,20\n", "line 2: column 'p': '1_000' is not a number"),
    ],
)
def test_rows_of_another_shape_are_named(tmp_path: Path, text: str, said: str) -> None:
    assert said in read_one(tmp_path, text, units=UNITS).problem


def test_blank_fields_at_the_end_of_a_row_do_no_harm(tmp_path: Path) -> None:
    assert_levels(read_one(tmp_path, "p,t\n1000,20,,\n", units=UNITS), pressure=[1000])


# Derived quantities -------------------------------------------------------------------------------


def test_dewpoint_comes_from_relative_humidity_by_metpy(tmp_path: Path) -> None:
    profile = read_one(tmp_path, "p_hPa,t_C,rh_%\n1000,20,70\n925,15,50\n")
    truth = metpy.calc.dewpoint_from_relative_humidity(
        units.Quantity(np.array([20.0, 15.0]), "degC"), units.Quantity(np.array([70.0, 50.0]), "%")
    )
    assert_levels(profile, dewpoint=truth.m_as("degC"))
    assert profile.notes == ("dewpoint from relative humidity",)


# Many soundings, their times and places -----------------------------------------------------------


def test_each_change_of_station_or_time_starts_another_sounding(tmp_path: Path) -> None:
    text = (
        "station,time,p_hPa,t_C,latitude,longitude,elevation_m\n"
        "06610,2003-05-04T00Z,1000,20,,,\n"
        "06610,2003-05-04T00Z,925,15,46.81,6.94,491\n"
        "06610,2003-05-04T12Z,1000,25,46.81,6.94,491\n"
        ",,925,20,,,\n"
        "03005,2003-05-04T12Z,990,10,60.13,-1.18,82\n"
        "03005,2003-05-04T12Z,900,5,60.13,-1.18,82\n"
    )
    night, noon, north = read_text(tmp_path, text)
    assert [len(one) for one in (night, noon, north)] == [2, 2, 2]
    assert [one.station_id for one in (night, noon, north)] == ["06610", "06610", "03005"]
    assert noon.time - night.time == np.timedelta64(12, "h")
    assert (night.latitude, night.longitude, night.surface_altitude) == (46.81, 6.94, 491.0)
    assert north.latitude == 60.13


def test_what_the_file_lacks_the_config_says_once(tmp_path: Path) -> None:
    profile = read_one(
        tmp_path,
        "p_hPa,t_C\n1000,20\n",
        station_id="06610",
        station_name="Payerne",
        time="2003-05-04T02:00+02:00",
        latitude=46.81,
        longitude=6.94,
        surface_altitude=491,
    )
    assert (profile.station_id, profile.station_name) == ("06610", "Payerne")
    assert profile.time == np.datetime64("2003-05-04T00:00:00")
    assert (profile.latitude, profile.longitude, profile.surface_altitude) == (46.81, 6.94, 491.0)


@pytest.mark.parametrize("value", [datetime(2003, 5, 4), date(2003, 5, 4), "2003-05-04 00:00 UTC"])
def test_times_in_a_config_may_be_dates_of_yaml(tmp_path: Path, value: Any) -> None:
    profile = read_one(tmp_path, "p_hPa,t_C\n1000,20\n", time=value)
    assert profile.time == np.datetime64("2003-05-04T00:00:00")


def test_times_in_a_file_are_written_as_the_config_says(tmp_path: Path) -> None:
    text = "date,p_hPa,t_C\n030504/1200,1000,20\n030504/1200,925,15\n"
    profile = read_one(tmp_path, text, time_format="%y%m%d/%H%M")
    assert profile.time == np.datetime64("2003-05-04T12:00:00")
    assert "line 2: column 'date': '030504/1200' is no time (ISO 8601" in (
        read_one(tmp_path, text).problem
    )


def test_a_time_that_runs_with_the_levels_is_not_taken_for_the_soundings(tmp_path: Path) -> None:
    text = "time,p_hPa,t_C\n" + "".join(
        f"2003-05-04T12:00:{second:02d},{1000 - second},20\n" for second in range(30)
    )
    said = refusal(tmp_path, text)
    assert said.startswith("line 2: 'time' changes from row to row")
    assert "options: {columns: {level_time: time, ...}}" in said
    columns = {"pressure": "p_hPa", "temperature": "t_C", "level_time": "time"}
    profile = read_one(tmp_path, text, columns=columns)
    assert (len(profile), profile.time) == (30, np.datetime64("2003-05-04T12:00:00"))


def test_a_file_without_rows_has_no_soundings(tmp_path: Path) -> None:
    assert read_text(tmp_path, "p_hPa,t_C\n") == []
    assert "no line but blank ones and comments" in refusal(tmp_path, "# nothing\n")


def test_a_column_that_is_there_twice_is_asked_for_by_number(tmp_path: Path) -> None:
    text = "p,t,t\n1000,20,21\n"
    columns: dict[str, str | int] = {"pressure": "p", "temperature": "t"}
    assert "'t' is there 2 times; give its number" in refusal(
        tmp_path, text, columns=columns, units=UNITS
    )
    columns["temperature"] = 2
    assert_levels(read_one(tmp_path, text, columns=columns, units=UNITS), temperature=[21])


# A real file --------------------------------------------------------------------------------------


def test_the_winds_of_a_real_file_agree_with_its_own_components(shared_data: Path) -> None:
    path = shared_data / "bad" / "two_levels_only_300_500hPa.csv"
    columns = {
        "pressure": "pressure",
        "temperature": "temperature",
        "height": "height",
        "station_id": "station",
        "time": "time",
        "latitude": "latitude",
        "longitude": "longitude",
    }
    speeds = {"wind_speed": "speed", "wind_direction": "direction"}
    parts = {"u_wind": "u_wind", "v_wind": "v_wind"}
    stated = {**UNITS, "wind_speed": "knot", "u_wind": "knot", "v_wind": "knot"}
    by_speed = list(read(path, {"columns": columns | speeds, "units": stated}))
    by_parts = list(read(path, {"columns": columns | parts, "units": stated}))
    stations = [line.split(",")[6] for line in path.read_text().splitlines()[1:]]
    assert [one.station_id for one in by_speed] == list(dict.fromkeys(stations))
    for one, other in zip(by_speed, by_parts, strict=True):
        np.testing.assert_allclose(one.u_wind, other.u_wind, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(one.v_wind, other.v_wind, rtol=1e-9, atol=1e-9)
    assert_levels(by_speed[0], pressure=[500, 300], temperature=[-28.7, -47.9])
