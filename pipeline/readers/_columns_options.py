"""What a config may say about model output: which columns, which times, which variable is what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReadError
from pipeline.readers._columns_names import CHOOSABLE

KEYS = ("points", "box", "times", "variables")
_SIDES = ("north", "south", "west", "east")
_RANGES = {"latitude": 90, "north": 90, "south": 90, "longitude": 360, "west": 360, "east": 360}


@dataclass(frozen=True)
class Point:
    """A place whose nearest column is wanted; degrees north and east."""

    latitude: float
    longitude: float
    station_id: str = ""
    name: str = ""


@dataclass(frozen=True)
class Box:
    """A part of the earth, degrees; `west` may be east of `east`, across the dateline."""

    north: float
    south: float
    west: float
    east: float


@dataclass(frozen=True)
class Options:
    """The options of the reader, checked.

    Parameters
    ----------
    points : tuple of Point
    box : Box or None
    times : numpy.ndarray of datetime64[s], or None
        None for all.
    start, end : numpy.datetime64
        NaT where there is no bound.
    variables : mapping of str to str
    """

    points: tuple[Point, ...] = ()
    box: Box | None = None
    times: NDArray[np.datetime64] | None = None
    start: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "s"))
    end: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "s"))
    variables: Mapping[str, str] = field(default_factory=dict)

    def wants(self, times: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Return which of some times are wanted."""
        wanted = np.ones(times.shape, dtype=bool)
        if self.times is not None:
            wanted = np.isin(times, self.times)
        if not np.isnat(self.start):
            wanted &= times >= self.start
        if not np.isnat(self.end):
            wanted &= times <= self.end
        return wanted


def parse(options: Mapping[str, Any]) -> Options:
    """Return options that make sense.

    Parameters
    ----------
    options : mapping
        As the config has them.

    Returns
    -------
    Options

    Raises
    ------
    ReadError
        With every problem found.

    Examples
    --------
    >>> parse({"points": [{"latitude": 35.2, "longitude": -97.4, "name": "OUN"}]}).points
    (Point(latitude=35.2, longitude=-97.4, station_id='', name='OUN'),)
    """
    problems = [
        f"there is no {key!r}, only {', '.join(KEYS)}" for key in options if key not in KEYS
    ]
    points = _points(options.get("points"), problems)
    box = _box(options.get("box"), problems)
    if points and box:
        problems.append("points and box: give one of them")
    times = _times(options.get("times"), problems)
    variables = _variables(options.get("variables", {}), problems)
    if problems:
        raise ReadError(f"options: {'; '.join(problems)}")
    return Options(points, box, variables=variables, **times)


def _points(given: Any, problems: list[str]) -> tuple[Point, ...]:
    if given is None:
        return ()
    if not isinstance(given, list | tuple) or not given:
        problems.append("points: a list such as [{latitude: 35.2, longitude: -97.4, name: OUN}]")
        return ()
    points = []
    for number, one in enumerate(given):
        where = f"points[{number}]"
        if not isinstance(one, Mapping):
            problems.append(f"{where}: {one!r} is no mapping such as {{latitude: 35.2, ...}}")
            continue
        known = ("latitude", "longitude", "station_id", "name")
        problems += [
            f"{where}: there is no {key!r}, only {', '.join(known)}"
            for key in one
            if key not in known
        ]
        place = [_number(one, side, where, problems) for side in ("latitude", "longitude")]
        texts = [_text(one.get(key, ""), f"{where}.{key}", problems) for key in known[2:]]
        points.append(Point(place[0], place[1], texts[0], texts[1]))
    return tuple(points)


def _box(given: Any, problems: list[str]) -> Box | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) != set(_SIDES):
        problems.append(f"box: takes {', '.join(_SIDES)}, all four in degrees")
        return None
    box = Box(*(_number(given, side, "box", problems) for side in _SIDES))
    if box.north < box.south:
        problems.append(f"box: north ({box.north:g}) is south of south ({box.south:g})")
    return box


def _number(given: Mapping[str, Any], key: str, where: str, problems: list[str]) -> float:
    value = given.get(key)
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if abs(number) <= _RANGES[key]:  # NaN is not
        return float(number)
    said = "is missing" if value is None else f"{value!r} is none"
    problems.append(f"{where}.{key}: {said}: degrees, at most {_RANGES[key]}")
    return math.nan


def _text(value: Any, where: str, problems: list[str]) -> str:
    if not isinstance(value, str):
        problems.append(f'{where}: {value!r} is no text; quote it: "{value}"')
    return str(value)


def _times(given: Any, problems: list[str]) -> dict[str, Any]:
    """Return the fields of `Options` that say which times are wanted."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        problems += [f"times: there is no {key!r}" for key in given if key not in ("start", "end")]
        return {
            key: _time(given[key], f"times.{key}", problems)
            for key in ("start", "end")
            if key in given
        }
    each = given if isinstance(given, list | tuple) else [given]
    found = [_time(one, f"times[{number}]", problems) for number, one in enumerate(each)]
    return {"times": np.array(found, dtype="datetime64[s]")}


def _time(value: Any, where: str, problems: list[str]) -> np.datetime64:
    text = str(value).strip().replace(" ", "T").removesuffix("Z").removesuffix("+00:00")
    try:
        time = np.datetime64(text, "s") if "+" not in text else np.datetime64("NaT", "s")
    except ValueError:
        time = np.datetime64("NaT", "s")
    if np.isnat(time):
        problems.append(f"{where}: {value!r} is no time such as 2010-10-26T12:00 (UTC)")
    return time


def _variables(given: Any, problems: list[str]) -> dict[str, str]:
    if not isinstance(given, Mapping):
        problems.append(f"variables: {given!r} is no mapping such as {{temperature: T}}")
        return {}
    problems += [
        f"variables: {key!r} is none of {', '.join(CHOOSABLE)}"
        for key in given
        if key not in CHOOSABLE
    ]
    return {key: str(name) for key, name in given.items()}
