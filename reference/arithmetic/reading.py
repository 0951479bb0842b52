"""The readings of a reference: its value and its gradient, and the error that a correct result may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from reference.arithmetic.bounded import Bounded, concluded
from reference.arithmetic.claims import Arithmetic, FirstOrder
from reference.arithmetic.formats import holds_numbers
from reference.arithmetic.terms import Terms
from reference.arithmetic.traced import Traced, gradient, rounding_of, zeros


def read(
    reference: Callable[..., Any],
    arrays: Iterable[Any],
    options: Mapping[str, Any],
    arithmetic: Arithmetic,
    formulas: Mapping[str, Callable[..., Any]] | None = None,
) -> tuple[Any, ...]:
    """Call a reference on Bounded arrays; integers, booleans and None pass unchanged.

    formulas are those that implementations use instead of the reference's own. Where the arithmetic
    claims one by its name, the bound is the larger of e and e_formula + |v_formula - v|, since a
    correct implementation may follow either.
    """
    inputs = [_input(x, arithmetic) for x in arrays]
    results = _leaves(reference(*inputs, **options))
    for name in arithmetic.formulas:
        if formulas and name in formulas:
            others = _leaves(formulas[name](*inputs, **options))
            results = tuple(_either(y, other) for y, other in zip(results, others, strict=True))
    return results


def read_gradient(
    reference: Callable[..., Any],
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    cotangents: Sequence[Any],
    wanted: Sequence[int],
    arithmetic: Arithmetic,
    formulas: Mapping[str, Callable[..., Any]] | None = None,
) -> tuple[Bounded, ...]:
    """The gradient of a reference with respect to some of its arrays, with its bounds.

    cotangents: one for each of the first results; the others have none. wanted: which arrays. formulas:
    as in `read`.
    """
    inputs = [_input(x, arithmetic) for x in arrays]
    bars = [_input(g, arithmetic) for g in cotangents]

    def swept(formula: Callable[..., Any]) -> tuple[Bounded, ...]:
        return tuple(concluded(g) for g in differentiated(formula, inputs, options, bars, wanted))

    results = swept(reference)
    for name in arithmetic.formulas:
        if formulas and name in formulas:
            results = tuple(_either(g, other) for g, other in zip(results, swept(formulas[name]), strict=True))
    return results


def gradient_terms(
    reference: Callable[..., Any],
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    cotangents: Sequence[Any],
    wanted: Sequence[int],
) -> tuple[float, ...]:
    """For each gradient that `read_gradient` gives, the largest number there would be if nothing cancelled."""
    inputs = [Terms(x) if isinstance(x, np.ndarray) and _is_number(x) else x for x in arrays]
    found = differentiated(reference, inputs, options, [Terms(g) for g in cotangents], wanted)
    sizes = (g.size_of_terms for g in found)
    return tuple(float(np.max(t, where=np.isfinite(t), initial=0.0)) for t in sizes)


def differentiated(
    formula: Callable[..., Any],
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    cotangents: Sequence[Any],
    wanted: Sequence[int],
) -> tuple[Any, ...]:
    """The gradient of a formula, over arrays of any type that has the vocabulary: ndarray, Bounded and others."""
    traced = [Traced(x) if _is_number(x) else x for x in arrays]
    with np.errstate(all="ignore"):
        results = formula(*traced, **options)
        results = results if isinstance(results, tuple) else (results,)
        pairs = [(y, g) for y, g in zip(results, cotangents, strict=False) if isinstance(y, Traced)]
        found = gradient([y for y, _ in pairs], [g for _, g in pairs], [traced[i] for i in wanted])
        return tuple(
            zeros(np.shape(arrays[i]), like=arrays[i]) if g is None else g for i, g in zip(wanted, found, strict=True)
        )


def read_first_order(
    formula: Callable[..., Any],
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    cotangents: Sequence[Any],
    arithmetic: Arithmetic,
) -> tuple[float, float]:
    """The sum of <cotangent, result> over the results of a composition, and twice its error to first order.

    Each operation is charged with its own rounding, times the derivative of the sum by what it computed: so
    errors that a composition damps are damped, which bounds that are carried forward do not know. What
    is left out is of second order; the figure means something while it is small beside the results.
    """
    a = FirstOrder(**{field.name: getattr(arithmetic, field.name) for field in fields(arithmetic)})
    with np.errstate(all="ignore"):
        results = formula(*[Traced(_input(x, a)) if _is_number(x) else x for x in arrays], **options)
        results = results if isinstance(results, tuple) else (results,)
        stored = [Traced(concluded(y.value), [(y, lambda g: g)]) for y in results]
        bars = [_input(g, a).without_error() for g in cotangents]
        total = sum(float(np.sum(g.value * y.value.value)) for y, g in zip(stored, bars, strict=False))
        return total, 2 * rounding_of(stored[: len(bars)], bars)


def _is_number(x: Any) -> bool:
    return x is not None and not isinstance(x, (bool, int)) and np.dtype(x.dtype).kind not in "biu"


def _input(x: Any, arithmetic: Arithmetic) -> Any:
    if isinstance(x, Bounded):
        return x.under(arithmetic)
    return Bounded.of(x, arithmetic) if holds_numbers(x) else x


def _leaves(result: Any) -> tuple[Any, ...]:
    leaves = result if isinstance(result, tuple) else (result,)
    return tuple(concluded(y) if isinstance(y, Bounded) else y for y in leaves)


def _either(y: Bounded, other: Bounded) -> Bounded:
    with np.errstate(invalid="ignore"):
        apart = np.where(y.value == other.value, 0.0, np.abs(other.value - y.value))
    apart = np.where(np.isnan(y.value) & np.isnan(other.value), 0.0, apart)
    apart = np.where(np.isnan(apart), np.inf, apart)
    return Bounded(y.value, np.maximum(y.error, other.error + apart), y.arithmetic)
