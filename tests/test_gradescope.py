"""Points for a student's file: one test for each primitive, and the smallest counterexample as feedback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.runs import run

FILE = """
import os
import numpy as np

def softmax(x, *, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)

def sigmoid(x):
    os._exit(3)

def relu(x):
    return np.maximum(x, 0)

def pad(x, *, padding):
    raise NotImplementedError("the week after next")

def average_pool(x, *, kernel):
    k = kernel
    windows = np.lib.stride_tricks.sliding_window_view(x, k, tuple(range(2, x.ndim)))
    return windows[(..., *(slice(None, None, n) for n in k), *(slice(None),) * len(k))].mean(
        axis=tuple(range(-len(k), 0))
    )
"""
NAMES = "(softmax or sigmoid or relu or pad or average_pool or tanh) and not adaptive and not log"
TRIED = f"(test_values or test_gradients) and {NAMES}"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The tests that Gradescope shows, by name; the adapter kills its process in one of them."""
    folder = tmp_path_factory.mktemp("graded")
    (folder / "homework.py").write_text(FILE)
    path = folder / "graded" / "results.json"
    path.parent.mkdir()
    ended = run(folder / "homework.py", "-k", TRIED, f"--gradescope={path}", report=folder / "report", workers=1)
    assert ended.returncode == 1
    document = json.loads(path.read_text())
    assert set(document) == {"tests"}
    return {test["name"]: test for test in document["tests"]}


def test_every_primitive_that_was_tried_is_a_test(graded: dict[str, dict[str, Any]]) -> None:
    """With equal points, and the fields that Gradescope knows."""
    assert {"softmax", "sigmoid", "relu", "pad", "tanh", "average_pool"} <= set(graded)
    assert "convolution" not in graded
    for test in graded.values():
        assert set(test) == {"name", "score", "max_score", "status", "output_format", "output"}
        assert test["max_score"] == 1
        assert (test["score"], test["status"]) in ((1, "passed"), (0, "failed"))
        assert test["output"]


def test_what_conforms_gets_the_points(graded: dict[str, dict[str, Any]]) -> None:
    """Also after another primitive has killed its process."""
    assert graded["relu"]["score"] == 1
    assert "1 conforms" in graded["relu"]["output"]


def test_a_failure_shows_its_counterexample(graded: dict[str, dict[str, Any]]) -> None:
    """The input, what was found, and the line of the reference."""
    told = graded["softmax"]
    assert told["score"] == 0
    for words in ("VALUES softmax", "on  softmax(x=[", "is nan, the reference", "reference/activations.py:"):
        assert words in told["output"]


def test_a_crash_is_told_with_its_input(graded: dict[str, dict[str, Any]]) -> None:
    told = graded["sigmoid"]
    assert told["score"] == 0
    for words in ("crashed", "on  sigmoid(x=", "the process ended with status 3"):
        assert words in told["output"]


def test_what_is_not_offered_gets_no_points(graded: dict[str, dict[str, Any]]) -> None:
    """And says why, be it absent or refused."""
    for primitive, reason in (("tanh", "it has no tanh"), ("pad", "the week after next")):
        assert graded[primitive]["score"] == 0
        assert "is not there to be tried" in graded[primitive]["output"]
        assert reason in graded[primitive]["output"]


def test_options_that_are_missing_are_named(graded: dict[str, dict[str, Any]]) -> None:
    """What was tried holds, so it gets its points; what could not be tried is said."""
    told = graded["average_pool"]
    assert told["score"] == 1
    assert "Not everything could be tried: " in told["output"]
    assert "no option" in told["output"]


def test_points_are_for_one_file(tmp_path: Path) -> None:
    """With two adapters nobody knows whose points they are."""
    line = ["--adapter=reference", f"--gradescope={tmp_path / 'results.json'}"]
    ended = run("good", *line, report=tmp_path / "report")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "name it, and nothing else, with --adapter" in ended.stderr


def test_a_file_that_does_not_load_gets_a_reason(tmp_path: Path) -> None:
    """Gradescope needs a file in any case: none of the points, and the error that the student made."""
    (tmp_path / "homework.py").write_text("def softmax(x) return x")
    path = tmp_path / "results.json"
    ended = run(tmp_path / "homework.py", "-k", TRIED, f"--gradescope={path}", report=tmp_path / "report")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    document = json.loads(path.read_text())
    assert document["score"] == 0
    assert "SyntaxError" in document["output"]
