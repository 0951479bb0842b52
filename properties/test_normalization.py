"""Laws of the normalisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import same_bits
from properties.law import law
from properties.sides import wide
from properties.strategies import batch_norms, group_norms, instance_norms, layer_norms, rms_norms
from properties.strategies.cotangents import differentiated


def _axes(x: Any) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _variance(x: Any) -> Any:
    d = x - np.mean(x, axis=_axes(x), keepdims=True)
    return np.mean(d * d, axis=_axes(x))


@law("NORM-1", batch_norms(training=(True,), affine=("neither",)))
def test_standardised(f: Any, p: Any) -> Any:
    """With gamma = 1 and beta = 0 the mean is 0 and the biased variance v / (v + eps)."""
    y, *_ = f.batch_norm(*p.arrays, **p.options)
    v = _variance(wide(p.x))
    return (y - np.mean(y, axis=_axes(y), keepdims=True), _variance(y)), (y, v / (v + p.eps))


@law("NORM-2", batch_norms(training=(True,), shift=True))
def test_shift_invariance(f: Any, p: Any) -> Any:
    """bn(x + c) = bn(x) for one c a channel, in training."""
    x, *others = p.arrays
    return f.batch_norm(x + p.c, *others, **p.options)[0], f.batch_norm(x, *others, **p.options)[0]


@law("NORM-5", batch_norms())
def test_batch_permutes(f: Any, p: Any) -> Any:
    """bn(the batch in reverse) = bn(the batch) in reverse, with the same statistics."""
    x, *others = p.arrays
    y, mean, var = f.batch_norm(x, *others, **p.options)
    return f.batch_norm(np.flip(x, 0), *others, **p.options), (np.flip(y, 0), mean, var)


@law("NORM-6", batch_norms(training=(False,)))
def test_evaluation_is_affine(f: Any, p: Any) -> Any:
    """In evaluation bn(x) = x (bn(1) - bn(0)) + bn(0): one fixed affine map for each channel."""
    x, *others = p.arrays
    y, one, zero = (f.batch_norm(z, *others, **p.options)[0] for z in (x, np.ones(x.shape), np.zeros(x.shape)))
    return y, wide(x) * (one - zero) + zero


@law("NORM-7", batch_norms(training=(True,), momentum=(0.25, 0.5, 1.0, 0.0)))
def test_running_statistics(f: Any, p: Any) -> Any:
    """Two steps on one batch b: running = (1 - m)^2 running + (1 - (1 - m)^2) b; b is what m = 1 gives.

    m is a multiple of 1/4, so that float64 holds these factors.
    """
    x, mean, var, *affine = p.arrays
    kept, batch = (1 - p.momentum) ** 2, f.batch_norm(*p.arrays, **p.options | {"momentum": 1.0})[1:]
    once = f.batch_norm(*p.arrays, **p.options)[1:]
    twice = f.batch_norm(x, *once, *affine, **p.options)[1:]
    return twice, tuple(kept * wide(r) + (1 - kept) * b for r, b in zip((mean, var), batch, strict=True))


@law("NORM-7", batch_norms(training=(True,), momentum=(1.0,)))
def test_running_mean_of_one_batch(f: Any, p: Any) -> Any:
    """With m = 1 the running mean becomes the mean of the batch."""
    return f.batch_norm(*p.arrays, **p.options)[1], np.mean(wide(p.x), axis=_axes(p.x))


@law("NORM-4", batch_norms(affine=("both",)))
def test_affine_in_weight_and_bias(f: Any, p: Any) -> Any:
    """bn(x, gamma, beta) = gamma bn(x) + beta, with the same statistics."""
    x, mean, var, weight, bias = p.arrays
    plain, *statistics = f.batch_norm(x, mean, var, **p.options)
    gamma, beta = (np.reshape(wide(v), (1, x.shape[1]) + (1,) * (x.ndim - 2)) for v in (weight, bias))
    return f.batch_norm(*p.arrays, **p.options), (gamma * plain + beta, *statistics)


# -- layer normalisation -------------------------------------------------------------------------------


def _last(p: Any) -> tuple[int, ...]:
    return tuple(range(-p.axes, 0))


@law("NORM-1", layer_norms(affine=("neither",)))
def test_samples_are_standardised(f: Any, p: Any) -> Any:
    """With gamma = 1 and beta = 0 each sample has mean 0 and the biased variance v / (v + eps)."""
    y, x, over = f.layer_norm(p.x, **p.options), wide(p.x), _last(p)
    d, e = (z - np.mean(z, axis=over, keepdims=True) for z in (x, y))
    v = np.mean(d * d, axis=over)
    return (e, np.mean(e * e, axis=over)), (y, v / (v + p.eps))


@law("NORM-2", layer_norms(shift=True))
def test_sample_shift_invariance(f: Any, p: Any) -> Any:
    """ln(x + c) = ln(x) for one c a sample."""
    x, *affine = p.arrays
    return f.layer_norm(x + p.c, *affine, **p.options), f.layer_norm(x, *affine, **p.options)


@law("NORM-4", layer_norms(affine=("both",)))
def test_layer_norm_is_affine(f: Any, p: Any) -> Any:
    """ln(x, gamma, beta) = gamma ln(x) + beta."""
    return f.layer_norm(*p.arrays, **p.options), wide(p.weight) * f.layer_norm(p.x, **p.options) + wide(p.bias)


@law("NORM-5", layer_norms(samples=(1, 2), batch=(2, 3)))
def test_samples_are_separate(f: Any, p: Any) -> Any:
    """ln(the batch without its first sample) = ln(the batch) without its first."""
    x, *affine = p.arrays
    return f.layer_norm(x[1:], *affine, **p.options), f.layer_norm(x, *affine, **p.options)[1:]


# -- group, instance and RMS normalisation -------------------------------------------------------------

SOME = (2, 1, 3)  # samples


def _grouped(z: Any, p: Any) -> Any:
    """z (N, C, *S) with its groups as axis 1."""
    N, C, *S = z.shape
    return np.reshape(z, (N, p.groups, C // p.groups, int(np.prod(S))))


@law("NORM-1", group_norms(affine=("neither",)))
def test_groups_are_standardised(f: Any, p: Any) -> Any:
    """With gamma = 1 and beta = 0 each group has mean 0 and the biased variance v / (v + eps)."""
    y, x = _grouped(f.group_norm(p.x, **p.options), p), _grouped(wide(p.x), p)
    d, e = (z - np.mean(z, axis=(2, 3), keepdims=True) for z in (x, y))
    v = np.mean(d * d, axis=(2, 3))
    return (e, np.mean(e * e, axis=(2, 3))), (y, v / (v + p.eps))


@law("NORM-1", instance_norms(batch=SOME, affine=("neither",)))
def test_channels_are_standardised(f: Any, p: Any) -> Any:
    """With gamma = 1 and beta = 0 each channel of each sample has mean 0 and the biased variance v / (v + eps)."""
    y, x, over = f.instance_norm(p.x, **p.options), wide(p.x), tuple(range(2, p.x.ndim))
    d, e = (z - np.mean(z, axis=over, keepdims=True) for z in (x, y))
    v = np.mean(d * d, axis=over)
    return (e, np.mean(e * e, axis=over)), (y, v / (v + p.eps))


@law("NORM-1", rms_norms(affine=("neither",)))
def test_mean_square(f: Any, p: Any) -> Any:
    """With gamma = 1 each sample has the mean square v / (v + eps), where x has v; its mean may be anything."""
    y, x = f.rms_norm(p.x, **p.options), wide(p.x)
    v = np.mean(x * x, axis=_last(p))
    return np.mean(y * y, axis=_last(p)), v / (v + p.eps)


@law("NORM-2", group_norms(shift=True))
def test_group_shift_invariance(f: Any, p: Any) -> Any:
    """gn(x + c) = gn(x) for one c a group."""
    x, *affine = p.arrays
    moved = np.reshape(_grouped(x, p) + p.c, x.shape)
    return f.group_norm(moved, *affine, **p.options), f.group_norm(x, *affine, **p.options)


@law("NORM-2", instance_norms(batch=SOME, shift=True))
def test_channel_shift_invariance(f: Any, p: Any) -> Any:
    """in(x + c) = in(x) for one c for each channel of each sample."""
    x, *affine = p.arrays
    return f.instance_norm(x + p.c, *affine, **p.options), f.instance_norm(x, *affine, **p.options)


def _by_channel(v: Any, x: Any) -> Any:
    return np.reshape(wide(v), (1, x.shape[1]) + (1,) * (x.ndim - 2))


@law("NORM-4", group_norms(affine=("both",)))
def test_group_norm_is_affine(f: Any, p: Any) -> Any:
    """gn(x, gamma, beta) = gamma gn(x) + beta."""
    gamma, beta = _by_channel(p.weight, p.x), _by_channel(p.bias, p.x)
    return f.group_norm(*p.arrays, **p.options), gamma * f.group_norm(p.x, **p.options) + beta


@law("NORM-4", instance_norms(batch=SOME, affine=("both",)))
def test_instance_norm_is_affine(f: Any, p: Any) -> Any:
    """in(x, gamma, beta) = gamma in(x) + beta."""
    gamma, beta = _by_channel(p.weight, p.x), _by_channel(p.bias, p.x)
    return f.instance_norm(*p.arrays, **p.options), gamma * f.instance_norm(p.x, **p.options) + beta


@law("NORM-4", rms_norms(affine=("weight",)))
def test_rms_norm_is_linear_in_gamma(f: Any, p: Any) -> Any:
    """rms(x, gamma) = gamma rms(x)."""
    return f.rms_norm(*p.arrays, **p.options), wide(p.weight) * f.rms_norm(p.x, **p.options)


@law("NORM-5", group_norms(batch=(2, 3)))
def test_samples_of_groups_are_separate(f: Any, p: Any) -> Any:
    """gn(the batch without its first sample) = gn(the batch) without its first."""
    x, *affine = p.arrays
    return f.group_norm(x[1:], *affine, **p.options), f.group_norm(x, *affine, **p.options)[1:]


@law("NORM-5", instance_norms(batch=(2, 3)))
def test_samples_of_channels_are_separate(f: Any, p: Any) -> Any:
    """in(the batch without its first sample) = in(the batch) without its first."""
    x, *affine = p.arrays
    return f.instance_norm(x[1:], *affine, **p.options), f.instance_norm(x, *affine, **p.options)[1:]


@law("NORM-5", rms_norms(samples=(1, 2), batch=(2, 3)))
def test_samples_of_squares_are_separate(f: Any, p: Any) -> Any:
    """rms(the batch without its first sample) = rms(the batch) without its first."""
    x, *affine = p.arrays
    return f.rms_norm(x[1:], *affine, **p.options), f.rms_norm(x, *affine, **p.options)[1:]


@law("NORM-8", group_norms(groups=(1,), affine=("neither",)))
def test_one_group_is_layer_norm(f: Any, p: Any) -> Any:
    """With one group and without gamma and beta gn(x) = ln(x) over channels and positions.

    With gamma and beta they differ: group norm has one of each for a channel, layer norm for a number.
    """
    return f.group_norm(p.x, **p.options), f.layer_norm(p.x, axes=p.x.ndim - 1, eps=p.eps)


@law("NORM-8", instance_norms(batch=SOME))
def test_a_group_for_each_channel_is_instance_norm(f: Any, p: Any) -> Any:
    """With as many groups as channels gn(x) = in(x)."""
    return f.group_norm(*p.arrays, groups=p.x.shape[1], eps=p.eps), f.instance_norm(*p.arrays, **p.options)


# -- what all of them have in common -------------------------------------------------------------------

TAME = ("normal", "integers", "repeated")  # kinds that stay away from the ends of the format
TRAINED = batch_norms(training=(True,), momentum=(0.5,), eps=(1.0,), kinds=TAME)


def _scaled(call: Any, p: Any) -> Any:
    return call(4 * p.x, *p.arrays[1:], **p.options | {"eps": 16 * p.eps}), call(*p.arrays, **p.options)


@law("NORM-3", TRAINED, verb=same_bits)
def test_scale_of_a_batch(f: Any, p: Any) -> Any:
    """bn(4x, 16 eps) = bn(x, eps) in training, to the bit."""
    return tuple(y[0] for y in _scaled(f.batch_norm, p))


@law("NORM-3", layer_norms(eps=(1.0,), samples=(1,), kinds=TAME), verb=same_bits)
def test_scale_of_a_sample(f: Any, p: Any) -> Any:
    """ln(4x, 16 eps) = ln(x, eps), to the bit."""
    return _scaled(f.layer_norm, p)


@law("NORM-3", group_norms(eps=(1.0,), kinds=TAME), verb=same_bits)
def test_scale_of_a_group(f: Any, p: Any) -> Any:
    """gn(4x, 16 eps) = gn(x, eps), to the bit."""
    return _scaled(f.group_norm, p)


@law("NORM-3", instance_norms(batch=SOME, eps=(1.0,), kinds=TAME), verb=same_bits)
def test_scale_of_a_channel(f: Any, p: Any) -> Any:
    """in(4x, 16 eps) = in(x, eps), to the bit."""
    return _scaled(f.instance_norm, p)


@law("NORM-3", rms_norms(eps=(1.0,), samples=(1,), kinds=TAME), verb=same_bits)
def test_scale_of_a_root_mean_square(f: Any, p: Any) -> Any:
    """rms(4x, 16 eps) = rms(x, eps), to the bit."""
    return _scaled(f.rms_norm, p)


@law("NORM-10", batch_norms(training=(True,), affine=("both",), shift=True))
def test_constant_channels_give_the_bias(f: Any, p: Any) -> Any:
    """Of one number c a channel, over and over, bn is beta in training."""
    x, *others = p.arrays
    y = f.batch_norm(np.broadcast_to(p.c, x.shape), *others, **p.options)[0]
    return y, np.broadcast_to(_by_channel(p.bias, x), x.shape)


@law("NORM-10", layer_norms(affine=("both",), shift=True))
def test_constant_samples_give_the_bias(f: Any, p: Any) -> Any:
    """Of one number c a sample, over and over, ln is beta."""
    x, *affine = p.arrays
    y = f.layer_norm(np.broadcast_to(p.c, x.shape), *affine, **p.options)
    return y, np.broadcast_to(wide(p.bias), x.shape)


@law("NORM-10", instance_norms(batch=SOME, affine=("both",), shift=True))
def test_constant_signals_give_the_bias(f: Any, p: Any) -> Any:
    """Of one number c for each channel of each sample, over and over, in is beta."""
    x, *affine = p.arrays
    y = f.instance_norm(np.broadcast_to(p.c, x.shape), *affine, **p.options)
    return y, np.broadcast_to(_by_channel(p.bias, x), x.shape)


FAR = 4096.0  # far above the spread, and the sum of it and a small integer is exact in float32


@law("NORM-11", batch_norms(training=(True,), affine=("neither",), eps=(1.0,), kinds=("integers",)))
def test_a_batch_far_from_zero(f: Any, p: Any) -> Any:
    """bn(x + 4096) = bn(x) for small integers x, in training: a variance in two passes loses nothing."""
    x, *others = p.arrays
    return f.batch_norm(x + FAR, *others, **p.options)[0], f.batch_norm(x, *others, **p.options)[0]


@law("NORM-11", layer_norms(affine=("neither",), eps=(1.0,), kinds=("integers",)))
def test_a_sample_far_from_zero(f: Any, p: Any) -> Any:
    """ln(x + 4096) = ln(x) for small integers x."""
    return f.layer_norm(p.x + FAR, **p.options), f.layer_norm(p.x, **p.options)


@law("NORM-11", group_norms(affine=("neither",), eps=(1.0,), kinds=("integers",)))
def test_a_group_far_from_zero(f: Any, p: Any) -> Any:
    """gn(x + 4096) = gn(x) for small integers x."""
    return f.group_norm(p.x + FAR, **p.options), f.group_norm(p.x, **p.options)


@law("NORM-12", batch_norms(training=(True,)))
def test_evaluation_with_the_batch_is_training(f: Any, p: Any) -> Any:
    """bn with the batch's mean and biased variance as running statistics, in evaluation, = bn in training."""
    x, _, _, *affine = p.arrays
    mean = np.mean(x, axis=_axes(x))
    y = f.batch_norm(x, mean, _variance(x), *affine, **p.options | {"training": False})[0]
    return y, f.batch_norm(*p.arrays, **p.options)[0]


