"""Attacks on the error bounds: no honest implementation may exceed one.

An honest implementation rounds every operation as its claims say, in whatever order it likes. Each
test looks for one that leaves the bound; `test_bounds_not_vacuous.py` shows that the bounds are reached.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from scipy import special

import reference
from reference.arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Arithmetic, Bounded, Format, read
from reference.arithmetic.bounded import concluded
from reference.arithmetic.claims import default_arithmetic, wide_arithmetic
from reference.arithmetic.formats import Floats
from reference.arithmetic.rules import own_error
from tests.honest import (
    FORMATS_OF_MACHINES,
    KINDS,
    ORDERS,
    Machine,
    at_random,
    data,
    machines,
    outwards,
    share,
    upwards,
)

Call = tuple[str, Callable[..., Any], list[Any], dict[str, Any]]
LOW = [FLOAT32, BFLOAT16, FLOAT16]
WIDER = [(FLOAT32, FLOAT32), (FLOAT32, FLOAT64), (FLOAT64, FLOAT64)]


def calls(kind: str, rng: np.random.Generator, F: Format) -> Iterator[Call]:
    """Calls of every primitive that takes arrays, on data of one kind."""

    def d(*shape: int) -> Floats:
        return data(kind, rng, shape, F)

    def z(*shape: int) -> Floats:
        return data("normal", rng, shape, F)

    c, b, s = reference.convolution, reference.batch_norm, reference.softmax
    yield "convolution", c, [d(2, 2, 7), z(2, 2, 3), d(2)], {"padding": 1}
    yield "convolution of one tap", c, [d(1, 1, 3), d(1, 1, 1)], {}
    yield "convolution, small weights", c, [d(2, 3, 9), F.round(z(2, 3, 3) * 2.0**-9), d(2)], {"stride": 2}
    yield "grouped convolution", c, [d(1, 4, 5, 5), d(4, 2, 3, 3)], {"padding": "same", "groups": 2, "dilation": 2}
    yield "circular convolution", c, [d(1, 1, 6), d(1, 1, 5), d(1)], {"padding": 2, "padding_mode": "circular"}
    t = reference.transposed_convolution
    yield "transposed convolution", t, [d(2, 2, 4), z(2, 2, 3), d(2)], {"stride": 2, "padding": 1}
    grouped = {"groups": 2, "stride": (1, 3), "output_padding": (0, 2), "padding": ((2, 0), (0, 1))}
    yield "grouped transposed convolution", t, [d(1, 4, 2, 3), d(4, 1, 2, 2)], grouped
    yield "softmax", s, [d(3, 7)], {}
    yield "softmax of one", s, [d(3, 1)], {"axis": 1}
    closed = np.where(rng.random((2, 4)) * [0, 1, 1, 1] > 0.5, -np.inf, d(2, 4))
    attend, q, k, v = reference.scaled_dot_product_attention, z(2, 3), d(4, 3), d(4, 2)
    yield "attention", attend, [q, k, v], {}
    yield "causal attention", attend, [q, k, v, closed > -np.inf], {"causal": True, "scale": 0.3}
    yield "masked attention", attend, [d(2, 3), z(4, 3), v, closed], {}
    for name, formula in reference.FORMULAS["scaled_dot_product_attention"].items():
        if name != "softmax_in_float32":  # which leaves the machine's formats
            yield f"attention, {name}", formula, [q, k, v, closed], {}
    w, x = [z(2, 2) for _ in range(4)], d(3, 2)
    yield "heads", reference.multi_head_attention, [x, None, None, *w, z(2), None, z(2), d(2)], {"heads": 2}
    yield "batch_norm", b, [d(3, 2, 4), d(2), np.abs(d(2)), z(2), z(2)], {}
    yield "batch_norm of the batch", b, [d(3, 2, 4), d(2), np.abs(d(2)), z(2), z(2)], {"training": True}
    yield "biased batch_norm", b, [d(6, 2), d(2), np.abs(d(2))], {"training": True, "unbiased": False, "momentum": 0.3}
    yield "folded batch_norm", reference.folded_batch_norm, [d(3, 2, 4), d(2), np.abs(d(2)), z(2), z(2)], {}
    for f in (reference.layer_norm, *reference.FORMULAS["layer_norm"].values()):
        yield f.__name__, f, [d(3, 5), z(5), z(5)], {}
    yield "layer_norm of two axes", reference.layer_norm, [d(2, 3, 2)], {"axes": 2, "eps": 0.25}
    yield "log_softmax", reference.log_softmax, [d(3, 7)], {}
    yield "dense", reference.dense, [d(3, 6), z(4, 6), d(4)], {}
    for f in (reference.relu, reference.sigmoid, reference.tanh, reference.gelu):
        yield f.__name__, f, [d(3, 7)], {}
    yield "gelu by tanh", reference.gelu, [d(3, 7)], {"approximate": "tanh"}
    yield "dropout", reference.dropout, [d(9)], {"p": 0.1}
    yield "pad", reference.pad, [d(1, 1, 5)], {"padding": [(2, 1)], "value": 0.3}
    yield "reflected pad", reference.pad, [d(1, 1, 5)], {"padding": [(2, 1)], "mode": "reflect"}


def _is_numbers(x: Any) -> bool:
    """Whether an argument is an array of numbers: not a mask, and not left out."""
    return isinstance(x, np.ndarray) and x.dtype != bool


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("base", FORMATS_OF_MACHINES, ids=repr)
def test_no_machine_exceeds_the_bound_of_a_primitive(base: Machine, kind: str) -> None:
    """Every primitive on every machine, in its order and with its roundings, stays within its bound."""
    rng = np.random.default_rng([7, KINDS.index(kind)])
    for name, call, arrays, options in calls(kind, rng, base.storage):
        for machine in machines(base):
            bounds = read(call, arrays, options, machine.claims)
            for i, (got, bound) in enumerate(zip(machine.run(call, arrays, options), bounds, strict=True)):
                # Where the bound claims the bits, the last rounding is to nearest: nothing may sign it.
                worst = share(got, bound, skip=bound.exact if machine.signs else False)
                assert worst <= 1, f"{name}, result {i}, on {machine}: {worst} of the bound, arrays {arrays}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("storage", LOW, ids=repr)
def test_a_more_accurate_machine_keeps_the_bound(storage: Format, kind: str) -> None:
    """Whoever computes or accumulates in a wider format than claimed, up to float64, is within the bound."""
    rng = np.random.default_rng([8, KINDS.index(kind)])
    claimed = [Arithmetic(storage, storage, A) for A in {storage, FLOAT32}]
    wider = [Machine(storage, C, A, order=order) for C, A in WIDER for order in ("sequential", "pairwise")]
    for name, call, arrays, options in calls(kind, rng, storage):
        for claims in claimed:
            bounds = read(call, arrays, options, claims)
            for machine in wider:
                for got, bound in zip(machine.run(call, arrays, options), bounds, strict=True):
                    assert (worst := share(got, bound)) <= 1, (worst, name, machine, claims, arrays)


# -- one operation at a time, its operands at the ends of their intervals -------------------------------


def cornered(rng: np.random.Generator, values: Floats, F: Format, spread: float) -> tuple[Floats, Bounded]:
    """Numbers of F, and a bounded array whose intervals they lie at the very end of (some are exact)."""
    actual = F.round(values)
    with np.errstate(all="ignore"):
        v = actual + rng.standard_normal(values.shape) * np.abs(actual) * spread * (rng.random(values.shape) < 0.8)
        v = np.where(np.isfinite(v), v, actual)
        e = np.abs(v - actual)  # exact or rounded: the next number is a bound
    return actual, Bounded(v, np.where(v == actual, 0.0, np.nextafter(e, np.inf)), default_arithmetic(F))


SPREADS = (2.0**-30, 2.0**-12, 2.0**-6, 0.3)
TWO = {f.__name__: f for f in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum)}


def scaled(rng: np.random.Generator, low: int, high: int) -> Floats:
    """Normal numbers of every magnitude between two powers of two."""
    return rng.standard_normal(400) * 2.0 ** rng.integers(low, high, 400)


RANGES: dict[str, Callable[[np.random.Generator, Format], Floats]] = {
    "moderate": lambda rng, F: rng.standard_normal(400),
    "integers": lambda rng, F: rng.integers(-40, 41, 400).astype(float),
    "wide": lambda rng, F: scaled(rng, F.smallest_exponent // 2, F.largest_exponent // 2),
    "extreme": lambda rng, F: scaled(rng, F.smallest_exponent - 3, F.largest_exponent),
    "subnormal": lambda rng, F: rng.standard_normal(400) * F.smallest_normal,
}


def within(got: Floats, bound: Bounded, skip: Any = False) -> float:
    """The share of a bound that still lacks its last factor, which stands for its own evaluation."""
    return share(got, Bounded(bound.value, bound.error * (1 + 2.0**-20), bound.arithmetic), skip)


@pytest.mark.parametrize("values", RANGES)
@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("F", LOW, ids=repr)
def test_operations_of_two_numbers(F: Format, name: str, values: str) -> None:
    """x + y, x - y, x y, x / y, max and min, correctly rounded from anywhere within the operands' errors."""
    rng = np.random.default_rng(11)
    f = TWO[name]
    for spread, signs, flush in itertools.product(SPREADS, (None, upwards, outwards, at_random(1)), (False, True)):
        x, X = cornered(rng, RANGES[values](rng, F), F, spread)
        y, Y = cornered(rng, RANGES[values](rng, F), F, spread)
        machine = Machine(F, F, F, signs=signs, flushes_results=flush and f not in (np.maximum, np.minimum))
        with np.errstate(all="ignore"):
            got = machine.rounded(f(x, y), terms=(x, y) if name in ("add", "subtract") else ())
            bound = f(X.under(machine.claims), Y.under(machine.claims))
        assert (worst := within(got, bound)) <= 1, (worst, spread, machine)


