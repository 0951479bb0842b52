"""The lane LONG-VJP: what is used thousands of times is told by every use."""

from __future__ import annotations

import pytest

from conformance.cases import CASES
from conformance.mutants import MUTANTS, Mutant
from conformance.mutants.lanes import IN_LONG_SUMS
from conformance.test_long import gradients
from properties import trial
from properties.strategies import Spec
from properties.strategies.long_gradients import BUILDERS
from tests.lanes import ran


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run at the default depth; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)


@pytest.mark.parametrize("mutant", [pytest.param(m, id=m.id) for m in MUTANTS.values() if m.name in IN_LONG_SUMS])
def test_a_wrong_long_sum_is_seen(mutant: Mutant) -> None:
    """What is dropped of a long sum is within no bound; where short sums are right, no other lane sees it."""
    assert ran("LONG-VJP", mutant.primitive, mutant.backend())[0] is not None
    if mutant.name != "gradient_without_the_last_of_many":
        assert ran("GRADIENTS", mutant.primitive, mutant.backend())[0] is None


@pytest.mark.parametrize("primitive", BUILDERS)
def test_sums_are_long(primitive: str) -> None:
    """Each problem has hundreds of cotangents, or of keys for few queries."""
    (case,) = (case for case in CASES if case.primitive == primitive)
    problems = gradients(case)
    assert problems is not None
    for problem in problems.pool(4.0, 0):
        arrays = [x.size for x in problem.arrays.values() if isinstance(x, Spec)]
        cotangent = problem.extras["cotangent"].size
        assert cotangent >= 300 or max(arrays) >= 1000
