"""The lanes BATCH and VMAP: a sample knows nothing of the others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from adapters.backend import NotOffered, backends
from adapters.loading import load
from conformance.cases import CASES, INTEGERS
from conformance.checks import lanes
from conformance.mutants import Adapter, Mutant, tried
from properties import trial
from properties.strategies.draws import draws
from reference import PRIMITIVES, batch_norm
from reference.arithmetic import FLOAT32, FLOAT64
from tests.lanes import mutants_of, ran


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run at the default depth; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)


@pytest.mark.parametrize("mutant", mutants_of("BATCH"), ids=lambda mutant: mutant.id)
def test_batching_rejects_its_mutants(mutant: Mutant) -> None:
    """A result that the next call overwrites is seen by this lane alone."""
    for lane in ("VALUES", "PURE", "LAYOUT"):
        assert ran(lane, mutant.primitive, mutant.backend())[0] is None
    found, _ = ran("BATCH", mutant.primitive, mutant.backend())
    assert found is not None
    assert str(found).startswith("sample ")


@pytest.mark.parametrize("case", [case for case in CASES if case.samples], ids=lambda case: case.primitive)
def test_samples_do_not_influence_each_other(case: Any) -> None:
    """In the reference, other numbers in one sample leave the results of the rest as they were, to the bit."""
    assert case.samples is not None
    several = 0
    for problem in case.problems.pool(2.0, 11):
        for draw in draws(problem, 1, FLOAT64, (1, 2, 3, 4), ("normal",)):
            names = case.samples(draw)
            if not names or len(draw.arrays[names[0]]) < 2:
                continue
            several += 1
            reference = functools.partial(PRIMITIVES[case.primitive], **draw.options)
            changed = {
                name: np.concatenate([x[:-1], np.flip(x[-1:])]) if name in names and x is not None else x
                for name, x in draw.arrays.items()
            }
            with np.errstate(all="ignore"):
                y, z = reference(*draw.arrays.values()), reference(*changed.values())
            y, z = (result[0] if isinstance(result, tuple) else result for result in (y, z))
            assert len(y) == len(draw.arrays[names[0]])
            assert np.array_equal(y[:-1], z[:-1], equal_nan=True)
    assert several > 1


def test_statistics_of_a_batch_are_not_of_a_sample() -> None:
    """In training batch norm has no samples; in evaluation it has."""
    (case,) = (case for case in CASES if case.primitive == "batch_norm")
    assert case.samples is not None
    seen = {
        p.options["training"]: case.samples(d)
        for p in case.problems.pool(1.0, 0)
        for d in draws(p, 1, FLOAT64, (0,) * 4)
    }  # type: ignore[arg-type]  # four of them
    assert seen == {True: (), False: ("x",)}


def mapped(function: Callable[..., Any], axes: Sequence[int | None]) -> Callable[..., Any]:
    """A vmap of NumPy: one call after the other."""

    def call(*arrays: Any) -> Any:
        n = next(len(x) for x, axis in zip(arrays, axes, strict=True) if axis == 0)
        results = [
            function(*(x if axis is None else x[i] for x, axis in zip(arrays, axes, strict=True))) for i in range(n)
        ]
        if isinstance(results[0], tuple):
            return tuple(np.stack(y) for y in zip(*results, strict=True))
        return np.stack(results)

    return call


def first_for_all(function: Callable[..., Any], axes: Sequence[int | None]) -> Callable[..., Any]:
    """Wrong: every sample gets what the first one gets."""
    right = mapped(function, axes)

    def call(*arrays: Any) -> Any:
        return right(
            *(x if axis is None else np.repeat(x[:1], len(x), 0) for x, axis in zip(arrays, axes, strict=True))
        )

    return call


def without_the_axis(function: Callable[..., Any], axes: Sequence[int | None]) -> Callable[..., Any]:
    """Wrong: the first sample alone comes back."""
    right = mapped(function, axes)
    return lambda *arrays: right(*arrays)[0]


PRIMITIVES_WITH_ARRAYS = [case.primitive for case in CASES if case.primitive not in INTEGERS]


@pytest.mark.parametrize("primitive", PRIMITIVES_WITH_ARRAYS)
def test_a_right_map_passes(primitive: str) -> None:
    """Where each sample is computed alone, all primitives pass, with or without samples, in training too."""
    trial.configure("smoke", 7)
    found, tally = ran("VMAP", primitive, tried(Adapter(vmap=mapped)))
    assert found is None
    assert tally.draws > 0
    assert tally.refused == 0


@pytest.mark.parametrize("primitive", ["convolution", "softmax", "batch_norm", "scaled_dot_product_attention", "dense"])
@pytest.mark.parametrize("wrong", [first_for_all, without_the_axis])
def test_a_wrong_map_fails(wrong: Any, primitive: str) -> None:
    """The other lanes do not call the map; this one sees that it is wrong."""
    backend = tried(Adapter(vmap=wrong, batch_norm=batch_norm))
    assert ran("BATCH", primitive, backend)[0] is None
    assert ran("VMAP", primitive, backend)[0] is not None


def test_without_a_map_there_is_nothing_to_ask() -> None:
    """The check is not collected; whoever calls it all the same hears why."""
    check = lanes()["VMAP relu"]
    (case,) = (case for case in CASES if case.primitive == "relu")
    assert not trial.is_tried(check.func.cases[case], tried(Adapter()), ["float64"])  # type: ignore[attr-defined]  # a partial
    assert trial.is_tried(check.func.cases[case], tried(Adapter(vmap=mapped)), ["float64"])  # type: ignore[attr-defined]  # a partial
    with pytest.raises(NotOffered, match="it has no vmap"):
        tried(Adapter()).call("relu", [np.ones(2)], {}, mapped=[0])


def test_what_torch_cannot_map_is_not_offered() -> None:
    """Batch norm in training updates shared statistics, which vmap refuses: said with a link."""
    pytest.importorskip("torch")
    name, adapter = load("torch")
    (backend,) = (b for b in backends(adapter, name) if b.format is FLOAT32 and b.device == "cpu")
    found, tally = ran("VMAP", "batch_norm", backend)
    assert found is None
    assert any("func.batch_norm.html" in reason for reason in tally.reasons)
    assert ran("VMAP", "dropout", backend)[1].reasons == set()
