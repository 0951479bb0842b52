"""Long reductions: what the format of an accumulator, or a careless sum, does to thousands of terms.

A sum of n ones is n where the claimed accumulator counts so far; other numbers agree within the bound of the
claim, which grows with n. Where it exceeds the sum itself the claim says nothing, and the problem counts as not
offered: for that reason, and not as one that conforms. The same is asked on the way back of what was used n times.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapters.backend import Backend, NotOffered
from conformance import derivation
from conformance.cases import Case
from conformance.judged import judged, judged_gradients
from conformance.lane import lane
from conformance.test_gradients import wanted
from properties import agreement
from properties.agreement import says_something, scale_of
from properties.sides import bounded, bounded_gradient, terms_of_gradient
from properties.strategies import Draw, Problems
from properties.strategies.cotangents import differentiated
from properties.strategies.kinds import LONG
from properties.strategies.long import long_reductions
from properties.strategies.long_gradients import MOST, USUAL, long_gradients
from reference.arithmetic import Arithmetic, Bounded

FORMATS = ("float32", "bfloat16", "float16", "float64")


def long_problems(case: Case) -> Problems | None:
    """The long reductions of a primitive."""
    return long_reductions(case.primitive)


@lane("LONG", problems=long_problems, draws=len(LONG), widest=0.5)
def test_long(backend: Backend, draw: Draw, case: Case) -> None:
    """LONG-1: thousands of terms are added up within the bound of the claimed accumulator, and ones are counted."""
    if draw.kind == "positive" and not is_below_results(backend, draw):
        raise says_nothing(backend.arithmetic(draw.primitive))
    arrays, options = list(draw.arrays.values()), draw.options
    got, want = backend.call(draw.primitive, arrays, options), bounded(backend, draw.primitive, arrays, options)
    judged(got, want, case, backend)
    if draw.kind == "positive":
        _follow(backend, draw, got[0], want[0])


def _follow(backend: Backend, draw: Draw, got: Any, want: Bounded) -> None:
    """Note error and bound of the first result, in units of its largest element, by the length of the sum."""
    largest = float(np.max(np.abs(want.value)))
    error = float(np.max(np.abs(np.asarray(got, np.float64) - want.value))) / largest
    n = derivation.longest_sum(backend, draw)
    agreement.tally.series.note_length(n, error, float(np.max(want.error)) / largest)


def is_below_results(backend: Backend, draw: Draw) -> bool:
    """Whether the bounds are smaller than the results themselves, of more than half of the elements."""
    results = bounded(backend, draw.primitive, list(draw.arrays.values()), draw.options)
    below = sum(int(np.sum(y.error < np.abs(y.value))) for y in results)
    return 2 * below > sum(y.size for y in results)


def says_nothing(claims: Arithmetic) -> NotOffered:
    accumulate = claims.without_products().accumulate
    return NotOffered(f"its claim, sums in {accumulate}, says nothing of so many terms: {claims.source}")


def gradients(case: Case) -> Problems | None:
    """The problems of a primitive whose gradients are long sums."""
    problems = long_gradients(case.primitive)
    return problems and differentiated(problems)


@lane("LONG-VJP", problems=gradients, formats=FORMATS, draws=len(USUAL), widest=0.5)
def test_long_gradients(backend: Backend, draw: Draw, case: Case) -> None:
    """LONG-1: what is used thousands of times is told by every use, within the bound, and ones are counted."""
    arrays = list(draw.arrays.values())
    by = wanted(draw, case)
    by = [i for i in by if arrays[i].size <= MOST] or by
    call = draw.primitive, arrays, draw.options, draw.cotangent
    want, terms = bounded_gradient(backend, *call, by), terms_of_gradient(backend, *call, by)
    decided = [says_something(g.error, scale_of(g.value, largest)) for g, largest in zip(want, terms, strict=True)]
    told = [n for n, where in enumerate(decided) if 2 * np.count_nonzero(where) > where.size]
    if not told:
        raise says_nothing(backend.arithmetic(draw.primitive, gradient=True))
    by, want, terms = [by[n] for n in told], tuple(want[n] for n in told), tuple(terms[n] for n in told)
    names = [list(draw.arrays)[i] for i in by]
    judged_gradients(backend.gradient(*call, by), want, terms, names, backend)
