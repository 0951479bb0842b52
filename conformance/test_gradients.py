"""Gradients: every primitive agrees with the gradient of its reference, within the bound."""

from __future__ import annotations

from dataclasses import replace

from adapters.backend import Backend
from conformance.cases import Case
from conformance.judged import judged_gradients
from conformance.lane import lane
from properties.agreement import about
from properties.sides import bounded_gradient, terms_of_gradient
from properties.strategies import Draw, Problems
from properties.strategies.cotangents import differentiated
from properties.strategies.kinds import KINDS
from reference.arithmetic.formats import holds_numbers


def _problems(case: Case) -> Problems | None:
    """No windows of zeros for the norms of lp_pool: at 0 a norm has no derivative."""
    problems = case.problems
    if case.primitive == "lp_pool":
        problems = replace(problems, kinds=tuple(kind for kind in problems.kinds or KINDS if kind != "sparse"))
    return None if case.differentiable == () else differentiated(problems)


@lane("GRADIENTS", part="gradients", problems=_problems)
def test_gradients(backend: Backend, draw: Draw, case: Case) -> None:
    """The vector-Jacobian product with any cotangent is the reference's, however the cotangent lies in memory."""
    call = draw.primitive, list(draw.arrays.values()), draw.options, draw.cotangent, wanted(draw, case)
    names = [list(draw.arrays)[i] for i in wanted(draw, case)]
    want, terms = bounded_gradient(backend, *call), terms_of_gradient(backend, *call)
    for layout in ("", *backend.cotangent_layouts):
        with about(f"cotangent {layout}" if layout else ""):
            judged_gradients(backend.gradient(*call, layout=layout), want, terms, names, backend)


def wanted(draw: Draw, case: Case) -> list[int]:
    """Which arrays of a draw there is a gradient with respect to: those of the row that hold numbers."""
    given = enumerate(draw.arrays.items())
    return [i for i, (name, x) in given if case.has_gradient(name) and holds_numbers(x)]
