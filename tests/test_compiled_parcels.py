"""The compiled parcels against MetPy's engine, on real soundings and where it is hard."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import metpy.calc as mpcalc
import numpy as np
import pytest
from compiled_cases import block, by_metpy, from_rows, season
from hypothesis import given, settings
from hypothesis import strategies as st
from metpy.units import units
from scipy.optimize import brentq
from sounding_rows import FAULTLESS, cleaned, nan, profile

from pipeline.calculations import GROUPS
from pipeline.engines.adapters.parcels import (
    Start,
    ascent,
    lifting_condensation_level,
    virtual_ascent,
)
from pipeline.engines.compiled import missing, parcels
from pipeline.engines.compiled.blocks import Block, Rows
from pipeline.engines.compiled.buoyancy import Buoyancy, cape_and_cin
from pipeline.engines.compiled.thermodynamics import (
    DRY_AIR_GAS_CONSTANT,
    saturation_vapor_pressure,
)
from pipeline.engines.metpy import _base_inputs

SCALARS = (*GROUPS["parcels"], *GROUPS["diagnostics"])
PER_LEVEL = tuple(f"{parcel}_parcel_temperature" for parcel in ("sb", "ml", "mu"))
PARCELS = ("sb", "ml", "mu")


def tolerance(name: str) -> float:
    """Return what MetPy's own solver may be off by."""
    bounds = {"cape": 0.05, "cin": 0.01, "_area": 0.05, "pressure": 0.01, "_height": 0.3}
    return next((bound for end, bound in bounds.items() if name.endswith(end)), 1e-3)


def compute(b: Block, *, corrected: bool = False) -> dict[str, tuple[Any, Any]]:
    """Return every parcel's results by the kernels: values and codes by name."""
    levels = (b.starts, b.pressure, b.temperature, b.dewpoint)
    surface_based = parcels.sb_start(*levels)
    starts = {
        "sb": surface_based,
        "ml": parcels.ml_start(*levels),
        "mu": parcels.mu_start(b.starts, surface_based),
    }
    found: dict[str, tuple[Any, Any]] = {
        "dcape": parcels.dcape(*levels),
        "mu_parcel_pressure": parcels.start_pressure(b.starts, starts["mu"]),
    }
    for name, start in starts.items():
        lifted = parcels.ascent(b.starts, start)
        virtual = parcels.virtual_ascent(b.starts, lifted)
        lcl = parcels.lifting_condensation_level(b.starts, start)
        energies = parcels.cape_cin(b.starts, lifted, corrected)
        found |= {
            f"{name}cape": (energies.cape, energies.codes),
            f"{name}cin": (energies.cin, energies.codes),
            f"{name}lcl_pressure": parcels.lcl_pressure(b.starts, lcl),
            f"{name}lcl_temperature": parcels.lcl_temperature(b.starts, lcl),
            f"{name}lfc_pressure": parcels.lfc_pressure(b.starts, virtual, corrected),
            f"{name}el_pressure": parcels.el_pressure(b.starts, virtual, corrected),
            f"{name}_lifted_index": parcels.lifted_index(b.starts, lifted),
            f"{name}_top_buoyancy": parcels.top_buoyancy(b.starts, virtual),
            f"{name}_parcel_temperature": parcels.parcel_temperature(
                b.starts, lifted, start, b.pressure
            ),
        }
        found[f"{name}_positive_area"] = parcels.positive_area(
            b.starts, virtual, found[f"{name}lcl_pressure"]
        )
        for level in ("lcl", "lfc", "el"):
            found[f"{name}{level}_height"] = parcels.height_above_ground(
                b.starts, found[f"{name}{level}_pressure"], b.pressure, b.height, b.ground_height
            )
    return found


