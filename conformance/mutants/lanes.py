"""Wrong implementations that show only where a lane looks: values of ordinary problems give none of them away."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adapters.backend import Backend
from conformance.cases import CASES
from conformance.mutants.base import Adapter, mutant, tried
from conformance.mutants.gradients import Call, Gradients, gradient_mutant
from properties.strategies.long_gradients import BUILDERS
from reference import (
    PRIMITIVES,
    average_pool,
    convolution,
    dense,
    feed_forward,
    global_average_pool,
    group_norm,
    instance_norm,
    layer_norm,
    max_pool,
    residual,
    rms_norm,
    scaled_dot_product_attention,
    sum_pool,
    tanh,
    true_convolution,
)
from reference.arithmetic import BFLOAT16, FLOAT32, FLOAT64, Format

# (lane, primitive, the function, the format in which it is wrong)
SEEN_BY: list[tuple[str, str, Callable[..., Any], Format]] = []


def only(lane: str, primitive: str, fmt: Format = FLOAT64) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        SEEN_BY.append((lane, primitive, function, fmt))
        return mutant(primitive, format=fmt)(function)

    return register


def backend_of(primitive: str, function: Callable[..., Any], fmt: Format) -> Backend:
    return tried(Adapter(**{primitive: function}), function.__name__, fmt)


def _wide(x: Any) -> Any:
    return x.astype(np.float64)


# -- EXACT ---------------------------------------------------------------------------------------------


@only("EXACT", "dense")
def last_bit_of_a_large_sum(x: Any, w: Any, bias: Any = None) -> Any:
    """One more in the last place, of what has more than 20 digits before it."""
    y = dense(x, w, bias)
    return np.where(np.abs(y) > 2.0**20, np.nextafter(y, np.inf), y)


@only("EXACT", "sum_pool", BFLOAT16)
def ties_away_from_zero(x: Any, **options: Any) -> Any:
    """The last rounding takes a tie away from zero: no more than half of the last place is lost."""
    y = sum_pool(_wide(x), **options)
    quantum = BFLOAT16.quantum(y)
    return (np.copysign(np.floor(np.abs(y) / quantum + 0.5), y) * quantum).astype(x.dtype)


# -- SPECIAL -------------------------------------------------------------------------------------------


@only("SPECIAL", "relu")
def zero_for_nan(x: Any) -> Any:
    """x where x > 0: a comparison with NaN is false."""
    return np.where(x > 0, x, np.zeros((), x.dtype))


@only("SPECIAL", "max_pool")
def maximum_without_nan(x: Any, **options: Any) -> Any:
    """NaN loses against every number."""
    return max_pool(np.where(np.isnan(x), -np.inf, x), **options)


@only("SPECIAL", "scaled_dot_product_attention")
def leaks_what_is_masked(q: Any, k: Any, v: Any, mask: Any = None, **options: Any) -> Any:
    """-inf is added to what is masked, and NaN stays NaN."""
    return scaled_dot_product_attention(q, k, v, mask, **options, adds_masks=True)


@only("SPECIAL", "tanh")
def sign_of_zero(x: Any) -> Any:
    """tanh(-0) is 0."""
    return tanh(x) + 0.0


@only("SPECIAL", "layer_norm", FLOAT32)
def scale_first(x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
    """The weight is multiplied by the reciprocal of the root, which overflows where the result does not."""
    if weight is None:
        return layer_norm(_wide(x), None, bias, axes=axes, eps=eps).astype(x.dtype)
    over = tuple(range(-axes, 0))
    z = _wide(x)
    scale = (_wide(weight) / np.sqrt(np.var(z, axis=over, keepdims=True) + eps)).astype(x.dtype)
    y = (z - np.mean(z, axis=over, keepdims=True)) * _wide(scale)
    return (y if bias is None else y + _wide(bias)).astype(x.dtype)


@only("SPECIAL", "global_average_pool")
def average_without_nan(x: Any) -> Any:
    """NaN counts as zero."""
    return global_average_pool(np.where(np.isnan(x), 0.0, x))


@only("SPECIAL", "residual")
def infinity_as_the_largest(x: Any, *weights: Any) -> Any:
    """Infinities are cut to the largest number."""
    return np.nan_to_num(residual(x, *weights), nan=np.nan)


# -- EMPTY ---------------------------------------------------------------------------------------------


@only("EMPTY", "convolution")
def nothing_of_nothing(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """A signal without elements gives NaN, although its padding gives zeros and the bias."""
    y = convolution(x, w, bias, **options)
    return y if x.size else np.full(y.shape, np.nan)


@only("EMPTY", "dense")
def a_sum_of_nothing(x: Any, w: Any, bias: Any = None) -> Any:
    """A sum without terms is taken for NaN."""
    y = dense(x, w, bias)
    return y if w.shape[1] else np.full(y.shape, np.nan)


@only("EMPTY", "average_pool")
def squeezes_what_is_empty(x: Any, **options: Any) -> Any:
    """The result of an empty batch has lost its channels."""
    y = average_pool(x, **options)
    return y if len(x) else y[:, :0]


def _squeezes_nothing(primitive: str) -> None:
    right = PRIMITIVES[primitive]

    @functools.wraps(right)
    def squeezes_nothing(*arrays: Any, **options: Any) -> Any:
        """What is made of nothing has lost its last axis."""
        y = right(*arrays, **options)
        first, *others = y if isinstance(y, tuple) else (y,)
        first = first if arrays[0].size else first[..., :0]
        return (first, *others) if others else first

    squeezes_nothing.__name__ = "squeezes_nothing"
    mutant(primitive)(squeezes_nothing)


for _primitive in (
    "basic_block",
    "dense_block",
    "group_norm",
    "additive_attention",
    "lstm_step",
    "lstm",
    "gru_step",
    "gru",
    "encoder_block",
    "decoder_block",
):
    _squeezes_nothing(_primitive)


@mutant("true_convolution")
def one_number_is_a_scale(x: Any, w: Any, **options: Any) -> Any:
    """A kernel of one number is divided by itself."""
    y = true_convolution(x, w, **options)
    return np.sign(w.ravel()[0]) * y / np.abs(w).max() if w.size == 1 and w.all() else y


# -- LONG ----------------------------------------------------------------------------------------------


@only("LONG", "dense")
def only_so_many_terms(x: Any, w: Any, bias: Any = None) -> Any:
    """What comes after 900 terms is dropped."""
    return dense(x[..., :900], w[:, :900], bias)


@only("LONG", "softmax")
def sums_in_blocks(x: Any, *, axis: int = -1) -> Any:
    """The sum of the exponentials is that of the first 900."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(np.take(e, range(min(900, e.shape[axis])), axis=axis), axis=axis, keepdims=True)


