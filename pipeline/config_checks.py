"""Checks of a config against the world: files, formats, calculations, functions, units.

Each returns its value or raises, as pydantic wants it, a problem in words for a person.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from pipeline import calculations
from pipeline.errors import ReadError, nearest
from pipeline.schema import RESERVED
from pipeline.sources import matching_files

#: Stands for "write this in quotes"; `config_problems` adds the text as written.
QUOTE_IT = "quote it"

FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

#: Global attributes that the output file has from elsewhere, and where.
OWN_ATTRIBUTES = {
    "title": "the key 'title' of the config says it",
    "summary": "the key 'summary' of the config says it",
    "Conventions": "the file says itself what it follows",
    "featureType": "the file says itself what it holds",
    **dict.fromkeys(
        (
            "configuration",
            "date_created",
            "engine",
            "history",
            "metpy_version",
            "numpy_version",
            "parcel_rules",
            "pint_version",
            "product_version",
            "python_version",
            "run_id",
            "scipy_version",
            "verification",
        ),
        "the run writes it",
    ),
}


def problem(text: str, *keys: str) -> PydanticCustomError:
    """Return a problem for pydantic to carry; `keys` lead from the value checked to its place."""
    return PydanticCustomError("problem", "{text}", {"text": text, "keys": keys})


def folder_of(info: ValidationInfo) -> Path | None:
    """Return the folder of the config file; None when a config is made in a program."""
    return info.context["folder"] if info.context else None


def leads_to_folder(path: str, folder: Path) -> bool:
    """Tell whether there is the folder that a path or pattern starts looking in."""
    parts = _plain_parts(path)
    if os.path.lexists(folder / path) or len(parts) == len(Path(path).parts):
        return os.path.isdir(os.path.dirname(os.path.abspath(folder / path)))
    return os.path.isdir(folder.joinpath(*parts))


def will_be_fetched(path: str, folder: Path, info: ValidationInfo) -> bool:
    """Tell whether a path or pattern leads into a folder that ``fetch`` will make."""
    fetched: Iterable[Path] = (info.context or {}).get("fetched", ())
    start = Path(os.path.abspath(folder.joinpath(*_plain_parts(path))))
    return any(into in (start, start.parent) or start in into.parents for into in fetched)


def nothing_there(path: str, folder: Path, exclude: Iterable[str] = ()) -> str:
    """Return the sentence for a path or pattern that finds nothing, with the nearest name."""
    plain = _plain_parts(path)
    whole = Path(os.path.abspath(folder.joinpath(*plain)))
    if matching_files(path, folder):
        return f"all that '{path}' finds is left out by 'exclude' ({', '.join(exclude)})"
    if os.path.isdir(whole):
        if len(plain) < len(Path(path).parts):
            return f"no file fits '{path}', looked for from {folder}"
        return f"there is no file in the folder '{path}'"
    while not os.path.lexists(whole.parent):
        whole = whole.parent
    if not os.path.isdir(whole.parent):
        return f"'{path}' does not exist: {whole.parent} is a file, not a folder"
    hint = nearest(whole.name, _names_in(whole.parent))
    return f"'{path}' does not exist: {whole.parent} holds no '{whole.name}'{hint}"


def _plain_parts(path: str) -> list[str]:
    """Return the leading parts of a path that are no pattern."""
    return list(takewhile(lambda part: not set(part) & set("*?["), Path(path).parts))


def check_file(path: str, folder: Path) -> None:
    """Raise unless `path` is a file."""
    if os.path.isdir(folder / path):
        raise problem(f"'{path}' is a folder; name a file")
    if not os.path.isfile(folder / path):
        raise problem(nothing_there(path, folder))


def _names_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if os.access(folder, os.R_OK) else []


def check_apart(output: str, entry: str, folder: Path) -> None:
    """Raise where the next run would find the output file among the inputs."""
    written = Path(os.path.realpath(folder / output))
    named = Path(os.path.realpath(folder / entry))
    found = (Path(os.path.realpath(path)) for path in matching_files(entry, folder))
    if named in written.parents or written in found:
        text = f"it would be read as an input, for '{entry}' finds it; write it elsewhere"
        raise problem(text, "path")


def check_format(name: str) -> None:
    """Raise unless `name` is ``auto`` or the name of a reader."""
    from pipeline import readers

    known = ["auto", *readers.names()]
    if name not in known:
        hint = nearest(name, known) or f"; there are {', '.join(known)}"
        raise problem(f"there is no format '{name}'{hint}")


def check_options(format_name: str, options: Mapping[str, Any]) -> None:
    """Raise where the reader that an entry names says that it cannot be told this."""
    from pipeline import readers

    if not options:
        return
    if format_name == "auto":
        raise problem("they are for one reader, so name it: 'format: table', for example")
    check = getattr(readers.get(format_name), "check_options", None)
    if check is None:
        raise problem(f"the reader '{format_name}' takes none")
    try:
        check(options)
    except ReadError as error:
        raise problem(str(error).removeprefix("options: ")) from error


def calculation(name: str, info: ValidationInfo) -> str:
    """Return the name of a calculation or group that exists."""
    known = calculations.names_and_groups()
    if name in known:
        return name
    if name in info.data.get("custom", ()):
        raise problem("what 'custom' defines is always computed; leave it out here")
    hint = nearest(name, sorted(known)) or "; 'python -m pipeline calculations' lists them"
    raise problem(f"there is no calculation or group '{name}'{hint}")


def new_name(name: str) -> str:
    """Return a name that a calculation of the user's own may have."""
    if not NAME.fullmatch(name):
        raise problem("a name starts with a letter and has letters, digits and '_' only")
    if name in calculations.names_and_groups() or name in calculations.CATALOGUE:
        raise problem("the catalogue has this name; choose another, with 'my_' before it perhaps")
    if name in calculations.BASE_INPUTS or name.lower() in {own.lower() for own in RESERVED}:
        raise problem("the data have this name; choose another, with 'my_' before it perhaps")
    return name


