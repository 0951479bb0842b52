"""Traced arrays: they record the NumPy calls of a reference, and sweep back for its gradient.

    y = f(x)        x_bar = J' y_bar        J[i, j] = dy[i] / dx[j]

for a cotangent y_bar: what frameworks call the vector-Jacobian product. A reference that is called with
Traced arrays returns Traced arrays, which remember what they were computed from (reverse accumulation:
Griewank and Walther, *Evaluating Derivatives*, 2008, section 3.2). The rules below are written with the
vocabulary of the references, so they work over plain arrays, and over Bounded ones, which makes the
error bound of a gradient.

`rounding_of` sweeps back what operations round instead, for compositions in which bounds that are carried
forward grow without need: to first order, the error of <y_bar, y> is the sum over all operations i of
|z_bar[i]| times the rounding of z[i] alone.

What a sweep takes from the way forward may have been kept in the storage format: `stored` charges that.
At a kink (a maximum, a magnitude) where rounding or a tie leaves open which branch an implementation
took, the derivative is the whole interval between the branches, and nothing outside it.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import special

from reference.arithmetic.bounded import CONSTANTS, Bounded, OutsideVocabulary
from reference.arithmetic.claims import FirstOrder
from reference.arithmetic.marks import lost, stored

# What a Traced array holds: an ndarray, a Bounded, or another type that has their vocabulary.
Base = Any
Pullback = Callable[[Base], Base]  # from the cotangent of a result to that of an operand

_numbers = itertools.count()


class Traced(NDArrayOperatorsMixin):
    """An array that remembers what it was computed from.

    value: the array itself. parents: every operand that a gradient may flow to, with its pullback.
    number: counts operations, so that operands have lower numbers than results. rounding: in a reading of
    first order what the operation itself may have rounded; value is then known exactly. moved: of what was only
    moved, the array that it was taken from, and from which places.
    """

    __slots__ = ("moved", "number", "parents", "rounding", "value")

    def __init__(self, value: Base, parents: Sequence[tuple[Traced, Pullback]] = ()) -> None:
        self.rounding: Any = 0.0
        if _is_first_order(value):
            self.rounding, value = value.error, value.without_error()
        self.value = value
        self.parents = parents
        self.moved: tuple[Traced, NDArray[np.int_]] | None = None
        self.number = next(_numbers)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Traced:
        if isinstance(index, Traced):
            raise OutsideVocabulary("indexing with a traced array")
        return _move(self, operator.itemgetter(index))

    def astype(self, dtype: Any) -> Traced:
        before = self.dtype
        return Traced(self.value.astype(dtype), [(self, lambda g: g.astype(before))])

    def operation(self, function: Callable[..., Base], options: dict[str, Any]) -> Traced:
        """A formula that is one operation here (see reference.arithmetic.marks.operation)."""
        y = function(self.value, **options)
        pull = OPERATIONS[function.__name__]
        return Traced(y, [(self, lambda g: pull(g, stored(y), **options))])

    @staticmethod
    def written(
        formula: Callable[..., Base],
        written: Callable[..., Sequence[Base]],
        arrays: Sequence[Any],
        options: dict[str, Any],
    ) -> Traced:
        """A formula with a gradient of its own (see reference.arithmetic.marks.with_gradient)."""
        x = [_value(z) for z in arrays]
        last: list[Any] = [None, None]  # a cotangent and its gradients, of which each operand takes one

        def pulled(g: Base, i: int) -> Base:
            if last[0] is not g:
                last[:] = g, written(g, *x, **options)
            return last[1][i]

        traced = [(z, functools.partial(pulled, i=i)) for i, z in enumerate(arrays) if isinstance(z, Traced)]
        return Traced(formula(*x, **options), traced)

    def lost(self) -> Base:
        """What is lost has no gradient."""
        return lost(self.value)

    def detached(self) -> Traced:
        """The same numbers, which remember nothing."""
        return Traced(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise OutsideVocabulary("the conversion of a traced array to an ndarray (__array__)")

    def __bool__(self) -> NoReturn:
        raise OutsideVocabulary("a Python `if` on a traced array (__bool__)")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise OutsideVocabulary("writing into a traced array (__setitem__)")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or (ufunc not in UFUNCS and ufunc not in COMPARISONS):
            raise OutsideVocabulary(f"numpy.{ufunc.__name__} of traced arrays")
        x = [_value(z) for z in inputs]
        y = ufunc(*x)
        if ufunc in COMPARISONS:
            return y
        pulls = UFUNCS[ufunc](y, *x)
        return Traced(y, _parents(inputs, pulls))

    def __array_function__(self, function: Any, types: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
        if function in CONSTANTS:
            return Traced(function(*args, **options, like=self.value))
        if function in MOVERS:
            x, *how = args
            return _move(x, lambda array: function(array, *how, **options))
        if function not in FUNCTIONS:
            raise OutsideVocabulary(f"numpy.{function.__name__} of traced arrays")
        return FUNCTIONS[function](*args, **options)


def gradient(y: Sequence[Traced], cotangents: Sequence[Base], x: Sequence[Traced]) -> list[Base]:
    """Sweep back from results to what they were computed from; None for what no result depends on.

    y, cotangents: results and an array of the same shape for each. x: the arrays to differentiate by.
    """
    bars = {array.number: bar for array, bar in _sweep(y, cotangents)}
    return [bars.get(array.number) for array in x]


def rounding_of(y: Sequence[Traced], cotangents: Sequence[Base]) -> float:
    """What the roundings of all operations, each by itself, add to the sum of <y_bar, y>."""
    return sum(_weighted(array.rounding, bar.value) for array, bar in _sweep(y, cotangents))


def _weighted(rounding: Any, bar: NDArray[Any]) -> float:
    return float(np.sum(np.where(bar == 0, 0.0, np.abs(bar) * rounding)))


def _sweep(y: Sequence[Traced], cotangents: Sequence[Base]) -> Iterator[tuple[Traced, Base]]:
    """Every array that a result was computed from, the last first, with its cotangent."""
    shares: dict[int, list[Base]] = defaultdict(list)
    nodes: dict[int, Traced] = {}
    for result, cotangent in zip(y, cotangents, strict=True):
        nodes[result.number] = result
        shares[result.number].append(cotangent)
    todo = list(nodes)
    while todo:
        for parent, _ in nodes[todo.pop()].parents:
            if parent.number not in nodes:
                nodes[parent.number] = parent
                todo.append(parent.number)
    for number in sorted(nodes, reverse=True):
        if number in shares:
            bar = _total(shares.pop(number))
            bar = bar.without_error() if _is_first_order(bar) else bar
            yield nodes[number], bar
            for parent, pull in nodes[number].parents:
                if (share := pull(bar)) is not None:
                    shares[parent.number].append(share)


def _is_first_order(x: Base) -> bool:
    return isinstance(x, Bounded) and isinstance(x.arithmetic, FirstOrder)


def _total(shares: Sequence[Base]) -> Base:
    """What an array is told by everything that was computed from it: a sum in any order, of separate additions."""
    if len(shares) == 1:
        return shares[0]
    terms: Base = np.stack(shares)
    if not isinstance(terms, Bounded):
        return np.sum(terms, axis=0)
    one_by_one = replace(terms.arithmetic, adds=terms.arithmetic.compute)  # no wider accumulator
    y = np.sum(Bounded(terms.value, terms.error, one_by_one, terms.exact), axis=0)
    return Bounded(y.value, y.error, terms.arithmetic, y.exact)


def _value(x: Any) -> Base:
    return x.value if isinstance(x, Traced) else x


def _parents(operands: Sequence[Any], pulls: Sequence[Pullback]) -> list[tuple[Traced, Pullback]]:
    """The operands that are traced, each with its pullback, which undoes the broadcasting."""
    return [
        (x, lambda g, pull=pull, shape=x.shape: _unbroadcast(pull(g), shape))  # type: ignore[misc]  # binds the loop's values
        for x, pull in zip(operands, pulls, strict=True)
        if isinstance(x, Traced)
    ]


def _unbroadcast(g: Base, shape: tuple[int, ...]) -> Base:
    """Add up a cotangent over the axes along which an operand was repeated."""
    if np.shape(g) == shape:
        return g
    given = np.shape(g)
    new = len(given) - len(shape)
    repeated = [new + i for i, side in enumerate(shape) if side == 1 and given[new + i] != 1]
    return np.reshape(np.sum(g, axis=(*range(new), *repeated)), shape)


# -- kinks -----------------------------------------------------------------------------------------------


def _interval(low: Any, high: Any, like: Base) -> Base:
    """A derivative that is known to lie in an interval; of plain numbers its middle."""
    low, high = np.broadcast_arrays(low, high)
    middle = (low + high) / 2
    if _is_first_order(like):  # the larger one: what may have been taken
        return Bounded(np.where(np.abs(low) > high, low, high), np.zeros(np.shape(low)), like.arithmetic)
    if isinstance(like, Bounded):
        return Bounded(middle, (high - low) / 2, like.arithmetic)
    return middle.astype(like.dtype) if isinstance(like, np.ndarray) else middle


def _ends(x: Base) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where the numbers may lie."""
    value = np.asarray(getattr(x, "value", x))
    error = x.error if isinstance(x, Bounded) else np.zeros(value.shape)
    return value - error, value + error


