"""A user's own calculations, good and bad ones, for tests: named in configs as custom functions.

They are given pint quantities. The bad ones strike only the profile whose surface pressure is
VICTIM, which in the tests' small season is that of Glasgow, Montana, and of no other.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from typing import Any

import numpy as np

VICTIM = 921.0


def is_victim(pressure: Any) -> bool:
    """Tell the profile that is to be struck from all others."""
    return bool(pressure.m_as("hPa")[0] == VICTIM)


def mean_temperature(pressure: Any, temperature: Any) -> Any:
    """Return the plain mean of temperature, in kelvin whatever units are wanted."""
    return temperature.to("kelvin").mean()


def normalized_cape(cape: Any, el_height: Any, lfc_height: Any) -> Any:
    """Return CAPE over the depth that holds it."""
    return cape / (el_height - lfc_height)


def surface_pressure(pressure: Any) -> float:
    """Return a number without units, which is taken to be in those declared."""
    return float(pressure.m_as("hPa")[0])


def change_what_it_is_given(pressure: Any, temperature: Any) -> Any:
    """Convert in place and overwrite, as a careless user does."""
    pressure.ito("Pa")
    temperature.ito("kelvin")
    temperature[:] = temperature[0]
    return pressure[0]


def warming(temperature: Any) -> Any:
    """Return one value a level: how much warmer than the lowest level it is."""
    return temperature - temperature[0]


def half(temperature: Any) -> Any:
    """Return a value for every other level only."""
    return temperature[::2]


def text(pressure: Any) -> str:
    """Return what is no number."""
    return "many"


def a_pressure(pressure: Any) -> Any:
    """Return a pressure, whatever was declared."""
    return pressure[0]


def complex_number(pressure: Any) -> Any:
    """Return what is no real number."""
    return np.complex128(1 + 2j)


def masked_number(pressure: Any) -> Any:
    """Return a masked result, as some of MetPy's functions do, with a number beneath the mask."""
    return np.ma.array(5.0, mask=True)


def infinite(pressure: Any) -> float:
    """Return no number at all."""
    return float("inf")


def leave(pressure: Any) -> Any:
    """Ask for the end of the program."""
    sys.exit("enough")


def raise_without_words(pressure: Any) -> Any:
    """Fail with an error whose message cannot be read."""

    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    raise UnspeakableError


def make_numpy_strict(pressure: Any) -> float:
    """Change the settings of numpy and of warnings, and leave them so."""
    np.seterr(all="raise")
    warnings.simplefilter("error")
    return 1.0


def raise_always(pressure: Any) -> Any:
    """Fail for every profile."""
    raise ValueError("this never works")


def raise_at_victim(pressure: Any) -> Any:
    """Fail for one profile."""
    if is_victim(pressure):
        raise ValueError("no luck in Glasgow")
    return pressure[0]


def exit_at_victim(pressure: Any) -> Any:
    """End the process at one profile, as a library that crashes does."""
    if is_victim(pressure):
        os._exit(3)
    return pressure[0]


def kill_at_victim(pressure: Any) -> Any:
    """Kill the process at one profile, as the system does when memory is full."""
    if is_victim(pressure):
        os.kill(os.getpid(), signal.SIGKILL)
    return pressure[0]


def sleep_at_victim(pressure: Any) -> Any:
    """Take very long over one profile."""
    if is_victim(pressure):
        time.sleep(600)
    return pressure[0]


def nap(pressure: Any) -> float:
    """Take its time, so that a test can get between two batches."""
    time.sleep(0.3)
    return float(pressure.m_as("hPa")[0])


def long_nap(pressure: Any) -> float:
    """Take more time than any test waits for."""
    time.sleep(30.0)
    return float(pressure.m_as("hPa")[0])


def twice(value: Any) -> Any:
    """Return twice of what another calculation has led to."""
    return 2 * value


_calls = 0


def another_each_time(pressure: Any) -> float:
    """Return another number at each call, as what draws random numbers does."""
    global _calls
    _calls += 1
    return float(_calls)