def disagreements(profiles: Sequence[Rows]) -> list[str]:
    """Return where the kernels and MetPy's engine differ, in numbers or in reasons."""
    b = block(profiles)
    found = compute(b)
    texts = []
    for index, levels in enumerate(profiles):
        expected = by_metpy(levels, *SCALARS, *PER_LEVEL)
        whole = np.isfinite(levels.pressure + levels.temperature + levels.dewpoint)
        for place, name in enumerate((*SCALARS, *PER_LEVEL)):
            values, codes = found[name]
            if codes[index] == missing.ERROR:  # then MetPy's engine is asked
                continue
            reason = missing.text(codes[index]) if codes[index] else None
            if name in expected.errors or reason != expected.missing.get(name):
                texts.append(f"{index} {name}: {reason}, {expected.errors.get(name)}, "
                             f"{expected.missing.get(name)}")  # fmt: skip
            if name in SCALARS:
                ours, theirs = values[index], expected.scalars[place]
            else:
                ours = values[b.starts[index] : b.starts[index + 1]]
                theirs = expected.levels[name][whole] if len(ours) else np.empty(0)
            if not np.allclose(ours, theirs, rtol=0.0, atol=tolerance(name), equal_nan=True):
                texts.append(f"{index} {name}: {ours} where MetPy has {theirs}")
    return texts


@cache
def sample() -> tuple[Rows, ...]:
    return season(20)


class TestRealSoundings:
    def test_every_result_is_metpys(self) -> None:
        assert len(sample()) > 15
        assert disagreements(sample()) == []

    def test_none_of_them_needed_metpy(self) -> None:
        found = compute(block(sample()))
        asked = {name for name, (_, codes) in found.items() if (codes == missing.ERROR).any()}
        assert asked == set()

    def test_the_block_does_not_matter(self) -> None:
        together = compute(block(sample()))
        for index, levels in enumerate(sample()):
            alone = compute(block([levels]))
            for name in SCALARS:
                for part in (0, 1):
                    one, many = alone[name][part][0], together[name][part][index]
                    assert np.array_equal(one, many, equal_nan=True), (index, name)

    def test_an_empty_block(self) -> None:
        assert all(len(values) == 0 for values, _ in compute(block([])).values())


def excess_by_metpy(levels: Rows) -> tuple[Any, Any, float]:
    """Return ln p and virtual temperature excess of the surface-based ascent, and its LCL."""
    inputs = _base_inputs(*levels)
    start = Start(inputs["pressure"], inputs["temperature"], inputs["dewpoint"])
    p, surroundings, _, lifted = virtual_ascent(ascent(start))
    lcl = lifting_condensation_level(start)[0].m_as("hPa")
    return np.log(p.m_as("hPa")), (lifted - surroundings).m_as("K"), lcl


