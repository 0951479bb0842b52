"""The differentiated reading: gradients against complex steps, bounds against honest machines, kinks, first order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.lib.mixins import NDArrayOperatorsMixin
from scipy import special

import reference
from conformance.cases import CASES, Case
from properties.strategies import Draw, draws
from properties.strategies.cotangents import differentiated as with_cotangents
from reference.arithmetic import (
    BFLOAT16,
    FLOAT32,
    FLOAT64,
    Bounded,
    Format,
    OutsideVocabulary,
    Traced,
    bounded,
    default_arithmetic,
    differentiated,
    read_first_order,
    read_gradient,
    traced,
)
from reference.arithmetic.formats import holds_numbers
from reference.normalization import reciprocal_root
from tests.honest import FORMATS_OF_MACHINES, Machine, at_random, machines, outwards, share

DIFFERENTIABLE = [case for case in CASES if case.differentiable != ()]
ORDINARY = ("integers", "normal", "offset", "repeated", "sparse")


@dataclass(frozen=True)
class Call:
    """A call with a cotangent: what to differentiate, and by which of the arrays."""

    f: Any
    arrays: list[Any]
    options: dict[str, Any]
    cotangent: Any
    wanted: list[int]

    @classmethod
    def of(cls, case: Case, draw: Draw) -> Call:
        arrays = [x.astype(float) if holds_numbers(x) else x for x in draw.arrays.values()]
        wanted = [i for i, name in enumerate(draw.arrays) if case.has_gradient(name) and holds_numbers(arrays[i])]
        options = dict(draw.options)
        if case.primitive == "dropout":
            options["keep"] = np.random.default_rng(options["key"]).random(arrays[0].shape) > 0.3
        return cls(reference.PRIMITIVES[case.primitive], arrays, options, draw.cotangent.astype(float), wanted)

    def bound(self, arithmetic: Any, formulas: Any = None) -> tuple[Bounded, ...]:
        return read_gradient(
            self.f, self.arrays, self.options, [self.cotangent], self.wanted, arithmetic, formulas=formulas
        )


def calls(case: Case, fmt: Format, n: int, breadth: float, kinds: tuple[str, ...] | None) -> Iterator[Call]:
    problems = with_cotangents(case.problems)
    kinds = tuple(kind for kind in kinds or case.problems.kinds or () if kind in (case.problems.kinds or kind)) or None
    for i, problem in enumerate(problems.pool(breadth, 0)):
        for draw in draws(problem, n, fmt, (i % 100, 1, 2, 3), kinds):
            yield Call.of(case, draw)


# -- the derivative is the derivative ------------------------------------------------------------------------

STEP = np.ldexp(np.longdouble(1), -6000)  # a power of two, so that the step itself rounds nothing


@dataclass(eq=False)
class Step(NDArrayOperatorsMixin):
    """A complex step (Squire and Trapp, 1998): Im f(x + i h u) / h is J u, without a difference that cancels.

    In extended precision, so that its own rounding is 2^-11 of what float64 may lose, and none where numbers of
    few bits are added and multiplied. It shares no rule of
    differentiation with the tape: a maximum takes the larger real part, a magnitude turns the sign.
    """

    value: Any

    __hash__ = None  # type: ignore[assignment]  # as an array has none

    shape = property(lambda self: np.shape(self.value))
    ndim = property(lambda self: np.ndim(self.value))
    size = property(lambda self: np.size(self.value))
    dtype = property(lambda self: self.value.dtype)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> Step:
        return Step(self.value[index])

    def detached(self) -> Step:
        return Step(self.value.real + 0j)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        x = [z.value if isinstance(z, Step) else np.asarray(z, np.clongdouble) for z in inputs]
        if ufunc is np.maximum:
            return Step(np.where(x[0].real >= x[1].real, *x))
        if ufunc is np.minimum:
            return Step(np.where(x[0].real <= x[1].real, *x))
        if ufunc is np.absolute:
            return Step(np.where(x[0].real < 0, -x[0], x[0]))
        if ufunc is special.expit:
            return Step(1 / (1 + np.exp(-x[0])))
        if ufunc is special.erf:
            return Step(np.vectorize(_erf, otypes=[np.clongdouble])(x[0]) if x[0].size else x[0])
        return Step(ufunc(*x))

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function is np.max:
            x, axis, keepdims = args[0].value, options.pop("axis"), options.pop("keepdims", False)
            axes = tuple(range(x.ndim)) if axis is None else tuple(np.atleast_1d(axis) % x.ndim)
            kept = [side for i, side in enumerate(x.shape) if i not in axes]
            n = math.prod(x.shape[i] for i in axes)
            rows = np.moveaxis(x, axes, range(-len(axes), 0)).reshape(*kept, n)
            y = np.take_along_axis(rows, np.argmax(rows.real, axis=-1)[..., None], axis=-1)[..., 0]
            return Step(y.reshape([1 if i in axes else side for i, side in enumerate(x.shape)]) if keepdims else y)
        y = function(*map(_plain, args), **options)
        return y if isinstance(y, (int, tuple)) else list(map(Step, y)) if isinstance(y, list) else Step(y)


def _plain(z: Any) -> Any:
    return [_plain(part) for part in z] if isinstance(z, (list, tuple)) else z.value if isinstance(z, Step) else z


def _erf(z: Any) -> Any:
    """erf(x + i y) for a tiny y, with 40 digits; extended precision goes through strings."""
    with mpmath.workdps(40):
        x, y = mpmath.mpf(np.format_float_scientific(z.real)), mpmath.mpf(np.format_float_scientific(z.imag))
        slope = mpmath.diff(mpmath.erf, x) * y
        return np.clongdouble(np.longdouble(mpmath.nstr(mpmath.erf(x), 25))) + 1j * np.longdouble(
            mpmath.nstr(slope, 25)
        )


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.primitive)
def test_forward_and_backward_are_adjoint(case: Case) -> None:
    """<y_bar, J u> = <J' y_bar, u>, J u by a complex step, within the bound of the gradient in float64."""
    rng, tried = np.random.default_rng(5), 0
    for call in calls(case, BFLOAT16, 5, 0.6 / case.problems.share, ORDINARY):
        directions = {i: np.rint(rng.standard_normal(call.arrays[i].shape) * 8) / 8 for i in call.wanted}
        stepped = [
            Step(x.astype(np.clongdouble) + 1j * STEP * directions.get(i, 0.0)) if holds_numbers(x) else x
            for i, x in enumerate(call.arrays)
        ]
        with np.errstate(invalid="ignore"):  # a row without keys is NaN
            y = call.f(*stepped, **call.options)
        y = y[0] if isinstance(y, tuple) else y
        forward = np.sum(call.cotangent * (y.value.imag / STEP))
        found = call.bound(default_arithmetic(FLOAT64))
        pairs = [(g, directions[i].astype(np.longdouble)) for i, g in zip(call.wanted, found, strict=True)]
        backward = sum(np.sum(np.where(u == 0, 0, g.value) * u) for g, u in pairs)
        room = sum(np.sum(np.where(u == 0, 0, g.error) * np.abs(u)) for g, u in pairs)
        if np.isfinite(room) and np.isfinite(forward):
            assert np.abs(forward - backward) <= room * (1 + 2.0**-10), (call, forward, backward, room)
            tried += bool(backward != 0)
    assert tried > 20


