"""What MetPy's own solver leaves open: the same sounding, moved by less than anybody can measure.

MetPy's moist adiabats come from a solver (LSODA) that is off by some ten-thousandths of a kelvin.
Where a parcel just reaches or just misses its surroundings, or runs along them, that decides where
LFC and EL are, or whether they are there. So where two computations differ, MetPy is asked again
about levels moved by as little: if it then says the same, neither is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import product

import numpy as np

from pipeline.calculations import BASE_INPUTS, CATALOGUE
from pipeline.profiles import FloatArray

#: By how much temperature and dewpoint are moved (K).
MOVES = (1e-5, 3e-5, 1e-4)
#: Both, one of them, and each level on its own, three times.
WAYS = ("both", "temperature", "dewpoint", "levels 1", "levels 2", "levels 3")
#: Steps that come out of MetPy's solver: what is computed from them has its noise.
_FROM_SOLVER = ("sb_ascent", "ml_ascent", "mu_ascent", "dcape", "showalter_index", "wet_bulb_*")


def from_solver(name: str) -> bool:
    """Return whether a calculation of the catalogue hangs on MetPy's solver.

    Examples
    --------
    >>> from_solver("sbel_height"), from_solver("k_index")
    (True, False)
    """
    if name in BASE_INPUTS:
        return False
    if any(fnmatch(name, pattern) for pattern in _FROM_SOLVER):
        return True
    return any(map(from_solver, CATALOGUE[name].inputs))


def moved(temperature: FloatArray, dewpoint: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield temperature and dewpoint of a profile, moved; dewpoint stays at most temperature.

    Parameters
    ----------
    temperature, dewpoint : numpy.ndarray, shape (levels,)
        degC.

    Examples
    --------
    >>> len(list(moved(np.array([20.0, 10.0]), np.array([15.0, 5.0]))))
    36
    """
    random = np.random.default_rng(len(temperature))
    for move, way in product(MOVES, WAYS):
        signs = (
            np.ones(len(temperature))
            if way in WAYS[:3]
            else random.choice([-1.0, 1.0], len(temperature))
        )
        for step in (move * signs, -move * signs):
            warmer = temperature + step * (way != "dewpoint")
            moister = dewpoint + step * (way != "temperature")
            yield warmer, np.minimum(warmer, moister)
