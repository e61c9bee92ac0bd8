"""The picture of a sounding: what is in it, what it says, and that nothing hides anything."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import combinations
from pathlib import Path

import metpy.calc as mpcalc
import numpy as np
import pytest
import xarray as xr
from made_profiles import made, time
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.quiver import Barbs
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from metpy.units import units

from pipeline import ragged
from pipeline.errors import PipelineError
from pipeline.flags import QC, Reason
from pipeline.report._hodograph import wind_layers
from pipeline.report._skewt import surface_parcel
from pipeline.report.plots import draw_sounding, save_sounding
from pipeline.report.sounding import look_at

pytestmark = [
    pytest.mark.filterwarnings("error"),
    # MetPy's own way of drawing skewed ticks.
    pytest.mark.filterwarnings("ignore:The interval_contains function"),
]

STRONGEST = "03050821i_t.lw1"
CAPPED = "03081202m_n.sep"
DRY_AIR = 287.047  # J kg-1 K-1


@pytest.fixture(scope="module")
def season_sounding(season_folder, tmp_path_factory):
    """Read, clean and compute a file of the season, some of its columns missing or cut short."""

    def look(name: str, *, missing: tuple[int, ...] = (), levels: int = 1000) -> xr.Dataset:
        lines = (season_folder / name).read_text().splitlines()
        start = lines.index("%RAW%") + 1 if "%RAW%" in lines else lines.index(" %RAW%") + 1
        end = next(i for i, line in enumerate(lines) if line.strip() == "%END%")
        rows = [line.split(",") for line in lines[start:end]][:levels]
        for row in rows:
            for column in missing:
                row[column] = " -9999.00"
        path = tmp_path_factory.mktemp("season") / name
        path.write_text("\n".join([*lines[:start], *map(",".join, rows), *lines[end:]]) + "\n")
        return look_at(path).sounding

    return look


@pytest.fixture(scope="module")
def strongest(season_sounding) -> xr.Dataset:
    return season_sounding(STRONGEST)


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


# What it says ------------------------------------------------------------------------------------


def test_the_title_says_where_and_when_and_the_badge_the_verdict():
    sounding = of(
        made(
            30, station_id="06610", station_name="Payerne", time=time("2003-05-09T12:00"),
            latitude=46.8125, longitude=-6.94, surface_altitude=491.0, reasons={Reason.NO_WIND},
        )
    )  # fmt: skip
    said = texts(draw_sounding(sounding))
    assert "06610 Payerne" in said
    assert (
        "2003-05-09 12:00 UTC   ·   46.81° N  6.94° W   ·   ground at 491 m   ·   30 levels" in said
    )
    assert "thermodynamics ok, winds rejected" in said


def test_what_is_not_known_is_said_so():
    said = texts(draw_sounding(of(made(30))))
    assert "no station" in said
    assert (
        "time not known   ·   position not known   ·   altitude not known   ·   30 levels" in said
    )


def test_a_name_with_a_dollar_sign_is_no_formula():
    figure = draw_sounding(of(made(30, station_id="$X_{1$", station_name="a $ b $")))
    figure.draw_without_rendering()
    assert "$X_{1$ a $ b $" in texts(figure)


def test_reasons_stand_in_words_those_for_the_verdict_first_with_their_figures():
    reasons = {Reason.HUMIDITY_EXTENDED_ALOFT, Reason.HUMIDITY_ENDS_EARLY, Reason.WIND_GAP}
    figure = draw_sounding(of(made(30, reasons=reasons, message="dewpoint ends at 612 hPa")))
    assert (
        "Thermodynamics suspect: dewpoint ends below the 500 hPa level. "
        "Winds suspect: a deep layer has no wind report. "
        "Also: dewpoint was extended above its last report. [dewpoint ends at 612 hPa]"
    ) in " ".join(texts(figure))


def test_a_clean_sounding_says_that_nothing_was_changed():
    said = texts(draw_sounding(of(made(30))))
    assert "Nothing had to be changed; nothing was found wrong." in said


def test_the_table_holds_the_parameters_with_their_units():
    sounding = with_scalars(
        of(made(30)), sbcape=1234.4, sbcin=-56.7, sblcl_height=899.6, sb_lifted_index=-0.04,
        bulk_shear_0_6km=23.6, srh_0_3km=np.nan, mlcape=0.0,
    )  # fmt: skip
    figure = draw_sounding(sounding)
    assert row(figure, "parcel") == ["parcel", "CAPE", "CIN", "LCL", "LFC", "EL", "LI"]
    assert row(figure, "surface-based") == ["surface-based", "1234", "−57", "900", "–", "–", "0.0"]
    assert row(figure, "mixed-layer") == ["mixed-layer", "0", "–", "–", "–", "–", "–"]
    assert row(figure, "shear 0–6 km") == ["shear 0–6 km", "24", "m s⁻¹"]
    assert row(figure, "helicity 0–3 km") == ["helicity 0–3 km", "–", "m² s⁻²"]
    assert "most unstable" not in texts(figure), "not computed, so not in the table"


def test_a_sounding_without_results_says_so():
    assert "No parameters were computed." in texts(draw_sounding(of(made(30))))


# The Skew-T --------------------------------------------------------------------------------------


def test_temperature_and_dewpoint_are_drawn_as_they_are(strongest):
    ax = skewt(draw_sounding(strongest))
    for name in ("temperature", "dewpoint"):
        drawn = line(ax, name)
        there = np.isfinite(drawn.get_xdata())
        good = strongest[f"{name}_qc"].values != QC.SUSPECT
        assert np.array_equal(drawn.get_xdata()[there], strongest[name].values[good])
        assert np.array_equal(drawn.get_ydata()[there], strongest["pressure"].values[good])


def test_what_the_cleaning_filled_in_is_dashed_and_explained():
    checked = made(10)
    checked.qc["dewpoint"][7:] = QC.SUSPECT
    ax = skewt(draw_sounding(of(checked)))
    dashed = line(ax, "dewpoint, filled in or changed by the cleaning")
    assert dashed.get_linestyle() == "--"
    pressure = checked.profile.pressure
    assert np.array_equal(dashed.get_ydata()[np.isfinite(dashed.get_xdata())], pressure[6:])
    solid = line(ax, "dewpoint")
    assert np.array_equal(solid.get_ydata()[np.isfinite(solid.get_xdata())], pressure[:7])


def test_the_shaded_area_is_what_the_number_says(strongest):
    """MetPy's CAPE, called directly, is the area between the two curves that are drawn."""
    path = surface_parcel(strongest)
    lfc, el = (float(strongest[f"sb{level}_pressure"]) for level in ("lfc", "el"))
    fine = path.at(np.geomspace(lfc, el, 2000))
    area = -DRY_AIR * np.trapezoid(fine.parcel - fine.surroundings, np.log(fine.pressure))
    cape, _ = mpcalc.surface_based_cape_cin(
        units.Quantity(strongest.pressure.values, "hPa"),
        units.Quantity(strongest.temperature.values, "degC"),
        units.Quantity(strongest.dewpoint.values, "degC"),
    )
    assert area == pytest.approx(cape.m_as("J/kg"), rel=0.005)
    shading = next(
        one for one in skewt(draw_sounding(strongest)).collections
        if isinstance(one, PolyCollection) and str(one.get_label()).startswith("CAPE")
    )  # fmt: skip
    heights = np.concatenate([one.vertices[:, 1] for one in shading.get_paths()])
    assert (heights.max(), heights.min()) == pytest.approx((lfc, el), abs=0.5)


