"""How the bound of one number came about: the reading of its reference again, with every operation noted.

The rules are those of the reading itself. What an operation adds is what its rule gives for operands without error;
the rest of its error came in with them. On which numbers a number depends says a sweep back through the same operation.
"""

from __future__ import annotations

import itertools
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.backend import Backend, Call, NotOffered
from conformance import lookup
from conformance.document import read
from conformance.records import ROOT, place
from conformance.results import OF_A_CALL, shortened
from conformance.summary import WIDTH
from properties import agreement
from properties.evidence import Evidence, Judged, allowed, by_itself, witnessed
from properties.strategies import Draw
from properties.trial import draws_of, failure_of
from reference.arithmetic import Bounded, Condition, Traced, bounded
from reference.arithmetic.reading import either
from reference.arithmetic.traced import MOVERS, gradient

Mask = NDArray[np.bool_]
INDENT = "    "
ARITHMETIC = ROOT / "reference" / "arithmetic"
MOVES = (*MOVERS, np.concatenate, np.stack, np.split, np.pad)
NAMES = {"concluded": "rounded", "either": "by any formula", "kept": "stored"}
AT_THE_END = ("concluded", "either")  # what becomes of the result of a formula


@dataclass(eq=False)
class Operation:
    """One operation of a reading. parents: for each operand, the operation that made it, if one did."""

    function: Callable[..., Any]
    arguments: Sequence[Any]
    options: Mapping[str, Any]
    results: list[Bounded]
    where: tuple[str, int]
    parents: list[Operation | None] = field(default_factory=list)

    @property
    def name(self) -> str:
        name = self.function.__name__
        return NAMES.get(name, name)

    @property
    def operands(self) -> list[Bounded]:
        return list(_bounded_in(self.arguments))

    @property
    def moves(self) -> bool:
        """Whether it only moves numbers."""
        return self.function in MOVES or self.function.__name__ == "getitem"

    def again(self, of: Callable[[Bounded], Any]) -> list[Any]:
        """The results of the same operation on what becomes of its operands."""
        return _listed(self.function(*_each(self.arguments, of), **self.options))

    def own(self) -> list[Bounded]:
        """What it gives for operands without error, by its own rule."""
        with np.errstate(all="ignore"):
            return self.again(_without_error)

    def reached(self, masks: Sequence[Mask]) -> list[Mask]:
        """Which numbers of each operand some numbers of the results depend on."""
        operands = self.operands
        if self.function is either:  # the one that leaves more room decides
            decides = operands[0].error == self.results[0].error
            return [masks[0] & decides, masks[0] & ~decides]
        if (getattr(self.function, "__module__", "") or "").startswith("reference."):  # number by number
            return [masks[0] for _ in operands]
        traced: list[Traced] = []

        def ones(x: Bounded) -> Traced:
            traced.append(Traced(np.ones(x.shape)))
            return traced[-1]

        with np.errstate(all="ignore"):
            results = self.again(ones)
            bars = gradient(results, [mask.astype(float) for mask in masks], traced)
        return [
            np.zeros(x.shape, bool) if g is None else np.asarray(g) != 0 for x, g in zip(operands, bars, strict=True)
        ]


@contextmanager
def operations() -> Iterator[list[Operation]]:
    """Every operation on Bounded arrays that is made inside, in order."""
    found: list[Operation] = []
    made: dict[int, Operation] = {}  # the last operation that gave an array of values

    def note(function: Any, arguments: Sequence[Any], options: Mapping[str, Any], result: Any) -> None:
        results = [y for y in _listed(result) if isinstance(y, Bounded)]
        if not results:
            return  # a comparison, or a shape
        operation = Operation(function, tuple(arguments), dict(options), results, _place())
        operation.parents = [made.get(id(x.value)) for x in operation.operands]
        found.append(operation)
        made.update((id(y.value), operation) for y in results)

    bounded.observers.append(note)
    try:
        yield found
    finally:
        bounded.observers.remove(note)


@dataclass(frozen=True)
class Step:
    """What one operation has to do with a number. of: how many numbers of its result reach it; index: the worst."""

    operation: Operation
    of: int
    index: tuple[int, ...]
    value: float
    came_in: float
    added: float
    after: float


def steps(found: Sequence[Operation], target: Bounded, index: tuple[int, ...]) -> list[Step]:
    """Each operation, in order, with its part in the error of one number of a result; of 0 if it has none."""
    masks = {op: [np.zeros(y.shape, bool) for y in op.results] for op in found}
    last = next(op for op in reversed(found) if any(y is target for y in op.results))
    masks[last][next(i for i, y in enumerate(last.results) if y is target)][index] = True
    for op in reversed(found):
        if not any(mask.any() for mask in masks[op]):
            continue
        for x, parent, mask in zip(op.operands, op.parents, op.reached(masks[op]), strict=True):
            if parent:
                i = next(i for i, y in enumerate(parent.results) if y.value is x.value)
                masks[parent][i] |= mask
    return [_step(op, masks[op]) for op in found]


