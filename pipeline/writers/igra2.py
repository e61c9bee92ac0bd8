"""Soundings as IGRA version 2 text, the ``-data.txt`` of :mod:`pipeline.readers.igra2`.

The format holds whole Pa, metres and degrees, and tenths of degC, percent and m s-1; five digits of
each, six of pressure. It names stations by 11 characters and has room for 9999 levels a sounding.
What it cannot hold is left out or rounded, never guessed, and counted by what it is.

A time on the hour is written as the nominal hour. Where minutes are known they are the time of
release, and the nominal hour is missing (99). Wind is from 1 to 360 degrees, 360 is from north, and
calm is 0. Levels without pressure stand at the end. A station that has no IGRA identifier gets one
of no country (``ZZ``) and no network (``X``): ``OUN`` becomes ``ZZX00000OUN``.

Source: NOAA NCEI, ``igra2-data-format.txt``.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.disk import replacing
from pipeline.errors import PipelineError
from pipeline.profiles import FloatArray
from pipeline.ragged import offsets
from pipeline.readers import igra2 as reader

if TYPE_CHECKING:
    import xarray as xr

Columns = dict[str, NDArray[Any]]

NAME = "igra2"
MISSING = -9999
#: What else would be taken for missing, or for removed by quality assurance.
CODES = (MISSING, -8888)
MOST_LEVELS = 9999
UNKNOWN_POSITION = "-988888 -9988888"
#: Stands for the source of the data, where the archive has codes of its own.
SOURCE = "pipeline"

#: Pa, the levels that are of the first type.
STANDARD = [100 * level for level in (1000, 925, 850, 700, 500, 400, 300, 250, 200, 150, 100)]
STANDARD += [100 * level for level in (70, 50, 30, 20, 10, 7, 5, 3, 2, 1)]

#: A row, and what stands in it after the types of the level.
ROW = "%2d %5d %6d%s%5d%s%5d%s%5d %5d %5d %5d \n"
ORDER = (
    *("elapsed_time", "pressure", "pressure_flag", "height", "height_flag"),
    *("temperature", "temperature_flag", "relative_humidity", "depression", "direction", "speed"),
)

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{11}")

#: Extras that the format has room for: their units there.
_PLACES = {"elapsed_time": "s", "reported_relative_humidity": "percent"} | dict.fromkeys(
    ("pressure_flag", "height_flag", "temperature_flag"), "1"
)
_GRADES = np.array([" ", "A", "B"])


def write(dataset: xr.Dataset, path: str | os.PathLike[str]) -> Counter[str]:
    """Write the soundings of a dataset as IGRA version 2 text, and publish the file at once.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged (:func:`pipeline.ragged.to_dataset`).
    path : path
        Where to; a file that is there is replaced whole.

    Returns
    -------
    collections.Counter
        How many soundings or values could not be written as they are, by what became of them.
        Verdicts, flags of the cleaning and results have no place in the format, and are not
        counted.

    Raises
    ------
    PipelineError
        When none of the soundings can be written, or the file cannot; what was there before is
        untouched.
    """
    losses: Counter[str] = Counter()
    written = 0
    with replacing(path) as temporary:
        with temporary.open("w", encoding="ascii", newline="\n") as file:
            for sounding in soundings(dataset, losses):
                file.write(sounding)
                written += 1
        losses = +losses  # without what did not happen
        if not written:
            reasons = ", ".join(f"{count} {what}" for what, count in losses.items())
            raise PipelineError(f"{path}: not written, since it would be empty ({reasons})")
        _verify(temporary, written)
    return losses


def soundings(dataset: xr.Dataset, losses: Counter[str]) -> Iterator[str]:
    """Yield each sounding as text, and count what it loses.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged.
    losses : collections.Counter
        Added to while soundings are taken.
    """
    with np.errstate(over="ignore"):  # what is too large for a float is too large for a column
        columns = _columns(dataset, _extras(dataset, losses), losses)
    identifiers = _identifiers(dataset["station_id"].values.tolist(), losses)
    losses["names of stations left out"] += int((dataset["station_name"].values != "").sum())
    times = dataset["time"].values.astype("datetime64[s]").tolist()
    places = [dataset[name].values.tolist() for name in ("latitude", "longitude")]
    altitudes = dataset["surface_altitude"].values.tolist()
    spans = itertools.pairwise(offsets(dataset).tolist())
    for identifier, time, north, east, altitude, (start, end) in zip(
        identifiers, times, *places, altitudes, spans, strict=True
    ):
        levels = {name: values[start:end] for name, values in columns.items()}
        levels = _in_order(levels, losses)
        count = len(levels["pressure"])
        if not isinstance(time, datetime):  # none, or one in a year of five digits
            losses["soundings without a time left out"] += 1
        elif not count:
            losses["soundings without levels left out"] += 1
        elif count > MOST_LEVELS:
            losses[f"soundings of more than {MOST_LEVELS} levels left out"] += 1
        else:
            head = f"#{identifier} {_moment(time, losses)} {count:4} {_sources(levels)}"
            place = _position(north, east, losses)
            surface = _surface(levels["height"], altitude, losses)
            yield f"{head} {place}\n{_rows(levels, surface)}"


def _verify(path: Path, count: int) -> None:
    """Check that a file reads back as so many whole soundings."""
    found = 0
    for profile in reader.read(path, {}):
        if profile.problem:
            raise PipelineError(f"{path}: reads back damaged ({profile.problem}); nothing replaced")
        found += 1
    if found != count:
        raise PipelineError(f"{path}: {count} soundings read back as {found}; nothing replaced")


# --------------------------------------------------------------------------- all levels at once


def _extras(dataset: xr.Dataset, losses: Counter[str]) -> dict[str, FloatArray]:
    """Return the formats' own variables that there is room for."""
    found = {}
    for name, variable in dataset.variables.items():
        reported = variable.attrs.get("reported_name")
        if reported is None or variable.dims != ("level",):
            continue
        if variable.attrs.get("units") == _PLACES.get(reported):
            found[reported] = variable.values
        else:
            losses[f"values of {name} left out"] += int(np.isfinite(variable.values).sum())
    return found


