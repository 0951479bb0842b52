"""What a mutant is, and how one is registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reference
from adapters.backend import Backend
from reference.arithmetic import FLOAT64, Format

Function = Callable[..., Any]


class Adapter:
    """The reference's functions, some of them replaced."""

    def __init__(self, **functions: Any) -> None:
        vars(self).update(reference.PRIMITIVES | functions)


def tried(adapter: Any, name: str = "mutant", fmt: Format = FLOAT64, version: str = "0") -> Backend:
    """A backend of one adapter on the CPU."""
    return Backend(adapter, name, version, "cpu", fmt, "eager")


@dataclass(frozen=True)
class Mutant:
    """A wrong function. make gives it anew, since some keep a state between their calls."""

    name: str
    primitive: str
    make: Callable[[], Function]

    def backend(self) -> Backend:
        return tried(Adapter(**{self.primitive: self.make()}), self.name)


MUTANTS: dict[str, Mutant] = {}


def mutant(primitive: str) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        MUTANTS[f"{primitive}: {function.__name__}"] = Mutant(function.__name__, primitive, lambda: function)
        return function

    return register


def mutant_with_state(primitive: str) -> Callable[[Callable[[], Function]], Callable[[], Function]]:
    def register(make: Callable[[], Function]) -> Callable[[], Function]:
        MUTANTS[f"{primitive}: {make.__name__}"] = Mutant(make.__name__, primitive, make)
        return make

    return register
