"""Attention.

    y[t] = sum over s of  a[t, s] v[s]        a[t] = softmax over s of  q[t] . k[s] / sqrt(d) + m[t, s]

for queries q[t], keys k[s] of d numbers and values v[s] (Vaswani et al., 2017, equation 1). m is 0 where t
may attend to s and -inf where it may not. Causal attention lets t attend to s <= t, counted from the
first key and the first query also where their numbers differ (the alignment at the top left).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference.activations import softmax
from reference.arrays import Array, Mask, Pair, per_axis


def scaled_dot_product_attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    causal: bool = False,
    window: int | Pair | None = None,
    scale: float | None = None,
    grouped: bool = False,
    adds_masks: bool = False,
    closed_rows: str = "nan",
) -> Array:
    """Average the values, each weighted by how well its key matches the query.

    mask: numbers that are added to the scores, or booleans, true where the query may attend to the key.
    window: t may attend to s from t - before to t + after, for a pair of them or one number for both. scale: in
    place of 1/sqrt(d). grouped: q has H heads, k and v have fewer, and head h takes those of floor(h H_kv / H).

    Conventions. adds_masks: booleans are added too, as 0 and -inf, so that a NaN or an infinity behind a mask
    shows. closed_rows: y[t] where t may attend to no key, "nan" for 0/0; "zero"; or "mean", of the values that
    booleans, causality or the window close, since they close with a number that is small but finite.

    Shapes: q (*B, T, d), k (*B, S, d), v (*B, S, e), mask broadcastable to (*B, T, S) -> y (*B, T, e);
    if grouped, B ends with H in q and with H_kv in k and v, and H_kv divides H.
    Raises: ValueError if the shapes do not fit together, there is no key, or for an unknown convention.
    Source: Vaswani et al. (2017), equation 1; Ainslie et al. (2023), section 2.2, for groups; Beltagy et al.
    (2020), section 3.1, for windows.

    >>> scaled_dot_product_attention(np.zeros((1, 2)), np.ones((2, 2)), np.array([[1.0], [3.0]]))
    array([[2.]])
    """
    logits, v, is_zero = prepared(
        q, k, v, mask, causal=causal, window=window, scale=scale, grouped=grouped, adds_masks=adds_masks,
        closed_rows=closed_rows,
    )  # fmt: skip
    a = softmax(logits)
    return np.where(is_zero, 0.0, np.matmul(a, v))


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
    closed_rows: str = "nan",
    attention: Callable[..., Array] = scaled_dot_product_attention,
) -> Array:
    """Project queries, keys and values, attend with each head apart, join the heads, project again.

        y = (head_1, ..., head_H) W_o' + b_o        head_h = attention(Q_h, K_h, V_h)

    where Q = query W_q' + b_q, of which Q_h is the h-th of H equal parts along the last axis; K and V
    likewise. Without a key the queries attend to themselves; without a value the keys are the values.
    key_padding_mask: booleans, true where a key is one and not padding. adds_masks, closed_rows: as above.
    attention: what each head computes, where an implementation has another formula for it.

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
    key = query if key is None else key
    value = key if value is None else value
    triples = ((query, w_q, b_q), (key, w_k, b_k), (value, w_v, b_v))
    q, k, v = (_split(_projected(x, w, b), heads) for x, w, b in triples)
    if key_padding_mask is not None:
        mask = _both(mask, key_padding_mask[..., None, None, :])
    y = attention(q, k, v, mask, causal=causal, adds_masks=adds_masks, closed_rows=closed_rows)
    return _projected(_joined(y), w_o, b_o)


def additive_attention(s: Array, h: Array, w_s: Array, w_h: Array, v: Array, mask: Array | None = None) -> Array:
    """Average the states h, each weighted by how well a small network finds that it matches s.

        c[t] = sum over i of  a[t, i] h[i]        a[t] = softmax over i of  v . tanh(W_s s[t] + W_h h[i])

    for the states s[t] of a decoder and h[i] of an encoder, to both of which it is one layer. c[t] is the
    context from which the decoder goes on. mask: booleans, true where s[t] may attend to h[i]; at least once.

    Shapes: s (*B, T, m), h (*B, S, n), w_s (d, m), w_h (d, n), v (d,), mask broadcastable to (*B, T, S)
    -> c (*B, T, n).
    Raises: ValueError if the shapes do not fit together, or there is no h.
    Source: Chen (2025), "Attention: Step t", where f_att is left open; Bahdanau et al. (2015), appendix A.1.2.

    >>> additive_attention(np.zeros((1, 2)), np.array([[1.0], [3.0]]), np.ones((2, 2)), np.ones((2, 1)), np.zeros(2))
    array([[2.]])
    """
    if s.shape[:-2] != h.shape[:-2] or not h.shape[-2] or v.ndim != 1:
        raise ValueError(f"states {s.shape} and {h.shape} do not belong together, or v {v.shape} is no vector")
    met = np.expand_dims(_projected(s, w_s), -2) + np.expand_dims(_projected(h, w_h), -3)  # (*B, T, S, d)
    e = np.matmul(np.tanh(met), v)
    if mask is not None:
        _check_mask(mask, e)
        e = np.where(mask, e, -np.inf)
    return np.matmul(softmax(e), h)


# -- the same maps, as implementations compute them ----------------------------------------------------


