"""Problems of the activations and the softmax."""

from __future__ import annotations

from typing import Any

from properties.strategies.kinds import KINDS
from properties.strategies.problems import Pick, Problem, Problems, Spec

LENGTHS = (2, 3, 1, 5, 17)


def softmaxes(
    *,
    length: tuple[int, ...] = LENGTHS,
    shift: bool = False,
    from_both_ends: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Scores of any rank, normalised along any axis, of a length.

    shift adds a number c for each row. from_both_ends: the axis may have either of its names, a and a - rank.
    """
    return _rows("softmax", length, shift, from_both_ends, kinds)


def log_softmaxes(
    *, shift: bool = False, from_both_ends: bool = False, kinds: tuple[str, ...] | None = None
) -> Problems:
    """The problems of the softmax."""
    return _rows("log_softmax", LENGTHS, shift, from_both_ends, kinds)


def _rows(
    primitive: str, length: tuple[int, ...], shift: bool, from_both_ends: bool, kinds: tuple[str, ...] | None
) -> Problems:
    def build(pick: Pick) -> Problem:
        rank = pick.option("rank", (3, 2, 4, 1) if from_both_ends else (1, 2, 3, 4))
        from_the_end = range(-2, -rank - 1, -1)
        axis = pick.option("axis", (*from_the_end, *range(rank), -1) if from_both_ends else (-1, *range(rank - 1)))
        others = pick.option("others", ("some", "none"))
        shape = [pick.size((2, 1, 3, 4)) for _ in range(rank)]
        shape[axis] = pick.size(length)
        if others == "none" and rank > 1:
            shape[(axis - 1) % rank] = 0
        kept = list(shape)
        kept[axis] = 1
        extras = {"c": Spec(tuple(kept))} if shift else {}
        return Problem(primitive, {"x": Spec(tuple(shape))}, {"axis": axis}, extras)

    return Problems(primitive, build, kinds, share=0.5 if from_both_ends else 1.0)  # each is asked for twice


# Of a function of each number alone, an offset that all of them share is no test.
SINGLE = tuple(kind for kind in KINDS if kind != "offset")


def identities(*, inputs: int = 1, kinds: tuple[str, ...] = SINGLE) -> Problems:
    """As relus."""
    return _elementwise("identity", inputs, kinds)


def binary_steps(
    *, at_zero: tuple[float, ...] = (1.0, 0.0, 0.5), inputs: int = 1, kinds: tuple[str, ...] = SINGLE
) -> Problems:
    """As relus, with each number that may stand for 0."""
    return _elementwise("binary_step", inputs, kinds, at_zero=at_zero)


def leaky_relus(
    *, slope: tuple[float, ...] = (0.01, 0.25), inputs: int = 1, kinds: tuple[str, ...] = SINGLE
) -> Problems:
    """As relus, with a slope below 1."""
    return _elementwise("leaky_relu", inputs, kinds, slope=slope)


def silus(*, inputs: int = 1, kinds: tuple[str, ...] = SINGLE) -> Problems:
    """As relus."""
    return _elementwise("silu", inputs, kinds)


def relus(*, inputs: int = 1, kinds: tuple[str, ...] = SINGLE) -> Problems:
    """Arrays of any rank. inputs: how many of them a law needs (x, x2)."""
    return _elementwise("relu", inputs, kinds)


def sigmoids(*, inputs: int = 1, kinds: tuple[str, ...] = SINGLE) -> Problems:
    """As relus."""
    return _elementwise("sigmoid", inputs, kinds)


def tanhs(*, inputs: int = 1, kinds: tuple[str, ...] = SINGLE) -> Problems:
    """As relus."""
    return _elementwise("tanh", inputs, kinds)


def gelus(
    *, approximate: tuple[str, ...] = ("none", "tanh"), inputs: int = 1, kinds: tuple[str, ...] = SINGLE
) -> Problems:
    """As relus, in both forms."""
    return _elementwise("gelu", inputs, kinds, approximate=approximate)


def _elementwise(primitive: str, inputs: int, kinds: tuple[str, ...], **options: tuple[Any, ...]) -> Problems:
    """Arrays that fill vector registers with something left over, and short ones."""

    def build(pick: Pick) -> Problem:
        chosen = {name: pick.option(name, values) for name, values in options.items()}
        rank, length = pick.option("rank", (1, 0, 2, 3)), pick.option("length", (3, 1, 17, 0))
        shape = (*pick.sizes((1, 2), rank - 1), length) if rank else ()
        extras = {f"x{i}": Spec(shape) for i in range(2, inputs + 1)}
        return Problem(primitive, {"x": Spec(shape)}, chosen, extras)

    return Problems(primitive, build, kinds)
