"""The reference engine: evaluates the catalogue for one profile with MetPy.

`evaluate` is what the executors run: a module-level function of plain float arrays, returning
plain floats. Quantities exist only inside it.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from metpy.units import units

from pipeline.calculations import BASE_INPUTS, CATALOGUE, Calculation
from pipeline.engines.adapters.common import Missing
from pipeline.engines.evaluation import Evaluation, Request
from pipeline.engines.quick_units import make_quick
from pipeline.executors.calls import describe
from pipeline.profiles import FloatArray

__all__ = ["Evaluation", "Request", "evaluate"]


make_quick()
# Here, so that the fork server loads it for all workers, not each in its first profile's time.
importlib.import_module("metpy.calc")

_UNITS = {name: units.Unit(text) for name, (text, _) in BASE_INPUTS.items()}


def evaluate(
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    height: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
    request: Request,
) -> Evaluation:
    """Compute what is requested from one cleaned profile.

    Parameters
    ----------
    pressure, temperature, dewpoint, height, u_wind, v_wind : numpy.ndarray, shape (levels,)
        hPa, degC, degC, m, m s-1, m s-1; from the surface up, pressure strictly falling; NaN where
        missing.
    request : Request
        What to compute.

    Returns
    -------
    Evaluation
        A calculation that raises costs only itself and what is computed from it.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        on_levels = _thermodynamic(pressure, temperature, dewpoint)
        evaluator = _Evaluator(
            _base_inputs(pressure, temperature, dewpoint, height, u_wind, v_wind),
            CATALOGUE | {calculation.name: calculation for calculation in request.custom},
            int(on_levels.sum()),
            request.known,
        )
        scalars, levels = [], {}
        for name in request.names:
            calculation = evaluator.declarations[name]
            value = evaluator.magnitude(calculation)
            if calculation.per_level:
                levels[name] = np.full(len(pressure), np.nan)
                if value is not None:
                    levels[name][on_levels] = value
            else:
                scalars.append(np.nan if value is None else float(value))
    texts = dict.fromkeys(str(warning.message).partition("\n")[0] for warning in caught)
    return Evaluation(np.array(scalars), levels, evaluator.errors, evaluator.missing, tuple(texts))


