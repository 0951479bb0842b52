"""Wrong normalisations."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from conformance.mutants.base import Function, mutant
from reference import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from reference.arithmetic import FLOAT16

# -- batch_norm ----------------------------------------------------------------------------------------

Named = tuple[Any, Any, Any, Any, Any]


def _axes(x: Any) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _along(v: Any, x: Any) -> Any:
    return np.reshape(v, (1, -1, *[1] * (x.ndim - 2)))


def _affine(z: Any, weight: Any, bias: Any, x: Any) -> Any:
    z = z if weight is None else z * _along(weight, x)
    return z if bias is None else z + _along(bias, x)


def _normalised(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """y from statistics that broadcast against x."""
    return _affine((x - mean) / np.sqrt(var + eps), weight, bias, x)


def in_training(change: Function) -> Function:
    """A mutant that replaces y in training: change(x, weight, bias, eps) -> y."""

    @functools.wraps(change)
    def function(
        x: Any,
        m: Any,
        v: Any,
        weight: Any = None,
        bias: Any = None,
        *,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Any:
        options: dict[str, Any] = {"training": training, "momentum": momentum, "eps": eps}
        y, *running = batch_norm(x, m, v, weight, bias, **options)
        return (change(x, weight, bias, eps) if training else y), *running

    del function.__wrapped__
    return function


@mutant("batch_norm")
@in_training
def unbiased_variance(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """x is normalised by the variance with n - 1."""
    var = x.var(axis=_axes(x), keepdims=True, ddof=1)
    return _normalised(x, x.mean(axis=_axes(x), keepdims=True), var, weight, bias, eps)


@mutant("batch_norm")
@in_training
def one_pass_variance(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """mean(x^2) - mean(x)^2, which cancels."""
    mean = x.mean(axis=_axes(x), keepdims=True)
    var = np.maximum((x * x).mean(axis=_axes(x), keepdims=True) - mean * mean, 0)
    return _normalised(x, mean, var, weight, bias, eps)


@mutant("batch_norm")
@in_training
def over_the_batch_only(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Statistics for each position."""
    return _normalised(x, x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True), weight, bias, eps)


