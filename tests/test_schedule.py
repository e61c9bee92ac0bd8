"""What has a season run every night: the text says what is meant, also with paths that are odd."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.report.schedule import crontab_line, systemd_units, unit_name

ODD_NAMES = [
    "two  words",
    "100% %h",
    "$HOME ${HOME} $$",
    "it's",
    'a "quoted" one',
    "#comment ; and & more | here",
    "Größe",
    "{braces}",
    "-dash",
    "back\\slash \\n \\x41",
    "ends in a backslash\\",
    "ends in a space ",
]
WITHOUT_BACKSLASH = [name for name in ODD_NAMES if "\\" not in name]


@pytest.fixture
def season(tmp_path: Path) -> Path:
    """A config of an ordinary name."""
    return made(tmp_path / "season.yaml")


def made(config: Path) -> Path:
    config.parent.mkdir(parents=True, exist_ok=True)
    config.touch()
    return config


def files(text: str) -> dict[str, str]:
    """Return the unit files of the text, by name."""
    parts = re.split(r"^# ~/\.config/systemd/user/(.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def units(text: str) -> dict[str, ConfigParser]:
    parsed = {}
    for name, content in files(text).items():
        parsed[name] = ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#")
        parsed[name].optionxform = str
        parsed[name].read_string(content)
    return parsed


def systemd_words(line: str) -> list[str]:
    """Return the words that systemd makes of `ExecStart=`, as systemd.syntax(7) has it."""
    words, rest = [], line
    while rest := rest.lstrip(" "):
        found = re.match(r'"((?:[^"\\]|\\.)*)"(?: |$)', rest) or re.match(r"([^ '\"\\]+)", rest)
        assert found, f"systemd could not read: {rest}"
        word = re.sub(r'\\(["\\])', r"\1", found[1])
        assert re.fullmatch("(?:[^%]|%%)*", word), f"a specifier of systemd: {word}"
        words.append(word.replace("%%", "%"))
        rest = rest[found.end() :]
    assert all(re.fullmatch(r"(?:[^$]|\$\$)*", word) for word in words[1:]), "a variable"
    return [words[0], *(word.replace("$$", "$") for word in words[1:])]


def systemd_folder(text: str) -> Path:
    """Return the folder that systemd makes of `WorkingDirectory=` in a unit's text."""
    joined = re.sub(r"\\\n", " ", text)
    line = re.search(r"^WorkingDirectory=(.*)$", joined, flags=re.MULTILINE)[1].strip()
    assert re.fullmatch("(?:[^%]|%%)*", line)
    return Path(line.replace("%%", "%"))


def test_the_service_runs_the_season_as_it_is_run_here(season, monkeypatch):
    monkeypatch.chdir(season.parent)
    service = units(systemd_units(Path("season.yaml")))["pipeline-season.service"]["Service"]
    command = systemd_words(service["ExecStart"])
    assert command == [sys.executable, "-m", "pipeline", "run", str(season)]
    assert os.access(command[0], os.X_OK)
    assert Path(service["WorkingDirectory"]) == season.parent


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_service_fetches_first_where_there_is_something_to_fetch(tmp_path, name):
    config = made(tmp_path / f"{name}.yaml")
    parsed = units(systemd_units(config, fetch=True))
    service = parsed[f"{unit_name(config)}.service"]["Service"]
    before = service["ExecStartPre"]
    assert before[0] == "-"  # a night goes on where not everything could be had
    assert systemd_words(before[1:])[-2:] == ["fetch", str(config)]
    assert systemd_words(service["ExecStart"])[-2:] == ["run", str(config)]
    assert "ExecStartPre" not in systemd_units(config)


def test_the_interpreter_of_a_virtual_environment_stays_that(season):
    """Behind its link stands one that has not got the package."""
    link = season.parent / "python"
    link.symlink_to(sys.executable)
    service = units(systemd_units(season, python=link))["pipeline-season.service"]["Service"]
    assert systemd_words(service["ExecStart"])[0] == str(link)


def test_the_service_is_polite_and_is_ended_politely(season):
    service = units(systemd_units(season, memory="800M"))["pipeline-season.service"]["Service"]
    assert service["Type"] == "oneshot"
    assert service["Nice"] == "10"
    assert service["IOSchedulingClass"] == "idle"
    assert service["MemoryMax"] == "800M"
    assert service["OOMPolicy"] == "continue"  # systemd's own would end the run with its worker
    assert service["KillMode"] == "mixed"
    assert service["TimeoutStopSec"] == "5min"
    assert service["TimeoutStartSec"] == "20h"
    assert service["SuccessExitStatus"].split() == ["130", "143"]


