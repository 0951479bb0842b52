"""Problems of pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from properties.strategies.kinds import KINDS
from properties.strategies.problems import Pick, Problem, Problems, Spec

PADDINGS = ("none", "symmetric", "asymmetric")
STRIDES = ("kernel", 1, 2, "mixed")


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
    usual_rank: int = 1,
    inputs: int = 1,
    room: int = 0,
    everywhere: bool = False,
    constant: bool = False,
    one_hot: bool = False,
    twice: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Signals with at least one window.

    padding: none, at most half of the kernel on both sides, or any. everywhere: every window holds an
    element of the signal. dilation: None if the primitive has no such option. others: further options.
    room: additional elements on each axis. What a law needs besides: inputs, signals of that shape (x, x2);
    constant, a number c for each channel; one_hot, a probe that is 1 at one place; twice, a second kernel.
    """

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", rank, usual_rank)
        N, C = pick.option("batch", (1, 2, 0)), pick.size((1, 2))
        K = pick.sizes(kernel, r)
        chosen = pick.option("stride", stride)
        s = K if chosen == "kernel" else pick.sizes((1, 2, 3), r) if isinstance(chosen, str) else (int(chosen),) * r
        d = (1,) * r if dilation is None else pick.per_axis("dilation", dilation, r)
        sides = _sides(pick, pick.option("padding", padding, usual="symmetric"), K, everywhere)
        ceil = pick.option("ceil_mode", ceil_mode)
        options: dict[str, Any] = {"kernel": K, "stride": None if chosen == "kernel" else s}
        if padding != ("none",):
            options["padding"] = sides if any(map(any, sides)) else 0
        if dilation is not None:
            options["dilation"] = d if max(d) > 1 else 1
        options |= {"ceil_mode": ceil} | {name: pick.option(name, values) for name, values in others.items()}
        then = pick.sizes((2, 3, 1), r) if twice else (1,) * r
        S = tuple(
            room + _size(pick, more * d_i * (K_i - 1) + more - sum(pair), s_i, ceil, everywhere)
            for K_i, s_i, d_i, pair, more in zip(K, s, d, sides, then, strict=True)
        )
        extras: dict[str, Any] = {f"x{i}": Spec((N, C, *S)) for i in range(2, inputs + 1)}
        if constant:
            extras["c"] = Spec((1, C, *[1] * r))
        if one_hot:
            place = tuple(pick.size(range(S_i)) for S_i in S)
            probe = np.zeros((N, C, *S))
            probe[(slice(None), slice(None), *place)] = 1  # type: ignore[index]  # mypy joins int and slice to object
            extras |= {"place": place, "probe": probe}
        if twice:
            extras["then"] = then
        return Problem(primitive, {"x": Spec((N, C, *S))}, options, extras)

    return Problems(primitive, build, kinds)


def _size(pick: Pick, least: int, s: int, ceil: bool, everywhere: bool) -> int:
    """A size of at least one window; with ceil the last one sticks out by less than the stride, most often by one."""
    if not ceil:
        return max(least, 1 if everywhere else 0) + pick.size((1, 0, 2, 3, 4))
    further, out = pick.sizes((1, 0, 2), 2)
    return max(least + further * s - min(out, s - 1), 1)


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
    """Windows of a sum, usually of two axes: not every backend has sums along one."""
    return _pools(
        "sum_pool",
        rank=(1, 2, 3),
        usual_rank=2,
        kernel=(2, 1, 3, 4),
        stride=stride,
        padding=padding,
        dilation=None,
        ceil_mode=ceil_mode,
        others={},
        **wanted,
    )


KINDS_OF_PRODUCTS = ("normal", "integers", "repeated", "sparse")


def product_pools(
    *,
    stride: tuple[int | str, ...] = STRIDES,
    padding: tuple[str, ...] = PADDINGS,
    ceil_mode: tuple[bool, ...] = (False, False, False, True),
) -> Problems:
    """Windows of a product; a quarter of the problems has ceil_mode.

    Of a few numbers of ordinary size: in which order they are multiplied is left open, and so no bound says anything
    where some of them, by themselves, leave the range of the format.
    """
    return _pools(
        "product_pool",
        rank=(1, 2, 3),
        kernel=(2, 1, 3),
        stride=stride,
        padding=padding,
        dilation=None,
        ceil_mode=ceil_mode,
        others={},
        kinds=KINDS_OF_PRODUCTS,
    )


def average_pools(
    *,
    kernel: tuple[int, ...] = (2, 1, 3, 4),
    stride: tuple[int | str, ...] = STRIDES,
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
        stride=stride,
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
    stride: tuple[int | str, ...] = STRIDES,
    norm_type: tuple[float, ...] = (2, 1, math.inf),
    ceil_mode: tuple[bool, ...] = (False, False, False, True),
    **wanted: Any,
) -> Problems:
    """Windows of a norm, without padding; a quarter of the problems has ceil_mode.

    No numbers near the smallest normal one: their squares underflow in every format, and no bound says
    anything about the root of what is lost.
    """
    return _pools(
        "lp_pool",
        rank=(1, 2, 3),
        kernel=kernel,
        stride=stride,
        padding=("none",),
        dilation=None,
        ceil_mode=ceil_mode,
        others={"norm_type": norm_type},
        everywhere=True,
        kinds=tuple(kind for kind in KINDS if kind != "tiny"),
        **wanted,
    )


def global_pools(
    primitive: str, *, rank: tuple[int, ...] = (1, 2, 3), sides: tuple[int, ...] = (2, 1, 3, 5)
) -> Problems:
    """Signals with at least one element in each channel."""

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", rank)
        N, C = pick.option("batch", (1, 2, 0)), pick.size((1, 2, 3))
        return Problem(primitive, {"x": Spec((N, C, *pick.sizes(sides, r)))}, {})

    return Problems(primitive, build)


def adaptive_pools(
    primitive: str,
    *,
    output: tuple[int | str, ...] = (2, 1, 3, "mixed", "all"),
    sides: tuple[int, ...] = (2, 1, 3, 5, 7),
) -> Problems:
    """Outputs smaller than the signal, and larger; as many as the signal has is the identity."""

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", (1, 2, 3))
        N, C = pick.option("batch", (1, 2, 0)), pick.size((1, 2))
        S = pick.sizes(sides, r)
        match pick.option("output", output):
            case "all":
                O = S
            case "mixed":
                O = pick.sizes((2, 1, 3, 4), r)
            case "divisor":
                O = pick.sizes((2, 1, 3), r)
                S = tuple(O_i * pick.size((2, 1, 3)) for O_i in O)
            case number:
                O = (int(number),) * r
        return Problem(primitive, {"x": Spec((N, C, *S))}, {"output_size": O})

    return Problems(primitive, build)
