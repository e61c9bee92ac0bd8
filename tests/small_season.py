"""A season of a few real files and some bad ones, and its config: for tests of runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.config import Config, load

SEASON = Path(__file__).resolve().parent.parent / "data" / "season-2003"

#: Real files of many kinds, by name, with their surface pressure (hPa), read in them by eye.
REAL = {
    "03031300.SHV": 1003.0,  # nothing special
    "03032821m_n.mbs": 978.4,  # an analysis; MetPy's CAPE is negative
    "03041800.DNR": 826.0,  # a high station, three levels underground
    "03050200.FFC": 983.0,  # an underground level after the surface level
    "03050518.BNA": 985.0,  # no wind from 8 to 23 km
    "03062000.GGW": 921.0,  # the victim of the bad custom calculations
    "03062100.MAF": 911.0,  # two levels with one pressure
    "03092619m_n.brl": 979.6,  # dewpoint above temperature
}

#: Bad files, by name, with their content.
BAD = {
    "empty.txt": b"",
    "page.html": b"<html><head><title>404 Not Found</title></head></html>",
    "notes.txt": b"The sounding of Tuesday is missing.\n",
    "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
}


def make_files(folder: Path) -> Path:
    """Put the real and the bad files into a new folder ``in`` of this folder."""
    files = folder / "in"
    files.mkdir(parents=True)
    for name in REAL:
        shutil.copy(SEASON / name, files / name)
    for name, content in BAD.items():
        (files / name).write_bytes(content)
    (files / "vanished.txt").symlink_to(folder / "no-such-file")
    return files


def write_config(folder: Path, name: str = "season", **changes: Any) -> Path:
    """Write the config of the season in a folder that has its files; `changes` are keys of it."""
    settings = {
        "input": [{"path": "in"}],
        "output": f"{name}.nc",
        "executor": "serial",
    }
    path = folder / f"{name}.yaml"
    with path.open("w") as stream:
        YAML().dump(settings | changes, stream)
    return path


def config(folder: Path, name: str = "season", **changes: Any) -> Config:
    """Return the same config, loaded."""
    return load(write_config(folder, name, **changes))


def custom(function: str, **more: Any) -> dict[str, Any]:
    """Return the entry of a config for one of the custom calculations: ``struck``."""
    entry = {"function": f"custom_calculations:{function}", "inputs": ["pressure"], "units": "hPa"}
    return {"struck": entry | more}
