"""Blocks of the Transformer.

    encoder     x + F(x), twice:      F = self-attention, then F = W2 act(W1 x + b1) + b2
    decoder     x + F(x), three times, with attention to the encoder's output between the two

and a layer norm for each of these residual blocks. It stands behind the sum, norm(x + F(x)), in the first
Transformer (Vaswani et al., 2017, section 3.1), or before the branch, x + F(norm(x)), so that the path of x
is an identity (Xiong et al., 2020, figure 1): a convention, norm_first.

A block is made of attention, dense layers, activations and layer norms, all of this folder; so is its error.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reference.activations import complementary_gelu, gelu, gelu_by_rational_powers, relu
from reference.arrays import Array
from reference.attention import multi_head_attention, scaled_first, softmax_in_float32
from reference.dense import dense
from reference.normalization import factored_layer_norm, layer_norm, updating_layer_norm

Layer = Callable[..., Array]


class Layers(NamedTuple):
    """What a block is made of, for who computes one of them by another formula."""

    attention: Layer = multi_head_attention
    norm: Layer = layer_norm
    relu: Layer = relu
    gelu: Layer = gelu


USUAL = Layers()

SCALED_FIRST = functools.partial(multi_head_attention, attention=scaled_first)
IN_FLOAT32 = functools.partial(multi_head_attention, attention=softmax_in_float32)

# The same blocks of layers as implementations compute them, by the names of those formulas.
OTHERS = {
    "scaled_first, updating": Layers(SCALED_FIRST, updating_layer_norm),
    "scaled_first, updating, by_rational_powers": Layers(
        SCALED_FIRST, updating_layer_norm, gelu=gelu_by_rational_powers
    ),
    "scaled_first, updating, complementary": Layers(SCALED_FIRST, updating_layer_norm, gelu=complementary_gelu),
    "softmax_in_float32": Layers(IN_FLOAT32),
    "softmax_in_float32, factored": Layers(IN_FLOAT32, factored_layer_norm),
    "factored": Layers(norm=factored_layer_norm),
}


def encoder_block(
    x: Array,
    w_qkv: Array,
    w_o: Array,
    w1: Array,
    w2: Array,
    gamma1: Array,
    gamma2: Array,
    b_qkv: Array | None = None,
    b_o: Array | None = None,
    b1: Array | None = None,
    b2: Array | None = None,
    beta1: Array | None = None,
    beta2: Array | None = None,
    mask: Array | None = None,
    key_padding_mask: Array | None = None,
    *,
    heads: int,
    causal: bool = False,
    norm_first: bool = False,
    activation: str = "relu",
    eps: float = 1e-5,
    adds_masks: bool = False,
    layers: Layers = USUAL,
) -> Array:
    """Attend to the sequence itself, then transform each position; two residual blocks.

    w_qkv: the matrices of queries, keys and values; masks and adds_masks as in multi_head_attention.

    Shapes: x (*N, T, E), w_qkv (3, D, E), w_o (E, D), w1 (M, E), w2 (E, M), gamma and beta (E,), b_qkv (3, D),
    b_o (E,), b1 (M,), b2 (E,), mask broadcastable to (*N, heads, T, T), key_padding_mask (*N, T) -> y like x.
    Raises: ValueError if the shapes do not fit together, the heads do not divide D, eps is negative, or the
    activation is neither "relu" nor "gelu".
    Source: Vaswani et al. (2017), section 3.1; Gong, "Residual Block: Transformer".

    >>> x, one, ones = np.array([[1.0, 3.0], [3.0, 1.0]]), np.eye(2), np.ones(2)
    >>> encoder_block(x, np.stack([one] * 3), 0 * one, one, -one, ones, ones, heads=1, norm_first=True, eps=0.0)
    array([[1., 2.],
           [2., 1.]])
    """
    attend = _attention(w_qkv, w_o, b_qkv, b_o, heads, adds_masks, layers)
    transform = _feed_forward(w1, w2, b1, b2, activation, layers)
    added = _residual(norm_first, eps, layers)
    x = added(x, lambda x: attend(x, None, mask, key_padding_mask, causal), gamma1, beta1)
    return added(x, transform, gamma2, beta2)


def decoder_block(
    x: Array,
    memory: Array,
    w_qkv: Array,
    w_o: Array,
    u_qkv: Array,
    u_o: Array,
    w1: Array,
    w2: Array,
    gamma1: Array,
    gamma2: Array,
    gamma3: Array,
    b_qkv: Array | None = None,
    b_o: Array | None = None,
    c_qkv: Array | None = None,
    c_o: Array | None = None,
    b1: Array | None = None,
    b2: Array | None = None,
    beta1: Array | None = None,
    beta2: Array | None = None,
    beta3: Array | None = None,
    mask: Array | None = None,
    key_padding_mask: Array | None = None,
    memory_mask: Array | None = None,
    memory_key_padding_mask: Array | None = None,
    *,
    heads: int,
    causal: bool = True,
    norm_first: bool = False,
    activation: str = "relu",
    eps: float = 1e-5,
    adds_masks: bool = False,
    layers: Layers = USUAL,
) -> Array:
    """Attend to what was written so far, then to the encoder's output, then transform each position.

    w, b: of the attention to x itself; u, c: of that whose keys and values are the memory, what the encoder
    returned. The memory is not normalised here. Each mask belongs to one of the two.

    Shapes: x (*N, T, E), memory (*N, S, E), w_qkv and u_qkv (3, D, E), w_o and u_o (E, D), b_qkv and c_qkv (3, D),
    b_o and c_o (E,), the others as in encoder_block; memory_mask broadcastable to (*N, heads, T, S),
    memory_key_padding_mask (*N, S) -> y like x.
    Raises: as encoder_block.
    Source: Vaswani et al. (2017), section 3.1; Meila (2026), "Attention mechanism in Transformer".

    >>> x, one, ones = np.array([[1.0, 3.0]]), np.eye(2), np.ones(2)
    >>> eyes, weights = np.stack([one] * 3), [0 * one, one, ones, ones, ones]
    >>> decoder_block(x, 2 * x, eyes, 0 * one, eyes, one, *weights, heads=1, norm_first=True)
    array([[3., 9.]])
    """
    attend = _attention(w_qkv, w_o, b_qkv, b_o, heads, adds_masks, layers)
    consult = _attention(u_qkv, u_o, c_qkv, c_o, heads, adds_masks, layers)
    transform = _feed_forward(w1, w2, b1, b2, activation, layers)
    added = _residual(norm_first, eps, layers)
    x = added(x, lambda x: attend(x, None, mask, key_padding_mask, causal), gamma1, beta1)
    x = added(x, lambda x: consult(x, memory, memory_mask, memory_key_padding_mask, False), gamma2, beta2)
    return added(x, transform, gamma3, beta3)


# -- parts ---------------------------------------------------------------------------------------------


def _residual(norm_first: bool, eps: float, layers: Layers) -> Layer:
    """x + F(norm(x)) or norm(x + F(x))."""

    def added(x: Array, branch: Layer, gamma: Array, beta: Array | None) -> Array:
        y = layers.norm(x, gamma, beta, eps=eps) if norm_first else x
        f = branch(y)
        if np.shape(f) != np.shape(x):
            raise ValueError(f"a branch {np.shape(f)} does not come back to the width of x {np.shape(x)}")
        return x + f if norm_first else layers.norm(x + f, gamma, beta, eps=eps)

    return added


def _attention(
    w_qkv: Array, w_o: Array, b_qkv: Array | None, b_o: Array | None, heads: int, adds_masks: bool, layers: Layers
) -> Layer:
    """Attention of x to itself, or to a memory."""
    if any(w is not None and np.shape(w)[0] != 3 for w in (w_qkv, b_qkv)):
        raise ValueError("queries, keys and values have one matrix each, and one bias or none")
    w = [w_qkv[i] for i in range(3)]
    b = [None if b_qkv is None else b_qkv[i] for i in range(3)]

    def attend(x: Array, memory: Array | None, mask: Array | None, padding: Array | None, causal: bool) -> Array:
        options = {"heads": heads, "causal": causal, "adds_masks": adds_masks}
        return layers.attention(x, memory, None, *w, w_o, *b, b_o, mask, padding, **options)

    return attend


def _feed_forward(w1: Array, w2: Array, b1: Array | None, b2: Array | None, activation: str, layers: Layers) -> Layer:
    """W2 act(W1 x + b1) + b2, at each position by itself."""
    activations = {"relu": layers.relu, "gelu": layers.gelu}
    if activation not in activations:
        raise ValueError(f'the activation "{activation}" is neither "relu" nor "gelu"')
    return lambda x: dense(activations[activation](dense(x, w1, b1)), w2, b2)
