"""IGRA 2 text: against the format's own files, and read by siphon, which knows nothing of ours."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from made_profiles import made, time

from pipeline import output, ragged
from pipeline.cli import main
from pipeline.convert import as_read, convert, convert_to
from pipeline.errors import PipelineError
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Extra, Profile
from pipeline.readers import igra2 as reader
from pipeline.writers import igra2

SEASON = Path(__file__).parents[1] / "data" / "season-2003"
FIXTURE = Path(__file__).parent / "fixtures" / "igra2" / "cases-data.txt"
MAY = {"station_id": "USM00072357", "time": time("2003-05-09T00:00:00")}


def dataset_of(*profiles: Profile) -> xr.Dataset:
    return ragged.to_dataset([as_read(-1, profile, 0) for profile in profiles], [])


def text_of(*profiles: Profile) -> tuple[list[str], Counter[str]]:
    losses: Counter[str] = Counter()
    text = "".join(igra2.soundings(dataset_of(*profiles), losses))
    return text.splitlines(), +losses


def rows_of(**levels: Any) -> tuple[list[str], Counter[str]]:
    (_, *rows), losses = text_of(Profile(**MAY, **levels))
    return rows, losses


def values_of_rows(path: Path) -> list[str]:
    """Return what of each row a profile carries: not the tropopause, nor why something lacks."""
    rows = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return [
        row[0] + row[1].replace("2", "0") + row[2:].replace("-8888", "-9999").rstrip()
        for row in rows
    ]


# --------------------------------------------------------------------------- layout


def test_a_sounding_by_hand():
    lines, losses = text_of(
        Profile(
            pressure=[1000.0, 987.65, 925.0],
            height=[110.0, 220.0, 780.0],
            temperature=[25.0, 24.1, -0.3],
            dewpoint=[18.0, 17.5, -12.3],
            u_wind=[0.0, 10.0, 0.0],
            v_wind=[0.0, 0.0, -3.5],
            latitude=35.18,
            longitude=-97.44,
            surface_altitude=110.0,
            **MAY,
        )
    )
    assert lines == [
        "#USM00072357 2003 05 09 00 9999    3 pipeline           351800  -974400",
        "11 -9999 100000   110   250 -9999    70     0     0 ",
        "20 -9999  98765   220   241 -9999    66   270   100 ",
        "10 -9999  92500   780    -3 -9999   120   360    35 ",
    ]
    assert not losses


def test_levels_without_pressure_stand_at_the_end_and_are_of_the_third_type():
    rows, losses = rows_of(
        pressure=[np.nan, 900.0, np.nan, 850.0],
        height=[500.0, 1000.0, np.nan, 1500.0],
        u_wind=np.full(4, -1.0),
        v_wind=np.zeros(4),
    )
    assert [(row[:2], row[9:21]) for row in rows] == [
        ("20", " 90000  1000"),
        ("10", " 85000  1500"),
        ("30", " -9999   500"),
    ]
    assert losses == {"levels without pressure and height left out": 1}


def test_minutes_are_those_of_the_release_where_the_nominal_hour_is_not_known():
    (header, _), losses = text_of(
        Profile(pressure=[900.0], station_id="USM00072357", time=time("2003-05-08T23:03:07"))
    )
    assert header[13:31] == "2003 05 08 99 2303"
    assert losses == {"times without their seconds": 1}


@pytest.mark.parametrize(
    ("u_wind", "v_wind", "written"),
    [
        (0.0, -5.0, "  360    50"),  # from north
        (-5.0, 0.0, "   90    50"),
        (0.0, 5.0, "  180    50"),
        (5.0, 0.0, "  270    50"),
        (0.01, -5.0, "  360    50"),  # 359.9 degrees
        (-0.0, 0.0, "    0     0"),  # calm
        (0.03, 0.0, "    0     0"),
        (np.nan, 1.0, "-9999 -9999"),
    ],
)
def test_wind_goes_back_to_direction_and_speed(u_wind, v_wind, written):
    rows, _ = rows_of(pressure=[900.0], u_wind=[u_wind], v_wind=[v_wind])
    assert rows[0][40:51] == written


@pytest.mark.parametrize(
    ("station", "written"),
    [
        ("USM00072357", "USM00072357"),
        ("OUN", "ZZX00000OUN"),
        ("06610", "ZZX00006610"),
        ("", "ZZX00000000"),
        ("Station Zürich-Kloten", "ZZXh-Kloten"),
    ],
)
def test_stations_have_eleven_characters(station, written):
    (header, _), losses = text_of(Profile(pressure=[900.0], station_id=station, time=MAY["time"]))
    assert header[1:12] == written
    assert len(header) == 71
    told = losses["soundings whose station got an identifier of IGRA's form"]
    assert told == (station != written)


# --------------------------------------------------------------------------- what is lost


def test_what_the_format_cannot_hold_is_counted():
    rows, losses = rows_of(
        pressure=[900.004, 10000.0, 850.0],
        height=[1000.4, 1500.0, 1e9],
        temperature=[20.06, -999.9, np.nan],
        dewpoint=[10.0, 9.0, 8.0],
        u_wind=[1.0, np.nan, 3.3],
        v_wind=[np.nan, 2.0, 4.4],
        extras={
            "elapsed_time": Extra(np.array([0.0, 90.4, 60000.0]), "s"),
            "ascent_rate": Extra(np.array([5.0, 5.0, np.nan]), "m s-1"),
        },
    )
    assert losses == {
        "values of ascent_rate left out": 2,
        "times since release rounded": 1,
        "times since release out of range left out": 1,
        "pressures rounded": 1,
        "pressures out of range left out": 1,
        "heights rounded": 1,
        "heights out of range left out": 1,
        "temperatures rounded": 1,
        "temperatures out of range left out": 1,
        "dewpoints without temperature or far from it left out": 2,
        "winds with one component only left out": 2,
        "wind directions rounded": 1,
    }
    assert rows == [
        "20     0  90000  1000   201 -9999   101 -9999 -9999 ",
        "10 -9999  85000 -9999 -9999 -9999 -9999   217    55 ",
        "30   130  -9999  1500 -9999 -9999 -9999 -9999 -9999 ",
    ]


def test_soundings_that_cannot_be_written_are_counted():
    lines, losses = text_of(
        Profile(pressure=[900.0], **MAY),
        Profile(pressure=[900.0], station_id="USM00072357"),
        Profile(station_id="USM00072357", time=MAY["time"], problem="line 3: broken"),
        Profile(pressure=np.linspace(1000, 10, 10000), **MAY),
    )
    assert len(lines) == 2
    assert losses["soundings without a time left out"] == 1
    assert losses["soundings without levels left out"] == 1
    assert losses["soundings of more than 9999 levels left out"] == 1


def test_whatever_numbers_there_are_rows_keep_their_columns():
    wild = np.array([0.0, -0.0, 1e-300, 1e308, -1e308, np.inf, -np.inf, np.nan, 1e5, -1e4, 999.99])
    chance = np.random.default_rng(3)
    levels = {name: chance.choice(wild, 2000) for name in LEVEL_VARIABLES}
    extras = {
        "elapsed_time": Extra(chance.choice(wild, 2000), "s"),
        "reported_relative_humidity": Extra(chance.choice(wild, 2000), "percent"),
        "pressure_flag": Extra(chance.choice(wild, 2000), "1"),
    }
    (header, *rows), _ = text_of(
        Profile(**levels, extras=extras, surface_altitude=1e300, latitude=-90, longitude=359, **MAY)
    )
    assert header[55:71] == "-900000   -10000"
    assert len(rows) == int(header[32:36]) > 500
    fields = re.compile(r"[123][01] " + r"([ -]*\d+.)" * 8)
    assert {len(row) for row in rows} == {52}
    assert all(fields.fullmatch(row) for row in rows)


def test_two_stations_with_one_identifier_are_told():
    _, losses = text_of(
        Profile(pressure=[900.0], station_id="a/station-1234", time=MAY["time"]),
        Profile(pressure=[900.0], station_id="b/station-1234", time=MAY["time"]),
        Profile(pressure=[900.0], **MAY),
    )
    assert losses["soundings whose station shares its identifier with another one"] == 2


def test_a_file_that_would_be_empty_is_not_written(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("what was there")
    with pytest.raises(
        PipelineError, match=r"would be empty \(1 soundings without a time left out"
    ):
        igra2.write(dataset_of(Profile(pressure=[900.0], station_id="USM00072357")), path)
    assert path.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [path]


# --------------------------------------------------------------------------- back again


def test_rows_of_the_archive_come_back_to_the_letter(tmp_path, shared_data):
    original = shared_data / "igra2" / "USM00070026-data.txt"
    _, losses = convert_to("igra2", [original], tmp_path / "x.txt")
    found, expected = values_of_rows(tmp_path / "x.txt"), values_of_rows(original)
    assert len(expected) == 158 + 157
    assert found == expected
    assert losses == {"soundings without levels left out": 1}  # the file is cut short there


def test_the_hand_made_ones_too(tmp_path):
    convert_to("igra2", [FIXTURE], tmp_path / "x.txt")
    found, expected = values_of_rows(tmp_path / "x.txt"), values_of_rows(FIXTURE)
    assert found[:2] == expected[:2]
    assert found[2] == "1" + expected[2][1:]  # 850 hPa is a standard level, the fixture errs
    assert found[3:5] == expected[3:5]


def test_a_season_reads_back_as_it_was_to_the_rounding(tmp_path):
    dataset, losses = convert_to("igra2", [SEASON], tmp_path / "x.txt")
    soundings = list(reader.read(tmp_path / "x.txt", {}))
    assert len(soundings) == dataset.sizes["profile"] == 340
    starts = ragged.offsets(dataset)
    for index, found in enumerate(soundings):
        one = dataset.isel(level=slice(starts[index], starts[index + 1]))
        assert found.time == dataset["time"].values[index]
        station = str(dataset["station_id"].values[index])
        assert found.station_id.endswith(station.replace("#", ""))
        for name, step in zip(LEVEL_VARIABLES, (0.01, 0.1, 0.1, 1.0), strict=False):
            np.testing.assert_allclose(getattr(found, name), one[name], rtol=0, atol=step * 0.501)
        speed, back = (np.hypot(each.u_wind, each.v_wind) for each in (one, found))
        np.testing.assert_allclose(back, speed, rtol=0, atol=0.0501)
        # half a degree, and half of a tenth of a metre a second
        for name in ("u_wind", "v_wind"):
            limit = 0.06 + np.nanmax(speed.values, initial=0) * np.radians(0.501)
            np.testing.assert_allclose(getattr(found, name), one[name], rtol=0, atol=limit)
    assert not [what for what in losses if "left out" in what]


def siphon_tables(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows and headers of a file as siphon sees them."""
    siphon = pytest.importorskip("siphon.simplewebservice.igra2")
    parser = siphon.IGRAUpperAir()
    parser.suffix = "-data.txt"
    parser.begin_date, parser.end_date = datetime(1900, 1, 1), datetime(2100, 1, 1)
    lines = path.read_text().splitlines(keepends=True)
    body, header, dates, _ = parser._select_date_range(lines)
    layout = parser._get_fwf_params()
    rows = pd.read_fwf(StringIO(body), **layout["body"])
    rows["date"] = dates
    return rows, pd.read_fwf(StringIO(header), **layout["header"])


