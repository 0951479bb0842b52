"""Wrong pools."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from conformance.mutants.base import Function, mutant
from reference import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    global_average_pool,
    global_max_pool,
    lp_pool,
    max_pool,
    pad,
    product_pool,
    sum_pool,
)
from reference.arithmetic import BFLOAT16
from reference.arrays import per_axis
from reference.convolution import paddings

WINDOWED = (max_pool, sum_pool, product_pool, average_pool, lp_pool)
PADDED = (max_pool, sum_pool, product_pool, average_pool)
AVERAGES = (average_pool, sum_pool)

Change = Callable[[Function, Any, dict[str, Any]], Any]


def in_each(*pools: Function) -> Callable[[Change], Change]:
    """The same mistake in several pools: change(pool, x, options)."""

    def register(change: Change) -> Change:
        for pool in pools:
            mutant(pool.__name__)(_changed(pool, change))
        return change

    return register


def _changed(pool: Function, change: Change) -> Function:
    def function(x: Any, **options: Any) -> Any:
        return change(pool, x, options)

    function.__name__, function.__doc__ = change.__name__, change.__doc__
    return function


def _pairs(x: Any, options: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    ones = (1,) * (x.ndim - 2)
    return paddings(options.get("padding", 0), x.shape[2:], ones, ones, ones)


def _strides(x: Any, options: dict[str, Any]) -> tuple[int, ...]:
    stride = options.get("stride")
    return per_axis(options["kernel"] if stride is None else stride, x.ndim - 2)


def _or(change: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """The mistake, where it leaves a window."""
    try:
        return change()
    except ValueError:
        return otherwise()


# -- windows: max_pool, sum_pool, average_pool, lp_pool ------------------------------------------------


@in_each(*WINDOWED)
def steps_by_one(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The stride is one unless it is given, as in a convolution."""
    return pool(x, **{"stride": 1} | options)


