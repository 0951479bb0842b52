"""What "=" means: five verbs that raise, and the failures that they raise.

agree       the result is within its bound
at_most     the left side does not exceed the right
same_bits   both sides are equal to the last bit
plausible   a count is no more unlikely than the stated false-alarm rate
rejects     an input that means nothing raises an error

The unit of every result is error/bound, which conforms up to 1. A failure carries what was got, what
was wanted and how far apart they could be. What was measured is noted on a Tally, which whoever runs
the checks may read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from adapters.backend import BackendError
from properties.series import Series
from reference.arithmetic import Bounded, Format
from reference.arithmetic.formats import Floats

FALSE_ALARM = 1e-9  # of one statistical check, two-sided
SHOWN = 256  # numbers of a result that a failure carries whole, for a report to draw
VACUOUS = 0.1  # a bound to first order says something up to this share of the result


class Failure(AssertionError):
    """A check does not hold. kind names the way in which; the fields are data for a report."""

    kind: ClassVar[str] = "failure"

    def __init__(
        self,
        message: str,
        *,
        output: str = "y",
        index: tuple[int, ...] | None = None,
        got: Any = None,
        want: Any = None,
        bound: Any = None,
        sides: tuple[Floats, Floats, Floats] | None = None,
    ) -> None:
        super().__init__(message)
        self.output, self.index, self.got, self.want, self.bound = output, index, got, want, bound
        self.sides = sides  # all that was got and wanted, and the bounds, where that is little
        self.draw: Any = None  # the input, once the trial knows it
        self.evidence: Any = None  # what was called and compared, once the trial knows it: see properties.evidence


class WrongShape(Failure):
    kind = "shape"


class WrongFormat(Failure):
    kind = "format"


class WrongSpecial(Failure):
    kind = "non-finite"


class OutOfTolerance(Failure):
    kind = "tolerance"


class LawBroken(Failure):
    kind = "law"


class AcceptedInvalid(Failure):
    kind = "accepted invalid"


class Raised(Failure):
    kind = "raised"


class MutatedInput(Failure):
    kind = "mutated its input"


class NotDeterministic(Failure):
    kind = "not deterministic"


class Implausible(Failure):
    kind = "implausible"


class ClaimContradicted(Failure):
    kind = "claim"


@dataclass
class Verdict:
    """What became of a statement on trial.

    said: where a lecture says it. examples: tried in all. contradiction: the smallest that was found.
    """

    said: Any
    verdict: str
    domain: str
    examples: int = 0
    contradiction: Failure | None = None


@dataclass
class Tally:
    """What one check has measured so far on one backend."""

    problems: int = 0  # tried, at least in part
    draws: int = 0  # judged
    refused: int = 0  # problems that the backend does not offer
    excluded: int = 0  # draws inside the region of a known deviation
    drawn: int = 0  # all draws, judged or excluded
    elements: int = 0
    decided: int = 0  # elements whose bound is at most the largest magnitude of the result
    worst_ratio: float = 0.0  # error/bound
    worst_ulp: float = 0.0  # error in units of the last place of the result
    worst_bound: float = 0.0  # bound relative to the largest magnitude, where decided
    worst_call: str = ""  # the input that attains worst_ratio
    reasons: set[str] = field(default_factory=set)  # why problems were refused
    known: list[dict[str, Any]] = field(default_factory=list)  # the ledger's entries that still hold
    probes: list[dict[str, str]] = field(default_factory=list)  # claims, and what was found of each
    verdict: Verdict | None = None  # of a statement on trial
    layers: list[dict[str, Any]] = field(default_factory=list)  # of a network: how much its bounds say of each
    choice: dict[str, str] | None = None  # of a convention: what was found, and what is documented
    series: Series = field(default_factory=Series)  # what a report draws
    digest: Any = field(default_factory=hashlib.sha256)  # of the inputs

    def note(self, ratio: float, ulp: float, bound: float, decided: int, elements: int) -> bool:
        """Add one measurement; true if it is the worst so far."""
        worst = ratio > self.worst_ratio
        self.worst_ratio = max(self.worst_ratio, ratio)
        self.worst_ulp = max(self.worst_ulp, ulp)
        self.worst_bound = max(self.worst_bound, bound)
        self.decided += decided
        self.elements += elements
        return worst


tally = Tally()


@dataclass(frozen=True)
class Comparison:
    """What a verb has compared: a result with the reference's, or two sides with each other.

    bound: how far both may be apart, element by element; infinite where nothing was asked, None where none has a
    meaning. is_of_sides: want is the other side, and no value of the reference.
    """

    output: str
    got: Any
    want: Any
    bound: Any = None
    is_of_sides: bool = False
    signs: bool = False  # those of the zeros are compared, and nothing else


_comparisons: list[Comparison] | None = None  # while somebody wants to know


@contextmanager
def compared() -> Iterator[list[Comparison]]:
    """Every comparison that is made inside, in order."""
    global _comparisons
    outer, _comparisons = _comparisons, []
    try:
        yield _comparisons
    finally:
        _comparisons = outer


def _note(*fields: Any, **others: Any) -> None:
    if _comparisons is not None:
        _comparisons.append(Comparison(*fields, **others))


@contextmanager
def about(what: str) -> Iterator[None]:
    """Say of a failure which part of a check it is about."""
    try:
        yield
    except Failure as failure:
        failure.args = (f"{what}: {failure}",)
        raise
    except BackendError as error:
        raise Raised(f"{what}: {error}") from error


def start() -> Tally:
    """Begin a new check: everything is noted on a fresh tally."""
    global tally
    tally = Tally()
    return tally


def agree(
    got: Any,
    want: Bounded,
    fmt: Format,
    *,
    output: str = "y",
    failure: type[Failure] = OutOfTolerance,
    terms: float = 0.0,
) -> None:
    """The result has the reference's shape, the format's type, and each element is within its bound.

    terms: the largest number that there would be if nothing cancelled. Where all is zero, it decides
    whether the bound says anything.

    Raises: WrongShape, WrongFormat, WrongSpecial, or the failure of a bound that is exceeded.
    """
    _note(output, got, want.value, want.error)
    _has_form(got, want, fmt, output)
    _within(np.asarray(got, dtype=np.float64), want.value, want.error, fmt, output, failure, "the reference", terms)


def agree_along(
    cotangent: Floats, got: Any, want: Floats, total: float, room: float, fmt: Format, *, output: str
) -> float:
    """<cotangent, got> is within room of total, that of the reference; where room is small enough to say so.

    Gives room in units of the scale of the sum: above VACUOUS it decides nothing, and is not counted. The layers of a
    network say where that begins.

    Raises: WrongShape, WrongFormat, WrongSpecial, OutOfTolerance.
    """
    _has_form(got, Bounded(want, np.zeros(want.shape), None), fmt, output)  # type: ignore[arg-type]  # its form only
    x = np.asarray(got, dtype=np.float64)
    if not np.isfinite(x).all():
        raise WrongSpecial(f"{output} is not finite, the reference is", output=output)
    miss, scale = abs(float(np.sum(cotangent * x)) - total), float(np.linalg.norm(cotangent) * np.max(np.abs(want)))
    share = room / scale if scale else np.inf
    is_decided = share <= VACUOUS
    ratio = miss / room if room else np.inf * bool(miss)
    tally.note(ratio, 0.0, share if is_decided else 0.0, int(is_decided), int(is_decided))
    if ratio > 1:
        raise OutOfTolerance(
            f"the sum over {output} is off by {miss:.3g}, allowed {room:.3g}",
            output=output,
            got=total + miss,
            want=total,
            bound=room,
        )
    return share


def agree_where(where: NDArray[np.bool_], got: Any, want: Bounded, fmt: Format, *, output: str = "y") -> None:
    """As agree, and of the elements only those that are asked for are judged, and counted.

    Raises: as agree.
    """
    error = np.where(where, want.error, np.inf)
    _note(output, got, want.value, error)
    _has_form(got, want, fmt, output)
    before = tally.elements
    _within(np.asarray(got, dtype=np.float64), want.value, error, fmt, output, OutOfTolerance, "the reference")
    tally.elements = before + int(np.count_nonzero(where))


def _has_form(got: Any, want: Bounded, fmt: Format, output: str) -> None:
    """The result has the reference's shape and the format's type. Raises: WrongShape, WrongFormat."""
    if np.shape(got) != want.shape:
        raise WrongShape(
            f"{output} has shape {np.shape(got)}, the reference {want.shape}",
            output=output,
            got=np.shape(got),
            want=want.shape,
        )
    if not isinstance(got, (np.ndarray, np.generic)) or got.dtype != fmt.dtype:
        kind = getattr(got, "dtype", type(got).__name__)
        raise WrongFormat(f"{output} is {kind}, not {fmt}", output=output, got=str(kind), want=fmt.name)


def ratios(x: Floats, v: Floats, e: Floats) -> Floats:
    """error/bound of each element; infinite where one that is no finite number is wrong."""
    with np.errstate(all="ignore"):
        ratio = np.where(_same(x, v) | (e == np.inf), 0.0, np.abs(x - v) / e)
    return np.where(np.isnan(ratio), np.inf, ratio)


def _same(x: Floats, v: Floats) -> NDArray[np.bool_]:
    return np.asarray((x == v) | (np.isnan(x) & np.isnan(v)))


def scale_of(v: Floats, terms: float = 0.0) -> float:
    """The largest magnitude of a result; where all is zero, that of its terms."""
    return float(np.abs(v[np.isfinite(v)]).max(initial=0.0)) or terms


def says_something(e: Floats, scale: float) -> NDArray[np.bool_]:
    """Of which elements a bound says something: it is no larger than the largest result."""
    return (e <= scale) & (e < np.inf)


def _within(
    x: Floats,
    v: Floats,
    e: Floats,
    fmt: Format,
    output: str,
    failure: type[Failure],
    other: str,
    terms: float = 0.0,
) -> None:
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        ratio, miss = ratios(x, v, e), np.where(_same(x, v), 0.0, np.abs(x - v))
        scale = scale_of(v, terms)
        is_decided = says_something(e, scale)
        decided = int(np.count_nonzero(is_decided))
        worst = float(ratio.max(initial=0.0))
        ulp = np.where(
            np.isfinite(v) & np.isfinite(x) & is_decided, miss / fmt.quantum(np.where(np.isfinite(v), v, 0.0)), 0.0
        )
        bound = float((e[is_decided] / scale).max(initial=0.0)) if scale > 0 else 0.0
    tally.note(worst, float(ulp.max(initial=0.0)), bound, decided, v.size)
    if tally.series.of_elements and decided:
        tally.series.note(ratio[is_decided], miss[is_decided], v[is_decided], e[is_decided], fmt.u)
    if worst <= 1:
        return
    where = np.unravel_index(int(np.argmax(ratio)), v.shape)
    index = tuple(int(i) for i in where)
    got, want, room = float(x[where]), float(v[where]), float(e[where])
    fields: dict[str, Any] = {"output": output, "index": index, "got": got, "want": want, "bound": room}
    if v.size <= SHOWN:
        fields["sides"] = (x, v, e)
    name = f"{output}[{', '.join(map(str, index))}]" if index else output
    if not (np.isfinite(got) and np.isfinite(want)):
        raise WrongSpecial(f"{name} is {got!r}, {other} {want!r}", **fields)
    raise failure(f"{name} is {got!r}, {other} {want!r}: off by {miss[where]:.3g}, allowed {room:.3g}", **fields)


def law_holds(left: Floats, right: Floats, room: Floats, fmt: Format, scale: Floats) -> None:
    """abs(left - right) <= room, element by element. scale is the reference's right side.

    Raises: WrongShape, LawBroken.
    """
    _note("left", left, right, room, is_of_sides=True)
    _same_shapes(left, right, scale)
    # The right side takes the reference's place, so that got and want in a failure are the two sides.
    _within(left, right, np.where(np.isnan(room), np.inf, room), fmt, "left", LawBroken, "right")


def at_most(left: Floats, right: Floats, room: Floats, fmt: Format) -> None:
    """left <= right + room, element by element; room has the reference's shape. Raises: WrongShape, LawBroken."""
    _same_shapes(left, right, room)  # a maximum of both would stretch the smaller one
    law_holds(np.maximum(left, right), right, room, fmt, right)


