"""Post-conditions: what must hold between results, whoever computed them.

MetPy can return a CAPE below zero, a CAPE of exactly 0 for a parcel that is plainly buoyant, a CIN
of 0 that means "there is no level of free convection". Each condition here looks at all profiles
at once; where it is broken, the profile gets its reason, and values that mean nothing are masked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.flags import Reason
from pipeline.profiles import FloatArray

BoolArray = NDArray[np.bool_]

#: MUCAPE may fall this far short of SBCAPE: highest theta-e is not quite highest CAPE.
MUCAPE_TOLERANCE = (25.0, 0.05)  # J kg-1, and as a fraction of SBCAPE

#: CAPE may fall this far short of the positive area: MetPy drops the layer between the LFC and the
#: next level, and nets negative layers below the EL against positive ones.
BUOYANCY_TOLERANCE = (100.0, 0.1)  # J kg-1, and as a fraction of the positive area
BUOYANCY_WITHOUT_CAPE = 50.0  # J kg-1

#: LCL, LFC and EL may be out of order by rounding (hPa).
LEVEL_TOLERANCE = 0.1


@dataclass(frozen=True)
class PostCondition:
    """Something that must hold between results.

    Parameters
    ----------
    about : tuple of str
        It is checked where any of these results is wanted.
    needs : tuple of str
        Calculations that `broken` is given, as arrays over profiles, NaN where missing.
    broken : callable
        Returns where the condition does not hold.
    reason : Reason or None
        What it gives the profile; None where masking says enough.
    masks : tuple of str
        Results that mean nothing where it is broken.
    message : str
        For a person, a format of `needs` by name.
    """

    about: tuple[str, ...]
    needs: tuple[str, ...]
    broken: Callable[..., BoolArray]
    reason: Reason | None = None
    masks: tuple[str, ...] = ()
    message: str = ""


def is_missing(value: FloatArray) -> BoolArray:
    """Return where a result is missing."""
    return np.isnan(value)


def is_negative(value: FloatArray) -> BoolArray:
    """Return where a result is below zero."""
    return value < 0.0


def is_positive(value: FloatArray) -> BoolArray:
    """Return where a result is above zero."""
    return value > 0.0


def is_outside(value: FloatArray, valid_range: tuple[float, float]) -> BoolArray:
    """Return where a result is outside its valid range, or infinite, which no range allows."""
    low, high = valid_range
    return (value < low) | (value > high) | np.isinf(value)


def misses_buoyancy(cape: FloatArray, positive_area: FloatArray) -> BoolArray:
    """Return where CAPE leaves out much of the energy of the parcel's buoyant layers."""
    absolute, fraction = BUOYANCY_TOLERANCE
    short = positive_area - cape > np.maximum(absolute, fraction * positive_area)
    return short | ((cape == 0.0) & (positive_area > BUOYANCY_WITHOUT_CAPE))


def disordered(lcl: FloatArray, lfc: FloatArray, el: FloatArray) -> BoolArray:
    """Return where LCL, LFC and EL are not one above the other."""
    return (lfc > lcl + LEVEL_TOLERANCE) | (el > lfc + LEVEL_TOLERANCE)


def falls_short(mucape: FloatArray, sbcape: FloatArray) -> BoolArray:
    """Return where the most unstable CAPE is clearly below the surface-based one."""
    absolute, fraction = MUCAPE_TOLERANCE
    return sbcape - mucape > np.maximum(absolute, fraction * sbcape)


def _conditions(parcel: str) -> tuple[PostCondition, ...]:
    """Return the conditions on a parcel's results."""
    cape, cin = f"{parcel}cape", f"{parcel}cin"
    lcl, lfc, el = (f"{parcel}{level}_pressure" for level in ("lcl", "lfc", "el"))
    area, top = f"{parcel}_positive_area", f"{parcel}_top_buoyancy"
    el_height = f"{parcel}el_height"
    composite = {"sb": ("significant_tornado",), "mu": ("supercell_composite",)}.get(parcel, ())
    return (
        # No LFC: MetPy's CIN of 0 would read as "uncapped", and its EL bounds nothing.
        PostCondition((cin, el, el_height), (lfc,), is_missing, masks=(cin, el, el_height)),
        PostCondition(
            about=(cape, *composite),
            needs=(cape,),
            broken=is_negative,
            reason=Reason.NEGATIVE_CAPE,
            masks=(cape, *composite),
            message=f"{cape} was {{{cape}:.1f}} J/kg and is masked",
        ),
        PostCondition(
            about=(cape, *composite),
            needs=(cape, area),
            broken=misses_buoyancy,
            reason=Reason.CAPE_MISSES_BUOYANCY,
            message=(
                f"{cape} is {{{cape}:.0f}} J/kg where the parcel's buoyant layers hold "
                f"{{{area}:.0f}}"
            ),
        ),
        PostCondition(
            about=(cape, el, el_height, *composite),
            needs=(top,),
            broken=is_positive,
            reason=Reason.TOP_BELOW_EQUILIBRIUM_LEVEL,
            message=f"the {parcel} parcel is {{{top}:.1f}} K warmer at the top of the data",
        ),
        PostCondition(
            about=(lcl, lfc, el, f"{parcel}lcl_height", f"{parcel}lfc_height", el_height),
            needs=(lcl, lfc, el),
            broken=disordered,
            reason=Reason.PARCEL_LEVELS_DISORDERED,
            message=f"{parcel} LCL {{{lcl}:.0f}}, LFC {{{lfc}:.0f}}, EL {{{el}:.0f}} hPa",
        ),
    )


