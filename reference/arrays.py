"""The types that the references are written in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# float64 arrays, or arrays of a type that NumPy dispatches to, such as Bounded: hence Any.
Array = Any
Mask = NDArray[np.bool_]
Indices = NDArray[np.int_]  # of classes, or of the rows of a table

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


def holds_integers(x: Array) -> bool:
    """Whether an array holds integers, as classes are; an array of the bounds never does.

    >>> holds_integers(np.array([1, 2])), holds_integers(np.array([1.0, 2.0]))
    (True, False)
    """
    return isinstance(x, np.ndarray) and x.dtype.kind in "iu"