MARKED: dict[str, Any] = {f.__name__: f for f in (reference.softmax, reference.log_softmax, reciprocal_root)}


@pytest.mark.parametrize("name", sorted(traced.OPERATIONS))
def test_gradients_through_the_result_are_those_of_the_formula(name: str) -> None:
    """Where a formula is one operation of the tape, taking its steps apart gives the same."""
    rng = np.random.default_rng(7)
    formula, a = MARKED[name], default_arithmetic(FLOAT64)
    for options in ({},) if name == "reciprocal_root" else ({"axis": -1}, {"axis": 0}):
        x, g = rng.uniform(0.5, 3.0, (3, 5)), rng.standard_normal((3, 5))
        (whole,) = read_gradient(formula, [x], options, [g], [0], a)
        (steps,) = read_gradient(formula.__wrapped__, [x], options, [g], [0], a)
        assert (np.abs(whole.value - steps.value) <= whole.error + steps.error).all()


def test_every_operation_of_the_vocabulary_has_a_derivative() -> None:
    """Whatever a reference may call on Bounded arrays, it may be differentiated through."""
    assert set(bounded.UFUNCS) == {*traced.UFUNCS, *traced.COMPARISONS}
    assert set(bounded.FUNCTIONS) == {*traced.FUNCTIONS, *traced.MOVERS}


