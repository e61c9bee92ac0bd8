"""BUFR soundings, against pdbufr, against ecCodes element by element, and messages made by hand.

What the messages made by hand hold stands in `bufr_files`.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import bufr_files as made
import numpy as np
import pytest

from pipeline.errors import ReadError
from pipeline.profiles import Profile
from pipeline.readers import bufr
from pipeline.readers._eccodes import library
from pipeline.readers.limits import Limits, in_force

#: File: its soundings, their levels together, and the first station.
SHARED = {
    "IUSK73_AMMC_040000.bufr": (1, 2743, "94461"),
    "example_bufr309057.bfr": (1, 5657, ""),
    "pilo_91.bufr": (17, 775, "72201"),
    "temp.bufr": (420, 26005, "71907"),
    "temp_101.bufr": (4, 331, "70219"),
    "temp_102.bufr": (1, 20, "ASDE3"),
    "temp_106.bufr": (1, 52, "HYME2"),
    "temp_hires.bufr": (1, 449, "10954"),
    "temp_small.bufr": (7, 403, "71907"),
    "uegabe.bufr": (1, 13, "10618"),
}
#: What pdbufr calls the elements of a level.
COLUMNS = ("pressure", "airTemperature", "dewpointTemperature", "windDirection", "windSpeed")
HEIGHTS = ("nonCoordinateGeopotentialHeight", "nonCoordinateGeopotential")


def read(path: Path) -> list[Profile]:
    return list(bufr.read(path, {}))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "made.bufr"
    path.write_bytes(content)
    return path


def one(folder: Path, content: bytes) -> Profile:
    (profile,) = read(written(folder, content))
    return profile


# ------------------------------------------------------------------------------------- real files


@pytest.mark.parametrize("name", SHARED)
def test_soundings_and_levels_of_every_real_file(shared_data: Path, name: str) -> None:
    profiles = read(shared_data / "bufr" / name)
    levels = sum(len(profile) for profile in profiles)
    assert (len(profiles), levels, profiles[0].station_id) == SHARED[name]
    assert {profile.problem for profile in profiles} == {""}


def test_every_real_file_is_in_this_table(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "bufr").iterdir()} == SHARED.keys()


@pytest.mark.parametrize("name", SHARED)
def test_there_are_as_many_levels_as_the_first_factor_says(shared_data: Path, name: str) -> None:
    """In each of these templates the levels are the first replication."""
    path = shared_data / "bufr" / name
    short, long = "delayedDescriptorReplicationFactor", "extendedDelayedDescriptorReplicationFactor"
    newer = "extendedVerticalSoundingSignificance"
    counts = [
        int(arrays[long if newer in arrays else short][0])
        for arrays in messages(path, (short, long, newer))
    ]
    assert [len(profile) for profile in read(path)] == counts


def messages(path: Path, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the arrays of some elements in each message, by ecCodes alone."""
    eccodes, found = library(), []
    with path.open("rb") as stream:
        while (handle := eccodes.codes_bufr_new_from_file(stream)) is not None:
            eccodes.codes_set(handle, "unpack", 1)
            arrays = {}
            for key in keys:
                try:
                    arrays[key] = eccodes.codes_get_array(handle, key)
                except eccodes.KeyValueNotFoundError:
                    continue
            found.append(arrays)
            eccodes.codes_release(handle)
    return found


@pytest.mark.parametrize("name", SHARED)
def test_levels_are_those_that_pdbufr_finds(shared_data: Path, name: str) -> None:
    """pdbufr has a row for each pressure: first the levels, then those of wind shear."""
    library()
    import pdbufr  # after pyproj: they bring a PROJ each

    path = shared_data / "bufr" / name
    columns = ["count", *COLUMNS, *HEIGHTS]
    rows = pdbufr.read_bufr(str(path), columns=columns, required_columns=["count"])
    profiles = read(path)
    for number, profile in enumerate(profiles, 1):
        of_message = rows[rows["count"] == number]
        levels, after = of_message[: len(profile)], of_message[len(profile) :]
        pressure, temperature, dewpoint, direction, speed = (
            as_floats(levels, column) for column in COLUMNS
        )
        close(profile.pressure, pressure / 100)
        close(profile.temperature, temperature - 273.15)
        close(profile.dewpoint, dewpoint - 273.15)
        angle = np.radians(np.where(speed == 0, 0, direction))
        close(profile.u_wind, -speed * np.sin(angle))
        close(profile.v_wind, -speed * np.cos(angle))
        height, geopotential = (as_floats(levels, column) for column in HEIGHTS)
        close(profile.height, np.where(np.isnan(height), geopotential / 9.80665, height))
        assert np.isnan(as_floats(after, "airTemperature")).all()
        assert np.isnan(as_floats(after, "windSpeed")).all()


