"""How the bound of a primitive comes about: its reference is read once more, and each operation noted with its rule.

Nothing is written down twice: the operations are those that the reading itself makes, in the lines of the reference in
which it makes them.
"""

from __future__ import annotations

import functools
import linecache
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import reference
from adapters.backend import Backend
from conformance.cases import CASES
from properties.sides import settings_of
from properties.strategies import Draw, Problem, draw
from reference.arithmetic import FLOAT32, Arithmetic, Bounded, default_arithmetic
from reference.arithmetic.bounded import FUNCTIONS
from reference.arithmetic.formats import holds_numbers

HOME = Path(reference.__file__).parent
TRIED = 12  # problems of a primitive, of which the one with the most different operations is shown


@dataclass(frozen=True)
class Rule:
    """One rule of the bounds. words: what one operation adds; carries: what becomes of the errors of its operands."""

    name: str
    words: str
    carries: str
    source: str


HIGHAM = "Higham, Accuracy and Stability of Numerical Algorithms (2002)"
RULES = {
    rule.name: rule
    for rule in (
        Rule(
            "rounding",
            "u |v|, or half of the smallest subnormal where that is more; k u |v| where k roundings are claimed of a "
            "quotient or a root",
            "a ± b: e_a + e_b. a b: |a| e_b + |b| e_a + e_a e_b. a / b: (e_a + |v| e_b) / (|b| − e_b). √a: how far it "
            "moves over [a − e, a + e]",
            f"{HIGHAM}, sections 2.2 and 3.4",
        ),
        Rule(
            "sum",
            "(n − 1) u_A Σ|v_i| in an accumulator of roundoff u_A, in any order; then one rounding. A term that joins "
            "a sum is one of the n",
            "Σ e_i",
            f"Rump (2012), Jeannerod and Rump (2013); {HIGHAM}, section 4.2",
        ),
        Rule(
            "sum of products",
            "n u_A Σ|a_i b_i|, in any order; then one rounding. A bias is one more term",
            "Σ |a_i| e_b + |b_i| e_a + e_a e_b",
            f"Jeannerod and Rump (2013); {HIGHAM}, section 3.1",
        ),
        Rule(
            "mean",
            "that of the sum; then one rounding for the division by n",
            "Σ e_i / n",
            f"as sum and rounding; {HIGHAM}, section 4.2",
        ),
        Rule(
            "product",
            "((1 + u)^(n − 1) − 1) Π(|v_i| + e_i), in any order",
            "Π(|v_i| + e_i) − Π|v_i|",
            f"{HIGHAM}, section 3.1",
        ),
        Rule(
            "function",
            "2 k u |v| where k units in the last place are claimed (1 unless claimed); nothing at exp 0, log 1, tanh 0",
            "by how much f moves over [a − e, a + e]",
            "the claim of the backend, which is probed",
        ),
        Rule(
            "maximum",
            "nothing",
            "from the largest lower end to the largest upper end of the candidates",
            "the definition of the maximum",
        ),
        Rule("magnitude", "nothing", "e", "||a| − |b|| ≤ |a − b|"),
        Rule(
            "choice",
            "nothing",
            "of the branch that is taken; where rounding may decide otherwise, of the other too, and what lies between",
            "a comparison is certain where |a − b| > e_a + e_b",
        ),
        Rule("constant", "|RN(c) − c|, the rounding of a constant of the formula", "none", f"{HIGHAM}, section 2.2"),
        Rule("format", "one rounding to a format of the formula", "e", f"{HIGHAM}, section 2.2"),
    )
}

