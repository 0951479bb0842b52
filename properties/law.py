"""The law decorator: a law is written once, for any implementation f, and becomes a test.

    @law("SOFT-2", softmaxes(shift=True))
    def test_shift_invariance(f, p):
        \"\"\"softmax(x + c) = softmax(x).\"\"\"
        return f.softmax(p.x + p.c, **p.options), f.softmax(p.x, **p.options)

The body runs twice: with f the backend, on numbers of its format, and with f the reference, on Bounded
arrays. With v and e the reference's value and bound, the law holds if

    abs(left - right) <= e_left + e_right + abs(v_left - v_right)

What a law does to inputs is rounded to the format, and charged; what it does to results happens in
float64. The last term is what rounding the inputs does to the law. On the reference itself it is left
out: there the law must hold.

A law about gradients takes `differentiated(problems)`, whose draws have a cotangent, and asks f for them:

    f.gradient("softmax", p.cotangent, p.x, by="x", **p.options)

A backend without gradients does not offer it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from adapters.backend import Backend, BackendError
from properties.agreement import WrongShape, at_most, law_holds, plausible, rejects, same_bits, same_number
from properties.sides import Computed, Inputs, Read
from properties.strategies.draws import Draw
from properties.strategies.problems import Problems
from properties.trial import Check, Judge, everywhere, trial
from reference.arithmetic import Bounded

Body = Callable[[Any, Any], tuple[Any, Any]]
Test = TypeVar("Test", bound=Callable[..., None])

# Above depth "deep" a law is tried in one of two formats and values in all: what a law adds over values is
# semantics, which shows in float64, and float32 is what most users run.
LAW_FORMATS = ("float64", "float32")


def law(
    id: str,
    problems: Problems,
    verb: Callable[..., None] | None = None,
    *,
    concerns: Callable[[Backend], bool] = everywhere,
) -> Callable[[Body], Callable[[Backend], None]]:
    """Make a test of a law.

    id: stays the same in code, test and report. verb: how the two sides are compared; without one they
    agree within their bounds. With at_most the left side is at most the right; with same_bits and
    same_number only the backend runs; with plausible the body returns counts and None; with rejects it
    returns the result of a call that must not have one, and None. concerns: see properties.trial.Check.
    """

    def decorate(body: Body) -> Callable[[Backend], None]:
        says = statement(body)
        name = re.sub("^test_", "", body.__name__)
        check = Check(f"{id} {name}", problems.primitive, id, says, LAW_FORMATS, concerns=concerns)
        judge = JUDGES[verb](body)

        def test(backend: Backend) -> None:
            trial(check, backend, problems, judge)

        return stands_for(body, test, check=check)

    return decorate


def stands_for(body: Callable[..., Any], test: Test, **read: Any) -> Test:
    """A test in the place of the body that it was made of; read: what whoever collects the tests reads of it."""
    for name, value in {**read, "place_as": body}.items():  # pytest says that the test stands at place_as
        setattr(test, name, value)
    test.__name__, test.__doc__, test.__module__ = body.__name__, body.__doc__ or "", body.__module__
    return test


def statement(body: Callable[..., Any]) -> str:
    """What a check says must hold: the first paragraph of its docstring."""
    text = (body.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(text.split())


def _by_bounds(body: Body) -> Judge:
    def judge(backend: Backend, draw: Draw) -> None:
        for left, right, v_left, v_right in leaves(body, backend, draw):
            law_holds(left, right, room_of(backend, v_left, v_right), backend.format, np.asarray(v_right.value))

    return judge


def _by_order(body: Body) -> Judge:
    def judge(backend: Backend, draw: Draw) -> None:
        for left, right, v_left, v_right in leaves(body, backend, draw):
            at_most(left, right, v_left.error + v_right.error, backend.format)

    return judge


def room_of(backend: Backend, left: Bounded, right: Bounded) -> Any:
    room = left.error + right.error
    if backend.name == "reference":
        return room
    with np.errstate(invalid="ignore"):
        return room + np.where(left.value == right.value, 0.0, np.abs(left.value - right.value))


def leaves(body: Body, backend: Backend, draw: Draw) -> list[tuple[Any, Any, Bounded, Bounded]]:
    """(left, right) as computed, and as read, for every pair of arrays that the law compares."""
    p = Inputs(draw)
    read = body(Read(backend), p)
    computed = _computed(body, backend, p)
    pairs = zip(*(side if isinstance(side, tuple) else (side,) for side in (*computed, *read)), strict=True)
    return [(_value(a), _value(b), _bounded(c), _bounded(d)) for a, b, c, d in pairs]


def _computed(body: Body, backend: Backend, p: Inputs) -> tuple[Any, Any]:
    """The law on the backend. Where it cannot be written down with what came back, the shape is wrong.

    Raises: WrongShape.
    """
    try:
        return body(Computed(backend), p)
    except (IndexError, TypeError, ValueError) as error:  # TypeError: several results for one
        raise WrongShape(f"the law cannot be formed from the shapes that came back: {error}") from None


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Bounded) else np.asarray(x, dtype=float)


def _bounded(x: Any) -> Bounded:
    return x if isinstance(x, Bounded) else Bounded(np.asarray(x, dtype=float), np.zeros(np.shape(x)), None)  # type: ignore[arg-type]  # a plain number has no arithmetic


def _by_bits(body: Body) -> Judge:
    def judge(backend: Backend, draw: Draw) -> None:
        left, right = _computed(body, backend, Inputs(draw))
        same_bits(_value(left), _value(right))

    return judge


def _by_number(body: Body) -> Judge:
    def judge(backend: Backend, draw: Draw) -> None:
        left, right = _computed(body, backend, Inputs(draw))
        for i, (got, want) in enumerate(zip(left, right, strict=True)):
            same_number(got, want, output=f"side {i}")

    return judge


def _by_chance(body: Body) -> Judge:
    def judge(backend: Backend, draw: Draw) -> None:
        counts, _ = _computed(body, backend, Inputs(draw))
        plausible(counts)

    return judge


def _by_rejection(body: Body) -> Judge:
    def judge(backend: Backend, draw: Draw) -> None:
        p = Inputs(draw)
        try:
            body(Read(backend), p)
        except ValueError as error:
            why = str(error)
        else:
            raise AssertionError(f"the reference accepts {draw!r}, so no backend can be asked to reject it")
        rejects(lambda: body(Computed(backend), p)[0], BackendError, why)

    return judge


JUDGES: dict[Callable[..., None] | None, Callable[[Body], Judge]] = {
    None: _by_bounds,
    at_most: _by_order,
    same_bits: _by_bits,
    same_number: _by_number,
    plausible: _by_chance,
    rejects: _by_rejection,
}