@pytest.mark.parametrize("name", ["multiply", "divide", "add"])
def test_operations_in_float64(name: str) -> None:
    """In float64 the exact result of exact operands, a fraction, rounds to within the bound."""
    rng = np.random.default_rng(12)
    x = rng.standard_normal(500) * 2.0 ** rng.integers(-60, 60, 500)
    y = np.where(rng.random(500) < 0.3, np.rint(x), rng.standard_normal(500) + (rng.random(500) < 0.5) * x)
    y = np.where(y == 0, 1.0, y)
    f = {"multiply": Fraction.__mul__, "divide": Fraction.__truediv__, "add": Fraction.__add__}[name]
    bound = TWO[name](*(Bounded.of(z, default_arithmetic(FLOAT64)) for z in (x, y)))
    for a, b, v, e in zip(x, y, bound.value, bound.error, strict=True):
        assert abs(f(Fraction(a), Fraction(b)) - Fraction(v)) <= Fraction(e), (a, b)


@pytest.mark.parametrize("F", LOW, ids=repr)
def test_square_root(F: Format) -> None:
    """sqrt of anything within the error of a nonnegative operand; perfect squares are exact."""
    rng = np.random.default_rng(13)
    for values, spread, signs in itertools.product(RANGES.values(), SPREADS, (None, upwards, outwards)):
        x, X = cornered(rng, np.abs(values(rng, F)), F, spread)
        got = Machine(F, F, F, signs=signs).rounded(np.sqrt(x))
        assert (worst := within(got, np.sqrt(X))) <= 1, (worst, spread)


