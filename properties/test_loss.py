"""Laws of the cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import at_most, same_bits
from properties.law import law
from properties.sides import wide
from properties.strategies import Problems, cross_entropies
from properties.strategies.cotangents import differentiated
from reference.arrays import Mask

MODERATE = ("integers", "normal", "repeated", "sparse", "tiny")  # whose softmax is not a single 1


def _axis(p: Any) -> int:
    return min(1, p.x.ndim - 1)


def _kept(p: Any) -> Mask:
    return np.asarray(p.target != p.ignore_index)


def _one_hot(p: Any) -> Any:
    """1 for the class of each sample, along the axis of the classes; 0 everywhere for one that is ignored."""
    classes = np.arange(p.x.shape[_axis(p)])
    hot = (np.expand_dims(p.target, -1) == classes) & np.expand_dims(_kept(p), -1)
    return np.moveaxis(hot, -1, _axis(p)).astype(float)


def _loss(f: Any, p: Any, **options: Any) -> Any:
    return f.cross_entropy(*p.arrays, **p.options | options)


def few(**choices: Any) -> Problems:
    """One shape with a batch, in which only the options vary."""
    return cross_entropies(**{"rank": (2,), "batch": (3,), "classes": (3,)} | choices)


@law("LOSS-1", few(), verb=at_most)
def test_not_negative(f: Any, p: Any) -> Any:
    """0 <= cross_entropy(x, t) for t >= 0 and w >= 0; the mean over no target is NaN."""
    is_none = "ignore_index" in p.options and not np.any(_kept(p))
    loss = np.where(is_none, 0.0, _loss(f, p))
    return np.zeros(loss.shape), loss


@law("LOSS-2", few(target=("classes",), weight=(False,), label_smoothing=(0.0,), reduction=("none",)))
def test_probability_of_the_class(f: Any, p: Any) -> Any:
    """exp(-l[n]) = softmax(x[n])[y[n]]."""
    probabilities = np.sum(f.softmax(p.x, axis=_axis(p)) * _one_hot(p), axis=_axis(p))
    return np.where(_kept(p), np.exp(-_loss(f, p)), 0.0), probabilities


@law("LOSS-3", differentiated(few(target=("classes",), weight=(False,), reduction=("sum",))))
def test_gradient_by_a_class(f: Any, p: Any) -> Any:
    """The gradient of the sum by the scores is softmax - t', and 0 where the target is ignored."""
    s, C = p.label_smoothing, p.x.shape[_axis(p)]
    difference = f.softmax(p.x, axis=_axis(p)) - ((1 - s) * _one_hot(p) + s / C)
    right = np.where(np.expand_dims(_kept(p), _axis(p)), difference * wide(p.cotangent), 0.0)
    return f.gradient("cross_entropy", p.cotangent, *p.arrays, by="x", **p.options), right


@law(
    "LOSS-3",
    differentiated(few(target=("probabilities",), weight=(False,), label_smoothing=(0.0,), reduction=("sum",))),
)
def test_gradient_by_probabilities(f: Any, p: Any) -> Any:
    """The gradient of the sum is s softmax - t for targets t of mass s."""
    t, axis = wide(p.target), _axis(p)
    difference = np.sum(t, axis=axis, keepdims=True) * f.softmax(p.x, axis=axis) - t
    return f.gradient("cross_entropy", p.cotangent, *p.arrays, by="x", **p.options), difference * wide(p.cotangent)


@law("LOSS-4", few(others=("c",)))
def test_shift_invariance(f: Any, p: Any) -> Any:
    """cross_entropy(x + c, t) = cross_entropy(x, t), with a number c for each sample."""
    return f.cross_entropy(p.x + p.c, p.target, p.weight, **p.options), _loss(f, p)


@law(
    "LOSS-5",
    few(
        target=("probabilities",),
        weight=(False,),
        label_smoothing=(0.0,),
        reduction=("none",),
        others=("x2",),
        kinds=MODERATE,
    ),
    verb=at_most,
)
def test_least_for_the_right_scores(f: Any, p: Any) -> Any:
    """With targets softmax(x2) no scores do better than x2, whose cross-entropy is at most the entropy."""
    axis = _axis(p)
    target, log_p = f.softmax(p.x2, axis=axis), f.log_softmax(p.x2, axis=axis)
    loss, other = (f.cross_entropy(x, target, **p.options) for x in (p.x2, p.x))
    entropy = -np.sum(target * log_p, axis=axis)
    return (loss, entropy), (entropy, other)


@law("LOSS-6", few(reduction=("none",)))
def test_reductions(f: Any, p: Any) -> Any:
    """The sum is that of all samples, and the mean is the sum over the number of targets that count.

    Over none it is NaN. What a mean over classes with weights is divided by is a convention.
    """
    count = np.count_nonzero(_kept(p)) if "ignore_index" in p.options else len(p.x)
    total, options = _loss(f, p, reduction="sum"), p.options | {"reduction": "mean"}
    if p.weight is not None and "ignore_index" in p.options:
        return total, np.sum(_loss(f, p))
    mean = f.cross_entropy(p.x, p.target, p.weight, **options)
    return (total, mean), (np.sum(_loss(f, p)), np.where(count > 0, total / max(count, 1), np.nan))


@law("LOSS-7", few(rank=(2, 3)))
def test_classes_permute(f: Any, p: Any) -> Any:
    """Classes in another order, in scores, targets and weights, have the same loss."""
    axis, options = _axis(p), dict(p.options)
    C = p.x.shape[axis]
    weight = None if p.weight is None else np.flip(p.weight, 0)
    target = np.flip(p.target, axis) if "ignore_index" not in options else _mirrored(p.target, C)
    if "ignore_index" in options:
        options["ignore_index"] = int(_mirrored(np.array(p.ignore_index), C))
    return f.cross_entropy(np.flip(p.x, axis), target, weight, **options), _loss(f, p)


def _mirrored(classes: Any, C: int) -> Any:
    return np.where((classes >= 0) & (classes < C), C - 1 - classes, classes)


@law("LOSS-7", few(target=("classes",), others=("x2",)), verb=same_bits)
def test_what_is_ignored_has_no_influence(f: Any, p: Any) -> Any:
    """Other scores where the target is ignored change no bit, but for the sign of a loss of zero."""
    other = np.where(np.expand_dims(_kept(p), _axis(p)), p.x, p.x2)
    return f.cross_entropy(other, p.target, p.weight, **p.options) + 0.0, _loss(f, p) + 0.0


@law("LOSS-7", differentiated(few(target=("classes",))))
def test_what_is_ignored_has_no_gradient(f: Any, p: Any) -> Any:
    """The gradient by the scores of an ignored target is exactly 0."""
    g = f.gradient("cross_entropy", p.cotangent, *p.arrays, by="x", **p.options)
    ignored = np.where(np.expand_dims(_kept(p), _axis(p)), 0.0, g)
    return ignored, np.zeros(ignored.shape)


@law("LOSS-8", few(target=("classes",), reduction=("none", "sum")))
def test_a_class_is_a_probability_of_one(f: Any, p: Any) -> Any:
    """Classes have the loss of their one-hot probabilities; what is ignored adds nothing."""
    options = {"label_smoothing": p.label_smoothing, "reduction": "none"}
    hot = np.where(_kept(p), f.cross_entropy(p.x, _one_hot(p), p.weight, **options), 0.0)
    return _loss(f, p), hot if p.reduction == "none" else np.sum(hot)
