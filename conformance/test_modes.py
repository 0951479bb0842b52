"""Modes: however a backend runs, it computes the same."""

from __future__ import annotations

from adapters.backend import Backend, NotOffered
from conformance.cases import Case
from conformance.judged import judged
from conformance.lane import lane
from properties import agreement
from properties.agreement import about
from properties.sides import bounded
from properties.strategies import Draw


def has_others(backend: Backend) -> bool:
    """Whether the backend has more than one mode."""
    return bool(backend.others())


@lane("MODES", part="modes", formats=("float32",), concerns=has_others)
def test_modes(backend: Backend, draw: Draw, case: Case) -> None:
    """In every other mode (compiled or eager) the result is the reference's, within the bound."""
    arrays, refusals = list(draw.arrays.values()), []
    for other in backend.others():
        try:
            with about(f"mode {other.mode}"):
                got = other.call(draw.primitive, arrays, draw.options)
                judged(got, bounded(other, draw.primitive, arrays, draw.options), case, other)
        except NotOffered as refusal:
            refusals.append(f"mode {other.mode}: {refusal}")
    if len(refusals) == len(backend.others()):
        raise NotOffered("; ".join(refusals) or "it has one mode")
    agreement.tally.reasons.update(refusals)
