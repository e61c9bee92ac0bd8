"""Which numbers MetPy calls close to each other, and which only rounding tells apart."""

from __future__ import annotations

from pipeline.engines.compiled._numba import compiled


@compiled
def tolerance(reference: float) -> float:
    """Return how far from a reference ``numpy.isclose`` calls a number close, by its defaults."""
    return 1e-8 + 1e-5 * abs(reference)


@compiled
def is_close(value: float, reference: float) -> bool:
    """Tell whether ``numpy.isclose`` calls a number close to a reference, by its defaults."""
    return abs(value - reference) <= tolerance(reference)


@compiled
def is_too_close_to_call(pressure: float, other: float) -> bool:
    """Tell whether rounding decides which of two pressures is lower: so MetPy must be asked.

    As where saturated air starts at the top of a profile, which then is its LCL.
    """
    return abs(pressure - other) <= 1e-10 * other
