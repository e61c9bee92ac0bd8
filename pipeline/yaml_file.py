"""Reading YAML so that every part of it can be pointed at: plain data, and where each part stands.

The file is composed into nodes and turned into plain data here, rather than loaded, because the
nodes know their line and column, keep the text as written (``06610``, not 6610) and show every
key that is given twice, not only the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from pipeline.errors import ConfigError, nearest

KeyPath = tuple[str | int, ...]

#: A whole number written with leading zeros: nearly always a station number that wants quotes.
LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")

#: No config is larger, deeper, or has more values once its references are followed: a few lines
#: of references to references can mean more values than there is memory.
LARGEST = 1_000_000
DEEPEST = 50
MOST_VALUES = 100_000
TOO_DEEP = f"sections and lists lie more than {DEEPEST} deep in each other"

#: Brackets in brackets, which would take the parser long to give up on.
_BRACKETS = re.compile(rf"(?:[\[{{]\s*+){{{DEEPEST + 1}}}")

#: Tags that say what a value is anyway; any other one would ask for something to be made of it.
PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{word}"
    for word in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)

#: What the YAML parser says, and what it means to somebody who is not one.
PLAIN_WORDS = (
    (r"character '\\t'", "a tab: YAML is indented with spaces, put spaces in its place"),
    (
        r"(mapping values|sequence entries) are not allowed|could not find expected ':'",
        "a ':' is missing or one too many; write 'key: value', start the keys of a section in "
        "the same column, and quote text that holds ': '",
    ),
    (r"expected ',' or '\]'", "a list that starts with '[' lacks a ',' or its closing ']'"),
    (r"expected ',' or '}'", "a mapping that starts with '{' lacks a ',' or its closing '}'"),
    (r"end of stream|quoted scalar", "a quotation mark is opened and not closed"),
    (
        r"expected <block end>|expected the node content",
        "the indentation does not fit: keys of one section start in the same column",
    ),
    (
        r"cannot start any token|expected alphabetic",
        "this character has a meaning of its own in YAML; put the text in quotes",
    ),
    (r"recursion depth", TOO_DEEP),
    (r"undefined alias", "'*' starts a reference in YAML; put the text in quotes"),
    (r"another document|document start", "the document ends before this; remove what is too much"),
    (r"special characters|control characters", "a character that text cannot hold"),
)


class Place(NamedTuple):
    """Where something stands in a file, counted from 1."""

    line: int
    column: int


class Problem(NamedTuple):
    """Something wrong, and where."""

    place: Place
    path: KeyPath
    text: str


@dataclass(slots=True)
class Document:
    """A YAML file as plain data, with the place of every key and value.

    Parameters
    ----------
    name : str
        The file, as messages call it.
    text : str
        The file as it stands.
    data : Any
        Dictionaries, lists and scalars.
    keys, values : dict of KeyPath to Place
        Where each key and each value starts; ``("input", 0, "path")`` is a key path.
    scalars : dict of KeyPath to str
        Scalars as they are written.
    problems : list of Problem
        What is wrong with it as YAML although it could be read.
    """

    name: str
    text: str
    data: Any = None
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)
    scalars: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: KeyPath) -> Place:
        """Return where the value at `path` stands, or the nearest thing around it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Place(1, 1))

    def fail(self, problems: Sequence[Problem]) -> ConfigError:
        """Return the error that tells all problems, in the order of the file, one a place."""
        first: dict[Place, Problem] = {}
        for problem in problems:
            first.setdefault(problem.place, problem)
        return ConfigError([self.describe(first[place]) for place in sorted(first)])

    def describe(self, problem: Problem) -> str:
        """Return the line that tells a problem: ``file:line:column key.path: text``."""
        line, column = problem.place
        where = f" {dotted(problem.path)}" if problem.path else ""
        return f"{self.name}:{line}:{column}{where}: {problem.text}"


