"""Laws of the blocks of the Transformer."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import same_bits
from properties.law import law
from properties.strategies import decoder_blocks, encoder_blocks
from properties.strategies.cotangents import differentiated

PRE = (True,)


def _given(p: Any, names: tuple[str, ...], *zeros: str, **others: Any) -> list[Any]:
    """The arrays of a call in their order, some of them zero or others."""
    arrays = {name: getattr(p, name) for name in names} | others
    return [np.zeros(x.shape) if name in zeros and x is not None else x for name, x in arrays.items()]


def _encoder(f: Any, p: Any, *zeros: str, **others: Any) -> Any:
    return f.encoder_block(*_given(p, ENCODER, *zeros, **others), **p.options)


def _decoder(f: Any, p: Any, *zeros: str, **others: Any) -> Any:
    return f.decoder_block(*_given(p, DECODER, *zeros, **others), **p.options)


ENCODER = (
    *("x", "w_qkv", "w_o", "w1", "w2", "gamma1", "gamma2", "b_qkv", "b_o", "b1", "b2", "beta1", "beta2"),
    *("mask", "key_padding_mask"),
)
DECODER = (
    *("x", "memory", "w_qkv", "w_o", "u_qkv", "u_o", "w1", "w2", "gamma1", "gamma2", "gamma3"),
    *("b_qkv", "b_o", "c_qkv", "c_o", "b1", "b2", "beta1", "beta2", "beta3"),
    *("mask", "key_padding_mask", "memory_mask", "memory_key_padding_mask"),
)


@law("BLOCK-1", encoder_blocks(attended=("all",)))
def test_positions_permute(f: Any, p: Any) -> Any:
    """Without positions and masks for them, encoder(x backwards) = encoder(x) backwards."""
    padding = None if p.key_padding_mask is None else np.flip(p.key_padding_mask, -1)
    y = _encoder(f, p)
    return _encoder(f, p, x=np.flip(p.x, -2), key_padding_mask=padding), np.flip(y, -2)


@law("BLOCK-2", decoder_blocks(attended=("causal",), memory=("all",), others=("x",)), verb=same_bits)
def test_the_future_has_no_influence(f: Any, p: Any) -> Any:
    """A decoder is causal: another finite x from t on changes no bit of y before t."""
    t = (p.x.shape[-2] + 1) // 2
    other = np.where(np.arange(p.x.shape[-2])[:, None] < t, p.x, p.x2)
    return _decoder(f, p)[..., :t, :], _decoder(f, p, x=other)[..., :t, :]


@law("BLOCK-3", decoder_blocks(norm_first=PRE))
def test_nothing_to_add(f: Any, p: Any) -> Any:
    """With the norm before the branch and zero for what each branch ends with, a block is the identity."""
    return _decoder(f, p, "w_o", "b_o", "u_o", "c_o", "w2", "b2"), p.x


@law("BLOCK-3", differentiated(decoder_blocks(norm_first=PRE)))
def test_the_gradient_has_the_identity_path(f: Any, p: Any) -> Any:
    """With zero for what each branch ends with, the gradient of x is the cotangent."""
    arrays = _given(p, DECODER, "w_o", "b_o", "u_o", "c_o", "w2", "b2")
    return f.gradient("decoder_block", p.cotangent, *arrays, by="x", **p.options), p.cotangent


@law("BLOCK-3", encoder_blocks(norm_first=PRE))
def test_two_residual_blocks(f: Any, p: Any) -> Any:
    """With the norm before the branch, attention alone and then the rest alone give the block."""
    attended = _encoder(f, p, "w2", "b2")
    return _encoder(f, p, "w_o", "b_o", x=attended), _encoder(f, p)


@law("BLOCK-4", encoder_blocks(attended=("all",), padding=(True,), others=("x",)), verb=same_bits)
def test_padding_has_no_influence(f: Any, p: Any) -> Any:
    """Other finite tokens at padding change no bit of the tokens that are none."""
    if p.key_padding_mask is None:  # a batch of none
        return p.x, p.x
    kept = p.key_padding_mask[..., None]
    y, other = _encoder(f, p), _encoder(f, p, x=np.where(kept, p.x, p.x2))
    return np.where(kept, y, 0.0), np.where(kept, other, 0.0)


@law("BLOCK-4", decoder_blocks(memory=("all",), memory_padding=(True,), others=("memory",)), verb=same_bits)
def test_padding_of_the_memory_has_no_influence(f: Any, p: Any) -> Any:
    """Another finite memory at padding changes no bit of a decoder's result."""
    if p.memory_key_padding_mask is None:  # a batch of none
        return p.x, p.x
    kept = p.memory_key_padding_mask[..., None]
    return _decoder(f, p), _decoder(f, p, memory=np.where(kept, p.memory, p.memory2))


@law("BLOCK-5", decoder_blocks(norm_first=PRE, attended=("causal", "all")))
def test_without_memory_it_is_an_encoder(f: Any, p: Any) -> Any:
    """With the norm before the branch and nothing taken from the memory, a decoder is an encoder with the same mask."""
    encoder = _given(p, ENCODER, gamma2=p.gamma3, beta2=p.beta3)
    return _decoder(f, p, "u_o", "c_o"), f.encoder_block(*encoder, **p.options)
