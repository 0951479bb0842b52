"""Wrong activations and softmaxes."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from scipy import special

from conformance.mutants.base import Function, mutant
from reference import binary_step, gelu, leaky_relu, log_softmax, relu, sigmoid, silu, softmax, tanh
from reference.arithmetic import BFLOAT16

# -- softmax -------------------------------------------------------------------------------------------


@mutant("softmax")
def without_the_maximum(x: Any, *, axis: int = -1) -> Any:
    """The formula that lectures print: exp overflows."""
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


@mutant("softmax")
def maximum_of_everything(x: Any, *, axis: int = -1) -> Any:
    """One maximum for all rows: a row far below it is 0/0."""
    e = np.exp(x - x.max(initial=-np.inf))
    return e / e.sum(axis=axis, keepdims=True)


@mutant("softmax")
def always_the_last_axis(x: Any, *, axis: int = -1) -> Any:
    """The axis is ignored, where that can be."""
    return softmax(x, axis=-1 if x.shape[-1] else axis)


@mutant("softmax")
def always_the_first_axis(x: Any, *, axis: int = -1) -> Any:
    """The axis is taken for the batch's, where that can be."""
    return softmax(x, axis=0 if x.shape[0] else axis)


@mutant("softmax")
def without_normalisation(x: Any, *, axis: int = -1) -> Any:
    """The weights do not sum to 1."""
    return np.exp(x - x.max(axis=axis, keepdims=True))


@mutant("softmax")
def base_two(x: Any, *, axis: int = -1) -> Any:
    """Powers of two for powers of e."""
    return softmax(x * math.log(2), axis=axis)


@mutant("softmax")
def logarithm_of_it(x: Any, *, axis: int = -1) -> Any:
    """Log-softmax, under the wrong name."""
    return (
        x
        - x.max(axis=axis, keepdims=True)
        - np.log(np.exp(x - x.max(axis=axis, keepdims=True)).sum(axis, keepdims=True))
    )


@mutant("softmax")
def scaled(x: Any, *, axis: int = -1) -> Any:
    """A temperature, the root of the length, as in attention."""
    return softmax(x / math.sqrt(x.shape[axis]), axis=axis)


@mutant("softmax")
def guarded_denominator(x: Any, *, axis: int = -1) -> Any:
    """1e-8 in the denominator, against a division by zero that cannot happen."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / (e.sum(axis=axis, keepdims=True) + 1e-8)


@mutant("softmax")
def causal(x: Any, *, axis: int = -1) -> Any:
    """Each weight is divided by the sum of those before it, as behind a causal mask."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / np.maximum(np.cumsum(e, axis=axis), np.finfo(float).tiny)


@mutant("softmax")
def counted_from_the_start(x: Any, *, axis: int = -1) -> Any:
    """An axis below 0 but the last loses its sign: -2 is taken for 2."""
    return softmax(x, axis=axis if axis >= -1 else min(-axis, x.ndim - 1))


@mutant("softmax")
def one_before_the_axis(x: Any, *, axis: int = -1) -> Any:
    """An axis below 0 is counted from the axis before the last, except for the last itself."""
    return softmax(x, axis=axis if axis >= -1 else max(axis - 1, -x.ndim))


# -- log_softmax ---------------------------------------------------------------------------------------


def _sum_of_exponentials(x: Any, axis: int) -> Any:
    return np.exp(x - x.max(axis=axis, keepdims=True)).sum(axis=axis, keepdims=True)


@mutant("log_softmax")
def logarithm_after_the_softmax(x: Any, *, axis: int = -1) -> Any:
    """log(softmax(x)), which is -inf where the softmax underflows."""
    return np.log(softmax(x, axis=axis))


@mutant("log_softmax")
def guarded_logarithm(x: Any, *, axis: int = -1) -> Any:
    """log(softmax(x) + 1e-12), against the -inf."""
    return np.log(softmax(x, axis=axis) + 1e-12)


@mutant("log_softmax")
def sum_without_the_maximum(x: Any, *, axis: int = -1) -> Any:
    """x - log sum exp(x): exp overflows."""
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


@mutant("log_softmax")
def maximum_subtracted_once(x: Any, *, axis: int = -1) -> Any:
    """x - log sum exp(x - max x): the maximum is not taken off x itself."""
    return x - np.log(_sum_of_exponentials(x, axis))


