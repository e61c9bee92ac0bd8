"""One call made safe: whatever becomes of it is a value or a :class:`Failure`, never an escape.

Arguments and results travel between processes as pickles made here, one an item, so that what
cannot be pickled or unpickled costs that item alone, and every executor carries the same bytes.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from pipeline.errors import PipelineError

OWN_FOLDER = str(Path(__file__).parent)
LONGEST_REASON = 2000

#: How an item can be lost without saying a word itself; each is tried twice.
LossKind = Literal["died", "timed_out", "out_of_memory"]


@dataclass(frozen=True, slots=True)
class Failure:
    """What an executor yields in place of a result, where there is none.

    Parameters
    ----------
    kind : {"raised", "died", "timed_out", "out_of_memory", "unpicklable"}
        ``raised``: the function raised an exception. ``died``: its worker died, twice.
        ``timed_out``: it overran the time limit, twice. ``out_of_memory``: it needs more memory
        than there is or than the limit allows, twice. ``unpicklable``: its arguments or its
        result cannot be sent from one process to another.
    where : str
        ``file:line`` of the deepest frame of an exception, otherwise the name of the function.
    why : str
        For a person: type and message of the exception, ``killed by SIGKILL, twice``,
        ``no result after 60 s, twice``, ``needs more than 4 GiB, twice``.

    Attributes
    ----------
    lost : bool
        The work was lost with its worker, its time or its memory, rather than refused: the item
        was tried twice, and might do better on another machine or with other limits.

    Examples
    --------
    >>> print(Failure("died", "pipeline.engines.metpy.calculate", "killed by SIGKILL, twice"))
    died: killed by SIGKILL, twice (pipeline.engines.metpy.calculate)
    """

    kind: Literal["raised", "unpicklable"] | LossKind
    where: str
    why: str

    @property
    def lost(self) -> bool:
        """Whether the work was lost with its worker, its time or its memory."""
        return self.kind in get_args(LossKind)

    def __str__(self) -> str:
        return f"{self.kind}: {self.why} ({self.where})"


class Loss(NamedTuple):
    """How an item was lost once, and why, for a person."""

    kind: LossKind
    why: str


def lost_twice(name: str, first: Loss, second: Loss) -> Failure:
    """Return the Failure of an item that was lost, tried once more, and lost again.

    Examples
    --------
    >>> overrun, killed = Loss("timed_out", "no result after 60 s"), Loss("died", "killed")
    >>> print(lost_twice("evaluate", overrun, overrun))
    timed_out: no result after 60 s, twice (evaluate)
    >>> print(lost_twice("evaluate", overrun, killed))
    died: no result after 60 s, then killed (evaluate)
    """
    same = first.why == second.why
    why = f"{first.why}, twice" if same else f"{first.why}, then {second.why}"
    return Failure(second.kind, name, why)


class OverrunError(BaseException):
    """Ends a call in this process that took too long; no ``except Exception`` holds it up."""


def attempt(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Return what the function returns, or a Failure that tells what it raised.

    Raises
    ------
    MemoryError
        As it is: it tells of the process more than of the item, which deserves another one.

    Examples
    --------
    >>> attempt(divmod, (7, 2))
    (3, 1)
    >>> attempt(divmod, (7, 0)).why
    'ZeroDivisionError: integer division or modulo by zero'
    """
    try:
        return function(*arguments)
    except (KeyboardInterrupt, OverrunError, MemoryError):
        raise
    except BaseException as error:  # SystemExit and the panics of Rust modules are no Exception
        return Failure("raised", _deepest_frame(error) or name_of(function), describe(error))


def name_of(function: Callable[..., Any]) -> str:
    """Return the function's name with its module, for a person."""
    function = getattr(function, "func", function)  # a partial has no name of its own
    name = getattr(function, "__qualname__", None) or repr(function)
    module = getattr(function, "__module__", None)
    return f"{module}.{name}" if module else name


def describe(error: BaseException) -> str:
    """Return ``Type: message`` of an exception, shortened where it is very long."""
    try:
        message = str(error)
    except Exception as second:
        message = f"its message cannot be read ({type(second).__name__})"
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + " ..."


def _deepest_frame(error: BaseException) -> str:
    """Return ``file:line`` of where it was raised, empty where no code but ours was running."""
    frames = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(OWN_FOLDER)
    ]
    return frames[-1] if frames else ""


def pack_function(function: Callable[..., Any]) -> bytes:
    """Return the function as a pickle, which holds its name and not its code.

    Raises
    ------
    PipelineError
        If it cannot be imported by name: a lambda, or a function within a function.
    """
    try:
        return pickle.dumps(function, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise PipelineError(
            f"{name_of(function)} cannot be sent to other processes ({describe(error)}). "
            "Define it at the top level of a module that can be imported, "
            "or use the serial executor."
        ) from error


def unpack_function(packed: bytes, name: str) -> Callable[..., Any] | Failure:
    """Return the function, importing its module, or the Failure that every call of it is."""
    try:
        return pickle.loads(packed)
    except Exception as error:
        return Failure("unpicklable", name, f"a worker cannot import it: {describe(error)}")


def pack_arguments(arguments: tuple[Any, ...], name: str) -> bytes | Failure:
    """Return an item's arguments as a pickle."""
    try:
        return pickle.dumps(arguments, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return Failure("unpicklable", name, f"its arguments cannot be pickled: {describe(error)}")


def call_packed(function: Callable[..., Any] | Failure, packed: bytes, name: str) -> bytes:
    """Call the function with pickled arguments; return its result or Failure as a pickle.

    Raises
    ------
    MemoryError
        Of the function, and of its arguments or its result where they are too large.
    """
    if isinstance(function, Failure):
        return pickle.dumps(function)
    try:
        arguments = pickle.loads(packed)
    except MemoryError:
        raise
    except Exception as error:
        reason = f"its arguments cannot be unpickled: {describe(error)}"
        return pickle.dumps(Failure("unpicklable", name, reason))
    result = attempt(function, arguments)
    try:
        return pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        raise
    except Exception as error:
        reason = f"its result cannot be pickled: {describe(error)}"
        return pickle.dumps(Failure("unpicklable", name, reason))


def unpack_outcome(outcome: bytes | Failure, name: str) -> Any:
    """Return the result or Failure that :func:`call_packed` made."""
    if isinstance(outcome, Failure):
        return outcome
    try:
        return pickle.loads(outcome)
    except Exception as error:
        return Failure("unpicklable", name, f"its result cannot be unpickled: {describe(error)}")
