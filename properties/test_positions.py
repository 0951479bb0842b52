"""Laws of positional encodings."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import at_most, same_bits
from properties.law import law
from properties.sides import wide
from properties.strategies import learned_encodings, naive_encodings, sinusoidal_encodings
from reference.arithmetic import FLOAT64, Bounded


def _pairs(y: Any, layout: str) -> tuple[Any, Any]:
    """The sines and the cosines of an encoding."""
    half = y.shape[-1] // 2
    return (y[..., :half], y[..., half:]) if layout == "halves" else (y[..., ::2], y[..., 1::2])


@law("POS-1", sinusoidal_encodings(offset=True))
def test_an_offset_is_a_rotation(f: Any, p: Any) -> Any:
    """p(t + k) = R(k) p(t): pair i turns by the angle of p(k), the same for all t."""
    s, c = _pairs(f.sinusoidal_encoding(p.t, **p.options), p.layout)
    s_k, c_k = _pairs(f.sinusoidal_encoding(p.k, **p.options), p.layout)
    moved = _pairs(f.sinusoidal_encoding(p.t + p.k, **p.options), p.layout)
    return moved, (s * c_k + c * s_k, c * c_k - s * s_k)


@law("POS-2", sinusoidal_encodings())
def test_length(f: Any, p: Any) -> Any:
    """sum p(t)^2 = d/2."""
    y = f.sinusoidal_encoding(p.t, **p.options)
    return np.sum(y * y, axis=-1), np.full(p.t.shape, p.d / 2)


@law("POS-3", sinusoidal_encodings(offset=True))
def test_products_depend_on_the_offset(f: Any, p: Any) -> Any:
    """<p(t), p(t + k)> = <p(0), p(k)>: it depends on k alone."""
    y, moved = f.sinusoidal_encoding(p.t, **p.options), f.sinusoidal_encoding(p.t + p.k, **p.options)
    start, step = (f.sinusoidal_encoding(z, **p.options) for z in (np.zeros(()), p.k))
    return np.sum(y * moved, axis=-1), np.broadcast_to(np.sum(start * step, axis=-1), p.t.shape)


@law("POS-4", sinusoidal_encodings())
def test_start(f: Any, p: Any) -> Any:
    """Position 0 is (0, 1, 0, 1, ...)."""
    s, c = _pairs(f.sinusoidal_encoding(np.zeros(p.t.shape), **p.options), p.layout)
    return (s, c), (np.zeros(s.shape), np.ones(c.shape))


@law("POS-5", sinusoidal_encodings(first_index=(0,), offset=True), verb=at_most)
def test_positions_differ(f: Any, p: Any) -> Any:
    """|p(t + k) - p(t)|^2 >= 4 sin(k/2)^2 > 0 for k > 0: the first pair turns by one radian a step."""
    k = p.k + 1
    apart = f.sinusoidal_encoding(p.t + k, **p.options) - f.sinusoidal_encoding(p.t, **p.options)
    chord = 2 * np.sin(wide(k) / 2)
    return np.broadcast_to(chord * chord, p.t.shape), np.sum(apart * apart, axis=-1)


@law("POS-8", sinusoidal_encodings(first_index=(1,)))
def test_pairs_are_counted_from_the_first(f: Any, p: Any) -> Any:
    """Counted from 1, pair i is what pair i + 1 is counted from 0."""
    from_one, from_zero = (
        _pairs(f.sinusoidal_encoding(p.t, **p.options | {"first_index": first}), p.layout) for first in (1, 0)
    )
    return tuple(z[..., :-1] for z in from_one), tuple(z[..., 1:] for z in from_zero)


FAR = ("wide", "offset")


@law("POS-6", sinusoidal_encodings(first_index=(0,), kinds=FAR))
def test_far_positions_stay_accurate(f: Any, p: Any) -> Any:
    """The first pair is (sin t, cos t), however large t is: its frequency is 1, without an error that t multiplies."""
    s, c = _pairs(f.sinusoidal_encoding(p.t, **p.options), p.layout)
    return (s[..., 0], c[..., 0]), (np.sin(wide(p.t)), np.cos(wide(p.t)))


@law("POS-7", sinusoidal_encodings())
def test_period(f: Any, p: Any) -> Any:
    """Pair i has the period 2 pi base^(2 i / d)."""
    pairs = np.arange(p.d // 2)
    lengths = 2 * np.pi * p.base ** (2 * (pairs + p.first_index) / p.d)
    periods = Bounded(lengths, 8 * FLOAT64.u * lengths, p.t.arithmetic)  # no format has 2 pi
    s, c = _pairs(f.sinusoidal_encoding(p.t, **p.options), p.layout)
    later = _pairs(f.sinusoidal_encoding(np.expand_dims(p.t, -1) + periods, **p.options), p.layout)
    return tuple(z[..., pairs, pairs] for z in later), (s, c)


# -- a table, and a number -----------------------------------------------------------------------------


@law("POS-9", learned_encodings())
def test_rows_are_added(f: Any, p: Any) -> Any:
    """learned_encoding(x, P) = x + P, row by row; what lies beyond the last token has no say."""
    T = p.x.shape[-2]
    return f.learned_encoding(p.x, p.table), wide(p.x) + wide(p.table)[:T]


@law("POS-9", learned_encodings(), verb=same_bits)
def test_a_prefix_is_enough(f: Any, p: Any) -> Any:
    """The first tokens get what they get alone: a position has its row, whatever the length."""
    t = (p.x.shape[-2] + 1) // 2
    return f.learned_encoding(p.x[..., :t, :], p.table), f.learned_encoding(p.x, p.table)[..., :t, :]


@law("POS-10", naive_encodings())
def test_the_position_is_appended(f: Any, p: Any) -> Any:
    """naive_encoding(x) = (x, t), with t = start, start + 1, ..."""
    y = f.naive_encoding(p.x, **p.options)
    t = np.arange(p.start, p.start + p.x.shape[-2], dtype=float)
    return (y[..., :-1], y[..., -1]), (wide(p.x), np.broadcast_to(t, p.x.shape[:-1]))


@law("POS-10", naive_encodings(), verb=same_bits)
def test_what_follows_starts_later(f: Any, p: Any) -> Any:
    """The last tokens of a sequence = these tokens alone, that start so much later."""
    t = p.x.shape[-2] // 2
    alone = f.naive_encoding(p.x[..., t:, :], start=p.start + t)
    return alone, f.naive_encoding(p.x, **p.options)[..., t:, :]