def test_square_root_in_float64() -> None:
    """In float64 the root is within its bound of the exact one: only of a perfect square is that zero."""
    x = np.append(np.arange(1.0, 300.0), np.random.default_rng(23).random(300))
    y = np.sqrt(Bounded.of(x, default_arithmetic(FLOAT64)))
    for a, v, e in zip(x.tolist(), y.value.tolist(), y.error.tolist(), strict=True):
        low, high = Fraction(v) - Fraction(e), Fraction(v) + Fraction(e)
        assert low * low <= Fraction(a) <= high * high, a
    assert (y.error == 0).sum() == 17


def test_square_root_by_way_of_its_reciprocal_is_not_exact() -> None:
    """x * rsqrt(x), two roundings, misses the root of some perfect squares, which the claim k = 2 allows."""
    x = np.arange(1.0, 2000.0) ** 2
    r = FLOAT32.round(x * FLOAT32.round(1 / np.sqrt(x)))
    k_is_2 = default_arithmetic(FLOAT32)
    bound = np.sqrt(Bounded.of(x, replace(k_is_2, ulps={"sqrt": 2.0})))
    assert (r != np.sqrt(x)).any()
    assert within(r, bound) <= 1


def test_division_by_way_of_the_reciprocal() -> None:
    """x * (1/c), two roundings, keeps the bound of the claim k = 2, and not that of k = 1."""
    rng = np.random.default_rng(14)
    for F in LOW:
        x, c = F.round(rng.standard_normal(5000)), F.round(rng.uniform(1, 2, 5000))
        got = F.round(x * F.round(1 / c))
        bounds = {}
        for k in (1.0, 2.0):
            claims = default_arithmetic(F, ulps={"divide": k})
            bounds[k] = Bounded.of(x, claims) / Bounded.of(c, claims)
        assert within(got, bounds[2.0]) <= 1 < within(got, bounds[1.0])


ELEMENTARY: dict[str, tuple[Any, Callable[[np.random.Generator], Floats]]] = {
    "exp": (np.exp, lambda rng: rng.uniform(-120, 89, 400)),
    "log": (np.log, lambda rng: np.exp(rng.uniform(-80, 80, 400))),
    "tanh": (np.tanh, lambda rng: rng.standard_normal(400) * 4),
    "erf": (special.erf, lambda rng: rng.standard_normal(400) * 3),
    "expit": (special.expit, lambda rng: rng.standard_normal(400) * 30),
    "sin": (np.sin, lambda rng: rng.standard_normal(400) * 20),
    "cos": (np.cos, lambda rng: rng.standard_normal(400) * 20),
}


@pytest.mark.parametrize("k", [1.0, 3.0])
@pytest.mark.parametrize("name", ELEMENTARY)
@pytest.mark.parametrize("F", LOW, ids=repr)
def test_elementary_functions(F: Format, name: str, k: float) -> None:
    """exp, log, tanh, erf, expit, sin, cos, wrong by k ulp, from anywhere within the operand's error."""
    rng = np.random.default_rng(15)
    f, draw = ELEMENTARY[name]
    for spread, sign, scale in itertools.product(SPREADS, (-1, 1), (1.0, 2.0**-8, 2.0**-40)):
        values = draw(rng) if name == "log" else draw(rng) * scale
        x, X = cornered(rng, np.where(values > F.largest, 1.0, values), F, spread)
        if name == "log":
            x, X = x[x > 0], X[x > 0]
        with np.errstate(over="ignore"):
            exactly = f(x)
            ulp = F.quantum(np.where(np.isfinite(exactly), exactly, 1.0))
            got = np.where(x == 0, exactly, exactly + sign * k * ulp)
            got = np.where(np.isfinite(F.round(got)), got, F.round(got))
            bound = f(X.under(replace(default_arithmetic(F), ulps={name: k})))
        fixed = (exactly == 1) & (x == 0) | (name == "log") & (x == 1)
        assert (worst := within(got, bound, skip=fixed)) <= 1, (worst, spread, sign)


def test_exp_of_a_number_of_which_nothing_is_known() -> None:
    """exp underflows where its operand may still be anything: then so may the result."""
    a = default_arithmetic(FLOAT32)
    with np.errstate(all="ignore"):
        y = np.exp(Bounded(np.array([-1000.0, -800.0]), np.array([np.inf, 900.0]), a))
    assert (y.error == np.inf).all()


def test_fixed_points_are_met_unless_a_claim_says_otherwise() -> None:
    """exp(0) is 1 and tanh(0) is 0, or as near as the claimed ulps allow; exp(-inf) is 0 in any case."""
    met = default_arithmetic(FLOAT32, ulps={"exp": 900})
    missed = replace(met, misses_fixed_points=True)
    for a, allowed in ((met, 0.0), (missed, 900 * 2 * FLOAT32.u)):
        y = np.exp(Bounded(np.array([0.0, -np.inf]), np.zeros(2), a))
        assert allowed <= y.error[0] <= allowed * (1 + FLOAT32.u)
        assert y.error[1] == 0
    assert np.tanh(Bounded(np.zeros(1), np.zeros(1), missed)).error[0] > 0


def spread(rng: np.random.Generator, top: int) -> Floats:
    """Numbers of every magnitude from 2^-30 to 2^top."""
    return rng.standard_normal(12000) * 2.0 ** rng.integers(-30, top, 12000)


def around(rng: np.random.Generator, wide: Floats, low: float, high: float) -> Floats:
    return np.concatenate([wide, rng.uniform(low, high, 4000)])


