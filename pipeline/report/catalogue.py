"""The catalogue in words: what can be asked for in a config."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.calculations import CATALOGUE, GROUPS, Calculation, names_and_groups, resolve
from pipeline.errors import ConfigError, nearest


def list_calculations() -> str:
    """Return the catalogue as a list by group: name, units, meaning."""
    blocks = [
        "\n".join([f"{group}", *(f"  {_line(CATALOGUE[name])}" for name in names)])
        for group, names in GROUPS.items()
    ]
    footer = "Everything about one of them: python -m pipeline calculations NAME"
    return "\n\n".join([*blocks, footer])


def _line(calculation: Calculation) -> str:
    return f"{calculation.name:<34} {calculation.units:<9} {calculation.long_name}"


def describe_calculations(requests: Sequence[str]) -> str:
    """Return everything that the declarations of names or groups say.

    Raises
    ------
    ConfigError
        For a word that is neither, with the nearest right one.
    """
    known = names_and_groups()
    for request in requests:
        if request not in known:
            hint = nearest(request, sorted(known)) or "; without a name, all are listed"
            raise ConfigError([f"no calculation or group is called '{request}'{hint}"])
    return "\n\n".join(_everything(calculation) for calculation in resolve(requests))


def _everything(calculation: Calculation) -> str:
    low, high = calculation.valid_range
    facts = {
        "": calculation.long_name,
        "group": calculation.group,
        "units": calculation.units,
        "one value": "a level" if calculation.per_level else "a profile",
        "from": ", ".join(calculation.inputs),
        "MetPy": f"metpy.calc.{calculation.metpy}" if calculation.metpy else "",
        "CF name": calculation.standard_name,
        "valid": f"{low:g} to {high:g}" if high < float("inf") else "",
        "note": calculation.comment,
        "reference": calculation.reference,
    }
    lines = [f"  {key:<10} {value}".rstrip() for key, value in facts.items() if value]
    return "\n".join([calculation.name, *lines])
