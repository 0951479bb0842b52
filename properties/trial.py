"""The trial of one check on one backend: which problems it visits, in what order, and what it notes."""

from __future__ import annotations

import functools
import hashlib
import inspect
import subprocess
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, example, given, seed, settings
from hypothesis import strategies as st

import reference
from adapters import reference as itself
from adapters.apart import end_of
from adapters.backend import Backend, BackendError, NotOffered
from adapters.deviations import Deviation
from properties import agreement
from properties.agreement import Failure, Raised, Tally
from properties.evidence import Evidence, witnessed
from properties.minimise import minimised
from properties.strategies.draws import Draw, Entropy, draws
from properties.strategies.kinds import KINDS
from properties.strategies.problems import Problem, Problems, Spec
from reference.arithmetic import FLOAT32, FLOAT64, FORMATS
from reference.arithmetic.formats import holds_numbers

Judge = Callable[[Backend, Draw], None]
T = TypeVar("T")

WIDEST = 0.2  # the share of draws that a region may hold: what is systematic is a claim or a refusal
HALF = 0.5  # and all together


def everywhere(backend: Backend) -> bool:
    """Most checks concern every backend."""
    return True


def is_strict(backend: Backend) -> bool:
    """Whether the adapter says which invalid problems it accepts, if any.

    One that does not, as a student's file, is not asked about what is not in the formula: invalid problems, NaN and
    infinities.
    """
    return hasattr(backend.adapter, "accepts")


@dataclass(frozen=True)
class Check:
    """One row of the report. property is "values", the id of a law or the name of a lane; statement is what must hold.

    formats: those in which it is tried, the first ones first; None means all that a backend has.
    part: "values", "gradients", "lanes", "modes", "rejections", "claims", "laws", "statements", "gallery",
    "conventions", or "networks", "large networks" and "largest networks", which decides how much is tried.
    concerns: whether there is anything to ask of a backend. draws: on each problem at least, where the draws are
    not alike. widest: the share of the draws that the ledger's regions may hold, larger where a check seeks what is
    exceptional.
    """

    id: str
    primitive: str
    property: str
    statement: str
    formats: tuple[str, ...] | None = None
    part: str = "laws"
    concerns: Callable[[Backend], bool] = everywhere
    draws: int = 0
    widest: float = WIDEST


@dataclass(frozen=True)
class Depth:
    """How much is tried.

    values, gradients, lanes, modes, laws, statements: the breadth of the pool for each part of the checks; a part
    of breadth 0 is not tried. low: its share in formats below float32, since what is wrong in every format shows in
    the others. compiled: its share where each new shape is compiled, which takes a hundred times as long as a call,
    and of what is drawn freely. itself: its share on the reference, which the suite's own tests try too. draws: on
    each problem; redraws: on each that was compiled; large_networks: 1: call by call; 2: also to first order, by so
    many numbers of a layer. lane_draws: in a lane or a statement, which look for other things than a rare number;
    one where no number matters, since the problem is invalid. free: problems that Hypothesis draws besides.
    law_formats, lane_formats, gradient_formats, claim_formats: in how many of its formats a law, a lane, a gradient
    or a claim is tried; None: in all there are. claims: problems, or ways to lay out a sum, that a claim is probed
    with, and points: at which the accuracy of an operation is measured.
    """

    values: float
    gradients: float
    lanes: float
    modes: float
    laws: float
    statements: float
    large_networks: int
    low: float
    compiled: float
    itself: float
    draws: int
    redraws: int
    lane_draws: int
    free: int
    claims: int
    points: int
    claim_formats: int | None
    law_formats: int | None
    lane_formats: int | None
    gradient_formats: int | None

    @property
    def largest_networks(self) -> int:
        """Those to first order are tried from 2 on."""
        return max(self.large_networks - 1, 0)

    def share(self, check: Check) -> float:
        """The breadth of a part of the checks; rejections are a lane."""
        if check.part in AT_EVERY_DEPTH:
            return AT_EVERY_DEPTH[check.part]
        share: float = getattr(self, PARTS.get(check.part, check.part))
        return share

    def breadth(self, check: Check, backend: Backend) -> float:
        """The breadth of the pool for a check."""
        breadth = self.share(check)
        breadth *= self.low if backend.format.precision < FLOAT32.precision else 1.0
        breadth *= self.itself if backend.name == "reference" else 1.0
        return breadth * (self.compiled if backend.mode == "compiled" else 1.0)

    def unseen(self, check: Check, backend: Backend) -> int:
        """How many problems Hypothesis draws besides the pool; none where another mode compiles each of them."""
        if check.part == "modes":
            return 0
        return round(self.free * (self.compiled if backend.mode == "compiled" else 1.0))

    def formats(self, check: Check) -> int | None:
        """In how many of its formats a check is tried; None: in all there are."""
        most = {"laws": self.law_formats, "gradients": self.gradient_formats, "rejections": self.law_formats}
        return most.get(check.part, self.lane_formats)

    def number(self, check: Check, backend: Backend) -> int:
        """How many draws of numbers a problem gets."""
        if check.part == "rejections":
            return 1
        if check.part in ("lanes", "modes", "statements"):
            return max(self.lane_draws, check.draws)
        return self.redraws if backend.mode == "compiled" else self.draws


