"""Water in the column, and the heights at which it freezes."""

from __future__ import annotations

from pipeline.calculations.declaration import ADAPTERS, Calculation

CALCULATIONS = (
    Calculation(
        name="precipitable_water",
        long_name="precipitable water of the whole sounding",
        units="mm",
        inputs=("pressure", "dewpoint"),
        function="metpy.calc:precipitable_water",
        kernel="moisture:precipitable_water",
        metpy="precipitable_water",
        standard_name="lwe_thickness_of_atmosphere_mass_content_of_water_vapor",
        valid_range=(0.0, 120.0),
        comment="Includes humidity that the cleaning extended aloft, which is next to nothing.",
        reference="Salby 1996, Fundamentals of Atmospheric Physics, p. 28",
    ),
    Calculation(
        name="ml_mixing_ratio",
        long_name="mean mixing ratio of the lowest 100 hPa",
        units="g kg-1",
        inputs=("pressure", "dewpoint"),
        function=f"{ADAPTERS}.moisture:mixed_layer_mixing_ratio",
        kernel="moisture:mixed_layer_mixing_ratio",
        metpy="mixed_layer",
        standard_name="humidity_mixing_ratio",
        valid_range=(0.0, 40.0),
        reference="MetPy documentation of mixed_layer",
    ),
    Calculation(
        name="freezing_level_height",
        long_name="height above ground where temperature first falls through 0 degC",
        units="m",
        inputs=("temperature", "height", "ground_height"),
        function=f"{ADAPTERS}.moisture:freezing_level_height",
        kernel="moisture:freezing_level_height",
        metpy="find_intersections",
        valid_range=(0.0, 9000.0),
        comment="The lowest such height; missing where it freezes at every level.",
    ),
    Calculation(
        name="wet_bulb_zero_height",
        long_name="height above ground where wet-bulb temperature first falls through 0 degC",
        units="m",
        inputs=("pressure", "temperature", "dewpoint", "height", "ground_height"),
        function=f"{ADAPTERS}.moisture:wet_bulb_zero_height",
        kernel="moisture:wet_bulb_zero_height",
        metpy="wet_bulb_temperature",
        valid_range=(0.0, 9000.0),
        comment="The lowest such height; missing where it freezes at every level.",
    ),
)
