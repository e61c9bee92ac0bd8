"""The netCDF file: exact, self-describing, the same every time, and never half of one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
from made_profiles import made, made_season, same_bits, time

from pipeline import output
from pipeline.errors import PipelineError
from pipeline.profiles import SourceRow
from pipeline.ragged import padded, select, to_dataset

PROJECT = Path(__file__).resolve().parent.parent


def write(dataset: xr.Dataset, path: Path, **attributes: Any) -> Path:
    output.write(dataset, path, attributes={"title": "A test", **attributes})
    return path


def raw(path: Path) -> netCDF4.Dataset:
    """Open a file as it is on disk, nothing masked or scaled."""
    file = netCDF4.Dataset(path)
    file.set_auto_maskandscale(False)
    return file


class TestRoundTrip:
    def test_gives_back_every_bit(self, tmp_path: Path) -> None:
        dataset = made_season()
        del dataset["relative_humidity"].attrs["comment"]  # empty attributes are left out
        back = output.read(write(dataset, tmp_path / "o.nc"))
        same_bits(back, dataset)

    def test_gives_back_awkward_values(self, tmp_path: Path) -> None:
        awkward = [-0.0, 5e-324, 1 / 3, np.nan, 1.7976931348623157e308, -999.0]
        checked = made(6, dewpoint=awkward, time=time("1752-09-02T00:00:01"))
        dataset = to_dataset([checked], [SourceRow(path="\u00e4 \u96ea.txt", message="a\nb\t'\"")])
        same_bits(output.read(write(dataset, tmp_path / "o.nc")), dataset)

    @pytest.mark.parametrize("sources", [[], [SourceRow(path="empty.txt")]])
    def test_works_without_profiles(self, tmp_path: Path, sources: list[SourceRow]) -> None:
        dataset = to_dataset([], sources)
        same_bits(output.read(write(dataset, tmp_path / "o.nc")), dataset)

    def test_does_not_change_the_dataset(self, tmp_path: Path) -> None:
        dataset = made_season()
        write(dataset, tmp_path / "o.nc")
        same_bits(dataset, made_season())

    def test_replaces_what_no_file_can_hold(self, tmp_path: Path) -> None:
        dataset = made_season()
        dataset["status_message"].values[0] = "raised by \udcff\x00"
        back = output.read(write(dataset, tmp_path / "o.nc"))
        assert back["status_message"].values[0] == "raised by \\udcff"

    def test_through_a_larger_file_holds_every_level(self, tmp_path: Path) -> None:
        checked = [made(1 + index % 97, station_id=str(index)) for index in range(3000)]
        dataset = to_dataset(checked, [])
        assert dataset.sizes["level"] > output.CHUNK_VALUES
        same_bits(output.read(write(dataset, tmp_path / "o.nc")), dataset)


class TestBytes:
    def test_are_the_same_for_the_same_content(self, tmp_path: Path) -> None:
        one = write(made_season(), tmp_path / "one.nc", history="x", creator_name="y")
        other = tmp_path / "other.nc"
        output.write(
            made_season(),
            other,
            attributes={"creator_name": "y", "history": "x", "title": "A test"},
        )
        assert one.read_bytes() == other.read_bytes()

    def test_are_the_same_after_reading(self, tmp_path: Path) -> None:
        one = write(made_season(), tmp_path / "one.nc")
        other = write(output.read(one), tmp_path / "other.nc")
        assert one.read_bytes() == other.read_bytes()

    def test_are_fewer_with_compression(self, tmp_path: Path) -> None:
        dataset = to_dataset([made(100, station_id=str(index)) for index in range(200)], [])
        output.write(dataset, tmp_path / "0.nc", attributes={}, compression=0)
        output.write(dataset, tmp_path / "4.nc", attributes={}, compression=4)
        assert (tmp_path / "4.nc").stat().st_size < (tmp_path / "0.nc").stat().st_size / 2
        same_bits(output.read(tmp_path / "0.nc"), dataset)


class TestOnDisk:
    def test_flags_have_the_type_of_their_variable(self, tmp_path: Path) -> None:
        with raw(write(made_season(), tmp_path / "o.nc")) as file:
            for name in ("status", "wind_status", "dewpoint_qc", "source_status"):
                assert file[name].dtype == file[name].flag_values.dtype == np.int8
            assert file["status_reasons"].dtype == file["status_reasons"].flag_masks.dtype
            assert file["dewpoint_qc"].flag_values.tolist() == [1, 2, 3, 4, 9]
            assert file["status"].flag_meanings == "ok suspect rejected failed not_evaluated"

    def test_missing_is_nan_and_only_where_something_can_be_missing(self, tmp_path: Path) -> None:
        with raw(write(made_season(), tmp_path / "o.nc")) as file:
            filled = {name for name in file.variables if "_FillValue" in file[name].ncattrs()}
            assert {"dewpoint", "sbcape", "time", "latitude", "longitude"} <= filled
            assert not {"pressure", "status", "row_size", "source_index", "dewpoint_qc"} & filled
            assert all(np.isnan(file[name]._FillValue) for name in filled)
            assert np.isnan(file["time"][:]).tolist() == [False, False, True]

    def test_time_counts_seconds_in_utc(self, tmp_path: Path) -> None:
        with raw(write(made_season(), tmp_path / "o.nc")) as file:
            assert file["time"].units == "seconds since 1970-01-01 00:00:00"
            assert file["time"].calendar == "standard"
            # 2003-05-09 is day 12181 since 1970-01-01: 33 years, 8 leap days, 128 days.
            assert file["time"][:2].tolist() == [-1.0, (33 * 365 + 8 + 128) * 86400.0]

    def test_everything_is_located(self, tmp_path: Path) -> None:
        with raw(write(made_season(), tmp_path / "o.nc")) as file:
            at_profile = "time latitude longitude profile_id"
            assert file["sbcape"].coordinates == at_profile
            assert file["mucape"].coordinates == f"{at_profile} mu_parcel_pressure"
            assert file["dewpoint"].coordinates == f"{at_profile} pressure"
            assert file["relative_humidity"].coordinates == f"{at_profile} pressure"
            assert file["row_size"].sample_dimension == "level"
            assert file["profile_id"].cf_role == "profile_id"

    def test_ranges_have_the_type_of_their_variable(self, tmp_path: Path) -> None:
        dataset = made_season()
        dataset["sbcape"].attrs["valid_min"] = 0
        with raw(write(dataset, tmp_path / "o.nc")) as file:
            assert file["sbcape"].getncattr("valid_min").dtype == np.float64


class TestGlobalAttributes:
    def test_say_where_and_when(self, tmp_path: Path) -> None:
        attributes = output.read(write(made_season(), tmp_path / "o.nc")).attrs
        expected = {
            "Conventions": "CF-1.11, ACDD-1.3",
            "featureType": "profile",
            "title": "A test",
            "id": "a-test",
            "standard_name_vocabulary": "CF Standard Name Table v93",
            "geospatial_lat_min": 35.18,
            "geospatial_lat_max": 46.8125,
            "geospatial_lon_min": -97.44,
            "geospatial_lon_max": 6.9427,
            "geospatial_bounds": (
                "POLYGON ((35.18 -97.44, 46.8125 -97.44, 46.8125 6.9427, 35.18 6.9427, "
                "35.18 -97.44))"
            ),
            "geospatial_vertical_min": 200.0,
            "geospatial_vertical_max": 1000.0,
            "geospatial_vertical_units": "hPa",
            "time_coverage_start": "1969-12-31T23:59:59Z",
            "time_coverage_end": "2003-05-09T00:00:00Z",
            "time_coverage_duration": "P12181DT0H0M1S",
        }
        assert {name: attributes.get(name) for name in expected} == expected
        assert {"summary", "keywords", "history", "source", "license"} <= set(attributes)
        assert "date_created" not in attributes

    def test_of_the_caller_win(self, tmp_path: Path) -> None:
        path = write(
            made_season(), tmp_path / "o.nc", history="mine", license="CC0", summary="",
            date_created="2026-01-01T00:00:00Z", geospatial_lat_min=-90.0, project="hail",
        )  # fmt: skip
        attributes = output.read(path).attrs
        assert attributes["history"] == "mine"
        assert attributes["license"] == "CC0"
        assert attributes["project"] == "hail"
        assert attributes["date_created"] == "2026-01-01T00:00:00Z"
        assert attributes["geospatial_lat_min"] == -90.0
        assert "summary" not in attributes

    def test_of_a_dataset_read_before_stay_unless_they_follow_from_the_data(
        self, tmp_path: Path
    ) -> None:
        first = output.read(write(made_season(), tmp_path / "one.nc", creator_name="Ann"))
        without = select(first, [2])
        attributes = output.read(write(without, tmp_path / "two.nc")).attrs
        assert attributes["creator_name"] == "Ann"
        assert not [name for name in attributes if name.startswith("geospatial_lat")]
        assert "time_coverage_start" not in attributes

    def test_of_one_point_are_a_point(self, tmp_path: Path) -> None:
        dataset = to_dataset([made(latitude=46.5, longitude=7.0)], [])
        attributes = output.read(write(dataset, tmp_path / "o.nc")).attrs
        assert attributes["geospatial_bounds"] == "POINT (46.5 7.0)"


class TestPublishing:
    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        return write(made_season(), tmp_path / "o.nc", history="old")

    def said(self, script: str, old: Path) -> str:
        """Return what a script prints that is told of the old file."""
        return subprocess.run(
            [sys.executable, "-c", script, str(old)],
            env=os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'tests'}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def assert_untouched(self, old: Path, before: bytes) -> None:
        assert old.read_bytes() == before
        assert sorted(path.name for path in old.parent.iterdir()) == ["o.nc"]

    @pytest.mark.parametrize(
        ("number", "advice"),
        [
            (errno.ENOSPC, "No space left on device; make room .* bytes are free in"),
            (errno.EDQUOT, "make room"),
            (errno.EACCES, "Permission denied; choose another folder"),
            (errno.EROFS, "Read-only file system; choose another folder"),
            (errno.EIO, "Input/output error; what was there before is untouched"),
        ],
    )
    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_that_fails_keeps_the_old_file(
        self, old: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, advice: str
    ) -> None:
        def fail(*_: Any) -> None:
            raise OSError(number, os.strerror(number))

        before = old.read_bytes()
        monkeypatch.setattr(output.os, step, fail)
        with pytest.raises(PipelineError, match=f"o.nc: cannot be written: .*{advice}"):
            write(made_season(), old, history="new")
        monkeypatch.undo()
        self.assert_untouched(old, before)

    def test_on_a_disk_that_is_really_full_keeps_the_old_file(self, old: Path) -> None:
        before = old.read_bytes()
        script = """
