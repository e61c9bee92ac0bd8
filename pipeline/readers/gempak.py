"""GEMPAK sounding files, by MetPy: merged ones as they are, parts of TEMP reports merged.

Pressure in hPa, height in m, ``TEMP``, ``TMPC``, ``DWPT``, ``DWPC`` in degC, ``SPED`` in m/s,
``SKNT`` in knots, other parameters by GEMPAK's names; -9999 is missing. A file holds times and
stations; an unmerged one keeps mandatory and significant levels and winds of a sounding apart
(``TTAA``, ``TTBB``, ``PPBB``, ...). MetPy puts these together as GEMPAK does (its ``SNLIST``),
interpolating what a part does not report, and sorts levels by pressure.

Source: GEMPAK's ``gemprm.h`` and list of parameters; MetPy's `GempakSounding`, whose test files
come with GEMPAK's own listing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ReadError
from pipeline.profiles import Extra, FloatArray, Profile
from pipeline.readers._gempak_layout import MISSING, Layout, kind_of, look
from pipeline.readers._quantities import UNITS, build, convert
from pipeline.readers._riding import riding
from pipeline.readers._text import shorten, time_from_two_digit_year
from pipeline.readers.limits import MEGABYTE, refuse_levels
from pipeline.readers.refusals import NearMiss

NAME = "gempak"
DESCRIPTION = "GEMPAK sounding files, merged or not, one or many stations and times (by MetPy)"

#: MetPy holds a file in memory twice. A day of all stations has 10 MB.
LARGEST = 500 * MEGABYTE

#: Numbers of one part of a TEMP report: more than any has, and MetPy takes the square of it.
MOST_IN_PART = 2000

#: What GEMPAK's parameters are, and in which units.
PARAMETERS = {
    "pres": ("pressure", "hPa"),
    "temp": ("temperature", "degC"),
    "tmpc": ("temperature", "degC"),
    "tmpk": ("temperature", "kelvin"),
    "tmpf": ("temperature", "degF"),
    "dwpt": ("dewpoint", "degC"),
    "dwpc": ("dewpoint", "degC"),
    "dwpk": ("dewpoint", "kelvin"),
    "dwpf": ("dewpoint", "degF"),
    "relh": ("relative_humidity", "%"),
    "mixr": ("mixing_ratio", "g/kg"),
    "hght": ("height", "m"),
    "drct": ("wind_direction", "degree"),
    "sped": ("wind_speed", "m s-1"),
    "sknt": ("wind_speed", "knot"),
    "uwnd": ("u_wind", "m s-1"),
    "vwnd": ("v_wind", "m s-1"),
    "uknt": ("u_wind", "knot"),
    "vknt": ("v_wind", "knot"),
}
MERGED_NOTE = "put together from {} by MetPy, which interpolates between reports as GEMPAK does"


def sniff(head: bytes, path: Path) -> str | None:
    """Return None if it is a GEMPAK file of soundings, otherwise that it is not, or which.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    path : Path
        Not opened.

    Returns
    -------
    str or None

    Examples
    --------
    >>> sniff(b"%TITLE%", Path("a"))
    'does not begin with GEMPAK DATA MANAGEMENT FILE'
    """
    kind = kind_of(head)
    if kind is None:
        return "does not begin with GEMPAK DATA MANAGEMENT FILE"
    if kind == "damaged":
        return NearMiss("a damaged GEMPAK file: neither surface nor sounding nor grid")
    if kind != "sounding":
        return NearMiss(f"a GEMPAK {kind} file: only sounding files are read")
    return None


def read(path: Path, options: Mapping[str, Any]) -> Iterator[Profile]:
    """Yield the soundings of a GEMPAK file, time by time and station by station.

    Parameters
    ----------
    path : pathlib.Path
    options : mapping
        None are known.

    Yields
    ------
    Profile
        Levels by falling pressure, those without pressure last. One that MetPy cannot unpack or
        merge has its ``problem`` said.

    Raises
    ------
    ReadError
        When the file is no GEMPAK sounding file, is damaged, or a station or time was deleted
        from it.

    Examples
    --------
    >>> soundings = list(read(Path("20230419_upa.gem"), {}))  # doctest: +SKIP
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise ReadError(f"has {size / MEGABYTE:.0f} MB: no GEMPAK file of soundings is so large")
    content = path.read_bytes()
    if (reason := sniff(content[:1024], path)) is not None:
        raise ReadError(reason)
    layout = look(content)
    file = _opened(content)
    known = {(sounding.DTNO, sounding.SNDNO): sounding for sounding in file.sninfo()}
    for row, column in np.argwhere(layout.parts.any(axis=2)):
        if row < len(file.row_headers) and column < len(file.column_headers):
            yield _profile(file, layout, (int(row), int(column)), known.get((row, column)))


