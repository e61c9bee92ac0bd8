"""The command line: parse, call, print, exit code.

Everything heavy is imported by the command that needs it, so that ``--help`` is there at once.
"""

from __future__ import annotations

import atexit
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
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
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(130)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sounding-pipeline", prog_name="pipeline")
def main() -> None:
    """Turn soundings and other 1D weather profiles into numbers that people can trust.

    Start with:  python -m pipeline run configs/season.yaml
    """
    _log_to_terminal()
    # NumPy's threads do nothing for us but spin when it is loaded; workers have one each, too.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def program(name: str | None = None) -> None:
    """Be the program: run the command line, and leave at once when all is said and done.

    Python takes half a second to free, object by object, what numba, xarray and others have
    loaded, before the system frees it all anyway. What is registered with `atexit` from here on
    is done before; exit codes, output and tracebacks are as always.
    """
    code: int | None = None

    def leave() -> None:
        if code is not None:
            with suppress(OSError, ValueError):  # then Python says what is wrong with its output
                for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed by the shell
                    stream.flush()
                os._exit(code)

    atexit.register(leave)  # before any other, to be the last
    try:
        main(prog_name=name)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else None
        raise


def _log_to_terminal() -> None:
    """Send our own messages, and no library's, to the terminal, one plain line each."""
    import logging

    handler = logging.StreamHandler()  # anew each time: it keeps the stderr of now
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logging.getLogger("pipeline").handlers = [handler]


