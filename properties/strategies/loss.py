"""Problems of the cross-entropy."""

from __future__ import annotations

from properties.strategies.problems import Pick, Problem, Problems, Spec


def cross_entropies(
    *,
    target: tuple[str, ...] = ("classes", "probabilities"),
    weight: tuple[bool, ...] = (False, True),
    ignored: tuple[str, ...] = ("-100", "the first", "the last"),
    label_smoothing: tuple[float, ...] = (0.0, 0.1),
    reduction: tuple[str, ...] = ("mean", "none", "sum"),
    rank: tuple[int, ...] = (2, 1, 3, 4),
    batch: tuple[int, ...] = (2, 1, 0),
    classes: tuple[int, ...] = (3, 1, 17),
    others: tuple[str, ...] = (),
    kinds: tuple[str, ...] | None = None,
) -> Problems:
    """Scores with a batch and up to two further axes, or of one sample.

    ignored: which class takes no part, one that is no class or one that is; some targets are of it. others: what
    a law needs besides: other scores "x2", a number "c" for each sample.
    """

    def build(pick: Pick) -> Problem:
        axes, of = pick.option("rank", rank), pick.option("target", target)
        N, C = pick.option("batch", batch), pick.option("classes", classes)
        S = pick.sizes((3, 1, 2), axes - 2)  # as many as classes, which a wrong axis would not show otherwise
        samples = (N, *S) if axes > 1 else ()
        shape = (N, C, *S) if axes > 1 else (C,)
        options = {
            "label_smoothing": pick.option("label_smoothing", label_smoothing),
            "reduction": pick.option("reduction", reduction),
        }
        if of == "classes":
            ignore_index = {"-100": -100, "the first": 0, "the last": C - 1}[pick.option("ignored", ignored)]
            options["ignore_index"] = ignore_index
            targets = Spec(samples, among=tuple(dict.fromkeys((*range(C), ignore_index))))
        else:
            targets = Spec(shape, nonnegative=True)
        weights = Spec((C,), nonnegative=True) if pick.option("weight", weight) else None
        extras = {"x2": Spec(shape), "c": Spec((N, 1, *S) if axes > 1 else (1,))}
        arrays = {"x": Spec(shape), "target": targets, "weight": weights}
        return Problem("cross_entropy", arrays, options, {name: extras[name] for name in others})

    return Problems("cross_entropy", build, kinds)
