"""Problems of embeddings."""

from __future__ import annotations

from properties.strategies.problems import Pick, Problem, Problems, Spec


def embeddings(
    *, padding: tuple[str, ...] = ("none", "first", "last", "from the end"), kinds: tuple[str, ...] | None = None
) -> Problems:
    """Indices with up to three axes, some of them used often and some never, and a row of padding."""

    def build(pick: Pick) -> Problem:
        N = pick.sizes((3, 2, 5, 0), pick.option("rank", (1, 0, 2, 3)))
        V, d = pick.option("rows", (3, 1, 2, 17)), pick.option("width", (2, 1, 5))
        padding_idx = {"none": None, "first": 0, "last": V - 1, "from the end": -1}[pick.option("padding", padding)]
        arrays = {"i": Spec(N, among=tuple(range(V))), "table": Spec((V, d))}
        return Problem("embedding", arrays, {"padding_idx": padding_idx})

    return Problems("embedding", build, kinds)


def patch_embeddings(*, bias: tuple[bool, ...] = (False, True), kinds: tuple[str, ...] | None = None) -> Problems:
    """Images of one to three axes, which patches tile; along no two axes are there as many of the same size."""

    def build(pick: Pick) -> Problem:
        rank, N, C = pick.option("rank", (2, 1, 3)), pick.option("batch", (1, 2, 0)), pick.option("channels", (1, 3))
        P, counts = pick.option("patch", ((2, 3, 1), (1, 2, 2), (3, 1, 2)))[:rank], pick.sizes((2, 1, 3), rank)
        O = pick.option("outputs", (2, 1, 5))
        x = Spec((N, C, *(n * p for n, p in zip(counts, P, strict=True))))
        b = Spec((O,)) if pick.option("bias", bias) else None
        return Problem("patch_embedding", {"x": x, "w": Spec((O, C, *P)), "bias": b}, {})

    return Problems("patch_embedding", build, kinds)
