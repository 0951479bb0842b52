"""The ledgers of the shipped adapters: their regions are no wider and no narrower than the bug."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import Any

import numpy as np
import pytest

from adapters.apart import end_of
from adapters.backend import Backend
from properties.strategies import Draw, Problem, Spec
from reference.arithmetic import FLOAT32

# Of a transposed convolution: signal, kernels, stride, padding, output padding, dilation, and whether
# XLA 0.10.2 survives it. Each line that survives differs from one that does not in one thing.
SWAPPED: dict[str, tuple[Any, ...]] = {
    "more taps than elements": ((3, 1), (2, 3), (2, 1), (1, 1), (0, 0), (1, 1), False),
    "in three dimensions": ((3, 1, 1), (2, 3, 1), (2, 1, 1), (1, 1, 0), (0, 0, 0), (1, 1, 1), False),
    "on the last axis": ((1, 3), (3, 2), (1, 2), (1, 1), (0, 0), (1, 1), False),
    "as many taps as elements": ((3, 3), (2, 3), (2, 1), (1, 1), (0, 0), (1, 1), True),
    "a signal of two": ((2, 1), (2, 3), (2, 1), (1, 1), (0, 0), (1, 1), True),
    "no padding": ((3, 1), (2, 3), (2, 1), (0, 1), (0, 0), (1, 1), True),
    "output padding": ((3, 1), (2, 3), (2, 1), (1, 1), (1, 0), (1, 1), True),
    "a kernel that overlaps": ((3, 1), (3, 3), (2, 1), (2, 1), (0, 0), (1, 1), True),
    "every overlap of one element": ((3, 1), (2, 3), (2, 1), (1, 0), (0, 0), (1, 1), True),
}


@pytest.mark.parametrize("case", SWAPPED)
def test_xla_aborts_in_the_region_and_nowhere_else(case: str) -> None:
    """A process that makes the call dies if and only if the ledger says so."""
    if importlib.util.find_spec("jax") is None or importlib.metadata.version("jaxlib") != "0.10.2":
        pytest.skip("another XLA")
    from adapters.jax_deviations import deviations

    (entry,) = (entry for entry in deviations if "VALUES transposed_convolution" in entry.checks)
    S, K, stride, padding, more, dilation, survives = SWAPPED[case]
    options = {"stride": stride, "padding": padding, "output_padding": more, "dilation": dilation, "groups": 1}
    x, w = np.ones((1, 1, *S), np.float32), np.ones((1, 1, *K), np.float32)
    problem = Problem("transposed_convolution", {"x": Spec(x.shape), "w": Spec(w.shape)}, options)
    draw = Draw(problem, "integers", FLOAT32, {"x": x, "w": w}, {})
    backend = Backend(None, "jax", "0.10.2", "cpu", FLOAT32, "compiled", "jax")
    assert entry.region(draw) is not survives
    assert end_of(backend, "transposed_convolution", [x, w], options) == ("" if survives else "SIGABRT")
