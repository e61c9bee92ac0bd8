"""What is wrong with a config, in words for a person: pydantic's findings, told anew."""

from __future__ import annotations

import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from pipeline.config_checks import QUOTE_IT
from pipeline.errors import nearest
from pipeline.yaml_file import Document, KeyPath, Place, Problem

#: What a value must be, by the type of pydantic's finding.
EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "date_type": "a day, such as 2003-05-01 (without quotes)",
    "date_from_datetime_inexact": "a day, such as 2003-05-01, without a time",
    "finite_number": "a finite number",
    "list_type": "a list, such as [a, b]",
    "dict_type": "keys with values, such as {key: value}",
    "model_type": "keys with values, such as {key: value}",
    "model_attributes_type": "keys with values, such as {key: value}",
}

#: The limit a number breaks, by the type of pydantic's finding and the name of its bound.
LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def explain(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """Return pydantic's findings about a document as problems with places.

    Parameters
    ----------
    error : ValidationError
        What `model` said of ``document.data``.
    document : Document
        The file as read.
    model : type
        The whole config's model; its field names and descriptions are what advice is made of.
    """
    return [_problem(finding, document, model) for finding in error.errors(include_url=False)]


def _problem(finding: Any, document: Document, model: type[BaseModel]) -> Problem:
    kind, context = finding["type"], finding.get("ctx", {})
    path: KeyPath = tuple(part for part in finding["loc"] if part != "[key]")
    path += tuple(context.get("keys", ()))
    if not path and not isinstance(document.data, dict):
        return Problem(Place(1, 1), (), _not_a_config(document, model))
    if kind == "extra_forbidden":
        return Problem(document.keys[path], path, _unknown_key(path, model))
    if kind == "missing":
        return Problem(_place_of_missing(path, document), path, _missing(path, document, model))
    if "[key]" in finding["loc"]:
        return Problem(document.keys[path], path, context["text"])
    here = _existing(path, document)
    return Problem(document.place(here), here, _wrong_value(finding, here, path, document, model))


def _existing(path: KeyPath, document: Document) -> KeyPath:
    """Return `path`, or what stands in the file for it: ``executor: pool`` for executor.kind."""
    while path and path not in document.values:
        path = path[:-1]
    return path


def _place_of_missing(path: KeyPath, document: Document) -> Place:
    empty_key = document.keys.get(path)
    return empty_key or document.keys.get(path[:-1]) or document.place(path[:-1])


def _not_a_config(document: Document, model: type[BaseModel]) -> str:
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    needs = " and ".join(f"'{name}:'" for name in needed)
    if document.data is None:
        return f"the file is empty; a config needs at least {needs}"
    return f"a config is keys with values, at least {needs}; this is {_what(document.data)}"


def _unknown_key(path: KeyPath, model: type[BaseModel]) -> str:
    *parents, key = path
    section = _model_at(tuple(parents), model)
    known = list(section.model_fields) if section else []
    homes = [
        name
        for name, field in model.model_fields.items()
        if (inner := _section_in(field.annotation)) and str(key) in inner.model_fields
    ]
    if close := nearest(str(key), known):
        return f"unknown key{close}"
    if homes:
        return f"unknown key here; it belongs under '{homes[0]}'"
    if str(key) in model.model_fields:
        return "unknown key here; it belongs at the top of the file, not indented"
    return f"unknown key; there are {', '.join(known)}"


def _missing(path: KeyPath, document: Document, model: type[BaseModel]) -> str:
    state = "nothing is given" if path in document.keys else "this key is missing"
    return f"{state}{_described(path, model)}"


def _wrong_value(
    finding: Any, here: KeyPath, path: KeyPath, document: Document, model: type[BaseModel]
) -> str:
    kind, context = finding["type"], finding.get("ctx", {})
    written = document.scalars.get(here, "")
    is_scalar = here in document.scalars
    if kind == "problem" and context["text"] != QUOTE_IT:
        return str(context["text"])
    if finding["input"] is None:
        return f"nothing is given{_described(path, model)}"
    if kind in ("problem", "string_type") and is_scalar:
        return f'{written} is not text to YAML; quote it: "{written}"'
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"])
        choice = " or ".join(f"'{word}'" for word in words)
        hint = nearest(written, words) if is_scalar else ""
        return f"it is {choice}, not {_shown(written, finding['input'])}{hint}"
    if kind in LIMITS:
        bound, words_of_bound = LIMITS[kind]
        limit = f"{context[bound]:g}"
        return f"it must be {words_of_bound} {limit}, not {written}{_described(path, model)}"
    if kind == "too_short":
        return f"it is an empty list{_described(path, model)}"
    expected = EXPECTED.get(kind, "something else")
    if kind == "list_type" and is_scalar:
        expected = f"a list; write [{written}]"
    shown = _shown(written, finding["input"])
    return f"it must be {expected}, not {shown}{_described(path, model)}"


def _shown(written: str, value: Any) -> str:
    return f"'{written}'" if written else _what(value)


def _what(value: Any) -> str:
    if isinstance(value, dict):
        return "keys with values"
    return "a list" if isinstance(value, list) else f"'{value}'"


def _described(path: KeyPath, model: type[BaseModel]) -> str:
    """Return what the key at `path` means, in parentheses, where its model says so."""
    named = tuple(part for part in path if isinstance(part, str))
    section = _model_at(named[:-1], model)
    field = section.model_fields.get(named[-1]) if section and named else None
    return f" ({field.description})" if field and field.description else ""


def _model_at(path: KeyPath, model: type[BaseModel]) -> type[BaseModel] | None:
    """Return the model of the section at `path`; a list's items and a dict's values are one."""
    current: type[BaseModel] | None = model
    inside_named = False
    for part in path:
        if isinstance(part, int) or inside_named:
            inside_named = False
            continue
        field = current.model_fields.get(part) if current else None
        if field is None:
            return None
        inside_named = str(field.annotation).startswith("dict")
        current = _section_in(field.annotation)
    return current


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as ``list[Input]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_section_in(argument) for argument in get_args(annotation))
    return next((found for found in inner if found is not None), None)
