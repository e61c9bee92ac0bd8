"""The reference engine: shear, helicity, storm motion, and composites of them."""

from __future__ import annotations

import metpy.calc as mpcalc
import numpy as np
import pytest
from metpy.units import units
from season_sample import (
    SCALARS,
    Sounding,
    by_hand,
    evaluated,
    results,
)
from sounding_rows import FAULTLESS, cleaned, nan

from pipeline.calculations import GROUPS
from pipeline.profiles import CheckedProfile


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
    ) -> None:
        depth = kilometres * 1000.0
        for name, s in by_hand().items():
            found = results()[name][f"bulk_shear_0_{kilometres}km"]
            shear = mpcalc.bulk_shear(
                s.wind_p, s.u, s.v, height=s.wind_z, depth=units.Quantity(depth, "m")
            )
            assert found == mpcalc.wind_speed(*shear).m_as("m/s"), name
            u, v = (np.interp(s.wind_z.m[0] + depth, s.wind_z.m, each.m) for each in (s.u, s.v))
            assert found == pytest.approx(np.hypot(u - s.u.m[0], v - s.v.m[0]), abs=0.25), name

    def test_bunkers_motion_is_metpys(self) -> None:
        for name, s in by_hand().items():
            motions = mpcalc.bunkers_storm_motion(s.wind_p, s.u, s.v, s.wind_z)
            for which, motion in zip(("right", "left", "mean"), motions, strict=True):
                for component, number in zip("uv", motion.m_as("m/s"), strict=True):
                    assert results()[name][f"bunkers_{which}_{component}"] == number, name

    def test_the_right_mover_is_to_the_right_of_the_mean_wind_by_7_5_metres_a_second(self) -> None:
        for name, found in results().items():
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
    ) -> None:
        for name, s in by_hand().items():
            storm = (results()[name]["bunkers_right_u"], results()[name]["bunkers_right_v"])
            expected = helicity_by_hand(s, 1000.0 * kilometres, *storm)
            found = results()[name][f"srh_0_{kilometres}km"]
            assert found == pytest.approx(expected, abs=0.01), name

    def test_corfidi_vectors_are_metpys(self) -> None:
        compared = 0
        for name, s in by_hand().items():
            found = [
                results()[name][f"corfidi_{which}_{c}"]
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

    def test_the_critical_angle_by_hand(self) -> None:
        """Between the shear of the lowest 500 m and the inflow of the right mover."""
        for name, s in by_hand().items():
            z = s.wind_z.m - s.wind_z.m[0]
            shear = [np.interp(500.0, z, each.m) - each.m[0] for each in (s.u, s.v)]
            storm = [results()[name][f"bunkers_right_{c}"] for c in "uv"]
            inflow = [storm[0] - s.u.m[0], storm[1] - s.v.m[0]]
            cosine = np.dot(shear, inflow) / np.hypot(*shear) / np.hypot(*inflow)
            found = results()[name]["critical_angle"]
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

    def test_a_wind_whose_height_does_not_rise_is_left_out(self) -> None:
        names = ("bulk_shear_0_6km", "srh_0_3km", "bunkers_right_u", "critical_angle")
        wrong = [*FAULTLESS[:2], (850.0, 15.0, 10.0, 700.0, 80.0, -50.0), *FAULTLESS[3:]]
        lacking = [*FAULTLESS[:2], (850.0, 15.0, 10.0, 1500.0, nan, nan), *FAULTLESS[3:]]
        found, expected = (evaluated(cleaned(rows), names) for rows in (wrong, lacking))
        assert np.isfinite(found.scalars).all()
        np.testing.assert_array_equal(found.scalars, expected.scalars)

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
    def test_supercell_composite_by_hand(self) -> None:
        """(MUCAPE / 1000) (SRH 0-3 km / 50) (shear 0-6 km / 20, at most 1, none below 10)."""
        for name, found in results().items():
            shear = found["bulk_shear_0_6km"]
            share = 0.0 if shear < 10 else min(shear / 20.0, 1.0)
            expected = found["mucape"] / 1000 * found["srh_0_3km"] / 50 * share
            assert found["supercell_composite"] == pytest.approx(expected), name

    def test_significant_tornado_by_hand(self) -> None:
        """(SBCAPE / 1500) (2000 - LCL) / 1000 (SRH 0-1 km / 150) (shear 0-6 km / 20)."""
        for name, found in results().items():
            shear = found["bulk_shear_0_6km"]
            share = 0.0 if shear < 12.5 else min(shear, 30.0) / 20.0
            lcl = np.clip((2000 - found["sblcl_height"]) / 1000, 0.0, 1.0)
            expected = found["sbcape"] / 1500 * lcl * found["srh_0_1km"] / 150 * share
            assert found["significant_tornado"] == pytest.approx(expected), name
