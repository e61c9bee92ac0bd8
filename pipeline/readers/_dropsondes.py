"""What dropsondes share: a sonde is carried by an aircraft, released, and falls to the ground.

Its records come from the top down, and may begin long before the release, when the sonde still
measures the cabin and the aircraft's own speed for a wind. Readers of dropsondes keep what was
measured in the fall, and give it from the surface up, as every other profile comes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.profiles import FloatArray

#: Columns that tell which end of a profile is the ground, and the sign of their change upwards.
_UPWARDS = {"pressure": -1.0, "height": 1.0}


def from_the_surface_up(columns: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return columns from the surface up, turned round where they come from the top down.

    Pressure tells, or height where there is no pressure; where neither does they stay as they
    are. Halves are compared, not ends, so that a wild first or last value decides nothing, and
    nothing is sorted: a real bump stays for the cleaning to see.

    Parameters
    ----------
    columns : mapping of str to numpy.ndarray, shape (levels,)
        Any level variables; the order is judged by `pressure` (hPa) or `height` (m).

    Returns
    -------
    dict of str to numpy.ndarray, shape (levels,)

    Examples
    --------
    >>> fall = {"pressure": np.array([300.0, 700.0, 1000.0]), "time": np.array([0.0, 90.0, 150.0])}
    >>> from_the_surface_up(fall)["time"]
    array([150.,  90.,   0.])
    """
    turned = _rise(columns) < 0
    return {name: values[::-1] if turned else values for name, values in columns.items()}


def _rise(columns: Mapping[str, FloatArray]) -> float:
    """Return a positive number for a profile told upwards, a negative one for downwards, or 0."""
    for name, sign in _UPWARDS.items():
        values = columns.get(name, np.empty(0))
        values = values[np.isfinite(values)]
        half = len(values) // 2
        if half:
            rise = sign * float(np.median(values[-half:]) - np.median(values[:half]))
            if rise:
                return rise
    return 0.0


def only_where(
    columns: Mapping[str, FloatArray], keep: NDArray[np.bool_]
) -> tuple[dict[str, FloatArray], int]:
    """Return columns at some levels only, and how many levels that leaves out.

    Parameters
    ----------
    columns : mapping of str to numpy.ndarray, shape (levels,)
    keep : numpy.ndarray of bool, shape (levels,)

    Returns
    -------
    columns : dict of str to numpy.ndarray
    left_out : int

    Examples
    --------
    >>> only_where({"pressure": np.array([300.0, 700.0])}, np.array([False, True]))
    ({'pressure': array([700.])}, 1)
    """
    return {name: values[keep] for name, values in columns.items()}, int((~keep).sum())


def after_release(time: ArrayLike, release: float | np.datetime64) -> NDArray[np.bool_]:
    """Return which records were taken at the release or later; all, where it is not known.

    Parameters
    ----------
    time : array_like, shape (levels,)
        Seconds since the release or any other moment, or UTC; NaN and NaT count as not before.
    release : float or numpy.datetime64
        In the same terms; NaN or NaT where it is not known.

    Examples
    --------
    >>> after_release([-2.0, 0.0, 0.5], 0.0)
    array([False,  True,  True])
    """
    return np.asarray(~(np.asarray(time) < release))
