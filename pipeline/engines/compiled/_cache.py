"""Machine code on disk: a file for each function and the types of its arguments, whole or not used.

numba's own files trust what they find. One that a power cut has left empty ends every run from then
on, as does a full disk; and the index and the code that it points to are written one after the
other, so that a process killed in between, or another that reads just then, takes the code of older
sources for that of today's. Here what is read is what was written, from these very sources, or it
is compiled anew; and where nothing can be written, everything is compiled each time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps

_DIGEST_SIZE = hashlib.sha256().digest_size


class MachineCode:
    """The files of one function, in place of numba's.

    Parameters
    ----------
    stem : pathlib.Path
        Their folder and the beginning of their names.
    sources : bytes
        A digest of all sources that the code is compiled from.
    """

    def __init__(self, stem: Path, sources: bytes) -> None:
        self._stem = stem
        self._sources = sources

    def load(self, key: Any) -> Any:
        """Return what was saved under a key, or None."""
        path = self._path(key)
        if not path.exists():
            return None
        found = path.read_bytes()
        digest, code = found[:_DIGEST_SIZE], found[_DIGEST_SIZE:]
        return pickle.loads(code) if digest == self._digest(key, code) else None

    def save(self, key: Any, compiled: Any) -> None:
        """Write machine code, all of it at once."""
        path, code = self._path(key), dumps(compiled)
        aside = path.with_name(f"{path.name}.tmp.{uuid.uuid4().hex[:16]}")
        try:
            aside.write_bytes(self._digest(key, code) + code)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)

    def _path(self, key: Any) -> Path:
        short = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return self._stem.with_name(f"{self._stem.name}.{short}.nbc")

    def _digest(self, key: Any, code: bytes) -> bytes:
        made_from = (numba.__version__, self._sources, repr(key))
        return hashlib.sha256(repr(made_from).encode() + code).digest()


class Cache(FunctionCache):
    """numba's cache of a function, on such files; what is the matter with it ends no run."""

    def __init__(self, function: Callable[..., Any], sources: bytes) -> None:
        super().__init__(function)
        self._cache_file = MachineCode(Path(self.cache_path, self._impl.filename_base), sources)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return machine code for types of arguments; None where it has to be compiled.

        numba would load first all that it compiles with, which takes longer than a season. Machine
        code that is there needs none of it, but the runtime that it calls.
        """
        try:
            rtsys.initialize(target_context)
            return self._load_overload(sig, target_context)
        except Exception as error:  # of unpickling too, which may be any
            logging.getLogger("pipeline").debug("machine code is compiled anew: %r", error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep machine code for types of arguments, if it can be."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            logging.getLogger("pipeline").debug("machine code is not kept: %s", error)
