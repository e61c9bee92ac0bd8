"""Parquet, against pandas on the same files and numbers written by hand."""

from __future__ import annotations

import builtins
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import ReadError
from pipeline.profiles import Profile
from pipeline.readers import limits, parquet
from pipeline.readers.limits import Limits, in_force

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

FIXTURE = Path(__file__).parent / "fixtures" / "parquet" / "two-soundings.parquet"

#: File: station, launch, levels (by pandas: groupby of WMO_STATION_NUMBER and LAUNCH_MINUTE).
SHARED = {
    "2023-04-19_19_72357.pq": ("72357", "2023-04-19T18:53:40", 2857),
    "2023-04-20_00_72357.pq": ("72357", "2023-04-19T23:46:35", 989),
}

#: Two soundings of three and two levels.
COLUMNS: dict[str, list[Any]] = {
    "station": ["06610"] * 3 + ["03005"] * 2,
    "time": [datetime(2003, 5, 4)] * 3 + [datetime(2003, 5, 4, 12)] * 2,
    "pressure (hPa)": [1000.0, 925.0, 850.0, 990.0, 900.0],
    "temperature_K": [293.15, 288.15, None, 283.15, 278.15],
    "dewpoint [degC]": [10.0, 5.0, float("nan"), 8.0, -9999.0],
    "wind speed (knots)": [10, 20, None, 0, 10],
    "wind direction": [270, 180, 0, 0, 90],
    "remark": ["a", "b", "c", "d", "e"],
}
TEN_KNOTS = 5.144444  # m s-1


def written(folder: Path, columns: Any, **how: Any) -> Path:
    """Return a file of columns, or of a table of pyarrow."""
    path = folder / "made.parquet"
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, path, **how)
    return path


def read(path: Path, **options: Any) -> list[Profile]:
    return list(parquet.read(path, options))


def bufr(**changes: Any) -> dict[str, list[Any]]:
    """Return two levels as a decoder of BUFR writes them."""
    columns = {
        "WMO_BLOCK": [3, 3], "WMO_STATION_NUMBER": [5, 5], "LAUNCH_YEAR": [2023, 2023],
        "LAUNCH_MONTH": [4, 4], "LAUNCH_DAY": [19, 19], "LAUNCH_HOUR": [18, 18],
        "LAUNCH_MINUTE": [53, 53], "LAUNCH_SECOND": [40, 40],
        "STATION_LATITUDE": [60.14, 60.14], "STATION_LONGITUDE": [-1.18, -1.18],
        "STATION_HEIGHT_ABOVE_SEA_LEVEL": [82.0, 82.0],
        "PRESSURE": [100000.0, 92500.0], "GEOPOTENTIAL_HEIGHT": [82, 750],
        "DELTA_LATITUDE": [0.0, 0.01], "DELTA_LONGITUDE": [0.0, -0.02],
        "TEMPERATURE": [283.15, 278.15], "DEWPOINT": [None, 273.15],
        "WIND_DIRECTION": [270, 180], "WIND_SPEED": [10.0, 5.0],
    }  # fmt: skip
    return columns | changes


# ------------------------------------------------------------------------------------- real files


@pytest.mark.parametrize("name", SHARED)
def test_soundings_and_levels_of_every_real_file(shared_data: Path, name: str) -> None:
    (profile,) = read(shared_data / "parquet" / name)
    assert (profile.station_id, str(profile.time), len(profile)) == SHARED[name]
    assert profile.problem == ""


def test_every_real_file_is_in_this_table(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "parquet").iterdir()} == SHARED.keys()


