"""Soundings in, numbers you can trust out.

Examples
--------
>>> import pipeline
>>> season = pipeline.open_season("output/season-2003.nc")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.season import open_season

    __version__: str

__all__ = ["__version__", "open_season"]

DISTRIBUTION = "sounding-pipeline"


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: importing the package stays fast."""
    if name == "open_season":
        from pipeline.season import open_season

        return open_season
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version(DISTRIBUTION)
        except PackageNotFoundError:  # run from a checkout that was never installed
            return "0+unknown"
    raise AttributeError(f"module 'pipeline' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
