"""Kinds of data: what the numbers of an array are like.

Every kind gives float64 numbers that the format holds. Data come from NumPy's generator, seeded by a few
small integers that Hypothesis draws.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from reference.arithmetic import Format
from reference.arithmetic.formats import Floats
from reference.arrays import Indices, Mask

Shape = tuple[int, ...]
Kind = Callable[[Shape, Format, Generator, bool], Floats]  # the last: is it the first array of its call?


def integers(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Integers from -4 to 4: linear primitives are exact on them (the exact lane)."""
    return rng.integers(-4, 5, size=shape).astype(float)


def normal(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Moderate numbers, as after initialisation."""
    return rng.standard_normal(shape)


def wide(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Exponents over half of the format's range: large and tiny numbers side by side."""
    reach = fmt.largest_exponent // 4
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-reach, reach + 1, size=shape)


def offset(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """A mean much larger than the spread, 2^(p/2) against 1: what is subtracted cancels."""
    return rng.standard_normal(shape) + rng.choice([-1.0, 1.0]) * 2.0 ** (fmt.precision // 2)


def repeated(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """One or two values over and over: ties, and a variance of zero."""
    values = rng.standard_normal(2)
    return rng.choice(values[: rng.integers(1, 3)], size=shape)


def sparse(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Zeros, and in the first array of a call a single number: which output sees which input."""
    x = np.zeros(shape)
    if not first:
        return rng.integers(1, 5, size=shape).astype(float)
    if x.size:
        x.flat[rng.integers(x.size)] = rng.integers(1, 5)
    return x


def large(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Numbers whose products come near the largest number of the format."""
    return rng.standard_normal(shape) * 2.0 ** ((fmt.largest_exponent - 8) // 2)


def tiny(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """In the first array of a call, numbers around the smallest normal one; the rest is small integers."""
    if not first:
        return rng.integers(1, 5, size=shape).astype(float)
    return rng.standard_normal(shape) * fmt.smallest_normal * 2.0 ** rng.integers(-3, 4, size=shape)


KINDS: dict[str, Kind] = {f.__name__: f for f in (integers, normal, wide, offset, repeated, sparse, large, tiny)}


def partial_sums(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Integers of nearly all digits that a sum is carried in, times small ones: sums are rounded, and once only."""
    if not first:
        return integers(shape, fmt, rng, first)
    reach = 2 ** min(fmt.precision, max(fmt.precision, CARRIED) - 6)
    return rng.integers(-reach, reach + 1, size=shape).astype(float)


def products(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Integers of half the digits that a sum is carried in, whose products fill it."""
    reach = 2 ** min(fmt.precision, (max(fmt.precision, CARRIED) - 2) // 2)
    return rng.integers(-reach, reach + 1, size=shape).astype(float)


def powers(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Small integers times one power of two, far from 1."""
    reach = fmt.largest_exponent // 4
    return integers(shape, fmt, rng, first) * 2.0 ** rng.integers(-reach, reach + 1)


def near_one(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Sizes from 1 to 2 with any digits: what is added up and multiplied is rounded, and far from the format's ends."""
    return rng.uniform(1.0, 2.0, size=shape) * rng.choice([-1.0, 1.0], size=shape)


CARRIED = 24  # digits of the accumulators of low formats, which have those of float32

# Kinds that sums and products make no error on, or only their last rounding (the exact lane).
EXACT: dict[str, Kind] = {f.__name__: f for f in (integers, partial_sums, products, powers)}


def ones(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Ones: what is added up is counted."""
    return np.ones(shape)


def positive(shape: Shape, fmt: Format, rng: Generator, first: bool) -> Floats:
    """Numbers between 1/2 and 1, whose sum grows and whose rounding errors do not cancel."""
    return rng.uniform(0.5, 1.0, size=shape)


# Kinds for sums of thousands of terms.
LONG: dict[str, Kind] = {f.__name__: f for f in (positive, ones, normal)}

# Two layers multiply three numbers, so what is near the edge of a format for two is far beyond it.
OF_TWO_LAYERS = tuple(kind for kind in KINDS if kind != "large")

# Kinds whose rounding a power of two commutes with.
SCALED: dict[str, Kind] = {near_one.__name__: near_one}

# What stands in for a kind where an array keeps to ordinary sizes.
MODERATE = dict.fromkeys(("wide", "offset", "large"), "normal")


LONGEST = 2**16  # of the sequences whose positions are drawn


def numbers(
    kind: str,
    shape: Shape,
    fmt: Format,
    rng: Generator,
    *,
    first: bool = True,
    nonnegative: bool = False,
    whole: bool = False,
) -> Floats:
    """Draw an array of a kind; its numbers are numbers of the format."""
    x = (KINDS | EXACT | LONG | SCALED)[kind](shape, fmt, rng, first)
    if whole:
        return np.asarray(np.rint(np.abs(x)) % min(LONGEST, 2 ** (fmt.precision - 1)))
    x = fmt.round(x)
    return np.abs(x) if nonnegative else x


def open_places(shape: Shape, always: int, rng: Generator, closed: bool = False) -> Mask:
    """A boolean mask, all open or closed in some places; the last axis is open at `always`, or some rows are closed."""
    mask = rng.random(shape) >= rng.choice([0.0, 0.25, 0.5, 0.75])
    mask[..., min(always, shape[-1] - 1)] = True
    return mask & (rng.random((*shape[:-1], 1)) < 0.5) if closed else mask


def integers_among(values: tuple[int, ...], shape: Shape, rng: Generator) -> Indices:
    """Each is one of some values, or, now and then, all are the same one."""
    some = values if rng.random() < 0.75 else rng.choice(values, size=1)
    return np.asarray(rng.choice(some, size=shape))
