"""A softmax that raises on every input with a zero."""

import numpy as np


def softmax(x, *, axis=-1):
    if (x == 0).any():
        raise ValueError("I do not like zeros")
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)
