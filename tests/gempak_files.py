"""GEMPAK sounding files made by hand: the words of gemprm.h, in either byte order."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

MISSING = -9999.0
ROW_KEYS = ("DATE", "TIME")
COLUMN_KEYS = ("STID", "STNM", "SLAT", "SLON", "SELV", "STAT", "COUN", "STD2")
#: Stations: letters, number, latitude and longitude in hundredths, altitude.
NORMAN = ("OUN", 723570, 3518, -9744, 345)
LINDENBERG = ("", 10393, 5221, 1412, 112)

#: One merged sounding: pressure, temperature, dewpoint, direction, speed, height.
MERGED = ("PRES", "TMPC", "DWPC", "DRCT", "SKNT", "HGHT")
LEVELS = [
    (1000.0, 25.0, 20.0, 180.0, 10.0, 100.0),
    (850.0, 15.0, 10.0, 270.0, 20.0, 1500.0),
    (500.0, -10.0, MISSING, MISSING, MISSING, 5800.0),
]

Level = Sequence[float]
Sounding = Mapping[str, Sequence[Level]]  # levels by part


def content(
    parts: Mapping[str, Sequence[str]],
    times: Sequence[tuple[int, int]],
    stations: Sequence[tuple[str, int, int, int, int]],
    soundings: Mapping[tuple[int, int], Sounding],
    order: str = "<",
    kind: int = 2,
) -> bytes:
    """Return a file.

    Parameters
    ----------
    parts : mapping of str to sequence of str
        Parameters of each part.
    times : sequence of (int, int)
        Such as ``(990503, 2300)``.
    stations : sequence of (str, int, int, int, int)
    soundings : mapping
        By the places of their time and station.
    order : {"<", ">"}
    kind : int
        1 surface, 2 sounding, 3 grid.
    """

    def words(*values: float | str) -> bytes:
        return b"".join(
            value.ljust(4).encode()
            if isinstance(value, str)
            else struct.pack(order + ("i" if isinstance(value, int) else "f"), value)
            for value in values
        )

    keys = words(*ROW_KEYS, *COLUMN_KEYS)
    headers = b"".join(words(9999, *time) for time in times)
    headers += b"".join(words(9999, *station, "OK", "US", "") for station in stations)
    names = [name for part in parts.values() for name in part]
    counts = [len(part) for part in parts.values()]
    about = words(*parts, *[1] * len(parts), *[1] * len(parts), *counts)
    about += words(*names, *[0] * (3 * len(names)))
    # Letters and numbers, keys, headers, parts, free space, pointers, data: one after the other.
    row_keys = 7 + 24 + 1
    row_headers = row_keys + len(keys) // 4
    column_headers = row_headers + 3 * len(times)
    part_names = row_headers + len(headers) // 4
    management = part_names + len(about) // 4
    pointers = management + 32
    place = pointers + len(times) * len(stations) * len(parts)
    table, data = [], b""
    for row in range(len(times)):
        for column in range(len(stations)):
            for part in parts:
                levels = soundings.get((row, column), {}).get(part, ())
                values = [float(value) for level in levels for value in level]
                table.append(place + len(data) // 4 if values else 0)
                data += words(len(values) + 1, 0, *values) if values else b""
    header = words(
        1, 0, 0, len(times), len(ROW_KEYS), row_keys, row_headers, len(stations),
        len(COLUMN_KEYS), row_keys + len(ROW_KEYS), column_headers, len(parts), part_names,
        management, 32, pointers, kind, 4, 11, -9999, 0, 0, 0, MISSING,
    )  # fmt: skip
    start = b"GEMPAK DATA MANAGEMENT FILE "
    return start + header + keys + headers + about + bytes(4 * 32) + words(*table) + data


def merged(**changes: object) -> bytes:
    """Return a file of two times and two stations, in which three of the four soundings are."""
    settings = {
        "parts": {"SNDT": MERGED},
        "times": [(990503, 1200), (990504, 0)],
        "stations": [NORMAN, LINDENBERG],
        "soundings": {
            (0, 0): {"SNDT": LEVELS},
            (1, 0): {"SNDT": LEVELS[:2]},
            (1, 1): {"SNDT": LEVELS[1:]},
        },
    }
    return content(**(settings | changes))  # type: ignore[arg-type]


#: Parts of a TEMP report: mandatory and significant levels, and winds by pressure.
UNMERGED = {
    "TTAA": ("PRES", "TEMP", "DWPT", "DRCT", "SPED", "HGHT"),
    "TTBB": ("PRES", "TEMP", "DWPT"),
    "PPBB": ("PRES", "DRCT", "SPED"),
}


def unmerged(sounding: Sounding) -> bytes:
    """Return a file of one sounding in its parts."""
    return content(UNMERGED, [(990504, 0)], [NORMAN], {(0, 0): sounding})
