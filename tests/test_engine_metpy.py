"""The reference engine: MetPy's own numbers, to the last bit, and each of them for a reason.

The truth here is MetPy called by hand, plain arithmetic, or what NSHARP printed into the files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import custom_calculations
import metpy.calc as mpcalc
import numpy as np
import pytest
from metpy.units import units
from sounding_rows import FAULTLESS, cleaned, nan

from pipeline.calculations import CATALOGUE, GROUPS, Calculation, resolve
from pipeline.engines import adapters
from pipeline.engines.metpy import Evaluation, Request, evaluate
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile
from pipeline.readers import read_source

SCALARS = tuple(c.name for c in resolve([g for g in GROUPS if g != "levels"]))


class Sounding(NamedTuple):
    """Cleaned levels of a real sounding, with units; winds on the levels that have them."""

    p: Any
    t: Any
    td: Any
    z: Any
    wind_p: Any
    wind_z: Any
    u: Any
    v: Any


def with_units(checked: CheckedProfile) -> Sounding:
    p, t, td, z, u, v = checked.profile.levels().values()
    whole = np.isfinite(t) & np.isfinite(td)
    windy = np.isfinite(u) & np.isfinite(v)
    return Sounding(
        p[whole] * units.hPa,
        units.Quantity(t[whole], "degC"),
        units.Quantity(td[whole], "degC"),
        z[whole] * units.m,
        p[windy] * units.hPa,
        z[windy] * units.m,
        u[windy] * units("m/s"),
        v[windy] * units("m/s"),
    )


def evaluated(
    checked: CheckedProfile, names: tuple[str, ...] = SCALARS, *custom: Calculation
) -> Evaluation:
    return evaluate(*checked.profile.levels().values(), request=Request(names, custom))


def value(checked: CheckedProfile, name: str) -> float:
    return float(evaluated(checked, (name,)).scalars[0])


@pytest.fixture(scope="session")
def soundings(season_folder: Path) -> dict[str, CheckedProfile]:
    """Every eleventh sounding of the season, observed and analysed ones, cleaned."""
    files = sorted(season_folder.glob("03*"))[::11]
    return {path.name: cleaned(read_source(str(path)).profiles[0]) for path in files}


@pytest.fixture(scope="session")
def by_hand(soundings: dict[str, CheckedProfile]) -> dict[str, Sounding]:
    return {name: with_units(checked) for name, checked in soundings.items()}


@pytest.fixture(scope="session")
def results(soundings: dict[str, CheckedProfile]) -> dict[str, dict[str, float]]:
    """What the engine finds for each sounding, by name of sounding and calculation."""
    return {
        name: dict(zip(SCALARS, evaluated(checked).scalars.tolist(), strict=True))
        for name, checked in soundings.items()
    }


def start(parcel: str, s: Sounding) -> tuple[Any, Any, Any]:
    """Return where a parcel starts, by MetPy."""
    if parcel == "ml":
        return mpcalc.mixed_parcel(s.p, s.t, s.td)
    if parcel == "mu":
        return mpcalc.most_unstable_parcel(s.p, s.t, s.td)[:3]
    return s.p[0], s.t[0], s.td[0]


CAPE_CIN = {
    "sb": mpcalc.surface_based_cape_cin,
    "ml": mpcalc.mixed_layer_cape_cin,
    "mu": mpcalc.most_unstable_cape_cin,
}


class TestParcelsAreMetpys:
    @pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])
    def test_cape_and_cin_to_the_last_bit(
        self, parcel: str, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        for name, s in by_hand.items():
            cape, cin = CAPE_CIN[parcel](s.p, s.t, s.td)
            assert results[name][f"{parcel}cape"] == cape.m_as("J/kg"), name
            assert results[name][f"{parcel}cin"] == cin.m_as("J/kg"), name

    @pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])
    def test_the_lcl_is_that_of_where_the_parcel_starts(
        self, parcel: str, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        for name, s in by_hand.items():
            pressure, temperature = mpcalc.lcl(*start(parcel, s))
            assert results[name][f"{parcel}lcl_pressure"] == pressure.m_as("hPa"), name
            assert results[name][f"{parcel}lcl_temperature"] == temperature.m_as("degC"), name

    def test_the_most_unstable_parcel_starts_where_metpy_says(
        self, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        for name, s in by_hand.items():
            expected = mpcalc.most_unstable_parcel(s.p, s.t, s.td)[0]
            assert results[name]["mu_parcel_pressure"] == expected.m_as("hPa"), name

    @pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])
    def test_the_lifted_index_is_that_of_the_parcel_at_500_hpa(
        self, parcel: str, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        for name, s in by_hand.items():
            pressure, temperature, dewpoint = start(parcel, s)
            above = s.p < pressure
            path = units.Quantity(np.append(pressure.m_as("hPa"), s.p[above].m), "hPa")
            lifted = mpcalc.parcel_profile(path, temperature, dewpoint).m_as("degC")
            # Between levels MetPy interpolates linearly in p, the parcel's temperature too.
            excess = np.interp(-500.0, -s.p[above].m, s.t[above].m - lifted[1:])
            found = results[name][f"{parcel}_lifted_index"]
            assert found == pytest.approx(excess, abs=0.01), name

    @pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])
    def test_heights_are_those_of_the_sounding_above_its_lowest_level(
        self,
        parcel: str,
        soundings: dict[str, CheckedProfile],
        results: dict[str, dict[str, float]],
    ) -> None:
        for name, checked in soundings.items():
            p, height = checked.profile.pressure, checked.profile.height
            for level in ("lcl", "lfc", "el"):
                pressure = results[name][f"{parcel}{level}_pressure"]
                expected = np.interp(-np.log(pressure), -np.log(p), height) - height[0]
                found = results[name][f"{parcel}{level}_height"]
                assert found == pytest.approx(expected, nan_ok=True), (name, level)


def virtual_temperature(temperature: Any, dewpoint: Any, pressure: Any) -> Any:
    """Return it in kelvin, by the definition: T (w + e) / (e (1 + w))."""
    vapour = mpcalc.saturation_vapor_pressure(dewpoint).m_as("hPa")
    mixing_ratio = 0.6219569100577033 * vapour / (pressure - vapour)
    return temperature * (1 + mixing_ratio / 0.6219569100577033) / (1 + mixing_ratio)


def buoyancy_by_hand(parcel: str, s: Sounding) -> tuple[Any, Any]:
    """Return pressure and parcel minus surroundings, K of virtual temperature, level by level."""
    p, t, td = start(parcel, s)
    above = s.p < p - (100 if parcel == "ml" else 0) * units.hPa
    profile = [
        units.Quantity(np.append(first.m_as(unit), rest[above].m_as(unit)), unit)
        for first, rest, unit in ((p, s.p, "hPa"), (t, s.t, "degC"), (td, s.td, "degC"))
    ]
    pressure, temperature, dewpoint, lifted = mpcalc.parcel_profile_with_lcl(*profile)
    lcl = mpcalc.lcl(p, t, td)[0]
    levels = pressure.m_as("hPa")
    # Below the LCL the parcel keeps the mixing ratio it starts with, above it is saturated.
    start_mixing_ratio = mpcalc.saturation_mixing_ratio(p, td).m_as("")
    parcel_dry = lifted.m_as("K") * (1 + start_mixing_ratio / 0.6219569100577033)
    parcel_dry /= 1 + start_mixing_ratio
    parcel_moist = virtual_temperature(lifted.m_as("K"), lifted, levels)
    parcel_virtual = np.where(levels > lcl.m_as("hPa"), parcel_dry, parcel_moist)
    excess = parcel_virtual - virtual_temperature(temperature.m_as("K"), dewpoint, levels)
    known = np.isfinite(excess)  # an LCL at the very surface is rounded to one below it
    return levels[known], excess[known]


class TestLevelsBoundTheCape:
    @pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])
    def test_the_area_between_lfc_and_el_is_the_cape(
        self, parcel: str, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        """Integrated here: Rd times the excess of virtual temperature over ln p.

        MetPy leaves out the layer between an LFC that is the LCL and the next level above it;
        with that layer the area may be larger, by no more than it holds.
        """
        checked = 0
        for name, s in by_hand.items():
            found = results[name]
            lfc, el = found[f"{parcel}lfc_pressure"], found[f"{parcel}el_pressure"]
            if not np.isfinite(lfc + el):
                continue
            p, excess = buoyancy_by_hand(parcel, s)
            inside = (p < lfc - 1e-6) & (p > el + 1e-6)
            at_lfc, at_el = np.interp([-np.log(lfc), -np.log(el)], -np.log(p), excess)
            x = -np.log(np.concatenate([[lfc], p[inside], [el]]))
            y = np.concatenate([[at_lfc], excess[inside], [at_el]])
            area = 287.04749097718457 * np.trapezoid(y, x)
            first_layer = 287.04749097718457 * np.trapezoid(y[:2], x[:2])
            cape = found[f"{parcel}cape"]
            tolerance = 2.0 + 0.005 * abs(cape)
            assert area - max(first_layer, 0.0) - tolerance <= cape <= area + tolerance, name
            assert abs(at_el) < 0.01, name  # at the EL they are equally warm
            checked += 1
        assert checked > 20

    def test_levels_come_one_above_the_other(self, results: dict[str, dict[str, float]]) -> None:
        for name, found in results.items():
            for parcel in ("sb", "ml", "mu"):
                lcl, lfc, el = (found[f"{parcel}{x}_pressure"] for x in ("lcl", "lfc", "el"))
                if np.isfinite(lfc):
                    assert lcl + 0.1 >= lfc, name
                if np.isfinite(el):
                    assert lfc + 0.1 >= el, name

    def test_the_positive_area_is_that_of_all_buoyant_layers_above_the_lcl(
        self, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        for name, s in by_hand.items():
            p, excess = buoyancy_by_hand("sb", s)
            above = p <= results[name]["sblcl_pressure"] + 1e-9
            heat = np.maximum(excess[above], 0.0)
            expected = 287.04749097718457 * np.trapezoid(heat, -np.log(p[above]))
            assert results[name]["sb_positive_area"] == pytest.approx(expected, rel=1e-3, abs=1.0)
            assert results[name]["sb_top_buoyancy"] == pytest.approx(excess[-1], abs=0.01)


def mixing_ratio(s: Sounding) -> Any:
    return mpcalc.saturation_mixing_ratio(s.p, s.td)


def spans(low: float, high: float) -> Callable[[Sounding], bool]:
    return lambda s: bool(s.p[0].m >= low and s.p[-1].m <= high)


DIRECT: dict[str, tuple[Callable[[Sounding], Any], str, Callable[[Sounding], bool]]] = {
    "dcape": (lambda s: mpcalc.downdraft_cape(s.p, s.t, s.td)[0], "J/kg", spans(700, 500)),
    "k_index": (lambda s: mpcalc.k_index(s.p, s.t, s.td), "degC", spans(850, 500)),
    "total_totals_index": (
        lambda s: mpcalc.total_totals_index(s.p, s.t, s.td),
        "delta_degC",
        spans(850, 500),
    ),
    "cross_totals": (lambda s: mpcalc.cross_totals(s.p, s.t, s.td), "delta_degC", spans(850, 500)),
    "vertical_totals": (lambda s: mpcalc.vertical_totals(s.p, s.t), "delta_degC", spans(850, 500)),
    "showalter_index": (
        lambda s: mpcalc.showalter_index(s.p, s.t, s.td)[0],
        "delta_degC",
        spans(850, 500),
    ),
    "galvez_davison_index": (
        lambda s: mpcalc.galvez_davison_index(s.p, s.t, mixing_ratio(s), s.p[0]),
        "",
        spans(950, 500),
    ),
    "precipitable_water": (
        lambda s: mpcalc.precipitable_water(s.p, s.td),
        "mm",
        lambda s: True,
    ),
    "ml_mixing_ratio": (
        lambda s: mpcalc.mixed_layer(s.p, mixing_ratio(s), depth=100 * units.hPa)[0],
        "g/kg",
        lambda s: True,
    ),
}


class TestIndicesAndMoisture:
    @pytest.mark.parametrize("calculation", DIRECT)
    def test_are_metpys_to_the_last_bit(
        self,
        calculation: str,
        by_hand: dict[str, Sounding],
        results: dict[str, dict[str, float]],
    ) -> None:
        function, unit, defined = DIRECT[calculation]
        compared = 0
        for name, s in by_hand.items():
            found = results[name][calculation]
            if defined(s):
                assert found == float(np.squeeze(function(s).m_as(unit))), name
                compared += 1
            else:
                assert np.isnan(found), name
        assert compared > 10

    def test_the_freezing_level_by_hand(
        self, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        for name, s in by_hand.items():
            t, z = s.t.m, s.z.m
            above = next(i for i in range(1, len(t)) if t[i - 1] > 0 >= t[i])
            below = above - 1
            share = t[below] / (t[below] - t[above])
            expected = z[below] + share * (z[above] - z[below]) - z[0]
            assert results[name]["freezing_level_height"] == pytest.approx(expected), name

    def test_the_wet_bulb_zero_from_all_wet_bulb_temperatures(
        self, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        """The engine computes a few of them only; here MetPy computes them all."""
        for name, s in list(by_hand.items())[::6]:
            wet_bulb = mpcalc.wet_bulb_temperature(s.p, s.t, s.td).m_as("degC")
            above = next(i for i in range(1, len(s.p)) if wet_bulb[i - 1] > 0 >= wet_bulb[i])
            expected = np.interp(
                0.0, -wet_bulb[above - 1 : above + 1], s.z.m[above - 1 : above + 1]
            )
            found = results[name]["wet_bulb_zero_height"]
            assert found == pytest.approx(expected - s.z.m[0], abs=0.01), name

    def test_frozen_at_every_level_has_no_freezing_level(self) -> None:
        rows = [(p, t - 40.0, d - 40.0, z, u, v) for p, t, d, z, u, v in FAULTLESS]
        found = evaluated(cleaned(rows), ("freezing_level_height", "wet_bulb_zero_height"))
        assert np.isnan(found.scalars).all()
        assert found.missing["freezing_level_height"] == "temperature does not fall through 0 degC"
        assert "wet-bulb" in found.missing["wet_bulb_zero_height"]

    def test_zero_at_a_level_is_there(self) -> None:
        rows = [(p, 0.0 if p == 700.0 else t, d, z, u, v) for p, t, d, z, u, v in FAULTLESS]
        assert value(cleaned(rows), "freezing_level_height") == pytest.approx(3000.0)

    def test_indices_of_a_station_above_850_hpa_are_missing_with_the_reason(self) -> None:
        found = evaluated(cleaned(FAULTLESS[3:]), ("k_index", "showalter_index", "dcape"))
        assert np.isnan(found.scalars[:2]).all()
        assert found.missing["k_index"] == "the levels do not span 850 to 500 hPa"
        assert found.missing["showalter_index"] == "the levels do not span 850 to 500 hPa"
        assert np.isfinite(found.scalars[2])
        assert found.errors == {}


def sweat_by_hand(s: dict[str, float]) -> float:
    """Return the SWEAT index after Miller 1972; winds in knots, direction in degrees."""
    total_totals = s["t850"] + s["td850"] - 2 * s["t500"]
    moisture = 12 * max(s["td850"], 0.0)
    instability = 20 * max(total_totals - 49, 0.0)
    turning = s["dir500"] - s["dir850"]
    applies = (
        130 <= s["dir850"] <= 250
        and 210 <= s["dir500"] <= 310
        and turning > 0
        and s["f850"] >= 15
        and s["f500"] >= 15
    )
    shear = 125 * (np.sin(np.radians(turning)) + 0.2) if applies else 0.0
    return moisture + instability + 2 * s["f850"] + s["f500"] + shear


class TestSweat:
    def sounding(self, *winds: tuple[float, float, float]) -> CheckedProfile:
        """Return the faultless sounding with winds (pressure, direction, knots) at some levels."""
        from pipeline.profiles import wind_components

        rows = []
        known = {p: (direction, knots) for p, direction, knots in winds}
        for p, t, d, z, _, _ in FAULTLESS:
            direction, knots = known.get(p, (nan, nan))
            u, v = wind_components([knots * 0.514444], [direction])
            rows.append((p, t, d, z, u[0], v[0]))
        return cleaned(rows)

    FACTS = {"t850": 15.0, "td850": 10.0, "t500": -12.0}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("low", "high"),
        [
            ((180.0, 30.0), (240.0, 50.0)),  # all terms
            ((180.0, 10.0), (240.0, 50.0)),  # too weak for the term of turning
            ((90.0, 30.0), (240.0, 50.0)),  # from the wrong side
            ((240.0, 30.0), (220.0, 50.0)),  # backing
            ((350.0, 20.0), (10.0, 40.0)),  # about north
        ],
    )
    def test_by_hand_with_winds_in_knots(
        self, low: tuple[float, float], high: tuple[float, float]
    ) -> None:
        checked = self.sounding((1000.0, 180.0, 5.0), (850.0, *low), (500.0, *high))
        facts = self.FACTS | {"dir850": low[0], "f850": low[1], "dir500": high[0], "f500": high[1]}
        assert value(checked, "sweat_index") == pytest.approx(sweat_by_hand(facts), abs=0.01)

    def test_winds_are_interpolated_as_vectors_so_that_north_is_no_seam(self) -> None:
        """Halfway in pressure from 350 to 10 degrees lies north, not south."""
        checked = self.sounding(
            (925.0, 200.0, 20.0), (850.0, 200.0, 20.0), (700.0, 350.0, 40.0), (300.0, 10.0, 40.0)
        )
        north = 40.0 * np.cos(np.radians(10.0))
        facts = self.FACTS | {"dir850": 200.0, "f850": 20.0, "dir500": 360.0, "f500": north}
        assert value(checked, "sweat_index") == pytest.approx(sweat_by_hand(facts), abs=0.01)

    def test_is_missing_where_the_winds_do_not_reach(self) -> None:
        checked = self.sounding((1000.0, 180.0, 5.0), (850.0, 180.0, 30.0), (700.0, 240.0, 40.0))
        found = evaluated(checked, ("sweat_index",))
        assert np.isnan(found.scalars[0])
        assert found.missing["sweat_index"] == "the winds do not span 850 to 500 hPa"

    def test_of_real_soundings(
        self, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        for name, s in by_hand.items():
            if not spans(850, 500)(s):
                continue
            facts = {}
            for level in (850.0, 500.0):
                u, v = (np.interp(-level, -s.wind_p.m, each.m) for each in (s.u, s.v))
                facts[f"t{level:.0f}"] = np.interp(-level, -s.p.m, s.t.m)
                facts[f"td{level:.0f}"] = np.interp(-level, -s.p.m, s.td.m)
                facts[f"f{level:.0f}"] = np.hypot(u, v) * 3600 / 1852
                facts[f"dir{level:.0f}"] = np.degrees(np.arctan2(-u, -v)) % 360
            expected = sweat_by_hand(facts)
            assert results[name]["sweat_index"] == pytest.approx(expected, abs=0.01), name


def helicity_by_hand(s: Sounding, depth: float, storm_u: float, storm_v: float) -> float:
    """Return the helicity of a layer: the area that the hodograph sweeps about the storm, twice."""
    z, u, v = s.wind_z.m - s.wind_z.m[0], s.u.m, s.v.m
    levels = np.append(z[z < depth], depth)
    u, v = np.interp(levels, z, u) - storm_u, np.interp(levels, z, v) - storm_v
    return float(np.sum(u[1:] * v[:-1] - u[:-1] * v[1:]))


class TestWinds:
    @pytest.mark.parametrize("kilometres", [1, 3, 6])
    def test_bulk_shear(
        self,
        kilometres: int,
        by_hand: dict[str, Sounding],
        results: dict[str, dict[str, float]],
    ) -> None:
        depth = kilometres * 1000.0
        for name, s in by_hand.items():
            found = results[name][f"bulk_shear_0_{kilometres}km"]
            shear = mpcalc.bulk_shear(
                s.wind_p, s.u, s.v, height=s.wind_z, depth=units.Quantity(depth, "m")
            )
            assert found == mpcalc.wind_speed(*shear).m_as("m/s"), name
            u, v = (np.interp(s.wind_z.m[0] + depth, s.wind_z.m, each.m) for each in (s.u, s.v))
            assert found == pytest.approx(np.hypot(u - s.u.m[0], v - s.v.m[0]), abs=0.25), name

    def test_bunkers_motion_is_metpys(
        self, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        for name, s in by_hand.items():
            motions = mpcalc.bunkers_storm_motion(s.wind_p, s.u, s.v, s.wind_z)
            for which, motion in zip(("right", "left", "mean"), motions, strict=True):
                for component, number in zip("uv", motion.m_as("m/s"), strict=True):
                    assert results[name][f"bunkers_{which}_{component}"] == number, name

    def test_the_right_mover_is_to_the_right_of_the_mean_wind_by_7_5_metres_a_second(
        self, results: dict[str, dict[str, float]]
    ) -> None:
        for name, found in results.items():
            right, left, mean = (
                np.array([found[f"bunkers_{which}_{c}"] for c in "uv"])
                for which in ("right", "left", "mean")
            )
            assert np.hypot(*(right - mean)) == pytest.approx(7.5), name
            np.testing.assert_allclose(mean, (right + left) / 2, err_msg=name)

    @pytest.mark.parametrize("kilometres", [1, 3])
    def test_helicity_is_that_of_the_right_mover(
        self,
        kilometres: int,
        by_hand: dict[str, Sounding],
        results: dict[str, dict[str, float]],
    ) -> None:
        for name, s in by_hand.items():
            storm = (results[name]["bunkers_right_u"], results[name]["bunkers_right_v"])
            expected = helicity_by_hand(s, 1000.0 * kilometres, *storm)
            found = results[name][f"srh_0_{kilometres}km"]
            assert found == pytest.approx(expected, abs=0.01), name

    def test_corfidi_vectors_are_metpys(
        self, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        compared = 0
        for name, s in by_hand.items():
            found = [
                results[name][f"corfidi_{which}_{c}"]
                for which in ("upwind", "downwind")
                for c in "uv"
            ]
            if s.wind_p[0].m < 850 or s.wind_p[-1].m > 300:
                assert np.isnan(found).all(), name
                continue
            upwind, downwind = mpcalc.corfidi_storm_motion(s.wind_p, s.u, s.v)
            assert found == [*upwind.m_as("m/s"), *downwind.m_as("m/s")], name
            compared += 1
        assert compared > 20

    def test_the_critical_angle_by_hand(
        self, by_hand: dict[str, Sounding], results: dict[str, dict[str, float]]
    ) -> None:
        """Between the shear of the lowest 500 m and the inflow of the right mover."""
        for name, s in by_hand.items():
            z = s.wind_z.m - s.wind_z.m[0]
            shear = [np.interp(500.0, z, each.m) - each.m[0] for each in (s.u, s.v)]
            storm = [results[name][f"bunkers_right_{c}"] for c in "uv"]
            inflow = [storm[0] - s.u.m[0], storm[1] - s.v.m[0]]
            cosine = np.dot(shear, inflow) / np.hypot(*shear) / np.hypot(*inflow)
            found = results[name]["critical_angle"]
            assert found == pytest.approx(np.degrees(np.arccos(cosine)), abs=1.0), name

    def with_winds_up_to(self, height: float) -> CheckedProfile:
        return cleaned(
            [
                (*row[:4], *((row[4], row[5]) if row[3] <= height else (nan, nan)))
                for row in FAULTLESS
            ]
        )

    def test_a_layer_that_the_winds_do_not_span_is_missing_not_partial(self) -> None:
        names = ("bulk_shear_0_1km", "bulk_shear_0_3km", "bulk_shear_0_6km", "srh_0_3km")
        found = evaluated(self.with_winds_up_to(1500.0), names)
        assert np.isfinite(found.scalars[0])
        assert np.isnan(found.scalars[1:]).all()
        assert found.missing["bulk_shear_0_6km"] == "the winds end 1400 m above ground"
        assert found.errors == {}

    def test_helicity_needs_the_storm_motion_and_so_6_km(self) -> None:
        found = evaluated(self.with_winds_up_to(5800.0), ("srh_0_1km", "bulk_shear_0_3km"))
        assert np.isnan(found.scalars[0])
        assert found.missing["srh_0_1km"] == "the winds end 5700 m above ground"
        assert np.isfinite(found.scalars[1])

    def test_a_surface_wind_that_is_missing_is_not_taken_from_higher_up(self) -> None:
        rows = [(*FAULTLESS[0][:4], nan, nan), *FAULTLESS[1:]]
        found = evaluated(cleaned(rows), ("bulk_shear_0_6km", "bunkers_right_u", "srh_0_3km"))
        assert np.isnan(found.scalars).all()
        assert set(found.missing.values()) == {"the lowest wind is 680 m above ground"}

    def test_no_wind_at_all_costs_what_needs_wind_and_nothing_else(self) -> None:
        rows = [(*row[:4], nan, nan) for row in FAULTLESS]
        found = evaluated(cleaned(rows))
        needs_wind = {*GROUPS["winds"], *GROUPS["composites"], "sweat_index"}
        missing = {name for name, x in zip(SCALARS, found.scalars, strict=True) if np.isnan(x)}
        whole = evaluated(cleaned())
        missing_anyway = {n for n, x in zip(SCALARS, whole.scalars, strict=True) if np.isnan(x)}
        assert missing == needs_wind | missing_anyway
        assert found.errors == {}


class TestComposites:
    def test_supercell_composite_by_hand(self, results: dict[str, dict[str, float]]) -> None:
        """(MUCAPE / 1000) (SRH 0-3 km / 50) (shear 0-6 km / 20, at most 1, none below 10)."""
        for name, found in results.items():
            shear = found["bulk_shear_0_6km"]
            share = 0.0 if shear < 10 else min(shear / 20.0, 1.0)
            expected = found["mucape"] / 1000 * found["srh_0_3km"] / 50 * share
            assert found["supercell_composite"] == pytest.approx(expected), name

    def test_significant_tornado_by_hand(self, results: dict[str, dict[str, float]]) -> None:
        """(SBCAPE / 1500) (2000 - LCL) / 1000 (SRH 0-1 km / 150) (shear 0-6 km / 20)."""
        for name, found in results.items():
            shear = found["bulk_shear_0_6km"]
            share = 0.0 if shear < 12.5 else min(shear, 30.0) / 20.0
            lcl = np.clip((2000 - found["sblcl_height"]) / 1000, 0.0, 1.0)
            expected = found["sbcape"] / 1500 * lcl * found["srh_0_1km"] / 150 * share
            assert found["significant_tornado"] == pytest.approx(expected), name


PER_LEVEL: dict[str, tuple[Callable[[Sounding], Any], str]] = {
    "relative_humidity": (lambda s: mpcalc.relative_humidity_from_dewpoint(s.t, s.td), "percent"),
    "mixing_ratio": (mixing_ratio, "g/kg"),
    "virtual_temperature": (
        lambda s: mpcalc.virtual_temperature_from_dewpoint(s.p, s.t, s.td),
        "degC",
    ),
    "potential_temperature": (lambda s: mpcalc.potential_temperature(s.p, s.t), "K"),
    "equivalent_potential_temperature": (
        lambda s: mpcalc.equivalent_potential_temperature(s.p, s.t, s.td),
        "K",
    ),
}


class TestLevels:
    @pytest.mark.parametrize("calculation", PER_LEVEL)
    def test_are_metpys_to_the_last_bit_on_the_levels_that_are_whole(
        self,
        calculation: str,
        soundings: dict[str, CheckedProfile],
        by_hand: dict[str, Sounding],
    ) -> None:
        function, unit = PER_LEVEL[calculation]
        for name, checked in list(soundings.items())[::5]:
            levels = checked.profile
            found = evaluated(checked, (calculation,)).levels[calculation]
            whole = np.isfinite(levels.temperature) & np.isfinite(levels.dewpoint)
            assert found.shape == levels.pressure.shape
            assert np.isnan(found[~whole]).all()
            expected = np.asarray(function(by_hand[name]).m_as(unit))
            np.testing.assert_array_equal(found[whole], expected, err_msg=name)

    def test_the_surface_based_parcels_path(
        self, soundings: dict[str, CheckedProfile], by_hand: dict[str, Sounding]
    ) -> None:
        for name, checked in list(soundings.items())[::5]:
            s = by_hand[name]
            found = evaluated(checked, ("sb_parcel_temperature",)).levels["sb_parcel_temperature"]
            expected = mpcalc.parcel_profile(s.p, s.t[0], s.td[0]).m_as("degC")
            np.testing.assert_allclose(found[np.isfinite(found)], expected, atol=0.01)

    def test_the_mixed_layer_parcels_path_begins_at_the_surface(
        self, soundings: dict[str, CheckedProfile], by_hand: dict[str, Sounding]
    ) -> None:
        for name, checked in list(soundings.items())[::5]:
            s = by_hand[name]
            found = evaluated(checked, ("ml_parcel_temperature",)).levels["ml_parcel_temperature"]
            pressure, temperature, dewpoint = mpcalc.mixed_parcel(s.p, s.t, s.td)
            assert pressure == s.p[0]
            expected = mpcalc.parcel_profile(s.p, temperature, dewpoint).m_as("degC")
            np.testing.assert_allclose(found[np.isfinite(found)], expected, atol=0.01)

    def test_the_most_unstable_parcels_path_is_missing_below_its_start(
        self, soundings: dict[str, CheckedProfile], results: dict[str, dict[str, float]]
    ) -> None:
        elevated = 0
        for name, checked in soundings.items():
            begins = results[name]["mu_parcel_pressure"]
            found = evaluated(checked, ("mu_parcel_temperature",)).levels["mu_parcel_temperature"]
            below = checked.profile.pressure > begins
            elevated += bool(below.any())
            assert np.isnan(found[below]).all(), name
            (at_start,) = np.flatnonzero(checked.profile.pressure == begins)
            assert found[at_start] == pytest.approx(checked.profile.temperature[at_start]), name
        assert elevated > 3

    def test_levels_without_humidity_stay_missing(self) -> None:
        rows = [(p, t, nan if p == 850.0 else d, z, u, v) for p, t, d, z, u, v in FAULTLESS]
        checked = cleaned(rows, humidity_gaps="keep")
        found = evaluated(checked, ("mixing_ratio", "sb_parcel_temperature")).levels
        assert np.isnan(found["mixing_ratio"]).tolist() == [False, False, True, *[False] * 5]
        assert np.isnan(found["sb_parcel_temperature"][2])


class TestWhatTheFilesPrint:
    """NSHARP printed its own numbers under many of the files: another program, other formulas."""

    def printed(self, path: Path) -> dict[str, float]:
        """Return CAPE (J/kg), LCL (hPa) and precipitable water (inches) of the surface parcel."""
        _, _, told = path.read_text(errors="replace").partition("%END%")
        if "*** SFC PARCEL ***" not in told:
            return {}
        block = told.partition("*** SFC PARCEL ***")[2].partition("***")[0]
        wanted = {"CAPE": "CAPE:", "LCL": "LCL:"}
        found = {
            name: float(block.partition(label)[2].split()[0].rstrip("mb"))
            for name, label in wanted.items()
        }
        return found | {"PW": float(told.partition("Precip Water:")[2].split()[0])}

    def test_agree_in_lcl_precipitable_water_and_cape(self, season_folder: Path) -> None:
        self.compare(sorted(season_folder.glob("03*")), at_least=20)

    def test_agree_over_the_whole_collection(self, shared_data: Path) -> None:
        self.compare(sorted((shared_data / "spc_raw/sars/hail").glob("*"))[::3], at_least=60)

    def compare(self, files: list[Path], at_least: int) -> None:
        names = ("sblcl_pressure", "precipitable_water", "sbcape")
        printed, found = [], []
        for path in files:
            told = self.printed(path)
            if told:
                checked = cleaned(read_source(str(path)).profiles[0])
                printed.append([told["LCL"], told["PW"], told["CAPE"]])
                found.append(evaluated(checked, names).scalars)
        assert len(printed) >= at_least
        theirs, ours = np.array(printed).T, np.array(found).T
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(ours[0], theirs[0], atol=2.0)  # printed in whole hPa
        np.testing.assert_allclose(ours[1] / 25.4, theirs[1], rtol=0.05)
        assert np.median(np.abs(theirs[1] - ours[1] / 25.4)) < 0.02
        assert np.corrcoef(theirs[2], ours[2])[0, 1] > 0.99


class TestOneAscentForAll:
    def calls(
        self, monkeypatch: pytest.MonkeyPatch, name: str, checked: CheckedProfile
    ) -> tuple[int, dict[str, float]]:
        """Return how often a function of MetPy is called for everything, and the results."""
        count = 0
        original = getattr(mpcalc, name)

        def counting(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            return original(*arguments, **options)

        monkeypatch.setattr(mpcalc, name, counting)
        found = dict(zip(SCALARS, evaluated(checked).scalars.tolist(), strict=True))
        return count, found

    def test_each_parcel_is_lifted_once_and_one_at_the_surface_not_again(
        self, soundings: dict[str, CheckedProfile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = set()
        for name, checked in list(soundings.items())[:12]:
            with monkeypatch.context() as patch:
                count, found = self.calls(patch, "parcel_profile_with_lcl", checked)
            at_surface = found["mu_parcel_pressure"] == checked.profile.pressure[0]
            assert count == (2 if at_surface else 3), name
            seen.add(at_surface)
        assert seen == {True, False}

    @pytest.mark.parametrize(
        ("function", "most"),
        [
            ("mixed_parcel", 1),
            ("most_unstable_parcel", 1),
            ("cape_cin", 3),
            ("lfc", 3),
            ("el", 3),
            ("bunkers_storm_motion", 1),
            ("corfidi_storm_motion", 1),
        ],
    )
    def test_each_shared_step_is_taken_once(
        self,
        function: str,
        most: int,
        soundings: dict[str, CheckedProfile],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        checked = next(iter(soundings.values()))
        count, _ = self.calls(monkeypatch, function, checked)
        assert 1 <= count <= most

    def test_results_do_not_depend_on_what_else_is_asked_for(
        self, soundings: dict[str, CheckedProfile], results: dict[str, dict[str, float]]
    ) -> None:
        name, checked = list(soundings.items())[7]
        for calculation in SCALARS:
            alone = value(checked, calculation)
            np.testing.assert_array_equal(alone, results[name][calculation], err_msg=calculation)
        backwards = evaluated(checked, SCALARS[::-1]).scalars[::-1]
        np.testing.assert_array_equal(backwards, list(results[name].values()))

    def test_inputs_are_not_changed(self, soundings: dict[str, CheckedProfile]) -> None:
        checked = next(iter(soundings.values()))
        before = {name: getattr(checked.profile, name).copy() for name in LEVEL_VARIABLES}
        evaluated(checked)
        for name, values in before.items():
            np.testing.assert_array_equal(getattr(checked.profile, name), values)


class TestFaults:
    def test_a_calculation_that_raises_costs_itself_and_what_needs_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = dict(zip(SCALARS, evaluated(cleaned()).scalars, strict=True))

        def broken(*arguments: Any, **options: Any) -> Any:
            raise RuntimeError("the wind has dropped")

        monkeypatch.setattr(mpcalc, "bunkers_storm_motion", broken)
        found = evaluated(cleaned())
        struck = {
            *(f"bunkers_{which}_{c}" for which in ("right", "left", "mean") for c in "uv"),
            *("srh_0_1km", "srh_0_3km", "critical_angle"),
            *("supercell_composite", "significant_tornado"),
        }
        assert set(found.errors) == struck
        assert set(found.errors.values()) == {"RuntimeError: the wind has dropped"}
        for name, number in zip(SCALARS, found.scalars, strict=True):
            if name in struck:
                assert np.isnan(number)
            else:
                np.testing.assert_array_equal(number, whole[name], err_msg=name)

    def test_a_shared_step_that_raises_is_tried_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tries = []

        def broken(*arguments: Any, **options: Any) -> Any:
            tries.append(1)
            raise RuntimeError("no lift")

        monkeypatch.setattr(mpcalc, "mixed_parcel", broken)
        found = evaluated(cleaned())
        assert len(tries) == 1
        assert {name for name in GROUPS["parcels"] if name.startswith("ml")} <= set(found.errors)

    def test_what_metpy_warns_of_is_told_once_a_text(self) -> None:
        found = evaluated(cleaned(FAULTLESS[:5]), ("sbcape", "mucape", "sbel_pressure"))
        assert len(found.warnings) == len(set(found.warnings))
        assert all("\n" not in text for text in found.warnings)

    @pytest.mark.parametrize("rows", [[], FAULTLESS[:1], FAULTLESS[:2], FAULTLESS[:3]])
    def test_hardly_any_levels_give_missing_values_and_no_error(self, rows: list[Any]) -> None:
        found = evaluated(cleaned(rows))
        assert found.scalars.shape == (len(SCALARS),)
        assert found.errors == {}

    def test_nothing_whole_gives_nothing_and_says_why(self) -> None:
        rows = [(p, nan, nan, z, nan, nan) for p, _, _, z, _, _ in FAULTLESS]
        found = evaluated(cleaned(rows))
        assert np.isnan(found.scalars).all()
        assert found.missing["sbcape"] == "the profile has no pressure"
        assert found.missing["bulk_shear_0_6km"] == "the profile has no wind pressure"
        assert found.errors == {}

    def test_a_profile_too_shallow_for_a_mixed_layer_has_the_other_parcels(self) -> None:
        rows = [(p, 5.0 - (700 - p) / 10, -1.0 - (700 - p) / 10, 3100.0 + 12 * (700 - p), 1.0, 1.0)
                for p in (700.0, 680.0, 660.0, 640.0, 620.0, 601.0)]  # fmt: skip
        found = evaluated(cleaned(rows), ("mlcape", "ml_mixing_ratio", "sbcape"))
        assert found.missing["mlcape"] == "the profile is less than 100 hPa deep"
        assert found.missing["ml_mixing_ratio"] == "the profile is less than 100 hPa deep"
        assert np.isfinite(found.scalars[2])

    def test_a_saturated_surface_has_its_lcl_there(self) -> None:
        rows = [(*FAULTLESS[0][:2], 25.0, *FAULTLESS[0][3:]), *FAULTLESS[1:]]
        found = evaluated(cleaned(rows), ("sblcl_pressure", "sblcl_height", "sbcape"))
        assert found.scalars[0] == pytest.approx(1000.0, abs=1e-6)
        assert found.scalars[1] == pytest.approx(0.0, abs=1e-3)
        assert found.scalars[2] > 1000.0

    def test_a_profile_that_ends_below_the_lcl_has_no_ascent(self) -> None:
        rows = [
            (1000.0 - 20 * i, 40.0 - 2.0 * i, -20.0 - 2.0 * i, 100.0 + 180 * i, 1.0, 1.0)
            for i in range(8)
        ]
        found = evaluated(cleaned(rows), ("sbcape", "sbcin", "sblcl_pressure"))
        assert np.isnan(found.scalars[:2]).all()
        assert found.missing["sbcape"] == "the profile ends below the parcel's LCL"
        assert found.scalars[2] < 860.0


def custom(name: str, function: str, inputs: tuple[str, ...], units_: str = "1") -> Calculation:
    return Calculation(
        name=name,
        units=units_,
        inputs=inputs,
        function=f"{custom_calculations.__name__}:{function}",
        group="custom",
    )


class TestCustomCalculations:
    def test_are_given_quantities_and_converted_to_their_units(self) -> None:
        mine = custom("mean_t", "mean_temperature", ("pressure", "temperature"), "degC")
        found = evaluated(cleaned(), ("mean_t",), mine)
        assert found.scalars[0] == pytest.approx(np.mean([row[1] for row in FAULTLESS]))

    def test_may_build_on_the_catalogue(self) -> None:
        inputs = ("sbcape", "sbel_height", "sblfc_height")
        mine = custom("ncape", "normalized_cape", inputs, "m s-2")
        cape, el, lfc, ncape = evaluated(cleaned(), (*inputs, "ncape"), mine).scalars
        assert ncape == pytest.approx(cape / (el - lfc))

    def test_may_build_on_each_other(self) -> None:
        first = custom("surface", "a_pressure", ("pressure",), "hPa")
        second = custom("again", "surface_pressure", ("pressure",), "hPa")
        third = custom("ratio", "normalized_cape", ("again", "surface", "sblcl_pressure"))
        found = evaluated(cleaned(), ("again",), first, second, third)
        assert found.scalars.tolist() == [1000.0]

    def test_a_plain_number_is_taken_to_be_in_the_units_declared(self) -> None:
        mine = custom("surface", "surface_pressure", ("pressure",), "Pa")
        assert evaluated(cleaned(), ("surface",), mine).scalars.tolist() == [1000.0]

    @pytest.mark.parametrize(
        ("function", "error"),
        [
            ("raise_always", "ValueError: this never works"),
            ("text", "ValueError: could not convert string to float"),
            ("a_pressure", "DimensionalityError: Cannot convert from 'hectopascal'"),
        ],
    )
    def test_a_bad_one_costs_itself_and_is_named(self, function: str, error: str) -> None:
        mine = custom("mine", function, ("pressure",), "K")
        found = evaluated(cleaned(), ("sbcape", "mine"), mine)
        assert np.isnan(found.scalars[1])
        assert found.scalars[0] == value(cleaned(), "sbcape")
        assert list(found.errors) == ["mine"]
        assert found.errors["mine"].startswith(error)


def test_every_adapter_of_the_catalogue_is_used() -> None:
    """What stands in the adapters and is not named in the catalogue would be dead."""
    used = {c.function.partition(":")[2] for c in CATALOGUE.values()}
    own = {
        name
        for name, thing in vars(adapters).items()
        if callable(thing)
        and getattr(thing, "__module__", "") == adapters.__name__
        and not name.startswith("_")
        and name.islower()
    }
    assert own <= used
