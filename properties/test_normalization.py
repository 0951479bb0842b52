"""Laws of batch and layer normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.law import law
from properties.sides import wide
from properties.strategies import batch_norms, layer_norms


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
