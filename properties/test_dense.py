"""Laws of the dense layer, and of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.law import law
from properties.sides import wide
from properties.strategies import denses, feed_forwards


@law("DENSE-1", denses(bias=(False,), inputs=2))
def test_linear_in_the_input(f: Any, p: Any) -> Any:
    """dense(2x + x', w) = 2 dense(x, w) + dense(x', w), without bias."""
    return f.dense(2 * p.x + p.x2, p.w), 2 * f.dense(p.x, p.w) + f.dense(p.x2, p.w)


@law("DENSE-1", denses(bias=(False,), kernels=2))
def test_linear_in_the_weights(f: Any, p: Any) -> Any:
    """dense(x, 2w + w') = 2 dense(x, w) + dense(x, w'), without bias."""
    return f.dense(p.x, 2 * p.w + p.w2), 2 * f.dense(p.x, p.w) + f.dense(p.x, p.w2)


@law("DENSE-1", denses(bias=(True,)))
def test_bias_is_added(f: Any, p: Any) -> Any:
    """dense(x, w, b) = dense(x, w) + b."""
    return f.dense(*p.arrays), f.dense(p.x, p.w) + wide(p.bias)


@law("DENSE-2", denses(then=True, kinds=("integers", "normal", "sparse")))
def test_layers_compose(f: Any, p: Any) -> Any:
    """dense(dense(x, w, b), w', b') = dense(x, w' w, w' b + b'): two layers are one."""
    bias = p.bias_next if p.bias is None else np.matmul(p.w_next, p.bias) + p.bias_next
    two = f.dense(f.dense(p.x, p.w, p.bias), p.w_next, p.bias_next)
    return two, f.dense(p.x, np.matmul(p.w_next, p.w), bias)


@law("FFN-1", feed_forwards())
def test_positions_are_apart(f: Any, p: Any) -> Any:
    """Some positions in another order give the same rows in that order."""
    if p.x.ndim < 2:
        return f.feed_forward(*p.arrays), f.feed_forward(*p.arrays)
    some = np.flip(p.x, 0)[: max(1, p.x.shape[0] - 1)]
    return f.feed_forward(some, *p.arrays[1:]), np.flip(f.feed_forward(*p.arrays), 0)[: some.shape[0]]


@law("FFN-2", feed_forwards())
def test_layers_with_a_ramp_between(f: Any, p: Any) -> Any:
    """feed_forward(x) = dense(relu(dense(x, w1, b1)), w2, b2)."""
    return f.feed_forward(*p.arrays), f.dense(f.relu(f.dense(p.x, p.w1, p.b1)), p.w2, p.b2)
