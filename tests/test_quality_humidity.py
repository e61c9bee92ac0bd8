"""The cleaning of humidity: never above saturation, no gaps, and no sounding cut where it ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sounding_rows import (
    FAULTLESS,
    Row,
    cleaned,
    column,
    flags,
    nan,
    reasons,
    rows_of,
    touched,
    with_level,
)

from pipeline.flags import Status, verdict
from pipeline.readers import read_source


def without_dewpoint(*levels: int) -> list[Row]:
    """Return the faultless sounding with dewpoint missing at some levels."""
    return [
        (p, t, nan if index in levels else d, h, u, v)
        for index, (p, t, d, h, u, v) in enumerate(FAULTLESS)
    ]


class TestSupersaturation:
    def test_dewpoint_above_temperature_is_set_to_it(self) -> None:
        checked = cleaned(with_level(2, dewpoint=15.4))
        assert rows_of(checked)[2][1:3] == (15.0, 15.0)
        assert flags(checked, "dewpoint")[2] == "suspect"
        assert flags(checked, "temperature")[2] == "good"
        assert touched(checked) == {"dewpoint_above_temperature": 1}
        assert verdict(checked.reasons) == (Status.OK, Status.OK)

    def test_equal_to_temperature_is_a_cloud_and_no_fault(self) -> None:
        checked = cleaned(with_level(2, dewpoint=15.0))
        assert touched(checked) == {}

    @pytest.mark.parametrize(
        ("level", "excess", "told"),
        [
            (2, 1.0, {"dewpoint_above_temperature"}),
            (2, 1.1, {"dewpoint_above_temperature", "dewpoint_far_above_temperature"}),
            (3, 4.0, {"dewpoint_above_temperature", "dewpoint_far_above_temperature"}),
            (4, 4.0, {"dewpoint_above_temperature"}),  # 500 hPa: high up sensors do so
            (6, 9.0, {"dewpoint_above_temperature"}),
        ],
    )
    def test_far_above_it_low_down_makes_the_sounding_suspect(
        self, level: int, excess: float, told: set[str]
    ) -> None:
        temperature = FAULTLESS[level][1]
        checked = cleaned(with_level(level, dewpoint=temperature + excess))
        assert reasons(checked) == told
        suspect = "dewpoint_far_above_temperature" in told
        assert verdict(checked.reasons)[0] == (Status.SUSPECT if suspect else Status.OK)
        assert column(checked, "dewpoint")[level] == temperature

    def test_the_worst_is_named(self) -> None:
        rows = [*with_level(1, dewpoint=22.0)[:2], *with_level(2, dewpoint=18.5)[2:]]
        checked = cleaned(rows)
        assert checked.counts["dewpoint_far_above_temperature"] == 2
        assert checked.message == "dewpoint 3.5 K above temperature at 850 hPa"

    def test_switched_off_leaves_it(self) -> None:
        checked = cleaned(with_level(2, dewpoint=19.0), clip_dewpoint=False)
        assert column(checked, "dewpoint")[2] == 19.0
        assert touched(checked) == {}

    def test_a_real_one(self, season_folder: Path) -> None:
        """Burlington 2003-09-26: the file says 12.24 and 12.25 degC at 840.7 hPa."""
        (raw,) = read_source(str(season_folder / "03092619m_n.brl")).profiles
        level = raw.pressure.tolist().index(840.70)
        assert (raw.temperature[level], raw.dewpoint[level]) == (12.24, 12.25)
        checked = cleaned(raw)
        assert checked.profile.dewpoint[level] == 12.24
        assert "dewpoint_above_temperature" in reasons(checked)


class TestGaps:
    def test_are_filled_linearly_in_the_logarithm_of_pressure(self) -> None:
        checked = cleaned(without_dewpoint(2))
        # between 16 degC at 925 hPa and -5 degC at 700 hPa
        part = np.log(925.0 / 850.0) / np.log(925.0 / 700.0)
        assert column(checked, "dewpoint")[2] == pytest.approx(16.0 - 21.0 * part)
        assert flags(checked, "dewpoint")[2] == "suspect"
        assert touched(checked)["humidity_gap_interpolated"] == 1

    def test_never_above_temperature(self) -> None:
        rows = without_dewpoint(2)
        rows[2] = (850.0, 1.0, nan, 1500.0, 8.0, 5.0)
        assert column(cleaned(rows), "dewpoint")[2] == 1.0

    def test_reports_stay_as_they_are(self) -> None:
        checked = cleaned(without_dewpoint(2, 5))
        expected = [row[2] for row in FAULTLESS]
        found = column(checked, "dewpoint")
        assert [found[i] for i in (0, 1, 3, 4, 6, 7)] == [expected[i] for i in (0, 1, 3, 4, 6, 7)]
        assert flags(checked, "dewpoint").count("good") == 6

    @pytest.mark.parametrize(
        ("missing", "deep"),
        [
            ((5,), False),  # 500 to 300 hPa: deep, but high up
            ((2,), True),  # 925 to 700 hPa
            ((2, 3, 4), True),
        ],
    )
    def test_a_deep_one_low_down_makes_the_sounding_suspect(
        self, missing: tuple[int, ...], deep: bool
    ) -> None:
        checked = cleaned(without_dewpoint(*missing))
        assert ("humidity_gap_deep" in reasons(checked)) is deep
        assert verdict(checked.reasons)[0] == (Status.SUSPECT if deep else Status.OK)

    def test_one_of_100_hpa_is_not_yet_deep(self) -> None:
        rows = [*FAULTLESS[:2], (875.0, 17.0, nan, 1250.0, 6.0, 4.0)]
        rows += [(825.0, 14.0, 9.0, 1700.0, 8.0, 5.0), *FAULTLESS[3:]]
        assert reasons(cleaned(rows)) == {"humidity_gap_interpolated"}

    def test_the_deepest_is_named(self) -> None:
        checked = cleaned(without_dewpoint(2, 3))
        assert checked.message == "no dewpoint between 925 and 500 hPa; interpolated"
        assert checked.counts["humidity_gap_deep"] == 2

    def test_kept_if_so_wished(self) -> None:
        checked = cleaned(without_dewpoint(2), humidity_gaps="keep")
        assert np.isnan(checked.profile.dewpoint[2])
        assert touched(checked) == {}

    def test_a_level_without_temperature_gets_no_dewpoint(self) -> None:
        checked = cleaned(with_level(2, temperature=nan, dewpoint=nan))
        assert np.isnan(checked.profile.dewpoint[2])
        assert touched(checked) == {}


class TestAloft:
    """Sondes stop reporting humidity high up; MetPy cuts the whole sounding there."""

    def test_goes_on_30_k_below_temperature(self) -> None:
        checked = cleaned(without_dewpoint(6, 7))
        assert column(checked, "dewpoint")[6:] == [-70.0, -85.0]
        assert flags(checked, "dewpoint")[6:] == ["suspect", "suspect"]
        assert touched(checked) == {"humidity_extended_aloft": 2}
        assert verdict(checked.reasons) == (Status.OK, Status.OK)

    def test_or_as_far_below_it_as_the_config_says(self) -> None:
        checked = cleaned(without_dewpoint(7), humidity_aloft_depression=12.5)
        assert column(checked, "dewpoint")[7] == -67.5

    def test_ending_below_500_hpa_makes_the_sounding_suspect(self) -> None:
        checked = cleaned(without_dewpoint(4, 5, 6, 7))
        assert reasons(checked) == {"humidity_ends_early", "humidity_extended_aloft"}
        assert verdict(checked.reasons) == (Status.SUSPECT, Status.OK)
        assert checked.message == "dewpoint ends at 700 hPa, temperature goes on"

    def test_ending_at_500_hpa_does_not(self) -> None:
        checked = cleaned(without_dewpoint(5, 6, 7))
        assert reasons(checked) == {"humidity_extended_aloft"}

    def test_the_config_says_where(self) -> None:
        checked = cleaned(without_dewpoint(5, 6, 7), humidity_suspect_below=400.0)
        assert "humidity_ends_early" in reasons(checked)

    def test_kept_if_so_wished_but_never_silently(self) -> None:
        checked = cleaned(without_dewpoint(6, 7), humidity_aloft="keep")
        assert np.isnan(checked.profile.dewpoint[6:]).all()
        assert flags(checked, "dewpoint")[6:] == ["missing", "missing"]
        assert reasons(checked) == {"humidity_ends_early"}
        assert verdict(checked.reasons)[0] == Status.SUSPECT

    def test_rejected_if_so_wished(self) -> None:
        checked = cleaned(without_dewpoint(6, 7), humidity_aloft="reject")
        assert reasons(checked) == {"humidity_aloft_missing"}
        assert verdict(checked.reasons) == (Status.REJECTED, Status.OK)

    def test_complete_humidity_is_nothing_to_extend_or_reject(self) -> None:
        for policy in ("extend", "keep", "reject"):
            assert reasons(cleaned(humidity_aloft=policy)) == set()

    def test_a_sounding_without_any_humidity_is_not_given_one(self) -> None:
        checked = cleaned(without_dewpoint(*range(8)))
        assert np.isnan(checked.profile.dewpoint).all()
        assert verdict(checked.reasons)[0] == Status.REJECTED

    def test_in_the_season_every_level_above_the_last_report_and_no_other(
        self, season_folder: Path
    ) -> None:
        extended = 0
        for path in season_folder.glob("03*"):
            (raw,) = read_source(str(path)).profiles
            last = np.flatnonzero(np.isfinite(raw.dewpoint))[-1]
            above = np.arange(len(raw)) > last
            count = int((np.isfinite(raw.temperature) & above).sum())
            assert cleaned(raw).counts["humidity_extended_aloft"] == count, path.name
            extended += count > 0
        assert extended > 50
