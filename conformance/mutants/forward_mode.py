"""Wrong forward modes of right results and right gradients.

Each takes the right tangent of the result, and the call with its tangents, and returns what somebody's forward mode
would give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import reference
from conformance.cases import CASES
from conformance.mutants.base import mutant
from reference.arithmetic import pushed_forward
from reference.arrays import per_axis


@dataclass(frozen=True)
class Push:
    """A call of a primitive, with the tangents of the arrays wanted."""

    primitive: str
    arrays: Sequence[Any]
    options: dict[str, Any]
    tangents: Sequence[Any]
    wanted: Sequence[int]

    def result(self, *arrays: Any, **options: Any) -> Any:
        """The primitive itself, with some options changed."""
        return reference.PRIMITIVES[self.primitive](*arrays, **self.options | options)

    def of(self, tangents: Sequence[Any]) -> Any:
        """The right tangent of the result, for other tangents."""
        return pushed_forward(self.result, self.arrays, {}, tangents, self.wanted)


Wrong = Callable[[Any, Push], Any]


def jvp_mutant(*primitives: str) -> Callable[[Wrong], Wrong]:
    """Register a wrong forward mode, for each of the primitives."""

    def register(wrong: Wrong) -> Wrong:
        for primitive in primitives:
            mutant(primitive, replaces="jvp")(_adapted(wrong, primitive))
        return wrong

    return register


def _adapted(wrong: Wrong, primitive: str) -> Callable[..., Any]:
    """What an adapter has as its `jvp`."""

    def jvp(function: Callable[..., Any], wanted: tuple[int, ...]) -> Callable[..., Any]:
        def pushed(tangents: Sequence[Any], *arrays: Any, **options: Any) -> Any:
            p = Push(primitive, arrays, options, tangents, wanted)
            return wrong(p.of(tangents), p)

        return pushed

    jvp.__name__, jvp.__doc__ = f"jvp_{wrong.__name__}", wrong.__doc__
    return jvp


PUSHED = tuple(case.primitive for case in CASES if case.exact and case.differentiable != ())


@jvp_mutant(*PUSHED)
def of_the_neighbour(right: Any, p: Push) -> Any:
    """Each number gets the tangent of the one before it, plus its own."""
    return right + np.roll(right, 1)


@jvp_mutant(
    "convolution",
    "transposed_convolution",
    "true_convolution",
    "toeplitz",
    "dense",
    "feed_forward",
    "residual",
    "patch_embedding",
    "learned_encoding",
)
def of_the_last_array_forgotten(right: Any, p: Push) -> Any:
    """The tangent of the bias, or of whatever comes last, does not count."""
    *others, last = p.tangents
    return p.of([*others, np.zeros_like(last)])


@jvp_mutant("sum_pool", "max_pool")
def a_step_aside_with_a_stride(right: Any, p: Push) -> Any:
    """With a stride above 1 the windows of the tangent begin one element late."""
    rank = p.arrays[0].ndim - 2
    stride = p.options.get("stride") or p.options["kernel"]
    return p.of([np.roll(p.tangents[0], -1, axis=-1)]) if max(per_axis(stride, rank)) > 1 else right


@jvp_mutant("max_pool", "global_max_pool", "adaptive_max_pool", "relu")
def largest_of_the_tangents(right: Any, p: Push) -> Any:
    """The function is applied to the tangents, as if it were linear."""
    return p.result(p.tangents[0])


@jvp_mutant("pad")
def padded_with_the_value(right: Any, p: Push) -> Any:
    """The tangent is padded with the number that pads the values."""
    return p.result(p.tangents[0])


@jvp_mutant("embedding")
def padding_has_a_tangent(right: Any, p: Push) -> Any:
    """The row of padding is looked up in the tangent as any other."""
    return p.result(p.arrays[0], p.tangents[0], padding_idx=None)
