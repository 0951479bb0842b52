"""Activations, log-softmax, layer norm and dense against second formulas that share no line with them.

As in test_references.py: many digits of mpmath, exact fractions, loops over the index equation.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import special

import reference
from reference import (
    binary_step,
    dense,
    gelu,
    group_norm,
    identity,
    instance_norm,
    layer_norm,
    leaky_relu,
    log_softmax,
    relu,
    rms_norm,
    sigmoid,
    silu,
    tanh,
)
from reference.activations import gelu_by_rational_powers
from reference.arithmetic import read
from reference.arithmetic.formats import Floats
from reference.normalization import folded_layer_norm, updating_layer_norm
from tests.test_references import DOUBLE, assert_within, fractions

# -- activations ---------------------------------------------------------------------------------------


def points(scale: float) -> Floats:
    return np.append(np.random.default_rng(71).standard_normal(200) * scale, [0.0, 1.0, -1.0, scale])


def logistic(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def hyperbolic(x: Any) -> Any:
    return (mpmath.exp(x) - mpmath.exp(-x)) / (mpmath.exp(x) + mpmath.exp(-x))


def by_the_normal_distribution(x: Any) -> Any:
    return x * mpmath.ncdf(x)


def by_the_logistic_function(x: Any) -> Any:
    """x/2 (1 + tanh z) is x / (1 + exp(-2z))."""
    return x * logistic(2 * mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(0.044715) * x**3))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 10.0, 300.0])
@pytest.mark.parametrize(
    ("f", "options", "exact"),
    [
        (sigmoid, {}, logistic),
        (tanh, {}, hyperbolic),
        (silu, {}, lambda x: x * logistic(x)),
        (gelu, {}, by_the_normal_distribution),
        (gelu, {"approximate": "tanh"}, by_the_logistic_function),
    ],
    ids=["sigmoid", "tanh", "silu", "gelu", "gelu by tanh"],
)
def test_activations_to_fifty_digits(f: Any, options: dict[str, Any], exact: Any, scale: float) -> None:
    """Each is within its bound of its definition, taken with enough digits for its exponentials."""
    x = points(scale)
    (bound,) = read(f, [x], options, DOUBLE)
    with mpmath.workdps(320):
        assert_within(bound, [exact(mpmath.mpf(a)) for a in x.tolist()])


def test_values_of_the_normal_distribution() -> None:
    """Tables give Phi(1.96) = 0.9750021 and Phi(-1.96) = 0.0249979, rounded to seven digits."""
    x = np.array([1.96, -1.96])
    assert [f"{phi:.7f}" for phi in gelu(x) / x] == ["0.9750021", "0.0249979"]


def test_both_forms_of_gelu_are_close_and_differ() -> None:
    """The approximation is within 5e-4 of the exact form, and not within 1e-4 (Hendrycks and Gimpel, 2016)."""
    x = np.linspace(-6, 6, 1001)
    apart = np.abs(gelu(x, approximate="tanh") - gelu(x)).max()
    assert 1e-4 < apart < 5e-4


def test_gelu_by_rational_powers_is_within_what_its_source_states() -> None:
    """Erf is off by at most 1.5e-7, so gelu by half of that times x; and it is off by half of that somewhere."""
    x = np.concatenate([np.linspace(-8, 8, 4001), [-1e300, 1e300, 0.0]])
    off = np.abs(gelu_by_rational_powers(x) - gelu(x))
    assert (off <= np.abs(x) / 2 * 1.5e-7).all()
    assert (off[x != 0] / np.abs(x[x != 0])).max() > 1.5e-7 / 4
    assert np.array_equal(gelu_by_rational_powers(x, approximate="tanh"), gelu(x, approximate="tanh"))


def test_gelu_by_tanh_beyond_the_range_of_a_cube() -> None:
    """Where x^3 overflows the result is x or 0."""
    assert gelu(np.array([1e200, -1e200]), approximate="tanh").tolist() == [1e200, 0.0]


@pytest.mark.parametrize("name", ["erf", "Tanh", ""])
def test_gelu_refuses_another_name(name: str) -> None:
    """There are two forms."""
    with pytest.raises(ValueError, match="neither"):
        gelu(np.ones(2), approximate=name)


def test_relu_chooses() -> None:
    """Element by element: x where it is positive, else 0."""
    x = points(3.0)
    assert relu(x).tolist() == [a if a > 0 else 0.0 for a in x.tolist()]


def test_activations_of_cases() -> None:
    """Element by element: a hundredth or a quarter of what is negative, a step, and what comes in."""
    x = points(3.0)
    assert identity(x).tolist() == x.tolist()
    for slope in (0.01, 0.25):
        assert leaky_relu(x, slope=slope).tolist() == [a if a > 0 else slope * a for a in x.tolist()]
    for at_zero in (0.0, 0.5, 1.0):
        steps = [1.0 if a > 0 else 0.0 if a < 0 else at_zero for a in x.tolist()]
        assert binary_step(x, at_zero=at_zero).tolist() == steps == np.heaviside(x, at_zero).tolist()
    assert binary_step(np.array([-0.0])).tolist() == [1.0], "as Gong prints it"
    assert math.isnan(binary_step(np.array([math.nan]))[0])


def test_activations_of_infinity() -> None:
    """The limits are 0 and 1, -1 and 1, 0 and infinity."""
    ends = np.array([-np.inf, np.inf])
    assert sigmoid(ends).tolist() == [0, 1]
    assert tanh(ends).tolist() == [-1, 1]
    assert relu(ends).tolist() == [0, np.inf]


# -- log_softmax ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e5])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_log_softmax_to_many_digits(scale: float, axis: int) -> None:
    """Within its bound of x - log sum exp(x), taken without a maximum, also where the softmax underflows."""
    x = np.random.default_rng(72).standard_normal((3, 5)) * scale
    (bound,) = read(log_softmax, [x], {"axis": axis}, DOUBLE)
    exact = np.empty(x.shape, dtype=object)
    with mpmath.workdps(60):
        for n, i in np.ndindex(*x.shape):
            row = x[:, i] if axis == 0 else x[n]
            exact[n, i] = mpmath.mpf(x[n, i]) - mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(a)) for a in row.tolist()))
        assert_within(bound, exact)


def test_log_softmax_is_scipys() -> None:
    """scipy.special has the function too; both are within the bound."""
    x = np.random.default_rng(73).standard_normal((4, 6)) * 50
    (bound,) = read(log_softmax, [x], {"axis": 0}, DOUBLE)
    assert (np.abs(special.log_softmax(x, axis=0) - bound.value) <= 2 * bound.error).all()


def test_log_softmax_of_nothing_is_refused() -> None:
    """There are no weights of no scores."""
    with pytest.raises(ValueError, match="zero-size"):
        log_softmax(np.ones((2, 0)))


# -- layer_norm ----------------------------------------------------------------------------------------


def literal_layer_norm(x: Floats, weight: Any, bias: Any, axes: int, eps: float) -> Any:
    """Sample by sample, number by number, in mpmath."""
    m = mpmath.mpf
    y = np.empty(x.shape, dtype=object)
    D = x.shape[x.ndim - axes :]
    for b in np.ndindex(*x.shape[: x.ndim - axes]):
        values = {d: m(float(x[(*b, *d)])) for d in np.ndindex(*D)}
        mean = mpmath.fsum(values.values()) / len(values)
        var = mpmath.fsum((a - mean) ** 2 for a in values.values()) / len(values)
        for d, a in values.items():
            gamma, beta = (m(default if v is None else float(v[d])) for v, default in ((weight, 1), (bias, 0)))
            y[(*b, *d)] = gamma * (a - mean) / mpmath.sqrt(var + m(eps)) + beta
    return y


@pytest.mark.parametrize(("shape", "axes"), [((4,), 1), ((2, 5), 1), ((2, 5), 2), ((2, 3, 2, 2), 2), ((0, 3), 1)])
@pytest.mark.parametrize("affine", ["none", "weight", "bias", "both"])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_layer_norm_to_fifty_digits(shape: tuple[int, ...], axes: int, affine: str, offset: float) -> None:
    """The reference and both further formulas are within their bounds, also where the mean is far above the spread."""
    rng = np.random.default_rng(74)
    x, D = rng.standard_normal(shape) * 3 + offset, shape[len(shape) - axes :]
    weight = rng.standard_normal(D) if affine in ("weight", "both") else None
    bias = rng.standard_normal(D) if affine in ("bias", "both") else None
    for eps, f in itertools.product((1e-5, 0.5, 0.0), (layer_norm, updating_layer_norm, folded_layer_norm)):
        (bound,) = read(f, [x, weight, bias], {"axes": axes, "eps": eps}, DOUBLE)
        with mpmath.workdps(50):
            assert_within(bound, literal_layer_norm(x, weight, bias, axes, eps), (f, eps))


def test_layer_norm_in_fractions() -> None:
    """1, 3, 5, 7 have mean 4 and variance 5: with eps 4 they become -1, -1/3, 1/3, 1."""
    x = np.array([1.0, 3.0, 5.0, 7.0])
    (bound,) = read(layer_norm, [x], {"eps": 4.0}, DOUBLE)
    assert_within(bound, fractions(x - 4) / 3)


def test_layer_norm_of_one_number_is_its_bias() -> None:
    """One number is its own mean, and its variance is 0."""
    assert layer_norm(np.array([[7.0], [-3.0]]), np.array([2.0]), np.array([5.0])).tolist() == [[5.0], [5.0]]


@pytest.mark.parametrize(
    ("shape", "options"),
    [((3,), {"axes": 2}), ((3,), {"axes": 0}), ((2, 0), {}), ((2, 0, 3), {"axes": 2}), ((3,), {"eps": -1e-5})],
)
def test_layer_norm_refuses_what_has_no_variance(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    """No axes, too many of them, no numbers along them; and a negative eps."""
    for f in (layer_norm, updating_layer_norm, folded_layer_norm):
        with pytest.raises(ValueError, match=r"axes|eps"):
            f(np.ones(shape), **options)


# -- group, instance and RMS norm ----------------------------------------------------------------------


def literal_group_norm(x: Floats, weight: Any, bias: Any, groups: int, eps: float) -> Any:
    """Number by number, in mpmath: those of its sample whose channel falls into the same group."""
    m, y = mpmath.mpf, np.empty(x.shape, dtype=object)
    group = [c * groups // x.shape[1] for c in range(x.shape[1])]
    for n, c, *s in np.ndindex(*x.shape):
        others = [m(float(x[(n, k, *t)])) for k, *t in np.ndindex(*x.shape[1:]) if group[k] == group[c]]
        mean = mpmath.fsum(others) / len(others)
        var = mpmath.fsum((a - mean) ** 2 for a in others) / len(others)
        gamma, beta = (m(default if v is None else float(v[c])) for v, default in ((weight, 1), (bias, 0)))
        y[(n, c, *s)] = gamma * (m(float(x[(n, c, *s)])) - mean) / mpmath.sqrt(var + m(eps)) + beta
    return y


@pytest.mark.parametrize(("shape", "groups"), [((2, 4), 2), ((1, 6, 2), 3), ((2, 3, 2), 1), ((2, 2, 2, 2), 2)])
@pytest.mark.parametrize("affine", ["none", "weight", "bias", "both"])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_group_norm_to_fifty_digits(shape: tuple[int, ...], groups: int, affine: str, offset: float) -> None:
    """The reference and both further formulas are within their bounds; so is instance norm, with as many groups."""
    rng = np.random.default_rng(77)
    x = rng.standard_normal(shape) * 3 + offset
    weight = rng.standard_normal(shape[1]) if affine in ("weight", "both") else None
    bias = rng.standard_normal(shape[1]) if affine in ("bias", "both") else None
    for eps, f in itertools.product((1e-5, 0.5), (group_norm, *reference.FORMULAS["group_norm"].values())):
        (bound,) = read(f, [x, weight, bias], {"groups": groups, "eps": eps}, DOUBLE)
        with mpmath.workdps(50):
            assert_within(bound, literal_group_norm(x, weight, bias, groups, eps), (f, eps))
    for f in (instance_norm, *reference.FORMULAS["instance_norm"].values()) if len(shape) > 2 else ():
        (bound,) = read(f, [x, weight, bias], {"eps": 0.5}, DOUBLE)
        with mpmath.workdps(50):
            assert_within(bound, literal_group_norm(x, weight, bias, shape[1], 0.5), f)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_rms_norm_to_fifty_digits(axes: int) -> None:
    """Both formulas are within their bounds of gamma x / sqrt(mean x^2 + eps), sample by sample."""
    rng = np.random.default_rng(78)
    x = rng.standard_normal((2, 3, 2)) * 10
    weight = rng.standard_normal(x.shape[3 - axes :])
    y = np.empty(x.shape, dtype=object)
    with mpmath.workdps(50):
        for b in np.ndindex(*x.shape[: 3 - axes]):
            square = mpmath.fsum(mpmath.mpf(a) ** 2 for a in x[b].ravel().tolist()) / x[b].size
            for d in np.ndindex(*x.shape[3 - axes :]):
                y[(*b, *d)] = mpmath.mpf(x[(*b, *d)]) * mpmath.mpf(weight[d]) / mpmath.sqrt(square + mpmath.mpf(0.25))
        for f in (rms_norm, *reference.FORMULAS["rms_norm"].values()):
            (bound,) = read(f, [x, weight], {"axes": axes, "eps": 0.25}, DOUBLE)
            assert_within(bound, y, f)


@pytest.mark.parametrize(
    ("f", "shape", "options"),
    [
        (group_norm, (2, 4), {"groups": 3}),
        (group_norm, (2, 4), {"groups": 0}),
        (group_norm, (2, 4), {"groups": -2}),
        (group_norm, (2, 4, 0), {"groups": 2}),
        (group_norm, (4,), {"groups": 2}),
        (group_norm, (2, 4), {"groups": 2, "eps": -1e-5}),
        (instance_norm, (2, 4), {}),
        (instance_norm, (2, 4, 0), {}),
        (instance_norm, (2, 4, 2), {"eps": -1e-5}),
        (rms_norm, (3,), {"axes": 2}),
        (rms_norm, (3,), {"axes": 0}),
        (rms_norm, (2, 0), {}),
        (rms_norm, (3,), {"eps": -1e-5}),
    ],
)
def test_norms_refuse_what_cannot_be_normalised(f: Any, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    """Groups that do not divide the channels, no axes or too many, no numbers along them; a negative eps."""
    with pytest.raises(ValueError, match=r"axes|eps|groups"):
        f(np.ones(shape), **options)


# -- dense ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize(("I", "O"), [(4, 3), (1, 2), (3, 1), (0, 2)])
def test_dense_is_its_index_equation(batch: tuple[int, ...], I: int, O: int) -> None:
    """y[o] = b[o] + sum over i of x[i] w[o, i], in fractions: exactly so on integers, else within the bound."""
    rng = np.random.default_rng(75)
    reals = rng.standard_normal((*batch, I)), rng.standard_normal((O, I)), rng.standard_normal(O)
    for x, w, b in (reals, [np.rint(3 * z) for z in reals]):
        exact = np.empty((*batch, O), dtype=object)
        for *n, o in np.ndindex(*batch, O):
            terms = (Fraction(x[(*n, i)]) * Fraction(w[o, i]) for i in range(I))
            exact[(*n, o)] = Fraction(b[o]) + sum(terms, Fraction(0))
        (bound,) = read(dense, [x, w, b], {}, DOUBLE)
        assert_within(bound, exact)
    assert (bound.error == 0).all(), "integers leave no error"


def test_dense_without_a_bias() -> None:
    """Nothing is added."""
    assert dense(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 10.0]])).tolist() == [[21.0], [43.0]]


@pytest.mark.parametrize(
    ("x", "w", "bias"), [((), (2, 1), None), ((3,), (3,), None), ((2, 3), (3, 2), None), ((3,), (2, 3), (3,))]
)
def test_dense_refuses_what_does_not_fit(x: Any, w: Any, bias: Any) -> None:
    """A number alone, weights that are no matrix, other numbers of inputs, a bias of another length."""
    with pytest.raises(ValueError, match=r"fit|mismatch"):
        dense(np.ones(x), np.ones(w), None if bias is None else np.ones(bias))


def test_dense_layers_compose() -> None:
    """Two layers without activation are one, whose weights are the product: a network needs something between."""
    rng = np.random.default_rng(76)
    x, v, w = rng.integers(-4, 5, (5, 3)) * 1.0, rng.integers(-4, 5, (4, 3)) * 1.0, rng.integers(-4, 5, (2, 4)) * 1.0
    assert np.array_equal(dense(dense(x, v), w), dense(x, w @ v))


def test_the_lectures_formulas_overflow() -> None:
    """tanh as printed by Gong and He (2024) is inf / inf for large x; the reference is 1."""
    with np.errstate(all="ignore"):
        x = np.array([1000.0])
        printed = (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))
    assert math.isnan(printed[0])
    assert tanh(x)[0] == 1
