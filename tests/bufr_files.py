"""BUFR messages made by ecCodes, element by element, for the tests of the reader.

``python tests/bufr_files.py`` writes `tests/fixtures/bufr/bulletin.bufr` anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.readers._eccodes import library

FIXTURE = Path(__file__).parent / "fixtures" / "bufr" / "bulletin.bufr"

TEMP, TEMP_DROP, PILOT, DESCENT, TEMP_2017, OLD_TEMP = (
    *(309052, 309053, 309050, 309056),
    *(309057, 309007),
)

#: Headings of the WMO telecommunication system, as they stand before and after messages.
HEADING = b"\x01\r\r\n123\r\r\nIUSK05 LSSW 200000\r\r\n"
ENDING = b"\r\r\n\x03"

PAYERNE: dict[str, Any] = {
    **{"blockNumber": 6, "stationNumber": 610, "year": 2023, "month": 4, "day": 19},
    **{"hour": 23, "minute": 15, "second": 38, "latitude": 46.81, "longitude": 6.94},
    "heightOfStationGroundAboveMeanSeaLevel": 491,
}
#: Pa, K, K, degree, m/s, gpm, s and degrees of displacement; None is missing.
LEVELS: dict[str, list[Any]] = {
    "timePeriod": [0, 30, 400, 1200],
    "extendedVerticalSoundingSignificance": [131072, 0, 65536, 65536],
    "pressure": [95700, 92500, 85000, 50000],
    "nonCoordinateGeopotentialHeight": [491, 780, 1480, 5600],
    "latitudeDisplacement": [0.0, 0.01, 0.05, 0.2],
    "longitudeDisplacement": [0.0, 0.02, -0.1, 0.3],
    "airTemperature": [285.15, 283.25, None, 255.65],
    "dewpointTemperature": [281.15, 280.05, 275.45, 240.15],
    "windDirection": [180, 225, 270, 360],
    "windSpeed": [2.0, 5.0, 10.0, 20.0],
}
#: A block of wind shear has pressures of its own.
SHEAR = {"#5#pressure": 30000, "#1#absoluteWindShearIn1KmLayerBelow": 4.0}


def ranked(columns: Mapping[str, Sequence[Any]], first: int = 1) -> dict[str, Any]:
    """Return values by the keys of ecCodes: ``#2#pressure`` is the second pressure."""
    return {
        f"#{number}#{name}": value
        for name, values in columns.items()
        for number, value in enumerate(values, first)
        if value is not None
    }


def message(
    descriptors: int | Sequence[int],
    values: Mapping[str, Any],
    *,
    levels: Sequence[int] = (),
    replications: Sequence[int] = (),
    subsets: int = 1,
    compressed: bool = False,
    edition: int = 4,
    category: int = 2,
    bitmap: Sequence[int] = (),
) -> bytes:
    """Return a message; what is not in `values` is missing.

    Parameters
    ----------
    descriptors : int or sequence of int
    values : mapping
        By the keys of ecCodes; a list holds one for each of compressed subsets.
    levels, replications : sequence of int
        Factors of replications: those of 16 bits, those of 8.
    """
    eccodes = library()
    handle = eccodes.codes_bufr_new_from_samples(f"BUFR{edition}")
    head = {
        "masterTablesVersionNumber": 31,
        "localTablesVersionNumber": 0,
        "dataCategory": category,
    }
    head |= {"bufrHeaderCentre": 98, "numberOfSubsets": subsets, "compressedData": int(compressed)}
    head |= {"typicalYearOfCentury": 23} if edition == 3 else {"typicalYear": 2023}
    head |= {"typicalMonth": 4, "typicalDay": 20, "typicalHour": 0, "typicalMinute": 0}
    for name, number in head.items():
        eccodes.codes_set(handle, name, number)
    factors = {
        "inputExtendedDelayedDescriptorReplicationFactor": levels,
        "inputDelayedDescriptorReplicationFactor": replications,
        "inputDataPresentIndicator": bitmap,
    }
    for name, numbers in factors.items():
        if numbers:
            eccodes.codes_set_array(handle, name, [*numbers])
    listed = [descriptors] if isinstance(descriptors, int) else list(descriptors)
    eccodes.codes_set_array(handle, "unexpandedDescriptors", listed)
    for name, value in values.items():
        (eccodes.codes_set_array if isinstance(value, list) else eccodes.codes_set)(
            handle, name, value
        )
    eccodes.codes_set(handle, "pack", 1)
    content = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return bytes(content)


def temp(descriptors: int | Sequence[int] = TEMP, **facts: Any) -> bytes:
    """Return the TEMP of Payerne: four levels, and a block of wind shear with a pressure."""
    values = {**PAYERNE, **ranked(LEVELS), **SHEAR}
    return message(descriptors, {**values, **facts}, levels=[4], replications=[1])


def old_temp() -> bytes:
    """Return a TEMP of 309007 in edition 3: wind shear, and words on the quality of each value."""
    facts: dict[str, Any] = {
        "blockNumber": 3,
        "stationNumber": 5,
        "year": 2008,
        "month": 12,
        "day": 8,
        "hour": 12,
    }
    facts |= {"minute": 0, "latitude": 60.13, "longitude": -1.18, "heightOfStation": 84}
    levels: dict[str, list[Any]] = {
        "pressure": [100000, 85000],
        "verticalSoundingSignificance": [64, 32],
        "nonCoordinateGeopotential": [980, 14710],
        "airTemperature": [280.1, 273.2],
        "dewpointTemperature": [278.1, 270.2],
        "windDirection": [270, 280],
        "windSpeed": [5, 10],
    }
    values = {**facts, **ranked(levels), "#3#pressure": 70000}
    values |= {f"#{number}#pressure->percentConfidence": 70 for number in (1, 2, 3)}
    shear = [104000, 31001, 7004, 8001, 11061, 11062]
    quality = [222000, 101039, 31031, 1031, 1032, 101039, 33007]
    return message(
        [OLD_TEMP, *shear, *quality],
        values,
        replications=[2, 1],
        edition=3,
        bitmap=[0] * 39,
    )


def pilot() -> bytes:
    """Return a PILOT of a ship: wind at two pressures."""
    facts = {"shipOrMobileLandStationIdentifier": "ASDE3", **PAYERNE}
    facts = {name: facts[name] for name in facts if name not in ("blockNumber", "stationNumber")}
    names = ("pressure", "windDirection", "windSpeed", "timePeriod")
    wind = {name: LEVELS[name][:2] for name in names}
    return message(PILOT, {**facts, **ranked(wind)}, levels=[2], replications=[0])


def drop() -> bytes:
    """Return a TEMP DROP from the top down, across 180 degrees east."""
    facts = {"aircraftFlightNumber": "NOAA49", **PAYERNE, "longitude": 179.9}
    facts = {name: facts[name] for name in facts if name not in ("blockNumber", "stationNumber")}
    columns = {name: values[::-1] for name, values in LEVELS.items()}
    columns |= {"timePeriod": [0, 100, 200, 300]}
    del facts["heightOfStationGroundAboveMeanSeaLevel"]
    return message(TEMP_DROP, {**facts, **ranked(columns)}, levels=[4], replications=[0])


def bulletin() -> bytes:
    """Return a file of four messages as a telecommunication system hands it on."""
    return b"".join(HEADING + one + ENDING for one in (temp(), old_temp(), pilot(), drop()))


if __name__ == "__main__":
    FIXTURE.parent.mkdir(exist_ok=True)
    FIXTURE.write_bytes(bulletin())
