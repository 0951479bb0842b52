"""Marks: how a formula tells arrays that trace it what is one operation, what is stored, and what is written down.

For plain arrays they change nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any


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


def with_gradient(gradient: Callable[..., Sequence[Array | None]]) -> Callable[..., Callable[..., Array]]:
    """Mark a formula whose gradient implementations write down, instead of sweeping back through its steps.

    gradient: of the cotangent and all that the formula takes; one result for each array, None where it has
    no say. A type of arrays that sweeps back has a method `written`; for others nothing changes.
    """

    def mark(formula: Callable[..., Array]) -> Callable[..., Array]:
        @functools.wraps(formula)
        def call(*arrays: Any, **options: Any) -> Array:
            answer = next((x.written for x in arrays if hasattr(x, "written")), None)
            return answer(formula, gradient, arrays, options) if answer else formula(*arrays, **options)

        return call

    return mark


def stored(x: Array) -> Array:
    """A number of the way forward that the way back needs: it may have been stored in between."""
    keep = getattr(x, "kept", None)
    return keep() if keep else x


def lost(x: Array) -> Array:
    """Nothing: 0, in bounds give or take what a number loses where it is rounded to a subnormal one."""
    below = getattr(x, "lost", None)
    return below() if below else 0.0


def stored_sum(x: Array, axis: int | tuple[int, ...]) -> Array:
    """A sum whose accumulator is what is returned, in the format of results."""
    total = getattr(x, "stored_sum", None)
    return total(axis) if total else np.sum(x, axis=axis)


def detached(x: Array) -> Array:
    """The same numbers, to which no gradient flows. A type of arrays that sweeps back has a method `detached`."""
    alone = getattr(x, "detached", None)
    return alone() if alone else x
