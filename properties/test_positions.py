"""Laws of positional encodings."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import at_most
from properties.law import law
from properties.sides import wide
from properties.strategies import sinusoidal_encodings


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