# -- gradients -----------------------------------------------------------------------------------------


def _orthogonal(g: Any, x: Any, weight: Any, cotangent: Any, over: Any, eps: float) -> Any:
    """Both sides of NORM-9 for one primitive: the sums of g and of g x_hat, and what they are.

    What is below 0 goes to the other side, so that what is compared is as large as its terms.
    """
    d = x - np.mean(x, axis=over, keepdims=True)
    v = np.mean(d * d, axis=over, keepdims=True)
    hat = d / np.sqrt(v + eps)
    h = cotangent if weight is None else weight * cotangent
    along = np.sum(h * hat, axis=over, keepdims=True)
    above, below = (
        [np.sum(np.maximum(z, 0.0), axis=over, keepdims=True) for z in (s * g, s * g * hat)] for s in (1, -1)
    )
    return tuple(above), (below[0], along * eps / ((v + eps) * np.sqrt(v + eps)) + below[1])


@law("NORM-9", differentiated(batch_norms(training=(True,), kinds=TAME)))
def test_gradient_of_a_batch(f: Any, p: Any) -> Any:
    """In training sum g = 0, and <g, x_hat> = eps (v + eps)^(-3/2) <gamma y_bar, x_hat>, for each channel."""
    g = f.gradient("batch_norm", p.cotangent, *p.arrays, by="x", **p.options)
    gamma = None if p.weight is None else _by_channel(p.weight, p.x)
    return _orthogonal(g, wide(p.x), gamma, wide(p.cotangent), _axes(p.x), p.eps)


