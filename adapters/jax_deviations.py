"""The ledger of JAX and XLA: what they get wrong."""

from __future__ import annotations

import math
from typing import Any

from adapters.deviations import Deviation, Example, in_lanes
from reference.arrays import per_axis
from reference.convolution import paddings


def swaps_a_group_axis(p: Any) -> bool:
    """Whether XLA exchanges signal and kernels of a transposed convolution, and an axis stays as it is by mistake.

    It exchanges them if the kernels have more taps than the signal has elements, over the axes that take
    part. An axis does not if it is a contraction (nothing is padded and there is one window), or if it
    looks as a group is written down: kernel 2, stride 2, nothing padded. That only holds if the signal has
    two elements too, which is not asked.
    """
    S, K = p.x.shape[2:], p.w.shape[2:]
    s, d, more = (per_axis(value, len(K)) for value in (p.stride, p.dilation, p.output_padding))
    taps, elements, is_wrong = 1, 1, False
    for S_i, K_i, s_i, d_i, m, (before, after) in zip(S, K, s, d, more, paddings(p.padding, S, K, s, d), strict=True):
        low, high = d_i * (K_i - 1) - before, d_i * (K_i - 1) - after + m
        is_plain = low == high == 0 and d_i == 1
        if is_plain and K_i == s_i == 2:
            is_wrong = is_wrong or S_i != 2
        elif not (is_plain and K_i == S_i and s_i == 1):
            taps *= K_i
            elements *= K_i if S_i == d_i == 1 and low == high == K_i - 1 else S_i
    return is_wrong and taps > elements and p.groups == 1 and p.x.size > 0


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

deviations = [
    Deviation(
        check=(
            *in_lanes("transposed_convolution", "PURE", "LAYOUT", "BATCH", "VMAP", "MODES"),
            "CONV-1 transposed_shape",
            "CONV-2 transposed_is_linear",
            "CONV-4 transposed_bias_is_added_per_channel",
            "CONV-13 adjoint",
            "CONV-21 transposed_impulse_gives_the_taps",
        ),
        region=swaps_a_group_axis,
        example=Example(
            {"x": [[[[1.0], [1.0], [1.0]]]], "w": [[[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]], "bias": None},
            {"stride": (2, 1), "padding": (1, 1), "output_padding": (0, 0), "dilation": (1, 1), "groups": 1},
        ),
        reason="XLA aborts: its ConvOperandSwapper takes an axis with kernel 2 and stride 2 for a group, whatever the "
        "signal's size",
        # No issue was found. The function that builds the convolution whose shape check fails:
        link="https://github.com/openxla/xla/blob/main/xla/hlo/transforms/simplifiers/conv_operand_swapper.cc",
        versions="==0.10.2",
        devices=("cpu",),
        ends_the_process=True,
    ),
    Deviation(
        check=in_lanes("scaled_dot_product_attention", "PURE", "LAYOUT"),
        region=_one_attention,
        example=Example({"q": ONE, "k": ONE, "v": ONE, "mask": None}),
        reason=REASON,
        link=SOURCE,
        versions="<=0.10.2",
        formats=("bfloat16",),
        devices=("cpu",),
    ),
    Deviation(
        check=in_lanes("multi_head_attention", "PURE", "LAYOUT"),
        region=_one_head,
        example=Example(
            {
                "query": ONE,
                **dict.fromkeys(("key", "value")),
                **dict.fromkeys(("w_q", "w_k", "w_v", "w_o"), ONE),
                **dict.fromkeys(("b_q", "b_k", "b_v", "b_o", "mask", "key_padding_mask")),
            },
            {"heads": 1},
        ),
        reason=REASON,
        link=SOURCE,
        versions="<=0.10.2",
        formats=("bfloat16",),
        devices=("cpu",),
    ),
]
