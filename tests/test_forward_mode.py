"""Forward mode: its reading is the derivative, and the lane AD finds what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference
from adapters.backend import NotOffered
from conformance.cases import CASES
from conformance.mutants import MUTANTS, Mutant, tried
from conformance.mutants.forward_mode import PUSHED
from conformance.test_forward_mode import tangents
from conformance.test_gradients import wanted
from properties import trial
from properties.sides import bounded_tangent
from properties.strategies.draws import draws
from reference.arithmetic import FLOAT64, pushed_forward
from tests.lanes import ran


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run at the default depth; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)


@pytest.mark.parametrize("primitive", sorted({*PUSHED} - {"product_pool", "leaky_relu", "dropout"}))
def test_it_is_the_slope(primitive: str) -> None:
    """Along a line of integers the others are polynomials of degree 4 at most, whose slope four points give exactly."""
    (case,) = (case for case in CASES if case.primitive == primitive)
    problems, from_seeds = tangents(case), tried(type("Nothing", (), {}), "nothing", FLOAT64)
    assert problems is not None
    compared = 0
    for problem in problems.pool(0.5, 0):
        for p in draws(problem, 2, FLOAT64, (1, 2, 3, 4), ("integers",)):
            by = wanted(p, case)
            v = [p.extras[f"tangent_{list(p.arrays)[i]}"] for i in by]
            if getattr(p, "padding_idx", None) is not None:  # which is no derivative
                continue
            arrays = list(p.arrays.values())

            def at(h: float, arrays: Any = arrays, by: Any = by, v: Any = v, options: Any = p.options) -> Any:
                moved = {i: arrays[i] + h * direction for i, direction in zip(by, v, strict=True)}
                given = (moved.get(i, x) for i, x in enumerate(arrays))
                return reference.PRIMITIVES[primitive](*given, **options)

            h = 2.0**-10
            slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
            want = bounded_tangent(from_seeds, primitive, arrays, p.options, v, by)
            plain = pushed_forward(reference.PRIMITIVES[primitive], arrays, p.options, v, by)
            is_known = want.error == 0
            np.testing.assert_array_equal(want.value[is_known], slope[is_known])
            np.testing.assert_array_equal(np.asarray(plain)[is_known], slope[is_known])
            compared += int(np.count_nonzero(is_known))
    assert compared


@pytest.mark.parametrize("mutant", [pytest.param(m, id=m.id) for m in MUTANTS.values() if m.replaces == "jvp"])
def test_a_wrong_forward_mode_is_seen(mutant: Mutant) -> None:
    """By this lane alone, since values and gradients are right."""
    found, _ = ran("AD", mutant.primitive, mutant.backend())
    assert found is not None
    assert found.output == "J v"


def test_who_has_none_is_not_asked() -> None:
    """As who has no gradients is not."""
    with pytest.raises(NotOffered, match="it has no forward mode"):
        ran("AD", "relu", MUTANTS["relu: zero_for_nan"].backend())
