"""Wrong attentions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from reference import additive_attention, multi_head_attention, scaled_dot_product_attention, softmax

# -- scaled_dot_product_attention ----------------------------------------------------------------------


def _scores(q: Any, k: Any, scale: float | None) -> Any:
    return q @ np.swapaxes(k, -1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)


def _added(mask: Any, causal: bool, shape: Any) -> Any:
    """Mask and causality as numbers to add."""
    added = np.zeros(shape)
    if mask is not None:
        added = added + (np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask)
    return np.where(np.tri(*shape[-2:], dtype=bool), added, -np.inf) if causal else added


@mutant("scaled_dot_product_attention")
def mask_after_the_softmax(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """The weights of masked keys are set to zero, and the rest does not sum to 1."""
    scores = _scores(q, k, scale)
    added = _added(mask, causal, scores.shape)
    finite = np.where(np.isfinite(added), added, 0.0)
    return (softmax(scores + finite) * np.isfinite(added)) @ v


@mutant("scaled_dot_product_attention")
def divides_by_d(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """1/d for 1/sqrt(d)."""
    scale = 1 / q.shape[-1] if scale is None else scale
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=scale)


@mutant("scaled_dot_product_attention")
def without_the_scale(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """The plain inner products, whatever d."""
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=1.0 if scale is None else scale)


@mutant("scaled_dot_product_attention")
def scales_twice(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """A scale that is given comes on top of the usual one."""
    root = math.sqrt(q.shape[-1])
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=(1 if scale is None else scale) / root)


@mutant("scaled_dot_product_attention")
def scale_by_the_values(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """The width of the values for that of the keys."""
    scale = 1 / math.sqrt(v.shape[-1]) if scale is None else scale
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=scale)


@mutant("scaled_dot_product_attention")
def true_means_closed(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """The other convention of boolean masks, where a row stays open."""
    if mask is not None and mask.dtype == bool and not mask.all(axis=-1).any():
        mask = ~mask
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=scale)


@mutant("scaled_dot_product_attention")
def softmax_over_the_queries(
    q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None
) -> Any:
    """The softmax along the wrong axis, where that can be."""
    scores = _scores(q, k, scale)
    scores = scores + _added(mask, causal, scores.shape)
    is_open = scores.shape[-2] and np.isfinite(scores).any(axis=-2).all()
    return softmax(scores, axis=-2 if is_open else -1) @ v


@mutant("scaled_dot_product_attention")
def sees_the_next(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """Causal, but for one: s <= t + 1."""
    scores = _scores(q, k, scale)
    added = _added(mask, False, scores.shape)
    ahead = np.tri(*scores.shape[-2:], k=1, dtype=bool)
    return softmax(scores + (np.where(ahead, added, -np.inf) if causal else added)) @ v


@mutant("scaled_dot_product_attention")
def aligned_at_the_end(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """Causal, counted from the last query and the last key, where there are more keys."""
    scores = _scores(q, k, scale)
    T, S = scores.shape[-2:]
    added = _added(mask, False, scores.shape)
    seen = np.tri(T, S, k=max(S - T, 0), dtype=bool)
    return softmax(scores + (np.where(seen, added, -np.inf) if causal else added)) @ v


@mutant("scaled_dot_product_attention")
def ignores_causality(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """Every query sees every key."""
    return scaled_dot_product_attention(q, k, v, mask, scale=scale)


@mutant("scaled_dot_product_attention")
def ignores_the_mask_if_causal(
    q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None
) -> Any:
    """One or the other."""
    return scaled_dot_product_attention(q, k, v, None if causal else mask, causal=causal, scale=scale)


@mutant("scaled_dot_product_attention")
def without_the_maximum(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """exp overflows where scores are large."""
    scores = _scores(q, k, scale)
    e = np.exp(scores + _added(mask, causal, scores.shape))
    return e @ v / e.sum(axis=-1, keepdims=True)


@mutant("scaled_dot_product_attention")
def closed_by_a_small_number(
    q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None
) -> Any:
    """-10 for -inf: what is masked keeps some weight."""
    scores = _scores(q, k, scale)
    return softmax(scores + np.maximum(_added(mask, causal, scores.shape), -10.0)) @ v


@mutant("scaled_dot_product_attention")
def mask_is_scaled_too(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """The mask is added before the scale is multiplied in."""
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    if mask is not None and mask.dtype != bool:
        mask = mask * factor
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=scale)


@mutant("scaled_dot_product_attention")
def masks_of_the_first_sample(
    q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None
) -> Any:
    """The first sample's mask for all."""
    if mask is not None and mask.ndim > 2 and mask.shape[0] > 1:
        mask = mask[:1]
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=scale)


