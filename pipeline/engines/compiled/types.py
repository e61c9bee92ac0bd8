"""What the kernels take and return, for type hints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
#: Where each profile's levels begin, and the last one's end: shape (profiles + 1,).
Offsets = NDArray[np.int64]
#: Why a profile has no value (:mod:`pipeline.engines.compiled.missing`): shape (profiles,).
Codes = NDArray[np.uint8]
#: A result: one value a profile, or one a level; and the codes.
Scalars = tuple[FloatArray, Codes]
Levels = tuple[FloatArray, Codes]
