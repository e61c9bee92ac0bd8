"""What is said of a profile reads the same, whichever night said which part of it."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from pipeline.messages import about_results, part, taken_apart, with_findings

FINDINGS = ["sbcape was -3.0 J/kg and is masked", "mucin: ValueError: odd", "died; twice"]
MISSING = {
    "k_index": "the levels do not span 850 to 500 hPa",
    "sbcape": "too short",
    "total_totals_index": "the levels do not span 850 to 500 hPa",
}
ORDER = ["sbcape", "k_index", "total_totals_index"]


@pytest.mark.parametrize("cleaning", ["", "bumps", "bumps; no wind for 5000 m"])
def test_findings_read_the_same_in_whatever_order_they_come(cleaning: str) -> None:
    together = with_findings(cleaning, cleaning, FINDINGS)
    assert together.startswith(cleaning)
    for nights in permutations(FINDINGS):
        message = cleaning
        for finding in nights:
            message = with_findings(cleaning, message, [finding])
        assert message == together


def test_what_is_found_again_is_said_once() -> None:
    once = with_findings("bumps", "bumps", FINDINGS)
    assert with_findings("bumps", once, FINDINGS) == once
    assert with_findings("bumps", "bumps", []) == "bumps"


def test_a_finding_cannot_pass_for_two() -> None:
    assert with_findings("", "", ["died; twice"]) == "died, twice"
    assert part("no ; separator") == "no , separator"


def test_results_that_are_missing_for_one_reason_are_named_together() -> None:
    said = about_results(MISSING, ["Relative humidity >120%", "b"], ORDER)
    assert said == (
        "no sbcape: too short; "
        "no k_index, total_totals_index: the levels do not span 850 to 500 hPa; "
        "MetPy warned: Relative humidity >120%; MetPy warned: b"
    )


def test_of_results_that_are_not_wanted_nothing_is_said() -> None:
    assert about_results(MISSING, [], ["sbcape"]) == "no sbcape: too short"
    assert about_results({}, [], ORDER) == ""


def test_a_message_comes_apart_into_what_it_was_made_of() -> None:
    drawn = random.Random(0)
    reasons = ["too short", "a: b", "one; two", "ends in;", "no a: x", "MetPy warned: not"]
    for _ in range(300):
        names = drawn.sample("abcdefgh", drawn.randint(0, 8))
        missing = {name: drawn.choice(reasons) for name in names}
        warnings = drawn.sample(["w", "x: y", "no b: z"], drawn.randint(0, 3))
        again = taken_apart(about_results(missing, warnings, sorted(names)))
        assert again == ({n: part(why) for n, why in missing.items()}, sorted(warnings))
    assert taken_apart("") == ({}, [])
