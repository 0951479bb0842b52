"""What lanes of values compare: every result of a call with the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.backend import Backend
from conformance.cases import Case
from properties.agreement import WrongShape, agree, same_number
from properties.sides import bounded
from properties.strategies import Draw


def judged(got: Sequence[Any], want: Sequence[Any], case: Case, backend: Backend) -> None:
    """Each result agrees with the reference's, within the bound. Raises: a failure, which names the result."""
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


def judged_gradients(
    got: Sequence[Any], want: Sequence[Any], terms: Sequence[float], names: Sequence[str], backend: Backend
) -> None:
    """Each gradient agrees with the reference's, within the bound. terms: of each, see properties.agreement.agree.

    Raises: a failure, which names the array.
    """
    if len(got) != len(want):
        raise WrongShape(f"{len(got)} gradients of {len(want)}: {', '.join(names)}", got=len(got), want=len(want))
    for name, g, bound, largest in zip(names, got, want, terms, strict=True):
        agree(g, bound, backend.format, output=f"gradient of {name}", terms=largest)


def agrees(backend: Backend, draw: Draw, case: Case) -> None:
    """Make a call, and judge its results."""
    arrays, options = list(draw.arrays.values()), draw.options
    got, want = backend.call(draw.primitive, arrays, options), bounded(backend, draw.primitive, arrays, options)
    judged(got, want, case, backend)
