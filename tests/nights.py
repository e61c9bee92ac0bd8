"""Seasons that live through many nights, and what their outputs hold to the last bit."""

from __future__ import annotations

import json
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
from ruamel.yaml import YAML

from pipeline import work
from pipeline.config import Config, load
from pipeline.engines import metpy
from pipeline.errors import InterruptedRunError
from pipeline.flags import SourceStatus
from pipeline.interrupts import Interrupt
from pipeline.journal import Journal
from pipeline.plan import Plan, Selection
from pipeline.recipe import FOR_FAILED
from pipeline.report.results import Results
from pipeline.run import VOLATILE_ATTRIBUTES, Report, plan_of, run

SEASON = Path(__file__).resolve().parent.parent / "data" / "season-2003"

#: What takes little time and still has everything: post-conditions, winds, one value a level.
CHEAP = ["k_index", "sbcape", "mucape", "bulk_shear_0_6km", "relative_humidity"]

#: Three real soundings.
SHV, DNR, GGW = "03031300.SHV", "03041800.DNR", "03062000.GGW"


@dataclass
class Nights:
    """A season in a folder: files in ``in``, the output and all that belongs to it in ``out``.

    Parameters
    ----------
    folder : Path
    settings : dict
        Of the config, to be changed between two nights.
    """

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "in").mkdir(exist_ok=True)
        self.settings = {
            "input": [{"path": "in"}],
            "output": {"path": "out/season.nc"},
            "executor": "serial",
            "calculations": CHEAP,
            "keep_runs": 30,  # a name of a folder given free may be taken again within its second
        } | self.settings

    def copy(self, folder: Path) -> Nights:
        """Return the same season as it is, elsewhere."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Nights(folder, deepcopy(self.settings))

    @property
    def output(self) -> Path:
        return self.folder / "out" / "season.nc"

    def file(self, name: str) -> Path:
        return self.folder / "in" / name

    def put(self, *names: str) -> None:
        """Add files of the season of 2003."""
        for name in names:
            self.file(name).write_bytes((SEASON / name).read_bytes())

    def config(self) -> Config:
        path = self.folder / "season.yaml"
        with path.open("w") as stream:
            YAML().dump(self.settings, stream)
        return load(path)

    def night(self, **selection: Any) -> Report:
        """Run it; what the run is narrowed or widened to goes as in Selection."""
        return run(self.config(), selection=chosen(**selection))

    def plan(self, **selection: Any) -> Plan:
        return plan_of(self.config(), chosen(**selection))

    def results(self) -> Results:
        """Return what the last night says of itself."""
        last = max((self.output.parent / "runs").iterdir(), key=age)
        return Results.model_validate_json((last / "results.json").read_text())

    def from_scratch(self) -> Path:
        """Return what one run on the files of today gives; everything else stays as it is."""
        aside, scratch = self.folder / "aside", self.folder / "scratch"
        there = self.output.parent.exists()
        if there:
            self.output.parent.rename(aside)
        try:
            run(self.config())
        finally:
            number = len([*self.folder.glob("scratch*")])
            scratch = scratch.with_name(f"scratch{number}")
            self.output.parent.rename(scratch)
            if there:
                aside.rename(self.output.parent)
        return scratch / self.output.name


def chosen(**selection: Any) -> Selection:
    if "station_ids" in selection:
        selection["station_ids"] = frozenset(selection["station_ids"])
    if "since" in selection:
        selection["since"] = np.datetime64(selection["since"], "s")
    return Selection(**selection)


def age(folder: Path) -> tuple[str, int]:
    """Return what orders the folders of runs: two of one second are told apart by a number."""
    moment, _, number = folder.name.partition("-")
    return moment, int(number or 1)


def whys(plan: Plan) -> dict[str, str]:
    """Return why each file is worked on, by its name; those that are not are not in it."""
    return {Path(item.path).name: item.why for item in plan.items if item.is_work}


def actions(plan: Plan) -> dict[str, str]:
    """Return what is done about each file, by its name."""
    return {Path(item.path).name: item.action.value for item in plan.items}


def contents(path: Path) -> dict[str, Any]:
    """Return all that is in an output but what may differ between two runs of the same.

    The limits in a recipe are left out: they only matter to what failed.
    """
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        variables = {name: described(variable) for name, variable in file.variables.items()}
        recipes = [without_limits(text) for text in file.variables["recipe"][...]]
        numbers = file.variables["source_recipe"][...]
        variables["source_recipe"] |= {"values": [recipes[number] for number in numbers]}
        del variables["recipe"]
        sizes = {name: len(dimension) for name, dimension in file.dimensions.items()}
        del sizes["recipe"]
        return {
            "sizes": [*sizes.items()],
            "attributes": [one for one in attributes(file) if one[0] not in VOLATILE_ATTRIBUTES],
            "order": [*variables],
            "variables": variables,
        }


def described(variable: netCDF4.Variable) -> dict[str, Any]:
    values = np.asarray(variable[...])
    return {
        "dtype": str(variable.dtype),
        "dimensions": variable.dimensions,
        "attributes": attributes(variable),
        "filters": variable.filters(),
        "values": values.tolist() if values.dtype == object else values.tobytes(),
    }


def attributes(owner: Any) -> list[tuple[str, str, Any]]:
    """Return the attributes of a variable or file in their order, with their types."""
    pairs = [(name, owner.getncattr(name)) for name in owner.ncattrs()]
    return [(name, str(np.asarray(value).dtype.kind), repr(value)) for name, value in pairs]


def without_limits(recipe: str) -> str:
    content = json.loads(recipe)
    return json.dumps({key: value for key, value in content.items() if key not in FOR_FAILED})


def differences(one: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    """Yield what is not the same in two files, by its name."""
    for part in ("sizes", "attributes", "order"):
        if one[part] != other[part]:
            yield f"{part}: {one[part]} and {other[part]}"
    for name in one["variables"].keys() & other["variables"].keys():
        here, there = one["variables"][name], other["variables"][name]
        for part in here:
            if here[part] != there[part]:
                yield f"{name}, {part}: {here[part]!r:.1000} and {there[part]!r:.1000}"


def assert_same(one: Path, other: Path) -> None:
    """Assert that two outputs are the same bit for bit."""
    found = [*differences(contents(one), contents(other))]
    assert not found, found


def assert_as_from_scratch(nights: Nights) -> None:
    """Assert the law: whatever the nights were, one run from scratch gives the same."""
    assert_same(nights.output, nights.from_scratch())


Rows = dict[tuple[str, int], dict[str, Any]]


def profiles(path: Path, *, gone: bool) -> Rows:
    """Return all that is said of each profile whose source is gone, or of those that are there.

    By path of the source and place in it. What depends on the other profiles is left out: ids,
    and the names and descriptions of extras, which stand under what their format called them.
    """
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        data = {name: np.asarray(variable[...]) for name, variable in file.variables.items()}
        kinds = {name: variable.dimensions for name, variable in file.variables.items()}
        keys = {
            name: str((variable.reported_name, variable.units))
            for name, variable in file.variables.items()
            if "reported_name" in variable.ncattrs()
        }
    is_gone = data["source_status"] == SourceStatus.GONE
    ends = np.cumsum(data["row_size"])
    found: Rows = {}
    for place, source in enumerate(data["source_index"]):
        if is_gone[source] != gone:
            continue
        row: dict[str, Any] = {}
        for name, values in data.items():
            if kinds[name][:1] == ("profile",) and name not in ("profile_id", "source_index"):
                row[name] = same_as(values[place])
            elif kinds[name] == ("level",):
                part = values[ends[place] - data["row_size"][place] : ends[place]]
                if name not in keys or not np.isnan(part).all():
                    row[keys.get(name, name)] = same_as(part)
        key = (data["source_path"][source], int(data["source_position"][place]))
        assert key not in found, f"{key} is there twice"
        found[key] = row
    return found


def sources(path: Path) -> dict[str, dict[str, Any]]:
    """Return the source table of an output, by path, the limits in the recipes left out."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        recipes = [without_limits(text) for text in file.variables["recipe"][...]]
        table = {
            name: variable[...].tolist()
            for name, variable in file.variables.items()
            if variable.dimensions == ("source",)
        }
    table["source_recipe"] = [recipes[number] for number in table["source_recipe"]]
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return {row["source_path"]: row for row in rows}