def _narrowed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that narrow or widen a run."""
    options = (
        click.option("--force", is_flag=True, help="Work on every source, changed or not."),
        click.option(
            "--retry-failed",
            is_flag=True,
            help="Work again on what was quarantined, could not be read, or failed.",
        ),
        click.option(
            "--since", metavar="TIME", help="Only sources with a sounding since then (UTC)."
        ),
        click.option(
            "--station",
            "stations",
            multiple=True,
            metavar="ID",
            help="Only sources with a sounding of this station; may be given several times.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _selection(force: bool, retry_failed: bool, since: str | None, stations: Sequence[str]) -> Any:
    """Return what the options narrow or widen a run to."""
    from datetime import UTC, datetime

    import numpy as np

    from pipeline.plan import Selection

    start: np.datetime64 | None = None
    if since is not None:
        try:
            moment = datetime.fromisoformat(since)
        except ValueError as error:
            raise click.BadParameter(
                f"{since!r} is not a time such as 2026-05-08 or 2026-05-08T12:00"
            ) from error
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        start = np.datetime64(moment, "s")
    return Selection(force, retry_failed, start, frozenset(stations))


@main.command()
@click.argument("config", type=_FILES)
@_narrowed
@click.option("--quiet", "-q", is_flag=True, help="Show no progress and no summary.")
@_user_errors_are_one_line
def run(
    config: Path,
    quiet: bool,
    force: bool,
    retry_failed: bool,
    since: str | None,
    stations: tuple[str, ...],
) -> None:
    """Run a season: read, clean, calculate, and write one netCDF.

    CONFIG is a YAML file such as configs/season.yaml. What the last run has done and nothing has
    changed about is kept. Exit codes: 0 done, 1 too many sources failed, 2 the command line or
    config is wrong, 3 no input was found, 4 another run has the output, 5 the disk is full or may
    not be written to, 130 or 143 interrupted (run again to go on).
    """
    from pipeline.config import load
    from pipeline.report.progress import shown, silent
    from pipeline.report.summary import summarize
    from pipeline.run import run as run_season

    report = run_season(
        load(config),
        progress=silent if quiet else shown,
        selection=_selection(force, retry_failed, since, stations),
        command=shlex.join(["python", "-m", "pipeline", *sys.argv[1:]]),
    )
    if not quiet:
        click.echo(summarize(report))
    sys.exit(report.exit_code)


@main.command()
@click.argument("config", type=_FILES)
@click.option("--refresh", is_flag=True, help="Ask for everything again, also for what is here.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress and no table.")
@_user_errors_are_one_line
def fetch(config: Path, refresh: bool, quiet: bool) -> None:
    """Bring what CONFIG names from archives into the folders that it reads.

    What is here and unchanged is not sent again, what broke off is gone on with. Exit code 1 where
    something could not be had: it is named, and the rest is here.
    """
    from pipeline.config import load
    from pipeline.fetch import fetch as fetch_soundings
    from pipeline.fetch.report import describe_fetch
    from pipeline.report.progress import shown, silent

    report = fetch_soundings(load(config), silent if quiet else shown, refresh=refresh)
    if not quiet:
        click.echo(describe_fetch(report))
    sys.exit(report.exit_code)


@main.command()
@click.argument("config", type=_FILES)
@_narrowed
@_user_errors_are_one_line
def plan(
    config: Path, force: bool, retry_failed: bool, since: str | None, stations: tuple[str, ...]
) -> None:
    """Show what a run would do, and why, and do nothing."""
    from pipeline.config import load
    from pipeline.report.summary import describe_plan
    from pipeline.run import plan_of

    selection = _selection(force, retry_failed, since, stations)
    click.echo("\n".join(describe_plan(plan_of(load(config), selection))))


@main.command()
@click.argument("config", type=_FILES)
@_user_errors_are_one_line
def status(config: Path) -> None:
    """Show the state of the season, and what the last nights did."""
    from pipeline.config import load
    from pipeline.journal import Journal
    from pipeline.lock import owner
    from pipeline.report.status import describe_status

    settings = load(config)
    waiting = sum(len(known.positions) for known in Journal(settings.output_path).look().values())
    holder = owner(settings.output_path)
    click.echo(
        describe_status(
            settings.output_path, config, owner=str(holder) if holder else "", waiting=waiting
        )
    )


@main.command()
@click.argument("config", type=_FILES)
@click.option("--cron", is_flag=True, help="A line for crontab, instead of systemd units.")
@click.option("--at", default="02:30", show_default=True, help="When, UTC (cron: local time).")
@click.option("--memory", default="4G", show_default=True, help="The most memory of a run.")
@_user_errors_are_one_line
def schedule(config: Path, cron: bool, at: str, memory: str) -> None:
    """Print a systemd service and timer for every night; nothing is installed."""
    from pipeline.config import load
    from pipeline.report.schedule import crontab_line, systemd_units

    has_fetch = bool(load(config).fetch)  # a config with an error is told now, not at night
    click.echo(
        crontab_line(config, at=at, fetch=has_fetch)
        if cron
        else systemd_units(config, at=at, memory=memory, fetch=has_fetch)
    )


@main.command()
@click.argument("output", type=_FILES)
@click.option("--all", "everything", is_flag=True, help="Look at every profile.")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Look at so many, chosen at random.",
)
@_user_errors_are_one_line
def verify(output: Path, everything: bool, count: int) -> None:
    """Compute profiles of OUTPUT again with MetPy itself, and compare.

    Exit code 1 where a result is further from MetPy's than MetPy is from itself, or where not one
    of the profiles could be computed again.
    """
    import secrets

    from pipeline.crew import CALCULATING
    from pipeline.executors import open_executor
    from pipeline.output import read
    from pipeline.report.verification import describe_verification
    from pipeline.verify import verify_output

    dataset = read(output)
    with open_executor("pool", preload=CALCULATING) as executor:
        found = verify_output(
            dataset, executor, None if everything else count, secrets.token_hex(8)
        )
    click.echo(describe_verification(found))
    nothing = dataset.sizes["profile"] and not found.profiles
    sys.exit(1 if found.mismatches or nothing else 0)


@main.command()
@click.argument("files", type=_FILES, nargs=-1, required=True)
@click.option("--output", "-o", type=_FILES, required=True, help="The file to write.")
@click.option(
    "--to",
    "target",
    type=click.Choice(["netcdf", "igra2"]),
    default="netcdf",
    show_default=True,
    help="The format to write; what IGRA 2 text cannot hold is counted and said.",
)
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
    target: str,
    format_name: str,
    stations: Path | None,
    clean: bool,
    quiet: bool,
) -> None:
    """Read any mix of FILES into one netCDF or IGRA 2 text, without calculations.

    The values are those of the files, in the project's units; with --clean, those that a run
    would calculate from. A folder stands for all files in it.
    """
    from collections import Counter

    from pipeline.convert import convert as convert_files
    from pipeline.convert import convert_to
    from pipeline.report.progress import shown, silent
    from pipeline.report.summary import summarize_conversion

    options: dict[str, Any] = {
        "format_name": format_name,
        "stations_table": stations,
        "clean": clean,
        "progress": silent if quiet else shown,
    }
    if target == "netcdf":
        dataset, losses = convert_files(files, output, **options), Counter[str]()
    else:
        dataset, losses = convert_to(target, files, output, **options)
    if not quiet:
        click.echo(summarize_conversion(dataset, output, losses))


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
