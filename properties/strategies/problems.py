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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


@dataclass(frozen=True)
class Spec:
    """What an array of a problem looks like.

    nonnegative: its numbers are, as those of a variance. whole: they are integers besides, as positions,
    and small enough that the format holds the sum of two. moderate: they keep to ordinary sizes in every
    kind, as those of scores, whose exponential decides nothing once their rounding exceeds 1. scale: what
    they are multiplied by, a power of two, since weights are small where many products follow. mask:
    "boolean", true where something is open, or "additive", -inf where it is closed; then the last axis is
    open at `always` in every row, unless some rows are `closed` wholly.
    open at `always` in every row. among: what it is drawn from, if it holds no numbers of a format but
    integers, as classes and indices are; the simplest comes first.
    """

    shape: tuple[int, ...]
    nonnegative: bool = False
    whole: bool = False
    moderate: bool = False
    scale: float = 1.0
    mask: str = ""
    always: int = 0
    closed: bool = False
    among: tuple[int, ...] = ()

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

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Hypothesis writes every example out, also where nobody reads it."""
        printer.text(f"<a problem of {self.primitive}>")

    @property
    def is_empty(self) -> bool:
        """Whether some array has no numbers."""
        return any(isinstance(x, Spec) and not x.size for x in self.arrays.values())

    @property
    def size(self) -> int:
        """How many numbers a call takes."""
        return sum(
            x.size if isinstance(x, Spec) else x is not None for x in (*self.arrays.values(), *self.extras.values())
        )


def has_numbers(problem: Problem) -> bool:
    """Whether no array is empty."""
    return not problem.is_empty


class Pick:
    """Makes the choices of one problem. option() names what a user would set; size() is any other."""

    def __init__(self, choose: Callable[[int], int], forced: Mapping[str, Any] | None = None) -> None:
        self._choose = choose  # given the number of values, the index of one
        self._forced = forced or {}
        self.choices: list[int] = []
        self.offered: dict[str, tuple[Any, ...]] = {}
        self.usual: dict[str, Any] = {}
        self.chosen: dict[str, Any] = {}

    def option(self, name: str, values: Sequence[T], usual: T | None = None) -> T:
        """One of the values; usual is what a pool keeps while it varies the others, if not the first."""
        values = tuple(values)
        self.offered[name] = values
        self.usual[name] = usual if usual in values else values[0]
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

    def per_axis(self, name: str, values: Sequence[int | str], rank: int) -> tuple[int, ...]:
        """An option that is one number for all axes, or, where the value is a word, one for each."""
        value = self.option(name, values)
        return self.sizes((1, 2, 3), rank) if isinstance(value, str) else (value,) * rank


Builder = Callable[[Pick], Problem]


@dataclass(frozen=True)
class Problems:
    """All problems that a builder can write down.

    kinds: of data that a law is restricted to; None: all. wanted: which problems a check has something to say
    about; None: all. share: of the problems of others, where each costs as much as several of theirs.
    """

    primitive: str
    build: Builder
    kinds: tuple[str, ...] | None = None
    wanted: Callable[[Problem], bool] | None = None
    share: float = 1.0

    @property
    def least(self) -> int:
        """How many problems a lane picks out, since a backend may refuse some."""
        return max(1, round(LEAST * self.share))

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

        return problems() if self.wanted is None else problems().filter(self.wanted)

    def pool(self, breadth: float, seed: int) -> list[Problem]:
        """The first problems of a covering series, smallest first.

        The series begins with every option at its default, then each option's other values one at a
        time, then whatever covers the most pairs of values that were not yet seen together. A breadth
        of 1 goes FURTHER problems beyond one at a time. Those that are not wanted are passed over.
        """
        breadth *= self.share
        series = _covering(replace(self, wanted=None, kinds=None), breadth, seed)
        if self.wanted is not None:
            series = _wanted(self, max(len(series), self.least), breadth, seed)
        return sorted(series, key=lambda problem: problem.size)


_memories: list[Any] = []  # of pools


def remembered(function: Callable[..., T]) -> Callable[..., T]:
    """Compute each pool once, until pools are forgotten."""
    cached = functools.cache(function)
    _memories.append(cached)
    return cached


def forget_pools() -> None:
    """Give back the memory of every pool; who goes from seed to seed calls this in between."""
    for cached in _memories:
        cached.cache_clear()


FURTHER = 16
LEAST = 3
CANDIDATES = 24  # drawn for each place in the pool that pairs of values compete for

Pair = tuple[tuple[str, Any], tuple[str, Any]]


@remembered
def _covering(problems: Problems, breadth: float, seed: int) -> tuple[Problem, ...]:
    chance = random.Random(f"{problems.primitive} {seed}")
    series: list[Problem] = []
    together: set[Pair] = set()

    def build(forced: Mapping[str, Any]) -> tuple[Problem, Pick]:
        pick = Pick(chance.randrange, forced)
        return problems.built(pick), pick

    def varied(**others: Any) -> tuple[Problem, Pick]:
        """The usual values but for some; twice, because what is offered depends on what is chosen."""
        _, pick = build(others)
        return build(pick.usual | others)

    def covered(problem: Problem, pick: Pick) -> set[Pair]:
        """The pairs of values that a problem tries together; one without numbers tries nothing."""
        return set() if problem.is_empty else set(_pairs(pick.chosen.items()))

    def keep(problem: Problem, pick: Pick) -> None:
        series.append(problem)
        together.update(covered(problem, pick))

    first, pick = varied()
    for _ in range(CANDIDATES):  # the usual one has numbers, so that the shortest series judges something
        if first.is_empty:
            first, pick = varied()
    keep(first, pick)
    values = {name: [value for value in values if value != pick.usual[name]] for name, values in pick.offered.items()}
    n = math.ceil(breadth * (1 + sum(map(len, values.values())) + FURTHER))
    for turn in itertools.zip_longest(*([(name, value) for value in others] for name, others in values.items())):
        for name, value in filter(None, turn):
            if len(series) < n:
                keep(*varied(**{name: value}))
    every = [(name, value) for name, others in pick.offered.items() for value in others]
    apart = [pair for pair in _pairs(every) if pair[0][0] != pair[1][0]]
    while len(series) < n:
        apart = [pair for pair in apart if pair not in together]
        asked = [chance.choice(apart) if apart else () for _ in range(CANDIDATES)]
        candidates = [build(dict(pair)) for pair in asked]
        keep(*max(candidates, key=lambda candidate: len(covered(*candidate) - together)))
        # A pair that was asked for and did not come cannot be had, or not with numbers.
        tried = {pair for pair, candidate in zip(asked, candidates, strict=True) if pair not in covered(*candidate)}
        apart = [pair for pair in apart if pair not in tried]
    return tuple(series)


@remembered
def _wanted(problems: Problems, n: int, breadth: float, seed: int) -> tuple[Problem, ...]:
    """The first n problems of the series that are wanted, or what there is of them in a long one."""
    assert problems.wanted is not None
    every = replace(problems, wanted=None, kinds=None)
    found: tuple[Problem, ...] = ()
    for further in (1, 4, 16, max(64, 1 / breadth)):
        found = tuple(filter(problems.wanted, _covering(every, further * breadth, seed)))[:n]
        if len(found) == n:
            break
    return found


def _pairs(values: Iterable[tuple[str, Any]]) -> list[Pair]:
    """Every two of the values, in a fixed order."""
    return list(itertools.combinations(values, 2))
