"""Laws of attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import at_most, same_bits
from properties.law import law
from properties.sides import wide
from properties.strategies.attention import additive_attentions, attentions, is_open, may_attend, multi_head_attentions
from properties.strategies.cotangents import differentiated
from reference.arithmetic import Bounded

FEW = ("few",)
UNSCALED = (None,)
SOME = (1, 2, 3)  # a batch of none adds nothing to a law


def _values(mask: Any) -> Any:
    """The mask of a law, whose numbers are Bounded."""
    return mask.value if isinstance(mask, Bounded) else mask


def _allowed(p: Any) -> Any:
    """Which query may attend to which key, (*B, T, S)."""
    return may_attend(p.q.shape[:-1], p.k.shape[-2], _values(p.mask), p.causal)


@law("ATT-1", attentions(keys=FEW, scale=UNSCALED), verb=at_most)
def test_weights_are_positive(f: Any, p: Any) -> Any:
    """0 <= attention(q, k, v) where each row of v is a unit vector: sums of weights."""
    S, e = p.v.shape[-2:]
    units = (np.arange(S)[:, None] % e == np.arange(e)).astype(float)
    y = f.scaled_dot_product_attention(p.q, p.k, np.broadcast_to(units, p.v.shape), p.mask, **p.options)
    return np.zeros(y.shape), y


@law("ATT-1", attentions(scale=UNSCALED))
def test_weights_sum_to_one(f: Any, p: Any) -> Any:
    """attention(q, k, 1) = 1."""
    y = f.scaled_dot_product_attention(p.q, p.k, np.ones(p.v.shape), p.mask, **p.options)
    return y, np.ones(y.shape)


@law("ATT-2", attentions(keys=FEW, scale=UNSCALED), verb=at_most)
def test_between_the_values(f: Any, p: Any) -> Any:
    """least v[s] <= y[t] <= greatest v[s], over the keys s that t may attend to."""
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    allowed, v = _allowed(p)[..., None], wide(p.v)[..., None, :, :]
    least, greatest = -np.max(np.where(allowed, -v, -np.inf), axis=-2), np.max(np.where(allowed, v, -np.inf), axis=-2)
    return (least, y), (y, greatest)


@law("ATT-3", attentions(causal=(False,), scale=UNSCALED))
def test_queries_permute(f: Any, p: Any) -> Any:
    """attention(q in reverse, mask rows in reverse) = attention(q) in reverse."""
    mask = None if p.mask is None else np.flip(p.mask, -2)
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    return f.scaled_dot_product_attention(np.flip(p.q, -2), p.k, p.v, mask, **p.options), np.flip(y, -2)


@law("ATT-4", attentions(causal=(False,), scale=UNSCALED))
def test_keys_permute(f: Any, p: Any) -> Any:
    """attention(q, k and v in reverse, mask columns in reverse) = attention(q, k, v)."""
    mask = None if p.mask is None else np.flip(p.mask, -1)
    return (
        f.scaled_dot_product_attention(p.q, np.flip(p.k, -2), np.flip(p.v, -2), mask, **p.options),
        f.scaled_dot_product_attention(*p.arrays, **p.options),
    )


@law(
    "ATT-5",
    attentions(mask=("boolean", "additive"), mask_shape=("keys", "shared"), scale=UNSCALED, others=("k", "v")),
    verb=same_bits,
)
def test_masked_keys_have_no_influence(f: Any, p: Any) -> Any:
    """Other finite keys and values where no query may attend to them: not a bit of y changes."""
    seen = np.any(_allowed(p), axis=-2)[..., None]
    k, v = np.where(seen, p.k, p.k2), np.where(seen, p.v, p.v2)
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    return y, f.scaled_dot_product_attention(p.q, k, v, p.mask, **p.options)


@law("ATT-6", attentions(causal=(True,), scale=UNSCALED, others=("k", "v")), verb=same_bits)
def test_the_future_has_no_influence(f: Any, p: Any) -> Any:
    """Causal: other finite keys and values from t on change no bit of y before t."""
    t = (p.q.shape[-2] + 1) // 2
    past = np.arange(p.k.shape[-2])[:, None] < t
    k, v = np.where(past, p.k, p.k2), np.where(past, p.v, p.v2)
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    return y[..., :t, :], f.scaled_dot_product_attention(p.q, k, v, p.mask, **p.options)[..., :t, :]


@law("ATT-6", attentions(causal=(True,), mask=("none",), scale=UNSCALED))
def test_the_past_is_enough(f: Any, p: Any) -> Any:
    """Causal: the first t outputs are those of the first t queries, keys and values."""
    t = (p.q.shape[-2] + 1) // 2
    k, v = (x[..., : max(t, 1), :] for x in (p.k, p.v))
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    return f.scaled_dot_product_attention(p.q[..., :t, :], k, v, **p.options), y[..., :t, :]


@law("ATT-7", attentions(causal=(False,), mask=("boolean",), scale=UNSCALED))
def test_boolean_mask_adds_minus_infinity(f: Any, p: Any) -> Any:
    """A boolean mask = adding 0 where it is true and -inf where it is false."""
    added = np.where(p.mask, 0.0, -np.inf)
    return (
        f.scaled_dot_product_attention(*p.arrays, **p.options),
        f.scaled_dot_product_attention(p.q, p.k, p.v, added, **p.options),
    )


@law("ATT-8", attentions(mask=("none", "boolean"), scale=UNSCALED))
def test_zero_queries_average(f: Any, p: Any) -> Any:
    """attention(0, k, v) = the mean of the values that may be attended to."""
    allowed = _allowed(p)
    mean = np.matmul(allowed.astype(float), wide(p.v)) / allowed.sum(axis=-1, keepdims=True)
    return f.scaled_dot_product_attention(np.zeros(p.q.shape), p.k, p.v, p.mask, **p.options), mean


@law("ATT-9", attentions(mask=("none", "boolean"), keys=FEW, scale=(1024.0,), kinds=("integers", "sparse")))
def test_large_gaps_select(f: Any, p: Any) -> Any:
    """Scores of integers times 1024: the mean of the values whose keys match best, and no overflow (ATT-15)."""
    scores = np.where(_allowed(p), np.matmul(p.q.value, np.swapaxes(p.k.value, -1, -2)), -np.inf)  # exact
    best = scores == np.max(scores, axis=-1, keepdims=True)
    chosen = np.matmul(best.astype(float), wide(p.v)) / best.sum(axis=-1, keepdims=True)
    return f.scaled_dot_product_attention(*p.arrays, **p.options), chosen


@law("ATT-10", attentions(shift=True, scale=UNSCALED))
def test_one_vector_for_all_keys(f: Any, p: Any) -> Any:
    """attention(q, k + c, v) = attention(q, k, v)."""
    q, k, *others = p.arrays
    return f.scaled_dot_product_attention(q, k + p.c, *others, **p.options), f.scaled_dot_product_attention(
        *p.arrays, **p.options
    )


@law("ATT-19", attentions(mask_shape=("shared",), scale=(0.5, 2.0)))
def test_scale_belongs_to_the_queries(f: Any, p: Any) -> Any:
    """attention(2q, scale) = attention(q, 2 scale)."""
    q, *others = p.arrays
    return f.scaled_dot_product_attention(2 * q, *others, **p.options), f.scaled_dot_product_attention(
        *p.arrays, **p.options | {"scale": 2 * p.scale}
    )


@law("ATT-19", attentions(mask=("none",), scale=UNSCALED))
def test_usual_scale(f: Any, p: Any) -> Any:
    """attention(2q, k, v) of d numbers = the first part of attention of (q, q, q, q), with 4d numbers."""
    q, k, v, _ = p.arrays
    fourfold = (np.concatenate([x] * 4, axis=-1) for x in (q, k, v))
    y = f.scaled_dot_product_attention(*fourfold, **p.options)[..., : v.shape[-1]]
    return y, f.scaled_dot_product_attention(2 * q, k, v, **p.options)


@law("ATT-15", attentions(keys=FEW, mask=("none", "boolean"), scale=(1024.0,)), verb=same_bits)
def test_large_scores_do_not_overflow(f: Any, p: Any) -> Any:
    """Scores times 1024, whose exponentials no format holds: y is finite."""
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    return np.isfinite(y).astype(float), np.ones(y.shape)


@law("ATT-17", attentions(groups=(2, 3, 1), scale=UNSCALED))
def test_heads_share_keys(f: Any, p: Any) -> Any:
    """In groups, head h takes keys and values floor(h H_kv / H): = a copy of them for each head."""
    if not p.grouped:  # without heads there are no groups
        y = f.scaled_dot_product_attention(*p.arrays, **p.options)
        return y, y
    H, H_kv = p.q.shape[-3], p.k.shape[-3]
    k, v = (x[..., [h * H_kv // H for h in range(H)], :, :] for x in (p.k, p.v))
    return (
        f.scaled_dot_product_attention(*p.arrays, **p.options),
        f.scaled_dot_product_attention(p.q, k, v, p.mask, **p.options | {"grouped": False}),
    )


@law("ATT-18", differentiated(attentions(keys=FEW, scale=UNSCALED)))
def test_closed_keys_have_no_gradient(f: Any, p: Any) -> Any:
    """The gradients of keys and values that no query may attend to are 0."""
    seen = np.any(_allowed(p), axis=-2)[..., None]
    gradients = f.gradient("scaled_dot_product_attention", p.cotangent, *p.arrays, by=("k", "v"), **p.options)
    zeros = tuple(np.zeros(g.shape) for g in gradients)
    return tuple(np.where(seen, 0.0, g) for g in gradients), zeros


@law("ATT-18", differentiated(attentions(keys=("many",), mask=("additive",), mask_shape=("full",), scale=UNSCALED)))
def test_gradient_of_scores_sums_to_zero(f: Any, p: Any) -> Any:
    """What is added to a query's scores has a gradient whose sum is 0: what is above 0 is as much as what is below."""
    _, g = f.gradient("scaled_dot_product_attention", p.cotangent, *p.arrays, by=("q", "mask"), **p.options)
    return np.sum(np.maximum(g, 0.0), axis=-1), np.sum(np.maximum(-g, 0.0), axis=-1)


