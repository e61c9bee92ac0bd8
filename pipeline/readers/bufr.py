"""WMO BUFR soundings: TEMP, TEMP SHIP, TEMP DROP, descents and PILOT, of editions 2 to 4.

Templates of WMO (309007, 309052 TEMP, 309053 TEMP DROP, 309056 descent, 309057 TEMP, 309050
PILOT), national ones and lists of elements without a template are read alike: a level is a row of
a replicated block that holds temperature, humidity or wind beside pressure or height. Blocks of
wind shear and of quality also hold pressures, and are none. Pressure in Pa, temperatures in K, wind
in m/s and degrees; height as geopotential height, geopotential (m2 s-2) or height.

The time is the first that the message gives, in the newer templates the launch's. Displacement of
the balloon, seconds since launch and the significance of levels ride along. Station numbers of
WMO have five digits; where there is none, the call sign of a ship, the flight number of an
aircraft or the WIGOS identifier stands.

Values come from ecCodes (extra ``bufr``), what belongs to what from the list of descriptors
(:mod:`pipeline.readers._bufr_structure`).

Source: WMO Manual on Codes (WMO-No. 306), volume I.2, FM 94 BUFR, tables B and D.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import Extra, FloatArray, Profile
from pipeline.readers._bufr_decode import Decoded, decoded, time_of
from pipeline.readers._bufr_messages import MAGIC, SOUNDINGS, Message, describe, messages
from pipeline.readers._bufr_structure import Block, Subset, walk
from pipeline.readers._dropsondes import from_the_surface_up
from pipeline.readers._eccodes import library
from pipeline.readers._quantities import UNITS, build, convert
from pipeline.readers._riding import drifted, riding
from pipeline.readers.limits import refuse_levels
from pipeline.readers.refusals import NearMiss

NAME = "bufr"
DESCRIPTION = "WMO BUFR: TEMP, TEMP DROP, descents, PILOT, one or many messages (extra: bufr)"

#: Elements of a level by what they are, the first that a block has counts, and their units.
LEVEL = {
    "pressure": ((7004, 10004), "Pa"),
    "temperature": ((12101, 12001), "kelvin"),
    "dewpoint": ((12103, 12003), "kelvin"),
    "relative_humidity": ((13003, 13009), "%"),
    "specific_humidity": ((13001,), "kg kg-1"),
    "mixing_ratio": ((13002,), "kg kg-1"),
    "height": ((10009, 7009, 7007, 7002, 10007), "m"),
    "geopotential": ((10008, 10003, 7008, 7003), "m2 s-2"),
    "height_above_ground": ((7006,), "m"),
    "wind_direction": ((11001,), "degree"),
    "wind_speed": ((11002,), "m s-1"),
    "u_wind": ((11003,), "m s-1"),
    "v_wind": ((11004,), "m s-1"),
}
VERTICAL = ("pressure", "height", "geopotential", "height_above_ground")
GEOPOTENTIAL_HEIGHTS = (10009, 7009)
#: What says that values are statistics of many soundings, as in CLIMAT TEMP.
STATISTICS = 8023

RIDING = {
    4086: "elapsed_time",
    8001: "vertical_significance",
    8042: "extended_vertical_significance",
}
DISPLACEMENT = {5015: "latitude", 6015: "longitude"}

YEAR_TO_MINUTE, SECOND = (4001, 4002, 4003, 4004, 4005), 4006
LATITUDES, LONGITUDES = (5001, 5002), (6001, 6002)
#: Of the ground, else of the station.
ALTITUDES = (7030, 7001)
BLOCK_NUMBER, STATION_NUMBER = 1001, 1002
#: Ship or mobile land station, aircraft's flight number, aircraft's registration.
CALL_SIGNS = (1011, 1006, 1008)
WIGOS = (1125, 1126, 1127, 1128)

#: How many messages are looked at for one of soundings.
_MOST_SNIFFED = 1000
_MOST_REASONS = 5


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if there are messages of soundings, otherwise what there is instead.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    path : Path
        Opened where there are messages in `head`.

    Returns
    -------
    str or None

    Examples
    --------
    >>> sniff(b"%TITLE%", Path("14061619.OAX"))
    'no BUFR message'
    """
    others: dict[str, None] = {}
    if MAGIC in head:
        try:
            with path.open("rb") as stream:
                for message in islice(messages(stream), _MOST_SNIFFED):
                    if message.category == SOUNDINGS:
                        return None
                    others[_other(message)] = None
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"
    return NearMiss("; ".join([*others][:_MOST_REASONS])) if others else "no BUFR message"


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of a BUFR file, message by message.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels as they stand in the message; those of a drop or descent turned round, from the
        surface up. A message that cannot be decoded is one with its ``problem`` said; messages
        of other categories are passed over.

    Raises
    ------
    ReadError
        When no message of the file gives a sounding, or ecCodes is not installed.
    """
    library()
    waiting: list[Profile] = []
    others: dict[str, None] = {}
    found = False
    with path.open("rb") as stream:
        for message in messages(stream):
            try:
                profiles = _soundings(message)
            except _NoSoundingError as error:
                others[str(error)] = None
                continue
            # Problems wait until it is known that they are not all there is.
            waiting += profiles
            found = found or any(not profile.problem for profile in profiles)
            if found:
                yield from waiting
                waiting = []
    if not found:
        reasons = [*(profile.problem for profile in waiting), *others]
        more = f" (and {len(reasons) - _MOST_REASONS} more)" if len(reasons) > _MOST_REASONS else ""
        raise ReadError("; ".join(reasons[:_MOST_REASONS]) + more or "no BUFR message")


class _NoSoundingError(Exception):
    """A message that is about something else."""


def _soundings(message: Message) -> list[Profile]:
    """Return the soundings of a message; its problem is that of one sounding."""
    where = f"message {message.number}: "
    if message.category not in (SOUNDINGS, -1):
        raise _NoSoundingError(_other(message))
    if message.problem:
        return [Profile(problem=where + message.problem)]
    with decoded(message.content) as content:
        if content.problem:
            return [Profile(problem=where + content.problem, time=content.time)]
        return _of_subsets(content, message.subsets, where)


def _other(message: Message) -> str:
    if message.problem:
        return f"message {message.number}: {message.problem}"
    return f"{describe(message.category)}, no soundings"


# ------------------------------------------------------------------------------------ soundings


def _of_subsets(content: Decoded, subsets: int, where: str) -> list[Profile]:
    """Return the soundings of a decoded message, up to where it is damaged."""
    profiles: list[Profile] = []
    place = 0
    for number in range(1, subsets + 1):
        this = f"{where}subset {number} of {subsets}: " if subsets > 1 else where
        try:
            subset, place = walk(content.descriptors, content.values, place)
            if number == subsets and place != len(content.values):
                raise ReadError("damaged: there are more values than its list of elements asks for")
        except ReadError as error:
            profiles.append(Profile(problem=f"{this}{error}", time=content.time))
            break
        blocks = [block for block in subset.blocks if _are_levels(block.codes)]
        if not blocks and not profiles:
            raise _NoSoundingError(f"{where}{describe(SOUNDINGS)}, but no block of levels in it")
        profiles.append(_profile(subset, blocks, content, this))
    return profiles


@functools.lru_cache(maxsize=256)
def _are_levels(codes: tuple[int, ...]) -> bool:
    """Return whether a row of these elements is a level: something measured, at some place."""
    roles = {role for role, (elements, _) in LEVEL.items() if not {*elements}.isdisjoint(codes)}
    measured = roles.difference(VERTICAL)
    return bool(measured) and not roles.isdisjoint(VERTICAL) and STATISTICS not in codes


def _profile(subset: Subset, blocks: list[Block], content: Decoded, where: str) -> Profile:
    """Return one sounding, or say in its `problem` why not."""
    facts, notes = _facts(subset.once, content)
    try:
        levels = sum(len(block.rows) for block in blocks)
        refuse_levels(levels)
        if not levels:
            raise ReadError("it has no levels")
    except ReadError as error:
        return Profile(problem=f"{where}{error}", notes=tuple(notes), **facts)
    quantities = _quantities(blocks)
    if "height" in quantities and not _has_any(blocks, GEOPOTENTIAL_HEIGHTS):
        notes.append("heights are not geopotential ones")
    if len(blocks) > 1:
        notes.append(f"levels of {len(blocks)} blocks of the message, one after the other")
    along = _riding(blocks, facts)
    columns = {**quantities, **{name: extra.values for name, extra in along.items()}}
    turned = from_the_surface_up(columns)
    if len(blocks) == 1 and turned["pressure"] is not columns["pressure"]:
        notes.append("comes from the top down, and was turned round")
        columns = turned
    along = riding({name: columns[name] for name in along})
    return build({name: columns[name] for name in quantities}, tuple(notes), along, **facts)


def _quantities(blocks: list[Block]) -> dict[str, FloatArray]:
    """Return what is on the levels, in the project's units; there is always a pressure."""
    quantities = {}
    for role, (elements, units) in LEVEL.items():
        if role == "pressure" or _has_any(blocks, elements):
            quantities[role] = convert(_column(blocks, elements), units, UNITS[role])
    return quantities


