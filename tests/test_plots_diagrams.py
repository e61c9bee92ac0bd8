"""What the Skew-T and the hodograph of a sounding show."""

from __future__ import annotations

import metpy.calc as mpcalc
import numpy as np
import pytest
from made_profiles import made
from matplotlib.collections import PolyCollection
from matplotlib.quiver import Barbs
from metpy.units import units
from pictures import (
    CAPPED,
    STRONGEST,
    hodograph,
    labels,
    line,
    of,
    row,
    season_sounding,
    skewt,
    texts,
    with_scalars,
)
from scipy.integrate import trapezoid

from pipeline.flags import QC, Reason
from pipeline.report._hodograph import wind_layers
from pipeline.report._skewt import surface_parcel
from pipeline.report.plots import draw_sounding

DRY_AIR = 287.047  # gas constant, J kg-1 K-1

pytestmark = [
    pytest.mark.filterwarnings("error"),
    # MetPy's own way of drawing skewed ticks.
    pytest.mark.filterwarnings("ignore:The interval_contains function"),
]


@pytest.fixture
def strongest():
    return season_sounding(STRONGEST)


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
    area = -DRY_AIR * trapezoid(fine.parcel - fine.surroundings, np.log(fine.pressure))
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


def test_inhibition_is_shaded_below_the_level_of_free_convection():
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


def test_without_winds_there_are_no_barbs_and_the_rest_stays():
    sounding = season_sounding(STRONGEST, missing=(4, 5))
    figure = draw_sounding(sounding)
    assert not [one for one in skewt(figure).collections if isinstance(one, Barbs)]
    assert "no winds" in texts(figure)
    assert "Winds rejected: no usable winds." in " ".join(texts(figure))
    assert row(figure, "surface-based")[1] == f"{float(sounding.sbcape):.0f}"


def test_without_dewpoint_there_is_no_parcel_and_the_reason_stands():
    figure = draw_sounding(season_sounding(STRONGEST, missing=(3,)))
    assert labels(skewt(figure)) == ["temperature"]
    assert "Thermodynamics rejected: too few levels with" in " ".join(texts(figure))
    assert labels(hodograph(figure)), "winds are judged on their own"


def test_a_rejected_sounding_is_drawn_as_far_as_it_goes():
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
