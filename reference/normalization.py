"""Batch and layer normalisation.

    mu = (1/n) sum x        var = (1/n) sum (x - mu)^2        y = gamma (x - mu) / sqrt(var + eps) + beta

for each channel, over the batch and every position (batch norm); or for each sample, over its last axes
(layer norm; Ba, Kiros and Hinton, 2016). eps stands inside the root (Jacquet, 2022, "ResNet:
Batch normalization", Algorithm 1, after Ioffe and Szegedy, 2015). The variance is taken in two passes:
mean(x^2) - mu^2 cancels.
"""

from __future__ import annotations

import math

import numpy as np

from reference.arithmetic.marks import operation
from reference.arrays import Array


def batch_norm(
    x: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    unbiased: bool = True,
) -> tuple[Array, ...]:
    """Normalise each channel, by the batch in training and by the running statistics in evaluation.

        running = (1 - momentum) running + momentum batch

    In training the batch's mean and variance move the running ones; that variance is sum (x - mu)^2 /
    (n - 1) if unbiased, else / n (a convention). y itself always uses the biased one.

    Shapes: x (N, C, *S); running_mean, running_var, weight gamma, bias beta (C,) -> y like x, and the two
    statistics (C,).
    Raises: ValueError in training if a channel has no value, or, unbiased, only one; if eps is negative, or
    something has not one number a channel.
    Source: Jacquet (2022), "ResNet: Batch normalization".

    >>> y, mean, var = batch_norm(np.array([[1.0], [3.0]]), np.zeros(1), np.ones(1), training=True, eps=0.0)
    >>> y.ravel(), mean, var
    (array([-1.,  1.]), array([0.2]), array([1.1]))
    """
    mean, var, *running = statistics(x, running_mean, running_var, training, momentum, eps, unbiased)
    y = (x - mean) / np.sqrt(var + eps)
    if weight is not None:
        y = y * along_channels(weight, x)
    if bias is not None:
        y = y + along_channels(bias, x)
    return y, *running


def folded_batch_norm(
    x: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    unbiased: bool = True,
) -> tuple[Array, ...]:
    """The same map folded into a scale and a shift for each channel, y = a x + (beta - mu a).

    Here a = gamma / sqrt(var + eps). Equal in exact arithmetic; rounded, it loses the digits that |mu|
    has above |x - mu|, so a backend that computes so says so.
    """
    mean, var, *running = statistics(x, running_mean, running_var, training, momentum, eps, unbiased)
    a = 1 / np.sqrt(var + eps)
    if weight is not None:
        a = a * along_channels(weight, x)
    shift = -(mean * a) if bias is None else along_channels(bias, x) - mean * a
    return x * a + shift, *running


def factored_batch_norm(
    x: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    unbiased: bool = True,
) -> tuple[Array, ...]:
    """The same map with one factor for each channel, y = (x - mu) a + beta, a = gamma (var + eps)^(-1/2).

    The gradient of the root is a power of it, which underflows where the result does not.
    """
    mean, var, *running = statistics(x, running_mean, running_var, training, momentum, eps, unbiased)
    a = reciprocal_root(var + eps)
    y = (x - mean) * (a if weight is None else a * along_channels(weight, x))
    return y if bias is None else y + along_channels(bias, x), *running


def statistics(
    x: Array, running_mean: Array, running_var: Array, training: bool, momentum: float, eps: float, unbiased: bool
) -> tuple[Array, ...]:
    """The mean and variance that normalise, (1, C, 1, ...), and the running ones after the call, (C,)."""
    if eps < 0:
        raise ValueError(f"eps {eps} is negative")
    usual = along_channels(running_mean, x), along_channels(running_var, x)
    if not training:
        return *usual, running_mean, running_var
    axes = (0, *range(2, x.ndim))
    n = math.prod(x.shape[i] for i in axes)
    if n < (2 if unbiased else 1):
        raise ValueError(f"a variance {'with n - 1 ' if unbiased else ''}needs more than {n} values a channel")
    mean = np.sum(x, axis=axes, keepdims=True) / n
    d = x - mean
    squares = np.sum(d * d, axis=axes, keepdims=True)
    batch_mean = np.reshape(mean, (x.shape[1],))
    batch_var = np.reshape(squares, (x.shape[1],)) / (n - 1 if unbiased else n)
    running_mean = (1 - momentum) * running_mean + momentum * batch_mean
    running_var = (1 - momentum) * running_var + momentum * batch_var
    return mean, squares / n, running_mean, running_var