def normalised_last(q: Array, k: Array, v: Array, mask: Array | None = None, **options: Any) -> Array:
    """The division by the sum of the exponentials comes after the product with v."""
    logits, v, is_zero = prepared(q, k, v, mask, **options)
    e = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return np.where(is_zero, 0.0, np.matmul(e, v) / np.sum(e, axis=-1, keepdims=True))


def scaled_first(
    q: Array, k: Array, v: Array, mask: Array | None = None, *, scale: float | None = None, **options: Any
) -> Array:
    """The root of the scale is multiplied into q and into k."""
    root = math.sqrt(1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    return scaled_dot_product_attention(q * root, k * root, v, mask, scale=1.0, **options)


def softmax_in_float32(q: Array, k: Array, v: Array, mask: Array | None = None, **options: Any) -> Array:
    """The softmax is computed in float32, also between numbers of float64."""
    logits, v, is_zero = prepared(q, k, v, mask, **options)
    a = softmax(logits.astype(np.float32)).astype(logits.dtype)
    return np.where(is_zero, 0.0, np.matmul(a, v))


# -- parts ---------------------------------------------------------------------------------------------


def prepared(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    causal: bool = False,
    window: int | Pair | None = None,
    scale: float | None = None,
    grouped: bool = False,
    adds_masks: bool = False,
    closed_rows: str = "nan",
) -> tuple[Array, Array, Array]:
    """The scores (*B, T, S), -inf where a query may not attend, the values of each head, and which rows are zero."""
    if v.shape[:-1] != k.shape[:-1] or not k.shape[-2]:
        raise ValueError(f"keys {k.shape} and values {v.shape} are no pairs, or there are none")
    if grouped:
        k, v = (of_each_head(x, q) for x in (k, v))
    if q.shape[:-2] != k.shape[:-2]:
        raise ValueError(f"queries {q.shape} and keys {k.shape} belong to different batches")
    products = np.matmul(q, np.swapaxes(k, -1, -2))
    logits = products / math.sqrt(q.shape[-1]) if scale is None else products * scale
    T, S = logits.shape[-2:]
    barred, added = _out_of_sight(T, S, causal, window), np.zeros(())
    if mask is not None:
        _check_mask(mask, logits)
        if is_boolean(mask) and not adds_masks:
            barred = barred | ~mask
        else:
            added = np.where(mask, 0.0, -np.inf) if is_boolean(mask) else mask
            logits = logits + added
    logits = np.where(barred, -np.inf, logits)  # last, so that nothing that is added lets the future in
    if closed_rows == "nan":
        return logits, v, np.False_
    is_closed = np.max(np.where(barred, -np.inf, added), axis=-1, keepdims=True) == -np.inf
    if closed_rows == "mean":
        return np.where(is_closed, np.where(barred, 0.0, logits), logits), v, np.False_
    if closed_rows == "zero":
        return np.where(is_closed, 0.0, logits), v, is_closed
    raise ValueError(f'closed rows "{closed_rows}" are none of "nan", "zero", "mean"')


def _out_of_sight(T: int, S: int, causal: bool, window: int | Pair | None) -> Mask:
    """Which keys lie too far ahead of a query or behind it, (T, S)."""
    ahead = np.arange(S) - np.arange(T)[:, None]
    before, after = (max(T, S),) * 2 if window is None else per_axis(window, 2)
    return (ahead < -before) | (ahead > (min(after, 0) if causal else after))


def of_each_head(x: Array, q: Array) -> Array:
    """The keys or values that each head of q shares with its group: (*B, H_kv, S, d) -> (*B, H, S, d)."""
    if min(q.ndim, x.ndim) < 3 or not x.shape[-3] or q.shape[-3] % x.shape[-3]:
        raise ValueError(f"the heads of queries {q.shape} cannot share those of {x.shape} in equal groups")
    h, H, H_kv = np.arange(q.shape[-3]), q.shape[-3], x.shape[-3]
    return np.take(x, h * H_kv // H, axis=-3)


def _check_mask(mask: Array, logits: Array) -> None:
    if np.broadcast_shapes(mask.shape, logits.shape) != logits.shape:
        raise ValueError(f"a mask {mask.shape} does not broadcast to the scores {logits.shape}")


def _both(mask: Array | None, keys: Array) -> Array:
    """A mask, and booleans that must be true besides."""
    if mask is None:
        return keys
    return mask & keys if is_boolean(mask) else np.where(keys, mask, -np.inf)


def is_boolean(mask: Array) -> bool:
    return isinstance(mask, np.ndarray) and mask.dtype == bool


def _projected(x: Array, w: Array, b: Array | None = None) -> Array:
    """x w' + b: (*N, T, E), (O, E), (O,) -> (*N, T, O). Raises: ValueError for a bias of another length."""
    if b is not None and b.shape != w.shape[:1]:
        raise ValueError(f"a bias {b.shape} is not one number for each row of {w.shape}")
    y = np.matmul(x, np.swapaxes(w, -1, -2))
    return y if b is None else y + b


def _split(x: Array, heads: int) -> Array:
    """The parts of the last axis as an axis of their own: (*N, T, H d) -> (*N, H, T, d)."""
    *N, T, width = x.shape
    if heads < 1 or width % heads:
        raise ValueError(f"{heads} heads do not divide {width} numbers")
    return np.swapaxes(np.reshape(x, (*N, T, heads, width // heads)), -3, -2)


def _joined(y: Array) -> Array:
    """The heads side by side: (*N, H, T, e) -> (*N, T, H e)."""
    *N, H, T, e = y.shape
    return np.reshape(np.swapaxes(y, -3, -2), (*N, T, H * e))
