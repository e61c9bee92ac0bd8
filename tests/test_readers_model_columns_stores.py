"""Columns out of GRIB, as ecCodes itself reads it, and out of Zarr stores."""

from __future__ import annotations

import builtins
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import (
    LATITUDES,
    LONGITUDES,
    columns_of,
    on_pressure,
    varied,
    without,
    write_grib,
    write_zarr,
)
from netcdf_files import write

from pipeline import readers
from pipeline.errors import ReadError
from pipeline.flags import SourceStatus
from pipeline.profiles import LEVEL_VARIABLES
from pipeline.readers import model_columns
from pipeline.readers._eccodes import library
from pipeline.readers.limits import Limits

LEVELS = (1000, 850, 500, 300)
FIELDS = {"t": (250, 300), "r": (5, 99), "u": (-30, 30), "v": (-30, 30), "z": (1e3, 9e4)}


def on_pressure_levels() -> list[dict[str, Any]]:
    """Two steps of a forecast; humidity ends at 500 hPa; surface pressure, and 2 m temperature."""
    fields: list[dict[str, Any]] = []
    for step in (0, 6):
        for name, (least, most) in FIELDS.items():
            values = varied(least, most, (4, 4, 5)) + step
            fields += [
                {"typeOfLevel": "isobaricInhPa", "level": level, "shortName": name,
                 "forecastTime": step, "values": values[number]}
                for number, level in enumerate(LEVELS)
                if (name, level) != ("r", 300)
            ]  # fmt: skip
        fields += [
            {"typeOfLevel": "surface", "shortName": "sp", "forecastTime": step,
             "values": varied(9e4, 1.1e5, (4, 5))},
            {"typeOfLevel": "heightAboveGround", "level": 2, "shortName": "2t",
             "forecastTime": step, "values": varied(250, 300, (4, 5))},
        ]  # fmt: skip
    return fields


def on_hybrid_levels() -> list[dict[str, Any]]:
    """Three levels between four half levels: a 0, 20, 50, 0 hPa, b 0, 0, 0.3, 1."""
    pv = np.array([0.0, 2000, 5000, 0, 0, 0, 0.3, 1])
    fields = [
        {"typeOfLevel": "hybrid", "level": level, "shortName": name, "pv": pv,
         "values": varied(*bounds, (4, 5)) + (level if name == "t" else 0)}
        for name, bounds in (("t", (250, 300)), ("q", (1e-4, 1e-2)))
        for level in (1, 2, 3)
    ]  # fmt: skip
    ground = np.log(varied(9e4, 1.1e5, (4, 5)))
    lnsp = {"typeOfLevel": "hybrid", "level": 1, "shortName": "lnsp", "pv": pv, "values": ground}
    return [*fields, lnsp]


@pytest.fixture
def grib(tmp_path: Path) -> Path:
    pytest.importorskip(
        "pyproj"
    )  # first: ecCodes brings a PROJ of its own, which must not be there before
    pytest.importorskip("cfgrib")
    return write_grib(tmp_path / "model.grib2", on_pressure_levels())


def decoded(path: Path, **wanted: Any) -> np.ndarray:
    """Return the one field with these keys, as ecCodes decodes it."""
    import eccodes

    with path.open("rb") as stream:
        while message := eccodes.codes_grib_new_from_file(stream):
            found = {key: eccodes.codes_get(message, key) for key in wanted}
            values = eccodes.codes_get_values(message)
            eccodes.codes_release(message)
            if found == wanted:
                return values.reshape(4, 5)
    raise AssertionError(f"no field {wanted}")