def calculation_input(name: str) -> str:
    """Return a name that a calculation can be computed from: of the data, or another result."""
    results = calculations.names_and_groups() - set(calculations.GROUPS)
    known = [*calculations.BASE_INPUTS, *sorted(results)]
    if name not in known:
        hint = nearest(name, known) or f"; there are {', '.join(calculations.BASE_INPUTS)}"
        raise problem(f"there is no input '{name}'{hint}")
    return name


def units(text: str) -> str:
    """Return units that MetPy understands."""
    # MetPy takes seconds to import; a night with nothing to do, or a second run, must not wait.
    if text in {known.units for known in calculations.CATALOGUE.values()} - {""}:
        return text
    from metpy.units import units as registry

    try:
        registry.Unit(text)
    except Exception as error:  # pint raises whatever its tokenizer does, from TypeError up
        raise problem(f"'{text}' is not a unit: {error}; write, for example, 'J kg-1'") from error
    return text


def attribute_name(name: str) -> str:
    """Return a name for a global attribute that the config may give."""
    if not NAME.fullmatch(name):
        raise problem("an attribute's name has letters, digits and '_' only")
    if name in OWN_ATTRIBUTES:
        raise problem(f"cannot be given here: {OWN_ATTRIBUTES[name]}")
    if name.startswith(("geospatial_", "time_coverage_")):
        raise problem("cannot be given here: it follows from the soundings")
    return name


def import_function(reference: str) -> Callable[..., Any]:
    """Return the function that ``package.module:function`` names.

    Examples
    --------
    >>> import_function("math:hypot")(3.0, 4.0)
    5.0
    """
    if not FUNCTION.fullmatch(reference):
        raise problem(f"'{reference}' is not of the form package.module:function")
    module_name, name = reference.split(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything while it is imported
        why = f"{type(error).__name__}: {error}"
        advice = "install its package, or name its folder in PYTHONPATH"
        raise problem(f"'{module_name}' cannot be imported ({why}); {advice}") from error
    function = getattr(module, name, None)
    if not callable(function):
        hint = nearest(name, (known for known in dir(module) if not known.startswith("_")))
        raise problem(f"'{module_name}' has no function '{name}'{hint}")
    return function
