"""Wrong gradients of right results, for every primitive that has gradients.

Each takes the right gradient, by the names of the arrays, and a call with its cotangent, and returns what
somebody's backward pass would give.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import reference
from conformance.mutants.base import mutant, mutant_with_state
from reference.arithmetic import differentiated
from reference.arrays import per_axis

Gradients = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A call of a primitive; its arrays, its options and the cotangent g are attributes."""

    primitive: str
    arguments: dict[str, Any]
    g: Any

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["arguments"][name]

    def gradients(self, g: Any = None, **changed: Any) -> Gradients:
        """The right gradients of the same call, or of one with something changed."""
        given = self.arguments | changed
        f = reference.PRIMITIVES[self.primitive]
        kinds = inspect.signature(f).parameters
        arrays = {name: x for name, x in given.items() if kinds[name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD}
        options = {name: x for name, x in given.items() if name not in arrays}
        names = [name for name, x in arrays.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
        wanted = [list(arrays).index(name) for name in names]
        found = differentiated(f, list(arrays.values()), options, [self.g if g is None else g], wanted)
        return dict(zip(names, found, strict=True))


Wrong = Callable[[Gradients, Call], Gradients]


def gradient_mutant(*primitives: str) -> Callable[[Wrong], Wrong]:
    """Register a wrong gradient, for each of the primitives that people make this mistake with."""

    def register(wrong: Wrong) -> Wrong:
        for primitive in primitives:
            mutant(primitive, replaces="gradient")(_adapted(wrong, primitive))
        return wrong

    return register


def _adapted(wrong: Wrong, primitive: str) -> Callable[..., Any]:
    """What an adapter has as its `gradient`; those of other primitives are right."""

    def gradient(function: Callable[..., Any], wanted: tuple[int, ...]) -> Callable[..., tuple[Any, ...]]:
        signature = inspect.signature(function)

        def pulled(cotangent: Any, *arrays: Any, **options: Any) -> tuple[Any, ...]:
            bound = signature.bind(*arrays, **options)
            bound.apply_defaults()
            call = Call(function.__name__, dict(bound.arguments), cotangent)
            right = call.gradients()
            found = right | (wrong(right, call) if call.primitive == primitive else {})
            return tuple(found[list(signature.parameters)[i]] for i in wanted)

        return pulled

    gradient.__name__ = f"gradient_{wrong.__name__}"
    gradient.__doc__ = wrong.__doc__
    return gradient


def _spatial(x: Any) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


def _strides(p: Call) -> tuple[int, ...]:
    kernel = p.w.shape[2:] if "w" in p.arguments else per_axis(p.kernel, p.x.ndim - 2)
    return kernel if p.stride is None else per_axis(p.stride, len(kernel))


# -- padding and convolution -------------------------------------------------------------------------------


@gradient_mutant("pad")
def cuts_the_padding_off(g: Gradients, p: Call) -> Gradients:
    """What was copied into the padding is forgotten, in every mode."""
    return p.gradients(mode="constant", value=0.0)


@gradient_mutant("pad")
def takes_the_first_elements(g: Gradients, p: Call) -> Gradients:
    """The padding before the signal is not skipped."""
    inside = (slice(None), slice(None), *(slice(0, side) for side in p.x.shape[2:]))
    return {"x": p.g[inside]} if p.mode in ("zeros", "constant") else g


@gradient_mutant("pad")
def the_edge_twice(g: Gradients, p: Call) -> Gradients:
    """A reflection is read as if it repeated the edge: the gradient of replicate."""
    return p.gradients(mode="replicate") if p.mode == "reflect" else g


@gradient_mutant("convolution", "transposed_convolution")
def taps_turned_round(g: Gradients, p: Call) -> Gradients:
    """The gradient of the kernels comes out flipped."""
    return {"w": np.flip(g["w"], _spatial(p.w))}


@gradient_mutant("convolution", "transposed_convolution")
def of_the_first_sample(g: Gradients, p: Call) -> Gradients:
    """The kernels learn from the first sample alone."""
    return {"w": p.gradients(x=p.x[:1], g=p.g[:1])["w"]}


@gradient_mutant("convolution", "transposed_convolution", "dense")
def bias_averaged(g: Gradients, p: Call) -> Gradients:
    """The cotangents of a bias are averaged over the batch, where they must be added."""
    return {"bias": g["bias"] / max(p.x.shape[0], 1) if p.x.ndim > 1 else g["bias"]} if p.bias is not None else g


@gradient_mutant("convolution", "transposed_convolution")
def bias_of_the_first_position(g: Gradients, p: Call) -> Gradients:
    """The bias is taken for one that is used at one position of each axis but the first."""
    if p.bias is None or not p.g.size:
        return g
    return {"bias": np.sum(p.g[..., 0] if p.g.ndim > 3 else p.g, axis=(0, *range(2, max(p.g.ndim - 1, 3))))}


@gradient_mutant("true_convolution")
def kernel_not_turned_back(g: Gradients, p: Call) -> Gradients:
    """The gradient of the kernel comes out flipped."""
    return {"w": np.flip(g["w"])}


@gradient_mutant("true_convolution")
def a_correlation_on_the_way_back(g: Gradients, p: Call) -> Gradients:
    """The kernel is turned round on the way back too."""
    return {"x": p.gradients(w=np.flip(p.w))["x"]}


@gradient_mutant("true_convolution")
def as_long_as_the_cotangent(g: Gradients, p: Call) -> Gradients:
    """Only the middle of the cotangent is used, where "full" gave more."""
    if p.mode != "full":
        return g
    first = [(k - 1) // 2 for k in p.w.shape]
    inside = tuple(slice(i, i + s) for i, s in zip(first, p.x.shape, strict=True))
    return {"w": p.gradients(g=p.g[inside], mode="same")["w"]}


@gradient_mutant("toeplitz")
def the_corner_twice(g: Gradients, p: Call) -> Gradients:
    """The first number of the row, which is not used, gets the gradient of the diagonal."""
    if p.r is None or not p.g.size:
        return g
    first = np.arange(p.r.shape[-1]) == 0
    return {"r": np.where(first, g["c"][..., :1], g["r"])}


@gradient_mutant("toeplitz")
def diagonals_averaged(g: Gradients, p: Call) -> Gradients:
    """What a diagonal gives back is averaged, where it must be added."""
    m, n = p.g.shape[-2:]
    return {"c": g["c"] / np.minimum(m - np.arange(m), n)} if p.r is not None else g


@gradient_mutant("toeplitz")
def the_row_is_a_copy(g: Gradients, p: Call) -> Gradients:
    """Without a row the column is used above the diagonal too, which is forgotten."""
    if p.r is not None:
        return g
    return {"c": p.gradients(g=np.tril(p.g))["c"]}


@gradient_mutant("convolution")
def an_odd_padding_with_a_stride(g: Gradients, p: Call) -> Gradients:
    """Off by one where the stride is above 1 and the padding is odd."""
    if isinstance(p.padding, str) or max(_strides(p)) == 1:
        return g
    sides = [p.padding] if isinstance(p.padding, int) else [s if isinstance(s, int) else s[0] for s in p.padding]
    return {"x": np.roll(g["x"], 1, axis=-1)} if any(side % 2 for side in sides) else g


@gradient_mutant("convolution")
def depthwise_kernels_of_their_neighbours(g: Gradients, p: Call) -> Gradients:
    """Where every channel is a group, kernels get the gradient of the next channel."""
    return {"w": np.roll(g["w"], 1, axis=0)} if 1 < p.groups == p.x.shape[1] else g


@gradient_mutant("convolution")
def the_dilation_of_the_input_is_lost(g: Gradients, p: Call) -> Gradients:
    """Of a dilated kernel only the first tap along the last axis reaches the signal."""
    if max(per_axis(p.dilation, p.w.ndim - 2)) == 1:
        return g
    first = np.zeros(p.w.shape)
    first[..., 0] = p.w[..., 0]
    return {"x": p.gradients(w=first)["x"]}


@gradient_mutant("transposed_convolution")
def an_output_padding_is_cut_off(g: Gradients, p: Call) -> Gradients:
    """What lies in the output padding has no gradient."""
    more = per_axis(p.output_padding, p.w.ndim - 2)[-1]
    kept = p.g.copy()
    kept[..., p.g.shape[-1] - more :] = 0
    return p.gradients(g=kept) if more else g


@gradient_mutant("transposed_convolution")
def groups_share_their_kernels(g: Gradients, p: Call) -> Gradients:
    """With groups, the gradient of the kernels of the first group is given to all."""
    parts = np.split(g["w"], p.groups)
    return {"w": np.concatenate([parts[0]] * p.groups)}


# -- pooling -----------------------------------------------------------------------------------------------


@gradient_mutant("max_pool", "global_max_pool", "adaptive_max_pool")
def everything_in_the_window_wins(g: Gradients, p: Call) -> Gradients:
    """Every element gets the cotangents of the windows, and not only the largest."""
    return {"x": np.where(g["x"] == 0, np.mean(p.g) if p.g.size else 0.0, g["x"])}


@gradient_mutant("max_pool", "global_max_pool", "adaptive_max_pool")
def the_smallest_wins(g: Gradients, p: Call) -> Gradients:
    """The gradient goes to the minimum."""
    return p.gradients(x=-p.x)


@gradient_mutant("max_pool", "sum_pool", "average_pool")
def overlaps_count_once(g: Gradients, p: Call) -> Gradients:
    """An element that several windows see gets the cotangent of one."""
    ones = p.gradients(g=np.ones(p.g.shape))["x"]
    single = np.max(np.abs(ones), initial=0.0) if p.primitive == "average_pool" else 1.0
    overlapping = any(s < k for s, k in zip(_strides(p), per_axis(p.kernel, p.x.ndim - 2), strict=True))
    with np.errstate(all="ignore"):
        return {"x": np.where(ones != 0, g["x"] * single / ones, 0.0)} if overlapping else g


@gradient_mutant("global_max_pool", "global_average_pool", "adaptive_average_pool", "softmax", "relu")
def averaged_over_the_batch(g: Gradients, p: Call) -> Gradients:
    """Gradients are divided by the number of samples, as those of a mean loss are elsewhere."""
    return {"x": g["x"] / p.x.shape[0]} if p.x.ndim and p.x.shape[0] else g


@gradient_mutant("adaptive_max_pool")
def the_last_window_takes_it(g: Gradients, p: Call) -> Gradients:
    """Where windows of different sizes overlap, the cotangents of all but the last are lost."""
    last = np.zeros(p.g.shape)
    last[..., -1:] = p.g[..., -1:]
    return {"x": np.where(p.gradients(g=last)["x"] != 0, p.gradients(g=last)["x"], g["x"])}


@gradient_mutant("average_pool", "global_average_pool", "adaptive_average_pool")
def a_sum_instead_of_an_average(g: Gradients, p: Call) -> Gradients:
    """The division by the number of elements is forgotten."""
    n = math.prod(per_axis(p.kernel, p.x.ndim - 2)) if p.primitive == "average_pool" else 2
    return {"x": g["x"] * n}


@gradient_mutant("global_average_pool")
def divided_along_the_last_axis(g: Gradients, p: Call) -> Gradients:
    """Of several spatial axes, only the last counts for the number of elements."""
    return {"x": g["x"] * math.prod(p.x.shape[2:-1])}


@gradient_mutant("average_pool")
def padding_counts_backwards(g: Gradients, p: Call) -> Gradients:
    """The gradient divides by the whole kernel, whatever count_include_pad says."""
    return p.gradients(count_include_pad=True)


@gradient_mutant("adaptive_average_pool")
def windows_of_one_size(g: Gradients, p: Call) -> Gradients:
    """Every window is divided by S/O, also those that are longer."""
    O = per_axis(p.output_size, p.x.ndim - 2)
    size = math.prod(S / o for S, o in zip(p.x.shape[2:], O, strict=True))
    ones = p.gradients(g=np.ones(p.g.shape))["x"]
    return {"x": np.where(ones != 0, g["x"] / np.where(ones != 0, ones, 1.0) / size * np.rint(ones * size), 0.0)}


@gradient_mutant("sum_pool", "lp_pool")
def no_gradient_in_a_window_that_sticks_out(g: Gradients, p: Call) -> Gradients:
    """With ceil_mode the last windows are dropped on the way back."""
    if not p.ceil_mode:
        return g
    kept = p.g.copy()
    kept[..., -1:] = 0
    return p.gradients(g=kept)


@gradient_mutant("sum_pool")
def one_divided_by_the_kernel(g: Gradients, p: Call) -> Gradients:
    """The gradient of the average."""
    return {"x": g["x"] / math.prod(per_axis(p.kernel, p.x.ndim - 2))}


@gradient_mutant("product_pool")
def product_over_the_factor(g: Gradients, p: Call) -> Gradients:
    """y / x, which is 0/0 for a factor of zero, and then set to zero."""
    return {"x": np.where(p.x == 0, 0.0, g["x"])}


@gradient_mutant("product_pool")
def every_factor_gets_the_cotangent(g: Gradients, p: Call) -> Gradients:
    """The gradient of a sum."""
    return p.gradients(x=np.ones(p.x.shape))


@gradient_mutant("product_pool")
def times_the_whole_product(g: Gradients, p: Call) -> Gradients:
    """g y for g y / x: the division is forgotten."""
    return {"x": g["x"] * p.x}


@gradient_mutant("lp_pool")
def without_the_norm_below(g: Gradients, p: Call) -> Gradients:
    """The gradient of the sum of squares over two: x without its division by the norm."""
    if p.norm_type != 2:
        return g
    ones = reference.sum_pool(np.abs(p.x), kernel=p.kernel, stride=p.stride, ceil_mode=p.ceil_mode)
    return p.gradients(g=p.g * np.where(ones > 0, 2.0, 1.0))


@gradient_mutant("lp_pool")
def magnitudes_have_no_sign(g: Gradients, p: Call) -> Gradients:
    """d|x| = 1."""
    return {"x": np.abs(g["x"])}


# -- normalisation -----------------------------------------------------------------------------------------


NORMS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm")


def _together(p: Call, x: Any) -> tuple[Any, tuple[int, ...]]:
    """x as an array, and the axes of its numbers that are normalised together."""
    match p.primitive:
        case "layer_norm" | "rms_norm":
            return x, tuple(range(-p.axes, 0))
        case "group_norm":
            return np.reshape(x, (len(x), p.groups, x.shape[1] // p.groups, *x.shape[2:])), tuple(range(2, x.ndim + 1))
        case "instance_norm":
            return x, _spatial(x)
    return x, (0, *_spatial(x))


def _weighted(p: Call) -> Any:
    """The cotangent times gamma."""
    if p.weight is None:
        return p.g
    is_by_channel = p.primitive not in ("layer_norm", "rms_norm")
    return p.g * (np.reshape(p.weight, (1, -1, *[1] * (p.x.ndim - 2))) if is_by_channel else p.weight)


@gradient_mutant(*NORMS)
def statistics_are_constants(g: Gradients, p: Call) -> Gradients:
    """That x moves its own mean and variance is forgotten."""
    x, over = _together(p, p.x)
    if p.primitive == "batch_norm" and not p.training:
        return g
    var = np.mean(x * x, over, keepdims=True) if p.primitive == "rms_norm" else np.var(x, over, keepdims=True)
    return {"x": np.reshape(np.reshape(_weighted(p), x.shape) / np.sqrt(var + p.eps), p.x.shape)}


@gradient_mutant("group_norm", "instance_norm", "layer_norm")
def mean_is_a_constant(g: Gradients, p: Call) -> Gradients:
    """That x moves its mean is forgotten; its variance is differentiated."""
    x, over = _together(p, p.x)
    h = np.reshape(_weighted(p), x.shape)
    missed = np.mean(h, over, keepdims=True) / np.sqrt(np.var(x, over, keepdims=True) + p.eps)
    return {"x": g["x"] + np.reshape(np.broadcast_to(missed, x.shape), p.x.shape)}


@gradient_mutant(*NORMS[:-1])
def bias_gets_the_mean(g: Gradients, p: Call) -> Gradients:
    """The cotangents of beta are averaged."""
    n = p.x.size // max(g["bias"].size, 1) if p.bias is not None else 1
    return {"bias": g["bias"] / max(n, 1)} if p.bias is not None else g


@gradient_mutant(*NORMS)
def weight_of_what_was_not_normalised(g: Gradients, p: Call) -> Gradients:
    """The gradient of gamma is taken with x instead of the normalised x."""
    if p.weight is None:
        return g
    if p.primitive in ("layer_norm", "rms_norm"):
        return {"weight": np.sum(p.g * p.x, axis=tuple(range(p.x.ndim - p.axes)))}
    return {"weight": np.sum(p.g * p.x, axis=(0, *_spatial(p.x)))}


@gradient_mutant(*NORMS)
def without_gamma(g: Gradients, p: Call) -> Gradients:
    """x gets its gradient as if gamma were 1."""
    return {"x": p.gradients(weight=None)["x"]}


@gradient_mutant("group_norm", "instance_norm")
def weight_of_the_last_sample(g: Gradients, p: Call) -> Gradients:
    """The gradient of gamma is overwritten by each sample, not added up."""
    if p.weight is None or len(p.x) < 2:
        return g
    return {
        "weight": p.gradients(p.g * (np.arange(len(p.x)) == len(p.x) - 1).reshape(-1, *[1] * (p.x.ndim - 1)))["weight"]
    }


@gradient_mutant("batch_norm")
def always_as_in_training(g: Gradients, p: Call) -> Gradients:
    """In evaluation the gradient of the batch's own statistics is used."""
    n = p.x.size // max(p.x.shape[1], 1)
    return {"x": p.gradients(training=True)["x"]} if not p.training and n > 1 else g


@gradient_mutant("layer_norm")
def over_the_last_axis_alone(g: Gradients, p: Call) -> Gradients:
    """Where several axes are normalised, the statistics of the last are differentiated."""
    return {"x": p.gradients(axes=1, weight=None, bias=None)["x"]} if p.axes > 1 and p.weight is None else g


@gradient_mutant("dropout")
def without_the_scale(g: Gradients, p: Call) -> Gradients:
    """The mask is right, 1/(1 - p) is forgotten."""
    return {"x": g["x"] * (1 - p.p)} if p.training and p.p < 1 else g


@gradient_mutant("dropout")
def another_mask(g: Gradients, p: Call) -> Gradients:
    """The way back draws anew."""
    return p.gradients(key=p.key + 1)


@gradient_mutant("dropout")
def also_in_evaluation(g: Gradients, p: Call) -> Gradients:
    """Gradients are dropped in evaluation too."""
    return p.gradients(training=True)


# -- activations -------------------------------------------------------------------------------------------


@gradient_mutant("relu")
def leaks(g: Gradients, p: Call) -> Gradients:
    """A hundredth of the cotangent passes where x is negative."""
    return {"x": np.where(p.x < 0, 0.01 * p.g, g["x"])}


@gradient_mutant("relu")
def beyond_the_kink(g: Gradients, p: Call) -> Gradients:
    """At 0 the slope is 2, which is no subgradient."""
    return {"x": np.where(p.x == 0, 2 * p.g, g["x"])}


@gradient_mutant("relu")
def always_open(g: Gradients, p: Call) -> Gradients:
    """The cotangent passes everywhere."""
    return {"x": p.g}


@gradient_mutant("identity", "leaky_relu")
def of_magnitudes(g: Gradients, p: Call) -> Gradients:
    """The gradient of |x| times the slope."""
    return {"x": np.where(p.x < 0, -g["x"], g["x"])}


@gradient_mutant("leaky_relu")
def closed_below_zero(g: Gradients, p: Call) -> Gradients:
    """relu's gradient."""
    return {"x": np.where(p.x < 0, 0.0, g["x"])}


@gradient_mutant("leaky_relu")
def slope_of_a_hundredth(g: Gradients, p: Call) -> Gradients:
    """The slope is written into the way back."""
    return {"x": np.where(p.x < 0, 0.01 * p.g, g["x"])}


@gradient_mutant("silu")
def sigmoid_alone(g: Gradients, p: Call) -> Gradients:
    """That the weight depends on x is forgotten."""
    return {"x": p.g * reference.sigmoid(p.x)}


@gradient_mutant("silu")
def zero_where_small(g: Gradients, p: Call) -> Gradients:
    """Below -20 the slope is taken for zero."""
    return {"x": np.where(p.x < -20, 0.0, g["x"])}


@gradient_mutant("sigmoid", "tanh")
def of_the_result_alone(g: Gradients, p: Call) -> Gradients:
    """y instead of y (1 - y), 1 - y instead of 1 - y^2."""
    y = reference.PRIMITIVES[p.primitive](p.x)
    return {"x": p.g * (y if p.primitive == "sigmoid" else 1 - y)}


@gradient_mutant("sigmoid", "tanh", "gelu", "silu")
def flat_beyond_four(g: Gradients, p: Call) -> Gradients:
    """Where the function has nearly reached its limit, the slope is taken for zero."""
    return {"x": np.where(np.abs(p.x) >= 4, 0.0, g["x"])}


@gradient_mutant("sigmoid", "tanh")
def scaled_by_four(g: Gradients, p: Call) -> Gradients:
    """The slope at 0 is taken for a quarter of what it is, or four times."""
    return {"x": g["x"] * (4 if p.primitive == "sigmoid" else 0.25)}


@gradient_mutant("gelu")
def the_density_is_forgotten(g: Gradients, p: Call) -> Gradients:
    """Phi(x) instead of Phi(x) + x phi(x)."""
    return {
        "x": p.g * np.where(p.x == 0, 0.5, reference.gelu(p.x, approximate=p.approximate) / np.where(p.x == 0, 1, p.x))
    }


@gradient_mutant("gelu")
def of_the_other_form(g: Gradients, p: Call) -> Gradients:
    """The exact form has the gradient of the approximation, and the other way round."""
    return p.gradients(approximate="tanh" if p.approximate == "none" else "none")


@gradient_mutant("softmax", "log_softmax")
def diagonal_alone(g: Gradients, p: Call) -> Gradients:
    """That every score moves all weights is forgotten."""
    y = reference.softmax(p.x, axis=p.axis)
    return {"x": p.g * y * (1 - y) if p.primitive == "softmax" else p.g * (1 - y)}


@gradient_mutant("softmax", "log_softmax")
def along_the_last_axis(g: Gradients, p: Call) -> Gradients:
    """The sum is taken along the last axis, whichever was normalised."""
    y = reference.softmax(p.x, axis=p.axis)
    if p.primitive == "softmax":
        return {"x": y * (p.g - np.sum(p.g * y, axis=-1, keepdims=True))}
    return {"x": p.g - y * np.sum(p.g, axis=-1, keepdims=True)}


@gradient_mutant("softmax", "log_softmax")
def the_mean_instead_of_the_sum(g: Gradients, p: Call) -> Gradients:
    """What is subtracted is averaged over the axis."""
    y, n = reference.softmax(p.x, axis=p.axis), p.x.shape[p.axis]
    if p.primitive == "softmax":
        return {"x": y * (p.g - np.sum(p.g * y, axis=p.axis, keepdims=True) / n)}
    return {"x": p.g - y * np.sum(p.g, axis=p.axis, keepdims=True) / n}


# -- dense, residual, attention ------------------------------------------------------------------------------


@gradient_mutant("dense")
def without_the_last_row(g: Gradients, p: Call) -> Gradients:
    """The last row of a batch does not count for the weights."""
    if p.x.ndim < 2 or p.x.shape[0] < 2:
        return g
    return {"w": p.gradients(x=p.x[:-1], g=p.g[:-1])["w"]}


@gradient_mutant("dense")
def weights_as_they_are(g: Gradients, p: Call) -> Gradients:
    """A square matrix is not transposed on the way back."""
    return {"x": np.matmul(p.g, p.w.T)} if p.w.shape[0] == p.w.shape[1] else g


@gradient_mutant("dense")
def nothing_learnt_from_nothing(g: Gradients, p: Call) -> Gradients:
    """An empty batch gives NaN for the weights instead of zeros."""
    return {"w": np.full(p.w.shape, np.nan)} if p.x.size == 0 else g


@gradient_mutant("residual")
def the_identity_is_lost(g: Gradients, p: Call) -> Gradients:
    """x gets its gradient through the branch alone."""
    return {"x": g["x"] - p.g}


@gradient_mutant("residual")
def through_closed_ramps(g: Gradients, p: Call) -> Gradients:
    """The first layer learns also where its ramp was closed."""
    opened = 1e3 * np.ones(p.w1.shape[:1])
    return {"w1": p.gradients(b1=opened)["w1"]}


@gradient_mutant("residual")
def before_the_ramp(g: Gradients, p: Call) -> Gradients:
    """The second layer's weights are taken with what came before the ramp."""
    h = np.matmul(p.x, p.w1.T) + (0.0 if p.b1 is None else p.b1)
    rows, bars = np.reshape(h, (-1, h.shape[-1])) if h.size else h[:0], p.g
    return {"w2": np.matmul(np.reshape(bars, (-1, bars.shape[-1])).T, rows)} if h.size else g


@gradient_mutant("residual")
def the_last_bias_is_forgotten(g: Gradients, p: Call) -> Gradients:
    """b2 has no gradient."""
    return {"b2": np.zeros(p.b2.shape)} if p.b2 is not None else g


@gradient_mutant("basic_block")
def the_path_of_x_is_lost(g: Gradients, p: Call) -> Gradients:
    """Without a projection x gets its gradient through the branch alone."""
    return {"x": g["x"] - p.g * (reference.basic_block(**p.arguments) > 0)} if p.w_x is None else {}


@gradient_mutant("basic_block")
def the_projection_is_detached(g: Gradients, p: Call) -> Gradients:
    """x gets nothing through its projection, whose own weights learn."""
    if p.w_x is None:
        return {}
    opened = p.g * (reference.basic_block(**p.arguments) > 0)
    scale = np.reshape(p.gamma_x / np.sqrt(p.var_x + p.eps), (-1, *[1] * (p.x.ndim - 2)))
    stride = per_axis(p.stride, p.x.ndim - 2)
    (lost,) = differentiated(reference.convolution, [p.x, p.w_x], {"stride": stride}, [opened * scale], [0])
    return {"x": g["x"] - lost}


@gradient_mutant("basic_block")
def through_a_closed_last_ramp(g: Gradients, p: Call) -> Gradients:
    """The last ReLU is no gate for the path of x, nor for the branch."""
    return {"x": p.gradients(beta2=p.beta2 + 2.0**200)["x"]}


@gradient_mutant("basic_block")
def through_every_ramp(g: Gradients, p: Call) -> Gradients:
    """The first convolution learns also where a ReLU was closed."""
    return {"w1": p.gradients(beta1=p.beta1 + 2.0**100, beta2=p.beta2 + 2.0**200)["w1"]}


@gradient_mutant("basic_block")
def the_projection_learns_nothing(g: Gradients, p: Call) -> Gradients:
    """Its kernel is detached."""
    return {"w_x": 0 * g["w_x"]} if "w_x" in g else {}


@gradient_mutant("basic_block")
def norms_without_their_statistics(g: Gradients, p: Call) -> Gradients:
    """The weight of the second norm learns from what was not divided by the deviation."""
    return {"gamma2": g["gamma2"] * np.sqrt(p.var2 + p.eps)}


@gradient_mutant("dense_block")
def through_the_layers_alone(g: Gradients, p: Call) -> Gradients:
    """What is joined is detached: x gets nothing from its own channels of the result."""
    return {"x": g["x"] - p.g[:, : p.x.shape[1]]}


@gradient_mutant("dense_block")
def joined_without_the_layers(g: Gradients, p: Call) -> Gradients:
    """x gets its own channels of the cotangent, and nothing through the layers."""
    return {"x": p.g[:, : p.x.shape[1]]}


@gradient_mutant("dense_block")
def later_layers_teach_nothing(g: Gradients, p: Call) -> Gradients:
    """The first kernels learn from their own channels alone."""
    C, k = p.x.shape[1], p.w1.shape[0]
    own = p.g.copy()
    own[:, C + k :] = 0
    return {"w1": p.gradients(g=own)["w1"]}


@gradient_mutant("scaled_dot_product_attention")
def keys_without_the_scale(g: Gradients, p: Call) -> Gradients:
    """The scale is not multiplied into the gradient of the keys."""
    return {"k": g["k"] * (math.sqrt(p.q.shape[-1]) if p.scale is None else 1 / p.scale)}


@gradient_mutant("scaled_dot_product_attention")
def values_without_their_weights(g: Gradients, p: Call) -> Gradients:
    """Every value gets the mean of the cotangents."""
    return {"v": np.zeros(p.v.shape) + np.sum(p.g, axis=-2, keepdims=True) / p.v.shape[-2]}


@gradient_mutant("scaled_dot_product_attention")
def masked_keys_learn(g: Gradients, p: Call) -> Gradients:
    """The way back does not know the mask."""
    return {"k": p.gradients(mask=None)["k"]}


@gradient_mutant("scaled_dot_product_attention")
def the_future_learns(g: Gradients, p: Call) -> Gradients:
    """The way back is not causal, for the queries."""
    return {"q": p.gradients(causal=False)["q"]}


@gradient_mutant("scaled_dot_product_attention")
def the_mask_learns_nothing(g: Gradients, p: Call) -> Gradients:
    """Numbers that are added to the scores have no gradient."""
    return {"mask": np.zeros(p.mask.shape)} if "mask" in g else g


@gradient_mutant("scaled_dot_product_attention")
def the_first_head_of_a_group_learns(g: Gradients, p: Call) -> Gradients:
    """Keys that heads share get what one of them says."""
    if not p.grouped or p.k.shape[-3] == p.q.shape[-3]:
        return g
    first = np.zeros(p.g.shape)
    group = p.q.shape[-3] // p.k.shape[-3]
    first[..., ::group, :, :] = p.g[..., ::group, :, :]
    return {"k": p.gradients(g=first)["k"]}


@gradient_mutant("scaled_dot_product_attention")
def the_mean_of_a_group_learns(g: Gradients, p: Call) -> Gradients:
    """Values that heads share get the mean of what these say."""
    return {"v": g["v"] * (p.k.shape[-3] / p.q.shape[-3])} if p.grouped else g


@gradient_mutant("scaled_dot_product_attention")
def without_the_mean_of_the_weights(g: Gradients, p: Call) -> Gradients:
    """The softmax is differentiated as if its sum were a constant."""
    S, is_plain = p.k.shape[-2], not p.grouped and p.q.shape[:-2] == p.k.shape[:-2]
    if "mask" not in g or not is_plain or p.mask.shape != (*p.g.shape[:-1], S):
        return g
    one_hot = np.broadcast_to(np.eye(S), (*p.k.shape[:-1], S))
    options = {name: p.arguments[name] for name in ("causal", "window", "scale")}
    weights = reference.scaled_dot_product_attention(p.q, p.k, one_hot, p.mask, **options)
    return {"mask": weights * np.matmul(p.g, np.swapaxes(p.v, -1, -2))}


def _queries_of_closed_rows_learn(g: Gradients, p: Call) -> Gradients:
    if p.mask is None or p.mask.dtype != bool:
        return g
    is_closed = ~np.any(np.broadcast_to(p.mask, (*p.g.shape[:-1], p.k.shape[-2])), axis=-1, keepdims=True)
    return {"q": np.where(is_closed, p.gradients(mask=None)["q"], g["q"])}


@mutant_with_state("scaled_dot_product_attention")
def queries_of_closed_rows_learn() -> Any:
    """A row without keys is the mean of the values, and its query learns as if all keys were open."""
    name, chosen = "scaled_dot_product_attention", {"closed_rows": "mean"}
    return {
        name: functools.partial(reference.scaled_dot_product_attention, **chosen),
        "conventions": {name: chosen},
        "gradient": _adapted(_queries_of_closed_rows_learn, name),
    }


@gradient_mutant("additive_attention")
def states_learn_as_values_alone(g: Gradients, p: Call) -> Gradients:
    """That h is scored as well is forgotten on the way back."""
    return {"h": p.gradients(w_h=np.zeros(p.w_h.shape), w_s=np.zeros(p.w_s.shape), v=np.zeros(p.v.shape))["h"]}


@gradient_mutant("additive_attention")
def without_the_slope_of_tanh(g: Gradients, p: Call) -> Gradients:
    """The layer of s is differentiated at 0, where the slope is 1."""
    return {"w_s": p.gradients(h=p.h, s=1e-3 * p.s)["w_s"] * 1e3}


@gradient_mutant("additive_attention")
def the_direction_of_the_last_state(g: Gradients, p: Call) -> Gradients:
    """v learns from the last state of the decoder alone."""
    last = np.zeros(p.g.shape)
    last[..., -1:, :] = p.g[..., -1:, :]
    return {"v": p.gradients(g=last)["v"]}


@gradient_mutant("learned_encoding")
def the_table_of_the_last_sample(g: Gradients, p: Call) -> Gradients:
    """The table learns from one sample."""
    return {"table": p.gradients(x=p.x[-1:], g=p.g[-1:])["table"]} if p.x.ndim > 2 and len(p.x) else g


@gradient_mutant("learned_encoding")
def rows_beyond_learn(g: Gradients, p: Call) -> Gradients:
    """Rows that no token has get the gradient of the last one that some has."""
    table, T = g["table"].copy(), p.x.shape[-2]
    if T:
        table[T:] = table[T - 1]
    return {"table": table}


@gradient_mutant("naive_encoding")
def the_position_flows_back(g: Gradients, p: Call) -> Gradients:
    """The cotangent is cut at the wrong end: what belongs to the position goes to the last number of the token."""
    return {"x": p.g[..., 1:]}


@gradient_mutant("multi_head_attention")
def through_the_queries_alone(g: Gradients, p: Call) -> Gradients:
    """Self-attention: that x is key and value too is forgotten."""
    if p.key is not None:
        return g
    return {"query": p.gradients(key=p.query.copy(), value=p.query.copy())["query"]}


@gradient_mutant("multi_head_attention")
def the_last_head_is_forgotten(g: Gradients, p: Call) -> Gradients:
    """The projection of values learns nothing in the last of several heads."""
    if p.heads == 1:
        return g
    kept = g["w_v"].copy()
    kept[-(kept.shape[0] // p.heads) :] = 0
    return {"w_v": kept}


@gradient_mutant("multi_head_attention")
def padding_learns(g: Gradients, p: Call) -> Gradients:
    """Keys that are padding move the projection of the keys."""
    return {"w_k": p.gradients(key_padding_mask=None)["w_k"]}


@gradient_mutant("multi_head_attention")
def the_bias_of_values_of_one_query(g: Gradients, p: Call) -> Gradients:
    """The bias of the values learns from the first query."""
    return (
        {"b_v": p.gradients(g=np.concatenate([p.g[..., :1, :], 0 * p.g[..., 1:, :]], -2))["b_v"]} if "b_v" in g else g
    )


# -- recurrence ----------------------------------------------------------------------------------------------

RECURRENT_STEPS = ("rnn_step", "lstm_step", "gru_step")
SEQUENCES = ("rnn", "lstm", "gru")


def _of_the_first(g: Any) -> Any:
    """The cotangent of the first sample, and zeros for the others."""
    first = np.zeros_like(g)
    first[:1] = g[:1]
    return first


@gradient_mutant(*RECURRENT_STEPS, *SEQUENCES)
def the_state_is_a_constant(g: Gradients, p: Call) -> Gradients:
    """Nothing flows back to the state that is given, as after a detach."""
    return {"h": np.zeros_like(g["h"])} if "h" in g else g


@gradient_mutant(*RECURRENT_STEPS, *SEQUENCES)
def state_weights_of_the_first_sample(g: Gradients, p: Call) -> Gradients:
    """The matrices of the state learn from the first sample alone."""
    is_batch = p.x.ndim > (1 if p.primitive in RECURRENT_STEPS else 2)
    return {"w_h": p.gradients(g=_of_the_first(p.g))["w_h"]} if is_batch else g


@gradient_mutant(*RECURRENT_STEPS, *SEQUENCES)
def state_weights_come_back_transposed(g: Gradients, p: Call) -> Gradients:
    """In every gate the gradient of U is that of its transpose."""
    parts = np.split(g["w_h"], len(p.w_h) // p.w_h.shape[1])
    return {"w_h": np.concatenate([part.T for part in parts])}


@gradient_mutant(*SEQUENCES)
def only_the_last_state_counts(g: Gradients, p: Call) -> Gradients:
    """The cotangents of all states but the last are dropped."""
    last = np.zeros_like(p.g)
    last[..., -1:, :] = p.g[..., -1:, :]
    return p.gradients(g=last)


@gradient_mutant(*SEQUENCES)
def inputs_in_reverse(g: Gradients, p: Call) -> Gradients:
    """The sweep goes from the last step to the first, and so do the gradients of the inputs."""
    return {"x": np.flip(g["x"], -2)}


@gradient_mutant(*SEQUENCES)
def through_one_step(g: Gradients, p: Call) -> Gradients:
    """The sum over the steps breaks off: inputs before the last do not reach a later state."""
    x, T = np.zeros_like(g["x"]), p.x.shape[-2]
    for t in range(T):
        now = np.zeros_like(p.g)
        now[..., t, :] = p.g[..., t, :]
        x[..., t, :] = p.gradients(g=now)["x"][..., t, :]
    return {"x": x}


@gradient_mutant("lstm_step", "lstm")
def the_memory_is_a_constant(g: Gradients, p: Call) -> Gradients:
    """Nothing flows back to the memory that is given."""
    return {"c": np.zeros_like(g["c"])} if "c" in g else g


@gradient_mutant("decoder_step")
def an_encoder_that_does_not_learn(g: Gradients, p: Call) -> Gradients:
    """Nothing flows back to the context."""
    return {"c": np.zeros_like(g["c"])}


@gradient_mutant("decoder_step")
def context_weights_of_the_first_sample(g: Gradients, p: Call) -> Gradients:
    """The matrix of the context learns from the first sample alone."""
    return {"u_c": p.gradients(g=_of_the_first(p.g))["u_c"]} if p.y.ndim > 1 else g


@gradient_mutant("decoder_step")
def a_state_that_does_not_learn(g: Gradients, p: Call) -> Gradients:
    """Nothing flows back to the state."""
    return {"s": np.zeros_like(g["s"])}


# -- blocks of the Transformer -------------------------------------------------------------------------


@gradient_mutant("encoder_block", "decoder_block")
def forgets_the_identity(right: Gradients, call: Call) -> Gradients:
    """Where the norm comes first, x gets nothing by the path that leads past every branch."""
    return {"x": right["x"] - call.g} if call.norm_first else {}


@gradient_mutant("encoder_block", "decoder_block")
def weights_of_attention_are_constants(right: Gradients, call: Call) -> Gradients:
    """The projections of queries and keys get nothing, as if the weights were detached."""
    of_values = np.array([0.0, 0.0, 1.0])[:, None, None]
    return {"w_qkv": right["w_qkv"] * of_values}


@gradient_mutant("encoder_block", "decoder_block")
def padding_of_a_block_learns(right: Gradients, call: Call) -> Gradients:
    """With padding, x gets what it would without."""
    return {"x": call.gradients(key_padding_mask=None)["x"]}


@gradient_mutant("decoder_block")
def memory_is_detached(right: Gradients, call: Call) -> Gradients:
    """The encoder learns nothing."""
    return {"memory": 0 * right["memory"]}


# -- any primitive ---------------------------------------------------------------------------------------------

SIMPLE = ("identity", "feed_forward", "patch_embedding", "learned_encoding", "naive_encoding")


@gradient_mutant(*SIMPLE)
def twice_the_first(g: Gradients, p: Call) -> Gradients:
    """What the first array gets is added to what is there already."""
    return {name: 2 * x for name, x in [*g.items()][:1]}


@gradient_mutant(*SIMPLE)
def turned_round(g: Gradients, p: Call) -> Gradients:
    """What the last array gets has the other sign."""
    return {name: -x for name, x in [*g.items()][-1:]}
