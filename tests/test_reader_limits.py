"""Archives and netCDF files that claim or unpack to more than can be meant, or are damaged."""

from __future__ import annotations

import struct
import time
import warnings
import zipfile
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from netcdf_files import ONE, PRESSURE, TEMPERATURE, TIME, write

from pipeline import readers
from pipeline.flags import SourceStatus
from pipeline.readers import _hdf5_heaps
from pipeline.readers.limits import Limits

FIXTURES = Path(__file__).parent / "fixtures"
IGRA = (FIXTURES / "igra2" / "cases-data.txt").read_bytes()


def refusal(path: Path, format: str = "auto", limits: Limits | None = None) -> str:
    """Return why a file is refused, after checking that it is, and soon."""
    started = time.process_time()
    row = readers.read_source(str(path), format, limits=limits or Limits()).row
    assert time.process_time() - started < 3
    assert row.status is SourceStatus.UNREADABLE, row
    return row.message


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as made:
        warnings.simplefilter("ignore")  # that a name is there twice
        for name, content in members.items():
            made.writestr(name, content)
    return path


class TestArchives:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "igra.zip"

    @pytest.mark.parametrize(
        ("limits", "said"),
        [
            (Limits(), "more than 200 times its size"),
            (Limits(unpacked_ratio=1e6, unpacked_size=20.0), "more than 20 MB"),
        ],
    )
    def test_a_bomb_is_counted_while_it_unpacks(self, path: Path, limits, said) -> None:
        rows = IGRA.split(b"\n")[1] + b"\n"
        header = IGRA.split(b"\n")[0] + b"\n"
        archive(path, {"a.txt": header + rows * 1_000_000})
        assert path.stat().st_size < 200_000
        assert said in refusal(path, limits=limits)

    def test_what_an_archive_says_about_its_sizes_is_not_believed(self, path: Path) -> None:
        header = IGRA.split(b"\n")[0] + b"\n"
        archive(path, {"a.txt": header + b"0" * 50_000_000})
        true, false = struct.pack("<L", len(header) + 50_000_000), struct.pack("<L", 1000)
        assert path.read_bytes().count(true) == 2
        path.write_bytes(path.read_bytes().replace(true, false))
        assert refusal(path)

    def test_real_archives_grow_far_less_than_the_limit(self, path: Path) -> None:
        archive(path, {"a.txt": IGRA, "notes/readme.txt": b"read me"})
        source = readers.read_source(str(path), limits=Limits(unpacked_ratio=20))
        assert (source.row.reader, len(source.profiles)) == ("igra2", 7)

    def test_more_files_than_the_limit_are_refused(self, path: Path) -> None:
        archive(path, {f"{number}.txt": IGRA for number in range(4)})
        assert "holds 4 files, more than 3" in refusal(path, limits=Limits(members=3))

    def test_a_table_of_contents_too_long_is_not_taken_in(self, path: Path) -> None:
        archive(path, {"x" * 60_000 + str(number): b"" for number in range(20)})
        assert "table of contents has 12" in refusal(path, limits=Limits(members=30))

    @pytest.mark.parametrize(
        "name", ["../a.txt", "a/../../b.txt", "/etc/passwd", "C:\\a.txt", "..\\a.txt"]
    )
    def test_a_name_that_leads_outside_is_refused(self, path: Path, name: str) -> None:
        with zipfile.ZipFile(path, "w") as made:
            made.writestr(zipfile.ZipInfo("placeholder"), IGRA)
        # Written by hand, since zipfile cleans the names that it writes.
        content = path.read_bytes().replace(b"placeholder", name.ljust(11, "_").encode()[:11])
        path.write_bytes(content)
        assert "leads outside" in refusal(path)
        assert "leads outside" in refusal(path, "igra2")

    def test_two_files_of_one_name_are_refused(self, path: Path) -> None:
        archive(path, {"a.txt": IGRA, "b.txt": IGRA})
        path.write_bytes(path.read_bytes().replace(b"b.txt", b"a.txt"))
        assert "two files in the zip archive have the name 'a.txt'" in refusal(path)

    def test_an_archive_in_an_archive_is_not_followed(self, path: Path, tmp_path: Path) -> None:
        inner = archive(tmp_path / "inner.zip", {"a.txt": IGRA})
        archive(path, {"inner.zip": inner.read_bytes()})
        assert "a zip archive with another one in it; unpack it first" in refusal(path)

    def test_an_encrypted_file_is_refused(self, path: Path) -> None:
        archive(path, {"a.txt": IGRA})
        content = bytearray(path.read_bytes())
        content[6] |= 1  # the flags in the file's own header,
        content[content.index(b"PK\1\2") + 8] |= 1  # and in the table of contents
        path.write_bytes(bytes(content))
        assert "'a.txt' in the zip archive is encrypted" in refusal(path)

    def test_a_link_is_refused(self, path: Path) -> None:
        link = zipfile.ZipInfo("a.txt")
        link.external_attr = 0o120777 << 16
        with zipfile.ZipFile(path, "w") as made:
            made.writestr(link, "/etc/passwd")
        assert "is a link, not a file" in refusal(path)

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_methods_that_unpack_without_bound_are_refused(self, path: Path, method: int) -> None:
        archive(path, {"a.txt": IGRA}, method)
        assert "by another method than deflate" in refusal(path)

    @pytest.mark.parametrize("part", [b"PK\1\2", b"PK\5\6", b"a.txt"])
    def test_a_damaged_table_of_contents_is_told(self, path: Path, part: bytes) -> None:
        archive(path, {"a.txt": IGRA})
        content = path.read_bytes()
        place = content.rindex(part)
        path.write_bytes(content[:place] + bytes(5) + content[place + 5 :])
        assert "zip archive" in refusal(path, "igra2")

    def test_a_file_without_a_name_is_damage(self, path: Path) -> None:
        """Found by fuzzing: Python's zipfile raises IndexError for it."""
        archive(path, {"a": IGRA})
        content = bytearray(path.read_bytes())
        place = content.index(b"PK\1\2")
        content[place + 28], content[place + 30] = 0, 1  # length of the name, and what follows it
        path.write_bytes(bytes(content))
        assert "zip archive" in refusal(path, "igra2")


