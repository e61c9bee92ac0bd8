"""Work in progress: finished batches, kept next to the output until it is published.

Each batch is a file of the same form as the output, written, verified and on the disk before the
next one begins, so whatever ends a run, the next one goes on from the last batch.
"""

from __future__ import annotations

import glob
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import output
from pipeline.errors import BusyError, PipelineError
from pipeline.state import Known, State, read_state

if TYPE_CHECKING:
    import xarray as xr

log = logging.getLogger("pipeline")


class Journal:
    """The batches that runs have finished since the output was last published.

    Parameters
    ----------
    target : pathlib.Path
        The output; links are followed. Whoever uses this has it locked.
    """

    def __init__(self, target: Path) -> None:
        self.target = Path(os.path.realpath(target))
        self.folder = self.target.with_name(f".{self.target.name}.work")

    @property
    def batches(self) -> list[Path]:
        """The files, in the order in which they were finished."""
        found = (path for path in self.folder.glob("*.nc") if path.stem.isdecimal())
        return sorted(path for path in found if path.is_file())

    def committed(self) -> dict[str, Known]:
        """Return what the batches hold, by source; damaged ones are removed."""
        states: list[State] = []
        for batch in self.batches:
            try:
                state = read_state(batch)
                output.read(batch)  # all of it: else the end of the run would find it out
            except BusyError:
                raise
            except PipelineError as error:
                log.warning("%s; it is computed again", error)
                batch.unlink(missing_ok=True)
            else:
                states.append(state)
        return _added_up(states)

    def look(self) -> dict[str, Known]:
        """Return what the batches hold, by source, and change nothing; another run may be on."""
        states: list[State] = []
        for batch in self.batches:
            with suppress(PipelineError):
                states.append(read_state(batch))
        return _added_up(states)

    def commit(self, batch: xr.Dataset, asked_for: str = "") -> Path:
        """Keep a finished batch.

        Parameters
        ----------
        batch : xarray.Dataset
            Ragged, with results.
        asked_for : str
            The option that the run was given to work on what nothing has changed about.

        Raises
        ------
        DiskError
            When the disk is full, or may not be written to.
        """
        numbers = [int(path.stem) for path in self.batches]
        path = self.folder / f"{max(numbers, default=0) + 1:06d}.nc"
        noted = {"asked_for": asked_for} if asked_for else {}
        output.write(batch, path, attributes=noted, compression=1)
        return path

    def datasets(self) -> Iterator[xr.Dataset]:
        """Yield the batches."""
        for batch in self.batches:
            yield output.read(batch)

    def clear(self) -> None:
        """Remove the batches, and what killed runs have left half-written."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.tidy()

    def forget(self, published: Mapping[str, Known]) -> None:
        """Remove the batches that the output now holds, of all their sources."""
        for batch in self.batches:
            sources = read_state(batch).sources
            if all(path in published and _key(published[path]) == _key(known)
                   for path, known in sources.items()):  # fmt: skip
                batch.unlink(missing_ok=True)
        if not self.batches:
            self.clear()

    def tidy(self) -> None:
        """Remove what killed runs have left half-written."""
        own = glob.escape(self.target.name)
        for folder, name in ((self.target.parent, own), (self.folder, "*.nc")):
            for leftover in folder.glob(f".{name}.tmp-*"):
                leftover.unlink(missing_ok=True)


def _added_up(states: Iterable[State]) -> dict[str, Known]:
    """Return what several batches hold of each source; of two states of it the last counts."""
    found: dict[str, Known] = {}
    for state in states:
        for path, known in state.sources.items():
            before = found.get(path)
            same = before and _key(before) == _key(known)
            positions = {*known.positions, *(before.positions if before and same else ())}
            found[path] = replace(known, positions=tuple(sorted(positions)))
    return found


def _key(known: Known) -> tuple[str, str, str]:
    return known.fingerprint, known.recipe, known.stations