class TestGrib:
    def test_is_known_by_its_first_bytes(self, grib: Path) -> None:
        assert model_columns.sniff(grib.read_bytes()[:100], grib) is None

    def test_columns_are_what_eccodes_decodes(self, grib: Path) -> None:
        profile = columns_of(grib)[20 + 2 * 5 + 3]
        at = (2, 3)
        ground = decoded(grib, shortName="sp", forecastTime=6)[at] / 100
        levels = [level for level in LEVELS if level <= ground]
        assert profile.pressure.tolist() == levels
        for name, short, factor, offset in (
            ("temperature", "t", 1, -273.15),
            ("u_wind", "u", 1, 0),
            ("v_wind", "v", 1, 0),
            ("height", "z", 1 / 9.80665, 0),
        ):
            truth = [
                decoded(grib, shortName=short, level=level, forecastTime=6)[at] * factor + offset
                for level in levels
            ]
            np.testing.assert_allclose(getattr(profile, name), truth, rtol=1e-12, atol=1e-9)
        humid = [decoded(grib, shortName="r", level=one, forecastTime=6)[at] for one in levels[:-1]]
        reported = profile.extras["reported_relative_humidity"].values
        np.testing.assert_allclose(reported, [*humid, np.nan], rtol=1e-12)
        assert (np.isfinite(profile.dewpoint) == (profile.pressure > 300)).all()

    def test_time_is_that_of_the_forecasts_validity(self, grib: Path) -> None:
        times = [profile.time for profile in columns_of(grib)]
        assert (
            times == [np.datetime64("2020-05-01T12")] * 20 + [np.datetime64("2020-05-01T18")] * 20
        )

    def test_place(self, grib: Path) -> None:
        places = [(p.latitude, p.longitude) for p in columns_of(grib)[:20]]
        assert places == [(north, east) for north in LATITUDES for east in LONGITUDES]

    def test_levels_below_the_ground_are_left_out(self, grib: Path) -> None:
        ground = decoded(grib, shortName="sp", forecastTime=0).ravel() / 100
        lengths = [len(profile) for profile in columns_of(grib)[:20]]
        assert lengths == [3 if one < 1000 else 4 for one in ground]
        assert set(lengths) == {3, 4}

    def test_hybrid_levels_lie_half_way_between_half_levels(self, tmp_path: Path) -> None:
        path = write_grib(tmp_path / "hybrid.grib2", on_hybrid_levels())
        profile = columns_of(path)[7]
        ground = np.exp(decoded(path, shortName="lnsp")[1, 2]) / 100
        expected = [25 + 0.65 * ground, 35 + 0.15 * ground, 10]
        # The coefficients are single-precision numbers in GRIB.
        np.testing.assert_allclose(profile.pressure, expected, rtol=1e-7)
        truth = [decoded(path, shortName="t", level=level)[1, 2] - 273.15 for level in (3, 2, 1)]
        np.testing.assert_allclose(profile.temperature, truth, rtol=1e-9)

    @pytest.mark.parametrize("parallels", [(38.5, 38.5), (30.0, 60.0)])
    def test_winds_along_a_lambert_grid_are_turned_to_east_and_north(
        self, tmp_path: Path, parallels: tuple[float, float]
    ) -> None:
        """Held against PROJ: which way a metre along the grid's axes leads on the earth."""
        import pyproj

        lambert = {
            "gridType": "lambert", "Nx": 5, "Ny": 4, "LoVInDegrees": 262.5, "LaDInDegrees": 38.5,
            "Latin1InDegrees": parallels[0], "Latin2InDegrees": parallels[1],
            "latitudeOfFirstGridPointInDegrees": 35.0, "DxInMetres": 2e5, "DyInMetres": 2e5,
            "longitudeOfFirstGridPointInDegrees": 235.0, "jScansPositively": 1,
            "uvRelativeToGrid": 1,
        }  # fmt: skip
        path = write_grib(
            tmp_path / "lambert.grib2",
            [
                {"typeOfLevel": "isobaricInhPa", "level": level, "shortName": name,
                 "values": np.full((4, 5), value)}
                for name, value in (("t", 280.0), ("u", 10.0), ("v", 5.0))
                for level in LEVELS
            ],
            lambert,
        )  # fmt: skip
        projection = pyproj.Proj(
            proj="lcc", lon_0=262.5, lat_0=38.5, lat_1=parallels[0], lat_2=parallels[1], R=6371229
        )
        for profile in columns_of(path):
            x, y = projection(profile.longitude, profile.latitude)
            length = projection.get_factors(profile.longitude, profile.latitude).parallel_scale
            there = projection(x + 10.0 * length, y + 5.0 * length, inverse=True)
            metre = np.radians(1) * 6371229
            east = (there[0] - profile.longitude) * metre * np.cos(np.radians(profile.latitude))
            north = (there[1] - profile.latitude) * metre
            np.testing.assert_allclose(profile.u_wind, east, atol=2e-3)
            np.testing.assert_allclose(profile.v_wind, north, atol=2e-3)
            assert profile.derived >= {"u_wind", "v_wind"}
            assert "winds turned from the axes of a Lambert grid" in " ".join(profile.notes)

    def test_no_file_is_written_beside_it(self, grib: Path) -> None:
        columns_of(grib)
        assert [path.name for path in grib.parent.iterdir()] == [grib.name]

    def test_fields_of_the_surface_alone_are_no_columns(self, tmp_path: Path) -> None:
        path = write_grib(tmp_path / "surface.grib2", on_pressure_levels()[-2:])
        with pytest.raises(ReadError, match="no columns of a grid: no variable is known as air"):
            columns_of(path)

    def test_a_message_that_has_lost_its_head_is_missed(self, grib: Path) -> None:
        content = grib.read_bytes()
        third = [place for place in range(len(content)) if content.startswith(b"GRIB", place)][2]
        grib.write_bytes(content[:third] + b"grib" + content[third + 4 :])
        with pytest.raises(ReadError, match=f"the GRIB message at byte {third} is damaged"):
            columns_of(grib)

    @pytest.mark.timeout(120)
    def test_cut_or_changed_it_never_raises_anything_but_words(
        self, grib: Path, tmp_path: Path
    ) -> None:
        content = grib.read_bytes()
        path = tmp_path / "damaged.grib2"
        for length in range(4, len(content), len(content) // 30):
            if b"GRIB" in content[length - 3 : length + 4]:
                continue  # whole messages and a byte: what is not there, nobody can miss
            path.write_bytes(content[:length])
            row = readers.read_source(str(path), "model_columns").row
            assert row.status is SourceStatus.UNREADABLE
            assert row.message
        generator = np.random.default_rng(3)
        for _ in range(100):
            values = bytearray(content)
            for place in generator.integers(len(values), size=generator.integers(1, 20)):
                values[place] = generator.integers(256)
            path.write_bytes(bytes(values))
            row = readers.read_source(str(path), "model_columns").row
            assert row.status is not SourceStatus.QUARANTINED, row.message

    def test_without_cfgrib_it_says_what_to_install(self, grib: Path, monkeypatch) -> None:
        _without_module(monkeypatch, "cfgrib")
        source = readers.read_source(str(grib), "model_columns")
        assert "pip install 'sounding-pipeline[grib]'" in source.row.message

    def test_without_ecCodes_it_says_so_too(self, grib: Path, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "eccodes", None)
        library.cache_clear()
        message = readers.read_source(str(grib)).row.message
        assert message == (
            "GRIB, and ecCodes is not installed: pip install 'sounding-pipeline[grib]'"
        )

    def test_metpy_works_after_it_in_the_same_process(self, grib: Path) -> None:
        """ecCodes and pyproj each bring a PROJ; in the wrong order the process dies."""
        program = (
            "import sys; from pathlib import Path; from pipeline.readers import model_columns\n"
            "print(len(list(model_columns.read(Path(sys.argv[1]), {}))))\n"
            "import metpy.calc, pyproj\n"
            "print(pyproj.Geod(ellps='WGS84').inv(0, 0, 1, 0)[2] > 111000)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(grib)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "40\nTrue\n"), done.stderr


def _without_module(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    imported = builtins.__import__

    def refuse(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == missing:
            raise ImportError(name)
        return imported(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)


@pytest.mark.parametrize("version", [2, 3])
class TestZarr:
    @pytest.fixture
    def store(self, tmp_path: Path, version: int) -> Path:
        pytest.importorskip("zarr")
        return write_zarr(tmp_path / "model.zarr", on_pressure(), version)

    def test_holds_the_same_as_netcdf(self, store: Path, tmp_path: Path) -> None:
        source = readers.read_source(str(store))
        assert (source.row.reader, source.row.message) == ("model_columns", "")
        assert len(source.row.fingerprint) == 32
        expected = columns_of(write(tmp_path / "model.nc", on_pressure()))
        assert len(source.profiles) == len(expected) == 40
        for profile, other in zip(source.profiles, expected, strict=True):
            for name in LEVEL_VARIABLES:
                np.testing.assert_array_equal(getattr(profile, name), getattr(other, name))
            assert (profile.time, profile.station_id) == (other.time, other.station_id)

    def test_what_lacks_temperature_says_so(self, tmp_path: Path, version: int) -> None:
        store = write_zarr(tmp_path / "model.zarr", without(on_pressure(), "t"), version)
        message = readers.read_source(str(store)).row.message
        assert "no variable is known as air temperature" in message

    def test_a_changed_chunk_is_damage_in_words_or_other_values(
        self, store: Path, version: int
    ) -> None:
        chunks = [path for path in (store / "t").rglob("*") if path.is_file()]
        chunk = next(path for path in chunks if path.suffix != ".json" and path.name[0] != ".")
        chunk.write_bytes(chunk.read_bytes()[:50])
        row = readers.read_source(str(store)).row
        assert row.status is SourceStatus.UNREADABLE
        assert "t cannot be read" in row.message

    def test_damaged_metadata_are_said(self, store: Path, version: int) -> None:
        name = "zarr.json" if version == 3 else ".zarray"
        (store / "t" / name).write_text("{")
        assert "zarr cannot open it" in readers.read_source(str(store)).row.message

    def test_larger_than_a_source_may_be_is_refused(self, store: Path, version: int) -> None:
        row = readers.read_source(str(store), limits=Limits(file_size=1e-4)).row
        assert "where a Zarr store may have" in row.message

    def test_without_zarr_it_says_what_to_install(self, store: Path, monkeypatch) -> None:
        _without_module(monkeypatch, "zarr")
        message = readers.read_source(str(store)).row.message
        assert "pip install 'sounding-pipeline[zarr]'" in message


class Trap:
    """What, unpickled, runs a program."""

    def __reduce__(self) -> Any:
        return (print, ("a program ran",))


def test_pickled_objects_in_a_store_are_never_loaded(tmp_path: Path, capsys) -> None:
    store = write_zarr(tmp_path / "model.zarr", on_pressure(), 2)
    about = {
        "chunks": [4], "compressor": None, "dtype": "|O", "fill_value": None,
        "filters": [{"id": "pickle", "protocol": 5}], "order": "C", "shape": [4], "zarr_format": 2,
    }  # fmt: skip
    (store / "latitude" / ".zarray").write_text(json.dumps(about))
    (store / "latitude" / "0").write_bytes(pickle.dumps(Trap()))
    row = readers.read_source(str(store)).row
    assert "latitude/.zarray stores pickled Python objects" in row.message
    assert "a program ran" not in capsys.readouterr().out