@pytest.mark.parametrize("name", SHARED)
def test_the_numbers_are_those_that_pandas_finds(shared_data: Path, name: str) -> None:
    (profile,) = read(shared_data / "parquet" / name)
    frame = pd.read_parquet(shared_data / "parquet" / name)
    angle = np.radians(frame.WIND_DIRECTION.astype(float))
    for values, expected in (
        (profile.pressure, frame.PRESSURE / 100),
        (profile.temperature, frame.TEMPERATURE - 273.15),
        (profile.dewpoint, frame.DEWPOINT - 273.15),
        (profile.height, frame.GEOPOTENTIAL_HEIGHT),
        (profile.u_wind, -frame.WIND_SPEED * np.sin(angle)),
        (profile.v_wind, -frame.WIND_SPEED * np.cos(angle)),
        (profile.extras["drift_latitude"].values, frame.STATION_LATITUDE + frame.DELTA_LATITUDE),
        (profile.extras["drift_longitude"].values, frame.STATION_LONGITUDE + frame.DELTA_LONGITUDE),
    ):
        np.testing.assert_allclose(values, expected.astype(float), rtol=1e-12, atol=1e-9)
    assert (profile.latitude, profile.longitude) == (35.18095, -97.43787)  # Norman, Oklahoma
    assert profile.surface_altitude == 345.0
    assert profile.derived == {"u_wind", "v_wind"}
    assert "columns are named for elements of BUFR, and taken to be in its units" in profile.notes


# ------------------------------------------------------------------------------ tables made by hand


def check(profiles: list[Profile]) -> None:
    """Check the two soundings of `COLUMNS`."""
    one, two = profiles
    assert (one.station_id, str(one.time)) == ("06610", "2003-05-04T00:00:00")
    assert (two.station_id, str(two.time)) == ("03005", "2003-05-04T12:00:00")
    assert one.pressure.tolist() == [1000.0, 925.0, 850.0]
    assert two.pressure.tolist() == [990.0, 900.0]
    assert one.temperature[:2] == pytest.approx([20.0, 15.0])
    assert one.dewpoint[:2].tolist() == [10.0, 5.0]
    assert np.isnan([one.temperature[2], one.dewpoint[2], one.u_wind[2]]).all()
    assert one.u_wind[:2] == pytest.approx([TEN_KNOTS, 0], abs=1e-5)
    assert one.v_wind[:2] == pytest.approx([0, 2 * TEN_KNOTS], abs=1e-5)
    assert two.u_wind == pytest.approx([0, -TEN_KNOTS], abs=1e-5)
    assert [one.problem, two.problem] == ["", ""]


def test_columns_and_units_are_known_by_their_names(tmp_path: Path) -> None:
    profiles = read(written(tmp_path, COLUMNS), missing=[-9999])
    check(profiles)
    assert np.isnan(profiles[1].dewpoint[1])


def test_the_fixture_holds_the_same() -> None:
    check(read(FIXTURE))


def test_units_in_the_metadata_of_columns_count(tmp_path: Path) -> None:
    names = {"station": "", "time": "", "pres": "hPa", "temp": "K", "td": "degC", "wspd": "kt",
             "wdir": "deg"}  # fmt: skip
    arrays = [pa.array(values) for values in COLUMNS.values()]
    fields = [
        pa.field(name, array.type, metadata={"units": units} if units else None)
        for (name, units), array in zip(names.items(), arrays, strict=False)
    ]
    check(read(written(tmp_path, pa.table(arrays[:7], schema=pa.schema(fields)))))


def test_columns_and_units_are_as_the_config_says(tmp_path: Path) -> None:
    roles = ("station_id", "time", "pressure", "temperature", "dewpoint", "wind_speed",
             "wind_direction")  # fmt: skip
    letters = dict(zip("abcdefg", COLUMNS.values(), strict=False))
    profiles = read(
        written(tmp_path, letters),
        columns=dict(zip(roles, "abcdefg", strict=True)) | {"pressure": 2},
        units={"pressure": "hPa", "temperature": "K", "dewpoint": "degC", "wind_speed": "knot"},
    )
    check(profiles)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 100])
