"""Residual and dense blocks.

    y = x + F(x)        F(x) = W2 max(0, W1 x + b1) + b2

A layer that should do nothing has only to learn F = 0: the identity is its simplest function (Meilă, 2026,
"Resnets - Residual networks", equation 3, which writes B phi(W x) + x). x and F(x) are added, so the branch
must come back to the width of x.

    y = max(0, P(x) + F(x))        F(x) = norm(W2 * max(0, norm(W1 * x)))        P(x) = x or norm(V * x)

The basic block of residual networks has convolutions and batch norms in its branch, and a ReLU behind the sum (He,
Zhang, Ren and Sun, 2016, figure 2). Where F changes the size or the channels, x is projected.

    x_l = W_l * max(0, [x_0, x_1, ..., x_{l-1}])        y = [x_0, x_1, ..., x_L]

A dense block adds nothing: it keeps what every layer makes, beside its input x_0 (Huang, Liu, van der Maaten and
Weinberger, 2017, equation 2).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference.activations import relu
from reference.arrays import Array, PerAxis
from reference.convolution import convolution
from reference.normalization import batch_norm, factored_batch_norm, folded_batch_norm


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


class Layers(NamedTuple):
    """What a basic block is made of, for who computes one of them by another formula."""

    convolution: Callable[..., Array] = convolution
    batch_norm: Callable[..., tuple[Array, ...]] = batch_norm
    relu: Callable[..., Array] = relu


USUAL = Layers()


def basic_block(
    x: Array,
    w1: Array,
    mean1: Array,
    var1: Array,
    gamma1: Array,
    beta1: Array,
    w2: Array,
    mean2: Array,
    var2: Array,
    gamma2: Array,
    beta2: Array,
    w_x: Array | None = None,
    mean_x: Array | None = None,
    var_x: Array | None = None,
    gamma_x: Array | None = None,
    beta_x: Array | None = None,
    *,
    stride: PerAxis = 1,
    eps: float = 1e-5,
    layers: Any = USUAL,
) -> Array:
    """Convolution, norm, ReLU, convolution, norm; then x is added, before the last ReLU.

    The first convolution has the stride. Each is followed by a batch norm in evaluation, with the running statistics
    mean and var. w_x: the kernel of the projection of x, if there is one. A kernel of K elements an axis lies around
    its place, with a padding of K // 2 on both sides; so an odd one keeps the size. layers: Layers, or whatever has
    functions of these names.

    Shapes: x (N, C, *S), w1 (O, C, *K), w2 (O, O, *K), w_x (O, C, *K), all others (O,) -> (N, O, *ceil(S / stride)).
    Raises: ValueError if the branch and what it is added to have different shapes; else as convolution and batch_norm.
    Source: Jacquet (2022), "ResNet: Basic block"; He, Zhang, Ren and Sun (2016), figure 2 and section 3.3, option B.

    >>> x, one, norm = np.array([[[1.0, -5.0, 3.0]]]), np.array([[[1.0]]]), [np.zeros(1), np.ones(1), np.ones(1)]
    >>> basic_block(x, one, *norm, np.ones(1), one, *norm, np.zeros(1), eps=0.0)
    array([[[3., 0., 7.]]])
    """
    y = layers.relu(_normed_convolution(x, w1, mean1, var1, gamma1, beta1, stride, eps, layers))
    y = _normed_convolution(y, w2, mean2, var2, gamma2, beta2, 1, eps, layers)
    if w_x is not None:
        x = _normed_convolution(x, w_x, mean_x, var_x, gamma_x, beta_x, stride, eps, layers)
    if np.shape(x) != np.shape(y):
        raise ValueError(f"a branch {np.shape(y)} cannot be added to {np.shape(x)}: x needs a projection")
    return layers.relu(x + y)


def _normed_convolution(
    x: Array,
    w: Array,
    mean: Array | None,
    var: Array | None,
    gamma: Array | None,
    beta: Array | None,
    stride: PerAxis,
    eps: float,
    layers: Any,
) -> Array:
    z = layers.convolution(x, w, stride=stride, padding=tuple(K // 2 for K in w.shape[2:]))
    y, *_ = layers.batch_norm(z, mean, var, gamma, beta, eps=eps)
    return y


# The same block of layers as implementations compute them, by the names of those formulas.
OTHERS: dict[str, Callable[..., Array]] = {
    name: functools.partial(basic_block, layers=Layers(batch_norm=norm))
    for name, norm in (("folded", folded_batch_norm), ("factored", factored_batch_norm))
}


def dense_block(x: Array, w1: Array, w2: Array | None = None, w3: Array | None = None) -> Array:
    """Join to x, along its channels, what each layer makes of all before it: a ReLU, and a convolution.

    A layer of k kernels adds k channels. Its convolution keeps the size, with the padding "same".

    Shapes: x (N, C, *S), kernels w_l (k_l, C + k_1 + ... + k_{l-1}, *K) -> (N, C + k_1 + k_2 + ..., *S).
    Raises: ValueError if a kernel does not take all channels before it, or the spatial axes are not as many.
    Source: Huang, Liu, van der Maaten and Weinberger (2017), equation 2, with ReLU and convolution for H.

    >>> dense_block(np.array([[[1.0, -2.0]]]), np.array([[[3.0]]]), np.array([[[1.0], [1.0]]]))
    array([[[ 1., -2.],
            [ 3.,  0.],
            [ 4.,  0.]]])
    """
    for w in (w1, w2, w3):
        if w is not None:
            x = np.concatenate([x, convolution(relu(x), w, padding="same")], axis=1)
    return x
