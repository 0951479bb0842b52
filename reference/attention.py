"""Attention.

    y[t] = sum over s of  a[t, s] v[s]        a[t] = softmax over s of  q[t] . k[s] / sqrt(d) + m[t, s]

for queries q[t], keys k[s] of d numbers and values v[s] (Vaswani et al., 2017, equation 1). m is 0 where t
may attend to s and -inf where it may not. Causal attention lets t attend to s <= t, counted from the
first key and the first query also where their numbers differ (the alignment at the top left).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from reference.activations import softmax
from reference.arrays import Array


def scaled_dot_product_attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    adds_masks: bool = False,
) -> Array:
    """Average the values, each weighted by how well its key matches the query.

    mask: numbers that are added to the scores, or booleans, true where the query may attend to the key.
    A row without any such key is 0/0. scale: in place of 1/sqrt(d). adds_masks is a convention: booleans are
    added too, as 0 and -inf, so that a NaN or an infinity behind a mask shows.

    Shapes: q (*B, T, d), k (*B, S, d), v (*B, S, e), mask broadcastable to (*B, T, S) -> y (*B, T, e).
    Raises: ValueError if the shapes do not fit together, or there is no key.
    Source: Vaswani et al. (2017), equation 1.

    >>> scaled_dot_product_attention(np.zeros((1, 2)), np.ones((2, 2)), np.array([[1.0], [3.0]]))
    array([[2.]])
    """
    if v.shape[:-1] != k.shape[:-1] or not k.shape[-2]:
        raise ValueError(f"keys {k.shape} and values {v.shape} are no pairs, or there are none")
    a = softmax(scores(q, k, mask, causal, scale, adds_masks))
    return np.matmul(a, v)


def multi_head_attention(
    query: Array,
    key: Array | None,
    value: Array | None,
    w_q: Array,
    w_k: Array,
    w_v: Array,
    w_o: Array,
    b_q: Array | None = None,
    b_k: Array | None = None,
    b_v: Array | None = None,
    b_o: Array | None = None,
    mask: Array | None = None,
    key_padding_mask: Array | None = None,
    *,
    heads: int,
    causal: bool = False,
    adds_masks: bool = False,
) -> Array:
    """Project queries, keys and values, attend with each head apart, join the heads, project again.

        y = (head_1, ..., head_H) W_o' + b_o        head_h = attention(Q_h, K_h, V_h)

    where Q = query W_q' + b_q, of which Q_h is the h-th of H equal parts along the last axis; K and V
    likewise. Without a key the queries attend to themselves; without a value the keys are the values.
    key_padding_mask: booleans, true where a key is one and not padding. adds_masks: as above.

    Shapes: query (*N, T, E), key (*N, S, E_k), value (*N, S, E_v), w_q and w_k (H d, E) and (H d, E_k),
    w_v (H e, E_v), w_o (O, H e), each bias as long as its matrix has rows, mask broadcastable to
    (*N, H, T, S), key_padding_mask (*N, S) -> y (*N, T, O).
    Raises: ValueError if the shapes do not fit together, or the heads do not divide the projections.
    Source: Vaswani et al. (2017), section 3.2.2; each row of a matrix here makes one number of a result.

    >>> x, one = np.array([[1.0, 3.0], [1.0, 5.0]]), np.eye(2)
    >>> multi_head_attention(x, None, None, 0 * one, one, one, one, heads=2)
    array([[1., 4.],
           [1., 4.]])
    """
    q, k, v, mask = _by_head(query, key, value, w_q, w_k, w_v, b_q, b_k, b_v, mask, key_padding_mask, heads)
    return _joined(scaled_dot_product_attention(q, k, v, mask, causal=causal, adds_masks=adds_masks), w_o, b_o)


# -- the same maps, as implementations compute them ----------------------------------------------------


def normalised_last(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    adds_masks: bool = False,
) -> Array:
    """The division by the sum of the exponentials comes after the product with v."""
    logits = scores(q, k, mask, causal, scale, adds_masks)
    e = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return np.matmul(e, v) / np.sum(e, axis=-1, keepdims=True)


def scaled_first(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    adds_masks: bool = False,
) -> Array:
    """The root of the scale is multiplied into q and into k."""
    root = math.sqrt(1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    return scaled_dot_product_attention(q * root, k * root, v, mask, causal=causal, scale=1.0, adds_masks=adds_masks)


def softmax_in_float32(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    adds_masks: bool = False,
) -> Array:
    """The softmax is computed in float32, also between numbers of float64."""
    logits = scores(q, k, mask, causal, scale, adds_masks)
    return np.matmul(softmax(logits.astype(np.float32)).astype(logits.dtype), v)


def heads_with(attention: Callable[..., Array]) -> Callable[..., Array]:
    """Multi-head attention, with another formula for the attention of each head."""

    def formula(
        query: Array,
        key: Array | None,
        value: Array | None,
        w_q: Array,
        w_k: Array,
        w_v: Array,
        w_o: Array,
        b_q: Array | None = None,
        b_k: Array | None = None,
        b_v: Array | None = None,
        b_o: Array | None = None,
        mask: Array | None = None,
        key_padding_mask: Array | None = None,
        *,
        heads: int,
        causal: bool = False,
        adds_masks: bool = False,
    ) -> Array:
        q, k, v, mask = _by_head(query, key, value, w_q, w_k, w_v, b_q, b_k, b_v, mask, key_padding_mask, heads)
        return _joined(attention(q, k, v, mask, causal=causal, adds_masks=adds_masks), w_o, b_o)

    return formula


# -- parts ---------------------------------------------------------------------------------------------


def scores(q: Array, k: Array, mask: Array | None, causal: bool, scale: float | None, adds_masks: bool) -> Array:
    """What the softmax turns into weights, (*B, T, S): -inf where a query may not attend."""
    if q.shape[:-2] != k.shape[:-2]:
        raise ValueError(f"queries {q.shape} and keys {k.shape} belong to different batches")
    products = np.matmul(q, np.swapaxes(k, -1, -2))
    logits = products / math.sqrt(q.shape[-1]) if scale is None else products * scale
    if mask is not None:
        if np.broadcast_shapes(mask.shape, logits.shape) != logits.shape:
            raise ValueError(f"a mask {mask.shape} does not broadcast to the scores {logits.shape}")
        if is_boolean(mask) and not adds_masks:
            logits = np.where(mask, logits, -np.inf)
        else:
            logits = logits + (np.where(mask, 0.0, -np.inf) if is_boolean(mask) else mask)
    if causal:  # last, so that nothing in the mask lets the future in
        logits = np.where(np.tri(*logits.shape[-2:], dtype=np.bool_), logits, -np.inf)
    return logits


def _both(mask: Array | None, keys: Array) -> Array:
    """A mask, and booleans that must be true besides."""
    if mask is None:
        return keys
    return mask & keys if is_boolean(mask) else np.where(keys, mask, -np.inf)


def is_boolean(mask: Array) -> bool:
    return isinstance(mask, np.ndarray) and mask.dtype == bool


def _projected(x: Array, w: Array, b: Array | None) -> Array:
    """x w' + b: (*N, T, E), (O, E), (O,) -> (*N, T, O). Raises: ValueError for a bias of another length."""
    if b is not None and b.shape != w.shape[:1]:
        raise ValueError(f"a bias {b.shape} is not one number for each row of {w.shape}")
    y = np.matmul(x, np.swapaxes(w, -1, -2))
    return y if b is None else y + b


