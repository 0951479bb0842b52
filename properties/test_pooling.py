"""Laws of pooling."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from properties.agreement import at_most, same_bits, same_number
from properties.law import law
from properties.sides import wide
from properties.strategies.cotangents import differentiated
from properties.strategies.kinds import KINDS
from properties.strategies.pooling import (
    adaptive_pools,
    average_pools,
    global_pools,
    lp_pools,
    max_pools,
    product_pools,
    sum_pools,
)
from reference import PRIMITIVES
from reference.arithmetic import differentiated as reference_gradient
from reference.arrays import per_axis
from reference.convolution import paddings
from reference.pooling import pooled_size

Axes = list[tuple[int, int, int, tuple[int, int], int]]


def _axes(p: Any) -> Axes:
    """(S, K, s, padding, d) for every axis of a pool."""
    S = p.x.shape[2:]
    ones = (1,) * len(S)
    s, d = p.stride or p.kernel, per_axis(p.options.get("dilation", 1), len(S))
    return list(zip(S, p.kernel, s, paddings(p.options.get("padding", 0), S, ones, ones, ones), d, strict=True))


@law("POOL-1", max_pools(), verb=same_number)
def test_output_shape(f: Any, p: Any) -> Any:
    """P = floor((S + p_before + p_after - d (K - 1) - 1) / s) + 1 on every axis; with ceil_mode as pooled_size."""
    P = [pooled_size(*axis, p.ceil_mode) for axis in _axes(p)]
    return f.max_pool(*p.arrays, **p.options).shape, (*p.x.shape[:2], *P)


@law("POOL-1", product_pools(), verb=same_number)
def test_output_shape_of_a_product(f: Any, p: Any) -> Any:
    """P = floor((S + p_before + p_after - K) / s) + 1 on every axis; with ceil_mode as pooled_size."""
    P = [pooled_size(*axis, p.ceil_mode) for axis in _axes(p)]
    return f.product_pool(*p.arrays, **p.options).shape, (*p.x.shape[:2], *P)


@law("POOL-3", max_pools(padding=("none", "symmetric"), room=6))
def test_translation_equivariance(f: Any, p: Any) -> Any:
    """max_pool(x from s on)[i] = max_pool(x)[i + 1] on the last axis, where neither window leaves the signal."""
    S, K, s, (before, _), d = _axes(p)[-1]
    first, last = -(-before // s), (S - s - d * (K - 1) - 1 + before) // s
    shifted, y = f.max_pool(p.x[..., s:], **p.options), f.max_pool(p.x, **p.options)
    return shifted[..., first : last + 1], y[..., first + 1 : last + 2]


@law("POOL-4", max_pools(dilation=(1,), everywhere=True))
def test_commutes_with_monotone_maps(f: Any, p: Any) -> Any:
    """max_pool(g(x)) = g(max_pool(x)) for g(x) = 2 max(x, -1/2), which is exact and does not decrease.

    Every window holds an element: minus infinity is no number that g keeps.
    """

    def g(x: Any) -> Any:
        return 2 * np.maximum(x, -0.5)

    return f.max_pool(g(p.x), **p.options), g(f.max_pool(p.x, **p.options))


@law("POOL-5", average_pools(count_include_pad=(False,)), verb=at_most)
def test_between_least_and_greatest(f: Any, p: Any) -> Any:
    """-max_pool(-x) <= average_pool(x) <= max_pool(x), if the padding does not count."""
    options = {name: value for name, value in p.options.items() if name != "count_include_pad"}
    y = f.average_pool(p.x, **p.options)
    return (-f.max_pool(-p.x, **options), y), (y, f.max_pool(p.x, **options))


DISJOINT: dict[str, Any] = {"stride": ("kernel",), "padding": ("none",), "ceil_mode": (False,)}


def _reversed_windows(f: Any, p: Any, primitive: str) -> Any:
    """The results of windows that meet nowhere, with the elements of each in reverse, and as they are."""
    x = y = p.x
    for axis, K in enumerate(p.kernel, start=2):
        i = np.arange(x.shape[axis] // K * K)
        x, y = np.take(x, i - i % K + (K - 1 - i % K), axis=axis), np.take(y, i, axis=axis)
    pool = getattr(f, primitive)
    return pool(x, **p.options), pool(y, **p.options)


@law("POOL-2", max_pools(**DISJOINT, dilation=(1,)))
def test_max_is_symmetric(f: Any, p: Any) -> Any:
    """The order of the elements of a window does not change its maximum."""
    return _reversed_windows(f, p, "max_pool")


@law("POOL-2", sum_pools(**DISJOINT))
def test_sum_is_symmetric(f: Any, p: Any) -> Any:
    """The order of the elements of a window does not change their sum."""
    return _reversed_windows(f, p, "sum_pool")


@law("POOL-2", product_pools(**DISJOINT))
def test_product_is_symmetric(f: Any, p: Any) -> Any:
    """The order of the elements of a window does not change their product."""
    return _reversed_windows(f, p, "product_pool")


@law("POOL-2", average_pools(padding=("none",), ceil_mode=(False,), stride=("kernel",)))
def test_average_is_symmetric(f: Any, p: Any) -> Any:
    """The order of the elements of a window does not change their average."""
    return _reversed_windows(f, p, "average_pool")


@law("POOL-2", lp_pools(stride=("kernel",), ceil_mode=(False,)))
def test_norm_is_symmetric(f: Any, p: Any) -> Any:
    """The order of the elements of a window does not change their norm."""
    return _reversed_windows(f, p, "lp_pool")


@law("POOL-6", average_pools(inputs=2))
def test_average_is_linear(f: Any, p: Any) -> Any:
    """average_pool(2x + x') = 2 average_pool(x) + average_pool(x')."""
    return (
        f.average_pool(2 * p.x + p.x2, **p.options),
        2 * f.average_pool(p.x, **p.options) + f.average_pool(p.x2, **p.options),
    )


@law("POOL-6", sum_pools(ceil_mode=(False,)))
def test_sum_is_a_depthwise_convolution(f: Any, p: Any) -> Any:
    """sum_pool(x) = conv(x, w) with w = 1 everywhere, and one group for each channel."""
    w, s = np.ones((p.x.shape[1], 1, *p.kernel)), p.stride or p.kernel
    return f.sum_pool(p.x, **p.options), f.convolution(p.x, w, stride=s, padding=p.padding, groups=p.x.shape[1])


@law("POOL-7", average_pools(count_include_pad=(False,), constant=True))
def test_average_keeps_constants(f: Any, p: Any) -> Any:
    """average_pool(c) = c, if the padding does not count."""
    y = f.average_pool(np.broadcast_to(p.c, p.x.shape), **p.options)
    return y, np.broadcast_to(wide(p.c), y.shape)


@law("POOL-7", average_pools(padding=("none",), ceil_mode=(True, False), constant=True))
def test_what_lies_beyond_never_counts(f: Any, p: Any) -> Any:
    """average_pool(c) = c without padding, also where the last window sticks out."""
    y = f.average_pool(np.broadcast_to(p.c, p.x.shape), **p.options)
    return y, np.broadcast_to(wide(p.c), y.shape)


@law("POOL-8", lp_pools(kernel=(1,), stride=(1,), norm_type=(2, math.inf)))
def test_window_of_one_is_the_magnitude(f: Any, p: Any) -> Any:
    """lp_pool(x) with windows of one element = |x|."""
    return f.lp_pool(p.x, **p.options), np.abs(wide(p.x))


@law("POOL-9", max_pools(stride=("kernel",), padding=("none",), dilation=(1,), twice=True))
def test_max_of_max(f: Any, p: Any) -> Any:
    """Pooling by a, then by b, is pooling by a b, where the stride is the kernel."""
    once, options = tuple(a * b for a, b in zip(p.kernel, p.then, strict=True)), {"ceil_mode": p.ceil_mode}
    y = f.max_pool(p.x, kernel=p.kernel, **options)
    return f.max_pool(y, kernel=p.then, **options), f.max_pool(p.x, kernel=once, **options)


@law("POOL-10", global_pools("global_average_pool"))
def test_global_average_is_one_window(f: Any, p: Any) -> Any:
    """global_average_pool(x) = average_pool(x) with the whole signal as its kernel."""
    return f.global_average_pool(p.x), f.average_pool(p.x, kernel=p.x.shape[2:])


@law("POOL-10", global_pools("global_max_pool"))
def test_global_max_is_one_window(f: Any, p: Any) -> Any:
    """global_max_pool(x) = max_pool(x) with the whole signal as its kernel."""
    return f.global_max_pool(p.x), f.max_pool(p.x, kernel=p.x.shape[2:])


@law("POOL-10", adaptive_pools("adaptive_average_pool", output=("divisor",)))
def test_adaptive_average_is_a_pool(f: Any, p: Any) -> Any:
    """adaptive_average_pool(x) to O elements = average_pool(x) with the kernel S/O, where O divides S."""
    K = tuple(S // O for S, O in zip(p.x.shape[2:], p.output_size, strict=True))
    return f.adaptive_average_pool(p.x, **p.options), f.average_pool(p.x, kernel=K)


@law("POOL-10", adaptive_pools("adaptive_max_pool", output=("divisor",)))
def test_adaptive_max_is_a_pool(f: Any, p: Any) -> Any:
    """adaptive_max_pool(x) to O elements = max_pool(x) with the kernel S/O, where O divides S."""
    K = tuple(S // O for S, O in zip(p.x.shape[2:], p.output_size, strict=True))
    return f.adaptive_max_pool(p.x, **p.options), f.max_pool(p.x, kernel=K)


@law("POOL-10", global_pools("global_average_pool"))
def test_global_average_is_adaptive(f: Any, p: Any) -> Any:
    """global_average_pool(x) = adaptive_average_pool(x) to one element."""
    return f.global_average_pool(p.x), f.adaptive_average_pool(p.x, output_size=(1,) * (p.x.ndim - 2))


@law("POOL-10", global_pools("global_max_pool"))
def test_global_max_is_adaptive(f: Any, p: Any) -> Any:
    """global_max_pool(x) = adaptive_max_pool(x) to one element."""
    return f.global_max_pool(p.x), f.adaptive_max_pool(p.x, output_size=(1,) * (p.x.ndim - 2))


@law("POOL-11", max_pools(padding=("symmetric", "asymmetric")))
def test_padding_never_wins(f: Any, p: Any) -> Any:
    """max_pool(x - c) = max_pool(x) - c for c = max |x|, which leaves nothing above zero."""
    c = np.max(np.abs(p.x)) if p.x.size else 0.0
    return f.max_pool(p.x - c, **p.options), f.max_pool(p.x, **p.options) - c


def _elsewhere(f: Any, p: Any, primitive: str) -> Any:
    """The magnitude of a gradient at all elements but the maxima of their windows, and zeros."""
    g = f.gradient(primitive, p.cotangent, p.x, by="x", **p.options)
    ones = np.ones(p.cotangent.shape)
    (shares,) = reference_gradient(PRIMITIVES[primitive], [p.x.value], p.options, [ones], [0])
    return np.where(shares > 0, 0.0, np.abs(g)), np.zeros(p.x.shape)


# Who flushes subnormal numbers sees ties among them.
APART = tuple(kind for kind in KINDS if kind != "tiny")


@law("POOL-12", differentiated(max_pools(kinds=APART)), verb=same_bits)
def test_gradient_goes_to_the_maxima(f: Any, p: Any) -> Any:
    """The gradient of an element that is the maximum of no window is 0."""
    return _elsewhere(f, p, "max_pool")


@law("POOL-12", differentiated(replace(global_pools("global_max_pool"), kinds=APART)), verb=same_bits)
def test_global_gradient_goes_to_the_maxima(f: Any, p: Any) -> Any:
    """The gradient of an element that is not the maximum is 0."""
    return _elsewhere(f, p, "global_max_pool")


@law("POOL-12", differentiated(replace(adaptive_pools("adaptive_max_pool"), kinds=APART)), verb=same_bits)
def test_adaptive_gradient_goes_to_the_maxima(f: Any, p: Any) -> Any:
    """The gradient of an element that is the maximum of no window is 0."""
    return _elsewhere(f, p, "adaptive_max_pool")


TIES = ("integers",)  # cotangents too: the half of one is exact


@law(
    "POOL-12",
    differentiated(max_pools(rank=(1,), kernel=(2, 1), **DISJOINT, dilation=(1,), kinds=TIES)),
    verb=same_bits,
)
def test_shares_at_ties(f: Any, p: Any) -> Any:
    """The shares of a window's two elements, also where they tie, add up to its cotangent."""
    g = f.gradient("max_pool", p.cotangent, p.x, by="x", **p.options)
    N, C, P = p.cotangent.shape
    (K,) = p.kernel
    return np.sum(np.reshape(g[..., : P * K], (N, C, P, K)), -1), p.cotangent


