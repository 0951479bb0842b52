"""Problems of the normalisations."""

from __future__ import annotations

import math

from properties.strategies.problems import Pick, Problem, Problems, Spec

AFFINE = {"neither": (), "both": ("weight", "bias"), "weight": ("weight",), "bias": ("bias",)}


def batch_norms(
    *,
    training: tuple[bool, ...] = (True, False),
    affine: tuple[str, ...] = tuple(AFFINE),
    momentum: tuple[float, ...] = (0.1, 0.5, 1.0, 0.0),
    eps: tuple[float, ...] = (1e-5, 1e-3, 1.0),
    shift: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Batches with zero to two spatial axes; shift adds a number c for each channel.

    In training every channel has at least two values, since the unbiased variance of one is 0/0.
    """

    def build(pick: Pick) -> Problem:
        options = {
            "training": pick.option("training", training),
            "momentum": pick.option("momentum", momentum),
            "eps": pick.option("eps", eps),
        }
        names = AFFINE[pick.option("affine", affine)]
        rank = pick.option("rank", (0, 1, 2))
        C = pick.size((1, 2, 3))
        N = pick.option("batch", (2, 1, 3, 8) if options["training"] else (2, 1, 3, 0))
        S = pick.sizes((1, 2, 3, 4), rank)
        if options["training"] and N * math.prod(S) < 2:
            N = 2
        arrays = {
            "x": Spec((N, C, *S)),
            "running_mean": Spec((C,)),
            "running_var": Spec((C,), nonnegative=True),
            "weight": Spec((C,)) if "weight" in names else None,
            "bias": Spec((C,)) if "bias" in names else None,
        }
        extras = {"c": Spec((1, C, *[1] * rank))} if shift else {}
        return Problem("batch_norm", arrays, options, extras)

    return Problems("batch_norm", build, kinds)
