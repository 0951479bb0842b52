"""What PyTorch is known to get wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapters.deviations import Deviation, Example
from reference.arithmetic import FLOAT32, FLOAT64


def _mean_squared_overflows(draw: Any) -> bool:
    """Some sample has a mean whose square is beyond the format that the moments are computed in."""
    inside = FLOAT64 if draw.format is FLOAT64 else FLOAT32
    over = tuple(range(-draw.axes, 0))
    mean = np.mean(draw.x.astype(np.float64) / inside.largest, axis=over)
    return bool((np.abs(mean) > inside.largest**-0.5).any())


def _doubled_it_overflows(draw: Any) -> bool:
    """oneDNN computes the exact form of more than one number."""
    return draw.approximate == "none" and draw.x.size > 1 and bool((draw.x.astype(np.float64) >= 2.0**127).any())


KERNELS = "https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native"

deviations = [
    Deviation(
        "VALUES layer_norm",
        _mean_squared_overflows,
        Example({"x": [2e19], "weight": None, "bias": None}, {"axes": 1, "eps": 1e-5}),
        "NaN for a sample whose mean is above the root of the largest number: moments are merged with those of "
        "no numbers, and the square of the difference, infinite, is multiplied by 0",
        f"{KERNELS}/cpu/moments_utils.h",
        versions=">=2.13,<2.14",
        formats=("float32", "bfloat16"),
        devices=("cpu",),
    ),
    Deviation(
        "VALUES layer_norm",
        _mean_squared_overflows,
        Example({"x": [2e154], "weight": None, "bias": None}, {"axes": 1, "eps": 1e-5}),
        "NaN for a sample whose mean is above the root of the largest number, as in float32",
        f"{KERNELS}/cpu/moments_utils.h",
        versions=">=2.13,<2.14",
        formats=("float64",),
        devices=("cpu",),
    ),
    Deviation(
        "VALUES gelu",
        _doubled_it_overflows,
        Example({"x": [0.0, 2.0**127]}, {"approximate": "none"}),
        "infinity from 2^127 on: x (1 + erf) is formed before it is halved",
        "https://github.com/oneapi-src/oneDNN/blob/main/src/cpu/x64/injectors/jit_uni_eltwise_injector.cpp",
        versions=">=2.13,<2.14",
        formats=("float32", "bfloat16"),
        devices=("cpu",),
    ),
]