class TestIgraCounts:
    def test_rows_beyond_what_a_header_can_announce_are_counted_not_kept(self, tmp_path) -> None:
        header, row = IGRA.split(b"\n")[:2]
        path = tmp_path / "data.txt"
        path.write_bytes(header + b"\n" + (row + b"\n") * 300_000 + b"\n\n" + IGRA)
        source = readers.read_source(str(path))
        assert "announces 5 levels and 300000 follow" in source.profiles[0].problem
        assert len(source.profiles) == 8


# ------------------------------------------------------------------------------------------ netCDF


def absurd(path: Path, sizes: dict[str, int], shape: tuple[str, ...]) -> Path:
    """Write a netCDF file of a few kB that announces any number of values, none of them there."""
    with netCDF4.Dataset(path, "w") as dataset:
        for name, size in sizes.items():
            dataset.createDimension(name, size)
        for name, about in {"p": PRESSURE, "ta": TEMPERATURE}.items():
            chunks = tuple(min(100, sizes[one]) for one in shape)
            variable = dataset.createVariable(name, "f8", shape, chunksizes=chunks, zlib=True)
            variable.setncatts(about)
    assert path.stat().st_size < 100_000
    return path


class TestNetcdfCounts:
    @pytest.mark.parametrize(
        ("sizes", "said"),
        [
            ({"z": 10**12}, "more than 1000000 levels in one sounding"),
            ({"n": 10**12, "z": 10}, "more than 250000 soundings in one file"),
            ({"n": 200_000, "z": 1_000_000}, "announce 3200000 MB of values in a file of"),
        ],
    )
    @pytest.mark.parametrize("format", ["auto", "profile_netcdf"])
    def test_absurd_dimensions_are_refused_before_anything_is_read(
        self, tmp_path: Path, sizes: dict[str, int], said: str, format: str
    ) -> None:
        path = absurd(tmp_path / "absurd.nc", sizes, tuple(sizes))
        assert said in refusal(path, format)

    def test_a_variable_beside_the_levels_is_not_read_without_looking_either(
        self, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "one.nc", {name: ONE[name] for name in ("p", "ta")})
        with netCDF4.Dataset(path, "a") as dataset:
            dataset.createDimension("many", 10**12)
            time = dataset.createVariable("t", "f8", ("many",), chunksizes=(100,))
            time.setncatts(TIME)
        assert "(t) announce 8000000 MB of values" in refusal(path)

    @pytest.mark.parametrize("counts", [[2**62, 2**62, 2**62, 2**62 + 3], [2**40, 3], [-1, 4]])
    def test_counts_of_a_ragged_file_that_overflow_to_the_right_sum_are_refused(
        self, tmp_path: Path, counts: list[int]
    ) -> None:
        about = {"sample_dimension": "z"}
        variables = {name: ONE[name] for name in ("p", "ta")}
        path = write(tmp_path / "r.nc", {**variables, "n": (("profile",), np.array(counts), about)})
        assert "the file is damaged or was cut" in refusal(path)

    def test_levels_of_one_profile_of_a_ragged_file_are_limited(self, tmp_path: Path) -> None:
        variables = {name: ONE[name] for name in ("p", "ta")}
        counts = (("profile",), np.array([3]), {"sample_dimension": "z"})
        path = write(tmp_path / "r.nc", {**variables, "n": counts})
        assert "more than 2 levels" in refusal(path, limits=Limits(levels=2))
        assert readers.read_source(str(path)).row.profiles == 1

    def test_a_classic_header_of_countless_dimensions_is_damage(self, tmp_path: Path) -> None:
        """The product of a million large sizes alone would take minutes."""
        path = tmp_path / "classic.nc"
        number = struct.Struct(">I").pack
        name = number(1) + b"x\0\0\0"
        path.write_bytes(
            b"CDF\1" + number(0) + number(10) + number(1) + name + number(2**32 - 2)
            + number(0) + number(0) + number(11) + number(1) + name
            + number(1_000_000) + number(0) * 1_000_000 + bytes(100)
        )  # fmt: skip
        assert "its header makes no sense" in refusal(path)


