"""The reference as an adapter: the self-check of every run. Each law must hold on it."""

import numpy as np

from reference import (
    batch_norm,
    convolution,
    dense,
    dropout,
    gelu,
    layer_norm,
    log_softmax,
    output_size,
    pad,
    relu,
    sigmoid,
    softmax,
    tanh,
)

__all__ = [
    "batch_norm",
    "convolution",
    "dense",
    "dropout",
    "gelu",
    "layer_norm",
    "log_softmax",
    "output_size",
    "pad",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]

formats = ("float64",)


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}
