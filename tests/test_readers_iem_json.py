"""The JSON of the Iowa Environmental Mesonet, against siphon and numbers read by eye."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline import readers
from pipeline.errors import ReadError
from pipeline.flags import SourceStatus
from pipeline.profiles import Profile
from pipeline.readers import iem_json
from pipeline.readers.limits import Limits, in_force

FIXTURE = Path(__file__).parent / "fixtures" / "iem_json" / "three-stations.json"
TEN_KNOTS = 5.144444  # m s-1, 1852 m an hour
KNOTS_TO_METRES = 0.514444

#: File: soundings, levels, of which with temperature (counted in the text with grep).
SHARED = {
    "iem_json/iastate_all_data_all_levels.json": (117, 15141, 7278),
    "iem_json/iastate_all_data_single_pressure.json": (115, 115, 115),
    "iem_json/iastate_high_alt_sounding.json": (1, 132, 83),
    "iem_json/iastate_sounding.json": (1, 60, 27),
    "iem_json/iastate_sounding_with_nans.json": (1, 83, 50),
    "iem_json/iastate_no_data.json": (0, 0, 0),
    "iem_json/iastate_no_future_data.json": (0, 0, 0),
    "bad/iem_profile_empty.json": (0, 0, 0),
}


def read(path: Path) -> list[Profile]:
    return list(iem_json.read(path, {}))


def written(folder: Path, content: str) -> Path:
    path = folder / "reply.json"
    path.write_text(content)
    return path


def edited(folder: Path, old: str, new: str) -> Path:
    text = FIXTURE.read_text()
    assert text.count(old) == 1
    return written(folder, text.replace(old, new))


# ------------------------------------------------------------------------------------- real files


@pytest.mark.parametrize("name", SHARED)
def test_soundings_and_levels_of_every_real_reply(shared_data: Path, name: str) -> None:
    profiles = read(shared_data / name)
    warm = sum(int(np.isfinite(profile.temperature).sum()) for profile in profiles)
    assert (len(profiles), sum(map(len, profiles)), warm) == SHARED[name]
    assert all(profile.problem == "" for profile in profiles)


def test_every_real_reply_is_in_this_table(shared_data: Path) -> None:
    found = {f"iem_json/{path.name}" for path in (shared_data / "iem_json").iterdir()}
    assert found <= SHARED.keys()


def test_a_reply_without_data_is_an_empty_source_not_a_bad_one(shared_data: Path) -> None:
    for name in ("iastate_no_data.json", "iastate_no_future_data.json"):
        row = readers.read_source(str(shared_data / "iem_json" / name), format="iem_json").row
        assert row.status is SourceStatus.EMPTY
        assert row.message == "a file of the format iem_json without a sounding in it"


@pytest.mark.parametrize("name", ["sounding", "high_alt_sounding", "sounding_with_nans"])
def test_the_numbers_are_those_that_siphon_finds(
    shared_data: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Siphon drops what lies below the first level with temperature and dewpoint."""
    service = pytest.importorskip("siphon.simplewebservice.iastate").IAStateUpperAir
    path = shared_data / "iem_json" / f"iastate_{name}.json"
    reply = json.loads(path.read_text())
    monkeypatch.setattr(service, "_get_data_raw", lambda *_: reply)
    frame: pd.DataFrame = service.request_data(datetime(1999, 5, 4), "KOUN")

    (profile,) = read(path)
    own = pd.DataFrame(profile.levels())
    first = int(np.argmax(own.temperature.notna() & own.dewpoint.notna()))
    own = own[first:].dropna(subset=["temperature", "dewpoint", "u_wind", "v_wind"], how="all")
    assert len(own) == len(frame) > 50
    for column in ("pressure", "height", "temperature", "dewpoint"):
        np.testing.assert_array_equal(own[column], frame[column].astype(float))
    for column in ("u_wind", "v_wind"):
        expected = frame[column].astype(float) * KNOTS_TO_METRES
        np.testing.assert_allclose(own[column], expected, rtol=1e-5, atol=1e-6)
    assert (profile.station_id, profile.time) == (frame.station[0], frame.time[0].to_datetime64())