RULE_OF = {
    **dict.fromkeys(("add", "subtract", "multiply", "divide", "sqrt"), "rounding"),
    **dict.fromkeys(("exp", "log", "tanh", "sin", "cos", "erf", "expit"), "function"),
    **dict.fromkeys(("maximum", "minimum", "max"), "maximum"),
    **dict.fromkeys(("where", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal"), "choice"),
    **dict.fromkeys(("matmul", "einsum"), "sum of products"),
    "sum": "sum",
    "mean": "mean",
    "prod": "product",
    "absolute": "magnitude",
    "astype": "format",
}
# What an operation adds, in short; in braces how many roundings of the sum there are.
ADDS = {
    "rounding": "u |v|",
    "sum": "{}u_A Σ|v_i|, and u |v|",
    "sum of products": "{}u_A Σ|a_i b_i|, and u |v|",
    "mean": "{}u_A Σ|v_i| / n, and 2 u |v|",
    "product": "{}u Π|v_i|, to first order",
    "function": "2 k u |v|",
    "format": "u |v|",
}
COUNTED = ("sum", "sum of products", "mean", "product")  # rules that ask how many terms there are
# Exact: a change of sign, and what only moves elements, or says how they lie. A clip is made of others, which are
# noted.
WITHOUT_ERROR = {
    *("negative", "clip", "pad", "split", "concatenate", "stack", "shape", "ndim", "size", "reshape", "transpose"),
    *("swapaxes", "moveaxis", "expand_dims", "broadcast_to", "take", "roll", "flip", "sliding_window_view"),
}


@dataclass(frozen=True)
class Operation:
    """One operation of a reading. place: file and line of the reference; n: how many terms or factors it has."""

    place: tuple[str, int]
    name: str
    rule: str
    n: int


class _Noted(Bounded):
    """A Bounded array that writes down what is done with it, and is otherwise the same."""

    __slots__ = ("log",)

    log: list[Operation]

    @classmethod
    def taking(cls, x: Bounded, log: list[Operation]) -> _Noted:
        y = cls(x.value, x.error, x.arithmetic, x.exact, x.total)
        y.log = log
        return y

    def _kept(self, x: Any) -> Any:
        if isinstance(x, (list, tuple)):
            return type(x)(map(self._kept, x))
        return _Noted.taking(x, self.log) if isinstance(x, Bounded) else x

    def _note(self, name: str, operands: Any, result: Any) -> Any:
        if name not in WITHOUT_ERROR:
            rule, n = RULE_OF[name], _terms(name, operands, result)
            if name in ("add", "subtract") and getattr(result, "total", None) is not None:
                rule, n = "sum", int(np.max(result.total.n))
            self.log.append(Operation(_place(), name, rule, n))
        return self._kept(result)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        result = super().__array_ufunc__(ufunc, method, *inputs, **options)
        return self._note(ufunc.__name__, inputs, result)

    def __array_function__(self, func: Any, types: Any, args: Any, options: dict[str, Any]) -> Any:
        result = super().__array_function__(func, types, args, options)
        return self._note(func.__name__, args, result) if func in FUNCTIONS else self._kept(result)

    def move(self, f: Callable[[Any], Any]) -> Bounded:
        return self._kept(super().move(f))

    def astype(self, dtype: Any) -> Bounded:
        return self._note("astype", (self,), super().astype(dtype))

    def under(self, arithmetic: Arithmetic) -> Bounded:
        return self._kept(super().under(arithmetic))

    def kept(self) -> Bounded:
        return self._kept(super().kept())

    def lost(self) -> Bounded:
        return self._kept(super().lost())

    def stored_sum(self, axis: int | tuple[int, ...]) -> Bounded:
        return self._note("sum", (self,), super().stored_sum(axis))


def _terms(name: str, operands: Any, result: Any) -> int:
    """How many terms or factors each element of a result has; 1 of what is no sum."""
    match name:
        case "matmul":
            return int(operands[0].shape[-1])
        case "einsum":
            subscripts, *arrays = operands
            given, kept = subscripts.replace(" ", "").split("->")
            named = zip(given.split(","), arrays, strict=True)
            sides = dict(pair for letters, x in named for pair in zip(letters[::-1], np.shape(x)[::-1], strict=False))
            return int(np.prod([n for letter, n in sides.items() if letter not in kept], dtype=int))
        case "sum" | "mean" | "prod" | "max":
            return int(operands[0].size // max(result.size, 1))
    return 1


def _place() -> tuple[str, int]:
    """The innermost line of a reference that is being run."""
    frame: FrameType | None = sys._getframe(2)
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.parent == HOME:
            return path.name, frame.f_lineno
        frame = frame.f_back
    return "", 0


def operations(primitive: str, arrays: Any, options: Any, arithmetic: Arithmetic) -> list[Operation]:
    """What the reading of a primitive does, in order."""
    log: list[Operation] = []
    inputs = [_Noted.taking(Bounded.of(x, arithmetic), log) if holds_numbers(x) else x for x in arrays]
    with np.errstate(all="ignore"):
        reference.PRIMITIVES[primitive](*inputs, **options)
    return log


def longest_sum(backend: Backend, draw: Draw) -> int:
    """How many terms the longest sum of a call has."""
    arrays = list(draw.arrays.values())
    settings = settings_of(backend, draw.primitive, arrays, draw.options)
    noted = operations(draw.primitive, arrays, settings, backend.arithmetic(draw.primitive))
    return _longest(noted)


def _longest(noted: list[Operation]) -> int:
    return max((op.n for op in noted if op.rule in COUNTED), default=1)


@dataclass(frozen=True)
class Done:
    """One kind of operation in a line: its name and rule, what it adds, over how many terms, and how often."""

    name: str
    rule: str
    adds: str
    terms: str
    often: int


@dataclass(frozen=True)
class Step:
    """A line of a reference, and what is done in it, with how often and over how many terms."""

    place: str
    text: str
    done: tuple[Done, ...]


@dataclass(frozen=True)
class Derivation:
    """How the bound of a primitive comes about on one small input."""

    primitive: str
    call: str
    steps: tuple[Step, ...]
    rules: tuple[str, ...]


@functools.cache
def derivation(primitive: str) -> Derivation | None:
    """The derivation of a primitive; None of one that computes with integers alone, or is not in the table of cases."""
    found = [(noted, call) for problem in _problems(primitive) if (noted := _noted(problem, call := _example(problem)))]
    if not found:
        return None
    # The one that shows most: operations, and sums of several terms.
    noted, call = max(found, key=lambda pair: (len({(op.place, op.name) for op in pair[0]}), min(_longest(pair[0]), 3)))
    steps = tuple(_steps(noted))
    return Derivation(primitive, _shapes(call), steps, tuple(dict.fromkeys(op.rule for op in noted)))


def _problems(primitive: str) -> Iterator[Problem]:
    for case in CASES:
        if case.primitive == primitive:
            yield from [p for p in case.problems.pool(1, 0) if not p.is_empty][:TRIED]


def _example(problem: Problem) -> Draw:
    return draw(problem, "normal", FLOAT32, (0, 0, 0, 0))


def _noted(problem: Problem, call: Draw) -> list[Operation]:
    options = dict(call.options)
    if problem.primitive == "dropout":
        options["keep"] = np.ones(call.x.shape, bool)
    return operations(problem.primitive, list(call.arrays.values()), options, default_arithmetic(FLOAT32))


def _shapes(call: Draw) -> str:
    given = {name: x for name, x in call.arrays.items() if x is not None}
    words = [f"{name} {'×'.join(map(str, np.shape(x))) or 'a number'}" for name, x in given.items()]
    return ", ".join([*words, *(f"{name} = {value!r}" for name, value in call.options.items())])


def _steps(noted: list[Operation]) -> Iterator[Step]:
    """Lines in the order in which they are first run; operations of a line in theirs."""
    of: dict[tuple[str, int], dict[tuple[str, str], list[int]]] = {}
    for op in noted:
        of.setdefault(op.place, {}).setdefault((op.name, op.rule), []).append(op.n)
    for (file, line), done in of.items():
        text = linecache.getline(str(HOME / file), line).strip()
        words = tuple(_said(name, rule, terms) for (name, rule), terms in done.items())
        yield Step(f"reference/{file}:{line}", text, words)


def _said(name: str, rule: str, terms: list[int]) -> Done:
    low, high = min(terms), max(terms)
    if rule not in COUNTED:
        return Done(name, rule, ADDS.get(rule, "nothing"), "", len(terms))
    is_of_products = rule == "sum of products"
    if low < high:
        adds = ADDS[rule].format("n " if is_of_products else "(n − 1) ")
    elif n := low if is_of_products else low - 1:
        adds = ADDS[rule].format("" if n == 1 else f"{n} ")
    else:
        adds = "nothing, of one term"
    return Done(name, rule, adds, f"n = {low}" if low == high else f"n = {low} to {high}", len(terms))
