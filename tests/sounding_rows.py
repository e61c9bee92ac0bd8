"""Small soundings written as rows, for tests of what the cleaning does with them.

A row is a level: pressure hPa, temperature degC, dewpoint degC, height m, u and v wind m s-1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.config import Quality
from pipeline.flags import QC
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Profile
from pipeline.quality import clean

nan = float("nan")
Row = tuple[float, float, float, float, float, float]

#: A sounding without any fault: nothing in it is to be changed.
FAULTLESS: list[Row] = [
    (1000.0, 25.0, 20.0, 100.0, 1.0, 3.0),
    (925.0, 20.0, 16.0, 780.0, 5.0, 4.0),
    (850.0, 15.0, 10.0, 1500.0, 8.0, 5.0),
    (700.0, 5.0, -5.0, 3100.0, 12.0, 6.0),
    (500.0, -12.0, -25.0, 5800.0, 18.0, 7.0),
    (400.0, -25.0, -40.0, 7500.0, 22.0, 8.0),
    (300.0, -40.0, -55.0, 9600.0, 28.0, 9.0),
    (200.0, -55.0, -70.0, 12300.0, 35.0, 10.0),
]


def profile(rows: Sequence[Row] = FAULTLESS, **facts: Any) -> Profile:
    """Return a profile of these levels; station, time and position are known unless said."""
    columns = np.array(rows, dtype=float).reshape(len(rows), 6).T
    known = {
        "station_id": "06610",
        "time": np.datetime64("2003-05-08T12:00"),
        "latitude": 46.8,
        "longitude": 6.9,
    }
    return Profile(**dict(zip(LEVEL_VARIABLES, columns, strict=True)), **(known | facts))


def cleaned(rows: Sequence[Row] | Profile = FAULTLESS, **settings: Any) -> CheckedProfile:
    """Return a sounding cleaned with these settings, the others as they are by default."""
    given = rows if isinstance(rows, Profile) else profile(rows)
    return clean(given, Quality(**settings))


def with_level(index: int, **values: float) -> list[Row]:
    """Return the faultless sounding with other values of one level."""
    columns = [
        values.get(name, FAULTLESS[index][place]) for place, name in enumerate(LEVEL_VARIABLES)
    ]
    return [*FAULTLESS[:index], tuple(columns), *FAULTLESS[index + 1 :]]  # type: ignore[list-item]


def rows_of(checked: CheckedProfile) -> list[Row]:
    """Return the levels of a cleaned sounding as rows."""
    columns = checked.profile.levels().values()
    return list(zip(*(column.tolist() for column in columns), strict=True))


def column(checked: CheckedProfile, name: str) -> list[float]:
    """Return a variable of a cleaned sounding."""
    return getattr(checked.profile, name).tolist()


def flags(checked: CheckedProfile, name: str) -> list[str]:
    """Return the flags of a variable by name, level by level."""
    return [QC(flag).name.lower() for flag in checked.qc[name]]


def reasons(checked: CheckedProfile) -> set[str]:
    """Return the labels of the reasons that a sounding was given."""
    return {reason.label for reason in checked.reasons}


def touched(checked: CheckedProfile) -> dict[str, int]:
    """Return the steps of the cleaning that touched something, and how much."""
    return {step: count for step, count in checked.counts.items() if count}


def same_values(one: CheckedProfile | Profile, other: CheckedProfile | Profile) -> bool:
    """Tell whether two soundings have the same levels, bit for bit, missing ones included."""
    first, second = (
        each.profile if isinstance(each, CheckedProfile) else each for each in (one, other)
    )
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        for name in LEVEL_VARIABLES
    )
