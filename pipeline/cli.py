"""The command line: parse, call, print, exit code.

Everything heavy is imported by the command that needs it, so that ``--help`` is there at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

_FILES = click.Path(path_type=Path)


def _user_errors_are_one_line(command: Callable[..., Any]) -> Callable[..., Any]:
    """Print what a user can mend without a traceback, and leave with its exit code."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        from pipeline.errors import PipelineError

        try:
            return command(*arguments, **options)
        except PipelineError as error:
            click.echo(str(error), err=True)
            sys.exit(error.exit_code)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sounding-pipeline", prog_name="pipeline")
def main() -> None:
    """Turn soundings and other 1D weather profiles into numbers that people can trust.

    Start with:  python -m pipeline run configs/season.yaml
    """
    _log_to_terminal()


def _log_to_terminal() -> None:
    """Send our own messages, and no library's, to the terminal, one plain line each."""
    import logging

    handler = logging.StreamHandler()  # anew each time: it keeps the stderr of now
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logging.getLogger("pipeline").handlers = [handler]


@main.command()
@click.argument("config", type=_FILES)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress and no summary.")
@_user_errors_are_one_line
def run(config: Path, quiet: bool) -> None:
    """Run a season: read, clean, calculate, and write one netCDF.

    CONFIG is a YAML file such as configs/season.yaml.
    """
    from pipeline.config import load
    from pipeline.report.progress import shown, silent
    from pipeline.report.summary import summarize
    from pipeline.run import run as run_season

    report = run_season(load(config), progress=silent if quiet else shown)
    if not quiet:
        click.echo(summarize(report))


@main.command()
@click.argument("files", type=_FILES, nargs=-1, required=True)
@click.option("--output", "-o", type=_FILES, required=True, help="The netCDF file to write.")
@click.option(
    "--format", "format_name", default="auto", help="A reader; picked by content if not given."
)
@click.option("--stations", type=_FILES, help="CSV with positions for formats that carry none.")
@click.option("--clean", is_flag=True, help="Clean the profiles too, with the default settings.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress and no summary.")
@_user_errors_are_one_line
def convert(
    files: tuple[Path, ...],
    output: Path,
    format_name: str,
    stations: Path | None,
    clean: bool,
    quiet: bool,
) -> None:
    """Read any mix of FILES into one netCDF, without calculations.

    The values are those of the files, in the project's units; with --clean, those that a run
    would calculate from. A folder stands for all files in it.
    """
    from pipeline.convert import convert as convert_files
    from pipeline.report.progress import shown, silent
    from pipeline.report.summary import summarize_conversion

    dataset = convert_files(
        files,
        output,
        format_name=format_name,
        stations_table=stations,
        clean=clean,
        progress=silent if quiet else shown,
    )
    if not quiet:
        click.echo(summarize_conversion(dataset, output))


@main.command()
@click.argument("file", type=_FILES)
@click.option("--number", "-n", default=1, show_default=True, help="Which sounding of the file.")
@click.option(
    "--format", "format_name", default="auto", help="A reader; picked by content if not given."
)
@click.option("--config", type=_FILES, help="Clean and read as this config says.")
@click.option("--plot", type=_FILES, help="Draw its Skew-T and hodograph into this picture.")
@_user_errors_are_one_line
def show(file: Path, number: int, format_name: str, config: Path | None, plot: Path | None) -> None:
    """Show one sounding: before and after cleaning, why, and its main parameters."""
    from pipeline.look import look_at
    from pipeline.report.sounding import describe_sounding
    from pipeline.sources import demand_apart

    if plot is not None:
        demand_apart(plot, [file, *([config] if config else [])])
    look = look_at(file, number=number, format_name=format_name, config_path=config)
    click.echo(describe_sounding(look))
    if plot is not None:
        from pipeline.report.plots import save_sounding

        save_sounding(look.sounding, plot)
        click.echo(f"\ndrawn into {plot}")


@main.command()
def formats() -> None:
    """List the formats that are read."""
    from pipeline import readers

    for name in readers.names():
        click.echo(f"{name:<16} {readers.get(name).DESCRIPTION}")


@main.command()
@click.argument("names", nargs=-1)
@_user_errors_are_one_line
def calculations(names: tuple[str, ...]) -> None:
    """List the catalogue, or tell everything about some of it.

    NAMES are calculations or groups, as in a config.
    """
    from pipeline.report.catalogue import describe_calculations, list_calculations

    click.echo(describe_calculations(names) if names else list_calculations())
