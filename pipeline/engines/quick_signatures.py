"""Signatures that bind arguments without Python's detours.

MetPy's and pint's decorators bind the arguments of a call to a function's parameters to look at
their units, some seven hundred times a profile; Python works out anew each time which argument is
which. These work it out once for so many arguments and these keywords: a tenth of all time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import BoundArguments, Parameter, Signature
from itertools import dropwhile, takewhile
from typing import Any


class QuickArguments(BoundArguments):
    """Arguments of a function whose parameters may all be given by place or by name."""

    __slots__ = ()

    @property
    def args(self) -> tuple[Any, ...]:
        """The values of the parameters before the first that was not given."""
        given = self.arguments
        return tuple(
            given[name] for name in takewhile(given.__contains__, self.signature.parameters)
        )

    @property
    def kwargs(self) -> dict[str, Any]:
        """The values of those after it, by name."""
        given = self.arguments
        others = dropwhile(given.__contains__, self.signature.parameters)
        return {name: given[name] for name in others if name in given}


class QuickSignature(Signature):
    """The signature of a function whose parameters may all be given by place or by name."""

    __slots__ = ("_orders",)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._orders: dict[tuple[Any, ...], tuple[str, ...]] = {}

    def bind(self, /, *args: Any, **kwargs: Any) -> BoundArguments:
        """Return the arguments by parameter; raises TypeError where they do not fit."""
        call = (len(args), *kwargs)
        order = self._orders.get(call)
        if order is None:
            order = self._orders[call] = tuple(super().bind(*args, **kwargs).arguments)
        arguments = dict(zip(order, args, strict=False))
        for name in order[len(args) :]:
            arguments[name] = kwargs[name]
        return QuickArguments(self, arguments)

    def replace(self, **changes: Any) -> Signature:  # type: ignore[override]
        """Return a changed signature, one of Python's own."""
        plain = Signature([*self.parameters.values()], return_annotation=self.return_annotation)
        return plain.replace(**changes)


def signature(function: Callable[..., Any], **keywords: Any) -> Signature:
    """Return the signature of a function, as `inspect.signature` does, a quick one if that can be.

    Examples
    --------
    >>> def dry_lapse(pressure, temperature, reference_pressure=None): ...
    >>> signature(dry_lapse).bind(850.0, temperature=20.0)
    <QuickArguments (pressure=850.0, temperature=20.0)>
    """
    found = inspect.signature(function, **keywords)
    parameters = found.parameters.values()
    if any(each.kind is not Parameter.POSITIONAL_OR_KEYWORD for each in parameters):
        return found
    return QuickSignature([*parameters], return_annotation=found.return_annotation)