def _larger(x: Base, y: Base) -> Base:
    """The derivative of max(x, y) with respect to x."""
    (low, high), (other_low, other_high) = _ends(x), _ends(y)
    return _interval(1.0 * (low > other_high), 1.0 * ~(high < other_low), y if isinstance(y, Bounded) else x)


def _sign(x: Base) -> Base:
    low, high = _ends(x)
    return _interval(np.where(low > 0, 1.0, -1.0), np.where(high < 0, -1.0, 1.0), x)


def _winners(x: Base, axes: tuple[int, ...]) -> Base:
    """The derivative of the maximum over some axes with respect to each candidate.

    Of plain numbers that tie, each gets the same share.
    """
    low, high = _ends(x)
    with np.errstate(invalid="ignore"):
        may_win = ~(high < np.max(low, axis=axes, keepdims=True))
    number = np.sum(may_win, axis=axes, keepdims=True)
    if isinstance(x, Bounded):
        return _interval(1.0 * (may_win & (number == 1)), 1.0 * may_win, x)
    return _interval(may_win / number, may_win / number, x)


# -- operations of each number, and products -----------------------------------------------------------------


def _add(y: Base, a: Base, b: Base) -> Sequence[Pullback]:
    return (lambda g: g), (lambda g: g)


def _subtract(y: Base, a: Base, b: Base) -> Sequence[Pullback]:
    return (lambda g: g), (lambda g: -g)


