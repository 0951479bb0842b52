"""The numbers that the README gives are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.checks import conventions, laws, statements
from conformance.mutants import MUTANTS
from reference import PRIMITIVES

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")

COUNTED = {
    r"tries (\d+) primitives": len(PRIMITIVES),
    r"\| (\d+) laws:": len(laws()),
    r"\| (\d+) statements:": len(statements()),
    r"\| (\d+) questions:": len(conventions()),
    r"tries (\d+) wrong implementations": len(MUTANTS),
}


@pytest.mark.parametrize(("pattern", "n"), COUNTED.items())
def test_the_readme_counts_what_there_is(pattern: str, n: int) -> None:
    assert [int(found) for found in re.findall(pattern, README)] == [n]
