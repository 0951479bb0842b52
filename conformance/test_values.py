"""Values: every primitive agrees with its reference, within the bound, for every option."""

from __future__ import annotations

from adapters.backend import Backend
from conformance.cases import Case
from conformance.lane import lane
from properties.agreement import WrongShape, agree, same_number
from properties.sides import bounded
from properties.strategies import Draw


def agrees(backend: Backend, draw: Draw, case: Case) -> None:
    """Judge every result of a call."""
    arrays, options = list(draw.arrays.values()), draw.options
    got, want = backend.call(draw.primitive, arrays, options), bounded(backend, draw.primitive, arrays, options)
    if len(got) != len(want):
        raise WrongShape(
            f"{len(got)} results, the reference has {len(want)}: {', '.join(case.outputs)}",
            got=len(got),
            want=len(want),
        )
    for name, y, bound in zip(case.outputs, got, want, strict=True):
        if isinstance(bound, int):
            same_number(y, bound, output=name)
        else:
            agree(y, bound, backend.format, output=name)


@lane("VALUES", part="values")
def test_values(backend: Backend, draw: Draw, case: Case) -> None:
    """The result is the reference's, within the bound."""
    agrees(backend, draw, case)