def _multiply(y: Base, a: Base, b: Base) -> Sequence[Pullback]:
    return (lambda g: g * stored(b)), (lambda g: g * stored(a))


def _divide(y: Base, a: Base, b: Base) -> Sequence[Pullback]:
    return (lambda g: g / stored(b)), (lambda g: -(g * (stored(y) / stored(b))))


def _sqrt(y: Base, a: Base) -> Sequence[Pullback]:
    return ((lambda g: g / (2 * stored(y))),)


def _maximum(y: Base, a: Base, b: Base) -> Sequence[Pullback]:
    return (lambda g: g * _larger(a, b)), (lambda g: g * _larger(b, a))


def _minimum(y: Base, a: Base, b: Base) -> Sequence[Pullback]:
    return _maximum(y, -a, -b)


def _matmul(y: Base, a: Base, b: Base) -> Sequence[Pullback]:
    """Vectors are matrices of one row or column, as in numpy.matmul."""
    A, B = (np.expand_dims(a, 0) if np.ndim(a) == 1 else a), (np.expand_dims(b, -1) if np.ndim(b) == 1 else b)

    def as_matrices(g: Base) -> Base:
        g = np.expand_dims(g, -1) if np.ndim(b) == 1 else g
        return np.expand_dims(g, -2) if np.ndim(a) == 1 else g

    def left(g: Base) -> Base:
        return _unbroadcast(np.matmul(as_matrices(g), np.swapaxes(stored(B), -1, -2)), np.shape(A))

    def right(g: Base) -> Base:
        g = as_matrices(g)
        if np.ndim(B) == 2:  # one matrix for all rows of all batches: one product, as libraries form it
            (*batch, n), m = np.shape(A), np.shape(g)[-1]
            rows = np.reshape(stored(A), (math.prod(batch), n))
            return np.matmul(np.swapaxes(rows, 0, 1), np.reshape(g, (math.prod(batch), m)))
        return _unbroadcast(np.matmul(np.swapaxes(stored(A), -1, -2), g), np.shape(B))

    return (
        lambda g: np.reshape(_for_operand(left(g), a), np.shape(a)),
        lambda g: np.reshape(_for_operand(right(g), b), np.shape(b)),
    )


def _for_operand(g: Base, x: Base) -> Base:
    """The cotangent of an operand of a product: one that is rounded to the storage format gets it in that format."""
    return stored(g) if isinstance(x, Bounded) and x.arithmetic.stores_operands else g


