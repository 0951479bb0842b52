"""The pools against literal loops over exact fractions, SciPy's filters, and the sizes that lectures print."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import ndimage

from reference import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    convolution,
    global_average_pool,
    global_max_pool,
    lp_pool,
    max_pool,
    product_pool,
    sum_pool,
)
from reference.arithmetic import read
from reference.arithmetic.formats import Floats
from reference.pooling import averaged_lp_pool, pooled_size
from tests.test_references import DOUBLE, assert_within, fractions

# -- pooled_size ---------------------------------------------------------------------------------------


def test_pooled_size_counts_windows() -> None:
    """With ceil_mode a window follows while one ends too early; the last must not begin after the signal."""
    for S, K, s, d, before, after in itertools.product(range(6), (1, 2, 3), (1, 2, 3), (1, 2), (0, 1, 2), (0, 1, 3)):
        last, span = S + after, d * (K - 1) + 1
        starts = [-before] if span - (s - 1) <= S + before + after else []
        while starts and starts[-1] + span < last:
            starts.append(starts[-1] + s)
        if starts and starts[-1] >= S:
            starts.pop()
        if starts:
            assert pooled_size(S, K, s, (before, after), d, ceil_mode=True) == len(starts)
        else:
            with pytest.raises(ValueError, match="no window"):
                pooled_size(S, K, s, (before, after), d, ceil_mode=True)


def test_ceil_mode_is_floor_where_windows_fit() -> None:
    """Where no window would stick out, nothing changes, unless one begins in the padding after the signal."""
    for S, K, s, p in itertools.product(range(1, 9), (1, 2, 3), (1, 2, 3), (0, 1)):
        room = S + 2 * p - K
        if room >= 0 and room % s == 0 and p < K:
            assert pooled_size(S, K, s, (p, p), 1, ceil_mode=True) == pooled_size(S, K, s, (p, p), 1, ceil_mode=False)


def test_sizes_of_the_lectures() -> None:
    """28 becomes 14 and 7 (Chen, 2025); 112 becomes 56, and 7 x 7 one number (Jacquet, 2022, "ResNet 18: Details")."""
    assert [pooled_size(n, 2, 2, (0, 0), 1, ceil_mode=False) for n in (28, 14)] == [14, 7]
    assert pooled_size(112, 3, 2, (1, 1), 1, ceil_mode=False) == 56
    assert average_pool(np.ones((1, 2, 7, 7)), kernel=7).shape == (1, 2, 1, 1)


# -- windows -------------------------------------------------------------------------------------------

Reduce = Callable[[list[Any], int], Any]  # the elements of a window that lie in the signal, and what counts besides


def literal_pool(
    x: Any, K: Sequence[int], s: Sequence[int], pairs: Any, d: Sequence[int], ceil: bool, reduce: Reduce
) -> Any:
    """The index equation, one window at a time; reduce is given what it sees of the signal, and of the padding."""
    N, C, *S = np.shape(x)
    P = [pooled_size(*axis, ceil) for axis in zip(S, K, s, pairs, d, strict=True)]
    y = np.zeros((N, C, *P), dtype=object)
    for n, c, *i in itertools.product(*map(range, y.shape)):
        elements, padding = [], 0
        for k in itertools.product(*map(range, K)):
            place = [a * b + e * f - p for a, b, e, f, (p, _) in zip(s, i, d, k, pairs, strict=True)]
            if all(0 <= j < size for j, size in zip(place, S, strict=True)):
                elements.append(x[(n, c, *place)])
            elif all(j < size + after for j, size, (_, after) in zip(place, S, pairs, strict=True)):
                padding += 1
        y[(n, c, *i)] = reduce(elements, padding)
    return y


def root(total: Any) -> Any:
    return mpmath.sqrt(mpmath.mpf(total.numerator) / total.denominator)


# Shape, kernel, stride, padding, dilation and ceil_mode, written out for every axis.
WINDOWS: list[tuple[Any, ...]] = [
    ((1, 1, 5), (2,), (2,), ((0, 0),), (1,), False),
    ((2, 3, 5), (2,), (2,), ((0, 0),), (1,), True),
    ((1, 2, 7), (3,), (2,), ((1, 1),), (1,), False),
    ((1, 2, 6), (3,), (2,), ((1, 0),), (2,), True),
    ((1, 1, 1), (2,), (2,), ((0, 0),), (1,), True),
    ((1, 1, 3), (3,), (3,), ((1, 1),), (1,), True),
    ((1, 1, 2), (2,), (3,), ((0, 1),), (1,), True),
    ((1, 2, 4, 5), (2, 3), (1, 2), ((1, 0), (0, 1)), (1, 1), False),
    ((1, 2, 5, 4), (3, 2), (3, 3), ((1, 1), (0, 1)), (1, 2), True),
    ((2, 1, 3, 2, 3), (2, 1, 2), (2, 1, 3), ((1, 1), (0, 0), (0, 1)), (1, 1, 1), True),
    ((0, 2, 4), (2,), (1,), ((1, 1),), (1,), False),
]


def given(kind: str, shape: tuple[int, ...]) -> Floats:
    rng = np.random.default_rng(61)
    return rng.integers(-5, 6, shape).astype(float) if kind == "integers" else rng.standard_normal(shape)


@pytest.mark.parametrize("kind", ["integers", "reals"])
@pytest.mark.parametrize("shape, K, s, pairs, d, ceil", WINDOWS)
def test_pools_are_their_index_equations(shape: Any, K: Any, s: Any, pairs: Any, d: Any, ceil: bool, kind: str) -> None:
    """The maximum to the bit; sums, averages and norms within their bounds of exact fractions."""
    x = given(kind, shape)
    exact, options = fractions(x), {"kernel": K, "stride": s, "ceil_mode": ceil}
    padded, ones = options | {"padding": pairs}, (1,) * len(K)

    def literal(reduce: Reduce, pairs: Any = pairs, d: Any = ones) -> Any:
        return literal_pool(exact, K, s, pairs, d, ceil, reduce)

    largest = literal(lambda elements, _: max(elements, default=-math.inf), d=d)
    assert max_pool(x, **padded, dilation=d).tolist() == largest.astype(float).tolist()
    (bound,) = read(sum_pool, [x], padded, DOUBLE)
    assert_within(bound, literal(lambda elements, _: sum(elements, Fraction(0))), "sum")
    (bound,) = read(product_pool, [x], padded, DOUBLE)
    assert_within(bound, literal(lambda elements, _: math.prod(elements, start=Fraction(1))), "product")
    for counts in (True, False):
        (bound,) = read(average_pool, [x], padded | {"count_include_pad": counts}, DOUBLE)
        average = literal(lambda elements, more, on=counts: sum(elements, Fraction(0)) / (len(elements) + more * on))
        assert_within(bound, average, f"average, count_include_pad={counts}")
    norms: dict[float, Reduce] = {
        1: lambda elements, _: sum(map(abs, elements), Fraction(0)),
        2: lambda elements, _: root(sum((a * a for a in elements), Fraction(0))),
        math.inf: lambda elements, _: max(map(abs, elements)),
    }
    with mpmath.workdps(40):
        for norm_type, reduce in norms.items():
            for f in (lp_pool, averaged_lp_pool):
                (bound,) = read(f, [x], options | {"norm_type": norm_type}, DOUBLE)
                assert_within(bound, literal(reduce, ((0, 0),) * len(K)), f"norm {norm_type}")


@pytest.mark.parametrize("K", [2, 3, 4])
def test_pools_are_scipys_filters(K: int) -> None:
    """With stride 1 and a padding that keeps the size: scipy.ndimage's maximum filter, and its uniform one."""
    x = np.random.default_rng(62).integers(-9, 10, (6, 5)).astype(float)
    sides = [(K // 2, K - 1 - K // 2)] * 2
    options: dict[str, Any] = {"kernel": K, "stride": 1, "padding": sides}
    assert np.array_equal(
        max_pool(x[None, None], **options)[0, 0], ndimage.maximum_filter(x, K, mode="constant", cval=-99)
    )
    (bound,) = read(average_pool, [x[None, None]], options, DOUBLE)
    filtered = np.rint(ndimage.uniform_filter(x, K, mode="constant") * K * K) / (K * K)  # sums of integers
    assert (np.abs(filtered - bound.value[0, 0]) <= bound.error[0, 0]).all()


def test_the_order_of_a_window_does_not_matter() -> None:
    """Pooling is commutative: max(a, b) = max(b, a) (Meilă, 2026, "Pooling"). Integers, so that sums are exact."""
    window = np.array([3.0, -4.0, 0.0, 5.0])
    for f in (max_pool, sum_pool, product_pool, average_pool, lp_pool):
        results = {f(np.array([[order]]), kernel=4).item() for order in itertools.permutations(window)}
        assert len(results) == 1


def test_pooling_is_not_invariant_to_shifts() -> None:
    """A shift by one changes the result, against Chen (2025), "Pooling Layer"; one by the stride moves it."""
    x = np.array([[[0.0, 1.0, 2.0, 0.0, 0.0, 0.0]]])
    assert max_pool(x, kernel=2).tolist() == [[[1, 2, 0]]]
    assert max_pool(np.roll(x, 1), kernel=2).tolist() == [[[0, 2, 0]]]
    assert max_pool(np.roll(x, 2), kernel=2).tolist() == [[[0, 1, 2]]]


def test_the_average_is_a_convolution() -> None:
    """k^-2 times a sum (Chen, 2025, "Pooling Layer"): a kernel of one constant, for each channel."""
    x = np.random.default_rng(63).integers(-9, 10, (2, 1, 5, 6)).astype(float)
    y = convolution(x, np.full((1, 1, 2, 2), 0.25), stride=(2, 1))
    assert np.array_equal(average_pool(x, kernel=2, stride=(2, 1)), y)


def test_a_window_of_nothing() -> None:
    """In the padding alone the maximum is minus infinity, the sum 0, and an average that leaves it out 0/0."""
    x, options = np.ones((1, 1, 1)), {"kernel": 1, "padding": 1}
    assert max_pool(x, **options).tolist() == [[[-math.inf, 1, -math.inf]]]  # type: ignore[arg-type]  # integers
    assert sum_pool(x, **options).tolist() == [[[0, 1, 0]]]  # type: ignore[arg-type]  # integers
    with np.errstate(invalid="ignore"):
        y = average_pool(x, **options, count_include_pad=False)  # type: ignore[arg-type]  # integers
    assert np.array_equal(y, [[[math.nan, 1, math.nan]]], equal_nan=True)


def test_norms_with_signs() -> None:
    """The convention of PyTorch takes powers of x: with norm_type 1 a sum; squares have no sign."""
    x = np.array([[[3.0, -4.0]]])
    assert [lp_pool(x, kernel=2, norm_type=n).item() for n in (1, 2, math.inf)] == [7, 5, 4]
    assert [lp_pool(x, kernel=2, norm_type=n, signed=True).item() for n in (1, 2, math.inf)] == [-1, 5, 4]
    assert [averaged_lp_pool(x, kernel=2, norm_type=n, signed=True).item() for n in (1, 2, math.inf)] == [-1, 5, 4]


# -- adaptive and global -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape, O", [((2, 3, 7), (3,)), ((1, 2, 2), (5,)), ((1, 1, 5, 4), (2, 4)), ((0, 1, 3), (2,)),
                                      ((1, 2, 3, 2, 5), (2, 3, 1))])  # fmt: skip
