"""Mutants: wrong implementations, each with one mistake that people make.

Every mutant is the reference with one function replaced; its docstring says what is wrong. Most change
what the reference is given or returns, so that the mistake, and nothing else, stands in the code.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import reference
from adapters.backend import Backend
from reference import batch_norm, convolution, dropout, output_size, pad, softmax
from reference.arithmetic import FLOAT64, Format
from reference.arrays import per_axis
from reference.convolution import paddings

Function = Callable[..., Any]


class Adapter:
    """The reference's functions, some of them replaced."""

    def __init__(self, **functions: Any) -> None:
        vars(self).update(reference.PRIMITIVES | functions)


def tried(adapter: Any, name: str = "mutant", fmt: Format = FLOAT64, version: str = "0") -> Backend:
    """A backend of one adapter on the CPU."""
    return Backend(adapter, name, version, "cpu", fmt, "eager")


@dataclass(frozen=True)
class Mutant:
    """A wrong function. make gives it anew, since some keep a state between their calls."""

    name: str
    primitive: str
    make: Callable[[], Function]

    def backend(self) -> Backend:
        return tried(Adapter(**{self.primitive: self.make()}), self.name)


MUTANTS: dict[str, Mutant] = {}


def mutant(primitive: str) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        MUTANTS[f"{primitive}: {function.__name__}"] = Mutant(function.__name__, primitive, lambda: function)
        return function

    return register


def mutant_with_state(primitive: str) -> Callable[[Callable[[], Function]], Callable[[], Function]]:
    def register(make: Callable[[], Function]) -> Callable[[], Function]:
        MUTANTS[f"{primitive}: {make.__name__}"] = Mutant(make.__name__, primitive, make)
        return make

    return register


# -- output_size ---------------------------------------------------------------------------------------


