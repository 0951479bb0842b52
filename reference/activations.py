"""Activations and the softmax.

    softmax(x)[i] = exp(x[i] - max x) / sum over j of exp(x[j] - max x)

The maximum changes nothing in exact arithmetic; without it exp overflows, as it does in the
formula that lectures print (Chen, 2025, "Attention: Step 1").
"""

from __future__ import annotations

import numpy as np

from reference.arrays import Array


def softmax(x: Array, *, axis: int = -1) -> Array:
    """Turn scores into weights that are positive and sum to 1 along an axis.

    Shapes: x of any shape with at least one element along the axis -> the same shape.
    Source: Chen (2025), "Attention: Step 1", with the maximum subtracted.

    >>> softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)
