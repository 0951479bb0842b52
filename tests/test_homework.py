"""A student's file: a correct one passes, and one wrong line is found at smoke depth, in small numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.runs import results, run

HOMEWORK = Path(__file__).parent / "homework.py"


@dataclass(frozen=True)
class Mistake:
    """One line of the correct file, what the student wrote instead, and the checks that must reject it."""

    primitive: str
    right: str
    wrong: str
    checks: tuple[str, ...]


MISTAKES = {
    "softmax_without_its_shift": Mistake(
        "softmax",
        "e = np.exp(x - x.max(axis=axis, keepdims=True))",
        "e = np.exp(x)",
        ("VALUES softmax", "SOFT-2 shift_invariance"),
    ),
    "flipped_kernel": Mistake(
        "convolution",
        "rank = w.ndim - 2",
        "rank = w.ndim - 2; w = np.flip(w, tuple(range(2, w.ndim)))",
        ("VALUES convolution", "CONV-9 delta_kernel_shifts"),
    ),
    "padding_on_one_side": Mistake(
        "convolution",
        "x = np.pad(x, [(0, 0), (0, 0)] + [tuple(p) for p in padding])\n",
        "x = np.pad(x, [(0, 0), (0, 0)] + [(sum(p), 0) for p in padding])\n",
        ("VALUES convolution", "CONV-17 padding_first"),
    ),
    "dropout_without_rescaling": Mistake(
        "dropout",
        "np.where(keep, x / (1 - p), 0)",
        "np.where(keep, x, 0)",
        ("VALUES dropout", "DROP-2 zero_or_rescaled"),
    ),
    "mask_after_the_softmax": Mistake(
        "scaled_dot_product_attention",
        "weights = np.exp(scores - scores.max(axis=-1, keepdims=True))\n    return np.matmul(weights / weights.sum",
        "closed = np.isneginf(scores); scores = np.matmul(q, np.swapaxes(k, -1, -2)) * scale\n"
        "    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))\n"
        "    return np.matmul(np.where(closed, 0, weights) / weights.sum",
        ("VALUES scaled_dot_product_attention", "ATT-1 weights_sum_to_one"),
    ),
    "one_over_d": Mistake(
        "scaled_dot_product_attention",
        "scale = 1 / math.sqrt(q.shape[-1])",
        "scale = 1 / q.shape[-1]",
        ("VALUES scaled_dot_product_attention", "ATT-19 usual_scale"),
    ),
    "heads_in_the_wrong_order": Mistake(
        "multi_head_attention",
        "np.concatenate(outputs, axis=-1)",
        "np.concatenate(outputs[::-1], axis=-1)",
        ("VALUES multi_head_attention", "ATT-13 heads_are_concatenated"),
    ),
    "biased_running_variance": Mistake(
        "batch_norm", "x.var(axis=axes, ddof=1)", "x.var(axis=axes)", ("VALUES batch_norm",)
    ),
}


def tried(file: Path, report: Path, seed: int = 0) -> tuple[int, dict[str, Any]]:
    """The exit status and the results of a run at smoke depth, in a process of its own."""
    return run(file, "--seed", str(seed), report=report).returncode, results(report)


@pytest.mark.parametrize("seed", [0, 7])
def test_correct_file_conforms(tmp_path: Path, seed: int) -> None:
    """Plain loops over the formulas conform, whatever the seed: no false alarm."""
    status, document = tried(HOMEWORK, tmp_path, seed)
    assert {check["outcome"] for check in document["checks"]} <= {"conforms", "not_offered"}
    assert status == 0


@pytest.mark.parametrize("name", MISTAKES)
def test_one_wrong_line_is_found(tmp_path: Path, name: str) -> None:
    """The checks that name it deviate, on at most a dozen numbers; only the wrong function is blamed."""
    mistake, correct = MISTAKES[name], HOMEWORK.read_text()
    assert correct.count(mistake.right) == 1
    file = tmp_path / f"{name}.py"
    file.write_text(correct.replace(mistake.right, mistake.wrong))
    status, document = tried(file, tmp_path / "report")
    deviates = {check["id"]: check for check in document["checks"] if check["outcome"] == "deviates"}
    assert status == 1
    assert set(mistake.checks) <= set(deviates)
    assert {check["primitive"] for check in deviates.values()} == {mistake.primitive}
    assert max(deviates[check]["counterexample"]["numbers"] for check in mistake.checks) <= 12
