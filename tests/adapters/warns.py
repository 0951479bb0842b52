"""A softmax that is right and warns."""

import warnings

import numpy as np


def softmax(x, *, axis=-1):
    warnings.warn("softmax is deprecated", DeprecationWarning, stacklevel=2)
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)
