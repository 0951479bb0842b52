"""Bounded arrays: every element carries a bound on the error that a correct implementation may make.

A reference that is called with Bounded arrays returns its float64 value and, for each element, how far
a correct implementation may be from it in a given arithmetic. NumPy dispatches its functions to this
type (NEP 13 and NEP 18), so the reference needs to know nothing of it. The rules stand in rules.py.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.lib.stride_tricks import sliding_window_view
from scipy import special

from reference.arithmetic import rules
from reference.arithmetic.claims import Arithmetic
from reference.arithmetic.formats import FLOAT64, FORMATS, TENSOR_FLOAT32, Floats, odd_part, trailing_quantum
from reference.arithmetic.rules import Counts, Mask

# Called with (function, arguments, options, result) after every operation on Bounded arrays: what explains a bound.
observers: list[Callable[[Callable[..., Any], Sequence[Any], Mapping[str, Any], Any], None]] = []


def noted(function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any], result: Any) -> Any:
    """The result of an operation, of which whoever observes is told."""
    for observe in observers:
        observe(function, arguments, options, result)
    return result


class OutsideVocabulary(TypeError):
    """A reference used an operation for which no error bound is known."""

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"{operation} is outside the vocabulary of the references: no error bound is known for it. "
            "Write the formula with the operations that reference/arithmetic/bounded.py lists."
        )


@dataclass(frozen=True)
class Sum:
    """A sum that has not been rounded yet: another term may still join its accumulator."""

    n: Counts  # how many terms there are, which may differ between elements: zeros are none
    magnitude: Floats  # the sum of the terms' magnitudes
    spread: Floats  # what the errors of the terms add up to
    quantum: float  # a power of two that divides every term; 0 if some term has an error
    products: bool  # of products (n roundings) or of plain terms (n - 1)
    smallest_product: float = np.inf

    def with_terms(self, other: Sum) -> Sum:
        """Both sums in one accumulator, as a library does that starts it from the bias."""
        return Sum(
            self.n + other.n,
            self.magnitude + other.magnitude,
            self.spread + other.spread,
            min(self.quantum, other.quantum),
            self.products or other.products,
            min(self.smallest_product, other.smallest_product),
        )


@dataclass(frozen=True)
class Condition:
    """The outcome of a comparison, and where it is certain in spite of the errors."""

    value: Mask
    certain: Mask

    def __bool__(self) -> bool:
        if not self.certain.all():
            raise OutsideVocabulary("a Python `if` on a comparison that rounding may decide either way")
        return bool(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise OutsideVocabulary("the use of a comparison as an array of indices")

    def __invert__(self) -> Condition:
        return Condition(~self.value, self.certain)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape


class Bounded(NDArrayOperatorsMixin):
    """An array with a bound for every element.

    value: what the reference computes, in float64. error: a bound on |computed - value|, never
    negative; infinite where nothing can be said. exact: where value is known without error before
    its last rounding, so that a correct result is that one rounding of it. arithmetic: the claims
    under which the bound holds. total: set while the array is a sum that another term may join.
    """

    __slots__ = ("arithmetic", "error", "exact", "total", "value")

    def __init__(
        self, value: Floats, error: Floats, arithmetic: Arithmetic, exact: Mask | None = None, total: Sum | None = None
    ) -> None:
        self.value = value
        self.error = error
        self.arithmetic = arithmetic
        self.exact = error == 0 if exact is None else exact
        self.total = total

    @classmethod
    def of(cls, x: Any, arithmetic: Arithmetic) -> Bounded:
        """An input: numbers of the storage format, known exactly."""
        value = np.asarray(x, dtype=np.float64)
        error = np.zeros(value.shape)
        if arithmetic.compute.precision < arithmetic.storage.precision:
            error = cls.constant(value, arithmetic).error
        if arithmetic.flushes_inputs:
            error = np.maximum(error, rules.read_as_zero(value, np.zeros(value.shape), arithmetic))
        return cls(value, error, arithmetic)

    @classmethod
    def constant(cls, c: Any, arithmetic: Arithmetic) -> Bounded:
        """A constant of a formula, which an implementation may round to its format or keep."""
        value = np.asarray(c, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            error = np.where(np.isfinite(value), np.abs(arithmetic.compute.round(value) - value), 0.0)
        return cls(value, error, arithmetic)

    def under(self, arithmetic: Arithmetic) -> Bounded:
        """The same numbers, to be computed with under other claims."""
        if not arithmetic.flushes_inputs:
            return Bounded(self.value, self.error, arithmetic, self.exact)
        lost = rules.read_as_zero(self.value, self.error, arithmetic)
        y = Bounded(self.value, self.error + lost, arithmetic, self.exact & (lost == 0))
        return noted(Bounded.under, (self, arithmetic), {}, y)

    def without_error(self) -> Bounded:
        """The same numbers, as if they were known exactly."""
        return Bounded(self.value, np.zeros(self.shape), self.arithmetic, self.exact, self.total)

    def kept(self) -> Bounded:
        """The same numbers after they were kept in the storage format, if that is narrower than the one they have."""
        F = self.arithmetic.storage
        if F.precision >= self.arithmetic.compute.precision:
            return self
        m = np.abs(self.value) + self.error
        with np.errstate(invalid="ignore", over="ignore"):
            rounded = np.where(m * (1 + F.u) > F.largest, np.inf, np.maximum(F.u * m, F.half_subnormal))
        unchanged = ~np.isfinite(self.value) | ((self.error == 0) & F.holds(self.value))
        y = Bounded(self.value, self.error + np.where(unchanged, 0.0, rounded), self.arithmetic)
        return noted(Bounded.kept, (self,), {}, y)

    def lost(self) -> Bounded:
        """0, give or take what a number loses where it is rounded to a subnormal one."""
        F = self.arithmetic.compute
        may_be_subnormal = np.abs(self.value) < 2 * F.smallest_normal + self.error
        may_be_subnormal &= (self.value != 0) | (self.error > 0)
        y = Bounded(np.zeros(self.shape), np.where(may_be_subnormal, F.half_subnormal, 0.0), self.arithmetic)
        return noted(Bounded.lost, (self,), {}, y)

    def stored_sum(self, axis: int | tuple[int, ...]) -> Bounded:
        """A sum whose accumulator has the storage format."""
        narrow = replace(self.arithmetic, adds=self.arithmetic.storage)
        y = np.sum(Bounded(self.value, self.error, narrow, self.exact), axis=axis)
        return Bounded(y.value, y.error, self.arithmetic, y.exact)

    # -- what an array is ---------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> Bounded:
        if isinstance(index, (Bounded, Condition)):
            raise OutsideVocabulary("indexing with an array that has errors")
        return noted(operator.getitem, (self, index), {}, self.move(operator.itemgetter(index)))

    def move(self, f: Callable[[Any], Any]) -> Bounded:
        """Apply something that only moves elements."""
        return Bounded(f(self.value), f(self.error), self.arithmetic, f(self.exact))

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type of the format in which it is computed."""
        return self.arithmetic.compute.dtype

    def astype(self, dtype: Any) -> Bounded:
        """The same numbers rounded to a format, in which whatever follows is computed."""
        (F,) = (F for F in FORMATS.values() if F.dtype == dtype)
        a = replace(self.arithmetic, compute=F, accumulate=F)
        e = rules.rounding(self.value, self.error, a, error_free=np.ones(self.shape, bool))
        return noted(Bounded.astype, (self, dtype), {}, _result(self.value, e, a, self))

    def __repr__(self) -> str:
        return f"Bounded(value={self.value!r}, error={self.error!r}, storage={self.arithmetic.storage})"

    # -- what would lose the bound without a word ---------------------------------------------------

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise OutsideVocabulary("the conversion to an ndarray (__array__)")

    def __float__(self) -> NoReturn:
        raise OutsideVocabulary("the conversion to a number (__float__)")

    def __int__(self) -> NoReturn:
        raise OutsideVocabulary("the conversion to an integer (__int__)")

    def __bool__(self) -> NoReturn:
        raise OutsideVocabulary("a Python `if` on a computed number (__bool__)")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise OutsideVocabulary("writing into an array (__setitem__)")

    # -- dispatch -----------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        rule = UFUNCS.get(ufunc)
        if rule is None or method != "__call__" or options:
            raise OutsideVocabulary(f"numpy.{ufunc.__name__}" + (f".{method}" if method != "__call__" else ""))
        if any(map(_traces, inputs)):
            return NotImplemented
        arithmetic = self.arithmetic
        with np.errstate(all="ignore"):
            operands = [x if isinstance(x, Bounded) else Bounded.constant(x, arithmetic) for x in inputs]
            return noted(ufunc, operands, {}, rule(*operands))

    def __array_function__(self, func: Any, types: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
        if func in CONSTANTS:
            return Bounded.constant(func(*args, **options), self.arithmetic)
        if any(map(_traces, types)):
            return NotImplemented
        rule = FUNCTIONS.get(func)
        if rule is None:
            raise OutsideVocabulary(f"numpy.{func.__name__}")
        with np.errstate(all="ignore"):
            if func is np.clip:  # which is two other operations
                return rule(*args, **options)
            return noted(func, args, options, rule(*args, **options))


def _traces(x: Any) -> bool:
    """Whether something records what is computed with these numbers, and so comes first."""
    return hasattr(x, "written")


def _result(
    v: Floats,
    e: Floats,
    a: Arithmetic,
    *operands: Bounded,
    exact: Mask | None = None,
    total: Sum | None = None,
    sign_matters: bool = True,
) -> Bounded:
    """Settle what the rules leave open: infinities and NaN.

    A NaN or infinity that comes from one in the operands is certain, and must appear in the result,
    unless an operand that is only known to within its error could change it: in a product, one whose sign is
    open; in a sum (where no sign_matters), none that is finite. One that comes from finite operands is an
    overflow of float64 itself: nothing can be said.
    """
    if not np.isfinite(v).all() or np.isnan(e).any():
        e = np.where(np.isnan(e), np.inf, e)
        special_operand = np.zeros(v.shape, bool)
        certain = np.ones(v.shape, bool)
        for x in operands:
            ordinary = np.isfinite(x.value)
            special_operand = special_operand | ~ordinary
            fixed = (np.abs(x.value) > x.error) | (x.error == 0) if sign_matters else np.isfinite(x.error)
            certain = certain & np.where(ordinary, fixed, x.error == 0)
        e = np.where(np.isfinite(v), e, np.where(special_operand & certain, 0.0, np.inf))
    return Bounded(v, e, a, exact, total)


# -- arithmetic --------------------------------------------------------------------------------------


def _finer(x: Bounded, y: Bounded) -> Arithmetic:
    """Where two arithmetics meet, the finer one computes."""
    return y.arithmetic if y.arithmetic.u < x.arithmetic.u else x.arithmetic


def _add(x: Bounded, y: Bounded) -> Bounded:
    a, v, d = _finer(x, y), x.value + y.value, x.error + y.error
    carried = v - x.value
    residual = (x.value - (v - carried)) + (y.value - carried)  # TwoSum (Knuth): x + y = v + residual
    e = rules.rounding(v, d, a, error_free=residual == 0, underflows=False)
    if x.total is None and y.total is None:
        return _result(v, e, a, x, y, sign_matters=False)
    total = _terms(x).with_terms(_terms(y))
    joined, exact = _summed(v, total, a)
    return _result(v, np.maximum(e, joined), a, x, y, exact=exact & (d == 0), total=total, sign_matters=False)


def _subtract(x: Bounded, y: Bounded) -> Bounded:
    return _add(x, _negative(y))


def _negative(x: Bounded) -> Bounded:
    return Bounded(-x.value, x.error, x.arithmetic, x.exact, x.total)


def _terms(x: Bounded) -> Sum:
    """An array as a sum of one term, unless it is a longer one."""
    if x.total is not None:
        return x.total
    quantum = 0.0 if x.error.any() else trailing_quantum(x.value)
    return Sum(1, np.abs(x.value) + x.error, x.error, quantum, products=False)


def _summed(v: Floats, total: Sum, a: Arithmetic) -> tuple[Floats, Mask]:
    """The error of a finished sum, and where it is exact before its rounding to the format."""
    a = a if total.products else a.without_products()
    d = rules.sum_error(
        total.n, total.magnitude, total.spread, a, products=total.products, smallest_product=total.smallest_product
    )
    narrows = total.products and a.accumulate.smallest_subnormal < a.compute.smallest_subnormal
    e = rules.rounding(v, d, a, from_sum=True, underflows=narrows)
    if not (total.products or a.flushes_results):
        e = np.where(np.less_equal(total.n, 1), total.spread, e)  # nothing is added to a single term
    if not total.quantum:
        return e, np.zeros(v.shape, bool)
    exact = rules.exactly_summed(total.quantum, total.magnitude, a)
    once = rules.rounding(v, np.zeros(v.shape), a, error_free=exact)
    return np.where(exact, once, e), exact


def _multiply(x: Bounded, y: Bounded) -> Bounded:
    a, v = _finer(x, y), x.value * y.value
    d = rules.multiply_spread(x.value, x.error, y.value, y.error)
    return _result(v, rules.rounding(v, d, a, error_free=_product_is_exact(x, y, v)), a, x, y)


def _product_is_exact(x: Bounded, y: Bounded, v: Floats) -> Mask:
    """Where the float64 product of two numbers of the format is their product.

    Numbers of a format of at most 26 bits multiply without error. In float64 that holds where one of
    them is a power of two; and in no format where the product leaves the range of float64's normals.
    """
    inside = (np.abs(v) >= FLOAT64.smallest_normal) | (x.value == 0) | (y.value == 0)
    if _finer(x, y).compute.precision <= 26:
        return inside
    return inside & (
        _is_power_of_two(x.value) | _is_power_of_two(y.value) | (v == 0) | _small_integers(x.value, y.value)
    )


def _is_power_of_two(x: Floats) -> Mask:
    return np.abs(np.frexp(x)[0]) == 0.5


def _small_integers(x: Floats, y: Floats) -> Mask:
    return (np.rint(x) == x) & (np.rint(y) == y) & (np.abs(x * y) < 2.0**53)


def _divide(x: Bounded, y: Bounded) -> Bounded:
    a, v = _finer(x, y), x.value / y.value
    d = rules.divide_spread(v, x.error, y.value, y.error)
    e = rules.rounding(
        v, d, a, error_free=_is_power_of_two(y.value) & (np.abs(v) >= FLOAT64.smallest_normal), k=a.accuracy("divide")
    )
    e = np.where((x.value == 0) & (x.error == 0) & (np.abs(y.value) > y.error), 0.0, e)
    return _result(v, e, a, x, y)


def _sqrt(x: Bounded) -> Bounded:
    a, v = x.arithmetic, np.sqrt(x.value)
    d = rules.sqrt_spread(v, x.value, x.error)
    half = np.frexp(v)[0] * 2.0**26
    is_root = (v * v == x.value) & (np.rint(half) == half)  # the square of 26 bits is not rounded
    error_free = is_root & (a.accuracy("sqrt") <= 1 or v == 0)
    return _result(v, rules.rounding(v, d, a, error_free=error_free, k=a.accuracy("sqrt")), a, x)


def _elementary(name: str, f: Callable[[Floats], Floats]) -> Callable[[Bounded], Bounded]:
    def rule(x: Bounded) -> Bounded:
        v = f(x.value)
        return _result(v, rules.elementary(name, v, x.value, x.error, x.arithmetic), x.arithmetic, x)

    return rule


def _absolute(x: Bounded) -> Bounded:
    return Bounded(np.abs(x.value), x.error, x.arithmetic, x.exact)


def _maximum(x: Bounded, y: Bounded) -> Bounded:
    top = np.maximum(x.value, y.value)
    upper = np.maximum(x.value + x.error, y.value + y.error)
    lower = np.maximum(x.value - x.error, y.value - y.error)
    certain = np.isfinite(x.error) & np.isfinite(y.error)
    return Bounded(top, rules.maximum_error(top, upper, lower, certain), x.arithmetic)


def _minimum(x: Bounded, y: Bounded) -> Bounded:
    return _negative(_maximum(_negative(x), _negative(y)))


def _comparison(compare: np.ufunc) -> Callable[[Bounded, Bounded], Condition]:
    def rule(x: Bounded, y: Bounded) -> Condition:
        slack = x.error + y.error
        return Condition(compare(x.value, y.value), (slack == 0) | (np.abs(x.value - y.value) > slack))

    return rule


# -- sums and products -------------------------------------------------------------------------------


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)


