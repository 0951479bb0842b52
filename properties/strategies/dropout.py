"""Problems of dropout."""

from __future__ import annotations

from typing import Any

from properties.strategies.problems import Pick, Problem, Problems, Spec


def dropouts(
    *,
    p: tuple[float, ...] = (0.5, 0.1, 0.25, 0.9, 0.0, 1.0),
    training: tuple[bool, ...] = (True, False),
    many: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Arrays of any rank, or with many=True arrays of some thousand elements (N, C, T), each side even."""

    def build(pick: Pick) -> Problem:
        options: dict[str, Any] = {"p": pick.option("p", p), "training": pick.option("training", training)}
        options["key"] = pick.size(tuple(range(100)))
        shape: tuple[int, ...]
        if many:
            shape = (2 * pick.size((2, 3)), 2 * pick.size((4, 5)), 2 * pick.size((32, 48)))
        else:
            shape = pick.sizes((1, 2, 3, 5, 0), pick.option("rank", (1, 2, 3, 0)))
        return Problem("dropout", {"x": Spec(shape)}, options)

    return Problems("dropout", build, kinds)
