"""What a second worker gains, and what memory a run takes.

    python tests/benchmarks/scaling.py [--rounds 3] [--workers 1 2] [--config FILE]

First whole runs of the season, each in a fresh process, with one worker and with two in turn, and
a plain `for` loop that calls MetPy's functions one by one on some of the profiles, for scale;
medians over the rounds. Then the calculate stage alone, slice by slice, which tells what a second
worker is worth also on a machine that is not quite idle. Needs Linux. Exit code 1 if a run fails,
or if the gain misses the aim in slices that other programs did not disturb.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from _common import PROJECT, SEASON, machine, print_table
from _slices import run_slices, show_slices
from _usage import Usage, watch

STAGES = ("read", "check", "calculate", "write")
LOOP_EVERY = 10


# What the child processes do ---------------------------------------------------------------------


def run_season(config_path: Path, workers: int) -> dict[str, Any]:
    """Run a season as ``python -m pipeline run`` does, into a folder that is thrown away."""
    from pipeline.config import Executor, Output, load
    from pipeline.run import run

    config = load(config_path)
    with tempfile.TemporaryDirectory() as folder:
        report = run(
            config.model_copy(
                update={
                    "executor": Executor(kind="pool", workers=workers),
                    "output": Output(path=str(Path(folder) / "season.nc")),
                }
            )
        )
    return {"seconds": report.seconds, "profiles": report.dataset.sizes["profile"]}


def run_loop() -> dict[str, Any]:
    """Call MetPy by hand on some of the season's profiles, one after the other."""
    import _by_hand as by_hand
    import numpy as np
    from _common import read_and_clean

    from pipeline.calculate import argument_tuples
    from pipeline.executors import open_executor

    warnings.simplefilter("ignore")
    with open_executor("serial") as executor:
        dataset, _ = read_and_clean(SEASON, executor, LOOP_EVERY)
    profiles = list(argument_tuples(dataset))
    raised = 0
    began = time.perf_counter()
    for levels in profiles:
        whole = np.isfinite(levels).all(axis=0)
        sounding = by_hand.sounding(*(values[whole] for values in levels))
        for function in by_hand.GROUPS:
            try:
                function(sounding)
            except (ValueError, IndexError):
                raised += 1
    seconds = time.perf_counter() - began
    return {"seconds": {"calculate": seconds}, "profiles": len(profiles), "raised": raised}


# What this process does --------------------------------------------------------------------------


Measurement = tuple[dict[str, Any], Usage]
Round = dict[str, Measurement]


def measured(*arguments: str) -> Measurement:
    """Return what a child process of this script printed, and what it used."""
    command = [sys.executable, __file__, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    usage = watch(process)
    printed = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}")
    return json.loads(printed), usage


def one_round(workers: Sequence[int], config: Path) -> Round:
    """Return a measurement of each number of workers, and of the loop."""
    found: Round = {}
    for count in workers:
        name = f"{count} worker{'s' * (count > 1)}"
        found[name] = measured("--config", str(config), "--child", str(count))
        print(f"  {name}: {found[name][1].seconds:.1f} s", file=sys.stderr)
    found["loop"] = measured("--child", "loop")
    return found


def medians(rounds: Sequence[Round], name: str) -> dict[str, float]:
    """Return the medians over the rounds of everything that was measured of one kind."""
    results = [one[name] for one in rounds]
    figures = {
        stage: median(result["seconds"].get(stage, 0.0) for result, _ in results)
        for stage in STAGES
    }
    return figures | {
        "run": median(sum(result["seconds"].values()) for result, _ in results),
        "process": median(usage.seconds for _, usage in results),
        "cpu": median(sum(usage.cpu.values()) for _, usage in results),
        "others": median(usage.others for _, usage in results),
        "parent": max(usage.peak(0) for _, usage in results),
        "fork server": max(usage.peak(1) for _, usage in results),
        "worker": max(usage.peak(2) for _, usage in results),
        "together": max(usage.together for _, usage in results),
    }


def show(rounds: Sequence[Round]) -> None:
    """Print the tables about whole runs."""
    names = [name for name in rounds[0] if name != "loop"]
    figures = {name: medians(rounds, name) for name in names}
    timed = (*STAGES, "run", "process", "cpu", "others")
    header = ["seconds, medians", *STAGES, "run", "process", "CPU", "cores of others"]
    rows = [[name, *(f"{figures[name][key]:.1f}" for key in timed)] for name in names]
    print_table(header, rows)

    show_gain([(one[names[0]], one[names[-1]]) for one in rounds], names[-1])

    held = ("parent", "fork server", "worker", "together")
    header = ["memory in MB, peaks", "parent", "fork server", "a worker", "all together"]
    rows = [[name, *(f"{figures[name][key]:.0f}" for key in held)] for name in names]
    print_table(header, rows)
    print("Peaks are resident memory, shared pages included; together, they count once.\n")
    show_loop([one["loop"][0] for one in rounds], rounds[0][names[0]][0]["profiles"], figures)


def show_gain(pairs: Sequence[tuple[Measurement, Measurement]], name: str) -> None:
    """Print how many times as fast whole runs with more workers are, round by round."""
    gains = [
        (
            few["seconds"]["calculate"] / many["seconds"]["calculate"],
            sum(few["seconds"].values()) / sum(many["seconds"].values()),
            few_usage.others,
            many_usage.others,
        )
        for (few, few_usage), (many, many_usage) in pairs
    ]
    rows = [(f"round {number}", *gain) for number, gain in enumerate(gains, 1)]
    rows.append(("median", *map(median, zip(*gains, strict=True))))
    header = (f"times as fast with {name}", "calculate", "run", "others: first", "others: second")
    print_table(header, [(label, *(f"{value:.2f}" for value in gain)) for label, *gain in rows])


def show_loop(
    loops: Sequence[dict[str, Any]], profiles: int, figures: dict[str, dict[str, float]]
) -> None:
    """Print what a plain loop would take for the season."""
    each = median(loop["seconds"]["calculate"] / loop["profiles"] for loop in loops)
    count, raised = loops[0]["profiles"], loops[0]["raised"]
    print(
        f"For scale, MetPy's functions one by one in a plain for loop over {count} profiles:\n"
        f"{1000 * each:.0f} ms a profile ({raised} of {5 * count} groups of functions raised),"
    )
    times = ", ".join(
        f"{each * profiles / figure['calculate']:.1f} times that of {name}"
        for name, figure in figures.items()
    )
    print(f"so {each * profiles:.0f} s for the {profiles} of the season: {times}.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how many rounds")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="counts to compare")
    parser.add_argument("--config", type=Path, default=PROJECT / "configs" / "season.yaml")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(child(options)))
        return 0
    for line in machine():
        print(line)
    print(f"rounds    {options.rounds} of {options.config.name}\n", flush=True)
    rounds = []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        rounds.append(one_round(options.workers, options.config))
    if rounds:
        show(rounds)
    found, _ = measured("--child", "slices", "--workers", *map(str, options.workers))
    return 0 if show_slices(found["slices"], options.workers) else 1


def child(options: argparse.Namespace) -> dict[str, Any]:
    """Do the part of the work that this child process is for."""
    if options.child == "loop":
        return run_loop()
    if options.child == "slices":
        return {"slices": run_slices(options.workers)}
    return run_season(options.config, int(options.child))


if __name__ == "__main__":
    sys.exit(main())