@mutant("log_softmax")
def without_the_logarithm(x: Any, *, axis: int = -1) -> Any:
    """The softmax, under the wrong name."""
    return softmax(x, axis=axis)


@mutant("log_softmax")
def in_base_two(x: Any, *, axis: int = -1) -> Any:
    """log2 for log."""
    return log_softmax(x, axis=axis) / math.log(2)


@mutant("log_softmax")
def of_the_last_axis(x: Any, *, axis: int = -1) -> Any:
    """The axis is ignored, where that can be."""
    return log_softmax(x, axis=-1 if x.shape[-1] else axis)


@mutant("log_softmax")
def names_from_the_end_are_the_last(x: Any, *, axis: int = -1) -> Any:
    """Every axis below 0 is taken for the last."""
    return log_softmax(x, axis=max(axis, -1) if x.shape[-1] else axis)


@mutant("log_softmax")
def sum_of_those_before(x: Any, *, axis: int = -1) -> Any:
    """The logarithm is that of a running sum."""
    d = x - x.max(axis=axis, keepdims=True)
    return d - np.log(np.maximum(np.cumsum(np.exp(d), axis=axis), np.finfo(float).tiny))


# -- relu ----------------------------------------------------------------------------------------------


@mutant("relu")
def leaky(x: Any) -> Any:
    """A hundredth of what is negative is kept."""
    return np.where(x > 0, x, 0.01 * x)


@mutant("relu")
def magnitude(x: Any) -> Any:
    """|x| for max(x, 0)."""
    return np.abs(x)


@mutant("relu")
def of_the_other_sign(x: Any) -> Any:
    """min(x, 0) for max(x, 0)."""
    return np.minimum(x, 0)


@mutant("relu")
def capped(x: Any) -> Any:
    """relu6."""
    return np.clip(x, 0, 6)


@mutant("relu")
def step(x: Any) -> Any:
    """The derivative: 1 where x is positive."""
    return (x > 0).astype(float)


@mutant("relu")
def smooth(x: Any) -> Any:
    """Softplus, log(1 + exp x)."""
    return np.logaddexp(x, 0)


@mutant("relu")
def above_one(x: Any) -> Any:
    """A threshold of 1 for 0."""
    return np.where(x > 1, x, 0.0)


# -- sigmoid -------------------------------------------------------------------------------------------


@mutant("sigmoid")
def by_a_ratio(x: Any) -> Any:
    """exp(x) / (1 + exp(x)), inf / inf for large x."""
    return np.exp(x) / (1 + np.exp(x))


@mutant("sigmoid")
def of_minus_x(x: Any) -> Any:
    """1 / (1 + exp(x)): a sign is lost."""
    return sigmoid(-x)


@mutant("sigmoid")
def by_straight_lines(x: Any) -> Any:
    """The hard sigmoid, x/6 + 1/2 between 0 and 1."""
    return np.clip(x / 6 + 0.5, 0, 1)


@mutant("sigmoid")
def from_minus_one(x: Any) -> Any:
    """tanh, under the wrong name."""
    return tanh(x)


@mutant("sigmoid")
def normal_distribution(x: Any) -> Any:
    """The distribution function of the normal distribution for that of the logistic one."""
    return special.ndtr(x)


@mutant("sigmoid")
def in_powers_of_two(x: Any) -> Any:
    """1 / (1 + 2^-x)."""
    return sigmoid(x * math.log(2))


@mutant("sigmoid")
def derivative_of_the_sigmoid(x: Any) -> Any:
    """y (1 - y)."""
    return sigmoid(x) * sigmoid(-x)


@mutant("sigmoid")
def away_from_zero(x: Any) -> Any:
    """Kept above 1e-7, so that a logarithm can be taken of it."""
    return np.maximum(sigmoid(x), 1e-7)


# -- tanh ----------------------------------------------------------------------------------------------


@mutant("tanh")
def as_printed(x: Any) -> Any:
    """The formula that lectures print, (e^x - e^-x) / (e^x + e^-x): inf / inf for large x."""
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


@mutant("tanh")
def from_zero(x: Any) -> Any:
    """The sigmoid, under the wrong name."""
    return sigmoid(x)


@mutant("tanh")
def of_half(x: Any) -> Any:
    """2 sigmoid(x) - 1, which is tanh(x/2)."""
    return tanh(x / 2)