def test_inhibition_is_shaded_below_the_level_of_free_convection(season_sounding):
    sounding = season_sounding(CAPPED)
    assert float(sounding.sbcin) < -100.0, "the file's cap"
    shading = next(
        one for one in skewt(draw_sounding(sounding)).collections
        if isinstance(one, PolyCollection) and str(one.get_label()).startswith("CIN")
    )  # fmt: skip
    heights = np.concatenate([one.vertices[:, 1] for one in shading.get_paths()])
    assert heights.min() >= float(sounding.sblfc_pressure) - 0.5


def test_the_parcel_is_lifted_with_metpy_where_the_sounding_does_not_bring_it(strongest):
    brought, lifted = (
        surface_parcel(one) for one in (strongest, strongest.drop_vars("sb_parcel_temperature"))
    )
    assert np.array_equal(brought.pressure, lifted.pressure)
    assert np.abs(brought.parcel - lifted.parcel).max() < 0.01


def test_the_levels_are_marked_on_the_parcel_and_named(strongest):
    figure = draw_sounding(strongest)
    marks = [one for one in skewt(figure).lines if one.get_marker() == "o"]
    pressures = [float(strongest[f"sb{level}_pressure"]) for level in ("lcl", "lfc", "el")]
    assert [one.get_ydata()[0] for one in marks] == pytest.approx(pressures)
    for name, pressure in zip(("LCL", "LFC", "EL"), pressures, strict=True):
        assert f"{name} {pressure:.0f}" in texts(figure)


@pytest.mark.parametrize("levels", [30, 5000])
def test_barbs_are_in_knots_and_evenly_thinned(levels):
    checked = made(levels, u_wind=np.full(levels, 25.7222), v_wind=np.zeros(levels))
    (barbs,) = (one for one in skewt(draw_sounding(of(checked))).collections if type(one) is Barbs)
    assert np.asarray(barbs.u) == pytest.approx(50.0, abs=0.01)
    distances = -np.diff(np.log(barbs.get_offsets()[:, 1]))
    assert distances.min() >= np.log(10.5) / 32 - 1e-9
    assert 10 <= len(barbs.u) <= 33
    if levels == 5000:
        assert distances.max() < 1.1 * np.log(10.5) / 32


