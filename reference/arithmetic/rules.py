"""The rules of the error bounds, as plain functions of float64 arrays.

Every rule answers one question: the operands are known to within their errors; by how much may a
correct implementation miss the exact result v? The letters are those of Higham, *Accuracy and
Stability of Numerical Algorithms* (2002): u the unit roundoff of the format F, |.| magnitudes.

    R(v, d)        one rounded operation whose operand errors move the exact result by at most d
    m = |v| + d    the largest magnitude that can be rounded

The error of R is d + max(u m, eta/2) (sections 2.2 and 3.4; eta is the smallest subnormal), and the
reference's own rounding in float64 is added. A sum of n terms in any order errs by at most
(n - 1) u_A sum|v_i| in an accumulator A, and a product of n pairs by n u_A sum|a_i b_i|
(Jeannerod and Rump, 2013; Higham, section 4.2).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reference.arithmetic.claims import Arithmetic
from reference.arithmetic.formats import FLOAT64, Floats

Mask = NDArray[np.bool_]
Counts = int | NDArray[np.int_]
U64, ETA64 = FLOAT64.u, FLOAT64.smallest_subnormal
LOG_MAX = float(np.log(FLOAT64.largest))


def rounding(
    v: Floats,
    d: Floats,
    a: Arithmetic,
    *,
    error_free: Mask | None = None,
    underflows: bool = True,
    k: float = 1.0,
    from_sum: bool = False,
) -> Floats:
    """The error of R(v, d); k roundings instead of one where an implementation claims so.

    error_free says where float64 itself made no error, which is what exactness needs: a result that
    F holds, of operands without error, is exact. Sums of numbers of F do not underflow.
    """
    F, m = a.compute, np.abs(v) + d
    u = k * a.u + (a.u_sum if from_sum and a.u_sum < a.u else 0.0)
    own = U64 * np.abs(v)
    if underflows:
        e = d + np.maximum(u * m, k * F.half_subnormal) + np.maximum(own, ETA64)
    else:
        e = d + u * m + own
    if error_free is not None:
        certain = error_free & (d == 0)
        if certain.any():
            e = np.where(certain & F.holds(v), 0.0, e)
    if a.flushes_results:
        e = e + flushed(v, d, a)
    return np.where(m * (1 + u) > F.largest, np.inf, e)


def flushed(v: Floats, d: Floats, a: Arithmetic) -> Floats:
    """What is lost where a result that may be subnormal becomes zero."""
    smallest = a.compute.smallest_normal
    return np.where(np.abs(v) - d < 2 * smallest, np.minimum(smallest, np.abs(v) + d), 0.0)


def read_as_zero(x: Floats, e: Floats, a: Arithmetic) -> Floats:
    """What is lost where an input that may be subnormal is read as zero."""
    smallest = a.storage.smallest_normal
    return np.where(np.abs(x) - e < smallest, np.minimum(smallest, np.abs(x) + e), 0.0)


def sum_error(
    n: Counts, magnitude: Floats, d: Floats, a: Arithmetic, *, products: bool = False, smallest_product: float = np.inf
) -> Floats:
    """The error before the last rounding of a sum of n terms (or products) in any order.

    magnitude is the sum of the terms' largest magnitudes and d what their own errors add up to.
    smallest_product is the least nonzero product: none underflows if it is a normal number of A.
    """
    A, F = a.accumulate, a.compute
    roundings = n if products else np.maximum(n - 1, 0)
    present, lost = magnitude > 0, np.zeros(np.shape(magnitude))
    if products and smallest_product < A.smallest_normal:
        lost = lost + n * (A.smallest_subnormal if a.truncates else A.half_subnormal) * present
    if products and a.rounds_products:
        lost = lost + a.u * magnitude + n * F.half_subnormal * present
    if a.flushes_results:
        smallest = max(A.smallest_normal, F.smallest_normal) if a.rounds_products else A.smallest_normal
        lost = lost + roundings * smallest * present
    grown = magnitude + lost  # what is added are the products with what happened to them
    e = d + lost + roundings * (a.u_sum + U64) * grown
    overflows = grown * (1 + roundings * a.u_sum) > A.largest
    if products and a.rounds_products:
        overflows = overflows | (magnitude * (1 + a.u) > F.largest)
    return np.where(overflows, np.inf, e)


def product_error(n: int, product: Floats, upper: Floats, largest: Floats, underflows: Mask, a: Arithmetic) -> Floats:
    """The error of n factors, multiplied in any order; that of float64's own product is added.

    product: of the magnitudes, upper: of these with their errors, largest: of those of them above 1, which
    no part of a product exceeds. n - 1 products are rounded, (1 + u)^(n - 1). What is lost where one of them
    underflows, eta at most, is multiplied by others, `largest` at most; each of these has its own roundings.
    """
    F, times = a.compute, max(n - 1, 0)
    eta = F.smallest_normal if a.flushes_results or a.flushes_inputs else F.half_subnormal
    grown = np.expm1(times * np.log1p(a.u))
    most = largest * (1 + a.u + eta) ** times
    lost = np.where(underflows, times * most * eta, 0.0)
    own = 4 * (n * U64 * upper + times * ETA64 * most)
    e = np.where(upper > product, upper - product, 0.0) + grown * upper + lost + own
    return np.where(most > F.largest, np.inf, e)


def exactly_summed(quantum: float, magnitude: Floats, a: Arithmetic) -> Mask:
    """Where every partial sum of multiples of a quantum is a number of the accumulator.

    All partial sums are multiples of the quantum and at most the sum of magnitudes, so none is
    rounded while that sum is below 2^p quanta: in any order, in any blocking, with or without FMA.
    Nor may it overflow, or the quantum lie below the smallest number that is kept. (Below and not at
    2^p, because float64 rounds the sum of magnitudes too.)
    """
    formats = (a.accumulate, a.compute) if a.rounds_products else (a.accumulate,)
    kept = max(F.smallest_normal if a.flushes_results else F.smallest_subnormal for F in formats)
    if not np.isfinite(quantum) or quantum < kept:
        return magnitude == 0
    bits = min(F.precision for F in formats)
    return (magnitude < np.ldexp(quantum, bits)) & (magnitude <= min(F.largest for F in formats))


def multiply_spread(x: Floats, ex: Floats, y: Floats, ey: Floats) -> Floats:
    return np.abs(x) * ey + np.abs(y) * ex + ex * ey


def divide_spread(v: Floats, ex: Floats, y: Floats, ey: Floats) -> Floats:
    room = np.abs(y) - ey
    return np.where(room > 0, (ex + np.abs(v) * ey) / np.where(room > 0, room, 1.0), np.inf)


def sqrt_spread(v: Floats, x: Floats, e: Floats) -> Floats:
    """The radicand is nonnegative by structure, so what an error carries below zero counts as zero."""
    return np.maximum(np.sqrt(np.maximum(x + e, 0)) - v, v - np.sqrt(np.maximum(x - e, 0)))


def maximum_error(top: Floats, upper: Floats, lower: Floats, certain: Mask) -> Floats:
    """The error of a maximum between the largest upper and the largest lower end of its candidates."""
    e = np.maximum(upper - top, top - lower)
    return np.where(np.isnan(e), np.where(certain, 0.0, np.inf), e)


# How far f moves over [x - e, x + e], where v = f(x); t is the point of the interval nearest to zero,
# where the slopes of tanh, erf and the logistic function are steepest.


def _nearest_to_zero(x: Floats, e: Floats) -> Floats:
    return np.maximum(np.abs(x) - e, 0.0)


def _log_spread(v: Floats, x: Floats, e: Floats) -> Floats:
    inside = e < x
    return np.where(
        inside | (e == 0), -np.log1p(-np.where(inside & (e > 0), e / np.where(x == 0, 1.0, x), 0.0)), np.inf
    )


def _tanh_spread(v: Floats, x: Floats, e: Floats) -> Floats:
    return np.minimum(2.0, e / np.cosh(np.minimum(_nearest_to_zero(x, e), 300.0)) ** 2)


def _erf_spread(v: Floats, x: Floats, e: Floats) -> Floats:
    return np.minimum(2.0, e * 2 / np.sqrt(np.pi) * np.exp(-(_nearest_to_zero(x, e) ** 2)))


def _expit_spread(v: Floats, x: Floats, e: Floats) -> Floats:
    t = _nearest_to_zero(x, e)
    return np.minimum(1.0, e * special.expit(t) * special.expit(-t))


def _exp_spread(v: Floats, x: Floats, e: Floats) -> Floats:
    # The second form is right where v has underflowed; the first where the two cancel.
    return np.where(e == 0, 0.0, np.maximum(v * np.expm1(np.minimum(e, LOG_MAX)), np.exp(x + e) - v))


def _wave_spread(v: Floats, x: Floats, e: Floats) -> Floats:
    return np.minimum(2.0, e)


SPREADS: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "exp": _exp_spread,
    "log": _log_spread,
    "tanh": _tanh_spread,
    "erf": _erf_spread,
    "expit": _expit_spread,
    "sin": _wave_spread,
    "cos": _wave_spread,
}

# Where f(x) is a number of every format, and any implementation returns it that does not claim to miss it.
FIXED_POINTS: dict[str, Callable[[Floats], Mask]] = {
    "exp": lambda x: (x == 0) | (x == -np.inf),
    "log": lambda x: x == 1,
    "tanh": lambda x: x == 0,
    "erf": lambda x: x == 0,
    "expit": lambda x: x == -np.inf,
    "sin": lambda x: x == 0,
    "cos": lambda x: x == 0,
}


def own_error(name: str, v: Floats) -> Floats:
    """The error of the float64 functions that the references call.

    NumPy's are within one ulp, at most 2 u |v|. SciPy's erf is within two (Cephes states 3.7e-16), and
    its expit gives zero where the result is subnormal.
    """
    return np.maximum(
        (4 if name == "erf" else 2) * U64 * np.abs(v), FLOAT64.smallest_normal if name == "expit" else ETA64
    )


def elementary(name: str, v: Floats, x: Floats, e: Floats, a: Arithmetic) -> Floats:
    """The error of an elementary function with a claimed accuracy of k ulp, each at most 2 u |v|.

    v itself is formed by NumPy and SciPy in float64; `own_error` bounds that, and a test holds them to it.
    Where nothing is known of x it may be NaN, and then f(x) is, however small the range of f.
    """
    F, k = a.compute, a.accuracy(name)
    d = SPREADS[name](v, x, e)
    m = np.abs(v) + d
    error = d + k * np.maximum(2 * F.u * m, F.smallest_subnormal) + own_error(name, v)
    is_met = FIXED_POINTS[name](x) & (np.isinf(x) | (not a.misses_fixed_points))
    error = np.where((d == 0) & is_met, 0.0, error)
    if a.flushes_results:
        error = error + flushed(v, d, a)
    return np.where((m * (1 + 2 * k * F.u) > F.largest) | np.isinf(e), np.inf, error)
