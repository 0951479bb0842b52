"""Dropout.

    y[i] = x[i] / (1 - p) with probability 1 - p, else 0

so that the mean of y is x. Frameworks rescale while training, as here; without it (Jacquet, 2022,
"ConvNets: Dropout") the mean shrinks to (1 - p) x.
"""

from __future__ import annotations

import numpy as np

from reference.arrays import Array, Mask


def dropout(
    x: Array,
    *,
    p: float = 0.5,
    training: bool = True,
    key: int = 0,
    keep: Mask | None = None,
    by_product: bool = False,
) -> Array:
    """Set each element to zero with probability p, independently, and rescale the rest.

    key seeds the choice; keep makes it instead, for a judge that has read off what another generator
    chose. In evaluation the identity. by_product is a convention: what is dropped is multiplied by 0 and not
    replaced, so that a NaN or an infinity becomes NaN.

    Shapes: x of any shape -> the same shape; keep is a mask of that shape.
    Raises: ValueError if p is outside [0, 1].
    Source: Jacquet (2022), "ConvNets: Dropout", rescaled as in Srivastava et al. (2014), section 10.

    >>> dropout(np.array([1.0, 2.0, 3.0]), p=0.5, keep=np.array([True, False, True]))
    array([2., 0., 6.])
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p = {p} is no probability")
    if not training:
        return x
    if keep is None:
        keep = np.random.default_rng(key).random(np.shape(x)) >= p
    if p < 1:
        x = x / (1 - p)
    return np.where(keep, x, 0.0 * x if by_product else 0.0)