def test_the_timer_is_in_utc_and_catches_up(season):
    timer = units(systemd_units(season, at="23:05"))["pipeline-season.timer"]
    assert timer["Timer"]["OnCalendar"] == "*-*-* 23:05:00 UTC"
    assert timer["Timer"]["Persistent"] == "true"
    assert "RandomizedDelaySec" in timer["Timer"]
    assert timer["Install"]["WantedBy"] == "timers.target"


def test_a_failure_is_told_with_where_to_look(season):
    text = systemd_units(season)
    service = units(text)["pipeline-season.service"]
    tell = units(text)[service["Unit"]["OnFailure"]]["Service"]
    sentence = systemd_words(tell["ExecStart"])[-1]
    assert str(season) in sentence
    assert sentence.endswith("journalctl --user -n 50 -u pipeline-season.service")


def test_the_way_by_mail_is_a_command_that_works(season, tmp_path):
    """With a `systemctl` and a `mail` that only say what they were given."""
    for name in ("systemctl", "mail"):
        script = tmp_path / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\nprintf "{name}"; printf " [%s]" "$@"; echo; cat\n')
        script.chmod(0o755)
    odd = made(tmp_path / "my season.yaml")
    command = re.search(r"^# ExecStart=(.*)$", systemd_units(odd), flags=re.MULTILINE)[1]
    told = subprocess.run(
        systemd_words(command),
        env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    name = r"pipeline-my\x20season.service"
    assert told.stdout.splitlines() == [
        f"mail [-s] [{name} failed] [me@example.org]",
        f"systemctl [--user] [status] [--lines=30] [{name}]",
    ]


def test_the_text_says_how_to_install_it_and_installs_nothing(season, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text = systemd_units(season)
    assert list(files(text)) == [
        "pipeline-season.service",
        "pipeline-season.timer",
        "pipeline-season-failed.service",
    ]
    assert "#   systemctl --user daemon-reload\n" in text
    assert "#   systemctl --user enable --now pipeline-season.timer\n" in text
    assert "#   loginctl enable-linger" in text
    assert os.listdir(tmp_path) == ["season.yaml"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_paths_arrive_at_the_service_as_they_are(tmp_path, name):
    config = made(tmp_path / name / f"{name}.yaml")
    interpreter = tmp_path / name / "python"
    text = systemd_units(config, python=interpreter, folder=tmp_path / name)
    content = files(text)[f"{unit_name(config)}.service"]
    service = units(text)[f"{unit_name(config)}.service"]
    command = systemd_words(service["Service"]["ExecStart"])
    assert command == [str(interpreter), "-m", "pipeline", "run", str(config)]
    assert os.path.samefile(systemd_folder(content), tmp_path / name)
    assert service["Unit"]["Description"].replace("%%", "%") == f"Soundings of {config}, tonight"
    for line in text.splitlines():
        assert not line.endswith("\\")  # it would take in the next


@pytest.mark.parametrize("name", ODD_NAMES)
def test_units_have_names_that_systemd_allows(name):
    assert re.fullmatch(r"pipeline-[A-Za-z0-9:_.\\-]+", unit_name(Path(f"{name}.yaml")))


def test_unit_names_differ_where_configs_do():
    assert len({unit_name(Path(f"{name}.yaml")) for name in ODD_NAMES}) == len(ODD_NAMES)
    assert len(f"{unit_name(Path('ü' * 120 + '.yaml'))}-failed.service") <= 255


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("name", ["season", 'my 100% $HOME "odd" it\'s back\\slash'])
def test_systemd_itself_has_nothing_against_the_units(tmp_path, name):
    text = systemd_units(made(tmp_path / f"{name}.yaml"), folder=tmp_path, fetch=True)
    folder = tmp_path / "units"
    folder.mkdir()
    for file_name, content in files(text).items():
        (folder / file_name).write_text(content)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, folder.iterdir()))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "Failed to initialize manager" in checked.stderr:
        pytest.skip("systemd-analyze does not work here")
    assert [line for line in checked.stderr.splitlines() if "pipeline" in line] == []
    assert checked.returncode == 0, checked.stderr


def cron_words(text: str, folder: Path) -> tuple[list[str], str, list[str]]:
    """Run the line of a crontab as cron does; return when, in which folder, and what was run."""
    [line] = [line for line in text.splitlines() if line and line[0].isdigit()]
    *when, command = line.split(" ", 5)
    assert re.fullmatch(r"(?:[^%\\]|\\%)*", command), "cron would cut it, or change it"
    ran = subprocess.run(
        ["/bin/sh", "-c", command.replace(r"\%", "%")],
        cwd="/", capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    working, *words = json.loads(ran.stdout)
    return when, working, words


@pytest.mark.parametrize("name", WITHOUT_BACKSLASH)
def test_the_line_for_cron_runs_the_season_also_with_odd_paths(tmp_path, name):
    config = made(tmp_path / name / f"{name}.yaml")
    recorder = tmp_path / name / "python"
    body = "import json, os, sys; print(json.dumps([os.getcwd(), *sys.argv[1:]]))"
    recorder.write_text(f"#!{sys.executable}\n{body}\n")
    recorder.chmod(0o755)
    text = crontab_line(config, at="04:07", python=recorder, folder=tmp_path / name)
    when, working, words = cron_words(text, tmp_path)
    assert when == ["7", "4", "*", "*", "*"]
    assert os.path.samefile(working, tmp_path / name)
    assert words == ["-m", "pipeline", "run", "--quiet", str(config)]


@pytest.mark.parametrize("name", WITHOUT_BACKSLASH)
@pytest.mark.parametrize("code", [0, 1])
def test_the_line_for_cron_fetches_first_and_runs_whatever_came_of_it(tmp_path, name, code):
    config = made(tmp_path / name / f"{name}.yaml")
    recorder = tmp_path / name / "python"
    body = f"import sys; print(sys.argv[3:]); sys.exit({code} if 'fetch' in sys.argv else 0)"
    recorder.write_text(f"#!{sys.executable}\n{body}\n")
    recorder.chmod(0o755)
    text = crontab_line(config, python=recorder, folder=tmp_path / name, fetch=True)
    command = text.splitlines()[-1].split(" ", 5)[-1].replace(r"\%", "%")
    ran = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=True, cwd="/"
    )
    assert ran.stdout.splitlines() == [
        str(["fetch", "--quiet", str(config)]),
        str(["run", "--quiet", str(config)]),
    ]


def test_the_line_for_cron_says_what_one_has_to_know(season):
    text = crontab_line(season, user="me")
    assert "\nMAILTO=me\n30 2 * * * cd " in text
    assert " && nice -n 10 " in text
    assert "in the machine's own time zone" in text
    assert "No flock is needed" in text
    assert all(line.startswith("#") for line in text.splitlines()[:-2])


@pytest.mark.parametrize("schedule", [systemd_units, crontab_line])
@pytest.mark.parametrize(
    "at", ["", "2:30", "24:00", "02:60", "noon", "02:30:00", "٠٢:٣٠", "02:30\n"]
)
def test_a_time_that_is_none_is_refused(season, schedule, at):
    with pytest.raises(ConfigError) as caught:
        schedule(season, at=at)
    assert caught.value.exit_code == 2
    assert str(caught.value) == (
        f"--at: {at!r} is not a time of day; write HH:MM, for example 02:30"
    )


@pytest.mark.parametrize(
    "memory", ["", "4", "4GB", "0G", "-1G", "4 G", "50%", "much", "4G\nUser=x"]
)
def test_an_amount_of_memory_that_is_none_is_refused(season, memory):
    with pytest.raises(ConfigError, match=r"--memory: .* write for example 4G or 800M"):
        systemd_units(season, memory=memory)


@pytest.mark.parametrize("schedule", [systemd_units, crontab_line])
def test_all_problems_are_said_at_once(tmp_path, schedule):
    with pytest.raises(ConfigError) as caught:
        schedule(tmp_path / "none.yaml", at="25:00", folder="new\nline")
    problems = caught.value.problems
    assert len(problems) == 3
    assert problems[0] == f"{tmp_path}/none.yaml: there is no such file"
    assert "no control characters" in problems[2]


@pytest.mark.parametrize("name", ["new\nline.yaml", "tab\t.yaml", os.fsdecode(b"latin-\xe9.yaml")])
def test_paths_that_neither_can_take_are_refused(tmp_path, name):
    config = made(tmp_path / name)
    for schedule in (systemd_units, crontab_line):
        with pytest.raises(ConfigError, match="rename it, or make a link"):
            schedule(config)


def test_cron_is_given_no_backslash(tmp_path):
    config = made(tmp_path / "back\\slash.yaml")
    with pytest.raises(ConfigError, match="use systemd"):
        crontab_line(config)
