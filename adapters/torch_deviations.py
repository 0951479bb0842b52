"""What PyTorch gets wrong, as far as this suite knows."""

from __future__ import annotations

from typing import Any

from adapters.deviations import Deviation, Example


def _some_window_sticks_out(draw: Any) -> bool:
    """Whether the last window along some axis of lp_pool, which has no padding, sees less than its kernel."""
    sizes, strides = draw.x.shape[2:], draw.stride or draw.kernel
    rests = [(S - K) % s if S >= K else s for S, K, s in zip(sizes, draw.kernel, strides, strict=True)]
    begins = [S - rest + s - K < S for S, K, s, rest in zip(sizes, draw.kernel, strides, rests, strict=True)]
    return draw.ceil_mode and any(rest and begin for rest, begin in zip(rests, begins, strict=True))


deviations = [
    Deviation(
        check="VALUES lp_pool",
        region=_some_window_sticks_out,
        example=Example({"x": [[[1.0]]]}, {"kernel": (2,), "stride": None, "norm_type": 2, "ceil_mode": True}),
        reason=(
            "lp_pool with ceil_mode multiplies an average by the whole kernel, although the average divides by what "
            "the window sees: the norm of [1] becomes sqrt(2)"
        ),
        link="https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/functional.py: lp_pool1d, lp_pool2d, lp_pool3d",
        versions=">=2.6,<2.14",
    ),
]