@mutant("batch_norm")
@in_training
def over_the_channels(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Layer normalisation, under the wrong name."""
    axes = tuple(range(1, x.ndim))
    return _normalised(x, x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True), weight, bias, eps)


@mutant("batch_norm")
@in_training
def by_the_first_sample(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The statistics of the first half of the batch."""
    half = x[: (len(x) + 1) // 2]
    mean, var = half.mean(axis=_axes(x), keepdims=True), half.var(axis=_axes(x), keepdims=True)
    return _normalised(x, mean, var, weight, bias, eps)


@mutant("batch_norm")
@in_training
def without_the_mean(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The mean is not subtracted: the root mean square normalises."""
    return _affine(x / np.sqrt((x * x).mean(axis=_axes(x), keepdims=True) + eps), weight, bias, x)


@mutant("batch_norm")
@in_training
def mean_absolute_deviation(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The mean distance from the mean for its root mean square."""
    d = x - x.mean(axis=_axes(x), keepdims=True)
    return _affine(d / np.sqrt(np.abs(d).mean(axis=_axes(x), keepdims=True) ** 2 + eps), weight, bias, x)


def everywhere(change: Function) -> Function:
    """A mutant that replaces y: change(x, mean, var, weight, bias, eps), with the right statistics."""

    @functools.wraps(change)
    def function(
        x: Any,
        m: Any,
        v: Any,
        weight: Any = None,
        bias: Any = None,
        *,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Any:
        options: dict[str, Any] = {"training": training, "momentum": momentum, "eps": eps}
        mean, var = (x.mean(axis=_axes(x)), x.var(axis=_axes(x))) if training else (m, v)
        y = change(x, _along(mean, x), _along(var, x), weight, bias, eps)
        return y, *batch_norm(x, m, v, weight, bias, **options)[1:]

    del function.__wrapped__
    return function


@mutant("batch_norm")
@everywhere
def eps_outside_the_root(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """sqrt(var) + eps for sqrt(var + eps)."""
    return _affine((x - mean) / (np.sqrt(var) + eps), weight, bias, x)


@mutant("batch_norm")
@everywhere
def without_eps(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """eps is ignored."""
    return _normalised(x, mean, var, weight, bias, 0.0)


@mutant("batch_norm")
@everywhere
def always_the_default_eps(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """eps is written into the code."""
    return _normalised(x, mean, var, weight, bias, 1e-5)


@mutant("batch_norm")
@everywhere
def divides_by_the_variance(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The root is forgotten."""
    return _affine((x - mean) / (var + eps), weight, bias, x)


@mutant("batch_norm")
@everywhere
def weight_for_bias(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Scale and shift change places."""
    return _normalised(x, mean, var, bias, weight, eps)


@mutant("batch_norm")
@everywhere
def bias_before_weight(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """gamma (z + beta) for gamma z + beta."""
    return _affine(_normalised(x, mean, var, None, bias, eps), weight, None, x)


@mutant("batch_norm")
@everywhere
def affine_needs_both(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The weight alone, or the bias alone, is ignored."""
    return _normalised(
        x, mean, var, *((weight, bias) if weight is not None and bias is not None else (None, None)), eps
    )


def with_statistics(change: Function) -> Function:
    """A mutant in what it reads or returns; change(call, x, mean, var, options) gives all three results."""

    @functools.wraps(change)
    def function(
        x: Any,
        m: Any,
        v: Any,
        weight: Any = None,
        bias: Any = None,
        *,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Any:
        def call(mean: Any, var: Any, **changed: Any) -> Any:
            options: dict[str, Any] = {"training": training, "momentum": momentum, "eps": eps}
            return batch_norm(x, mean, var, weight, bias, **options | changed)

        return change(call, x, m, v, training, momentum)

    del function.__wrapped__
    return function


@mutant("batch_norm")
@with_statistics
def momentum_the_other_way(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """running = momentum running + (1 - momentum) batch."""
    return call(m, v, momentum=1 - momentum)


@mutant("batch_norm")
@with_statistics
def statistics_not_updated(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """The running statistics stay as they are."""
    return call(m, v)[0], m, v


@mutant("batch_norm")
@with_statistics
def biased_running_variance(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """The running variance moves towards the variance with n, which is not the reference's convention."""
    return call(m, v, unbiased=False)


@mutant("batch_norm")
@with_statistics
def running_deviation(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """The running variance moves towards the standard deviation."""
    y, mean, var = call(m, v)
    return y, mean, (1 - momentum) * v + momentum * x.std(axis=_axes(x), ddof=1) if training else var


@mutant("batch_norm")
@with_statistics
def batch_statistics_in_evaluation(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """Evaluation normalises by the batch, as a forgotten `eval()` does."""
    if training or x[:, :1].size < 2:
        return call(m, v)
    return call(m, v, training=True)[0], m, v


@mutant("batch_norm")
@with_statistics
def running_statistics_in_training(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """Training normalises by the running statistics."""
    return call(m, v, training=False)[0], *call(m, v)[1:]


@mutant("batch_norm")
@with_statistics
def updates_in_evaluation(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """Evaluation moves the running statistics too."""
    return call(m, v)[0], *call(m, v, training=training or x[:, :1].size > 1)[1:]


@mutant("batch_norm")
@with_statistics
def forgets_the_old_mean(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """The momentum is ignored: the running statistics are the batch's."""
    return call(m, v, momentum=1.0)


@mutant("batch_norm")
@with_statistics
def normalises_by_the_new_running_ones(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """In training y uses the running statistics after their update."""
    _, mean, var = call(m, v)
    return call(mean, var, training=False)[0], mean, var


# -- layer_norm ----------------------------------------------------------------------------------------


def per_sample(change: Function) -> Function:
    """A mutant in what normalises: change(x, over, eps) -> y before weight and bias, over the axes of a sample."""

    @functools.wraps(change)
    def function(x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
        y = change(x, tuple(range(-axes, 0)), eps)
        y = y if weight is None else y * weight
        return y if bias is None else y + bias

    del function.__wrapped__
    return function


def _standardised(x: Any, over: Any, eps: float, ddof: int = 0) -> Any:
    return (x - x.mean(axis=over, keepdims=True)) / np.sqrt(x.var(axis=over, keepdims=True, ddof=ddof) + eps)


@mutant("layer_norm")
@per_sample
def eps_beside_the_root(x: Any, over: Any, eps: float) -> Any:
    """sqrt(var) + eps for sqrt(var + eps)."""
    return (x - x.mean(axis=over, keepdims=True)) / (x.std(axis=over, keepdims=True) + eps)


@mutant("layer_norm")
@per_sample
def eps_ignored(x: Any, over: Any, eps: float) -> Any:
    """eps is left out, and 0/0 guarded."""
    std = x.std(axis=over, keepdims=True)
    return (x - x.mean(axis=over, keepdims=True)) / np.where(std > 0, std, 1.0)


@mutant("layer_norm")
@per_sample
def variance_with_n_minus_one(x: Any, over: Any, eps: float) -> Any:
    """The unbiased variance, where there is one."""
    return _standardised(x, over, eps, ddof=int(np.prod([x.shape[i] for i in over]) > 1))


@mutant("layer_norm")
@per_sample
def root_forgotten(x: Any, over: Any, eps: float) -> Any:
    """Divided by the variance."""
    return (x - x.mean(axis=over, keepdims=True)) / (x.var(axis=over, keepdims=True) + eps)


@mutant("layer_norm")
@per_sample
def root_mean_square(x: Any, over: Any, eps: float) -> Any:
    """The mean is not subtracted: RMS norm, under the wrong name."""
    return x / np.sqrt((x * x).mean(axis=over, keepdims=True) + eps)


@mutant("layer_norm")
@per_sample
def variance_in_one_pass(x: Any, over: Any, eps: float) -> Any:
    """mean(x^2) - mean(x)^2, which cancels."""
    mean = x.mean(axis=over, keepdims=True)
    var = np.maximum((x * x).mean(axis=over, keepdims=True) - mean * mean, 0)
    return (x - mean) / np.sqrt(var + eps)


@mutant("layer_norm")
@per_sample
def last_axis_alone(x: Any, over: Any, eps: float) -> Any:
    """However many axes were asked for, the last one."""
    return _standardised(x, (-1,), eps)


@mutant("layer_norm")
@per_sample
def across_the_batch(x: Any, over: Any, eps: float) -> Any:
    """Over the first axis: batch norm, under the wrong name."""
    return _standardised(x, (0,), eps) if len(x) else x


@mutant("layer_norm")
@per_sample
def over_everything(x: Any, over: Any, eps: float) -> Any:
    """Over the whole array, the batch included."""
    return _standardised(x, tuple(range(x.ndim)), eps) if x.size else x


@mutant("layer_norm")
def bias_scaled_too(x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
    """gamma (z + beta) for gamma z + beta."""
    y = layer_norm(x, None, bias, axes=axes, eps=eps)
    return y if weight is None else y * weight


@mutant("layer_norm")
def weight_from_one(x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
    """1 + gamma for gamma, as in networks whose weights start from zero."""
    return layer_norm(x, None if weight is None else 1 + weight, bias, axes=axes, eps=eps)


@mutant("layer_norm")
def bias_without_weight_lost(x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
    """The bias alone is ignored."""
    return layer_norm(x, weight, None if weight is None else bias, axes=axes, eps=eps)


# -- group_norm ----------------------------------------------------------------------------------------


def of_groups(change: Function) -> Function:
    """A mutant in what is normalised: change(x, groups, eps) -> y before weight and bias."""

    @functools.wraps(change)
    def function(x: Any, weight: Any = None, bias: Any = None, *, groups: int, eps: float = 1e-5) -> Any:
        return _affine(change(x, groups, eps), weight, bias, x)

    del function.__wrapped__
    return function


@mutant("group_norm")
@of_groups
def every_nth_channel(x: Any, groups: int, eps: float) -> Any:
    """Group g has the channels g, g + groups, ...: the two axes of the channels are exchanged."""
    N, C, *S = x.shape
    mixed = np.swapaxes(np.reshape(x, (N, C // groups, groups, *S)), 1, 2)
    y = np.reshape(group_norm(np.reshape(mixed, x.shape), groups=groups, eps=eps), mixed.shape)
    return np.reshape(np.swapaxes(y, 1, 2), x.shape)


@mutant("group_norm")
@of_groups
def groups_for_channels_a_group(x: Any, groups: int, eps: float) -> Any:
    """The number of groups is taken for that of the channels in one."""
    return group_norm(x, groups=x.shape[1] // groups, eps=eps)


@mutant("group_norm")
@of_groups
def all_channels_together(x: Any, groups: int, eps: float) -> Any:
    """One group, however many were asked for."""
    return group_norm(x, groups=1, eps=eps)


@mutant("group_norm")
@of_groups
def each_position_alone(x: Any, groups: int, eps: float) -> Any:
    """Over the channels of a group only, at each position by itself."""
    N, C, *S = x.shape
    parts = np.reshape(x, (N, groups, C // groups, *S))
    return np.reshape(_standardised(parts, (2,), eps), x.shape)


@mutant("group_norm")
@of_groups
def unbiased_variance_of_groups(x: Any, groups: int, eps: float) -> Any:
    """The variance with n - 1, where there is one."""
    parts = np.reshape(x, (len(x), groups, x.size // max(len(x) * groups, 1)))
    return np.reshape(_standardised(parts, (2,), eps, ddof=int(parts.shape[2] > 1)), x.shape)


@mutant("group_norm")
@of_groups
def variance_of_groups_in_one_pass(x: Any, groups: int, eps: float) -> Any:
    """mean(x^2) - mean(x)^2, which cancels."""
    parts = np.reshape(x, (len(x), groups, x.size // max(len(x) * groups, 1)))
    mean = parts.mean(axis=2, keepdims=True)
    var = np.maximum((parts * parts).mean(axis=2, keepdims=True) - mean * mean, 0)
    return np.reshape((parts - mean) / np.sqrt(var + eps), x.shape)


@mutant("group_norm")
@of_groups
def across_the_batch_of_groups(x: Any, groups: int, eps: float) -> Any:
    """The statistics are those of all samples."""
    parts = np.reshape(x, (len(x), groups, x.size // max(len(x) * groups, 1)))
    return np.reshape(_standardised(parts, (0, 2), eps), x.shape) if len(x) else x


@mutant("group_norm")
def one_weight_a_group(x: Any, weight: Any = None, bias: Any = None, *, groups: int, eps: float = 1e-5) -> Any:
    """Each channel of a group gets the weight of its first."""
    first = None if weight is None else np.repeat(weight[:: len(weight) // groups], len(weight) // groups)
    return group_norm(x, first, bias, groups=groups, eps=eps)


# -- instance_norm -------------------------------------------------------------------------------------


def of_instances(change: Function) -> Function:
    """A mutant in what is normalised: change(x, over, eps) -> y before weight and bias, over the positions."""

    @functools.wraps(change)
    def function(x: Any, weight: Any = None, bias: Any = None, *, eps: float = 1e-5) -> Any:
        return _affine(change(x, tuple(range(2, x.ndim)), eps), weight, bias, x)

    del function.__wrapped__
    return function


@mutant("instance_norm")
@of_instances
def over_the_batch_too(x: Any, over: Any, eps: float) -> Any:
    """Batch norm, under the wrong name."""
    return _standardised(x, (0, *over), eps) if len(x) else x


@mutant("instance_norm")
@of_instances
def over_the_channels_too(x: Any, over: Any, eps: float) -> Any:
    """Layer norm, under the wrong name."""
    return _standardised(x, (1, *over), eps)


@mutant("instance_norm")
@of_instances
def over_the_last_axis(x: Any, over: Any, eps: float) -> Any:
    """However many spatial axes there are, the last one."""
    return _standardised(x, (-1,), eps)


@mutant("instance_norm")
@of_instances
def with_n_minus_one(x: Any, over: Any, eps: float) -> Any:
    """The unbiased variance, where there is one."""
    return _standardised(x, over, eps, ddof=int(np.prod(x.shape[2:]) > 1))


@mutant("instance_norm")
@of_instances
def eps_after_the_root(x: Any, over: Any, eps: float) -> Any:
    """sqrt(var) + eps for sqrt(var + eps)."""
    return (x - x.mean(axis=over, keepdims=True)) / (x.std(axis=over, keepdims=True) + eps)


@mutant("instance_norm")
@of_instances
def one_position_comes_back(x: Any, over: Any, eps: float) -> Any:
    """Only a signal of one position is not normalised: its variance is 0."""
    return x if np.prod(x.shape[2:]) == 1 else _standardised(x, over, eps)


@mutant("instance_norm")
def bias_alone_is_lost(x: Any, weight: Any = None, bias: Any = None, *, eps: float = 1e-5) -> Any:
    """The bias is ignored where there is no weight."""
    return instance_norm(x, weight, None if weight is None else bias, eps=eps)


# -- rms_norm ------------------------------------------------------------------------------------------


def of_squares(change: Function) -> Function:
    """A mutant in what normalises: change(x, over, eps) -> y before the weight, over the axes of a sample."""

    @functools.wraps(change)
    def function(x: Any, weight: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
        y = change(x, tuple(range(-axes, 0)), eps)
        return y if weight is None else y * weight

    del function.__wrapped__
    return function


def _mean_square(x: Any, over: Any) -> Any:
    return (x * x).mean(axis=over, keepdims=True)


@mutant("rms_norm")
@of_squares
def mean_subtracted(x: Any, over: Any, eps: float) -> Any:
    """Layer norm, under the wrong name."""
    return _standardised(x, over, eps)


@mutant("rms_norm")
@of_squares
def variance_for_mean_square(x: Any, over: Any, eps: float) -> Any:
    """x is divided by the standard deviation: the mean is taken off below, not above."""
    return x / np.sqrt(x.var(axis=over, keepdims=True) + eps)


@mutant("rms_norm")
@of_squares
def sum_for_mean(x: Any, over: Any, eps: float) -> Any:
    """Divided by the Euclidean norm."""
    return x / np.sqrt((x * x).sum(axis=over, keepdims=True) + eps)


@mutant("rms_norm")
@of_squares
def eps_added_to_the_root(x: Any, over: Any, eps: float) -> Any:
    """rms + eps, as in the authors' own code."""
    return x / (np.sqrt(_mean_square(x, over)) + eps)


@mutant("rms_norm")
@of_squares
def largest_of_eps(x: Any, over: Any, eps: float) -> Any:
    """max(mean(x^2), eps) for their sum."""
    return x / np.sqrt(np.maximum(_mean_square(x, over), eps))


@mutant("rms_norm")
@of_squares
def only_the_last_axis(x: Any, over: Any, eps: float) -> Any:
    """However many axes were asked for, the last one."""
    return x / np.sqrt(_mean_square(x, (-1,)) + eps)


@mutant("rms_norm")
def gamma_from_one(x: Any, weight: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
    """1 + gamma for gamma, as in networks whose weights start from zero."""
    return rms_norm(x, None if weight is None else 1 + weight, axes=axes, eps=eps)


# -- wrong in one corner alone -------------------------------------------------------------------------


@mutant("layer_norm", format=FLOAT16)
def sums_in_float16(x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
    """The mean and the variance are summed in the format."""
    over, n = tuple(range(-axes, 0)), int(np.prod(x.shape[-axes:]))
    rows = np.moveaxis(np.reshape(x, (*x.shape[:-axes], n)), -1, 0)
    mean = np.reshape(functools.reduce(np.add, rows) / np.float16(n), (*x.shape[:-axes], *[1] * axes))
    d = (x - mean).astype(float)
    y = d / np.sqrt((d * d).mean(axis=over, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias).astype(x.dtype)


@mutant("batch_norm")
@with_statistics
def momentum_zero_is_not_given(call: Any, x: Any, m: Any, v: Any, training: bool, momentum: float) -> Any:
    """Only a momentum of 0 is taken for the default."""
    return call(m, v, momentum=momentum or 0.1)


@mutant("batch_norm")
@in_training
def biased_for_batches_of_one(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Only for a batch of one sample the variance is that with n - 1."""
    var = x.var(axis=_axes(x), keepdims=True, ddof=int(len(x) == 1))
    return _normalised(x, x.mean(axis=_axes(x), keepdims=True), var, weight, bias, eps)


@mutant("group_norm")
def eps_behind_the_root_of_a_group(
    x: Any, weight: Any = None, bias: Any = None, *, groups: int, eps: float = 1e-5
) -> Any:
    """Divided by sigma + eps."""
    parts = np.reshape(x, (len(x), groups, -1)) if x.size else x
    sigma = np.sqrt(np.var(parts, axis=-1, keepdims=True)) if x.size else 0
    y = group_norm(x, groups=groups, eps=eps)
    ratio = np.sqrt(sigma**2 + eps) / (sigma + eps)
    y = np.reshape(np.reshape(y, np.shape(parts)) * ratio, x.shape)
    return _affine(y, weight, bias, x)


@mutant("instance_norm")
def beta_is_scaled_too(x: Any, weight: Any = None, bias: Any = None, **options: Any) -> Any:
    """gamma (x' + beta)."""
    if weight is None or bias is None:
        return instance_norm(x, weight, bias, **options)
    return instance_norm(x, weight, weight * bias, **options)


@mutant("rms_norm")
def squares_of_the_batch(x: Any, weight: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
    """The squares of all samples are averaged together."""
    y = x / np.sqrt(np.mean(x * x) + eps) if x.size else x
    return y if weight is None else y * weight
