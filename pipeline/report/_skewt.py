"""The Skew-T: temperature, dewpoint, the surface parcel with its energy, and wind barbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.profiles import FloatArray
from pipeline.report import _ink as ink

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TOP = 100.0  # hPa
_BOTTOM = 1050.0  # hPa; lower where the ground is
_WIDTH = 90.0  # K
_KNOTS = 1.0 / 0.514444  # to the m s-1
_LEVELS = ("LCL", "LFC", "EL")
_BARB_PLACE = 1.165  # across the diagram, whose right edge is 1
_SPARSE = 10  # levels; with fewer, each is a dot, since one alone makes no line
_BARBS = 32  # at most, evenly in ln p

_CHANGED = ", filled in or changed by the cleaning"
_VIRTUAL = "virtual temperature"
_PARCEL = "surface parcel, virtual temperature"
_CAPE = "CAPE: parcel warmer, from LFC to EL"
_CIN = "CIN: parcel colder, below LFC"
_LEGEND_ORDER = (
    "temperature", f"temperature{_CHANGED}", _VIRTUAL, "dewpoint", f"dewpoint{_CHANGED}", _PARCEL,
    _CAPE, _CIN,
)  # fmt: skip


@dataclass
class ParcelPath:
    """The surface parcel's way up and its surroundings, as virtual temperatures in degC."""

    pressure: FloatArray
    parcel: FloatArray
    surroundings: FloatArray

    def at(self, pressure: FloatArray) -> ParcelPath:
        """Return it on other levels, interpolated in ln p, as CAPE is integrated."""
        nodes, targets = -np.log(self.pressure), -np.log(pressure)
        return ParcelPath(
            pressure,
            np.interp(targets, nodes, self.parcel),
            np.interp(targets, nodes, self.surroundings),
        )


def draw_skewt(
    figure: Figure, sounding: xr.Dataset, rect: tuple[float, float, float, float]
) -> Axes:
    """Draw the Skew-T of a sounding into a rectangle of a figure; return its axes."""
    from metpy.plots import SkewT

    skewt = SkewT(figure, rotation=30, rect=rect, aspect="auto")
    pressure = ink.level_values(sounding, "pressure")
    path = surface_parcel(sounding)
    _set_window(skewt.ax, pressure, ink.level_values(sounding, "temperature"))
    _draw_background(skewt)
    _draw_measured(skewt, sounding)
    if path is not None:
        _draw_parcel(skewt, path)
        _shade(skewt.ax, sounding, path)
    _mark_levels(skewt.ax, sounding, path)
    _draw_barbs(skewt, sounding)
    _finish(skewt.ax)
    return skewt.ax


def surface_parcel(sounding: xr.Dataset) -> ParcelPath | None:
    """Return the surface parcel's way up, or None where there is none to be drawn.

    Parameters
    ----------
    sounding : xarray.Dataset
        One profile; levels from the surface up. Its ``sb_parcel_temperature`` is taken where it
        is there, and computed with MetPy where not.

    Returns
    -------
    ParcelPath or None
        Virtual temperatures: the area between them is what CAPE and CIN measure. None for a
        profile that was rejected, or whose levels do not allow an ascent.
    """
    import metpy.calc as mpcalc
    from metpy.units import units

    pressure, temperature, dewpoint = (
        ink.level_values(sounding, name) for name in ("pressure", "temperature", "dewpoint")
    )
    given = "sb_parcel_temperature" in sounding.variables
    lifted = ink.level_values(sounding, "sb_parcel_temperature") if given else temperature
    whole = np.isfinite(pressure + temperature + dewpoint + lifted) & (pressure > 0.8 * TOP)
    rises = whole.sum() > 1 and bool((np.diff(pressure[whole]) < 0).all())
    if not rises or not ink.is_computed(sounding):
        return None
    p = units.Quantity(pressure[whole], "hPa")
    t, td = (units.Quantity(values[whole], "degC") for values in (temperature, dewpoint))
    parcel = (
        units.Quantity(lifted[whole], "degC")
        if given
        else mpcalc.parcel_profile(p, t[0], td[0]).to("degC")
    )
    lcl, _ = mpcalc.lcl(p[0], t[0], td[0])
    mixing_ratio = np.where(
        p > lcl,
        mpcalc.saturation_mixing_ratio(p[0], td[0]),
        mpcalc.saturation_mixing_ratio(p, parcel),
    )
    return ParcelPath(
        pressure[whole],
        mpcalc.virtual_temperature(parcel, mixing_ratio).m_as("degC"),
        mpcalc.virtual_temperature_from_dewpoint(p, t, td).m_as("degC"),
    )