def as_floats(rows: Any, column: str) -> np.ndarray:
    if column not in rows:
        return np.full(len(rows), np.nan)
    return rows[column].to_numpy(dtype=np.float64, na_value=np.nan)


def close(values: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)


def test_pairing_by_position_would_go_wrong_in_172_of_420_messages(shared_data: Path) -> None:
    """There are more pressures than temperatures where wind shear is reported."""
    path = shared_data / "bufr" / "temp.bufr"
    arrays = messages(path, ("pressure", "airTemperature"))
    counts = np.array([(len(row["pressure"]), len(row["airTemperature"])) for row in arrays])
    assert (counts[:, 0] > counts[:, 1]).sum() == 172
    assert [len(profile) for profile in read(path)] == counts[:, 1].tolist()


@pytest.mark.parametrize("name", ["IUSK73_AMMC_040000.bufr", "uegabe.bufr", "temp_hires.bufr"])
def test_every_level_is_what_ecCodes_gives_one_by_one(shared_data: Path, name: str) -> None:
    path = shared_data / "bufr" / name
    eccodes, profile = library(), read(path)[0]
    with path.open("rb") as stream:
        handle = eccodes.codes_bufr_new_from_file(stream)
        eccodes.codes_set(handle, "unpack", 1)
        for level in range(0, len(profile), 7):
            for key, name, factor, offset in (
                ("pressure", "pressure", 0.01, 0.0),
                ("airTemperature", "temperature", 1.0, -273.15),
                ("dewpointTemperature", "dewpoint", 1.0, -273.15),
                ("nonCoordinateGeopotentialHeight", "height", 1.0, 0.0),
            ):
                value = eccodes.codes_get_double(handle, f"#{level + 1}#{key}")
                value = np.nan if value == eccodes.CODES_MISSING_DOUBLE else value
                expected = pytest.approx(value * factor + offset, abs=1e-6, nan_ok=True)
                assert getattr(profile, name)[level] == expected
        eccodes.codes_release(handle)


def test_station_time_and_place_are_those_of_the_message(shared_data: Path) -> None:
    """As `bufr_dump -p` prints them."""
    (ascent,) = read(shared_data / "bufr" / "IUSK73_AMMC_040000.bufr")
    assert str(ascent.time) == "2016-04-03T23:15:38"
    place = (ascent.latitude, ascent.longitude, ascent.surface_altitude)
    assert place == pytest.approx((-25.0341, 128.301, 598.0))
    (ship,) = read(shared_data / "bufr" / "temp_102.bufr")
    assert (ship.station_id, str(ship.time)) == ("ASDE3", "2012-10-30T23:00:00")
    assert np.isnan(ship.surface_altitude)
    (nameless,) = read(shared_data / "bufr" / "example_bufr309057.bfr")
    assert "the message names no station" in nameless.notes


def test_drift_and_time_since_launch_ride_along(shared_data: Path) -> None:
    """The third level of `bufr_dump -p`: 2 s, -0.00009 and -0.00004 degrees."""
    (ascent,) = read(shared_data / "bufr" / "IUSK73_AMMC_040000.bufr")
    assert ascent.extras["elapsed_time"].values[2] == 2
    assert ascent.extras["drift_latitude"].values[2] == pytest.approx(-25.03419)
    assert ascent.extras["drift_longitude"].values[2] == pytest.approx(128.30096)
    assert ascent.extras["extended_vertical_significance"].values[1] == 145408