SINGLE = {
    np.sqrt: (0.1, 9.0),
    np.exp: (-3.0, 3.0),
    np.log: (0.1, 9.0),
    np.tanh: (-3.0, 3.0),
    np.sin: (-3.0, 3.0),
    np.cos: (-3.0, 3.0),
    np.absolute: (-3.0, 3.0),
    special.erf: (-3.0, 3.0),
    special.expit: (-6.0, 6.0),
}
IN_MPMATH = {
    "absolute": mpmath.fabs,
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    **{name: getattr(mpmath, name) for name in ("sqrt", "exp", "log", "tanh", "sin", "cos", "erf")},
}


@pytest.mark.parametrize("f", SINGLE, ids=lambda f: f.__name__)
def test_derivatives_of_functions_of_one_number(f: np.ufunc) -> None:
    """The slope is that of mpmath with 40 digits, within the bound in float64."""
    x = np.random.default_rng(3).uniform(*SINGLE[f], 50)
    (got,) = read_gradient(f, [x], {}, [np.ones(50)], [0], default_arithmetic(FLOAT64))
    with mpmath.workdps(40):
        want = np.array([float(mpmath.diff(IN_MPMATH[f.__name__], mpmath.mpf(number))) for number in x])
    assert (np.abs(got.value - want) <= got.error + np.spacing(np.abs(want))).all()


def test_division_and_products_have_the_textbook_derivatives() -> None:
    """d(a b) = (b, a), d(a / b) = (1 / b, -a / b^2), d(a - b) = (1, -1), summed where an operand was repeated."""
    a, b = np.array([[3.0], [5.0]]), np.array([2.0, 4.0])
    ones = np.ones((2, 2))
    products = differentiated(lambda x, y: x * y, [a, b], {}, [ones], [0, 1])
    assert [g.tolist() for g in products] == [[[6.0], [6.0]], [8.0, 8.0]]
    quotients = differentiated(lambda x, y: x / y, [a, b], {}, [ones], [0, 1])
    assert [g.tolist() for g in quotients] == [[[0.75], [0.75]], [-2.0, -0.5]]
    differences = differentiated(lambda x, y: x - y, [a, b], {}, [ones], [0, 1])
    assert [g.tolist() for g in differences] == [[[2.0], [2.0]], [-2.0, -2.0]]


@pytest.mark.parametrize(
    "shapes", [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((4, 2, 3), (3, 2)), ((2, 3), (5, 3, 2))]
)
def test_matrix_products_of_every_rank(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """Vectors, matrices and batches of them: the product is bilinear, so J' is the map itself on unit vectors."""
    rng = np.random.default_rng(2)
    a, b = (rng.integers(-4, 5, shape).astype(float) for shape in shapes)
    g = rng.integers(-4, 5, np.matmul(a, b).shape).astype(float)
    left, right = differentiated(np.matmul, [a, b], {}, [g], [0, 1])
    for x, found, product in ((a, left, lambda e: np.matmul(e, b)), (b, right, lambda e: np.matmul(a, e))):
        units = np.eye(x.size).reshape(x.size, *x.shape)
        assert found.ravel().tolist() == [np.sum(g * product(unit)) for unit in units]


@pytest.mark.parametrize("factors", [[2.0, -3.0, 5.0], [2.0, 0.0, 5.0], [0.0, -3.0, 0.0], [7.0]])
def test_the_derivative_of_a_product_is_that_of_the_others(factors: list[float]) -> None:
    """Also where one factor is zero, or two are."""
    (found,) = differentiated(lambda x: np.prod(x, axis=0), [np.array(factors)[:, None]], {}, [np.array([4.0])], [0])
    others = [math.prod(factors[:i] + factors[i + 1 :]) for i in range(len(factors))]
    assert found[:, 0].tolist() == [4.0 * other for other in others]


def test_unused_arrays_have_the_gradient_zero() -> None:
    """Exactly, and of their own shape."""
    x, y = np.ones(3), np.full(2, np.nan)
    (_, g) = differentiated(lambda x, y: 2 * x, [x, np.ones(2)], {}, [np.ones(3)], [0, 1])
    assert g.tolist() == [0.0, 0.0]
    (bound,) = read_gradient(lambda x, y: 2 * x, [x, np.ones(2)], {}, [np.ones(3)], [1], default_arithmetic(FLOAT32))
    assert bound.value.tolist() == bound.error.tolist() == [0.0, 0.0]
    assert differentiated(lambda x, y: 2 * x, [x, y], {}, [np.ones(3)], [1])[0].tolist() == [0.0, 0.0]


MISUSES = {
    "if": lambda x: bool(x),
    "asarray": np.asarray,
    "a write": lambda x: x.__setitem__(0, 1.0),
    "cumsum": np.cumsum,
    "reduce": np.add.reduce,
    "an operand summed alone": lambda x: np.einsum("ij,jk->k", np.ones((2, 2)), x),
    "a number as a condition": lambda x: np.where(x, 1.0, x),
    "a number as an index": lambda x: np.ones(3)[x],
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES)
def test_what_has_no_derivative_raises(misuse: Any) -> None:
    """An operation outside the vocabulary is named; nothing is differentiated in silence."""
    with pytest.raises((OutsideVocabulary, IndexError)):
        misuse(Traced(np.ones((2, 2))))


# -- the bounds hold, and say something -----------------------------------------------------------------------


@pytest.mark.parametrize("base", FORMATS_OF_MACHINES, ids=repr)
@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.primitive)
def test_no_machine_exceeds_the_bound_of_a_gradient(case: Case, base: Machine) -> None:
    """The same sweep with a true rounding after every operation, however the roundings fall, stays within."""
    ways = machines(base)
    for number, call in enumerate(calls(case, base.storage, 8, 0.15, None)):
        machine = ways[number % len(ways)]
        got = machine.run_back(call.f, call.arrays, call.options, call.cotangent, call.wanted)
        for name, g, bound in zip(call.wanted, got, call.bound(machine.claims), strict=True):
            worst = share(g, bound, skip=bound.exact if machine.signs else False)
            assert worst <= 1, f"{worst} of the bound of gradient {name} on {machine}: {call}"


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.primitive)
def test_the_bound_of_a_gradient_is_not_vacuous(case: Case) -> None:
    """On moderate numbers honest machines use a share of it, and it is small beside the largest gradient."""
    reached, relative = 0.0, []
    for number, call in enumerate(calls(case, FLOAT32, 3, 0.4, ("normal",))):
        machine = Machine(FLOAT32, FLOAT32, FLOAT32, signs=(outwards, at_random(number), None)[number % 3])
        got = machine.run_back(call.f, call.arrays, call.options, call.cotangent, call.wanted)
        for g, bound in zip(got, call.bound(machine.claims), strict=True):
            if bound.value.any():
                reached = max(reached, share(g, bound, skip=bound.exact))
                relative.append(float(np.max(bound.error) / np.max(np.abs(bound.value))))
    assert np.quantile(relative, 0.25) < 2.0**-14  # two numbers, normalised, have nearly no gradient
    assert reached > 0.05 or max(relative) == 0, f"at most {reached} of the bound"


# -- kinks ----------------------------------------------------------------------------------------------------


def shares_of(f: Any, x: list[float], g: Any = 1.0) -> list[tuple[float, float]]:
    """The least and the largest gradient that is accepted for every number, to 16 bits (bounds are rounded up)."""
    (bound,) = read_gradient(f, [np.array(x)], {}, [np.asarray(g)], [0], default_arithmetic(FLOAT64))
    ends = np.stack([bound.value - bound.error, bound.value + bound.error], axis=-1)
    return [tuple(np.rint(pair * 2.0**16) / 2.0**16 + 0.0) for pair in ends]


def test_a_tie_may_go_to_any_candidate() -> None:
    """Of a maximum every largest number gets any share of the cotangent, every other one none."""
    assert shares_of(np.max, [2.0, 1.0, 2.0], 3.0) == [(0.0, 3.0), (0.0, 0.0), (0.0, 3.0)]
    assert shares_of(np.max, [2.0, 1.0], 3.0) == [(3.0, 3.0), (0.0, 0.0)]


def test_the_slope_of_a_ramp_at_zero_is_between_its_sides() -> None:
    """relu'(0) is in [0, 1], |x|' at 0 in [-1, 1]; elsewhere there is one slope."""
    assert shares_of(reference.relu, [-1.0, 0.0, 1.0], np.ones(3)) == [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    assert shares_of(np.abs, [-1.0, 0.0, 1.0], np.ones(3)) == [(-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)]


def test_what_rounding_leaves_open_is_open() -> None:
    """Two sums that may be either way round in bfloat16 are a tie; two that are apart are not."""

    def larger(x: Any) -> Any:
        return np.maximum(np.sum(x[:3]), np.sum(x[3:]))

    x = [256.0, 1.0, 1.0, 256.0, 1.0, 0.5]
    a = Machine(BFLOAT16, BFLOAT16, BFLOAT16).claims
    (low,) = read_gradient(larger, [np.array(x)], {}, [np.array(1.0)], [0], a)
    assert (low.value - low.error <= 0).all()
    assert (low.value + low.error >= 1).all()
    (wide,) = read_gradient(larger, [np.array(x)], {}, [np.array(1.0)], [0], default_arithmetic(FLOAT32))
    assert wide.value.tolist() == [1, 1, 1, 0, 0, 0]
    assert not wide.error.any()


def test_no_share_is_negative_or_above_one() -> None:
    """A subgradient outside the interval is refused: -0.1 and 1.1 of the cotangent at a tie."""
    (bound,) = read_gradient(np.max, [np.array([2.0, 2.0])], {}, [np.array(1.0)], [0], default_arithmetic(FLOAT32))
    assert share(np.array([0.0, 1.0]), bound) <= 1
    assert share(np.array([-0.1, 1.1]), bound) > 1


# -- what was kept --------------------------------------------------------------------------------------------


def test_a_result_that_was_kept_is_rounded_for_the_way_back() -> None:
    """tanh' = 1 - y^2 with y stored in bfloat16 errs by y's rounding, even where float32 computes."""
    wide = Machine(BFLOAT16, FLOAT32, FLOAT32)
    x = BFLOAT16.round(np.linspace(1, 3, 50))
    (bound,) = read_gradient(np.tanh, [x], {}, [np.ones(50)], [0], wide.claims)
    for keeps in (False, True):
        (got,) = Machine(BFLOAT16, FLOAT32, FLOAT32, keeps=keeps).run_back(np.tanh, [x], {}, np.ones(50), [0])
        assert share(got, bound) <= 1
    kept, unkept = (1 - FLOAT32.round(np.tanh(x)) ** 2, 1 - BFLOAT16.round(np.tanh(x)) ** 2)
    assert np.max(np.abs(kept - unkept) / bound.error) > 0.4  # the room is there for a reason


# -- to first order -------------------------------------------------------------------------------------------


def stack(x: Any, w1: Any, w2: Any, gamma: Any, *, depth: int) -> Any:
    """Residual blocks and layer norms, one on the other."""
    for _ in range(depth):
        x = reference.layer_norm(reference.residual(x, w1, w2), gamma)
    return x


def of_the_stack(depth: int, fmt: Format = FLOAT32) -> tuple[list[Any], Any]:
    rng = np.random.default_rng(depth)
    arrays = [fmt.round(rng.standard_normal(shape) / 2) for shape in ((5, 8), (16, 8), (8, 16))]
    return [*arrays, fmt.round(1 + rng.standard_normal(8) / 8)], fmt.round(rng.standard_normal((5, 8)))


@pytest.mark.parametrize("depth", [1, 4, 12])
def test_first_order_holds_for_compositions(depth: int) -> None:
    """<g, y> of a stack stays within the figure, however the roundings fall, and the figure says something."""
    arrays, g = of_the_stack(depth)
    machine = Machine(FLOAT32, FLOAT32, FLOAT32)
    value, room = read_first_order(stack, arrays, {"depth": depth}, [g], machine.claims)
    assert value == float(np.sum(g * stack(*arrays, depth=depth)))
    worst = 0.0
    for way in machines(machine):
        if way.claims == machine.claims:
            (y,) = way.run(stack, arrays, {"depth": depth})
            worst = max(worst, abs(math.fsum((g * y).ravel()) - value) / room)
    assert 0.001 < worst <= 1
    assert room < 2.0**-10 * float(np.sum(np.abs(g * stack(*arrays, depth=depth))))


def test_first_order_stays_where_forward_bounds_explode() -> None:
    """In a deep stack the forward bound says nothing any more, and the sum of damped roundings still does."""
    arrays, g = of_the_stack(12)
    a = default_arithmetic(FLOAT32)
    _, room = read_first_order(stack, arrays, {"depth": 12}, [g], a)
    forward = stack(*[Bounded.of(x, a) for x in arrays], depth=12)
    assert np.sum(np.abs(g) * forward.error) > 100 * room


def test_a_defect_leaves_the_first_order() -> None:
    """A stack whose norm forgets eps, and one that adds in bfloat16, are outside."""
    arrays, g = of_the_stack(4)
    value, room = read_first_order(stack, arrays, {"depth": 4}, [g], default_arithmetic(FLOAT32))
    (low,) = Machine(FLOAT32, FLOAT32, BFLOAT16).run(stack, arrays, {"depth": 4})
    assert abs(np.sum(g * low) - value) > room
    other = np.sum(g * stack(arrays[0], arrays[1], arrays[2], arrays[3] * (1 + 2.0**-12), depth=4))
    assert abs(other - value) > room
