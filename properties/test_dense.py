"""Laws of the dense layer."""

from __future__ import annotations

from typing import Any

from properties.law import law
from properties.sides import wide
from properties.strategies import denses


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
