"""The hodograph: the wind's components by height, and the storm motions that follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.profiles import FloatArray
from pipeline.report import _ink as ink

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_DEEPEST = ink.WIND_LAYERS[-1][1]  # km above ground

_MOTIONS = (
    ("bunkers_right", "right mover", "v"),
    ("bunkers_left", "left mover", "^"),
    ("bunkers_mean", "mean wind 0–6 km", "s"),
)


def draw_hodograph(ax: Axes, sounding: xr.Dataset) -> None:
    """Draw the hodograph of a sounding, or say why there is none."""
    from metpy.plots import Hodograph

    layers = wind_layers(sounding)
    if not layers:
        _say_none(ax)
        return
    motions = {
        name: (ink.scalar(sounding, f"{name}_u"), ink.scalar(sounding, f"{name}_v"))
        for name, _, _ in _MOTIONS
    }
    points = np.concatenate([np.column_stack(wind) for _, _, *wind in layers])
    known = [motion for motion in motions.values() if np.isfinite(motion).all()]
    left, bottom, side = _window(np.concatenate([points, np.reshape(known, (-1, 2)), [[0, 0]]]))
    hodograph = Hodograph(ax, component_range=float(np.abs([left, bottom]).max() + side))
    step = 5.0 if side < 30.0 else 10.0 if side < 80.0 else 20.0
    hodograph.add_grid(step, color="#c0c0c0", linewidth=0.7, linestyle="solid")
    lines = [
        hodograph.plot(u_wind, v_wind, color=colour, linewidth=2.0, label=label)[0]
        for label, colour, u_wind, v_wind in layers
    ]
    markers = [
        ax.plot(
            *motions[name], marker, color="white", markeredgecolor=ink.BLACK, markersize=7,
            markeredgewidth=1.4, label=f"{label}  {_bearing(*motions[name])}",
        )[0]
        for name, label, marker in _MOTIONS
        if np.isfinite(motions[name]).all()
    ]  # fmt: skip
    _finish(ax, left, bottom, side, step)
    _add_legends(ax, lines, markers)


def wind_layers(sounding: xr.Dataset) -> list[tuple[str, str, FloatArray, FloatArray]]:
    """Return label, colour, u and v of each layer that there are winds in, from the ground up.

    Each begins and ends exactly at its bounds, where the wind is interpolated, if the winds reach
    that far. Winds without heights are one grey layer.
    """
    u_wind, v_wind = (ink.level_values(sounding, name) for name in ("u_wind", "v_wind"))
    height = ink.height_above_ground(sounding)
    there = np.isfinite(u_wind + v_wind)
    if there.any() and not np.isfinite(height[there]).any():
        return [("height not known", ink.GREY, u_wind[there], v_wind[there])]
    there &= np.isfinite(height)
    order = np.argsort(height[there], kind="stable")
    height, u_wind, v_wind = (values[there][order] for values in (height, u_wind, v_wind))
    layers = []
    for low, high, colour in ink.WIND_LAYERS:
        inside = height[(height > low) & (height < high)]
        bounds = [
            bound for bound in (low, high) if len(height) and height[0] <= bound <= height[-1]
        ]
        nodes = np.unique(np.concatenate([bounds, inside]))
        if len(nodes) > 1:
            u, v = (np.interp(nodes, height, values) for values in (u_wind, v_wind))
            layers.append((f"{low}–{high} km", colour, u, v))
    return layers


def _window(points: FloatArray) -> tuple[float, float, float]:
    """Return left and bottom edge and side of a square around points, with a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(1.16 * float((high - low).max()), 12.0)
    left, bottom = (low + high - side) / 2.0
    return float(left), float(bottom), side


def _bearing(u_wind: float, v_wind: float) -> str:
    """Return where a motion comes from and how fast it is.

    Examples
    --------
    >>> _bearing(10.0, 0.0)
    '270°, 10 m s⁻¹'
    """
    direction = np.degrees(np.arctan2(-u_wind, -v_wind)) % 360.0
    return f"{direction:.0f}°, {np.hypot(u_wind, v_wind):.0f} m s⁻¹"


def _finish(ax: Axes, left: float, bottom: float, side: float, step: float) -> None:
    from matplotlib.ticker import MultipleLocator

    ax.set_xlim(left, left + side)
    ax.set_ylim(bottom, bottom + side)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MultipleLocator(step))
    ax.tick_params(labelsize=ink.SMALL)
    ax.set_xlabel("u (m s⁻¹)", fontsize=ink.SMALL, labelpad=2)
    ax.set_ylabel("v (m s⁻¹)", fontsize=ink.SMALL, labelpad=3)


def _add_legends(ax: Axes, lines: list[Any], markers: list[Any]) -> None:
    """Explain layers and motions below the hodograph, where they hide nothing."""
    style: dict[str, Any] = {
        "loc": "upper left", "fontsize": ink.SMALL, "frameon": False, "borderaxespad": 0.0,
        "borderpad": 0.0, "labelspacing": 0.35,
    }  # fmt: skip
    layers = ax.legend(
        handles=lines, bbox_to_anchor=(-0.12, -0.125), ncols=4, handlelength=1.3, columnspacing=1.5,
        **style,
    )  # fmt: skip
    if markers:
        ax.add_artist(layers)
        ax.legend(handles=markers, bbox_to_anchor=(-0.12, -0.178), **style)


def _say_none(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_box_aspect(1)
    ax.text(0.5, 0.5, "no winds", transform=ax.transAxes, ha="center", color=ink.GREY)
