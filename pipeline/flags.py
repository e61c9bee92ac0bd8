"""The words for quality: flags of a value, verdicts on a profile, and the reasons for them.

These three lists are written into every output file (CF ``flag_values``, ``flag_masks`` and
``flag_meanings``). Their numbers are therefore for ever: add at the end, never renumber.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntEnum

import numpy as np
from numpy.typing import NDArray


class QC(IntEnum):
    """QARTOD's flags of a single value, in the ``*_qc`` variables."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    """Changed or filled by the cleaning: interpolated, extended, merged or derived."""
    FAIL = 4
    """Reported, found wrong and removed; the value in the file is missing."""
    MISSING = 9


class Status(IntEnum):
    """The verdict on a profile, in ``status`` (from thermodynamics) and ``wind_status``."""

    OK = 0
    SUSPECT = 1
    REJECTED = 2
    FAILED = 3
    NOT_EVALUATED = 4
    """As it was read; nobody has judged it."""


class SourceStatus(IntEnum):
    """What became of an input file, in ``source_status``."""

    READ = 0
    EMPTY = 1
    """A file of a known format without a sounding in it."""
    UNREADABLE = 2
    """No reader knows it, or the one that does found it broken."""
    QUARANTINED = 3
    """Reading it killed a worker, took too long, or met an error of ours: it is not tried again
    before it, the settings or the code change."""
    GONE = 4
    """No longer there; its profiles are those of the last run that could read it."""


class Reason(Enum):
    """Why a profile is what it is: bit in ``status_reasons``, what it makes of the profile's
    thermodynamics and of its winds, and what it says to a person.
    """

    # What the cleaning did; each is counted in ``cleaning_count``.
    IMPLAUSIBLE_VALUES_REMOVED = (0, "ok", "ok", "implausible values were removed")
    LEVELS_WITHOUT_PRESSURE_REMOVED = (1, "ok", "ok", "levels without pressure were removed")
    BELOW_STATION_LEVELS_REMOVED = (2, "ok", "ok", "levels below the station were removed")
    PRESSURE_DERIVED = (3, "ok", "ok", "pressure of some levels was derived from height")
    PRESSURE_DISORDER_SORTED = (4, "suspect", "suspect", "levels were out of order and sorted")
    PRESSURE_SMOOTHED = (5, "ok", "ok", "small upward bumps in pressure were smoothed out")
    DUPLICATE_LEVELS_MERGED = (6, "ok", "ok", "levels with the same pressure were merged")
    DEWPOINT_ABOVE_TEMPERATURE = (7, "ok", "ok", "dewpoint above temperature was set to it")
    DEWPOINT_FAR_ABOVE_TEMPERATURE = (8, "suspect", "ok", "dewpoint far above temperature low down")
    HUMIDITY_GAP_INTERPOLATED = (9, "ok", "ok", "gaps in dewpoint were interpolated")
    HUMIDITY_GAP_DEEP = (10, "suspect", "ok", "a deep layer low down has no dewpoint report")
    HUMIDITY_EXTENDED_ALOFT = (11, "ok", "ok", "dewpoint was extended above its last report")
    HEIGHT_DERIVED = (12, "ok", "ok", "missing heights were derived hydrostatically")
    HEIGHT_NOT_INCREASING = (13, "ok", "suspect", "height does not increase everywhere")
    # What it found.
    HUMIDITY_ENDS_EARLY = (14, "suspect", "ok", "dewpoint ends below the 500 hPa level")
    HUMIDITY_ALOFT_MISSING = (15, "rejected", "ok", "dewpoint is missing aloft")
    SURFACE_HUMIDITY_MISSING = (16, "suspect", "ok", "the lowest level lacks dewpoint")
    HEIGHT_MISSING = (17, "suspect", "rejected", "there are no heights and no way to derive them")
    NO_LEVELS = (18, "rejected", "rejected", "no usable level")
    TOO_FEW_LEVELS = (19, "rejected", "ok", "too few levels with temperature and dewpoint")
    TOP_TOO_LOW = (20, "rejected", "ok", "the sounding ends too low")
    NO_SURFACE_HUMIDITY = (21, "rejected", "ok", "no dewpoint near the surface")
    NO_WIND = (22, "ok", "rejected", "no usable winds")
    SURFACE_WIND_MISSING = (23, "ok", "suspect", "the surface wind is missing")
    WIND_GAP = (24, "ok", "suspect", "a deep layer has no wind report")
    POSITION_MISSING = (25, "ok", "ok", "the position is not known")
    TIME_MISSING = (26, "ok", "ok", "the time is not known")
    UNREADABLE = (27, "rejected", "rejected", "the sounding could not be read")
    # What the post-conditions found in the results.
    NEGATIVE_CAPE = (28, "suspect", "ok", "MetPy's CAPE was negative and is masked")
    MUCAPE_BELOW_SBCAPE = (29, "suspect", "ok", "most unstable CAPE is below the surface-based one")
    PARCEL_LEVELS_DISORDERED = (30, "suspect", "ok", "LCL, LFC and EL are not in that order")
    CAPE_MISSES_BUOYANCY = (31, "suspect", "ok", "CAPE is far from the parcel's positive area")
    TOP_BELOW_EQUILIBRIUM_LEVEL = (32, "suspect", "ok", "the parcel is still buoyant at the top")
    VALUE_OUT_OF_RANGE = (33, "suspect", "ok", "a result outside its valid range was masked")
    # What went wrong.
    CALCULATION_FAILED = (34, "failed", "ok", "a calculation raised an error")
    WORKER_LOST = (35, "failed", "failed", "its work killed a worker or took too long")
    # Found since.
    STARTS_ABOVE_GROUND = (36, "suspect", "suspect", "the lowest level is far above the ground")
    LAYER_MISSING = (37, "suspect", "ok", "a deep layer has no temperature and dewpoint")
    NOT_CLEANED = (38, "not_evaluated", "not_evaluated", "as it was read, not cleaned")

    def __init__(self, bit: int, status: str, wind_status: str, sentence: str) -> None:
        self.mask = 1 << bit
        self.status = Status[status.upper()]
        self.wind_status = Status[wind_status.upper()]
        self.sentence = sentence

    @property
    def label(self) -> str:
        """The word for it in ``flag_meanings``, for example ``humidity_extended_aloft``."""
        return self.name.lower()


