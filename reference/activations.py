"""Activations and the softmax.

    relu(x) = max(x, 0)        sigmoid(x) = 1 / (1 + exp(-x))        gelu(x) = x Phi(x)        silu(x) = x sigmoid(x)

    softmax(x)[i] = exp(x[i] - max x) / sum over j of exp(x[j] - max x)

Phi is the distribution function of the normal distribution, Phi(x) = (1 + erf(x / sqrt 2)) / 2. The
maximum changes nothing in exact arithmetic; without it exp overflows, as it does in the formula that
lectures print (Chen, 2025, "Attention: Step 1").
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from reference.arithmetic.marks import operation
from reference.arrays import Array


def identity(x: Array) -> Array:
    """Leave numbers as they are.

    Shapes: x of any shape -> the same shape.
    Source: Gong, "Activation function".

    >>> identity(np.array([-2.0, 3.0]))
    array([-2.,  3.])
    """
    return x


def binary_step(x: Array, *, at_zero: float = 1.0) -> Array:
    """Put 1 for what is positive, and 0 for what is negative.

    What stands for 0 itself is a convention: at_zero, which is 1 in the lecture. NaN stays NaN.

    Shapes: x of any shape -> the same shape.
    Source: Gong, "Activation function".

    >>> binary_step(np.array([-2.0, 0.0, 3.0]))
    array([0., 1., 1.])
    """
    return np.where(x > 0, 1.0, np.where(x < 0, 0.0, x + at_zero))


def relu(x: Array) -> Array:
    """Keep what is positive, and put zero for the rest.

    Shapes: x of any shape -> the same shape.
    Source: Gong, "Activation function".

    >>> relu(np.array([-2.0, 3.0]))
    array([0., 3.])
    """
    return np.maximum(x, 0)


def leaky_relu(x: Array, *, slope: float = 0.01) -> Array:
    """Keep what is positive, and shrink what is negative.

        leaky_relu(x) = x if x > 0, else slope x

    At 0 it has both slopes: there the greater of x and slope x, which are equal, has either.

    Shapes: x of any shape -> the same shape; slope at most 1.
    Source: Gong, "Activation function", where the slope is 0.01.

    >>> leaky_relu(np.array([-2.0, 3.0]))
    array([-0.02,  3.  ])
    """
    return np.where(x > 0, x, np.maximum(x, slope * x))


def sigmoid(x: Array) -> Array:
    """Squash numbers into (0, 1).

    For very negative x exp(-x) overflows, but the result is exp(x).

    Shapes: x of any shape -> the same shape.
    Source: Gong, "Activation function".

    >>> sigmoid(np.array([0.0]))
    array([0.5])
    """
    return special.expit(x)


def tanh(x: Array) -> Array:
    """Squash numbers into (-1, 1): (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Computed as printed, it is inf / inf for large x.

    Shapes: x of any shape -> the same shape.
    Source: Gong, "Activation function".

    >>> tanh(np.array([0.0]))
    array([0.])
    """
    return np.tanh(x)


def gelu(x: Array, *, approximate: str = "none") -> Array:
    """Weight each number by the probability that a normal variable is below it.

        none    x Phi(x) = x/2 (1 + erf(x / sqrt 2))
        tanh    x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))

    For very negative x the sum cancels: the result is accurate to within x u, not to within its own digits.

    Shapes: x of any shape -> the same shape.
    Raises: ValueError for another name.
    Source: Hendrycks and Gimpel (2016), section 2; Gong, "Activation function".

    >>> gelu(np.array([0.0, 8.0]))
    array([0., 8.])
    """
    if approximate == "none":
        return x / 2 * (1 + special.erf(x * math.sqrt(0.5)))
    if approximate == "tanh":
        z = np.clip(x, -10, 10)  # beyond, tanh is 1 in every format, and the cube may overflow
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * (z * z * z))))
    raise ValueError(f'approximate "{approximate}" is neither "none" nor "tanh"')


def silu(x: Array) -> Array:
    """Weight each number by its own sigmoid.

    Of minus infinity the formula makes -inf 0 = NaN, although the limit is 0.

    Shapes: x of any shape -> the same shape.
    Source: Hendrycks and Gimpel (2016), section 2, as the sigmoid linear unit.

    >>> silu(np.array([0.0, 40.0]))
    array([ 0., 40.])
    """
    return x * special.expit(x)


def complementary_gelu(x: Array, *, approximate: str = "none") -> Array:
    """Form erf z from what it lacks of 1, as kernels with tables and polynomials do in effect.

    A further formula of gelu: near 0 erf is then as accurate as a number close to 1, not to its own digits.

    Shapes: as gelu.
    """
    if approximate != "none":
        return gelu(x, approximate=approximate)
    return x / 2 * (1 + (1 - (1 - special.erf(x * math.sqrt(0.5)))))


def gelu_by_rational_powers(x: Array, *, approximate: str = "none") -> Array:
    """The same map, with erf to within 1.5e-7 by powers of t = 1/(1 + 0.3275911 |z|).

    Source: Abramowitz and Stegun (1964), 7.1.26.
    """
    if approximate != "none":
        return gelu(x, approximate=approximate)
    z = x * math.sqrt(0.5)
    size = np.clip(np.abs(z), 0, 10)  # beyond, the exponential is 0 in every format
    t = 1 / (1 + 0.3275911 * size)
    powers = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = 1 - powers * np.exp(-(size * size))
    return x / 2 * (1 + np.where(z < 0, -erf, erf))


@operation
def softmax(x: Array, *, axis: int = -1) -> Array:
    """Turn scores into weights that are positive and sum to 1 along an axis.

    Shapes: x of any shape with at least one element along the axis -> the same shape.
    Of an axis that has none, or that x has not, NumPy itself raises ValueError.
    Source: Chen (2025), "Attention: Step 1", with the maximum subtracted.

    >>> softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


@operation
def log_softmax(x: Array, *, axis: int = -1) -> Array:
    """Take the logarithm of the softmax, also where that underflows.

        log_softmax(x)[i] = x[i] - max x - log(sum over j of exp(x[j] - max x))

    Shapes: x of any shape with at least one element along the axis -> the same shape.
    Of an axis that has none, or that x has not, NumPy itself raises ValueError.
    Source: Blanchard, Higham and Higham (2021).

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
