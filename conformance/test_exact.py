"""The exact lane: small integers, on which linear primitives and those that select make no error.

While no partial sum needs more digits than its accumulator has, the result is one and the same in every order
of summation: the exact one, rounded once to the format. Where the claims leave no room for another, not the
last bit may differ. A check that finds no such number judges nothing, and is not trusted.
"""

from __future__ import annotations

import math
from dataclasses import replace

from adapters.backend import Backend
from conformance.cases import Case
from conformance.lane import lane
from properties.agreement import agree_where
from properties.sides import bounded
from properties.strategies import (
    Draw,
    Problems,
    adaptive_pools,
    average_pools,
    dropouts,
    global_pools,
    lp_pools,
)
from properties.strategies.kinds import EXACT
from properties.strategies.problems import has_numbers

# Of primitives that are exact with some options, the problems with these: divisors are powers of two, nothing
# is a root. A thousand elements are enough that some survive any dropout.
WITH_OPTIONS = {
    "average_pool": average_pools(kernel=(2, 1, 4)),
    "global_average_pool": global_pools("global_average_pool", sides=(2, 1, 4)),
    "adaptive_average_pool": adaptive_pools("adaptive_average_pool", sides=(2, 1, 4, 8)),
    "lp_pool": lp_pools(kernel=(2, 1, 4), norm_type=(1, math.inf), ceil_mode=(False,)),
    "dropout": dropouts(p=(0.5, 0.0), many=True),
}


def exact_problems(case: Case) -> Problems | None:
    """The problems on which a primitive is exact, with numbers that it is exact on."""
    if not case.exact:
        return None
    return replace(WITH_OPTIONS.get(case.primitive, case.problems), kinds=tuple(EXACT), wanted=has_numbers)


@lane("EXACT", problems=exact_problems, draws=len(EXACT))
def test_exact(backend: Backend, draw: Draw, case: Case) -> None:
    """On integers the result is the exact one, rounded once, wherever no partial sum exceeds its accumulator."""
    arrays, options = list(draw.arrays.values()), draw.options
    got, want = backend.call(draw.primitive, arrays, options), bounded(backend, draw.primitive, arrays, options)
    for name, y, bound in zip(case.outputs, got, want, strict=True):
        agree_where((bound.error == 0) & (bound.value != 0), y, bound, backend.format, output=name)