def test_each_of_117_stations_is_a_sounding_with_its_numbers(shared_data: Path) -> None:
    path = shared_data / "iem_json" / "iastate_all_data_all_levels.json"
    entries = json.loads(path.read_text())["profiles"]
    profiles = read(path)
    assert [profile.station_id for profile in profiles] == [one["station"] for one in entries]
    assert len({profile.station_id for profile in profiles}) == 117
    assert {str(profile.time) for profile in profiles} == {"1999-05-04T00:00:00"}
    for profile, entry in zip(profiles, entries, strict=True):
        frame = pd.DataFrame(entry["profile"]).astype(float)
        np.testing.assert_array_equal(profile.temperature, frame.tmpc)
        np.testing.assert_array_equal(profile.height, frame.hght)
        speed = np.hypot(profile.u_wind, profile.v_wind)
        np.testing.assert_allclose(speed, frame.sknt * KNOTS_TO_METRES, rtol=1e-5, atol=1e-9)


def test_a_wind_level_without_pressure_has_its_height(shared_data: Path) -> None:
    """Jackson, Mississippi, has one at 16459 m whose pressure is given as 9999.9."""
    path = shared_data / "iem_json" / "iastate_all_data_all_levels.json"
    (jackson,) = [profile for profile in read(path) if profile.station_id == "KJAN"]
    assert np.isnan(jackson.pressure[0])
    assert jackson.height[0] == 16459.0
    assert np.isfinite(jackson.pressure[1:]).all()
    assert "levels without pressure (9999.9): 1" in jackson.notes


# ----------------------------------------------------------------------------------- the hand-made


def test_units_missing_values_and_facts_are_as_written_by_hand() -> None:
    one, empty, two = read(FIXTURE)
    assert (one.station_id, str(one.time)) == ("KAAA", "1999-05-04T00:00:00")
    assert one.pressure.tolist() == [1000.0, 959.0, 952.3, 925.0]
    assert one.height.tolist() == [0.0, 362.0, 418.0, 671.0]
    assert one.temperature[[1, 3]].tolist() == [22.3, 19.8]
    assert one.dewpoint[[1, 3]].tolist() == [19.1, 17.1]
    assert np.isnan(one.temperature[[0, 2]]).all()
    assert np.isnan(one.dewpoint[[0, 2]]).all()
    assert one.u_wind[1:] == pytest.approx([1.8 * TEN_KNOTS, 0, 0], abs=1e-5)  # from west
    assert one.v_wind[1:] == pytest.approx([0, 2 * TEN_KNOTS, 0], abs=1e-5)  # from south
    assert np.isnan(one.u_wind[0])
    assert one.derived == {"u_wind", "v_wind"}
    assert np.isnan([one.latitude, one.longitude, one.surface_altitude]).all()
    assert (empty.station_id, len(empty)) == ("KBBB", 0)
    assert "profile 2 of 3: no levels" in empty.problem
    assert (two.station_id, str(two.time)) == ("CCCC", "1999-05-04T12:00:00")
    assert two.u_wind[1] == pytest.approx(-TEN_KNOTS, abs=1e-5)  # from east


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("22.3", '"22.3"', 'profile 1 of 3, level 2: tmpc: "22.3" is not a number'),
        ("22.3", "true", "profile 1 of 3, level 2: tmpc: true is not a number"),
        ("22.3", "[[1, 2]]", "profile 1 of 3, level 2: tmpc: a list of 1 is not a number"),
        ('"tmpc": 22.3, ', "", "profile 1 of 3, level 2: no 'tmpc'"),
        ('{"pres": 1000.0, "hght": 0.0, "tmpc": null, "dwpc": null, "drct": null, "sknt": null}',
         "7", "profile 1 of 3, level 1: no 'pres'"),
    ],
)  # fmt: skip
def test_a_damaged_sounding_is_named_and_costs_no_other(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    damaged, _, good = read(edited(tmp_path, old, new))
    assert damaged.problem == problem
    assert damaged.station_id == "KAAA"
    assert len(damaged) == 0
    assert len(good) == 2


@pytest.mark.parametrize("number", ["1e400", "-1e400", "Infinity", "-Infinity", "9" * 400])
def test_a_number_beyond_all_numbers_is_missing(tmp_path: Path, number: str) -> None:
    one, *_ = read(edited(tmp_path, "22.3", number))
    assert np.isnan(one.temperature[1])
    assert one.temperature[3] == 19.8


def test_what_is_no_station_or_time_is_noted(tmp_path: Path) -> None:
    text = FIXTURE.read_text().replace('"KAAA"', "5").replace("1999-05-04T12:00:00Z", "yesterday")
    one, _, two = read(written(tmp_path, text))
    assert "5 is no station" in one.notes
    assert '"yesterday" is not a time' in two.notes
    assert (one.station_id, len(one), np.isnat(two.time), len(two)) == ("", 4, True, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (FIXTURE.read_text()[:-30], "is no whole JSON: .* perhaps cut short"),
        (FIXTURE.read_text()[:200], "is no whole JSON"),
        ('{"profiles": ' + "[" * 200_000, "nested too deeply|is no whole JSON"),
        ('{"profiles": [{"profile": [{"pres": ' + "9" * 5000 + "}]}]}", "is no JSON of soundings"),
        ('{"profiles": {"station": "KOUN"}}', 'no list "profiles"'),
        ("[1, 2]", 'no list "profiles"'),
    ],
)
def test_what_is_no_reply_of_the_service_is_refused(
    tmp_path: Path, content: str, words: str
) -> None:
    with pytest.raises(ReadError, match=words):
        read(written(tmp_path, content))