def test_adaptive_pools_by_overlap(shape: Any, O: Any) -> None:
    """Element j belongs to output i if [j, j + 1) and [i S/O, (i + 1) S/O) overlap, in exact fractions."""
    x = given("reals", shape)
    exact, S = fractions(x), shape[2:]
    average, largest = np.zeros((2, *shape[:2], *O), dtype=object)
    for n, c, *i in itertools.product(*map(range, average.shape)):
        seen = [
            exact[(n, c, *j)]
            for j in itertools.product(*map(range, S))
            if all(
                a + 1 > Fraction(b * z, o) and a < Fraction((b + 1) * z, o)
                for a, b, z, o in zip(j, i, S, O, strict=True)
            )
        ]
        average[(n, c, *i)], largest[(n, c, *i)] = sum(seen) / len(seen), max(seen)
    (bound,) = read(adaptive_average_pool, [x], {"output_size": O}, DOUBLE)
    assert_within(bound, average)
    assert adaptive_max_pool(x, output_size=O).tolist() == largest.astype(float).tolist()


def test_global_pools_see_everything() -> None:
    """One number for each channel of each sample: its largest, and its mean in exact fractions."""
    x = given("reals", (2, 3, 4, 5))
    cells = [[list(channel.ravel()) for channel in sample] for sample in fractions(x)]
    (bound,) = read(global_average_pool, [x], {}, DOUBLE)
    assert_within(bound, [[[[sum(cell) / len(cell)]] for cell in sample] for sample in cells])
    assert global_max_pool(x).tolist() == [[[[float(max(cell))]] for cell in sample] for sample in cells]


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [max_pool, sum_pool, product_pool, average_pool, lp_pool])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel": 4},
        {"kernel": 4, "ceil_mode": True, "stride": 1},
        {"kernel": 0},
        {"kernel": 2, "stride": 0},
        {"kernel": 0, "ceil_mode": True},
        {"kernel": (2, 2)},
        {"kernel": 2, "stride": (1, 1)},
    ],
)
def test_pools_refuse_what_has_no_window(pool: Any, options: dict[str, Any]) -> None:
    """A kernel that does not fit, and options that are not positive or not one for each axis."""
    with pytest.raises(ValueError, match=r"fit|no window|positive|entries"):
        pool(np.ones((1, 1, 3)), **options)


