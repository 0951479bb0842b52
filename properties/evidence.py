"""What a failure rests on: the calls into the backend, and what was compared, so that others can repeat both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adapters.backend import Backend, Call, journal
from properties import agreement
from properties.agreement import Comparison, Tally, compared
from properties.sides import bounded, bounded_gradient
from reference.arithmetic import Bounded
from reference.arithmetic.formats import holds_numbers


@dataclass(frozen=True)
class Judged:
    """One result of a call, beside what the reference allows: of result number `result` of call number `call`."""

    call: int
    result: int
    output: str
    want: Any
    bound: Any
    dtype: str  # of the format; empty for an integer
    signs: bool = False  # of zeros that are certain: nothing else is asked


@dataclass
class Evidence:
    """The calls of one judgement, which of their results were judged, and the sides that were compared.

    ends_the_process: the last call did not return.
    """

    calls: list[Call]
    judged: list[Judged] = field(default_factory=list)
    sides: list[Comparison] = field(default_factory=list)
    ends_the_process: bool = False


@contextmanager
def witnessed(backend: Backend) -> Iterator[Callable[[], Evidence]]:
    """Watch what is called and compared inside; the function that it gives says it, afterwards."""
    with journal() as calls, compared() as comparisons:
        yield lambda: _weighed(backend, list(calls), list(comparisons))


def _weighed(backend: Backend, calls: list[Call], comparisons: list[Comparison]) -> Evidence:
    """Which comparisons are of the results of a call; a call that nothing was compared with is judged by itself."""
    found = Evidence(calls)
    for c in comparisons:
        place = None if c.is_of_sides else _place(c.got, calls)
        if place is None:
            found.sides.append(c)
        else:
            found.judged.append(Judged(*place, c.output, c.want, c.bound, _dtype(backend, c.want), c.signs))
    if not any(is_missed(calls[j.call], j) for j in found.judged):
        for i, call in enumerate(calls):
            found.judged += [j for j in by_itself(backend, i, call) if is_missed(call, j)]
    return found


def _place(got: Any, calls: list[Call]) -> tuple[int, int] | None:
    """Which result of which call something is: the same array, or an equal integer."""
    for i, call in enumerate(calls):
        for j, y in enumerate(call.results or ()):
            if y is got or (isinstance(got, int) and isinstance(y, int) and y == got):
                return i, j
    return None


def _dtype(backend: Backend, want: Any) -> str:
    return backend.format.dtype.name if isinstance(want, np.ndarray) else ""


def is_missed(call: Call, judged: Judged) -> bool:
    """Whether a call has raised, or a result of it is outside of its bound."""
    if call.error:
        return True
    if call.results is None:  # it was refused
        return False
    if judged.result >= len(call.results):
        return True
    got = call.results[judged.result]
    if np.shape(got) != np.shape(judged.want) or (judged.dtype and getattr(got, "dtype", None) != judged.dtype):
        return True
    x, v, e = (np.asarray(z, float) for z in (got, judged.want, judged.bound))
    if judged.signs:
        return bool(np.any((v == 0) & (e == 0) & (np.signbit(x) != np.signbit(v))))
    return bool(np.any(agreement.ratios(x, v, e) > 1))


def by_itself(backend: Backend, number: int, call: Call) -> list[Judged]:
    """What the reference allows a call to return, where all that it takes is finite."""
    arrays = [*call.arrays, call.details.get("cotangent")]
    if call.how not in ("call", "gradient") or call.mode != backend.mode or call.details.get("layout"):
        return []
    if not all(np.isfinite(x.astype(float)).all() for x in arrays if holds_numbers(x)):
        return []
    outer, agreement.tally = agreement.tally, Tally()
    try:
        with np.errstate(all="ignore"):
            return [
                Judged(number, i, f"result {i}" if i else "y", y.value, y.error, backend.format.dtype.name)
                for i, y in enumerate(allowed(backend, call))
                if isinstance(y, Bounded)
            ]
    except Exception:  # the reference rejects it, or cannot say
        return []
    finally:
        agreement.tally = outer


def allowed(backend: Backend, call: Call) -> tuple[Any, ...]:
    """What the reference allows a call, or the call of a gradient, to return."""
    given = backend, call.primitive, call.arrays, call.options
    if call.how == "call":
        return bounded(*given)
    return bounded_gradient(*given, call.details["cotangent"], call.details["wanted"])