@law("NORM-9", differentiated(layer_norms(kinds=TAME)))
def test_gradient_of_a_sample(f: Any, p: Any) -> Any:
    """As of a batch, for each sample."""
    g = f.gradient("layer_norm", p.cotangent, *p.arrays, by="x", **p.options)
    gamma = None if p.weight is None else wide(p.weight)
    return _orthogonal(g, wide(p.x), gamma, wide(p.cotangent), _last(p), p.eps)


@law("NORM-9", differentiated(group_norms(kinds=TAME)))
def test_gradient_of_a_group(f: Any, p: Any) -> Any:
    """As of a batch, for each group of each sample."""
    g = f.gradient("group_norm", p.cotangent, *p.arrays, by="x", **p.options)
    h = wide(p.cotangent) if p.weight is None else _by_channel(p.weight, p.x) * wide(p.cotangent)
    g, x, h = (_grouped(z, p) for z in (g, wide(p.x), h))
    return _orthogonal(g, x, None, h, (2, 3), p.eps)


@law("NORM-9", differentiated(instance_norms(batch=SOME, kinds=TAME)))
def test_gradient_of_a_channel(f: Any, p: Any) -> Any:
    """As of a batch, for each channel of each sample."""
    g = f.gradient("instance_norm", p.cotangent, *p.arrays, by="x", **p.options)
    gamma = None if p.weight is None else _by_channel(p.weight, p.x)
    return _orthogonal(g, wide(p.x), gamma, wide(p.cotangent), tuple(range(2, p.x.ndim)), p.eps)


