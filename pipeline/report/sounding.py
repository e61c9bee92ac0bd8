"""One sounding in words: before and after cleaning, why, and its main parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.flags import QC, Status, from_mask

if TYPE_CHECKING:
    import xarray as xr

    from pipeline.look import Look


def describe_sounding(look: Look) -> str:
    """Return a sounding in words."""
    return "\n\n".join(
        "\n".join(block)
        for block in (_title(look), _levels(look), _verdict(look), _parameters(look))
    )


def _title(look: Look) -> list[str]:
    profile = look.profile
    place = (
        f"{profile.latitude:.2f} N {profile.longitude:.2f} E"
        if np.isfinite(profile.latitude + profile.longitude)
        else "position not known"
    )
    when = "time not known" if np.isnat(profile.time) else f"{profile.time} UTC"
    station = " ".join(filter(None, [profile.station_id, profile.station_name])) or "no station"
    return [
        f"{station}, {when}, {place}",
        f"{look.path}, sounding {look.number} of {look.count}, read as {look.source.reader}",
    ]


_COLUMNS = (
    ("pressure", "hPa", "{:8.2f}"),
    ("height", "m", "{:8.0f}"),
    ("temperature", "degC", "{:8.1f}"),
    ("dewpoint", "degC", "{:8.1f}"),
    ("u_wind", "m s-1", "{:8.1f}"),
    ("v_wind", "m s-1", "{:8.1f}"),
)


def _levels(look: Look) -> list[str]:
    """Return the levels as read, and beside each what became of it."""
    names = [name for name, _, _ in _COLUMNS]
    lines = [
        "as read                                                 cleaned",
        " ".join(f"{name.replace('temperature', 'temp.'):>8}" for name in names),
        " ".join(f"{units:>8}" for _, units, _ in _COLUMNS),
    ]
    raw, cleaned = look.profile, look.sounding
    waiting = {float(value): index for index, value in enumerate(cleaned["pressure"].values)}
    for level in range(len(raw)):
        values = {name: getattr(raw, name)[level] for name in names}
        index = waiting.pop(float(values["pressure"]), None)
        told = "removed or merged" if index is None else _changes(values, cleaned, index)
        lines.append(f"{_row(values)}   {told}".rstrip())
    for index in waiting.values():
        values = {name: cleaned[name].values[index] for name in names}
        lines.append(f"{_row(values)}   made of several levels, or its pressure derived")
    return lines


def _row(values: dict[str, Any]) -> str:
    return " ".join(
        template.format(values[name]) if np.isfinite(values[name]) else f"{'-':>8}"
        for name, _, template in _COLUMNS
    )


def _changes(values: dict[str, Any], cleaned: xr.Dataset, index: int) -> str:
    """Return what the cleaning made of a level's values, where it made something of them."""
    changes = []
    for name, units, template in _COLUMNS:
        after = float(cleaned[name].values[index])
        if np.array_equal(values[name], after, equal_nan=True):
            continue
        flag = QC(int(cleaned[f"{name}_qc"].values[index])).name.lower()
        figure = f"{template.format(after).strip()} {units}" if np.isfinite(after) else "missing"
        changes.append(f"{name} {figure} ({flag})")
    return ", ".join(changes)


def _verdict(look: Look) -> list[str]:
    sounding = look.sounding
    status, wind_status = (
        Status(int(sounding[name])).name.lower() for name in ("status", "wind_status")
    )
    lines = [f"verdict   {status}, winds {wind_status}"]
    lines += [f"          {reason.sentence}" for reason in from_mask(int(sounding.status_reasons))]
    message = str(sounding["status_message"].values)
    lines += [f"          > {text}" for text in message.split("; ") if text]
    return lines


def _parameters(look: Look) -> list[str]:
    lines = ["parameters"]
    for name, variable in look.sounding.data_vars.items():
        if variable.dims or name not in look.results:
            continue
        value = float(variable)
        units = variable.attrs["units"].removeprefix("1")
        # Adding 0.0 to what is rounded makes a zero of a negative zero.
        figure = f"{round(value, 2) + 0.0:12.2f} {units}" if np.isfinite(value) else f"{'-':>12}"
        why = f"({look.missing[name]})" if name in look.missing and not np.isfinite(value) else ""
        lines.append(f"  {name:<24} {figure} {why}".rstrip())
    return lines
