"""Laws of the softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import at_most
from properties.law import law
from properties.strategies import softmaxes


@law("SOFT-1", softmaxes(), verb=at_most)
def test_positive(f: Any, p: Any) -> Any:
    """0 <= softmax(x)."""
    y = f.softmax(p.x, **p.options)
    return np.zeros(y.shape), y


@law("SOFT-1", softmaxes())
def test_sums_to_one(f: Any, p: Any) -> Any:
    """sum softmax(x) = 1."""
    total = np.sum(f.softmax(p.x, **p.options), axis=p.axis)
    return total, np.ones(total.shape)


@law("SOFT-2", softmaxes(shift=True))
def test_shift_invariance(f: Any, p: Any) -> Any:
    """softmax(x + c) = softmax(x)."""
    return f.softmax(p.x + p.c, **p.options), f.softmax(p.x, **p.options)
