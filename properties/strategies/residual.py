"""Problems of residual and dense blocks."""

from __future__ import annotations

from collections.abc import Mapping

from properties.strategies.kinds import OF_TWO_LAYERS
from properties.strategies.problems import Pick, Problem, Problems, Spec

BIASES = {"neither": (), "both": ("b1", "b2"), "first": ("b1",), "second": ("b2",)}


def residuals(*, blocks: int = 1) -> Problems:
    """Blocks that bring x back to its own width; blocks: how many a law stacks (w1, w2, then v1, v2)."""

    def build(pick: Pick) -> Problem:
        rank = pick.option("rank", (2, 1, 3))
        batch = pick.option("batch", ("some", "none"))
        biases = BIASES[pick.option("biases", tuple(BIASES))]
        d, m = pick.size((1, 2, 3, 4)), pick.size((1, 2, 3, 5))
        N = list(pick.sizes((1, 2, 3), rank - 1))
        if batch == "none" and N:
            N[0] = 0
        weights = {
            "w1": Spec((m, d)),
            "w2": Spec((d, m)),
            "b1": Spec((m,)) if "b1" in biases else None,
            "b2": Spec((d,)) if "b2" in biases else None,
        }
        second = {f"{name}_": spec for name, spec in weights.items()} if blocks > 1 else {}
        return Problem("residual", {"x": Spec((*N, d)), **weights}, {}, second)

    return Problems("residual", build, OF_TWO_LAYERS)


def mismatched_residuals() -> Problems:
    """Blocks of which one width does not agree; none is 1, since a framework's + broadcasts that."""

    def build(pick: Pick) -> Problem:
        wrong = pick.option("wrong", ("rows of w2", "columns of w2", "columns of w1", "b1", "b2"))
        d, m = pick.size((2, 3)), pick.size((2, 3))
        arrays = {
            "x": Spec((pick.size((1, 2)), d)),
            "w1": Spec((m, d + (wrong == "columns of w1"))),
            "w2": Spec((d + (wrong == "rows of w2"), m + (wrong == "columns of w2"))),
            "b1": Spec((m + 1,)) if wrong == "b1" else None,
            "b2": Spec((d + 1,)) if wrong == "b2" else None,
        }
        return Problem("residual", arrays, {})

    return Problems("residual", build)


# What is multiplied by one kernel after another leaves the range of a format, unless it is of ordinary size.
PATHS = ("identity", "strided", "projected")
KINDS_OF_CONVOLUTIONS = ("normal", "integers", "repeated", "sparse")
SHARES = 0.25, 0.3  # of basic and dense blocks: each costs as much as all of its layers


def basic_blocks(
    *,
    paths: tuple[str, ...] = PATHS,
    kinds: tuple[str, ...] = KINDS_OF_CONVOLUTIONS,
    share: float = SHARES[0],
) -> Problems:
    """Basic blocks; x is added as it is or projected, with or without a stride and further channels."""

    def build(pick: Pick) -> Problem:
        path, rank = pick.option("path", paths), pick.option("rank", (2, 1))
        has_projection, stride = path != "identity", 2 if path == "strided" else 1
        N, C = pick.size((1, 2) if has_projection else (1, 2, 2, 0)), pick.size((2, 1))
        O = C + (pick.size((1, 0) if path == "strided" else (0, 1)) if has_projection else 0)
        # Two windows of an even number show on which side padding stands, and where the stride is.
        S = (4 if stride > 1 else pick.size((4, 3, 1)), *pick.sizes((3, 4, 1), rank - 1))
        K = (pick.option("kernel", (3, 1, 5)),) * rank
        arrays = {
            "x": Spec((N, C, *S), moderate=True),
            **_normed("1", (O, C, *K)),
            **_normed("2", (O, O, *K)),
            **(_normed("_x", (O, C, *[1] * rank)) if has_projection else dict.fromkeys(_normed("_x", ()))),
        }
        return Problem("basic_block", arrays, {"stride": stride, "eps": pick.size((1e-5, 0.5))})

    return Problems("basic_block", build, kinds, share=share)


def _normed(name: str, kernel: tuple[int, ...]) -> Mapping[str, Spec]:
    """A kernel and the norm behind it."""
    norm = {part: Spec(kernel[:1], nonnegative=part == "var") for part in ("mean", "var", "gamma", "beta")}
    return {f"w{name}": Spec(kernel), **{f"{part}{name}": spec for part, spec in norm.items()}}


def mismatched_basic_blocks() -> Problems:
    """Basic blocks whose sum has two shapes; no side of either is 1, since a framework's + broadcasts that."""

    def build(pick: Pick) -> Problem:
        wrong = pick.option("wrong", ("stride", "channels", "projected channels", "a kernel without a middle"))
        rank, C, S = pick.option("rank", (2, 1)), pick.size((2, 3)), pick.size((3, 4))
        O, stride = C + ("channels" in wrong), 1 + (wrong == "stride")
        K = 2 if "kernel" in wrong else pick.size((3, 1))
        no_projection = dict.fromkeys(_normed("_x", ()))
        arrays = {
            "x": Spec((pick.size((1, 2)), C, *[S] * rank)),
            **_normed("1", (O, C, *[K] * rank)),
            **_normed("2", (O, O, *[K] * rank)),
            **(_normed("_x", (C, C, *[1] * rank)) if "projected" in wrong else no_projection),
        }
        return Problem("basic_block", arrays, {"stride": stride})

    return Problems("basic_block", build, ("normal",), share=SHARES[0])


def dense_blocks(*, layers: tuple[int, ...] = (1, 2, 3)) -> Problems:
    """Blocks of one to three layers, with kernels that have a middle: beside which element others lie is left open."""

    def build(pick: Pick) -> Problem:
        rank, L = pick.option("rank", (2, 1)), pick.option("layers", layers, usual=2)
        N, C = pick.option("batch", (1, 2, 0)), pick.size((1, 2))
        S, K = pick.sizes((1, 2, 3), rank), pick.sizes((1, 3), rank)
        kernels: dict[str, Spec | None] = dict.fromkeys(("w1", "w2", "w3"))
        seen = C
        for i in range(1, L + 1):
            k = pick.size((1, 2))
            kernels[f"w{i}"] = Spec((k, seen, *K))
            seen += k
        return Problem("dense_block", {"x": Spec((N, C, *S)), **kernels}, {})

    return Problems("dense_block", build, KINDS_OF_CONVOLUTIONS, share=SHARES[1])
