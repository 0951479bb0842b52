"""The page that lists chapters and primitives: python -m reference.contents > reference/README.md."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from reference import PRIMITIVES
from reference.networks import NETWORKS

# As in a short course: each chapter is made of those before it.
CHAPTERS = (
    "dense",
    "activations",
    "loss",
    "convolution",
    "pooling",
    "normalization",
    "dropout",
    "residual",
    "embedding",
    "positions",
    "attention",
    "recurrence",
    "blocks",
    "networks",
)

HEAD = """\
# What is true, chapter by chapter

Read from top to bottom this is a short course: each chapter uses only those before it. A chapter is one file. It begins
with its formulas, here in the boxes; each primitive is such a formula in the same letters, with its shapes, an example
and its source. Laws are in [properties](../properties), and the lectures and papers in [SOURCES.md](SOURCES.md).
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEAD, *(line for i, name in enumerate(CHAPTERS, start=1) for line in _chapter(i, name))])


def functions_of(module: ModuleType) -> list[Callable[..., Any]]:
    """The primitives and networks that a chapter defines, in the order in which they stand there."""
    own = [f for f in (*PRIMITIVES.values(), *NETWORKS) if f.__module__ == module.__name__]
    return sorted(own, key=_line)


def formulas_of(module: ModuleType) -> str:
    """What is indented in the text of a chapter."""
    boxes = re.findall(r"(?:^    .*\n?)+", inspect.getdoc(module) or "", re.MULTILINE)
    return inspect.cleandoc("\n\n".join(box.rstrip("\n") for box in boxes))


def source_of(function: Callable[..., Any]) -> str:
    """Where a definition is taken from."""
    found = re.search(r"Source: (.*?)(?:\n\n|\Z)", inspect.getdoc(function) or "", re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def _chapter(number: int, name: str) -> list[str]:
    module = importlib.import_module(f"reference.{name}")
    title = f"## {number}. {_first_line(module)}"
    boxed = ["```", formulas_of(module), "```"]
    rows = [
        f"| [`{f.__name__}`]({name}.py#L{_line(f)}) | {_first_line(f)} | {source_of(f)} |" for f in functions_of(module)
    ]
    return [title, "", f"[{name}.py]({name}.py)", "", *boxed, "", "| | | source |", "| --- | --- | --- |", *rows, ""]


def _first_line(documented: Any) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _line(function: Callable[..., Any]) -> int:
    return inspect.getsourcelines(function)[1]


if __name__ == "__main__":
    print(page(), end="")
