"""The dense layer, also called fully connected or linear, and two of them with a ramp between.

    y[o] = b[o] + sum over i of  x[i] w[o, i]
    FFN(x) = W2 max(0, W1 x + b1) + b2

Each row of w holds the weights of one output.
"""

from __future__ import annotations

import numpy as np

from reference.arrays import Array


def dense(x: Array, w: Array, bias: Array | None = None) -> Array:
    """Take the inner product of every input with every row of weights.

    Shapes: x (*B, I), w (O, I), bias (O,) -> (*B, O).
    Raises: ValueError if the shapes do not match.
    Source: Gong, "Position-wise feed-forward network", with the weights transposed.

    >>> dense(np.array([1.0, 2.0]), np.array([[3.0, 4.0]]), np.array([0.5]))
    array([11.5])
    """
    if np.ndim(x) < 1 or np.ndim(w) != 2 or (bias is not None and np.shape(bias) != np.shape(w)[:1]):
        raise ValueError(f"inputs {np.shape(x)}, weights {np.shape(w)} and bias do not fit together")
    y = np.matmul(x, np.transpose(w))
    return y if bias is None else y + bias


def feed_forward(x: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None) -> Array:
    """Two dense layers at each position, which knows nothing of the others.

    Shapes: x (*N, d), weights w1 (m, d) and w2 (O, m), biases b1 (m,) and b2 (O,) -> (*N, O).
    Raises: ValueError if the shapes do not match.
    Source: Gong, "Position-wise feed-forward network", with the weights transposed.

    >>> feed_forward(np.array([1.0, 2.0]), w1=np.array([[1.0, 1.0], [1.0, -1.0]]), w2=np.array([[2.0, 3.0]]))
    array([6.])
    """
    return dense(np.maximum(dense(x, w1, b1), 0.0), w2, b2)
