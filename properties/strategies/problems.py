"""Problems: the shapes and options of a call, and where they come from.

A builder writes a problem down as a series of choices from short lists, each with the simplest value
first, valid by construction. The same builder gives a Hypothesis strategy, a pool of problems that covers
the options, and smaller problems for the minimiser: they differ only in who chooses.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


@dataclass(frozen=True)
class Spec:
    """What an array of a problem looks like. nonnegative: its numbers are, as those of a variance."""

    shape: tuple[int, ...]
    nonnegative: bool = False

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Problem:
    """The shapes and options of one call.

    arrays: for each parameter a Spec, an integer or None, in the reference's order. extras: what a law
    needs besides, such as a shift. choices: how the builder came here.
    """

    primitive: str
    arrays: Mapping[str, Spec | int | None]
    options: Mapping[str, Any]
    extras: Mapping[str, Any] = field(default_factory=dict)
    choices: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """How many numbers a call takes."""
        return sum(
            x.size if isinstance(x, Spec) else x is not None for x in (*self.arrays.values(), *self.extras.values())
        )


class Pick:
    """Makes the choices of one problem. option() names what a user would set; size() is any other."""

    def __init__(self, choose: Callable[[int], int], forced: Mapping[str, Any] | None = None) -> None:
        self._choose = choose  # given the number of values, the index of one
        self._forced = forced or {}
        self.choices: list[int] = []
        self.offered: dict[str, tuple[Any, ...]] = {}
        self.chosen: dict[str, Any] = {}

    def option(self, name: str, values: Sequence[T]) -> T:
        values = tuple(values)
        self.offered[name] = values
        if name in self._forced and self._forced[name] in values:
            self.choices.append(values.index(self._forced[name]))
        else:
            self.choices.append(self._choose(len(values)))
        self.chosen[name] = values[self.choices[-1]]
        return values[self.choices[-1]]

    def size(self, values: Sequence[T]) -> T:
        self.choices.append(self._choose(len(values)))
        return values[self.choices[-1]]

    def sizes(self, values: Sequence[T], n: int) -> tuple[T, ...]:
        return tuple(self.size(values) for _ in range(n))


Builder = Callable[[Pick], Problem]


@dataclass(frozen=True)
class Problems:
    """All problems that a builder can write down."""

    primitive: str
    build: Builder
    kinds: tuple[str, ...] | None = None  # of data that a law is restricted to; None: all

    def built(self, pick: Pick) -> Problem:
        problem = self.build(pick)
        return Problem(problem.primitive, problem.arrays, problem.options, problem.extras, tuple(pick.choices))

    def replayed(self, choices: Sequence[int]) -> Problem:
        """The problem that a series of choices leads to; a choice beyond its list takes the last value."""
        remaining = iter(choices)
        return self.built(Pick(lambda n: min(next(remaining, 0), n - 1)))

    def strategy(self) -> st.SearchStrategy[Problem]:
        """Any problem; shrinks towards the first value of every list."""

        @st.composite
        def problems(draw: st.DrawFn) -> Problem:
            return self.built(Pick(lambda n: draw(st.integers(0, n - 1))))

        return problems()

    def pool(self, n: int, seed: int) -> list[Problem]:
        """The first n problems of a covering series, smallest first.

        The series begins with every option at its default, then each option's other values one at a
        time, then whatever covers the most pairs of values that were not yet seen together.
        """
        return sorted(_covering(self, n, seed), key=lambda problem: problem.size)


CANDIDATES = 24  # drawn for each place in the pool that pairs of options compete for


@functools.cache
def _covering(problems: Problems, n: int, seed: int) -> tuple[Problem, ...]:
    chance = random.Random(f"{problems.primitive} {seed}")
    series: list[Problem] = []
    known: set[frozenset[tuple[str, str]]] = set()

    def build(forced: Mapping[str, Any], default: bool) -> tuple[Problem, Pick]:
        pick = Pick(chance.randrange, forced)
        problem = problems.built(pick)
        if default:  # what was not forced to a value takes its first
            firsts = {name: values[0] for name, values in pick.offered.items()} | dict(forced)
            pick = Pick(chance.randrange, firsts)
            problem = problems.built(pick)
        return problem, pick

    def pairs(pick: Pick) -> set[frozenset[tuple[str, str]]]:
        values = [(name, repr(value)) for name, value in pick.chosen.items()]
        return {frozenset(pair) for pair in itertools.combinations(values, 2)}

    def keep(problem: Problem, pick: Pick) -> None:
        series.append(problem)
        known.update(pairs(pick))

    first, pick = build({}, default=True)
    keep(first, pick)
    offered = pick.offered
    others = [[(name, value) for value in values[1:]] for name, values in offered.items()]
    for round_ in itertools.zip_longest(*others):  # every option's second value, then its third, ...
        for name, value in filter(None, round_):
            if len(series) < n:
                keep(*build({name: value}, default=True))
    while len(series) < n:
        candidates = [build({}, default=False) for _ in range(CANDIDATES)]
        keep(*max(candidates, key=lambda candidate: len(pairs(candidate[1]) - known)))
    return tuple(series)
