"""The ledgers of the shipped adapters, no wider and no narrower than their bugs; and a ledger in a whole run."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.apart import end_of
from adapters.backend import Backend
from properties.strategies import Draw, Problem, Spec, softmaxes
from properties.trial import DEPTHS
from reference.arithmetic import BFLOAT16, FLOAT32
from tests.runs import ROOT, results, run

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


# Of attention in bfloat16: the shape of the queries, how many keys there are, which mask there is, and whether
# XLA 0.10.2 survives it.
MANY_SCORES: dict[str, tuple[Any, ...]] = {
    "4096 scores": ((64, 1), 64, None, False),
    "4095 scores": ((63, 1), 65, None, True),
    "two numbers of a key": ((64, 2), 64, None, True),
    "a single query": ((1, 2, 1, 1), 2048, None, True),
    "two samples": ((2, 64, 1), 64, None, True),
    "two samples of two heads": ((2, 2, 32, 1), 32, None, False),
    "two samples of two heads, fewer scores": ((2, 2, 31, 1), 33, None, True),
    "an additive mask": ((64, 1), 64, "additive", False),
    "a boolean mask": ((64, 1), 64, "boolean", True),
    "causal": ((64, 1), 64, "causal", True),
}


@pytest.mark.parametrize("case", MANY_SCORES)
def test_many_scores_abort_in_the_region_and_nowhere_else(case: str) -> None:
    """A process that computes attention dies if and only if the ledger says so."""
    if importlib.util.find_spec("jax") is None or importlib.metadata.version("jaxlib") != "0.10.2":
        pytest.skip("another XLA")
    from adapters.jax_deviations import deviations

    shape, S, kind, survives = MANY_SCORES[case]
    *_, entry = (entry for entry in deviations if "VALUES scaled_dot_product_attention" in entry.checks)
    masks = {"boolean": np.ones((shape[-2], S), bool), "additive": np.zeros((shape[-2], S), BFLOAT16.dtype)}
    q, k = (np.ones(s, BFLOAT16.dtype) for s in (shape, (*shape[:-2], S, shape[-1])))
    arrays = {"q": q, "k": k, "v": k, "mask": masks.get(kind)}
    options = {"causal": kind == "causal", "scale": None}
    problem = Problem("scaled_dot_product_attention", {"q": Spec(q.shape)}, options)
    backend = Backend(None, "jax", "0.10.2", "cpu", BFLOAT16, "compiled", "jax")
    assert entry.region(Draw(problem, "integers", BFLOAT16, arrays, {})) is not survives
    assert end_of(backend, problem.primitive, list(arrays.values()), options) == ("" if survives else "SIGABRT")


# -- a ledger in a run of pytest -----------------------------------------------------------------------

VALUES = "test_values and softmax and not log_softmax"


def seed_with(shape: tuple[int, ...]) -> int:
    """A seed under which the values of softmax are tried on arrays of a shape at depth smoke."""
    pools = ((seed, softmaxes().pool(DEPTHS["smoke"].values, seed)) for seed in range(50))
    return next(seed for seed, pool in pools if any(problem.arrays["x"].shape == shape for problem in pool))  # type: ignore[union-attr]  # a Spec


def judged(adapter: str | Path, report: Path, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """The status of a run, what it printed, and the row of its only check."""
    ended = run(adapter, "-k", VALUES, f"--seed={seed_with((2,))}", *arguments, report=report)
    (row,) = results(report)["checks"]
    return ended.returncode, ended.stdout, row


def test_of_two_bugs_in_one_check_the_unknown_one_is_found(tmp_path: Path) -> None:
    """The first is in the ledger and is noted; the second fails the run, on an input outside the first's region."""
    status, printed, row = judged("two_bugs", tmp_path)
    assert status == 1
    assert row["outcome"] == "deviates"
    (known,) = row["known"]
    assert (known["link"], known["example"]) == ("https://example.org/3", "softmax(x=[0, 0], axis=-1)")
    assert row["excluded"] > 0
    assert row["counterexample"]["call"].endswith("axis=0)")
    assert row["counterexample"]["call"] in printed


def test_a_known_bug_alone_does_not_fail_the_run(tmp_path: Path) -> None:
    """With the second bug mended the check conforms but for what the ledger says."""
    file = tmp_path / "one_bug.py"
    file.write_text((ROOT / "tests/adapters/two_bugs.py").read_text().replace("y + 2 if axis == 0 else y", "y"))
    status, printed, row = judged(file, tmp_path / "report")
    assert status == 0
    assert row["outcome"] == "known_deviation"
    assert "1 known deviation" in printed


def test_a_mended_bug_fails_the_run(tmp_path: Path) -> None:
    """A stale entry is an error with the advice to remove it; outside its versions it is not looked at."""
    status, printed, row = judged("mended", tmp_path)
    assert status == 1
    assert row["counterexample"]["kind"] == "stale ledger entry"
    assert "Remove the entry from the ledger" in printed
    old = tmp_path / "old.py"
    text = (ROOT / "tests/adapters/mended.py").read_text()
    old.write_text(
        text.replace("reason=", 'versions="<2",\n        reason=') + "\n\ndef versions():\n    return {'it': '2'}"
    )
    status, _, row = judged(old, tmp_path / "report")
    assert (status, row["outcome"]) == (0, "conforms")


def test_a_region_that_is_too_wide_fails_the_run(tmp_path: Path) -> None:
    """A ledger cannot turn a check off."""
    file = tmp_path / "wide.py"
    text = (ROOT / "tests/adapters/two_bugs.py").read_text()
    file.write_text(text.replace("return draw.x.shape == (2,)", "return draw.axis == 0 or draw.x.shape == (2,)"))
    status, _, row = judged(file, tmp_path / "report")
    assert status == 1
    assert row["counterexample"]["kind"] == "wide ledger entry"
    assert "more than 20% is a claim or a refusal" in row["counterexample"]["message"]