@law("ATT-21", attentions(mask_shape=("shared",), scale=UNSCALED, window=((1, 0), (0, 2), 1)))
def test_window_is_a_mask(f: Any, p: Any) -> Any:
    """A window = booleans, or -inf that is added, where s < t - before or s > t + after."""
    before, after = p.window if isinstance(p.window, tuple) else (p.window, p.window)
    T, S = p.q.shape[-2], p.k.shape[-2]
    ahead = np.arange(S) - np.arange(T)[:, None]
    near = (-before <= ahead) & (ahead <= after)
    seen = near & is_open(_values(p.mask))
    mask = seen if p.mask is None or not isinstance(p.mask, Bounded) else np.where(near, p.mask, -np.inf)
    some = np.any(_allowed(p) & seen, axis=-1)[..., None]  # rows of booleans and rows of numbers close differently
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    z = f.scaled_dot_product_attention(p.q, p.k, p.v, mask, **p.options | {"window": None})
    return np.where(some, y, 0.0), np.where(some, z, 0.0)


# -- rows without keys ---------------------------------------------------------------------------------


def _closed(p: Any) -> Any:
    """Queries that may attend to no key, (*B, T, 1)."""
    return ~np.any(_allowed(p), axis=-1)[..., None]


CLOSED: dict[str, Any] = {
    "keys": FEW,
    "scale": UNSCALED,
    "mask": ("boolean",),
    "mask_shape": ("shared", "full"),
    "closed": (True,),
}