# The search for what contradicts a statement, which ends with the first that does; a question with one answer; and
# small networks, which cost as much as a few problems.
AT_EVERY_DEPTH = {"gallery": 2.0, "conventions": 1.0, "networks": 1.0}

# The parts whose breadth has another name.
PARTS = {"rejections": "lanes", "large networks": "large_networks", "largest networks": "largest_networks"}

DEPTHS = {
    "smoke": Depth(
        values=1.0,
        gradients=0.3,
        lanes=0.1,
        modes=0,
        laws=0.4,
        statements=0.1,
        large_networks=0,
        low=0.5,
        compiled=0.1,
        itself=0.5,
        draws=8,
        redraws=8,
        lane_draws=2,
        free=0,
        claims=1,
        points=10_000,
        claim_formats=1,
        law_formats=1,
        lane_formats=1,
        gradient_formats=1,
    ),
    "default": Depth(
        values=1.5,
        gradients=1.0,
        lanes=0.3,
        modes=0.3,
        laws=1.0,
        statements=0.3,
        large_networks=1,
        low=0.5,
        compiled=0.2,
        itself=0.5,
        draws=8,
        redraws=12,
        lane_draws=3,
        free=0,
        claims=3,
        points=100_000,
        claim_formats=None,
        law_formats=1,
        lane_formats=None,
        gradient_formats=None,
    ),
    "deep": Depth(
        values=4.0,
        gradients=2.0,
        lanes=1.0,
        modes=1.0,
        laws=1.5,
        statements=1.0,
        large_networks=2,
        low=1.0,
        compiled=0.25,
        itself=1.0,
        draws=8,
        redraws=12,
        lane_draws=4,
        free=20,
        claims=8,
        points=1_000_000,
        claim_formats=None,
        law_formats=None,
        lane_formats=None,
        gradient_formats=None,
    ),
}


@dataclass
class _Run:
    depth: Depth = DEPTHS["default"]
    seed: int = 0
    minimises: bool = True
    hands_over: bool = False


_run = _Run()


def configure(depth: str, seed: int, *, minimises: bool = True) -> None:
    """Set the depth and the seed of the run, once in each process. minimises: a failure is made small."""
    _run.depth, _run.seed, _run.minimises = DEPTHS[depth], seed, minimises


def depth_of_run() -> Depth:
    return _run.depth


def once_a_run(function: Callable[[], T]) -> Callable[[], T]:
    """What a function gives, which is kept as long as depth and seed are the same."""
    kept: dict[Any, T] = {}

    def of_this_run() -> T:
        run = (_run.depth, _run.seed, _run.minimises)
        if run not in kept:
            kept.clear()
            kept[run] = function()
        return kept[run]

    return of_this_run


def is_tried(check: Check, backend: Backend, formats: Collection[str]) -> bool:
    """Whether a check is tried in a backend's format at this depth. formats: those that the run has of it.

    Where there is no claim, no claim is tried.
    """
    if not check.concerns(backend) or not _run.depth.share(check):
        return False
    if check.part == "claims":
        there = [name for name in check.formats or () if name in formats]
        return hasattr(backend.adapter, "arithmetic") and backend.format.name in there[: _run.depth.claim_formats]
    if check.part in ("statements", "conventions"):  # which say nothing of a format
        return backend.format.name in [name for name in check.formats or () if name in formats][:1]
    if check.part.endswith("networks"):  # bounds to first order say nothing in low formats
        return backend.format.name in (check.formats or ())
    if check.formats is None and check.part not in ("lanes", "gradients"):
        return True
    there = [name for name in check.formats or FORMATS if name in formats]
    first = crc32(check.id.encode()) % max(len(there), 1)  # so that each format has its share of the checks
    return backend.format.name in (there[first:] + there[:first])[: _run.depth.formats(check)]


