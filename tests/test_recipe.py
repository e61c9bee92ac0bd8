"""What two nights have done differently, in words, and what makes no difference."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline import recipe
from pipeline.config import Config
from pipeline.recipe import Change, compare, recipes
from pipeline.sources import Source

CALCULATIONS = ["sbcape", "k_index"]


PLAIN = Source(Path("a.txt"))


def recipe_of(source: Source = PLAIN, **settings: Any) -> str:
    """Return what a source is worked on with."""
    settings = {"input": ["a.txt"], "output": "b.nc", "calculations": CALCULATIONS} | settings
    (text,) = recipes(Config.model_validate(settings), [source])
    return text


def why(old: str, new: str, **about: Any) -> list[str]:
    return [*compare(old, new, failed=about.pop("failed", False), **about).why]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quality": {"humidity_aloft": "reject"}}, "quality.humidity_aloft"),
        ({"quality": {"wind_gap": 1.0, "min_levels": 9}}, "quality.min_levels, quality.wind_gap"),
    ],
)
def test_settings_that_shape_results_are_named_as_in_the_config(
    settings: dict[str, Any], words: str
) -> None:
    assert why(recipe_of(), recipe_of(**settings)) == [f"config changed: {words}"]


@pytest.mark.parametrize(
    "settings",
    [
        {"title": "Another", "summary": "It is another.", "keep_runs": 3},
        {"output": {"path": "c.nc", "compression": 9, "attributes": {"institution": "ours"}}},
        {"executor": {"kind": "serial", "workers": 7}, "gone_sources": "remove"},
        {"calculations": CALCULATIONS[::-1], "max_failed_fraction": 0.1},
        {"quality": {"humidity_aloft": "extend"}},  # the default
    ],
)
def test_what_cannot_change_a_number_is_no_reason(settings: dict[str, Any]) -> None:
    assert compare(recipe_of(), recipe_of(**settings), failed=True) == Change()


def test_how_a_source_is_read_is_a_reason_for_that_source() -> None:
    told = Source(Path("a.txt"), "table", {"station_id": "06610"})
    assert why(recipe_of(), recipe_of(told)) == [
        "config changed: input.format, input.options.station_id"
    ]
    assert why(recipe_of(told), recipe_of(told)) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"limits": {"levels": 5}}, "limits.levels"),
        ({"executor": {"timeout": 5.0}}, "executor.timeout"),
        ({"executor": {"memory": 9.0}}, "executor.memory"),
    ],
)
def test_limits_are_a_reason_for_what_has_failed_and_for_nothing_else(
    settings: dict[str, Any], words: str
) -> None:
    old, new = recipe_of(), recipe_of(**settings)
    assert why(old, new) == []
    assert why(old, new, failed=True) == [f"config changed: {words}"]


def test_versions_are_named_with_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    now = recipe.versions()
    monkeypatch.setattr(recipe, "versions", lambda engine: now | {"metpy": "1.7.1"})
    old = recipe_of()
    monkeypatch.setattr(recipe, "versions", lambda engine: now | {"metpy": "1.8.0"})
    assert why(old, recipe_of()) == ["metpy 1.7.1 -> 1.8.0"]


def test_readers_of_other_packages_matter_to_their_sources_and_to_those_nobody_could_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = recipe_of()
    monkeypatch.setattr(recipe, "_third_party_readers", lambda: {"vaisala": "1.0"})
    old = recipe_of()
    monkeypatch.setattr(recipe, "_third_party_readers", lambda: {"vaisala": "2.0"})
    new = recipe_of()
    assert why(old, new, reader="spc_raw") == []
    assert why(old, new, reader="vaisala") == ["vaisala 1.0 -> 2.0"]
    assert why(bare, old, failed=True) == ["vaisala none -> 1.0"]


def test_our_own_code_is_a_reason_whatever_its_version_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = Path(recipe.__file__).parent
    for name in recipe.SHAPING:
        copy = shutil.copytree if (here / name).is_dir() else shutil.copy
        copy(here / name, tmp_path / name)
    monkeypatch.setattr(recipe, "__file__", str(tmp_path / "recipe.py"))
    digest = recipe.code_digest.__wrapped__
    assert digest() == recipe.code_digest()  # where it lies makes no difference
    file = tmp_path / "quality" / "levels.py"
    file.write_text(file.read_text() + "# another word\n")
    changed = digest()
    assert changed != recipe.code_digest()
    old = recipe_of()
    monkeypatch.setattr(recipe, "code_digest", lambda: changed)
    version = recipe.versions()["pipeline"]
    assert why(old, recipe_of()) == [f"the code of pipeline {version} changed"]


def test_the_file_of_a_custom_function_is_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "of_mine.py"
    file.write_text("def f(pressure):\n    return 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    custom = {"mine": {"function": "of_mine:f", "inputs": ["pressure"]}}
    old = recipe_of(custom=custom)
    assert compare(recipe_of(), old, failed=False).added == ("mine",)
    file.write_text("def f(pressure):\n    return 2.0\n")
    assert why(old, recipe_of(custom=custom)) == ["the code of custom.mine changed"]
    custom["mine"]["units"] = "hPa"
    assert why(old, recipe_of(custom=custom)) == [
        "config changed: custom.mine.units",
        "the code of custom.mine changed",
    ]


def test_calculations_that_come_and_go_are_told_apart_from_all_else() -> None:
    change = compare(recipe_of(), recipe_of(calculations=["sbcape", "mucape"]), failed=False)
    assert change == Change(
        ("calculations added: mucape", "calculations removed: k_index"),
        added=("mucape",),
        removed=("k_index",),
        only_calculations=True,
    )
    settings = {"calculations": ["sbcape"], "quality": {"min_levels": 9}}
    assert not compare(recipe_of(), recipe_of(**settings), failed=False).only_calculations


@pytest.mark.parametrize("old", ["", "[]", "not JSON"])
def test_a_file_that_does_not_say_how_it_was_made_is_a_reason(old: str) -> None:
    assert why(old, recipe_of()) == ["the output does not say how it was made"]
