"""What a lane of values compares: every result of a call with the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.backend import Backend
from conformance.cases import Case
from properties.agreement import WrongShape, agree, same_number


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
