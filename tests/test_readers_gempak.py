"""GEMPAK sounding files, against GEMPAK's own listing of them and files made by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import gempak_files as made
import numpy as np
import pandas as pd
import pytest

from pipeline.errors import ReadError
from pipeline.profiles import Profile
from pipeline.readers import gempak
from pipeline.readers.limits import Limits, in_force

FIXTURE = Path(__file__).parent / "fixtures" / "gempak" / "two-stations.snd"
TEN_KNOTS = 5.144444  # m s-1, 1852 m an hour

#: File: the levels of its soundings, by station.
SHARED = {
    "gem_merged_nopack": {"FWD": 136, "OUN": 92, "AMA": 140},
    "gem_model_mrg": {"KMSN": 50},
    "gem_sigw_hght_unmrg": {"TOP": 125},
    "gem_sigw_pres_unmrg": {"WAML": 92},
    "gem_sigw_pres_unmrg_man_bgl": {"10548": 119},
}
#: Which of them GEMPAK listed, its time, and where GEMPAK's table of stations has it.
LISTED = {
    "gem_merged_nopack": ("OUN", "2021-01-20T00:00:00", 35.21, -97.45, 357.0),
    "gem_model_mrg": ("KMSN", "2020-11-01T22:00:00", 43.13, -89.33, 284.0),
    "gem_sigw_hght_unmrg": ("TOP", "2020-11-07T00:00:00", 39.07, -95.62, 270.0),
    "gem_sigw_pres_unmrg": ("WAML", "2020-11-07T00:00:00", -0.68, 119.73, 6.0),
    "gem_sigw_pres_unmrg_man_bgl": ("10548", "2021-08-23T00:00:00", 50.56, 10.38, 453.0),
}
#: The listing rounds to hundredths; heights and pressures between reports are interpolated in
#: another order of steps than GEMPAK's.
TOLERANCES = {"HGHT": 0.08, "PRES": 0.0051}


def read(path: Path) -> list[Profile]:
    return list(gempak.read(path, {}))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "made.snd"
    path.write_bytes(content)
    return path


def patched(content: bytes, word: int, value: int | float) -> bytes:
    """Return a file with another word, counted from 1 as GEMPAK's pointers do."""
    new = struct.pack("<i" if isinstance(value, int) else "<f", value)
    return content[: 4 * (word - 1)] + new + content[4 * word :]


# ------------------------------------------------------------------------------------- real files


@pytest.mark.parametrize("name", SHARED)
def test_soundings_and_levels_of_every_real_file(shared_data: Path, name: str) -> None:
    profiles = read(shared_data / "gempak" / f"{name}.snd")
    assert {profile.station_id: len(profile) for profile in profiles} == SHARED[name]
    assert {profile.problem for profile in profiles} == {""}


def test_every_real_file_is_in_this_table(shared_data: Path) -> None:
    assert {path.stem for path in (shared_data / "gempak").iterdir()} == SHARED.keys()


@pytest.mark.parametrize("name", LISTED)
def test_the_numbers_are_those_that_gempak_lists(shared_data: Path, name: str) -> None:
    folder = shared_data / "gempak"
    station, time, latitude, longitude, altitude = LISTED[name]
    (profile,) = [one for one in read(folder / f"{name}.snd") if one.station_id == station]
    listing = pd.read_csv(folder / f"{name}.csv", na_values=[-9999.0])
    listing = listing.rename(columns={"TMPC": "TEMP", "DWPC": "DWPT"})
    angle = np.radians(listing.DRCT)
    expected = {
        "PRES": (profile.pressure, listing.PRES),
        "TEMP": (profile.temperature, listing.TEMP),
        "DWPT": (profile.dewpoint, listing.DWPT),
        "HGHT": (profile.height, listing.HGHT),
        "eastward": (profile.u_wind, -listing.SPED * np.sin(angle)),
        "northward": (profile.v_wind, -listing.SPED * np.cos(angle)),
    }
    for column, (values, listed) in expected.items():
        assert np.isfinite(listed).sum() > 30
        np.testing.assert_allclose(
            values, listed, rtol=0, atol=TOLERANCES.get(column, 0.01), err_msg=column
        )
    assert str(profile.time) == time
    assert (profile.latitude, profile.longitude) == (latitude, longitude)
    assert profile.surface_altitude == altitude


