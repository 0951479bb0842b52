"""The ledger of JAX and XLA: what they get wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from adapters.deviations import Deviation, Example, accepted, in_lanes
from reference.arithmetic import FLOAT32, FLOAT64
from reference.arrays import per_axis
from reference.convolution import paddings
from reference.normalization import in_groups


class _Axis(NamedTuple):
    """One spatial axis of a convolution as XLA has it, and JAX writes it for a primitive or a gradient."""

    size: int
    kernel: int
    stride: int
    low: int  # padding, which may be negative
    high: int
    base_dilation: int  # of the signal
    dilation: int  # of the kernel


def _swaps_a_group_axis(axes: Iterable[_Axis]) -> bool:
    """Whether XLA exchanges signal and kernels of a convolution, and an axis stays as it is by mistake.

    It exchanges them if the kernels have more taps than the signal has elements, over the axes that take
    part. An axis does not if it is a contraction (nothing is padded and there is one window), or if it
    looks as a group is written down: nothing padded, and the signal dilated by kernel K, with stride K - 1.
    That only holds if the signal has K elements too, which is not asked.
    """
    taps, elements, is_wrong = 1, 1, False
    for S, K, stride, low, high, base, dilation in axes:
        is_plain = low == high == 0 and dilation == 1
        if is_plain and base == K and stride == K - 1:
            is_wrong = is_wrong or S != K
        elif not (is_plain and K == S and base == stride == 1):
            taps *= K
            elements *= K if S == stride == dilation == 1 and low == high == K - 1 else S
    return is_wrong and taps > elements


def _has_neighbours(p: Any) -> bool:
    """Whether a number that is not finite stands in a row of a Toeplitz matrix with others."""
    r = p.c if p.r is None else p.r
    used = np.concatenate([p.c, r[..., 1:]], -1).astype(np.float64)
    return r.shape[-1] > 1 and not np.isfinite(used).all()


def _is_depthwise(p: Any) -> bool:
    """Each of several groups has one channel."""
    return bool(p.groups > 1 and p.x.shape[1] == p.groups)


def _is_depthwise_with_specials(p: Any) -> bool:
    """Besides, not all of the signal is finite."""
    return _is_depthwise(p) and not bool(np.isfinite(p.x.astype(np.float64)).all())


def _transposed_axes(p: Any) -> list[_Axis]:
    S, K = p.x.shape[2:], p.w.shape[2:]
    s, d, more = (per_axis(value, len(K)) for value in (p.stride, p.dilation, p.output_padding))
    sides = paddings(p.padding, S, K, s, d)
    return [
        _Axis(S_i, K_i, 1, d_i * (K_i - 1) - before, d_i * (K_i - 1) - after + m, s_i, d_i)
        for S_i, K_i, s_i, d_i, m, (before, after) in zip(S, K, s, d, more, sides, strict=True)
    ]


def _aborts_transposed(p: Any) -> bool:
    return p.groups == 1 and p.x.size > 0 and _swaps_a_group_axis(_transposed_axes(p))


def _aborts_gradient(p: Any) -> bool:
    """Of a convolution. The gradient by x is the transposed convolution of the cotangent."""
    S, K, P = (z.shape[2:] for z in (p.x, p.w, p.cotangent))
    s, d = (per_axis(value, len(K)) for value in (p.stride, p.dilation))
    axes = []
    for S_i, K_i, P_i, s_i, d_i, (before, _) in zip(S, K, P, s, d, paddings(p.padding, S, K, s, d), strict=True):
        low = d_i * (K_i - 1) - before
        axes.append(_Axis(P_i, K_i, 1, low, S_i + d_i * (K_i - 1) - ((P_i - 1) * s_i + 1) - low, s_i, d_i))
    return p.groups == 1 and p.cotangent.size > 0 and _swaps_a_group_axis(axes)


def _aborts_transposed_gradient(p: Any) -> bool:
    """Of a transposed convolution. The gradient by w slides the cotangent over the dilated signal."""
    P, d = p.cotangent.shape[2:], per_axis(p.dilation, p.w.ndim - 2)
    axes = [
        _Axis(S, P_i, d_i, low, P_i - ((S - 1) * s + 1) + d_i * (K - 1) - low, s, 1)
        for (S, K, _, low, _, s, _), P_i, d_i in zip(_transposed_axes(p), P, d, strict=True)
    ]
    return p.groups == 1 and p.x.size > 0 and _swaps_a_group_axis(axes)


def _sees_one_element(p: Any) -> bool:
    """Windows of one element, one after another."""
    strides = p.kernel if p.stride is None else per_axis(p.stride, len(p.kernel))
    return set(p.kernel) == set(strides) == {1}


def _scale_overflows(p: Any) -> bool:
    """The weight times the reciprocal of the root is too large for the format that it is formed in."""
    if p.weight is None:
        return False
    x, inside = p.x.astype(np.float64), FLOAT64 if p.format is FLOAT64 else FLOAT32
    with np.errstate(all="ignore"):
        weight = p.weight.astype(np.float64)
        match p.primitive:
            case "layer_norm":
                var = np.var(x, axis=tuple(range(-p.axes, 0)), keepdims=True)
            case "rms_norm":
                var = np.mean(x * x, axis=tuple(range(-p.axes, 0)), keepdims=True)
            case "group_norm":
                var = np.repeat(np.var(in_groups(x, p.groups), axis=(2, 3)), x.shape[1] // p.groups, axis=1)
            case "instance_norm":
                var = np.var(x, axis=tuple(range(2, x.ndim)))
            case _:
                var = np.var(x, axis=(0, *range(2, x.ndim))) if p.training else p.running_var.astype(np.float64)
        return bool(np.any(np.isfinite(weight) & (np.abs(weight) / np.sqrt(var + p.eps) > inside.largest)))


FLAX = "https://github.com/google/flax/blob/main/flax/linen/normalization.py"


def _square_overflows_far_out(p: Any) -> bool:
    """The law looks at 16 x, where 3 x^2 is beyond the format that it is computed in."""
    inside = FLOAT64 if p.format is FLOAT64 else FLOAT32
    return bool(p.approximate == "tanh" and (np.abs(p.x.astype(np.float64)) > (inside.largest / 3) ** 0.5 / 16).any())


NO_BIAS = {"bias": None}
LARGE_SCALE = "infinity where weight / sqrt(var + eps) overflows and the result does not: they are multiplied first"


def _many_scores(samples: int, heads: int, T: int, S: int, width: int) -> bool:
    """A head takes one number of each key, and there are 4096 scores or more, in several rows and columns.

    With one head a batch of several samples is spared.
    """
    return width == 1 and min(T, S) > 1 and samples * heads * T * S >= 4096 and (heads > 1 or samples == 1)


def _is_open(p: Any) -> bool:
    """Booleans choose among the scores in a fusion of their own."""
    has_window = getattr(p, "window", None) is not None
    return not p.causal and not has_window and (p.mask is None or p.mask.dtype != bool)


def _scores_of(shape: tuple[int, ...], p: Any) -> bool:
    """Many scores, of queries of this shape; heads that share keys are spared."""
    if p.q.shape[:-2] != p.k.shape[:-2]:
        return False
    (*B, T, width), S = shape, p.k.shape[-2]
    samples, heads = (*B, 1, 1)[:2]
    return p.q.shape[-1] == p.v.shape[-1] and _many_scores(samples, heads, T, S, width)


def _many_scores_of_attention(p: Any) -> bool:
    return _is_open(p) and _scores_of(p.q.shape, p)


def _many_scores_with_any_mask(p: Any) -> bool:
    """A law that adds what the booleans stand for."""
    return _scores_of(p.q.shape, p)


def _many_scores_of_a_sample(p: Any) -> bool:
    """In a call of one sample."""
    return _is_open(p) and 0 not in p.q.shape and _scores_of((1, *p.q.shape[1:]) if p.q.ndim > 2 else p.q.shape, p)


def _many_scores_mapped(p: Any) -> bool:
    """To map over a single sample is to call it; over more it is a batch that is spared."""
    return _many_scores_of_attention(p) and p.q.ndim > 2 and p.q.shape[0] == 1


def _many_scores_of_heads(p: Any) -> bool:
    (*B, T, _), keys = p.query.shape, p.query if p.key is None else p.key
    width = p.w_q.shape[0] // p.heads
    return _is_open(p) and p.key_padding_mask is None and _many_scores(math.prod(B), p.heads, T, keys.shape[-2], width)


ONE = [[0.0]]
TWO = np.eye(2)

HEAD: dict[str, Any] = {
    "query": ONE,
    **dict.fromkeys(("key", "value")),
    **dict.fromkeys(("w_q", "w_k", "w_v", "w_o"), ONE),
    **dict.fromkeys(("b_q", "b_k", "b_v", "b_o", "mask", "key_padding_mask")),
}
KEYS = np.ones((2048, 1))
MANY = {"q": np.ones((2, 1)), "k": KEYS, "v": KEYS, "mask": None}


SWAPPED = "XLA aborts: its ConvOperandSwapper takes an axis for a group, whatever the signal's size"
# No issue was found. The function that builds the convolution whose shape check fails:
SWAPPER = "https://github.com/openxla/xla/blob/main/xla/hlo/transforms/simplifiers/conv_operand_swapper.cc"

deviations = [
    *(
        Deviation(
            "ACT-6 gradient_of_gelus_tails",
            _square_overflows_far_out,
            Example({"x": [x], "cotangent": [1.0]}, {"approximate": "tanh"}),
            "the gradient of gelu by tanh is NaN where 3 x^2 overflows: 0, the slope of tanh, times infinity",
            "https://github.com/jax-ml/jax/blob/main/jax/_src/nn/functions.py",
            formats=formats,
            versions="==0.10.2",
        )
        for x, formats in ((2.0**61, ("float32", "bfloat16")), (2.0**509, ("float64",)))
    ),
    Deviation(
        check=(
            *in_lanes(
                "transposed_convolution",
                *("PURE", "LAYOUT", "BATCH", "VMAP", "MODES", "EXACT", "SPECIAL", "EMPTY", "LONG", "HOM"),
            ),
            "CONV-1 transposed_shape",
            "CONV-2 transposed_is_linear",
            "CONV-4 transposed_bias_is_added_per_channel",
            "CONV-13 adjoint",
            "CONV-21 transposed_impulse_gives_the_taps",
        ),
        region=_aborts_transposed,
        example=Example(
            {"x": [[[[1.0], [1.0], [1.0]]]], "w": [[[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]], "bias": None},
            {"stride": (2, 1), "padding": (1, 1), "output_padding": (0, 0), "dilation": (1, 1), "groups": 1},
        ),
        reason=SWAPPED,
        link=SWAPPER,
        versions="==0.10.2",
        devices=("cpu",),
        ends_the_process=True,
    ),
    Deviation(
        check=("GRADIENTS convolution", "HOM-VJP convolution"),
        region=_aborts_gradient,
        example=Example(
            {
                "x": [[[[1.0]] * 4]],
                "w": [[[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]],
                "bias": None,
                "cotangent": [[[[1.0]] * 3]],
            },
            {"stride": (2, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1},
        ),
        reason=SWAPPED,
        link=SWAPPER,
        versions="==0.10.2",
        devices=("cpu",),
        ends_the_process=True,
    ),
    Deviation(
        check=("GRADIENTS transposed_convolution", "HOM-VJP transposed_convolution"),
        region=_aborts_transposed_gradient,
        example=Example(
            {
                "x": [[[[1.0]] * 3]],
                "w": [[[[1.0] * 3] * 4]],
                "bias": None,
                "cotangent": [[[[1.0] * 2] * 2]],
            },
            {
                "stride": (2, 2),
                "padding": ((3, 3), (1, 0)),
                "output_padding": (0, 0),
                "dilation": (1, 1),
                "groups": 1,
            },
        ),
        reason=SWAPPED,
        link=SWAPPER,
        versions="==0.10.2",
        devices=("cpu",),
        ends_the_process=True,
    ),
    *(
        Deviation(
            check,
            region,
            Example(arrays, {"causal": False, **options}),
            "XLA aborts from 4096 scores on, if a head takes one number of each key: a reshape is taken for a bitcast",
            # No issue was found. The function whose check fails, DefineBitcastOp:
            "https://github.com/openxla/xla/blob/main/xla/backends/cpu/ynn_emitter.cc",
            versions="==0.10.2",
            formats=("bfloat16",),
            devices=("cpu",),
            ends_the_process=True,
        )
        for check, region, arrays, options in (
            (
                (
                    *in_lanes("scaled_dot_product_attention", "PURE", "LAYOUT", "SPECIAL", "HOM"),
                    "ATT-1 weights_sum_to_one",
                    "ATT-3 queries_permute",
                    "ATT-4 keys_permute",
                    "ATT-5 masked_keys_have_no_influence",
                    "ATT-8 zero_queries_average",
                    "ATT-10 one_vector_for_all_keys",
                    "ATT-19 scale_belongs_to_the_queries",
                    "ATT-19 usual_scale",
                ),
                _many_scores_of_attention,
                MANY,
                {},
            ),
            ("ATT-7 boolean_mask_adds_minus_infinity", _many_scores_with_any_mask, MANY, {}),
            (
                ("GRADIENTS scaled_dot_product_attention", "HOM-VJP scaled_dot_product_attention"),
                _many_scores_of_attention,
                MANY | {"cotangent": np.ones((2, 1))},
                {},
            ),
            ("BATCH scaled_dot_product_attention", _many_scores_of_a_sample, MANY, {}),
            (
                "VMAP scaled_dot_product_attention",
                _many_scores_mapped,
                {"q": np.ones((1, 2, 1)), "k": KEYS[None], "v": KEYS[None], "mask": None},
                {},
            ),
            (
                "LONG multi_head_attention",
                _many_scores_of_heads,
                HEAD | {"query": np.ones((1, 2, 1)), "key": KEYS[None]},
                {"heads": 1},
            ),
        )
    ),
    *(
        Deviation(
            f"SPECIAL {primitive}",
            _scale_overflows,
            Example({"x": x, **statistics, "weight": [weight] * channels, **bias}, {"eps": 1e-5, **options}),
            LARGE_SCALE,
            FLAX,
            formats=formats,
        )
        for weight, formats in ((2.0**127, ("float32", "bfloat16")), (2.0**1023, ("float64",)))
        for primitive, x, statistics, channels, bias, options in (
            ("layer_norm", [0.0, 0.5], {}, 2, NO_BIAS, {"axes": 1}),
            ("group_norm", [[[0.0, 0.5]]], {}, 1, NO_BIAS, {"groups": 1}),
            ("instance_norm", [[[0.0, 0.5]]], {}, 1, NO_BIAS, {}),
            ("rms_norm", [0.25], {}, 1, {}, {"axes": 1}),
            (
                "batch_norm",
                [[0.0], [0.5]],
                {"running_mean": [0.0], "running_var": [1.0]},
                1,
                NO_BIAS,
                {"training": True, "momentum": 0.1},
            ),
        )
    ),
    *(
        accepted(
            "output_size",
            wrong,
            {"size": size, "kernel": kernel},
            {"stride": stride, "padding": (2, 2), "dilation": 1},
            "the shape of a convolution is computed without a look at the sign of kernel, stride and size: a stride of "
            "0 counts as 1 window; only the lowering of the convolution itself refuses it",
            "https://github.com/jax-ml/jax/blob/main/jax/_src/lax/convolution.py",
            versions="==0.10.2",
        )
        for wrong, size, kernel, stride in (
            ("kernel 0", 4, 0, 1),
            ("stride 0", 4, 2, 0),
            ("negative stride", 4, 2, -1),
            ("negative size", -1, 1, 1),
        )
    ),
    *(
        accepted(
            primitive,
            "negative padding",
            {"x": [[[1.0, 2.0, 3.0]]]},
            {"kernel": (1,), "stride": (1,), "padding": (-1,)},
            "XLA aborts: a window of one element that cuts the signal is simplified to the signal that was not cut",
            "https://github.com/openxla/xla/issues/48719",
            where=_sees_one_element,
            versions="==0.10.2",
            formats=("float64", "float32", "float16"),
            devices=("cpu",),
            ends_the_process=True,
        )
        for primitive in ("max_pool", "sum_pool", "average_pool")
    ),
    *(
        accepted(
            "dropout",
            wrong,
            {"x": [1.0, 2.0]},
            {"p": p, "training": True, "key": 0},
            "jax.random.bernoulli takes any number for a probability; below 0 nothing is dropped and all is scaled, "
            "above 1 and for NaN all is dropped",
            "https://github.com/jax-ml/jax/blob/main/jax/_src/random.py",
            versions="==0.10.2",
        )
        for wrong, p in (("p below 0", -0.5), ("p above 1", 1.5), ("p that is no number", math.nan))
    ),
    *(
        accepted(
            primitive,
            "a mask of several keys for one",
            arrays,
            options,
            "dot_product_attention takes a mask of several keys where there is one, although it must be broadcastable "
            "to the scores: the scores are broadcast to the mask, and the one value is repeated",
            "https://docs.jax.dev/en/latest/_autosummary/jax.nn.dot_product_attention.html",
            versions="==0.10.2",
            formats=("float64", "float32", "bfloat16"),
        )
        for primitive, arrays, options in (
            (
                "scaled_dot_product_attention",
                {"q": TWO, "k": TWO[:1], "v": TWO[:1], "mask": np.ones((2, 2), bool)},
                {},
            ),
            (
                "multi_head_attention",
                HEAD
                | {"query": TWO, "key": TWO[:1], **dict.fromkeys(("w_q", "w_k", "w_v", "w_o"), TWO)}
                | {"mask": np.ones((1, 2, 2), bool)},
                {"heads": 1},
            ),
        )
    ),
    *(
        Deviation(
            check,
            region,
            Example({"x": x, "w": [[[1.0]], [[1.0]]], "bias": None, **place}, {"groups": 2}),
            "in float64 a convolution of each channel by itself is one of all channels, with kernels that zeros fill, "
            "and 0 times NaN or infinity is NaN: one number that is not finite makes NaN of every channel",
            "https://github.com/openxla/xla/blob/main/xla/hlo/transforms/simplifiers/convolution_group_converter.cc",
            versions="==0.10.2",
            formats=("float64",),
        )
        for check, region, x, place in (
            ("SPECIAL convolution", _is_depthwise_with_specials, [[[math.nan], [1.0]]], {}),
            ("CONV-22 locality_of_nan", _is_depthwise, [[[1.0], [1.0]]], {"place": (0, 0, 0)}),
        )
    ),
    Deviation(
        "SPECIAL toeplitz",
        _has_neighbours,
        Example({"c": [1.0, math.nan], "r": None}),
        "toeplitz is a convolution with kernels of a one and zeros, and 0 times NaN or infinity is NaN: one number "
        "that is not finite makes NaN of its whole row",
        "https://github.com/jax-ml/jax/issues/38636",
        versions="==0.10.2",
    ),
]
