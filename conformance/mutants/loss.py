"""Wrong cross-entropies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from conformance.mutants.gradients import Call, Gradients, gradient_mutant
from reference import cross_entropy, softmax


def _is_of_classes(target: Any) -> bool:
    return bool(target.dtype.kind == "i")


def _axis(x: Any) -> int:
    return min(1, x.ndim - 1)


@mutant("cross_entropy")
def mean_over_all_targets(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """The mean divides by the number of targets, also of those that are ignored."""
    y = cross_entropy(x, target, weight, **options)
    if options.get("reduction", "mean") != "mean" or not _is_of_classes(target):
        return y
    kept = np.count_nonzero(target != options.get("ignore_index", -100))
    return y * kept / max(target.size, 1) if kept else y


@mutant("cross_entropy")
def none_is_zero(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """The mean over no target is 0."""
    y = cross_entropy(x, target, weight, **options)
    return np.where(np.isnan(y) & np.isfinite(x).all(), 0.0, y)


@mutant("cross_entropy")
def mean_over_samples(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """The mean divides by the number of targets, not by their weights."""
    return cross_entropy(x, target, weight, **options, divisor="samples")


@mutant("cross_entropy")
def weighs_whole_samples(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """A weight multiplies the loss of its sample, and so the terms that smoothing adds."""
    return cross_entropy(x, target, weight, **options, weighs="samples")


@mutant("cross_entropy")
def divides_by_weights_of_probabilities(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """The mean over probabilities divides by the weights under them."""
    y = cross_entropy(x, target, weight, **options)
    if weight is None or _is_of_classes(target) or options.get("reduction", "mean") != "mean":
        return y
    return y * (x.size // x.shape[_axis(x)]) / np.tensordot(weight, target, (0, _axis(x))).sum()


@mutant("cross_entropy")
def smooths_what_is_ignored(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """What smoothing adds is added for ignored targets too."""
    options = {"ignore_index": -100, "label_smoothing": 0.0, "reduction": "mean"} | options
    y, s = cross_entropy(x, target, weight, **options), options["label_smoothing"]
    if not _is_of_classes(target) or not s or options["reduction"] == "mean":
        return y
    alike = cross_entropy(x, np.full(x.shape, s / x.shape[_axis(x)]), weight, reduction="none") * (
        target == options["ignore_index"]
    )
    return y + (alike if options["reduction"] == "none" else alike.sum())


@mutant("cross_entropy")
def smooths_the_other_classes(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """The share goes to the other C - 1 classes alone."""
    C, s = x.shape[_axis(x)], options.get("label_smoothing", 0.0)
    share = s * C / (C - 1) if s and C > 1 else s
    return cross_entropy(x, target, weight, **options | {"label_smoothing": min(share, 1.0)})


@mutant("cross_entropy")
def forgets_the_smoothing(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """label_smoothing is ignored."""
    return cross_entropy(x, target, weight, **options | {"label_smoothing": 0.0})


@mutant("cross_entropy")
def smooths_without_taking(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """t + s / C for (1 - s) t + s / C: the mass of the target grows."""
    s = options.get("label_smoothing", 0.0)
    plain = cross_entropy(x, target, weight, **options | {"label_smoothing": 0.0})
    return cross_entropy(x, target, weight, **options) + s * plain


@mutant("cross_entropy")
def forgets_the_weights(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """The weights of the classes are ignored."""
    cross_entropy(x, target, weight, **options)
    return cross_entropy(x, target, **options)


@mutant("cross_entropy")
def ignores_no_class(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """A class that is to be ignored counts like any other."""
    ignored = options.get("ignore_index", -100)
    is_class = 0 <= ignored < x.shape[_axis(x)]
    return cross_entropy(x, target, weight, **options | ({"ignore_index": -100} if is_class else {}))


@mutant("cross_entropy")
def of_probabilities(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """A softmax before the one that is in the loss."""
    return cross_entropy(softmax(x, axis=_axis(x)), target, weight, **options)


@mutant("cross_entropy")
def over_the_last_axis(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """The classes lie along the last axis, where that can be."""
    if x.ndim < 3 or x.shape[1] != x.shape[-1]:
        return cross_entropy(x, target, weight, **options)
    turned = target if _is_of_classes(target) else np.swapaxes(target, 1, -1)
    return cross_entropy(np.swapaxes(x, 1, -1), turned, weight, **options)


@mutant("cross_entropy")
def logarithm_of_a_softmax(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """log(softmax(x)), which is -inf where the softmax underflows."""
    return cross_entropy(np.log(softmax(x, axis=_axis(x))), target, weight, **options)


@mutant("cross_entropy")
def without_the_logarithm(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """-p[y] for -log p[y], as of a likelihood that is given a softmax."""
    if not _is_of_classes(target) or options.get("label_smoothing") or options.get("reduction") != "none":
        return cross_entropy(x, target, weight, **options)
    return -np.exp(-cross_entropy(x, target, **options)) * (target != options.get("ignore_index", -100))


@mutant("cross_entropy")
def in_bits(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """log2 for log."""
    return cross_entropy(x, target, weight, **options) / math.log(2)


@mutant("cross_entropy")
def likeliest_class(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """Probabilities are taken for the class that they make the likeliest."""
    if _is_of_classes(target) or not target.size:
        return cross_entropy(x, target, weight, **options)
    return cross_entropy(x, np.argmax(target, _axis(x)), weight, **options)


@mutant("cross_entropy")
def probabilities_are_normalised(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """Targets are divided by their mass."""
    if _is_of_classes(target):
        return cross_entropy(x, target, weight, **options)
    mass = target.sum(axis=_axis(x), keepdims=True)
    return cross_entropy(x, target / np.where(mass > 0, mass, 1.0), weight, **options)


@mutant("cross_entropy")
def mean_of_means(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """The mean over samples of the mean over their positions, each with its own number of targets."""
    if x.ndim < 3 or not _is_of_classes(target) or options.get("reduction", "mean") != "mean":
        return cross_entropy(x, target, weight, **options)
    means = [cross_entropy(x[n : n + 1], target[n : n + 1], weight, **options) for n in range(len(x))]
    return np.mean(means) if means else np.float64(np.nan)


@mutant("cross_entropy")
def any_negative_class_is_ignored(x: Any, target: Any, weight: Any = None, **options: Any) -> Any:
    """A class below 0 is no error."""
    if _is_of_classes(target) and options.get("ignore_index", -100) < 0:
        target = np.where(target < 0, options.get("ignore_index", -100), target)
    return cross_entropy(x, target, weight, **options)


# -- gradients -------------------------------------------------------------------------------------------


@gradient_mutant("cross_entropy")
def without_the_softmax(right: Gradients, call: Call) -> Gradients:
    """Only the class of the target gets a gradient."""
    if not _is_of_classes(call.target):
        return {}
    classes = np.moveaxis(np.arange(call.x.shape[_axis(call.x)]) == call.target[..., None], -1, _axis(call.x))
    return {"x": np.where(classes, right["x"], 0.0)}


@gradient_mutant("cross_entropy")
def not_divided_by_the_number(right: Gradients, call: Call) -> Gradients:
    """The gradient of the mean is that of the sum."""
    return {"x": call.gradients(reduction="sum")["x"]} if call.reduction == "mean" else {}


@gradient_mutant("cross_entropy")
def what_is_ignored_learns(right: Gradients, call: Call) -> Gradients:
    """Ignored targets have the gradient of a class."""
    if not _is_of_classes(call.target) or call.ignore_index < 0 or call.reduction == "mean":
        return {}
    return {"x": call.gradients(ignore_index=-100)["x"]}


@gradient_mutant("cross_entropy")
def softmax_minus_target(right: Gradients, call: Call) -> Gradients:
    """softmax - t, also for targets whose mass is not 1."""
    if _is_of_classes(call.target) or call.reduction != "sum" or call.weight is not None or call.label_smoothing:
        return {}
    return {"x": (softmax(call.x, axis=_axis(call.x)) - call.target) * call.g}


@gradient_mutant("cross_entropy")
def targets_are_constant(right: Gradients, call: Call) -> Gradients:
    """Probabilities get no gradient."""
    return {"target": np.zeros(call.target.shape)} if "target" in right else {}


@gradient_mutant("cross_entropy")
def gradient_without_weights(right: Gradients, call: Call) -> Gradients:
    """The weights of the classes are forgotten on the way back."""
    return {"x": call.gradients(weight=None)["x"]}


@gradient_mutant("cross_entropy")
def ignores_the_cotangent(right: Gradients, call: Call) -> Gradients:
    """The cotangent of a loss is taken for 1."""
    return {"x": call.gradients(np.ones(np.shape(call.g)))["x"]}
