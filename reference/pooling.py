"""Pooling: each window of a signal becomes one number.

    y[n, c, i] = f over k of  x[n, c, s i + d k - p]        f is max, a sum, a product, an average or a norm

for the position i of a window and its element k, each one index a spatial axis. s is the stride, d the
dilation, p the padding before the signal. The windows of an adaptive pool differ in size; the i-th of
O over S elements has

    y[n, c, i] = f over j of  x[n, c, j],        floor(i S / O) <= j < ceil((i + 1) S / O)

so that together they cover the signal. f is symmetric: the order of a window's elements does not matter
(Meilă, 2026, "Pooling").
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.arrays import Array, Padding, PerAxis, per_axis
from reference.convolution import output_size as size_of_floor
from reference.convolution import pad, paddings, windows


def pooled_size(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int, ceil_mode: bool) -> int:
    """Count the windows along one axis.

    Without ceil_mode, those that fit into the padded signal. With it the last one may stick out, if it
    begins in the signal or in the padding before it:

        L = ceil((S + p_before + p_after - d (K - 1) - 1) / s) + 1,  one less if (L - 1) s >= S + p_before

    A kernel that is larger than the padded signal then has one window, if it reaches no further than s.

    Raises: ValueError if there is no window, or K, s or d is not positive.
    Source: PyTorch, "MaxPool1d" and "AvgPool1d", and aten/src/ATen/native/Pool.h.

    >>> pooled_size(6, 3, 2, (0, 0), 1, ceil_mode=False), pooled_size(6, 3, 2, (0, 0), 1, ceil_mode=True)
    (2, 3)
    """
    if not ceil_mode:
        return size_of_floor(size, kernel, stride=stride, padding=padding, dilation=dilation)
    if min(kernel, stride, dilation) < 1:
        raise ValueError(f"kernel {kernel}, stride {stride} and dilation {dilation} must be positive")
    L = -(-(size + sum(padding) - dilation * (kernel - 1) - 1) // stride) + 1
    L -= (L - 1) * stride >= size + padding[0]
    if L < 1:
        raise ValueError(f"no window of {kernel} elements, stride {stride}, dilation {dilation}, in {size} + {padding}")
    return L


def seen(
    x: Array,
    kernel: PerAxis,
    stride: PerAxis | None,
    padding: Padding,
    dilation: PerAxis,
    ceil_mode: bool,
    *,
    outside: float = 0.0,
    beyond: float | None = None,
) -> Array:
    """View a signal as the windows of a pool, each in one axis.

    outside stands in the padding, beyond in what a last window sees after it (outside, if None).

    Shapes: x (N, C, *S) -> (N, C, *P, K_1 K_2 ...), with P as in pooled_size.
    Raises: ValueError if there is no window, or padding or an option is not one for each axis.
    """
    N, C, *S = np.shape(x)
    K, d = per_axis(kernel, len(S)), per_axis(dilation, len(S))
    s = K if stride is None else per_axis(stride, len(S))
    pairs = paddings(padding, S, K, s, d)
    P = [pooled_size(*axis, ceil_mode) for axis in zip(S, K, s, pairs, d, strict=True)]
    ends = [(L - 1) * s_i + d_i * (K_i - 1) + 1 for L, K_i, s_i, d_i in zip(P, K, s, d, strict=True)]
    further = [max(end - S_i - sum(pair), 0) for end, S_i, pair in zip(ends, S, pairs, strict=True)]

    x = pad(x, padding=pairs, value=outside)
    x = pad(x, padding=[(0, more) for more in further], value=outside if beyond is None else beyond)
    x = x[(..., *(slice(0, end) for end in ends))]  # what no window of P sees
    return np.reshape(windows(x, K, s, d), (N, C, *P, math.prod(K)))


def max_pool(
    x: Array,
    *,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
) -> Array:
    """Keep the largest element of each window.

    The padding is minus infinity: it wins only where a window holds nothing else. The stride is the
    kernel, unless it is given.

    Shapes: x (N, C, *S) -> (N, C, *P), with P as in pooled_size. padding: one side or pair an axis.
    Raises: ValueError if there is no window, or padding or an option is not one for each axis.
    Source: Meilă (2026), "Pooling"; Chen (2025), "Pooling Layer".

    >>> max_pool(np.array([[[1.0, -2.0, -4.0, -3.0, -1.0]]]), kernel=2, ceil_mode=True)
    array([[[ 1., -3., -1.]]])
    """
    return np.max(seen(x, kernel, stride, padding, dilation, ceil_mode, outside=-math.inf), axis=-1)


def sum_pool(
    x: Array, *, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, ceil_mode: bool = False
) -> Array:
    """Add up the elements of each window.

    Shapes: x (N, C, *S) -> (N, C, *P), with P as in pooled_size. padding: one side or pair an axis.
    Raises: ValueError if there is no window, or padding or an option is not one for each axis.
    Source: Meilă (2026), "Pooling".

    >>> sum_pool(np.array([[[1.0, 2.0, 4.0]]]), kernel=2, stride=1)
    array([[[3., 6.]]])
    """
    return np.sum(seen(x, kernel, stride, padding, 1, ceil_mode), axis=-1)


def product_pool(
    x: Array, *, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, ceil_mode: bool = False
) -> Array:
    """Multiply the elements of each window. The padding is one.

    Shapes: x (N, C, *S) -> (N, C, *P), with P as in pooled_size. padding: one side or pair an axis.
    Raises: ValueError if there is no window, or padding or an option is not one for each axis.
    Source: Meilă (2026), "Pooling".

    >>> product_pool(np.array([[[2.0, 3.0, -4.0]]]), kernel=2, padding=((0, 1),))
    array([[[ 6., -4.]]])
    """
    return np.prod(seen(x, kernel, stride, padding, 1, ceil_mode, outside=1.0), axis=-1)


def average_pool(
    x: Array,
    *,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """Average the elements of each window, and with count_include_pad the zeros of the padding too.

    What a window sees beyond the padding, with ceil_mode, never counts. A window that holds nothing
    that counts is 0/0.

    Shapes: x (N, C, *S) -> (N, C, *P), with P as in pooled_size. padding: one side or pair an axis.
    Raises: ValueError if there is no window, or padding or an option is not one for each axis.
    Source: Chen (2025), "Pooling Layer"; PyTorch, "AvgPool1d", for what counts.

    >>> average_pool(np.array([[[2.0, 4.0, 6.0]]]), kernel=2, padding=1, ceil_mode=True, count_include_pad=False)
    array([[[2., 5.]]])
    """
    counts = np.ones((1, 1, *np.shape(x)[2:]))
    count = seen(counts, kernel, stride, padding, 1, ceil_mode, outside=float(count_include_pad), beyond=0.0)
    return sum_pool(x, kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode) / np.sum(count, axis=-1)


def lp_pool(
    x: Array,
    *,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    norm_type: float = 2,
    ceil_mode: bool = False,
    signed: bool = False,
) -> Array:
    """Take a norm of each window: the Euclidean one, or of the magnitudes the sum (1) or the largest (inf).

    signed is a convention: PyTorch takes powers of x and not of |x|, so that norm_type 1 is a sum.

    Shapes: x (N, C, *S) -> (N, C, *P), with P as in pooled_size.
    Raises: ValueError if there is no window, an option is not one for each axis, or the norm another.
    Source: Meilă (2026), "Pooling"; PyTorch, "LPPool1d".

    >>> lp_pool(np.array([[[3.0, 4.0, -5.0]]]), kernel=2, ceil_mode=True)
    array([[[5., 5.]]])
    """
    options: dict[str, Any] = {"kernel": kernel, "stride": stride, "ceil_mode": ceil_mode}
    if norm_type == 2:
        return np.sqrt(sum_pool(x * x, **options))
    if norm_type == 1:
        return sum_pool(x if signed else np.abs(x), **options)
    if norm_type == math.inf:
        return max_pool(np.abs(x), **options)
    raise ValueError(f"norm_type {norm_type} is none of 1, 2 and inf")


def averaged_lp_pool(x: Array, *, norm_type: float = 2, signed: bool = False, **options: Any) -> Array:
    """Take the root of an average times the number of what was averaged.

    A further formula of lp_pool: the division and the product round once more each.

    Shapes: as lp_pool.
    """
    if norm_type not in (1, 2):
        return lp_pool(x, norm_type=norm_type, **options)
    n = sum_pool(np.ones((1, 1, *np.shape(x)[2:])), **options)
    if norm_type == 1:
        return average_pool(x if signed else np.abs(x), **options) * n
    return np.sqrt(average_pool(x * x, **options) * n)


def _axes(x: Array) -> tuple[int, ...]:
    """The spatial axes. Raises: ValueError if there is nothing along one of them."""
    if 0 in np.shape(x)[2:]:
        raise ValueError(f"a signal {np.shape(x)} without elements has neither maximum nor average")
    return tuple(range(2, np.ndim(x)))


def global_max_pool(x: Array) -> Array:
    """Keep the largest element of each channel.

    Shapes: x (N, C, *S) with at least one element in *S -> (N, C, *1), one 1 for each spatial axis.
    Raises: ValueError if a spatial axis is empty.
    Source: Meilă (2026), "Pooling", with one window for the whole signal.

    >>> global_max_pool(np.array([[[1.0, 4.0, 2.0]]]))
    array([[[4.]]])
    """
    return np.max(x, axis=_axes(x), keepdims=True)


def global_average_pool(x: Array) -> Array:
    """Average each channel, as the last pool of ResNet does.

    Shapes: x (N, C, *S) with at least one element in *S -> (N, C, *1), one 1 for each spatial axis.
    Raises: ValueError if a spatial axis is empty.
    Source: Jacquet (2022), "ResNet 18: Details".

    >>> global_average_pool(np.array([[[1.0, 4.0, 1.0]]]))
    array([[[2.]]])
    """
    return np.mean(x, axis=_axes(x), keepdims=True)


def _adaptive(x: Array, output_size: PerAxis, f: Callable[..., Array]) -> Array:
    """Divide each axis into O windows that cover it, and reduce each window of the signal by f."""
    (N, C, *S), axes = np.shape(x), _axes(x)
    O = per_axis(output_size, len(S))
    if min(O, default=1) < 1:
        raise ValueError(f"an output of {O} elements has no windows")
    parts = [_parts(S_i, O_i) for S_i, O_i in zip(S, O, strict=True)]
    y = [f(x[(..., *window)], axis=axes) for window in itertools.product(*parts)]
    return np.reshape(np.stack(y, axis=-1), (N, C, *O))


def _parts(S: int, O: int) -> Sequence[slice]:
    return [slice(i * S // O, -(-(i + 1) * S // O)) for i in range(O)]


def adaptive_max_pool(x: Array, *, output_size: PerAxis) -> Array:
    """Keep the largest elements of O windows that cover the signal, whatever its size.

    Shapes: x (N, C, *S) with at least one element in *S -> (N, C, *O). output_size: O, one for each axis.
    Raises: ValueError if a spatial axis is empty, or O is not positive, one for each axis.
    Source: PyTorch, "AdaptiveMaxPool1d", and `aten/src/ATen/native/AdaptivePooling.h` for the windows.

    >>> adaptive_max_pool(np.array([[[1.0, 2.0, 5.0, 3.0, 4.0]]]), output_size=2)
    array([[[5., 5.]]])
    """
    return _adaptive(x, output_size, np.max)


def adaptive_average_pool(x: Array, *, output_size: PerAxis) -> Array:
    """Average O windows that cover the signal, whatever its size.

    Shapes: x (N, C, *S) with at least one element in *S -> (N, C, *O). output_size: O, one for each axis.
    Raises: ValueError if a spatial axis is empty, or O is not positive, one for each axis.
    Source: PyTorch, "AdaptiveAvgPool1d", and `aten/src/ATen/native/AdaptivePooling.h` for the windows.

    >>> adaptive_average_pool(np.array([[[1.0, 2.0, 6.0, 1.0, 8.0]]]), output_size=2)
    array([[[3., 5.]]])
    """
    return _adaptive(x, output_size, np.mean)
