"""500 damaged files of every format: each is a clean dataset or a named reason.

``tests/benchmarks/fuzz.py`` does the same with as many as one likes.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from fuzz_originals import originals
from fuzzing import MUTATIONS, Outcome, cases, dataset_violations, read_case, violations

from pipeline import readers
from pipeline.executors import open_executor

COUNT, SEED = 500, 2003
PRELOAD = ("fuzzing", "netCDF4", "metpy.calc")


@pytest.mark.timeout(120)
def test_500_damaged_files_are_clean_datasets_or_named_reasons(
    tmp_path: Path, season_folder: Path
) -> None:
    shared = Path(os.environ.get("PIPELINE_SHARED_DATA", season_folder.parents[2] / "shared/data"))
    files = originals(season_folder, tmp_path, shared if shared.is_dir() else None)
    drawn = list(cases(files, COUNT, SEED))
    assert {case.original.reader for case in drawn} >= set(readers.BUILT_IN)
    assert {case.mutation for case in drawn} == set(MUTATIONS)

    with open_executor("pool", workers=2, timeout=20, memory=2, preload=PRELOAD) as executor:
        outcomes = list(executor.starmap(read_case, ((case, str(tmp_path)) for case in drawn)))

    wrong = [(case, violations(case, one)) for case, one in zip(drawn, outcomes, strict=True)]
    assert [(case, said) for case, said in wrong if said] == []
    assert all(isinstance(one, Outcome) for one in outcomes)
    read = [one for one in outcomes if isinstance(one, Outcome)]
    assert dataset_violations(read) == []
    # The damage is neither so small that nothing is tested, nor so great.
    statuses = Counter(source.row.status.name for one in read for source in one.sources)
    assert statuses["READ"] > 200
    assert statuses["UNREADABLE"] > 200


def test_a_case_has_the_same_content_each_time(tmp_path: Path, season_folder: Path) -> None:
    files = originals(season_folder, tmp_path)
    first, again = (list(cases(files, 30, SEED)) for _ in range(2))
    assert [case.content() for case in first] == [case.content() for case in again]
    assert [case.content() for case in first] != [
        case.content() for case in cases(files, 30, SEED + 1)
    ]
