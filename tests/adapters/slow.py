"""A softmax that is right and takes its time, so that a run can be ended in the middle."""

import time

import numpy as np


def softmax(x, *, axis=-1):
    time.sleep(0.2)
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)
