"""What a source was worked on with: settings, versions and code, and how two of them differ.

The output carries the recipe of each source, so that the next run knows, without a database,
what it may keep and why it must compute the rest. What cannot change a number (who computes, how
the file is compressed) is no part of it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pipeline
from pipeline.calculations import resolve

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.sources import Source

#: The rooms and files whose code shapes what is in the output.
SHAPING = (
    "calculate.py",
    "calculations",
    "columns.py",
    "engines",
    "flags.py",
    "joining.py",
    "load.py",
    "profiles.py",
    "quality",
    "ragged.py",
    "readers",
    "schema.py",
    "stations.py",
)
#: Packages that the numbers come from.
PACKAGES = ("metpy", "numpy", "pint", "scipy")
#: And those that the machine code of the compiled engine comes from.
COMPILERS = ("llvmlite", "numba")

#: Parts of a recipe that only matter to sources that failed: with other ones they may succeed.
FOR_FAILED = ("limits", "readers")


def recipes(config: Config, sources: Iterable[Source]) -> Iterator[str]:
    """Yield what each source is to be worked on with, as JSON that is the same for the same.

    Parameters
    ----------
    config : Config
    sources : iterable of Source
        Their formats and options are parts of their recipes.
    """
    shared = _shared(config)
    known: dict[str, str] = {}
    for source in sources:
        reading = {"format": source.format, "options": dict(source.options)}
        key = _as_json(reading)
        if key not in known:
            known[key] = _as_json(shared | {"reading": reading})
        yield known[key]


def _as_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)


def _shared(config: Config) -> dict[str, Any]:
    """Return the part of a recipe that is the same for all sources of a season."""
    return {
        "calculations": [c.name for c in resolve(config.calculations)] + list(config.custom),
        "code": code_digest(),
        "custom": {
            name: entry.model_dump(mode="json") | {"code": _code_of(entry.function)}
            for name, entry in config.custom.items()
        },
        "engine": config.engine,
        "parcel_rules": config.parcel_rules,
        "limits": config.limits.model_dump()
        | {"timeout": config.executor.timeout, "memory": config.executor.memory},
        "quality": config.quality.model_dump(mode="json"),
        "readers": _third_party_readers(),
        "versions": versions(config.engine),
    }


@cache
def versions(engine: str = "metpy") -> dict[str, str]:
    """Return the versions of this package and of those that the numbers come from."""
    packages = PACKAGES + (COMPILERS if engine == "compiled" else ())
    return {"pipeline": pipeline.__version__} | {
        name: importlib.metadata.version(name) for name in packages
    }


@cache
def code_digest() -> str:
    """Return what tells one state of our code from another: 16 hexadecimal digits.

    A version number alone would not do: whoever works in a checkout changes the code without it.
    """
    here = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=8)
    for name in SHAPING:
        place = here / name
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.relative_to(here).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _code_of(function: str) -> str:
    """Return a digest of the file that a custom calculation is in; empty where it has none."""
    found = importlib.util.find_spec(function.partition(":")[0])
    if found is None or not found.origin or not Path(found.origin).is_file():
        return ""
    return hashlib.blake2b(Path(found.origin).read_bytes(), digest_size=8).hexdigest()


def _third_party_readers() -> dict[str, str]:
    points = importlib.metadata.entry_points(group="pipeline.readers")
    return {point.name: point.dist.version if point.dist else "" for point in points}


@dataclass(frozen=True, slots=True)
class Change:
    """What lies between two recipes.

    Parameters
    ----------
    why : tuple of str
        For a person, such as ``config changed: quality.humidity_aloft``; empty where nothing
        that matters differs.
    added, removed : tuple of str
        Calculations.
    only_calculations : bool
        Nothing but added or removed calculations differs.
    """

    why: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    only_calculations: bool = False


def compare(old: str, new: str, *, failed: bool, reader: str = "") -> Change:
    """Return what has changed between two recipes, in words.

    Parameters
    ----------
    old, new : str
        As from :func:`recipes`; an empty one is that of a file that does not say.
    failed : bool
        The source was not read, or something about it failed: then limits matter too.
    reader : str
        Who read it: a reader of another package matters to its own sources.

    Examples
    --------
    >>> compare('{"quality": {"wind_gap": 1}}', '{"quality": {"wind_gap": 2}}', failed=False).why
    ('config changed: quality.wind_gap',)
    """
    if old == new:
        return Change()
    try:
        before, after = json.loads(old), json.loads(new)
        changed = set(_changed_keys(before, after))
    except (ValueError, AttributeError):
        return Change(why=("the output does not say how it was made",))
    if not failed:
        changed = {key for key in changed if key[0] not in FOR_FAILED or key[1:2] == (reader,)}
    had, has = before.get("calculations", []), after.get("calculations", [])
    added = tuple(name for name in has if name not in had)
    removed = tuple(name for name in had if name not in has)
    changed = {
        key
        for key in changed
        if key[0] != "calculations" and not (key[0] == "custom" and key[1] in {*added, *removed})
    }
    why = [*_words(changed, before, after)]
    why += [f"calculations added: {', '.join(added)}"] * bool(added)
    why += [f"calculations removed: {', '.join(removed)}"] * bool(removed)
    return Change(tuple(why), added, removed, only_calculations=bool(why) and not changed)


def _changed_keys(
    old: Mapping[str, Any], new: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterable[tuple[str, ...]]:
    """Yield the paths of all values that differ."""
    for name in old.keys() | new.keys():
        key, before, after = (*above, name), old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changed_keys(before, after, key)
        elif before != after:
            yield key


def _words(
    changed: Iterable[tuple[str, ...]], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterable[str]:
    """Yield what has changed, for a person: the settings in one line, then versions and code."""
    keys = sorted(changed)
    settings = [key for key in keys if key[0] not in ("versions", "code", "readers")]
    own_code = [key[1] for key in settings if key[0] == "custom" and key[-1] == "code"]
    named = [".".join(_as_in_config(key)) for key in settings if key[-1] != "code"]
    if named:
        yield f"config changed: {', '.join(named)}"
    for name in own_code:
        yield f"the code of custom.{name} changed"
    for section in ("versions", "readers"):
        for name in (key[1] for key in keys if key[0] == section and len(key) > 1):
            before, after = old[section].get(name, "none"), new[section].get(name, "none")
            yield f"{name} {before} -> {after}"
    if ("code",) in keys:
        yield f"the code of pipeline {new['versions']['pipeline']} changed"


def _as_in_config(key: tuple[str, ...]) -> tuple[str, ...]:
    """Return the name of a setting as a user knows it."""
    if key[0] == "limits" and key[-1] in ("timeout", "memory"):
        return ("executor", *key[1:])
    return ("input", *key[1:]) if key[0] == "reading" else key