def _columns(dataset: xr.Dataset, extras: dict[str, FloatArray], losses: Counter[str]) -> Columns:
    """Return the columns of all levels: whole numbers, and flags as letters."""
    missing = np.full(dataset.sizes["level"], np.nan)
    values = {str(name): dataset[name].values for name in ("pressure", "height", "temperature")}
    columns = {
        "elapsed_time": _clock(extras.get("elapsed_time", missing), losses),
        "pressure": _whole(values["pressure"], 100, "pressures", losses, least=1, digits=6),
        "height": _whole(values["height"], 1, "heights", losses),
        "temperature": _whole(values["temperature"], 10, "temperatures", losses),
        "relative_humidity": _whole(
            extras.get("reported_relative_humidity", missing), 10, "humidities", losses, least=0
        ),
    }
    dewpoint = _whole(dataset["dewpoint"].values, 10, "dewpoints", losses)
    columns["depression"] = _depression(columns["temperature"], dewpoint, losses)
    wind = _wind(dataset["u_wind"].values, dataset["v_wind"].values, losses)
    columns["direction"], columns["speed"] = wind
    for name in ("pressure", "height", "temperature"):
        grade = extras.get(f"{name}_flag", missing)
        known = np.isin(grade, (1, 2)) & (columns[name] != MISSING)
        columns[f"{name}_flag"] = _GRADES[np.where(known, grade, 0).astype(np.intp)]
    return columns


def _whole(
    values: FloatArray,
    parts: int,
    what: str,
    losses: Counter[str],
    *,
    least: int = -9999,
    digits: int = 5,
) -> NDArray[np.int64]:
    """Return values in whole parts of their unit, and `MISSING` where there is no room."""
    known = np.isfinite(values)
    fits = np.abs(values) < 10**digits  # else its parts may be infinite
    exact = np.where(fits, values, 0.0) * parts
    scaled = np.round(exact)
    fits &= (scaled >= least) & (scaled < 10**digits) & ~np.isin(scaled, CODES)
    losses[f"{what} out of range left out"] += int((known & ~fits).sum())
    changed = fits & (np.abs(exact - scaled) > 1e-6)
    losses[f"{what} rounded"] += int(changed.sum())
    return np.where(fits, scaled, MISSING).astype(np.int64)


def _clock(seconds: FloatArray, losses: Counter[str]) -> NDArray[np.int64]:
    """Return times since release as MMMSS."""
    whole = np.round(seconds)
    known = np.isfinite(seconds)
    fits = known & (whole >= 0) & (whole < 1000 * 60) & ~np.isin(whole, CODES)
    losses["times since release out of range left out"] += int((known & ~fits).sum())
    losses["times since release rounded"] += int((fits & (whole != seconds)).sum())
    minutes, rest = np.divmod(np.where(fits, whole, 0), 60)
    return np.where(fits, minutes * 100 + rest, MISSING).astype(np.int64)


def _depression(
    temperature: NDArray[np.int64], dewpoint: NDArray[np.int64], losses: Counter[str]
) -> NDArray[np.int64]:
    """Return how far dewpoints are below temperatures: of the rounded ones, so that both return."""
    depression = temperature - dewpoint
    has_dewpoint = dewpoint != MISSING
    known = (temperature != MISSING) & has_dewpoint
    known &= (depression > MISSING) & (depression < 10**5) & ~np.isin(depression, CODES)
    lost = has_dewpoint & ~known
    losses["dewpoints without temperature or far from it left out"] += int(lost.sum())
    return np.where(known, depression, MISSING)


