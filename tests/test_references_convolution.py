"""The transposed and the true convolution, and its matrix, against second formulas that share no line with it.

A literal loop over exact fractions, SciPy's upsampling filter, and the matrix of the convolution,
transposed. Integers must agree exactly; reals may differ by the error bound of their own reading.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import linalg, signal

from reference import convolution, flop_count, parameter_count, toeplitz, transposed_convolution, true_convolution
from reference.arithmetic import read
from reference.arithmetic.formats import Floats
from reference.convolution import spread
from tests.test_references import DOUBLE, assert_within, fractions


def literal_transposed(
    x: Any,
    w: Any,
    bias: Any,
    stride: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    more: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Any:
    """The index equation, one product at a time: x[n, c, i] w[c, o, k] goes to s i + d k - p, if that exists."""
    (N, C, *S), (_, O, *K) = x.shape, w.shape
    axes = zip(S, K, stride, pairs, more, dilation, strict=True)
    P = [(S_i - 1) * s - p - q + d * (K_i - 1) + 1 + m for S_i, K_i, s, (p, q), m, d in axes]
    y = np.zeros((N, O * groups, *P), dtype=object)
    for n, c, *i in itertools.product(*map(range, x.shape)):
        for o, *k in itertools.product(range(O), *map(range, K)):
            j = [s * a + d * b - p for s, a, d, b, (p, _) in zip(stride, i, dilation, k, pairs, strict=True)]
            if all(0 <= a < size for a, size in zip(j, P, strict=True)):
                out = c // (C // groups) * O + o
                y[(n, out, *j)] += x[(n, c, *i)] * w[(c, o, *k)]
    return y if bias is None else y + bias.reshape(-1, *[1] * len(S))


Problem = tuple[tuple[int, ...], tuple[int, ...], bool, dict[str, Any], tuple[Any, ...]]

# Shapes of signal and kernels, whether there is a bias, the options, and stride, padding, output padding
# and dilation written out for every axis.
PROBLEMS: list[Problem] = [
    ((1, 1, 4), (1, 1, 3), False, {}, ((1,), ((0, 0),), (0,), (1,))),
    ((2, 3, 3), (3, 2, 3), True, {"stride": 2, "padding": 1, "output_padding": 1}, ((2,), ((1, 1),), (1,), (1,))),
    ((1, 2, 3), (2, 1, 2), False, {"stride": 3}, ((3,), ((0, 0),), (0,), (1,))),
    ((1, 2, 4), (2, 2, 1), True, {"stride": 2, "output_padding": 1}, ((2,), ((0, 0),), (1,), (1,))),
    ((1, 2, 3), (2, 2, 3), True, {"dilation": 2, "output_padding": 1}, ((1,), ((0, 0),), (1,), (2,))),
    ((1, 2, 5), (2, 2, 2), False, {"padding": 3, "stride": 2}, ((2,), ((3, 3),), (0,), (1,))),
    ((1, 2, 4), (2, 2, 3), True, {"padding": ((0, 2),)}, ((1,), ((0, 2),), (0,), (1,))),
    (
        (1, 1, 1), (1, 1, 1), False,
        {"padding": ((2, 0),), "stride": 3, "output_padding": 2}, ((3,), ((2, 0),), (2,), (1,)),
    ),
    ((2, 4, 3), (4, 3, 2), True, {"groups": 2, "stride": 2}, ((2,), ((0, 0),), (0,), (1,))),
    ((1, 3, 3), (3, 1, 2), True, {"groups": 3, "dilation": 3}, ((1,), ((0, 0),), (0,), (3,))),
    (
        (1, 2, 3, 2), (2, 2, 2, 3), True,
        {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2), "dilation": (1, 2)},
        ((2, 3), ((1, 1), (0, 0)), (1, 2), (1, 2)),
    ),
    (
        (1, 2, 2, 3, 2), (2, 1, 2, 1, 3), True, {"groups": 2, "stride": (1, 2, 1), "padding": ((0, 1), (0, 0), (1, 1))},
        ((1, 2, 1), ((0, 1), (0, 0), (1, 1)), (0, 0, 0), (1, 1, 1)),
    ),
    ((0, 2, 3), (2, 3, 2), True, {}, ((1,), ((0, 0),), (0,), (1,))),
]  # fmt: skip


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: f"{p[0]}-{p[1]}-{p[3]}")
@pytest.mark.parametrize("kind", ["integers", "reals"])
def test_transposed_convolution_is_its_index_equation(kind: str, problem: Problem) -> None:
    """On integers it equals the literal sum; on reals it is within its bound of the exact one."""
    signal_shape, kernel_shape, has_bias, options, (stride, pairs, more, dilation) = problem
    rng = np.random.default_rng(33)
    groups = options.get("groups", 1)

    def draw(*shape: int) -> Floats:
        return rng.integers(-5, 6, shape).astype(float) if kind == "integers" else rng.standard_normal(shape)

    x, w, bias = draw(*signal_shape), draw(*kernel_shape), draw(kernel_shape[1] * groups) if has_bias else None
    exact = literal_transposed(
        fractions(x) if x.size else x.astype(object), fractions(w), None if bias is None else fractions(bias),
        stride, pairs, more, dilation, groups,
    )  # fmt: skip
    y = transposed_convolution(x, w, bias, **options)
    assert y.shape == exact.shape
    if kind == "integers":
        assert y.tolist() == exact.astype(float).tolist()
    (bound,) = read(transposed_convolution, [x, w, bias], options, DOUBLE)
    assert_within(bound, exact, options)


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_it_is_scipys_upsampling_filter(stride: int) -> None:
    """Of one channel: scipy.signal.upfirdn, which puts zeros between the numbers and filters."""
    rng = np.random.default_rng(34)
    x, w = rng.integers(-9, 10, 6).astype(float), rng.integers(-9, 10, 4).astype(float)
    y = transposed_convolution(x[None, None], w[None, None], stride=stride)[0, 0]
    expected = np.zeros(len(y))  # upfirdn leaves out zeros at the end
    found = signal.upfirdn(w, x, up=stride)[: len(y)]
    expected[: len(found)] = found
    assert y.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("size", "kernel", "options"),
    [
        ((5,), (3,), {}),
        ((6,), (3,), {"stride": 2}),
        ((7,), (2,), {"stride": 3, "padding": 1}),
        ((8,), (3,), {"stride": 2, "dilation": 2, "padding": ((1, 2),)}),
        ((4, 3), (2, 3), {"stride": (2, 1), "padding": (1, 1)}),
    ],
)
def test_its_matrix_is_the_transpose_of_the_convolutions(
    size: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any]
) -> None:
    """Column by column: what each gives for one number is a row of the other (Dumoulin and Visin, 2016, chapter 4)."""
    w = np.random.default_rng(35).integers(-9, 10, (2, 3, *kernel)).astype(float)
    n = 3 * int(np.prod(size))
    forward = convolution(np.eye(n).reshape(n, 3, *size), w, **options)
    places = forward[0].size
    sizes = forward.shape[2:]
    back = transposed_convolution(np.eye(places).reshape(places, 2, *sizes), w, **options)
    more = [S - P for S, P in zip(size, back.shape[2:], strict=True)]
    back = transposed_convolution(np.eye(places).reshape(places, 2, *sizes), w, **options, output_padding=more)
    assert np.array_equal(back.reshape(places, n), forward.reshape(n, places).T)


def test_sizes_of_the_guide() -> None:
    """3 x 3 kernels: 2 x 2 to 5 x 5 with stride 2; 3 x 3 to 5 x 5 with padding, to 6 x 6 with output padding."""
    w = np.ones((1, 1, 3, 3))
    assert transposed_convolution(np.ones((1, 1, 2, 2)), w, stride=2).shape[2:] == (5, 5)
    assert transposed_convolution(np.ones((1, 1, 3, 3)), w, stride=2, padding=1).shape[2:] == (5, 5)
    assert transposed_convolution(np.ones((1, 1, 3, 3)), w, stride=2, padding=1, output_padding=1).shape[2:] == (6, 6)


def test_spread_puts_zeros_between_neighbours() -> None:
    """Element i moves to s i on every axis, and nothing stands behind the last."""
    x = np.arange(1.0, 13.0).reshape(1, 2, 2, 3)
    y = spread(x, (3, 2))
    assert y.shape == (1, 2, 4, 5)
    assert np.array_equal(y[:, :, ::3, ::2], x)
    assert np.count_nonzero(y) == x.size
    assert spread(np.ones((1, 1, 1)), [4]).shape == (1, 1, 1)


@pytest.mark.parametrize(
    ("x", "w", "bias", "options"),
    [
        ((1, 2, 5), (3, 2, 2), None, {}),
        ((1, 2, 5), (2, 2, 2, 2), None, {}),
        ((1, 3, 5), (3, 2, 2), None, {"groups": 2}),
        ((1, 2, 5), (2, 2, 2), None, {"groups": 0}),
        ((1, 2, 5), (2, 2, 2), (3,), {}),
        ((1, 2, 5), (2, 2, 2), (2,), {"groups": 2}),
        ((1, 2, 0), (2, 2, 2), None, {}),
        ((1, 2, 5), (2, 2, 2), None, {"stride": 0}),
        ((1, 2, 5), (2, 2, 2), None, {"dilation": 0}),
        ((1, 2, 5), (2, 2, 0), None, {}),
        ((1, 2, 5), (2, 2, 2), None, {"output_padding": -1}),
        ((1, 2, 5), (2, 2, 2), None, {"padding": -1}),
        ((1, 2, 5), (2, 2, 2), None, {"padding": "same"}),
        ((1, 2, 5), (2, 2, 2), None, {"stride": (1, 1)}),
        ((1, 2, 2), (2, 2, 2), None, {"padding": 4}),
    ],
)
def test_transposed_convolution_refuses_what_does_not_fit(x: Any, w: Any, bias: Any, options: dict[str, Any]) -> None:
    """Channels, groups, ranks, biases and sizes that do not go together are errors, never a silent result."""
    with pytest.raises(ValueError, match=r"fit|entries|positive|padding"):
        transposed_convolution(np.ones(x), np.ones(w), None if bias is None else np.ones(bias), **options)


# -- true convolution and its matrix -----------------------------------------------------------------------

MODES = ("full", "same", "valid")
SHAPES = [*itertools.product([(1,), (2,), (3,), (5,)], repeat=2), *itertools.product(np.ndindex(4, 3), repeat=2)]


@pytest.mark.parametrize("mode", MODES)
def test_true_convolution_is_that_of_scipy(mode: str) -> None:
    """On integers exactly, in any order of the sizes; what SciPy refuses is refused."""
    rng = np.random.default_rng(0)
    for S, K in SHAPES:
        x, w = (rng.integers(-9, 10, shape).astype(float) for shape in (S, K))
        if 0 in (*S, *K) or (mode == "valid" and len(S) == 2 and (S[0] - K[0]) * (S[1] - K[1]) < 0):
            with pytest.raises(ValueError, match=r"axes, none of them empty|holds the other"):
                true_convolution(x, w, mode=mode)
        else:
            assert np.array_equal(true_convolution(x, w, mode=mode), signal.convolve(x, w, mode, method="direct"))


def test_true_convolution_is_the_sum_of_the_lecture() -> None:
    """(f * g)(t) is the sum over i of f(t - i) g(i) (Meila, 2026, equation 1), in exact fractions and three axes."""
    rng = np.random.default_rng(1)
    f, g = (fractions(rng.integers(-9, 10, shape)) for shape in ((2, 1, 3), (1, 2, 2)))
    want = np.zeros((2, 2, 4), dtype=object)
    for t, i in itertools.product(np.ndindex(2, 2, 4), np.ndindex(1, 2, 2)):
        at = tuple(a - b for a, b in zip(t, i, strict=True))
        if all(0 <= a < n for a, n in zip(at, f.shape, strict=True)):
            want[t] += f[at] * g[i]
    assert np.array_equal(true_convolution(f.astype(float), g.astype(float)), want.astype(float))


def test_an_edge_filter_of_the_lecture() -> None:
    """y(i) = x(i) - x(i - 1) is the convolution with (1, -1) (Meila, 2026, "Example: Edge Detection")."""
    x = np.array([3.0, 3.0, 7.0, 7.0, 1.0])
    assert true_convolution(x, np.array([1.0, -1.0]), mode="same").tolist() == [3, 0, 4, 0, -6]


@pytest.mark.parametrize("mode", ["fast", "SAME", ""])
def test_an_unknown_mode_is_refused(mode: str) -> None:
    with pytest.raises(ValueError, match="a mode"):
        true_convolution(np.ones(3), np.ones(2), mode=mode)


def test_toeplitz_is_that_of_scipy() -> None:
    """For every number of rows and columns; without a row it is symmetric."""
    rng = np.random.default_rng(2)
    for m, n in itertools.product(range(1, 6), repeat=2):
        c, r = rng.standard_normal(m), rng.standard_normal(n)
        assert np.array_equal(toeplitz(c, r), linalg.toeplitz(c, r))
        assert np.array_equal(toeplitz(c), linalg.toeplitz(c))
        several = toeplitz(np.stack([c, -c]), np.stack([r, 2 * r]))
        assert np.array_equal(several, np.stack([linalg.toeplitz(c, r), linalg.toeplitz(-c, 2 * r)]))


def test_the_matrix_of_a_convolution_is_that_of_scipy() -> None:
    """The columns of zeros that make a convolution of a Toeplitz matrix."""
    w = np.array([1.0, -2.0, 3.0])
    T = toeplitz(np.pad(w, (0, 3)), np.array([1.0, 0, 0, 0]))
    assert np.array_equal(T, linalg.convolution_matrix(w, 4))


@pytest.mark.parametrize(("c", "r"), [((), (2,)), ((0,), (2,)), ((2,), (0,)), ((2, 2), (3, 2)), ((2, 2), (2,))])
def test_toeplitz_refuses_what_is_no_column_and_row(c: tuple[int, ...], r: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not a column and a row"):
        toeplitz(np.ones(c), np.ones(r))


# -- counts ------------------------------------------------------------------------------------------------

LAYERS = [  # channels, outputs, size, kernel, and the other options
    (1, 1, (5,), (2,), {}),
    (2, 3, (5, 4), (2, 3), {"padding": ((1, 2), (0, 1)), "stride": (2, 1), "batch": 2}),
    (4, 6, (6, 5), (2, 3), {"padding": 2, "dilation": (3, 1), "groups": 2}),
    (3, 3, (3, 3, 2), (1, 2, 2), {"padding": "same", "groups": 3}),
]


@pytest.mark.parametrize(("C", "O", "size", "K", "options"), LAYERS)
@pytest.mark.parametrize("bias", [True, False])
def test_counts_are_those_of_a_convolution(
    C: int, O: int, size: tuple[int, ...], K: tuple[int, ...], options: dict[str, Any], bias: bool
) -> None:
    """Of the arrays that it takes; of its outputs, and of ones that meet ones."""
    how = {name: value for name, value in options.items() if name != "batch"}
    w = np.ones((O, C // options.get("groups", 1), *K))
    count = parameter_count(C, O, kernel=K, groups=options.get("groups", 1), bias=bias)
    assert count == w.size + (O if bias else 0)
    y = convolution(np.ones((options.get("batch", 1), C, *size)), w, **how)
    given: dict[str, Any] = {"size": size, "kernel": K, "bias": bias, **options}
    positions = y.size // O
    assert flop_count(C, O, **given) == count * positions
    assert flop_count(C, O, **given, operations=2, counts_bias=False) == 2 * w.size * positions
    assert flop_count(C, O, **given, counts_padding=False) == np.sum(y) + (y.size if bias else 0)


def test_the_parameters_of_the_networks_of_a_lecture() -> None:
    """421 642 and 418 666 of them (Chen, 2025, "Performance"); a dense layer is a kernel as large as the signal."""
    CNN = [(1, 32, (3, 3)), (32, 64, (3, 3)), (64, 128, (7, 7)), (128, 10, (1, 1))]
    FNN = [(1, 512, (28, 28)), (512, 32, (1, 1)), (32, 10, (1, 1))]
    assert sum(parameter_count(C, O, kernel=K) for C, O, K in CNN) == 421642
    assert sum(parameter_count(C, O, kernel=K) for C, O, K in FNN) == 418666


@pytest.mark.parametrize("wrong", [{"groups": 0}, {"groups": 2}, {"kernel": (0,)}, {"kernel": (-1,)}])
def test_a_layer_that_cannot_be_is_not_counted(wrong: dict[str, Any]) -> None:
    options: dict[str, Any] = {"kernel": (2,), **wrong}
    with pytest.raises(ValueError, match="groups of"):
        parameter_count(3, 4, **options)
    with pytest.raises(ValueError, match="groups of"):
        flop_count(3, 4, size=(5,), **options)
