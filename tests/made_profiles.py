"""Checked profiles made by hand, for tests of what is done with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from pipeline.flags import QC, Reason, SourceStatus
from pipeline.profiles import LEVEL_VARIABLES, CheckedProfile, Profile, SourceRow
from pipeline.ragged import to_dataset


def made(
    levels: int = 3,
    *,
    reasons: set[Reason] | None = None,
    counts: dict[str, int] | None = None,
    message: str = "",
    source_index: int = -1,
    **facts: Any,
) -> CheckedProfile:
    """Return a checked profile of plausible values; `facts` go into the profile."""
    pressure = np.linspace(1000.0, 200.0, levels) if levels != 1 else np.array([1000.0])
    given = {
        "pressure": pressure,
        "temperature": 25.0 - 0.08 * (1000.0 - pressure),
        "dewpoint": 18.0 - 0.09 * (1000.0 - pressure),
        "height": 100.0 + 14.0 * (1000.0 - pressure),
        "u_wind": 5.0 + 0.03 * (1000.0 - pressure),
        "v_wind": np.full(levels, -1.0 / 3.0),
    }
    return CheckedProfile(
        profile=Profile(**(given | facts)),
        qc={name: np.full(levels, QC.GOOD, np.int8) for name in LEVEL_VARIABLES},
        reasons=reasons or set(),
        counts=counts or {},
        message=message,
        source_index=source_index,
    )


def time(text: str) -> np.datetime64:
    """Return a time as profiles carry it."""
    return np.datetime64(text, "s")


def made_season() -> xr.Dataset:
    """Return a dataset with everything that can be in one, results included.

    Three profiles (one without time and position, one without levels), four sources, an extra, a
    result a profile, one that is the coordinate of another, and one a level.
    """
    checked = [
        made(4, station_id="06610", station_name="Payerne", source_index=0,
             time=time("1969-12-31T23:59:59"), latitude=46.8125, longitude=6.9427,
             surface_altitude=491.0),
        made(2, station_id="OUN", source_index=1, reasons={Reason.TIME_MISSING},
             counts={"height_derived": 2}, message="1 of 3: \u00dcberlauf"),
        made(0, station_id="OUN", source_index=2, time=time("2003-05-09T00:00:00"),
             latitude=35.18, longitude=-97.44, reasons={Reason.UNREADABLE}),
    ]  # fmt: skip
    checked[0].profile.extras["ascent_rate"] = _extra([5.0, np.nan, -0.0, 5.5])
    sources = [
        SourceRow(path="../data/a.txt", fingerprint="aa", reader="spc_raw", profiles=1),
        SourceRow(path="../data/b.txt", fingerprint="bb", reader="igra2", profiles=1),
        SourceRow(path="../data/c.txt", fingerprint="cc", reader="igra2", profiles=1),
        SourceRow(
            path="../data/0.bin", status=SourceStatus.UNREADABLE, message="no reader knows it"
        ),
    ]
    dataset = to_dataset(checked, sources)
    dataset["sbcape"] = ("profile", [1 / 3, np.nan, np.nan], {
        "standard_name": "atmosphere_convective_available_potential_energy_wrt_surface",
        "long_name": "CAPE of a parcel from the surface", "units": "J kg-1", "valid_min": 0.0,
    })  # fmt: skip
    dataset["mucape"] = ("profile", [0.1, np.nan, np.nan], {
        "standard_name": "atmosphere_convective_available_potential_energy",
        "long_name": "CAPE of the most unstable parcel", "units": "J kg-1",
        "valid_range": np.array([0.0, 20000.0]), "coordinates": "mu_parcel_pressure",
    })  # fmt: skip
    dataset["mu_parcel_pressure"] = ("profile", [900.0, np.nan, np.nan], {
        "standard_name": "original_air_pressure_of_lifted_parcel",
        "long_name": "pressure the most unstable parcel starts from", "units": "hPa",
    })  # fmt: skip
    dataset["relative_humidity"] = ("level", np.linspace(0.9, 0.1, 6), {
        "standard_name": "relative_humidity", "long_name": "relative humidity", "units": "1",
        "comment": "",
    })  # fmt: skip
    return dataset


def _extra(values: list[float]) -> Any:
    from pipeline.profiles import Extra

    return Extra(np.array(values), "m s-1", "ascent rate of the balloon")


def same_bits(one: xr.Dataset, other: xr.Dataset) -> None:
    """Assert that two datasets have the same variables, types, attributes and bits."""
    assert dict(one.sizes) == dict(other.sizes)
    assert set(one.variables) == set(other.variables)
    assert set(one.coords) == set(other.coords)
    for name, variable in one.variables.items():
        twin = other.variables[name]
        assert variable.dims == twin.dims, name
        assert variable.dtype == twin.dtype, name
        if variable.dtype == object:
            assert variable.values.tolist() == twin.values.tolist(), name
        else:
            assert variable.values.tobytes() == twin.values.tobytes(), name
        assert set(variable.attrs) == set(twin.attrs), name
        for key, value in variable.attrs.items():
            assert np.array_equal(value, twin.attrs[key]), (name, key)
            assert np.asarray(value).dtype.kind == np.asarray(twin.attrs[key]).dtype.kind