def _same_shapes(left: Floats, right: Floats, reference: Floats) -> None:
    """Raises: WrongShape."""
    if left.shape != right.shape or left.shape != np.shape(reference):
        raise WrongShape(
            f"the left side has shape {left.shape}, the right {right.shape}, the reference {np.shape(reference)}",
            got=left.shape,
            want=right.shape,
        )


def same_bits(
    left: NDArray[Any],
    right: NDArray[Any],
    *,
    output: str = "",
    sides: tuple[str, str] = ("the left side", "the right"),
    failure: type[Failure] = LawBroken,
) -> None:
    """Both sides have the same shape, type and bits; every NaN counts as the same.

    output, sides: what is compared, and where it was found.

    Raises: WrongShape, WrongFormat, or the failure.
    """
    left, right = np.asarray(left), np.asarray(right)
    _note(output or "left", left, right, is_of_sides=True)
    one, other = sides
    if left.dtype != right.dtype:
        raise WrongFormat(
            f"{output} {one} is {left.dtype}, {other} {right.dtype}".strip(),
            output=output or "left",
            got=str(left.dtype),
            want=str(right.dtype),
        )
    if left.shape != right.shape:
        raise WrongShape(
            f"{output} {one} has shape {left.shape}, {other} {right.shape}".strip(),
            output=output or "left",
            got=left.shape,
            want=right.shape,
        )
    x, y = left.astype(np.float64), right.astype(np.float64)
    same = ((x == y) & (np.signbit(x) == np.signbit(y))) | (np.isnan(x) & np.isnan(y))
    tally.note(0.0 if same.all() else np.inf, 0.0, 0.0, x.size, x.size)
    if not same.all():
        index = tuple(int(i) for i in np.argwhere(~same)[0])
        got, want = float(x[index]), float(y[index])
        where = f"{output}[{', '.join(map(str, index))}]" if output else f"at {index}"
        raise failure(
            f"{where} {one} is {got!r}, {other} {want!r}: not the same bits",
            output=output or "left",
            index=index,
            got=got,
            want=want,
            bound=0.0,
            sides=(x, y, np.zeros(x.shape)) if x.size <= SHOWN else None,
        )


