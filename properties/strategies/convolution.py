"""Problems of convolution, padding and the output size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from properties.strategies.problems import Pick, Problem, Problems, Spec
from reference.convolution import paddings

MODES = ("zeros", "reflect", "replicate", "circular")
MORE = (1, 0, 2, 3, 4)
PADDINGS = ("none", "one side each", "asymmetric", "same", "valid", "full")


def _sides(pick: Pick, padding: str, rank: int) -> Any:
    match padding:
        case "none":
            return 0
        case "one side each":
            return pick.sizes((1, 2), rank)
        case "asymmetric":
            return tuple(pick.sizes((1, 0, 2), 2) for _ in range(rank))
    return padding


def convolutions(
    *,
    rank: tuple[int, ...] = (1, 2, 3),
    stride: tuple[int | str, ...] = (1, 2, 3, "mixed"),
    padding: tuple[str, ...] = PADDINGS,
    dilation: tuple[int | str, ...] = (1, 2, 3, "mixed"),
    groups: tuple[int, ...] = (1, 2, 3),
    padding_mode: tuple[str, ...] = MODES,
    bias: tuple[bool, ...] = (False, True),
    batch: tuple[int, ...] = (1, 2, 0),
    inputs: int = 1,
    kernels: int = 1,
    kernel: tuple[int, ...] = (2, 1, 3, 4),
    channels: tuple[int, ...] = (1, 2, 3),
    circular_multiple: bool = False,
    room: int = 0,
    more: tuple[int, ...] = MORE,
    flush: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Signals and kernels that fit.

    inputs, kernels: how many signals and kernels of that shape a law needs (x, x2; w, w2).
    circular_multiple: circular padding that keeps the size, and a stride that divides it.
    room: additional elements on each axis, for laws about the interior. more: how many the signal may have beyond
    the least. flush: the last window ends where the padded signal does.
    """

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", rank)
        g = pick.option("groups", groups)
        C, O = g * pick.size(channels), g * pick.size((1, 2, 3))
        N = pick.option("batch", batch)
        K = pick.sizes(kernel, r)
        d = pick.per_axis("dilation", dilation, r)
        s = pick.per_axis("stride", stride, r)
        spans = [d_i * (K_i - 1) + 1 for d_i, K_i in zip(d, K, strict=True)]
        if circular_multiple:
            sides: Any = tuple(((span - 1) // 2, span - 1 - (span - 1) // 2) for span in spans)
            mode = "circular"
            S = tuple(s_i * (-(-span // s_i) + pick.size((1, 0, 2))) for s_i, span in zip(s, spans, strict=True))
        else:
            sides = _sides(pick, pick.option("padding", padding, usual="one side each"), r)
            mode = pick.option("padding_mode", padding_mode)
            S = _signal(pick, sides, mode, K, s, d, spans, room, more, flush)
        options = {"stride": s, "padding": sides, "dilation": d, "groups": g, "padding_mode": mode}
        arrays = {
            "x": Spec((N, C, *S)),
            "w": Spec((O, C // g, *K)),
            "bias": Spec((O,)) if pick.option("bias", bias) else None,
        }
        extras = {f"x{i}": Spec((N, C, *S)) for i in range(2, inputs + 1)}
        extras |= {f"w{i}": Spec((O, C // g, *K)) for i in range(2, kernels + 1)}
        return Problem("convolution", arrays, options, extras)

    return Problems("convolution", build, kinds)


def _signal(
    pick: Pick,
    sides: Any,
    mode: str,
    K: Sequence[int],
    s: Sequence[int],
    d: Sequence[int],
    spans: Sequence[int],
    room: int,
    more: Sequence[int],
    flush: bool,
) -> tuple[int, ...]:
    """Sizes into which the kernel fits, and that the padding mode can continue."""
    S = []
    for axis, span in enumerate(spans):
        one = sides if isinstance(sides, (int, str)) else sides[axis : axis + 1]
        before, after = paddings(one, (span,), K[axis : axis + 1], s[axis : axis + 1], d[axis : axis + 1])[0]
        continued = {"zeros": 0, "reflect": max(before, after) + 1, "replicate": 1, "circular": max(before, after, 1)}[
            mode
        ]
        least = span if isinstance(sides, str) else max(span - before - after, continued)
        if sides in ("same", "full") and mode == "zeros":
            least = 1
        size = least + room + pick.size(more)
        S.append(size - (size + before + after - span) % -s[axis] if flush else size)
    return tuple(S)


def transposed_convolutions(
    *,
    rank: tuple[int, ...] = (1, 2, 3),
    stride: tuple[int | str, ...] = (1, 2, 3, "mixed"),
    padding: tuple[str, ...] = ("none", "one side each", "asymmetric"),
    output_padding: tuple[int, ...] = (0, 1, 2),
    dilation: tuple[int | str, ...] = (1, 2, "mixed"),
    groups: tuple[int, ...] = (1, 2, 3),
    bias: tuple[bool, ...] = (False, True),
    batch: tuple[int, ...] = (1, 2, 0),
    inputs: int = 1,
    kernels: int = 1,
    forward: bool = False,
) -> Problems:
    """Signals and kernels whose result has at least one element on each axis.

    Frameworks allow an output padding below the stride or the dilation. inputs, kernels: how many signals
    and kernels of that shape a law needs. forward: a law needs z, a signal of the size of the result, and
    the output padding is below the stride, so that the convolution of z has the size of x.
    """

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", rank)
        g = pick.option("groups", groups)
        C, O = g * pick.size((1, 2, 3)), g * pick.size((1, 2, 3))
        N = pick.option("batch", batch)
        K = pick.sizes((2, 1, 3), r)
        d = pick.per_axis("dilation", dilation, r)
        s = pick.per_axis("stride", stride, r)
        sides = _sides(pick, pick.option("padding", padding), r)
        asked = pick.option("output_padding", output_padding)
        more = tuple(min(asked, (s_i if forward else max(s_i, d_i)) - 1) for s_i, d_i in zip(s, d, strict=True))
        pairs = paddings(sides, *[(1,) * r] * 4)
        reach = [d_i * (K_i - 1) + m - sum(pair) for d_i, K_i, m, pair in zip(d, K, more, pairs, strict=True)]
        least = [1 - (min(n, 0) // s_i) for n, s_i in zip(reach, s, strict=True)]
        S = tuple(n + pick.size((1, 0, 2, 3)) for n in least)
        P = tuple((S_i - 1) * s_i + n + 1 for S_i, s_i, n in zip(S, s, reach, strict=True))
        arrays = {
            "x": Spec((N, C, *S)),
            "w": Spec((C, O // g, *K)),
            "bias": Spec((O,)) if pick.option("bias", bias) else None,
        }
        options = {"stride": s, "padding": sides, "output_padding": more, "dilation": d, "groups": g}
        extras = {f"x{i}": Spec((N, C, *S)) for i in range(2, inputs + 1)}
        extras |= {f"w{i}": Spec((C, O // g, *K)) for i in range(2, kernels + 1)}
        extras |= {"z": Spec((N, O, *P))} if forward else {}
        return Problem("transposed_convolution", arrays, options, extras)

    return Problems("transposed_convolution", build)


def output_sizes() -> Problems:
    """Sizes into which the kernel fits, also of 0 and 1."""

    def build(pick: Pick) -> Problem:
        K, s, d = (
            pick.option("kernel", (2, 1, 3, 5)),
            pick.option("stride", (1, 2, 3, 4)),
            pick.option("dilation", (1, 2, 3)),
        )
        before = pick.option("padding", (0, 1, 2))
        after = pick.option("after", ("as before", 0, 1, 2))
        sides = (before, after if isinstance(after, int) else before)
        least = max(d * (K - 1) + 1 - sum(sides), 0)
        size = least + pick.size((*range(1, 10), 0))
        return Problem("output_size", {"size": size, "kernel": K}, {"stride": s, "padding": sides, "dilation": d})

    return Problems("output_size", build)


def pads(
    *, mode: tuple[str, ...] = ("constant", "reflect", "replicate", "circular"), kinds: tuple[str, ...] | None = None
) -> Problems:
    """Signals with a padding that the mode can continue."""

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", (1, 2, 3))
        chosen = pick.option("mode", mode)
        value = pick.option("value", (0.0, 1.5, -2.0) if chosen == "constant" else (0.0,))
        N, C = pick.option("batch", (1, 2, 0)), pick.size((1, 2))
        sides = tuple(pick.sizes((1, 0, 2, 3), 2) for _ in range(r))
        least = [
            {"constant": 0, "reflect": max(pair) + 1, "replicate": 1, "circular": max(*pair, 1)}[chosen]
            for pair in sides
        ]
        S = tuple(n + pick.size((1, 0, 2, 3)) for n in least)
        return Problem("pad", {"x": Spec((N, C, *S))}, {"padding": sides, "mode": chosen, "value": value})

    return Problems("pad", build, kinds)


def deltas() -> Problems:
    """A kernel of odd size that is 1 at one tap, for each channel its own output; the size is kept."""

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", (1, 2, 3))
        d = pick.per_axis("dilation", (1, 2, "mixed"), r)
        N, C = pick.option("batch", (1, 2)), pick.size((1, 2))
        K = pick.sizes((3, 1, 5), r)
        tap = tuple(pick.size((K_i // 2, *range(K_i))) for K_i in K)
        S = pick.sizes((2, 1, 3, 4), r)
        sides = tuple((d_i * (K_i // 2),) * 2 for d_i, K_i in zip(d, K, strict=True))
        options = {"stride": (1,) * r, "padding": sides, "dilation": d}
        return Problem("convolution", {"x": Spec((N, C, *S))}, options, {"kernel": K, "tap": tap})

    return Problems("convolution", build)


def _channels(pick: Pick) -> tuple[int, dict[str, int]]:
    """Groups, and the channels before and behind them."""
    g = pick.option("groups", (1, 2, 3))
    return g, {"channels": g * pick.size((3, 1, 2, 5)), "outputs": g * pick.size((2, 1, 3, 64))}


def parameter_counts() -> Problems:
    """Layers with kernels of different sides."""

    def build(pick: Pick) -> Problem:
        g, channels = _channels(pick)
        K = pick.sizes((3, 1, 2, 7), pick.option("rank", (2, 1, 3)))
        options = {"kernel": K, "groups": g, "bias": pick.option("bias", (True, False))}
        return Problem("parameter_count", channels, options)

    return Problems("parameter_count", build)


def flop_counts() -> Problems:
    """Layers, and signals into which their kernels fit."""

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", (2, 1, 3))
        g, channels = _channels(pick)
        K, d, s = pick.sizes((3, 1, 2), r), pick.per_axis("dilation", (1, 2), r), pick.per_axis("stride", (1, 2, 3), r)
        sides = _sides(pick, pick.option("padding", ("none", "one side each", "asymmetric")), r)
        spans = [d_i * (K_i - 1) + 1 for d_i, K_i in zip(d, K, strict=True)]
        options = {"kernel": K, "batch": pick.option("batch", (1, 2)), "stride": s, "padding": sides, "dilation": d}
        size = _signal(pick, sides, "zeros", K, s, d, spans, 0, MORE, False)
        options |= {"size": tuple(max(n, 1) for n in size), "groups": g, "bias": pick.option("bias", (True, False))}
        return Problem("flop_count", channels, options)

    return Problems("flop_count", build)


def true_convolutions(
    *,
    rank: tuple[int, ...] = (1, 2, 3),
    mode: tuple[str, ...] = ("full", "same", "valid"),
    order: tuple[str, ...] = ("signal first", "kernel first"),
    further: bool = False,
    room: int = 0,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """A signal and a kernel, in any order, of which one is as long as the other on every axis.

    further: a law needs v, a second kernel that is no longer than the first. room: additional elements of the signal.
    """

    def build(pick: Pick) -> Problem:
        r = pick.option("rank", rank)
        K = pick.sizes((2, 1, 3, 4), r)
        S = tuple(n + room + pick.size((1, 0, 2, 3)) for n in K)
        options = {"mode": pick.option("mode", mode)}
        S, K = (S, K) if pick.option("order", order) == "signal first" else (K, S)
        extras = {"v": Spec(tuple(min(pick.size((2, 1, 3)), n) for n in K))} if further else {}
        return Problem("true_convolution", {"x": Spec(S), "w": Spec(K)}, options, extras)

    return Problems("true_convolution", build, kinds)


def toeplitzes() -> Problems:
    """A column and a row, or a column alone, of one matrix or of several."""

    def build(pick: Pick) -> Problem:
        N = pick.sizes((2, 1, 0), pick.option("rank", (0, 1, 2)))
        m, n = pick.option("column", (3, 1, 2, 5)), pick.option("row", (2, 1, 3, 4, None))
        return Problem("toeplitz", {"c": Spec((*N, m)), "r": None if n is None else Spec((*N, n))}, {})

    return Problems("toeplitz", build)


def with_place(problems: Problems) -> Problems:
    """The same problems with a place in the signal x, for laws about a single number; None if x is empty."""

    def build(pick: Pick) -> Problem:
        problem = problems.build(pick)
        x = problem.arrays["x"]
        assert isinstance(x, Spec)
        place = tuple(pick.size(range(n)) for n in x.shape) if x.size else None
        return Problem(problem.primitive, problem.arrays, problem.options, {**problem.extras, "place": place})

    return Problems(problems.primitive, build, problems.kinds)
