"""Modes: however a backend runs, it computes the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

from adapters.backend import Backend, NotOffered
from conformance.cases import Case
from conformance.judged import judged
from conformance.lane import lane, with_arrays
from properties import agreement
from properties.agreement import about
from properties.sides import bounded
from properties.strategies import Draw, Problem, Problems


def has_others(backend: Backend) -> bool:
    """Whether the backend has more than one mode."""
    return bool(backend.others())


@dataclass(frozen=True)
class Largest(Problems):
    """The largest problems of a pool: to compile one takes a second, so it must have something to show."""

    def pool(self, breadth: float, seed: int) -> list[Problem]:
        whole = super().pool(breadth, seed)
        return whole[-math.ceil(len(whole) / KEPT) :]


KEPT = 8  # one of so many


def largest(case: Case) -> Problems | None:
    problems = with_arrays(case)
    return problems and Largest(problems.primitive, problems.build, problems.kinds, share=problems.share)


# widest: of two problems one may be in a region.
@lane("MODES", part="modes", problems=largest, formats=("float32",), concerns=has_others, widest=0.5)
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
