"""What PyTorch gets wrong, as far as this suite knows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapters.deviations import Deviation, Example
from reference.arithmetic import FLOAT32
from reference.pooling import lp_pool, sum_pool


def _a_window_that_sticks_out_is_not_zero(draw: Any) -> bool:
    """Whether some window of lp_pool sees less than its kernel, and something else than zeros.

    The largest magnitude is no average; and in three dimensions there is none of low formats.
    """
    x, options = (
        np.asarray(draw.x, np.float64),
        {name: draw.options[name] for name in ("kernel", "stride", "ceil_mode")},
    )
    if (
        not options["ceil_mode"]
        or draw.norm_type == math.inf
        or (x.ndim == 5 and draw.format.precision < FLOAT32.precision)
    ):
        return False
    seen = sum_pool(np.ones(x.shape), **options)
    y = lp_pool(x, **options, norm_type=draw.norm_type, signed=True)
    return bool(np.any((seen < math.prod(draw.kernel)) & (y != 0)))


deviations = [
    Deviation(
        check="VALUES lp_pool",
        region=_a_window_that_sticks_out_is_not_zero,
        example=Example({"x": [[[1.0]]]}, {"kernel": (2,), "stride": None, "norm_type": 2, "ceil_mode": True}),
        reason=(
            "lp_pool with ceil_mode multiplies an average by the whole kernel, although the average divides by what "
            "the window sees: the norm of [1] becomes sqrt(2)"
        ),
        link="https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/functional.py",
        versions="==2.13.*",
    ),
]
