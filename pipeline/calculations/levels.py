"""One value a level, on request: the group ``levels``, or by name."""

from __future__ import annotations

from pipeline.calculations.declaration import ADAPTERS, Calculation

_ENVIRONMENT = ("pressure", "temperature", "dewpoint")

CALCULATIONS = (
    Calculation(
        name="relative_humidity",
        long_name="relative humidity over liquid water",
        units="percent",
        inputs=("temperature", "dewpoint"),
        function="metpy.calc:relative_humidity_from_dewpoint",
        metpy="relative_humidity_from_dewpoint",
        standard_name="relative_humidity",
        valid_range=(0.0, 100.01),
        per_level=True,
        reference="MetPy documentation of relative_humidity_from_dewpoint",
    ),
    Calculation(
        name="mixing_ratio",
        long_name="mixing ratio of water vapour",
        units="g kg-1",
        inputs=("pressure", "dewpoint"),
        function="metpy.calc:saturation_mixing_ratio",
        metpy="saturation_mixing_ratio",
        standard_name="humidity_mixing_ratio",
        valid_range=(0.0, 60.0),
        per_level=True,
        comment="The saturation mixing ratio at the dewpoint.",
        reference="MetPy documentation of saturation_mixing_ratio",
    ),
    Calculation(
        name="virtual_temperature",
        long_name="virtual temperature",
        units="degC",
        inputs=_ENVIRONMENT,
        function="metpy.calc:virtual_temperature_from_dewpoint",
        metpy="virtual_temperature_from_dewpoint",
        standard_name="virtual_temperature",
        temperature_kind="on_scale",
        per_level=True,
        reference="MetPy documentation of virtual_temperature_from_dewpoint",
    ),
    Calculation(
        name="potential_temperature",
        long_name="potential temperature",
        units="K",
        inputs=("pressure", "temperature"),
        function="metpy.calc:potential_temperature",
        metpy="potential_temperature",
        standard_name="air_potential_temperature",
        temperature_kind="on_scale",
        per_level=True,
        reference="MetPy documentation of potential_temperature",
    ),
    Calculation(
        name="equivalent_potential_temperature",
        long_name="equivalent potential temperature",
        units="K",
        inputs=_ENVIRONMENT,
        function="metpy.calc:equivalent_potential_temperature",
        metpy="equivalent_potential_temperature",
        standard_name="air_equivalent_potential_temperature",
        temperature_kind="on_scale",
        per_level=True,
        comment="Of the pseudoadiabatic process.",
        reference="Bolton 1980, Mon. Wea. Rev. 108, 1046-1053, eq. 39",
    ),
    Calculation(
        name="wet_bulb_temperature",
        long_name="wet-bulb temperature",
        units="degC",
        inputs=_ENVIRONMENT,
        function="metpy.calc:wet_bulb_temperature",
        metpy="wet_bulb_temperature",
        standard_name="wet_bulb_temperature",
        temperature_kind="on_scale",
        per_level=True,
        comment="Slow: MetPy integrates an ordinary differential equation for every level.",
        reference="Knox et al. 2017, Bull. Amer. Meteor. Soc. 98, 1897-1906 (Normand's rule)",
    ),
    *(
        Calculation(
            name=f"{parcel}_parcel_temperature",
            long_name=f"temperature of the {meaning} parcel",
            units="degC",
            inputs=(f"{parcel}_ascent", f"{parcel}_start", "pressure"),
            function=f"{ADAPTERS}.parcels:parcel_temperature",
            metpy="parcel_profile_with_lcl",
            temperature_kind="on_scale",
            per_level=True,
            comment="Missing below the level at which the parcel starts.",
        )
        for parcel, meaning in (
            ("sb", "surface-based"),
            ("ml", "mixed-layer"),
            ("mu", "most unstable"),
        )
    ),
)
