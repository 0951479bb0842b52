"""Each reference against a second formula that shares no line with it.

The second formulas are literal: loops over exact fractions, many digits of mpmath, SciPy's signal
processing, counting, and the tables that lectures print. Integers and fractions must agree exactly;
otherwise float64 may differ by the error bound of its own reading, and by nothing chosen by hand.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import ndimage, signal

import reference
from reference import batch_norm, convolution, dropout, folded_batch_norm, output_size, pad, softmax
from reference.arithmetic import FLOAT64, Bounded, default_arithmetic, read
from reference.arithmetic.formats import Floats
from reference.arrays import per_axis
from reference.convolution import paddings

DOUBLE = default_arithmetic(FLOAT64)


def assert_within(bound: Bounded, exact: Any, label: object = "") -> None:
    """Every element of the float64 value lies within its bound of the exact result (an object array)."""
    exact = np.asarray(exact, dtype=object)
    assert bound.value.shape == exact.shape
    for v, e, q in zip(bound.value.ravel().tolist(), bound.error.ravel().tolist(), exact.ravel(), strict=True):
        number = Fraction if isinstance(q, Fraction) else mpmath.mpf
        assert math.isfinite(e), f"{label}: nothing is known"
        assert abs(number(v) - q) <= number(e), f"{label}: {v} is not within {e} of {q}"


def correctly_rounded(exact: Any) -> Bounded:
    """Numbers of mpmath as float64 has them: each is at most half a unit in the last place away."""
    value = np.array(exact, dtype=object).astype(float)
    return Bounded(value, np.spacing(np.abs(value)) / 2, DOUBLE)


# -- output_size ---------------------------------------------------------------------------------------


def test_output_size_counts_positions() -> None:
    """The formula counts the starts at which every tap of the kernel lies in the padded signal."""
    for S, K, s, d, before, after in itertools.product(range(7), (1, 2, 3), (1, 2, 3), (1, 2, 3), (0, 1, 2), (0, 3)):
        inside = range(-before, S + after)
        starts = [i for i in inside if all(i + d * k in inside for k in range(K))]
        positions = len([i for i in starts if (i + before) % s == 0])
        if positions:
            assert output_size(S, K, stride=s, padding=(before, after), dilation=d) == positions
        else:
            with pytest.raises(ValueError, match="does not fit"):
                output_size(S, K, stride=s, padding=(before, after), dilation=d)


def test_output_sizes_of_the_lectures() -> None:
    """An 8 x 8 map and a kernel of 3: 6 x 6, 8 x 8 with padding 1, 4 x 4 with stride 2 besides (He, 2024; Gong)."""
    assert output_size(8, 3) == 6
    assert output_size(8, 3, padding=(1, 1)) == 8
    assert output_size(8, 3, stride=2, padding=(1, 1)) == 4


def test_the_first_layer_of_resnet_halves_its_image() -> None:
    """A 7 x 7 convolution of stride 2 and padding 3 gives 112 x 112 (Jacquet, 2022, ResNet 18: Details)."""
    assert output_size(224, 7, stride=2, padding=(3, 3)) == 112


@pytest.mark.parametrize("changed", [{"kernel": 0}, {"stride": 0}, {"dilation": 0}, {"kernel": -1}])
def test_output_size_refuses_what_is_not_positive(changed: dict[str, int]) -> None:
    """K, s and d count something, so none of them is below one."""
    arguments = {"size": 5, "kernel": 2} | changed
    with pytest.raises(ValueError, match="must be positive"):
        output_size(**arguments)


# -- paddings ------------------------------------------------------------------------------------------


def test_same_padding_gives_one_output_for_each_stride() -> None:
    """With "same", ceil(S/s) outputs; it is the smallest padding that does, the odd element behind."""
    for S, K, s, d in itertools.product(range(1, 9), (1, 2, 3, 4), (1, 2, 3), (1, 2)):
        ((before, after),) = paddings("same", [S], [K], [s], [d])
        assert output_size(S, K, stride=s, padding=(before, after), dilation=d) == math.ceil(S / s)
        assert after - before in (0, 1)
        if before + after:
            room = S + before + after - 1
            assert room < d * (K - 1) + 1 or output_size(room, K, stride=s, dilation=d) < math.ceil(S / s)


def test_full_padding_counts_every_overlap() -> None:
    """With "full", every position counts at which some tap meets the signal: S + K - 1 without dilation."""
    for S, K, d in itertools.product(range(1, 6), (1, 2, 3), (1, 2)):
        ((before, after),) = paddings("full", [S], [K], [1], [d])
        starts = [i for i in range(-50, 50) if max(i, 0) <= min(i + d * (K - 1), S - 1)]
        assert (before, after) == (-min(starts), max(starts) + d * (K - 1) - (S - 1))


@pytest.mark.parametrize("padding", ["sama", -1, (0, -1), (0, 0, 0), ((1, -2), 0)])
def test_paddings_that_mean_nothing_are_refused(padding: Any) -> None:
    """An unknown word, a negative side and a wrong number of sides are errors, in convolution and in pad."""
    with pytest.raises(ValueError, match="padding"):
        convolution(np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2)), padding=padding)
    if not isinstance(padding, (str, int)):
        with pytest.raises(ValueError, match="padding"):
            pad(np.ones((1, 1, 4, 4)), padding=padding)


# -- pad -----------------------------------------------------------------------------------------------


def continued(x: Sequence[Any], i: int, mode: str, value: Any) -> Any:
    """Element i of a signal that goes on beyond its ends."""
    S = len(x)
    if 0 <= i < S:
        return x[i]
    if mode in ("zeros", "constant"):
        return value
    if mode == "reflect":
        return x[-i] if i < 0 else x[2 * (S - 1) - i]
    if mode == "replicate":
        return x[0] if i < 0 else x[S - 1]
    return x[i % S]


NDIMAGE = {"constant": "constant", "zeros": "constant"}  # SciPy's names for the modes
NDIMAGE |= {"reflect": "mirror", "replicate": "nearest", "circular": "grid-wrap"}


@pytest.mark.parametrize("mode", NDIMAGE)
def test_pad_continues_a_signal(mode: str) -> None:
    """Every element of a padded signal is the one that the rule of its mode names."""
    for S, before, after in itertools.product(range(1, 5), range(4), range(4)):
        reach = {"reflect": S - 1, "circular": S}.get(mode, 99)
        x = [float(i * i + 1) for i in range(S)]
        if max(before, after) > reach:
            with pytest.raises(ValueError, match="cannot continue"):
                pad(np.array([[x]]), padding=[(before, after)], mode=mode)
            continue
        expected = [continued(x, i, mode, 7.0) for i in range(-before, S + after)]
        assert pad(np.array([[x]]), padding=[(before, after)], mode=mode, value=7.0).tolist() == [[expected]]


@pytest.mark.parametrize("mode", NDIMAGE)
def test_pad_of_two_axes_is_that_of_ndimage(mode: str) -> None:
    """On two axes the continuation is that of scipy.ndimage, found by moving the signal about."""
    x = np.arange(12.0).reshape(3, 4)
    y = pad(x[None, None], padding=[(2, 1), (0, 2)], mode=mode)[0, 0]
    at = np.meshgrid(np.arange(-2, 4), np.arange(0, 6), indexing="ij")
    assert np.array_equal(y, ndimage.map_coordinates(x, at, order=0, mode=NDIMAGE[mode]))


@pytest.mark.parametrize(
    ("mode", "S", "padding"),
    [("mirror", 3, 1), ("replicate", 0, 0), ("replicate", 0, 1), ("reflect", 0, 1), ("circular", 0, 1)],
)
def test_pad_refuses_what_it_cannot_continue(mode: str, S: int, padding: int) -> None:
    """An unknown mode is an error, and so is a signal with nothing to repeat."""
    with pytest.raises(ValueError, match="mode"):
        pad(np.ones((1, 1, S)), padding=[(padding, 0)], mode=mode)


# -- convolution ---------------------------------------------------------------------------------------


def literal_convolution(
    x: Any,
    w: Any,
    bias: Any,
    stride: Sequence[int],
    pairs: Sequence[Any],
    dilation: Sequence[int],
    groups: int,
    mode: str,
) -> Any:
    """The index equation, one product at a time, on any Python numbers."""
    (N, _, *S), (O, C_w, *K) = np.shape(x), np.shape(w)
    P = []
    for size, kernel, s, d, (before, after) in zip(S, K, stride, dilation, pairs, strict=True):
        starts = range(-before, size + after - d * (kernel - 1))
        P.append(len([i for i in starts if (i + before) % s == 0]))
    y = np.zeros((N, O, *P), dtype=object)
    for n, o, *i in itertools.product(*map(range, y.shape)):
        total = bias[o] if bias is not None else 0
        for c, *k in itertools.product(range(C_w), *map(range, K)):
            channel = x[n][(o // (O // groups)) * C_w + c]
            place = [s * a + d * b - p for s, a, d, b, (p, _) in zip(stride, i, dilation, k, pairs, strict=True)]
            total += looked_up(channel, place, mode) * w[o][c][tuple(k)]
        y[(n, o, *i)] = total
    return y


def looked_up(channel: Any, place: Sequence[int], mode: str) -> Any:
    """A number of a signal of any rank, continued along each axis in turn."""
    where = []
    for i, S in zip(place, channel.shape, strict=True):
        j = continued(range(S), i, mode, None)
        if j is None:
            return 0
        where.append(j)
    return channel[tuple(where)]


def fractions(x: Any) -> Any:
    return np.vectorize(Fraction, otypes=[object])(x)


Problem = tuple[tuple[int, ...], tuple[int, ...], bool, dict[str, Any], tuple[Any, ...]]

# Shapes of signal and kernels, whether there is a bias, the options, and stride, padding and dilation
# written out for every axis.
PROBLEMS: list[Problem] = [
    ((1, 1, 5), (1, 1, 1), False, {}, ((1,), ((0, 0),), (1,))),
    ((2, 3, 7), (4, 3, 3), True, {"stride": 2, "padding": 1}, ((2,), ((1, 1),), (1,))),
    ((1, 2, 8), (2, 2, 3), True, {"dilation": 2, "padding": ((3, 0),)}, ((1,), ((3, 0),), (2,))),
    ((1, 2, 4), (1, 2, 2), False, {"stride": 3}, ((3,), ((0, 0),), (1,))),
    ((1, 4, 6), (6, 2, 2), True, {"groups": 2, "padding": "same"}, ((1,), ((0, 1),), (1,))),
    ((2, 3, 5), (3, 1, 3), True, {"groups": 3, "padding": "full"}, ((1,), ((2, 2),), (1,))),
    ((1, 2, 7), (2, 2, 4), False, {"padding": "same", "stride": 2, "dilation": 2}, ((2,), ((3, 3),), (2,))),
    ((1, 1, 6), (2, 1, 3), False, {"padding": "valid"}, ((1,), ((0, 0),), (1,))),
    ((2, 2, 4, 5), (2, 2, 3, 2), True, {"stride": (2, 1), "padding": (1, 2)}, ((2, 1), ((1, 1), (2, 2)), (1, 1))),
    (
        (1, 2, 5, 6), (2, 1, 2, 3), True,
        {"groups": 2, "dilation": (2, 1), "padding": ((0, 2), (1, 0))}, ((1, 1), ((0, 2), (1, 0)), (2, 1)),
    ),
    ((1, 1, 3, 4), (1, 1, 2, 2), False, {"padding": "full", "stride": 2}, ((2, 2), ((1, 1), (1, 1)), (1, 1))),
    (
        (1, 2, 3, 4, 3), (2, 2, 2, 3, 1), True,
        {"padding": (1, 0, 1), "stride": (1, 1, 2)}, ((1, 1, 2), ((1, 1), (0, 0), (1, 1)), (1, 1, 1)),
    ),
    ((0, 2, 5), (3, 2, 2), True, {}, ((1,), ((0, 0),), (1,))),
    *(
        ((1, 2, 3, 4), (2, 2, 2, 3), True, {"padding": pairs, "padding_mode": mode}, ((1, 1), pairs, (1, 1)))
        for mode, pairs in (
            ("reflect", ((2, 1), (0, 3))),
            ("replicate", ((2, 4), (1, 0))),
            ("circular", ((3, 0), (2, 4))),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: f"{p[0]}-{p[1]}-{p[3]}")
@pytest.mark.parametrize("kind", ["integers", "reals"])
def test_convolution_is_its_index_equation(kind: str, problem: Any) -> None:
    """On integers the convolution equals the literal sum; on reals it is within its bound of the exact one."""
    signal_shape, kernel_shape, has_bias, options, (stride, pairs, dilation) = problem
    rng = np.random.default_rng(31)

    def draw(*shape: int) -> Floats:
        return rng.integers(-5, 6, shape).astype(float) if kind == "integers" else rng.standard_normal(shape)

    x, w, bias = draw(*signal_shape), draw(*kernel_shape), draw(kernel_shape[0]) if has_bias else None
    exact = literal_convolution(
        fractions(x), fractions(w), None if bias is None else fractions(bias), stride, pairs, dilation,
        options.get("groups", 1), options.get("padding_mode", "zeros"),
    )  # fmt: skip
    y = convolution(x, w, bias, **options)
    assert y.shape == exact.shape
    if kind == "integers":
        assert y.tolist() == exact.astype(float).tolist()
    (bound,) = read(convolution, [x, w, bias], options, DOUBLE)
    assert_within(bound, exact, options)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("mode", ["valid", "full"])
def test_convolution_of_one_channel_is_scipys_correlation(rank: int, mode: str) -> None:
    """One channel, one kernel: scipy.signal.correlate, with the same name for the padding."""
    rng = np.random.default_rng(32)
    x, w = rng.integers(-9, 10, (6,) * rank).astype(float), rng.integers(-9, 10, (3, 2, 4)[:rank]).astype(float)
    y = convolution(x[None, None], w[None, None], padding=mode)[0, 0]
    assert np.array_equal(y, np.rint(signal.correlate(x, w, mode=mode, method="direct")))


def test_convolution_does_not_flip_its_kernel() -> None:
    """It is a cross-correlation: with the kernel turned round it is what signal processing calls convolution."""
    x, w = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 0.0, -3.0])
    assert np.array_equal(convolution(x[None, None], w[None, None, ::-1], padding="full")[0, 0], np.convolve(x, w))


BARS = """
0 0 0 0 0 0 0 0
0 0 0 0 0 1 1 0
0 1 1 1 1 1 1 0
0 1 1 1 1 1 1 0
0 1 1 1 1 1 1 0
0 0 1 1 1 0 0 0
0 0 1 1 1 0 0 0
0 0 0 0 0 0 0 0
"""
EDGES = """
-3 -4 -4 -4 -4 -3
-3 -4 -4 -3 -1  0
 0  0  0  0  0  0
 2  1  0  1  3  3
 2  1  0  1  3  3
 1  3  4  3  1  0
