"""The two sides of every check: what a backend computes, and what the reference reads.

Both offer the primitives by name, so that a law is written once and run with either:

    f.softmax(p.x, axis=-1)
    f.gradient("softmax", p.cotangent, p.x, axis=-1, by="x")        by=("w", "bias") gives one for each
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import reference
from adapters.backend import Backend
from adapters.written import WRITTEN
from properties.agreement import WrongShape
from properties.strategies.draws import Draw
from reference.arithmetic import (
    FLOAT64,
    Arithmetic,
    Bounded,
    default_arithmetic,
    gradient_terms,
    read,
    read_gradient,
    read_tangent,
    step_to_first_order,
)
from reference.arithmetic.formats import holds_numbers

ON_OUTPUTS = default_arithmetic(FLOAT64)  # what a law does to results happens in float64


By = str | tuple[str, ...]
Step = Callable[[str, Sequence[Any], Mapping[str, Any]], tuple[Any, ...]]


def places_of(primitive: str, by: By) -> list[int]:
    """Where the arrays of some names stand among those of a primitive."""
    names = list(inspect.signature(reference.PRIMITIVES[primitive]).parameters)
    return [names.index(name) for name in ((by,) if isinstance(by, str) else by)]


def _one_or_all(results: tuple[Any, ...]) -> Any:
    return results if len(results) > 1 else results[0]


class Computed:
    """The primitives of a backend, on inputs rounded to its format; results are float64 arrays."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, primitive: str) -> Callable[..., Any]:
        def call(*arrays: Any, **options: Any) -> Any:
            return _widened(self._backend.call(primitive, [self._rounded(x) for x in arrays], options))

        return call

    def gradient(self, primitive: str, cotangent: Any, *arrays: Any, by: By, **options: Any) -> Any:
        """The gradient of the first result with respect to an array, or to several; NotOffered without one."""
        g, *inputs = (self._rounded(x) for x in (cotangent, *arrays))
        wanted = places_of(primitive, by)
        results = self._backend.gradient(primitive, inputs, options, g, wanted)
        if len(results) != len(wanted):
            raise WrongShape(f"{len(results)} gradients of {len(wanted)}: {by}", got=len(results), want=len(wanted))
        return _widened(results)

    def _rounded(self, x: Any) -> Any:
        fmt = self._backend.format
        return fmt.round(x.value if isinstance(x, Bounded) else x).astype(fmt.dtype) if _is_number(x) else x


def _widened(results: tuple[Any, ...]) -> Any:
    """Results in float64, those too that NumPy has made scalars of; sizes are integers, and stay so."""
    numbers = ((y, isinstance(y, (np.ndarray, np.generic)) and not isinstance(y, np.integer)) for y in results)
    return _one_or_all(tuple(y.astype(np.float64) if is_number else y for y, is_number in numbers))


