"""What stands in the dataset, in memory and on disk: every variable with its CF attributes."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from pipeline.flags import CLEANING_STEPS, QC, Reason, SourceStatus, Status
from pipeline.profiles import LEVEL_VARIABLES

Attributes = dict[str, Any]

GLOBAL_ATTRIBUTES = {"Conventions": "CF-1.11, ACDD-1.3", "featureType": "profile"}

#: Variables that locate the others, named in their ``coordinates`` attribute on disk. Height is
#: none of them: it can be missing where there are data.
PROFILE_COORDINATES = ("time", "latitude", "longitude", "profile_id")
LEVEL_COORDINATES = ("pressure",)

#: Labels along ``cleaning_step``.
STEP_LABELS = tuple(reason.label for reason in CLEANING_STEPS)

MEASURED = {"coverage_content_type": "physicalMeasurement"}
_QUALITY = {"coverage_content_type": "qualityInformation"}
_COORDINATE = {"coverage_content_type": "coordinate"}
_AUXILIARY = {"coverage_content_type": "auxiliaryInformation"}
_DEGREES_CELSIUS = {"units": "degC", "units_metadata": "temperature: on_scale"}


def described(long_name: str, standard_name: str = "", **more: Any) -> Attributes:
    """Return the attributes of a variable, in the order in which a reader wants them."""
    named = {"standard_name": standard_name} if standard_name else {}
    return {**named, "long_name": long_name, **more}


def derived_masks() -> Attributes:
    """Return the attributes of ``derived_on_reading``: a bit for each level variable."""
    return {
        "flag_masks": np.array([1 << bit for bit in range(len(LEVEL_VARIABLES))], np.int8),
        "flag_meanings": " ".join(LEVEL_VARIABLES),
        **_QUALITY,
    }


def flag_values(flags: type[IntEnum]) -> Attributes:
    """Return the attributes of an int8 variable that holds one of some flags."""
    return {
        "flag_values": np.array([flag.value for flag in flags], np.int8),
        "flag_meanings": " ".join(flag.name.lower() for flag in flags),
        **_QUALITY,
    }


def reason_masks() -> Attributes:
    """Return the attributes of ``status_reasons``: a bit for each reason."""
    return {
        "flag_masks": np.array([reason.mask for reason in Reason], np.int64),
        "flag_meanings": " ".join(reason.label for reason in Reason),
        **_QUALITY,
    }


LEVEL_ATTRIBUTES: dict[str, Attributes] = {
    "pressure": described(
        "pressure", "air_pressure", units="hPa", axis="Z", positive="down", **_COORDINATE
    ),
    "temperature": described("temperature", "air_temperature", **_DEGREES_CELSIUS, **MEASURED),
    "dewpoint": described("dewpoint", "dew_point_temperature", **_DEGREES_CELSIUS, **MEASURED),
    "height": described(
        "height above mean sea level",
        "geopotential_height",
        units="m",
        comment="Where a source gives geometric heights, these stand here unchanged.",
        **MEASURED,
    ),
    "u_wind": described("wind towards east", "eastward_wind", units="m s-1", **MEASURED),
    "v_wind": described("wind towards north", "northward_wind", units="m s-1", **MEASURED),
}

PROFILE_ATTRIBUTES: dict[str, Attributes] = {
    "profile_id": described("unique name of the profile", cf_role="profile_id"),
    "time": described(
        "nominal or release time in UTC, whichever the source gives",
        "time",
        axis="T",
        **_COORDINATE,
    ),
    "latitude": described(
        "latitude",
        "latitude",
        units="degrees_north",
        axis="Y",
        comment="Missing where neither the source nor a station list says it.",
        **_COORDINATE,
    ),
    "longitude": described(
        "longitude",
        "longitude",
        units="degrees_east",
        axis="X",
        comment="Missing where neither the source nor a station list says it.",
        **_COORDINATE,
    ),
    "station_id": described("station identifier", "platform_id"),
    "station_name": described("station name", "platform_name"),
    "surface_altitude": described(
        "height of the ground above mean sea level",
        "surface_altitude",
        units="m",
        comment="As the source says; where it does not, the height of the lowest level.",
        **MEASURED,
    ),
    "row_size": described("number of levels of the profile", sample_dimension="level"),
    "source_index": described(
        "row of the source table that the profile came from",
        units="1",
        comment="Counts from 0 along the dimension source; -1 where there is none.",
        **_AUXILIARY,
    ),
    "source_position": described(
        "place of the profile in its source",
        units="1",
        comment="Counts from 0.",
        **_AUXILIARY,
    ),
    "derived_on_reading": described(
        "level variables that the source does not give and the reader computed",
        "status_flag",
        comment="Dewpoint from another humidity, winds from speed and direction, by MetPy's "
        "formulas; what the cleaning derives is in the _qc variables.",
        **derived_masks(),
    ),
    "status": described("verdict on the thermodynamics", "status_flag", **flag_values(Status)),
    "wind_status": described("verdict on the winds", "status_flag", **flag_values(Status)),
    "status_reasons": described("what led to the verdicts", "status_flag", **reason_masks()),
    "status_message": described("what led to the verdicts, with figures"),
    "cleaning_message": described("what the cleaning found, with figures"),
    "cleaning_count": described(
        "values or levels that each step of the cleaning touched", units="1", **_QUALITY
    ),
}

#: Variables of profiles that files of earlier versions lack, and what stands there instead.
ADDED_SINCE = {"derived_on_reading": np.int8(0)}

SOURCE_ATTRIBUTES: dict[str, Attributes] = {
    "source_path": described("path of the source, relative to the folder of this file"),
    "source_fingerprint": described("BLAKE2b digest of the content of the source"),
    "source_reader": described("reader of the source"),
    "source_status": described(
        "what became of the source", "status_flag", **flag_values(SourceStatus)
    ),
    "source_message": described("what was wrong with the source"),
    "source_profiles": described("number of profiles found in the source", units="1", **_AUXILIARY),
    "source_recipe": described("settings and versions that the source was worked on with"),
    "source_stations": described("BLAKE2b digest of what the table of stations said about it"),
}

#: On disk each recipe stands once, along a dimension of its own.
RECIPE_ATTRIBUTES = described("settings and versions, as JSON")

STEP_ATTRIBUTES: dict[str, Attributes] = {
    "cleaning_step_name": described("step of the cleaning, named as in status_reasons"),
}


def quality_attributes(name: str) -> Attributes:
    """Return the attributes of ``<name>_qc``."""
    return described(f"quality of {name}", "quality_flag", **flag_values(QC))


def is_derived(attribute: str) -> bool:
    """Tell whether a global attribute follows from the data, and is void for a part of them."""
    return attribute.startswith(("geospatial_", "time_coverage_"))


#: The dimensions of every variable that each dataset has.
DIMENSIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(LEVEL_ATTRIBUTES, ("level",)),
    **{f"{name}_qc": ("level",) for name in LEVEL_ATTRIBUTES},
    **dict.fromkeys(PROFILE_ATTRIBUTES, ("profile",)),
    "cleaning_count": ("profile", "cleaning_step"),
    **dict.fromkeys(STEP_ATTRIBUTES, ("cleaning_step",)),
    **dict.fromkeys(SOURCE_ATTRIBUTES, ("source",)),
}

#: Names that an extra of a format may not take, in any case.
RESERVED = frozenset(
    {*DIMENSIONS, *(f"{step}_count" for step in STEP_LABELS)}
    | {"profile", "level", "source", "cleaning_step"}
)
