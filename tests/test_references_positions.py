"""The positional encoding against second formulas that share no line with it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from reference import learned_encoding, naive_encoding, sinusoidal_encoding
from reference.arithmetic import FLOAT64, default_arithmetic, read
from tests.test_references import assert_within

DOUBLE = default_arithmetic(FLOAT64)


def exact_encoding(t: Any, d: int, base: float, first_index: int, layout: str) -> Any:
    """Column by column, in fifty digits."""
    rows = []
    for position in t:
        row = [mpmath.mpf(0)] * d
        for i in range(d // 2):
            angle = mpmath.mpf(position) / mpmath.mpf(base) ** (mpmath.mpf(2 * (i + first_index)) / d)
            first, second = (2 * i, 2 * i + 1) if layout == "interleaved" else (i, d // 2 + i)
            row[first], row[second] = mpmath.sin(angle), mpmath.cos(angle)
        rows.append(row)
    return np.array(rows, dtype=object)


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
@pytest.mark.parametrize("first_index", [0, 1])
@pytest.mark.parametrize("base", [10000.0, 100.0, 2.0, 500000.0])
def test_encoding_in_many_digits(base: float, first_index: int, layout: str) -> None:
    """Fifty digits of mpmath lie within the bound, near the start and far from it; so does NumPy's own power."""
    t = np.array([0.0, 1, 2, 100, 5000, 65535, 131071])
    for d in (2, 4, 6, 16, 512):
        options = {"d": d, "base": base, "first_index": first_index, "layout": layout}
        (y,) = read(sinusoidal_encoding, [t], options, DOUBLE)
        with mpmath.workdps(50):
            assert_within(y, exact_encoding(t, d, base, first_index, layout), d)
        angle = t[:, None] / base ** (2 * (np.arange(d // 2) + first_index) / d)
        parts = np.sin(angle), np.cos(angle)
        plain = np.concatenate(parts, 1) if layout == "halves" else np.stack(parts, 2).reshape(len(t), d)
        assert (np.abs(plain - y.value) <= y.error).all()
        assert y.error.max() < 1e-9


def test_encoding_of_the_lecture() -> None:
    """Gong counts from 1 to d/2: the last pair turns by 1/10000 a step. Vaswani et al. count from 0, and begin with 1.

    They give the wavelengths as a geometric progression from 2 pi to 10000 2 pi.
    """
    for first, angles in ((1, (0.1, 0.01, 0.001, 0.0001)), (0, (1, 0.1, 0.01, 0.001))):  # wavelengths 2 pi / angle
        (bound,) = read(sinusoidal_encoding, [np.ones(1)], {"d": 8, "first_index": first, "layout": "halves"}, DOUBLE)
        with mpmath.workdps(50):
            turns = [mpmath.mpf(str(angle)) for angle in angles]
            exact = [*map(mpmath.sin, turns), *map(mpmath.cos, turns)]
            assert_within(bound, np.array([exact], dtype=object))


def test_encoding_keeps_the_shape_of_the_positions() -> None:
    """One position, none, and a table of them."""
    for shape in [(), (0,), (3,), (2, 0), (2, 3)]:
        assert sinusoidal_encoding(np.zeros(shape), d=6).shape == (*shape, 6)


@pytest.mark.parametrize("options", [{"d": 0}, {"d": 3}, {"d": -2}, {"d": 2, "layout": "sines first"}])
def test_encoding_refuses(options: dict[str, Any]) -> None:
    """An odd width has a sine without its cosine."""
    with pytest.raises(ValueError, match=r"number of pairs|is none of"):
        sinusoidal_encoding(np.zeros(2), **options)


def test_learned_rows_are_added_and_end() -> None:
    """Token by token in fractions; one token more than there are rows is an error."""
    x = [[Fraction(1, 3), Fraction(2)], [Fraction(-1), Fraction(5, 7)]]
    table = [[Fraction(1, 7), Fraction(-2)], [Fraction(9), Fraction(1, 11)], [Fraction(100), Fraction(100)]]
    y = learned_encoding(np.array(x, dtype=object), np.array(table, dtype=object))
    assert y.tolist() == [[Fraction(10, 21), Fraction(0)], [Fraction(8), Fraction(62, 77)]]
    for T, rows, width in ((4, 3, 2), (3, 2, 2), (2, 1, 2), (2, 3, 1), (2, 3, 4)):
        with pytest.raises(ValueError, match="has no row for each"):
            learned_encoding(np.zeros((T, 2)), np.zeros((rows, width)))


def test_the_naive_encoding_of_the_lecture() -> None:
    """The tokens stay, t is appended, and a difference of positions is that of what is appended."""
    rng = np.random.default_rng(76)
    x = rng.standard_normal((2, 5, 3))
    y = naive_encoding(x, start=7)
    assert y.shape == (2, 5, 4)
    for n, t in np.ndindex(2, 5):
        assert y[n, t].tolist() == [*x[n, t].tolist(), 7.0 + t]


def test_what_float32_loses_far_from_the_start() -> None:
    """Frequencies in float32 are wrong by parts in 10^7, which the position multiplies.

    The largest error, over 256 pairs and near a position: 1e-6 at 10, 1e-4 at 1000, and 5e-3 to 1e-2 at 65535, where
    float64 has 1e-11. So a table for long sequences is computed in float64 and rounded then.
    """
    from adapters import narrow

    for far, least, most in ((10, 1e-8, 2e-6), (1000, 5e-6, 2e-4), (65535, 2e-4, 2e-2)):
        t = np.arange(far - 4, far + 1).astype(float)
        with mpmath.workdps(30):
            exact = exact_encoding(t, 512, 10000.0, 0, "interleaved").astype(float)
        single = narrow.sinusoidal_encoding(t.astype(np.float32), d=512).astype(float)
        assert least < np.abs(single - exact).max() < most, (far, np.abs(single - exact).max())
        assert np.abs(sinusoidal_encoding(t, d=512) - exact).max() < 1e-10