def _set_window(ax: Axes, pressure: FloatArray, temperature: FloatArray) -> None:
    """Put the temperatures inside, also those of the Sahara and of the polar night."""
    lowest = np.nanmax(pressure) if np.isfinite(pressure).any() else _BOTTOM
    ax.set_ylim(max(_BOTTOM, lowest + 10.0), TOP)
    ax.set_xlim(-40.0, -40.0 + _WIDTH)
    shown = np.isfinite(pressure + temperature) & (pressure >= TOP)
    if not shown.any():
        return
    across = _WIDTH * _places(ax, temperature[shown], pressure[shown])[:, 0]
    shift = 10.0 * max(0.0, np.ceil((across.max() - _WIDTH + 3.0) / 10.0))
    if across.min() < 3.0:
        room = across.max() + 15.0 < _WIDTH
        shift = -10.0 * np.ceil((3.0 - across.min()) / 10.0) if room else shift
    ax.set_xlim(-40.0 + shift, -40.0 + shift + _WIDTH)


def _places(ax: Axes, temperature: FloatArray, pressure: FloatArray) -> FloatArray:
    """Return where points are, in fractions of the diagram's width and height."""
    points = ax.transData.transform(np.column_stack([temperature, pressure]))
    places: FloatArray = ax.transAxes.inverted().transform(points)
    return places


def _draw_background(skewt: Any) -> None:
    from metpy.units import units

    left, right = skewt.ax.get_xlim()
    skewt.ax.grid(True, color="#cccccc", linewidth=0.6)
    skewt.ax.axvline(0.0, color=ink.SKY, linewidth=1.0, linestyle=(0, (6, 3)))
    pressure = units.Quantity(np.geomspace(skewt.ax.get_ylim()[0], TOP, 60), "hPa")
    starts = np.arange(left, right + 81.0, 10.0)
    line = {"linewidths": 0.6, "linestyles": "solid", "alpha": 0.5}
    skewt.plot_dry_adiabats(units.Quantity(starts, "degC"), pressure, colors="#c9a27e", **line)
    starts = np.arange(max(left, -30.0), 41.0, 5.0)
    skewt.plot_moist_adiabats(units.Quantity(starts, "degC"), pressure, colors="#8fbfa6", **line)
    below = pressure[pressure.m > 500.0]
    line["linestyles"] = "dotted"
    skewt.plot_mixing_lines(pressure=below, colors="#6a8f6a", **line)


def _draw_measured(skewt: Any, sounding: xr.Dataset) -> None:
    """Draw temperature and dewpoint, with dashes where the cleaning changed or filled them in."""
    pressure = ink.level_values(sounding, "pressure")
    for name, colour in (("dewpoint", ink.BLUE), ("temperature", ink.VERMILION)):
        values = ink.level_values(sounding, name)
        there = np.isfinite(values + pressure)
        changed = ink.was_changed(sounding, name)[there]
        p, values = pressure[there], values[there]
        # The stretch between a reported and a changed level is dashed too.
        near = changed.copy()
        near[1:] |= changed[:-1]
        near[:-1] |= changed[1:]
        for values_drawn, style, label in (
            (np.where(near, values, np.nan), (0, (2, 1.2)), f"{name}{_CHANGED}"),
            (np.where(changed, np.nan, values), "solid", name),
        ):
            if np.isfinite(values_drawn).any():
                skewt.ax.plot(
                    values_drawn, p, color=colour, linestyle=style, label=label,
                    linewidth=2.2 if style == "solid" else 1.4,
                    marker="o" if len(p) < _SPARSE else "", markersize=3.5,
                )  # fmt: skip


def _draw_parcel(skewt: Any, path: ParcelPath) -> None:
    line = {"linewidth": 1.0, "linestyle": "dotted", "color": ink.VERMILION}
    skewt.ax.plot(path.surroundings, path.pressure, label=_VIRTUAL, **line)
    line = {"linewidth": 1.6, "linestyle": (0, (5, 2)), "color": ink.BLACK}
    skewt.ax.plot(path.parcel, path.pressure, label=_PARCEL, **line)


def _shade(ax: Axes, sounding: xr.Dataset, path: ParcelPath) -> None:
    """Shade the energy of the surface parcel between the levels that bound it."""
    lfc, el = (ink.scalar(sounding, f"sb{level}_pressure") for level in ("lfc", "el"))
    cape, cin = (ink.scalar(sounding, f"sb{energy}") for energy in ("cape", "cin"))
    if not np.isfinite(lfc):
        return
    bounds = [level for level in (lfc, el) if np.isfinite(level)]
    fine = path.at(np.unique(np.append(path.pressure, bounds))[::-1])
    top = el if np.isfinite(el) else fine.pressure[-1]
    warmer = fine.parcel >= fine.surroundings
    areas = (
        (cape, (fine.pressure <= lfc) & (fine.pressure >= top), warmer, ink.ORANGE, _CAPE),
        (cin, fine.pressure >= lfc, ~warmer, ink.SKY, _CIN),
    )
    for energy, layer, where, colour, label in areas:
        if abs(energy) >= 1.0:  # not so for one that is missing
            ax.fill_betweenx(
                fine.pressure[layer], fine.parcel[layer], fine.surroundings[layer],
                where=where[layer], interpolate=True, facecolor=colour, alpha=0.4, linewidth=0,
                label=label,
            )  # fmt: skip


