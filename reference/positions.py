"""Positions: an encoding that tells tokens apart by where they stand.

A number that grows with the position can be appended (naive), a vector for each position can be learned and
added, or a vector of sines and cosines:

    p[t, 2 i] = sin(t / base^(2 i / d))        p[t, 2 i + 1] = cos(t / base^(2 i / d))

for the position t and the pair i = 0, 1, ..., d/2 - 1 (Vaswani et al., 2017, section 3.5). Pair i turns by
one and the same angle from each position to the next, the first by one radian, later ones ever slower.
Hence p[t + k] follows from p[t] by a rotation that depends on k alone.
"""

from __future__ import annotations

import numpy as np

from reference.arrays import Array


def sinusoidal_encoding(
    t: Array, *, d: int, base: float = 10000.0, first_index: int = 0, layout: str = "interleaved"
) -> Array:
    """Write every position as d/2 pairs of a sine and a cosine.

    Conventions: the pairs are counted from first_index, 0 in Vaswani et al. and 1 in Gong; they lie
    "interleaved", or in "halves", all sines before all cosines. The power is formed as exp(e log base),
    as frameworks form it; its bound has room for base^e as well.

    Shapes: t (*T), whole numbers -> (*T, d).
    Raises: ValueError if d is no positive even number, base is not positive, or for an unknown layout.
    Source: Vaswani et al. (2017), section 3.5; Gong, "Positional encoding: sin/cos".

    >>> sinusoidal_encoding(np.array([0.0, np.pi]), d=2).round(3)
    array([[ 0.,  1.],
           [ 0., -1.]])
    """
    if d < 2 or d % 2:
        raise ValueError(f"d = {d} is no number of pairs")
    if base <= 0:
        raise ValueError(f"base = {base} has no logarithm")
    if layout not in ("interleaved", "halves"):
        raise ValueError(f'layout "{layout}" is none of "interleaved", "halves"')
    i = np.arange(first_index, first_index + d // 2, like=t)  # numbers of t's type, so that what follows is charged
    angle = np.expand_dims(t, -1) / np.exp(2 * i / d * np.log(np.asarray(base, like=t)))
    pairs = np.sin(angle), np.cos(angle)
    if layout == "halves":
        return np.concatenate(pairs, axis=-1)
    return np.reshape(np.stack(pairs, axis=-1), (*np.shape(t), d))


def learned_encoding(x: Array, table: Array) -> Array:
    """Add to each token the row of a table that belongs to its position.

        y[t] = x[t] + p[t]        p = table

    The table ends: of what lies beyond its last row nothing has been learned.

    Shapes: x (*N, T, d), table (T_max, d) -> (*N, T, d).
    Raises: ValueError if there are more tokens than rows, or these have another width.
    Source: Gong, "Positional encoding: learned", where the table is P in R^(d x T), its columns are rows here.

    >>> learned_encoding(np.array([[1.0], [1.0]]), np.array([[10.0], [20.0], [30.0]]))
    array([[11.],
           [21.]])
    """
    T, d = x.shape[-2:]
    if table.ndim != 2 or T > table.shape[0] or d != table.shape[1]:
        raise ValueError(f"a table {table.shape} has no row for each of the tokens {x.shape}")
    return x + table[:T]


def naive_encoding(x: Array, *, start: int = 0) -> Array:
    """Append its position to each token.

        y[t] = (x[t], start + t)

    Absolute: two tokens as far from each other are as different as their positions, wherever they stand, but
    a product with them grows with t. The formats are finite too: bfloat16 has no 257.

    Shapes: x (*N, T, d) -> (*N, T, d + 1).
    Raises: ValueError if x has no axis of tokens.
    Source: Gong, "Positional encoding: sin/cos", naive encoding.

    >>> naive_encoding(np.array([[5.0], [6.0]]))
    array([[5., 0.],
           [6., 1.]])
    """
    if x.ndim < 2:
        raise ValueError(f"a token of shape {x.shape} by itself has no position")
    t = np.expand_dims(np.arange(start, start + x.shape[-2], like=x), -1)
    return np.concatenate([x, np.broadcast_to(t, (*x.shape[:-1], 1))], axis=-1)