@in_each(*WINDOWED)
def ignores_the_stride(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The stride is the kernel, whatever is asked for."""
    return _or(lambda: pool(x, **options | {"stride": None}), lambda: pool(x, **options))


@in_each(*WINDOWED)
def strides_every_axis_alike(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The first axis gives the stride of all."""
    first = _strides(x, options)[0]
    return _or(lambda: pool(x, **options | {"stride": first}), lambda: pool(x, **options))


@in_each(*WINDOWED)
def swaps_the_axes_of_the_kernel(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Width before height."""
    changed = options | {"kernel": per_axis(options["kernel"], x.ndim - 2)[::-1], "stride": _strides(x, options)}
    return _or(lambda: pool(x, **changed), lambda: pool(x, **options))


@in_each(*WINDOWED)
def rounds_down_with_ceil_mode(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The size is rounded down, whatever ceil_mode says."""
    return _or(lambda: pool(x, **options | {"ceil_mode": False}), lambda: pool(x, **options))


@in_each(*WINDOWED)
def always_rounds_up(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The last window may always stick out."""
    return pool(x, **options | {"ceil_mode": True})


@in_each(*WINDOWED)
def tiles_of_three(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Each fourth output of a row repeats the one before it: a tile that is one too short."""
    y = pool(x, **options).copy()
    y[..., 3::4] = y[..., 2:-1:4]
    return y


@in_each(*WINDOWED)
def pools_one_channel(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Every channel is pooled like the first."""
    return np.broadcast_to(pool(x[:, :1], **options), pool(x, **options).shape).copy()


@in_each(*PADDED)
def ignores_the_padding(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The signal is not padded, where it then has a window."""
    return _or(lambda: pool(x, **options | {"padding": 0}), lambda: pool(x, **options))


@in_each(*PADDED)
def swaps_before_and_after(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Each pair of paddings the wrong way round."""
    sides = [pair[::-1] for pair in _pairs(x, options)]
    return _or(lambda: pool(x, **options | {"padding": sides}), lambda: pool(x, **options))


@in_each(*PADDED)
def pads_before_for_both(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Both sides get the padding of the first."""
    sides = [(before, before) for before, _ in _pairs(x, options)]
    return _or(lambda: pool(x, **options | {"padding": sides}), lambda: pool(x, **options))


@in_each(*AVERAGES)
def the_other_way(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """A sum for an average, and an average for a sum."""
    if pool is sum_pool:
        return average_pool(x, **options)
    return sum_pool(x, **{name: value for name, value in options.items() if name != "count_include_pad"})


# -- max_pool ------------------------------------------------------------------------------------------


@mutant("max_pool")
def lets_padding_win(x: Any, **options: Any) -> Any:
    """The padding is zero, as in a convolution, and more than every negative number."""
    if options.get("ceil_mode"):
        return max_pool(x, **options)
    return max_pool(pad(x, padding=_pairs(x, options)), **options | {"padding": 0})


@mutant("max_pool")
def pads_with_the_least_positive(x: Any, **options: Any) -> Any:
    """A maximum that starts from the least positive number, which C calls DBL_MIN."""
    return np.maximum(max_pool(x, **options), np.finfo(np.float64).tiny)


@mutant("max_pool")
def pads_with_the_least_number(x: Any, **options: Any) -> Any:
    """A maximum that starts from the least finite number, where a window lies in the padding."""
    return np.maximum(max_pool(x, **options), np.finfo(np.float64).min)


@mutant("max_pool")
def ignores_the_dilation(x: Any, **options: Any) -> Any:
    """Windows of adjacent elements."""
    return max_pool(x, **options | {"dilation": 1})


@mutant("max_pool")
def dilates_but_reads_adjacent(x: Any, **options: Any) -> Any:
    """The output has the dilated size, but the elements of a window lie side by side."""
    sizes = max_pool(x, **options).shape[2:]
    dense = max_pool(x, **options | {"dilation": 1})
    return dense[(..., *(slice(P) for P in sizes))] if all(map(int.__ge__, dense.shape[2:], sizes)) else dense


@mutant("max_pool")
def largest_magnitude(x: Any, **options: Any) -> Any:
    """The magnitude is compared, and returned."""
    return max_pool(np.abs(x), **options)


@mutant("max_pool")
def smallest(x: Any, **options: Any) -> Any:
    """The least element."""
    return -max_pool(-x, **options)


@mutant("max_pool")
def last_window_may_begin_in_the_padding(x: Any, **options: Any) -> Any:
    """With ceil_mode a window counts that begins in the padding after the signal."""
    if not options.get("ceil_mode"):
        return max_pool(x, **options)
    sides = _pairs(x, options)
    padded = pad(x, padding=sides, value=-math.inf)
    return _or(lambda: max_pool(padded, **options | {"padding": 0}), lambda: max_pool(x, **options))


@mutant("max_pool")
def averages(x: Any, **options: Any) -> Any:
    """An average, where there is no dilation."""
    rest = {name: value for name, value in options.items() if name != "dilation"}
    return average_pool(x, **rest) if options.get("dilation", 1) == 1 else max_pool(x, **options)


# -- average_pool --------------------------------------------------------------------------------------


@mutant("average_pool")
def always_counts_the_padding(x: Any, **options: Any) -> Any:
    """count_include_pad is ignored."""
    return average_pool(x, **options | {"count_include_pad": True})


@mutant("average_pool")
def never_counts_the_padding(x: Any, **options: Any) -> Any:
    """The zeros of the padding are not counted, whatever is asked for."""
    return average_pool(x, **options | {"count_include_pad": False})


@mutant("average_pool")
def counts_what_lies_beyond(x: Any, **options: Any) -> Any:
    """Every window is divided by the whole kernel, also one that sticks out."""
    if not options.get("count_include_pad", True):
        return average_pool(x, **options)
    rest = {name: value for name, value in options.items() if name != "count_include_pad"}
    return sum_pool(x, **rest) / math.prod(per_axis(options["kernel"], x.ndim - 2))


@mutant("average_pool")
def counts_nothing_of_a_window_that_sticks_out(x: Any, **options: Any) -> Any:
    """With ceil_mode the padding does not count."""
    return average_pool(x, **options | ({"count_include_pad": False} if options.get("ceil_mode") else {}))


@mutant("average_pool")
def counts_what_is_not_zero(x: Any, **options: Any) -> Any:
    """Divided by the number of elements that are not zero, where there are some."""
    n = average_pool((x != 0).astype(float), **options)
    return average_pool(x, **options) / np.where(n == 0, 1, n)


# -- sum_pool ------------------------------------------------------------------------------------------


@mutant("sum_pool")
def sums_the_magnitudes(x: Any, **options: Any) -> Any:
    """The sum of |x|."""
    return sum_pool(np.abs(x), **options)


@mutant("sum_pool")
def average_times_the_whole_kernel(x: Any, **options: Any) -> Any:
    """An average times the kernel, also where a window sticks out."""
    return average_pool(x, **options) * math.prod(per_axis(options["kernel"], x.ndim - 2))


# -- product_pool --------------------------------------------------------------------------------------


@mutant("product_pool")
def pads_a_product_with_zeros(x: Any, **options: Any) -> Any:
    """The padding is zero, as that of a sum is."""
    if options.get("ceil_mode"):
        return product_pool(x, **options)
    return product_pool(pad(x, padding=_pairs(x, options)), **options | {"padding": 0})


@mutant("product_pool")
def product_of_magnitudes(x: Any, **options: Any) -> Any:
    """exp of a sum of logarithms: the signs are lost."""
    return np.abs(product_pool(x, **options))


@mutant("product_pool")
def product_without_zeros(x: Any, **options: Any) -> Any:
    """Zeros are left out, as if they were padding."""
    return product_pool(np.where(x == 0, 1.0, x), **options)


@mutant("product_pool")
def geometric_mean(x: Any, **options: Any) -> Any:
    """The root of the product, of as many as there are in a window."""
    y = product_pool(x, **options)
    n = math.prod(per_axis(options["kernel"], x.ndim - 2))
    return np.copysign(np.abs(y) ** (1 / n), y)


@mutant("product_pool")
def starts_from_zero(x: Any, **options: Any) -> Any:
    """A product that starts where a sum does."""
    return product_pool(x, **options) * 0


@mutant("product_pool")
def adds_up(x: Any, **options: Any) -> Any:
    """A sum."""
    return sum_pool(x, **options)


@mutant("product_pool")
def forgets_the_first_factor(x: Any, **options: Any) -> Any:
    """The product begins with the second element of a window along the last axis."""
    K, s = per_axis(options["kernel"], x.ndim - 2), _strides(x, options)
    if K[-1] < 2 or options.get("ceil_mode"):
        return product_pool(x, **options)
    sides = [(0, 0)] * 2 + [*_pairs(x, options)]
    padded = np.pad(x, sides, constant_values=1.0)[..., 1:]
    return product_pool(padded, kernel=(*K[:-1], K[-1] - 1), stride=s)


# -- lp_pool -------------------------------------------------------------------------------------------


@mutant("lp_pool")
def times_the_whole_kernel(x: Any, **options: Any) -> Any:
    """An average times the kernel, also where a window sticks out."""
    rest = {name: value for name, value in options.items() if name != "norm_type"}
    share = sum_pool(np.ones(x.shape), **rest) / math.prod(per_axis(options["kernel"], x.ndim - 2))
    return lp_pool(x, **options) / share ** (1 / options.get("norm_type", 2))


@mutant("lp_pool")
def forgets_the_root(x: Any, **options: Any) -> Any:
    """The sum of squares."""
    y = lp_pool(x, **options)
    return y * y if options.get("norm_type", 2) == 2 else y


@mutant("lp_pool")
def root_mean_square(x: Any, **options: Any) -> Any:
    """The mean of the squares for their sum."""
    if options.get("norm_type", 2) != 2:
        return lp_pool(x, **options)
    rest = {name: value for name, value in options.items() if name != "norm_type"}
    return np.sqrt(average_pool(x * x, **rest))


@mutant("lp_pool")
def always_euclidean(x: Any, **options: Any) -> Any:
    """norm_type is ignored."""
    return lp_pool(x, **options | {"norm_type": 2})


@mutant("lp_pool")
def powers_of_x(x: Any, **options: Any) -> Any:
    """x for |x|: with norm_type 1 a sum."""
    return lp_pool(x, **options, signed=True)


@mutant("lp_pool")
def keeps_the_sign(x: Any, **options: Any) -> Any:
    """A window has the sign of its sum."""
    rest = {name: value for name, value in options.items() if name != "norm_type"}
    return np.copysign(lp_pool(x, **options), sum_pool(x, **rest))


@mutant("lp_pool")
def root_with_a_guard(x: Any, **options: Any) -> Any:
    """1e-6 under the root, against a gradient that is infinite at zero."""
    y = lp_pool(x, **options)
    return np.sqrt(y * y + 1e-6) if options.get("norm_type", 2) == 2 else y


# -- the whole signal: global_max_pool, global_average_pool --------------------------------------------

GLOBAL = (global_max_pool, global_average_pool)


@in_each(*GLOBAL)
def drops_the_axes(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """One number for each channel, without the axes of 1."""
    return pool(x).reshape(x.shape[:2])


@in_each(*GLOBAL)
def pools_the_channels_too(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """One number for each sample."""
    whole = pool(np.reshape(x, (len(x), 1, math.prod(x.shape[1:]))))
    return np.broadcast_to(whole.reshape(-1, *[1] * (x.ndim - 1)), pool(x).shape).copy()


@in_each(*GLOBAL)
def pools_the_batch_too(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """One number for each channel of all samples."""
    if not len(x):
        return pool(x)
    y = pool(np.reshape(np.moveaxis(x, 0, -1), (1, x.shape[1], -1)))
    return np.broadcast_to(y.reshape(1, -1, *[1] * (x.ndim - 2)), pool(x).shape).copy()


@in_each(*GLOBAL)
def pools_the_last_axis_only(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The other spatial axes stay."""
    return (np.max if pool is global_max_pool else np.mean)(x, axis=-1, keepdims=True)


@in_each(*GLOBAL)
def without_the_border(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The last element of each axis is left out, where there is another."""
    return pool(x[(..., *(slice(max(S - 1, 1)) for S in x.shape[2:]))])


@mutant("global_max_pool")
def maximum_and_zero(x: Any) -> Any:
    """A maximum that starts from zero."""
    return np.maximum(global_max_pool(x), 0)


@mutant("global_max_pool")
def average_of_all(x: Any) -> Any:
    """The average."""
    return global_average_pool(x)


@mutant("global_average_pool")
def sum_of_all(x: Any) -> Any:
    """The sum."""
    return x.sum(axis=tuple(range(2, x.ndim)), keepdims=True)


@mutant("global_average_pool")
def maximum_of_all(x: Any) -> Any:
    """The maximum."""
    return global_max_pool(x)


# -- adaptive_max_pool, adaptive_average_pool ----------------------------------------------------------

ADAPTIVE = (adaptive_max_pool, adaptive_average_pool)

Bounds = Callable[[int, int, int], tuple[int, int]]


def _adapted(pool: Function, x: Any, output_size: Any, bounds: Bounds) -> Any:
    """An adaptive pool of windows from begin to end, (i, S, O) -> (begin, end)."""
    f: Any = np.max if pool is adaptive_max_pool else np.mean
    S, axes = x.shape[2:], tuple(range(2, x.ndim))
    O: Sequence[int] = per_axis(output_size, len(S))
    windows = [[slice(*bounds(i, S_i, O_i)) for i in range(O_i)] for S_i, O_i in zip(S, O, strict=True)]
    y = [f(x[(..., *window)], axis=axes) for window in itertools.product(*windows)]
    return np.reshape(np.stack(y, axis=-1), (*x.shape[:2], *O))


@in_each(*ADAPTIVE)
def ends_rounded_down(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Windows that do not overlap: floor at both ends, at least one element."""
    return _adapted(
        pool, x, options["output_size"], lambda i, S, O: (i * S // O, max((i + 1) * S // O, i * S // O + 1))
    )


@in_each(*ADAPTIVE)
def one_kernel_for_all(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Windows of ceil(S/O) elements, the last ones moved back."""

    def bounds(i: int, S: int, O: int) -> tuple[int, int]:
        K = -(-S // O)
        begin = min(i * K, S - K)
        return begin, begin + K

    return _adapted(pool, x, options["output_size"], bounds)


@in_each(*ADAPTIVE)
def leaves_the_rest(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Windows of floor(S/O) elements: what remains is left out."""

    def bounds(i: int, S: int, O: int) -> tuple[int, int]:
        K = max(S // O, 1)
        begin = min(i * K, S - K)
        return begin, begin + K

    return _adapted(pool, x, options["output_size"], bounds)


@in_each(*ADAPTIVE)
def ends_one_too_far(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """floor((i + 1) S / O) + 1 for the ceiling: one element more where O divides S."""
    return _adapted(pool, x, options["output_size"], lambda i, S, O: (i * S // O, min((i + 1) * S // O + 1, S)))


@in_each(*ADAPTIVE)
def swaps_the_axes(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Width before height in the sizes of the output."""
    return pool(x, output_size=per_axis(options["output_size"], x.ndim - 2)[::-1])


@in_each(*ADAPTIVE)
def adapts_the_last_axis_only(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The other axes keep their size."""
    return pool(x, output_size=(*x.shape[2:-1], per_axis(options["output_size"], x.ndim - 2)[-1]))


@in_each(*ADAPTIVE)
def maximum_for_average(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """The other adaptive pool."""
    return (adaptive_average_pool if pool is adaptive_max_pool else adaptive_max_pool)(x, **options)


@mutant("adaptive_average_pool")
def divides_by_the_mean_size(x: Any, *, output_size: Any) -> Any:
    """Every sum is divided by S/O, whatever its window holds."""
    S, O = x.shape[2:], per_axis(output_size, x.ndim - 2)

    def inside(i: int, size: int, outputs: int) -> tuple[int, int]:
        return i * size // outputs, -(-(i + 1) * size // outputs)

    counts = [np.diff([inside(i, n, m) for i in range(m)], axis=1)[:, 0] * m / n for n, m in zip(S, O, strict=True)]
    factor: Any = 1.0
    for count in counts:
        factor = np.multiply.outer(factor, count)
    return adaptive_average_pool(x, output_size=output_size) * factor


# -- wrong in one corner alone -------------------------------------------------------------------------


@in_each(*PADDED)
def strided_odd_padding(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Only with a stride above 1 and an odd padding before the signal the windows begin one element late."""
    pairs = zip(_pairs(x, options), _strides(x, options), strict=True)
    sides = [(p - 1, q + 1) if s > 1 and p % 2 else (p, q) for (p, q), s in pairs]
    return _or(lambda: pool(x, **options | {"padding": sides}), lambda: pool(x, **options))


@in_each(sum_pool, average_pool)
def empty_batch_is_an_error(pool: Function, x: Any, options: dict[str, Any]) -> Any:
    """Only a batch without samples is refused."""
    if not len(x):
        raise ValueError("an empty batch")
    return pool(x, **options)


@mutant("global_average_pool", format=BFLOAT16)
def sums_in_bfloat16(x: Any) -> Any:
    """Every partial sum is rounded to the format."""
    n = math.prod(x.shape[2:])
    y = functools.reduce(np.add, np.moveaxis(np.reshape(x, (*x.shape[:2], n)), -1, 0)) / np.asarray(n, x.dtype)
    return np.reshape(y, (*x.shape[:2], *[1] * (x.ndim - 2)))


@mutant("lp_pool")
def manhattan_in_the_plane(x: Any, **options: Any) -> Any:
    """Only with two axes the sum of magnitudes is taken for the Euclidean norm."""
    if x.ndim != 4 or options.get("norm_type", 2) != 2:
        return lp_pool(x, **options)
    return lp_pool(np.abs(x), **options | {"norm_type": 1})
