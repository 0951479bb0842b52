"""The benchmark prints what it promises; no number of it is judged."""

from __future__ import annotations

import subprocess
import sys

from tests.runs import ROOT, surroundings


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