def _riding(blocks: list[Block], facts: Mapping[str, Any]) -> dict[str, Extra]:
    """Return what rides along, of which at least one value is there."""
    found = {name: _column(blocks, (code,)) for code, name in RIDING.items()}
    found |= drifted(facts, {name: _column(blocks, (code,)) for code, name in DISPLACEMENT.items()})
    return riding({name: values for name, values in found.items() if np.isfinite(values).any()})


def _column(blocks: list[Block], elements: tuple[int, ...]) -> FloatArray:
    """Return the first of some elements that is in each block, block after block."""
    parts = []
    for block in blocks:
        there = [block.codes.index(element) for element in elements if element in block.codes]
        parts.append(block.rows[:, there[0]] if there else np.full(len(block.rows), np.nan))
    return np.concatenate(parts)


def _has_any(blocks: list[Block], elements: tuple[int, ...]) -> bool:
    return any(element in block.codes for block in blocks for element in elements)


# ---------------------------------------------------------------------------------------- facts


def _facts(once: Mapping[int, float], content: Decoded) -> tuple[dict[str, Any], list[str]]:
    """Return station, time and position, and what is to be said about them."""
    notes = []
    station, why = _station(once, content)
    if why:
        notes.append(why)
    numbers = [_first(once, (code,)) for code in YEAR_TO_MINUTE]
    second = _first(once, (SECOND,))
    time = time_of([*numbers, 0.0 if np.isnan(second) else second])
    if np.isnat(time) and not np.isnat(content.time):
        time = content.time
        notes.append("the time is that in the head of the message")
    facts = {
        "station_id": station,
        "time": time,
        "latitude": _first(once, LATITUDES),
        "longitude": _first(once, LONGITUDES),
        "surface_altitude": _first(once, ALTITUDES),
    }
    return facts, notes


def _first(once: Mapping[int, float], codes: tuple[int, ...]) -> float:
    """Return the first of some elements that the message has a value of."""
    values = (once.get(code, np.nan) for code in codes)
    return next((value for value in values if not np.isnan(value)), np.nan)


def _station(once: Mapping[int, float], content: Decoded) -> tuple[str, str]:
    """Return what the message calls the station, and what is to be said about that."""
    block, number = _first(once, (BLOCK_NUMBER,)), _first(once, (STATION_NUMBER,))
    if 0 <= block < 100 and 0 <= number < 1000:
        return f"{block:02.0f}{number:03.0f}", ""
    for code in CALL_SIGNS:
        if sign := content.text(_first(once, (code,))):
            return sign, ""
    parts = [_first(once, (code,)) for code in WIGOS[:3]]
    local = content.text(_first(once, WIGOS[3:]))
    if local and not np.isnan(parts).any():
        return "-".join([*(f"{part:.0f}" for part in parts), local]), ""
    return "", "the message names no station"
