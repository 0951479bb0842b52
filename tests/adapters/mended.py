"""A softmax that is right; its ledger says that it is not."""

import numpy as np

from adapters.deviations import Deviation, Example


def softmax(x, *, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


deviations = [
    Deviation(
        check="VALUES softmax",
        region=lambda draw: draw.x.shape == (2,),
        example=Example({"x": [0.0, 0.0]}, {"axis": -1}),
        reason="two scores give more than one",
        link="https://example.org/3",
    )
]
