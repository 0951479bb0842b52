"""Every check that there is: the laws of properties/, and values for each row of the table of cases."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable

import properties
from adapters.backend import Backend
from conformance.test_values import test_values


@functools.cache
def laws() -> dict[str, Callable[[Backend], None]]:
    """Every law, by the id of its check."""
    names = [module.name for module in pkgutil.iter_modules(properties.__path__) if module.name.startswith("test_")]
    modules = [importlib.import_module(f"properties.{name}") for name in names]
    return {f.check.id: f for module in modules for f in vars(module).values() if hasattr(f, "check")}


def check_ids() -> set[str]:
    """The id of every check."""
    return {*laws(), *(check.id for check in test_values.cases.values())}  # type: ignore[attr-defined]  # set there
