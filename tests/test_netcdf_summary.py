"""One look at a netCDF file for all the readers that sniff at it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from netcdf_files import ONE, write
from netcdf_formats import aspen, gruan_rs41, gruan_rs92, mw41, pydropsonde

from pipeline import readers
from pipeline.errors import ReadError
from pipeline.readers._netcdf_summary import summary

TAKEN: list[tuple[Callable[[Path], Path], str]] = [
    (aspen, "aspen_netcdf"),
    (mw41, "mw41_netcdf"),
    (gruan_rs92, "gruan_netcdf"),
    (gruan_rs41, "gruan_netcdf"),
    (pydropsonde, "profile_netcdf"),
    (lambda path: write(path, ONE), "profile_netcdf"),
]


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count how often the netCDF library opens a file."""
    opened: list[str] = []
    library = netCDF4.Dataset

    def counted(path: Path, *more: object, **named: object) -> netCDF4.Dataset:
        opened.append(str(path))
        return library(path, *more, **named)

    monkeypatch.setattr(netCDF4, "Dataset", counted)
    return opened


@pytest.mark.parametrize("format", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_it_tells_dimensions_variables_and_attributes(tmp_path: Path, format: str) -> None:
    told = summary(write(tmp_path / "one.nc", ONE, format=format, title=" Bern ", numbers=[1, 2]))
    assert told.dimensions == {"z": 3}
    assert told.variables.keys() == ONE.keys()
    assert (told.text("title"), told.text("numbers"), told.text("absent")) == ("Bern", "", "")
    pressure = told.variables["p"]
    assert (pressure.dimensions, pressure.shape, pressure.kind) == (("z",), (3,), "f")
    assert pressure.text("standard_name") == "air_pressure"
    assert told.has("p", "ta")
    assert not told.has("p", "q")


def test_a_file_is_opened_once_however_many_ask(tmp_path: Path, openings: list[str]) -> None:
    path = write(tmp_path / "one.nc", ONE)
    openings.clear()
    assert summary(path) is summary(path)
    assert len(openings) == 1


def test_a_file_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    path = write(tmp_path / "one.nc", ONE)
    before = summary(path)
    write(tmp_path / "other.nc", {**ONE, "more": (("z",), [1.0, 2.0, 3.0], {})}).replace(path)
    assert summary(path).variables.keys() - before.variables.keys() == {"more"}


def test_a_damaged_file_is_refused_each_time_with_the_same_words(tmp_path: Path) -> None:
    path = tmp_path / "cut.nc"
    path.write_bytes(write(tmp_path / "one.nc", ONE, format="NETCDF3_CLASSIC").read_bytes()[:1000])
    words = set()
    for _ in range(2):
        with pytest.raises(ReadError, match="it was cut; fetch it again") as caught:
            summary(path)
        words.add(str(caught.value))
    assert len(words) == 1


def test_a_file_that_is_gone_is_a_reason_too(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cannot be read: No such file"):
        summary(tmp_path / "gone.nc")


@pytest.mark.parametrize(("make", "reader"), TAKEN)
def test_each_kind_of_file_is_taken_by_one_reader_only(
    tmp_path: Path, make: Callable[[Path], Path], reader: str
) -> None:
    path = make(tmp_path / "file.nc")
    head = path.read_bytes()[: readers.HEAD_BYTES]
    takers = [name for name in readers.names() if readers.get(name).sniff(head, path) is None]
    assert takers == [reader]


def test_picking_a_reader_opens_a_file_twice_at_most(tmp_path: Path, openings: list[str]) -> None:
    """Once for what it holds, once more where the general reader has to look at values."""
    for make, _ in TAKEN:
        path = make(tmp_path / f"{len(openings)}.nc")
        openings.clear()
        readers.pick(path)
        assert 1 <= len(openings) <= 2


def test_asking_again_costs_next_to_nothing(tmp_path: Path) -> None:
    path = aspen(tmp_path / "a.nc")
    head = path.read_bytes()[: readers.HEAD_BYTES]
    sniffs = [readers.get(name).sniff for name in ("aspen_netcdf", "mw41_netcdf", "gruan_netcdf")]
    for sniff in sniffs:
        sniff(head, path)
    start = time.perf_counter()
    for _ in range(100):
        for sniff in sniffs:
            sniff(head, path)
    assert time.perf_counter() - start < 0.5  # 1.7 ms each, where opening takes as long


def test_an_attribute_that_cannot_be_read_is_as_good_as_none(tmp_path: Path) -> None:
    path = write(tmp_path / "one.nc", ONE, format="NETCDF3_CLASSIC", title="Bern")
    content = path.read_bytes().replace(b"Bern", b"\xff\xfe\xfd\xfc")
    path.write_bytes(content)
    assert summary(path).variables.keys() == ONE.keys()


def test_numbers_of_the_summary_are_plain(tmp_path: Path) -> None:
    told = summary(write(tmp_path / "one.nc", ONE, level=np.int64(2)))
    assert told.text("level") == "2"
