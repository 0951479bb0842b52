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


def layer_norms(
    *,
    affine: tuple[str, ...] = tuple(AFFINE),
    eps: tuple[float, ...] = (1e-5, 1e-3, 1.0),
    samples: tuple[int, ...] = (0, 1, 2),
    batch: tuple[int, ...] = (2, 1, 3, 0),
    shift: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Samples of one to three axes, with as many axes of a batch as samples says; shift adds a number c for each."""

    def build(pick: Pick) -> Problem:
        axes = pick.option("axes", (1, 2, 3))
        options = {"axes": axes, "eps": pick.option("eps", eps)}
        names = AFFINE[pick.option("affine", affine, usual="both")]
        leading, N = pick.option("samples", samples, usual=1), pick.option("batch", batch)
        B = (N, *pick.sizes((1, 2), leading - 1)) if leading else ()
        D = (*pick.sizes((2, 1, 3), axes - 1), pick.option("length", (3, 2, 1, 19) if axes == 1 else (3, 2, 1)))
        arrays = {
            "x": Spec((*B, *D)),
            "weight": Spec(D) if "weight" in names else None,
            "bias": Spec(D) if "bias" in names else None,
        }
        extras = {"c": Spec((*B, *[1] * len(D)))} if shift else {}
        return Problem("layer_norm", arrays, options, extras)

    return Problems("layer_norm", build, kinds)
