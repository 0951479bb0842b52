"""A pad that ends its process, beside a softmax that is right: one crash must not cost the other checks."""

import os

import numpy as np


def pad(x, *, padding, mode="constant", value=0.0):
    os._exit(3)


def softmax(x, *, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)