def _sum(x: Bounded, axis: Any = None, *, keepdims: bool = False) -> Bounded:
    axes = _axes(axis, x.ndim)
    n = math.prod(x.shape[i] for i in axes)

    def over(array: Floats) -> Floats:
        return np.asarray(np.sum(array, axis=axes, keepdims=keepdims))

    v = over(x.value)
    if n <= 1 and not x.arithmetic.flushes_results:  # nothing is added to the one term
        return Bounded(v, over(x.error), x.arithmetic, np.all(x.exact, axis=axes, keepdims=keepdims))
    spread = over(x.error)
    quantum = 0.0 if spread.any() else trailing_quantum(x.value)
    finite = np.isfinite(x.value)
    terms = np.count_nonzero((x.value != 0) | (x.error > 0), axis=axes, keepdims=keepdims)
    total = Sum(terms, over(np.where(finite, np.abs(x.value), 0.0)) + spread, spread, quantum, products=False)
    e, exact = _summed(v, total, x.arithmetic)
    if not np.isfinite(v).all():
        return _special_total(v, e, exact, total, x.arithmetic, over(~finite) > 0)
    return Bounded(v, e, x.arithmetic, exact, total)


def _special_total(v: Floats, e: Floats, exact: Mask, total: Sum, a: Arithmetic, special: Mask) -> Bounded:
    """A total that is NaN or infinite is certain if a NaN or an infinity went into it.

    The rest of the terms must not be able to overflow: inf - 3e38 - 3e38 is NaN from the right.
    """
    a_sum = a if total.products else a.without_products()
    rest = rules.sum_error(total.n, total.magnitude, total.spread, a_sum, products=total.products)
    e = np.where(np.isfinite(v), e, np.where(special & np.isfinite(rest), 0.0, np.inf))
    return Bounded(v, e, a, exact & np.isfinite(v), total)


