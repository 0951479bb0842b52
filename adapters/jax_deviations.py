"""The ledger of JAX and XLA: what they get wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from adapters.deviations import Deviation, Example
from reference.arrays import per_axis
from reference.convolution import paddings


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


def _degenerate(samples: tuple[int, ...], *sides: int) -> bool:
    """One sample of one head, and at most one of queries, keys and width more than one."""
    return math.prod(samples) == 1 and sum(n > 1 for n in sides) <= 1 and 0 not in sides


def _one_attention(p: Any) -> bool:
    return p.q.shape[-1] == p.v.shape[-1] and _degenerate(p.q.shape[:-2], *p.q.shape[-2:], p.k.shape[-2])


def _one_head(p: Any) -> bool:
    keys = p.query if p.key is None else p.key
    return p.heads == 1 and _degenerate(p.query.shape[:-2], p.query.shape[-2], keys.shape[-2], p.w_q.shape[0])


REASON = "scores of one product, or of one row or column of products, do not compile (ALG_DOT_BF16_BF16_F32)"
SOURCE = "https://github.com/openxla/xla/blob/main/xla/service/elemental_ir_emitter.cc"
ONE = [[0.0]]
HEAD: dict[str, Any] = {
    "query": ONE,
    **dict.fromkeys(("key", "value")),
    **dict.fromkeys(("w_q", "w_k", "w_v", "w_o"), ONE),
    **dict.fromkeys(("b_q", "b_k", "b_v", "b_o", "mask", "key_padding_mask")),
}
SWAPPED = "XLA aborts: its ConvOperandSwapper takes an axis for a group, whatever the signal's size"
# No issue was found. The function that builds the convolution whose shape check fails:
SWAPPER = "https://github.com/openxla/xla/blob/main/xla/hlo/transforms/simplifiers/conv_operand_swapper.cc"

deviations = [
    Deviation(
        check=(
            "VALUES transposed_convolution",
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
        check="GRADIENTS convolution",
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
        check="GRADIENTS transposed_convolution",
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
    Deviation(
        check="VALUES scaled_dot_product_attention",
        region=_one_attention,
        example=Example({"q": ONE, "k": ONE, "v": ONE, "mask": None}),
        reason=REASON,
        link=SOURCE,
        versions="<=0.10.2",
        formats=("bfloat16",),
        devices=("cpu",),
    ),
    Deviation(
        check="GRADIENTS scaled_dot_product_attention",
        region=_one_attention,
        example=Example({"q": ONE, "k": ONE, "v": ONE, "mask": None, "cotangent": ONE}),
        reason=REASON,
        link=SOURCE,
        versions="<=0.10.2",
        formats=("bfloat16",),
        devices=("cpu",),
    ),
    Deviation(
        check="VALUES multi_head_attention",
        region=_one_head,
        example=Example(HEAD, {"heads": 1}),
        reason=REASON,
        link=SOURCE,
        versions="<=0.10.2",
        formats=("bfloat16",),
        devices=("cpu",),
    ),
    Deviation(
        check="GRADIENTS multi_head_attention",
        region=_one_head,
        example=Example(HEAD | {"cotangent": ONE}, {"heads": 1}),
        reason=REASON,
        link=SOURCE,
        versions="<=0.10.2",
        formats=("bfloat16",),
        devices=("cpu",),
    ),
]
