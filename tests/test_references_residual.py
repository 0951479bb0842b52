"""Residual and dense blocks against second formulas that share no line with them."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import signal

from reference import basic_block, dense_block, residual
from reference.arithmetic import FLOAT64, default_arithmetic, read
from tests.test_references import assert_within

DOUBLE = default_arithmetic(FLOAT64)


def exact_block(x: Any, w1: Any, w2: Any, b1: Any, b2: Any) -> Any:
    """One vector at a time, in fractions."""
    d, m = len(x), len(w1)
    q = Fraction
    hidden = [
        max(q(0), sum((q(w1[j][c]) * q(x[c]) for c in range(d)), q(0 if b1 is None else b1[j]))) for j in range(m)
    ]
    return [q(x[c]) + sum((q(w2[c][j]) * hidden[j] for j in range(m)), q(0 if b2 is None else b2[c])) for c in range(d)]


@pytest.mark.parametrize("biases", list(itertools.product([False, True], repeat=2)))
def test_residual_in_fractions(biases: tuple[bool, bool]) -> None:
    """Loops over exact fractions give every element, within the bound; without one they are equal on integers."""
    rng = np.random.default_rng(3)
    for N, d, m, whole in [((), 2, 3, True), ((2,), 3, 1, True), ((2, 3), 4, 5, False), ((3,), 1, 2, False)]:

        def array(*shape: int, whole: bool = whole) -> Any:
            return rng.integers(-4, 5, shape).astype(float) if whole else rng.standard_normal(shape)

        b1, b2 = (array(n) if has else None for n, has in zip((m, d), biases, strict=True))
        arrays = [array(*N, d), array(m, d), array(d, m), b1, b2]
        (y,) = read(residual, arrays, {}, DOUBLE)
        exact = np.array([exact_block(x, *arrays[1:]) for x in arrays[0].reshape(-1, d)], dtype=object)
        assert_within(y, exact.reshape(*N, d), (N, d, m))
        assert not whole or not y.error.any()


def test_residual_refuses_what_broadcasts() -> None:
    """A branch of another width, a bias of one number, and any other mismatch is an error, not a broadcast."""
    x, w1, w2 = np.ones((2, 3)), np.ones((4, 3)), np.ones((3, 4))
    assert residual(x, w1, w2, np.ones(4), np.ones(3)).shape == (2, 3)
    for wrong in (
        [x, w1, np.ones((1, 4))],
        [x, w1, np.ones((4, 4))],
        [x, np.ones((4, 1)), w2],
        [x, w1[0], w2],
        [x[:, :1], w1, w2],
        [x, w1, w2, np.ones(1)],
        [x, w1, w2, None, np.ones(1)],
        [x, w1, w2, np.ones((1, 4))],
    ):
        with pytest.raises(ValueError, match="own width"):
            residual(*wrong)


def literal_layer(x: Any, w: Any, norm: Any, stride: int, eps: float) -> Any:
    """Every number of every channel by itself: its window, or what is inside of x of it, and the norm."""
    (C, H, W), (K, L) = np.shape(x), w.shape[2:]
    mean, var, gamma, beta = ([mpmath.mpf(v) for v in part] for part in norm)

    def at(o: int, i: int, j: int) -> Any:
        total = mpmath.mpf(0)
        for c, k, m in np.ndindex(C, K, L):
            row, column = i * stride + k - K // 2, j * stride + m - L // 2
            if 0 <= row < H and 0 <= column < W:
                total += mpmath.mpf(w[o, c, k, m]) * x[c][row][column]
        return gamma[o] * (total - mean[o]) / mpmath.sqrt(var[o] + mpmath.mpf(eps)) + beta[o]

    rows, columns = (range(-(-side // stride)) for side in (H, W))
    return [[[at(o, i, j) for j in columns] for i in rows] for o in range(w.shape[0])]


@pytest.mark.parametrize("stride, projects", [(1, False), (1, True), (2, True)])
@pytest.mark.parametrize("K", [(3, 3), (1, 3), (5, 1)])
def test_basic_block_one_number_at_a_time(stride: int, projects: bool, K: tuple[int, int]) -> None:
    """mpmath gives every element, within the bound."""
    rng, C, S = np.random.default_rng(5), 2, (4, 3)
    O = 3 if projects else C

    def layer(c: int, *kernel: int) -> list[Any]:
        mean, gamma, beta = rng.standard_normal((3, O))
        return [rng.standard_normal((O, c, *kernel)), mean, rng.uniform(0.1, 2, O), gamma, beta]

    x, layers = rng.standard_normal((1, C, *S)), [layer(C, *K), layer(O, *K), *([layer(C, 1, 1)] if projects else [])]
    (y,) = read(basic_block, [x, *itertools.chain(*layers)], {"stride": stride, "eps": 1e-3}, DOUBLE)
    path = [[[mpmath.mpf(v) for v in row] for row in channel] for channel in x[0]]
    (w1, *norm1), (w2, *norm2) = layers[:2]
    hidden = [[[max(v, 0) for v in row] for row in channel] for channel in literal_layer(path, w1, norm1, stride, 1e-3)]
    branch = literal_layer(hidden, w2, norm2, 1, 1e-3)
    if projects:
        path = literal_layer(path, layers[2][0], layers[2][1:], stride, 1e-3)
    total = np.array(path, dtype=object) + np.array(branch, dtype=object)
    assert_within(y, np.where(total > 0, total, mpmath.mpf(0))[None], (stride, projects, K))


def test_basic_block_without_norms_by_scipy() -> None:
    """With norms that do nothing there are two correlations and a sum, exact in integers."""
    rng, nothing = np.random.default_rng(6), [np.zeros(1), np.ones(1), np.ones(1), np.zeros(1)]
    x, w1, w2 = (rng.integers(-4, 5, side).astype(float) for side in ((5, 4), (3, 3), (3, 3)))
    branch = signal.correlate2d(np.clip(signal.correlate2d(x, w1, "same"), 0, None), w2, "same")
    y = basic_block(x[None, None], w1[None, None], *nothing, w2[None, None], *nothing, eps=0.0)
    assert np.array_equal(y[0, 0], np.clip(x + branch, 0, None))


def test_basic_block_refuses_to_add_what_differs() -> None:
    """Also where NumPy would repeat one channel or one position."""
    nothing, one = [np.zeros(1), np.ones(1), np.ones(1), np.zeros(1)], np.ones((1, 1, 1))
    arrays = [one, *nothing, one, *nothing]
    assert basic_block(np.ones((1, 1, 2)), *arrays).shape == (1, 1, 2)
    wider = [np.ones((1, 2, 1)), *arrays[1:]]
    for x, kernels, stride in [((1, 1, 2), arrays, 2), ((1, 1, 3), arrays, 2), ((1, 2, 3), wider, 1)]:
        with pytest.raises(ValueError, match="needs a projection"):
            basic_block(np.ones(x), *kernels, stride=stride)


@pytest.mark.parametrize("kernels", [[3], [1, 3], [3, 3, 1]])
def test_dense_block_in_integers(kernels: list[int]) -> None:
    """Loops over every channel, place and tap, one layer after another."""
    rng, C, S = np.random.default_rng(4), 2, 4
    x, channels, weights = rng.integers(-4, 5, (1, C, S)).astype(float), C, []
    for k, K in enumerate(kernels, start=1):
        weights.append(rng.integers(-3, 4, (k, channels, K)).astype(float))
        channels += k
    features = [[int(v) for v in channel] for channel in x[0]]
    for w in weights:
        k, _, K = w.shape
        seen = [[0] * (K // 2) + [v if v > 0 else 0 for v in channel] + [0] * (K // 2) for channel in features]
        features += [
            [sum(int(w[o, c, j]) * seen[c][i + j] for c in range(len(seen)) for j in range(K)) for i in range(S)]
            for o in range(k)
        ]
    assert dense_block(x, *weights).tolist() == [features]


def test_dense_block_refuses_kernels_that_do_not_see_everything() -> None:
    """A later layer takes the channels of x and of all layers before it."""
    x, w = np.ones((1, 2, 3)), np.ones((1, 2, 3))
    assert dense_block(x, w, np.ones((1, 3, 3))).shape == (1, 4, 3)
    with pytest.raises(ValueError, match="fit together"):
        dense_block(x, w, w)
