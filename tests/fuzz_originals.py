"""The real files that are damaged in fuzzing, by the reader that takes them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from fuzzing import LARGEST_FILE, Original
from model_files import on_pressure
from netcdf_files import ONE, write
from netcdf_formats import aspen, gruan_rs41, gruan_rs92, mw41

from pipeline import readers
from pipeline.convert import convert
from pipeline.errors import ReadError

FIXTURES = Path(__file__).parent / "fixtures"

#: What a Wyoming CSV looks like to a reader of tables.
WYOMING_TABLE = {
    "columns": {
        "level_time": "time",
        "pressure": "pressure_hPa",
        "height": "geopotential height_m",
        "temperature": "temperature_C",
        "dewpoint": "dew point temperature_C",
        "wind_speed": "wind speed_m/s",
        "wind_direction": "wind direction_degree",
    },
    "units": {
        "pressure": "hPa", "height": "m", "temperature": "C", "dewpoint": "C", "wind_speed": "m/s",
    },
}  # fmt: skip


def originals(season: Path, folder: Path, shared: Path | None = None) -> list[Original]:
    """Return real files of every format, the project's own and, where they are, more.

    Parameters
    ----------
    season : Path
        ``data/season-2003``.
    folder : Path
        For files that are made of real ones: zips, netCDF, tables.
    shared : Path, optional
        The larger collection.
    """
    files = sorted(season.iterdir())[::10] + [one for one in FIXTURES.rglob("*") if one.is_file()]
    files += _made(season, folder)
    if shared is not None:
        more = sorted(one for one in shared.rglob("*") if one.is_file())
        sars = [one for one in more if "sars" in one.parts]
        files += [one for one in more if "sars" not in one.parts] + sars[::40]
    files = [one for one in files if 0 < one.stat().st_size <= LARGEST_FILE]
    tables = [one for one in files if one.read_bytes().startswith(b"time,longitude,latitude,pres")]
    return [Original(_reader(one), str(one)) for one in files] + [
        Original("table", str(one), WYOMING_TABLE) for one in tables
    ]


def _reader(path: Path) -> str:
    try:
        return readers.pick(path).NAME
    except ReadError:
        return ""


def _made(season: Path, folder: Path) -> list[Path]:
    """Return files of formats that a fresh clone has no real file of, made of real soundings."""
    soundings = sorted(path for path in season.iterdir() if path.name != "README.md")[:12]
    convert(soundings, folder / "ragged.nc")
    made = [folder / "ragged.nc", folder / "igra.zip", folder / "table.csv"]
    formats = ("NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA")
    made += [write(folder / f"{format}.nc", ONE, format=format) for format in formats]
    made += [make(folder / f"{make.__name__}.nc") for make in (aspen, mw41, gruan_rs92, gruan_rs41)]
    made.append(write(folder / "model.nc", on_pressure()))
    many = {
        name: ((("time", "z"), np.stack([values] * 5), about) if places else
               (("time",), np.full(5, values), about))
        for name, (places, values, about) in ONE.items()
    }  # fmt: skip
    made.append(write(folder / "many.nc", many, sizes={"time": None}, format="NETCDF3_CLASSIC"))
    with zipfile.ZipFile(folder / "igra.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(FIXTURES / "igra2" / "cases-data.txt", "cases-data.txt")
    _write_table(soundings, folder / "table.csv")
    return made


def _write_table(soundings: list[Path], path: Path) -> None:
    lines = ["station,time,pressure (hPa),height (m),temperature [degC],dewpoint_degC,u_wind_m/s"]
    for sounding in soundings:
        (profile,) = readers.read_source(str(sounding)).profiles
        columns = (profile.pressure, profile.height, profile.temperature, profile.dewpoint)
        for row in zip(*columns, profile.u_wind, strict=True):
            values = ",".join("" if np.isnan(value) else f"{value:.2f}" for value in row)
            lines.append(f"{profile.station_id},{profile.time},{values}")
    path.write_text("\n".join(lines) + "\n")
