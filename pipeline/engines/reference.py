"""MetPy for those who only hand it work: loading it takes seconds, which workers spend, once.

Executors that are to run this are told to preload ``pipeline.engines.metpy``; importing this
module loads nothing.
"""

from __future__ import annotations

from pipeline.engines.evaluation import Evaluation, Request
from pipeline.profiles import FloatArray


def evaluate(
    pressure: FloatArray,
    temperature: FloatArray,
    dewpoint: FloatArray,
    height: FloatArray,
    u_wind: FloatArray,
    v_wind: FloatArray,
    request: Request,
) -> Evaluation:
    """Compute what is requested from one cleaned profile: `pipeline.engines.metpy.evaluate`."""
    from pipeline.engines import metpy

    levels = pressure, temperature, dewpoint, height, u_wind, v_wind
    return metpy.evaluate(*levels, request=request)
