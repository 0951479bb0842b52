"""Empty and single axes: a batch of none, a signal that is padding altogether, arrays of one number."""

from __future__ import annotations

from adapters.backend import Backend
from conformance.cases import INTEGERS, Case
from conformance.judged import agrees
from conformance.lane import lane
from properties import agreement
from properties.strategies import Draw, Problems
from properties.strategies.edges import edges


def empty_problems(case: Case) -> Problems:
    """The problems of a primitive with an array that has no elements."""
    return edges(case.problems, is_empty=True)


def edge_problems(case: Case) -> Problems | None:
    """These, and the problems whose arrays have one element each."""
    return None if case.primitive in INTEGERS else edges(case.problems)


@lane("EMPTY", problems=edge_problems, widest=0.8)
def test_empty(backend: Backend, draw: Draw, case: Case) -> None:
    """With an axis of no elements, or with axes of one each, shape, format and values are the reference's."""
    agrees(backend, draw, case)
    for _ in case.outputs:
        agreement.tally.note(0.0, 0.0, 0.0, 1, 1)  # its shape, which is all there is to judge of many a result
