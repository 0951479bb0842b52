"""A softmax that forgets the first axis."""

import numpy as np


def softmax(x, *, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return (e / e.sum(axis, keepdims=True)).sum(0)