class StaleDeviation(Failure):
    """An entry of the ledger whose pinned example conforms now."""

    kind = "stale ledger entry"


class BrokenDeviation(Failure):
    """An entry of the ledger that cannot be used: its region or its example is written wrongly."""

    kind = "broken ledger entry"


class WideDeviation(Failure):
    """An entry of the ledger whose region holds for too many problems."""

    kind = "wide ledger entry"


class _Parts(BaseException):
    """What a test hands to its trial, for who only wants to know it."""


def parts_of(test: Callable[[Backend], None], backend: Backend) -> tuple[Check, Problems, Judge]:
    """The check, the problems and the judge of a test, which is not tried. Raises: TypeError if it has no trial."""
    _run.hands_over = True
    try:
        test(backend)
    except _Parts as parts:
        check, problems, judge = parts.args
        return check, problems, judge
    finally:
        _run.hands_over = False
    raise TypeError("the test has no trial of problems")


EXTRAS = {"gradients": {"cotangent"}}  # what a part of the checks draws besides, so that an example may pin it


def entropy_of(check: Check) -> Entropy:
    """Four small integers from the check and the run's seed: every backend gets the same inputs."""
    digest = hashlib.sha256(f"{check.id} {_run.seed}".encode()).digest()
    a, b, c, d = (byte % 100 for byte in digest[:4])
    return a, b, c, d


def trial(check: Check, backend: Backend, problems: Problems, judge: Judge) -> None:
    """Judge every problem of the pool, smallest first; at depth "deep" also problems that Hypothesis draws.

    Raises: NotOffered if the backend offers none of the problems; Failure, on the smallest draw that
    was found, if the check does not hold.
    """
    if _run.hands_over:
        raise _Parts(check, problems, judge)
    if not backend.offers(check.primitive):
        raise NotOffered(f"it has no {check.primitive}")
    deviations = backend.deviations(check.id)
    for deviation in deviations:
        _confirm(deviation, check, backend, problems, judge)

    depth, entropy = _run.depth, entropy_of(check)
    pool = problems.pool(depth.breadth(check, backend), _run.seed)
    tally = agreement.tally
    tally.series.of_elements = check.part in ("values", "gradients")
    tally.series.of_conditions = check.part == "values"
    found: list[Failure] = []
    held: Counter[str] = Counter()  # draws in the region of each entry

    def judged(problem: Problem, entropy: Entropy) -> None:
        try:
            _try(problem, entropy, check, backend, judge, deviations, problems, tally, held)
        except Failure as failure:
            found.append(failure)
            raise

    test = given(problem=problems.strategy(), entropy=st.tuples(*[st.integers(0, 99)] * 4))(judged)
    unseen = depth.unseen(check, backend)
    test = settings(
        max_examples=max(unseen, 1),
        phases=(Phase.explicit, Phase.generate) if unseen else (Phase.explicit,),  # minimise.py shrinks
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )(seed(int.from_bytes(bytes(entropy)))(test))
    for problem in reversed(pool):
        test = example(problem=problem, entropy=entropy)(test)
    try:
        test()
        backend.rest()
    except Exception:  # the first failure, or what Hypothesis says when it does not happen again
        if not found:
            raise
        if not _run.minimises:
            raise found[0].with_traceback(None) from None
        agreement.tally = Tally()  # the search for a smaller input is not part of the measurement

        def fails(draw: Draw) -> Failure | None:
            """How a draw fails, unless the ledger explains it."""
            return None if known_as(draw, deviations) else _failure_if_offered(judge, backend, draw)

        smallest = minimised(problems, fails, found[0])
        with witnessed(backend) as evidence:
            _failure_if_offered(judge, backend, smallest.draw)
            smallest.evidence = evidence()
        agreement.tally = tally
        raise smallest.with_traceback(None) from None
    if tally.refused == tally.problems:
        raise NotOffered("; ".join(sorted(tally.reasons)))
    _not_too_wide(held, check.widest, tally.drawn)


def draws_of(check: Check, backend: Backend, problems: Problems) -> Iterator[Draw]:
    """Every draw of the pool of a check on a backend, in the order in which they are tried."""
    n = _run.depth.number(check, backend)
    for problem in problems.pool(_run.depth.breadth(check, backend), _run.seed):
        yield from draws(problem, n, backend.format, entropy_of(check), problems.kinds)


