"""Why a kernel has no value for a profile: a number in the kernels, MetPy engine's words outside.

``0`` says nothing: there is a value, or NaN is what MetPy gives too.
"""

from __future__ import annotations

NOTHING = 0

# The profile lacks an input.
NO_THERMODYNAMICS = 1
NO_WINDS = 2
NO_GROUND_HEIGHT = 3

# It does not span the levels that an index is made of.
NOT_850_TO_500 = 10
NOT_700_TO_500 = 11
NOT_950_TO_500 = 12
WINDS_NOT_850_TO_500 = 13
WINDS_NOT_850_TO_300 = 14

# Parcels.
SHALLOW = 20
STARTS_AT_TOP = 21
ENDS_BELOW_LCL = 22
ASCENT_NOT_AT_500 = 23
NO_HEIGHT_THERE = 24

# Moisture.
NO_HEIGHTS = 30
NEVER_FREEZES = 31
WET_BULB_NEVER_FREEZES = 32

# Winds.
NO_WIND_AT_GROUND = 40
WINDS_TOO_LOW = 41

#: MetPy raises an error there, which the MetPy engine is to tell.
ERROR = 255

_TEXTS = {
    NO_THERMODYNAMICS: "fewer than two levels have temperature and dewpoint",
    NO_WINDS: "fewer than two levels have wind and height",
    NO_GROUND_HEIGHT: "the lowest level has no height",
    NOT_850_TO_500: "the levels do not span 850 to 500 hPa",
    NOT_700_TO_500: "the levels do not span 700 to 500 hPa",
    NOT_950_TO_500: "the levels do not span 950 to 500 hPa",
    WINDS_NOT_850_TO_500: "the winds do not span 850 to 500 hPa",
    WINDS_NOT_850_TO_300: "the winds do not span 850 to 300 hPa",
    SHALLOW: "the profile is less than 100 hPa deep",
    STARTS_AT_TOP: "the parcel starts at the top of the profile",
    ENDS_BELOW_LCL: "the profile ends below the parcel's LCL",
    ASCENT_NOT_AT_500: "the ascent does not cross 500 hPa",
    NO_HEIGHT_THERE: "no height there",
    NO_HEIGHTS: "no heights",
    NEVER_FREEZES: "temperature does not fall through 0 degC",
    WET_BULB_NEVER_FREEZES: "wet-bulb temperature does not fall through 0 degC",
    NO_WIND_AT_GROUND: "the lowest wind is {bottom:.0f} m above ground",
    WINDS_TOO_LOW: "the winds end {top:.0f} m above ground",
}


def text(code: int, *, bottom: float = 0.0, top: float = 0.0) -> str:
    """Return for a person why there is no value.

    Parameters
    ----------
    code : int
        One of the above, neither `NOTHING` nor `ERROR`.
    bottom, top : float
        Height of the lowest wind above the ground, and of the highest above the lowest, in m.

    Examples
    --------
    >>> text(WINDS_TOO_LOW, top=2500.0)
    'the winds end 2500 m above ground'
    """
    return _TEXTS[code].format(bottom=bottom, top=top)
