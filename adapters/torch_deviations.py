"""The ledger of PyTorch: what it gets wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from adapters.deviations import Deviation, Example, in_lanes
from reference.arithmetic import FLOAT32, FLOAT64, differentiated
from reference.pooling import lp_pool, max_pool, sum_pool


def _seen_by_windows(draw: Any) -> tuple[Any, Any]:
    """How many numbers each window of lp_pool sees, and their norm or signed sum."""
    x = draw.x.astype(np.float64)
    options = {name: draw.options[name] for name in ("kernel", "stride", "ceil_mode")}
    return sum_pool(np.ones(x.shape), **options), lp_pool(x, **options, norm_type=draw.norm_type, signed=True)


def _a_window_that_sticks_out_is_not_zero(draw: Any) -> bool:
    """Whether some window of lp_pool sees less than its kernel, and something else than zeros.

    The largest magnitude is no average; and in three dimensions there is none of low formats.
    """
    has_no_average = draw.norm_type == math.inf or (draw.x.ndim == 5 and draw.format.precision < FLOAT32.precision)
    if not draw.ceil_mode or has_no_average:
        return False
    seen, y = _seen_by_windows(draw)
    return bool(np.any((seen < math.prod(draw.kernel)) & (y != 0)))


def _reaches_x(draw: Any, cotangent: Any) -> bool:
    """Whether lp_pool carries some of a cotangent back to x."""
    options = {**draw.options, "signed": True}
    (g,) = differentiated(lp_pool, [draw.x.astype(np.float64)], options, [cotangent], [0])
    return bool((np.nan_to_num(g) != 0).any())


def _gradient_of_a_window_that_sticks_out(draw: Any) -> bool:
    """Whether x gets something from a window of lp_pool that sees less than its kernel."""
    has_no_average = draw.norm_type == math.inf or (draw.x.ndim == 5 and draw.format.precision < FLOAT32.precision)
    if not draw.ceil_mode or has_no_average:
        return False
    seen, _ = _seen_by_windows(draw)
    return _reaches_x(
        draw, draw.cotangent.astype(np.float64) * (1 - (math.prod(draw.kernel) / seen) ** (1 / draw.norm_type))
    )


def _gradient_of_a_sum_that_is_zero(draw: Any) -> bool:
    """Whether x gets something from a window whose sum is zero."""
    if draw.norm_type != 1 or (draw.x.ndim == 5 and draw.format.precision < FLOAT32.precision):
        return False
    _, y = _seen_by_windows(draw)
    return _reaches_x(draw, draw.cotangent.astype(np.float64) * (y == 0))


def _a_window_sees_nothing(draw: Any) -> bool:
    """Whether some window of max_pool lies in the padding altogether."""
    return bool((max_pool(np.zeros(draw.x.shape), **draw.options) == -math.inf).any())


def _transposed_is_taken_for_contiguous(draw: Any) -> bool:
    """Whether a transposed cotangent is read in another order: one sample of several channels along one axis.

    Then it counts as contiguous with its channels last, and as contiguous by the format that it suggests.
    """
    g = draw.cotangent
    if g.ndim < 4 or g.shape[0] != 1 or sum(side > 1 for side in g.shape[2:]) != 1:
        return False
    return not np.array_equal(g.ravel(), g.ravel(order="F"))


def _mean_squared_overflows(draw: Any) -> bool:
    """Some sample has a mean whose square is beyond the format that the moments are computed in."""
    inside = FLOAT64 if draw.format is FLOAT64 else FLOAT32
    over = tuple(range(-draw.axes, 0))
    mean = np.mean(draw.x.astype(np.float64) / inside.largest, axis=over)
    return bool((np.abs(mean) > inside.largest**-0.5).any())


def _doubled_it_overflows(draw: Any) -> bool:
    """oneDNN computes the exact form of more than one number."""
    return draw.approximate == "none" and draw.x.size > 1 and bool((draw.x.astype(np.float64) >= 2.0**127).any())


def _empty_batch_with_masks(p: Any) -> bool:
    """A batch of none and a mask for each sample, save where the fast path takes padding alone."""
    if p.query.ndim < 3 or p.query.shape[0]:
        return False
    if p.mask is not None and p.mask.ndim > 2:
        return True
    is_fast = p.key is None and p.b_q is not None and p.heads % 2 == 0 and (p.mask is None or p.mask.dtype == bool)
    return p.key_padding_mask is not None and not is_fast


def _empty_batch_with_any_mask(p: Any) -> bool:
    """A batch of none and a mask for each sample."""
    is_empty = p.query.ndim > 2 and not p.query.shape[0]
    return is_empty and (p.key_padding_mask is not None or (p.mask is not None and p.mask.ndim > 2))


KERNELS = "https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native"

_EMPTY_BATCH = Example(
    {
        "query": np.zeros((0, 2, 1)),
        "key": None,
        "value": None,
        **{name: [[1.0]] for name in ("w_q", "w_k", "w_v", "w_o")},
        **dict.fromkeys(("b_q", "b_k", "b_v", "b_o", "mask")),
        "key_padding_mask": np.ones((0, 2), bool),
    },
    {"heads": 1},
)

deviations = [
    Deviation(
        check=in_lanes("lp_pool", "LAYOUT", "BATCH", "VMAP", "MODES"),
        region=_a_window_that_sticks_out_is_not_zero,
        example=Example({"x": [[[1.0]]]}, {"kernel": (2,), "stride": None, "norm_type": 2, "ceil_mode": True}),
        reason=(
            "lp_pool with ceil_mode multiplies an average by the whole kernel, although the average divides by what "
            "the window sees: the norm of [1] becomes sqrt(2)"
        ),
        link="https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/functional.py",
        versions="==2.13.*",
    ),
    Deviation(
        "GRADIENTS lp_pool",
        _gradient_of_a_window_that_sticks_out,
        Example(
            {"x": [[[1.0]]], "cotangent": [[[1.0]]]},
            {"kernel": (2,), "stride": None, "norm_type": 2, "ceil_mode": True},
        ),
        "the gradient of what is too large by sqrt(2) is so too",
        "https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/functional.py",
        versions="==2.13.*",
    ),
    Deviation(
        "GRADIENTS lp_pool",
        _gradient_of_a_sum_that_is_zero,
        Example(
            {"x": [[[1.0, -1.0]]], "cotangent": [[[1.0]]]},
            {"kernel": (2,), "stride": None, "norm_type": 1, "ceil_mode": False},
        ),
        "the gradient is set to zero where a sum is zero, as if it were undefined there: that of a root is, but with "
        "norm_type 1, a sum, it is 1",
        "https://github.com/pytorch/pytorch/pull/6766",
        versions="==2.13.*",
    ),
    Deviation(
        "GRADIENTS max_pool",
        _a_window_sees_nothing,
        Example(
            {"x": [[[[0.0], [0.0], [0.0]]]], "cotangent": [[[[1.0]]]]},
            {
                "kernel": (3, 2),
                "stride": (3, 2),
                "padding": ((0, 0), (1, 1)),
                "dilation": (1, 3),
                "ceil_mode": True,
            },
        ),
        "a window that lies in the padding altogether has a largest element all the same, beside x: its cotangent is "
        "added to another row, or to memory that is not x's. max_pool2d of one number with kernel (1, 2), stride "
        "(1, 2d), padding (0, 1), dilation (1, d) and ceil_mode ends its process in the way back, for d = 10^8",
        f"{KERNELS}/cpu/MaxPoolKernel.cpp",
        versions="==2.13.*",
        devices=("cpu",),
    ),
    Deviation(
        "GRADIENTS batch_norm",
        _transposed_is_taken_for_contiguous,
        Example(
            {
                "x": [[[[1.0, 2.0]], [[3.0, 4.0]]]],
                "running_mean": [0.0, 0.0],
                "running_var": [1.0, 1.0],
                "weight": None,
                "bias": None,
                "cotangent": [[[[1.0, 2.0]], [[3.0, 4.0]]]],
            },
            {"training": False, "momentum": 0.1, "eps": 1.0},
        ),
        "a transposed cotangent (1, C, 1, W) is read in the order of x: it is contiguous with its channels last, but "
        "suggests that it is so without",
        f"{KERNELS}/Normalization.cpp",
        versions="==2.13.*",
        devices=("cpu",),
    ),
    Deviation(
        in_lanes("layer_norm", "LAYOUT", "BATCH", "VMAP"),
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
        in_lanes("layer_norm", "LAYOUT", "BATCH", "VMAP"),
        _mean_squared_overflows,
        Example({"x": [2e154], "weight": None, "bias": None}, {"axes": 1, "eps": 1e-5}),
        "NaN for a sample whose mean is above the root of the largest number, as in float32",
        f"{KERNELS}/cpu/moments_utils.h",
        versions=">=2.13,<2.14",
        formats=("float64",),
        devices=("cpu",),
    ),
    Deviation(
        in_lanes("gelu", "LAYOUT", "VMAP"),
        _doubled_it_overflows,
        Example({"x": [0.0, 2.0**127]}, {"approximate": "none"}),
        "infinity from 2^127 on: x (1 + erf) is formed before it is halved",
        "https://github.com/oneapi-src/oneDNN/blob/main/src/cpu/x64/injectors/jit_uni_eltwise_injector.cpp",
        versions=">=2.13,<2.14",
        formats=("float32", "bfloat16"),
        devices=("cpu",),
    ),
    Deviation(
        check=in_lanes("multi_head_attention", "PURE", "LAYOUT"),
        region=_empty_batch_with_masks,
        example=_EMPTY_BATCH,
        reason="a batch of none with a mask for each sample raises: view(0, heads, -1, S) has no meaning",
        link="https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/functional.py",
        versions="<=2.13.0",
    ),
    Deviation(
        "GRADIENTS multi_head_attention",
        _empty_batch_with_any_mask,
        replace(_EMPTY_BATCH, arrays={**_EMPTY_BATCH.arrays, "cotangent": np.zeros((0, 2, 1))}),
        "a batch of none with a mask for each sample raises, as above: with gradients there is no fast path",
        "https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/functional.py",
        versions="<=2.13.0",
    ),
]
