"""A sounding as a picture: Skew-T, hodograph, main parameters, and the verdict with its reasons."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import PipelineError
from pipeline.flags import Reason, Status, from_mask
from pipeline.report import _ink as ink
from pipeline.report._hodograph import draw_hodograph
from pipeline.report._parameters import draw_parameters
from pipeline.report._skewt import draw_skewt

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

_SIZE = (12.0, 9.0)  # inches
_DOTS = 100.0  # an inch
_LINE = 0.0195  # height of a line of the remarks, in heights of the figure


def draw_sounding(sounding: xr.Dataset) -> Figure:
    """Draw a sounding: Skew-T with the surface parcel, hodograph, parameters, verdict.

    Parameters
    ----------
    sounding : xarray.Dataset
        One profile, as ``season.sounding[i]`` gives it: dimension ``level`` from the surface up,
        ``pressure`` (hPa), ``temperature``, ``dewpoint`` (degC), ``height`` (m), ``u_wind``,
        ``v_wind`` (m s-1) with their flags, and whatever was computed of it. What is missing is
        left out.

    Returns
    -------
    matplotlib.figure.Figure
        12 by 9 inches. It belongs to no window and to no global state: any number may be drawn,
        also in threads.

    Examples
    --------
    >>> from pipeline import open_season
    >>> season = open_season("output/season-2003.nc")  # doctest: +SKIP
    >>> draw_sounding(season.sounding["OUN_20030509T0000"]).savefig("oun.png")  # doctest: +SKIP
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DOTS, facecolor="white")
    top = _draw_header(figure, sounding)
    draw_skewt(figure, sounding, rect=(0.055, 0.075, 0.485, top - 0.075))
    side = 0.29  # of the width
    height = side * _SIZE[0] / _SIZE[1]
    draw_hodograph(figure.add_axes((0.695, top - height, side, height)), sounding)
    bottom = 0.045
    draw_parameters(figure.add_axes((0.655, bottom, 0.33, top - height - 0.14 - bottom)), sounding)
    _write(figure, 0.015, 0.014, _footer(sounding), fontsize=7.5, color=ink.GREY)
    return figure


def save_sounding(sounding: xr.Dataset, path: Path, *, dots: float = _DOTS) -> None:
    """Draw a sounding into a file.

    Parameters
    ----------
    sounding : xarray.Dataset
        As for :func:`draw_sounding`.
    path : path
        Its ending says in which format: ``.png``, ``.pdf``, ``.svg``. Its folder is made.
    dots : float
        Per inch, where that means something: 100 is 1200 by 900, 300 is for print.

    Raises
    ------
    PipelineError
        When the file cannot be written, or nobody knows such a format.
    """
    from matplotlib.figure import Figure

    path = Path(path)
    if path.suffix.lower().removeprefix(".") not in Figure().canvas.get_supported_filetypes():
        raise PipelineError(f"{path}: a picture's name ends in .png, .pdf or .svg; choose one")
    figure = draw_sounding(sounding)
    try:
        os.makedirs(path.parent, exist_ok=True)
        figure.savefig(path, dpi=dots)
    except OSError as error:
        raise PipelineError(f"{path}: cannot be written ({error.strerror or error})") from error


def _draw_header(figure: Figure, sounding: xr.Dataset) -> float:
    """Write who, where and when, and the verdict with its reasons; return where that ends."""
    verdict, wind_verdict = ink.status(sounding), ink.status(sounding, "wind_status")
    words = f"thermodynamics {verdict.name.lower()}, winds {wind_verdict.name.lower()}"
    colour = ink.VERDICT_COLOURS[max(verdict, wind_verdict)]
    badge = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "none"}
    _write(
        figure, 0.985, 0.972, words, ha="right", fontsize=10.5, fontweight="bold", color="white",
        bbox=badge,
    )  # fmt: skip
    _write(figure, 0.015, 0.972, _name(sounding), fontsize=ink.LARGE, fontweight="bold")
    _write(figure, 0.015, 0.942, _time_and_place(sounding), fontsize=10.5)
    remarks = _remarks(sounding)
    for number, line in enumerate(remarks):
        _write(figure, 0.015, 0.918 - number * _LINE, line, fontsize=ink.NORMAL, color="#404040")
    return 0.918 - len(remarks) * _LINE - 0.005


def _write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    # A station's name or a message may hold a $, which is no formula.
    figure.text(x, y, text, **{"va": "center", "parse_math": False, **style})


def _name(sounding: xr.Dataset) -> str:
    station, name = (str(sounding[key].values) for key in ("station_id", "station_name"))
    text = "  ".join(filter(None, (station, name))) or "no station"
    return textwrap.shorten(text.replace("  ", " "), 72, placeholder=" …")


def _time_and_place(sounding: xr.Dataset) -> str:
    time = sounding["time"].values
    when = (
        "time not known"
        if np.isnat(time)
        else str(np.datetime_as_string(time, unit="m")).replace("T", " ") + " UTC"
    )
    latitude, longitude = ink.scalar(sounding, "latitude"), ink.scalar(sounding, "longitude")
    where = "position not known"
    if np.isfinite(latitude + longitude):
        north, east = "NS"[latitude < 0], "EW"[longitude < 0]
        where = f"{abs(latitude):.2f}° {north}  {abs(longitude):.2f}° {east}"
    altitude = ink.scalar(sounding, "surface_altitude")
    ground = f"ground at {altitude:.0f} m" if np.isfinite(altitude) else "altitude not known"
    return f"{when}   ·   {where}   ·   {ground}   ·   {sounding.sizes['level']} levels"


def _remarks(sounding: xr.Dataset) -> list[str]:
    """Return the reasons in words, those for a verdict first, and the figures behind them."""
    reasons = from_mask(int(sounding["status_reasons"].values))
    verdict, wind_verdict = ink.status(sounding), ink.status(sounding, "wind_status")
    of_levels = [reason for reason in reasons if reason.status > Status.OK]
    of_winds = [reason for reason in reasons if reason.wind_status > Status.OK]
    others = [reason for reason in reasons if reason not in of_levels + of_winds]
    message = str(sounding["status_message"].values)
    parts = (
        _sentence(f"Thermodynamics {verdict.name.lower()}: ", of_levels),
        _sentence(f"Winds {wind_verdict.name.lower()}: ", of_winds),
        _sentence("Also: " if of_levels or of_winds else "", others),
        f"[{message}]" if message else "",
    )
    text = " ".join(filter(None, parts)) or "Nothing had to be changed; nothing was found wrong."
    return textwrap.wrap(text, 178, max_lines=4, placeholder=" …")


def _sentence(beginning: str, reasons: list[Reason]) -> str:
    text = beginning + "; ".join(reason.sentence for reason in reasons)
    return f"{text[0].upper()}{text[1:]}." if reasons else ""


def _footer(sounding: xr.Dataset) -> str:
    """Return where the numbers come from."""
    attributes = sounding.attrs
    source = str(sounding["source_path"].values) if "source_path" in sounding.variables else ""
    parts = (
        f"source: {source.rpartition('/')[2]}" if source else "",
        f"pipeline {attributes['product_version']}" if "product_version" in attributes else "",
        f"MetPy {attributes['metpy_version']}" if "metpy_version" in attributes else "",
    )
    return "   ·   ".join(filter(None, parts))
