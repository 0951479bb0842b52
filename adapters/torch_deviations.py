"""The ledger of PyTorch: what it gets wrong."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from adapters.deviations import Deviation, Example, accepted, in_lanes
from reference.arithmetic import FLOAT32, FLOAT64, differentiated
from reference.attention import of_each_head
from reference.normalization import in_groups
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


def _tangent_of_a_sum_that_is_zero(draw: Any) -> bool:
    """Whether the tangent of a window whose sum is zero is another number."""
    if draw.norm_type != 1 or (draw.x.ndim == 5 and draw.format.precision < FLOAT32.precision):
        return False
    _, y = _seen_by_windows(draw)
    _, tangent = _seen_by_windows(draw.with_arrays(x=draw.tangent_x))
    return bool(np.any((y == 0) & (tangent != 0)))


def _tangent_of_padding(draw: Any) -> bool:
    """Whether an index stands for the row of padding, and that has a tangent."""
    if draw.padding_idx is None:
        return False
    row = draw.padding_idx % len(draw.table)
    return bool(np.any(draw.i == row) and np.any(draw.tangent_table[row] != 0))


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


def _is_read_in_another_order(draw: Any) -> bool:
    """As above, for the batch norm of one sample that has the channels of all; if there was one, channels last too."""
    g, many = draw.cotangent, sum(side > 1 for side in draw.cotangent.shape[2:])
    if g.ndim < 4 or not g.size or not many:
        return False
    if len(g) == 1:
        return g.shape[1] > 1 and len(np.unique(g.astype(np.float64))) > 1
    return bool(g.shape[1] == 1 and many == 1 and not np.array_equal(g.ravel(), g.ravel(order="F")))


def _mean_squared_overflows(draw: Any) -> bool:
    """Some sample has a mean whose square is beyond the format that the moments are computed in."""
    inside = FLOAT64 if draw.format is FLOAT64 else FLOAT32
    x, axes = _rows(draw)
    mean = np.mean(x / inside.largest, axis=axes)
    return bool((np.abs(mean) > inside.largest**-0.5).any())


def _rows(draw: Any) -> tuple[Any, tuple[int, ...]]:
    """The numbers of layer_norm or group_norm, and the axes of those that are normalised together."""
    x = draw.x.astype(np.float64)
    if draw.primitive == "group_norm":
        return in_groups(x, draw.groups), (2, 3)
    return x, tuple(range(-draw.axes, 0))


def _mean_square_cancels(draw: Any) -> bool:
    """Some group of an image or a volume has a mean far above its spread, so far that no other rounding hides it."""
    if draw.x.ndim < 4:
        return False
    x, axes = _rows(draw)
    scale, hidden = np.abs(x).max(initial=1.0), 2**11 if draw.format.name == "bfloat16" else 2**5
    mean, var = np.mean(x / scale, axis=axes), np.var(x / scale, axis=axes)
    return bool((mean**2 > hidden * (var + draw.eps / scale**2)).any())


def _nothing_is_scaled(draw: Any) -> bool:
    """A batch of none, and a weight or a bias."""
    return not len(draw.x) and (draw.weight is not None or draw.bias is not None)


def _square_overflows_far_out(p: Any) -> bool:
    """The law looks at 16 x, whose square is beyond the format that it is computed in."""
    inside = FLOAT64 if p.format is FLOAT64 else FLOAT32
    return bool(p.approximate == "tanh" and (np.abs(p.x.astype(np.float64)) > inside.largest**0.5 / 16).any())


def _doubled_it_overflows(draw: Any) -> bool:
    """oneDNN computes the exact form of more than one number."""
    return draw.approximate == "none" and draw.x.size > 1 and bool((draw.x.astype(np.float64) >= 2.0**127).any())


def _takes_the_fast_path(p: Any) -> bool:
    """Self-attention of a batch without gradients, with biases, an even number of heads and boolean masks."""
    is_plain = p.key is None and p.b_q is not None and p.heads % 2 == 0
    return is_plain and p.query.ndim == 3 and (p.mask is None or p.mask.dtype == bool)


def _fast_path_closes_a_row(p: Any) -> bool:
    """Booleans leave a query without a key."""
    if not _takes_the_fast_path(p) or not p.query.size:
        return False
    T = p.query.shape[-2]
    seen = np.tri(T, dtype=bool) if p.causal else np.ones((T, T), bool)
    seen = seen if p.mask is None else seen & p.mask
    seen = seen if p.key_padding_mask is None else seen & p.key_padding_mask[:, None, None, :]
    return not bool(seen.any(axis=-1).all())


def _empty_batch_with_masks(p: Any) -> bool:
    """A batch of none and a mask for each sample, save where the fast path takes padding alone."""
    if p.query.ndim < 3 or p.query.shape[0]:
        return False
    if p.mask is not None and p.mask.ndim > 2:
        return True
    return p.key_padding_mask is not None and not _takes_the_fast_path(p)


def _empty_batch_with_any_mask(p: Any) -> bool:
    """A batch of none and a mask for each sample."""
    is_empty = p.query.ndim > 2 and not p.query.shape[0]
    return is_empty and (p.key_padding_mask is not None or (p.mask is not None and p.mask.ndim > 2))


def _adds_numbers_on_the_fast_path(p: Any) -> bool:
    """A mask with another number than 0 and -inf for a key that is open, where no gradient is asked for."""
    if p.x.ndim < 3 or p.b_qkv is None or p.heads % 2 or p.mask is None or p.mask.dtype == bool:
        return False
    mask = np.broadcast_to(p.mask.astype(np.float64), (*p.x.shape[:-2], p.heads, *p.mask.shape[-2:]))
    is_number = np.isfinite(mask) & (mask != 0)
    if p.key_padding_mask is not None:
        is_number = is_number & p.key_padding_mask[..., None, None, :]
    return bool(is_number.any())


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
    k = k if k.shape[1] == q.shape[1] else of_each_head(k, q)
    return _no_score_is_seen(q, k, draw.causal, draw)


def _flash_of_projected_nan(draw: Any) -> bool:
    """As above, where the layer does not take its fast path."""
    if _takes_the_fast_path(draw) or not draw.query.size or draw.mask is not None or draw.key_padding_mask is not None:
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


def _takes_the_fast_kernel(p: Any) -> bool:
    """Four axes, values as wide as keys, and no mask that tells how many keys there are."""
    has_four = p.q.ndim == 4 and p.q.shape[-1] == p.v.shape[-1] and p.q.size > 0
    return has_four and (p.mask is None or p.mask.shape[-1] == 1)


def _shares_biases_out(p: Any) -> bool:
    """The three biases are one array, and two thirds of it, rounded up, are as long as two of them."""
    is_packed = p.w_q.shape == p.w_k.shape == p.w_v.shape
    return is_packed and p.w_q.shape[0] in (2, 3) and (p.query.ndim == 2 or p.value is not None)


def _goes_to_onednn(p: Any) -> bool:
    """In one or two dimensions; float32 where there is a batch or there are groups."""
    return p.w.ndim < 5 and (p.format is not FLOAT32 or p.groups > 1 or p.x.shape[0] > 1)


def _one_window_apart(p: Any) -> bool:
    """One element of a signal, and a stride as long as the kernel."""
    is_bare = p.padding == 0 and p.output_padding == (0,)
    return p.w.ndim == 3 and p.x.shape[2] == 1 and p.stride[0] == p.w.shape[2] and is_bare


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

BLOCK = {"x": [1.0, 2.0], "w1": np.eye(2), "w2": np.eye(2)}
HEADS = {
    "query": [[1.0, 2.0]],
    **dict.fromkeys(("key", "value")),
    **dict.fromkeys(("w_q", "w_k", "w_v", "w_o"), np.eye(2)),
    **dict.fromkeys(("b_q", "b_k", "b_v"), np.ones(2)),
    "b_o": [1.0],
    **dict.fromkeys(("mask", "key_padding_mask")),
}
ONE_HEAD = np.ones((1, 1, 3, 1))
FREE = {"padding": 0, "output_padding": (0,), "dilation": (0,), "groups": 1}
DILATION = "a transposed convolution that goes to oneDNN takes a dilation of 0"

deviations = [
    Deviation(
        check=in_lanes("lp_pool", "LAYOUT", "BATCH", "VMAP", "MODES", "SPECIAL", "EMPTY"),
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
        "AD lp_pool",
        _tangent_of_a_sum_that_is_zero,
        Example(
            {"x": [[[1.0, -1.0]]], "tangent_x": [[[1.0, 0.0]]]},
            {"kernel": (2,), "stride": None, "norm_type": 1, "ceil_mode": False},
        ),
        "and so is the tangent in forward mode: by the same ramp, whose slope at 0 is 0",
        "https://github.com/pytorch/pytorch/pull/6766",
        versions="==2.13.*",
    ),
    Deviation(
        "AD embedding",
        _tangent_of_padding,
        Example(
            {"i": np.array([0]), "table": [[0.0]], "tangent_table": [[1.0]]},
            {"padding_idx": 0},
        ),
        "forward mode carries the tangent of the row of padding, to which reverse mode gives no gradient: the two are "
        "not transposed, as the documentation warns of the numerical derivative",
        "https://github.com/pytorch/pytorch/issues/93950",
        versions="==2.13.*",
    ),
    Deviation(
        "GRADIENTS max_pool",
        _a_window_sees_nothing,
        Example(  # of which nothing is written beside x, but to the second number, which no window sees
            {"x": [[[[0.0], [0.0]]]], "cotangent": [[[[1.0]]]]},
            {
                "kernel": (1, 2),
                "stride": (2, 1),
                "padding": ((0, 0), (1, 1)),
                "dilation": (1, 2),
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
    *(
        Deviation(
            in_lanes(primitive, "LAYOUT", "BATCH", "VMAP", "SPECIAL"),
            _mean_squared_overflows,
            Example({"x": x * np.array(numbers), "weight": None, "bias": None}, {**options, "eps": 1e-5}),
            "NaN for a sample whose mean is above the root of the largest number: moments are merged with those of "
            "no numbers, and the square of the difference, infinite, is multiplied by 0",
            f"{KERNELS}/cpu/moments_utils.h",
            versions=">=2.13,<2.14",
            formats=formats,
            devices=("cpu",),
        )
        for x, formats in ((2e19, ("float32", "bfloat16")), (2e154, ("float64",)))
        for primitive, numbers, options in (
            ("layer_norm", [1.0], {"axes": 1}),
            ("group_norm", [[[1.0], [1.25]]], {"groups": 1}),
        )
    ),
    Deviation(
        "SPECIAL binary_step",
        lambda draw: bool(np.isnan(draw.x.astype(np.float64)).any()),
        Example({"x": [np.nan]}, {"at_zero": 1.0}),
        "heaviside of NaN is 0: no comparison with NaN holds",
        "https://github.com/pytorch/pytorch/issues/187296",
        versions="==2.13.*",
    ),
    *(
        Deviation(
            "LAYOUT group_norm",
            _mean_square_cancels,
            Example({"x": np.reshape(x, (1, 2, -1, 1)), "weight": None, "bias": None}, {"groups": 1, "eps": 1e-5}),
            "with channels last the variance of a group is mean(x^2) - mean(x)^2, which cancels",
            "https://github.com/pytorch/pytorch/issues/40302",
            versions="==2.13.*",
            formats=formats,
            devices=("cpu",),
        )
        for x, formats in (
            ([4095.0, 4097.0, 4096.0, 4098.0], ("float64", "float32")),
            ([5216.0, *[5184.0] * 17], ("bfloat16",)),
        )
    ),
    Deviation(
        "GRADIENTS instance_norm",
        _is_read_in_another_order,
        Example(
            {
                "x": [[[[1.0, 2.0]], [[3.0, 5.0]]]],
                "weight": None,
                "bias": None,
                "cotangent": [[[[1.0, 2.0]], [[3.0, 5.0]]]],
            },
            {"eps": 1.0},
        ),
        "a transposed cotangent, or one with its channels last, is read in the order of x, as in batch_norm",
        f"{KERNELS}/Normalization.cpp",
        versions="==2.13.*",
        devices=("cpu",),
    ),
    Deviation(
        in_lanes("instance_norm", "EMPTY"),
        _nothing_is_scaled,
        Example({"x": np.zeros((0, 1, 2)), "weight": [1.0], "bias": None}, {"eps": 1e-5}),
        "a batch of none with a weight or a bias raises: it is scaled by the first weight of none",
        f"{KERNELS}/Normalization.cpp",
        versions="==2.13.*",
    ),
    Deviation(
        "GRADIENTS instance_norm",
        _nothing_is_scaled,
        Example(
            {"x": np.zeros((0, 1, 2)), "weight": [1.0], "bias": None, "cotangent": np.zeros((0, 1, 2))},
            {"eps": 1e-5},
        ),
        "a batch of none with a weight or a bias raises, as above",
        f"{KERNELS}/Normalization.cpp",
        versions="==2.13.*",
    ),
    *(
        Deviation(
            "ACT-6 gradient_of_gelus_tails",
            _square_overflows_far_out,
            Example({"x": [x], "cotangent": [1.0]}, {"approximate": "tanh"}),
            "the gradient of gelu by tanh is NaN where x^2 overflows: 0, the slope of tanh, times infinity",
            f"{KERNELS}/cpu/Gelu.h",
            formats=formats,
            versions="==2.13.*",
        )
        for x, formats in ((2.0**60, ("float32", "bfloat16")), (2.0**508, ("float64",)))
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
        check=in_lanes("multi_head_attention", "PURE", "LAYOUT", "SPECIAL", "EMPTY"),
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
    Deviation(
        in_lanes("multi_head_attention", "LAYOUT", "SPECIAL", "EMPTY", "BATCH"),
        _fast_path_closes_a_row,
        Example(
            HEADS | {"query": [[[1.0, 2.0]]], "b_o": np.ones(2), "mask": np.zeros((1, 1), bool)},
            {"heads": 2, "causal": False},
        ),
        "the fast path of evaluation gives NaN for a query that may attend to no key, where the layer gives zero "
        "otherwise, with gradients or with numbers as a mask",
        "https://github.com/pytorch/pytorch/pull/190486",
        versions="<=2.13.0",
    ),
    Deviation(
        in_lanes("encoder_block", "LAYOUT", "BATCH", "VMAP", "MODES"),
        _adds_numbers_on_the_fast_path,
        Example(
            {
                "x": [[[1.0, 0.0], [0.0, 1.0]]],
                "w_qkv": np.stack([np.eye(2)] * 3),
                "w_o": np.eye(2),
                "w1": np.eye(2),
                "w2": np.zeros((2, 2)),
                **{name: np.ones(2) for name in ("gamma1", "gamma2")},
                "b_qkv": np.zeros((3, 2)),
                **{name: np.zeros(2) for name in ("b_o", "b1", "b2", "beta1", "beta2")},
                "mask": [[0.0, 1.0], [1.0, 0.0]],
                "key_padding_mask": None,
            },
            {"heads": 2, "norm_first": True, "eps": 1.0},
        ),
        "numbers of an additive mask close the keys that they stand for, on the fast path of TransformerEncoderLayer",
        "https://github.com/pytorch/pytorch/issues/107084",
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
    *(
        accepted(
            "output_size",
            wrong,
            {"size": 4, "kernel": kernel},
            {"stride": 1, "padding": (padding, padding), "dilation": dilation},
            "a convolution of meta tensors has a shape where a convolution of numbers raises: the shape rule does not "
            "check kernel, dilation and padding",
            "https://github.com/pytorch/pytorch/blob/v2.13.0/torch/_meta_registrations.py",
            versions="==2.13.*",
        )
        for wrong, kernel, padding, dilation in (
            ("kernel 0", 0, 0, 1),
            ("dilation 0", 2, 0, 0),
            ("negative padding", 2, -1, 1),
        )
    ),
    accepted(
        "adaptive_average_pool",
        "an empty spatial axis",
        {"x": np.zeros((1, 1, 0))},
        {"output_size": (1,)},
        "an empty signal has the mean NaN where the output has one element, and raises for any other",
        f"{KERNELS}/AdaptiveAveragePooling.cpp",
        where=lambda p: set(p.output_size) == {1},
        versions="==2.13.*",
    ),
    accepted(
        "cross_entropy",
        "a negative share of smoothing",
        {"x": [1.0, 2.0], "target": np.array(0), "weight": None},
        {"label_smoothing": -0.5},
        "label_smoothing is to lie between 0 and 1; a negative one is taken for 0 without a word",
        "https://github.com/pytorch/pytorch/issues/134767",
        versions="==2.13.*",
    ),
    *(
        accepted(
            primitive,
            "negative eps",
            {"x": x, "weight": None, **others},
            {**options, "eps": -1.0},
            "a negative eps is taken, as batch_norm did: NaN where what it is added to is below -eps, finite elsewhere",
            "https://github.com/pytorch/pytorch/pull/166756",
            versions="==2.13.*",
        )
        for primitive, x, others, options in (
            ("layer_norm", [1.0, 2.0], {"bias": None}, {"axes": 1}),
            ("group_norm", [[[1.0, 2.0]]], {"bias": None}, {"groups": 1}),
            ("instance_norm", [[[1.0, 2.0]]], {"bias": None}, {}),
            ("rms_norm", [0.5], {}, {"axes": 1}),
        )
    ),
    *(
        accepted(
            primitive,
            wrong,
            arrays,
            options,
            "F.linear repeats a bias of one number, and takes one of two axes, although a bias is (out,) or ()",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.linear.html",
            versions="==2.13.*",
        )
        for primitive, wrong, arrays, options in (
            ("dense", "one bias for several outputs", {"x": [1.0], "w": [[1.0], [2.0]], "bias": [1.0]}, {}),
            ("dense", "bias with an axis too many", {"x": [1.0], "w": [[1.0], [2.0]], "bias": [[1.0, 2.0]]}, {}),
            ("residual", "one number for the width of the branch", {**BLOCK, "b1": [1.0], "b2": None}, {}),
            ("residual", "one number for the width of x", {**BLOCK, "b1": None, "b2": [1.0]}, {}),
            ("feed_forward", "one bias inside for several", {**BLOCK, "b1": [1.0], "b2": None}, {}),
            ("feed_forward", "one bias for several outputs", {**BLOCK, "b1": None, "b2": [1.0]}, {}),
            ("multi_head_attention", "one number as b_o", HEADS, {"heads": 2}),
        )
    ),
    *(
        accepted(
            "scaled_dot_product_attention",
            wrong,
            {"q": ONE_HEAD[:, :, :1], "k": ONE_HEAD, "v": ONE_HEAD[:, :, :values], "mask": None},
            {},
            # Invalid problems have fewer values only: no run reads memory that is not its own.
            "the fast kernel counts the keys by the values: with fewer values it forgets keys, with more it reads "
            "beyond the keys' memory",
            "https://github.com/pytorch/pytorch/pull/193728",
            where=_takes_the_fast_kernel,
            versions="<=2.13.0",
            devices=("cpu",),
        )
        for wrong, values in (("values of another number", 2), ("one value for several keys", 1))
    ),
    *(
        accepted(
            "multi_head_attention",
            f"one number as {name}",
            {**HEADS, "b_o": np.ones(2), name: [1.0]},
            {"heads": 2},
            "three biases in one array that is too short are shared out all the same: the first two get what is due "
            "to the next, and the last number is repeated",
            "https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/functional.py",
            where=_shares_biases_out,
            versions="==2.13.*",
        )
        for name in ("b_q", "b_k", "b_v")
    ),
    accepted(
        "transposed_convolution",
        "dilation 0 of a kernel of one element",
        {"x": np.ones((2, 1, 1)), "w": np.ones((1, 1, 1)), "bias": None},
        {"stride": (1,), **FREE},
        DILATION,
        f"{KERNELS}/mkldnn/Conv.cpp",
        where=_goes_to_onednn,
        versions="==2.13.*",
        formats=("float32", "bfloat16"),
        devices=("cpu",),
    ),
    accepted(
        "transposed_convolution",
        "dilation 0",
        {"x": np.ones((1, 1, 1)), "w": np.ones((1, 1, 2)), "bias": None},
        {"stride": (2,), **FREE},
        DILATION,
        f"{KERNELS}/mkldnn/Conv.cpp",
        where=_one_window_apart,
        versions="==2.13.*",
        formats=("bfloat16",),
        devices=("cpu",),
    ),
]