REFERENCE_DOMAINS: dict[str, tuple[Any, Any, Callable[[np.random.Generator], Floats]]] = {
    "exp": (np.exp, mpmath.exp, lambda rng: around(rng, rng.uniform(-745, 709, 8000), -1, 1)),
    "log": (np.log, mpmath.log, lambda rng: around(rng, np.exp(rng.uniform(-700, 700, 8000)), 0.9, 1.1)),
    "tanh": (np.tanh, mpmath.tanh, lambda rng: spread(rng, 5)),
    "erf": (special.erf, mpmath.erf, lambda rng: spread(rng, 3)),
    "expit": (special.expit, lambda x: 1 / (1 + mpmath.exp(-x)), lambda rng: spread(rng, 10)),
    "sin": (np.sin, mpmath.sin, lambda rng: spread(rng, 20)),
    "cos": (np.cos, mpmath.cos, lambda rng: spread(rng, 20)),
    "sqrt": (np.sqrt, mpmath.sqrt, lambda rng: np.exp(rng.uniform(-700, 700, 12000))),
}


@pytest.mark.parametrize("name", REFERENCE_DOMAINS)
def test_the_functions_of_the_references_are_as_accurate_as_the_rules_say(name: str) -> None:
    """NumPy's and SciPy's float64 functions err by at most own_error, at 12000 points of their domains."""
    f, exact, draw = REFERENCE_DOMAINS[name]
    x = draw(np.random.default_rng(16))
    v = f(x)
    with mpmath.workdps(25):
        errors = [abs(exact(mpmath.mpf(a)) - mpmath.mpf(b)) for a, b in zip(x.tolist(), v.tolist(), strict=True)]
        worst = max(float(e / bound) for e, bound in zip(errors, own_error(name, v).tolist(), strict=True))
    assert worst <= 1, f"{name}: {worst} of what the rules assume"


# -- constants, inputs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("F", LOW, ids=repr)
def test_constants_may_be_rounded_or_kept(F: Format) -> None:
    """A constant of a formula is within its bound, rounded to the format or not; 1e-5 is subnormal in float16."""
    for c in (0.1, 0.9, 1 / 3, 1e-5, 0.044715, 10000.0, 257.0, 2.0**-150, 1e39, 0.5, 0.0):
        bound = Bounded.constant(c, default_arithmetic(F))
        assert share(F.round(np.array(c)), bound) <= 1
        assert share(np.array(c), bound) <= 1
        assert (bound.error == 0) == bool(F.holds(np.array(c)))


@pytest.mark.parametrize("F", LOW, ids=repr)
def test_subnormal_inputs_that_are_read_as_zero(F: Format) -> None:
    """With DAZ a subnormal input may count as itself or as zero; a normal one only as itself."""
    x = F.round(np.random.default_rng(17).standard_normal(200) * F.smallest_normal * 2)
    bound = Bounded.of(x, replace(default_arithmetic(F), flushes_inputs=True))
    subnormal = np.abs(x) < F.smallest_normal
    assert subnormal.any() and not subnormal.all()
    assert share(np.where(subnormal, 0.0, x), bound) <= 1
    assert share(x, bound) <= 1
    assert (bound.error[~subnormal] == 0).all()


@pytest.mark.parametrize("F", LOW, ids=repr)
def test_what_a_law_hands_over_is_read_as_zero_too(F: Format) -> None:
    """The inputs of a law are written down without DAZ; a primitive that reads them charges it."""
    a = replace(default_arithmetic(F), flushes_inputs=True)
    x = F.round(np.random.default_rng(17).standard_normal(200) * F.smallest_normal * 2)
    assert (Bounded.of(x, default_arithmetic(F)).under(a).error == Bounded.of(x, a).error).all()
    halved = (Bounded.of(x, default_arithmetic(F)) / 2).under(a)  # of a normal number, perhaps a subnormal one
    subnormal = np.abs(x) / 2 < F.smallest_normal
    assert share(np.where(subnormal, 0.0, F.round(x / 2)), halved) <= 1
    assert not halved.exact[subnormal & (x != 0)].any()


def test_inputs_of_a_narrower_computation_are_rounded() -> None:
    """Where float64 is computed in float32, an input is known to within its rounding to float32."""
    x = np.random.default_rng(18).standard_normal(100)
    bound = Bounded.of(x, Arithmetic(FLOAT64, FLOAT32, FLOAT32))
    assert share(FLOAT32.round(x), bound) <= 1


# -- sums ----------------------------------------------------------------------------------------------

SHAPES = st.integers(1, 40)
SEEDS = st.integers(0, 10**6)
attack = settings(max_examples=60, deadline=None, database=None)


@seed(1)
@attack
@given(SHAPES, SEEDS, st.sampled_from(FORMATS_OF_MACHINES), st.sampled_from(KINDS), st.booleans())
def test_sums(n: int, number: int, base: Machine, kind: str, certain: bool) -> None:
    """The sum of n terms, with errors or without, in any order and accumulator, stays within its bound."""
    rng = np.random.default_rng(number)
    F = base.compute
    x, X = cornered(rng, data(kind, rng, (3, n), F), F, 0.0 if certain else 2.0**-6)
    for machine in machines(base):
        if machine.flushes_inputs:
            continue
        with np.errstate(all="ignore"):
            y = machine.total(x)
            got = y if machine.compute is machine.accumulate else machine.rounded(y)
            bound = np.sum(X.under(machine.claims), axis=-1)
        assert (worst := within(got, bound)) <= 1, (worst, machine, x)


@seed(2)
@attack
@given(SHAPES, SEEDS, st.sampled_from(FORMATS_OF_MACHINES), st.sampled_from(KINDS), st.booleans(), st.integers(0, 10))
def test_matrix_products(n: int, number: int, base: Machine, kind: str, certain: bool, shift: int) -> None:
    """A product of matrices, with errors or without, in any order and accumulator, stays within its bound."""
    rng = np.random.default_rng(number)
    F = base.compute
    x, X = cornered(rng, data(kind, rng, (2, n), F), F, 0.0 if certain else 2.0**-6)
    w, W = cornered(rng, data("normal", rng, (n, 3), F) * 2.0**-shift, F, 0.0 if certain else 2.0**-9)
    for machine in machines(base):
        if machine.flushes_inputs:
            continue
        with np.errstate(all="ignore"):
            got = np.matmul(machine.given(x), machine.given(w)).value
            bound = np.matmul(X.under(machine.claims), W.under(machine.claims))
        assert (worst := within(got, bound)) <= 1, (worst, machine, x, w)


