"""Claims: what a backend says of its arithmetic is probed, and what was found is printed beside it.

The claims are the premises of every bound. One that its probe contradicts fails, with the number that was
found. One that is weaker than what was found does not: another processor, or another kernel, may need it.
But the report names it, because a claim that is too weak hides bugs. A backend that claims nothing is held
to the defaults by its values, and is not probed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from adapters.backend import Backend, BackendError, NotOffered
from conformance.cases import CASES, INTEGERS, Case
from properties import agreement, probes
from properties.agreement import ClaimContradicted, Raised
from properties.law import stands_for, statement
from properties.probes import EXPOSURES, INSIDE, Finding, Measure
from properties.strategies import KINDS, Draw, draw
from properties.trial import Check, depth_of_run, entropy_of, known_as
from reference.arithmetic import FLOAT32, Arithmetic

# The first format that a backend has is the one that is tried at depth "smoke".
EVERY = ("float32", "float64", "bfloat16", "float16")
LOW = ("bfloat16", "float16")
Body = Callable[[Backend, Case, Check], Iterator[Finding | None]]


def claim(
    name: str, primitives: tuple[str, ...] | None, formats: tuple[str, ...]
) -> Callable[[Body], Callable[[Backend, Case], None]]:
    """Make a test of every primitive that can be probed so; its body yields what was found.

    primitives: those that can; None means all that compute. formats: those in which there is something to find.
    """

    def decorate(body: Body) -> Callable[[Backend, Case], None]:
        says = statement(body)
        checks = {
            case: Check(f"{name} {case.primitive}", case.primitive, name.lower(), says, formats, "claims")
            for case in CASES
            if (primitives is None and case.primitive not in INTEGERS) or case.primitive in (primitives or ())
        }

        def test(backend: Backend, case: Case) -> None:
            judged(backend, checks[case], lambda: body(backend, case, checks[case]))

        return stands_for(body, test, cases=checks)

    return decorate


def judged(backend: Backend, check: Check, find: Callable[[], Iterator[Finding | None]]) -> None:
    """Note what was found. Raises: NotOffered where there is nothing; ClaimContradicted."""
    if not hasattr(backend.adapter, "arithmetic"):
        raise NotOffered("it claims nothing of its arithmetic: the defaults hold, and its values are held to them")
    if not backend.offers(check.primitive):
        raise NotOffered(f"it has no {check.primitive}")
    try:
        findings = [finding for finding in find() if finding]
    except BackendError as error:
        raise Raised(str(error)) from None
    finally:
        backend.rest()
    if not findings:
        raise NotOffered("it offers no input that would show the claim")
    tally = agreement.tally
    tally.problems = tally.draws = tally.elements = tally.decided = len(findings)
    tally.probes = [{"claim": f.claim, "claimed": f.claimed, "found": f.found, "verdict": f.verdict} for f in findings]
    contradicted = [f for f in findings if not f.holds]
    if contradicted:
        first = contradicted[0]
        failure = ClaimContradicted(
            "; ".join(f"{f.claim}: claimed {f.claimed}, found {f.found}" for f in contradicted),
            got=first.got,
            want=first.want,
            bound=first.bound,
        )
        failure.draw = first.draw
        raise failure


@claim("CLAIM-ACCUMULATOR", tuple(probes.SUMS), ("bfloat16", "float16", "float32", "float64"))
def test_accumulators(backend: Backend, case: Case, check: Check) -> Iterator[Finding | None]:
    """Sums are carried in the claimed format, or in a wider one."""
    a, rng = backend.arithmetic(case.primitive), np.random.default_rng(entropy_of(check))
    layouts = depth_of_run().claims
    draws = outside_ledger(backend, probes.sums(backend, case.primitive, rng, layouts))
    yield probes.climbed(backend, probes.accumulators(a, case.primitive), draws)
    if case.primitive in probes.CONTRACTIONS:
        cut = outside_ledger(backend, probes.stepping(backend, case.primitive, a.accumulate, layouts))
        yield probes.climbed(backend, probes.flag(a, "truncates"), cut)


@claim("CLAIM-STEPS", None, LOW)
def test_steps(backend: Backend, case: Case, check: Check) -> Iterator[Finding | None]:
    """Intermediate results are kept in the claimed format, or in a wider one."""
    kinds = [kind for kind in ("normal", "offset") if kind in (case.problems.kinds or KINDS)]
    pool = [problem for problem in case.problems.pool(1, 0) if not problem.is_empty][-depth_of_run().claims :]
    draws = [draw(problem, kind, backend.format, entropy_of(check)) for problem in pool for kind in kinds]
    yield probes.climbed(backend, probes.steps(backend.arithmetic(case.primitive)), outside_ledger(backend, draws))


@claim("CLAIM-SUBNORMALS", None, EVERY)
def test_subnormals(backend: Backend, case: Case, check: Check) -> Iterator[Finding | None]:
    """Subnormal inputs and results are kept, unless the claims say otherwise."""
    entropy = entropy_of(check)
    pool = [problem for problem in case.problems.pool(0.1, 0) if not problem.is_empty][:1]
    draws = [d for problem in pool for d in probes.around_the_smallest(backend, problem, entropy)]
    draws += probes.sums_around_the_smallest(backend, case.primitive, np.random.default_rng(entropy))
    yield probes.climbed(backend, probes.subnormals(backend.arithmetic(case.primitive)), outside_ledger(backend, draws))


@claim("CLAIM-PRODUCTS", probes.CONTRACTIONS, ("bfloat16", "float16", "float32"))
def test_products(backend: Backend, case: Case, check: Check) -> Iterator[Finding | None]:
    """Operands and products keep their bits on the way to the sum, unless the claims say otherwise."""
    a, rng = backend.arithmetic(case.primitive), np.random.default_rng(entropy_of(check))
    if backend.format is FLOAT32:
        operands = outside_ledger(backend, probes.full_operands(backend, case.primitive, rng, depth_of_run().claims))
        yield probes.climbed(backend, probes.flag(a, "tensor_float32"), operands)
        return
    products = outside_ledger(backend, probes.full_products(backend, case.primitive, rng))
    yield probes.climbed(backend, probes.flag(a, "rounds_products"), products)
    if case.primitive == "scaled_dot_product_attention" and a.compute is not a.storage:
        weights = outside_ledger(backend, probes.weighted(backend))
        yield probes.climbed(backend, probes.flag(a, "stores_operands"), weights)
        means = outside_ledger(backend, probes.midway(backend))
        yield probes.climbed(backend, probes.flag(a, "misses_fixed_points"), means)


@claim("CLAIM-ACCURACY", tuple({**EXPOSURES, **INSIDE}), EVERY)
def test_accuracy(backend: Backend, case: Case, check: Check) -> Iterator[Finding | None]:
    """An operation that is not correctly rounded errs by no more than it is claimed to."""
    a, rng = backend.arithmetic(case.primitive), np.random.default_rng(entropy_of(check))
    n = depth_of_run().points
    for exposure in EXPOSURES.get(case.primitive, ()):
        if "softmax_in_float32" in a.formulas:  # what is shown is not the format's own operation
            continue
        if exposure.formula and exposure.formula not in a.formulas:
            continue
        try:
            measure = probes.accuracy(backend, case.primitive, exposure, n, rng)
        except NotOffered:
            continue
        if measure:
            if not exposure.rounds:
                claimed = a.accuracy(exposure.operation)
                agreement.tally.series.note_accuracy(exposure.operation, claimed, measure.at, measure.k_at)
            yield measured(a, exposure.operation, measure)
    for operation, options in INSIDE.get(case.primitive, ()):
        measure = probes.needed(backend, case.primitive, operation, options, n, rng)
        yield measured(a, operation, measure, "at least ")


def measured(a: Arithmetic, operation: str, m: Measure, least: str = "") -> Finding:
    """The accuracy that was found of an operation, beside the claim."""
    k = a.accuracy(operation)
    units = "" if least else f" ({m.ulp:.2f} units in the last place)"
    inside = "" if least or a.compute is a.storage else f", of {a.compute} beyond half a unit of {a.storage}"
    return Finding(
        f"ulps of {operation}",
        f"{k:g}",
        f"{least}{m.k:.2f}{units} at {m.where:.9g}, of {m.points} points{inside}",
        holds=m.k <= k,
        wide=k > 1 and m.k <= k / 2 and a.compute is a.storage,
        draw=m.draw,
        got=m.got,
        want=m.want,
    )


def outside_ledger(backend: Backend, draws: list[Draw]) -> list[Draw]:
    """The draws that no known deviation of the values concerns: a claim speaks of rounding alone."""
    known = backend.deviations(f"VALUES {draws[0].primitive}") if draws else []
    return [d for d in draws if not known_as(d, known)]
