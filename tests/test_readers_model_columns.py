"""Columns of model output as profiles: held against xarray and MetPy on single columns."""

from __future__ import annotations

from pathlib import Path

import metpy.calc
import netCDF4
import numpy as np
import pytest
import xarray as xr
from metpy.units import units
from model_files import (
    DIMENSIONS,
    KELVIN,
    LATITUDES,
    LONGITUDES,
    PRESSURES,
    SHAPE,
    columns_of,
    on_pressure,
    varied,
    why_not,
    without,
)
from netcdf_files import TIME, write

from pipeline import readers
from pipeline.errors import ReadError
from pipeline.flags import SourceStatus
from pipeline.readers import model_columns, profile_netcdf

EARLIER, LATER = np.datetime64("2003-05-04T00:00"), np.datetime64("2003-05-04T06:00")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path / "model.nc", on_pressure())


@pytest.fixture(scope="module")
def gfs(shared_data: Path) -> Path:
    return shared_data / "model_columns" / "GFS_test.nc"


@pytest.fixture(scope="module")
def truth(gfs: Path) -> xr.Dataset:
    # With its engine said as a class: asked by name, xarray would import all engines there are.
    engine = xr.backends.NetCDF4BackendEntrypoint
    return xr.open_dataset(gfs, engine=engine).squeeze("time")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def source(gfs: Path) -> readers.ReadSource:
    return readers.read_source(str(gfs))


class TestGfsThroughThredds:
    """Real output: 46 x 101 columns, temperature on 26 levels, humidity on 25 of them."""

    def test_every_column_is_a_profile(self, source: readers.ReadSource) -> None:
        assert (source.row.reader, source.row.status) == ("model_columns", SourceStatus.READ)
        assert source.row.profiles == 46 * 101
        assert {len(profile) for profile in source.profiles} == {26}
        assert len({profile.station_id for profile in source.profiles}) == 46 * 101

    @pytest.mark.parametrize(("row", "column"), [(0, 0), (30, 52), (45, 100)])
    def test_a_column_is_what_xarray_and_metpy_say(
        self, source: readers.ReadSource, truth: xr.Dataset, row: int, column: int
    ) -> None:
        profile = source.profiles[row * 101 + column]
        there = truth.isel(lat=row, lon=column).sortby("isobaric3", ascending=False)
        there = there.sortby("isobaric5", ascending=False)
        assert profile.pressure.tolist() == (there.isobaric3.values / 100).tolist()
        for name, variable in {
            "height": there["Geopotential_height_isobaric"],
            "u_wind": there["u-component_of_wind_isobaric"],
            "v_wind": there["v-component_of_wind_isobaric"],
            "temperature": there["Temperature_isobaric"] - 273.15,
        }.items():
            np.testing.assert_allclose(getattr(profile, name), variable, atol=2e-5, rtol=0)
        humid = there.Temperature_isobaric.sel(isobaric3=there.isobaric5.values).values
        wet = there.Relative_humidity_isobaric.values
        dewpoint = metpy.calc.dewpoint_from_relative_humidity(
            units.Quantity(humid.astype(float), "K"),
            units.Quantity(np.where(wet > 0, wet, np.nan), "%"),
        )
        has_humidity = profile.pressure != 20
        np.testing.assert_allclose(profile.dewpoint[has_humidity], dewpoint.m_as("degC"), atol=1e-4)
        assert np.isnan(profile.dewpoint[~has_humidity]).all()
        assert (profile.latitude, profile.longitude) == (float(there.lat), float(there.lon) - 360)

    def test_facts_and_notes(self, source: readers.ReadSource) -> None:
        profile = source.profiles[30 * 101 + 52]
        assert profile.station_id == "grid_35.00N_262.00E"
        assert profile.time == np.datetime64("2010-10-26T12:00")
        assert profile.derived == {"dewpoint"}
        assert "over ice where it is cold" in profile.notes[0]  # as that of the GFS is
        assert "levels below the ground cannot be told" in profile.notes[1]
        extra = profile.extras["reported_relative_humidity"]
        assert extra.units == "percent"
        assert np.isnan(extra.values).sum() == 1

    def test_no_reader_of_profiles_takes_it(self, gfs: Path) -> None:
        head = gfs.read_bytes()[:65536]
        assert model_columns.sniff(head, gfs) is None
        assert "gridded columns" in str(profile_netcdf.sniff(head, gfs))