def test_pilots_have_winds_at_heights_and_no_thermodynamics(shared_data: Path) -> None:
    """`bufr_dump -p`: 325 degrees, 4 m/s at a geopotential of 50 m2 s-2, without pressure."""
    pilot = read(shared_data / "bufr" / "pilo_91.bufr")[0]
    assert np.isnan(pilot.temperature).all()
    assert np.isnan(pilot.pressure[0])
    assert pilot.height[0] == pytest.approx(5.0986, abs=1e-4)
    assert (pilot.u_wind[0], pilot.v_wind[0]) == pytest.approx((2.2943, -3.2766), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("btem_111.bufr", "message 1: damaged: its section 3 names no elements"),
        ("multi_invalid_messages.bufr", r"category 0 \(surface data, land\), no soundings; mess"),
        ("multi_invalid_messages.bufr", r"message 2: BUFR of category 2 .*no block of levels"),
    ],
)
def test_bad_files_say_what_is_the_matter(shared_data: Path, name: str, words: str) -> None:
    with pytest.raises(ReadError, match=words):
        read(shared_data / "bad" / name)


# --------------------------------------------------------------------------------- made by hand


def test_the_fixture_is_what_is_made_here() -> None:
    assert made.FIXTURE.read_bytes() == made.bulletin()


def test_messages_between_headings_each_of_its_own_kind() -> None:
    temp, old, pilot, drop = read(made.FIXTURE)
    assert [temp.station_id, old.station_id] == ["06610", "03005"]
    assert [pilot.station_id, drop.station_id] == ["ASDE3", "NOAA49"]
    assert [len(profile) for profile in (temp, old, pilot, drop)] == [4, 2, 2, 4]


def test_units_missing_values_and_facts_of_a_temp() -> None:
    temp = read(made.FIXTURE)[0]
    assert temp.pressure.tolist() == [957.0, 925.0, 850.0, 500.0]
    assert temp.temperature == pytest.approx([12.0, 10.1, np.nan, -17.5], nan_ok=True)
    assert temp.dewpoint == pytest.approx([8.0, 6.9, 2.3, -33.0])
    assert temp.height.tolist() == [491.0, 780.0, 1480.0, 5600.0]
    root = 5 * np.sqrt(0.5)
    assert temp.u_wind == pytest.approx([0, root, 10, 0])
    assert temp.v_wind == pytest.approx([2, root, 0, -20])
    assert temp.derived == {"u_wind", "v_wind"}
    assert str(temp.time) == "2023-04-19T23:15:38"
    assert (temp.latitude, temp.longitude) == pytest.approx((46.81, 6.94))
    assert temp.surface_altitude == 491
    assert temp.extras["elapsed_time"].values.tolist() == [0, 30, 400, 1200]
    assert temp.extras["drift_latitude"].values == pytest.approx([46.81, 46.82, 46.86, 47.01])
    assert temp.extras["drift_longitude"].values == pytest.approx([6.94, 6.96, 6.84, 7.24])


def test_wind_shear_and_words_on_quality_are_no_levels() -> None:
    """The old TEMP has a third pressure with its shear, and confidences of 70 %."""
    old = read(made.FIXTURE)[1]
    assert old.pressure.tolist() == [1000.0, 850.0]
    assert old.temperature == pytest.approx([6.95, 0.05])
    assert old.height == pytest.approx([980 / 9.80665, 14710 / 9.80665])
    assert "height from geopotential" in old.notes
    assert "height" in old.derived


def test_a_drop_is_turned_round_and_drifts_across_the_date_line() -> None:
    drop = read(made.FIXTURE)[3]
    assert drop.pressure.tolist() == [957.0, 925.0, 850.0, 500.0]
    assert drop.extras["elapsed_time"].values.tolist() == [300, 200, 100, 0]
    drifted = drop.extras["drift_longitude"].values
    assert drifted == pytest.approx([179.9, 179.92, 179.8, -179.8])
    assert np.isnan(drop.surface_altitude)
    assert "comes from the top down, and was turned round" in drop.notes


@pytest.mark.parametrize("template", [made.TEMP_2017, made.DESCENT])
def test_newer_templates_and_stations_of_wigos(tmp_path: Path, template: int) -> None:
    facts: dict[str, Any] = {
        "wigosIdentifierSeries": 0,
        "wigosIssuerOfIdentifier": 20000,
        "wigosIssueNumber": 0,
    }
    facts |= {"wigosLocalIdentifierCharacter": "06610", "year": 2023, "month": 4, "day": 19}
    facts |= {"hour": 23, "minute": 15, "latitude": 46.81, "longitude": 6.94}
    levels = made.ranked(made.LEVELS)
    content = made.message(template, {**facts, **levels}, levels=[4], replications=[0])
    profile = one(tmp_path, content)
    assert (profile.station_id, str(profile.time)) == ("0-20000-0-06610", "2023-04-19T23:15:00")
    assert profile.pressure.tolist() == [957.0, 925.0, 850.0, 500.0]
    assert profile.temperature[3] == pytest.approx(-17.5)