def _thermodynamic(
    pressure: FloatArray, temperature: FloatArray, dewpoint: FloatArray
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.isfinite(pressure) & np.isfinite(temperature) & np.isfinite(dewpoint)


def _base_inputs(
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    height: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
) -> dict[str, Any]:
    """Return the inputs that everything is computed from, on the levels that have them whole."""
    whole = _thermodynamic(pressure, temperature, dewpoint)
    windy = np.isfinite(pressure) & np.isfinite(height) & np.isfinite(u_wind + v_wind)
    # MetPy's layers need heights that rise; a wind whose height does not is left out.
    windy[windy] = _rising(height[windy])
    arrays = {
        "pressure": pressure[whole],
        "temperature": temperature[whole],
        "dewpoint": dewpoint[whole],
        "height": height[whole],
        "wind_pressure": pressure[windy],
        "wind_height": height[windy],
        "u_wind": u_wind[windy],
        "v_wind": v_wind[windy],
    }
    inputs = {
        name: units.Quantity(values, _UNITS[name])
        for name, values in arrays.items()
        if len(values) >= 2
    }
    if len(height) and np.isfinite(height[0]):
        inputs["ground_height"] = units.Quantity(float(height[0]), _UNITS["ground_height"])
    return inputs


def _why_not_there(name: str) -> str:
    """Return for a person why the profile lacks an input."""
    if name == "ground_height":
        return "the lowest level has no height"
    what = "wind and height" if "wind" in name else "temperature and dewpoint"
    return f"fewer than two levels have {what}"


def _rising(height: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    if not len(height):
        return np.zeros(0, dtype=bool)
    return np.append(True, height[1:] > np.maximum.accumulate(height)[:-1])


@cache
def _function(path: str) -> Callable[..., Any]:
    """Return the function named ``module:function``."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


@cache
def _unit(text: str) -> Any:
    """Return a unit once parsed: parsing costs more than most calculations."""
    return units.Unit(text)


def _run(calculation: Calculation, arguments: list[Any]) -> Any:
    """Call a declaration's function; what a user's one does to its surroundings ends with it."""
    function, options = _function(calculation.function), dict(calculation.options)
    if calculation.group != "custom":
        return function(*arguments, **options)
    with np.errstate(), warnings.catch_warnings():
        # It may change what it is given (`ito`), which is not its own alone.
        return function(*deepcopy(arguments), **options)


def _plain(value: Any) -> FloatArray:
    """Return what a function gave as plain floats; masked ones, which hold anything, are NaN."""
    array = np.asanyarray(value)
    if array.dtype.kind not in "biufO":
        raise TypeError(f"it gave {value!r:.60} where a real number is expected")
    return np.asarray(np.ma.filled(array.astype(np.float64), np.nan))


@dataclass
class _Evaluator:
    """Evaluates declarations by name for one profile, each function call once."""

    inputs: Mapping[str, Any]
    declarations: Mapping[str, Calculation]
    level_count: int
    known: Mapping[str, float | str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    _values: dict[str, Any] = field(default_factory=dict)
    _calls: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def value(self, name: str) -> Any:
        """Return the quantity (or shared step) called `name`; raises what kept it from being."""
        if name in BASE_INPUTS:
            if name not in self.inputs:
                raise Missing(_why_not_there(name))
            return self.inputs[name]
        if name not in self._values:
            calculation = self.declarations[name]
            if name in self.known:
                self._values[name] = self._known(calculation)
            else:
                result = self._call(calculation)
                picked = result if calculation.pick is None else result[calculation.pick]
                self._values[name] = picked
        return self._values[name]

    def _known(self, calculation: Calculation) -> Any:
        """Return a result that is there already; raises why it is not."""
        value = self.known[calculation.name]
        if isinstance(value, str):
            raise Missing(value)
        return units.Quantity(value, _unit(calculation.units))

    def _call(self, calculation: Calculation) -> Any:
        """Return the result of a declaration's function, from memory where it was called before.

        Calls are told apart by what they are called with, not by who asks: the most unstable
        parcel that starts at the surface shares the surface-based one's ascent.
        """
        self._demand_spans(calculation)
        arguments = [self.value(name) for name in calculation.inputs]
        key = (calculation.function, calculation.options, *map(id, arguments))
        if key not in self._calls:
            try:
                result = _run(calculation, arguments)
            except (Exception, SystemExit) as error:  # kept, so that all who need it learn of it
                result = error
            self._calls[key] = (result, arguments)  # the arguments stay, so their ids stay theirs
        result, _ = self._calls[key]
        if isinstance(result, Exception | SystemExit):
            raise result
        return result

    def _demand_spans(self, calculation: Calculation) -> None:
        if not calculation.spans:
            return
        pressure = self.value("pressure").m
        if pressure[0] < max(calculation.spans) or pressure[-1] > min(calculation.spans):
            low, high = max(calculation.spans), min(calculation.spans)
            raise Missing(f"the levels do not span {low:g} to {high:g} hPa")

    def magnitude(self, calculation: Calculation) -> Any:
        """Return a calculation's number(s) in its units; None where there is none, with why."""
        try:
            value = self.value(calculation.name)
            if hasattr(value, "units"):
                value = value.m_as(_unit(calculation.units))
            value = _plain(value)
            if not calculation.per_level:
                return value.reshape(()).item()
            if value.shape != (self.level_count,):
                wanted = f"{self.level_count} levels with temperature and dewpoint"
                raise ValueError(f"it gave {value.size} values for {wanted}")
            return value
        except Missing as reason:
            self.missing[calculation.name] = str(reason)
        except MemoryError:  # for the executor, which tries the profile on a fresh worker
            raise
        except (Exception, SystemExit) as error:
            self.errors[calculation.name] = describe(error)
        return None
