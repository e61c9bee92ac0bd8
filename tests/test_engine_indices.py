"""The reference engine: stability indices, moisture, and what is one value a level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import metpy.calc as mpcalc
import numpy as np
import pytest
from metpy.units import units
from season_sample import (
    Sounding,
    by_hand,
    evaluated,
    mixing_ratio,
    results,
    soundings,
    spans,
    value,
)
from sounding_rows import FAULTLESS, cleaned, nan

from pipeline.profiles import CheckedProfile, wind_components

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
    ) -> None:
        function, unit, defined = DIRECT[calculation]
        compared = 0
        for name, s in by_hand().items():
            found = results()[name][calculation]
            if defined(s):
                assert found == float(np.squeeze(function(s).m_as(unit))), name
                compared += 1
            else:
                assert np.isnan(found), name
        assert compared > 10

    def test_the_freezing_level_by_hand(self) -> None:
        for name, s in by_hand().items():
            t, z = s.t.m, s.z.m
            above = next(i for i in range(1, len(t)) if t[i - 1] > 0 >= t[i])
            below = above - 1
            share = t[below] / (t[below] - t[above])
            expected = z[below] + share * (z[above] - z[below]) - z[0]
            assert results()[name]["freezing_level_height"] == pytest.approx(expected), name

    def test_the_wet_bulb_zero_from_all_wet_bulb_temperatures(self) -> None:
        """The engine computes a few of them only; here MetPy computes them all."""
        for name, s in list(by_hand().items())[::6]:
            wet_bulb = mpcalc.wet_bulb_temperature(s.p, s.t, s.td).m_as("degC")
            above = next(i for i in range(1, len(s.p)) if wet_bulb[i - 1] > 0 >= wet_bulb[i])
            expected = np.interp(
                0.0, -wet_bulb[above - 1 : above + 1], s.z.m[above - 1 : above + 1]
            )
            found = results()[name]["wet_bulb_zero_height"]
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

    def test_of_real_soundings(self) -> None:
        for name, s in by_hand().items():
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
            assert results()[name]["sweat_index"] == pytest.approx(expected, abs=0.01), name


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
    ) -> None:
        function, unit = PER_LEVEL[calculation]
        for name, checked in list(soundings().items())[::5]:
            levels = checked.profile
            found = evaluated(checked, (calculation,)).levels[calculation]
            whole = np.isfinite(levels.temperature) & np.isfinite(levels.dewpoint)
            assert found.shape == levels.pressure.shape
            assert np.isnan(found[~whole]).all()
            expected = np.asarray(function(by_hand()[name]).m_as(unit))
            np.testing.assert_array_equal(found[whole], expected, err_msg=name)

    def test_the_surface_based_parcels_path(self) -> None:
        for name, checked in list(soundings().items())[::5]:
            s = by_hand()[name]
            found = evaluated(checked, ("sb_parcel_temperature",)).levels["sb_parcel_temperature"]
            expected = mpcalc.parcel_profile(s.p, s.t[0], s.td[0]).m_as("degC")
            np.testing.assert_allclose(found[np.isfinite(found)], expected, atol=0.01)

    def test_the_mixed_layer_parcels_path_begins_at_the_surface(self) -> None:
        for name, checked in list(soundings().items())[::5]:
            s = by_hand()[name]
            found = evaluated(checked, ("ml_parcel_temperature",)).levels["ml_parcel_temperature"]
            pressure, temperature, dewpoint = mpcalc.mixed_parcel(s.p, s.t, s.td)
            assert pressure == s.p[0]
            expected = mpcalc.parcel_profile(s.p, temperature, dewpoint).m_as("degC")
            np.testing.assert_allclose(found[np.isfinite(found)], expected, atol=0.01)

    def test_the_most_unstable_parcels_path_is_missing_below_its_start(self) -> None:
        elevated = 0
        for name, checked in soundings().items():
            begins = results()[name]["mu_parcel_pressure"]
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
