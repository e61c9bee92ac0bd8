"""What tests share: where the real files are."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def season_folder() -> Path:
    """The season that comes with the project: 340 soundings of 2003."""
    return PROJECT / "data" / "season-2003"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A larger collection of real files; tests that want it are skipped where it is not."""
    folder = Path(os.environ.get("PIPELINE_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the larger collection of real files is not on this machine")
    return folder


# The same examples in every run: what fails here fails for whoever looks into it. To look for
# more: pytest --hypothesis-profile=search
settings.register_profile("same", derandomize=True, database=None)
settings.register_profile("search", settings.get_profile("default"))
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """Let no example hang on what else is loaded.

    Hypothesis also tries the numbers that stand in the modules it finds loaded, and which these
    are depends on the tests before. There is no public way to say so.
    """
    if config.getoption("hypothesis_profile", None) == "search":
        return
    with suppress(ImportError, AttributeError):  # older ones do not
        from hypothesis.internal.conjecture import providers

        none = providers.Constants()
        providers._get_local_constants = lambda: none