class TestHeaps:
    """Found by fuzzing: in a heap without an end the HDF5 library goes round for ever."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        names = (("place",), ["Payerne"], {"standard_name": "platform_name"})
        return write(tmp_path / "text.nc", {**ONE, "name": names})

    def test_a_heap_as_it_should_be_is_read(self, path: Path) -> None:
        assert b"GCOL\1\0\0\0" in path.read_bytes()
        assert readers.read_source(str(path)).profiles[0].station_name == "Payerne"

    @pytest.mark.timeout(20)
    @pytest.mark.parametrize("size", [2**64 - 16, 2**64 - 1, 2**32, 10**18])
    @pytest.mark.parametrize("place", [8, 16 + 8])  # of the heap's size, of its first value's
    def test_sizes_that_lead_nowhere_are_damage(self, path: Path, place: int, size: int) -> None:
        content = bytearray(path.read_bytes())
        at = content.index(b"GCOL") + place
        content[at : at + 8] = size.to_bytes(8, "little")
        path.write_bytes(content)
        for format in ("auto", "profile_netcdf"):
            assert "its heap at byte" in refusal(path, format)

    def test_a_signature_across_two_chunks_is_found(self, path: Path, monkeypatch) -> None:
        for chunk in (9, 10, 11, 64):
            monkeypatch.setattr(_hdf5_heaps, "_CHUNK", chunk)
            with path.open("rb") as file:
                assert list(_hdf5_heaps._places(file)) == [path.read_bytes().index(b"GCOL")]


class TestNetcdfAttributes:
    """Found by fuzzing: attributes of another kind than they should be."""

    @pytest.mark.parametrize(
        "name",
        ["standard_name", "units", "sample_dimension", "instance_dimension", "cf_role"],
    )
    @pytest.mark.parametrize("value", [np.array([1.0, 2.0]), 7, "", "nowhere"])
    def test_any_value_of_any_attribute_gives_a_sounding_or_a_reason(
        self, tmp_path: Path, name: str, value: object
    ) -> None:
        path = write(tmp_path / "one.nc", ONE)
        with netCDF4.Dataset(path, "a") as dataset:
            for variable in dataset.variables.values():
                variable.setncattr(name, value)
        for format in ("auto", "profile_netcdf"):
            row = readers.read_source(str(path), format).row
            assert row.status in (SourceStatus.READ, SourceStatus.UNREADABLE), row.message

    @pytest.mark.parametrize("hours", [1e300, -1e300, 1e18, float("inf")])
    def test_a_time_beyond_all_calendars_is_refused_or_missing(self, tmp_path, hours) -> None:
        path = write(tmp_path / "one.nc", {**ONE, "t": ((), hours, TIME)})
        row = readers.read_source(str(path), "profile_netcdf").row
        assert row.status in (SourceStatus.READ, SourceStatus.UNREADABLE), row.message

    @pytest.mark.parametrize(
        "attributes",
        [
            {"bit_0_assessment": "Bad"},
            {"bit_999999999999_assessment": "Bad"},
            {"flag_assessments": "Bad Good", "flag_masks": "1 2"},
            {"flag_assessments": "Bad", "flag_masks": np.uint64(2**64 - 1)},
            {"flag_assessments": "Bad", "flag_values": 1.5},
        ],
    )
    def test_checks_of_arm_that_make_no_sense_are_not_followed(self, tmp_path, attributes) -> None:
        path = write(tmp_path / "one.nc", {**ONE, "qc_ta": (("z",), [0, 1, 2], attributes)})
        source = readers.read_source(str(path))
        assert source.row.status is SourceStatus.READ, source.row.message
        assert source.profiles[0].temperature.tolist() == [20.0, 15.0, 10.0]


def test_a_station_of_infinite_height_has_none(tmp_path: Path) -> None:
    """Found by fuzzing: a number of 400 digits in a Wyoming list's indices."""
    path = tmp_path / "list.txt"
    table = (FIXTURES / "wyoming_text" / "03005-two-soundings.txt").read_text()
    path.write_text(f"{table}\nStation elevation: {'9' * 400}\n")
    altitude = readers.read_source(str(path)).profiles[-1].surface_altitude
    assert np.isnan(altitude)


def test_a_character_of_five_thousand_digits_in_a_page_is_left_out(tmp_path: Path) -> None:
    """Python refuses to read such a number: html.unescape raises ValueError."""
    page = (FIXTURES / "wyoming_html" / "new-layout.html").read_text()
    path = tmp_path / "page.html"
    path.write_text(f"{page}&#{'9' * 5000};&#x{'f' * 5000};")
    source = readers.read_source(str(path))
    assert (source.row.status, len(source.profiles)) == (SourceStatus.READ, 1)
