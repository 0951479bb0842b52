"""The types that the references are written in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# float64 arrays, or arrays of a type that NumPy dispatches to, such as Bounded: hence Any.
Array = Any
Mask = NDArray[np.bool_]

Pair = tuple[int, int]
PerAxis = int | Sequence[int]
Padding = int | str | Sequence[int | Pair]


def per_axis(value: PerAxis, rank: int) -> tuple[int, ...]:
    """One integer for each spatial axis.

    >>> per_axis(2, 3)
    (2, 2, 2)
    """
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(values) != rank:
        raise ValueError(f"{values} has {len(values)} entries for {rank} spatial axes")
    return values


def operation(formula: Callable[..., Array]) -> Callable[..., Array]:
    """Mark a formula of one array that is differentiated through its result, as one operation.

    y' written through y is what frameworks compute, and it keeps digits that the derivatives of the steps
    lose. A type of arrays that has a say in this has a method `operation`; for others nothing changes.
    """

    @functools.wraps(formula)
    def call(x: Array, **options: Any) -> Array:
        answer = getattr(x, "operation", None)
        return answer(formula, options) if answer else formula(x, **options)

    return call


def stored(x: Array) -> Array:
    """A number of the way forward that the way back needs: it may have been stored in between."""
    keep = getattr(x, "kept", None)
    return keep() if keep else x


def stored_sum(x: Array, axis: int | tuple[int, ...]) -> Array:
    """A sum whose accumulator is what is returned, in the format of results."""
    total = getattr(x, "stored_sum", None)
    return total(axis) if total else np.sum(x, axis=axis)
