"""What PyTorch is known to get wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapters.deviations import Deviation, Example


def _empty_batch_with_masks(p: Any) -> bool:
    """A batch of none and a mask for each sample, save where the fast path takes padding alone."""
    if p.query.ndim < 3 or p.query.shape[0]:
        return False
    if p.mask is not None and p.mask.ndim > 2:
        return True
    is_fast = p.key is None and p.b_q is not None and p.heads % 2 == 0 and (p.mask is None or p.mask.dtype == bool)
    return p.key_padding_mask is not None and not is_fast


deviations = [
    Deviation(
        check="VALUES multi_head_attention",
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
]
