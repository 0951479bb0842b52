"""Shaking a module: what is taken is all that is needed, and stands alone."""

from __future__ import annotations

import ast
import builtins
import itertools

import pytest

import reference
from conformance.shaken import CannotStandAlone, entry, read, shaken

SOURCE = '''\
"""A module."""

import os.path
import math as m
import numpy as np
from collections.abc import Callable, Sequence
from reference.arrays import PerAxis, per_axis

LARGE = 3
UNUSED = LARGE + 1
np.seterr(all="ignore")
print(LARGE)

# What it is multiplied by.
FACTOR = LARGE * m.pi


def helper(x, n=FACTOR):
    return x * n


def first(x: PerAxis) -> Sequence[int]:
    LARGER = [helper for helper in per_axis(x, 2)]
    return LARGER


@Callable
def second(x):
    """Calls what stands below."""
    UNUSED = third(x)
    return UNUSED


def third(x):
    return [helper(y) for y in x]


modes = {"eager": None, "compiled": third}
'''


def test_only_what_is_needed_is_taken() -> None:
    """Functions that are called, constants, defaults, decorators, imports, comments; a local name is none of these."""
    text = shaken(SOURCE, ["second"])
    assert "def second" in text and "def third" in text and "def helper" in text
    assert "# What it is multiplied by.\nFACTOR = LARGE * m.pi" in text
    assert "import math as m" in text
    assert "from collections.abc import Callable\n" in text
    for absent in ("UNUSED = LARGE", "def first", "per_axis", "os.path", "modes", "Sequence", "print(LARGE)"):
        assert absent not in text


def test_a_setting_of_an_import_is_kept() -> None:
    """A statement that sets something of a library comes with every source; one that uses the module's own does not."""
    assert 'np.seterr(all="ignore")' in shaken(SOURCE, ["third"])


def test_a_name_of_the_project_is_followed() -> None:
    """Its definition stands in the source, with what it needs; no import of the project is left."""
    text = shaken(SOURCE, ["first"])
    assert "def per_axis" in text and "PerAxis = " in text
    assert "from reference" not in text
    assert "def helper" not in text  # a comprehension has a variable of that name
    space: dict[str, object] = {}
    exec(text, space)  # the source of this test and of reference/arrays.py
    assert space["first"](2) == [2, 2]  # type: ignore[operator]  # a function


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import reference\n\n\ndef f(x):\n    return reference.PRIMITIVES[x]\n", "as a whole"),
        ("from .other import g\n\n\ndef f(x):\n    return g(x)\n", "from beside it"),
        ("from reference.arrays import per_axis as p\n\n\ndef f(x):\n    return p(x)\n", "under the name"),
        ("globals().update(f=1)\n", "not written in it"),
        (
            "from reference.arrays import per_axis\n\nPerAxis = 3\n\n\ndef f(x):\n    return per_axis(PerAxis, x)\n",
            "two things",
        ),
    ],
)
def test_what_cannot_stand_alone_says_why(source: str, why: str) -> None:
    with pytest.raises(CannotStandAlone, match=why):
        shaken(source, ["f"])


@pytest.mark.parametrize(("key", "expression"), [("eager", "None"), ("compiled", "third"), ("other", None)])
def test_an_entry_of_a_table_is_an_expression(key: str, expression: str | None) -> None:
    assert entry(SOURCE, "modes", key) == expression


@pytest.mark.parametrize("adapter", ["torch", "jax"])
@pytest.mark.parametrize("primitive", reference.PRIMITIVES)
def test_every_function_of_a_shipped_adapter_stands_alone(adapter: str, primitive: str) -> None:
    """With its gradient and the boundary; what is left has no name that nothing binds."""
    source = read(f"adapters.{adapter}")
    assert source is not None
    if f"\ndef {primitive}(" not in source:
        return  # not offered
    text = shaken(source, [primitive, "put", "get", "gradient", "jvp"])
    assert "from adapters" not in text and "from reference" not in text
    tree = ast.parse(text)
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    bound |= {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
    bound |= {alias.asname or alias.name.split(".")[0] for n in imports for alias in n.names}
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    assert used <= bound | set(vars(builtins))


def test_the_order_in_which_names_come_does_not_matter() -> None:
    """They are a set, of which Python has another order in each process; what is written is the same."""
    source = read("adapters.torch")
    assert source
    orders = itertools.permutations(["get", "put", "lp_pool", "gradient"])
    assert len({shaken(source, names) for names in orders}) == 1
