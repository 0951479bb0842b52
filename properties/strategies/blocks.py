"""Problems of the blocks of the Transformer.

All of it is small: a block has many numbers as it is. They are as after initialisation, and what follows a
norm is small: norms and softmax multiply an error by what their input is like, one after the other, and of
other data the bound of a whole block says nothing. Each layer by itself is tried on every kind. No norm is
that of two numbers, which is their order and little else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from properties.strategies.attention import WEIGHTS
from properties.strategies.problems import Pick, Problem, Problems, Spec

ATTENDED = ("all", "causal", "boolean", "additive")
KINDS_OF_BLOCKS = ("normal",)
SHARES = 0.4, 0.3  # of encoder and decoder: a block costs as much as all of its layers


def encoder_blocks(
    *,
    attended: tuple[str, ...] = ATTENDED,
    padding: tuple[bool, ...] = (False, True),
    bias: tuple[bool, ...] = (True, False),
    norm_first: tuple[bool, ...] = (False, True),
    others: tuple[str, ...] = (),
    kinds: tuple[str, ...] | None = KINDS_OF_BLOCKS,
) -> Problems:
    """Encoder blocks with their norm before or behind; one or two heads.

    attended: to what a query attends by the mask; others: for which of the arrays a law needs a second one.
    """

    def build(pick: Pick) -> Problem:
        B, T, E, M, options = _sizes(pick, norm_first)
        may = pick.option("attended", attended)
        options["causal"] = may == "causal"
        always = 0 if options["causal"] else min(pick.size((0, 1, 2)), T - 1)
        b = pick.option("bias", bias)
        arrays = {
            "x": _moderate(*B, T, E),
            **_weights(E, M, ("w",), 2),
            **_biases(E, M, ("b",), 2, b),
            "mask": _mask(pick, may, B, options["heads"], T, T, always),
            "key_padding_mask": Spec((*B, T), mask="boolean", always=always)
            if pick.size(padding) and 0 not in B
            else None,
        }
        return Problem("encoder_block", arrays, options, {f"{name}2": arrays[name] for name in others})

    return Problems("encoder_block", build, kinds, share=SHARES[0])


def decoder_blocks(
    *,
    attended: tuple[str, ...] = ("causal", "all", "boolean", "additive"),
    memory: tuple[str, ...] = ("all", "boolean", "additive"),
    padding: tuple[bool, ...] = (False, True),
    memory_padding: tuple[bool, ...] = (False, True),
    bias: tuple[bool, ...] = (True, False),
    norm_first: tuple[bool, ...] = (False, True),
    others: tuple[str, ...] = (),
    kinds: tuple[str, ...] | None = KINDS_OF_BLOCKS,
) -> Problems:
    """Decoder blocks, causal or not. attended, memory: to what a query attends by each mask."""

    def build(pick: Pick) -> Problem:
        B, T, E, M, options = _sizes(pick, norm_first)
        S, H = pick.size((2, 1, 3)), options["heads"]
        may, may_consult = pick.option("attended", attended), pick.option("memory", memory)
        options["causal"] = may == "causal"
        always = 0 if options["causal"] else min(pick.size((0, 1, 2)), T - 1)
        there = min(pick.size((0, 1, 2)), S - 1)
        b = pick.option("bias", bias)
        arrays = {
            "x": _moderate(*B, T, E),
            "memory": _moderate(*B, S, E),
            **_weights(E, M, ("w", "u"), 3),
            **_biases(E, M, ("b", "c"), 3, b),
            "mask": _mask(pick, may, B, H, T, T, always),
            "key_padding_mask": Spec((*B, T), mask="boolean", always=always)
            if pick.size(padding) and 0 not in B
            else None,
            "memory_mask": _mask(pick, may_consult, B, H, T, S, there),
            "memory_key_padding_mask": Spec((*B, S), mask="boolean", always=there)
            if pick.size(memory_padding) and 0 not in B
            else None,
        }
        return Problem("decoder_block", arrays, options, {f"{name}2": arrays[name] for name in others})

    return Problems("decoder_block", build, kinds, share=SHARES[1])


def _sizes(pick: Pick, norm_first: tuple[bool, ...]) -> tuple[tuple[int, ...], int, int, int, dict[str, Any]]:
    """The batch, T, E and M, and the options that both blocks have."""
    H = pick.option("heads", (2, 1))
    batch, N = pick.option("batch", ("some", "single", "none")), pick.size((2, 1))
    B = () if batch == "single" else (0,) if batch == "none" else (N,)
    T, E, M = pick.size((2, 1, 3)), 4 if H > 1 else 3, pick.size((3, 5))
    options: dict[str, Any] = {"heads": H, "norm_first": pick.option("norm_first", norm_first)}
    options["activation"], options["eps"] = pick.size(("relu", "gelu")), pick.size((1e-5, 1.0))
    return B, T, E, M, options


def _moderate(*shape: int) -> Spec:
    return Spec(shape, moderate=True)


def _small(*shape: int) -> Spec:
    return Spec(shape, moderate=True, scale=WEIGHTS)


def _weights(E: int, M: int, attentions: tuple[str, ...], norms: int) -> Mapping[str, Spec]:
    projections = {f"{w}_{name}": _small(*n, E, E) for w in attentions for name, n in (("qkv", (3,)), ("o", ()))}
    gammas = {f"gamma{i}": _small(E) for i in range(1, norms + 1)}
    return {**projections, "w1": _small(M, E), "w2": _small(E, M), **gammas}


def _biases(E: int, M: int, attentions: tuple[str, ...], norms: int, given: bool) -> Mapping[str, Spec | None]:
    shapes: dict[str, tuple[int, ...]] = {}
    for b in attentions:
        shapes |= {f"{b}_qkv": (3, E), f"{b}_o": (E,)}
    shapes |= {"b1": (M,), "b2": (E,), **{f"beta{i}": (E,) for i in range(1, norms + 1)}}
    return {name: _small(*shape) if given else None for name, shape in shapes.items()}


def _mask(pick: Pick, kind: str, B: tuple[int, ...], H: int, T: int, S: int, always: int) -> Spec | None:
    """One for all, or one for each sample and head; a batch of none has none, see multi_head_attention."""
    shape = pick.size(((T, S), (*B, H, T, S)))
    shape = (T, S) if 0 in B else shape
    return Spec(shape, mask=kind, always=always) if kind in ("boolean", "additive") else None
