"""A softmax with two bugs; its ledger knows the first."""

import numpy as np

from adapters.deviations import Deviation, Example


def is_pair(draw):
    return draw.x.shape == (2,)


def softmax(x, *, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    y = e / e.sum(axis, keepdims=True)
    if x.shape == (2,):
        return y + 1
    return y + 2 if axis == 0 else y


deviations = [
    Deviation(
        check="VALUES softmax",
        region=is_pair,
        example=Example({"x": [0.0, 0.0]}, {"axis": -1}),
        reason="two scores give more than one",
        link="https://example.org/3",
    )
]