def _try(
    problem: Problem,
    entropy: Entropy,
    check: Check,
    backend: Backend,
    judge: Judge,
    deviations: list[Deviation],
    problems: Problems,
    tally: Tally,
    held: Counter[str],
) -> None:
    """Judge one problem on its draws. held: counts the draws in the region of each entry."""
    tally.problems += 1
    for draw in draws(problem, _run.depth.number(check, backend), backend.format, entropy, problems.kinds):
        tally.drawn += 1
        if known := known_as(draw, deviations):
            tally.excluded += 1
            held[known.reason] += 1
            continue
        worst = tally.worst_ratio
        try:
            failure = failure_of(judge, backend, draw)
        except NotOffered as refusal:
            tally.refused += 1
            tally.reasons.add(str(refusal))
            return
        tally.draws += 1
        _digest(draw, tally)
        if tally.worst_ratio > worst:
            tally.worst_call = repr(draw)
        if failure is not None:
            raise failure


def failure_of(judge: Judge, backend: Backend, draw: Draw) -> Failure | None:
    """How a draw fails; what a backend raises is a failure too. Raises: NotOffered."""
    failure: Failure
    try:
        with np.errstate(all="ignore"):  # the reference overflows where the format does
            judge(backend, draw)
        return None
    except Failure as found:
        failure = found
    except BackendError as error:
        failure = Raised(str(error))
    failure.draw = draw
    return failure


def _failure_if_offered(judge: Judge, backend: Backend, draw: Draw) -> Failure | None:
    try:
        return failure_of(judge, backend, draw)
    except NotOffered:
        return None


def _digest(draw: Draw, tally: Tally) -> None:
    tally.digest.update(repr(sorted(draw.options.items())).encode())
    for x in (*draw.arrays.values(), *draw.extras.values()):
        tally.digest.update(np.ascontiguousarray(x).tobytes() if isinstance(x, np.ndarray) else repr(x).encode())


def _not_too_wide(held: Counter[str], widest: float, drawn: int) -> None:
    """Each entry of the ledger explains few of the draws, and all of them together at most half, or one its share.

    Raises: WideDeviation.
    """
    for reason, n in held.items():
        if n > widest * drawn:
            raise WideDeviation(
                f"the ledger's regions hold for {n} of {drawn} draws: more than {widest:.0%} is a claim or a refusal "
                f"({reason})"
            )
    if (n := held.total()) > max(widest, HALF) * drawn:
        raise WideDeviation(f"the ledger's regions hold for {n} of {drawn} draws together: most are not judged")


def known_as(draw: Draw, deviations: list[Deviation]) -> Deviation | None:
    """The known deviation in whose region a draw lies. Raises: BrokenDeviation."""
    for deviation in deviations:
        try:
            with np.errstate(all="ignore"):
                if deviation.region(draw):
                    return deviation
        except Exception as error:
            names = ", ".join((*draw.arrays, *draw.options))
            raise BrokenDeviation(
                f"{deviation.reason} ({deviation.link}): the region raises {type(error).__name__}: {error}. "
                f"It is given a draw, whose attributes are {names}, and says whether the entry concerns it."
            ) from error
    return None


def _confirm(deviation: Deviation, check: Check, backend: Backend, problems: Problems, judge: Judge) -> None:
    """A known deviation is noted only while its pinned example fails.

    Raises: StaleDeviation, WideDeviation, BrokenDeviation.
    """
    entry = f"{deviation.reason} ({deviation.link})"
    pinned = pinned_example(deviation, check, backend, problems)
    is_call = deviation.ends_the_process and check.part == "laws"  # the example has not what else the law needs
    _expect_right(entry, pinned, check, backend, _takes(check) if is_call else judge)
    if not known_as(pinned, [deviation]):
        raise WideDeviation(f"{entry}: the pinned example lies outside the entry's own region")
    failure: str | Failure | None
    if deviation.ends_the_process:
        failure, now = end_by(backend, pinned), "does not end its process"
        evidence = _unmade(backend, pinned)
    else:
        tally, agreement.tally = agreement.tally, Tally()
        with witnessed(backend) as witness:
            failure, now = _failure_if_offered(judge, backend, pinned), "conforms"
            evidence = witness()
        agreement.tally = tally
    if not failure:
        raise StaleDeviation(
            f"{entry}: the pinned example {now} in {backend.name} {backend.version}. "
            "Remove the entry from the ledger, or give it the versions that had the bug."
        )
    agreement.tally.known.append(
        {
            "reason": deviation.reason,
            "link": deviation.link,
            "example": repr(pinned),
            "failure": str(failure),
            "draw": pinned,
            "found": failure,
            "evidence": evidence,
            "device": backend.device,
        }
    )


