"""Composite parameters."""

from __future__ import annotations

import metpy.calc as mpcalc

from pipeline.engines.adapters.common import Quantity


def supercell_composite(mucape: Quantity, helicity: Quantity, shear: Quantity) -> Quantity:
    """Return the supercell composite parameter."""
    return mpcalc.supercell_composite(mucape, helicity, shear)


def significant_tornado(
    sbcape: Quantity, lcl_height: Quantity, helicity: Quantity, shear: Quantity
) -> Quantity:
    """Return the significant tornado parameter."""
    return mpcalc.significant_tornado(sbcape, lcl_height, helicity, shear).to("dimensionless")