def _prod(x: Bounded, axis: Any = None, *, keepdims: bool = False) -> Bounded:
    """A product, multiplied in any order.

    Certain of what is not finite: a NaN, and an infinity that meets neither a zero that is open, nor a product that
    may underflow to one.
    """
    axes, a = _axes(axis, x.ndim), x.arithmetic
    n = math.prod(x.shape[i] for i in axes)

    def over(array: Floats) -> Floats:
        return np.asarray(np.prod(array, axis=axes, keepdims=keepdims))

    v, finite = over(x.value), np.isfinite(x.value)
    X, e = np.where(finite, np.abs(x.value), 1.0), np.where(finite, x.error, 0.0)
    largest, least = over(np.maximum(X + e, 1.0)), over(np.where(X > e, np.minimum(X - e, 1.0), 1.0))
    known_zero = over(np.where((X == 0) & (e == 0), 0.0, 1.0)) == 0
    may_underflow = (least < 2 * a.compute.smallest_normal) & (n > 1)
    error = rules.product_error(n, over(X), over(X + e), largest, may_underflow, a)
    fits = over(odd_part(X)) <= 2.0**a.compute.precision
    exact = known_zero | ((over(1.0 * (e == 0)) == 1) & fits & ~may_underflow)
    error = np.where(exact & np.isfinite(error), 0.0, error)
    if not finite.all():
        special, is_open = over(1.0 * finite) == 0, over(1.0 * ((X > e) | (e == 0))) == 0
        certain = (over(1.0 * ~np.isnan(x.value)) == 0) | known_zero | ~(is_open | may_underflow)
        certain = certain & (over(1.0 * (finite | (x.error == 0))) == 1)
        error = np.where(special, np.where(certain, 0.0, np.inf), error)
    return Bounded(v, np.where(np.isfinite(v) | (over(1.0 * finite) == 0), error, np.inf), a)


