"""Results put beside the data: neither takes the other's place."""

from __future__ import annotations

import numpy as np
from made_profiles import made

from pipeline import calculate, ragged
from pipeline.calculations import Calculation
from pipeline.engines.metpy import Evaluation
from pipeline.profiles import Extra


def test_a_result_does_not_take_the_place_of_what_a_format_brought() -> None:
    omega = np.array([0.1, 0.2, 0.3])
    brought = made(extras={"omega": Extra(omega, "Pa s-1", "vertical velocity")})
    dataset = ragged.to_dataset([brought], [])
    own = Calculation(name="omega", inputs=("pressure",), function="m:f", group="custom")
    found = Evaluation(np.array([7.0]), {}, {}, {}, ())
    calculate.merge(dataset, [found], ["omega"], (own,))
    assert dataset["omega"].values.tolist() == [7.0]
    assert dataset["reported_omega"].values.tolist() == omega.tolist()
    assert dataset["reported_omega"].attrs["units"] == "Pa s-1"
    ragged.validate(dataset)
