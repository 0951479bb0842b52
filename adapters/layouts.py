"""Layouts of memory: the same numbers, in the same shape, in other places.

An adapter with arrays of its own may have `layouts`, a function of a native array for each name. Without
them its boundary, or its functions, get the views of NumPy that are here. Between the numbers of a view
lie NaN, and between integers one that means nothing, so that reading them shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def every_second_element(x: Array) -> Array:
    """Every second place along each axis of a larger array."""
    around = np.full([2 * n for n in x.shape], _beside(x), x.dtype)
    view: Array = around[_steps(x, 2)]
    view[...] = x
    return view


def transposed(x: Array) -> Array:
    """The first axis is the one whose elements are neighbours."""
    return x.copy(order="F")


def reversed_axes(x: Array) -> Array:
    """Every axis is stored backwards: its stride is negative."""
    backwards = _steps(x, -1)
    return np.asarray(x[backwards].copy()[backwards])


def channels_last(x: Array) -> Array:
    """The second axis is the one whose elements are neighbours."""
    return x if x.ndim < 3 else np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)


def from_the_second_element(x: Array) -> Array:
    """It begins one element into its memory, so it is not aligned to a vector register."""
    around = np.full(x.size + 1, _beside(x), x.dtype)
    view = around[1:].reshape(x.shape)
    view[...] = x
    return view


def _beside(x: Array) -> float:
    return np.iinfo(x.dtype).max if x.dtype.kind in "iu" else np.nan


def _steps(x: Array, step: int) -> Any:
    """An index that takes steps along every axis; a number stays an array."""
    return (*[slice(None, None, step)] * x.ndim, ...)


VIEWS = {
    "every second element": every_second_element,
    "transposed": transposed,
    "reversed": reversed_axes,
    "channels last": channels_last,
    "from the second element": from_the_second_element,
}
