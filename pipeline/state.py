"""What an output file says about its own making: the state from which the next run goes on.

Read with netCDF4 alone, and only what a plan needs: a night with nothing to do must not even
import xarray.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import messages
from pipeline.errors import BusyError, PipelineError
from pipeline.flags import RESULT_REASONS, SourceStatus, Status, to_mask

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be replaced anyway
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import netCDF4

#: Without one of these a file is none of ours, or one of a version that did not keep its state.
NEEDED = ("source_path", "source_recipe", "recipe", "source_stations", "source_position")


@dataclass(frozen=True, slots=True)
class Known:
    """A source as a file knows it.

    Parameters
    ----------
    path : str
        Relative to the folder of the output.
    fingerprint, reader, message, recipe, stations : str
        As in the source table.
    status : SourceStatus
    profiles : int
        How many were found in it.
    positions : tuple of int
        Which of them the file holds, by their places in the source.
    failed : bool
        Work on a profile of it failed.
    said : bool
        Verdicts or warnings of a profile of it come from results, one cannot tell from which.
    asked_for : str
        Of a batch: the option (``force`` or ``retry-failed``) of the run that made it.
    station_ids : frozenset of str
    last_time : numpy.datetime64
        Of its latest profile; NaT where there is none.
    """

    path: str
    fingerprint: str
    reader: str
    status: SourceStatus
    message: str
    profiles: int
    recipe: str
    stations: str
    positions: tuple[int, ...] = ()
    failed: bool = False
    said: bool = False
    asked_for: str = ""
    station_ids: frozenset[str] = frozenset()
    last_time: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT", "s"))

    @property
    def is_bad(self) -> bool:
        """Whether it was not read whole, or work on it failed: other limits may change that."""
        return self.failed or self.status in _BAD


_BAD = (SourceStatus.EMPTY, SourceStatus.UNREADABLE, SourceStatus.QUARANTINED)


@dataclass(frozen=True, slots=True)
class State:
    """What a file says: its sources by path, and its global attributes."""

    sources: dict[str, Known] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    statuses: tuple[int, ...] = ()
    """Of all profiles."""

    @property
    def profiles(self) -> int:
        """How many there are."""
        return len(self.statuses)


def read_state(path: Path) -> State:
    """Return what an output file says about its making.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    State
        Empty where there is no file.

    Raises
    ------
    BusyError
        When it cannot be opened now: somebody is writing to it, or may not be disturbed.
    PipelineError
        When the file is damaged, or does not say it.
    """
    if not path.exists():
        return State()
    import netCDF4

    demand_free(path)
    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            missing = [name for name in NEEDED if name not in file.variables]
            if missing:
                raise PipelineError(
                    f"{path}: does not say how it was made (it has no variable {missing[0]})"
                )
            attributes = {name: file.getncattr(name) for name in file.ncattrs()}
            statuses = tuple(np.asarray(file.variables["status"][...]).tolist())
            asked_for = str(attributes.get("asked_for", ""))
            found = (replace(known, asked_for=asked_for) for known in _sources(file))
            return State({known.path: known for known in found}, attributes, statuses)
    except (OSError, RuntimeError, IndexError, KeyError, ValueError) as error:
        raise PipelineError(f"{path}: not a netCDF file, or a damaged one ({error})") from error


def demand_free(path: Path) -> None:
    """Raise BusyError where a file cannot be opened at the moment, which is not its fault."""
    try:
        with path.open("rb") as stream:
            if fcntl is not None:
                # HDF5 locks a file that is being written to; it would call it damaged.
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
            return  # a file system without locks
        reason = error.strerror or str(error)
        if isinstance(error, BlockingIOError):
            reason = "another program is writing to it (a notebook, perhaps?)"
        raise BusyError(
            f"{path}: cannot be opened now: {reason}; nothing was changed, run again later"
        ) from error


def _sources(file: netCDF4.Dataset) -> Iterable[Known]:
    """Yield the rows of the source table, with what the profiles add to them."""

    def column(name: str) -> NDArray[Any]:
        return np.asarray(file.variables[name][...])

    recipes = column("recipe")[column("source_recipe")].tolist()
    names = ("path", "fingerprint", "reader", "message", "stations")
    texts = [column(f"source_{name}").tolist() for name in names]
    numbers = [column(f"source_{name}").tolist() for name in ("status", "profiles")]
    about = _about_profiles(column, len(recipes))
    for index, (path, fingerprint, reader, message, stations) in enumerate(
        zip(*texts, strict=True)
    ):
        yield Known(
            path=path,
            fingerprint=fingerprint,
            reader=reader,
            status=SourceStatus(numbers[0][index]),
            message=message,
            profiles=numbers[1][index],
            recipe=recipes[index],
            stations=stations,
            **about[index],
        )


def _about_profiles(column: Any, sources: int) -> list[dict[str, Any]]:
    """Return what the profiles say about each source."""
    index = column("source_index")
    failed = column("status") == Status.FAILED
    masks = column("status_reasons")
    said = (masks & to_mask(RESULT_REASONS)) != 0
    said |= np.char.find(column("calculation_message").astype(str), messages.WARNED) >= 0
    stations, positions = column("station_id").tolist(), column("source_position").tolist()
    times = column("time")
    found: list[dict[str, Any]] = [
        {"positions": [], "failed": False, "said": False, "station_ids": [], "last_time": np.nan}
        for _ in range(sources)
    ]
    for profile, source in enumerate(index.tolist()):
        if source < 0:
            continue
        row = found[source]
        row["positions"].append(positions[profile])
        row["station_ids"].append(stations[profile])
        row["failed"] |= bool(failed[profile])
        row["said"] |= bool(said[profile])
        row["last_time"] = np.fmax(row["last_time"], times[profile])
    for row in found:
        row["positions"] = tuple(sorted(row["positions"]))
        row["station_ids"] = frozenset(row["station_ids"])
        seconds = row["last_time"]
        row["last_time"] = np.datetime64("NaT" if np.isnan(seconds) else int(seconds), "s")
    return found
