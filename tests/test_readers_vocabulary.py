"""What rides along with soundings is called the same in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline import ragged, readers
from pipeline.config import Quality
from pipeline.quality import clean
from pipeline.readers import eol_cls, parquet
from pipeline.readers._riding import VOCABULARY, drifted, riding
from pipeline.writers import igra2

ASCENTS = Path(__file__).parent / "fixtures" / "eol_cls" / "five-soundings.cls"
FOLDERS = (
    *("aspen_netcdf", "avaps", "bufkit", "bufr", "gempak", "gsd_text", "iem_json", "igra2"),
    *("mw41_netcdf", "parquet", "wyoming_csv", "wyoming_html", "wyoming_text"),
)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_real_file_speaks_one_language(shared_data: Path, folder: str) -> None:
    for path in sorted((shared_data / folder).iterdir()):
        for profile in readers.read_source(str(path)).profiles:
            for name, extra in profile.extras.items():
                if folder == "igra2" and name.endswith("_flag"):
                    continue
                assert (extra.units, extra.long_name) == VOCABULARY[name]


def test_a_word_is_in_units_that_the_output_can_have() -> None:
    """`reported_` only where the six variables have it, too."""
    assert {units for units, _ in VOCABULARY.values()} <= {
        *("1", "s", "m", "m s-1", "Pa s-1", "degree", "degrees_north", "degrees_east"),
        *("percent", "g kg-1", "degC", "K"),
    }


def test_a_verdict_of_ncar_is_not_written_as_one_of_igra(tmp_path: Path) -> None:
    """NCAR/EOL's 2 says maybe, IGRA's B (2) that both tiers of checks were passed."""
    profiles = [one for one in eol_cls.read(ASCENTS, {}) if "pressure_quality" in one.extras]
    assert any((one.extras["pressure_quality"].values == 2).any() for one in profiles)
    season = ragged.to_dataset([clean(one, Quality()) for one in profiles], [])
    igra2.write(season, tmp_path / "x.txt")
    rows = [row for row in (tmp_path / "x.txt").read_text().splitlines() if row[0] != "#"]
    assert rows
    assert {row[15] + row[21] + row[27] for row in rows} == {"   "}


def test_a_range_in_kilometres_is_one_in_metres(tmp_path: Path) -> None:
    path = tmp_path / "radar.cls"
    head, _, rows = ASCENTS.read_text().partition("------")
    names = next(line for line in head.splitlines() if line.split()[:2] == ["Time", "Press"])
    renamed = names.replace(" Ele ", " Rng ").replace(" ele ", " Rng ")
    assert renamed != names
    path.write_text(head.replace(names, renamed, 1) + "------" + rows)
    before, after = (next(iter(eol_cls.read(each, {}))).extras for each in (ASCENTS, path))
    np.testing.assert_array_equal(after["range"].values, before["elevation_angle"].values * 1000)
    assert after["range"].units == "m"


def test_a_drift_across_the_date_line(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    launch = {"YEAR": 2023, "MONTH": 4, "DAY": 19, "HOUR": 23}
    columns: dict[str, list[float]] = {
        f"LAUNCH_{part}": [value] * 2 for part, value in launch.items()
    }
    columns |= {"WMO_BLOCK": [91, 91], "WMO_STATION_NUMBER": [680, 680]}
    columns |= {"PRESSURE": [100000.0, 50000.0], "TEMPERATURE": [300.0, 270.0]}
    columns |= {"STATION_LATITUDE": [-17.75] * 2, "STATION_LONGITUDE": [179.75] * 2}
    columns |= {"DELTA_LATITUDE": [0.0, 0.25], "DELTA_LONGITUDE": [0.0, 0.5]}
    write_table(pyarrow.table(columns), tmp_path / "nadi.pq")
    (profile,) = parquet.read(tmp_path / "nadi.pq", {})
    assert profile.extras["drift_longitude"].values.tolist() == [179.75, -179.75]
    assert profile.extras["drift_latitude"].values.tolist() == [-17.75, -17.5]
    assert drifted({"latitude": 1.0, "longitude": 2.0}, {}) == riding({}) == {}
