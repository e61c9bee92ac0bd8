"""A profile's levels on their way through the cleaning, and what a step says it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.flags import QC, Reason
from pipeline.profiles import LEVEL_VARIABLES, FloatArray, Profile

if TYPE_CHECKING:
    from pipeline.config import Quality


@dataclass(frozen=True)
class Finding:
    """What a step found: the reason it gives, how many values it concerns, and the figures."""

    reason: Reason
    count: int
    message: str = ""


@dataclass(frozen=True)
class Levels:
    """A profile's levels on their way through the steps: values and flags by variable."""

    values: dict[str, FloatArray]
    qc: dict[str, NDArray[np.int8]]

    @classmethod
    def of(cls, profile: Profile) -> Levels:
        """Return the levels of a profile as it was read, flagged good or missing."""
        values = profile.levels() | {name: e.values for name, e in profile.extras.items()}
        qc = {
            name: np.where(np.isfinite(values[name]), QC.GOOD, QC.MISSING).astype(np.int8)
            for name in LEVEL_VARIABLES
        }
        return cls(values, qc)

    def __getitem__(self, name: str) -> FloatArray:
        return self.values[name]

    def __len__(self) -> int:
        return len(self.values["pressure"])

    def has(self, *names: str) -> NDArray[np.bool_]:
        """Return where all of some variables are present."""
        present = np.ones(len(self), dtype=bool)
        for name in names:
            present &= np.isfinite(self.values[name])
        return present

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Levels:
        """Return some of the levels, or all of them in another order."""
        values = {name: array[index] for name, array in self.values.items()}
        return Levels(values, {name: flags[index] for name, flags in self.qc.items()})

    def put(self, name: str, where: NDArray[np.bool_], value: FloatArray | float, qc: QC) -> Levels:
        """Return levels with other values of one variable at some of them, so flagged."""
        values = {**self.values, name: np.where(where, value, self.values[name])}
        flags = np.where(where, np.int8(qc), self.qc[name]).astype(np.int8)
        return Levels(values, {**self.qc, name: flags})


#: One step of the cleaning: levels in, levels and findings out.
Step = Callable[[Levels, Profile, "Quality"], tuple[Levels, list[Finding]]]