@law(
    "POOL-12",
    differentiated(replace(global_pools("global_max_pool", rank=(1,), sides=(2, 1)), kinds=TIES)),
    verb=same_bits,
)
def test_global_shares_at_ties(f: Any, p: Any) -> Any:
    """The shares of two elements, also where they tie, add up to the cotangent."""
    return np.sum(f.gradient("global_max_pool", p.cotangent, p.x, by="x"), -1, keepdims=True), p.cotangent


@law("POOL-12", differentiated(average_pools(padding=("none",), ceil_mode=(False,), stride=("kernel",))))
def test_gradient_of_an_average_is_spread_evenly(f: Any, p: Any) -> Any:
    """Each element of a window of n gets the cotangent divided by n, and what is in no window gets 0."""
    share: Any = wide(p.cotangent) / math.prod(p.kernel)
    for axis, K in enumerate(p.kernel, start=2):
        share = np.take(share, np.arange(share.shape[axis] * K) // K, axis=axis)
    behind = [(0, S - n) for S, n in zip(p.x.shape, share.shape, strict=True)]
    return f.gradient("average_pool", p.cotangent, p.x, by="x", **p.options), np.pad(share, behind)


@law("POOL-13", average_pools(kernel=(3, 2), one_hot=True))
def test_one_hot_probe(f: Any, p: Any) -> Any:
    """Of a signal that is 1 at one place, the average is 1/count where a window holds the place, and 0 elsewhere."""
    y = 1.0
    for at, (S, K, s, (before, after), _) in zip(p.place, _axes(p), strict=True):
        starts = np.arange(pooled_size(S, K, s, (before, after), 1, p.ceil_mode)) * s - before
        low, high = (-before, S + after) if p.count_include_pad else (0, S)
        count = np.minimum(starts + K, high) - np.maximum(starts, low)
        y = np.multiply.outer(y, ((starts <= at) & (at < starts + K)) / count)
    probed = f.average_pool(p.probe, **p.options)
    return probed, np.broadcast_to(y, probed.shape)
