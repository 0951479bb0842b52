"""Gradients as implementations write them down, instead of sweeping back through the steps of a formula.

They define nothing: the gradient of a primitive is that of its reference. But a bound belongs to one way to
compute, and what a kernel computes on the way back may differ from the sweep. A backend claims one by its name
(`formulas` of its arithmetic); then its bound has room for both.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    log_softmax,
    multi_head_attention,
    scaled_dot_product_attention,
    softmax,
    tanh,
)
from reference.arithmetic.marks import stored, stored_sum, with_gradient
from reference.arithmetic.traced import of_the_others
from reference.arrays import Array, Padding, PerAxis
from reference.attention import is_boolean, normalised_last, of_each_head, prepared
from reference.normalization import along_channels, in_groups, normalised, rounded, statistics, updated_moments
from reference.pooling import seen

# -- activations ---------------------------------------------------------------------------------------


def _tanh_gradient(cotangent: Array, x: Array) -> tuple[Array, ...]:
    """In two factors, d_x = g (1 + y) (1 - y)."""
    y = stored(np.tanh(x))
    return ((cotangent + cotangent * y) * (1 - y),)


@with_gradient(_tanh_gradient)
def factored_tanh(x: Array) -> Array:
    """tanh, with the gradient that is written above."""
    return tanh(x)


def _softmax_gradient(cotangent: Array, x: Array, *, axis: int = -1) -> tuple[Array, ...]:
    """As the transpose of a product, d_x = h - y sum h with h = y g."""
    y = stored(softmax(x, axis=axis))
    h = cotangent * y
    return (h - y * np.sum(h, axis=axis, keepdims=True),)


@with_gradient(_softmax_gradient)
def transposed_softmax(x: Array, **options: Any) -> Array:
    """softmax, with the gradient that is written above."""
    return softmax(x, **options)


def _log_softmax_gradient(cotangent: Array, x: Array, *, axis: int = -1) -> tuple[Array, ...]:
    """Through the exponentials e of the way forward, d_x = g - e (sum g) / sum e."""
    e = stored(np.exp(x - np.max(x, axis=axis, keepdims=True)))
    total = stored(np.sum(e, axis=axis, keepdims=True))
    return (cotangent - e * (np.sum(cotangent, axis=axis, keepdims=True) / total),)


@with_gradient(_log_softmax_gradient)
def log_softmax_through_exp(x: Array, **options: Any) -> Array:
    """log_softmax, with the gradient that is written above."""
    return log_softmax(x, **options)


# -- pooling ------------------------------------------------------------------------------------------


def _product_gradient(cotangent: Array, w: Array) -> tuple[Array, ...]:
    """Through the product, d_w = g y / w, where the factor is not zero."""
    y = np.expand_dims(cotangent * stored(np.prod(w, axis=-1)), -1)
    others = np.expand_dims(cotangent, -1) * of_the_others(w)
    return (np.where(w == 0, others, y / np.where(w == 0, 1.0, w)),)


@with_gradient(_product_gradient)
def _product(w: Array) -> Array:
    return np.prod(w, axis=-1)


def divided_product_pool(
    x: Array, *, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, ceil_mode: bool = False
) -> Array:
    """product_pool, with the gradient of each window that is written above."""
    return _product(seen(x, kernel, stride, padding, 1, ceil_mode, outside=1.0))


# -- normalisations ------------------------------------------------------------------------------------


def _batch_norm_gradient(
    cotangent: Array,
    x: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    unbiased: bool = True,
) -> tuple[Array | None, ...]:
    """Differentiate y, from the statistics that the way forward stored.

    With a = 1 / sqrt(var + eps):

        d_x = gamma a (g - (sum g) / n - (x - mu) a^2 (sum (x - mu) g) / n)         in evaluation gamma a g
        d_gamma = a sum (x - mu) g                                                  d_beta = sum g

    Source: Ioffe and Szegedy (2015), section 3.
    """
    axes = (0, *range(2, x.ndim))
    n = math.prod(x.shape[i] for i in axes)
    mean, var, *_ = statistics(x, running_mean, running_var, training, momentum, eps, unbiased)
    a = 1 / np.sqrt(var + eps)
    mean, a = (stored(mean), stored(a)) if training else (mean, a)
    d = x - mean
    total = np.sum(cotangent, axis=axes, keepdims=True)
    along = np.sum(d * cotangent, axis=axes, keepdims=True)
    dx = (cotangent - total / n - d * (along * a * a / n) if training else cotangent) * a
    dx = dx if weight is None else dx * along_channels(weight, x)
    return dx, None, None, np.reshape(along * a, (x.shape[1],)), np.reshape(total, (x.shape[1],))


@with_gradient(_batch_norm_gradient)
def stored_batch_norm(x: Array, *arrays: Array | None, **options: Any) -> Array:
    """y, with the gradient that is written above. Shapes: as batch_norm."""
    return batch_norm(x, *arrays, **options)[0]


def _layer_norm_gradient(
    cotangent: Array,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    axes: int = 1,
    eps: float = 1e-5,
) -> tuple[Array, ...]:
    """Differentiate with x and mu in sums of their own.

    With a = 1 / sqrt(var + eps) and h = gamma g:

        d_x = a h + b x - (b mu + a (sum h) / n)        b = (mu sum h - sum h x) a^3 / n
        d_gamma = sum over samples of g (a x - a mu)    d_beta = sum over samples of g

    As in folded_layer_norm, x a - mu a and b x - b mu are written as what rounding does to x and mu. The
    terms in 0 are 0, and overflow where a product does. mu and a have been stored, and both sums over
    samples grow in the format of what they return.
    """
    n = normalised(x, axes, eps)
    over, samples = tuple(range(-axes, 0)), tuple(range(np.ndim(x) - axes))
    mean, var = updated_moments(x, axes, eps)
    mean, a = stored(mean), stored(1 / np.sqrt(var + eps))
    h = cotangent if weight is None else cotangent * weight
    products = cotangent * x if weight is None else cotangent * x * weight
    total = np.sum(h, axis=over, keepdims=True)
    b = (total * mean - np.sum(products, axis=over, keepdims=True)) * a * a * a / n
    d = rounded(x) - rounded(mean)
    dx = rounded(h * a) + b * d - total * a / n + 0 * (b * x - b * mean)
    terms = cotangent * (d * a + 0 * (x * a - mean * a))
    return dx, stored_sum(terms, samples), stored_sum(cotangent, samples)


@with_gradient(_layer_norm_gradient)
def stored_layer_norm(x: Array, *arrays: Array | None, **options: Any) -> Array:
    """The same map, with the gradient that is written above. Shapes: as layer_norm."""
    return layer_norm(x, *arrays, **options)


def _group_norm_gradient(
    cotangent: Array,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    groups: int,
    eps: float = 1e-5,
) -> tuple[Array, ...]:
    """x as in layer norm; gamma from the sums of g x and of g over the positions of each channel.

    d_gamma = sum over samples of a (sum g x - mu sum g)
    """
    z, g = in_groups(x, groups), in_groups(cotangent, groups)
    gamma = None if weight is None else in_groups(along_channels(weight, x), groups)
    dx, *_ = _layer_norm_gradient(g, z, gamma, axes=2, eps=eps)
    mean, var = updated_moments(z, 2, eps)
    mean, a = stored(mean), stored(1 / np.sqrt(var + eps))
    along, total = np.sum(g * z, axis=-1, keepdims=True), np.sum(g, axis=-1, keepdims=True)
    d_gamma, d_beta = np.sum(a * (along - total * mean), axis=0), np.sum(total, axis=0)
    return np.reshape(dx, x.shape), np.reshape(d_gamma, (x.shape[1],)), np.reshape(d_beta, (x.shape[1],))


@with_gradient(_group_norm_gradient)
def stored_group_norm(x: Array, *arrays: Array | None, **options: Any) -> Array:
    """The same map, with the gradient that is written above. Shapes: as group_norm."""
    return group_norm(x, *arrays, **options)


def _instance_norm_gradient(
    cotangent: Array, x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5
) -> tuple[Array | None, ...]:
    """As batch norm of one sample that has the channels of all, with gamma repeated for each of them."""
    N, C, *S = x.shape
    one, nothing = (1, N * C, *S), np.zeros(N * C)
    repeated = None if weight is None else np.reshape(np.broadcast_to(weight, (N, C)), (N * C,))
    given = (np.reshape(cotangent, one), np.reshape(x, one), nothing, nothing, repeated)
    found: tuple[Any, ...] = _batch_norm_gradient(*given, training=True, eps=eps, unbiased=False)
    dx, _, _, *affine = found
    each = (np.sum(np.reshape(stored(v), (N, C)), axis=0) for v in affine)
    return np.reshape(dx, x.shape), *each


@with_gradient(_instance_norm_gradient)
def stored_instance_norm(x: Array, *arrays: Array | None, **options: Any) -> Array:
    """The same map, with the gradient that is written above. Shapes: as instance_norm."""
    return instance_norm(x, *arrays, **options)


# -- attention -----------------------------------------------------------------------------------------


def _recomputed_gradient(
    cotangent: Array, q: Array, k: Array, v: Array, mask: Array | None = None, **options: Any
) -> tuple[Array | None, ...]:
    """The weights are recomputed from the logarithm of their sum, and the mean that the softmax takes off is y . dy.

        a[t, s] = exp(l[t, s] - L[t])      dv = a' dy      dl[t, s] = a[t, s] (dy[t] . v[s] - dy[t] . y[t])

    for the logits l and L[t] = log of the sum over s of exp(l[t, s]).
    Source: Dao, Fu, Ermon, Rudra and Re (2022), appendix B.2.
    """
    logits, values, is_zero = prepared(q, k, v, mask, **options)
    top = np.max(logits, axis=-1, keepdims=True)
    a = np.exp(logits - (top + np.log(np.sum(np.exp(logits - top), axis=-1, keepdims=True))))
    y = stored(normalised_last(q, k, v, mask, **options))
    dy = np.where(is_zero, 0.0, cotangent)
    dl = a * (np.matmul(dy, np.swapaxes(values, -1, -2)) - np.sum(dy * y, axis=-1, keepdims=True))
    scale = options.get("scale")
    scaled = dl * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    keys = of_each_head(k, q) if options.get("grouped") else k
    dk, dv = np.matmul(np.swapaxes(scaled, -1, -2), q), np.matmul(np.swapaxes(a, -1, -2), dy)
    d_mask = None if mask is None or is_boolean(mask) else _added_up(dl, mask.shape)
    return np.matmul(scaled, keys), _of_groups(dk, k.shape), _of_groups(dv, v.shape), d_mask


@with_gradient(_recomputed_gradient)
def recomputed(q: Array, k: Array, v: Array, mask: Array | None = None, **options: Any) -> Array:
    """The same map, with the gradient that is written above."""
    return scaled_dot_product_attention(q, k, v, mask, **options)


def _added_up(x: Array, shape: tuple[int, ...]) -> Array:
    """Over the axes along which something of a shape is repeated."""
    new = x.ndim - len(shape)
    repeated = (i for i in range(new, x.ndim) if shape[i - new] == 1)
    return np.reshape(np.sum(x, axis=(*range(new), *repeated), keepdims=True), shape)


def _of_groups(x: Array, shape: tuple[int, ...]) -> Array:
    """Added up over the heads that share keys of a shape, which are copies of them: in the format that these have."""
    if x.shape == shape:
        return x
    *B, H, S, d = x.shape
    return stored_sum(np.reshape(stored(x), (*B, shape[-3], H // shape[-3], S, d)), len(B) + 1)


WRITTEN: dict[str, dict[str, Callable[..., Any]]] = {
    "tanh": {"factored": factored_tanh},
    "softmax": {"transposed": transposed_softmax},
    "log_softmax": {"through_exp": log_softmax_through_exp},
    "product_pool": {"divided": divided_product_pool},
    "batch_norm": {"stored": stored_batch_norm},
    "layer_norm": {"stored": stored_layer_norm},
    "group_norm": {"stored": stored_group_norm},
    "instance_norm": {"stored": stored_instance_norm},
    "scaled_dot_product_attention": {"recomputed": recomputed},
    "multi_head_attention": {"recomputed": functools.partial(multi_head_attention, attention=recomputed)},
}