@mutant("tanh")
def hard(x: Any) -> Any:
    """x between -1 and 1."""
    return np.clip(x, -1, 1)


@mutant("tanh")
def derivative_of_tanh(x: Any) -> Any:
    """1 - tanh(x)^2."""
    return 1 - tanh(x) ** 2


@mutant("tanh")
def arc_tangent(x: Any) -> Any:
    """Another function of that shape, 2/pi arctan(pi x / 2)."""
    return 2 / math.pi * np.arctan(math.pi / 2 * x)


@mutant("tanh")
def of_magnitudes(x: Any) -> Any:
    """The sign is lost."""
    return tanh(np.abs(x))


# -- gelu ----------------------------------------------------------------------------------------------


@mutant("gelu")
def always_by_tanh(x: Any, *, approximate: str = "none") -> Any:
    """The approximation, whatever was asked for."""
    return gelu(x, approximate="tanh")


@mutant("gelu")
def always_by_erf(x: Any, *, approximate: str = "none") -> Any:
    """The exact form, whatever was asked for."""
    return gelu(x)


@mutant("gelu")
def by_sigmoid(x: Any, *, approximate: str = "none") -> Any:
    """The third form of the paper, x sigmoid(1.702 x)."""
    return x * sigmoid(1.702 * x)


@mutant("gelu")
def without_the_root_of_two(x: Any, *, approximate: str = "none") -> Any:
    """erf(x) for erf(x / sqrt 2)."""
    return gelu(x, approximate=approximate) if approximate == "tanh" else x / 2 * (1 + special.erf(x))


@mutant("gelu")
def squared_for_cubed(x: Any, *, approximate: str = "none") -> Any:
    """x^2 for x^3 in the approximation."""
    if approximate == "none":
        return gelu(x)
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**2)))


@mutant("gelu")
def without_the_half(x: Any, *, approximate: str = "none") -> Any:
    """x (1 + erf(...)): twice of it."""
    return 2 * gelu(x, approximate=approximate)


@mutant("gelu")
def density_for_distribution(x: Any, *, approximate: str = "none") -> Any:
    """x phi(x) for x Phi(x)."""
    return x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


@mutant("gelu")
def distribution_alone(x: Any, *, approximate: str = "none") -> Any:
    """Phi(x), without the factor x."""
    return special.ndtr(x)


@mutant("gelu")
def ramp(x: Any, *, approximate: str = "none") -> Any:
    """relu, under the wrong name."""
    return relu(x)


# -- silu ----------------------------------------------------------------------------------------------


@mutant("silu")
def by_a_quotient_of_exponentials(x: Any) -> Any:
    """x e^x / (1 + e^x): inf / inf for large x."""
    return x * np.exp(x) / (1 + np.exp(x))


@mutant("silu")
def normal_for_logistic(x: Any) -> Any:
    """gelu, under the wrong name."""
    return gelu(x)


@mutant("silu")
def sharper(x: Any) -> Any:
    """x sigmoid(1.702 x), the approximation of gelu."""
    return x * sigmoid(1.702 * x)


@mutant("silu")
def by_straight_lines_too(x: Any) -> Any:
    """The hard swish, x/6 (x + 3) between -3 and 3."""
    return x * np.clip(x / 6 + 0.5, 0, 1)


@mutant("silu")
def without_x(x: Any) -> Any:
    """The sigmoid, under the wrong name."""
    return sigmoid(x)


@mutant("silu")
def zero_below_minus_twenty(x: Any) -> Any:
    """What is small is taken for nothing."""
    return np.where(x < -20, 0.0, silu(x))


@mutant("silu")
def by_the_complement(x: Any) -> Any:
    """x (1 - sigmoid(-x)), which cancels for negative x."""
    return x * (1 - sigmoid(-x))


# -- leaky_relu ----------------------------------------------------------------------------------------


@mutant("leaky_relu")
def always_a_hundredth(x: Any, *, slope: float = 0.01) -> Any:
    """The slope is written into the code."""
    return leaky_relu(x)


@mutant("leaky_relu")
def does_not_leak(x: Any, *, slope: float = 0.01) -> Any:
    """relu, under the wrong name."""
    return relu(x)


