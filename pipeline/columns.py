"""Lists of profiles and sources as columns: the variables that a ragged dataset is made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import schema
from pipeline.calculations import CATALOGUE
from pipeline.flags import to_mask, verdict
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Extra, Profile, SourceRow

#: What xarray makes a variable of: dimensions, values, attributes.
Parts = tuple[tuple[str, ...], Any, schema.Attributes]


def _places_in_sources(checked: Iterable[CheckedProfile]) -> list[int]:
    """Return each one's place in its source, counted where it does not say it."""
    seen: Counter[int] = Counter()
    places = []
    for one in checked:
        counted = seen[one.source_index]
        places.append(one.source_position if one.source_position >= 0 else counted)
        seen[one.source_index] += 1
    return places


def profile_variables(checked: Sequence[CheckedProfile]) -> dict[str, Parts]:
    """Return everything that is one value a profile."""
    profiles = [one.profile for one in checked]
    times = np.array([profile.time for profile in profiles], "datetime64[s]")
    stations = texts(profile.station_id for profile in profiles)
    verdicts = [verdict(one.reasons) for one in checked]
    return _variables(
        {
            "profile_id": profile_ids(stations, times),
            "station_id": stations,
            "station_name": texts(profile.station_name for profile in profiles),
            "time": times,
            "latitude": np.array([profile.latitude for profile in profiles], np.float64),
            "longitude": np.array([profile.longitude for profile in profiles], np.float64),
            "surface_altitude": np.array([one.surface_altitude for one in profiles], np.float64),
            "row_size": np.array([len(profile) for profile in profiles], np.int32),
            "source_index": np.array([one.source_index for one in checked], np.int32),
            "source_position": np.array(_places_in_sources(checked), np.int32),
            "derived_on_reading": np.array([_derived(one) for one in profiles], np.int8),
            "status": np.array([status for status, _ in verdicts], np.int8),
            "wind_status": np.array([status for _, status in verdicts], np.int8),
            "status_reasons": np.array([to_mask(one.reasons) for one in checked], np.int64),
            "status_message": texts(one.message for one in checked),
            "cleaning_message": texts(one.message for one in checked),
        },
        schema.PROFILE_ATTRIBUTES,
    )


def _derived(profile: Profile) -> int:
    """Return the bit mask of what a reader derived."""
    return sum(1 << bit for bit, name in enumerate(LEVEL_VARIABLES) if name in profile.derived)


def cleaning_variables(checked: Sequence[CheckedProfile]) -> dict[str, Parts]:
    """Return what each step of the cleaning touched, by profile."""
    column = {label: index for index, label in enumerate(schema.STEP_LABELS)}
    counts = np.zeros((len(checked), len(column)), np.int32)
    for row, one in enumerate(checked):
        for label, count in one.counts.items():
            if label not in column:
                raise ValueError(f"{label!r} is not a cleaning step; they are {[*column]}")
            counts[row, column[label]] = count
    return _variables({"cleaning_count": counts}, schema.PROFILE_ATTRIBUTES) | _variables(
        {"cleaning_step_name": texts(schema.STEP_LABELS)}, schema.STEP_ATTRIBUTES
    )


def level_variables(checked: Sequence[CheckedProfile]) -> dict[str, Parts]:
    """Return the six level variables, each with its flags."""
    variables: dict[str, Parts] = {}
    for name, about in schema.LEVEL_ATTRIBUTES.items():
        values = [np.empty(0), *(getattr(one.profile, name) for one in checked)]
        flags = [np.empty(0, np.int8), *(one.qc[name] for one in checked)]
        attributes = about | {"ancillary_variables": f"{name}_qc"}
        variables[name] = (("level",), np.concatenate(values), attributes)
        variables[f"{name}_qc"] = (
            ("level",),
            np.concatenate(flags).astype(np.int8),
            schema.quality_attributes(name),
        )
    return variables


