"""What a config file may say: every key with its default and the reason for it.

A config is strict. A key that does not exist, a number where text belongs, a folder with nothing
in it: each is one line with file, line and column, and all of them are told at once.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from pipeline import calculations as catalogue
from pipeline import config_checks as checks
from pipeline import yaml_file
from pipeline.config_fetch import Fetch, fetched_folders
from pipeline.config_problems import explain
from pipeline.config_sections import (
    CustomCalculation,
    Executor,
    Input,
    Limits,
    Output,
    Quality,
    Section,
)

__all__ = [
    "Config",
    "CustomCalculation",
    "Executor",
    "Fetch",
    "Input",
    "Limits",
    "Output",
    "Quality",
    "load",
]

#: Sections that cannot change what is in the output.
WITHOUT_EFFECT = (
    "executor",
    "fetch",
    "gone_sources",
    "keep_runs",
    "limits",
    "max_failed_fraction",
    "verify",
)


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
    fetch: list[Fetch] = Field(
        default=[], description="what `python -m pipeline fetch` brings from archives, before a run"
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
    context = {"folder": file.parent, "fetched": fetched_folders(document.data, file.parent)}
    try:
        config = Config.model_validate(document.data, context=context)
    except ValidationError as error:
        raise document.fail(document.problems + explain(error, document, Config)) from None
    if document.problems:
        raise document.fail(document.problems)
    config._path, config._text = file, document.text
    return config
