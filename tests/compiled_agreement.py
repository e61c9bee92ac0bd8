"""How tests of the compiled engine ask for its results, and hold them against MetPy's engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from compiled_cases import by_metpy
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.calculations import CATALOGUE
from pipeline.engines.compiled.blocks import Rows
from pipeline.engines.compiled.engine import Results, evaluate_batch
from pipeline.engines.metpy import Evaluation

nan = float("nan")

#: For property tests: compilation takes its time; the same examples every time.
examples = settings(deadline=None, derandomize=True, max_examples=60)


def batch(profiles: Sequence[Rows], *names: str, **options: Any) -> Results:
    """Return what the compiled engine makes of profiles."""
    sizes = [len(levels.pressure) for levels in profiles]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows = [np.concatenate([np.empty(0), *each]) for each in zip(*profiles, strict=True)]
    return evaluate_batch(offsets, rows, names, **options)


def assert_agree(
    profiles: Sequence[Rows], *names: str, rtol: float = 1e-6, atol: float = 1e-9
) -> None:
    """Assert that both engines give the same numbers, and the same reasons where there are none."""
    assert_same(
        batch(profiles, *names),
        [by_metpy(levels, *names) for levels in profiles],
        *names,
        rtol=rtol,
        atol=atol,
    )


def assert_same(
    results: Results,
    expected: Sequence[Evaluation],
    *names: str,
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> None:
    """Assert that results are those of MetPy's engine, NaN for NaN and word for word."""
    scalars = [name for name in names if not CATALOGUE[name].per_level]
    for place, name in enumerate(scalars):
        wanted = [each.scalars[place] for each in expected]
        np.testing.assert_allclose(
            results.scalars[name], wanted, rtol=rtol, atol=atol, err_msg=name
        )
    for name in set(names) - set(scalars):
        wanted = np.concatenate([each.levels[name] for each in expected])
        np.testing.assert_allclose(results.levels[name], wanted, rtol=rtol, atol=atol, err_msg=name)
    missing, for_metpy = results.missing(), results.for_metpy()
    for index, each in enumerate(expected):
        assert missing.get(index, {}) == each.missing
        assert set(for_metpy.get(index, ())) == set(each.errors)


def changed(levels: Rows, **at: dict[int, float]) -> Rows:
    """Return levels with other values: by variable, by place."""
    copies = {name: values.copy() for name, values in levels._asdict().items()}
    for name, values in at.items():
        for place, value in values.items():
            copies[name][place] = value
    return Rows(**copies)


@st.composite
def soundings(draw: st.DrawFn) -> Rows:
    """Draw soundings as a cleaning leaves them, with gaps, down to none or one level.

    Pressures are whole hPa, and so lie on the bounds of layers often. The wind is never the same
    all the way up: without any shear, a storm's motion hangs on the last bit of the mean wind.
    """
    step = st.tuples(
        st.integers(1, 150),  # pressure falls by
        st.floats(-12.0, 4.0),  # temperature rises by
        st.one_of(st.just(0.0), st.floats(0.0, 45.0)),  # dewpoint depression
        st.floats(-40.0, 40.0),
        st.floats(-40.0, 40.0),
        st.integers(0, 40),  # what is missing, now and then
    )
    size = draw(st.sampled_from([0, 1, 2, 5, 10, 20, 30, 30]))
    steps = draw(st.lists(step, min_size=size, max_size=size))
    pressure, temperature = draw(st.integers(700, 1050)), draw(st.floats(-20.0, 40.0))
    rows: list[tuple[float, ...]] = []
    for index, (fall, rise, depression, u_wind, v_wind, gap) in enumerate(steps):
        if pressure < 20:
            break
        height = 44330.8 * (1.0 - (pressure / 1013.25) ** 0.190263)
        rows.append(
            (
                float(pressure),
                nan if gap == 1 else temperature,
                nan if gap == 2 else temperature - depression,
                nan if gap == 3 else round(height, 1),
                nan if gap == 4 else round(u_wind, 1) + 0.25 * index,
                round(v_wind, 1),
            )
        )
        pressure, temperature = pressure - fall, max(temperature + rise, -85.0)
    return Rows(*np.array(rows, dtype=float).reshape(len(rows), 6).T.copy())