def _mean(x: Bounded, axis: Any = None, *, keepdims: bool = False) -> Bounded:
    n = math.prod(x.shape[i] for i in _axes(axis, x.ndim))
    return _divide(_sum(x, axis, keepdims=keepdims), Bounded(np.array(float(n)), np.array(0.0), x.arithmetic))


def _max(x: Bounded, axis: Any = None, *, keepdims: bool = False) -> Bounded:
    axes = _axes(axis, x.ndim)

    def over(array: Floats) -> Floats:
        return np.asarray(np.max(array, axis=axes, keepdims=keepdims))

    top, certain = over(x.value), np.isfinite(over(x.error))
    return Bounded(
        top, rules.maximum_error(top, over(x.value + x.error), over(x.value - x.error), certain), x.arithmetic
    )


def _contraction(product: Callable[[Floats, Floats], Floats], x: Bounded, y: Bounded, n: int) -> Bounded:
    """A sum of n products for every element of the result: matmul and einsum."""
    x, y = _entering(x), _entering(y)
    a, v = x.arithmetic, np.asarray(product(x.value, y.value))
    X, Y = np.abs(x.value), np.abs(y.value)
    ordinary = bool(np.isfinite(v).all() and np.isfinite(X).all() and np.isfinite(Y).all())
    if not ordinary:
        special, other = (~np.isfinite(X)).astype(float), (~np.isfinite(Y)).astype(float)
        specials = product(special, np.ones(Y.shape)) + product(np.ones(X.shape), other)
        doubtful = product(special, ((y.error > 0) & (Y <= y.error)).astype(float))  # inf times what may be 0
        doubtful = doubtful + product(((x.error > 0) & (X <= x.error)).astype(float), other)
        X, Y = np.where(np.isfinite(X), X, 0.0), np.where(np.isfinite(Y), Y, 0.0)
    magnitude, spread = product(X, Y), np.zeros(v.shape)
    if x.error.any() or y.error.any():
        spread = product(X, y.error) + product(x.error, Y) + product(x.error, y.error)
        spread = np.where(np.isnan(spread), np.inf, spread)
        magnitude, quantum = magnitude + spread, 0.0
    else:
        quantum = trailing_quantum(X) * trailing_quantum(Y)
    total = Sum(
        n, magnitude, spread, quantum, products=True, smallest_product=_least(X + x.error) * _least(Y + y.error)
    )
    e, exact = _summed(v, total, a)
    if not ordinary:
        return _special_total(v, e, exact, total, a, (specials > 0) & (doubtful == 0))
    return Bounded(v, e, a, exact, total)


