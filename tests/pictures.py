"""Soundings to draw, and how tests look at what was drawn."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from pipeline import ragged
from pipeline.look import look_at

SEASON = Path(__file__).resolve().parent.parent / "data" / "season-2003"
STRONGEST = "03050821i_t.lw1"
CAPPED = "03081202m_n.sep"


@cache
def season_sounding(name: str, missing: tuple[int, ...] = (), levels: int = 1000) -> xr.Dataset:
    """Read, clean and compute a file of the season, some columns missing, or its top cut off."""
    lines = (SEASON / name).read_text().splitlines()
    marks = [line.strip() for line in lines]
    start, end = marks.index("%RAW%") + 1, marks.index("%END%")
    rows = [line.split(",") for line in lines[start:end]][:levels]
    for row in rows:
        for column in missing:
            row[column] = " -9999.00"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text("\n".join([*lines[:start], *map(",".join, rows), *lines[end:]]) + "\n")
        return look_at(path).sounding


def of(checked) -> xr.Dataset:
    """Return a profile made by hand as a sounding."""
    return ragged.sounding(ragged.to_dataset([checked], []), 0)


def with_scalars(sounding: xr.Dataset, **values: float) -> xr.Dataset:
    return sounding.assign({name: ((), value) for name, value in values.items()})


def skewt(figure: Figure) -> Axes:
    return figure.axes[0]


def hodograph(figure: Figure) -> Axes:
    return figure.axes[1]


def line(ax: Axes, label: str) -> Line2D:
    found = [one for one in ax.lines if one.get_label() == label]
    assert len(found) == 1, (label, [one.get_label() for one in ax.lines])
    return found[0]


def labels(ax: Axes) -> list[str]:
    return ax.get_legend_handles_labels()[1]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def row(figure: Figure, label: str) -> list[str]:
    """Return what stands right of a word in the table, from left to right."""
    table = figure.axes[2].texts
    height = next(text.get_position()[1] for text in table if text.get_text() == label)
    same = [text for text in table if text.get_position()[1] == height]
    return [text.get_text() for text in sorted(same, key=lambda text: text.get_position()[0])]
