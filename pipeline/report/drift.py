"""Is tonight unlike the last nights? Simple rules on counts and percentiles, in plain numbers.

They are made to stay silent on weather and to speak up on units, sensors and software: a warning
is for a person to look, and changes nothing in the output.

1. *Rates.* Profiles rejected or failed, and sources unreadable or given up: tonight's share
   exceeds that of the last nights together by more than `RISE`, and by more than `DEVIATIONS`
   standard deviations of a count of tonight's size.
2. *Missing results.* The same for the share of profiles without a value, by `MISSING_RISE`.
3. *Distributions.* Tonight's median lies outside the 10th to 90th percentile of every one of the
   last nights.

Of many parameters, some meet 2 or 3 by chance. A warning needs more than `SHARE` of those
compared; or one alone that is missing in `ALONE_MISSING` more of the profiles, or lies further out
than the whole usual range is wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pipeline.report.results import Parameter, Results

#: How every warning of this module begins.
UNLIKE = "unlike the last nights: "

LAST_NIGHTS = 14
DOUBTED = 3  # of the last nights, those warned of are no measure yet
FEWEST_NIGHTS = 3
FEWEST = 10  # profiles, sources or values that a night needs to be compared
RISE = 0.1
MISSING_RISE = 0.2  # a parcel's LFC and EL come and go with the weather, ten results together
ALONE_MISSING = 0.75
DEVIATIONS = 3.0
SHARE = 0.05
_NAMED = 3  # parameters, in a warning; results.json has the others


class Share(NamedTuple):
    """So many of so many."""

    some: int
    of: int


def parameters_of(values: Mapping[str, ArrayLike]) -> dict[str, Parameter]:
    """Return the distribution of each result, for ``results.json``.

    Parameters
    ----------
    values : mapping of str to array_like, shape (profiles,)
        Results of the profiles worked on tonight, NaN where missing. Leave out rejected and
        failed profiles: they have no results, and are counted by their status.

    Examples
    --------
    >>> parameters_of({"sbcape": [0.0, 100.0, 200.0, np.nan]})["sbcape"].p50
    100.0
    """
    found = {}
    for name, given in values.items():
        array = np.asarray(given, np.float64)
        finite = array[np.isfinite(array)]
        p10, p50, p90 = np.percentile(finite, [10, 50, 90]).tolist() if finite.size else [None] * 3
        missing = array.size - finite.size
        found[name] = Parameter(count=array.size, missing=missing, p10=p10, p50=p50, p90=p90)
    return found


def drift_warnings(tonight: Results, nights: Sequence[Results]) -> list[str]:
    """Return what is far from the last nights, a sentence each.

    Parameters
    ----------
    tonight : Results
    nights : sequence of Results
        Earlier ones, newest first. The last `LAST_NIGHTS` with `FEWEST` profiles or sources
        worked on count; it takes `FEWEST_NIGHTS` of them. The very last `DOUBTED` count only if
        they were not warned of: a change that is here to stay gives warnings on a few nights,
        and then is what is usual.

    Returns
    -------
    list of str
        Empty on a usual night, and while there is too little to compare.
    """
    comparable = [
        night for night in nights if max(night.worked_on.total, night.counts.worked_on) >= FEWEST
    ]
    usual = [night for night in comparable[:DOUBTED] if not _was_warned_of(night)]
    usual += comparable[DOUBTED:LAST_NIGHTS]
    found = [
        _rate_warning("profiles rejected or failed", list(map(_profiles, [tonight, *usual]))),
        _rate_warning("sources unreadable or given up", list(map(_sources, [tonight, *usual]))),
        _missing_warning(tonight, usual),
        _distribution_warning(tonight, usual),
    ]
    return [f"{UNLIKE}{text}" for text in found if text]


def _was_warned_of(night: Results) -> bool:
    return any(text.startswith(UNLIKE) for text in night.warnings)


def _profiles(night: Results) -> Share:
    return Share(night.worked_on.rejected + night.worked_on.failed, night.worked_on.total)


def _sources(night: Results) -> Share:
    return Share(night.counts.bad, night.counts.worked_on)


def _rate_warning(what: str, shares: Sequence[Share]) -> str:
    """Return a warning if the first of some shares is far above the others."""
    tonight, usual = shares[0], _pooled(shares[1:])
    if usual is None or not _is_far_above(tonight, usual, RISE):
        return ""
    return f"{what} {tonight.some} of {tonight.of}, before {usual.some} of {usual.of}"


def _missing_warning(tonight: Results, nights: Sequence[Results]) -> str:
    """Return a warning if many parameters are missing more often."""
    compared, found = 0, {}
    for name, parameter in tonight.parameters.items():
        past = [night.parameters[name] for night in nights if name in night.parameters]
        usual = _pooled([Share(other.missing, other.count) for other in past])
        if usual is not None and parameter.count >= FEWEST:
            compared += 1
            share = Share(parameter.missing, parameter.count)
            if _is_far_above(share, usual, MISSING_RISE):
                rise = (share.some / share.of - usual.some / usual.of) / ALONE_MISSING
                found[f"{name} {share.some} of {share.of} (before {usual.some} of {usual.of})"] = (
                    rise
                )
    return _told("results missing more often", found, compared)


def _distribution_warning(tonight: Results, nights: Sequence[Results]) -> str:
    """Return a warning if the medians of many parameters lie outside all that was usual."""
    compared, found = 0, {}
    for name, parameter in tonight.parameters.items():
        past = [night.parameters[name] for night in nights if name in night.parameters]
        past = [other for other in past if other.count - other.missing >= FEWEST]
        lows = [other.p10 for other in past if other.p10 is not None]
        highs = [other.p90 for other in past if other.p90 is not None]
        median = parameter.p50
        if (
            median is None
            or parameter.count - parameter.missing < FEWEST
            or len(past) < FEWEST_NIGHTS
        ):
            continue
        compared += 1
        low, high = min(lows), max(highs)
        outside = max(low - median, median - high)
        if outside > 0:
            text = f"{name} {median:.5g} (before {low:.5g} to {high:.5g})"
            found[text] = outside / (high - low) if high > low else np.inf
    return _told("medians outside the usual range", found, compared)


def _pooled(shares: Sequence[Share]) -> Share | None:
    """Return the shares of several nights together; None where there are too few."""
    enough = [share for share in shares if share.of >= FEWEST]
    if len(enough) < FEWEST_NIGHTS:
        return None
    return Share(sum(share.some for share in enough), sum(share.of for share in enough))


def _is_far_above(tonight: Share, usual: Share, least: float) -> bool:
    """Tell whether a share is far above a usual one, more than a small count is by chance."""
    if tonight.of < FEWEST:
        return False
    expected = (usual.some + 1) / (usual.of + 2)  # none of 30 so far does not mean never
    deviation = sqrt(expected * (1 - expected) / tonight.of)
    rise = tonight.some / tonight.of - usual.some / usual.of
    return rise > max(least, DEVIATIONS * deviation)


def _told(what: str, found: Mapping[str, float], compared: int) -> str:
    """Return a warning of parameters, if they are more than chance has, or one is beyond 1."""
    if len(found) <= SHARE * compared and max(found.values(), default=0.0) <= 1.0:
        return ""
    worst = sorted(found, key=lambda text: -found[text])
    more = ", ..." if len(worst) > _NAMED else ""
    return f"{what}, {len(worst)} of {compared} parameters: {', '.join(worst[:_NAMED])}{more}"
