"""Which files a season is made of: the input entries of a config, resolved on this disk.

Nothing is left out silently. A file counts unless its name starts with a dot or fits the entry's
``exclude`` list, and both rules hold only for files found in a folder or by a pattern: a file
named in full always counts. A Zarr store is a folder, and counts as one file.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.columns import clean_text
from pipeline.errors import PipelineError
from pipeline.readers._files import is_store

if TYPE_CHECKING:
    from pipeline.config import Config, Input


@dataclass(frozen=True, slots=True)
class Source:
    """An input file, and how the config says to read it.

    Parameters
    ----------
    path : Path
        Absolute, without ``..`` parts; symbolic links are not followed.
    format : str
        Name of a reader, or ``auto``.
    options : Mapping
        Handed to the reader as they stand.
    """

    path: Path
    format: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)


def find_sources(config: Config) -> list[Source]:
    """Return every input file of a season once, in the order of their paths.

    Parameters
    ----------
    config : Config
        Its input entries may overlap; the first that finds a file says how it is read.

    Returns
    -------
    list of Source
        Empty where nothing is found; loading a config refuses entries that find nothing.
    """
    return sources_of(find_files(config))


def find_files(config: Config) -> list[tuple[Input, list[Path]]]:
    """Return each input entry of a season with the files that it finds."""
    return [
        (entry, matching_files(entry.path, config.folder, entry.exclude)) for entry in config.input
    ]


def sources_of(entries: Iterable[tuple[Input, Iterable[Path]]]) -> list[Source]:
    """Return the files of input entries as :func:`find_sources` does."""
    found: dict[Path, Source] = {}
    for entry, paths in entries:
        for path in paths:
            found.setdefault(path, Source(path, entry.format, entry.options))
    return [found[path] for path in sorted(found)]


def matching_files(pattern: str, folder: Path, exclude: Iterable[str] = ()) -> list[Path]:
    """Return the files that one input entry names, in the order of their paths.

    Parameters
    ----------
    pattern : str
        A file or Zarr store, a folder (all files in it and below), or a pattern with ``*``,
        ``?``, ``[...]`` and ``**``; a folder that a pattern finds is taken whole too. What exists
        under exactly this name is taken as that, whatever characters are in it. ``~`` and
        ``$NAME`` are not expanded.
    folder : Path
        Where a relative `pattern` starts.
    exclude : iterable of str
        Patterns of file names, upper and lower case alike, for files that are not data.

    Returns
    -------
    list of Path
        Absolute. A link that leads nowhere and a folder that may not be opened are among them:
        they cannot be read, and so end as source rows that say so.

    Examples
    --------
    >>> matching_files("no-such-*", Path("/"))
    []
    """
    named = _absolute(folder / pattern)
    if is_store(named) or (os.path.lexists(named) and not os.path.isdir(named)):
        return [named]
    if os.path.isdir(named):  # false, where Path's own raises, for a name that is too long
        found = _files_below(named)
    else:
        found = set()
        for match in _matches(_as_glob(pattern, folder), folder):
            path = _absolute(match)
            found |= _files_below(path) if path.is_dir() else {path}
    refused = [rule.casefold() for rule in exclude]
    return sorted(path for path in found if not _fits(path.name.casefold(), refused))


def relative_path(path: Path, base: Path) -> str:
    """Return a path as the source table has it: from the folder of the output, as clean text."""
    return clean_text(Path(os.path.relpath(path, base)).as_posix())


def demand_apart(output: Path, used: Iterable[Path]) -> None:
    """Raise where the output would take the place of something that it is made from.

    Parameters
    ----------
    output : Path
        Links are followed, as they are when it is written.
    used : iterable of Path
        Input files, the table of stations, the config.

    Raises
    ------
    PipelineError
        Naming the file that would be lost.
    """
    written = os.path.realpath(output)
    for path in used:
        if os.path.realpath(path) == written:
            raise PipelineError(
                f"{output}: writing it would destroy {path}, which is read; write it elsewhere"
            )


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _as_glob(pattern: str, folder: Path) -> str:
    """Return `pattern` for glob, its leading folders that exist as written taken literally."""
    parts = Path(pattern).parts
    for count in range(len(parts), 0, -1):
        head = os.path.join(*parts[:count])
        if os.path.lexists(folder / head):
            return os.path.join(glob.escape(head), *parts[count:])
    return pattern


def _fits(name: str, rules: Iterable[str]) -> bool:
    return any(fnmatchcase(name, rule) for rule in rules)


def _matches(pattern: str, folder: Path) -> Iterator[Path]:
    """Yield what fits a pattern in a folder; ``**`` is any folder below, each entered once.

    ``glob`` would go round in circles of links, dozens of times or, with two circles, for ever.
    """
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from (folder / match for match in glob.glob(pattern, root_dir=folder))
        return
    before, after = parts[: parts.index("**")], parts[parts.index("**") + 1 :]
    closed: list[OSError] = []
    for base in _matches(os.path.join(*before), folder) if before else [folder]:
        if not after:
            yield base
        else:
            for place, _ in _walk(base, closed.append):
                if not is_store(place):
                    yield from _matches(os.path.join(*after), place)
    yield from (Path(error.filename) for error in closed)


def _files_below(folder: Path) -> set[Path]:
    """Return the files in a folder and below, links to folders followed, dot names left out."""
    found: set[Path] = set()
    for place, names in _walk(folder, lambda error: found.add(Path(error.filename))):
        if is_store(place):
            found.add(place)
        else:
            found.update(place / name for name in names if not name.startswith("."))
    return found


def _walk(
    folder: Path, note: Callable[[OSError], object] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder from here on down once, however links lead to it, with its files.

    What a Zarr store holds is not looked at.
    """
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=note, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        inside = [] if is_store(place) else folders
        folders[:] = sorted(name for name in inside if not name.startswith("."))
        yield Path(place), names