@mutant("output_size")
def rounds_up(size: int, kernel: int, *, stride: int = 1, padding: Any = (0, 0), dilation: int = 1) -> int:
    """Ceil for floor: the last window may stick out."""
    return -(-(size + sum(padding) - dilation * (kernel - 1) - 1) // stride) + 1


@mutant("output_size")
def forgets_the_last(size: int, kernel: int, **options: Any) -> int:
    """Counts the steps between windows, not the windows."""
    return output_size(size, kernel, **options) - 1


@mutant("output_size")
def pads_one_side(
    size: int, kernel: int, *, stride: int = 1, padding: tuple[int, int] = (0, 0), dilation: int = 1
) -> int:
    """Adds the padding once, where it stands on both sides."""
    return (size + padding[0] - dilation * (kernel - 1) - 1) // stride + 1


@mutant("output_size")
def dilates_the_kernel_too_far(
    size: int, kernel: int, *, stride: int = 1, padding: Any = (0, 0), dilation: int = 1
) -> int:
    """A dilated kernel spans d K, not d (K - 1) + 1, elements."""
    return (size + sum(padding) - dilation * kernel) // stride + 1


@mutant("output_size")
def doubles_the_first_side(
    size: int, kernel: int, *, stride: int = 1, padding: tuple[int, int] = (0, 0), dilation: int = 1
) -> int:
    """Takes both sides for equal."""
    return (size + 2 * padding[0] - dilation * (kernel - 1) - 1) // stride + 1


@mutant("output_size")
def divides_as_floats(size: int, kernel: int, *, stride: int = 1, padding: Any = (0, 0), dilation: int = 1) -> float:
    """The right number, as a float."""
    return float(output_size(size, kernel, stride=stride, padding=padding, dilation=dilation))


# -- pad -----------------------------------------------------------------------------------------------


def _padded(x: Any, padding: Any, mode: str, value: float = 0.0) -> Any:
    """np.pad on the spatial axes, with a mode of NumPy."""
    options: dict[str, Any] = {"constant_values": value} if mode == "constant" else {}
    return np.pad(x, [(0, 0), (0, 0), *padding], mode=mode, **options)  # type: ignore[call-overload]  # as NumPy's modes


@mutant("pad")
def repeats_the_edge(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Symmetric for reflect: the edge comes twice."""
    return _padded(x, padding, "symmetric") if mode == "reflect" else pad(x, padding=padding, mode=mode, value=value)


@mutant("pad")
def circles_one_too_far(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Circular padding takes x[S - p - 1], ..., one element off."""
    if mode != "circular":
        return pad(x, padding=padding, mode=mode, value=value)
    for axis, (before, after) in enumerate(padding, start=2):
        S = x.shape[axis]
        x = np.take(x, [(i - (i < 0)) % S for i in range(-before, S + after)], axis=axis)
    return x


@mutant("pad")
def reflects_for_circular(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Circular padding in the wrong order: each end continues itself."""
    mode, options = ("symmetric", {}) if mode == "circular" else (mode, {"value": value})
    return _padded(x, padding, mode) if mode == "symmetric" else pad(x, padding=padding, mode=mode, **options)


@mutant("pad")
def pads_with_zeros_only(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """The value is ignored."""
    return pad(x, padding=padding, mode=mode)


@mutant("pad")
def swaps_before_and_after(x: Any, *, padding: Any, **options: Any) -> Any:
    """Each pair the wrong way round."""
    return pad(x, padding=[pair[::-1] for pair in padding], **options)


@mutant("pad")
def takes_the_last_axis_first(x: Any, *, padding: Any, **options: Any) -> Any:
    """The pairs in the order of the axes reversed."""
    return pad(x, padding=padding[::-1], **options)


@mutant("pad")
def mirrors_for_replicate(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Replicate continues with the mirror image: right for one element a side, wrong for more."""
    return _padded(x, padding, "symmetric") if mode == "replicate" else pad(x, padding=padding, mode=mode, value=value)


# -- convolution ---------------------------------------------------------------------------------------


def _written_out(x: Any, w: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options with one stride, dilation and pair of paddings for each axis."""
    rank = w.ndim - 2
    s, d = per_axis(options.get("stride", 1), rank), per_axis(options.get("dilation", 1), rank)
    pairs = paddings(options.get("padding", 0), x.shape[2:], w.shape[2:], s, d)
    return options | {"stride": s, "dilation": d, "padding": pairs}


@mutant("convolution")
def flipped_kernel(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The convolution of signal processing, not of networks."""
    return convolution(x, np.flip(w, tuple(range(2, w.ndim))), bias, **options)


@mutant("convolution")
def ignores_the_dilation(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Windows of adjacent elements, whatever the dilation."""
    return convolution(x, w, bias, **_written_out(x, w, options) | {"dilation": 1})


@mutant("convolution")
def dilates_but_reads_adjacent(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The output has the dilated size, but the taps of a window lie side by side."""
    given = _written_out(x, w, options)
    size = convolution(x, w, bias, **given).shape[2:]
    dense = convolution(x, w, bias, **given | {"dilation": 1})
    return dense[(..., *(slice(P) for P in size))]


@mutant("convolution")
def dilates_every_axis_alike(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The last axis gets the dilation of the first, where the kernel still fits."""
    given = _written_out(x, w, options)
    try:
        return convolution(x, w, bias, **given | {"dilation": (*given["dilation"][:-1], given["dilation"][0])})
    except ValueError:
        return convolution(x, w, bias, **options)


@mutant("convolution")
def starts_a_phase_late(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """With stride s the windows begin at s - 1."""
    given = _written_out(x, w, options)
    dense = convolution(x, w, bias, **given | {"stride": 1})
    shift = [1 - s for s in given["stride"]]
    every = tuple(slice(None, None, s) for s in given["stride"])
    return np.roll(dense, shift, axis=tuple(range(2, x.ndim)))[(..., *every)]


@mutant("convolution")
def swaps_the_strides(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The strides of the axes in reverse."""
    given = _written_out(x, w, options)
    return convolution(x, w, bias, **given | {"stride": given["stride"][::-1]})


@mutant("convolution")
def rounds_the_size_up(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Ceil in the output size: a last window that sticks out sees zeros."""
    given = _written_out(x, w, options)
    x = pad(x, padding=given["padding"], mode=given.pop("padding_mode", "zeros"))
    room = [s - 1 for s in given["stride"]]
    return convolution(x, w, bias, **given | {"padding": [(0, after) for after in room]})


@mutant("convolution")
def pads_before_only(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """All padding before the signal."""
    given = _written_out(x, w, options)
    pairs = [(sum(pair), 0) for pair in given["padding"]]
    mode = given.pop("padding_mode", "zeros")
    return convolution(_padded(x, pairs, "constant" if mode == "zeros" else "wrap"), w, bias, **given | {"padding": 0})


@mutant("convolution")
def pads_same_the_other_way(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """With an even kernel "same" puts the odd element before the signal."""
    given = _written_out(x, w, options)
    if options.get("padding") == "same" and options.get("padding_mode", "zeros") == "zeros":
        given["padding"] = [pair[::-1] for pair in given["padding"]]
    return convolution(x, w, bias, **given)


@mutant("convolution")
def pads_same_for_stride_one(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The padding of "same" as if the stride were 1: d (K - 1) in all."""
    if options.get("padding") == "same" and options.get("padding_mode", "zeros") == "zeros":
        spans = [
            d * (K - 1) for d, K in zip(per_axis(options.get("dilation", 1), w.ndim - 2), w.shape[2:], strict=True)
        ]
        options = options | {"padding": [(span // 2, span - span // 2) for span in spans]}
    return convolution(x, w, bias, **options)


@mutant("convolution")
def full_without_dilation(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The padding of "full" is K - 1, whatever the dilation, where the kernel still fits."""
    if options.get("padding") != "full" or options.get("padding_mode", "zeros") != "zeros":
        return convolution(x, w, bias, **options)
    try:
        return convolution(x, w, bias, **options | {"padding": [(K - 1, K - 1) for K in w.shape[2:]]})
    except ValueError:
        return convolution(x, w, bias, **options)


@mutant("convolution")
def pads_with_zeros(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The padding mode is ignored."""
    return convolution(x, w, bias, **options | {"padding_mode": "zeros"})


@mutant("convolution")
def pads_symmetrically(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Symmetric for reflect: the edge comes twice."""
    if options.get("padding_mode") != "reflect":
        return convolution(x, w, bias, **options)
    given = _written_out(x, w, options) | {"padding_mode": "zeros"}
    return convolution(_padded(x, given["padding"], "symmetric"), w, bias, **given | {"padding": 0})


@mutant("convolution")
def bias_of_the_next_channel(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Each output channel gets its neighbour's bias."""
    return convolution(x, w, None if bias is None else np.roll(bias, 1), **options)


@mutant("convolution")
def bias_twice(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The bias is added once by the kernel and once by its caller."""
    return convolution(x, w, None if bias is None else 2 * bias, **options)


@mutant("convolution")
def bias_forgotten_in_groups(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The path for groups has no bias."""
    return convolution(x, w, bias if options.get("groups", 1) == 1 else None, **options)


@mutant("convolution")
def bias_along_the_last_axis(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The bias is broadcast along the last axis where that is possible."""
    y = convolution(x, w, None, **options)
    if bias is None or y.shape[-1] != bias.size:
        return convolution(x, w, bias, **options)
    return y + bias


@mutant("convolution")
def bias_always(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """There is a bias of 1 where none was given."""
    return convolution(x, w, np.ones(len(w)) if bias is None else bias, **options)


@mutant("convolution")
def interleaves_the_groups(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Input channel c belongs to group c mod g."""
    g, C = options.get("groups", 1), x.shape[1]
    return convolution(x[:, np.arange(C).reshape(-1, g).T.ravel()], w, bias, **options)


@mutant("convolution")
def interleaves_the_outputs(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Output channels of different groups alternate, as after a channel shuffle."""
    y = convolution(x, w, bias, **options)
    return y[:, np.arange(y.shape[1]).reshape(options.get("groups", 1), -1).T.ravel()]


@mutant("convolution")
def swaps_the_groups(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The first group sees the channels of the last."""
    g, C = options.get("groups", 1), x.shape[1]
    return convolution(x[:, np.arange(C).reshape(g, -1)[::-1].ravel()], w, bias, **options)


@mutant("convolution")
def cuts_negatives(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """An activation that was fused by mistake: no output is negative."""
    return np.maximum(convolution(x, w, bias, **options), 0)


@mutant("convolution")
def last_position_from_zero(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The last window of each row sees a signal of zeros."""
    y = convolution(x, w, bias, **options).copy()
    y[..., -1:] = 0 if bias is None else np.reshape(bias, (-1, *[1] * (x.ndim - 2)))
    return y


@mutant("convolution")
def tiles_of_three(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Each fourth output of a row repeats the one before it: a tile that is one too short."""
    y = convolution(x, w, bias, **options).copy()
    y[..., 3::4] = y[..., 2:-1:4]
    return y


@mutant("convolution")
def single_precision(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """float64 is computed in float32."""
    narrow = [z if z is None else z.astype(np.float32) for z in (x, w, bias)]
    return convolution(*narrow, **options).astype(x.dtype)


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


# -- batch_norm ----------------------------------------------------------------------------------------

Named = tuple[Any, Any, Any, Any, Any]


def _axes(x: Any) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _along(v: Any, x: Any) -> Any:
    return np.reshape(v, (1, -1, *[1] * (x.ndim - 2)))


def _affine(z: Any, weight: Any, bias: Any, x: Any) -> Any:
    z = z if weight is None else z * _along(weight, x)
    return z if bias is None else z + _along(bias, x)


def _normalised(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """y from statistics that broadcast against x."""
    return _affine((x - mean) / np.sqrt(var + eps), weight, bias, x)


def in_training(change: Function) -> Function:
    """A mutant that replaces y in training: change(x, weight, bias, eps) -> y."""

    @functools.wraps(change)
    def function(
        x: Any,
        m: Any,
        v: Any,
        weight: Any = None,
        bias: Any = None,
        *,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Any:
        options: dict[str, Any] = {"training": training, "momentum": momentum, "eps": eps}
        y, *running = batch_norm(x, m, v, weight, bias, **options)
        return (change(x, weight, bias, eps) if training else y), *running

    del function.__wrapped__  # type: ignore[attr-defined]  # the harness is to see this signature
    return function


@mutant("batch_norm")
@in_training
def unbiased_variance(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """x is normalised by the variance with n - 1."""
    var = x.var(axis=_axes(x), keepdims=True, ddof=1)
    return _normalised(x, x.mean(axis=_axes(x), keepdims=True), var, weight, bias, eps)


@mutant("batch_norm")
@in_training
def one_pass_variance(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """mean(x^2) - mean(x)^2, which cancels."""
    mean = x.mean(axis=_axes(x), keepdims=True)
    var = np.maximum((x * x).mean(axis=_axes(x), keepdims=True) - mean * mean, 0)
    return _normalised(x, mean, var, weight, bias, eps)


@mutant("batch_norm")
@in_training
def over_the_batch_only(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Statistics for each position."""
    return _normalised(x, x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True), weight, bias, eps)


@mutant("batch_norm")
@in_training
def over_the_channels(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Layer normalisation, under the wrong name."""
    axes = tuple(range(1, x.ndim))
    return _normalised(x, x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True), weight, bias, eps)


@mutant("batch_norm")
@in_training
def by_the_first_sample(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The statistics of the first half of the batch."""
    half = x[: (len(x) + 1) // 2]
    mean, var = half.mean(axis=_axes(x), keepdims=True), half.var(axis=_axes(x), keepdims=True)
    return _normalised(x, mean, var, weight, bias, eps)


@mutant("batch_norm")
@in_training
def without_the_mean(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The mean is not subtracted: the root mean square normalises."""
    return _affine(x / np.sqrt((x * x).mean(axis=_axes(x), keepdims=True) + eps), weight, bias, x)


@mutant("batch_norm")
@in_training
def mean_absolute_deviation(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The mean distance from the mean for its root mean square."""
    d = x - x.mean(axis=_axes(x), keepdims=True)
    return _affine(d / np.sqrt(np.abs(d).mean(axis=_axes(x), keepdims=True) ** 2 + eps), weight, bias, x)


def everywhere(change: Function) -> Function:
    """A mutant that replaces y: change(x, mean, var, weight, bias, eps), with the right statistics."""

    @functools.wraps(change)
    def function(
        x: Any,
        m: Any,
        v: Any,
        weight: Any = None,
        bias: Any = None,
        *,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Any:
        options: dict[str, Any] = {"training": training, "momentum": momentum, "eps": eps}
        mean, var = (x.mean(axis=_axes(x)), x.var(axis=_axes(x))) if training else (m, v)
        y = change(x, _along(mean, x), _along(var, x), weight, bias, eps)
        return y, *batch_norm(x, m, v, weight, bias, **options)[1:]

    del function.__wrapped__  # type: ignore[attr-defined]  # the harness is to see this signature
    return function


@mutant("batch_norm")
@everywhere
def eps_outside_the_root(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """sqrt(var) + eps for sqrt(var + eps)."""
    return _affine((x - mean) / (np.sqrt(var) + eps), weight, bias, x)


@mutant("batch_norm")
@everywhere
def without_eps(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """eps is ignored."""
    return _normalised(x, mean, var, weight, bias, 0.0)


@mutant("batch_norm")
@everywhere
def always_the_default_eps(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """eps is written into the code."""
    return _normalised(x, mean, var, weight, bias, 1e-5)


@mutant("batch_norm")
@everywhere
def divides_by_the_variance(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The root is forgotten."""
    return _affine((x - mean) / (var + eps), weight, bias, x)


@mutant("batch_norm")
@everywhere
def weight_for_bias(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Scale and shift change places."""
    return _normalised(x, mean, var, bias, weight, eps)


@mutant("batch_norm")
@everywhere
def bias_before_weight(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """gamma (z + beta) for gamma z + beta."""
    return _affine(_normalised(x, mean, var, None, bias, eps), weight, None, x)


@mutant("batch_norm")
@everywhere
def affine_needs_both(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The weight alone, or the bias alone, is ignored."""
    return _normalised(
        x, mean, var, *((weight, bias) if weight is not None and bias is not None else (None, None)), eps
    )


def with_statistics(change: Function) -> Function:
    """A mutant in what it reads or returns; change(call, x, mean, var, options) gives all three results."""

    @functools.wraps(change)
    def function(
        x: Any,
        m: Any,
        v: Any,
        weight: Any = None,
        bias: Any = None,
        *,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Any:
        def call(mean: Any, var: Any, **changed: Any) -> Any:
            options: dict[str, Any] = {"training": training, "momentum": momentum, "eps": eps}
            return batch_norm(x, mean, var, weight, bias, **options | changed)

        return change(call, x, m, v, training, momentum)

    del function.__wrapped__  # type: ignore[attr-defined]  # the harness is to see this signature
    return function


@mutant("batch_norm")
@with_statistics
def momentum_the_other_way(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """running = momentum running + (1 - momentum) batch."""
    return call(m, v, momentum=1 - momentum)


@mutant("batch_norm")
@with_statistics
def statistics_not_updated(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """The running statistics stay as they are."""
    return call(m, v)[0], m, v


@mutant("batch_norm")
@with_statistics
def biased_running_variance(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """The running variance moves towards the variance with n, which is not the reference's convention."""
    return call(m, v, unbiased=False)


@mutant("batch_norm")
@with_statistics
def running_deviation(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """The running variance moves towards the standard deviation."""
    y, mean, var = call(m, v)
    return y, mean, (1 - momentum) * v + momentum * x.std(axis=_axes(x), ddof=1) if training else var


@mutant("batch_norm")
@with_statistics
def batch_statistics_in_evaluation(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """Evaluation normalises by the batch, as a forgotten `eval()` does."""
    if training or x[:, :1].size < 2:
        return call(m, v)
    return call(m, v, training=True)[0], m, v


@mutant("batch_norm")
@with_statistics
def running_statistics_in_training(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """Training normalises by the running statistics."""
    return call(m, v, training=False)[0], *call(m, v)[1:]


@mutant("batch_norm")
@with_statistics
def updates_in_evaluation(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """Evaluation moves the running statistics too."""
    return call(m, v)[0], *call(m, v, training=training or x[:, :1].size > 1)[1:]


@mutant("batch_norm")
@with_statistics
def forgets_the_old_mean(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """The momentum is ignored: the running statistics are the batch's."""
    return call(m, v, momentum=1.0)


@mutant("batch_norm")
@with_statistics
def normalises_by_the_new_running_ones(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """In training y uses the running statistics after their update."""
    _, mean, var = call(m, v)
    return call(mean, var, training=False)[0], mean, var


# -- dropout -------------------------------------------------------------------------------------------


def _keep(p: float, key: int, shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(key).random(shape) >= p


def masked(change: Function) -> Function:
    """A mutant in training: change(x, p, key) -> y. In evaluation the identity."""

    @functools.wraps(change)
    def function(x: Any, *, p: float = 0.5, training: bool = True, key: int = 0) -> Any:
        return change(x, p, key) if training else x

    del function.__wrapped__  # type: ignore[attr-defined]  # the harness is to see this signature
    return function


@mutant("dropout")
@masked
def without_rescaling(x: Any, p: float, key: int) -> Any:
    """Survivors keep their size, as in the lecture of Jacquet (2022)."""
    return np.where(_keep(p, key, x.shape), x, 0)


@mutant("dropout")
@masked
def rescaled_by_p(x: Any, p: float, key: int) -> Any:
    """1/p for 1/(1 - p)."""
    return np.where(_keep(p, key, x.shape), x / p if p else x, 0)


@mutant("dropout")
@masked
def multiplied_by_the_share(x: Any, p: float, key: int) -> Any:
    """The factor of evaluation, 1 - p, in training."""
    return np.where(_keep(p, key, x.shape), x * (1 - p), 0)


@mutant("dropout")
@masked
def keeps_with_probability_p(x: Any, p: float, key: int) -> Any:
    """p is taken for the probability to survive."""
    return dropout(x, p=1 - p, key=key)


@mutant("dropout")
@masked
def shared_by_channels(x: Any, p: float, key: int) -> Any:
    """One mask for all channels."""
    return dropout(
        x, p=p, keep=np.broadcast_to(_keep(p, key, (*x.shape[:1], *[1][: x.ndim - 1], *x.shape[2:])), x.shape)
    )


@mutant("dropout")
@masked
def shared_by_samples(x: Any, p: float, key: int) -> Any:
    """One mask for all samples."""
    return dropout(x, p=p, keep=np.broadcast_to(_keep(p, key, x.shape[1:]), x.shape))


@mutant("dropout")
@masked
def drops_channels(x: Any, p: float, key: int) -> Any:
    """Whole channels are dropped."""
    shape = (*x.shape[:2], *[1] * (x.ndim - 2))
    return dropout(x, p=p, keep=np.broadcast_to(_keep(p, key, shape), x.shape))


@mutant("dropout")
@masked
def drops_in_pairs(x: Any, p: float, key: int) -> Any:
    """Neighbours share their fate."""
    if not x.ndim:
        return dropout(x, p=p, key=key)
    half = _keep(p, key, (*x.shape[:-1], (x.shape[-1] + 1) // 2))
    return dropout(x, p=p, keep=np.repeat(half, 2, axis=-1)[..., : x.shape[-1]])


@mutant("dropout")
@masked
def ignores_the_key(x: Any, p: float, key: int) -> Any:
    """Every call has the same mask."""
    return dropout(x, p=p, key=0)


@mutant("dropout")
@masked
def ignores_the_last_bit_of_the_key(x: Any, p: float, key: int) -> Any:
    """Keys 2n and 2n + 1 give one mask."""
    return dropout(x, p=p, key=key // 2)


@mutant("dropout")
@masked
def drops_the_smallest(x: Any, p: float, key: int) -> Any:
    """The numbers decide, not chance: those below their median survive less often."""
    small = np.abs(x) < np.median(np.abs(x)) if x.size else np.zeros(x.shape, bool)
    return dropout(x, p=p, keep=_keep(p, key, x.shape) & ~small)


@mutant("dropout")
@masked
def multiplies_by_a_mask(x: Any, p: float, key: int) -> Any:
    """With p = 1 it divides by zero: 0/0."""
    return x * (_keep(p, key, x.shape) / np.float64(1 - p))


@mutant("dropout")
@masked
def drops_at_least_something(x: Any, p: float, key: int) -> Any:
    """p = 0 is taken for "not given", and so for a half."""
    return dropout(x, p=p or 0.5, key=key)


@mutant("dropout")
@masked
def a_little_off(x: Any, p: float, key: int) -> Any:
    """p is compared with eight bits of randomness, of which the lowest value is lost."""
    coarse = np.random.default_rng(key).integers(1, 17, x.shape) / 16
    return dropout(x, p=p, keep=(coarse > p) | (p == 0))


@mutant("dropout")
def active_in_evaluation(x: Any, *, p: float = 0.5, training: bool = True, key: int = 0) -> Any:
    """Evaluation drops too."""
    return dropout(x, p=p, key=key)


@mutant("dropout")
def scales_in_evaluation(x: Any, *, p: float = 0.5, training: bool = True, key: int = 0) -> Any:
    """The other convention: evaluation multiplies by 1 - p."""
    return dropout(x, p=p, key=key) if training else x * (1 - p)


@mutant_with_state("dropout")
def not_deterministic() -> Function:
    """One generator for all calls, whatever the key."""
    rng = np.random.default_rng(0)

    @masked
    def function(x: Any, p: float, key: int) -> Any:
        return dropout(x, p=p, keep=rng.random(x.shape) >= p)

    return function
