"""Forward mode: the same Jacobian J, applied to tangents v, as the gradient applies to cotangents g.

    <g, J v> = <J' g, v>

On integers primitives that are linear, or select, round nothing, neither their values nor their derivatives. So both
sides are known to the last bit, wherever no kink and no tie leaves a branch open. J v is held to that here, and J' g by
GRADIENTS, whose bounds are 0 there: so the gradient of what no result depends on is 0, and no other number.
"""

from __future__ import annotations

from dataclasses import replace

from adapters.backend import Backend
from conformance.cases import Case
from conformance.lane import lane
from conformance.test_exact import WITH_OPTIONS
from conformance.test_gradients import wanted
from properties.agreement import agree_where
from properties.sides import bounded_tangent
from properties.strategies import Draw, Problems
from properties.strategies.cotangents import differentiated
from properties.strategies.kinds import integers, partial_sums
from properties.strategies.problems import has_numbers

FORMATS = ("float32", "bfloat16", "float64", "float16")


def tangents(case: Case) -> Problems | None:
    """Two thirds of the problems on which a primitive is exact. Many sums of small integers are 0: norms get others."""
    if not case.exact or case.differentiable == ():
        return None
    problems = WITH_OPTIONS.get(case.primitive, case.problems)
    kinds = (partial_sums,) if case.primitive == "lp_pool" else (integers, partial_sums)
    part = 1.0 if case.primitive == "embedding" else 2 / 3  # whose row of padding comes late
    few = replace(problems, wanted=has_numbers, share=part * problems.share)
    return differentiated(replace(few, kinds=tuple(kind.__name__ for kind in kinds)), has_tangents=True)


# widest: half of the tables of an embedding have a row of padding.
@lane("AD", problems=tangents, formats=FORMATS, draws=6, widest=0.5)
def test_forward_mode(backend: Backend, draw: Draw, case: Case) -> None:
    """AD-1: <g, J v> = <J' g, v>. On integers what forward mode gives is exact, as what reverse mode gives is."""
    by = wanted(draw, case)
    v = [draw.extras[f"tangent_{list(draw.arrays)[i]}"] for i in by]
    call = draw.primitive, list(draw.arrays.values()), draw.options, v, by
    want = bounded_tangent(backend, *call)
    agree_where(want.error == 0, backend.jvp(*call), want, backend.format, output="J v")