CONDITIONS = (
    *_conditions("sb"),
    *_conditions("ml"),
    *_conditions("mu"),
    PostCondition(
        about=("mucape",),
        needs=("mucape", "sbcape"),
        broken=falls_short,
        reason=Reason.MUCAPE_BELOW_SBCAPE,
        message="mucape {mucape:.0f} J/kg is below sbcape {sbcape:.0f} J/kg",
    ),
)


def needed_for(wanted: Collection[str]) -> list[str]:
    """Return the calculations that the conditions on some results need, wanted or not."""
    needs = (
        name
        for condition in CONDITIONS
        if not set(wanted).isdisjoint(condition.about)
        for name in condition.needs
    )
    return list(dict.fromkeys(needs))


@dataclass
class Judgement:
    """What the post-conditions make of results.

    Parameters
    ----------
    values : dict of str to numpy.ndarray, shape (profiles,)
        The results, NaN where they are masked.
    reasons : numpy.ndarray of int64, shape (profiles,)
        Bits of :class:`~pipeline.flags.Reason` to add to each profile's.
    messages : list of list of str
        What to tell a person, by profile.
    """

    values: dict[str, FloatArray]
    reasons: NDArray[np.int64]
    messages: list[list[str]]


def judge(
    values: Mapping[str, FloatArray],
    valid_ranges: Mapping[str, tuple[float, float]],
    wanted: Collection[str],
) -> Judgement:
    """Check results against each other and against their valid ranges.

    Parameters
    ----------
    values : mapping of str to numpy.ndarray, shape (profiles,)
        Results by calculation, with those that `needed_for` asks for; not changed.
    valid_ranges : mapping of str to (float, float)
        By calculation; a value outside is masked.
    wanted : collection of str
        The results that are to be written: only conditions about these are checked.

    Examples
    --------
    >>> names = needed_for(["mucape"])
    >>> values = {name: np.array([np.nan, np.nan]) for name in names}
    >>> values |= {"mucape": np.array([900.0, 500.0]), "sbcape": np.array([800.0, 800.0])}
    >>> judge(values, {}, ["mucape"]).messages
    [[], ['mucape 500 J/kg is below sbcape 800 J/kg']]
    """
    masked = {name: np.array(array, dtype=np.float64) for name, array in values.items()}
    count = len(next(iter(masked.values()), ()))
    judgement = Judgement(masked, np.zeros(count, dtype=np.int64), [[] for _ in range(count)])
    for condition in CONDITIONS:
        if set(wanted).isdisjoint(condition.about):
            continue
        broken = condition.broken(*(values[name] for name in condition.needs))
        if condition.reason is not None:
            facts = {name: values[name] for name in condition.needs}
            _note(judgement, broken, condition.reason, condition.message, facts)
        _mask(judgement, broken, condition.masks)
    for name, (low, high) in valid_ranges.items():
        if name in wanted:
            outside = is_outside(masked[name], (low, high))
            message = f"{name} was {{{name}:g}}, outside {low:g} to {high:g}, and is masked"
            facts = {name: values[name]}
            _note(judgement, outside, Reason.VALUE_OUT_OF_RANGE, message, facts)
            _mask(judgement, outside, (name,))
    return judgement


def judge_levels(
    name: str, values: FloatArray, valid_range: tuple[float, float], bounds: NDArray[np.int64]
) -> tuple[FloatArray, dict[int, str]]:
    """Check a result that is one value a level against its valid range.

    Parameters
    ----------
    name : str
        The calculation.
    values : numpy.ndarray, shape (levels,)
        Of all profiles end to end; not changed.
    valid_range : (float, float)
        A value outside is masked.
    bounds : numpy.ndarray, shape (profiles + 1,)
        Where each profile's levels begin.

    Returns
    -------
    values : numpy.ndarray, shape (levels,)
        NaN where they are masked.
    messages : dict of int to str
        What to tell a person, by the profiles that have such values.

    Examples
    --------
    >>> values, bounds = np.array([5.0, 9.0, 14.0]), np.array([0, 1, 3])
    >>> values, messages = judge_levels("w", values, (0, 10), bounds)
    >>> values, messages
    (array([ 5.,  9., nan]), {1: 'w was 14 at 1 of 2 levels, outside 0 to 10, and is masked'})
    """
    outside = is_outside(values, valid_range)
    low, high = valid_range
    messages = {}
    for profile, (start, end) in enumerate(pairwise(bounds)):
        bad = values[start:end][outside[start:end]]
        if len(bad):
            messages[profile] = (
                f"{name} was {bad[0]:g} at {len(bad)} of {end - start} levels, "
                f"outside {low:g} to {high:g}, and is masked"
            )
    return np.where(outside, np.nan, values), messages


def _note(
    judgement: Judgement,
    where: BoolArray,
    reason: Reason,
    message: str,
    facts: Mapping[str, FloatArray],
) -> None:
    judgement.reasons[where] |= reason.mask
    for index in np.flatnonzero(where):
        figures = {name: array[index] for name, array in facts.items()}
        judgement.messages[index].append(message.format(**figures))


def _mask(judgement: Judgement, where: BoolArray, names: Collection[str]) -> None:
    for name in names:
        if name in judgement.values:
            judgement.values[name][where] = np.nan
