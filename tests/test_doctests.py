"""The worked examples in the docstrings of the reference."""

import doctest
import importlib
import pkgutil

import pytest

import reference

MODULES = [module.name for module in pkgutil.walk_packages(reference.__path__, "reference.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """Every example gives what its docstring prints."""
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.failed == 0


def test_every_primitive_has_one() -> None:
    """Each primitive shows a worked example."""
    without = [name for name, f in reference.PRIMITIVES.items() if ">>>" not in (f.__doc__ or "")]
    assert not without