@pytest.mark.parametrize("surface", [-55.0, 52.0], ids=["polar night", "desert"])
def test_the_window_follows_the_temperature(surface):
    levels = 50
    pressure = np.linspace(1010.0, 110.0, levels)
    temperature = np.maximum(surface - 0.1 * (1010.0 - pressure), -75.0)
    sounding = of(
        made(levels, pressure=pressure, temperature=temperature, dewpoint=temperature - 5.0)
    )
    ax = skewt(draw_sounding(sounding))
    points = ax.transData.transform(np.column_stack([temperature, pressure]))
    across = ax.transAxes.inverted().transform(points)[:, 0]
    assert across.min() > 0.0
    assert across.max() < 1.0


def test_without_winds_there_are_no_barbs_and_the_rest_stays(season_sounding):
    sounding = season_sounding(STRONGEST, missing=(4, 5))
    figure = draw_sounding(sounding)
    assert not [one for one in skewt(figure).collections if isinstance(one, Barbs)]
    assert "no winds" in texts(figure)
    assert "Winds rejected: no usable winds." in " ".join(texts(figure))
    assert row(figure, "surface-based")[1] == f"{float(sounding.sbcape):.0f}"


def test_without_dewpoint_there_is_no_parcel_and_the_reason_stands(season_sounding):
    figure = draw_sounding(season_sounding(STRONGEST, missing=(3,)))
    assert labels(skewt(figure)) == ["temperature"]
    assert "Thermodynamics rejected: too few levels with" in " ".join(texts(figure))
    assert labels(hodograph(figure)), "winds are judged on their own"


def test_a_rejected_sounding_is_drawn_as_far_as_it_goes(season_sounding):
    sounding = season_sounding(STRONGEST, levels=12)
    figure = draw_sounding(sounding)
    assert len(line(skewt(figure), "temperature").get_ydata()) == 12
    assert labels(skewt(figure)) == ["dewpoint", "temperature"]
    assert "thermodynamics rejected, winds ok" in texts(figure)
    assert "Thermodynamics rejected: the sounding ends too low." in " ".join(texts(figure))


@pytest.mark.parametrize("levels", [0, 1])
def test_a_sounding_of_hardly_a_level_is_drawn(levels):
    figure = draw_sounding(of(made(levels, reasons={Reason.NO_LEVELS})))
    figure.draw_without_rendering()
    assert "Thermodynamics rejected: no usable level." in " ".join(texts(figure))
    assert ("temperature" in labels(skewt(figure))) == (levels == 1)


# The hodograph -----------------------------------------------------------------------------------


def test_layers_begin_and_end_exactly_at_their_bounds():
    """The wind grows by 1 m s-1 a kilometre, so that u is the height."""
    height = np.array([250.0, 900.0, 2600.0, 5100.0, 7900.0, 12250.0])
    above_ground = (height - 250.0) / 1000.0
    sounding = of(
        made(6, height=height, surface_altitude=250.0, u_wind=above_ground, v_wind=-above_ground)
    )
    layers = wind_layers(sounding)
    assert [label for label, *_ in layers] == ["0–1 km", "1–3 km", "3–6 km", "6–9 km"]
    bounds = [(u_wind[0], u_wind[-1]) for _, _, u_wind, _ in layers]
    assert np.allclose(bounds, [(0, 1), (1, 3), (3, 6), (6, 9)])
    assert all(np.allclose(u_wind, -v_wind) for _, _, u_wind, v_wind in layers)


def test_a_layer_that_the_winds_do_not_reach_is_not_drawn():
    height = np.array([0.0, 500.0, 1500.0, 2500.0])
    sounding = of(made(4, height=height, surface_altitude=0.0))
    assert [label for label, *_ in wind_layers(sounding)] == ["0–1 km", "1–3 km"]


def test_winds_without_heights_are_one_grey_line():
    sounding = of(made(20, height=np.full(20, np.nan)))
    assert [label for label, *_ in wind_layers(sounding)] == ["height not known"]
    draw_sounding(sounding).draw_without_rendering()


def test_storm_motions_are_marked_and_said():
    sounding = with_scalars(
        of(made(40)), bunkers_right_u=10.0, bunkers_right_v=0.0, bunkers_left_u=0.0,
        bunkers_left_v=-20.0, bunkers_mean_u=np.nan, bunkers_mean_v=np.nan,
    )  # fmt: skip
    ax = hodograph(draw_sounding(sounding))
    assert line(ax, "right mover  270°, 10 m s⁻¹").get_xydata().tolist() == [[10.0, 0.0]]
    assert line(ax, "left mover  0°, 20 m s⁻¹").get_xydata().tolist() == [[0.0, -20.0]]
    assert not [label for label in labels(ax) if label.startswith("mean wind")]


