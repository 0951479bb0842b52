"""Problems of recurrences.

Short sequences of few numbers. Gates and the hyperbolic tangent saturate, and then nothing shows; so all numbers
keep to ordinary sizes, and weights are small.
"""

from __future__ import annotations

from typing import Any

from properties.strategies.problems import Pick, Problem, Problems, Spec

WEIGHTS = 0.5  # the scale of matrices: gates that are all open or all closed show little
SIDES = ((3, 2), (2, 3), (1, 1), (2, 2))  # of the input and of the state
LONG = (3, 2, 4, 1)  # sequences
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
BIASES: dict[str, tuple[str, ...]] = {"both": ("b_x", "b_h"), "neither": (), "of the input": ("b_x",)}


def _arrays(
    pick: Pick,
    gates: int,
    B: tuple[int, ...],
    T: tuple[int, ...],
    names: tuple[str, ...],
    bias: tuple[str, ...],
    given: tuple[bool, ...],
    sides: tuple[tuple[int, int], ...],
) -> dict[str, Any]:
    """Input, states, weights and biases; which sides they have, and what of it is there."""
    d, H = pick.option("sides", sides)
    is_given = pick.option("states", given)
    biases = BIASES[pick.option("bias", bias)]
    return {
        "x": Spec((*B, *T, d), moderate=True),
        **{name: Spec((*B, H), moderate=True) if is_given else None for name in names},
        "w_x": Spec((gates * H, d), moderate=True, scale=WEIGHTS),
        "w_h": Spec((gates * H, H), moderate=True, scale=WEIGHTS),
        **{name: Spec((gates * H,), moderate=True) if name in biases else None for name in ("b_x", "b_h")},
    }


def recurrences(
    primitive: str,
    *,
    batch: tuple[int | None, ...] = (2, None, 1, 0),
    steps: tuple[int, ...] = LONG,
    sides: tuple[tuple[int, int], ...] = SIDES,
    bias: tuple[str, ...] = tuple(BIASES),
    states: tuple[bool, ...] = (True, False),
    nonlinearity: tuple[str, ...] = ("tanh", "relu"),
    others: tuple[str, ...] = (),
) -> Problems:
    """Problems of one of rnn, lstm and gru, or of one step of them.

    batch: None for a sequence alone. others: for which of the arrays a law needs a second one (x2 for x).
    """
    kind, is_step = primitive.removesuffix("_step"), primitive.endswith("_step")

    def build(pick: Pick) -> Problem:
        N = pick.option("batch", batch)
        T = () if is_step else (pick.option("steps", steps),)
        names = ("h", "c") if kind == "lstm" else ("h",)
        arrays = _arrays(pick, GATES[kind], () if N is None else (N,), T, names, bias, states, sides)
        options = {"nonlinearity": pick.option("nonlinearity", nonlinearity)} if kind == "rnn" else {}
        return Problem(primitive, arrays, options, {f"{name}2": arrays[name] for name in others})

    return Problems(primitive, build)


def decoder_steps(
    *, batch: tuple[int | None, ...] = (2, None, 1, 3, 0), bias: tuple[bool, ...] = (False, True)
) -> Problems:
    """An output, a state and a context, each with a width of its own."""

    def build(pick: Pick) -> Problem:
        N = pick.option("batch", batch)
        d, H, e = pick.option("sides", ((3, 2, 4), (2, 3, 1), (1, 1, 1), (2, 2, 2)))
        B = () if N is None else (N,)
        sides = {"y": d, "s": H, "c": e}
        arrays: dict[str, Spec | None] = {name: Spec((*B, side), moderate=True) for name, side in sides.items()}
        arrays |= {f"u_{name}": Spec((H, side), moderate=True, scale=WEIGHTS) for name, side in sides.items()}
        arrays["bias"] = Spec((H,), moderate=True) if pick.option("bias", bias) else None
        return Problem("decoder_step", arrays, {})

    return Problems("decoder_step", build)
