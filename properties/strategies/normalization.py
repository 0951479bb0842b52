"""Problems of the normalisations."""

from __future__ import annotations

import math

from properties.strategies.problems import Pick, Problem, Problems, Spec

EPS = (1e-5, 1e-3, 1.0)
AFFINE = {"neither": (), "both": ("weight", "bias"), "weight": ("weight",), "bias": ("bias",)}


def batch_norms(
    *,
    training: tuple[bool, ...] = (True, False),
    affine: tuple[str, ...] = tuple(AFFINE),
    momentum: tuple[float, ...] = (0.1, 0.5, 1.0, 0.0),
    eps: tuple[float, ...] = EPS,
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
            **_weights((C,), names),
        }
        extras = {"c": Spec((1, C, *[1] * rank))} if shift else {}
        return Problem("batch_norm", arrays, options, extras)

    return Problems("batch_norm", build, kinds)


def layer_norms(
    *,
    affine: tuple[str, ...] = tuple(AFFINE),
    eps: tuple[float, ...] = EPS,
    samples: tuple[int, ...] = (0, 1, 2),
    batch: tuple[int, ...] = (2, 1, 3, 0),
    shift: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Samples of one to three axes, with as many axes of a batch as samples says; shift adds a number c for each."""
    return _of_samples("layer_norm", affine, eps, samples, batch, shift, kinds)


def rms_norms(
    *,
    affine: tuple[str, ...] = ("neither", "weight"),
    eps: tuple[float, ...] = EPS,
    samples: tuple[int, ...] = (0, 1, 2),
    batch: tuple[int, ...] = (2, 1, 3, 0),
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """The samples of layer norm; there is no bias."""
    return _of_samples("rms_norm", affine, eps, samples, batch, False, kinds)


def _of_samples(
    primitive: str,
    affine: tuple[str, ...],
    eps: tuple[float, ...],
    samples: tuple[int, ...],
    batch: tuple[int, ...],
    shift: bool,
    kinds: tuple[str, ...] | None,
) -> Problems:
    def build(pick: Pick) -> Problem:
        axes = pick.option("axes", (1, 2, 3))
        options = {"axes": axes, "eps": pick.option("eps", eps)}
        names = AFFINE[pick.option("affine", affine, usual="both")]
        leading, N = pick.option("samples", samples, usual=1), pick.option("batch", batch)
        B = (N, *pick.sizes((1, 2), leading - 1)) if leading else ()
        D = (*pick.sizes((2, 1, 3), axes - 1), pick.option("length", (3, 2, 1, 19) if axes == 1 else (3, 2, 1)))
        arrays = {"x": Spec((*B, *D)), **_weights(D, names, () if primitive == "rms_norm" else ("bias",))}
        extras = {"c": Spec((*B, *[1] * len(D)))} if shift else {}
        return Problem(primitive, arrays, options, extras)

    return Problems(primitive, build, kinds)


def group_norms(
    *,
    affine: tuple[str, ...] = tuple(AFFINE),
    groups: tuple[int, ...] = (2, 1, 3),
    width: tuple[int, ...] = (2, 1, 3),
    eps: tuple[float, ...] = EPS,
    batch: tuple[int, ...] = (2, 1, 3, 0),
    shift: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Groups of one to three channels (width), with zero to two spatial axes; shift adds a number c for each group."""

    def build(pick: Pick) -> Problem:
        G = pick.option("groups", groups)
        C = G * pick.option("width", width)
        names = AFFINE[pick.option("affine", affine, usual="both")]
        options = {"groups": G, "eps": pick.option("eps", eps)}
        N, S = pick.option("batch", batch), pick.sizes((2, 3, 1), pick.option("rank", (1, 0, 2)))
        arrays = {"x": Spec((N, C, *S)), **_weights((C,), names)}
        extras = {"c": Spec((N, G, 1, 1))} if shift else {}
        return Problem("group_norm", arrays, options, extras)

    return Problems("group_norm", build, kinds)


def instance_norms(
    *,
    affine: tuple[str, ...] = tuple(AFFINE),
    eps: tuple[float, ...] = EPS,
    batch: tuple[int, ...] = (2, 1, 3, 0),
    shift: bool = False,
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Signals with one to three spatial axes; shift adds a number c for each channel of each sample."""

    def build(pick: Pick) -> Problem:
        rank, N, C = pick.option("rank", (1, 2, 3)), pick.option("batch", batch), pick.size((2, 1, 3))
        names, options = AFFINE[pick.option("affine", affine, usual="both")], {"eps": pick.option("eps", eps)}
        S = (pick.option("length", (5, 3, 17, 1) if rank == 1 else (5, 3, 1)), *pick.sizes((2, 3), rank - 1))
        arrays = {"x": Spec((N, C, *S)), **_weights((C,), names)}
        extras = {"c": Spec((N, C, *[1] * rank))} if shift else {}
        return Problem("instance_norm", arrays, options, extras)

    return Problems("instance_norm", build, kinds)


def _weights(
    shape: tuple[int, ...], names: tuple[str, ...], biases: tuple[str, ...] = ("bias",)
) -> dict[str, Spec | None]:
    """Those of weight and bias that a problem has; None for what it has not."""
    return {name: Spec(shape) if name in names else None for name in ("weight", *biases)}
