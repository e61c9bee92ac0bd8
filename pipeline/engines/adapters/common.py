"""What the adapters share: the way to say that there is no answer, and units parsed once."""

from __future__ import annotations

from typing import Any

from metpy.units import units

Quantity = Any  # a pint Quantity: pint's own type says nothing more

HPA, KELVIN, METRE = units.hPa, units.kelvin, units.meter
MIXED_LAYER_DEPTH = units.Quantity(100.0, HPA)


class Missing(Exception):  # noqa: N818 - nothing is wrong
    """The profile does not hold what a calculation needs."""
