"""The structure of a BUFR message: elements one by one, and replicated ones as tables.

A message names its elements in a list of descriptors: a replication (``1 XX 000``) says that the
XX next descriptors come as often as a factor in the data says. Which value is which therefore
follows from walking the list and the values together, and from nothing else: elements of the same
name stand in other blocks too (wind shear has pressures of its own), so that a pressure and a
temperature at the same place among their like need not be of the same level.

Descriptors are written as integers, ``F * 100000 + X * 1000 + Y``: 7004 is 0 07 004, pressure.

Source: WMO Manual on Codes, volume I.2, FM 94 BUFR, regulations 94.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import FloatArray

#: Operators that define reference values: up to 203255, and without values in the data.
_REFERENCES, _END_OF_REFERENCES = 203, 203255

#: Replications within replications: more than any template has.
_DEEPEST = 6


@dataclass(slots=True)
class Block:
    """What one replication holds.

    Parameters
    ----------
    codes : tuple of int
        The elements of a row, without those of replications within.
    rows : numpy.ndarray, shape (times, elements)
        Missing is NaN.
    """

    codes: tuple[int, ...]
    rows: FloatArray


@dataclass(slots=True)
class Subset:
    """One report: elements that it has once, the first value of each, and its replications."""

    once: dict[int, float] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """Where a walk through the values is, and what it has found."""

    values: FloatArray
    place: int
    blocks: list[Block] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    row: list[float] = field(default_factory=list)


def walk(descriptors: Sequence[int], values: FloatArray, place: int = 0) -> tuple[Subset, int]:
    """Return one report of a message, and where the values of the next one begin.

    Parameters
    ----------
    descriptors : sequence of int
        Elements, replications and operators, all sequences expanded.
    values : numpy.ndarray
        In the order of the message, with factors of replications; missing is NaN.
    place : int
        Where the report begins in `values`.

    Returns
    -------
    subset : Subset
    place : int

    Raises
    ------
    ReadError
        When values and descriptors do not fit together.

    Examples
    --------
    >>> subset, _ = walk([1002, 102000, 31001, 7004, 12101], np.array([610, 2, 1e5, 280, 9e4, 275]))
    >>> subset.once, subset.blocks[0].rows.tolist()
    ({1002: 610.0}, [[100000.0, 280.0], [90000.0, 275.0]])
    """
    state = _Walk(values, place)
    _sequence(state, descriptors, _DEEPEST)
    once: dict[int, float] = {}
    for code, value in zip(state.codes, state.row, strict=True):
        if np.isnan(once.get(code, np.nan)):
            once[code] = value
    return Subset(once, _joined(state.blocks)), state.place


def _sequence(state: _Walk, descriptors: Sequence[int], deep: int) -> None:
    """Take the values of a list of descriptors."""
    position = 0
    while position < len(descriptors):
        code = descriptors[position]
        position += 1
        if _is_replication(code):
            width = code // 1000 - 100
            inner = descriptors[position + 1 : position + 1 + width]
            if len(inner) < width:
                raise ReadError("damaged: a replication reaches beyond the list of elements")
            _replicate(state, inner, deep)
            position += 1 + width
        elif _has_value(code):
            state.codes.append(code)
            state.row.append(float(_take(state, 1)[0]))
        elif code % 1000 not in (0, 255):
            if _END_OF_REFERENCES not in descriptors[position:]:
                raise ReadError("damaged: reference values are defined without an end")
            position = list(descriptors).index(_END_OF_REFERENCES, position) + 1


def _replicate(state: _Walk, inner: Sequence[int], deep: int) -> None:
    """Take the values of a replication: its factor, and a row for each time."""
    factor = float(_take(state, 1)[0])
    if np.isnan(factor):
        raise ReadError("damaged: it is missing how many levels there are")
    if not deep:
        raise ReadError(f"replications within replications, more than {_DEEPEST} deep")
    times = int(factor)
    if all(_has_value(code) for code in inner):
        taken = _take(state, times * len(inner))
        state.blocks.append(Block(tuple(inner), taken.reshape(times, len(inner))))
        return
    if not times:
        codes = tuple(code for code in inner if _has_value(code))
        state.blocks.append(Block(codes, np.empty((0, len(codes)))))
    own = state.codes, state.row
    for _ in range(times):
        state.codes, state.row, before = [], [], state.place
        _sequence(state, inner, deep - 1)
        if state.place == before:
            raise ReadError("damaged: a replication of nothing")
        state.blocks.append(Block(tuple(state.codes), np.array([state.row])))
    state.codes, state.row = own


def _joined(blocks: list[Block]) -> list[Block]:
    """Return blocks, those of the same elements joined: rows of a replication that holds others."""
    rows: dict[tuple[int, ...], list[FloatArray]] = {}
    for block in blocks:
        rows.setdefault(block.codes, []).append(block.rows)
    return [
        Block(codes, parts[0] if len(parts) == 1 else np.concatenate(parts))
        for codes, parts in rows.items()
    ]


def _take(state: _Walk, count: int) -> FloatArray:
    taken = state.values[state.place : state.place + count]
    if len(taken) < count:
        raise ReadError("damaged: there are fewer values than its list of elements asks for")
    state.place += count
    return taken


def _is_replication(code: int) -> bool:
    return 100000 <= code < 200000


def _has_value(code: int) -> bool:
    """Return whether a value stands among those of ecCodes for a descriptor.

    One does for elements, for associated fields (999999) and for those operators that ecCodes
    leaves in its list, for example 222000.
    """
    return not _is_replication(code) and code // 1000 != _REFERENCES
