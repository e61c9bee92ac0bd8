"""A season's output, opened: everything a notebook wants of it, and nothing computed anew."""

from __future__ import annotations

import datetime
import difflib
import html
import os
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import output, ragged
from pipeline.flags import from_mask

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: A moment, or a stretch of time by leaving out its end: ``2003-05-08`` is that day.
Time = str | datetime.datetime | np.datetime64
#: What names a sounding: its position, its id, or its station and time.
Key = int | str | tuple[str, Time]


def open_season(path: str | os.PathLike[str]) -> Season:
    """Return a season that the pipeline wrote.

    Parameters
    ----------
    path : path
        The netCDF file.

    Returns
    -------
    Season
        All of it in memory.

    Raises
    ------
    PipelineError
        When there is no such file, or it is damaged or not one of ours.

    Examples
    --------
    >>> season = open_season("output/season-2003.nc")  # doctest: +SKIP
    >>> season.to_dataframe().nlargest(5, "mlcape")  # doctest: +SKIP
    >>> season.sounding["OUN", "2003-05-09T00"].temperature  # doctest: +SKIP
    """
    return Season(output.read(path), Path(path))


class Season:
    """Soundings with their results, flags and sources.

    Parameters
    ----------
    dataset : xarray.Dataset
        Ragged: all profiles' levels end to end along ``level``.
    path : pathlib.Path
        Where it was read from; the paths of its sources are relative to that folder.

    Attributes
    ----------
    dataset : xarray.Dataset
        Everything, as it stands in the file.
    sounding : Soundings
        One profile as a plain dataset, by position, id, or station and time.
    """

    def __init__(self, dataset: xr.Dataset, path: Path) -> None:
        self.dataset = dataset
        self.path = path
        self.sounding = Soundings(self)

    def __len__(self) -> int:
        return int(self.dataset.sizes["profile"])

    def __iter__(self) -> Iterator[xr.Dataset]:
        return iter(self.sounding)

    @cached_property
    def scalars(self) -> xr.Dataset:
        """Everything that is one value a profile, on dimension ``profile``."""
        dataset = ragged.unpacked_counts(self.dataset.drop_dims("level"))
        paths = np.append(dataset["source_path"].values, "")[dataset["source_index"].values]
        about = self.dataset["source_path"].attrs
        return dataset.drop_dims("source").assign(source_path=(("profile",), paths, about))

    @cached_property
    def sources(self) -> pd.DataFrame:
        """The source table: one row an input file, and what became of it."""
        import pandas as pd

        table = self.dataset
        return pd.DataFrame(
            {
                "path": table["source_path"].values,
                "reader": table["source_reader"].values,
                "status": _words(table["source_status"]),
                "message": table["source_message"].values,
                "profiles": table["source_profiles"].values,
                "fingerprint": table["source_fingerprint"].values,
            }
        )

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table with one row a profile, by id; verdicts and reasons as words."""
        frame = self.scalars.to_dataframe().set_index("profile_id")
        frame["status"] = _words(self.dataset["status"])
        frame["wind_status"] = _words(self.dataset["wind_status"])
        frame["status_reasons"] = [
            " ".join(reason.label for reason in from_mask(mask)) for mask in frame["status_reasons"]
        ]
        return frame

    def padded(self) -> xr.Dataset:
        """Return everything as ``(profile, level)`` arrays, missing above each profile's top."""
        return ragged.padded(self.dataset)

    def find(self, station: str | None = None, time: Time | None = None) -> list[int]:
        """Return the positions of some soundings, in order of time.

        Parameters
        ----------
        station : str, optional
            Station id.
        time : str, datetime.datetime or numpy.datetime64, optional
            UTC. A text may leave out the end: ``2003-05`` finds the whole month.

        Returns
        -------
        list of int

        Raises
        ------
        ValueError
            When `time` is not a time.
        """
        found = np.full(len(self), True)
        if station is not None:
            found &= self.dataset["station_id"].values == station
        if time is not None:
            found &= _is_within(self.dataset["time"].values, time)
        return np.flatnonzero(found).tolist()

    def position(self, key: Key) -> int:
        """Return where a sounding stands along ``profile``.

        Parameters
        ----------
        key : int, str, or tuple of station and time
            Position (negative ones count from the end), profile id, or station id and time.

        Returns
        -------
        int

        Raises
        ------
        KeyError
            When there is none, or more than one; with the nearest that there is.
        IndexError
            When a position is out of range.
        """
        if isinstance(key, int | np.integer):
            if not -len(self) <= key < len(self):
                raise IndexError(f"there is no sounding {key}: the season has {len(self)}")
            return int(key) % len(self)
        if isinstance(key, str):
            if key not in self._positions:
                raise KeyError(f"no sounding {key!r}{_nearest(key, list(self._positions))}")
            return self._positions[key]
        station, time = key
        found = self.find(station, time)
        if len(found) == 1:
            return found[0]
        raise KeyError(self._why_not_one(station, time, found))

    def reasons(self, key: Key) -> list[str]:
        """Return why a sounding is what it is, in sentences; the last one gives figures."""
        index = self.position(key)
        sentences = [
            reason.sentence for reason in from_mask(int(self.dataset["status_reasons"][index]))
        ]
        message = str(self.dataset["status_message"].values[index])
        return [*sentences, message] if message else sentences

    def source_of(self, key: Key) -> Path:
        """Return the path of the file that a sounding came from."""
        index = self.position(key)
        path = str(self.scalars["source_path"].values[index])
        if not path:
            raise LookupError(f"sounding {self._ids[index]!r} came from no file")
        return Path(os.path.normpath(self.path.parent / path))

    @cached_property
    def _ids(self) -> list[str]:
        ids: list[str] = self.dataset["profile_id"].values.tolist()
        return ids

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {profile_id: index for index, profile_id in enumerate(self._ids)}

    def _why_not_one(self, station: str, time: Time, found: list[int]) -> str:
        """Say why a station and a time do not name one sounding."""
        if found:
            ids = ", ".join(self._ids[index] for index in found[:5])
            return f"{len(found)} soundings of {station!r} at {time}: {ids}; say which by its id"
        there = self.find(station)
        if there:
            away = abs(self.dataset["time"].values[there] - _moment(time).astype("datetime64[s]"))
            nearest = self._ids[there[int(np.argsort(away)[0])]]  # NaT sorts last
            return f"no sounding of {station!r} at {time}; the nearest in time is {nearest!r}"
        stations = sorted(set(self.dataset["station_id"].values.tolist()))
        return f"no sounding of station {station!r}{_nearest(station, stations)}"

    def _facts(self) -> dict[str, str]:
        """Return what to show of a season at a glance."""
        times = self.dataset["time"].values
        known = np.datetime_as_string(times[~np.isnat(times)], unit="D")
        verdicts = Counter(_words(self.dataset["status"]))
        outcomes = Counter(_words(self.dataset["source_status"]))
        return {
            "file": str(self.path),
            "soundings": f"{len(self)} of {len(set(self.dataset['station_id'].values))} stations",
            "time": f"{known[0]} to {known[-1]}" if len(known) else "not known",
            "verdicts": ", ".join(f"{count} {word}" for word, count in verdicts.most_common()),
            "sources": ", ".join(f"{count} {word}" for word, count in outcomes.most_common()),
        }

    def __repr__(self) -> str:
        lines = (f"  {name + ':':<11}{value}" for name, value in self._facts().items())
        return "\n".join(["Season", *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{name}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in self._facts().items()
        )
        return f"<table><caption>Season</caption>{rows}</table>"


class Soundings:
    """The soundings of a season as plain datasets.

    ``sounding[0]``, ``sounding["OUN_20030509T0000"]`` and ``sounding["OUN", "2003-05-09T00"]``
    each give one profile: dimension ``level`` from the surface up, all else scalar.
    """

    def __init__(self, season: Season) -> None:
        self._season = season

    def __len__(self) -> int:
        return len(self._season)

    def __getitem__(self, key: Key) -> xr.Dataset:
        return ragged.sounding(self._season.dataset, self._season.position(key))

    def __iter__(self) -> Iterator[xr.Dataset]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"{len(self)} soundings, by position, id, or station and time"


def _words(flags: xr.DataArray) -> list[str]:
    """Return the meanings of flags."""
    words = flags.attrs["flag_meanings"].split()
    meaning: dict[Any, str] = dict(zip(flags.attrs["flag_values"].tolist(), words, strict=True))
    return [meaning[value] for value in flags.values.tolist()]


def _moment(time: Time) -> np.datetime64:
    """Return a time in UTC, as precise as it was given."""
    try:
        if isinstance(time, str):
            return np.datetime64(time.removesuffix("Z"))
        if isinstance(time, datetime.datetime) and time.tzinfo:
            time = time.astimezone(datetime.UTC).replace(tzinfo=None)
        return np.datetime64(time)
    except ValueError as error:
        raise ValueError(f"{time!r} is not a time; write 2003-05-09 or 2003-05-09T00:00") from error


def _is_within(times: NDArray[np.datetime64], time: Time) -> NDArray[np.bool_]:
    """Tell which times are a given one, to the precision in which it is given."""
    moment = _moment(time)
    return np.asarray(times.astype(moment.dtype) == moment)


def _nearest(word: str, words: list[str]) -> str:
    """Suggest what may have been meant."""
    matches = difflib.get_close_matches(word, words, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, matches))}?" if matches else ""