def _entering(x: Bounded) -> Bounded:
    """The operand of a product: a tensor core reads 11 bits of it, a kernel may read what was stored."""
    if not (x.arithmetic.tensor_float32 or x.arithmetic.stores_operands):
        return x
    T = TENSOR_FLOAT32 if x.arithmetic.tensor_float32 else x.arithmetic.storage
    m = np.abs(x.value) + x.error
    cut = np.where(m * (1 + T.u) > T.largest, np.inf, np.maximum(T.u * m, T.half_subnormal))
    kept = ~np.isfinite(x.value) | (T.holds(x.value) & (x.error == 0))
    return Bounded(x.value, x.error + np.where(kept, 0.0, cut), x.arithmetic)


def _least(magnitudes: Floats) -> float:
    return float(np.min(magnitudes, where=magnitudes > 0, initial=np.inf))


def _matmul(x: Bounded, y: Bounded) -> Bounded:
    return _contraction(np.matmul, x, y, x.shape[-1])


def _einsum(subscripts: str, x: Any, y: Any) -> Bounded:
    """Two operands, an explicit output, no ellipsis: y[...] = the sum of products over the rest."""
    a = x.arithmetic if isinstance(x, Bounded) else y.arithmetic
    x, y = (z if isinstance(z, Bounded) else Bounded.constant(z, a) for z in (x, y))
    inputs, output = subscripts.replace(" ", "").split("->")
    left, right = inputs.split(",")
    sides = dict(zip(left, x.shape, strict=True)) | dict(zip(right, y.shape, strict=True))
    n = math.prod(side for letter, side in sides.items() if letter not in output)
    return _contraction(lambda p, q: np.einsum(subscripts, p, q), x, y, n)


