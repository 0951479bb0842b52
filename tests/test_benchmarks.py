"""The benchmark prints what it promises; no number of it is judged."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.run import table
from tests.runs import ROOT, surroundings


def test_the_cost_of_a_gradient_is_printed() -> None:
    """Of those that an adapter has, and of primitives that have one."""
    line = [sys.executable, "-m", "benchmarks.cost", "reference", "--depth=smoke", "--format=float64", "--gradients"]
    line += ["--primitive=softmax", "--primitive=output_size"]
    ended = subprocess.run(line, cwd=ROOT, env=surroundings(), capture_output=True, text=True, timeout=60, check=True)
    _, row = ended.stdout.splitlines()
    assert row.split()[:2] == ["softmax", "reference-cpu-float64-eager"]
    assert float(row.split()[4]) > 0


def test_the_cost_of_every_part_is_printed() -> None:
    """One row for each primitive that is chosen, with a number in every column."""
    line = [sys.executable, "-m", "benchmarks.cost", "tests/adapters/good.py", "--depth=smoke"]
    line += ["--primitive=softmax", "--primitive=pad"]
    ended = subprocess.run(line, cwd=ROOT, env=surroundings(), capture_output=True, text=True, timeout=60, check=True)
    head, *rows = ended.stdout.splitlines()
    assert head.split()[:5] == ["draw", "reference", "bound", "adapter", "compare"]
    assert [row.split()[:2] for row in rows] == [[name, "good-cpu-float64-eager"] for name in ("pad", "softmax")]
    assert rows[0].split()[2:] == ["not", "offered"]
    assert len(rows[1].split()) == 2 + len(head.replace(" s ", " ").split())


def test_the_time_of_a_run_is_added_up() -> None:
    """Seconds of every file of checks, by adapter, also where a name has hyphens; the longest file first."""
    took = [
        ("conformance/test_values.py:1", "VALUES softmax", "my-file", 1.0),
        ("conformance/test_gradients.py:1", "GRADIENTS softmax", "my-file", 2.0),
        ("conformance/test_values.py:1", "VALUES softmax", "torch", 0.5),
        ("properties/test_activations.py:9", "ACT-1 x", "torch", 0.25),
    ]
    rest = {"device": "cpu", "format": "float32", "mode": "eager"}
    checks = [{"where": where, "id": id, "adapter": adapter, **rest} for where, id, adapter, _ in took]
    seconds: dict[str, dict[str, float]] = {}
    for _, id, adapter, time in took:
        seconds.setdefault(id, {})[f"{adapter}-cpu-float32-eager"] = time
    head, *rows = table(seconds, checks)
    assert head.split() == ["seconds", "my-file", "torch", "all"]
    assert [row.split() for row in rows] == [
        ["gradients", "2.0", "0.0", "2.0"],
        ["values", "1.0", "0.5", "1.5"],
        ["activations", "0.0", "0.2", "0.2"],
        ["all", "3.0", "0.8", "3.8"],
    ]
