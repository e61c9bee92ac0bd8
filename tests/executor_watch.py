"""How the executors' tests look at processes from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
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


def start_script(folder: Path, body: str, *, guard: bool = True) -> subprocess.Popen:
    """Run a script of a user's, with the package and the jobs at hand."""
    head = "import os, signal, sys, time\nimport executor_jobs as jobs\n"
    head += "from pipeline.executors import open_executor\n"
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
    )
