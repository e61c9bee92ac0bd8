"""What has a season run every night: systemd units, or a line for cron, as text to install.

Nothing is installed here. The commands stand in the text, which says of each choice why.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import ConfigError

TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
MEMORY = re.compile(r"[1-9][0-9]*[KMGT]")
#: What systemd allows in the name of a unit, but for the backslash of its own escapes.
NAME_LETTERS = re.compile(r"[A-Za-z0-9:_.-]")
#: systemd allows 255 letters with what is put before and after.
NAME_LENGTH = 200
#: A word of these alone is what it is to systemd, without quotes.
PLAIN_WORD = re.compile(r"[A-Za-z0-9/_.:=,@+-]+")
#: Neither systemd nor cron takes these in a path: control characters, and what is not UTF-8.
BAD_LETTERS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

UNITS = """\
# {title}, every night at {at} UTC, for systemd. Nothing is installed yet:
# put each part into the file that its first line names, then
#
#   systemctl --user daemon-reload
#   systemctl --user enable --now {timer_word}
#   loginctl enable-linger          # so that it also runs while you are not logged in
#
# To look:  systemctl --user list-timers     journalctl --user -u {service_word}
# To try:   systemctl --user start --no-block {service_word}

# {folder}/{service}
[Unit]
Description=Soundings of {description}, tonight
OnFailure={failed}

[Service]
Type=oneshot
WorkingDirectory={working}
{before}ExecStart={command}
# People at the machine go first.
Nice=10
IOSchedulingClass=idle
# When the memory is used up, one worker is ended, and the run goes on without its sounding.
MemoryMax={memory}
OOMPolicy=continue
# Only the run itself is told to end: it finishes the batch in hand and ends its workers. What
# is finished is kept, and the next run goes on from there.
KillMode=mixed
TimeoutStopSec=5min
# A night that is not done by then makes room for the next, which goes on from there.
TimeoutStartSec=20h
# Told to end, it ended: no failure. All other codes are told of, also 4 (another run has the
# output: this one did nothing). Add 4 here if runs by hand at night are usual.
SuccessExitStatus=130 143

# {folder}/{timer}
[Unit]
Description=Soundings of {description}, every night

[Timer]
OnCalendar=*-*-* {at}:00 UTC
# A night that was missed, because the machine was off, is run when it is on again.
Persistent=true
# Several machines do not ask the same file server in the same second.
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target

# {folder}/{failed}
[Unit]
Description=Soundings of {description}: tell that a night failed

