"""Rejections: what means nothing raises an error, in the reference and in every backend.

Which invalid problems there are stands in properties/strategies/invalid.py. A backend may document that it
gives one of them a meaning; that is a convention, which its adapter declares in `accepts` with a link, and to
which it is held.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import reference
from adapters.backend import Backend, BackendError, NotOffered
from conformance.cases import Case
from conformance.lane import lane
from properties import agreement
from properties.agreement import AcceptedInvalid, Failure, rejects
from properties.strategies import Draw
from properties.strategies.invalid import INVALID, invalids
from properties.trial import is_strict
from reference.arithmetic.formats import holds_numbers


class StaleConvention(Failure):
    """A backend rejects what its adapter says that it accepts, or the adapter names what is no kind of problem."""

    kind = "stale convention"


@lane(
    "REJECTS",
    part="rejections",
    problems=lambda case: invalids(case.problems),
    formats=("float32", "float64"),
    concerns=is_strict,
    widest=1.0,  # the ledger may explain any number of kinds
)
def test_rejections(backend: Backend, draw: Draw, case: Case) -> None:
    """Every kind of invalid problem raises an error."""
    wrong, accepted = draw.extras["wrong"], backend.accepts(draw.primitive)
    if unknown := sorted(set(accepted) - set(INVALID[draw.primitive])):
        raise StaleConvention(
            f"{backend.name} accepts {unknown[0]!r}, which is no kind of invalid problem of {draw.primitive}; "
            f"the kinds are {', '.join(INVALID[draw.primitive])}"
        )
    why = refusal(draw)
    with contextlib.suppress(ValueError):
        _referred(draw, backend.conventions(draw.primitive))
        raise NotOffered(f"{wrong}: valid by its conventions")

    def call() -> Any:
        return backend.call(draw.primitive, list(draw.arrays.values()), draw.options, in_full=True)

    if wrong in accepted:
        _accepts(call, f"{wrong} ({accepted[wrong]})", f"{backend.name} {backend.version}")
        return
    try:
        rejects(call, BackendError, why)
    except AcceptedInvalid as failure:
        raise AcceptedInvalid(f"{wrong}: {failure}", got=failure.got, want=failure.want) from None


def refusal(draw: Draw) -> str:
    """What the reference says of a problem that is invalid.

    Raises: AssertionError, a defect of the suite, if it accepts it.
    """
    try:
        _referred(draw, {})
    except ValueError as error:
        return str(error)
    raise AssertionError(f"the reference accepts {draw!r}, so no backend can be asked to reject it")


def _referred(draw: Draw, conventions: Mapping[str, Any]) -> Any:
    """What the reference makes of a draw."""
    arrays = [x.astype(float) if holds_numbers(x) else x for x in draw.arrays.values()]
    with np.errstate(all="ignore"):
        return reference.PRIMITIVES[draw.primitive](*arrays, **{**conventions, **draw.options})


def _accepts(call: Callable[[], Any], what: str, backend: str) -> None:
    """Raises: StaleConvention if the call raises."""
    try:
        call()
        agreement.tally.note(0.0, 0.0, 0.0, 1, 1)
    except BackendError as error:
        raise StaleConvention(
            f"{backend} rejects what it was said to accept, {what}: {error}. Remove it from the adapter's accepts."
        ) from None
