"""What engines are asked, and what they answer of one profile: plain data, without MetPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pipeline.calculations import Calculation
from pipeline.profiles import FloatArray

ParcelRules = Literal["metpy", "corrected"]
"""Whether LFC, EL and CAPE are MetPy's, or found with the parcel's true LCL."""


@dataclass(frozen=True)
class Request:
    """What to compute: the wanted names and the declarations of a user's own calculations."""

    names: tuple[str, ...]
    custom: tuple[Calculation, ...] = ()
    known: Mapping[str, float | str] = field(default_factory=dict)
    """Scalars of the catalogue that are there already: values, or why there is none."""


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
