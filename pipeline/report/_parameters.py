"""The table of the main parameters beside a sounding's diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.report import _ink as ink

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_PARCELS = (("sb", "surface-based"), ("ml", "mixed-layer"), ("mu", "most unstable"))
_ABOUT_PARCELS = (
    ("CAPE", "J kg⁻¹", "{}cape", "{:.0f}"),
    ("CIN", "J kg⁻¹", "{}cin", "{:.0f}"),
    ("LCL", "m AGL", "{}lcl_height", "{:.0f}"),
    ("LFC", "m AGL", "{}lfc_height", "{:.0f}"),
    ("EL", "m AGL", "{}el_height", "{:.0f}"),
    ("LI", "K", "{}_lifted_index", "{:.1f}"),
)


class Entry(NamedTuple):
    """A parameter in the table."""

    label: str
    name: str
    template: str
    units: str


_LEFT = (
    Entry("precipitable water", "precipitable_water", "{:.0f}", "mm"),
    Entry("freezing level", "freezing_level_height", "{:.0f}", "m AGL"),
    Entry("wet-bulb zero", "wet_bulb_zero_height", "{:.0f}", "m AGL"),
    Entry("downdraft CAPE", "dcape", "{:.0f}", "J kg⁻¹"),
    Entry("K index", "k_index", "{:.0f}", "°C"),
    Entry("Total Totals", "total_totals_index", "{:.0f}", "K"),
)
_RIGHT = (
    Entry("shear 0–1 km", "bulk_shear_0_1km", "{:.0f}", "m s⁻¹"),
    Entry("shear 0–6 km", "bulk_shear_0_6km", "{:.0f}", "m s⁻¹"),
    Entry("helicity 0–1 km", "srh_0_1km", "{:.0f}", "m² s⁻²"),
    Entry("helicity 0–3 km", "srh_0_3km", "{:.0f}", "m² s⁻²"),
    Entry("supercell comp.", "supercell_composite", "{:.1f}", ""),
    Entry("sig. tornado", "significant_tornado", "{:.1f}", ""),
)

_COLUMNS = (0.38, 0.50, 0.615, 0.735, 0.865, 1.0)  # right edges
_ROW = 0.085


def draw_parameters(ax: Axes, sounding: xr.Dataset) -> None:
    """Write the parameters that a sounding has; a missing one is a dash."""
    ax.set_axis_off()
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, 1.0)
    parcels = [(prefix, label) for prefix, label in _PARCELS if _has(sounding, prefix)]
    columns = [
        [entry for entry in entries if entry.name in sounding.variables]
        for entries in (_LEFT, _RIGHT)
    ]
    if not parcels and not any(columns):
        ax.text(0.0, 1.0, "No parameters were computed.", va="top", color=ink.GREY)
        return
    top = _draw_parcels(ax, sounding, parcels, 0.96) if parcels else 0.96
    for left, right, entries in zip((0.0, 0.54), (0.365, 0.875), columns, strict=True):
        for row, entry in enumerate(entries):
            height = top - row * _ROW
            figure = _figure(ink.scalar(sounding, entry.name), entry.template)
            _write(ax, left, height, entry.label)
            _write(ax, right, height, figure, right=True)
            _write(ax, right + 0.015, height, entry.units, colour=ink.GREY)


def _has(sounding: xr.Dataset, prefix: str) -> bool:
    names = (name.format(prefix) for _, _, name, _ in _ABOUT_PARCELS)
    return any(name in sounding.variables for name in names)


def _draw_parcels(
    ax: Axes, sounding: xr.Dataset, parcels: list[tuple[str, str]], top: float
) -> float:
    """Write a row for each parcel; return where what follows begins."""
    _write(ax, 0.0, top, "parcel", bold=True)
    for edge, (title, units, _, _) in zip(_COLUMNS, _ABOUT_PARCELS, strict=True):
        _write(ax, edge, top, title, right=True, bold=True)
        _write(ax, edge, top - 0.7 * _ROW, units, right=True, colour=ink.GREY)
    for row, (prefix, label) in enumerate(parcels):
        height = top - (1.7 + row) * _ROW
        _write(ax, 0.0, height, label)
        for edge, (_, _, name, template) in zip(_COLUMNS, _ABOUT_PARCELS, strict=True):
            figure = _figure(ink.scalar(sounding, name.format(prefix)), template)
            _write(ax, edge, height, figure, right=True)
    line = top - (1.1 + len(parcels)) * _ROW - 0.6 * _ROW
    ax.plot([0.0, 1.0], [line] * 2, color="#c0c0c0", linewidth=0.8)
    return line - 0.9 * _ROW


def _figure(value: float, template: str) -> str:
    """Return a number as it is printed.

    Examples
    --------
    >>> _figure(-12.4, "{:.0f}"), _figure(-0.2, "{:.0f}"), _figure(np.nan, "{:.0f}")
    ('−12', '0', '–')
    """
    if not np.isfinite(value):
        return "–"
    text = template.format(value)
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def _write(
    ax: Axes, x: float, y: float, text: str, *, right: bool = False, bold: bool = False,
    colour: str = ink.BLACK,
) -> None:  # fmt: skip
    ax.text(
        x, y, text, ha="right" if right else "left", va="center", fontsize=ink.NORMAL,
        fontweight="bold" if bold else "normal", color=colour,
    )  # fmt: skip
