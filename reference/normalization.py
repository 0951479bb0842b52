"""Batch, layer, group, instance and RMS normalisation.

    mu = (1/n) sum x        var = (1/n) sum (x - mu)^2        y = gamma (x - mu) / sqrt(var + eps) + beta

What the sums run over makes the difference, in x (N, C, *S) and, for layer norm, x (*B, *D):

    batch norm       for each channel, over the batch and every position
    layer norm       for each sample, over its last axes (Ba, Kiros and Hinton, 2016)
    group norm       for each sample and each group of channels, over these and every position (Wu and He, 2018)
    instance norm    for each sample and each channel, over every position (Ulyanov, Vedaldi and Lempitsky, 2016)
    RMS norm         as layer norm, with 0 for mu (Zhang and Sennrich, 2019)

eps stands inside the root (Jacquet, 2022, "ResNet: Batch normalization", Algorithm 1, after Ioffe and
Szegedy, 2015). The variance is taken in two passes: mean(x^2) - mu^2 cancels.
"""

from __future__ import annotations

import math

import numpy as np

from reference.arithmetic.marks import lost, operation
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
    return _affine_by_channels((x - mean) / np.sqrt(var + eps), weight, bias), *running


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
    return _folded(x, mean, var, _given(weight, x), _given(bias, x), eps), *running


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
    return _factored(x - mean, var, _given(weight, x), _given(bias, x), eps), *running


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
    _, d, var = moments(x, axes, eps)
    return _affine(d / np.sqrt(var + eps), weight, bias, axes)


def factored_layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, axes: int = 1, eps: float = 1e-5
) -> Array:
    """The same with one factor, y = (x - mu) a + beta, a = gamma (var + eps)^(-1/2)."""
    _, d, var = moments(x, axes, eps)
    return _factored(d, var, weight, bias, eps)


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
    error of a itself is common to both, and does not count against the digits that cancel.
    """
    mean, var = updated_moments(x, axes, eps)
    a = 1 / np.sqrt(var + eps)
    return _affine((rounded(x) - rounded(mean)) * a + out_of_range(x, mean, a), weight, bias, axes)


def group_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, groups: int, eps: float = 1e-5
) -> Array:
    """Normalise each group of channels of each sample, over these channels and every position.

    Group g has the channels g C/groups, ..., (g + 1) C/groups - 1.

    Shapes: x (N, C, *S) with groups dividing C; weight gamma, bias beta (C,) -> y like x.
    Raises: ValueError if groups does not divide C, or a group has no number; if eps is negative, or a
    weight or bias has not one number a channel.
    Source: Wu and He (2018), equations 1, 2 and 7.

    >>> group_norm(np.array([[1.0, 3.0, 10.0, 30.0]]), groups=2, eps=0.0)
    array([[-1.,  1., -1.,  1.]])
    """
    y = np.reshape(layer_norm(in_groups(x, groups), axes=2, eps=eps), x.shape)
    return _affine_by_channels(y, weight, bias)


def folded_group_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, groups: int, eps: float = 1e-5
) -> Array:
    """The same with updated moments, and a scale and a shift for each channel if there is a weight or a bias.

        y = x a + (beta - mu a)        a = gamma / sqrt(var + eps)

    As in folded_layer_norm, what rounding does to x a and to beta - mu a is written as what it does to x, mu
    and beta.
    """
    z = in_groups(x, groups)
    mean, var = updated_moments(z, 2, eps)
    a = 1 / np.sqrt(var + eps)
    gamma, beta = (v if v is None else in_groups(v, groups) for v in (_given(weight, x), _given(bias, x)))
    if gamma is None and beta is None:
        return np.reshape((z - mean) * a, x.shape)
    a = a if gamma is None else a * gamma
    y = (rounded(z) - rounded(mean)) * a + out_of_range(z, mean, a)
    return np.reshape(y if beta is None else y + rounded(beta), x.shape)


def factored_group_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, groups: int, eps: float = 1e-5
) -> Array:
    """The same with one factor, as factored_layer_norm."""
    _, d, var = moments(in_groups(x, groups), 2, eps)
    gamma, beta = (v if v is None else in_groups(v, groups) for v in (_given(weight, x), _given(bias, x)))
    return np.reshape(_factored(d, var, gamma, beta, eps), x.shape)


def in_groups(x: Array, groups: int) -> Array:
    """Lay the channels of x (N, C, *S) out in groups, (N, groups, C/groups, prod S).

    Raises: ValueError if they cannot be.
    """
    if np.ndim(x) < 2 or groups < 1 or np.shape(x)[1] % groups:
        raise ValueError(f"the channels of x {np.shape(x)} cannot be put in {groups} groups")
    N, C, *S = np.shape(x)
    return np.reshape(x, (N, groups, C // groups, math.prod(S)))


def instance_norm(x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5) -> Array:
    """Normalise each channel of each sample, over every position.

    Shapes: x (N, C, *S) with at least one position; weight gamma, bias beta (C,) -> y like x.
    Raises: ValueError if there is no position; if eps is negative, or a weight or bias has not one number a
    channel.
    Source: Ulyanov, Vedaldi and Lempitsky (2016), the equation of section 2; with gamma and beta besides.

    >>> instance_norm(np.array([[[1.0, 3.0], [10.0, 30.0]]]), eps=0.0)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    return _affine_by_channels(layer_norm(x, axes=np.ndim(x) - 2, eps=eps), weight, bias)