def test_omega_of_a_model_rides_along_and_what_else_it_has_is_named(shared_data: Path) -> None:
    folder = shared_data / "gempak"
    (profile,) = read(folder / "gem_model_mrg.snd")
    listing = pd.read_csv(folder / "gem_model_mrg.csv")
    np.testing.assert_allclose(profile.extras["omega"].values, listing.OMEG, atol=1e-6)
    assert profile.extras["omega"].units == "Pa s-1"
    assert "left out: TKEL" in profile.notes


def test_it_is_said_that_parts_were_put_together(shared_data: Path) -> None:
    (profile,) = read(shared_data / "gempak" / "gem_sigw_hght_unmrg.snd")
    (note,) = [note for note in profile.notes if "MetPy" in note]
    assert note.startswith("put together from TTAA, TRPA, TTBB, PPBB, TTCC, MXWC, TTDD, PPDD by")


# --------------------------------------------------------------------------------- made by hand


def test_the_fixture_is_what_is_made_here() -> None:
    assert FIXTURE.read_bytes() == made.merged()


@pytest.mark.parametrize("order", ["<", ">"])
def test_times_stations_units_and_missing_values(tmp_path: Path, order: str) -> None:
    noon, midnight, abroad = read(written(tmp_path, made.merged(order=order)))
    assert [noon.station_id, midnight.station_id, abroad.station_id] == ["OUN", "OUN", "10393"]
    assert str(noon.time) == "1999-05-03T12:00:00"
    assert {str(midnight.time), str(abroad.time)} == {"1999-05-04T00:00:00"}
    assert (noon.latitude, noon.longitude, noon.surface_altitude) == (35.18, -97.44, 345.0)
    assert (abroad.latitude, abroad.longitude, abroad.surface_altitude) == (52.21, 14.12, 112.0)
    assert noon.pressure.tolist() == [1000.0, 850.0, 500.0]
    assert noon.temperature.tolist() == [25.0, 15.0, -10.0]
    assert noon.height.tolist() == [100.0, 1500.0, 5800.0]
    assert noon.dewpoint[:2].tolist() == [20.0, 10.0]
    assert np.isnan([noon.dewpoint[2], noon.u_wind[2]]).all()
    # SKNT: 10 knots from 180 degrees, 20 from 270
    assert noon.u_wind[:2] == pytest.approx([0, 2 * TEN_KNOTS], abs=1e-5)
    assert noon.v_wind[:2] == pytest.approx([TEN_KNOTS, 0], abs=1e-5)
    assert noon.derived == {"u_wind", "v_wind"}
    assert (len(midnight), len(abroad)) == (2, 2)


def test_other_names_for_the_same_are_in_their_own_units(tmp_path: Path) -> None:
    names = ("PRES", "TMPK", "DWPF", "UKNT", "VWND", "HGHT", "SKYC")
    levels = [(1000.0, 293.15, 50.0, 10.0, 3.0, 100.0, 4.0)]
    content = made.merged(parts={"SNDT": names}, soundings={(0, 0): {"SNDT": levels}})
    (profile,) = read(written(tmp_path, content))
    assert profile.temperature == pytest.approx([20.0], abs=1e-4)
    assert profile.dewpoint == pytest.approx([10.0], abs=1e-4)
    assert profile.u_wind == pytest.approx([TEN_KNOTS], abs=1e-5)
    assert profile.v_wind.tolist() == [3.0]
    assert profile.notes == ("left out: SKYC",)


def test_dewpoint_from_relative_humidity_is_said_to_be_derived(tmp_path: Path) -> None:
    names, levels = ("PRES", "TMPC", "RELH"), [(1000.0, 20.0, 100.0)]
    content = made.merged(parts={"SNDT": names}, soundings={(0, 0): {"SNDT": levels}})
    (profile,) = read(written(tmp_path, content))
    assert profile.dewpoint == pytest.approx([20.0], abs=0.05)
    assert "dewpoint" in profile.derived


