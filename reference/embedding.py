"""Embeddings: a vector for each word, and for each patch of an image.

    y[n] = table[i[n]]                                              the row of a word
    y[t, o] = b[o] + sum over c, k of  w[o, c, k] x[c, P t + k]     a dense layer of each patch

for the index i[n] of a word in its vocabulary, which is a product with a one-hot vector (Jacquet, 2022,
"ConvNets for text: embedding"), and for patches of P numbers along each spatial axis.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from reference.arithmetic.marks import detached
from reference.arrays import Array, Indices
from reference.dense import dense


def embedding(i: Indices, table: Array, *, padding_idx: int | None = None) -> Array:
    """Look up a row of the table for every index.

    padding_idx: the row that stands for nothing, counted from the end if it is negative. It is looked up like any
    other, and gets no gradient; its numbers are the user's choice, zeros most often.

    Shapes: i (*N), integers, table (V, d) -> (*N, d).
    Raises: ValueError if the table has not two axes, or an index or padding_idx is none of its rows.
    Source: Jacquet (2022), "ConvNets for text: embedding".

    >>> embedding(np.array([2, 0, 2]), np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]]))
    array([[3., 4.],
           [1., 0.],
           [3., 4.]])
    """
    if np.ndim(table) != 2:
        raise ValueError(f"a table has rows and columns, not the shape {np.shape(table)}")
    V = np.shape(table)[0]
    if np.any((i < 0) | (i >= V)) or not (padding_idx is None or -V <= padding_idx < V):
        raise ValueError(f"an index is none of the {V} rows")
    y = table[i]
    return y if padding_idx is None else np.where((i == padding_idx % V)[..., None], detached(y), y)


def patch_embedding(x: Array, w: Array, bias: Array | None = None) -> Array:
    """Cut an image into patches, and make a token of each by one dense layer.

    The patches do not overlap, and are as large as the weights; they follow each other row by row.

    Shapes: x (N, C, *S), w (O, C, *P), bias (O,) -> (N, T, O) for T = product of S/P tokens.
    Raises: ValueError if P does not divide S, or the other shapes do not match.
    Source: Dosovitskiy et al. (2021), section 3.1; Gong, "Vision Transformer (ViT)".

    >>> patch_embedding(np.arange(4.0).reshape(1, 1, 4), np.array([[[1.0, 10.0]]]))
    array([[[10.],
            [32.]]])
    """
    (N, C, *S), (O, *_), P = np.shape(x), np.shape(w), np.shape(w)[2:]
    if np.ndim(w) != np.ndim(x) or np.shape(w)[1] != C or 0 in P or any(s % p for s, p in zip(S, P, strict=True)):
        raise ValueError(f"patches {np.shape(w)} do not tile images {np.shape(x)}")
    rank, counts = len(S), [s // p for s, p in zip(S, P, strict=True)]
    cut = np.reshape(x, (N, C, *itertools.chain(*zip(counts, P, strict=True))))  # (N, C, S/P, P, S/P, P, ...)
    order = (0, *range(2, 2 + 2 * rank, 2), 1, *range(3, 3 + 2 * rank, 2))
    patches = np.reshape(np.transpose(cut, order), (N, math.prod(counts), C * math.prod(P)))
    return dense(patches, np.reshape(w, (O, C * math.prod(P))), bias)