def _unmade(backend: Backend, pinned: Draw) -> Evidence:
    """The call of an example after which there is no process."""
    arrays, cotangent = list(pinned.arrays.values()), pinned.extras.get("cotangent")
    numbers = [i for i, x in enumerate(arrays) if holds_numbers(x)]
    return Evidence(
        [backend.planned(pinned.primitive, arrays, pinned.options, cotangent, numbers)], ends_the_process=True
    )


def _takes(check: Check) -> Judge:
    """Whether a call of the primitive can be made, which is all that an example has to be after which nothing is."""

    def judge(backend: Backend, draw: Draw) -> None:
        backend.call(check.primitive, list(draw.arrays.values()), draw.options)

    return judge


def _expect_right(entry: str, pinned: Draw, check: Check, backend: Backend, judge: Judge) -> None:
    """On the pinned example the check must hold for the reference, with the backend's conventions.

    Raises: BrokenDeviation.
    """
    conventions = {name: backend.conventions(name) for name in reference.PRIMITIVES}
    functions = {name: functools.partial(f, **conventions[name]) for name, f in reference.PRIMITIVES.items()}
    adapter = SimpleNamespace(**vars(itself) | functions | {"conventions": conventions})
    right = Backend(adapter, "the reference", "", "cpu", FLOAT64, "eager")
    wide = {name: x.astype(float) if holds_numbers(x) else x for name, x in {**pinned.arrays, **pinned.extras}.items()}
    draw = replace(pinned.with_arrays(**wide), format=FLOAT64)
    tally, agreement.tally = agreement.tally, Tally()
    try:
        with np.errstate(all="ignore"):
            judge(right, draw)
    except NotOffered:
        return
    except Failure as failure:
        raise BrokenDeviation(f"{entry}: the reference itself fails on the pinned example: {failure}") from failure
    except Exception as error:
        text = str(error) if isinstance(error, BackendError) else f"{type(error).__name__}: {error}"
        raise BrokenDeviation(f"{entry}: the pinned example is no input of {check.primitive}: {text}") from error
    finally:
        agreement.tally = tally


_ends: dict[str, str] = {}  # of pinned examples: one process for each is enough, in whichever format comes first


def end_by(backend: Backend, pinned: Draw) -> str:
    """How a call ends the process that makes it, if it does."""
    call = f"{backend.spec} {backend.device} {backend.mode} {pinned!r}"
    if call not in _ends:
        try:
            cotangent = pinned.extras.get("cotangent")
            name = end_of(backend, pinned.primitive, list(pinned.arrays.values()), pinned.options, cotangent)
        except subprocess.TimeoutExpired:
            name = ""  # a hang is not the end that the entry speaks of
        _ends[call] = f"the process ends with {name}" if name else ""
    return _ends[call]


def pinned_example(deviation: Deviation, check: Check, backend: Backend, problems: Problems) -> Draw:
    """The pinned example in the backend's format. Raises: BrokenDeviation."""
    given, options = deviation.example.arrays, dict(deviation.example.options)
    parameters = list(inspect.signature(reference.PRIMITIVES[check.primitive]).parameters)
    pool = problems.pool(_run.depth.breadth(check, backend), _run.seed)
    extras = sorted({name for problem in pool for name in problem.extras} | EXTRAS.get(check.part, set()))
    if unknown := [name for name in (*given, *options) if name not in parameters + extras]:
        raise BrokenDeviation(
            f"{deviation.reason} ({deviation.link}): the pinned example has {', '.join(unknown)}, which is none of "
            f"{', '.join(parameters + extras)}"
        )
    filled = {name: _in_format(x, backend) if isinstance(x, (list, np.ndarray)) else x for name, x in given.items()}
    specs = {name: Spec(x.shape) if isinstance(x, np.ndarray) else x for name, x in filled.items()}
    mine = {name: x for name, x in filled.items() if name in parameters}
    others = {name: x for name, x in filled.items() if name not in parameters}
    problem = Problem(
        check.primitive, {name: specs[name] for name in mine}, options, {name: specs[name] for name in others}
    )
    return Draw(problem, next(iter(KINDS)), backend.format, mine, others)


def _in_format(x: Any, backend: Backend) -> Any:
    """Numbers of a backend's format; booleans stay what they are, and so does an array of integers, but not a list."""
    is_list, x = isinstance(x, list), np.asarray(x)
    return (
        x
        if x.dtype.kind in ("b" if is_list else "biu")
        else backend.format.round(x.astype(float)).astype(backend.format.dtype)
    )
