"""Wrong positional encodings."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from reference import sinusoidal_encoding


def _laid_out(sines: Any, cosines: Any, layout: str) -> Any:
    if layout == "halves":
        return np.concatenate([sines, cosines], axis=-1)
    return np.stack([sines, cosines], axis=-1).reshape(*sines.shape[:-1], -1)


def _encoded(t: Any, frequency: Any, layout: str) -> Any:
    return _laid_out(np.sin(t[..., None] * frequency), np.cos(t[..., None] * frequency), layout)


@mutant("sinusoidal_encoding")
def swaps_sines_and_cosines(t: Any, *, layout: str = "interleaved", **options: Any) -> Any:
    """The cosine of each pair first."""
    halves = sinusoidal_encoding(t, layout="halves", **options)
    sines, cosines = np.split(halves, 2, axis=-1)
    return _laid_out(cosines, sines, layout)


@mutant("sinusoidal_encoding")
def one_exponent_a_column(
    t: Any, *, d: int, base: float = 10000.0, first_index: int = 0, layout: str = "interleaved"
) -> Any:
    """Every column has a frequency of its own, base^(-j/d), so no sine has its cosine."""
    j = np.arange(d) + 2 * first_index
    angle = t[..., None] / base ** (j / d)
    return _laid_out(np.sin(angle[..., ::2]), np.cos(angle[..., 1::2]), layout)


@mutant("sinusoidal_encoding")
def ends_at_the_base(
    t: Any, *, d: int, base: float = 10000.0, first_index: int = 0, layout: str = "interleaved"
) -> Any:
    """2i/(d - 2) for 2i/d: the last pair has the frequency 1/base, as in tensor2tensor."""
    i = np.arange(d // 2) + first_index
    return _encoded(t, base ** (-2 * i / max(d - 2, 1)), layout)


@mutant("sinusoidal_encoding")
def half_the_exponent(
    t: Any, *, d: int, base: float = 10000.0, first_index: int = 0, layout: str = "interleaved"
) -> Any:
    """i/d for 2i/d."""
    return _encoded(t, base ** (-(np.arange(d // 2) + first_index) / d), layout)


@mutant("sinusoidal_encoding")
def twice_the_exponent(
    t: Any, *, d: int, base: float = 10000.0, first_index: int = 0, layout: str = "interleaved"
) -> Any:
    """The even column 2i taken for i: base^(-4i/d)."""
    return _encoded(t, base ** (-4 * (np.arange(d // 2) + first_index) / d), layout)


@mutant("sinusoidal_encoding")
def always_ten_thousand(t: Any, *, base: float = 10000.0, **options: Any) -> Any:
    """The base is ignored."""
    return sinusoidal_encoding(t, **options)


@mutant("sinusoidal_encoding")
def always_from_zero(t: Any, *, first_index: int = 0, **options: Any) -> Any:
    """The first index is ignored."""
    return sinusoidal_encoding(t, **options)


@mutant("sinusoidal_encoding")
def always_from_one(t: Any, *, first_index: int = 0, **options: Any) -> Any:
    """The pairs are counted from 1 in every case: the one that turns by a radian is missing."""
    return sinusoidal_encoding(t, first_index=1, **options)


@mutant("sinusoidal_encoding")
def always_interleaved(t: Any, *, layout: str = "interleaved", **options: Any) -> Any:
    """The layout is ignored."""
    return sinusoidal_encoding(t, **options)


@mutant("sinusoidal_encoding")
def counts_positions_from_one(t: Any, **options: Any) -> Any:
    """Position t is taken for t + 1."""
    return sinusoidal_encoding(t + 1, **options)


@mutant("sinusoidal_encoding")
def sines_only(t: Any, *, layout: str = "interleaved", **options: Any) -> Any:
    """The sine in both places of a pair."""
    sines, _ = np.split(sinusoidal_encoding(t, layout="halves", **options), 2, axis=-1)
    return _laid_out(sines, sines, layout)


@mutant("sinusoidal_encoding")
def in_degrees(t: Any, **options: Any) -> Any:
    """The angle is taken for degrees."""
    return sinusoidal_encoding(t * (np.pi / 180), **options)


@mutant("sinusoidal_encoding")
def normalised(t: Any, *, d: int, **options: Any) -> Any:
    """Every position has the length 1."""
    return sinusoidal_encoding(t, d=d, **options) / np.sqrt(d / 2)


@mutant("sinusoidal_encoding")
def positions_in_half(t: Any, **options: Any) -> Any:
    """Positions rounded to eleven bits: beyond 2048 neighbours are the same."""
    with np.errstate(over="ignore"):
        return sinusoidal_encoding(np.minimum(t, 65504).astype(np.float16).astype(float), **options)


@mutant("sinusoidal_encoding")
def frequencies_in_single(
    t: Any, *, d: int, base: float = 10000.0, first_index: int = 0, layout: str = "interleaved"
) -> Any:
    """The frequencies in float32 inside float64: harmless near the start, wrong far from it."""
    i = np.arange(d // 2) + first_index
    frequency = (np.float32(base) ** (-2 * i / d)).astype(np.float32).astype(float)
    return _encoded(t, frequency, layout)
