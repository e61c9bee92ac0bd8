"""What the parts of a picture share: colours, sizes, and how values are taken from a sounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.flags import QC, Status
from pipeline.profiles import FloatArray

if TYPE_CHECKING:
    import xarray as xr

# The colours of Okabe and Ito 2008, which people with any kind of colour vision tell apart.
VERMILION, ORANGE, GREEN, BLUE = "#D55E00", "#E69F00", "#009E73", "#0072B2"
SKY, BLACK, GREY = "#56B4E9", "#000000", "#808080"

VERDICT_COLOURS = {
    Status.OK: GREEN,
    Status.SUSPECT: "#B37400",  # the orange, dark enough for white letters
    Status.REJECTED: VERMILION,
    Status.FAILED: BLACK,
}

#: Layers of the wind in km above the ground, and their colours.
WIND_LAYERS = ((0, 1, VERMILION), (1, 3, ORANGE), (3, 6, GREEN), (6, 9, BLUE))

SMALL, NORMAL, LARGE = 8.0, 8.5, 14.0  # points


def level_values(sounding: xr.Dataset, name: str) -> FloatArray:
    """Return a level variable as floats; NaN throughout if the sounding does not have it."""
    if name not in sounding.variables:
        return np.full(sounding.sizes["level"], np.nan)
    return np.asarray(sounding[name].values, dtype=np.float64)


def scalar(sounding: xr.Dataset, name: str) -> float:
    """Return a parameter; NaN if the sounding does not have it."""
    return float(sounding[name].values) if name in sounding.variables else np.nan


def was_changed(sounding: xr.Dataset, name: str) -> np.ndarray:
    """Tell on which levels the cleaning changed or filled in a variable."""
    flags = f"{name}_qc"
    if flags not in sounding.variables:
        return np.full(sounding.sizes["level"], False)
    return np.asarray(sounding[flags].values == QC.SUSPECT)


def status(sounding: xr.Dataset, name: str = "status") -> Status:
    """Return one of the two verdicts."""
    return Status(int(sounding[name].values))


def is_computed(sounding: xr.Dataset) -> bool:
    """Tell whether numbers may be made of a sounding's thermodynamics."""
    return status(sounding) in (Status.OK, Status.SUSPECT)


def height_above_ground(sounding: xr.Dataset) -> FloatArray:
    """Return heights in km above the ground; above the lowest one where nobody knows the ground."""
    height = level_values(sounding, "height")
    ground = scalar(sounding, "surface_altitude")
    if not np.isfinite(ground):
        known = height[np.isfinite(height)]
        ground = known[0] if len(known) else np.nan
    return (height - ground) / 1000.0
