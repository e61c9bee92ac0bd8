"""Histories of nights drawn at random, and what has to hold after each."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from netcdf_files import ALTITUDE, DEWPOINT, EAST, NORTH, ONE, PRESSURE, TEMPERATURE, write
from nights import (
    SEASON,
    Killed,
    Nights,
    Rows,
    assert_same,
    chosen,
    interrupt_after,
    kill_after_commit,
    kill_before_clearing,
    profiles,
    small_batches,
    sources,
)

from pipeline.errors import InterruptedRunError
from pipeline.flags import SourceStatus
from pipeline.state import read_state

FIXTURES = Path(__file__).parent / "fixtures"
REAL = ("03031300.SHV", "03041800.DNR", "03050518.BNA", "03062000.GGW", "03032821m_n.mbs",
        "03092619m_n.brl", "03031722i_t.sps")  # fmt: skip

#: Of three stations, one of them twice; the last sounding is too short.
TABLE = "station,time,pressure (hPa),temperature [K],dew point [K],wind speed_knots,"
TABLE += "wind direction\n"
TABLE += "".join(
    f"{station},2003-05-{day}T00:00,{pressure},{290 - (1000 - pressure) / 9:.2f},"
    f"{285 - (1000 - pressure) / 8:.2f},{10 + pressure % 7},{pressure % 360}\n"
    for station, day, top in (("06610", "04", 200), ("OUN", "05", 300), ("06610", "06", 900))
    for pressure in range(1000, top - 1, -50)
)

#: A station that only some files are of, and others that none is of.
STATIONS = {"SHV": 32.45, "DNR": 39.77, "06610": 46.81, "ZZZ": 1.0}

CALCULATIONS = ("k_index", "sbcape", "sbcin", "mucape", "bulk_shear_0_6km", "relative_humidity",
                "precipitable_water", "sblfc_pressure", "significant_tornado", "showalter_index",
                "total_totals_index", "sbel_height", "mixing_ratio", "srh_0_1km")  # fmt: skip
#: The last ones have the names of what formats bring.
CUSTOM = {
    "struck": {"function": "custom_calculations:surface_pressure", "units": "hPa"},
    "raising": {"function": "custom_calculations:raise_at_victim", "units": "hPa"},
    "ozone": {"function": "custom_calculations:surface_pressure", "units": "mPa"},
    "rh": {"function": "custom_calculations:surface_pressure", "units": "1"},
}
CUSTOM = {name: entry | {"inputs": ["pressure"]} for name, entry in CUSTOM.items()}
OTHERWISE: tuple[dict[str, Any], ...] = (
    {"units": "Pa"},
    {"long_name": "my own"},
    {"function": "custom_calculations:warming", "inputs": ["temperature"], "per_level": True},
)
#: This one stays: a night without a sounding is refused.
ALWAYS = "03050200.FFC"
QUALITY: tuple[dict[str, Any], ...] = (
    {},
    {"humidity_aloft": "reject"},
    {"post_conditions": False},
    {"min_levels": 3, "max_top_pressure": 900.0},
)
BROKEN = (b"", b"The sounding of Tuesday is missing.\n", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))


@cache
def pool() -> tuple[bytes, ...]:
    """Return what files may hold: every format, several soundings, extras, and what is broken."""
    folder = Path(tempfile.mkdtemp())
    levels = np.linspace(1000.0, 150.0, 18)
    whole = {
        "p": (("z",), levels, PRESSURE),
        "ta": (("z",), 20.0 - (1000 - levels) / 10, TEMPERATURE),
        "td": (("z",), 14.0 - (1000 - levels) / 9, DEWPOINT),
        "h": (("z",), 100.0 + 14 * (1000 - levels), ALTITUDE),
        "u": (("z",), levels / 100, EAST),
        "v": (("z",), -levels / 300, NORTH),
    }
    made = []
    for number, (units, hour) in enumerate([("mPa", 12.0), ("mPa", 12.0), ("ppb", 6.0)]):
        extra = {"ozone": (("z",), levels + number, {"units": units, "reported_name": "ozone"})}
        time = {"t": ((), hour, ONE["t"][2])}
        made.append(write(folder / f"{number}.nc", {**ONE, **whole, **extra, **time}))
    texts = [path for path in sorted(FIXTURES.rglob("*")) if path.is_file()]
    found = [path.read_bytes() for path in [*made, *texts, *(SEASON / name for name in REAL)]]
    shutil.rmtree(folder)
    return (*found, TABLE.encode(), TABLE.encode().replace(b"OUN", b"SHV"), *BROKEN)


class Days:
    """What may happen to a season by day.

    Parameters
    ----------
    seed : int
        Of all that happens.
    folder : Path
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = random.Random(seed)
        self.nights = Nights(folder)
        self.log = [f"seed {seed}"]
        self.hidden: dict[str, bytes] = {}
        self.number = 0
        self.nights.put(ALWAYS)
        for _ in range(self.chance.randint(3, 9)):
            self.add()

    def happen(self) -> None:
        what = self.chance.choice(
            [
                *[self.add, self.change, self.remove, self.bring_back, self.rename] * 2,
                *[self.touch, self.hide, self.clean, self.locate, self.describe],
                *[self.calculate, self.calculate, self.own, self.reorder, self.keep],
            ]
        )
        self.log.append(what.__name__)
        what()

    def say(self, *words: object) -> None:
        self.log[-1] += " ".join(["", *map(str, words)])

    def any_file(self) -> Path:
        """Return one of the files, or one that is not there."""
        names = sorted({path.name for path in self.nights.file("").iterdir()} - {ALWAYS})
        path = self.nights.file(self.chance.choice([*names, "other.txt"]))
        self.say(path.name)
        return path

    def fill(self, path: Path) -> None:
        which = self.chance.randrange(len(pool()))
        path.unlink(missing_ok=True)
        path.write_bytes(pool()[which])
        self.say(path.name, which)

    def add(self) -> None:
        self.number += 1
        self.fill(self.nights.file(f"{self.chance.randint(10, 99)}-{self.number}.txt"))

    def change(self) -> None:
        self.fill(self.any_file())

    def touch(self) -> None:
        path = self.any_file()
        if path.exists():
            path.write_bytes(path.read_bytes())

    def remove(self) -> None:
        path = self.any_file()
        if path.exists():
            self.hidden[path.name] = path.read_bytes()
        path.unlink(missing_ok=True)

    def bring_back(self) -> None:
        if self.hidden:
            name = self.chance.choice(sorted(self.hidden))
            path = self.nights.file(name)
            path.unlink(missing_ok=True)
            path.write_bytes(self.hidden.pop(name))
            self.say(name)

    def rename(self) -> None:
        path = self.any_file()
        if path.exists():
            self.number += 1
            path.rename(path.with_name(f"{self.number}.renamed"))

    def hide(self) -> None:
        """Make a file one that is there and cannot be opened."""
        path = self.any_file()
        path.unlink(missing_ok=True)
        path.symlink_to("nowhere")

    def set(self, key: str, value: Any) -> None:
        self.nights.settings[key] = value
        self.say(key, "=", value)

    def calculate(self) -> None:
        """Take a calculation out, or put some in."""
        names = self.nights.settings["calculations"]
        if len(names) > 1 and self.chance.random() < 0.5:
            names = self.chance.sample(names, len(names) - 1)
        else:
            names = [*names, *self.chance.sample(CALCULATIONS, 2)]
        self.set("calculations", list(dict.fromkeys(names)))

    def reorder(self) -> None:
        names = list(self.nights.settings["calculations"])
        self.chance.shuffle(names)
        self.set("calculations", names)

    def own(self) -> None:
        names = self.chance.sample(sorted(CUSTOM), self.chance.randint(0, 2))
        other = {} if self.chance.random() < 0.7 else self.chance.choice(OTHERWISE)
        self.set("custom", {name: CUSTOM[name] | other for name in names})

    def clean(self) -> None:
        self.set("quality", self.chance.choice(QUALITY))

    def locate(self) -> None:
        path = self.nights.folder / "stations.csv"
        rows = [f"{name},{value},{self.chance.choice([5, 6])}" for name, value in STATIONS.items()]
        rows = self.chance.sample(rows, self.chance.randint(1, len(rows)))
        path.write_text("\n".join(["station_id,latitude,longitude", *rows, ""]))
        self.say(*rows)
        self.set("stations", "stations.csv")

    def describe(self) -> None:
        self.set("title", self.chance.choice([None, "A season", "Another"]))
        about = self.chance.choice([{}, {"institution": "ours"}, {"creator_name": "me"}])
        path, level = self.nights.settings["output"]["path"], self.chance.choice([1, 4])
        self.set("output", {"path": path, "attributes": about, "compression": level})

    def keep(self) -> None:
        self.set("gone_sources", self.chance.choice(["keep", "remove"]))


