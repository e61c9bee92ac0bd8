"""The examples in the docstrings run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import pipeline

MODULES = [
    "pipeline",
    *sorted(
        module.name
        for module in pkgutil.walk_packages(pipeline.__path__, "pipeline.")
        if not module.name.endswith(("__main__", "executors.quiet"))  # they do things when imported
    ),
]


def examples(module: ModuleType) -> list[doctest.DocTest]:
    """Return the examples of a module's docstrings."""
    found = doctest.DocTestFinder(exclude_empty=True).find(module)
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed: list[str] = []
    runner = doctest.DocTestRunner()
    for test in examples(importlib.import_module(name)):
        runner.run(test, out=failed.append)
    assert not runner.failures, "\n".join(failed)


def test_there_are_some() -> None:
    """If none is found, the tests above say nothing."""
    counted = {name: len(examples(importlib.import_module(name))) for name in MODULES}
    assert len(MODULES) > 30
    assert sum(counted.values()) > 20
    assert counted["pipeline.quality"] >= 1
    assert counted["pipeline.quality.heights"] >= 1


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is(name: str) -> None:
    doc = importlib.import_module(name).__doc__
    assert doc
    assert doc.strip().splitlines()[0].endswith((".", ":"))
