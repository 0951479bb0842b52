"""The bounded reading of a reference: its value, and the error that a correct result may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from reference.arithmetic.bounded import Bounded, concluded
from reference.arithmetic.claims import Arithmetic


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


def _input(x: Any, arithmetic: Arithmetic) -> Any:
    if isinstance(x, Bounded):
        return x.under(arithmetic)
    is_number = isinstance(x, np.ndarray) and x.dtype.kind not in "biu"
    return Bounded.of(x, arithmetic) if is_number else x


def _leaves(result: Any) -> tuple[Any, ...]:
    leaves = result if isinstance(result, tuple) else (result,)
    return tuple(concluded(y) if isinstance(y, Bounded) else y for y in leaves)


def _either(y: Bounded, other: Bounded) -> Bounded:
    with np.errstate(invalid="ignore"):
        apart = np.where(y.value == other.value, 0.0, np.abs(other.value - y.value))
    apart = np.where(np.isnan(y.value) & np.isnan(other.value), 0.0, apart)
    apart = np.where(np.isnan(apart), np.inf, apart)
    return Bounded(y.value, np.maximum(y.error, other.error + apart), y.arithmetic)