UFUNCS: dict[np.ufunc, Callable[..., Sequence[Pullback]]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.negative: lambda y, x: ((lambda g: -g),),
    np.absolute: lambda y, x: ((lambda g: g * _sign(x)),),
    np.sqrt: _sqrt,
    np.maximum: _maximum,
    np.minimum: _minimum,
    np.matmul: _matmul,
    np.exp: lambda y, x: ((lambda g: g * stored(y)),),
    np.log: lambda y, x: ((lambda g: g / stored(x)),),
    np.tanh: lambda y, x: ((lambda g: g * (1 - stored(y) * stored(y))),),
    np.sin: lambda y, x: ((lambda g: g * np.cos(stored(x))),),
    np.cos: lambda y, x: ((lambda g: -(g * np.sin(stored(x)))),),
    special.erf: lambda y, x: ((lambda g: g * (2 / math.sqrt(math.pi) * np.exp(-(stored(x) * stored(x))))),),
    special.expit: lambda y, x: ((lambda g: g * (stored(y) * (1 - stored(y)))),),
}

COMPARISONS = (np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)


# -- formulas whose gradient is written through their result ---------------------------------------------------


def _through_softmax(g: Base, y: Base, *, axis: int = -1) -> Base:
    return y * (g - np.sum(g * y, axis=axis, keepdims=True))


def _through_log_softmax(g: Base, y: Base, *, axis: int = -1) -> Base:
    return g - np.exp(y) * np.sum(g, axis=axis, keepdims=True)


def _through_reciprocal_root(g: Base, y: Base) -> Base:
    return -(g * (y * y * y / 2))


OPERATIONS: dict[str, Callable[..., Base]] = {
    "softmax": _through_softmax,
    "log_softmax": _through_log_softmax,
    "reciprocal_root": _through_reciprocal_root,
}


# -- sums ----------------------------------------------------------------------------------------------------


def _axes(x: Traced, axis: Any) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)


def _spread_out(g: Base, shape: tuple[int, ...], axes: tuple[int, ...]) -> Base:
    """The cotangent of a sum over some axes, for every term."""
    return np.broadcast_to(np.reshape(g, [1 if i in axes else side for i, side in enumerate(shape)]), shape)


def _sum(x: Traced, axis: Any = None, *, keepdims: bool = False) -> Traced:
    axes = _axes(x, axis)
    y = np.sum(x.value, axis=axes, keepdims=keepdims)
    return Traced(y, [(x, lambda g: _spread_out(g, x.shape, axes))])


def _mean(x: Traced, axis: Any = None, *, keepdims: bool = False) -> Traced:
    return _sum(x, axis, keepdims=keepdims) / float(math.prod(x.shape[i] for i in _axes(x, axis)))


def of_the_others(x: Base) -> Base:
    """For each number of the last axis the product of all others, whatever is zero."""
    n = np.shape(x)[-1]
    return np.prod(np.where(np.eye(n, dtype=bool), 1.0, np.expand_dims(x, -2)), axis=-1)


def _prod(x: Traced, axis: int) -> Traced:
    """Along one axis."""
    y = np.prod(x.value, axis=axis)

    def pull(g: Base) -> Base:
        factors = np.moveaxis(stored(x.value), axis, -1)
        return np.moveaxis(np.expand_dims(g, -1) * of_the_others(factors), -1, axis)

    return Traced(y, [(x, pull)])


def _max(x: Traced, axis: Any = None, *, keepdims: bool = False) -> Traced:
    axes = _axes(x, axis)
    y = np.max(x.value, axis=axes, keepdims=keepdims)
    return Traced(y, [(x, lambda g: _spread_out(g, x.shape, axes) * _winners(x.value, axes))])


def _einsum(subscripts: str, a: Any, b: Any) -> Traced:
    """Two operands, an explicit output; every index of an operand is in the output or in the other operand."""
    inputs, output = subscripts.replace(" ", "").split("->")
    left, right = inputs.split(",")
    if set(left) - set(right + output) or set(right) - set(left + output):
        raise OutsideVocabulary(f"the gradient of numpy.einsum({subscripts!r}), where an operand is summed alone")
    x, y = _value(a), _value(b)
    pulls = (
        lambda g: _for_operand(np.einsum(f"{output},{right}->{left}", g, stored(y)), x),
        lambda g: _for_operand(np.einsum(f"{output},{left}->{right}", g, stored(x)), y),
    )
    return Traced(np.einsum(subscripts, x, y), _parents((a, b), pulls))


# -- what only moves elements ----------------------------------------------------------------------------------