def same_as(value: Any) -> Any:
    """Return what is equal where every bit is."""
    return value if isinstance(value, str) else np.asarray(value).tobytes()


class Killed(BaseException):
    """The end of a process, as far as a test can have it within its own."""


def kill_after_commit(patch: pytest.MonkeyPatch, batches: int) -> None:
    """End the next run at the instant after so many batches, whatever it is at."""
    commit, left = Journal.commit, [batches]

    def committed(journal: Journal, batch: Any, asked_for: str = "") -> Path:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return commit(journal, batch, asked_for)

    patch.setattr(Journal, "commit", committed)


def interrupt_after(patch: pytest.MonkeyPatch, batches: int) -> None:
    """Have the next run end as after a signal when so many batches are finished."""
    left = [batches]

    def demand_none(interrupt: Interrupt, done: str) -> None:
        left[0] -= "nothing was begun" not in done
        if left[0] <= 0:
            raise InterruptedRunError(done, 15)

    patch.setattr(Interrupt, "demand_none", demand_none)


def kill_before_clearing(patch: pytest.MonkeyPatch, batches: int = 0) -> None:
    """End the next run between publishing and the removal of what it was made from."""

    def cleared(journal: Journal) -> None:
        raise Killed

    patch.setattr(Journal, "clear", cleared)


def small_batches(patch: pytest.MonkeyPatch, size: int) -> None:
    """Have batches of so many profiles."""
    patch.setattr(work, "FIRST_BATCH", size)
    patch.setattr(work, "BATCH_SECONDS", 0.0)


def count_evaluations(patch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return a list that grows by what is asked for with each profile that is computed."""
    evaluate, asked = metpy.evaluate, []

    def counted(*arguments: Any, request: metpy.Request) -> metpy.Evaluation:
        asked.append(request.names)
        return evaluate(*arguments, request=request)

    patch.setattr(metpy, "evaluate", counted)
    return asked


def spoil(path: Path, name: str) -> None:
    """Damage the values of a variable in a netCDF file, and nothing else in it."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        values = np.asarray(file.variables[name][...])
    shuffled = np.frombuffer(values.tobytes(), np.uint8).reshape(-1, values.itemsize).T.tobytes()
    content = bytearray(path.read_bytes())
    for match in re.finditer(b"\x78[\x01\x5e\x9c\xda]", content):
        stream, start = zlib.decompressobj(), match.start()
        try:
            found = stream.decompress(content[start:])
        except zlib.error:
            continue
        if found == shuffled:
            end = len(content) - len(stream.unused_data)
            content[start + 2 : end] = bytes(end - start - 2)
            path.write_bytes(content)
            return
    raise AssertionError(f"the values of {name} were not found in {path}")


def stamp(path: Path) -> tuple[int, int]:
    """Return what changes when a file is written or replaced."""
    about = os.stat(path)
    return about.st_mtime_ns, about.st_ino
