"""Wrong positional encodings."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from reference import naive_encoding, sinusoidal_encoding


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


# -- learned_encoding ----------------------------------------------------------------------------------


@mutant("learned_encoding")
def rows_from_the_end(x: Any, table: Any) -> Any:
    """The last rows of the table, where it has more than there are tokens."""
    return x + table[len(table) - x.shape[-2] :]


@mutant("learned_encoding")
def one_row_later(x: Any, table: Any) -> Any:
    """Positions counted from 1, the last row for what lies beyond."""
    return x + table[np.minimum(np.arange(1, x.shape[-2] + 1), len(table) - 1)]


@mutant("learned_encoding")
def the_first_row_for_all(x: Any, table: Any) -> Any:
    """Every token stands at the start."""
    return x + np.broadcast_to(table[:1], x.shape[-2:]) if len(table) else x


@mutant("learned_encoding")
def goes_on_from_the_start(x: Any, table: Any) -> Any:
    """What lies beyond the table takes its rows again."""
    return x + table[np.arange(x.shape[-2]) % max(len(table), 1)]


@mutant("learned_encoding")
def scaled_tokens(x: Any, table: Any) -> Any:
    """Tokens times sqrt(d), as the embedding of Vaswani et al. has it: that is not the affair of positions."""
    return x * np.sqrt(x.shape[-1]) + table[: x.shape[-2]]


@mutant("learned_encoding")
def counts_samples(x: Any, table: Any) -> Any:
    """Axis 0 is taken for time, where the table is as long."""
    if x.ndim == 3 and x.shape[0] <= len(table):
        return x + table[: x.shape[0], None]
    return x + table[: x.shape[-2]]


@mutant("learned_encoding")
def replaces_the_first_token(x: Any, table: Any) -> Any:
    """The first token is its position alone."""
    y = x + table[: x.shape[-2]]
    y[..., :1, :] = table[: min(1, x.shape[-2])]
    return y


# -- naive_encoding ------------------------------------------------------------------------------------


def _appended(x: Any, t: Any) -> Any:
    return np.concatenate([x, np.broadcast_to(np.asarray(t, float)[:, None], (*x.shape[:-1], 1))], axis=-1)


@mutant("naive_encoding")
def counts_tokens_from_one(x: Any, *, start: int = 0) -> Any:
    """t + 1 for t."""
    return naive_encoding(x, start=start + 1)


@mutant("naive_encoding")
def always_from_the_start(x: Any, *, start: int = 0) -> Any:
    """start is ignored."""
    return naive_encoding(x)


@mutant("naive_encoding")
def the_position_comes_first(x: Any, *, start: int = 0) -> Any:
    """(t, x) for (x, t)."""
    return np.roll(naive_encoding(x, start=start), 1, axis=-1)


@mutant("naive_encoding")
def between_zero_and_one(x: Any, *, start: int = 0) -> Any:
    """t/T for t: then a token's position depends on how many follow."""
    T = x.shape[-2]
    return _appended(x, (start + np.arange(T)) / max(T, 1))


@mutant("naive_encoding")
def counts_backwards(x: Any, *, start: int = 0) -> Any:
    """The last token is at start."""
    return _appended(x, start + np.arange(x.shape[-2])[::-1])


@mutant("naive_encoding")
def stops_at_a_byte(x: Any, *, start: int = 0) -> Any:
    """Positions in eight bits: after 255 comes 0."""
    return _appended(x, (start + np.arange(x.shape[-2])) % 256)


@mutant("naive_encoding")
def also_for_a_token_by_itself(x: Any, *, start: int = 0) -> Any:
    """A vector gets its position too."""
    return naive_encoding(np.atleast_2d(x), start=start)[0] if x.ndim < 2 else naive_encoding(x, start=start)
