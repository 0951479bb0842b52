"""The reference as an adapter: the self-check of every run. Each law must hold on it."""

import numpy as np

from reference import batch_norm, convolution, dropout, output_size, pad, residual, sinusoidal_encoding, softmax

__all__ = ["batch_norm", "convolution", "dropout", "output_size", "pad", "residual", "sinusoidal_encoding", "softmax"]

formats = ("float64",)


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}
