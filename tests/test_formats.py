"""Number formats: constants, and rounding to nearest, against NumPy's casts and exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from reference.arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Format
from reference.arithmetic.formats import TENSOR_FLOAT32, Floats, trailing_quantum

ALL = [*FORMATS.values(), TENSOR_FLOAT32]


def nearest(x: float, F: Format) -> float:
    """The number of F nearest to x, ties to even, by integers: the specification of Format.round."""
    exponent = max(math.frexp(x)[1] - 1, F.smallest_exponent)  # |x| < 2^(exponent + 1)
    X, scale = abs(Fraction(x)), Fraction(2) ** (exponent - F.precision + 1)
    quanta = int(X / scale)
    rest = X / scale - quanta
    quanta += rest > Fraction(1, 2) or (rest == Fraction(1, 2) and quanta % 2 == 1)
    result = quanta * scale
    magnitude = float("inf") if result > Fraction(F.largest) else float(result)
    return -magnitude if np.signbit(x) else magnitude


def awkward(F: Format, rng: np.random.Generator) -> Floats:
    """Numbers of F, their midpoints, and what lies next to both in float64; over the whole range."""
    exponents = rng.integers(F.smallest_exponent - F.precision - 2, F.largest_exponent + 2, 300)
    numbers = F.round(np.ldexp(rng.uniform(1, 2, 300), exponents))
    numbers = np.append(numbers[np.isfinite(numbers)], [0.0, F.largest, F.smallest_normal, F.smallest_subnormal])
    with np.errstate(over="ignore"):
        midpoints = numbers + F.quantum(numbers) / 2
        points = np.concatenate([numbers, midpoints, F.smallest_subnormal * np.array([0.5, 0.75, 1.5, 2.5])])
        points = np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, -np.inf)])
    points = points[np.isfinite(points)]
    return np.concatenate([points, -points])


@pytest.mark.parametrize("F", ALL, ids=repr)
def test_rounding_is_to_nearest_even(F: Format) -> None:
    """Format.round gives the nearest number, ties to even, subnormals, overflow and signs of zero included."""
    x = awkward(F, np.random.default_rng(1))
    y = F.round(x)
    expected = np.array([nearest(a, F) for a in x.tolist()])
    wrong = (y != expected) | (np.signbit(y) != np.signbit(expected))
    assert not wrong.any(), (x[wrong][:3], y[wrong][:3], expected[wrong][:3])


@pytest.mark.parametrize("F", [FLOAT32, FLOAT16], ids=repr)
def test_rounding_is_the_cast_of_numpy(F: Format) -> None:
    """For float32 and float16 rounding is NumPy's cast, on random bit patterns of float64."""
    x = np.random.default_rng(2).integers(0, 2**64, 10_000, dtype=np.uint64).view(np.float64)
    with np.errstate(all="ignore"):
        assert np.array_equal(F.round(x), x.astype(F.dtype).astype(float), equal_nan=True)


def test_rounding_to_bfloat16_rounds_once() -> None:
    """A number just above a midpoint of bfloat16 rounds up; by way of float32 it becomes the midpoint, and even."""
    x = np.array(1 + 2.0**-8 + 2.0**-40)
    assert BFLOAT16.round(x) == 1 + 2.0**-7
    assert x.astype(np.float32).astype(ml_dtypes.bfloat16) == 1.0


def test_rounding_of_float32_numbers_to_bfloat16_is_that_of_ml_dtypes() -> None:
    """From float32 there is one rounding only, and the two agree on random bit patterns."""
    x = np.random.default_rng(3).integers(0, 2**32, 10_000, dtype=np.uint32).view(np.float32)
    with np.errstate(all="ignore"):
        assert np.array_equal(BFLOAT16.round(x), x.astype(ml_dtypes.bfloat16).astype(float), equal_nan=True)


@pytest.mark.parametrize("F", ALL, ids=repr)
def test_specials_are_kept(F: Format) -> None:
    """NaN, infinities and the sign of zero pass through a rounding."""
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0])
    assert np.array_equal(F.round(x), x, equal_nan=True)
    assert np.array_equal(np.signbit(F.round(x)[1:]), np.signbit(x[1:]))
    assert F.holds(x).all()


@pytest.mark.parametrize("F", ALL, ids=repr)
def test_rounding_again_changes_nothing(F: Format) -> None:
    """A rounded number is a number of the format, and a number between two of them is not."""
    x = awkward(F, np.random.default_rng(4))
    assert F.holds(F.round(x)).all()
    assert np.array_equal(F.holds(x), F.round(x) == x)
    if F is not FLOAT64:
        assert not F.holds(np.array([1 + F.u, F.smallest_subnormal / 2, F.largest * (1 + F.u)])).any()


@pytest.mark.parametrize("F", FORMATS.values(), ids=repr)
def test_constants(F: Format) -> None:
    """The unit roundoff, the largest and the smallest numbers are those that NumPy and ml_dtypes state."""
    info = np.finfo(F.dtype) if F.is_native else ml_dtypes.finfo(F.dtype)
    assert 2 * F.u == float(info.eps)
    assert F.largest == float(info.max)
    assert F.smallest_normal == float(info.smallest_normal)
    assert F.smallest_subnormal == float(info.smallest_subnormal)
    assert F.half_subnormal == (F.smallest_subnormal if F is FLOAT64 else F.smallest_subnormal / 2)
    assert F.dtype.itemsize == {"float64": 8, "float32": 4}.get(F.name, 2)


@pytest.mark.parametrize("F", ALL, ids=repr)
def test_the_quantum_is_the_distance_to_the_next_number(F: Format) -> None:
    """A quantum leads from a number to the next, and nothing of the format lies between."""
    x = np.abs(F.round(awkward(F, np.random.default_rng(5))))
    x = x[x < F.largest]
    step = F.quantum(x)
    assert F.holds(x + step).all()
    between = np.ldexp(step, -1) > 0  # float64 has nothing between its own neighbours
    if F is not FLOAT64:
        assert not F.holds((x + step / 2)[between]).any()


def test_trailing_quantum_divides_every_element() -> None:
    """It is the largest power of two that divides every finite nonzero element, by exact fractions."""
    rng = np.random.default_rng(6)
    for _ in range(200):
        x = rng.integers(-50, 51, rng.integers(1, 6)) * 2.0 ** rng.integers(-1060, 900)
        q = trailing_quantum(np.append(x, [0.0, np.inf, np.nan]))
        if not x.any():
            assert q == np.inf
            continue
        ratios = [Fraction(a) / Fraction(q) for a in x.tolist()]
        assert all(r.denominator == 1 for r in ratios)
        assert any(r.numerator % 2 for r in ratios)
    assert trailing_quantum(np.array([2.0**-1074, 1.0])) == 2.0**-1074
    assert trailing_quantum(np.array([])) == np.inf