# Nothing hides anything --------------------------------------------------------------------------


def written(figure: Figure) -> list[tuple[str, Bbox]]:
    """Return every text that is visible, and its box in dots."""
    figure.draw_without_rendering()
    found = [*figure.texts]
    for ax in figure.axes:
        legends = [one for one in ax.get_children() if type(one).__name__ == "Legend"]
        found += [*ax.texts, ax.xaxis.label, ax.yaxis.label]
        found += [text for legend in legends for text in legend.get_texts()]
    for axis in (hodograph(figure).xaxis, hodograph(figure).yaxis, skewt(figure).yaxis):
        low, high = sorted(axis.get_view_interval())
        found += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [
        (text.get_text(), text.get_window_extent())
        for text in found
        if text.get_text() and text.get_visible()
    ]


KINDS = {
    "strongest": (STRONGEST, {}),
    "capped": (CAPPED, {}),
    "negative CAPE": ("03032821m_n.mbs", {}),
    "long name": ("03062400.LBF", {}),
    "no winds": (STRONGEST, {"missing": (4, 5)}),
    "no dewpoint": (STRONGEST, {"missing": (3,)}),
    "cut short": (STRONGEST, {"levels": 12}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_overlaps_another_or_leaves_the_picture(kind, season_sounding):
    name, cuts = KINDS[kind]
    sounding = season_sounding(name, **cuts)
    sounding["status_message"] = ((), "a long message with figures " * 20)
    sounding["station_name"] = ((), "Scottsbluff/Western Nebraska Regional/William B Heilig " * 3)
    figure = draw_sounding(sounding)
    boxes = written(figure)
    assert len(boxes) > 30
    for text, box in boxes:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= figure.bbox.x1, text
        assert box.y1 <= figure.bbox.y1, text
    for (one, box), (other, other_box) in combinations(boxes, 2):
        shared = Bbox.intersection(box, other_box)
        assert shared is None or min(shared.width, shared.height) < 1.5, (one, other)


# Files -------------------------------------------------------------------------------------------


def test_a_picture_of_1200_by_900_is_written_and_its_folder_made(strongest, tmp_path):
    path = tmp_path / "new" / "sounding.png"
    save_sounding(strongest, path)
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (1200, 900)
    assert 40_000 < path.stat().st_size < 400_000


@pytest.mark.parametrize(("name", "head"), [("a.pdf", b"%PDF"), ("a.SVG", b"<?xml")])
def test_the_ending_says_in_which_format(name, head, strongest, tmp_path):
    save_sounding(strongest, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(head)


@pytest.mark.parametrize("name", ["sounding.xyz", "sounding"])
def test_a_format_that_nobody_knows_is_refused_with_what_to_do(name, strongest, tmp_path):
    with pytest.raises(PipelineError, match=rf"{name}: a picture's name ends in \.png"):
        save_sounding(strongest, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(strongest, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PipelineError, match=r"file/a\.png: cannot be written \("):
        save_sounding(strongest, tmp_path / "file" / "a.png")


def test_pictures_leave_no_window_behind_and_may_be_drawn_in_threads(strongest):
    import matplotlib.pyplot as plt

    def picture(_: int) -> bytes:
        file = BytesIO()
        draw_sounding(strongest).savefig(file, format="rgba")
        return file.getvalue()

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(picture, range(4))) == {picture(0)}
    assert plt.get_fignums() == []


# Real files of other kinds -----------------------------------------------------------------------

OTHERS = {
    "arm_netcdf/bnfsondewnpnM1.b1.20250619.053000.cdf": "thermodynamics ok, winds ok",
    "arm_netcdf/twpsondewnpnC3.b1.20060120.231500.custom.cdf": "thermodynamics ok, winds ok",
    "wyoming_text/may4_sounding.txt": "thermodynamics suspect, winds ok",
    "wyoming_csv/wyoming_high_alt_sounding_1.csv": "thermodynamics ok, winds ok",
    "igra2/USM00070026-data.txt": "winds ok",
    "bad/arm_short_flight.cdf": "thermodynamics rejected, winds ok",
    "bad/wyoming_dup_pressure_height_decrease.txt": "winds ok",
}


@pytest.mark.parametrize("name", OTHERS)
def test_soundings_of_all_kinds_are_drawn(name: str, shared_data: Path):
    figure = draw_sounding(look_at(shared_data / name).sounding)
    figure.draw_without_rendering()
    assert [text for text in texts(figure) if text.endswith(OTHERS[name])]
    assert line(skewt(figure), "temperature").get_ydata().size > 20