import resource, signal, sys
import numpy as np
from made_profiles import made
from pipeline import output, ragged
from pipeline.errors import PipelineError
noise = np.random.default_rng(1).random(20000)
dataset = ragged.to_dataset([made(20000, dewpoint=noise)], [])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))
try:
    output.write(dataset, sys.argv[1], attributes={})
except PipelineError as error:
    print(error)
"""
        assert "cannot be written: File too large; make room" in self.said(script, old)
        self.assert_untouched(old, before)

    def test_on_a_disk_that_is_full_in_the_end_keeps_the_old_file(self, old: Path) -> None:
        before = old.read_bytes()
        script = """
import glob, os, resource, signal, sys
from made_profiles import made_season
from pipeline import output
from pipeline.errors import PipelineError

def approved():
    written, = glob.glob(os.path.join(os.path.dirname(sys.argv[1]), ".o.nc.tmp-*"))
    size = os.path.getsize(written)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return {"verification": "long" * 20000}

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    output.write(made_season(), sys.argv[1], attributes={}, approved=approved)
except PipelineError as error:
    print(error)
"""
        assert "cannot be written: File too large; make room" in self.said(script, old)
        self.assert_untouched(old, before)

    def test_is_asked_for_when_all_is_written(self, old: Path) -> None:
        """Attributes that are known only then are in the file too, and win."""

        def approved() -> dict[str, str]:
            assert output.read(old).attrs["history"] == "old"
            (written,) = old.parent.glob(".o.nc.tmp-*")
            same_bits(output.read(written), output.read(old))
            return {"verification": "all is well", "title": "Approved"}

        output.write(made_season(), old, attributes={"title": "A test"}, approved=approved)
        attributes = output.read(old).attrs
        assert attributes["verification"] == "all is well"
        assert attributes["title"] == "Approved"
        assert [path.name for path in old.parent.iterdir()] == ["o.nc"]

    def test_that_is_not_approved_keeps_the_old_file(self, old: Path) -> None:
        def approved() -> dict[str, str]:
            raise PipelineError("not MetPy's")

        before = old.read_bytes()
        with pytest.raises(PipelineError, match="not MetPy's"):
            output.write(made_season(), old, attributes={}, approved=approved)
        self.assert_untouched(old, before)

    def test_that_is_interrupted_keeps_the_old_file(
        self, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        before = old.read_bytes()
        monkeypatch.setattr(output, "_verify", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write(made_season(), old, history="new")
        self.assert_untouched(old, before)

    @pytest.mark.parametrize("name", ["dewpoint", "status_reasons", "source_path"])
    def test_that_writes_something_else_is_noticed(
        self, old: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        honest = output._write_netcdf

        def dishonest(path: Path, *rest: Any) -> None:
            honest(path, *rest)
            with netCDF4.Dataset(path, "a") as file:
                file[name][0] = "x" if file[name].dtype is str else 1

        before = old.read_bytes()
        monkeypatch.setattr(output, "_write_netcdf", dishonest)
        with pytest.raises(PipelineError, match=f"{name} reads back differently"):
            write(made_season(), old, history="new")
        self.assert_untouched(old, before)

    def test_leaves_an_open_file_as_it_was(self, old: Path) -> None:
        with netCDF4.Dataset(old) as opened:
            write(made_season(), old, history="new")
            assert opened.history == "old"
            assert opened["sbcape"][0] == 1 / 3
        with netCDF4.Dataset(old) as opened:
            assert opened.history == "new"

    def test_goes_through_a_link(self, old: Path) -> None:
        link = old.parent / "latest.nc"
        link.symlink_to(old.name)
        write(made_season(), link, history="new")
        assert link.is_symlink()
        assert output.read(old).attrs["history"] == "new"

    def test_makes_folders(self, tmp_path: Path) -> None:
        assert write(made_season(), tmp_path / "a" / "b" / "o.nc").is_file()

    def test_says_where_there_can_be_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("a file in the way")
        with pytest.raises(PipelineError, match=r"a/b/o.nc: cannot be written: Not a directory"):
            write(made_season(), tmp_path / "a" / "b" / "o.nc")

    def test_never_replaces_a_device_or_a_pipe(self, tmp_path: Path) -> None:
        pipe = tmp_path / "o.nc"
        os.mkfifo(pipe)
        with pytest.raises(PipelineError, match=r"o.nc: is a device or a pipe, not a file"):
            write(made_season(), pipe)
        assert pipe.is_fifo()

    def test_says_where_a_folder_has_the_name(self, tmp_path: Path) -> None:
        (tmp_path / "o.nc").mkdir()
        with pytest.raises(PipelineError, match=r"o.nc: cannot be written: Is a directory"):
            write(made_season(), tmp_path / "o.nc")
        assert [path.name for path in tmp_path.iterdir()] == ["o.nc"]

    def test_says_where_it_may_not_write(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        rights = os.geteuid()
        if rights == 0:  # root may write everywhere
            os.seteuid(65534)
        try:
            with pytest.raises(PipelineError, match="Permission denied; choose another folder"):
                write(made_season(), tmp_path / "o.nc")
        finally:
            os.seteuid(rights)
            tmp_path.chmod(0o700)

    def test_refuses_what_is_no_season(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="status is missing"):
            write(made_season().drop_vars("status"), tmp_path / "o.nc")
        assert not list(tmp_path.iterdir())


class TestReading:
    def test_says_that_there_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(PipelineError, match=r"none.nc: there is no such file"):
            output.read(tmp_path / "none.nc")

    def test_says_that_a_file_is_not_netcdf(self, tmp_path: Path) -> None:
        (tmp_path / "o.nc").write_text("%RAW%")
        with pytest.raises(PipelineError, match=r"o.nc: not a netCDF file, or a damaged one"):
            output.read(tmp_path / "o.nc")

    def test_says_that_a_file_is_cut_short(self, tmp_path: Path) -> None:
        path = write(made_season(), tmp_path / "o.nc")
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(PipelineError, match="not a netCDF file, or a damaged one"):
            output.read(path)

    def test_says_that_a_file_is_none_of_ours(self, tmp_path: Path) -> None:
        padded(made_season()).drop_vars("row_size").to_netcdf(tmp_path / "o.nc")
        with pytest.raises(PipelineError, match="not an output of this pipeline"):
            output.read(tmp_path / "o.nc")

    def test_says_what_is_wrong_with_one_of_ours(self, tmp_path: Path) -> None:
        path = write(made_season(), tmp_path / "o.nc")
        with netCDF4.Dataset(path, "a") as file:
            file["row_size"][0] = 99
        with pytest.raises(PipelineError, match=r"o.nc: .*row_size adds up to 101"):
            output.read(path)
