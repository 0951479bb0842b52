"""The page that lists chapters and primitives says what the code says, and its order can be read."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import reference
from reference import contents
from reference.contents import CHAPTERS, formulas_of, functions_of, source_of
from reference.networks import NETWORKS

FOLDER = Path(reference.__file__).parent
HELPERS = {"arrays", "contents", "__init__"}


def test_the_page_is_of_this_code() -> None:
    """After a change: python -m reference.contents > reference/README.md."""
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == contents.page()


def test_every_file_is_a_chapter() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - HELPERS == set(CHAPTERS)


def test_every_primitive_stands_once() -> None:
    listed = [f.__name__ for name in CHAPTERS for f in functions_of(importlib.import_module(f"reference.{name}"))]
    assert sorted(listed) == sorted([*reference.PRIMITIVES, *(network.__name__ for network in NETWORKS)])


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_begins_with_its_formulas(name: str) -> None:
    module = importlib.import_module(f"reference.{name}")
    assert formulas_of(module)
    assert all(source_of(f) for f in functions_of(module))


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_uses_only_those_before_it(name: str) -> None:
    """So that who reads in this order has read what is used."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    used = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    chapters = {module.removeprefix("reference.") for module in used} & set(CHAPTERS)
    assert chapters <= set(CHAPTERS[: CHAPTERS.index(name)])