@law("ATT-14", attentions(**CLOSED, others=("q", "k")), verb=same_bits)
def test_a_closed_row_has_one_answer(f: Any, p: Any) -> Any:
    """Where a query may attend to no key, y does not depend on queries and keys: zero, NaN, or the mean of values."""
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    z = f.scaled_dot_product_attention(p.q2, p.k2, p.v, p.mask, **p.options)
    return np.where(_closed(p), y, 0.0), np.where(_closed(p), z, 0.0)


@law("ATT-14", attentions(**CLOSED), verb=same_bits)
def test_a_closed_row_stays_alone(f: Any, p: Any) -> Any:
    """That a query may attend to no key changes no bit for another query, for which the first key is open besides."""
    mask = np.where(_closed(p), True, p.mask) if p.mask.shape == _closed(p).shape else p.mask | _closed(p)
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    z = f.scaled_dot_product_attention(p.q, p.k, p.v, mask, **p.options)
    return np.where(_closed(p), 0.0, y), np.where(_closed(p), 0.0, z)


@law("ATT-14", differentiated(attentions(**CLOSED)))
def test_a_closed_row_moves_no_query(f: Any, p: Any) -> Any:
    """What a query that may attend to no key is told moves neither queries nor keys, unless its row is NaN."""
    told = np.where(_closed(p), p.cotangent, 0.0)
    moved = f.gradient("scaled_dot_product_attention", told, *p.arrays, by=("q", "k"), **p.options)
    return moved, tuple(np.zeros(g.shape) for g in moved)


