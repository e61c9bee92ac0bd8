"""Hostile and broken input: each ends as a row of the source table that says why, soon."""

from __future__ import annotations

import os
import pickle
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import config, readers, yaml_file
from pipeline.errors import ConfigError
from pipeline.flags import SourceStatus
from pipeline.profiles import SourceRow
from pipeline.readers.limits import Limits, current, in_force
from pipeline.sources import matching_files

FIXTURES = Path(__file__).parent / "fixtures"
IGRA = FIXTURES / "igra2" / "cases-data.txt"
SPC = FIXTURES / "spc_raw" / "14080112.P#T"
TEXT_FORMATS = ("spc_raw", "igra2", "wyoming_text", "wyoming_html", "wyoming_csv", "table")


def refused(path: Path, format: str = "auto", **arguments: Any) -> SourceRow:
    """Return the row of a source, after checking that it is refused for a reason."""
    row = readers.read_source(str(path), format, **arguments).row
    assert row.status is SourceStatus.UNREADABLE, row
    assert row.message
    return row


class TestLimits:
    def test_those_of_readers_are_those_of_a_config_with_the_same_defaults(self) -> None:
        assert Limits(**config.Limits().model_dump()) == Limits()
        assert set(config.Limits.model_fields) == set(Limits.__dataclass_fields__)

    def test_they_hold_within_their_block_and_travel_to_workers(self) -> None:
        few = pickle.loads(pickle.dumps(Limits(levels=7)))
        with in_force(few):
            assert current().levels == 7
        assert current() == Limits()

    def test_they_hold_for_one_source_alone(self) -> None:
        row = readers.read_source(str(SPC), limits=Limits(levels=3)).row
        assert "more than 3 levels in one sounding" in row.message
        assert readers.read_source(str(SPC)).row.message == ""

    def test_full_memory_is_for_the_executor_to_judge(self, monkeypatch) -> None:
        def swell(*_):
            raise MemoryError

        monkeypatch.setattr(readers.get("spc_raw"), "read", swell)
        with pytest.raises(MemoryError):
            readers.read_source(str(SPC))
        monkeypatch.setattr(readers.get("spc_raw"), "sniff", swell)
        with pytest.raises(MemoryError):
            readers.read_source(str(IGRA))


class TestFiles:
    """What stands where a file is expected."""

    def test_a_file_that_is_too_large_is_not_opened(self, tmp_path: Path) -> None:
        path = tmp_path / "sparse"
        with path.open("wb") as stream:
            stream.truncate(4_000_000_001)
        started = time.monotonic()
        assert refused(path).message.startswith("has 4000.0 MB where a file may have 4000 MB")
        assert readers.fingerprint(path) == "size:4000000001"
        assert time.monotonic() - started < 1

    @pytest.mark.timeout(10)
    @pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder", "itself", "circle"])
    def test_what_is_no_file_is_neither_opened_nor_waited_for(
        self, tmp_path: Path, kind: str
    ) -> None:
        path = tmp_path / "there"
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(os.path.relpath(path))
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "folder":
            path.mkdir()
        elif kind == "itself":
            path.symlink_to("there")
        else:
            path.symlink_to("other")
            (tmp_path / "other").symlink_to("there")
        expected = "Too many levels of symbolic links" if kind in ("itself", "circle") else kind
        assert expected in refused(path).message
        assert readers.fingerprint(path) == ""

    @pytest.mark.timeout(10)
    def test_a_file_that_the_system_invents_is_not_read(self) -> None:
        """Reading /proc/kmsg waits for the next message; like all there it has 0 bytes."""
        assert "empty" in refused(Path("/proc/kmsg")).message
        assert len(readers.fingerprint("/proc/kmsg")) == 32

    def test_a_name_that_the_system_does_not_take_is_refused(self, tmp_path: Path) -> None:
        assert "File name too long" in refused(tmp_path / ("x" * 300)).message
        assert readers.fingerprint("a\0b") == ""

    def test_a_file_that_is_gone_when_it_is_read_says_so(self, tmp_path, monkeypatch) -> None:
        path = tmp_path / "sounding"
        path.write_bytes(SPC.read_bytes())
        on_pick(monkeypatch, path.unlink)
        assert refused(path).message == "cannot be read: No such file or directory"

    @pytest.mark.parametrize("change", ["grows", "shrinks", "replaced"])
    def test_a_file_that_changes_while_it_is_read_is_read_again(
        self, tmp_path, monkeypatch, change
    ) -> None:
        path, other = tmp_path / "sounding", tmp_path / "other"
        path.write_bytes(SPC.read_bytes())
        other.write_bytes(SPC.read_bytes() + b"\n")
        changes: dict[str, Callable[[], object]] = {
            "grows": lambda: path.write_bytes(SPC.read_bytes() + b"more\n"),
            "shrinks": lambda: os.truncate(path, SPC.stat().st_size - 1),
            "replaced": lambda: other.replace(path),
        }
        on_pick(monkeypatch, changes[change])
        row = refused(path)
        assert "changed while it was read" in row.message
        assert row.fingerprint == ""  # so the next run does not take it for unchanged

    def test_a_fingerprint_that_is_known_is_not_made_again(self, monkeypatch) -> None:
        monkeypatch.setattr(readers, "fingerprint", lambda *_: pytest.fail("made again"))
        assert readers.read_source(str(SPC), fingerprint="ab").row.fingerprint == "ab"


