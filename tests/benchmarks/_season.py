"""The season of 340 soundings with the compiled engine: whole commands, as a timer starts them.

From the shell's point of view: start-up, reading, cleaning, computing, having MetPy look at some
of it, writing, and the end of the process. Machine code is in the cache: a first run, which counts
for nothing, puts it there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from _common import PROJECT
from _usage import busy_seconds

#: Runs in turn, by what is verified.
VERIFIED = (20, 0)
ROUNDS = 9
SETTLING_SECONDS = 0.5


@dataclass(frozen=True)
class Commands:
    """What whole commands took, one value a round."""

    seconds: list[float]
    cpu: list[float]
    """CPU seconds of the whole machine meanwhile, other programs' included."""

    @property
    def typical(self) -> float:
        """The median, by the clock."""
        return median(self.seconds)


def season(python: str = sys.executable) -> dict[str, dict[str, object]]:
    """Return what the season takes, by how many profiles are verified: ``verify: 20``.

    Parameters
    ----------
    python : str
        The interpreter: one that has what a user installs has less to load than that of a
        developer (xarray loads dask where it is there).
    """
    with tempfile.TemporaryDirectory() as folder:
        configs = {count: _config(Path(folder), count) for count in VERIFIED}
        _command(python, configs[0])
        taken = {count: Commands([], []) for count in VERIFIED}
        for _ in range(ROUNDS):
            for count, config in configs.items():
                (Path(folder) / f"{count}.nc").unlink(missing_ok=True)
                time.sleep(SETTLING_SECONDS)
                busy, began = busy_seconds(), time.perf_counter()
                _command(python, config)
                taken[count].seconds.append(time.perf_counter() - began)
                taken[count].cpu.append(busy_seconds() - busy)
    return {
        f"verify: {count}": asdict(one) | {"typical": one.typical} for count, one in taken.items()
    }


def _config(folder: Path, verified: int) -> Path:
    """Write the config of the season that comes with the project, for the compiled engine."""
    text = (PROJECT / "configs" / "season.yaml").read_text()
    for old, new in (
        ("engine: metpy\n", "engine: compiled\n"),
        ("verify: 20\n", f"verify: {verified}\n"),
        ("../output/season-2003.nc", f"{verified}.nc"),
        ("../data/", f"{PROJECT}/data/"),
    ):
        if old not in text:
            raise ValueError(f"configs/season.yaml has no {old!r}")
        text = text.replace(old, new)
    path = folder / f"{verified}.yaml"
    path.write_text(text)
    return path


def _command(python: str, config: Path) -> None:
    """Run the season, with the bytecode that the first run has left, as a user's does."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [python, "-m", "pipeline", "run", str(config), "--force"]
    subprocess.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True)


def rows(found: dict[str, dict[str, object]]) -> Iterator[tuple[str, ...]]:
    """Yield what is printed of each."""
    for name, one in found.items():
        seconds, cpu = (sorted(one[key]) for key in ("seconds", "cpu"))  # type: ignore[call-overload]
        yield (
            name,
            f"{median(seconds):.2f}",
            f"{seconds[0]:.2f}-{seconds[-1]:.2f}",
            f"{median(cpu):.1f}",
        )
