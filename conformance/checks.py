"""Every check that there is: the laws of properties/, and the lanes of this folder for each row of the table."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

import conformance
import properties
from adapters.backend import Backend
from properties.trial import Check


@functools.cache
def laws() -> dict[str, Callable[[Backend], None]]:
    """Every law, by the id of its check."""
    return _of_properties("laws")


@functools.cache
def statements() -> dict[str, Callable[[Backend], None]]:
    """Every statement of a lecture on trial, by the id of its check."""
    return _of_properties("statements")


@functools.cache
def conventions() -> dict[str, Callable[[Backend], None]]:
    """Every question that a backend's choice answers, by the id of its check."""
    return _of_properties("conventions")


@functools.cache
def lanes() -> dict[str, Callable[[Backend], None]]:
    """Every check that a row of the table of cases gets, by its id."""
    return {
        check.id: functools.partial(f, case=case)
        for f in _tests(conformance)
        if hasattr(f, "cases")
        for case, check in f.cases.items()
    }


def check_ids() -> set[str]:
    """The id of every check."""
    return {check.id for check in checks()}


def checks() -> dict[Check, Callable[[Backend], None]]:
    """Every check, with the test that tries it on a backend; the lanes first."""
    of_lanes = {test.func.cases[test.keywords["case"]]: test for test in lanes().values()}  # type: ignore[attr-defined]  # a partial
    others = laws() | statements() | conventions()
    return of_lanes | {test.check: test for test in others.values()}  # type: ignore[attr-defined]  # made by a decorator


def _of_properties(part: str) -> dict[str, Callable[[Backend], None]]:
    return {f.check.id: f for f in _tests(properties) if hasattr(f, "check") and f.check.part == part}


def _tests(package: ModuleType) -> list[Any]:
    """What stands in the files of tests of a package."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if module.name.startswith("test_")]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return [f for module in modules for f in vars(module).values()]
