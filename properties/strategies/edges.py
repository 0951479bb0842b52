"""Problems at the edges: an array without elements, or arrays whose sides are all 1.

They are found among what a builder can write down, by leaning on each of its choices.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from hypothesis import strategies as st

from properties.strategies.problems import Pick, Problem, Problems, Spec, T, remembered

TRIES = 600  # series of choices
MOST = 16  # problems at a breadth of 1
Features = frozenset[tuple[str, Any]]


class Leaning(Pick):
    """Takes a number wherever it is offered, most of the time; otherwise any value."""

    def __init__(self, number: int, chance: random.Random) -> None:
        super().__init__(chance.randrange)
        self._number, self._chance = number, chance

    def size(self, values: Sequence[T]) -> T:
        places = [i for i, value in enumerate(values) if value is not True and value == self._number]
        if not places or self._chance.random() < 0.3:
            return super().size(values)
        self.choices.append(places[0])
        return values[places[0]]

    def option(self, name: str, values: Sequence[T], usual: T | None = None) -> T:
        self.chosen[name] = value = self.size(tuple(values))
        return value


@dataclass(frozen=True)
class Edges(Problems):
    """The edges of a builder's problems. is_empty: only those with an array that has no elements."""

    is_empty: bool = False

    def pool(self, breadth: float, seed: int) -> list[Problem]:
        """The first of a series in which every empty axis, then every option comes up early; smallest first."""
        return sorted(
            _series(self, seed)[: max(self.least, math.ceil(breadth * self.share * MOST))],
            key=lambda problem: problem.size,
        )

    def strategy(self) -> st.SearchStrategy[Problem]:
        return st.sampled_from(_series(self, 0))


def edges(problems: Problems, *, is_empty: bool = False) -> Edges:
    """The edges of problems."""
    return Edges(problems.primitive, problems.build, problems.kinds, share=problems.share, is_empty=is_empty)


@remembered
def _series(problems: Edges, seed: int) -> tuple[Problem, ...]:
    chance = random.Random(f"edges of {problems.primitive} {seed}")
    empty: dict[Features, Problem] = {}
    single: dict[Features, Problem] = {}
    for turn in range(TRIES):
        pick = Leaning(turn % 2, chance)
        problem = problems.built(pick)
        options = frozenset((name, repr(value)) for name, value in pick.chosen.items())
        shapes = {name: x.shape for name, x in problem.arrays.items() if isinstance(x, Spec)}
        if problem.is_empty:
            zeros = frozenset((name, i) for name, shape in shapes.items() for i, n in enumerate(shape) if n == 0)
            empty.setdefault(zeros | options, problem)
        elif shapes and not problems.is_empty and all(n == 1 for n in chain(*shapes.values())):
            single.setdefault(options, problem)
    turns = zip_longest(_in_order(empty), _in_order(single))
    return tuple(problem for problem in chain(*turns) if problem is not None)


def _in_order(found: dict[Features, Problem]) -> list[Problem]:
    """Those first that are empty along one axis that was not seen before; then those with the most new options."""
    series: list[Problem] = []
    seen: set[tuple[str, Any]] = set()
    left = dict(found)

    def gain(features: Features) -> tuple[bool, int, int, int]:
        new = features - seen
        return any(map(_is_side, new)), -sum(map(_is_side, features)), len(new), -left[features].size

    while left and len(series) < MOST:
        best = max(left, key=gain)
        series.append(left.pop(best))
        seen |= best
    return series


def _is_side(feature: tuple[str, Any]) -> bool:
    """Whether it is an axis, and not the value of an option."""
    return isinstance(feature[1], int)
