"""Laws of the activations and the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import at_most, same_bits
from properties.law import law
from properties.sides import wide
from properties.strategies import (
    binary_steps,
    gelus,
    identities,
    leaky_relus,
    log_softmaxes,
    relus,
    sigmoids,
    silus,
    softmaxes,
    tanhs,
)
from properties.strategies.cotangents import differentiated


@law("SOFT-1", softmaxes(), verb=at_most)
def test_positive(f: Any, p: Any) -> Any:
    """0 <= softmax(x)."""
    y = f.softmax(p.x, **p.options)
    return np.zeros(y.shape), y


@law("SOFT-1", softmaxes())
def test_sums_to_one(f: Any, p: Any) -> Any:
    """sum softmax(x) = 1."""
    total = np.sum(f.softmax(p.x, **p.options), axis=p.axis)
    return total, np.ones(total.shape)


@law("SOFT-2", softmaxes(shift=True))
def test_shift_invariance(f: Any, p: Any) -> Any:
    """softmax(x + c) = softmax(x)."""
    return f.softmax(p.x + p.c, **p.options), f.softmax(p.x, **p.options)


@law("SOFT-3", softmaxes())
def test_permutation_equivariance(f: Any, p: Any) -> Any:
    """softmax(x in another order) = softmax(x) in that order."""
    return f.softmax(_reordered(p.x, p.axis), **p.options), _reordered(f.softmax(p.x, **p.options), p.axis)


def _reordered(x: Any, axis: int) -> Any:
    """The last two to the front, which exchanged places."""
    return np.roll(np.flip(x, axis), 2, axis)


@law("SOFT-2", log_softmaxes(shift=True))
def test_log_shift_invariance(f: Any, p: Any) -> Any:
    """log_softmax(x + c) = log_softmax(x)."""
    return f.log_softmax(p.x + p.c, **p.options), f.log_softmax(p.x, **p.options)


@law("SOFT-3", log_softmaxes())
def test_log_permutation_equivariance(f: Any, p: Any) -> Any:
    """log_softmax(x in another order) = log_softmax(x) in that order."""
    return f.log_softmax(_reordered(p.x, p.axis), **p.options), _reordered(f.log_softmax(p.x, **p.options), p.axis)


@law("AXIS-1", softmaxes(from_both_ends=True))
def test_softmax_along_an_axis(f: Any, p: Any) -> Any:
    """softmax(x) along axis a = softmax of x with a moved to the end, moved back; a - rank is the same axis."""
    return f.softmax(p.x, **p.options), np.moveaxis(f.softmax(np.moveaxis(p.x, p.axis, -1)), -1, p.axis)


@law("AXIS-1", log_softmaxes(from_both_ends=True))
def test_log_softmax_along_an_axis(f: Any, p: Any) -> Any:
    """log_softmax(x) along axis a = log_softmax of x with a moved to the end, moved back."""
    return f.log_softmax(p.x, **p.options), np.moveaxis(f.log_softmax(np.moveaxis(p.x, p.axis, -1)), -1, p.axis)


@law("SOFT-5", softmaxes(length=(2,)))
def test_two_classes(f: Any, p: Any) -> Any:
    """softmax([a, b])[0] = sigmoid(a - b)."""
    a, b = np.split(p.x, 2, axis=p.axis)
    return np.split(f.softmax(p.x, **p.options), 2, axis=p.axis)[0], f.sigmoid(a - b)


# Numbers of ordinary size: elsewhere the result is one of its limits, and its slope only rounding.
UNSATURATED = ("integers", "normal", "repeated", "sparse", "tiny")


@law("SOFT-6", differentiated(softmaxes(kinds=UNSATURATED)))
def test_rows_of_the_jacobian(f: Any, p: Any) -> Any:
    """The gradient by x sums to 0, since the softmax of x + c is the same: what it adds is what it takes away."""
    g = f.gradient("softmax", p.cotangent, p.x, by="x", **p.options)
    added, taken = (np.sum(np.maximum(part, 0.0), axis=p.axis) for part in (g, -g))
    return added, taken


@law("SOFT-4", log_softmaxes())
def test_logarithm_of_the_softmax(f: Any, p: Any) -> Any:
    """exp(log_softmax(x)) = softmax(x)."""
    return np.exp(f.log_softmax(p.x, **p.options)), f.softmax(p.x, **p.options)


@law("SOFT-4", log_softmaxes())
def test_no_underflow(f: Any, p: Any) -> Any:
    """log_softmax(x) - max log_softmax(x) = x - max x, also where the softmax is zero."""
    y, x = f.log_softmax(p.x, **p.options), wide(p.x)
    return y - np.max(y, axis=p.axis, keepdims=True), x - np.max(x, axis=p.axis, keepdims=True)


@law("ACT-1", relus())
def test_relu_is_idempotent(f: Any, p: Any) -> Any:
    """relu(relu(x)) = relu(x)."""
    return f.relu(f.relu(p.x)), f.relu(p.x)


@law("ACT-1", relus())
def test_relu_is_homogeneous(f: Any, p: Any) -> Any:
    """relu(4x) = 4 relu(x)."""
    return f.relu(4 * p.x), 4 * f.relu(p.x)


@law("ACT-2", sigmoids())
def test_sigmoid_is_symmetric(f: Any, p: Any) -> Any:
    """sigmoid(-x) = 1 - sigmoid(x)."""
    return f.sigmoid(-p.x), 1 - f.sigmoid(p.x)


@law("ACT-2", tanhs())
def test_tanh_is_odd(f: Any, p: Any) -> Any:
    """tanh(-x) = -tanh(x)."""
    return f.tanh(-p.x), -f.tanh(p.x)


@law("ACT-2", tanhs())
def test_tanh_by_sigmoid(f: Any, p: Any) -> Any:
    """tanh(x) = 2 sigmoid(2x) - 1."""
    return f.tanh(p.x), 2 * f.sigmoid(2 * p.x) - 1


@law("ACT-3", gelus())
def test_gelu_of_both_signs(f: Any, p: Any) -> Any:
    """gelu(x) - gelu(-x) = x, in both forms."""
    return f.gelu(p.x, **p.options) - f.gelu(-p.x, **p.options), wide(p.x)


@law("ACT-5", relus(inputs=2), verb=at_most)
def test_relu_is_monotone(f: Any, p: Any) -> Any:
    """relu(x) <= relu(max(x, x2))."""
    return f.relu(p.x), f.relu(np.maximum(p.x, p.x2))


@law("ACT-5", sigmoids(inputs=2), verb=at_most)
def test_sigmoid_is_monotone(f: Any, p: Any) -> Any:
    """sigmoid(x) <= sigmoid(max(x, x2))."""
    return f.sigmoid(p.x), f.sigmoid(np.maximum(p.x, p.x2))


@law("ACT-5", tanhs(inputs=2), verb=at_most)
def test_tanh_is_monotone(f: Any, p: Any) -> Any:
    """tanh(x) <= tanh(max(x, x2))."""
    return f.tanh(p.x), f.tanh(np.maximum(p.x, p.x2))


@law("ACT-5", gelus(inputs=2), verb=at_most)
def test_gelu_is_monotone(f: Any, p: Any) -> Any:
    """gelu(x) <= gelu(max(x, x2)) for x >= -0.75, in both forms."""
    x = np.maximum(p.x, -0.75)
    return f.gelu(x, **p.options), f.gelu(np.maximum(x, p.x2), **p.options)


@law("ACT-1", identities(), verb=same_bits)
def test_identity_changes_nothing(f: Any, p: Any) -> Any:
    """identity(x) = x, to the bit."""
    return f.identity(p.x), p.x


@law("ACT-3", silus())
def test_silu_of_both_signs(f: Any, p: Any) -> Any:
    """silu(x) - silu(-x) = x."""
    return f.silu(p.x) - f.silu(-p.x), wide(p.x)


@law("ACT-4", leaky_relus())
def test_leaky_relu_is_a_maximum(f: Any, p: Any) -> Any:
    """leaky_relu(x) = max(x, slope x), for slopes below 1."""
    return f.leaky_relu(p.x, **p.options), np.maximum(wide(p.x), p.slope * wide(p.x))


@law("ACT-5", silus(inputs=2), verb=at_most)
def test_silu_is_monotone(f: Any, p: Any) -> Any:
    """silu(x) <= silu(max(x, x2)) for x >= -1.27."""
    x = np.maximum(p.x, -1.27)
    return f.silu(x), f.silu(np.maximum(x, p.x2))


@law("ACT-5", leaky_relus(inputs=2), verb=at_most)
def test_leaky_relu_is_monotone(f: Any, p: Any) -> Any:
    """leaky_relu(x) <= leaky_relu(max(x, x2))."""
    return f.leaky_relu(p.x, **p.options), f.leaky_relu(np.maximum(p.x, p.x2), **p.options)


FAR = 16  # what moves most numbers to where the exponential is small


@law("ACT-6", sigmoids())
def test_tail_of_the_sigmoid(f: Any, p: Any) -> Any:
    """sigmoid(x) = exp(x) sigmoid(-x) for x <= 0: its own digits are right, however small it is."""
    x = -np.abs(FAR * p.x)
    return f.sigmoid(x), np.exp(wide(x)) * f.sigmoid(-x)


@law("ACT-6", silus())
def test_tail_of_silu(f: Any, p: Any) -> Any:
    """silu(x) = exp(x) x sigmoid(-x) = -exp(x) silu(-x) for x <= 0: its own digits are right."""
    x = -np.abs(FAR * p.x)
    return f.silu(x), -(np.exp(wide(x)) * f.silu(-x))


@law("ACT-6", tanhs())
def test_tail_of_tanh(f: Any, p: Any) -> Any:
    """1 - tanh(x) = exp(-2x) (1 + tanh(x)) for x >= 0: it comes to 1, and not beyond."""
    x = np.abs(2 * p.x)
    y = f.tanh(x)
    return 1 - y, np.exp(-2 * wide(x)) * (1 + y)


@law("ACT-6", gelus(), verb=at_most)
def test_tail_of_gelu(f: Any, p: Any) -> Any:
    """-gelu(x) <= -x exp(x) for x <= 0, in both forms: it comes to 0, and not beyond."""
    x = -np.abs(FAR * p.x)
    return -f.gelu(x, **p.options), -wide(x) * np.exp(wide(x))


@law("ACT-6", differentiated(sigmoids()))
def test_gradient_of_the_sigmoids_tail(f: Any, p: Any) -> Any:
    """sigmoid'(x) = exp(x) sigmoid(-x)^2 for x <= 0."""
    x = -np.abs(FAR * p.x)
    far = f.sigmoid(-x)
    return f.gradient("sigmoid", p.cotangent, x, by="x"), wide(p.cotangent) * np.exp(wide(x)) * far * far