#: The reasons that come from results; all others are known before anything is computed.
RESULT_REASONS = tuple(list(Reason)[28:36])

#: The reasons that are steps of the cleaning, in the order of ``cleaning_count``.
CLEANING_STEPS = tuple(list(Reason)[:14])


def to_mask(reasons: Iterable[Reason]) -> int:
    """Return the ``status_reasons`` bit mask of some reasons."""
    mask = 0
    for reason in reasons:
        mask |= reason.mask
    return mask


def from_mask(mask: int) -> list[Reason]:
    """Return the reasons in a ``status_reasons`` bit mask, in the order of their bits."""
    return [reason for reason in Reason if int(mask) & reason.mask]


def verdict(reasons: Iterable[Reason]) -> tuple[Status, Status]:
    """Return what reasons make of a profile: ``(status, wind_status)``, the worst of each."""
    reasons = list(reasons)
    status = max((reason.status for reason in reasons), default=Status.OK)
    wind_status = max((reason.wind_status for reason in reasons), default=Status.OK)
    return status, wind_status


def without_results(masks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``status_reasons`` as they were before anything was computed."""
    return masks & ~to_mask(RESULT_REASONS)


def verdicts(masks: Iterable[int]) -> NDArray[np.int8]:
    """Return what ``status_reasons`` make of profiles.

    Returns
    -------
    numpy.ndarray of int8, shape (2, profiles)
        ``status`` and ``wind_status``.

    Examples
    --------
    >>> verdicts([0, Reason.WIND_GAP.mask, Reason.TOP_TOO_LOW.mask]).tolist()
    [[0, 0, 2], [0, 1, 0]]
    """
    found = [verdict(from_mask(mask)) for mask in masks]
    return np.array(found, np.int8).reshape(-1, 2).T
