"""Values: every primitive agrees with its reference, within the bound, for every option."""

from __future__ import annotations

from adapters.backend import Backend
from conformance.cases import CASES, Case
from properties.agreement import WrongShape, agree, same_number
from properties.sides import bounded
from properties.strategies import Draw
from properties.trial import Check, trial


def values_check(case: Case) -> Check:
    return Check(
        f"VALUES {case.primitive}",
        case.primitive,
        "values",
        "the result is the reference's, within the bound",
        case.formats,
    )


def test_values(backend: Backend, case: Case) -> None:
    """The result is the reference's, within the bound."""

    def judge(backend: Backend, draw: Draw) -> None:
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

    trial(values_check(case), backend, case.problems, judge)


test_values.cases = {case: values_check(case) for case in CASES}  # type: ignore[attr-defined]  # read by the plugin