@only("LONG", "sum_pool", BFLOAT16)
def adds_in_the_format(x: Any, **options: Any) -> Any:
    """Sums of more than 500 terms stop growing, as those in bfloat16 do."""
    y = sum_pool(_wide(x), **options)
    ones = sum_pool(np.ones(x.shape), **options)
    return np.where(ones > 500, np.clip(y, -256.0, 256.0), y).astype(x.dtype)


@gradient_mutant(*BUILDERS)
def without_the_last_of_many(right: Gradients, call: Call) -> Gradients:
    """Of more than 300 cotangents the last is not counted."""
    if call.g.size <= 300:
        return right
    g = call.g.copy()
    g.flat[-1] = 0.0
    return call.gradients(g)


@gradient_mutant("dense", "embedding", "feed_forward", "convolution")
def of_the_first_block(right: Gradients, call: Call) -> Gradients:
    """What is used more than 900 times is told by the first 900 uses."""
    return call.gradients(np.where(np.arange(call.g.size).reshape(call.g.shape) < 1800, call.g, 0.0))


@gradient_mutant("dense", "convolution", "layer_norm", "batch_norm")
def stops_growing(right: Gradients, call: Call) -> Gradients:
    """The gradient of a bias that is used more than 900 times stops at 256, as sums in bfloat16 do."""
    return {"bias": np.clip(right["bias"], -256.0, 256.0)} if "bias" in right and call.g.size > 1800 else {}


# The names of wrong gradients that long sums alone need show.
IN_LONG_SUMS = {f"gradient_{f.__name__}" for f in (without_the_last_of_many, of_the_first_block, stops_growing)}


# -- HOM -----------------------------------------------------------------------------------------------


@only("HOM", "feed_forward")
def adds_backwards_where_large(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """Another order of the terms where numbers are large, as of another kernel: the last digits differ."""
    if np.max(np.abs(x), initial=0.0) < 32:
        return feed_forward(x, w1, w2, b1, b2)
    return feed_forward(x, w1[::-1], w2[:, ::-1], None if b1 is None else b1[::-1], b2)


@only("HOM", "layer_norm")
def least_eps_of_layers(x: Any, *affine: Any, eps: float = 1e-5, **options: Any) -> Any:
    """eps is 10^-5 at least, as cuDNN once asked for."""
    return layer_norm(x, *affine, eps=max(eps, 1e-5), **options)


@only("HOM", "group_norm")
def least_eps_of_groups(x: Any, *affine: Any, eps: float = 1e-5, **options: Any) -> Any:
    """eps is 10^-5 at least."""
    return group_norm(x, *affine, eps=max(eps, 1e-5), **options)


@only("HOM", "instance_norm")
def least_eps_of_instances(x: Any, *affine: Any, eps: float = 1e-5) -> Any:
    """eps is 10^-5 at least."""
    return instance_norm(x, *affine, eps=max(eps, 1e-5))


@only("HOM", "rms_norm")
def least_eps_of_squares(x: Any, *affine: Any, eps: float = 1e-5, **options: Any) -> Any:
    """eps is 10^-5 at least."""
    return rms_norm(x, *affine, eps=max(eps, 1e-5), **options)


def _on_a_grid(y: Any) -> Any:
    return np.round(y * 2.0**40) / 2.0**40


def _with_results_on_a_grid(primitive: str) -> Callable[..., Any]:
    right = PRIMITIVES[primitive]

    @functools.wraps(right)
    def results_on_a_grid(*arrays: Any, **options: Any) -> Any:
        """Results are kept with forty digits after the point, however small they are."""
        y = right(*arrays, **options)
        return (_on_a_grid(y[0]), *y[1:]) if isinstance(y, tuple) else _on_a_grid(y)

    results_on_a_grid.__name__ = "results_on_a_grid"
    return results_on_a_grid


for case in CASES:
    if any(way.endswith("-> y") for way in case.homogeneous):
        mutant(case.primitive)(_with_results_on_a_grid(case.primitive))


@mutant("binary_step")
def steps_a_little_later(x: Any, **options: Any) -> Any:
    """The step is at 1/32."""
    return PRIMITIVES["binary_step"](x - 1 / 32, **options)


@gradient_mutant(*(case.primitive for case in CASES if case.differentiable != () and not case.formats))
def on_a_grid(right: Gradients, call: Call) -> Gradients:
    """Gradients are kept with forty digits after the point, however small they are."""
    return {name: _on_a_grid(g) for name, g in right.items()}