class History(Days):
    """A season, the days and nights it lives through, and what has to hold after each."""

    def live(self) -> None:
        """Let a day pass and a night come, and look at what it leaves."""
        try:
            for _ in range(self.chance.choice([0, 1, 1, 2, 3])):
                self.happen()
            night = self.chance.choice(
                [self.plain] * 4 + [self.killed] * 4 + [self.widened, self.narrowed]
            )
            self.log.append(f"night: {night.__name__}")
            night()
        except BaseException as error:
            error.add_note("\n".join(self.log))
            raise

    def run(self, **selection: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            small_batches(patch, self.chance.choice([1, 1, 2, 3, 8]))
            self.nights.night(**selection)

    def plain(self, **selection: Any) -> None:
        before = self.rows()
        self.run(**selection)
        self.assert_the_law(before)

    def widened(self) -> None:
        self.plain(**{self.chance.choice(["force", "retry_failed"]): True})

    def narrowed(self) -> None:
        """What was asked for is of today, and what was not stays as it was."""
        station = self.chance.choice(["SHV", "DNR", "06610", "OUN"])
        words = self.chance.choice([{"since": "2003-05-01"}, {"station_ids": [station]}])
        self.say(words)
        selection = chosen(**words)
        known, before = read_state(self.nights.output).sources, self.rows()
        self.run(**words)
        if not self.nights.output.exists():
            return  # nothing was asked for that there is: an empty season is not published
        scratch = self.nights.from_scratch()
        today = profiles(scratch, gone=False)
        shutil.rmtree(scratch.parent)
        for key, row in profiles(self.nights.output, gone=False).items():
            old = known.get(key[0])
            if old and not selection.has(old.station_ids, old.last_time):
                assert row.items() >= before[key].items(), key
            else:
                assert row.items() >= today[key].items(), key

    def killed(self) -> None:
        """What was published is there untouched, and the next night goes on."""
        for _ in range(self.chance.randint(1, 3)):
            self.interrupted(self.chance.choice(KILLS))
            for _ in range(self.chance.choice([0, 0, 1, 2])):
                self.happen()
        self.log.append("night:")
        self.plain()

    def interrupted(self, how: Callable[[pytest.MonkeyPatch, int], None]) -> None:
        published, batches = self.published(), self.chance.randint(1, 4)
        with pytest.MonkeyPatch.context() as patch:
            how(patch, batches)
            words = self.chance.choice([{}, {}, {}, {"force": True}, {"station_ids": ["06610"]}])
            self.log.append(f"night: {how.__name__} {batches} {words}")
            with suppress(Killed, InterruptedRunError):
                self.run(**words)
                return
        assert how is kill_before_clearing or self.published() == published

    def published(self) -> bytes:
        return self.nights.output.read_bytes() if self.nights.output.exists() else b""

    def rows(self) -> Rows:
        path = self.nights.output
        if not path.exists():
            return {}
        return profiles(path, gone=False) | profiles(path, gone=True)

    def assert_the_law(self, before: Rows) -> None:
        """Assert that the output is that of one run from scratch, and that it says so itself."""
        results = self.nights.results()
        told = {one.path for one in results.sources}
        assert told >= {*sources(self.nights.output)}
        assert (results.waiting, len(told)) == (0, results.counts.found)
        ours, scratch = self.nights.output, self.nights.from_scratch()
        if any(known.status == SourceStatus.GONE for known in read_state(ours).sources.values()):
            assert_same_but_for_gone(ours, scratch, before)
        else:
            assert_same(ours, scratch)
        shutil.rmtree(scratch.parent)
        plan = self.nights.plan()
        assert plan.is_idle, (plan.rewrite, plan.reasons)


def unlike(here: dict[Any, Any], there: dict[Any, Any]) -> list[Any]:
    """Return what is not the same in two tables of rows: the rows, or what in a row."""
    rows = [*(here.keys() ^ there.keys())]
    both = [(key, here[key], there[key]) for key in here.keys() & there.keys()]
    return rows + [
        (key, name, one.get(name), other.get(name))
        for key, one, other in both
        for name in one.keys() | other.keys()
        if one.get(name) != other.get(name)
    ]


KILLS = (kill_after_commit, kill_after_commit, interrupt_after, kill_before_clearing)
#: What a gone source keeps; results may be removed, and those added since are missing.
KEPT = ("pressure", "temperature", "dewpoint", "u_wind", "height_qc", "status_message", "time")


def assert_same_but_for_gone(ours: Path, scratch: Path, before: Rows) -> None:
    """Assert that an output differs from one from scratch by what is gone alone."""
    found = unlike(profiles(ours, gone=False), profiles(scratch, gone=False))
    assert not found, found
    here, there = sources(ours), sources(scratch)
    for path in [path for path, row in here.items() if row["source_status"] == SourceStatus.GONE]:
        del here[path]
        there.pop(path, None)  # it is there and cannot be opened
    assert not (found := unlike(here, there)), found
    for key, row in profiles(ours, gone=True).items():
        assert {name: row[name] for name in KEPT} == {name: before[key][name] for name in KEPT}
