"""Which columns and times of model output are read: points, boxes, times; any kind of grid."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
from model_files import (
    DIMENSIONS,
    HPA,
    KELVIN,
    PRESSURES,
    PROJECTED_LATITUDES,
    PROJECTED_LONGITUDES,
    SHAPE,
    columns_of,
    on_pressure,
    projected,
    varied,
    why_not,
    without,
)
from netcdf_files import LATITUDE, LONGITUDE, TIME, Variables, write

from pipeline import config, readers
from pipeline.errors import ConfigError, ReadError
from pipeline.flags import SourceStatus
from pipeline.readers import model_columns

EARLIER, LATER = np.datetime64("2003-05-04T00:00"), np.datetime64("2003-05-04T06:00")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path / "model.nc", on_pressure())


class TestPoints:
    def test_the_nearest_column_of_each_in_their_order(self, model: Path) -> None:
        points = [
            {"latitude": 50.6, "longitude": 0.9, "station_id": "03882", "name": "Herstmonceux"},
            {"latitude": 51.9, "longitude": 359.4, "name": "north"},
            {"latitude": 51.0, "longitude": 0.0},
        ]
        profiles = columns_of(model, points=points)
        assert [(p.latitude, p.longitude) for p in profiles[:3]] == [
            (50.5, 1.0),
            (52.0, -0.5),
            (51.0, 0.0),
        ]
        names = [(p.station_id, p.station_name) for p in profiles[3:]]
        assert names == [
            ("03882", "Herstmonceux"),
            ("north", "north"),
            ("grid_51.00N_0.00E", ""),
        ]
        # 0.1 degrees each way: 11.1 km north, 7.1 km east
        assert profiles[0].notes[-1] == "the column at 50.5 N, 1 E, 13 km from the point"
        everything = columns_of(model)
        np.testing.assert_array_equal(profiles[3].temperature, everything[39].temperature)

    @pytest.mark.parametrize(
        ("latitude", "longitude"), [(53.0, 0.0), (50.2, 0.0), (51.0, 1.4), (51.0, 180.0)]
    )
    def test_one_outside_of_the_grid_is_an_error_that_says_what_it_covers(
        self, model: Path, latitude: float, longitude: float
    ) -> None:
        point = {"latitude": latitude, "longitude": longitude, "name": "OUN"}
        with pytest.raises(ReadError) as caught:
            columns_of(model, points=[point])
        assert f"OUN at {latitude:g} N, {longitude:g} E is outside the grid" in str(caught.value)
        assert "50.5 to 52 N, -1 to 1 E" in str(caught.value)

    def test_across_the_ends_of_a_grid_around_the_earth(self, tmp_path: Path) -> None:
        made = on_pressure() | {"longitude": (("longitude",), 72.0 * np.arange(5), LONGITUDE)}
        path = write(tmp_path / "globe.nc", made)
        points = [{"latitude": 51.0, "longitude": east} for east in (-30.0, 330.0, 359.9)]
        assert [profile.longitude for profile in columns_of(path, points=points)[:3]] == [0, 0, 0]

    def test_on_a_projected_grid(self, tmp_path: Path) -> None:
        path = write(tmp_path / "projected.nc", projected())
        point = {"latitude": 50.02, "longitude": 10.1}
        profile = columns_of(path, points=[point])[0]
        north, east = PROJECTED_LATITUDES, PROJECTED_LONGITUDES
        apart = np.hypot(north - 50.02, (east - 10.1) * np.cos(np.radians(50)))
        nearest = np.unravel_index(apart.argmin(), apart.shape)
        assert (profile.latitude, profile.longitude) == (north[nearest], east[nearest])
        with pytest.raises(ReadError, match="outside the grid"):
            columns_of(path, points=[{"latitude": 40.0, "longitude": 10.0}])


class TestBoxes:
    def test_hold_the_columns_inside(self, model: Path) -> None:
        box = {"north": 51.5, "south": 51.0, "west": -0.6, "east": 0.0}
        places = {(p.latitude, p.longitude) for p in columns_of(model, box=box)}
        assert places == {(51.5, -0.5), (51.5, 0.0), (51.0, -0.5), (51.0, 0.0)}

    @pytest.mark.parametrize("longitudes", [[170, 175, 180, 185, 190], [170, 175, 180, -175, -170]])
    def test_cross_the_dateline(self, tmp_path: Path, longitudes: list[float]) -> None:
        made = on_pressure() | {"longitude": (("longitude",), longitudes, LONGITUDE)}
        path = write(tmp_path / "model.nc", made)
        box = {"north": 52, "south": 52, "west": 174, "east": -174}
        profiles = columns_of(path, box=box)[:3]
        assert [profile.longitude for profile in profiles] == [175, 180, -175]
        t = np.asarray(made["t"][1])
        np.testing.assert_allclose(profiles[2].temperature, t[0, ::-1, 0, 3] - 273.15)

    def test_cross_the_ends_of_the_file(self, tmp_path: Path) -> None:
        made = on_pressure() | {"longitude": (("longitude",), 72.0 * np.arange(5), LONGITUDE)}
        box = {"north": 52, "south": 52, "west": -80, "east": 80}
        profiles = columns_of(write(tmp_path / "globe.nc", made), box=box)[:3]
        assert [profile.longitude for profile in profiles] == [0, 72, -72]
        t = np.asarray(made["t"][1])
        np.testing.assert_allclose(profiles[2].temperature, t[0, ::-1, 0, 4] - 273.15)

    def test_without_a_column_are_an_error(self, model: Path) -> None:
        with pytest.raises(ReadError, match="no column lies in it; the grid covers 50"):
            columns_of(model, box={"north": 10, "south": 0, "west": 0, "east": 10})

    def test_on_a_projected_grid(self, tmp_path: Path) -> None:
        path = write(tmp_path / "projected.nc", projected())
        box = {"north": 50.3, "south": 49.9, "west": 9.0, "east": 12.0}
        inside = (PROJECTED_LATITUDES >= 49.9) & (PROJECTED_LATITUDES <= 50.3)
        inside &= (PROJECTED_LONGITUDES >= 9) & (PROJECTED_LONGITUDES <= 12)
        assert 0 < inside.sum() < 20
        profiles = columns_of(path, box=box)
        assert [profile.latitude for profile in profiles] == 2 * PROJECTED_LATITUDES[
            inside
        ].tolist()
        t = np.asarray(projected()["t"][1])[0][:, inside]
        for column, profile in enumerate(profiles[: inside.sum()]):
            np.testing.assert_allclose(profile.temperature, t[::-1, column] - 273.15)


class TestProjectedGrids:
    def test_winds_along_their_axes_are_left_out_and_said_so(self, tmp_path: Path) -> None:
        profile = columns_of(write(tmp_path / "model.nc", projected()))[0]
        assert np.isnan(profile.u_wind).all()
        assert "along the axes of the grid" in " ".join(profile.notes)

    def test_winds_that_say_they_blow_east_and_north_are_taken(self, tmp_path: Path) -> None:
        made = projected(along_axes=False)
        profile = columns_of(write(tmp_path / "model.nc", made))[0]
        np.testing.assert_array_equal(profile.u_wind, np.asarray(made["u"][1])[0, ::-1, 0, 0])

    def test_without_latitudes_and_longitudes_they_are_declined(self, tmp_path: Path) -> None:
        made = without(projected(), "latitude", "longitude")
        path = write(tmp_path / "model.nc", made)
        assert "t (time, level, y, x) has no latitudes and longitudes" in why_not(path)

    def test_cells_in_a_row_are_columns_too(self, tmp_path: Path) -> None:
        made: Variables = {
            "time": (("time",), [0.0, 6.0], TIME),
            "level": (("level",), PRESSURES, HPA),
            "lat": (("cell",), [50.0, 50.1, 50.2], LATITUDE),
            "lon": (("cell",), [9.0, 9.1, 9.0], LONGITUDE),
            "t": (("time", "level", "cell"), varied(250, 300, (2, 5, 3)), KELVIN),
        }
        path = write(tmp_path / "icon.nc", made)
        profiles = columns_of(path, points=[{"latitude": 50.09, "longitude": 9.1}])
        assert [profile.latitude for profile in profiles] == [50.1, 50.1]
        t = np.asarray(made["t"][1])
        np.testing.assert_allclose(profiles[1].temperature, t[1, ::-1, 1] - 273.15)


class TestTimes:
    @pytest.mark.parametrize(
        "times",
        [
            ["2003-05-04T06:00", "2003-05-05"],
            "2003-05-04 06:00:00Z",
            [datetime.datetime(2003, 5, 4, 6)],
            {"start": "2003-05-04T01:00"},
            {"start": "2003-05-04T06:00", "end": "2003-05-04T07:00"},
        ],
    )
    def test_of_a_list_or_between_two(self, model: Path, times: object) -> None:
        profiles = columns_of(model, times=times)
        assert {profile.time for profile in profiles} == {LATER}
        assert len(profiles) == 20

    def test_that_are_not_in_the_file_leave_it_without_a_sounding(self, model: Path) -> None:
        source = readers.read_source(str(model), "model_columns", {"times": ["2004-01-01"]})
        assert source.row.status is SourceStatus.EMPTY

    def test_are_those_of_validity_not_of_the_forecast(self, tmp_path: Path) -> None:
        start = {"standard_name": "forecast_reference_time", "units": TIME["units"]}
        made = on_pressure() | {"reftime": ((), -12.0, start)}
        (profile, *_) = columns_of(write(tmp_path / "model.nc", made))
        assert profile.time == EARLIER

    def test_may_run_along_two_dimensions(self, tmp_path: Path) -> None:
        made: Variables = {
            name: (("step", *dims) if dims == DIMENSIONS else dims, values, about)
            for name, (dims, values, about) in without(on_pressure(), "q", "z", "u", "v").items()
        }
        made["t"] = (("step", *DIMENSIONS), varied(250, 300, (3, *SHAPE)), KELVIN)
        made["time"] = (("time",), [0.0, 6.0], TIME | {"standard_name": "forecast_reference_time"})
        made["valid_time"] = (("time", "step"), [[0.0, 3, 6], [6, 9, 12]], TIME)
        profiles = columns_of(write(tmp_path / "model.nc", made))
        hours = [(p.time - EARLIER) / np.timedelta64(1, "h") for p in profiles[::20]]
        assert hours == [0, 6, 3, 9, 6, 12]  # by step, then by time, as in the file
        t = np.asarray(made["t"][1])
        np.testing.assert_allclose(profiles[20].temperature, t[0, 1, ::-1, 0, 0] - 273.15)

    def test_may_be_missing(self, tmp_path: Path) -> None:
        made = without(on_pressure(), "time", "q", "z", "u", "v")
        made["t"] = (DIMENSIONS[1:], varied(250, 300, SHAPE[1:]), KELVIN)
        assert np.isnat(columns_of(write(tmp_path / "model.nc", made))[0].time)


UPSIDE_DOWN = {"north": 1, "south": 2, "west": 0, "east": 1}


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"point": []}, "there is no 'point', only points, box, times, variables"),
            ({"points": {"latitude": 1}}, "points: a list such as"),
            ({"points": []}, "points: a list such as"),
            ({"points": [{"latitude": 95, "longitude": 0}]}, "points[0].latitude: 95 is none"),
            ({"points": [{"latitude": 9}]}, "points[0].longitude: is missing"),
            ({"points": [{"latitude": True, "longitude": 0}]}, "points[0].latitude: True is none"),
            (
                {"points": [{"latitude": 9, "longitude": 0, "station_id": 6610}]},
                'points[0].station_id: 6610 is no text; quote it: "6610"',
            ),
            ({"points": [{"latitude": 9, "longitude": 0, "lat": 1}]}, "there is no 'lat'"),
            ({"box": {"north": 1}}, "box: takes north, south, west, east"),
            ({"box": UPSIDE_DOWN}, "box: north (1) is south of south (2)"),
            ({"times": ["yesterday"]}, "times[0]: 'yesterday' is no time"),
            ({"times": {"from": "2003-05-04"}}, "times: there is no 'from'"),
            ({"times": ["2003-05-04T06:00+02:00"]}, "is no time such as"),
            ({"variables": {"temp": "t"}}, "variables: 'temp' is none of temperature"),
            ({"variables": "t"}, "variables: 't' is no mapping"),
            (
                {
                    "points": [{"latitude": 1, "longitude": 1}],
                    "box": {"north": 2, "south": 1, "west": 0, "east": 1},
                },
                "points and box: give one of them",
            ),
        ],
    )
    def test_that_make_no_sense_are_refused(self, options: dict, words: str) -> None:
        with pytest.raises(ReadError) as caught:
            model_columns.check_options(options)
        assert words in str(caught.value)

    def test_are_checked_with_the_config(self, tmp_path: Path, model: Path) -> None:
        text = (
            "input:\n  - path: model.nc\n    format: model_columns\n"
            "    options: {points: [{latitude: 51, longitude: 0, name: %s}]}\noutput: out.nc\n"
        )
        (tmp_path / "season.yaml").write_text(text % "7")
        with pytest.raises(ConfigError, match="quote it"):
            config.load(tmp_path / "season.yaml")
        (tmp_path / "season.yaml").write_text(text % "Kew")
        assert config.load(tmp_path / "season.yaml").input[0].format == "model_columns"