class Read:
    """The primitives of the reference under a backend's claims and conventions; results are Bounded."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, primitive: str) -> Callable[..., Any]:
        def call(*arrays: Any, **options: Any) -> Any:
            return _one_or_all(tuple(map(wide, bounded(self._backend, primitive, arrays, options))))

        return call

    def gradient(self, primitive: str, cotangent: Any, *arrays: Any, by: By, **options: Any) -> Any:
        """What the gradient may be; at a kink the whole interval between the branches."""
        call = self._backend, primitive, arrays, options, cotangent, places_of(primitive, by)
        return _one_or_all(tuple(map(wide, bounded_gradient(*call))))


def _is_number(x: Any) -> bool:
    return isinstance(x, Bounded) or holds_numbers(x)


def bounded(
    backend: Backend,
    primitive: str,
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    arithmetic: Arithmetic | None = None,
    *,
    layout: str = "",
) -> tuple[Any, ...]:
    """What the reference allows a backend to return, under its claims unless others are given.

    layout: of the arrays, which may decide what is dropped.
    """
    given = (
        reference.PRIMITIVES[primitive],
        arrays,
        settings_of(backend, primitive, arrays, options, layout),
        arithmetic or backend.arithmetic(primitive),
        reference.FORMULAS.get(primitive),
    )
    return _remembered(read, primitive, *given)


# What was read, for whoever tries many backends on the same inputs; otherwise nothing is kept.
memory: dict[Any, tuple[Any, ...]] | None = None


def _remembered(reading: Callable[..., tuple[Any, ...]], primitive: str, *given: Any) -> tuple[Any, ...]:
    """What a reading gives for a primitive. given: its arguments, of which the first and the last follow from that."""
    if memory is None:
        return reading(*given)
    key = (reading.__name__, primitive, *map(_identity, given[1:-1]))
    if key not in memory:
        memory[key] = reading(*given)
    return memory[key]


def _identity(x: Any) -> Any:
    if isinstance(x, Bounded):
        return _identity(x.value), _identity(x.error)
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.shape, x.tobytes()
    if isinstance(x, Mapping):
        return tuple((name, _identity(value)) for name, value in x.items())
    return tuple(map(_identity, x)) if isinstance(x, (list, tuple)) else repr(x)


def bounded_gradient(
    backend: Backend,
    primitive: str,
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    cotangent: Any,
    wanted: Sequence[int],
) -> tuple[Bounded, ...]:
    """What the reference allows a backend to return as a gradient of the first result."""
    given = (
        reference.PRIMITIVES[primitive],
        arrays,
        settings_of(backend, primitive, arrays, options),
        [cotangent],
        wanted,
        backend.arithmetic(primitive, gradient=True),
        reference.FORMULAS.get(primitive, {}) | WRITTEN.get(primitive, {}),
    )
    return _remembered(read_gradient, primitive, *given)


def bounded_tangent(
    backend: Backend,
    primitive: str,
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    tangents: Sequence[Any],
    wanted: Sequence[int],
) -> Bounded:
    """What forward mode gives for the first result.

    Its bounds are those of a transposed gradient. Of how a backend rounds on this way nothing is claimed, so they are
    trusted only where nothing is rounded: where they are 0.
    """
    return read_tangent(
        reference.PRIMITIVES[primitive],
        arrays,
        settings_of(backend, primitive, arrays, options),
        tangents,
        wanted,
        backend.arithmetic(primitive, gradient=True),
        reference.FORMULAS.get(primitive, {}) | WRITTEN.get(primitive, {}),
    )


def terms_of_gradient(
    backend: Backend,
    primitive: str,
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    cotangent: Any,
    wanted: Sequence[int],
) -> tuple[float, ...]:
    """How large the terms are that each gradient is added up from."""
    settings = settings_of(backend, primitive, arrays, options)
    return gradient_terms(reference.PRIMITIVES[primitive], arrays, settings, [cotangent], wanted)


def settings_of(
    backend: Backend, primitive: str, arrays: Sequence[Any], options: Mapping[str, Any], layout: str = ""
) -> dict[str, Any]:
    """The options with which the reference is read: with the backend's conventions, and what chance chose for it."""
    settings = {**backend.conventions(primitive), **options}
    if primitive == "dropout" and settings.get("training", True):
        settings["keep"] = _kept(backend, arrays[0], options, layout)
    return settings


def _kept(backend: Backend, x: Any, options: Mapping[str, Any], layout: str) -> Any:
    """Which elements a backend's dropout keeps: those of ones that survive, with the same key."""
    (y,) = backend.call("dropout", [np.ones(x.shape, backend.format.dtype)], options, layout=layout)
    return np.asarray(y) != 0


class Steps:
    """The primitives as a composition calls them; step says what comes of a call of one on some arrays."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def __getattr__(self, primitive: str) -> Callable[..., Any]:
        return lambda *arrays, **options: _one_or_all(self._step(primitive, arrays, options))


def carried_forward(backend: Backend) -> Steps:
    """The reference under a backend's claims, with bounds that are carried from step to step."""
    usual = default_arithmetic(backend.format)
    return Steps(lambda *call: tuple(y.under(usual) for y in bounded(backend, *call)))


def to_first_order(backend: Backend) -> Steps:
    """The reference under a backend's claims, each step charged with its own rounding alone."""

    def step(primitive: str, arrays: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, ...]:
        settings, a = settings_of(backend, primitive, arrays, options), backend.arithmetic(primitive)
        formulas = reference.FORMULAS.get(primitive)
        return step_to_first_order(reference.PRIMITIVES[primitive], arrays, settings, a, formulas)

    return Steps(step)


def wide(x: Any) -> Any:
    """Numbers as a law computes with them without calling a primitive: in float64. Sizes are integers, and stay so."""
    return x.under(ON_OUTPUTS) if isinstance(x, Bounded) else x


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
