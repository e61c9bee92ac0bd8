"""What can go wrong in a way that a user can mend, said in one line each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class PipelineError(Exception):
    """Something a user can mend; shown as it is, without a traceback."""

    exit_code = 1


class NoInputError(PipelineError):
    """Nothing that the config names is there: what was looked for, and where."""

    exit_code = 3


class LockedError(PipelineError):
    """Another run has the output: who, where and since when."""

    exit_code = 4


class BusyError(PipelineError):
    """A file that cannot be opened at the moment, through no fault of its own."""


class DiskError(PipelineError):
    """The disk is full or may not be written to; what was there before is untouched."""

    exit_code = 5


class InterruptedRunError(PipelineError):
    """A signal ended the run; what was finished is kept, and the next run goes on from there.

    Parameters
    ----------
    message : str
    signal_number : int
        SIGINT or SIGTERM; the exit code is 128 more, as shells have it.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        return type(self), (str(self), self.signal_number)


class ConfigError(PipelineError):
    """A config that cannot be run: every problem found, one line each.

    Parameters
    ----------
    problems : sequence of str
        Lines such as ``season.yaml:7:3 executor.wokers: unknown key, did you mean 'workers'?``.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type, tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)


class ReadError(PipelineError):
    """A source file that cannot be read: what is wrong, where, and what to do.

    Readers raise it with a message that says the line where there is one, for example
    ``line 17: 5 columns where 6 or 7 are expected``; the path is added by the caller.
    """


def nearest(word: str, words: Iterable[str]) -> str:
    """Return ``, did you mean 'x'?`` for the one of `words` nearest to `word`, or nothing.

    Examples
    --------
    >>> nearest("wokers", ["workers", "timeout"])
    ", did you mean 'workers'?"
    """
    by_folded = {known.casefold(): known for known in words}
    close = get_close_matches(word.casefold(), by_folded, n=1)
    return f", did you mean '{by_folded[close[0]]}'?" if close else ""
