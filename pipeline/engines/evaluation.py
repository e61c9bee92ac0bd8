"""What engines are asked, and what they answer of one profile: plain data, without MetPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.calculations import Calculation
from pipeline.profiles import FloatArray


@dataclass(frozen=True)
class Request:
    """What to compute: the wanted names and the declarations of a user's own calculations."""

    names: tuple[str, ...]
    custom: tuple[Calculation, ...] = ()


class Evaluation(NamedTuple):
    """What came of one profile."""

    scalars: FloatArray
    """One value for each scalar calculation wanted, in the order of the request; NaN: missing."""
    levels: dict[str, FloatArray]
    """One value a level for each per-level calculation wanted."""
    errors: dict[str, str]
    """By calculation: what it raised."""
    missing: dict[str, str]
    """By calculation: why the profile has no value for it."""
    warnings: tuple[str, ...]
    """What MetPy warned of, each text once."""