# -- what only moves elements ------------------------------------------------------------------------


def _mover(function: Callable[..., Any]) -> Callable[..., Any]:
    def rule(x: Bounded, *args: Any, **options: Any) -> Bounded:
        return x.move(lambda array: function(array, *args, **options))

    return rule


def _joiner(function: Callable[..., Any]) -> Callable[..., Any]:
    def rule(arrays: Sequence[Any], axis: int = 0) -> Bounded:
        a = next(x.arithmetic for x in arrays if isinstance(x, Bounded))
        parts = [x if isinstance(x, Bounded) else Bounded.constant(x, a) for x in arrays]
        value, error, exact = (
            function([getattr(x, name) for x in parts], axis=axis) for name in ("value", "error", "exact")
        )
        return Bounded(value, error, a, exact)

    return rule


def _split(x: Bounded, sections: Any, axis: int = 0) -> list[Bounded]:
    fields = (np.split(array, sections, axis=axis) for array in (x.value, x.error, x.exact))
    return [Bounded(value, error, x.arithmetic, exact) for value, error, exact in zip(*fields, strict=True)]


def _pad(x: Bounded, pad_width: Any, mode: str = "constant", *, constant_values: float = 0.0) -> Bounded:
    if mode != "constant":
        return x.move(lambda array: np.pad(array, pad_width, mode=mode))  # type: ignore[call-overload]  # NumPy types each mode apart
    if not np.any(pad_width):
        return Bounded(x.value, x.error, x.arithmetic, x.exact)
    fill = Bounded.constant(constant_values, x.arithmetic)
    value = np.pad(x.value, pad_width, constant_values=constant_values)
    if fill.exact and x.exact.all() and not x.error.any():  # inputs, most often: np.pad takes its time
        return Bounded(value, np.zeros(value.shape), x.arithmetic)
    return Bounded(
        value,
        np.pad(x.error, pad_width, constant_values=float(fill.error)),
        x.arithmetic,
        np.pad(x.exact, pad_width, constant_values=bool(fill.exact)),
    )