@seed(20)
@attack
@given(SHAPES, SEEDS, st.sampled_from([*LOW, FLOAT64]), st.sampled_from(KINDS), st.booleans(), st.booleans())
def test_products(n: int, number: int, F: Format, kind: str, certain: bool, flushes: bool) -> None:
    """The product of n factors, with errors or without, in any order, stays within its bound, in and out of range."""
    rng = np.random.default_rng(number)
    x, X = cornered(rng, data(kind, rng, (3, n), F), F, 0.0 if certain else 2.0**-6)
    bound = np.prod(X.under(default_arithmetic(F, flushes_results=flushes)), axis=-1)
    factors = list(x.T)
    while len(factors) > 1:
        one, other = (factors.pop(rng.integers(len(factors))) for _ in range(2))
        with np.errstate(all="ignore"):
            y = F.round(one * other)  # one rounding: float64 holds the product of two numbers of a low format
        factors.append(np.where(np.abs(y) < F.smallest_normal, 0.0, y) if flushes else y)
    assert (worst := within(factors[0], bound)) <= 1, (worst, x)


def test_products_are_exact_where_every_part_of_them_is() -> None:
    """Small integers and powers of two, in any order; a zero, unless others overflow; one factor alone."""
    claims = default_arithmetic(BFLOAT16)
    for factors in ([3.0, -5.0, 17.0], [2.0**60, 3.0, 0.25], [0.3, 0.0], [1.0, 0.30078125]):
        y = np.prod(Bounded.of(BFLOAT16.round(np.array(factors)), claims))
        assert y.error == 0
    assert np.prod(Bounded.of(np.array([17.0, 17.0]), claims)).error > 0
    assert np.prod(Bounded.of(np.array([0.0, 2.0**100, 2.0**100]), claims)).error == np.inf


def test_a_product_with_the_largest_number_is_bounded() -> None:
    """Though part of what could be lost, times that number, would overflow: nothing underflows."""
    x = [0.4375, 0.3125, FLOAT64.largest]
    y = np.prod(Bounded.of(np.array(x), default_arithmetic(FLOAT64)))
    exact = Fraction(x[0]) * Fraction(x[1]) * Fraction(x[2])
    assert (
        abs(Fraction(float(y.value)) - exact)
        <= Fraction(float(y.error))
        < Fraction(float(y.value)) * Fraction(2) ** -48
    )


def test_products_of_special_values() -> None:
    """NaN and infinity are certain, unless what an infinity meets may underflow to zero."""
    claims, tiny = default_arithmetic(FLOAT32), FLOAT32.smallest_normal
    for factors in ([np.nan, tiny, tiny], [np.inf, -2.0], [np.inf, 0.0], [np.inf, 2.0**100, 2.0**100]):
        assert np.prod(Bounded.of(np.array(factors), claims)).error == 0
    assert np.prod(Bounded.of(np.array([np.inf, tiny, tiny]), claims)).error == np.inf


def test_a_big_bias_that_starts_the_accumulator() -> None:
    """A library starts its accumulator from the bias: the products then lose digits against it."""
    x = np.full((1, 1, 64), 1 + 2.0**-20)
    w, bias = np.full((1, 1, 64), 2.0**-12), np.array([4096.0])
    machine = Machine(FLOAT32, FLOAT32, FLOAT32, joins=True)
    (got,) = machine.run(reference.convolution, [x, w, bias], {})
    (bound,) = read(reference.convolution, [x, w, bias], {}, machine.claims)
    (alone,) = read(reference.convolution, [x, w], {}, machine.claims)
    assert share(got, bound) <= 1
    last_only = alone.error + 2 * FLOAT32.u * np.abs(bound.value)
    assert abs(got - bound.value) > last_only, "the case is harmless: the products lose nothing to the bias"


@pytest.mark.parametrize("base", FORMATS_OF_MACHINES, ids=repr)
def test_mean(base: Machine) -> None:
    """The mean is the sum, divided: its bound holds for every order, and for 300 and 3000 terms."""
    rng = np.random.default_rng(19)
    for n in (1, 2, 3, 300, 3000):
        x = data("normal", rng, (2, n), base.compute) + 1
        x = base.compute.round(x)
        for order in ("sequential", "pairwise"):
            machine = replace(base, order=order)
            with np.errstate(all="ignore"):
                y = machine.rounded(machine.rounded(machine.total(x)) / n)
                bound = np.mean(Bounded.of(x, machine.claims), axis=-1)
            assert (worst := within(y, bound)) <= 1, (worst, n, machine)


# -- selections and conditions -------------------------------------------------------------------------


@seed(3)
@attack
@given(st.integers(1, 8), SEEDS, st.sampled_from([2.0**-9, 0.1, 1.0]))
def test_maximum_of_candidates_with_errors(n: int, number: int, spread: float) -> None:
    """The maximum of any numbers within their errors lies within the bound of the maximum, and attains it."""
    rng = np.random.default_rng(number)
    v, e = rng.standard_normal((4, n)), np.abs(rng.standard_normal((4, n))) * spread
    bound = np.max(Bounded(v, e, default_arithmetic(FLOAT32)), axis=1)
    ends = [np.max(v + t * e, axis=1) for t in (1.0, -1.0, rng.uniform(-1, 1, v.shape))]
    assert all(within(got, bound) <= 1 for got in ends)
    assert max(within(got, bound) for got in ends[:2]) > 0.99


@seed(4)
@attack
@given(SEEDS, st.sampled_from([0.0, 2.0**-9, 0.3]))
def test_where_on_a_comparison(number: int, spread: float) -> None:
    """where(x > t, y, z), decided by any x and t within their errors, is within its bound; so is clip."""
    rng = np.random.default_rng(number)
    a = default_arithmetic(FLOAT32)
    (x, X), (t, T), (y, Y), (z, Z) = (cornered(rng, rng.standard_normal(200), FLOAT32, spread) for _ in range(4))
    assert within(np.where(x > t, y, z), np.where(X > T, Y, Z)) <= 1
    assert within(np.where(x <= t, y, 0.0), np.where(X <= T, Y, 0.0)) <= 1
    assert within(np.where(x == t, y, z), np.where(X == T, Y, Z)) <= 1
    assert within(np.clip(x, -0.5, 0.25), np.clip(X, -0.5, 0.25)) <= 1
    assert within(np.minimum(np.maximum(x, y), z), np.minimum(np.maximum(X, Y), Z)) <= 1
    assert within(np.where(x != t, np.abs(y), -z), np.where(~(X == T), np.abs(Y), -Z)) <= 1
    unknown = Bounded(x, np.ones(200), a)
    assert not np.isnan(np.where(unknown > unknown, np.inf, Bounded.of(np.full(200, np.inf), a)).error).any()


def test_a_certain_comparison_chooses_one_side_only() -> None:
    """where takes no error from the side that was not chosen, if the comparison is certain."""
    a = default_arithmetic(FLOAT32)
    y = np.where(Bounded.of(np.ones(1), a) > 0.0, Bounded.of(np.ones(1), a), Bounded(np.ones(1), np.ones(1), a))
    assert y.error == 0


MOVERS: list[Callable[[Any], Any]] = [
    lambda x: np.reshape(x, (6, 2)),
    lambda x: np.transpose(x, (1, 0)),
    lambda x: np.swapaxes(x, 0, 1),
    lambda x: np.moveaxis(x, 0, 1),
    lambda x: np.expand_dims(x, 1),
    lambda x: np.broadcast_to(x, (2, 3, 4)),
    lambda x: np.take(x, np.array([2, 0]), axis=0),
    lambda x: np.roll(x, 1, axis=1),
    lambda x: np.flip(x, axis=0),
    lambda x: np.concatenate([x, x], axis=1),
    lambda x: np.stack([x, x]),
    lambda x: np.split(x, 2, axis=1)[1],
    lambda x: np.pad(x, [(1, 0), (2, 1)], mode="reflect"),
    lambda x: np.pad(x, [(1, 0), (2, 1)], mode="wrap"),
    lambda x: np.pad(x, [(1, 0), (2, 1)], mode="edge"),
    lambda x: np.pad(x, [(1, 0), (2, 1)], constant_values=0.5),
    lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1),
    lambda x: x[1:, ::2],
    lambda x: x[None, ..., 0],
    lambda x: np.abs(-x) * 1.0,
]


@pytest.mark.parametrize("i", range(len(MOVERS)))
def test_errors_move_with_their_values(i: int) -> None:
    """What only moves elements moves their errors and their exactness alongside."""
    a = default_arithmetic(FLOAT32)
    v = np.arange(1.0, 13.0).reshape(3, 4)
    x = Bounded(v, v / 16, a, exact=np.rint(v / 2) == v / 2)
    y = MOVERS[i](x)
    assert np.array_equal(y.value, MOVERS[i](v))
    filled = y.value == 0.5  # of a constant padding, which is exact
    if i < len(MOVERS) - 1:
        assert np.array_equal(y.error, np.where(filled, 0.0, y.value / 16))
        assert np.array_equal(y.exact, filled | (np.rint(y.value / 2) == y.value / 2))


# -- the exact lane ------------------------------------------------------------------------------------


@seed(5)
@attack
@given(st.integers(1, 30), SEEDS, st.sampled_from(FORMATS_OF_MACHINES), st.integers(-6, 6), st.booleans())
def test_small_integers_are_exact_in_every_order(n: int, number: int, base: Machine, shift: int, bias: bool) -> None:
    """Sums of products of small integers, scaled by a power of two, agree to the bit on every machine."""
    rng = np.random.default_rng(number)
    x, w = (rng.integers(-2, 3, s) * 2.0**shift for s in ((1, 1, n), (2, 1, n)))
    arrays = [x, w, rng.integers(-2, 3, 2) * 4.0**shift] if bias else [x, w]
    for order, joins, cut in itertools.product(ORDERS, (False, True), (False, True)):
        machine = replace(base, order=order, joins=joins, tensor_float32=cut)  # 11 bits hold small integers
        (bound,) = read(reference.convolution, arrays, {}, machine.claims)
        (got,) = machine.run(reference.convolution, arrays, {})
        assert bound.exact.all() and (bound.error == 0).all()
        assert np.array_equal(got, bound.value), (machine, arrays)


@seed(6)
@attack
@given(SEEDS, st.sampled_from(FORMATS_OF_MACHINES), st.sampled_from(KINDS), st.integers(1, 400))
def test_what_is_claimed_exact_is_exact(number: int, base: Machine, kind: str, n: int) -> None:
    """Wherever a sum is claimed exact, every order gives its bits, whatever the data."""
    rng = np.random.default_rng(number)
    x = data(kind, rng, (1, 1, n), base.storage)
    if number % 2:
        F = base.storage
        x = F.round(rng.integers(-9, 10, (1, 1, n)) * 2.0 ** rng.integers(F.smallest_exponent - 9, F.largest_exponent))
    w = np.ones((1, 1, n))
    for flush, rounds, order in itertools.product((False, True), (False, True), ORDERS):
        machine = replace(base, order=order, flushes_results=flush, rounds_products=rounds)
        (bound,) = read(reference.convolution, [x, w], {}, machine.claims)
        (got,) = machine.run(reference.convolution, [x, w], {})
        assert np.array_equal(got[bound.exact], bound.value[bound.exact]), (machine, x)