class TestCorrectedRules:
    """LFC and EL above the parcel's true LCL, and CAPE all that lies between them."""

    def test_lfc_is_where_the_parcel_gets_warmer_or_else_the_lcl(self) -> None:
        found = compute(block(season(12)), corrected=True)["sblfc_pressure"][0]
        at_lcl = 0
        for levels, lfc in zip(season(12), found, strict=True):
            log_pressure, excess, lcl = excess_by_metpy(levels)
            above = log_pressure <= np.log(lcl)
            if np.isnan(lfc):
                assert (excess[above] < 0.01).all()
                continue
            here = np.interp(-np.log(lfc), -log_pressure, excess)
            assert lfc <= lcl + 1e-9
            assert lfc == pytest.approx(lcl) or here == pytest.approx(0.0, abs=1e-3)
            at_lcl += lfc == pytest.approx(lcl)
        assert 0 < at_lcl < len(found)

    def test_cape_is_the_whole_area_between_lfc_and_el(self) -> None:
        found = compute(block(season(12)), corrected=True)
        counted = 0
        for index, levels in enumerate(season(12)):
            lfc, el = (found[f"sb{name}_pressure"][0][index] for name in ("lfc", "el"))
            cape = found["sbcape"][0][index]
            if np.isnan(lfc):
                assert cape == 0.0
                continue
            log_pressure, excess, _ = excess_by_metpy(levels)
            top = log_pressure[-1] if np.isnan(el) else np.log(el)
            fine = np.linspace(np.log(lfc), top, 20001)
            area = -np.trapezoid(np.interp(-fine, -log_pressure, excess), fine)
            assert cape == pytest.approx(287.04749 * area, abs=0.06)
            counted += 1
        assert counted > 10

    def test_no_other_lfc_above_the_lcl_has_more_cape(self) -> None:
        found = compute(block(season(12)), corrected=True)
        for index, levels in enumerate(season(12)):
            cape, el = found["sbcape"][0][index], found["sbel_pressure"][0][index]
            log_pressure, excess, lcl = excess_by_metpy(levels)
            top = log_pressure[-1] if np.isnan(el) else np.log(el)
            fine = np.linspace(top, np.log(lcl), 20001)
            buoyancy = np.interp(-fine, -log_pressure, excess)
            steps = np.diff(fine) * (buoyancy[1:] + buoyancy[:-1]) / 2.0
            most = 287.04749 * max(np.cumsum(steps).max(), 0.0)
            assert most - 0.06 <= cape or most < 0.1

    def test_a_thin_warm_layer_under_a_cap_is_not_the_lfc(self) -> None:
        """As in FTD_19950420T0000, of which a CAPE of -307 J/kg was made."""
        found = compute(block([from_rows(CAPPED)]), corrected=True)
        log_pressure, excess, lcl = excess_by_metpy(from_rows(CAPPED))
        assert np.interp(-np.log(855.0), -log_pressure, excess) > 0.1
        assert np.interp(-np.log(780.0), -log_pressure, excess) < -3.0
        assert lcl > 860.0
        lfc = found["sblfc_pressure"][0][0]
        assert 500.0 < lfc < 700.0
        fine = np.linspace(np.log(lfc), log_pressure[0], 20001)
        cap = 287.04749 * np.trapezoid(np.interp(-fine, -log_pressure, excess), fine)
        assert cap < -100.0
        assert found["sbcin"][0][0] == pytest.approx(cap, abs=0.06)
        assert found["sbcape"][0][0] > 100.0

    def test_metpys_rules_lose_the_layer_above_the_lcl(self) -> None:
        corrected, metpys = (
            compute(block(season(12)), corrected=rules)["sbcape"][0] for rules in (True, False)
        )
        assert (corrected - metpys > 1.0).sum() > 5


def lowest(temperature: float, dewpoint: float) -> list[Any]:
    """Return the faultless sounding with another lowest level."""
    return [(1000.0, temperature, dewpoint, 100.0, 1.0, 3.0), *FAULTLESS[1:]]


def with_dewpoints(depression: float) -> list[Any]:
    return [(p, t, t - depression, z, u, v) for p, t, _, z, u, v in FAULTLESS]


def with_heights(*known: int) -> list[Any]:
    return [
        (p, t, td, z if index in known else nan, u, v)
        for index, (p, t, td, z, u, v) in enumerate(FAULTLESS)
    ]


def at(pressure: float, temperature: float, dewpoint: float) -> Any:
    """Return a level as a row, with a height that will do."""
    return (pressure, temperature, dewpoint, 10.0 * (1010.0 - pressure), 1.0, 1.0)


def changed(by: float, dewpoint_by: float) -> list[Any]:
    return [(p, t + by, td + dewpoint_by, z, u, v) for p, t, td, z, u, v in FAULTLESS]


#: Unstable above a cap at 800 to 700 hPa, below which, just above its LCL, the parcel is warmer.
CAPPED = [
    at(1000.0, 30.0, 20.0),
    at(900.0, 21.0, 16.0),
    at(860.0, 16.0, 12.0),
    at(845.0, 15.5, 5.0),
    at(800.0, 21.0, -5.0),
    at(700.0, 14.0, -10.0),
    at(500.0, -14.0, -30.0),
    at(300.0, -46.0, -60.0),
    at(200.0, -56.0, -80.0),
    at(100.0, -60.0, -90.0),
]