def same_signs(got: Any, want: Bounded, *, output: str = "y") -> None:
    """Where the reference is zero for certain, the zero of the result has its sign. Raises: WrongSpecial."""
    x = np.asarray(got, dtype=np.float64)
    _note(output, got, want.value, want.error, signs=True)
    wrong = (want.value == 0) & (want.error == 0) & (np.signbit(x) != np.signbit(want.value))
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        a, b = float(x[index]), float(want.value[index])
        raise WrongSpecial(
            f"{output}[{', '.join(map(str, index))}] is {a!r}, the reference {b!r}",
            output=output,
            index=index,
            got=a,
            want=b,
            bound=0.0,
        )


def plausible(counts: Sequence[tuple[str, int, int, float]]) -> None:
    """Each count (what, k, n, q) could be k successes of n with probability q.

    Both tails of the binomial distribution are exact; a check that holds fails with probability at
    most FALSE_ALARM, which the counts share.

    Raises: Implausible.
    """
    allowed = FALSE_ALARM / (2 * max(len(counts), 1))
    for what, k, n, q in counts:
        tail = float(min(stats.binom.cdf(k, n, q), stats.binom.sf(k - 1, n, q)))
        # The ratio of logarithms: 1 where the tail is as unlikely as a false alarm may be.
        ratio = np.log(max(tail, np.finfo(float).tiny)) / np.log(allowed)
        tally.note(float(ratio), 0.0, 0.0, 1, 1)
        if tail < allowed:
            raise Implausible(
                f"{what}: {k} of {n}, where {q:g} of them are due; the chance is {tail:.1e}",
                output=what,
                got=k,
                want=q * n,
                bound=allowed,
            )


def rejects(call: Callable[[], Any], error: type[Exception], why: str) -> None:
    """The call raises the error. why: what the reference says of the same input.

    Raises: AcceptedInvalid.
    """
    try:
        got = call()
    except error:
        tally.note(0.0, 0.0, 0.0, 1, 1)
        return
    tally.note(np.inf, 0.0, 0.0, 1, 1)
    shapes = [np.shape(y) for y in (got if isinstance(got, tuple) else (got,))]
    raise AcceptedInvalid(
        f"a result of shape {', '.join(map(str, shapes))}, where the reference raises: {why}", got=shapes, want=why
    )


def same_number(got: Any, want: int, *, output: str = "y") -> None:
    """Both are the same integer. Raises: WrongShape."""
    _note(output, got, want, 0)
    same = isinstance(got, (int, np.integer)) and not isinstance(got, bool) and got == want
    tally.note(0.0 if same else np.inf, 0.0, 0.0, 1, 1)
    if not same:
        raise WrongShape(f"{output} is {got!r}, the reference has {want}", output=output, got=got, want=want, bound=0)