def _mark_levels(ax: Axes, sounding: xr.Dataset, path: ParcelPath | None) -> None:
    """Mark LCL, LFC and EL on the parcel's path, and name them at the right edge."""
    pressures = {name: ink.scalar(sounding, f"sb{name.lower()}_pressure") for name in _LEVELS}
    bottom, _ = ax.get_ylim()
    shown = {name: p for name, p in pressures.items() if TOP <= p <= bottom}
    shown = dict(sorted(shown.items(), key=lambda item: -item[1]))
    heights = [float(_places(ax, np.zeros(1), np.array([p]))[0, 1]) for p in shown.values()]
    line: dict[str, Any] = {"color": ink.GREY, "linewidth": 0.8, "transform": ax.transAxes}
    spread = _spread(heights, gap=0.026)
    for (name, pressure), height, place in zip(shown.items(), heights, spread, strict=True):
        start = 1.0
        if path is not None:
            parcel = path.at(np.array([pressure])).parcel
            start = float(_places(ax, parcel, np.array([pressure]))[0, 0])
            ax.plot(
                parcel, [pressure], "o", markersize=5, color="white", markeredgecolor=ink.BLACK,
                zorder=5,
            )  # fmt: skip
        # A collection, since the legend keeps clear of lines only.
        ax.hlines(height, start + 0.01, 1.0, linestyle="dotted", **line)
        ax.plot([1.0, 1.014], [height, place], clip_on=False, **line)
        ax.text(
            1.017, place, f"{name} {pressure:.0f}", transform=ax.transAxes, va="center",
            fontsize=ink.SMALL, fontweight="bold",
        )  # fmt: skip


def _spread(places: list[float], gap: float) -> list[float]:
    """Return rising places moved apart to keep a gap between them.

    Examples
    --------
    >>> _spread([0.1, 0.1, 0.5], gap=0.2)
    [0.1, 0.3, 0.5]
    """
    spread: list[float] = []
    for place in places:
        spread.append(round(max(place, spread[-1] + gap), 9) if spread else place)
    return spread


def _draw_barbs(skewt: Any, sounding: xr.Dataset) -> None:
    """Draw barbs in knots beside the diagram, in the colours of the hodograph's layers."""
    pressure, u_wind, v_wind = (
        ink.level_values(sounding, name) for name in ("pressure", "u_wind", "v_wind")
    )
    bottom, _ = skewt.ax.get_ylim()
    there = np.isfinite(pressure + u_wind + v_wind) & (pressure >= TOP) & (pressure <= bottom)
    if not there.any():
        return
    chosen = np.flatnonzero(there)[_thinned(pressure[there], np.log(bottom / TOP) / _BARBS)]
    height = ink.height_above_ground(sounding)[chosen]
    colours = np.full(len(chosen), ink.GREY, dtype=object)
    for low, high, colour in ink.WIND_LAYERS:
        colours[(height >= low) & (height <= high)] = colour
    skewt.plot_barbs(
        pressure[chosen], u_wind[chosen] * _KNOTS, v_wind[chosen] * _KNOTS, xloc=_BARB_PLACE,
        length=6, linewidth=0.8, barbcolor=list(colours), flagcolor=list(colours),
    )  # fmt: skip
    skewt.ax.text(
        _BARB_PLACE, -0.028, "wind, kn", transform=skewt.ax.transAxes, ha="center", va="center",
        fontsize=ink.SMALL,
    )  # fmt: skip


def _thinned(pressure: FloatArray, step: float) -> list[int]:
    """Return which levels to keep for a distance of at least `step` in ln p, the lowest first.

    Examples
    --------
    >>> _thinned(np.array([1000.0, 999.0, 900.0, 880.0, 500.0]), step=0.1)
    [0, 2, 4]
    """
    kept = [0]
    for index in range(1, len(pressure)):
        if abs(np.log(pressure[index] / pressure[kept[-1]])) >= step:
            kept.append(index)
    return kept


def _finish(ax: Axes) -> None:
    ax.set_xlabel("temperature (°C)", fontsize=ink.NORMAL)
    ax.set_ylabel("pressure (hPa)", fontsize=ink.NORMAL)
    ax.tick_params(labelsize=ink.NORMAL)
    drawn = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    if drawn:
        labels = sorted(drawn, key=_LEGEND_ORDER.index)
        ax.legend(
            [drawn[label] for label in labels], labels, loc="best", fontsize=ink.SMALL,
            framealpha=0.92,
        )  # fmt: skip
