"""How the executors' tests look at processes from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
needs_signals = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="kills with signals, and looks into /proc"
)


def is_alive(process: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent to notice does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def living(group: int) -> list[int]:
    """Return the processes of a group that run: those that a script has started, and itself."""
    return [
        process
        for process, (state, _, of_group) in _processes().items()
        if of_group == str(group) and state not in "ZX"
    ]


def zombies(parent: int) -> list[int]:
    """Return the children of a process that have ended, and that it has not noticed."""
    return [
        process
        for process, (state, of_parent, _) in _processes().items()
        if of_parent == str(parent) and state == "Z"
    ]


def _processes() -> dict[int, list[str]]:
    """Return state, parent and process group of every process of this machine."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            stat = (folder / "stat").read_text()
            found[int(folder.name)] = stat.rpartition(")")[2].split()[:3]
    return found


def start_script(folder: Path, body: str, *, guard: bool = True, top: str = "") -> subprocess.Popen:
    """Run a script of a user's, in a process group of its own, with the jobs at hand.

    What stands at its `top` is done by workers that are starting, too.
    """
    head = "import os, signal, sys, time\nimport executor_jobs as jobs\n"
    head += "from pipeline.executors import open_executor\n"
    head += textwrap.dedent(top)
    body = textwrap.dedent(body)
    if guard:
        body = "if __name__ == '__main__':\n" + textwrap.indent(body, "    ")
    script = folder / "script.py"
    script.write_text(head + body)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(TESTS), str(TESTS.parent)]))
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )
