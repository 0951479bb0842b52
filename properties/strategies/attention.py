"""Problems of attention.

Scores keep to ordinary sizes, so queries, keys and whatever makes them are moderate; values are of every
kind. Every row of a mask leaves one key open, the same in all masks of a call and the first where the call
is causal: a row without any is 0/0, which implementations answer in different ways. Only where a check holds
them to their own answer, some rows are closed wholly, by the mask or by a window.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.strategies.problems import Pick, Problem, Problems, Spec
from reference.arrays import Mask

WEIGHTS = 0.25  # the scale of matrices: three of them follow each other, and rounding is multiplied by each
MASKS = ("none", "boolean", "additive")


def is_open(mask: Any) -> Mask:
    """Where a mask lets through, as booleans: what is added to a score closes it if it is -inf."""
    if mask is None:
        return np.ones((), bool)
    return np.asarray(mask if mask.dtype == bool else mask.astype(np.float64) != -np.inf)


def may_attend(rows: tuple[int, ...], S: int, mask: Any, causal: bool) -> Mask:
    """Which query of rows (*B, T) may attend to which of S keys, (*B, T, S)."""
    seen = np.tri(rows[-1], S, dtype=np.bool_) if causal else np.ones((rows[-1], S), bool)
    return np.broadcast_to(seen & is_open(mask), (*rows, S))


def attentions(
    *,
    rank: tuple[int, ...] = (2, 3, 4),
    causal: tuple[bool, ...] = (False, True),
    mask: tuple[str, ...] = MASKS,
    mask_shape: tuple[str, ...] = ("shared", "full", "keys", "queries", "samples"),
    scale: tuple[float | None, ...] = (None, 0.5, 2.0),
    values: tuple[str, ...] = ("as wide as keys", "of their own width"),
    keys: tuple[str, ...] = ("few", "many"),
    groups: tuple[int, ...] = (0,),
    window: tuple[int | tuple[int, int] | None, ...] = (None,),
    closed: tuple[bool, ...] = (False,),
    others: tuple[str, ...] = (),
    shift: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Queries, keys and values, with masks of every shape that broadcasts to the scores.

    groups: how many heads of queries share those of keys and values; 0: the call is not grouped. closed: whether
    the mask closes some rows. others: for which of the arrays a law needs a second one (k2 for k). shift: a vector
    c for all keys.
    """
    # What only some choices need is chosen all the same: so a simpler choice leaves the rest as it was.

    def build(pick: Pick) -> Problem:
        n = pick.option("rank", rank, usual=4) - 2
        B = pick.sizes((1, 2, 3), 2)[:n]
        B = (0, *B[1:]) if pick.option("batch", ("some", "none")) == "none" and B else B
        G = pick.option("groups", groups)
        G = G if B and B[-1] else 0
        B_q = (*B[:-1], G * B[-1]) if G else B
        T, d = pick.option("queries", (1, 2, 3, 0, 5), usual=2), pick.size((1, 2, 3, 4))
        many, S = pick.option("keys", keys) == "many", pick.size((1, 2, 3, 4, 5, 17))
        S = 520 if many else S
        own, wider = pick.option("values", values) == "of their own width", pick.size((1, 2))
        e = d + wider if own else d
        options: dict[str, Any] = {
            "causal": pick.option("causal", causal),
            "window": pick.option("window", window),
            "scale": pick.option("scale", scale),
            "grouped": G > 0,
        }
        always = pick.size(range(5))
        arrays = {
            "q": Spec((*B_q, T, d), moderate=True),
            "k": Spec((*B, S, d), moderate=True),
            "v": Spec((*B, S, e)),
            "mask": _mask(pick, mask, mask_shape, B_q, T, S, 0 if options["causal"] else min(always, S - 1), closed),
        }
        extras = {f"{name}2": arrays[name] for name in others}
        extras |= {"c": Spec((*B, 1, d), moderate=True)} if shift else {}
        return Problem("scaled_dot_product_attention", arrays, options, extras)

    return Problems("scaled_dot_product_attention", build, kinds)


def _mask(
    pick: Pick,
    masks: tuple[str, ...],
    shapes: tuple[str, ...],
    B: tuple[int, ...],
    T: int,
    S: int,
    always: int,
    closed: tuple[bool, ...],
) -> Spec | None:
    kind, is_closed = pick.option("mask", masks), pick.option("closed", closed)
    if kind == "none":
        return None
    shape = {
        "shared": (T, S),
        "full": (*B, T, S),
        "keys": (*B, 1, S),
        "queries": (*B, T, 1),
        "samples": (*B[:-1], *[1] * len(B[-1:]), T, S),
    }[pick.option("mask_shape", shapes)]
    return Spec(shape, mask=kind, always=always, closed=is_closed)


def multi_head_attentions(
    *,
    heads: tuple[int, ...] = (1, 2, 3),
    attention: tuple[str, ...] = ("self", "keys", "keys and values"),
    widths: tuple[str, ...] = ("any", "one", "own"),
    bias: tuple[bool, ...] = (False, True),
    mask: tuple[str, ...] = MASKS,
    mask_shape: tuple[str, ...] = ("shared", "full", "samples"),
    padding: tuple[bool, ...] = (False, True),
    causal: tuple[bool, ...] = (False, True),
    batch: tuple[str, ...] = ("single", "batch"),
    samples: tuple[int, ...] = (1, 2, 3, 0),
    closed: tuple[bool, ...] = (False,),
    identity: bool = False,
    others: tuple[str, ...] = (),
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Self-attention, keys that are values too, and both apart; one head and several.

    widths: queries, keys, values and projections are equally wide; or keys and values have widths of their
    own; or what is projected has any width. identity: the projections are left to a law that takes identities.
    others: for which of the arrays a law needs a second one.
    """

    def build(pick: Pick) -> Problem:
        H, d = pick.option("heads", heads, usual=2), pick.size((1, 2))
        given = pick.option("attention", attention)
        width = pick.option("widths", widths, usual="one")
        is_single, N = pick.option("batch", batch, usual="batch") == "single", pick.size(samples)
        B = () if is_single else (N,)
        T, S = pick.size((1, 2, 3)), pick.size((1, 2, 3, 5))
        S = T if given == "self" else S
        inner, more, still_more = H * d, *pick.sizes((1, 2), 2)
        E = E_k = E_v = O = inner
        if width == "any":
            E = E_k = E_v = more
            O = still_more
        elif width == "own" and given != "self":
            E_k = E_v = E + more
            E_v += still_more if given == "keys and values" else 0
        options = {"heads": H, "causal": pick.option("causal", causal)}
        has_bias = pick.option("bias", bias)
        place = pick.size(range(5))
        always = 0 if options["causal"] else min(place, S - 1)
        is_padded = pick.option("padding", padding)
        arrays: dict[str, Spec | None] = {
            "query": Spec((*B, T, E), moderate=True),
            "key": None if given == "self" else Spec((*B, S, E_k), moderate=True),
            "value": Spec((*B, S, E_v)) if given == "keys and values" else None,
        }
        if not identity:
            arrays |= {
                "w_q": Spec((inner, E), moderate=True, scale=WEIGHTS),
                "w_k": Spec((inner, E_k), moderate=True, scale=WEIGHTS),
                "w_v": Spec((inner, E_v), moderate=True, scale=WEIGHTS),
                "w_o": Spec((O, inner), moderate=True, scale=WEIGHTS),
                "b_q": Spec((inner,), moderate=True) if has_bias else None,
                "b_k": Spec((inner,), moderate=True) if has_bias else None,
                "b_v": Spec((inner,), moderate=True) if has_bias else None,
                "b_o": Spec((O,)) if has_bias else None,
            }
        arrays |= {
            "mask": _mask(pick, mask, mask_shape, (*B, H), T, S, always, closed),
            "key_padding_mask": Spec((*B, S), mask="boolean", always=always) if is_padded else None,
        }
        extras = {f"{name}2": arrays[name] for name in others}
        return Problem("multi_head_attention", arrays, options, extras)

    return Problems("multi_head_attention", build, kinds)


def additive_attentions(*, mask: tuple[bool, ...] = (False, True), samples: tuple[int, ...] = (1, 2, 3, 0)) -> Problems:
    """States of a decoder and of an encoder, of one width or two, one sequence or several."""

    def build(pick: Pick) -> Problem:
        B = pick.sizes(samples, pick.option("rank", (3, 2, 4)) - 2)
        T, S = pick.option("queries", (2, 1, 3, 0)), pick.size((1, 2, 3, 5))
        m, n, d = pick.sizes((1, 2, 3), 3)
        states = {"s": Spec((*B, T, m), moderate=True), "h": Spec((*B, S, n), moderate=True)}
        weights = {name: Spec((d, width), moderate=True, scale=WEIGHTS) for name, width in (("w_s", m), ("w_h", n))}
        shape = {"shared": (T, S), "full": (*B, T, S), "keys": (*B, 1, S)}[
            pick.option("mask_shape", ("keys", "shared", "full"))
        ]
        always = pick.size(range(5))
        given = Spec(shape, mask="boolean", always=min(always, S - 1)) if pick.option("mask", mask) else None
        arrays = {**states, **weights, "v": Spec((d,), moderate=True), "mask": given}
        return Problem("additive_attention", arrays, {})

    return Problems("additive_attention", build)
