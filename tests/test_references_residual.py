"""The residual block against a second formula that shares no line with it."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from reference import residual
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
