"""Problems of residual blocks."""

from __future__ import annotations

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