def _opened(content: bytes) -> Any:
    """Return MetPy's view of a file, which has not unpacked any sounding yet."""
    from metpy.io import GempakSounding

    logging.getLogger("metpy.io.gempak").setLevel(logging.ERROR)  # its doubts about damaged files
    try:
        return GempakSounding(BytesIO(content))
    except MemoryError:
        raise
    except Exception as error:  # what MetPy raises depends on where it stumbles
        raise ReadError(f"the GEMPAK file is damaged: MetPy says {_tell(error)}") from error


def _profile(file: Any, layout: Layout, place: tuple[int, int], sounding: Any) -> Profile:
    """Return one sounding, or say in its `problem` why not."""
    facts = _facts(file.row_headers[place[0]], file.column_headers[place[1]])
    parts = [
        part.name for part, there in zip(file.parts, layout.parts[place], strict=True) if there
    ]
    try:
        _refuse_size(layout, place, file.merged)
        if sounding is None:
            raise ReadError(f"has {', '.join(parts)} but no {file.parts[0].name}")
        quantities, extras, notes = _quantities(_unpacked(file, sounding))
    except ReadError as error:
        return Profile(problem=str(error), **facts)
    if not file.merged:
        notes = (MERGED_NOTE.format(", ".join(parts)), *notes)
    return build(quantities, notes, extras, **facts)


def _facts(row: Any, column: Any) -> dict[str, Any]:
    """Return station, time and position from the headers of a time and a station."""
    station = column.STID + getattr(column, "STD2", "")
    facts = {
        "station_id": station or (f"{column.STNM:05d}" if column.STNM > 0 else ""),
        "time": time_from_two_digit_year(f"{row.DATE:%y%m%d}", f"{row.TIME:%H%M}"),
    }
    if abs(column.SLAT) <= 90 and abs(column.SLON) <= 360:  # -99.99 is missing, and a longitude
        facts |= {"latitude": column.SLAT, "longitude": column.SLON}
    if column.SELV != MISSING:
        facts["surface_altitude"] = float(column.SELV)
    return facts


def _refuse_size(layout: Layout, place: tuple[int, int], is_merged: bool) -> None:
    """Raise ReadError for more levels than there can be."""
    if is_merged:
        refuse_levels(int((layout.sizes[place] // np.maximum(layout.parameters, 1)).max()))
    elif (largest := int(layout.sizes[place].max())) > MOST_IN_PART:
        raise ReadError(f"{largest} numbers in one part of a TEMP report: damaged")


def _unpacked(file: Any, sounding: Any) -> Any:
    """Return one sounding as MetPy's dataset."""
    file._sninfo = {sounding}  # what it chooses from; to choose, it looks through all of them
    try:
        with np.errstate(all="ignore"):
            found = file.snxarray()
    except MemoryError:
        raise
    except Exception as error:  # what MetPy raises depends on where it stumbles
        raise ReadError(f"MetPy cannot unpack it: {_tell(error)}") from error
    if len(found) != 1:
        raise ReadError("has no pressure (PRES)")
    return found[0]


def _quantities(
    dataset: Any,
) -> tuple[dict[str, FloatArray], dict[str, Extra], tuple[str, ...]]:
    """Return levels by our names and in our units, what rides along, and what is left out."""
    columns = {"pres": np.array(dataset["pressure"], dtype=np.float64)}
    columns |= {str(name): np.array(values[0], dtype=float) for name, values in dataset.items()}
    quantities: dict[str, FloatArray] = {}
    left_out = []
    for name, values in columns.items():
        values[(values == MISSING) | ~np.isfinite(values)] = np.nan
        role, units = PARAMETERS.get(name, ("", ""))
        if role and role not in quantities:
            quantities[role] = convert(values, units, UNITS[role])
        elif name != "omeg" and np.isfinite(values).any():
            left_out.append(name.upper())
    extras = riding({"omega": columns["omeg"]} if "omeg" in columns else {})
    notes = (f"left out: {shorten(', '.join(left_out), 200)}",) if left_out else ()
    return quantities, extras, notes


def _tell(error: Exception) -> str:
    return shorten(f"{type(error).__name__}: {error}", 200)
