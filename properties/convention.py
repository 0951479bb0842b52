"""Conventions: what a definition leaves open, each backend chooses, and a user has to know.

    @convention("CHOICE-2", "odd element of SAME", "convolution", {"after": (3, 6, 4), "before": (1, 3, 6)})
    def test_odd_element(f):
        \"\"\"The side on which padding="same" puts the element that is left over.\"\"\"
        return f.convolution(x=[[[1, 2, 4]]], w=[[[1, 1]]], padding="same")

A question is one small call, and each answer the numbers that it gives. What a backend documents to choose stands in
`chooses` of its adapter, with a link, and the answer that is found must be that one. Numbers are read to three
decimals: which answer it is does not hang on a rounding.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import reference
from adapters.backend import Backend, BackendError, NotOffered
from properties import agreement
from properties.agreement import Failure
from properties.evidence import witnessed
from properties.law import stands_for
from properties.law import statement as question
from properties.probes import probe
from properties.strategies.draws import Draw
from properties.trial import Check

RAISES = "it raises an error"
FORMATS = ("float32", "float64")  # the first that a backend has; lower ones have not the decimals
DECIMALS = 3

Answer = Sequence[float] | str


class NotAsDocumented(Failure):
    """A backend has chosen otherwise than its adapter says."""

    kind = "convention"


class Asked:
    """The primitives of a backend, called by keywords; results are float64 arrays."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.draw: Draw | None = None  # the last call

    def __getattr__(self, primitive: str) -> Callable[..., Any]:
        def call(**given: Any) -> Any:
            d = self._call(primitive, given)
            return _wide(self.backend.call(primitive, list(d.arrays.values()), d.options))

        return call

    def gradient(self, primitive: str, cotangent: Any, **given: Any) -> Any:
        """The gradient with respect to the first array."""
        d = self._call(primitive, given)
        cotangent = np.asarray(cotangent, self.backend.format.dtype)
        return _wide(self.backend.gradient(primitive, list(d.arrays.values()), d.options, cotangent, [0]))

    def bare(self, primitive: str, **given: Any) -> Any:
        """What the framework's own function gives, with its own defaults."""
        d = self._call(primitive, given)
        return _wide(self.backend.call_bare(primitive, [x for x in d.arrays.values() if x is not None]))

    def _call(self, primitive: str, given: Mapping[str, Any]) -> Draw:
        kinds = {p.name: p.kind for p in inspect.signature(reference.PRIMITIVES[primitive]).parameters.values()}
        by_position = [name for name in given if kinds[name] is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        arrays = {name: None if given[name] is None else _numbers(given[name]) for name in by_position}
        options = {name: value for name, value in given.items() if name not in by_position}
        self.draw = probe(self.backend, primitive, arrays, options)
        return self.draw


def _numbers(x: Any) -> Any:
    """Lists are numbers, or booleans; an array stays what it is."""
    array = np.asarray(x)
    return array if x is array or array.dtype == bool else array.astype(float)


def _wide(results: Sequence[Any]) -> Any:
    wide = tuple(np.asarray(y).astype(np.float64) for y in results)
    return wide if len(wide) > 1 else wide[0]


def convention(
    id: str, name: str, primitive: str, answers: Mapping[str, Answer]
) -> Callable[[Callable[[Asked], Any]], Callable[[Backend], None]]:
    """Make a test of a question.

    name: of the convention, as adapters and reports have it. answers: in words, and the numbers that show each.
    """

    def decorate(ask: Callable[[Asked], Any]) -> Callable[[Backend], None]:
        check = Check(f"{id} {name}", primitive, id, question(ask), FORMATS, "conventions")

        def test(backend: Backend) -> None:
            if not backend.offers(primitive):
                raise NotOffered(f"it has no {primitive}")
            f = Asked(backend)
            with witnessed(backend) as witness:
                found = _answer(f, ask, answers)
                evidence = witness()
            documented, where = backend.chooses(name)
            tally = agreement.tally
            tally.problems = tally.draws = tally.drawn = 1
            tally.note(0.0, 0.0, 0.0, 1, 1)
            tally.digest.update(repr(f.draw).encode())
            tally.choice = {"convention": name, "found": found, "documented": documented, "where": where}
            if documented not in ("", found):
                text = f"found: {found}; documented: {documented} ({where})"
                failure = NotAsDocumented(text, got=found, want=documented)
                failure.draw, failure.evidence = f.draw, evidence
                raise failure

        return stands_for(ask, test, check=check, answers=answers)

    return decorate


def _answer(f: Asked, ask: Callable[[Asked], Any], answers: Mapping[str, Answer]) -> str:
    """The answer in words; where it is none of those that are known, its numbers. Raises: NotOffered."""
    try:
        y = _rounded(ask(f))
    except BackendError:
        return next((words for words, shown in answers.items() if shown is RAISES), RAISES)
    for words, shown in answers.items():
        if shown is not RAISES and np.array_equal(y, _rounded(shown), equal_nan=True):
            return words
    return f"something else: {y.tolist()}"


def _rounded(x: Any) -> Any:
    return np.round(np.asarray(x, float).ravel(), DECIMALS)
