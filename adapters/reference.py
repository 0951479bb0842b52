"""The reference as an adapter: the self-check of every run. Each law must hold on it."""

import numpy as np

from reference import (
    batch_norm,
    convolution,
    dropout,
    multi_head_attention,
    output_size,
    pad,
    scaled_dot_product_attention,
    softmax,
)

__all__ = [
    "batch_norm",
    "convolution",
    "dropout",
    "multi_head_attention",
    "output_size",
    "pad",
    "scaled_dot_product_attention",
    "softmax",
]

formats = ("float64",)


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}
