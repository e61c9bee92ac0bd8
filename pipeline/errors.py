"""What can go wrong in a way that a user can mend, said in one line each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class PipelineError(Exception):
    """Something a user can mend; shown as it is, without a traceback."""

    exit_code = 1


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