class TestColumns:
    def test_come_time_by_time_row_by_row(self, model: Path) -> None:
        profiles = columns_of(model)
        expected = [
            (time, latitude, longitude)
            for time in (EARLIER, LATER)
            for latitude in LATITUDES
            for longitude in LONGITUDES
        ]
        assert [(p.time, p.latitude, p.longitude) for p in profiles] == expected
        assert profiles[0].station_id == "grid_52.00N_359.00E"
        assert profiles[4].station_id == "grid_52.00N_1.00E"

    def test_run_from_the_surface_up_whatever_the_order_in_the_file(self, model: Path) -> None:
        truth = on_pressure()
        profile = columns_of(model)[1 * 20 + 2 * 5 + 3]
        assert profile.pressure.tolist() == PRESSURES[::-1]
        for name, variable, factor, offset in (
            ("temperature", "t", 1, -273.15),
            ("height", "z", 1 / 9.80665, 0),
            ("u_wind", "u", 1, 0),
            ("v_wind", "v", 1, 0),
        ):
            there = np.asarray(truth[variable][1])[1, ::-1, 2, 3] * factor + offset
            np.testing.assert_allclose(getattr(profile, name), there, rtol=1e-12)

    def test_dewpoint_of_specific_humidity_is_metpys(self, model: Path) -> None:
        profile = columns_of(model)[7]
        there = np.asarray(on_pressure()["q"][1])[0, ::-1, 1, 2]
        truth = metpy.calc.dewpoint_from_specific_humidity(
            units.Quantity(np.array(PRESSURES[::-1]), "hPa"), units.Quantity(there, "kg/kg")
        )
        np.testing.assert_allclose(profile.dewpoint, truth.m_as("degC"), rtol=1e-12)
        assert profile.derived == {"dewpoint", "height"}
        assert profile.notes[:2] == ("dewpoint from specific humidity", "height from geopotential")

    def test_a_dewpoint_given_is_kept_and_nothing_is_derived(self, tmp_path: Path) -> None:
        given = varied(200, 250)
        dewpoint = {"standard_name": "dew_point_temperature", "units": "K"}
        made = without(on_pressure(), "z") | {"td": (DIMENSIONS, given, dewpoint)}
        profile = columns_of(write(tmp_path / "model.nc", made))[0]
        np.testing.assert_allclose(profile.dewpoint, given[0, ::-1, 0, 0] - 273.15)
        assert profile.derived == frozenset()
        assert np.isnan(profile.height).all()

    @pytest.mark.parametrize(
        ("variable", "quantity", "unit", "partner"),
        [
            ("r", "relative_humidity", "%", "t"),
            ("w", "humidity_mixing_ratio", "g kg-1", "level"),
        ],
    )
    def test_dewpoint_of_other_humidities(
        self, tmp_path: Path, variable: str, quantity: str, unit: str, partner: str
    ) -> None:
        given = varied(5, 20)
        humidity = {"standard_name": quantity, "units": unit}
        made = without(on_pressure(), "q") | {variable: (DIMENSIONS, given, humidity)}
        profile = columns_of(write(tmp_path / "model.nc", made))[0]
        column = given[0, ::-1, 0, 0]
        if variable == "r":
            temperature = units.Quantity(np.asarray(made["t"][1])[0, ::-1, 0, 0], "K")
            truth = metpy.calc.dewpoint_from_relative_humidity(
                temperature, units.Quantity(column, "%")
            )
        else:
            pressure = units.Quantity(np.array(PRESSURES[::-1]), "hPa")
            vapor = metpy.calc.vapor_pressure(pressure, units.Quantity(column, "g/kg"))
            truth = metpy.calc.dewpoint(vapor)
        np.testing.assert_allclose(profile.dewpoint, truth.m_as("degC"), rtol=1e-9)

    def test_relative_humidity_comes_after_specific_and_with_a_word_about_ice(
        self, tmp_path: Path
    ) -> None:
        relative = {"standard_name": "relative_humidity", "units": "%"}
        both = on_pressure() | {"r": (DIMENSIONS, varied(5, 99), relative)}
        (profile, *_) = columns_of(write(tmp_path / "both.nc", both))
        assert profile.notes[0] == "dewpoint from specific humidity"
        assert "reported_relative_humidity" in profile.extras
        (profile, *_) = columns_of(write(tmp_path / "one.nc", without(both, "q")))
        assert "over ice where it is cold" in profile.notes[0]

    def test_winds_of_speed_and_direction(self, tmp_path: Path) -> None:
        made = without(on_pressure(), "u", "v") | {
            "ff": (
                DIMENSIONS,
                np.full(SHAPE, 10.0),
                {"standard_name": "wind_speed", "units": "kt"},
            ),
            "dd": (
                DIMENSIONS,
                np.full(SHAPE, 270.0),
                {"standard_name": "wind_from_direction", "units": "degree"},
            ),
        }
        profile = columns_of(write(tmp_path / "model.nc", made))[0]
        np.testing.assert_allclose(profile.u_wind, 5.14444, rtol=1e-5)
        np.testing.assert_allclose(profile.v_wind, 0, atol=1e-9)
        assert {"u_wind", "v_wind"} <= profile.derived

    def test_packed_numbers_fill_values_and_pascals_are_understood(self, tmp_path: Path) -> None:
        packed = {**KELVIN, "scale_factor": 0.01, "add_offset": 250.0}
        numbers = np.arange(200, dtype=np.int16).reshape(SHAPE)
        numbers[0, 0, 0, 0] = -99
        made = on_pressure() | {
            "level": (("level",), np.array(PRESSURES) * 100, {"units": "Pa"}),
        }
        path = write(tmp_path / "model.nc", without(made, "t"))
        with netCDF4.Dataset(path, "a") as dataset:
            variable = dataset.createVariable("t", "i2", DIMENSIONS, fill_value=-99)
            variable.setncatts(packed)
            variable.set_auto_maskandscale(False)
            variable[...] = numbers
        profile = columns_of(path)[0]
        assert profile.pressure.tolist() == PRESSURES[::-1]
        expected = 250 + 0.01 * np.array([80, 60, 40, 20, np.nan]) - 273.15
        np.testing.assert_allclose(profile.temperature, expected)

    def test_names_without_standard_names_are_those_of_ecmwf_cmip_and_ncep(
        self, tmp_path: Path
    ) -> None:
        for number, names in enumerate((("t", "q"), ("ta", "hus"), ("TMP", "SPFH"))):
            made = without(on_pressure(), "t", "q", "z", "u", "v") | {
                names[0]: (DIMENSIONS, varied(250, 300), {"units": "K"}),
                names[1]: (DIMENSIONS, varied(1e-4, 2e-2), {"units": "kg kg**-1"}),
            }
            profile = columns_of(write(tmp_path / f"{number}.nc", made))[0]
            assert np.isfinite(profile.temperature).all()
            assert np.isfinite(profile.dewpoint).all()

    def test_what_only_seems_to_be_temperature_is_not_taken(self, tmp_path: Path) -> None:
        wrf = {"units": "K", "description": "perturbation potential temperature (theta-t0)"}
        made = without(on_pressure(), "t") | {"T": (DIMENSIONS, varied(0, 50), wrf)}
        assert "no variable is known as air temperature" in why_not(write(tmp_path / "w.nc", made))

    def test_another_variable_is_taken_where_the_config_says_so(self, tmp_path: Path) -> None:
        made = without(on_pressure(), "t") | {
            "tair": (DIMENSIONS, varied(250, 300), {"units": "K"}),
        }
        path = write(tmp_path / "model.nc", made)
        assert "variables: {temperature: its name}" in why_not(path)
        assert len(columns_of(path, variables={"temperature": "tair"})) == 40
        with pytest.raises(ReadError, match="there is no variable 'tara' in the file"):
            columns_of(path, variables={"temperature": "tara"})

    def test_two_that_may_be_the_same_are_not_chosen_between(self, tmp_path: Path) -> None:
        made = on_pressure() | {"t2": (DIMENSIONS, varied(250, 300), KELVIN)}
        path = write(tmp_path / "model.nc", made)
        assert "temperature may be any of t, t2; say which" in why_not(path)
        profile = columns_of(path, variables={"temperature": "t2"})[0]
        assert np.isfinite(profile.temperature).all()

    def test_a_missing_time_or_unit_is_said(self, tmp_path: Path) -> None:
        made = on_pressure()
        made["t"] = (DIMENSIONS, made["t"][1], {"standard_name": "air_temperature"})
        with pytest.raises(ReadError, match="t has no attribute units"):
            columns_of(write(tmp_path / "units.nc", made))
        made = on_pressure() | {"time": (("time",), [0.0, 6.0], TIME | {"units": "hours since go"})}
        with pytest.raises(ReadError, match="'hours since go'"):
            columns_of(write(tmp_path / "time.nc", made))

    def test_members_of_an_ensemble_are_refused_in_words(self, tmp_path: Path) -> None:
        made = on_pressure()
        made["t"] = (("number", *DIMENSIONS), varied(250, 300, (3, *SHAPE)), KELVIN)
        with pytest.raises(ReadError, match=r"t runs along number \(3 entries\), which is no time"):
            columns_of(write(tmp_path / "model.nc", made))