def _by_head(
    query: Array,
    key: Array | None,
    value: Array | None,
    w_q: Array,
    w_k: Array,
    w_v: Array,
    b_q: Array | None,
    b_k: Array | None,
    b_v: Array | None,
    mask: Array | None,
    key_padding_mask: Array | None,
    heads: int,
) -> tuple[Array, ...]:
    """The queries, keys and values of each head, (*N, H, T, d), and one mask for all."""
    key = query if key is None else key
    value = key if value is None else value
    triples = ((query, w_q, b_q), (key, w_k, b_k), (value, w_v, b_v))
    q, k, v = (_split(_projected(x, w, b), heads) for x, w, b in triples)
    if key_padding_mask is not None:
        mask = _both(mask, key_padding_mask[..., None, None, :])
    return q, k, v, mask


def _split(x: Array, heads: int) -> Array:
    """The parts of the last axis as an axis of their own: (*N, T, H d) -> (*N, H, T, d)."""
    *N, T, width = x.shape
    if heads < 1 or width % heads:
        raise ValueError(f"{heads} heads do not divide {width} numbers")
    return np.swapaxes(np.reshape(x, (*N, T, heads, width // heads)), -3, -2)


def _joined(y: Array, w_o: Array, b_o: Array | None) -> Array:
    """The heads side by side, projected: (*N, H, T, e) -> (*N, T, O)."""
    *N, H, T, e = y.shape
    return _projected(np.reshape(np.swapaxes(y, -3, -2), (*N, T, H * e)), w_o, b_o)
