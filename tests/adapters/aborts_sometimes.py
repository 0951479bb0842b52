"""A softmax that aborts on five scores; its ledger knows that."""

import os

import numpy as np

from adapters.deviations import Deviation, Example


def is_five(draw):
    return draw.x.shape[draw.axis] == 5


def softmax(x, *, axis=-1):
    if x.shape[axis] == 5:
        os.abort()
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


deviations = [
    Deviation(
        check="VALUES softmax",
        region=is_five,
        example=Example({"x": [0.0, 0.0, 0.0, 0.0, 0.0]}, {"axis": -1}),
        reason="five scores end the process",
        link="https://example.org/2",
        ends_the_process=True,
    )
]
