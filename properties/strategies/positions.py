"""Problems of positional encodings."""

from __future__ import annotations

from properties.strategies.problems import Pick, Problem, Problems, Spec

# Small numbers and neighbours, scattered ones, and neighbours far from the start.
POSITIONS = ("integers", "normal", "wide", "offset")


def sinusoidal_encodings(
    *,
    base: tuple[float, ...] = (10000.0, 100.0, 2.0),
    first_index: tuple[int, ...] = (0, 1),
    layout: tuple[str, ...] = ("interleaved", "halves"),
    offset: bool = False,
    kinds: tuple[str, ...] = POSITIONS,
) -> Problems:
    """Positions of any rank, whole numbers; offset adds one number k, by which a law moves all of them."""

    def build(pick: Pick) -> Problem:
        options = {
            "d": pick.option("d", (4, 2, 6, 16)),
            "base": pick.option("base", base),
            "first_index": pick.option("first_index", first_index),
            "layout": pick.option("layout", layout),
        }
        T = pick.sizes((1, 2, 3, 0), pick.option("rank", (1, 0, 2)))
        return Problem(
            "sinusoidal_encoding",
            {"t": Spec(T, whole=True)},
            options,
            {"k": Spec((), whole=True)} if offset else {},
        )

    return Problems("sinusoidal_encoding", build, kinds)


def learned_encodings() -> Problems:
    """Sequences as long as the table, and shorter ones."""

    def build(pick: Pick) -> Problem:
        T, d = pick.size((2, 1, 3, 0)), pick.size((1, 2, 3))
        N = pick.sizes((1, 2, 3, 0), pick.option("rank", (3, 2, 4)) - 2)
        rows = T + pick.option("further rows", (0, 1, 3))
        return Problem("learned_encoding", {"x": Spec((*N, T, d)), "table": Spec((rows, d))}, {})

    return Problems("learned_encoding", build)


def naive_encodings() -> Problems:
    """Sequences that begin at 0 or later, up to positions that low formats do not have."""

    def build(pick: Pick) -> Problem:
        T, d = pick.size((2, 1, 3, 0)), pick.size((1, 2, 3))
        N = pick.sizes((1, 2, 3, 0), pick.option("rank", (3, 2, 4)) - 2)
        options = {"start": pick.option("start", (0, 1, 255, 2047))}
        return Problem("naive_encoding", {"x": Spec((*N, T, d))}, options)

    return Problems("naive_encoding", build)
