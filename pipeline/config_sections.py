"""The sections of a config: every key with its default and the reason for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline import config_checks as checks


class Section(BaseModel):
    """A part of a config: no unknown keys, no conversions, an empty key is a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            return {key: value for key, value in data.items() if value is not None}
        return data


class Input(Section):
    """Where soundings come from: files, a folder or a pattern, and how to read them."""

    path: str = Field(description="a file, a folder or a pattern such as ../data/*.txt")
    format: str = Field(default="auto", description="the name of a reader, or auto")
    options: dict[str, Any] = Field(default={}, description="what the reader is told, key by key")
    exclude: list[str] = Field(
        default=["README*", "*.md"],
        validate_default=True,
        description="names of files in a folder or pattern that are not data",
    )

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data

    @field_validator("path")
    @classmethod
    def _path_leads_somewhere(cls, path: str, info: ValidationInfo) -> str:
        # A folder that is empty tonight is for the run to tell; one that does not exist is an
        # error of the config.
        folder = checks.folder_of(info)
        if folder is not None and not (
            checks.leads_to_folder(path, folder) or checks.will_be_fetched(path, folder, info)
        ):
            raise checks.problem(checks.nothing_there(path, folder))
        return path

    @field_validator("format")
    @classmethod
    def _format_exists(cls, name: str) -> str:
        checks.check_format(name)
        return name

    @field_validator("options")
    @classmethod
    def _options_make_sense(cls, options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for key in ("station_id", "station_name"):
            if isinstance(options.get(key), int | float):
                raise checks.problem(checks.QUOTE_IT, key)
        checks.check_options(info.data.get("format", "auto"), options)
        return options


class Quality(Section):
    """What the cleaning does before any calculation, and what a profile must have."""

    gross_range: bool = Field(
        default=True, description="remove values outside physical limits, and half winds"
    )
    below_station: bool = Field(default=True, description="remove levels below the station")
    pressure_order: bool = Field(
        default=True,
        description="merge levels of equal pressure, smooth small bumps, sort disorder",
    )
    pressure_bump: float = Field(
        default=1.0,
        ge=0,
        description="rise of pressure with height that still counts as a bump, hPa",
    )
    clip_dewpoint: bool = Field(
        default=True, description="lower a dewpoint above temperature to it"
    )
    humidity_gaps: Literal["interpolate", "keep"] = Field(
        default="interpolate", description="what to do with gaps in dewpoint between reports"
    )
    humidity_aloft: Literal["extend", "keep", "reject"] = Field(
        default="extend",
        description="what to do above the last dewpoint: MetPy ends an ascent there, and a deep "
        "storm sounding then shows little or no CAPE",
    )
    humidity_aloft_depression: float = Field(
        default=30.0, ge=0, description="dewpoint depression above the last report when extended, K"
    )
    humidity_suspect_below: float = Field(
        default=500.0,
        gt=0,
        description="dewpoint that ends below this level makes a profile suspect, hPa",
    )
    surface_humidity_gap: float = Field(
        default=25.0, ge=0, description="the lowest dewpoint may be so far above the ground, hPa"
    )
    derive_height: bool = Field(default=True, description="compute missing heights hydrostatically")
    derive_pressure: bool = Field(
        default=True, description="compute the pressure of levels that only have a height"
    )
    min_levels: int = Field(
        default=5, ge=2, description="levels with temperature and dewpoint that a profile needs"
    )
    max_top_pressure: float = Field(
        default=500.0, gt=0, description="a sounding that ends below this level is rejected, hPa"
    )
    wind_gap: float = Field(
        default=3000.0, gt=0, description="depth without wind that makes the winds suspect, m"
    )
    post_conditions: bool = Field(
        default=True, description="check results against each other, and mask meaningless ones"
    )


class CustomCalculation(Section):
    """A calculation of the user's own."""

    function: str = Field(description="where the function is, as package.module:function")
    inputs: list[Annotated[str, AfterValidator(checks.calculation_input)]] = Field(
        default=["pressure", "temperature", "dewpoint"],
        min_length=1,
        description="what the function is given, in this order: data or other results",
    )
    units: Annotated[str, AfterValidator(checks.units)] = Field(
        default="1", description="units of the result"
    )
    long_name: str = Field(default="", description="what the result is, for the output file")
    per_level: bool = Field(
        default=False, description="one value a level (of `pressure`) instead of one a profile"
    )

    @model_validator(mode="before")
    @classmethod
    def _function_alone(cls, data: Any) -> Any:
        return {"function": data} if isinstance(data, str) else data

    @field_validator("function")
    @classmethod
    def _function_exists(cls, function: str) -> str:
        checks.import_function(function)
        return function


class Executor(Section):
    """Who runs the calculations, and where."""

    kind: Literal["pool", "serial", "dask"] = Field(
        default="pool", description="processes of this machine, one process, or a Dask cluster"
    )
    workers: int | None = Field(
        default=None, ge=1, description="processes; all cores where not given"
    )
    timeout: float = Field(default=60.0, gt=0, description="longest time for one profile, s")
    memory: float = Field(default=4.0, gt=0, description="most memory for one worker, GiB")
    address: str | None = Field(default=None, description="of a Dask scheduler, tcp://host:8786")

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, data: Any) -> Any:
        return {"kind": data} if isinstance(data, str) else data

    @field_validator("address")
    @classmethod
    def _address_belongs_to_dask(cls, address: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("kind", "dask")
        if address is not None and kind != "dask":
            raise checks.problem(f"only 'kind: dask' has an address, this is '{kind}'")
        return address


class Limits(Section):
    """How much of a source is taken in before it is refused: no soundings are so large."""

    file_size: float = Field(default=4000.0, gt=0, description="largest file that is opened, MB")
    unpacked_size: float = Field(
        default=4000.0, gt=0, description="most that an archive may unpack to, MB"
    )
    unpacked_ratio: float = Field(
        default=200.0, ge=1, description="most that an archive may grow when unpacked, times"
    )
    members: int = Field(default=1000, ge=1, description="most files in an archive")
    levels: int = Field(default=1_000_000, ge=1, description="most levels of one sounding")
    line_length: int = Field(
        default=1_000_000, ge=1000, description="longest line of a text file, bytes"
    )


class Output(Section):
    """The file that is written."""

    path: str = Field(description="the netCDF file, for example ../output/season.nc")
    attributes: dict[Annotated[str, AfterValidator(checks.attribute_name)], str] = Field(
        default={}, description="more global attributes, such as institution or creator_name"
    )
    compression: int = Field(
        default=4, ge=0, le=9, description="0 is none, 9 the smallest file; never loses a digit"
    )

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data

    @field_validator("path")
    @classmethod
    def _names_a_file(cls, path: str, info: ValidationInfo) -> str:
        folder = checks.folder_of(info)
        if path.endswith("/") or (folder is not None and os.path.isdir(folder / path)):
            raise checks.problem(f"{path!r} is a folder; name a file in it, such as season.nc")
        return path
