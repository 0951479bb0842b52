"""The cross-entropy against second formulas that share no line with it."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import mpmath
import numpy as np
import pytest

from reference import cross_entropy
from reference.arithmetic import read, read_gradient
from tests.test_references import DOUBLE, assert_within, correctly_rounded


def exact_losses(x: Any, t: Any, w: Any, s: float) -> Any:
    """One sample after another, in fifty digits, from -sum w t' log(exp x / sum exp x)."""
    losses = []
    for scores, target in zip(x, t, strict=True):
        e = [mpmath.exp(mpmath.mpf(score)) for score in scores]
        shares = [(1 - mpmath.mpf(s)) * mpmath.mpf(share) + mpmath.mpf(s) / len(e) for share in target]
        logarithms = [mpmath.log(each / mpmath.fsum(e)) for each in e]
        losses.append(-mpmath.fsum(w[c] * shares[c] * logarithms[c] for c in range(len(e))))
    return losses


@pytest.mark.parametrize("has_weights", [False, True])
@pytest.mark.parametrize("s", [0.0, 0.125, 1.0])
def test_cross_entropy_in_many_digits(s: float, has_weights: bool) -> None:
    """Fifty digits of mpmath lie within the bound, of classes and of probabilities, in every reduction."""
    rng = np.random.default_rng(1)
    for N, C in itertools.product((1, 4), (1, 2, 5)):
        x = rng.standard_normal((N, C)) * 20
        w = rng.random(C) if has_weights else None
        y = rng.integers(0, C, N)
        y[-1] = -100 if N > 1 else y[-1]
        shares = rng.random((N, C))
        for target, t in ((y, np.eye(C)[np.maximum(y, 0)]), (shares, shares)):
            with mpmath.workdps(50):
                exact = exact_losses(x, t, [mpmath.mpf(1)] * C if w is None else [mpmath.mpf(z) for z in w], s)
                kept = [target.ndim == 2 or y[n] >= 0 for n in range(N)]
                exact = [loss if keep else mpmath.mpf(0) for loss, keep in zip(exact, kept, strict=True)]
                counted = [1.0 if w is None or target.ndim == 2 else float(w[y[n]]) for n in range(N) if kept[n]]
                n = mpmath.fsum(counted)
                for reduction, right in (
                    ("none", np.array(exact, dtype=object)),
                    ("sum", np.array(mpmath.fsum(exact), dtype=object)),
                    ("mean", np.array(mpmath.fsum(exact) / n, dtype=object)),
                ):
                    options = {"label_smoothing": s, "reduction": reduction}
                    (bound,) = read(cross_entropy, [x, target, w], options, DOUBLE)
                    assert_within(bound, right, (N, C, reduction))


def test_cross_entropy_of_the_lecture() -> None:
    """-sum t log y (Jacquet, 2022), for y = (1/2, 1/4, 1/4): a class costs what its probability says, in bits."""
    with mpmath.workdps(50):
        x = correctly_rounded([[mpmath.log(2), mpmath.mpf(0), mpmath.mpf(0)]])
        for target, bits in ((0, 1), (1, 2), (2, 2), ([0.5, 0.25, 0.25], 1.5)):  # the last is the entropy
            (bound,) = read(cross_entropy, [x, np.array([target])], {}, DOUBLE)
            assert_within(bound, bits * mpmath.log(2), target)


def test_conventions() -> None:
    """What a weight multiplies, and what the mean divides by, in numbers that can be checked by hand."""
    x, y, w = np.zeros((2, 2)), np.array([0, 1]), np.array([1.0, 3.0])  # each sample has the loss log 2
    smooth: dict[str, Any] = {"label_smoothing": 1.0, "reduction": "none"}
    with mpmath.workdps(50):
        for target, options, times in (
            (y, {}, 1),
            (y, {"divisor": "samples"}, 2),
            (y, smooth, [2, 2]),
            (y, smooth | {"weighs": "samples"}, [1, 3]),
            (np.full((2, 2), 0.5), {"weighs": "samples", "reduction": "none"}, [2, 2]),
        ):
            (bound,) = read(cross_entropy, [x, target, w], options, DOUBLE)
            assert_within(bound, np.array(times, dtype=object) * mpmath.log(2), options)


def test_nothing_to_learn_from() -> None:
    """All targets ignored: the sum is 0 and the mean NaN, which is certain; the gradient is 0, which is certain too."""
    x, y = np.ones((2, 3)), np.array([1, 1])
    for reduction, right in (("sum", 0.0), ("mean", np.nan)):
        options = {"ignore_index": 1, "reduction": reduction}
        (bound,) = read(cross_entropy, [x, y], options, DOUBLE)
        assert np.array_equal(bound.value, right, equal_nan=True) and bound.error == 0
        (g,) = read_gradient(cross_entropy, [x, y], options, [np.ones(())], [0], DOUBLE)
        assert not g.value.any() and not g.error.any()


def test_gradient_by_differences() -> None:
    """The gradient by scores and by probabilities is that of small differences, of seventy digits."""
    rng = np.random.default_rng(2)
    x, t, w = rng.standard_normal((2, 3)), rng.random((2, 3)), rng.random(3)
    found = read_gradient(cross_entropy, [x, t, w], {"label_smoothing": 0.25}, [np.ones(())], [0, 1], DOUBLE)

    def loss(i: int, at: tuple[int, ...], value: Any) -> Any:
        """The mean loss, with one number of the scores (0) or of the targets (1) changed."""
        given = [np.array([[mpmath.mpf(z) for z in row] for row in array], dtype=object) for array in (x, t)]
        given[i][at] = value
        return mpmath.fsum(exact_losses(*given, [mpmath.mpf(z) for z in w], 0.25)) / 2

    for i, (g, array) in enumerate(zip(found, (x, t), strict=True)):
        with mpmath.workdps(70):
            slopes = [mpmath.diff(functools.partial(loss, i, at), mpmath.mpf(array[at])) for at in np.ndindex(2, 3)]
            assert_within(g, np.reshape(np.array(slopes, dtype=object), (2, 3)), i)


@pytest.mark.parametrize(
    ("arrays", "options"),
    [
        ([np.zeros((2, 3)), np.array([0, 3])], {}),
        ([np.zeros((2, 3)), np.array([0, -1])], {}),
        ([np.zeros((2, 3)), np.array([0])], {}),
        ([np.zeros((2, 3)), np.zeros((2, 2))], {}),
        ([np.zeros((2, 3)), np.array([0, 1]), np.ones(1)], {}),
        ([np.zeros((2, 3)), np.array([0, 1]), np.ones((3, 1))], {}),
        ([np.zeros(3), np.array(0)], {"label_smoothing": -0.1}),
        ([np.zeros(3), np.array(0)], {"reduction": "average"}),
        ([np.zeros(3), np.array(0)], {"weighs": "nothing"}),
        ([np.zeros(3), np.array(0)], {"divisor": "batch"}),
    ],
)
def test_cross_entropy_refuses(arrays: list[Any], options: dict[str, Any]) -> None:
    """Classes that there are not, shapes that do not fit, and words that mean nothing."""
    with pytest.raises(ValueError, match=r"none of|do not fit|weights|share"):
        cross_entropy(*arrays, **options)