@pytest.mark.parametrize("padding", [-1, (1, 1), ((0, -1),), "same?"])
def test_pools_refuse_paddings_that_mean_nothing(padding: Any) -> None:
    """A negative side, or not one pair for each axis."""
    for pool in (max_pool, sum_pool, product_pool, average_pool):
        with pytest.raises(ValueError, match="padding"):
            pool(np.ones((1, 1, 3)), kernel=2, padding=padding)


def test_other_norms_are_refused() -> None:
    """Only the norms 1, 2 and inf are defined."""
    for f in (lp_pool, averaged_lp_pool):
        with pytest.raises(ValueError, match="norm_type"):
            f(np.ones((1, 1, 3)), kernel=2, norm_type=3)


@pytest.mark.parametrize("O", [0, -1, (1, 1)])
def test_adaptive_pools_refuse_sizes_without_windows(O: Any) -> None:
    """An output has at least one element, and one size for each axis."""
    for pool in (adaptive_max_pool, adaptive_average_pool):
        with pytest.raises(ValueError, match=r"no windows|entries"):
            pool(np.ones((1, 1, 3)), output_size=O)


def test_a_signal_of_nothing_is_refused() -> None:
    """There is neither a maximum nor an average of no elements."""
    x = np.ones((1, 1, 2, 0))
    for f in (global_max_pool, global_average_pool):
        with pytest.raises(ValueError, match="without elements"):
            f(x)
    for g in (adaptive_max_pool, adaptive_average_pool):
        with pytest.raises(ValueError, match="without elements"):
            g(x, output_size=1)