def extra_variables(checked: Sequence[CheckedProfile]) -> dict[str, Parts]:
    """Return the formats' own level variables, those with a value; missing where one lacks them."""
    starts = np.cumsum([0, *(len(one.profile) for one in checked)])
    carriers: dict[tuple[str, str], list[tuple[int, Extra]]] = {}
    for index, one in enumerate(checked):
        for name, extra in one.profile.extras.items():
            if np.isnan(extra.values).all():
                continue
            carriers.setdefault((name, extra.units.strip() or "1"), []).append((index, extra))
    names = extra_names(carriers)
    variables: dict[str, Parts] = {}
    for (name, units), carried in sorted(carriers.items()):
        values = np.full(starts[-1], np.nan)
        for index, extra in carried:
            values[starts[index] : starts[index + 1]] = extra.values
        long_name = min((extra.long_name for _, extra in carried if extra.long_name), default=name)
        about = schema.described(clean_text(long_name), units=units, reported_name=name)
        variables[names[name, units]] = (("level",), values, about | schema.MEASURED)
    return variables


def extra_names(
    extras: Iterable[tuple[str, str]], results: Iterable[str] = ()
) -> dict[tuple[str, str], str]:
    """Return a variable name for each (name, units) of the formats' own variables.

    Where formats use one name with several units, every variable is called ``name_units``: values
    are never mixed. What a format brings under the name of one of `results`, or of anything in the
    catalogue, is called ``reported_``. The result depends on the sets alone, not on the order.

    Examples
    --------
    >>> extra_names([("ascent_rate", "m s-1"), ("ozone", "mPa")]).values()
    dict_values(['ascent_rate', 'ozone'])
    >>> extra_names([("ascent_rate", "m s-1"), ("ascent_rate", "ft/min")]).values()
    dict_values(['ascent_rate_ft_min', 'ascent_rate_m_s_1'])
    """
    pairs = sorted(set(extras))
    units_of = Counter(name for name, _ in pairs)
    reserved = {name.lower() for name in (*schema.RESERVED, *CATALOGUE, *results)}
    taken = dict.fromkeys(reserved, 1)
    names = {}
    for name, units in pairs:
        wanted = f"{name}_{units}" if units_of[name] > 1 else name
        wanted = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_")
        if not wanted[:1].isalpha() or wanted.lower() in reserved:
            wanted = f"reported_{wanted}"
        names[name, units] = _unused(wanted, taken, str.lower)
    return names


def source_variables(sources: Sequence[SourceRow]) -> dict[str, Parts]:
    """Return the source table."""
    return _variables(
        {
            "source_path": texts(row.path for row in sources),
            "source_fingerprint": texts(row.fingerprint for row in sources),
            "source_reader": texts(row.reader for row in sources),
            "source_status": np.array([row.status for row in sources], np.int8),
            "source_message": texts(row.message for row in sources),
            "source_profiles": np.array([row.profiles for row in sources], np.int32),
            "source_recipe": texts(row.recipe for row in sources),
            "source_stations": texts(row.stations for row in sources),
        },
        schema.SOURCE_ATTRIBUTES,
    )


def _variables(
    values: Mapping[str, Any], attributes: Mapping[str, schema.Attributes]
) -> dict[str, Parts]:
    return {
        name: (schema.DIMENSIONS[name], value, dict(attributes[name]))
        for name, value in values.items()
    }


def texts(values: Iterable[str]) -> NDArray[np.object_]:
    """Return texts as an array, each as one that can be written."""
    return np.array([clean_text(value) for value in values], dtype=object)


def clean_text(text: str) -> str:
    """Return a text that can be written: no NUL, nothing that UTF-8 does not know."""
    # File names may hold bytes that are no UTF-8, which Python carries as lone surrogates.
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")


def profile_ids(stations: Iterable[str], times: NDArray[np.datetime64]) -> NDArray[np.object_]:
    """Return a unique id for each profile: station and time, then _2, _3 in their order."""
    minutes = np.datetime_as_string(times, unit="m").tolist() if len(times) else []
    taken: dict[str, int] = {}
    ids = []
    for station, minute in zip(stations, minutes, strict=True):
        place = re.sub(r"[^A-Za-z0-9.+-]+", "_", station) or "unknown"
        when = "no-time" if minute == "NaT" else re.sub(r"[-:]", "", minute)
        ids.append(_unused(f"{place}_{when}", taken))
    return texts(ids)


def _unused(wanted: str, taken: dict[str, int], key: Callable[[str], str] = str) -> str:
    """Return a name that is not taken, and take it; `taken` counts how often each was wanted."""
    number = taken.get(key(wanted), 0) + 1
    name = wanted if number == 1 else f"{wanted}_{number}"
    while key(name) in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken[key(wanted)] = number
    taken.setdefault(key(name), 1)
    return name
