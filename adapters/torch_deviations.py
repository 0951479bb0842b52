"""The ledger of PyTorch: what it gets wrong."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from adapters.deviations import Deviation, Example
from reference.arithmetic import FLOAT32, FLOAT64
from reference.pooling import lp_pool, sum_pool


def _a_window_that_sticks_out_is_not_zero(draw: Any) -> bool:
    """Whether some window of lp_pool sees less than its kernel, and something else than zeros.

    The largest magnitude is no average; and in three dimensions there is none of low formats.
    """
    x = draw.x.astype(np.float64)
    options = {name: draw.options[name] for name in ("kernel", "stride", "ceil_mode")}
    has_no_average = draw.norm_type == math.inf or (x.ndim == 5 and draw.format.precision < FLOAT32.precision)
    if not options["ceil_mode"] or has_no_average:
        return False
    seen = sum_pool(np.ones(x.shape), **options)
    y = lp_pool(x, **options, norm_type=draw.norm_type, signed=True)
    return bool(np.any((seen < math.prod(draw.kernel)) & (y != 0)))


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


def _no_score_is_seen(q: Any, k: Any, causal: bool, draw: Any) -> bool:
    """Some query has scores that are NaN and none above -inf, and the keys do not fill a vector register."""
    if not q.size or k.shape[-2] >= _lanes(draw.format):
        return False
    with np.errstate(all="ignore"):
        scores = np.matmul(q, np.swapaxes(k, -1, -2))
    scores = np.where(np.tri(*scores.shape[-2:], dtype=np.bool_), scores, -np.inf) if causal else scores
    return bool(np.any(np.isnan(scores).any(axis=-1) & ~(scores > -np.inf).any(axis=-1)))


def _lanes(format: Any) -> int:
    """How many numbers a vector register holds; low formats are computed in float32."""
    torch: Any = sys.modules["torch"]  # whose calls these are; a ledger imports no framework
    bits = 512 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 256
    return bits // (64 if format is FLOAT64 else 32)


def _flash_of_nan(draw: Any) -> bool:
    """The kernel takes queries, keys and values with four axes, equally wide, and no mask."""
    if draw.q.ndim != 4 or draw.mask is not None or draw.q.shape[-1] != draw.v.shape[-1]:
        return False
    q, k = (x.astype(np.float64) for x in (draw.q, draw.k))
    return _no_score_is_seen(q, k, draw.causal, draw)


def _flash_of_projected_nan(draw: Any) -> bool:
    """As above, where the layer does not take its fast path."""
    is_fast = draw.query.ndim == 3 and draw.key is None and draw.b_q is not None and draw.heads % 2 == 0
    if is_fast or not draw.query.size or draw.mask is not None or draw.key_padding_mask is not None:
        return False

    def projected(x: Any, w: Any, b: Any) -> Any:
        with np.errstate(all="ignore"):
            y = np.matmul(x.astype(np.float64), w.astype(np.float64).T)
        y = y if b is None else y + b.astype(np.float64)
        return np.swapaxes(np.reshape(y, (*y.shape[:-1], draw.heads, -1)), -3, -2)

    key = draw.query if draw.key is None else draw.key
    q, k = projected(draw.query, draw.w_q, draw.b_q), projected(key, draw.w_k, draw.b_k)
    return _no_score_is_seen(q, k, draw.causal, draw)


ZERO_FOR_NAN = (
    "zeros for a query whose scores are all NaN, if the keys are fewer than a vector register holds: the largest "
    "score is taken without them, and a row without a score is taken for one that is masked altogether"
)
KERNELS = "https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native"

deviations = [
    Deviation(
        check=("VALUES lp_pool", "SPECIAL lp_pool", "EMPTY lp_pool"),
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
    Deviation(
        "SPECIAL gelu",
        _doubled_it_overflows,
        Example({"x": [0.0, np.inf]}, {"approximate": "none"}),
        "NaN for infinity, and infinity from 2^127 on: x (1 + erf) is formed before it is halved",
        "https://github.com/oneapi-src/oneDNN/blob/main/src/cpu/x64/injectors/jit_uni_eltwise_injector.cpp",
        versions=">=2.13,<2.14",
        formats=("float32", "bfloat16"),
        devices=("cpu",),
    ),
    Deviation(
        check=("VALUES multi_head_attention", "SPECIAL multi_head_attention", "EMPTY multi_head_attention"),
        region=_empty_batch_with_masks,
        example=Example(
            {
                "query": np.zeros((0, 2, 1)),
                "key": None,
                "value": None,
                **{name: [[1.0]] for name in ("w_q", "w_k", "w_v", "w_o")},
                **dict.fromkeys(("b_q", "b_k", "b_v", "b_o", "mask")),
                "key_padding_mask": np.ones((0, 2), bool),
            },
            {"heads": 1},
        ),
        reason="a batch of none with a mask for each sample raises: view(0, heads, -1, S) has no meaning",
        link="https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/functional.py",
        versions="<=2.13.0",
    ),
    Deviation(
        "SPECIAL scaled_dot_product_attention",
        _flash_of_nan,
        Example({"q": [[[[np.nan]]]], "k": [[[[1.0]]]], "v": [[[[1.0]]]], "mask": None}, {"causal": False}),
        ZERO_FOR_NAN,
        "https://github.com/pytorch/pytorch/issues/141128",
        versions="==2.13.*",
        devices=("cpu",),
    ),
    Deviation(
        "SPECIAL multi_head_attention",
        _flash_of_projected_nan,
        Example(
            {
                "query": [[[1.0]]],
                **dict.fromkeys(("key", "value")),
                "w_q": [[np.nan]],
                **{name: [[1.0]] for name in ("w_k", "w_v", "w_o")},
                **dict.fromkeys(("b_q", "b_k", "b_v", "b_o", "mask", "key_padding_mask")),
            },
            {"heads": 1, "causal": False},
        ),
        ZERO_FOR_NAN,
        "https://github.com/pytorch/pytorch/issues/141128",
        versions="==2.13.*",
        devices=("cpu",),
    ),
]