def test_years_of_two_digits_are_not_in_the_future(tmp_path: Path) -> None:
    first, *_ = read(written(tmp_path, made.merged(times=[(570101, 0), (570102, 0)])))
    assert str(first.time) == "1957-01-01T00:00:00"


def test_a_station_without_position_or_number_has_none(tmp_path: Path) -> None:
    content = made.merged(stations=[("", -9999, -9999, -9999, -9999), made.NORMAN])
    first, *_ = read(written(tmp_path, content))
    assert first.station_id == ""
    assert np.isnan([first.latitude, first.longitude, first.surface_altitude]).all()


def test_a_file_of_times_and_stations_without_soundings_has_none(tmp_path: Path) -> None:
    assert read(written(tmp_path, made.merged(soundings={}))) == []


def test_a_sounding_without_its_first_part_is_named(tmp_path: Path) -> None:
    """MetPy passes over soundings that have winds only."""
    content = made.unmerged({"PPBB": [(900.0, 200.0, 5.0), (800.0, 200.0, 5.0)]})
    (profile,) = read(written(tmp_path, content))
    assert (profile.station_id, profile.problem) == ("OUN", "has PPBB but no TTAA")


def test_significant_levels_are_put_between_mandatory_ones(tmp_path: Path) -> None:
    missing = made.MISSING
    mandatory = [
        (965.0, 25.0, 20.0, 180.0, 5.0, missing),
        (850.0, 15.0, 10.0, 200.0, 10.0, 1500.0),
        (700.0, 5.0, 0.0, 220.0, 20.0, 3100.0),
    ]
    content = made.unmerged({"TTAA": mandatory, "TTBB": [(965.0, 25.0, 20.0), (800.0, 13.0, 2.0)]})
    (profile,) = read(written(tmp_path, content))
    assert profile.pressure.tolist() == [965.0, 850.0, 800.0, 700.0]
    assert profile.temperature.tolist() == [25.0, 15.0, 13.0, 5.0]
    assert profile.height[[0, 1, 3]].tolist() == [345.0, 1500.0, 3100.0]  # SELV at the surface
    assert 1900 < profile.height[2] < 2200


# -------------------------------------------------------------------------------------- damage

HEADER = {  # places of the header's words, from gemprm.h
    "version": 8, "rows": 11, "row_keys": 12, "row_headers": 14, "columns": 15,
    "column_keys": 16, "parts": 19, "part_names": 20, "data": 23, "missing": 31,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("version", 7, "a damaged GEMPAK file"),
        ("rows", 2**31 - 1, "times 2 stations"),
        ("rows", 0, "it says 0 times"),
        ("rows", 5000, "row headers lie outside"),
        ("columns", 2**31 - 1, "2147483647 stations"),
        ("columns", -1, "-1 stations"),
        ("row_keys", 2**31 - 1, "2147483647 row keys"),
        ("column_keys", -5, "-5 column keys"),
        ("parts", 2**31 - 1, "2147483647 parts"),
        ("row_headers", 2**31 - 1, "row headers lie outside"),
        ("part_names", -3, "parts lie outside"),
        ("data", 2**31 - 1, "pointers to the data lie outside"),
        ("missing", -999.0, "-999 for missing values"),
    ],
)
def test_a_header_that_cannot_be_is_refused(
    tmp_path: Path, name: str, value: int | float, words: str
) -> None:
    path = written(tmp_path, patched(made.merged(), HEADER[name], value))
    with pytest.raises(ReadError, match=words):
        read(path)


def header_word(content: bytes, name: str) -> int:
    return int(struct.unpack_from("<i", content, 4 * (HEADER[name] - 1))[0])