[Service]
Type=oneshot
ExecStart={tell}
# Or by mail, where the machine can send it:
# ExecStart={mail}
"""

#: What comes before the run, where the config has something to fetch.
BEFORE = """\
# The run works with what is there, also where ('-') not everything could be fetched.
ExecStartPre=-{fetch}
"""

CRON = """\
# {title}, every night at {at} in the machine's own time zone, for cron.
# Nothing is installed yet: put this into the table that `crontab -e` opens.
# Cron mails to you what is printed, which is nothing where all went well; on a machine that
# sends no mail, add  >> FILE 2>&1  to the line. No flock is needed: the run locks its output
# itself, and a second one leaves at once. Unlike systemd, cron does not run a night that was
# missed, and does not limit the memory.
MAILTO={user}
{minute} {hour} * * * {command}
"""


def systemd_units(
    config: Path,
    *,
    at: str = "02:30",
    memory: str = "4G",
    python: str | os.PathLike[str] = sys.executable,
    folder: str | os.PathLike[str] = ".",
    fetch: bool = False,
) -> str:
    """Return a service, its timer and what tells of a failure, for systemd.

    Parameters
    ----------
    config : path
        The config to run; made absolute.
    at : str
        Time of day, HH:MM, UTC.
    memory : str
        What the run and its workers may use together, with K, M, G or T.
    python : path
        The interpreter that has the package.
    folder : path
        Where the command is run, as it is run by hand: modules of the config's own calculations
        are found from there.
    fetch : bool
        Fetch first what the config names.

    Returns
    -------
    str
        Three unit files, each under a comment with its path, and how to install them.

    Raises
    ------
    ConfigError
        When there is no such config, or a value is not one; all problems at once.
    """
    path, interpreter, working = map(os.path.abspath, (config, python, folder))
    _demand_valid(at, path, interpreter, working, memory=memory)
    name = unit_name(config)
    service, timer = f"{name}.service", f"{name}.timer"
    sentence = (
        f"the nightly run of {path} failed; "
        f"look with: journalctl --user -n 50 -u {shlex.quote(service)}"
    )
    before = _systemd_command([interpreter, "-m", "pipeline", "fetch", path])
    script = 'systemctl --user status --lines=30 "$1" | mail -s "$1 failed" me@example.org'
    return UNITS.format(
        title=path,
        description=path.replace("%", "%%"),
        at=at,
        memory=memory,
        folder="~/.config/systemd/user",
        service=service,
        timer=timer,
        failed=f"{name}-failed.service",
        service_word=shlex.quote(service),
        timer_word=shlex.quote(timer),
        working=_systemd_folder(working),
        before=BEFORE.format(fetch=before) if fetch else "",
        command=_systemd_command([interpreter, "-m", "pipeline", "run", path]),
        tell=_systemd_command(["/usr/bin/logger", "-p", "user.err", "-t", "pipeline", sentence]),
        mail=_systemd_command(["/bin/sh", "-c", script, "sh", service]),
    )


def crontab_line(
    config: Path,
    *,
    at: str = "02:30",
    python: str | os.PathLike[str] = sys.executable,
    folder: str | os.PathLike[str] = ".",
    user: str | None = None,
    fetch: bool = False,
) -> str:
    """Return the lines for a crontab, with comments.

    Parameters
    ----------
    config, python, folder : path
        As for :func:`systemd_units`.
    at : str
        Time of day, HH:MM, in the time zone of the machine: not every cron can do otherwise.
    user : str, optional
        Who gets the mail; by default who calls this.
    fetch : bool
        As for :func:`systemd_units`.

    Returns
    -------
    str
        The text.

    Raises
    ------
    ConfigError
        As for :func:`systemd_units`; also for a path with a backslash.
    """
    path, interpreter, working = map(os.path.abspath, (config, python, folder))
    _demand_valid(at, path, interpreter, working, backslash=False)
    words = ["fetch", "run"] if fetch else ["run"]
    commands = [
        f"nice -n 10 {shlex.join([interpreter, '-m', 'pipeline', word, '--quiet', path])}"
        for word in words
    ]
    together = f"{{ {'; '.join(commands)}; }}" if fetch else commands[0]
    hour, minute = (int(number) for number in at.split(":"))
    return CRON.format(
        title=path,
        at=at,
        user=user or _user(),
        hour=hour,
        minute=minute,
        command=f"cd {shlex.quote(working)} && {together}".replace("%", r"\%"),
    )


def unit_name(config: Path) -> str:
    r"""Return what the units of a config are called, without ``.service`` or ``.timer``.

    Examples
    --------
    >>> print(unit_name(Path("configs/season-2003.yaml")))
    pipeline-season-2003
    >>> print(unit_name(Path("configs/my season.yaml")))
    pipeline-my\x20season
    """
    letters = [
        letter
        if NAME_LETTERS.fullmatch(letter)
        else "".join(f"\\x{byte:02x}" for byte in letter.encode())
        for letter in config.stem
    ]
    return f"pipeline-{''.join(letters)[:NAME_LENGTH]}"


def _demand_valid(
    at: str, config: str, *others: str, memory: str = "4G", backslash: bool = True
) -> None:
    """Raise ConfigError with everything that would make the text a wrong one."""
    problems = []
    if not os.path.isfile(config):
        problems.append(f"{config}: there is no such file")
    if not TIME_OF_DAY.fullmatch(at):
        problems.append(f"--at: {at!r} is not a time of day; write HH:MM, for example 02:30")
    if not MEMORY.fullmatch(memory):
        problems.append(f"--memory: {memory!r} is not an amount; write for example 4G or 800M")
    for path in (config, *others):
        if BAD_LETTERS.search(path):
            problems.append(
                f"{path!r}: systemd and cron take no control characters in a path, and only UTF-8; "
                "rename it, or make a link to it with a simple name"
            )
        if "\\" in path and not backslash:
            problems.append(
                f"{path}: a path with a backslash means different things to different crons; "
                "rename it, make a link to it, or use systemd"
            )
    if problems:
        raise ConfigError(problems)


def _systemd_command(words: Sequence[str]) -> str:
    """Return words as ``ExecStart=`` takes them: the first names a file, with no variables."""
    program, *arguments = words
    return " ".join(map(_systemd_word, [program, *(word.replace("$", "$$") for word in arguments)]))


def _systemd_word(word: str) -> str:
    word = word.replace("%", "%%")
    if PLAIN_WORD.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _systemd_folder(path: str) -> str:
    """Return a path as ``WorkingDirectory=`` takes it: the rest of the line, without quotes."""
    if path.endswith((" ", "\\")):  # stripped, and joined with the next line
        path += "/"
    return path.replace("%", "%%")


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may have users without a name
        return "me@example.org"
