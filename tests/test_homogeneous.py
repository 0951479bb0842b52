"""The lanes HOM and HOM-VJP: a power of two commutes with what is linear."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import reference
from conformance.cases import CASES
from conformance.mutants import MUTANTS, Mutant
from conformance.mutants.lanes import SEEN_BY, backend_of
from conformance.test_homogeneous import has_exponents, repeats_sums
from properties import trial
from properties.agreement import LawBroken
from reference.arithmetic import FLOAT16
from tests.lanes import ran


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run at the default depth; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)


def named(name: str) -> list[Any]:
    return [pytest.param(mutant, id=mutant.id) for mutant in MUTANTS.values() if mutant.name == name]


@pytest.mark.parametrize("mutant", [*named("results_on_a_grid"), *named("steps_a_little_later")])
def test_a_fixed_grid_is_seen(mutant: Mutant) -> None:
    """Every row that is homogeneous has a mutant that is not."""
    assert isinstance(ran("HOM", mutant.primitive, mutant.backend())[0], LawBroken)


@pytest.mark.parametrize("mutant", named("gradient_on_a_grid"))
def test_a_fixed_grid_of_gradients_is_seen(mutant: Mutant) -> None:
    """Every row that has a gradient has one that is not linear in its cotangent."""
    assert isinstance(ran("HOM-VJP", mutant.primitive, mutant.backend())[0], LawBroken)


@pytest.mark.parametrize(("lane", "primitive", "function", "fmt"), [m for m in SEEN_BY if m[0] == "HOM"])
def test_no_value_shows_them(lane: str, primitive: str, function: Any, fmt: Any) -> None:
    """What is rounded otherwise for large numbers, and an eps that has a least value, are within every bound."""
    backend = backend_of(primitive, function, fmt)
    for other in ("VALUES", "EXACT", "PURE", "BATCH"):
        if other != "EXACT" or next(case for case in CASES if case.primitive == primitive).exact:
            assert ran(other, primitive, backend)[0] is None, other
    assert ran(lane, primitive, backend)[0] is not None


@pytest.mark.parametrize("case", [case for case in CASES if case.homogeneous], ids=lambda case: case.primitive)
def test_ways_name_what_there_is(case: Any) -> None:
    """Arrays and options of the reference, and results of the row."""
    known = {*inspect.signature(reference.PRIMITIVES[case.primitive]).parameters}
    for way in case.homogeneous:
        before, _, after = way.partition("->")
        assert {word.partition("**")[0] for word in before.split()} <= known
        assert {word.partition("**")[0] for word in after.split()} <= {*case.outputs}


def test_where_nothing_is_asked() -> None:
    """Not in float16, and of gradients not on a GPU, whose sums come in any order."""
    backend = backend_of("relu", np.abs, FLOAT16)
    assert not has_exponents(backend)
    assert not repeats_sums(replace(MUTANTS["relu: results_on_a_grid"].backend(), device="cuda"))