def test_something_else_in_the_list_is_no_sounding(tmp_path: Path) -> None:
    profiles = read(written(tmp_path, '{"profiles": [7, {}, {"profile": 5, "station": "KOUN"}]}'))
    assert [profile.problem for profile in profiles] == [
        "profile 1 of 3: 7 is no sounding",
        'profile 2 of 3: no list "profile" of levels',
        'profile 3 of 3: no list "profile" of levels',
    ]


def test_a_sounding_with_too_many_levels_is_refused() -> None:
    with in_force(Limits(levels=3)):
        one, _, two = read(FIXTURE)
    assert "more than 3 levels in one sounding" in one.problem
    assert two.problem == ""


def test_a_file_too_large_for_json_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iem_json, "LARGEST", 100)
    with pytest.raises(ReadError, match="ask the service for shorter periods"):
        read(FIXTURE)


def test_every_cut_is_refused(tmp_path: Path) -> None:
    text = FIXTURE.read_text().rstrip()
    for length in range(1, len(text), 37):
        with pytest.raises(ReadError):
            read(written(tmp_path, text[:length]))


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b'{"profiles": []}', None),
        (b'\xef\xbb\xbf {\n "profiles" : [ {"profile": [{"pres": 1}]', None),
        (b'{"profiles": [{"station": "KOUN", "valid": "1999-05-04T00:00:00Z", "profile": [', None),
        (b'{"profiles": [{"name": "default"}]}', 'JSON, but without a list "profiles" of levels'),
        (b'{"pres": [1000.0]}', 'JSON, but without a list "profiles" of levels'),
        (b"pressure,temperature", "no JSON object"),
        (b"\x89HDF\r\n", "no JSON object"),
    ],
)
def test_it_is_known_by_its_first_bytes(head: bytes, reason: str | None) -> None:
    found = iem_json.sniff(head, Path("a"))
    assert found is None if reason is None else str(found).startswith(reason)