@law("NORM-9", differentiated(rms_norms(kinds=TAME)))
def test_gradient_of_a_root_mean_square(f: Any, p: Any) -> Any:
    """<g, x_hat> = eps (v + eps)^(-3/2) <gamma y_bar, x_hat> for the mean square v; the sum of g is anything."""
    g = f.gradient("rms_norm", p.cotangent, *p.arrays, by="x", **p.options)
    x, h = wide(p.x), wide(p.cotangent) if p.weight is None else wide(p.weight) * wide(p.cotangent)
    v = np.mean(x * x, axis=_last(p), keepdims=True)
    hat = x / np.sqrt(v + p.eps)
    along = np.sum(h * hat, axis=_last(p), keepdims=True)
    return np.sum(g * hat, axis=_last(p), keepdims=True), along * p.eps / ((v + p.eps) * np.sqrt(v + p.eps))


@law("NORM-13", differentiated(batch_norms(training=(False,))))
def test_gradient_in_evaluation(f: Any, p: Any) -> Any:
    """In evaluation g = gamma / sqrt(running variance + eps) y_bar, number by number."""
    g = f.gradient("batch_norm", p.cotangent, *p.arrays, by="x", **p.options)
    slope = 1 / np.sqrt(_by_channel(p.running_var, p.x) + p.eps)
    slope = slope if p.weight is None else slope * _by_channel(p.weight, p.x)
    return g, slope * wide(p.cotangent)