@law("ATT-14", differentiated(attentions(**CLOSED)))
def test_a_closed_row_tells_the_values_its_answer(f: Any, p: Any) -> Any:
    """<g, y> = <what g tells the values, v> on closed rows too, since y is linear in v: nothing, or each its share."""
    told = np.where(_closed(p), p.cotangent, 0.0)
    y = f.scaled_dot_product_attention(*p.arrays, **p.options)
    moved = f.gradient("scaled_dot_product_attention", told, *p.arrays, by="v", **p.options)
    return np.sum(wide(told) * y, axis=(-2, -1)), np.sum(moved * wide(p.v), axis=(-2, -1))


# -- several heads -------------------------------------------------------------------------------------


@law("ATT-13", multi_head_attentions(samples=SOME, widths=("one",), bias=(False,), padding=(False,), identity=True))
def test_heads_are_concatenated(f: Any, p: Any) -> Any:
    """With identities for projections = one head on each part of the last axis, side by side."""
    query, key, value, mask, _ = p.arrays
    key = query if key is None else key
    value = key if value is None else value
    apart = []
    for h, parts in enumerate(zip(*(np.split(x, p.heads, axis=-1) for x in (query, key, value)), strict=True)):
        is_apart = mask is not None and mask.ndim > 2 and mask.shape[-3] > 1
        mine = mask[..., h : h + 1, :, :] if is_apart else mask
        one = [np.eye(parts[0].shape[-1])] * 4
        apart.append(f.multi_head_attention(*parts, *one, *[None] * 4, mine, **p.options | {"heads": 1}))
    whole = [np.eye(query.shape[-1])] * 4
    together = f.multi_head_attention(query, key, value, *whole, *[None] * 4, mask, **p.options)
    return together, np.concatenate(apart, axis=-1)


@law("ATT-12", multi_head_attentions(samples=SOME, heads=(2, 3)))
def test_heads_permute(f: Any, p: Any) -> Any:
    """The heads in reverse, in the projections, in the columns of w_o and in masks: the same result."""

    def reverse(x: Any, axis: int) -> Any:
        return None if x is None else np.concatenate(np.split(x, p.heads, axis=axis)[::-1], axis=axis)

    *inputs, w_q, w_k, w_v, w_o, b_q, b_k, b_v, b_o, mask, padding = p.arrays
    matrices = [reverse(w, 0) for w in (w_q, w_k, w_v)], [reverse(b, 0) for b in (b_q, b_k, b_v)]
    reversed_mask = np.flip(mask, -3) if mask is not None and mask.ndim > 2 else mask
    reversed_heads = f.multi_head_attention(
        *inputs, *matrices[0], reverse(w_o, 1), *matrices[1], b_o, reversed_mask, padding, **p.options
    )
    return reversed_heads, f.multi_head_attention(*p.arrays, **p.options)


@law("ATT-16", multi_head_attentions(samples=SOME, attention=("self",), widths=("one",)))
def test_self_attention_is_cross_attention_with_itself(f: Any, p: Any) -> Any:
    """attention(x) = attention(x, x, x)."""
    x, _, _, *others = p.arrays
    return f.multi_head_attention(x, x, x, *others, **p.options), f.multi_head_attention(*p.arrays, **p.options)


@law("ATT-7", multi_head_attentions(samples=SOME, mask=("none",), padding=(True,), causal=(False,)))
def test_padding_is_a_mask(f: Any, p: Any) -> Any:
    """key_padding_mask = the same mask for every head and every query."""
    *others, _, padding = p.arrays
    (*N, T, _), S = p.query.shape, padding.shape[-1]
    mask = np.broadcast_to(padding[..., None, None, :], (*N, p.heads, T, S))
    return f.multi_head_attention(*others, mask, **p.options), f.multi_head_attention(*p.arrays, **p.options)


