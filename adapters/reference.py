"""The reference as an adapter: the self-check of every run. Each law must hold on it."""

import numpy as np

from reference import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    batch_norm,
    convolution,
    dropout,
    global_average_pool,
    global_max_pool,
    lp_pool,
    max_pool,
    output_size,
    pad,
    softmax,
    sum_pool,
)

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "batch_norm",
    "convolution",
    "dropout",
    "global_average_pool",
    "global_max_pool",
    "lp_pool",
    "max_pool",
    "output_size",
    "pad",
    "softmax",
    "sum_pool",
]

formats = ("float64",)


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}