def exactly(terms: Any, arithmetic: Arithmetic, weights: Any = 1.0) -> Bounded:
    """A convolution of one window: a sum of products."""
    x = np.asarray(terms, float)[None, None]
    return read(reference.convolution, [x, np.broadcast_to(weights, x.shape).astype(float)], {}, arithmetic)[0]


def test_exactness_ends_at_the_precision_of_the_accumulator() -> None:
    """2^p quanta are exact; just above, one order of summation loses a quantum, and nothing is claimed."""
    for F in (FLOAT32, BFLOAT16, FLOAT16):
        full = 2.0**F.precision
        a = Arithmetic(F, F, F)
        assert exactly([full - 2, 1.0], a).exact.all()
        below, above = [full / 2, full / 2 - 1], [full, 1.0, 1.0]
        assert exactly(below, a).exact.all()
        assert not exactly(above, a).exact.any()
        orders = {float(Machine(F, F, F, order=order).total(np.array(above))) for order in ("sequential", "reversed")}
        assert orders == {full, full + 2}


def test_exactness_ends_at_the_precision_of_float64() -> None:
    """2^53 + 1 + 1 depends on the order, though float64 rounds its sum of magnitudes to 2^53 quanta."""
    terms = [2.0**53, 1.0, 1.0]
    y = exactly(terms, default_arithmetic(FLOAT64))
    assert not y.exact.any()
    assert share(np.array([[[2.0**53 + 2]]]), y) <= 1


def test_partial_sums_that_overflow_are_not_exact() -> None:
    """2^127 + 2^127 - 2^127 is three quanta, and infinite from the left in float32."""
    terms = [2.0**127, 2.0**127, -(2.0**127)]
    y = exactly(terms, default_arithmetic(FLOAT32))
    assert np.isinf(Machine(FLOAT32, FLOAT32, FLOAT32).total(np.array(terms)))
    assert not y.exact.any() and y.error == np.inf


def test_products_below_the_smallest_number_are_not_exact() -> None:
    """Two products of 2^-150 add to a number of float32; each alone is rounded to zero."""
    terms = [2.0**-75, 2.0**-75]
    y = exactly(terms, default_arithmetic(FLOAT32), 2.0**-75)
    machine = Machine(FLOAT32, FLOAT32, FLOAT32)
    (got,) = machine.run(reference.convolution, [np.array([[terms]]), np.array([[terms]])], {})
    assert got == 0 and y.value == 2.0**-149
    assert share(got, y) <= 1 and not y.exact.any()


def test_flushed_partial_sums_are_not_exact() -> None:
    """1024 terms of 2^-127 add to a normal number of float32, or to nothing where they are flushed."""
    machine = Machine(FLOAT32, FLOAT32, FLOAT32, flushes_results=True)
    terms = np.full((1, 1, 1024), 2.0**-127)
    y = exactly(terms[0, 0], machine.claims)
    (got,) = machine.run(reference.convolution, [terms, np.ones(terms.shape)], {})
    assert got == 0 and y.value == 2.0**-117
    assert share(got, y) <= 1 and not y.exact.any()


def test_a_wide_total_may_underflow_in_the_format() -> None:
    """A sum of products that float32 holds can be lost in float16, whose smallest number is larger."""
    arrays = [np.array([[[1.5 * 2.0**-12, 2.0**-24]]]), np.array([[[2.0**-12, 2.0**-24]]])]
    machine = Machine(FLOAT16, FLOAT16, FLOAT32)
    (got,) = machine.run(reference.convolution, arrays, {})
    (bound,) = read(reference.convolution, arrays, {}, machine.claims)
    assert abs(got - bound.value) > FLOAT16.u * np.abs(bound.value)
    assert share(got, bound) <= 1


def test_bfloat16_agrees_to_the_bit_beyond_256() -> None:
    """A sum of bfloat16 that float32 carries exactly is that sum, rounded once: also where bfloat16 lacks it."""
    y = exactly([200.0, 57.0, 0.0], default_arithmetic(BFLOAT16))
    assert y.exact.all() and y.error == 0 and y.value == 256.0


def test_two_roundings_are_not_claimed_exact() -> None:
    """By way of float32, 1 + 2^-8 + 2^-40 becomes a midpoint of bfloat16, and then 1: not the nearest number."""
    machine = Machine(BFLOAT16, FLOAT32, FLOAT64)
    arrays = [np.array([[[1.0, 2.0**-8, 2.0**-40]]]), np.ones((1, 1, 3))]
    (got,), (bound,) = (
        machine.run(reference.convolution, arrays, {}),
        read(reference.convolution, arrays, {}, machine.claims),
    )
    assert got == 1 and BFLOAT16.round(bound.value) == 1 + 2.0**-7
    assert share(got, bound) <= 1 and not bound.exact.any()


def test_products_of_what_may_be_subnormal_underflow() -> None:
    """0.6 times zero that may be the smallest number may be rounded up to it."""
    a = default_arithmetic(FLOAT32)
    smallest = FLOAT32.smallest_subnormal
    y = np.matmul(Bounded(np.zeros((1, 1)), np.full((1, 1), smallest), a), Bounded.of(FLOAT32.round([[0.6]]), a))
    assert FLOAT32.round(np.array(0.6 * smallest)) == smallest
    assert within(np.array([[smallest]]), y) <= 1


