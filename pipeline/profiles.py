"""The one data model: profiles as readers give them, and many of them in one ragged dataset.

A :class:`Profile` is one ascent or column: six level variables as plain float arrays and a few
facts about it. Many of them make a *season*: an :class:`xarray.Dataset` in CF's contiguous ragged
form, all profiles' levels end to end along ``level``, ``row_size`` saying how many belong to each
``profile``. A mix of 30-level and 6000-level profiles costs what it holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.flags import Reason, SourceStatus

FloatArray = NDArray[np.float64]

#: The level variables of every profile, in the order in which argument tuples carry them.
LEVEL_VARIABLES = ("pressure", "temperature", "dewpoint", "height", "u_wind", "v_wind")

_LEVEL_VARIABLES = frozenset(LEVEL_VARIABLES)

#: What a reader derives that computes the wind's components from its speed and direction.
WINDS = frozenset({"u_wind", "v_wind"})

NOT_A_TIME = np.datetime64("NaT", "s")

_FLOAT = np.dtype(np.float64)
_NO_VALUES: FloatArray = np.empty(0)


def _no_values() -> FloatArray:
    """Return what stands for a variable that a source does not have."""
    return _NO_VALUES


class Extra(NamedTuple):
    """A level variable of a format's own, riding along: one value a level, its units and name."""

    values: FloatArray
    units: str = "1"
    long_name: str = ""


@dataclass(slots=True, kw_only=True)
class Profile:
    """One ascent or column, as a reader found it, in the project's units.

    Parameters
    ----------
    pressure : array_like, shape (levels,), optional
        hPa, in the order of the source; the cleaning puts it in order. Without it there are no
        levels.
    temperature, dewpoint : array_like, shape (levels,), optional
        degC.
    height : array_like, shape (levels,), optional
        m above mean sea level (geopotential heights count as such).
    u_wind, v_wind : array_like, shape (levels,), optional
        m s-1, towards east and north.
    station_id : str
        Always text: ``03005`` is not a number.
    station_name : str
    time : numpy.datetime64
        UTC, nominal or release time, whichever the source gives.
    latitude, longitude : float
        degrees north and east (-180 to 180); NaN where not known.
    surface_altitude : float
        m above mean sea level; NaN where the source does not say.
    extras : dict of str to Extra
        More level variables, by the names of :mod:`pipeline.readers._riding`. A quantity that
        the catalogue computes too is prefixed ``reported_``.
    derived : frozenset of str
        Level variables that the source does not give, and the reader computed: dewpoint from
        another humidity, winds from speed and direction.
    notes : tuple of str
        What the reader had to decide, for a person who asks why.
    problem : str
        Not empty where the source holds this sounding but it could not be read; it then has no
        levels, and is rejected with this text.

    Raises
    ------
    ValueError
        When arrays differ in length, or what is derived is no level variable.

    Examples
    --------
    >>> profile = Profile(pressure=[1000.0, 925.0], temperature=[20.0, 15.0], station_id="06610")
    >>> len(profile), profile.dewpoint
    (2, array([nan, nan]))
    """

    pressure: FloatArray = field(default_factory=_no_values)
    temperature: FloatArray = field(default_factory=_no_values)
    dewpoint: FloatArray = field(default_factory=_no_values)
    height: FloatArray = field(default_factory=_no_values)
    u_wind: FloatArray = field(default_factory=_no_values)
    v_wind: FloatArray = field(default_factory=_no_values)
    station_id: str = ""
    station_name: str = ""
    time: np.datetime64 = NOT_A_TIME
    latitude: float = np.nan
    longitude: float = np.nan
    surface_altitude: float = np.nan
    extras: dict[str, Extra] = field(default_factory=dict)
    derived: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    problem: str = ""

    def __post_init__(self) -> None:
        self.pressure = pressure = as_floats(self.pressure)
        shape = pressure.shape
        for name in LEVEL_VARIABLES[1:]:
            value = getattr(self, name)
            values = np.full(len(pressure), np.nan) if value is _NO_VALUES else as_floats(value)
            if values.shape != shape:
                raise ValueError(f"{name} has {len(values)} levels where pressure has {shape[0]}")
            if values is not value:
                setattr(self, name, values)
        if self.time.dtype != NOT_A_TIME.dtype:
            self.time = self.time.astype(NOT_A_TIME.dtype)
        if not self.derived <= _LEVEL_VARIABLES:
            unknown = ", ".join(sorted(self.derived - _LEVEL_VARIABLES))
            raise ValueError(f"derived: no level variables: {unknown}")

    def __len__(self) -> int:
        return len(self.pressure)

    def levels(self) -> dict[str, FloatArray]:
        """Return the six level variables by name, as float arrays."""
        return {name: getattr(self, name) for name in LEVEL_VARIABLES}


