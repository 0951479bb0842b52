"""Attention against second formulas that share no line with it.

Exact sums over mpmath numbers, one index at a time; what the formula says in words, on small integers; and
the gather of one key where a score stands out.
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
from reference import additive_attention, multi_head_attention, scaled_dot_product_attention
from reference.arithmetic import FLOAT32, Bounded, differentiated, read
from tests.test_references import DOUBLE, assert_within, correctly_rounded

SDPA, HEADS = "scaled_dot_product_attention", "multi_head_attention"


def may_attend(mask: Any, causal: bool, n: tuple[int, ...], t: int, s: int) -> tuple[bool, float]:
    """Whether t may attend to s in sample n, and what the mask adds to the score."""
    if causal and s > t:
        return False, 0.0
    if mask is None:
        return True, 0.0
    place = (*n, t, s)[len(n) + 2 - mask.ndim :]
    entry = mask[tuple(i if side > 1 else 0 for i, side in zip(place, mask.shape, strict=True))]
    if mask.dtype == bool:
        return bool(entry), 0.0
    return entry != -np.inf, float(entry)


def literal_attention(q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float | None) -> Any:
    """One exponential and one product at a time; keys that are closed are left out of every sum."""
    (*B, T, d), S, e = q.shape, k.shape[-2], v.shape[-1]
    y = np.zeros((*B, T, e), dtype=object)
    factor = 1 / mpmath.sqrt(d) if scale is None else mpmath.mpf(scale)
    for *n, t in itertools.product(*map(range, (*B, T))):
        weights = {}
        for s in range(S):
            is_open, added = may_attend(mask, causal, tuple(n), t, s)
            if is_open:
                score = mpmath.fsum(mpmath.mpf(a) * mpmath.mpf(b) for a, b in zip(q[(*n, t)], k[(*n, s)], strict=True))
                weights[s] = mpmath.exp(score * factor + added)
        for j in range(e):
            total = mpmath.fsum(w * mpmath.mpf(v[(*n, s, j)]) for s, w in weights.items())
            y[(*n, t, j)] = total / mpmath.fsum(weights.values())
    return y


def random_mask(rng: Any, kind: str, shape: tuple[int, ...]) -> Any:
    """A mask with its first column open."""
    if kind == "none":
        return None
    is_open = rng.random(shape) < 0.6
    is_open[..., 0] = True
    return is_open if kind == "boolean" else np.where(is_open, rng.standard_normal(shape), -np.inf)


SHAPES = {
    (): [(3, 4), (1, 4), (3, 1)],
    (2,): [(3, 4), (2, 3, 4), (2, 1, 4), (1, 3, 4)],
    (2, 2): [(3, 4), (2, 1, 3, 4), (1, 2, 1, 4), (2, 2, 3, 4), (2, 3, 4)],
}


@pytest.mark.parametrize("formula", ["reference", "normalised_last", "scaled_first"])
@pytest.mark.parametrize("kind", ["none", "boolean", "additive"])
@pytest.mark.parametrize("batch", SHAPES)
def test_attention_is_its_index_equation(batch: tuple[int, ...], kind: str, formula: str) -> None:
    """Every mask of every shape, causal or not, with the usual scale and another: within the bound of 40 digits."""
    rng = np.random.default_rng(71)
    q, k, v = (rng.standard_normal((*batch, *sides)) for sides in ((3, 3), (4, 3), (4, 2)))
    function = reference.FORMULAS[SDPA].get(formula, scaled_dot_product_attention)
    for shape, causal, scale in itertools.product(SHAPES[batch], (False, True), (None, 0.25)):
        mask = random_mask(rng, kind, shape)
        options = {"causal": causal, "scale": scale}
        (bound,) = read(function, [q, k, v, mask], options, DOUBLE)
        with mpmath.workdps(40):
            assert_within(bound, literal_attention(q, k, v, mask, causal, scale), (shape, options))


@pytest.mark.parametrize("T, S", [(2, 4), (4, 2), (3, 3)])
def test_causal_attention_counts_from_the_first_key(T: int, S: int) -> None:
    """Equal scores: query t averages values 0 to t, or all where there are fewer."""
    v = np.array([[float(2**s)] for s in range(S)])
    y = scaled_dot_product_attention(np.zeros((T, 1)), np.ones((S, 1)), v, causal=True)
    for t in range(T):
        n = min(t + 1, S)
        assert Fraction(y[t, 0]).limit_denominator(100) == Fraction(2**n - 1, n)


def test_scores_of_logarithms_give_fractions() -> None:
    """Scores log 1, log 2, log 5 give the weights 1/8, 2/8, 5/8."""
    k = np.log(Bounded.of([[1.0], [2.0], [5.0]], DOUBLE))  # with the error of these logarithms
    (bound,) = read(scaled_dot_product_attention, [np.ones((1, 1)), k, np.eye(3)], {}, DOUBLE)
    assert_within(bound, np.array([[Fraction(n, 8) for n in (1, 2, 5)]]))


def test_weights_are_those_of_scipy() -> None:
    """The weights are scipy.special.softmax of the scores, within the bound."""
    rng = np.random.default_rng(72)
    q, k = rng.standard_normal((5, 4)), rng.standard_normal((7, 4))
    (bound,) = read(scaled_dot_product_attention, [q, k, np.eye(7)], {}, DOUBLE)
    assert (np.abs(special.softmax(q @ k.T / 2, axis=-1) - bound.value) <= bound.error).all()


def test_large_scores_do_not_overflow() -> None:
    """Scores of 10^6 and 0: the value of the first, not NaN."""
    y = scaled_dot_product_attention(np.array([[1e3]]), np.array([[1e3], [0.0]]), np.array([[7.0], [-1.0]]))
    assert y.tolist() == [[7.0]]


@pytest.mark.parametrize(
    ("shapes", "mask"),
    [
        (((2, 3), (4, 2), (4, 1)), None),
        (((2, 3), (4, 3), (5, 1)), None),
        (((2, 3), (0, 3), (0, 1)), None),
        (((2, 2, 3), (4, 3), (4, 1)), None),
        (((2, 3), (4, 3), (4, 1)), (3, 4)),
        (((2, 3), (4, 3), (4, 1)), (2, 5)),
        (((2, 3), (4, 3), (4, 1)), (2, 2, 4)),
    ],
)
def test_attention_refuses_what_does_not_fit(shapes: Any, mask: Any) -> None:
    """Widths, numbers of keys, batches and masks that do not belong together, and no key at all, are errors."""
    with pytest.raises(ValueError):
        scaled_dot_product_attention(*map(np.ones, shapes), None if mask is None else np.ones(mask))


@pytest.mark.parametrize("formula", ["reference", "normalised_last", "scaled_first"])
@pytest.mark.parametrize("kind", ["none", "boolean", "additive"])
def test_groups_and_windows_are_their_index_equation(kind: str, formula: str) -> None:
    """Each head with the keys of its group, and a window as places that are closed: within the bound of 40 digits."""
    rng = np.random.default_rng(77)
    function = reference.FORMULAS[SDPA].get(formula, scaled_dot_product_attention)
    q, k, v = (rng.standard_normal(shape) for shape in ((2, 6, 4, 3), (2, 2, 5, 3), (2, 2, 5, 2)))
    copies = [np.concatenate([x[:, g : g + 1] for g in (0, 0, 0, 1, 1, 1)], axis=1) for x in (k, v)]
    for window, (before, after) in ((None, (9, 9)), (1, (1, 1)), ((2, 0), (2, 0)), ((0, 3), (0, 3))):
        near = np.array([[t - before <= s <= t + after for s in range(5)] for t in range(4)])
        mask = random_mask(rng, kind, (2, 1, 4, 5))
        if mask is not None:  # the key at the query's own place is in every window
            mask[..., range(4), range(4)] = True if kind == "boolean" else 0.5
        closed = near if mask is None else mask & near if kind == "boolean" else np.where(near, mask, -np.inf)
        (bound,) = read(function, [q, k, v, mask], {"grouped": True, "window": window}, DOUBLE)
        with mpmath.workdps(40):
            assert_within(bound, literal_attention(q, *copies, closed, False, None), (kind, window))


@pytest.mark.parametrize("formula", ["reference", "normalised_last", "scaled_first", "softmax_in_float32"])
def test_rows_without_keys(formula: str) -> None:
    """0/0, zero, or the mean of what booleans, causality and windows close; other rows have nothing to do with it."""
    rng = np.random.default_rng(78)
    function = reference.FORMULAS[SDPA].get(formula, scaled_dot_product_attention)
    q, k, v = (rng.standard_normal((3, 2)) for _ in range(3))
    booleans = np.array([[True, False, True], [False] * 3, [True] * 3])
    for mask, causal, mean in (
        (booleans, False, [sum(map(Fraction, column)) / 3 for column in v.T]),
        (np.where(booleans, 0.5, -np.inf), False, None),
        (np.where(booleans, 0.5, -np.inf), True, [Fraction(x) for x in v[2]]),
    ):
        with np.errstate(invalid="ignore"):
            y = {rows: function(q, k, v, mask, causal=causal, closed_rows=rows) for rows in ("nan", "zero", "mean")}
        assert np.isnan(y["nan"][1]).all()
        assert y["zero"][1].tolist() == [0, 0]
        with np.errstate(invalid="ignore"):
            (bound,) = read(function, [q, k, v, mask], {"causal": causal, "closed_rows": "mean"}, DOUBLE)
        if mean is None:
            assert np.isnan(y["mean"][1]).all()
        else:
            assert_within(bound[1], mean, formula)
        assert np.array_equal(y["zero"][[0, 2]], y["nan"][[0, 2]])
        assert np.array_equal(y["mean"][[0, 2]], y["nan"][[0, 2]])
    with pytest.raises(ValueError, match="none of"):
        function(q, k, v, closed_rows="median")


def test_the_gradient_of_rows_without_keys() -> None:
    """Where only what is added closes a row, nothing stands for its scores: its 0/0 has no gradient either."""
    q, k, v = np.ones((2, 1)), np.ones((2, 1)), np.array([[1.0], [3.0]])
    mask = np.array([[-np.inf, -np.inf], [0.0, 0.0]])
    for causal, expected in ((False, [np.nan, 0.0]), (True, [0.0, 0.0])):
        options = {"causal": causal, "closed_rows": "mean"}
        (g,) = differentiated(scaled_dot_product_attention, [q, k, v, mask], options, [np.zeros((2, 1))], [0])
        assert np.array_equal(g.ravel(), expected, equal_nan=True)


@pytest.mark.parametrize("shapes", [((3, 4, 2), (2, 4, 2)), ((3, 2), (3, 2)), ((2, 4, 2), (0, 4, 2))])
def test_groups_are_equal(shapes: Any) -> None:
    """Three heads do not share two, and without heads there are no groups."""
    q, k = map(np.ones, shapes)
    with pytest.raises(ValueError, match="equal groups"):
        scaled_dot_product_attention(q, k, k, grouped=True)


def literal_additive(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any) -> Any:
    """One hidden unit at a time."""
    (*B, T, _), (S, n) = s.shape, h.shape[-2:]
    c = np.zeros((*B, T, n), dtype=object)
    for *b, t in itertools.product(*map(range, (*B, T))):
        weights = {}
        for i in range(S):
            if may_attend(mask, False, tuple(b), t, i)[0]:
                units = [
                    mpmath.fsum(mpmath.mpf(w) * mpmath.mpf(x) for w, x in zip(row, s[(*b, t)], strict=True))
                    + mpmath.fsum(mpmath.mpf(w) * mpmath.mpf(x) for w, x in zip(other, h[(*b, i)], strict=True))
                    for row, other in zip(w_s, w_h, strict=True)
                ]
                weights[i] = mpmath.exp(
                    mpmath.fsum(mpmath.mpf(a) * mpmath.tanh(z) for a, z in zip(v, units, strict=True))
                )
        for j in range(n):
            total = mpmath.fsum(w * mpmath.mpf(h[(*b, i, j)]) for i, w in weights.items())
            c[(*b, t, j)] = total / mpmath.fsum(weights.values())
    return c


@pytest.mark.parametrize("batch", [(), (2,), (2, 2)])
def test_additive_attention_is_its_index_equation(batch: tuple[int, ...]) -> None:
    """States of two widths, masks of every shape: within the bound of 40 digits."""
    rng = np.random.default_rng(79)
    s, h = rng.standard_normal((*batch, 3, 2)), rng.standard_normal((*batch, 4, 3))
    w_s, w_h, v = rng.standard_normal((5, 2)), rng.standard_normal((5, 3)), rng.standard_normal(5)
    for shape in SHAPES[batch]:
        for kind in ("none", "boolean"):
            mask = random_mask(rng, kind, shape)
            (bound,) = read(additive_attention, [s, h, w_s, w_h, v, mask], {}, DOUBLE)
            with mpmath.workdps(40):
                assert_within(bound, literal_additive(s, h, w_s, w_h, v, mask), shape)


def test_additive_attention_by_logarithms() -> None:
    """With W h = atanh of 1/4, 1/2 and v = 4 log 2 the weights are as 2 to 4."""
    with mpmath.workdps(40):
        exact = [mpmath.atanh(0.25), mpmath.atanh(0.5)]
        h, v = correctly_rounded([[x] for x in exact]), correctly_rounded([4 * mpmath.log(2)])
        (bound,) = read(additive_attention, [np.zeros((1, 1)), h, np.ones((1, 1)), np.ones((1, 1)), v], {}, DOUBLE)
        assert_within(bound, [[(2 * exact[0] + 4 * exact[1]) / 6]])


# -- several heads -------------------------------------------------------------------------------------


def literal_heads(arrays: dict[str, Any], heads: int, causal: bool) -> Any:
    """Row by row: head h owns rows h d to (h + 1) d of the projections and the same columns of w_o."""
    x, key, value = (arrays[name] for name in ("query", "key", "value"))
    key = x if key is None else key
    value = key if value is None else value

    def row(vector: Any, w: Any, b: Any, i: int) -> Any:
        return mpmath.fsum(mpmath.mpf(a) * mpmath.mpf(c) for a, c in zip(vector, w[i], strict=True)) + (
            0 if b is None else mpmath.mpf(b[i])
        )

    (N, T), S, O = x.shape[:2], key.shape[1], len(arrays["w_o"])
    d, e = len(arrays["w_q"]) // heads, len(arrays["w_v"]) // heads
    mask, padding = arrays["mask"], arrays["key_padding_mask"]
    y = np.zeros((N, T, O), dtype=object)
    for n, t in itertools.product(range(N), range(T)):
        joined = []
        for h in range(heads):
            query = [row(x[n, t], arrays["w_q"], arrays["b_q"], h * d + i) for i in range(d)]
            weights = {}
            for s in range(S):
                is_open, added = may_attend(mask, causal, (n, h), t, s)
                if is_open and (padding is None or padding[n, s]):
                    k = [row(key[n, s], arrays["w_k"], arrays["b_k"], h * d + i) for i in range(d)]
                    score = mpmath.fsum(a * b for a, b in zip(query, k, strict=True))
                    weights[s] = mpmath.exp(score / mpmath.sqrt(d) + added)
            for j in range(e):
                values = {s: row(value[n, s], arrays["w_v"], arrays["b_v"], h * e + j) for s in weights}
                total = mpmath.fsum(w * values[s] for s, w in weights.items())
                joined.append(total / mpmath.fsum(weights.values()))
        for o in range(O):
            bias = 0 if arrays["b_o"] is None else mpmath.mpf(arrays["b_o"][o])
            y[n, t, o] = bias + mpmath.fsum(mpmath.mpf(w) * z for w, z in zip(arrays["w_o"][o], joined, strict=True))
    return y


@pytest.mark.parametrize("formula", ["reference", "normalised_last", "scaled_first"])
@pytest.mark.parametrize("given", ["self", "keys", "keys and values"])
@pytest.mark.parametrize("kind", ["none", "boolean", "additive"])
def test_heads_are_their_index_equation(given: str, kind: str, formula: str) -> None:
    """Self- and cross-attention, widths of every kind, biases, masks and padding: within the bound of 40 digits."""
    rng = np.random.default_rng(73)
    N, T, H, d, e, O = 2, 2, 2, 2, 1, 3
    E, E_k = 4, 4 if given == "self" else 3
    E_v, S = 5 if given == "keys and values" else E_k, T if given == "self" else 3
    function = reference.FORMULAS[HEADS].get(formula, multi_head_attention)
    for has_bias, has_padding, causal, shape in (
        (True, False, False, (T, S)),
        (False, True, False, (N, H, T, S)),
        (True, True, True, (N, 1, T, S)),
    ):
        arrays = {
            "query": rng.standard_normal((N, T, E)),
            "key": None if given == "self" else rng.standard_normal((N, S, E_k)),
            "value": rng.standard_normal((N, S, E_v)) if given == "keys and values" else None,
            "w_q": rng.standard_normal((H * d, E)),
            "w_k": rng.standard_normal((H * d, E_k)),
            "w_v": rng.standard_normal((H * e, E_v)),
            "w_o": rng.standard_normal((O, H * e)),
            **{
                name: rng.standard_normal(n) if has_bias else None
                for name, n in (("b_q", H * d), ("b_k", H * d), ("b_v", H * e), ("b_o", O))
            },
            "mask": random_mask(rng, kind, shape),
            "key_padding_mask": random_mask(rng, "boolean", (N, S)) if has_padding else None,
        }
        (bound,) = read(function, arrays.values(), {"heads": H, "causal": causal}, DOUBLE)
        with mpmath.workdps(40):
            assert_within(bound, literal_heads(arrays, H, causal), (has_bias, has_padding, causal, shape))


def test_no_batch_is_a_batch_of_one() -> None:
    """A single sequence gives what a batch of it gives."""
    rng = np.random.default_rng(74)
    x, w = rng.standard_normal((3, 4)), rng.standard_normal((4, 4, 4))
    padding = np.array([True, True, False])
    one = multi_head_attention(x, None, None, *w, *[None] * 5, padding, heads=2)
    batch = multi_head_attention(x[None], None, None, *w, *[None] * 5, padding[None], heads=2)
    assert np.array_equal(one, batch[0])


@pytest.mark.parametrize("heads", [0, -1, 3, 5])
def test_heads_must_divide_the_projections(heads: int) -> None:
    """Four numbers have one, two or four heads."""
    with pytest.raises(ValueError, match="heads do not divide"):
        multi_head_attention(np.ones((2, 4)), None, None, *np.ones((4, 4, 4)), heads=heads)


# -- what the bounds know ------------------------------------------------------------------------------


def test_a_closed_key_costs_nothing() -> None:
    """The scores of a closed key are -inf for certain, also where the largest score may be 0: weight 0, error 0."""
    q, k = np.array([[0.1, 0.2]]), np.array([[0.2, -0.1], [3.0, 4.0]])
    for mask in (np.array([[True, False]]), np.array([[0.0, -np.inf]])):
        (bound,) = read(scaled_dot_product_attention, [q, k, np.eye(2), mask], {}, DOUBLE)
        assert (bound.value[0, 1], bound.error[0, 1]) == (0.0, 0.0)
        assert np.isfinite(bound.error).all()


def test_softmax_in_float32_is_charged() -> None:
    """The formula has the value of the reference and an error of float32, which is far above that of float64."""
    rng = np.random.default_rng(75)
    arrays = [rng.standard_normal((4, 3)) for _ in range(3)]
    (usual,) = read(scaled_dot_product_attention, arrays, {}, DOUBLE)
    (single,) = read(reference.FORMULAS[SDPA]["softmax_in_float32"], arrays, {}, DOUBLE)
    assert np.array_equal(single.value, usual.value)
    q, k, v = arrays
    plain = special.softmax((q @ k.T / math.sqrt(3)).astype(np.float32), axis=-1).astype(np.float64) @ v
    assert (np.abs(plain - single.value) <= single.error).all()
    assert (np.abs(plain - usual.value) > usual.error).any()


def test_numbers_keep_their_errors_in_another_format() -> None:
    """astype rounds to the format, exactly where it holds the number, and infinities stay."""
    x = Bounded(np.array([1.0, 0.1, -np.inf]), np.zeros(3), DOUBLE).astype(np.float32)
    assert x.dtype == np.float32
    assert x.error[0] == x.error[2] == 0
    assert abs(float(np.float32(0.1)) - 0.1) <= x.error[1] <= 2 * FLOAT32.u * 0.1
