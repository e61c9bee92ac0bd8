"""The reference engine: MetPy's own numbers for parcels, to the last bit, and each for a reason.

The truth here is MetPy called by hand, plain arithmetic, or what NSHARP printed into the files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import metpy.calc as mpcalc
import numpy as np
import pytest
from metpy.units import units
from season_sample import (
    Sounding,
    by_hand,
    evaluated,
    results,
    soundings,
    start,
    with_units,
)
from sounding_rows import FAULTLESS, cleaned

from pipeline.readers import read_source

CAPE_CIN = {
    "sb": mpcalc.surface_based_cape_cin,
    "ml": mpcalc.mixed_layer_cape_cin,
    "mu": mpcalc.most_unstable_cape_cin,
}


class TestParcelsAreMetpys:
    @pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])
    def test_cape_and_cin_to_the_last_bit(self, parcel: str) -> None:
        for name, s in by_hand().items():
            cape, cin = CAPE_CIN[parcel](s.p, s.t, s.td)
            assert results()[name][f"{parcel}cape"] == cape.m_as("J/kg"), name
            assert results()[name][f"{parcel}cin"] == cin.m_as("J/kg"), name

    def test_a_level_at_the_very_top_of_the_mixed_layer_counts_as_inside_it(self) -> None:
        rows = [*FAULTLESS[:2], (900.0, 19.5, 9.0, 1010.0, 6.0, 4.0), *FAULTLESS[2:]]
        checked = cleaned(rows)
        s = with_units(checked)
        cape, cin = mpcalc.mixed_layer_cape_cin(s.p, s.t, s.td)
        assert evaluated(checked, ("mlcape", "mlcin")).scalars.tolist() == [cape.m, cin.m]

    @pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])
    def test_the_lcl_is_that_of_where_the_parcel_starts(self, parcel: str) -> None:
        for name, s in by_hand().items():
            pressure, temperature = mpcalc.lcl(*start(parcel, s))
            assert results()[name][f"{parcel}lcl_pressure"] == pressure.m_as("hPa"), name
            assert results()[name][f"{parcel}lcl_temperature"] == temperature.m_as("degC"), name

    def test_the_most_unstable_parcel_starts_where_metpy_says(self) -> None:
        for name, s in by_hand().items():
            expected = mpcalc.most_unstable_parcel(s.p, s.t, s.td)[0]
            assert results()[name]["mu_parcel_pressure"] == expected.m_as("hPa"), name

    @pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])
    def test_the_lifted_index_is_that_of_the_parcel_at_500_hpa(self, parcel: str) -> None:
        for name, s in by_hand().items():
            pressure, temperature, dewpoint = start(parcel, s)
            above = s.p < pressure
            path = units.Quantity(np.append(pressure.m_as("hPa"), s.p[above].m), "hPa")
            lifted = mpcalc.parcel_profile(path, temperature, dewpoint).m_as("degC")
            # Between levels MetPy interpolates linearly in p, the parcel's temperature too.
            excess = np.interp(-500.0, -s.p[above].m, s.t[above].m - lifted[1:])
            found = results()[name][f"{parcel}_lifted_index"]
            assert found == pytest.approx(excess, abs=0.01), name

    @pytest.mark.parametrize("parcel", ["sb", "ml", "mu"])
    def test_heights_are_those_of_the_sounding_above_its_lowest_level(
        self,
        parcel: str,
    ) -> None:
        for name, checked in soundings().items():
            p, height = checked.profile.pressure, checked.profile.height
            for level in ("lcl", "lfc", "el"):
                pressure = results()[name][f"{parcel}{level}_pressure"]
                expected = np.interp(-np.log(pressure), -np.log(p), height) - height[0]
                found = results()[name][f"{parcel}{level}_height"]
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
    def test_the_area_between_lfc_and_el_is_the_cape(self, parcel: str) -> None:
        """Integrated here: Rd times the excess of virtual temperature over ln p.

        MetPy leaves out the layer between an LFC that is the LCL and the next level above it;
        with that layer the area may be larger, by no more than it holds.
        """
        checked = 0
        for name, s in by_hand().items():
            found = results()[name]
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

    def test_levels_come_one_above_the_other(self) -> None:
        for name, found in results().items():
            for parcel in ("sb", "ml", "mu"):
                lcl, lfc, el = (found[f"{parcel}{x}_pressure"] for x in ("lcl", "lfc", "el"))
                if np.isfinite(lfc):
                    assert lcl + 0.1 >= lfc, name
                if np.isfinite(el):
                    assert lfc + 0.1 >= el, name

    def test_the_positive_area_is_that_of_all_buoyant_layers_above_the_lcl(self) -> None:
        for name, s in by_hand().items():
            p, excess = buoyancy_by_hand("sb", s)
            above = p <= results()[name]["sblcl_pressure"] + 1e-9
            heat = np.maximum(excess[above], 0.0)
            expected = 287.04749097718457 * np.trapezoid(heat, -np.log(p[above]))
            assert results()[name]["sb_positive_area"] == pytest.approx(expected, rel=1e-3, abs=1.0)
            assert results()[name]["sb_top_buoyancy"] == pytest.approx(excess[-1], abs=0.01)


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
