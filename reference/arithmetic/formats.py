"""Floating-point formats, and rounding to them.

A format with precision p has the unit roundoff u = 2^-p: rounding to nearest changes a number by at
most u times its magnitude, or by half of the smallest subnormal where that is more (Higham, 2002,
section 2.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Format:
    """A binary floating-point format, described by its precision p and its exponent range."""

    name: str
    precision: int  # bits of the significand, the hidden one included
    smallest_exponent: int  # of the smallest normal number
    largest_exponent: int  # of the largest finite number

    @cached_property
    def u(self) -> float:
        """The unit roundoff 2^-p: half the distance from 1 to the next number."""
        return float(2.0**-self.precision)

    @cached_property
    def largest(self) -> float:
        """The largest finite number, (2 - 2u) 2^emax."""
        return (2 - 2 * self.u) * 2.0**self.largest_exponent

    @cached_property
    def smallest_normal(self) -> float:
        return float(2.0**self.smallest_exponent)

    @cached_property
    def smallest_subnormal(self) -> float:
        return float(2.0 ** (self.smallest_exponent - self.precision + 1))

    @cached_property
    def half_subnormal(self) -> float:
        """Half the smallest subnormal, or the subnormal itself where float64 cannot hold the half."""
        return self.smallest_subnormal / 2 or self.smallest_subnormal

    @cached_property
    def is_native(self) -> bool:
        """Whether NumPy has the format, and so the hardware's or its own correct rounding."""
        return self.name in ("float64", "float32", "float16")

    def quantum(self, x: Floats) -> Floats:
        """The distance between neighbouring numbers of the format at each finite x: one ulp of x."""
        exponent = np.frexp(x)[1] - 1
        exponent = np.maximum(np.where(x == 0, self.smallest_exponent, exponent), self.smallest_exponent)
        return np.ldexp(1.0, exponent - self.precision + 1)

    def round(self, x: Floats | float) -> Floats:
        """The nearest numbers of the format, ties to even; beyond the largest number, infinity.

        (ml_dtypes goes from float64 to bfloat16 by way of float32, and so rounds twice.)
        """
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(all="ignore"):
            if self.is_native:
                return x.astype(self.name).astype(np.float64)
            finite = np.where(np.isfinite(x), x, 0.0)
            quantum = self.quantum(finite)
            rounded = np.rint(finite / quantum) * quantum
            rounded = np.where(np.abs(rounded) > self.largest, np.copysign(np.inf, finite), rounded)
        return np.where(np.isfinite(x), np.copysign(rounded, finite), x)

    def holds(self, x: Floats) -> NDArray[np.bool_]:
        """Which of the numbers x are numbers of the format (infinities and NaN are)."""
        return (self.round(x) == x) | np.isnan(x)

    @cached_property
    def dtype(self) -> np.dtype[np.generic]:
        """The NumPy type that stores the format; bfloat16 is a type of the package ml_dtypes."""
        return np.dtype(self.name if self.is_native else ml_dtypes.bfloat16)

    def __repr__(self) -> str:
        return self.name


FLOAT64 = Format("float64", 53, -1022, 1023)
FLOAT32 = Format("float32", 24, -126, 127)
BFLOAT16 = Format("bfloat16", 8, -126, 127)
FLOAT16 = Format("float16", 11, -14, 15)
TENSOR_FLOAT32 = Format("tensor_float32", 11, -126, 127)  # the operands of a tensor core

FORMATS = {f.name: f for f in (FLOAT64, FLOAT32, BFLOAT16, FLOAT16)}


def trailing_quantum(x: Floats) -> float:
    """The largest power of two that divides every finite nonzero x; infinity if there is none.

    >>> trailing_quantum(np.array([0.75, 6.0, 0.0]))
    0.25
    """
    x = x[np.isfinite(x) & (x != 0)]
    if not x.size:
        return np.inf
    significand, exponent = np.frexp(x)
    integer = np.ldexp(significand, 53).astype(np.int64)
    return float(np.min(np.ldexp((integer & -integer).astype(np.float64), exponent - 53)))


def odd_part(x: Floats) -> Floats:
    """The magnitudes of the odd integers m in x = m 2^k; 1 for zero.

    >>> odd_part(np.array([0.75, -6.0, 0.0]))
    array([3., 3., 1.])
    """
    integer = np.ldexp(np.frexp(x)[0], 53).astype(np.int64)
    return np.where(x == 0, 1.0, np.abs(integer / np.where(x == 0, 1, integer & -integer)))


def holds_numbers(x: Any) -> bool:
    """Whether something is an array of numbers of a format, and not of integers, of booleans or no array."""
    return isinstance(x, np.ndarray) and x.dtype.kind not in "biu"