def on_pick(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen to a file just after it was found to be an SPC sounding."""
    sniff = readers.get("spc_raw").sniff

    def and_then(head: bytes, path: Path) -> str | None:
        act()
        return sniff(head, path)

    monkeypatch.setattr(readers.get("spc_raw"), "sniff", and_then)


class TestFolders:
    def test_two_circles_of_links_end_also_under_two_stars(self, tmp_path: Path) -> None:
        """glob alone would find 2 to the power of 40 ways here."""
        (tmp_path / "a.txt").write_text("x")
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "b.txt").write_text("x")
        for name in ("one", "two", "deep/up"):
            (tmp_path / name).symlink_to(tmp_path)
        started = time.monotonic()
        for pattern in ("**/*.txt", "**", ".", "**/deep/**/*.txt", "deep/../**/*.txt"):
            found = matching_files(pattern, tmp_path)
            assert "b.txt" in {path.name for path in found}, pattern
            assert len(found) <= 4, pattern
        assert time.monotonic() - started < 2

    @pytest.mark.parametrize("pattern", [".", "**", "**/*.txt"])
    def test_a_folder_that_may_not_be_opened_is_a_row(self, tmp_path, monkeypatch, pattern) -> None:
        (tmp_path / "deep" / "closed").mkdir(parents=True)
        closed, scandir = str(tmp_path / "deep" / "closed"), os.scandir

        def refuse(path):  # chmod does not stop root
            if os.fspath(path) == closed:
                raise PermissionError(13, "Permission denied", closed)
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)
        assert matching_files(pattern, tmp_path) == [Path(closed)]
        said = "is a folder that cannot be opened: Permission denied"
        assert refused(Path(closed)).message == said

    def test_what_vanishes_after_it_was_found_is_a_row(self, tmp_path: Path) -> None:
        (tmp_path / "night").mkdir()
        (tmp_path / "night" / "a.txt").write_text("x")
        (found,) = matching_files("night", tmp_path)
        found.unlink()
        found.parent.rmdir()
        assert refused(found).message == "cannot be read: No such file or directory"


class TestText:
    """Lines, characters and numbers that no instrument writes."""

    @pytest.mark.parametrize("format", TEXT_FORMATS)
    def test_a_gigabyte_without_a_line_end_is_not_taken_in(self, tmp_path, format) -> None:
        path = tmp_path / "line"
        heads = {"spc_raw": b"%RAW%\n", "igra2": IGRA.read_bytes().split(b"\n")[0] + b"\n"}
        path.write_bytes(heads.get(format, b"x,y\nPRES HGHT TEMP DWPT\n"))
        os.truncate(path, 1_000_000_000)  # sparse: the disk holds a few bytes
        started = time.process_time()
        refused(path, format, fingerprint="known")
        assert time.process_time() - started < 2

    def test_a_line_longer_than_the_limit_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "line"
        path.write_bytes(b"%RAW%\n" + b"9" * 5000 + b"\n%END%\n")
        limits = Limits(line_length=1000)
        assert "line 2: longer than 1000 characters" in refused(path, limits=limits).message
        assert readers.read_source(str(path)).row.message.startswith("1 of 1 soundings could not")

    @pytest.mark.parametrize("format", TEXT_FORMATS)
    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
    def test_text_of_wide_characters_is_refused(self, tmp_path, format, encoding) -> None:
        path = tmp_path / "wide"
        path.write_bytes(SPC.read_text().encode(encoding))
        refused(path)
        refused(path, format)

    def test_utf_16_is_called_by_its_name(self, tmp_path: Path) -> None:
        path = tmp_path / "wide"
        path.write_bytes(SPC.read_text().encode("utf-16"))
        assert refused(path, "spc_raw").message == "its text is in UTF-16; save it as UTF-8"

    @pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n\r"])
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    def test_line_ends_and_marks_of_any_system_are_read(self, tmp_path, end, mark) -> None:
        path = tmp_path / "ends"
        path.write_bytes(mark + SPC.read_bytes().replace(b"\n", end))
        (as_written,) = readers.read_source(str(SPC)).profiles
        (profile,) = readers.read_source(str(path)).profiles
        assert profile.pressure.tolist() == as_written.pressure.tolist()

    def test_text_that_is_no_utf_8_is_latin_1(self, tmp_path: Path) -> None:
        path = tmp_path / "latin"
        path.write_bytes(
            "station,pressure (hPa),temperature (°C)\nMálaga,1000,20\n".encode("latin-1")
        )
        (profile,) = readers.read_source(str(path)).profiles
        assert profile.station_id == "Málaga"

    @pytest.mark.parametrize("number", ["1e400", "-inf", "nan", "9" * 400, "9" * 5000, "1e-5000"])
    @pytest.mark.parametrize("format", ["spc_raw", "table"])
    def test_numbers_that_are_none_are_missing(self, tmp_path, number, format) -> None:
        path = tmp_path / "numbers"
        start = "%RAW%\n" if format == "spc_raw" else "pressure (hPa),temperature (C),a,b,c,d\n"
        path.write_text(f"{start}1000,{number},3,4,5,6\n" + "%END%\n" * (format == "spc_raw"))
        (profile,) = readers.read_source(str(path), format).profiles
        assert not abs(profile.height[0]) > 1e300
        assert not abs(profile.temperature[0]) > 1e300

    @pytest.mark.parametrize(
        "units", ["9**9**9", "((9**9)**9)**9", "m^(9^9)", "10**1000000000", "m" * 100]
    )
    def test_units_are_not_worked_out_for_days(self, tmp_path, units) -> None:
        path = tmp_path / "units.csv"
        path.write_text(f"pressure (hPa),temperature ({units})\n1000,20\n")
        started = time.process_time()
        assert "are not known" in refused(path, "table").message
        assert time.process_time() - started < 5

    @pytest.mark.parametrize("filler", ["_", " ", "(", "_ ", "-", "x"])
    def test_a_header_takes_time_in_step_with_its_length(self, tmp_path, filler) -> None:
        path = tmp_path / "header.csv"
        path.write_text("pressure" + filler * 60_000 + ",temperature (K)\n1,2\n")
        started = time.process_time()
        refused(path)
        assert time.process_time() - started < 2

    def test_a_file_of_countless_soundings_is_refused(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr("pipeline.readers.limits.MOST_SOUNDINGS", 20)
        path = tmp_path / "many"
        path.write_bytes(b"%RAW%\n%END%\n" * 21)
        source = readers.read_source(str(path))
        assert source.row.message.startswith("more than 20 soundings in one file; split it")
        assert len(source.profiles) == 20

    def test_a_position_that_is_not_on_earth_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "nowhere.csv"
        header = "pressure (hPa),temperature (K),latitude,longitude,surface_altitude (m)"
        path.write_text(f"{header}\n1000,290,224704.5,7,1e300\n")
        (profile,) = readers.read_source(str(path)).profiles
        assert [profile.latitude, profile.longitude] == pytest.approx(
            [float("nan")] * 2, nan_ok=True
        )
        assert profile.surface_altitude != profile.surface_altitude
        assert "224704, 7 is not a position" in "".join(profile.notes)

    @pytest.mark.parametrize(("said", "east"), [(262.5, -97.5), (-190.0, 170.0), (180.0, 180.0)])
    def test_degrees_east_are_from_minus_180_to_180(
        self, tmp_path: Path, said: float, east: float
    ) -> None:
        path = tmp_path / "east.csv"
        path.write_text(f"pressure (hPa),temperature (K),latitude,longitude\n1000,290,35,{said}\n")
        (profile,) = readers.read_source(str(path)).profiles
        assert (profile.latitude, profile.longitude) == (35.0, east)

    def test_the_south_pole_is_on_earth(self, shared_data: Path) -> None:
        """ecCodes has station 89009 at -90.00000000000001 degrees."""
        profiles = readers.read_source(str(shared_data / "bufr" / "temp.bufr")).profiles
        (pole,) = (profile for profile in profiles if profile.station_id == "89009")
        assert (pole.latitude, pole.longitude) == (-90.0, 0.0)
        assert not any("not a position" in note for note in pole.notes)


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)
BOMBS = {
    "references to references": (LAUGHS, "more than 100000 values"),
    "brackets": ("[" * 10_000 + "]" * 10_000, "more than 50 deep"),
    "braces": ("{a: " * 10_000, "more than 50 deep"),
    "dashes": ("- " * 10_000 + "x", "more than 50 deep"),
    "indents": ("\n".join(" " * depth + "a:" for depth in range(100)), "more than 50 deep"),
}


class TestConfigs:
    """A config is data: nothing in it is evaluated, and none is endless."""

    @pytest.mark.parametrize("bomb", BOMBS)
    def test_bombs_are_refused_soon(self, bomb: str) -> None:
        text, said = BOMBS[bomb]
        started = time.process_time()
        with pytest.raises(ConfigError, match=said):
            yaml_file.parse(text, "season.yaml")
        assert time.process_time() - started < 3

    def test_a_huge_file_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "season.yaml"
        with path.open("wb") as stream:
            stream.truncate(10_000_000_000)
        with pytest.raises(ConfigError, match="has more than 1000000 bytes"):
            config.load(path)

    @pytest.mark.parametrize(
        "value",
        [
            "!!python/object/apply:os.system ['touch made']",
            "!!python/name:os.system",
            "!!python/object:pathlib.Path {a: b}",
            "!mine 3",
            "!!binary aGVsbG8=",
            "!!set {a, b}",
        ],
    )
    def test_a_tag_is_refused_and_nothing_is_made_of_it(self, tmp_path, monkeypatch, value) -> None:
        monkeypatch.chdir(tmp_path)
        path = tmp_path / "season.yaml"
        path.write_text(f"input: [season.yaml]\noutput: out.nc\ntitle: {value}\n")
        with pytest.raises(ConfigError, match=r"season.yaml:3:8 title: the tag .* is not read"):
            config.load(path)
        assert not (tmp_path / "made").exists()

    def test_tags_that_say_what_a_value_is_anyway_are_taken(self) -> None:
        document = yaml_file.parse('a: !!str 06610\nb: !!map {c: !!int "3"}', "season.yaml")
        assert document.data == {"a": "06610", "b": {"c": 3}}
        assert document.problems == []