def along_channels(v: Array, x: Array) -> Array:
    """Lay one number a channel along axis 1 of x. Raises: ValueError if v has not one for each."""
    if np.ndim(x) < 2 or np.shape(v) != np.shape(x)[1:2]:
        raise ValueError(f"{np.shape(v)} is not one number for each channel of x {np.shape(x)}")
    return np.reshape(v, (1, x.shape[1]) + (1,) * (x.ndim - 2))


def layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, axes: int = 1, eps: float = 1e-5
) -> Array:
    """Normalise each sample by itself, over its last axes; axes says how many these are.

    Shapes: x (*B, *D) with axes sides D; weight gamma, bias beta (*D,) -> y like x.
    Raises: ValueError if x has too few axes, or no number to normalise; if eps is negative, or a weight or
    bias has another shape.
    Source: Ba, Kiros and Hinton (2016); Gong, "One last detail: layer normalization"; with eps besides.

    >>> layer_norm(np.array([[1.0, 3.0], [10.0, 30.0]]), eps=0.0)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    n = normalised(x, axes, eps)
    over = tuple(range(-axes, 0))
    d = x - np.sum(x, axis=over, keepdims=True) / n
    y = d / np.sqrt(np.sum(d * d, axis=over, keepdims=True) / n + eps)
    return _affine(y, weight, bias, axes)


def factored_layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, axes: int = 1, eps: float = 1e-5
) -> Array:
    """The same with one factor, y = (x - mu) a + beta, a = gamma (var + eps)^(-1/2)."""
    n = normalised(x, axes, eps)
    over = tuple(range(-axes, 0))
    d = x - np.sum(x, axis=over, keepdims=True) / n
    a = reciprocal_root(np.sum(d * d, axis=over, keepdims=True) / n + eps)
    return _affine(d * (a if weight is None else a * weight), None, bias, axes)


def updating_layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, axes: int = 1, eps: float = 1e-5
) -> Array:
    """The same with the moments in one pass, updated by one number after another."""
    mean, var = updated_moments(x, axes, eps)
    return _affine((x - mean) * (1 / np.sqrt(var + eps)), weight, bias, axes)


def folded_layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, axes: int = 1, eps: float = 1e-5
) -> Array:
    """The same with updated moments, and x - mu folded into x a - mu a, a = 1 / sqrt(var + eps).

    Rounding x a and mu a is like rounding x and mu before they are subtracted, and so it is written: an
    error of a itself is common to both, and does not count against the digits that cancel. The last term
    is 0; where x a or mu a overflows, nothing is known of it.
    """
    mean, var = updated_moments(x, axes, eps)
    a = 1 / np.sqrt(var + eps)
    return _affine((rounded(x) - rounded(mean)) * a + 0 * (x * a - mean * a), weight, bias, axes)


@operation
def reciprocal_root(x: Array) -> Array:
    """Take x^(-1/2)."""
    return 1 / np.sqrt(x)


def rounded(x: Array) -> Array:
    """x itself, but for two roundings."""
    return 3 * x / 3


def updated_moments(x: Array, axes: int, eps: float) -> tuple[Array, Array]:
    """Mean and variance, each number moving both (Welford, 1962; Chan, Golub and LeVeque, 1983).

    mu_k = mu_{k-1} + (x_k - mu_{k-1}) / k        M_k = M_{k-1} + (x_k - mu_{k-1}) (x_k - mu_k)
    """
    n = normalised(x, axes, eps)
    rows = np.reshape(x, (*np.shape(x)[:-axes], *[1] * axes, n))
    mean, squares = rows[..., 0], rows[..., 0] - rows[..., 0]
    for k in range(1, n):
        d = rows[..., k] - mean
        mean = mean + d / (k + 1)
        squares = squares + d * (rows[..., k] - mean)
    return mean, squares / n


def normalised(x: Array, axes: int, eps: float) -> int:
    """How many numbers are normalised together."""
    n = math.prod(np.shape(x)[-axes:])
    if not 1 <= axes <= np.ndim(x) or n == 0:
        raise ValueError(f"no {axes} axes with numbers in x {np.shape(x)}")
    if eps < 0:
        raise ValueError(f"eps {eps} is negative")
    return n


def _affine(y: Array, weight: Array | None, bias: Array | None, axes: int) -> Array:
    given = [np.shape(v) for v in (weight, bias) if v is not None]
    if any(shape != np.shape(y)[-axes:] for shape in given):
        raise ValueError(f"weight and bias {given} do not have the shape {np.shape(y)[-axes:]} of what is normalised")
    y = y if weight is None else y * weight
    return y if bias is None else y + bias
