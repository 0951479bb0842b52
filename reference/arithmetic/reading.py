"""The readings of a reference: its value and its gradient, and the error that a correct result may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from reference.arithmetic.bounded import Bounded, concluded, noted
from reference.arithmetic.claims import Arithmetic, FirstOrder, default_arithmetic
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
    return _of_any(lambda formula: _leaves(formula(*inputs, **options)), reference, arithmetic, formulas)


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

    return _of_any(swept, reference, arithmetic, formulas)


def _of_any(
    derived: Callable[[Callable[..., Any]], tuple[Bounded, ...]],
    reference: Callable[..., Any],
    arithmetic: Arithmetic,
    formulas: Mapping[str, Callable[..., Any]] | None,
) -> tuple[Bounded, ...]:
    """What is derived from a reference, or from any formula for it that the arithmetic claims."""
    results = derived(reference)
    for name in arithmetic.formulas:
        if formulas and name in formulas:
            results = tuple(either(g, other) for g, other in zip(results, derived(formulas[name]), strict=True))
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


def read_tangent(
    reference: Callable[..., Any],
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    tangents: Sequence[Any],
    wanted: Sequence[int],
    arithmetic: Arithmetic,
    formulas: Mapping[str, Callable[..., Any]] | None = None,
) -> Bounded:
    """What forward mode gives for the first result of a reference, with its bounds; see `pushed_forward`.

    tangents: one for each of the arrays wanted. formulas: as in `read`.
    """
    inputs, directions = ([_input(x, arithmetic) for x in of] for of in (arrays, tangents))

    def pushed(formula: Callable[..., Any]) -> tuple[Bounded, ...]:
        return (concluded(pushed_forward(formula, inputs, options, directions, wanted)),)

    return _of_any(pushed, reference, arithmetic, formulas)[0]


def pushed_forward(
    formula: Callable[..., Any],
    arrays: Sequence[Any],
    options: Mapping[str, Any],
    tangents: Sequence[Any],
    wanted: Sequence[int],
) -> Any:
    """The tangent J v of the first result, for tangents v of some of the arrays: the gradient of <J' g, v> by g.

    J' g is linear in g. So the sweep back from it, which transposes each step of the sweep that gave it, is what
    forward mode computes (Radul et al., *You Only Linearize Once*, 2023).
    """

    def paired(g: Any) -> Any:
        pulled = differentiated(formula, arrays, options, [g], wanted)
        return sum(np.sum(bar * v) for bar, v in zip(pulled, tangents, strict=True))

    (y, *_) = _tuple(formula(*arrays, **options))
    y = y if isinstance(y, Bounded) else np.asarray(y)
    (pushed,) = differentiated(paired, [zeros(y.shape, like=y)], {}, [1 + zeros((), like=y)], [0])
    return pushed


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
    a = _to_first_order(arithmetic)
    with np.errstate(all="ignore"):
        results = formula(*[Traced(_input(x, a)) if _is_number(x) else x for x in arrays], **options)
        results = results if isinstance(results, tuple) else (results,)
        return weighed([Traced(concluded(y.value), [(y, lambda g: g)]) for y in results], cotangents)


def weighed(results: Sequence[Traced], cotangents: Sequence[Any]) -> tuple[float, float]:
    """The sum of <cotangent, result> over the first results of a reading to first order, and twice its error."""
    with np.errstate(all="ignore"):
        bars = [_input(g, y.value.arithmetic).without_error() for g, y in zip(cotangents, results, strict=False)]
        total = sum(float(np.sum(g.value * y.value.value)) for y, g in zip(results, bars, strict=False))
        return total, 2 * rounding_of(results[: len(bars)], bars)


def step_to_first_order(
    reference: Callable[..., Any],
    arrays: Iterable[Any],
    options: Mapping[str, Any],
    arithmetic: Arithmetic,
    formulas: Mapping[str, Callable[..., Any]] | None = None,
) -> tuple[Any, ...]:
    """Call a reference as one step of a composition that is read to first order; its results are Traced.

    Each step has claims of its own. formulas: as in `read`; since a correct implementation may follow any that is
    claimed, the roundings of all of them are charged. Only results of earlier steps are traced: weights have no error.
    """
    a, usual = _to_first_order(arithmetic), _to_first_order(default_arithmetic(arithmetic.storage))
    inputs = [_under(x, a) if isinstance(x, Traced) else _input(x, a) for x in arrays]
    if not any(isinstance(x, Traced) for x in inputs):
        results = read(reference, inputs, options, a, formulas)
        return tuple(Traced(y.under(usual)) if isinstance(y, Bounded) else y for y in results)
    with np.errstate(all="ignore"):
        results = _tuple(reference(*inputs, **options))
        alone = [x.detached() if isinstance(x, Traced) else x for x in inputs]
        others = [_tuple(formulas[name](*alone, **options)) for name in a.formulas if formulas and name in formulas]
        return tuple(_stored(y, [other[i] for other in others], usual) for i, y in enumerate(results))


def _stored(y: Any, others: Sequence[Any], a: Arithmetic) -> Any:
    """The result of a step, charged with the roundings of every formula for it; a is what goes on with it."""
    if not isinstance(y, Traced):
        return Traced(y.under(a)) if isinstance(y, Bounded) else y
    end = Traced(y.value, [(z, lambda g: g) for z in (y, *others) if isinstance(z, Traced)])
    return _under(Traced(concluded(end.value), [(end, lambda g: g)]), a)


def _under(x: Traced, a: Arithmetic) -> Traced:
    return Traced(x.value.under(a), [(x, lambda g: g)])


def _to_first_order(arithmetic: Arithmetic) -> FirstOrder:
    return FirstOrder(**{field.name: getattr(arithmetic, field.name) for field in fields(arithmetic)})


def _tuple(results: Any) -> tuple[Any, ...]:
    return results if isinstance(results, tuple) else (results,)


def _is_number(x: Any) -> bool:
    return x is not None and not isinstance(x, (bool, int)) and np.dtype(x.dtype).kind not in "biu"


def _input(x: Any, arithmetic: Arithmetic) -> Any:
    if isinstance(x, Bounded):
        return x.under(arithmetic)
    return Bounded.of(x, arithmetic) if holds_numbers(x) else x


def _leaves(result: Any) -> tuple[Any, ...]:
    leaves = result if isinstance(result, tuple) else (result,)
    return tuple(concluded(y) if isinstance(y, Bounded) else y for y in leaves)


def either(y: Bounded, other: Bounded) -> Bounded:
    """What one formula gives, with the room that a correct implementation of another one needs."""
    with np.errstate(invalid="ignore"):
        apart = np.where(y.value == other.value, 0.0, np.abs(other.value - y.value))
    apart = np.where(np.isnan(y.value) & np.isnan(other.value), 0.0, apart)
    apart = np.where(np.isnan(apart), np.inf, apart)
    wider = Bounded(y.value, np.maximum(y.error, other.error + apart), y.arithmetic)
    return noted(either, (y, other), {}, wider)