def _wind(
    u_wind: FloatArray, v_wind: FloatArray, losses: Counter[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return directions in whole degrees and speeds in tenths of m s-1."""
    half = np.isfinite(u_wind) != np.isfinite(v_wind)
    losses["winds with one component only left out"] += int(half.sum())
    speed = _whole(np.hypot(u_wind, v_wind), 10, "wind speeds", losses, least=0)
    moving = (speed != MISSING) & (speed > 0)
    degrees = np.degrees(np.arctan2(-u_wind, -v_wind, where=moving, out=np.zeros(len(speed))))
    whole = np.round(degrees)
    losses["wind directions rounded"] += int((np.abs(degrees - whole) > 1e-6).sum())
    direction = (whole.astype(np.int64) - 1) % 360 + 1  # 1 to 360
    return np.where(moving, direction, np.where(speed == 0, 0, MISSING)), speed


# --------------------------------------------------------------------------- one sounding


def _in_order(levels: Columns, losses: Counter[str]) -> Columns:
    """Return the levels to write: those without pressure last, those without height too never."""
    no_pressure, no_height = levels["pressure"] == MISSING, levels["height"] == MISSING
    losses["levels without pressure and height left out"] += int((no_pressure & no_height).sum())
    if not no_pressure.any():
        return levels
    order = [*np.flatnonzero(~no_pressure), *np.flatnonzero(no_pressure & ~no_height)]
    return {name: values[np.array(order, dtype=np.intp)] for name, values in levels.items()}


def _identifiers(stations: list[str], losses: Counter[str]) -> list[str]:
    """Return the identifier of each sounding's station."""
    made = {station: _identifier(station) for station in stations}
    losses["soundings whose station got an identifier of IGRA's form"] += sum(
        made[station] != station for station in stations
    )
    times_taken = Counter(made.values())
    losses["soundings whose station shares its identifier with another one"] += sum(
        times_taken[made[station]] > 1 for station in stations
    )
    return [made[station] for station in stations]


def _identifier(station: str) -> str:
    """Return what stands for a station.

    >>> _identifier("USM00072357"), _identifier("OUN"), _identifier("a longer name")
    ('USM00072357', 'ZZX00000OUN', 'ZZXngername')
    """
    if _IDENTIFIER.fullmatch(station):
        return station
    plain = re.sub(r"[^A-Za-z0-9_-]", "", station)
    return f"ZZX{plain[-8:]:0>8}"


def _moment(time: datetime, losses: Counter[str]) -> str:
    """Return date, nominal hour and time of release."""
    date = f"{time.year:04} {time:%m %d}"
    if not (time.minute or time.second):
        return f"{date} {time:%H} 9999"
    losses["times without their seconds"] += time.second > 0
    return f"{date} 99 {time:%H%M}"


def _sources(levels: Columns) -> str:
    """Return the sources of levels with and without pressure, where there are such."""
    has_pressure = levels["pressure"] != MISSING
    first, second = has_pressure.any(), not has_pressure.all()
    return f"{SOURCE * bool(first):8} {SOURCE * second:8}"


def _position(north: float, east: float, losses: Counter[str]) -> str:
    """Return latitude and longitude in 1/10000 degree."""
    if not (abs(north) <= 90 and abs(east) <= 360):
        return UNKNOWN_POSITION
    east -= 360 * ((east > 180) - (east < -180))
    latitude, longitude = round(north * 10000), round(east * 10000)
    exact = (latitude / 10000, longitude / 10000) == (round(north, 9), round(east, 9))
    losses["positions rounded"] += not exact
    return f"{latitude:7} {longitude:8}"


def _surface(height: NDArray[Any], altitude: float, losses: Counter[str]) -> int:
    """Return which level is the surface, -1 for none."""
    if not math.isfinite(altitude):
        return -1
    losses["altitudes of stations rounded"] += altitude != round(altitude)
    found = np.flatnonzero((height == round(altitude)) & (height != MISSING))
    if not len(found):
        losses["altitudes of stations left out, since no level has that height"] += 1
        return -1
    return int(found[0])


def _rows(levels: Columns, surface: int) -> str:
    """Return levels as rows: their types, numbers and flags."""
    pressure = levels["pressure"]
    kind = np.where(pressure == MISSING, 30, np.where(np.isin(pressure, STANDARD), 10, 20))
    if surface >= 0:
        kind[surface] += 1
    columns = (kind, *(levels[name] for name in ORDER))
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return "".join(ROW % row for row in rows)
