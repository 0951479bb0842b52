"""A softmax that is right, and counts its calls."""

import numpy as np

calls = 0


def softmax(x, *, axis=-1):
    global calls
    calls += 1
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def counters():
    return {"calls": calls}
