"""Problems whose gradients are long sums: what is used thousands of times is told by every use.

So is a bias at every position and sample, a row of an embedding wherever its index stands, the weight of a norm or of
a convolution, and a number that many windows see. Arrays are short where these sums land, and long elsewhere.
"""

from __future__ import annotations

import math
from typing import Any

from properties.strategies.long import BUILDERS as LONG_BUILDERS
from properties.strategies.long import FEWER, SIDES, TERMS
from properties.strategies.problems import Builder, Pick, Problem, Problems, Spec

MOST = 64  # the numbers of a short array
WINDOWS = (320, 512)  # which see one number; there are as many numbers in each


def _uses(pick: Pick, terms: tuple[int, ...] = TERMS) -> tuple[int, tuple[int, ...]]:
    """Over how many samples and positions something is used again and again: its uses are the product."""
    n = pick.option("terms", terms)
    part, rest = SIDES[n]
    uses = {"samples": (n, ()), "positions": (1, (n,)), "both": (part, (rest,)), "two axes": (1, (part, rest))}
    return uses[pick.option("along", tuple(uses))]


def _affine(C: int) -> dict[str, Spec]:
    return {name: Spec((C,)) for name in ("weight", "bias")}


def _convolution(pick: Pick) -> Problem:
    """Kernels of two taps along the first axis, or many kernels at one position: then x is what they share."""
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "padding_mode": "zeros"}
    N, S = _uses(pick)
    if pick.option("used", ("weights", "signal")) == "signal":
        n = N * math.prod(S)
        return Problem("convolution", {"x": Spec((1, 1, 2)), "w": Spec((n, 1, 2)), "bias": None}, options)
    S, K = S or (1,), (2, *[1] * (len(S) - 1))
    arrays = {"x": Spec((N, 1, S[0] + 1, *S[1:])), "w": Spec((2, 1, *K)), "bias": Spec((2,))}
    return Problem("convolution", arrays, options)


def _transposed_convolution(pick: Pick) -> Problem:
    options = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
    N, S = _uses(pick)
    if pick.option("used", ("weights", "signal")) == "signal":
        n = N * math.prod(S)
        return Problem("transposed_convolution", {"x": Spec((1, 1, 2)), "w": Spec((1, n, 2)), "bias": None}, options)
    S = S or (1,)
    arrays = {"x": Spec((N, 1, *S)), "w": Spec((1, 2, 2, *[1] * (len(S) - 1))), "bias": Spec((2,))}
    return Problem("transposed_convolution", arrays, options)


def _true_convolution(pick: Pick) -> Problem:
    n, mode = pick.option("terms", FEWER), pick.option("mode", ("valid", "full", "same"))
    return Problem("true_convolution", {"x": Spec((n + 1,)), "w": Spec((2,))}, {"mode": mode})


def _toeplitz(pick: Pick) -> Problem:
    """Each number stands on a whole diagonal."""
    n = pick.option("terms", WINDOWS)
    r = Spec((n,)) if pick.option("row", (True, False)) else None
    return Problem("toeplitz", {"c": Spec((n,)), "r": r}, {})


def _pad(pick: Pick) -> Problem:
    """The number at an edge is repeated."""
    n, side = pick.option("terms", TERMS), pick.option("side", (0, 1))
    pair = (n, 0) if side == 0 else (0, n)
    return Problem("pad", {"x": Spec((1, 1, 2))}, {"padding": (pair,), "mode": "replicate", "value": 0.0})


