"""Pure: the same call twice gives the same bits, and leaves its inputs as they were."""

from __future__ import annotations

from adapters.backend import Backend
from conformance.cases import Case
from conformance.lane import lane, with_arrays
from properties.agreement import MutatedInput, NotDeterministic, WrongShape, same_bits
from properties.strategies import Draw


@lane("PURE", problems=lambda case: with_arrays(case) or case.problems)
def test_pure(backend: Backend, draw: Draw, case: Case) -> None:
    """The same call twice gives the same bits, and leaves its inputs as they were, but for documented updates.

    An input that the backend documents to update holds the result of its name.
    """
    first, after, second = backend.call_twice(draw.primitive, list(draw.arrays.values()), draw.options)
    if len(first) != len(second):
        raise WrongShape(
            f"{len(second)} results of the second call, {len(first)} of the first", got=len(second), want=len(first)
        )
    results = dict(zip(case.outputs, first, strict=False))
    for (name, x), y in zip(draw.arrays.items(), after, strict=False):  # an array at the end that is None is not given
        if name in backend.in_place(draw.primitive):
            sides = "of the inputs after the call", "of the results"
            same_bits(y, results[name], output=name, sides=sides, failure=MutatedInput)
        elif x is not None:
            same_bits(y, x, output=name, sides=("after the call", "before it"), failure=MutatedInput)
    for name, y, z in zip(case.outputs, second, first, strict=False):
        same_bits(y, z, output=name, sides=("of the second call", "of the first"), failure=NotDeterministic)