def test_row_groups_and_batches_of_any_size_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(parquet, "BATCH_ROWS", rows)
    check(read(written(tmp_path, COLUMNS)))
    check(read(written(tmp_path, COLUMNS, row_group_size=rows)))


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_compressed_and_dictionary_encoded_files_are_the_same(
    tmp_path: Path, compression: str
) -> None:
    table = pa.table(COLUMNS)
    table = table.set_column(0, "station", table.column(0).dictionary_encode())
    check(read(written(tmp_path, table, compression=compression)))


def test_what_pandas_writes_is_read_with_its_index_as_a_column(tmp_path: Path) -> None:
    path = tmp_path / "pandas.parquet"
    pd.DataFrame(COLUMNS).set_index("pressure (hPa)").to_parquet(path)
    check(read(path))


@pytest.mark.parametrize(
    ("moment", "options"),
    [
        (datetime(1999, 5, 3, 23), {}),
        (datetime(1999, 5, 4, 1, tzinfo=timezone(timedelta(hours=2))), {}),
        (datetime(1999, 5, 3, 23, tzinfo=UTC), {}),
        ("1999-05-04T01:00+02:00", {}),
        ("990503/2300", {"time_format": "%y%m%d/%H%M"}),
        (1999050323, {"time_format": "%Y%m%d%H"}),
        (1999050323.0, {"time_format": "%Y%m%d%H"}),
        (pd.Timestamp("1999-05-03T23:00:00.000000000"), {}),
    ],
)
def test_times_are_in_utc_however_they_are_held(
    tmp_path: Path, moment: Any, options: dict[str, str]
) -> None:
    columns = {"time": [moment, moment], "pressure_hPa": [1000.0, 900.0]}
    (profile,) = read(written(tmp_path, columns), **options)
    assert profile.time == np.datetime64("1999-05-03T23:00:00")


def test_a_date_is_its_midnight_and_a_blank_means_as_before(tmp_path: Path) -> None:
    days = [date(1999, 5, 3), None, date(1999, 5, 4), None]
    columns = {"date": days, "station": ["a", "a", None, "a"], "pressure_hPa": [9.0, 8.0, 7.0, 6.0]}
    one, two = read(written(tmp_path, columns))
    assert (len(one), len(two)) == (2, 2)
    assert (str(one.time), str(two.time)) == ("1999-05-03T00:00:00", "1999-05-04T00:00:00")
    assert (one.station_id, two.station_id) == ("a", "a")


def test_a_table_without_station_and_time_is_one_sounding_and_the_config_says_whose(
    tmp_path: Path,
) -> None:
    columns = {"pressure_hPa": [1000.0, 900.0], "relative humidity (%)": [100.0, 50.0],
               "temperature_C": [20.0, 10.0], "station": [1, 2]}  # fmt: skip
    (profile,) = read(written(tmp_path, columns), station_id="06610", time="1999-05-03T23:00")
    assert (profile.station_id, str(profile.time)) == ("06610", "1999-05-03T23:00:00")
    assert profile.dewpoint[0] == pytest.approx(20.0, abs=0.05)
    assert profile.derived == {"dewpoint"}


def test_numbers_of_stations_are_text_also_beside_blanks(tmp_path: Path) -> None:
    columns = {"station": [72357.0, None], "pressure_hPa": [1000.0, 900.0]}
    (profile,) = read(written(tmp_path, columns))
    assert profile.station_id == "72357"


def test_times_of_levels_are_not_taken_for_soundings(tmp_path: Path) -> None:
    times = [datetime(1999, 5, 3, 23, 0, second) for second in range(4)]
    path = written(tmp_path, {"time": times, "pressure_hPa": [1000.0, 990.0, 980.0, 970.0]})
    with pytest.raises(ReadError, match=r"'time' changes from row to row.*level_time: time"):
        read(path)
    (profile,) = read(path, columns={"level_time": "time", "pressure": "pressure_hPa"},
                      units={"pressure": "hPa"})  # fmt: skip
    assert (str(profile.time), len(profile)) == ("1999-05-03T23:00:00", 4)


# ------------------------------------------------------------------------------------ decoded BUFR


