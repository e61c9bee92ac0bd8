"""What a config file may say: every key with its default and the reason for it.

A config is strict. A key that does not exist, a number where text belongs, a folder with nothing
in it: each is one line with file, line and column, and all of them are told at once.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline import calculations as catalogue
from pipeline import config_checks as checks
from pipeline import yaml_file
from pipeline.config_problems import explain

#: Sections that cannot change what is in the output.
WITHOUT_EFFECT = (
    "executor",
    "gone_sources",
    "keep_runs",
    "limits",
    "max_failed_fraction",
    "verify",
)


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
        if folder is not None and not checks.leads_to_folder(path, folder):
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

    gross_range: bool = Field(default=True, description="remove values outside physical limits")
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


class Config(Section):
    """A whole config: a season.

    Examples
    --------
    >>> config = Config(input=["../data/*"], output="season.nc")
    >>> config.executor.kind, config.output.path, config.input[0].format
    ('pool', 'season.nc', 'auto')
    """

    title: str | None = Field(default=None, description="of the output file")
    summary: str | None = Field(
        default=None, description="a paragraph about it, for the output file"
    )
    input: list[Input] = Field(
        min_length=1, description="the soundings to read, a list of files, folders or patterns"
    )
    stations: str | None = Field(
        default=None, description="a CSV table of positions, for formats that carry none"
    )
    quality: Quality = Field(default=Quality(), description="the cleaning")
    custom: dict[Annotated[str, AfterValidator(checks.new_name)], CustomCalculation] = Field(
        default={}, description="calculations of your own, name: package.module:function"
    )
    calculations: list[Annotated[str, AfterValidator(checks.calculation)]] = Field(
        default=list(catalogue.DEFAULT_GROUPS),
        description="a list of what to compute, names or groups",
    )
    engine: Literal["metpy", "compiled"] = Field(
        default="metpy", description="who evaluates the calculations: MetPy, or machine code"
    )
    parcel_rules: Literal["metpy", "corrected"] = Field(
        default="metpy", description="how the compiled engine finds LFC and EL"
    )
    verify: int = Field(
        default=20, ge=0, description="profiles of a compiled run that MetPy computes again"
    )
    executor: Executor = Field(default=Executor(), description="who runs them, and where")
    limits: Limits = Field(default=Limits(), description="how large a source may be")
    output: Output = Field(description="the netCDF file to write")
    gone_sources: Literal["keep", "remove"] = Field(
        default="keep", description="what becomes of profiles whose source is no longer there"
    )
    max_failed_fraction: float = Field(
        default=0.75,
        ge=0,
        le=1,
        description="a run in which more of its new sources are unreadable or quarantined has "
        "failed: exit code 1",
    )
    keep_runs: int = Field(default=30, ge=1, description="the last so many run reports are kept")

    _path: Path | None = PrivateAttr(None)
    _text: str = PrivateAttr("")

    @field_validator("stations")
    @classmethod
    def _stations_exist(cls, path: str | None, info: ValidationInfo) -> str | None:
        folder = checks.folder_of(info)
        if path is not None and folder is not None:
            checks.check_file(path, folder)
        return path

    @field_validator("engine")
    @classmethod
    def _engine_is_installed(cls, engine: str) -> str:
        if engine == "compiled" and importlib.util.find_spec("numba") is None:
            raise checks.problem(
                "the compiled engine needs the package numba; install it with "
                "pip install -e '.[compiled]' in the project's folder"
            )
        return engine

    @field_validator("parcel_rules")
    @classmethod
    def _rules_belong_to_compiled(cls, rules: str, info: ValidationInfo) -> str:
        if rules != "metpy" and info.data.get("engine") == "metpy":
            raise checks.problem("only 'engine: compiled' has other rules than MetPy's")
        return rules

    @field_validator("output")
    @classmethod
    def _output_is_no_input(cls, output: Output, info: ValidationInfo) -> Output:
        folder = checks.folder_of(info)
        if folder is not None:
            for entry in info.data.get("input", ()):
                checks.check_apart(output.path, entry.path, folder)
        return output

    @property
    def path(self) -> Path | None:
        """The file this was read from, absolute; None for one made in a program."""
        return self._path

    @property
    def folder(self) -> Path:
        """Where relative paths start: the folder of the config file, else the current one."""
        return self._path.parent if self._path else Path.cwd()

    @property
    def text(self) -> str:
        """The config file as it stands, comments and all."""
        return self._text

    @property
    def output_path(self) -> Path:
        """The output file, absolute."""
        return self.resolve(self.output.path)

    @property
    def stations_path(self) -> Path | None:
        """The table of stations, absolute; None where the config names none."""
        return None if self.stations is None else self.resolve(self.stations)

    def resolve(self, path: str) -> Path:
        """Return a path of the config as an absolute one."""
        return Path(os.path.abspath(self.folder / path))

    def normalized(self) -> str:
        """Return all settings of the output, defaults too, as JSON that is the same for the same.

        Paths stay as they are written, so that a season moved to another folder has the same text.
        What cannot change the output (who computes, how many reports are kept) is left out.

        Examples
        --------
        >>> Config(input=["a"], output="b.nc").normalized()[:35]
        '{"calculations": ["parcels", "indic'
        """
        settings = self.model_dump(mode="json", exclude=set(WITHOUT_EFFECT))
        return json.dumps(settings, sort_keys=True, ensure_ascii=False)


def load(path: str | os.PathLike[str]) -> Config:
    """Return the config in a YAML file.

    Parameters
    ----------
    path : path
        A YAML 1.2 file. Relative paths in it start at its own folder.

    Raises
    ------
    ConfigError
        With every problem found, one line each.

    Examples
    --------
    >>> load("configs/season.yaml").engine  # doctest: +SKIP
    'metpy'
    """
    file = Path(os.path.abspath(path))
    document = yaml_file.read(file, os.fspath(path))
    try:
        config = Config.model_validate(document.data, context={"folder": file.parent})
    except ValidationError as error:
        raise document.fail(document.problems + explain(error, document, Config)) from None
    if document.problems:
        raise document.fail(document.problems)
    config._path, config._text = file, document.text
    return config