GROUND, UP = FAULTLESS[0], FAULTLESS[1:]

HARD = {
    "faultless": FAULTLESS,
    "no level": [],
    "one level": FAULTLESS[:1],
    "two levels": FAULTLESS[:2],
    "two levels far apart": [FAULTLESS[0], FAULTLESS[-1]],
    "ends below the LCL": [at(1000.0, 30.0, -20.0), at(900.0, 20.0, -20.0)],
    "exactly 100 hPa": [GROUND, at(900.0, 18.0, 14.0)],
    "a level at the top of the mixed layer": [*FAULTLESS[:2], at(900.0, 18.0, 14.0), *UP[1:]],
    "a level close to it": [*FAULTLESS[:2], at(900.004, 18.0, 14.0), *UP[1:]],
    "ends at 500 hPa": FAULTLESS[:5],
    "ends below 500 hPa": FAULTLESS[:4],
    "starts above 500 hPa": FAULTLESS[5:],
    "starts above 700 hPa": FAULTLESS[4:],
    "no level at 700 and 500 hPa": [row for row in FAULTLESS if row[0] not in (700.0, 500.0)],
    "saturated": with_dewpoints(0.0),
    "saturated at the ground": lowest(25.0, 25.0),
    "saturated at the ground, dry above": [at(598.0, 0.0, 0.0), at(596.0, 0.0, -4.0)],
    "more than saturated at the ground": lowest(20.0, 22.0),
    "very dry": with_dewpoints(60.0),
    "very hot": lowest(48.0, 10.0),
    "hot and humid": lowest(38.0, 33.0),
    "superadiabatic": lowest(40.0, 20.0),
    "very cold": changed(-75.0, -75.0),
    "an inversion": [GROUND, at(950.0, 30.0, 5.0), *UP],
    "most unstable aloft": [at(1000.0, 5.0, 0.0), *UP],
    "most unstable at the top": [at(1000.0, 5.0, 0.0), at(900.0, 15.0, 14.0)],
    "up to 1 hPa": [
        *FAULTLESS,
        at(50.0, -55.0, -85.0),
        at(5.0, -40.0, -90.0),
        at(1.0, -10.0, -90.0),
    ],
    "no heights": with_heights(),
    "no height at the ground": with_heights(1, 2, 3, 4),
    "heights up to 850 hPa": with_heights(0, 1, 2),
    "some heights": with_heights(0, 2, 7),
    "nowhere warmer": [at(1000.0, -15.0, -30.0), *changed(0.0, -40.0)[1:]],
}


@pytest.mark.parametrize("name", HARD)
def test_hard_soundings(name: str) -> None:
    assert disagreements([from_rows(HARD[name])]) == []


def well_mixed(temperature: float, dewpoint: float, top: float) -> list[Any]:
    """Return the dry adiabat of the lowest level, its vapour with it, and then steep up to 500."""
    pressure = np.append(np.linspace(1000.0, top, 8), np.arange(top - 25.0, 480.0, -25.0))
    celsius = (temperature + 273.15) * (pressure / 1000.0) ** (2 / 7) - 273.15
    vapor = saturation_vapor_pressure(dewpoint + 273.15) * pressure / 1000.0
    dew = np.array([brentq(_vapor_excess, 150.0, 330.0, (e,), xtol=1e-13) for e in vapor]) - 273.15
    above = pressure < top
    celsius[above] -= 0.02 * (top - pressure[above])
    dew = np.where(above, celsius - 10.0, np.minimum(celsius, dew))
    return [at(*level) for level in zip(pressure, celsius, dew, strict=True)]


def _vapor_excess(kelvin: float, vapor: float) -> float:
    return float(saturation_vapor_pressure(kelvin)) - vapor


