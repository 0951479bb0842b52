"""Problems of pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from properties.strategies.kinds import KINDS
from properties.strategies.problems import Pick, Problem, Problems, Spec

PADDINGS = ("none", "symmetric", "asymmetric")
STRIDES = ("kernel", 1, 2, "mixed")


def _per_axis(pick: Pick, name: str, values: Sequence[int | str], rank: int) -> tuple[int, ...]:
    """One value for all axes, or one for each."""
    value = pick.option(name, values)
    return pick.sizes((1, 2, 3), rank) if isinstance(value, str) else (value,) * rank


def _pools(
    primitive: str,
    *,
    rank: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int | str, ...],
    padding: tuple[str, ...],
    dilation: tuple[int | str, ...] | None,
    ceil_mode: tuple[bool, ...],
    others: dict[str, tuple[Any, ...]],
    inputs: int = 1,
    room: int = 0,
    everywhere: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Signals with at least one window.

    padding: none, at most half of the kernel on both sides, or any. everywhere: every window holds an
    element of the signal. dilation: None if the primitive has no such option. others: further options.
    inputs: how many signals of that shape a law needs (x, x2). room: additional elements on each axis.
    """

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", rank)
        N, C = pick.option("batch", (1, 2, 0)), pick.size((1, 2))
        K = pick.sizes(kernel, r)
        chosen = pick.option("stride", stride)
        s = K if chosen == "kernel" else pick.sizes((1, 2, 3), r) if isinstance(chosen, str) else (int(chosen),) * r
        d = (1,) * r if dilation is None else _per_axis(pick, "dilation", dilation, r)
        sides = _sides(pick, pick.option("padding", padding, usual="symmetric"), K, everywhere)
        ceil = pick.option("ceil_mode", ceil_mode)
        options: dict[str, Any] = {"kernel": K, "stride": None if chosen == "kernel" else s}
        if padding != ("none",):
            options["padding"] = sides if any(map(any, sides)) else 0
        if dilation is not None:
            options["dilation"] = d if max(d) > 1 else 1
        options |= {"ceil_mode": ceil} | {name: pick.option(name, values) for name, values in others.items()}
        S = []
        for K_i, s_i, d_i, pair in zip(K, s, d, sides, strict=True):
            least = d_i * (K_i - 1) + 1 - sum(pair) - (s_i - 1 if ceil else 0)
            S.append(max(least, 1 if ceil or everywhere else 0) + room + pick.size((1, 0, 2, 3, 4)))
        extras = {f"x{i}": Spec((N, C, *S)) for i in range(2, inputs + 1)}
        return Problem(primitive, {"x": Spec((N, C, *S))}, options, extras)

    return Problems(primitive, build, kinds)


def _sides(pick: Pick, padding: str, K: Sequence[int], everywhere: bool) -> tuple[tuple[int, int], ...]:
    match padding:
        case "symmetric":
            return tuple((side, side) for side in (min(pick.size((1, 2, 0)), K_i // 2) for K_i in K))
        case "asymmetric":
            pairs = [pick.sizes((1, 0, 2, 3), 2) for _ in K]
            most = [K_i - 1 if everywhere else max(*pair) for K_i, pair in zip(K, pairs, strict=True)]
            return tuple((min(a, n), min(b, n)) for (a, b), n in zip(pairs, most, strict=True))
    return ((0, 0),) * len(K)


def max_pools(
    *,
    rank: tuple[int, ...] = (1, 2, 3),
    kernel: tuple[int, ...] = (2, 1, 3, 4),
    stride: tuple[int | str, ...] = STRIDES,
    padding: tuple[str, ...] = PADDINGS,
    dilation: tuple[int | str, ...] = (1, 2, "mixed"),
    ceil_mode: tuple[bool, ...] = (False, True),
    **wanted: Any,
) -> Problems:
    """Windows of the maximum; some lie in the padding altogether."""
    return _pools(
        "max_pool",
        rank=rank,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        others={},
        **wanted,
    )


def sum_pools(
    *,
    stride: tuple[int | str, ...] = STRIDES,
    padding: tuple[str, ...] = PADDINGS,
    ceil_mode: tuple[bool, ...] = (False, True),
    **wanted: Any,
) -> Problems:
    """Windows of a sum."""
    return _pools(
        "sum_pool",
        rank=(1, 2, 3),
        kernel=(2, 1, 3, 4),
        stride=stride,
        padding=padding,
        dilation=None,
        ceil_mode=ceil_mode,
        others={},
        **wanted,
    )


def average_pools(
    *,
    kernel: tuple[int, ...] = (2, 1, 3, 4),
    padding: tuple[str, ...] = PADDINGS,
    ceil_mode: tuple[bool, ...] = (False, True),
    count_include_pad: tuple[bool, ...] = (True, False),
    **wanted: Any,
) -> Problems:
    """Windows of an average, each with an element of the signal: the mean of nothing is undefined."""
    return _pools(
        "average_pool",
        rank=(1, 2, 3),
        kernel=kernel,
        stride=STRIDES,
        padding=padding,
        dilation=None,
        ceil_mode=ceil_mode,
        others={"count_include_pad": count_include_pad},
        everywhere=True,
        **wanted,
    )


def lp_pools(
    *,
    kernel: tuple[int, ...] = (2, 1, 3, 4),
    norm_type: tuple[int, ...] = (2, 1),
    ceil_mode: tuple[bool, ...] = (False, True),
    **wanted: Any,
) -> Problems:
    """Windows of a norm, without padding.

    No numbers near the smallest normal one: their squares underflow in every format, and no bound says
    anything about the root of what is lost.
    """
    return _pools(
        "lp_pool",
        rank=(1, 2, 3),
        kernel=kernel,
        stride=STRIDES,
        padding=("none",),
        dilation=None,
        ceil_mode=ceil_mode,
        others={"norm_type": norm_type},
        everywhere=True,
        kinds=tuple(kind for kind in KINDS if kind != "tiny"),
        **wanted,
    )


def global_pools(primitive: str) -> Problems:
    """Signals with at least one element in each channel."""

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", (1, 2, 3))
        N, C = pick.option("batch", (1, 2, 0)), pick.size((1, 2, 3))
        return Problem(primitive, {"x": Spec((N, C, *pick.sizes((2, 1, 3, 5), r)))}, {})

    return Problems(primitive, build)


def adaptive_pools(primitive: str, *, output: tuple[int | str, ...] = (1, 2, 3, "mixed", "all")) -> Problems:
    """Outputs smaller than the signal, and larger; as many as the signal has is the identity."""

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", (1, 2, 3))
        N, C = pick.option("batch", (1, 2, 0)), pick.size((1, 2))
        S = pick.sizes((2, 1, 3, 5, 7), r)
        chosen = pick.option("output", output, usual=2)
        O = S if chosen == "all" else pick.sizes((2, 1, 3, 4), r) if isinstance(chosen, str) else (int(chosen),) * r
        return Problem(primitive, {"x": Spec((N, C, *S))}, {"output_size": O})

    return Problems(primitive, build)