def dotted(path: KeyPath) -> str:
    """Return a key path as people write it.

    Examples
    --------
    >>> dotted(("input", 0, "path"))
    'input[0].path'
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def read(path: Path, name: str = "") -> Document:
    """Return a YAML file as a document.

    Parameters
    ----------
    path : Path
        A file in UTF-8, YAML 1.2.
    name : str, optional
        What messages call it, when that is not `path`.

    Raises
    ------
    ConfigError
        When it cannot be opened or is not YAML.
    """
    name = name or str(path)
    content = b""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError([f"{name}:{line}:1: not UTF-8 text; save the file as UTF-8"]) from error
    except FileNotFoundError as error:
        near = nearest(path.name, (other.name for other in path.parent.glob("*.y*ml")))
        raise ConfigError([f"{name}: there is no such file{near}"]) from error
    except OSError as error:
        raise ConfigError([f"{name}: cannot be opened: {error.strerror}"]) from error
    if len(content) > LARGEST:
        raise ConfigError([f"{name}: has more than {LARGEST} bytes, which is no config"])
    return parse(text, name)


def parse(text: str, name: str) -> Document:
    """Return the text of a YAML file as a document; see `read`.

    Examples
    --------
    >>> document = parse("output: season.nc", "season.yaml")
    >>> document.data, document.place(("output",))
    ({'output': 'season.nc'}, Place(line=1, column=9))
    """
    document = Document(name, text)
    if brackets := _BRACKETS.search(text):
        place = _place_of_offset(text, brackets.start())
        raise document.fail([Problem(place, (), TOO_DEEP)])
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        raise document.fail([_syntax_problem(error)]) from error
    except (YAMLError, RecursionError) as error:
        place = _place_of_offset(text, getattr(error, "position", 0))
        problem = Problem(place, (), _plain_words(str(error).splitlines()[0]))
        raise document.fail([problem]) from error
    if root is not None:
        document.data = _Reading(document, yaml).value(root, ())
    return document


def _syntax_problem(error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    words = _plain_words(f"{error.problem or ''} {error.context or ''}".strip())
    opened = error.context_mark
    if opened is not None and opened.line + 1 != place.line:
        words += f" (it began on line {opened.line + 1})"
    return Problem(place, (), words)


def _plain_words(parser_words: str) -> str:
    for pattern, words in PLAIN_WORDS:
        if re.search(pattern, parser_words):
            return words
    return f"this is not YAML: {parser_words}"


def _place_of_offset(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - before.rfind("\n"))


class _Reading:
    """One pass over a document's nodes, noting places and problems on the way."""

    def __init__(self, document: Document, yaml: Any) -> None:
        self.document = document
        self.construct = yaml.constructor.construct_object
        self.open_nodes: list[Node] = []
        self.count = 0

    def problem(self, node: Node, path: KeyPath, text: str) -> None:
        self.document.problems.append(Problem(_place(node), path, text))

    def value(self, node: Node, path: KeyPath) -> Any:
        self.document.values[path] = _place(node)
        self.refuse_too_much(node, path)
        if node.tag not in PLAIN_TAGS:
            # The tag may say how to run something; here it is only text, and so is what it marks.
            self.problem(node, path, f"the tag {node.tag} is not read: a config is plain data")
            return None
        if any(node is outer for outer in self.open_nodes):
            place = self.document.keys.get(path, _place(node))
            text = "this reference points at the section it stands in"
            self.document.problems.append(Problem(place, path, text))
            return None
        self.open_nodes.append(node)
        try:
            if isinstance(node, MappingNode):
                return self.mapping(node, path)
            if isinstance(node, ScalarNode):
                return self.scalar(node, path)
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        finally:
            self.open_nodes.pop()

    def refuse_too_much(self, node: Node, path: KeyPath) -> None:
        """Raise for data that nobody writes by hand, before it fills the memory."""
        self.count += 1
        if len(path) > DEEPEST:
            raise self.document.fail([Problem(_place(node), path[:3], TOO_DEEP)])
        if self.count > MOST_VALUES:
            text = f"more than {MOST_VALUES} values, once references ('*') are followed"
            raise self.document.fail([Problem(_place(node), path[:3], text)])

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.problem(key_node, path, "a key must be a plain word")
                continue
            key = key_node.value
            here = (*path, key)
            if key in result:
                first = self.document.keys[here].line
                self.problem(
                    key_node, here, f"given twice, first on line {first}; keep one of them"
                )
                continue
            self.document.keys[here] = _place(key_node)
            result[key] = self.value(value_node, here)
        return result

    def scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        self.document.scalars[path] = node.value
        try:
            value = self.construct(node)
        except (YAMLError, ValueError) as error:
            why = getattr(error, "problem", None) or error
            self.problem(node, path, f"{node.value[:100]!r} cannot be understood ({why}); quote it")
            return node.value
        if isinstance(value, int) and not node.style and LEADING_ZERO.fullmatch(node.value):
            meant = f'the number {value} to YAML; quote it: "{node.value}"'
            self.problem(node, path, f"{node.value} is {meant}")
            return node.value
        return value


def _place(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
