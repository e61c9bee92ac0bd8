"""Positions by station id."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pipeline import stations
from pipeline.errors import ConfigError
from pipeline.profiles import Profile
from pipeline.stations import Station

HEADER = "station_id,name,latitude,longitude,elevation_m,origin\n"


@pytest.fixture
def load(tmp_path: Path):
    """Load a table of the given text."""

    def load_text(text: str) -> dict[str, Station]:
        (tmp_path / "stations.csv").write_text(text, encoding="utf-8")
        return stations.load(tmp_path / "stations.csv")

    return load_text


@pytest.fixture
def problems(load):
    """Return what is said of a wrong table, without the folder."""

    def problems_of(text: str) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            load(text)
        return ["stations.csv" + line.split("stations.csv")[1] for line in raised.value.problems]

    return problems_of


def test_the_table_of_the_project(season_folder):
    table = stations.load(season_folder.parent / "stations.csv")
    assert len(table) == 164
    assert table["ABI"] == Station("ABI", "Abilene Regional Airport", 32.4113, -99.6819, 546.0)
    assert all(24 < station.latitude < 50 for station in table.values())
    assert all(-125 < station.longitude < -66 for station in table.values())


def test_ids_stay_text(load):
    assert list(load(HEADER + "06610,Payerne,46.81,6.94,491,\n")) == ["06610"]


def test_name_and_elevation_may_be_absent(load):
    station = load("longitude,station_id,latitude\n-96.37,OAX,41.32\n")["OAX"]
    assert (station.name, station.latitude, station.longitude) == ("", 41.32, -96.37)
    assert math.isnan(station.elevation)
    assert math.isnan(load(HEADER + "OAX,Omaha,41.32,-96.37,,\n")["OAX"].elevation)


def test_longitudes_counted_to_360_are_turned(load):
    assert load(HEADER + "OAX,Omaha,41.32,263.63,351,\n")["OAX"].longitude == pytest.approx(-96.37)


def test_spreadsheet_habits_are_fine(load):
    text = (
        '\ufeffstation_id, name, latitude, longitude\r\n\r\n06610, "Payerne, VD", 46.81, 6.94\r\n'
    )
    station = load(text)["06610"]
    assert (station.name, station.latitude, station.longitude) == ("Payerne, VD", 46.81, 6.94)


def test_everything_wrong_is_told_with_its_line(problems):
    assert problems(
        HEADER + "ABI,Abilene,132.4,-99.7,546,\n"
        "ABQ,Albuquerque,35.0,west,1632,\n"
        "ABR,Aberdeen,45.4,-98.4,397,\n"
        ",nameless,1,2,3,\n"
        "ABR,again,45.4,-98.4,397,\n"
        "ACT,Waco,31.6,,157,\n"
        "ADM,Ardmore,34.3,-97.0,nan,\n"
        "AIA,Alliance,42.0,-102.8,1198,x,y\n"
    ) == [
        "stations.csv:2: the latitude '132.4' is not a number from -90 to 90",
        "stations.csv:3: the longitude 'west' is not a number from -180 to 360",
        "stations.csv:5: the station_id is empty",
        "stations.csv:6: 'ABR' is given twice, first on line 4",
        "stations.csv:7: the longitude of 'ACT' is empty",
        "stations.csv:8: the elevation_m 'nan' is not a number from -500 to 9000",
        "stations.csv:9: more values than columns; quote a name that holds a comma",
    ]


def test_a_missing_column_names_the_nearest(problems):
    assert problems("station_id,lattitude,longitude\n") == [
        "stations.csv:1: the column 'latitude' is missing, did you mean 'lattitude'? "
        "(there is: station_id, lattitude, longitude)"
    ]
    assert problems("") == [
        f"stations.csv:1: the column '{name}' is missing (there is: nothing)"
        for name in ("station_id", "latitude", "longitude")
    ]


def test_a_table_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        stations.load(tmp_path / "stations.csv")
    (tmp_path / "stations.csv").write_bytes(b"station_id,name\n1,M\xfcnchen\n")
    with pytest.raises(ConfigError, match="cannot be read: it is not UTF-8 text"):
        stations.load(tmp_path / "stations.csv")
    (tmp_path / "stations.csv").write_text(HEADER + f'A,"{"x" * 200_000}",1,2,3,\n')
    with pytest.raises(ConfigError, match=r"stations\.csv:2: this is not a CSV table"):
        stations.load(tmp_path / "stations.csv")


TABLE = {"OAX": Station("OAX", "Omaha", 41.32, -96.37, 351.0)}


def test_a_profile_without_a_position_gets_its_station_s():
    profile = Profile(pressure=[1000.0], station_id="OAX")
    assert stations.locate(profile, TABLE)
    assert (profile.latitude, profile.longitude) == (41.32, -96.37)
    assert profile.station_name == "Omaha"


def test_what_a_profile_says_itself_stays():
    profile = Profile(
        pressure=[1000.0], station_id="OAX", station_name="Valley", latitude=1.0, longitude=2.0
    )
    assert stations.locate(profile, TABLE)
    assert (profile.latitude, profile.longitude, profile.station_name) == (1.0, 2.0, "Valley")


def test_half_a_position_is_not_completed_from_elsewhere():
    profile = Profile(pressure=[1000.0], station_id="OAX", latitude=1.0)
    assert not stations.locate(profile, TABLE)
    assert np.isnan(profile.longitude)


def test_the_altitude_of_the_ground_is_not_taken_from_the_table():
    profile = Profile(pressure=[1000.0], station_id="OAX")
    stations.locate(profile, TABLE)
    assert np.isnan(profile.surface_altitude)


@pytest.mark.parametrize("station_id", ["P#T", "", "KOAX", "oax"])
def test_a_station_that_is_not_in_the_table_stays_without_position(station_id):
    profile = Profile(pressure=[1000.0], station_id=station_id)
    assert not stations.locate(profile, TABLE)
    assert np.isnan(profile.latitude)
    assert profile.station_name == ""
