"""Statements of lectures on trial: what a lecture says, as a law that has a verdict.

    @statement("SAID-1", Said(CHEN, "Pooling Layer", "translation/shift invariance"), FAILS, "no shift but 0",
               beyond=max_pools(room=1))
    def test_pooling_is_invariant(f, p):
        \"\"\"max_pool(x from the second element on) = max_pool(x up to the last but one).\"\"\"
        return f.max_pool(p.x[..., 1:], **p.options), f.max_pool(p.x[..., :-1], **p.options)

The body is that of a law. `within` are problems on which it must hold, on every backend. Among those `beyond` some
contradict it: the smallest contradiction is sought on the reference, and must be one on every backend. If nothing
contradicts a statement that fails, the check fails: the statement has come true, or the check sees nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapters import reference as itself
from adapters.backend import Backend, NotOffered
from properties import agreement
from properties.agreement import Failure, LawBroken, Tally, Verdict, WrongShape, WrongSpecial, law_holds
from properties.law import Body, leaves, room_of, stands_for
from properties.law import statement as equation
from properties.strategies.problems import Problems
from properties.trial import Check, Judge, failure_of, once_a_run, trial
from reference.arithmetic import FLOAT64

HOLDS, CONVENTION, FAILS = "holds", "holds under a convention", "fails"
CONTRADICTIONS = (LawBroken, WrongShape, WrongSpecial)


@dataclass(frozen=True)
class Lecture:
    """As reference/SOURCES.md cites it."""

    author: str
    title: str
    date: str

    def __str__(self) -> str:
        return f"{self.author}, {self.title}, {self.date}"


@dataclass(frozen=True)
class Said:
    """Where a lecture says something, in its own words."""

    lecture: Lecture
    heading: str
    words: str


class OtherShape(Failure):
    """Both sides have the same shape, and the reference another: that is no contradiction."""

    kind = "shapes of a statement"


class NothingContradicts(Failure):
    """A statement that fails was not contradicted."""

    kind = "nothing contradicts it"


def statement(
    id: str, said: Said, verdict: str, domain: str, *, within: Problems | None = None, beyond: Problems | None = None
) -> Callable[[Body], Callable[[Backend], None]]:
    """Make a test of a statement.

    domain: in words, where it holds. within: problems on which it does; beyond: problems of which some contradict it.
    """
    assert (within is not None or verdict == FAILS) and (beyond is not None or verdict == HOLDS)
    primitive = (within or beyond).primitive  # type: ignore[union-attr]  # one of both is there

    def decorate(body: Body) -> Callable[[Backend], None]:
        name = f"{id} {re.sub('^test_', '', body.__name__)}"
        check = Check(name, primitive, id, equation(body), ("float64",), "statements")
        gallery = replace(check, part="gallery")
        law, counter = _judge(body), _judge(body, strictly=True)
        seek = once_a_run(lambda: _sought(gallery, ITSELF, beyond, counter))

        def test(backend: Backend) -> None:
            tally, refusals = agreement.tally, list[str]()
            tally.verdict = found = Verdict(said, verdict, domain)
            if within is not None:
                try:
                    trial(check, backend, within, law)
                except NotOffered as refusal:
                    refusals.append(str(refusal))
            found.examples = tally.draws
            if beyond is not None:
                try:
                    _contradict(found, gallery, backend, beyond, counter, seek)
                except NotOffered as refusal:
                    refusals.append(str(refusal))
            if not tally.draws:
                raise NotOffered("; ".join(dict.fromkeys(refusals)))

        return stands_for(body, test, check=check)

    return decorate


ITSELF = Backend(itself, "reference", "", "cpu", FLOAT64, "eager", "reference")


def _judge(body: Body, *, strictly: bool = False) -> Judge:
    """A law's judge, for which a bound is no excuse where one side is a number and the other is none.

    strictly: what the reference itself finds of both sides is no excuse either.
    """

    def judge(backend: Backend, draw: Any) -> None:
        for left, right, read_left, read_right in leaves(body, backend, draw):
            if left.shape != right.shape:
                raise WrongShape(
                    f"the left side has shape {left.shape}, the right {right.shape}", got=left.shape, want=right.shape
                )
            if left.shape != read_left.shape:
                raise OtherShape(
                    f"both sides have shape {left.shape}, the reference {read_left.shape}",
                    got=left.shape,
                    want=read_left.shape,
                )
            room = room_of(ITSELF if strictly else backend, read_left, read_right)
            room = np.where(np.isfinite(left) == np.isfinite(right), room, 0.0)
            law_holds(left, right, room, backend.format, np.asarray(right))

    return judge


def _contradict(
    verdict: Verdict, gallery: Check, backend: Backend, beyond: Problems, judge: Judge, seek: Callable[[], Search]
) -> None:
    """Find a contradiction on a backend: that of the reference, or else one of its own.

    Raises: NothingContradicts; NotOffered if the backend offers none of the problems.
    """
    tally, search = agreement.tally, seek()
    found, examples = _again(judge, backend, search.found), search.examples
    if found is None:
        own = _sought(gallery, backend, beyond, judge)
        found, examples = own.found, examples + own.examples
    verdict.examples += examples
    tally.note(0.0, 0.0, 0.0, 1, 1)
    tally.problems, tally.draws, tally.drawn = tally.problems + 1, tally.draws + 1, tally.drawn + 1
    if found is None:
        raise NothingContradicts(f"nothing contradicts it in {examples} examples, though it is said to fail there")
    verdict.contradiction = found
    tally.digest.update(repr(found.draw).encode())


def _again(judge: Judge, backend: Backend, found: Failure | None) -> Failure | None:
    """How a backend contradicts a statement on the input with which the reference does."""
    if found is None:
        return None
    outer, agreement.tally = agreement.tally, Tally()
    try:
        again = failure_of(judge, backend, found.draw)
    except NotOffered:
        return None
    finally:
        agreement.tally = outer
    return again if isinstance(again, CONTRADICTIONS) else None


@dataclass(frozen=True)
class Search:
    """The smallest contradiction that was found, and among how many examples."""

    found: Failure | None
    examples: int


def _sought(gallery: Check, backend: Backend, beyond: Problems | None, judge: Judge) -> Search:
    """Raises: NotOffered."""
    assert beyond is not None
    outer, agreement.tally = agreement.tally, Tally()
    found, mine = None, agreement.tally
    try:
        trial(gallery, backend, beyond, judge)
    except CONTRADICTIONS as contradiction:
        found = contradiction
    finally:
        agreement.tally = outer
    return Search(found, mine.draws)
