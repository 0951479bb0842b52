"""From a failing draw to a small one: fewer and simpler choices, then fewer and simpler numbers.

The search is deterministic and greedy: a simpler draw is kept if the same check fails on it in the same
way. It may leave the pool and the kind of data that the failure was found with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from properties.agreement import Failure
from properties.strategies.draws import Draw, draw
from properties.strategies.problems import Problem, Problems, Spec

BUDGET = 600  # trials of simpler draws
SMALL = 64  # numbers; only arrays up to this size are simplified one by one


class _Search:
    def __init__(self, fails: Callable[[Draw], Failure | None], failure: Failure) -> None:
        self._fails, self._kind = fails, type(failure)
        self.best: Draw = failure.draw
        self.failure = failure
        self._left = BUDGET

    def accepts(self, simpler: Draw) -> bool:
        """Try a simpler draw; keep it if it fails in the same way, and, if it is invalid, for the same reason."""
        if self._left <= 0 or simpler.extras.get("wrong") != self.best.extras.get("wrong"):
            return False
        self._left -= 1
        failure = self._fails(simpler)
        if failure is None or type(failure) is not self._kind:
            return False
        self.best, self.failure = simpler, failure
        return True


def minimised(problems: Problems, fails: Callable[[Draw], Failure | None], failure: Failure) -> Failure:
    """The failure on the simplest draw that was found, which it carries."""
    search = _Search(fails, failure)
    _simplify_choices(problems, search)
    _simplify_numbers(search)
    search.failure.draw = search.best
    return search.failure


def _simplify_choices(problems: Problems, search: _Search) -> None:
    """Lower one choice at a time, each time with a few sets of simple numbers."""
    improved = True
    while improved:
        improved = False
        for position in range(len(search.best.problem.choices)):
            choices = search.best.problem.choices
            if position >= len(choices) or not choices[position]:
                continue
            for lower in sorted({0, choices[position] // 2, choices[position] - 1}):
                problem = problems.replayed((*choices[:position], lower, *choices[position + 1 :]))
                if problem.choices < choices and any(map(search.accepts, _fills(problem, search.best))):
                    improved = True
                    break


def _fills(problem: Problem, like: Draw) -> Iterator[Draw]:
    """Numbers to try a simpler problem with: some that make no rounding error, some that do, the same kind."""
    for kind, seeds in {"integers": 2, "normal": 4, like.kind: 4}.items():
        for seed in range(seeds):
            yield draw(problem, kind, like.format, (seed,))


def _simplify_numbers(search: _Search) -> None:
    names = [name for name, x in {**search.best.arrays, **search.best.extras}.items() if isinstance(x, np.ndarray)]
    given = {**search.best.problem.arrays, **search.best.problem.extras}
    specs = {name: x if isinstance(x := given[name], Spec) else Spec(()) for name in names}
    for name in names:
        if among := specs[name].among:
            search.accepts(search.best.with_arrays(**{name: np.full_like(_array(search.best, name), among[0])}))
            continue
        for whole in (np.zeros_like, np.ones_like):
            if whole is np.zeros_like and _array(search.best, name).dtype == bool:
                continue  # a mask becomes simpler where it is open
            if search.accepts(search.best.with_arrays(**{name: whole(_array(search.best, name))})):
                break
    for name in names:
        spec = specs[name]
        least = 0.0 if spec.nonnegative or spec.whole else -1.0
        for i in range(_array(search.best, name).size):
            x = _array(search.best, name)
            if x.size > SMALL:
                break
            number = float(x.flat[i])
            simple: tuple[float, ...] = (0.0, 1.0, -1.0, 2.0, float(np.rint(number)), _rounded(number))
            simple = (1.0,) if x.dtype == bool else spec.among or simple
            for value in dict.fromkeys(simple):
                if number in (simple[0], value):
                    break
                if value < 0 and least == 0:
                    continue
                simpler = x.copy()
                simpler.flat[i] = value
                if search.accepts(search.best.with_arrays(**{name: simpler})):
                    break


def _array(draw: Draw, name: str) -> Any:
    return {**draw.arrays, **draw.extras}[name]


def _rounded(x: float) -> float:
    """x to two significant digits."""
    return float(f"{x:.2g}")
