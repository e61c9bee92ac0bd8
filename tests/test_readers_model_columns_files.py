"""Files that are no model output, too large, or damaged."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from model_files import (
    DIMENSIONS,
    HPA,
    KELVIN,
    KILOGRAM,
    columns_of,
    on_pressure,
    varied,
    why_not,
    without,
)
from netcdf_files import LATITUDE, LONGITUDE, ONE, TIME, Variables, reason, write

from pipeline import readers
from pipeline.errors import ReadError
from pipeline.flags import SourceStatus
from pipeline.readers import model_columns, profile_netcdf
from pipeline.readers.limits import Limits, in_force


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path / "model.nc", on_pressure())


class TestOtherFiles:
    def test_profiles_are_declined_and_left_to_their_reader(self, tmp_path: Path) -> None:
        path = write(tmp_path / "one.nc", ONE)
        assert profile_netcdf.sniff(path.read_bytes()[:100], path) is None
        assert why_not(path)
        path = write(tmp_path / "feature.nc", on_pressure(), featureType="profile")
        assert why_not(path) == "featureType is profile: no grid of columns"

    def test_a_single_column_is_taken_by_one_reader_only(self, tmp_path: Path) -> None:
        """As a grid it would do, as a profile it does already."""
        single = {
            name: (dims, np.asarray(values)[..., :1, :1] if dims == DIMENSIONS else values, about)
            for name, (dims, values, about) in on_pressure().items()
        }
        single["latitude"] = (("latitude",), [52.0], LATITUDE)
        single["longitude"] = (("longitude",), [9.0], LONGITUDE)
        path = write(tmp_path / "single.nc", single)
        assert profile_netcdf.sniff(path.read_bytes()[:100], path) is None
        assert why_not(path) == "a profile: read by profile_netcdf"
        anonymous = {
            name: (dims, values, {"units": about["units"]} if dims == DIMENSIONS else about)
            for name, (dims, values, about) in single.items()
        }
        path = write(tmp_path / "anonymous.nc", anonymous)
        assert profile_netcdf.sniff(path.read_bytes()[:100], path) is not None
        assert model_columns.sniff(path.read_bytes()[:100], path) is None
        assert [profile.longitude for profile in columns_of(path)] == [9.0, 9.0]

    def test_a_grid_is_declined_by_the_reader_of_profiles(self, model: Path) -> None:
        assert "gridded columns" in reason(model)

    def test_surface_fields_are_no_columns(self, tmp_path: Path) -> None:
        made = without(on_pressure(), "t", "q", "z", "u", "v", "level")
        two = ("time", "latitude", "longitude")
        made["t2m"] = (two, varied(250, 300, (2, 4, 5)), KELVIN)
        assert "has no levels" in why_not(write(tmp_path / "surface.nc", made))

    @pytest.mark.parametrize("head", [b"", b"CDF", b"%TITLE%", b"BUFR", b"{}", b"\0" * 99])
    def test_everything_else_is_declined(self, head: bytes, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(head)
        assert why_not(path) == "neither netCDF, GRIB nor Zarr"
        with pytest.raises(ReadError):
            columns_of(path)


class TestLimits:
    def test_more_columns_than_a_source_may_hold_are_refused_before_they_are_read(
        self, tmp_path: Path
    ) -> None:
        made: Variables = {
            "level": (("level",), [1000.0, 500.0], HPA),
            "latitude": (("latitude",), np.linspace(-90, 90, 501), LATITUDE),
            "longitude": (("longitude",), np.linspace(0, 359, 500), LONGITUDE),
            "t": (("level", "latitude", "longitude"), np.full((2, 501, 500), 280.0), KELVIN),
        }
        path = write(tmp_path / "globe.nc", made)
        with pytest.raises(ReadError, match=r"250500 columns at 1 times .* points, box or times"):
            columns_of(path)
        assert len(columns_of(path, points=[{"latitude": 0, "longitude": 0}])) == 1

    def test_a_file_that_announces_more_than_it_can_hold_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.nc"
        sizes = {"level": 900_000, "latitude": 500, "longitude": 500}
        with netCDF4.Dataset(path, "w") as dataset:
            for name, size in sizes.items():
                dataset.createDimension(name, size)
            for name, about in (("latitude", LATITUDE), ("longitude", LONGITUDE), ("level", HPA)):
                dataset.createVariable(name, "f8", (name,)).setncatts(about)
                dataset[name][...] = np.linspace(1, 80, sizes[name])
            dataset.createVariable("t", "f4", tuple(sizes), zlib=True).setncatts(KELVIN)
        with pytest.raises(ReadError, match="MB of values, in a file of"):
            columns_of(path)
        levels = pytest.raises(ReadError, match="more than 1000 levels in one sounding")
        with in_force(Limits(levels=1000)), levels:
            columns_of(path)

    def test_memory_holds_a_block_not_the_file(self, tmp_path: Path, monkeypatch) -> None:
        """The file has 29 MB of values as they are computed with; a block 0.2 MB a variable."""
        path = tmp_path / "large.nc"
        across = {"time": 4, "level": 30, "latitude": 50, "longitude": 100}
        with netCDF4.Dataset(path, "w") as dataset:
            for name, size in across.items():
                dataset.createDimension(name, size)
            for name, about in (
                ("latitude", LATITUDE), ("longitude", LONGITUDE), ("level", HPA), ("time", TIME),
            ):  # fmt: skip
                dataset.createVariable(name, "f8", (name,)).setncatts(about)
                dataset[name][...] = np.linspace(10, 80, across[name])
            for name, about in (("t", KELVIN), ("q", KILOGRAM)):
                sizes = (1, 1, 50, 100)
                variable = dataset.createVariable(name, "f4", tuple(across), chunksizes=sizes)
                variable.setncatts(about)
                variable[...] = 280 if name == "t" else 0.01
        monkeypatch.setattr(model_columns, "BLOCK_VALUES", 25_000)
        first = next(iter(model_columns.read(path, {})))  # imports what it takes
        tracemalloc.start()
        try:
            count = sum(len(profile) == 30 for profile in model_columns.read(path, {}))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert count == 20_000
        assert len(first) == 30
        assert peak < 5e6


class TestDamage:
    @pytest.fixture
    def content(self, model: Path) -> bytes:
        return model.read_bytes()

    @pytest.mark.timeout(60)
    def test_a_cut_file_never_raises_anything_but_words(
        self, tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "cut.nc"
        for length in range(8, len(content), len(content) // 40):
            path.write_bytes(content[:length])
            row = readers.read_source(str(path), "model_columns").row
            assert row.status is SourceStatus.UNREADABLE
            assert row.message

    @pytest.mark.timeout(120)
    def test_changed_bytes_never_raise_anything_but_words(
        self, tmp_path: Path, content: bytes
    ) -> None:
        generator = np.random.default_rng(5)
        path = tmp_path / "changed.nc"
        for _ in range(150):
            values = bytearray(content)
            for place in generator.integers(len(values), size=generator.integers(1, 20)):
                values[place] = generator.integers(256)
            path.write_bytes(bytes(values))
            row = readers.read_source(str(path), "model_columns").row
            assert row.status is not SourceStatus.QUARANTINED, row.message

    def test_an_attribute_that_makes_no_sense_is_said(self, tmp_path: Path) -> None:
        made = on_pressure()
        path = write(tmp_path / "model.nc", made)
        with netCDF4.Dataset(path, "a") as dataset:
            dataset["t"].scale_factor = "ten"
        with pytest.raises(ReadError, match="t cannot be read: "):
            columns_of(path)
        made = on_pressure() | {"level": (("level",), [0.0, -5, 700, 850, 1000], HPA)}
        with pytest.raises(ReadError, match="which are no pressures"):
            columns_of(write(tmp_path / "levels.nc", made))