def test_siphon_reads_what_was_meant(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("03050900.OUN", "03041800.DNR"):
        shutil.copy(SEASON / name, folder / name)
    extra = made(
        3,
        **MAY,
        latitude=35.18,
        longitude=-97.44,
        extras={
            "elapsed_time": Extra(np.array([0.0, 59.0, 5999.0]), "s"),
            "reported_relative_humidity": Extra(np.array([93.4, np.nan, 7.0]), "percent"),
            "height_flag": Extra(np.array([0.0, 1.0, 2.0]), "1"),
        },
    )
    parts = [convert([folder], tmp_path / "in.nc"), ragged.to_dataset([extra], [])]
    for number, dataset in enumerate(parts):
        path = tmp_path / f"{number}.txt"
        igra2.write(dataset, path)
        rows, headers = siphon_tables(path)
        assert headers["number_levels"].tolist() == dataset["row_size"].values.tolist()
        assert len(rows) == dataset.sizes["level"]
        for name, step in (("pressure", 0.01), ("height", 1.0), ("temperature", 0.1)):
            np.testing.assert_allclose(rows[name], dataset[name], rtol=0, atol=step * 0.501)
        dewpoint = rows["temperature"] - rows["dewpoint_depression"]
        np.testing.assert_allclose(dewpoint, dataset["dewpoint"], rtol=0, atol=0.0501)
        angle = np.radians(rows["direction"])
        u_wind, v_wind = -rows["speed"] * np.sin(angle), -rows["speed"] * np.cos(angle)
        speed = np.nanmax(rows["speed"])
        for found, name in ((u_wind, "u_wind"), (v_wind, "v_wind")):
            limit = 0.06 + speed * np.radians(0.501)
            np.testing.assert_allclose(found, dataset[name], rtol=0, atol=limit)
        days = dataset["time"].values.repeat(dataset["row_size"].values)
        assert (rows["date"].values == days).all()
    assert rows["etime"].tolist() == [0.0, 59.0, 5999.0]
    np.testing.assert_array_equal(rows["relative_humidity"], [93.4, np.nan, 7.0])
    assert rows["zflag"].tolist() == [0, 1, 2]
    assert (headers["latitude"][0], headers["longitude"][0]) == (35.18, -97.44)
    assert headers["site_id"][0] == "USM00072357"


# --------------------------------------------------------------------------- the command


def command(*arguments: object) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_convert_to_igra_says_what_was_lost(tmp_path):
    path = tmp_path / "x.txt"
    done = command("convert", SEASON / "03050900.OUN", FIXTURE, "-o", path, "--to", "igra2")
    assert done.exit_code == 0
    assert "not kept" in done.stdout
    assert "1 soundings without a time left out" in done.stdout
    assert f"written   {path}" in done.stdout or "x.txt" in done.stdout
    stations = [profile.station_id for profile in reader.read(path, {})]
    assert stations == ["GMM00010393"] * 4 + ["ZZX00000OUN"]


def test_the_output_of_a_run_can_be_given_to_others(tmp_path):
    season = tmp_path / "season.nc"
    convert([SEASON / "03050900.OUN"], season, clean=True)
    assert command("convert", season, "-o", tmp_path / "x.txt", "--to", "igra2").exit_code == 0
    (found,) = reader.read(tmp_path / "x.txt", {})
    expected = output.read(season)["pressure"].values
    np.testing.assert_allclose(found.pressure, expected, rtol=0, atol=0.00501)


def test_never_writes_over_what_it_reads(tmp_path):
    source = tmp_path / "data.txt"
    shutil.copy(FIXTURE, source)
    done = command("convert", source, "-o", source, "--to", "igra2")
    assert done.exit_code == 1
    assert "writing it would destroy" in done.stderr
    assert source.read_bytes() == FIXTURE.read_bytes()


def test_a_checked_profile_keeps_its_levels(tmp_path):
    checked: CheckedProfile = made(20, **MAY)
    igra2.write(ragged.to_dataset([checked], []), tmp_path / "x.txt")
    (found,) = reader.read(tmp_path / "x.txt", {})
    np.testing.assert_allclose(found.height, checked.profile.height, rtol=0, atol=0.501)
