"""The picture of a sounding: what it says, that nothing hides anything, and its files."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from made_profiles import made, time
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from pictures import (
    CAPPED,
    STRONGEST,
    hodograph,
    line,
    of,
    row,
    season_sounding,
    skewt,
    texts,
    with_scalars,
)

from pipeline.errors import PipelineError
from pipeline.flags import Reason
from pipeline.look import look_at
from pipeline.report.plots import draw_sounding, save_sounding

pytestmark = [
    pytest.mark.filterwarnings("error"),
    # MetPy's own way of drawing skewed ticks.
    pytest.mark.filterwarnings("ignore:The interval_contains function"),
]


@pytest.fixture
def strongest():
    return season_sounding(STRONGEST)


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
def test_no_text_overlaps_another_or_leaves_the_picture(kind):
    name, cuts = KINDS[kind]
    sounding = season_sounding(name, **cuts).copy()
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
