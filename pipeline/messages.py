"""What is said of a profile in words, made so that what several nights say can be put together.

Both messages are parts with a separator between them. Their order depends on what is said and not
on who said it first, so that results added tonight read as if they had always been there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

SEPARATOR = "; "
WARNED = "MetPy warned: "


def part(text: str) -> str:
    """Return a text that can be a part of a message.

    >>> part("no convergence; try again")
    'no convergence, try again'
    """
    return text.replace(SEPARATOR, ", ")


def with_findings(cleaning: str, message: str, findings: Iterable[str]) -> str:
    """Return a ``status_message`` with more findings in it.

    Parameters
    ----------
    cleaning : str
        What the cleaning said, with which `message` begins.
    message : str
        The message so far.
    findings : iterable of str
        What was found in results, or went wrong with them.

    Examples
    --------
    >>> with_findings("bumps", "bumps; sbcape is masked", ["mucin: no luck", "sbcape is masked"])
    'bumps; mucin: no luck; sbcape is masked'
    """
    said = message.removeprefix(cleaning).removeprefix(SEPARATOR)
    parts = {*filter(None, said.split(SEPARATOR)), *map(part, findings)}
    return SEPARATOR.join([*filter(None, [cleaning]), *sorted(parts)])


def about_results(missing: Mapping[str, str], warnings: Iterable[str], names: Sequence[str]) -> str:
    """Return a ``calculation_message``: why results are missing, and what MetPy warned of.

    Parameters
    ----------
    missing : mapping of str to str
        Why, by the name of the result.
    warnings : iterable of str
    names : sequence of str
        Results in the order in which they are to be named; of others nothing is said.

    Examples
    --------
    >>> about_results({"b": "too short", "a": "too short"}, ["oh"], ["a", "b"])
    'no a, b: too short; MetPy warned: oh'
    """
    by_reason: dict[str, list[str]] = {}
    for name in names:
        if name in missing:
            by_reason.setdefault(part(missing[name]), []).append(name)
    parts = [f"no {', '.join(lacking)}: {why}" for why, lacking in by_reason.items()]
    return SEPARATOR.join([*parts, *sorted({WARNED + part(text) for text in warnings})])


def taken_apart(message: str) -> tuple[dict[str, str], list[str]]:
    """Return what a message of :func:`about_results` was made of.

    Examples
    --------
    >>> taken_apart("no a, b: too short; MetPy warned: oh")
    ({'a': 'too short', 'b': 'too short'}, ['oh'])
    """
    missing: dict[str, str] = {}
    warnings = []
    for text in filter(None, message.split(SEPARATOR)):
        if text.startswith(WARNED):
            warnings.append(text.removeprefix(WARNED))
            continue
        names, _, why = text.removeprefix("no ").partition(": ")
        missing |= dict.fromkeys(names.split(", "), why)
    return missing, warnings
