"""Long reductions: what the format of an accumulator, or a careless sum, does to thousands of terms.

A sum of n ones is n where the claimed accumulator counts so far; other numbers agree within the bound of the
claim, which grows with n. Where it exceeds the sum itself the claim says nothing, and the problem counts as not
offered: for that reason, and not as one that conforms.
"""

from __future__ import annotations

import numpy as np

from adapters.backend import Backend, NotOffered
from conformance.cases import Case
from conformance.judged import agrees
from conformance.lane import lane
from properties.sides import bounded
from properties.strategies import Draw, Problems
from properties.strategies.kinds import LONG
from properties.strategies.long import long_reductions


def long_problems(case: Case) -> Problems | None:
    """The long reductions of a primitive."""
    return long_reductions(case.primitive)


@lane("LONG", problems=long_problems, draws=len(LONG), widest=0.5)
def test_long(backend: Backend, draw: Draw, case: Case) -> None:
    """Thousands of terms are added up within the bound of the claimed accumulator, and ones are counted."""
    if draw.kind == "positive" and not says_something(backend, draw):
        claims = backend.arithmetic(draw.primitive)
        raise NotOffered(f"its claim, sums in {claims.accumulate}, says nothing of so many terms: {claims.source}")
    agrees(backend, draw, case)


def says_something(backend: Backend, draw: Draw) -> bool:
    """Whether the bounds are smaller than the results themselves, of more than half of the elements."""
    results = bounded(backend, draw.primitive, list(draw.arrays.values()), draw.options)
    below = sum(int(np.sum(y.error < np.abs(y.value))) for y in results)
    return 2 * below > sum(y.size for y in results)
