"""The law of the nights: whatever happened, the output is that of one run from scratch.

Histories are drawn at random, from a seed: files come, change, break, go and come back, settings
change, runs are killed, forced and narrowed. Every night is looked at. ``PIPELINE_NIGHTS=2000``
in the environment lives through so many more of them, ``PIPELINE_SEED=7000`` from that seed on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from histories import History

from pipeline import disk
from pipeline.engines import metpy

NIGHTS_A_HISTORY = 7
SEEDS = range(4)
MORE = int(os.environ.get("PIPELINE_NIGHTS", "0")) // NIGHTS_A_HISTORY
FIRST = int(os.environ.get("PIPELINE_SEED", "1000"))


@pytest.fixture(scope="module", autouse=True)
def _remembering() -> Iterator[None]:
    """Compute nothing twice: the numbers are those of other tests, here it is about whose."""
    known: dict[Any, metpy.Evaluation] = {}
    evaluate = metpy.evaluate

    def once(*arguments: Any, request: metpy.Request) -> metpy.Evaluation:
        key = (request, *(array.tobytes() for array in arguments))
        if key not in known:
            known[key] = evaluate(*arguments, request=request)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metpy, "evaluate", once)
        patch.setattr(disk, "make_durable", lambda path: None)  # the power stays on here
        yield


@pytest.mark.parametrize("seed", [*SEEDS, *range(FIRST, FIRST + MORE)])
def test_whatever_the_nights_were_the_output_is_that_of_one_run(seed: int, tmp_path: Path) -> None:
    history = History(seed, tmp_path)
    for _ in range(NIGHTS_A_HISTORY):
        history.live()