def test_a_list_of_elements_reads_as_its_template_does(tmp_path: Path) -> None:
    levels = [110000, 31002, 4086, 8042, 7004, 10009, 5015, 6015, 12101, 12103, 11001, 11002]
    shear = [107000, 31001, 4086, 8042, 7004, 5015, 6015, 11061, 11062]
    head = [1001, 1002, 301113, 301114]
    unrolled, named = one(tmp_path, made.temp([*head, *levels, *shear])), read(made.FIXTURE)[0]
    assert unrolled.pressure.tolist() == named.pressure.tolist()
    assert np.array_equal(unrolled.temperature, named.temperature, equal_nan=True)
    assert (unrolled.station_id, unrolled.time) == (named.station_id, named.time)


def test_dewpoint_from_relative_humidity_where_there_is_none(tmp_path: Path) -> None:
    """At 100 % the dewpoint is the temperature, by any formula."""
    values = {"#1#pressure": 90000, "#1#airTemperature": 293.15, "#1#relativeHumidity": 100}
    elements = [301001, 103000, 31001, 7004, 12101, 13003]
    profile = one(tmp_path, made.message(elements, values, replications=[1]))
    assert profile.dewpoint == pytest.approx([20.0], abs=0.05)
    assert profile.derived == {"dewpoint"}


@pytest.mark.parametrize("compressed", [True, False])
def test_several_soundings_in_one_message(tmp_path: Path, compressed: bool) -> None:
    pressures, temperatures = [100000, 85000], [280.1, 270.2, 290.3]
    values: dict[str, Any] = {}
    if compressed:
        values |= {"#1#stationNumber": [610, 611, 612], "#1#blockNumber": [6, 6, 7]}
        values["#1#shipOrMobileLandStationIdentifier"] = ["A", "BB", "CCC"]
        for level, pressure in enumerate(pressures, 1):
            values[f"#{level}#pressure"] = [pressure - 1000 * one for one in range(3)]
            values[f"#{level}#airTemperature"] = temperatures
    else:
        for subset in range(3):
            rank = 2 * subset
            values |= {f"#{subset + 1}#stationNumber": 610 + subset}
            values |= {f"#{subset + 1}#blockNumber": 7 if subset == 2 else 6}
            values |= {f"#{rank + 1}#pressure": 100000 - 1000 * subset}
            values |= {f"#{rank + 2}#pressure": 85000 - 1000 * subset}
            values |= {f"#{rank + one}#airTemperature": temperatures[subset] for one in (1, 2)}
    times = 1 if compressed else 3
    elements = [301001, 1011, 102000, 31001, 7004, 12101]
    factors = [2] * times
    content = made.message(elements, values, replications=factors, subsets=3, compressed=compressed)
    profiles = read(written(tmp_path, content))
    assert [profile.station_id for profile in profiles] == ["06610", "06611", "07612"]
    assert [profile.pressure.tolist() for profile in profiles] == [
        [1000.0, 850.0],
        [990.0, 840.0],
        [980.0, 830.0],
    ]
    found = [profile.temperature[1] for profile in profiles]
    assert found == pytest.approx([6.95, -2.95, 17.15])


@pytest.mark.parametrize("compressed", [True, False])
def test_call_signs_of_several_soundings(tmp_path: Path, compressed: bool) -> None:
    signs = ["ASDE3", "B", "CC"]
    name = "shipOrMobileLandStationIdentifier"
    values: dict[str, Any] = {f"#1#{name}": signs} if compressed else made.ranked({name: signs})
    content = made.message(
        [1011, 102000, 31001, 7004, 12101],
        values,
        replications=[1] * (1 if compressed else 3),
        subsets=3,
        compressed=compressed,
    )
    profiles = read(written(tmp_path, content))
    assert [profile.station_id for profile in profiles] == signs


