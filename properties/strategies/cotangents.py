"""Problems of gradients: those of a primitive, with a cotangent of the shape of its first result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import reference
from properties.strategies.problems import Pick, Problem, Problems, Spec, has_numbers, remembered


@dataclass(frozen=True)
class Differentiated(Problems):
    """The problems of a primitive, each with the extra array `cotangent`.

    has_tangents: and with one array more for each that holds numbers, `tangent_x` for x.
    The pool has none with a result that is minus infinity whatever the numbers, as the maximum over nothing
    is: that has no derivative.
    """

    has_tangents: bool = False

    def built(self, pick: Pick) -> Problem:
        return self.extended(super().built(pick))

    def extended(self, problem: Problem) -> Problem:
        """The problem with what its derivatives are taken of besides."""
        specs = {name: x for name, x in problem.arrays.items() if isinstance(x, Spec) and _holds_numbers(x)}
        tangents = {f"tangent_{name}": Spec(x.shape) for name, x in specs.items() if self.has_tangents}
        return replace(problem, extras={**problem.extras, "cotangent": Spec(np.shape(_on_zeros(problem))), **tangents})

    def pool(self, breadth: float, seed: int) -> list[Problem]:
        """The pool of the primitive itself: shapes that a backend has compiled once serve again."""
        return list(_pool(self, breadth, seed))


def differentiated(problems: Problems, *, has_tangents: bool = False) -> Problems:
    """The problems of a primitive, for its gradient, and with tangents for forward mode too."""
    fields = problems.primitive, problems.build, problems.kinds, problems.wanted, problems.share
    return Differentiated(*fields, has_tangents)


@remembered
def _pool(problems: Differentiated, breadth: float, seed: int) -> tuple[Problem, ...]:
    own = Problems(problems.primitive, problems.build, problems.kinds, problems.wanted, problems.share)
    pool = own.pool(breadth, seed)
    if sum(map(has_numbers, pool)) < problems.least:  # the shortest pools
        pool += [p for p in replace(own, wanted=has_numbers).pool(breadth, seed) if p not in pool]
    return tuple(problems.extended(p) for p in pool if not np.isneginf(_on_zeros(p)).any())


def _holds_numbers(spec: Spec) -> bool:
    return not spec.among and spec.mask != "boolean"


def _on_zeros(problem: Problem) -> Any:
    """The first result of the reference on zeros."""
    arrays = [_zeros(x) if isinstance(x, Spec) else x for x in problem.arrays.values()]
    options: Mapping[str, Any] = problem.options
    with np.errstate(all="ignore"):
        y = reference.PRIMITIVES[problem.primitive](*arrays, **options)
    return y[0] if isinstance(y, tuple) else y


def _zeros(spec: Spec) -> Any:
    if spec.among:
        return np.full(spec.shape, spec.among[0])
    return np.ones(spec.shape, bool) if spec.mask == "boolean" else np.zeros(spec.shape)
