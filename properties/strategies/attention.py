"""Problems of attention.

Scores keep to ordinary sizes, so queries, keys and whatever makes them are moderate; values are of every
kind. Every row of a mask leaves one key open, the same in all masks of a call and the first where the call
is causal: a row without any is 0/0, which implementations answer in different ways.
"""

from __future__ import annotations

from properties.strategies.problems import Pick, Problem, Problems, Spec

MASKS = ("none", "boolean", "additive")


def attentions(
    *,
    rank: tuple[int, ...] = (2, 3, 4),
    causal: tuple[bool, ...] = (False, True),
    mask: tuple[str, ...] = MASKS,
    mask_shape: tuple[str, ...] = ("shared", "full", "keys", "queries", "samples"),
    scale: tuple[float | None, ...] = (None, 0.5, 2.0),
    values: tuple[str, ...] = ("as wide as keys", "of their own width"),
    keys: tuple[str, ...] = ("few", "many"),
    others: tuple[str, ...] = (),
    shift: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Queries, keys and values, with masks of every shape that broadcasts to the scores.

    others: for which of the arrays a law needs a second one (k2 for k). shift: a vector c for all keys.
    """

    def build(pick: Pick) -> Problem:
        B = pick.sizes((2, 1, 3), pick.option("rank", rank, usual=4) - 2)
        B = B if pick.option("batch", ("some", "none")) == "some" or not B else (0, *B[1:])
        T, d = pick.option("queries", (1, 2, 3, 0, 5), usual=2), pick.size((1, 2, 3, 4))
        S = 520 if pick.option("keys", keys) == "many" else pick.size((1, 2, 3, 4, 5, 17))
        e = d if pick.option("values", values) == "as wide as keys" else d + pick.size((1, 2))
        options = {"causal": pick.option("causal", causal), "scale": pick.option("scale", scale)}
        arrays = {
            "q": Spec((*B, T, d), moderate=True),
            "k": Spec((*B, S, d), moderate=True),
            "v": Spec((*B, S, e)),
            "mask": _mask(pick, mask, mask_shape, B, T, S, 0 if options["causal"] else pick.size(range(min(S, 5)))),
        }
        extras = {f"{name}2": arrays[name] for name in others}
        extras |= {"c": Spec((*B, 1, d), moderate=True)} if shift else {}
        return Problem("scaled_dot_product_attention", arrays, options, extras)

    return Problems("scaled_dot_product_attention", build, kinds)


def _mask(
    pick: Pick, masks: tuple[str, ...], shapes: tuple[str, ...], B: tuple[int, ...], T: int, S: int, always: int
) -> Spec | None:
    kind = pick.option("mask", masks)
    if kind == "none":
        return None
    shape = {
        "shared": (T, S),
        "full": (*B, T, S),
        "keys": (*B, 1, S),
        "queries": (*B, T, 1),
        "samples": (*B[:-1], *[1] * len(B[-1:]), T, S),
    }[pick.option("mask_shape", shapes)]
    return Spec(shape, mask=kind, always=always)


def multi_head_attentions(
    *,
    heads: tuple[int, ...] = (1, 2, 3),
    attention: tuple[str, ...] = ("self", "keys", "keys and values"),
    widths: tuple[str, ...] = ("one", "own", "inner"),
    bias: tuple[bool, ...] = (False, True),
    mask: tuple[str, ...] = MASKS,
    mask_shape: tuple[str, ...] = ("shared", "full", "samples"),
    padding: tuple[bool, ...] = (False, True),
    causal: tuple[bool, ...] = (False, True),
    batch: tuple[int | str, ...] = ("single", 1, 2, 3, 0),
    identity: bool = False,
    others: tuple[str, ...] = (),
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Self-attention, keys that are values too, and both apart; one head and several.

    widths: queries, keys, values and projections are equally wide, or keys and values have widths of their
    own, or the projections have. identity: the projections are left to a law that takes identities.
    """

    def build(pick: Pick) -> Problem:
        H, d = pick.option("heads", heads, usual=2), pick.size((1, 2))
        given = pick.option("attention", attention)
        width = pick.option("widths", widths)
        N = pick.option("batch", batch, usual=2)
        B = (N,) if isinstance(N, int) else ()
        T, S = pick.size((2, 1, 3)), pick.size((2, 1, 3, 5))
        S = T if given == "self" else S
        inner = H * d
        E = inner + pick.size((1, 2)) if width == "inner" else inner
        E_k = E_v = E
        if width == "own" and given != "self":
            E_k = E_v = E + pick.size((1, 2))
            E_v += pick.size((1, 2)) if given == "keys and values" else 0
        O = E if width != "inner" else E + pick.size((0, 1))
        options = {"heads": H, "causal": pick.option("causal", causal)}
        has_bias = pick.option("bias", bias)
        always = 0 if options["causal"] else pick.size(range(S))
        arrays: dict[str, Spec | None] = {
            "query": Spec((*B, T, E), moderate=True),
            "key": None if given == "self" else Spec((*B, S, E_k), moderate=True),
            "value": Spec((*B, S, E_v)) if given == "keys and values" else None,
        }
        if not identity:
            arrays |= {
                "w_q": Spec((inner, E), moderate=True),
                "w_k": Spec((inner, E_k), moderate=True),
                "w_v": Spec((inner, E_v), moderate=True),
                "w_o": Spec((O, inner), moderate=True),
                "b_q": Spec((inner,), moderate=True) if has_bias else None,
                "b_k": Spec((inner,), moderate=True) if has_bias else None,
                "b_v": Spec((inner,), moderate=True) if has_bias else None,
                "b_o": Spec((O,)) if has_bias else None,
            }
        arrays |= {
            "mask": _mask(pick, mask, mask_shape, (*B, H), T, S, always),
            "key_padding_mask": Spec((*B, S), mask="boolean", always=always)
            if pick.option("padding", padding)
            else None,
        }
        extras = {f"{name}2": arrays[name] for name in others}
        return Problem("multi_head_attention", arrays, options, extras)

    return Problems("multi_head_attention", build, kinds)