def test_soundings_of_different_lengths_in_one_message(tmp_path: Path) -> None:
    values = made.ranked(
        {"pressure": [100000, 90000, 80000, 95000, 85000], "stationNumber": [1, 2]}
    )
    values |= made.ranked({"blockNumber": [6, 6]})
    elements = [301001, 102000, 31001, 7004, 12101]
    content = made.message(elements, values, replications=[3, 2], subsets=2)
    first, second = read(written(tmp_path, content))
    assert first.pressure.tolist() == [1000.0, 900.0, 800.0]
    assert second.pressure.tolist() == [950.0, 850.0]
    assert (first.station_id, second.station_id) == ("06001", "06002")


def test_words_on_quality_between_soundings_of_one_message(tmp_path: Path) -> None:
    """Uncompressed: the second sounding begins after the quality of the first."""
    values = made.ranked({"stationNumber": [1, 2], "pressure": [100000, 90000]})
    values |= made.ranked({"blockNumber": [6, 6], "airTemperature": [280.1, 270.2]})
    levels = [301001, 102000, 31001, 7004, 12101]
    quality = [222000, 236000, 101005, 31031, 1031, 1032, 101005, 33007]
    content = made.message(
        [*levels, *quality], values, replications=[1, 1], subsets=2, bitmap=[0] * 10
    )
    first, second = read(written(tmp_path, content))
    assert (first.station_id, second.station_id) == ("06001", "06002")
    assert (first.pressure.tolist(), second.pressure.tolist()) == ([1000.0], [900.0])
    assert [*first.temperature, *second.temperature] == pytest.approx([6.95, -2.95])


def test_the_time_is_that_of_the_head_where_the_sounding_has_none(tmp_path: Path) -> None:
    content = made.message([1001, 102000, 31001, 7004, 12101], {}, replications=[1])
    profile = one(tmp_path, content)
    assert str(profile.time) == "2023-04-20T00:00:00"
    assert "the time is that in the head of the message" in profile.notes


def test_levels_by_blocks_are_put_one_after_the_other(tmp_path: Path) -> None:
    """Temperatures, then winds, as in parts of a TEMP."""
    values = made.ranked({"pressure": [100000, 85000, 70000], "airTemperature": [280.1, 270.2]})
    values |= {"#1#windDirection": 90, "#1#windSpeed": 10}
    elements = [301001, 102000, 31001, 7004, 12101, 103000, 31001, 7004, 11001, 11002]
    profile = one(tmp_path, made.message(elements, values, replications=[2, 1]))
    assert profile.pressure.tolist() == [1000.0, 850.0, 700.0]
    assert profile.temperature == pytest.approx([6.95, -2.95, np.nan], nan_ok=True)
    assert profile.u_wind == pytest.approx([np.nan, np.nan, -10.0], nan_ok=True)
    assert "levels of 2 blocks of the message, one after the other" in profile.notes


# ------------------------------------------------------------------------- not soundings, damage


def test_sniff_says_what_else_is_in_a_file(tmp_path: Path) -> None:
    surface = made.message([301001, 12101], {}, category=0)
    path = written(tmp_path, surface)
    assert bufr.sniff(surface, path) == "BUFR of category 0 (surface data, land), no soundings"
    mixed = surface + made.temp()
    assert bufr.sniff(mixed, written(tmp_path, mixed)) is None
    assert len(read(path)) == 1
    assert bufr.sniff(b"", path) == "no BUFR message"


@pytest.mark.parametrize("text", [b"BUFR", b"BUFR, what is it?\n" * 9, b"BUFR ok\n" + bytes(50)])
def test_the_word_alone_is_no_message(tmp_path: Path, text: bytes) -> None:
    path = written(tmp_path, text)
    assert bufr.sniff(text, path) == "no BUFR message"
    with pytest.raises(ReadError, match="no BUFR message"):
        read(path)


def test_a_bad_message_among_good_ones_is_a_sounding_with_its_problem(tmp_path: Path) -> None:
    unknown = made.temp().replace(bytes.fromhex("c934"), bytes.fromhex("c9ff"))
    content = made.temp() + unknown + made.HEADING + made.old_temp()
    first, second, third = read(written(tmp_path, content))
    assert [len(first), len(second), len(third)] == [4, 0, 2]
    assert second.problem.startswith("message 2: ecCodes cannot decode it: ")
    assert "309255" in second.problem
    assert str(second.time) == "2023-04-20T00:00:00"


