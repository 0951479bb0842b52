"""Gradients on trial: every wrong one is found, a right one is not, and what is missing is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import reference
from adapters import backend as calls
from adapters import reference as itself
from adapters.backend import NotOffered
from conformance.cases import CASES
from conformance.checks import lanes
from conformance.mutants import MUTANTS, Adapter, tried
from conformance.mutants.lanes import IN_LONG_SUMS
from properties import agreement, trial
from properties.agreement import Failure, LawBroken, Raised, WrongShape
from properties.law import law
from properties.sides import wide
from properties.strategies import convolutions, denses
from properties.strategies.cotangents import differentiated
from reference.arithmetic import FLOAT64

BACKWARD = {name: mutant for name, mutant in MUTANTS.items() if mutant.replaces == "gradient"}
ELSEWHERE = {  # within the bounds, or too rare: what finds it is a convention, and a law
    "lp_pool: gradient_zero_at_zero",
    "cross_entropy: gradient_softmax_minus_target",
    *(name for name, mutant in BACKWARD.items() if mutant.name in IN_LONG_SUMS),
}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)
    trial.configure("default", 0)


def judged(primitive: str, backend: Any) -> Failure | None:
    agreement.start()
    try:
        lanes()[f"GRADIENTS {primitive}"](backend)
    except Failure as found:
        return found
    return None


@pytest.mark.parametrize("name", sorted(BACKWARD.keys() - ELSEWHERE))
def test_every_wrong_gradient_is_found(name: str) -> None:
    """At the default depth, by its numbers and not by an exception; the failure names the array."""
    mutant = BACKWARD[name]
    found = judged(mutant.primitive, mutant.backend())
    assert found is not None
    assert not isinstance(found, Raised)
    assert found.output.startswith("gradient of ")
    assert "cotangent=" in repr(found.draw)


def test_every_primitive_with_a_gradient_has_wrong_ones() -> None:
    """At least three for each."""
    for case in CASES:
        number = sum(mutant.primitive == case.primitive for mutant in BACKWARD.values())
        assert number >= 3 or case.differentiable == (), case.primitive


def test_an_adapter_without_gradients_is_not_blamed() -> None:
    """A file of functions offers none, and that is what is said."""
    with pytest.raises(NotOffered, match="no gradients"):
        judged("dense", tried(Adapter()))


def test_a_missing_gradient_is_a_wrong_shape() -> None:
    """An adapter that returns fewer gradients than it was asked for is told so."""
    adapter = Adapter(gradient=lambda function, wanted: lambda g, *arrays, **options: ())
    assert isinstance(judged("dense", tried(adapter)), WrongShape)


def test_a_gradient_that_raises_is_a_failure() -> None:
    """With what it raised, and the input."""

    def gradient(function: Any, wanted: Any) -> Any:
        raise_it = SimpleNamespace()
        return lambda g, *arrays, **options: raise_it.missing

    found = judged("dense", tried(Adapter(gradient=gradient)))
    assert isinstance(found, Raised)
    assert "missing" in str(found)


def test_a_cotangent_has_the_shape_of_the_first_result() -> None:
    """Of every problem of the pool, which is the primitive's own; a problem that is drawn or replayed has one too."""
    for problems in (convolutions(), denses()):
        backwards = differentiated(problems)
        for problem, own in zip(backwards.pool(1.0, 0), problems.pool(1.0, 0), strict=True):
            arrays = [np.zeros(x.shape) if x is not None else None for x in problem.arrays.values()]
            y = reference.PRIMITIVES[problem.primitive](*arrays, **problem.options)
            assert problem.extras["cotangent"].shape == y.shape
            assert (problem.arrays, problem.options) == (own.arrays, own.options)
        assert "cotangent" in backwards.replayed((0, 1, 2)).extras


def test_the_input_of_a_gradient_is_known_before_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Observers get the cotangent besides the options: a crash on the way back leaves its whole input."""
    seen: list[Any] = []
    monkeypatch.setattr(calls, "observers", [lambda *call: seen.append(call)])
    adapter = Adapter(gradient=lambda function, wanted: lambda g, *arrays, **options: (arrays[0],))
    x = np.ones(3)
    tried(adapter, fmt=FLOAT64).gradient("relu", [x], {}, 2 * x, [0])
    ((_, call),) = seen
    assert (call.primitive, len(call.arrays), list(call.details["cotangent"])) == ("relu", 1, [2.0, 2.0, 2.0])


@law("TEST-1", differentiated(denses()))
def linear_in_the_cotangent(f: Any, p: Any) -> Any:
    """The gradients of x and w of twice a cotangent are twice those of the cotangent."""
    once = f.gradient("dense", p.cotangent, *p.arrays, by=("x", "w"))
    return f.gradient("dense", 2 * p.cotangent, *p.arrays, by=("x", "w")), tuple(2 * g for g in once)


@law("TEST-2", differentiated(denses(bias=(True,))))
def gradient_of_a_bias(f: Any, p: Any) -> Any:
    """The gradient of the bias is the cotangent, added up."""
    g = f.gradient("dense", p.cotangent, *p.arrays, by="bias")
    return g, np.sum(wide(p.cotangent), axis=tuple(range(p.x.ndim - 1)))


@pytest.mark.parametrize("test", [linear_in_the_cotangent, gradient_of_a_bias])
def test_a_law_can_ask_for_gradients(test: Any) -> None:
    """Of one array or of several; it holds strictly for the reference, and is not offered without gradients."""
    tally = agreement.start()
    test(tried(itself, "reference"))
    assert tally.elements == tally.decided > 0
    assert tally.worst_ratio <= 1
    agreement.start()
    with pytest.raises(NotOffered, match="no gradients"):
        test(tried(Adapter()))


def test_a_law_rejects_a_wrong_gradient() -> None:
    """One that is wrong in its numbers, and one that is missing."""
    agreement.start()
    with pytest.raises(LawBroken):
        gradient_of_a_bias(MUTANTS["dense: gradient_bias_averaged"].backend())
    with pytest.raises(WrongShape, match="0 gradients of 1"):
        gradient_of_a_bias(tried(Adapter(gradient=lambda function, wanted: lambda g, *arrays, **options: ())))
