"""The two sides of every check: what a backend computes, and what the reference reads.

Both offer the primitives by name, so that a law is written once and run with either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import reference
from adapters.backend import Backend
from properties.strategies.draws import Draw
from reference.arithmetic import FLOAT64, Bounded, default_arithmetic, read, read_gradient

ON_OUTPUTS = default_arithmetic(FLOAT64)  # what a law does to results happens in float64


class Computed:
    """The primitives of a backend, on inputs rounded to its format; results are float64 arrays."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, primitive: str) -> Callable[..., Any]:
        def call(*arrays: Any, **options: Any) -> Any:
            fmt = self._backend.format
            inputs = [
                fmt.round(x.value if isinstance(x, Bounded) else x).astype(fmt.dtype) if _is_number(x) else x
                for x in arrays
            ]
            results = self._backend.call(primitive, inputs, options)
            wide = tuple(y.astype(np.float64) if isinstance(y, np.ndarray) else y for y in results)
            return wide if len(wide) > 1 else wide[0]

        return call


class Read:
    """The primitives of the reference under a backend's claims and conventions; results are Bounded."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, primitive: str) -> Callable[..., Any]:
        def call(*arrays: Any, **options: Any) -> Any:
            results = bounded(self._backend, primitive, arrays, options)
            wide = tuple(y.under(ON_OUTPUTS) for y in results)
            return wide if len(wide) > 1 else wide[0]

        return call


def _is_number(x: Any) -> bool:
    return isinstance(x, Bounded) or (isinstance(x, np.ndarray) and x.dtype.kind not in "biu")


def bounded(backend: Backend, primitive: str, arrays: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the reference allows a backend to return."""
    return read(
        reference.PRIMITIVES[primitive],
        arrays,
        _settings(backend, primitive, arrays, options),
        backend.arithmetic(primitive),
        reference.FORMULAS.get(primitive),
    )


def bounded_gradient(
    backend: Backend,
    primitive: str,
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    cotangent: Any,
    wanted: Sequence[int],
) -> tuple[Bounded, ...]:
    """What the reference allows a backend to return as a gradient of the first result."""
    return read_gradient(
        reference.PRIMITIVES[primitive],
        arrays,
        _settings(backend, primitive, arrays, options),
        [cotangent],
        wanted,
        backend.arithmetic(primitive, gradient=True),
        reference.FORMULAS.get(primitive),
        reference.GRADIENTS.get(primitive),
    )


def _settings(backend: Backend, primitive: str, arrays: Sequence[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with which the reference is read: with the backend's conventions, and what chance chose for it."""
    settings = {**backend.conventions(primitive), **options}
    if primitive == "dropout" and settings.get("training", True):
        settings["keep"] = _kept(backend, arrays[0], options)
    return settings


def _kept(backend: Backend, x: Any, options: Mapping[str, Any]) -> Any:
    """Which elements a backend's dropout keeps: those of ones that survive, with the same key."""
    (y,) = backend.call("dropout", [np.ones(x.shape, backend.format.dtype)], options)
    return np.asarray(y) != 0


def wide(x: Bounded) -> Bounded:
    """An input as a plain number, for what a law computes from it without calling a primitive."""
    return x.under(ON_OUTPUTS)


class Inputs:
    """A draw as a law sees it: arrays are Bounded, so that what the law does to them is charged."""

    def __init__(self, draw: Draw) -> None:
        arithmetic = default_arithmetic(draw.format)
        given = {**draw.arrays, **draw.extras}
        self._fields = {name: Bounded.of(x, arithmetic) if _is_number(x) else x for name, x in given.items()}
        self.options = dict(draw.options)
        self.arrays = [self._fields[name] for name in draw.arrays]

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__["_fields"]
        return fields[name] if name in fields else self.__dict__["options"][name]
