"""What JAX is known to get wrong."""

from __future__ import annotations

import math
from typing import Any

from adapters.deviations import Deviation, Example


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
        check="VALUES multi_head_attention",
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
