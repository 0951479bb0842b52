"""Problems of the dense layer."""

from __future__ import annotations

from properties.strategies.problems import Pick, Problem, Problems, Spec


def denses(
    *, bias: tuple[bool, ...] = (False, True), inputs: int = 1, kernels: int = 1, kinds: tuple[str, ...] | None = None
) -> Problems:
    """Inputs with up to three axes of a batch.

    inputs, kernels: how many inputs and weights of that shape a law needs (x, x2; w, w2).
    """

    def build(pick: Pick) -> Problem:
        rank, N = pick.option("samples", (1, 0, 2, 3)), pick.option("batch", (2, 1, 3, 0))
        B = (N, *pick.sizes((1, 2), rank - 1)) if rank else ()
        I = pick.option("length", (2, 1, 3, 19, 0))
        O = pick.option("outputs", (1, 2, 3, 17))
        arrays = {"x": Spec((*B, I)), "w": Spec((O, I)), "bias": Spec((O,)) if pick.option("bias", bias) else None}
        extras = {f"x{i}": Spec((*B, I)) for i in range(2, inputs + 1)}
        extras |= {f"w{i}": Spec((O, I)) for i in range(2, kernels + 1)}
        return Problem("dense", arrays, {}, extras)

    return Problems("dense", build, kinds)
