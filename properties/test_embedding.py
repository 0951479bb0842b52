"""Laws of embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.law import law
from properties.sides import wide
from properties.strategies import embeddings, patch_embeddings
from properties.strategies.cotangents import differentiated

FINITE = ("integers", "normal", "repeated", "sparse", "tiny")


def _one_hot(p: Any) -> Any:
    """A row for each index, 1 at its place."""
    return (p.i[..., None] == np.arange(p.table.shape[0])).astype(float)


@law("EMB-1", embeddings(kinds=FINITE))
def test_product_with_one_hot_vectors(f: Any, p: Any) -> Any:
    """embedding(i, table) = one_hot(i) table."""
    return f.embedding(p.i, p.table, **p.options), np.matmul(_one_hot(p), wide(p.table))


@law("EMB-2", differentiated(embeddings(kinds=FINITE)))
def test_gradient_counts_the_uses(f: Any, p: Any) -> Any:
    """The gradient of a row is the sum of the cotangents of its uses; the row of padding has none."""
    uses = np.reshape(_one_hot(p), (p.i.size, p.table.shape[0]))
    if p.padding_idx is not None:
        uses = np.where(np.arange(p.table.shape[0]) == p.padding_idx % p.table.shape[0], 0.0, uses)
    total = np.matmul(uses.T, np.reshape(wide(p.cotangent), (p.i.size, p.table.shape[1])))
    return f.gradient("embedding", p.cotangent, p.i, p.table, by="table", **p.options), total


@law("PATCH-1", patch_embeddings())
def test_convolution_whose_stride_is_its_kernel(f: Any, p: Any) -> Any:
    """patch_embedding(x, w) = convolution(x, w, stride = kernel), its positions one after another."""
    y = f.convolution(p.x, p.w, p.bias, stride=p.w.shape[2:])
    N, O = y.shape[:2]
    tokens = int(np.prod(y.shape[2:]))
    return f.patch_embedding(*p.arrays), np.swapaxes(np.reshape(y, (N, O, tokens)), 1, 2)
