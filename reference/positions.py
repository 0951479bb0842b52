"""Positional encoding by sines and cosines.

    p[t, 2 i] = sin(t / base^(2 i / d))        p[t, 2 i + 1] = cos(t / base^(2 i / d))

for the position t and the pair i = 0, 1, ..., d/2 - 1 (Vaswani et al., 2017, section 3.5). Pair i turns by
one and the same angle from each position to the next, the first by one radian, later ones ever slower.
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
