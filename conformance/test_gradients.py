"""Gradients: every primitive agrees with the gradient of its reference, within the bound."""

from __future__ import annotations

import numpy as np

from adapters.backend import Backend
from conformance.cases import Case
from conformance.lane import lane
from properties.agreement import WrongShape, about, agree
from properties.sides import bounded_gradient
from properties.strategies import Draw, Problems
from properties.strategies.cotangents import differentiated


def _problems(case: Case) -> Problems | None:
    return None if case.differentiable == () else differentiated(case.problems)


@lane("GRADIENTS", part="gradients", problems=_problems)
def test_gradients(backend: Backend, draw: Draw, case: Case) -> None:
    """The vector-Jacobian product with any cotangent is the reference's, however the cotangent lies in memory."""
    names = [name for name, x in draw.arrays.items() if case.has_gradient(name) and _holds_numbers(x)]
    wanted = [list(draw.arrays).index(name) for name in names]
    call = draw.primitive, list(draw.arrays.values()), draw.options, draw.cotangent, wanted
    want, terms = bounded_gradient(backend, *call)
    for layout in ("", *backend.cotangent_layouts):
        with about(f"cotangent {layout}" if layout else ""):
            got = backend.gradient(*call, layout=layout)
            if len(got) != len(want):
                raise WrongShape(
                    f"{len(got)} gradients of {len(want)}: {', '.join(names)}", got=len(got), want=len(want)
                )
            for name, g, bound, largest in zip(names, got, want, terms, strict=True):
                agree(g, bound, backend.format, output=f"gradient of {name}", terms=largest)


def _holds_numbers(x: object) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind not in "biu"