def _move(x: Traced, f: Callable[[Any], Any]) -> Traced:
    """Apply something that only moves elements, and know where each came from.

    What takes from copies takes from what they are copies of: of all windows that an index then thins out, no
    cotangent is made.
    """
    source, places = x.moved if x.moved and x.size > x.moved[0].size else (x, np.arange(x.size).reshape(x.shape))
    places = f(places)
    y = Traced(f(x.value), [(source, lambda g: _carried_back(g, places, source.shape))])
    y.moved = source, places
    return y


def _carried_back(g: Base, places: NDArray[np.int_], shape: tuple[int, ...]) -> Base:
    """Add up, for every element of an array of a shape, what reached the places that it was moved to.

    places: for each element of g the element, counted through the array, that it came from; -1 for none.
    """
    size, places = math.prod(shape), places.ravel()
    flat = np.reshape(g, (places.size,))
    order = np.argsort(places, kind="stable")[np.count_nonzero(places < 0) :]
    counts = np.bincount(places[order], minlength=size)
    starts = np.cumsum(counts) - counts
    parts, found = [], []
    for n in np.unique(counts):  # the elements that were copied n times: a sum of n terms
        (targets,) = np.nonzero(counts == n)
        if n == 0:
            parts.append(zeros((len(targets),), like=flat))
        else:
            terms = flat[order[starts[targets][:, None] + np.arange(n)]]
            parts.append(terms[:, 0] if n == 1 else np.sum(terms, axis=1))
        found.append(targets)
    if len(parts) <= 1:
        return np.reshape(parts[0] if parts else flat[:0], shape)
    return np.reshape(np.concatenate(parts)[np.argsort(np.concatenate(found))], shape)


def zeros(shape: tuple[int, ...], like: Base) -> Base:
    """Zeros of the type of another array."""
    return np.zeros(shape, like.dtype) if isinstance(like, np.ndarray) else np.asarray(np.zeros(shape), like=like)


def _pad(x: Traced, pad_width: Any, mode: str = "constant", *, constant_values: float = 0.0) -> Traced:
    how: dict[str, Any] = {"mode": mode}
    places = np.arange(x.size).reshape(x.shape)
    if mode == "constant":
        y = np.pad(x.value, pad_width, constant_values=constant_values)
        places = np.pad(places, pad_width, constant_values=-1)
    else:
        y, places = np.pad(x.value, pad_width, **how), np.pad(places, pad_width, **how)
    return Traced(y, [(x, lambda g: _carried_back(g, places, x.shape))])


def _split(x: Traced, sections: Any, axis: int = 0) -> list[Traced]:
    numbers = np.split(np.arange(x.shape[axis]), sections)
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, slice(part[0], part[-1] + 1) if part.size else slice(0, 0))] for part in numbers]


def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Traced:
    sides = [np.shape(x)[axis] for x in arrays]
    ends = list(itertools.accumulate(sides))
    y = np.concatenate([_value(x) for x in arrays], axis=axis)
    before = (slice(None),) * (axis % np.ndim(y))

    def part(start: int, end: int) -> Pullback:
        return lambda g: g[(*before, slice(start, end))]

    pulls = [part(end - side, end) for side, end in zip(sides, ends, strict=True)]
    return Traced(y, [(x, pull) for x, pull in zip(arrays, pulls, strict=True) if isinstance(x, Traced)])


def _stack(arrays: Sequence[Any], axis: int = 0) -> Traced:
    axis = normalize_axis_tuple(axis, np.ndim(arrays[0]) + 1)[0]
    return _concatenate([np.expand_dims(x, axis) for x in arrays], axis=axis)


def _where(condition: Any, x: Any, y: Any) -> Traced:
    if isinstance(condition, Traced):
        raise OutsideVocabulary("numpy.where on a number instead of a condition")
    pulls = (lambda g: np.where(condition, g, 0.0)), (lambda g: np.where(condition, 0.0, g))
    return Traced(np.where(condition, _value(x), _value(y)), _parents((x, y), pulls))


def _clip(x: Any, a_min: Any, a_max: Any) -> Any:
    return np.minimum(np.maximum(x, a_min), a_max)


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
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.shape: operator.attrgetter("shape"),
    np.ndim: operator.attrgetter("ndim"),
    np.size: operator.attrgetter("size"),
}

MOVERS = (
    np.reshape,
    np.transpose,
    np.swapaxes,
    np.moveaxis,
    np.expand_dims,
    np.broadcast_to,
    np.take,
    np.roll,
    np.flip,
    sliding_window_view,
)