def test_a_pointer_into_nothing_costs_its_sounding_alone(tmp_path: Path) -> None:
    content = made.merged()
    broken = patched(content, header_word(content, "data"), 2**31 - 1)
    first, *others = read(written(tmp_path, broken))
    assert first.problem.startswith("MetPy cannot unpack it: ")
    assert (first.station_id, len(first)) == ("OUN", 0)
    assert [(one.problem, len(one)) for one in others] == [("", 2), ("", 2)]


def test_soundings_that_overlap_are_refused(tmp_path: Path) -> None:
    """One long sounding under many pointers would take more memory than its file."""
    content = made.merged(
        soundings={(0, 0): {"SNDT": made.LEVELS * 60}, (0, 1): {"SNDT": made.LEVELS}}
    )
    at = header_word(content, "data")
    (first,) = struct.unpack_from("<i", content, 4 * (at - 1))
    with pytest.raises(ReadError, match="soundings overlap"):
        read(written(tmp_path, patched(content, at + 1, first)))


def test_a_packing_with_endless_numbers_is_refused(tmp_path: Path) -> None:
    """Ten to the power of a scale of 2 ** 31 would be computed for days."""
    content = made.merged()
    about = header_word(content, "part_names")
    names = len(made.MERGED)
    packed = patched(content, about + 2, 4)  # the data type of packed numbers
    with pytest.raises(ReadError, match="no or more than 32 bits"):
        read(written(tmp_path, packed))
    with pytest.raises(ReadError, match="scales beyond all numbers"):
        read(written(tmp_path, patched(packed, about + 4 + names, 2**31 - 1)))


def test_a_deleted_time_is_refused_since_metpy_would_mix_up_the_others(tmp_path: Path) -> None:
    content = made.merged()
    deleted = patched(content, header_word(content, "row_headers"), -9999)
    with pytest.raises(ReadError, match="a time was deleted from the GEMPAK file"):
        read(written(tmp_path, deleted))


def test_unused_times_at_the_end_are_no_matter(tmp_path: Path) -> None:
    content = made.merged(soundings={(0, 0): {"SNDT": made.LEVELS}})
    unused = patched(content, header_word(content, "row_headers") + 3, -9999)
    (profile,) = read(written(tmp_path, unused))
    assert len(profile) == 3


def test_too_many_levels_are_refused(tmp_path: Path) -> None:
    with in_force(Limits(levels=2)):
        problems = [profile.problem for profile in read(FIXTURE)]
    assert problems[0].startswith("more than 2 levels in one sounding")
    assert problems[1:] == ["", ""]
    endless = made.unmerged({"TTAA": [(1000.0, 1.0, 1.0, 1.0, 1.0, 1.0)] * 400})
    (profile,) = read(written(tmp_path, endless))
    assert profile.problem == "2401 numbers in one part of a TEMP report: damaged"


def test_a_file_cut_short_is_refused_or_loses_what_is_cut(tmp_path: Path) -> None:
    content = made.merged()
    data = 4 * (header_word(content, "data") + 3)  # behind the pointers, data begin
    for length in range(32, len(content), 4):
        path = written(tmp_path, content[:length])
        if length < data:
            with pytest.raises(ReadError):
                read(path)
        else:
            problems = [profile.problem for profile in read(path)]
            assert len(problems) == 3
            assert problems[-1] != ""


# ------------------------------------------------------------------------------------- sniffing


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (made.merged(), None),
        (made.merged(order=">"), None),
        (made.merged(kind=1), "a GEMPAK surface file: only sounding files are read"),
        (made.merged(kind=3, order=">"), "a GEMPAK grid file: only sounding files are read"),
        (made.merged(kind=9), "a damaged GEMPAK file: neither surface nor sounding nor grid"),
        (made.merged()[:40], "a damaged GEMPAK file: neither surface nor sounding nor grid"),
        (b"%TITLE%", "does not begin with GEMPAK DATA MANAGEMENT FILE"),
    ],
)
def test_it_is_known_by_its_first_bytes(head: bytes, reason: str | None, tmp_path: Path) -> None:
    assert gempak.sniff(head, Path("a")) == reason
    if reason is not None:
        with pytest.raises(ReadError, match=reason):
            read(written(tmp_path, head))
