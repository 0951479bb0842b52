"""Problems of the activations and the softmax."""

from __future__ import annotations

from properties.strategies.problems import Pick, Problem, Problems, Spec


def softmaxes(*, shift: bool = False, kinds: tuple[str, ...] | None = None) -> Problems:
    """Scores of any rank, normalised along any axis; shift adds a number c for each row."""

    def build(pick: Pick) -> Problem:
        rank = pick.option("rank", (1, 2, 3, 4))
        axis = pick.option("axis", (-1, *range(rank - 1)))
        others = pick.option("others", ("some", "none"))
        shape = [pick.size((2, 1, 3, 4)) for _ in range(rank)]
        shape[axis] = pick.size((2, 3, 1, 5, 17))
        if others == "none" and rank > 1:
            shape[axis - 1] = 0
        kept = list(shape)
        kept[axis] = 1
        extras = {"c": Spec(tuple(kept))} if shift else {}
        return Problem("softmax", {"x": Spec(tuple(shape))}, {"axis": axis}, extras)

    return Problems("softmax", build, kinds)