def test_ecCodes_does_not_write_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    unknown = made.temp().replace(bytes.fromhex("c934"), bytes.fromhex("c9ff"))
    with pytest.raises(ReadError, match="309255"):
        read(written(tmp_path, unknown))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.95])
def test_a_message_that_breaks_off_keeps_those_before(tmp_path: Path, kept: float) -> None:
    whole, cut = made.temp(), made.old_temp()
    cut = cut[: int(kept * len(cut))]
    first, second = read(written(tmp_path, whole + cut))
    assert len(first) == 4
    assert second.problem.startswith("message 2: cut short at byte ")


def test_a_wrong_length_costs_its_message_and_not_the_next(tmp_path: Path) -> None:
    wrong = bytearray(made.temp())
    wrong[6] -= 20
    first, second = read(written(tmp_path, bytes(wrong) + made.old_temp()))
    assert first.problem.startswith("message 1: damaged: does not end in 7777 at byte ")
    assert second.station_id == "03005"


def test_a_message_whose_first_letters_are_damaged_is_missed_by_nobody(tmp_path: Path) -> None:
    broken = b"BXFR" + made.temp()[4:]
    first, second, third = read(written(tmp_path, made.temp() + broken + made.old_temp()))
    assert (first.station_id, third.station_id) == ("06610", "03005")
    assert second.problem.startswith("message 2: damaged: no BUFR after byte ")


@pytest.mark.parametrize("edition", [0, 1, 5])
def test_other_editions_are_named(tmp_path: Path, edition: int) -> None:
    content = bytearray(made.temp())
    content[7] = edition
    with pytest.raises(ReadError, match=f"BUFR edition {edition}, only 2, 3, 4 are read"):
        read(written(tmp_path, bytes(content)))


def test_more_levels_than_the_limit_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, made.old_temp() + made.temp())
    with in_force(Limits(levels=3)):
        fine, refused = read(path)
    assert len(fine) == 2
    assert refused.problem.startswith("message 2: more than 3 levels in one sounding")
    assert refused.station_id == "06610"


def test_a_sounding_without_levels_is_a_problem(tmp_path: Path) -> None:
    empty = made.message(made.TEMP, made.PAYERNE, levels=[0], replications=[0])
    first, second = read(written(tmp_path, empty + made.temp()))
    assert (first.problem, first.station_id) == ("message 1: it has no levels", "06610")
    assert len(second) == 4


def test_a_tiny_message_cannot_ask_for_a_large_memory(tmp_path: Path) -> None:
    content = bytearray(made.message([301001, *[12101] * 2000], {}, subsets=2, compressed=True))
    place = content.index(bytes.fromhex("0002c0"))  # subsets, observed and compressed
    content[place : place + 2] = b"\xff\xff"
    with pytest.raises(ReadError, match="65535 compressed subsets could have"):
        read(written(tmp_path, bytes(content)))


def test_monthly_means_are_no_soundings(tmp_path: Path) -> None:
    elements = [301001, 103000, 31001, 8023, 7004, 12101]
    with pytest.raises(ReadError, match="no block of levels"):
        read(written(tmp_path, made.message(elements, {}, replications=[1])))


def test_damage_of_every_byte_ends_in_a_profile_or_a_reason(tmp_path: Path) -> None:
    content, profiles = made.old_temp(), []
    for place in range(len(content)):
        for value in (0, 255, content[place] ^ 16):
            damaged = content[:place] + bytes([value]) + content[place + 1 :]
            with contextlib.suppress(ReadError):
                profiles += read(written(tmp_path, damaged))
    assert len(profiles) > len(content)
    assert all(profile.problem or len(profile) for profile in profiles)


def test_without_ecCodes_the_file_is_known_and_what_to_install_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "eccodes", None)
    library.cache_clear()
    assert bufr.sniff(made.FIXTURE.read_bytes(), made.FIXTURE) is None
    with pytest.raises(ReadError, match=r"pip install 'sounding-pipeline\[bufr\]'"):
        read(made.FIXTURE)
