"""What a folder knows of what was fetched into it: ``.fetch.json``, which may be lost at no harm.

For each file what the server called its version, so that it is not sent again; the same for a file
that has arrived by half, so that the rest is asked for; and what an archive said it does not have.
Nothing else is believed of it: a file must still have its size, and a half must be there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.disk import replacing

NAME = ".fetch.json"


@dataclass(frozen=True)
class Version:
    """What a server calls a version of a file.

    Parameters
    ----------
    url : str
    etag, last_modified : str
        As the server said them; empty where it did not.
    size : int
        Bytes, of the file as it stands here; -1 where it is not all here.
    """

    url: str
    etag: str = ""
    last_modified: str = ""
    size: int = -1

    @property
    def strong(self) -> str:
        """What names these very bytes, for ``If-Range``; empty where nothing does."""
        is_weak = self.etag.startswith("W/")
        return self.etag if self.etag and not is_weak else self.last_modified

    @property
    def conditions(self) -> dict[str, str]:
        """The headers that ask for the file only if it is another one."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value}


@dataclass
class Ledger:
    """The ledger of a folder; changes are on the disk at once.

    Attributes
    ----------
    files, halves : dict of str to Version
        By the name of the file.
    nothing : dict of str to str
        What the archive does not have, and when it said so (UTC).
    """

    folder: Path
    files: dict[str, Version] = field(default_factory=dict)
    halves: dict[str, Version] = field(default_factory=dict)
    nothing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Ledger:
        """Return the ledger of a folder; an empty one where there is none, or a damaged one."""
        try:
            found = json.loads((folder / NAME).read_bytes())
            return cls(
                folder,
                _versions(found["files"]),
                _versions(found["halves"]),
                {str(name): str(time) for name, time in found["nothing"].items()},
            )
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return cls(folder)

    def version_of(self, name: str, url: str) -> Version | None:
        """Return the version of a file that is here as it came from this address."""
        known = self.files.get(name)
        return known if known and known.url == url and known.size == self._size(name) else None

    def half_of(self, name: str, url: str) -> Version | None:
        """Return the version of a half that came from this address."""
        known = self.halves.get(name)
        return known if known and known.url == url and known.strong else None

    def begin(self, name: str, version: Version) -> None:
        """Note that a file begins to come; without a strong name its half is worth nothing."""
        if self.halves.get(name) != version:
            self.halves.pop(name, None)
            if version.strong:
                self.halves[name] = version
            self._save()

    def finish(self, name: str, version: Version) -> None:
        """Note that a file is whole in its place."""
        self.halves.pop(name, None)
        self.files[name] = version
        self._save()

    def throw_away(self, name: str) -> None:
        """Note that the half of a file is no longer there."""
        if self.halves.pop(name, None):
            self._save()

    def has_nothing(self, name: str, time: str) -> None:
        """Note that the archive does not have something."""
        self.nothing[name] = time
        self._save()

    def _size(self, name: str) -> int:
        try:
            return os.path.getsize(self.folder / name)
        except OSError:
            return -2  # of no version

    def _save(self) -> None:
        content = {
            "files": {name: vars(version) for name, version in self.files.items()},
            "halves": {name: vars(version) for name, version in self.halves.items()},
            "nothing": self.nothing,
        }
        with replacing(self.folder / NAME) as aside:
            aside.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")


def _versions(found: Mapping[str, Any]) -> dict[str, Version]:
    versions = {name: Version(**known) for name, known in found.items()}
    for version in versions.values():
        texts = (version.url, version.etag, version.last_modified)
        if not (all(isinstance(text, str) for text in texts) and isinstance(version.size, int)):
            raise ValueError("not a ledger of ours")
    return versions