def _pool(primitive: str, **options: Any) -> Builder:
    """Windows that overlap: the number in the middle is seen by all of them."""

    def build(pick: Pick) -> Problem:
        n, rank = pick.option("terms", WINDOWS), pick.option("rank", (2, 1))
        K = (n,) if rank == 1 else (16, n // 16)
        further = {name: pick.option(name, values) for name, values in options.items()}
        x = Spec((1, 1, *(2 * k - 1 for k in K)))
        return Problem(primitive, {"x": x}, {"kernel": K, "stride": (1,) * rank, **further})

    return build


def _adaptive(primitive: str) -> Builder:
    """More windows than numbers: each of these is seen by its share of them."""

    def build(pick: Pick) -> Problem:
        n, rank = pick.option("terms", WINDOWS), pick.option("rank", (2, 1))
        O = (n,) if rank == 1 else (16, n // 16)
        return Problem(primitive, {"x": Spec((1, 1, pick.size((1, 2, 3)), *[1] * (rank - 1)))}, {"output_size": O})

    return build


def _batch_norm(pick: Pick) -> Problem:
    (N, S), training = _uses(pick), pick.option("training", (True, False))
    running = {"running_mean": Spec((2,)), "running_var": Spec((2,), nonnegative=True)}
    arrays = {"x": Spec((N, 2, *S)), **running, **_affine(2)}
    return Problem("batch_norm", arrays, {"training": training, "momentum": 0.1, "eps": 1e-5})


def _layer_norm(pick: Pick) -> Problem:
    N, S = _uses(pick)
    D = pick.option("normalised", ((4,), (2, 3)))
    arrays = {"x": Spec((N, *S, *D)), "weight": Spec(D), "bias": Spec(D)}
    return Problem("layer_norm", arrays, {"axes": len(D), "eps": 1e-5})


def _group_norm(pick: Pick) -> Problem:
    """A sample has few numbers, since one of the formulas in use updates its moments by one after another."""
    N, S = pick.option("terms", TERMS), pick.option("positions", ((2,), (3, 2)))
    options = {"groups": pick.option("groups", (2, 1)), "eps": 1e-5}
    return Problem("group_norm", {"x": Spec((N, 4, *S)), **_affine(4)}, options)


def _instance_norm(pick: Pick) -> Problem:
    N, S = _uses(pick)
    return Problem("instance_norm", {"x": Spec((N, 2, *(S or (3,)))), **_affine(2)}, {"eps": 1e-5})


def _rms_norm(pick: Pick) -> Problem:
    N, S = _uses(pick)
    D = pick.option("normalised", ((4,), (2, 3)))
    return Problem("rms_norm", {"x": Spec((N, *S, *D)), "weight": Spec(D)}, {"axes": len(D), "eps": 1e-5})


def _dense(pick: Pick) -> Problem:
    (N, S), bias = _uses(pick), Spec((2,)) if pick.option("bias", (True, False)) else None
    if pick.option("used", ("weights", "input")) == "input":
        return Problem("dense", {"x": Spec((2,)), "w": Spec((N * math.prod(S), 2)), "bias": None}, {})
    return Problem("dense", {"x": Spec((N, *S, 3)), "w": Spec((2, 3)), "bias": bias}, {})


def _two_layers(primitive: str) -> Builder:
    """Over many samples, or through many hidden numbers."""

    def build(pick: Pick) -> Problem:
        n, along = pick.option("terms", FEWER), pick.option("along", ("samples", "hidden"))
        N, m = (n, 3) if along == "samples" else (1, n)
        arrays = {"x": Spec((N, 2)), "w1": Spec((m, 2)), "w2": Spec((2, m)), "b1": Spec((m,)), "b2": Spec((2,))}
        return Problem(primitive, arrays, {})

    return build


def _embedding(pick: Pick) -> Problem:
    N, S = _uses(pick)
    arrays = {"i": Spec((N, *S), among=(1, 0, 2)), "table": Spec((3, 2))}
    return Problem("embedding", arrays, {"padding_idx": pick.option("padding", (None, 0))})


def _patch_embedding(pick: Pick) -> Problem:
    N, S = _uses(pick)
    S = S or (1,)
    arrays = {"x": Spec((N, 1, *(2 * s for s in S))), "w": Spec((3, 1, *[2] * len(S))), "bias": Spec((3,))}
    return Problem("patch_embedding", arrays, {})


def _attention(pick: Pick) -> Problem:
    """Many queries of two keys, or many keys for two queries."""
    n, along = pick.option("terms", FEWER), pick.option("along", ("queries", "keys"))
    B = (1, 1) if pick.option("rank", (4, 2)) == 4 else ()
    T, S = (n, 2) if along == "queries" else (2, n)
    q, k = Spec((*B, T, 2), moderate=True), Spec((*B, S, 2), moderate=True)
    options = {"causal": False, "scale": None}
    return Problem("scaled_dot_product_attention", {"q": q, "k": k, "v": Spec((*B, S, 2)), "mask": None}, options)


def _multi_head_attention(pick: Pick) -> Problem:
    T, H = pick.option("terms", FEWER), pick.option("heads", (1, 2))
    E = 2 * H
    weights = {name: Spec((E, E), moderate=True, scale=0.25) for name in ("w_q", "w_k", "w_v", "w_o")}
    biases = {name: Spec((E,), moderate=True) for name in ("b_q", "b_k", "b_v", "b_o")}
    query, key = (Spec((1, n, E), moderate=True) for n in (T, 2))
    arrays = {"query": query, "key": key, "value": None, **weights, **biases, "mask": None, "key_padding_mask": None}
    return Problem("multi_head_attention", arrays, {"heads": H, "causal": False})


def _additive_attention(pick: Pick) -> Problem:
    T = pick.option("terms", FEWER)
    arrays = {"s": Spec((T, 2)), "h": Spec((2, 3)), "w_s": Spec((2, 2)), "w_h": Spec((2, 3)), "v": Spec((2,))}
    small = {name: Spec(spec.shape, moderate=True) for name, spec in arrays.items()}
    return Problem("additive_attention", {**small, "mask": None}, {})


def _learned_encoding(pick: Pick) -> Problem:
    N, S = _uses(pick)
    return Problem("learned_encoding", {"x": Spec((N, *S, 2, 3)), "table": Spec((3, 3))}, {})


def _lstm(pick: Pick) -> Problem:
    """One step of many samples, whose gates are half open: so numbers are small."""
    N = pick.option("terms", FEWER)
    x = {"x": Spec((N, 1, 2), moderate=True), **{name: Spec((N, 2), moderate=True) for name in ("h", "c")}}
    weights = {name: Spec((8, 2), moderate=True, scale=0.125) for name in ("w_x", "w_h")}
    biases = {name: Spec((8,), moderate=True, scale=0.125) for name in ("b_x", "b_h")}
    return Problem("lstm", {**x, **weights, **biases}, {})


BUILDERS: dict[str, Builder] = {
    "pad": _pad,
    "convolution": _convolution,
    "transposed_convolution": _transposed_convolution,
    "true_convolution": _true_convolution,
    "toeplitz": _toeplitz,
    "max_pool": _pool("max_pool"),
    "sum_pool": _pool("sum_pool"),
    "average_pool": _pool("average_pool"),
    "lp_pool": _pool("lp_pool", norm_type=(2, 1)),
    "adaptive_max_pool": _adaptive("adaptive_max_pool"),
    "adaptive_average_pool": _adaptive("adaptive_average_pool"),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "rms_norm": _rms_norm,
    "softmax": LONG_BUILDERS["softmax"],
    "log_softmax": LONG_BUILDERS["log_softmax"],
    "dense": _dense,
    "feed_forward": _two_layers("feed_forward"),
    "residual": _two_layers("residual"),
    "lstm": _lstm,
    "embedding": _embedding,
    "patch_embedding": _patch_embedding,
    "scaled_dot_product_attention": _attention,
    "multi_head_attention": _multi_head_attention,
    "additive_attention": _additive_attention,
    "learned_encoding": _learned_encoding,
}
USUAL = ("positive", "ones")  # whose sums grow: where terms cancel, a layer that stores its result decides nothing
# Of ones many are the largest of a window; and what is added to all scores alike has no gradient.
KINDS_OF = {"max_pool": ("normal",), "log_softmax": ("positive", "normal")}


def long_gradients(primitive: str) -> Problems | None:
    """The problems of a primitive with a gradient that adds up; None of one without."""
    build = BUILDERS.get(primitive)
    return build and Problems(primitive, build, KINDS_OF.get(primitive, USUAL), share=0.2)
