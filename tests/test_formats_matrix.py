"""Any mix of formats through `convert` and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from model_files import on_pressure
from netcdf_files import ONE, write
from netcdf_formats import aspen, gruan_rs41, gruan_rs92, mw41

from pipeline import readers
from pipeline.convert import convert
from pipeline.profiles import LEVEL_VARIABLES, Profile

FIXTURES = Path(__file__).parent / "fixtures"

TABLE = (
    "station,time,pressure (hPa),temperature [K],wind speed_knots,wind direction\n"
    "06610,2003-05-04T00:00,1000,293.15,10,270\n"
    "06610,2003-05-04T00:00,925,288.15,20,180\n"
    "03005,2003-05-04T12:00,990,283.15,x,0\n"
)


@pytest.fixture
def mix(tmp_path: Path) -> list[Path]:
    """Files of every format: the text readers' fixtures, a netCDF and a table."""
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    texts = [path for path in FIXTURES.rglob("*") if path.is_file()]
    made = [
        make(tmp_path / f"{make.__name__}.nc") for make in (aspen, mw41, gruan_rs92, gruan_rs41)
    ]
    made.append(write(tmp_path / "model.nc", on_pressure()))
    return [*texts, *made, write(tmp_path / "one.nc", ONE), table]


def same(one: Profile, other: Profile) -> bool:
    """Return whether two profiles say the same, bit for bit."""
    places = ("latitude", "longitude", "surface_altitude")
    return (
        one.station_id == other.station_id
        and one.station_name == other.station_name
        and all(
            np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
            for name in (*LEVEL_VARIABLES, *places, "time")
        )
    )


def test_any_mix_of_formats_comes_back_out_of_convert_as_it_was_read(
    mix: list[Path], tmp_path: Path
) -> None:
    sources = [readers.read_source(str(path)) for path in mix]
    read = [profile for source in sources for profile in source.profiles]
    assert {source.row.reader for source in sources} == set(readers.BUILT_IN)

    convert(mix, tmp_path / "out.nc")

    back = readers.read_source(str(tmp_path / "out.nc"))
    assert (back.row.reader, back.row.message) == ("profile_netcdf", "")
    remaining = list(back.profiles)
    for profile in read:
        found = [index for index, other in enumerate(remaining) if same(profile, other)]
        assert found, f"{profile.station_id} {profile.time} is not in the output"
        del remaining[found[0]]
    assert remaining == []


def test_what_formats_report_beyond_the_six_comes_back_too(tmp_path: Path) -> None:
    humidity = {"standard_name": "relative_humidity", "units": "1"}
    path = write(tmp_path / "one.nc", {**ONE, "rh": (("z",), [0.7, np.nan, 0.5], humidity)})
    convert([path], tmp_path / "out.nc")
    (profile,) = readers.read_source(str(tmp_path / "out.nc")).profiles
    extra = profile.extras["reported_relative_humidity"]
    np.testing.assert_allclose(extra.values, [70, np.nan, 50], rtol=1e-12)
    assert extra.units == "percent"