def test_exactness_is_not_claimed_of_a_quotient() -> None:
    """A mean over 3 is not exact though its sum is; over 4 it is."""
    for n, expected in ((3, False), (4, True)):
        x = Bounded.of(np.array([1.0, 0.0, 1.0, 0.0][:n]), default_arithmetic(FLOAT32))
        assert bool(np.mean(x).exact) == expected


# -- the last rounding, overflow, specials --------------------------------------------------------------


@pytest.mark.parametrize("storage", [BFLOAT16, FLOAT16], ids=repr)
def test_the_last_rounding_is_charged_once(storage: Format) -> None:
    """A float32 result stored in a low format is within its bound, and the bound within 1.01 roundings."""
    rng = np.random.default_rng(20)
    x = rng.standard_normal(2000) * 2.0 ** rng.integers(-20, 5, 2000)
    v = FLOAT32.round(x)
    y = concluded(Bounded(x, np.abs(v - x), wide_arithmetic(storage)))
    assert share(storage.round(v), y) <= 1
    large = np.abs(x) > storage.smallest_normal
    assert (y.error[large] <= 1.01 * storage.u * np.abs(x[large])).all()


@pytest.mark.parametrize("F", LOW, ids=repr)
def test_an_overflow_is_undecided(F: Format) -> None:
    """Where a result may round beyond the largest number, its bound is infinite."""
    x = Bounded.of(np.array([F.largest, F.largest, F.largest / 4]), default_arithmetic(F))
    assert np.array_equal((x + x).error == np.inf, [True, True, False])
    assert np.array_equal((x * 4.0).error == np.inf, [True, True, True])
    assert np.sum(Bounded.of(np.full(2, F.largest), Arithmetic(F, F, F))).error == np.inf


def test_a_special_operand_is_certain() -> None:
    """NaN and infinity that stand in the input must stand in the result; that of a doubtful operand need not."""
    a = default_arithmetic(FLOAT32)
    x, one = Bounded.of(np.array([np.inf, -np.inf, np.nan]), a), Bounded.of(np.ones(3), a)
    results = [x + one, x * one, one - x, x / one, np.max(x, axis=0), np.sum(x), np.maximum(x, one), np.exp(x)]
    for y in (*results, np.matmul(x, one)):
        assert (y.error[~np.isfinite(y.value)] == 0).all()
    doubtful = Bounded(np.zeros(3), np.full(3, 2.0**-30), a)
    for y in (x * doubtful, np.matmul(x, doubtful), np.einsum("i,i->", x, doubtful)):
        assert (y.error == np.inf).all(), "inf times what may be zero, positive or negative"


def test_an_infinity_is_not_certain_where_the_rest_may_overflow() -> None:
    """inf - 3e38 - 3e38 is infinite from the left, and NaN from the right in float32."""
    terms = FLOAT32.round(np.array([np.inf, -3e38, -3e38]))
    with np.errstate(invalid="ignore"):
        assert np.isnan(Machine(FLOAT32, FLOAT32, FLOAT32, order="reversed").total(terms))
    assert exactly(terms, default_arithmetic(FLOAT32)).error == np.inf
    assert np.sum(Bounded.of(terms, default_arithmetic(FLOAT32))).error == np.inf
    assert exactly([np.inf, -3e37, -3e37], default_arithmetic(FLOAT32)).error == 0


def test_a_subnormal_times_infinity_is_not_certain_with_daz() -> None:
    """1e-40 times infinity is infinite, or NaN where subnormal inputs are read as zero."""
    a = replace(default_arithmetic(FLOAT32), flushes_inputs=True)
    assert exactly([1e-40, 1.0], a, [np.inf, 1.0]).error == np.inf


@pytest.mark.parametrize("base", FORMATS_OF_MACHINES, ids=repr)
def test_specials_on_machines(base: Machine) -> None:
    """With NaN, infinities and zeros among its inputs, each primitive gives what its bound is certain of."""
    rng = np.random.default_rng(21)
    for _, call, arrays, options in calls("normal", rng, base.storage):
        for value in (np.nan, np.inf, -np.inf, -0.0):
            marked = [np.where(rng.random(x.shape) < 0.15, value, x) if _is_numbers(x) else x for x in arrays]
            for machine in machines(base):
                if machine.signs or machine.flushes_inputs:
                    continue
                with np.errstate(all="ignore"):
                    bounds = read(call, marked, options, machine.claims)
                for got, bound in zip(machine.run(call, marked, options), bounds, strict=True):
                    assert (worst := share(got, bound)) <= 1, (worst, call.__name__, value, machine, marked)


# -- NumPy itself, in low formats ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("F", LOW, ids=repr)
def test_numpy_in_low_formats(F: Format, kind: str) -> None:
    """NumPy on float32, float16 and bfloat16 arrays stays within the bounds of its claims.

    Its sums may round every partial sum to the format, and its float32 exp errs by less than 4 ulp. SciPy's
    expit is 1 / (1 + exp(-x)) in float32: zero where exp overflows, although the result is a subnormal number.
    """
    usual = Arithmetic(F, F, F, ulps={"exp": 4.0, "expit": 4.0})
    rng = np.random.default_rng([22, KINDS.index(kind)])
    for name, call, arrays, options in calls(kind, rng, F):
        if F is BFLOAT16 and call in (reference.convolution, reference.transposed_convolution):
            continue  # NumPy has no einsum for types that it does not know
        claims = replace(usual, flushes_results=call is reference.sigmoid)
        with np.errstate(all="ignore"):
            results = call(*[x.astype(F.dtype) if _is_numbers(x) else x for x in arrays], **options)
            results = results if isinstance(results, tuple) else (results,)
            for result, bound in zip(results, read(call, arrays, options, claims), strict=True):
                got = np.asarray(result).astype(F.dtype).astype(float)
                assert (worst := share(got, bound)) <= 1, (worst, name, arrays)
