"""Values: every primitive agrees with its reference, within the bound, for every option."""

from __future__ import annotations

from adapters.backend import Backend
from conformance.cases import Case
from conformance.judged import agrees
from conformance.lane import lane
from properties.strategies import Draw


@lane("VALUES", part="values")
def test_values(backend: Backend, draw: Draw, case: Case) -> None:
    """The result is the reference's, within the bound."""
    agrees(backend, draw, case)
