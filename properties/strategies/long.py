"""Problems with long reductions: thousands of terms along one axis, and little elsewhere.

A sum of n ones shows an accumulator: of p digits, it stops at 2^p. So 4096 terms are sixteen times more than
bfloat16 can count, and 32768 than float16; what float32 cannot count is too much for a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from properties.strategies.kinds import LONG
from properties.strategies.problems import Pick, Problem, Problems, Spec

TERMS = (4096, 1001, 32768)
FEWER = (4096, 1001)  # where a term costs more than a number
SIDES = {4096: (64, 64), 1001: (77, 13), 32768: (128, 256)}


def _convolution(pick: Pick) -> Problem:
    n, along = pick.option("terms", FEWER), pick.option("along", ("channels", "taps"))
    C, K = (n, 2) if along == "channels" else (1, n)
    bias = Spec((2,)) if pick.option("bias", (False, True)) else None
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "padding_mode": "zeros"}
    return Problem("convolution", {"x": Spec((1, C, K + 1)), "w": Spec((2, C, K)), "bias": bias}, options)


def _transposed_convolution(pick: Pick) -> Problem:
    n, along = pick.option("terms", FEWER), pick.option("along", ("channels", "taps"))
    C, K, S = (n, 2, 2) if along == "channels" else (8, 256, 256)
    bias = Spec((2,)) if pick.option("bias", (False, True)) else None
    options = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
    return Problem("transposed_convolution", {"x": Spec((1, C, S)), "w": Spec((C, 2, K)), "bias": bias}, options)


def _true_convolution(pick: Pick) -> Problem:
    n, (further, more) = pick.option("terms", FEWER), pick.option("order", ((1, 0), (0, 1)))
    return Problem("true_convolution", {"x": Spec((n + further,)), "w": Spec((n + more,))}, {"mode": "valid"})


def _pool(primitive: str, **options: Any) -> Callable[[Pick], Problem]:
    def build(pick: Pick) -> Problem:
        K = SIDES[pick.option("terms", TERMS)]
        further = {name: pick.option(name, values) for name, values in options.items()}
        S = (K[0] + pick.size((0, 1)), K[1])
        return Problem(primitive, {"x": Spec((1, 1, *S))}, {"kernel": K, "stride": (1, 1), **further})

    return build


def _whole(primitive: str, *, has_output_size: bool = False) -> Callable[[Pick], Problem]:
    """Pools of everything that there is."""

    def build(pick: Pick) -> Problem:
        n, rank = pick.option("terms", TERMS), pick.option("rank", (1, 2, 3))
        S = {1: (n,), 2: SIDES[n], 3: (*SIDES[n], 1)}[rank]
        options = {"output_size": (1,) * rank} if has_output_size else {}
        return Problem(primitive, {"x": Spec((1, pick.size((1, 2)), *S))}, options)

    return build


def _batch_norm(pick: Pick) -> Problem:
    n, along = pick.option("terms", TERMS), pick.option("along", ("samples", "positions"))
    x = Spec((n, 1)) if along == "samples" else Spec((1, 1, n))
    running = {"running_mean": Spec((1,)), "running_var": Spec((1,), nonnegative=True)}
    affine = {name: Spec((1,)) for name in ("weight", "bias")}
    return Problem("batch_norm", {"x": x, **running, **affine}, {"training": True, "momentum": 0.1, "eps": 1e-5})


def _layer_norm(pick: Pick) -> Problem:
    """Fewer terms: one of the formulas in use updates its moments by one term after another."""
    n, axes = pick.option("terms", (256, 400)), pick.option("axes", (1, 2))
    D = (n,) if axes == 1 else (4, n // 4)
    arrays = {"x": Spec((1, *D)), "weight": Spec(D), "bias": Spec(D)}
    return Problem("layer_norm", arrays, {"axes": axes, "eps": 1e-5})


def _group_norm(pick: Pick) -> Problem:
    """As many terms as layer norm, for the same reason."""
    n, along = pick.option("terms", (256, 400)), pick.option("along", ("positions", "channels"))
    C, S = (2, (n // 2,)) if along == "positions" else (n, ())
    arrays = {"x": Spec((1, C, *S)), "weight": Spec((C,)), "bias": Spec((C,))}
    return Problem("group_norm", arrays, {"groups": 1, "eps": 1e-5})


def _instance_norm(pick: Pick) -> Problem:
    n, along = pick.option("terms", TERMS), pick.option("along", ("positions", "samples"))
    N, S = (1, (n,)) if along == "positions" else (n // 2, (2,))
    arrays = {"x": Spec((N, 1, *S)), "weight": Spec((1,)), "bias": Spec((1,))}
    return Problem("instance_norm", arrays, {"eps": 1e-5})


def _rms_norm(pick: Pick) -> Problem:
    n = pick.option("terms", TERMS)
    D = pick.option("axes", (1, 2))
    shape = (n,) if D == 1 else SIDES[n]
    return Problem("rms_norm", {"x": Spec((1, *shape)), "weight": Spec(shape)}, {"axes": D, "eps": 1e-5})


def _rows(primitive: str) -> Callable[[Pick], Problem]:
    def build(pick: Pick) -> Problem:
        n, axis = pick.option("terms", TERMS), pick.option("axis", (-1, 0))
        return Problem(primitive, {"x": Spec((2, n) if axis else (n, 2))}, {"axis": axis})

    return build


def _dense(pick: Pick) -> Problem:
    n = pick.option("terms", TERMS)
    bias = Spec((2,)) if pick.option("bias", (False, True)) else None
    return Problem("dense", {"x": Spec((pick.option("batch", (1, 2, 17)), n)), "w": Spec((2, n)), "bias": bias}, {})


def _residual(pick: Pick) -> Problem:
    n, along = pick.option("terms", FEWER), pick.option("along", ("hidden", "width"))
    d, m = (2, n) if along == "hidden" else (n, 2)
    return Problem("residual", {"x": Spec((1, d)), "w1": Spec((m, d)), "w2": Spec((d, m)), "b1": None, "b2": None}, {})


def _attention(pick: Pick) -> Problem:
    S, rank = pick.option("terms", FEWER), pick.option("rank", (4, 2))
    B = (1, 1) if rank == 4 else ()
    q, k = Spec((*B, 2, 2), moderate=True), Spec((*B, S, 2), moderate=True)
    options = {"causal": False, "scale": None}
    return Problem("scaled_dot_product_attention", {"q": q, "k": k, "v": Spec((*B, S, 2)), "mask": None}, options)


def _multi_head_attention(pick: Pick) -> Problem:
    S, H = pick.option("terms", FEWER), pick.option("heads", (1, 2))
    E = H * pick.option("width", (2, 1))
    weights = {name: Spec((E, E), moderate=True, scale=0.25) for name in ("w_q", "w_k", "w_v", "w_o")}
    query, key = (Spec((1, n, E), moderate=True) for n in (2, S))
    others = dict.fromkeys(("b_q", "b_k", "b_v", "b_o", "mask", "key_padding_mask"))
    arrays = {"query": query, "key": key, "value": None, **weights, **others}
    return Problem("multi_head_attention", arrays, {"heads": H, "causal": False})


BUILDERS = {
    "convolution": _convolution,
    "transposed_convolution": _transposed_convolution,
    "true_convolution": _true_convolution,
    "sum_pool": _pool("sum_pool"),
    "average_pool": _pool("average_pool"),
    "lp_pool": _pool("lp_pool", norm_type=(2, 1)),
    "global_average_pool": _whole("global_average_pool"),
    "adaptive_average_pool": _whole("adaptive_average_pool", has_output_size=True),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "rms_norm": _rms_norm,
    "softmax": _rows("softmax"),
    "log_softmax": _rows("log_softmax"),
    "dense": _dense,
    "residual": _residual,
    "scaled_dot_product_attention": _attention,
    "multi_head_attention": _multi_head_attention,
}


def long_reductions(primitive: str) -> Problems | None:
    """The problems of a primitive that adds up; None of one that does not."""
    build = BUILDERS.get(primitive)
    return build and Problems(primitive, build, tuple(LONG))
