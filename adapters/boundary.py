"""Crossing between NumPy and a framework without changing a bit."""

from __future__ import annotations

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def as_bits(x: NDArray[np.generic]) -> NDArray[np.generic]:
    """A contiguous, writable array that any framework reads: bfloat16 as the integers of its bits."""
    x = np.require(x, requirements=("C", "W"))
    return x.view(np.uint16) if x.dtype == BFLOAT16 else x


def from_bits(x: NDArray[np.generic]) -> NDArray[np.generic]:
    """The bfloat16 array whose bits are given as integers."""
    return x.view(BFLOAT16)