def _where(condition: Any, x: Any, y: Any) -> Bounded:
    if isinstance(condition, Bounded):
        raise OutsideVocabulary("numpy.where on a number instead of a condition")
    a = x.arithmetic if isinstance(x, Bounded) else y.arithmetic
    x, y = (z if isinstance(z, Bounded) else Bounded.constant(z, a) for z in (x, y))
    choose = condition.value if isinstance(condition, Condition) else condition
    value, error, exact = (np.where(choose, getattr(x, name), getattr(y, name)) for name in ("value", "error", "exact"))
    if isinstance(condition, Condition):
        other = np.where(choose, y.error, x.error) + np.abs(x.value - y.value)
        other = np.where(np.isnan(other), np.inf, other)
        error = np.where(condition.certain, error, np.maximum(error, other))
        exact = exact & condition.certain
    return Bounded(value, error, a, exact)


def _clip(x: Bounded, a_min: Any, a_max: Any) -> Any:
    return np.minimum(np.maximum(x, a_min), a_max)


UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.negative: _negative,
    np.absolute: _absolute,
    np.sqrt: _sqrt,
    np.maximum: _maximum,
    np.minimum: _minimum,
    np.matmul: _matmul,
    np.exp: _elementary("exp", np.exp),
    np.log: _elementary("log", np.log),
    np.tanh: _elementary("tanh", np.tanh),
    np.sin: _elementary("sin", np.sin),
    np.cos: _elementary("cos", np.cos),
    special.erf: _elementary("erf", special.erf),
    special.expit: _elementary("expit", special.expit),
    np.greater: _comparison(np.greater),
    np.greater_equal: _comparison(np.greater_equal),
    np.less: _comparison(np.less),
    np.less_equal: _comparison(np.less_equal),
    np.equal: _comparison(np.equal),
    np.not_equal: _comparison(np.not_equal),
}

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _sum,
    np.prod: _prod,
    np.mean: _mean,
    np.max: _max,
    np.einsum: _einsum,
    np.where: _where,
    np.clip: _clip,
    np.pad: _pad,
    np.split: _split,
    np.concatenate: _joiner(np.concatenate),
    np.stack: _joiner(np.stack),
    np.shape: operator.attrgetter("shape"),
    np.ndim: operator.attrgetter("ndim"),
    np.size: operator.attrgetter("size"),
    np.reshape: _mover(np.reshape),
    np.transpose: _mover(np.transpose),
    np.swapaxes: _mover(np.swapaxes),
    np.moveaxis: _mover(np.moveaxis),
    np.expand_dims: _mover(np.expand_dims),
    np.broadcast_to: _mover(np.broadcast_to),
    np.take: _mover(np.take),
    np.roll: _mover(np.roll),
    np.flip: _mover(np.flip),
    sliding_window_view: _mover(sliding_window_view),
}

