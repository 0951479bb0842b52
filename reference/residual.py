"""Residual blocks.

    y = x + F(x)        F(x) = W2 max(0, W1 x + b1) + b2

A layer that should do nothing has only to learn F = 0: the identity is its simplest function (Meilă, 2026,
"Resnets - Residual networks", equation 3, which writes B phi(W x) + x). x and F(x) are added, so the branch
must come back to the width of x.
"""

from __future__ import annotations

import numpy as np

from reference.arrays import Array


def residual(x: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None) -> Array:
    """Add what a branch of two layers makes of x to x itself.

    Shapes: x (*N, d), weights w1 (m, d) and w2 (d, m), biases b1 (m,) and b2 (d,) -> (*N, d).
    Raises: ValueError if the ranks or widths do not agree. Only a width of 1 could be broadcast; it is refused as well.
    Source: Meilă (2026), "Resnets - Residual networks", equation 3, with a bias in each layer.

    >>> residual(np.array([1.0, 2.0]), w1=np.array([[1.0, 1.0]]), w2=np.array([[1.0], [-1.0]]))
    array([ 4., -1.])
    """
    d, m = np.shape(x)[-1:], np.shape(w1)[:1]
    widths = [(w1, m + d), (w2, d + m), (b1, m), (b2, d)]
    if not d or any(w is not None and np.shape(w) != shape for w, shape in widths):
        given = ", ".join(str(np.shape(w)) for w, _ in widths if w is not None)
        raise ValueError(f"weights and biases {given} do not take x {np.shape(x)} back to its own width")
    h = np.matmul(x, np.swapaxes(w1, 0, 1))
    if b1 is not None:
        h = h + b1
    branch = np.matmul(np.maximum(h, 0.0), np.swapaxes(w2, 0, 1))
    if b2 is not None:
        branch = branch + b2
    return x + branch
