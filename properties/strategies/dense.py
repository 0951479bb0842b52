"""Problems of the dense layer, and of two."""

from __future__ import annotations

from properties.strategies.kinds import OF_TWO_LAYERS
from properties.strategies.problems import Pick, Problem, Problems, Spec


def denses(
    *,
    bias: tuple[bool, ...] = (False, True),
    inputs: int = 1,
    kernels: int = 1,
    then: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Inputs with up to three axes of a batch.

    inputs, kernels: how many inputs and weights of that shape a law needs (x, x2; w, w2). then: a layer that
    follows (w_next, bias_next).
    """

    def build(pick: Pick) -> Problem:
        rank, N = pick.option("samples", (1, 0, 2, 3)), pick.option("batch", (2, 1, 3, 0))
        B = (N, *pick.sizes((1, 2), rank - 1)) if rank else ()
        I = pick.option("length", (2, 1, 3, 19, 0))
        O = pick.option("outputs", (1, 2, 3, 17))
        arrays = {"x": Spec((*B, I)), "w": Spec((O, I)), "bias": Spec((O,)) if pick.option("bias", bias) else None}
        extras = {f"x{i}": Spec((*B, I)) for i in range(2, inputs + 1)}
        extras |= {f"w{i}": Spec((O, I)) for i in range(2, kernels + 1)}
        extras |= {"w_next": Spec((2, O)), "bias_next": Spec((2,))} if then else {}
        return Problem("dense", arrays, {}, extras)

    return Problems("dense", build, kinds)


def feed_forwards(*, bias: tuple[bool, ...] = (False, True), kinds: tuple[str, ...] | None = None) -> Problems:
    """Positions with up to two axes before them; the layer inside is narrower, as wide, or wider.

    Not near the end of the format: products of three numbers would be infinite, and say nothing.
    """

    def build(pick: Pick) -> Problem:
        N = pick.sizes((2, 1, 3, 0), pick.option("positions", (2, 0, 1)))
        d, m, O = pick.option("width", (2, 1, 3)), pick.option("inside", (3, 1, 2, 17)), pick.option("outputs", (2, 1))
        biases = pick.option("biases", tuple((b1, b2) for b1 in bias for b2 in bias))
        arrays = {"x": Spec((*N, d)), "w1": Spec((m, d)), "w2": Spec((O, m), scale=0.25)}
        given = {"b1": Spec((m,)) if biases[0] else None, "b2": Spec((O,)) if biases[1] else None}
        return Problem("feed_forward", {**arrays, **given}, {})

    return Problems("feed_forward", build, kinds or OF_TWO_LAYERS)