def folded_instance_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5
) -> Array:
    """The same map folded into a scale and a shift, as folded_batch_norm."""
    mean, _, var = moments(x, np.ndim(x) - 2, eps)
    return _folded(x, mean, var, _given(weight, x), _given(bias, x), eps)


def factored_instance_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5
) -> Array:
    """The same with one factor, as factored_layer_norm."""
    _, d, var = moments(x, np.ndim(x) - 2, eps)
    return _factored(d, var, _given(weight, x), _given(bias, x), eps)


def rms_norm(x: Array, weight: Array | None = None, *, axes: int = 1, eps: float = 1e-5) -> Array:
    """Divide each sample by its root mean square over its last axes; nothing is subtracted.

        y = gamma x / sqrt((1/n) sum x^2 + eps)

    Shapes: x (*B, *D) with axes sides D; weight gamma (*D,) -> y like x.
    Raises: ValueError if x has too few axes, or no number to normalise; if eps is negative, or a weight has
    another shape.
    Source: Zhang and Sennrich (2019), equation 4; with eps besides.

    >>> rms_norm(np.array([[1.0, 7.0], [-10.0, 70.0]]), eps=0.0)
    array([[ 0.2,  1.4],
           [-0.2,  1.4]])
    """
    return _affine(x / np.sqrt(mean_square(x, axes, eps) + eps), weight, None, axes)


def factored_rms_norm(x: Array, weight: Array | None = None, *, axes: int = 1, eps: float = 1e-5) -> Array:
    """The same with one factor, y = x a, a = gamma (mean(x^2) + eps)^(-1/2)."""
    return _factored(x, mean_square(x, axes, eps), weight, None, eps)


@operation
def reciprocal_root(x: Array) -> Array:
    """Take x^(-1/2)."""
    return 1 / np.sqrt(x)


def rounded(x: Array) -> Array:
    """x itself, but for two roundings."""
    return 3 * x / 3


def out_of_range(x: Array, mean: Array, a: Array) -> Array:
    """0: where x a or mu a overflows nothing is known of it, and where they are subnormal what they may lose."""
    return 0 * (x * a - mean * a) + lost(x * a) + lost(mean * a)


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


def moments(x: Array, axes: int, eps: float) -> tuple[Array, Array, Array]:
    """The mean over the last axes, what x has above it, and the variance."""
    n, over = normalised(x, axes, eps), tuple(range(-axes, 0))
    mean = np.sum(x, axis=over, keepdims=True) / n
    d = x - mean
    return mean, d, np.sum(d * d, axis=over, keepdims=True) / n


def mean_square(x: Array, axes: int, eps: float) -> Array:
    """The mean of x^2 over the last axes."""
    n = normalised(x, axes, eps)
    return np.sum(x * x, axis=tuple(range(-axes, 0)), keepdims=True) / n


def normalised(x: Array, axes: int, eps: float) -> int:
    """How many numbers are normalised together."""
    n = math.prod(np.shape(x)[-axes:])
    if not 1 <= axes <= np.ndim(x) or n == 0:
        raise ValueError(f"no {axes} axes with numbers in x {np.shape(x)}")
    if eps < 0:
        raise ValueError(f"eps {eps} is negative")
    return n


def _folded(x: Array, mean: Array, var: Array, gamma: Array | None, beta: Array | None, eps: float) -> Array:
    """y = a x + (beta - mu a)."""
    a = 1 / np.sqrt(var + eps)
    a = a if gamma is None else a * gamma
    return x * a + (-(mean * a) if beta is None else beta - mean * a)


def _factored(d: Array, var: Array, gamma: Array | None, beta: Array | None, eps: float) -> Array:
    """y = d a + beta for d = x - mu."""
    a = reciprocal_root(var + eps)
    y = d * (a if gamma is None else a * gamma)
    return y if beta is None else y + beta


def _given(v: Array | None, x: Array) -> Array | None:
    """One number a channel along axis 1 of x, if there are any."""
    return None if v is None else along_channels(v, x)


def _affine_by_channels(y: Array, weight: Array | None, bias: Array | None) -> Array:
    y = y if weight is None else y * along_channels(weight, y)
    return y if bias is None else y + along_channels(bias, y)


def _affine(y: Array, weight: Array | None, bias: Array | None, axes: int) -> Array:
    given = [np.shape(v) for v in (weight, bias) if v is not None]
    if any(shape != np.shape(y)[-axes:] for shape in given):
        raise ValueError(f"weight and bias {given} do not have the shape {np.shape(y)[-axes:]} of what is normalised")
    y = y if weight is None else y * weight
    return y if bias is None else y + bias
