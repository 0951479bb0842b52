"""Honest implementations: a reference evaluated with true rounding after every operation.

`Rounded` is an array type that NumPy dispatches to, as the bounded arrays are, so it runs the same
reference; but it carries what a machine computes instead of a bound. A `Machine` says how the machine
works: its formats, its order of summation, what it flushes, where it starts an accumulator. Each
machine keeps the claims that `claims` names, so no result of it may exceed a bound under those claims.

Every operation is evaluated in float64 and rounded once to the machine's format. For formats of at
most 25 bits the two roundings of + - * / and the square root are one (Figueroa, 1995).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from reference.arithmetic import Arithmetic, Bounded, Format, differentiated
from reference.arithmetic.formats import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, TENSOR_FLOAT32, Floats
from reference.arithmetic.rules import Mask

ORDERS = ("sequential", "reversed", "pairwise", "blocked", "shuffled")
FLAGS = ("flushes_results", "flushes_inputs", "rounds_products", "tensor_float32", "stores_operands", "truncates")
Signs = Callable[[Floats], Floats]


def upwards(x: Floats) -> Floats:
    """Every rounding errs upwards: errors that never cancel."""
    return np.ones(np.shape(x))


def outwards(x: Floats) -> Floats:
    """Every rounding errs away from zero."""
    return np.sign(x)


def at_random(seed: int) -> Signs:
    """Every rounding errs up or down by a coin."""
    rng = np.random.default_rng(seed)

    def by_a_coin(x: Floats) -> Floats:
        return rng.choice([-1.0, 1.0], size=np.shape(x))

    return by_a_coin


@dataclass(frozen=True)
class Machine:
    """How an implementation computes.

    signs is None for rounding to nearest. Otherwise it chooses the sign of every rounding error, whose
    size is then the largest that rounding to nearest can have: u/(1 + u) of a result that the format
    does not hold, and in an addition never more than either term (the term itself can be dropped).
    """

    storage: Format
    compute: Format
    accumulate: Format
    order: str = "sequential"
    fused: bool = False  # FMA: products enter the accumulator without a rounding of their own
    joins: bool = False  # the accumulator starts from the bias
    signs: Signs | None = None
    flushes_results: bool = False
    flushes_inputs: bool = False
    rounds_products: bool = False
    tensor_float32: bool = False
    stores_operands: bool = False
    truncates: bool = False
    keeps: bool = False  # what the way back needs is kept in the storage format
    seed: int = 0

    @property
    def claims(self) -> Arithmetic:
        return Arithmetic(self.storage, self.compute, self.accumulate, **{f: getattr(self, f) for f in FLAGS})

    def __repr__(self) -> str:
        words = [f"{self.storage}/{self.compute}/{self.accumulate}", self.order]
        words += [self.signs.__name__] if self.signs else []
        return " ".join(words + [f for f in ("fused", "joins", "keeps", *FLAGS) if getattr(self, f)])

    # -- one rounding ---------------------------------------------------------------------------------

    def rounded(self, x: Floats, F: Format | None = None, *, terms: Sequence[Floats] = ()) -> Floats:
        """One result x rounded to a format (compute unless said); terms are those of an addition."""
        F = F or self.compute
        if self.signs is None or F is FLOAT64:
            y = F.round(x)
        else:
            size = np.abs(x) * (F.u / (1 + F.u))
            size = np.maximum(size, 0 if terms else F.smallest_subnormal / 2)
            for term in terms:
                size = np.minimum(size, np.abs(term))
            y = np.where(F.holds(x) | ~np.isfinite(x), x, x + self.signs(x) * size)
            y = np.where(np.isfinite(F.round(x)), y, F.round(x))
        if self.flushes_results:
            y = np.where(np.abs(y) < F.smallest_normal, 0.0, y)
        return y

    def cut(self, x: Floats) -> Floats:
        """A partial sum in the accumulator: rounded, or cut towards zero."""
        A = self.accumulate
        y = A.round(x)
        over = (np.abs(y) > np.abs(x)) & np.isfinite(y)
        y = np.where(over, y - np.copysign(A.quantum(np.where(np.isfinite(x), x, 0.0)), x), y)
        return np.where(np.abs(y) < A.smallest_normal, 0.0, y) if self.flushes_results else y

    def added(self, s: Floats, t: Floats) -> Floats:
        return self.cut(s + t) if self.truncates else self.rounded(s + t, self.accumulate, terms=(s, t))

    # -- sums -----------------------------------------------------------------------------------------

    def total(self, terms: Floats) -> Floats:
        """Add along the last axis in the accumulator, in this machine's order."""
        n = terms.shape[-1]
        if n == 0:
            return np.zeros(terms.shape[:-1])
        if self.order == "pairwise":
            return self._pairwise(terms)
        if self.order == "blocked":
            blocks = [self._sequential(terms[..., i : i + 4]) for i in range(0, n, 4)]
            return self._sequential(np.stack(blocks, axis=-1))
        if self.order == "reversed":
            terms = terms[..., ::-1]
        elif self.order == "shuffled":
            terms = terms[..., np.random.default_rng(self.seed).permutation(n)]
        return self._sequential(terms)

    def _sequential(self, terms: Floats) -> Floats:
        s = terms[..., 0]
        for i in range(1, terms.shape[-1]):
            s = self.added(s, terms[..., i])
        return s

    def _pairwise(self, terms: Floats) -> Floats:
        n = terms.shape[-1]
        if n == 1:
            return terms[..., 0]
        return self.added(self._pairwise(terms[..., : n // 2]), self._pairwise(terms[..., n // 2 :]))

    def products(self, x: Floats, y: Floats) -> Floats:
        """The products of a contraction, as they reach the accumulator."""
        if self.tensor_float32:
            x, y = TENSOR_FLOAT32.round(x), TENSOR_FLOAT32.round(y)
        if self.stores_operands:
            x, y = self.storage.round(x), self.storage.round(y)
        z = x * y
        if self.rounds_products:
            return self.rounded(z)
        if self.fused:
            return z
        if self.truncates:
            return self.cut(z)
        return self.rounded(z, self.accumulate)

    # -- a whole primitive ----------------------------------------------------------------------------

    def given(self, x: Any) -> Any:
        """An input as this machine reads it."""
        if not isinstance(x, np.ndarray) or x.dtype.kind in "biu":
            return x
        if self.flushes_inputs:
            x = np.where(np.abs(x) < self.storage.smallest_normal, 0.0, x)
        return Rounded(x, self)

    def run(self, reference: Callable[..., Any], arrays: Sequence[Any], options: dict[str, Any]) -> tuple[Floats, ...]:
        """A reference on this machine, its results stored."""
        with np.errstate(all="ignore"):
            results = reference(*[self.given(x) for x in arrays], **options)
            results = results if isinstance(results, tuple) else (results,)
            return tuple(self.stored(y.value) for y in results)

    def run_back(
        self,
        reference: Callable[..., Any],
        arrays: Sequence[Any],
        options: dict[str, Any],
        cotangent: Floats,
        wanted: Sequence[int],
    ) -> tuple[Floats, ...]:
        """The gradient of a reference on this machine, stored."""
        found = differentiated(reference, [self.given(x) for x in arrays], options, [self.given(cotangent)], wanted)
        return tuple(self.stored(g.value) for g in found)

    def stored(self, x: Floats) -> Floats:
        """A result converted to the storage format; hardware that flushes does not flush conversions."""
        return x if self.storage is self.compute else replace(self, flushes_results=False).rounded(x, self.storage)


@dataclass(eq=False)
class Rounded(NDArrayOperatorsMixin):
    """An array on a machine; terms are those of a sum that a bias may still join."""

    value: Floats
    machine: Machine
    terms: Floats | None = field(default=None, repr=False)

    __hash__ = None  # type: ignore[assignment]  # as an array has none

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        return np.ndim(self.value)

    def kept(self) -> Rounded:
        return Rounded(self.machine.stored(self.value), self.machine) if self.machine.keeps else self

    def __getitem__(self, index: Any) -> Rounded:
        return Rounded(self.value[index], self.machine)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        m = self.machine
        x = [z.value if isinstance(z, Rounded) else m.compute.round(z) for z in inputs]
        if ufunc is np.matmul:
            return _matmul(*x, m)
        y = ufunc(*x, **options)
        if y.dtype == bool:
            return y
        if ufunc in (np.maximum, np.minimum):  # which choose, and compute nothing
            return Rounded(y, m)
        if ufunc in (np.add, np.subtract):
            sign = 1.0 if ufunc is np.add else -1.0
            terms = inputs[0].terms if isinstance(inputs[0], Rounded) else None
            if m.joins and terms is not None:
                first = np.broadcast_to(sign * x[1], y.shape)[..., None]
                return _summed(np.concatenate([first, terms], axis=-1), m)
            return Rounded(m.rounded(y, terms=(x[0], x[1])), m)
        return Rounded(m.rounded(y), m)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        m = self.machine
        if function is np.einsum:
            return _einsum(*args)
        if function is np.sum:
            return _sum(*args, **options)
        if function in (np.shape, np.ndim):
            return function(self.value)
        plain = [_plain(z) for z in args]
        if function is np.where:
            choose, *sides = args
            plain = [choose, *(z.value if isinstance(z, Rounded) else m.compute.round(z) for z in sides)]
        if "constant_values" in options:
            options = options | {"constant_values": m.compute.round(options["constant_values"])}
        y = function(*plain, **options)
        return [Rounded(part, m) for part in y] if isinstance(y, list) else Rounded(y, m)


def _plain(z: Any) -> Any:
    if isinstance(z, list):
        return [_plain(part) for part in z]
    return z.value if isinstance(z, Rounded) else z


def _summed(terms: Floats, m: Machine, products: bool = True) -> Rounded:
    """A finished sum rounded from the accumulator to the compute format, where plain terms cannot underflow.

    Zeros are no terms: a number to which only zeros are added stays what it is.
    """
    y = m.total(terms)
    if m.compute is not m.accumulate:
        rounded = m.rounded(y, terms=() if products else (y,))
        is_single = np.count_nonzero(terms, axis=-1) <= 1
        y = np.where(is_single & (not products), y, rounded)
    return Rounded(y, m, terms)


def _matmul(x: Floats, y: Floats, m: Machine) -> Rounded:
    rows, columns = np.atleast_2d(x), np.swapaxes(y, -1, -2) if y.ndim > 1 else y[None]
    z = _summed(m.products(rows[..., :, None, :], columns[..., None, :, :]), m)
    single = [slice(None)] * (z.ndim - 2) + [0 if x.ndim == 1 else slice(None), 0 if y.ndim == 1 else slice(None)]
    return Rounded(z.value[tuple(single)], m, None if z.terms is None else z.terms[tuple(single)])


def _einsum(subscripts: str, x: Rounded, y: Rounded) -> Rounded:
    inputs, output = subscripts.split("->")
    left, right = inputs.split(",")
    inner = "".join(sorted((set(left) | set(right)) - set(output)))
    every = output + inner
    sides = dict(zip(left, x.shape, strict=True)) | dict(zip(right, y.shape, strict=True))

    def spread(letters: str, array: Floats) -> Floats:
        """The operand with the axes of every product, one long where it has none."""
        kept = [letter for letter in every if letter in letters]
        array = np.transpose(array, [letters.index(letter) for letter in kept])
        return np.reshape(array, [sides[letter] if letter in letters else 1 for letter in every])

    shape = [sides[letter] for letter in output]
    terms = x.machine.products(spread(left, x.value), spread(right, y.value))
    terms = np.broadcast_to(terms, [sides[letter] for letter in every])
    return _summed(np.reshape(terms, (*shape, int(np.prod([sides[i] for i in inner])))), x.machine)


def _sum(x: Rounded, axis: Any = None, *, keepdims: bool = False) -> Rounded:
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(i % x.ndim for i in axes)
    rest = [i for i in range(x.ndim) if i not in axes]
    shape = [x.shape[i] for i in rest]
    terms = np.reshape(np.transpose(x.value, (*rest, *axes)), (*shape, int(np.prod([x.shape[i] for i in axes]))))
    y = _summed(terms, x.machine, products=False)
    if keepdims:
        return Rounded(np.reshape(y.value, [1 if i in axes else x.shape[i] for i in range(x.ndim)]), x.machine)
    return y


# -- what machines are tried with ----------------------------------------------------------------------

FORMATS_OF_MACHINES = [
    Machine(F, compute, accumulate)
    for F, compute, accumulate in (
        (FLOAT64, FLOAT64, FLOAT64),
        (FLOAT32, FLOAT32, FLOAT32),
        (BFLOAT16, BFLOAT16, FLOAT32),
        (FLOAT16, FLOAT16, FLOAT32),
        (BFLOAT16, BFLOAT16, BFLOAT16),  # low formats throughout
        (FLOAT16, FLOAT16, FLOAT16),
        (BFLOAT16, FLOAT32, FLOAT32),  # wide inside, rounded once at the end
        (FLOAT16, FLOAT32, FLOAT32),
        (FLOAT32, FLOAT32, FLOAT64),  # an accumulator wider than the format
    )
]


def machines(base: Machine) -> list[Machine]:
    """One machine for each way to work in the formats of base: orders, joins, roundings, flushes."""
    ways: list[dict[str, Any]] = [{"order": order} for order in ORDERS]
    ways += [{"order": order, "joins": True, "fused": order != "reversed"} for order in ORDERS]
    ways += [{"signs": signs} for signs in (upwards, outwards, at_random(0))]
    ways += [{"signs": upwards, "order": "pairwise", "joins": True}]
    ways += [{"flushes_results": True}, {"flushes_results": True, "flushes_inputs": True, "order": "reversed"}]
    ways += [{"rounds_products": True}, {"rounds_products": True, "flushes_results": True, "order": "pairwise"}]
    ways += [{"truncates": True, "order": "shuffled"}, {"truncates": True, "joins": True}]
    if base.accumulate is FLOAT32:
        ways += [{"tensor_float32": True}, {"tensor_float32": True, "signs": outwards, "joins": True}]
    if base.compute is not base.storage:
        ways += [{"stores_operands": True}, {"stores_operands": True, "signs": upwards, "order": "pairwise"}]
        ways += [{"keeps": True}, {"keeps": True, "signs": outwards, "order": "reversed"}]
    return [replace(base, **way) for way in ways]


KINDS = ("integers", "normal", "wide", "cancellation", "constant", "one-hot", "near the largest", "subnormal")


def data(kind: str, rng: np.random.Generator, shape: tuple[int, ...], F: Format) -> Floats:
    """Numbers of a format, of a kind that strains the bounds in its own way."""
    z = rng.standard_normal(shape)
    digits = min(F.precision, 24)
    values = {
        "integers": lambda: rng.integers(-4, 5, shape).astype(float),
        "normal": lambda: z,
        "wide": lambda: z * np.exp2(rng.integers(-10, 11, shape).astype(float)),
        "cancellation": lambda: 2.0 ** (digits // 2) * (1 + z * 2.0 ** (2 - digits)),
        "constant": lambda: np.full(shape, z.ravel()[0] if z.size else 0.0),
        "one-hot": lambda: (rng.random(shape) < 0.2).astype(float),
        "near the largest": lambda: rng.uniform(0.2, 0.999, shape) * F.largest * rng.choice([-1.0, 1.0], shape),
        "subnormal": lambda: z * F.smallest_normal,
    }
    return F.round(values[kind]())


def share(got: Floats, bound: Bounded, skip: Mask | bool = False) -> float:
    """The largest error / bound of a result: at most 1 if it keeps the bound; infinity beyond repair.

    A NaN or an infinity that the bound is certain of must be there; where the bound is infinite
    anything is accepted, and counts nothing. What skip marks is not looked at.
    """
    value, error = np.broadcast_arrays(bound.value, bound.error)
    assert np.shape(got) == value.shape, (np.shape(got), value.shape)
    assert not (np.isnan(error) | (error < 0)).any(), "a bound is a number, and not negative"
    same = (got == value) | (np.isnan(got) & np.isnan(value))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.abs(got - value) / error
    ratios = np.where(np.isnan(ratios), np.inf, ratios)
    ratios = np.where(same | (error == np.inf) | skip, 0.0, ratios)
    return float(np.max(ratios, initial=0.0))