@law("ACT-6", differentiated(tanhs(kinds=UNSATURATED)))
def test_gradient_of_tanhs_tail(f: Any, p: Any) -> Any:
    """tanh'(x) = tanh'(-x), as far out as 1 - tanh(x)^2 is not all rounding."""
    x = 2 * p.x
    return tuple(f.gradient("tanh", p.cotangent, z, by="x") for z in (x, -x))


@law("ACT-6", differentiated(gelus()))
def test_gradient_of_gelus_tails(f: Any, p: Any) -> Any:
    """gelu'(x) + gelu'(-x) = 1, in both forms."""
    x = FAR * p.x
    g, h = (f.gradient("gelu", p.cotangent, z, by="x", **p.options) for z in (x, -x))
    return g + h, wide(p.cotangent)


@law("ACT-6", differentiated(silus()))
def test_gradient_of_silus_tails(f: Any, p: Any) -> Any:
    """silu'(x) + silu'(-x) = 1."""
    x = FAR * p.x
    g, h = (f.gradient("silu", p.cotangent, z, by="x") for z in (x, -x))
    return g + h, wide(p.cotangent)


@law("ACT-7", binary_steps())
def test_steps_of_both_signs(f: Any, p: Any) -> Any:
    """step(x) + step(-x) = 1, if they put a and 1 - a for 0."""
    one, other = f.binary_step(p.x, **p.options), f.binary_step(-p.x, at_zero=1 - p.at_zero)
    return one + other, np.ones(p.x.shape)