"""


def table(text: str) -> Floats:
    return np.array([[float(number) for number in line.split()] for line in text.strip().splitlines()])


def test_the_edge_filter_of_the_lectures() -> None:
    """The 8 x 8 image of bars and the filter of horizontal edges give the 6 x 6 table of He (2024) and Gong."""
    edge = table("1 2 1\n0 0 0\n-1 -2 -1")
    assert np.array_equal(convolution(table(BARS)[None, None], edge[None, None])[0, 0], table(EDGES))
    assert convolution(table(BARS)[None, None], edge[None, None], padding=1).shape == (1, 1, 8, 8)
    assert convolution(table(BARS)[None, None], edge[None, None], padding=1, stride=2).shape == (1, 1, 4, 4)


def test_the_binary_image_of_the_lectures() -> None:
    """The 5 x 5 image and the cross of five ones give the feature map that Chen (2025) prints."""
    image = table("1 1 1 0 0\n0 1 1 1 0\n0 0 1 1 1\n0 0 1 1 0\n0 1 1 0 0")
    cross = table("1 0 1\n0 1 0\n1 0 1")
    assert convolution(image[None, None], cross[None, None])[0, 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_the_difference_that_detects_edges() -> None:
    """x(i) - x(i - 1) marks where a signal changes (Meilă, 2026, "Example: Edge Detection")."""
    x = np.array([0.0, 0.0, 1.0, 1.0, 0.0])
    y = convolution(x[None, None], np.array([[[-1.0, 1.0]]]), padding=[(1, 0)])[0, 0]
    assert y.tolist() == [0, 0, 1, 0, -1]


@pytest.mark.parametrize(
    ("x", "w", "bias", "options"),
    [
        ((1, 2, 5), (1, 3, 2), None, {}),
        ((1, 2, 5), (1, 2, 2, 2), None, {}),
        ((1, 4, 5), (3, 2, 2), None, {"groups": 2}),
        ((1, 4, 5), (4, 4, 2), None, {"groups": 2}),
        ((1, 4, 5), (4, 4, 2), None, {"groups": 0}),
        ((1, 4, 5), (4, 4, 2), (3,), {}),
        ((1, 4, 5), (4, 4, 2), (4, 1), {}),
        ((1, 1, 3), (1, 1, 5), None, {}),
        ((1, 1, 3), (1, 1, 2), None, {"dilation": 3}),
        ((1, 1, 3), (1, 1, 2), None, {"stride": (1, 1)}),
        ((1, 1, 3), (1, 1, 2), None, {"dilation": (1, 1)}),
        ((1, 1, 3), (1, 1, 2), None, {"stride": 0}),
        ((1, 1, 3), (1, 1, 2), None, {"padding": 1, "padding_mode": "mirror"}),
    ],
)
def test_convolution_refuses_what_does_not_fit(x: Any, w: Any, bias: Any, options: dict[str, Any]) -> None:
    """Channels, groups, ranks, biases and kernels that do not go together are errors, never a silent result."""
    with pytest.raises(ValueError, match=r"fit|entries|positive|mode"):
        convolution(np.ones(x), np.ones(w), None if bias is None else np.ones(bias), **options)


def test_per_axis_needs_one_number_for_each_axis() -> None:
    """An integer stands for every axis; a sequence has one entry for each."""
    assert per_axis(3, 2) == (3, 3)
    assert per_axis([1, 2], 2) == (1, 2)
    with pytest.raises(ValueError, match="entries"):
        per_axis((1, 2), 3)


# -- softmax -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 30.0, 700.0, 1e-3])
def test_softmax_to_fifty_digits(scale: float) -> None:
    """The softmax is within its bound of exp(x) / sum exp(x), taken with 50 digits and without a maximum."""
    x = np.random.default_rng(41).standard_normal((4, 9)) * scale
    (bound,) = read(softmax, [x], {}, DOUBLE)
    with mpmath.workdps(50):
        e = [[mpmath.exp(mpmath.mpf(a)) for a in row] for row in x.tolist()]
        exact = [[a / mpmath.fsum(row) for a in row] for row in e]
        assert_within(bound, exact)


def test_softmax_along_every_axis() -> None:
    """The axis chooses what sums to 1: the others are apart."""
    x = np.random.default_rng(42).standard_normal((2, 3, 4))
    for axis in (0, 1, 2, -1, -3):
        moved = np.stack([softmax(row) for row in np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])])
        expected = np.moveaxis(moved.reshape(np.moveaxis(x, axis, -1).shape), -1, axis)
        (bound,) = read(softmax, [x], {"axis": axis}, DOUBLE)
        assert (np.abs(expected - bound.value) <= bound.error).all()


def test_softmax_of_ratios() -> None:
    """Scores log 1, log 2, log 5 weigh 1 : 2 : 5, and one score alone weighs 1."""
    (bound,) = read(softmax, [np.log(Bounded.of([1.0, 2.0, 5.0], DOUBLE))], {}, DOUBLE)  # log errs too
    assert_within(bound, [Fraction(1, 8), Fraction(2, 8), Fraction(5, 8)])
    assert softmax(np.array([[3.0]])).tolist() == [[1.0]]
    assert softmax(np.full(8, -1e300)).tolist() == [0.125] * 8


def test_softmax_of_nothing_is_refused() -> None:
    """There are no weights of no scores."""
    with pytest.raises(ValueError, match="zero-size"):
        softmax(np.ones((2, 0)))


# -- batch_norm ----------------------------------------------------------------------------------------


def literal_batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    *,
    training: bool,
    momentum: float,
    eps: float,
    unbiased: bool,
) -> tuple[Any, Any, Any]:
    """Channel by channel in mpmath, in the words of Algorithm 1 of Jacquet (2022)."""
    m = mpmath.mpf
    y = np.zeros(x.shape, dtype=object)
    means, variances = [], []
    for c in range(x.shape[1]):
        values = [m(a) for a in x[:, c].ravel().tolist()]
        mean, var = m(float(running_mean[c])), m(float(running_var[c]))
        new_mean, new_var = mean, var
        if training:
            batch_mean = mpmath.fsum(values) / len(values)
            squares = mpmath.fsum((a - batch_mean) ** 2 for a in values)
            new_mean = (1 - m(momentum)) * mean + m(momentum) * batch_mean
            new_var = (1 - m(momentum)) * var + m(momentum) * squares / (len(values) - (1 if unbiased else 0))
            mean, var = batch_mean, squares / len(values)
        gamma, beta = (m(float(v[c])) if v is not None else default for v, default in ((weight, m(1)), (bias, m(0))))
        normal = [gamma * (a - mean) / mpmath.sqrt(var + m(eps)) + beta for a in values]
        y[:, c] = np.array(normal, dtype=object).reshape(x[:, c].shape)
        means.append(new_mean)
        variances.append(new_var)
    return y, means, variances


@pytest.mark.parametrize("shape", [(5, 3), (2, 1, 4), (3, 2, 2, 2), (1, 2, 2, 1, 3)])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("affine", ["none", "weight", "bias", "both"])
def test_batch_norm_to_fifty_digits(shape: tuple[int, ...], training: bool, affine: str) -> None:
    """All three results are within their bounds of Algorithm 1, taken with 50 digits, for all options."""
    rng = np.random.default_rng(51)
    C = shape[1]
    x, mean, var = rng.standard_normal(shape) * 3 + 5, rng.standard_normal(C), rng.random(C)
    weight = rng.standard_normal(C) if affine in ("weight", "both") else None
    bias = rng.standard_normal(C) if affine in ("bias", "both") else None
    for momentum, eps, unbiased in ((0.1, 1e-5, True), (0.75, 0.5, False), (0.0, 1e-3, True), (1.0, 0.0, False)):
        options = {"training": training, "momentum": momentum, "eps": eps, "unbiased": unbiased}
        arrays = [x, mean, var, weight, bias]
        with mpmath.workdps(50):
            exact = literal_batch_norm(*arrays, **options)
            for bound, q in zip(read(batch_norm, arrays, options, DOUBLE), exact, strict=True):
                assert_within(bound, q, options)
            for bound, q in zip(read(folded_batch_norm, arrays, options, DOUBLE), exact, strict=True):
                assert_within(bound, q, options)


def test_batch_norm_keeps_the_digits_of_a_small_spread() -> None:
    """With a mean of a million and a spread of one, the statistics are those of 50 digits, within their bounds."""
    x = 1e6 + np.random.default_rng(52).standard_normal((40, 2))
    arrays = [x, np.zeros(2), np.ones(2), None, None]
    options = {"training": True, "momentum": 1.0, "eps": 0.0, "unbiased": True}
    with mpmath.workdps(50):
        exact = literal_batch_norm(*arrays, **options)
        bounds = read(batch_norm, arrays, options, DOUBLE)
        for bound, q in zip(bounds, exact, strict=True):
            assert_within(bound, q)
    one_pass = np.mean(x * x, axis=0) - np.mean(x, axis=0) ** 2
    assert (np.abs(one_pass * 40 / 39 - bounds[2].value) > bounds[2].error).all(), "one pass is as good here"


def test_batch_norm_in_fractions() -> None:
    """1, 3, 5, 7 have mean 4 and variance 5, or 20/3 unbiased; the running ones move a quarter of the way."""
    x = np.array([1.0, 3.0, 5.0, 7.0]).reshape(2, 1, 2)
    for unbiased, expected in ((True, Fraction(20, 3)), (False, Fraction(5))):
        options = {"training": True, "momentum": 0.25, "eps": 4.0, "unbiased": unbiased}
        y, mean, var = read(batch_norm, [x, np.array([8.0]), np.array([1.0])], options, DOUBLE)
        assert_within(y, fractions((x - 4) / 3))
        assert_within(mean, [Fraction(8) * Fraction(3, 4) + Fraction(4, 4)])
        assert_within(var, [Fraction(3, 4) + expected / 4])


def test_batch_norm_leaves_its_running_statistics_in_evaluation() -> None:
    """In evaluation the running statistics come back as they were, and are what normalises."""
    x, mean, var = np.array([[3.0], [5.0]]), np.array([1.0]), np.array([4.0])
    y, new_mean, new_var = batch_norm(x, mean, var, eps=0.0)
    assert (y.tolist(), new_mean.tolist(), new_var.tolist()) == ([[1.0], [2.0]], [1.0], [4.0])


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((1, 2), {"training": True}),
        ((0, 2, 3), {"training": True, "unbiased": False}),
        ((2, 2, 0), {"training": True}),
        ((4, 2), {"eps": -1e-5}),
        ((4, 2), {"eps": -1e-5, "training": True}),
    ],
)
def test_batch_norm_refuses_a_variance_of_too_few_values(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    """No value has no mean, one value no unbiased variance; and a negative eps is none."""
    for f in (batch_norm, folded_batch_norm):
        with pytest.raises(ValueError, match=r"variance|eps"):
            f(np.ones(shape), np.zeros(2), np.ones(2), **options)


def test_one_value_a_channel_has_a_biased_variance() -> None:
    """Of one value the biased variance is 0: y is 0 / sqrt(eps) = 0."""
    y, _, var = batch_norm(np.array([[7.0]]), np.zeros(1), np.ones(1), training=True, unbiased=False, momentum=1.0)
    assert (y.tolist(), var.tolist()) == ([[0.0]], [0.0])


# -- dropout -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.75])
def test_dropout_by_fractions(p: float) -> None:
    """What is kept is divided by 1 - p, exactly within its bound; what is dropped is zero."""
    x = np.random.default_rng(61).standard_normal(50)
    keep = np.random.default_rng(62).random(50) < 0.5
    (bound,) = read(dropout, [x], {"p": p, "keep": keep}, DOUBLE)
    scale = 1 - Fraction(p)
    exact = [Fraction(a) / scale if kept else Fraction(0) for a, kept in zip(x.tolist(), keep, strict=True)]
    # 1 - p is a number of the formula, taken in float64: it misses by half an ulp of 1 at most.
    room = [Fraction(FLOAT64.u) / scale * abs(q) for q in exact]
    for v, e, q, r in zip(bound.value.tolist(), bound.error.tolist(), exact, room, strict=True):
        assert abs(Fraction(v) - q) <= Fraction(e) + r


def test_dropout_does_nothing_in_evaluation() -> None:
    """In evaluation, and for p = 0, the input comes back; for p = 1 nothing does."""
    x = np.array([1.0, -2.0, np.nan])
    assert dropout(x, p=0.9, training=False) is x
    assert np.array_equal(dropout(x, p=0.0), x, equal_nan=True)
    assert dropout(x, p=1.0).tolist() == [0.0, 0.0, 0.0]


def test_dropout_drops_a_share_of_p() -> None:
    """Of n independent choices, the dropped lie within the exact binomial interval of probability 1 - 2e-9."""
    from scipy.stats import binom

    n = 100_000
    for key, p in enumerate((0.05, 0.3, 0.5, 0.9)):
        dropped = int(np.sum(dropout(np.ones(n), p=p, key=key) == 0))
        assert binom.ppf(1e-9, n, p) <= dropped <= binom.isf(1e-9, n, p)


def test_dropout_follows_its_key() -> None:
    """The same key makes the same choice, and another key another."""
    x = np.ones(200)
    assert np.array_equal(dropout(x, key=1), dropout(x, key=1))
    assert not np.array_equal(dropout(x, key=1), dropout(x, key=2))


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
@pytest.mark.parametrize("training", [False, True])
def test_dropout_refuses_what_is_no_probability(p: float, training: bool) -> None:
    """The argument p outside [0, 1] is an error, in evaluation too."""
    with pytest.raises(ValueError, match="probability"):
        dropout(np.ones(3), p=p, training=training)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_from_the_complement(approximate: str) -> None:
    """The further formula is the same function; near 0 it is as accurate as x, not as x^2."""
    x = np.linspace(-6, 6, 1001)
    other = reference.FORMULAS["gelu"]["complementary"](x, approximate=approximate)
    assert np.abs(other - reference.gelu(x, approximate=approximate)).max() <= 2.0**-50


def test_the_names_of_the_references() -> None:
    """What a backend offers is found by name: each primitive is exported, and its further formulas belong to one."""
    assert all(getattr(reference, name) is f for name, f in reference.PRIMITIVES.items())
    assert set(reference.FORMULAS) <= set(reference.PRIMITIVES)
