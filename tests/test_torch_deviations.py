"""The ledger of PyTorch: each region is no wider than its bug, and no narrower."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adapters.backend import BackendError, NotOffered, backends
from adapters.loading import load
from conformance.cases import CASES
from properties.sides import bounded
from properties.strategies import draws
from reference import lp_pool


def test_the_norm_of_one_number_is_its_magnitude() -> None:
    """Who is wrong about lp_pool([1]) with a window of two and ceil_mode: the norm of (1) is 1, not sqrt(2)."""
    torch = pytest.importorskip("torch")
    y = torch.nn.functional.lp_pool1d(torch.ones(1, 1, 1, dtype=torch.float64), 2, 2, ceil_mode=True)
    assert y.item() == math.sqrt(2)
    assert lp_pool(np.ones((1, 1, 1)), kernel=2, ceil_mode=True).item() == math.hypot(1)


@pytest.mark.parametrize("seed", [0, 1])
def test_lp_pool_fails_where_the_ledger_says_and_nowhere_else(seed: int) -> None:
    """Every draw inside the region misses its bound, and none outside."""
    pytest.importorskip("torch")
    _, adapter = load("torch")
    (backend,) = (b for b in backends(adapter, "torch") if b.device == "cpu" and b.format.name == "float64")
    (entry,) = backend.deviations("VALUES lp_pool")
    (case,) = (case for case in CASES if case.primitive == "lp_pool")
    inside = 0
    for problem in case.problems.pool(4.0, seed):
        for draw in draws(problem, 7, backend.format, (seed, 0, 0, 0), case.problems.kinds):
            try:
                (y,) = backend.call("lp_pool", list(draw.arrays.values()), draw.options)
            except (NotOffered, BackendError):
                break
            (bound,) = bounded(backend, "lp_pool", list(draw.arrays.values()), draw.options)
            fails = bool((np.abs(y - bound.value) > bound.error).any())
            assert fails == entry.region(draw), draw
            inside += fails
    assert inside > 0
