"""A student's file: a correct one passes, and one wrong line is found at smoke depth, in small numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HOMEWORK = Path(__file__).parent / "homework"
ROOT = HOMEWORK.parent.parent

# The file, a check that must reject it, and the primitive that is wrong.
WRONG = [
    ("softmax_without_shift", "VALUES softmax", "softmax"),
    ("softmax_without_shift", "SOFT-2 shift_invariance", "softmax"),
    ("flipped_kernel", "VALUES convolution", "convolution"),
    ("flipped_kernel", "CONV-9 delta_kernel_shifts", "convolution"),
    ("padding_on_one_side", "VALUES convolution", "convolution"),
    ("padding_on_one_side", "CONV-17 padding_first", "convolution"),
    ("dropout_without_rescaling", "VALUES dropout", "dropout"),
    ("dropout_without_rescaling", "DROP-2 zero_or_rescaled", "dropout"),
    ("biased_running_variance", "VALUES batch_norm", "batch_norm"),
]


def tried(name: str, folder: Path, seed: int = 0) -> tuple[int, dict[str, Any]]:
    """The exit status and the results of a run at smoke depth, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "--adapter", str(HOMEWORK / f"{name}.py"), "--depth", "smoke", "-q"]
    run = subprocess.run(
        [*command, "--seed", str(seed), "--report", str(folder), "-p", "no:cacheprovider"],
        cwd=ROOT,
        capture_output=True,
    )
    return run.returncode, json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, dict[str, Any]]]:
    """One run for each wrong file."""
    return {name: tried(name, tmp_path_factory.mktemp(name)) for name in dict.fromkeys(name for name, *_ in WRONG)}


@pytest.mark.parametrize("seed", [0, 7])
def test_correct_file_conforms(tmp_path: Path, seed: int) -> None:
    """Plain loops over the formulas conform, whatever the seed: no false alarm."""
    status, document = tried("correct", tmp_path, seed)
    assert {check["outcome"] for check in document["checks"]} <= {"conforms", "not_offered"}
    assert status == 0


@pytest.mark.parametrize(("name", "check", "primitive"), WRONG)
def test_one_wrong_line_is_found(results: Any, name: str, check: str, primitive: str) -> None:
    """The check deviates, on a counterexample of at most a dozen numbers, and the run fails."""
    status, document = results[name]
    assert status == 1
    (found,) = [row for row in document["checks"] if row["id"] == check]
    assert found["outcome"] == "deviates"
    assert found["counterexample"]["numbers"] <= 12


@pytest.mark.parametrize("name", dict.fromkeys(name for name, *_ in WRONG))
def test_nothing_else_is_blamed(results: Any, name: str) -> None:
    """Only checks of the wrong function deviate."""
    wrong = {primitive for other, _, primitive in WRONG if other == name}
    assert {row["primitive"] for row in results[name][1]["checks"] if row["outcome"] == "deviates"} == wrong