@pytest.mark.parametrize("temperature", [20.0, 25.0, 30.0, 35.0])
@pytest.mark.parametrize("top", [900.0, 850.0, 800.0, 750.0])
def test_a_parcel_as_warm_as_its_surroundings_but_for_rounding(
    temperature: float, top: float
) -> None:
    """Where crossings are rounding, MetPy found none of 2000 J/kg, and the kernels all of it."""
    assert disagreements([from_rows(well_mixed(temperature, 20.0, top))]) == []


@pytest.mark.parametrize("start", [0.0, 10.0, 20.0, 28.0])
def test_air_on_the_parcels_own_pseudoadiabat(start: float) -> None:
    """Where crossings are the noise of MetPy's solver, it has the word."""
    pressure = np.arange(1000.0, 290.0, -37.0)
    celsius = mpcalc.moist_lapse(pressure * units.hPa, start * units.degC).m_as("degC")
    rows = [at(*level) for level in zip(pressure, celsius, celsius, strict=True)]
    assert disagreements([from_rows(rows)]) == []


@st.composite
def cleaned_profiles(draw: st.DrawFn) -> Rows:
    """Draw levels of any lapse rates and humidities, and clean them as a run does."""
    count = draw(st.integers(2, 25))
    steps = draw(st.lists(st.floats(2.0, 90.0), min_size=count, max_size=count))
    pressure = draw(st.floats(600.0, 1060.0)) - np.cumsum(steps)
    pressure = pressure[pressure > 8.0]
    celsius = draw(st.floats(-40.0, 45.0))
    rows: list[Any] = []
    for index, here in enumerate(pressure):
        if index:
            celsius -= draw(st.floats(-0.03, 0.12)) * (pressure[index - 1] - here)
        depression = draw(st.sampled_from([0.0, 0.1, 1.0, 4.0, 15.0, 40.0]))
        kept = max(celsius, -85.0)
        rows.append((here, kept, kept - depression, 44331.0 * (1 - (here / 1013.25) ** 0.19), 0, 0))
    return Rows(*cleaned(profile(rows)).profile.levels().values())


@settings(max_examples=60, deadline=None)
@given(cleaned_profiles())
def test_any_sounding_that_passes_cleaning(levels: Rows) -> None:
    assert disagreements([levels]) == []


def areas(lfc: float, el: float) -> tuple[float, float]:
    """Return CAPE and CIN over Rd of a parcel 3 K colder at 1000 hPa, 2 K warmer above."""
    pressure = np.array([1000.0, 700.0, 400.0, 300.0])
    surroundings, parcel = np.full(4, 270.0), np.array([267.0, 272.0, 272.0, 272.0])
    nodes = Buoyancy(pressure, np.log(pressure), surroundings, parcel, 280.0, 900.0)
    cape, cin = cape_and_cin(nodes, lfc, el, False)
    return cape / DRY_AIR_GAS_CONSTANT, cin / DRY_AIR_GAS_CONSTANT


def test_a_level_that_numpy_calls_close_to_lfc_or_el_is_inside() -> None:
    """As in MetPy: trapezoids from the level at 700 hPa to that at 400, or none of it."""
    whole = 2.0 * np.log(700.0 / 400.0)
    near, far = 1.0 - 0.9e-5, 1.0 - 1.1e-5
    assert areas(700.0, 400.0)[0] == pytest.approx(whole)
    assert areas(700.0 * near, 400.0)[0] == pytest.approx(whole)
    assert areas(700.0 * far, 400.0)[0] == 0.0
    assert areas(700.0, 400.0 / near)[0] == pytest.approx(whole)
    assert areas(700.0, 400.0 / far)[0] == 0.0


def test_a_level_that_numpy_calls_close_to_the_lfc_ends_cin() -> None:
    """As in MetPy: the trapezoid from the ground to the level at 700 hPa, or none of it."""
    whole = -0.5 * np.log(1000.0 / 700.0)
    assert areas(700.0, 400.0)[1] == pytest.approx(whole)
    assert areas(700.0 / (1.0 - 0.9e-5), 400.0)[1] == pytest.approx(whole)
    assert areas(700.0 / (1.0 - 1.1e-5), 400.0)[1] == 0.0
