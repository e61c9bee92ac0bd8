"""A command of the pipeline, run as a user types it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from pipeline.cli import main


def command(*words: str | Path) -> Result:
    """Return what a command did; an exception that escapes it is an error of the test."""
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert "Traceback" not in done.output
    return done
