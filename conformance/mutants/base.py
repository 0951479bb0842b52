"""What a mutant is, and how one is registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reference
from adapters.backend import Backend
from adapters.reference_choices import chooses
from reference.arithmetic import FLOAT64, Format

Function = Callable[..., Any]


class Adapter:
    """The reference's functions, some of them replaced."""

    def __init__(self, **functions: Any) -> None:
        vars(self).update(reference.PRIMITIVES | {"accepts": {}, "chooses": chooses} | functions)


def tried(adapter: Any, name: str = "mutant", fmt: Format = FLOAT64, version: str = "0") -> Backend:
    """A backend of one adapter on the CPU."""
    return Backend(adapter, name, version, "cpu", fmt, "eager")


@dataclass(frozen=True)
class Mutant:
    """A wrong function. make gives it anew, since some keep a state between their calls.

    format: the one in which it is wrong. replaces: what it is in the adapter, if not the primitive itself; what is
    more than one attribute of an adapter is made as a dict of them.
    """

    name: str
    primitive: str
    make: Callable[[], Function]
    format: Format = FLOAT64
    replaces: str = ""

    @property
    def id(self) -> str:
        return f"{self.primitive}: {self.name}"

    def backend(self) -> Backend:
        made = self.make()
        attributes = made if isinstance(made, dict) else {self.replaces or self.primitive: made}
        return tried(Adapter(**attributes), self.name, self.format)


MUTANTS: dict[str, Mutant] = {}


def mutant(primitive: str, **how: Any) -> Callable[[Function], Function]:
    """Register a wrong function; how: the other fields of Mutant."""

    def register(function: Function) -> Function:
        _add(Mutant(function.__name__, primitive, lambda: function, **how))
        return function

    return register


def mutant_with_state(primitive: str, **how: Any) -> Callable[[Callable[[], Function]], Callable[[], Function]]:
    """Register what makes a wrong function."""

    def register(make: Callable[[], Function]) -> Callable[[], Function]:
        _add(Mutant(make.__name__, primitive, make, **how))
        return make

    return register


def _add(new: Mutant) -> None:
    assert new.id not in MUTANTS, f"two mutants are called {new.id}"
    MUTANTS[new.id] = new