@law(
    "ATT-5",
    multi_head_attentions(
        samples=SOME, attention=("keys and values",), widths=("one", "own"), padding=(True,), others=("key", "value")
    ),
    verb=same_bits,
)
def test_padding_has_no_influence(f: Any, p: Any) -> Any:
    """Other finite keys and values at padding: not a bit of y changes."""
    query, key, value, *others = p.arrays
    kept = p.key_padding_mask[..., None]
    other = (np.where(kept, key, p.key2), np.where(kept, value, p.value2))
    return f.multi_head_attention(*p.arrays, **p.options), f.multi_head_attention(query, *other, *others, **p.options)


@law("ATT-11", multi_head_attentions(samples=SOME, heads=(1,), attention=("keys and values",), mask_shape=("shared",)))
def test_one_head_is_attention_between_projections(f: Any, p: Any) -> Any:
    """One head = dense layers of queries, keys and values, attention, and a dense layer of what comes out."""
    query, key, value, w_q, w_k, w_v, w_o, b_q, b_k, b_v, b_o, mask, padding = p.arrays
    triples = ((query, w_q, b_q), (key, w_k, b_k), (value, w_v, b_v))
    q, k, v = (f.dense(*triple) for triple in triples)
    if padding is not None:
        mask = _and(mask, np.expand_dims(padding, -2))
    y = f.dense(f.scaled_dot_product_attention(q, k, v, mask, causal=p.causal), w_o, b_o)
    return y, f.multi_head_attention(*p.arrays, **p.options)


def _and(mask: Any, keys: Any) -> Any:
    """A mask, and keys that must be open besides."""
    if mask is None:
        return keys
    return np.where(keys, mask, -np.inf) if isinstance(mask, Bounded) else mask & keys


# -- additive attention --------------------------------------------------------------------------------


@law("ATT-8", additive_attentions(samples=SOME))
def test_without_a_direction_additive_attention_averages(f: Any, p: Any) -> Any:
    """additive_attention(v = 0) = the mean of the states that may be attended to."""
    s, h, w_s, w_h, v, mask = p.arrays
    shape = (*s.shape[:-1], h.shape[-2])
    allowed = np.broadcast_to(np.True_ if mask is None else mask, shape)
    mean = np.matmul(allowed.astype(float), wide(h)) / allowed.sum(axis=-1, keepdims=True)
    return f.additive_attention(s, h, w_s, w_h, np.zeros(v.shape), mask), mean


@law("ATT-4", additive_attentions(samples=SOME))
def test_states_permute(f: Any, p: Any) -> Any:
    """additive_attention(h in reverse, mask columns in reverse) = additive_attention(h)."""
    s, h, *weights, mask = p.arrays
    turned = None if mask is None else np.flip(mask, -1)
    return f.additive_attention(s, np.flip(h, -2), *weights, turned), f.additive_attention(*p.arrays)


@law("ATT-20", additive_attentions(samples=SOME))
def test_one_dimension_for_another(f: Any, p: Any) -> Any:
    """-v with -W_s and -W_h, and the hidden units in reverse: the same, since tanh is odd."""
    s, h, w_s, w_h, v, mask = p.arrays
    turned = (-np.flip(x, 0) for x in (w_s, w_h, v))
    return f.additive_attention(s, h, *turned, mask), f.additive_attention(*p.arrays)


@law("ATT-20", additive_attentions(samples=SOME))
def test_each_state_by_itself(f: Any, p: Any) -> Any:
    """The last context is that of the last state of the decoder alone."""
    s, h, *weights, mask = p.arrays
    mine = mask if mask is None or mask.shape[-2] == 1 else mask[..., -1:, :]
    return f.additive_attention(s[..., -1:, :], h, *weights, mine), f.additive_attention(*p.arrays)[..., -1:, :]


@law("ATT-2", additive_attentions(samples=SOME), verb=at_most)
def test_contexts_lie_between_the_states(f: Any, p: Any) -> Any:
    """least h[i] <= c[t] <= greatest h[i], over the states i that t may attend to."""
    c = f.additive_attention(*p.arrays)
    shape = (*p.s.shape[:-1], p.h.shape[-2])
    allowed = np.broadcast_to(np.True_ if p.mask is None else p.mask, shape)[..., None]
    h = wide(p.h)[..., None, :, :]
    least, greatest = -np.max(np.where(allowed, -h, -np.inf), axis=-2), np.max(np.where(allowed, h, -np.inf), axis=-2)
    return (least, c), (c, greatest)
