"""The lane decorator: a check is written once, for any primitive, and each row of the table of cases gets it.

    @lane("PURE")
    def test_pure(backend, draw, case):
        \"\"\"The same call twice gives the same bits.\"\"\"
        ...

The body judges one draw, and raises a failure of properties/agreement.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from adapters.backend import Backend
from conformance.cases import CASES, Case
from properties.law import stands_for, statement
from properties.strategies import Draw, Problems, Spec
from properties.strategies.problems import has_numbers
from properties.trial import WIDEST, Check, everywhere, trial

Body = Callable[[Backend, Draw, Case], None]
Test = Callable[[Backend, Case], None]


def _own(case: Case) -> Problems:
    return case.problems


def with_arrays(case: Case) -> Problems | None:
    """The row's problems with numbers, if they have arrays: output_size has integers."""
    arrays = case.problems.pool(0, 0)[0].arrays.values()
    return replace(case.problems, wanted=has_numbers) if any(isinstance(x, Spec) for x in arrays) else None


def lane(
    name: str,
    *,
    part: str = "lanes",
    problems: Callable[[Case], Problems | None] = _own,
    formats: tuple[str, ...] | None = None,
    concerns: Callable[[Backend], bool] = everywhere,
    draws: int = 0,
    widest: float = WIDEST,
) -> Callable[[Body], Test]:
    """Make a test of every row of the table.

    name: the checks are called "NAME primitive". part: see properties.trial.Check. problems: what a row is
    tried on; None where the lane has nothing to say about a primitive. formats: those in which the lane
    is tried, unless the row has its own; None means all. concerns, draws, widest: see properties.trial.Check.
    """

    def decorate(body: Body) -> Test:
        says = statement(body)
        tried = {case: drawn for case in CASES if (drawn := problems(case)) is not None}
        checks = {
            case: Check(
                f"{name} {case.primitive}",
                case.primitive,
                name.lower(),
                says,
                case.formats or formats,
                part,
                concerns,
                draws,
                widest,
            )
            for case in tried
        }

        def test(backend: Backend, case: Case) -> None:
            trial(checks[case], backend, tried[case], lambda backend, draw: body(backend, draw, case))

        return stands_for(body, test, cases=checks)

    return decorate