def _step(op: Operation, masks: Sequence[Mask]) -> Step:
    reached = sum(int(np.count_nonzero(mask)) for mask in masks)
    if not reached:
        return Step(op, 0, (), 0.0, 0.0, 0.0, 0.0)
    part = max((i for i, mask in enumerate(masks) if mask.any()), key=lambda i: np.max(op.results[i].error[masks[i]]))
    y, own = op.results[part], op.own()[part]
    error = np.where(masks[part], y.error, -1.0)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), y.shape))
    after, added = float(y.error[index]), min(float(own.error[index]), float(y.error[index]))
    came_in = 0.0 if after == added else after - added
    return Step(op, reached, index, float(y.value[index]), came_in, added, after)


def run(words: str, report: Path, adapter: str, output: str, index: str) -> int:
    """Print how the bound of one number came about. Raises: lookup.NotFound."""
    document = read(report)
    check = lookup.check_of(document, words, lambda check: bool(_input(check)), "input")
    backend = lookup.backend_of(check, document, report, adapter)
    draw, judge = _draw(check, backend)
    agreement.start()
    with witnessed(backend) as witness:
        try:
            failure_of(judge, backend, draw)
        except NotOffered as refusal:
            raise lookup.NotFound(f"{backend.id} does not offer this: {refusal}.") from refusal
        evidence = witness()
    judged = _chosen(evidence, backend, output)
    call = evidence.calls[judged.call]
    at = _index(judged, call, index)
    _say(f"{lookup.name(check)}", "")
    _say(f"{'worst' if check['outcome'] != 'deviates' else 'failing'} input: {shortened(repr(draw))}")
    print("\n".join(_told(backend, call, judged, at)))
    return 0


def _input(check: dict[str, Any]) -> bool:
    found = check["counterexample"] or {}
    return bool(check["worst_call"]) or (check["outcome"] == "deviates" and "arrays" in found)


def _draw(check: dict[str, Any], backend: Backend) -> tuple[Draw, Any]:
    """The input of the failure, or the worst one of a check that holds. Raises: lookup.NotFound."""
    try:
        found, problems, judge = lookup.parts_of(check, backend)
    except TypeError as error:
        raise lookup.NotFound(f"There is no bound to explain: {error}.") from error
    if check["outcome"] == "deviates" and "arrays" in (check["counterexample"] or {}):
        return lookup.draw_of(check["counterexample"], check["format"]), judge
    for draw in draws_of(found, backend, problems):
        if shortened(repr(draw), OF_A_CALL) == check["worst_call"]:
            return draw, judge
    raise lookup.NotFound(
        f"The worst input of {lookup.name(check)} is none of those that this version of the suite draws at seed and "
        "depth of the report. Run the check again with this version."
    )


def _chosen(evidence: Evidence, backend: Backend, output: str) -> Judged:
    """The result that is explained: the one of that name, or the one with the worst error/bound.

    Raises: lookup.NotFound.
    """
    judged = [j for j in evidence.judged if not j.signs] or [
        j for i, call in enumerate(evidence.calls) for j in by_itself(backend, i, call)
    ]
    judged = [j for j in judged if _can_be_read(evidence.calls[j.call], j)]
    named = [j for j in judged if output in ("", j.output)]
    if not named:
        names = ", ".join(dict.fromkeys(j.output for j in judged)) or "none"
        raise lookup.NotFound(f"There is no result {output or 'with a bound'} to explain. Those with one: {names}.")
    return max(named, key=lambda j: float(np.max(_ratios(j, evidence.calls[j.call]), initial=0.0)))


def _can_be_read(call: Call, judged: Judged) -> bool:
    """Whether it is a result of numbers, which came back in the right shape, of a call that the reference makes too."""
    is_there = call.results is not None and judged.result < len(call.results)
    return (
        is_there
        and call.how in ("call", "gradient")
        and judged.dtype != ""
        and np.shape(call.results[judged.result]) == np.shape(judged.want)  # type: ignore[index]  # it is there
        and np.size(judged.want) > 0
    )


def _ratios(judged: Judged, call: Call) -> NDArray[np.float64]:
    assert call.results is not None
    x, v, e = (np.asarray(z).astype(np.float64) for z in (call.results[judged.result], judged.want, judged.bound))
    return agreement.ratios(x, v, e)


def _index(judged: Judged, call: Call, words: str) -> tuple[int, ...]:
    """Raises: lookup.NotFound."""
    shape = np.shape(judged.want)
    if not words:
        return tuple(int(i) for i in np.unravel_index(int(np.argmax(_ratios(judged, call))), shape))
    try:
        index = tuple(int(word) for word in words.strip("[]() ").split(",") if word.strip())
    except ValueError:
        index = (-1,)
    if len(index) != len(shape) or any(not 0 <= i < side for i, side in zip(index, shape, strict=True)):
        raise lookup.NotFound(f"{judged.output} has the shape {shape}, and no number at {words}. Give --index=I,J,...")
    return index


