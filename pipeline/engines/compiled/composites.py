"""Composite parameters, as MetPy computes them: plain arithmetic on all profiles at once."""

from __future__ import annotations

import numpy as np

from pipeline.engines.compiled.missing import NOTHING
from pipeline.engines.compiled.types import Codes, Scalars


def first_reason(*codes: Codes) -> Codes:
    """Return for each profile the first reason that one of several inputs is missing."""
    first = codes[0]
    for other in codes[1:]:
        first = np.where(first == NOTHING, other, first)
    return first


def supercell_composite(mucape: Scalars, helicity: Scalars, shear: Scalars) -> Scalars:
    """Return the supercell composite parameter (Thompson et al. 2004).

    Parameters
    ----------
    mucape, helicity, shear : tuple of numpy.ndarray
        Values and codes, in J kg-1, m2 s-2, m s-1.
    """
    strength = np.minimum(shear[0], 20.0)
    strength = np.where(strength < 10.0, 0.0, strength) / 20.0
    values = mucape[0] / 1000.0 * (helicity[0] / 50.0) * strength
    return values, first_reason(mucape[1], helicity[1], shear[1])


def significant_tornado(
    sbcape: Scalars, lcl_height: Scalars, helicity: Scalars, shear: Scalars
) -> Scalars:
    """Return the significant tornado parameter, fixed layer (Thompson et al. 2004).

    Parameters
    ----------
    sbcape, lcl_height, helicity, shear : tuple of numpy.ndarray
        Values and codes, in J kg-1, m above ground, m2 s-2, m s-1.
    """
    lowness = (2000.0 - np.clip(lcl_height[0], 1000.0, 2000.0)) / 1000.0
    strength = np.minimum(shear[0], 30.0)
    strength = np.where(strength < 12.5, 0.0, strength) / 20.0
    values = sbcape[0] / 1500.0 * lowness * (helicity[0] / 150.0) * strength
    return values, first_reason(sbcape[1], lcl_height[1], helicity[1], shear[1])
