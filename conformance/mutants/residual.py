"""Wrong residual blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from reference import residual


def _branch(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None, activation: Any = None) -> Any:
    """F(x), of widths that agree or not, as NumPy has it."""
    h = x @ w1.T if b1 is None else x @ w1.T + b1
    y = (np.maximum(h, 0) if activation is None else activation(h)) @ w2.T
    return y if b2 is None else y + b2


@mutant("residual")
def forgets_x(x: Any, *layers: Any) -> Any:
    """F(x) alone: no residual."""
    return _branch(x, *layers)


@mutant("residual")
def forgets_the_branch(x: Any, *layers: Any) -> Any:
    """x alone, as with all of the branch dropped."""
    residual(x, *layers)
    return x


@mutant("residual")
def subtracts(x: Any, *layers: Any) -> Any:
    """x - F(x)."""
    return 2 * x - residual(x, *layers)


@mutant("residual")
def adds_x_twice(x: Any, *layers: Any) -> Any:
    """2x + F(x)."""
    return x + residual(x, *layers)


@mutant("residual")
def averages(x: Any, *layers: Any) -> Any:
    """(x + F(x)) / sqrt(2), which keeps the variance and no identity."""
    return residual(x, *layers) / math.sqrt(2)


@mutant("residual")
def adds_what_is_activated(x: Any, *layers: Any) -> Any:
    """max(0, x) + F(x): an activation in place has overwritten x."""
    return residual(x, *layers) - x + np.maximum(x, 0)


@mutant("residual")
def activates_the_sum(x: Any, *layers: Any) -> Any:
    """max(0, x + F(x)), as the first residual networks had it: the path of x is no identity."""
    return np.maximum(residual(x, *layers), 0)


@mutant("residual")
def activates_the_branch(x: Any, *layers: Any) -> Any:
    """x + max(0, F(x)): the branch can only add."""
    return x + np.maximum(residual(x, *layers) - x, 0)


@mutant("residual")
def has_no_activation(x: Any, *layers: Any) -> Any:
    """A linear branch."""
    return residual(x, *[None if w is None else np.zeros(w.shape) for w in layers]) + _branch(
        x, *layers, *[None] * (4 - len(layers)), lambda h: h
    )


@mutant("residual")
def leaks(x: Any, *layers: Any) -> Any:
    """A leaky activation inside."""
    return x + _branch(x, *layers, *[None] * (4 - len(layers)), lambda h: np.maximum(h, 0.01 * h))


@mutant("residual")
def forgets_the_inner_bias(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """b1 is ignored."""
    return residual(x, w1, w2, None, b2)


@mutant("residual")
def activates_before_the_bias(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """b1 is added after the activation."""
    if b1 is None:
        return residual(x, w1, w2, None, b2)
    return residual(x, w1, w2, None, b2) + b1 @ w2.T


@mutant("residual")
def fits_what_does_not(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """Cuts every width to what x and W1 have, so that no mismatch is ever noticed."""
    d, m = min(x.shape[-1], w1.shape[1], w2.shape[0]), min(w1.shape[0], w2.shape[1])
    shift1, shift2 = b1 if b1 is None else b1[:m], b2 if b2 is None else b2[:d]
    return residual(x[..., :d], w1[:m, :d], w2[:d, :m], shift1, shift2)


@mutant("residual")
def adds_where_it_fits(x: Any, w1: Any, w2: Any, *biases: Any) -> Any:
    """Leaves x out where the widths of x and F(x) differ."""
    if w2.shape[0] == x.shape[-1]:
        return residual(x, w1, w2, *biases)
    return _branch(x, w1, w2, *biases)