def test_decoded_bufr_needs_no_options(tmp_path: Path) -> None:
    (profile,) = read(written(tmp_path, bufr()))
    assert (profile.station_id, str(profile.time)) == ("03005", "2023-04-19T18:53:40")
    assert (profile.latitude, profile.longitude, profile.surface_altitude) == (60.14, -1.18, 82.0)
    assert profile.pressure.tolist() == [1000.0, 925.0]
    assert profile.height.tolist() == [82.0, 750.0]
    assert profile.temperature == pytest.approx([10.0, 5.0])
    assert profile.dewpoint[1] == pytest.approx(0.0)
    assert np.isnan(profile.dewpoint[0])
    assert profile.u_wind == pytest.approx([10.0, 0.0], abs=1e-12)
    assert profile.v_wind == pytest.approx([0.0, 5.0], abs=1e-12)
    assert profile.extras["drift_latitude"].values == pytest.approx([60.14, 60.15])
    assert profile.extras["drift_longitude"].values == pytest.approx([-1.18, -1.20])


def test_each_station_and_launch_is_a_sounding(tmp_path: Path) -> None:
    columns = bufr(LAUNCH_SECOND=[40, 41])
    assert [len(one) for one in read(written(tmp_path, columns))] == [1, 1]
    columns = bufr(WMO_STATION_NUMBER=[5, 6])
    assert [one.station_id for one in read(written(tmp_path, columns))] == ["03005", "03006"]


def test_units_of_the_config_hold_where_a_decoder_has_converted(tmp_path: Path) -> None:
    path = written(tmp_path, bufr(PRESSURE=[1000.0, 925.0], TEMPERATURE=[10.0, 5.0]))
    (profile,) = read(path, units={"pressure": "hPa", "temperature": "degC"})
    assert profile.pressure.tolist() == [1000.0, 925.0]
    assert profile.temperature.tolist() == [10.0, 5.0]


@pytest.mark.parametrize(
    ("changes", "station", "time"),
    [
        ({"WMO_BLOCK": [None, None]}, "", "2023-04-19T18:53:40"),
        ({"LAUNCH_MONTH": [13, 13]}, "03005", "NaT"),
        ({"LAUNCH_HOUR": [None, None]}, "03005", "NaT"),
        ({"LAUNCH_YEAR": [2**62, 2**62]}, "03005", "NaT"),
        ({"LAUNCH_SECOND": [None, None]}, "03005", "2023-04-19T18:53:00"),
    ],
)
def test_what_bufr_does_not_say_is_missing(
    tmp_path: Path, changes: dict[str, Any], station: str, time: str
) -> None:
    (profile,) = read(written(tmp_path, bufr(**changes)))
    assert (profile.station_id, str(profile.time), len(profile)) == (station, time, 2)


# ------------------------------------------------------------------------------------ what lacks


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"city": ["Oslo"], "people": [7]}, "no column is known as pressure among city, people"),
        ({"pressure": [1000.0], "temp": [1.0]}, "the units of pressure, temperature are not stat"),
        ({"pressure_hPa": ["1000"]}, "'pressure_hPa', which is the pressure, holds string: number"),
        ({"pressure_hPa": [[1000.0, 900.0]]}, r"holds list<.*pandas: DataFrame.explode"),
        ({"pressure_hPa": [True]}, "holds bool: numbers are expected"),
        ({"pressure_hPa": [9.0], "time": [1]}, "holds int64: times or text are expected"),
        ({"pressure_hPa": [9.0], "pres_hPa": [9.0]}, "both may be the pressure"),
        (bufr(LAUNCH_HOUR=["a", "b"]), "column 'LAUNCH_HOUR' holds string: numbers are expected"),
        ({f"c{index}": [1] for index in range(1001)}, "1001 columns, more than 1000"),
    ],
)  # fmt: skip
def test_what_a_file_lacks_is_said(tmp_path: Path, columns: dict[str, Any], words: str) -> None:
    with pytest.raises(ReadError, match=words):
        read(written(tmp_path, columns))