def as_floats(values: ArrayLike) -> FloatArray:
    """Return values as a contiguous 1D float64 array, masked entries as NaN.

    MetPy ignores masks and computes with the fill value beneath them, so no mask may get past
    here.
    """
    if (
        type(values) is np.ndarray
        and values.dtype == _FLOAT
        and values.ndim == 1
        and values.flags.c_contiguous
    ):
        return values  # the way of most: an archive has a million of them
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    return np.ascontiguousarray(np.atleast_1d(np.asarray(values, dtype=np.float64)))


def wind_components(speed: ArrayLike, direction: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return ``(u_wind, v_wind)``, in the units of `speed`.

    Parameters
    ----------
    speed : array_like, shape (levels,)
        In m s-1, if the result is to go into a :class:`Profile`.
    direction : array_like, shape (levels,)
        degrees clockwise from north, from where it blows. Calm wind may lack one.

    Examples
    --------
    >>> u_wind, v_wind = wind_components([10.0], [270.0])
    >>> u_wind.round(6), v_wind.round(6)
    (array([10.]), array([0.]))
    """
    speed, direction = as_floats(speed), as_floats(direction)
    angle = np.radians(np.where(speed == 0, 0.0, direction))
    return -speed * np.sin(angle), -speed * np.cos(angle) + 0.0


@dataclass(slots=True, kw_only=True)
class CheckedProfile:
    """A profile after cleaning, with everything the cleaning has to say about it.

    Parameters
    ----------
    profile : Profile
        Cleaned: from the surface up, pressure strictly falling.
    qc : dict of str to numpy.ndarray of int8, shape (levels,)
        For each of `LEVEL_VARIABLES` the :class:`~pipeline.flags.QC` of its values.
    reasons : set of Reason
        From them follow ``status`` and ``wind_status`` (:func:`pipeline.flags.verdict`).
    counts : dict of str to int
        How many values or levels each cleaning step touched, by the label of its reason.
    message : str
        The same for a person, with figures; empty where there is nothing to say.
    source_index : int
        Row of the source table that this profile came from.
    source_position : int
        Its place among the profiles of that source, from 0; -1 where those of the source come
        together and in order, and may be counted.
    """

    profile: Profile
    qc: dict[str, NDArray[np.int8]]
    reasons: set[Reason]
    counts: dict[str, int]
    message: str = ""
    source_index: int = -1
    source_position: int = -1


@dataclass(slots=True, kw_only=True)
class SourceRow:
    """A row of the source table: an input file, what became of it, and what shaped that.

    Parameters
    ----------
    path : str
        Relative to the folder of the output.
    fingerprint : str
        Of its content.
    reader : str
    status : SourceStatus
    message : str
        For a person; empty where there is nothing to say.
    profiles : int
        How many were found in it.
    recipe : str
        The settings and versions that it was worked on with (:mod:`pipeline.recipe`).
    stations : str
        Fingerprint of what the table of stations says about its stations.
    """

    path: str
    fingerprint: str = ""
    reader: str = ""
    status: SourceStatus = SourceStatus.READ
    message: str = ""
    profiles: int = 0
    recipe: str = ""
    stations: str = ""