# What makes constants of the type of an array, by like= (NEP 35): what a formula computes from them is
# charged, as numbers of Python would not be.
CONSTANTS = (np.arange, np.asarray)


def concluded(y: Bounded) -> Bounded:
    """The result of a primitive: rounded to the storage format, and to the bit where it is exact.

    The last factor covers the float64 evaluation of the bound itself.
    """
    a, e = y.arithmetic, y.error
    v, F = y.value, a.storage
    if a.compute is not F:
        with np.errstate(invalid="ignore", over="ignore"):
            m = np.abs(v) + e
            inexact = e + np.maximum(F.u * m, F.half_subnormal)
            e = np.where((e == 0) & F.holds(v), 0.0, inexact)
            e = np.where(np.isfinite(v) & (m * (1 + F.u) > F.largest), np.inf, e)
            e = np.where(np.isfinite(v), e, y.error)
    exact = y.exact & np.isfinite(e) & np.isfinite(v)
    if a.compute is not F:
        exact = exact & a.compute.holds(v)
    if a.flushes_results:
        exact = exact & ((np.abs(v) >= F.smallest_normal) | (v == 0))
    if exact.any():
        v, e = np.where(exact, F.round(v), v), np.where(exact, 0.0, e)
    return noted(concluded, (y,), {}, Bounded(v, e * (1 + 2.0**-20), a, exact))
