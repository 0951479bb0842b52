"""Cross-entropy.

    l[n] = - sum over c of  t[n, c] log p[n, c]        p[n] = softmax(x[n])

for the scores x[n] that a sample n gives to each class c, and its target t[n], a probability for each class
(Jacquet, 2022, "Neural networks: loss function"). The target may be one class y instead: then t[n, y] = 1, and
l[n] = -log p[n, y]. A weight w[c] multiplies what its class adds. Label smoothing gives the share s of every
target to all C classes alike:

    t'[n, c] = (1 - s) t[n, c] + s / C
"""

from __future__ import annotations

import numpy as np

from reference.activations import log_softmax
from reference.arrays import Array, Indices, holds_integers


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    weighs: str = "classes",
    divisor: str = "weights",
) -> Array:
    """Say how far the softmax of the scores is from the targets.

    reduction: "mean", "sum" or "none". Where the target is the class ignore_index the sample takes no part; the mean
    of none is NaN.

    Conventions: weighs says what a weight multiplies, the terms of its "classes", those of label smoothing too, or
    whole "samples", by the weight of their class, or by the mean weight under their probabilities. divisor says what
    the mean divides by, the sum of the "weights" of the classes that are targets, or the number of "samples";
    targets that are probabilities count one each.

    Shapes: x (N, C, *S), target (N, *S) of classes or (N, C, *S) of probabilities, weight (C,) -> () or, with
    "none", (N, *S). N may be missing.
    Raises: ValueError if the shapes do not fit, a class is none of C, label_smoothing is outside [0, 1], or for an
    unknown word.
    Source: Jacquet (2022), "Neural networks: loss function"; Szegedy et al. (2016), section 7: label smoothing.

    >>> cross_entropy(np.log([[1.0, 3.0], [1.0, 1.0]]), np.array([0, 1]), reduction="none") / np.log(2)
    array([2., 1.])
    """
    axis = min(1, np.ndim(x) - 1)
    _expect_words(reduction=reduction, weighs=weighs, divisor=divisor)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing = {label_smoothing} is no share")
    log_p = np.moveaxis(log_softmax(x, axis=axis), axis, -1)
    *M, C = np.shape(log_p)
    if weight is not None and np.shape(weight) != (C,):
        raise ValueError(f"weights {np.shape(weight)} for {C} classes")

    def weighted(terms: Array) -> Array:
        return terms if weight is None or weighs == "samples" else terms * weight

    is_of_classes = holds_integers(target)
    if np.shape(target) != (tuple(M) if is_of_classes else np.shape(x)):
        raise ValueError(f"targets {np.shape(target)} do not fit scores {np.shape(x)}")
    if is_of_classes:
        kept = target != ignore_index
        y = np.where(kept, target, 0)
        if np.any((y < 0) | (y >= C)):
            raise ValueError(f"a class is none of 0, ..., {C - 1}")
        loss, w = -_at(weighted(log_p), y), None if weight is None else weight[y]
    else:
        kept, t = np.ones(M, np.bool_), np.moveaxis(target, axis, -1)
        loss, w = -np.sum(weighted(t * log_p), axis=-1), None if weight is None else np.sum(t * weight, axis=-1)
    if label_smoothing > 0:
        loss = (1 - label_smoothing) * loss - label_smoothing / C * np.sum(weighted(log_p), axis=-1)
    if w is not None and weighs == "samples":
        loss = loss * w
    loss = np.where(kept, loss, 0.0)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return np.sum(loss)
    count = np.count_nonzero(kept)
    by_weights = is_of_classes and divisor == "weights" and count > 0
    n = np.sum(np.where(kept, w, 0.0)) if w is not None and by_weights else max(count, 1)
    return np.where(count > 0, np.sum(loss) / n, np.nan)


def _at(z: Array, y: Indices) -> Array:
    """z[..., y[...]]: one number of each row."""
    rows = np.reshape(z, (y.size, np.shape(z)[-1]))
    return np.reshape(rows[np.arange(y.size), y.ravel()], y.shape)


def _expect_words(reduction: str, weighs: str, divisor: str) -> None:
    for word, words in (
        (reduction, ("mean", "sum", "none")),
        (weighs, ("classes", "samples")),
        (divisor, ("weights", "samples")),
    ):
        if word not in words:
            raise ValueError(f'"{word}" is none of {words}')
