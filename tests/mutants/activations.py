"""Wrong softmaxes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference import softmax
from tests.mutants.base import mutant

# -- softmax -------------------------------------------------------------------------------------------


@mutant("softmax")
def without_the_maximum(x: Any, *, axis: int = -1) -> Any:
    """The formula that lectures print: exp overflows."""
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


@mutant("softmax")
def maximum_of_everything(x: Any, *, axis: int = -1) -> Any:
    """One maximum for all rows: a row far below it is 0/0."""
    e = np.exp(x - x.max(initial=-np.inf))
    return e / e.sum(axis=axis, keepdims=True)


@mutant("softmax")
def always_the_last_axis(x: Any, *, axis: int = -1) -> Any:
    """The axis is ignored, where that can be."""
    return softmax(x, axis=-1 if x.shape[-1] else axis)


@mutant("softmax")
def always_the_first_axis(x: Any, *, axis: int = -1) -> Any:
    """The axis is taken for the batch's, where that can be."""
    return softmax(x, axis=0 if x.shape[0] else axis)


@mutant("softmax")
def without_normalisation(x: Any, *, axis: int = -1) -> Any:
    """The weights do not sum to 1."""
    return np.exp(x - x.max(axis=axis, keepdims=True))


@mutant("softmax")
def base_two(x: Any, *, axis: int = -1) -> Any:
    """Powers of two for powers of e."""
    return softmax(x * math.log(2), axis=axis)


@mutant("softmax")
def logarithm_of_it(x: Any, *, axis: int = -1) -> Any:
    """Log-softmax, under the wrong name."""
    return (
        x
        - x.max(axis=axis, keepdims=True)
        - np.log(np.exp(x - x.max(axis=axis, keepdims=True)).sum(axis, keepdims=True))
    )


@mutant("softmax")
def scaled(x: Any, *, axis: int = -1) -> Any:
    """A temperature, the root of the length, as in attention."""
    return softmax(x / math.sqrt(x.shape[axis]), axis=axis)


@mutant("softmax")
def guarded_denominator(x: Any, *, axis: int = -1) -> Any:
    """1e-8 in the denominator, against a division by zero that cannot happen."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / (e.sum(axis=axis, keepdims=True) + 1e-8)


# For each law, mutants that break its equation, and not only its bound.
REJECTS = {
    "SOFT-1 positive": ["logarithm_of_it"],
    "SOFT-1 sums_to_one": ["without_normalisation", "always_the_first_axis", "guarded_denominator"],
    "SOFT-2 shift_invariance": ["without_the_maximum", "maximum_of_everything"],
}