def _told(backend: Backend, call: Call, judged: Judged, at: tuple[int, ...]) -> Iterator[str]:
    with operations() as found, np.errstate(all="ignore"):
        results = allowed(backend, call)
    target = results[judged.result]
    name = f"{judged.output}[{', '.join(map(str, at))}]" if at else judged.output
    arithmetic = backend.arithmetic(call.primitive, gradient=call.how == "gradient")
    yield ""
    yield from _wrapped(
        f"How {name} of {'the gradient of ' * (call.how == 'gradient')}{call.primitive} may err, computed in "
        f"{arithmetic.compute} (u = {arithmetic.u:.3g}), with sums in {arithmetic.accumulate}. Of an operation with "
        "several numbers that reach this one, the one with the largest error is shown; what only moves numbers is "
        "left out. Came in: what the errors of the operands make of the result. Added: by the operation's own rule."
    )
    yield ""
    yield f"{'operation':<33}{'value':>14}{'came in':>11}{'added':>11}{'error':>11}"
    yield from _rows(step for step in steps(found, target, at) if not step.operation.moves)
    yield ""
    assert call.results is not None
    result = np.asarray(call.results[judged.result]).astype(np.float64)
    got, want, bound = float(result[at]), judged.want[at], judged.bound[at]
    with np.errstate(all="ignore"):
        error = 0.0 if got == want else abs(got - want)
    yield f"got   {got!r}"
    yield f"want  {float(want)!r}"
    yield f"error {error:.3g}, bound {float(bound):.3g}: error/bound {float(_ratios(judged, call)[at]):.3g}"
    if not bound:
        yield from _wrapped("The bound is 0: the number is the same in every correct implementation.")
    if bound != target.error[at]:
        yield from _wrapped(
            f"The check does not ask for this number ({float(bound):g} stands for that): the reading allows "
            f"{float(target.error[at]):.3g}."
        )


def _rows(found: Iterable[Step]) -> Iterator[str]:
    """A row for each operation under its line of the source; those that do not reach the number are counted."""
    where = None
    for reaches, group in itertools.groupby(found, lambda step: step.of > 0):
        same = list(group)
        if not reaches:
            n = len(same)
            yield f"  ({n} operation{'s do' if n > 1 else ' does'} not reach this number)"
            continue
        for step in same:
            if step.operation.where != where:
                where = step.operation.where
                yield "the result" if step.operation.function.__name__ in AT_THE_END else _source(*where)
            yield _row(step)


def _row(step: Step) -> str:
    op = step.operation
    index = f"[{', '.join(map(str, step.index))}]" if step.index else ""
    text = shortened(f"{op.name}{index}", 24) + (f" of {step.of}" if step.of > 1 else "")
    return f"  {text:<31}{step.value:>14.6g}{step.came_in:>11.3g}{step.added:>11.3g}{step.after:>11.3g}"


def _source(file: str, line: int) -> str:
    text = linecache.getline(file, line).strip()
    head = place(file, line, "").split(" in ")[0]
    return shortened(f"{head}: {text}", WIDTH)


def _place() -> tuple[str, int]:
    """The line of the formula that is being read, or of the rule of a sweep, where that is what computes."""
    frame: FrameType | None = sys._getframe(2)
    inside: tuple[str, int] | None = None
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and path != Path(__file__):
            if not path.is_relative_to(ARITHMETIC):
                is_formula = path.parts[len(ROOT.parts)] == "reference" or path.name == "written.py"
                if is_formula or inside:
                    return (str(path), frame.f_lineno) if is_formula or not inside else inside
            elif path.name != "bounded.py" or frame.f_code.co_name == "concluded":
                inside = inside or (str(path), frame.f_lineno)
        frame = frame.f_back
    return inside or ("", 0)


def _without_error(x: Bounded) -> Bounded:
    """The same numbers, known exactly, also those that a sum was made of."""
    total = x.total
    if total is not None:
        total = replace(total, magnitude=np.maximum(total.magnitude - total.spread, 0.0), spread=0.0 * total.spread)
    return Bounded(x.value, np.zeros(x.shape), x.arithmetic, x.exact, total)


def _bounded_in(arguments: Sequence[Any]) -> Iterator[Bounded]:
    for x in arguments:
        if isinstance(x, Bounded):
            yield x
        elif isinstance(x, (list, tuple)):
            yield from _bounded_in(x)


def _each(arguments: Sequence[Any], of: Callable[[Bounded], Any]) -> list[Any]:
    """The arguments with something else in the place of each Bounded array."""
    return [_replaced(x, of) for x in arguments]


def _replaced(x: Any, of: Callable[[Bounded], Any]) -> Any:
    if isinstance(x, Bounded):
        return of(x)
    if isinstance(x, (list, tuple)) and any(True for _ in _bounded_in(x)):
        return type(x)(_each(x, of))
    return x.value if isinstance(x, Condition) and of is not _without_error else x


def _listed(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (list, tuple)) else [result]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _say(text: str, indent: str = INDENT) -> None:
    print("\n".join(textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + INDENT)))