def test_a_column_of_two_that_are_called_the_same_is_refused(tmp_path: Path) -> None:
    table = pa.table([[1000.0], [2.0], [3.0]], names=["pressure_hPa", "x", "x"])
    path = written(tmp_path, table)
    with pytest.raises(ReadError, match="'x' is there 2 times"):
        read(path, columns={"pressure": 0, "temperature": 1}, units={"temperature": "K"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"delimiter": ","}, "delimiter: is for text"),
        ({"colums": {}}, "'colums' is no option, did you mean 'columns'"),
        ({"units": {"pressure": "hPb"}}, "units: pressure"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_the_run(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ReadError, match=words):
        parquet.check_options(options)


def test_a_time_that_cannot_be_read_costs_its_sounding_alone(tmp_path: Path) -> None:
    columns = COLUMNS | {"time": ["2003-05-04"] * 3 + ["noon"] * 2}
    one, two = read(written(tmp_path, columns))
    assert (one.problem, len(one)) == ("", 3)
    assert two.problem.startswith("'noon' is no time (ISO 8601")
    assert (two.station_id, len(two)) == ("03005", 0)


def test_infinite_numbers_are_missing(tmp_path: Path) -> None:
    path = written(tmp_path, {"pressure_hPa": [1000.0, 900.0], "t_K": [float("inf"), 280.0]})
    (profile,) = read(path)
    assert np.isnan(profile.temperature[0])
    assert profile.temperature[1] == pytest.approx(6.85)


def test_a_file_without_rows_has_no_soundings(tmp_path: Path) -> None:
    assert read(written(tmp_path, pa.table(COLUMNS).slice(0, 0))) == []


# -------------------------------------------------------------------------------------- damage


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path: Path) -> None:
    rows = 3_000_000
    path = written(tmp_path, {"pressure_hPa": np.full(rows, 1000.0)}, compression="zstd")
    assert path.stat().st_size < 100_000
    with pytest.raises(ReadError, match="more than 1000000 levels in one sounding"):
        read(path)
    path = written(tmp_path, {"pressure_hPa": np.arange(rows) * 1.0}, use_dictionary=False)
    with in_force(Limits(unpacked_size=20)), pytest.raises(ReadError, match="unpacked_size"):
        read(path)


def test_more_soundings_than_any_file_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_SOUNDINGS", 1)
    monkeypatch.setattr(parquet, "MOST_SOUNDINGS", 1)
    with pytest.raises(ReadError, match="more than 1 soundings in one file"):
        read(written(tmp_path, COLUMNS))


def test_every_cut_is_refused(tmp_path: Path) -> None:
    content = FIXTURE.read_bytes()
    for length in range(4, len(content), 61):
        path = tmp_path / "cut"
        path.write_bytes(content[:length])
        with pytest.raises(ReadError, match="damaged or cut short"):
            read(path)


def test_a_flipped_byte_ends_in_a_sounding_or_a_reason(tmp_path: Path) -> None:
    content = FIXTURE.read_bytes()
    refusals = []
    for place in range(4, len(content), 7):
        path = tmp_path / "flipped"
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            assert all(isinstance(one, Profile) for one in read(path))
        except ReadError as error:
            refusals.append(str(error))
    assert len(refusals) > 20
    assert all(refusals)


def test_it_is_known_by_its_first_bytes() -> None:
    assert parquet.sniff(FIXTURE.read_bytes(), FIXTURE) is None
    assert parquet.sniff(b"PARE" + bytes(10), FIXTURE) == "encrypted Parquet: decrypt it first"
    assert parquet.sniff(b"ARROW1", FIXTURE) == "does not begin with PAR1"


def test_without_pyarrow_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    importing = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "pyarrow":
            raise ImportError(name)
        return importing(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert parquet.sniff(FIXTURE.read_bytes(), FIXTURE) is None
    with pytest.raises(ReadError, match=r"pip install 'sounding-pipeline\[parquet\]'"):
        read(FIXTURE)