@mutant("scaled_dot_product_attention")
def guarded_denominator(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """1e-6 in the denominator, against rows that are masked wholly."""
    scores = _scores(q, k, scale)
    scores = scores + _added(mask, causal, scores.shape)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e @ v / (e.sum(axis=-1, keepdims=True) + 1e-6)


@mutant("scaled_dot_product_attention")
def centred_queries(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """Cosine for inner product: keys of length 1, where they have one."""
    length = np.sqrt((k * k).sum(axis=-1, keepdims=True))
    k = k / np.where(length > 0, length, 1.0)
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=scale)


@mutant("scaled_dot_product_attention")
def favours_its_own_place(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """A bias by position: attention without one does not know where a key stands."""
    scores = _scores(q, k, scale)
    T, S = scores.shape[-2:]
    near = -np.abs(np.arange(T)[:, None] - np.arange(S)) / 8
    return softmax(scores + near + _added(mask, causal, scores.shape)) @ v


@mutant("scaled_dot_product_attention")
def forgets_the_second_block(
    q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None
) -> Any:
    """Blocks of 512 keys, whose results are not rescaled to one maximum."""
    scores = _scores(q, k, scale)
    scores = scores + _added(mask, causal, scores.shape)
    y, total = 0.0, 0.0
    for start in range(0, scores.shape[-1], 512):
        block = scores[..., start : start + 512]
        top = block.max(axis=-1, keepdims=True)
        e = np.exp(block - np.where(np.isfinite(top), top, 0.0))
        y, total = y + e @ v[..., start : start + 512, :], total + e.sum(axis=-1, keepdims=True)
    return y / total


@mutant("scaled_dot_product_attention")
def negative_weights(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """Weights by a linear map of the scores that sum to 1, as in linear attention."""
    scores = _scores(q, k, scale)
    is_open = np.isfinite(_added(mask, causal, scores.shape))
    n = is_open.sum(axis=-1, keepdims=True)
    mean = np.where(is_open, scores, 0.0).sum(axis=-1, keepdims=True) / n
    return np.where(is_open, (1 + scores - mean) / n, 0.0) @ v


# -- multi_head_attention ------------------------------------------------------------------------------


@mutant("multi_head_attention")
def heads_in_reverse(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """The heads are joined in the wrong order."""
    w_o = np.concatenate(np.split(arrays[6], heads, axis=1)[::-1], axis=1)
    return multi_head_attention(*arrays[:6], w_o, *arrays[7:], heads=heads, causal=causal)


@mutant("multi_head_attention")
def heads_interleaved(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """Head h takes every H-th number, from h on, and not a part of the axis."""
    query, key, value, w_q, w_k, w_v, w_o, *others = arrays
    order = np.arange(len(w_q)).reshape(-1, heads).T.ravel()
    biases = [None if b is None else b[order] for b in others[:3]]
    return multi_head_attention(
        query, key, value, w_q[order], w_k[order], w_v[order], w_o[:, order], *biases, *others[3:],
        heads=heads, causal=causal,
    )  # fmt: skip


@mutant("multi_head_attention")
def heads_stay_apart_from_time(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """The heads are joined without moving their axis back: numbers of different times in one row."""
    query, key, value, w_q, w_k, w_v, w_o, *others = arrays
    b_o = others.pop(3) if len(others) > 3 else None
    y = multi_head_attention(
        query, key, value, w_q, w_k, w_v, np.eye(len(w_v)), *others[:3], None, *others[3:], heads=heads, causal=causal
    )
    *N, T, width = y.shape
    y = np.swapaxes(y.reshape(*N, T, heads, width // heads), -3, -2).reshape(*N, T, width) @ w_o.T
    return y if b_o is None else y + b_o


@mutant("multi_head_attention")
def scale_of_the_whole_width(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """1/sqrt(H d) for 1/sqrt(d)."""
    query, key, value, w_q, w_k, w_v, w_o, *others = arrays
    b_q = None if not others or others[0] is None else others[0] / math.sqrt(heads)
    return multi_head_attention(
        query, key, value, w_q / math.sqrt(heads), w_k, w_v, w_o, b_q, *others[1:], heads=heads, causal=causal
    )


@mutant("multi_head_attention")
def one_head(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """One head as wide as all, where the mask has none for each head."""
    mask = arrays[11] if len(arrays) > 11 else None
    apart = mask is not None and mask.ndim > 2 and mask.shape[-3] > 1
    return multi_head_attention(*arrays, heads=heads if apart else 1, causal=causal)


@mutant("multi_head_attention")
def without_its_bias(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """The bias of the output is forgotten."""
    return multi_head_attention(*arrays[:10], None, *arrays[11:], heads=heads, causal=causal)


@mutant("multi_head_attention")
def matrices_the_other_way(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """x W for x W', where the matrix is square."""
    query, key, value, w_q, w_k, w_v, *others = arrays
    turned = [w.T if w.shape[0] == w.shape[1] else w for w in (w_q, w_k, w_v)]
    return multi_head_attention(query, key, value, *turned, *others, heads=heads, causal=causal)


@mutant("multi_head_attention")
def keys_for_values(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """The keys are averaged too, where the values are as wide."""
    query, key, value, *others = arrays
    if value is not None and value.shape == key.shape:
        value = None
    return multi_head_attention(query, key, value, *others, heads=heads, causal=causal)


@mutant("multi_head_attention")
def ignores_the_padding(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """Padding is attended to."""
    return multi_head_attention(*arrays[:12], heads=heads, causal=causal)


@mutant("multi_head_attention")
def padding_of_the_first_sample(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """The first sample's padding for all."""
    *others, padding = arrays if len(arrays) > 12 else (*arrays, None)
    if padding is not None and padding.ndim > 1 and len(padding):
        padding = np.broadcast_to(padding[:1], padding.shape)
    return multi_head_attention(*others, *[None] * (12 - len(others)), padding, heads=heads, causal=causal)


@mutant("multi_head_attention")
def values_are_not_projected(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """The values themselves are averaged, where they are as wide."""
    query, key, value, w_q, w_k, w_v, w_o, *others = arrays
    if w_v.shape[0] == w_v.shape[1]:
        w_v = np.eye(len(w_v))
    return multi_head_attention(query, key, value, w_q, w_k, w_v, w_o, *others, heads=heads, causal=causal)


@mutant("multi_head_attention")
def masks_of_the_first_head(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """One head's mask for all."""
    given = list(arrays)
    if len(given) > 11 and given[11] is not None and given[11].ndim > 2:
        given[11] = given[11][..., :1, :, :]
    return multi_head_attention(*given, heads=heads, causal=causal)


@mutant("multi_head_attention")
def residual_in_self_attention(*arrays: Any, heads: int, causal: bool = False) -> Any:
    """Adds its input, if it attends to itself and the widths allow: that is the block's affair."""
    y = multi_head_attention(*arrays, heads=heads, causal=causal)
    return y + arrays[0] if arrays[1] is None and y.shape == arrays[0].shape else y


# -- wrong in one corner alone -------------------------------------------------------------------------


@mutant("scaled_dot_product_attention")
def causal_only_if_square(q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None) -> Any:
    """Only where there are as many keys as queries causality is kept."""
    causal = causal and q.shape[-2] == k.shape[-2]
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=scale)


@mutant("scaled_dot_product_attention")
def scale_of_one_is_not_given(
    q: Any, k: Any, v: Any, mask: Any = None, *, causal: bool = False, scale: Any = None
) -> Any:
    """Only a scale of 1 is taken for the usual one."""
    return scaled_dot_product_attention(q, k, v, mask, causal=causal, scale=None if scale == 1 else scale)


# -- groups, windows, rows without keys ----------------------------------------------------------------


@mutant("scaled_dot_product_attention")
def every_other_head(q: Any, k: Any, v: Any, mask: Any = None, *, grouped: bool = False, **options: Any) -> Any:
    """Head h takes keys h mod H_kv, as np.tile puts them, and not those of its group."""
    if grouped:
        heads = np.arange(q.shape[-3]) % k.shape[-3]
        k, v = k[..., heads, :, :], v[..., heads, :, :]
    return scaled_dot_product_attention(q, k, v, mask, **options)


@mutant("scaled_dot_product_attention")
def values_of_another_group(q: Any, k: Any, v: Any, mask: Any = None, *, grouped: bool = False, **options: Any) -> Any:
    """The values of the first group for all."""
    v = np.broadcast_to(v[..., :1, :, :], v.shape) if grouped else v
    return scaled_dot_product_attention(q, k, v, mask, grouped=grouped, **options)


@mutant("scaled_dot_product_attention")
def window_without_its_end(q: Any, k: Any, v: Any, mask: Any = None, *, window: Any = None, **options: Any) -> Any:
    """A pair (before, after) is read as a slice: what lies exactly `after` ahead is missing."""
    if isinstance(window, tuple) and window[1] > 0:
        window = window[0], window[1] - 1
    return scaled_dot_product_attention(q, k, v, mask, window=window, **options)


@mutant("scaled_dot_product_attention")
def window_the_other_way(q: Any, k: Any, v: Any, mask: Any = None, *, window: Any = None, **options: Any) -> Any:
    """Before for after."""
    window = window[::-1] if isinstance(window, tuple) else window
    return scaled_dot_product_attention(q, k, v, mask, window=window, **options)


@mutant("scaled_dot_product_attention")
def window_of_one_number_is_the_whole(
    q: Any, k: Any, v: Any, mask: Any = None, *, window: Any = None, **options: Any
) -> Any:
    """A single number is how many keys there are in all, and not on each side."""
    window = (window // 2, window // 2) if isinstance(window, int) else window
    return scaled_dot_product_attention(q, k, v, mask, window=window, **options)


@mutant("scaled_dot_product_attention")
def closed_by_a_thousand_million(q: Any, k: Any, v: Any, mask: Any = None, **options: Any) -> Any:
    """-1e9 is added for -inf: where a query may attend to no key, it attends to all as if there were no mask."""
    if mask is not None:
        mask = np.where(mask, 0.0, -1e9) if mask.dtype == bool else np.maximum(mask, -1e9)
    return scaled_dot_product_attention(q, k, v, mask, **options)


@mutant("scaled_dot_product_attention")
def one_closed_row_for_all(q: Any, k: Any, v: Any, mask: Any = None, **options: Any) -> Any:
    """One query that may attend to no key makes NaN of all."""
    y = scaled_dot_product_attention(q, k, v, mask, **options)
    return np.where(np.isnan(y).any() & np.isfinite(q).all() & np.isfinite(v).all(), np.nan, y)


# -- additive_attention --------------------------------------------------------------------------------


def _averaged(e: Any, h: Any, mask: Any) -> Any:
    return softmax(e if mask is None else np.where(mask, e, -np.inf)) @ h


def _met(s: Any, h: Any, w_s: Any, w_h: Any) -> Any:
    return (s @ w_s.T)[..., :, None, :] + (h @ w_h.T)[..., None, :, :]


@mutant("additive_attention")
def without_the_tanh(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """A linear score: then every state of the decoder has the same context."""
    return _averaged(_met(s, h, w_s, w_h) @ v, h, mask)


@mutant("additive_attention")
def ramp_for_tanh(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """The ReLU in the small network."""
    return _averaged(np.maximum(_met(s, h, w_s, w_h), 0) @ v, h, mask)


@mutant("additive_attention")
def tanh_of_each(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """tanh of both parts and then their sum."""
    parts = np.tanh(s @ w_s.T)[..., :, None, :] + np.tanh(h @ w_h.T)[..., None, :, :]
    return _averaged(parts @ v, h, mask)


@mutant("additive_attention")
def scaled_as_a_product(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """The scores are divided by sqrt(d), as those of inner products."""
    return additive_attention(s, h, w_s, w_h, v / math.sqrt(len(v)), mask)


@mutant("additive_attention")
def multiplied_states(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """The parts meet in a product."""
    parts = np.tanh((s @ w_s.T)[..., :, None, :] * (h @ w_h.T)[..., None, :, :])
    return _averaged(parts @ v, h, mask)


@mutant("additive_attention")
def the_first_state_for_all(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """Every context is that of the first state of the decoder: s_0 where s_(t-1) is meant."""
    return additive_attention(np.broadcast_to(s[..., :1, :], s.shape), h, w_s, w_h, v, mask)


@mutant("additive_attention")
def favours_the_last_state(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """A bias by position, which additive attention has not."""
    e = np.tanh(_met(s, h, w_s, w_h)) @ v
    return _averaged(e + np.arange(e.shape[-1]) / 8, h, mask)


@mutant("additive_attention")
def attends_to_padding(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """The mask is ignored."""
    return additive_attention(s, h, w_s, w_h, v)


@mutant("additive_attention")
def padding_is_averaged_as_zero(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """The softmax runs over all states; what is masked is left out of the sum afterwards."""
    a = softmax(np.tanh(_met(s, h, w_s, w_h)) @ v)
    return (a if mask is None else a * mask) @ h


@mutant("additive_attention")
def counts_the_last_unit_twice(s: Any, h: Any, w_s: Any, w_h: Any, v: Any, mask: Any = None) -> Any:
    """One hidden unit too many in the score, where there are several."""
    v = np.concatenate([v[:-1], 2 * v[-1:]]) if len(v) > 1 else v
    return additive_attention(s, h, w_s, w_h, v, mask)
