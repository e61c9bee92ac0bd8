"""Hostile and broken input: each ends as a row of the source table that says why, soon."""

from __future__ import annotations

import pickle

from pipeline import config
from pipeline.readers.limits import Limits, current, in_force


def test_the_limits_of_readers_are_those_of_a_config_with_the_same_defaults() -> None:
    assert Limits(**config.Limits().model_dump()) == Limits()
    assert set(config.Limits.model_fields) == set(Limits.__dataclass_fields__)


def test_limits_hold_within_their_block_and_travel_to_workers() -> None:
    few = pickle.loads(pickle.dumps(Limits(levels=7)))
    with in_force(few):
        assert current().levels == 7
    assert current() == Limits()