@mutant("leaky_relu")
def sign_is_lost(x: Any, *, slope: float = 0.01) -> Any:
    """What is negative comes out positive."""
    return np.abs(leaky_relu(x, slope=slope))


@mutant("leaky_relu")
def divides_by_the_slope(x: Any, *, slope: float = 0.01) -> Any:
    """x / slope for slope x."""
    return np.where(x > 0, x, x / slope)


@mutant("leaky_relu")
def exponential(x: Any, *, slope: float = 0.01) -> Any:
    """The exponential linear unit, slope (e^x - 1)."""
    return np.where(x > 0, x, slope * np.expm1(np.minimum(x, 0)))


@mutant("leaky_relu")
def leaks_on_both_sides(x: Any, *, slope: float = 0.01) -> Any:
    """slope x everywhere."""
    return slope * x


# -- binary_step ---------------------------------------------------------------------------------------


@mutant("binary_step")
def always_one_at_zero(x: Any, *, at_zero: float = 1.0) -> Any:
    """x >= 0, whatever stands for 0."""
    return binary_step(x)


@mutant("binary_step")
def never_at_zero(x: Any, *, at_zero: float = 1.0) -> Any:
    """x > 0, whatever stands for 0."""
    return binary_step(x, at_zero=0.0)


@mutant("binary_step")
def sign(x: Any, *, at_zero: float = 1.0) -> Any:
    """-1 for what is negative."""
    return np.where(x < 0, -1.0, binary_step(x, at_zero=at_zero))


@mutant("binary_step")
def downwards(x: Any, *, at_zero: float = 1.0) -> Any:
    """1 for what is negative."""
    return binary_step(-x, at_zero=at_zero)


@mutant("binary_step")
def at_one_half(x: Any, *, at_zero: float = 1.0) -> Any:
    """The threshold of a probability."""
    return binary_step(x - 0.5, at_zero=at_zero)


@mutant("binary_step")
def tiny_is_zero(x: Any, *, at_zero: float = 1.0) -> Any:
    """What is below the rounding of 1 is taken for 0."""
    return binary_step(np.where(np.abs(x) < 1e-16, 0.0, x), at_zero=at_zero)


# -- identity ------------------------------------------------------------------------------------------


@mutant("identity")
def positive_part(x: Any) -> Any:
    """relu, under the wrong name."""
    return relu(x)


@mutant("identity")
def through_float32(x: Any) -> Any:
    """Copied through a narrower format."""
    return x.astype(np.float32).astype(x.dtype)


@mutant("identity")
def flattened(x: Any) -> Any:
    """One axis, as of a layer that feeds a dense one."""
    return np.ravel(x)


@mutant("identity")
def between_ten(x: Any) -> Any:
    """Clipped, against overflow."""
    return np.clip(x, -10, 10)


@mutant("identity")
def without_small_numbers(x: Any) -> Any:
    """Subnormal numbers are flushed."""
    return np.where(np.abs(x) < np.finfo(float).tiny, 0.0, x)


# -- wrong in one corner alone -------------------------------------------------------------------------


def _without_the_rest(f: Function, x: Any) -> Any:
    """f of blocks of eight along the last axis; what is left over comes back as it is."""
    y = np.array(f(x))
    whole = x.shape[-1] // 8 * 8 if x.ndim and x.shape[-1] > 8 else None
    if whole is not None:
        y[..., whole:] = x[..., whole:]
    return y


@mutant("sigmoid")
def forgets_the_rest(x: Any) -> Any:
    """A vector loop without its remainder, where there is a whole vector."""
    return _without_the_rest(sigmoid, x)


@mutant("tanh")
def leaves_the_rest(x: Any) -> Any:
    """As in sigmoid."""
    return _without_the_rest(tanh, x)


@mutant("softmax", format=BFLOAT16)
def sums_in_bfloat16(x: Any, *, axis: int = -1) -> Any:
    """The sum of the exponentials is carried in the format."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / functools.reduce(np.add, np.split(e, e.shape[axis], axis=axis))


@mutant("log_softmax")
def single_score_is_not_zero(x: Any, *, axis: int = -1) -> Any:
    """Only for one score along the axis the result is the score."""
    return x if x.shape[axis] == 1 else log_softmax(x, axis=axis)


@mutant("relu")
def scalars_pass(x: Any) -> Any:
    """Only an array without axes comes back as it is."""
    return relu(x) if x.ndim else x
