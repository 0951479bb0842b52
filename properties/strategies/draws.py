"""Draws: a problem with its numbers, in a format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from properties.strategies.kinds import KINDS, MODERATE, integers_among, numbers, open_places
from properties.strategies.problems import Problem, Spec
from properties.strategies.special import ORDINARY, SPECIAL, placed
from reference.arithmetic import Format

Entropy = tuple[int, int, int, int]


@dataclass(frozen=True)
class Draw:
    """The arguments of one call: arrays in the format's NumPy type, options, and a law's extras."""

    problem: Problem
    kind: str
    format: Format
    arrays: Mapping[str, Any]
    extras: Mapping[str, Any]

    @property
    def primitive(self) -> str:
        return self.problem.primitive

    @property
    def options(self) -> Mapping[str, Any]:
        return self.problem.options

    @property
    def numbers(self) -> int:
        """How many numbers the arrays have."""
        return sum(np.size(x) for x in (*self.arrays.values(), *self.extras.values()) if x is not None)

    def __getattr__(self, name: str) -> Any:
        for fields in ("arrays", "extras"):
            if name in self.__dict__.get(fields, ()):
                return self.__dict__[fields][name]
        if "problem" in self.__dict__ and name in self.problem.options:
            return self.problem.options[name]
        raise AttributeError(name)

    def __repr__(self) -> str:
        given = {**self.arrays, **self.extras, **self.options}
        shown = (f"{name}={_shown(x)}" for name, x in given.items() if x is not None)
        return f"{self.primitive}({', '.join(shown)})"

    def with_arrays(self, **arrays: Any) -> Draw:
        """The same call with other numbers in some arrays or extras."""
        mine = {name: arrays.get(name, x) for name, x in self.arrays.items()}
        extras = {name: arrays.get(name, x) for name, x in self.extras.items()}
        return Draw(self.problem, self.kind, self.format, mine, extras)


def _shown(x: Any) -> str:
    if not isinstance(x, np.ndarray):
        return repr(x)
    if not x.size:
        return f"zeros({x.shape})"
    if x.dtype == bool:
        return " ".join(np.array2string(x, separator=", ", threshold=64, formatter={"bool": str}).split())
    values = x.astype(np.float64)
    text = np.array2string(values, separator=", ", threshold=64, formatter={"float_kind": _number})  # type: ignore[arg-type]  # NumPy asks for a function of its own float
    return " ".join(text.split())


def _number(x: float) -> str:
    is_integer = abs(x) < 2**53 and x == int(x) and (x != 0 or np.copysign(1, x) > 0)
    return str(int(x)) if is_integer else repr(float(x))


def draw(problem: Problem, kind: str, fmt: Format, seeds: Sequence[int]) -> Draw:
    """Fill a problem's arrays with numbers of a kind, or with ordinary ones of which a few are special."""
    rng = np.random.default_rng(seeds)
    special, kind_of_all = kind if kind in SPECIAL else None, kind
    if special:
        kind = str(rng.choice(ORDINARY))

    def filled(x: Any, first: bool) -> Any:
        if not isinstance(x, Spec):
            return x
        if x.mask == "boolean":
            return open_places(x.shape, x.always, rng, x.closed)
        if x.among:
            return integers_among(x.among, x.shape, rng)
        like = MODERATE.get(kind, kind) if x.moderate or x.mask else kind
        y = numbers(like, x.shape, fmt, rng, first=first, nonnegative=x.nonnegative, whole=x.whole)
        y = np.multiply(y, x.scale, out=y)
        if x.mask:
            y = np.where(open_places(x.shape, x.always, rng, x.closed), y, -np.inf)
        return y.astype(fmt.dtype)

    arrays = {name: filled(x, not i) for i, (name, x) in enumerate(problem.arrays.items())}
    extras = {name: filled(x, False) for name, x in problem.extras.items()}
    if special:
        arrays = placed(SPECIAL[special](fmt, rng), arrays, rng)
    return Draw(problem, kind_of_all, fmt, arrays, extras)


def draws(
    problem: Problem, n: int, fmt: Format, entropy: Entropy, kinds: Sequence[str] | None = None
) -> Iterator[Draw]:
    """The same problem n times, with data of every kind in turn."""
    names = tuple(kinds or KINDS)
    if not any(isinstance(x, Spec) for x in (*problem.arrays.values(), *problem.extras.values())):
        n = 1  # nothing to draw
    for i in range(n):
        yield draw(problem, names[i % len(names)], fmt, (*entropy, i))
